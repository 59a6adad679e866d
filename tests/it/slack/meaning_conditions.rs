//! What chooses a rule, and what a rule asks for, played in chat: matches, conditions, limits and
//! steps. Each test has rules of its own over the same people and resources.

use chrono::TimeDelta;
use jitbot::domain::{GrantState, RequestState};
use jitbot::sandbox::{Message, SubmitValues};

use super::bot::Bot;

/// Everything but the rules. It is Monday, ten o'clock in Berlin where dana is, four in New
/// York where bob is, and six in the evening in Tokyo where carol is.
const BEFORE: &str = r##"
version: 1
defaults:
  timezone: Europe/Berlin
  channel: "#access-requests"
  fallback_channel: "#access-fallback"
people:
  dana: { emails: [dana@acme.example, erin@acme.example] }
groups:
  dba: { members: [bob@acme.example, carol@acme.example] }
  leads: { members: [lee@acme.example] }
  duty: { members: [bob@acme.example] }
  crew: { members: [carol@acme.example] }
  engineers: { members: [dana, bob@acme.example, carol@acme.example] }
connectors:
  staging: { kind: webhook, url: "https://target.example/jit", secret: { env: NEVER_READ } }
resources:
  orders-prod:
    connector: staging
    labels: { env: prod, team: payments }
    sensitivity: high
    owner: [crew]
    roles: { readonly: orders_ro, readwrite: orders_rw }
    default_role: readonly
  orders-dev:
    connector: staging
    labels: { env: dev }
    sensitivity: low
    owner: [crew]
    roles: { readonly: dev_ro, readwrite: dev_rw }
    default_role: readonly
rules:
"##;

/// What asks a person where no rule of a test decided before.
const OTHERWISE: &str = "
  - name: otherwise somebody looks
    match: {}
    decision: review
    steps: [{ from: [dba] }]
";

async fn under(rules: &str) -> Bot {
    Bot::under(&format!("{BEFORE}{rules}"), None).await
}

/// The same, where tomorrow is a holiday.
async fn before_a_holiday(rules: &str) -> Bot {
    let before = BEFORE.replace("people:", "  holidays: [2027-03-02]\npeople:");
    Bot::under(&format!("{before}{rules}"), None).await
}

/// What became of what somebody asked.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    /// It is given, by itself.
    Given,
    /// People are asked, under that rule.
    Asked(String),
    /// It was refused with these words.
    Refused(String),
}

async fn asks(bot: &Bot, user: &str, text: &str) -> Came {
    let before = bot.house.engine.store().all_requests().await.unwrap().len();
    let told = bot.is_answered(user, text).await;
    let after = bot.house.engine.store().all_requests().await.unwrap().len();
    if after == before {
        return Came::Refused(told);
    }
    let request = bot.last_request().await;
    match request.state {
        RequestState::Pending { .. } => Came::Asked(request.terms.rule.to_string()),
        RequestState::Approved { grant, .. }
            if matches!(grant.state, GrantState::Active { .. }) =>
        {
            assert!(bot.house.target.holds(&request.access).is_some());
            Came::Given
        }
        other => panic!("{other:?}"),
    }
}

fn otherwise() -> Came {
    Came::Asked("otherwise somebody looks".to_owned())
}

fn refused(came: Came) -> String {
    match came {
        Came::Refused(words) => words,
        other => panic!("{other:?}"),
    }
}

// -- what a rule is about --

#[tokio::test]
async fn a_rule_matches_labels_sensitivity_and_patterns_of_names() {
    for about in [
        "labels: { env: dev }",
        "sensitivity: [low]",
        "resources: [\"*-dev\"]",
    ] {
        let rule = format!(
            "
  - name: development is open
    match: {{ {about} }}
    decision: approve
{OTHERWISE}"
        );
        let bot = under(&rule).await;
        let came = asks(&bot, "dana", "request orders-dev 1h to see").await;
        assert_eq!(came, Came::Given, "{about}");
        let came = asks(&bot, "dana", "request orders-prod 1h to see").await;
        assert_eq!(came, otherwise(), "{about}");
    }
}

