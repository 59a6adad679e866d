//! Whole conversations: people type and press, and are answered.

use chrono::TimeDelta;
use jitbot::domain::{GrantState, RequestState};
use jitbot::sandbox::{SubmitOutcome, SubmitValues};

use super::bot::{Bot, Passwords, SOON};

async fn status(bot: &Bot) -> &'static str {
    match bot.last_request().await.state {
        RequestState::Pending { .. } => "pending",
        RequestState::Denied { .. } => "denied",
        RequestState::Cancelled { .. } => "cancelled",
        RequestState::Expired { .. } => "expired",
        RequestState::Overruled { .. } => "overruled",
        RequestState::Approved { grant, .. } => match grant.state {
            GrantState::Scheduled { .. } => "scheduled",
            GrantState::Activating { .. } => "activating",
            GrantState::Active { .. } => "active",
            GrantState::Revoking { .. } => "revoking",
            GrantState::Resolved { .. } => "resolved",
            GrantState::Revoked { .. } => "revoked",
            GrantState::Failed { .. } => "failed",
        },
    }
}

/// Dana asks for an hour, and bob approves.
async fn active() -> Bot {
    let bot = Bot::by_http().await;
    bot.asked("request staging-db readonly 1h to see").await;
    bot.presses("bob", "jit_approve").await;
    assert_eq!(status(&bot).await, "active");
    bot
}

#[tokio::test]
async fn dana_asks_bob_approves_and_dana_gives_back() {
    let bot = Bot::by_http().await;
    let told = bot
        .types("dana", "request staging-db readonly 1h to see")
        .await;
    assert!(
        told.contains("Request #1") && told.contains("@bob"),
        "{told}"
    );
    assert_eq!(status(&bot).await, "pending");
    bot.presses("bob", "jit_approve").await;
    assert_eq!(status(&bot).await, "active");
    assert!(bot.card().plain().contains("Active until"));
    let told = bot.types("dana", "active").await;
    assert!(told.contains("readonly on staging-db"), "{told}");
    let told = bot.types("dana", "done").await;
    assert!(told.contains("being taken away"), "{told}");
    assert_eq!(status(&bot).await, "revoked");
    assert!(bot.house.target.is_empty());
    let told = bot.types("dana", "done").await;
    assert!(told.contains("no such access"), "{told}");
}

#[tokio::test]
async fn the_same_over_socket_mode() {
    let bot = Bot::by_socket().await;
    bot.asked("request staging-db readonly 1h to see").await;
    bot.presses("bob", "jit_approve").await;
    assert_eq!(status(&bot).await, "active");
}

#[tokio::test]
async fn what_is_typed_wrong_is_answered_with_what_could_be_meant() {
    let bot = Bot::by_http().await;
    for (typed, answer) in [
        ("help", "/jit request"),
        ("list", "staging-db"),
        ("reqest staging-db 1h", "Did you mean"),
        ("request staging-db 9h", "4h"),
        ("request staging-db 0m", "longer than zero"),
        ("active", "You have no access"),
        ("cancel", "no such request"),
        ("extend staging-db 1h", "no such access"),
        ("revoke #77 because", "no such request"),
        ("revoke staging-db because", "number"),
    ] {
        let told = bot.is_answered("dana", typed).await;
        assert!(told.contains(answer), "{typed}: {told}");
    }
    let requests = bot.house.engine.store().all_requests().await.unwrap();
    assert!(requests.is_empty());
}

#[tokio::test]
async fn explaining_asks_nobody() {
    let bot = Bot::by_http().await;
    let told = bot.types("dana", "explain staging-db readonly 1h").await;
    assert!(told.contains("one of dba for reading"), "{told}");
    assert!(told.contains("@bob") && told.contains("@carol"), "{told}");
    let told = bot.types("dana", "explain staging-db readonly").await;
    assert!(told.contains("You may ask"), "{told}");
    let told = bot.types("dana", "explain staging-db readonly 9h").await;
    assert!(told.contains("would be refused"), "{told}");
    let requests = bot.house.engine.store().all_requests().await.unwrap();
    assert!(requests.is_empty());
}

#[tokio::test]
async fn fault_22_and_23_people_who_may_not_decide_are_told_so() {
    let bot = Bot::by_http().await;
    bot.asked("request staging-db readonly 1h to see").await;
    for (user, answer) in [
        ("dana", "your own request"),
        ("erin", "dba"),
        ("gus", "Guests cannot decide"),
    ] {
        bot.presses(user, "jit_approve").await;
        let told = bot.told(user);
        assert!(told.contains(answer), "{user}: {told}");
        bot.presses(user, "jit_deny").await;
        assert!(
            bot.house.slack.modal(user).is_none(),
            "{user} gets no dialog"
        );
    }
    assert_eq!(status(&bot).await, "pending");
    assert_eq!(bot.approvals().await, 0);
}

