//! Who people are: from a Slack user to a [`Person`], and to the [`Member`] who decides.
//!
//! A person is a row of ours, found by their Slack id. An e-mail counts only if Slack confirmed it
//! and only while it stands at one person; the policy's `people` says which identities are one
//! human. Who is in a group stands in the policy, or is asked of its source (`sources`: `usergroup`,
//! `pagerduty`, `webhook`, and `manager` for the word). At a click that decides a failing read is never
//! a yes, and everything is read afresh: who somebody is by that act itself, who is in a group by it or
//! by another at most two seconds before, since Slack lets user groups be read twenty times a minute.
//! What is given with nobody deciding is read by that act itself. For asking, for rosters, and for
//! whether a dialog is worth opening, what was read in the last ten minutes serves. All that one act
//! reads shares one deadline ([`Directory::for_one_act`]), so people are told in time whatever hangs.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::domain::{GroupName, Identity, Member, Person, PersonId, Refusal};
use crate::policy::{Entry, Policy};
use crate::slack::client::{Client, SlackFault, SlackUser};
use crate::store::{Store, StoreError};

mod again;
mod fitness;
mod kept;
mod manager;
mod pagerduty;
mod readers;
mod roster;
mod sources;
mod standing;
mod trial;
mod usergroup;
mod webhook;

pub use fitness::Unfit;
pub use standing::About;
pub use trial::{Found, Trial, try_all};

use sources::Sources;

/// How long what was read may serve for asking and for rosters.
const FRESH: Duration = Duration::from_mins(10);

/// The people of one workspace. Clones share what was read.
#[derive(Clone, Debug)]
pub struct Directory {
    store: Store,
    client: Client,
    known: Arc<Mutex<Known>>,
    sources: Sources,
    /// Until when all may take that is read for one act; none where it is not for any.
    until: Option<Instant>,
}

/// What was read lately.
#[derive(Debug, Default)]
struct Known {
    users: HashMap<String, Seen>,
    emails: HashMap<String, Looked>,
}

/// Where an address led.
#[derive(Clone, Debug)]
struct Looked {
    /// The user, or none where there was nobody.
    user: Option<String>,
    read: Instant,
}

/// A user as they were read, and the row of ours that they are.
#[derive(Clone, Debug)]
struct Seen {
    user: SlackUser,
    person: PersonId,
    read: Instant,
}

