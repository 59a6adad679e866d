//! What is sent to the bot when a person does something.

use serde_json::{Map, Value, json};

use super::entry::{self, Found};
use super::message::Message;
use super::view::View;
use super::world::{Entered, World};

/// The verification token that Slack still sends, and nobody should rely on.
const TOKEN: &str = "sandbox-verification-token";

/// Where an element was used.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Message(Box<Message>),
    View(Box<View>),
}

impl Place {
    pub(super) fn blocks(&self) -> &[Value] {
        match self {
            Self::Message(message) => &message.blocks,
            Self::View(view) => view.blocks(),
        }
    }
}

/// A slash command, as the fields of its form.
pub(super) fn command(world: &mut World, user: &str, channel: &str, words: (&str, &str)) -> Value {
    let trigger = world.new_trigger(user);
    let response_url = world.new_response_url(user, channel, None);
    let settings = &world.settings;
    let direct = channel.starts_with('D');
    let known = world.find_channel(channel);
    let channel_name = if direct {
        "directmessage"
    } else {
        known.map_or("", |known| &known.name)
    };
    let mut form = json!({
        "token": TOKEN, "team_id": settings.team.id, "team_domain": settings.team.domain,
        "channel_id": channel, "channel_name": channel_name, "user_id": user,
        "user_name": world.user(user).map(|user| user.name.clone()), "command": words.0,
        "text": escaped(world, words.1), "api_app_id": settings.app.id,
        "is_enterprise_install": settings.org_install.to_string(),
        "response_url": response_url, "trigger_id": trigger,
    });
    if settings.org_install {
        form["enterprise_id"] = json!("E0ACME");
        form["enterprise_name"] = json!("Acme Holding");
    }
    form
}

/// A command's text as `should_escape` makes it: mentions, channels and links in angle brackets.
fn escaped(world: &World, text: &str) -> String {
    if !world.settings.escape_mentions {
        return text.to_owned();
    }
    text.split_inclusive(char::is_whitespace)
        .map(|word| escaped_word(world, word))
        .collect()
}

fn escaped_word(world: &World, typed: &str) -> String {
    let ends = |letter: char| letter.is_whitespace() || ",;:!?)".contains(letter);
    let core = typed.trim_end_matches(ends);
    let rest = &typed[core.len()..];
    if core.starts_with("<@") || core.starts_with("<#") {
        return typed.to_owned();
    }
    if core.starts_with("http://") || core.starts_with("https://") {
        return format!("<{}>{rest}", core.replace('&', "&amp;"));
    }
    if is_address(core) {
        return format!("<mailto:{core}|{core}>{rest}");
    }
    match mention(world, core) {
        Some(mention) => format!("{mention}{rest}"),
        None => typed
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;"),
    }
}

/// A person, group or channel that goes by this name.
fn mention(world: &World, core: &str) -> Option<String> {
    let settings = &world.settings;
    let (sign, name) = core.split_at_checked(1)?;
    if sign == "#" {
        let channel = settings.channels.iter().find(|known| known.name == name)?;
        return Some(format!("<#{}|{name}>", channel.id));
    }
    if sign != "@" {
        return None;
    }
    if let Some(user) = settings.users.iter().find(|user| user.name == name) {
        return Some(format!("<@{}|{name}>", user.id));
    }
    let group = settings
        .usergroups
        .iter()
        .find(|group| group.handle == name)?;
    Some(format!("<!subteam^{}|@{name}>", group.id))
}

fn is_address(word: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._%+-".contains(letter);
    word.split_once('@').is_some_and(|(local, host)| {
        !local.is_empty()
            && local.chars().all(plain)
            && host.contains('.')
            && host.chars().all(plain)
    })
}

/// The fields that every interaction has.
fn interaction(world: &mut World, kind: &str, user: &str) -> Map<String, Value> {
    let trigger = world.new_trigger(user);
    let name = world
        .user(user)
        .map(|user| user.name.clone())
        .unwrap_or_default();
    // What happens in a workspace names it, also for somebody whose user object names none.
    let team = world
        .user(user)
        .map(|user| user.team_id.clone())
        .filter(|team| !team.is_empty())
        .unwrap_or_else(|| world.settings.team.id.clone());
    let mut map = world.install();
    let pairs = [
        ("type", json!(kind)),
        ("token", json!(TOKEN)),
        ("api_app_id", json!(world.settings.app.id)),
        ("trigger_id", json!(trigger)),
        (
            "user",
            json!({"id": user, "username": name, "name": name, "team_id": team}),
        ),
    ];
    map.extend(pairs.map(|(key, value)| (key.to_owned(), value)));
    map
}

/// A press of a button or a choice.
pub(super) fn block_actions(world: &mut World, user: &str, place: &Place, action: &Value) -> Value {
    let mut map = interaction(world, "block_actions", user);
    map.insert("actions".into(), json!([action]));
    match place {
        Place::Message(message) => {
            on_message(world, &mut map, user, message);
            let url = world.new_response_url(user, &message.channel, Some(&message.ts));
            map.insert("response_url".into(), json!(url));
            let state = entry::state_values(&message.blocks, &choices(world, user, message));
            map.insert("state".into(), json!({"values": state}));
        }
        Place::View(view) => {
            in_view(world, &mut map, view);
        }
    }
    Value::Object(map)
}

