//! The Web API: `GET` and `POST` on `/api/METHOD`, form and JSON.

mod args;
mod chat;
mod conversations;
mod files;
mod misc;
mod users;
mod views;

use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::Shared;
use super::calls::Call;
use super::faults::{self, FaultKind};
use super::oauth;
use super::world::World;
pub(super) use args::Args;
pub(super) use files::upload;
pub(super) use views::{apply_view, checked_modal as checked_view, close_top, push_view};

/// An `ok: false` answer.
pub(super) struct Refused {
    code: String,
    extra: Map<String, Value>,
}

impl Refused {
    fn with(mut self, key: &str, value: Value) -> Self {
        self.extra.insert(key.into(), value);
        self
    }

    fn with_messages(self, messages: &[String]) -> Self {
        self.with("response_metadata", json!({"messages": messages}))
    }

    pub(super) fn code(&self) -> &str {
        &self.code
    }

    fn body(self) -> Value {
        let mut body = self.extra;
        body.insert("ok".into(), json!(false));
        body.insert("error".into(), json!(self.code));
        Value::Object(body)
    }
}

pub(super) fn refused(code: &str) -> Refused {
    Refused {
        code: code.into(),
        extra: Map::new(),
    }
}

pub(super) type Answer = Result<Value, Refused>;

/// Which token a method takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Bot,
    App,
    None,
}

struct Method {
    name: &'static str,
    token: Token,
    /// Any one of these scopes will do; empty for none needed.
    scopes: &'static [&'static str],
    run: fn(&mut World, &Args) -> Answer,
}

const fn method(
    name: &'static str,
    scopes: &'static [&'static str],
    run: fn(&mut World, &Args) -> Answer,
) -> Method {
    Method {
        name,
        token: Token::Bot,
        scopes,
        run,
    }
}

const CHANNELS_READ: &[&str] = &["channels:read", "groups:read", "im:read", "mpim:read"];

static METHODS: &[Method] = &[
    Method {
        name: "api.test",
        token: Token::None,
        scopes: &[],
        run: misc::api_test,
    },
    method("auth.test", &[], misc::auth_test),
    method("auth.teams.list", &[], misc::teams),
    Method {
        name: "oauth.v2.access",
        token: Token::None,
        scopes: &[],
        run: oauth::access,
    },
    method("auth.revoke", &[], oauth::revoke),
    method("apps.uninstall", &[], oauth::uninstall),
    method("team.info", &["team:read"], misc::team_info),
    method("blocks.validate", &[], misc::blocks_validate),
    Method {
        name: "apps.connections.open",
        token: Token::App,
        scopes: &[],
        run: misc::connect,
    },
    method("reactions.add", &["reactions:write"], misc::reactions_add),
    method("chat.postMessage", &["chat:write"], chat::post_message),
    method("chat.postEphemeral", &["chat:write"], chat::post_ephemeral),
    method("chat.update", &["chat:write"], chat::update),
    method("chat.delete", &["chat:write"], chat::delete),
    method("chat.getPermalink", &[], chat::permalink),
    method(
        "conversations.open",
        &["im:write", "mpim:write"],
        conversations::open,
    ),
    method("conversations.info", CHANNELS_READ, conversations::info),
    method("conversations.list", CHANNELS_READ, conversations::list),
    method(
        "conversations.members",
        CHANNELS_READ,
        conversations::members,
    ),
    method(
        "conversations.join",
        &["channels:join"],
        conversations::join,
    ),
    method("users.info", &["users:read"], users::info),
    method("users.list", &["users:read"], users::list),
    method(
        "users.lookupByEmail",
        &["users:read.email"],
        users::lookup_by_email,
    ),
    method("users.profile.get", &["users.profile:read"], users::profile),
    method("usergroups.list", &["usergroups:read"], users::groups),
    method(
        "usergroups.users.list",
        &["usergroups:read"],
        users::group_members,
    ),
    method("views.open", &[], views::open),
    method("views.push", &[], views::push),
    method("views.update", &[], views::update),
    method("views.publish", &[], views::publish),
    method(
        "files.getUploadURLExternal",
        &["files:write"],
        files::upload_url,
    ),
    method(
        "files.completeUploadExternal",
        &["files:write"],
        files::complete,
    ),
];

/// Answers one call.
pub(super) async fn call(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let args = Args::read(query.as_deref(), &headers, &body);
    let shared = shared.whose(|world| oauth::is_for(world, &args));
    let fault = {
        let mut world = shared.world();
        let fault = faults::take(&mut world.faults, &name, args.str("channel"));
        fault.or_else(|| too_fast(&mut world, &name, &args))
    };
    let early = fault.as_ref().and_then(refuse_early);
    let answered = match early {
        Some(answer) => answer,
        None => (StatusCode::OK, run(&mut shared.world(), &name, &args)),
    };
    shared.record(call_of(&name, &args, &answered, fault.as_ref()));
    if answered.1["ok"] == true {
        oauth::tell(&shared, &name);
    }
    finish(&shared, answered, fault).await
}

