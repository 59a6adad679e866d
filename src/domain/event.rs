//! What may happen to a request, in the past tense: the vocabulary of the ledger.
//!
//! An event holds all that it changes, so replaying the ledger gives exactly the state tables:
//! [`decide`](super::decide()) itself gets the next state by [applying](Event::apply) the events it
//! returns.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::grant::{Failing, remind_at};
use super::{
    Approval, Grant, GrantState, Member, PersonId, Receipt, Refusal, Removal, Request,
    RequestState, RevokeCause,
};

/// Something that happened to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// It was asked.
    Requested {
        /// The request as it was then.
        request: Box<Request>,
    },
    /// An approver said yes.
    ApprovalGiven {
        /// Who, with the groups read at the click.
        by: Member,
        /// In which step, from 0.
        step: usize,
        /// A remark.
        comment: Option<String>,
    },
    /// A step was finished; the next one is asked.
    StepFinished {
        /// Which, from 0.
        step: usize,
    },
    /// The request was approved; the grant is on its way.
    RequestApproved {
        /// The end of the grant that this one prolongs.
        after: Option<DateTime<Utc>>,
    },
    /// An approver said no.
    RequestDenied {
        /// Who.
        by: PersonId,
        /// Why.
        why: String,
    },
    /// The requester withdrew it.
    RequestCancelled,
    /// Nobody decided in time.
    RequestExpired,
    /// The target is being called to give the access, with this end.
    ActivationBegun {
        /// The end.
        until: DateTime<Utc>,
    },
    /// The target was not reached.
    ActivationUnreached {
        /// What went wrong.
        error: String,
    },
    /// The target holds the access.
    GrantActivated {
        /// The end.
        until: DateTime<Utc>,
        /// What the target answered.
        receipt: Receipt,
    },
    /// The target refused; nothing was given.
    GrantFailed {
        /// The target's words.
        error: String,
    },
    /// The holder was let in on a fresh secret of the access. Never holds the secret; changes
    /// nothing.
    CredentialsIssued {
        /// Who.
        by: PersonId,
    },
    /// The holder was reminded of the end.
    HolderReminded,
    /// The access is to be taken away.
    RevocationBegun {
        /// From when it should be gone.
        since: DateTime<Utc>,
        /// Why.
        cause: RevokeCause,
    },
    /// The removal keeps failing and is retried.
    RemovalFailing {
        /// Attempts so far.
        attempts: u32,
        /// The last error.
        error: String,
    },
    /// The access is gone, verified; or another grant keeps it.
    GrantRevoked {
        /// What the target answered.
        removal: Option<Removal>,
        /// The end of another grant that keeps the access.
        covered_until: Option<DateTime<Utc>>,
        /// Seconds between the time it should have been gone and now.
        lag_seconds: i64,
    },
    /// Somebody tried what they may not. Changes nothing.
    DecisionRefused {
        /// Who.
        by: PersonId,
        /// Why not.
        refusal: Refusal,
    },
}

impl Event {
    /// The request as it is after this event, which happened at that time. The first event of a
    /// request, [`Event::Requested`], needs none before it.
    ///
    /// Total: an event that does not fit the state (which [`decide`](super::decide()) never makes)
    /// leaves it as it is.
    pub fn apply(&self, request: Option<Request>, at: DateTime<Utc>) -> Option<Request> {
        match (self, request) {
            (Self::Requested { request }, _) => Some((**request).clone()),
            (_, None) => None,
            (event, Some(request)) => {
                let state = event.next_state(&request, at);
                Some(Request { state, ..request })
            }
        }
    }

