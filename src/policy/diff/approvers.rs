//! Who comes and goes among the people that may approve, and groups that are read from elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use super::super::people::Entry;
use super::super::rule::Rule;
use super::super::source::GroupSource;
use super::super::{Policy, suggest};
use super::words::some;
use super::{Change, Danger};
use crate::domain::{GroupName, OWNER, RuleName};

/// The changes in the people behind the groups that rules name.
pub(super) fn changes(old: &Policy, new: &Policy) -> Vec<Change> {
    let (used_before, used) = (used(old), used(new));
    let known: BTreeSet<&str> = old.rules().map(RuleName::as_str).collect();
    // Where a rule names the group only now, the answers differ, and that is told already. A rule that
    // has another name may be the same one.
    let has_stayed = |group: &GroupName, rule: &str| {
        let before = used_before.get(group);
        before.is_some_and(|rules| rules.contains(rule)) || !known.contains(rule)
    };
    let both = used.iter().filter(|(group, _)| is_known(old, group));
    let mut found = Vec::new();
    for (group, rules) in both {
        match (old.group_entries(group), new.group_entries(group)) {
            (Some(before), Some(after)) => {
                let stayed = rules.iter().filter(|rule| has_stayed(group, rule));
                let stayed: Vec<&str> = stayed.map(String::as_str).collect();
                if !stayed.is_empty() {
                    found.extend(moved(group, &stayed, &before, &after));
                }
            }
            _ => found.extend(elsewhere(group, rules, old, new)),
        }
    }
    found
}

fn is_known(policy: &Policy, group: &GroupName) -> bool {
    policy.group_entries(group).is_some() || policy.source_of(group).is_some()
}

/// The groups that rules name, each with the rules in which its people may approve, be it in the place
/// of another group.
pub(super) fn used(policy: &Policy) -> BTreeMap<GroupName, BTreeSet<String>> {
    let mut used: BTreeMap<GroupName, BTreeSet<String>> = BTreeMap::new();
    let owners: BTreeSet<&GroupName> = policy
        .resources
        .values()
        .flat_map(|resource| &resource.owner)
        .collect();
    for rule in &policy.rules {
        for group in approvers(rule) {
            let meant = if group.as_str() == OWNER {
                owners.iter().copied().collect()
            } else {
                vec![group]
            };
            for group in (meant.into_iter()).flat_map(|group| policy.people.with_fallbacks(group)) {
                used.entry(group.clone())
                    .or_default()
                    .insert(rule.name.to_string());
            }
        }
        for group in super::super::space::asking(rule) {
            used.entry(group).or_default();
        }
    }
    used
}

fn approvers(rule: &Rule) -> impl Iterator<Item = &GroupName> {
    let steps = rule.steps.iter().flat_map(|step| {
        let later = step.step.escalate.iter().flat_map(|escalate| &escalate.to);
        let quiet = step.quiet.iter().flat_map(|(_, fallback)| fallback);
        step.step.from.iter().chain(later).chain(quiet)
    });
    let glass = rule
        .glass
        .iter()
        .filter_map(|glass| glass.review_by.as_ref());
    steps.chain(glass.flatten())
}

fn moved(
    group: &GroupName,
    rules: &[&str],
    before: &[BTreeSet<Entry>],
    after: &[BTreeSet<Entry>],
) -> Vec<Change> {
    // Somebody whom the other side knows by another name only is somebody else by this one.
    let missing = |here: &[BTreeSet<Entry>], there: &[BTreeSet<Entry>]| -> Vec<String> {
        let known: BTreeSet<&Entry> = there.iter().flatten().collect();
        let gone = here.iter().flat_map(|human| {
            let new: Vec<&Entry> = human
                .iter()
                .filter(|entry| !known.contains(entry))
                .collect();
            let is_whole = new.len() == human.len();
            new.into_iter().take(if is_whole { 1 } else { human.len() })
        });
        gone.map(ToString::to_string).collect()
    };
    let rules = format!("approvals by {}", rule_names(rules));
    let one = |people: Vec<String>, danger, before: &str, after: &str| {
        let names: Vec<&str> = people.iter().map(String::as_str).collect();
        let (before, after) = (
            before.replace("{}", group.as_str()),
            after.replace("{}", group.as_str()),
        );
        (!names.is_empty())
            .then(|| Change::told(danger, some(&names), rules.clone(), before, after))
    };
    let gained = one(
        missing(after, before),
        Danger::WeakerApprovers,
        "not in {}",
        "may decide as one of {}",
    );
    let lost = one(
        missing(before, after),
        Danger::MoreApprovers,
        "may decide as one of {}",
        "no longer in {}",
    );
    gained.into_iter().chain(lost).collect()
}

/// Rules by name, as they stand in a sentence.
pub(super) fn rule_names(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("“{name}”")).collect();
    let quoted: Vec<&str> = quoted.iter().map(String::as_str).collect();
    some(&quoted)
}

fn elsewhere(
    group: &GroupName,
    rules: &BTreeSet<String>,
    old: &Policy,
    new: &Policy,
) -> Option<Change> {
    let (before, after) = (old.source_of(group), new.source_of(group));
    if before == after {
        return None;
    }
    let names: Vec<&str> = rules.iter().map(String::as_str).collect();
    let what = if names.is_empty() {
        "whom rules are for".to_owned()
    } else {
        format!("approvals by {}", rule_names(&names))
    };
    let who = format!("the people of {}", suggest::plain(&[group.as_str()], "and"));
    Some(Change::told(
        Danger::OtherPeople,
        who,
        what,
        source_words(old, group),
        source_words(new, group),
    ))
}

/// Where the people of a group are read from.
pub(super) fn source_words(policy: &Policy, group: &GroupName) -> String {
    let Some(sourced) = policy.source_of(group) else {
        return "a person".to_owned();
    };
    let from = match &sourced.source {
        GroupSource::Members => "listed in the policy".to_owned(),
        GroupSource::SlackUsergroup { id } => format!("the Slack user group {id}"),
        GroupSource::PagerDuty { schedule, api, .. } => {
            format!("the PagerDuty schedule {schedule} at {api}")
        }
        GroupSource::Webhook { url, .. } => format!("whom {url} names"),
    };
    match &sourced.fallback {
        Some(group) => format!("{from}, else {group}"),
        None => from,
    }
}
