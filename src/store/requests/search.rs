//! Looking for requests among all there ever were.

use uuid::Uuid;

use super::Row;
use crate::domain::{Fate, PersonId, Request, Search};
use crate::store::{Store, StoreError};

impl Store {
    /// The newest requests that fit the search, newest first, at most so many; with `before`, only
    /// those with a smaller number.
    pub async fn search(
        &self,
        search: &Search,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Request>, StoreError> {
        let people: Vec<Uuid> = search
            .people
            .iter()
            .map(|id| PersonId::as_uuid(*id))
            .collect();
        let rows = requests!(
            "where ($1::bigint is null or r.number < $1)
               and (cardinality($2::uuid[]) = 0 or r.requester = any($2) or r.person = any($2))
               and ($3::text is null or lower(r.resource) = lower($3))
               and (cardinality($4::text[]) = 0 or r.terms ->> 'channel' = any($4)
                 or exists (select from cards c
                   where c.request_id = coalesce((r.bundle ->> 'lead')::uuid, r.id)
                     and c.kind = 'card' and c.channel = any($4)))
               and ($5::timestamptz is null or $5 <= r.asked_at)
               and ($6::timestamptz is null or r.asked_at < $6)
               and ($7::bigint is null or r.number = $7)
               and case coalesce($8::text, '')
                 when '' then true
                 when 'waiting' then r.status = 'pending'
                 when 'active' then coalesce(r.grant_status in ('activating', 'active'), false)
                 when 'ended' then coalesce(r.grant_status in ('revoking', 'revoked', 'resolved'), false)
                 when 'revoked' then coalesce(r.revoke_cause ->> 'cause' = 'revoked', false)
                 when 'failed' then coalesce(r.grant_status = 'failed', false)
                 when 'automatic' then r.terms -> 'route' ? 'automatic'
                 when 'break-glass' then r.terms -> 'route' ? 'break_glass'
                 else r.status = $8 end
             order by r.number desc limit $9",
            before,
            &people,
            search.resource,
            &search.channel,
            search.from,
            search.until,
            search.number,
            search.fate.map(Fate::as_str),
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Row::into_request).collect()
    }
}
