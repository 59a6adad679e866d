//! Bundles: every part can be asked for.

use std::collections::HashMap;

use super::Subject;
use super::known::unknown_resource;
use crate::policy::fault::{Finding, Place};
use crate::policy::file::{BundleEntry, PartEntry};
use crate::policy::{fields, suggest};

/// Every part names a resource, and a role where there is more than one; no part stands twice.
pub(super) fn can_be_asked(subject: &Subject<'_>) {
    for bundle in &subject.written.bundles {
        for part in &bundle.access {
            if let Some(finding) = part_fault(subject, part) {
                subject.log.push(finding);
            }
        }
        stands_once(subject, bundle);
    }
}

fn part_fault(subject: &Subject<'_>, part: &PartEntry) -> Option<Finding> {
    let resources = &subject.written.resources;
    let named = subject.index.named(&part.resource.value);
    let Some(resource) = named.map(|number| &resources[number]) else {
        let names = &subject.known.resources;
        return Some(unknown_resource(
            &part.resource,
            names,
            &subject.log.guesses,
        ));
    };
    let roles = || resource.roles.iter().map(|(role, _)| role.value.as_str());
    let name = &resource.name.value;
    match &part.role {
        Some(role) if !resource.roles.is_empty() && roles().all(|known| known != role.value) => {
            let roles = roles().collect();
            let hint = suggest::hint_among(&subject.log.guesses, &role.value, &roles, "");
            let message = format!("`{name}` has no role `{}`", role.value);
            Some(Finding::new(role.at, message, "unknown role").hint(hint))
        }
        None if resource.roles.len() > 1 && resource.default_role.is_none() => {
            let message = format!("`{name}` has several roles, and this names none");
            let roles: Vec<&str> = roles().take(12).collect();
            let hint = format!("add `role:` with one of {}", suggest::list(&roles, "or"));
            Some(Finding::new(part.resource.at, message, "which role?").hint(hint))
        }
        _ => None,
    }
}

fn stands_once(subject: &Subject<'_>, bundle: &BundleEntry) {
    let mut first: HashMap<(&str, Option<&str>), Place> = HashMap::new();
    for part in &bundle.access {
        let role = part.role.as_ref().map(|role| role.value.as_str());
        let at = part.resource.at;
        let before = *first.entry((&part.resource.value, role)).or_insert(at);
        if before != at {
            subject.log.push(fields::twice(&part.resource, before));
        }
    }
}
