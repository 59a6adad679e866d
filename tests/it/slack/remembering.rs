//! What a policy remembers of somebody: what became of their earlier requests and grants, however many
//! came after.

use chrono::TimeDelta;
use jitbot::sandbox::{SubmitOutcome, SubmitValues};
use sqlx::{Connection, PgConnection};

use super::bot::Bot;

const POLICY: &str = r##"
version: 1
defaults:
  channel: "#access-requests"
  fallback_channel: "#access-fallback"
groups:
  dba: { members: [bob@acme.example, carol@acme.example] }
connectors:
  staging: { kind: webhook, url: "https://target.example/jit", secret: { env: NEVER_READ } }
resources:
  staging-db: { connector: staging, roles: { readonly: app_ro } }
  cache: { connector: staging, roles: { readonly: cache_ro } }
rules:
  - name: one at a time
    match: { resources: [staging-db] }
    when: "history.requests.exists(r, r.resource == request.resource && r.grant == 'active')"
    decision: deny
    message: You hold it already.
  - name: half an hour was enough
    match: { resources: [staging-db] }
    when: "history.requests.exists(r, r.grant == 'ended' && r.granted <= duration('30m') && request.duration > r.granted)"
    decision: deny
    message: Last time less was enough.
  - name: a no is a no
    match: { resources: [staging-db] }
    when: "history.requests.exists(r, r.outcome == 'denied')"
    decision: deny
    message: You were told no.
  - name: the cache by itself
    match: { resources: [cache] }
    when: "!history.requests.exists(r, r.outcome == 'denied')"
    decision: approve
  - name: all else
    match: {}
    decision: review
    steps: [{ from: [dba] }]
"##;

async fn sends(bot: &Bot, user: &str, values: SubmitValues) {
    let reply = bot.house.slack.submit(user, values).await.unwrap();
    assert_eq!(reply.outcome, SubmitOutcome::Closed);
    bot.settle().await;
}

#[tokio::test]
async fn conditions_see_what_became_of_earlier_grants_and_what_was_given() {
    let bot = Bot::under(POLICY, None).await;
    bot.asked("request staging-db 1h to see").await;
    bot.presses("bob", "jit_review").await;
    let less = SubmitValues::new().with("jit_time_choice", "1800");
    sends(&bot, "bob", less).await;
    let told = bot.types("dana", "request staging-db 1h again").await;
    assert!(told.contains("You hold it already"), "{told}");
    bot.types("dana", "done #1").await;
    let told = bot.types("dana", "request staging-db 1h again").await;
    assert!(told.contains("Last time less was enough"), "{told}");
    bot.asked("request staging-db 30m again").await;
}

/// Two hundred more requests, each like the newest one.
async fn asks_two_hundred_times_more(bot: &Bot) {
    let copies = "insert into requests overriding system value
        select (jsonb_populate_record(r, jsonb_build_object(
          'id', gen_random_uuid(), 'number', -n))).*
        from requests r, generate_series(1, 200) as n
        where r.number = (select max(number) from requests)";
    let mut database = PgConnection::connect(bot.house.url()).await.unwrap();
    let copied = sqlx::query(copies).execute(&mut database).await;
    assert_eq!(copied.unwrap().rows_affected(), 200);
    database.close().await.unwrap();
}

#[tokio::test]
async fn asking_often_makes_a_policy_forget_nothing() {
    let bot = Bot::under(POLICY, None).await;
    bot.asked("request staging-db 1h to see").await;
    bot.presses("bob", "jit_deny").await;
    let why = SubmitValues::new().with("jit_why_text", "not now");
    sends(&bot, "bob", why).await;
    bot.house.pass(TimeDelta::minutes(1));
    bot.asked("request cache 1h to see").await;
    bot.types("dana", "cancel").await;
    let denied = async || bot.types("dana", "request staging-db 1h to see").await;
    let told = denied().await;
    assert!(told.contains("You were told no"), "{told}");

    asks_two_hundred_times_more(&bot).await;
    let told = denied().await;
    assert!(
        told.contains("You hold it already") && !told.contains("I asked"),
        "what cannot be looked at in full denies: {told}"
    );
    let told = bot.types("dana", "request cache 1h to see").await;
    assert!(told.contains("I asked"), "and approves nothing: {told}");
}
