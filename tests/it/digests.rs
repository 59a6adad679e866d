//! Digests: each reader is told once for each period, whatever happens in between, in their own
//! zone, and of nothing but what is theirs.

use chrono::{DateTime, TimeDelta, Utc};
use jitbot::domain::{Actor, Ask, Command, Event, GroupName, Origin, Request, Span};
use jitbot::engine::Submission;
use jitbot::policy::{Policy, Source};
use jitbot::sandbox::{Fault, FaultKind, Message};
use jitbot::store::outbox::Kind;
use jitbot::worker::Worker;
use sqlx::{Connection, PgConnection};

use crate::harness::house::House;
use crate::harness::target::Next;

/// Two databases of two teams. Lee (in Brisbane) leads the one, bob (in New York) the other; carol
/// (in Tokyo) runs the bot.
const POLICY: &str = r##"
version: 1
defaults: { channel: "#access-requests", request_ttl: 8h, timezone: Europe/Berlin, admins: [platform] }
groups:
  engineers: { members: [dana@acme.example, erin@acme.example] }
  dba: { members: [bob@acme.example] }
  leads: { members: [lee@acme.example] }
  platform: { members: [carol@acme.example] }
connectors:
  staging: { kind: postgres, mode: login, url: { env: NEVER_READ } }
resources:
  orders-db:
    { connector: staging, labels: { team: payments }, roles: { readonly: ro, open: op }, owner: [leads] }
  crm-db:
    { connector: staging, labels: { team: crm }, roles: { readonly: ro, open: op }, owner: [dba] }
rules:
  - { name: open data, match: { roles: [open] }, decision: approve }
  - name: reading
    match: { roles: [readonly] }
    decision: review
    steps: [{ from: [dba, leads] }]
    break_glass: { who: [engineers], max_duration: 1h, review_within: 2h }
digests:
"##;

/// How long a test waits for what must happen. Nothing takes this long but a failure.
const SOON: std::time::Duration = std::time::Duration::from_secs(20);

/// Every morning, in the zone of each.
const MORNINGS: &str =
    r#"  - { name: mornings, schedule: "0 9 * * *", to: { people: [leads, dba] } }"#;

/// A lead's morning, and nobody else's.
const LEES: &str = r#"  - { name: mornings, schedule: "0 9 * * *", to: { people: [leads] } }"#;

fn text(digests: &str) -> String {
    format!("{POLICY}{digests}\n")
}

fn policy(text: &str) -> Policy {
    let (name, text) = ("access.yaml".to_owned(), text.to_owned());
    Policy::from_sources(vec![Source { name, text }])
        .unwrap_or_else(|faults| panic!("{}", faults.render(false)))
}

/// A house whose readers are known from the morning on: 2027-03-01 at 09:00 UTC, a Monday. What is
/// told of begins after that, so a second passes.
async fn house(digests: &str) -> House {
    let house = House::under(&text(digests)).await;
    house.settle().await;
    house.pass(TimeDelta::seconds(1));
    house
}

/// Time passes with the workers at work every few minutes.
async fn pass(house: &House, time: TimeDelta, step: TimeDelta) {
    let mut left = time;
    while TimeDelta::zero() < left {
        house.pass(step.min(left));
        left -= step.min(left);
        house.settle().await;
    }
}

async fn hours(house: &House, hours: i64) {
    pass(house, TimeDelta::hours(hours), TimeDelta::minutes(30)).await;
}

async fn asks(house: &House, who: &str, what: (&str, &str), glass: bool) -> Request {
    asks_from(house, who, what, glass, None).await
}

async fn asks_from(
    house: &House,
    who: &str,
    (resource, role): (&str, &str),
    glass: bool,
    start: Option<DateTime<Utc>>,
) -> Request {
    let ask = Ask {
        role: Some(role.into()),
        duration: Some(Span::hours(1)),
        reason: "to see".into(),
        break_glass: glass,
        start,
        ..Ask::of(house.person(who).await, resource)
    };
    let submission = Submission {
        policy: house.engine.policy().hash().to_owned(),
        asks: vec![ask],
        bundle: None,
        roster: house.roster(),
        origin: Origin::Slack,
        delivery: None,
    };
    let request = house.engine.submit(submission).await.unwrap().remove(0);
    house.settle().await;
    request
}

