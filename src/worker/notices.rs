//! Notices to the people who run the bot.

use chrono::TimeDelta;
use uuid::Uuid;

use super::Worker;
use super::deliver::Done;
use super::slack_trouble::again;
use crate::engine::EngineError;
use crate::slack::client::SlackFault;
use crate::slack::view::Content;
use crate::slack::view::text::trouble;
use crate::store::outbox::Claim;

/// How long until a notice is tried again that Slack did not take.
const AGAIN: TimeDelta = TimeDelta::minutes(1);
/// How often a notice is tried that Slack refuses until somebody changes something.
const ATTEMPTS: i32 = 60;

impl Worker {
    /// Posts a notice that still waits. One whose posting was not confirmed may be said twice, never
    /// not at all; one that Slack refuses for good is given up with a word in the log.
    pub(super) async fn post_notice(&self, claim: &Claim, id: Uuid) -> Result<Done, EngineError> {
        let Some(notice) = self.engine.store().waiting_notice(id).await? else {
            return self.settle_notice(claim).await;
        };
        let content = Content::line(&notice.text);
        match self.slack.post(&notice.channel, &content, None).await {
            Ok(_) => {}
            Err(SlackFault::Unreachable(code)) => {
                tracing::error!(code, notice.id = %notice.id, "a notice could not be posted");
            }
            // Somebody may still put it right, such as by inviting the bot; not for ever.
            Err(fault) if !fault.is_passing() && ATTEMPTS <= claim.tries() => {
                tracing::error!(%fault, notice.id = %notice.id, "a notice is given up");
                self.show_unknown(&fault, trouble::NOTICE).await?;
            }
            Err(fault @ SlackFault::RateLimited { .. }) => return Ok(again(&fault)),
            Err(fault) => {
                return Ok(Done::Again(fault.to_string(), Some(AGAIN)));
            }
        }
        let now = self.engine.now().await?;
        self.engine.store().notice_posted(id, now).await?;
        self.settle_notice(claim).await
    }

    async fn settle_notice(&self, claim: &Claim) -> Result<Done, EngineError> {
        self.engine.report(claim, &[]).await?;
        Ok(Done::Settled)
    }
}
