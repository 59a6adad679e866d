//! Who is who in the policy: aliases of one person, and the members of groups.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use super::file::{PersonEntry, Written};
use super::source::SourcedGroup;
use crate::domain::{ConnectorName, GroupName, Identity};

/// How the policy writes somebody: by e-mail, or by Slack user id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entry {
    /// An e-mail address in lower case.
    Email(String),
    /// A Slack user id (`U…` or `W…`) of the installed workspace.
    SlackUser(String),
}

impl Entry {
    /// Reads an e-mail address or a Slack user id; a name from `people` is neither.
    pub fn read(text: &str) -> Option<Self> {
        if is_email(text) {
            return Some(Self::Email(text.trim().to_lowercase()));
        }
        is_slack_user(text).then(|| Self::SlackUser(text.to_owned()))
    }

    /// Whether that identity is meant. Slack ids match in any workspace: the caller must have made
    /// sure that the identity is of the installed one.
    pub fn matches(&self, identity: &Identity) -> bool {
        *self == Self::of(identity)
    }

    pub(super) fn of(identity: &Identity) -> Self {
        match identity {
            Identity::Slack { user, .. } => Self::SlackUser(user.clone()),
            Identity::Email(address) => Self::Email(address.trim().to_lowercase()),
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email(text) | Self::SlackUser(text) => f.write_str(text),
        }
    }
}

/// An entry of `people`: one human and everything they are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The entry's name; it may stand wherever a group may.
    pub name: GroupName,
    /// The e-mails and Slack ids of this human.
    pub entries: BTreeSet<Entry>,
}

/// One `@` with something before it and a dotted name behind it: enough to tell slips of the pen.
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let plain = |part: &str| {
        !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || "@,;<>()".contains(c))
    };
    let dotted = domain.split('.').count() >= 2 && domain.split('.').all(|part| !part.is_empty());
    plain(local) && plain(domain) && dotted
}

/// `U…` or `W…` in capitals and digits.
pub(super) fn is_slack_user(text: &str) -> bool {
    let id = text.strip_prefix(['U', 'W']).unwrap_or_default();
    let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    // Real ids are long; short ones without any digit are rather names in capitals.
    let telling = id.len() >= 8 || (id.len() >= 2 && id.contains(|c: char| c.is_ascii_digit()));
    telling && id.chars().all(fits)
}

/// A human of `people`, with what connectors call them.
#[derive(Clone, Debug)]
struct Human {
    alias: Alias,
    first_email: Option<String>,
    logins: BTreeMap<ConnectorName, String>,
    /// As it is written; it may be an entry of `people` that comes later.
    manager: Option<String>,
}

/// Everybody the policy names.
#[derive(Clone, Debug, Default)]
pub(super) struct People {
    humans: Vec<Human>,
    by_entry: HashMap<Entry, usize>,
    by_name: HashMap<String, usize>,
    /// What each human is called: those of `people` by their number there, then the members of groups
    /// that `people` does not know.
    called: Vec<BTreeSet<Entry>>,
    /// Members whom `people` does not know, by their numbers.
    strangers: HashMap<Entry, usize>,
    /// The numbers of the different humans of each group, or of the one of an entry of `people`, in
    /// the order of what they are called.
    groups: BTreeMap<GroupName, Vec<usize>>,
    membership: HashMap<Entry, BTreeSet<GroupName>>,
    sources: BTreeMap<GroupName, SourcedGroup>,
}

impl People {
    /// Gathers everybody. What is not understood is left out; the checks tell about it.
    pub(super) fn new(written: &Written) -> Self {
        let mut people = Self::default();
        for entry in &written.people {
            people.add_human(entry);
        }
        for group in &written.groups {
            let name = GroupName::new(&group.name.value);
            let fallback = group.fallback.as_ref();
            let sourced = SourcedGroup {
                source: group.source.clone(),
                fallback: fallback.map(|name| GroupName::new(&name.value)),
            };
            let is_dynamic = sourced.source.is_dynamic();
            people.sources.insert(name.clone(), sourced);
            if is_dynamic {
                continue;
            }
            let members = group.members.iter();
            let humans = members
                .filter_map(|member| people.take_in(&member.value))
                .collect();
            people.add_group(name, humans);
        }
        people
    }

