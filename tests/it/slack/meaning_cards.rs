//! What people see and press for everything that policy can mean, in whole conversations.

use chrono::TimeDelta;
use jitbot::domain::{GrantState, Request, RequestState, Route, Span};
use jitbot::policy::{Policy, Source};
use jitbot::sandbox::{Fault, FaultKind, Message, Reply, SubmitOutcome, SubmitValues};

use super::bot::Bot;
use crate::harness::target::Next;

const POLICY: &str = r##"
version: 1
defaults:
  channel: "#access-requests"
  fallback_channel: "#access-fallback"
  request_ttl: 8h
  admins: [platform]
groups:
  dba: { members: [bob@acme.example, carol@acme.example] }
  leads: { members: [lee@acme.example] }
  platform: { members: [lee@acme.example] }
  oncall: { members: [erin@acme.example] }
  engineers: { members: [dana@acme.example, erin@acme.example] }
connectors:
  staging: { kind: webhook, url: "https://target.example/jit", secret: { env: NEVER_READ } }
resources:
  staging-db:
    connector: staging
    roles: { readonly: app_ro, readwrite: app_rw, open: app_open }
    default_role: readonly
  cache: { connector: staging, roles: { readonly: cache_ro } }
bundles:
  kit:
    description: What it takes at night
    access: [{ resource: staging-db, role: readonly }, { resource: cache }]
rules:
  - name: anybody reads open data
    match: { resources: [staging-db], roles: [open] }
    decision: approve
    limits: { uses: 3, per: 7d }
  - name: two people for writing
    match: { resources: [staging-db], roles: [readwrite] }
    decision: review
    steps: [{ from: [dba, leads], count: 2 }]
  - name: one of dba for reading
    match: { resources: [staging-db, cache], roles: [readonly] }
    require: { max_duration: 4h, start: { latest: 7d } }
    decision: review
    steps:
      - from: [dba]
        count: 1
        nudge: 15m
        escalate: { after: 1h, to: [leads] }
        quiet: { hours: "22:00-07:00", fallback: [oncall] }
    inform: { people: [platform], channels: ["#general"] }
    break_glass: { who: [engineers], max_duration: 1h, review_within: 24h, review_by: [leads] }
"##;

/// Everybody lives where the policy is, so that hours are quiet for all at once.
async fn open() -> Bot {
    let bot = Bot::under(POLICY, None).await;
    for who in ["bob", "carol", "lee", "erin"] {
        let here = |user: &mut jitbot::sandbox::User| user.tz = "UTC".to_owned();
        bot.house.slack.change_user(who, here).unwrap();
    }
    bot
}

fn read(text: &str) -> Policy {
    let (name, text) = ("access.yaml".into(), text.into());
    Policy::from_sources(vec![Source { name, text }])
        .unwrap_or_else(|faults| panic!("{}", faults.render(false)))
}

async fn asks(bot: &Bot, text: &str) -> Request {
    let told = bot.types("dana", text).await;
    assert!(told.contains("#1"), "{told}");
    bot.last_request().await
}

fn state(request: &Request) -> Option<&GrantState> {
    request.grant().map(|grant| &grant.state)
}

async fn is_active(bot: &Bot) -> bool {
    let request = bot.last_request().await;
    matches!(state(&request), Some(GrantState::Active { .. }))
}

async fn passes(bot: &Bot, minutes: i64) {
    bot.house.pass(TimeDelta::minutes(minutes));
    bot.settle().await;
}

fn plain(messages: &[Message]) -> String {
    let plain: Vec<String> = messages.iter().map(Message::plain).collect();
    plain.join("\n---\n")
}

/// How many messages say that.
fn count(messages: &[Message], words: &str) -> usize {
    let said = messages
        .iter()
        .filter(|message| message.plain().contains(words));
    said.count()
}

async fn sends(bot: &Bot, user: &str, values: SubmitValues) -> SubmitOutcome {
    let reply = bot.house.slack.submit(user, values).await.unwrap();
    bot.settle().await;
    reply.outcome
}

