//! Clicks on the buttons of cards and messages. A button says which request; who clicks, whether
//! they may, and what is true now are read afresh.

use std::time::Duration;

use super::super::client::SlackFault;
use super::super::payload::Click;
use super::super::view::home::ids as home;
use super::super::view::modal::{self, Meta};
use super::super::view::{Content, choices, ids, reply};
use super::recording::Copy;
use super::{Handlers, No, Said, words};
use crate::directory::{About, DirectoryFault, Unfit};
use crate::domain::{Command, GroupName, Member, Refusal, Request, RequestId, version};
use crate::engine::{Again, Cause};
use crate::policy::Policy;
use crate::store::StoreError;

/// How long a look at who clicks may hold up a dialog, whose trigger lives three seconds.
const GLANCE: Duration = Duration::from_millis(900);

/// What somebody is about to do with a request, which says who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Approve or deny.
    Decide,
    /// Take away, or try again.
    Revoke,
    /// Look at it afterwards.
    Review,
}

impl Handlers {
    /// Carries out a click.
    pub(super) async fn click(&self, key: &str, click: &Click) -> Result<Said, No> {
        if let Some(said) = Box::pin(self.form_click(click)).await? {
            return Ok(said);
        }
        if click.action_id.starts_with(home::PREFIX) {
            return self.home_click(key, click).await;
        }
        // Links and inputs send clicks as well; they need no answer.
        if !ids::ACTIONS.contains(&click.action_id.as_str()) {
            return Ok(Said::Nothing);
        }
        if click.action_id == ids::CREDENTIALS {
            return self.credentials(click).await;
        }
        if let Some(said) = self.page_click(click).await? {
            return Ok(said);
        }
        let Some(request) = self.clicked(click).await? else {
            return Ok(Said::Words(reply::unknown_click()));
        };
        match click.action_id.as_str() {
            ids::APPROVE => Box::pin(self.approve_click(key, click, &request)).await,
            ids::DENY => self.deny_click(click, &request).await,
            ids::REVOKE => self.revoke_click(click, &request).await,
            ids::CANCEL => {
                self.cancel_click(key, click, Copy::of(click), &request)
                    .await
            }
            ids::WITHDRAW => self.cancel_click(key, click, None, &request).await,
            ids::REVIEW => self.review_click(click, &request).await,
            ids::RETRY => self.retry_click(key, click, &request).await,
            ids::CANCEL_START => self.cancel_start_click(key, click, &request).await,
            ids::JUSTIFIED => self.after_review_click(click, &request, true).await,
            ids::UNJUSTIFIED => self.after_review_click(click, &request, false).await,
            ids::WHY_ME => self.why_me_click(click, &request).await,
            _ => self.done_click(key, click, &request).await,
        }
    }