/// The digests that a person got, as they read.
fn told(house: &House, who: &str) -> Vec<String> {
    let messages = house.slack.dms(who);
    let plain = messages.iter().map(Message::plain);
    plain.filter(|text| text.contains("Digest: ")).collect()
}

#[track_caller]
fn only(told: &[String]) -> &str {
    let [one] = told else {
        panic!("one digest, not {}: {told:#?}", told.len())
    };
    one
}

#[derive(Debug, sqlx::FromRow)]
struct Sent {
    period_from: DateTime<Utc>,
    period_until: DateTime<Utc>,
    outcome: Option<String>,
}

/// What was claimed, in the order of the periods.
async fn claimed(house: &House) -> Vec<Sent> {
    let mut looker = PgConnection::connect(house.url()).await.unwrap();
    let rows = "select period_from, period_until, outcome from digests_sent
                order by period_until, reader";
    let rows = sqlx::query_as(rows).fetch_all(&mut looker).await.unwrap();
    looker.close().await.unwrap();
    rows
}

fn outcomes(sent: &[Sent]) -> Vec<&str> {
    let outcomes = sent.iter().map(|sent| sent.outcome.as_deref());
    outcomes.map(|outcome| outcome.unwrap_or("waits")).collect()
}

fn times(sent: &[Sent]) -> Vec<String> {
    let ends = sent.iter().map(|sent| sent.period_until);
    ends.map(|end| end.format("%m-%d %H:%M").to_string())
        .collect()
}

#[tokio::test]
async fn a_lead_reads_in_the_morning_of_their_own_zone_what_is_theirs() {
    let house = house(MORNINGS).await;
    asks(&house, "dana", ("orders-db", "open"), false).await;
    asks(&house, "erin", ("crm-db", "open"), false).await;
    hours(&house, 24).await;
    let (lee, bob) = (told(&house, "lee"), told(&house, "bob"));
    let (lee, bob) = (only(&lee), only(&bob));
    assert!(
        lee.contains("1 automatic") && bob.contains("1 automatic"),
        "{lee}\n{bob}"
    );
    assert!(
        lee.contains("orders-db") && !lee.contains("crm-db"),
        "{lee}"
    );
    assert!(
        bob.contains("crm-db") && !bob.contains("orders-db"),
        "{bob}"
    );
    assert!(
        lee.contains("never fetched: 1"),
        "nobody took the password: {lee}"
    );
    let sent = claimed(&house).await;
    assert_eq!(
        times(&sent),
        ["03-01 14:00", "03-01 23:00"],
        "09:00 in New York, then in Brisbane"
    );
    for stranger in ["dana", "erin", "carol"] {
        assert!(told(&house, stranger).is_empty(), "{stranger}");
    }
}

#[tokio::test]
async fn admins_are_told_of_everything() {
    let all = r#"  - { name: all, schedule: "0 18 * * *", to: { people: [platform] } }"#;
    let house = house(all).await;
    asks(&house, "dana", ("orders-db", "readonly"), false).await;
    asks(&house, "erin", ("crm-db", "readonly"), false).await;
    // 18:00 in Tokyo is 09:00 UTC.
    hours(&house, 24).await;
    let carol = told(&house, "carol");
    let carol = only(&carol);
    assert!(carol.contains("2 expired unanswered"), "{carol}");
}

