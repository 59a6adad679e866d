//! What becomes of people who ask while a source of groups is down: nobody gets anything that they
//! would not get while it is there.

use std::time::Duration;

use chrono::TimeDelta;
use jitbot::domain::{Ask, GrantState, Refusal, Request, RequestState, Route};
use jitbot::policy::{Policy, Source};
use jitbot::sandbox::{Fault, FaultKind, User, Usergroup};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::bot::Bot;
use super::sources::{SECRET, Secret, TOKEN, crm, members, on_call, oncall};

const ASK: &str = "request staging-db readonly 1h to see";

/// A policy with these groups and rules, one of whose databases everybody asks the leads for.
fn policy(groups: &str, rules: &str) -> String {
    format!(
        r##"
version: 1
defaults: {{ channel: "#access-requests", fallback_channel: "#access-fallback" }}
groups:
  leads: {{ members: [lee@acme.example] }}
  sre: {{ members: [dana@acme.example, erin@acme.example] }}
{groups}
connectors:
  staging: {{ kind: webhook, url: "https://target.example/jit", secret: {{ env: NEVER_READ }} }}
resources:
  staging-db: {{ connector: staging, roles: {{ readonly: app_ro }} }}
rules:
{rules}
  - name: reading
    match: {{ resources: [staging-db] }}
    decision: review
    steps: [{{ from: [leads], count: 1 }}]
"##
    )
}

/// A source that answers so.
async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    answers(&server, answer).await;
    server
}

async fn answers(server: &MockServer, answer: ResponseTemplate) {
    server.reset().await;
    Mock::given(any()).respond_with(answer).mount(server).await;
}

fn down() -> ResponseTemplate {
    ResponseTemplate::new(500)
}

/// Whoever is on call needs nobody.
const ON_CALL: &str = "  - name: on call
    match: { resources: [staging-db] }
    decision: approve
    limits: { on_call: [oncall] }";

#[tokio::test]
async fn nobody_is_on_call_because_they_are_in_the_fallback() {
    let token = Secret::new(TOKEN);
    for answer in [down(), on_call(&[], false)] {
        let server = answering(answer).await;
        let groups = oncall(&server, &token, ", fallback: sre");
        let bot = Bot::under(&policy(&groups, ON_CALL), None).await;
        let request = bot.asked(ASK).await;
        assert!(
            matches!(request.terms.route, Route::Steps(_)),
            "{request:?}"
        );
        assert!(matches!(request.state, RequestState::Pending { .. }));
        // Once the source says so it is by itself.
        answers(&server, on_call(&["dana@acme.example"], false)).await;
        bot.types("dana", ASK).await;
        let request = bot.last_request().await;
        let route = &request.terms.route;
        assert!(matches!(route, Route::Automatic { .. }), "{request:?}");
    }
}

#[tokio::test]
async fn a_schedule_that_hangs_leaves_its_fallback_time_to_be_asked() {
    let hangs = on_call(&["dana@acme.example"], false).set_delay(Duration::from_mins(1));
    let (server, token) = (answering(hangs).await, Secret::new(TOKEN));
    let groups = format!(
        "{}\n{GROUP}",
        oncall(&server, &token, ", fallback: approvers")
    );
    let text = policy(&groups, ON_CALL).replace("from: [leads]", "from: [oncall]");
    let bot = Bot::under(&text, None).await;
    let told = bot.is_answered("dana", ASK).await;
    assert!(told.contains("I asked"), "{told}");
    let request = bot.last_request().await;
    assert!(matches!(request.terms.route, Route::Steps(_)));
    assert!(
        bot.card().plain().contains("@bob"),
        "{}",
        bot.card().plain()
    );
}

