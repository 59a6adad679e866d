//! What a digest tells, as it is now, of the resources that its reader is told of.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::domain::digest::{Counts, Few, Item, News, PolicyChange};
use crate::domain::{Access, PersonId, Refusal, RequestId, ResourceName, RoleName};
use crate::store::readings::Place;
use crate::store::{Store, StoreError};

/// A removal is late that took more than a minute.
const LATE: i64 = 60;
/// How long somebody may hold a login before it counts as not used.
const UNUSED_AFTER: TimeDelta = TimeDelta::hours(1);
/// How many of a section are read one by one; the others are only counted.
const FIRST: usize = 20;
/// The longest grants that are named.
const LONGEST: usize = 3;

/// What is wanted to be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Of which resources, by name; none for all there ever were.
    pub resources: Option<Vec<String>>,
    /// The beginning of the time that is told of.
    pub from: DateTime<Utc>,
    /// Its end.
    pub until: DateTime<Utc>,
    /// How far to look ahead.
    pub ahead: DateTime<Utc>,
}

struct Row {
    id: Uuid,
    number: i64,
    person: Uuid,
    resource: String,
    role: String,
    since: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
    total: i64,
}

impl Store {
    /// Everything that a digest may tell. No link is filled in.
    pub async fn digest_news(
        &self,
        wanted: &Wanted,
        now: DateTime<Utc>,
    ) -> Result<News, StoreError> {
        let resources = wanted.resources.as_deref();
        let held = self.held(resources).await?;
        let ends = |item: &&Item| {
            let until = item.until;
            until.is_some_and(|until| now < until && until <= wanted.ahead)
        };
        Ok(News {
            waiting: self.waiting(resources).await?,
            overdue: self.overdue_reviews(resources, now).await?,
            stuck: self.stuck(resources, now).await?,
            late: self.late(wanted).await?,
            resolved: self.resolved(wanted).await?,
            ending: few(held.iter().filter(ends).cloned().collect(), FIRST),
            longest: longest(&held),
            held: few(held, FIRST),
            unused: self.unused(wanted).await?,
            counts: self.counts(wanted).await?,
            policies: self.policy_changes(wanted).await?,
        })
    }