    fn next_state(&self, request: &Request, now: DateTime<Utc>) -> RequestState {
        match (&request.state, self) {
            (
                RequestState::Pending {
                    step,
                    approvals,
                    expires_at,
                },
                event,
            ) => event
                .leave_pending(approvals, now)
                .unwrap_or_else(|| RequestState::Pending {
                    step: if matches!(event, Self::StepFinished { .. }) {
                        step + 1
                    } else {
                        *step
                    },
                    approvals: event.add_approval(approvals, now),
                    expires_at: *expires_at,
                }),
            (
                RequestState::Approved {
                    at,
                    approvals,
                    grant,
                },
                event,
            ) => {
                let state = event
                    .next_grant(grant, request, now)
                    .unwrap_or(grant.state.clone());
                let grant = Grant {
                    state,
                    ..grant.clone()
                };
                RequestState::Approved {
                    at: *at,
                    approvals: approvals.clone(),
                    grant,
                }
            }
            (over, _) => over.clone(),
        }
    }

    fn add_approval(&self, given: &[Approval], at: DateTime<Utc>) -> Vec<Approval> {
        let mut approvals = given.to_vec();
        if let Self::ApprovalGiven { by, step, comment } = self {
            let (by, comment) = (by.clone(), comment.clone());
            approvals.push(Approval {
                by,
                step: *step,
                at,
                comment,
            });
        }
        approvals
    }

    fn leave_pending(&self, approvals: &[Approval], at: DateTime<Utc>) -> Option<RequestState> {
        match self {
            Self::RequestApproved { after } => Some(RequestState::Approved {
                at,
                approvals: approvals.to_vec(),
                grant: Grant {
                    after: *after,
                    state: GrantState::Activating {
                        since: at,
                        until: None,
                    },
                },
            }),
            Self::RequestDenied { by, why } => Some(RequestState::Denied {
                at,
                by: *by,
                why: why.clone(),
            }),
            Self::RequestCancelled => Some(RequestState::Cancelled { at }),
            Self::RequestExpired => Some(RequestState::Expired { at }),
            _ => None,
        }
    }

    fn next_grant(
        &self,
        grant: &Grant,
        request: &Request,
        at: DateTime<Utc>,
    ) -> Option<GrantState> {
        match (&grant.state, self) {
            (GrantState::Activating { since, .. }, Self::ActivationBegun { until }) => {
                Some(GrantState::Activating {
                    since: *since,
                    until: Some(*until),
                })
            }
            (GrantState::Activating { since, .. }, Self::ActivationUnreached { .. }) => {
                Some(GrantState::Activating {
                    since: *since,
                    until: None,
                })
            }
            (GrantState::Activating { .. }, Self::GrantActivated { until, receipt }) => {
                let before = request.terms.remind_before;
                Some(GrantState::Active {
                    since: at,
                    until: *until,
                    remind_at: Some(remind_at(at, *until, before)),
                    receipt: receipt.clone(),
                })
            }
            (GrantState::Activating { .. }, Self::GrantFailed { error }) => {
                Some(GrantState::Failed {
                    at,
                    error: error.clone(),
                })
            }
            (
                GrantState::Active {
                    since,
                    until,
                    receipt,
                    ..
                },
                Self::HolderReminded,
            ) => Some(GrantState::Active {
                since: *since,
                until: *until,
                remind_at: None,
                receipt: receipt.clone(),
            }),
            (
                GrantState::Activating { .. } | GrantState::Active { .. },
                Self::RevocationBegun { since, cause },
            ) => Some(GrantState::Revoking {
                since: *since,
                cause: cause.clone(),
                failing: None,
            }),
            (GrantState::Revoking { since, cause, .. }, event) => {
                event.leave_revoking(*since, cause, at)
            }
            _ => None,
        }
    }

    fn leave_revoking(
        &self,
        since: DateTime<Utc>,
        cause: &RevokeCause,
        at: DateTime<Utc>,
    ) -> Option<GrantState> {
        match self {
            Self::RemovalFailing { attempts, error } => Some(GrantState::Revoking {
                since,
                cause: cause.clone(),
                failing: Some(Failing {
                    attempts: *attempts,
                    error: error.clone(),
                }),
            }),
            Self::GrantRevoked { covered_until, .. } => Some(GrantState::Revoked {
                at,
                cause: cause.clone(),
                covered_until: *covered_until,
            }),
            _ => None,
        }
    }
}