#[tokio::test]
async fn a_channel_is_told_of_what_the_digest_is_about_and_nobody_is_called() {
    let feed = r##"  - name: payments
    schedule: "0 12 * * mon"
    to: { channel: "#general" }
    about: { labels: { team: payments } }
    ahead: 2h"##;
    let house = house(feed).await;
    pass(&house, TimeDelta::minutes(90), TimeDelta::minutes(30)).await;
    asks(&house, "dana", ("orders-db", "open"), false).await;
    asks(&house, "erin", ("crm-db", "open"), false).await;
    let waiting = asks(&house, "erin", ("orders-db", "readonly"), false).await;
    // Noon in Berlin is 11:00 UTC.
    pass(&house, TimeDelta::minutes(30), TimeDelta::minutes(5)).await;
    let [message] = &house.slack.messages("general")[..] else {
        panic!("one message")
    };
    let page = message.plain();
    assert!(
        page.contains("dana: open on orders-db") && !page.contains("crm-db"),
        "{page}"
    );
    assert!(page.contains("erin: readonly on orders-db"), "{page}");
    let sent = serde_json::to_string(&message.blocks).unwrap();
    assert!(!sent.contains("<@"), "nobody is called: {sent}");
    let card = format!("|#{}>", waiting.number);
    assert!(
        sent.contains(&card) && sent.contains("/archives/C0ACCESS/"),
        "a link to its card: {sent}"
    );
}

#[tokio::test]
async fn two_workers_and_a_restart_send_each_period_once() {
    let house = house(LEES).await;
    let others = [house.doomed(), house.doomed(), house.doomed()];
    for day in 1..=3 {
        asks(&house, "dana", ("orders-db", "open"), false).await;
        house.pass(TimeDelta::hours(24));
        let racing = others.iter().map(Worker::schedule_digests);
        let claimed = futures::future::join_all(racing).await;
        let claimed: usize = claimed.into_iter().map(Result::unwrap).sum();
        assert_eq!(claimed, 1, "whoever comes first");
        let racing = others.iter().map(Worker::run_until_idle);
        for idle in futures::future::join_all(racing).await {
            idle.unwrap();
        }
        // One that was started later knows nothing of it but what stands in the database.
        house.doomed().run_until_idle().await.unwrap();
        house.settle().await;
        assert_eq!(told(&house, "lee").len(), day);
    }
    let sent = claimed(&house).await;
    assert_eq!(outcomes(&sent), ["sent"; 3]);
    assert_eq!(
        sent[0].period_until, sent[1].period_from,
        "no moment is left out, or told twice"
    );
    assert_eq!(sent[1].period_until, sent[2].period_from);
    assert_eq!(house.engine.store().unsettled().await.unwrap(), 0);
}

#[tokio::test]
async fn a_gap_is_told_by_one_digest() {
    let house = house(LEES).await;
    asks(&house, "dana", ("orders-db", "open"), false).await;
    house.pass(TimeDelta::days(9));
    house.settle().await;
    let lee = told(&house, "lee");
    let lee = only(&lee);
    assert!(
        lee.contains("1 automatic"),
        "what happened first is not lost: {lee}"
    );
    let sent = claimed(&house).await;
    assert_eq!(
        times(&sent),
        ["03-09 23:00"],
        "the last morning that has passed"
    );
    assert_eq!(sent[0].period_from, crate::harness::house::morning());
    // And it goes on as before.
    asks(&house, "dana", ("orders-db", "open"), false).await;
    hours(&house, 24).await;
    assert_eq!(told(&house, "lee").len(), 2);
}

#[tokio::test]
async fn the_night_in_which_the_clocks_change_brings_one_digest() {
    let night = r#"  - { name: night, schedule: "30 2 * * *", timezone: Europe/Berlin, to: { people: [leads] } }"#;
    let house = house(night).await;
    for (evening, expected) in [
        // 2027-03-28: 02:00 becomes 03:00, so 02:30 is not there, and 03:00 is right after.
        (
            "2027-03-27T00:00:00Z",
            ["03-27 01:30", "03-28 01:00", "03-29 00:30"],
        ),
        // 2027-10-31: 03:00 becomes 02:00, so 02:30 is there twice.
        (
            "2027-10-30T00:00:00Z",
            ["10-30 00:30", "10-31 00:30", "11-01 01:30"],
        ),
    ] {
        let evening = DateTime::parse_from_rfc3339(evening).unwrap().to_utc();
        house.pass(evening - house.clock.now());
        house.settle().await;
        let before = claimed(&house).await.len();
        pass(&house, TimeDelta::hours(50), TimeDelta::minutes(10)).await;
        let sent = claimed(&house).await;
        assert_eq!(times(&sent[before..]), expected);
        assert_eq!(outcomes(&sent[before..]), ["quiet"; 3]);
    }
}

