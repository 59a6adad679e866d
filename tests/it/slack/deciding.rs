//! Deciding, sentence by sentence: what a card looks like, who is told why they are asked, and what
//! everybody sees between a click and its outcome.

use chrono::TimeDelta;
use jitbot::domain::{GrantState, RequestState};
use jitbot::sandbox::{Fault, FaultKind, Message, Sandbox, SubmitOutcome, SubmitValues};
use serde_json::Value;

use super::bot::{Bot, SOON};

const POLICY: &str = r##"
version: 1
defaults: { channel: "#access-requests", fallback_channel: "#access-fallback", request_ttl: 8h }
groups:
  dba: { members: [bob@acme.example, carol@acme.example] }
  leads: { members: [lee@acme.example] }
connectors:
  staging: { kind: webhook, url: "https://target.example/jit", secret: { env: NEVER_READ } }
resources:
  staging-db:
    connector: staging
    sensitivity: low
    roles: { readonly: app_ro, readwrite: app_rw }
    default_role: readonly
  orders-db:
    connector: staging
    sensitivity: high
    roles: { readonly: orders_ro }
bundles:
  kit: { access: [{ resource: staging-db, role: readonly }, { resource: orders-db }] }
rules:
  - name: one of dba, later the leads
    match: { resources: [staging-db], roles: [readonly] }
    decision: review
    steps: [{ from: [dba], count: 1, escalate: { after: 1h, to: [leads] } }]
  - name: two people for writing
    match: { resources: [staging-db], roles: [readwrite] }
    decision: review
    steps: [{ from: [dba], count: 2, nudge: 15m }]
  - name: dba then leads for orders
    match: { resources: [orders-db] }
    decision: review
    steps: [{ from: [dba], count: 1 }, { from: [leads], count: 1 }]
"##;

async fn open() -> Bot {
    Bot::under(POLICY, None).await
}

async fn asked(text: &str) -> Bot {
    let bot = open().await;
    bot.asked(text).await;
    bot
}

async fn passes(bot: &Bot, minutes: i64) {
    bot.house.pass(TimeDelta::minutes(minutes));
    bot.settle().await;
}

/// The kinds of a message's blocks, in order.
fn kinds(message: &Message) -> Vec<&str> {
    let kinds = message.blocks.iter();
    kinds.filter_map(|block| block["type"].as_str()).collect()
}

/// Every button of a message, as Slack got it.
fn buttons(message: &Message) -> Vec<Value> {
    let rows = message.blocks.iter();
    let rows = rows.filter(|block| block["type"] == "actions");
    let rows = rows.flat_map(|row| row["elements"].as_array().cloned().unwrap_or_default());
    rows.collect()
}

/// The words on the buttons, row by row.
fn rows(message: &Message) -> Vec<Vec<&str>> {
    let rows = message.blocks.iter();
    let rows = rows.filter(|block| block["type"] == "actions");
    rows.map(|row| {
        let buttons = row["elements"].as_array().into_iter().flatten();
        let words = buttons.filter_map(|button| button["text"]["text"].as_str());
        words.collect()
    })
    .collect()
}

/// What the copies of the card showed in turn, by what the bot sent.
fn shown(bot: &Bot) -> Vec<String> {
    let calls = bot.house.slack.calls_to("chat.update");
    let calls = calls.iter().map(|call| call.args["blocks"].to_string());
    calls.collect()
}

fn times_recorded(bot: &Bot) -> usize {
    let shown = shown(bot);
    shown.iter().filter(|one| one.contains("Recording")).count()
}

// -- cards that a phone shows well --

#[tokio::test]
async fn a_card_begins_with_who_wants_what_for_how_long_and_ends_with_short_rows() {
    let bot = asked("request staging-db readonly 1h INC-42 stuck orders").await;
    let card = bot.card();
    let plain = card.plain();
    let lines: Vec<&str> = plain.lines().collect();
    assert_eq!(lines[0], "*@dana wants readonly on staging-db for 1h*");
    let at = |words: &str| {
        plain
            .find(words)
            .unwrap_or_else(|| panic!("{words}: {plain}"))
    };
    let order = [
        at("@dana wants"),
        at("INC-42 stuck orders"),
        at("Waiting for"),
        at("Sensitivity"),
        at("Rule *one of dba, later the leads*"),
        at("[Approve]"),
    ];
    assert!(order.is_sorted(), "{order:?}: {plain}");
    assert_eq!(kinds(&card).last(), Some(&"actions"), "buttons come last");
    // What decides stands in one line of a phone, and what anybody can do in another one.
    let expected = [
        vec!["Approve", "Review…", "Deny…"],
        vec!["Why me?", "Cancel request"],
    ];
    assert_eq!(rows(&card), expected);
    assert!(card.text.starts_with("@dana wants") || card.text.starts_with("<@U0DANA>"));
}

