//! Deliveries over HTTP: what is let in, and what is answered.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use chrono::{DateTime, Utc};
use futures::{FutureExt, StreamExt, stream};
use hmac::{Hmac, Mac};
use jitbot::slack::http::{BODY_LIMIT, HttpSettings, router};
use jitbot::slack::payload::{Delivery, Matter};
use jitbot::slack::receive::Answer;
use secrecy::SecretString;
use serde_json::json;
use sha2::Sha256;
use tower::ServiceExt;

const SECRET: &str = "the-present-secret";
const FORMER: &str = "the-former-secret";
const NOW: i64 = 1_800_000_000;
const COMMAND: &str = "command=%2Fjit&text=list&user_id=U1&team_id=T1&trigger_id=1.2";

/// The routes with somebody behind them who remembers what came and answers as told.
struct Door {
    app: Router,
    came: Arc<Mutex<Vec<Delivery>>>,
}

impl Door {
    fn answering(answer: Answer) -> Self {
        let came = Arc::<Mutex<Vec<Delivery>>>::default();
        let notes = Arc::clone(&came);
        let receive = Arc::new(move |delivery| {
            notes.lock().unwrap().push(delivery);
            let answer = answer.clone();
            async move { answer }.boxed()
        });
        let clock = Arc::new(|| DateTime::<Utc>::from_timestamp(NOW, 0).unwrap());
        let mut settings = HttpSettings::new(SecretString::from(SECRET), clock);
        settings.body_timeout = Duration::from_millis(300);
        settings.secrets.push(SecretString::from(FORMER));
        settings.secrets.push(SecretString::from(""));
        Self {
            app: router(settings, receive),
            came,
        }
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: Body) -> Response {
        let mut request = Request::post(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).unwrap();
        self.app.clone().oneshot(request).await.unwrap()
    }

    async fn signed(&self, path: &str, body: &str) -> Response {
        let (at, signature) = (NOW.to_string(), sign(SECRET, NOW, body));
        let headers = [
            ("x-slack-request-timestamp", at.as_str()),
            ("x-slack-signature", &signature),
        ];
        self.post(path, &headers, Body::from(body.to_owned())).await
    }

    fn came(&self) -> usize {
        self.came.lock().unwrap().len()
    }
}

fn sign(secret: &str, at: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("v0:{at}:{body}").as_bytes());
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

async fn text(response: Response) -> String {
    let body = to_bytes(response.into_body(), BODY_LIMIT).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

fn interaction(json: &serde_json::Value) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("payload", &json.to_string());
    form.finish()
}

#[tokio::test]
async fn fault_40_and_41_only_what_slack_signed_lately_comes_in() {
    let door = Door::answering(Answer::Ack);
    let good = sign(SECRET, NOW, COMMAND);
    let at = |seconds: i64| (seconds.to_string(), sign(SECRET, seconds, COMMAND));
    let mut table = vec![
        (NOW.to_string(), good.clone(), 200),
        (NOW.to_string(), sign(FORMER, NOW, COMMAND), 200),
        (NOW.to_string(), good.to_uppercase(), 401),
        (NOW.to_string(), sign("another", NOW, COMMAND), 401),
        (NOW.to_string(), sign("", NOW, COMMAND), 401),
        (NOW.to_string(), sign(SECRET, NOW, "another body"), 401),
        (NOW.to_string(), good.replace("v0=", "v1="), 401),
        (NOW.to_string(), good.replace("v0=", ""), 401),
        (NOW.to_string(), good[..good.len() - 2].to_owned(), 401),
        (NOW.to_string(), "v0=".to_owned(), 401),
        (NOW.to_string(), "v0=not-hex".to_owned(), 401),
        (format!("{NOW}.0"), good.clone(), 401),
        (String::new(), good.clone(), 401),
        (i64::MIN.to_string(), sign(SECRET, i64::MIN, COMMAND), 401),
    ];
    for (seconds, status) in [(-299, 200), (-301, 401), (299, 200), (301, 401)] {
        let (stamp, signature) = at(NOW + seconds);
        table.push((stamp, signature, status));
    }
    for (stamp, signature, status) in &table {
        let headers = [
            ("x-slack-request-timestamp", stamp.as_str()),
            ("x-slack-signature", signature.as_str()),
        ];
        let response = door.post("/slack/commands", &headers, Body::from(COMMAND));
        assert_eq!(response.await.status(), *status, "{stamp} {signature}");
    }
    let unsigned = door.post("/slack/commands", &[], Body::from(COMMAND)).await;
    assert_eq!(unsigned.status(), 401);
    assert_eq!(text(unsigned).await, "", "no word of what was expected");
    let let_in = table.iter().filter(|(.., status)| *status == 200).count();
    assert_eq!(door.came(), let_in, "nothing else got through");
}

