//! People who are alike: nobody's answer differs from that of another one of their class.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::Policy;
use super::super::people::Entry;
use super::{MOST_DYNAMIC, Named, atoms};
use crate::domain::{GroupName, Identity};

/// One human of one or two policies.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Human {
    /// The name in `people`, else the e-mail or Slack id.
    pub(in crate::policy) name: String,
    /// The e-mail, or the Slack id: by what `explain` takes them.
    pub(in crate::policy) who: String,
    /// Their groups in each policy: those that count, as far as the policies list them.
    pub(in crate::policy) groups: Vec<BTreeSet<GroupName>>,
}

/// Everybody whom the policies know.
pub(in crate::policy) struct Crowd {
    pub(in crate::policy) humans: Vec<Human>,
    /// Humans with the same groups in all policies.
    alike: Vec<Vec<usize>>,
}

/// People who are alike for one target.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Class {
    /// The groups in each policy, of those that count.
    pub(in crate::policy) groups: Vec<BTreeSet<GroupName>>,
    /// Those among them that are read elsewhere.
    pub(in crate::policy) dynamic: BTreeSet<GroupName>,
    /// Whether they are guests of the workspace.
    pub(in crate::policy) guest: bool,
    /// Who they are, as far as the policies know them.
    pub(in crate::policy) humans: Vec<usize>,
}

impl Class {
    /// The groups in the policy of that side.
    pub(super) fn groups_at(&self, side: usize) -> BTreeSet<GroupName> {
        self.groups.get(side).cloned().unwrap_or_default()
    }

    /// Whether the policies put these people into different groups.
    pub(in crate::policy) fn is_moved(&self) -> bool {
        self.groups
            .iter()
            .any(|groups| Some(groups) != self.groups.first())
    }
}

impl Crowd {
    /// Everybody of these policies, by the groups that count for whoever asks. Somebody who shares
    /// an e-mail or Slack id with somebody is them.
    pub(in crate::policy) fn of(policies: &[&Policy], more: &Named) -> Self {
        let mut counted = more.groups.clone();
        for rule in policies.iter().flat_map(|policy| &policy.rules) {
            counted.extend(atoms::groups(rule));
        }
        let mut sets: Vec<(Option<String>, BTreeSet<Entry>)> = Vec::new();
        let mut known: HashMap<Entry, usize> = HashMap::new();
        // The name in the newest policy counts.
        for policy in policies.iter().rev() {
            for (name, entries) in policy.people.everybody() {
                let mut same: Vec<usize> = entries
                    .iter()
                    .filter_map(|entry| known.get(entry).copied())
                    .collect();
                same.sort_unstable();
                same.dedup();
                let at = same.first().copied().unwrap_or(sets.len());
                if same.is_empty() {
                    sets.push((None, BTreeSet::new()));
                }
                let mut all = entries.clone();
                for other in same.into_iter().skip(1) {
                    all.extend(std::mem::take(&mut sets[other].1));
                }
                for entry in &all {
                    known.insert(entry.clone(), at);
                }
                sets[at].1.extend(all);
                if sets[at].0.is_none() {
                    sets[at].0 = name.map(ToString::to_string);
                }
            }
        }
        let mut humans: Vec<Human> = (sets.into_iter())
            .filter(|(_, entries)| !entries.is_empty())
            .map(|(name, entries)| human(name, &entries, policies, &counted))
            .collect();
        // The same examples each time, whatever order the policies keep people in.
        humans.sort_by(|one, other| one.name.cmp(&other.name));
        let alike = alike(&humans);
        Self { humans, alike }
    }

