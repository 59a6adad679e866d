//! People who are alike: nobody's answer differs from that of another one of their class.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::Policy;
use super::super::people::Entry;
use super::{MOST_DYNAMIC, Named, atoms};
use crate::domain::{GroupName, Identity};

/// More groups than that besides the named ones make no difference to any test.
const MOST_OTHERS: usize = 2;

/// One human of one or two policies: what is one person in each of them.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Human {
    /// The name in `people`, else the e-mail or Slack id.
    pub(in crate::policy) name: String,
    /// The e-mail, or the Slack id: by what `explain` takes them.
    pub(in crate::policy) who: String,
    /// Their groups in each policy: those that count, as far as the policies list them.
    place: Place,
    written: Written,
}

/// What the policies write somebody by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Written {
    Email,
    SlackId,
    Both,
}

/// In which groups somebody is, in each policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Place {
    groups: Vec<BTreeSet<GroupName>>,
    /// In how many besides these, where that can count.
    others: Vec<usize>,
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
    /// In how many besides these they are in each policy, where a condition looks at that.
    pub(in crate::policy) others: Vec<usize>,
    /// Those among the groups that are read elsewhere.
    pub(in crate::policy) dynamic: BTreeSet<GroupName>,
    /// Whether they are guests of the workspace.
    pub(in crate::policy) guest: bool,
    /// Who they are, as far as the policies know them.
    pub(in crate::policy) humans: Vec<usize>,
    /// Somebody whom the policies write by e-mail and somebody whom they write by Slack id, where
    /// these people are only there if the two are one: Slack tells both of one person.
    pub(in crate::policy) united: Option<[usize; 2]>,
}

impl Class {
    /// The groups in the policy of that side. Those that no rule names have no name here either.
    pub(in crate::policy) fn groups_at(&self, side: usize) -> BTreeSet<GroupName> {
        let mut groups = self.groups.get(side).cloned().unwrap_or_default();
        let others = self.others.get(side).copied().unwrap_or_default();
        groups
            .extend((0..others).map(|number| GroupName::new(format!("(another group, {number})"))));
        groups
    }

    /// Whether the policies put these people into different groups.
    pub(in crate::policy) fn is_moved(&self) -> bool {
        differ(&self.groups) || differ(&self.others)
    }
}

fn differ<T: PartialEq>(sides: &[T]) -> bool {
    sides.iter().any(|side| Some(side) != sides.first())
}

impl Place {
    fn nowhere(policies: usize) -> Self {
        Self {
            groups: vec![BTreeSet::new(); policies],
            others: vec![0; policies],
        }
    }

    /// As far as these groups are concerned, and others if they count.
    fn among(&self, named: &BTreeSet<GroupName>, others: bool) -> Self {
        let sides = self.groups.iter().zip(&self.others);
        let (groups, others) = sides
            .map(|(groups, more)| {
                let counted = groups & named;
                let more = more + groups.len() - counted.len();
                let more = if others { more.min(MOST_OTHERS) } else { 0 };
                (counted, more)
            })
            .unzip();
        Self { groups, others }
    }

    /// Where somebody is who is in the one place and the other. Whether the others of both are the
    /// same groups is not known, so it is one of two.
    fn with(&self, other: &Self) -> [Self; 2] {
        let groups = self.groups.iter().zip(&other.groups);
        let groups: Vec<BTreeSet<GroupName>> = groups.map(|(one, other)| one | other).collect();
        let others = |both: fn(usize, usize) -> usize| -> Vec<usize> {
            let pairs = self.others.iter().zip(&other.others);
            pairs
                .map(|(one, other)| both(*one, *other).min(MOST_OTHERS))
                .collect()
        };
        [usize::max, usize::saturating_add].map(|both| Self {
            groups: groups.clone(),
            others: others(both),
        })
    }

    fn is_moved(&self) -> bool {
        differ(&self.groups) || differ(&self.others)
    }
}

