//! Where a person stands towards groups: at a click, and while they ask.

use std::collections::{BTreeMap, BTreeSet};

use super::sources::{Age, Holder, How, Humans, Purpose, SourceFault};
use super::{Directory, DirectoryFault, Seen, fitness};
use crate::domain::{GroupName, Member, Person, PersonId, Standing};
use crate::policy::Policy;

/// What a click is about: only what decides on it has to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The groups of the request that decide now. The word `manager` among them means the holder's
    /// manager.
    pub groups: BTreeSet<GroupName>,
    /// Who holds the access, or is to hold it.
    pub holder: PersonId,
}

/// What was read of groups, each by itself.
type Readings = BTreeMap<GroupName, Result<Humans, SourceFault>>;

impl Directory {
    /// The person behind a click that decides, with their groups: from Slack who they are, read at this
    /// moment, and from the sources who is in the groups that decide, which were asked at most two
    /// seconds ago. All is read at once.
    ///
    /// # Errors
    /// [`DirectoryFault::Unfit`] for bots, guests, deactivated people and people of other
    /// workspaces; [`DirectoryFault::Unreadable`] when Slack does not answer in time;
    /// [`DirectoryFault::Groups`] when a source does not, and the person is in none of the groups
    /// that could be read. What was read before that is never used instead.
    pub async fn member_at_click(
        &self,
        policy: &Policy,
        slack_user: &str,
        about: &About,
    ) -> Result<Member, DirectoryFault> {
        let act = self.for_one_act();
        let how = act.how(Purpose::Deciding, Age::JustNow);
        let reading = act.readings(policy, &about.groups, about.holder, how);
        let (seen, readings) = tokio::join!(act.read(slack_user), reading);
        self.member_of(policy, about, seen?, readings?).await
    }

    /// The same at a first look, that only spares people what would come to nothing. Whoever may by
    /// what was read lately is let through, since what they do then is decided on afresh; whoever may
    /// not is read as at a click, so nobody is sent away for what is true no more.
    ///
    /// # Errors
    /// As [`Directory::member_at_click`].
    pub async fn member_at_a_glance(
        &self,
        policy: &Policy,
        slack_user: &str,
        about: &About,
    ) -> Result<Member, DirectoryFault> {
        let act = self.for_one_act();
        match act.member_lately(policy, slack_user, about).await {
            Ok(member) if !member.groups.is_disjoint(&about.groups) => Ok(member),
            _ => act.member_at_click(policy, slack_user, about).await,
        }
    }

    async fn member_lately(
        &self,
        policy: &Policy,
        slack_user: &str,
        about: &About,
    ) -> Result<Member, DirectoryFault> {
        let how = self.how(Purpose::Deciding, Age::Lately);
        let reading = self.readings(policy, &about.groups, about.holder, how);
        let (seen, readings) = tokio::join!(self.recent(slack_user), reading);
        self.member_of(policy, about, seen?, readings?).await
    }

    /// The same as far as it was read lately, asking nobody: for what is only shown, and may turn out
    /// to be otherwise. None where that does not say it.
    pub async fn member_if_known(
        &self,
        policy: &Policy,
        slack_user: &str,
        about: &About,
    ) -> Option<Member> {
        let seen = self.seen_lately(slack_user)?;
        let how = self.how(Purpose::Deciding, Age::Known);
        let reading = self.readings(policy, &about.groups, about.holder, how);
        let readings = reading.await.ok()?;
        self.member_of(policy, about, seen, readings).await.ok()
    }

    async fn member_of(
        &self,
        policy: &Policy,
        about: &About,
        seen: Seen,
        readings: Readings,
    ) -> Result<Member, DirectoryFault> {
        fitness::may_decide(&seen.user)?;
        let known = self.known_person(seen.person).await?;
        let mut member = self.member(policy, &known, seen.email()).await?;
        let (groups, unreadable) = standing(readings, &known);
        member.groups.extend(groups);
        if unreadable.is_empty() || !member.groups.is_disjoint(&about.groups) {
            return Ok(member);
        }
        Err(DirectoryFault::Groups(unreadable.into_iter().collect()))
    }

