//! Reading invariants: a mapping, or a sentence of a tiny grammar.

use std::collections::BTreeSet;

use super::super::check::condition_finding;
use super::super::condition::{Condition, Names};
use super::super::fault::{At, Finding, Log, Place, Source};
use super::super::fields::{self, Fields};
use super::super::tree::{self, Node, Tree};
use super::super::{Policy, suggest};
use super::demand::{Demand, Invariant};
use crate::domain::{GroupName, RoleName, Span};

const KEYS: &[&str] = &["name", "never", "always", "where"];
const NEVER: &str = "never: automatic, allowed, break-glass or on behalf";
const ALWAYS: &str =
    "always: two people, a reason, a ticket, at most 4h, asked by GROUP or approved by GROUP";
const FORM: &str = "write `never automatic where labels.env == 'prod'`, or `name`, `never` or `always`, and `where`";

struct Reader<'a> {
    policy: &'a Policy,
    sources: &'a [Source],
    names: Names<'a>,
    log: &'a Log,
}

/// Reads all files.
pub(super) fn parse(sources: &[Source], policy: &Policy, log: &Log) -> Vec<Invariant> {
    let reader = Reader {
        policy,
        sources,
        names: names(policy),
        log,
    };
    let mut found = Vec::new();
    let mut files = tree::Reader::new();
    for (file, source) in sources.iter().enumerate() {
        match files.read(file, source) {
            Ok(node) => found.extend(reader.file(file, node)),
            Err(finding) => log.push(finding),
        }
    }
    found
}

/// What the conditions may name.
fn names(policy: &Policy) -> Names<'_> {
    let facts = policy.resources.values().map(|resource| &resource.facts);
    let mut names = Names {
        resources: facts.clone().map(|facts| facts.name.as_str()).collect(),
        roles: facts
            .clone()
            .flat_map(|facts| facts.roles.iter().map(RoleName::as_str))
            .collect(),
        groups: policy.groups().map(GroupName::as_str).collect(),
        rules: policy.rules.iter().map(|rule| rule.name.as_str()).collect(),
        sensitivities: facts
            .clone()
            .filter_map(|facts| facts.sensitivity.as_deref())
            .collect(),
        ..Names::default()
    };
    for (key, value) in facts.flat_map(|facts| &facts.labels) {
        let values: &mut BTreeSet<&str> = names.labels.entry(key).or_default();
        values.insert(value);
    }
    names
}

