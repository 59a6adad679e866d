//! Whether a rule can ever matter.

use std::collections::BTreeSet;

use super::Subject;
use super::rules::title;
use crate::policy::fault::Finding;
use crate::policy::file::{RuleDecision, RuleEntry};

/// Every rule matches at least one role of one resource.
pub(super) fn about_something(subject: &Subject<'_>) {
    for (index, rule) in subject.rules() {
        if subject.conclusive[index] && subject.targets[index].is_empty() {
            let message = format!("{} matches nothing", title(rule));
            let finding = Finding::new(rule.name.at, message, "no resource and role fit it");
            subject.log.push(
                finding.hint(
                    "within `match` everything must hold at once; compare it with `resources`",
                ),
            );
        }
    }
}

/// No rule stands behind others that take every ask away from it.
pub(super) fn reachable(subject: &Subject<'_>) {
    let order = Order::new(subject);
    for (index, rule) in subject.rules() {
        if !subject.conclusive[index] || subject.targets[index].is_empty() {
            continue;
        }
        if let Some(takers) = order.takers_of(subject, index) {
            subject.log.push(unreachable(subject, rule, &takers));
        }
    }
}

/// For each resource and role, the rules that take every ask that is theirs, in the order of trying.
struct Order {
    takers: Vec<Vec<Vec<usize>>>,
}

impl Order {
    fn new(subject: &Subject<'_>) -> Self {
        let roles = subject
            .facts
            .iter()
            .map(|facts| vec![Vec::new(); facts.roles.len()]);
        let mut takers: Vec<Vec<Vec<usize>>> = roles.collect();
        for denies in [true, false] {
            let rules = subject.rules().filter(|(index, rule)| {
                rule.denies() == denies && subject.conclusive[*index] && is_unconditional(rule)
            });
            for (index, _) in rules {
                for (resource, role) in &subject.targets[index] {
                    let before: &mut Vec<usize> = &mut takers[*resource][*role];
                    // A rule that is itself taken here takes nothing more.
                    if !before.iter().any(|other| takes(subject, *other, index)) {
                        before.push(index);
                    }
                }
            }
        }
        Self { takers }
    }

    /// The rules that together take every ask from that one; none where an ask is left to it.
    fn takers_of(&self, subject: &Subject<'_>, index: usize) -> Option<BTreeSet<usize>> {
        let mut found = BTreeSet::new();
        for (resource, role) in &subject.targets[index] {
            let takers = self.takers[*resource][*role].iter();
            let mut before = takers.take_while(|other| comes_before(subject, **other, index));
            let taker = before.find(|other| takes(subject, **other, index));
            found.insert(*taker?);
        }
        Some(found)
    }
}

/// Whether a rule matches whenever its `match` does.
fn is_unconditional(rule: &RuleEntry) -> bool {
    rule.decision.is_some() && rule.when.is_none() && rule.limits.is_none()
}

/// Rules that deny are tried first.
fn comes_before(subject: &Subject<'_>, one: usize, other: usize) -> bool {
    let rules = &subject.written.rules;
    (!rules[one].denies(), one) < (!rules[other].denies(), other)
}

/// Whether everybody whom the other rule is for is taken by this one. A rule that approves by
/// itself leaves those who ask for somebody else to a later review.
fn takes(subject: &Subject<'_>, one: usize, other: usize) -> bool {
    let decision = |index: usize| {
        let decision = subject.written.rules[index].decision.as_ref();
        decision.map(|decision| decision.value)
    };
    let approves = |index| decision(index) == Some(RuleDecision::Approve);
    (!approves(one) || approves(other))
        && subject.matchers[one].is_for_all_of(&subject.matchers[other])
}

fn unreachable(subject: &Subject<'_>, rule: &RuleEntry, takers: &BTreeSet<usize>) -> Finding {
    let rules = &subject.written.rules;
    let names: Vec<String> = takers.iter().map(|taker| title(&rules[*taker])).collect();
    let message = format!("{} can never be reached", title(rule));
    let verb = if names.len() == 1 { "takes" } else { "take" };
    let label = format!("{} {verb} every ask that it is about", names.join(" and "));
    let finding = Finding::new(rule.name.at, message, label);
    let finding = (takers.iter()).fold(finding, |finding, taker| {
        finding.and(rules[*taker].name.at, "tried before")
    });
    finding.hint("put the narrower rule first, or remove it; rules that deny always come first")
}
