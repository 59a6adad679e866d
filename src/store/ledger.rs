//! What happened, appended in commit order, each entry hashed with the one before.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Store, StoreError, Tx};
use crate::domain::{Actor, Event, RequestId};

/// The advisory lock that makes the ledger's order the order of commits. Always taken last in a
/// transaction.
const APPEND_LOCK: i64 = 0x6a69_745f_6c65_6467;

/// The advisory lock under which the policy that decides is compared and changed.
const POLICY_LOCK: i64 = 0x6a69_745f_706f_6c69;

/// One entry, as it is hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Position, counted from 1 without gaps.
    pub seq: i64,
    /// When, by the database's clock.
    pub at: DateTime<Utc>,
    /// When it was decided, where that is not `at`: entries of others came in between the decision
    /// and its commit. States carry this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<DateTime<Utc>>,
    /// Who caused it.
    pub by: Actor,
    /// Which request it is about.
    pub request: Option<RequestId>,
    /// What happened.
    pub what: Event,
}

impl Entry {
    /// When it was decided: the time that its event gives to the state.
    pub fn moment(&self) -> DateTime<Utc> {
        self.decided_at.unwrap_or(self.at)
    }
}

/// An entry as it is stored: the exact bytes with their hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// Position.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// The entry as JSON: the bytes that are hashed.
    pub payload: String,
    /// The hash of the entry before; zeros for the first.
    pub prev: Vec<u8>,
    /// SHA-256 over `prev` and the bytes of `payload`.
    pub hash: Vec<u8>,
}

impl StoredEntry {
    /// The entry itself.
    pub fn entry(&self) -> Result<Entry, StoreError> {
        serde_json::from_str(&self.payload).map_err(|fault| StoreError::Inconsistent {
            table: "ledger",
            row: self.seq.to_string(),
            what: fault.to_string(),
        })
    }
}

/// How long a refusal that was written down stands for the same one again.
const LATELY: TimeDelta = TimeDelta::hours(1);

/// The hash of an entry: SHA-256 over the hash of the entry before and the bytes of the payload.
pub fn entry_hash(prev: &[u8], payload: &str) -> Vec<u8> {
    Sha256::new()
        .chain_update(prev)
        .chain_update(payload.as_bytes())
        .finalize()
        .to_vec()
}

impl Store {
    /// Entries after that position, in order, at most so many.
    pub async fn ledger_after(&self, seq: i64, limit: i64) -> Result<Vec<StoredEntry>, StoreError> {
        let entries = sqlx::query_as!(
            StoredEntry,
            "select seq, at, payload, prev, hash from ledger where seq > $1 order by seq limit $2",
            seq,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(entries)
    }

    /// Entries about one request after that position, in order.
    pub async fn ledger_of(
        &self,
        request: RequestId,
        after: i64,
    ) -> Result<Vec<Entry>, StoreError> {
        let entries = sqlx::query_as!(
            StoredEntry,
            "select seq, at, payload, prev, hash from ledger
             where request_id = $1 and seq > $2 order by seq",
            request.as_uuid(),
            after
        )
        .fetch_all(&self.pool)
        .await?;
        entries.iter().map(StoredEntry::entry).collect()
    }
}

impl Store {
    /// Forgets which refusals were written down longer ago than they count.
    pub async fn forget_refusals(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query!("delete from refusals where at <= $1", now - LATELY)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

impl Tx {
    /// Notes a refusal that is about to be written down. Answers false where the very same was, less
    /// than an hour ago.
    pub async fn is_new_refusal(
        &mut self,
        by: &Actor,
        request: Option<RequestId>,
        what: &Event,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let told = super::to_json(&(by, request, what)).to_string();
        let key = Sha256::digest(told).to_vec();
        let noted = sqlx::query!(
            "insert into refusals (key, at) values ($1, $2)
             on conflict (key) do update set at = $2 where refusals.at <= $3",
            key,
            now,
            now - LATELY
        )
        .execute(&mut *self.0)
        .await?;
        Ok(noted.rows_affected() == 1)
    }

    /// Appends events. Must be the last thing in a transaction, since everybody who appends waits
    /// for it from here on.
    pub async fn append(
        &mut self,
        by: &Actor,
        request: Option<RequestId>,
        events: &[Event],
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query!("select pg_advisory_xact_lock($1)", APPEND_LOCK)
            .execute(&mut *self.0)
            .await?;
        let last = sqlx::query!("select seq, at, hash from ledger order by seq desc limit 1")
            .fetch_optional(&mut *self.0)
            .await?;
        let (mut seq, last_at, mut prev) =
            last.map_or((0, at, vec![0; 32]), |last| (last.seq, last.at, last.hash));
        let (decided, at) = (at, at.max(last_at));
        for event in events {
            seq += 1;
            let entry = Entry {
                seq,
                at,
                decided_at: (decided < at).then_some(decided),
                by: by.clone(),
                request,
                what: event.clone(),
            };
            prev = self.append_one(&entry, &prev).await?;
        }
        Ok(())
    }

    /// The hash of the policy that the ledger knows as the present one, if it knows any. Until the
    /// end of the transaction nobody else gets an answer.
    pub async fn lock_policy(&mut self) -> Result<Option<String>, StoreError> {
        sqlx::query!("select pg_advisory_xact_lock($1)", POLICY_LOCK)
            .execute(&mut *self.0)
            .await?;
        let last = sqlx::query_scalar!(
            "select payload::jsonb #>> '{what,to}' from ledger
             where event = 'policy_changed' order by seq desc limit 1"
        )
        .fetch_optional(&mut *self.0)
        .await?;
        Ok(last.flatten())
    }

    async fn append_one(&mut self, entry: &Entry, prev: &[u8]) -> Result<Vec<u8>, StoreError> {
        let payload = serde_json::to_string(entry).map_err(|fault| StoreError::Inconsistent {
            table: "ledger",
            row: entry.seq.to_string(),
            what: fault.to_string(),
        })?;
        let hash = entry_hash(prev, &payload);
        let name = event_name(&entry.what);
        let request: Option<Uuid> = entry.request.map(RequestId::as_uuid);
        sqlx::query!(
            "insert into ledger (seq, at, request_id, event, payload, prev, hash)
             values ($1, $2, $3, $4, $5, $6, $7)",
            entry.seq,
            entry.at,
            request,
            name,
            payload,
            prev,
            hash
        )
        .execute(&mut *self.0)
        .await?;
        Ok(hash)
    }
}

/// The event's name, as its JSON has it.
fn event_name(event: &Event) -> String {
    let value = super::to_json(event);
    value
        .get("event")
        .and_then(|name| name.as_str())
        .unwrap_or_default()
        .to_owned()
}
