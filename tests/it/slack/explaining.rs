//! `/jit explain`: it says what a request would be told, and who stands behind it.

use super::bot::Bot;

const POLICY: &str = r##"
version: 1
defaults: { channel: "#access-requests" }
groups:
  dba: { members: [bob@acme.example, carol@acme.example] }
  leads: { members: [lee@acme.example, dana@acme.example] }
  chief: { members: [lee@acme.example] }
  engineers: { members: [dana@acme.example, erin@acme.example, bob@acme.example] }
connectors:
  staging: { kind: webhook, url: "https://target.example/jit", secret: { env: NEVER_READ } }
resources:
  staging-db: { connector: staging, roles: { readonly: app_ro } }
  orders-db: { connector: staging, roles: { readonly: app_ro } }
  ledger-db: { connector: staging, roles: { readonly: app_ro } }
bundles:
  kit: { access: [{ resource: staging-db }, { resource: orders-db }] }
rules:
  - name: staging
    match: { resources: [staging-db] }
    decision: review
    steps:
      - { from: [dba] }
      - { from: [leads], when: "request.duration > duration('1h')" }
    break_glass: { who: [engineers, chief], max_duration: 30m, review_by: [chief] }
  - name: orders by two
    match: { resources: [orders-db] }
    decision: review
    steps: [{ from: [dba], count: 2 }]
  - name: ledger
    match: { resources: [ledger-db] }
    require: { reason: "audit", ticket: "INC-[0-9]+" }
    decision: review
    steps: [{ from: [dba] }]
"##;

async fn bot() -> Bot {
    Bot::under(POLICY, None).await
}

async fn asked_nobody(bot: &Bot) {
    let requests = bot.house.engine.store().all_requests().await.unwrap();
    assert!(requests.is_empty());
}

#[tokio::test]
async fn explaining_says_where_too_few_could_approve_as_asking_does() {
    let bot = bot().await;
    let told = bot.types("bob", "explain orders-db 1h").await;
    assert!(told.contains("would be refused"), "{told}");
    assert!(told.contains("Nobody could finish this approval"), "{told}");
    assert!(told.contains("@carol"), "who is left is told: {told}");
    assert!(told.contains("orders by two"), "{told}");
    let told = bot.is_answered("bob", "request orders-db 1h to see").await;
    assert!(told.contains("Nobody could finish this approval"), "{told}");
    let told = bot.types("dana", "explain orders-db 1h").await;
    assert!(told.contains("You may ask"), "{told}");
    asked_nobody(&bot).await;
}

#[tokio::test]
async fn explaining_tells_of_steps_that_are_left_out_and_of_all_that_is_missing() {
    let bot = bot().await;
    let told = bot.types("dana", "explain staging-db 30m").await;
    assert!(told.contains("left out"), "{told}");
    assert!(told.contains("request.duration"), "{told}");
    let told = bot.types("dana", "explain staging-db 2h").await;
    assert!(
        !told.contains("left out") && told.contains("@lee"),
        "{told}"
    );
    let told = bot.types("dana", "explain ledger-db 1h").await;
    assert!(told.contains("would be refused"), "{told}");
    assert!(told.contains("missing as well"), "{told}");
    assert!(told.contains("ticket"), "{told}");
    asked_nobody(&bot).await;
}

#[tokio::test]
async fn each_part_of_a_bundle_is_explained_as_by_itself() {
    let bot = bot().await;
    let told = bot.types("bob", "explain kit 1h").await;
    assert!(told.contains("It would be refused, because of"), "{told}");
    assert!(told.contains("You may ask"), "of the first part: {told}");
    assert!(
        told.contains("Nobody could finish"),
        "of the second: {told}"
    );
    assert_eq!(told.matches("Who could decide").count(), 2, "{told}");
    assert_eq!(
        told.matches("matches, and says review").count(),
        2,
        "{told}"
    );
    assert!(told.contains("@carol"), "{told}");
    let told = bot.types("dana", "explain kit 1h").await;
    assert!(told.contains("You may ask for it."), "{told}");
    asked_nobody(&bot).await;
}

#[tokio::test]
async fn break_glass_is_explained_with_who_is_skipped_and_who_looks_at_it() {
    let bot = bot().await;
    let typed = "explain break-glass staging-db 30m it burns";
    let told = bot.types("dana", typed).await;
    assert!(told.contains("given at once"), "{told}");
    assert!(told.contains("skipped") && told.contains("@bob"), "{told}");
    assert!(told.contains("look at it afterwards"), "{told}");
    assert!(told.contains("@lee"), "{told}");
    let told = bot.types("lee", typed).await;
    assert!(
        told.contains("would be refused"),
        "nobody else reviews: {told}"
    );
    asked_nobody(&bot).await;
}
