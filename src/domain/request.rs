//! A request: from asked to its end, with the grant inside it once it is approved.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::refusal::Outcome;
use super::{
    Access, Grant, GrantState, GroupName, Member, Origin, PersonId, Refusal, Roster, Span, Step,
    Terms,
};

/// The id of a request: a version-7 UUID, so ids sort by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(Uuid);

impl RequestId {
    /// Wraps the id of a row of ours.
    pub fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// The id as it is stored.
    pub fn as_uuid(self) -> Uuid {
        self.0
    }

    /// Reads an id that came back from outside, such as from a button's value.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::parse_str(text).ok().map(Self)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A request for access, with everything that decides on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// A short number for people, counted up in one database: “request 42”.
    pub number: i64,
    /// What is asked for, and who is to hold it.
    pub access: Access,
    /// Who asked. Neither the holder nor this person may approve.
    pub requester: PersonId,
    /// Why, in the requester's words.
    pub reason: String,
    /// How long was asked for; the terms say how long it will be.
    pub duration: Span,
    /// What policy answered, pinned.
    pub terms: Terms,
    /// Who stood behind the terms' groups when it was asked. Shown, never deciding.
    pub roster: Roster,
    /// By which way it came in.
    pub origin: Origin,
    /// The access that it prolongs.
    pub extends: Option<Extends>,
    /// When it was asked.
    pub asked_at: DateTime<Utc>,
    /// Where it stands.
    pub state: RequestState,
}

/// The grant that a request prolongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extends {
    /// The request that holds the grant.
    pub request: RequestId,
    /// The end of that grant as it stands now; none once it is no longer active. Read afresh, under
    /// lock, each time the request is loaded for a decision, so it is no part of what is stored.
    #[serde(skip)]
    pub until: Option<DateTime<Utc>>,
}

/// Where a request stands. Only [`RequestState::Pending`] can be decided; the others are final but
/// for the grant inside [`RequestState::Approved`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum RequestState {
    /// Waiting for approvers.
    Pending {
        /// Which of the terms' steps is being asked, from 0.
        step: usize,
        /// Every approval so far, also of earlier steps.
        approvals: Vec<Approval>,
        /// When it expires if nobody decides.
        expires_at: DateTime<Utc>,
    },
    /// Approved: the grant lives here and nowhere else.
    Approved {
        /// When.
        at: DateTime<Utc>,
        /// By whom; empty for a rule that approves by itself.
        approvals: Vec<Approval>,
        /// The access itself.
        grant: Grant,
    },
    /// Denied by an approver.
    Denied {
        /// When.
        at: DateTime<Utc>,
        /// By whom.
        by: PersonId,
        /// Why.
        why: String,
    },
    /// Withdrawn by the person who asked.
    Cancelled {
        /// When.
        at: DateTime<Utc>,
    },
    /// Nobody decided in time.
    Expired {
        /// When.
        at: DateTime<Utc>,
    },
}

/// One person's yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who, and the groups they were in at that moment.
    pub by: Member,
    /// In which step, from 0.
    pub step: usize,
    /// When.
    pub at: DateTime<Utc>,
    /// What they remarked.
    pub comment: Option<String>,
}

impl Request {
    /// The grant, if there is one.
    pub fn grant(&self) -> Option<&Grant> {
        match &self.state {
            RequestState::Approved { grant, .. } => Some(grant),
            _ => None,
        }
    }

    /// The approvals given so far.
    pub fn approvals(&self) -> &[Approval] {
        match &self.state {
            RequestState::Pending { approvals, .. } | RequestState::Approved { approvals, .. } => {
                approvals
            }
            RequestState::Denied { .. }
            | RequestState::Cancelled { .. }
            | RequestState::Expired { .. } => &[],
        }
    }

    /// Whether that human asked for it or is to hold it.
    pub fn belongs_to(&self, member: &Member) -> bool {
        member.is(self.requester) || member.is(self.access.person)
    }

    /// Whether nothing can change any more.
    pub fn is_over(&self) -> bool {
        match &self.state {
            RequestState::Pending { .. } => false,
            RequestState::Approved { grant, .. } => grant.state.is_over(),
            RequestState::Denied { .. }
            | RequestState::Cancelled { .. }
            | RequestState::Expired { .. } => true,
        }
    }

    /// The step that is being asked now, if the request waits for approvers.
    pub fn current_step(&self) -> Option<&Step> {
        match &self.state {
            RequestState::Pending { step, .. } => self.terms.route.steps().get(*step),
            _ => None,
        }
    }

    /// Whether the member is in a group of any step: such people may also take the access away.
    pub fn is_approver(&self, member: &Member) -> bool {
        let mut groups = self.terms.route.steps().iter().flat_map(|step| &step.from);
        groups.any(|group| member.groups.contains(group))
    }

    /// Whether approvals, with one more, finish a step. Approvals of that step only, each with the
    /// groups that were read at its click.
    pub(super) fn step_is_met(&self, index: usize, approvals: &[Approval], more: &Member) -> bool {
        let Some(step) = self.terms.route.steps().get(index) else {
            return false;
        };
        let given = approvals.iter().filter(|approval| approval.step == index);
        let people: Vec<&BTreeSet<GroupName>> = given
            .map(|approval| &approval.by.groups)
            .chain([&more.groups])
            .collect();
        step.is_met_by(people)
    }

    /// What became of the request, or none while it waits.
    pub fn outcome(&self) -> Option<(Outcome, Option<PersonId>, DateTime<Utc>)> {
        match &self.state {
            RequestState::Pending { .. } => None,
            RequestState::Approved {
                at,
                approvals,
                grant,
            } => {
                let by = approvals.last().map(|approval| approval.by.person);
                Some(match &grant.state {
                    GrantState::Activating { .. } | GrantState::Active { .. } => {
                        (Outcome::Approved, by, *at)
                    }
                    GrantState::Revoking { since, .. } => (Outcome::Ended, None, *since),
                    GrantState::Revoked { at, .. } => (Outcome::Ended, None, *at),
                    GrantState::Failed { at, .. } => (Outcome::Failed, None, *at),
                })
            }
            RequestState::Denied { at, by, .. } => Some((Outcome::Denied, Some(*by), *at)),
            RequestState::Cancelled { at } => Some((Outcome::Cancelled, None, *at)),
            RequestState::Expired { at } => Some((Outcome::Expired, None, *at)),
        }
    }

    /// The refusal for whoever comes too late.
    pub(super) fn already_decided(&self) -> Refusal {
        self.outcome().map_or(Refusal::NotDue, |(outcome, by, at)| {
            Refusal::AlreadyDecided { outcome, by, at }
        })
    }
}
