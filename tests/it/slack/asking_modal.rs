//! Asking by forms: opened from everywhere, shown before it is sent, refused without losing a word.

use chrono::TimeDelta;
use jitbot::domain::{GrantState, RequestState, Route, Span};
use jitbot::sandbox::{Fault, FaultKind, Message, SubmitOutcome, SubmitReply, SubmitValues, View};
use jitbot::slack::view::Content;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use super::bot::{Bot, SOON};

/// A policy with everything that a form can ask for.
pub(super) const POLICY: &str = r##"
version: 1
defaults:
  timezone: Europe/Berlin
  channel: "#access-requests"
  fallback_channel: "#access-fallback"
groups:
  dba: { members: [bob@acme.example, carol@acme.example] }
  leads: { members: [lee@acme.example] }
  alone: { members: [dana@acme.example] }
  engineers: { members: [dana@acme.example, erin@acme.example] }
connectors:
  staging: { kind: webhook, url: "https://target.example/jit", secret: { env: NEVER_READ } }
resources:
  staging-db:
    connector: staging
    description: The staging database
    roles: { readonly: app_ro, readwrite: app_rw }
    default_role: readonly
  orders-db: { connector: staging, description: Where orders live, roles: { readonly: app_ro } }
  open-db: { connector: staging, roles: { readonly: app_ro } }
  lonely-db: { connector: staging, roles: { readonly: app_ro } }
  vault: { connector: staging, roles: { reader: app_ro } }
bundles:
  oncall-kit:
    description: What a shift needs
    access: [{ resource: staging-db, role: readonly }, { resource: orders-db }]
  odd-kit:
    access: [{ resource: orders-db }, { resource: lonely-db }]
rules:
  - name: the vault is closed
    match: { resources: [vault], requester_in: [engineers] }
    decision: deny
    message: The vault is closed. Ask the vault team instead.
  - name: open data
    match: { resources: [open-db] }
    decision: approve
    require: { max_duration: 1h }
  - name: reading
    match: { resources: [staging-db], roles: [readonly] }
    decision: review
    require:
      max_duration: 2h
      default_duration: 45m
      reason: { pattern: '\w{4,}', message: Please say why in a few words. }
      start: { latest: 7d }
      extend: { max: 1, by: 30m }
    steps: [{ from: [dba] }]
  - name: writing
    match: { resources: [staging-db], roles: [readwrite] }
    decision: review
    require:
      durations: [30m, 1h]
      ticket: { pattern: 'INC-\d+', message: "Please name the incident, like INC-42." }
      extend: { max: 0 }
    steps: [{ from: [dba] }, { from: [leads] }]
  - name: orders
    match: { resources: [orders-db] }
    decision: review
    require: { max_duration: 2h }
    steps: [{ from: [dba] }]
    break_glass: { who: [engineers], max_duration: 30m, review_within: 24h, review_by: [leads] }
  - name: nobody else is there
    match: { resources: [lonely-db] }
    decision: review
    steps: [{ from: [alone] }]
"##;

pub(super) async fn bot() -> Bot {
    Bot::under(POLICY, None).await
}

/// The form that somebody sees.
pub(super) fn form(bot: &Bot, user: &str) -> View {
    bot.house.slack.modal(user).expect("a form")
}

/// What a view says, without what makes it bold.
pub(super) fn page(view: &View) -> String {
    view.plain().replace('*', "")
}

pub(super) async fn enters(bot: &Bot, user: &str, key: &str, value: impl Into<Value> + Send) {
    let reply = bot.house.slack.enter(user, key, value).await.unwrap();
    assert!(reply.acks.iter().all(|ack| ack.in_time), "{reply:?}");
    bot.settle().await;
}

