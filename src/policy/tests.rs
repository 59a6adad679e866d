//! The meaning of a policy: who gets which answer, and the way to it.

use std::collections::BTreeSet;
use std::path::Path;

use uuid::Uuid;

use super::*;
use crate::domain::{Person, PersonId, Quorum, Refusal, Route, RuleName, Step, Terms};

mod explained;
mod large;
mod limits;
mod meaning;
mod properties;

/// The policy that the demo runs on.
fn example() -> Policy {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("policy");
    Policy::load(&path).unwrap_or_else(|faults| panic!("{}", faults.render(false)))
}

fn policy(text: &str) -> Policy {
    let source = Source {
        name: "policy.yaml".into(),
        text: text.into(),
    };
    Policy::from_sources(vec![source]).unwrap_or_else(|faults| panic!("{}", faults.render(false)))
}

fn person(name: &str) -> Person {
    Person {
        id: PersonId::from_uuid(Uuid::from_u128(1)),
        name: name.to_owned(),
        identities: BTreeSet::from([
            Identity::email(&format!("{name}@acme.example")),
            Identity::slack("T0ACME", format!("U0{}", name.to_uppercase())),
        ]),
    }
}

/// `who resource [role] duration [reason…]`, like the command in the chat.
fn ask(words: &str) -> Ask {
    let mut words = words.split(' ').peekable();
    let who = words.next().unwrap();
    let resource = words.next().unwrap();
    let role = words.next_if(|word| Span::parse(word).is_err());
    Ask {
        role: role.map(ToOwned::to_owned),
        duration: Some(Span::parse(words.next().unwrap()).unwrap()),
        reason: words.collect::<Vec<_>>().join(" "),
        ..Ask::of(person(who), resource)
    }
}

/// A Monday at noon, with nothing before it.
fn noon() -> Circumstances {
    Circumstances::at("2027-03-01T12:00:00Z".parse().unwrap())
}

fn terms(policy: &Policy, words: &str) -> Terms {
    match policy.evaluate(&ask(words), &noon()) {
        Verdict::Terms(terms) => *terms,
        Verdict::Refused(refusal) => panic!("{words}: {refusal}"),
    }
}

fn refusal(policy: &Policy, words: &str) -> Refusal {
    match policy.evaluate(&ask(words), &noon()) {
        Verdict::Refused(refusal) => refusal,
        Verdict::Terms(terms) => panic!("{words}: {terms:?}"),
    }
}

#[test]
fn the_shortest_request_of_the_demo_is_accepted() {
    let terms = terms(&example(), "dana staging-db 1h");
    assert_eq!(terms.rule, RuleName::new("read staging"));
    let [step] = terms.route.steps() else {
        panic!("{terms:?}");
    };
    assert_eq!(step.from, [GroupName::new("dba")]);
    assert_eq!(step.quorum, Quorum::Any(1));
    assert_eq!(terms.target.role, "app_readonly");
    assert_eq!(terms.channel, "#access-requests");
}

#[test]
fn contractors_are_denied_whatever_else_matches() {
    assert!(matches!(
        refusal(&example(), "gus staging-db 1h"),
        Refusal::DeniedByRule { .. }
    ));
}

/// What becomes of an ask, in one word or two.
fn outcome(policy: &Policy, words: &str) -> String {
    match policy.evaluate(&ask(words), &noon()) {
        Verdict::Terms(terms) => terms.rule.to_string(),
        Verdict::Refused(refusal) => match refusal {
            Refusal::NoSuchResource { .. } => "no such resource",
            Refusal::NoSuchRole { .. } => "no such role",
            Refusal::RoleNeeded { .. } => "role needed",
            Refusal::NoRule { .. } => "no rule",
            Refusal::DeniedByRule { .. } => "denied",
            Refusal::ReasonNeeded { .. } => "reason needed",
            Refusal::TicketNeeded { .. } => "ticket needed",
            Refusal::TooLong { .. } => "too long",
            Refusal::DurationNotOffered { .. } => "not offered",
            other => panic!("{words}: {other}"),
        }
        .to_owned(),
    }
}

