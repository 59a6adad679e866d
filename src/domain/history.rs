//! Looking back: what somebody looks for among the requests there ever were.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Member, PersonId};

/// What is looked for. Whatever is left out does not count, so an empty search finds everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// Requests that one of these asked for, or that were for one of them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub people: BTreeSet<PersonId>,
    /// The resource, in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The channel of the card, by each of these names: its id, and `#name`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channel: Vec<String>,
    /// Asked then or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<DateTime<Utc>>,
    /// Asked before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// What became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fate: Option<Fate>,
    /// The one with that number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
}

impl Search {
    /// Whether it finds only what is that human's own.
    pub fn is_own(&self, member: &Member) -> bool {
        !self.people.is_empty() && self.people.iter().all(|person| member.is(*person))
    }

    /// The same, for that human's own requests alone.
    #[must_use]
    pub fn only_of(self, member: &Member) -> Self {
        let own = member.also.iter().copied().chain([member.person]);
        Self {
            people: own.collect(),
            ..self
        }
    }
}

/// What became of a request, as people look for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It waits for approvers.
    Waiting,
    /// It was approved, whatever came after.
    Approved,
    /// An approver said no.
    Denied,
    /// The person who asked withdrew it.
    Cancelled,
    /// Nobody decided in time.
    Expired,
    /// A later policy does not allow it.
    Overruled,
    /// The access is there, or on its way.
    Active,
    /// The access is gone, or on its way out.
    Ended,
    /// Somebody took the access away.
    Revoked,
    /// The target refused.
    Failed,
    /// A rule approved it by itself.
    Automatic,
    /// It was given without asking anybody.
    BreakGlass,
}

impl Fate {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Waiting,
        Self::Approved,
        Self::Denied,
        Self::Cancelled,
        Self::Expired,
        Self::Overruled,
        Self::Active,
        Self::Ended,
        Self::Revoked,
        Self::Failed,
        Self::Automatic,
        Self::BreakGlass,
    ];

    /// The word for it, as it is typed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Overruled => "overruled",
            Self::Active => "active",
            Self::Ended => "ended",
            Self::Revoked => "revoked",
            Self::Failed => "failed",
            Self::Automatic => "automatic",
            Self::BreakGlass => "break-glass",
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