    /// The number of a member, who may be new.
    fn take_in(&mut self, member: &str) -> Option<usize> {
        if let Some(known) = self.number(member) {
            return Some(known);
        }
        let entry = Entry::read(member)?;
        let number = self.called.len();
        self.called.push(BTreeSet::from([entry.clone()]));
        self.strangers.insert(entry, number);
        Some(number)
    }

    fn add_human(&mut self, entry: &PersonEntry) {
        let written = entry.emails.iter().chain(&entry.slack);
        let entries: BTreeSet<Entry> = written
            .filter_map(|text| Entry::read(&text.value))
            .collect();
        let name = GroupName::new(&entry.name.value);
        let index = self.humans.len();
        self.by_entry
            .extend(entries.iter().map(|entry| (entry.clone(), index)));
        self.by_name.insert(entry.name.value.clone(), index);
        self.called.push(entries.clone());
        self.add_group(name.clone(), vec![index]);
        self.humans.push(Human {
            alias: Alias { name, entries },
            first_email: entry
                .emails
                .first()
                .map(|email| email.value.trim().to_lowercase()),
            logins: (entry.logins.iter())
                .map(|(at, login)| (ConnectorName::new(&at.value), login.value.clone()))
                .collect(),
            manager: entry.manager.as_ref().map(|manager| manager.value.clone()),
        });
    }

    fn add_group(&mut self, name: GroupName, mut humans: Vec<usize>) {
        let called = &self.called;
        humans.sort_unstable_by(|one, other| called[*one].cmp(&called[*other]));
        humans.dedup_by(|one, other| called[*one] == called[*other]);
        for entry in humans.iter().flat_map(|human| &called[*human]) {
            // Most are in a group already, and their entry need not be written once more.
            if let Some(groups) = self.membership.get_mut(entry) {
                groups.insert(name.clone());
            } else {
                let groups = BTreeSet::from([name.clone()]);
                self.membership.insert(entry.clone(), groups);
            }
        }
        self.groups.insert(name, humans);
    }

    /// The number of a member that is known, as an entry of `people` or as a member of a group.
    pub(super) fn number(&self, member: &str) -> Option<usize> {
        match Entry::read(member) {
            None => self.by_name.get(member).copied(),
            Some(entry) => {
                let named = self.by_entry.get(&entry);
                named.or_else(|| self.strangers.get(&entry)).copied()
            }
        }
    }

    /// Everything that a member of a group is called: all of their entries, where `people` knows
    /// them.
    pub(super) fn human(&self, member: &str) -> Option<BTreeSet<Entry>> {
        match self.number(member) {
            Some(number) => Some(self.called[number].clone()),
            None => Entry::read(member).map(|entry| BTreeSet::from([entry])),
        }
    }

    /// The groups of somebody with these identities, and the name of their entry in `people`.
    pub(super) fn groups_of(&self, identities: &BTreeSet<Identity>) -> BTreeSet<GroupName> {
        let entries = identities.iter().map(Entry::of);
        let groups = entries.filter_map(|entry| self.membership.get(&entry));
        groups.flatten().cloned().collect()
    }

    /// The entries of `people`, in the order of the file.
    pub(super) fn aliases(&self) -> impl Iterator<Item = &Alias> {
        self.humans.iter().map(|human| &human.alias)
    }

    /// The names of all groups, whatever their source.
    pub(super) fn names(&self) -> impl Iterator<Item = &GroupName> {
        self.sources.keys()
    }

    /// The entry of `people` with that identity.
    pub(super) fn alias_of(&self, identity: &Identity) -> Option<&Alias> {
        let index = self.by_entry.get(&Entry::of(identity))?;
        self.humans.get(*index).map(|human| &human.alias)
    }

