//! What is true is told in Slack, whatever Slack refuses: no request is lost because a channel is.

use chrono::TimeDelta;
use jitbot::domain::{Command, RequestId};
use jitbot::sandbox::{Fault, FaultKind, Message, SandboxError};
use jitbot::store::slack::CardKind;

use crate::harness::house::House;

fn error(code: &str) -> FaultKind {
    FaultKind::Error { error: code.into() }
}

fn plain(messages: &[Message]) -> String {
    messages
        .iter()
        .map(Message::plain)
        .collect::<Vec<_>>()
        .join("\n---\n")
}

/// Minutes pass with the workers at work, so that everything that was put off comes due.
async fn pass(house: &House, minutes: i64) {
    for _ in 0..minutes {
        house.pass(TimeDelta::minutes(1));
        house.settle().await;
    }
}

async fn assert_all_told(house: &House) {
    assert_eq!(house.engine.store().unsettled().await.unwrap(), 0);
    assert!(!house.slack.has_faults(), "a fault was not met");
}

async fn asked(house: &House) -> RequestId {
    let id = house.ask("dana", "readonly", "1h").await.unwrap().id;
    house.settle().await;
    id
}

#[tokio::test]
async fn a_card_is_kept_true_in_place_and_its_thread_tells_the_story() {
    let house = House::open().await;
    let id = asked(&house).await;
    let [card] = &house.slack.messages("access-requests")[..] else {
        panic!("one card")
    };
    house.approve("bob", id).await.unwrap();
    house.settle().await;
    house.pass(TimeDelta::hours(1));
    house.settle().await;
    let [now] = &house.slack.messages("access-requests")[..] else {
        panic!("still one card")
    };
    assert_eq!((&now.ts, now.shows_edited), (&card.ts, false));
    assert!(
        now.plain().contains("Taken away") && now.buttons().is_empty(),
        "{}",
        now.plain()
    );
    let story = house.story();
    let told = |words: &str| {
        story
            .find(words)
            .unwrap_or_else(|| panic!("no “{words}” in {story}"))
    };
    assert!(told("@bob approved") < told("is given"));
    assert!(told("is given") < told("taken away"));
    assert_all_told(&house).await;
}

/// Kicks the bot out of the channel, archives it, or points the policy at none: each time the
/// approvers are asked by message, and the fallback channel says why.
#[tokio::test]
async fn fault_35_a_channel_that_cannot_be_written_to_loses_no_request() {
    type Break = fn(&House) -> Result<(), SandboxError>;
    let breaks: [(Break, &str); 3] = [
        (
            |house| house.slack.kick_bot("access-requests"),
            "not a member",
        ),
        (|house| house.slack.archive("access-requests"), "archived"),
        (
            |house| {
                let missing = error("channel_not_found");
                let fault = Fault::once("chat.postMessage", missing).in_channel("#access-requests");
                house.slack.fault(fault);
                Ok(())
            },
            "no such channel",
        ),
    ];
    for (how, words) in breaks {
        let house = House::open().await;
        how(&house).unwrap();
        let id = asked(&house).await;
        let [card] = &house.slack.messages("access-fallback")[..] else {
            panic!("{words}")
        };
        let why = plain(&house.slack.thread("access-fallback", &card.ts));
        assert!(
            why.contains(words) && why.contains("@bob and @carol"),
            "{why}"
        );
        for approver in ["bob", "carol"] {
            let asked = plain(&house.slack.dms(approver));
            assert!(
                asked.contains("[Approve]") && asked.contains(words),
                "{asked}"
            );
        }
        assert!(
            house.slack.dms("lee").is_empty(),
            "only who can decide is asked"
        );

        house.approve("bob", id).await.unwrap();
        house.settle().await;
        for place in [
            house.slack.messages("access-fallback"),
            house.slack.dms("bob"),
            house.slack.dms("carol"),
        ] {
            let now = plain(&place);
            assert!(
                now.contains("Active until") && !now.contains("[Approve]"),
                "{now}"
            );
        }
        assert_all_told(&house).await;
    }
}

