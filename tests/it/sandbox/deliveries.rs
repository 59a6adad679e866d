//! What reaches a bot over HTTP when people act, and what its answers do.

use std::time::Duration;

use hmac::{Hmac, Mac};
use jitbot::sandbox::{Outward, Sandbox, SandboxError};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Bot, Heard, Say, acme, call, card, card_blocks, code, done, http};

/// Checks a signature the way a bot does.
fn is_signed(heard: &Heard) -> bool {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"acme-signing-secret").unwrap();
    mac.update(
        format!(
            "v0:{}:{}",
            heard.header("x-slack-request-timestamp"),
            heard.body
        )
        .as_bytes(),
    );
    heard.header("x-slack-signature") == format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

async fn post(url: &Value, body: Value) -> (u16, String) {
    let response = http()
        .post(url.as_str().unwrap())
        .json(&body)
        .send()
        .await
        .unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn a_command_arrives_signed_and_whole() {
    let sandbox = acme().await;
    let bot = Bot::join(&sandbox, |_| Say::Nothing).await;
    let text = "request db for @bob in #general, a<b https://x.example/?a=1&b=2 me@acme.example";
    let reply = sandbox
        .slash("dana", "#access-requests", "/jit", text)
        .await
        .unwrap();
    assert!(reply.in_time() && reply.shown.is_none());
    let heard = bot.last();
    assert!(is_signed(&heard));
    assert_eq!(heard.path, "/slack/commands");
    let form = heard.form();
    let expected = json!({
        "team_id": "T0ACME", "team_domain": "acme", "channel_id": "C0ACCESS",
        "channel_name": "access-requests", "user_id": "U0DANA", "user_name": "dana",
        "command": "/jit", "api_app_id": "A0JITAPP", "is_enterprise_install": "false",
        "text": "request db for <@U0BOB|bob> in <#C0GENERAL|general>, a&lt;b \
                 <https://x.example/?a=1&amp;b=2> <mailto:me@acme.example|me@acme.example>",
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&form[key], value, "{key}");
    }
}

#[tokio::test]
async fn without_escaping_a_command_arrives_as_typed() {
    let mut settings = jitbot::sandbox::Settings::acme();
    settings.escape_mentions = false;
    let sandbox = Sandbox::start(settings).await.unwrap();
    let bot = Bot::join(&sandbox, |_| Say::Nothing).await;
    sandbox
        .slash("dana", "general", "/jit", "ask @bob & co")
        .await
        .unwrap();
    assert_eq!(bot.last().form()["text"], "ask @bob & co");
}

#[tokio::test]
async fn a_command_is_answered_in_its_acknowledgement() {
    let cases = [
        (Say::Text("plain"), "plain", true),
        (Say::Json(json!({"text": "json"})), "json", true),
        (
            Say::Json(json!({"response_type": "in_channel", "text": "to all"})),
            "to all",
            false,
        ),
    ];
    for (say, text, only_dana) in cases {
        let sandbox = acme().await;
        let _bot = Bot::join(&sandbox, move |_| say.clone()).await;
        let reply = sandbox
            .slash("dana", "general", "/jit", "help")
            .await
            .unwrap();
        assert_eq!(reply.plain(), text);
        assert_eq!(reply.shown.unwrap().only_for.is_some(), only_dana);
        assert_eq!(sandbox.messages("general").is_empty(), only_dana);
    }
}

#[tokio::test]
async fn a_bot_that_does_not_answer_is_told_of() {
    let sandbox = acme().await;
    let nobody = sandbox
        .slash("dana", "general", "/jit", "help")
        .await
        .unwrap();
    assert_eq!(nobody.error.as_deref(), Some("dispatch_failed"));
    sandbox.set_ack_deadline(Duration::from_millis(30));
    for (say, error) in [
        (Say::Hang, "operation_timeout"),
        (Say::Status(500), "dispatch_failed"),
    ] {
        let _bot = Bot::join(&sandbox, move |_| say.clone()).await;
        if error == "dispatch_failed" {
            sandbox.set_ack_deadline(super::PATIENCE);
        }
        let reply = sandbox
            .slash("dana", "general", "/jit", "help")
            .await
            .unwrap();
        assert!(!reply.in_time());
        assert_eq!(
            reply.plain(),
            format!("/jit failed with the error \"{error}\"")
        );
    }
}

#[tokio::test]
async fn people_cannot_act_where_they_are_not() {
    let sandbox = acme().await;
    let wrong = sandbox.slash("nobody", "general", "/jit", "").await;
    assert!(matches!(wrong, Err(SandboxError::NoSuchUser(_))));
    let wrong = sandbox.slash("jitbot", "general", "/jit", "").await;
    assert!(matches!(wrong, Err(SandboxError::NotInChannel { .. })));
    let ts = card(&sandbox, "U0BOB").await;
    let place = sandbox.dm_channel("bob").unwrap();
    let wrong = sandbox.click("dana", &place, &ts, "approve").await;
    assert!(matches!(wrong, Err(SandboxError::NotInChannel { .. })));
    let wrong = sandbox
        .click("bob", &place, &ts, "explode")
        .await
        .unwrap_err();
    assert!(
        wrong
            .to_string()
            .contains("decide/approve, decide/deny, decide/more"),
        "{wrong}"
    );
}

#[tokio::test]
async fn a_click_says_who_where_and_what() {
    let sandbox = acme().await;
    let bot = Bot::join(&sandbox, |_| Say::Nothing).await;
    let ts = card(&sandbox, "C0ACCESS").await;
    for key in ["approve", "Approve", "decide/approve", "REQ-1"] {
        assert!(
            sandbox
                .click("bob", "access-requests", &ts, key)
                .await
                .unwrap()
                .in_time()
        );
    }
    let heard = bot.last();
    assert!(is_signed(&heard));
    let sent = heard.interaction();
    assert_eq!(sent["type"], "block_actions");
    assert_eq!(sent["user"]["id"], "U0BOB");
    assert_eq!(sent["team"], json!({"id": "T0ACME", "domain": "acme"}));
    assert_eq!(sent["container"]["message_ts"], ts.as_str());
    assert_eq!(
        sent["channel"],
        json!({"id": "C0ACCESS", "name": "access-requests"})
    );
    assert_eq!(sent["message"]["blocks"].as_array().unwrap().len(), 2);
    let action = &sent["actions"][0];
    assert_eq!(
        (&action["action_id"], &action["value"]),
        (&json!("approve"), &json!("REQ-1"))
    );
    sandbox
        .choose("bob", ("C0ACCESS", &ts), "more", "Explain")
        .await
        .unwrap();
    assert_eq!(
        bot.last().interaction()["actions"][0]["selected_option"]["value"],
        "explain"
    );
}

#[tokio::test]
async fn an_old_copy_can_be_clicked_after_the_buttons_are_gone() {
    let sandbox = acme().await;
    let bot = Bot::join(&sandbox, |_| Say::Nothing).await;
    let ts = card(&sandbox, "C0ACCESS").await;
    let seen = sandbox.message("access-requests", &ts).unwrap();
    done(
        &sandbox,
        "chat.update",
        json!({"channel": "C0ACCESS", "ts": ts, "text": "done"}),
    )
    .await;
    assert!(
        sandbox
            .click("bob", "access-requests", &ts, "approve")
            .await
            .is_err()
    );
    assert!(
        sandbox
            .click_seen("bob", &seen, "approve")
            .await
            .unwrap()
            .in_time()
    );
    assert_eq!(
        bot.last().interaction()["actions"][0]["action_id"],
        "approve"
    );
}

#[tokio::test]
async fn an_org_install_has_no_team() {
    let sandbox = acme().await;
    let bot = Bot::join(&sandbox, |_| Say::Nothing).await;
    let ts = card(&sandbox, "C0ACCESS").await;
    sandbox.set_org_install(true);
    sandbox
        .click("bob", "access-requests", &ts, "approve")
        .await
        .unwrap();
    let sent = bot.last().interaction();
    assert_eq!(
        (&sent["team"], &sent["is_enterprise_install"]),
        (&Value::Null, &json!(true))
    );
    assert_eq!(sent["enterprise"]["id"], "E0ACME");
    sandbox
        .event(json!({"type": "user_change", "user": {"id": "U0BOB"}}))
        .await;
    let event = bot.last().json();
    assert_eq!(event["authorizations"][0]["team_id"], Value::Null);
    sandbox.slash("dana", "general", "/jit", "").await.unwrap();
    assert_eq!(bot.last().form()["is_enterprise_install"], "true");
}

#[tokio::test]
async fn a_response_url_works_five_times() {
    let sandbox = acme().await;
    let bot = Bot::join(&sandbox, |_| Say::Nothing).await;
    sandbox
        .slash("dana", "general", "/jit", "help")
        .await
        .unwrap();
    let url = bot.last().form()["response_url"].clone();
    for turn in 0..5 {
        let (status, body) = post(&url, json!({"text": format!("turn {turn}")})).await;
        assert_eq!((status, body.as_str()), (200, "ok"));
    }
    let (status, body) = post(&url, json!({"text": "too much"})).await;
    assert_eq!(status, 404);
    assert!(body.contains("used_url"), "{body}");
    assert_eq!(sandbox.ephemerals("dana").len(), 5);
    assert_eq!(sandbox.calls_to("response_url").len(), 6);
    assert_eq!(
        sandbox.calls_to("response_url")[5].answer["error"],
        "used_url"
    );
    sandbox
        .slash("dana", "general", "/jit", "help")
        .await
        .unwrap();
    sandbox.expire_response_urls();
    let (_, body) = post(&bot.last().form()["response_url"], json!({"text": "late"})).await;
    assert!(body.contains("expired_url"), "{body}");
}

#[tokio::test]
async fn a_response_url_replaces_or_deletes_what_was_acted_on() {
    let sandbox = acme().await;
    let bot = Bot::join(&sandbox, |_| Say::Nothing).await;
    let ts = card(&sandbox, "C0ACCESS").await;
    sandbox
        .click("bob", "access-requests", &ts, "deny")
        .await
        .unwrap();
    let url = bot.last().interaction()["response_url"].clone();
    post(
        &url,
        json!({"response_type": "ephemeral", "text": "only bob"}),
    )
    .await;
    assert_eq!(sandbox.ephemerals("bob")[0].text, "only bob");
    post(
        &url,
        json!({"response_type": "in_channel", "text": "everybody"}),
    )
    .await;
    assert_eq!(sandbox.messages("access-requests")[1].text, "everybody");
    post(&url, json!({"replace_original": true, "text": "denied"})).await;
    assert_eq!(
        sandbox.message("access-requests", &ts).unwrap().plain(),
        "denied"
    );
    post(&url, json!({"delete_original": true})).await;
    assert!(sandbox.message("access-requests", &ts).unwrap().deleted);
}

#[tokio::test]
async fn an_ephemeral_can_be_clicked_and_replaced_by_its_reader() {
    let sandbox = acme().await;
    let bot = Bot::join(&sandbox, |_| Say::Nothing).await;
    let args =
        json!({"channel": "C0GENERAL", "user": "U0DANA", "text": "t", "blocks": card_blocks()});
    let ts = done(&sandbox, "chat.postEphemeral", args).await["message_ts"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        sandbox
            .click("bob", "general", &ts, "approve")
            .await
            .is_err()
    );
    sandbox
        .click("dana", "general", &ts, "approve")
        .await
        .unwrap();
    let sent = bot.last().interaction();
    assert_eq!(sent["container"]["is_ephemeral"], true);
    post(
        &sent["response_url"],
        json!({"replace_original": true, "text": "gone"}),
    )
    .await;
    assert_eq!(sandbox.ephemerals("dana")[0].plain(), "gone");
}

#[tokio::test]
async fn shortcuts_and_events_and_checks() {
    let sandbox = acme().await;
    let bot = Bot::join(&sandbox, |heard| {
        if heard.body.contains("url_verification") {
            Say::Json(json!({"challenge": heard.json()["challenge"]}))
        } else {
            Say::Nothing
        }
    })
    .await;
    sandbox.shortcut("dana", "ask").await.unwrap();
    let sent = bot.last().interaction();
    assert_eq!(
        (&sent["type"], &sent["callback_id"]),
        (&json!("shortcut"), &json!("ask"))
    );
    let ts = card(&sandbox, "C0ACCESS").await;
    sandbox
        .message_shortcut("dana", ("access-requests", &ts), "ask_here")
        .await
        .unwrap();
    let sent = bot.last().interaction();
    assert_eq!(
        (&sent["type"], &sent["message"]["ts"]),
        (&json!("message_action"), &json!(ts))
    );
    sandbox.open_home("dana").await.unwrap();
    let sent = bot.last().json();
    assert_eq!(
        (&sent["type"], &sent["event"]["type"]),
        (&json!("event_callback"), &json!("app_home_opened"))
    );
    assert!(is_signed(&bot.last()) && sent["event_id"].as_str().unwrap().starts_with("Ev"));
    assert!(sandbox.url_verification("abc").await);
    assert!(sandbox.ssl_check().await.in_time);
    assert_eq!(bot.last().form()["ssl_check"], "1");
}

#[tokio::test]
async fn an_event_is_sent_again_until_it_is_acknowledged() {
    let mut settings = jitbot::sandbox::Settings::acme();
    settings.event_retries = vec![Duration::ZERO; 3];
    let sandbox = Sandbox::start(settings).await.unwrap();
    let bot = Bot::join(&sandbox, |heard| match heard.header("x-slack-retry-num") {
        "2" => Say::Nothing,
        _ => Say::Status(500),
    })
    .await;
    let reply = sandbox.event(json!({"type": "app_uninstalled"})).await;
    let in_time: Vec<bool> = reply.acks.iter().map(|ack| ack.in_time).collect();
    assert_eq!(in_time, [false, false, true]);
    let heard = bot.heard();
    let numbers: Vec<_> = heard
        .iter()
        .map(|heard| heard.header("x-slack-retry-num"))
        .collect();
    assert_eq!(numbers, ["", "1", "2"]);
    assert_eq!(heard[1].header("x-slack-retry-reason"), "http_error");
    assert!(
        heard
            .iter()
            .all(|one| one.json()["event_id"] == heard[0].json()["event_id"])
    );
}

#[tokio::test]
async fn the_same_delivery_can_arrive_twice() {
    let sandbox = acme().await;
    let bot = Bot::join(&sandbox, |_| Say::Nothing).await;
    let ts = card(&sandbox, "C0ACCESS").await;
    let reply = sandbox
        .twice()
        .click("bob", "access-requests", &ts, "approve")
        .await
        .unwrap();
    assert_eq!(reply.acks.len(), 2);
    let heard = bot.heard();
    assert_eq!(heard[0].body, heard[1].body);
    sandbox.outward(Outward {
        duplicate: 1,
        lose_acks: 0,
    });
    sandbox.slash("dana", "general", "/jit", "").await.unwrap();
    sandbox.slash("dana", "general", "/jit", "").await.unwrap();
    assert_eq!(bot.heard().len(), 5);
}

#[tokio::test]
async fn a_lost_acknowledgement_looks_like_a_timeout_to_the_person_only() {
    let sandbox = acme().await;
    let bot = Bot::join(&sandbox, |_| Say::Text("done")).await;
    sandbox.outward(Outward {
        duplicate: 0,
        lose_acks: 1,
    });
    let reply = sandbox.slash("dana", "general", "/jit", "").await.unwrap();
    assert_eq!(reply.error.as_deref(), Some("operation_timeout"));
    assert_eq!(bot.heard().len(), 1);
}

#[tokio::test]
async fn triggers_are_traded_once_and_soon() {
    let sandbox = acme().await;
    let bot = Bot::join(&sandbox, |_| Say::Nothing).await;
    let view =
        json!({"type": "modal", "title": {"type": "plain_text", "text": "Ask"}, "blocks": []});
    let open = async |trigger: &Value| {
        call(
            &sandbox,
            "views.open",
            json!({"trigger_id": trigger, "view": view}),
        )
        .await
    };
    sandbox.slash("dana", "general", "/jit", "").await.unwrap();
    let trigger = bot.last().form()["trigger_id"].clone();
    assert_eq!(open(&trigger).await["ok"], true);
    assert_eq!(open(&trigger).await["error"], "exchanged_trigger_id");
    assert_eq!(open(&json!("made.up")).await["error"], "invalid_trigger_id");
    sandbox.slash("dana", "general", "/jit", "").await.unwrap();
    sandbox.expire_triggers();
    assert_eq!(
        open(&bot.last().form()["trigger_id"]).await["error"],
        "expired_trigger_id"
    );
    assert_eq!(
        code(&sandbox, "views.open", json!({"view": view})).await,
        "invalid_trigger_id"
    );
}
