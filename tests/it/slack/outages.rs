//! What becomes of people who ask while a source of groups is down: nobody gets anything that they
//! would not get while it is there.

use jitbot::domain::{RequestState, Route};
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
