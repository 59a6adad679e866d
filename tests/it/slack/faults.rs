//! What people are told, and what is kept, when something fails between Slack and the database.

use chrono::TimeDelta;
use jitbot::sandbox::{Fault, FaultKind, SubmitOutcome, SubmitValues};
use jitbot::slack::payload::{Delivery, Matter, SlashCommand};

use super::bot::{Bot, SOON};
use crate::harness::house::morning;

#[tokio::test]
async fn fault_10_without_a_database_people_are_told_that_nothing_was_recorded() {
    let bot = Bot::by_http().await;
    bot.asked("request staging-db readonly 1h to see").await;
    bot.presses("bob", "jit_deny").await;
    let slack = &bot.house.slack;
    bot.house.engine.store().close().await;

    let reply = slack
        .slash("dana", "general", "/jit", "active")
        .await
        .unwrap();
    assert!(!reply.in_time(), "not acknowledged, so Slack shows it too");
    let told = slack.wait_for(|slack| has_not_recorded(slack, "dana"), SOON);
    assert!(told.await);

    let card = bot.card();
    let reply = slack.click("carol", &card.channel, &card.ts, "jit_approve");
    assert!(!reply.await.unwrap().in_time());
    let told = slack.wait_for(|slack| has_not_recorded(slack, "carol"), SOON);
    assert!(told.await);

    let why = SubmitValues::new().with("jit_why_text", "a long explanation");
    let reply = slack.submit("bob", why).await.unwrap();
    let SubmitOutcome::Errors(errors) = reply.outcome else {
        panic!("the dialog stays open with what was entered: {reply:?}");
    };
    assert!(
        errors.values().any(|error| error.contains("try again")),
        "{errors:?}"
    );
}

fn has_not_recorded(slack: &jitbot::sandbox::Sandbox, user: &str) -> bool {
    let told = slack.ephemerals(user);
    told.iter()
        .any(|message| message.plain().contains("could not record"))
}

#[tokio::test]
async fn fault_25_when_slack_cannot_be_read_the_answer_is_try_again() {
    let bot = Bot::by_http().await;
    bot.asked("request staging-db readonly 1h to see").await;
    for kind in [FaultKind::Status { status: 500 }, FaultKind::Hang] {
        bot.house.slack.fault(Fault::once("users.info", kind));
        bot.presses("bob", "jit_approve").await;
        let told = bot.told("bob");
        assert!(told.contains("could not read who is in dba"), "{told}");
        assert_eq!(bot.approvals().await, 0);
    }
    bot.presses("bob", "jit_approve").await;
    assert_eq!(bot.approvals().await, 1);
}

#[tokio::test]
async fn what_was_written_is_kept_while_it_cannot_be_read_who_sends_it() {
    let bot = Bot::by_http().await;
    bot.asked("request staging-db readonly 1h to see").await;
    let slack = &bot.house.slack;
    let why = || SubmitValues::new().with("jit_why_text", "not on a Friday");
    bot.presses("bob", "jit_deny").await;
    slack.fault(Fault::once("users.info", FaultKind::Status { status: 500 }));
    let reply = slack.submit("bob", why()).await.unwrap();
    let SubmitOutcome::Errors(errors) = &reply.outcome else {
        panic!("the dialog stays with what was written: {reply:?}");
    };
    let mut said = errors.values();
    assert!(
        said.any(|error| error.contains("could not read")),
        "{errors:?}"
    );
    bot.settle().await;
    // Too late for the dialog, it comes back with the answer.
    slack.fault(Fault::once("users.info", FaultKind::Hang));
    slack.submit("bob", why()).await.unwrap();
    bot.settle().await;
    let told = bot.told("bob");
    assert!(told.contains("could not read who is in dba"), "{told}");
    assert!(
        told.contains("You wrote:") && told.contains("not on a Friday"),
        "{told}"
    );
    bot.presses("bob", "jit_deny").await;
    slack.submit("bob", why()).await.unwrap();
    bot.settle().await;
    assert!(bot.card().plain().contains("not on a Friday"));
}

#[tokio::test]
async fn a_roster_that_cannot_be_read_refuses_the_request() {
    let bot = Bot::by_http().await;
    let limited = FaultKind::Status { status: 500 };
    bot.house
        .slack
        .fault(Fault::times("users.lookupByEmail", 2, limited));
    let told = bot
        .types("dana", "request staging-db readonly 1h to see")
        .await;
    assert!(told.contains("could not read who is in dba"), "{told}");
    bot.house.slack.heal();
    bot.asked("request staging-db readonly 1h to see").await;
}

#[tokio::test]
async fn what_is_ones_own_can_be_given_back_while_slack_is_silent() {
    let bot = Bot::by_http().await;
    bot.asked("request staging-db readonly 1h to see").await;
    bot.presses("bob", "jit_approve").await;
    let down = FaultKind::Status { status: 500 };
    bot.house.slack.fault(Fault::times("users.info", 9, down));
    let told = bot.types("dana", "done").await;
    assert!(told.contains("being taken away"), "{told}");
}

