//! App Home: opened, kept true a few seconds after something happened, paged, and the panel of those
//! who run the bot.

use chrono::TimeDelta;
use jitbot::domain::{Command, Event, GrantState, Refusal, Request, RequestId};
use jitbot::engine::{Cause, EngineError};
use jitbot::sandbox::{Fault, FaultKind, SubmitValues};
use jitbot::store::homes::{Made, Published, Unpublished};
use serde_json::Value;
use sqlx::{Connection, PgConnection};

use super::bot::Bot;
use crate::harness::house::POLICY;
use crate::harness::target::Next;

/// The policy of the house, with people who run the bot and an owner of the database.
fn policy() -> String {
    POLICY
        .replace(
            "defaults: {",
            "defaults: { admins: [ops], admin_channel: \"#access-fallback\",",
        )
        .replace(
            "groups:\n",
            "groups:\n  ops: { members: [erin@acme.example, dana@acme.example] }\n",
        )
        .replace(
            "    connector: staging\n",
            "    connector: staging\n    owner: [leads]\n",
        )
}

async fn bot() -> Bot {
    Bot::under(&policy(), None).await
}

/// What somebody's tab shows.
fn tab(bot: &Bot, user: &str) -> String {
    let home = bot.house.slack.home(user);
    home.map(|home| home.plain()).unwrap_or_default()
}

async fn opens(bot: &Bot, user: &str) -> String {
    let opened = bot.house.slack.open_home(user).await.unwrap();
    assert!(opened.in_time(), "{opened:?}");
    bot.settle().await;
    tab(bot, user)
}

/// Lets the time pass in which news is gathered.
async fn soon(bot: &Bot) {
    bot.settle().await;
    bot.house.pass(TimeDelta::seconds(3));
    bot.settle().await;
}

fn published(bot: &Bot) -> usize {
    bot.house.slack.calls_to("views.publish").len()
}

async fn presses(bot: &Bot, user: &str, key: &str) {
    let pressed = bot.house.slack.click_home(user, key).await.unwrap();
    assert!(pressed.in_time(), "{pressed:?}");
    bot.settle().await;
}

fn blocks(bot: &Bot, user: &str) -> Vec<Value> {
    bot.house.slack.home(user).unwrap().blocks().to_vec()
}

/// Dana holds an access whose removal keeps failing.
async fn stuck() -> (Bot, RequestId) {
    let bot = bot().await;
    let asked = bot.asked("request staging-db readonly 1h to see").await;
    bot.presses("bob", "jit_approve").await;
    bot.house.target.breaks(Next::Unreached);
    bot.house.pass(TimeDelta::hours(2));
    for _ in 0..6 {
        bot.settle().await;
        bot.house.pass(TimeDelta::minutes(2));
    }
    bot.settle().await;
    let state = bot
        .house
        .request(asked.id)
        .await
        .grant()
        .unwrap()
        .state
        .clone();
    assert!(
        matches!(
            state,
            GrantState::Revoking {
                failing: Some(_),
                ..
            }
        ),
        "{state:?}"
    );
    (bot, asked.id)
}

#[tokio::test]
async fn a_tab_says_to_which_installation_it_belongs() {
    let bot = Bot::by_http().await;
    assert!(bot.house.slack.open_home("bob").await.unwrap().in_time());
    bot.settle().await;
    let published = bot.house.slack.calls_to("views.publish");
    let view = &published.last().expect("a tab").args["view"];
    assert_eq!(view["private_metadata"], "T0ACME", "{view}");
}

