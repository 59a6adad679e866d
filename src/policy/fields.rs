//! Taking values out of the YAML tree. Whatever does not fit is noted and reading goes on.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::fault::{At, Finding, Log, Place};
use super::suggest;
use super::tree::{Node, Tree};

/// A mapping whose keys are known beforehand.
pub(super) struct Fields<'a> {
    /// What the mapping is, for messages: "a rule".
    what: &'static str,
    /// Where to point when something is missing.
    at: Place,
    entries: Vec<(At<String>, Node)>,
    /// Whether it is a mapping at all; if not, nothing of it is said to be missing.
    readable: bool,
    log: &'a Log,
}

impl<'a> Fields<'a> {
    /// Opens a mapping that may have these keys and no others.
    pub(super) fn open(
        what: &'static str,
        at: Place,
        node: Node,
        known: &[&str],
        log: &'a Log,
    ) -> Self {
        let readable = matches!(node.value, Tree::Map(_) | Tree::Nothing);
        let entries = if readable {
            entries(what, node, log)
        } else {
            log.push(no_mapping(what, &node).hint(format!(
                "below it stand lines like `key: value`; known here: {}",
                suggest::list(known, "and")
            )));
            Vec::new()
        };
        let (entries, strange): (Vec<_>, Vec<_>) =
            (entries.into_iter()).partition(|(key, _)| known.contains(&key.value.as_str()));
        for (key, _) in strange {
            log.push(unknown_field(what, &key, known));
        }
        Self {
            what,
            at,
            entries,
            readable,
            log,
        }
    }

    /// Opens a mapping that says something: one without any key is a fault.
    pub(super) fn open_filled(
        what: &'static str,
        at: Place,
        node: Node,
        known: &[&str],
        log: &'a Log,
    ) -> Self {
        if let Tree::Nothing = node.value {
            blank(what, at, known, log);
        }
        if matches!(&node.value, Tree::Map(entries) if entries.is_empty()) {
            blank(what, node.at, known, log);
        }
        Self::open(what, at, node, known, log)
    }

    /// Takes a value out, if it is there.
    pub(super) fn take(&mut self, key: &str) -> Option<Node> {
        self.take_entry(key).map(|(_, node)| node)
    }

    /// Where a key stands, if it is there.
    pub(super) fn peek(&self, key: &str) -> Option<Place> {
        let mut entries = self.entries.iter();
        entries.find(|(k, _)| k.value == key).map(|(k, _)| k.at)
    }

    /// Takes a key and its value out, if they are there.
    pub(super) fn take_entry(&mut self, key: &str) -> Option<(At<String>, Node)> {
        let index = self.entries.iter().position(|(k, _)| k.value == key)?;
        Some(self.entries.remove(index))
    }

    /// Takes a value out that must be there.
    pub(super) fn require(&mut self, key: &str, hint: &str) -> Option<Node> {
        let node = self.take(key);
        if node.is_none() && self.readable {
            let message = format!("{} needs `{key}`", self.what);
            let label = format!("`{key}` is missing");
            self.log
                .push(Finding::new(self.at, message, label).hint(hint));
        }
        node
    }

    /// Says where to point from now on when something is missing.
    pub(super) fn point_at(&mut self, at: Place) {
        self.at = at;
    }

    /// Takes a text out, if it is there.
    pub(super) fn text(&mut self, key: &str) -> Option<At<String>> {
        let node = self.take(key)?;
        text(key, node, self.log)
    }

    /// Takes a list of texts out, if it is there. An empty list is a fault.
    pub(super) fn texts(&mut self, key: &str) -> Option<Vec<At<String>>> {
        let node = self.take(key)?;
        texts(key, node, self.log)
    }

    /// Takes a list of texts out that must be there.
    pub(super) fn texts_required(&mut self, key: &str, hint: &str) -> Option<Vec<At<String>>> {
        let node = self.require(key, hint)?;
        texts(key, node, self.log)
    }

    /// Takes a mapping of texts out; empty when it is not there.
    pub(super) fn pairs(&mut self, key: &'static str) -> Vec<(At<String>, At<String>)> {
        let Some(node) = self.take(key) else {
            return Vec::new();
        };
        (entries(key, node, self.log).into_iter())
            .filter_map(|(name, value)| {
                let value = text(&name.value, value, self.log)?;
                Some((name, value))
            })
            .collect()
    }
}

fn blank(what: &str, at: Place, known: &[&str], log: &Log) {
    let finding = Finding::new(at, format!("{what} says nothing"), "empty");
    let known = suggest::list(known, "and");
    log.push(finding.hint(format!("leave it out, or fill it; known here: {known}")));
}