    /// What policy may look at of a person who asks: in which of these groups they are that are
    /// read outside the policy, and what their Slack profile says. Read at most ten minutes ago.
    /// Groups that the policy lists itself, and the word `manager`, are passed over. Nobody is in a
    /// group because they are in its fallback: a source that is down lets nobody in.
    ///
    /// # Errors
    /// When the person's Slack profile cannot be read. A group that cannot be read is no error: it
    /// stands under `unreadable`.
    pub async fn standing(
        &self,
        policy: &Policy,
        person: &Person,
        groups: BTreeSet<GroupName>,
    ) -> Result<Standing, DirectoryFault> {
        let how = self.how(Purpose::Asking, Age::Lately);
        self.standing_as_of(policy, person, groups, how).await
    }

    /// As [`Directory::standing`], with every group read at this moment and for this alone: for what
    /// decides with no click after it.
    ///
    /// # Errors
    /// As there.
    pub async fn standing_now(
        &self,
        policy: &Policy,
        person: &Person,
        groups: BTreeSet<GroupName>,
    ) -> Result<Standing, DirectoryFault> {
        let how = self.how(Purpose::Asking, Age::Now);
        self.standing_as_of(policy, person, groups, how).await
    }

    /// As [`Directory::standing`], for what a person decides, owns, or is told: whoever stands in for
    /// a group counts as one of it. Nothing may be given to anybody for what this says.
    ///
    /// # Errors
    /// As there.
    pub async fn say_of(
        &self,
        policy: &Policy,
        person: &Person,
        groups: BTreeSet<GroupName>,
    ) -> Result<Standing, DirectoryFault> {
        let how = self.how(Purpose::Deciding, Age::Lately);
        self.standing_as_of(policy, person, groups, how).await
    }

    async fn standing_as_of(
        &self,
        policy: &Policy,
        person: &Person,
        groups: BTreeSet<GroupName>,
        how: How,
    ) -> Result<Standing, DirectoryFault> {
        let own = self.known_person(person.id).await?;
        let team = self.team().await?;
        let groups = groups.into_iter().filter(|group| !group.is_manager());
        let groups = groups.collect();
        let profile = async {
            match own.slack_user(&team) {
                Some(user) => self.recent(user).await.map(|seen| Some(seen.user)),
                None => Ok(None),
            }
        };
        let reading = self.readings(policy, &groups, person.id, how);
        let (user, readings) = tokio::join!(profile, reading);
        let user = user?.unwrap_or_default();
        let (groups, unreadable) = standing(readings?, person);
        Ok(Standing {
            groups,
            unreadable,
            guest: user.is_restricted || user.is_ultra_restricted,
            timezone: user.tz,
        })
    }

    pub(super) fn how(&self, purpose: Purpose, age: Age) -> How {
        How {
            purpose,
            age,
            until: self.deadline(),
        }
    }

    /// Reads those of the groups that somebody outside the policy has to be asked about.
    pub(super) async fn readings(
        &self,
        policy: &Policy,
        groups: &BTreeSet<GroupName>,
        holder: PersonId,
        how: How,
    ) -> Result<Readings, DirectoryFault> {
        let asked = groups.iter();
        let asked = asked.filter(|group| group.is_manager() || policy.is_dynamic(group));
        let asked: BTreeSet<GroupName> = asked.cloned().collect();
        let holder = if asked.iter().any(GroupName::is_manager) {
            self.whose_manager(holder).await?
        } else {
            Holder::default()
        };
        Ok(self.sources.all(policy, asked, &holder, how).await)
    }

    async fn whose_manager(&self, holder: PersonId) -> Result<Holder, DirectoryFault> {
        let known = self.known_person(holder).await?;
        let team = self.team().await?;
        Ok(Holder {
            slack_user: known.slack_user(&team).map(str::to_owned),
            identities: known.identities,
        })
    }
}

/// The groups that the person is in, and those that could not be read.
fn standing(readings: Readings, person: &Person) -> (BTreeSet<GroupName>, BTreeSet<GroupName>) {
    let (mut groups, mut unreadable) = (BTreeSet::new(), BTreeSet::new());
    for (group, reading) in readings {
        match reading {
            Ok(humans) if humans.include(&person.identities) => drop(groups.insert(group)),
            Ok(_) => {}
            Err(_) => drop(unreadable.insert(group)),
        }
    }
    (groups, unreadable)
}