#[test]
fn the_example_answers_each_ask() {
    let policy = example();
    for (words, expected) in [
        ("dana staging-db 1h", "read staging"),
        ("dana staging-db readonly 4h", "read staging"),
        ("dana staging-db readonly 4h1m", "too long"),
        ("dana staging-db readwrite 1h", "ticket needed"),
        ("dana staging-db readwrite 1h because", "ticket needed"),
        (
            "dana staging-db readwrite 1h see inc-123 please",
            "change staging",
        ),
        ("dana staging-db readwrite 3h INC-123", "too long"),
        ("dana orders-db 1h", "orders need a DBA and then a lead"),
        ("dana orders-db admin 61m", "not offered"),
        (
            "dana legacy-reports 30m last year's numbers",
            "a quick look at the reports",
        ),
        ("dana legacy-reports 31m last year's numbers", "old reports"),
        ("dana legacy-reports 8h", "old reports"),
        ("dana legacy-reports 9h", "too long"),
        ("bob legacy-reports 1h", "no rule"),
        ("gus staging-db 1h", "denied"),
        ("gus orders-db 1h", "denied"),
        ("dana stagingdb 1h", "no such resource"),
        ("dana staging-db root 1h", "no such role"),
        // Any case, and what chat puts around names.
        ("dana Staging-DB READONLY 1h", "read staging"),
        ("dana `staging-db` *readonly* 1h", "read staging"),
        ("dana #staging-db 1h", "read staging"),
    ] {
        assert_eq!(outcome(&policy, words), expected, "{words}");
    }
}

const SMALL: &str = r##"
version: 1
defaults: { channel: "#default", request_ttl: 2h, remind_before: 5m, max_duration: 3h }
people:
  dana:
    emails: [Dana@acme.example, dana.old@acme.example]
    slack: [U0DANA]
    logins: { members: dana_db, hook: d-17 }
groups:
  web: { members: [dana.old@acme.example, erin@acme.example, U0GUS] }
  dba: { members: [bob@acme.example, carol@acme.example] }
connectors:
  members: { kind: postgres, mode: membership, url: { env: A } }
  logins: { kind: postgres, mode: login, url: { file: /run/secrets/b } }
  hook: { kind: webhook, url: "http://127.0.0.1:9/hook", secret: { env: C } }
resources:
  alpha: { connector: members, roles: { ro: a_ro, rw: a_rw }, labels: { env: prod, team: web } }
  beta: { connector: logins, roles: { ro: b_ro, rw: b_rw }, default_role: rw, channel: "#beta", sensitivity: high }
  gamma: { connector: hook, roles: { all: g_all }, how_to_connect: Knock. }
rules:
  - name: first
    match: { resources: [alpha], roles: [ro], requester_in: [web] }
    require: { reason: "." }
    decision: approve
  - name: second
    match: { resources: [alpha, beta], roles: [ro] }
    require: { max_duration: 10h }
    decision: review
    steps: [ { from: [dba, dana], count: 1, mode: all } ]
    channel: "#second"
  - name: third
    match: { resources: ["*a"], sensitivity: [high] }
    decision: review
    steps: [ { from: [dba] } ]
  - name: never erin
    match: { labels: { env: prod, team: web }, requester_in: [dana] }
    decision: deny
    message: Not you.
  - name: gammas
    match: { resources: ["g*a"] }
    decision: review
    steps: [ { from: [dba], count: 2 } ]
"##;

#[test]
fn deny_wins_and_then_the_first_rule() {
    let policy = policy(SMALL);
    for (words, expected) in [
        ("dana alpha ro 1h why", "denied"),
        ("erin alpha ro 1h why", "first"),
        ("erin alpha ro 1h", "reason needed"),
        ("erin alpha ro 4h why", "too long"),
        ("bob alpha ro 10h", "second"),
        ("bob alpha rw 1h", "no rule"),
        ("bob alpha 1h", "role needed"),
        ("bob beta 1h", "third"),
        ("bob beta ro 1h", "second"),
        ("bob gamma 1h", "gammas"),
    ] {
        assert_eq!(outcome(&policy, words), expected, "{words}");
    }
}

#[test]
fn terms_hold_what_the_file_says() {
    let policy = policy(SMALL);
    let second = terms(&policy, "bob beta ro 1h");
    assert_eq!(
        second.channel, "#second",
        "the rule's channel before the resource's"
    );
    assert_eq!(second.request_ttl, Span::hours(2));
    assert_eq!(second.remind_before, Span::minutes(5));
    assert_eq!(second.policy, policy.hash());
    assert_eq!(
        second.route.steps(),
        [Step::of(
            vec![GroupName::new("dba"), GroupName::new("dana")],
            Quorum::All(1)
        )]
    );
    let third = terms(&policy, "bob beta rw 1h");
    assert_eq!(
        third.channel, "#beta",
        "the resource's before the defaults'"
    );
    assert_eq!(third.card.sensitivity.as_deref(), Some("high"));
    let gammas = terms(&policy, "bob gamma 1h");
    assert_eq!(gammas.channel, "#default");
    assert_eq!(gammas.card.how_to_connect.as_deref(), Some("Knock."));
    let route = terms(&policy, "erin alpha ro 1h x").route;
    assert!(matches!(route, Route::Automatic { .. }), "{route:?}");
}

