//! Modals: opened, filled in, sent, complained about, replaced, stacked, closed; and the App Home.

use jitbot::sandbox::{Sandbox, SubmitOutcome, SubmitValues};
use serde_json::{Value, json};

use super::{Bot, Heard, Say, acme, button, call, code, done, option, plain};

fn input(block_id: &str, element: impl Into<Value>) -> Value {
    json!({"type": "input", "block_id": block_id, "label": plain(block_id), "element": element.into()})
}

fn form(title: &str, blocks: impl Into<Value>) -> Value {
    json!({"type": "modal", "callback_id": "ask", "title": plain(title), "submit": plain("Send"),
           "notify_on_close": true, "private_metadata": "m", "blocks": blocks.into()})
}

fn text(action_id: &str) -> Value {
    json!({"type": "plain_text_input", "action_id": action_id, "min_length": 3})
}

fn every_input() -> Value {
    let options = [option("One", "1"), option("Two", "2")];
    let of = |kind: &str| json!({"type": kind, "action_id": "v", "options": options});
    let bare = |kind: &str| json!({"type": kind, "action_id": "v"});
    json!([
        input("text", text("v")),
        input("select", of("static_select")),
        input("external", bare("external_select")),
        input("user", bare("users_select")),
        input("users", bare("multi_users_select")),
        input("channel", bare("channels_select")),
        input("boxes", of("checkboxes")),
        input("radio", of("radio_buttons")),
        input("day", bare("datepicker")),
        input("hour", bare("timepicker")),
        input("when", bare("datetimepicker")),
        input(
            "number",
            json!({"type": "number_input", "action_id": "v", "is_decimal_allowed": true})
        ),
        input("mail", bare("email_text_input")),
    ])
}

fn suggest(heard: &Heard) -> Option<Say> {
    let is_question =
        heard.path.ends_with("interactions") && heard.interaction()["type"] == "block_suggestion";
    is_question.then(|| {
        Say::Json(json!({"options": [option("staging-db", "db-1"), option("prod", "db-2")]}))
    })
}

/// Acme with a modal open for dana; `submitted` answers when she sends it.
async fn opened(view: Value, submitted: Say) -> (Sandbox, Bot) {
    let sandbox = acme().await;
    let bot = Bot::join(&sandbox, move |heard| {
        let sent = heard.body.contains("view_submission");
        suggest(heard).unwrap_or_else(|| {
            if sent {
                submitted.clone()
            } else {
                Say::Nothing
            }
        })
    })
    .await;
    sandbox.shortcut("dana", "ask").await.unwrap();
    let trigger = bot.last().interaction()["trigger_id"].clone();
    done(
        &sandbox,
        "views.open",
        json!({"trigger_id": trigger, "view": view}),
    )
    .await;
    (sandbox, bot)
}

fn whole() -> SubmitValues {
    SubmitValues::new()
        .set("text", "v", "because")
        .set("select", "v", "Two")
        .set("external", "v", "staging-db")
        .set("user", "v", "bob")
        .set("users", "v", json!(["bob", "carol"]))
        .set("channel", "v", "#general")
        .set("boxes", "v", json!(["1", "Two"]))
        .set("radio", "v", "1")
        .set("day", "v", "2026-11-23")
        .set("hour", "v", "11:09")
        .set("when", "v", 1_700_000_000)
        .set("number", "v", "4.5")
        .with("mail", "bob@acme.example")
}

#[tokio::test]
async fn state_values_are_in_slacks_form() {
    let (sandbox, bot) = opened(form("Ask", every_input()), Say::Nothing).await;
    let reply = sandbox.submit("dana", whole()).await.unwrap();
    assert_eq!(reply.outcome, SubmitOutcome::Closed);
    assert!(reply.in_time() && sandbox.modal("dana").is_none());
    let sent = bot.last().interaction();
    assert_eq!(
        (&sent["type"], &sent["view"]["private_metadata"]),
        (&json!("view_submission"), &json!("m"))
    );
    let values = &sent["view"]["state"]["values"];
    let expected = [
        ("/text/v/value", json!("because")),
        ("/select/v/selected_option/value", json!("2")),
        ("/external/v/selected_option/value", json!("db-1")),
        ("/user/v/selected_user", json!("U0BOB")),
        ("/users/v/selected_users", json!(["U0BOB", "U0CAROL"])),
        ("/channel/v/selected_channel", json!("C0GENERAL")),
        ("/boxes/v/selected_options/1/value", json!("2")),
        ("/radio/v/selected_option/text/text", json!("One")),
        ("/day/v/selected_date", json!("2026-11-23")),
        ("/hour/v/selected_time", json!("11:09")),
        ("/when/v/selected_date_time", json!(1_700_000_000)),
        ("/number/v/value", json!("4.5")),
        ("/mail/v/value", json!("bob@acme.example")),
        ("/mail/v/type", json!("email_text_input")),
    ];
    for (pointer, value) in expected {
        assert_eq!(values.pointer(pointer), Some(&value), "{pointer}");
    }
}

