//! What a person asks for, and what policy answers.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    GroupName, Person, PersonId, Refusal, RequestId, ResourceName, RoleName, RuleName, Span,
    Standing, Step, Terms,
};

/// A wish for access, before policy has seen it: names are as the person wrote them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Who is to hold the access.
    pub person: Person,
    /// What the directory says of them.
    pub standing: Standing,
    /// Who asks for them, where that is somebody else.
    pub asker: Option<Asker>,
    /// The resource as it was written.
    pub resource: String,
    /// The role as it was written; none where the resource has just one or a default.
    pub role: Option<String>,
    /// For how long; none for what the rule has as its default.
    pub duration: Option<Span>,
    /// Why, in the person's words; empty when nothing was said.
    pub reason: String,
    /// When it is to begin; none for at once.
    pub start: Option<DateTime<Utc>>,
    /// Whether it is a break-glass request: now, and looked at afterwards.
    pub break_glass: bool,
    /// The request whose access this one prolongs without a gap.
    pub extends: Option<RequestId>,
    /// Whether this is a request that was taken in before and is looked at again: what was required
    /// of its start then is not required once more.
    pub taken_in: bool,
}

/// Somebody who asks for somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Who.
    pub person: Person,
    /// What the directory says of them.
    pub standing: Standing,
}

impl Ask {
    /// The plainest wish: that person, that resource, now, for the rule's default time.
    pub fn of(person: Person, resource: impl Into<String>) -> Self {
        Self {
            person,
            standing: Standing::default(),
            asker: None,
            resource: resource.into(),
            role: None,
            duration: None,
            reason: String::new(),
            start: None,
            break_glass: false,
            extends: None,
            taken_in: false,
        }
    }

    /// Who made the request.
    pub fn requester(&self) -> PersonId {
        self.asker
            .as_ref()
            .map_or(self.person.id, |asker| asker.person.id)
    }

    /// The holder and the asker: neither of them may approve.
    pub fn own(&self) -> Vec<PersonId> {
        let asker = self.asker.iter().map(|asker| asker.person.id);
        std::iter::once(self.person.id).chain(asker).collect()
    }
}

/// What policy looks at besides the ask: the time, and what was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circumstances {
    /// Now.
    pub now: DateTime<Utc>,
    /// The holder's earlier requests, newest first.
    pub past: Vec<Past>,
    /// What the request would prolong, for an extension.
    pub chain: Option<Chain>,
}

impl Circumstances {
    /// That moment, with nothing before it.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self {
            now,
            past: Vec::new(),
            chain: None,
        }
    }
}

/// An earlier request, as far as policy may look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// On what.
    pub resource: ResourceName,
    /// In which role.
    pub role: RoleName,
    /// By which rule.
    pub rule: RuleName,
    /// What became of it: `pending`, `approved`, `denied`, `cancelled`, `expired` or `overruled`.
    pub outcome: &'static str,
    /// Whether its rule approved by itself.
    pub automatic: bool,
    /// Whether it was a break-glass request.
    pub break_glass: bool,
    /// When it was asked.
    pub asked_at: DateTime<Utc>,
    /// For how long.
    pub duration: Span,
}

/// Requests that prolong one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// How many extensions there are already.
    pub extensions: u32,
    /// From when the first of them held the access.
    pub since: DateTime<Utc>,
    /// The present end.
    pub until: DateTime<Utc>,
}

/// What policy answers to an ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The request may be made, on these terms.
    Terms(Box<Terms>),
    /// It may not, and why.
    Refused(Refusal),
}

/// Who stood behind each group of the terms when the request was made, or when a later policy asked
/// more, read from the directory.
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
    /// Where people are, by the names of time zones. Read with them, and kept nowhere: what follows
    /// from it is in `quiet`.
    #[serde(skip)]
    pub zones: BTreeMap<PersonId, String>,
    /// Where the rule has quiet hours: when they are for each person whose zone is known, on the clock
    /// of that person, for the life of the request. Then nobody calls for them; who decides is
    /// something else.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quiet: BTreeMap<PersonId, Vec<Stretch>>,
}

/// A stretch of time: its beginning, and the first moment after it.
pub type Stretch = (DateTime<Utc>, DateTime<Utc>);

impl Roster {
    /// When a group was read, for a request that was made then; none for a group that the policy
    /// lists itself.
    pub fn read_at(&self, group: &GroupName, requested: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let age = i64::try_from(*self.ages.get(group)?).ok()?;
        requested.checked_sub_signed(TimeDelta::try_seconds(age)?)
    }

    /// When each group was read that the policy does not list itself, for a request that was made
    /// then.
    pub fn readings(&self, requested: DateTime<Utc>) -> Vec<(GroupName, DateTime<Utc>)> {
        let groups = self.ages.keys();
        groups
            .filter_map(|group| Some((group.clone(), self.read_at(group, requested)?)))
            .collect()
    }

    /// Whether it is quiet for a person at that moment, on their own clock; none where that is not
    /// known.
    pub fn is_quiet_for(&self, person: PersonId, at: DateTime<Utc>) -> Option<bool> {
        let mut windows = self.quiet.get(&person)?.iter();
        Some(windows.any(|(from, until)| *from <= at && at < *until))
    }

    /// The people of these groups, besides the holder and the asker.
    pub fn people<'a>(
        &self,
        groups: impl IntoIterator<Item = &'a GroupName>,
        own: &[PersonId],
    ) -> BTreeSet<PersonId> {
        groups
            .into_iter()
            .filter_map(|group| self.groups.get(group))
            .flatten()
            .copied()
            .filter(|person| !own.contains(person))
            .collect()
    }

    /// The people who may approve that step: all in its groups but the holder and the asker.
    pub fn eligible(&self, step: &Step, own: &[PersonId]) -> BTreeSet<PersonId> {
        self.people(&step.from, own)
    }
}
