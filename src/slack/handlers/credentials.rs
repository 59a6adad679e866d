//! The holder's password: set afresh at this click, shown in a modal to them alone, kept nowhere.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::super::payload::Click;
use super::super::view::{Faces, modal, reply, text};
use super::click::not_opened;
use super::{Handlers, No, Said, words};
use crate::domain::{Actor, Command, Origin, Refusal, RequestId};
use crate::engine::Cause;

/// How long a target may take to set a password.
const PATIENCE: Duration = Duration::from_secs(20);

impl Handlers {
    /// Opens a modal at once, while the trigger lives, and then shows in it the password, or why
    /// there is none.
    pub(super) async fn credentials(&self, click: &Click) -> Result<Said, No> {
        let Some(id) = RequestId::parse(&click.value) else {
            return Ok(Said::Words(reply::unknown_click()));
        };
        let reference = click.reference();
        let wait = modal::notice(words::PASSWORD_TITLE, words::PASSWORD_COMES);
        let view = match self.client.open_view(&click.trigger, &wait).await {
            Ok(view) => view,
            Err(fault) => return Ok(Said::Words(not_opened(&fault, &reference))),
        };
        let shown = match self.password(id, &click.by.user, &reference).await {
            Ok(view) => view,
            Err(No::Refusal(refusal)) => modal::notice(
                words::PASSWORD_TITLE,
                &reply::refusal(&refusal, &Faces::default()),
            ),
            Err(No::Say(words)) => return Ok(Said::Words(words)),
            Err(No::Store(fault)) => {
                tracing::error!(
                    reference,
                    error = &fault as &dyn std::error::Error,
                    "no password was set"
                );
                modal::notice(words::PASSWORD_TITLE, &text::trouble::failed(&reference))
            }
        };
        match self.client.update_view(&view, &shown).await {
            Ok(()) => Ok(Said::Nothing),
            // The modal was closed meanwhile, or the secret did not arrive: a new one replaces it.
            Err(fault) => {
                tracing::info!(reference, %fault, "a password may not have been seen");
                Ok(Said::Words(words::too_slow(&reference)))
            }
        }
    }

    /// The modal with a fresh password, for the holder of an active grant.
    async fn password(
        &self,
        id: RequestId,
        user: &str,
        reference: &str,
    ) -> Result<serde_json::Value, No> {
        let by = self.holder(user).await?;
        // On record before it is shown: who was let in, and when, never the secret.
        let actor = Actor::Person {
            person: by.person,
            origin: Origin::Slack,
        };
        let cause = Cause {
            actor,
            delivery: None,
            asked_again: None,
            seen: None,
        };
        let command = Command::ShowCredentials { by };
        let request = self.engine.execute(id, command, cause).await?;
        let until = request.grant().and_then(|grant| grant.state.wanted_until());
        let until = until.ok_or(Refusal::NotActive { outcome: None })?;
        let access = request.access.clone();
        let setting = (self.credentials)(access, request.terms.target.clone());
        let set = tokio::time::timeout(PATIENCE, setting).await;
        Ok(match set {
            Ok(Ok(shown)) => {
                metrics::counter!("jit_credentials_shown_total").increment(1);
                modal::credentials(&shown.facts, shown.password.expose_secret(), until)
            }
            Ok(Err(fault)) => no_password(id, &fault.to_string(), reference),
            Err(_) => no_password(id, words::TARGET_SILENT, reference),
        })
    }
}

/// Says why there is none; the log has all of it.
fn no_password(id: RequestId, why: &str, reference: &str) -> serde_json::Value {
    tracing::warn!(request.id = %id, reference, why, "no password was set");
    modal::notice(words::PASSWORD_TITLE, &words::no_password(why, reference))
}
