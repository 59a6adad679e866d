//! Having access, sentence by sentence: what the holder is told, and that every answer works the same
//! in direct messages and pages when it is long.

use chrono::TimeDelta;
use jitbot::domain::{Command, GroupName};
use jitbot::sandbox::{Message, SubmitValues};

use super::bot::{Bot, Passwords};
use crate::harness::target::Next;

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
    assert!(plain.contains("for 1 hour, until"), "{plain}");
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
    let last = last_dm(&bot, "dana");
    let told = last.plain();
    assert!(
        told.contains("staging-db") && told.contains("over"),
        "{told}"
    );
    assert!(last.buttons().contains(&"Ask again…".to_owned()), "{told}");
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
    let which = bot.types("dana", "cancel").await;
    assert!(which.contains("… and 30 more"), "{which}");
}

/// Dana's access, and bob's yes to half an hour more of it.
async fn extended() -> Bot {
    let bot = active().await;
    bot.types("dana", "extend staging-db 30m still looking")
        .await;
    bot.presses("bob", "jit_approve").await;
    bot.house.pass(TimeDelta::minutes(1));
    bot
}

/// Everything that the person was told directly since then, but for the first so many messages.
fn dms_after(bot: &Bot, user: &str, known: usize) -> Vec<String> {
    let dms = bot.house.slack.dms(user);
    dms.iter().skip(known).map(Message::plain).collect()
}

/// The card of the request with that number.
fn card_of(bot: &Bot, number: i64) -> Message {
    let cards = bot.house.slack.messages("access-requests");
    let is_it = |card: &&Message| card.plain().contains(&format!("Request #{number}"));
    cards.iter().find(is_it).cloned().expect("its card")
}

async fn is_revoked_from(bot: &Bot, number: i64) {
    let card = card_of(bot, number);
    let slack = &bot.house.slack;
    let pressing = slack.click("carol", &card.channel, &card.ts, "jit_revoke");
    assert!(pressing.await.unwrap().in_time());
    bot.settle().await;
    let why = SubmitValues::new().with("jit_why_text", "the incident is over");
    slack.submit("carol", why).await.unwrap();
    bot.settle().await;
}

#[tokio::test]
async fn revoking_ends_an_extended_access_from_either_card() {
    for number in [1, 2] {
        let bot = extended().await;
        let known = bot.house.slack.dms("dana").len();
        is_revoked_from(&bot, number).await;
        assert!(bot.house.target.is_empty(), "by the card of #{number}");
        for card in [1, 2] {
            let shown = card_of(&bot, card).plain();
            assert!(shown.contains("Taken away"), "#{card}: {shown}");
        }
        let told = dms_after(&bot, "dana", known);
        let [told] = told.as_slice() else {
            panic!("one access, told once: {told:#?}")
        };
        assert!(told.contains("@carol took your"), "{told}");
    }
}

#[tokio::test]
async fn done_ends_an_extended_access_and_asks_for_no_number() {
    for text in ["done staging-db", "done", "done #1", "done #2"] {
        let bot = extended().await;
        let known = bot.house.slack.dms("dana").len();
        let told = bot.types("dana", text).await;
        assert!(told.contains("is being taken away now"), "{text}: {told}");
        assert!(bot.house.target.is_empty(), "{text}");
        let told = dms_after(&bot, "dana", known);
        let [told] = told.as_slice() else {
            panic!("one access, told once: {told:#?}")
        };
        assert!(told.contains("You gave it back"), "{told}");
    }
    let bot = extended().await;
    let dms = bot.house.slack.dms("dana");
    let first = dms.iter().find(|dm| dm.plain().contains("You have"));
    let first = first.expect("that it is there");
    let slack = &bot.house.slack;
    let pressing = slack.click("dana", &first.channel, &first.ts, "jit_done");
    assert!(pressing.await.unwrap().in_time());
    bot.settle().await;
    assert!(bot.house.target.is_empty(), "by the first message");
}

#[tokio::test]
async fn an_extension_that_waits_is_over_with_what_it_would_extend() {
    for by_holder in [true, false] {
        let bot = active().await;
        bot.types("dana", "extend staging-db 30m still looking")
            .await;
        if by_holder {
            bot.types("dana", "done staging-db").await;
        } else {
            is_revoked_from(&bot, 1).await;
        }
        assert!(bot.house.target.is_empty());
        let card = card_of(&bot, 2);
        let plain = card.plain();
        assert!(
            plain.contains("the access that this would extend has ended"),
            "{plain}"
        );
        assert!(!plain.contains("policy has changed"), "{plain}");
        let approve = "Approve".to_owned();
        assert!(!card.buttons().contains(&approve), "{plain}");
        let told = dms_after(&bot, "dana", 0).join("\n");
        assert!(told.contains("your request #2 for 30m more"), "{told}");
        let told = bot.types("bob", "revoke #2 to be sure").await;
        assert!(told.contains("no access under this request"), "{told}");
    }
}

