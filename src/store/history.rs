//! What was before: the earlier requests that policy looks back at.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Store, StoreError, Tx};
use crate::domain::{
    Chain, Circumstances, Identity, Past, Person, RequestId, ResourceName, RoleName, RuleName, Span,
};

/// How far policy looks back.
const WINDOW: TimeDelta = TimeDelta::days(90);
/// How many of the newest requests it looks at, and how many automatic ones whatever came after:
/// asking often must not make it forget what it counts.
const NEWEST: i64 = 200;
const AUTOMATIC: i64 = 1_000;

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
    /// What policy looks at besides the ask: that holder's requests of the last 90 days, newest
    /// first; and for an extension what it would prolong.
    pub async fn circumstances(
        &self,
        holder: &Person,
        extends: Option<RequestId>,
        now: DateTime<Utc>,
    ) -> Result<Circumstances, StoreError> {
        let mut tx = self.begin().await?;
        tx.circumstances(holder, (extends, None), now).await
    }
}

impl Tx {
    /// As [`Store::circumstances`], within this transaction. A request that is looked at again is no
    /// part of what was before it.
    pub async fn circumstances(
        &mut self,
        holder: &Person,
        (extends, except): (Option<RequestId>, Option<RequestId>),
        now: DateTime<Utc>,
    ) -> Result<Circumstances, StoreError> {
        let chain = match extends {
            Some(request) => self.chain(request).await?,
            None => None,
        };
        let past = self.past(holder, except, now).await?;
        Ok(Circumstances { now, past, chain })
    }

    /// Holds back every other request for that holder until the end of the transaction, so that what
    /// policy counts (uses in a time) cannot be passed by two that come at once. Taken before any
    /// request is locked.
    pub async fn lock_holder(&mut self, holder: &Person) -> Result<(), StoreError> {
        for row in self.rows_of(holder).await? {
            sqlx::query!(
                "select pg_advisory_xact_lock(hashtextextended('holder:' || $1, 0))",
                row.to_string()
            )
            .execute(&mut *self.0)
            .await?;
        }
        Ok(())
    }

    /// The rows of that human: their own, and those that any of their identities stands at.
    async fn rows_of(&mut self, holder: &Person) -> Result<Vec<Uuid>, StoreError> {
        let (mut kinds, mut values) = (Vec::new(), Vec::new());
        for identity in &holder.identities {
            let (kind, value) = match identity {
                Identity::Slack { user, .. } => ("slack", user.clone()),
                Identity::Email(address) => ("email", address.clone()),
            };
            kinds.push(kind.to_owned());
            values.push(value);
        }
        let rows = sqlx::query_scalar!(
            r#"select distinct id as "id!" from (
                 select $1::uuid as id
                 union all
                 select i.person_id from identities i
                   join unnest($2::text[], $3::text[]) as own (kind, value)
                     on i.kind = own.kind and i.value = own.value
               ) rows order by 1"#,
            holder.id.as_uuid(),
            &kinds,
            &values
        )
        .fetch_all(&mut *self.0)
        .await?;
        Ok(rows)
    }

    async fn past(
        &mut self,
        holder: &Person,
        except: Option<RequestId>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Past>, StoreError> {
        let rows = sqlx::query_as!(
            PastRow,
            r#"select resource as "resource!", role as "role!", rule, status as "status!", route,
                 asked_at as "asked_at!", duration_seconds as "duration_seconds!"
               from (
                 select *, row_number() over (order by asked_at desc, id desc) as newest,
                   row_number() over (partition by route order by asked_at desc, id desc) as of_route
                 from (
                   select id, resource, role, terms ->> 'rule' as rule, status, asked_at, duration_seconds,
                     case jsonb_typeof(terms -> 'route') when 'object'
                       then (select key from jsonb_object_keys(terms -> 'route') as key limit 1) end as route
                   from requests
                   where person = any($1) and asked_at >= $2 and id is distinct from $3
                 ) own
               ) counted
               where newest <= $4 or (route = 'automatic' and of_route <= $5)
               order by asked_at desc, id desc"#,
            &self.rows_of(holder).await?,
            now - WINDOW,
            except.map(RequestId::as_uuid),
            NEWEST,
            AUTOMATIC
        )
        .fetch_all(&mut *self.0)
        .await?;
        Ok(rows.into_iter().map(PastRow::into_past).collect())
    }

    /// The requests that the last one prolongs, each the one before, and that one itself. The first of
    /// them holds the access since the call that gave it; the time before, waiting for approvers or for
    /// a start that lay ahead, is no part of it.
    async fn chain(&mut self, last: RequestId) -> Result<Option<Chain>, StoreError> {
        let row = sqlx::query!(
            r#"with recursive chain as (
                 select id, extends, 0 as depth from requests where id = $1
                 union all
                 select r.id, r.extends, c.depth + 1 from requests r
                   join chain c on r.id = c.extends where c.depth < 1000
               )
               select (select max(depth) from chain) as "extensions",
                 (select coalesce(
                      (select max(l.at) from ledger l
                         where l.request_id = r.id and l.event = 'activation_begun'),
                      greatest(coalesce(r.decided_at, r.asked_at), (r.terms ->> 'start')::timestamptz))
                    from requests r
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
