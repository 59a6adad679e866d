//! What a policy can mean, asked for in chat: starts, extensions, others, bundles, break-glass,
//! limits, defaults.

use chrono::TimeDelta;
use jitbot::domain::{GrantState, Request, RequestState, RevokeCause, Route};
use jitbot::policy::{Policy, Source};
use jitbot::sandbox::{Fault, FaultKind};

use super::bot::Bot;
use crate::harness::target::Next;

/// A policy that means all of it.
const POLICY: &str = r##"
version: 1
defaults:
  timezone: Europe/Berlin
  channel: "#access-requests"
  fallback_channel: "#access-fallback"
  start_within: 1h
  admins: [platform]
groups:
  dba: { members: [bob@acme.example, carol@acme.example, dana@acme.example, erin@acme.example] }
  leads: { members: [lee@acme.example, dana@acme.example] }
  engineers: { members: [dana@acme.example, erin@acme.example] }
  platform: { members: [lee@acme.example] }
connectors:
  staging: { kind: webhook, url: "https://target.example/jit", secret: { env: NEVER_READ } }
resources:
  staging-db:
    connector: staging
    roles: { readonly: app_ro, readwrite: app_rw, fixed: app_fixed }
    default_role: readonly
  open-db: { connector: staging, roles: { readonly: app_ro } }
  orders-db: { connector: staging, roles: { readonly: app_ro } }
bundles:
  oncall-kit:
    description: What a shift needs
    access: [{ resource: staging-db, role: readonly }, { resource: orders-db }]
  whole-kit:
    description: Too much for a shift
    access: [{ resource: staging-db, role: readonly }, { resource: open-db }]
rules:
  - name: a little reading by itself
    match: { resources: [open-db] }
    decision: approve
    require: { max_duration: 1h, start: { latest: 1d } }
    limits: { uses: 2, per: 7d }
  - name: more reading by review
    match: { resources: [open-db] }
    decision: review
    require: { max_duration: 1h }
    steps: [{ from: [leads] }]
  - name: reading
    match: { resources: [staging-db], roles: [readonly] }
    decision: review
    require:
      max_duration: 2h
      default_duration: 45m
      start: { latest: 7d }
      extend: { max: 2, by: 30m, total: 2h }
    steps: [{ from: [dba] }]
  - name: writing begins at once
    match: { resources: [staging-db], roles: [readwrite] }
    decision: review
    require: { max_duration: 2h }
    steps: [{ from: [dba], count: 2 }]
  - name: fixed never lasts longer
    match: { resources: [staging-db], roles: [fixed] }
    decision: review
    require: { durations: [30m], extend: { max: 0 } }
    steps: [{ from: [dba] }]
  - name: orders
    match: { resources: [orders-db] }
    decision: review
    require: { max_duration: 2h }
    steps: [{ from: [dba] }]
    break_glass: { who: [engineers], max_duration: 30m, review_within: 24h, review_by: [leads] }
"##;

/// The policy with a rule before all others.
fn with_rule(rule: &str) -> Policy {
    policy(&POLICY.replace("rules:\n", &format!("rules:\n{rule}\n")))
}

fn policy(text: &str) -> Policy {
    let (name, text) = ("access.yaml".into(), text.into());
    Policy::from_sources(vec![Source { name, text }])
        .unwrap_or_else(|faults| panic!("{}", faults.render(false)))
}

const NOBODY_READS: &str = "  - name: nobody reads any more
    match: { resources: [staging-db], requester_in: [engineers] }
    decision: deny
    message: The staging database is closed.";

async fn bot() -> Bot {
    Bot::under(POLICY, None).await
}

fn grant(request: &Request) -> &GrantState {
    let grant = request
        .grant()
        .unwrap_or_else(|| panic!("{:?}", request.state));
    &grant.state
}

fn is_active(request: &Request) -> bool {
    matches!(grant(request), GrantState::Active { .. })
}