/// Presses a button of the last direct message that has it.
async fn presses_in_dm(bot: &Bot, user: &str, button: &str, action: &str) -> Reply {
    let dms = bot.house.slack.dms(user);
    let has = |dm: &&Message| dm.buttons().contains(&button.to_owned());
    let dm = dms
        .iter()
        .rev()
        .find(has)
        .unwrap_or_else(|| panic!("{button}: {}", plain(&dms)));
    let pressing = bot.house.slack.click(user, &dm.channel, &dm.ts, action);
    let reply = pressing.await.unwrap();
    assert!(reply.in_time(), "{reply:?}");
    bot.settle().await;
    reply
}

#[tokio::test]
async fn bob_gives_half_an_hour_instead_of_an_hour_and_says_why() {
    let bot = open().await;
    asks(&bot, "request staging-db readonly 1h to see").await;
    bot.presses("bob", "jit_review").await;
    let values = SubmitValues::new()
        .with("jit_time_choice", "1800")
        .with("jit_why_text", "half of it should do");
    assert_eq!(sends(&bot, "bob", values).await, SubmitOutcome::Closed);
    let request = bot.last_request().await;
    assert_eq!(request.granted(), Span::minutes(30));
    let until = bot.house.target.holds(&request.access).expect("held");
    assert_eq!(until - bot.house.clock.now(), TimeDelta::minutes(30));
    let told = [
        bot.card().plain(),
        bot.house.story(),
        plain(&bot.house.slack.dms("dana")),
    ];
    for told in told {
        assert!(told.contains("30m instead of 1h"), "{told}");
        assert!(told.contains("half of it should do"), "{told}");
    }
}

#[tokio::test]
async fn nobody_reviews_what_is_their_own_or_not_for_them() {
    let bot = open().await;
    asks(&bot, "request staging-db readonly 1h to see").await;
    for (user, answer) in [("dana", "your own request"), ("erin", "dba")] {
        bot.presses(user, "jit_review").await;
        assert!(bot.told(user).contains(answer), "{}", bot.told(user));
        assert!(
            bot.house.slack.modal(user).is_none(),
            "{user} gets no dialog"
        );
    }
    bot.presses("bob", "jit_review").await;
    bot.presses("carol", "jit_approve").await;
    let late = sends(&bot, "bob", SubmitValues::new()).await;
    assert_eq!(late, SubmitOutcome::Updated);
    let dialog = bot.house.slack.modal("bob").unwrap().plain();
    assert!(dialog.contains("already approved"), "{dialog}");
}

#[tokio::test]
async fn a_review_of_what_has_changed_meanwhile_says_so_and_decides_nothing() {
    let bot = open().await;
    asks(&bot, "request staging-db readwrite 1h to see").await;
    bot.presses("bob", "jit_review").await;
    bot.presses("carol", "jit_review").await;
    let less = SubmitValues::new().with("jit_time_choice", "900");
    assert_eq!(sends(&bot, "carol", less).await, SubmitOutcome::Closed);
    let late = sends(&bot, "bob", SubmitValues::new()).await;
    assert_eq!(late, SubmitOutcome::Updated);
    let dialog = bot.house.slack.modal("bob").unwrap().plain();
    assert!(dialog.contains("has changed"), "{dialog}");
    assert_eq!(bot.approvals().await, 1);
}

#[tokio::test]
async fn who_does_not_answer_is_reminded_and_then_the_leads_may_decide_too() {
    let bot = open().await;
    asks(&bot, "request staging-db readonly 1h to see").await;
    bot.presses("lee", "jit_approve").await;
    assert!(
        bot.told("lee").contains("dba"),
        "not yet: {}",
        bot.told("lee")
    );
    passes(&bot, 15).await;
    let story = bot.house.story();
    assert!(
        story.contains("@bob and @carol: this still waits"),
        "{story}"
    );
    assert!(!story.contains("@lee"), "{story}");
    passes(&bot, 45).await;
    let (story, card) = (bot.house.story(), bot.card().plain());
    assert!(
        story.contains("*leads* may decide as well") && story.contains("@lee"),
        "{story}"
    );
    assert!(
        card.contains("*leads* may decide as well") && card.contains("@lee"),
        "{card}"
    );
    bot.presses("lee", "jit_approve").await;
    assert!(is_active(&bot).await, "{}", bot.told("lee"));
}

