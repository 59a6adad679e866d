//! Reading the entries of `rules`.

use super::fault::{At, Finding, Log, Place};
use super::fields::{self, Fields};
use super::file::{Match, Require, RuleDecision, RuleEntry};
use super::parse_require::require;
use super::parse_steps::{break_glass, inform, limits, steps};
use super::suggest;
use super::tree::Node;
use super::values::channel;

/// Reads one rule.
pub(super) fn rule(node: Node, log: &Log) -> RuleEntry {
    const KNOWN: [&str; 11] = [
        "name",
        "match",
        "when",
        "require",
        "decision",
        "message",
        "limits",
        "steps",
        "inform",
        "channel",
        "break_glass",
    ];
    let before = log.len();
    let at = node.at;
    let mut fields = Fields::open("a rule", at, node, &KNOWN, log);
    let name = fields
        .require("name", "every rule has a name; people read it on the card")
        .and_then(|node| fields::text("name", node, log));
    let at = name.as_ref().map_or(at, |name| name.at);
    fields.point_at(at);
    let matching = fields
        .require(
            "match",
            "say what the rule is about; `match: {}` is about every ask",
        )
        .map(|node| matching(at, node, log));
    let decision = fields
        .require("decision", "`decision: review`, `deny` or `approve`")
        .and_then(|node| decision(node, log));
    let require = (fields.take_entry("require"))
        .map_or_else(Require::default, |(key, node)| require(key.at, node, log));
    RuleEntry {
        name: name.unwrap_or_else(|| At {
            value: String::new(),
            at,
        }),
        matching: matching.unwrap_or_default(),
        when: fields.text("when"),
        require,
        decision,
        message: fields.text("message"),
        limits: (fields.take_entry("limits")).map(|(key, node)| limits(&key, node, log)),
        steps: (fields.take_entry("steps")).and_then(|(key, node)| steps(key.at, node, log)),
        inform: (fields.take_entry("inform")).map(|(key, node)| inform(&key, node, log)),
        channel: channel(&mut fields, "channel", log),
        break_glass: (fields.take_entry("break_glass"))
            .map(|(key, node)| break_glass(&key, node, log)),
        sound: log.len() == before,
    }
}

fn matching(at: Place, node: Node, log: &Log) -> Match {
    const KNOWN: [&str; 5] = [
        "resources",
        "labels",
        "roles",
        "sensitivity",
        "requester_in",
    ];
    let mut fields = Fields::open("`match`", at, node, &KNOWN, log);
    Match {
        resources: fields.texts("resources"),
        labels: fields.pairs("labels"),
        roles: fields.texts("roles"),
        sensitivity: fields.texts("sensitivity"),
        requester_in: fields.texts("requester_in"),
    }
}

fn decision(node: Node, log: &Log) -> Option<At<RuleDecision>> {
    let word = fields::text("decision", node, log)?;
    let all = [
        RuleDecision::Review,
        RuleDecision::Deny,
        RuleDecision::Approve,
    ];
    let found = all
        .into_iter()
        .find(|decision| decision.as_str() == word.value);
    if found.is_none() {
        let message = format!("`{}` is no decision", word.value);
        let hint = suggest::hint(&word.value, all.map(RuleDecision::as_str), "");
        log.push(Finding::new(word.at, message, "unknown").hint(hint));
    }
    found.map(|decision| word.with(decision))
}
