//! Sending a modal, and what its answer does.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::act::{self, Reply};
use super::api;
use super::deliver::{Ack, Kind};
use super::entry;
use super::payload::{self, Place};
use super::spot;
use super::view::View;
use super::world::World;
use super::{Sandbox, SandboxError};

/// What a person fills in before sending a modal.
#[derive(Debug, Clone, Default)]
pub struct SubmitValues(Vec<(String, Value)>);

impl SubmitValues {
    /// Nothing; what is already entered stays.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Fills in one input, by block and action.
    #[must_use]
    pub fn set(mut self, block_id: &str, action_id: &str, value: impl Into<Value>) -> Self {
        self.0
            .push((format!("{block_id}/{action_id}"), value.into()));
        self
    }

    /// Fills in one input by its `action_id`, its `block_id`, its label, or `block_id/action_id`.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.push((key.to_owned(), value.into()));
        self
    }
}

/// What became of a modal that was sent.
#[derive(Debug, Clone, Serialize)]
pub struct SubmitReply {
    /// What the person sees.
    pub outcome: SubmitOutcome,
    /// How each delivery was acknowledged; none if the form itself refused.
    pub acks: Vec<Ack>,
}

impl SubmitReply {
    /// Whether every delivery was acknowledged before the deadline.
    #[must_use]
    pub fn in_time(&self) -> bool {
        !self.acks.is_empty() && self.acks.iter().all(|ack| ack.in_time)
    }

    /// The complaints beside inputs, by `block_id`.
    #[must_use]
    pub fn errors(&self) -> BTreeMap<String, String> {
        match &self.outcome {
            SubmitOutcome::Errors(errors) => errors.clone(),
            _ => BTreeMap::new(),
        }
    }
}

/// What the person sees after sending a modal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SubmitOutcome {
    /// It closed; the one below, if any, is open again.
    Closed,
    /// All of them closed.
    Cleared,
    /// It stayed, with complaints beside inputs.
    Errors(BTreeMap<String, String>),
    /// It shows something else now.
    Updated,
    /// Another one lies on top of it.
    Pushed,
    /// It stayed, because the app did not answer properly; the code says how.
    Failed(String),
}

impl Sandbox {
    /// Fills in and sends the open modal. Slack's own checks (required, length, format) come first;
    /// if they fail, nothing is sent.
    ///
    /// # Errors
    /// If no modal is open, it has no such input, or a choice is not on offer.
    pub async fn submit(
        &self,
        user: &str,
        values: SubmitValues,
    ) -> Result<SubmitReply, SandboxError> {
        for (key, value) in values.0 {
            self.ask_for_options(user, &key, &value).await?;
            let mut world = self.shared.world();
            fill(&mut world, user, &key, &value)?;
        }
        let view = {
            let mut world = self.shared.world();
            let user = world.person(user)?;
            let complaints = complain(&mut world, &user)?;
            if !complaints.is_empty() {
                drop(world);
                self.shared.touch();
                return Ok(SubmitReply {
                    outcome: SubmitOutcome::Errors(complaints),
                    acks: Vec::new(),
                });
            }
            top(&mut world, &user)?.clone()
        };
        let payload = payload::view_submission(&mut self.shared.world(), &view);
        let acks = self.send(Kind::Interaction, payload).await;
        let ack = acks.first().cloned().unwrap_or_default();
        let outcome = settle(&mut self.shared.world(), &view, &ack);
        self.shared.touch();
        Ok(SubmitReply { outcome, acks })
    }

    /// Puts values into the open modal without telling the bot.
    pub(super) fn fill_in(&self, user: &str, values: &SubmitValues) -> Result<(), SandboxError> {
        let mut world = self.shared.world();
        values
            .0
            .iter()
            .try_for_each(|(key, value)| fill(&mut world, user, key, value))
    }

    /// An external select knows its options only after the bot was asked for them.
    async fn ask_for_options(
        &self,
        user: &str,
        key: &str,
        value: &Value,
    ) -> Result<(), SandboxError> {
        let asked = {
            let mut world = self.shared.world();
            let user = world.person(user)?;
            let view = top(&mut world, &user)?.clone();
            let found = spot::find(&Place::View(Box::new(view)), key)?;
            let known = world.chosen(&user, &found, value).is_ok();
            found.kind().ends_with("external_select") && !known
        };
        if asked {
            let query = value.as_str().unwrap_or_default();
            self.suggest(user, key, query).await?;
        }
        Ok(())
    }

