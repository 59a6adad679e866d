//! What becomes of a request whose telling Slack refuses, for each class of codes: what passes is
//! waited for, what is lost has another way, what an admin has to mend is told and waited for, and
//! what nobody knows is tried a few times and then shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chrono::TimeDelta;
use futures::FutureExt;
use jitbot::domain::RequestId;
use jitbot::sandbox::{Fault, FaultKind, Message};
use jitbot::slack::client::{Client, SlackFault};
use secrecy::SecretString;

use crate::harness::house::{House, POLICY, settings};

/// More than any of these stories needs.
const ALWAYS: u32 = 10_000;

fn error(code: &str) -> FaultKind {
    FaultKind::Error { error: code.into() }
}

fn plain(messages: &[Message]) -> String {
    let told: Vec<String> = messages.iter().map(Message::plain).collect();
    told.join("\n---\n")
}

/// A house whose admins hear in `#general`.
async fn house() -> House {
    let admins = r##"fallback_channel: "#access-fallback", admin_channel: "#general""##;
    House::under(&POLICY.replace(r##"fallback_channel: "#access-fallback""##, admins)).await
}

async fn pass(house: &House, minutes: i64) {
    for _ in 0..minutes {
        house.pass(TimeDelta::minutes(1));
        house.settle().await;
    }
}

async fn asked(house: &House) -> RequestId {
    let id = house.ask("dana", "readonly", "4h").await.unwrap().id;
    house.settle().await;
    id
}

fn posts(house: &House) -> usize {
    house.slack.calls_to("chat.postMessage").len()
}

async fn waits(house: &House) -> bool {
    house.engine.store().unsettled().await.unwrap() > 0
}

#[tokio::test]
async fn what_passes_is_waited_for_however_long_it_takes() {
    for code in ["internal_error", "team_added_to_org", "accesslimited"] {
        let house = house().await;
        house
            .slack
            .fault(Fault::times("chat.postMessage", ALWAYS, error(code)));
        asked(&house).await;
        pass(&house, 20).await;
        assert!(waits(&house).await, "{code}");
        house.slack.heal();
        pass(&house, 2).await;
        assert!(house.card().contains("readonly on staging-db"), "{code}");
        assert!(house.slack.messages("access-fallback").is_empty(), "{code}");
        assert!(house.slack.messages("general").is_empty(), "{code}");
        assert!(!waits(&house).await, "{code}");
    }
}

#[tokio::test]
async fn where_the_channel_is_lost_approvers_are_asked_at_once_by_message() {
    for code in [
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "restricted_action_read_only_channel",
        "invalid_arg_name",
    ] {
        let house = house().await;
        let lost = Fault::times("chat.postMessage", ALWAYS, error(code));
        house.slack.fault(lost.in_channel("#access-requests"));
        asked(&house).await;
        let told = plain(&house.slack.dms("bob"));
        assert!(told.contains("[Approve]"), "{code}: {told}");
        assert!(!told.contains(code), "no raw codes: {told}");
        assert_eq!(house.slack.messages("access-fallback").len(), 1, "{code}");
        assert!(!waits(&house).await, "{code}");
    }
}

#[tokio::test]
async fn what_is_refused_for_its_form_goes_out_plain() {
    for code in ["invalid_blocks", "msg_too_long", "msg_blocks_too_long"] {
        let house = house().await;
        house
            .slack
            .fault(Fault::once("chat.postMessage", error(code)));
        asked(&house).await;
        let card = house.slack.messages("access-requests").remove(0);
        assert!(!card.buttons().is_empty(), "{code}: {}", card.plain());
        assert!(!waits(&house).await, "{code}");
    }
}

#[tokio::test]
async fn whoever_cannot_be_written_to_reads_it_in_the_thread() {
    for code in ["user_not_found", "cannot_dm_bot", "channel_not_found"] {
        let house = house().await;
        let nobody = Fault::times("chat.postMessage", ALWAYS, error(code));
        house.slack.fault(nobody.in_channel("U0DANA"));
        let id = asked(&house).await;
        house.approve("bob", id).await.unwrap();
        house.settle().await;
        assert!(
            house.story().contains("I cannot send you a direct message"),
            "{code}"
        );
        assert!(!waits(&house).await, "{code}");
    }
}

#[tokio::test]
async fn what_an_admin_has_to_mend_is_told_to_them_and_waited_for() {
    for code in ["missing_scope", "token_revoked", "app_access_restricted"] {
        let house = house().await;
        let refused = Fault::times("chat.postMessage", ALWAYS, error(code));
        house.slack.fault(refused.in_channel("#access-requests"));
        let id = asked(&house).await;
        let refused = house.worker.slack.refused();
        assert_eq!(
            refused.get("chat.postMessage").map(String::as_str),
            Some(code)
        );
        pass(&house, 30).await;
        let told = plain(&house.slack.messages("general"));
        assert!(told.contains("jit doctor") && told.contains(code), "{told}");
        assert_eq!(house.slack.messages("general").len(), 1, "once: {told}");
        assert!(waits(&house).await, "{code}: it is not given up");
        house.approve("bob", id).await.unwrap();
        house.settle().await;
        let access = house.request(id).await.access;
        assert!(
            house.target.holds(&access).is_some(),
            "targets do not wait for Slack"
        );
        house.slack.heal();
        pass(&house, 2).await;
        assert!(house.card().contains("Active until"), "{}", house.card());
        assert!(house.worker.slack.refused().is_empty(), "it works again");
        assert!(!waits(&house).await, "{code}");
    }
}

#[tokio::test]
async fn a_code_that_nobody_knows_is_tried_a_few_times_and_then_shown() {
    let house = house().await;
    let strange = Fault::times("chat.postMessage", ALWAYS, error("flux_inverted"));
    house.slack.fault(strange.in_channel("#access-requests"));
    asked(&house).await;
    assert!(house.slack.dms("bob").is_empty(), "it may pass");
    pass(&house, 10).await;
    let told = plain(&house.slack.dms("bob"));
    assert!(
        told.contains("[Approve]"),
        "then there is another way: {told}"
    );
    assert!(!waits(&house).await);
    assert_eq!(shown(&house, "flux_inverted", "request #1"), 1);
    let before = posts(&house);
    pass(&house, 10).await;
    assert_eq!(posts(&house), before, "nothing is tried for ever");
}

/// How many messages of the admins' channel name that code and what it is about.
fn shown(house: &House, code: &str, about: &str) -> usize {
    let told = house.slack.messages("general").into_iter();
    let names = |told: &Message| told.plain().contains(code) && told.plain().contains(about);
    told.filter(names).count()
}

#[tokio::test]
async fn a_code_that_nobody_knows_is_shown_wherever_it_is_met() {
    // What is refused: the thread, the holder's message, an approver's message.
    for (place, code) in [
        ("C0ACCESS", "flux_of_thread"),
        ("U0DANA", "flux_of_holder"),
        ("U0BOB", "flux_of_approver"),
    ] {
        let house = house().await;
        if place == "U0BOB" {
            let lost = Fault::times("chat.postMessage", ALWAYS, error("is_archived"));
            house.slack.fault(lost.in_channel("#access-requests"));
        }
        let strange = Fault::times("chat.postMessage", ALWAYS, error(code));
        let strange = strange.in_channel(place);
        if place == "U0BOB" {
            house.slack.fault(strange);
            asked(&house).await;
        } else {
            let id = asked(&house).await;
            house.slack.fault(strange);
            house.approve("bob", id).await.unwrap();
        }
        pass(&house, 10).await;
        assert_eq!(shown(&house, code, "request #1"), 1, "{code}");
        assert!(!waits(&house).await, "{code}");
    }
}

async fn opens_home(house: &House, user: &str) {
    let person = house.id(user);
    let at = ("T0ACME".to_owned(), format!("U0{}", user.to_uppercase()));
    let opening = house.engine.open_home((&at.0, &at.1), person);
    opening.await.unwrap();
    house.settle().await;
}

fn published(house: &House) -> usize {
    house.slack.calls_to("views.publish").len()
}

#[tokio::test]
async fn a_tab_that_slack_refuses_in_unknown_words_is_tried_a_few_times_shown_and_not_taken_as_shown()
 {
    let house = house().await;
    let strange = Fault::times("views.publish", ALWAYS, error("flux_inverted"));
    house.slack.fault(strange);
    opens_home(&house, "bob").await;
    assert_eq!(published(&house), 1);
    pass(&house, 10).await;
    assert_eq!(published(&house), 6, "a few times, and not for ever");
    assert_eq!(shown(&house, "flux_inverted", "App Home"), 1);
    house.slack.heal();
    house.engine.hurry_home("T0ACME", "U0BOB").await.unwrap();
    house.settle().await;
    assert_eq!(
        published(&house),
        7,
        "what was refused does not stand there"
    );
    assert!(house.slack.home("bob").is_some());
    house.engine.hurry_home("T0ACME", "U0BOB").await.unwrap();
    house.settle().await;
    assert_eq!(published(&house), 7, "what stands there does");
}

#[tokio::test]
async fn the_tabs_of_an_uninstalled_app_are_left_alone_until_it_is_back() {
    let mut house = house().await;
    let (asked, back) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let (counts, is_back) = (Arc::clone(&asked), Arc::clone(&back));
    let tokens = Arc::new(move |_: Option<SecretString>| {
        counts.fetch_add(1, Ordering::SeqCst);
        let token = if is_back.load(Ordering::SeqCst) {
            Ok(SecretString::from("xoxb-acme-bot"))
        } else {
            Err(SlackFault::not_installed())
        };
        async move { token }.boxed()
    });
    house.speak_by(Client::changing(tokens, settings(&house.slack, false)).unwrap());
    opens_home(&house, "bob").await;
    pass(&house, 20).await;
    let asked = asked.load(Ordering::SeqCst);
    assert!((2..=6).contains(&asked), "quietly: {asked}");
    back.store(true, Ordering::SeqCst);
    pass(&house, 5).await;
    assert!(house.slack.home("bob").is_some());
}

#[tokio::test]
async fn a_tab_whose_person_cannot_be_read_for_good_is_not_looked_at_all_the_time() {
    for code in ["token_revoked", "flux_inverted"] {
        let house = house().await;
        house
            .slack
            .fault(Fault::times("users.info", ALWAYS, error(code)));
        opens_home(&house, "bob").await;
        pass(&house, 20).await;
        let asked = house.slack.calls_to("users.info").len();
        assert!((2..=6).contains(&asked), "{code}: {asked}");
    }
}

#[tokio::test]
async fn what_only_waited_its_turn_is_not_given_up_at_the_first_unknown_code() {
    let house = house().await;
    let limited = FaultKind::RateLimited { retry_after: 30 };
    let waits_long = Fault::times("chat.postMessage", 12, limited);
    house.slack.fault(waits_long.in_channel("#access-requests"));
    let strange = Fault::times("chat.postMessage", 3, error("flux_inverted"));
    house.slack.fault(strange.in_channel("#access-requests"));
    asked(&house).await;
    for _ in 0..40 {
        tokio::time::pause();
        tokio::time::advance(std::time::Duration::from_mins(1)).await;
        tokio::time::resume();
        pass(&house, 1).await;
    }
    assert!(house.card().contains("readonly on staging-db"));
    assert!(
        house.slack.dms("bob").is_empty(),
        "the channel was not lost"
    );
    assert_eq!(shown(&house, "flux_inverted", "request #1"), 0);
}

#[tokio::test]
async fn an_update_that_slack_will_never_take_is_given_up_and_shown() {
    for code in ["flux_inverted", "invalid_arg_name"] {
        let house = house().await;
        let id = asked(&house).await;
        house
            .slack
            .fault(Fault::times("chat.update", ALWAYS, error(code)));
        house.approve("bob", id).await.unwrap();
        house.settle().await;
        pass(&house, 15).await;
        let calls = house.slack.calls_to("chat.update").len();
        assert!((2..=16).contains(&calls), "{code}: {calls} calls");
        assert!(!waits(&house).await, "{code}");
        let told = plain(&house.slack.messages("general"));
        assert!(told.contains(code) && told.contains("request #1"), "{told}");
        assert!(
            house.story().contains("@bob approved"),
            "the thread goes on"
        );
        // What changes next is tried anew.
        house.slack.heal();
        house.pass(TimeDelta::hours(4));
        house.settle().await;
        assert!(house.card().contains("Taken away"), "{}", house.card());
    }
}

#[test]
fn every_class_has_an_answer() {
    for (code, waits) in [
        ("internal_error", true),
        ("ratelimited", true),
        ("missing_scope", true),
        ("not_in_channel", false),
        ("user_not_found", false),
        ("invalid_blocks", false),
        ("message_not_found", false),
        ("expired_trigger_id", false),
        ("invalid_cursor", false),
        ("flux_inverted", false),
    ] {
        assert_eq!(
            SlackFault::from_code(code).is_worth_waiting(),
            waits,
            "{code}"
        );
    }
}
