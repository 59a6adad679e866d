//! Carrying what people do to the bot: signed HTTP, or Socket Mode where a socket is open.

use std::time::Duration;

use hmac::{Hmac, Mac};
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::time::{Instant, timeout_at};

use super::{Shared, time};

/// What is delivered, which decides its path and its envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Command,
    Interaction,
    Event,
}

impl Kind {
    fn path(self) -> &'static str {
        match self {
            Self::Command => "/slack/commands",
            Self::Interaction => "/slack/interactions",
            Self::Event => "/slack/events",
        }
    }

    fn envelope(self) -> &'static str {
        match self {
            Self::Command => "slash_commands",
            Self::Interaction => "interactive",
            Self::Event => "events_api",
        }
    }
}

/// How the bot acknowledged one delivery.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Ack {
    /// Whether it came, with success, before the deadline.
    pub in_time: bool,
    /// The HTTP status; absent in Socket Mode and where no answer came.
    pub status: Option<u16>,
    /// The answer's body: JSON if it is JSON, else a string; null if empty.
    pub body: Value,
    /// Why it failed: `operation_timeout`, `dispatch_failed`, `http_error`, `connection_failed`.
    pub error: Option<String>,
    /// Whether the bot asked that an event be not sent again.
    pub no_retry: bool,
}

impl Ack {
    fn failed(error: &str) -> Self {
        Self {
            error: Some(error.into()),
            ..Self::default()
        }
    }

    /// An acknowledgement as Socket Mode carries it.
    fn by_socket(payload: Value) -> Self {
        Self {
            in_time: true,
            body: payload,
            ..Self::default()
        }
    }
}

/// Something on its way to the bot.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub(super) kind: Kind,
    pub(super) payload: Value,
    /// Which retry of an event this is, and why.
    pub(super) retry: Option<(usize, String)>,
}

impl Delivery {
    pub(super) fn new(kind: Kind, payload: Value) -> Self {
        Self {
            kind,
            payload,
            retry: None,
        }
    }
}

/// Delivers once, or twice where `twice` or a fault wants it; each with its acknowledgement.
pub(super) async fn deliver(shared: &Shared, delivery: &Delivery, twice: bool) -> Vec<Ack> {
    let twice = shared.world().outward.take_duplicate() || twice;
    let mut acks = if twice {
        let (first, second) = futures::join!(carry(shared, delivery), carry(shared, delivery));
        vec![first, second]
    } else {
        vec![carry(shared, delivery).await]
    };
    for ack in &mut acks {
        if shared.world().outward.take_lost_ack() {
            *ack = Ack::failed("operation_timeout");
        }
    }
    acks
}

async fn carry(shared: &Shared, delivery: &Delivery) -> Ack {
    let deadline = Instant::now() + shared.world().settings.ack_deadline;
    if shared.sockets.count() > 0 {
        return by_socket(shared, delivery, deadline).await;
    }
    let base = shared.world().bot_url.clone();
    match base {
        Some(base) => by_http(shared, delivery, &base, deadline).await,
        None => Ack::failed("dispatch_failed"),
    }
}

/// Sends an envelope; if its socket dies before the acknowledgement, sends it again under a new
/// id over the next socket there is before the deadline.
async fn by_socket(shared: &Shared, delivery: &Delivery, deadline: Instant) -> Ack {
    let mut changed = shared.changed.subscribe();
    loop {
        let Some(waiting) = shared.sockets.send(|id| envelope(delivery, id)) else {
            match timeout_at(deadline, changed.changed()).await {
                Ok(Ok(())) => continue,
                _ => return Ack::failed("operation_timeout"),
            }
        };
        let (id, answer) = waiting;
        match timeout_at(deadline, answer).await {
            Ok(Ok(payload)) => return Ack::by_socket(payload),
            Ok(Err(_)) => {}
            Err(_) => {
                shared.sockets.forget(&id);
                return Ack::failed("operation_timeout");
            }
        }
    }
}

fn envelope(delivery: &Delivery, id: &str) -> String {
    let mut envelope = json!({
        "envelope_id": id,
        "type": delivery.kind.envelope(),
        "payload": delivery.payload,
        "accepts_response_payload": delivery.kind != Kind::Event,
    });
    if delivery.kind == Kind::Event {
        let (attempt, reason) = delivery.retry.clone().unwrap_or_default();
        envelope["retry_attempt"] = json!(attempt);
        envelope["retry_reason"] = json!(reason);
    }
    envelope.to_string()
}

async fn by_http(shared: &Shared, delivery: &Delivery, base: &str, deadline: Instant) -> Ack {
    let (kind, body) = encode(delivery);
    let mut headers = vec![("content-type".to_owned(), kind.to_owned())];
    if let Some((attempt, reason)) = &delivery.retry {
        headers.push(("x-slack-retry-num".into(), attempt.to_string()));
        headers.push(("x-slack-retry-reason".into(), reason.clone()));
    }
    let url = format!("{base}{}", delivery.kind.path());
    post(shared, &url, headers, body, deadline).await
}