#[tokio::test]
async fn a_list_says_what_it_could_not_find_out() {
    let rule = "  - name: reading by them
    match: { resources: [staging-db], requester_in: [approvers] }
    decision: review
    steps: [{ from: [leads] }]";
    let text = policy(GROUP, rule);
    let (only, _) = text.rsplit_once("  - name: reading\n").unwrap();
    let bot = Bot::under(only, None).await;
    falls(&bot);
    let told = bot.types("dana", "list").await;
    assert!(
        told.contains("could not read who is in *approvers*"),
        "{told}"
    );
    assert!(!told.contains("nothing that you may ask for"), "{told}");
    bot.house.slack.heal();
    let told = bot.types("dana", "list").await;
    assert!(told.contains("nothing that you may ask for"), "{told}");

    let bot = Bot::under(&text, None).await;
    falls(&bot);
    let told = bot.types("dana", "list").await;
    assert!(
        told.contains("could not read who is in *approvers*"),
        "{told}"
    );
    assert!(told.contains("staging-db"), "{told}");
    bot.house.slack.heal();
    let told = bot.types("dana", "list").await;
    assert!(!told.contains("could not read"), "{told}");
}

#[tokio::test]
async fn a_rule_for_a_group_is_not_for_its_fallback() {
    let (server, token) = (answering(down()).await, Secret::new(TOKEN));
    let groups = oncall(&server, &token, ", fallback: sre");
    let rule = "  - name: on call
    match: { resources: [staging-db], requester_in: [oncall] }
    decision: approve";
    let bot = Bot::under(&policy(&groups, rule), None).await;
    let told = bot.types("dana", ASK).await;
    assert!(told.contains("could not read who is in"), "{told}");
    assert!(bot.house.slack.messages("access-requests").is_empty());
    answers(&server, on_call(&[], false)).await;
    let request = bot.asked(ASK).await;
    assert_eq!(request.terms.rule.as_str(), "reading", "nobody is on call");
}

#[tokio::test]
async fn who_is_denied_is_not_let_in_by_a_fallback() {
    let (server, secret) = (answering(down()).await, Secret::new(SECRET));
    let groups = crm(&server.uri(), &secret);
    let groups = groups.strip_suffix(" }").unwrap();
    let groups = format!("{groups}, fallback: leads }}");
    let rule = "  - name: not for them
    match: { resources: [staging-db], requester_in: [crm] }
    decision: deny
    message: Please ask your host.";
    let bot = Bot::under(&policy(&groups, rule), None).await;
    let told = bot.types("dana", ASK).await;
    assert!(told.contains("ask your host"), "{told}");
    assert!(bot.house.slack.messages("access-requests").is_empty());
    answers(&server, members(&["lee@acme.example"])).await;
    bot.asked(ASK).await;
}

#[tokio::test]
async fn nobody_breaks_the_glass_because_they_are_in_the_fallback() {
    let (server, token) = (answering(down()).await, Secret::new(TOKEN));
    let groups = oncall(&server, &token, ", fallback: sre");
    let steps = "steps: [{ from: [leads], count: 1 }]";
    let glass =
        "break_glass: { who: [oncall], max_duration: 1h, review_within: 24h, review_by: [leads] }";
    let text = policy(&groups, "").replace(steps, &format!("{steps}\n    {glass}"));
    let bot = Bot::under(&text, None).await;
    let ask = "break-glass staging-db readonly 30m the site is down";
    let told = bot.types("dana", ask).await;
    assert!(told.contains("could not read who is in"), "{told}");
    answers(&server, on_call(&[], false)).await;
    let told = bot.types("dana", ask).await;
    assert!(told.contains("is for oncall only"), "{told}");
    answers(&server, on_call(&["dana@acme.example"], false)).await;
    bot.types("dana", ask).await;
    let request = bot.last_request().await;
    assert!(matches!(request.terms.route, Route::BreakGlass(_)));
}

// -- what was approved, or waits, while a source is down: an outage ends nothing for good --

/// A user group of Slack, in the place of a schedule.
const GROUP: &str = "  approvers: { slack_usergroup: S0APPROVERS }";

const DENIES: &str = "  - name: not for them
    match: { requester_in: [approvers] }
    decision: deny
    message: frozen";
