//! What people do.

use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::deliver::{self, Ack, Delivery, Kind};
use super::entry::{self, Found};
use super::message::Message;
use super::payload::{self, Place};
use super::spot::{Spot, find};
use super::world::{ResponseUrl, World};
use super::{Sandbox, SandboxError, response_url};

/// What came of something a person did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Reply {
    /// How each delivery was acknowledged (two, from [`Sandbox::twice`]).
    pub acks: Vec<Ack>,
    /// What the acknowledgement said to the person, or Slack in the app's stead.
    pub shown: Option<Message>,
    /// What Slack told the person when the app did not answer in time.
    pub error: Option<String>,
}

impl Reply {
    /// Whether every delivery was acknowledged before the deadline.
    #[must_use]
    pub fn in_time(&self) -> bool {
        !self.acks.is_empty() && self.acks.iter().all(|ack| ack.in_time)
    }

    /// What was shown at once, as plain text; empty if nothing was.
    #[must_use]
    pub fn plain(&self) -> String {
        self.shown.as_ref().map(Message::plain).unwrap_or_default()
    }
}

impl Sandbox {
    /// Types a slash command. `channel` is an id or a name, or `dm` for the conversation with the
    /// bot; what the acknowledgement says is shown to the person.
    ///
    /// # Errors
    /// If there is no such person or channel, or the person is not in it.
    pub async fn slash(
        &self,
        user: &str,
        channel: &str,
        command: &str,
        text: &str,
    ) -> Result<Reply, SandboxError> {
        let (target, payload) = {
            let mut world = self.shared.world();
            let (user, channel) = world.person_in(user, channel)?;
            let payload = payload::command(&mut world, &user, &channel, (command, text));
            (spoken_to(&world, user, channel), payload)
        };
        let acks = self.send(Kind::Command, payload).await;
        let mut reply = Reply {
            acks,
            ..Reply::default()
        };
        self.show(&mut reply, &target, command);
        Ok(reply)
    }

    /// Presses a button in a message that is there now. `key` is an `action_id`, a label, a value,
    /// or `block_id/action_id`.
    ///
    /// # Errors
    /// If the person cannot see such a message or element.
    pub async fn click(
        &self,
        user: &str,
        channel: &str,
        ts: &str,
        key: &str,
    ) -> Result<Reply, SandboxError> {
        let spot = Spot::Message {
            channel: channel.into(),
            ts: ts.into(),
        };
        self.use_element(user, &spot, key, None).await
    }

    /// Presses a button in a message as it was seen earlier, though it may have changed since: the
    /// click of somebody whose screen was slow.
    ///
    /// # Errors
    /// If that copy has no such element.
    pub async fn click_seen(
        &self,
        user: &str,
        seen: &Message,
        key: &str,
    ) -> Result<Reply, SandboxError> {
        let user = self.shared.world().person(user)?;
        let place = Place::Message(Box::new(seen.clone()));
        let found = find(&place, key)?;
        self.act(&user, &place, &found, None).await
    }

    /// Chooses in a select, overflow menu, picker or check box of a message. `value` is an option's
    /// value or label, a person, a date, … as the element wants it.
    ///
    /// # Errors
    /// If the person cannot see such a message or element, or the choice is not on offer.
    pub async fn choose(
        &self,
        user: &str,
        (channel, ts): (&str, &str),
        key: &str,
        value: impl Into<Value> + Send,
    ) -> Result<Reply, SandboxError> {
        let spot = Spot::Message {
            channel: channel.into(),
            ts: ts.into(),
        };
        self.use_element(user, &spot, key, Some(value.into())).await
    }

    /// Presses a button in the open modal.
    ///
    /// # Errors
    /// If no modal is open or it has no such element.
    pub async fn click_modal(&self, user: &str, key: &str) -> Result<Reply, SandboxError> {
        self.use_element(user, &Spot::Modal, key, None).await
    }

    /// Presses a button in the App Home tab.
    ///
    /// # Errors
    /// If nothing was published for the person or it has no such element.
    pub async fn click_home(&self, user: &str, key: &str) -> Result<Reply, SandboxError> {
        self.use_element(user, &Spot::Home, key, None).await
    }

    /// Chooses in an element of the App Home tab.
    ///
    /// # Errors
    /// As [`Sandbox::choose`].
    pub async fn choose_home(
        &self,
        user: &str,
        key: &str,
        value: impl Into<Value> + Send,
    ) -> Result<Reply, SandboxError> {
        self.use_element(user, &Spot::Home, key, Some(value.into()))
            .await
    }

