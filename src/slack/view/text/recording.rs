//! What a card shows from a click until what came of it is true.

use super::super::Faces;
use crate::domain::{Command, PersonId};

/// That the act of that person is being recorded; none for acts that show at once what they led to.
pub fn recording(command: &Command, faces: &Faces) -> Option<String> {
    let (by, act) = act(command)?;
    Some(format!("⏳ Recording {}'s {act}…", faces.name(by)))
}

/// Who acts, whose name has to be known for it.
pub fn actor(command: &Command) -> Option<PersonId> {
    act(command).map(|(by, _)| by)
}

fn act(command: &Command) -> Option<(PersonId, &'static str)> {
    Some(match command {
        Command::Approve { by, .. } => (by.person, "approval"),
        Command::Deny { by, .. } => (by.person, "denial"),
        Command::Cancel { by } => (by.person, "withdrawal"),
        Command::Revoke { by, .. } => (by.person, "revocation"),
        Command::CompleteReview { by, .. } => (by.person, "review"),
        _ => return None,
    })
}
