//! Which channel a name means.
//!
//! A message may be posted to a channel by its name and to a person by their user id, and is answered by
//! its thread under the id of the conversation: Slack counts all of them together, so we do as well.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Call, Client, Posted, SlackFault, wire};
use crate::slack::limiter::Key;

pub(super) const POST: &str = "chat.postMessage";
/// How many names are remembered.
const KEPT: usize = 10_000;

/// Where messages to a name were put.
#[derive(Default)]
pub(super) struct Places(Mutex<HashMap<String, String>>);

impl Places {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id of the conversation, where it is known; otherwise what it is called.
    pub(super) fn of(&self, called: &str) -> String {
        let known = self.lock();
        known.get(called).map_or(called, String::as_str).to_owned()
    }

    /// Remembers where a message was put.
    pub(super) fn learn(&self, called: &str, id: &str) {
        let mut known = self.lock();
        if KEPT <= known.len() {
            known.clear();
        }
        known.insert(called.to_owned(), id.to_owned());
    }
}

impl Client {
    /// Posts, and remembers which channel was meant.
    pub(super) async fn posted(&self, call: Call<'_>) -> Result<Posted, SlackFault> {
        let called = call.channel.unwrap_or_default();
        let counted = self.inner.places.of(called);
        let answer: wire::PostedAnswer = self.call(call).await?;
        let posted = answer.into_posted();
        let posted = posted.ok_or_else(|| SlackFault::Ambiguous("no timestamp".into()))?;
        if counted != posted.channel {
            self.inner.places.learn(called, &posted.channel);
            self.count_in(&posted.channel);
        }
        Ok(posted)
    }

    /// Counts a message in its channel that was counted under a name of it.
    fn count_in(&self, channel: &str) {
        self.inner.limiter.taken_elsewhere(&Key {
            method: POST,
            channel: Some(channel.to_owned()),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_where_the_last_message_was_put() {
        let places = Places::default();
        assert_eq!(places.of("#access"), "#access");
        places.learn("#access", "C1");
        assert_eq!(
            (places.of("#access"), places.of("C1")),
            ("C1".into(), "C1".into())
        );
        places.learn("#access", "C2");
        assert_eq!(
            places.of("#access"),
            "C2",
            "another channel has the name now"
        );
        for number in 0..2 * KEPT {
            places.learn(&format!("U{number}"), "D1");
        }
        assert!(places.lock().len() <= KEPT);
    }
}
