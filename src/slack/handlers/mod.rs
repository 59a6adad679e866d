//! What people do in Slack, one short function each: typed commands (`command`, and `asking` for
//! access), forms (`ask_modal`), clicks (`click`), dialogs sent off (`dialog`) and passwords (`credentials`).
//!
//! A handler reads who acts, asks the engine, and returns what to tell the person. It decides
//! nothing, and trusts nothing that came back from a client but ids to look up. All may run twice
//! for one delivery: the engine takes each delivery once.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::BoxFuture;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::client::{Client, Respond};
use super::payload::{Actor, Delivery, Matter};
use super::view::ask::Carried;
use super::view::modal::Meta;
use super::view::text::reply::with_reference;
use super::view::text::{done as words, trouble};
use super::view::{Content, Faces, ids, modal, reply};
use crate::directory::{Directory, DirectoryFault};
use crate::domain::{Access, GroupName, PersonId, Refusal, Request, Target};
use crate::engine::{Engine, EngineError};
use crate::store::StoreError;

pub(super) mod ask_modal;
mod asking;
mod click;
mod command;
mod credentials;
mod dialog;
mod explaining;
mod history;
mod home;
mod recording;
mod review;
mod which;
mod why_me;

/// Sets a fresh secret for an access that is held. The shell passes it in: this room knows no
/// targets.
pub type CredentialsSource = Arc<
    dyn Fn(Access, Target) -> BoxFuture<'static, Result<Shown, CredentialsFault>> + Send + Sync,
>;

/// How the holder signs in.
pub struct Shown {
    /// Facts such as `host` and `login`, in the order to show them.
    pub facts: Vec<(String, String)>,
    /// The secret. It is shown once and kept nowhere.
    pub password: SecretString,
}

/// Why there is no secret to show. The person is told the sentence; it never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CredentialsFault(pub String);

/// What handlers work with. A clone works with the same.
#[derive(Clone)]
pub struct Handlers {
    engine: Arc<Engine>,
    directory: Directory,
    client: Client,
    credentials: CredentialsSource,
    latest_changes: Arc<ask_modal::Latest>,
    /// Whoever makes a file holds this: one at a time, since a long one takes memory.
    file: Arc<Semaphore>,
}

/// What a handler has to say to the person.
#[derive(Debug)]
pub(super) enum Said {
    /// Nothing: the message that was clicked changes, or a modal opened.
    Nothing,
    /// This, to them alone.
    Words(Content),
    /// This, in the modal that they sent off; in words where it is too late for that.
    Modal {
        /// The answer to the sending-off.
        update: Value,
        /// The same as a message.
        words: Content,
        /// Whether the very same dialog may be sent off once more.
        again: bool,
    },
    /// The answer to a form.
    Form(Box<Answered>),
}

/// The answer to a form that was sent off.
#[derive(Debug)]
pub(super) struct Answered {
    /// While Slack waits for it.
    pub(super) at_once: Value,
    /// Later: what to show in the place of the form.
    pub(super) late: Value,
    /// In words, where the form is closed by then.
    pub(super) words: Content,
    /// Whether the very same form may be sent off once more.
    pub(super) again: bool,
}

/// Why a handler did not do what was asked: an answer, or a failure that is tried again.
#[derive(Debug)]
enum No {
    Refusal(Refusal),
    Store(StoreError),
    /// Words about the command itself, rather than a decision.
    Say(Content),
}

impl From<StoreError> for No {
    fn from(fault: StoreError) -> Self {
        Self::Store(fault)
    }
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

impl From<EngineError> for No {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Refused(refusal) => Self::Refusal(refusal),
            EngineError::Store(fault) => Self::Store(fault),
        }
    }
}

impl No {
    /// The directory's no, for an act on which these groups decide.
    fn of_directory(groups: &[GroupName]) -> impl Fn(DirectoryFault) -> Self + '_ {
        move |fault| match fault.into_refusal(groups) {
            Ok(refusal) => Self::Refusal(refusal),
            Err(fault) => Self::Store(fault),
        }
    }
}

impl Handlers {
    /// Handlers over an engine, a directory, a way out to Slack, and a source of secrets.
    pub fn new(
        engine: Arc<Engine>,
        directory: Directory,
        client: Client,
        credentials: CredentialsSource,
    ) -> Self {
        Self {
            engine,
            directory,
            client,
            credentials,
            latest_changes: Arc::default(),
            file: Arc::new(Semaphore::new(1)),
        }
    }

