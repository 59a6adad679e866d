//! App Home: opening it, turning its pages, and what admins do about removals that keep failing.

use std::collections::BTreeSet;

use serde_json::json;

use super::super::payload::{Click, Submission};
use super::super::view::home::{self as view, ids};
use super::super::view::modal::{self, Meta};
use super::super::view::text::home as words;
use super::super::view::{Content, ids as known, reply};
use super::{Handlers, No, Said};
use crate::directory::{About, DirectoryFault};
use crate::domain::{GroupName, Member, Refusal, Request, RequestId};
use crate::engine::Cause;

impl Handlers {
    /// Somebody opened their tab. Whom the bot does not serve is told so in it.
    pub(in crate::slack) async fn home_opened(&self, user: &str) {
        let policy = self.engine.policy();
        let opening = async {
            let by = self.directory.holder(&policy, user).await?;
            let team = self.directory.team().await?;
            Ok(self.engine.open_home((&team, user), by.person).await?)
        };
        match opening.await {
            Ok(()) => {}
            Err(DirectoryFault::Unfit(unfit)) => {
                let tab = view::unfit(&unfit.to_string());
                // What goes wrong here is logged by the client, and nobody waits for it.
                let _ = self.client.publish_home(user, &tab, None).await;
            }
            Err(fault) => {
                let error = &fault as &dyn std::error::Error;
                tracing::warn!(error, "an App Home tab could not be opened");
            }
        }
    }

    /// Carries out a click on what stands in the tab alone.
    pub(super) async fn home_click(&self, key: &str, click: &Click) -> Result<Said, No> {
        match click.action_id.as_str() {
            ids::BACK | ids::MORE => self.turn_page(click).await,
            ids::RETRY => self.retry_removal(key, click).await,
            ids::RESOLVE => self.ask_for_an_answer(click).await,
            _ => Ok(Said::Nothing),
        }
    }

    async fn turn_page(&self, click: &Click) -> Result<Said, No> {
        let Some((section, page)) = view::read_page(&click.value) else {
            return Ok(Said::Nothing);
        };
        let team = self.team().await?;
        let page = (section.key(), page);
        let turning = self.engine.turn_home_page((&team, &click.by.user), page);
        turning.await?;
        Ok(Said::Nothing)
    }

    async fn retry_removal(&self, key: &str, click: &Click) -> Result<Said, No> {
        let request = self.stuck(&click.value).await?;
        let by = self.admin(&click.by.user, &request).await?;
        let cause = Cause::slack(by.person, key);
        let request = self.engine.retry_removal(request.id, by, cause).await?;
        Ok(Said::Words(Content::line(&words::retried(&request))))
    }

    /// Opens the dialog in which an admin answers for a removal; spares others a dialog that would
    /// come to nothing.
    async fn ask_for_an_answer(&self, click: &Click) -> Result<Said, No> {
        let request = self.stuck(&click.value).await?;
        let admins = self.admins();
        let about = about(&admins, &request);
        if let Some(by) = self.glance_about(&about, &click.by.user, &request).await? {
            if !admins.iter().any(|group| by.groups.contains(group)) {
                return Err(Refusal::NotAnAdmin { needed: admins }.into());
            }
            if request.belongs_to(&by) {
                return Err(Refusal::OwnRemoval.into());
            }
        }
        let faces = self.faces_of(&request).await?;
        let meta = Meta {
            request: request.id,
            channel: None,
            ts: None,
            version: None,
        };
        let dialog = view::answer_for(&request, &faces, &meta);
        self.open(click, &dialog).await
    }

    /// Takes in that an admin answers for a removal. Who they are is read now.
    pub(super) async fn home_dialog(&self, key: &str, submission: &Submission) -> Result<Said, No> {
        let sent = &submission.view;
        let meta = Meta::read(&sent.private_metadata).ok_or(Refusal::NoSuchRequest)?;
        let request = self.stuck(&meta.request.to_string()).await?;
        let by = self.admin(&submission.by.user, &request).await?;
        let why = sent.value(known::WHY_BLOCK, known::WHY_INPUT);
        let why = why.unwrap_or_default().trim().to_owned();
        let cause = Cause::slack(by.person, key);
        let resolving = self
            .engine
            .resolve_removal(request.id, by, why.clone(), cause);
        let request = resolving.await?;
        self.hurry(&submission.by.user).await;
        let told = words::resolved(&request, &why);
        let update = modal::notice(words::RESOLVED, &told);
        Ok(Said::Modal {
            update: json!({"response_action": "update", "view": update}),
            words: Content::line(&told),
            again: false,
        })
    }

    /// Whoever did something in their tab waits to see what came of it.
    pub(super) async fn after_click(&self, click: &Click) {
        let tab = click.view.as_ref();
        if tab.is_some_and(|tab| tab.callback_id == ids::HOME) {
            self.hurry(&click.by.user).await;
        }
    }

    async fn hurry(&self, user: &str) {
        let hurrying = async {
            let team = self.directory.team().await?;
            Ok::<(), DirectoryFault>(self.engine.hurry_home(&team, user).await?)
        };
        if let Err(fault) = hurrying.await {
            let error = &fault as &dyn std::error::Error;
            tracing::warn!(error, "an App Home tab is shown a little later");
        }
    }

    async fn team(&self) -> Result<String, No> {
        let team = self.directory.team().await;
        team.map_err(No::of_directory(&[]))
    }

    async fn stuck(&self, value: &str) -> Result<Request, No> {
        let id = RequestId::parse(value).ok_or(No::Say(reply::unknown_click()))?;
        let request = self.engine.store().request(id).await?;
        Ok(request.ok_or(Refusal::NoSuchRequest)?)
    }

    fn admins(&self) -> Vec<GroupName> {
        self.engine.policy().admins().to_vec()
    }

    /// The person who acts as an admin, with the groups that are, read at this moment.
    async fn admin(&self, user: &str, request: &Request) -> Result<Member, No> {
        let (policy, admins) = (self.engine.policy(), self.admins());
        let about = about(&admins, request);
        let reading = self.directory.member_at_click(&policy, user, &about).await;
        reading.map_err(No::of_directory(&admins))
    }
}

fn about(admins: &[GroupName], request: &Request) -> About {
    About {
        groups: admins.iter().cloned().collect::<BTreeSet<GroupName>>(),
        holder: request.access.person,
    }
}
