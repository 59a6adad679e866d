//! Bundles: every part can be asked for.

use std::collections::BTreeSet;

use super::Subject;
use super::known::unknown_resource;
use crate::policy::fault::Finding;
use crate::policy::file::{BundleEntry, PartEntry, ResourceEntry};
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
    let same = |resource: &&ResourceEntry| resource.name.value == part.resource.value;
    let Some(resource) = resources.iter().find(same) else {
        let names: BTreeSet<&str> = resources
            .iter()
            .map(|entry| entry.name.value.as_str())
            .collect();
        return Some(unknown_resource(&part.resource, &names));
    };
    let roles: Vec<&str> = resource
        .roles
        .iter()
        .map(|(role, _)| role.value.as_str())
        .collect();
    let name = &resource.name.value;
    match &part.role {
        Some(role) if !roles.is_empty() && !roles.contains(&role.value.as_str()) => {
            let hint = suggest::hint(&role.value, roles, "");
            let message = format!("`{name}` has no role `{}`", role.value);
            Some(Finding::new(role.at, message, "unknown role").hint(hint))
        }
        None if roles.len() > 1 && resource.default_role.is_none() => {
            let message = format!("`{name}` has several roles, and this names none");
            let hint = format!("add `role:` with one of {}", suggest::list(&roles, "or"));
            Some(Finding::new(part.resource.at, message, "which role?").hint(hint))
        }
        _ => None,
    }
}

fn stands_once(subject: &Subject<'_>, bundle: &BundleEntry) {
    let same = |one: &PartEntry, other: &PartEntry| {
        let role = |part: &PartEntry| part.role.as_ref().map(|role| role.value.clone());
        one.resource.value == other.resource.value && role(one) == role(other)
    };
    for (index, part) in bundle.access.iter().enumerate() {
        let mut before = bundle.access[..index].iter();
        if let Some(first) = before.find(|other| same(other, part)) {
            subject
                .log
                .push(fields::twice(&part.resource, first.resource.at));
        }
    }
}