    /// The same handlers for one act of somebody: all that is read of people shares one deadline.
    fn for_one_act(&self) -> Self {
        Self {
            directory: self.directory.for_one_act(),
            ..self.clone()
        }
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Forgets what was read of a user, after Slack told that they changed.
    pub(super) fn forget(&self, user: &str) {
        self.directory.forget(user);
    }

    /// Forgets who is in user groups, after Slack told that one changed.
    pub(super) fn forget_usergroups(&self) {
        self.directory.forget_usergroups();
    }

    /// Carries a delivery out.
    ///
    /// # Errors
    /// When the database failed: nothing was decided, and it may be tried again.
    pub(super) async fn carry_out(
        &self,
        key: &str,
        delivery: &Delivery,
    ) -> Result<Said, StoreError> {
        let act = self.for_one_act();
        let done = match &delivery.matter {
            Matter::Command(command) => act.command(key, command).await,
            Matter::Click(click) => {
                let done = Box::pin(act.click(key, click)).await;
                self.after_click(click).await;
                done
            }
            Matter::Submission(submission) if ask_modal::is_form(&submission.view) => {
                Box::pin(act.form_sent(key, submission)).await
            }
            Matter::Submission(submission) => Box::pin(act.dialog(key, submission)).await,
            Matter::Shortcut(shortcut) => Box::pin(act.shortcut(shortcut)).await,
            _ => Ok(Said::Nothing),
        };
        match done {
            Ok(said) => Ok(said),
            // Carried out before a crash, or by the other delivery of the same thing.
            Err(No::Refusal(Refusal::Duplicate)) => Ok(Said::Nothing),
            Err(No::Refusal(refusal)) => self.refuse(delivery, &refusal).await,
            Err(No::Say(words)) => Ok(Said::Words(words)),
            Err(No::Store(fault)) => Err(fault),
        }
    }

    /// A "no" in the form that fits: in the modal where one was sent off, else in words.
    async fn refuse(&self, delivery: &Delivery, refusal: &Refusal) -> Result<Said, StoreError> {
        let named = match refusal {
            Refusal::AlreadyDecided { by, .. } => by.iter().copied().collect(),
            Refusal::AlreadyReviewed { by, .. } => BTreeSet::from([*by]),
            _ => BTreeSet::new(),
        };
        let faces = self.faces(&named).await?;
        let reference = delivery.reference();
        let words = reply::refused_for(refusal, &faces, &reference);
        let Matter::Submission(submission) = &delivery.matter else {
            return Ok(Said::Words(words));
        };
        let wrote = submission.view.value(ids::WHY_BLOCK, ids::WHY_INPUT);
        // Where it can be sent off again the dialog stays, with what was written.
        if let (Some(wrote), true) = (wrote, may_be_tried_again(refusal)) {
            let why = with_reference(refusal, refusal.to_string(), &reference);
            let errors = json!({ids::WHY_BLOCK: why});
            let update = json!({"response_action": "errors", "errors": errors});
            let words = reply::with_what_was_written(words, wrote);
            let again = true;
            return Ok(Said::Modal {
                update,
                words,
                again,
            });
        }
        let head = match refusal {
            Refusal::Stale => trouble::LOOK_AGAIN,
            _ => trouble::NOTHING_DONE,
        };
        let said = with_reference(refusal, reply::refusal(refusal, &faces), &reference);
        let view = modal::notice(head, &said);
        let update = json!({"response_action": "update", "view": view});
        Ok(Said::Modal {
            update,
            words,
            again: false,
        })
    }

    /// The faces of these people.
    async fn faces(&self, people: &BTreeSet<PersonId>) -> Result<Faces, StoreError> {
        let people = self.engine.store().people(people).await?;
        Ok(Faces::of(people.values()))
    }

    /// The faces of everybody whom an answer about the request may name.
    async fn faces_of(&self, request: &Request) -> Result<Faces, StoreError> {
        let groups = request.roster.groups.values().flatten();
        let mut people: BTreeSet<PersonId> = groups.copied().collect();
        people.extend([request.requester, request.access.person]);
        self.faces(&people).await
    }

    /// Tells the person something that nobody else sees: by the response URL, else in the channel,
    /// else directly. What went wrong on the way is logged by the client.
    pub(super) async fn say(&self, delivery: &Delivery, words: &Content) {
        if let Some(url) = delivery.response_url() {
            let responding = self.client.respond(url, words, Respond::Ephemeral);
            if responding.await.is_ok() {
                return;
            }
        }
        let Some(Actor { user, .. }) = delivery.actor() else {
            return;
        };
        if let Some(channel) = channel_of(delivery) {
            let showing = self.client.ephemeral(&channel, user, words);
            if showing.await.is_ok() {
                return;
            }
        }
        if self.client.answer(user, words).await.is_err() {
            tracing::error!(
                delivery.kind = delivery.kind(),
                "a person could not be answered"
            );
        }
    }
}

/// The channel that the person acted in.
fn channel_of(delivery: &Delivery) -> Option<String> {
    match &delivery.matter {
        Matter::Command(command) => Some(command.channel.clone()).filter(|id| !id.is_empty()),
        Matter::Click(click) => click.channel.clone(),
        Matter::Shortcut(shortcut) => shortcut.channel.clone(),
        Matter::Submission(submission) if ask_modal::is_form(&submission.view) => {
            Carried::read(&submission.view.private_metadata).channel
        }
        Matter::Submission(submission) => {
            Meta::read(&submission.view.private_metadata).and_then(|meta| meta.channel)
        }
        _ => None,
    }
}

/// Whether the same act may work as soon as it is tried again.
fn may_be_tried_again(refusal: &Refusal) -> bool {
    refusal.is_outage() || *refusal == Refusal::PolicyChanged
}