#[tokio::test]
async fn fault_3_a_click_on_an_unknown_copy_of_a_card_adopts_it() {
    let bot = Bot::by_http().await;
    bot.asked("request staging-db readwrite 1h to see").await;
    // A copy that was posted just before a crash, and that nobody remembers.
    let card = bot.card();
    let forgetting = bot
        .house
        .engine
        .store()
        .forget_card(&card.channel, &card.ts);
    forgetting.await.unwrap();
    bot.presses("erin", "jit_approve").await;
    assert!(bot.told("erin").contains("dba"), "refused all the same");
    bot.presses("bob", "jit_approve").await;
    bot.presses("carol", "jit_approve").await;
    let copy = bot.house.slack.message(&card.channel, &card.ts).unwrap();
    assert!(copy.plain().contains("Active until"), "{}", copy.plain());
}

#[tokio::test]
async fn fault_37_a_dialog_that_did_not_open_in_time_asks_for_another_press() {
    let bot = Bot::by_http().await;
    bot.asked("request staging-db readonly 1h to see").await;
    let expired = FaultKind::Error {
        error: "expired_trigger_id".into(),
    };
    bot.house.slack.fault(Fault::once("views.open", expired));
    bot.presses("bob", "jit_deny").await;
    assert!(
        bot.told("bob").contains("press again"),
        "{}",
        bot.told("bob")
    );
    bot.presses("bob", "jit_deny").await;
    assert!(bot.house.slack.modal("bob").is_some());
}

#[tokio::test]
async fn fault_38_a_used_up_response_url_is_replaced() {
    let bot = Bot::by_http().await;
    let gone = FaultKind::Status { status: 404 };
    bot.house
        .slack
        .fault(Fault::once("response_url", gone.clone()));
    let told = bot.types("dana", "active").await;
    assert!(
        told.contains("You have no access"),
        "by an ephemeral message: {told}"
    );
    bot.house.slack.fault(Fault::once("response_url", gone));
    let refused = FaultKind::Error {
        error: "user_not_in_channel".into(),
    };
    bot.house
        .slack
        .fault(Fault::once("chat.postEphemeral", refused));
    bot.types("dana", "list").await;
    let dms = bot.house.slack.dms("dana");
    let told = dms.last().expect("a direct message").plain();
    assert!(told.contains("staging-db"), "{told}");
}

#[tokio::test]
async fn fault_41_a_delivery_of_another_workspace_is_refused() {
    let bot = Bot::by_http().await;
    let receive = bot.intake.receive();
    let answer = receive(typed("T0OTHER", "help")).await;
    assert_eq!(answer, jitbot::slack::receive::Answer::Foreign);
    let answer = receive(typed("T0ACME", "help")).await;
    assert_eq!(answer, jitbot::slack::receive::Answer::Ack);
    bot.settle().await;
}

fn typed(team: &str, text: &str) -> Delivery {
    Delivery {
        workspace: jitbot::slack::payload::Workspace {
            team: Some(team.to_owned()),
            ..Default::default()
        },
        matter: Matter::Command(SlashCommand {
            by: jitbot::slack::payload::Actor {
                user: "U0DANA".to_owned(),
                team: Some(team.to_owned()),
            },
            command: "/jit".to_owned(),
            text: text.to_owned(),
            trigger: format!("{team}.{text}"),
            ..SlashCommand::default()
        }),
    }
}

#[tokio::test]
async fn fault_2_what_a_crash_left_undone_is_taken_up_again() {
    let bot = Bot::by_http().await;
    let store = bot.house.engine.store();
    let delivery = typed("T0ACME", "request staging-db readonly 1h to see");
    let key = delivery.key().unwrap();
    let payload = serde_json::to_string(&delivery).unwrap();
    let lease = TimeDelta::seconds(60);
    store
        .persist_delivery(&key, &payload, morning(), lease)
        .await
        .unwrap();
    assert_eq!(
        bot.intake.take_up().await.unwrap(),
        0,
        "another process has it"
    );
    bot.house.pass(TimeDelta::seconds(61));
    assert_eq!(bot.intake.take_up().await.unwrap(), 1);
    assert_eq!(store.all_requests().await.unwrap().len(), 1);
    let dms = bot.house.slack.dms("dana");
    assert!(
        dms.last().unwrap().plain().contains("Request #1"),
        "told directly"
    );
    bot.house.pass(TimeDelta::seconds(61));
    assert_eq!(bot.intake.take_up().await.unwrap(), 0, "once");
    assert_eq!(store.unfinished_deliveries().await.unwrap(), 0);
}

#[tokio::test]
async fn a_delivery_that_is_too_old_is_given_up_and_its_person_told() {
    let bot = Bot::by_http().await;
    let store = bot.house.engine.store();
    let delivery = typed("T0ACME", "request staging-db readonly 1h to see");
    let payload = serde_json::to_string(&delivery).unwrap();
    let lease = TimeDelta::seconds(60);
    store
        .persist_delivery("old", &payload, morning(), lease)
        .await
        .unwrap();
    bot.house.pass(TimeDelta::hours(2));
    assert_eq!(bot.intake.take_up().await.unwrap(), 0);
    assert!(store.all_requests().await.unwrap().is_empty());
    let dms = bot.house.slack.dms("dana");
    assert!(dms.last().unwrap().plain().contains("could not record"));
    assert_eq!(store.unfinished_deliveries().await.unwrap(), 0);
}
