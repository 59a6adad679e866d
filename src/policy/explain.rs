//! Why a verdict is what it is.

use std::collections::BTreeSet;
use std::fmt;

use super::{Mismatch, RuleDecision};
use crate::domain::{GroupName, Quorum, ResourceName, RoleName, Route, RuleName, Step, Verdict};

/// A verdict with the way that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The verdict, the same that [`Policy::evaluate`](super::Policy::evaluate) gives.
    pub verdict: Verdict,
    /// The resource that was meant, if it was found.
    pub resource: Option<ResourceName>,
    /// The role that was meant, if it was found.
    pub role: Option<RoleName>,
    /// The groups of the person who asks, by the policy.
    pub groups: BTreeSet<GroupName>,
    /// The rules that were tried, in that order: those that deny first, then the others up to the
    /// first that matched.
    pub tried: Vec<Tried>,
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
}

/// Whether a rule matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleOutcome {
    /// It did.
    Matched,
    /// It did not: every clause that does not hold.
    NotMatched(Vec<Mismatch>),
}

/// The tree as text: what was asked, one line for each rule, and the verdict last.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(resource) = &self.resource {
            let role = self.role.as_ref().map_or("?", RoleName::as_str);
            let groups: Vec<&str> = self.groups.iter().map(GroupName::as_str).collect();
            let groups = if groups.is_empty() {
                "no group".to_owned()
            } else {
                groups.join(", ")
            };
            writeln!(f, "{role} on {resource}, asked by somebody in {groups}")?;
        }
        for tried in &self.tried {
            writeln!(f, "{tried}")?;
        }
        match &self.verdict {
            Verdict::Refused(refusal) => write!(f, "=> refused: {refusal}"),
            Verdict::Terms(terms) => {
                write!(f, "=> {}, for {}", route(&terms.route), terms.duration)?;
                write!(f, "; the card goes to {}", terms.channel)?;
                write!(f, "; unanswered, it expires after {}", terms.request_ttl)
            }
        }
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rule, decision) = (&self.rule, self.decision.as_str());
        match &self.outcome {
            RuleOutcome::Matched => write!(f, "  + “{rule}” ({decision}) matches"),
            RuleOutcome::NotMatched(clauses) => {
                write!(f, "  - “{rule}” ({decision}) does not match:")?;
                for clause in clauses {
                    write!(f, "\n      {clause}")?;
                }
                Ok(())
            }
        }
    }
}

fn route(route: &Route) -> String {
    match route {
        Route::Automatic { why } => format!("approved at once: {why}"),
        Route::BreakGlass(_) => "given at once, and reviewed afterwards".to_owned(),
        Route::Steps(steps) => {
            let steps: Vec<String> = steps.iter().map(step).collect();
            format!("needs {}", steps.join(", then "))
        }
    }
}

fn step(step: &Step) -> String {
    let groups: Vec<&str> = step.from.iter().map(GroupName::as_str).collect();
    match step.quorum {
        Quorum::Any(count) => format!("{count} of {}", groups.join(" or ")),
        Quorum::All(count) => format!("{count} of each of {}", groups.join(" and ")),
    }
}
