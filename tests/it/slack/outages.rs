//! What becomes of people who ask while a source of groups is down: nobody gets anything that they
//! would not get while it is there.

use chrono::TimeDelta;
use jitbot::domain::{Ask, GrantState, Refusal, Request, RequestState, Route};
use jitbot::policy::{Policy, Source};
use jitbot::sandbox::{Fault, FaultKind};
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
