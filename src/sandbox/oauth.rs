//! Installing the app by OAuth: the page on which somebody agrees, `oauth.v2.access` for codes and
//! refresh tokens, and the ends of it: `auth.revoke`, `apps.uninstall`.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::api::{Answer, Args, Refused, refused};
use super::world::World;
use super::{Sandbox, Shared, deliver, payload};

/// How long Slack's tokens live where they are rotated, in seconds.
const LIFE: u32 = 43_200;

/// What was granted in one workspace.
#[derive(Default)]
pub(super) struct Grants {
    codes: Vec<Code>,
    tokens: Vec<Token>,
}

/// A code that a browser carries to the app. It works once.
struct Code {
    word: String,
    redirect_uri: String,
    used: bool,
}

/// A bot token, with what the next one is got with.
struct Token {
    word: String,
    refresh: Option<String>,
    /// Why it is good no more.
    over: Option<&'static str>,
}

/// What a browser brings to the page.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    client_id: String,
    #[serde(default)]
    scope: String,
    redirect_uri: String,
    #[serde(default)]
    state: String,
    /// The workspace, and whether somebody agreed; only in the answer.
    #[serde(default)]
    team: String,
    #[serde(default)]
    agreed: bool,
}

/// The page that asks in which workspace.
pub(super) async fn ask(State(shared): State<Shared>, Query(asked): Query<Asked>) -> Response {
    let all = shared.all();
    let known = all
        .iter()
        .any(|one| one.world().settings.client_id == asked.client_id);
    if !known || asked.scope.is_empty() {
        return (StatusCode::BAD_REQUEST, "invalid client_id or scope").into_response();
    }
    let link = |team: &str, agreed: bool, words: &str| {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("client_id", &asked.client_id)
            .append_pair("redirect_uri", &asked.redirect_uri)
            .append_pair("state", &asked.state)
            .append_pair("team", team)
            .append_pair("agreed", &agreed.to_string());
        let query = form.finish().replace('&', "&amp;");
        format!("<a href=\"/oauth/v2/answer?{query}\">{words}</a>")
    };
    let line = |one: &Shared| {
        let team = one.world().settings.team.clone();
        let allow = link(&team.id, true, "Allow");
        let cancel = link(&team.id, false, "Cancel");
        format!("<p>{}: {allow} {cancel}</p>", team.name)
    };
    let lines: Vec<String> = all.iter().map(line).collect();
    let lines = lines.join("");
    Html(format!("<!doctype html><title>Install</title>{lines}")).into_response()
}

/// Somebody agreed, or did not: back to the app.
pub(super) async fn answer(State(shared): State<Shared>, Query(asked): Query<Asked>) -> Response {
    let Ok(mut back) = Url::parse(&asked.redirect_uri) else {
        return (StatusCode::BAD_REQUEST, "bad_redirect_uri").into_response();
    };
    if asked.agreed {
        let shared = shared.whose(|world| world.settings.team.id == asked.team);
        let code = shared.world().new_code(&asked.redirect_uri);
        back.query_pairs_mut().append_pair("code", &code);
    } else {
        back.query_pairs_mut().append_pair("error", "access_denied");
    }
    back.query_pairs_mut().append_pair("state", &asked.state);
    Redirect::to(back.as_str()).into_response()
}

/// Whether a call is for that workspace: by its token, its code, or its refresh token.
pub(super) fn is_for(world: &World, args: &Args) -> bool {
    let (code, refresh) = (args.str("code"), args.str("refresh_token"));
    let by_token = args
        .token
        .as_deref()
        .is_some_and(|token| token == world.settings.bot_token || is_granted(world, token));
    let codes = world.grants.codes.iter();
    let by_code = code.is_some_and(|code| codes.clone().any(|known| known.word == code));
    let mut tokens = world.grants.tokens.iter();
    let by_refresh = refresh
        .is_some_and(|refresh| tokens.any(|known| known.refresh.as_deref() == Some(refresh)));
    by_token || by_code || by_refresh
}

/// Whether a token was granted here by OAuth, good or not.
pub(super) fn is_granted(world: &World, token: &str) -> bool {
    let mut tokens = world.grants.tokens.iter();
    tokens.any(|known| known.word == token)
}

/// Whether a granted token is still good.
pub(super) fn look_at(world: &World, token: &str) -> Result<(), Refused> {
    let mut tokens = world.grants.tokens.iter();
    let over = tokens.find(|known| known.word == token);
    over.and_then(|known| known.over)
        .map_or(Ok(()), |why| Err(refused(why)))
}

/// `oauth.v2.access`: a code or a refresh token for a bot token.
pub(super) fn access(world: &mut World, args: &Args) -> Answer {
    let in_form = || {
        Some((
            args.str("client_id")?.to_owned(),
            args.str("client_secret")?.to_owned(),
        ))
    };
    let (id, secret) = args
        .app
        .clone()
        .or_else(in_form)
        .ok_or_else(|| refused("invalid_client_id"))?;
    if id != world.settings.client_id {
        return Err(refused("invalid_client_id"));
    }
    if secret != world.settings.client_secret {
        return Err(refused("bad_client_secret"));
    }
    match args.str("grant_type") {
        Some("refresh_token") => world.refresh(args.str("refresh_token").unwrap_or_default())?,
        None | Some("authorization_code") => world.exchange(
            args.str("code").unwrap_or_default(),
            args.str("redirect_uri").unwrap_or_default(),
        )?,
        Some(_) => return Err(refused("invalid_grant_type")),
    }
    Ok(world.granted())
}

