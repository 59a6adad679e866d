//! What may happen to a request, in the past tense: the vocabulary of the ledger.
//!
//! An event holds all that it changes, so replaying the ledger gives exactly the state tables:
//! [`decide`](super::decide()) itself gets the next state by [applying](Event::apply) the events it
//! returns.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::grant::{Failing, remind_at};
use super::{
    AfterReview, Approval, Chase, Grant, GrantState, GroupName, Member, PersonId, Receipt, Refusal,
    Removal, Request, RequestState, Reviewed, RevokeCause, Roster, Search, Span, Terms,
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
        /// The shorter time that they gave, where they did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shortened: Option<Shortened>,
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
        /// When it is to begin, where that lies ahead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start_at: Option<DateTime<Utc>>,
        /// By when somebody must look at it, for a break-glass request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        review_by: Option<DateTime<Utc>>,
    },
    /// The people of the step were asked again.
    ApproversNudged {
        /// Which step, from 0.
        step: usize,
        /// The groups that were mentioned.
        groups: Vec<GroupName>,
        /// When they are asked once more.
        again_at: Option<DateTime<Utc>>,
    },
    /// The step took too long: others may decide as well from now on.
    StepEscalated {
        /// Which step, from 0.
        step: usize,
        /// Who.
        to: Vec<GroupName>,
    },
    /// A later policy asks more than the terms that were pinned: these hold from now on.
    TermsTightened {
        /// The stricter terms.
        terms: Box<Terms>,
        /// Who stood behind their groups then; none in entries that are older than this field.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        roster: Option<Box<Roster>>,
    },
    /// A later policy does not allow it any more.
    RequestOverruled {
        /// What that policy says.
        refusal: Refusal,
        /// The same in words, as they were told.
        why: String,
    },
    /// The time of an approved request has come: it is being given now.
    StartBegun,
    /// What was approved for later is over before anything was given.
    StartWithdrawn {
        /// Why.
        cause: RevokeCause,
    },
    /// A grant that failed with nothing given is tried again.
    GrantRetried {
        /// Who wanted it.
        by: PersonId,
    },
    /// Somebody looked at a break-glass request afterwards.
    ReviewCompleted {
        /// Who.
        by: PersonId,
        /// Whether the access was justified.
        justified: bool,
        /// Their words.
        note: String,
    },
    /// Nobody looked at it in time.
    ReviewOverdue,
    /// Another policy decides from now on. Belongs to no request.
    PolicyChanged {
        /// The hash of the one before; none for the first.
        from: Option<String>,
        /// The hash of this one.
        to: String,
    },
    /// Somebody looked at what others had asked for. Belongs to no request.
    HistoryRead {
        /// Who.
        by: PersonId,
        /// What they looked for.
        search: Box<Search>,
        /// They saw what is older than the request of that number; none for the newest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<i64>,
        /// Whether they got all of it as a file.
        file: bool,
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
    /// An admin wanted the removal tried at once. Changes nothing.
    RemovalRetried {
        /// Who.
        by: PersonId,
    },
    /// An admin answers for it that the access is gone. The target did not say so.
    RemovalResolved {
        /// Who.
        by: PersonId,
        /// Their words.
        why: String,
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
    /// Somebody wanted to have a say who can have none, whatever the policy says. Changes nothing.
    OutsiderRefused {
        /// Why not.
        why: String,
    },
}

/// Less time than was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortened {
    /// As asked, or as an earlier approver gave.
    pub from: Span,
    /// As given.
    pub to: Span,
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
            (Self::TermsTightened { terms, roster }, Some(request)) => Some(Request {
                terms: (**terms).clone(),
                roster: roster.as_deref().cloned().unwrap_or(request.roster),
                ..request
            }),
            (event, Some(request)) => {
                let state = event.next_state(&request, at);
                Some(Request { state, ..request })
            }
        }
    }

    fn next_state(&self, request: &Request, now: DateTime<Utc>) -> RequestState {
        match &request.state {
            RequestState::Pending {
                step,
                approvals,
                expires_at,
                chase,
            } => self
                .leave_pending(approvals, now)
                .unwrap_or_else(|| RequestState::Pending {
                    step: step + usize::from(matches!(self, Self::StepFinished { .. })),
                    approvals: self.add_approval(approvals, now),
                    expires_at: *expires_at,
                    chase: self.next_chase(chase, request, now),
                }),
            RequestState::Approved {
                at,
                approvals,
                grant,
                review,
            } => {
                let state = self.next_grant(grant, request, now);
                let grant = Grant {
                    state: state.unwrap_or(grant.state.clone()),
                    ..grant.clone()
                };
                RequestState::Approved {
                    at: *at,
                    approvals: approvals.clone(),
                    grant,
                    review: review.as_ref().map(|review| self.next_review(review, now)),
                }
            }
            over => over.clone(),
        }
    }

    fn next_chase(&self, chase: &Chase, request: &Request, now: DateTime<Utc>) -> Chase {
        let steps = request.terms.route.steps();
        match self {
            Self::StepFinished { step } => Chase::begin(steps.get(step + 1), now),
            Self::ApproversNudged { again_at, .. } => Chase {
                nudge_at: *again_at,
                nudges: chase.nudges + 1,
                ..chase.clone()
            },
            Self::StepEscalated { step, .. } => Chase {
                escalate_at: None,
                escalated: true,
                ..Chase::begin(steps.get(*step), now)
            },
            _ => chase.clone(),
        }
    }

    fn next_review(&self, review: &AfterReview, at: DateTime<Utc>) -> AfterReview {
        match self {
            Self::ReviewCompleted {
                by,
                justified,
                note,
            } => AfterReview {
                done: Some(Reviewed {
                    by: *by,
                    at,
                    justified: *justified,
                    note: note.clone(),
                }),
                ..review.clone()
            },
            Self::ReviewOverdue => AfterReview {
                overdue: true,
                ..review.clone()
            },
            _ => review.clone(),
        }
    }

    fn add_approval(&self, given: &[Approval], at: DateTime<Utc>) -> Vec<Approval> {
        let mut approvals = given.to_vec();
        if let Self::ApprovalGiven {
            by,
            step,
            comment,
            shortened,
        } = self
        {
            let (by, comment) = (by.clone(), comment.clone());
            approvals.push(Approval {
                by,
                step: *step,
                at,
                comment,
                duration: shortened.map(|shortened| shortened.to),
            });
        }
        approvals
    }

    fn leave_pending(&self, approvals: &[Approval], at: DateTime<Utc>) -> Option<RequestState> {
        match self {
            Self::RequestApproved {
                after,
                start_at,
                review_by,
            } => Some(RequestState::Approved {
                at,
                approvals: approvals.to_vec(),
                grant: Grant {
                    after: *after,
                    state: GrantState::approved(at, *start_at),
                },
                review: review_by.map(|due_at| AfterReview {
                    due_at,
                    overdue: false,
                    done: None,
                }),
            }),
            Self::RequestDenied { by, why } => Some(RequestState::Denied {
                at,
                by: *by,
                why: why.clone(),
            }),
            Self::RequestCancelled => Some(RequestState::Cancelled { at }),
            Self::RequestExpired => Some(RequestState::Expired { at }),
            Self::RequestOverruled { why, .. } => Some(RequestState::Overruled {
                at,
                why: why.clone(),
            }),
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
            (GrantState::Scheduled { .. } | GrantState::Failed { .. }, event) => {
                event.leave_unused(&grant.state, at)
            }
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
            (GrantState::Revoking { .. } | GrantState::Resolved { .. }, event) => {
                event.leave_revoking(&grant.state, at)
            }
            _ => None,
        }
    }

    /// From a grant of which nothing is at the target: its start, its end before that, or another
    /// try.
    fn leave_unused(&self, state: &GrantState, at: DateTime<Utc>) -> Option<GrantState> {
        match (state, self) {
            (GrantState::Scheduled { .. }, Self::StartBegun) => {
                Some(GrantState::approved(at, None))
            }
            (
                GrantState::Scheduled { .. } | GrantState::Failed { .. },
                Self::StartWithdrawn { cause },
            ) => Some(GrantState::Revoked {
                at,
                cause: cause.clone(),
                covered_until: None,
            }),
            (GrantState::Failed { .. }, Self::GrantRetried { .. }) => {
                Some(GrantState::approved(at, Some(at)))
            }
            _ => None,
        }
    }

    /// From a grant that must go. What somebody answered for is left only when it is verified.
    fn leave_revoking(&self, state: &GrantState, at: DateTime<Utc>) -> Option<GrantState> {
        let (since, cause, is_open) = match state {
            GrantState::Revoking { since, cause, .. } => (*since, cause, true),
            GrantState::Resolved { since, cause, .. } => (*since, cause, false),
            _ => return None,
        };
        match self {
            Self::GrantRevoked { covered_until, .. } => Some(GrantState::Revoked {
                at,
                cause: cause.clone(),
                covered_until: *covered_until,
            }),
            Self::RemovalFailing { attempts, error } if is_open => Some(GrantState::Revoking {
                since,
                cause: cause.clone(),
                failing: Some(Failing {
                    attempts: *attempts,
                    error: error.clone(),
                }),
            }),
            Self::RemovalResolved { by, why } if is_open => Some(GrantState::Resolved {
                at,
                since,
                cause: cause.clone(),
                by: *by,
                why: why.clone(),
            }),
            _ => None,
        }
    }
}