#[tokio::test]
async fn exactly_one_button_is_primary_and_only_high_sensitivity_asks_twice() {
    for (text, high) in [
        ("request staging-db readonly 1h to see", false),
        ("request orders-db readonly 1h to see", true),
        ("request kit 1h to see", true),
    ] {
        let bot = open().await;
        bot.types("dana", text).await;
        let buttons = buttons(&bot.card());
        let primary = buttons.iter().filter(|one| one["style"] == "primary");
        let primary: Vec<&Value> = primary.collect();
        assert_eq!(primary.len(), 1, "{text}");
        assert_eq!(primary[0]["action_id"], "jit_approve");
        assert_ne!(buttons.last().unwrap()["style"], "primary");
        for button in &buttons {
            let asks = button["confirm"].is_object();
            let expected = high && button["action_id"] == "jit_approve";
            assert_eq!(asks, expected, "{text}: {button}");
        }
    }
}

// -- why me? --

#[tokio::test]
async fn why_me_names_the_rule_the_step_and_the_group_and_decides_nothing() {
    let bot = asked("request orders-db readonly 1h to see").await;
    for (user, told) in [
        ("bob", "You decide on it because you are in *dba*"),
        ("lee", "You are not one of those who decide on it now"),
        ("dana", "It is your own request"),
        ("gus", "Guests cannot decide"),
    ] {
        bot.presses(user, "jit_why_me").await;
        let said = bot.told(user);
        assert!(said.contains(told), "{user}: {said}");
        if user != "gus" {
            let step = "Rule *dba then leads for orders* asks one person of *dba* in step 1 of 2";
            assert!(said.contains(step), "{user}: {said}");
        }
    }
    let said = bot.told("lee");
    assert!(said.contains("These can now: @bob and @carol"), "{said}");
    assert_eq!(bot.approvals().await, 0, "it only tells");
    bot.presses("bob", "jit_approve").await;
    bot.presses("bob", "jit_why_me").await;
    let said = bot.told("bob");
    assert!(said.contains("You have approved it already"), "{said}");
    bot.presses("lee", "jit_why_me").await;
    let said = bot.told("lee");
    assert!(
        said.contains("because you are in *leads*") && said.contains("step 2 of 2"),
        "{said}"
    );
}

#[tokio::test]
async fn why_me_is_read_afresh_and_knows_who_stands_in() {
    let bot = asked("request staging-db readonly 1h to see").await;
    bot.house.slack.set_email_confirmed("bob", false).unwrap();
    bot.presses("bob", "jit_why_me").await;
    let said = bot.told("bob");
    assert!(said.contains("You are not one of those"), "{said}");
    passes(&bot, 61).await;
    bot.presses("lee", "jit_why_me").await;
    let said = bot.told("lee");
    assert!(
        said.contains("because you are in *leads*") && said.contains("It has waited long"),
        "{said}"
    );
    let seen = bot.card();
    bot.presses("carol", "jit_approve").await;
    let slack = &bot.house.slack;
    slack.click_seen("lee", &seen, "jit_why_me").await.unwrap();
    bot.settle().await;
    let said = bot.told("lee");
    assert!(said.contains("already approved by @carol"), "{said}");
}

#[tokio::test]
async fn why_me_tells_of_each_part_of_a_bundle() {
    let bot = open().await;
    bot.types("dana", "request kit 1h to see").await;
    bot.presses("bob", "jit_why_me").await;
    let said = bot.told("bob");
    assert_eq!(
        said.matches("because you are in *dba*").count(),
        2,
        "{said}"
    );
    assert!(said.contains("readonly on staging-db"), "{said}");
    assert!(said.contains("readonly on orders-db"), "{said}");
    assert_eq!(bot.last_request().await.approvals().len(), 0);
}