    /// Enters a value in the open modal, as typing or choosing does; the bot hears of it at once
    /// where the element says so.
    ///
    /// # Errors
    /// If no modal is open, it has no such element, or the choice is not on offer.
    pub async fn enter(
        &self,
        user: &str,
        key: &str,
        value: impl Into<Value> + Send,
    ) -> Result<Reply, SandboxError> {
        self.use_element(user, &Spot::Modal, key, Some(value.into()))
            .await
    }

    /// Uses an element, with a value where it takes one.
    pub(super) async fn use_element(
        &self,
        user: &str,
        spot: &Spot,
        key: &str,
        value: Option<Value>,
    ) -> Result<Reply, SandboxError> {
        let user = self.shared.world().person(user)?;
        let place = self.shared.world().look_at(&user, spot)?;
        let found = find(&place, key)?;
        self.act(&user, &place, &found, value).await
    }

    async fn act(
        &self,
        user: &str,
        place: &Place,
        found: &Found,
        given: Option<Value>,
    ) -> Result<Reply, SandboxError> {
        let payload = {
            let mut world = self.shared.world();
            let value = match given {
                Some(given) => Some(world.chosen(user, found, &given)?),
                None => None,
            };
            let place = match &value {
                Some(value) if found.holds_value() => world.keep(user, place, found, value),
                _ => place.clone(),
            };
            let action = payload::action(&mut world, found, value.as_ref());
            let sent = found.dispatches();
            sent.then(|| payload::block_actions(&mut world, user, &place, &action))
        };
        self.shared.touch();
        let Some(payload) = payload else {
            return Ok(Reply::default());
        };
        let acks = self.send(Kind::Interaction, payload).await;
        let error = acks.first().and_then(trouble);
        Ok(Reply {
            acks,
            shown: None,
            error,
        })
    }

    /// Opens the App Home tab.
    ///
    /// # Errors
    /// If there is no such person.
    pub async fn open_home(&self, user: &str) -> Result<Reply, SandboxError> {
        let event = {
            let mut world = self.shared.world();
            let user = world.person(user)?;
            let channel = world.open_dm(&user);
            let mut event = json!({
                "type": "app_home_opened", "user": user, "channel": channel, "tab": "home",
            });
            if let Some(home) = world.homes.get(&user) {
                event["view"] = home.to_api(&world.settings);
            }
            event
        };
        Ok(self.event(event).await)
    }

    /// Delivers an event, given as its inner part (`{"type": "user_change", …}`). Unacknowledged
    /// ones are sent again as [`super::Settings::event_retries`] says.
    pub async fn event(&self, inner: impl Into<Value> + Send) -> Reply {
        let payload = payload::event(&mut self.shared.world(), &inner.into());
        let acks = deliver::event(&self.shared, payload, self.twice).await;
        let error = acks.last().and_then(trouble);
        Reply {
            acks,
            shown: None,
            error,
        }
    }

    /// Uses a global shortcut.
    ///
    /// # Errors
    /// If there is no such person.
    pub async fn shortcut(&self, user: &str, callback_id: &str) -> Result<Reply, SandboxError> {
        let payload = {
            let mut world = self.shared.world();
            let user = world.person(user)?;
            payload::shortcut(&mut world, &user, callback_id, None)
        };
        Ok(self.interact(payload).await)
    }

    /// Uses a shortcut on a message.
    ///
    /// # Errors
    /// If the person cannot see such a message.
    pub async fn message_shortcut(
        &self,
        user: &str,
        (channel, ts): (&str, &str),
        callback_id: &str,
    ) -> Result<Reply, SandboxError> {
        let payload = {
            let mut world = self.shared.world();
            let user = world.person(user)?;
            let message = world.seen_message(&user, channel, ts)?;
            payload::shortcut(&mut world, &user, callback_id, Some(&message))
        };
        Ok(self.interact(payload).await)
    }

    pub(super) async fn interact(&self, payload: Value) -> Reply {
        let acks = self.send(Kind::Interaction, payload).await;
        let error = acks.first().and_then(trouble);
        Reply {
            acks,
            shown: None,
            error,
        }
    }

