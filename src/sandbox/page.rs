//! The page for the browser and the JSON routes it uses.
//!
//! The routes under `/sandbox/` are not Slack's: they let the page (and a person with `curl`) act
//! and look as anybody. They take JSON only, so no other site's form can reach them.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::Stream;
use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{Fault, Outward};
use super::message::Message;
use super::settings::Channel;
use super::spot::Spot;
use super::view::View;
use super::world::World;
use super::{Sandbox, SandboxError, Shared, SubmitValues};

const INDEX: &str = include_str!("page/index.html");
const STYLE: &str = include_str!("page/style.css");
const TEXT_JS: &str = include_str!("page/text.js");
const KIT_JS: &str = include_str!("page/kit.js");
const APP_JS: &str = include_str!("page/app.js");

/// Nothing is loaded from elsewhere but the pictures that messages show.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data: https: http:; base-uri 'none'; form-action 'none'";

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/", get(index))
        .route("/archives/{channel}", get(index))
        .route("/archives/{channel}/{message}", get(index))
        .route("/sandbox/style.css", get(async || asset("text/css", STYLE)))
        .route(
            "/sandbox/text.js",
            get(async || asset("text/javascript", TEXT_JS)),
        )
        .route(
            "/sandbox/kit.js",
            get(async || asset("text/javascript", KIT_JS)),
        )
        .route(
            "/sandbox/app.js",
            get(async || asset("text/javascript", APP_JS)),
        )
        .route("/sandbox/live", get(live))
        .route("/sandbox/state", get(state))
        .route("/sandbox/calls", get(calls))
        .route("/sandbox/faults", post(faults))
        .route("/sandbox/slash", post(slash))
        .route("/sandbox/say", post(say))
        .route("/sandbox/act", post(act))
        .route("/sandbox/submit", post(submit))
        .route("/sandbox/close", post(close))
        .route("/sandbox/home", post(home))
        .route("/sandbox/suggest", post(suggest))
        .route("/sandbox/shortcut", post(shortcut))
        .route("/sandbox/read", post(read))
}

async fn index() -> impl IntoResponse {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, INDEX)
}

fn asset(kind: &str, text: &'static str) -> impl IntoResponse {
    let kind = format!("{kind}; charset=utf-8");
    (
        [
            (header::CONTENT_TYPE, kind),
            (header::CACHE_CONTROL, "no-store".into()),
        ],
        text,
    )
}

/// A handle that does not keep the stand-in alive.
fn handle(shared: Shared) -> Sandbox {
    Sandbox {
        shared,
        twice: false,
        _stop: None,
    }
}

impl IntoResponse for SandboxError {
    fn into_response(self) -> Response {
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            Json(json!({"error": self.to_string()})),
        )
            .into_response()
    }
}

type Done = Result<Json<Value>, SandboxError>;

/// A number at each change; the page then asks for what there is.
async fn live(State(shared): State<Shared>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut changed = shared.changed.subscribe();
    changed.mark_changed();
    let stop = shared.stop.clone();
    let versions = futures::stream::unfold((changed, stop), |(mut changed, stop)| async {
        tokio::select! {
            () = stop.cancelled() => return None,
            change = changed.changed() => change.ok()?,
        }
        let version = *changed.borrow_and_update();
        Some((
            Ok(Event::default().data(version.to_string())),
            (changed, stop),
        ))
    });
    Sse::new(versions).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}

#[derive(Deserialize)]
struct Who {
    #[serde(default)]
    user: String,
}

/// Everything that a person sees; whoever is not known sees as the first user does.
async fn state(State(shared): State<Shared>, Query(who): Query<Who>) -> Json<Value> {
    let mut world = shared.world();
    let first = world
        .settings
        .users
        .first()
        .map(|user| user.id.clone())
        .unwrap_or_default();
    let me = world.person(&who.user).unwrap_or(first);
    world.open_dm(&me);
    Json(seen_by(&world, &me))
}

