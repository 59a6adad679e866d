//! Reading who is asked and told: `steps`, `limits`, `inform` and `break_glass` of a rule.

use super::fault::{At, Finding, Log, Place};
use super::fields::{self, Fields};
use super::file::{
    BreakGlassEntry, EscalateEntry, InformEntry, LimitsEntry, QuietEntry, StepEntry,
};
use super::tree::{Node, Tree};
use super::values::{hours, known_channel, number, read_span, span, weekdays};

/// Reads the list of steps.
pub(super) fn steps(at: Place, node: Node, log: &Log) -> Option<At<Vec<StepEntry>>> {
    let nodes = fields::list("steps", node, log)?;
    let value = nodes
        .into_iter()
        .filter_map(|node| step(node, log))
        .collect();
    Some(At { value, at })
}

fn step(node: Node, log: &Log) -> Option<StepEntry> {
    const KNOWN: [&str; 8] = [
        "from", "count", "mode", "when", "ping", "nudge", "escalate", "quiet",
    ];
    let at = node.at;
    let mut fields = Fields::open("a step", at, node, &KNOWN, log);
    let from = fields.texts_required("from", "name groups or people: `from: [dba]`");
    let at = (from.as_ref())
        .and_then(|from| from.first())
        .map_or(at, |first| first.at);
    // A count that cannot be read is told; the names in the step shall be looked at all the same.
    let count = fields.take("count").and_then(|node| count(&node, log));
    let all = mode(&mut fields, log);
    let ping = fields.take_entry("ping").and_then(|(key, node)| {
        let value = fields::texts("ping", node, log)?;
        Some(key.with(value))
    });
    let escalate = fields.take_entry("escalate");
    let quiet = fields.take_entry("quiet");
    Some(StepEntry {
        when: fields.text("when"),
        ping,
        nudge: span(&mut fields, "nudge", log),
        escalate: escalate.and_then(|(key, node)| escalation(&key, node, log)),
        quiet: quiet.and_then(|(key, node)| quiet_hours(&key, node, log)),
        from: from?,
        count: count.unwrap_or(At { value: 1, at }),
        all,
    })
}

/// Where `mode: all` is written.
fn mode(fields: &mut Fields<'_>, log: &Log) -> Option<Place> {
    let mode = fields.text("mode")?;
    if mode.value != "any" && mode.value != "all" {
        let finding = Finding::new(mode.at, format!("`{}` is no mode", mode.value), "unknown");
        log.push(finding.hint(
            "`any`: count people out of all groups together; `all`: count people out of each",
        ));
    }
    (mode.value == "all").then_some(mode.at)
}

fn count(node: &Node, log: &Log) -> Option<At<u32>> {
    let (message, hint) = match node.value {
        Tree::Number(count) if count >= 1 => match u32::try_from(count) {
            Ok(value) => return Some(At { value, at: node.at }),
            Err(_) => ("`count` is too large", "count people, such as `count: 2`"),
        },
        Tree::Number(_) => (
            "a step needs at least one approval",
            "write `count: 1` or more; for no approval at all use `decision: approve`",
        ),
        _ => ("`count` must be a whole number", "such as `count: 2`"),
    };
    log.push(Finding::new(node.at, message, "here").hint(hint));
    None
}

fn escalation(key: &At<String>, node: Node, log: &Log) -> Option<EscalateEntry> {
    let mut fields = Fields::open("`escalate`", key.at, node, &["after", "to"], log);
    let after = fields.require("after", "how long nobody may decide before: `after: 1h`");
    let after = after.and_then(|node| read_span("after", node, log));
    let to = fields.texts_required("to", "who may decide from then on as well: `to: [leads]`");
    Some(EscalateEntry {
        after: after?,
        to: to?,
    })
}

fn quiet_hours(key: &At<String>, node: Node, log: &Log) -> Option<QuietEntry> {
    let mut fields = Fields::open("`quiet`", key.at, node, &["hours", "fallback"], log);
    if fields.peek("hours").is_none() {
        drop(fields.require("hours", "which hours are quiet: `hours: \"22:00-07:00\"`"));
    }
    let hours = hours(&mut fields, "hours", log);
    let hint = "who may decide in those hours: `fallback: [oncall]`";
    let fallback = fields.texts_required("fallback", hint);
    Some(QuietEntry {
        hours: hours?,
        fallback: fallback?,
    })
}

/// Reads what must hold for a rule to approve by itself.
pub(super) fn limits(key: &At<String>, node: Node, log: &Log) -> At<LimitsEntry> {
    let known = ["uses", "per", "hours", "weekdays", "on_call"];
    let mut fields = Fields::open_filled("`limits`", key.at, node, &known, log);
    let (uses, per) = (fields.peek("uses"), fields.peek("per"));
    let alone = match (uses, per) {
        (Some(at), None) => Some((at, "`uses` without `per` counts for no time", "per: 7d")),
        (None, Some(at)) => Some((at, "`per` without `uses` counts nothing", "uses: 3")),
        _ => None,
    };
    if let Some((at, message, add)) = alone {
        let finding = Finding::new(at, message, "only this one");
        log.push(finding.hint(format!(
            "add `{add}`: so often, in so much time, for each person"
        )));
    }
    key.with(LimitsEntry {
        uses: number(&mut fields, "uses", 1, log),
        per: span(&mut fields, "per", log),
        hours: hours(&mut fields, "hours", log),
        weekdays: weekdays(&mut fields, log),
        on_call: fields.texts("on_call"),
    })
}

/// Reads who is told of the outcome.
pub(super) fn inform(key: &At<String>, node: Node, log: &Log) -> At<InformEntry> {
    let known = ["people", "channels"];
    let mut fields = Fields::open_filled("`inform`", key.at, node, &known, log);
    let people = fields.texts("people").unwrap_or_default();
    let channels = fields.texts("channels").unwrap_or_default();
    key.with(InformEntry {
        people,
        channels: (channels.into_iter())
            .filter_map(|channel| known_channel(channel, log))
            .collect(),
    })
}

/// Reads who may do without an approval in an emergency.
pub(super) fn break_glass(key: &At<String>, node: Node, log: &Log) -> At<BreakGlassEntry> {
    let known = ["who", "max_duration", "review_within", "review_by"];
    let mut fields = Fields::open("`break_glass`", key.at, node, &known, log);
    let who = fields.texts_required("who", "who may do without an approval: `who: [engineers]`");
    let hint = "an emergency is short: `max_duration: 1h`";
    let longest = fields.require("max_duration", hint);
    key.with(BreakGlassEntry {
        who: who.unwrap_or_default(),
        max_duration: longest.and_then(|node| read_span("max_duration", node, log)),
        review_within: span(&mut fields, "review_within", log),
        review_by: fields.texts("review_by"),
    })
}
