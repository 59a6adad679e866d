//! The names in rules, and those of admins.

use std::collections::{BTreeMap, BTreeSet};

use super::Subject;
use crate::domain::{MANAGER, OWNER, RoleName};
use crate::policy::condition::Names;
use crate::policy::effort::Effort;
use crate::policy::fault::{At, Finding};
use crate::policy::file::{RuleEntry, Written};
use crate::policy::matching::Facts;
use crate::policy::people::Entry;
use crate::policy::suggest;

/// Whether it is one of the words that may stand where people are asked or told.
fn is_word(name: &str) -> bool {
    [MANAGER, OWNER].contains(&name)
}

fn misplaced_word(name: &At<String>) -> Finding {
    let message = format!("`{}` cannot stand here", name.value);
    let finding = Finding::new(name.at, message, "this is about who asks");
    finding.hint(
        "`owner` and `manager` mean whom a rule asks or tells; here write a group or an entry of \
         `people`",
    )
}

/// Admins and auditors are groups or people.
pub(super) fn admins(subject: &Subject<'_>) {
    let groups = &subject.known.groups;
    let defaults = &subject.written.defaults;
    let named = [&defaults.admins, &defaults.auditors];
    let named = named.into_iter().flatten().flat_map(|named| &named.value);
    for finding in unknown("group", named, groups, &subject.log.guesses) {
        subject.log.push(finding);
    }
}

/// Everything that a rule names exists.
pub(super) fn in_rules(subject: &Subject<'_>) {
    for finding in subject.strange.iter().flatten() {
        subject.log.push(finding.clone());
    }
}

/// Every name that a rule may use.
pub(super) struct Known<'a> {
    pub(super) resources: BTreeSet<&'a str>,
    roles: BTreeSet<&'a str>,
    sensitivities: BTreeSet<&'a str>,
    pub(super) groups: BTreeSet<&'a str>,
    labels: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Known<'a> {
    pub(super) fn new(written: &'a Written, facts: &'a [Facts]) -> Self {
        let people = written.people.iter().map(|person| &person.name);
        let groups = written.groups.iter().map(|group| &group.name);
        let mut labels: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (key, value) in facts.iter().flat_map(|facts| &facts.labels) {
            labels.entry(key).or_default().insert(value);
        }
        let roles = facts.iter().flat_map(|facts| &facts.roles);
        Self {
            resources: facts.iter().map(|facts| facts.name.as_str()).collect(),
            roles: roles.map(RoleName::as_str).collect(),
            sensitivities: (facts.iter())
                .filter_map(|facts| facts.sensitivity.as_deref())
                .collect(),
            groups: people
                .chain(groups)
                .map(|name| name.value.as_str())
                .collect(),
            labels,
        }
    }

    /// The same for conditions, with the names of rules.
    pub(super) fn names(&self, rules: impl Iterator<Item = &'a str>) -> Names<'a> {
        Names {
            resources: self.resources.clone(),
            roles: self.roles.clone(),
            groups: self.groups.clone(),
            rules: rules.collect(),
            sensitivities: self.sensitivities.clone(),
            labels: self.labels.clone(),
            guesses: Effort::default(),
        }
    }
}

impl Subject<'_> {
    /// A fault for each name in a rule that nothing bears.
    pub(super) fn strange_in(&self, rule: &RuleEntry) -> Vec<Finding> {
        let (known, guesses) = (&self.known, &self.log.guesses);
        let matching = &rule.matching;
        let patterns = matching.resources.iter().flatten();
        let mut found: Vec<Finding> = patterns
            .filter(|pattern| !self.index.is_any(&pattern.value) && !self.index.is_spent())
            .map(|pattern| unknown_resource(pattern, &known.resources, guesses))
            .collect();
        // Two words may stand where a rule asks or tells people, and name none of its groups.
        let asked = rule.asked().filter(|name| !is_word(&name.value));
        let (words, askers): (Vec<_>, Vec<_>) =
            rule.askers().partition(|name| is_word(&name.value));
        found.extend(words.into_iter().map(misplaced_word));
        let groups = askers.into_iter().chain(asked);
        let words = matching.sensitivity.iter().flatten();
        found.extend(unknown(
            "role",
            matching.roles.iter().flatten(),
            &known.roles,
            guesses,
        ));
        let strange = unknown("sensitivity", words, &known.sensitivities, guesses);
        found.extend(strange);
        found.extend(unknown("group", groups, &known.groups, guesses));
        let labels = matching.labels.iter();
        found.extend(labels.filter_map(|(key, value)| known.unknown_label(key, value, guesses)));
        found
    }
}

impl Known<'_> {
    fn unknown_label(
        &self,
        key: &At<String>,
        value: &At<String>,
        guesses: &Effort,
    ) -> Option<Finding> {
        let Some(values) = self.labels.get(key.value.as_str()) else {
            let keys = self.labels.keys().copied().collect();
            let hint = suggest::hint_among(guesses, &key.value, &keys, "no resource has labels");
            let message = format!("no resource has a label `{}`", key.value);
            return Some(Finding::new(key.at, message, "unknown label").hint(hint));
        };
        if values.contains(value.value.as_str()) {
            return None;
        }
        let hint = suggest::hint_among(guesses, &value.value, values, "");
        let message = format!("no resource has the label {}={}", key.value, value.value);
        Some(Finding::new(value.at, message, "unknown value").hint(hint))
    }
}

pub(super) fn unknown<'a>(
    what: &'a str,
    names: impl Iterator<Item = &'a At<String>>,
    known: &'a BTreeSet<&'a str>,
    guesses: &'a Effort,
) -> impl Iterator<Item = Finding> {
    let strange = names.filter(|name| !known.contains(name.value.as_str()));
    strange.map(move |name| {
        let none = match what {
            "group" => "add it under `groups`",
            _ => "no resource says any",
        };
        let hint = match Entry::read(&name.value) {
            Some(_) if what == "group" => {
                "rules name groups or entries of `people`; add one for this person".to_owned()
            }
            _ => suggest::hint_among(guesses, &name.value, known, none),
        };
        let message = match what {
            "sensitivity" => format!("no resource has the sensitivity `{}`", name.value),
            "role" => format!("no resource has a role `{}`", name.value),
            _ => format!("there is no {what} `{}`", name.value),
        };
        Finding::new(name.at, message, format!("unknown {what}")).hint(hint)
    })
}

pub(super) fn unknown_resource(
    pattern: &At<String>,
    resources: &BTreeSet<&str>,
    guesses: &Effort,
) -> Finding {
    let none = "add it under `resources`";
    let hint = suggest::hint_among(guesses, &pattern.value, resources, none);
    let message = if pattern.value.contains('*') {
        format!("no resource fits `{}`", pattern.value)
    } else {
        format!("there is no resource `{}`", pattern.value)
    };
    Finding::new(pattern.at, message, "unknown resource").hint(hint)
}
