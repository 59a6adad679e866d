//! What the directory says of a person just now, as far as policy may look at it.

use std::collections::BTreeSet;

use super::GroupName;

/// The word that stands where a group may, and means the manager of whoever is to hold the access.
pub const MANAGER: &str = "manager";
/// The word that stands where a group may, and means the owner of the resource.
pub const OWNER: &str = "owner";

/// What is known of somebody who asks, beside their identities. Read when they ask, and again when
/// a start that lies ahead has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The groups with a source of their own (user groups, on-call, …) that the person is in.
    pub groups: BTreeSet<GroupName>,
    /// Such groups of which nobody could say who is in them.
    pub unreadable: BTreeSet<GroupName>,
    /// Whether they are a guest of the workspace.
    pub guest: bool,
    /// Their time zone as an IANA name, if they have told the workspace.
    pub timezone: Option<String>,
}

impl GroupName {
    /// Whether this is the word for the holder's manager rather than the name of a group.
    pub fn is_manager(&self) -> bool {
        self.as_str() == MANAGER
    }
}
