//! The routes that the page uses.

use jitbot::sandbox::Sandbox;
use serde_json::{Value, json};

use super::{Bot, Say, acme, card, done, http};

async fn state(sandbox: &Sandbox, user: &str) -> Value {
    let url = format!("{}sandbox/state?user={user}", sandbox.page_url());
    http().get(url).send().await.unwrap().json().await.unwrap()
}

async fn post(sandbox: &Sandbox, path: &str, body: Value) -> (u16, Value) {
    let url = format!("{}sandbox/{path}", sandbox.page_url());
    let response = http().post(url).json(&body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn channel<'a>(state: &'a Value, id: &str) -> &'a Value {
    state["channels"]
        .as_array()
        .unwrap()
        .iter()
        .find(|known| known["id"] == id)
        .unwrap()
}

#[tokio::test]
async fn everything_the_page_needs_is_served_without_the_network() {
    let sandbox = acme().await;
    let index = http().get(sandbox.page_url()).send().await.unwrap();
    assert!(
        index.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("script-src 'self'")
    );
    let index = index.text().await.unwrap();
    assert!(!index.contains("http://") && !index.contains("https://"));
    for path in ["style.css", "app.js", "kit.js", "text.js"] {
        let url = format!("{}sandbox/{path}", sandbox.page_url());
        let text = http().get(url).send().await.unwrap().text().await.unwrap();
        assert!(text.len() > 1000, "{path}");
        assert!(
            !text.contains("innerHTML"),
            "{path} must not parse text as HTML"
        );
    }
}

#[tokio::test]
async fn each_person_sees_their_own() {
    let sandbox = acme().await;
    card(&sandbox, "C0ACCESS").await;
    card(&sandbox, "U0BOB").await;
    let only = json!({"channel": "C0ACCESS", "user": "U0DANA", "text": "psst"});
    done(&sandbox, "chat.postEphemeral", only).await;
    let (dana, bob) = (state(&sandbox, "dana").await, state(&sandbox, "bob").await);
    let seen = |state: &Value| {
        channel(state, "C0ACCESS")["messages"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!((seen(&dana), seen(&bob)), (2, 1));
    assert_eq!(dana["unread"]["U0BOB"], 1);
    let dm = sandbox.dm_channel("bob").unwrap();
    assert_eq!(channel(&bob, &dm)["unread"], 1);
    let ts = channel(&bob, &dm)["messages"][0]["ts"].clone();
    post(
        &sandbox,
        "read",
        json!({"user": "bob", "channel": dm, "ts": ts}),
    )
    .await;
    assert_eq!(state(&sandbox, "dana").await["unread"]["U0BOB"], 0);
}

#[tokio::test]
async fn acts_go_the_same_way_as_in_tests() {
    let sandbox = acme().await;
    let bot = Bot::join(&sandbox, |_| Say::Text("heard")).await;
    let typed = json!({"user": "dana", "channel": "C0ACCESS", "command": "/jit", "text": "help"});
    assert_eq!(
        post(&sandbox, "slash", typed).await.1["shown"]["text"],
        "heard"
    );
    let ts = card(&sandbox, "C0ACCESS").await;
    let pressed = json!({"user": "bob", "channel": "C0ACCESS", "ts": ts, "key": "decide/approve"});
    assert_eq!(post(&sandbox, "act", pressed).await.0, 200);
    assert_eq!(
        bot.last().interaction()["actions"][0]["action_id"],
        "approve"
    );
    let said = json!({"user": "bob", "channel": "C0ACCESS", "text": "hello"});
    assert_eq!(post(&sandbox, "say", said).await.0, 200);
    assert_eq!(
        sandbox.messages("access-requests").last().unwrap().text,
        "hello"
    );
    let (status, answer) = post(
        &sandbox,
        "act",
        json!({"user": "bob", "on": "modal", "key": "x"}),
    )
    .await;
    assert_eq!(
        (status, &answer["error"]),
        (422, &json!("U0BOB has no open modal"))
    );
}

#[tokio::test]
async fn no_other_sites_form_can_act() {
    let sandbox = acme().await;
    let url = format!("{}sandbox/say", sandbox.page_url());
    let fields = [
        ("user", "dana"),
        ("channel", "C0ACCESS"),
        ("text", "forged"),
    ];
    let response = http().post(url).form(&fields).send().await.unwrap();
    assert_eq!(response.status(), 415);
    assert!(sandbox.messages("access-requests").is_empty());
}

#[tokio::test]
async fn changes_are_told_live() {
    let sandbox = acme().await;
    let mut live = http()
        .get(format!("{}sandbox/live", sandbox.page_url()))
        .send()
        .await
        .unwrap();
    let first = live.chunk().await.unwrap().unwrap();
    assert!(first.starts_with(b"data:"));
    let (next, _) = tokio::join!(live.chunk(), card(&sandbox, "C0ACCESS"));
    assert!(next.unwrap().unwrap().starts_with(b"data:"));
    drop(live);
    sandbox.shutdown().await;
}
