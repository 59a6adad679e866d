//! Who people are. A person is a canonical id of ours; what other systems call them are identities.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::GroupName;

/// The canonical id of a person: decisions compare these, never e-mail strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonId(Uuid);

impl PersonId {
    /// Wraps the id of a row of ours.
    pub fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// The id as it is stored.
    pub fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What another system calls a person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// A Slack user of one workspace.
    Slack {
        /// The workspace's id (`T…`).
        team: String,
        /// The user's id (`U…` or `W…`).
        user: String,
    },
    /// An e-mail address, trimmed and in lower case. Only confirmed addresses become identities.
    Email(String),
}

impl Identity {
    /// An e-mail identity; white space around it and upper case do not make another person.
    pub fn email(address: &str) -> Self {
        Self::Email(address.trim().to_lowercase())
    }

    /// A Slack identity.
    pub fn slack(team: impl Into<String>, user: impl Into<String>) -> Self {
        Self::Slack {
            team: team.into(),
            user: user.into(),
        }
    }
}

/// A person with all that is known of who they are elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The canonical id.
    pub id: PersonId,
    /// How they are called where no mention is possible (command line, export).
    pub name: String,
    /// Every identity linked to this person, aliases of the policy included.
    pub identities: BTreeSet<Identity>,
}

impl Person {
    /// The person's Slack user id in that workspace, if one is linked.
    pub fn slack_user(&self, in_team: &str) -> Option<&str> {
        self.identities.iter().find_map(|identity| match identity {
            Identity::Slack { team, user } if team == in_team => Some(user.as_str()),
            _ => None,
        })
    }
}

/// A person as they act right now: who they are, and the groups they are in, read afresh for this
/// act. Having one is the proof that the reading succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The canonical id.
    pub person: PersonId,
    /// Other rows of ours that policy's `people` says are the same human. Rows can be older than
    /// the alias that joins them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub also: BTreeSet<PersonId>,
    /// The groups (and the `people` entry) that the person belongs to.
    pub groups: BTreeSet<GroupName>,
}

impl Member {
    /// Whether this member and that row are the same human.
    pub fn is(&self, person: PersonId) -> bool {
        self.person == person || self.also.contains(&person)
    }
}