// -- buttons disappear at once --

#[tokio::test]
async fn a_click_shows_at_once_that_it_is_recorded_and_then_the_outcome() {
    let bot = asked("request staging-db readonly 1h to see").await;
    bot.presses("bob", "jit_approve").await;
    let shown = shown(&bot);
    assert!(
        shown[0].contains("Recording Bob Brown's approval…"),
        "{}",
        shown[0]
    );
    assert!(!shown[0].contains("actions"), "no buttons: {}", shown[0]);
    assert!(!shown[1].contains("Recording"), "{}", shown[1]);
    let card = bot.card().plain();
    assert!(card.contains("Active until"), "{card}");
    assert_eq!(times_recorded(&bot), 1);
    // Nothing stays doubtful: later sweeps have nothing to mend.
    let before = shown.len();
    passes(&bot, 1).await;
    assert_eq!(self::shown(&bot).len(), before);
}

#[tokio::test]
async fn dialogs_take_the_buttons_off_the_card_too() {
    let bot = asked("request staging-db readonly 1h to see").await;
    bot.presses("bob", "jit_deny").await;
    let why = SubmitValues::new().with("jit_why_text", "not on a Friday");
    let reply = bot.house.slack.submit("bob", why).await.unwrap();
    assert_eq!(reply.outcome, SubmitOutcome::Closed);
    bot.settle().await;
    assert!(shown(&bot)[0].contains("Recording Bob Brown's denial…"));
    assert!(bot.card().plain().contains("not on a Friday"));

    let bot = asked("request staging-db readonly 1h to see").await;
    bot.presses("bob", "jit_review").await;
    let values = SubmitValues::new().with("jit_time_choice", "1800");
    bot.house.slack.submit("bob", values).await.unwrap();
    bot.settle().await;
    assert!(shown(&bot)[0].contains("Recording Bob Brown's approval…"));
    assert!(bot.card().plain().contains("Active until"));
    bot.presses("carol", "jit_revoke").await;
    let why = SubmitValues::new().with("jit_why_text", "an incident");
    bot.house.slack.submit("carol", why).await.unwrap();
    bot.settle().await;
    let recorded = shown(&bot);
    let mut recorded = recorded.iter().filter(|one| one.contains("Recording"));
    assert!(
        recorded
            .next_back()
            .unwrap()
            .contains("Carol Chen's revocation…")
    );
    assert!(bot.card().buttons().is_empty());
}

#[tokio::test]
async fn who_may_not_decide_makes_no_buttons_blink() {
    let bot = asked("request staging-db readonly 1h to see").await;
    for user in ["erin", "gus", "dana", "lee"] {
        bot.presses(user, "jit_approve").await;
        assert_eq!(shown(&bot).len(), 0, "{user}");
        assert!(!bot.told(user).is_empty());
    }
    // Nor does who has approved already.
    let bot = asked("request staging-db readwrite 1h to see").await;
    bot.presses("bob", "jit_approve").await;
    let before = times_recorded(&bot);
    bot.presses("bob", "jit_approve").await;
    assert_eq!(times_recorded(&bot), before);
    let card = bot.card();
    assert!(
        card.buttons().contains(&"Approve".to_owned()),
        "carol is asked"
    );
}

#[tokio::test]
async fn a_card_gets_its_buttons_back_where_the_decision_came_to_nothing() {
    let bot = asked("request staging-db readwrite 1h to see").await;
    // Another policy is adopted between the look and the lock: Bob's word is not taken.
    let stricter = POLICY.replace("count: 2, nudge: 15m", "count: 2, nudge: 16m");
    let source = jitbot::policy::Source {
        name: "access.yaml".into(),
        text: stricter,
    };
    let policy = jitbot::policy::Policy::from_sources(vec![source]).unwrap();
    let card = bot.card();
    let slack = &bot.house.slack;
    slack.fault(Fault::once("chat.update", FaultKind::Delay { millis: 400 }));
    slack
        .click("bob", &card.channel, &card.ts, "jit_approve")
        .await
        .unwrap();
    let recording = slack.wait_for(
        |slack| {
            slack.messages("access-requests")[0]
                .plain()
                .contains("Recording")
        },
        super::bot::SOON,
    );
    assert!(recording.await);
    bot.house.engine.adopt(policy).await.unwrap();
    bot.settle().await;
    let card = bot.card();
    assert!(!card.plain().contains("Recording"), "{}", card.plain());
    assert!(card.buttons().contains(&"Approve".to_owned()));
    assert_eq!(bot.approvals().await, 0, "{}", bot.told("bob"));
    bot.presses("bob", "jit_approve").await;
    assert_eq!(bot.approvals().await, 1, "{}", bot.told("bob"));
}

