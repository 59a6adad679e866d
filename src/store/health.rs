//! Numbers for people on call. All by database time.

use chrono::{DateTime, Utc};

use super::{Store, StoreError};

/// How the house stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// Requests that wait for approvers.
    pub pending: i64,
    /// Grants that are active.
    pub active: i64,
    /// Grants that should be gone and are not verified gone.
    pub overdue: i64,
    /// Seconds since the oldest of those should have been gone.
    pub oldest_overdue_seconds: f64,
    /// Removals that keep failing.
    pub stuck: i64,
    /// Effects that are due, or failed and are tried again.
    pub outbox: i64,
    /// Seconds since the oldest of those was asked for.
    pub outbox_oldest_seconds: f64,
    /// Deliveries that wait.
    pub deliveries: i64,
}

impl Store {
    /// How the house stands at that time.
    pub async fn health(&self, now: DateTime<Utc>) -> Result<Health, StoreError> {
        let health = sqlx::query_as!(
            Health,
            r#"select
                 (select count(*) from requests where status = 'pending') as "pending!",
                 (select count(*) from requests where grant_status = 'active') as "active!",
                 count(*) as "overdue!",
                 coalesce(extract(epoch from $1 - min(due)), 0)::float8 as "oldest_overdue_seconds!",
                 count(*) filter (where stuck) as "stuck!",
                 (select count(*) from outbox
                  where settled_at is null and (due_at <= $1 or attempt > 0)) as "outbox!",
                 (select coalesce(extract(epoch from $1 - min(created_at)), 0)::float8 from outbox
                  where settled_at is null and (due_at <= $1 or attempt > 0))
                   as "outbox_oldest_seconds!",
                 (select count(*) from deliveries where finished_at is null) as "deliveries!"
               from (
                 select grant_since as due, failing is not null as stuck
                   from requests where grant_status = 'revoking'
                 union all
                 select grant_until, false
                   from requests where grant_status in ('activating', 'active') and grant_until <= $1
               ) as late"#,
            now
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(health)
    }
}
