//! When digests are due. Each reader has a deadline of their own in the database, in their own
//! zone; whichever replica finds it due claims the period for them, once.
//!
//! Who the readers are is worked out again when the policy changes, and every few minutes, since
//! people join groups and travel. While that cannot be found out, who is known goes on being told.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::Worker;
use crate::domain::{GroupName, PersonId};
use crate::store::StoreError;
use crate::store::digests::{Period, Plan, Reader};

/// How much is claimed in one look; the next look claims the rest.
const BATCH: i64 = 200;
/// How long the readers stay as they were found.
const FRESH: TimeDelta = TimeDelta::minutes(5);
/// How soon they are looked for again where somebody could not be found out.
const AGAIN: TimeDelta = TimeDelta::minutes(1);
/// How soon another policy counts. Replicas that are being changed over have two policies for a
/// while, and each would undo the other's readers without a pause.
const PAUSE: TimeDelta = TimeDelta::seconds(10);

type Known = BTreeMap<(String, String), Reader>;

/// Who reads digests by now.
#[derive(Default)]
struct Found {
    readers: Vec<Reader>,
    /// Digests of which not every reader could be found out: nobody is taken off them.
    unsure: BTreeSet<String>,
}

impl Worker {
    /// Claims every digest that is due by now. Answers how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn schedule_digests(&self) -> Result<usize, StoreError> {
        let now = self.engine.now().await?;
        let plan = self.engine.store().digest_plan().await?;
        if plan.is_none() && self.engine.policy().digests().is_empty() {
            return Ok(0);
        }
        if self.is_stale(plan.as_ref(), now) {
            self.find_readers(now).await?;
        }
        let mut claimed = 0;
        for reader in self.engine.store().digests_due(now, BATCH).await? {
            claimed += usize::from(self.claim(&reader, now).await?);
        }
        Ok(claimed)
    }

    fn is_stale(&self, plan: Option<&Plan>, now: DateTime<Utc>) -> bool {
        let Some(plan) = plan else { return true };
        let is_other = plan.policy != self.engine.policy().hash();
        plan.stale_at <= now || is_other && plan.made_at + PAUSE <= now
    }

    /// Claims what is due for a reader: one period up to the last time that has passed, however
    /// many were missed.
    async fn claim(&self, reader: &Reader, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let policy = self.engine.policy();
        let Some(digest) = policy.digest(&reader.digest) else {
            // Another policy decides by now; whoever reads is found out again soon.
            return Ok(false);
        };
        let until = digest.last_until(now, &reader.zone);
        let Some(until) = until.filter(|until| reader.told_until < *until) else {
            return Ok(false);
        };
        let next_at = digest.next_after(until.max(now), &reader.zone);
        let period = Period {
            until,
            ahead_until: digest.ahead_of(until, next_at),
            next_at,
        };
        self.engine.claim_digest(reader, period).await
    }

    /// Finds out who reads digests, and keeps it.
    async fn find_readers(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let policy = self.engine.policy();
        let known = self.engine.store().digest_readers().await?;
        let mut found = Found::default();
        for digest in policy.digests() {
            let mut readers = BTreeMap::new();
            if let Some(channel) = digest.channel() {
                readers.insert(channel.to_owned(), (None, policy.digest_zone(digest, None)));
            }
            let people = self
                .people_of(digest.readers(), digest.name(), &mut found)
                .await;
            for (person, zone) in people {
                let zone = policy.digest_zone(digest, zone.as_deref());
                readers.insert(person.to_string(), (Some(person), zone));
            }
            for (reader, (person, zone)) in readers {
                let key = (digest.name().to_owned(), reader);
                let before = known.get(&key);
                let told_until = before.map_or(now, |before| before.told_until);
                found.readers.push(Reader {
                    digest: key.0,
                    reader: key.1,
                    person,
                    schedule: digest.schedule().to_owned(),
                    zone: zone.to_owned(),
                    told_until,
                    next_at: digest.next_after(told_until, zone),
                });
            }
        }
        let stale_at = now
            + if found.unsure.is_empty() {
                FRESH
            } else {
                AGAIN
            };
        let plan = Plan {
            policy: policy.hash().to_owned(),
            made_at: now,
            stale_at,
        };
        let changed: Vec<Reader> = found.changed(&known).cloned().collect();
        self.engine
            .plan_digests(&plan, &changed, &found.gone(&known))
            .await
    }

    /// The people of these groups with the zones that Slack names.
    async fn people_of(
        &self,
        groups: &[GroupName],
        digest: &str,
        found: &mut Found,
    ) -> Vec<(PersonId, Option<String>)> {
        let policy = self.engine.policy();
        let mut people = BTreeSet::new();
        for group in groups {
            match self.directory.people_in(&policy, group).await {
                Ok(members) => people.extend(members),
                Err(fault) => {
                    tracing::warn!(digest, %group, %fault, "the readers of a digest could not be read");
                    found.unsure.insert(digest.to_owned());
                }
            }
        }
        let mut zoned = Vec::new();
        for person in people {
            match self.directory.zone_of(person).await {
                Ok(zone) => zoned.push((person, zone)),
                Err(fault) => {
                    tracing::warn!(digest, %fault, "the zone of a reader could not be read");
                    found.unsure.insert(digest.to_owned());
                }
            }
        }
        zoned
    }
}

impl Found {
    /// The readers who are new, or for whom something is different.
    fn changed<'a>(&'a self, known: &'a Known) -> impl Iterator<Item = &'a Reader> {
        self.readers.iter().filter(|reader| {
            let key = (reader.digest.clone(), reader.reader.clone());
            let same =
                |before: &Reader| before.schedule == reader.schedule && before.zone == reader.zone;
            !known.get(&key).is_some_and(same)
        })
    }

    /// The readers who are none any more, as far as that is sure.
    fn gone(&self, known: &Known) -> Vec<(String, String)> {
        let present: BTreeSet<(&str, &str)> = (self.readers.iter())
            .map(|reader| (reader.digest.as_str(), reader.reader.as_str()))
            .collect();
        let gone = known.keys().filter(|(digest, reader)| {
            !present.contains(&(digest.as_str(), reader.as_str())) && !self.unsure.contains(digest)
        });
        gone.cloned().collect()
    }
}