#[tokio::test]
async fn a_copy_stays_doubtful_while_another_click_on_it_is_recorded() {
    let bot = asked("request staging-db readwrite 1h to see").await;
    let (card, request) = (bot.card(), bot.last_request().await);
    let (engine, at) = (&bot.house.engine, (card.channel.as_str(), card.ts.as_str()));
    let first = engine.recording(at.0, at.1).await.unwrap().unwrap();
    bot.house.pass(TimeDelta::seconds(1));
    let second = engine.recording(at.0, at.1).await.unwrap().unwrap();
    let words = jitbot::slack::view::Content::line("⏳ Recording Carol Chen's approval…");
    let slack = &bot.house.worker.slack;

    // The first click comes to its end, in either way; the process of the second one dies.
    engine.recorded(at, first).await.unwrap();
    engine
        .show_again(request.id, at, Some(first))
        .await
        .unwrap();
    bot.settle().await;
    slack.update(at.0, at.1, &words).await.unwrap();
    assert!(bot.card().plain().contains("Recording"));
    bot.house.pass(TimeDelta::seconds(16));
    bot.settle().await;
    assert!(bot.card().plain().contains("wants readwrite"));

    // Its own end is the end of it.
    let third = engine.recording(at.0, at.1).await.unwrap().unwrap();
    assert!(second < third);
    engine.recorded(at, third).await.unwrap();
    bot.house.pass(TimeDelta::seconds(16));
    assert_eq!(engine.show_doubtful_again().await.unwrap(), 0);
}

#[tokio::test]
async fn what_a_crash_left_recording_is_shown_afresh() {
    let bot = asked("request staging-db readonly 1h to see").await;
    let card = bot.card();
    // The process dies after the copy was taken over and before the engine was asked.
    let engine = &bot.house.engine;
    let since = engine.recording(&card.channel, &card.ts).await.unwrap();
    assert!(since.is_some());
    let request = bot.last_request().await;
    let words = jitbot::slack::view::Content::line("⏳ Recording Bob Brown's approval…");
    let slack = &bot.house.worker.slack;
    slack.update(&card.channel, &card.ts, &words).await.unwrap();
    bot.settle().await;
    assert!(bot.card().plain().contains("Recording"), "not for a moment");
    bot.house.pass(TimeDelta::seconds(16));
    bot.settle().await;
    assert!(bot.card().plain().contains("wants readonly"));
    assert!(bot.card().buttons().contains(&"Approve".to_owned()));
    bot.presses("bob", "jit_approve").await;
    let request = bot.house.request(request.id).await;
    let active = matches!(&request.state, RequestState::Approved { grant, .. }
        if matches!(grant.state, GrantState::Active { .. }));
    assert!(active);
}

#[tokio::test]
async fn a_recording_that_arrives_late_is_overwritten_by_the_outcome() {
    let bot = asked("request staging-db readonly 1h to see").await;
    let slack = &bot.house.slack;
    // Slack takes it, and never says so.
    slack.fault(Fault::once("chat.update", FaultKind::DoneThenHang));
    bot.presses("bob", "jit_approve").await;
    assert!(
        bot.card().plain().contains("Active until"),
        "it waits for nothing"
    );
    // It arrives once more after the outcome, as over a slow way.
    let card = bot.card();
    let words = jitbot::slack::view::Content::line("⏳ Recording Bob Brown's approval…");
    let client = &bot.house.worker.slack;
    client
        .update(&card.channel, &card.ts, &words)
        .await
        .unwrap();
    bot.house.pass(TimeDelta::seconds(31));
    bot.settle().await;
    let card = bot.card().plain();
    assert!(card.contains("Active until"), "{card}");
}

