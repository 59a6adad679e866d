//! A grant: access really given, or on its way in or out. It lives only inside an approved request.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{PersonId, Receipt, Span};

/// The grant of an approved request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The end of the grant that this one prolongs; its own time is counted from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<DateTime<Utc>>,
    /// Where it stands.
    pub state: GrantState,
}

/// Where a grant stands. Each variant holds what is true then. States never go back, but for
/// one that failed with nothing given, which may be tried again under the approval it had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum GrantState {
    /// Approved for later, or to be tried again: nothing has been given yet.
    Scheduled {
        /// Since when.
        since: DateTime<Utc>,
        /// When it is to begin.
        start_at: DateTime<Utc>,
    },
    /// Approved; the target has not yet said that it holds the access.
    Activating {
        /// Since when.
        since: DateTime<Utc>,
        /// The end that was named in the call to the target, if one was begun. The call may have
        /// worked even when no answer came, so the time runs from the call.
        until: Option<DateTime<Utc>>,
    },
    /// The target holds the access.
    Active {
        /// Since when.
        since: DateTime<Utc>,
        /// When its time is over.
        until: DateTime<Utc>,
        /// When the holder is to be reminded; none once that is done.
        remind_at: Option<DateTime<Utc>>,
        /// What the target answered.
        receipt: Receipt,
    },
    /// It must go. Left only when the target has been asked and the access is verified gone.
    Revoking {
        /// From when it should have been gone; removal lag is counted from here.
        since: DateTime<Utc>,
        /// Why.
        cause: RevokeCause,
        /// Set while the removal keeps failing: loud, and still retried.
        failing: Option<Failing>,
    },
    /// Somebody answers for it that the access is gone, though the target did not say so. It is
    /// wanted no more; what the target says later still counts.
    Resolved {
        /// When they said so.
        at: DateTime<Utc>,
        /// From when it should have been gone.
        since: DateTime<Utc>,
        /// Why it was to be taken away.
        cause: RevokeCause,
        /// Who answers for it.
        by: PersonId,
        /// Their words.
        why: String,
    },
    /// Verified gone.
    Revoked {
        /// When that was known.
        at: DateTime<Utc>,
        /// Why it was taken away.
        cause: RevokeCause,
        /// The end of another grant that keeps the same access alive at the target, if any.
        covered_until: Option<DateTime<Utc>>,
    },
    /// The target refused cleanly on the first try: nothing was given.
    Failed {
        /// When.
        at: DateTime<Utc>,
        /// The target's words.
        error: String,
    },
}

/// A removal that keeps failing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// Attempts so far.
    pub attempts: u32,
    /// The last error.
    pub error: String,
}

/// Why access is taken away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum RevokeCause {
    /// Its time was over.
    Lapsed,
    /// The holder gave it back.
    GivenBack,
    /// Somebody else took it away.
    Revoked {
        /// Who.
        by: PersonId,
        /// Why.
        why: String,
    },
    /// It was approved for later and could not begin.
    Unstarted {
        /// Why.
        why: String,
    },
    /// The target never said whether it gave the access: removed to be sure.
    ActivationUnknown {
        /// The last error.
        error: String,
    },
}

impl GrantState {
    /// The state of a grant that was just approved: on its way, or waiting for its start.
    pub(super) fn approved(at: DateTime<Utc>, start_at: Option<DateTime<Utc>>) -> Self {
        match start_at {
            Some(start_at) => Self::Scheduled {
                since: at,
                start_at,
            },
            None => Self::Activating {
                since: at,
                until: None,
            },
        }
    }

    /// Until when this grant wants its access to be at the target; none when it does not.
    pub fn wanted_until(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Activating { until, .. } => *until,
            Self::Active { until, .. } => Some(*until),
            Self::Scheduled { .. }
            | Self::Revoking { .. }
            | Self::Resolved { .. }
            | Self::Revoked { .. }
            | Self::Failed { .. } => None,
        }
    }

    /// Whether it is over: nothing changes any more, unless a failed one is tried again, or the
    /// target says at last that it holds nothing more of a resolved one.
    pub fn is_over(&self) -> bool {
        matches!(
            self,
            Self::Resolved { .. } | Self::Revoked { .. } | Self::Failed { .. }
        )
    }
}

/// When the holder of a grant is reminded: `before` the end, or a quarter of the whole time where
/// that is less.
pub(super) fn remind_at(since: DateTime<Utc>, until: DateTime<Utc>, before: Span) -> DateTime<Utc> {
    let quarter = (until - since) / 4;
    until - TimeDelta::from(before).min(quarter.max(TimeDelta::zero()))
}
