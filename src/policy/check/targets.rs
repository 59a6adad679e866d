//! Connectors and resources.

use std::collections::BTreeSet;

use super::Subject;
use super::known::unknown;
use super::rules::title;
use crate::domain::{ConnectorSpec, OWNER};
use crate::policy::fault::{At, Finding};
use crate::policy::file::{ConnectorEntry, RuleDecision};
use crate::policy::suggest;

/// The longest name that PostgreSQL keeps, in bytes.
const LONGEST_ROLE: usize = 63;

/// Resources and logins name connectors that exist.
pub(super) fn connectors_known(subject: &Subject<'_>) {
    let written = subject.written;
    let resources = written
        .resources
        .iter()
        .filter_map(|resource| resource.connector.as_ref());
    let logins = written.people.iter().flat_map(|person| &person.logins);
    let names: BTreeSet<&str> = subject.connectors.keys().copied().collect();
    for name in resources.chain(logins.map(|(connector, _)| connector)) {
        if connector(subject, name).is_none() {
            let none = "add it under `connectors`";
            let hint = suggest::hint_among(&subject.log.guesses, &name.value, &names, none);
            let message = format!("there is no connector `{}`", name.value);
            subject
                .log
                .push(Finding::new(name.at, message, "unknown connector").hint(hint));
        }
    }
}

fn connector<'a>(subject: &Subject<'a>, name: &At<String>) -> Option<&'a ConnectorEntry> {
    subject.connectors.get(name.value.as_str()).copied()
}

/// The default role is one of the resource's roles.
pub(super) fn default_roles_known(subject: &Subject<'_>) {
    for resource in &subject.written.resources {
        let Some(role) = &resource.default_role else {
            continue;
        };
        let names: Vec<&str> = (resource.roles.iter())
            .map(|(name, _)| name.value.as_str())
            .collect();
        if !names.is_empty() && !names.contains(&role.value.as_str()) {
            let hint = suggest::hint(&role.value, names, "");
            let message = format!("`{}` has no role `{}`", resource.name.value, role.value);
            subject
                .log
                .push(Finding::new(role.at, message, "unknown role").hint(hint));
        }
    }
}

/// Names for PostgreSQL are not longer than it keeps: it would cut them without a word.
pub(super) fn roles_fit(subject: &Subject<'_>) {
    for resource in &subject.written.resources {
        let kind = resource
            .connector
            .as_ref()
            .and_then(|name| connector(subject, name));
        let Some(ConnectorSpec::Postgres(_)) = kind.and_then(|entry| entry.spec.as_ref()) else {
            continue;
        };
        for (_, at_target) in &resource.roles {
            if at_target.value.len() > LONGEST_ROLE {
                let message = format!("`{}` is too long for a PostgreSQL role", at_target.value);
                let finding = Finding::new(at_target.at, message, "over 63 bytes");
                subject
                    .log
                    .push(finding.hint("PostgreSQL cuts names at 63 bytes"));
            }
        }
    }
}

/// Owners are groups or people.
pub(super) fn owners_known(subject: &Subject<'_>) {
    let groups = &subject.known.groups;
    for resource in &subject.written.resources {
        for finding in unknown("group", resource.owner.iter(), groups, &subject.log.guesses) {
            subject.log.push(finding);
        }
    }
}

/// Where a rule asks or tells the owner, each resource that it is about has one.
pub(super) fn owners_said(subject: &Subject<'_>) {
    for (index, rule) in subject.rules() {
        let Some(word) = rule.asked().find(|name| name.value == OWNER) else {
            continue;
        };
        let targets = subject.targets[index].iter();
        let resources = targets.map(|(resource, _)| &subject.written.resources[*resource]);
        let ownerless = resources
            .into_iter()
            .find(|resource| resource.owner.is_empty());
        let Some(resource) = ownerless.filter(|_| subject.conclusive[index]) else {
            continue;
        };
        let message = format!(
            "`{}` has no owner whom {} could ask",
            resource.name.value,
            title(rule)
        );
        let finding = Finding::new(word.at, message, "asks the owner of the resource");
        let finding = finding.and(resource.name.at, "has no `owner`");
        subject
            .log
            .push(finding.hint("add `owner: [some-group]` to the resource, or name a group here"));
    }
}

/// Resources that nobody can ask for: maybe on purpose, more often a forgotten rule.
pub(super) fn can_be_asked_for(subject: &Subject<'_>) {
    let allowing = (subject.written.rules.iter().enumerate()).filter(|(_, rule)| {
        rule.decision
            .as_ref()
            .is_some_and(|decision| decision.value != RuleDecision::Deny)
    });
    let (lists, list_of) = subject.targets.lists();
    let allowing: BTreeSet<usize> = allowing.map(|(index, _)| list_of[index]).collect();
    let mut reached = vec![subject.targets.too_many; subject.facts.len()];
    for (resource, _) in allowing.iter().flat_map(|list| &lists[*list]) {
        reached[*resource] = true;
    }
    let resources = subject.written.resources.iter().zip(reached);
    for (resource, _) in resources.filter(|(_, is_reached)| !is_reached) {
        let name = &resource.name;
        let message = format!("no rule lets anybody ask for `{}`", name.value);
        let finding = Finding::new(name.at, message, "nobody can ask for it");
        subject
            .log
            .warn(finding.hint("add a rule that matches it, or remove it"));
    }
}
