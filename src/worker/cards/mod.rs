//! Makes Slack tell what is true of one request, or of all parts of a bundle, which share a card: the
//! copies of the card (`copies`), the story in its thread, the messages to the holder (`holder`),
//! what others are told (`others`), who was skipped (`skipped`), and what the people who run the bot are (`admins`). Everything is rendered from the database at this moment,
//! so doing it twice, late or out of order is harmless.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use self::beside::Beside;
use super::Worker;
use super::deliver::Done;
use super::slack_trouble::TRIES;
use crate::domain::{
    Event, GrantState, PersonId, Request, RequestId, RequestState, RevokeCause, Terms,
};
use crate::engine::EngineError;
use crate::slack::client::SlackFault;
use crate::slack::view::text::trouble as words;
use crate::slack::view::{Content, Faces, story};
use crate::store::ledger::Entry;
use crate::store::outbox::Claim;
use crate::store::slack::{CardKind, PostedCard, Telling};
use crate::store::{Store, StoreError};

mod admins;
mod beside;
mod called;
mod copies;
mod holder;
mod others;
mod skipped;

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

/// One request, or the parts of a bundle, with all that is to be told of it.
struct Telltale<'a> {
    worker: &'a Worker,
    /// The request whose card it is; it is the first part.
    id: RequestId,
    /// Never empty.
    parts: Vec<Request>,
    faces: Faces,
    entries: Vec<Entry>,
    cards: Vec<PostedCard>,
    telling: Telling,
    beside: Beside,
    now: DateTime<Utc>,
    /// Whether what Slack answers in unknown words is not tried again.
    last_try: bool,
}

impl Worker {
    /// Tells all parts of it, each as far as Slack lets it; what Slack refuses for now is tried
    /// again, and a part that fails does not keep the others from being told.
    pub(super) async fn sync_card(
        &self,
        claim: &Claim,
        id: RequestId,
    ) -> Result<Done, EngineError> {
        let Some(mut tale) = Telltale::read(self, claim, id).await? else {
            self.engine.report(claim, &[]).await?;
            return Ok(Done::Settled);
        };
        let mut again = None;
        for told in [
            tale.tell_admins().await,
            tale.place().await,
            tale.tell_skipped().await,
            tale.tell_story().await,
            tale.tell_everybody().await,
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
            Some(fault) => {
                let about = words::card_of(tale.lead().number);
                self.try_again(claim, &fault, &about).await
            }
        }
    }
}

impl<'a> Telltale<'a> {
    async fn read(
        worker: &'a Worker,
        claim: &Claim,
        id: RequestId,
    ) -> Result<Option<Self>, StoreError> {
        let store = worker.engine.store();
        let parts = store.parts_of(id).await?;
        let ids: Vec<RequestId> = parts.iter().map(|part| part.id).collect();
        let entries = store.story_of(&ids).await?;
        // After the entries, so that every request is as it is after what is told of it, or later.
        let parts = store.parts_of(id).await?;
        if parts.is_empty() {
            return Ok(None);
        }
        let people = store.people(&people_in(&parts, &entries)).await?;
        let now = worker.engine.now().await?;
        Ok(Some(Self {
            worker,
            id,
            faces: Faces::of(people.values()),
            cards: store.cards_of(id).await?,
            telling: store.telling(id).await?,
            beside: Beside::read(store, &parts, now).await?,
            now,
            last_try: TRIES <= claim.tries(),
            parts,
            entries,
        }))
    }

    /// Whether nothing is gained by trying again: there has to be another way.
    fn gives_up_on(&self, fault: &SlackFault) -> bool {
        match fault {
            SlackFault::Unknown(_) => self.last_try,
            fault => !fault.is_worth_waiting(),
        }
    }

    /// Goes on without what Slack refused; what nobody knows is shown to the people who run the bot.
    async fn go_without(&self, fault: &SlackFault) -> Result<(), StoreError> {
        let about = words::card_of(self.lead().number);
        self.worker.show_unknown(fault, &about).await
    }

    /// The first part: the request itself, where it is no bundle.
    fn lead(&self) -> &Request {
        &self.parts[0]
    }

    fn is_bundle(&self) -> bool {
        self.lead().bundle.is_some()
    }

    fn part(&self, id: Option<RequestId>) -> &Request {
        let part = self.parts.iter().find(|part| Some(part.id) == id);
        part.unwrap_or(self.lead())
    }

    /// Whether somebody may still decide on some of it.
    fn waits(&self) -> bool {
        let waits = |part: &Request| matches!(part.state, RequestState::Pending { .. });
        self.parts.iter().any(waits)
    }

    /// Whether nothing of it can change any more.
    fn is_over(&self) -> bool {
        let over = |part: &Request| {
            let review = part.review();
            part.is_over() && review.is_none_or(|review| review.done.is_some())
        };
        self.parts.iter().all(over)
    }

    // -- the story --