async fn numbered(bot: &Bot, number: i64) -> Request {
    let found = bot.house.engine.store().request_by_number(number).await;
    found.unwrap().unwrap()
}

/// What dana or another was told directly, the whole of it.
fn dms(bot: &Bot, user: &str) -> String {
    let dms = bot.house.slack.dms(user);
    let plain = dms.iter().map(jitbot::sandbox::Message::plain);
    plain.collect::<Vec<_>>().join("\n")
}

fn why_unstarted(request: &Request) -> String {
    match grant(request) {
        GrantState::Revoked {
            cause: RevokeCause::Unstarted { why },
            ..
        } => why.clone(),
        other => panic!("{other:?}"),
    }
}

/// Reading that dana asked for from 22:00 in Berlin, approved by bob.
async fn scheduled() -> Bot {
    let bot = bot().await;
    let told = bot
        .types("dana", "request staging-db readonly 1h from 22:00 INC-1")
        .await;
    assert!(told.contains("21:00 UTC"), "said back: {told}");
    bot.presses("bob", "jit_approve").await;
    let request = bot.last_request().await;
    assert!(matches!(grant(&request), GrantState::Scheduled { .. }));
    assert_eq!(request.reason, "INC-1");
    bot
}

#[tokio::test]
async fn access_begins_at_its_start_and_not_before() {
    let bot = scheduled().await;
    let told = bot.types("dana", "active").await;
    assert!(told.contains("begins") && told.contains("21:00"), "{told}");
    bot.house.pass(TimeDelta::hours(12) - TimeDelta::seconds(1));
    bot.settle().await;
    assert!(bot.house.target.is_empty());
    bot.house.pass(TimeDelta::seconds(1));
    bot.settle().await;
    let request = bot.last_request().await;
    assert!(is_active(&request), "{:?}", request.state);
    let until = bot.house.target.holds(&request.access).unwrap();
    assert_eq!(until.to_rfc3339(), "2027-03-01T22:00:00+00:00");
    bot.house.pass(TimeDelta::hours(1));
    bot.settle().await;
    assert!(bot.house.target.is_empty());
}

#[tokio::test]
async fn a_start_is_meant_in_the_zone_of_whoever_asks() {
    let bot = bot().await;
    // Ten in Berlin is eighteen in Tokyo: nine o'clock has passed there.
    for (user, start) in [
        ("carol", "2027-03-02T00:00:00+00:00"),
        ("dana", "2027-03-02T08:00:00+00:00"),
    ] {
        bot.types(user, "request staging-db 1h from 9:00 INC-1")
            .await;
        let start_at = bot.last_request().await.terms.start.unwrap();
        assert_eq!(start_at.to_rfc3339(), start, "{user}");
    }
}

#[tokio::test]
async fn who_may_not_have_it_any_more_does_not_get_it_at_the_start() {
    let bot = scheduled().await;
    bot.house
        .engine
        .adopt(with_rule(NOBODY_READS))
        .await
        .unwrap();
    bot.house.pass(TimeDelta::hours(12));
    bot.settle().await;
    let why = why_unstarted(&bot.last_request().await);
    assert!(why.contains("The staging database is closed"), "{why}");
    assert!(bot.house.target.is_empty());
    let told = dms(&bot, "dana");
    assert!(told.contains("The staging database is closed"), "{told}");
}

#[tokio::test]
async fn who_has_left_does_not_get_it_at_the_start() {
    let bot = scheduled().await;
    bot.house.slack.deactivate("dana").unwrap();
    bot.house.pass(TimeDelta::hours(12));
    bot.settle().await;
    let why = why_unstarted(&bot.last_request().await);
    assert!(why.contains("deactivated"), "{why}");
}

