//! Makes Slack tell what is true of one request: its cards, the story in the card's thread, and the
//! messages to the person who asked. Everything is rendered from the database at this moment, so
//! doing it twice, late or out of order is harmless.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use super::Worker;
use super::deliver::Done;
use crate::domain::{Event, GrantState, PersonId, Request, RequestId, RequestState};
use crate::engine::EngineError;
use crate::slack::client::SlackFault;
use crate::slack::view::{Content, Faces, card, dm, story, text};
use crate::store::StoreError;
use crate::store::ledger::Entry;
use crate::store::outbox::Claim;
use crate::store::slack::{CardKind, PostedCard, Telling};

/// The longest wait before Slack is asked again.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// Why a part of the telling did not happen.
enum Trouble {
    Slack(SlackFault),
    Store(StoreError),
}

impl From<SlackFault> for Trouble {
    fn from(fault: SlackFault) -> Self {
        Self::Slack(fault)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// One request with all that is to be told of it.
struct Telltale<'a> {
    worker: &'a Worker,
    request: Request,
    faces: Faces,
    entries: Vec<Entry>,
    cards: Vec<PostedCard>,
    telling: Telling,
    now: DateTime<Utc>,
}

impl Worker {
    /// Tells the three parts, each as far as Slack lets it; what Slack refuses for now is tried
    /// again, and a part that fails does not keep the others from being told.
    pub(super) async fn sync_card(
        &self,
        claim: &Claim,
        id: RequestId,
    ) -> Result<Done, EngineError> {
        let Some(mut tale) = Telltale::read(self, id).await? else {
            self.engine.report(claim, &[]).await?;
            return Ok(Done::Settled);
        };
        let mut again = None;
        for told in [
            tale.place().await,
            tale.tell_story().await,
            tale.tell_holder().await,
        ] {
            match told {
                Ok(()) => {}
                Err(Trouble::Slack(fault)) => again = again.or(Some(fault)),
                Err(Trouble::Store(error)) => return Err(error.into()),
            }
        }
        match again {
            None => {
                self.engine.report(claim, &[]).await?;
                Ok(Done::Settled)
            }
            Some(fault) => Ok(Done::Again(fault.to_string(), wait_for(&fault))),
        }
    }
}

/// How long Slack itself asks to wait; otherwise the usual backoff decides.
pub(super) fn wait_for(fault: &SlackFault) -> Option<TimeDelta> {
    match fault {
        SlackFault::RateLimited { retry_after } => {
            TimeDelta::from_std((*retry_after).min(LONGEST_WAIT)).ok()
        }
        _ => None,
    }
}

impl<'a> Telltale<'a> {
    async fn read(worker: &'a Worker, id: RequestId) -> Result<Option<Self>, StoreError> {
        let store = worker.engine.store();
        let Some(request) = store.request(id).await? else {
            return Ok(None);
        };
        let entries = store.ledger_of(id, 0).await?;
        let people = store.people(&people_in(&request, &entries)).await?;
        Ok(Some(Self {
            worker,
            faces: Faces::of(people.values()),
            cards: store.cards_of(id).await?,
            telling: store.telling(id).await?,
            now: worker.engine.now().await?,
            request,
            entries,
        }))
    }

    // -- the cards --

    /// Puts the card where the policy wants it, or keeps every copy of it true.
    async fn place(&mut self) -> Result<(), Trouble> {
        self.refresh().await?;
        if self.card_is_to_come() && self.telling.trouble.is_none() {
            let channel = self.request.terms.channel.clone();
            match self.post_card(&channel, CardKind::Card, None).await {
                Err(Trouble::Slack(SlackFault::Channel(code))) => self.note_trouble(&code).await?,
                posted => posted?,
            }
        }
        let Some(code) = self.telling.trouble.clone() else {
            return Ok(());
        };
        if self.card_is_to_come() {
            self.post_to_fallback(&code).await?;
        }
        self.ask_by_message().await
    }

