//! Socket Mode, with a client that knows only WebSocket and JSON.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use jitbot::sandbox::{Sandbox, SubmitOutcome, SubmitValues};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::{Bot, PATIENCE, Say, acme, call_as, card, done, plain};

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// One connection of a bot.
struct Socket(Stream);

impl Socket {
    async fn open(sandbox: &Sandbox) -> Self {
        let opened = call_as(sandbox, "xapp-acme-app", "apps.connections.open", json!({})).await;
        let url = opened["url"].as_str().unwrap();
        let (stream, _) = connect_async(url).await.unwrap();
        let mut socket = Self(stream);
        let hello = socket.hear().await.unwrap();
        assert_eq!(
            (&hello["type"], &hello["connection_info"]["app_id"]),
            (&json!("hello"), &json!("A0JITAPP"))
        );
        socket
    }

    /// The next envelope; none once the connection is over.
    async fn hear(&mut self) -> Option<Value> {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next()).await.unwrap() {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).ok(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return None,
            }
        }
    }

    async fn acknowledge(&mut self, envelope: &Value, payload: Value) {
        let mut ack = json!({"envelope_id": envelope["envelope_id"]});
        if !payload.is_null() {
            ack["payload"] = payload;
        }
        self.0.send(Message::text(ack.to_string())).await.unwrap();
    }

    /// Hears one envelope and acknowledges it.
    async fn answer(&mut self, payload: Value) -> Value {
        let envelope = self.hear().await.unwrap();
        self.acknowledge(&envelope, payload).await;
        envelope
    }
}

#[tokio::test]
async fn commands_actions_and_events_come_in_envelopes() {
    let sandbox = acme().await;
    let mut socket = Socket::open(&sandbox).await;
    let ts = card(&sandbox, "C0ACCESS").await;
    let (reply, envelope) = tokio::join!(
        sandbox.slash("dana", "general", "/jit", "help"),
        socket.answer(json!({"text": "from the socket"})),
    );
    assert_eq!(reply.unwrap().plain(), "from the socket");
    assert_eq!(
        (&envelope["type"], &envelope["accepts_response_payload"]),
        (&json!("slash_commands"), &json!(true))
    );
    assert_eq!(envelope["payload"]["text"], "help");
    let (reply, envelope) = tokio::join!(
        sandbox.click("bob", "access-requests", &ts, "approve"),
        socket.answer(Value::Null),
    );
    assert!(reply.unwrap().in_time());
    assert_eq!(
        (&envelope["type"], &envelope["payload"]["type"]),
        (&json!("interactive"), &json!("block_actions"))
    );
    let (reply, envelope) = tokio::join!(sandbox.open_home("dana"), socket.answer(Value::Null));
    assert!(reply.unwrap().in_time());
    assert_eq!(
        (&envelope["type"], &envelope["retry_attempt"]),
        (&json!("events_api"), &json!(0))
    );
    assert_eq!(envelope["payload"]["event"]["type"], "app_home_opened");
}

#[tokio::test]
async fn a_submission_is_answered_in_the_acknowledgement() {
    let sandbox = acme().await;
    let mut socket = Socket::open(&sandbox).await;
    let (_, envelope) = tokio::join!(sandbox.shortcut("dana", "ask"), socket.answer(Value::Null));
    let input = json!({"type": "input", "block_id": "why", "label": plain("Why"),
                       "element": {"type": "plain_text_input", "action_id": "v"}});
    let view =
        json!({"type": "modal", "title": plain("Ask"), "submit": plain("Send"), "blocks": [input]});
    let trigger = &envelope["payload"]["trigger_id"];
    done(
        &sandbox,
        "views.open",
        json!({"trigger_id": trigger, "view": view}),
    )
    .await;
    let errors = json!({"response_action": "errors", "errors": {"why": "no"}});
    let (reply, _) = tokio::join!(
        sandbox.submit("dana", SubmitValues::new().with("why", "because")),
        socket.answer(errors),
    );
    assert_eq!(reply.unwrap().errors()["why"], "no");
    let (reply, _) = tokio::join!(
        sandbox.submit("dana", SubmitValues::new()),
        socket.answer(Value::Null)
    );
    assert_eq!(reply.unwrap().outcome, SubmitOutcome::Closed);
}

