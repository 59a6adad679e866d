//! Quiet hours, on each one's own clock: they put a call off, and never cancel it. The clock goes on
//! in small steps, as it does, so that whatever is due at night is carried out at night.

use chrono::TimeDelta;
use jitbot::domain::{Event, RequestState};
use jitbot::ledger::replay::replay;
use jitbot::sandbox::Message;

use super::bot::Bot;

const POLICY: &str = r##"
version: 1
defaults: { channel: "#access-requests", fallback_channel: "#access-fallback", request_ttl: 14h }
groups:
  dba: { members: [bob@acme.example, carol@acme.example] }
  leads: { members: [lee@acme.example] }
connectors:
  staging: { kind: webhook, url: "https://target.example/jit", secret: { env: NEVER_READ } }
resources:
  night-db: { connector: staging, roles: { readonly: night_ro } }
rules:
  - name: quiet at night
    match: { resources: [night-db] }
    decision: review
    steps:
      - { from: [dba], count: 1, NUDGE quiet: { hours: "22:00-07:00", fallback: [leads] } }
"##;

const BY_THE_HOUR: &str = "nudge: 1h,";
const LONDON: &str = "Europe/London";
/// Nine in London is one at night there, and three in the afternoon seven in the morning.
const LOS_ANGELES: &str = "America/Los_Angeles";

/// A bot with bob and carol where those zones are. The clock of the house begins at nine in the
/// morning, UTC.
async fn living(bob: &str, carol: &str, nudge: &str) -> Bot {
    let bot = Bot::under(&POLICY.replace("NUDGE", nudge), None).await;
    for (who, zone) in [("bob", bob), ("carol", carol), ("lee", "UTC")] {
        let there = |user: &mut jitbot::sandbox::User| user.tz = zone.to_owned();
        bot.house.slack.change_user(who, there).unwrap();
    }
    bot
}

async fn asked(bot: &Bot) {
    bot.types("dana", "request night-db readonly 1h to see")
        .await;
}

/// Lets minutes pass, five by five, and carries out what is due in between.
async fn passes(bot: &Bot, minutes: i64) {
    for _ in 0..minutes / 5 {
        bot.house.pass(TimeDelta::minutes(5));
        bot.settle().await;
    }
}

fn asked_on(card: &str) -> String {
    let asked = card.lines().find_map(|line| line.strip_prefix("Asked: "));
    asked.unwrap_or_default().to_owned()
}

async fn events(bot: &Bot) -> Vec<Event> {
    let id = bot.last_request().await.id;
    let story = bot.house.engine.store().story_of(&[id]).await.unwrap();
    story.into_iter().map(|entry| entry.what).collect()
}

/// The ledger tells the same as the tables.
async fn replays(bot: &Bot) {
    let store = bot.house.engine.store();
    let truth = bot.last_request().await;
    let entries = store.story_of(&[truth.id]).await.unwrap();
    assert_eq!(replay(entries)[&truth.id], truth);
}

#[tokio::test]
async fn quiet_hours_are_those_of_each_person() {
    let bot = living(LONDON, LOS_ANGELES, BY_THE_HOUR).await;
    asked(&bot).await;
    assert_eq!(asked_on(&bot.card().plain()), "@bob");
    passes(&bot, 60).await;
    let story = bot.house.story();
    assert!(story.contains("@bob: this still waits"), "{story}");
    passes(&bot, 295).await;
    let story = bot.house.story();
    assert!(!story.contains("@carol"), "{story}");
    assert_eq!(story.matches("still waits").count(), 3, "{story}");
    // It is seven in Los Angeles: all of bob's reminders are used up, and carol is called all the same.
    passes(&bot, 5).await;
    let story = bot.house.story();
    assert!(story.contains("@carol: this waits for"), "{story}");
    assert_eq!(asked_on(&bot.card().plain()), "@bob and @carol");
    replays(&bot).await;
}

#[tokio::test]
async fn in_the_policys_own_quiet_hours_others_stand_in() {
    let bot = living("UTC", LOS_ANGELES, BY_THE_HOUR).await;
    bot.house.pass(TimeDelta::hours(14));
    // Eleven at night where the policy is: the leads stand in, and carol is awake all the same.
    asked(&bot).await;
    let card = bot.card().plain();
    assert_eq!(asked_on(&card), "@lee and @carol", "{card}");
    assert!(card.contains("*leads* may decide as well"), "{card}");
    bot.presses("carol", "jit_approve").await;
    assert!(bot.last_request().await.grant().is_some());
}

