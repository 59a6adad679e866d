//! Invariants that hold, that do not, and that cannot be decided.

use std::fs;

use jitbot::policy::Source;
use jitbot::policy::assert::{Invariants, Outcome};

use super::{fixtures, jit, policy, shell};

fn base() -> String {
    fs::read_to_string(fixtures().join("new_automatic/after.yaml")).unwrap()
}

fn outcome(text: &str, invariant: &str) -> Outcome {
    let text = policy(text);
    let source = Source {
        name: "policy_assert.yaml".to_owned(),
        text: format!("invariants:\n  - {invariant}\n"),
    };
    let asserted = Invariants::from_sources(vec![source]).decide(&text);
    let mut asserted = asserted.unwrap_or_else(|faults| panic!("{faults}"));
    asserted.remove(0).outcome
}

/// Invariants of the policy of `base`, and whether they hold.
const CASES: &[(&str, bool)] = &[
    ("never automatic where labels.env == 'staging'", true),
    ("never automatic where labels.env == 'prod'", false),
    (
        "never automatic where labels.env == 'prod' && now.weekend",
        true,
    ),
    (
        "never automatic where labels.env == 'prod' && now.hour == 17",
        false,
    ),
    (
        "never automatic where labels.env == 'prod' && now.hour == 18",
        true,
    ),
    (
        "never automatic where labels.env == 'prod' && request.duration > duration('2h')",
        true,
    ),
    ("never automatic where request.on_behalf", true),
    (
        "never automatic where !('engineers' in requester.groups)",
        true,
    ),
    (
        "never allowed where 'contractors' in requester.groups",
        true,
    ),
    ("never allowed where sensitivity == 'high'", false),
    ("never break-glass", true),
    ("never on behalf", false),
    ("always two people where request.role == 'readwrite'", true),
    ("always 3 people where request.role == 'readwrite'", false),
    ("always a reason where request.role == 'readwrite'", true),
    ("always a reason", false),
    ("always a ticket where request.role == 'readwrite'", false),
    ("always at most 8h", true),
    ("always at most 4h", false),
    ("always at most 2h where sensitivity == 'high'", false),
    (
        "always asked by engineers where resource.name == 'prod-users' && request.role == 'readonly'",
        true,
    ),
    ("always asked by leads where sensitivity == 'high'", false),
    (
        "always approved by dba or leads where request.role == 'readwrite'",
        true,
    ),
    (
        "always approved by dba where request.role == 'readwrite'",
        false,
    ),
    (
        "{ name: x, always: { people: 1 }, where: \"resource.sensitivity == 'low'\" }",
        true,
    ),
    (
        "{ name: x, always: { max_duration: 1h }, where: \"resource.sensitivity == 'low'\" }",
        false,
    ),
    (
        "{ name: x, always: { requester_in: [engineers, dba] } }",
        false,
    ),
    (
        "{ name: x, never: automatic, where: \"resource.sensitivity == 'low'\" }",
        true,
    ),
];

#[test]
fn invariants_are_decided_for_every_request() {
    for &(invariant, holds) in CASES {
        let outcome = outcome(&base(), invariant);
        assert_eq!(outcome.holds(), holds, "{invariant}: {outcome:#?}");
        assert!(
            !matches!(outcome, Outcome::Undecided { .. }),
            "{invariant}: {outcome:#?}"
        );
    }
}

#[test]
fn a_counter_example_really_replays() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("policy.yaml", &base());
    write(
        "policy_assert.yaml",
        "invariants:\n  - never automatic where labels.env == 'prod'\n",
    );
    let (status, said, error) = jit(folder.path(), &["policy", "assert", "policy.yaml"]);
    assert_eq!(status, 1, "{error}");
    insta::assert_snapshot!("assert_broken", said);
    let command = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("$ "))
        .unwrap();
    let (status, told, error) = shell(folder.path(), command);
    assert_eq!(status, 0, "{error}");
    assert!(told.contains("approved at once"), "{told}");
    for line in told.lines() {
        assert!(said.contains(line), "{line}");
    }
}

#[test]
fn what_cannot_be_decided_says_so_and_fails() {
    let text = fs::read_to_string(fixtures().join("condition_undecided/after.yaml")).unwrap();
    let text = text.replace(
        "    decision: review\n    steps: [{ from: [dba] }]\n",
        "    decision: approve\n",
    );
    let automatic = outcome(&text, "never automatic where labels.env == 'staging'");
    let Outcome::Undecided { why, .. } = &automatic else {
        panic!("{automatic:#?}");
    };
    assert!(why.contains("if `history.requests.size() < 5`"), "{why}");
    let either = outcome(&text, "never automatic where labels.env == 'prod'");
    assert!(either.holds(), "it holds for both outcomes: {either:#?}");
    let opaque = outcome(&text, "never allowed where request.reason == 'because'");
    assert!(matches!(opaque, Outcome::Undecided { .. }), "{opaque:#?}");
    let holds_anyway = outcome(&text, "always at most 8h where request.reason == 'because'");
    assert!(holds_anyway.holds(), "{holds_anyway:#?}");
}

