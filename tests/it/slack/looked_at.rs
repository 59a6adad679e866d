//! Nobody decides on what they have not seen: what changed while we read who they are stays undecided.

use jitbot::sandbox::{Fault, FaultKind, SubmitOutcome, SubmitValues};

use super::bot::{Bot, SOON};

/// Bob has a say in both steps.
const POLICY: &str = r##"
version: 1
defaults:
  channel: "#access-requests"
  fallback_channel: "#access-fallback"
groups:
  dba: { members: [bob@acme.example, carol@acme.example] }
  leads: { members: [bob@acme.example, lee@acme.example] }
connectors:
  staging: { kind: webhook, url: "https://target.example/jit", secret: { env: NEVER_READ } }
resources:
  staging-db: { connector: staging, roles: { readonly: app_ro } }
rules:
  - name: reading
    match: { resources: [staging-db] }
    decision: review
    steps: [{ from: [dba] }, { from: [leads] }]
"##;

async fn asked() -> Bot {
    let bot = Bot::under(POLICY, None).await;
    bot.asked("request staging-db 1h to see").await;
    bot
}

/// Carol finishes the first step while Slack takes its time to say who Bob is.
async fn carol_is_faster(bot: &Bot, before: usize) {
    let slack = &bot.house.slack;
    let reading = |slack: &jitbot::sandbox::Sandbox| before < slack.calls_to("users.info").len();
    assert!(slack.wait_for(reading, SOON).await);
    let id = bot.last_request().await.id;
    bot.house.approve("carol", id).await.unwrap();
}

/// The next answer about a person takes long; how many there were before.
fn slowly(bot: &Bot) -> usize {
    let slack = &bot.house.slack;
    let delay = FaultKind::Delay { millis: 1_500 };
    slack.fault(Fault::once("users.info", delay));
    slack.calls_to("users.info").len()
}

#[tokio::test]
async fn a_dialog_decides_nothing_that_has_changed_while_it_was_read_who_sent_it() {
    let bot = asked().await;
    bot.presses("bob", "jit_review").await;
    let before = slowly(&bot);
    let sending = bot.house.slack.submit("bob", SubmitValues::new());
    let (sent, ()) = tokio::join!(sending, carol_is_faster(&bot, before));
    assert_eq!(sent.unwrap().outcome, SubmitOutcome::Updated);
    bot.settle().await;
    let dialog = bot.house.slack.modal("bob").unwrap().plain();
    assert!(
        dialog.contains("look again") && dialog.contains("has changed"),
        "{dialog}"
    );
    assert_eq!(bot.approvals().await, 1, "carol's alone");

    // Now that he can see it, he decides on the second step.
    bot.house.slack.clear_modals("bob").await.unwrap();
    bot.presses("bob", "jit_approve").await;
    assert_eq!(bot.approvals().await, 2, "{}", bot.told("bob"));
}

#[tokio::test]
async fn a_click_decides_nothing_that_has_changed_while_it_was_read_who_clicked() {
    let bot = asked().await;
    let card = bot.card();
    let before = slowly(&bot);
    let slack = &bot.house.slack;
    let clicking = slack.click("bob", &card.channel, &card.ts, "jit_approve");
    let (clicked, ()) = tokio::join!(clicking, carol_is_faster(&bot, before));
    clicked.unwrap();
    bot.settle().await;
    assert!(
        bot.told("bob").contains("has changed"),
        "{}",
        bot.told("bob")
    );
    assert_eq!(bot.approvals().await, 1, "carol's alone");
    bot.presses("bob", "jit_approve").await;
    assert_eq!(bot.approvals().await, 2, "{}", bot.told("bob"));
}
