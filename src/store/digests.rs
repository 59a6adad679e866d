//! Digests: who reads which when, and what was sent. What they tell is read by [`news`].

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::outbox::Claim;
use super::{Store, StoreError, Tx};
use crate::domain::{Effect, PersonId};

pub mod news;

/// A reader of a digest, with the deadline that is theirs alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// The digest's name.
    pub digest: String,
    /// The id of a person, or a channel as the policy names it.
    pub reader: String,
    /// The person; none for a channel.
    pub person: Option<PersonId>,
    /// When it is sent, as the policy writes it.
    pub schedule: String,
    /// The zone in which that is read for this reader.
    pub zone: String,
    /// The end of the last period that was claimed; at first, when the reader was first seen.
    pub told_until: DateTime<Utc>,
    /// When the next one is due; none where it never is again.
    pub next_at: Option<DateTime<Utc>>,
}

/// From which policy the readers were worked out, and from when they have to be again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The policy's hash.
    pub policy: String,
    /// When.
    pub made_at: DateTime<Utc>,
    /// From when people may have joined groups, or travelled.
    pub stale_at: DateTime<Utc>,
}

/// A period that is claimed for a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its end.
    pub until: DateTime<Utc>,
    /// How far the digest looks ahead.
    pub ahead_until: DateTime<Utc>,
    /// When the next one is due.
    pub next_at: Option<DateTime<Utc>>,
}

/// A digest that was claimed and not yet settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingDigest {
    /// Its id.
    pub id: Uuid,
    /// The digest's name in the policy.
    pub digest: String,
    /// The id of a person, or a channel as the policy names it.
    pub reader: String,
    /// The person; none for a channel.
    pub person: Option<PersonId>,
    /// The beginning of its period.
    pub from: DateTime<Utc>,
    /// The end of its period.
    pub until: DateTime<Utc>,
    /// How far it looks ahead.
    pub ahead_until: DateTime<Utc>,
}

/// What became of a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestOutcome {
    /// Slack confirmed it.
    Sent,
    /// There was nothing to tell.
    Quiet,
    /// Slack does not let us write there.
    Unreachable,
    /// Whoever was to read it does so no more.
    Dropped,
}

impl DigestOutcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Quiet => "quiet",
            Self::Unreachable => "unreachable",
            Self::Dropped => "dropped",
        }
    }
}

struct ReaderRow {
    digest: String,
    reader: String,
    person_id: Option<Uuid>,
    schedule: String,
    zone: String,
    told_until: DateTime<Utc>,
    next_at: Option<DateTime<Utc>>,
}

impl From<ReaderRow> for Reader {
    fn from(row: ReaderRow) -> Self {
        Self {
            digest: row.digest,
            reader: row.reader,
            person: row.person_id.map(PersonId::from_uuid),
            schedule: row.schedule,
            zone: row.zone,
            told_until: row.told_until,
            next_at: row.next_at,
        }
    }
}

impl Store {
    /// From which policy the readers were worked out last; none before the first time.
    pub async fn digest_plan(&self) -> Result<Option<Plan>, StoreError> {
        let plan = sqlx::query_as!(Plan, "select policy, made_at, stale_at from digest_plan")
            .fetch_optional(&self.pool)
            .await?;
        Ok(plan)
    }

    /// All readers, by digest and reader.
    pub async fn digest_readers(&self) -> Result<BTreeMap<(String, String), Reader>, StoreError> {
        let rows = sqlx::query_as!(
            ReaderRow,
            "select digest, reader, person_id, schedule, zone, told_until, next_at
             from digest_readers"
        )
        .fetch_all(&self.pool)
        .await?;
        let keyed = |row: ReaderRow| ((row.digest.clone(), row.reader.clone()), row.into());
        Ok(rows.into_iter().map(keyed).collect())
    }