#[tokio::test]
async fn an_approval_lapses_while_nobody_knows_who_the_holder_is() {
    let bot = scheduled().await;
    let down = FaultKind::Status { status: 503 };
    bot.house
        .slack
        .fault(Fault::times("users.info", u32::MAX, down));
    bot.house.pass(TimeDelta::hours(12));
    bot.settle().await;
    let waits = bot.last_request().await;
    assert!(matches!(grant(&waits), GrantState::Scheduled { .. }));
    bot.house.pass(TimeDelta::hours(1));
    bot.settle().await;
    let why = why_unstarted(&bot.last_request().await);
    assert!(why.contains("lapsed unused"), "{why}");
    assert!(bot.house.target.is_empty());
}

#[tokio::test]
async fn a_directory_that_comes_back_in_time_lets_it_begin() {
    let bot = scheduled().await;
    let down = FaultKind::Status { status: 503 };
    bot.house
        .slack
        .fault(Fault::times("users.info", u32::MAX, down));
    bot.house.pass(TimeDelta::hours(12));
    bot.settle().await;
    bot.house.slack.heal();
    bot.house.pass(TimeDelta::minutes(10));
    bot.settle().await;
    assert!(is_active(&bot.last_request().await));
}

#[tokio::test]
async fn what_waits_for_its_start_can_be_withdrawn() {
    for typed in ["cancel", "done", "cancel #1", "done staging-db"] {
        let bot = scheduled().await;
        let told = bot.types("dana", typed).await;
        assert!(told.contains("withdrawn"), "{typed}: {told}");
        let request = bot.last_request().await;
        assert!(matches!(grant(&request), GrantState::Revoked { .. }));
        bot.house.pass(TimeDelta::hours(13));
        bot.settle().await;
        assert!(bot.house.target.calls().is_empty(), "{typed}");
    }
    let bot = scheduled().await;
    let told = bot.types("carol", "revoke #1 no window tonight").await;
    assert!(told.contains("withdrawn"), "{told}");
}

#[tokio::test]
async fn starts_that_cannot_be_are_refused_with_what_can() {
    let bot = bot().await;
    for (typed, answer) in [
        ("request staging-db 1h from today 9:00", "in the past"),
        ("request staging-db 1h from 2027-02-01 9:00", "in the past"),
        ("request staging-db 1h from 2027-03-20 9:00", "at most 7d"),
        ("request staging-db readwrite 1h from 22:00", "at once"),
        ("request staging-db 1h from 25:00", "25:00"),
        ("request staging-db 1h from tomorrow", "From what time"),
        (
            "request orders-db 10m from 22:00 --break-glass it burns",
            "reak-glass",
        ),
        ("request staging-db 1h for @erni INC-1", "cannot tell who"),
    ] {
        let told = bot.types("dana", typed).await;
        assert!(told.contains(answer), "{typed}: {told}");
    }
    let requests = bot.house.engine.store().all_requests().await.unwrap();
    assert!(requests.is_empty());
}

#[tokio::test]
async fn the_rule_says_how_long_where_nobody_does() {
    let bot = bot().await;
    let told = bot
        .types("dana", "request staging-db INC-1 stuck orders")
        .await;
    assert!(told.contains("45m"), "{told}");
    let request = bot.last_request().await;
    assert_eq!(request.terms.duration.to_string(), "45m");
    assert_eq!(request.reason, "INC-1 stuck orders", "no role of that name");
    for (typed, answer) in [
        ("request orders-db", "For how long"),
        ("request staging-db readonyl", "no role"),
        ("request staging-db fixed 1h", "30m"),
    ] {
        let told = bot.is_answered("dana", typed).await;
        assert!(told.contains(answer), "{typed}: {told}");
    }
}