/// Types into the select until what is wanted is offered, and chooses it.
pub(super) async fn chooses(bot: &Bot, user: &str, what: &str) {
    let typed = what.trim_end_matches(" (bundle)");
    let options = bot.house.slack.suggest(user, "jit_ask_what", typed).await;
    assert!(!options.unwrap().is_empty(), "{what} is offered");
    enters(bot, user, "jit_ask_what", what).await;
}

pub(super) async fn sends(bot: &Bot, user: &str, values: SubmitValues) -> SubmitReply {
    let reply = bot.house.slack.submit(user, values).await.unwrap();
    bot.settle().await;
    reply
}

pub(super) fn because(why: &str) -> SubmitValues {
    SubmitValues::new().with("jit_ask_reason", why)
}

/// What is chosen or written under that action.
pub(super) fn holds(view: &View, action: &str) -> Value {
    let state = view.state();
    let mut blocks = state.as_object().unwrap().values();
    let found = blocks.find_map(|block| block.get(action));
    let found = found.unwrap_or_else(|| panic!("{action} in {state:#}"));
    let option = &found["selected_option"]["value"];
    [
        option,
        &found["value"],
        &found["selected_user"],
        &found["selected_date_time"],
    ]
    .into_iter()
    .find(|value| !value.is_null())
    .cloned()
    .unwrap_or_default()
}

pub(super) fn has(view: &View, action: &str) -> bool {
    view.state()
        .as_object()
        .unwrap()
        .values()
        .any(|block| block.get(action).is_some())
}

pub(super) async fn asked(bot: &Bot) -> usize {
    bot.house.engine.store().all_requests().await.unwrap().len()
}

pub(super) fn dms(bot: &Bot, user: &str) -> Vec<Message> {
    bot.house.slack.dms(user)
}

/// A message of the bot's with one button.
pub(super) async fn button(bot: &Bot, action: &str, value: &str) -> (String, String) {
    let button = json!({
        "type": "button", "action_id": action, "value": value,
        "text": {"type": "plain_text", "text": "Press"},
    });
    let content = Content {
        text: "Press".to_owned(),
        blocks: vec![json!({"type": "actions", "elements": [button]})],
    };
    let client = &bot.house.worker.slack;
    let posted = client.post("#general", &content, None).await.unwrap();
    (posted.channel, posted.ts)
}

pub(super) async fn presses(bot: &Bot, user: &str, (channel, ts): &(String, String), key: &str) {
    let reply = bot.house.slack.click(user, channel, ts, key).await.unwrap();
    assert!(reply.in_time(), "{reply:?}");
    bot.settle().await;
}

