//! Pages of the history that somebody was shown, and where the requests on them stand in Slack.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Store, StoreError, Tx, from_json, to_json};
use crate::domain::{PersonId, RequestId, Search};

/// A page that somebody was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Its id, the value of its buttons.
    pub id: Uuid,
    /// Who read.
    pub person: PersonId,
    /// What they looked for.
    pub search: Search,
    /// The number of the last request on the page; none where there is nothing older.
    pub before: Option<i64>,
}

/// Where the card of a request stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The conversation, by id.
    pub channel: String,
    /// The message within it.
    pub ts: String,
    /// Its address, once Slack was asked for it.
    pub permalink: Option<String>,
}

impl Store {
    /// The page of that id, if it is not forgotten.
    pub async fn reading(&self, id: Uuid) -> Result<Option<Reading>, StoreError> {
        let row = sqlx::query!(
            "select person_id, search, before from readings where id = $1",
            id
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            Ok(Reading {
                id,
                person: PersonId::from_uuid(row.person_id),
                search: from_json(row.search, "readings", id)?,
                before: row.before,
            })
        })
        .transpose()
    }

    /// Forgets pages that were read before then.
    pub async fn forget_readings(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let done = sqlx::query!("delete from readings where read_at < $1", before)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected())
    }

    /// Where the cards of these requests stand in their channels: of each the oldest copy.
    pub async fn places_of(
        &self,
        requests: &[RequestId],
    ) -> Result<BTreeMap<RequestId, Place>, StoreError> {
        let ids: Vec<Uuid> = requests.iter().map(|id| id.as_uuid()).collect();
        let rows = sqlx::query!(
            "select distinct on (request_id) request_id, channel, ts, permalink from cards
             where kind = 'card' and request_id = any($1) order by request_id, posted_at, ts",
            &ids
        )
        .fetch_all(&self.pool)
        .await?;
        let place = |channel, ts, permalink| Place {
            channel,
            ts,
            permalink,
        };
        let rows = rows.into_iter().map(|row| {
            let id = RequestId::from_uuid(row.request_id);
            (id, place(row.channel, row.ts, row.permalink))
        });
        Ok(rows.collect())
    }

    /// Remembers the address of a card, so that Slack need not be asked for it again.
    pub async fn keep_permalink(
        &self,
        channel: &str,
        ts: &str,
        permalink: &str,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update cards set permalink = $3 where channel = $1 and ts = $2",
            channel,
            ts,
            permalink
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

impl Tx {
    /// Keeps a page that is going to be shown.
    pub async fn keep_reading(
        &mut self,
        reading: &Reading,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into readings (id, person_id, search, before, read_at)
             values ($1, $2, $3, $4, $5)",
            reading.id,
            reading.person.as_uuid(),
            to_json(&reading.search),
            reading.before,
            now
        )
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }
}