#[tokio::test]
async fn a_click_of_who_may_decide_shows_while_they_are_read_that_it_is_recorded() {
    let bot = asked("request staging-db readonly 1h to see").await;
    let (slack, card) = (&bot.house.slack, bot.card());
    // Who could decide was read when they were asked. Reading them afresh takes for ever.
    slack.fault(Fault::once("users.info", FaultKind::Hang));
    let clicking = slack.click("bob", &card.channel, &card.ts, "jit_approve");
    assert!(clicking.await.unwrap().in_time());
    let recording = |slack: &Sandbox| {
        let card = slack.message(&card.channel, &card.ts);
        card.is_some_and(|card| card.plain().contains("Recording"))
    };
    assert!(slack.wait_for(recording, SOON).await);
    bot.settle().await;
    assert_eq!(
        bot.approvals().await,
        0,
        "what was read before decides nothing"
    );
    let card = bot.card().plain();
    assert!(
        card.contains("[Approve]") && !card.contains("Recording"),
        "{card}"
    );
    bot.presses("bob", "jit_approve").await;
    assert_eq!(bot.approvals().await, 1);
}

#[tokio::test]
async fn a_dialog_of_who_may_decide_shows_while_they_are_read_that_it_is_recorded() {
    let bot = asked("request staging-db readonly 1h to see").await;
    let slack = &bot.house.slack;
    let because = || SubmitValues::new().with("jit_why_text", "looks fine, a little less");
    for (button, act) in [
        ("jit_deny", "denial"),
        ("jit_review", "approval"),
        ("jit_revoke", "revocation"),
    ] {
        bot.presses("bob", button).await;
        // Whoever sends it was read just now. Reading them afresh takes for ever.
        slack.fault(Fault::once("users.info", FaultKind::Hang));
        let recording = |slack: &Sandbox| {
            let card = slack.messages("access-requests").pop();
            card.is_some_and(|card| {
                card.plain()
                    .contains(&format!("Recording Bob Brown's {act}"))
            })
        };
        let showing = slack.wait_for(recording, SOON);
        let (reply, shown) = tokio::join!(slack.submit("bob", because()), showing);
        assert!(reply.unwrap().in_time());
        assert!(shown, "{button}: {}", bot.card().plain());
        bot.settle().await;
        let card = bot.card().plain();
        assert!(!card.contains("Recording"), "nothing came of it: {card}");
        slack.heal();
        if button == "jit_review" {
            assert_eq!(
                bot.approvals().await,
                0,
                "what was read before decides nothing"
            );
            bot.presses("bob", "jit_approve").await;
        }
    }
    let request = bot.last_request().await;
    assert!(
        request.grant().is_some_and(|grant| !grant.state.is_over()),
        "{request:?}"
    );
}

#[tokio::test]
async fn a_click_in_app_home_takes_the_buttons_off_the_card_in_the_channel() {
    let bot = asked("request staging-db readonly 1h to see").await;
    let slack = &bot.house.slack;
    assert!(slack.open_home("bob").await.unwrap().in_time());
    bot.settle().await;
    assert!(
        slack
            .click_home("bob", "jit_approve")
            .await
            .unwrap()
            .in_time()
    );
    bot.settle().await;
    assert_eq!(times_recorded(&bot), 1, "{:?}", shown(&bot));
    assert_eq!(bot.approvals().await, 1);
    assert!(!bot.card().plain().contains("[Approve]"));
}

#[tokio::test]
async fn slack_that_cannot_show_it_holds_up_no_decision() {
    for kind in [
        FaultKind::RateLimited { retry_after: 1 },
        FaultKind::Status { status: 500 },
        FaultKind::Error {
            error: "cant_update_message".into(),
        },
    ] {
        let bot = asked("request staging-db readonly 1h to see").await;
        bot.house.slack.fault(Fault::once("chat.update", kind));
        bot.presses("bob", "jit_approve").await;
        let request = bot.last_request().await;
        assert!(request.grant().is_some(), "{}", bot.told("bob"));
    }
}

// -- every copy converges --