const LOOKS: &str = "  - name: looking at groups
    match: {}
    when: \"'approvers' in requester.groups && request.duration > duration('10h')\"
    require: { max_duration: 12h }
    decision: review
    steps: [{ from: [sre] }]";
const ITSELF: &str = "  - name: on call
    match: { resources: [staging-db] }
    decision: approve
    require: { start: { latest: 7d } }
    limits: { on_call: [approvers] }";

/// The policy with these rules, by which access may begin later.
fn later(rules: &str) -> String {
    let last = "    match: { resources: [staging-db] }\n    decision: review\n";
    let start = "    require: { start: { latest: 7d } }\n";
    let text = policy(GROUP, rules);
    let (head, tail) = text.rsplit_once(last).unwrap();
    format!("{head}{last}{start}{tail}")
}

fn read(text: &str) -> Policy {
    let (name, text) = ("access.yaml".into(), text.into());
    Policy::from_sources(vec![Source { name, text }])
        .unwrap_or_else(|faults| panic!("{}", faults.render(false)))
}

fn falls(bot: &Bot) {
    let fault = FaultKind::Status { status: 500 };
    let slack = &bot.house.slack;
    slack.fault(Fault::times("usergroups.users.list", u32::MAX, fault));
}

/// What dana asked for from 22:00 of her own clock, approved by lee unless it is by itself.
async fn scheduled(rules: &str) -> Bot {
    let bot = Bot::under(&later(rules), None).await;
    if rules == ITSELF {
        let slack = &bot.house.slack;
        slack.set_group("approvers", &["dana"]).unwrap();
    }
    let ask = "request staging-db readonly 1h from 22:00 to see";
    bot.types("dana", ask).await;
    if rules != ITSELF {
        bot.presses("lee", "jit_approve").await;
    }
    let request = bot.last_request().await;
    assert!(is_scheduled(&request), "{:?}", request.state);
    bot
}

fn is_scheduled(request: &Request) -> bool {
    let grant = request.grant().map(|grant| &grant.state);
    matches!(grant, Some(GrantState::Scheduled { .. }))
}

fn is_active(request: &Request) -> bool {
    let grant = request.grant().map(|grant| &grant.state);
    matches!(grant, Some(GrantState::Active { .. }))
}

#[tokio::test]
async fn a_start_waits_until_the_outage_is_over() {
    for rules in [DENIES, LOOKS, ITSELF] {
        let bot = scheduled(rules).await;
        falls(&bot);
        bot.house.pass(TimeDelta::hours(12));
        bot.settle().await;
        let waits = bot.last_request().await;
        assert!(is_scheduled(&waits), "{rules}: {:?}", waits.state);
        bot.house.slack.heal();
        bot.house.pass(TimeDelta::minutes(1));
        bot.settle().await;
        let begun = bot.last_request().await;
        assert!(is_active(&begun), "{rules}: {:?}", begun.state);
    }
}

#[tokio::test]
async fn a_start_lapses_where_the_outage_is_longer_than_the_approval() {
    let bot = scheduled(DENIES).await;
    falls(&bot);
    bot.house.pass(TimeDelta::hours(12));
    bot.settle().await;
    bot.house.pass(TimeDelta::hours(48));
    bot.settle().await;
    let request = bot.last_request().await;
    let state = format!("{:?}", request.state);
    assert!(state.contains("lapsed unused"), "{state}");
    assert!(bot.house.target.is_empty());
}

#[tokio::test]
async fn a_start_is_not_decided_by_what_was_read_for_another_policy() {
    let bot = scheduled(DENIES).await;
    let (engine, request) = (&bot.house.engine, bot.last_request().await);
    bot.house.pass(TimeDelta::hours(12));
    let dana = bot.house.person("dana").await;
    let ask = Ask::of(dana, "staging-db");
    let stale = engine.start(request.id, "another", &ask).await;
    let stale = stale.unwrap_err().to_string();
    assert_eq!(
        stale,
        Refusal::NotDue.to_string(),
        "the next sweep tries again"
    );
    assert!(is_scheduled(&bot.last_request().await));
    bot.house.pass(TimeDelta::hours(48));
    engine.start(request.id, "another", &ask).await.unwrap();
    let state = format!("{:?}", bot.last_request().await.state);
    assert!(state.contains("lapsed unused"), "{state}");
}

