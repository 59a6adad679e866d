//! What was before: the earlier requests that policy looks back at.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Store, StoreError, Tx};
use crate::domain::{
    Chain, Circumstances, Past, PersonId, RequestId, ResourceName, RoleName, RuleName, Span,
};

/// How far policy looks back, and at how many requests.
const WINDOW: TimeDelta = TimeDelta::days(90);
const MOST: i64 = 200;

struct PastRow {
    resource: String,
    role: String,
    rule: Option<String>,
    status: String,
    route: Option<String>,
    asked_at: DateTime<Utc>,
    duration_seconds: i32,
}

impl Store {
    /// What policy looks at besides the ask: the last 90 days of that holder's requests, at most
    /// 200, newest first; and for an extension what it would prolong.
    pub async fn circumstances(
        &self,
        holder: PersonId,
        extends: Option<RequestId>,
        now: DateTime<Utc>,
    ) -> Result<Circumstances, StoreError> {
        self.begin()
            .await?
            .circumstances(holder, extends, now)
            .await
    }
}

impl Tx {
    /// As [`Store::circumstances`], within this transaction.
    pub async fn circumstances(
        &mut self,
        holder: PersonId,
        extends: Option<RequestId>,
        now: DateTime<Utc>,
    ) -> Result<Circumstances, StoreError> {
        let chain = match extends {
            Some(request) => self.chain(request).await?,
            None => None,
        };
        let past = self.past(holder, now).await?;
        Ok(Circumstances { now, past, chain })
    }

    /// Holds back every other request for that holder until the end of the transaction, so that what
    /// policy counts (uses in a time) cannot be passed by two that come at once. Taken before any
    /// request is locked.
    pub async fn lock_holder(&mut self, holder: PersonId) -> Result<(), StoreError> {
        sqlx::query!(
            "select pg_advisory_xact_lock(hashtextextended('holder:' || $1, 0))",
            holder.to_string()
        )
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    async fn past(
        &mut self,
        holder: PersonId,
        now: DateTime<Utc>,
    ) -> Result<Vec<Past>, StoreError> {
        let rows = sqlx::query_as!(
            PastRow,
            r#"select resource, role, terms ->> 'rule' as rule, status,
                 case jsonb_typeof(terms -> 'route') when 'object'
                   then (select key from jsonb_object_keys(terms -> 'route') as key limit 1) end as route,
                 asked_at, duration_seconds
               from requests where person = $1 and asked_at >= $2
               order by asked_at desc limit $3"#,
            holder.as_uuid(),
            now - WINDOW,
            MOST
        )
        .fetch_all(&mut *self.0)
        .await?;
        Ok(rows.into_iter().map(PastRow::into_past).collect())
    }

    /// The requests that the last one prolongs, each the one before, and that one itself.
    async fn chain(&mut self, last: RequestId) -> Result<Option<Chain>, StoreError> {
        let row = sqlx::query!(
            r#"with recursive chain as (
                 select id, extends, 0 as depth from requests where id = $1
                 union all
                 select r.id, r.extends, c.depth + 1 from requests r
                   join chain c on r.id = c.extends where c.depth < 1000
               )
               select (select max(depth) from chain) as "extensions",
                 (select coalesce(r.decided_at, r.asked_at) from requests r
                    join chain c on c.id = r.id order by c.depth desc limit 1) as since,
                 (select grant_until from requests where id = $1) as until"#,
            last.as_uuid()
        )
        .fetch_one(&mut *self.0)
        .await?;
        let (Some(since), Some(until)) = (row.since, row.until) else {
            return Ok(None);
        };
        let extensions = row.extensions.and_then(|count| u32::try_from(count).ok());
        Ok(Some(Chain {
            extensions: extensions.unwrap_or_default(),
            since,
            until,
        }))
    }
}

impl PastRow {
    fn into_past(self) -> Past {
        let route = self.route.as_deref();
        let seconds = u64::try_from(self.duration_seconds).unwrap_or_default();
        Past {
            resource: ResourceName::new(self.resource),
            role: RoleName::new(self.role),
            rule: RuleName::new(self.rule.unwrap_or_default()),
            outcome: outcome(&self.status),
            automatic: route == Some("automatic"),
            break_glass: route == Some("break_glass"),
            asked_at: self.asked_at,
            duration: Span::from_seconds(seconds).unwrap_or(Span::MAX),
        }
    }
}

fn outcome(status: &str) -> &'static str {
    match status {
        "pending" => "pending",
        "approved" => "approved",
        "denied" => "denied",
        "cancelled" => "cancelled",
        "overruled" => "overruled",
        _ => "expired",
    }
}
