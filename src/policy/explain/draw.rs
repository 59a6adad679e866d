//! An explanation as a tree of text.

use std::fmt;

use super::{Explanation, RuleOutcome, StepOutcome, StepTold, Tried};
use crate::domain::{GroupName, Quorum, RoleName, Route, Step, Terms, Verdict};
use crate::policy::RuleDecision;
use crate::policy::suggest::plain;

/// A line with those that hang on it.
struct Branch {
    line: String,
    below: Vec<Branch>,
}

impl Branch {
    fn leaf(line: impl Into<String>) -> Self {
        Self {
            line: line.into(),
            below: Vec::new(),
        }
    }

    fn new(line: impl Into<String>, below: Vec<Self>) -> Self {
        let line = line.into();
        Self { line, below }
    }

    fn draw(&self, f: &mut fmt::Formatter<'_>, indent: &str) -> fmt::Result {
        for (index, branch) in self.below.iter().enumerate() {
            let is_last = index + 1 == self.below.len();
            let (fork, rest) = if is_last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            write!(f, "\n{indent}{fork}{}", branch.line)?;
            branch.draw(f, &format!("{indent}{rest}"))?;
        }
        Ok(())
    }
}

/// The tree as text: what was asked, the rules in the order in which they count, the steps, what is
/// missing, and the verdict last.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut below = Vec::new();
        if self.resource.is_some() && self.role.is_some() {
            below.extend(self.asked_by());
            below.extend(self.rules(true));
            below.extend(self.rules(false));
            below.extend(self.steps());
            below.extend(self.missing());
        }
        below.push(Branch::leaf(self.answer()));
        f.write_str(&self.title())?;
        Branch::new("", below).draw(f, "")
    }
}

impl Explanation {
    fn title(&self) -> String {
        let role = self.role.as_ref().map_or("?", RoleName::as_str);
        let resource = self.resource.as_ref();
        let resource = resource.map_or("something unknown", |resource| resource.as_str());
        let glass = if self.break_glass {
            ", by break-glass"
        } else {
            ""
        };
        let begins = self.begins.as_ref().map(|at| {
            format!(
                ", beginning {} ({})",
                at.format("%a %-d %b %Y %H:%M"),
                at.timezone()
            )
        });
        let begins = begins.unwrap_or_default();
        format!("{role} on {resource}, for {}{glass}{begins}", self.holder)
    }

    fn asked_by(&self) -> Vec<Branch> {
        let names = |groups: &mut dyn Iterator<Item = &GroupName>| -> String {
            let names: Vec<&str> = groups.map(GroupName::as_str).collect();
            if names.is_empty() {
                return "no group".to_owned();
            }
            names.join(", ")
        };
        let is_in = format!("{} is in {}", self.holder, names(&mut self.groups.iter()));
        let mut lines = vec![Branch::leaf(is_in)];
        if !self.unreadable.is_empty() {
            let unreadable = names(&mut self.unreadable.iter());
            lines.push(Branch::leaf(format!("could not be read: {unreadable}")));
        }
        let asker = self.asker.as_ref();
        lines.extend(asker.map(|asker| {
            Branch::leaf(format!(
                "asked by {asker}, so neither of the two may approve"
            ))
        }));
        lines
    }

    /// The rules that deny, or the others.
    fn rules(&self, deny: bool) -> Option<Branch> {
        let tried = self.tried.iter();
        let tried = tried.filter(|tried| (tried.decision == RuleDecision::Deny) == deny);
        let below: Vec<Branch> = tried.map(rule).collect();
        let title = if deny {
            "rules that deny: any that matches wins"
        } else {
            "other rules: the first that matches decides"
        };
        (!below.is_empty()).then(|| Branch::new(title, below))
    }

    fn steps(&self) -> Option<Branch> {
        let steps = self.steps.iter().enumerate();
        let below: Vec<Branch> = steps
            .map(|(index, told)| step_told(index + 1, told))
            .collect();
        (!below.is_empty()).then(|| Branch::new("steps", below))
    }

