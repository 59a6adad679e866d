//! Requests with their grants: one row each, one exhaustive match between row and state.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Store, StoreError, Tx, from_json, to_json};
use crate::domain::{
    Access, AfterReview, Approval, Chase, Extends, Grant, GrantState, Origin, PersonId, Request,
    RequestId, RequestState, ResourceName, RoleName, Span,
};

/// A request that is locked by this transaction, with the version that a save must name.
#[derive(Debug)]
pub struct Locked {
    /// The request as it is.
    pub request: Request,
    version: i64,
}

struct Row {
    id: Uuid,
    number: i64,
    version: i64,
    requester: Uuid,
    person: Uuid,
    resource: String,
    role: String,
    reason: String,
    duration_seconds: i32,
    terms: Value,
    roster: Value,
    origin: String,
    extends: Option<Uuid>,
    bundle: Option<Value>,
    asked_at: DateTime<Utc>,
    status: String,
    step: i32,
    approvals: Value,
    expires_at: Option<DateTime<Utc>>,
    nudge_at: Option<DateTime<Utc>>,
    nudges: i32,
    escalate_at: Option<DateTime<Utc>>,
    escalated: bool,
    decided_at: Option<DateTime<Utc>>,
    denied_by: Option<Uuid>,
    why: Option<String>,
    review: Option<Value>,
    review_due_at: Option<DateTime<Utc>>,
    start_at: Option<DateTime<Utc>>,
    grant_status: Option<String>,
    grant_after: Option<DateTime<Utc>>,
    grant_since: Option<DateTime<Utc>>,
    grant_until: Option<DateTime<Utc>>,
    remind_at: Option<DateTime<Utc>>,
    receipt: Option<Value>,
    revoke_cause: Option<Value>,
    failing: Option<Value>,
    resolved: Option<Value>,
    covered_until: Option<DateTime<Utc>>,
    grant_error: Option<String>,
}

/// A query for requests: what follows `from requests`, and its arguments. The columns stand by name,
/// since the answer to a `*` changes with the next migration, and what a connection of the version
/// from before has prepared would then be refused for as long as it lives.
macro_rules! requests {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            "select id, number, version, requester, person, resource, role, reason, \
             duration_seconds, terms, roster, origin, extends, bundle, asked_at, status, step, \
             approvals, expires_at, nudge_at, nudges, escalate_at, escalated, decided_at, denied_by, \
             why, review, review_due_at, start_at, grant_status, grant_after, grant_since, \
             grant_until, remind_at, receipt, revoke_cause, failing, resolved, covered_until, \
             grant_error \
             from requests r " + $rest
            $(, $argument)*
        )
    };
}

// Below the macro, which it uses.
mod search;

/// Who answers for the end of a grant, as it is stored.
#[derive(Serialize, Deserialize)]
struct Resolved {
    by: PersonId,
    why: String,
    since: DateTime<Utc>,
}

impl Resolved {
    fn to_column(by: PersonId, why: &str, since: DateTime<Utc>) -> Value {
        let why = why.to_owned();
        to_json(&Self { by, why, since })
    }
}

impl Store {
    /// The request, if there is one.
    pub async fn request(&self, id: RequestId) -> Result<Option<Request>, StoreError> {
        let row = requests!("where id = $1", id.as_uuid())
            .fetch_optional(&self.pool)
            .await?;
        row.map(Row::into_request).transpose()
    }

    /// The request with that number for people, if there is one.
    pub async fn request_by_number(&self, number: i64) -> Result<Option<Request>, StoreError> {
        let row = requests!("where number = $1", number)
            .fetch_optional(&self.pool)
            .await?;
        row.map(Row::into_request).transpose()
    }

    /// The parts of the bundle that the request has the card of, itself among them, in the order of
    /// the parts; of any other request, itself alone.
    pub async fn parts_of(&self, id: RequestId) -> Result<Vec<Request>, StoreError> {
        let rows = requests!(
            "where id = $1 or bundle ->> 'lead' = $2 order by id",
            id.as_uuid(),
            id.to_string()
        )
        .fetch_all(&self.pool)
        .await?;
        let parts: Result<Vec<Request>, StoreError> =
            rows.into_iter().map(Row::into_request).collect();
        let mut parts = parts?;
        parts.sort_by_key(|request| request.bundle.as_ref().map(|part| part.part));
        Ok(parts)
    }

