//! Commands of which something is missing: the form opens, with all that was understood in it.

use jitbot::sandbox::{Fault, FaultKind, Sandbox, SubmitOutcome, SubmitValues};
use serde_json::{Value, json};

use super::asking_modal::{
    POLICY, asked, because, bot, chooses, enters, form, has, holds, page, sends, slowly,
};
use super::bot::{Bot, SOON};

#[tokio::test]
async fn what_cannot_be_read_opens_the_form_with_what_can() {
    let bot = bot().await;
    let none = Value::Null;
    let staging = json!("resource:staging-db");
    for (typed, said, chosen) in [
        (
            "request 1h orders stuck",
            "What do you need?",
            [&none, &json!("3600"), &json!("orders stuck")],
        ),
        (
            "request 1h staging-db to see",
            "whether I understood you",
            [&staging, &json!("3600"), &json!("to see")],
        ),
        (
            "request staging-db 30 INC-1",
            "30 what?",
            [&staging, &json!("2700"), &json!("INC-1")],
        ),
        (
            "request staging-db 30m from tomorrow the night shift",
            "From what time on tomorrow?",
            [&staging, &json!("1800"), &json!("the night shift")],
        ),
        (
            "request staging-db 30m for @erni she is on call",
            "I cannot tell who “@erni” is",
            [&staging, &json!("1800"), &json!("she is on call")],
        ),
    ] {
        assert_eq!(bot.types("dana", typed).await, "", "{typed}");
        let view = form(&bot, "dana");
        let shown = page(&view);
        assert!(
            shown.contains("Almost there") && shown.contains(said),
            "{typed}: {shown}"
        );
        let found = ["jit_ask_what", "jit_ask_time", "jit_ask_reason"].map(|at| holds(&view, at));
        assert_eq!(found.each_ref(), chosen, "{typed}");
        bot.house.slack.close_modal("dana").await.unwrap();
    }
    assert_eq!(asked(&bot).await, 0);
    // What is no request is answered in words.
    let told = bot.types("dana", "explain staging-db 30").await;
    assert!(told.contains("30 what?"), "{told}");
}

#[tokio::test]
async fn what_cannot_be_read_is_answered_by_an_example_where_it_is_too_late_for_a_form() {
    let bot = bot().await;
    let late = FaultKind::Error {
        error: "expired_trigger_id".into(),
    };
    bot.house.slack.fault(Fault::once("views.open", late));
    let told = bot.types("dana", "request staging-db 30 INC-1").await;
    assert!(told.contains("/jit request staging-db 30m"), "{told}");
    assert!(bot.house.slack.modal("dana").is_none());
}

#[tokio::test]
async fn what_was_said_is_kept_until_it_is_known_of_what() {
    let bot = bot().await;
    bot.types("dana", "request stagin-db readwrite 1h INC-3 stuck")
        .await;
    assert_eq!(holds(&form(&bot, "dana"), "jit_ask_time"), "3600");
    chooses(&bot, "dana", "staging-db").await;
    let view = form(&bot, "dana");
    for (action, value) in [
        ("jit_ask_role", "readwrite"),
        ("jit_ask_time", "3600"),
        ("jit_ask_ticket", "INC-3"),
        ("jit_ask_reason", "INC-3 stuck"),
    ] {
        assert_eq!(holds(&view, action), value, "{action}");
    }
    let reply = sends(&bot, "dana", SubmitValues::new()).await;
    assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
    let request = bot.last_request().await;
    assert_eq!(request.access.role.as_str(), "readwrite");
    assert_eq!(request.reason, "INC-3 stuck");

    bot.types("dana", "break-glass").await;
    assert!(has(&form(&bot, "dana"), "jit_ask_emergency"));
    chooses(&bot, "dana", "orders-db").await;
    let said = page(&form(&bot, "dana"));
    assert!(said.contains("Break-glass: given at once"), "{said}");
}

