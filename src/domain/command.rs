//! Everything that may be asked of a request once it exists, by people, clocks and workers alike.

use serde::{Deserialize, Serialize};

use super::{GroupName, Member, PersonId, Receipt, Refusal, Removal, Roster, Span, Terms};

/// What is asked of one request. Whoever asks, it goes through [`decide`](super::decide()).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// An approver says yes.
    Approve {
        /// Who, with the groups read at this click.
        by: Member,
        /// A remark for the record.
        comment: Option<String>,
        /// A shorter time than asked for, if they give less.
        duration: Option<Span>,
    },
    /// An approver says no; that is final.
    Deny {
        /// Who, with the groups read at this click.
        by: Member,
        /// Why; not empty.
        why: String,
    },
    /// The requester withdraws a request that waits.
    Cancel {
        /// Who.
        by: Member,
    },
    /// The holder gives the access back before its time.
    GiveBack {
        /// Who.
        by: Member,
    },
    /// An approver takes the access away.
    Revoke {
        /// Who, with the groups read at this act.
        by: Member,
        /// Why; not empty.
        why: String,
    },
    /// The holder asks for a fresh secret of the access, and is about to be shown it.
    ShowCredentials {
        /// Who.
        by: Member,
    },

    /// A grant that failed with nothing given is to be tried again, under its approval.
    Retry {
        /// Who.
        by: Member,
    },
    /// An admin wants a removal that keeps failing tried at once.
    RetryRemoval {
        /// Who, with the groups read at this act.
        by: Member,
        /// The admins of the present policy.
        admins: Vec<GroupName>,
    },
    /// An admin answers for it that an access is gone whose removal keeps failing.
    ResolveRemoval {
        /// Who, with the groups read at this act.
        by: Member,
        /// Why; not empty.
        why: String,
        /// The admins of the present policy.
        admins: Vec<GroupName>,
    },
    /// Somebody looked at a break-glass request afterwards.
    CompleteReview {
        /// Who, with the groups read at this act.
        by: Member,
        /// Whether the access was justified.
        justified: bool,
        /// Their words; not empty when it was not.
        note: String,
    },

    /// A later policy asks more than the pinned terms: these hold from now on.
    Tighten {
        /// The stricter terms.
        terms: Box<Terms>,
        /// Who stands behind their groups, read just now.
        roster: Box<Roster>,
    },
    /// A later policy does not allow it any more.
    Overrule {
        /// What that policy says.
        refusal: Refusal,
    },

    /// Nobody decided in time.
    Expire,
    /// The approvers of the step are asked again.
    Nudge,
    /// The step takes too long: others may decide as well.
    Escalate,
    /// The start has come, and the holder may still have the access.
    Start,
    /// The start has come, and policy says no by now.
    RefuseStart {
        /// What it says.
        refusal: Refusal,
    },
    /// The start could not be begun for too long.
    LapseStart,
    /// The look afterwards was not done in time.
    ReviewOverdue,
    /// The time of the grant is over.
    Lapse,
    /// The end is near: the holder is to be reminded.
    Remind,

    /// A worker is about to call the target to give the access.
    BeginActivation,
    /// The target holds the access, verified.
    ReportActivated {
        /// What the target answered.
        receipt: Receipt,
    },
    /// The target refused. `first` says that no earlier call can have worked.
    ReportRejected {
        /// The target's words.
        error: String,
        /// Whether this was the first call for this grant.
        first: bool,
    },
    /// The target was not reached: nothing was changed there.
    ReportUnreached {
        /// What went wrong.
        error: String,
    },
    /// The target has not said for too long whether it gave the access.
    GiveUpActivating {
        /// The last error.
        error: String,
    },
    /// The access is verified gone, or another grant keeps it.
    ReportRemoved {
        /// What the target answered; none when another grant keeps the access and nothing was to be
        /// removed.
        removal: Option<Removal>,
        /// The end of that other grant.
        covered_until: Option<chrono::DateTime<chrono::Utc>>,
    },
    /// The removal keeps failing; it is still retried.
    ReportRemovalFailing {
        /// Attempts so far.
        attempts: u32,
        /// The last error.
        error: String,
    },
}

/// Who caused something. Every ledger entry names one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "actor", rename_all = "snake_case")]
pub enum Actor {
    /// A person.
    Person {
        /// Who.
        person: PersonId,
        /// By which way.
        origin: Origin,
    },
    /// Somebody who is no person of ours: from another workspace, a guest, an app, or deactivated.
    Outsider {
        /// Their id in Slack.
        user: String,
    },
    /// A deadline.
    Clock,
    /// A worker's report of what a target said.
    Worker,
}

/// The way by which something came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Slack.
    Slack,
    /// The HTTP API.
    Api,
    /// The command line.
    Cli,
}
