//! Managers, as a custom field of Slack profiles names them.
//!
//! Whoever may fill the field says who approves: it has to be one that people cannot edit
//! themselves, such as one that is kept by the directory of the company.

use std::collections::BTreeSet;

use super::sources::SourceFault;
use crate::policy::Entry;
use crate::slack::client::Client;

/// Whom the field of a user's profile names; nobody where it is empty.
pub(super) async fn read(
    client: &Client,
    user: &str,
    field: &str,
) -> Result<BTreeSet<Entry>, SourceFault> {
    let value = client.profile_field(user, field).await?;
    people(&value.unwrap_or_default())
}

/// A field of people holds user ids, with commas where there are several.
fn people(value: &str) -> Result<BTreeSet<Entry>, SourceFault> {
    let words = value.split(',').map(str::trim);
    let entries = words.filter(|word| !word.is_empty()).map(Entry::read);
    entries
        .map(|entry| entry.ok_or(SourceFault::NoPerson))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_names_people_and_nothing_else() {
        let lee = Entry::SlackUser("U0LEE".into());
        let bob = Entry::SlackUser("U0BOB".into());
        assert_eq!(people(""), Ok(BTreeSet::new()));
        assert_eq!(people("U0LEE"), Ok(BTreeSet::from([lee.clone()])));
        assert_eq!(people("U0LEE, U0BOB"), Ok(BTreeSet::from([lee, bob])));
        assert_eq!(people("Lee Larsen"), Err(SourceFault::NoPerson));
    }
}
