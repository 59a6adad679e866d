//! Nobody waits for what nobody could finish: people are counted over all steps, when it is asked and
//! when a later policy asks more.

use jitbot::domain::{GrantState, RequestState};
use jitbot::policy::{Policy, Source};
use jitbot::sandbox::Message;

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
        told.contains("it needs 2 different people of dba or seniors")
            && told.contains("there is 1"),
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

const ONE_STEP: &str = "steps: [{ from: [dba] }]";
const STEPS: &str = "steps: [{ from: [dba] }, { from: [seniors] }]";

/// The policy with other steps.
fn asking(steps: &str) -> String {
    assert!(POLICY.contains(STEPS));
    POLICY.replace(STEPS, steps)
}

async fn adopts(bot: &Bot, text: String) {
    let name = "access.yaml".to_owned();
    let policy = Policy::from_sources(vec![Source { name, text }]);
    let policy = policy.unwrap_or_else(|faults| panic!("{}", faults.render(false)));
    bot.house.engine.adopt(policy).await.unwrap();
}

#[tokio::test]
async fn who_is_asked_in_addition_is_called_for_at_once() {
    let bot = Bot::under(&asking(ONE_STEP), None).await;
    bot.asked("request staging-db 1h to see").await;
    let leads = "steps: [{ from: [dba] }, { from: [leads] }]";
    adopts(&bot, asking(leads)).await;
    bot.presses("bob", "jit_approve").await;
    let story = bot.house.story();
    assert!(
        story.contains("now I ask one person of *leads*: @lee"),
        "{story}"
    );
    bot.presses("lee", "jit_approve").await;
    assert!(is_active(&bot).await, "{}", bot.told("lee"));
}

#[tokio::test]
async fn what_nobody_could_finish_by_now_is_over_and_says_why() {
    let bot = Bot::under(&asking(ONE_STEP), None).await;
    bot.asked("request staging-db 1h to see").await;
    // Of the two in the group, dana may not decide on what is her own.
    adopts(&bot, asking("steps: [{ from: [dba], count: 2 }]")).await;
    bot.presses("bob", "jit_approve").await;
    let request = bot.last_request().await;
    assert!(
        matches!(request.state, RequestState::Overruled { .. }),
        "{:?}",
        request.state
    );
    let dms = bot.house.slack.dms("dana");
    let dms: Vec<String> = dms.iter().map(Message::plain).collect();
    for told in [bot.told("bob"), bot.house.story(), dms.join("\n")] {
        assert!(
            told.contains("it needs 2 different people of dba"),
            "{told}"
        );
    }
    assert!(bot.house.target.calls().is_empty());
}