#[tokio::test]
async fn a_fallback_channel_that_is_lost_too_leaves_the_messages() {
    let house = House::open().await;
    for channel in ["access-requests", "access-fallback"] {
        house.slack.archive(channel).unwrap();
    }
    let id = asked(&house).await;
    assert!(plain(&house.slack.dms("bob")).contains("[Approve]"));
    house.approve("bob", id).await.unwrap();
    house.settle().await;
    assert!(plain(&house.slack.dms("bob")).contains("Active until"));
    assert_all_told(&house).await;
}

#[tokio::test]
async fn a_channel_that_is_lost_while_a_request_waits_is_replaced() {
    let house = House::open().await;
    let id = house.ask("dana", "admin", "1h").await.unwrap().id;
    house.settle().await;
    house.slack.archive("access-requests").unwrap();
    house.approve("bob", id).await.unwrap();
    house.settle().await;
    assert!(
        plain(&house.slack.dms("lee")).contains("[Approve]"),
        "the second step is asked by message"
    );
    house.approve("lee", id).await.unwrap();
    house.settle().await;
    assert!(plain(&house.slack.dms("lee")).contains("Active until"));
    assert_all_told(&house).await;
}

#[tokio::test]
async fn whom_no_message_reaches_is_told_in_the_thread() {
    let house = House::open().await;
    let id = asked(&house).await;
    let unreachable = Fault::once("chat.postMessage", error("user_not_found")).in_channel("U0DANA");
    house.slack.fault(unreachable);
    let by = house.member("bob").await;
    house
        .run(
            id,
            Command::Deny {
                by,
                why: "Please take a replica".into(),
            },
        )
        .await
        .unwrap();
    house.settle().await;
    let story = house.story();
    assert!(
        story.contains("@dana, I cannot send you a direct message"),
        "{story}"
    );
    assert_all_told(&house).await;
}

#[tokio::test]
async fn fault_33_a_card_that_slack_finds_fault_with_is_sent_plain_and_once() {
    let house = House::open().await;
    house
        .slack
        .fault(Fault::once("chat.postMessage", error("invalid_blocks")));
    asked(&house).await;
    let card = house.card();
    assert!(
        card.contains("readonly on staging-db") && card.contains("[Approve]"),
        "{card}"
    );
    let posts = house.slack.calls_to("chat.postMessage").len();
    pass(&house, 5).await;
    assert_eq!(
        house.slack.calls_to("chat.postMessage").len(),
        posts,
        "no storm"
    );
    assert_all_told(&house).await;
}

#[tokio::test]
async fn fault_34_a_post_whose_answer_is_lost_leads_to_one_more_copy_and_both_converge() {
    let house = House::open().await;
    house
        .slack
        .fault(Fault::once("chat.postMessage", FaultKind::DoneThenCut));
    let id = asked(&house).await;
    pass(&house, 2).await;
    let cards = house.slack.messages("access-requests");
    assert_eq!(cards.len(), 2, "at most one extra copy");
    let known = house.engine.store().cards_of(id).await.unwrap();
    let lost = cards
        .iter()
        .find(|card| known.iter().all(|k| k.ts != card.ts))
        .expect("a lost copy");
    assert!(
        house
            .engine
            .adopt_card(id, &lost.channel, &lost.ts)
            .await
            .unwrap()
    );
    house.approve("bob", id).await.unwrap();
    house.settle().await;
    for card in house.slack.messages("access-requests") {
        assert!(card.plain().contains("Active until"), "{}", card.plain());
    }
    assert_all_told(&house).await;
}

