//! Deliveries over HTTP: `POST /slack/commands`, `/slack/interactions` and `/slack/events`.
//!
//! A body is first limited in size and time, then its signature is verified over the raw bytes, and
//! only then is it parsed. Bodies are never decompressed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{MethodRouter, post};
use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::payload::{Delivery, Malformed, Matter};
use super::receive::{Answer, Receive};

/// The most bytes that a delivery may have.
pub const BODY_LIMIT: usize = 256 * 1024;

/// How far the timestamp of a delivery may be from our clock, in seconds, either way.
const WINDOW_SECONDS: i64 = 5 * 60;

/// The time that this process believes it is, for the window of signatures.
pub type WallClock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What the routes need.
#[derive(Clone)]
pub struct HttpSettings {
    /// The signing secrets that are accepted: the present one, and the former one while it is being
    /// rotated.
    pub secrets: Vec<SecretString>,
    /// The clock that timestamps are held against.
    pub wall_clock: WallClock,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
}

impl HttpSettings {
    /// The usual settings with one secret.
    pub fn new(secret: SecretString, wall_clock: WallClock) -> Self {
        Self {
            secrets: vec![secret],
            wall_clock,
            body_timeout: Duration::from_secs(3),
        }
    }
}

#[derive(Clone)]
struct Gate {
    settings: HttpSettings,
    receive: Receive,
}

type Parse = fn(&[u8]) -> Result<Delivery, Malformed>;

/// The three routes. Merge them into the server's router; they bring their own limits.
pub fn router(settings: HttpSettings, receive: Receive) -> Router {
    Router::new()
        .route("/slack/commands", commands())
        .route("/slack/interactions", route(Delivery::from_interaction))
        .route("/slack/events", route(Delivery::from_event))
        .with_state(Gate { settings, receive })
}

/// Commands, and Slack's check that the address speaks TLS. The check is not signed, says nothing
/// and gets nothing.
fn commands() -> MethodRouter<Gate> {
    post(
        |State(gate): State<Gate>, headers: HeaderMap, body: Body| async move {
            match gate.read(body).await {
                Ok(body) if is_ssl_check(&body) => StatusCode::OK.into_response(),
                Ok(body) => gate.pass(&headers, &body, Delivery::from_command).await,
                Err(status) => status.into_response(),
            }
        },
    )
}

fn route(parse: Parse) -> MethodRouter<Gate> {
    post(
        move |State(gate): State<Gate>, headers: HeaderMap, body: Body| async move {
            match gate.read(body).await {
                Ok(body) => gate.pass(&headers, &body, parse).await,
                Err(status) => status.into_response(),
            }
        },
    )
}

fn is_ssl_check(form: &[u8]) -> bool {
    url::form_urlencoded::parse(form).any(|(name, value)| name == "ssl_check" && value == "1")
}

impl Gate {
    /// Reads the body within the limits of size and time.
    async fn read(&self, body: Body) -> Result<Bytes, StatusCode> {
        let collecting = Limited::new(body, BODY_LIMIT).collect();
        let collected = tokio::time::timeout(self.settings.body_timeout, collecting).await;
        match collected.map_err(|_| StatusCode::REQUEST_TIMEOUT)? {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
            Err(_) => Err(StatusCode::BAD_REQUEST),
        }
    }

    /// Verifies, parses, and hands on.
    async fn pass(&self, headers: &HeaderMap, body: &[u8], parse: Parse) -> Response {
        let begun = Instant::now();
        let now = (self.settings.wall_clock)();
        if let Err(fault) = verify(&self.settings.secrets, headers, body, now) {
            tracing::warn!(fault = %fault, "refused a delivery that Slack did not sign");
            metrics::counter!("jit_slack_deliveries_refused_total", "fault" => "signature")
                .increment(1);
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let delivery = match parse(body) {
            Ok(delivery) => delivery,
            Err(malformed) => {
                tracing::warn!(%malformed, "refused a malformed delivery");
                return StatusCode::BAD_REQUEST.into_response();
            }
        };
        if let Matter::Verification { challenge } = &delivery.matter {
            return challenge.clone().into_response();
        }
        let answer = (self.receive)(delivery).await;
        metrics::histogram!("jit_ack_seconds", "way" => "http").record(begun.elapsed());
        respond(answer)
    }
}

fn respond(answer: Answer) -> Response {
    match answer {
        Answer::Ack => StatusCode::OK.into_response(),
        Answer::AckWith(value) => Json(value).into_response(),
        Answer::NotRecorded => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        // The delivery would be foreign again: Slack need not repeat it.
        Answer::Foreign => (StatusCode::FORBIDDEN, [("x-slack-no-retry", "1")]).into_response(),
    }
}

/// Why a delivery is not taken for Slack's. Never holds a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// A header is missing or not readable.
    #[error("no readable signature or timestamp")]
    Missing,
    /// The timestamp is too far from our clock.
    #[error("the timestamp is {0} seconds from our clock")]
    OutsideWindow(i64),
    /// The signature is not that of the body under any of our secrets.
    #[error("the signature does not fit")]
    Wrong,
}

/// Verifies Slack's signature (version 0) over the raw body, in constant time for each secret, and
/// that the timestamp is within five minutes of `now`.
pub fn verify(
    secrets: &[SecretString],
    headers: &HeaderMap,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<(), SignatureFault> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let timestamp = header("x-slack-request-timestamp").ok_or(SignatureFault::Missing)?;
    let at: i64 = timestamp.parse().map_err(|_| SignatureFault::Missing)?;
    let signature = header("x-slack-signature").and_then(|text| text.strip_prefix("v0="));
    let signature = signature.and_then(|digits| hex::decode(digits).ok());
    let signature = signature.ok_or(SignatureFault::Missing)?;
    // Under an empty secret anybody could sign.
    let usable = |secret: &&SecretString| !secret.expose_secret().is_empty();
    let fits = |secret: &SecretString| signed(secret, timestamp, body).verify_slice(&signature);
    if !secrets
        .iter()
        .filter(usable)
        .any(|secret| fits(secret).is_ok())
    {
        return Err(SignatureFault::Wrong);
    }
    match now.timestamp().saturating_sub(at) {
        off if off.saturating_abs() <= WINDOW_SECONDS => Ok(()),
        off => Err(SignatureFault::OutsideWindow(off)),
    }
}

fn signed(secret: &SecretString, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    let key = secret.expose_secret().as_bytes();
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC takes keys of any length")
    };
    for part in [b"v0:", timestamp.as_bytes(), b":", body] {
        mac.update(part);
    }
    mac
}
