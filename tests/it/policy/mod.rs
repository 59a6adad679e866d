//! Policy files as people write them: what is wrong is told with its place and a hint, and nothing
//! that is written can make the reader fall over.

use std::fs;
use std::path::{Path, PathBuf};

use jitbot::policy::{Faults, Policy, Source};
use proptest::prelude::*;

fn fixtures(under: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/policy")
        .join(under)
}

fn source(name: &str, text: impl Into<String>) -> Source {
    Source {
        name: name.to_owned(),
        text: text.into(),
    }
}

fn faults(sources: Vec<Source>) -> Faults {
    Policy::from_sources(sources).expect_err("the policy is wrong")
}

/// Every file of `wrong/`, with the report that people see.
#[test]
fn every_wrong_file_says_where_what_and_how_to_mend_it() {
    let mut files: Vec<PathBuf> = fs::read_dir(fixtures("wrong"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 80);
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        let faults = faults(vec![source("policy.yaml", text)]);
        for fault in faults.iter() {
            assert!(fault.place().is_some(), "{name}: {fault} has no place");
            assert!(fault.hint().is_some(), "{name}: {fault} has no hint");
        }
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!(format!("wrong_{name}"), faults.render(false));
        });
    }
}

#[test]
fn quiet_hours_in_which_the_same_people_stand_in_are_doubted() {
    let text = fs::read_to_string(fixtures("whole.yaml")).unwrap();
    let same = text.replace("fallback: [leads] }", "fallback: [dba] }");
    assert_ne!(same, text);
    let warned = |text: String| -> Vec<String> {
        let policy = Policy::from_sources(vec![source("policy.yaml", text)]).unwrap();
        policy.warnings().iter().map(ToString::to_string).collect()
    };
    assert_eq!(warned(text), [""; 0]);
    let told = warned(same);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("`quiet` names the same people as `from`"));
}

/// Conditions that hold for somebody, some day: none of them is called impossible.
const POSSIBLE: &[&str] = &[
    "now.hour >= 22 || now.hour < 6",
    "now.hour >= 22 && now.hour < 23 && now.minute == 59 && now.weekday == 'sun'",
    "now.holiday && now.weekday == 'fri' && now.hour == 23",
    "now.date > '2026-12-24' && now.date < '2026-12-26' && now.weekend == false",
    "now.time > timestamp('2027-01-01T00:00:00Z') && now.time < timestamp('2027-01-01T00:00:02Z')",
    "request.duration > duration('3h59m59s')",
    "request.duration == duration('1s') || request.duration > duration('9h')",
    "'web' in requester.groups && 'dba' in requester.groups && !('sre' in requester.groups)",
    "requester.groups.exists(g, g != 'web' && g != 'dba')",
    "requester.groups.size() > 7",
    "requester.is_guest && request.on_behalf && request.extension && request.break_glass",
    "request.reason.matches('^INC') && request.reason == 'x'",
    "request.role == 'rw' && resource.labels.env == 'prod'",
    "resource.labels.tier == 'one'",
    "history.requests.size() > 3 && history.requests.size() < 2",
    "now.local.hour > 3 && now.local.hour < 2",
    "requester.email.endsWith('@elsewhere.example')",
];

#[test]
fn a_condition_that_may_hold_is_no_fault() {
    let steps = "review\n    steps: [{ from: [dba] }, { from: [dba], when: request.on_behalf }]";
    for decision in ["deny\n    message: No.", "approve", steps] {
        for when in POSSIBLE {
            assert_eq!(told("Europe/Berlin", when, decision), None, "{when}");
        }
    }
}