#[tokio::test]
async fn fault_24_a_group_is_read_afresh_at_the_click() {
    let bot = Bot::by_http().await;
    bot.asked("request staging-db readonly 1h to see").await;
    bot.house.slack.set_email_confirmed("bob", false).unwrap();
    bot.presses("bob", "jit_approve").await;
    assert!(bot.told("bob").contains("dba"), "{}", bot.told("bob"));
    bot.house.slack.set_email_confirmed("bob", true).unwrap();
    bot.house.slack.deactivate("bob").unwrap();
    bot.presses("bob", "jit_approve").await;
    assert!(
        bot.told("bob").contains("deactivated"),
        "{}",
        bot.told("bob")
    );
    assert_eq!(status(&bot).await, "pending");
}

#[tokio::test]
async fn fault_16_and_21_what_comes_twice_counts_once() {
    let bot = Bot::by_http().await;
    let twice = bot.house.slack.twice();
    let text = "request staging-db readwrite 1h to see";
    let reply = twice.slash("dana", "general", "/jit", text).await.unwrap();
    assert!(reply.in_time());
    bot.settle().await;
    let requests = bot.house.engine.store().all_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
    let card = bot.card();
    let reply = twice.click("bob", &card.channel, &card.ts, "jit_approve");
    assert!(reply.await.unwrap().in_time());
    bot.settle().await;
    assert_eq!(bot.approvals().await, 1);
    bot.presses("bob", "jit_approve").await;
    assert_eq!(bot.approvals().await, 1);
    assert!(
        bot.told("bob").contains("already approved"),
        "{}",
        bot.told("bob")
    );
    bot.presses("carol", "jit_approve").await;
    assert_eq!(status(&bot).await, "active");
}

#[tokio::test]
async fn fault_18_who_comes_too_late_is_told_who_was_first() {
    let bot = Bot::by_http().await;
    bot.asked("request staging-db readonly 1h to see").await;
    let seen = bot.card();
    bot.presses("bob", "jit_approve").await;
    let slack = &bot.house.slack;
    for button in ["jit_approve", "jit_deny"] {
        slack.click_seen("carol", &seen, button).await.unwrap();
        bot.settle().await;
        let told = bot.told("carol");
        assert!(
            told.contains("already approved by @bob"),
            "{button}: {told}"
        );
    }
}

#[tokio::test]
async fn denying_asks_why_in_a_dialog() {
    let bot = Bot::by_http().await;
    bot.asked("request staging-db readonly 1h to see").await;
    bot.presses("bob", "jit_deny").await;
    let slack = &bot.house.slack;
    let dialog = slack.modal("bob").expect("a dialog");
    assert_eq!(dialog.title(), "Deny request");
    let blank = SubmitValues::new().with("jit_why_text", "   ");
    let reply = slack.submit("bob", blank).await.unwrap();
    assert!(
        matches!(reply.outcome, SubmitOutcome::Errors(_)),
        "{reply:?}"
    );
    assert_eq!(status(&bot).await, "pending");
    let why = SubmitValues::new().with("jit_why_text", "not on a Friday");
    let reply = slack.submit("bob", why).await.unwrap();
    assert_eq!(reply.outcome, SubmitOutcome::Closed);
    bot.settle().await;
    assert_eq!(status(&bot).await, "denied");
    assert!(bot.card().plain().contains("not on a Friday"));
}

#[tokio::test]
async fn a_dialog_that_comes_too_late_says_so_itself() {
    let bot = Bot::by_http().await;
    bot.asked("request staging-db readonly 1h to see").await;
    bot.presses("bob", "jit_deny").await;
    bot.presses("carol", "jit_approve").await;
    let why = SubmitValues::new().with("jit_why_text", "no");
    let reply = bot.house.slack.submit("bob", why).await.unwrap();
    assert_eq!(reply.outcome, SubmitOutcome::Updated);
    let dialog = bot.house.slack.modal("bob").unwrap().plain();
    assert!(dialog.contains("already approved"), "{dialog}");
}

#[tokio::test]
async fn dana_withdraws_what_she_asked() {
    let bot = Bot::by_http().await;
    bot.asked("request staging-db readonly 1h to see").await;
    bot.presses("bob", "jit_cancel").await;
    assert!(
        bot.told("bob").contains("Only the person who asked"),
        "{}",
        bot.told("bob")
    );
    bot.presses("dana", "jit_cancel").await;
    assert_eq!(status(&bot).await, "cancelled");
    bot.asked("request staging-db readonly 1h to see").await;
    let told = bot.types("dana", "cancel #2").await;
    assert!(told.contains("cancelled"), "{told}");
    assert_eq!(status(&bot).await, "cancelled");
}

