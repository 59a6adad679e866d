//! Groups that are read elsewhere, what stands in for them, and managers.

use std::collections::{BTreeMap, BTreeSet};

use super::{Subject, people};
use crate::domain::{MANAGER, OWNER};
use crate::policy::fault::{At, Finding};
use crate::policy::file::{PersonEntry, RuleEntry};
use crate::policy::people::Entry;
use crate::policy::suggest;

/// `owner` and `manager` mean somebody else wherever they stand.
pub(super) fn names_free(subject: &Subject<'_>) {
    let written = subject.written;
    let groups = written.groups.iter().map(|group| &group.name);
    let people = written.people.iter().map(|person| &person.name);
    for name in groups.chain(people) {
        let means = match name.value.as_str() {
            OWNER => "the owner of the resource",
            MANAGER => "the holder's manager",
            _ => continue,
        };
        let message = format!("`{}` cannot be the name of a group or person", name.value);
        let finding = Finding::new(name.at, message, format!("it always means {means}"));
        subject.log.push(finding.hint("choose another name"));
    }
}

/// A manager is somebody, and nobody is their own.
pub(super) fn managers_known(subject: &Subject<'_>) {
    for person in &subject.written.people {
        let Some(manager) = &person.manager else {
            continue;
        };
        match subject.people.human(&manager.value) {
            None => subject.log.push(people::unknown_member(subject, manager)),
            Some(human) if !human.is_empty() && own(subject, person).as_ref() == Some(&human) => {
                let message = format!("`{}` is their own manager", person.name.value);
                let finding = Finding::new(manager.at, message, "the same person");
                subject
                    .log
                    .push(finding.hint("nobody approves their own request; name somebody else"));
            }
            Some(_) => {}
        }
    }
}

fn own(subject: &Subject<'_>, person: &PersonEntry) -> Option<BTreeSet<Entry>> {
    subject.people.human(&person.name.value)
}

/// Where a rule asks the manager, something says who that is.
pub(super) fn managers_said(subject: &Subject<'_>) {
    let written = subject.written;
    let said = written.people.iter().any(|person| person.manager.is_some());
    if said || written.defaults.manager_field.is_some() {
        return;
    }
    let asked = written.rules.iter().flat_map(RuleEntry::asked);
    for name in asked.filter(|name| name.value == MANAGER) {
        let message = "nothing says who anybody's manager is";
        let finding = Finding::new(name.at, message, "so nobody would be asked");
        subject.log.push(finding.hint(
            "write `manager:` under `people`, or name the Slack profile field: \
             `defaults: { manager_field: Xf0123ABCD }`",
        ));
    }
}

/// What stands in for a source is a group or an entry of `people`.
pub(super) fn fallbacks_known(subject: &Subject<'_>) {
    let known = &subject.known.groups;
    for fallback in fallbacks(subject).into_values() {
        if !known.contains(fallback.value.as_str()) {
            let message = format!("there is no group `{}`", fallback.value);
            let guesses = &subject.log.guesses;
            let hint = suggest::hint_among(guesses, &fallback.value, known, "add it");
            let finding = Finding::new(fallback.at, message, "unknown group");
            subject.log.push(finding.hint(hint));
        }
    }
}

/// No group stands in for itself, not even by way of others.
pub(super) fn fallbacks_end(subject: &Subject<'_>) {
    let next = fallbacks(subject);
    // A way that was gone once is not gone again: what leads into it is in no circle of its own.
    let mut gone: BTreeSet<&str> = BTreeSet::new();
    let mut circles: BTreeSet<&str> = BTreeSet::new();
    for group in next.keys() {
        let mut way: Vec<&str> = Vec::new();
        let mut at = Some(*group);
        while let Some(name) = at.filter(|name| gone.insert(name)) {
            way.push(name);
            at = next.get(name).map(|fallback| fallback.value.as_str());
        }
        let circle = way.iter().position(|name| Some(*name) == at);
        circles.extend(circle.map(|begin| &way[begin..]).into_iter().flatten());
    }
    for (group, fallback) in &next {
        if circles.contains(group) {
            let message = format!("the fallbacks of `{group}` lead back to it");
            let finding = Finding::new(fallback.at, message, "round in a circle");
            subject
                .log
                .push(finding.hint("let the last one be a group that lists its members"));
        }
    }
}

/// What stands in for each group.
fn fallbacks<'a>(subject: &Subject<'a>) -> BTreeMap<&'a str, &'a At<String>> {
    let groups = subject.written.groups.iter();
    groups
        .filter_map(|group| Some((group.name.value.as_str(), group.fallback.as_ref()?)))
        .collect()
}
