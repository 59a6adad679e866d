//! Why a verdict is what it is.

mod draw;

use std::collections::BTreeSet;

use chrono::DateTime;
use chrono_tz::Tz;

use super::{Mismatch, RuleDecision};
use crate::domain::{GroupName, Refusal, ResourceName, RoleName, RuleName, Step, Verdict};

/// A verdict with the way that led to it. `Display` draws it as a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The verdict, the same that [`Policy::evaluate`](super::Policy::evaluate) gives.
    pub verdict: Verdict,
    /// The resource that was meant, if it was found.
    pub resource: Option<ResourceName>,
    /// The role that was meant, if it was found.
    pub role: Option<RoleName>,
    /// How the holder is called.
    pub holder: String,
    /// The groups of the holder, by the policy and by the directory.
    pub groups: BTreeSet<GroupName>,
    /// The groups of which nobody could say whether the holder is in them.
    pub unreadable: BTreeSet<GroupName>,
    /// Who asks for the holder, where that is somebody else.
    pub asker: Option<String>,
    /// Whether it is a break-glass request.
    pub break_glass: bool,
    /// When the access would begin, on the policy's clock; none where nothing was evaluated.
    pub begins: Option<DateTime<Tz>>,
    /// The rules that were tried, in that order: those that deny first, then the others up to the
    /// first that matched.
    pub tried: Vec<Tried>,
    /// The steps of the rule that decided; empty where it asks nobody.
    pub steps: Vec<StepTold>,
    /// Everything that this rule requires and the ask does not bring along.
    pub missing: Vec<Refusal>,
}

/// A rule that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Its name.
    pub rule: RuleName,
    /// What it decides when it matches.
    pub decision: RuleDecision,
    /// Whether it matched.
    pub outcome: RuleOutcome,
    /// What has to be said about that, in plain words.
    pub note: Option<String>,
}

/// Whether a rule matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleOutcome {
    /// It did.
    Matched,
    /// It did not, and why: every clause of `match` that does not hold, or else what kept it from
    /// approving by itself, or its condition.
    NotMatched(Vec<Mismatch>),
    /// Nobody could tell, so the ask is refused, and no later rule was tried.
    Unclear(Mismatch),
}

/// A step of the rule that decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepTold {
    /// The step as it would be asked now, with the owners of the resource in it.
    pub step: Step,
    /// Whether it is asked.
    pub outcome: StepOutcome,
}

/// Whether a step is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// It always is.
    Asked,
    /// It is, since its condition holds.
    AskedSince {
        /// The condition, in one line.
        condition: String,
    },
    /// It is, since its condition could not be worked out.
    AskedToBeSure {
        /// The condition, in one line.
        condition: String,
        /// Why not, in plain words.
        why: String,
    },
    /// It is not, since its condition does not hold.
    LeftOut {
        /// The condition, in one line.
        condition: String,
    },
}

impl StepOutcome {
    /// Whether the step is asked.
    pub fn is_asked(&self) -> bool {
        !matches!(self, Self::LeftOut { .. })
    }
}