#[tokio::test]
async fn nobody_is_waited_for_once_there_is_nothing_left_to_extend() {
    let bot = active().await;
    bot.types("dana", "extend staging-db 30m still looking")
        .await;
    bot.house.pass(TimeDelta::hours(2));
    bot.settle().await;
    assert!(bot.house.target.is_empty());
    let card = card_of(&bot, 2);
    let plain = card.plain();
    assert!(plain.contains("Expired"), "{plain}");
    let approve = "Approve".to_owned();
    assert!(!card.buttons().contains(&approve), "{plain}");
    bot.asked("request staging-db readonly 1h once more").await;
}

#[tokio::test]
async fn another_grant_of_the_same_access_keeps_it_and_everybody_is_told_so() {
    let bot = active().await;
    bot.asked("request staging-db readonly 2h for the other ticket")
        .await;
    bot.presses("bob", "jit_approve").await;
    let known = bot.house.slack.dms("dana").len();
    let told = bot.types("carol", "revoke #1 the incident is over").await;
    assert!(
        told.contains("Request #1 ends") && told.contains("under request #2"),
        "{told}"
    );
    assert!(!told.contains("sessions are ended"), "{told}");
    assert!(!bot.house.target.is_empty());
    let told = dms_after(&bot, "dana", known).join("\n");
    assert!(
        told.contains("@carol ended your request #1") && told.contains("under request #2"),
        "{told}"
    );
    assert!(!told.contains("took your"), "{told}");
    let thread = bot
        .house
        .slack
        .thread("access-requests", &card_of(&bot, 1).ts);
    let thread: Vec<String> = thread.iter().map(Message::plain).collect();
    let thread = thread.join("\n");
    assert!(thread.contains("This grant ends now"), "{thread}");
    assert!(!thread.contains("Taking the access away"), "{thread}");
    // And by its holder.
    bot.asked("request staging-db readonly 30m for a third ticket")
        .await;
    bot.presses("bob", "jit_approve").await;
    let told = bot.types("dana", "done #3").await;
    assert!(
        told.contains("Request #3 ends") && told.contains("under request #2"),
        "{told}"
    );
    bot.types("dana", "done staging-db").await;
    assert!(bot.house.target.is_empty());
}

/// Dana's bundle of two.
async fn kit() -> Bot {
    let cache = "  cache: { connector: staging, roles: { readonly: cache_ro } }";
    let bundle =
        "bundles:\n  kit:\n    access: [{ resource: staging-db }, { resource: cache }]\nrules:";
    let policy = POLICY.replace("RESOURCES", cache);
    let bot = Bot::under(&policy.replace("rules:", bundle), None).await;
    bot.asked("request kit 1h to see").await;
    bot.presses("bob", "jit_approve").await;
    bot
}

/// How often each of these buttons stands in the messages that the person got since then.
fn buttons_after(bot: &Bot, user: &str, known: usize, words: &[&str]) -> Vec<usize> {
    let dms = bot.house.slack.dms(user);
    let buttons: Vec<String> = (dms.iter().skip(known).flat_map(Message::buttons)).collect();
    let times = |words: &&str| buttons.iter().filter(|button| button == words).count();
    words.iter().map(times).collect()
}

#[tokio::test]
async fn the_reminder_of_a_bundle_has_the_buttons_of_each_part() {
    let bot = kit().await;
    let known = bot.house.slack.dms("dana").len();
    bot.house.pass(TimeDelta::minutes(46));
    bot.settle().await;
    let words = [
        "Get credentials",
        "Extend…",
        "Done early",
        "Done early with all",
    ];
    let there = buttons_after(&bot, "dana", known, &words);
    assert_eq!(
        there[..3],
        [2, 2, 2],
        "{:#?}",
        dms_after(&bot, "dana", known)
    );
    assert!(0 < there[3]);
    let reminder = last_dm(&bot, "dana");
    assert!(reminder.plain().contains("left"), "{}", reminder.plain());
    let slack = &bot.house.slack;
    let pressing = slack.click("dana", &reminder.channel, &reminder.ts, "jit_done_all");
    assert!(pressing.await.unwrap().in_time());
    bot.settle().await;
    assert!(bot.house.target.is_empty());
}

