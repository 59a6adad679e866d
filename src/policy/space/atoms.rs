//! What the rules about a target name, and a rule in which what cannot be tried out is assumed.

use std::collections::BTreeSet;

use regex::Regex;

use super::super::condition::{Boundaries, Condition};
use super::super::rule::{Limits, Rule};
use super::super::{Policy, RuleDecision};
use super::effect::Attributes;
use super::{Mode, Side, constant, sample};
use crate::domain::{GroupName, RoleName, Span};

/// What the answers can depend on.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each of them is a dimension of its own"
)]
#[derive(Clone, Debug, Default)]
pub(in crate::policy) struct Named {
    pub(in crate::policy) durations: BTreeSet<Span>,
    /// Whether an ask may come without a duration.
    pub(in crate::policy) no_duration: bool,
    /// Minutes after midnight at which something begins or ends.
    pub(in crate::policy) minutes: BTreeSet<u32>,
    pub(in crate::policy) weekdays: bool,
    /// Of the conditions that can be tried out.
    pub(in crate::policy) boundaries: Boundaries,
    /// Groups of whoever is to hold the access.
    pub(in crate::policy) groups: BTreeSet<GroupName>,
    /// The texts of the conditions that cannot.
    pub(in crate::policy) free: BTreeSet<String>,
    pub(in crate::policy) break_glass: bool,
    pub(in crate::policy) approves: bool,
}

impl Named {
    /// Adds what a side names.
    pub(super) fn add(&mut self, side: &Side<'_>, role: &RoleName) {
        for rule in &side.rules {
            self.rule(side.policy, rule, role);
        }
    }

    fn rule(&mut self, policy: &Policy, rule: &Rule, role: &RoleName) {
        self.groups.extend(groups(rule));
        for condition in conditions(rule) {
            self.condition(condition);
        }
        match rule.decision {
            RuleDecision::Deny => return,
            RuleDecision::Approve => self.approves = true,
            RuleDecision::Review => {}
        }
        let require = &rule.require;
        self.durations.insert(policy.limit(rule, role));
        self.durations.extend(&require.durations);
        self.no_duration |= require.default_duration.is_some();
        if let Some(limits) = &rule.limits {
            self.limits(limits);
        }
        if let Some(glass) = &rule.glass {
            self.break_glass = true;
            self.durations.insert(glass.max_duration);
        }
    }