#[tokio::test]
async fn a_night_between_asking_and_the_start_asks_nobody_once_more() {
    let bot = open().await;
    // At three in the afternoon, so that the night begins before the request expires.
    bot.house.pass(TimeDelta::hours(6));
    asks(&bot, "request staging-db 1h from tomorrow 9:00 INC-1").await;
    bot.presses("bob", "jit_approve").await;
    // Dana is an hour ahead of the house.
    bot.house.pass(TimeDelta::hours(17));
    bot.settle().await;
    let request = bot.last_request().await;
    let active = state(&request);
    assert!(
        matches!(active, Some(GrantState::Active { .. })),
        "{active:?}"
    );
}

#[tokio::test]
async fn a_remark_in_the_policy_asks_nobody_else_whatever_the_hour() {
    let bot = open().await;
    // At six in the morning, while others stand in.
    bot.house.pass(TimeDelta::hours(21));
    let asked = asks(&bot, "request staging-db 1h INC-1").await;
    let remarked = read(&format!("{POLICY}# nothing else\n"));
    assert!(bot.house.engine.adopt(remarked).await.unwrap());
    bot.house.pass(TimeDelta::hours(4));
    bot.presses("bob", "jit_approve").await;
    let request = bot.last_request().await;
    assert_eq!(request.terms, asked.terms);
    assert!(matches!(state(&request), Some(GrantState::Active { .. })));
}

#[tokio::test]
async fn what_was_given_for_less_begins_although_nobody_could_ask_for_so_little() {
    let durations = "require: { durations: [1h, 4h], start: { latest: 7d } }";
    let text = POLICY.replace(
        "require: { max_duration: 4h, start: { latest: 7d } }",
        durations,
    );
    let bot = Bot::under(&text, None).await;
    asks(&bot, "request staging-db 4h from tomorrow 9:00 INC-1").await;
    bot.presses("bob", "jit_review").await;
    let less = SubmitValues::new().with("jit_time_choice", "1800");
    assert_eq!(sends(&bot, "bob", less).await, SubmitOutcome::Closed);
    bot.house.pass(TimeDelta::hours(23));
    bot.settle().await;
    assert!(
        is_active(&bot).await,
        "{:?}",
        bot.last_request().await.state
    );
    bot.house.pass(TimeDelta::minutes(31));
    bot.settle().await;
    assert!(bot.house.target.is_empty());
}

#[tokio::test]
async fn what_was_given_for_more_than_is_allowed_by_now_does_not_begin() {
    let bot = open().await;
    asks(&bot, "request staging-db 4h from tomorrow 9:00 INC-1").await;
    bot.presses("bob", "jit_approve").await;
    let shorter = read(&POLICY.replace("max_duration: 4h", "max_duration: 1h"));
    assert!(bot.house.engine.adopt(shorter).await.unwrap());
    bot.house.pass(TimeDelta::hours(23));
    bot.settle().await;
    let state = format!("{:?}", bot.last_request().await.state);
    assert!(state.contains("more than the policy allows"), "{state}");
    assert!(bot.house.target.is_empty());
}

