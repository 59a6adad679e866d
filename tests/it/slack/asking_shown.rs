//! What a form shows is what happens: who decides, who is called, and which message goes along.

use chrono::TimeDelta;
use jitbot::domain::{RequestState, Route};
use jitbot::sandbox::{Message, SubmitOutcome, SubmitValues};
use serde_json::Value;

use super::asking_modal::{
    POLICY, asked, because, bot, button, chooses, dms, enters, form, holds, page, presses, sends,
};
use super::bot::Bot;

/// Rules that look at the reason and the ticket, at who asks for whom, and at the hour.
async fn watchful() -> Bot {
    let policy = POLICY
        .replace(
            "groups:\n",
            "groups:
  pair: { members: [dana@acme.example, carol@acme.example] }
  night: { members: [lee@acme.example] }
",
        )
        .replace(
            "  vault: {",
            "  pair-db: { connector: staging, roles: { readonly: app_ro } }
  night-db: { connector: staging, roles: { readonly: app_ro } }
  books-db: { connector: staging, roles: { viewer: app_ro, writer: app_rw }, default_role: viewer }
  vault: {",
        )
        .replace(
            "rules:\n",
            "rules:
  - name: drills
    match: { resources: [orders-db] }
    when: request.reason.contains('drill')
    decision: review
    require: { max_duration: 2h }
    steps: [{ from: [leads] }]
  - name: the great incident
    match: { resources: [staging-db], roles: [readwrite] }
    when: request.ticket == 'INC-9'
    decision: review
    require: { durations: [30m, 1h], ticket: { pattern: 'INC-\\d+' } }
    steps: [{ from: [leads] }]
  - name: in pairs
    match: { resources: [pair-db] }
    decision: review
    require: { max_duration: 2h, extend: { max: 2, by: 1h } }
    steps: [{ from: [pair] }]
  - name: by day and by night
    match: { resources: [night-db] }
    decision: review
    require: { max_duration: 2h }
    steps:
      - from: [dba]
        quiet: { hours: '20:00-08:00', fallback: [night] }
  - name: books
    match: { resources: [books-db] }
    decision: review
    require: { max_duration: 2h }
    steps: [{ from: [dba], ping: [pair] }]
",
        );
    Bot::under(&policy, None).await
}

#[tokio::test]
async fn what_is_asked_again_brings_its_ticket_along() {
    let bot = bot().await;
    bot.types("dana", "request staging-db readwrite 30m INC-7 stuck")
        .await;
    bot.house.clock.advance(TimeDelta::hours(9));
    bot.house.worker.sweep().await.unwrap();
    bot.settle().await;
    let last = dms(&bot, "dana").pop().unwrap();
    let place = (last.channel.clone(), last.ts.clone());
    presses(&bot, "dana", &place, "jit_ask_again").await;
    let view = form(&bot, "dana");
    assert_eq!(holds(&view, "jit_ask_ticket"), "INC-7");
    assert_eq!(holds(&view, "jit_ask_reason"), "INC-7 stuck");
    let reply = sends(&bot, "dana", SubmitValues::new()).await;
    assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
    assert_eq!(bot.last_request().await.reason, "INC-7 stuck");
    assert_eq!(asked(&bot).await, 2);
}

#[tokio::test]
async fn a_ticket_that_changes_who_decides_is_looked_at_once_it_is_entered() {
    let bot = watchful().await;
    bot.types("dana", "").await;
    chooses(&bot, "dana", "staging-db").await;
    enters(&bot, "dana", "jit_ask_role", "readwrite").await;
    assert!(page(&form(&bot, "dana")).contains("Rule writing"));
    enters(&bot, "dana", "jit_ask_ticket", "INC-9").await;
    let said = page(&form(&bot, "dana"));
    assert!(said.contains("Rule the great incident"), "{said}");
    let reply = sends(&bot, "dana", because("it is great")).await;
    assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
    assert_eq!(asked(&bot).await, 1);
}

#[tokio::test]
async fn nothing_goes_to_others_than_the_form_has_shown() {
    let bot = watchful().await;
    bot.types("dana", "").await;
    chooses(&bot, "dana", "orders-db").await;
    assert!(page(&form(&bot, "dana")).contains("one person of dba"));
    let reply = sends(&bot, "dana", because("only a drill")).await;
    assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
    let view = form(&bot, "dana");
    let said = page(&view);
    assert!(
        said.contains("This now asks one person of leads, by rule drills"),
        "{said}"
    );
    assert!(said.contains("@lee"), "{said}");
    assert_eq!(holds(&view, "jit_ask_reason"), "only a drill");
    assert_eq!(asked(&bot).await, 0, "nothing was sent");
    let reply = sends(&bot, "dana", SubmitValues::new()).await;
    assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
    let request = bot.last_request().await;
    assert_eq!(request.terms.rule.as_str(), "drills");
}

#[tokio::test]
async fn a_role_that_is_not_there_makes_room_for_the_usual_one() {
    let bot = watchful().await;
    bot.types("dana", "").await;
    chooses(&bot, "dana", "staging-db").await;
    enters(&bot, "dana", "jit_ask_role", "readwrite").await;
    chooses(&bot, "dana", "books-db").await;
    let view = form(&bot, "dana");
    assert_eq!(holds(&view, "jit_ask_role"), "viewer");
    assert!(page(&view).contains("Rule books"), "{}", page(&view));
    // Whoever is called need not be whoever decides.
    assert!(page(&view).contains("Called: @carol."), "{}", page(&view));
}

#[tokio::test]
async fn who_asked_first_is_not_shown_as_one_who_decides_on_more_time() {
    let bot = watchful().await;
    bot.types("dana", "request pair-db 1h for <@U0ERIN|erin> to see")
        .await;
    bot.presses("carol", "jit_approve").await;
    let active: Message = dms(&bot, "erin").pop().unwrap();
    let place = (active.channel.clone(), active.ts.clone());
    presses(&bot, "erin", &place, "jit_extend").await;
    let said = page(&form(&bot, "erin"));
    assert!(said.contains("@carol") && !said.contains("@dana"), "{said}");
    let reply = sends(&bot, "erin", because("still looking")).await;
    assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
    assert_eq!(asked(&bot).await, 2);
}

#[tokio::test]
async fn in_quiet_hours_the_form_says_who_is_called_instead() {
    let bot = watchful().await;
    // It is ten in the morning in Berlin, when it is night where Bob is; then eleven in the evening.
    for (hours, called) in [(0, "Called: @carol."), (13, "night may decide as well")] {
        bot.house.clock.advance(TimeDelta::hours(hours));
        let place = button(&bot, "jit_ask", "night-db").await;
        presses(&bot, "dana", &place, "jit_ask").await;
        let said = page(&form(&bot, "dana"));
        assert!(
            said.contains("one person of dba") && said.contains(called),
            "{said}"
        );
        assert_eq!(said.contains("@lee"), 0 < hours, "{said}");
        bot.house.slack.close_modal("dana").await.unwrap();
    }
}

#[tokio::test]
async fn the_link_of_a_message_goes_along_where_the_bot_sees_nothing() {
    let bot = bot().await;
    let slack = &bot.house.slack;
    slack.close_off("general").unwrap();
    let root = slack.say("erin", "general", "orders are stuck", None);
    let root = root.unwrap();
    let below = slack.say("erin", "general", "since nine", Some(&root.ts));
    let below = below.unwrap();
    for message in [&root, &below] {
        let place = (message.channel.as_str(), message.ts.as_str());
        slack
            .message_shortcut("dana", place, "jit_ask_about")
            .await
            .unwrap();
        bot.settle().await;
        let said = page(&form(&bot, "dana"));
        assert!(said.contains("this message"), "{said}");
        chooses(&bot, "dana", "open-db").await;
        let reply = sends(&bot, "dana", because("to look")).await;
        assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
        let request = bot.last_request().await;
        let link = format!("/archives/{}/p{}", place.0, place.1.replace('.', ""));
        assert!(request.reason.contains(&link), "{}", request.reason);
        let thread = format!("?thread_ts={}&cid={}", root.ts, place.0);
        assert_eq!(
            request.reason.ends_with(&thread),
            message.ts == below.ts,
            "{}",
            request.reason
        );
        assert!(matches!(request.terms.route, Route::Automatic { .. }));
    }
}

#[tokio::test]
async fn where_there_is_no_link_the_form_says_so() {
    let bot = bot().await;
    let slack = &bot.house.slack;
    slack.shortcut("dana", "jit_ask_about").await.unwrap();
    bot.settle().await;
    let said = page(&form(&bot, "dana"));
    assert!(
        said.contains("could not take the link of that message along"),
        "{said}"
    );
}

#[tokio::test]
async fn app_home_has_a_button_that_asks() {
    let bot = bot().await;
    let slack = &bot.house.slack;
    assert!(slack.open_home("dana").await.unwrap().in_time());
    bot.settle().await;
    for (key, chosen) in [
        ("jit_ask", Value::Null),
        ("orders-db", "resource:orders-db".into()),
    ] {
        assert!(slack.click_home("dana", key).await.unwrap().in_time());
        bot.settle().await;
        let view = form(&bot, "dana");
        assert_eq!(view.callback_id(), "jit_ask_form");
        assert_eq!(holds(&view, "jit_ask_what"), chosen, "{key}");
        if key == "jit_ask" {
            slack.close_modal("dana").await.unwrap();
        }
    }
    enters(&bot, "dana", "jit_ask_time", "1800").await;
    let reply = sends(&bot, "dana", because("to see")).await;
    assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
    let request = bot.last_request().await;
    assert!(matches!(request.state, RequestState::Pending { .. }));
}

#[tokio::test]
async fn a_bundle_that_was_asked_for_lately_is_offered_first() {
    let bot = bot().await;
    bot.types("dana", "request open-db 30m to see").await;
    bot.house.clock.advance(TimeDelta::minutes(1));
    bot.types("dana", "request oncall-kit 1h my shift begins")
        .await;
    assert_eq!(asked(&bot).await, 3);
    bot.types("dana", "").await;
    let slack = &bot.house.slack;
    let found = slack.suggest("dana", "jit_ask_what", "").await.unwrap();
    let name = |option: &Value| option["text"]["text"].as_str().unwrap().to_owned();
    let found: Vec<String> = found.iter().map(name).collect();
    assert_eq!(found[0], "oncall-kit (bundle)", "{found:?}");
    assert_eq!(found[3], "open-db", "after its parts: {found:?}");
}

/// A rule by which one access a week is given by itself, and a bundle of two such.
async fn one_by_itself() -> Bot {
    let once = "rules:
  - name: one a week
    match: { resources: [one-db, two-db] }
    decision: approve
    require: { max_duration: 1h, reason: { pattern: '\\w{4,}' } }
    limits: { uses: 1, per: 7d }
  - name: more of them
    match: { resources: [one-db, two-db] }
    decision: review
    require: { max_duration: 1h, reason: { pattern: '\\w{4,}' } }
    steps: [{ from: [dba] }]
";
    let policy = POLICY
        .replace(
            "  vault: {",
            "  one-db: { connector: staging, roles: { readonly: app_ro } }
  two-db: { connector: staging, roles: { readonly: app_ro } }
  vault: {",
        )
        .replace(
            "bundles:\n",
            "bundles:
  pair-kit:
    description: Both of them
    access: [{ resource: one-db }, { resource: two-db }]
",
        )
        .replace("rules:\n", once);
    Bot::under(&policy, None).await
}

async fn one_of_each(bot: &Bot) {
    let store = bot.house.engine.store();
    let lead = bot.last_request().await;
    let parts = store.parts_of(lead.card()).await.unwrap();
    let routes: Vec<bool> = parts
        .iter()
        .map(|part| matches!(part.terms.route, Route::Automatic { .. }))
        .collect();
    assert_eq!(routes, [true, false], "{parts:#?}");
}

#[tokio::test]
async fn the_parts_of_a_bundle_count_each_other_before_it_is_sent() {
    let bot = one_by_itself().await;
    bot.types("dana", "").await;
    chooses(&bot, "dana", "pair-kit (bundle)").await;
    let said = page(&form(&bot, "dana"));
    assert_eq!(said.matches("Approved at once").count(), 1, "{said}");
    assert!(said.contains("one person of dba"), "{said}");
    let reply = sends(&bot, "dana", because("to look at both")).await;
    assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
    let said = page(&form(&bot, "dana"));
    assert!(!said.contains("look at it"), "as it was shown: {said}");
    one_of_each(&bot).await;

    let bot = one_by_itself().await;
    let told = bot
        .types("dana", "request pair-kit 1h to look at both")
        .await;
    assert!(!told.contains("Nobody could finish"), "{told}");
    one_of_each(&bot).await;
    assert!(
        bot.card().plain().contains("@bob"),
        "{}",
        bot.card().plain()
    );
}
