//! Lengths of access, starts and extensions: that they fit together.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::Subject;
use super::rules::title;
use crate::domain::{RoleName, Span};
use crate::policy::Policy;
use crate::policy::fault::{At, Finding, Place};
use crate::policy::file::{MaxDuration, RuleEntry};
use crate::policy::suggest;

/// The cap of a rule: how long, and where it is written; nowhere where nothing is said at all.
pub(super) struct Cap {
    pub(super) span: Span,
    pub(super) at: Option<Place>,
}

impl Cap {
    fn of(limit: &At<Span>) -> Self {
        Self {
            span: limit.value,
            at: Some(limit.at),
        }
    }

    /// The cap for the role that may hold the access longest, or shortest.
    pub(super) fn new(subject: &Subject<'_>, rule: &RuleEntry, longest: bool) -> Self {
        match &rule.require.max_duration {
            Some(MaxDuration::All(limit)) => return Self::of(limit),
            Some(MaxDuration::PerRole(limits)) if !limits.is_empty() => {
                let limits = limits.iter().map(|(_, limit)| limit);
                let limit = if longest {
                    limits.max_by_key(|limit| limit.value)
                } else {
                    limits.min_by_key(|limit| limit.value)
                };
                if let Some(limit) = limit {
                    return Self::of(limit);
                }
            }
            _ => {}
        }
        match &subject.written.defaults.max_duration {
            Some(limit) => Self::of(limit),
            None => Self {
                span: Policy::MAX_DURATION,
                at: None,
            },
        }
    }

    /// A fault of something that is over the cap.
    pub(super) fn over(&self, what: &str, over: &At<Span>, hint: &str) -> Option<Finding> {
        if over.value <= self.span {
            return None;
        }
        let cap = self.span;
        let message = format!("{what} {} is more than the rule allows", over.value);
        let label = match self.at {
            Some(_) => format!("over {cap}"),
            None => format!("over {cap}, which holds where no `max_duration` is written"),
        };
        let finding = Finding::new(over.at, message, label);
        let finding = match self.at {
            Some(at) => finding.and(at, "the most that is allowed"),
            None => finding,
        };
        Some(finding.hint(hint))
    }
}

/// The cap for a role of a resource, by their numbers; the longest there is for a rule that denies, which
/// takes whatever is asked for. In an emergency another cap may hold.
pub(super) fn longest(
    subject: &Subject<'_>,
    rule: &RuleEntry,
    (resource, role): (usize, usize),
) -> Span {
    if rule.denies() {
        return Span::MAX;
    }
    let role = subject.facts[resource].roles[role].as_str();
    let own = match &rule.require.max_duration {
        Some(MaxDuration::All(limit)) => Some(limit.value),
        Some(MaxDuration::PerRole(limits)) => {
            let mut limits = limits.iter();
            limits
                .find(|(known, _)| known.value == role)
                .map(|(_, limit)| limit.value)
        }
        None => None,
    };
    let usual = subject.written.defaults.max_duration.as_ref();
    let usual = usual.map_or(Policy::MAX_DURATION, |limit| limit.value);
    let glass = rule.break_glass.as_ref();
    let glass = glass.and_then(|glass| glass.value.max_duration.as_ref());
    own.unwrap_or(usual)
        .max(glass.map_or(Span::minutes(1), |limit| limit.value))
}

/// Choices, defaults and extensions are not longer than the rule allows.
pub(super) fn within_caps(subject: &Subject<'_>) {
    for rule in &subject.written.rules {
        let require = &rule.require;
        let longest = Cap::new(subject, rule, true);
        let choices = require.durations.iter();
        let raise = "make it shorter, or raise `max_duration`";
        let found = choices.filter_map(|choice| longest.over("the choice", choice, raise));
        let default = require.default_duration.as_ref().and_then(|default| {
            // It must do for every role: nobody is asked for which.
            let shortest = Cap::new(subject, rule, false);
            shortest.over("the default", default, raise)
        });
        let extend = require.extend.as_ref().map(|extend| &extend.value);
        let by = extend.and_then(|extend| extend.by.as_ref());
        let by = by.and_then(|by| longest.over("an extension by", by, raise));
        let found = found.chain(default).chain(by).chain(strange_default(rule));
        found.for_each(|finding| subject.log.push(finding));
    }
}

fn strange_default(rule: &RuleEntry) -> Option<Finding> {
    let (default, choices) = (
        rule.require.default_duration.as_ref()?,
        &rule.require.durations,
    );
    if choices.is_empty() || choices.iter().any(|choice| choice.value == default.value) {
        return None;
    }
    let message = format!("the default {} is none of the choices", default.value);
    let finding = Finding::new(default.at, message, "would be refused");
    let names: Vec<String> = choices
        .iter()
        .map(|choice| choice.value.to_string())
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Some(finding.hint(format!("write one of {}", suggest::list(&names, "or"))))
}

