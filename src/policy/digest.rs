//! Digests: who is told what stands and what happened, by schedule.
//!
//! [`schedule`] reads cron expressions and finds the moments they mean in a zone; `parse` reads the
//! entries, and `check` says what is wrong with them.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::Policy;
use super::file::Written;
use super::matching::Matcher;
use crate::domain::{GroupName, ResourceName, Span};

mod check;
mod parse;
mod schedule;

pub(super) use check::check;
pub(super) use parse::{DigestEntry, digest};
pub(super) use schedule::Schedule;

/// A digest, ready to be sent.
#[derive(Clone, Debug)]
pub struct Digest {
    name: String,
    schedule: Schedule,
    zone: Option<Tz>,
    to: To,
    about: Option<Matcher>,
    ahead: Option<Span>,
}

/// Who is told.
#[derive(Clone, Debug)]
enum To {
    People(Vec<GroupName>),
    Channel(String),
}

impl Digest {
    /// Its name, by which readers know it and what was sent is remembered.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When it is sent, as it is written: five fields.
    pub fn schedule(&self) -> &str {
        self.schedule.as_str()
    }

    /// The groups and people who get it as a direct message; none where it goes to a channel.
    pub fn readers(&self) -> &[GroupName] {
        match &self.to {
            To::People(groups) => groups,
            To::Channel(_) => &[],
        }
    }

    /// The channel that it goes to, if it goes to one.
    pub fn channel(&self) -> Option<&str> {
        match &self.to {
            To::People(_) => None,
            To::Channel(channel) => Some(channel),
        }
    }

    /// The first moment after `after` at which it is due; none where there is none. A name that is
    /// no zone counts as UTC.
    pub fn next_after(&self, after: DateTime<Utc>, zone: &str) -> Option<DateTime<Utc>> {
        self.schedule.next_after(after, known(zone))
    }

    /// The last moment not after `now` at which it was due; none where there is none.
    pub fn last_until(&self, now: DateTime<Utc>, zone: &str) -> Option<DateTime<Utc>> {
        self.schedule.last_until(now, known(zone))
    }

    /// How far the digest of the period that ends then looks ahead: as the policy says, else until
    /// the next one.
    pub fn ahead_of(&self, until: DateTime<Utc>, next: Option<DateTime<Utc>>) -> DateTime<Utc> {
        let next = next.unwrap_or(until + TimeDelta::days(1));
        self.ahead
            .map_or(next, |ahead| until + TimeDelta::from(ahead))
    }
}

fn known(zone: &str) -> Tz {
    zone.parse().unwrap_or(Tz::UTC)
}

impl Policy {
    /// The digests, in the order of the file.
    pub fn digests(&self) -> &[Digest] {
        &self.digests
    }

    /// The digest of that name.
    pub fn digest(&self, name: &str) -> Option<&Digest> {
        self.digests.iter().find(|digest| digest.name == name)
    }

    /// The name of the zone in which a digest is scheduled: its own, else that of the reader where
    /// Slack names one that is known, else the policy's.
    pub fn digest_zone(&self, digest: &Digest, of_reader: Option<&str>) -> &'static str {
        let of_reader = || of_reader.and_then(|zone| zone.parse().ok());
        let zone = digest.zone.or_else(of_reader);
        zone.unwrap_or(self.timezone()).name()
    }

    /// The groups that decide whether somebody reads a digest, and of which resources: its readers,
    /// and unless it says what it is about, the owners of resources and the admins.
    pub fn digest_groups(&self, digest: &Digest) -> BTreeSet<GroupName> {
        let mut groups: BTreeSet<GroupName> = digest.readers().iter().cloned().collect();
        if digest.about.is_none() {
            let resources = self.resources.values();
            groups.extend(resources.flat_map(|resource| resource.owner.iter().cloned()));
            groups.extend(self.admins.iter().cloned());
        }
        groups
    }

    /// Which resources a digest tells a person in these groups of: those that it is about; where it
    /// does not say, those that the person owns, and every one there ever was for admins. None
    /// stands for every one.
    pub fn digest_resources(
        &self,
        digest: &Digest,
        groups: &BTreeSet<GroupName>,
    ) -> Option<BTreeSet<ResourceName>> {
        let among = |names: &[GroupName]| names.iter().any(|name| groups.contains(name));
        if digest.about.is_none() && among(&self.admins) {
            return None;
        }
        let resources = self.resources.values();
        let told = resources.filter(|resource| match &digest.about {
            Some(about) => about.is_about(&resource.facts),
            None => among(&resource.owner),
        });
        Some(told.map(|resource| resource.facts.name.clone()).collect())
    }
}

/// The digests that were written without fault.
pub(super) fn build(written: &Written) -> Vec<Digest> {
    let entries = written.digests.iter();
    entries.filter_map(DigestEntry::build).collect()
}

#[cfg(test)]
mod tests;
