//! Dialogs that were sent off.

use super::super::payload::Submission;
use super::super::view::ids;
use super::super::view::modal::Meta;
use super::click::Act;
use super::{Handlers, No, Said};
use crate::domain::{Command, Refusal, Request};
use crate::engine::Cause;

impl Handlers {
    /// Carries out what a dialog asks for. What it carried along names the request and proves
    /// nothing: who sends it is read now.
    pub(super) async fn dialog(&self, key: &str, submission: &Submission) -> Result<Said, No> {
        let view = &submission.view;
        let asks_why = [ids::DENY_REASON, ids::REVOKE_REASON].contains(&view.callback_id.as_str());
        if !asks_why {
            return Ok(Said::Nothing);
        }
        let meta = Meta::read(&view.private_metadata).ok_or(Refusal::NoSuchRequest)?;
        let request = self.engine.store().request(meta.request).await?;
        let request: Request = request.ok_or(Refusal::NoSuchRequest)?;
        let why = view.value(ids::WHY_BLOCK, ids::WHY_INPUT);
        let why = why.unwrap_or_default().trim().to_owned();
        let denies = view.callback_id == ids::DENY_REASON;
        let act = if denies { Act::Decide } else { Act::Revoke };
        let by = self.member_for(act, &submission.by.user, &request).await?;
        let cause = Cause::slack(by.person, key);
        let command = if denies {
            Command::Deny { by, why }
        } else {
            Command::Revoke { by, why }
        };
        self.engine.execute(request.id, command, cause).await?;
        // The card tells it.
        Ok(Said::Nothing)
    }
}
