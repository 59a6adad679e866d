//! Small policies by chance: a policy does not differ from itself, and what a diff says of a
//! request is what the evaluator answers.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use jitbot::domain::{Ask, Circumstances, Identity, Person, PersonId, Route, Span, Verdict};
use jitbot::policy::Policy;
use jitbot::policy::diff::Diff;
use proptest::prelude::*;
use uuid::Uuid;

use super::policy;

#[derive(Clone, Debug)]
struct Rule {
    resource: usize,
    group: usize,
    hours: usize,
    condition: usize,
    cap: usize,
    decision: usize,
}

const RESOURCES: [&str; 4] = ["[prod-a]", "[prod-b]", "[\"prod-*\"]", "[\"*\"]"];
const GROUPS: [&str; 3] = [
    "",
    ", requester_in: [engineers]",
    ", requester_in: [guests, dba]",
];
const HOURS: [&str; 3] = [
    "",
    "\n    limits: { hours: \"08:00-18:00\" }",
    "\n    limits: { weekdays: [mon, sat] }",
];
const CONDITIONS: [&str; 9] = [
    "",
    "request.duration <= duration('2h')",
    "now.hour < 12",
    "'dba' in requester.groups",
    "now.weekend || request.role == 'write'",
    "requester.groups.exists(g, g != 'dba')",
    "requester.groups.all(g, g == 'engineers' || g == 'leads')",
    "requester.groups.exists_one(g, g != 'guests')",
    "now.time > timestamp('2026-03-10T12:20:00Z') && now.hour < 9",
];
const CAPS: [&str; 3] = ["1h", "2h", "4h"];
const DECISIONS: [&str; 5] = [
    "deny\n    message: No.",
    "approve",
    "review\n    steps: [{ from: [dba] }]",
    "review\n    steps: [{ from: [dba], count: 2 }]",
    "review\n    steps: [{ from: [dba] }, { from: [leads] }]",
];

fn rule() -> impl Strategy<Value = Rule> {
    let choices = (
        0..4usize,
        0..3usize,
        0..3usize,
        0..CONDITIONS.len(),
        0..3usize,
        0..5usize,
    );
    choices.prop_map(|(resource, group, hours, condition, cap, decision)| Rule {
        resource,
        group,
        hours,
        condition,
        cap,
        decision,
    })
}