    /// Tells in the thread what happened since it was told last.
    async fn tell_story(&mut self) -> Result<(), Trouble> {
        let after = self.telling.story_seq;
        let news = self.entries.iter().filter(|entry| after < entry.seq);
        let news: Vec<Entry> = news.cloned().collect();
        let Some(last) = news.last().map(|entry| entry.seq) else {
            return Ok(());
        };
        let parts = self.as_called_for(&news).await?;
        let told = news.iter().map(|entry| self.news(entry, &parts));
        let told: Vec<story::News<'_>> = told.collect();
        let lines = story::lines(&told, self.parts.len(), &self.faces);
        if !lines.is_empty() {
            self.reply_in_thread(&Content::lines(&lines)).await?;
        }
        self.telling.story_seq = last;
        Ok(self.keep_telling().await?)
    }

    fn news<'t>(&'t self, entry: &'t Entry, parts: &'t [Request]) -> story::News<'t> {
        let part = parts.iter().find(|part| Some(part.id) == entry.request);
        story::News {
            event: &entry.what,
            at: entry.at,
            request: part.unwrap_or(self.lead()),
            before: self.terms_before(entry),
            kept: self.beside.kept(self.part(entry.request)),
        }
    }

    /// The terms that the request had before that.
    fn terms_before(&self, entry: &Entry) -> Option<&Terms> {
        let earlier = self.entries.iter().rev();
        let mut earlier =
            earlier.filter(|known| known.seq < entry.seq && known.request == entry.request);
        earlier.find_map(|known| match &known.what {
            Event::Requested { request } => Some(&request.terms),
            Event::TermsTightened { terms, .. } => Some(&**terms),
            _ => None,
        })
    }

    async fn keep_telling(&self) -> Result<(), StoreError> {
        self.store().keep_telling(self.id, &self.telling).await
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
            Err(fault) if self.gives_up_on(&fault) => {
                tracing::warn!(request.id = %self.id, %fault, "the thread cannot be written to");
                Ok(self.go_without(&fault).await?)
            }
            Err(fault) => Err(fault.into()),
        }
    }

    /// A link to the card, where there is one: as Slack tells it, else as Slack would make it.
    async fn card_link(&self) -> Option<String> {
        let card = self.cards.iter().find(|card| card.kind == CardKind::Card)?;
        let places = self.store().places_of(&[self.id]).await.ok()?;
        let known = places.into_values().next();
        let known = known.filter(|place| place.ts == card.ts && place.channel == card.channel);
        if let Some(link) = known.and_then(|place| place.permalink) {
            return Some(link);
        }
        let slack = &self.worker.slack;
        let Ok(link) = slack.permalink(&card.channel, &card.ts).await else {
            let message = (card.channel.as_str(), card.ts.as_str());
            return slack.composed_permalink(message, None).await;
        };
        // Where it cannot be kept, Slack is asked again.
        let _ = self
            .store()
            .keep_permalink(&card.channel, &card.ts, &link)
            .await;
        Some(link)
    }

    fn slack_user(&self, person: PersonId) -> Option<String> {
        let face = self.faces.0.get(&person)?;
        face.slack_user.clone()
    }

    fn store(&self) -> &Store {
        self.worker.engine.store()
    }
}

/// News that is old by now helps nobody, as after a time in which Slack was down: who was asked once
/// it is decided, or that access is there once it is not.
fn is_stale(event: &Event, request: &Request) -> bool {
    let state = request.grant().map(|grant| &grant.state);
    match event {
        Event::Requested { .. } => !matches!(request.state, RequestState::Pending { .. }),
        Event::RequestApproved { .. } => !matches!(state, Some(GrantState::Scheduled { .. })),
        Event::GrantActivated { .. } | Event::HolderReminded => {
            !matches!(state, Some(GrantState::Active { .. }))
        }
        _ => false,
    }
}

/// Everybody whose name the cards, the story or the messages may need.
fn people_in(parts: &[Request], entries: &[Entry]) -> BTreeSet<PersonId> {
    let mut people = BTreeSet::new();
    for part in parts {
        people.extend(part.roster.groups.values().flatten());
        people.extend(part.own());
        people.extend(part.approvals().iter().map(|given| given.by.person));
    }
    for entry in entries {
        match &entry.what {
            Event::ApprovalGiven { by, .. } => {
                people.insert(by.person);
            }
            Event::RequestDenied { by, .. }
            | Event::RemovalRetried { by }
            | Event::RemovalResolved { by, .. }
            | Event::CredentialsIssued { by }
            | Event::GrantRetried { by }
            | Event::ReviewCompleted { by, .. }
            | Event::RevocationBegun {
                cause: RevokeCause::Revoked { by, .. },
                ..
            }
            | Event::StartWithdrawn {
                cause: RevokeCause::Revoked { by, .. },
            } => {
                people.insert(*by);
            }
            _ => {}
        }
    }
    people
}