#[tokio::test]
async fn what_was_given_for_less_begins_although_a_later_limit_is_below_what_was_asked() {
    let bot = open().await;
    asks(&bot, "request staging-db 4h from tomorrow 9:00 INC-1").await;
    let shorter = read(&POLICY.replace("max_duration: 4h", "max_duration: 1h"));
    assert!(bot.house.engine.adopt(shorter).await.unwrap());
    bot.presses("bob", "jit_approve").await;
    bot.house.pass(TimeDelta::hours(23));
    bot.settle().await;
    let request = bot.last_request().await;
    let Some(GrantState::Active { until, .. }) = state(&request) else {
        panic!("{:?}", request.state);
    };
    let hour = *until - bot.house.clock.now();
    assert!(hour <= TimeDelta::hours(1), "{hour}");
    bot.house.pass(TimeDelta::hours(1));
    bot.settle().await;
    assert!(bot.house.target.is_empty());
}

#[tokio::test]
async fn in_quiet_hours_those_who_stand_in_are_called() {
    let bot = open().await;
    bot.house.pass(TimeDelta::hours(14));
    asks(&bot, "request staging-db readonly 1h to see").await;
    let card = bot.card().plain();
    assert!(
        card.contains("Asked: @erin") && card.contains("Quiet hours"),
        "{card}"
    );
    assert!(!card.contains("@bob"), "{card}");
    bot.presses("erin", "jit_approve").await;
    assert!(is_active(&bot).await, "{}", bot.told("erin"));
}

#[tokio::test]
async fn the_review_of_a_break_glass_access_has_a_card_of_its_own() {
    let bot = open().await;
    asks(&bot, "break-glass staging-db readonly 30m orders are lost").await;
    let cards = bot.house.slack.messages("access-requests");
    let (card, review) = (cards[0].plain(), cards[1].plain());
    assert!(
        !card.contains("[Justified"),
        "the review has a card of its own"
    );
    for words in [
        "🔎 *Review until",
        "@dana took readonly on staging-db for 30m without asking",
        "orders are lost",
        "@bob and @carol",
    ] {
        assert!(review.contains(words), "{words}: {review}");
    }
    assert_eq!(cards[1].buttons(), ["Justified…", "Not justified…"]);
    assert_eq!(cards[1].blocks.last().unwrap()["type"], "actions");
    let slack = &bot.house.slack;
    for user in ["bob", "carol"] {
        let dms = plain(&slack.dms(user));
        assert!(!dms.contains("Justified…"), "{user} may not review: {dms}");
    }
}

#[tokio::test]
async fn break_glass_is_loud_and_somebody_else_looks_at_it() {
    let bot = open().await;
    asks(&bot, "break-glass staging-db readonly 30m orders are lost").await;
    assert!(is_active(&bot).await);
    let cards = bot.house.slack.messages("access-requests");
    assert_eq!(cards.len(), 2, "{}", plain(&cards));
    let card = cards[0].plain();
    for words in [
        "Break-glass",
        "orders are lost",
        "Nobody was asked",
        "@bob and @carol",
        "To be reviewed",
    ] {
        assert!(card.contains(words), "{words}: {card}");
    }
    passes(&bot, 40).await;
    let slack = &bot.house.slack;
    let skipped = "You would have been asked";
    for (user, words) in [
        ("bob", skipped),
        ("carol", skipped),
        ("lee", "Review until"),
    ] {
        let told = slack.dms(user);
        assert_eq!(count(&told, words), 1, "{}", plain(&told));
    }
    for (user, answer) in [("dana", "your own request"), ("bob", "can review this")] {
        bot.presses(user, "jit_justified").await;
        assert!(bot.told(user).contains(answer), "{}", bot.told(user));
        assert!(slack.modal(user).is_none(), "{user} gets no dialog");
    }
    presses_in_dm(&bot, "lee", "Not justified…", "jit_unjustified").await;
    let blank = SubmitValues::new().with("jit_why_text", "  ");
    assert_ne!(
        sends(&bot, "lee", blank).await,
        SubmitOutcome::Closed,
        "it wants a word"
    );
    slack.clear_modals("lee").await.unwrap();
    presses_in_dm(&bot, "lee", "Not justified…", "jit_unjustified").await;
    let note = SubmitValues::new().with("jit_why_text", "the replica would have done");
    assert_eq!(sends(&bot, "lee", note).await, SubmitOutcome::Closed);
    let cards = slack.messages("access-requests");
    let copies = [
        &cards[..1],
        &cards[1..],
        &slack.dms("bob"),
        &slack.dms("lee"),
    ]
    .map(plain);
    for copy in copies {
        assert!(
            copy.contains("not justified") && copy.contains("the replica would"),
            "{copy}"
        );
        assert!(!copy.contains("[Justified"), "{copy}");
    }
}

