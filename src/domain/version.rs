//! What somebody looked at when they decided.

use sha2::{Digest, Sha256};

use super::{Request, RequestState};

/// What of requests a decision rests on, as a short text: which step is asked, for how long, and on
/// which terms. Who looked at another version has not seen what they would decide on.
pub fn version<'a>(parts: impl IntoIterator<Item = &'a Request>) -> String {
    let mut parts: Vec<&Request> = parts.into_iter().collect();
    parts.sort_by_key(|part| part.id);
    let mut hash = Sha256::new();
    for part in parts {
        let step = match &part.state {
            RequestState::Pending { step, .. } => i64::try_from(*step).unwrap_or(i64::MAX),
            _ => -1,
        };
        hash.update(part.id.as_uuid().as_bytes());
        hash.update(step.to_be_bytes());
        hash.update(part.granted().seconds().to_be_bytes());
        hash.update(part.terms.tightened_by.as_deref().unwrap_or("-"));
    }
    hex::encode(hash.finalize())[..16].to_owned()
}
