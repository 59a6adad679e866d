//! Groups that are called otherwise and hold the same people: a new name is no change for anybody.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Policy;
use super::super::people::Entry;
use super::super::space::{Effect, Way};
use crate::domain::GroupName;

/// For listed groups of the new policy, those of the old one with another name and the same people.
pub(super) struct Same(BTreeMap<GroupName, BTreeSet<GroupName>>);

/// The people of a group, whoever comes first.
type People = BTreeSet<BTreeSet<Entry>>;

impl Same {
    /// Those of two policies.
    pub(super) fn of(old: &Policy, new: &Policy) -> Self {
        let mut known: BTreeMap<People, BTreeSet<GroupName>> = BTreeMap::new();
        for (group, people) in listed(old) {
            known.entry(people).or_default().insert(group);
        }
        let others = |(group, people): (GroupName, People)| {
            let mut others = known.get(&people)?.clone();
            others.remove(&group);
            (!others.is_empty()).then_some((group, others))
        };
        Self(listed(new).filter_map(others).collect())
    }

    /// The new effect with the names that the old one has for the same people.
    pub(super) fn like(&self, old: &Effect, new: &Effect) -> Effect {
        let mut like = new.clone();
        if self.0.is_empty() {
            return like;
        }
        let named = |effect: &mut Effect| -> BTreeSet<GroupName> {
            let lists = lists(effect).into_iter();
            lists.flat_map(|(list, _)| list.clone()).collect()
        };
        let (before, after) = (named(&mut old.clone()), named(&mut like));
        let mut free: BTreeSet<&GroupName> = before.difference(&after).collect();
        let mut names: BTreeMap<&GroupName, &GroupName> = BTreeMap::new();
        for group in after.difference(&before) {
            // Two groups never become one: it may count how many there are.
            let others = self.0.get(group).into_iter().flatten();
            if let Some(other) = others.into_iter().find(|other| free.remove(other)) {
                names.insert(group, other);
            }
        }
        for (list, is_sorted) in lists(&mut like) {
            for group in &mut *list {
                if let Some(name) = names.get(group) {
                    *group = (*name).clone();
                }
            }
            if is_sorted {
                list.sort();
            }
        }
        like
    }
}

fn listed(policy: &Policy) -> impl Iterator<Item = (GroupName, People)> {
    policy.groups().filter_map(|group| {
        let people: People = policy.group_entries(group)?.into_iter().collect();
        (!people.is_empty()).then(|| (group.clone(), people))
    })
}

/// Every list of groups in an effect, and whether it is kept in order.
fn lists(effect: &mut Effect) -> Vec<(&mut Vec<GroupName>, bool)> {
    let mut lists = Vec::new();
    match &mut effect.way {
        Way::Review(steps) => {
            for step in steps {
                lists.extend([(&mut step.from, true), (&mut step.ping, true)]);
                lists.extend(step.escalate.iter_mut().map(|(_, to)| (to, true)));
            }
        }
        Way::BreakGlass { by, .. } => lists.push((by, false)),
        Way::Refused | Way::Automatic => {}
    }
    if let Some(terms) = &mut effect.terms {
        lists.extend([(&mut terms.owners, true), (&mut terms.inform.0, false)]);
        let quiet = terms.attributes.quiet.iter_mut();
        lists.extend(quiet.map(|(_, fallback)| (fallback, false)));
    }
    lists
}