/// The body and its type: a command is a form, an interaction JSON in a form, an event JSON.
fn encode(delivery: &Delivery) -> (&'static str, String) {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    match delivery.kind {
        Kind::Event => return ("application/json", delivery.payload.to_string()),
        Kind::Interaction => {
            form.append_pair("payload", &delivery.payload.to_string());
        }
        Kind::Command => {
            for (key, value) in delivery.payload.as_object().into_iter().flatten() {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), ToOwned::to_owned);
                form.append_pair(key, &text);
            }
        }
    }
    ("application/x-www-form-urlencoded", form.finish())
}

/// Posts a signed body and takes the answer as an acknowledgement.
pub(super) async fn post(
    shared: &Shared,
    url: &str,
    headers: Vec<(String, String)>,
    body: String,
    deadline: Instant,
) -> Ack {
    let stamp = time::now().timestamp().to_string();
    let signature = sign(&shared.world().settings.signing_secret, &stamp, &body);
    let mut request = shared.http.post(url).body(body);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request
        .header("x-slack-request-timestamp", stamp)
        .header("x-slack-signature", signature)
        .header("user-agent", "Slackbot 1.0 (+https://api.slack.com/robots)");
    match timeout_at(deadline, answer(request)).await {
        Ok(Ok(ack)) => ack,
        Ok(Err(_)) => Ack::failed("connection_failed"),
        Err(_) => Ack::failed("operation_timeout"),
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Ack, reqwest::Error> {
    let response = request.send().await?;
    let status = response.status();
    let no_retry = response
        .headers()
        .get("x-slack-no-retry")
        .is_some_and(|value| value == "1");
    let is_json = response.headers().get(CONTENT_TYPE).is_some_and(|value| {
        value
            .to_str()
            .is_ok_and(|value| value.starts_with("application/json"))
    });
    let text = response.text().await?;
    let body = match serde_json::from_str(&text) {
        Ok(json) if is_json => json,
        _ if text.is_empty() => Value::Null,
        _ => Value::String(text),
    };
    Ok(Ack {
        in_time: status.is_success(),
        status: Some(status.as_u16()),
        body,
        error: (!status.is_success()).then(|| "http_error".into()),
        no_retry,
    })
}

/// Slack's v0 signature of a request.
pub(super) fn sign(secret: &str, stamp: &str, body: &str) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key length will do");
    mac.update(format!("v0:{stamp}:{body}").as_bytes());
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

/// Delivers an event: now, and again while the bot does not acknowledge it. A retry that is due at
/// once is waited for; later ones happen in the background.
pub(super) async fn event(shared: &Shared, payload: Value, twice: bool) -> Vec<Ack> {
    let mut delivery = Delivery::new(Kind::Event, payload);
    let mut acks = deliver(shared, &delivery, twice).await;
    let pauses = shared.world().settings.event_retries.clone();
    for (index, pause) in pauses.iter().enumerate() {
        let Some(reason) = retry_reason(acks.last()) else {
            break;
        };
        delivery.retry = Some((index + 1, reason));
        if *pause > Duration::ZERO {
            let later = retry_later(shared.clone(), delivery, pauses[index..].to_vec());
            shared.tracker.spawn(later);
            break;
        }
        acks.extend(deliver(shared, &delivery, false).await);
    }
    acks
}

fn retry_reason(ack: Option<&Ack>) -> Option<String> {
    let ack = ack.filter(|ack| !ack.in_time && !ack.no_retry)?;
    let reason = match ack.error.as_deref() {
        Some("operation_timeout") => "http_timeout",
        Some("http_error") => "http_error",
        _ => "connection_failed",
    };
    Some(reason.into())
}

async fn retry_later(shared: Shared, mut delivery: Delivery, pauses: Vec<Duration>) {
    for pause in pauses {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let acks = deliver(&shared, &delivery, false).await;
        let Some(reason) = retry_reason(acks.last()) else {
            return;
        };
        let attempt = delivery.retry.map_or(1, |(attempt, _)| attempt + 1);
        delivery.retry = Some((attempt, reason));
    }
}

#[cfg(test)]
mod tests {
    use super::sign;

    /// What `SignatureVerifier.generate_signature` of Slack's Python SDK 3 gives for this.
    #[test]
    fn signs_as_slacks_own_library_does() {
        let signature = sign("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", "a=1");
        let theirs = "v0=b3184ecac10d5bf37026b66cc0c5fd50cbe4e460b0c52b428759944263309557";
        assert_eq!(signature, theirs);
    }
}
