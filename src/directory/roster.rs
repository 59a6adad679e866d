//! Who stands behind the groups of the policy.

use std::collections::{BTreeMap, BTreeSet};

use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use tokio::time::Instant;

use super::sources::{Age, Purpose};
use super::{Directory, DirectoryFault, FRESH, Known, Looked, Seen, fitness};
use crate::domain::{GroupName, Identity, Person, PersonId, Roster};
use crate::policy::{Entry, Policy};
use crate::slack::client::SlackFault;

/// How many users are asked for at once.
const AT_ONCE: usize = 8;
/// How many people are looked up of a group that is read elsewhere, which may hold a whole
/// department: Slack tells of fifty to a hundred people a minute. They are asked, and whoever else
/// is in the group decides as well.
const ENOUGH: usize = 40;

/// A person, and the zone that they are in, where Slack tells it.
type Placed = (PersonId, Option<String>);

impl Directory {
    /// The people of these groups who could decide, read at most ten minutes ago; for the word
    /// `manager`, the manager of that holder. Addresses that lead to nobody, and people who may not
    /// decide, are left out; so is, of a large group that is read elsewhere, whoever comes after the
    /// first forty. It shows who is asked; it decides nothing.
    ///
    /// # Errors
    /// When Slack could not be asked about somebody, or the source of a group not about it: then
    /// nobody knows whom the group holds. For an act the same where they do not answer in its time;
    /// what was answered until then is known when somebody tries again.
    pub async fn roster(
        &self,
        policy: &Policy,
        groups: impl IntoIterator<Item = GroupName>,
        holder: &Person,
    ) -> Result<Roster, DirectoryFault> {
        let groups = groups.into_iter().collect();
        self.roster_of(policy, groups, holder, ENOUGH).await
    }

    /// As [`Directory::roster`], with everybody of every group. Of a whole department that takes
    /// minutes, in which Slack may say that it is enough for now: what was read until then is known
    /// the next time.
    ///
    /// # Errors
    /// As there.
    pub async fn whole_roster(
        &self,
        policy: &Policy,
        groups: impl IntoIterator<Item = GroupName>,
        holder: &Person,
    ) -> Result<Roster, DirectoryFault> {
        let groups = groups.into_iter().collect();
        self.roster_of(policy, groups, holder, usize::MAX).await
    }

    async fn roster_of(
        &self,
        policy: &Policy,
        groups: BTreeSet<GroupName>,
        holder: &Person,
        most: usize,
    ) -> Result<Roster, DirectoryFault> {
        let mut readings = BTreeMap::new();
        let mut unreadable = Vec::new();
        let how = self.how(Purpose::Deciding, Age::Lately);
        for (group, read) in self.readings(policy, &groups, holder.id, how).await? {
            match read {
                Ok(humans) => drop(readings.insert(group, humans)),
                Err(_) => unreadable.push(group),
            }
        }
        if !unreadable.is_empty() {
            return Err(DirectoryFault::Groups(unreadable));
        }
        let mut roster = Roster::default();
        for group in groups {
            let humans = match readings.remove(&group) {
                Some(read) => {
                    let age = read.read.map(|read| read.elapsed().as_secs());
                    roster.ages.extend(age.map(|age| (group.clone(), age)));
                    read.humans.into_iter().take(most).collect()
                }
                None => listed(policy, &group),
            };
            let people = self.people_of(humans).await?;
            let zones = people
                .iter()
                .filter_map(|(id, zone)| Some((*id, zone.clone()?)));
            roster.zones.extend(zones);
            let people = people.into_iter().map(|(id, _)| id).collect();
            roster.groups.insert(group, people);
        }
        Ok(roster)
    }

    async fn people_of(
        &self,
        humans: BTreeSet<BTreeSet<Entry>>,
    ) -> Result<Vec<Placed>, DirectoryFault> {
        let mut asking = Vec::new();
        for entries in &humans {
            asking.push(self.human(entries).boxed());
        }
        let found = stream::iter(asking).buffer_unordered(AT_ONCE);
        let found: Vec<Option<Placed>> = found.try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// The first of a human's accounts that could decide. One human counts once, whatever they are
    /// called.
    async fn human(&self, entries: &BTreeSet<Entry>) -> Result<Option<Placed>, DirectoryFault> {
        for entry in entries {
            let seen = match self.account(entry).await {
                Ok(Some(seen)) => seen,
                Ok(None) | Err(DirectoryFault::Unfit(_)) => continue,
                Err(fault) => return Err(fault),
            };
            if fitness::may_decide(&seen.user).is_ok() && self.counts(entry, &seen).await? {
                return Ok(Some((seen.person, seen.user.tz)));
            }
        }
        Ok(None)
    }

    /// Whether the account is what the entry means: a Slack id always is, an address only while it
    /// is confirmed and stands at nobody else.
    async fn counts(&self, entry: &Entry, seen: &Seen) -> Result<bool, DirectoryFault> {
        let Entry::Email(address) = entry else {
            return Ok(true);
        };
        let person = self.known_person(seen.person).await?;
        Ok(person.identities.contains(&Identity::email(address)))
    }

    async fn account(&self, entry: &Entry) -> Result<Option<Seen>, DirectoryFault> {
        match entry {
            Entry::SlackUser(id) => match self.recent(id).await {
                Ok(seen) => Ok(Some(seen)),
                Err(DirectoryFault::Unreadable(SlackFault::Unreachable(_))) => {
                    tracing::warn!("the policy names a Slack user who is not there");
                    Ok(None)
                }
                Err(fault) => Err(fault),
            },
            Entry::Email(address) => self.account_with_email(address).await,
        }
    }

    async fn account_with_email(&self, address: &str) -> Result<Option<Seen>, DirectoryFault> {
        let known = self.known().of_email(address);
        match known {
            Some(Looked { user: None, .. }) => return Ok(None),
            Some(Looked { user: Some(id), .. }) => return self.recent(&id).await.map(Some),
            None => {}
        }
        let looking = async { Ok(self.client.user_by_email(address).await?) };
        let user = self.in_time(looking).await?;
        let looked = Looked {
            user: user.as_ref().map(|user| user.id.clone()),
            read: Instant::now(),
        };
        self.known().emails.insert(address.to_owned(), looked);
        let Some(user) = user else {
            tracing::warn!("the policy names an e-mail address that leads to nobody in Slack");
            return Ok(None);
        };
        self.in_time(self.record(user)).await.map(Some)
    }
}

/// The humans of a group that the policy lists itself.
fn listed(policy: &Policy, group: &GroupName) -> BTreeSet<BTreeSet<Entry>> {
    let humans = policy.group_entries(group).unwrap_or_default();
    humans.into_iter().collect()
}

impl Known {
    /// Where an address led lately.
    fn of_email(&self, address: &str) -> Option<Looked> {
        let looked = self.emails.get(address)?;
        (looked.read.elapsed() < FRESH).then(|| looked.clone())
    }
}
