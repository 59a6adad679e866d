//! What is wrong with digests as a whole.

use std::collections::{BTreeMap, BTreeSet};

use super::parse::{DigestEntry, ToEntry};
use crate::domain::{MANAGER, OWNER};
use crate::policy::effort::MOST_DIGESTS;
use crate::policy::fault::{At, Finding, Log};
use crate::policy::fields;
use crate::policy::file::{Match, Written};
use crate::policy::matching::{Facts, Index, Matcher};
use crate::policy::suggest;

/// What digests may name.
struct Known<'a> {
    groups: BTreeSet<&'a str>,
    names: BTreeSet<&'a str>,
    facts: &'a [Facts],
    index: Index<'a>,
    /// Whether the resources could all be read, so that conclusions may be drawn from them.
    sound: bool,
    /// Whether any resource belongs to somebody, or admins are told of all.
    owned: bool,
}

/// Notes everything that is wrong with the digests. `whole` says whether every file could be read;
/// where one could not, names may be missing.
pub(in crate::policy) fn check(written: &Written, whole: bool, log: &Log) {
    let digests = &written.digests;
    names_once(digests, log);
    if !whole {
        return;
    }
    let facts: Vec<Facts> = written.resources.iter().map(Facts::of).collect();
    let known = Known::new(written, &facts);
    // More are not read: that there are too many is told by another check.
    for digest in digests.iter().take(MOST_DIGESTS) {
        known.check(digest, log);
    }
}

/// What was sent is remembered by the name.
fn names_once(digests: &[DigestEntry], log: &Log) {
    let mut seen: BTreeMap<&str, &At<String>> = BTreeMap::new();
    for name in digests.iter().map(|digest| &digest.name) {
        let first = *seen.entry(&name.value).or_insert(name);
        if first.at != name.at && !name.value.is_empty() {
            let hint = "give one another name: by it is remembered what was sent";
            log.push(fields::twice(name, first.at).hint(hint));
        }
    }
}

impl<'a> Known<'a> {
    fn new(written: &'a Written, facts: &'a [Facts]) -> Self {
        let people = written.people.iter().map(|person| &person.name);
        let groups = written.groups.iter().map(|group| &group.name);
        let admins = &written.defaults.admins;
        let resources = &written.resources;
        Self {
            groups: people
                .chain(groups)
                .map(|name| name.value.as_str())
                .collect(),
            index: Index::new(facts),
            names: facts.iter().map(|facts| facts.name.as_str()).collect(),
            facts,
            sound: resources.iter().all(|resource| resource.sound),
            owned: admins.is_some() || resources.iter().any(|resource| !resource.owner.is_empty()),
        }
    }

    fn check(&self, digest: &DigestEntry, log: &Log) {
        match &digest.to {
            Some(ToEntry::People(names)) => {
                for name in names
                    .iter()
                    .filter(|name| !self.groups.contains(name.value.as_str()))
                {
                    log.push(self.strange_reader(name, log));
                }
                if digest.about.is_none() && digest.sound && self.sound && !self.owned {
                    log.push(owns_nothing(&digest.name));
                }
            }
            Some(ToEntry::Channel(channel)) if digest.about.is_none() => {
                log.push(about_what(channel));
            }
            _ => {}
        }
        if let Some(about) = &digest.about {
            self.check_about(about, digest.sound, log);
        }
    }

    fn strange_reader(&self, name: &At<String>, log: &Log) -> Finding {
        if [OWNER, MANAGER].contains(&name.value.as_str()) {
            let message = format!("`{}` is nobody by itself here", name.value);
            let hint = "name groups or people; without `about`, each is told of what they own";
            return Finding::new(name.at, message, "not a group").hint(hint);
        }
        let none = "there are no groups; add one to `groups`";
        let hint = suggest::hint_among(&log.guesses, &name.value, &self.groups, none);
        let message = format!("there is no group or person `{}`", name.value);
        Finding::new(name.at, message, "unknown").hint(hint)
    }

    /// Everything that it names exists, and all of it together is about something.
    fn check_about(&self, about: &At<Match>, sound: bool, log: &Log) {
        let before = log.len();
        for pattern in about.value.resources.iter().flatten() {
            if !self.index.is_any(&pattern.value) && !self.index.is_spent() {
                log.push(strange("resource", pattern, &self.names, log));
            }
        }
        let words: BTreeSet<&str> = (self.facts.iter())
            .filter_map(|facts| facts.sensitivity.as_deref())
            .collect();
        for word in about.value.sensitivity.iter().flatten() {
            if !words.contains(word.value.as_str()) {
                log.push(strange("sensitivity", word, &words, log));
            }
        }
        for (key, value) in &about.value.labels {
            self.check_label(key, value, log);
        }
        let matcher = Matcher::new(&about.value);
        let is_idle = self.index.about(&matcher).is_empty() && !self.index.is_spent();
        if sound && self.sound && log.len() == before && is_idle {
            let finding = Finding::new(about.at, "this digest is about no resource", "nothing");
            log.push(finding.hint("all clauses must hold together; loosen one of them"));
        }
    }

    fn check_label(&self, key: &At<String>, value: &At<String>, log: &Log) {
        let labels = || self.facts.iter().flat_map(|facts| &facts.labels);
        let values = labels().filter(|(label, _)| **label == key.value);
        let values: BTreeSet<&str> = values.map(|(_, value)| value.as_str()).collect();
        if values.is_empty() {
            let keys: BTreeSet<&str> = labels().map(|(label, _)| label.as_str()).collect();
            log.push(strange("label", key, &keys, log));
        } else if !values.contains(value.value.as_str()) {
            let message = format!("no resource has the label {}={}", key.value, value.value);
            let hint = suggest::hint_among(&log.guesses, &value.value, &values, "");
            log.push(Finding::new(value.at, message, "unknown value").hint(hint));
        }
    }
}

fn strange(what: &str, name: &At<String>, known: &BTreeSet<&str>, log: &Log) -> Finding {
    let none = format!("the policy has no {what} at all");
    let hint = suggest::hint_among(&log.guesses, &name.value, known, &none);
    let message = format!("no resource has the {what} `{}`", name.value);
    let message = if what == "resource" {
        format!("there is no resource `{}`", name.value)
    } else {
        message
    };
    Finding::new(name.at, message, "unknown").hint(hint)
}

fn owns_nothing(name: &At<String>) -> Finding {
    let message = "this digest would never tell anything: no resource belongs to anybody";
    let hint = "say what it is about, such as `about: { labels: { team: payments } }`, or give \
                resources an `owner`";
    Finding::new(name.at, message, "`about` is missing").hint(hint)
}

fn about_what(channel: &At<String>) -> Finding {
    let message = "a channel owns nothing, so this digest has nothing to tell";
    let hint = "add `about`; `about: {}` is about every resource";
    Finding::new(channel.at, message, "a channel, and no `about`").hint(hint)
}