#[tokio::test]
async fn fault_36_a_card_that_was_deleted_is_posted_again_at_the_next_change() {
    let house = House::open().await;
    let id = asked(&house).await;
    let card = house.slack.messages("access-requests").remove(0);
    house.slack.delete_message(&card.channel, &card.ts).unwrap();
    house.approve("bob", id).await.unwrap();
    house.settle().await;
    assert!(house.card().contains("Active until"), "{}", house.card());
    let kinds: Vec<_> = house
        .engine
        .store()
        .cards_of(id)
        .await
        .unwrap()
        .iter()
        .map(|card| card.kind)
        .collect();
    assert_eq!(kinds, [CardKind::Card]);
    assert_all_told(&house).await;
}

#[tokio::test]
async fn fault_32_slack_down_for_half_an_hour_holds_up_no_access_and_loses_no_news() {
    let house = House::open().await;
    house.slack.fault(Fault::times(
        "*",
        100_000,
        FaultKind::Status { status: 503 },
    ));
    let id = house.ask("dana", "readonly", "20m").await.unwrap().id;
    house.approve("bob", id).await.unwrap();
    house.settle().await;
    let access = house.request(id).await.access;
    assert!(
        house.target.holds(&access).is_some(),
        "given although nobody can be told"
    );
    pass(&house, 30).await;
    assert!(
        house.target.is_empty(),
        "taken away although nobody can be told"
    );
    assert!(house.slack.messages("access-requests").is_empty());
    house.slack.heal();
    pass(&house, 6).await;
    let told = plain(&house.slack.dms("dana"));
    assert!(told.contains("Ended"), "{told}");
    assert!(
        !told.contains("You have"),
        "not that access is there when it is not: {told}"
    );
    assert!(
        !told.contains("/jit extend"),
        "no reminder of an end that has come: {told}"
    );
    assert_all_told(&house).await;
}

#[tokio::test]
async fn fault_31_slack_is_given_the_time_it_asks_for() {
    let house = House::open().await;
    let id = asked(&house).await;
    house.slack.fault(Fault::once(
        "chat.update",
        FaultKind::RateLimited { retry_after: 1 },
    ));
    house.approve("bob", id).await.unwrap();
    house.settle().await;
    let access = house.request(id).await.access;
    assert!(
        house.target.holds(&access).is_some(),
        "targets do not wait for Slack"
    );
    assert!(
        house.engine.store().unsettled().await.unwrap() > 0,
        "the card waits"
    );
    let told = plain(&house.slack.dms("dana"));
    let last = told.split("---").last().unwrap_or_default();
    assert!(
        last.contains("See the card"),
        "a card that waits is known all the same: {told}"
    );
    assert!(house.story().contains("@bob approved"), "{}", house.story());
}

#[tokio::test]
async fn a_thread_tells_everything_although_the_first_post_of_its_card_failed() {
    let house = House::open().await;
    let down = FaultKind::Status { status: 503 };
    house.slack.fault(Fault::once("chat.postMessage", down));
    let id = asked(&house).await;
    pass(&house, 1).await;
    house.approve("bob", id).await.unwrap();
    house.settle().await;
    let story = house.story();
    assert!(
        story.contains("@dana") && story.contains("@bob approved"),
        "{story}"
    );
    assert!(story.contains("asks"), "who asked is told too: {story}");
    assert_all_told(&house).await;
}

#[tokio::test]
async fn a_fallback_channel_that_fails_for_a_moment_is_written_to_later() {
    let house = House::open().await;
    house.slack.archive("access-requests").unwrap();
    let down = FaultKind::Status { status: 503 };
    house
        .slack
        .fault(Fault::once("chat.postMessage", down).in_channel("#access-fallback"));
    asked(&house).await;
    pass(&house, 1).await;
    let [card] = &house.slack.messages("access-fallback")[..] else {
        panic!("the card stands in the fallback channel")
    };
    let why = plain(&house.slack.thread("access-fallback", &card.ts));
    assert!(why.contains("archived"), "{why}");
    assert_all_told(&house).await;
}
