//! A request: from asked to its end, with the grant inside it once it is approved.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::refusal::Outcome;
use super::{
    Access, Grant, GrantState, GroupName, Member, Origin, PersonId, Refusal, Roster, Route, Span,
    Step, Terms,
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
    /// The bundle that it was asked as a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<BundlePart>,
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

/// A part of a bundle: several accesses asked for at once. Each part is a request of its own, with
/// terms of its own; they share one card, on which a click decides on every part it may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundlePart {
    /// The first part, whose card shows all of them.
    pub lead: RequestId,
    /// The bundle's name in the policy.
    pub name: String,
    /// Which part this is, from 1.
    pub part: u32,
    /// How many there are.
    pub of: u32,
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
        /// When the approvers of this step are asked again, or others as well.
        chase: Chase,
    },
    /// Approved: the grant lives here and nowhere else.
    Approved {
        /// When.
        at: DateTime<Utc>,
        /// By whom; empty for a rule that approves by itself.
        approvals: Vec<Approval>,
        /// The access itself.
        grant: Grant,
        /// For a break-glass request: the look at it afterwards.
        review: Option<AfterReview>,
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
    /// A later policy does not allow it any more, or what it was to prolong has ended.
    Overruled {
        /// When that was found, at somebody's decision, or when it ended.
        at: DateTime<Utc>,
        /// What that policy says, or that there is nothing left to prolong.
        why: String,
    },
}

/// How a step that waits is chased.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chase {
    /// When its approvers are asked again, or somebody is called whom quiet hours left out.
    pub nudge_at: Option<DateTime<Utc>>,
    /// How often they were, since the step began or was escalated.
    pub nudges: u32,
    /// When others may decide as well.
    pub escalate_at: Option<DateTime<Utc>>,
    /// Whether they may by now.
    pub escalated: bool,
}

impl Chase {
    /// How often the same people are asked again: a fourth time would be noise.
    pub const NUDGES: u32 = 3;

    /// The chase of a step that begins now.
    pub fn begin(step: Option<&Step>, now: DateTime<Utc>) -> Self {
        let after = |span: Span| now + TimeDelta::from(span);
        let escalate = step.and_then(|step| step.escalate.as_ref());
        Self {
            nudge_at: step.and_then(|step| step.nudge).map(after),
            nudges: 0,
            escalate_at: escalate.map(|escalate| after(escalate.after)),
            escalated: false,
        }
    }

    /// The same, with another time of the first call where one is given.
    #[must_use]
    pub(super) fn calling(self, at: Option<DateTime<Utc>>) -> Self {
        Self {
            nudge_at: at.or(self.nudge_at),
            ..self
        }
    }
}

/// The look at a break-glass request afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AfterReview {
    /// By when.
    pub due_at: DateTime<Utc>,
    /// Whether that was missed and said so.
    pub overdue: bool,
    /// What was found.
    pub done: Option<Reviewed>,
}

impl AfterReview {
    /// When somebody must be told that nobody looked; none once that is done.
    pub fn awaited(&self) -> Option<DateTime<Utc>> {
        (self.done.is_none() && !self.overdue).then_some(self.due_at)
    }
}

/// What somebody found who looked at a break-glass request afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviewed {
    /// Who.
    pub by: PersonId,
    /// When.
    pub at: DateTime<Utc>,
    /// Whether the access was justified.
    pub justified: bool,
    /// Their words; never empty when it was not.
    pub note: String,
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
    /// The shorter time that they gave, if they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Span>,
}

impl RequestState {
    /// The state of a request that was just asked under these terms.
    pub fn asked(terms: &Terms, now: DateTime<Utc>) -> Self {
        Self::Pending {
            step: 0,
            approvals: Vec::new(),
            expires_at: expires_at(terms, now),
            chase: Chase::begin(terms.route.steps().first(), now),
        }
    }

    /// Has nobody waited for longer than until then; what is decided stays as it is.
    pub fn waits_until(&mut self, end: DateTime<Utc>) {
        if let Self::Pending { expires_at, .. } = self {
            *expires_at = end.min(*expires_at);
        }
    }
}

/// When nobody is waited for any more: after the policy's time; and a request for later is of no
/// use once its approval would have lapsed unused.
fn expires_at(terms: &Terms, now: DateTime<Utc>) -> DateTime<Utc> {
    let waits = now + TimeDelta::from(terms.request_ttl);
    let unused = terms.start.map(|start| terms.unused_until(start));
    unused.map_or(waits, |unused| waits.min(unused))
}

impl Request {
    /// The request whose card shows this one: itself, or the first part of its bundle.
    pub fn card(&self) -> RequestId {
        self.bundle.as_ref().map_or(self.id, |part| part.lead)
    }

    /// How long the access lasts: what the terms say, or the least that an approver gave.
    pub fn granted(&self) -> Span {
        let given = self.approvals().iter().filter_map(|given| given.duration);
        given.fold(self.terms.duration, Span::min)
    }

    /// The holder, and whoever asked for them, for this or for what it prolongs: none of them may
    /// decide.
    pub fn own(&self) -> Vec<PersonId> {
        let own = [self.access.person, self.requester].into_iter();
        own.chain(self.terms.barred.iter().copied()).collect()
    }