fn seen_by(world: &World, me: &str) -> Value {
    let mine = |channel: &&Channel| channel.members.iter().any(|member| member == me);
    let channels: Vec<Value> = world
        .settings
        .channels
        .iter()
        .filter(mine)
        .map(|known| channel_for(world, me, known))
        .collect();
    let stack = world.modals.get(me);
    json!({
        "me": me,
        "team": world.settings.team,
        "app": world.settings.app,
        "users": world.settings.users,
        "groups": world.settings.usergroups,
        "names": *world.names(),
        "channels": channels,
        "modal": stack.and_then(|stack| stack.last()).map(view_for),
        "depth": stack.map_or(0, Vec::len),
        "home": world.homes.get(me).map(view_for),
        "unread": unread_of_all(world),
    })
}

fn view_for(view: &View) -> Value {
    json!({
        "id": view.id, "hash": view.hash, "content": view.content, "errors": view.errors,
        "state": view.state(),
    })
}

fn visible<'a>(
    world: &'a World,
    me: &'a str,
    channel: &'a str,
) -> impl Iterator<Item = &'a Message> {
    let live = world
        .messages
        .iter()
        .filter(move |message| message.channel == channel && !message.deleted);
    live.filter(move |message| message.only_for.as_deref().is_none_or(|only| only == me))
}

fn channel_for(world: &World, me: &str, channel: &Channel) -> Value {
    let messages: Vec<&Message> = visible(world, me, &channel.id).collect();
    json!({
        "id": channel.id, "name": channel.name, "is_private": channel.is_private,
        "is_archived": channel.is_archived, "im_with": channel.im_with,
        "members": channel.members, "bot_member": channel.bot_member,
        "unread": unread(world, me, &channel.id), "messages": messages,
    })
}

/// How many messages of others a person has not read.
fn unread(world: &World, me: &str, channel: &str) -> usize {
    let key = (me.to_owned(), channel.to_owned());
    let read = world.read.get(&key).map_or("", String::as_str);
    visible(world, me, channel)
        .filter(|message| message.user != me && message.ts.as_str() > read)
        .filter(|message| !message.is_reply() || message.broadcast)
        .count()
}

