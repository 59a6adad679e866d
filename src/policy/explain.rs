//! Why a verdict is what it is.

mod draw;

use std::collections::BTreeSet;

use chrono::DateTime;
use chrono_tz::Tz;

use super::{Mismatch, RuleDecision};
use crate::domain::{
    GroupName, Refusal, ResourceName, RoleName, Route, RuleName, Span, Step, Verdict,
};

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
    /// Those of them, and of the asker's, on which the verdict rests: with them it might be another.
    pub rests_on: BTreeSet<GroupName>,
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
    /// What the rule that decided leaves to choose; none where none matched, and where it denies.
    pub offer: Option<Offer>,
}

/// What a rule leaves to choose, for a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The rule.
    pub rule: RuleName,
    /// How the request would be approved, once it brings along all that is required; none where
    /// nobody would be asked.
    pub route: Option<Route>,
    /// Where its card would go.
    pub channel: String,
    /// The durations that are offered, shortest first; empty where any up to the limit will do.
    pub durations: Vec<Span>,
    /// The longest duration; for an extension, the most that it adds.
    pub limit: Span,
    /// How long it lasts where nothing is said.
    pub default: Option<Span>,
    /// What the rule wants of the reason, in words for people; none where it may be left out.
    pub reason: Option<String>,
    /// What the rule wants of a ticket, in words for people; none where it wants none.
    pub ticket: Option<String>,
    /// The ticket that the reason names already, where the rule wants one.
    pub ticket_found: Option<String>,
    /// How far ahead it may begin: at least (where that is said), and at most. None where it begins
    /// at once.
    pub start: Option<(Option<Span>, Span)>,
    /// Whether the holder may ask for it as break-glass.
    pub break_glass: bool,
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