#[tokio::test]
async fn a_night_uses_up_no_reminder_and_in_the_morning_all_are_called() {
    for (nudge, reminders) in [(BY_THE_HOUR, 3), ("", 0)] {
        let bot = living(LOS_ANGELES, LOS_ANGELES, nudge).await;
        asked(&bot).await;
        let card = bot.card().plain();
        assert_eq!(asked_on(&card), "", "{card}");
        assert!(card.contains("Quiet hours where they are"), "{card}");
        passes(&bot, 355).await;
        let story = bot.house.story();
        assert!(
            !story.contains("@bob") && !story.contains("waits for"),
            "{story}"
        );
        // Seven in the morning.
        passes(&bot, 5).await;
        let (story, card) = (bot.house.story(), bot.card().plain());
        assert!(story.contains("@bob and @carol: this waits for"), "{story}");
        assert_eq!(asked_on(&card), "@bob and @carol", "{card}");
        assert!(!card.contains("Quiet hours"), "{card}");
        passes(&bot, 300).await;
        let story = bot.house.story();
        assert_eq!(story.matches("still waits").count(), reminders, "{story}");
        assert_eq!(story.matches("this waits for").count(), 1, "{story}");
        replays(&bot).await;
    }
}

#[tokio::test]
async fn who_is_up_decides_at_night() {
    let bot = living(LOS_ANGELES, LOS_ANGELES, "").await;
    asked(&bot).await;
    bot.presses("bob", "jit_approve").await;
    assert!(bot.last_request().await.grant().is_some());
}

#[tokio::test]
async fn a_reminder_that_falls_into_the_night_waits_for_the_morning() {
    // In Tokyo it is six in the evening, and ten at one o'clock.
    let bot = living("Asia/Tokyo", "Asia/Tokyo", "nudge: 150m,").await;
    bot.house.pass(TimeDelta::hours(2));
    asked(&bot).await;
    passes(&bot, 180).await;
    let told = events(&bot).await;
    let put_off = told.iter().find_map(|event| match event {
        Event::CallPutOff { until, .. } => Some(*until),
        _ => None,
    });
    let midnight = bot.house.clock.now() + TimeDelta::hours(8);
    assert_eq!(put_off, Some(midnight), "{told:?}");
    let RequestState::Pending { chase, .. } = bot.last_request().await.state else {
        panic!("it waits");
    };
    assert_eq!(chase.nudges, 0);
    let story = bot.house.story();
    assert!(story.contains("I call nobody before that"), "{story}");
    replays(&bot).await;
}

#[tokio::test]
async fn the_card_follows_the_edges_of_the_policys_quiet_hours() {
    let bot = living(LONDON, LONDON, "").await;
    bot.house.pass(TimeDelta::hours(12));
    asked(&bot).await;
    assert_eq!(asked_on(&bot.card().plain()), "@bob and @carol");
    // Ten at night.
    passes(&bot, 60).await;
    let card = bot.card().plain();
    assert_eq!(asked_on(&card), "@lee", "{card}");
    assert!(card.contains("*leads* may decide as well"), "{card}");
    assert!(bot.house.story().contains("@lee: this waits"));
    // Seven in the morning.
    passes(&bot, 9 * 60).await;
    let card = bot.card().plain();
    assert_eq!(asked_on(&card), "@bob and @carol", "{card}");
    assert!(!card.contains("Quiet hours"), "{card}");
    replays(&bot).await;
}

#[tokio::test]
async fn where_the_channel_is_lost_nobody_is_woken_by_a_message() {
    let bot = living(LONDON, LOS_ANGELES, "").await;
    bot.house.slack.archive("access-requests").unwrap();
    asked(&bot).await;
    let copies = |who: &str| {
        let dms: Vec<Message> = bot.house.slack.dms(who);
        dms.iter()
            .filter(|dm| dm.plain().contains("night-db for 1h"))
            .count()
    };
    assert_eq!((copies("bob"), copies("carol")), (1, 0));
    passes(&bot, 6 * 60).await;
    assert_eq!((copies("bob"), copies("carol")), (1, 1));
}