/// How many direct messages each person has not read: the person switcher shows it.
fn unread_of_all(world: &World) -> Value {
    let dms = world
        .settings
        .channels
        .iter()
        .filter_map(|known| Some((known, known.im_with.as_ref()?)));
    dms.map(|(known, user)| (user.clone(), json!(unread(world, user, &known.id))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

async fn calls(State(shared): State<Shared>) -> Json<Value> {
    Json(json!(shared.world().calls))
}

/// A fault in answering, or faults in delivering, or an end to all.
#[derive(Deserialize)]
#[serde(untagged)]
enum FaultOrder {
    Heal { heal: bool },
    Outward { outward: Outward },
    Answer(Fault),
}

async fn faults(State(shared): State<Shared>, Json(order): Json<FaultOrder>) -> Json<Value> {
    let sandbox = handle(shared);
    match order {
        FaultOrder::Heal { heal: true } => sandbox.heal(),
        FaultOrder::Heal { heal: false } => {}
        FaultOrder::Outward { outward } => sandbox.outward(outward),
        FaultOrder::Answer(fault) => sandbox.fault(fault),
    }
    Json(json!({"ok": true}))
}

#[derive(Deserialize)]
struct Words {
    user: String,
    channel: String,
    text: String,
    #[serde(default)]
    command: String,
    thread_ts: Option<String>,
}

async fn slash(State(shared): State<Shared>, Json(said): Json<Words>) -> Done {
    let sandbox = handle(shared);
    let reply = sandbox
        .slash(&said.user, &said.channel, &said.command, &said.text)
        .await?;
    Ok(Json(json!(reply)))
}

async fn say(State(shared): State<Shared>, Json(said): Json<Words>) -> Done {
    let sandbox = handle(shared);
    let message = sandbox.say(
        &said.user,
        &said.channel,
        &said.text,
        said.thread_ts.as_deref(),
    )?;
    Ok(Json(json!(message)))
}

/// One input's value, as the page knows it.
#[derive(Deserialize)]
struct Filled {
    key: String,
    value: Value,
}

#[derive(Deserialize)]
struct Use {
    user: String,
    /// `modal`, `home`, or absent for a message.
    on: Option<String>,
    channel: Option<String>,
    ts: Option<String>,
    key: String,
    value: Option<Value>,
    /// What else is typed in the modal at that moment.
    #[serde(default)]
    values: Vec<Filled>,
}

async fn act(State(shared): State<Shared>, Json(used): Json<Use>) -> Done {
    let sandbox = handle(shared);
    let spot = match used.on.as_deref() {
        Some("modal") => Spot::Modal,
        Some("home") => Spot::Home,
        _ => Spot::Message {
            channel: used.channel.unwrap_or_default(),
            ts: used.ts.unwrap_or_default(),
        },
    };
    sandbox.fill_in(&used.user, &values(used.values))?;
    let reply = sandbox
        .use_element(&used.user, &spot, &used.key, used.value)
        .await?;
    Ok(Json(json!(reply)))
}

fn values(filled: Vec<Filled>) -> SubmitValues {
    filled.into_iter().fold(SubmitValues::new(), |all, one| {
        all.with(&one.key, one.value)
    })
}

#[derive(Deserialize)]
struct Sent {
    user: String,
    values: Vec<Filled>,
}

async fn submit(State(shared): State<Shared>, Json(sent): Json<Sent>) -> Done {
    let reply = handle(shared)
        .submit(&sent.user, values(sent.values))
        .await?;
    Ok(Json(json!(reply)))
}

#[derive(Deserialize)]
struct Close {
    user: String,
    #[serde(default)]
    all: bool,
}

async fn close(State(shared): State<Shared>, Json(close): Json<Close>) -> Done {
    let sandbox = handle(shared);
    let reply = if close.all {
        sandbox.clear_modals(&close.user).await?
    } else {
        sandbox.close_modal(&close.user).await?
    };
    Ok(Json(json!(reply)))
}

async fn home(State(shared): State<Shared>, Json(who): Json<Who>) -> Done {
    Ok(Json(json!(handle(shared).open_home(&who.user).await?)))
}

#[derive(Deserialize)]
struct Question {
    user: String,
    key: String,
    query: String,
}

async fn suggest(State(shared): State<Shared>, Json(asked): Json<Question>) -> Done {
    let options = handle(shared)
        .suggest(&asked.user, &asked.key, &asked.query)
        .await?;
    Ok(Json(json!({"options": options})))
}

#[derive(Deserialize)]
struct ShortcutUse {
    user: String,
    callback_id: String,
    channel: Option<String>,
    ts: Option<String>,
}

async fn shortcut(State(shared): State<Shared>, Json(used): Json<ShortcutUse>) -> Done {
    let sandbox = handle(shared);
    let reply = match (used.channel, used.ts) {
        (Some(channel), Some(ts)) => {
            sandbox
                .message_shortcut(&used.user, (&channel, &ts), &used.callback_id)
                .await?
        }
        _ => sandbox.shortcut(&used.user, &used.callback_id).await?,
    };
    Ok(Json(json!(reply)))
}

#[derive(Deserialize)]
struct Read {
    user: String,
    channel: String,
    ts: String,
}

async fn read(State(shared): State<Shared>, Json(read): Json<Read>) -> Done {
    let changed = {
        let mut world = shared.world();
        let user = world.person(&read.user)?;
        let place = world.place(&read.channel)?;
        world.read.insert((user, place), read.ts.clone()) != Some(read.ts)
    };
    if changed {
        shared.touch();
    }
    Ok(Json(json!({"ok": true})))
}
