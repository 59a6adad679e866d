//! A storm: five hundred people ask in one channel while Slack limits how fast it may be written to.
//! Nothing is lost, cards show the newest state instead of each one, and targets do not wait.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use futures::StreamExt;
use futures::stream;
use jitbot::domain::RequestId;
use jitbot::sandbox::{Fault, FaultKind, Rate};

use crate::harness::house::{House, POLICY};

const REQUESTS: usize = 500;
/// Of these, so many are approved while their cards wait.
const APPROVED: usize = 60;

/// Lets time pass for Slack, for the client and for the database alike.
async fn pass(house: &House, seconds: u32) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds.into())).await;
    tokio::time::resume();
    house.pass(TimeDelta::seconds(seconds.into()));
}

fn limits() -> Vec<Rate> {
    let rate = |method: &str, burst, a_minute| Rate {
        method: method.into(),
        burst,
        a_minute,
        whole: false,
    };
    vec![
        rate("chat.postMessage", 120, 360),
        rate("chat.update", 50, 150),
        rate("chat.getPermalink", 100, 600),
    ]
}

/// What Slack documents of messages: one a second in each channel, in short bursts, and several hundred a
/// minute in all. Its bursts are somewhat longer than ours, since not all calls take equally long to it.
fn slacks_own() -> Vec<Rate> {
    let rate = |burst, a_minute, whole| Rate {
        method: "chat.postMessage".into(),
        burst,
        a_minute,
        whole,
    };
    vec![rate(5, 60, false), rate(30, 300, true)]
}

async fn ask_all(house: &House) -> Vec<RequestId> {
    let asking = (0..REQUESTS).map(|n| async move {
        let who = ["dana", "erin", "lee"][n % 3];
        house.ask(who, "readonly", "4h").await.unwrap().id
    });
    stream::iter(asking).buffered(6).collect().await
}

#[tokio::test]
async fn fault_31_a_storm_of_requests_loses_nothing_and_removal_does_not_wait() {
    let house = House::open().await;
    let short = house.ask("dana", "open", "20m").await.unwrap().id;
    house.settle().await;
    let access = house.request(short).await.access;
    assert!(house.target.holds(&access).is_some());

    house.slack.limit(&limits());
    let ids = ask_all(&house).await;
    house.settle().await;
    let waiting = house.engine.store().unsettled().await.unwrap();
    assert!(waiting > 200, "most cards have to wait: {waiting}");
    for id in &ids[REQUESTS - APPROVED..] {
        house.approve("bob", *id).await.unwrap();
    }

    // The end of a grant comes in the middle of it.
    pass(&house, 20 * 60).await;
    house.slack.limit(&[Rate {
        method: "chat.postMessage".into(),
        burst: 1,
        a_minute: 1,
        whole: false,
    }]);
    house.settle().await;
    assert!(house.target.holds(&access).is_none(), "it is gone on time");
    assert!(
        house.engine.store().unsettled().await.unwrap() > 0,
        "Slack still waits"
    );

    house.slack.limit(&limits());
    let mut rounds = 0;
    while house.engine.store().unsettled().await.unwrap() > 0 {
        pass(&house, 20).await;
        house.settle().await;
        rounds += 1;
        assert!(rounds < 100, "it does not come to its end");
    }
    everything_is_told(&house);
    cards_are_not_updated_for_each_change(&house);
}

/// So many ask in one channel while the client keeps to Slack's own pace.
const BUSY: usize = 80;

#[tokio::test]
async fn at_slacks_pace_a_busy_channel_holds_up_no_other_and_nothing_is_posted_twice() {
    let writing = "roles: [readwrite] }\n";
    let elsewhere = format!("{writing}    channel: \"#general\"\n");
    let house = House::paced(&POLICY.replace(writing, &elsewhere)).await;
    house.slack.limit(&slacks_own());
    let slow = FaultKind::Delay { millis: 400 };
    house
        .slack
        .fault(Fault::times("chat.postMessage", 10_000, slow));
    for n in 0..BUSY {
        let who = ["dana", "erin", "lee"][n % 3];
        house.ask(who, "readonly", "4h").await.unwrap();
    }
    let begun = Instant::now();
    house.ask("erin", "readwrite", "1h").await.unwrap();
    // A look ends where all that the worker took is told to come later, which is not all there is.
    let mut looks = 0;
    while house.slack.messages("general").is_empty() && looks < 10 {
        house.settle().await;
        looks += 1;
    }
    assert_eq!(house.slack.messages("general").len(), 1, "it comes at once");
    let taken = begun.elapsed();
    assert!(
        taken < Duration::from_secs(12),
        "no slot waits for a turn of the busy channel: {taken:?}"
    );
    let busy = house.slack.messages("access-requests").len();
    assert!(busy < BUSY / 2, "most of its cards have to wait: {busy}");

    pass(&house, 3).await;
    house.settle().await;
    house.slack.heal();
    let mut rounds = 0;
    while house.engine.store().unsettled().await.unwrap() > 0 {
        pass(&house, 5).await;
        house.settle().await;
        rounds += 1;
        assert!(rounds < 4 * BUSY, "it does not come to its end");
    }
    let cards = house.slack.messages("access-requests");
    assert_eq!(cards.len(), BUSY, "a card each, and no second one");
    for card in cards {
        let story = house.slack.thread("access-requests", &card.ts);
        assert_eq!(story.len(), 1, "told once: {}", card.plain());
    }
    assert_eq!(house.slack.messages("general").len(), 1);
    let posted = house.slack.calls_to("chat.postMessage");
    let limited = posted.iter().filter(|call| call.status == 429).count();
    assert_eq!(limited, 0, "cards and their threads are one channel");
}

fn everything_is_told(house: &House) {
    let mut cards: BTreeMap<String, usize> = BTreeMap::new();
    let (mut active, mut asked) = (0, 0);
    for card in house.slack.messages("access-requests") {
        *cards.entry(card.ts.clone()).or_default() += 1;
        let text = card.plain();
        active += usize::from(text.contains("Active until"));
        asked += usize::from(text.contains("[Approve]"));
        let story = house.slack.thread("access-requests", &card.ts);
        assert!(!story.is_empty(), "the thread tells who was asked: {text}");
    }
    assert_eq!(cards.len(), 1 + REQUESTS, "a card each, and no second one");
    assert_eq!((active, asked), (APPROVED, REQUESTS - APPROVED));
}

/// A card that waited shows the newest state at once; one that stood is updated once for all that
/// happened meanwhile.
fn cards_are_not_updated_for_each_change(house: &House) {
    let posted = house.slack.calls_to("chat.postMessage");
    let limited = posted.iter().filter(|call| call.status == 429).count();
    assert!(limited > 0, "Slack did limit");
    assert!(limited < 4 * REQUESTS, "{limited} calls for nothing");
    let updates = house.slack.calls_to("chat.update");
    let done = updates.iter().filter(|call| call.ok()).count();
    assert!(
        done <= APPROVED + 3,
        "{done} updates of {APPROVED} changed cards"
    );
}