    /// Adds by how much an access may be prolonged, where that is tried.
    pub(super) fn prolong(&mut self, sides: &[Side<'_>]) {
        if self.boundaries.extension {
            let rules = sides.iter().flat_map(|side| &side.rules);
            self.durations
                .extend(rules.filter_map(|rule| rule.require.extend.by));
        }
    }

    fn limits(&mut self, limits: &Limits) {
        self.weekdays |= !limits.weekdays.is_empty();
        self.minutes
            .extend(limits.hours.iter().flat_map(|hours| hours.ends()));
    }

    /// Adds what a condition names.
    pub(in crate::policy) fn condition(&mut self, condition: &Condition) {
        let boundaries = condition.boundaries();
        if is_free(condition) {
            self.free.insert(condition.text().to_owned());
            return;
        }
        self.groups
            .extend(boundaries.groups.iter().map(GroupName::new));
        self.durations.extend(middles(&boundaries.durations));
        self.boundaries.merge(boundaries);
    }

    /// The ways to ask that can make a difference.
    pub(super) fn modes(&self) -> Vec<Mode> {
        let mut modes = vec![Mode::Plain];
        if self.approves || self.boundaries.on_behalf {
            modes.push(Mode::OnBehalf);
        }
        if self.boundaries.extension {
            modes.push(Mode::Extension);
        }
        if self.break_glass || self.boundaries.break_glass {
            modes.push(Mode::BreakGlass);
        }
        modes
    }
}

/// The durations without those that are only the neighbours of another: these come back by
/// themselves.
fn middles(durations: &BTreeSet<Span>) -> BTreeSet<Span> {
    let has = |seconds: u32| {
        let span = Span::from_seconds(u64::from(seconds)).ok();
        span.is_some_and(|span| durations.contains(&span))
    };
    let is_middle = |seconds: u32| {
        has(seconds) && has(seconds.saturating_sub(1)) && has(seconds.saturating_add(1))
    };
    let keep = |span: &&Span| {
        let seconds = span.seconds();
        let beside = is_middle(seconds.saturating_sub(1)) || is_middle(seconds.saturating_add(1));
        is_middle(seconds) || !beside
    };
    durations.iter().filter(keep).copied().collect()
}

/// Whether a condition looks at what cannot be tried out.
pub(in crate::policy) fn is_free(condition: &Condition) -> bool {
    !condition.boundaries().opaque.is_empty()
}

/// All conditions of a rule and its steps.
pub(in crate::policy) fn conditions(rule: &Rule) -> impl Iterator<Item = &Condition> {
    let steps = rule.steps.iter().filter_map(|step| step.when.as_ref());
    rule.when.iter().chain(steps)
}

/// Whether it matters for an answer that somebody is in a group besides those that are named.
pub(in crate::policy) fn look_at_others(rule: &Rule) -> bool {
    let mut tried = conditions(rule).filter(|condition| !is_free(condition));
    tried.any(|condition| condition.boundaries().other_group)
}

/// Every group that it matters for an answer whether somebody is in.
pub(in crate::policy) fn groups(rule: &Rule) -> BTreeSet<GroupName> {
    let mut groups: BTreeSet<GroupName> = rule
        .matcher
        .requester_in()
        .unwrap_or_default()
        .iter()
        .cloned()
        .collect();
    for condition in conditions(rule) {
        groups.extend(condition.boundaries().groups.iter().map(GroupName::new));
    }
    groups.extend(
        rule.limits
            .iter()
            .flat_map(|limits| limits.on_call.iter().cloned()),
    );
    groups.extend(
        rule.glass
            .iter()
            .flat_map(|glass| glass.who.iter().cloned()),
    );
    groups
}

/// The forms that a rule wants of a reason.
pub(super) fn patterns(rule: &Rule) -> Vec<&Regex> {
    let both = rule.require.reason.iter().chain(&rule.require.ticket);
    both.map(|wanted| &wanted.pattern).collect()
}

/// The rule with constants for what cannot be tried out. It is content with [`sample::FITTING`] and
/// with a start just now: what it wants of these is among its attributes.
pub(super) fn assumed(rule: &Rule, holds: &dyn Fn(&str) -> Option<bool>) -> Rule {
    let mut rule = rule.clone();
    let steps = rule.steps.iter_mut().map(|step| &mut step.when);
    for when in steps.chain([&mut rule.when]) {
        let known = when.as_ref().and_then(|condition| holds(condition.text()));
        if let Some(known) = known {
            *when = constant(known);
        }
    }
    // One use stands for all of them: how many there are is among the attributes.
    if let Some((most, _)) = rule.limits.as_mut().and_then(|limits| limits.uses.as_mut()) {
        *most = 1.min(*most);
    }
    let require = &mut rule.require;
    for wanted in require.reason.iter_mut().chain(&mut require.ticket) {
        wanted.pattern = sample::fitting();
    }
    require.start = None;
    // Windows of quiet times are dates; the hours are among the attributes.
    for step in &mut rule.steps {
        step.quiet = None;
    }
    rule
}

/// What a rule allows and asks for besides.
pub(super) fn attributes(policy: &Policy, rule: &Rule, role: &RoleName) -> Attributes {
    let require = &rule.require;
    let limit = policy.limit(rule, role);
    let most = require.extend.max.unwrap_or(1);
    let by = require.extend.by.unwrap_or(limit);
    let total = u64::from(limit.seconds()) + u64::from(by.seconds()) * u64::from(most);
    let total = Span::from_seconds(total).unwrap_or(Span::MAX);
    let quiet = rule.steps.iter().filter_map(|step| step.quiet.as_ref());
    let pattern = |wanted: &crate::policy::file::ReasonRule| wanted.pattern.to_string();
    Attributes {
        extend: (most > 0 && rule.decision != RuleDecision::Deny)
            .then(|| (most, by, require.extend.total.unwrap_or(total))),
        start: require.start.map(|start| (start.earliest, start.latest)),
        reason: require.reason.as_ref().map(pattern),
        ticket: require.ticket.as_ref().map(pattern),
        quiet: quiet.cloned().collect(),
        limits: rule.limits.as_ref().and_then(|limits| limits.uses),
    }
}
