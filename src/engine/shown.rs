//! What people are shown beside the truth: that a decision is being recorded, and pages of the past.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::{NoContext, Timestamp, Uuid};

use super::Engine;
use crate::domain::{Actor, Effect, Event, Origin, PersonId, RequestId, Search};
use crate::store::readings::Reading;
use crate::store::{StoreError, slack::Doubt};

/// How long a copy may show that something is being recorded before it is shown afresh: longer than
/// any call to Slack takes. What may still arrive after the outcome is waited for twice as long, since
/// that mark lies in the future, where a later click cannot end it.
const RECORDING: TimeDelta = TimeDelta::seconds(15);
/// Copies that are taken up in one look.
const BATCH: i64 = 100;

impl Engine {
    /// Puts down that this copy of a card is going to show that a decision is being recorded. Until
    /// [`Engine::recorded`] or [`Engine::show_again`] says that it is over, the copy is doubtful: after
    /// a crash it is shown afresh. Answers since when, or none where no such copy is known.
    ///
    /// # Errors
    /// When the database failed: then nothing may be shown.
    pub async fn recording(
        &self,
        channel: &str,
        ts: &str,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let now = self.now().await?;
        let known = self.store.begin_recording(channel, ts, now).await?;
        Ok(known.then_some(now))
    }

    /// The decision that was being recorded since then is recorded, and the copy is shown afresh because
    /// of that. Another one that somebody began meanwhile leaves the copy doubtful.
    ///
    /// # Errors
    /// When the database failed: then the copy is shown afresh once more than needed.
    pub async fn recorded(
        &self,
        (channel, ts): (&str, &str),
        since: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.store.end_recording(channel, ts, since).await
    }

    /// What was sent to show that a decision is being recorded may still arrive, after the outcome: the
    /// copy is doubtful for a while, whatever other click on it comes to its end.
    ///
    /// # Errors
    /// When the database failed: then the mark of the click itself stands.
    pub async fn doubt(&self, (channel, ts): (&str, &str)) -> Result<(), StoreError> {
        let now = self.now().await?;
        let since = now + RECORDING;
        self.store.begin_recording(channel, ts, since).await?;
        Ok(())
    }

    /// Has this copy shown afresh, whatever it showed last. Where nothing that was sent to Slack before
    /// can still arrive, it is doubtful no more because of what was being recorded `until` then; without
    /// that it is doubtful for a while, as in [`Engine::doubt`].
    ///
    /// # Errors
    /// When the database failed: then it is shown afresh once it is found doubtful.
    pub async fn show_again(
        &self,
        request: RequestId,
        (channel, ts): (&str, &str),
        until: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        let now = self.clock.now(&mut tx).await?;
        let doubt = until.map_or(Doubt::Since(now + RECORDING), Doubt::EndsUntil);
        tx.forget_what_was_shown(channel, ts, doubt).await?;
        tx.enqueue(&[Effect::SyncCard { request }], now).await?;
        tx.commit().await?;
        self.ring();
        Ok(())
    }

    /// Has every copy shown afresh that has been doubtful for long, as after a crash. Answers how
    /// many there were.
    ///
    /// # Errors
    /// When the database failed.
    pub async fn show_doubtful_again(&self) -> Result<usize, StoreError> {
        let before = self.now().await? - RECORDING;
        let doubtful = self.store.doubtful_cards(before, BATCH).await?;
        for (request, channel, ts) in &doubtful {
            self.show_again(*request, (channel, ts), Some(before))
                .await?;
        }
        Ok(doubtful.len())
    }

    /// Keeps a page of the past that somebody is going to be shown, and answers its id. Where it tells
    /// of others, that it was read goes into the ledger in the same transaction.
    ///
    /// # Errors
    /// When the database failed: then nothing may be shown.
    pub async fn read_history(
        &self,
        by: PersonId,
        page: &Page,
        of_others: bool,
    ) -> Result<Uuid, StoreError> {
        let mut tx = self.store.begin().await?;
        let now = self.clock.now(&mut tx).await?;
        let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
        let time = Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos());
        let reading = Reading {
            id: Uuid::new_v7(time),
            person: by,
            search: page.search.clone(),
            before: page.next,
        };
        tx.keep_reading(&reading, now).await?;
        if of_others {
            let actor = Actor::Person {
                person: by,
                origin: Origin::Slack,
            };
            let event = Event::HistoryRead {
                by,
                search: Box::new(page.search.clone()),
                before: page.before,
                file: page.file,
            };
            tx.append(&actor, None, &[event], now).await?;
        }
        tx.commit().await?;
        Ok(reading.id)
    }
}

/// A page of the past.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// What was looked for.
    pub search: Search,
    /// It shows what is older than the request of that number; none for the newest.
    pub before: Option<i64>,
    /// The number of its last request, where there are older ones.
    pub next: Option<i64>,
    /// Whether it is everything, in a file.
    pub file: bool,
}