#[tokio::test]
async fn a_review_that_nobody_did_is_called_for_once_and_can_still_be_done() {
    let bot = open().await;
    asks(&bot, "break-glass staging-db readonly 30m orders are lost").await;
    passes(&bot, 24 * 60).await;
    passes(&bot, 60).await;
    let cards = bot.house.slack.messages("access-requests");
    let story = plain(&bot.house.slack.thread("access-requests", &cards[0].ts));
    assert_eq!(story.matches("is overdue").count(), 1, "{story}");
    assert!(story.contains("@lee, please look"), "{story}");
    assert!(cards[0].plain().contains("The review is overdue"));
    assert!(bot.card().plain().contains("Review overdue"));
    bot.presses("lee", "jit_justified").await;
    assert_eq!(
        sends(&bot, "lee", SubmitValues::new()).await,
        SubmitOutcome::Closed
    );
    assert!(
        bot.card().plain().contains("Reviewed: justified"),
        "{}",
        bot.card().plain()
    );
}

/// The first card, and what stands below it.
fn thread_of_first(bot: &Bot) -> String {
    let cards = bot.house.slack.messages("access-requests");
    plain(&bot.house.slack.thread("access-requests", &cards[0].ts))
}

#[tokio::test]
async fn an_overdue_review_calls_for_whoever_can_do_it_by_now() {
    let policy = POLICY.replace(
        "leads: { members: [lee@acme.example] }",
        "leads: { members: [lee@acme.example, erin@acme.example] }",
    );
    // Of two who may, one has left, and for neither it is night.
    let bot = Bot::under(&policy, None).await;
    for who in ["bob", "carol", "lee", "erin"] {
        let here = |user: &mut jitbot::sandbox::User| user.tz = "UTC".to_owned();
        bot.house.slack.change_user(who, here).unwrap();
    }
    asks(&bot, "break-glass staging-db readonly 30m orders are lost").await;
    let gone = |user: &mut jitbot::sandbox::User| user.deleted = true;
    bot.house.slack.change_user("erin", gone).unwrap();
    let erin = bot.house.slack.user("erin").unwrap();
    bot.house.worker.directory.forget(&erin.id);
    passes(&bot, 24 * 60).await;
    let story = thread_of_first(&bot);
    assert!(story.contains("@lee, please look"), "{story}");
    assert!(!story.contains("@erin"), "{story}");

    // It is four at night where erin is by then, and the afternoon where lee is.
    let bot = Bot::under(&policy, None).await;
    for (who, zone) in [("lee", "UTC"), ("erin", "America/Los_Angeles")] {
        let there = |user: &mut jitbot::sandbox::User| user.tz = zone.to_owned();
        bot.house.slack.change_user(who, there).unwrap();
    }
    asks(&bot, "break-glass staging-db readonly 30m orders are lost").await;
    passes(&bot, 24 * 60).await;
    let story = thread_of_first(&bot);
    assert!(story.contains("@lee, please look"), "{story}");
    assert!(!story.contains("@erin"), "{story}");
}