    /// The humans of a group, or the one of an entry of `people`; none for a group that is read
    /// elsewhere.
    pub(super) fn group(&self, name: &GroupName) -> Option<Vec<BTreeSet<Entry>>> {
        let numbers = self.numbers(name)?.iter();
        Some(numbers.map(|number| self.called[*number].clone()).collect())
    }

    /// The same by their numbers. Two numbers mean the same human only where they are equal, since
    /// nobody is written under two people.
    pub(super) fn numbers(&self, name: &GroupName) -> Option<&[usize]> {
        self.groups.get(name).map(Vec::as_slice)
    }

    /// Where the people of a group are read from; none for an entry of `people`.
    pub(super) fn source(&self, name: &GroupName) -> Option<&SourcedGroup> {
        self.sources.get(name)
    }

    /// The group and all that may have its say in its place: its fallback, what that one falls back
    /// to, and so on.
    pub(super) fn with_fallbacks<'a>(
        &'a self,
        group: &'a GroupName,
    ) -> impl Iterator<Item = &'a GroupName> {
        std::iter::successors(Some(group), |group| self.source(group)?.fallback.as_ref())
    }

    /// The groups whose people are read elsewhere.
    pub(super) fn dynamic(&self) -> impl Iterator<Item = &GroupName> {
        let sources = self.sources.iter();
        sources
            .filter(|(_, sourced)| sourced.source.is_dynamic())
            .map(|(name, _)| name)
    }

    /// Every human that is known: those of `people` by their names, and the members of groups.
    pub(super) fn everybody(&self) -> impl Iterator<Item = (Option<&GroupName>, BTreeSet<Entry>)> {
        let named = self.humans.iter();
        let named = named.map(|human| (Some(&human.alias.name), human.alias.entries.clone()));
        let others = self.membership.keys();
        let others = others.filter(|entry| !self.by_entry.contains_key(*entry));
        named.chain(others.map(|entry| (None, BTreeSet::from([entry.clone()]))))
    }

    /// Everything that the manager of this person is called, as `people` says.
    pub(super) fn manager(&self, identities: &BTreeSet<Identity>) -> Option<BTreeSet<Entry>> {
        let manager = self
            .humans_of(identities)
            .find_map(|human| human.manager.as_deref());
        self.human(manager?)
    }

    /// What `people` says that a connector calls this person.
    pub(super) fn login<'a>(
        &'a self,
        identities: &BTreeSet<Identity>,
        connector: &ConnectorName,
    ) -> Option<&'a str> {
        let login = self
            .humans_of(identities)
            .find_map(|human| human.logins.get(connector));
        login.map(String::as_str)
    }

    /// The person's e-mail: the first that `people` writes, else the first there is.
    pub(super) fn email(&self, identities: &BTreeSet<Identity>) -> Option<String> {
        let written = self
            .humans_of(identities)
            .find_map(|human| human.first_email.clone());
        written.or_else(|| {
            identities.iter().find_map(|identity| match identity {
                Identity::Email(address) => Some(address.clone()),
                Identity::Slack { .. } => None,
            })
        })
    }

    fn humans_of<'a, 'b>(
        &'a self,
        identities: &'b BTreeSet<Identity>,
    ) -> impl Iterator<Item = &'a Human> + use<'a, 'b> {
        let indexes = identities
            .iter()
            .filter_map(|id| self.by_entry.get(&Entry::of(id)));
        indexes.filter_map(|index| self.humans.get(*index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_written_by_email_or_slack_id() {
        for (text, read) in [
            (
                "Dana@Acme.example",
                Some(Entry::Email("dana@acme.example".into())),
            ),
            ("U0DANA", Some(Entry::SlackUser("U0DANA".into()))),
            ("W012AB", Some(Entry::SlackUser("W012AB".into()))),
            ("UABCDEFGH", Some(Entry::SlackUser("UABCDEFGH".into()))),
            ("dana", None),
            ("U0dana", None),
            ("WALTER", None),
            ("dana@acme", None),
            ("@acme.example", None),
            ("a b@acme.example", None),
            ("dana@acme..example", None),
        ] {
            assert_eq!(Entry::read(text), read, "{text}");
        }
    }
}
