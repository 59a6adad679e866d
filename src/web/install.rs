//! The pages of an installation: `GET /slack/install` sends a browser to Slack, and
//! `GET /slack/oauth/callback` takes it back. Each outcome has a page that says what happened and
//! what to do; a fault has a reference that stands in the log beside its reason.

use std::collections::HashMap;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use secrecy::ExposeSecret;
use uuid::Uuid;

use crate::store::installations::{Installed, Visit};
use crate::workspaces::{Back, InstallFault, Installations, folder_of};

/// The cookie that ties a visit to the browser it began in.
const COOKIE: &str = "jit_install";
/// Seconds for which the browser keeps it: as long as a visit may take.
const KEPT: u32 = 600;

/// The two routes.
pub fn router(installations: Installations) -> Router {
    Router::new()
        .route("/slack/install", get(begin))
        .route("/slack/oauth/callback", get(back))
        .with_state(installations)
}

async fn begin(State(installations): State<Installations>) -> Response {
    match installations.begin_visit().await {
        Ok(begun) => {
            let cookie = cookie(&installations, begun.browser.expose_secret(), KEPT);
            let to = HeaderValue::from_str(begun.url.as_str());
            let Ok(to) = to else {
                return failed(&InstallFault::Address);
            };
            let mut answer = StatusCode::FOUND.into_response();
            answer.headers_mut().insert(header::LOCATION, to);
            sealed(answer, cookie)
        }
        Err(fault) => failed(&fault),
    }
}

async fn back(
    State(installations): State<Installations>,
    Query(mut said): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let back = Back {
        state: said.remove("state"),
        browser: remembered(&headers),
        code: said.remove("code"),
        error: said.remove("error"),
    };
    let finished = installations.come_back(back).await;
    let page = match &finished {
        Ok(row) => done(row),
        Err(fault) => failed(fault),
    };
    sealed(page, cookie(&installations, "", 0))
}

/// The cookie; empty and ended to take it back.
fn cookie(installations: &Installations, value: &str, seconds: u32) -> String {
    let secure = if installations.is_secure() {
        "; Secure"
    } else {
        ""
    };
    format!(
        "{COOKIE}={value}; Path=/slack/oauth; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
    )
}

fn remembered(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).into_iter();
    let cookies = cookies.filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';'));
    let value = pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='));
    value.filter(|value| !value.is_empty()).map(str::to_owned)
}

/// Neither kept by any cache, nor told to any other site.
fn sealed(mut answer: Response, cookie: String) -> Response {
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        headers.insert(header::SET_COOKIE, cookie);
    }
    answer
}

fn done(row: &Installed) -> Response {
    let (name, folder) = (escaped(&row.name), escaped(folder_of(row)));
    let lines = [
        format!("jit is installed in <b>{name}</b>."),
        format!(
            "It decides nothing until it has a policy. Your platform team keeps one in a folder \
             named <b>{folder}</b>, and jit takes it up by itself."
        ),
        "After that, invite jit to the channels of the policy, and type <b>/jit help</b> in Slack."
            .to_owned(),
    ];
    page(StatusCode::OK, "Installed", &lines, None)
}

fn failed(fault: &InstallFault) -> Response {
    let reference = Uuid::new_v7(uuid::Timestamp::now(uuid::NoContext));
    let reference = reference.simple().to_string().split_off(20);
    tracing::warn!(%fault, reference, "the app was not installed");
    let (status, what, todo) = words(fault);
    let lines = [
        what.to_owned(),
        todo.to_owned(),
        format!("If you ask somebody for help, tell them <b>{reference}</b>."),
    ];
    page(
        status,
        "Nothing was installed",
        &lines,
        Some("/slack/install"),
    )
}

/// What happened, and what to do.
fn words(fault: &InstallFault) -> (StatusCode, &'static str, &'static str) {
    let again = "Begin again here; it takes a minute.";
    match fault {
        InstallFault::Denied => (
            StatusCode::OK,
            "Somebody said no at Slack, so nothing has changed.",
            "If that was not meant, begin again here. Some workspaces let only their admins say yes.",
        ),
        InstallFault::Visit(Visit::Late) => (
            StatusCode::BAD_REQUEST,
            "That took longer than ten minutes, so it does not count any more.",
            again,
        ),
        InstallFault::Visit(Visit::Used) => (
            StatusCode::BAD_REQUEST,
            "This page was opened before, and it works once. What the first time came to still holds.",
            "If jit is not in your workspace, begin again here.",
        ),
        InstallFault::Visit(_) => (
            StatusCode::BAD_REQUEST,
            "This did not begin in this browser, so it cannot be trusted.",
            "Begin again here, and stay in one browser that takes cookies.",
        ),
        InstallFault::Slack(fault) if !fault.is_passing() => (
            StatusCode::BAD_REQUEST,
            "Slack did not take the answer: it was used before, or is too old.",
            again,
        ),
        InstallFault::Slack(_) => (
            StatusCode::BAD_GATEWAY,
            "Slack did not answer as it should.",
            "Begin again here in a few minutes.",
        ),
        InstallFault::Nowhere => (
            StatusCode::BAD_GATEWAY,
            "Slack did not say which workspace it is for.",
            again,
        ),
        InstallFault::NotAllowed(_) => (
            StatusCode::FORBIDDEN,
            "This bot serves only the workspaces that its owners have named, and yours is none of \
             them. Nothing of it was kept here.",
            "Ask its owners to name your workspace, or remove the app from it again.",
        ),
        InstallFault::Crowded => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Too many installations are under way at once.",
            "Begin again here in ten minutes. If it stays so, tell your platform team.",
        ),
        InstallFault::Store(_) | InstallFault::Seal(_) | InstallFault::Address => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Something on our side did not work, and nothing was kept.",
            "Begin again here in a few minutes.",
        ),
    }
}

fn page(status: StatusCode, title: &str, lines: &[String], again: Option<&str>) -> Response {
    let lines = lines.join("</p><p>");
    let again = again.map(|path| format!("<p><a href=\"{path}\">Begin again</a></p>"));
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} · jit</title><style>body{{font:1.1rem/1.5 system-ui,sans-serif;\
         max-width:34rem;margin:12vh auto;padding:0 1rem;color:#1d1c1d;background:#fff}}\
         a{{color:#0b5cad}}</style></head><body><main><h1>{title}</h1><p>{lines}</p>{}</main></body></html>",
        again.unwrap_or_default()
    );
    (status, Html(html)).into_response()
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => {}
            c => safe.push(c),
        }
    }
    safe
}