#[tokio::test]
async fn slack_may_check_the_address_without_signing() {
    let door = Door::answering(Answer::Ack);
    let check = Body::from("token=x&ssl_check=1");
    let response = door.post("/slack/commands", &[], check).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(door.came(), 0);
    let elsewhere = Body::from("ssl_check=1");
    let response = door.post("/slack/interactions", &[], elsewhere).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_address_for_events_proves_itself() {
    let door = Door::answering(Answer::Ack);
    let body = json!({"type": "url_verification", "challenge": "abc", "token": "x"}).to_string();
    let response = door.signed("/slack/events", &body).await;
    assert_eq!(text(response).await, "abc");
    assert_eq!(door.came(), 0);
}

#[tokio::test]
async fn fault_42_a_body_that_is_too_large_is_not_even_read() {
    let door = Door::answering(Answer::Ack);
    let large = "x".repeat(BODY_LIMIT + 1);
    let response = door.signed("/slack/commands", &large).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);

    // Without a length, and without an end: memory stays flat, since reading stops at the limit.
    let taken = Arc::new(Mutex::new(0));
    let count = Arc::clone(&taken);
    let endless = stream::repeat_with(move || {
        *count.lock().unwrap() += 1;
        Ok::<_, std::io::Error>(Bytes::from(vec![0; 16 * 1024]))
    });
    let response = door.post("/slack/events", &[], Body::from_stream(endless));
    assert_eq!(response.await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(*taken.lock().unwrap() <= 18);
}

#[tokio::test]
async fn fault_42_a_body_that_never_ends_is_given_up() {
    let door = Door::answering(Answer::Ack);
    let drop = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"command="))]);
    let slow = Body::from_stream(drop.chain(stream::pending()));
    let answered = tokio::time::timeout(
        Duration::from_secs(5),
        door.post("/slack/commands", &[], slow),
    );
    let response = answered.await.expect("given up before Slack would");
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn fault_43_malformed_is_refused_and_unknown_is_let_through() {
    let door = Door::answering(Answer::Ack);
    for (path, body) in [
        ("/slack/commands", "text=list".to_owned()),
        ("/slack/interactions", "payload=%7B".to_owned()),
        ("/slack/interactions", "nothing=here".to_owned()),
        (
            "/slack/interactions",
            interaction(&json!({"type": "block_actions"})),
        ),
        ("/slack/events", "{".to_owned()),
        ("/slack/events", "[]".to_owned()),
    ] {
        let response = door.signed(path, &body).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{path} {body}");
    }
    assert_eq!(door.came(), 0);
    let unknown = interaction(&json!({"type": "of_the_future", "team": null}));
    let response = door.signed("/slack/interactions", &unknown).await;
    assert_eq!(response.status(), StatusCode::OK);
    let came = door.came.lock().unwrap();
    assert!(matches!(&came[0].matter, Matter::Unknown { kind } if kind == "of_the_future"));
}

#[tokio::test]
async fn a_modal_of_an_organisation_wide_install_comes_through() {
    let door = Door::answering(Answer::AckWith(json!({"response_action": "clear"})));
    let body = interaction(&json!({"type": "view_submission", "team": null,
        "enterprise": {"id": "E1"}, "is_enterprise_install": true, "user": {"id": "W1"},
        "view": {"id": "V1", "hash": "1", "callback_id": "x", "private_metadata": "",
                 "state": {"values": {}}}}));
    let response = door.signed("/slack/interactions", &body).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(text(response).await, r#"{"response_action":"clear"}"#);
    assert_eq!(door.came(), 1);
}

#[tokio::test]
async fn what_was_not_recorded_is_not_acknowledged_and_what_is_foreign_is_refused() {
    let lost = Door::answering(Answer::NotRecorded);
    let response = lost.signed("/slack/commands", COMMAND).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let foreign = Door::answering(Answer::Foreign);
    let response = foreign.signed("/slack/commands", COMMAND).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(response.headers()["x-slack-no-retry"], "1");
}

#[tokio::test]
async fn other_ways_of_asking_are_not_served() {
    let door = Door::answering(Answer::Ack);
    let request = Request::get("/slack/commands").body(Body::empty()).unwrap();
    let response = door.app.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
}
