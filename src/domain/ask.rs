//! What a person asks for, and what policy answers.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{GroupName, Person, PersonId, Refusal, RequestId, Span, Step, Terms};

/// A wish for access, before policy has seen it: names are as the person wrote them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Who asks, and is to hold the access.
    pub person: Person,
    /// The resource as it was written.
    pub resource: String,
    /// The role as it was written; none where the resource has just one or a default.
    pub role: Option<String>,
    /// For how long.
    pub duration: Span,
    /// Why, in the person's words; empty when nothing was said.
    pub reason: String,
    /// The request whose access this one prolongs without a gap.
    pub extends: Option<RequestId>,
}

/// What policy answers to an ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The request may be made, on these terms.
    Terms(Box<Terms>),
    /// It may not, and why.
    Refused(Refusal),
}

/// Who stood behind each group of the terms when the request was made, read from the directory.
/// It is shown on the card and checked before asking anybody; it never decides: at a click the
/// approver's groups are read again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// The people of each group, people who cannot decide (guests, bots, deactivated) left out.
    pub groups: BTreeMap<GroupName, BTreeSet<PersonId>>,
    /// For groups that are read outside the policy: how many seconds before the request was made
    /// that was. A short while ago is good enough to show; a click reads again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ages: BTreeMap<GroupName, u64>,
}

impl Roster {
    /// When a group was read, for a request that was made then; none for a group that the policy
    /// lists itself.
    pub fn read_at(&self, group: &GroupName, requested: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let age = i64::try_from(*self.ages.get(group)?).ok()?;
        requested.checked_sub_signed(TimeDelta::try_seconds(age)?)
    }

    /// The people who may approve that step for that requester: all in its groups but the requester.
    pub fn eligible(&self, step: &Step, requester: PersonId) -> BTreeSet<PersonId> {
        step.from
            .iter()
            .filter_map(|group| self.groups.get(group))
            .flatten()
            .copied()
            .filter(|person| *person != requester)
            .collect()
    }

    /// Whether the step can be finished at all by these people, or why not.
    pub fn check(&self, step: &Step, requester: PersonId) -> Result<(), Refusal> {
        let eligible = self.eligible(step, requester);
        let groups_of = |person: PersonId| -> BTreeSet<GroupName> {
            let held = self
                .groups
                .iter()
                .filter(|(_, people)| people.contains(&person));
            held.map(|(group, _)| group.clone()).collect()
        };
        let sets: Vec<_> = eligible.iter().map(|person| groups_of(*person)).collect();
        if step.is_met_by(&sets) {
            return Ok(());
        }
        Err(Refusal::TooFewApprovers {
            from: step.from.clone(),
            needed: step.quorum.people(step.from.len()),
            eligible: eligible.len(),
        })
    }
}