#[tokio::test]
async fn nothing_to_tell_is_not_told() {
    let house = house(MORNINGS).await;
    hours(&house, 48).await;
    asks(&house, "dana", ("crm-db", "open"), false).await;
    let before = claimed(&house).await;
    assert_eq!(outcomes(&before), ["quiet"; 4], "two readers, two mornings");
    hours(&house, 24).await;
    assert!(told(&house, "lee").is_empty(), "it is not hers");
    assert_eq!(told(&house, "bob").len(), 1);
}

#[tokio::test]
async fn a_break_glass_review_that_nobody_does_is_told_until_somebody_does() {
    let house = house(LEES).await;
    let glass = asks(&house, "dana", ("orders-db", "readonly"), true).await;
    hours(&house, 14).await;
    let lee = told(&house, "lee");
    let lee = only(&lee);
    assert!(
        lee.contains("review overdue: 1") && lee.contains("1 break-glass"),
        "{lee}"
    );
    assert!(lee.contains(&format!("#{}", glass.number)), "{lee}");
    hours(&house, 24).await;
    let later = told(&house, "lee");
    assert!(
        later[1].contains("review overdue: 1") && !later[1].contains("1 break-glass,"),
        "{later:#?}"
    );
    let review = Command::CompleteReview {
        by: house.member("lee").await,
        justified: true,
        note: "an incident".into(),
    };
    house.run(glass.id, review).await.unwrap();
    hours(&house, 24).await;
    assert_eq!(
        told(&house, "lee").len(),
        2,
        "and then there is nothing to tell"
    );
}

#[tokio::test]
async fn what_waits_ends_is_held_late_or_stuck_is_told() {
    let hourly = r#"  - { name: hourly, schedule: "0 * * * *", to: { people: [leads] } }"#;
    let house = house(hourly).await;
    house.pass(TimeDelta::minutes(30));
    let held = asks(&house, "dana", ("orders-db", "open"), false).await;
    asks(&house, "erin", ("orders-db", "readonly"), false).await;
    house.pass(TimeDelta::minutes(30));
    house.settle().await;
    let lee = told(&house, "lee");
    let lee = only(&lee);
    for words in [
        "Waiting for a decision: 1",
        "Ends by",
        "Held now: 1",
        "listed above",
    ] {
        assert!(lee.contains(words), "no “{words}” in {lee}");
    }

    // Its time is over at half past, and the target does not answer.
    house.target.breaks(Next::Unreached);
    pass(&house, TimeDelta::minutes(60), TimeDelta::minutes(1)).await;
    let lee = told(&house, "lee");
    assert!(lee[1].contains("still trying: 1"), "{lee:#?}");
    house.target.heal();
    pass(&house, TimeDelta::minutes(60), TimeDelta::minutes(1)).await;
    let lee = told(&house, "lee");
    assert!(
        lee[2].contains("Taken away late: 1") && !lee[2].contains("still trying"),
        "{lee:#?}"
    );
    assert!(
        lee[2].contains("minutes late") && lee[2].contains(&format!("#{}", held.number)),
        "{lee:#?}"
    );
}

#[tokio::test]
async fn a_removal_that_somebody_answered_for_is_told_once() {
    let hourly = r#"  - { name: hourly, schedule: "0 * * * *", to: { people: [leads] } }"#;
    let house = house(hourly).await;
    house.pass(TimeDelta::minutes(5));
    let held = asks(&house, "dana", ("orders-db", "open"), false).await;
    house.target.breaks(Next::Unreached);
    pass(&house, TimeDelta::minutes(70), TimeDelta::minutes(1)).await;
    let answer = Command::ResolveRemoval {
        by: house.member("lee").await,
        why: "the server was scrapped".into(),
        admins: vec![GroupName::new("leads")],
    };
    house.run(held.id, answer).await.unwrap();
    pass(&house, TimeDelta::minutes(90), TimeDelta::minutes(1)).await;
    let lee = told(&house, "lee");
    let told: Vec<&String> = lee.iter().filter(|one| one.contains("resolved")).collect();
    let [told] = told.as_slice() else {
        panic!("{lee:#?}")
    };
    assert!(
        told.contains("Marked as resolved by an admin, not verified: 1")
            && told.contains(&format!("#{}", held.number))
            && !told.contains("still trying"),
        "{told}"
    );
}

