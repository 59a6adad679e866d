//! Where the people of a group are read from: the file itself, or somewhere that is asked when it
//! matters. Reading is not done here.

use super::connector::{Address, https, mask_all, mask_strange, secret};
use super::fault::{At, Finding, Log};
use super::fields::{self, Fields};
use super::file::GroupEntry;
use super::suggest;
use super::tree::{Node, Tree};
use crate::domain::{GroupName, SecretRef};

/// Where the people of a group are read from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupSource {
    /// The policy lists them.
    Members,
    /// A user group of the Slack workspace.
    SlackUsergroup {
        /// Its id (`S…`).
        id: String,
    },
    /// Whoever a PagerDuty schedule has on call just now.
    PagerDuty {
        /// The schedule's id (`P…`).
        schedule: String,
        /// Where the API token is kept.
        token: SecretRef,
        /// The base of the API, without a slash at its end.
        api: String,
    },
    /// A system of the house that answers by webhook.
    Webhook {
        /// Where questions are posted to.
        url: String,
        /// Where the signing secret of the Standard Webhooks convention (`whsec_…`) is kept.
        secret: SecretRef,
    },
}

impl GroupSource {
    /// Whether somebody outside the policy has to be asked.
    pub fn is_dynamic(&self) -> bool {
        !matches!(self, Self::Members)
    }

    /// What it is, for logs and messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::SlackUsergroup { .. } => "slack_usergroup",
            Self::PagerDuty { .. } => "pagerduty",
            Self::Webhook { .. } => "webhook",
        }
    }
}

/// The source of a group, and what stands in for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcedGroup {
    /// Where its people are read from.
    pub source: GroupSource,
    /// The group that has the say instead when the source names nobody, or cannot be read. Whoever asks
    /// is in no group because they are in its fallback.
    pub fallback: Option<GroupName>,
}

const PAGERDUTY: &str = "https://api.pagerduty.com";
const SOURCES: [&str; 4] = ["members", "slack_usergroup", "pagerduty", "webhook"];
const KNOWN: [&str; 5] = [
    "members",
    "slack_usergroup",
    "pagerduty",
    "webhook",
    "fallback",
];
const HINT: &str = "list them: `members: [somebody@example.com, U0123ABC]`";
const PAGERDUTY_HINT: &str = "`pagerduty: { schedule: PABC123, token: { env: PAGERDUTY_TOKEN } }`";
const WEBHOOK_HINT: &str =
    "`webhook: { url: https://…, secret: { env: … } }`, which is asked who is in the group";

/// Reads one entry of `groups`: exactly one source, and a fallback where that makes sense.
pub(super) fn group(name: At<String>, node: Node, log: &Log) -> GroupEntry {
    let before = log.len();
    let mut entry = GroupEntry {
        name,
        members: Vec::new(),
        source: GroupSource::Members,
        fallback: None,
        sound: false,
    };
    if let Tree::List(_) = node.value {
        let finding = Finding::new(node.at, "a group must be a mapping, not a list", "a list");
        log.push(finding.hint(HINT));
        return entry;
    }
    mask_misspelt(&node, log);
    let mut fields = Fields::open("a group", entry.name.at, node, &KNOWN, log);
    let written = SOURCES.map(|key| fields.take_entry(key));
    let mut first: Option<At<String>> = None;
    for (key, node) in written.into_iter().flatten() {
        let source = read(&key, &mut entry, node, log);
        if let Some(first) = &first {
            log.push(second(&key, first, &entry.name));
            continue;
        }
        entry.source = source.unwrap_or(GroupSource::Members);
        first = Some(key);
    }
    entry.fallback = fields.text("fallback");
    match &first {
        None => drop(fields.require("members", HINT)),
        Some(key) if key.value == "members" => no_fallback(&entry, log),
        Some(_) => {}
    }
    entry.sound = log.len() == before;
    entry
}

/// What stands under an unknown key may hold a secret, unless the key is clearly meant to be one
/// that never does.
fn mask_misspelt(node: &Node, log: &Log) {
    let Tree::Map(entries) = &node.value else {
        return;
    };
    let harmless = |key: &str| {
        let near = suggest::nearest(key, KNOWN);
        matches!(
            near.first(),
            Some(&("members" | "slack_usergroup" | "fallback"))
        )
    };
    for (key, value) in entries {
        match &key.value {
            Tree::Text(key) if KNOWN.contains(&key.as_str()) || harmless(key) => {}
            _ => mask_all(value, log),
        }
    }
}