impl Crowd {
    /// Everybody of these policies, by the groups that count for whoever asks. Where two addresses
    /// are one person in one policy and not in the other, each is looked at by itself.
    pub(in crate::policy) fn of(policies: &[&Policy], more: &Named) -> Self {
        let mut counted = more.groups.clone();
        let mut others = more.boundaries.other_group;
        for rule in policies.iter().flat_map(|policy| &policy.rules) {
            counted.extend(atoms::groups(rule));
            others |= atoms::look_at_others(rule);
        }
        let mut humans: Vec<Human> = (everybody(policies).iter())
            .map(|entries| human(entries, policies, &counted, others))
            .collect();
        // The same examples each time, whatever order the policies keep people in.
        humans.sort_by(|one, other| (&one.name, &one.who).cmp(&(&other.name, &other.who)));
        let alike = alike(&humans);
        Self { humans, alike }
    }

    /// The classes for what is named, with every combination of the groups that are read elsewhere.
    pub(super) fn classes(
        &self,
        named: &Named,
        policies: &[&Policy],
    ) -> Result<Vec<Class>, String> {
        let dynamic = dynamic(named, policies)?;
        let (found, united) = self.places(named, policies.len());
        let guests: &[bool] = if named.boundaries.is_guest {
            &[false, true]
        } else {
            &[false]
        };
        let found = found
            .iter()
            .map(|(place, humans)| (place, humans.clone(), None));
        let united = united
            .iter()
            .map(|(place, two)| (place, vec![two[0]], Some(*two)));
        let mut classes = Vec::new();
        for (place, humans, united) in found.chain(united) {
            for mask in 0..1usize << dynamic.len() {
                let picked = dynamic
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| mask >> at & 1 == 1);
                let picked: BTreeSet<GroupName> =
                    picked.map(|(_, group)| (*group).clone()).collect();
                for guest in guests {
                    classes.push(Class {
                        groups: with_dynamic(&place.groups, &picked, policies),
                        others: place.others.clone(),
                        dynamic: picked.clone(),
                        guest: *guest,
                        humans: humans.clone(),
                        united,
                    });
                }
            }
        }
        Ok(classes)
    }

    /// Where people are, and where somebody would be whom the policies write twice: once by e-mail
    /// and once by Slack id.
    fn places(
        &self,
        named: &Named,
        policies: usize,
    ) -> (BTreeMap<Place, Vec<usize>>, BTreeMap<Place, [usize; 2]>) {
        let mut found: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
        let mut halves: [BTreeMap<Place, usize>; 2] = Default::default();
        // People whom no policy knows are in no group.
        found.insert(Place::nowhere(policies), Vec::new());
        for alike in &self.alike {
            let Some((first, human)) = alike
                .first()
                .and_then(|at| Some((*at, self.humans.get(*at)?)))
            else {
                continue;
            };
            let place = human
                .place
                .among(&named.groups, named.boundaries.other_group);
            match human.written {
                Written::Email => drop(halves[0].entry(place.clone()).or_insert(first)),
                Written::SlackId => drop(halves[1].entry(place.clone()).or_insert(first)),
                Written::Both => {}
            }
            found.entry(place).or_default().extend(alike);
        }
        let [by_email, by_slack] = &halves;
        let mut united = BTreeMap::new();
        for (one, email) in by_email {
            for (other, slack) in by_slack {
                let both = one.with(other).into_iter();
                for place in both.filter(|place| !found.contains_key(place)) {
                    united.entry(place).or_insert([*email, *slack]);
                }
            }
        }
        (found, united)
    }

    /// Whether the policies put somebody into different ones of these groups, or of others where
    /// those count.
    pub(in crate::policy) fn is_moved(&self, groups: &BTreeSet<GroupName>, others: bool) -> bool {
        let mut firsts = self.alike.iter().filter_map(|alike| alike.first());
        firsts.any(|first| {
            let place = &self.humans[*first].place;
            place.is_moved() && place.among(groups, others).is_moved()
        })
    }
}

/// The groups that are read elsewhere and that can make a difference. Of those that are not named,
/// two of each policy stand for all.
fn dynamic<'a>(
    named: &'a Named,
    policies: &[&'a Policy],
) -> Result<BTreeSet<&'a GroupName>, String> {
    let mut dynamic: BTreeSet<&GroupName> = (named.groups.iter())
        .filter(|group| policies.iter().any(|policy| policy.is_dynamic(group)))
        .collect();
    if dynamic.len() > MOST_DYNAMIC {
        return Err(format!(
            "its rules name {} groups that are read elsewhere, and {MOST_DYNAMIC} is the most",
            dynamic.len()
        ));
    }
    if named.boundaries.other_group {
        for policy in policies {
            let others = policy.people.dynamic();
            let others = others.filter(|group| !named.groups.contains(*group));
            dynamic.extend(others.take(MOST_OTHERS));
        }
    }
    Ok(dynamic)
}