#[test]
fn a_label_that_is_missing_is_told_with_the_resource() {
    let text = fs::read_to_string(fixtures().join("rules_in_another_order/before.yaml")).unwrap();
    let text = text
        .replace("main, labels: { env: staging }, ", "main, ")
        .replace(
            "{ labels: { env: staging } }",
            "{ resources: [staging-db] }",
        );
    let Outcome::Undecided { why, .. } =
        outcome(&text, "always two people where labels.env == 'prod'")
    else {
        panic!("it cannot be told whether staging-db falls under it");
    };
    assert!(
        why.contains("staging-db") && why.contains("no label `env`"),
        "{why}"
    );
    let careful = "always two people where has(resource.labels.env) && labels.env == 'prod'";
    assert!(outcome(&text, careful).holds());
}

#[test]
fn faults_have_their_place_and_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("policy.yaml"), base()).unwrap();
    fs::write(
        folder.path().join("policy.assert.yaml"),
        "invariants:\n  - never automatick where labels.env == 'prod'\n  - never automatic where labels.env == 'prdo'\n  \
         - always two peple\n  - sometimes automatic\n  - always approved by dbas\n  \
         - { name: x, never: automatic, where: \"resource.sensitivty == 'high'\" }\n  \
         - { name: x, always: { people: 0 } }\n  - { never: allowed }\n  - { name: y, where: \"true\" }\n",
    )
    .unwrap();
    let (status, _, said) = jit(folder.path(), &["policy", "assert", "policy.yaml"]);
    assert_eq!(status, 1, "{said}");
    insta::assert_snapshot!("assert_faults", said);
    let empty = tempfile::tempdir().unwrap();
    fs::write(empty.path().join("policy.yaml"), base()).unwrap();
    let (status, _, said) = jit(empty.path(), &["policy", "assert", "policy.yaml"]);
    assert_eq!(status, 2, "{said}");
}

#[test]
fn all_that_holds_is_exit_zero_and_no_policy() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("policy.yaml"), base()).unwrap();
    fs::write(
        folder.path().join("all_assert.yaml"),
        "invariants:\n  - always two people where request.role == 'readwrite'\n",
    )
    .unwrap();
    let (status, said, error) = jit(folder.path(), &["policy", "assert", "."]);
    assert_eq!(status, 0, "{said}{error}");
    assert!(said.contains("1 of 1 invariants hold"), "{said}");
    let (status, _, error) = jit(folder.path(), &["policy", "check", "."]);
    assert_eq!(status, 0, "{error}");
}

/// Whoever stands behind a group decides where nobody of it can be named.
#[test]
fn what_a_group_falls_back_to_may_approve_as_well() {
    let text = fs::read_to_string(fixtures().join("fallback_members/before.yaml")).unwrap();
    for (invariant, told) in [
        (
            "always approved by oncall",
            "people of second, to whom oncall falls back, may approve it",
        ),
        (
            "always approved by oncall or second",
            "people of sre, to whom oncall falls back, may approve it",
        ),
    ] {
        let Outcome::Broken(example) = outcome(&text, invariant) else {
            panic!("{invariant} should not hold");
        };
        assert_eq!(example.told, told);
    }
    assert!(outcome(&text, "always approved by oncall or second or sre").holds());
    let later = text.replace(
        "[{ from: [oncall] }]",
        "[{ from: [sre], escalate: { after: 1h, to: [second] } }]",
    );
    assert!(outcome(&later, "always approved by sre or second").holds());
    let stated = text
        .replace(
            "[{ from: [oncall] }]",
            "[{ from: [admins], escalate: { after: 1h, to: [oncall] } }]",
        )
        .replace(
            "  sre: {",
            "  admins: { members: [lee@acme.example] }\n  sre: {",
        );
    assert!(!outcome(&stated, "always approved by admins or oncall").holds());
}

/// Invariants that hold before a change and not after it: the pair, the invariant, and what is wrong
/// then.
const BROKEN_BY_A_CHANGE: &[(&str, &str, &str)] = &[
    (
        "new_automatic",
        "never automatic where labels.env == 'prod'",
        "it is approved at once",
    ),
    (
        "count_two_to_one",
        "always two people where request.role == 'readonly' && labels.env == 'prod'",
        "one person has to agree",
    ),
    (
        "removed_step",
        "always two people where request.role == 'readwrite'",
        "one person has to agree",
    ),
    (
        "break_glass_added",
        "never break-glass",
        "it is given by break-glass",
    ),
    (
        "longer_cap",
        "always at most 8h",
        "it lasts 16h with extensions",
    ),
    (
        "extension_and_reason",
        "always a reason where request.role == 'readwrite'",
        "no reason is asked for",
    ),
];

#[test]
fn a_change_breaks_what_held_before() {
    for &(pair, invariant, told) in BROKEN_BY_A_CHANGE {
        let read = |file: &str| fs::read_to_string(fixtures().join(pair).join(file)).unwrap();
        let before = outcome(&read("before.yaml"), invariant);
        assert!(before.holds(), "{pair}: {before:#?}");
        let after = outcome(&read("after.yaml"), invariant);
        let Outcome::Broken(example) = after else {
            panic!("{pair}: {after:#?}");
        };
        assert_eq!(example.told, told, "{pair}");
        let command = example.command.unwrap();
        let line = format!("{command} --policy {pair}/after.yaml");
        let (status, said, error) = shell(&fixtures(), &line);
        assert_eq!(status, 0, "{line}\n{said}{error}");
        assert_eq!(Some(said.trim_end()), example.tree.as_deref(), "{line}");
        // Before the change the same request was answered otherwise.
        let line = format!("{command} --policy {pair}/before.yaml");
        let (_, was, _) = shell(&fixtures(), &line);
        assert_ne!(was, said, "{line}");
    }
}