/// `auth.revoke`: this token is good no more.
#[expect(clippy::unnecessary_wraps, reason = "all methods have one shape")]
pub(super) fn revoke(world: &mut World, args: &Args) -> Answer {
    let token = args.token.clone().unwrap_or_default();
    let mut tokens = world.grants.tokens.iter_mut();
    if let Some(known) = tokens.find(|known| known.word == token) {
        (known.over, known.refresh) = (Some("token_revoked"), None);
    }
    Ok(json!({"revoked": true}))
}

/// `apps.uninstall`: the app leaves the workspace.
pub(super) fn uninstall(world: &mut World, args: &Args) -> Answer {
    if args.str("client_id") != Some(&world.settings.client_id) {
        return Err(refused("invalid_client_id"));
    }
    if args.str("client_secret") != Some(&world.settings.client_secret) {
        return Err(refused("bad_client_secret"));
    }
    world.end_tokens("account_inactive");
    Ok(json!({}))
}

/// Tells the app what such a call has ended.
pub(super) fn tell(shared: &Shared, method: &str) {
    let event = match method {
        "auth.revoke" => revoked(&shared.world()),
        "apps.uninstall" => json!({"type": "app_uninstalled"}),
        _ => return,
    };
    let telling = shared.clone();
    shared.tracker.spawn(async move {
        let payload = payload::event(&mut telling.world(), &event);
        deliver::event(&telling, payload, false).await;
    });
}

fn revoked(world: &World) -> Value {
    json!({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [world.bot_user()]}})
}

impl World {
    fn new_code(&mut self, redirect_uri: &str) -> String {
        let code = format!("code.{}", uuid::Uuid::now_v7().simple());
        self.grants.codes.push(Code {
            word: code.clone(),
            redirect_uri: redirect_uri.to_owned(),
            used: false,
        });
        code
    }

    fn exchange(&mut self, code: &str, redirect_uri: &str) -> Result<(), Refused> {
        let mut codes = self.grants.codes.iter_mut();
        let known = codes.find(|known| known.word == code);
        let known = known.ok_or_else(|| refused("invalid_code"))?;
        if std::mem::replace(&mut known.used, true) {
            return Err(refused("invalid_code"));
        }
        if known.redirect_uri != redirect_uri {
            return Err(refused("bad_redirect_uri"));
        }
        self.new_token();
        Ok(())
    }

    fn refresh(&mut self, refresh: &str) -> Result<(), Refused> {
        let mut tokens = self.grants.tokens.iter_mut();
        let known = tokens.find(|known| known.refresh.as_deref() == Some(refresh));
        let known = known.ok_or_else(|| refused("invalid_refresh_token"))?;
        // The refresh token is spent at once; the token that it belongs to lives on to its own end.
        known.refresh = None;
        self.new_token();
        Ok(())
    }

    fn new_token(&mut self) {
        let noise = uuid::Uuid::now_v7().simple();
        let team = self.settings.team.id.to_lowercase();
        let token = if self.settings.rotates_tokens {
            Token {
                word: format!("xoxe.xoxb-{team}-{noise}"),
                refresh: Some(format!("xoxe-1-{team}-{noise}")),
                over: None,
            }
        } else {
            Token {
                word: format!("xoxb-{team}-{noise}"),
                refresh: None,
                over: None,
            }
        };
        self.grants.tokens.push(token);
    }

    /// What Slack says of the token that was granted last.
    fn granted(&self) -> Value {
        let settings = &self.settings;
        let org = settings.org_install;
        let last = self.grants.tokens.last();
        let by = settings.users.iter().find(|user| !user.is_bot);
        let team = json!({"id": settings.team.id, "name": settings.team.name});
        let enterprise = json!({"id": "E0ACME", "name": "Acme Holding"});
        let mut granted = json!({
            "access_token": last.map(|last| last.word.as_str()), "token_type": "bot",
            "scope": settings.scopes.join(","), "bot_user_id": settings.app.bot_user,
            "app_id": settings.app.id, "is_enterprise_install": org,
            "team": if org { Value::Null } else { team },
            "enterprise": if org { enterprise } else { Value::Null },
            "authed_user": {"id": by.map(|by| by.id.as_str())},
        });
        if let Some(refresh) = last.and_then(|last| last.refresh.as_deref()) {
            granted["refresh_token"] = json!(refresh);
            granted["expires_in"] = json!(LIFE);
        }
        granted
    }

    fn end_tokens(&mut self, why: &'static str) {
        for token in &mut self.grants.tokens {
            (token.over, token.refresh) = (Some(why), None);
        }
    }
}

impl Sandbox {
    /// Every bot token that was granted here by OAuth, the last one last.
    #[must_use]
    pub fn granted_tokens(&self) -> Vec<String> {
        let world = self.shared.world();
        let tokens = world.grants.tokens.iter();
        tokens.map(|known| known.word.clone()).collect()
    }

    /// Makes every token that was granted here so far too old; what they are exchanged with stays.
    pub fn expire_tokens(&self) {
        for token in &mut self.shared.world().grants.tokens {
            token.over = token.over.or(Some("token_expired"));
        }
        self.shared.touch();
    }

    /// Removes the app from the workspace: its tokens are worth nothing from now on, and it is told.
    pub async fn uninstall(&self) -> super::Reply {
        self.shared.world().end_tokens("account_inactive");
        self.event(json!({"type": "app_uninstalled"})).await
    }

    /// Revokes the bot's tokens, and tells.
    pub async fn revoke_tokens(&self) -> super::Reply {
        let event = {
            let mut world = self.shared.world();
            world.end_tokens("token_revoked");
            revoked(&world)
        };
        self.event(event).await
    }
}