#[tokio::test]
async fn an_approver_takes_access_away() {
    let bot = active().await;
    bot.presses("erin", "jit_revoke").await;
    assert!(bot.told("erin").contains("dba"), "{}", bot.told("erin"));
    bot.presses("carol", "jit_revoke").await;
    let why = SubmitValues::new().with("jit_why_text", "an incident");
    bot.house.slack.submit("carol", why).await.unwrap();
    bot.settle().await;
    assert_eq!(status(&bot).await, "revoked");
    assert!(bot.house.target.is_empty());

    let typed = active().await;
    let told = typed.types("bob", "revoke #1 an incident").await;
    assert!(told.contains("being taken away"), "{told}");
    assert_eq!(status(&typed).await, "revoked");
}

#[tokio::test]
async fn more_time_is_asked_for_like_the_first() {
    let bot = active().await;
    bot.house.pass(TimeDelta::minutes(30));
    let told = bot
        .types("dana", "extend staging-db 1h still looking")
        .await;
    assert!(told.contains("Request #2"), "{told}");
    let extension = bot.last_request().await;
    assert!(extension.extends.is_some());
    bot.presses("carol", "jit_approve").await;
    assert_eq!(status(&bot).await, "active");

    let told = bot.types("dana", "extend staging-db 1h and more").await;
    assert!(told.contains("extended once already"), "the latest: {told}");
    assert_eq!(bot.last_request().await.id, extension.id);
}

#[tokio::test]
async fn several_that_fit_are_shown_with_their_numbers() {
    let bot = Bot::by_http().await;
    bot.asked("request staging-db readonly 1h to see").await;
    bot.asked("request staging-db readwrite 1h to see").await;
    let told = bot.types("dana", "cancel").await;
    assert!(
        told.contains("cancel #1") && told.contains("cancel #2"),
        "{told}"
    );
    let told = bot.types("dana", "cancel staging-db readwrite").await;
    assert!(told.contains("Request #2"), "{told}");
}

/// The message that tells dana that the access is there, with its buttons.
fn notice(bot: &Bot) -> (String, String) {
    let dms = bot.house.slack.dms("dana");
    let notice = dms
        .iter()
        .rev()
        .find(|dm| dm.buttons().contains(&"Get credentials".into()));
    let notice = notice.expect("a message with a button for credentials");
    (notice.channel.clone(), notice.ts.clone())
}

#[tokio::test]
async fn a_password_is_shown_in_a_modal_to_its_holder_alone() {
    let bot = active().await;
    let (channel, ts) = notice(&bot);
    let slack = &bot.house.slack;
    slack
        .click("dana", &channel, &ts, "jit_credentials")
        .await
        .unwrap();
    bot.settle().await;
    let modal = slack.modal("dana").expect("a modal").plain();
    assert!(modal.contains("open-sesame"), "{modal}");
    let messages = [slack.dms("dana"), slack.messages("access-requests")].concat();
    let leaked = messages
        .iter()
        .any(|message| message.plain().contains("open-sesame"));
    assert!(!leaked, "never in a message");

    // Somebody who got hold of the message and presses its button.
    let stolen = slack.message(&channel, &ts).unwrap();
    slack
        .click_seen("erin", &stolen, "jit_credentials")
        .await
        .unwrap();
    bot.settle().await;
    let modal = slack.modal("erin").expect("a modal").plain();
    assert!(modal.contains("Only the person who asked"), "{modal}");

    bot.types("dana", "done").await;
    slack
        .click("dana", &channel, &ts, "jit_credentials")
        .await
        .unwrap();
    bot.settle().await;
    let modal = slack.modal("dana").expect("a modal").plain();
    assert!(
        !modal.contains("open-sesame") && modal.contains("no access"),
        "{modal}"
    );
}

#[tokio::test]
async fn a_target_that_gives_no_password_is_told_in_the_modal() {
    let bot = active().await;
    *bot.passwords.lock().unwrap() = Passwords::Refused;
    let (channel, ts) = notice(&bot);
    let slack = &bot.house.slack;
    slack
        .click("dana", &channel, &ts, "jit_credentials")
        .await
        .unwrap();
    bot.settle().await;
    let modal = slack.modal("dana").expect("a modal").plain();
    assert!(modal.contains("the server is down"), "{modal}");
    assert!(
        !modal.contains("57P03") && !modal.contains("detail"),
        "no raw codes: {modal}"
    );
}

#[tokio::test]
async fn a_panic_behind_a_click_stops_nothing_else() {
    let bot = Bot::by_socket().await;
    bot.asked("request staging-db readonly 1h to see").await;
    bot.presses("bob", "jit_approve").await;
    *bot.passwords.lock().unwrap() = Passwords::Panics;
    let (channel, ts) = notice(&bot);
    let slack = &bot.house.slack;
    let reply = slack
        .click("dana", &channel, &ts, "jit_credentials")
        .await
        .unwrap();
    assert!(reply.in_time(), "it was recorded, and acknowledged");
    bot.settle().await;
    let told = bot.types("dana", "active").await;
    assert!(told.contains("staging-db"), "{told}");
    assert!(
        slack
            .wait_for(|slack| slack.socket_count() == 2, SOON)
            .await
    );
}
