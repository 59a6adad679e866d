//! Dialogs that were sent off.

use super::super::payload::Submission;
use super::super::view::home::ids as home;
use super::super::view::ids;
use super::super::view::modal::Meta;
use super::click::Act;
use super::recording::Copy;
use super::{Handlers, No, Said, review};
use crate::domain::{Command, Refusal, Request};
use crate::engine::Cause;

impl Handlers {
    /// Carries out what a dialog asks for. What it carried along names the request and proves
    /// nothing: who sends it is read now.
    pub(super) async fn dialog(&self, key: &str, submission: &Submission) -> Result<Said, No> {
        let view = &submission.view;
        if view.callback_id == home::RESOLVED {
            return self.home_dialog(key, submission).await;
        }
        if !DECIDING.contains(&view.callback_id.as_str()) {
            return Ok(Said::Nothing);
        }
        let meta = Meta::read(&view.private_metadata).ok_or(Refusal::NoSuchRequest)?;
        let request = self.engine.store().request(meta.request).await?;
        let request: Request = request.ok_or(Refusal::NoSuchRequest)?;
        if view.callback_id == ids::REVIEWED {
            self.not_stale(&meta, &request).await?;
        }
        let act = match view.callback_id.as_str() {
            ids::DENY_REASON | ids::REVIEWED => Act::Decide,
            ids::REVOKE_REASON => Act::Revoke,
            _ => Act::Review,
        };
        let user = submission.by.user.as_str();
        let why = view.value(ids::WHY_BLOCK, ids::WHY_INPUT);
        let why = why.unwrap_or_default().trim().to_owned();
        let command = |by| match view.callback_id.as_str() {
            ids::DENY_REASON => Command::Deny {
                by,
                why: why.clone(),
            },
            ids::REVOKE_REASON => Command::Revoke {
                by,
                why: why.clone(),
            },
            ids::REVIEWED => review::approval(by, why.clone(), view),
            found => Command::CompleteReview {
                by,
                justified: found == ids::JUSTIFIED_NOTE,
                note: why.clone(),
            },
        };
        let known = self.known_member(act, user, &request).await?;
        let deciding = async {
            if view.callback_id == ids::REVIEWED {
                let (by, mut cause) = self.decider(key, user, &request).await?;
                cause.seen.clone_from(&meta.version);
                return Ok((command(by), cause));
            }
            let by = self.member_for(act, user, &request).await?;
            let cause = Cause::slack(by.person, key);
            Ok((command(by), cause))
        };
        let copy = Copy::at(meta.channel.as_deref(), meta.ts.as_deref());
        let (likely, deciding) = (known.map(&command), Box::pin(deciding));
        Box::pin(self.record_meanwhile(copy, &request, likely, deciding)).await?;
        // The card tells it.
        Ok(Said::Nothing)
    }
}

/// The dialogs that ask for something to be done.
const DECIDING: [&str; 5] = [
    ids::DENY_REASON,
    ids::REVOKE_REASON,
    ids::REVIEWED,
    ids::JUSTIFIED_NOTE,
    ids::UNJUSTIFIED_NOTE,
];