    /// Whether there is no card in any channel yet and one is still worth posting.
    fn card_is_to_come(&self) -> bool {
        let stands = self.cards.iter().any(|card| card.kind == CardKind::Card);
        !stands && !self.request.is_over()
    }

    /// Updates each copy that does not show what is true. A copy that is gone is forgotten; one that
    /// cannot be updated now stays known, and does not keep the others from being updated.
    async fn refresh(&mut self) -> Result<(), Trouble> {
        let (mut kept, mut failed) = (Vec::new(), None);
        for mut card in std::mem::take(&mut self.cards) {
            let content = self.content(card.kind);
            let hash = hash(&content);
            if card.content_hash.as_ref() == Some(&hash) {
                kept.push(card);
                continue;
            }
            match self.update(&card, &content).await {
                Ok(()) => {
                    card.content_hash = Some(hash);
                    self.keep(&card).await?;
                    kept.push(card);
                }
                Err(SlackFault::MessageGone(_)) => {
                    self.store().forget_card(&card.channel, &card.ts).await?;
                }
                Err(SlackFault::Channel(code)) => {
                    self.store().forget_card(&card.channel, &card.ts).await?;
                    if !self.request.is_over() && card.kind == CardKind::Card {
                        self.note_trouble(&code).await?;
                    }
                }
                Err(fault) => {
                    kept.push(card);
                    failed = failed.or(Some(fault));
                }
            }
        }
        self.cards = kept;
        failed.map_or(Ok(()), |fault| Err(fault.into()))
    }

    async fn update(&self, card: &PostedCard, content: &Content) -> Result<(), SlackFault> {
        let slack = &self.worker.slack;
        match slack.update(&card.channel, &card.ts, content).await {
            Err(SlackFault::BadContent(code)) => {
                let plain = self.plain(&code);
                slack.update(&card.channel, &card.ts, &plain).await
            }
            updated => updated,
        }
    }

    /// What a copy of that kind shows. An approver who is asked by message reads why.
    fn content(&self, kind: CardKind) -> Content {
        let waits = matches!(self.request.state, RequestState::Pending { .. });
        match &self.telling.trouble {
            Some(code) if kind == CardKind::Approver && waits => {
                let why = text::channel_trouble(&self.request.terms.channel, code);
                dm::asked(&self.request, &self.faces, self.now, &why)
            }
            _ => card::card(&self.request, &self.faces, self.now),
        }
    }

    /// A card that Slack cannot find fault with, for when it found fault with the good one.
    fn plain(&self, code: &str) -> Content {
        metrics::counter!("jit_cards_refused_total").increment(1);
        tracing::error!(request.id = %self.request.id, code, "Slack refused a card; a plain one is sent");
        card::fallback(&self.request, &self.faces, self.now)
    }

    async fn post_card(
        &mut self,
        to: &str,
        kind: CardKind,
        person: Option<PersonId>,
    ) -> Result<(), Trouble> {
        let content = self.content(kind);
        let slack = &self.worker.slack;
        let posted = match slack.post(to, &content, None).await {
            Err(SlackFault::BadContent(code)) => slack.post(to, &self.plain(&code), None).await?,
            posted => posted?,
        };
        let content_hash = Some(hash(&content));
        let card = PostedCard {
            channel: posted.channel,
            ts: posted.ts,
            kind,
            person,
            content_hash,
        };
        self.keep(&card).await?;
        self.cards.push(card);
        Ok(())
    }

    async fn keep(&self, card: &PostedCard) -> Result<(), StoreError> {
        self.store()
            .keep_card(self.request.id, card, self.now)
            .await
    }

    // -- when the channel is lost --

