//! The stand-in for Slack, held to Slack's protocol by plain HTTP and WebSocket clients that know
//! nothing of its insides.

mod blocks;
mod deliveries;
mod faults;
mod modals;
mod page;
mod sockets;
mod web_api;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response, Uri};
use jitbot::sandbox::{Sandbox, Settings};
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

/// Long enough that only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(20);

async fn acme() -> Sandbox {
    Sandbox::start(Settings::acme()).await.unwrap()
}

/// Acme with a bot that may do anything a test calls.
async fn open_acme() -> Sandbox {
    let sandbox = acme().await;
    let scopes = "commands chat:write im:write users:read users:read.email usergroups:read \
                  channels:read channels:join groups:read im:read team:read reactions:write \
                  files:write";
    sandbox.set_scopes(&scopes.split(' ').collect::<Vec<_>>());
    sandbox
}

fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .timeout(PATIENCE)
        .build()
        .unwrap()
}

/// Calls a method with a JSON body and the bot's token.
async fn call(sandbox: &Sandbox, method: &str, args: Value) -> Value {
    call_as(sandbox, "xoxb-acme-bot", method, args).await
}

async fn call_as(sandbox: &Sandbox, token: &str, method: &str, args: Value) -> Value {
    let url = format!("{}{method}", sandbox.api_url());
    let request = http().post(url).bearer_auth(token).json(&args);
    request.send().await.unwrap().json().await.unwrap()
}

/// A call that must go well.
async fn done(sandbox: &Sandbox, method: &str, args: Value) -> Value {
    let answer = call(sandbox, method, args).await;
    assert_eq!(answer["ok"], true, "{method}: {answer}");
    answer
}

/// The error code of a call that must not go well.
async fn code(sandbox: &Sandbox, method: &str, args: Value) -> String {
    let answer = call(sandbox, method, args).await;
    assert_eq!(answer["ok"], false, "{method}: {answer}");
    answer["error"].as_str().unwrap().to_owned()
}

/// A message with two buttons, and its timestamp.
async fn card(sandbox: &Sandbox, channel: &str) -> String {
    let args = json!({"channel": channel, "text": "dana asks", "blocks": card_blocks()});
    done(sandbox, "chat.postMessage", args).await["ts"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn card_blocks() -> Value {
    json!([
        {"type": "section", "text": {"type": "mrkdwn", "text": "*dana* asks <@U0BOB>"}},
        {"type": "actions", "block_id": "decide", "elements": [
            button("approve", "Approve", "REQ-1"), button("deny", "Deny", "REQ-1"),
            {"type": "overflow", "action_id": "more", "options": [option("Explain", "explain")]},
        ]},
    ])
}

fn button(action_id: &str, label: &str, value: &str) -> Value {
    json!({"type": "button", "action_id": action_id, "text": plain(label), "value": value})
}

fn option(label: &str, value: &str) -> Value {
    json!({"text": plain(label), "value": value})
}

fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": text})
}

/// What a bot heard over HTTP.
#[derive(Debug, Clone)]
struct Heard {
    path: String,
    headers: HeaderMap,
    body: String,
}

impl Heard {
    fn form(&self) -> Value {
        let pairs = url::form_urlencoded::parse(self.body.as_bytes());
        let map = pairs.map(|(key, value)| (key.into_owned(), Value::String(value.into_owned())));
        Value::Object(map.collect())
    }

    fn interaction(&self) -> Value {
        serde_json::from_str(self.form()["payload"].as_str().unwrap()).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// How a bot answers.
#[derive(Debug, Clone)]
enum Say {
    Nothing,
    Json(Value),
    Text(&'static str),
    Status(u16),
    Hang,
}

type Script = dyn Fn(&Heard) -> Say + Send + Sync;

/// A bot of a few lines that writes down what it hears.
#[derive(Clone)]
struct Bot {
    heard: Arc<Mutex<Vec<Heard>>>,
    script: Arc<Script>,
}

impl Bot {
    /// Listens, and is made known to the stand-in.
    async fn join(
        sandbox: &Sandbox,
        script: impl Fn(&Heard) -> Say + Send + Sync + 'static,
    ) -> Self {
        let bot = Self {
            heard: Arc::default(),
            script: Arc::new(script),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        sandbox.connect_http(&format!("http://{}/", listener.local_addr().unwrap()));
        let router = Router::new().fallback(hear).with_state(bot.clone());
        TaskTracker::new().spawn(async move { axum::serve(listener, router).await });
        bot
    }

    fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    fn last(&self) -> Heard {
        self.heard().last().cloned().unwrap()
    }
}

async fn hear(
    State(bot): State<Bot>,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response<Body> {
    let heard = Heard {
        path: uri.path().into(),
        headers,
        body,
    };
    bot.heard.lock().unwrap().push(heard.clone());
    let response = Response::builder();
    let kind = "content-type";
    let response = match (bot.script)(&heard) {
        Say::Nothing => response.body(Body::empty()),
        Say::Json(json) => response
            .header(kind, "application/json")
            .body(json.to_string().into()),
        Say::Text(text) => response.header(kind, "text/plain").body(text.into()),
        Say::Status(status) => response.status(status).body(Body::empty()),
        Say::Hang => std::future::pending().await,
    };
    response.unwrap()
}