#[tokio::test]
async fn an_empty_tab_says_what_can_be_done() {
    let bot = bot().await;
    let shown = opens(&bot, "gus").await;
    for words in [
        "Ask for access",
        "Nothing waits for you",
        "You hold no access just now",
        "staging-db",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(!shown.contains("Running this bot"), "{shown}");
}

#[tokio::test]
async fn approving_from_the_tab_changes_every_copy() {
    let bot = bot().await;
    opens(&bot, "bob").await;
    opens(&bot, "dana").await;
    bot.asked("request staging-db readonly 1h to <!channel> see")
        .await;
    assert!(!tab(&bot, "bob").contains("Dana Diaz wants"), "not at once");
    soon(&bot).await;
    let shown = tab(&bot, "bob");
    assert!(shown.contains("Waiting for you (1)"), "{shown}");
    assert!(
        shown.contains("wants readonly on staging-db for 1h"),
        "{shown}"
    );
    let own = tab(&bot, "dana");
    assert!(own.contains("waits for one person of *dba*"), "{own}");

    presses(&bot, "bob", "jit_approve").await;
    assert!(bot.card().plain().contains("Active until"));
    let shown = tab(&bot, "bob");
    assert!(shown.contains("Nothing waits for you"), "at once: {shown}");
    soon(&bot).await;
    let own = tab(&bot, "dana");
    assert!(
        own.contains("Your access (1)") && own.contains("🟢 until"),
        "{own}"
    );
    for button in ["Get credentials", "Extend…", "Done early"] {
        assert!(own.contains(button), "{button}: {own}");
    }
    presses(&bot, "dana", "jit_done").await;
    soon(&bot).await;
    let own = tab(&bot, "dana");
    assert!(
        own.contains("given back") && own.contains("Ask again"),
        "{own}"
    );
}

#[tokio::test]
async fn who_may_not_decide_is_told_so_in_the_tab_as_well() {
    let bot = bot().await;
    bot.asked("request staging-db readonly 1h to see").await;
    opens(&bot, "bob").await;
    bot.house.slack.set_email_confirmed("bob", false).unwrap();
    presses(&bot, "bob", "jit_approve").await;
    assert_eq!(bot.approvals().await, 0);
    let told = bot.house.slack.dms("bob");
    let told = told.last().map(jitbot::sandbox::Message::plain);
    let told = told.unwrap_or_default();
    assert!(
        told.contains("Only *dba* can decide") || told.contains("dba"),
        "{told}"
    );
    assert!(
        bot.card().plain().contains("Waiting for"),
        "the card is as it was"
    );
}

#[tokio::test]
async fn a_bundle_of_news_is_shown_once_and_the_same_never_again() {
    let bot = bot().await;
    opens(&bot, "bob").await;
    let before = published(&bot);
    for _ in 0..4 {
        bot.asked("request staging-db readwrite 1h to see").await;
    }
    assert_eq!(published(&bot), before, "gathered");
    soon(&bot).await;
    assert_eq!(published(&bot), before + 1, "four requests, one publishing");
    assert!(tab(&bot, "bob").contains("Waiting for you (4)"));

    // Something that bob does not see: another approver's tab, and a refusal.
    opens(&bot, "gus").await;
    let before = published(&bot);
    bot.presses("dana", "jit_approve").await;
    soon(&bot).await;
    assert_eq!(published(&bot), before, "a refusal changes no tab");
    bot.presses("carol", "jit_approve").await;
    soon(&bot).await;
    assert_eq!(
        published(&bot),
        before,
        "bob sees the same, gus nothing of it"
    );
    opens(&bot, "bob").await;
    assert_eq!(published(&bot), before + 1, "whoever opens it gets it");
}

#[tokio::test]
async fn a_state_that_we_do_not_know_is_read_again_and_replaced() {
    let bot = bot().await;
    opens(&bot, "bob").await;
    bot.asked("request staging-db readonly 1h to see").await;
    let fault = FaultKind::Error {
        error: "hash_conflict".into(),
    };
    bot.house.slack.fault(Fault::once("views.publish", fault));
    let before = published(&bot);
    soon(&bot).await;
    let calls = bot.house.slack.calls_to("views.publish");
    assert_eq!(calls.len(), before + 2, "refused, and done again");
    let hashes = calls[before..]
        .iter()
        .map(|call| call.args.contains_key("hash"));
    assert_eq!(
        hashes.collect::<Vec<_>>(),
        [true, false],
        "the second knows no state"
    );
    assert!(tab(&bot, "bob").contains("Waiting for you (1)"));
}

#[tokio::test]
async fn a_slack_that_is_down_is_asked_again_and_no_removal_waits_for_it() {
    let bot = bot().await;
    opens(&bot, "bob").await;
    let asked = bot.asked("request staging-db readonly 1h to see").await;
    let fault = FaultKind::Error {
        error: "internal_error".into(),
    };
    bot.house
        .slack
        .fault(Fault::times("views.publish", 3, fault));
    bot.presses("carol", "jit_approve").await;
    soon(&bot).await;
    bot.types("dana", "done").await;
    let over = bot.house.request(asked.id).await;
    assert!(matches!(
        over.grant().unwrap().state,
        GrantState::Revoked { .. }
    ));
    for _ in 0..4 {
        bot.house.pass(TimeDelta::seconds(20));
        bot.settle().await;
    }
    assert!(tab(&bot, "bob").contains("Nothing waits for you"));
}

#[tokio::test]
async fn whoever_opens_a_tab_while_it_is_drawn_still_gets_it_published() {
    let bot = bot().await;
    opens(&bot, "bob").await;
    let store = bot.house.engine.store().clone();
    let (at, bob) = (("T0ACME", "U0BOB"), bot.house.id("bob"));
    let made = Made::default();
    let take = async || {
        let now = bot.house.clock.now();
        let lease = TimeDelta::seconds(30);
        store.take_homes(now, lease, 1).await.unwrap().remove(0)
    };
    for published in [false, true] {
        bot.house.pass(TimeDelta::seconds(1));
        bot.house.engine.open_home(at, bob).await.unwrap();
        let taken = take().await;
        assert!(taken.forced);
        bot.house.pass(TimeDelta::seconds(1));
        bot.house.engine.open_home(at, bob).await.unwrap();
        let now = bot.house.clock.now();
        let shown = Published {
            shown: taken.shown.clone(),
            hash: taken.hash.clone(),
        };
        if published {
            let kept = store.keep_home(&taken, &shown, &made, now);
            kept.await.unwrap();
        } else {
            let put_off = store.put_off_home(&taken, now, Unpublished::Failed);
            put_off.await.unwrap();
        }
        let again = take().await;
        assert!(again.forced, "published: {published}");
        let kept = store.keep_home(&again, &shown, &made, now);
        kept.await.unwrap();
        bot.house.engine.hurry_home(at.0, at.1).await.unwrap();
        let known = take().await;
        assert!(!known.forced, "it was published");
        let kept = store.keep_home(&known, &shown, &made, now);
        kept.await.unwrap();
    }
}

#[tokio::test]
async fn two_hundred_of_everything_are_paged_section_by_section() {
    let bot = bot().await;
    for n in 0..200 {
        let role = if n % 2 == 0 { "open" } else { "readonly" };
        bot.house.ask("dana", role, "1h").await.unwrap();
    }
    bot.house.settle().await;
    let shown = opens(&bot, "dana").await;
    assert!(shown.contains("Your access (100)"), "{shown}");
    assert!(shown.contains("Your requests (100)"), "{shown}");
    assert!(
        shown.contains("1–5 of 100") && shown.contains("1–6 of 100"),
        "{shown}"
    );
    assert!(blocks(&bot, "dana").len() <= 100);

    presses(&bot, "dana", "page:held/jit_home_page_more").await;
    let shown = tab(&bot, "dana");
    assert!(
        shown.contains("6–10 of 100") && shown.contains("1–6 of 100"),
        "{shown}"
    );
    presses(&bot, "dana", "page:own/jit_home_page_more").await;
    presses(&bot, "dana", "page:held/jit_home_page_back").await;
    let shown = tab(&bot, "dana");
    assert!(
        shown.contains("1–5 of 100") && shown.contains("7–12 of 100"),
        "{shown}"
    );

    let shown = opens(&bot, "bob").await;
    assert!(shown.contains("Waiting for you (100)"), "{shown}");
    let shown = opens(&bot, "lee").await;
    assert!(shown.contains("What you lead (200)"), "{shown}");
    assert!(blocks(&bot, "lee").len() <= 100);
}

#[tokio::test]
async fn a_lead_sees_what_is_held_and_what_waits_of_what_they_own() {
    let bot = bot().await;
    let shown = opens(&bot, "lee").await;
    assert!(
        shown.contains("Nobody holds anything of what you lead"),
        "{shown}"
    );
    bot.house.ask("dana", "open", "1h").await.unwrap();
    bot.house.ask("erin", "readonly", "1h").await.unwrap();
    soon(&bot).await;
    let shown = tab(&bot, "lee");
    assert!(
        shown.contains("open on staging-db") && shown.contains("🟢 until"),
        "{shown}"
    );
    assert!(shown.contains("waits for one person of *dba*"), "{shown}");
    let blocks = Value::Array(blocks(&bot, "lee")).to_string();
    for number in [1, 2] {
        assert!(
            blocks.contains(&format!("|#{number}>")),
            "a way to the card: {blocks}"
        );
    }
    assert!(!opens(&bot, "bob").await.contains("What you lead"));
}

#[tokio::test]
async fn the_panel_is_for_those_who_run_the_bot() {
    let (bot, _) = stuck().await;
    let shown = opens(&bot, "erin").await;
    for words in [
        "Running this bot",
        "Not taken away yet, still trying: 1",
        "readonly on staging-db",
        "Should be gone since",
        "The target said",
        "Retry now",
        "Mark resolved",
        "Its files are without fault",
        "Database",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    for other in ["bob", "lee", "gus"] {
        let shown = opens(&bot, other).await;
        assert!(!shown.contains("Running this bot"), "{other}: {shown}");
    }
    let own = opens(&bot, "dana").await;
    assert!(own.contains("another admin has to answer for it"), "{own}");
    assert!(
        own.contains("Retry now") && !own.contains("Mark resolved"),
        "{own}"
    );
    let of_dana = own.split("Running this bot").next().unwrap();
    assert!(of_dana.contains("being taken away"), "{own}");

    bot.house
        .engine
        .note_policy_trouble(Some("access.yaml:1:1: no".into()));
    bot.house.pass(TimeDelta::minutes(2));
    bot.settle().await;
    assert!(
        tab(&bot, "erin").contains("access.yaml:1:1: no"),
        "by itself"
    );
}

#[tokio::test]
async fn retry_now_asks_the_target_at_once_and_is_on_record() {
    let (bot, id) = stuck().await;
    opens(&bot, "erin").await;
    bot.house.target.heal();
    bot.settle().await;
    presses(&bot, "erin", "jit_home_retry").await;
    let over = bot.house.request(id).await;
    assert!(matches!(
        over.grant().unwrap().state,
        GrantState::Revoked { .. }
    ));
    assert!(bot.house.target.is_empty());
    let erin = bot.house.id("erin");
    let entries = bot.house.engine.store().ledger_of(id, 0).await.unwrap();
    let wanted = Event::RemovalRetried { by: erin };
    assert!(entries.iter().any(|entry| entry.what == wanted));
    soon(&bot).await;
    assert!(
        tab(&bot, "erin").contains("No removal is stuck"),
        "{}",
        tab(&bot, "erin")
    );
    crate::engine::prove(&bot.house).await;
}

/// Erin marks the removal as resolved, with that reason.
async fn resolves(bot: &Bot, why: &str) {
    opens(bot, "erin").await;
    presses(bot, "erin", "jit_home_resolve").await;
    let asked = bot.house.slack.modal("erin").expect("a dialog").plain();
    assert!(
        asked.contains("never said that this access is gone"),
        "{asked}"
    );
    let why = SubmitValues::new().with("jit_why_text", why);
    bot.house.slack.submit("erin", why).await.unwrap();
    bot.settle().await;
}

#[tokio::test]
async fn an_admin_answers_for_a_removal_and_nobody_calls_it_revoked() {
    let (bot, id) = stuck().await;
    resolves(&bot, "   ").await;
    let state = |request: Request| request.grant().unwrap().state.clone();
    let before = state(bot.house.request(id).await);
    assert!(
        matches!(before, GrantState::Revoking { .. }),
        "a reason is needed"
    );

    resolves(&bot, "the server was *scrapped*").await;
    let after = state(bot.house.request(id).await);
    let erin = bot.house.id("erin");
    assert!(
        matches!(&after, GrantState::Resolved { by, why, .. } if *by == erin && why.contains("scrapped")),
        "{after:?}"
    );
    let card = bot.card().plain();
    assert!(card.contains("Marked as resolved, not verified"), "{card}");
    assert!(
        card.contains("scrapped") && !card.contains("Taken away"),
        "{card}"
    );
    assert!(
        bot.house.story().contains("marked this as resolved"),
        "{}",
        bot.house.story()
    );
    soon(&bot).await;
    assert!(tab(&bot, "erin").contains("No removal is stuck"));
    crate::engine::prove(&bot.house).await;

    // The target comes back: what is still there is taken away, and only then it is called gone.
    bot.house.target.heal();
    assert!(!bot.house.target.is_empty(), "the target holds it still");
    assert_eq!(bot.house.engine.look_after_resolved().await.unwrap(), 1);
    bot.settle().await;
    assert!(bot.house.target.is_empty());
    let after = state(bot.house.request(id).await);
    assert!(matches!(after, GrantState::Revoked { .. }), "{after:?}");
    crate::engine::prove(&bot.house).await;
}

#[tokio::test]
async fn what_was_answered_for_can_be_asked_for_and_taken_away_again() {
    let (bot, id) = stuck().await;
    resolves(&bot, "I looked myself").await;
    bot.house.target.heal();
    bot.asked("request staging-db readonly 1h once more").await;
    bot.presses("carol", "jit_approve").await;
    let access = bot.house.request(id).await.access;
    assert!(bot.house.target.holds(&access).is_some(), "given anew");
    bot.types("dana", "done").await;
    assert!(bot.house.target.is_empty());
    let first = bot.house.request(id).await;
    assert!(matches!(
        first.grant().unwrap().state,
        GrantState::Revoked { .. }
    ));
    crate::engine::prove(&bot.house).await;
}

#[tokio::test]
async fn nobody_else_answers_for_a_removal_and_no_admin_for_their_own() {
    let (bot, id) = stuck().await;
    opens(&bot, "erin").await;
    let resolve = |who: &'static str| {
        let house = &bot.house;
        async move {
            let by = house.member(who).await;
            let cause = Cause::slack(by.person, format!("test:{who}"));
            house
                .engine
                .resolve_removal(id, by, "gone".into(), cause)
                .await
        }
    };
    for (who, needed) in [("bob", "ops"), ("lee", "ops")] {
        match resolve(who).await {
            Err(EngineError::Refused(Refusal::NotAnAdmin { needed: groups })) => {
                assert_eq!(groups[0].as_str(), needed);
            }
            other => panic!("{who}: {other:?}"),
        }
    }
    let own = resolve("dana").await;
    assert!(
        matches!(own, Err(EngineError::Refused(Refusal::OwnRemoval))),
        "{own:?}"
    );
    let entries = bot.house.engine.store().ledger_of(id, 0).await.unwrap();
    let refused = entries.iter();
    let refused = refused.filter(|entry| matches!(entry.what, Event::DecisionRefused { .. }));
    assert_eq!(refused.count(), 3, "who tried is on record");

    // Who was an admin when the tab was shown, and is none by now.
    let erin = bot.house.slack.home("erin").unwrap();
    assert!(erin.plain().contains("Mark resolved"));
    let text = policy().replace("erin@acme.example, ", "");
    let source = jitbot::policy::Source {
        name: "access.yaml".into(),
        text,
    };
    let changed = jitbot::policy::Policy::from_sources(vec![source]).unwrap();
    bot.house.engine.adopt(changed).await.unwrap();
    presses(&bot, "erin", "jit_home_resolve").await;
    assert!(bot.house.slack.modal("erin").is_none(), "no dialog");
    let told = bot.house.slack.dms("erin");
    let told = told
        .last()
        .map(jitbot::sandbox::Message::plain)
        .unwrap_or_default();
    assert!(told.contains("Only ops can do this"), "{told}");
    soon(&bot).await;
    assert!(
        !tab(&bot, "erin").contains("Running this bot"),
        "the policy changed"
    );
}

#[tokio::test]
async fn what_does_not_fail_cannot_be_answered_for() {
    let bot = bot().await;
    let asked = bot.asked("request staging-db readonly 1h to see").await;
    bot.presses("bob", "jit_approve").await;
    for command in ["retry", "resolve"] {
        let by = bot.house.member("erin").await;
        let admins = bot.house.engine.policy().admins().to_vec();
        let command = match command {
            "retry" => Command::RetryRemoval { by, admins },
            _ => Command::ResolveRemoval {
                by,
                why: "gone".into(),
                admins,
            },
        };
        let refused = bot.house.run(asked.id, command).await;
        assert!(
            matches!(refused, Err(EngineError::Refused(Refusal::NotStuck))),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn what_waits_for_others_hides_nothing_that_waits_for_the_reader() {
    let bot = bot().await;
    bot.asked("request staging-db readonly 1h to see").await;
    // More than a tab is made of, all of it sooner to expire, and none of it for bob.
    let mut database = PgConnection::connect(bot.house.url()).await.unwrap();
    let crowd = "create temp table crowd as
          select r.* from requests r cross join generate_series(1, 600);
        update crowd set id = gen_random_uuid(), expires_at = expires_at - interval '1 minute',
          number = nextval(pg_get_serial_sequence('requests', 'number')),
          terms = replace(terms::text, '\"dba\"', '\"others\"')::jsonb,
          roster = replace(roster::text, '\"dba\"', '\"others\"')::jsonb;
        update crowd set roster = jsonb_set(roster, '{groups,others}', '[]');
        insert into requests overriding system value select * from crowd";
    sqlx::raw_sql(crowd).execute(&mut database).await.unwrap();
    database.close().await.unwrap();
    let shown = opens(&bot, "bob").await;
    assert!(shown.contains("Waiting for you (1)"), "{shown}");
}

#[tokio::test]
async fn what_is_to_be_looked_at_afterwards_waits_in_the_tab_of_whoever_may() {
    let policy = policy()
        .replace(
            "groups:\n",
            "groups:\n  engineers: { members: [dana@acme.example, lee@acme.example] }\n",
        )
        .replace(
            "    steps: [{ from: [dba], count: 1 }]\n  - name: two",
            "    steps: [{ from: [dba], count: 1 }]\n    break_glass: { who: [engineers], max_duration: 1h, review_within: 24h, review_by: [leads] }\n  - name: two",
        );
    let bot = Bot::under(&policy, None).await;
    for who in ["lee", "bob", "dana"] {
        opens(&bot, who).await;
    }
    bot.types(
        "dana",
        "break-glass staging-db readonly 30m orders are lost",
    )
    .await;
    soon(&bot).await;
    let shown = tab(&bot, "lee");
    for words in [
        "Waiting for you (1)",
        "Review until",
        "without asking",
        "orders are lost",
        "[Not justified…]",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    for who in ["bob", "dana"] {
        let shown = tab(&bot, who);
        assert!(!shown.contains("Justified…"), "{who}: {shown}");
    }
    // Overdue, it waits all the same.
    bot.house.pass(TimeDelta::hours(25));
    soon(&bot).await;
    let shown = tab(&bot, "lee");
    assert!(shown.contains("Review overdue"), "{shown}");
    presses(&bot, "lee", "jit_justified").await;
    let note = SubmitValues::new().with("jit_why_text", "it was down");
    bot.house.slack.submit("lee", note).await.unwrap();
    bot.hears().await;
    // Meanwhile the card of the look shows it, and the card of the request stays as it is.
    let updates = bot.house.slack.calls_to("chat.update");
    let recorded = updates.iter().map(|call| call.args["blocks"].to_string());
    let mut recorded = recorded.filter(|shown| shown.contains("Recording"));
    let shown = recorded.next().expect("it is recorded");
    assert!(shown.contains("Review overdue"), "{shown}");
    assert_eq!(recorded.next(), None);
    soon(&bot).await;
    let shown = tab(&bot, "lee");
    assert!(shown.contains("Nothing waits for you"), "{shown}");
    let request = bot.last_request().await;
    assert!(request.review().unwrap().done.is_some());
    // Nobody looks at what is their own.
    bot.types("lee", "break-glass staging-db readonly 30m again")
        .await;
    soon(&bot).await;
    let shown = tab(&bot, "lee");
    assert!(shown.contains("Nothing waits for you"), "{shown}");
}