    /// The requests of a person that still live (waiting, or with a grant that is not over), oldest
    /// first.
    pub async fn live_requests_of(&self, person: PersonId) -> Result<Vec<Request>, StoreError> {
        let rows = requests!(
            "where (requester = $1 or person = $1)
               and (status = 'pending' or grant_status in ('scheduled', 'activating', 'active', 'revoking'))
             order by id",
            person.as_uuid()
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Row::into_request).collect()
    }

    /// The requests whose grants bear on that access: on their way in, held, on their way out, or
    /// gone on somebody's word alone; oldest first.
    pub async fn live_grants_of(&self, access: &Access) -> Result<Vec<Request>, StoreError> {
        let rows = requests!(
            "where person = $1 and resource = $2 and role = $3
               and grant_status in ('activating', 'active', 'revoking', 'resolved')
             order by id",
            access.person.as_uuid(),
            access.resource.as_str(),
            access.role.as_str()
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Row::into_request).collect()
    }

    /// These requests, in the order of the ids; those that do not exist are left out.
    pub async fn requests(&self, ids: &[RequestId]) -> Result<Vec<Request>, StoreError> {
        let uuids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
        let rows = requests!("where id = any($1)", &uuids)
            .fetch_all(&self.pool)
            .await?;
        let requests: Result<Vec<Request>, StoreError> =
            rows.into_iter().map(Row::into_request).collect();
        let mut requests = requests?;
        let order: HashMap<RequestId, usize> =
            ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
        requests.sort_by_key(|request| order.get(&request.id).copied());
        Ok(requests)
    }

    /// Every request there is, oldest first. For proofs over the whole, such as replaying the
    /// ledger.
    pub async fn all_requests(&self) -> Result<Vec<Request>, StoreError> {
        let rows = requests!("order by id").fetch_all(&self.pool).await?;
        rows.into_iter().map(Row::into_request).collect()
    }
}

impl Tx {
    /// Locks a request until the end of the transaction. The request that it prolongs is locked
    /// too, first (it is older, and locks are taken in the order of ids), and its end is read.
    pub async fn lock_request(&mut self, id: RequestId) -> Result<Option<Locked>, StoreError> {
        let extends =
            sqlx::query_scalar!("select extends from requests where id = $1", id.as_uuid())
                .fetch_optional(&mut *self.0)
                .await?
                .flatten();
        let until = match extends {
            Some(older) => self
                .lock_row(older)
                .await?
                .and_then(|row| row.active_until()),
            None => None,
        };
        let Some(row) = self.lock_row(id.as_uuid()).await? else {
            return Ok(None);
        };
        let version = row.version;
        let mut request = row.into_request()?;
        if let Some(extends) = &mut request.extends {
            extends.until = until;
        }
        Ok(Some(Locked { request, version }))
    }

    /// The parts of the bundle that the request has the card of, itself among them, oldest first;
    /// of any other request, itself alone.
    pub async fn parts_of(&mut self, id: RequestId) -> Result<Vec<RequestId>, StoreError> {
        let parts = sqlx::query_scalar!(
            "select id from requests where id = $1 or bundle ->> 'lead' = $2 order by id",
            id.as_uuid(),
            id.to_string()
        )
        .fetch_all(&mut *self.0)
        .await?;
        Ok(parts.into_iter().map(RequestId::from_uuid).collect())
    }

    async fn lock_row(&mut self, id: Uuid) -> Result<Option<Row>, StoreError> {
        let row = requests!("where id = $1 for update", id)
            .fetch_optional(&mut *self.0)
            .await?;
        Ok(row)
    }

    /// Takes the next number for people. Numbers of requests that were not stored are lost.
    pub async fn next_number(&mut self) -> Result<i64, StoreError> {
        let number = sqlx::query_scalar!(
            r#"select nextval(pg_get_serial_sequence('requests', 'number')) as "number!""#
        )
        .fetch_one(&mut *self.0)
        .await?;
        Ok(number)
    }

