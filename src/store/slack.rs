//! Deliveries from Slack, and messages of ours that stand there.

use chrono::{DateTime, TimeDelta, Utc};

use uuid::Uuid;

use super::ledger::{Entry, StoredEntry};
use super::notices::Notice;
use super::{Store, StoreError, Tx};
use crate::domain::{Effect, PersonId, RequestId};

/// A delivery that waits to be carried out.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// What makes it itself.
    pub key: String,
    /// The delivery as it came.
    pub payload: String,
    /// How often its handling was begun, this time included.
    pub attempt: i32,
    /// When it came in first.
    pub received_at: DateTime<Utc>,
}

/// What a message of ours is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardKind {
    /// The card in a channel; its thread tells the story.
    Card,
    /// A copy in an approver's direct messages.
    Approver,
    /// A message in the requester's direct messages.
    Holder,
    /// About the look afterwards at a break-glass access: in a channel, or in a reviewer's direct
    /// messages.
    Review,
}

impl CardKind {
    fn name(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Approver => "approver",
            Self::Holder => "holder",
            Self::Review => "review",
        }
    }

    fn from_name(name: &str) -> Self {
        match name {
            "card" => Self::Card,
            "approver" => Self::Approver,
            "review" => Self::Review,
            _ => Self::Holder,
        }
    }
}

/// A message of ours that is kept true in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedCard {
    /// The conversation, by id.
    pub channel: String,
    /// The message within it.
    pub ts: String,
    /// What it is for.
    pub kind: CardKind,
    /// Whose direct message it is, where that is known.
    pub person: Option<PersonId>,
    /// What it showed last; none for an adopted copy.
    pub content_hash: Option<Vec<u8>>,
}

/// How far the story of a request has been told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Telling {
    /// The last ledger entry told in the card's thread.
    pub story_seq: i64,
    /// The last ledger entry told to the requester.
    pub notice_seq: i64,
    /// Why the card does not stand in its own channel, if so.
    pub trouble: Option<String>,
}

/// Whether it is known what a message shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Not since then.
    Since(DateTime<Utc>),
    /// It is, whatever was in doubt until then; what came to be in doubt later still is.
    EndsUntil(DateTime<Utc>),
}

impl Store {
    /// Keeps a delivery before it is acknowledged. Answers whether it is new; one that is kept
    /// already is left as it is.
    pub async fn persist_delivery(
        &self,
        key: &str,
        payload: &str,
        now: DateTime<Utc>,
        lease: TimeDelta,
    ) -> Result<bool, StoreError> {
        let new = sqlx::query!(
            "insert into deliveries (key, received_at, payload, attempt, lease_until)
             values ($1, $2, $3, 1, $4) on conflict (key) do nothing",
            key,
            now,
            payload,
            now + lease
        )
        .execute(&self.pool)
        .await?;
        Ok(new.rows_affected() == 1)
    }

    /// Takes deliveries whose handler did not finish in time, as after a crash.
    pub async fn take_unfinished_deliveries(
        &self,
        now: DateTime<Utc>,
        lease: TimeDelta,
        limit: i64,
    ) -> Result<Vec<Delivery>, StoreError> {
        let taken = sqlx::query_as!(
            Delivery,
            r#"update deliveries set attempt = attempt + 1, lease_until = $2
               where key in (select key from deliveries
                 where finished_at is null and lease_until <= $1
                 order by received_at limit $3 for update skip locked)
               returning key, payload as "payload!", attempt, received_at"#,
            now,
            now + lease,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(taken)
    }

    /// Marks a delivery as carried out, where no change went with it. Its payload is forgotten.
    pub async fn finish_delivery(&self, key: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.finish_delivery(key, now).await?;
        tx.commit().await
    }

    /// Forgets that a delivery came, where nothing was done for it and it may come again just as it
    /// was: a form that was answered with what is wrong.
    pub async fn forget_delivery(&self, key: &str) -> Result<(), StoreError> {
        sqlx::query!("delete from deliveries where key = $1", key)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Forgets deliveries that were finished before then.
    pub async fn forget_deliveries(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let done = sqlx::query!("delete from deliveries where finished_at < $1", before)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected())
    }

    /// How many deliveries are not finished.
    pub async fn unfinished_deliveries(&self) -> Result<i64, StoreError> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "n!" from deliveries where finished_at is null"#
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(count)
    }

