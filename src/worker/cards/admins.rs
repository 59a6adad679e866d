//! What the people who run the bot are told: that a removal keeps failing, once, and that it went
//! after all.

use super::{Telltale, Trouble};
use crate::domain::{Event, GrantState, Request};
use crate::slack::view::text;
use crate::store::ledger::Entry;

impl Telltale<'_> {
    /// Says in the admins' channel what is stuck and what is so no more, each under a key of its
    /// own. It comes before all that needs the card, which may be what cannot be written.
    pub(super) async fn tell_admins(&self) -> Result<(), Trouble> {
        let said: Vec<(String, String)> =
            self.parts.iter().filter_map(|part| self.of(part)).collect();
        if said.is_empty() {
            return Ok(());
        }
        let link = self.card_link().await;
        let link = link.and_then(|link| text::link(&link, text::dm::SEE_CARD));
        for (key, words) in said {
            let words = match &link {
                Some(link) => format!("{words}\n{link}"),
                None => words,
            };
            self.worker.engine.tell_admins(&key, &words).await?;
        }
        Ok(())
    }

    /// What is to be said of a part, and under which key.
    fn of(&self, part: &Request) -> Option<(String, String)> {
        match &part.grant()?.state {
            GrantState::Revoking {
                since,
                failing: Some(failing),
                ..
            } => {
                let words = text::stuck::failing(part, *since, failing, &self.faces);
                Some((format!("stuck:{}", part.id), words))
            }
            GrantState::Revoked { .. } => {
                let (lag, covered) = self.went_after_all(part)?;
                let words = text::stuck::gone(part, lag, covered, &self.faces);
                Some((format!("unstuck:{}", part.id), words))
            }
            _ => None,
        }
    }

    /// How late a removal was that had kept failing; none where it never had, and where its end is
    /// no news.
    fn went_after_all(
        &self,
        part: &Request,
    ) -> Option<(i64, Option<chrono::DateTime<chrono::Utc>>)> {
        let of_part = |entry: &&Entry| entry.request == Some(part.id);
        let mut entries = self.entries.iter().filter(of_part);
        entries.find(|entry| matches!(entry.what, Event::RemovalFailing { .. }))?;
        entries.find_map(|entry| match &entry.what {
            Event::GrantRevoked {
                lag_seconds,
                covered_until,
                ..
            } if self.telling.story_seq < entry.seq => Some((*lag_seconds, *covered_until)),
            _ => None,
        })
    }
}