#[tokio::test]
async fn a_bundle_has_one_card_and_what_failed_of_it_is_repaired() {
    let bot = open().await;
    asks(&bot, "request kit 1h to see").await;
    let cards = bot.house.slack.messages("access-requests");
    assert_eq!(cards.len(), 1, "{}", plain(&cards));
    let card = bot.card().plain();
    for words in [
        "the bundle kit (2 accesses)",
        "readonly on staging-db",
        "readonly on cache",
        "2 waiting",
    ] {
        assert!(card.contains(words), "{words}: {card}");
    }
    bot.house.target.next([Next::Rejects]);
    bot.presses("bob", "jit_approve").await;
    let card = bot.card().plain();
    assert!(
        card.contains("1 failed") && card.contains("1 active"),
        "{card}"
    );
    assert!(card.contains("[Try again]"), "{card}");
    presses_in_dm(&bot, "dana", "Try again", "jit_retry").await;
    let card = bot.card().plain();
    assert!(
        card.contains("2 active") && !card.contains("[Try again]"),
        "{card}"
    );
    let story = bot.house.story();
    assert_eq!(
        story.matches("@bob approved").count(),
        1,
        "told once for both: {story}"
    );
    assert!(
        story.contains("(all parts)") && story.contains("wants it tried again"),
        "{story}"
    );
    presses_in_dm(&bot, "dana", "Done early with all", "jit_done_all").await;
    assert!(bot.house.target.is_empty());
    let card = bot.card().plain();
    assert!(card.contains("2 over"), "{card}");
}

#[tokio::test]
async fn those_who_are_to_be_informed_learn_each_outcome_once() {
    let bot = open().await;
    asks(&bot, "request staging-db readonly 30m to see").await;
    bot.presses("bob", "jit_approve").await;
    passes(&bot, 40).await;
    passes(&bot, 40).await;
    for told in [
        bot.house.slack.dms("lee"),
        bot.house.slack.messages("general"),
    ] {
        assert_eq!(count(&told, "Given"), 1, "{}", plain(&told));
        assert_eq!(count(&told, "Taken away"), 1, "{}", plain(&told));
        assert_eq!(told.len(), 2, "{}", plain(&told));
        assert!(plain(&told).contains("See the card"), "{}", plain(&told));
    }
}