    async fn waiting(&self, resources: Option<&[String]>) -> Result<Few<Item>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"select id, number, person, resource, role, asked_at as since, expires_at as until,
                 count(*) over () as "total!"
               from requests
               where status = 'pending' and ($1::text[] is null or resource = any($1))
               order by expires_at, id limit $2"#,
            resources,
            limit()
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(counted(rows))
    }

    /// The looks afterwards that nobody has done in time.
    async fn overdue_reviews(
        &self,
        resources: Option<&[String]>,
        now: DateTime<Utc>,
    ) -> Result<Few<Item>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"select id, number, person, resource, role, decided_at as "since!",
                 (review ->> 'due_at')::timestamptz as until, count(*) over () as "total!"
               from requests
               where review is not null and review ->> 'done' is null
                 and (review ->> 'due_at')::timestamptz <= $3
                 and ($1::text[] is null or resource = any($1))
               order by (review ->> 'due_at')::timestamptz, id limit $2"#,
            resources,
            limit(),
            now
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(counted(rows))
    }

    /// Removals that keep failing, or that have been under way for more than a minute.
    async fn stuck(
        &self,
        resources: Option<&[String]>,
        now: DateTime<Utc>,
    ) -> Result<Few<Item>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"select id, number, person, resource, role, grant_since as "since!",
                 null::timestamptz as until, count(*) over () as "total!"
               from requests
               where grant_status = 'revoking' and ($1::text[] is null or resource = any($1))
                 and (failing is not null or grant_since < $3)
               order by grant_since, id limit $2"#,
            resources,
            limit(),
            now - TimeDelta::seconds(LATE)
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(counted(rows))
    }

    /// Removals of the period that were late.
    async fn late(&self, wanted: &Wanted) -> Result<Few<Item>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"with gone as (
                 select r.id, r.number, r.person, r.resource, r.role, r.grant_since as until,
                   (select (l.payload::jsonb #>> '{what,lag_seconds}')::float8 from ledger l
                    where l.request_id = r.id and l.event = 'grant_revoked'
                    order by l.seq desc limit 1) as lag
                 from requests r
                 where r.grant_status = 'revoked' and r.grant_since > $3 and r.grant_since <= $4
                   and ($1::text[] is null or r.resource = any($1)))
               select id, number, person, resource, role,
                 until - make_interval(secs => lag) as "since!", until, count(*) over () as "total!"
               from gone where lag > $5::bigint order by lag desc, id limit $2"#,
            wanted.resources.as_deref(),
            limit(),
            wanted.from,
            wanted.until,
            LATE
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(counted(rows))
    }

    /// Removals that somebody came to answer for in the period. One that the target verified since is
    /// told as late.
    async fn resolved(&self, wanted: &Wanted) -> Result<Few<Item>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"select id, number, person, resource, role,
                 (resolved ->> 'since')::timestamptz as "since!", grant_since as until,
                 count(*) over () as "total!"
               from requests
               where grant_status = 'resolved' and grant_since > $3 and grant_since <= $4
                 and ($1::text[] is null or resource = any($1))
               order by grant_since, id limit $2"#,
            wanted.resources.as_deref(),
            limit(),
            wanted.from,
            wanted.until
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(counted(rows))
    }

    /// Each access that is held, once, however often it was extended: the first to end first, those
    /// whose end is not known last. It is held since the target first held it; what is only on its way
    /// in, since that began.
    async fn held(&self, resources: Option<&[String]>) -> Result<Vec<Item>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"with recursive live as (
                 select id, number, person, resource, role, grant_until from requests
                 where grant_status in ('activating', 'active', 'revoking')
                   and ($1::text[] is null or resource = any($1))
               ), chain as (
                 select id as live, id, 0 as depth from live
                 union all
                 select c.live, r.extends, c.depth + 1
                   from chain c join requests r on r.id = c.id
                   where r.extends is not null and c.depth < 1000
               ), begun as (
                 select c.live, min(coalesce(
                     (select min(g.at) from ledger g
                      where g.request_id = r.id and g.event = 'grant_activated'),
                     case r.grant_status when 'activating' then r.grant_since end,
                     r.decided_at)) as since
                 from chain c join requests r on r.id = c.id group by c.live
               ), accesses as (
                 select distinct on (l.person, l.resource, l.role)
                   l.id, l.number, l.person, l.resource, l.role,
                   min(b.since) over access as since, max(l.grant_until) over access as until
                 from live l join begun b on b.live = l.id
                 window access as (partition by l.person, l.resource, l.role)
                 order by l.person, l.resource, l.role, l.number desc)
               select id as "id!", number as "number!", person as "person!",
                 resource as "resource!", role as "role!", since as "since!", until,
                 count(*) over () as "total!"
               from accesses order by until nulls last, id"#,
            resources
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(Item::from).collect())
    }

    /// Logins that were made for somebody and whose secret nobody took, neither for this request
    /// nor for another one of the same access since: those that ended in the period, and those that
    /// are held for more than an hour.
    async fn unused(&self, wanted: &Wanted) -> Result<Few<Item>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"select r.id, r.number, r.person, r.resource, r.role, given.at as "since!",
                 coalesce(r.grant_until, r.grant_since) as until, count(*) over () as "total!"
               from requests r cross join lateral (
                 select min(l.at) as at from ledger l
                 where l.request_id = r.id and l.event = 'grant_activated') as given
               where ($1::text[] is null or r.resource = any($1)) and r.extends is null
                 and r.terms #>> '{target,spec,mode}' = 'login'
                 and (r.grant_status = 'active' and given.at <= $5
                   or r.grant_status = 'revoked' and r.grant_since > $3 and r.grant_since <= $4)
                 and given.at is not null
                 and not exists (select from requests o join ledger l on l.request_id = o.id
                   where o.person = r.person and o.resource = r.resource and o.role = r.role
                     and l.event = 'credentials_issued' and l.at >= given.at)
               order by given.at, r.id limit $2"#,
            wanted.resources.as_deref(),
            limit(),
            wanted.from,
            wanted.until,
            wanted.until - UNUSED_AFTER
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(counted(rows))
    }

    async fn counts(&self, wanted: &Wanted) -> Result<Counts, StoreError> {
        let row = sqlx::query!(
            r#"select
                 count(*) filter (where status = 'approved' and terms -> 'route' ? 'steps') as "granted!",
                 count(*) filter (where status = 'denied' or status = 'overruled'
                   and (extends is null or why is distinct from $4)) as "denied!",
                 count(*) filter (where status = 'approved' and terms -> 'route' ? 'automatic') as "automatic!",
                 count(*) filter (where status = 'approved' and terms -> 'route' ? 'break_glass') as "break_glass!",
                 count(*) filter (where status = 'expired') as "expired!"
               from requests
               where decided_at > $2 and decided_at <= $3
                 and ($1::text[] is null or resource = any($1))"#,
            wanted.resources.as_deref(),
            wanted.from,
            wanted.until,
            // Nobody said no to what came too late to prolong anything.
            Refusal::NothingToExtend.to_string()
        )
        .fetch_one(&self.pool)
        .await?;
        let number = |count: i64| u64::try_from(count).unwrap_or_default();
        Ok(Counts {
            granted: number(row.granted),
            denied: number(row.denied),
            automatic: number(row.automatic),
            break_glass: number(row.break_glass),
            expired: number(row.expired),
        })
    }

    async fn policy_changes(&self, wanted: &Wanted) -> Result<Few<PolicyChange>, StoreError> {
        let rows = sqlx::query!(
            r#"select at, payload::jsonb #>> '{what,to}' as "to!", count(*) over () as "total!"
               from ledger where event = 'policy_changed' and at > $1 and at <= $2
               order by seq desc limit $3"#,
            wanted.from,
            wanted.until,
            limit()
        )
        .fetch_all(&self.pool)
        .await?;
        let total = rows.first().map_or(0, |row| row.total);
        let change = |(at, to)| PolicyChange { at, to };
        Ok(Few {
            first: rows
                .into_iter()
                .map(|row| change((row.at, row.to)))
                .collect(),
            total: usize::try_from(total).unwrap_or_default(),
        })
    }

    /// Where the card stands that shows the request: in its channel, the first copy that is known.
    pub async fn card_place(&self, request: RequestId) -> Result<Option<Place>, StoreError> {
        let place = sqlx::query_as!(
            Place,
            "select c.channel, c.ts, c.permalink from requests r
             join cards c on c.request_id = coalesce((r.bundle ->> 'lead')::uuid, r.id)
             where r.id = $1 and c.kind = 'card' order by c.posted_at, c.ts limit 1",
            request.as_uuid()
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(place)
    }
}

