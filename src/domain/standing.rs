//! What the directory says of a person just now, as far as policy may look at it.

use std::collections::BTreeSet;

use super::GroupName;

/// The word that stands where a group may, and means the manager of whoever is to hold the access.
pub const MANAGER: &str = "manager";
/// The word that stands where a group may, and means the owner of the resource.
pub const OWNER: &str = "owner";

/// What is known of a person beyond the policy itself, read at most a few minutes ago.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Groups that are read outside the policy and that the person is in.
    pub groups: BTreeSet<GroupName>,
    /// Groups of which nobody could be asked whether the person is in them. What cannot be read is
    /// never a yes.
    pub unreadable: BTreeSet<GroupName>,
    /// Whether they are a guest of the workspace.
    pub guest: bool,
    /// Their time zone by its IANA name, where they have set one.
    pub timezone: Option<String>,
}

impl GroupName {
    /// Whether this is the word for the holder's manager rather than the name of a group.
    pub fn is_manager(&self) -> bool {
        self.as_str() == MANAGER
    }
}