#[tokio::test]
async fn extensions_are_counted_and_capped() {
    let bot = bot().await;
    bot.asked("request staging-db readonly 1h INC-1").await;
    bot.presses("bob", "jit_approve").await;
    let refused = |told: String, answer: &str| assert!(told.contains(answer), "{told}");
    refused(bot.types("dana", "extend staging-db 1h more").await, "30m");
    bot.asked("extend staging-db 30m more").await;
    bot.presses("bob", "jit_approve").await;
    // By its number, as well as by its name.
    bot.asked("extend #2 15m more").await;
    bot.presses("bob", "jit_approve").await;
    let third = bot.last_request().await;
    assert!(third.extends.is_some() && is_active(&third));
    let until = bot.house.target.holds(&third.access).unwrap();
    assert_eq!(until.to_rfc3339(), "2027-03-01T10:45:00+00:00", "no gap");
    refused(bot.types("dana", "extend staging-db 10m").await, "2 times");

    bot.asked("request staging-db fixed 30m INC-2").await;
    bot.presses("bob", "jit_approve").await;
    let told = bot.types("dana", "extend staging-db fixed 10m").await;
    refused(told, "does not let access be extended");
    let told = bot.types("dana", "extend staging-db 10m from 22:00").await;
    refused(told, "begins where the access ends");
}

#[tokio::test]
async fn the_whole_time_of_an_extended_access_is_capped() {
    let bot = bot().await;
    bot.asked("request staging-db readonly 2h INC-1").await;
    bot.presses("bob", "jit_approve").await;
    let told = bot.types("dana", "extend staging-db 30m more").await;
    assert!(told.contains("whole time"), "{told}");
}

#[tokio::test]
async fn the_time_before_a_start_that_lay_ahead_is_no_part_of_the_whole() {
    let bot = bot().await;
    bot.asked("request staging-db readonly 1h in 13h INC-1")
        .await;
    bot.presses("bob", "jit_approve").await;
    bot.house.pass(TimeDelta::hours(13));
    bot.settle().await;
    assert!(is_active(&bot.last_request().await));
    bot.house.pass(TimeDelta::minutes(30));
    bot.settle().await;
    for more in ["extend staging-db 30m more", "extend #2 30m more"] {
        bot.asked(more).await;
        bot.presses("bob", "jit_approve").await;
        assert!(is_active(&bot.last_request().await), "{more}");
    }
    let request = bot.last_request().await;
    let until = bot.house.target.holds(&request.access).unwrap();
    assert_eq!(
        until - bot.house.clock.now(),
        TimeDelta::minutes(90),
        "two hours in all, of which half an hour is over"
    );
}

#[tokio::test]
async fn asking_for_somebody_else_gives_it_to_them_and_lets_neither_approve() {
    let bot = bot().await;
    let told = bot
        .types(
            "dana",
            "request staging-db 1h for @erin INC-1 she is on call",
        )
        .await;
    assert!(told.contains("for @erin"), "{told}");
    let request = bot.last_request().await;
    let (dana, erin) = (bot.house.id("dana"), bot.house.id("erin"));
    assert_eq!((request.requester, request.access.person), (dana, erin));
    for own in ["dana", "erin"] {
        bot.presses(own, "jit_approve").await;
        assert!(bot.told(own).contains("your own"), "{}", bot.told(own));
    }
    assert_eq!(bot.approvals().await, 0);
    bot.presses("bob", "jit_approve").await;
    assert!(is_active(&bot.last_request().await));
    let buttons = |user| {
        let dms = bot.house.slack.dms(user);
        dms.iter()
            .any(|dm| dm.buttons().contains(&"Get credentials".into()))
    };
    assert!(buttons("erin") && !buttons("dana"), "{}", dms(&bot, "dana"));
    let told = bot.types("dana", "extend staging-db 10m").await;
    assert!(told.contains("no such access"), "not hers: {told}");
    let told = bot
        .types("dana", "request staging-db 1h for me INC-2")
        .await;
    assert!(!told.contains("for @dana"), "{told}");
    assert_eq!(bot.last_request().await.requester, dana);
}

