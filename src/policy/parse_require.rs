//! Reading `require` of a rule.

use std::collections::BTreeMap;

use super::fault::{At, Finding, Log, Place};
use super::fields::{self, Fields};
use super::file::{ExtendEntry, MaxDuration, Require, StartEntry};
use super::tree::{Node, Tree};
use super::values::{number, pattern, read_span, span};
use crate::domain::Span;

/// Reads what an ask must bring along.
pub(super) fn require(at: Place, node: Node, log: &Log) -> Require {
    const KNOWN: [&str; 7] = [
        "reason",
        "ticket",
        "durations",
        "default_duration",
        "max_duration",
        "start",
        "extend",
    ];
    let mut fields = Fields::open_filled("`require`", at, node, &KNOWN, log);
    Require {
        at: Some(at),
        reason: pattern(&mut fields, "reason", log),
        ticket: pattern(&mut fields, "ticket", log),
        durations: (fields.take("durations")).map_or_else(Vec::new, |node| durations(node, log)),
        default_duration: span(&mut fields, "default_duration", log),
        max_duration: (fields.take("max_duration")).and_then(|node| max_duration(node, log)),
        start: (fields.take_entry("start")).map(|(key, node)| start(&key, node, log)),
        extend: (fields.take_entry("extend")).map(|(key, node)| extend(&key, node, log)),
    }
}

fn durations(node: Node, log: &Log) -> Vec<At<Span>> {
    let at = node.at;
    let Some(nodes) = fields::list("durations", node, log) else {
        return Vec::new();
    };
    if nodes.is_empty() {
        let finding = Finding::new(at, "`durations` offers nothing", "empty");
        log.push(finding.hint("name the choices, such as `[30m, 1h, 4h]`, or leave it out"));
    }
    let mut choices: Vec<At<Span>> = Vec::new();
    let mut first: BTreeMap<Span, Place> = BTreeMap::new();
    for node in nodes {
        let Some(span) = read_span("durations", node, log) else {
            continue;
        };
        let before = *first.entry(span.value).or_insert(span.at);
        if before == span.at {
            choices.push(span);
        } else {
            log.push(fields::twice(&span.with(span.value.to_string()), before));
        }
    }
    choices
}

/// One length for all roles, or one for each.
fn max_duration(node: Node, log: &Log) -> Option<MaxDuration> {
    let Tree::Map(_) = node.value else {
        return read_span("max_duration", node, log).map(MaxDuration::All);
    };
    let at = node.at;
    let entries = fields::entries("`max_duration`", node, log);
    if entries.is_empty() {
        let finding = Finding::new(at, "`max_duration` says nothing", "empty");
        log.push(finding.hint("such as `max_duration: 4h`, or `{ readonly: 8h, readwrite: 2h }`"));
    }
    let spans = entries.into_iter().filter_map(|(role, node)| {
        let span = read_span(&role.value, node, log)?;
        Some((role, span))
    });
    Some(MaxDuration::PerRole(spans.collect()))
}

fn start(key: &At<String>, node: Node, log: &Log) -> At<StartEntry> {
    let known = ["earliest", "latest"];
    let mut fields = Fields::open_filled("`start`", key.at, node, &known, log);
    key.with(StartEntry {
        earliest: span(&mut fields, "earliest", log),
        latest: span(&mut fields, "latest", log),
    })
}

fn extend(key: &At<String>, node: Node, log: &Log) -> At<ExtendEntry> {
    let known = ["max", "by", "total"];
    let mut fields = Fields::open_filled("`extend`", key.at, node, &known, log);
    key.with(ExtendEntry {
        max: number(&mut fields, "max", 0, log),
        by: span(&mut fields, "by", log),
        total: span(&mut fields, "total", log),
    })
}
