//! App Home tabs: who has opened one, what it shows, and when it is to be looked at again.
//!
//! The ledger says what has changed: it is read behind a cursor, so that nothing is missed and no
//! decision waits for a tab.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Store, StoreError, Tx, from_json};
use crate::domain::{Access, GroupName, PersonId, RequestId, ResourceName, RoleName};

/// Requests of one kind that a tab is made of; more of them nobody pages through.
const MOST: i64 = 500;
/// How far back a tab looks for requests that are over.
const PAST: TimeDelta = TimeDelta::days(90);
/// For how long an access is looked after that somebody answered for.
const RESOLVED: TimeDelta = TimeDelta::days(7);

/// A tab that was taken to be rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tab {
    /// The workspace.
    pub team: String,
    /// The Slack user.
    pub user: String,
    /// Whose it is.
    pub person: PersonId,
    /// How often it was taken. Only the last taker may say what it shows.
    pub attempt: i32,
    /// Whether it is published even if it shows the same already.
    pub forced: bool,
    /// When it was opened last.
    pub opened_at: DateTime<Utc>,
    /// How often in a row Slack refused it with a code that we do not know.
    pub refused: i32,
    /// Which page of which section it shows, from 0.
    pub pages: BTreeMap<String, u32>,
    /// SHA-256 of what Slack has; none where that is not known.
    pub shown: Option<Vec<u8>>,
    /// What Slack calls the state of the view.
    pub hash: Option<String>,
}

/// What a tab was made of, by which it is known what concerns it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// The resources that the person leads.
    pub leads: BTreeSet<ResourceName>,
    /// Whether the admin panel stands in it.
    pub is_admin: bool,
    /// Every request that was looked at.
    pub of: Vec<RequestId>,
    /// When it is to be looked at again although nothing happens.
    pub again_at: Option<DateTime<Utc>>,
}

/// What Slack has of a tab.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// SHA-256 of it; none where that is not known.
    pub shown: Option<Vec<u8>>,
    /// What Slack calls its state.
    pub hash: Option<String>,
}

/// Why a tab was not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpublished {
    /// It could not be; Slack has what it had.
    Failed,
    /// Slack refused it with a code that we do not know.
    Refused,
    /// Nobody knows what Slack has of it.
    Unsure,
}

struct TabRow {
    team: String,
    slack_user: String,
    person_id: Uuid,
    attempt: i32,
    forced: bool,
    opened_at: DateTime<Utc>,
    refused: i32,
    pages: Value,
    shown: Option<Vec<u8>>,
    hash: Option<String>,
}