    /// Stores a new request as it is.
    pub async fn insert_request(&mut self, request: &Request) -> Result<(), StoreError> {
        let seconds = i32::try_from(request.duration.seconds()).unwrap_or(i32::MAX);
        sqlx::query!(
            "insert into requests (id, number, requester, person, resource, role, reason,
               duration_seconds, terms, roster, origin, extends, asked_at, bundle, status, expires_at)
             overriding system value
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'pending', $13)",
            request.id.as_uuid(),
            request.number,
            request.requester.as_uuid(),
            request.access.person.as_uuid(),
            request.access.resource.as_str(),
            request.access.role.as_str(),
            request.reason,
            seconds,
            to_json(&request.terms),
            to_json(&request.roster),
            origin_name(request.origin),
            request
                .extends
                .as_ref()
                .map(|extends| extends.request.as_uuid()),
            request.asked_at,
            request.bundle.as_ref().map(to_json),
        )
        .execute(&mut *self.0)
        .await?;
        self.save(
            &Locked {
                request: request.clone(),
                version: 1,
            },
            request,
        )
        .await
    }

    /// Saves the next state of a request that this transaction has locked.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] if the row is not the version that was read, which the lock makes
    /// impossible and the statement checks all the same.
    pub async fn save(&mut self, locked: &Locked, next: &Request) -> Result<(), StoreError> {
        let c = Columns::of(&next.state);
        let changed = sqlx::query!(
            "update requests set version = version + 1,
               status = $3, step = $4, approvals = $5, expires_at = $6, decided_at = $7,
               denied_by = $8, why = $9, grant_status = $10, grant_after = $11, grant_since = $12,
               grant_until = $13, remind_at = $14, receipt = $15, revoke_cause = $16, failing = $17,
               covered_until = $18, grant_error = $19, terms = $20, nudge_at = $21, nudges = $22,
               escalate_at = $23, escalated = $24, review = $25, review_due_at = $26, start_at = $27, resolved = $28,
               roster = $29
             where id = $1 and version = $2",
            next.id.as_uuid(),
            locked.version,
            c.status,
            c.step,
            c.approvals,
            c.expires_at,
            c.decided_at,
            c.denied_by,
            c.why,
            c.grant_status,
            c.grant_after,
            c.grant_since,
            c.grant_until,
            c.remind_at,
            c.receipt,
            c.revoke_cause,
            c.failing,
            c.covered_until,
            c.grant_error,
            to_json(&next.terms),
            c.nudge_at,
            c.nudges,
            c.escalate_at,
            c.escalated,
            c.review,
            c.review_due_at,
            c.start_at,
            c.resolved,
            to_json(&next.roster),
        )
        .execute(&mut *self.0)
        .await?;
        if changed.rows_affected() == 1 {
            Ok(())
        } else {
            Err(StoreError::Overtaken)
        }
    }
}

/// The columns that hold a state; all that a variant does not hold stay null.
#[derive(Default)]
struct Columns {
    status: &'static str,
    step: i32,
    approvals: Value,
    expires_at: Option<DateTime<Utc>>,
    decided_at: Option<DateTime<Utc>>,
    denied_by: Option<Uuid>,
    why: Option<String>,
    grant_status: Option<&'static str>,
    grant_after: Option<DateTime<Utc>>,
    grant_since: Option<DateTime<Utc>>,
    grant_until: Option<DateTime<Utc>>,
    remind_at: Option<DateTime<Utc>>,
    receipt: Option<Value>,
    revoke_cause: Option<Value>,
    failing: Option<Value>,
    resolved: Option<Value>,
    covered_until: Option<DateTime<Utc>>,
    grant_error: Option<String>,
    nudge_at: Option<DateTime<Utc>>,
    nudges: i32,
    escalate_at: Option<DateTime<Utc>>,
    escalated: bool,
    review: Option<Value>,
    review_due_at: Option<DateTime<Utc>>,
    start_at: Option<DateTime<Utc>>,
}