#[tokio::test]
async fn jit_alone_opens_a_form_that_shows_who_decides_before_it_is_sent() {
    let bot = bot().await;
    assert_eq!(bot.types("dana", "").await, "", "the form says it all");
    assert_eq!(form(&bot, "dana").callback_id(), "jit_ask_form");
    chooses(&bot, "dana", "staging-db").await;
    let shown = form(&bot, "dana");
    assert_eq!(holds(&shown, "jit_ask_role"), "readonly", "the default");
    assert_eq!(holds(&shown, "jit_ask_time"), "2700", "the rule's default");
    let said = page(&shown);
    for part in [
        "one person of dba",
        "@bob",
        "@carol",
        "reading",
        "access-requests",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    enters(&bot, "dana", "jit_ask_role", "readwrite").await;
    let said = page(&form(&bot, "dana"));
    assert!(
        said.contains("then one person of leads") && said.contains("@lee"),
        "{said}"
    );
    assert_eq!(asked(&bot).await, 0, "nothing is asked yet");
    enters(&bot, "dana", "jit_ask_role", "readonly").await;
    let reply = sends(&bot, "dana", because("orders are stuck")).await;
    assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
    assert!(reply.in_time());
    let told = page(&form(&bot, "dana"));
    assert!(
        told.contains("Request sent") && told.contains("#1"),
        "{told}"
    );
    let request = bot.last_request().await;
    assert!(matches!(request.state, RequestState::Pending { .. }));
    assert_eq!(
        (request.duration, request.reason.as_str()),
        (Span::hours(1), "orders are stuck")
    );
    assert!(bot.card().plain().contains("orders are stuck"));
}

#[tokio::test]
async fn the_form_works_the_same_over_socket_mode() {
    let bot = Bot::by_socket().await;
    bot.types("dana", "request").await;
    chooses(&bot, "dana", "staging-db").await;
    let reply = sends(&bot, "dana", because("to see")).await;
    assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
    assert_eq!(asked(&bot).await, 1);
}

#[tokio::test]
async fn shortcuts_open_the_form_and_a_message_goes_along() {
    let bot = bot().await;
    let slack = &bot.house.slack;
    assert!(slack.shortcut("dana", "jit_ask").await.unwrap().in_time());
    bot.settle().await;
    assert_eq!(form(&bot, "dana").callback_id(), "jit_ask_form");
    let written = slack
        .say("erin", "general", "orders are <!channel> stuck", None)
        .unwrap();
    let place = (written.channel.as_str(), written.ts.as_str());
    assert!(
        slack
            .message_shortcut("dana", place, "jit_ask_about")
            .await
            .unwrap()
            .in_time()
    );
    bot.settle().await;
    chooses(&bot, "dana", "open-db").await;
    let said = page(&form(&bot, "dana"));
    assert!(
        said.contains("Approved at once") && said.contains("this message"),
        "{said}"
    );
    let reply = sends(&bot, "dana", because("to look")).await;
    assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
    let blocks = Value::Array(bot.card().blocks.clone()).to_string();
    let link = format!(
        "/archives/{}/p{}|this message>",
        written.channel,
        written.ts.replace('.', "")
    );
    assert!(blocks.contains(&link), "{blocks}");
    assert!(matches!(
        bot.last_request().await.terms.route,
        Route::Automatic { .. }
    ));
}

#[tokio::test]
async fn a_button_opens_the_form_for_what_it_names() {
    let bot = bot().await;
    let place = button(&bot, "jit_ask", "orders-db").await;
    presses(&bot, "dana", &place, "jit_ask").await;
    let view = form(&bot, "dana");
    assert_eq!(holds(&view, "jit_ask_what"), "resource:orders-db");
    assert!(
        page(&view).contains("one person of dba"),
        "{}",
        view.plain()
    );
    bot.house.slack.close_modal("dana").await.unwrap();
    let place = button(&bot, "jit_ask", " ").await;
    presses(&bot, "dana", &place, "jit_ask").await;
    assert_eq!(holds(&form(&bot, "dana"), "jit_ask_what"), Value::Null);
}

#[tokio::test]
async fn policy_says_no_before_anything_is_sent() {
    let bot = bot().await;
    for (what, why) in [
        ("vault", "Ask the vault team instead"),
        ("lonely-db", "Nobody could finish this approval"),
        ("gone-db", "I know nothing called"),
    ] {
        let place = button(&bot, "jit_ask", what).await;
        presses(&bot, "dana", &place, "jit_ask").await;
        let said = page(&form(&bot, "dana"));
        assert!(
            said.contains("would be refused") && said.contains(why),
            "{what}: {said}"
        );
    }
    assert_eq!(asked(&bot).await, 0);
}

#[tokio::test]
async fn a_form_that_is_sent_twice_is_one_request() {
    let bot = bot().await;
    bot.types("dana", "").await;
    chooses(&bot, "dana", "open-db").await;
    let reply = bot
        .house
        .slack
        .twice()
        .submit("dana", because("to look"))
        .await
        .unwrap();
    bot.settle().await;
    assert!(reply.in_time(), "{reply:?}");
    assert_eq!(asked(&bot).await, 1);
}

#[tokio::test]
async fn what_is_wrong_stands_beside_its_input_and_nothing_is_lost() {
    let bot = bot().await;
    bot.types("dana", "").await;
    chooses(&bot, "dana", "staging-db").await;
    // Twice the same: the second is no repetition of the first.
    for _ in 0..2 {
        let reply = sends(&bot, "dana", because("no")).await;
        let errors = reply.errors();
        assert_eq!(
            errors["jit_ask_reason"], "Please say why in a few words.",
            "{reply:?}"
        );
        assert_eq!(holds(&form(&bot, "dana"), "jit_ask_reason"), "no");
    }
    enters(&bot, "dana", "jit_ask_time", "other").await;
    enters(&bot, "dana", "jit_ask_other", "9h").await;
    let said = page(&form(&bot, "dana"));
    assert!(said.contains("9h is more than the policy allows"), "{said}");
    let reply = sends(&bot, "dana", because("a long night")).await;
    assert!(
        reply.errors()["jit_ask_other"].contains("at most 2h"),
        "{reply:?}"
    );
    let reply = sends(
        &bot,
        "dana",
        SubmitValues::new().with("jit_ask_other", "soon"),
    )
    .await;
    assert!(reply.errors()["jit_ask_other"].contains("45m"), "{reply:?}");
    assert_eq!(holds(&form(&bot, "dana"), "jit_ask_reason"), "a long night");
    let reply = sends(
        &bot,
        "dana",
        SubmitValues::new().with("jit_ask_other", "90m"),
    )
    .await;
    assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
    assert_eq!(bot.last_request().await.duration, Span::minutes(90));
}

#[tokio::test]
async fn a_ticket_has_its_own_field_where_the_rule_wants_one() {
    let bot = bot().await;
    bot.types("dana", "").await;
    chooses(&bot, "dana", "staging-db").await;
    assert!(!has(&form(&bot, "dana"), "jit_ask_ticket"));
    enters(&bot, "dana", "jit_ask_role", "readwrite").await;
    let view = form(&bot, "dana");
    assert!(
        view.plain().contains("like INC-42") || view.content.to_string().contains("like INC-42")
    );
    let values = because("stuck").with("jit_ask_ticket", "none");
    let reply = sends(&bot, "dana", values).await;
    assert!(
        reply.errors()["jit_ask_ticket"].contains("INC-42"),
        "{reply:?}"
    );
    let reply = sends(
        &bot,
        "dana",
        SubmitValues::new().with("jit_ask_ticket", "INC-7"),
    )
    .await;
    assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
    let request = bot.last_request().await;
    assert_eq!(request.reason, "INC-7 stuck");
    assert_eq!(request.terms.ticket.as_deref(), Some("INC-7"));
    assert_eq!(
        request.duration,
        Span::hours(1),
        "one of those that are offered"
    );
}

#[tokio::test]
async fn a_refusal_that_is_about_all_of_it_stands_above_the_form() {
    let bot = bot().await;
    bot.types("dana", "").await;
    chooses(&bot, "dana", "lonely-db").await;
    let reply = sends(&bot, "dana", because("to see the light")).await;
    assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
    let view = form(&bot, "dana");
    assert!(page(&view).contains("Not sent.") && page(&view).contains("Nobody could finish"));
    assert_eq!(holds(&view, "jit_ask_what"), "resource:lonely-db");
    assert_eq!(holds(&view, "jit_ask_reason"), "to see the light");
    assert_eq!(asked(&bot).await, 0);
}

#[tokio::test]
async fn for_somebody_else_for_later_and_in_an_emergency() {
    let bot = bot().await;
    bot.types("dana", "").await;
    chooses(&bot, "dana", "staging-db").await;
    let later = crate::harness::house::morning() + TimeDelta::hours(20);
    enters(&bot, "dana", "jit_ask_start", later.timestamp()).await;
    enters(&bot, "dana", "jit_ask_holder", "erin").await;
    let reply = sends(&bot, "dana", because("the night shift")).await;
    assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
    let request = bot.last_request().await;
    assert_eq!(request.access.person, bot.house.id("erin"));
    assert_eq!(request.requester, bot.house.id("dana"));
    assert_eq!(request.terms.start, Some(later));

    bot.types("dana", "").await;
    chooses(&bot, "dana", "staging-db").await;
    let too_late = later + TimeDelta::days(30);
    enters(&bot, "dana", "jit_ask_start", too_late.timestamp()).await;
    let reply = sends(&bot, "dana", because("much later")).await;
    assert!(
        reply.errors()["jit_ask_start"].contains("at most 7d ahead"),
        "{reply:?}"
    );

    bot.types("erin", "").await;
    chooses(&bot, "erin", "orders-db").await;
    enters(&bot, "erin", "jit_ask_emergency", json!(["yes"])).await;
    let said = page(&form(&bot, "erin"));
    assert!(
        said.contains("Break-glass: given at once") && said.contains("leads"),
        "{said}"
    );
    let reply = sends(&bot, "erin", because("orders are lost")).await;
    assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
    let request = bot.last_request().await;
    assert!(matches!(request.terms.route, Route::BreakGlass(_)));
    assert!(request.duration <= Span::minutes(30));
}

#[tokio::test]
async fn break_glass_is_offered_only_to_who_may() {
    let bot = bot().await;
    for (user, offered) in [("dana", true), ("lee", false)] {
        bot.types(user, "").await;
        chooses(&bot, user, "orders-db").await;
        assert_eq!(
            has(&form(&bot, user), "jit_ask_emergency"),
            offered,
            "{user}"
        );
    }
}

#[tokio::test]
async fn a_bundle_shows_what_becomes_of_each_part() {
    let bot = bot().await;
    bot.types("dana", "").await;
    chooses(&bot, "dana", "oncall-kit (bundle)").await;
    let said = page(&form(&bot, "dana"));
    for part in [
        "readonly on staging-db",
        "orders-db",
        "Rule reading",
        "Rule orders",
        "@bob",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let reply = sends(&bot, "dana", because("my shift begins")).await;
    assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
    assert_eq!(asked(&bot).await, 2);

    bot.types("erin", "").await;
    chooses(&bot, "erin", "odd-kit (bundle)").await;
    let said = page(&form(&bot, "erin"));
    assert!(said.contains("Rule orders"), "{said}");
    bot.types("dana", "").await;
    chooses(&bot, "dana", "odd-kit (bundle)").await;
    let said = page(&form(&bot, "dana"));
    assert!(
        said.contains("would be refused") && said.contains("Rule orders"),
        "{said}"
    );
    let reply = sends(&bot, "dana", because("all of it")).await;
    assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
    assert!(page(&form(&bot, "dana")).contains("one part of the bundle is refused"));
    assert_eq!(asked(&bot).await, 2, "nothing of it");
}

#[tokio::test]
async fn a_command_with_parts_missing_opens_the_form_with_what_was_understood() {
    let bot = bot().await;
    for (typed, missing, chosen) in [
        (
            "request stagin-db 1h",
            "Did you mean staging-db",
            ("jit_ask_what", Value::Null),
        ),
        (
            "request staging-db root 1h for the incident",
            "has no role",
            ("jit_ask_what", json!("resource:staging-db")),
        ),
        (
            "request orders-db",
            "For how long",
            ("jit_ask_time", json!("3600")),
        ),
        (
            "request staging-db 30m",
            "in a few words",
            ("jit_ask_time", json!("1800")),
        ),
        (
            "request staging-db readwrite 30m stuck",
            "name the incident",
            ("jit_ask_reason", json!("stuck")),
        ),
        (
            "request staging-db 30m for <@U0ERIN|erin>",
            "in a few words",
            ("jit_ask_holder", json!("U0ERIN")),
        ),
    ] {
        let told = bot.types("dana", typed).await;
        assert_eq!(told, "", "{typed}");
        let view = form(&bot, "dana");
        let said = page(&view);
        assert!(
            said.contains("Almost there") && said.contains(missing),
            "{typed}: {said}"
        );
        assert_eq!(holds(&view, chosen.0), chosen.1, "{typed}: {said}");
        bot.house.slack.close_modal("dana").await.unwrap();
    }
    assert_eq!(asked(&bot).await, 0);
    bot.types("dana", "request staging-db 30m orders are stuck")
        .await;
    assert_eq!(asked(&bot).await, 1, "the whole of it needs no form");
}

#[tokio::test]
async fn where_it_is_too_late_for_a_form_the_command_answers_in_words() {
    let bot = bot().await;
    let late = |error: &str| FaultKind::Error {
        error: error.into(),
    };
    for (typed, code, answer) in [
        ("", "expired_trigger_id", "/jit request"),
        ("request orders-db", "expired_trigger_id", "For how long"),
        ("request stagin-db 1h", "trigger_exchanged", "staging-db"),
    ] {
        bot.house.slack.fault(Fault::once("views.open", late(code)));
        let told = bot.types("dana", typed).await;
        assert!(told.contains(answer), "{typed}: {told}");
        assert!(bot.house.slack.modal("dana").is_none());
    }
    let slack = &bot.house.slack;
    slack.fault(Fault::once("views.open", late("expired_trigger_id")));
    slack.shortcut("dana", "jit_ask").await.unwrap();
    bot.settle().await;
    let told = dms(&bot, "dana").last().map(Message::plain);
    assert!(told.unwrap().contains("did not open in time"));
}

#[tokio::test]
async fn only_what_one_may_ask_for_is_offered_however_much_there_is() {
    let one = |n: u32| {
        let about = "א".repeat(90);
        format!(
            "  svc-{n:03}: {{ connector: staging, description: {about}, roles: {{ readonly: ro }} }}\n"
        )
    };
    let many: String = (0..180).map(one).collect();
    let named =
        "  till-db: { connector: staging, description: שרת הזמנות, roles: { readonly: ro } }
  launch: { connector: staging, description: \"Rockets 🚀\", roles: { readonly: ro } }
  secret-db: { connector: staging, roles: { readonly: ro } }
";
    let rules = "rules:
  - name: secrets
    match: { resources: [secret-db], requester_in: [leads] }
    decision: review
    steps: [{ from: [dba] }]
  - name: the rest
    match: { resources: [\"svc-*\", till-db, launch] }
    decision: review
    steps: [{ from: [dba] }]
";
    let policy = POLICY
        .replace("bundles:\n", &format!("{many}{named}bundles:\n"))
        .replace("rules:\n", rules);
    let bot = Bot::under(&policy, None).await;
    bot.types("dana", "request svc-170 1h to see").await;
    bot.types("dana", "").await;
    let suggests = async |user: &str, typed: &str| {
        let found = bot.house.slack.suggest(user, "jit_ask_what", typed).await;
        let name = |option: &Value| option["text"]["text"].as_str().unwrap().to_owned();
        found.unwrap().iter().map(name).collect::<Vec<String>>()
    };
    let all = suggests("dana", "").await;
    assert_eq!(all.len(), 100, "as many as Slack takes");
    assert_eq!(all[0], "svc-170", "what was asked for last");
    for (typed, found) in [
        ("svc-009", "svc-009"),
        ("הזמנות", "till-db"),
        ("🚀", "launch"),
        ("launhc", "launch"),
        ("oncall", "oncall-kit (bundle)"),
    ] {
        assert_eq!(suggests("dana", typed).await[0], found, "{typed}");
    }
    // For somebody else it is still what one asked for oneself that comes first.
    bot.types("erin", "request svc-160 1h to see").await;
    enters(&bot, "dana", "jit_ask_holder", "erin").await;
    assert_eq!(suggests("dana", "svc").await[0], "svc-170");
    enters(&bot, "dana", "jit_ask_holder", "dana").await;
    for closed in ["secret", "vault"] {
        assert_eq!(suggests("dana", closed).await, [] as [&str; 0], "{closed}");
    }
    for what in ["till-db", "launch", "svc-100"] {
        chooses(&bot, "dana", what).await;
        let said = page(&form(&bot, "dana"));
        assert!(said.contains("one person of dba"), "{what}: {said}");
    }
    bot.types("lee", "").await;
    assert_eq!(suggests("lee", "secret").await, ["secret-db"]);
}

#[tokio::test]
async fn without_a_database_the_form_stays_with_what_was_entered() {
    let bot = bot().await;
    bot.types("dana", "").await;
    chooses(&bot, "dana", "staging-db").await;
    bot.house.engine.store().close().await;
    let slack = &bot.house.slack;
    let reply = slack
        .submit("dana", because("orders are stuck"))
        .await
        .unwrap();
    assert!(
        reply.errors()["jit_ask_reason"].contains("try again"),
        "{reply:?}"
    );
    assert_eq!(
        holds(&form(&bot, "dana"), "jit_ask_reason"),
        "orders are stuck"
    );
}

/// Has somebody looked at again, and one more look at anybody take that long.
pub(super) async fn slowly(bot: &Bot, user: &str, millis: u64) {
    let id = format!("U0{}", user.to_uppercase());
    let changed = json!({"type": "user_change", "user": {"id": id}});
    bot.house.slack.event(changed).await;
    bot.house
        .slack
        .fault(Fault::once("users.info", FaultKind::Delay { millis }));
}

#[tokio::test]
async fn an_answer_to_an_earlier_change_does_not_come_over_a_later_one() {
    let bot = bot().await;
    bot.types("dana", "").await;
    let slack = &bot.house.slack;
    for what in ["open-db", "orders-db"] {
        slack.suggest("dana", "jit_ask_what", what).await.unwrap();
    }
    slowly(&bot, "dana", 1_500).await;
    slack
        .enter("dana", "jit_ask_what", "open-db")
        .await
        .unwrap();
    slack
        .enter("dana", "jit_ask_what", "orders-db")
        .await
        .unwrap();
    bot.settle().await;
    let said = page(&form(&bot, "dana"));
    assert!(said.contains("Rule orders"), "{said}");
    assert!(!said.contains("Approved at once"), "{said}");
}

#[tokio::test]
async fn a_form_that_is_not_ready_opens_at_once_and_is_filled_in() {
    let bot = bot().await;
    let place = button(&bot, "jit_ask", "orders-db").await;
    slowly(&bot, "dana", 1_500).await;
    let slack = &bot.house.slack;
    slack
        .click("dana", &place.0, &place.1, "jit_ask")
        .await
        .unwrap();
    let waiting = |slack: &jitbot::sandbox::Sandbox| {
        slack
            .modal("dana")
            .is_some_and(|view| view.plain().contains("One moment"))
    };
    assert!(slack.wait_for(waiting, SOON).await);
    bot.settle().await;
    assert!(page(&form(&bot, "dana")).contains("one person of dba"));
}

#[tokio::test]
async fn an_answer_that_takes_long_comes_in_the_forms_place() {
    let bot = bot().await;
    bot.types("dana", "").await;
    chooses(&bot, "dana", "orders-db").await;
    // Another transaction holds up what writes it down, for longer than Slack waits for an answer.
    let mut other = PgConnection::connect(bot.house.url()).await.unwrap();
    let hold = "begin; lock table requests in share row exclusive mode";
    sqlx::raw_sql(hold).execute(&mut other).await.unwrap();
    let slack = &bot.house.slack;
    let reply = slack.submit("dana", because("to look")).await.unwrap();
    assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
    assert!(reply.in_time());
    let said = page(&form(&bot, "dana"));
    assert!(said.contains("The answer comes here"), "{said}");
    sqlx::raw_sql("commit").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    bot.settle().await;
    let said = page(&form(&bot, "dana"));
    assert!(said.contains("Request sent"), "{said}");
    assert_eq!(asked(&bot).await, 1);
}

#[tokio::test]
async fn what_is_over_can_be_asked_for_again_and_only_by_whose_it_was() {
    let bot = bot().await;
    bot.types("dana", "request staging-db 30m orders are stuck")
        .await;
    bot.house.clock.advance(TimeDelta::hours(9));
    bot.house.worker.sweep().await.unwrap();
    bot.settle().await;
    let last = dms(&bot, "dana").pop().unwrap();
    assert!(last.plain().contains("[Ask again…]"), "{}", last.plain());
    let place = (last.channel.clone(), last.ts.clone());
    presses(&bot, "dana", &place, "jit_ask_again").await;
    let view = form(&bot, "dana");
    assert_eq!(holds(&view, "jit_ask_what"), "resource:staging-db");
    assert_eq!(holds(&view, "jit_ask_time"), "1800");
    assert_eq!(holds(&view, "jit_ask_reason"), "orders are stuck");
    let reply = sends(&bot, "dana", SubmitValues::new()).await;
    assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
    assert_eq!(asked(&bot).await, 2);

    let request = bot.last_request().await.id.to_string();
    let place = button(&bot, "jit_ask_again", &request).await;
    presses(&bot, "erin", &place, "jit_ask_again").await;
    assert!(bot.house.slack.modal("erin").is_none());
    assert!(
        bot.told("erin").contains("Only the person who asked"),
        "{}",
        bot.told("erin")
    );
}

#[tokio::test]
async fn more_time_is_asked_for_by_a_small_form() {
    let bot = bot().await;
    bot.types("dana", "request staging-db 30m orders are stuck")
        .await;
    bot.presses("bob", "jit_approve").await;
    let active = dms(&bot, "dana").pop().unwrap();
    assert!(active.plain().contains("[Extend…]"), "{}", active.plain());
    let place = (active.channel.clone(), active.ts.clone());
    presses(&bot, "dana", &place, "jit_extend").await;
    let view = form(&bot, "dana");
    let said = page(&view);
    assert!(
        said.contains("Ask for more time") && said.contains("one person of dba"),
        "{said}"
    );
    assert_eq!(
        holds(&view, "jit_ask_time"),
        "1800",
        "as much as the rule adds at the most"
    );
    let reply = sends(&bot, "dana", because("no")).await;
    assert!(reply.errors().contains_key("jit_ask_reason"), "{reply:?}");
    enters(&bot, "dana", "jit_ask_time", "900").await;
    let reply = sends(&bot, "dana", because("still looking")).await;
    assert_eq!(reply.outcome, SubmitOutcome::Updated, "{reply:?}");
    let request = bot.last_request().await;
    assert!(request.extends.is_some() && request.duration == Span::minutes(15));
    bot.presses("bob", "jit_approve").await;
    let extended = bot.last_request().await;
    assert!(matches!(
        extended.grant().map(|grant| &grant.state),
        Some(GrantState::Active { .. })
    ));
    let told = dms(&bot, "dana").pop().unwrap().plain();
    assert!(!told.contains("[Extend…]"), "it was the last time: {told}");
    presses(&bot, "dana", &place, "jit_extend").await;
    assert!(
        bot.told("dana").contains("was extended"),
        "{}",
        bot.told("dana")
    );
}

#[tokio::test]
async fn no_button_offers_more_time_where_the_rule_gives_none() {
    let bot = bot().await;
    bot.types("dana", "request staging-db readwrite 30m INC-1 stuck")
        .await;
    bot.presses("bob", "jit_approve").await;
    bot.presses("lee", "jit_approve").await;
    let active = dms(&bot, "dana").pop().unwrap().plain();
    assert!(
        active.contains("[Done early]") && !active.contains("[Extend…]"),
        "{active}"
    );
}