/// What is one person in every policy, as far as one of them knows it.
pub(in crate::policy) fn everybody(policies: &[&Policy]) -> Vec<BTreeSet<Entry>> {
    let mut numbers: HashMap<Entry, Vec<Option<usize>>> = HashMap::new();
    for (at, policy) in policies.iter().enumerate() {
        for (number, (_, entries)) in policy.people.everybody().enumerate() {
            for entry in entries {
                let known = numbers.entry(entry);
                let known = known.or_insert_with(|| vec![None; policies.len()]);
                known[at] = Some(number);
            }
        }
    }
    let mut together: HashMap<Vec<Option<usize>>, BTreeSet<Entry>> = HashMap::new();
    for (entry, numbers) in numbers {
        together.entry(numbers).or_default().insert(entry);
    }
    together.into_values().collect()
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
    entries: &BTreeSet<Entry>,
    policies: &[&Policy],
    counted: &BTreeSet<GroupName>,
    others: bool,
) -> Human {
    let identities: BTreeSet<Identity> = entries.iter().map(identity).collect();
    let is_email = |entry: &&Entry| matches!(entry, Entry::Email(_));
    let who = entries.iter().find(is_email).or(entries.first());
    let who = who.map(ToString::to_string).unwrap_or_default();
    let all: Vec<BTreeSet<GroupName>> = (policies.iter())
        .map(|policy| policy.groups_of(&identities))
        .collect();
    let groups: Vec<BTreeSet<GroupName>> = all.iter().map(|groups| groups & counted).collect();
    let more = all.iter().zip(&groups).map(|(all, counted)| {
        let more = all.len() - counted.len();
        if others { more.min(MOST_OTHERS) } else { 0 }
    });
    Human {
        name: name(&identities, policies).unwrap_or_else(|| who.clone()),
        who,
        place: Place {
            others: more.collect(),
            groups,
        },
        written: written(&identities, policies),
    }
}

/// The name in the newest policy that has one for just what they are called.
pub(in crate::policy) fn name(
    identities: &BTreeSet<Identity>,
    policies: &[&Policy],
) -> Option<String> {
    let first = identities.first()?;
    let aliases = policies.iter().rev();
    let mut aliases = aliases.filter_map(|policy| policy.alias_of(first));
    let alias = aliases.find(|alias| alias.entries.len() == identities.len())?;
    Some(alias.name.to_string())
}

/// What Slack calls them besides may be written under another entry only where one half is missing.
fn written(identities: &BTreeSet<Identity>, policies: &[&Policy]) -> Written {
    let mut entries: BTreeSet<Entry> = identities.iter().map(Entry::of).collect();
    for policy in policies {
        let aliases = identities.iter().filter_map(|known| policy.alias_of(known));
        entries.extend(aliases.flat_map(|alias| alias.entries));
    }
    let is_email = |entry: &Entry| matches!(entry, Entry::Email(_));
    if entries.iter().all(is_email) {
        Written::Email
    } else if entries.iter().any(is_email) {
        Written::Both
    } else {
        Written::SlackId
    }
}

/// By what an entry is known at run time.
pub(in crate::policy) fn identity(entry: &Entry) -> Identity {
    match entry {
        Entry::Email(address) => Identity::Email(address.clone()),
        Entry::SlackUser(user) => Identity::slack("", user.clone()),
    }
}

fn alike(humans: &[Human]) -> Vec<Vec<usize>> {
    let mut found: HashMap<(&Place, Written), usize> = HashMap::new();
    let mut alike: Vec<Vec<usize>> = Vec::new();
    for (index, human) in humans.iter().enumerate() {
        let key = (&human.place, human.written);
        let at = *found.entry(key).or_insert(alike.len());
        match alike.get_mut(at) {
            Some(same) => same.push(index),
            None => alike.push(vec![index]),
        }
    }
    alike
}