    /// Puts the open modal away by its close button; the bot is told if the modal asks for it.
    ///
    /// # Errors
    /// If no modal is open.
    pub async fn close_modal(&self, user: &str) -> Result<Reply, SandboxError> {
        self.put_away(user, false).await
    }

    /// Puts all open modals away by the cross in the corner.
    ///
    /// # Errors
    /// If no modal is open.
    pub async fn clear_modals(&self, user: &str) -> Result<Reply, SandboxError> {
        self.put_away(user, true).await
    }

    async fn put_away(&self, user: &str, all: bool) -> Result<Reply, SandboxError> {
        let payload = {
            let mut world = self.shared.world();
            let user = world.person(user)?;
            let view = top(&mut world, &user)?.clone();
            let all = all || view.content["clear_on_close"] == true;
            if all {
                world.modals.remove(&user);
            } else {
                api::close_top(&mut world, &user);
            }
            let told = view.content["notify_on_close"] == true;
            told.then(|| payload::view_closed(&mut world, &view, all))
        };
        self.shared.touch();
        match payload {
            Some(payload) => Ok(self.interact(payload).await),
            None => Ok(Reply::default()),
        }
    }
}

fn top<'a>(world: &'a mut World, user: &str) -> Result<&'a mut View, SandboxError> {
    let stack = world.modals.get_mut(user);
    stack
        .and_then(|stack| stack.last_mut())
        .ok_or_else(|| SandboxError::NoModal(user.into()))
}

fn fill(world: &mut World, user: &str, key: &str, value: &Value) -> Result<(), SandboxError> {
    let user = world.person(user)?;
    let view = top(world, &user)?.clone();
    let found = spot::find(&Place::View(Box::new(view)), key)?;
    let value = world.chosen(&user, &found, value)?;
    top(world, &user)?.entered.insert(found.key(), value);
    Ok(())
}

/// Slack's own complaints, put beside the inputs.
fn complain(world: &mut World, user: &str) -> Result<BTreeMap<String, String>, SandboxError> {
    let view = top(world, user)?;
    let complaints = entry::complaints(view.blocks(), &view.state());
    view.errors = texts(&Value::Object(complaints));
    Ok(view.errors.clone())
}

fn texts(errors: &Value) -> BTreeMap<String, String> {
    let errors = errors.as_object().into_iter().flatten();
    errors
        .filter_map(|(key, text)| Some((key.clone(), text.as_str()?.to_owned())))
        .collect()
}

/// Does what the acknowledgement of a sent modal says.
fn settle(world: &mut World, view: &View, ack: &Ack) -> SubmitOutcome {
    if let Some(error) = act::trouble(ack) {
        return SubmitOutcome::Failed(error);
    }
    match ack.body["response_action"].as_str() {
        Some("errors") => put_errors(world, view, &ack.body["errors"]),
        Some("update") => show(world, view, &ack.body["view"], false),
        Some("push") => show(world, view, &ack.body["view"], true),
        Some("clear") => {
            world.modals.remove(&view.user);
            SubmitOutcome::Cleared
        }
        Some(other) => SubmitOutcome::Failed(format!("unknown response_action {other}")),
        None => {
            api::close_top(world, &view.user);
            SubmitOutcome::Closed
        }
    }
}

/// Slack takes complaints about input blocks of this view only.
fn put_errors(world: &mut World, view: &View, errors: &Value) -> SubmitOutcome {
    let errors = texts(errors);
    let is_input = |id: &String| {
        view.blocks()
            .iter()
            .any(|block| block["block_id"] == id.as_str() && block["type"] == "input")
    };
    if errors.is_empty() || !errors.keys().all(is_input) {
        return SubmitOutcome::Failed("invalid_errors".into());
    }
    if let Ok(top) = top(world, &view.user) {
        top.errors.clone_from(&errors);
    }
    SubmitOutcome::Errors(errors)
}

fn show(world: &mut World, view: &View, content: &Value, on_top: bool) -> SubmitOutcome {
    let checked = match api::checked_view(world, content) {
        Ok(checked) => checked,
        Err(refused) => return SubmitOutcome::Failed(refused.code().into()),
    };
    if on_top {
        return match api::push_view(world, &view.user, checked) {
            Ok(_) => SubmitOutcome::Pushed,
            Err(refused) => SubmitOutcome::Failed(refused.code().into()),
        };
    }
    match api::apply_view(world, &view.id, checked) {
        Some(_) => SubmitOutcome::Updated,
        None => SubmitOutcome::Failed("not_found".into()),
    }
}