#[tokio::test]
async fn slacks_own_form_complains_before_anything_is_sent() {
    let blocks = json!([
        input("why", text("v")), input("mail", json!({"type": "email_text_input", "action_id": "m"})),
        {"type": "input", "block_id": "more", "optional": true, "label": plain("More"), "element": text("v")},
    ]);
    let (sandbox, bot) = opened(form("Ask", blocks), Say::Nothing).await;
    let before = bot.heard().len();
    let reply = sandbox
        .submit(
            "dana",
            SubmitValues::new()
                .set("why", "v", "no")
                .set("mail", "m", "x"),
        )
        .await
        .unwrap();
    let errors: Vec<_> = reply.errors().into_keys().collect();
    assert_eq!(errors, ["mail", "why"]);
    assert_eq!(bot.heard().len(), before);
    let fine = SubmitValues::new()
        .set("why", "v", "yes")
        .set("mail", "m", "x@y.example");
    assert_eq!(
        sandbox.submit("dana", fine).await.unwrap().outcome,
        SubmitOutcome::Closed
    );
}

#[tokio::test]
async fn an_options_name_must_be_on_offer() {
    let select =
        json!({"type": "static_select", "action_id": "v", "options": [option("One", "1")]});
    let (sandbox, _bot) = opened(form("Ask", json!([input("pick", select)])), Say::Nothing).await;
    let wrong = sandbox
        .submit("dana", SubmitValues::new().set("pick", "v", "Three"))
        .await
        .unwrap_err();
    assert!(wrong.to_string().contains("there is no option"), "{wrong}");
}

#[tokio::test]
async fn a_submission_is_answered_in_four_ways() {
    let next = form("Next", json!([input("why", text("v"))]));
    let answers = [
        (
            json!({"response_action": "errors", "errors": {"why": "too vague"}}),
            1,
        ),
        (json!({"response_action": "update", "view": next}), 1),
        (json!({"response_action": "push", "view": next}), 2),
        (json!({"response_action": "clear"}), 0),
    ];
    for (answer, depth) in answers {
        let first = form("Ask", json!([input("why", text("v"))]));
        let (sandbox, _bot) = opened(first, Say::Json(answer.clone())).await;
        let reply = sandbox
            .submit("dana", SubmitValues::new().with("why", "because"))
            .await
            .unwrap();
        let expected = match answer["response_action"].as_str().unwrap() {
            "errors" => SubmitOutcome::Errors([("why".to_owned(), "too vague".to_owned())].into()),
            "update" => SubmitOutcome::Updated,
            "push" => SubmitOutcome::Pushed,
            _ => SubmitOutcome::Cleared,
        };
        assert_eq!(reply.outcome, expected);
        assert_eq!(sandbox.modal_depth("dana"), depth, "{answer}");
        let title = sandbox.modal("dana").map(|view| view.title().to_owned());
        let expected = ["errors"].contains(&answer["response_action"].as_str().unwrap());
        assert_eq!(title.as_deref() == Some("Ask"), expected);
    }
}

#[tokio::test]
async fn a_bad_answer_leaves_the_modal_open() {
    let bad = [
        Say::Status(500),
        Say::Json(json!({"response_action": "errors", "errors": {"nowhere": "?"}})),
        Say::Json(json!({"response_action": "update", "view": {"type": "modal"}})),
    ];
    for answer in bad {
        let (sandbox, _bot) = opened(form("Ask", json!([input("why", text("v"))])), answer).await;
        let reply = sandbox
            .submit("dana", SubmitValues::new().with("why", "because"))
            .await
            .unwrap();
        assert!(
            matches!(reply.outcome, SubmitOutcome::Failed(_)),
            "{:?}",
            reply.outcome
        );
        assert_eq!(sandbox.modal_depth("dana"), 1);
    }
}