impl Columns {
    fn of(state: &RequestState) -> Self {
        let none = Self {
            approvals: Value::Array(Vec::new()),
            ..Self::default()
        };
        match state {
            RequestState::Pending {
                step,
                approvals,
                expires_at,
                chase,
            } => Self {
                status: "pending",
                step: i32::try_from(*step).unwrap_or(i32::MAX),
                approvals: to_json(approvals),
                expires_at: Some(*expires_at),
                nudge_at: chase.nudge_at,
                nudges: i32::try_from(chase.nudges).unwrap_or(i32::MAX),
                escalate_at: chase.escalate_at,
                escalated: chase.escalated,
                ..none
            },
            RequestState::Approved {
                at,
                approvals,
                grant,
                review,
            } => Self {
                status: "approved",
                approvals: to_json(approvals),
                decided_at: Some(*at),
                grant_after: grant.after,
                review: review.as_ref().map(to_json),
                review_due_at: review.as_ref().and_then(AfterReview::awaited),
                ..Self::of_grant(&grant.state)
            },
            RequestState::Denied { at, by, why } => Self {
                status: "denied",
                decided_at: Some(*at),
                denied_by: Some(by.as_uuid()),
                why: Some(why.clone()),
                ..none
            },
            RequestState::Cancelled { at } => Self {
                status: "cancelled",
                decided_at: Some(*at),
                ..none
            },
            RequestState::Expired { at } => Self {
                status: "expired",
                decided_at: Some(*at),
                ..none
            },
            RequestState::Overruled { at, why } => Self {
                status: "overruled",
                decided_at: Some(*at),
                why: Some(why.clone()),
                ..none
            },
        }
    }

    fn of_grant(state: &GrantState) -> Self {
        let at = |status, since: &DateTime<Utc>| Self {
            grant_status: Some(status),
            grant_since: Some(*since),
            ..Self::default()
        };
        match state {
            GrantState::Scheduled { since, start_at } => Self {
                start_at: Some(*start_at),
                ..at("scheduled", since)
            },
            GrantState::Activating { since, until } => Self {
                grant_until: *until,
                ..at("activating", since)
            },
            GrantState::Active {
                since,
                until,
                remind_at,
                receipt,
            } => Self {
                grant_until: Some(*until),
                remind_at: *remind_at,
                receipt: Some(to_json(receipt)),
                ..at("active", since)
            },
            GrantState::Revoking {
                since,
                cause,
                failing,
            } => Self {
                revoke_cause: Some(to_json(cause)),
                failing: failing.as_ref().map(to_json),
                ..at("revoking", since)
            },
            GrantState::Resolved {
                at: said,
                since,
                cause,
                by,
                why,
            } => Self {
                revoke_cause: Some(to_json(cause)),
                resolved: Some(Resolved::to_column(*by, why, *since)),
                ..at("resolved", said)
            },
            GrantState::Revoked {
                at: since,
                cause,
                covered_until,
            } => Self {
                revoke_cause: Some(to_json(cause)),
                covered_until: *covered_until,
                ..at("revoked", since)
            },
            GrantState::Failed { at: since, error } => Self {
                grant_error: Some(error.clone()),
                ..at("failed", since)
            },
        }
    }
}

impl Row {
    /// The end of the grant, if it is active.
    fn active_until(&self) -> Option<DateTime<Utc>> {
        self.grant_until
            .filter(|_| self.grant_status.as_deref() == Some("active"))
    }

    fn wrong(&self, what: &str) -> StoreError {
        StoreError::Inconsistent {
            table: "requests",
            row: self.id.to_string(),
            what: what.into(),
        }
    }

    fn into_request(self) -> Result<Request, StoreError> {
        let state = self.state()?;
        let seconds = u64::try_from(self.duration_seconds).unwrap_or_default();
        let duration = Span::from_seconds(seconds).map_err(|_| self.wrong("its duration"))?;
        let origin = match self.origin.as_str() {
            "slack" => Origin::Slack,
            "api" => Origin::Api,
            "cli" => Origin::Cli,
            _ => return Err(self.wrong("its origin")),
        };
        Ok(Request {
            id: RequestId::from_uuid(self.id),
            number: self.number,
            access: Access {
                person: PersonId::from_uuid(self.person),
                resource: ResourceName::new(self.resource),
                role: RoleName::new(self.role),
            },
            requester: PersonId::from_uuid(self.requester),
            reason: self.reason,
            duration,
            terms: from_json(self.terms, "requests", self.id)?,
            roster: from_json(self.roster, "requests", self.id)?,
            origin,
            extends: self.extends.map(|id| Extends {
                request: RequestId::from_uuid(id),
                until: None,
            }),
            bundle: (self.bundle)
                .map(|bundle| from_json(bundle, "requests", self.id))
                .transpose()?,
            asked_at: self.asked_at,
            state,
        })
    }

