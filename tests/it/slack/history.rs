//! Looking back: auditors at everybody's requests, others at their own, and who looked is on record.

use chrono::TimeDelta;
use jitbot::domain::{Event, Search};
use jitbot::sandbox::{Fault, FaultKind, Message, SubmitValues};
use jitbot::store::ledger::StoredEntry;

use super::bot::Bot;

const POLICY: &str = r##"
version: 1
defaults:
  channel: "#access-requests"
  fallback_channel: "#access-fallback"
  request_ttl: 8h
  auditors: [audit]
groups:
  dba: { members: [bob@acme.example, carol@acme.example] }
  audit: { members: [lee@acme.example] }
connectors:
  staging: { kind: webhook, url: "https://target.example/jit", secret: { env: NEVER_READ } }
resources:
  staging-db:
    connector: staging
    roles: { readonly: app_ro, open: app_open }
    default_role: readonly
  orders-db: { connector: staging, channel: "#general", roles: { readonly: orders_ro } }
rules:
  - name: anybody reads open data
    match: { resources: [staging-db], roles: [open] }
    decision: approve
  - name: one of dba
    match: { resources: ["*"], roles: [readonly] }
    decision: review
    steps: [{ from: [dba], count: 1 }]
"##;

/// Four requests: #1 approved and ended, #2 denied, #3 by its rule, #4 waits in another channel.
async fn past() -> Bot {
    let bot = Bot::under(POLICY, None).await;
    passes(&bot).await;
    bot
}

async fn passes(bot: &Bot) {
    bot.asked("request staging-db readonly 1h =1+1 INC-42")
        .await;
    bot.presses("bob", "jit_approve").await;
    bot.house.pass(TimeDelta::hours(2));
    bot.settle().await;
    bot.asked("request staging-db readonly 1h to see").await;
    bot.presses("carol", "jit_deny").await;
    let why = SubmitValues::new().with("jit_why_text", "not on a Friday");
    bot.house.slack.submit("carol", why).await.unwrap();
    bot.settle().await;
    bot.types("erin", "request staging-db open 1h to see").await;
    bot.house.pass(TimeDelta::days(3));
    bot.settle().await;
    bot.asked("request orders-db readonly 2h to see").await;
}

fn last_told(bot: &Bot, user: &str) -> Message {
    let told = bot.house.slack.ephemerals(user);
    told.last().cloned().expect("an answer")
}

async fn presses_below(bot: &Bot, user: &str, action: &str) -> Message {
    let told = last_told(bot, user);
    presses(bot, user, &told, action).await
}

async fn presses(bot: &Bot, user: &str, message: &Message, action: &str) -> Message {
    let slack = &bot.house.slack;
    let pressing = slack.click_seen(user, message, action);
    assert!(pressing.await.unwrap().in_time());
    bot.settle().await;
    last_told(bot, user)
}

/// The numbers of the requests that a list shows.
fn numbers(plain: &str) -> Vec<i64> {
    let lines = plain.lines().filter_map(|line| line.strip_prefix("*#"));
    let numbers = lines.filter_map(|line| line.split_once('*')?.0.parse().ok());
    numbers.collect()
}

/// What was put down of readings of others' history.
async fn readings(bot: &Bot) -> Vec<(Search, Option<i64>, bool)> {
    let store = bot.house.engine.store();
    let entries = store.ledger_after(0, 10_000).await.unwrap();
    let entries = entries.iter().map(StoredEntry::entry);
    let read = entries.filter_map(|entry| match entry.unwrap().what {
        Event::HistoryRead {
            by,
            search,
            before,
            file,
        } => {
            assert_eq!(by, bot.house.id("lee"));
            Some((*search, before, file))
        }
        _ => None,
    });
    read.collect()
}