#[tokio::test]
async fn why_somebody_denied_or_revoked_is_not_repeated_in_other_channels() {
    let both = r##"channels: ["#general", "#access-requests"]"##;
    let policy = POLICY.replace(r##"channels: ["#general"]"##, both);
    for (button, head) in [("jit_deny", "Denied"), ("jit_revoke", "Taken away")] {
        let bot = Bot::under(&policy, None).await;
        asks(&bot, "request staging-db readonly 30m to see").await;
        let card = bot.card();
        let presses = async |button| {
            let slack = &bot.house.slack;
            slack
                .click("bob", &card.channel, &card.ts, button)
                .await
                .unwrap();
            bot.settle().await;
        };
        if button == "jit_revoke" {
            presses("jit_approve").await;
        }
        presses(button).await;
        let why = SubmitValues::new().with("jit_why_text", "dana is under suspicion");
        assert_eq!(sends(&bot, "bob", why).await, SubmitOutcome::Closed);
        let others = bot.house.slack.messages("general");
        let told = plain(&others);
        assert_eq!(count(&others, head), 1, "{told}");
        assert!(!told.contains("suspicion"), "{told}");
        assert!(
            told.contains("the reason stands in the thread") && told.contains("See the card"),
            "{told}"
        );
        // Who knows the card, or is named in person, reads it.
        let own = bot.house.slack.messages("access-requests");
        let own = own.iter().filter(|told| told.ts != card.ts).cloned();
        for told in [own.collect::<Vec<_>>(), bot.house.slack.dms("lee")] {
            let told = plain(&told);
            assert!(told.contains(head) && told.contains("suspicion"), "{told}");
        }
        assert!(
            bot.house
                .slack
                .thread(&card.channel, &card.ts)
                .iter()
                .any(|said| said.plain().contains("suspicion"))
        );
    }
}

#[tokio::test]
async fn what_its_rule_approves_says_why_and_an_admin_takes_it_away() {
    let bot = open().await;
    asks(&bot, "request staging-db open 1h to see").await;
    assert!(is_active(&bot).await);
    let Route::Automatic { why } = bot.last_request().await.terms.route else {
        panic!("approved by its rule")
    };
    let card = bot.card().plain();
    assert!(
        card.contains(&format!("approves this: {why}")),
        "{why}: {card}"
    );
    bot.presses("bob", "jit_revoke").await;
    assert!(bot.told("bob").contains("platform"), "{}", bot.told("bob"));
    bot.presses("lee", "jit_revoke").await;
    let why = SubmitValues::new().with("jit_why_text", "not now");
    assert_eq!(sends(&bot, "lee", why).await, SubmitOutcome::Closed);
    assert!(bot.house.target.is_empty());
}

#[tokio::test]
async fn what_was_approved_for_later_begins_then_or_is_withdrawn() {
    let bot = open().await;
    asks(&bot, "request staging-db readonly 1h in 2h to see").await;
    assert!(
        bot.card().plain().contains("Would begin"),
        "{}",
        bot.card().plain()
    );
    bot.presses("bob", "jit_approve").await;
    let card = bot.card().plain();
    assert!(
        card.contains("Approved, begins") && card.contains("[Cancel start]"),
        "{card}"
    );
    presses_in_dm(&bot, "dana", "Cancel start", "jit_cancel_start").await;
    assert!(
        bot.card().plain().contains("Did not begin"),
        "{}",
        bot.card().plain()
    );
    passes(&bot, 130).await;
    assert!(bot.house.target.is_empty());

    let bot = open().await;
    asks(&bot, "request staging-db readonly 1h in 2h to see").await;
    bot.presses("bob", "jit_approve").await;
    passes(&bot, 120).await;
    assert!(is_active(&bot).await, "{}", bot.house.story());
    assert!(
        bot.house.story().contains("Its time has come"),
        "{}",
        bot.house.story()
    );
}

#[tokio::test]
async fn who_asks_for_somebody_else_learns_the_outcome_in_a_word() {
    let bot = open().await;
    asks(&bot, "request staging-db readonly 1h for @erin to see").await;
    let card = bot.card().plain();
    assert!(
        card.contains("@dana wants readonly on staging-db for @erin"),
        "{card}"
    );
    for user in ["dana", "erin"] {
        bot.presses(user, "jit_approve").await;
        assert!(
            bot.told(user).contains("your own"),
            "{user}: {}",
            bot.told(user)
        );
    }
    bot.presses("bob", "jit_approve").await;
    let slack = &bot.house.slack;
    let erin = plain(&slack.dms("erin"));
    assert!(
        erin.contains("You have readonly") && erin.contains("Done early"),
        "{erin}"
    );
    let dana = plain(&slack.dms("dana"));
    assert!(
        dana.contains("*Active* until") && dana.contains("Your request #1 for @erin"),
        "{dana}"
    );
    assert!(!dana.contains("Done early"), "{dana}");
    let request = bot.last_request().await;
    assert!(matches!(request.state, RequestState::Approved { .. }));
}

/// Another policy from now on.
async fn adopts(bot: &Bot, text: String) {
    let name = "access.yaml".to_owned();
    let policy = Policy::from_sources(vec![Source { name, text }]);
    let policy = policy.unwrap_or_else(|faults| panic!("{}", faults.render(false)));
    bot.house.engine.adopt(policy).await.unwrap();
}

#[tokio::test]
async fn what_a_later_policy_asks_in_addition_stands_on_the_card() {
    let bot = open().await;
    asks(&bot, "request staging-db readonly 1h to see").await;
    adopts(&bot, POLICY.replace("count: 1", "count: 2")).await;
    bot.presses("bob", "jit_approve").await;
    let (card, story) = (bot.card().plain(), bot.house.story());
    assert!(card.contains("The policy became stricter"), "{card}");
    assert!(
        story.contains("it needs 2 people of *dba* instead of one person of *dba*"),
        "{story}"
    );
    assert!(!is_active(&bot).await);
    bot.presses("carol", "jit_approve").await;
    assert!(is_active(&bot).await, "{}", bot.house.story());

    let bot = open().await;
    asks(&bot, "request staging-db readonly 1h to see").await;
    let shorter = POLICY.replace("max_duration: 4h", "max_duration: 30m");
    adopts(
        &bot,
        shorter.replace("max_duration: 1h", "max_duration: 30m"),
    )
    .await;
    bot.presses("bob", "jit_approve").await;
    let card = bot.card().plain();
    assert!(card.contains("30m instead of 1h"), "{card}");
    assert!(!card.contains("[Approve]"), "{card}");
}

#[tokio::test]
async fn who_was_skipped_is_told_once_whatever_slack_does() {
    let bot = open().await;
    let slack = &bot.house.slack;
    slack.archive("access-requests").unwrap();
    let down = FaultKind::Status { status: 503 };
    slack.fault(Fault::once("chat.postMessage", down).in_channel("U0CAROL"));
    asks(&bot, "break-glass staging-db readonly 30m orders are lost").await;
    assert!(is_active(&bot).await);
    for _ in 0..5 {
        passes(&bot, 2).await;
    }
    for user in ["bob", "carol"] {
        let dms = slack.dms(user);
        assert_eq!(
            count(&dms, "You would have been asked"),
            1,
            "{}",
            plain(&dms)
        );
    }
    assert_eq!(
        count(&slack.dms("lee"), "Review until"),
        1,
        "{}",
        plain(&slack.dms("lee"))
    );
    let fallback = slack.messages("access-fallback");
    assert_eq!(count(&fallback, "🚨 Break-glass:"), 1);
    assert_eq!(count(&fallback, "Review until"), 1);
    assert_eq!(bot.house.engine.store().unsettled().await.unwrap(), 0);
}

#[tokio::test]
async fn who_decides_on_a_part_of_another_channel_is_asked_by_message() {
    let policy = POLICY.replace("resources: [staging-db, cache]", "resources: [staging-db]");
    let policy = format!(
        "{policy}  - name: on call for the cache\n    match: {{ resources: [cache] }}\n    \
         decision: review\n    steps: [{{ from: [oncall], count: 1 }}]\n    channel: \"#general\"\n"
    );
    let bot = Bot::under(&policy, None).await;
    asks(&bot, "request kit 1h to see").await;
    let erin = plain(&bot.house.slack.dms("erin"));
    assert!(
        erin.contains("You are asked directly") && erin.contains("[Approve]"),
        "{erin}"
    );
    assert!(
        bot.house.slack.dms("bob").is_empty(),
        "bob reads it in the channel"
    );
    presses_in_dm(&bot, "erin", "Approve", "jit_approve").await;
    let card = bot.card().plain();
    assert!(
        card.contains("1 waiting") && card.contains("1 active"),
        "{card}"
    );
    bot.presses("bob", "jit_approve").await;
    for copy in [bot.card().plain(), plain(&bot.house.slack.dms("erin"))] {
        assert!(
            copy.contains("2 active") && !copy.contains("[Approve]"),
            "{copy}"
        );
    }
}

#[tokio::test]
async fn an_archived_channel_of_the_informed_holds_up_nothing_and_is_given_up() {
    let bot = open().await;
    bot.house.slack.archive("general").unwrap();
    let text = "request staging-db readonly 30m to see";
    let slack = &bot.house.slack;
    slack
        .slash("dana", "access-requests", "/jit", text)
        .await
        .unwrap();
    bot.settle().await;
    bot.presses("bob", "jit_approve").await;
    assert!(is_active(&bot).await);
    assert_eq!(
        count(&slack.dms("lee"), "Given"),
        1,
        "{}",
        plain(&slack.dms("lee"))
    );
    for _ in 0..130 {
        bot.house.pass(TimeDelta::minutes(1));
        bot.house.settle().await;
    }
    assert_eq!(bot.house.engine.store().unsettled().await.unwrap(), 0);
}
