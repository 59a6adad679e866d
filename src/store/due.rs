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
        let id = RequestId::from_uuid;
        let lapsed = lapsed.into_iter().map(|uuid| Due::Lapse(id(uuid)));
        let expired = expired.into_iter().map(|uuid| Due::Expire(id(uuid)));
        let reminded = reminded.into_iter().map(|uuid| Due::Remind(id(uuid)));
        Ok(lapsed.chain(expired).chain(reminded).collect())
    }
}