#[tokio::test]
async fn a_denial_wins_wherever_it_stands() {
    let bot = under(
        "
  - name: anybody reads
    match: { roles: [readonly] }
    decision: approve
  - name: not production
    match: { labels: { env: prod } }
    decision: deny
    message: Production is closed this week.
",
    )
    .await;
    let words = refused(asks(&bot, "dana", "request orders-prod 1h to see").await);
    assert!(words.contains("Production is closed this week."), "{words}");
    let came = asks(&bot, "dana", "request orders-dev 1h to see").await;
    assert_eq!(came, Came::Given);
    let words = refused(asks(&bot, "dana", "request orders-dev readwrite 1h to see").await);
    assert!(words.contains("No rule"), "nothing by default: {words}");
}

// -- conditions --

#[tokio::test]
async fn hours_and_days_go_by_the_policys_clock_and_the_askers() {
    let rules = format!(
        "
  - name: asleep where they are
    match: {{ roles: [readwrite] }}
    when: now.local.hour < 6
    decision: deny
    message: Please sleep first.
  - name: nothing on holidays
    match: {{}}
    when: now.holiday
    decision: deny
    message: Today is a holiday.
  - name: by day
    match: {{}}
    when: now.hour >= 9 && now.hour < 17 && now.weekday == 'mon'
    decision: approve
{OTHERWISE}"
    );
    let bot = before_a_holiday(&rules).await;
    let words = refused(asks(&bot, "bob", "request orders-dev readwrite 1h to see").await);
    assert!(words.contains("Please sleep first."), "{words}");
    let came = asks(&bot, "carol", "request orders-dev readwrite 1h to see").await;
    assert_eq!(came, Came::Given, "it is evening in Tokyo");
    bot.house.pass(TimeDelta::hours(8));
    let came = asks(&bot, "dana", "request orders-dev 1h to see").await;
    assert_eq!(came, otherwise(), "it is 18:00 in Berlin");
    bot.house.pass(TimeDelta::hours(8));
    let words = refused(asks(&bot, "dana", "request orders-prod 1h to see").await);
    assert!(words.contains("Today is a holiday."), "{words}");
    bot.house.pass(TimeDelta::days(1));
    let came = asks(&bot, "dana", "request orders-prod 1h to see").await;
    assert_eq!(came, otherwise(), "Wednesday at two");
}

#[tokio::test]
async fn a_condition_sees_what_the_asker_asked_before() {
    let rules = format!(
        "
  - name: who was never denied
    match: {{ resources: [orders-dev] }}
    when: \"!history.requests.exists(r, r.outcome == 'denied')\"
    decision: approve
{OTHERWISE}"
    );
    let bot = under(&rules).await;
    let came = asks(&bot, "dana", "request orders-dev 1h to see").await;
    assert_eq!(came, Came::Given);
    asks(&bot, "dana", "request orders-prod 1h to see").await;
    bot.presses("bob", "jit_deny").await;
    let why = SubmitValues::new().with("jit_why_text", "not now");
    bot.house.slack.submit("bob", why).await.unwrap();
    bot.settle().await;
    let denied = bot.last_request().await;
    assert!(matches!(denied.state, RequestState::Denied { .. }));
    let came = asks(&bot, "dana", "request orders-dev readwrite 1h to see").await;
    assert_eq!(came, otherwise());
    let came = asks(&bot, "carol", "request orders-dev 1h to see").await;
    assert_eq!(came, Came::Given, "it was not hers");
}

/// A label that development does not have.
const FAILS: &str = "when: resource.labels.team == 'payments'";

