//! Faults that tests switch on.

use std::time::Duration;

use jitbot::sandbox::{Fault, FaultKind, Sandbox};
use serde_json::{Value, json};

use super::{Bot, Say, acme, call, code, done, http};

const POST: &str = "chat.postMessage";

fn hello() -> Value {
    json!({"channel": "C0GENERAL", "text": "hi"})
}

async fn send(sandbox: &Sandbox) -> reqwest::Response {
    let url = format!("{}{POST}", sandbox.api_url());
    http()
        .post(url)
        .bearer_auth("xoxb-acme-bot")
        .json(&hello())
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn rate_limits_say_how_long() {
    let sandbox = acme().await;
    sandbox.fault(Fault::times(
        POST,
        2,
        FaultKind::RateLimited { retry_after: 7 },
    ));
    for _ in 0..2 {
        let response = send(&sandbox).await;
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "7");
    }
    assert!(sandbox.messages("general").is_empty());
    assert_eq!(send(&sandbox).await.status(), 200);
    let statuses: Vec<_> = sandbox.calls().iter().map(|call| call.status).collect();
    assert_eq!(statuses, [429, 429, 200]);
}

#[tokio::test]
async fn errors_of_every_kind() {
    let sandbox = acme().await;
    sandbox.fault(Fault::once(POST, FaultKind::Status { status: 503 }));
    assert_eq!(send(&sandbox).await.status(), 503);
    sandbox.fault(Fault::once(
        "*",
        FaultKind::Error {
            error: "fatal_error".into(),
        },
    ));
    assert_eq!(code(&sandbox, POST, hello()).await, "fatal_error");
    assert!(sandbox.messages("general").is_empty() && !sandbox.has_faults());
}

#[tokio::test]
async fn a_fault_can_be_about_one_channel() {
    let sandbox = acme().await;
    let error = FaultKind::Error {
        error: "not_in_channel".into(),
    };
    sandbox.fault(Fault::once(POST, error).in_channel("C0ACCESS"));
    done(&sandbox, POST, hello()).await;
    let there = json!({"channel": "C0ACCESS", "text": "hi"});
    assert_eq!(code(&sandbox, POST, there).await, "not_in_channel");
}

#[tokio::test]
async fn an_unanswered_call_may_or_may_not_have_been_done() {
    for (kind, messages) in [(FaultKind::Hang, 0), (FaultKind::DoneThenHang, 1)] {
        let sandbox = acme().await;
        sandbox.fault(Fault::once(POST, kind));
        let url = format!("{}{POST}", sandbox.api_url());
        let request = http().post(url).bearer_auth("xoxb-acme-bot").json(&hello());
        let answer = tokio::time::timeout(Duration::from_millis(300), request.send()).await;
        assert!(answer.is_err(), "nothing may be answered");
        let recorded = sandbox
            .wait_for(|sandbox| sandbox.calls().len() == 1, super::PATIENCE)
            .await;
        assert!(recorded && sandbox.calls()[0].status == 0);
        assert_eq!(sandbox.messages("general").len(), messages);
    }
}

#[tokio::test]
async fn a_message_may_be_stored_though_the_answer_breaks_off() {
    let sandbox = acme().await;
    sandbox.fault(Fault::once(POST, FaultKind::DoneThenCut));
    let url = format!("{}{POST}", sandbox.api_url());
    let request = http().post(url).bearer_auth("xoxb-acme-bot").json(&hello());
    let broken = match request.send().await {
        Ok(response) => response.text().await.is_err(),
        Err(_) => true,
    };
    assert!(broken && sandbox.messages("general").len() == 1);
    sandbox.fault(Fault::once(POST, FaultKind::DoneThenStatus { status: 502 }));
    assert_eq!(send(&sandbox).await.status(), 502);
    assert_eq!(sandbox.messages("general").len(), 2);
}

#[tokio::test]
async fn response_urls_fail_too() {
    let sandbox = acme().await;
    let bot = Bot::join(&sandbox, |_| Say::Nothing).await;
    sandbox.slash("dana", "general", "/jit", "").await.unwrap();
    let url = bot.last().form()["response_url"]
        .as_str()
        .unwrap()
        .to_owned();
    let cases = [
        (FaultKind::Status { status: 500 }, 500, 0),
        (FaultKind::DoneThenStatus { status: 502 }, 502, 1),
        (FaultKind::RateLimited { retry_after: 1 }, 429, 1),
    ];
    for (kind, status, shown) in cases {
        sandbox.fault(Fault::once("response_url", kind));
        let answer = http()
            .post(&url)
            .json(&json!({"text": "hi"}))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(sandbox.ephemerals("dana").len(), shown);
    }
}

#[tokio::test]
async fn faults_can_be_ordered_over_http() {
    let sandbox = acme().await;
    let order = async |order: Value| {
        let url = format!("{}sandbox/faults", sandbox.page_url());
        http()
            .post(url)
            .json(&order)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    let limited = json!({"method": POST, "times": 5, "kind": "rate_limited", "retry_after": 1});
    assert_eq!(order(limited).await, 200);
    assert_eq!(call(&sandbox, POST, hello()).await["error"], "ratelimited");
    assert_eq!(order(json!({"heal": true})).await, 200);
    done(&sandbox, POST, hello()).await;
    assert_eq!(order(json!({"outward": {"duplicate": 1}})).await, 200);
    assert_eq!(order(json!({"kind": "nonsense"})).await, 422);
}

#[tokio::test]
async fn waiting_wakes_on_a_change_and_gives_up_in_time() {
    let sandbox = acme().await;
    let arrived = |sandbox: &Sandbox| sandbox.messages("general").len() == 1;
    assert!(!sandbox.wait_for(arrived, Duration::ZERO).await);
    let (found, _) = tokio::join!(
        sandbox.wait_some(|sandbox| sandbox.messages("general").pop(), super::PATIENCE),
        done(&sandbox, POST, hello()),
    );
    assert_eq!(found.unwrap().text, "hi");
}

#[tokio::test]
async fn dropping_or_shutting_down_stops_it() {
    let sandbox = acme().await;
    let url = format!("{}api.test", sandbox.api_url());
    assert!(http().get(&url).send().await.is_ok());
    sandbox.shutdown().await;
    assert!(http().get(&url).send().await.is_err());
}
