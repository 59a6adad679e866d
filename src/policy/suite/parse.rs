//! Reading test files: every file to its end, whatever is wrong with it.

use super::super::fault::{At, Finding, Log, Place, Source};
use super::super::fields::{self, Fields};
use super::super::suggest;
use super::super::tree::{self, Node, Tree};
use super::Moment;
use crate::domain::{PastGrant, Span};
use crate::policy::condition::OUTCOMES;

const FILE_KEYS: &[&str] = &["cases"];
const CASE_KEYS: &[&str] = &[
    "name",
    "now",
    "people",
    "unreadable",
    "who",
    "guest",
    "timezone",
    "for",
    "ask",
    "history",
    "extends",
    "expect",
];
const ASK_KEYS: &[&str] = &[
    "resource",
    "role",
    "duration",
    "reason",
    "start",
    "break_glass",
];
const PAST_KEYS: &[&str] = &[
    "resource",
    "role",
    "rule",
    "outcome",
    "automatic",
    "break_glass",
    "ago",
    "duration",
    "grant",
    "granted",
];
const CHAIN_KEYS: &[&str] = &["held", "left", "extensions"];
const EXPECT_KEYS: &[&str] = &[
    "verdict",
    "rule",
    "steps",
    "duration",
    "message",
    "channel",
    "why",
    "ticket",
    "review_by",
    "parts",
];
const STEP_KEYS: &[&str] = &["from", "count", "mode", "eligible", "not_eligible"];
/// What a policy can answer.
pub(in crate::policy) const VERDICTS: [&str; 5] =
    ["review", "approved", "denied", "refused", "break-glass"];

/// A case as it is written.
#[derive(Debug)]
pub(super) struct CaseEntry {
    pub(super) name: At<String>,
    pub(super) now: Option<Moment>,
    pub(super) people: Vec<(At<String>, Vec<At<String>>)>,
    pub(super) unreadable: Vec<At<String>>,
    pub(super) who: At<String>,
    pub(super) guest: bool,
    pub(super) timezone: Option<String>,
    pub(super) holder: Option<At<String>>,
    pub(super) ask: AskEntry,
    pub(super) history: Vec<PastEntry>,
    pub(super) extends: Option<ChainEntry>,
    pub(super) expect: Expect,
}

/// What is asked for.
#[derive(Debug, Default)]
pub(super) struct AskEntry {
    pub(super) resource: String,
    pub(super) role: Option<String>,
    pub(super) duration: Option<Span>,
    pub(super) reason: String,
    /// The reason where the word that reads as a role is the first one of it: nothing typed tells
    /// the two apart where no duration stands between them.
    pub(super) loose_reason: Option<String>,
    pub(super) start: Option<Moment>,
    pub(super) break_glass: bool,
}

/// An earlier request of the holder.
#[derive(Debug)]
pub(super) struct PastEntry {
    pub(super) resource: At<String>,
    pub(super) role: Option<At<String>>,
    pub(super) rule: Option<At<String>>,
    pub(super) outcome: &'static str,
    pub(super) automatic: bool,
    pub(super) break_glass: bool,
    pub(super) ago: Span,
    pub(super) duration: Span,
    pub(super) grant: PastGrant,
    pub(super) granted: Option<Span>,
}

/// The access that the ask would prolong.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChainEntry {
    pub(super) held: Span,
    pub(super) left: Span,
    pub(super) extensions: u32,
}

/// What the policy should answer. What is not written may be anything.
#[derive(Debug, Default)]
pub(super) struct Expect {
    pub(super) verdict: Option<&'static str>,
    pub(super) rule: Option<At<String>>,
    pub(super) steps: Option<Vec<ExpectStep>>,
    pub(super) duration: Option<Span>,
    pub(super) message: Option<String>,
    pub(super) channel: Option<String>,
    pub(super) why: Option<String>,
    pub(super) ticket: Option<String>,
    pub(super) review_by: Option<Vec<At<String>>>,
    /// Of a bundle: what is expected of the parts, by their names.
    pub(super) parts: Vec<(At<String>, Expect)>,
}