#[tokio::test]
async fn a_condition_that_fails_lets_nobody_in() {
    for (decision, answer) in [
        ("decision: approve", None),
        (
            "decision: deny\n    message: Payments is closed.",
            Some("Payments is closed."),
        ),
        (
            "decision: review\n    steps: [{ from: [leads] }]",
            Some("could not find out"),
        ),
    ] {
        let rules = format!(
            "
  - name: payments
    match: {{}}
    {FAILS}
    {decision}
{OTHERWISE}"
        );
        let bot = under(&rules).await;
        let came = asks(&bot, "dana", "request orders-dev 1h to see").await;
        match answer {
            None => assert_eq!(came, otherwise(), "{decision}"),
            Some(answer) => {
                let words = refused(came);
                assert!(words.contains(answer), "{decision}: {words}");
            }
        }
    }
}

#[tokio::test]
async fn a_step_is_asked_where_its_condition_holds_and_where_it_fails() {
    let rules = format!(
        "
  - name: long ones go to the leads as well
    match: {{}}
    decision: review
    steps:
      - {{ from: [dba] }}
      - {{ from: [leads], when: request.duration > duration('1h') }}
      - {{ from: [leads], {FAILS} }}
"
    );
    let bot = under(&rules).await;
    let steps = |bot: &Bot| {
        let store = bot.house.engine.store().clone();
        async move {
            let requests = store.all_requests().await.unwrap();
            let last = requests.into_iter().max_by_key(|request| request.number);
            last.unwrap().terms.route.steps().len()
        }
    };
    asks(&bot, "dana", "request orders-prod 1h to see").await;
    assert_eq!(steps(&bot).await, 2, "payments has that label");
    asks(&bot, "carol", "request orders-dev 1h to see").await;
    assert_eq!(steps(&bot).await, 2, "asked to be sure");
}

// -- who is asked --

#[tokio::test]
async fn all_groups_of_a_step_have_to_agree() {
    let bot = under(
        "
  - name: both
    match: {}
    decision: review
    steps: [{ from: [dba, leads], mode: all }]
",
    )
    .await;
    bot.asked("request orders-dev 1h to see").await;
    bot.presses("bob", "jit_approve").await;
    let words = bot.card().plain();
    assert!(
        words.contains("Waiting") && words.contains("leads"),
        "{words}"
    );
    bot.presses("carol", "jit_approve").await;
    assert!(
        bot.last_request().await.grant().is_none(),
        "dba has agreed already"
    );
    bot.presses("lee", "jit_approve").await;
    assert!(bot.last_request().await.grant().is_some());
}

#[tokio::test]
async fn who_is_mentioned_is_a_list_of_its_own() {
    let bot = under(
        "
  - name: duty is called
    match: {}
    decision: review
    steps: [{ from: [dba, leads], ping: [duty] }]
    inform: { people: [leads] }
",
    )
    .await;
    bot.asked("request orders-dev 1h to see").await;
    let card = bot.card().plain();
    assert!(card.contains("@bob"), "{card}");
    assert!(!card.contains("@carol") && !card.contains("@lee"), "{card}");
    let heard = |bot: &Bot| bot.house.slack.dms("lee").len();
    assert_eq!(heard(&bot), 0, "nothing to tell yet");
    bot.presses("carol", "jit_approve").await;
    assert!(
        bot.last_request().await.grant().is_some(),
        "not mentioned, and may"
    );
    assert!(heard(&bot) > 0, "lee is told of the outcome");
}

#[tokio::test]
async fn the_owner_of_the_resource_decides() {
    let bot = under(
        "
  - name: its owner
    match: {}
    decision: review
    steps: [{ from: [owner] }]
",
    )
    .await;
    bot.asked("request orders-dev 1h to see").await;
    bot.presses("bob", "jit_approve").await;
    assert!(bot.told("bob").contains("Only"), "{}", bot.told("bob"));
    bot.presses("carol", "jit_approve").await;
    assert!(bot.last_request().await.grant().is_some());
}

#[tokio::test]
async fn another_account_of_the_asker_does_not_approve() {
    let bot = under(
        "
  - name: engineers among themselves
    match: {}
    decision: review
    steps: [{ from: [engineers] }]
",
    )
    .await;
    bot.asked("request orders-dev 1h to see").await;
    bot.presses("erin", "jit_approve").await;
    let words = bot.told("erin");
    assert!(words.contains("your own request"), "{words}");
    assert_eq!(bot.approvals().await, 0);
    bot.presses("bob", "jit_approve").await;
    assert!(bot.last_request().await.grant().is_some());
}

