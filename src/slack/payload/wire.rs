//! The JSON and forms as Slack writes them, and how they become what we keep.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{
    Actor, Click, Delivery, Frame, Malformed, Matter, Shortcut, SlashCommand, Submission, View,
    Workspace,
};

/// A field that Slack leaves out or sets to null when it has nothing to say.
fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    #[serde(deserialize_with = "nullable")]
    id: String,
    team_id: Option<String>,
    enterprise_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Interaction {
    #[serde(rename = "type", deserialize_with = "nullable")]
    kind: String,
    team: Option<Named>,
    enterprise: Option<Named>,
    #[serde(deserialize_with = "nullable")]
    is_enterprise_install: bool,
    user: Option<Named>,
    channel: Option<Named>,
    container: Option<Container>,
    message: Option<Message>,
    view: Option<WireView>,
    #[serde(deserialize_with = "nullable")]
    actions: Vec<Action>,
    #[serde(deserialize_with = "nullable")]
    action_id: String,
    #[serde(deserialize_with = "nullable")]
    value: String,
    #[serde(deserialize_with = "nullable")]
    callback_id: String,
    message_ts: Option<String>,
    #[serde(deserialize_with = "nullable")]
    trigger_id: String,
    response_url: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Container {
    message_ts: Option<String>,
    channel_id: Option<String>,
    thread_ts: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    ts: Option<String>,
    thread_ts: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Action {
    #[serde(rename = "action_id", deserialize_with = "nullable")]
    id: String,
    #[serde(rename = "action_ts", deserialize_with = "nullable")]
    at: String,
    #[serde(flatten)]
    input: Input,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireView {
    #[serde(deserialize_with = "nullable")]
    id: String,
    #[serde(deserialize_with = "nullable")]
    hash: String,
    #[serde(deserialize_with = "nullable")]
    callback_id: String,
    #[serde(deserialize_with = "nullable")]
    private_metadata: String,
    #[serde(deserialize_with = "nullable")]
    state: State,
    #[serde(rename = "type", deserialize_with = "nullable")]
    kind: String,
    /// Where the app is installed that opened it.
    app_installed_team_id: Option<String>,
}

impl WireView {
    /// The installation whose view it is, by its workspace or organisation. What stands in the tab says
    /// so itself: where two workspaces of an organisation have the app, Slack names the first of them
    /// for the tabs of both.
    fn installed(&self) -> Option<String> {
        let said = Some(&self.private_metadata);
        let said = said.filter(|id| self.kind == "home" && id.starts_with(['T', 'E']));
        let named = said.or(self.app_installed_team_id.as_ref());
        named.filter(|id| !id.is_empty()).cloned()
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct State {
    #[serde(deserialize_with = "nullable")]
    values: BTreeMap<String, BTreeMap<String, Input>>,
}

/// What an input holds. Elements that we do not use are left out rather than refused.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Input {
    value: Option<Value>,
    selected_option: Option<Value>,
    selected_user: Option<Value>,
    selected_date_time: Option<Value>,
    selected_options: Option<Value>,
}

impl Input {
    fn into_text(self) -> Option<String> {
        let option = self
            .selected_option
            .and_then(|option| option.get("value").cloned());
        // Of boxes to tick, ours have one.
        let ticked = self.selected_options;
        let ticked = ticked.and_then(|ticked| ticked.get(0)?.get("value").cloned());
        let first = [
            ticked,
            self.value,
            option,
            self.selected_user,
            self.selected_date_time,
        ];
        match first.into_iter().flatten().find(|value| !value.is_null())? {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Callback {
    #[serde(rename = "type", deserialize_with = "nullable")]
    kind: String,
    #[serde(deserialize_with = "nullable")]
    challenge: String,
    team_id: Option<String>,
    enterprise_id: Option<String>,
    #[serde(deserialize_with = "nullable")]
    event_id: String,
    event_time: Option<i64>,
    event: Option<Value>,
    #[serde(deserialize_with = "nullable")]
    authorizations: Vec<Authorization>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Authorization {
    team_id: Option<String>,
    enterprise_id: Option<String>,
    #[serde(deserialize_with = "nullable")]
    is_enterprise_install: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope {
    #[serde(rename = "type", deserialize_with = "nullable")]
    kind: String,
    #[serde(rename = "envelope_id", deserialize_with = "nullable")]
    id: String,
    #[serde(deserialize_with = "nullable")]
    reason: String,
    payload: Option<Value>,
}

/// Reads a slash command from a form.
pub(super) fn command(form: &[u8]) -> Result<Delivery, Malformed> {
    let fields: BTreeMap<Cow<'_, str>, Cow<'_, str>> = url::form_urlencoded::parse(form).collect();
    from_fields(|name| fields.get(name).map(|value| value.clone().into_owned()))
}

/// Reads a slash command from its fields, wherever they stand.
fn from_fields(field: impl Fn(&str) -> Option<String>) -> Result<Delivery, Malformed> {
    let some = |name: &str| field(name).filter(|value| !value.is_empty());
    let needed = |name: &'static str| {
        some(name).ok_or_else(|| Malformed {
            what: "command",
            fault: format!("no {name}"),
        })
    };
    let command = SlashCommand {
        by: Actor {
            user: needed("user_id")?,
            team: some("team_id"),
        },
        command: needed("command")?,
        text: some("text").unwrap_or_default(),
        channel: some("channel_id").unwrap_or_default(),
        trigger: needed("trigger_id")?,
        response_url: some("response_url"),
    };
    let workspace = Workspace {
        team: some("team_id"),
        enterprise: some("enterprise_id"),
        org_wide: some("is_enterprise_install").is_some_and(|value| value == "true"),
    };
    Ok(Delivery {
        workspace,
        matter: Matter::Command(command),
    })
}

/// Reads an interaction.
pub(super) fn interaction(json: &[u8]) -> Result<Delivery, Malformed> {
    let what = "interaction";
    let mut wire: Interaction = read(what, json)?;
    let workspace = wire.workspace();
    let kind = std::mem::take(&mut wire.kind);
    let matter = match kind.as_str() {
        "" => return Err(missing(what, "type")),
        "block_actions" => wire.click()?,
        "view_submission" => Matter::Submission(Submission {
            by: wire.actor(what)?,
            trigger: wire.trigger_id.clone(),
            view: wire.view(what)?,
        }),
        "view_closed" => Matter::Closed {
            by: wire.actor(what)?,
            view: wire.view(what)?,
        },
        "shortcut" | "message_action" => Matter::Shortcut(Shortcut {
            by: wire.actor(what)?,
            channel: wire.channel.take().map(|named| named.id),
            thread_ts: wire.message.as_ref().and_then(|one| one.thread_ts.clone()),
            message_ts: wire
                .message_ts
                .or(wire.message.and_then(|message| message.ts)),
            callback_id: wire.callback_id,
            trigger: wire.trigger_id,
            response_url: wire.response_url,
        }),
        "block_suggestion" => Matter::Suggestion {
            by: wire.actor(what)?,
            view: wire.view.take().map(View::from),
            action_id: wire.action_id,
            typed: wire.value,
        },
        _ => Matter::Unknown { kind },
    };
    Ok(Delivery { workspace, matter })
}

impl Interaction {
    fn workspace(&self) -> Workspace {
        let team = self.team.as_ref();
        let enterprise = self.enterprise.as_ref().map(|named| named.id.clone());
        let from = Workspace {
            team: team.map(|team| team.id.clone()).filter(|id| !id.is_empty()),
            enterprise: enterprise
                .or_else(|| team.and_then(|team| team.enterprise_id.clone()))
                .filter(|id| !id.is_empty()),
            org_wide: self.is_enterprise_install,
        };
        match self.view.as_ref().and_then(WireView::installed) {
            Some(id) => of_installation(id, from),
            None => from,
        }
    }

    fn actor(&self, what: &'static str) -> Result<Actor, Malformed> {
        let user = self.user.as_ref().filter(|user| !user.id.is_empty());
        let user = user.ok_or_else(|| missing(what, "user"))?;
        Ok(Actor {
            user: user.id.clone(),
            team: user.team_id.clone(),
        })
    }

    fn view(&mut self, what: &'static str) -> Result<View, Malformed> {
        let view = self.view.take().filter(|view| !view.id.is_empty());
        view.map(View::from).ok_or_else(|| missing(what, "view"))
    }

    fn click(mut self) -> Result<Matter, Malformed> {
        let what = "click";
        let by = self.actor(what)?;
        if self.actions.is_empty() {
            return Err(missing(what, "actions"));
        }
        let action = self.actions.swap_remove(0);
        let container = self.container.unwrap_or_default();
        let message = self.message.unwrap_or_default();
        Ok(Matter::Click(Click {
            by,
            action_id: action.id,
            value: action.input.into_text().unwrap_or_default(),
            at: action.at,
            channel: self.channel.map(|named| named.id).or(container.channel_id),
            message_ts: container.message_ts.or(message.ts),
            thread_ts: container.thread_ts.or(message.thread_ts),
            view: self.view.map(View::from),
            trigger: self.trigger_id,
            response_url: self.response_url,
        }))
    }
}

/// Where a view belongs: to the installation that opened it, although whoever uses it may be of
/// another workspace, which shares a channel.
fn of_installation(id: String, from: Workspace) -> Workspace {
    if from.team.as_ref() == Some(&id) {
        return from;
    }
    if id.starts_with('E') {
        return Workspace {
            enterprise: Some(id),
            org_wide: true,
            ..from
        };
    }
    Workspace {
        team: Some(id),
        ..Workspace::default()
    }
}

impl From<WireView> for View {
    fn from(wire: WireView) -> Self {
        let texts = |actions: BTreeMap<String, Input>| {
            let texts = actions.into_iter();
            texts
                .filter_map(|(action, input)| Some((action, input.into_text()?)))
                .collect()
        };
        let values = wire.state.values.into_iter();
        Self {
            id: wire.id,
            hash: wire.hash,
            callback_id: wire.callback_id,
            private_metadata: wire.private_metadata,
            values: values
                .map(|(block, actions)| (block, texts(actions)))
                .collect(),
        }
    }
}

/// Reads an event.
pub(super) fn event(json: &[u8]) -> Result<Delivery, Malformed> {
    let wire: Callback = read("event", json)?;
    let workspace = wire.workspace();
    let matter = match wire.kind.as_str() {
        "" => return Err(missing("event", "type")),
        "url_verification" => Matter::Verification {
            challenge: wire.challenge,
        },
        "event_callback" => wire.into_event()?,
        _ => Matter::Unknown { kind: wire.kind },
    };
    Ok(Delivery { workspace, matter })
}

impl Callback {
    fn workspace(&self) -> Workspace {
        let first = self.authorizations.first();
        let authorized = first.and_then(|first| first.team_id.clone());
        let enterprise = first.and_then(|first| first.enterprise_id.clone());
        Workspace {
            team: authorized.or_else(|| self.team_id.clone()),
            enterprise: enterprise.or_else(|| self.enterprise_id.clone()),
            org_wide: first.is_some_and(|first| first.is_enterprise_install),
        }
    }

    fn into_event(self) -> Result<Matter, Malformed> {
        if self.event_id.is_empty() {
            return Err(missing("event", "event_id"));
        }
        let event = self.event.unwrap_or_default();
        let kind = event.get("type").and_then(Value::as_str);
        let user = event.get("user");
        // `user` is an id in most events and a whole profile in `user_change`.
        let user = user.and_then(|user| user.as_str().or_else(|| user.get("id")?.as_str()));
        // Of `tokens_revoked`, the bot's are what matters here; people's own tokens we have none of.
        let revoked = || event.get("tokens")?.get("bot")?.get(0)?.as_str();
        let user = user.or_else(revoked);
        // Slack says so too of the messages beside it, in which nothing is to be shown.
        let elsewhere = event.get("tab").is_some_and(|tab| tab == "messages");
        let user = user.filter(|_| !elsewhere);
        Ok(Matter::Event {
            id: self.event_id,
            kind: kind.unwrap_or_default().to_owned(),
            user: user.map(str::to_owned),
            at: self.event_time,
        })
    }
}

/// Reads one message of a Socket Mode connection.
pub(super) fn frame(json: &[u8]) -> Result<Frame, Malformed> {
    let wire: Envelope = read("frame", json)?;
    match wire.kind.as_str() {
        "hello" => return Ok(Frame::Hello),
        "disconnect" => {
            return Ok(Frame::Disconnect {
                reason: wire.reason,
            });
        }
        _ if wire.id.is_empty() => return Ok(Frame::Unknown { kind: wire.kind }),
        _ => {}
    }
    let payload = wire.payload.unwrap_or_default();
    let delivery = match wire.kind.as_str() {
        "slash_commands" => from_fields(|name| field(&payload, name)),
        "interactive" => interaction(payload.to_string().as_bytes()),
        "events_api" => event(payload.to_string().as_bytes()),
        _ => Ok(Delivery {
            workspace: Workspace::default(),
            matter: Matter::Unknown { kind: wire.kind },
        }),
    };
    Ok(Frame::Envelope {
        id: wire.id,
        delivery: delivery.map(Box::new),
    })
}

/// A field of a command in JSON, where flags may be true booleans.
fn field(payload: &Value, name: &str) -> Option<String> {
    match payload.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn read<'a, T: Deserialize<'a>>(what: &'static str, json: &'a [u8]) -> Result<T, Malformed> {
    serde_json::from_slice(json).map_err(|error| Malformed {
        what,
        fault: fault(&error),
    })
}

/// Where a JSON text goes wrong. The error's own words quote the text, so they are not used.
fn fault(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Data => "a field has an unexpected type",
        _ => "not JSON",
    };
    format!("{kind} (line {}, column {})", error.line(), error.column())
}

fn missing(what: &'static str, field: &str) -> Malformed {
    Malformed {
        what,
        fault: format!("no {field}"),
    }
}