    /// The request that a button stands for. A copy of its card that is not known is adopted.
    pub(super) async fn clicked(&self, click: &Click) -> Result<Option<Request>, StoreError> {
        let Some(id) = RequestId::parse(&click.value) else {
            return Ok(None);
        };
        let request = self.engine.store().request(id).await?;
        if let Some(request) = &request
            && STANDS_ON_CARDS.contains(&click.action_id.as_str())
        {
            self.adopt(request.card(), click).await?;
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
        // What stands here from now on is what they approve, however long reading takes.
        let seen = version(&self.parts(request).await?);
        let approve = |by| Command::Approve {
            by,
            comment: None,
            duration: None,
        };
        let user = click.by.user.as_str();
        let known = self.known_member(Act::Decide, user, request).await?;
        let deciding = async {
            let (by, mut cause) = self.decider(key, user, request).await?;
            cause.seen = Some(seen);
            Ok((approve(by), cause))
        };
        let (known, deciding) = (known.map(approve), Box::pin(deciding));
        Box::pin(self.record_meanwhile(Copy::of(click), request, known, deciding)).await?;
        Ok(Said::Nothing)
    }

    /// Whoever decides, read at this moment, and the cause of their decision: where another policy
    /// decides by now, with the request asked once more, so that it can be held against that policy.
    /// The two know nothing of each other, so they are read at once.
    pub(super) async fn decider(
        &self,
        key: &str,
        user: &str,
        request: &Request,
    ) -> Result<(Member, Cause), No> {
        let policy = self.engine.policy();
        let asking_again = async {
            if request.terms.policy == policy.hash() {
                return Ok(None);
            }
            let again = Box::pin(self.ask_again(&policy, request));
            again.await.map(Some)
        };
        let deciding = self.member_for(Act::Decide, user, request);
        let (by, again) = tokio::join!(deciding, asking_again);
        let by = by?;
        let mut cause = Cause::slack(by.person, key);
        cause.asked_again = again?;
        Ok((by, cause))
    }

    /// The request asked once more, and who stands behind what the policy asks in addition by now.
    async fn ask_again(&self, policy: &Policy, request: &Request) -> Result<Again, No> {
        // Who could approve is read after it.
        let directory = self.directory.leaving_time();
        let ask = Box::pin(directory.ask_again(policy, request)).await;
        let deciding = request.revoking();
        let ask = ask.map_err(No::of_directory(&deciding))?;
        let parts = self.parts(request).await?;
        let groups = self.engine.groups_again(&parts, &ask).await?;
        let roster = self.roster(policy, groups, &ask.person).await?;
        Ok(Again {
            policy: policy.hash().to_owned(),
            ask: Box::new(ask),
            roster,
        })
    }

    async fn deny_click(&self, click: &Click, request: &Request) -> Result<Said, No> {
        self.may_decide_at_a_glance(click, request).await?;
        let view = modal::deny_reason(request, &meta(click, request.id));
        self.open(click, &view).await
    }

    /// Spares people a dialog that would come to nothing: because everything is decided, or because
    /// they may not decide on any of it.
    pub(super) async fn may_decide_at_a_glance(
        &self,
        click: &Click,
        request: &Request,
    ) -> Result<(), No> {
        let now = self.engine.now().await?;
        let parts = self.parts(request).await?;
        let needed = all(&parts, |part| part.deciding(now));
        if parts.iter().all(|part| part.current_step().is_none()) {
            return Err(too_late(request));
        }
        let glance = self.glance(Act::Decide, &click.by.user, request);
        let Some(by) = glance.await? else {
            return Ok(());
        };
        request.impartial(&by)?;
        if is_in(&by, &needed) {
            return Ok(());
        }
        Err(Refusal::NotAnApprover { needed }.into())
    }

    async fn revoke_click(&self, click: &Click, request: &Request) -> Result<Said, No> {
        let parts = self.parts(request).await?;
        if !parts.iter().any(choices::is_to_come_or_held) {
            return Err(not_active(request));
        }
        let needed = all(&parts, Request::revoking);
        if let Some(by) = self.glance(Act::Revoke, &click.by.user, request).await?
            && !is_in(&by, &needed)
        {
            return Err(Refusal::NotAnApprover { needed }.into());
        }
        let view = modal::revoke_reason(request, &meta(click, request.id));
        self.open(click, &view).await
    }

    /// Withdraws a request; `copy` is the card that was clicked, if it was one.
    async fn cancel_click(
        &self,
        key: &str,
        click: &Click,
        copy: Option<Copy>,
        request: &Request,
    ) -> Result<Said, No> {
        let by = self.holder(&click.by.user).await?;
        let cause = Cause::slack(by.person, key);
        let command = Command::Cancel { by };
        let recording = self.record(copy, request, command, cause);
        Ok(Said::Words(words::cancelled(&recording.await?)))
    }

    async fn done_click(&self, key: &str, click: &Click, request: &Request) -> Result<Said, No> {
        let by = self.holder(&click.by.user).await?;
        let cause = Cause::slack(by.person, key);
        if click.action_id == ids::DONE_ALL {
            return self.give_back(cause, by, request).await;
        }
        let command = Command::GiveBack { by };
        let over = self.engine.execute_part(request.id, command, cause).await?;
        let kept = self.kept(&over).await?;
        Ok(Said::Words(words::given_back(&over, kept.as_ref())))
    }

    /// Withdraws what was approved for later.
    async fn cancel_start_click(
        &self,
        key: &str,
        click: &Click,
        request: &Request,
    ) -> Result<Said, No> {
        let by = self.holder(&click.by.user).await?;
        let cause = Cause::slack(by.person, key);
        let command = Command::GiveBack { by };
        let request = self.engine.execute(request.id, command, cause).await?;
        Ok(Said::Words(reply::start_cancelled(&request)))
    }

    /// Tries again what failed; whoever has a hand in it may. The holder need not be anybody who
    /// could decide.
    async fn retry_click(&self, key: &str, click: &Click, request: &Request) -> Result<Said, No> {
        let holder = self.holder(&click.by.user).await?;
        let by = if request.belongs_to(&holder) {
            holder
        } else {
            let member = self.member_for(Act::Revoke, &click.by.user, request);
            member.await?
        };
        let cause = Cause::slack(by.person, key);
        let command = Command::Retry { by };
        let request = self.engine.execute(request.id, command, cause).await?;
        Ok(Said::Words(reply::retried(&request)))
    }

    /// Opens a dialog. Its trigger may have run out on the way; nothing is lost by pressing again.
    pub(super) async fn open(&self, click: &Click, view: &serde_json::Value) -> Result<Said, No> {
        match self.client.open_view(&click.trigger, view).await {
            // It may well have opened.
            Ok(_) | Err(SlackFault::Ambiguous(_)) => Ok(Said::Nothing),
            Err(fault) => Ok(Said::Words(not_opened(&fault, &click.reference()))),
        }
    }

    /// The person who is about to do that, with the groups that may, read at this moment. When their
    /// groups cannot be read, the answer is to try again.
    pub(super) async fn member_for(
        &self,
        act: Act,
        user: &str,
        request: &Request,
    ) -> Result<Member, No> {
        let reading = self.engine.policy();
        let about = self.about(act, request).await?;
        let needed: Vec<GroupName> = about.groups.iter().cloned().collect();
        let reading = self.directory.member_at_click(&reading, user, &about).await;
        if let Err(DirectoryFault::Unfit(unfit)) = &reading {
            self.put_down_outsider(user, request, *unfit).await;
        }
        reading.map_err(No::of_directory(&needed))
    }

    /// Who clicks, as far as that was read lately. It says what to show while they are read, and
    /// nothing else.
    pub(super) async fn known_member(
        &self,
        act: Act,
        user: &str,
        request: &Request,
    ) -> Result<Option<Member>, StoreError> {
        let policy = self.engine.policy();
        let about = self.about(act, request).await?;
        Ok(self.directory.member_if_known(&policy, user, &about).await)
    }

    /// That somebody wanted to decide who can decide nowhere is on record, like every refusal.
    async fn put_down_outsider(&self, user: &str, request: &Request, unfit: Unfit) {
        let why = unfit.to_string();
        self.engine.refuse_outsider(user, request.id, why).await;
    }

    /// The parts whose card the request stands on: itself, or everything of its bundle. What is
    /// said by the id of any other part than the first is about that part alone.
    pub(super) async fn parts(&self, request: &Request) -> Result<Vec<Request>, StoreError> {
        match request.bundle {
            Some(_) => self.engine.store().parts_of(request.id).await,
            None => Ok(vec![request.clone()]),
        }
    }

    /// What has to be read of whoever does that: the groups that may, for every part of a bundle
    /// that is meant by it.
    async fn about(&self, act: Act, request: &Request) -> Result<About, StoreError> {
        let now = self.engine.now().await?;
        let mut parts = self.parts(request).await?;
        if act == Act::Revoke {
            // Taking away is meant for every grant that these hang together with.
            let ids: Vec<RequestId> = parts.iter().map(|part| part.id).collect();
            let store = self.engine.store();
            parts = store.requests(&store.chain_of(&ids).await?).await?;
        }
        let groups = parts.iter().flat_map(|part| match act {
            Act::Decide if part.current_step().is_some() => part.deciding(now),
            Act::Review => part.reviewing().to_vec(),
            Act::Decide | Act::Revoke => part.revoking(),
        });
        Ok(About {
            groups: groups.collect(),
            holder: request.access.person,
        })
    }

    /// The person whose own request or access it is.
    pub(super) async fn holder(&self, user: &str) -> Result<Member, No> {
        let policy = self.engine.policy();
        let reading = self.directory.holder(&policy, user).await;
        reading.map_err(No::of_directory(&[]))
    }

    /// Who clicks, if that is known at once. It spares people a dialog that would come to nothing;
    /// what they send off is decided on afresh.
    pub(super) async fn glance(
        &self,
        act: Act,
        user: &str,
        request: &Request,
    ) -> Result<Option<Member>, No> {
        let about = self.about(act, request).await?;
        self.glance_about(&about, user, request).await
    }

    /// The same, where something else decides than the groups of the request.
    pub(super) async fn glance_about(
        &self,
        about: &About,
        user: &str,
        request: &Request,
    ) -> Result<Option<Member>, No> {
        let policy = self.engine.policy();
        let reading = self.directory.member_at_a_glance(&policy, user, about);
        match tokio::time::timeout(GLANCE, reading).await {
            Ok(Ok(member)) => Ok(Some(member)),
            Ok(Err(fault @ DirectoryFault::Unfit(unfit))) => {
                self.put_down_outsider(user, request, unfit).await;
                Err(No::of_directory(&[])(fault))
            }
            Ok(Err(_)) | Err(_) => Ok(None),
        }
    }
}

/// What somebody is told for whom a dialog did not open: to press again where that can help.
pub(super) fn not_opened(fault: &SlackFault, reference: &str) -> Content {
    tracing::info!(reference, %fault, "a dialog did not open");
    if fault.is_passing() || matches!(fault, SlackFault::Expired(_)) {
        words::too_slow(reference)
    } else {
        words::not_opened(reference)
    }
}

/// Buttons that stand on cards, and on nothing else.
const STANDS_ON_CARDS: [&str; 8] = [
    ids::APPROVE,
    ids::DENY,
    ids::CANCEL,
    ids::REVOKE,
    ids::REVIEW,
    ids::JUSTIFIED,
    ids::UNJUSTIFIED,
    ids::WHY_ME,
];

/// What those groups are for every part, each once.
pub(super) fn all(parts: &[Request], of: impl Fn(&Request) -> Vec<GroupName>) -> Vec<GroupName> {
    let mut groups: Vec<GroupName> = Vec::new();
    for group in parts.iter().flat_map(of) {
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    groups
}

pub(super) fn is_in(by: &Member, groups: &[GroupName]) -> bool {
    groups.iter().any(|group| by.groups.contains(group))
}

pub(super) fn too_late(request: &Request) -> No {
    let decided = request.outcome();
    let refusal = decided.map(|(outcome, by, at)| Refusal::AlreadyDecided { outcome, by, at });
    refusal.unwrap_or(Refusal::NotDue).into()
}

pub(super) fn not_active(request: &Request) -> No {
    let outcome = request.outcome().map(|(outcome, ..)| outcome);
    Refusal::NotActive { outcome }.into()
}

pub(super) fn meta(click: &Click, request: RequestId) -> Meta {
    Meta {
        request,
        channel: click.channel.clone(),
        ts: click.message_ts.clone(),
        version: None,
    }
}