    /// Whether that human may have a say at all: nobody has who holds it or asked for it, nor who
    /// asked for what it prolongs.
    ///
    /// # Errors
    /// The refusal for whoever may not.
    pub fn impartial(&self, member: &Member) -> Result<(), Refusal> {
        if self.belongs_to(member) {
            return Err(Refusal::OwnRequest);
        }
        if self.terms.barred.iter().any(|person| member.is(*person)) {
            return Err(Refusal::OwnChain);
        }
        Ok(())
    }

    /// Whether it is over since the access ended that it was to prolong; no policy said no to it.
    pub fn came_too_late(&self) -> bool {
        matches!(&self.state, RequestState::Overruled { why, .. }
            if self.extends.is_some() && *why == Refusal::NothingToExtend.to_string())
    }

    /// The look at it afterwards, for a break-glass request that was given.
    pub fn review(&self) -> Option<&AfterReview> {
        match &self.state {
            RequestState::Approved { review, .. } => review.as_ref(),
            _ => None,
        }
    }

    /// The groups that may decide at that moment on the step that is asked; none where nobody is.
    pub fn deciding(&self, now: DateTime<Utc>) -> Vec<GroupName> {
        match (&self.state, self.current_step()) {
            (RequestState::Pending { chase, .. }, Some(step)) => {
                step.deciding(now, chase.escalated)
            }
            _ => Vec::new(),
        }
    }

    /// The groups that are mentioned at that moment for the step that is asked.
    pub fn mentioned(&self, now: DateTime<Utc>) -> Vec<GroupName> {
        match (&self.state, self.current_step()) {
            (RequestState::Pending { chase, .. }, Some(step)) => {
                step.mentioned(now, chase.escalated)
            }
            _ => Vec::new(),
        }
    }

    /// The groups that may take the access away: those of every step, whoever stood in included,
    /// and those that the terms name besides.
    pub fn revoking(&self) -> Vec<GroupName> {
        let mut groups: Vec<GroupName> = self.terms.route.deciders().into_iter().collect();
        groups.extend(self.terms.revokers.iter().cloned());
        groups.sort();
        groups.dedup();
        groups
    }

    /// The groups that may look at a break-glass request afterwards.
    pub fn reviewing(&self) -> &[GroupName] {
        match &self.terms.route {
            Route::BreakGlass(glass) => &glass.review_by,
            Route::Automatic { .. } | Route::Steps(_) => &[],
        }
    }

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
            | RequestState::Expired { .. }
            | RequestState::Overruled { .. } => &[],
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
            | RequestState::Expired { .. }
            | RequestState::Overruled { .. } => true,
        }
    }

    /// The step that is being asked now, if the request waits for approvers.
    pub fn current_step(&self) -> Option<&Step> {
        match &self.state {
            RequestState::Pending { step, .. } => self.terms.route.steps().get(*step),
            _ => None,
        }
    }

    /// Whether the member may take the access away: approvers, and whoever the terms name besides.
    pub fn is_approver(&self, member: &Member) -> bool {
        let groups = self.revoking();
        groups.iter().any(|group| member.groups.contains(group))
    }

    /// Whether approvals, with one more, finish a step. Approvals of that step only, each with the
    /// groups that were read at its click, and as what the person was let in then.
    pub(super) fn step_is_met(&self, index: usize, more: &Member, now: DateTime<Utc>) -> bool {
        let Some(step) = self.terms.route.steps().get(index) else {
            return false;
        };
        let escalated =
            matches!(&self.state, RequestState::Pending { chase, .. } if chase.escalated);
        let stood_in = |by: &Member, at: DateTime<Utc>| {
            let stand_ins = step.stand_ins(at, escalated);
            stand_ins.iter().any(|group| by.groups.contains(group))
        };
        let approvals = self.approvals().iter();
        let given = approvals
            .filter(|approval| approval.step == index)
            .map(|given| (&given.by.groups, stood_in(&given.by, given.at)));
        step.is_met_by_seats(given.chain([(&more.groups, stood_in(more, now))]))
    }

    /// What became of the request, or none while it waits.
    pub fn outcome(&self) -> Option<(Outcome, Option<PersonId>, DateTime<Utc>)> {
        match &self.state {
            RequestState::Pending { .. } => None,
            RequestState::Approved {
                at,
                approvals,
                grant,
                ..
            } => {
                let by = approvals.last().map(|approval| approval.by.person);
                Some(match &grant.state {
                    GrantState::Scheduled { .. }
                    | GrantState::Activating { .. }
                    | GrantState::Active { .. } => (Outcome::Approved, by, *at),
                    GrantState::Revoking { since, .. } => (Outcome::Ended, None, *since),
                    GrantState::Resolved { at, .. } | GrantState::Revoked { at, .. } => {
                        (Outcome::Ended, None, *at)
                    }
                    GrantState::Failed { at, .. } => (Outcome::Failed, None, *at),
                })
            }
            RequestState::Denied { at, by, .. } => Some((Outcome::Denied, Some(*by), *at)),
            RequestState::Cancelled { at } => Some((Outcome::Cancelled, None, *at)),
            RequestState::Expired { at } => Some((Outcome::Expired, None, *at)),
            RequestState::Overruled { at, .. } if self.came_too_late() => {
                Some((Outcome::Ended, None, *at))
            }
            RequestState::Overruled { at, .. } => Some((Outcome::Overruled, None, *at)),
        }
    }

    /// The refusal for whoever comes too late.
    pub(super) fn already_decided(&self) -> Refusal {
        self.outcome().map_or(Refusal::NotDue, |(outcome, by, at)| {
            Refusal::AlreadyDecided { outcome, by, at }
        })
    }
}