#[tokio::test]
async fn a_socket_goes_before_http() {
    let sandbox = acme().await;
    let bot = Bot::join(&sandbox, |_| Say::Nothing).await;
    let mut socket = Socket::open(&sandbox).await;
    let (reply, _) = tokio::join!(
        sandbox.slash("dana", "general", "/jit", ""),
        socket.answer(Value::Null)
    );
    assert!(reply.unwrap().in_time() && bot.heard().is_empty());
    drop(socket);
    assert!(
        sandbox
            .wait_for(|sandbox| sandbox.socket_count() == 0, PATIENCE)
            .await
    );
    sandbox.slash("dana", "general", "/jit", "").await.unwrap();
    assert_eq!(bot.heard().len(), 1);
}

#[tokio::test]
async fn any_of_several_sockets_may_get_a_payload() {
    let sandbox = acme().await;
    let mut one = Socket::open(&sandbox).await;
    let mut other = Socket::open(&sandbox).await;
    assert_eq!(sandbox.socket_count(), 2);
    let act = async || {
        sandbox.slash("dana", "general", "/jit", "1").await.unwrap();
        sandbox.slash("dana", "general", "/jit", "2").await.unwrap();
    };
    let ((), first, second) =
        tokio::join!(act(), one.answer(Value::Null), other.answer(Value::Null));
    let mut texts = [
        first["payload"]["text"].clone(),
        second["payload"]["text"].clone(),
    ];
    texts.sort_by_key(ToString::to_string);
    assert_eq!(texts, [json!("1"), json!("2")]);
}

#[tokio::test]
async fn what_a_dead_socket_did_not_acknowledge_comes_again_under_a_new_id() {
    let sandbox = acme().await;
    let mut first = Socket::open(&sandbox).await;
    let act = sandbox.slash("dana", "general", "/jit", "survive");
    let bot = async {
        let lost = first.hear().await.unwrap();
        sandbox.cut_sockets();
        assert_eq!(first.hear().await, None);
        let mut second = Socket::open(&sandbox).await;
        (lost, second.answer(Value::Null).await)
    };
    let (reply, (lost, again)) = tokio::join!(act, bot);
    assert!(reply.unwrap().in_time());
    assert_eq!(lost["payload"], again["payload"]);
    assert_ne!(lost["envelope_id"], again["envelope_id"]);
}

#[tokio::test]
async fn disconnect_is_announced() {
    let sandbox = acme().await;
    let mut socket = Socket::open(&sandbox).await;
    sandbox.disconnect_sockets("warning");
    let said = socket.hear().await.unwrap();
    assert_eq!(
        (&said["type"], &said["reason"]),
        (&json!("disconnect"), &json!("warning"))
    );
    let (reply, _) = tokio::join!(
        sandbox.slash("dana", "general", "/jit", ""),
        socket.answer(Value::Null)
    );
    assert!(reply.unwrap().in_time(), "a warning closes nothing");
    sandbox.disconnect_sockets("refresh_requested");
    assert_eq!(socket.hear().await.unwrap()["reason"], "refresh_requested");
    assert_eq!(socket.hear().await, None);
    assert!(
        sandbox
            .wait_for(|sandbox| sandbox.socket_count() == 0, PATIENCE)
            .await
    );
}

#[tokio::test]
async fn an_unacknowledged_event_is_sent_again_with_its_number() {
    let mut settings = jitbot::sandbox::Settings::acme();
    settings.ack_deadline = Duration::from_millis(50);
    settings.event_retries = vec![Duration::ZERO];
    let sandbox = Sandbox::start(settings).await.unwrap();
    let mut socket = Socket::open(&sandbox).await;
    let act = sandbox.event(json!({"type": "app_uninstalled"}));
    let bot = async {
        let first = socket.hear().await.unwrap();
        (first, socket.answer(Value::Null).await)
    };
    let (reply, (first, second)) = tokio::join!(act, bot);
    assert_eq!(reply.acks.len(), 2);
    assert_eq!(
        (&first["retry_attempt"], &second["retry_attempt"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(second["retry_reason"], "http_timeout");
    assert_eq!(first["payload"]["event_id"], second["payload"]["event_id"]);
}

#[tokio::test]
async fn the_same_payload_twice_has_two_envelopes() {
    let sandbox = acme().await;
    let mut socket = Socket::open(&sandbox).await;
    let twice = sandbox.twice();
    let act = twice.slash("dana", "general", "/jit", "");
    let bot = async {
        (
            socket.answer(Value::Null).await,
            socket.answer(Value::Null).await,
        )
    };
    let (reply, (first, second)) = tokio::join!(act, bot);
    assert_eq!(reply.unwrap().acks.len(), 2);
    assert_eq!(first["payload"], second["payload"]);
    assert_ne!(first["envelope_id"], second["envelope_id"]);
}
