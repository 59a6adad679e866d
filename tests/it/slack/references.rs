//! Who is told that something failed on our side can name it, and the log knows it by that name.

use chrono::TimeDelta;
use jitbot::sandbox::{Fault, FaultKind, Message, SubmitOutcome, SubmitValues};
use regex::Regex;

use super::bot::{Bot, Passwords, SOON};
use crate::harness::log::Log;

fn reference(told: &str) -> String {
    let named = Regex::new("reference ([0-9a-f]{8})").unwrap();
    let found = named.captures(told);
    found.unwrap_or_else(|| panic!("no reference: {told}"))[1].to_owned()
}

/// Dana presses the button in the message that says that the access is there.
async fn wants_a_password(bot: &Bot) {
    let dms = bot.house.slack.dms("dana");
    let with_button = dms.iter().rev();
    let mut with_button = with_button.filter(|dm| dm.plain().contains("[Get credentials]"));
    let message = with_button.next().expect("a message with the button");
    let slack = &bot.house.slack;
    let press = slack.click("dana", &message.channel, &message.ts, "jit_credentials");
    press.await.unwrap();
    bot.settle().await;
}

#[tokio::test]
async fn who_gets_no_password_or_no_dialog_can_name_what_the_log_knows() {
    let (log, _guard) = Log::listen();
    let bot = Bot::by_http().await;
    bot.asked("request staging-db readonly 1h to see").await;
    bot.presses("bob", "jit_approve").await;
    *bot.passwords.lock().unwrap() = Passwords::Refused;
    wants_a_password(&bot).await;
    let modal = bot.house.slack.modal("dana").unwrap().plain();
    let lines = log.lines(&reference(&modal));
    let knows = |what: &str| lines.iter().any(|line| line.contains(what));
    assert!(
        knows("no password was set") && knows("[57P03]"),
        "{lines:#?}"
    );

    let late = FaultKind::Error {
        error: "expired_trigger_id".to_owned(),
    };
    bot.house.slack.fault(Fault::times("views.open", 2, late));
    bot.asked("request staging-db readonly 1h to see more")
        .await;
    bot.presses("bob", "jit_deny").await;
    let told = bot.told("bob");
    assert!(!log.lines(&reference(&told)).is_empty(), "{told}");
    wants_a_password(&bot).await;
    let told = bot.told("dana");
    assert!(!log.lines(&reference(&told)).is_empty(), "{told}");
}

#[tokio::test]
async fn without_a_database_every_answer_names_what_the_log_knows() {
    let (log, _guard) = Log::listen();
    let bot = Bot::by_http().await;
    bot.asked("request staging-db readonly 1h to see").await;
    bot.presses("bob", "jit_deny").await;
    let slack = &bot.house.slack;
    bot.house.engine.store().close().await;

    slack
        .slash("dana", "general", "/jit", "active")
        .await
        .unwrap();
    let has_reference = |slack: &jitbot::sandbox::Sandbox| {
        let told = slack.ephemerals("dana");
        told.iter().any(|told| told.plain().contains("reference "))
    };
    assert!(slack.wait_for(has_reference, SOON).await);
    let told: Vec<String> = slack
        .ephemerals("dana")
        .iter()
        .map(Message::plain)
        .collect();
    let told = told.join("\n");
    let lines = log.lines(&reference(&told));
    assert!(
        lines.iter().any(|line| line.contains("a delivery is lost")),
        "{lines:?}"
    );

    let why = SubmitValues::new().with("jit_why_text", "a long explanation");
    let reply = slack.submit("bob", why).await.unwrap();
    let SubmitOutcome::Errors(errors) = reply.outcome else {
        panic!("the dialog stays open: {reply:?}");
    };
    let error = errors.values().next().unwrap();
    assert!(!log.lines(&reference(error)).is_empty(), "{error}");
}

#[tokio::test]
async fn a_handler_that_panicked_ends_in_an_answer_that_the_log_knows() {
    let (log, _guard) = Log::listen();
    let bot = Bot::by_http().await;
    bot.asked("request staging-db readonly 1h to see").await;
    bot.presses("bob", "jit_approve").await;
    *bot.passwords.lock().unwrap() = Passwords::Panics;
    wants_a_password(&bot).await;
    // Nobody took it up while it was of any use.
    bot.house.pass(TimeDelta::hours(2));
    bot.intake.take_up().await.unwrap();
    bot.settle().await;
    let told = bot.told("dana");
    let lines = log.lines(&reference(&told));
    let knows = |what: &str| lines.iter().any(|line| line.contains(what));
    assert!(knows("a handler panicked"), "{lines:#?}");
    assert!(knows("a delivery is given up"), "{lines:#?}");
}

#[tokio::test]
async fn whoever_waits_for_slack_in_vain_can_name_what_the_log_knows() {
    let (log, _guard) = Log::listen();
    let bot = Bot::by_http().await;
    let slack = &bot.house.slack;
    let down = || FaultKind::Status { status: 500 };
    slack.fault(Fault::times("users.lookupByEmail", 2, down()));
    let told = bot
        .types("dana", "request staging-db readonly 1h to see")
        .await;
    assert!(told.contains("could not read who is in dba"), "{told}");
    assert!(!log.lines(&reference(&told)).is_empty(), "{told}");
    slack.heal();
    bot.asked("request staging-db readonly 1h to see").await;
    slack.fault(Fault::times("users.info", 9, down()));
    bot.presses("bob", "jit_approve").await;
    let told = bot.told("bob");
    assert!(told.contains("could not read who is in dba"), "{told}");
    assert!(!log.lines(&reference(&told)).is_empty(), "{told}");
    // Somebody whom nobody has read before.
    let told = bot.types("gus", "list").await;
    assert!(told.contains("could not read your Slack profile"), "{told}");
    assert!(!log.lines(&reference(&told)).is_empty(), "{told}");
}