impl Expect {
    /// A key that is written here and has a meaning for one access only, not for a bundle.
    pub(super) fn of_one_access(&self) -> Option<&'static str> {
        let written = [
            ("rule", self.rule.is_some()),
            ("steps", self.steps.is_some()),
            ("duration", self.duration.is_some()),
            ("channel", self.channel.is_some()),
            ("why", self.why.is_some()),
            ("ticket", self.ticket.is_some()),
            ("review_by", self.review_by.is_some()),
        ];
        written.into_iter().find(|(_, is)| *is).map(|(key, _)| key)
    }
}

/// What a step should be.
#[derive(Debug, Default)]
pub(super) struct ExpectStep {
    pub(super) from: Option<Vec<At<String>>>,
    pub(super) count: Option<u32>,
    pub(super) all: Option<bool>,
    pub(super) eligible: Vec<At<String>>,
    pub(super) not_eligible: Vec<At<String>>,
}

/// Reads all files, in this order.
pub(super) fn parse(sources: &[Source], log: &Log) -> Vec<CaseEntry> {
    let mut cases = Vec::new();
    for (file, source) in sources.iter().enumerate() {
        match tree::read(file, source) {
            Ok(node) => cases.extend(parse_file(file, node, log)),
            Err(finding) => log.push(finding),
        }
    }
    cases
}

fn parse_file(file: usize, node: Node, log: &Log) -> Vec<CaseEntry> {
    let top = Place {
        file,
        start: 0,
        len: 0,
    };
    let mut fields = Fields::open("a test file", top, node, FILE_KEYS, log);
    let hint = "begin the file with `cases:`, and each case with `- name: …`";
    let Some(node) = fields.require("cases", hint) else {
        return Vec::new();
    };
    let nodes = fields::list("cases", node, log).unwrap_or_default();
    nodes
        .into_iter()
        .filter_map(|node| case(node, log))
        .collect()
}

fn case(node: Node, log: &Log) -> Option<CaseEntry> {
    let at = node.at;
    let mut fields = Fields::open("a case", at, node, CASE_KEYS, log);
    let name = fields
        .require(
            "name",
            "say in a sentence what holds: `name: A DBA cannot approve themselves`",
        )
        .and_then(|node| fields::text("name", node, log));
    fields.point_at(name.as_ref().map_or(at, |name| name.at));
    let who = fields
        .require(
            "who",
            "an e-mail address, a Slack user id, or a name of the policy's `people`",
        )
        .and_then(|node| fields::text("who", node, log));
    let ask_entry = fields
        .require(
            "ask",
            "as it is typed after `/jit request`: `ask: staging-db 1h`",
        )
        .and_then(|node| ask(node, log));
    let expect = fields
        .require(
            "expect",
            "say what the policy should answer: `expect: { verdict: review }`",
        )
        .and_then(|node| expect(node, log));
    let now = moment(&mut fields, "now", log);
    let people = people(&mut fields, log);
    let history = history(&mut fields, log);
    let extends = fields.take("extends").and_then(|node| chain(node, log));
    let guest = truth(&mut fields, "guest", log);
    let timezone = timezone(&mut fields, log);
    Some(CaseEntry {
        now,
        people,
        unreadable: fields.texts("unreadable").unwrap_or_default(),
        guest,
        timezone,
        holder: fields.text("for"),
        history,
        extends,
        name: name?,
        who: who?,
        ask: ask_entry?,
        expect: expect?,
    })
}

fn moment(fields: &mut Fields<'_>, key: &str, log: &Log) -> Option<Moment> {
    let text = fields.text(key)?;
    let moment = Moment::parse(&text.value);
    if moment.is_none() {
        let message = format!("`{key}`: “{}” is no moment", text.value);
        log.push(Finding::new(text.at, message, "when?").hint(Moment::FORMS));
    }
    moment
}

fn truth(fields: &mut Fields<'_>, key: &str, log: &Log) -> bool {
    match fields.take(key) {
        None => false,
        Some(node) => match node.value {
            Tree::Truth(value) => value,
            other => {
                let message = format!("`{key}` must be true or false, not {}", other.kind());
                let finding = Finding::new(node.at, message, format!("this is {}", other.kind()));
                log.push(finding.hint(format!("write `{key}: true`, or leave the line out")));
                false
            }
        },
    }
}