impl Reader<'_> {
    fn file(&self, file: usize, node: Node) -> Vec<Invariant> {
        let top = Place {
            file,
            start: 0,
            len: 0,
        };
        let mut fields = Fields::open("a file of invariants", top, node, &["invariants"], self.log);
        let Some(node) = fields.require("invariants", "begin the file with `invariants:`") else {
            return Vec::new();
        };
        let nodes = fields::list("invariants", node, self.log).unwrap_or_default();
        nodes
            .into_iter()
            .filter_map(|node| self.one(node))
            .collect()
    }

    fn one(&self, node: Node) -> Option<Invariant> {
        match &node.value {
            Tree::Text(text) => {
                let text = At {
                    value: text.clone(),
                    at: node.at,
                };
                self.sentence(&text)
            }
            _ => self.mapping(node),
        }
    }

    /// `never WHAT where CONDITION`, or `always WHAT where CONDITION`.
    fn sentence(&self, text: &At<String>) -> Option<Invariant> {
        let sentence = text.value.trim_start();
        let lead = text.value.len() - sentence.len();
        let (first, rest) = sentence
            .split_once(char::is_whitespace)
            .unwrap_or((sentence, ""));
        let is_never = match first {
            "never" => true,
            "always" => false,
            _ => {
                let finding = Finding::new(
                    text.at,
                    "this is no invariant",
                    "begins with neither `never` nor `always`",
                );
                self.log.push(finding.hint(FORM));
                return None;
            }
        };
        let (what, condition) = match rest.find(" where ") {
            Some(at) => (
                &rest[..at],
                Some(first.len() + 1 + at + " where ".len() + lead),
            ),
            None => (rest, None),
        };
        let what = text.with(what.trim().to_owned());
        let demand = if is_never {
            self.never(&what)
        } else {
            self.always(&what)
        };
        let condition = match condition {
            Some(start) => Some(self.short_condition(text, start)?),
            None => None,
        };
        Some(Invariant {
            name: text.value.trim().to_owned(),
            at: text.at,
            demand: demand?,
            condition,
        })
    }

    /// The condition of a sentence, in which `labels` and `sensitivity` are of the resource.
    fn short_condition(&self, text: &At<String>, start: usize) -> Option<Condition> {
        let written = text.value.get(start..)?;
        let (whole, insertions) = spelled_out(written);
        Condition::compile(&whole, &self.names)
            .map_err(|faults| {
                for mut fault in faults {
                    let before = insertions.iter().filter(|at| **at < fault.start).count();
                    fault.start = start + fault.start.saturating_sub(before * PREFIX.len());
                    let inside = insertions
                        .iter()
                        .filter(|at| (fault.start..fault.start + fault.len).contains(at));
                    fault.len = fault.len.saturating_sub(inside.count() * PREFIX.len());
                    fault.len = fault.len.min(text.value.len().saturating_sub(fault.start));
                    self.log.push(condition_finding(self.sources, text, fault));
                }
            })
            .ok()
    }

    fn mapping(&self, node: Node) -> Option<Invariant> {
        let at = node.at;
        let mut fields = Fields::open("an invariant", at, node, KEYS, self.log);
        let name = fields
            .require("name", "say in words what must hold, for the report")
            .and_then(|node| fields::text("name", node, self.log));
        if let Some(name) = &name {
            fields.point_at(name.at);
        }
        let never = fields.text("never");
        let always = fields.take("always");
        let condition = fields.text("where");
        let demand = match (never, always) {
            (Some(never), None) => self.never(&never),
            (None, Some(always)) => self.wanted(always),
            (None, None) => {
                let at = name.as_ref().map_or(at, |name| name.at);
                let finding = Finding::new(
                    at,
                    "an invariant needs `never` or `always`",
                    "neither is here",
                );
                self.log.push(finding.hint(format!("{NEVER}; {ALWAYS}")));
                None
            }
            (Some(never), Some(always)) => {
                let finding = Finding::new(always.at, "an invariant says one thing", "`always`");
                self.log.push(
                    finding
                        .and(never.at, "and `never`")
                        .hint("make two invariants of it"),
                );
                None
            }
        };
        let condition = match condition {
            Some(written) => Some(self.condition(&written)?),
            None => None,
        };
        let name = name?;
        Some(Invariant {
            at: name.at,
            name: name.value,
            demand: demand?,
            condition,
        })
    }

    fn condition(&self, written: &At<String>) -> Option<Condition> {
        let compiled = Condition::compile(&written.value, &self.names);
        compiled
            .map_err(|faults| {
                for fault in faults {
                    self.log
                        .push(condition_finding(self.sources, written, fault));
                }
            })
            .ok()
    }

    fn never(&self, what: &At<String>) -> Option<Demand> {
        Some(match what.value.as_str() {
            "automatic" => Demand::NeverAutomatic,
            "allowed" => Demand::NeverAllowed,
            "break-glass" | "break glass" | "break_glass" => Demand::NeverBreakGlass,
            "on behalf" | "on-behalf" | "on_behalf" => Demand::NeverOnBehalf,
            _ => return self.unknown(what, "never", NEVER),
        })
    }

    fn unknown(&self, what: &At<String>, word: &str, hint: &str) -> Option<Demand> {
        let message = format!("`{word} {}` is nothing that can be decided", what.value);
        self.log
            .push(Finding::new(what.at, message, "not known").hint(hint));
        None
    }

    /// `two people`, `a reason`, `at most 4h`, `approved by dba or leads`.
    fn always(&self, what: &At<String>) -> Option<Demand> {
        let words: Vec<&str> = what.value.split_whitespace().collect();
        Some(match words.as_slice() {
            [number, "people" | "person"] => match counted(number) {
                Some(people) => Demand::People(people),
                None => return self.unknown(what, "always", ALWAYS),
            },
            ["a" | "with", "reason"] | ["with", "a", "reason"] => Demand::Reason,
            ["a" | "with", "ticket"] | ["with", "a", "ticket"] => Demand::Ticket,
            ["at", "most", rest @ ..] => match Span::parse(&rest.join(" ")) {
                Ok(span) => Demand::AtMost(span),
                Err(_) => return self.unknown(what, "always", ALWAYS),
            },
            ["asked", "by", groups @ ..] => Demand::AskedBy(self.listed(what, groups)?),
            ["approved", "by", groups @ ..] => Demand::ApprovedBy(self.listed(what, groups)?),
            _ => return self.unknown(what, "always", ALWAYS),
        })
    }

    fn listed(&self, what: &At<String>, words: &[&str]) -> Option<Vec<GroupName>> {
        let names = words.iter().map(|word| word.trim_matches(','));
        let names: Vec<At<String>> = names
            .filter(|word| !["or", "and", ""].contains(word))
            .map(|word| what.with(word.to_owned()))
            .collect();
        if names.is_empty() {
            self.unknown(what, "always", ALWAYS)?;
        }
        self.groups(&names)
    }

    fn groups(&self, names: &[At<String>]) -> Option<Vec<GroupName>> {
        let mut groups = Vec::new();
        for name in names {
            let group = GroupName::new(&name.value);
            let known = self.policy.groups().any(|known| *known == group)
                || self.policy.group_entries(&group).is_some()
                || [crate::domain::MANAGER, crate::domain::OWNER].contains(&name.value.as_str());
            if !known {
                let message = format!("the policy has no group `{}`", name.value);
                let names = self.policy.groups().map(GroupName::as_str);
                let hint = suggest::hint(&name.value, names, "the policy has no groups");
                self.log
                    .push(Finding::new(name.at, message, "not known").hint(hint));
                return None;
            }
            groups.push(group);
        }
        Some(groups)
    }

    /// `always` as a mapping with one key, or in words.
    fn wanted(&self, node: Node) -> Option<Demand> {
        const KEYS: &[&str] = &[
            "people",
            "reason",
            "ticket",
            "max_duration",
            "requester_in",
            "approvers_in",
        ];
        let at = node.at;
        if let Tree::Text(text) = &node.value {
            return self.always(&At {
                value: text.clone(),
                at,
            });
        }
        let before = self.log.len();
        let mut fields = Fields::open("`always`", at, node, KEYS, self.log);
        let mut found = Vec::new();
        if let Some(people) = super::super::values::number(&mut fields, "people", 1, self.log) {
            found.push(Demand::People(people.value as usize));
        }
        found.extend(self.flag(&mut fields, "reason", Demand::Reason));
        found.extend(self.flag(&mut fields, "ticket", Demand::Ticket));
        if let Some(most) = super::super::values::span(&mut fields, "max_duration", self.log) {
            found.push(Demand::AtMost(most.value));
        }
        if let Some(names) = fields.texts("requester_in") {
            found.push(Demand::AskedBy(self.groups(&names)?));
        }
        if let Some(names) = fields.texts("approvers_in") {
            found.push(Demand::ApprovedBy(self.groups(&names)?));
        }
        if self.log.len() > before {
            return None;
        }
        if found.len() != 1 {
            let finding = Finding::new(
                at,
                "`always` says exactly one thing",
                format!("{} here", found.len()),
            );
            self.log.push(
                finding.hint(
                    "one of people, reason, ticket, max_duration, requester_in, approvers_in",
                ),
            );
            return None;
        }
        found.pop()
    }

    /// A key that can only be `true`.
    fn flag(&self, fields: &mut Fields<'_>, key: &str, demand: Demand) -> Option<Demand> {
        let node = fields.take(key)?;
        if matches!(node.value, Tree::Truth(true)) {
            return Some(demand);
        }
        let message = format!("`{key}` is only ever `true` here");
        let finding = Finding::new(node.at, message, "not `true`");
        self.log.push(finding.hint(format!("write `{key}: true`")));
        None
    }
}