#[test]
fn what_people_are_called_at_a_target() {
    let policy = policy(SMALL);
    for (words, subject) in [
        ("bob alpha ro 1h", "bob"),
        ("bob beta 1h", "bob@acme.example"),
        ("bob gamma 1h", "bob@acme.example"),
        ("dana gamma 1h", "d-17"),
        ("dana beta 1h", "dana@acme.example"),
    ] {
        assert_eq!(terms(&policy, words).target.subject, subject, "{words}");
    }
    let mut nameless = ask("bob gamma 1h");
    nameless.person.identities = BTreeSet::from([Identity::slack("T0ACME", "U0BOB")]);
    match policy.evaluate(&nameless, &noon()) {
        Verdict::Terms(terms) => assert_eq!(terms.target.subject, "U0BOB"),
        Verdict::Refused(refusal) => panic!("{refusal}"),
    }
}

#[test]
fn all_aliases_of_a_person_are_in_the_same_groups() {
    let policy = policy(SMALL);
    let groups = |identity: Identity| -> Vec<String> {
        let groups = policy.groups_of(&BTreeSet::from([identity]));
        groups.iter().map(ToString::to_string).collect()
    };
    for identity in [
        Identity::email("DANA@acme.example"),
        Identity::email("dana.old@acme.example"),
        Identity::slack("T0ANY", "U0DANA"),
    ] {
        assert_eq!(groups(identity.clone()), ["dana", "web"], "{identity:?}");
        let alias = policy.alias_of(&identity).unwrap();
        assert_eq!(alias.name, GroupName::new("dana"));
        assert!(alias.entries.iter().any(|entry| entry.matches(&identity)));
    }
    assert_eq!(groups(Identity::slack("T0ACME", "U0GUS")), ["web"]);
    assert_eq!(groups(Identity::email("nobody@acme.example")), [""; 0]);
    assert_eq!(policy.alias_of(&Identity::email("bob@acme.example")), None);
}

#[test]
fn a_group_is_told_as_humans() {
    let policy = policy(SMALL);
    let web = policy.group_entries(&GroupName::new("web")).unwrap();
    assert_eq!(web.len(), 3);
    assert!(
        web.iter().any(|human| human.len() == 3),
        "dana with all aliases: {web:?}"
    );
    let dana = policy.group_entries(&GroupName::new("dana")).unwrap();
    assert_eq!(dana.len(), 1);
    assert_eq!(policy.group_entries(&GroupName::new("nobody")), None);
}

#[test]
fn the_list_shows_what_a_person_may_ask_for() {
    let policy = policy(SMALL);
    let list = |email: &str| -> Vec<String> {
        let listed =
            policy.resources_for(&policy.groups_of(&BTreeSet::from([Identity::email(email)])));
        let line = |(resource, roles): &(ResourceSummary, Vec<(RoleName, Span)>)| {
            let roles: Vec<_> = roles
                .iter()
                .map(|(role, limit)| format!("{role} {limit}"))
                .collect();
            format!("{}: {}", resource.name, roles.join(", "))
        };
        listed.iter().map(line).collect()
    };
    assert_eq!(
        list("erin@acme.example"),
        ["alpha: ro 3h", "beta: ro 10h, rw 3h", "gamma: all 3h"]
    );
    assert_eq!(
        list("dana@acme.example"),
        ["beta: ro 10h, rw 3h", "gamma: all 3h"],
        "alpha is denied"
    );
}

#[test]
fn every_channel_of_the_policy_is_told() {
    let channels: Vec<String> = policy(SMALL).channels().into_iter().collect();
    assert_eq!(channels, ["#beta", "#default", "#second"]);
}