fn unknown_field(what: &str, key: &At<String>, known: &[&str]) -> Finding {
    let near = suggest::nearest(&key.value, known.iter().copied());
    let known = suggest::list(known, "and");
    let hint = match near.first() {
        Some(best) => format!("did you mean `{best}`? Known here: {known}"),
        None => format!("known here: {known}"),
    };
    let message = format!("{what} has no field `{}`", key.value);
    Finding::new(key.at, message, "unknown field").hint(hint)
}

fn no_mapping(what: &str, node: &Node) -> Finding {
    let kind = node.value.kind();
    let message = format!("{what} must be a mapping, not {kind}");
    Finding::new(node.at, message, format!("this is {kind}"))
}

/// The entries of a mapping whose keys are names. A key that stands twice is a fault, and the
/// first one counts.
pub(super) fn entries(what: &str, node: Node, log: &Log) -> Vec<(At<String>, Node)> {
    let pairs = match node.value {
        Tree::Map(pairs) => pairs,
        Tree::Nothing => return Vec::new(),
        _ => {
            log.push(no_mapping(what, &node).hint("a mapping has lines like `key: value`"));
            return Vec::new();
        }
    };
    let named: Vec<(At<String>, Node)> = (pairs.into_iter())
        .filter_map(|(key, value)| Some((name_of(key, log)?, value)))
        .collect();
    once(named, |(key, _)| key, log)
}

/// Keeps the first of each name, and notes the others.
fn once<T>(items: Vec<T>, name: impl Fn(&T) -> &At<String>, log: &Log) -> Vec<T> {
    let mut first: HashMap<&str, Place> = HashMap::with_capacity(items.len());
    let mut repeated = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let name = name(item);
        match first.entry(&name.value) {
            Entry::Vacant(entry) => {
                entry.insert(name.at);
            }
            Entry::Occupied(entry) => {
                log.push(twice(name, *entry.get()));
                repeated.push(index);
            }
        }
    }
    if repeated.is_empty() {
        return items;
    }
    let mut repeated = repeated.into_iter().peekable();
    (items.into_iter().enumerate())
        .filter(|(index, _)| repeated.next_if_eq(index).is_none())
        .map(|(_, item)| item)
        .collect()
}

/// The fault of a name that stands twice.
pub(super) fn twice(name: &At<String>, first: Place) -> Finding {
    Finding::new(
        name.at,
        format!("`{}` stands twice", name.value),
        "again here",
    )
    .and(first, "first here")
    .hint("keep one of the two")
}

fn name_of(key: Node, log: &Log) -> Option<At<String>> {
    match key.value {
        Tree::Text(value) => Some(At { value, at: key.at }),
        other => {
            let message = format!("a name must be text, not {}", other.kind());
            let finding = Finding::new(key.at, message, format!("this is {}", other.kind()));
            log.push(finding.hint("put it in quotes"));
            None
        }
    }
}

/// A text that is not blank.
pub(super) fn text(key: &str, node: Node, log: &Log) -> Option<At<String>> {
    let kind = node.value.kind();
    let (wrong, hint) = match node.value {
        Tree::Text(value) if !value.trim().is_empty() => {
            return Some(At { value, at: node.at });
        }
        Tree::Text(_) => ("empty", "write something, or leave the line out"),
        Tree::Nothing => (
            "empty",
            "write something, or leave the line out. In YAML a bare `#` begins a comment, so \
             channels need quotes: \"#name\"",
        ),
        Tree::Number(_) | Tree::Truth(_) | Tree::Other(_) => {
            (kind, "put it in quotes if text is meant")
        }
        Tree::List(_) | Tree::Map(_) => (kind, "write a single value here"),
    };
    let finding = Finding::new(
        node.at,
        format!("`{key}` must be text, not {wrong}"),
        format!("this is {wrong}"),
    );
    log.push(finding.hint(hint));
    None
}

/// The values of a list.
pub(super) fn list(key: &str, node: Node, log: &Log) -> Option<Vec<Node>> {
    match node.value {
        Tree::List(values) => Some(values),
        other => {
            let kind = other.kind();
            let message = format!("`{key}` must be a list, not {kind}");
            let hint = match other {
                Tree::Text(text) => format!("put it in brackets: `[{text}]`"),
                _ => "a list is written `[one, two]`, or one `- item` a line".to_owned(),
            };
            log.push(Finding::new(node.at, message, format!("this is {kind}")).hint(hint));
            None
        }
    }
}

pub(super) fn texts(key: &str, node: Node, log: &Log) -> Option<Vec<At<String>>> {
    let at = node.at;
    let values = list(key, node, log)?;
    if values.is_empty() {
        let finding = Finding::new(at, format!("`{key}` is an empty list"), "nothing in it");
        log.push(finding.hint("name at least one"));
        return None;
    }
    let texts: Vec<At<String>> = (values.into_iter())
        .filter_map(|value| text(key, value, log))
        .collect();
    Some(once(texts, |text| text, log))
}
