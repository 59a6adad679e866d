//! What each part of a rule means.

use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::domain::{Asker, Chain, Past, RequestId, Standing};

/// A policy with one rule, or several, about `db` (roles `ro` and `rw`, owned by `leads`).
pub(super) fn with(rules: &str) -> Policy {
    policy(&format!(
        "version: 1
defaults: {{ channel: \"#access\", timezone: Europe/Berlin, request_ttl: 12h, admins: [platform], auditors: [platform] }}
people:
  dana: {{ emails: [dana@acme.example] }}
groups:
  web: {{ members: [dana, erin@acme.example] }}
  dba: {{ members: [bob@acme.example, carol@acme.example] }}
  leads: {{ members: [lee@acme.example] }}
  platform: {{ members: [pat@acme.example] }}
  oncall: {{ slack_usergroup: S0ONCALL }}
  sre: {{ slack_usergroup: S0SRE }}
connectors:
  main: {{ kind: postgres, mode: login, url: {{ env: MAIN_URL }} }}
resources:
  db: {{ connector: main, roles: {{ ro: r, rw: w }}, default_role: ro, owner: [leads], labels: {{ env: prod }} }}
  other: {{ connector: main, roles: {{ ro: r }}, labels: {{ team: web }}, owner: [dba] }}
bundles:
  Kit: {{ description: Both, access: [ {{ resource: db, role: rw }}, {{ resource: other }} ] }}
rules:
{rules}"
    ))
}

/// A review by a DBA with these lines in it.
pub(super) fn review(lines: &str) -> Policy {
    with(&format!(
        "  - name: rule
    match: {{}}
    decision: review
    steps: [ {{ from: [dba] }} ]
{lines}"
    ))
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The terms, or the words of the refusal.
pub(super) fn answer(
    policy: &Policy,
    ask: &Ask,
    circumstances: &Circumstances,
) -> Result<Terms, Refusal> {
    match policy.evaluate(ask, circumstances) {
        Verdict::Terms(terms) => Ok(*terms),
        Verdict::Refused(refusal) => Err(refusal),
    }
}

fn said(policy: &Policy, words: &str) -> String {
    match answer(policy, &ask(words), &noon()) {
        Ok(terms) => terms.rule.to_string(),
        Err(refusal) => refusal.to_string(),
    }
}

/// An ask without a word about how long.
fn open_ask(words: &str) -> Ask {
    Ask {
        duration: None,
        ..ask(&format!("{words} 1h"))
    }
}

#[test]
fn a_condition_chooses_the_rule_unless_it_denies_or_reviews() {
    let three = with(
        "  - { name: late, match: {}, when: \"request.reason == 'no'\", decision: deny, message: No. }
  - { name: short, match: {}, when: \"request.duration <= duration('1h')\", decision: approve }
  - { name: long, match: {}, decision: review, steps: [ { from: [dba] } ] }
",
    );
    assert_eq!(said(&three, "dana db 1h"), "short");
    assert_eq!(said(&three, "dana db 2h"), "long");
    assert_eq!(
        said(&three, "dana db 1h no"),
        "The policy says no: No. (rule “late”)"
    );
}

#[test]
fn a_condition_that_cannot_be_worked_out_never_lets_anybody_in() {
    let label = "resource.labels['team'] == 'web'";
    let denies = with(&format!(
        "  - {{ name: r, match: {{}}, when: \"{label}\", decision: deny, message: No. }}
  - {{ name: all, match: {{}}, decision: approve }}
"
    ));
    assert_eq!(
        said(&denies, "dana db 1h"),
        "The policy says no: No. (rule “r”)"
    );
    let approves = with(&format!(
        "  - {{ name: r, match: {{}}, when: \"{label}\", decision: approve }}
  - {{ name: all, match: {{}}, decision: review, steps: [ {{ from: [dba] }} ] }}
"
    ));
    assert_eq!(said(&approves, "dana db 1h"), "all");
    assert_eq!(said(&approves, "dana other 1h"), "r");
    let reviews = with(&format!(
        "  - {{ name: r, match: {{}}, when: \"{label}\", decision: review, steps: [ {{ from: [dba] }} ] }}
  - {{ name: all, match: {{}}, decision: approve }}
"
    ));
    let refusal = answer(&reviews, &ask("dana db 1h"), &noon()).unwrap_err();
    assert!(
        matches!(&refusal, Refusal::ConditionFailed { why, .. } if why.contains("team")),
        "{refusal}"
    );
}

#[test]
fn what_is_not_seen_of_earlier_requests_never_lets_anybody_in() {
    let rules = |decision: &str, when: &str| {
        with(&format!(
            "  - {{ name: r, match: {{}}, when: \"{when}\", decision: {decision} }}
  - {{ name: all, match: {{}}, decision: review, steps: [ {{ from: [dba] }} ] }}
"
        ))
    };
    let denied = "history.requests.exists(r, r.outcome == 'denied')";
    let (deny, approve) = (
        rules("deny, message: No.", denied),
        rules("approve", &format!("!{denied}")),
    );
    let one = |outcome| Past {
        outcome,
        ..super::limits::past("all", false, noon().now)
    };
    let seen = |count: usize, past_complete| Circumstances {
        past: vec![one("cancelled"); count],
        past_complete,
        ..noon()
    };
    let rule = |policy: &Policy, circumstances: &Circumstances| {
        let answer = answer(policy, &ask("dana db 1h"), circumstances);
        answer.map(|terms| terms.rule.to_string())
    };
    let all = seen(200, true);
    assert_eq!(rule(&deny, &all).as_deref(), Ok("all"));
    assert_eq!(rule(&approve, &all).as_deref(), Ok("r"));
    for cut in [seen(200, false), seen(201, true)] {
        let refused = rule(&deny, &cut).unwrap_err();
        assert!(matches!(refused, Refusal::DeniedByRule { .. }), "{refused}");
        assert_eq!(rule(&approve, &cut).as_deref(), Ok("all"));
    }
}

fn standing(groups: &[&str], unreadable: &[&str]) -> Standing {
    let names = |names: &[&str]| names.iter().map(|name| GroupName::new(*name)).collect();
    Standing {
        groups: names(groups),
        unreadable: names(unreadable),
        ..Standing::default()
    }
}

#[test]
fn a_group_that_cannot_be_read_is_never_a_yes() {
    let of = |decision: &str, more: &str| {
        with(&format!(
            "  - {{ name: r, match: {{ requester_in: [oncall] }}, decision: {decision}{more} }}
  - {{ name: all, match: {{}}, decision: approve }}
"
        ))
    };
    let ask = |standing: Standing| Ask {
        standing,
        ..ask("erin db 1h")
    };
    let down = || ask(standing(&[], &["oncall"]));
    let deny = of("deny", ", message: No.");
    let denied = answer(&deny, &down(), &noon()).unwrap_err();
    assert!(matches!(denied, Refusal::DeniedByRule { .. }));
    assert_eq!(
        answer(&deny, &ask(standing(&[], &[])), &noon())
            .unwrap()
            .rule
            .as_str(),
        "all"
    );
    for policy in [
        of("approve", ""),
        of("review", ", steps: [ { from: [dba] } ]"),
    ] {
        let refusal = answer(&policy, &down(), &noon()).unwrap_err();
        let groups = vec![GroupName::new("oncall")];
        assert_eq!(refusal, Refusal::GroupUnreadable { groups });
        let member = answer(&policy, &ask(standing(&["oncall"], &[])), &noon()).unwrap();
        assert_eq!(member.rule.as_str(), "r");
    }
    // Where the rest of the rule does not match, nobody has to know.
    let hours = of("approve", ", when: \"now.hour < 3\"");
    assert_eq!(
        answer(&hours, &down(), &noon()).unwrap().rule.as_str(),
        "all"
    );
    let groups = with(
        "  - { name: r, match: {}, when: \"'oncall' in requester.groups\", decision: approve }
  - { name: all, match: {}, decision: review, steps: [ { from: [dba] } ] }
",
    );
    assert_eq!(
        answer(&groups, &down(), &noon()).unwrap().rule.as_str(),
        "all"
    );
    assert_eq!(
        answer(&groups, &ask(standing(&["oncall"], &["sre"])), &noon())
            .unwrap()
            .rule
            .as_str(),
        "r"
    );
}

#[test]
fn only_the_groups_that_rules_look_at_have_to_be_read() {
    let names = |policy: &Policy, resource: &str, role: Option<&str>| -> Vec<String> {
        let groups = policy.groups_to_read(resource, role);
        groups.iter().map(ToString::to_string).collect()
    };
    let some = with(
        "  - { name: a, match: { roles: [rw], requester_in: [oncall, web] }, decision: approve }
  - { name: b, match: { resources: [other] }, decision: approve, limits: { on_call: [sre] } }
",
    );
    assert_eq!(names(&some, "DB", Some("rw")), ["oncall"]);
    assert_eq!(names(&some, "db", None), ["oncall"]);
    assert_eq!(names(&some, "db", Some("ro")), [""; 0]);
    assert_eq!(names(&some, "other", None), ["sre"]);
    assert_eq!(names(&some, "nothing", None), [""; 0]);
    let all = review("    when: \"requester.groups.size() > 1\"\n");
    assert_eq!(names(&all, "db", None), ["oncall", "sre"]);
}

#[test]
fn for_somebody_else_nothing_is_automatic_and_denials_hold_for_both() {
    let policy = with(
        "  - { name: no, match: { requester_in: [leads] }, decision: deny, message: No. }
  - { name: auto, match: {}, decision: approve }
  - { name: people, match: {}, decision: review, steps: [ { from: [dba] } ], break_glass: { who: [web], max_duration: 1h } }
",
    );
    let by = |name: &str, words: &str| Ask {
        asker: Some(Asker {
            person: person(name),
            standing: Standing::default(),
        }),
        ..ask(words)
    };
    let rule = |ask: &Ask| answer(&policy, ask, &noon()).map(|terms| terms.rule.to_string());
    assert_eq!(rule(&ask("dana db 1h")).unwrap(), "auto");
    assert_eq!(rule(&by("bob", "dana db 1h")).unwrap(), "people");
    assert!(matches!(
        rule(&by("lee", "dana db 1h")),
        Err(Refusal::DeniedByRule { .. })
    ));
    assert!(matches!(
        rule(&by("dana", "lee db 1h")),
        Err(Refusal::DeniedByRule { .. })
    ));
    let emergency = Ask {
        break_glass: true,
        ..by("bob", "dana db 1h fire")
    };
    assert!(matches!(
        rule(&emergency),
        Err(Refusal::BreakGlassNotAllowed { .. })
    ));
}

#[test]
fn a_ticket_is_found_in_the_reason_and_kept() {
    let policy = review("    require: { ticket: 'INC-\\d+', reason: '.{8,}' }\n");
    let terms = terms(&policy, "dana db 1h see INC-17 please");
    assert_eq!(terms.ticket.as_deref(), Some("INC-17"));
    let refusal = refusal(&policy, "dana db 1h no ticket at all");
    assert!(matches!(refusal, Refusal::TicketNeeded { .. }), "{refusal}");
    let explanation = policy.explain(&ask("dana db 9h short"), &noon());
    assert_eq!(
        explanation.missing.len(),
        3,
        "all that is missing: {explanation}"
    );
}

#[test]
fn durations_are_chosen_defaulted_and_capped_by_role() {
    let choices = review("    require: { durations: [4h, 30m, 1h], default_duration: 1h }\n");
    assert_eq!(terms(&choices, "dana db 4h").duration, Span::hours(4));
    assert!(matches!(
        refusal(&choices, "dana db 2h"),
        Refusal::DurationNotOffered { choices, .. } if choices == [Span::minutes(30), Span::hours(1), Span::hours(4)]
    ));
    let default = answer(&choices, &open_ask("dana db"), &noon()).unwrap();
    assert_eq!(default.duration, Span::hours(1));
    let caps = review("    require: { max_duration: { ro: 2h, rw: 30m } }\n");
    assert_eq!(terms(&caps, "dana db 2h").duration, Span::hours(2));
    assert!(matches!(
        refusal(&caps, "dana db rw 31m"),
        Refusal::TooLong { .. }
    ));
    let unsaid = answer(&caps, &open_ask("dana db rw"), &noon()).unwrap_err();
    assert!(matches!(unsaid, Refusal::DurationNeeded { limit, .. } if limit == Span::minutes(30)));
}

#[test]
fn a_start_lies_where_the_rule_allows_it() {
    let now_only = review("");
    let planned = review("    require: { start: { earliest: 10m, latest: 7d } }\n");
    let ahead = review("    require: { start: { latest: 7d } }\n");
    let starting = |minutes: i64| Ask {
        start: Some(noon().now + TimeDelta::minutes(minutes)),
        ..ask("dana db 1h")
    };
    let ok = |policy: &Policy, ask: &Ask| match answer(policy, ask, &noon()) {
        Ok(terms) => {
            assert_eq!(
                terms.start,
                ask.start
                    .filter(|start| *start > noon().now || ask.taken_in)
            );
            true
        }
        Err(Refusal::StartNotAllowed { .. }) => false,
        Err(refusal) => panic!("{refusal}"),
    };
    assert!(ok(&now_only, &ask("dana db 1h")) && ok(&ahead, &ask("dana db 1h")));
    assert!(
        !ok(&planned, &ask("dana db 1h")),
        "it has to be asked ahead"
    );
    for policy in [&now_only, &planned, &ahead] {
        assert!(!ok(policy, &starting(-1)), "a start that has passed");
        let taken_in = Ask {
            taken_in: true,
            ..starting(-1)
        };
        assert!(
            ok(policy, &taken_in),
            "it was looked at when it was taken in"
        );
    }
    assert!(!ok(&now_only, &starting(15)));
    assert!(!ok(&planned, &starting(9)) && ok(&planned, &starting(10)));
    assert!(ok(&ahead, &starting(7 * 24 * 60)) && !ok(&ahead, &starting(7 * 24 * 60 + 1)));
}

#[test]
fn extensions_are_counted_and_the_whole_time_is_kept() {
    let extending = |words: &str, extensions: u32, held: i64| {
        let since = noon().now - TimeDelta::minutes(30);
        let until = since + TimeDelta::hours(held);
        let chain = Chain {
            extensions,
            since,
            until,
        };
        let ask = Ask {
            extends: Some(RequestId::from_uuid(Uuid::from_u128(7))),
            ..ask(words)
        };
        (
            ask,
            Circumstances {
                chain: Some(chain),
                ..noon()
            },
        )
    };
    let ok = |policy: &Policy, words: &str, extensions: u32, held: i64| {
        let (ask, circumstances) = extending(words, extensions, held);
        match answer(policy, &ask, &circumstances) {
            Ok(_) => true,
            Err(Refusal::ExtensionNotAllowed { .. } | Refusal::TooLong { .. }) => false,
            Err(refusal) => panic!("{refusal}"),
        }
    };
    let unsaid = review("    require: { max_duration: 2h }\n");
    assert!(ok(&unsaid, "dana db 2h", 0, 2));
    assert!(!ok(&unsaid, "dana db 1h", 1, 3), "once");
    assert!(!ok(&unsaid, "dana db 3h", 0, 1), "by at most the cap");
    let said = review("    require: { max_duration: 4h, extend: { max: 2, by: 1h, total: 5h } }\n");
    assert!(ok(&said, "dana db 1h", 1, 4) && !ok(&said, "dana db 1h", 2, 4));
    assert!(!ok(&said, "dana db 61m", 0, 1) && !ok(&said, "dana db 1h", 0, 5));
    let never = review("    require: { extend: { max: 0 } }\n");
    assert!(!ok(&never, "dana db 1h", 0, 1));
    let (lost, _) = extending("dana db 1h", 0, 1);
    let refusal = answer(&said, &lost, &noon()).unwrap_err();
    assert!(
        matches!(refusal, Refusal::ExtensionNotAllowed { .. }),
        "nobody knows what it extends"
    );
}

#[test]
fn break_glass_skips_the_steps_and_wants_a_reason() {
    let policy = with(
        "  - name: r
    match: {}
    require: { max_duration: 4h }
    decision: review
    steps: [ { from: [dba] }, { from: [owner], when: \"request.role == 'rw'\" } ]
    break_glass: { who: [web], max_duration: 1h, review_by: [owner, dba], review_within: 12h }
",
    );
    let glass = |words: &str| Ask {
        break_glass: true,
        ..ask(words)
    };
    let given = answer(&policy, &glass("dana db 1h fire"), &noon()).unwrap();
    let Route::BreakGlass(route) = &given.route else {
        panic!("{given:?}");
    };
    assert_eq!(
        route.skipped,
        [Step::of(vec![GroupName::new("dba")], Quorum::Any(1))]
    );
    assert_eq!(
        route.review_by,
        [GroupName::new("leads"), GroupName::new("dba")]
    );
    assert_eq!(route.review_within, Span::hours(12));
    let no = |ask: &Ask| answer(&policy, ask, &noon()).unwrap_err();
    assert!(matches!(
        no(&glass("dana db 61m fire")),
        Refusal::TooLong { .. }
    ));
    assert!(matches!(
        no(&glass("dana db 1h")),
        Refusal::ReasonNeeded { .. }
    ));
    assert!(matches!(
        no(&glass("bob db 1h fire")),
        Refusal::BreakGlassNotAllowed { .. }
    ));
    let hurried = Ask {
        duration: None,
        ..glass("dana db 1h fire")
    };
    assert_eq!(
        answer(&policy, &hurried, &noon()).unwrap().duration,
        Span::hours(1)
    );
    let without = answer(&review(""), &glass("dana db 1h fire"), &noon()).unwrap_err();
    assert!(matches!(without, Refusal::BreakGlassNotAllowed { .. }));
}

#[test]
fn steps_are_left_out_or_asked_to_be_sure() {
    let policy = with(
        "  - name: r
    match: {}
    decision: review
    steps:
      - { from: [dba], when: \"request.duration > duration('1h')\" }
      - { from: [owner, leads], when: \"resource.labels['team'] == 'web'\" }
",
    );
    let from = |words: &str| -> Vec<String> {
        let terms = terms(&policy, words);
        let steps = terms.route.steps().iter();
        steps
            .flat_map(|step| &step.from)
            .map(ToString::to_string)
            .collect()
    };
    assert_eq!(
        from("dana db 2h"),
        ["dba", "leads"],
        "the label is not there, so it is asked"
    );
    assert_eq!(from("dana db 1h"), ["leads"]);
    assert_eq!(
        from("dana other 1h"),
        ["dba", "leads"],
        "the owner is another"
    );
    let none = with(
        "  - { name: r, match: {}, decision: review, steps: [ { from: [dba], when: \"request.on_behalf\" } ] }
",
    );
    let refusal = answer(&none, &ask("dana db 1h"), &noon()).unwrap_err();
    assert_eq!(
        refusal,
        Refusal::NobodyToAsk {
            rule: RuleName::new("r")
        }
    );
}

#[test]
fn quiet_hours_are_written_out_for_the_life_of_the_request() {
    let policy = with(
        "  - name: r
    match: {}
    decision: review
    steps:
      - { from: [owner], ping: [dba], nudge: 15m, escalate: { after: 1h, to: [platform] }, quiet: { hours: \"22:00-07:00\", fallback: [oncall] } }
    inform: { people: [owner, dba], channels: [\"#feed\"] }
",
    );
    let Err(faults) = policy_of_manager() else {
        panic!("nobody said who the manager is");
    };
    assert!(faults.to_string().contains("manager"));
    let terms = answer(&policy, &ask("dana db 1h"), &noon()).unwrap();
    let [step] = terms.route.steps() else {
        panic!("{terms:?}");
    };
    let names = |groups: &[GroupName]| groups.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&step.from), ["leads"]);
    assert_eq!(names(&step.ping), ["dba"]);
    assert_eq!(step.nudge, Some(Span::minutes(15)));
    assert_eq!(names(&step.escalate.as_ref().unwrap().to), ["platform"]);
    // Noon in UTC is one o'clock in Berlin; the request lives until one at night there.
    let quiet = step.quiet.as_ref().unwrap();
    assert_eq!(
        quiet.windows,
        [(at("2027-03-01T21:00:00Z"), at("2027-03-02T06:00:00Z"))]
    );
    assert_eq!(names(&terms.inform.people), ["leads", "dba"]);
    assert_eq!(terms.inform.channels, ["#feed"]);
    assert_eq!(names(&terms.revokers), ["platform", "leads"]);
    assert!(policy.channels().contains("#feed"));
    let early = Circumstances::at(at("2027-03-01T08:00:00Z"));
    let terms = answer(&policy, &ask("dana db 1h"), &early).unwrap();
    let by_day = &terms.route.steps()[0];
    let windows = &by_day.quiet.as_ref().unwrap().windows;
    assert!(windows.is_empty(), "no quiet time falls into it");
    let named: Vec<&GroupName> = by_day.groups().collect();
    assert!(
        !named.contains(&&GroupName::new("oncall")),
        "so nobody stands in: {named:?}"
    );
}

fn policy_of_manager() -> Result<Policy, Faults> {
    let text = SMALL.replace(
        "steps: [ { from: [dba] } ]",
        "steps: [ { from: [manager] } ]",
    );
    let source = Source {
        name: "policy.yaml".into(),
        text,
    };
    Policy::from_sources(vec![source])
}

#[test]
fn bundles_are_found_in_any_case() {
    let policy = review("");
    let kit = policy.bundle("kit").unwrap();
    assert_eq!((kit.name.as_str(), kit.access.len()), ("Kit", 2));
    assert_eq!(
        kit.access[0],
        (ResourceName::new("db"), Some(RoleName::new("rw")))
    );
    assert_eq!(policy.bundles().count(), 1);
    assert_eq!(policy.bundle("db"), None);
    assert_eq!(policy.admins(), [GroupName::new("platform")]);
    assert_eq!(policy.auditors(), [GroupName::new("platform")]);
    assert_eq!(policy.timezone(), chrono_tz::Europe::Berlin);
}
