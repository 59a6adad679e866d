//! From text to [`Written`]: every file is read to its end, whatever is wrong with it.

use super::connector;
use super::fault::{At, Finding, Log, Place, Source};
use super::fields::{self, Fields};
use super::file::{ConnectorEntry, Defaults, PersonEntry, ResourceEntry, Written};
use super::parse_rules;
use super::source;
use super::tree::{self, Node, Tree};
use crate::domain::Span;

/// What was read, and whether every file was YAML at all. Where one was not, names may be missing,
/// and nobody should be told that they do not exist.
pub(super) struct Parsed {
    pub(super) written: Written,
    pub(super) whole: bool,
}

/// Reads all files, in this order.
pub(super) fn parse(sources: &[Source], log: &Log) -> Parsed {
    let mut written = Written::default();
    let mut whole = true;
    for (file, source) in sources.iter().enumerate() {
        match tree::read(file, source) {
            Ok(node) => {
                whole &= matches!(node.value, Tree::Map(_) | Tree::Nothing);
                parse_file(file, node, &mut written, log);
            }
            Err(finding) => {
                whole = false;
                log.push(finding);
            }
        }
    }
    if whole && written.versions.is_empty() {
        log.push(version_missing());
    }
    Parsed { written, whole }
}

fn version_missing() -> Finding {
    let at = Place {
        file: 0,
        start: 0,
        len: 0,
    };
    Finding::new(
        at,
        "the policy does not say its version",
        "`version` is missing",
    )
    .hint("begin the file with `version: 1`")
}

const SECTIONS: [&str; 7] = [
    "version",
    "defaults",
    "people",
    "groups",
    "connectors",
    "resources",
    "rules",
];

fn parse_file(file: usize, node: Node, written: &mut Written, log: &Log) {
    let top = Place {
        file,
        start: 0,
        len: 0,
    };
    let mut sections = Fields::open("a policy file", top, node, &SECTIONS, log);
    if let Some(node) = sections.take("version") {
        written.versions.push(node.at);
        version(&node, log);
    }
    if let Some((key, node)) = sections.take_entry("defaults") {
        defaults(key.at, node, &mut written.defaults, log);
    }
    let mut named = |section: &'static str| -> Vec<(At<String>, Node)> {
        let node = sections.take(section);
        node.map_or_else(Vec::new, |node| fields::entries(section, node, log))
    };
    let people = named("people").into_iter();
    written
        .people
        .extend(people.map(|(name, node)| person(name, node, log)));
    let groups = named("groups").into_iter();
    written
        .groups
        .extend(groups.map(|(name, node)| source::group(name, node, log)));
    for (name, node) in named("connectors") {
        let spec = connector::parse(&name, node, log);
        written.connectors.push(ConnectorEntry { name, spec });
    }
    let resources = named("resources").into_iter();
    written
        .resources
        .extend(resources.map(|(name, node)| resource(name, node, log)));
    if let Some(node) = sections.take("rules") {
        let nodes = fields::list("rules", node, log).unwrap_or_default();
        let rules = nodes.into_iter().map(|node| parse_rules::rule(node, log));
        written.rules.extend(rules);
    }
}

fn version(node: &Node, log: &Log) {
    if matches!(node.value, Tree::Number(1)) {
        return;
    }
    let finding = Finding::new(
        node.at,
        "this version of the policy format is not known",
        "not a version that can be read",
    );
    log.push(finding.hint("the only version there is: `version: 1` (without quotes)"));
}

fn defaults(at: Place, node: Node, into: &mut Defaults, log: &Log) {
    const KNOWN: [&str; 6] = [
        "request_ttl",
        "remind_before",
        "max_duration",
        "channel",
        "fallback_channel",
        "manager_field",
    ];
    let mut fields = Fields::open("`defaults`", at, node, &KNOWN, log);
    let spans = [
        ("request_ttl", &mut into.request_ttl),
        ("remind_before", &mut into.remind_before),
        ("max_duration", &mut into.max_duration),
    ];
    for (key, slot) in spans {
        once(slot, span(&mut fields, key, log), key, log);
    }
    let channels = [
        ("channel", &mut into.channel),
        ("fallback_channel", &mut into.fallback_channel),
    ];
    for (key, slot) in channels {
        once(slot, channel(&mut fields, key, log), key, log);
    }
    let field = manager_field(&mut fields, log);
    once(&mut into.manager_field, field, "manager_field", log);
}

