//! Who reads what is sent by schedule.

use std::collections::BTreeSet;

use super::{Directory, DirectoryFault};
use crate::domain::{GroupName, Person, PersonId};
use crate::policy::Policy;

impl Directory {
    /// The people of a group, or the one of an entry of `people`, read at most ten minutes ago.
    /// Those whom no account in Slack belongs to, and those who may not decide, are left out.
    ///
    /// # Errors
    /// When Slack could not be asked about somebody, or the source of the group not about it.
    pub async fn people_in(
        &self,
        policy: &Policy,
        group: &GroupName,
    ) -> Result<BTreeSet<PersonId>, DirectoryFault> {
        // Nobody's manager is asked for, so it does not matter who would be the holder.
        let nobody = Person {
            id: PersonId::from_uuid(uuid::Uuid::nil()),
            name: String::new(),
            identities: BTreeSet::new(),
        };
        let mut roster = self.roster(policy, [group.clone()], &nobody).await?;
        Ok(roster.groups.remove(group).unwrap_or_default())
    }

    /// The zone that a person's Slack profile names, read at most ten minutes ago.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn zone_of(&self, person: PersonId) -> Result<Option<String>, DirectoryFault> {
        let known = self.known_person(person).await?;
        let team = self.team().await?;
        match known.slack_user(&team) {
            Some(user) => Ok(self.recent(user).await?.user.tz),
            None => Ok(None),
        }
    }

    /// The groups that a person is in: those that the policy lists, and of these those with a source
    /// of their own. Everything was read at most ten minutes ago. Whoever stands in for a group counts
    /// as one of it, as among [`Directory::people_in`]: a digest is for those who have the say.
    ///
    /// # Errors
    /// When one of the groups, or the person's Slack profile, could not be read: what nobody knows
    /// is not told to anybody.
    pub async fn groups_of(
        &self,
        policy: &Policy,
        person: &Person,
        of: BTreeSet<GroupName>,
    ) -> Result<BTreeSet<GroupName>, DirectoryFault> {
        let mut groups = policy.groups_of(&person.identities);
        let standing = self.say_of(policy, person, of).await?;
        if !standing.unreadable.is_empty() {
            return Err(DirectoryFault::Groups(
                standing.unreadable.into_iter().collect(),
            ));
        }
        groups.extend(standing.groups);
        Ok(groups)
    }
}
