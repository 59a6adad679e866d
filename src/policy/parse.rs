//! From text to [`Written`]: every file is read to its end, whatever is wrong with it.

use super::connector;
use super::digest;
use super::fault::{At, Finding, Log, Place, Source};
use super::fields::{self, Fields};
use super::file::{ConnectorEntry, Defaults, PersonEntry, Written};
use super::source;
use super::tree::{Node, Reader, Tree};
use super::values::{channel, dates, span, zone};
use super::{parse_rules, parse_targets};

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
    let mut reader = Reader::new();
    for (file, source) in sources.iter().enumerate() {
        match reader.read(file, source) {
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

const SECTIONS: [&str; 9] = [
    "version",
    "defaults",
    "people",
    "groups",
    "connectors",
    "resources",
    "bundles",
    "rules",
    "digests",
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
        .extend(resources.map(|(name, node)| parse_targets::resource(name, node, log)));
    let bundles = named("bundles").into_iter();
    written
        .bundles
        .extend(bundles.map(|(name, node)| parse_targets::bundle(name, node, log)));
    if let Some(node) = sections.take("rules") {
        let nodes = fields::list("rules", node, log).unwrap_or_default();
        let rules = nodes.into_iter().map(|node| parse_rules::rule(node, log));
        written.rules.extend(rules);
    }
    if let Some(node) = sections.take("digests") {
        let nodes = fields::list("digests", node, log).unwrap_or_default();
        let digests = nodes.into_iter().map(|node| digest::digest(node, log));
        written.digests.extend(digests);
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
    const KNOWN: [&str; 12] = [
        "timezone",
        "holidays",
        "request_ttl",
        "remind_before",
        "max_duration",
        "start_within",
        "channel",
        "fallback_channel",
        "admins",
        "auditors",
        "admin_channel",
        "manager_field",
    ];
    let mut fields = Fields::open("`defaults`", at, node, &KNOWN, log);
    let spans = [
        ("request_ttl", &mut into.request_ttl),
        ("remind_before", &mut into.remind_before),
        ("max_duration", &mut into.max_duration),
        ("start_within", &mut into.start_within),
    ];
    for (key, slot) in spans {
        once(slot, span(&mut fields, key, log), key, log);
    }
    let channels = [
        ("channel", &mut into.channel),
        ("fallback_channel", &mut into.fallback_channel),
        ("admin_channel", &mut into.admin_channel),
    ];
    for (key, slot) in channels {
        once(slot, channel(&mut fields, key, log), key, log);
    }
    let field = manager_field(&mut fields, log);
    once(&mut into.manager_field, field, "manager_field", log);
    let timezone = zone(&mut fields, "timezone", log);
    once(&mut into.timezone, timezone, "timezone", log);
    let holidays = dates(&mut fields, "holidays", log);
    once(&mut into.holidays, holidays, "holidays", log);
    for (name, slot) in [
        ("admins", &mut into.admins),
        ("auditors", &mut into.auditors),
    ] {
        let groups = fields.take_entry(name).and_then(|(key, node)| {
            let value = fields::texts(name, node, log)?;
            Some(key.with(value))
        });
        once(slot, groups, name, log);
    }
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