    /// The channel cannot be written to: the request is not lost. The card goes to the fallback
    /// channel, whose thread says why, and the approvers are asked by message.
    async fn post_to_fallback(&mut self, code: &str) -> Result<(), Trouble> {
        let Some(fallback) = self.request.terms.fallback_channel.clone() else {
            return Ok(());
        };
        match self.post_card(&fallback, CardKind::Card, None).await {
            Err(Trouble::Slack(fault)) if !fault.is_passing() => {
                tracing::error!(%fault, "the fallback channel cannot be written to either");
                return Ok(());
            }
            posted => posted?,
        }
        let asked: Vec<PersonId> = self.eligible().into_iter().collect();
        let why = text::channel_lost(&self.request.terms.channel, code, &asked, &self.faces);
        self.reply_in_thread(&Content::line(&why)).await
    }

    async fn note_trouble(&mut self, code: &str) -> Result<(), StoreError> {
        metrics::counter!("jit_channels_lost_total").increment(1);
        tracing::error!(request.id = %self.request.id, channel = %self.request.terms.channel, code,
            "the channel of a card cannot be written to; approvers are asked by message");
        self.telling.trouble = Some(code.to_owned());
        self.store()
            .keep_telling(self.request.id, &self.telling)
            .await
    }

    /// The people who could decide on the step that is asked now, when it was asked.
    fn eligible(&self) -> BTreeSet<PersonId> {
        let step = self.request.current_step();
        step.map(|step| self.request.roster.eligible(step, &self.request.own()))
            .unwrap_or_default()
    }

    /// Asks each person who may decide now and has no message yet.
    async fn ask_by_message(&mut self) -> Result<(), Trouble> {
        let asked: BTreeSet<PersonId> = self.cards.iter().filter_map(|card| card.person).collect();
        for person in self.eligible().difference(&asked) {
            let face = self
                .faces
                .0
                .get(person)
                .and_then(|face| face.slack_user.clone());
            let Some(user) = face else { continue };
            match self
                .post_card(&user, CardKind::Approver, Some(*person))
                .await
            {
                Err(Trouble::Slack(fault)) if !fault.is_passing() => {
                    tracing::warn!(person.id = %person, %fault, "an approver cannot be written to");
                }
                posted => posted?,
            }
        }
        if self.cards.is_empty() && self.request.current_step().is_some() {
            let nobody = SlackFault::Transient("nobody could be asked".to_owned());
            return Err(Trouble::Slack(nobody));
        }
        Ok(())
    }

    // -- the story --

    /// Tells in the thread what happened since it was told last.
    async fn tell_story(&mut self) -> Result<(), Trouble> {
        let news: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| self.telling.story_seq < entry.seq)
            .collect();
        let Some(last) = news.last().map(|entry| entry.seq) else {
            return Ok(());
        };
        let lines: Vec<String> = news
            .iter()
            .filter_map(|entry| story::line(&entry.what, entry.at, &self.request, &self.faces))
            .collect();
        if !lines.is_empty() {
            self.reply_in_thread(&Content::line(&lines.join("\n")))
                .await?;
        }
        self.telling.story_seq = last;
        Ok(self
            .store()
            .keep_telling(self.request.id, &self.telling)
            .await?)
    }

    /// What it means that there is no thread: it is to come, or, where no channel takes a card,
    /// nothing is said.
    fn no_thread(&self) -> Result<(), Trouble> {
        if self.card_is_to_come() && self.telling.trouble.is_none() {
            let soon = SlackFault::Transient("the card does not stand yet".to_owned());
            return Err(soon.into());
        }
        Ok(())
    }

    /// Replies below the card.
    async fn reply_in_thread(&self, content: &Content) -> Result<(), Trouble> {
        let Some(card) = self.cards.iter().find(|card| card.kind == CardKind::Card) else {
            return self.no_thread();
        };
        match self
            .worker
            .slack
            .post(&card.channel, content, Some(&card.ts))
            .await
        {
            Ok(_) => Ok(()),
            Err(fault) if fault.is_passing() || matches!(fault, SlackFault::Admin(_)) => {
                Err(fault.into())
            }
            Err(fault) => {
                tracing::warn!(request.id = %self.request.id, %fault, "the thread cannot be written to");
                Ok(())
            }
        }
    }