#[tokio::test]
async fn a_login_that_was_used_is_not_called_unused() {
    let house = house(LEES).await;
    let used = asks(&house, "dana", ("orders-db", "open"), false).await;
    asks(&house, "erin", ("orders-db", "open"), false).await;
    let mut tx = house.engine.store().begin().await.unwrap();
    let fetched = Event::CredentialsIssued {
        by: house.id("dana"),
    };
    let dana = Actor::Person {
        person: house.id("dana"),
        origin: Origin::Slack,
    };
    tx.append(&dana, Some(used.id), &[fetched], house.clock.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    hours(&house, 14).await;
    let lee = told(&house, "lee");
    let lee = only(&lee);
    let (_, section) = lee
        .split_once("never fetched: 1")
        .unwrap_or_else(|| panic!("{lee}"));
    assert!(
        section.contains("@erin") && !section.contains("@dana"),
        "{lee}"
    );
}

#[tokio::test]
async fn a_policy_that_has_changed_is_told_and_counts_at_once() {
    let house = house(LEES).await;
    let more = format!(
        "{}  - {{ name: second, schedule: \"30 9 * * *\", to: {{ people: [dba] }} }}",
        text(LEES)
    );
    let other = policy(&more);
    let hash = other.hash()[..12].to_owned();
    assert!(house.engine.adopt(other).await.unwrap());
    hours(&house, 1).await;
    asks(&house, "dana", ("crm-db", "open"), false).await;
    hours(&house, 24).await;
    let (lee, bob) = (told(&house, "lee"), told(&house, "bob"));
    let (lee, bob) = (only(&lee), only(&bob));
    assert!(
        lee.contains("The policy changed") && lee.contains(&hash),
        "{lee}"
    );
    assert!(bob.contains("Digest: second"), "{bob}");
    // Taken out again, nobody is told any more.
    house.engine.adopt(policy(&text("  []"))).await.unwrap();
    asks(&house, "dana", ("orders-db", "open"), false).await;
    hours(&house, 48).await;
    assert_eq!(
        (told(&house, "lee").len(), told(&house, "bob").len()),
        (1, 1)
    );
}

#[tokio::test]
async fn who_leaves_the_readers_before_it_is_sent_is_not_told() {
    let house = house(LEES).await;
    asks(&house, "dana", ("orders-db", "open"), false).await;
    let down = Fault::times("chat.postMessage", 100, FaultKind::Status { status: 503 });
    house.slack.fault(down.in_channel("U0LEE"));
    house.pass(TimeDelta::hours(14));
    house.settle().await;
    house.slack.heal();
    let text = text(LEES).replace(
        "leads: { members: [lee@acme.example] }",
        "leads: { members: [erin@acme.example] }",
    );
    house.engine.adopt(policy(&text)).await.unwrap();
    pass(&house, TimeDelta::minutes(30), TimeDelta::minutes(1)).await;
    assert!(told(&house, "lee").is_empty());
    assert_eq!(outcomes(&claimed(&house).await), ["dropped"]);
}

#[tokio::test]
async fn a_reader_without_an_account_in_slack_keeps_nobody_from_being_told() {
    let text = text(LEES).replace(
        "leads: { members: [lee@acme.example] }",
        "leads: { members: [ghost@acme.example, lee@acme.example, erin@acme.example] }",
    );
    let house = House::under(&text).await;
    house.slack.deactivate("erin").unwrap();
    house.settle().await;
    asks(&house, "dana", ("orders-db", "open"), false).await;
    hours(&house, 24).await;
    only(&told(&house, "lee"));
    assert_eq!(outcomes(&claimed(&house).await), ["sent"]);
    // Later the account of the other is closed as well, and Slack says so when it is written to.
    asks(&house, "dana", ("orders-db", "open"), false).await;
    house.pass(TimeDelta::hours(24));
    house.worker.schedule_digests().await.unwrap();
    house.slack.fault(
        Fault::once(
            "chat.postMessage",
            FaultKind::Error {
                error: "user_disabled".into(),
            },
        )
        .in_channel("U0LEE"),
    );
    house.settle().await;
    assert_eq!(outcomes(&claimed(&house).await), ["sent", "unreachable"]);
    assert_eq!(told(&house, "lee").len(), 1);
    assert_eq!(
        house.engine.store().unsettled().await.unwrap(),
        0,
        "nothing is tried for ever"
    );
}

#[tokio::test]
async fn while_slack_is_down_a_digest_waits_and_is_sent_once() {
    let house = house(LEES).await;
    asks(&house, "dana", ("orders-db", "open"), false).await;
    house
        .slack
        .fault(Fault::times("*", 10_000, FaultKind::Status { status: 503 }));
    house.pass(TimeDelta::hours(14));
    pass(&house, TimeDelta::minutes(20), TimeDelta::minutes(1)).await;
    assert_eq!(
        outcomes(&claimed(&house).await),
        ["waits"],
        "who is known is told, Slack or not"
    );
    house.slack.heal();
    pass(&house, TimeDelta::minutes(20), TimeDelta::minutes(1)).await;
    only(&told(&house, "lee"));
    assert_eq!(outcomes(&claimed(&house).await), ["sent"]);
}

#[tokio::test]
async fn what_is_being_posted_is_not_told_again_by_the_next_one() {
    let house = house(LEES).await;
    asks(&house, "dana", ("orders-db", "open"), false).await;
    // A bot that was away for long: seconds before the next morning it tells of the last one.
    house.pass(TimeDelta::hours(38) - TimeDelta::seconds(4));
    assert_eq!(house.worker.schedule_digests().await.unwrap(), 1);
    let slow = FaultKind::Delay { millis: 2500 };
    house.slack.fault(Fault::once("chat.postMessage", slow));
    let (late, other) = (house.doomed(), house.doomed());
    let morning = async {
        let there = house.slack.wait_for(
            |slack| {
                slack
                    .dms("lee")
                    .iter()
                    .any(|dm| dm.plain().contains("Digest: "))
            },
            SOON,
        );
        assert!(there.await, "it is posted, and the answer is on its way");
        house.pass(TimeDelta::seconds(6));
        assert_eq!(other.schedule_digests().await.unwrap(), 1);
    };
    let (posted, ()) = tokio::join!(late.deliver(Kind::Card), morning);
    assert_eq!(posted.unwrap(), 1);
    house.settle().await;
    pass(&house, TimeDelta::minutes(5), TimeDelta::minutes(1)).await;
    let sent = claimed(&house).await;
    assert_eq!(times(&sent), ["03-01 23:00", "03-02 23:00"]);
    assert_eq!(sent[0].outcome.as_deref(), Some("sent"));
    assert_eq!(
        sent[1].period_from, sent[0].period_until,
        "each moment once"
    );
    let lee = told(&house, "lee");
    let of_the_first = lee.iter().filter(|told| told.contains("1 automatic"));
    assert_eq!(of_the_first.count(), 1, "{lee:#?}");
}

#[tokio::test]
async fn a_digest_that_could_not_be_sent_is_told_by_the_next_one() {
    let house = house(LEES).await;
    asks(&house, "dana", ("orders-db", "open"), false).await;
    house.slack.fault(Fault::times(
        "chat.postMessage",
        10_000,
        FaultKind::Status { status: 503 },
    ));
    for _ in 0..3 {
        house.pass(TimeDelta::hours(24));
        house.settle().await;
    }
    house.slack.heal();
    pass(&house, TimeDelta::minutes(20), TimeDelta::minutes(1)).await;
    let lee = told(&house, "lee");
    assert!(only(&lee).contains("1 automatic"), "{lee:#?}");
    let sent = claimed(&house).await;
    assert_eq!(outcomes(&sent), ["merged", "merged", "sent"]);
    assert_eq!(sent[2].period_from, crate::harness::house::morning());
}

#[tokio::test]
async fn a_traveller_is_told_in_the_morning_of_where_they_are() {
    let house = house(LEES).await;
    hours(&house, 15).await;
    house
        .slack
        .change_user("lee", |user| user.tz = "Europe/Dublin".into())
        .unwrap();
    house.worker.directory.forget("U0LEE");
    hours(&house, 24).await;
    // 09:00 in Brisbane, then 09:00 in Dublin.
    assert_eq!(
        times(&claimed(&house).await),
        ["03-01 23:00", "03-02 09:00"]
    );
}

#[tokio::test]
async fn a_digest_that_slack_finds_fault_with_is_sent_plain() {
    let house = house(LEES).await;
    asks(&house, "dana", ("orders-db", "open"), false).await;
    house.slack.fault(
        Fault::once(
            "chat.postMessage",
            FaultKind::Error {
                error: "invalid_blocks".into(),
            },
        )
        .in_channel("U0LEE"),
    );
    hours(&house, 24).await;
    let lee = told(&house, "lee");
    assert!(only(&lee).contains("1 automatic"), "{lee:#?}");
    assert!(!house.slack.has_faults(), "the fault was met");
}

#[tokio::test]
async fn what_was_approved_ahead_is_held_since_it_was_given() {
    let hourly = r#"  - { name: hourly, schedule: "30 * * * *", to: { people: [platform] } }"#;
    let ahead = text(hourly).replace(
        "match: { roles: [open] }, decision: approve",
        "match: { roles: [open] }, require: { start: { latest: 7d } }, decision: approve",
    );
    let house = House::under(&ahead).await;
    house.settle().await;
    house.pass(TimeDelta::seconds(1));
    let start = house.clock.now() + TimeDelta::hours(20);
    for who in ["dana", "erin"] {
        for what in ["orders-db", "crm-db"] {
            asks_from(&house, who, (what, "open"), false, Some(start)).await;
        }
    }
    pass(
        &house,
        TimeDelta::minutes(20 * 60 + 31),
        TimeDelta::minutes(10),
    )
    .await;
    let carol = told(&house, "carol");
    let last = carol.last().expect("a digest just after the start");
    assert!(last.contains("Held now: 4"), "{last}");
    assert!(
        last.contains("1 hour in all") && !last.contains("21 hours"),
        "not since it was approved: {last}"
    );
    assert!(!last.contains("never fetched"), "not for an hour: {last}");
    pass(&house, TimeDelta::hours(1), TimeDelta::minutes(10)).await;
    let carol = told(&house, "carol");
    let last = carol.last().expect("a digest after the end");
    assert!(
        last.contains("never fetched: 4") && last.contains("given 2027-03-02 05:"),
        "{last}"
    );
}

#[tokio::test]
async fn links_are_told_while_slack_tells_none() {
    // Each card's address is asked for once, for the message to its holder. Where it is not told then
    // either, it is made as Slack makes it.
    for is_known in [true, false] {
        let hourly = r#"  - { name: hourly, schedule: "0 * * * *", to: { people: [leads] } }"#;
        let house = house(hourly).await;
        let silent = || {
            let fault = FaultKind::Status { status: 503 };
            let fault = Fault::times("chat.getPermalink", 10_000, fault);
            house.slack.fault(fault);
        };
        if !is_known {
            silent();
        }
        let waiting = asks(&house, "erin", ("orders-db", "readonly"), false).await;
        let held = asks(&house, "dana", ("orders-db", "open"), false).await;
        silent();
        pass(&house, TimeDelta::minutes(125), TimeDelta::minutes(5)).await;
        let digests = house.slack.dms("lee");
        let digests = digests.iter().filter(|dm| dm.plain().contains("Digest: "));
        let sent: Vec<String> = digests
            .map(|dm| serde_json::to_string(&dm.blocks).unwrap())
            .collect();
        let all = sent.join("\n");
        assert!(all.contains(&format!("|#{}>", waiting.number)), "{all}");
        let unused = sent.iter().find(|told| told.contains("never fetched"));
        let unused = unused.expect("a digest that tells of it");
        assert!(unused.contains(&format!("|#{}>", held.number)), "{unused}");
    }
}
