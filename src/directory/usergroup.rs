//! User groups of the Slack workspace.

use std::collections::BTreeSet;

use super::sources::SourceFault;
use crate::policy::Entry;
use crate::slack::client::Client;

/// The members of a user group. One that is switched off, or is not there, has none.
pub(super) async fn read(client: &Client, id: &str) -> Result<BTreeSet<Entry>, SourceFault> {
    let members = client.usergroup_members(id).await?;
    if members.is_none() {
        tracing::warn!(
            slack.usergroup = id,
            "the policy names a user group that is not there"
        );
    }
    let members = members.unwrap_or_default().into_iter();
    Ok(members.map(Entry::SlackUser).collect())
}