#[tokio::test]
async fn a_ticket_in_the_reason_is_not_asked_for_again() {
    let bot = bot().await;
    for (typed, reason) in [
        ("request staging-db readwrite INC-42 stuck", "INC-42 stuck"),
        (
            "request staging-db readwrite 30 it is INC-42",
            "it is INC-42",
        ),
    ] {
        bot.types("dana", typed).await;
        let view = form(&bot, "dana");
        assert_eq!(holds(&view, "jit_ask_ticket"), "INC-42", "{typed}");
        assert_eq!(holds(&view, "jit_ask_reason"), reason, "{typed}");
        let reply = sends(&bot, "dana", SubmitValues::new()).await;
        assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
        let request = bot.last_request().await;
        assert_eq!(request.reason, reason, "{typed}");
        assert_eq!(request.terms.ticket.as_deref(), Some("INC-42"), "{typed}");
    }
    // The second word is no role, but the beginning of the reason.
    bot.types("dana", "request orders-db INC-42 stuck").await;
    assert_eq!(holds(&form(&bot, "dana"), "jit_ask_reason"), "INC-42 stuck");
}

#[tokio::test]
async fn a_bundle_of_which_something_is_missing_opens_the_form_too() {
    let bot = bot().await;
    assert_eq!(bot.types("dana", "request oncall-kit").await, "");
    let view = form(&bot, "dana");
    assert_eq!(holds(&view, "jit_ask_what"), "bundle:oncall-kit");
    assert!(page(&view).contains("Almost there"), "{}", page(&view));
    let reply = sends(&bot, "dana", because("my shift begins")).await;
    assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
    assert_eq!(asked(&bot).await, 2);
}

/// A policy that has to ask Slack who is on call before it says anything of orders.
fn on_call() -> String {
    POLICY
        .replace(
            "groups:\n",
            "groups:\n  oncall: { slack_usergroup: S0APPROVERS }\n",
        )
        .replace(
            "rules:\n",
            "rules:
  - name: those on call
    match: { resources: [orders-db], requester_in: [oncall] }
    decision: review
    require: { max_duration: 4h }
    steps: [{ from: [leads] }]
",
        )
}

/// Whoever asks is read slowly, and so are the groups: together it takes longer than a trigger lives.
async fn slow() -> Bot {
    let bot = Bot::under(&on_call(), None).await;
    bot.types("dana", "list").await;
    slowly(&bot, "dana", 1_600).await;
    let slack = &bot.house.slack;
    let changed = json!({"type": "subteam_members_changed", "subteam_id": "S0APPROVERS"});
    slack.event(changed).await;
    let slow = FaultKind::Delay { millis: 1_600 };
    slack.fault(Fault::once("usergroups.users.list", slow));
    bot
}

fn waits(slack: &Sandbox) -> bool {
    let view = slack.modal("dana");
    view.is_some_and(|view| view.plain().contains("One moment"))
}

#[tokio::test]
async fn where_reading_takes_long_the_form_is_opened_first() {
    let bot = slow().await;
    let slack = &bot.house.slack;
    slack
        .slash("dana", "general", "/jit", "request orders-db")
        .await
        .unwrap();
    assert!(slack.wait_for(waits, SOON).await, "one moment");
    bot.settle().await;
    let said = page(&form(&bot, "dana"));
    assert!(said.contains("For how long?"), "{said}");
    assert!(!bot.told("dana").contains("For how long?"), "not in words");
}

#[tokio::test]
async fn a_whole_request_is_taken_in_however_long_reading_takes() {
    let bot = slow().await;
    let slack = &bot.house.slack;
    slack
        .slash("dana", "general", "/jit", "request orders-db 1h to see")
        .await
        .unwrap();
    assert!(slack.wait_for(waits, SOON).await, "one moment");
    bot.settle().await;
    let said = page(&form(&bot, "dana"));
    assert!(said.contains("Request sent"), "{said}");
    assert_eq!(asked(&bot).await, 1);
}

#[tokio::test]
async fn for_somebody_else_it_is_said_of_two_that_they_do_not_decide() {
    let bot = bot().await;
    let typed = "request lonely-db 1h for <@U0ERIN|erin> to see";
    let told = bot.types("dana", typed).await;
    assert!(
        told.contains("besides the two of you there are 0"),
        "{told}"
    );
    bot.types("dana", "").await;
    chooses(&bot, "dana", "lonely-db").await;
    assert!(page(&form(&bot, "dana")).contains("besides you there are 0"));
    enters(&bot, "dana", "jit_ask_holder", "erin").await;
    let said = page(&form(&bot, "dana"));
    assert!(said.contains("besides the two of you"), "{said}");
}