#[tokio::test]
async fn an_outage_at_a_click_neither_ends_nor_tightens_what_waits() {
    // By the last, whoever is not on call needs two steps.
    let two = "\n  - name: two steps
    match: { resources: [staging-db] }
    decision: review
    when: \"request.duration < duration('10h')\"
    steps: [{ from: [leads], count: 1 }, { from: [leads, sre], count: 1 }]";
    let steps = format!("{ITSELF}{two}");
    for rules in [DENIES, LOOKS, steps.as_str()] {
        let bot = Bot::under(&later(""), None).await;
        let asked = bot.asked(ASK).await;
        let slack = &bot.house.slack;
        if rules == steps {
            slack.set_group("approvers", &["dana"]).unwrap();
        }
        let next = read(&later(rules));
        assert!(bot.house.engine.adopt(next).await.unwrap());
        falls(&bot);
        bot.presses("lee", "jit_approve").await;
        let told = bot.told("lee");
        assert!(told.contains("could not read who is in"), "{rules}: {told}");
        let waits = bot.last_request().await;
        assert!(matches!(waits.state, RequestState::Pending { .. }));
        assert_eq!(waits.terms, asked.terms, "{rules}");
        slack.heal();
        bot.presses("lee", "jit_approve").await;
        let request = bot.last_request().await;
        assert!(is_active(&request), "{rules}: {:?}", request.state);
    }
}

// -- Slack itself is slow to say who somebody is --

/// Longer than everything together may take that one act reads, and no longer than a call may take: so
/// Slack does answer, and too late.
const TOO_LONG: FaultKind = FaultKind::Delay { millis: 2_600 };
/// Two of these are too long together.
const HALF: FaultKind = FaultKind::Delay { millis: 1_400 };

/// A policy in which more people are asked than have been read before.
fn asking(groups: &str) -> String {
    policy(
        "  dba: { members: [bob@acme.example, carol@acme.example] }",
        "",
    )
    .replace("from: [leads]", groups)
}

fn slow(bot: &Bot, method: &str, kind: FaultKind) {
    let slack = &bot.house.slack;
    slack.fault(Fault::times(method, u32::MAX, kind));
}

#[tokio::test]
async fn whoever_asks_is_told_in_time_that_slack_does_not_say_who_could_approve() {
    let bot = Bot::under(&asking("from: [dba]"), None).await;
    for kind in [TOO_LONG, FaultKind::Hang] {
        slow(&bot, "users.lookupByEmail", kind);
        let told = bot.types("dana", ASK).await;
        assert!(told.contains("could not read who is in dba"), "{told}");
        assert!(told.contains("try again"), "{told}");
        assert!(bot.house.slack.messages("access-requests").is_empty());
        bot.house.slack.heal();
    }
    bot.asked(ASK).await;
}

#[tokio::test]
async fn all_that_slack_is_slow_with_shares_the_time_of_an_act() {
    let bot = Bot::under(&asking("from: [dba]"), None).await;
    slow(&bot, "users.info", HALF);
    slow(&bot, "users.lookupByEmail", HALF);
    // Dana is read, and there is not time enough for who could approve.
    let told = bot.is_answered("dana", ASK).await;
    assert!(told.contains("could not read who is in dba"), "{told}");
    // By now she is known, and it is.
    bot.asked(ASK).await;
}

#[tokio::test]
async fn an_approver_is_told_in_time_that_slack_does_not_say_who_they_are() {
    let bot = Bot::under(&asking("from: [dba]"), None).await;
    bot.asked(ASK).await;
    for kind in [TOO_LONG, FaultKind::Hang] {
        slow(&bot, "users.info", kind);
        bot.presses("bob", "jit_approve").await;
        let told = bot.told("bob");
        assert!(told.contains("could not read who is in dba"), "{told}");
        assert_eq!(bot.approvals().await, 0);
        bot.house.slack.heal();
    }
    bot.presses("bob", "jit_approve").await;
    assert!(is_active(&bot.last_request().await));
}

