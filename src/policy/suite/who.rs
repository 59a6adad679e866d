//! Who is meant: an e-mail address, a Slack user id, or a name of the policy's `people`.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::{Identity, Person, PersonId};
use crate::policy::{Alias, Entry, Policy, suggest};

/// The workspace of Slack ids where no workspace is connected.
const TEAM: &str = "T0";

/// A word that means nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "“{said}” is nobody: neither an e-mail address, nor a Slack user id, nor a name of `people`"
)]
pub struct Nobody {
    /// The word.
    pub said: String,
    /// What to write instead.
    pub hint: String,
}

/// The person who is meant, with everything that the policy says they are called. An address or
/// Slack id that the policy does not know is a person as well.
///
/// # Errors
/// When the word has no such form, and is no name of the policy's `people`.
pub fn person(policy: &Policy, said: &str) -> Result<Person, Nobody> {
    let said = said.trim();
    let Some((entries, name)) = human(policy, said) else {
        return Err(nobody(policy, said));
    };
    let key: Vec<String> = entries.iter().map(ToString::to_string).collect();
    Ok(Person {
        id: PersonId::from_uuid(Uuid::new_v5(
            &Uuid::NAMESPACE_OID,
            key.join("\n").as_bytes(),
        )),
        name,
        identities: entries.iter().map(identity).collect(),
    })
}

/// Everything somebody is called, and the name for people to read.
pub(super) fn human(policy: &Policy, said: &str) -> Option<(BTreeSet<Entry>, String)> {
    let named = |alias: &Alias| (alias.entries.clone(), alias.name.to_string());
    let Some(entry) = Entry::read(said) else {
        let mut aliases = policy.aliases();
        return aliases.find(|alias| alias.name.as_str() == said).map(named);
    };
    let alias = policy.alias_of(&identity(&entry));
    Some(match &alias {
        Some(alias) => named(alias),
        None => (BTreeSet::from([entry.clone()]), entry.to_string()),
    })
}

fn identity(entry: &Entry) -> Identity {
    match entry {
        Entry::Email(address) => Identity::email(address),
        Entry::SlackUser(user) => Identity::slack(TEAM, user),
    }
}

/// Everything a person is called by the policy.
pub(super) fn entries(policy: &Policy, person: &Person) -> BTreeSet<Entry> {
    let mut entries: BTreeSet<Entry> = person.identities.iter().map(Entry::of).collect();
    for identity in &person.identities {
        entries.extend(
            policy
                .alias_of(identity)
                .into_iter()
                .flat_map(|alias| alias.entries),
        );
    }
    entries
}

/// The name that people read: the one of `people`, else how the policy writes them.
pub(super) fn name(policy: &Policy, entries: &BTreeSet<Entry>) -> String {
    let alias = entries
        .iter()
        .find_map(|entry| policy.alias_of(&identity(entry)));
    let written = || entries.first().map(ToString::to_string);
    let name = alias.map(|alias| alias.name.to_string());
    name.or_else(written).unwrap_or_default()
}

fn nobody(policy: &Policy, said: &str) -> Nobody {
    let aliases: Vec<&str> = policy.aliases().map(|alias| alias.name.as_str()).collect();
    let written: Vec<String> = (policy.aliases())
        .flat_map(|alias| alias.entries.iter().map(ToString::to_string))
        .collect();
    let words = aliases
        .into_iter()
        .chain(written.iter().map(String::as_str));
    Nobody {
        said: said.to_owned(),
        hint: suggest::hint(
            said,
            words,
            "write an e-mail address, or a Slack user id (U…)",
        ),
    }
}