    /// The messages that show a request, oldest first.
    pub async fn cards_of(&self, request: RequestId) -> Result<Vec<PostedCard>, StoreError> {
        let rows = sqlx::query!(
            "select channel, ts, kind, person_id, content_hash from cards
             where request_id = $1 order by posted_at, ts",
            request.as_uuid()
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| PostedCard {
                channel: row.channel,
                ts: row.ts,
                kind: CardKind::from_name(&row.kind),
                person: row.person_id.map(PersonId::from_uuid),
                content_hash: row.content_hash,
            })
            .collect())
    }

    /// Remembers a message that shows a request, or what it shows now. A message that is known
    /// already keeps its kind.
    pub async fn keep_card(
        &self,
        request: RequestId,
        card: &PostedCard,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into cards (channel, ts, request_id, kind, person_id, content_hash, posted_at)
             values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (channel, ts) do update set content_hash = excluded.content_hash",
            card.channel,
            card.ts,
            request.as_uuid(),
            card.kind.name(),
            card.person.map(PersonId::as_uuid),
            card.content_hash,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Puts down that a message is going to show that a decision is being recorded, so that what it
    /// shows is not known any more. Answers whether it is one of ours.
    pub async fn begin_recording(
        &self,
        channel: &str,
        ts: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let known = sqlx::query!(
            "update cards set content_hash = null, recording_since = greatest(recording_since, $3)
             where channel = $1 and ts = $2",
            channel,
            ts,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(known.rows_affected() == 1)
    }

    /// Puts down that a message shows no more that something is being recorded since then, or will not
    /// for long. What somebody else began to record on it stays.
    pub async fn end_recording(
        &self,
        channel: &str,
        ts: &str,
        since: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update cards set recording_since = null
             where channel = $1 and ts = $2 and recording_since = $3",
            channel,
            ts,
            since
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The messages that may have shown since before then that something is being recorded, with the
    /// request that each shows; at most so many.
    pub async fn doubtful_cards(
        &self,
        before: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<(RequestId, String, String)>, StoreError> {
        let rows = sqlx::query!(
            "select request_id, channel, ts from cards
             where recording_since <= $1 order by recording_since limit $2",
            before,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let rows = rows.into_iter();
        Ok(rows
            .map(|row| (RequestId::from_uuid(row.request_id), row.channel, row.ts))
            .collect())
    }

    /// Forgets a message that is gone from Slack.
    pub async fn forget_card(&self, channel: &str, ts: &str) -> Result<(), StoreError> {
        sqlx::query!(
            "delete from cards where channel = $1 and ts = $2",
            channel,
            ts
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Everything that happened to these requests, in order, as of one moment. Who tried what they
    /// may not is on record and told nobody, so it is left out.
    pub async fn story_of(&self, requests: &[RequestId]) -> Result<Vec<Entry>, StoreError> {
        let ids: Vec<Uuid> = requests.iter().map(|id| id.as_uuid()).collect();
        let entries = sqlx::query_as!(
            StoredEntry,
            "select seq, at, payload, prev, hash from ledger
             where request_id = any($1) and event not in ('decision_refused', 'outsider_refused')
             order by seq",
            &ids
        )
        .fetch_all(&self.pool)
        .await?;
        entries.iter().map(StoredEntry::entry).collect()
    }

    /// Has messages posted, each under a key of its own: what was kept under that key before is not
    /// said again. Either all of them are kept, or none.
    pub async fn say_once(
        &self,
        said: &[(String, Notice)],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let mut effects = Vec::new();
        for (key, notice) in said {
            if tx.keep_notice(notice, key, now).await? {
                effects.push(Effect::PostNotice { notice: notice.id });
            }
        }
        tx.enqueue(&effects, now).await?;
        tx.commit().await
    }

    /// How far the story of a request has been told.
    pub async fn telling(&self, request: RequestId) -> Result<Telling, StoreError> {
        let told = sqlx::query_as!(
            Telling,
            "select story_seq, notice_seq, trouble from tellings where request_id = $1",
            request.as_uuid()
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(told.unwrap_or_default())
    }

    /// Remembers how far the story has been told. Cursors never go back.
    pub async fn keep_telling(
        &self,
        request: RequestId,
        telling: &Telling,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into tellings (request_id, story_seq, notice_seq, trouble)
             values ($1, $2, $3, $4)
             on conflict (request_id) do update set
               story_seq = greatest(tellings.story_seq, excluded.story_seq),
               notice_seq = greatest(tellings.notice_seq, excluded.notice_seq),
               trouble = excluded.trouble",
            request.as_uuid(),
            telling.story_seq,
            telling.notice_seq,
            telling.trouble
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

impl Tx {
    /// Adopts a copy of a card that was clicked and is not known, so that it is kept true from now
    /// on. Answers whether it was new. A copy adopted in a conversation of its own (`D…`) is an
    /// approver's, any other a card.
    pub async fn adopt_card(
        &mut self,
        request: RequestId,
        channel: &str,
        ts: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let kind = if channel.starts_with('D') {
            CardKind::Approver
        } else {
            CardKind::Card
        };
        let new = sqlx::query!(
            "insert into cards (channel, ts, request_id, kind, content_hash, posted_at)
             select $1, $2, $3, $4, null, $5
             where exists (select from requests where id = $3)
             on conflict (channel, ts) do nothing",
            channel,
            ts,
            request.as_uuid(),
            kind.name(),
            now
        )
        .execute(&mut *self.0)
        .await?;
        Ok(new.rows_affected() == 1)
    }

    /// Forgets what a message showed last, so that it is shown afresh, and puts down whether it is
    /// doubtful what it shows.
    pub async fn forget_what_was_shown(
        &mut self,
        channel: &str,
        ts: &str,
        doubt: Doubt,
    ) -> Result<(), StoreError> {
        let (since, until) = match doubt {
            Doubt::Since(since) => (Some(since), None),
            Doubt::EndsUntil(until) => (None, Some(until)),
        };
        sqlx::query!(
            "update cards set content_hash = null,
               recording_since = case when recording_since > $4 then recording_since else $3 end
             where channel = $1 and ts = $2",
            channel,
            ts,
            since,
            until
        )
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// Marks a delivery as carried out, in the transaction that stores its effect. Answers false
    /// if it was finished before: then nothing of this transaction may be kept. A delivery that was
    /// never persisted is remembered here.
    pub async fn finish_delivery(
        &mut self,
        key: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            "insert into deliveries (key, received_at, finished_at) values ($1, $2, $2)
             on conflict (key) do update
               set finished_at = $2, payload = null, lease_until = null
               where deliveries.finished_at is null",
            key,
            now
        )
        .execute(&mut *self.0)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}