fn timezone(fields: &mut Fields<'_>, log: &Log) -> Option<String> {
    let zone = fields.text("timezone")?;
    if zone.value.parse::<chrono_tz::Tz>().is_err() {
        let message = format!("there is no time zone `{}`", zone.value);
        let finding = Finding::new(zone.at, message, "unknown");
        log.push(finding.hint("an IANA name, such as Europe/Berlin or America/New_York"));
        return None;
    }
    Some(zone.value)
}

fn people(fields: &mut Fields<'_>, log: &Log) -> Vec<(At<String>, Vec<At<String>>)> {
    let Some(node) = fields.take("people") else {
        return Vec::new();
    };
    let groups = fields::entries("people", node, log);
    let mut people = Vec::new();
    for (group, node) in groups {
        people.push((group, members(node, log)));
    }
    people
}

/// The people of a group; an empty list is nobody.
fn members(node: Node, log: &Log) -> Vec<At<String>> {
    let nodes = fields::list("people", node, log).unwrap_or_default();
    let texts = nodes
        .into_iter()
        .map(|node| fields::text("people", node, log));
    texts.flatten().collect()
}

fn ask(node: Node, log: &Log) -> Option<AskEntry> {
    if matches!(node.value, Tree::Map(_)) {
        return ask_by_parts(node, log);
    }
    let text = fields::text("ask", node, log)?;
    let read = typed(&text.value);
    if read.is_none() {
        let message = "`ask` names no resource".to_owned();
        let finding = Finding::new(text.at, message, "what is asked for?");
        log.push(
            finding.hint("as it is typed after `/jit request`: `ask: staging-db readonly 1h`"),
        );
    }
    read
}

/// Reads `RESOURCE [ROLE] [DURATION] [--break-glass] [reason…]`.
fn typed(text: &str) -> Option<AskEntry> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let break_glass = words.contains(&"--break-glass");
    let words: Vec<&str> = words
        .into_iter()
        .filter(|word| *word != "--break-glass")
        .collect();
    let (resource, rest) = words.split_first()?;
    let duration = |from: usize| {
        let words = rest.get(from..)?;
        let fitting =
            |count: &usize| Span::parse(&words.get(..*count).unwrap_or_default().join(" ")).ok();
        let count = (1..=words.len().min(4))
            .rev()
            .find(|count| fitting(count).is_some())?;
        Some((from, count, fitting(&count)?))
    };
    let mut entry = AskEntry {
        resource: (*resource).to_owned(),
        break_glass,
        ..AskEntry::default()
    };
    let names = if let Some((from, count, span)) = duration(0).or_else(|| duration(1)) {
        entry.duration = Some(span);
        entry.reason = rest.get(from + count..).unwrap_or_default().join(" ");
        from
    } else {
        entry.reason = rest.get(1..).unwrap_or_default().join(" ");
        entry.loose_reason = Some(rest.join(" "));
        rest.len().min(1)
    };
    entry.role = rest
        .first()
        .filter(|_| names == 1)
        .map(|role| (*role).to_owned());
    Some(entry)
}

fn ask_by_parts(node: Node, log: &Log) -> Option<AskEntry> {
    let at = node.at;
    let mut fields = Fields::open("`ask`", at, node, ASK_KEYS, log);
    let resource = fields
        .require("resource", "name what is asked for: `resource: staging-db`")
        .and_then(|node| fields::text("resource", node, log));
    let entry = AskEntry {
        role: fields.text("role").map(|role| role.value),
        duration: span(&mut fields, "duration", log),
        reason: fields
            .text("reason")
            .map(|reason| reason.value)
            .unwrap_or_default(),
        loose_reason: None,
        start: moment(&mut fields, "start", log),
        break_glass: truth(&mut fields, "break_glass", log),
        resource: resource?.value,
    };
    Some(entry)
}

fn span(fields: &mut Fields<'_>, key: &str, log: &Log) -> Option<Span> {
    super::super::values::span(fields, key, log).map(|span| span.value)
}

