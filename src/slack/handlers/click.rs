//! Clicks on the buttons of cards and messages. A button says which request; who clicks, whether
//! they may, and what is true now are read afresh.

use std::time::Duration;

use super::super::client::SlackFault;
use super::super::payload::Click;
use super::super::view::modal::{self, Meta};
use super::super::view::{ids, reply};
use super::{Handlers, No, Said, words};
use crate::directory::{About, DirectoryFault};
use crate::domain::{Command, GroupName, Member, Refusal, Request, RequestId};
use crate::engine::Cause;
use crate::store::StoreError;

/// How long a look at who clicks may hold up a dialog, whose trigger lives three seconds.
const GLANCE: Duration = Duration::from_millis(900);

impl Handlers {
    /// Carries out a click.
    pub(super) async fn click(&self, key: &str, click: &Click) -> Result<Said, No> {
        // Links and inputs send clicks as well; they need no answer.
        if !ids::ACTIONS.contains(&click.action_id.as_str()) {
            return Ok(Said::Nothing);
        }
        if click.action_id == ids::CREDENTIALS {
            return self.credentials(click).await;
        }
        let Some(request) = self.clicked(click).await? else {
            return Ok(Said::Words(reply::unknown_click()));
        };
        match click.action_id.as_str() {
            ids::APPROVE => self.approve_click(key, click, &request).await,
            ids::DENY => self.deny_click(click, &request).await,
            ids::REVOKE => self.revoke_click(click, &request).await,
            ids::CANCEL => self.cancel_click(key, click, &request).await,
            _ => self.done_click(key, click, &request).await,
        }
    }

    /// The request that a button stands for. A copy of its card that is not known is adopted.
    pub(super) async fn clicked(&self, click: &Click) -> Result<Option<Request>, StoreError> {
        let Some(id) = RequestId::parse(&click.value) else {
            return Ok(None);
        };
        let request = self.engine.store().request(id).await?;
        if request.is_some() && STANDS_ON_CARDS.contains(&click.action_id.as_str()) {
            self.adopt(id, click).await?;
        }
        Ok(request)
    }

    /// Remembers a copy of a card that nobody remembered posting, and has it made true.
    async fn adopt(&self, id: RequestId, click: &Click) -> Result<(), StoreError> {
        let (Some(channel), Some(ts)) = (&click.channel, &click.message_ts) else {
            return Ok(());
        };
        if self.engine.adopt_card(id, channel, ts).await? {
            tracing::info!(request.id = %id, "adopted a copy of a card");
        }
        Ok(())
    }

    async fn approve_click(&self, key: &str, click: &Click, request: &Request) -> Result<Said, No> {
        let by = self.decider(&click.by.user, request).await?;
        let cause = self.deciding_cause(key, &by, request).await?;
        let command = Command::Approve {
            by,
            comment: None,
            duration: None,
        };
        self.engine.execute(request.id, command, cause).await?;
        Ok(Said::Nothing)
    }

    /// The cause of a decision: where another policy decides by now, with the request asked once
    /// more, so that it can be held against that policy.
    async fn deciding_cause(&self, key: &str, by: &Member, request: &Request) -> Result<Cause, No> {
        let policy = self.engine.policy();
        let mut cause = Cause::slack(by.person, key);
        if request.terms.policy != policy.hash() {
            let again = self.directory.ask_again(&policy, request).await;
            let again = again.map_err(No::of_directory(&deciding(request)))?;
            cause.asked_again = Some(Box::new(again));
        }
        Ok(cause)
    }

    async fn deny_click(&self, click: &Click, request: &Request) -> Result<Said, No> {
        let Some(step) = request.current_step() else {
            return Err(too_late(request));
        };
        if let Some(by) = self.glance(&click.by.user, request).await? {
            let asked = step.from.iter().any(|group| by.groups.contains(group));
            let refusal = if request.belongs_to(&by) {
                Some(Refusal::OwnRequest)
            } else {
                let needed = step.from.clone();
                (!asked).then_some(Refusal::NotAnApprover { needed })
            };
            refusal.map_or(Ok(()), Err)?;
        }
        let view = modal::deny_reason(request, &meta(click, request.id));
        self.open(click, &view).await
    }