#[tokio::test]
async fn too_few_who_could_agree_is_said_at_once() {
    let bot = under(
        "
  - name: two of dba
    match: { roles: [readwrite] }
    decision: review
    steps: [{ from: [dba], count: 2 }]
",
    )
    .await;
    let words = refused(asks(&bot, "carol", "request orders-dev readwrite 1h to see").await);
    assert!(words.contains("dba") && words.contains('2'), "{words}");
    assert!(bot.house.slack.messages("access-requests").is_empty());
}

// -- what a rule asks for, and its limits --

#[tokio::test]
async fn a_rule_approves_by_itself_within_its_hours_days_and_duty() {
    for (limits, user) in [
        ("hours: \"12:00-18:00\"", "dana"),
        ("weekdays: [tue]", "dana"),
        ("on_call: [duty]", "dana"),
    ] {
        let rules = format!(
            "
  - name: by itself
    match: {{ resources: [orders-dev] }}
    decision: approve
    limits: {{ {limits} }}
{OTHERWISE}"
        );
        let bot = under(&rules).await;
        let came = asks(&bot, user, "request orders-dev 1h to see").await;
        assert_eq!(came, otherwise(), "{limits}");
        let inside = match limits {
            "on_call: [duty]" => "bob",
            "weekdays: [tue]" => {
                bot.house.pass(TimeDelta::hours(24));
                "carol"
            }
            _ => {
                bot.house.pass(TimeDelta::hours(3));
                "carol"
            }
        };
        let came = asks(&bot, inside, "request orders-dev readwrite 1h to see").await;
        assert_eq!(came, Came::Given, "{limits}");
        let card = bot.card().plain();
        assert!(card.contains("by itself"), "the name of the rule: {card}");
    }
}

#[tokio::test]
async fn each_role_has_a_longest_time_of_its_own_and_starts_have_an_earliest() {
    let bot = under(
        "
  - name: with care
    match: {}
    require:
      max_duration: { readonly: 4h, readwrite: 1h }
      start: { earliest: 2h, latest: 7d }
    decision: review
    steps: [{ from: [dba] }]
",
    )
    .await;
    let rule = || Came::Asked("with care".to_owned());
    let words = refused(asks(&bot, "dana", "request orders-dev 1h to see").await);
    assert!(words.contains("2h"), "not at once: {words}");
    let came = asks(&bot, "dana", "request orders-dev 4h from 13:00 to see").await;
    assert_eq!(came, rule());
    let words = refused(
        asks(
            &bot,
            "dana",
            "request orders-prod readwrite 2h from 13:00 to see",
        )
        .await,
    );
    assert!(words.contains("1h"), "{words}");
    let came = asks(
        &bot,
        "dana",
        "request orders-prod readwrite 1h from 13:00 to see",
    )
    .await;
    assert_eq!(came, rule());
}

#[tokio::test]
async fn why_a_rule_approved_by_itself_stands_on_the_card_and_in_the_ledger() {
    let rules = format!(
        "
  - name: a quick look
    match: {{ resources: [orders-dev] }}
    when: request.duration <= duration('1h')
    decision: approve
    limits: {{ uses: 2, per: 1d }}
{OTHERWISE}"
    );
    let bot = under(&rules).await;
    let came = asks(&bot, "dana", "request orders-dev 1h to see").await;
    assert_eq!(came, Came::Given);
    let card = bot.card().plain();
    assert!(card.contains("a quick look"), "{card}");
    let request = bot.last_request().await;
    let entries = bot.house.engine.store().story_of(&[request.id]).await;
    let entries = entries.unwrap();
    let told = format!("{entries:?}");
    assert!(told.contains("a quick look"), "{told}");
    let thread = bot.house.slack.thread("access-requests", &bot.card().ts);
    let thread: Vec<String> = thread.iter().map(Message::plain).collect();
    assert!(!thread.is_empty());
}
