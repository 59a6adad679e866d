//! What can be said before anybody asks: what a person may ask for, and what has to be read first.

use std::collections::BTreeSet;

use super::lookup;
use crate::domain::{GroupName, RoleName, Span};
use crate::policy::condition::{Condition, Variable};
use crate::policy::rule::{Resource, Rule};
use crate::policy::{Policy, RuleDecision};

/// What a person in these groups may ask for on a resource: role and longest duration. Conditions
/// and limits may hold or not when they ask, so every rule that may be reached counts.
pub(in crate::policy) fn roles_for(
    policy: &Policy,
    resource: &Resource,
    groups: &BTreeSet<GroupName>,
) -> Vec<(RoleName, Span)> {
    let roles = resource.facts.roles.iter().zip(&resource.order);
    roles
        .filter_map(|(role, order)| Some((role.clone(), longest(policy, role, order, groups)?)))
        .collect()
}

fn longest(
    policy: &Policy,
    role: &RoleName,
    order: &[usize],
    groups: &BTreeSet<GroupName>,
) -> Option<Span> {
    let mut longest = None;
    let rules = order.iter().map(|number| &policy.rules[*number]);
    for rule in rules.filter(|rule| rule.matcher.is_for(groups)) {
        let denies = rule.decision == RuleDecision::Deny;
        if !denies {
            longest = longest.max(Some(policy.limit(rule, role)));
        }
        if rule.is_unconditional() {
            return longest;
        }
    }
    longest
}

/// The groups that are read elsewhere and that rules about a resource look at for the holder.
pub(in crate::policy) fn groups_to_read(
    policy: &Policy,
    typed: &str,
    role: Option<&str>,
) -> BTreeSet<GroupName> {
    let Ok(resource) = lookup::resource(policy, typed) else {
        return BTreeSet::new();
    };
    // Without a role that can be told, those for all roles are read rather than too few.
    let orders = match role.map(|_| lookup::role(resource, role)) {
        Some(Ok(role)) => &resource.order[role..=role],
        Some(Err(_)) => return BTreeSet::new(),
        None => &resource.order[..],
    };
    let numbers: BTreeSet<usize> = orders.iter().flatten().copied().collect();
    let rules: Vec<&Rule> = numbers
        .into_iter()
        .map(|number| &policy.rules[number])
        .collect();
    let named = rules.iter().flat_map(|rule| named(rule));
    let mut groups: BTreeSet<GroupName> = named
        .filter(|group| policy.is_dynamic(group))
        .cloned()
        .collect();
    if rules.iter().any(|rule| looks_at_groups(rule)) {
        groups.extend(policy.people.dynamic().cloned());
    }
    groups
}

fn named(rule: &Rule) -> impl Iterator<Item = &GroupName> {
    let requesters = rule.matcher.requester_in().unwrap_or_default().iter();
    let on_call = rule.limits.iter().flat_map(|limits| &limits.on_call);
    let glass = rule.glass.iter().flat_map(|glass| &glass.who);
    requesters.chain(on_call).chain(glass)
}

fn looks_at_groups(rule: &Rule) -> bool {
    let steps = rule.steps.iter().filter_map(|step| step.when.as_ref());
    let mut conditions = rule.when.iter().chain(steps);
    conditions.any(|condition: &Condition| condition.reads().has(Variable::RequesterGroups))
}