impl Store {
    /// Somebody opened their tab: it is rendered now, from the first page on, and published whatever
    /// it showed.
    pub async fn open_home(
        &self,
        (team, user): (&str, &str),
        person: PersonId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into homes (team, slack_user, person_id, opened_at, due_at, forced)
             values ($1, $2, $3, $4, $4, true)
             on conflict (team, slack_user) do update set
               person_id = $3, opened_at = $4, due_at = $4, forced = true, pages = '{}'",
            team,
            user,
            person.as_uuid(),
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Turns to a page of a section; the tab is rendered now.
    pub async fn turn_home_page(
        &self,
        (team, user): (&str, &str),
        (section, page): (&str, u32),
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update homes set due_at = $4, pages = pages || $3
             where team = $1 and slack_user = $2",
            team,
            user,
            json!({ section: page }),
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Has a tab rendered now: its person did something in it, and waits to see what came of it.
    pub async fn hurry_home(
        &self,
        (team, user): (&str, &str),
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update homes set due_at = $3 where team = $1 and slack_user = $2",
            team,
            user,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Reads what happened since the last look, and has every tab that it may concern rendered after
    /// that time: what happens until then is shown with it. Answers whether anything was new.
    pub async fn follow_homes(
        &self,
        now: DateTime<Utc>,
        wait: TimeDelta,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query!(
            "insert into homes_feed (seq) select coalesce(max(seq), 0) from ledger
             where not exists (select from homes_feed) on conflict (only_one) do nothing"
        )
        .execute(&mut *tx.0)
        .await?;
        let from = sqlx::query_scalar!("select seq from homes_feed for update skip locked")
            .fetch_optional(&mut *tx.0)
            .await?;
        let Some(from) = from else {
            // Another replica is at it.
            return Ok(false);
        };
        let until = sqlx::query_scalar!("select max(seq) from ledger")
            .fetch_one(&mut *tx.0)
            .await?;
        let until = until.unwrap_or(from);
        if from < until {
            tx.follow_homes((from, until), now + wait).await?;
        }
        tx.commit().await?;
        Ok(from < until)
    }

    /// Has every tab rendered after that time.
    pub async fn render_homes(&self, due_at: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query!("update homes set due_at = least(due_at, $1)", due_at)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Takes tabs that are due, and those whose taker died. News from now on makes them due anew.
    pub async fn take_homes(
        &self,
        now: DateTime<Utc>,
        lease: TimeDelta,
        limit: i64,
    ) -> Result<Vec<Tab>, StoreError> {
        let rows = sqlx::query_as!(
            TabRow,
            "update homes set attempt = attempt + 1, lease_until = $2, due_at = null
             where (team, slack_user) in (
               select team, slack_user from homes
               where (due_at <= $1 and lease_until is null) or lease_until <= $1
               order by coalesce(due_at, lease_until) limit $3 for update skip locked)
             returning team, slack_user, person_id, attempt, forced, opened_at, refused, pages,
               shown, hash",
            now,
            now + lease,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(TabRow::into_tab).collect()
    }

    /// Remembers what Slack has of a tab, and what it was made of. Whoever opened it since it was
    /// taken still has it published.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] if another worker has taken it since.
    pub async fn keep_home(
        &self,
        tab: &Tab,
        published: &Published,
        made: &Made,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let leads: Vec<String> = made.leads.iter().map(ToString::to_string).collect();
        let of: Vec<Uuid> = made.of.iter().map(|id| id.as_uuid()).collect();
        let kept = sqlx::query!(
            "update homes set lease_until = null, forced = forced and opened_at <> $11, refused = 0,
               shown = $4, hash = $5,
               leads = $6, is_admin = $7, shows = $8, published_at = $9, due_at = least(due_at, $10)
             where team = $1 and slack_user = $2 and attempt = $3",
            tab.team,
            tab.user,
            tab.attempt,
            published.shown,
            published.hash,
            &leads,
            made.is_admin,
            &of,
            now,
            made.again_at,
            tab.opened_at
        )
        .execute(&self.pool)
        .await?;
        overtaken(kept.rows_affected())
    }

    /// Gives a tab back that was not published; it is rendered again then.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] if another worker has taken it since.
    pub async fn put_off_home(
        &self,
        tab: &Tab,
        due_at: DateTime<Utc>,
        why: Unpublished,
    ) -> Result<(), StoreError> {
        let kept = sqlx::query!(
            "update homes set lease_until = null, due_at = least(due_at, $4), forced = forced or $5,
               shown = case when $5 then null else shown end,
               hash = case when $5 then null else hash end,
               refused = case when $6 then refused + 1 else refused end
             where team = $1 and slack_user = $2 and attempt = $3",
            tab.team,
            tab.user,
            tab.attempt,
            due_at,
            why == Unpublished::Unsure,
            why == Unpublished::Refused
        )
        .execute(&self.pool)
        .await?;
        overtaken(kept.rows_affected())
    }

    /// The groups that stood behind what waits for approvers when it was asked.
    pub async fn waiting_groups(&self) -> Result<BTreeSet<GroupName>, StoreError> {
        let names = sqlx::query_scalar!(
            r#"select distinct jsonb_object_keys(roster -> 'groups') as "name!" from requests
               where status = 'pending'"#
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(names.into_iter().map(GroupName::new).collect())
    }

    /// The requests that wait for approvers and may wait for one human: because one of their rows stood
    /// behind a group of it, or because they are in such a group by now. What a later policy tightened
    /// may ask others than it did, so it is always there. Those that expire first come first.
    pub async fn waiting_requests(
        &self,
        rows: &BTreeSet<PersonId>,
        groups: &BTreeSet<GroupName>,
    ) -> Result<Vec<RequestId>, StoreError> {
        let rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
        let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
        let ids = sqlx::query_scalar!(
            "select id from requests where status = 'pending'
               and (terms ->> 'tightened_by' is not null or roster -> 'groups' ?| $2
                 or exists (select from jsonb_each(roster -> 'groups') as g where g.value ?| $1))
             order by expires_at, id limit $3",
            &rows,
            &groups,
            MOST
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(ids.into_iter().map(RequestId::from_uuid).collect())
    }

    /// The break-glass requests that somebody is still to look at afterwards, also where that is
    /// overdue; what is due first comes first.
    pub async fn unreviewed_requests(&self) -> Result<Vec<RequestId>, StoreError> {
        let ids = sqlx::query_scalar!(
            "select id from requests where review is not null and review ->> 'done' is null
             order by (review ->> 'due_at')::timestamptz, id limit $1",
            MOST
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(ids.into_iter().map(RequestId::from_uuid).collect())
    }

    /// What these rows of one human asked for or hold: what waits or lives, and what was asked for in
    /// the last 90 days; the newest first.
    pub async fn requests_of(
        &self,
        rows: &BTreeSet<PersonId>,
        now: DateTime<Utc>,
    ) -> Result<Vec<RequestId>, StoreError> {
        let rows: Vec<Uuid> = rows.iter().map(|id| id.as_uuid()).collect();
        let ids = sqlx::query_scalar!(
            "select id from requests
             where (requester = any($1) or person = any($1))
               and (status = 'pending' or asked_at > $2
                 or grant_status in ('scheduled', 'activating', 'active', 'revoking'))
             order by (status = 'pending'
                 or grant_status in ('scheduled', 'activating', 'active', 'revoking')) desc,
               number desc limit $3",
            &rows,
            now - PAST,
            MOST
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(ids.into_iter().map(RequestId::from_uuid).collect())
    }

    /// What is held of these resources, and what waits; what waits comes first.
    pub async fn live_on(
        &self,
        resources: &BTreeSet<ResourceName>,
    ) -> Result<Vec<RequestId>, StoreError> {
        let resources: Vec<String> = resources.iter().map(ToString::to_string).collect();
        let ids = sqlx::query_scalar!(
            "select id from requests
             where resource = any($1) and (status = 'pending'
               or grant_status in ('scheduled', 'activating', 'active', 'revoking'))
             order by status = 'pending' desc, coalesce(expires_at, grant_until), number limit $2",
            &resources,
            MOST
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(ids.into_iter().map(RequestId::from_uuid).collect())
    }

    /// The removals that keep failing, the oldest first.
    pub async fn stuck_removals(&self) -> Result<Vec<RequestId>, StoreError> {
        let ids = sqlx::query_scalar!(
            "select id from requests where failing is not null order by grant_since, id limit $1",
            MOST
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(ids.into_iter().map(RequestId::from_uuid).collect())
    }

    /// The accesses that somebody answered for in the last week.
    pub async fn resolved_lately(&self, now: DateTime<Utc>) -> Result<Vec<Access>, StoreError> {
        let rows = sqlx::query!(
            "select distinct person, resource, role from requests
             where grant_status = 'resolved' and grant_since > $1 order by person, resource, role",
            now - RESOLVED
        )
        .fetch_all(&self.pool)
        .await?;
        let accesses = rows.into_iter().map(|row| Access {
            person: PersonId::from_uuid(row.person),
            resource: ResourceName::new(row.resource),
            role: RoleName::new(row.role),
        });
        Ok(accesses.collect())
    }

    /// Since when the ledger knows the present policy.
    pub async fn policy_since(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let at = sqlx::query_scalar!(
            "select at from ledger where event = 'policy_changed' order by seq desc limit 1"
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(at)
    }
}

impl Tx {
    /// Has every tab rendered at that time that these entries of the ledger may concern.
    async fn follow_homes(
        &mut self,
        (from, until): (i64, i64),
        due_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "with news as (
               select l.event, r.id, r.requester, r.person, r.resource, r.roster
               from ledger l left join requests r on r.id = l.request_id
               where l.seq > $1 and l.seq <= $2 and l.event not in ('decision_refused', 'outsider_refused'))
             update homes h set due_at = least(h.due_at, $3)
             where exists (select from news n where n.event = 'policy_changed'
               or h.person_id in (n.requester, n.person)
               or n.id = any(h.shows) or n.resource = any(h.leads)
               or (h.is_admin and n.event in ('removal_failing', 'removal_resolved', 'grant_revoked'))
               or exists (select from jsonb_each(n.roster -> 'groups') as g
                 where g.value ? h.person_id::text))",
            from,
            until,
            due_at
        )
        .execute(&mut *self.0)
        .await?;
        sqlx::query!("update homes_feed set seq = $1", until)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }
}

impl TabRow {
    fn into_tab(self) -> Result<Tab, StoreError> {
        Ok(Tab {
            pages: from_json(self.pages, "homes", &self.slack_user)?,
            team: self.team,
            user: self.slack_user,
            person: PersonId::from_uuid(self.person_id),
            attempt: self.attempt,
            forced: self.forced,
            opened_at: self.opened_at,
            refused: self.refused,
            shown: self.shown,
            hash: self.hash,
        })
    }
}

fn overtaken(changed: u64) -> Result<(), StoreError> {
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::Overtaken)
    }
}