#[tokio::test]
async fn who_asked_first_for_somebody_does_not_approve_more_time_either() {
    let bot = bot().await;
    bot.types(
        "bob",
        "request staging-db 30m for @erin INC-1 she is on call",
    )
    .await;
    bot.presses("carol", "jit_approve").await;
    assert!(is_active(&bot.last_request().await));
    for more in ["extend staging-db 10m INC-1", "extend #2 5m INC-1"] {
        let told = bot.types("erin", more).await;
        assert!(told.contains("I asked"), "{told}");
        let request = bot.last_request().await;
        assert_eq!(request.terms.barred, [bot.house.id("bob")], "{more}");
        for own in ["erin", "bob"] {
            bot.presses(own, "jit_approve").await;
        }
        assert_eq!(bot.approvals().await, 0);
        let told = bot.told("bob");
        assert!(
            told.contains("asked for the access that this prolongs"),
            "{told}"
        );
        bot.presses("bob", "jit_deny").await;
        assert!(
            bot.house.slack.modal("bob").is_none(),
            "no dialog to deny in"
        );
        bot.presses("carol", "jit_approve").await;
        assert!(is_active(&bot.last_request().await));
    }
}

#[tokio::test]
async fn nobody_gets_access_for_somebody_else_without_being_asked() {
    let bot = bot().await;
    bot.types("bob", "request open-db 1h for @erin INC-1").await;
    let request = bot.last_request().await;
    assert_eq!(request.terms.rule.as_str(), "more reading by review");
    let glass = "request orders-db 10m for @erin --break-glass it burns";
    let told = bot.types("dana", glass).await;
    assert!(told.contains("reak-glass"), "{told}");
    for (user, answer) in [("jitbot", "cannot hold access"), ("nobody", "cannot tell")] {
        let typed = format!("request staging-db 1h for @{user} INC-1");
        let told = bot.types("dana", &typed).await;
        assert!(told.contains(answer), "{user}: {told}");
    }
}

