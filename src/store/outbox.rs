//! What must still happen outside: claimed with a lease, settled behind a fence.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::{Store, StoreError, Tx, WAKE_CHANNEL, from_json, to_json};
use crate::domain::Effect;

/// An effect that was taken for carrying out. All effects of one stream say the same, so this one
/// stands for every one of its stream up to [`Claim::up_to`].
#[derive(Clone, Debug)]
pub struct Claim {
    /// The row.
    pub id: i64,
    /// The last row of the stream that was there when this one was taken; settling settles it too.
    pub up_to: i64,
    /// The stream.
    pub stream: String,
    /// How often the row was taken, this time included. Only the last taker may settle.
    pub attempt: i32,
    /// How often of those it only had to wait its turn.
    pub waits: i32,
    /// When the effect was asked for.
    pub created_at: DateTime<Utc>,
    /// What to do.
    pub effect: Effect,
}

impl Claim {
    /// How often it was tried, this time included.
    pub fn tries(&self) -> i32 {
        self.attempt - self.waits
    }
}

/// Which effects a worker takes: Slack being slow must never hold up a removal, so the two kinds
/// are claimed apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`Effect::Converge`].
    Access,
    /// [`Effect::SyncCard`], [`Effect::PostNotice`] and [`Effect::SendDigest`]: everything that is
    /// said in Slack.
    Card,
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Access => "access:",
            Self::Card => "card:",
        }
    }
}

struct Row {
    id: i64,
    stream: String,
    attempt: i32,
    waits: i32,
    created_at: DateTime<Utc>,
    effect: Value,
    up_to: i64,
}

impl Store {
    /// Takes up to `limit` effects that are due, at most one of each stream, and holds them until
    /// the lease ends.
    pub async fn claim(
        &self,
        kind: Kind,
        now: DateTime<Utc>,
        lease: TimeDelta,
        limit: i64,
    ) -> Result<Vec<Claim>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"update outbox set attempt = attempt + 1, lease_until = $2
               where id in (
                 select o.id from outbox o
                 where o.settled_at is null and o.due_at <= $1 and starts_with(o.stream, $3)
                   and (o.lease_until is null or o.lease_until <= $1)
                   and not exists (select from outbox e
                     where e.stream = o.stream and e.settled_at is null and e.id < o.id)
                 order by o.due_at, o.id limit $4 for update skip locked)
               returning id, stream, attempt, waits, created_at, effect,
                 (select max(e.id) from outbox e
                  where e.stream = outbox.stream and e.settled_at is null) as "up_to!""#,
            now,
            now + lease,
            kind.prefix(),
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Row::into_claim).collect()
    }

    /// Puts an effect off after a failure, or where it only has to `wait` its turn, if this taker
    /// still holds it.
    pub async fn put_off(
        &self,
        claim: &Claim,
        due_at: DateTime<Utc>,
        error: &str,
        wait: bool,
    ) -> Result<(), StoreError> {
        let changed = sqlx::query!(
            "update outbox set due_at = $3, lease_until = null, last_error = $4,
               waits = waits + case when $5 then 1 else 0 end
             where id = $1 and attempt = $2 and settled_at is null",
            claim.id,
            claim.attempt,
            due_at,
            error,
            wait,
        )
        .execute(&self.pool)
        .await?;
        if changed.rows_affected() == 1 {
            Ok(())
        } else {
            Err(StoreError::Overtaken)
        }
    }

    /// Holds a taken effect for longer. While a worker lives it renews, so a lease can be short, and
    /// a dead worker's effects are soon taken up by another.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] if another worker has taken it since.
    pub async fn renew(&self, claim: &Claim, until: DateTime<Utc>) -> Result<(), StoreError> {
        let held = sqlx::query!(
            "update outbox set lease_until = $3
             where id = $1 and attempt = $2 and settled_at is null and lease_until is not null",
            claim.id,
            claim.attempt,
            until
        )
        .execute(&self.pool)
        .await?;
        if held.rows_affected() == 1 {
            Ok(())
        } else {
            Err(StoreError::Overtaken)
        }
    }

    /// How many effects are waiting, taken ones included.
    pub async fn unsettled(&self) -> Result<i64, StoreError> {
        let count =
            sqlx::query_scalar!(r#"select count(*) as "n!" from outbox where settled_at is null"#)
                .fetch_one(&self.pool)
                .await?;
        Ok(count)
    }

    /// Forgets effects that were settled before then.
    pub async fn forget_settled(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let done = sqlx::query!("delete from outbox where settled_at < $1", before)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected())
    }
}

impl Tx {
    /// Asks for effects that are due now. See [`Tx::enqueue_for`].
    pub async fn enqueue(
        &mut self,
        effects: &[Effect],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.enqueue_for(effects, now, now).await
    }

    /// Asks for effects. One that is waiting out a failure in the same stream becomes due then, so
    /// that fresh news is not held up by an old failure.
    ///
    /// Each stream is held until the end of the transaction, so that its rows become visible in the
    /// order of their ids. A lower id that appeared late would be settled together with a higher one
    /// that a worker took before it (see [`Tx::settle`]), and be lost. Lock every request first: no
    /// transaction may wait for a request while it holds a stream.
    pub async fn enqueue_for(
        &mut self,
        effects: &[Effect],
        now: DateTime<Utc>,
        due_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        for effect in effects {
            let stream = effect.stream();
            sqlx::query!(
                "select pg_advisory_xact_lock(hashtextextended($1, 0))",
                stream
            )
            .execute(&mut *self.0)
            .await?;
            sqlx::query!(
                "update outbox set due_at = $2
                 where stream = $1 and settled_at is null and lease_until is null and due_at > $2",
                stream,
                due_at
            )
            .execute(&mut *self.0)
            .await?;
            sqlx::query!(
                "insert into outbox (stream, effect, created_at, due_at) values ($1, $2, $3, $4)",
                stream,
                to_json(effect),
                now,
                due_at
            )
            .execute(&mut *self.0)
            .await?;
        }
        if !effects.is_empty() {
            sqlx::query!(
                "select pg_notify($1, coalesce(substring(current_schema() from '^jit_.*$'), ''))",
                WAKE_CHANNEL
            )
            .execute(&mut *self.0)
            .await?;
        }
        Ok(())
    }

    /// Settles an effect, and those of its stream that it stood for.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] if another worker has taken it since: then everything else in this
    /// transaction must be dropped.
    pub async fn settle(&mut self, claim: &Claim, now: DateTime<Utc>) -> Result<(), StoreError> {
        let settled = sqlx::query!(
            "update outbox set settled_at = $3, lease_until = null
             where id = $1 and attempt = $2 and settled_at is null",
            claim.id,
            claim.attempt,
            now
        )
        .execute(&mut *self.0)
        .await?;
        if settled.rows_affected() == 0 {
            return Err(StoreError::Overtaken);
        }
        sqlx::query!(
            "update outbox set settled_at = $3
             where stream = $1 and id <= $2 and settled_at is null",
            claim.stream,
            claim.up_to,
            now
        )
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }
}

impl Row {
    fn into_claim(self) -> Result<Claim, StoreError> {
        Ok(Claim {
            id: self.id,
            up_to: self.up_to,
            stream: self.stream,
            attempt: self.attempt,
            waits: self.waits,
            created_at: self.created_at,
            effect: from_json(self.effect, "outbox", self.id)?,
        })
    }
}
