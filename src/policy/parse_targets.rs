//! Reading the entries of `resources` and `bundles`.

use super::fault::{At, Finding, Log};
use super::fields::{self, Fields};
use super::file::{BundleEntry, PartEntry, ResourceEntry};
use super::tree::{Node, Tree};
use super::values::channel;

/// Reads one entry of `resources`.
pub(super) fn resource(name: At<String>, node: Node, log: &Log) -> ResourceEntry {
    const KNOWN: [&str; 9] = [
        "connector",
        "description",
        "labels",
        "sensitivity",
        "roles",
        "default_role",
        "channel",
        "how_to_connect",
        "owner",
    ];
    let before = log.len();
    let mut fields = Fields::open("a resource", name.at, node, &KNOWN, log);
    let connector = fields
        .require(
            "connector",
            "name one of `connectors`: `connector: staging`",
        )
        .and_then(|node| fields::text("connector", node, log));
    ResourceEntry {
        connector,
        description: fields.text("description"),
        labels: fields.pairs("labels"),
        sensitivity: fields.text("sensitivity"),
        roles: roles(&mut fields, &name, log),
        default_role: fields.text("default_role"),
        channel: channel(&mut fields, "channel", log),
        how_to_connect: fields.text("how_to_connect"),
        owner: fields.texts("owner").unwrap_or_default(),
        sound: log.len() == before,
        name,
    }
}

fn roles(fields: &mut Fields<'_>, name: &At<String>, log: &Log) -> Vec<(At<String>, At<String>)> {
    let hint = "name each role and what the target calls it: `roles: { readonly: app_ro }`";
    let Some((key, node)) = fields.take_entry("roles") else {
        let message = format!("resource `{}` has no roles", name.value);
        log.push(Finding::new(name.at, message, "`roles` is missing").hint(hint));
        return Vec::new();
    };
    if !matches!(node.value, Tree::Map(_)) {
        let message = format!("`roles` must be a mapping, not {}", node.value.kind());
        log.push(Finding::new(node.at, message, "not a mapping").hint(hint));
        return Vec::new();
    }
    let entries = fields::entries("roles", node, log);
    if entries.is_empty() {
        let message = format!("resource `{}` has no roles", name.value);
        log.push(Finding::new(key.at, message, "empty").hint(hint));
    }
    (entries.into_iter())
        .filter_map(|(role, node)| Some((role.clone(), fields::text(&role.value, node, log)?)))
        .collect()
}

/// Reads one entry of `bundles`.
pub(super) fn bundle(name: At<String>, node: Node, log: &Log) -> BundleEntry {
    let mut fields = Fields::open("a bundle", name.at, node, &["description", "access"], log);
    let hint = "list what is asked for together: `access: [ { resource: orders-db } ]`";
    let description = fields.text("description");
    let parts = match fields.require("access", hint) {
        Some(node) if matches!(&node.value, Tree::List(parts) if parts.is_empty()) => {
            let message = format!("bundle `{}` has nothing in it", name.value);
            log.push(Finding::new(node.at, message, "empty").hint(hint));
            Vec::new()
        }
        Some(node) => fields::list("access", node, log).unwrap_or_default(),
        None => Vec::new(),
    };
    BundleEntry {
        name,
        description,
        access: (parts.into_iter())
            .filter_map(|node| part(node, log))
            .collect(),
    }
}

fn part(node: Node, log: &Log) -> Option<PartEntry> {
    let at = node.at;
    let hint = "`{ resource: orders-db }`, with `role: …` where the resource has several";
    if let Tree::Text(name) = &node.value {
        let finding = Finding::new(at, "a part of a bundle must be a mapping, not text", "text");
        log.push(finding.hint(format!("write `{{ resource: {name} }}`")));
        return None;
    }
    let known = ["resource", "role"];
    let mut fields = Fields::open("a part of a bundle", at, node, &known, log);
    let resource = fields.require("resource", hint)?;
    let role = fields.text("role");
    let resource = fields::text("resource", resource, log)?;
    Some(PartEntry { resource, role })
}