/// Reads one source. Members go into the entry.
fn read(key: &At<String>, entry: &mut GroupEntry, node: Node, log: &Log) -> Option<GroupSource> {
    match key.value.as_str() {
        "slack_usergroup" => usergroup(node, log),
        "pagerduty" => pagerduty(&entry.name, node, log),
        "webhook" => webhook(&entry.name, node, log),
        _ => {
            entry.members = members(&entry.name, node, log);
            Some(GroupSource::Members)
        }
    }
}

fn second(key: &At<String>, first: &At<String>, group: &At<String>) -> Finding {
    let message = format!("group `{}` has two sources of people", group.value);
    Finding::new(key.at, message, format!("`{}` as well", key.value))
        .and(first.at, "one is here")
        .hint("keep one; what stands in for it goes to `fallback`")
}

fn no_fallback(entry: &GroupEntry, log: &Log) {
    if let Some(fallback) = &entry.fallback {
        let message = format!("group `{}` lists its members", entry.name.value);
        let finding = Finding::new(fallback.at, message, "so this is never used");
        log.push(finding.hint("remove `fallback`, or name a source that can be down"));
    }
}

fn members(group: &At<String>, node: Node, log: &Log) -> Vec<At<String>> {
    if matches!(&node.value, Tree::List(values) if values.is_empty()) {
        let message = format!(
            "group `{}` has no members, so nobody could approve",
            group.value
        );
        log.push(Finding::new(node.at, message, "empty").hint(HINT));
        return Vec::new();
    }
    let nodes = fields::list("members", node, log).unwrap_or_default();
    (nodes.into_iter())
        .filter_map(|node| fields::text("members", node, log))
        .collect()
}

fn usergroup(node: Node, log: &Log) -> Option<GroupSource> {
    let id = fields::text("slack_usergroup", node, log)?;
    let hint = "open the user group in Slack, then ⋮ and Copy group ID: it looks like S0123ABCD";
    let id = slack_id(&id, "S", "the id of a Slack user group", hint, log)?;
    Some(GroupSource::SlackUsergroup { id })
}

/// An id of Slack's with that beginning.
pub(super) fn slack_id(
    text: &At<String>,
    beginning: &str,
    what: &str,
    hint: &str,
    log: &Log,
) -> Option<String> {
    let rest = text.value.strip_prefix(beginning).unwrap_or_default();
    let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    if rest.len() >= 2 && rest.chars().all(fits) {
        return Some(text.value.clone());
    }
    let message = format!("`{}` is not {what}", text.value);
    log.push(Finding::new(text.at, message, "not an id").hint(hint));
    None
}

fn pagerduty(group: &At<String>, node: Node, log: &Log) -> Option<GroupSource> {
    let known = ["schedule", "token", "api"];
    mask_strange(&node, &known, log);
    let mut fields = Fields::open("`pagerduty`", node.at, node, &known, log);
    let schedule = fields
        .require("schedule", PAGERDUTY_HINT)
        .and_then(|node| fields::text("schedule", node, log))
        .and_then(|id| schedule(&id, log));
    let token = fields
        .require("token", PAGERDUTY_HINT)
        .and_then(|node| secret("token", group, node, log));
    let api = match fields.text("api") {
        Some(api) => https(api, &Address::PAGERDUTY, log)?,
        None => PAGERDUTY.to_owned(),
    };
    Some(GroupSource::PagerDuty {
        schedule: schedule?,
        token: token?,
        api: api.trim_end_matches('/').to_owned(),
    })
}

/// What is written here may be a token that went astray, so it is not repeated.
fn schedule(id: &At<String>, log: &Log) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric();
    if (4..=20).contains(&id.value.len()) && id.value.chars().all(fits) {
        return Some(id.value.clone());
    }
    log.mask(id.at, Some(&id.value));
    let finding = Finding::new(id.at, "this is no id of a PagerDuty schedule", "masked");
    log.push(finding.hint("it is the last part of the schedule's address, such as PABC123"));
    None
}

fn webhook(group: &At<String>, node: Node, log: &Log) -> Option<GroupSource> {
    let known = ["url", "secret"];
    mask_strange(&node, &known, log);
    let mut fields = Fields::open("`webhook`", node.at, node, &known, log);
    let url = fields
        .require("url", WEBHOOK_HINT)
        .and_then(|node| fields::text("url", node, log))
        .and_then(|url| https(url, &Address::WEBHOOK, log));
    let secret = fields
        .require("secret", WEBHOOK_HINT)
        .and_then(|node| secret("secret", group, node, log));
    Some(GroupSource::Webhook {
        url: url?,
        secret: secret?,
    })
}
