//! How people are called in messages.

use std::collections::BTreeMap;

use super::escape;
use crate::domain::{Identity, Person, PersonId};

/// Most characters of a name that are shown.
const NAME: usize = 60;

/// What is known of how to show a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Face {
    /// Their Slack user id in the workspace that the message goes to, if they have one there.
    pub slack_user: Option<String>,
    /// Their name, not escaped.
    pub name: String,
}

impl Face {
    /// The face of a person, by their first Slack user.
    fn of(person: &Person) -> Self {
        let slack_user = person
            .identities
            .iter()
            .find_map(|identity| match identity {
                Identity::Slack { user, .. } => Some(user.clone()),
                Identity::Email(_) => None,
            });
        Self {
            slack_user,
            name: person.name.clone(),
        }
    }
}

/// The faces of everybody whom a message may name. Reading them is the caller's work; a face that
/// is missing is shown as “somebody” and never stops a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faces(pub BTreeMap<PersonId, Face>);

impl Faces {
    /// The faces of these people.
    pub fn of<'a>(people: impl IntoIterator<Item = &'a Person>) -> Self {
        people
            .into_iter()
            .map(|person| (person.id, Face::of(person)))
            .collect()
    }

    /// The person in mrkdwn: a mention, or the escaped name where no mention is possible.
    pub fn mention(&self, person: PersonId) -> String {
        match self.0.get(&person) {
            Some(Face {
                slack_user: Some(user),
                ..
            }) if is_user_id(user) => format!("<@{user}>"),
            _ => self.name(person),
        }
    }

    /// The person's escaped name, for places that must not ping anybody.
    pub fn name(&self, person: PersonId) -> String {
        let name = self
            .0
            .get(&person)
            .map(|face| escape::inline(&face.name, NAME));
        name.filter(|name| !name.is_empty())
            .unwrap_or_else(|| "somebody".to_owned())
    }
}

impl FromIterator<(PersonId, Face)> for Faces {
    fn from_iter<T: IntoIterator<Item = (PersonId, Face)>>(faces: T) -> Self {
        Self(faces.into_iter().collect())
    }
}

/// Whether it is what Slack calls a user, so that nothing else can stand inside a mention.
fn is_user_id(text: &str) -> bool {
    text.starts_with(['U', 'W'])
        && text.len() <= 32
        && text
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}