#[tokio::test]
async fn an_auditor_sees_when_who_what_how_long_what_became_of_it_and_by_whom() {
    let bot = past().await;
    let told = bot.types("lee", "history").await;
    assert_eq!(numbers(&told), [4, 3, 2, 1], "{told}");
    for words in [
        "@dana · readonly on staging-db for 1h",
        "approved by @bob; ended",
        "denied by @carol: “not on a Friday”",
        "@erin · open on staging-db for 1h",
        "approved by its rule *anybody reads open data*",
        "readonly on orders-db for 2h",
        "waits for one person of *dba*",
        "see the card",
        "on record",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let blocks = serde_json::to_string(&last_told(&bot, "lee").blocks).unwrap();
    assert!(
        blocks.contains("/archives/"),
        "links to the cards: {blocks}"
    );
    let read = readings(&bot).await;
    assert_eq!(read, [(Search::default(), None, false)]);
}

#[tokio::test]
async fn filters_narrow_it_down() {
    let bot = past().await;
    for (text, found) in [
        ("history <@U0ERIN|erin>", vec![3]),
        ("history <@U0DANA|dana> denied", vec![2]),
        ("history STAGING-DB", vec![3, 2, 1]),
        ("history #general", vec![4]),
        ("history #access-requests", vec![3, 2, 1]),
        ("history since 1d", vec![4]),
        ("history from 2027-03-01 to 2027-03-01", vec![3, 2, 1]),
        ("history until 2027-02-28", vec![]),
        ("history automatic", vec![3]),
        ("history approved", vec![3, 1]),
        ("history ended", vec![3, 1]),
        ("history waiting", vec![4]),
        ("history break-glass", vec![]),
        ("history active", vec![]),
        ("history revoked", vec![]),
        ("history failed", vec![]),
        ("history expired", vec![]),
        ("history #2", vec![2]),
        ("history today", vec![4]),
        ("history last month", vec![]),
    ] {
        let told = bot.types("lee", text).await;
        assert_eq!(numbers(&told), found, "{text}: {told}");
        assert_eq!(told.contains("I find nothing"), found.is_empty(), "{told}");
    }
    let channel = bot.house.slack.channel("general").unwrap().id;
    let told = bot
        .types("lee", &format!("history <#{channel}|general>"))
        .await;
    assert_eq!(numbers(&told), [4], "{told}");
    let told = bot.types("lee", "history since whenever").await;
    assert!(
        told.contains("For example: `/jit history since 7d`"),
        "{told}"
    );
}

#[tokio::test]
async fn who_is_no_auditor_sees_their_own_and_is_told_so_kindly() {
    let bot = past().await;
    let told = bot.types("erin", "history").await;
    assert_eq!(numbers(&told), [3], "{told}");
    assert!(told.contains("Your requests"), "{told}");
    for text in ["history <@U0DANA|dana>", "history <@U0DANA|dana> denied"] {
        let told = bot.types("erin", text).await;
        assert!(
            told.contains("Only *audit* may see what others asked for"),
            "{told}"
        );
        assert!(!told.contains("dana"), "{told}");
    }
    let told = bot.types("gus", "history").await;
    assert!(told.contains("I find nothing"), "{told}");
    let told = bot.types("dana", "history #3").await;
    assert!(told.contains("I find nothing"), "{told}");
    let told = bot.types("dana", "history mine denied").await;
    assert_eq!(numbers(&told), [2], "{told}");
    assert!(
        readings(&bot).await.is_empty(),
        "one's own is nobody's business"
    );
}

#[tokio::test]
async fn long_histories_page_and_each_page_is_authorised_again() {
    let bot = Bot::under(POLICY, None).await;
    for _ in 0..30 {
        let text = "request staging-db open 1m to see";
        let slack = &bot.house.slack;
        slack.slash("dana", "general", "/jit", text).await.unwrap();
        bot.settle().await;
        bot.house.pass(TimeDelta::minutes(2));
    }
    bot.settle().await;
    let first = bot.types("lee", "history ended").await;
    assert_eq!(
        numbers(&first),
        (19..=30).rev().collect::<Vec<_>>(),
        "{first}"
    );
    let page = last_told(&bot, "lee");
    // What comes meanwhile moves nothing.
    bot.types("dana", "request staging-db open 1m to see").await;
    let second = presses(&bot, "lee", &page, "jit_history_older")
        .await
        .plain();
    assert_eq!(
        numbers(&second),
        (7..=18).rev().collect::<Vec<_>>(),
        "{second}"
    );
    let third = presses_below(&bot, "lee", "jit_history_older").await;
    assert_eq!(numbers(&third.plain()), (1..=6).rev().collect::<Vec<_>>());
    assert_eq!(third.buttons(), ["Get all as a file"]);
    let read = readings(&bot).await;
    let before: Vec<Option<i64>> = read.iter().map(|(_, before, _)| *before).collect();
    assert_eq!(before, [None, Some(19), Some(7)]);

    // Somebody else who got hold of the page, and an auditor who is none any more.
    for action in ["jit_history_older", "jit_history_file"] {
        let told = presses(&bot, "dana", &page, action).await.plain();
        assert!(told.contains("somebody else's"), "{told}");
    }
    bot.house.slack.set_email_confirmed("lee", false).unwrap();
    for action in ["jit_history_older", "jit_history_file"] {
        let told = presses(&bot, "lee", &page, action).await.plain();
        assert!(told.contains("Only *audit* may see"), "{told}");
    }
    assert_eq!(readings(&bot).await.len(), 3);

    let told = bot.types("dana", "history").await;
    assert_eq!(numbers(&told).len(), 12, "{told}");
    let told = presses_below(&bot, "dana", "jit_history_older")
        .await
        .plain();
    assert_eq!(numbers(&told).len(), 12, "one's own pages too: {told}");
    let store = bot.house.engine.store();
    let later = bot.house.engine.now().await.unwrap() + TimeDelta::days(8);
    assert!(0 < store.forget_readings(later).await.unwrap());
    let told = presses(&bot, "lee", &page, "jit_history_older")
        .await
        .plain();
    assert!(told.contains("too old to go on with"), "{told}");
}

#[tokio::test]
async fn links_are_asked_of_slack_once() {
    let bot = past().await;
    bot.types("lee", "history").await;
    let asked = bot.house.slack.calls_to("chat.getPermalink").len();
    bot.types("lee", "history").await;
    let again = bot.house.slack.calls_to("chat.getPermalink").len();
    assert_eq!(asked, again);
    assert!(again <= 8, "{again} calls for four cards");
}

#[tokio::test]
async fn each_line_links_to_its_card_also_where_slack_does_not_tell_the_address() {
    let bot = Bot::under(POLICY, None).await;
    let silent = FaultKind::Status { status: 500 };
    let slack = &bot.house.slack;
    slack.fault(Fault::times("chat.getPermalink", u32::MAX, silent));
    passes(&bot).await;
    let page = bot.types("lee", "history").await;
    assert_eq!(page.matches("see the card").count(), 4, "{page}");
    let page = last_told(&bot, "lee");
    presses(&bot, "lee", &page, "jit_history_file").await;
    let silent = bot.house.slack.file("jit-history.csv").unwrap();
    let addresses = |file: &str| {
        let cells = file.split([',', '\r', '\n']);
        let links = cells.filter(|cell| cell.contains("/archives/"));
        links.map(str::to_owned).collect::<Vec<String>>()
    };
    assert_eq!(addresses(&silent).len(), 4, "{silent}");
    bot.house.slack.heal();
    presses(&bot, "lee", &page, "jit_history_file").await;
    let told = bot.house.slack.file("jit-history.csv").unwrap();
    assert_eq!(addresses(&told), addresses(&silent));
}

#[tokio::test]
async fn who_has_left_for_another_workspace_is_found_all_the_same() {
    let bot = past().await;
    let slack = &bot.house.slack;
    let leaves = |user: &mut jitbot::sandbox::User| user.team_id = "T0OTHER".to_owned();
    slack.change_user("dana", leaves).unwrap();
    let changed = serde_json::json!({"type": "user_change", "user": {"id": "U0DANA"}});
    slack.event(changed).await;
    bot.hears().await;
    let told = bot.types("lee", "history <@U0DANA>").await;
    assert_eq!(numbers(&told), [4, 2, 1], "{told}");
}

#[tokio::test]
async fn everything_comes_as_a_file_by_direct_message() {
    let bot = past().await;
    bot.types("lee", "history").await;
    let told = presses_below(&bot, "lee", "jit_history_file").await.plain();
    assert!(told.contains("I sent you the file"), "{told}");
    let dms = bot.house.slack.dms("lee");
    let with_file = dms.iter().find(|dm| !dm.files.is_empty());
    assert_eq!(with_file.expect("a file").files, ["jit-history.csv"]);
    assert!(dms.iter().any(|dm| dm.plain().contains("4 requests")));
    let file = bot.house.slack.file("jit-history.csv").unwrap();
    let rows: Vec<&str> = file.split("\r\n").collect();
    assert_eq!(rows.len(), 6, "a head, four rows, and nothing: {file}");
    assert!(rows[0].starts_with("number,asked_at,holder"));
    assert!(rows[4].starts_with("1,2027-03-01T09:00:00Z,Dana"), "{file}");
    assert!(rows[4].contains("\"'=1+1 INC-42\""), "no formula: {file}");
    assert!(rows[4].contains("/archives/"), "{file}");
    assert!(!file.contains("<@"), "{file}");
    let read = readings(&bot).await;
    assert_eq!(read.last().map(|(_, _, file)| *file), Some(true));
}

#[tokio::test]
async fn a_file_that_cannot_be_sent_says_what_to_do() {
    let bot = past().await;
    bot.types("lee", "history").await;
    for (method, error, words) in [
        ("files.getUploadURLExternal", "missing_scope", "files:write"),
        (
            "files.completeUploadExternal",
            "internal_error",
            "try again",
        ),
    ] {
        let kind = FaultKind::Error {
            error: error.to_owned(),
        };
        bot.house.slack.fault(Fault::once(method, kind));
        let page = bot.house.slack.ephemerals("lee")[0].clone();
        let told = presses(&bot, "lee", &page, "jit_history_file")
            .await
            .plain();
        assert!(told.contains(words), "{method}: {told}");
    }
}

#[tokio::test]
async fn who_looked_is_on_record_and_changes_nothing_else() {
    let bot = past().await;
    let store = bot.house.engine.store();
    let before = store.all_requests().await.unwrap();
    bot.types("lee", "history denied").await;
    assert_eq!(store.all_requests().await.unwrap(), before);
    let entries = store.ledger_after(0, 10_000).await.unwrap();
    let entries: Vec<_> = entries.iter().map(|one| one.entry().unwrap()).collect();
    let replayed = jitbot::ledger::replay::replay(entries);
    assert_eq!(replayed.len(), before.len());
    for request in before {
        assert_eq!(replayed[&request.id], request);
    }
}