    /// The classes for what is named, with every combination of the groups that are read elsewhere.
    pub(super) fn classes(
        &self,
        named: &Named,
        policies: &[&Policy],
    ) -> Result<Vec<Class>, String> {
        let dynamic: BTreeSet<&GroupName> = (named.groups.iter())
            .filter(|group| policies.iter().any(|policy| policy.is_dynamic(group)))
            .collect();
        if dynamic.len() > MOST_DYNAMIC {
            return Err(format!(
                "its rules name {} groups that are read elsewhere, and {MOST_DYNAMIC} is the most",
                dynamic.len()
            ));
        }
        let mut found: BTreeMap<Vec<BTreeSet<GroupName>>, Vec<usize>> = BTreeMap::new();
        // People whom no policy knows are in no group.
        found.insert(vec![BTreeSet::new(); policies.len()], Vec::new());
        for alike in &self.alike {
            let Some(human) = alike.first().and_then(|first| self.humans.get(*first)) else {
                continue;
            };
            let counts = |groups: &BTreeSet<GroupName>| groups & &named.groups;
            let key: Vec<BTreeSet<GroupName>> = human.groups.iter().map(counts).collect();
            found.entry(key).or_default().extend(alike);
        }
        let guests: &[bool] = if named.boundaries.is_guest {
            &[false, true]
        } else {
            &[false]
        };
        let mut classes = Vec::new();
        for (groups, humans) in &found {
            for mask in 0..1usize << dynamic.len() {
                let picked = dynamic
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| mask >> at & 1 == 1);
                let picked: BTreeSet<GroupName> =
                    picked.map(|(_, group)| (*group).clone()).collect();
                for guest in guests {
                    classes.push(Class {
                        groups: with_dynamic(groups, &picked, policies),
                        dynamic: picked.clone(),
                        guest: *guest,
                        humans: humans.clone(),
                    });
                }
            }
        }
        Ok(classes)
    }

    /// Whether the policies put somebody into different ones of these groups.
    pub(in crate::policy) fn is_moved(&self, groups: &BTreeSet<GroupName>) -> bool {
        let mut firsts = self.alike.iter().filter_map(|alike| alike.first());
        firsts.any(|first| {
            let all = &self.humans[*first].groups;
            let count = |side: &BTreeSet<GroupName>| side & groups;
            all.first() != all.last() && all.first().map(count) != all.last().map(count)
        })
    }
}

fn with_dynamic(
    groups: &[BTreeSet<GroupName>],
    picked: &BTreeSet<GroupName>,
    policies: &[&Policy],
) -> Vec<BTreeSet<GroupName>> {
    let sides = groups.iter().zip(policies);
    sides
        .map(|(groups, policy)| {
            let read = picked.iter().filter(|group| policy.is_dynamic(group));
            groups.iter().chain(read).cloned().collect()
        })
        .collect()
}

fn human(
    name: Option<String>,
    entries: &BTreeSet<Entry>,
    policies: &[&Policy],
    counted: &BTreeSet<GroupName>,
) -> Human {
    let identities: BTreeSet<Identity> = (entries.iter())
        .map(|entry| match entry {
            Entry::Email(address) => Identity::Email(address.clone()),
            Entry::SlackUser(user) => Identity::slack("", user.clone()),
        })
        .collect();
    let email = entries
        .iter()
        .find(|entry| matches!(entry, Entry::Email(_)));
    let who = email
        .or(entries.first())
        .map(ToString::to_string)
        .unwrap_or_default();
    Human {
        name: name.unwrap_or_else(|| who.clone()),
        who,
        groups: (policies.iter())
            .map(|policy| &policy.groups_of(&identities) & counted)
            .collect(),
    }
}

fn alike(humans: &[Human]) -> Vec<Vec<usize>> {
    let mut found: HashMap<&[BTreeSet<GroupName>], usize> = HashMap::new();
    let mut alike: Vec<Vec<usize>> = Vec::new();
    for (index, human) in humans.iter().enumerate() {
        let at = *found.entry(human.groups.as_slice()).or_insert(alike.len());
        match alike.get_mut(at) {
            Some(same) => same.push(index),
            None => alike.push(vec![index]),
        }
    }
    alike
}