#[tokio::test]
async fn whoever_lost_a_bundle_can_ask_again() {
    let bot = kit().await;
    let known = bot.house.slack.dms("dana").len();
    bot.types("carol", "revoke #1 the incident is over").await;
    let told = dms_after(&bot, "dana", known);
    assert_eq!(
        buttons_after(&bot, "dana", known, &["Ask again…"]),
        [1],
        "{told:#?}"
    );
}

#[tokio::test]
async fn what_an_admin_answers_for_is_told_to_its_holder_as_an_end_and_no_more() {
    for bundle in [false, true] {
        let bot = if bundle { kit().await } else { active().await };
        bot.house.target.breaks(Next::Unreached);
        for _ in 0..70 {
            bot.house.pass(TimeDelta::minutes(1));
            bot.settle().await;
        }
        let known = bot.house.slack.dms("dana").len();
        let parts = bot.house.engine.store().all_requests().await.unwrap();
        for part in &parts {
            let answer = Command::ResolveRemoval {
                by: bot.house.member("erin").await,
                why: "the server was scrapped".into(),
                admins: vec![GroupName::new("platform")],
            };
            bot.house.run(part.id, answer).await.unwrap();
        }
        bot.settle().await;
        let told = dms_after(&bot, "dana", known).join("\n");
        assert!(told.contains("use it no more"), "{told}");
        assert_eq!(
            buttons_after(&bot, "dana", known, &["Ask again…"]),
            [1],
            "{told}"
        );
        for word in ["verified", "resolved", "scrapped", "erin"] {
            assert!(!told.contains(word), "{word}: {told}");
        }
    }
}

#[tokio::test]
async fn a_reminder_offers_more_time_only_as_far_as_there_is_any() {
    let short = POLICY.replace(
        "    decision: review",
        "    require: { max_duration: 4h, extend: { max: 1, by: 20m } }\n    decision: review",
    );
    let bot = Bot::under(&short.replace("RESOURCES", ""), None).await;
    bot.asked("request staging-db readonly 1h to see").await;
    bot.presses("bob", "jit_approve").await;
    bot.house.pass(TimeDelta::minutes(46));
    bot.settle().await;
    let reminder = last_dm(&bot, "dana").plain();
    let most = "/jit extend staging-db readonly 20m";
    assert!(reminder.contains(most), "{reminder}");
    bot.types("dana", "extend staging-db 20m still looking")
        .await;
    bot.presses("bob", "jit_approve").await;
    bot.house.pass(TimeDelta::minutes(30));
    bot.settle().await;
    let dms = bot.house.slack.dms("dana");
    let reminder = dms.iter().rfind(|dm| dm.plain().contains("left*"));
    let reminder = reminder.expect("a reminder");
    let plain = reminder.plain();
    assert!(plain.contains("cannot be extended any more"), "{plain}");
    assert!(!plain.contains("/jit extend"), "{plain}");
    assert!(!reminder.buttons().contains(&"Extend…".to_owned()));
}

#[tokio::test]
async fn home_shows_an_extended_access_once_and_what_is_left_of_it() {
    let bot = extended().await;
    bot.house.slack.open_home("dana").await.unwrap();
    bot.settle().await;
    let tab = bot.house.slack.home("dana").expect("her tab");
    let shown = tab.plain();
    assert!(shown.contains("Your access (1)"), "{shown}");
    let sent = serde_json::to_string(tab.blocks()).unwrap();
    assert!(sent.contains("({ago})|2027-03-01 10:30 UTC>"), "{sent}");
    // The policy lets it be extended once.
    assert!(!sent.contains("Extend…"), "{sent}");
}

#[tokio::test]
async fn what_is_listed_stands_with_what_can_be_done_about_it() {
    let bot = active().await;
    bot.types("dana", "active").await;
    let told = last_told(&bot, "dana");
    for button in ["Get credentials", "Extend…", "Done early"] {
        assert!(told.buttons().contains(&button.to_owned()), "{button}");
    }
    let sent = serde_json::to_string(&told.blocks).unwrap();
    assert!(sent.contains("|#1>"), "a link to its card: {sent}");
    let told = presses_below(&bot, "dana", "jit_done").await.plain();
    assert!(told.contains("is being taken away now"), "{told}");
    assert!(bot.house.target.is_empty());
    bot.types("dana", "list").await;
    presses_below(&bot, "dana", "jit_ask").await;
    let form = bot.house.slack.modal("dana").expect("the form").plain();
    assert!(form.contains("staging-db"), "{form}");
}
