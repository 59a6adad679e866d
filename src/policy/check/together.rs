//! Rules behind several others that together leave nobody to them.

use std::collections::{BTreeSet, HashMap};

use super::Subject;
use super::rules::title;
use crate::domain::{GroupName, Identity};
use crate::policy::fault::Finding;
use crate::policy::file::{RuleDecision, RuleEntry};
use crate::policy::people::Entry;

/// So many comparisons take no time to speak of; beyond, nobody looks.
const MOST_EFFORT: usize = 2_000_000;
/// Groups of more people are not looked into.
const MOST_PEOPLE: usize = 50;

/// No rule stands behind others that each take one of its groups.
pub(super) fn by_groups(subject: &Subject<'_>) {
    let Some(order) = Order::new(subject) else {
        return;
    };
    for (index, rule) in subject.rules() {
        let Some(taken) = order.taken(subject, index, false) else {
            continue;
        };
        // What one rule takes alone is told by another check.
        if taken.is_joint {
            let message = format!("{} can never be reached", title(rule));
            let hint = "name other groups, put the rule first, or remove it; rules that deny always come first";
            subject
                .log
                .push(finding(subject, rule, &taken, message, hint));
        }
    }
}

/// No rule stands behind others that are for all its people, as the groups are now.
pub(super) fn by_members(subject: &Subject<'_>) {
    let Some(order) = Order::new(subject) else {
        return;
    };
    for (index, rule) in subject.rules() {
        if order.taken(subject, index, false).is_some() {
            continue;
        }
        if let Some(taken) = order.taken(subject, index, true) {
            let message = format!(
                "{} is reached by nobody who is in its groups now",
                title(rule)
            );
            let hint =
                "put the narrower rule first, or remove it; it counts again once the groups change";
            subject
                .log
                .warn(finding(subject, rule, &taken, message, hint));
        }
    }
}

fn finding(
    subject: &Subject<'_>,
    rule: &RuleEntry,
    taken: &Taken,
    message: String,
    hint: &str,
) -> Finding {
    let rules = &subject.written.rules;
    let names: Vec<String> = taken.by.iter().map(|taker| title(&rules[*taker])).collect();
    let verb = if names.len() == 1 {
        "takes"
    } else {
        "together take"
    };
    let label = format!("{} {verb} everybody whom it is for", names.join(" and "));
    let finding = Finding::new(rule.name.at, message, label);
    let finding = (taken.by.iter()).fold(finding, |finding, taker| {
        finding.and(rules[*taker].name.at, "tried before")
    });
    finding.hint(hint)
}

/// For each resource and role, the rules that take every ask of those whom they are for, in the order
/// of trying.
struct Order(HashMap<(usize, usize), Vec<usize>>);

/// By which rules everybody is taken from a rule.
#[derive(Default)]
struct Taken {
    by: BTreeSet<usize>,
    /// Whether it takes more than one of them somewhere.
    is_joint: bool,
}

impl Order {
    /// None where there is too much to compare.
    fn new(subject: &Subject<'_>) -> Option<Self> {
        let mut order: HashMap<(usize, usize), Vec<usize>> = HashMap::new();
        let mut effort = 0_usize;
        for denies in [true, false] {
            for (index, rule) in subject.rules().filter(|(_, rule)| rule.denies() == denies) {
                if !subject.conclusive[index] || !is_unconditional(rule) {
                    continue;
                }
                for target in &subject.targets[index] {
                    let before = order.entry(*target).or_default();
                    effort += 1 + before.len();
                    before.push(index);
                }
                if effort > MOST_EFFORT {
                    return None;
                }
            }
        }
        Some(Self(order))
    }

    /// None where somebody is left to the rule.
    fn taken(&self, subject: &Subject<'_>, index: usize, by_members: bool) -> Option<Taken> {
        let groups = subject.matchers[index].requester_in()?;
        if !subject.conclusive[index] || subject.targets[index].is_empty() {
            return None;
        }
        let mut taken = Taken::default();
        for target in &subject.targets[index] {
            let before = self.0.get(target)?.iter().copied();
            let before: Vec<usize> = before
                .take_while(|other| comes_before(subject, *other, index))
                .filter(|other| may_take(subject, *other, index))
                .collect();
            let matchers = &subject.matchers;
            let all = |rule: &&usize| matchers[**rule].is_for_all_of(&matchers[index]);
            if let Some(taker) = before.iter().find(all) {
                taken.by.insert(*taker);
                continue;
            }
            let mut here = BTreeSet::new();
            for group in groups {
                here.extend(takers(subject, &before, group, by_members)?);
            }
            taken.is_joint |= here.len() > 1;
            taken.by.extend(here);
        }
        Some(taken)
    }
}

/// The rules that together take everybody of a group; the fewest, where one takes them all.
fn takers(
    subject: &Subject<'_>,
    before: &[usize],
    group: &GroupName,
    by_members: bool,
) -> Option<Vec<usize>> {
    let is_for = |rule: usize, groups: &BTreeSet<GroupName>| subject.matchers[rule].is_for(groups);
    let alone = BTreeSet::from([group.clone()]);
    if let Some(taker) = before.iter().find(|rule| is_for(**rule, &alone)) {
        return Some(vec![*taker]);
    }
    let people = subject.people.group(group).filter(|_| by_members)?;
    if people.is_empty() || people.len() > MOST_PEOPLE {
        return None;
    }
    let taker = |entry: &Entry| {
        let identity = match entry {
            Entry::Email(address) => Identity::email(address),
            Entry::SlackUser(user) => Identity::slack("", user),
        };
        let groups = subject.people.groups_of(&[identity].into());
        before.iter().copied().find(|rule| is_for(*rule, &groups))
    };
    people.iter().flatten().map(taker).collect()
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

/// A rule that approves by itself leaves those who ask for somebody else to a later review.
fn may_take(subject: &Subject<'_>, one: usize, other: usize) -> bool {
    let approves = |index: usize| {
        let decision = subject.written.rules[index].decision.as_ref();
        decision.is_some_and(|decision| decision.value == RuleDecision::Approve)
    };
    !approves(one) || approves(other)
}
