//! How rules are called, and where their cards go.

use super::Subject;
use crate::policy::fault::Finding;
use crate::policy::file::{RuleDecision, RuleEntry};

/// How a rule is called in messages.
pub(super) fn title(rule: &RuleEntry) -> String {
    if rule.name.value.is_empty() {
        return "this rule".to_owned();
    }
    format!("rule “{}”", rule.name.value)
}

/// A rule that posts a card knows where to, for every resource it is about.
pub(super) fn channels_known(subject: &Subject<'_>) {
    if subject.written.defaults.channel.is_some() {
        return;
    }
    for (index, rule) in subject.written.rules.iter().enumerate() {
        let denies = rule
            .decision
            .as_ref()
            .is_none_or(|d| d.value == RuleDecision::Deny);
        if denies || rule.channel.is_some() || !subject.conclusive[index] {
            continue;
        }
        let targets = subject.targets[index].iter();
        let resources = targets.map(|(resource, _)| &subject.written.resources[*resource]);
        if let Some(resource) = resources
            .into_iter()
            .find(|resource| resource.channel.is_none())
        {
            let message = format!("{} has no channel for its card", title(rule));
            let label = format!("for `{}` no channel is named anywhere", resource.name.value);
            let finding = Finding::new(rule.name.at, message, label);
            subject
                .log
                .push(finding.hint(
                    "add `channel: \"#name\"` to `defaults`, to the resource or to the rule",
                ));
        }
    }
}
