//! What a digest tells its reader: facts as they were found, each section with the first few and
//! the count of all.

use chrono::{DateTime, Utc};

use super::{Access, RequestId};

/// A digest for one reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// Its name in the policy.
    pub name: String,
    /// The time that it tells of: from the end of the one before to this one.
    pub from: DateTime<Utc>,
    /// The end of that time.
    pub until: DateTime<Utc>,
    /// How far it looks ahead.
    pub ahead: DateTime<Utc>,
    /// Where it goes.
    pub to: Audience,
    /// What it tells.
    pub news: News,
}

/// Who reads a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// One person.
    Person,
    /// A channel: people are named in it and not mentioned, so that nobody is called.
    Channel,
}

/// Everything that a digest may tell. A section without anything is not shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Requests that wait for approvers: since they were asked, until they expire.
    pub waiting: Few<Item>,
    /// Break-glass requests that nobody has looked at: since they were approved, until that was due.
    pub overdue: Few<Item>,
    /// Removals that are under way and keep failing: since they should have been gone.
    pub stuck: Few<Item>,
    /// Removals that were late: from when they should have been gone, until they were.
    pub late: Few<Item>,
    /// Removals that somebody answers for, which no target has verified: from when they should have
    /// been gone, until somebody said that they were.
    pub resolved: Few<Item>,
    /// Grants that end within the time ahead, the first to end first: since the target first held
    /// them, until they end.
    pub ending: Few<Item>,
    /// Who holds what: since the target first held it, until it ends.
    pub held: Few<Item>,
    /// The longest of those, extensions counted in, the longest first. Empty where none stands out.
    pub longest: Few<Item>,
    /// Grants with a login of their own to which nobody ever took the secret: since the target first
    /// held them, until they ended or end.
    pub unused: Few<Item>,
    /// What was decided.
    pub counts: Counts,
    /// Changes of the policy, the last first.
    pub policies: Few<PolicyChange>,
}

/// The first few of something, and how many there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Few<T> {
    /// The first.
    pub first: Vec<T>,
    /// All of them, those included.
    pub total: usize,
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self {
            first: Vec::new(),
            total: 0,
        }
    }
}

impl<T> Few<T> {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }
}

/// A request, or its grant, in a section of a digest. What its two times mean, the section says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The request.
    pub request: RequestId,
    /// Its number for people.
    pub number: i64,
    /// Who, what and in which role.
    pub access: Access,
    /// The first time.
    pub since: DateTime<Utc>,
    /// The second time; none where it is not known yet.
    pub until: Option<DateTime<Utc>>,
    /// The address of its card, where that could be found out.
    pub link: Option<String>,
}

/// What was decided within a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Approved by people.
    pub granted: u64,
    /// Denied by people, or by a later policy.
    pub denied: u64,
    /// Approved by a rule.
    pub automatic: u64,
    /// Taken in an emergency.
    pub break_glass: u64,
    /// Expired with nobody deciding.
    pub expired: u64,
}

/// Another policy decides since then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyChange {
    /// Since when.
    pub at: DateTime<Utc>,
    /// Its hash.
    pub to: String,
}

impl News {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        let items = [
            &self.waiting,
            &self.overdue,
            &self.stuck,
            &self.late,
            &self.resolved,
            &self.ending,
            &self.held,
            &self.longest,
            &self.unused,
        ];
        items.into_iter().all(Few::is_empty)
            && self.counts == Counts::default()
            && self.policies.is_empty()
    }
}