    async fn revoke_click(&self, click: &Click, request: &Request) -> Result<Said, No> {
        if !super::which::is_held(request) {
            return Err(not_active(request));
        }
        if let Some(by) = self.glance(&click.by.user, request).await?
            && !request.is_approver(&by)
        {
            return Err(Refusal::NotAnApprover {
                needed: deciding(request),
            }
            .into());
        }
        let view = modal::revoke_reason(request, &meta(click, request.id));
        self.open(click, &view).await
    }

    async fn cancel_click(&self, key: &str, click: &Click, request: &Request) -> Result<Said, No> {
        let by = self.holder(&click.by.user).await?;
        let cause = Cause::slack(by.person, key);
        let command = Command::Cancel { by };
        let request = self.engine.execute(request.id, command, cause).await?;
        Ok(Said::Words(words::cancelled(&request)))
    }

    async fn done_click(&self, key: &str, click: &Click, request: &Request) -> Result<Said, No> {
        let by = self.holder(&click.by.user).await?;
        let cause = Cause::slack(by.person, key);
        let command = Command::GiveBack { by };
        let request = self.engine.execute(request.id, command, cause).await?;
        Ok(Said::Words(words::given_back(&request)))
    }

    /// Opens a dialog. Its trigger may have run out on the way; nothing is lost by pressing again.
    async fn open(&self, click: &Click, view: &serde_json::Value) -> Result<Said, No> {
        match self.client.open_view(&click.trigger, view).await {
            // It may well have opened.
            Ok(_) | Err(SlackFault::Ambiguous(_)) => Ok(Said::Nothing),
            Err(_) => Ok(Said::Words(words::too_slow())),
        }
    }

    /// The person who decides, read at this moment. When their groups cannot be read, the answer
    /// is to try again.
    pub(super) async fn decider(&self, user: &str, request: &Request) -> Result<Member, No> {
        let reading = self.engine.policy();
        let about = about(request);
        let reading = self.directory.member_at_click(&reading, user, &about).await;
        reading.map_err(No::of_directory(&deciding(request)))
    }

    /// The person whose own request or access it is.
    pub(super) async fn holder(&self, user: &str) -> Result<Member, No> {
        let policy = self.engine.policy();
        let reading = self.directory.holder(&policy, user).await;
        reading.map_err(No::of_directory(&[]))
    }

    /// Who clicks, if that is known at once. It spares people a dialog that would come to nothing;
    /// what they send off is decided on afresh.
    async fn glance(&self, user: &str, request: &Request) -> Result<Option<Member>, No> {
        let policy = self.engine.policy();
        let about = about(request);
        let reading = self.directory.member_at_a_glance(&policy, user, &about);
        match tokio::time::timeout(GLANCE, reading).await {
            Ok(Ok(member)) => Ok(Some(member)),
            Ok(Err(fault @ DirectoryFault::Unfit(_))) => Err(No::of_directory(&[])(fault)),
            Ok(Err(_)) | Err(_) => Ok(None),
        }
    }
}

/// Buttons that stand on cards, and on nothing else.
const STANDS_ON_CARDS: [&str; 4] = [ids::APPROVE, ids::DENY, ids::CANCEL, ids::REVOKE];

/// What has to be read of whoever decides on this request now.
fn about(request: &Request) -> About {
    About {
        groups: deciding(request).into_iter().collect(),
        holder: request.access.person,
    }
}

/// The groups that decide now; all of them when nobody is being asked.
fn deciding(request: &Request) -> Vec<GroupName> {
    if let Some(step) = request.current_step() {
        return step.from.clone();
    }
    let steps = request.terms.route.steps();
    let mut groups: Vec<GroupName> = steps.iter().flat_map(|step| step.from.clone()).collect();
    groups.sort();
    groups.dedup();
    groups
}

fn too_late(request: &Request) -> No {
    let decided = request.outcome();
    let refusal = decided.map(|(outcome, by, at)| Refusal::AlreadyDecided { outcome, by, at });
    refusal.unwrap_or(Refusal::NotDue).into()
}

pub(super) fn not_active(request: &Request) -> No {
    let outcome = request.outcome().map(|(outcome, ..)| outcome);
    Refusal::NotActive { outcome }.into()
}

fn meta(click: &Click, request: RequestId) -> Meta {
    Meta {
        request,
        channel: click.channel.clone(),
        ts: click.message_ts.clone(),
    }
}