fn choices(world: &World, user: &str, message: &Message) -> Entered {
    let key = (user.to_owned(), message.channel.clone(), message.ts.clone());
    world.choices.get(&key).cloned().unwrap_or_default()
}

fn on_message(world: &World, map: &mut Map<String, Value>, user: &str, message: &Message) {
    let ephemeral = message.only_for.as_deref() == Some(user);
    let mut container = json!({
        "type": "message", "message_ts": message.ts, "channel_id": message.channel,
        "is_ephemeral": ephemeral,
    });
    if let Some(root) = &message.thread_ts {
        container["thread_ts"] = json!(root);
    }
    let known = world.find_channel(&message.channel);
    let name = match known {
        Some(known) if known.im_with.is_some() => "directmessage",
        Some(known) if known.is_private => "privategroup",
        Some(known) => &known.name,
        None => "",
    };
    map.insert("container".into(), container);
    map.insert(
        "channel".into(),
        json!({"id": message.channel, "name": name}),
    );
    let api = message.to_api(&world.settings.app, &world.settings.team.id);
    map.insert("message".into(), api);
}

fn in_view(world: &World, map: &mut Map<String, Value>, view: &View) {
    map.insert(
        "container".into(),
        json!({"type": "view", "view_id": view.id}),
    );
    map.insert("view".into(), view.to_api(&world.settings));
}

/// One entry of `actions`: the element as it was used.
pub(super) fn action(world: &mut World, found: &Found, value: Option<&Value>) -> Value {
    let mut action = json!({
        "type": found.kind(), "action_id": found.action_id(), "block_id": found.block_id(),
        "action_ts": world.next_ts(),
    });
    for key in ["text", "value", "style", "url", "placeholder", "confirm"] {
        if let Some(kept) = found.element.get(key).filter(|_| !key.is_empty()) {
            action[key] = kept.clone();
        }
    }
    for (key, value) in value
        .as_ref()
        .and_then(|value| value.as_object())
        .into_iter()
        .flatten()
    {
        action[key] = value.clone();
    }
    action
}

/// A modal sent with its button.
pub(super) fn view_submission(world: &mut World, view: &View) -> Value {
    let mut map = interaction(world, "view_submission", &view.user);
    map.insert("view".into(), view.to_api(&world.settings));
    map.insert("response_urls".into(), json!([]));
    Value::Object(map)
}

/// A modal put away.
pub(super) fn view_closed(world: &mut World, view: &View, cleared: bool) -> Value {
    let mut map = interaction(world, "view_closed", &view.user);
    map.remove("trigger_id");
    map.insert("view".into(), view.to_api(&world.settings));
    map.insert("is_cleared".into(), json!(cleared));
    Value::Object(map)
}

/// A global shortcut, or one used on a message.
pub(super) fn shortcut(
    world: &mut World,
    user: &str,
    callback: &str,
    on: Option<&Message>,
) -> Value {
    let kind = if on.is_some() {
        "message_action"
    } else {
        "shortcut"
    };
    let mut map = interaction(world, kind, user);
    map.insert("callback_id".into(), json!(callback));
    map.insert("action_ts".into(), json!(world.next_ts()));
    if let Some(message) = on {
        on_message(world, &mut map, user, message);
        map.remove("container");
        map.insert("message_ts".into(), json!(message.ts));
        let url = world.new_response_url(user, &message.channel, Some(&message.ts));
        map.insert("response_url".into(), json!(url));
    }
    Value::Object(map)
}

/// A question for options while a person types.
pub(super) fn suggestion(
    world: &mut World,
    user: &str,
    place: &Place,
    asked: (&Found, &str),
) -> Value {
    let mut map = interaction(world, "block_suggestion", user);
    map.remove("trigger_id");
    map.insert("action_id".into(), json!(asked.0.action_id()));
    map.insert("block_id".into(), json!(asked.0.block_id()));
    map.insert("value".into(), json!(asked.1));
    match place {
        Place::Message(message) => on_message(world, &mut map, user, message),
        Place::View(view) => in_view(world, &mut map, view),
    }
    Value::Object(map)
}

/// An event in its envelope.
pub(super) fn event(world: &mut World, inner: &Value) -> Value {
    let settings = &world.settings;
    let org = settings.org_install;
    let enterprise = if org { json!("E0ACME") } else { Value::Null };
    let (team, app, bot) = (
        settings.team.id.clone(),
        settings.app.id.clone(),
        settings.app.bot_user.clone(),
    );
    let authorised = json!([{
        "enterprise_id": enterprise, "team_id": if org { Value::Null } else { json!(team) },
        "user_id": bot, "is_bot": true, "is_enterprise_install": org,
    }]);
    let mut inner = inner.clone();
    if inner["event_ts"].is_null() {
        inner["event_ts"] = json!(world.next_ts());
    }
    json!({
        "token": TOKEN, "team_id": team, "api_app_id": app, "event": inner,
        "type": "event_callback", "event_id": world.next_id("Ev"),
        "event_time": super::time::now().timestamp(), "authorizations": authorised,
        "is_ext_shared_channel": false, "event_context": world.next_id("4-"),
    })
}

/// Slack's question whether an address for events is the app's.
pub(super) fn url_verification(challenge: &str) -> Value {
    json!({"token": TOKEN, "challenge": challenge, "type": "url_verification"})
}