fn manager_field(fields: &mut Fields<'_>, log: &Log) -> Option<At<String>> {
    let field = fields.text("manager_field")?;
    let hint = "`team.profile.get` lists the custom fields; their ids look like Xf0123ABCD";
    let what = "the id of a custom profile field";
    let id = source::slack_id(&field, "Xf", what, hint, log)?;
    Some(field.with(id))
}

/// Sets a default that another file may have set already.
fn once<T>(slot: &mut Option<At<T>>, value: Option<At<T>>, key: &str, log: &Log) {
    match (&slot, value) {
        (Some(first), Some(value)) => {
            log.push(fields::twice(&value.with(key.to_owned()), first.at));
        }
        (None, Some(value)) => *slot = Some(value),
        (_, None) => {}
    }
}

fn person(name: At<String>, node: Node, log: &Log) -> PersonEntry {
    let before = log.len();
    let known = ["emails", "slack", "logins", "manager"];
    let mut fields = Fields::open("a person", name.at, node, &known, log);
    let emails = fields.texts("emails").unwrap_or_default();
    let slack = fields.texts("slack").unwrap_or_default();
    let logins = fields.pairs("logins");
    let manager = fields.text("manager");
    if log.len() == before && emails.is_empty() && slack.is_empty() {
        let message = format!(
            "`{}` can be nobody: no e-mail and no Slack user id",
            name.value
        );
        let finding = Finding::new(name.at, message, "without `emails` and `slack`");
        log.push(finding.hint("add `emails: [somebody@example.com]` or `slack: [U0123ABC]`"));
    }
    PersonEntry {
        name,
        emails,
        slack,
        logins,
        manager,
        sound: log.len() == before,
    }
}

fn resource(name: At<String>, node: Node, log: &Log) -> ResourceEntry {
    const KNOWN: [&str; 8] = [
        "connector",
        "description",
        "labels",
        "sensitivity",
        "roles",
        "default_role",
        "channel",
        "how_to_connect",
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

pub(super) fn span(fields: &mut Fields<'_>, key: &str, log: &Log) -> Option<At<Span>> {
    let node = fields.take(key)?;
    if let Tree::Number(number) = node.value {
        let message = format!("`{key}` has no unit");
        let hint = format!("write `{number}m` for minutes or `{number}h` for hours");
        log.push(Finding::new(node.at, message, "of what?").hint(hint));
        return None;
    }
    let text = fields::text(key, node, log)?;
    match Span::parse(&text.value) {
        Ok(span) => Some(text.with(span)),
        Err(fault) => {
            let finding = Finding::new(text.at, format!("`{key}`: {fault}"), "this duration");
            log.push(finding.hint("such as 30m, 4h or 2d"));
            None
        }
    }
}

pub(super) fn channel(fields: &mut Fields<'_>, key: &str, log: &Log) -> Option<At<String>> {
    let channel = fields.text(key)?;
    if is_channel(&channel.value) {
        return Some(channel);
    }
    let message = format!("`{}` is no Slack channel", channel.value);
    let bare = channel
        .value
        .trim_start_matches('#')
        .to_lowercase()
        .replace(' ', "-");
    let named = format!("#{bare}");
    let hint = if is_channel(&named) {
        format!("write \"{named}\" with the quotes, or the channel's id (C…)")
    } else {
        "write \"#name\" with the quotes, or the channel's id (C…)".to_owned()
    };
    log.push(Finding::new(channel.at, message, "not a channel").hint(hint));
    None
}

/// `#name` as Slack allows it, or the id of a public (`C…`) or private (`G…`) channel.
fn is_channel(text: &str) -> bool {
    if let Some(name) = text.strip_prefix('#') {
        let fits = |c: char| (c.is_alphanumeric() && !c.is_uppercase()) || "-_".contains(c);
        return (1..=80).contains(&name.chars().count()) && name.chars().all(fits);
    }
    let id = text.strip_prefix(['C', 'G']).unwrap_or_default();
    let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    id.len() >= 2 && id.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_names_with_a_hash_or_ids() {
        for good in [
            "#access-requests",
            "#a",
            "#zugänge",
            "C0ACCESS",
            "G0PRIVATE",
            "C01",
        ] {
            assert!(is_channel(good), "{good}");
        }
        for bad in [
            "access",
            "#",
            "#Access",
            "#two words",
            "U0DANA",
            "C",
            "c0access",
            "#a/b",
        ] {
            assert!(!is_channel(bad), "{bad}");
        }
    }
}