/// What is told of a rule with a condition.
fn told(zone: &str, when: &str, decision: &str) -> Option<String> {
    let text = format!(
        "version: 1
defaults: {{ timezone: {zone}, channel: \"#access\", max_duration: 4h, holidays: [2026-12-25] }}
groups:
  web: {{ members: [dana@acme.example] }}
  dba: {{ members: [bob@acme.example, carol@acme.example] }}
  sre: {{ slack_usergroup: S0SRE }}
connectors: {{ main: {{ kind: postgres, mode: login, url: {{ env: MAIN_URL }} }} }}
resources:
  db: {{ connector: main, labels: {{ env: prod }}, roles: {{ ro: r, rw: w }} }}
  other: {{ connector: main, labels: {{ env: dev, tier: two }}, roles: {{ ro: r }} }}
  third: {{ connector: main, labels: {{ env: dev, tier: one }}, roles: {{ ro: r }} }}
rules:
  - name: one
    match: {{ requester_in: [web, sre] }}
    when: \"{when}\"
    decision: {decision}
  - {{ name: free, match: {{ roles: [rw] }}, when: now.holiday, decision: deny, message: No. }}
"
    );
    let policy = Policy::from_sources(vec![source("policy.yaml", text)]);
    policy.err().map(|faults| faults.to_string())
}

/// An hour that comes twice, one that is passed over, and parts of a second.
#[test]
fn a_condition_that_holds_only_while_clocks_change_is_no_fault() {
    let between = |from: &str, to: &str, more: &str| {
        format!("now.time > timestamp('{from}') && now.time < timestamp('{to}'){more}")
    };
    let second_pass = "now.time >= timestamp('2026-10-25T01:00:00Z') && now.date == '2026-10-25' \
                       && now.hour == 2 && now.minute >= 30";
    let new_york = "now.time >= timestamp('2026-11-01T06:00:00Z') && now.time <= \
                    timestamp('2026-11-01T07:00:00Z') && now.minute > 10 && now.minute < 50";
    let quarter = between(
        "2026-10-25T01:15:00Z",
        "2026-10-25T01:59:00Z",
        " && now.minute == 45",
    );
    let early = between(
        "2026-10-25T00:45:00Z",
        "2026-10-25T02:00:00Z",
        " && now.minute < 30",
    );
    let part = between("2026-03-02T00:00:00.2Z", "2026-03-02T00:00:00.9Z", "");
    let inside = between("2026-03-02T00:00:00Z", "2026-03-02T00:00:01Z", "");
    let possible = [
        ("Europe/Berlin", second_pass),
        ("Europe/Berlin", &quarter),
        ("Europe/Berlin", &early),
        ("America/New_York", new_york),
        (
            "Australia/Lord_Howe",
            "now.date == '2026-10-04' && now.hour == 2",
        ),
        ("Africa/Cairo", "now.date == '2026-04-24' && now.hour == 1"),
        ("UTC", &part),
        ("UTC", &inside),
    ];
    for (zone, when) in possible {
        assert_eq!(told(zone, when, "approve"), None, "{zone}: {when}");
    }
    let passed_over = "now.date == '2026-03-29' && now.hour == 2";
    let third_pass = between(
        "2026-10-25T02:00:00Z",
        "2026-10-25T03:00:00Z",
        " && now.hour == 2",
    );
    let late = between("2026-03-02T00:00:00.9Z", "2026-03-02T00:00:00.2Z", "");
    for when in [passed_over, &third_pass, &late] {
        let told = told("Europe/Berlin", when, "approve");
        assert!(told.is_some_and(|told| told.contains("never")), "{when}");
    }
}

/// Groups change, so a rule that is for nobody just now is a doubt and no fault.
#[test]
fn a_rule_whose_people_others_take_is_doubted() {
    let text = |leads: &str| {
        format!(
            "version: 1
defaults: {{ channel: \"#access\" }}
groups:
  web: {{ members: [dana@acme.example, lee@acme.example] }}
  leads: {{ members: [{leads}] }}
connectors: {{ main: {{ kind: postgres, mode: login, url: {{ env: MAIN_URL }} }} }}
resources: {{ db: {{ connector: main, roles: {{ ro: r }} }} }}
rules:
  - {{ name: for web, match: {{ requester_in: [web] }}, decision: approve }}
  - {{ name: for leads, match: {{ requester_in: [leads] }}, decision: approve }}
"
        )
    };
    let warned = |leads: &str| -> Vec<String> {
        let policy = Policy::from_sources(vec![source("policy.yaml", text(leads))]).unwrap();
        policy.warnings().iter().map(ToString::to_string).collect()
    };
    let told = warned("lee@acme.example");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("“for leads” is reached by nobody who is in its groups now"),
        "{told:?}"
    );
    assert_eq!(warned("lee@acme.example, kim@acme.example"), [""; 0]);
}

#[test]
fn a_folder_is_read_in_the_order_of_names() {
    let policy = Policy::load(&fixtures("folder")).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(policy.resources().count(), 1);
    assert_eq!(policy.connectors().len(), 1);
    let one = Policy::load(&fixtures("folder/10-people.yaml")).unwrap();
    assert_eq!(
        one.resources().count(),
        0,
        "a single file stands for itself"
    );
}

#[test]
fn a_broken_file_does_not_hide_the_faults_of_the_others() {
    let faults = Policy::load(&fixtures("broken-folder")).unwrap_err();
    let root = fixtures("broken-folder").display().to_string();
    // Names that the broken file may hold are not called unknown.
    insta::assert_snapshot!(faults.to_string().replace(&root, "policy"));
}

#[test]
fn a_policy_that_is_not_there_says_which_setting_names_it() {
    let told = |path: &str| Policy::load(Path::new(path)).unwrap_err().to_string();
    let missing = told("no/such/policy.yaml");
    assert!(missing.contains("no/such/policy.yaml"), "{missing}");
    assert!(missing.contains("JIT_POLICY"), "{missing}");
    let empty = Policy::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/policy"));
    let empty = empty.unwrap_err().render(false);
    assert!(empty.contains("there is no policy in"), "{empty}");
}

#[test]
fn places_in_two_files_are_both_named() {
    let base = fs::read_to_string(fixtures("folder/10-people.yaml")).unwrap();
    let faults = faults(vec![source("a.yaml", base.clone()), source("b.yaml", base)]);
    insta::assert_snapshot!(faults.render(false));
}

#[test]
fn a_secret_is_never_shown() {
    for secret in [
        "url: postgres://admin:hunter2-secret@db/app",
        "url: |\n      postgres://admin:hunter2-secret@db/app",
        "url: >\n      postgres://admin:\n      hunter2-secret@db/app",
        "url: [hunter2-secret]",
        "url: { env: hunter2-secret }",
        "url: { evn: \"hunter2-secret\" }",
        "url: { postgres://admin:hunter2-secret@db/app }",
        "ulr: postgres://admin:hunter2-secret@db/app",
        "password: hunter2-secret",
        "kind: postgres://admin:hunter2-secret@db/app",
        "url: { env: [hunter2-secret] }",
        "url: postgres://admin:hunter2-secret@db/app: [",
        "secret: whsec_hunter2-secret: [",
    ] {
        let text = format!(
            "version: 1\nconnectors:\n  main:\n    kind: postgres\n    mode: login\n    {secret}\n    oops: 1\n"
        );
        let faults = faults(vec![source("policy.yaml", text)]);
        let report = format!("{faults}\n{}", faults.render(true));
        assert!(!report.contains("hunter2-secret"), "{secret}:\n{report}");
    }
}

#[test]
fn a_secret_of_a_groups_source_is_never_shown() {
    for group in [
        "pagerduty: hunter2-secret",
        "pagerduty: { schedule: hunter2-secret, token: { env: T } }",
        "pagerduty: { schedule: PABC123, token: hunter2-secret }",
        "pagerduty: { schedule: PABC123, token: { env: hunter2-secret } }",
        "pagerduty: { schedule: PABC123, tokken: hunter2-secret }",
        "pagerduty: { schedule: PABC123, token: { env: T }, api: \"https://hunter2-secret@pd\" }",
        "pagerdutty: { schedule: PABC123, token: hunter2-secret }",
        "webhook: { url: https://crm.example, secret: hunter2-secret }",
        "webhook: [hunter2-secret]",
        "webhok: { secret: hunter2-secret }",
        "secret: hunter2-secret",
        "members: [bob@acme.example]\n    webhook: { url: https://crm.example, secret: hunter2-secret }",
    ] {
        let text = format!("version: 1\ngroups:\n  main:\n    {group}\n    oops: 1\n");
        let faults = faults(vec![source("policy.yaml", text)]);
        let report = format!("{faults}\n{}", faults.render(true));
        assert!(!report.contains("hunter2-secret"), "{group}:\n{report}");
    }
}

#[test]
fn the_report_can_be_coloured() {
    let faults = faults(vec![source("policy.yaml", "version: 2\n")]);
    assert_eq!(faults.len(), 1);
    assert!(faults.render(true).contains("\u{1b}["));
    assert!(!faults.render(false).contains("\u{1b}["));
}

/// The example, and everything wrong: what mutations start from.
fn seeds() -> Vec<String> {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("policy/access.yaml");
    let wrong = fs::read_dir(fixtures("wrong")).expect("the folder is there");
    let wrong = wrong.map(|entry| entry.expect("an entry").path());
    std::iter::once(example)
        .chain(wrong)
        .map(|path| fs::read_to_string(path).expect("a text"))
        .collect()
}

/// Reads a policy and looks at everything that it, or its faults, can show.
fn exercise(text: &str) {
    match Policy::from_sources(vec![source("policy.yaml", text)]) {
        Ok(policy) => assert_eq!(policy.hash().len(), 64),
        Err(faults) => {
            assert!(faults.len() >= 1);
            assert!(faults.render(false).contains("the policy was not loaded"));
        }
    }
}

/// Puts a piece of text in the place of some characters.
fn mutate(text: &str, at: usize, remove: usize, insert: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = at % (chars.len() + 1);
    let end = (at + remove).min(chars.len());
    chars[..at]
        .iter()
        .copied()
        .chain(insert.chars())
        .chain(chars[end..].iter().copied())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        exercise(&text);
    }

    #[test]
    fn no_yaml_makes_it_panic(text in "[-a-z0-9:{}\\[\\],\"'|>&*#!?%@ \n\tü🦀]{0,120}") {
        exercise(&text);
        exercise(&format!("version: 1\nrules: {text}"));
        exercise(&format!("version: 1\nresources:\n  a: {text}"));
    }

    #[test]
    fn no_slip_of_the_pen_makes_it_panic(
        seed in any::<prop::sample::Index>(),
        slips in prop::collection::vec(
            (any::<usize>(), 0usize..12, "[-a-z0-9:{}\\[\\],\"'|>&*#!? \n\tü🦀]{0,6}"),
            1..4,
        ),
    ) {
        let seeds = seeds();
        let mut text = seeds[seed.index(seeds.len())].clone();
        for (at, remove, insert) in slips {
            text = mutate(&text, at, remove, &insert);
        }
        exercise(&text);
    }
}
