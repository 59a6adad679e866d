//! Sends digests that were claimed. What they tell is read when they are sent, so a digest that
//! waited for Slack tells what is true by then.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::Worker;
use super::deliver::Done;
use super::slack_trouble::{TRIES, again};
use crate::directory::DirectoryFault;
use crate::domain::digest::{Audience, Digest, Item, News};
use crate::domain::{GroupName, PersonId};
use crate::engine::EngineError;
use crate::slack::client::SlackFault;
use crate::slack::view::text::trouble;
use crate::slack::view::{Content, Faces, digest as view};
use crate::store::StoreError;
use crate::store::digests::news::Wanted;
use crate::store::digests::{DigestOutcome, WaitingDigest};
use crate::store::outbox::Claim;

/// How many of a section get a link to their card: each costs a call.
const LINKED: usize = 10;

/// Why a digest was not sent now.
enum Trouble {
    /// It is to be tried again.
    Again(Done),
    Store(StoreError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<DirectoryFault> for Trouble {
    fn from(fault: DirectoryFault) -> Self {
        match fault {
            DirectoryFault::Store(error) => Self::Store(error),
            fault => Self::Again(Done::Again(fault.to_string(), None)),
        }
    }
}

impl From<SlackFault> for Trouble {
    fn from(fault: SlackFault) -> Self {
        Self::Again(again(&fault))
    }
}

/// Where a digest goes, and of which resources it tells: none for all.
struct Address {
    to: String,
    audience: Audience,
    resources: Option<Vec<String>>,
}

impl Worker {
    /// Sends a digest that still waits. The first message that Slack confirms settles it; where no
    /// answer came it is sent again, so that a reader may get it twice and never not at all.
    pub(super) async fn send_digest(&self, claim: &Claim, id: Uuid) -> Result<Done, EngineError> {
        if let Some(waiting) = self.engine.store().waiting_digest(claim, id).await? {
            let outcome = match self.tell(&waiting, TRIES <= claim.tries()).await {
                Ok(outcome) => outcome,
                Err(Trouble::Again(again)) => return Ok(again),
                Err(Trouble::Store(error)) => return Err(error.into()),
            };
            if outcome == DigestOutcome::Sent {
                metrics::counter!("jit_digests_sent_total").increment(1);
            }
            let now = self.engine.now().await?;
            self.engine.store().settle_digest(id, outcome, now).await?;
        }
        self.engine.report(claim, &[]).await?;
        Ok(Done::Settled)
    }

    async fn tell(
        &self,
        waiting: &WaitingDigest,
        last_try: bool,
    ) -> Result<DigestOutcome, Trouble> {
        let address = match waiting.person {
            Some(person) => self.address_of(waiting, person).await?,
            None => self.channel_of(waiting),
        };
        let address = match address {
            Ok(address) => address,
            Err(outcome) => return Ok(outcome),
        };
        let now = self.engine.now().await?;
        let wanted = Wanted {
            resources: address.resources,
            from: waiting.from,
            until: waiting.until,
            ahead: waiting.ahead_until,
        };
        let mut news = self.engine.store().digest_news(&wanted, now).await?;
        let owns_nothing = wanted.resources.is_some_and(|names| names.is_empty());
        if owns_nothing || news.is_empty() {
            return Ok(DigestOutcome::Quiet);
        }
        self.link(&mut news).await?;
        let people = self.engine.store().people(&people_in(&news)).await?;
        let digest = Digest {
            name: waiting.digest.clone(),
            from: waiting.from,
            until: waiting.until,
            ahead: waiting.ahead_until,
            to: address.audience,
            news,
        };
        let faces = Faces::of(people.values());
        match self.post(&address.to, &digest, &faces).await {
            Ok(()) => Ok(DigestOutcome::Sent),
            Err(SlackFault::Unknown(code)) if !last_try => Err(SlackFault::Unknown(code).into()),
            Err(fault) if fault.is_worth_waiting() => Err(fault.into()),
            Err(fault) => {
                tracing::error!(digest = digest.name, %fault, "a digest cannot be sent there");
                let about = trouble::digest_called(&digest.name);
                self.show_unknown(&fault, &about).await?;
                Ok(DigestOutcome::Unreachable)
            }
        }
    }

    /// Where a channel's digest goes, if the policy still wants it there.
    fn channel_of(&self, waiting: &WaitingDigest) -> Result<Address, DigestOutcome> {
        let policy = self.engine.policy();
        let digest = policy.digest(&waiting.digest);
        let digest = digest.filter(|digest| digest.channel() == Some(&waiting.reader));
        let digest = digest.ok_or(DigestOutcome::Dropped)?;
        let resources = policy.digest_resources(digest, &BTreeSet::new());
        Ok(Address {
            to: waiting.reader.clone(),
            audience: Audience::Channel,
            resources: resources.map(|names| names.iter().map(ToString::to_string).collect()),
        })
    }

    /// Where a person's digest goes, and what they may be told by now.
    async fn address_of(
        &self,
        waiting: &WaitingDigest,
        person: PersonId,
    ) -> Result<Result<Address, DigestOutcome>, Trouble> {
        let policy = self.engine.policy();
        let Some(digest) = policy.digest(&waiting.digest) else {
            return Ok(Err(DigestOutcome::Dropped));
        };
        let team = self.directory.team().await?;
        let person = self.engine.store().person(person).await?;
        let Some(person) = person else {
            return Ok(Err(DigestOutcome::Unreachable));
        };
        let Some(user) = person.slack_user(&team) else {
            tracing::warn!(
                digest = waiting.digest,
                "a reader has no account in Slack any more"
            );
            return Ok(Err(DigestOutcome::Unreachable));
        };
        let wanted = policy.digest_groups(digest);
        let groups = match self.directory.groups_of(&policy, &person, wanted).await {
            Ok(groups) => groups,
            Err(
                DirectoryFault::Unfit(_) | DirectoryFault::Unreadable(SlackFault::Unreachable(_)),
            ) => {
                return Ok(Err(DigestOutcome::Unreachable));
            }
            Err(fault) => return Err(fault.into()),
        };
        let reads = |group: &GroupName| groups.contains(group);
        if !digest.readers().iter().any(reads) {
            return Ok(Err(DigestOutcome::Dropped));
        }
        let resources = policy.digest_resources(digest, &groups);
        Ok(Ok(Address {
            to: user.to_owned(),
            audience: Audience::Person,
            resources: resources.map(|names| names.iter().map(ToString::to_string).collect()),
        }))
    }

    /// Links to the cards of what somebody may want to look at: as they are known, or else as far as
    /// Slack tells where they stand.
    async fn link(&self, news: &mut News) -> Result<(), StoreError> {
        let sections = [
            &mut news.waiting,
            &mut news.overdue,
            &mut news.stuck,
            &mut news.late,
            &mut news.resolved,
            &mut news.unused,
        ];
        let shown = sections
            .into_iter()
            .flat_map(|section| section.first.iter_mut().take(LINKED));
        let mut slack_answers = true;
        for item in shown {
            let place = self.engine.store().card_place(item.request).await?;
            let Some(place) = place else { continue };
            item.link.clone_from(&place.permalink);
            if item.link.is_some() {
                continue;
            }
            let (channel, ts) = (&place.channel, &place.ts);
            if slack_answers {
                match self.slack.permalink(channel, ts).await {
                    Ok(link) => {
                        let store = self.engine.store();
                        store.keep_permalink(channel, ts, &link).await?;
                        item.link = Some(link);
                        continue;
                    }
                    // It is no reason to wait; nor to ask again and again.
                    Err(fault) => slack_answers = !fault.is_passing(),
                }
            }
            item.link = self.slack.composed_permalink((channel, ts), None).await;
        }
        Ok(())
    }

    async fn post(&self, to: &str, digest: &Digest, faces: &Faces) -> Result<(), SlackFault> {
        let content = view::digest(digest, faces);
        let posted = match self.slack.post(to, &content, None).await {
            Err(SlackFault::BadContent(code)) => {
                tracing::error!(code, "Slack refused a digest; a plain one is sent");
                let plain = Content::line(&content.text);
                self.slack.post(to, &plain, None).await
            }
            posted => posted,
        };
        posted.map(drop)
    }
}

/// Everybody whom a digest may name.
fn people_in(news: &News) -> BTreeSet<PersonId> {
    let sections = [
        &news.waiting,
        &news.overdue,
        &news.stuck,
        &news.late,
        &news.resolved,
        &news.ending,
        &news.held,
        &news.longest,
        &news.unused,
    ];
    let items = sections.into_iter().flat_map(|section| &section.first);
    items.map(|item: &Item| item.access.person).collect()
}