#[tokio::test]
async fn after_a_reload_too_an_approver_is_told_in_time_what_slack_does_not_say() {
    let bot = Bot::under(&asking("from: [dba]"), None).await;
    let asked = bot.asked(ASK).await;
    let next = "from: [dba], count: 1 }, { from: [leads]";
    assert!(bot.house.engine.adopt(read(&asking(next))).await.unwrap());
    // Who is asked in addition was never read, and what is read before it takes its time as well.
    for (info, lookup) in [
        (None, TOO_LONG),
        (None, FaultKind::Hang),
        (Some(HALF), HALF),
    ] {
        if let Some(kind) = info {
            slow(&bot, "users.info", kind);
        }
        slow(&bot, "users.lookupByEmail", lookup);
        bot.presses("bob", "jit_approve").await;
        let told = bot.told("bob");
        assert!(told.contains("could not read who is in dba"), "{told}");
        let waits = bot.last_request().await;
        assert_eq!(waits.terms, asked.terms, "nothing was decided");
        assert_eq!(bot.approvals().await, 0);
        bot.house.slack.heal();
    }
    bot.presses("bob", "jit_approve").await;
    bot.presses("lee", "jit_approve").await;
    assert!(is_active(&bot.last_request().await));
}

// -- what is told --

#[tokio::test]
async fn the_parts_of_a_bundle_wait_once_for_who_is_called_for() {
    let steps = "steps: [{ from: [approvers], nudge: 15m }]";
    let roles = "roles: { readonly: app_ro, writing: app_rw }";
    let bundle = "bundles:
  kit:
    access: [{ resource: staging-db, role: readonly }, { resource: staging-db, role: writing }]
rules:\n";
    let text = policy(GROUP, "")
        .replace("steps: [{ from: [leads], count: 1 }]", steps)
        .replace("roles: { readonly: app_ro }", roles)
        .replace("rules:\n", bundle);
    let bot = Bot::under(&text, None).await;
    bot.asked("request kit 1h to see").await;
    let slack = &bot.house.slack;
    slack.fault(Fault::times("users.info", u32::MAX, FaultKind::Hang));
    let before = slack.calls_to("users.info").len();
    bot.house.pass(TimeDelta::minutes(16));
    bot.settle().await;
    let story = bot.house.story();
    assert!(story.contains("@bob"), "whoever was known: {story}");
    let asked = slack.calls_to("users.info").len() - before;
    assert_eq!(asked, 2, "bob and carol, once for both parts");
}

#[tokio::test]
async fn everybody_who_was_skipped_is_told_however_many_they_are() {
    let (bot, names) = glass_is_broken("approvers", "leads").await;
    let slack = &bot.house.slack;
    for name in &names {
        let told = slack.dms(name);
        assert_eq!(told.len(), 1, "{name}");
        assert!(told[0].plain().contains("without asking"), "{name}");
    }
    // They are told once, and it goes on saying why.
    bot.house.pass(TimeDelta::minutes(31));
    bot.settle().await;
    for name in &names {
        let told = slack.dms(name);
        assert_eq!(told.len(), 1, "{name}");
        assert!(told[0].plain().contains("without asking"), "{name}");
    }
}

#[tokio::test]
async fn whoever_was_skipped_is_told_once_their_group_can_be_read_again() {
    let (bot, names) = department("approvers", "leads").await;
    let slack = &bot.house.slack;
    slack
        .slash("dana", "general", "/jit", BREAKS)
        .await
        .unwrap();
    bot.hears().await;
    // Whoever tells them has not read the group yet, and cannot for a while.
    falls(&bot);
    bot.settle().await;
    let told = names.iter().filter(|name| !slack.dms(name).is_empty());
    assert_eq!(told.count(), 40, "whoever was known when it was asked");
    slack.heal();
    bot.house.pass(TimeDelta::minutes(10));
    bot.settle().await;
    for name in &names {
        assert_eq!(slack.dms(name).len(), 1, "{name}");
    }
}