/// Why somebody's identity could not be established.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryFault {
    /// They are somebody who may not do this.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// Slack could not be asked.
    #[error("the directory could not be read: {0}")]
    Unreadable(#[from] SlackFault),
    /// The sources of these groups could not be asked, and whatever else was read is not enough.
    #[error("who is in a group could not be read")]
    Groups(Vec<GroupName>),
    /// The database could not be asked.
    #[error("the directory could not be kept")]
    Store(#[from] StoreError),
}

impl DirectoryFault {
    /// The answer for the person, for an act on which these groups decide; or the failure of the
    /// database, where it was that.
    pub fn into_refusal(self, groups: &[GroupName]) -> Result<Refusal, StoreError> {
        match self {
            Self::Unfit(unfit) => Ok(Refusal::UnknownPerson {
                why: unfit.to_string(),
            }),
            Self::Unreadable(_) if groups.is_empty() => Ok(Refusal::PersonUnreadable),
            Self::Unreadable(_) => Ok(Refusal::GroupUnreadable {
                groups: groups.to_vec(),
            }),
            Self::Groups(groups) => Ok(Refusal::GroupUnreadable { groups }),
            Self::Store(fault) => Err(fault),
        }
    }
}

impl Directory {
    /// A directory that has read nothing yet.
    pub fn new(store: Store, client: Client) -> Self {
        Self {
            store,
            sources: Sources::new(client.clone()),
            client,
            known: Arc::default(),
            until: None,
        }
    }

    /// Lets sources of groups be called at these hosts although their addresses are internal or
    /// they speak plain `http`. See [`allow_list`](crate::outward::allow_list) for how an operator
    /// writes them.
    #[must_use]
    pub fn allow_hosts(mut self, hosts: BTreeSet<String>) -> Self {
        self.sources.allow = Arc::new(hosts);
        self
    }

    /// Sets how long reading all groups of one act may take; 2.3 seconds otherwise.
    #[must_use]
    pub fn with_budget(mut self, budget: Duration) -> Self {
        self.sources.budget = budget;
        self
    }

    /// Sets how long ago a source of groups may have been asked for a click that decides now; two
    /// seconds otherwise. With none at all no two acts share what they read.
    #[must_use]
    pub fn with_just_now(mut self, age: Duration) -> Self {
        self.sources.just_now = age;
        self
    }

    /// The same directory for one act of somebody who waits: all that is read by it takes no longer
    /// together than one reading may, from now on. What is not read by then cannot be read; what was
    /// read lately still serves where it may.
    #[must_use]
    pub fn for_one_act(&self) -> Self {
        Self {
            until: Some(self.deadline()),
            ..self.clone()
        }
    }

    /// The same directory for a part of an act that has no more time than that.
    #[must_use]
    pub fn within(&self, limit: Duration) -> Self {
        let until = self.deadline().min(Instant::now() + limit);
        Self {
            until: Some(until),
            ..self.clone()
        }
    }

    /// The same directory for what is read first in an act: it leaves some of the time to what has to
    /// be read after it.
    #[must_use]
    pub fn leaving_time(&self) -> Self {
        Self {
            until: Some(sources::share(self.deadline())),
            ..self.clone()
        }
    }

    fn deadline(&self) -> Instant {
        let until = self.until;
        until.unwrap_or_else(|| Instant::now() + self.sources.budget)
    }

    /// What Slack is asked, in the time of the act.
    async fn in_time<T>(
        &self,
        reading: impl Future<Output = Result<T, DirectoryFault>>,
    ) -> Result<T, DirectoryFault> {
        let Some(until) = self.until else {
            return reading.await;
        };
        let read = timeout_at(until, reading).await;
        read.unwrap_or_else(|_| Err(SlackFault::Transient("timeout".to_owned()).into()))
    }

    /// The person behind an act on what is their own. Whoever they were when they were last read,
    /// they still are: so this works while Slack does not answer.
    ///
    /// # Errors
    /// As [`Directory::person`].
    pub async fn holder(
        &self,
        policy: &Policy,
        slack_user: &str,
    ) -> Result<Member, DirectoryFault> {
        let (person, email) = match self.recent(slack_user).await {
            Ok(seen) => (seen.person, seen.email()),
            Err(DirectoryFault::Unreadable(fault)) => {
                let recorded = self.recorded(slack_user).await?;
                (recorded.ok_or(DirectoryFault::Unreadable(fault))?, None)
            }
            Err(fault) => return Err(fault),
        };
        let known = self.known_person(person).await?;
        Ok(self.member(policy, &known, email).await?)
    }

    /// The person who asks, with every identity that counts, aliases of the policy included. Read
    /// at most ten minutes ago.
    ///
    /// # Errors
    /// [`DirectoryFault::Unfit`] for bots and people of other workspaces. Guests may ask: the
    /// policy says what for.
    pub async fn person(
        &self,
        policy: &Policy,
        slack_user: &str,
    ) -> Result<Person, DirectoryFault> {
        let seen = self.recent(slack_user).await?;
        fitness::may_ask(&seen.user)?;
        let mut person = self.known_person(seen.person).await?;
        let team = self.team().await?;
        let aliases = aliases(policy, &person.identities);
        let aliases = aliases.into_iter().map(|entry| identity(entry, &team));
        person.identities.extend(aliases);
        Ok(person)
    }

    /// The id of the workspace that is read.
    ///
    /// # Errors
    /// When Slack was never reached yet.
    pub async fn team(&self) -> Result<String, DirectoryFault> {
        let installation = self.client.installation().await?;
        Ok(installation.workspace.team.clone().unwrap_or_default())
    }

    /// Forgets what was read of a user, after Slack told that they changed.
    pub fn forget(&self, slack_user: &str) {
        self.known().users.remove(slack_user);
        self.sources.forget_manager_of(slack_user);
    }

    /// Forgets who is in user groups, after Slack told that one changed.
    pub fn forget_usergroups(&self) {
        self.sources.forget_usergroups();
    }

    /// The person with the groups that the policy itself lists.
    async fn member(
        &self,
        policy: &Policy,
        known: &Person,
        email: Option<Identity>,
    ) -> Result<Member, StoreError> {
        Ok(Member {
            person: known.id,
            also: self.also(policy, known, email).await?,
            groups: policy.groups_of(&known.identities),
        })
    }

    /// Other rows that are the same human: by the policy's aliases, or by an address of theirs that
    /// stands there too. Such an address gives nobody a group, but it does keep people from
    /// deciding on what is their own.
    async fn also(
        &self,
        policy: &Policy,
        person: &Person,
        email: Option<Identity>,
    ) -> Result<BTreeSet<PersonId>, StoreError> {
        let mut emails: BTreeSet<Identity> = email.into_iter().collect();
        let mut also = BTreeSet::new();
        for entry in aliases(policy, &person.identities) {
            match entry {
                Entry::Email(address) => {
                    emails.insert(Identity::Email(address));
                }
                Entry::SlackUser(user) => {
                    also.extend(self.store.people_with_slack_user(&user).await?);
                }
            }
        }
        also.extend(self.store.people_with(&emails).await?);
        also.remove(&person.id);
        Ok(also)
    }

    async fn known_person(&self, id: PersonId) -> Result<Person, StoreError> {
        let person = self.store.person(id).await?;
        person.ok_or_else(|| StoreError::Inconsistent {
            table: "persons",
            row: id.to_string(),
            what: "it was recorded and is gone".to_owned(),
        })
    }

    /// The user as read lately, or now.
    async fn recent(&self, slack_user: &str) -> Result<Seen, DirectoryFault> {
        match self.seen_lately(slack_user) {
            Some(seen) => Ok(seen),
            None => self.read(slack_user).await,
        }
    }

    fn seen_lately(&self, slack_user: &str) -> Option<Seen> {
        let seen = self.known().users.get(slack_user).cloned();
        seen.filter(|seen| seen.read.elapsed() < FRESH)
    }

    /// Reads the user now, and records them.
    async fn read(&self, slack_user: &str) -> Result<Seen, DirectoryFault> {
        let reading = async {
            let user = self.client.user(slack_user).await?;
            self.record(user).await
        };
        self.in_time(reading).await
    }

    /// Records what was read of a user, and sees to it that their address stands at nobody who has
    /// lost it since.
    async fn record(&self, user: SlackUser) -> Result<Seen, DirectoryFault> {
        let seen = self.keep(user).await?;
        if let Some(email) = seen.email() {
            let others = self.store.people_with(&BTreeSet::from([email])).await?;
            for other in others.into_iter().filter(|other| *other != seen.person) {
                self.read_again(other).await?;
            }
        }
        Ok(seen)
    }

    /// Reads a person again who was recorded with an address that somebody else has now. If that
    /// fails the address goes on counting for neither.
    async fn read_again(&self, person: PersonId) -> Result<(), DirectoryFault> {
        let team = self.team().await?;
        let person = self.known_person(person).await?;
        let Some(id) = person.slack_user(&team) else {
            return Ok(());
        };
        match self.client.user(id).await {
            Ok(user) => match self.keep(user).await {
                Ok(_) | Err(DirectoryFault::Unfit(_)) => Ok(()),
                Err(fault) => Err(fault),
            },
            Err(_) => Ok(()),
        }
    }

    /// Keeps what was read of a user. Nobody of another workspace becomes a person here.
    async fn keep(&self, user: SlackUser) -> Result<Seen, DirectoryFault> {
        let installed = self.client.installation().await?;
        fitness::belongs(&user, &installed.workspace)?;
        let team = installed.workspace.team.clone().unwrap_or_default();
        let known_as = Identity::slack(team, &user.id);
        let emails = confirmed_email(&user).into_iter().collect();
        let id = PersonId::from_uuid(Uuid::new_v7(uuid::Timestamp::now(uuid::NoContext)));
        let recording = self
            .store
            .record_person(id, &user.real_name, &known_as, &emails);
        let seen = Seen {
            person: recording.await?,
            read: Instant::now(),
            user,
        };
        let mut known = self.known();
        known.users.insert(seen.user.id.clone(), seen.clone());
        Ok(seen)
    }

    /// Whoever is looked for, as they were recorded: also who has left, and is nobody here any more. None
    /// for who is nobody here and never was.
    ///
    /// # Errors
    /// When neither the database nor Slack could say.
    pub async fn looked_for(
        &self,
        policy: &Policy,
        slack_user: &str,
    ) -> Result<Option<Member>, DirectoryFault> {
        if let Some(person) = self.recorded(slack_user).await? {
            let known = self.known_person(person).await?;
            return Ok(Some(self.member(policy, &known, None).await?));
        }
        match self.holder(policy, slack_user).await {
            Ok(member) => Ok(Some(member)),
            Err(DirectoryFault::Unfit(_)) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// The row of a user whom Slack does not tell about now.
    async fn recorded(&self, slack_user: &str) -> Result<Option<PersonId>, StoreError> {
        let people = self.store.people_with_slack_user(slack_user).await?;
        let mut people = people.into_iter();
        Ok(people.next().filter(|_| people.next().is_none()))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn email(&self) -> Option<Identity> {
        confirmed_email(&self.user)
    }
}

/// The address that counts: confirmed, and of somebody who is still there.
fn confirmed_email(user: &SlackUser) -> Option<Identity> {
    let email = user.email.as_deref().map(Identity::email);
    email.filter(|_| user.email_confirmed && !user.deleted)
}

/// Everything that the policy's `people` calls somebody with these identities.
fn aliases(policy: &Policy, identities: &BTreeSet<Identity>) -> BTreeSet<Entry> {
    let found = identities.iter().filter_map(|one| policy.alias_of(one));
    found.flat_map(|alias| alias.entries).collect()
}

fn identity(entry: Entry, team: &str) -> Identity {
    match entry {
        Entry::Email(address) => Identity::email(&address),
        Entry::SlackUser(user) => Identity::slack(team, user),
    }
}