#[test]
fn refusals_say_what_to_do() {
    let policy = example();
    let long = "x".repeat(2_001);
    let too_long = format!("dana staging-db 1h {long}");
    let said: Vec<String> = [
        "dana stagin-db 1h",
        "dana nothing-like-it 1h",
        "dana staging-db admin 1h",
        "gus staging-db 1h",
        "bob legacy-reports 1h",
        "dana staging-db readwrite 1h",
        "dana staging-db 5h",
        &too_long,
    ]
    .iter()
    .map(|words| refusal(&policy, words).to_string())
    .collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_reason_of_two_thousand_characters_is_accepted() {
    let words = format!("dana staging-db 1h {}", "ä".repeat(2_000));
    assert_eq!(outcome(&example(), &words), "read staging");
}

#[test]
fn an_explanation_tells_every_rule_that_was_tried() {
    let policy = example();
    let told: Vec<String> = [
        "dana staging-db 1h",
        "dana orders-db 30m",
        "gus staging-db 1h",
        "bob legacy-reports 1h",
        "dana staging-db readwrite 1h",
        "dana nowhere 1h",
    ]
    .iter()
    .map(|words| format!("> {words}\n{}\n", policy.explain(&ask(words), &noon())))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_resource_without_a_rule_is_a_warning() {
    let text = SMALL.replace(
        "  - name: gammas\n    match: { resources: [\"g*a\"] }",
        "  - name: betas\n    match: { resources: [beta], roles: [rw], requester_in: [web] }",
    );
    let text = text.replace("  - name: third", "  - name: later");
    let (head, tail) = text.split_once("  - name: later").unwrap();
    let tail = tail.split_once("  - name: never").unwrap().1;
    let policy = policy(&format!("{head}  - name: never{tail}"));
    let told: Vec<String> = policy.warnings().iter().map(Fault::line).collect();
    assert_eq!(
        told,
        [
            "policy.yaml:19:3: no rule lets anybody ask for `gamma` (add a rule that matches it, or remove it)"
        ]
    );
    assert!(example().warnings().is_empty());
}

#[test]
fn the_hash_depends_on_names_and_contents_but_not_on_the_folder() {
    let hash = |name: &str, text: &str| {
        let source = Source {
            name: name.into(),
            text: text.into(),
        };
        Policy::from_sources(vec![source])
            .unwrap()
            .hash()
            .to_owned()
    };
    let first = hash("policy/a.yaml", SMALL);
    assert_eq!(first.len(), 64);
    assert_eq!(first, hash("/etc/jit/a.yaml", SMALL));
    assert_ne!(first, hash("policy/b.yaml", SMALL));
    assert_ne!(
        first,
        hash("policy/a.yaml", &format!("{SMALL}\n# A comment.\n"))
    );
}

const SOURCES: &str = r##"
version: 1
defaults: { channel: "#access", manager_field: Xf0MANAGER }
people:
  dana: { emails: [dana@acme.example], slack: [U0DANA], manager: lee }
  erin: { emails: [erin@acme.example], manager: U0BOB }
  lee: { emails: [lee@acme.example, lee@elsewhere.example] }
groups:
  engineers: { members: [dana] }
  sre: { slack_usergroup: S0SRE }
  oncall: { pagerduty: { schedule: PABC123, token: { env: PD_TOKEN } }, fallback: sre }
  crm: { webhook: { url: "https://crm.example/members", secret: { file: /run/crm } }, fallback: lee }
connectors:
  main: { kind: postgres, mode: login, url: { env: MAIN_URL } }
resources:
  staging-db: { connector: main, roles: { readonly: app_ro } }
rules:
  - name: by whoever is there
    match: { resources: [staging-db] }
    decision: review
    steps: [{ from: [oncall, manager], count: 7 }, { from: [engineers, sre], count: 9 }]
"##;

#[test]
fn a_group_says_where_its_people_are_read_from() {
    let policy = policy(SOURCES);
    let source = |name: &str| policy.source_of(&GroupName::new(name)).cloned();
    let oncall = source("oncall").unwrap();
    assert_eq!(oncall.fallback, Some(GroupName::new("sre")));
    let GroupSource::PagerDuty { api, token, .. } = oncall.source else {
        panic!("{oncall:?}");
    };
    assert_eq!(api, "https://api.pagerduty.com");
    assert_eq!(token, crate::domain::SecretRef::Env("PD_TOKEN".into()));
    assert_eq!(source("engineers").unwrap().source, GroupSource::Members);
    assert_eq!(source("dana"), None, "a person is no group");
    for (name, is_dynamic) in [
        ("engineers", false),
        ("sre", true),
        ("crm", true),
        ("dana", false),
    ] {
        let name = GroupName::new(name);
        assert_eq!(policy.is_dynamic(&name), is_dynamic, "{name}");
        assert_eq!(policy.group_entries(&name).is_none(), is_dynamic, "{name}");
    }
}

#[test]
fn a_person_has_the_manager_that_people_names() {
    let policy = policy(SOURCES);
    let manager = |name: &str| policy.manager_of(&person(name).identities);
    let lee = ["lee@acme.example", "lee@elsewhere.example"];
    let lee = lee.map(|address| Entry::Email(address.into()));
    assert_eq!(manager("dana"), Some(lee.into()));
    let bob = Entry::SlackUser("U0BOB".into());
    assert_eq!(manager("erin"), Some([bob].into()));
    assert_eq!(manager("lee"), None);
    assert_eq!(manager("gus"), None);
    assert_eq!(policy.manager_field(), Some("Xf0MANAGER"));
}
