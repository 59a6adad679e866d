//! Reading the entries of `digests`.

use chrono_tz::Tz;

use super::schedule::{self, Schedule};
use super::{Digest, To};
use crate::domain::{GroupName, Span};
use crate::policy::fault::{At, Finding, Log, Place};
use crate::policy::fields::{self, Fields};
use crate::policy::file::Match;
use crate::policy::matching::Matcher;
use crate::policy::tree::Node;
use crate::policy::values::{channel, span, zone};

/// A digest as it is written.
pub(in crate::policy) struct DigestEntry {
    pub(in crate::policy) name: At<String>,
    schedule: Option<At<Schedule>>,
    zone: Option<At<Tz>>,
    pub(super) to: Option<ToEntry>,
    /// What it is about, and where that is written; none for what the reader owns.
    pub(super) about: Option<At<Match>>,
    ahead: Option<At<Span>>,
    pub(super) sound: bool,
}

/// Who is told.
pub(super) enum ToEntry {
    People(Vec<At<String>>),
    Channel(At<String>),
}

/// Reads one digest.
pub(in crate::policy) fn digest(node: Node, log: &Log) -> DigestEntry {
    const KNOWN: [&str; 6] = ["name", "schedule", "timezone", "to", "about", "ahead"];
    let before = log.len();
    let at = node.at;
    let mut fields = Fields::open("a digest", at, node, &KNOWN, log);
    let name = fields
        .require("name", "every digest has a name; readers see it")
        .and_then(|node| fields::text("name", node, log));
    let at = name.as_ref().map_or(at, |name| name.at);
    fields.point_at(at);
    let schedule = fields
        .require(
            "schedule",
            "say when it is sent: `schedule: \"0 9 * * mon-fri\"`",
        )
        .and_then(|node| fields::text("schedule", node, log))
        .and_then(|text| schedule::read(&text, log));
    let to = fields
        .require("to", "say who is told: `to: { people: [leads] }`")
        .and_then(|node| to(at, node, log));
    DigestEntry {
        schedule,
        to,
        zone: zone(&mut fields, "timezone", log),
        about: (fields.take_entry("about")).map(|(key, node)| about(&key, node, log)),
        ahead: span(&mut fields, "ahead", log),
        name: name.unwrap_or_else(|| At {
            value: String::new(),
            at,
        }),
        sound: log.len() == before,
    }
}

fn to(at: Place, node: Node, log: &Log) -> Option<ToEntry> {
    let mut fields = Fields::open_filled("`to`", at, node, &["people", "channel"], log);
    let (people_at, channel_at) = (fields.peek("people"), fields.peek("channel"));
    let people = fields.texts("people").map(ToEntry::People);
    let channel = channel(&mut fields, "channel", log).map(ToEntry::Channel);
    if let (Some(people), Some(channel)) = (people_at, channel_at) {
        let message = "a digest goes to people or to a channel, not to both";
        let finding = Finding::new(channel, message, "and here to a channel");
        let finding = finding.and(people, "here to people");
        log.push(finding.hint("write two digests; each may be about something of its own"));
        return None;
    }
    people.or(channel)
}

fn about(key: &At<String>, node: Node, log: &Log) -> At<Match> {
    const KNOWN: [&str; 3] = ["resources", "labels", "sensitivity"];
    let mut fields = Fields::open("`about`", key.at, node, &KNOWN, log);
    key.with(Match {
        resources: fields.texts("resources"),
        labels: fields.pairs("labels"),
        sensitivity: fields.texts("sensitivity"),
        ..Match::default()
    })
}

impl DigestEntry {
    /// The digest, where all of it could be read.
    pub(super) fn build(&self) -> Option<Digest> {
        let to = match self.to.as_ref()? {
            ToEntry::People(names) => {
                let names = names.iter();
                To::People(names.map(|name| GroupName::new(&name.value)).collect())
            }
            ToEntry::Channel(channel) => To::Channel(channel.value.clone()),
        };
        Some(Digest {
            name: self.name.value.clone(),
            schedule: self.schedule.as_ref()?.value.clone(),
            zone: self.zone.as_ref().map(|zone| zone.value),
            to,
            about: (self.about.as_ref()).map(|about| Matcher::new(&about.value)),
            ahead: self.ahead.as_ref().map(|ahead| ahead.value),
        })
    }
}
