//! Nobody waits for what nobody could finish: people are counted over all steps, when it is asked and
//! when a later policy asks more.

use jitbot::domain::GrantState;

use super::bot::Bot;

const POLICY: &str = r##"
version: 1
defaults:
  channel: "#access-requests"
  fallback_channel: "#access-fallback"
groups:
  dba: { members: [bob@acme.example, dana@acme.example] }
  seniors: { members: [bob@acme.example] }
  leads: { members: [lee@acme.example] }
connectors:
  staging: { kind: webhook, url: "https://target.example/jit", secret: { env: NEVER_READ } }
resources:
  staging-db: { connector: staging, roles: { readonly: app_ro } }
rules:
  - name: reading
    match: { resources: [staging-db] }
    decision: review
    require: { max_duration: 4h }
    steps: [{ from: [dba] }, { from: [seniors] }]
"##;

async fn is_active(bot: &Bot) -> bool {
    let request = bot.last_request().await;
    matches!(
        request.grant().map(|grant| &grant.state),
        Some(GrantState::Active { .. })
    )
}

#[tokio::test]
async fn steps_that_one_person_alone_could_finish_are_refused_at_once() {
    let bot = Bot::under(POLICY, None).await;
    // Besides dana only bob is in both groups, and nobody approves twice.
    let told = bot.types("dana", "request staging-db 1h to see").await;
    assert!(
        told.contains("it needs 2 of dba or seniors") && told.contains("there is 1"),
        "{told}"
    );
    let slack = &bot.house.slack;
    assert!(slack.messages("access-requests").is_empty());
    let requests = bot.house.engine.store().all_requests().await.unwrap();
    assert!(requests.is_empty(), "{requests:?}");

    // For erin, dana takes the first step and bob the second.
    let told = bot.types("erin", "request staging-db 1h to see").await;
    assert!(told.contains("I asked"), "{told}");
    bot.presses("dana", "jit_approve").await;
    bot.presses("bob", "jit_approve").await;
    assert!(is_active(&bot).await, "{}", bot.told("bob"));
}