/// A cap is for a role that the rule is about.
pub(super) fn roles_fit(subject: &Subject<'_>) {
    for (index, rule) in subject.rules() {
        let Some(MaxDuration::PerRole(limits)) = &rule.require.max_duration else {
            continue;
        };
        if !subject.conclusive[index] {
            continue;
        }
        let roles: BTreeSet<&str> = subject.roles_of(index).map(RoleName::as_str).collect();
        for (role, _) in limits
            .iter()
            .filter(|(role, _)| !roles.contains(role.value.as_str()))
        {
            let message = format!("{} is not about a role `{}`", title(rule), role.value);
            let hint = suggest::hint(
                &role.value,
                roles.iter().copied(),
                "compare it with `match`",
            );
            subject
                .log
                .push(Finding::new(role.at, message, "never used").hint(hint));
        }
    }
}

/// A start lies between an earliest and a latest moment.
pub(super) fn starts_fit(subject: &Subject<'_>) {
    for rule in &subject.written.rules {
        let Some(start) = &rule.require.start else {
            continue;
        };
        let (earliest, latest) = (&start.value.earliest, &start.value.latest);
        match (earliest, latest) {
            (Some(earliest), None) => {
                let message = "`start` does not say how far ahead it may lie";
                let finding = Finding::new(earliest.at, message, "only the earliest start");
                subject.log.push(finding.hint("add `latest: 7d`"));
            }
            (Some(earliest), Some(latest)) if earliest.value >= latest.value => {
                let message = "no start lies between `earliest` and `latest`";
                let finding = Finding::new(earliest.at, message, "not before this");
                let finding = finding.and(latest.at, "not after this");
                subject
                    .log
                    .push(finding.hint("both count from when it is asked; exchange them?"));
            }
            _ => {}
        }
    }
}

/// What is said of extensions has an effect.
pub(super) fn extensions_fit(subject: &Subject<'_>) {
    for rule in &subject.written.rules {
        let found = [
            idle_extend(rule),
            short_total(rule),
            long_total(subject, rule),
        ];
        for finding in found.into_iter().flatten() {
            subject.log.push(finding);
        }
    }
}

fn idle_extend(rule: &RuleEntry) -> Option<Finding> {
    let extend = &rule.require.extend.as_ref()?.value;
    let max = extend.max.as_ref().filter(|max| max.value == 0)?;
    let idle = extend.by.as_ref().or(extend.total.as_ref())?;
    let message = "this has no effect: access is never extended";
    let finding = Finding::new(idle.at, message, "never used");
    let finding = finding.and(max.at, "because of this");
    Some(finding.hint("remove it, or allow an extension with `max: 1`"))
}

fn short_total(rule: &RuleEntry) -> Option<Finding> {
    let extend = &rule.require.extend.as_ref()?.value;
    let (by, total) = (extend.by.as_ref()?, extend.total.as_ref()?);
    (by.value >= total.value).then(|| {
        let message = "an extension is as long as the whole access may be";
        let finding = Finding::new(by.at, message, "so much at once");
        let finding = finding.and(total.at, "so much in all");
        finding.hint("`total` is the first time and all extensions together")
    })
}

fn long_total(subject: &Subject<'_>, rule: &RuleEntry) -> Option<Finding> {
    let extend = &rule.require.extend.as_ref()?.value;
    let total = extend.total.as_ref()?;
    let most = extend.max.as_ref().map_or(1, |max| max.value);
    if most == 0 {
        return None;
    }
    let longest = Cap::new(subject, rule, true).span;
    let by = extend.by.as_ref().map_or(longest, |by| by.value);
    let times = i32::try_from(most).unwrap_or(i32::MAX);
    let reached = TimeDelta::from(by)
        .checked_mul(times)?
        .checked_add(&longest.into())?;
    (TimeDelta::from(total.value) > reached).then(|| {
        let message = format!("no access can last {} in all", total.value);
        let label = format!("at most {longest}, and {most} × {by} more");
        let finding = Finding::new(total.at, message, label);
        finding.hint("remove `total`, or raise `max` or `by`")
    })
}

/// What is counted over a time is counted at all: nobody looks back further than 90 days.
pub(super) fn uses_are_counted(subject: &Subject<'_>) {
    const LOOK_BACK: Span = Span::hours(90 * 24);
    let limits = subject
        .written
        .rules
        .iter()
        .filter_map(|rule| rule.limits.as_ref());
    for per in limits.filter_map(|limits| limits.value.per.as_ref()) {
        if LOOK_BACK < per.value {
            let message = format!("uses cannot be counted over {}", per.value);
            let finding = Finding::new(per.at, message, "longer than what is looked back at");
            subject.log.push(finding.hint("write 90d or less"));
        }
    }
}
