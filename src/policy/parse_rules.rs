//! Reading the entries of `rules`.

use super::fault::{At, Finding, Log, Place};
use super::fields::{self, Fields};
use super::file::{Match, ReasonRule, Require, RuleDecision, RuleEntry, StepEntry};
use super::parse::{channel, span};
use super::suggest;
use super::tree::{Node, Tree};

/// Reads one rule.
pub(super) fn rule(node: Node, log: &Log) -> RuleEntry {
    const KNOWN: [&str; 7] = [
        "name", "match", "require", "decision", "message", "steps", "channel",
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
        require,
        decision,
        message: fields.text("message"),
        steps: (fields.take_entry("steps")).and_then(|(key, node)| steps(key.at, node, log)),
        channel: channel(&mut fields, "channel", log),
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

fn require(at: Place, node: Node, log: &Log) -> Require {
    let mut fields = Fields::open("`require`", at, node, &["reason", "max_duration"], log);
    Require {
        reason: fields.take("reason").and_then(|node| reason(node, log)),
        max_duration: span(&mut fields, "max_duration", log),
    }
}

/// A reason is asked for by a pattern, or by a pattern and a message.
fn reason(node: Node, log: &Log) -> Option<At<ReasonRule>> {
    let (pattern, message) = if let Tree::Map(_) = node.value {
        let at = node.at;
        let mut fields = Fields::open("`reason`", at, node, &["pattern", "message"], log);
        let message = fields.text("message").map(|message| message.value);
        let hint = "write a regular expression: `pattern: \"INC-[0-9]+\"`; `\".\"` is any reason";
        (fields.require("pattern", hint)?, message)
    } else {
        (node, None)
    };
    let pattern = fields::text("reason", pattern, log)?;
    match regex::RegexBuilder::new(&pattern.value)
        .size_limit(1 << 20)
        .build()
    {
        Ok(regex) => Some(pattern.with(ReasonRule {
            pattern: regex,
            message,
        })),
        Err(error) => {
            log.push(bad_regex(&pattern, &error));
            None
        }
    }
}

fn bad_regex(pattern: &At<String>, error: &regex::Error) -> Finding {
    let story = error.to_string();
    let why = story.lines().last().unwrap_or_default();
    let why = why.trim_start_matches("error: ");
    let finding = Finding::new(
        pattern.at,
        "this is not a regular expression",
        why.to_owned(),
    );
    // The story of the regex parser has the pattern and a caret on lines of its own.
    let drawing: Vec<&str> = story
        .lines()
        .filter(|line| line.starts_with("    "))
        .collect();
    let hint = "in YAML a backslash is safest in single quotes: 'INC-\\d+'";
    if drawing.is_empty() {
        return finding.hint(hint);
    }
    finding.hint(format!("{}\n{hint}", drawing.join("\n")))
}

fn steps(at: Place, node: Node, log: &Log) -> Option<At<Vec<StepEntry>>> {
    let nodes = fields::list("steps", node, log)?;
    let value = nodes
        .into_iter()
        .filter_map(|node| step(node, log))
        .collect();
    Some(At { value, at })
}

fn step(node: Node, log: &Log) -> Option<StepEntry> {
    let at = node.at;
    let mut fields = Fields::open("a step", at, node, &["from", "count", "mode"], log);
    let from = fields.texts_required("from", "name groups or people: `from: [dba]`");
    let at = (from.as_ref())
        .and_then(|from| from.first())
        .map_or(at, |first| first.at);
    // A count that cannot be read is told; the names in the step shall be looked at all the same.
    let count = fields.take("count").and_then(|node| count(&node, log));
    let mode = fields.text("mode");
    let all = (mode.as_ref())
        .filter(|mode| mode.value == "all")
        .map(|mode| mode.at);
    if let Some(mode) = mode.filter(|mode| mode.value != "any" && mode.value != "all") {
        let finding = Finding::new(mode.at, format!("`{}` is no mode", mode.value), "unknown");
        log.push(finding.hint(
            "`any`: count people out of all groups together; `all`: count people out of each",
        ));
    }
    Some(StepEntry {
        from: from?,
        count: count.unwrap_or(At { value: 1, at }),
        all,
    })
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