    /// Types into an external select, wherever the person sees it (modal, App Home, then the
    /// newest message); the options that the bot suggested.
    ///
    /// # Errors
    /// If the person sees no such element.
    pub async fn suggest(
        &self,
        user: &str,
        key: &str,
        query: &str,
    ) -> Result<Vec<Value>, SandboxError> {
        let (user, found, payload) = {
            let mut world = self.shared.world();
            let user = world.person(user)?;
            let (place, found) = world.find_anywhere(&user, key)?;
            let payload = payload::suggestion(&mut world, &user, &place, (&found, query));
            (user, found, payload)
        };
        let acks = self.send(Kind::Interaction, payload).await;
        let body = acks
            .into_iter()
            .next()
            .filter(|ack| ack.in_time)
            .map(|ack| ack.body);
        let options = entry::options(&body.unwrap_or_default());
        let key = (user, found.action_id().to_owned());
        self.shared
            .world()
            .suggested
            .entry(key)
            .or_default()
            .extend(options.clone());
        Ok(options)
    }

    /// Writes a message as a person; in a thread if `thread_ts` is given. Bots are not told.
    ///
    /// # Errors
    /// If the person is not in that channel.
    pub fn say(
        &self,
        user: &str,
        channel: &str,
        text: &str,
        thread_ts: Option<&str>,
    ) -> Result<Message, SandboxError> {
        let message = {
            let mut world = self.shared.world();
            let (user, channel) = world.person_in(user, channel)?;
            let thread_ts = thread_ts.map(ToOwned::to_owned);
            let ts = world.next_ts();
            let message = Message {
                ts,
                channel,
                user,
                text: text.into(),
                thread_ts,
                ..Message::default()
            };
            world.messages.push(message.clone());
            message
        };
        self.shared.touch();
        Ok(message)
    }

    /// Asks the bot's events address to prove itself; whether it gave the challenge back.
    pub async fn url_verification(&self, challenge: &str) -> bool {
        let payload = payload::url_verification(challenge);
        let acks = self.send(Kind::Event, payload).await;
        acks.iter()
            .all(|ack| ack.body["challenge"] == challenge || ack.body == challenge)
    }

    /// Asks the bot's commands address whether its certificate is in order, as Slack does now and
    /// then.
    pub async fn ssl_check(&self) -> Ack {
        let payload = json!({"ssl_check": "1", "token": "sandbox-verification-token"});
        self.send(Kind::Command, payload)
            .await
            .into_iter()
            .next()
            .unwrap_or_default()
    }

    pub(super) async fn send(&self, kind: Kind, payload: Value) -> Vec<Ack> {
        let acks = deliver::deliver(&self.shared, &Delivery::new(kind, payload), self.twice).await;
        self.shared.touch();
        acks
    }

    /// Shows what a command's acknowledgement said, or that there was none.
    fn show(&self, reply: &mut Reply, target: &ResponseUrl, command: &str) {
        let mut world = self.shared.world();
        let before = world.messages.len();
        for ack in reply.acks.iter().filter(|ack| ack.in_time) {
            let said = match &ack.body {
                Value::String(text) => json!({"text": text}),
                body => body.clone(),
            };
            // An empty acknowledgement, or one with faulty blocks, shows nothing.
            let _ = response_url::speak(&mut world, target, &said);
        }
        if let Some(error) = reply.acks.first().and_then(trouble) {
            let text = format!("{command} failed with the error \"{error}\"");
            let slackbot = note(&mut world, target, text);
            world.messages.push(slackbot);
            reply.error = Some(error);
        }
        let names = world.names();
        reply.shown = world.messages.get(before).cloned();
        if let Some(shown) = &mut reply.shown {
            shown.names = names;
        }
        drop(world);
        self.shared.touch();
    }
}

/// What Slack tells the person of a failed delivery.
pub(super) fn trouble(ack: &Ack) -> Option<String> {
    let error = ack.error.as_deref()?;
    Some(if error == "operation_timeout" {
        error.into()
    } else {
        "dispatch_failed".into()
    })
}

fn note(world: &mut World, target: &ResponseUrl, text: String) -> Message {
    Message {
        ts: world.next_ts(),
        channel: target.channel.clone(),
        user: "USLACKBOT".into(),
        text,
        only_for: Some(target.user.clone()),
        ..Message::default()
    }
}

fn spoken_to(world: &World, user: String, channel: String) -> ResponseUrl {
    let expires = Instant::now() + world.settings.response_url_life;
    ResponseUrl {
        user,
        channel,
        original: None,
        uses_left: 1,
        expires,
    }
}