#[tokio::test]
async fn a_bundle_is_asked_at_once_and_a_part_that_failed_is_tried_again() {
    let bot = bot().await;
    let told = bot.types("dana", "request oncall-kit 1h my shift").await;
    for part in ["#1", "#2", "staging-db", "orders-db"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(bot.house.slack.messages("access-requests").len(), 1);
    bot.house.target.next([Next::Rejects]);
    bot.presses("bob", "jit_approve").await;
    let (first, second) = (numbered(&bot, 1).await, numbered(&bot, 2).await);
    let (failed, given) = match grant(&first) {
        GrantState::Failed { .. } => (first, second),
        _ => (second, first),
    };
    assert!(matches!(grant(&failed), GrantState::Failed { .. }));
    assert!(is_active(&given), "{:?}", given.state);
    let retry = format!("retry #{}", failed.number);
    let told = bot.types("gus", &retry).await;
    assert!(told.contains("Guests cannot decide"), "{told}");
    let told = bot.types("dana", &retry).await;
    assert!(told.contains("try again"), "{told}");
    let repaired = numbered(&bot, failed.number).await;
    assert!(is_active(&repaired), "{:?}", repaired.state);
    assert!(bot.house.target.holds(&repaired.access).is_some());
    let told = bot.types("dana", &retry).await;
    assert!(told.contains("did not fail"), "{told}");
}

#[tokio::test]
async fn one_part_that_is_refused_refuses_the_bundle_by_name() {
    let bot = bot().await;
    let told = bot.types("dana", "request whole-kit 2h my shift").await;
    assert!(told.contains("open-db") && told.contains("1h"), "{told}");
    let told = bot
        .types("dana", "request oncall-kit readonly 1h shift")
        .await;
    assert!(told.contains("leave the role out"), "{told}");
    let requests = bot.house.engine.store().all_requests().await.unwrap();
    assert!(requests.is_empty());
    let told = bot.types("dana", "explain whole-kit 2h").await;
    assert!(told.contains("would be refused"), "{told}");
    assert!(told.contains("You may ask"), "of the other part: {told}");
}

#[tokio::test]
async fn a_later_policy_looks_at_each_part_of_a_bundle() {
    let bot = bot().await;
    bot.types("dana", "request oncall-kit 1h my shift").await;
    let closed = NOBODY_READS.replace("staging-db", "orders-db");
    bot.house.engine.adopt(with_rule(&closed)).await.unwrap();
    bot.presses("bob", "jit_approve").await;
    assert!(is_active(&numbered(&bot, 1).await));
    let second = numbered(&bot, 2).await;
    let over = matches!(second.state, RequestState::Overruled { .. });
    assert!(over, "{:?}", second.state);
}

#[tokio::test]
async fn break_glass_is_given_at_once_and_looked_at_afterwards() {
    let bot = bot().await;
    for (user, typed, answer) in [
        ("dana", "break-glass orders-db 30m", "emergency"),
        ("dana", "break-glass orders-db 1h it burns", "30m"),
        ("bob", "break-glass orders-db 30m it burns", "reak-glass"),
        ("dana", "break-glass staging-db 30m it burns", "reak-glass"),
    ] {
        let told = bot.is_answered(user, typed).await.to_lowercase();
        assert!(told.contains(answer), "{user} {typed}: {told}");
    }
    let told = bot.types("dana", "explain break-glass orders-db 30m it burns");
    assert!(told.await.contains("given at once"));
    let told = bot.types("dana", "request orders-db 30m it burns --break-glass");
    let told = told.await;
    assert!(told.contains("break-glass"), "{told}");
    let request = bot.last_request().await;
    assert!(is_active(&request));
    assert_eq!(request.reason, "it burns");
    assert!(matches!(request.terms.route, Route::BreakGlass(_)));
    let review = format!("review #{} ok, it did burn", request.number);
    for (user, answer) in [
        ("dana", "your own request"),
        ("bob", "Only"),
        ("lee", "on record"),
        ("lee", "reviewed this already"),
    ] {
        let told = bot.types(user, &review).await;
        assert!(told.contains(answer), "{user}: {told}");
    }
    let done = bot.last_request().await.review().unwrap().done.clone();
    let done = done.unwrap();
    assert!(done.justified && done.by == bot.house.id("lee"));
    assert_eq!(done.note, "it did burn");
}

#[tokio::test]
async fn a_finding_against_it_says_why() {
    let bot = bot().await;
    bot.types("erin", "break-glass orders-db 30m it burns")
        .await;
    let told = bot.types("lee", "review #1 not ok").await;
    assert!(told.contains("say why"), "{told}");
    bot.types("lee", "review #1 not ok: nothing burned").await;
    let review = bot.last_request().await;
    let done = review.review().unwrap().done.clone().unwrap();
    assert!(!done.justified);
}

#[tokio::test]
async fn a_rule_approves_by_itself_within_its_limits() {
    let bot = bot().await;
    for number in 1..=2 {
        let told = bot.types("dana", "request open-db 1h to see").await;
        assert!(told.contains("approved by its rule"), "{number}: {told}");
        bot.types("dana", "done").await;
    }
    let told = bot.types("dana", "request open-db 1h to see").await;
    assert!(told.contains("I asked"), "a third time: {told}");
    let request = bot.last_request().await;
    assert_eq!(request.terms.rule.as_str(), "more reading by review");
    let told = bot.types("dana", "explain open-db 1h").await;
    assert!(told.contains("a little reading by itself"), "{told}");
    bot.house.pass(TimeDelta::days(8));
    let told = bot.types("dana", "request open-db 1h to see").await;
    assert!(told.contains("approved by its rule"), "{told}");
}

#[tokio::test]
async fn admins_take_away_what_nobody_approved() {
    let bot = bot().await;
    bot.types("dana", "request open-db 1h to see").await;
    assert!(is_active(&bot.last_request().await));
    let told = bot.types("bob", "revoke #1 an audit").await;
    assert!(told.contains("platform"), "{told}");
    let told = bot.types("lee", "revoke #1 an audit").await;
    assert!(told.contains("being taken away"), "{told}");
    assert!(matches!(
        grant(&bot.last_request().await),
        GrantState::Revoked { .. }
    ));
    assert!(bot.house.target.is_empty());
}