#[tokio::test]
async fn an_update_keeps_what_was_typed_and_wants_the_right_hash() {
    let ask = json!([
        input("why", text("v")),
        {"type": "actions", "block_id": "act", "elements": [button("refresh", "Refresh", "1")]},
    ]);
    let (sandbox, bot) = opened(form("Ask", ask.clone()), Say::Nothing).await;
    sandbox.enter("dana", "why/v", "typed").await.unwrap();
    sandbox.click_modal("dana", "refresh").await.unwrap();
    let sent = bot.last().interaction();
    assert_eq!(sent["container"]["type"], "view");
    assert_eq!(
        sent["view"]["state"]["values"]["why"]["v"]["value"],
        "typed"
    );
    let (id, hash) = (sent["view"]["id"].clone(), sent["view"]["hash"].clone());
    let update = json!({"view_id": id, "hash": hash, "view": form("Again", ask)});
    done(&sandbox, "views.update", update.clone()).await;
    assert_eq!(
        code(&sandbox, "views.update", update).await,
        "hash_conflict"
    );
    let view = sandbox.modal("dana").unwrap();
    assert_eq!(
        (view.title(), &view.state()["why"]["v"]["value"]),
        ("Again", &json!("typed"))
    );
    let lost = json!({"view_id": "V0NONE", "view": form("Again", json!([]))});
    assert_eq!(code(&sandbox, "views.update", lost).await, "not_found");
}

#[tokio::test]
async fn an_input_may_ask_to_be_told_at_once() {
    let mut block = input(
        "pick",
        json!({"type": "static_select", "action_id": "v", "options": [option("One", "1")]}),
    );
    let quiet = block.clone();
    block["dispatch_action"] = json!(true);
    for (block, told) in [(block, 1), (quiet, 0)] {
        let (sandbox, bot) = opened(form("Ask", json!([block])), Say::Nothing).await;
        let before = bot.heard().len();
        sandbox.enter("dana", "pick/v", "1").await.unwrap();
        assert_eq!(bot.heard().len() - before, told);
    }
}

#[tokio::test]
async fn at_most_three_modals_lie_on_each_other() {
    let (sandbox, bot) = opened(form("One", json!([])), Say::Nothing).await;
    for expected in [Some("ok"), Some("ok"), None] {
        sandbox.shortcut("dana", "more").await.unwrap();
        let trigger = bot.last().interaction()["trigger_id"].clone();
        let args = json!({"trigger_id": trigger, "view": form("More", json!([]))});
        let answer = call(&sandbox, "views.push", args).await;
        assert_eq!(answer["ok"] == true, expected.is_some(), "{answer}");
    }
    assert_eq!(sandbox.modal_depth("dana"), 3);
    let top = sandbox.modal("dana").unwrap();
    assert!(top.previous.is_some() && top.root != top.id);
}

#[tokio::test]
async fn closing_is_told_where_it_is_asked_for() {
    let (sandbox, bot) = opened(form("Ask", json!([])), Say::Nothing).await;
    sandbox.close_modal("dana").await.unwrap();
    let sent = bot.last().interaction();
    assert_eq!(
        (&sent["type"], &sent["is_cleared"]),
        (&json!("view_closed"), &json!(false))
    );
    assert!(sandbox.modal("dana").is_none() && sandbox.close_modal("dana").await.is_err());
}

#[tokio::test]
async fn the_home_tab_is_published_and_used() {
    let sandbox = acme().await;
    let bot = Bot::join(&sandbox, |_| Say::Nothing).await;
    let home = json!({"type": "home", "blocks": [
        {"type": "header", "text": plain("Waiting for you")},
        {"type": "actions", "elements": [button("review", "Review", "REQ-1")]},
    ]});
    let publish = |hash: Value| json!({"user_id": "U0BOB", "view": home, "hash": hash});
    let first = done(&sandbox, "views.publish", publish(Value::Null)).await;
    let hash = first["view"]["hash"].clone();
    let second = done(&sandbox, "views.publish", publish(hash.clone())).await;
    assert_eq!(second["view"]["id"], first["view"]["id"]);
    assert_eq!(
        code(&sandbox, "views.publish", publish(hash)).await,
        "hash_conflict"
    );
    assert_eq!(
        sandbox.home("bob").unwrap().plain(),
        "Waiting for you\n[Review]"
    );
    sandbox.click_home("bob", "Review").await.unwrap();
    assert_eq!(bot.last().interaction()["view"]["type"], "home");
}
