//! What the clock asks for: queries over state, so that nothing can be lost by a restart.

use chrono::{DateTime, Utc};

use super::{Store, StoreError};
use crate::domain::RequestId;

/// Something whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nobody decided in time.
    Expire(RequestId),
    /// The time of a grant is over.
    Lapse(RequestId),
    /// The holder is to be reminded.
    Remind(RequestId),
    /// The approvers are to be asked again.
    Nudge(RequestId),
    /// Others may decide as well.
    Escalate(RequestId),
    /// A look afterwards was not done in time.
    Review(RequestId),
}

impl Store {
    /// What is due at that time, ends of grants first, at most so many of each kind. Nobody is
    /// reminded of the end of a grant that another one of the same access outlasts.
    pub async fn due(&self, now: DateTime<Utc>, limit: i64) -> Result<Vec<Due>, StoreError> {
        let lapsed = sqlx::query_scalar!(
            "select id from requests
             where grant_status in ('activating', 'active') and grant_until <= $1
             order by grant_until limit $2",
            now,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let expired = sqlx::query_scalar!(
            "select id from requests where status = 'pending' and expires_at <= $1
             order by expires_at limit $2",
            now,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let reminded = sqlx::query_scalar!(
            "select r.id from requests r
             where r.remind_at <= $1 and r.grant_until > $1
               and not exists (select from requests o
                 where o.person = r.person and o.resource = r.resource and o.role = r.role
                   and o.grant_status in ('activating', 'active') and o.grant_until > r.grant_until)
             order by r.remind_at limit $2",
            now,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let chased = self.chased(now, limit).await?;
        let id = RequestId::from_uuid;
        let lapsed = lapsed.into_iter().map(|uuid| Due::Lapse(id(uuid)));
        let expired = expired.into_iter().map(|uuid| Due::Expire(id(uuid)));
        let reminded = reminded.into_iter().map(|uuid| Due::Remind(id(uuid)));
        let all = lapsed.chain(expired).chain(reminded);
        Ok(all.chain(chased).collect())
    }

    /// The approved requests whose start has come by that time, the oldest 200.
    pub async fn starting(&self, now: DateTime<Utc>) -> Result<Vec<RequestId>, StoreError> {
        let started = sqlx::query_scalar!(
            "select id from requests where start_at <= $1 order by start_at limit 200",
            now
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(started.into_iter().map(RequestId::from_uuid).collect())
    }

    /// Who is to be asked again, which others as well, and which looks afterwards were missed.
    async fn chased(&self, now: DateTime<Utc>, limit: i64) -> Result<Vec<Due>, StoreError> {
        let escalated = sqlx::query_scalar!(
            "select id from requests where escalate_at <= $1 order by escalate_at limit $2",
            now,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let nudged = sqlx::query_scalar!(
            "select id from requests where nudge_at <= $1 order by nudge_at limit $2",
            now,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let reviews = sqlx::query_scalar!(
            "select id from requests where review_due_at <= $1 order by review_due_at limit $2",
            now,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let id = RequestId::from_uuid;
        let escalated = escalated.into_iter().map(|uuid| Due::Escalate(id(uuid)));
        let nudged = nudged.into_iter().map(|uuid| Due::Nudge(id(uuid)));
        let reviews = reviews.into_iter().map(|uuid| Due::Review(id(uuid)));
        Ok(escalated.chain(nudged).chain(reviews).collect())
    }
}