fn history(fields: &mut Fields<'_>, log: &Log) -> Vec<PastEntry> {
    let Some(node) = fields.take("history") else {
        return Vec::new();
    };
    let nodes = fields::list("history", node, log).unwrap_or_default();
    nodes
        .into_iter()
        .filter_map(|node| past(node, log))
        .collect()
}

fn past(node: Node, log: &Log) -> Option<PastEntry> {
    let at = node.at;
    let mut fields = Fields::open("an earlier request", at, node, PAST_KEYS, log);
    let resource = fields
        .require(
            "resource",
            "name what was asked for: `resource: staging-db`",
        )
        .and_then(|node| fields::text("resource", node, log));
    let ago = span(&mut fields, "ago", log);
    if ago.is_none() {
        let finding = Finding::new(at, "an earlier request needs `ago`", "`ago` is missing");
        log.push(finding.hint("how long before `now` it was asked: `ago: 2h`"));
    }
    let outcome = one_of(&mut fields, "outcome", OUTCOMES, log).unwrap_or("approved");
    let (role, rule) = (fields.text("role"), fields.text("rule"));
    let automatic = truth(&mut fields, "automatic", log);
    let break_glass = truth(&mut fields, "break_glass", log);
    let duration = span(&mut fields, "duration", log).unwrap_or(Span::hours(1));
    let (grant, granted) = past_grant(&mut fields, at, outcome, (ago?, duration), log);
    Some(PastEntry {
        role,
        rule,
        outcome,
        automatic,
        break_glass,
        duration,
        grant,
        granted,
        ago: ago?,
        resource: resource?,
    })
}

/// What became of the access, and for how long it was given. Where that is not said, what was approved
/// was given for the time that was asked for, and is over after that.
fn past_grant(
    fields: &mut Fields<'_>,
    at: Place,
    outcome: &str,
    (ago, duration): (Span, Span),
    log: &Log,
) -> (PastGrant, Option<Span>) {
    let usual = match outcome {
        "approved" if ago < duration => PastGrant::Active,
        "approved" => PastGrant::Ended,
        _ => PastGrant::None,
    };
    let said = one_of(fields, "grant", PastGrant::WORDS, log).and_then(PastGrant::read);
    let granted = span(fields, "granted", log);
    let grant = said.unwrap_or(usual);
    let nothing = matches!(grant, PastGrant::None | PastGrant::Failed);
    if (outcome == "approved") == (grant == PastGrant::None) || (nothing && granted.is_some()) {
        let message = "this cannot have become of an earlier request";
        let finding = Finding::new(
            at,
            message,
            format!("`{outcome}`, and `{}`", grant.as_str()),
        );
        log.push(finding.hint(
            "what was approved has a grant (`scheduled`, `active`, `ended` or `failed`), and nothing else \
             has one; `granted` says for how long it was given",
        ));
    }
    (grant, (!nothing).then(|| granted.unwrap_or(duration)))
}

/// A word out of a list.
fn one_of<const N: usize>(
    fields: &mut Fields<'_>,
    key: &str,
    words: [&'static str; N],
    log: &Log,
) -> Option<&'static str> {
    let word = fields.text(key)?;
    let found = words.into_iter().find(|known| *known == word.value);
    if found.is_none() {
        let message = format!("`{}` is no {key}", word.value);
        let hint = suggest::hint(&word.value, words, "");
        log.push(Finding::new(word.at, message, "unknown").hint(hint));
    }
    found
}

fn chain(node: Node, log: &Log) -> Option<ChainEntry> {
    let at = node.at;
    let mut fields = Fields::open("`extends`", at, node, CHAIN_KEYS, log);
    let held = span(&mut fields, "held", log);
    let left = span(&mut fields, "left", log);
    if held.is_none() || left.is_none() {
        let finding = Finding::new(at, "`extends` needs `held` and `left`", "one is missing");
        log.push(finding.hint(
            "for how long it is held already, and how much is left: `extends: { held: 1h, left: 10m }`",
        ));
    }
    let extensions = fields.take("extensions");
    Some(ChainEntry {
        extensions: extensions
            .and_then(|node| number("extensions", &node, log))
            .unwrap_or(0),
        held: held?,
        left: left?,
    })
}