    fn state(&self) -> Result<RequestState, StoreError> {
        let decided = || {
            self.decided_at
                .ok_or_else(|| self.wrong("no time of decision"))
        };
        let approvals: Vec<Approval> = from_json(self.approvals.clone(), "requests", self.id)?;
        match (
            self.status.as_str(),
            self.expires_at,
            self.denied_by,
            &self.why,
        ) {
            ("pending", Some(expires_at), None, None) => Ok(RequestState::Pending {
                step: usize::try_from(self.step).unwrap_or_default(),
                approvals,
                expires_at,
                chase: self.chase(),
            }),
            ("approved", None, None, None) => Ok(RequestState::Approved {
                at: decided()?,
                approvals,
                grant: Grant {
                    after: self.grant_after,
                    state: self.grant_state()?,
                },
                review: self.review()?,
            }),
            ("overruled", None, None, Some(why)) => Ok(RequestState::Overruled {
                at: decided()?,
                why: why.clone(),
            }),
            ("denied", None, Some(by), Some(why)) => Ok(RequestState::Denied {
                at: decided()?,
                by: PersonId::from_uuid(by),
                why: why.clone(),
            }),
            ("cancelled", None, None, None) => Ok(RequestState::Cancelled { at: decided()? }),
            ("expired", None, None, None) => Ok(RequestState::Expired { at: decided()? }),
            _ => Err(self.wrong("its status does not fit its columns")),
        }
    }

    fn review(&self) -> Result<Option<AfterReview>, StoreError> {
        let review = self.review.clone();
        let review: Option<AfterReview> = review
            .map(|review| from_json(review, "requests", self.id))
            .transpose()?;
        let awaited = review.as_ref().and_then(AfterReview::awaited);
        if awaited.is_some() == self.review_due_at.is_some() {
            Ok(review)
        } else {
            Err(self.wrong("its review does not fit its columns"))
        }
    }

    fn resolved(&self, at: DateTime<Utc>, cause: &Value) -> Result<GrantState, StoreError> {
        let resolved = self.resolved.clone();
        let resolved = resolved.ok_or_else(|| self.wrong("nobody answers for its end"))?;
        let Resolved { by, why, since } = from_json(resolved, "requests", self.id)?;
        Ok(GrantState::Resolved {
            at,
            since,
            cause: from_json(cause.clone(), "requests", self.id)?,
            by,
            why,
        })
    }

    fn chase(&self) -> Chase {
        Chase {
            nudge_at: self.nudge_at,
            nudges: u32::try_from(self.nudges).unwrap_or_default(),
            escalate_at: self.escalate_at,
            escalated: self.escalated,
        }
    }

    fn grant_state(&self) -> Result<GrantState, StoreError> {
        let since = self
            .grant_since
            .ok_or_else(|| self.wrong("its grant has no time"))?;
        let (until, error) = (self.grant_until, &self.grant_error);
        match (
            self.grant_status.as_deref(),
            until,
            &self.receipt,
            &self.revoke_cause,
            error,
        ) {
            (Some("scheduled"), None, None, None, None) => Ok(GrantState::Scheduled {
                since,
                start_at: self.start_at.ok_or_else(|| self.wrong("it has no start"))?,
            }),
            (Some("activating"), until, None, None, None) => {
                Ok(GrantState::Activating { since, until })
            }
            (Some("active"), Some(until), Some(receipt), None, None) => Ok(GrantState::Active {
                since,
                until,
                remind_at: self.remind_at,
                receipt: from_json(receipt.clone(), "requests", self.id)?,
            }),
            (Some("revoking"), None, None, Some(cause), None) => {
                let failing = self.failing.clone();
                let failing = failing
                    .map(|f| from_json(f, "requests", self.id))
                    .transpose()?;
                let cause = from_json(cause.clone(), "requests", self.id)?;
                Ok(GrantState::Revoking {
                    since,
                    cause,
                    failing,
                })
            }
            (Some("resolved"), None, None, Some(cause), None) => self.resolved(since, cause),
            (Some("revoked"), None, None, Some(cause), None) => Ok(GrantState::Revoked {
                at: since,
                cause: from_json(cause.clone(), "requests", self.id)?,
                covered_until: self.covered_until,
            }),
            (Some("failed"), None, None, None, Some(error)) => Ok(GrantState::Failed {
                at: since,
                error: error.clone(),
            }),
            _ => Err(self.wrong("its grant does not fit its columns")),
        }
    }
}

fn origin_name(origin: Origin) -> &'static str {
    match origin {
        Origin::Slack => "slack",
        Origin::Api => "api",
        Origin::Cli => "cli",
    }
}
