//! What the policy said when a request was made. Pinned on the request: a later edit of the policy
//! cannot approve it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{GroupName, RuleName, Span, Target};

/// The answer of the policy to one request, complete and pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The rule that matched.
    pub rule: RuleName,
    /// The SHA-256 of the policy, in hexadecimal digits.
    pub policy: String,
    /// How the request can be approved.
    pub route: Route,
    /// How long the access lasts, counted from when it is given.
    pub duration: Span,
    /// How long the request waits for approvers before it expires.
    pub request_ttl: Span,
    /// How long before the end the holder is reminded; short grants use a quarter of their time
    /// when that is less.
    pub remind_before: Span,
    /// The channel for the card, as the policy names it (`#name` or an id).
    pub channel: String,
    /// The channel that is told when the first one cannot be written to.
    pub fallback_channel: Option<String>,
    /// Where and as what the access is given.
    pub target: Target,
    /// What the card shows of the resource.
    pub card: ResourceCard,
}

/// How a request can be approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// The rule approves by itself.
    Automatic,
    /// These steps, one after the other. Never empty: the policy refuses a rule without steps.
    Steps(Vec<Step>),
}

impl Route {
    /// The steps, none for an automatic approval.
    pub fn steps(&self) -> &[Step] {
        match self {
            Self::Automatic => &[],
            Self::Steps(steps) => steps,
        }
    }
}

/// One step of an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Who may approve: groups, or names from `people`.
    pub from: Vec<GroupName>,
    /// How many of them.
    pub quorum: Quorum,
}

/// How many approvals finish a step. People are counted, never groups; one person counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quorum {
    /// That many people out of all the groups together.
    Any(u32),
    /// That many people out of each group, each person standing for one group only.
    All(u32),
}

impl Quorum {
    /// How many different people the step needs at the least.
    pub fn people(self, groups: usize) -> usize {
        match self {
            Self::Any(count) => count as usize,
            Self::All(count) => (count as usize).saturating_mul(groups),
        }
    }
}

/// What the card tells about a resource: text from the policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceCard {
    /// What the resource is.
    pub description: Option<String>,
    /// How sensitive it is, in the policy's words (`low`, `high`, …).
    pub sensitivity: Option<String>,
    /// How to connect, shown to the holder.
    pub how_to_connect: Option<String>,
    /// The policy's labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

impl Step {
    /// Whether people with these groups, in this order of approval, finish the step. Under
    /// [`Quorum::All`] people are assigned to groups so that as many seats as possible are taken
    /// (augmenting paths), since one person in two groups may stand for either.
    pub fn is_met_by<'a>(
        &self,
        people: impl IntoIterator<Item = &'a std::collections::BTreeSet<GroupName>>,
    ) -> bool {
        let eligible: Vec<_> = people
            .into_iter()
            .filter(|groups| self.from.iter().any(|g| groups.contains(g)))
            .collect();
        match self.quorum {
            Quorum::Any(count) => eligible.len() >= count as usize,
            Quorum::All(count) => {
                self.seats_taken(&eligible, count) >= self.quorum.people(self.from.len())
            }
        }
    }

    fn seats_taken(&self, people: &[&std::collections::BTreeSet<GroupName>], count: u32) -> usize {
        let seats: Vec<&GroupName> = self
            .from
            .iter()
            .flat_map(|g| std::iter::repeat_n(g, count as usize))
            .collect();
        let mut holder: Vec<Option<usize>> = vec![None; seats.len()];
        (0..people.len())
            .filter(|&person| {
                let mut seen = vec![false; seats.len()];
                seat(person, people, &seats, &mut holder, &mut seen)
            })
            .count()
    }
}

/// Finds a seat for a person, moving others where they have another seat to go to.
fn seat(
    person: usize,
    people: &[&std::collections::BTreeSet<GroupName>],
    seats: &[&GroupName],
    holder: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    for at in 0..seats.len() {
        if seen[at] || !people[person].contains(seats[at]) {
            continue;
        }
        seen[at] = true;
        let free = match holder[at] {
            None => true,
            Some(other) => seat(other, people, seats, holder, seen),
        };
        if free {
            holder[at] = Some(person);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn groups(names: &[&str]) -> BTreeSet<GroupName> {
        names.iter().map(|n| GroupName::new(*n)).collect()
    }

    fn step(from: &[&str], quorum: Quorum) -> Step {
        Step {
            from: from.iter().map(|n| GroupName::new(*n)).collect(),
            quorum,
        }
    }

    #[test]
    fn any_counts_people_and_not_their_groups() {
        let two = step(&["dba", "lead"], Quorum::Any(2));
        let both = groups(&["dba", "lead"]);
        assert!(
            !two.is_met_by([&both]),
            "one person in two groups is one person"
        );
        assert!(two.is_met_by([&both, &groups(&["lead"])]));
    }

    #[test]
    fn all_needs_a_person_of_each_group_and_finds_the_assignment() {
        let each = step(&["dba", "lead"], Quorum::All(1));
        let both = groups(&["dba", "lead"]);
        assert!(!each.is_met_by([&both]), "one person stands for one group");
        assert!(!each.is_met_by([&groups(&["dba"]), &groups(&["dba"])]));
        assert!(
            each.is_met_by([&both, &groups(&["dba"])]),
            "the first moves to the other seat"
        );
    }

    #[test]
    fn strangers_do_not_count() {
        assert!(!step(&["dba"], Quorum::Any(1)).is_met_by([&groups(&["web"])]));
    }
}