    // -- the person who asked --

    /// Tells the person who asked what they have to know; where no message reaches them, in the
    /// thread.
    async fn tell_holder(&mut self) -> Result<(), Trouble> {
        let news: Vec<Entry> = self
            .entries
            .iter()
            .filter(|entry| self.telling.notice_seq < entry.seq)
            .cloned()
            .collect();
        if news.is_empty() {
            return Ok(());
        }
        let link = self.card_link().await;
        for entry in news {
            if !self.is_stale(&entry.what) {
                self.notify(&entry, link.as_deref()).await?;
            }
            self.telling.notice_seq = entry.seq;
            self.store()
                .keep_telling(self.request.id, &self.telling)
                .await?;
        }
        Ok(())
    }

    /// News that is old by now helps nobody, as after a time in which Slack was down: who was asked
    /// once it is decided, or that access is there once it is not.
    fn is_stale(&self, event: &Event) -> bool {
        let state = self.request.grant().map(|grant| &grant.state);
        match event {
            Event::Requested { .. } => !matches!(self.request.state, RequestState::Pending { .. }),
            Event::GrantActivated { .. } | Event::HolderReminded => {
                !matches!(state, Some(GrantState::Active { .. }))
            }
            _ => false,
        }
    }

    async fn notify(&self, entry: &Entry, link: Option<&str>) -> Result<(), Trouble> {
        let notice = dm::notice(&entry.what, entry.at, &self.request, &self.faces, link);
        let Some(content) = notice else { return Ok(()) };
        let holder = self.faces.0.get(&self.request.requester);
        let sent = match holder.and_then(|face| face.slack_user.as_deref()) {
            Some(user) => self
                .worker
                .slack
                .post(user, &content, None)
                .await
                .map(|_| ()),
            None => Err(SlackFault::Unreachable("no Slack user".to_owned())),
        };
        match sent {
            Ok(()) => Ok(()),
            Err(SlackFault::Unreachable(code)) => {
                tracing::warn!(request.id = %self.request.id, code, "told in the thread instead");
                let told = text::told_in_thread(
                    &self.faces.mention(self.request.requester),
                    &content.text,
                );
                self.reply_in_thread(&Content::line(&told)).await
            }
            Err(fault) => Err(fault.into()),
        }
    }

    /// A link to the card, where there is one and Slack tells it.
    async fn card_link(&self) -> Option<String> {
        let card = self.cards.iter().find(|card| card.kind == CardKind::Card)?;
        self.worker
            .slack
            .permalink(&card.channel, &card.ts)
            .await
            .ok()
    }

    fn store(&self) -> &crate::store::Store {
        self.worker.engine.store()
    }
}

/// Everybody whose name the cards, the story or the messages may need.
fn people_in(request: &Request, entries: &[Entry]) -> BTreeSet<PersonId> {
    let mut people: BTreeSet<PersonId> =
        request.roster.groups.values().flatten().copied().collect();
    people.extend([request.requester, request.access.person]);
    people.extend(
        request
            .approvals()
            .iter()
            .map(|approval| approval.by.person),
    );
    for entry in entries {
        match &entry.what {
            Event::ApprovalGiven { by, .. } => {
                people.insert(by.person);
            }
            Event::RequestDenied { by, .. }
            | Event::CredentialsIssued { by }
            | Event::GrantRetried { by }
            | Event::ReviewCompleted { by, .. }
            | Event::DecisionRefused { by, .. }
            | Event::RevocationBegun {
                cause: crate::domain::RevokeCause::Revoked { by, .. },
                ..
            } => {
                people.insert(*by);
            }
            _ => {}
        }
    }
    people
}

fn hash(content: &Content) -> Vec<u8> {
    let json = serde_json::to_vec(&(&content.text, &content.blocks)).unwrap_or_default();
    Sha256::digest(json).to_vec()
}