fn counted(word: &str) -> Option<usize> {
    const WORDS: [&str; 5] = ["one", "two", "three", "four", "five"];
    let said = WORDS
        .iter()
        .position(|known| *known == word)
        .map(|at| at + 1);
    said.or(word.parse().ok()).filter(|number| *number > 0)
}

const PREFIX: &str = "resource.";

/// The condition with `resource.` before `labels` and `sensitivity` where they stand alone, and the
/// places in it where that was put in.
fn spelled_out(text: &str) -> (String, Vec<usize>) {
    let mut whole = String::new();
    let mut insertions = Vec::new();
    let mut quote: Option<char> = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if quote.is_none() && is_word(c) {
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            let is_field = whole.trim_end().ends_with('.');
            if ["labels", "sensitivity"].contains(&word) && !is_field {
                insertions.push(whole.len());
                whole.push_str(PREFIX);
            }
            whole.push_str(word);
            rest = after;
            continue;
        }
        match quote {
            Some(open) if open == c => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            _ => {}
        }
        whole.push(c);
        rest = &rest[c.len_utf8()..];
        // What is escaped in a text does not end it.
        if quote.is_some()
            && c == '\\'
            && let Some(escaped) = rest.chars().next()
        {
            whole.push(escaped);
            rest = &rest[escaped.len_utf8()..];
        }
    }
    (whole, insertions)
}

#[cfg(test)]
mod tests {
    use super::spelled_out;

    #[test]
    fn short_names_are_spelled_out_where_they_stand_alone() {
        for (short, whole) in [
            ("labels.env == 'prod'", "resource.labels.env == 'prod'"),
            (
                "resource.labels.env == 'labels'",
                "resource.labels.env == 'labels'",
            ),
            (
                "sensitivity == \"sensitivity\"",
                "resource.sensitivity == \"sensitivity\"",
            ),
            (
                r"'it\'s labels' == labels.a",
                r"'it\'s labels' == resource.labels.a",
            ),
            ("mylabels.a", "mylabels.a"),
        ] {
            assert_eq!(spelled_out(short).0, whole);
        }
    }
}