    fn missing(&self) -> Option<Branch> {
        let missing = self.missing.iter();
        let below: Vec<Branch> = missing
            .map(|refusal| Branch::leaf(format!("✗ {refusal}")))
            .collect();
        (!below.is_empty()).then(|| Branch::new("what is missing", below))
    }

    fn answer(&self) -> String {
        match &self.verdict {
            Verdict::Refused(refusal) => format!("=> refused: {refusal}"),
            Verdict::Terms(terms) => format!("=> {}", answer(terms)),
        }
    }
}

fn answer(terms: &Terms) -> String {
    let card = format!(
        "the card goes to {}; unanswered, it expires after {}",
        terms.channel, terms.request_ttl
    );
    let ticket = terms
        .ticket
        .as_ref()
        .map(|ticket| format!("; ticket {ticket}"));
    let ticket = ticket.unwrap_or_default();
    format!(
        "{}, for {}{ticket}; {card}",
        route(&terms.route),
        terms.duration
    )
}

fn rule(tried: &Tried) -> Branch {
    let (name, decision) = (&tried.rule, tried.decision.as_str());
    let (line, mut below) = match &tried.outcome {
        RuleOutcome::Matched => (format!("✓ “{name}” ({decision}) matches"), Vec::new()),
        RuleOutcome::NotMatched(clauses) => (
            format!("✗ “{name}” ({decision}) does not match"),
            clauses
                .iter()
                .map(|clause| Branch::leaf(clause.to_string()))
                .collect(),
        ),
        RuleOutcome::Unclear(why) => (
            format!("? “{name}” ({decision}): nobody can tell, so it is refused"),
            vec![Branch::leaf(why.to_string())],
        ),
    };
    below.extend(tried.note.iter().map(Branch::leaf));
    Branch::new(line, below)
}

fn step_told(number: usize, told: &StepTold) -> Branch {
    let (asks, mut below) = (step(&told.step), details(&told.step));
    let line = match &told.outcome {
        StepOutcome::Asked => format!("✓ {number}. {asks}"),
        StepOutcome::AskedSince { condition } => {
            format!("✓ {number}. {asks}, since this holds: {condition}")
        }
        StepOutcome::AskedToBeSure { condition, why } => {
            format!("✓ {number}. {asks}, to be sure: it cannot be worked out ({why}): {condition}")
        }
        StepOutcome::LeftOut { condition } => {
            below.clear();
            format!("✗ {number}. {asks}: left out, since this does not hold: {condition}")
        }
    };
    Branch::new(line, below)
}

/// What a step does besides asking.
fn details(step: &Step) -> Vec<Branch> {
    let names = |groups: &[GroupName], word| {
        let names: Vec<&str> = groups.iter().map(GroupName::as_str).collect();
        plain(&names, word)
    };
    let ping = (!step.ping.is_empty()).then(|| format!("mentions {}", names(&step.ping, "and")));
    let nudge = step.nudge.map(|nudge| format!("asks again every {nudge}"));
    let escalate = step.escalate.as_ref().map(|escalate| {
        let to = names(&escalate.to, "or");
        format!("after {} {to} may decide as well", escalate.after)
    });
    let quiet = step.quiet.as_ref();
    let quiet = quiet.filter(|quiet| !quiet.windows.is_empty());
    let quiet = quiet.map(|quiet| {
        let windows = quiet.windows.iter();
        let windows: Vec<String> = windows
            .map(|(from, to)| format!("{} to {}", from.format("%a %H:%M"), to.format("%a %H:%M")))
            .collect();
        let fallback = names(&quiet.fallback, "or");
        format!(
            "quiet {} (UTC): {fallback} may decide as well",
            windows.join(", ")
        )
    });
    let lines = ping.into_iter().chain(nudge).chain(escalate).chain(quiet);
    lines.map(Branch::leaf).collect()
}

fn route(route: &Route) -> String {
    match route {
        Route::Automatic { why } => format!("approved at once: {why}"),
        Route::BreakGlass(glass) => {
            let reviewers: Vec<&str> = glass.review_by.iter().map(GroupName::as_str).collect();
            format!(
                "given at once by break-glass; {} must look at it within {}",
                plain(&reviewers, "or"),
                glass.review_within
            )
        }
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