#[tokio::test]
async fn every_copy_of_a_card_converges_whichever_was_clicked() {
    let bot = open().await;
    bot.house.slack.archive("access-requests").unwrap();
    bot.types("dana", "request staging-db readonly 1h to see")
        .await;
    let slack = &bot.house.slack;
    let copies = || {
        let mut copies = slack.messages("access-fallback");
        for who in ["bob", "carol"] {
            copies.extend(slack.dms(who));
        }
        let copies = copies.into_iter();
        copies
            .filter(|copy| copy.plain().contains("staging-db for 1h"))
            .collect::<Vec<Message>>()
    };
    let before = copies();
    assert_eq!(before.len(), 3);
    assert!(
        before
            .iter()
            .all(|copy| copy.buttons().contains(&"Why me?".to_owned()))
    );
    let own = before.iter().find(|copy| copy.channel.starts_with('D'));
    let own = own.expect("a copy in somebody's messages");
    let who = if slack.dm_channel("bob").as_deref() == Some(&own.channel) {
        "bob"
    } else {
        "carol"
    };
    slack
        .click(who, &own.channel, &own.ts, "jit_approve")
        .await
        .unwrap();
    bot.settle().await;
    let after = copies();
    assert_eq!(after.len(), 3);
    for copy in after {
        assert!(copy.plain().contains("Active until"), "{}", copy.plain());
        assert!(!copy.buttons().contains(&"Approve".to_owned()));
    }
}

// -- who is reminded --

#[tokio::test]
async fn a_reminder_mentions_only_those_who_can_still_act() {
    let bot = asked("request staging-db readwrite 1h to see").await;
    bot.presses("bob", "jit_approve").await;
    passes(&bot, 16).await;
    let card = bot.card();
    let thread = bot.house.slack.thread("access-requests", &card.ts);
    let nudge = thread
        .iter()
        .find(|reply| reply.plain().contains("still waits"));
    let nudge = nudge.expect("a reminder").plain();
    assert!(nudge.contains("@carol"), "{nudge}");
    assert!(
        !nudge.contains("@bob") && !nudge.contains("@lee"),
        "{nudge}"
    );
}

#[tokio::test]
async fn a_reminder_mentions_nobody_who_has_left_since() {
    let bot = asked("request staging-db readwrite 1h to see").await;
    let gone = |carol: &mut jitbot::sandbox::User| carol.deleted = true;
    bot.house.slack.change_user("carol", gone).unwrap();
    let carol = bot.house.slack.user("carol").unwrap();
    bot.house.worker.directory.forget(&carol.id);
    passes(&bot, 16).await;
    let thread = bot.house.slack.thread("access-requests", &bot.card().ts);
    let nudge = thread
        .iter()
        .find(|reply| reply.plain().contains("still waits"));
    let nudge = nudge.expect("a reminder").plain();
    assert!(
        nudge.contains("@bob") && !nudge.contains("@carol"),
        "{nudge}"
    );
}

#[tokio::test]
async fn the_next_step_mentions_nobody_who_has_left_since() {
    let policy = POLICY.replace(
        "leads: { members: [lee@acme.example] }",
        "leads: { members: [lee@acme.example, erin@acme.example] }",
    );
    let bot = Bot::under(&policy, None).await;
    bot.asked("request orders-db readonly 1h to see").await;
    let gone = |erin: &mut jitbot::sandbox::User| erin.deleted = true;
    bot.house.slack.change_user("erin", gone).unwrap();
    let erin = bot.house.slack.user("erin").unwrap();
    bot.house.worker.directory.forget(&erin.id);
    bot.presses("bob", "jit_approve").await;
    let story = bot.house.story();
    assert!(story.contains("one person of *leads*: @lee"), "{story}");
    assert!(!story.contains("@erin"), "{story}");
}

#[tokio::test]
async fn whoever_asked_can_cancel_in_the_message_that_they_got() {
    let bot = asked("request staging-db readonly 1h to see").await;
    let slack = &bot.house.slack;
    let told = slack.dms("dana").pop().expect("a message");
    assert_eq!(told.buttons(), ["Cancel request"]);
    for _ in 0..2 {
        let pressing = slack.click("dana", &told.channel, &told.ts, "jit_withdraw");
        assert!(pressing.await.unwrap().in_time());
        bot.settle().await;
    }
    let request = bot.last_request().await;
    assert!(matches!(request.state, RequestState::Cancelled { .. }));
    assert!(
        bot.told("dana").contains("already cancelled"),
        "{}",
        bot.told("dana")
    );
    let still = slack.dms("dana").remove(0).plain();
    assert!(
        still.contains("Request #1"),
        "no card stands in its place: {still}"
    );
}