    /// The readers whose next digest is due, the longest overdue first, at most so many.
    pub async fn digests_due(
        &self,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<Reader>, StoreError> {
        let rows = sqlx::query_as!(
            ReaderRow,
            "select digest, reader, person_id, schedule, zone, told_until, next_at
             from digest_readers where next_at <= $1
             order by next_at, digest, reader limit $2",
            now,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(Reader::from).collect())
    }

    /// The digest, if it still waits to be sent, for the worker who holds its effect. It waits for
    /// whoever claims another period just now: see [`Tx::claim_digest`].
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] if another worker has taken the effect since.
    pub async fn waiting_digest(
        &self,
        claim: &Claim,
        id: Uuid,
    ) -> Result<Option<WaitingDigest>, StoreError> {
        let held = sqlx::query_scalar!(
            r#"select exists (select from outbox
                 where id = $1 and attempt = $2 and settled_at is null and lease_until is not null
               ) as "held!""#,
            claim.id,
            claim.attempt
        )
        .fetch_one(&self.pool)
        .await?;
        if !held {
            return Err(StoreError::Overtaken);
        }
        let row = sqlx::query!(
            "select id, digest, reader, person_id, period_from, period_until, ahead_until
             from digests_sent where id = $1 and outcome is null for share",
            id
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| WaitingDigest {
            id: row.id,
            digest: row.digest,
            reader: row.reader,
            person: row.person_id.map(PersonId::from_uuid),
            from: row.period_from,
            until: row.period_until,
            ahead_until: row.ahead_until,
        }))
    }

    /// Notes what became of a digest. What was noted first stays.
    pub async fn settle_digest(
        &self,
        id: Uuid,
        outcome: DigestOutcome,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update digests_sent set outcome = $2, settled_at = $3
             where id = $1 and outcome is null",
            id,
            outcome.as_str(),
            at
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

impl Tx {
    /// Keeps the plan. Whoever else does so at the same time waits for the end of this transaction.
    pub async fn keep_digest_plan(&mut self, plan: &Plan) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into digest_plan (policy, made_at, stale_at) values ($1, $2, $3)
             on conflict (only_one) do update set policy = $1, made_at = $2, stale_at = $3",
            plan.policy,
            plan.made_at,
            plan.stale_at
        )
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// Keeps a reader. One who is known keeps the time until which they were told; where that has
    /// moved on since it was read, another replica knows better, and nothing is changed.
    pub async fn keep_digest_reader(&mut self, reader: &Reader) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into digest_readers
               (digest, reader, person_id, schedule, zone, told_until, next_at)
             values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (digest, reader) do update
               set schedule = $4, zone = $5, next_at = $7
               where digest_readers.told_until = $6",
            reader.digest,
            reader.reader,
            reader.person.map(PersonId::as_uuid),
            reader.schedule,
            reader.zone,
            reader.told_until,
            reader.next_at
        )
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// Forgets a reader who is none any more.
    pub async fn forget_digest_reader(
        &mut self,
        digest: &str,
        reader: &str,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "delete from digest_readers where digest = $1 and reader = $2",
            digest,
            reader
        )
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// Claims a period for a reader: from where the last one ended, or where the first one began
    /// that was claimed and could not be sent yet; those are told by this one as well, unless a
    /// worker is sending one of them just now. Answers whether it was claimed here; if not, somebody
    /// else has done so.
    pub async fn claim_digest(
        &mut self,
        id: Uuid,
        reader: &Reader,
        period: Period,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let moved = sqlx::query!(
            "update digest_readers set told_until = $4, next_at = $5
             where digest = $1 and reader = $2 and told_until = $3",
            reader.digest,
            reader.reader,
            reader.told_until,
            period.until,
            period.next_at
        )
        .execute(&mut *self.0)
        .await?;
        if moved.rows_affected() == 0 {
            return Ok(false);
        }
        let merged = self.merge_digests(reader, now).await?;
        let from = merged.into_iter().fold(reader.told_until, DateTime::min);
        let claimed = sqlx::query!(
            "insert into digests_sent (id, digest, reader, person_id, period_from, period_until,
               ahead_until, claimed_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict on constraint digests_once do nothing",
            id,
            reader.digest,
            reader.reader,
            reader.person.map(PersonId::as_uuid),
            from,
            period.until,
            period.ahead_until,
            now
        )
        .execute(&mut *self.0)
        .await?;
        Ok(claimed.rows_affected() == 1)
    }

    /// Settles what waits for a reader, since it is told together with what comes next. Answers where
    /// the periods of that began. While a worker has one of them in hand all of them are left to the
    /// workers: what is being posted would be told twice.
    ///
    /// The rows are locked first, and only then it is asked who has them in hand. A worker takes its
    /// effect before it reads the digest, under the same lock: so either it is seen here, or it sees
    /// that the digest waits no more.
    async fn merge_digests(
        &mut self,
        reader: &Reader,
        now: DateTime<Utc>,
    ) -> Result<Vec<DateTime<Utc>>, StoreError> {
        let streams: Vec<String> = sqlx::query_scalar!(
            "select id from digests_sent
             where digest = $1 and reader = $2 and outcome is null order by id for update",
            reader.digest,
            reader.reader
        )
        .fetch_all(&mut *self.0)
        .await?
        .into_iter()
        .map(|digest| Effect::SendDigest { digest }.stream())
        .collect();
        let in_hand = sqlx::query_scalar!(
            r#"select exists (select from outbox
                 where stream = any($1) and settled_at is null and $2 < lease_until
               ) as "in_hand!""#,
            &streams,
            now
        )
        .fetch_one(&mut *self.0)
        .await?;
        if in_hand {
            return Ok(Vec::new());
        }
        let merged = sqlx::query_scalar!(
            "update digests_sent set outcome = 'merged', settled_at = $3
             where digest = $1 and reader = $2 and outcome is null returning period_from",
            reader.digest,
            reader.reader,
            now
        )
        .fetch_all(&mut *self.0)
        .await?;
        Ok(merged)
    }
}