#[tokio::test]
async fn everybody_who_may_look_at_it_afterwards_has_the_card_for_it() {
    let (bot, names) = glass_is_broken("leads", "approvers").await;
    for passes in [0, 31] {
        bot.house.pass(TimeDelta::minutes(passes));
        bot.settle().await;
        for name in &names {
            let told = bot.house.slack.dms(name);
            assert_eq!(told.len(), 1, "{name}");
            let card = told[0].plain();
            assert!(card.contains("Review until"), "{name}: {card}");
        }
    }
}

const BREAKS: &str = "break-glass staging-db readonly 30m the site is down";

/// Dana breaks the glass in such a house.
async fn glass_is_broken(asked: &str, review: &str) -> (Bot, Vec<String>) {
    let (bot, names) = department(asked, review).await;
    bot.types("dana", BREAKS).await;
    (bot, names)
}

/// A house where one group would be asked and one looks afterwards at what was taken without asking,
/// one of which is read elsewhere and holds sixty people besides dana; with their names.
async fn department(asked: &str, review: &str) -> (Bot, Vec<String>) {
    let steps = "steps: [{ from: [leads], count: 1 }]";
    let glass = format!(
        "steps: [{{ from: [{asked}] }}]
    break_glass: {{ who: [sre], max_duration: 1h, review_within: 24h, review_by: [{review}] }}"
    );
    let bot = Bot::under(&policy(GROUP, "").replace(steps, &glass), None).await;
    let slack = &bot.house.slack;
    let mut users: Vec<String> = vec!["U0DANA".into()];
    for number in 100..160 {
        let id = format!("U0A{number}");
        slack.add_user(User {
            id: id.clone(),
            name: id.to_lowercase(),
            team_id: "T0ACME".into(),
            ..User::default()
        });
        users.push(id);
    }
    let names = users.iter().skip(1).map(|id| id.to_lowercase()).collect();
    slack.set_usergroup(Usergroup {
        id: "S0APPROVERS".to_owned(),
        name: "Everybody".into(),
        handle: "everybody".into(),
        users,
        disabled: false,
    });
    (bot, names)
}

// -- Slack answers in words that nobody knows --

#[tokio::test]
async fn the_admins_hear_what_slack_answers_in_unknown_words_while_somebody_waits() {
    let text = policy(GROUP, "")
        .replace("defaults: {", "defaults: { admin_channel: \"#general\",")
        .replace("from: [leads]", "from: [approvers]");
    let bot = Bot::under(&text, None).await;
    let slack = &bot.house.slack;
    let error = "flux_inverted".to_owned();
    let strange = FaultKind::Error { error };
    let refused = |method: &str| Fault::times(method, u32::MAX, strange.clone());
    slack.fault(refused("usergroups.users.list"));
    let told = bot.types("dana", ASK).await;
    assert!(
        told.contains("could not read who is in approvers"),
        "{told}"
    );
    bot.types("dana", ASK).await;
    bot.house.slack.heal();
    bot.asked(ASK).await;
    slack.fault(refused("views.open"));
    bot.presses("bob", "jit_deny").await;
    let told = bot.told("bob");
    assert!(told.contains("Pressing again will not help"), "{told}");
    assert!(told.contains("reference"), "{told}");
    bot.house.worker.sweep().await.unwrap();
    bot.settle().await;
    let told = slack.messages("general");
    let told: Vec<String> = told.iter().map(jitbot::sandbox::Message::plain).collect();
    for method in ["usergroups.users.list", "views.open"] {
        let about = told.iter().filter(|told| told.contains(method));
        assert_eq!(about.count(), 1, "once for each: {told:#?}");
    }
}
