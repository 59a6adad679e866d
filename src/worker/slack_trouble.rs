//! What becomes of an effect that Slack did not take. What passes is tried again for as long as it
//! takes, and what an admin has to mend too, aloud; anything else is tried a few times, and then it
//! is given up and shown. Where the app was uninstalled, it waits quietly for being installed again.

use std::time::Duration;

use chrono::TimeDelta;

use super::Worker;
use super::deliver::Done;
use crate::engine::EngineError;
use crate::slack::client::SlackFault;
use crate::slack::view::text::trouble;
use crate::store::StoreError;
use crate::store::outbox::Claim;

/// How often is tried what Slack answers with a code that we do not know. With the usual backoff
/// that is about a minute.
pub(super) const TRIES: i32 = 6;

/// The longest wait before Slack is asked again.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// What becomes of an effect that Slack did not take this time.
pub(super) fn again(fault: &SlackFault) -> Done {
    match (fault, wait_for(fault)) {
        (SlackFault::RateLimited { .. }, Some(wait)) => Done::Wait(fault.to_string(), wait),
        (_, wait) => Done::Again(fault.to_string(), wait),
    }
}

/// How long Slack itself asks to wait, or an app that was uninstalled is left alone; otherwise the
/// usual backoff decides.
pub(super) fn wait_for(fault: &SlackFault) -> Option<TimeDelta> {
    match fault {
        SlackFault::RateLimited { retry_after } => {
            TimeDelta::from_std((*retry_after).min(LONGEST_WAIT)).ok()
        }
        fault if fault.is_not_installed() => TimeDelta::from_std(LONGEST_WAIT).ok(),
        _ => None,
    }
}

impl Worker {
    /// Puts the effect off, or settles it where trying again is of no use. `about` is what it would
    /// have shown.
    pub(super) async fn try_again(
        &self,
        claim: &Claim,
        fault: &SlackFault,
        about: &str,
    ) -> Result<Done, EngineError> {
        let again = again(fault);
        let code = fault.code();
        let words = match fault {
            fault if fault.is_passing() || fault.is_not_installed() => return Ok(again),
            _ if claim.tries() < TRIES => return Ok(again),
            SlackFault::Admin(_) => trouble::admin_needed(code),
            SlackFault::Unknown(_) => trouble::unknown_code(code, about, TRIES),
            _ => trouble::gave_up(code, about),
        };
        self.show(code, &words).await?;
        if fault.is_worth_waiting() {
            return Ok(again);
        }
        metrics::counter!("jit_effects_given_up_total").increment(1);
        tracing::error!(stream = %claim.stream, code, "an effect is given up: Slack does not take it");
        self.engine.report(claim, &[]).await?;
        Ok(Done::Settled)
    }

    /// Says that something goes on without what Slack refused, where that was in words that nobody
    /// knows; whatever else it says has its own way of being seen. `about` is what it would have
    /// shown.
    pub(super) async fn show_unknown(
        &self,
        fault: &SlackFault,
        about: &str,
    ) -> Result<(), StoreError> {
        match fault {
            SlackFault::Unknown(code) => {
                let words = trouble::unknown_code(code, about, TRIES);
                self.show(code, &words).await
            }
            _ => Ok(()),
        }
    }

    /// Tells the people who run the bot what Slack answered in unknown words to anything else than what
    /// the worker shows: to a dialog, or to who is in a group. Once a day for each call and code.
    pub(super) async fn show_unheard(&self) -> Result<(), StoreError> {
        for (method, code) in self.slack.unheard() {
            let words = trouble::unheard(method, &code);
            self.show(&format!("{code} to {method}"), &words).await?;
        }
        Ok(())
    }

    /// Tells the people who run the bot, once a day for each code.
    async fn show(&self, code: &str, words: &str) -> Result<(), StoreError> {
        let day = self.engine.now().await?.date_naive();
        let key = format!("slack refused: {code} on {day}");
        self.engine.tell_admins(&key, words).await
    }
}
