//! Having access, sentence by sentence: what the holder is told, and that every answer works the same
//! in direct messages and pages when it is long.

use chrono::TimeDelta;
use jitbot::sandbox::{Message, SubmitValues};

use super::bot::{Bot, Passwords};

const POLICY: &str = r##"
version: 1
defaults:
  channel: "#access-requests"
  fallback_channel: "#access-fallback"
  request_ttl: 8h
  remind_before: 15m
  admins: [platform]
groups:
  dba: { members: [bob@acme.example, carol@acme.example] }
  platform: { members: [erin@acme.example] }
connectors:
  staging: { kind: webhook, url: "https://target.example/jit", secret: { env: NEVER_READ } }
resources:
  staging-db:
    connector: staging
    roles: { readonly: app_ro }
    how_to_connect: Paste the line into your terminal.
RESOURCES
rules:
  - name: one of dba
    match: { resources: ["*"] }
    decision: review
    steps: [{ from: [dba], count: 1 }]
"##;

async fn with(resources: usize) -> Bot {
    let more = |n| format!("  db-{n:03}: {{ connector: staging, roles: {{ readonly: db_{n} }} }}");
    let more: Vec<String> = (0..resources).map(more).collect();
    let policy = POLICY.replace("RESOURCES", &more.join("\n"));
    Bot::under(&policy, None).await
}

async fn active() -> Bot {
    let bot = with(0).await;
    bot.asked("request staging-db readonly 1h to see").await;
    bot.presses("bob", "jit_approve").await;
    bot
}

fn last_dm(bot: &Bot, user: &str) -> Message {
    let dms = bot.house.slack.dms(user);
    dms.last().cloned().expect("a direct message")
}

/// Types in the person's messages with the bot, and answers what they are told there.
async fn types_in_dm(bot: &Bot, user: &str, text: &str) -> Message {
    let slack = &bot.house.slack;
    let reply = slack.slash(user, "dm", "/jit", text).await.unwrap();
    assert!(reply.in_time(), "{reply:?}");
    bot.settle().await;
    last_told(bot, user)
}

fn last_told(bot: &Bot, user: &str) -> Message {
    let told = bot.house.slack.ephemerals(user);
    told.last().cloned().expect("an answer")
}

/// Presses a button of the last answer.
async fn presses_below(bot: &Bot, user: &str, action: &str) -> Message {
    let told = last_told(bot, user);
    let slack = &bot.house.slack;
    let pressing = slack.click(user, &told.channel, &told.ts, action);
    assert!(pressing.await.unwrap().in_time());
    bot.settle().await;
    last_told(bot, user)
}

#[tokio::test]
async fn the_holder_is_told_how_to_connect_and_how_long_it_lasts() {
    let bot = active().await;
    let told = last_dm(&bot, "dana");
    let plain = told.plain();
    assert!(
        plain.contains("Paste the line into your terminal."),
        "{plain}"
    );
    assert!(plain.contains("until"), "{plain}");
    for button in ["Get credentials", "Done early"] {
        assert!(told.buttons().contains(&button.to_owned()), "{plain}");
    }
}

#[tokio::test]
async fn the_reminder_has_the_same_buttons() {
    let bot = active().await;
    let first = last_dm(&bot, "dana").buttons();
    bot.house.pass(TimeDelta::minutes(46));
    bot.settle().await;
    let reminder = last_dm(&bot, "dana");
    let plain = reminder.plain();
    assert!(
        plain.contains("14 minutes") || plain.contains("left"),
        "{plain}"
    );
    assert_eq!(reminder.buttons(), first);
    *bot.passwords.lock().unwrap() = Passwords::Given;
    let slack = &bot.house.slack;
    let pressing = slack.click("dana", &reminder.channel, &reminder.ts, "jit_done");
    assert!(pressing.await.unwrap().in_time());
    bot.settle().await;
    assert!(bot.house.target.is_empty());
}