fn written(rules: &[Rule], moved: bool) -> Option<Policy> {
    let extra = if moved { ", gus@acme.example" } else { "" };
    let mut text = format!(
        "version: 1
defaults: {{ timezone: Europe/Berlin, channel: \"#a\", fallback_channel: \"#b\" }}
groups:
  engineers: {{ members: [dana@acme.example, bob@acme.example{extra}] }}
  guests: {{ members: [gus@acme.example] }}
  dba: {{ members: [bob@acme.example, carol@acme.example, kim@acme.example] }}
  leads: {{ members: [lee@acme.example, lou@acme.example] }}
connectors: {{ main: {{ kind: postgres, mode: login, url: {{ env: MAIN_URL }} }} }}
resources:
  prod-a: {{ connector: main, roles: {{ read: r, write: w }} }}
  prod-b: {{ connector: main, roles: {{ read: r, write: w }} }}
  other: {{ connector: main, roles: {{ read: r }} }}
rules:
"
    );
    for (number, rule) in rules.iter().enumerate() {
        let (resources, group) = (RESOURCES[rule.resource], GROUPS[rule.group]);
        let _ = write!(
            text,
            "  - name: rule {number}\n    match: {{ resources: {resources}{group} }}\n"
        );
        if rule.condition > 0 {
            let _ = writeln!(text, "    when: \"{}\"", CONDITIONS[rule.condition]);
        }
        if rule.decision > 0 {
            let _ = writeln!(text, "    require: {{ max_duration: {} }}", CAPS[rule.cap]);
        }
        let _ = write!(text, "    decision: {}", DECISIONS[rule.decision]);
        if rule.decision == 1 {
            text.push_str(HOURS[rule.hours]);
        }
        text.push('\n');
    }
    // What can never be reached is a fault of the policy, and no case for a diff.
    let source = jitbot::policy::Source {
        name: "policy.yaml".to_owned(),
        text,
    };
    Policy::from_sources(vec![source]).ok()
}

fn ask(who: &str, resource: &str, role: &str, duration: Span) -> Ask {
    let person = Person {
        id: PersonId::from_uuid(Uuid::from_u128(1)),
        name: who.to_owned(),
        identities: BTreeSet::from([Identity::email(who)]),
    };
    Ask {
        role: Some(role.to_owned()),
        duration: Some(duration),
        ..Ask::of(person, resource)
    }
}

/// The parts of an answer that a diff tells apart.
fn told(policy: &Policy, ask: &Ask, at: DateTime<Utc>) -> String {
    match policy.evaluate(ask, &Circumstances::at(at)) {
        Verdict::Refused(_) => "refused".to_owned(),
        Verdict::Terms(terms) => match &terms.route {
            Route::Automatic { .. } => "approved at once".to_owned(),
            Route::Steps(steps) => {
                let steps: Vec<String> = (steps.iter())
                    .map(|step| {
                        format!(
                            "{} of {}",
                            step.quorum.people(step.from.len()),
                            step.from[0]
                        )
                    })
                    .collect();
                format!("needs {}", steps.join(", then "))
            }
            Route::BreakGlass(_) => "break-glass".to_owned(),
        },
    }
}

/// The ask of a command line as this file's reports write it.
fn read(command: &str) -> (Ask, DateTime<Utc>) {
    let words: Vec<&str> = command.split_whitespace().collect();
    let [
        "jit",
        "policy",
        "explain",
        who,
        resource,
        role,
        duration,
        rest @ ..,
    ] = words.as_slice()
    else {
        panic!("{command}");
    };
    let mut ask = ask(who, resource, role, Span::parse(duration).unwrap());
    let at = rest.iter().position(|word| *word == "--at").unwrap();
    if let Some(holder) = rest.iter().position(|word| *word == "--for") {
        let asker = std::mem::replace(
            &mut ask.person.identities,
            [Identity::email(rest[holder + 1])].into(),
        );
        let person = Person {
            id: PersonId::from_uuid(Uuid::from_u128(2)),
            name: "asker".to_owned(),
            identities: asker,
        };
        ask.asker = Some(jitbot::domain::Asker {
            person,
            standing: jitbot::domain::Standing::default(),
        });
    }
    (ask, rest[at + 1].parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_policy_does_not_differ_from_itself(rules in prop::collection::vec(rule(), 1..5)) {
        if let Some(policy) = written(&rules, false) {
            let diff = Diff::between(&policy, &policy).unwrap();
            prop_assert_eq!(diff.changes(), []);
        }
    }

    /// Each reported request is answered as the report says, and where nothing is reported, no
    /// request by chance is answered differently.
    #[test]
    fn a_diff_says_what_the_evaluator_says(
        old in prop::collection::vec(rule(), 1..4),
        new in prop::collection::vec(rule(), 1..4),
        moved in any::<bool>(),
        asks in prop::collection::vec((0..6usize, 0..3usize, any::<bool>(), 1u64..20_000, 0i64..2_000_000), 40),
    ) {
        let both = written(&old, false).zip(written(&new, moved));
        prop_assume!(both.is_some(), "a policy with faults is not compared");
        let Some((old, new)) = both else {
            return Ok(());
        };
        let diff = Diff::between(&old, &new).unwrap();
        for change in diff.changes() {
            let Some(command) = &change.replay else { continue };
            let (ask, at) = read(command);
            prop_assert_eq!(&told(&old, &ask, at), &change.before, "{:#?}", change);
            prop_assert_eq!(&told(&new, &ask, at), &change.after, "{:#?}", change);
        }
        let people = ["dana", "bob", "gus", "carol", "lee", "nobody"];
        let start: DateTime<Utc> = "2026-03-02T00:00:00Z".parse().unwrap();
        for (who, resource, write, seconds, later) in asks {
            let resource = ["prod-a", "prod-b", "other"][resource];
            let role = if write && resource != "other" { "write" } else { "read" };
            let who = format!("{}@acme.example", people[who]);
            let ask = ask(&who, resource, role, Span::from_seconds(seconds).unwrap());
            let at = start + chrono::TimeDelta::seconds(later);
            let (before, after) = (told(&old, &ask, at), told(&new, &ask, at));
            if before != after {
                let target = (resource.to_owned(), role.to_owned());
                let reported = diff.changes().iter().any(|change| {
                    change.targets.contains(&target) && change.before == before && change.after == after
                });
                prop_assert!(reported, "{ask:#?} at {at}: {before} → {after}, {:#?}", diff.changes());
            }
        }
    }
}

#[test]
fn the_helper_reads_what_it_should() {
    let plain = policy(
        "version: 1\ndefaults: { channel: \"#a\", fallback_channel: \"#b\" }\n\
         groups: { dba: { members: [bob@acme.example] } }\n\
         connectors: { main: { kind: postgres, mode: login, url: { env: MAIN_URL } } }\n\
         resources: { db: { connector: main, roles: { read: r } } }\n\
         rules: [{ name: all, match: {}, decision: approve }]\n",
    );
    let (ask, at) = read("jit policy explain a@acme.example db read 1h --at 2026-01-01T00:00:00Z");
    assert_eq!(told(&plain, &ask, at), "approved at once");
}
