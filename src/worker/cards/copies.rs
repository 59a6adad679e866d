//! The copies of the card: in its channel, in the fallback channel, and in direct messages. All of
//! them show the same truth.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::{Telltale, Trouble};
use crate::domain::{PersonId, Request};
use crate::slack::client::SlackFault;
use crate::slack::view::{Content, card, dm, review_card, text};
use crate::store::StoreError;
use crate::store::slack::{CardKind, PostedCard};

impl Telltale<'_> {
    /// Puts the card where the policy wants it, or keeps every copy of it true.
    pub(super) async fn place(&mut self) -> Result<(), Trouble> {
        self.refresh().await?;
        if self.card_is_to_come() && self.telling.trouble.is_none() {
            let channel = self.lead().terms.channel.clone();
            match self.post_card(&channel, CardKind::Card, None).await {
                Err(Trouble::Slack(fault)) if self.gives_up_on(&fault) => {
                    self.go_without(&fault).await?;
                    self.note_trouble(fault.code()).await?;
                }
                posted => posted?,
            }
        }
        let Some(code) = self.telling.trouble.clone() else {
            return self.ask_elsewhere().await;
        };
        if self.card_is_to_come() {
            self.post_to_fallback(&code).await?;
        }
        self.ask_by_message().await
    }

    /// Whether there is no card in any channel yet and one is still worth posting.
    pub(super) fn card_is_to_come(&self) -> bool {
        let stands = self.cards.iter().any(|card| card.kind == CardKind::Card);
        !stands && !self.is_over()
    }

    /// Updates each copy that does not show what is true. A copy that is gone is forgotten; one that
    /// cannot be updated now stays known, and does not keep the others from being updated.
    async fn refresh(&mut self) -> Result<(), Trouble> {
        let (mut kept, mut failed) = (Vec::new(), None);
        for mut card in std::mem::take(&mut self.cards) {
            let content = self.content(card.kind, card.person);
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
                // Somebody is told of a break-glass access once, even where that message is gone.
                Err(SlackFault::MessageGone(_)) if self.told_of_glass(card.person) => {
                    card.content_hash = Some(hash);
                    self.keep(&card).await?;
                    kept.push(card);
                }
                Err(SlackFault::MessageGone(_)) => {
                    self.store().forget_card(&card.channel, &card.ts).await?;
                }
                Err(SlackFault::Channel(code)) => {
                    self.store().forget_card(&card.channel, &card.ts).await?;
                    if !self.is_over() && card.kind == CardKind::Card {
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
                let plain = self.plain((card.kind, card.person), &code);
                slack.update(&card.channel, &card.ts, &plain).await
            }
            updated => updated,
        }
    }

    /// What a copy of that kind shows. Somebody who has it as a message reads why.
    fn content(&self, kind: CardKind, person: Option<PersonId>) -> Content {
        let (parts, faces) = (&self.parts, &self.faces);
        if self.is_for_review(kind, person) {
            return review_card::of(parts, faces, self.now);
        }
        if kind != CardKind::Approver {
            return card::of(parts, faces, self.now);
        }
        match person {
            Some(person) if self.told_of_glass(Some(person)) => {
                dm::told_of_glass(parts, faces, self.now)
            }
            _ if !self.waits() => card::of(parts, faces, self.now),
            _ => match self.why_by_message() {
                Some(why) => dm::asked(parts, faces, self.now, &why),
                None => card::of(parts, faces, self.now),
            },
        }
    }

    /// Why approvers are asked by message.
    fn why_by_message(&self) -> Option<String> {
        let channel = &self.lead().terms.channel;
        match &self.telling.trouble {
            Some(code) => Some(text::channel_trouble(channel, code)),
            None if self.is_bundle() => Some(text::dm::asked_for_part(channel)),
            None => None,
        }
    }

    /// Whether somebody has the card because they were skipped, or are to look at it: nobody is asked
    /// for what broke the glass.
    fn told_of_glass(&self, person: Option<PersonId>) -> bool {
        let mut parts = self.parts.iter();
        person.is_some() && parts.any(|part| text::glass::glass(part).is_some())
    }

    /// The people who may look at it afterwards.
    pub(super) fn reviewers(&self) -> BTreeSet<PersonId> {
        self.parts.iter().flat_map(text::glass::reviewers).collect()
    }

    /// Whether a copy is about the look afterwards. Whoever may look at it has no other card, also
    /// where theirs was sent before there were such cards.
    fn is_for_review(&self, kind: CardKind, person: Option<PersonId>) -> bool {
        let is_theirs = |person| self.reviewers().contains(&person);
        let is_direct = kind == CardKind::Approver;
        kind == CardKind::Review || is_direct && person.is_some_and(is_theirs)
    }

    /// Whether the look afterwards is still to come, or was missed.
    pub(super) fn awaits_review(&self) -> bool {
        let mut reviews = self.parts.iter().filter_map(Request::review);
        reviews.any(|review| review.done.is_none())
    }

    /// Posts the card of the look afterwards where the card itself stands.
    pub(super) async fn post_review(&mut self) -> Result<(), Trouble> {
        let is_review = |card: &PostedCard| card.kind == CardKind::Review && card.person.is_none();
        if self.cards.iter().any(is_review) {
            return Ok(());
        }
        let Some(card) = self.cards.iter().find(|card| card.kind == CardKind::Card) else {
            return Ok(());
        };
        let channel = card.channel.clone();
        match self.post_card(&channel, CardKind::Review, None).await {
            Err(Trouble::Slack(fault)) if self.gives_up_on(&fault) => {
                tracing::warn!(request.id = %self.id, %fault, "a review is not shown in its channel");
                Ok(())
            }
            posted => posted,
        }
    }

    /// A card that Slack cannot find fault with, for when it found fault with the good one.
    fn plain(&self, (kind, person): (CardKind, Option<PersonId>), code: &str) -> Content {
        metrics::counter!("jit_cards_refused_total").increment(1);
        tracing::error!(request.id = %self.id, code, "Slack refused a card; a plain one is sent");
        if self.is_for_review(kind, person) {
            return review_card::fallback(&self.parts, &self.faces);
        }
        card::fallback(&self.parts, &self.faces, self.now)
    }

    async fn post_card(
        &mut self,
        to: &str,
        kind: CardKind,
        person: Option<PersonId>,
    ) -> Result<(), Trouble> {
        let content = self.content(kind, person);
        let slack = &self.worker.slack;
        let posted = match slack.post(to, &content, None).await {
            Err(SlackFault::BadContent(code)) => {
                let plain = self.plain((kind, person), &code);
                slack.post(to, &plain, None).await?
            }
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
        self.store().keep_card(self.id, card, self.now).await
    }

    // -- when the channel is lost --

    /// The channel cannot be written to: the request is not lost. The card goes to the fallback
    /// channel, whose thread says why, and the approvers are asked by message.
    async fn post_to_fallback(&mut self, code: &str) -> Result<(), Trouble> {
        let Some(fallback) = self.lead().terms.fallback_channel.clone() else {
            return Ok(());
        };
        match self.post_card(&fallback, CardKind::Card, None).await {
            Err(Trouble::Slack(fault)) if self.gives_up_on(&fault) => {
                tracing::error!(%fault, "the fallback channel cannot be written to either");
                return Ok(self.go_without(&fault).await?);
            }
            posted => posted?,
        }
        let asked: Vec<PersonId> = self.asked(|_| true).into_iter().collect();
        let why = text::channel_lost(&self.lead().terms.channel, code, &asked, &self.faces);
        self.reply_in_thread(&Content::line(&why)).await
    }

    async fn note_trouble(&mut self, code: &str) -> Result<(), StoreError> {
        metrics::counter!("jit_channels_lost_total").increment(1);
        tracing::error!(request.id = %self.id, channel = %self.lead().terms.channel, code,
            "the channel of a card cannot be written to; approvers are asked by message");
        self.telling.trouble = Some(code.to_owned());
        self.keep_telling().await
    }

    /// The people who are asked now for these parts: whoever can decide and for whom it is not quiet,
    /// in quiet times those who stand in. The others are once their quiet hours end.
    fn asked(&self, which: impl Fn(&Request) -> bool) -> BTreeSet<PersonId> {
        let asked = self.parts.iter().filter(|part| which(part));
        asked.flat_map(|part| part.awake(self.now)).collect()
    }

    /// Asks each person who may decide now and has no message yet.
    async fn ask_by_message(&mut self) -> Result<(), Trouble> {
        let asked = self.asked(|_| true);
        self.send_to(asked, CardKind::Approver).await?;
        let sleeping = |part: &Request| part.all_quiet_until(self.now).is_some();
        if self.cards.is_empty() && self.waits() && !self.parts.iter().any(sleeping) {
            let nobody = SlackFault::Transient("nobody could be asked".to_owned());
            return Err(Trouble::Slack(nobody));
        }
        Ok(())
    }

    /// The card of a bundle stands in the channel of its first part. Who decides on a part that the
    /// policy sends to another channel may not be in that one, and is asked by message.
    async fn ask_elsewhere(&mut self) -> Result<(), Trouble> {
        let here = self.lead().terms.channel.clone();
        let asked = self.asked(|part| part.terms.channel != here);
        self.send_to(asked, CardKind::Approver).await
    }

    /// Sends a card to each of these people who has no message yet.
    pub(super) async fn send_to(
        &mut self,
        people: BTreeSet<PersonId>,
        kind: CardKind,
    ) -> Result<(), Trouble> {
        let known: BTreeSet<PersonId> = self.cards.iter().filter_map(|card| card.person).collect();
        let mut failed = None;
        for person in people.difference(&known) {
            let Some(user) = self.slack_user(*person) else {
                continue;
            };
            let posting = self.post_card(&user, kind, Some(*person));
            match posting.await {
                Err(Trouble::Slack(fault)) if self.gives_up_on(&fault) => {
                    tracing::warn!(person.id = %person, %fault, "somebody cannot be written to");
                    self.go_without(&fault).await?;
                }
                // The others do not wait for this one.
                Err(Trouble::Slack(fault)) => failed = failed.or(Some(fault)),
                posted => posted?,
            }
        }
        failed.map_or(Ok(()), |fault| Err(fault.into()))
    }
}

fn hash(content: &Content) -> Vec<u8> {
    let json = serde_json::to_vec(&(&content.text, &content.blocks)).unwrap_or_default();
    Sha256::digest(json).to_vec()
}