fn number(key: &str, node: &Node, log: &Log) -> Option<u32> {
    if let Tree::Number(number) = node.value
        && let Ok(number) = u32::try_from(number)
    {
        return Some(number);
    }
    let message = format!("`{key}` must be a whole number");
    log.push(Finding::new(node.at, message, "here").hint(format!("such as `{key}: 1`")));
    None
}

fn expect(node: Node, log: &Log) -> Option<Expect> {
    let at = node.at;
    let is_empty = match &node.value {
        Tree::Nothing => true,
        Tree::Map(entries) => entries.is_empty(),
        _ => false,
    };
    if is_empty {
        let finding = Finding::new(at, "`expect` says nothing, so nothing is tested", "empty");
        log.push(finding.hint("write at least one of `verdict`, `rule`, `steps` or `message`"));
        return None;
    }
    let mut fields = Fields::open("`expect`", at, node, EXPECT_KEYS, log);
    let parts = fields.take("parts").map(|node| parts(node, log));
    let plain = |text: Option<At<String>>| text.map(|text| text.value);
    Some(Expect {
        verdict: one_of(&mut fields, "verdict", VERDICTS, log),
        rule: fields.text("rule"),
        steps: fields.take("steps").and_then(|node| steps(node, log)),
        duration: span(&mut fields, "duration", log),
        message: plain(fields.text("message")),
        channel: plain(fields.text("channel")),
        why: plain(fields.text("why")),
        ticket: plain(fields.text("ticket")),
        review_by: fields.texts("review_by"),
        parts: parts.unwrap_or_default(),
    })
}

/// What is expected of the parts of a bundle. A part has no parts, which the bundle it is asked
/// with says.
fn parts(node: Node, log: &Log) -> Vec<(At<String>, Expect)> {
    let mut parts = Vec::new();
    for (name, node) in fields::entries("parts", node, log) {
        let at = name.at;
        let Some(expected) = expect(node, log) else {
            continue;
        };
        if expected.parts.is_empty() {
            parts.push((name, expected));
        } else {
            let finding = Finding::new(at, "a part of a bundle has no parts", "has `parts`");
            log.push(finding.hint("write what is expected of the part directly under its name"));
        }
    }
    parts
}

fn steps(node: Node, log: &Log) -> Option<Vec<ExpectStep>> {
    let nodes = fields::list("steps", node, log)?;
    Some(nodes.into_iter().map(|node| step(node, log)).collect())
}

fn step(node: Node, log: &Log) -> ExpectStep {
    let at = node.at;
    let mut fields = Fields::open("an expected step", at, node, STEP_KEYS, log);
    let count = fields.take("count");
    ExpectStep {
        from: fields.texts("from"),
        count: count.and_then(|node| number("count", &node, log)),
        all: one_of(&mut fields, "mode", ["any", "all"], log).map(|mode| mode == "all"),
        eligible: fields.texts("eligible").unwrap_or_default(),
        not_eligible: fields.texts("not_eligible").unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ask_is_read_as_it_is_typed() {
        let read = |text: &str| {
            let entry = typed(text).unwrap();
            let duration = entry.duration.map(|span| span.to_string());
            (
                entry.resource,
                entry.role,
                duration,
                entry.reason,
                entry.break_glass,
            )
        };
        let some = |text: &str| Some(text.to_owned());
        for (text, role, duration, reason, glass) in [
            ("db", None, None, "", false),
            ("db 1h", None, some("1h"), "", false),
            ("db 1h 30m fix it", None, some("1h30m"), "fix it", false),
            ("db admin", some("admin"), None, "", false),
            (
                "db admin 2 hours INC-1 fix",
                some("admin"),
                some("2h"),
                "INC-1 fix",
                false,
            ),
            (
                "db admin 1h --break-glass down",
                some("admin"),
                some("1h"),
                "down",
                true,
            ),
        ] {
            let expected = ("db".to_owned(), role, duration, reason.to_owned(), glass);
            assert_eq!(read(text), expected, "{text}");
        }
        assert!(typed("  ").is_none());
    }
}