/// The limit that the call runs into, if there is one.
fn too_fast(world: &mut World, name: &str, args: &Args) -> Option<FaultKind> {
    let channel = args.str("channel");
    let place = channel.map(|channel| match world.find_channel(channel) {
        Some(known) => known.id.clone(),
        None => channel.to_owned(),
    });
    let retry_after = world.rates.take(name, place.as_deref())?;
    Some(FaultKind::RateLimited { retry_after })
}

/// The faults that keep the call from having any effect.
fn refuse_early(fault: &FaultKind) -> Option<(StatusCode, Value)> {
    match fault {
        FaultKind::RateLimited { .. } => {
            Some((StatusCode::TOO_MANY_REQUESTS, refused("ratelimited").body()))
        }
        FaultKind::Status { status } => Some((status_of(*status), Value::Null)),
        FaultKind::Error { error } => Some((StatusCode::OK, refused(error).body())),
        FaultKind::Hang => Some((StatusCode::OK, Value::Null)),
        _ => None,
    }
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn run(world: &mut World, name: &str, args: &Args) -> Value {
    let answer = find(name).and_then(|method| {
        authorise(world, method, args)?;
        (method.run)(world, args)
    });
    match answer {
        Ok(mut body) => {
            body["ok"] = json!(true);
            body
        }
        Err(refused) => refused.body(),
    }
}

fn find(name: &str) -> Result<&'static Method, Refused> {
    let found = METHODS.iter().find(|method| method.name == name);
    found.ok_or_else(|| refused("unknown_method").with("req_method", json!(name)))
}

fn authorise(world: &World, method: &Method, args: &Args) -> Result<(), Refused> {
    let settings = &world.settings;
    let (wanted, other) = match method.token {
        Token::None => return Ok(()),
        Token::Bot => (&settings.bot_token, &settings.app_token),
        Token::App => (&settings.app_token, &settings.bot_token),
    };
    match args.token.as_deref() {
        None | Some("") => return Err(refused("not_authed")),
        Some(token) if method.token == Token::Bot && oauth::is_granted(world, token) => {
            oauth::look_at(world, token)?;
        }
        Some(token) if token == other => return Err(refused("not_allowed_token_type")),
        Some(token) if token != wanted => return Err(refused("invalid_auth")),
        Some(_) => {}
    }
    let has = |scope: &&&str| settings.scopes.iter().any(|held| held == **scope);
    if method.scopes.is_empty() || method.scopes.iter().any(|scope| has(&scope)) {
        return Ok(());
    }
    let provided = settings.scopes.join(",");
    let missing = refused("missing_scope").with("needed", json!(method.scopes.join(",")));
    Err(missing.with("provided", json!(provided)))
}

fn call_of(
    name: &str,
    args: &Args,
    answered: &(StatusCode, Value),
    fault: Option<&FaultKind>,
) -> Call {
    let status = match fault {
        Some(FaultKind::Hang | FaultKind::DoneThenHang | FaultKind::DoneThenCut) => 0,
        Some(FaultKind::DoneThenStatus { status }) => *status,
        _ => answered.0.as_u16(),
    };
    Call {
        method: name.into(),
        args: args.map.clone(),
        status,
        answer: answered.1.clone(),
    }
}

/// Sends the answer, or fails to, as the fault wants it.
async fn finish(
    shared: &Shared,
    answered: (StatusCode, Value),
    fault: Option<FaultKind>,
) -> Response {
    match &fault {
        Some(FaultKind::Hang | FaultKind::DoneThenHang) => {
            shared.stop.cancelled().await;
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        Some(FaultKind::DoneThenCut) => return cut_off(),
        Some(FaultKind::DoneThenStatus { status }) => return status_of(*status).into_response(),
        Some(fault) => {
            if let Some(pause) = fault.pause() {
                tokio::time::sleep(pause).await;
            }
        }
        None => {}
    }
    let (status, body) = answered;
    let mut response = match body {
        Value::Null => status.into_response(),
        body => (status, axum::Json(body)).into_response(),
    };
    if let Some(FaultKind::RateLimited { retry_after }) = fault {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(retry_after));
    }
    let scopes = shared.world().settings.scopes.join(",");
    if let Ok(scopes) = HeaderValue::from_str(&scopes) {
        response.headers_mut().insert("x-oauth-scopes", scopes);
    }
    response
}

/// A response whose body breaks off after its first bytes.
fn cut_off() -> Response {
    let pieces = [
        Ok(Bytes::from_static(b"{\"ok\"")),
        Err(std::io::Error::other("cut")),
    ];
    let body = Body::from_stream(futures::stream::iter(pieces));
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