#[tokio::test]
async fn after_its_end_the_holder_is_told() {
    let bot = active().await;
    bot.house.pass(TimeDelta::minutes(61));
    bot.settle().await;
    let told = last_dm(&bot, "dana").plain();
    assert!(
        told.contains("staging-db") && told.contains("over"),
        "{told}"
    );
    assert!(bot.house.target.is_empty());
}

#[tokio::test]
async fn the_holder_learns_who_took_it_away_and_why() {
    // Bob approves; erin approves nothing, and is an admin.
    for who in ["carol", "erin"] {
        let bot = active().await;
        bot.presses(who, "jit_revoke").await;
        let why = SubmitValues::new().with("jit_why_text", "the incident is over");
        bot.house.slack.submit(who, why).await.unwrap();
        bot.settle().await;
        assert!(bot.house.target.is_empty(), "{who}");
        let told = bot.house.slack.dms("dana");
        let told: Vec<String> = told.iter().map(Message::plain).collect();
        let learns = told
            .iter()
            .any(|told| told.contains(&format!("@{who}")) && told.contains("the incident is over"));
        assert!(learns, "{who}: {told:#?}");
    }
}

#[tokio::test]
async fn every_answer_is_the_same_in_direct_messages() {
    let bot = active().await;
    for text in [
        "help",
        "list",
        "active",
        "history",
        "explain staging-db readonly 1h",
        "cancel",
        "extend nothing 1h",
        "revoke #77 because",
        "nonsense",
    ] {
        let there = bot.types("dana", text).await;
        let here = types_in_dm(&bot, "dana", text).await;
        assert_eq!(here.plain(), there, "{text}");
        assert!(here.blocks.len() <= 50);
        assert!(!here.text.is_empty());
    }
    let told = types_in_dm(&bot, "dana", "extend staging-db 30m still looking").await;
    assert!(told.plain().contains("Request #2"), "{}", told.plain());
    let told = types_in_dm(&bot, "dana", "cancel #2").await;
    assert!(told.plain().contains("cancelled"), "{}", told.plain());
    let told = types_in_dm(&bot, "carol", "revoke #1 the incident is over").await;
    assert!(
        told.plain().contains("being taken away"),
        "{}",
        told.plain()
    );
    let told = types_in_dm(&bot, "dana", "done").await;
    assert!(told.plain().contains("no such access"), "{}", told.plain());
}

#[tokio::test]
async fn a_list_of_three_hundred_pages() {
    let bot = with(300).await;
    for channel in ["general", "dm"] {
        let slack = &bot.house.slack;
        let reply = slack.slash("dana", channel, "/jit", "list").await.unwrap();
        assert!(reply.in_time());
        bot.settle().await;
        let mut seen = Vec::new();
        let mut page = last_told(&bot, "dana");
        let mut pages = 1;
        loop {
            let plain = page.plain();
            let names = plain.lines().filter_map(|line| line.strip_prefix('*'));
            let names = names.filter_map(|line| Some(line.split_once('*')?.0.to_owned()));
            seen.extend(names.filter(|name| name.contains("db")));
            assert!(page.blocks.len() <= 50);
            if !page.buttons().contains(&"Show more".to_owned()) {
                break;
            }
            page = presses_below(&bot, "dana", "jit_list_more").await;
            pages += 1;
        }
        assert_eq!((seen.len(), pages), (301, 21), "{channel}");
        assert!(seen.is_sorted());
    }
}

#[tokio::test]
async fn what_somebody_has_pages_too() {
    let bot = with(40).await;
    for n in 0..40 {
        let text = format!("request db-{n:03} readonly 1h to see");
        let slack = &bot.house.slack;
        slack.slash("dana", "general", "/jit", &text).await.unwrap();
        bot.settle().await;
    }
    let first = bot.types("dana", "active").await;
    assert!(first.contains("… and 25 more"), "{first}");
    let second = presses_below(&bot, "dana", "jit_active_more").await;
    let third = presses_below(&bot, "dana", "jit_active_more").await;
    assert!(!third.buttons().contains(&"Show more".to_owned()));
    let all = [first, second.plain(), third.plain()].concat();
    for n in 1..=40 {
        assert_eq!(all.matches(&format!("(#{n})")).count(), 1, "#{n}");
    }
}