fn limit() -> i64 {
    i64::try_from(FIRST).unwrap_or(i64::MAX)
}

fn few(mut items: Vec<Item>, first: usize) -> Few<Item> {
    let total = items.len();
    items.truncate(first);
    Few {
        first: items,
        total,
    }
}

fn counted(rows: Vec<Row>) -> Few<Item> {
    let total = rows.first().map_or(0, |row| row.total);
    Few {
        first: rows.into_iter().map(Item::from).collect(),
        total: usize::try_from(total).unwrap_or_default(),
    }
}

/// The longest grants, where there are so many that they stand out.
fn longest(held: &[Item]) -> Few<Item> {
    let length = |item: &Item| {
        item.until
            .map_or(TimeDelta::zero(), |until| until - item.since)
    };
    let mut items: Vec<Item> = held.to_vec();
    items.sort_by_key(|item| std::cmp::Reverse(length(item)));
    if items.len() <= LONGEST {
        return Few::default();
    }
    items.truncate(LONGEST);
    few(items, LONGEST)
}

impl From<Row> for Item {
    fn from(row: Row) -> Self {
        Self {
            request: RequestId::from_uuid(row.id),
            number: row.number,
            access: Access {
                person: PersonId::from_uuid(row.person),
                resource: ResourceName::new(row.resource),
                role: RoleName::new(row.role),
            },
            since: row.since,
            until: row.until,
            link: None,
        }
    }
}
