//! What only a webhook can do wrong.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jitbot::connectors::webhook::WebhookConnector;
use jitbot::connectors::{Connector, ConnectorError};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use wiremock::matchers::{any, body_partial_json};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::field::{SecretFile, WebhookField, access, at, loopback, webhook_spec, webhook_target};
use jitbot::domain::{Receipt, Target};

struct Hook {
    connector: WebhookConnector,
    target: Target,
    _secret: SecretFile,
}

impl Hook {
    fn to(url: &str) -> Self {
        let (spec, secret) = webhook_spec(url);
        Self {
            connector: WebhookConnector::new(spec.clone(), &loopback()).unwrap(),
            target: webhook_target(spec),
            _secret: secret,
        }
    }

    async fn ensure(&self) -> Result<Receipt, ConnectorError> {
        self.connector.ensure(&access(), &self.target, at(1)).await
    }
}

async fn answering(answer: ResponseTemplate) -> (MockServer, Hook) {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let hook = Hook::to(&server.uri());
    (server, hook)
}

#[tokio::test]
async fn a_call_says_who_what_and_until_when() {
    let field = WebhookField::new(true).await;
    let receipt = field
        .connector
        .ensure(&field.access, &field.target, at(1))
        .await
        .unwrap();
    assert_eq!(receipt.facts["site"], "example");
    assert!(!receipt.credentials);
    let requests = field.server.received_requests().await.unwrap();
    let body: Value = requests[0].body_json().unwrap();
    assert_eq!(
        body,
        json!({
            "action": "ensure",
            "access": {
                "person": field.access.person.to_string(),
                "resource": "staging-db",
                "role": "readonly",
            },
            "tag": field.access.tag(),
            "subject": "dana@example.com",
            "role": "viewer",
            "until": "2100-01-01T01:00:00.000000Z",
        })
    );
}

#[tokio::test]
async fn each_status_is_sorted_by_what_may_have_happened() {
    for status in [400, 401, 403, 404, 410, 422, 301, 302, 307] {
        let answer = ResponseTemplate::new(status)
            .insert_header("location", "http://127.0.0.1:1/")
            .set_body_json(json!({ "error": "not today\n" }));
        let (server, hook) = answering(answer).await;
        let error = hook.ensure().await.unwrap_err();
        assert!(
            matches!(&error, ConnectorError::Rejected(_)),
            "{status}: {error}"
        );
        assert!(error.to_string().ends_with("not today"), "{error}");
        assert_eq!(server.received_requests().await.unwrap().len(), 1);
    }
    for status in [408, 409, 425, 429, 500, 502, 503, 504] {
        let (_server, hook) = answering(ResponseTemplate::new(status)).await;
        let error = hook.ensure().await.unwrap_err();
        assert!(
            matches!(&error, ConnectorError::Unknown(_)),
            "{status}: {error}"
        );
    }
}

#[tokio::test]
async fn a_broken_or_endless_answer_is_unknown() {
    for body in ["{", "[]", "{\"present\": \"yes\"}", &"x".repeat(70_000)] {
        let (_server, hook) = answering(ResponseTemplate::new(200).set_body_string(body)).await;
        let error = hook.ensure().await.unwrap_err();
        assert!(matches!(&error, ConnectorError::Unknown(_)), "{error}");
    }
}

#[tokio::test]
async fn a_receiver_that_says_yes_and_does_nothing_is_found_out() {
    let server = MockServer::start().await;
    Mock::given(body_partial_json(json!({ "action": "verify" })))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "present": false })))
        .mount(&server)
        .await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    let hook = Hook::to(&server.uri());
    let error = hook.ensure().await.unwrap_err();
    assert!(matches!(&error, ConnectorError::Unknown(_)), "{error}");
    hook.connector
        .remove(&access(), &hook.target)
        .await
        .unwrap();
}

#[tokio::test]
async fn after_a_change_even_a_refused_question_is_unknown() {
    let server = MockServer::start().await;
    Mock::given(body_partial_json(json!({ "action": "verify" })))
        .respond_with(ResponseTemplate::new(403))
        .mount(&server)
        .await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    let hook = Hook::to(&server.uri());
    let error = hook.ensure().await.unwrap_err();
    assert!(matches!(&error, ConnectorError::Unknown(_)), "{error}");
}

#[tokio::test]
async fn a_receiver_that_never_answers_is_unknown_and_one_that_is_down_is_unreached() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let mut hook = Hook::to(&url);
    hook.connector = hook.connector.with_timeout(Duration::from_millis(100));
    let begun = Instant::now();
    let error = hook.ensure().await.unwrap_err();
    assert!(matches!(&error, ConnectorError::Unknown(_)), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    drop(silent);
    let error = hook.ensure().await.unwrap_err();
    assert!(matches!(&error, ConnectorError::Unreached(_)), "{error}");
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_at_the_call() {
    let (spec, _secret) = webhook_spec("https://localhost:9/");
    let connector = WebhookConnector::new(spec.clone(), &BTreeSet::new()).unwrap();
    let error = connector.check().await.unwrap_err();
    assert!(matches!(&error, ConnectorError::Rejected(_)), "{error}");
    assert!(error.to_string().contains("JIT_WEBHOOK_ALLOW"), "{error}");
}

#[tokio::test]
async fn a_wrong_signature_is_refused_and_calls_have_ids_of_their_own() {
    let field = WebhookField::new(true).await;
    for _ in 0..2 {
        field
            .connector
            .ensure(&field.access, &field.target, at(1))
            .await
            .unwrap();
        field
            .connector
            .remove(&field.access, &field.target)
            .await
            .unwrap();
    }
    assert_eq!(field.receiver.state.lock().unwrap().seen.len(), 4);
    let wrong = SecretFile::new("whsec_d3Jvbmcgc2VjcmV0IG9mIGEgc3RyYW5nZXI=");
    let (mut spec, _right) = webhook_spec(&field.server.uri());
    spec.secret = wrong.reference();
    let stranger = WebhookConnector::new(spec, &loopback()).unwrap();
    let error = stranger.check().await.unwrap_err();
    assert!(matches!(&error, ConnectorError::Rejected(_)), "{error}");
    let unsigned = SecretFile::new("not base64!");
    let (mut spec, _right) = webhook_spec(&field.server.uri());
    spec.secret = unsigned.reference();
    let error = WebhookConnector::new(spec, &loopback())
        .unwrap()
        .check()
        .await
        .unwrap_err();
    assert!(matches!(&error, ConnectorError::Unreached(_)), "{error}");
    assert!(!error.to_string().contains("base64!"), "{error}");
}
