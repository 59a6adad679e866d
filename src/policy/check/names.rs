//! Names: that they can be typed, and that each is given once.

use std::collections::BTreeMap;

use super::Subject;
use crate::domain::Span;
use crate::policy::fault::{At, Finding};
use crate::policy::people::Entry;

/// Names are typed in a chat or shown as one word.
pub(super) fn can_be_typed(subject: &Subject<'_>) {
    let written = subject.written;
    let people = written.people.iter().map(|person| &person.name);
    let groups = written.groups.iter().map(|group| &group.name);
    let connectors = written.connectors.iter().map(|connector| &connector.name);
    let resources = written.resources.iter().map(|resource| &resource.name);
    let roles = written
        .resources
        .iter()
        .flat_map(|resource| &resource.roles);
    for name in people.clone().chain(groups.clone()) {
        if Entry::read(&name.value).is_some() {
            let message = format!("`{}` looks like an e-mail or a Slack user id", name.value);
            let finding = Finding::new(name.at, message, "not a name");
            subject
                .log
                .push(finding.hint("give it a short name; e-mails and ids go below it"));
        }
    }
    let bundles = written.bundles.iter().map(|bundle| &bundle.name);
    let named = people
        .chain(groups)
        .chain(connectors)
        .chain(resources)
        .chain(bundles);
    for name in named.chain(roles.map(|(role, _)| role)) {
        subject.log_bad_name(name);
    }
}

impl Subject<'_> {
    fn log_bad_name(&self, name: &At<String>) {
        let hint = if !is_name(&name.value) {
            "names begin with a letter or digit and have only letters, digits and . _ - / in them"
        } else if Span::parse(&name.value).is_ok() {
            "it reads like a duration; in `/jit request` nobody could tell them apart"
        } else {
            return;
        };
        // An e-mail as a name has its own fault.
        if Entry::read(&name.value).is_none() {
            let message = format!("`{}` cannot be a name", name.value);
            self.log
                .push(Finding::new(name.at, message, "this name").hint(hint));
        }
    }
}

/// Whether people can type it in a chat as one word.
fn is_name(text: &str) -> bool {
    let first = text
        .chars()
        .next()
        .is_some_and(|c| c.is_ascii_alphanumeric());
    first
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c))
}

/// Groups and people share one space of names; resources and roles are found in any case.
pub(super) fn given_once(subject: &Subject<'_>) {
    let written = subject.written;
    let groups = written.groups.iter().map(|group| &group.name);
    let people = written.people.iter().map(|person| &person.name);
    let shared = "give one another name: groups and people may stand in the same places";
    subject.note_repeated(people.chain(groups), shared);
    let rename = "keep one of the two, or give one another name";
    let connectors = written.connectors.iter();
    subject.note_repeated(connectors.map(|connector| &connector.name), rename);
    let resources = written.resources.iter();
    let bundles = written.bundles.iter().map(|bundle| &bundle.name);
    subject.note_repeated(
        resources.map(|resource| &resource.name).chain(bundles),
        "keep one of the two, or give one another name; resources and bundles share their names",
    );
    let rules = written.rules.iter().map(|rule| &rule.name);
    subject.note_repeated(rules.filter(|name| !name.value.is_empty()), rename);
    // A bundle is asked for like a resource.
    let bundles = written.bundles.iter().map(|bundle| &bundle.name);
    let asked = (written.resources.iter())
        .map(|resource| &resource.name)
        .chain(bundles);
    subject.note_same_but_for_case(asked);
    for resource in &written.resources {
        subject.note_same_but_for_case(resource.roles.iter().map(|(role, _)| role));
    }
}

impl Subject<'_> {
    fn note_same_but_for_case<'n>(&self, names: impl IntoIterator<Item = &'n At<String>>) {
        let mut seen: BTreeMap<String, &At<String>> = BTreeMap::new();
        for name in names {
            let key = name.value.to_lowercase();
            let first = *seen.entry(key).or_insert(name);
            if first.value != name.value {
                let message = format!("`{}` and `{}` differ only in case", first.value, name.value);
                let finding = Finding::new(name.at, message, "this one").and(first.at, "and this");
                self.log
                    .push(finding.hint("people type names in any case; rename one of them"));
            }
        }
    }
}
