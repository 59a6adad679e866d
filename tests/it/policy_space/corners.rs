//! Corners of the space in which a request hides that is answered differently from all others. Each
//! is found, and its command shows it.

use std::fs;

use jitbot::policy::Source;
use jitbot::policy::assert::{Example, Invariants, Outcome};
use jitbot::policy::diff::Diff;

use super::{policy, shell};

/// A policy with these people and rules.
fn with(people: &str, groups: &str, rules: &str) -> String {
    format!(
        "version: 1
defaults: {{ timezone: Europe/Berlin, channel: \"#a\", fallback_channel: \"#b\", holidays: [2026-12-25, 2026-12-26] }}
people: {{ {people} }}
groups:
  engineers: {{ members: [dana@acme.example, bob@acme.example] }}
  dba: {{ members: [bob@acme.example, carol@acme.example, kim@acme.example] }}
  {groups}
connectors: {{ main: {{ kind: postgres, mode: login, url: {{ env: MAIN_URL }} }} }}
resources: {{ db: {{ connector: main, roles: {{ read: r }} }} }}
rules:
{rules}  - {{ name: no holidays, match: {{ requester_in: [nobody] }}, when: now.holiday, decision: deny, message: No. }}
  - {{ name: the rest, match: {{}}, decision: review, steps: [{{ from: [dba] }}] }}
"
    )
}

fn outcome(text: &str, invariant: &str) -> Outcome {
    let source = Source {
        name: "policy_assert.yaml".to_owned(),
        text: format!("invariants:\n  - {invariant}\n"),
    };
    let asserted = Invariants::from_sources(vec![source]).decide(&policy(text));
    let mut asserted = asserted.unwrap_or_else(|faults| panic!("{faults}"));
    asserted.remove(0).outcome
}

/// The request that breaks an invariant. Its command prints what stands beside it.
fn broken(text: &str, invariant: &str) -> Example {
    let found = outcome(text, invariant);
    let Outcome::Broken(example) = found else {
        panic!("{invariant}: {found:#?}");
    };
    replays(text, &example);
    *example
}

fn replays(text: &str, example: &Example) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("policy.yaml"), text).unwrap();
    let command = example.command.as_ref().unwrap();
    let (status, said, error) = shell(folder.path(), &format!("{command} --policy policy.yaml"));
    assert_eq!(status, 0, "{command}\n{said}{error}");
    assert_eq!(Some(said.trim_end()), example.tree.as_deref(), "{command}");
}

const NOBODY: &str = "nobody: { members: [nobody@acme.example] }";

fn approving(when: &str) -> String {
    let groups = format!("{NOBODY}\n  contractors: {{ members: [gus@acme.example] }}");
    let rules = format!("  - {{ name: fast, match: {{}}, when: \"{when}\", decision: approve }}\n");
    with("", &groups, &rules)
}

#[test]
fn a_group_that_no_rule_names_counts_where_a_condition_looks_at_any() {
    for when in [
        "requester.groups.exists(g, g != 'contractors')",
        "requester.groups.exists_one(g, g != 'contractors')",
        "!requester.groups.all(g, g == 'contractors')",
        "!(requester.groups.all(g, g == 'contractors') || requester.groups.exists_one(g, g != 'contractors'))",
    ] {
        let text = approving(when);
        let example = broken(&text, "never automatic");
        assert!(example.tree.unwrap().contains("approved at once"), "{when}");
        // The condition of an invariant sees them too.
        let reviewed = approving("request.break_glass");
        broken(
            &reviewed,
            &format!("{{ name: x, never: allowed, where: \"{when}\" }}"),
        );
        let diff = Diff::between(&policy(&reviewed), &policy(&text)).unwrap();
        assert!(diff.is_laxer(), "{when}: {:#?}", diff.changes());
        let replay = diff
            .changes()
            .iter()
            .find_map(|change| change.replay.clone());
        assert!(replay.unwrap().contains("@acme.example"), "{when}");
    }
}

#[test]
fn a_group_that_no_rule_names_and_that_is_read_elsewhere_counts_too() {
    let text = with(
        "",
        &format!("{NOBODY}\n  sre: {{ slack_usergroup: S0SRE }}"),
        "  - { name: fast, match: {}, when: \"requester.groups.exists(g, g != 'engineers' && g != 'dba' && g != 'nobody')\", decision: approve }\n",
    );
    let example = broken(&text, "never automatic");
    assert!(example.command.unwrap().contains("--in sre"));
}

#[test]
fn whoever_moves_into_a_group_that_no_rule_names_is_seen() {
    let before = approving("requester.groups.exists(g, g != 'contractors')");
    let after = before.replace(
        "nobody: { members: [",
        "nobody: { members: [frank@acme.example, ",
    );
    // The group is named by the last rule; here it is not.
    let unnamed =
        |text: &str| text.replace("requester_in: [nobody]", "requester_in: [contractors]");
    let diff = Diff::between(&policy(&unnamed(&before)), &policy(&unnamed(&after))).unwrap();
    assert!(diff.is_laxer(), "{:#?}", diff.changes());
    assert!(
        diff.changes()[0].who.contains("frank@acme.example"),
        "{:#?}",
        diff.changes()
    );
}

#[test]
fn groups_that_are_compared_by_their_order_cannot_be_decided() {
    let text = approving("requester.groups.exists(g, g < 'contractors')");
    let found = outcome(&text, "never automatic");
    assert!(matches!(found, Outcome::Undecided { .. }), "{found:#?}");
}

#[test]
fn reviewed_access_may_be_asked_for_on_behalf() {
    let text = with("", NOBODY, "");
    let example = broken(&text, "never on behalf");
    assert!(example.command.unwrap().contains("--for"));
    let denied = with(
        "",
        NOBODY,
        "  - { name: oneself, match: {}, when: request.on_behalf, decision: deny, message: No. }\n",
    );
    assert!(outcome(&denied, "never on behalf").holds());
}

#[test]
fn whoever_asks_on_behalf_is_somebody_whom_no_rule_denies() {
    let text = with(
        "",
        NOBODY,
        "  - { name: staff, match: {}, when: \"!('dba' in requester.groups)\", decision: deny, message: No. }\n",
    );
    broken(&text, "never on behalf");
}

#[test]
fn every_hour_is_tried_after_a_moment_that_is_named() {
    for when in [
        "now.time > timestamp('2027-01-01T00:00:00Z') && now.hour == 3",
        "request.start >= timestamp('2027-01-01T00:30:00Z') && now.weekday == 'tue'",
        "now.time > timestamp('2027-01-01T00:00:00Z') && now.time < timestamp('2027-01-01T00:20:00Z') && now.minute == 10",
        "now.time > timestamp('2026-12-25T10:30:00Z') && now.holiday && now.hour == 15",
        "now.time > timestamp('2027-06-01T00:00:00Z') && now.date > '2027-07-01' && now.hour == 3",
        "now.date > '2026-12-24' && !now.holiday",
    ] {
        let example = broken(&approving(when), "never automatic");
        assert!(example.tree.unwrap().contains("approved at once"), "{when}");
    }
    let never = "now.time > timestamp('2027-01-01T00:00:00Z') && now.date < '2026-06-01'";
    let invariant = format!("{{ name: x, never: automatic, where: \"{never}\" }}");
    assert!(outcome(&approving("now.hour >= 0"), &invariant).holds());
}

/// Somebody who is written by e-mail in one group and by Slack id in the other may be one person: at
/// run time Slack tells both.
#[test]
fn an_email_here_and_a_slack_id_there_may_be_one_person() {
    let rules = "  - { name: both, match: { requester_in: [engineers] }, when: \"'contractors' in requester.groups\", decision: approve }\n";
    let text = with(
        "",
        &format!("{NOBODY}\n  contractors: {{ members: [U0GUS] }}"),
        rules,
    );
    let found = outcome(&text, "never automatic");
    let Outcome::Undecided { why, example } = &found else {
        panic!("{found:#?}");
    };
    assert!(why.contains("U0GUS is the same person"), "{why}");
    let example = example.as_ref().unwrap();
    assert!(
        example.command.as_ref().unwrap().contains("--also U0GUS"),
        "{example:#?}"
    );
    replays(&text, example);
    // Where `people` says who is who, there is no doubt.
    let told = "dana: { emails: [dana@acme.example], slack: [U0DANA] }, \
                bob: { emails: [bob@acme.example], slack: [U0BOB] }, \
                gus: { emails: [gus@acme.example], slack: [U0GUS] }, \
                kim: { emails: [kim@acme.example], slack: [U0KIM] }, \
                carol: { emails: [carol@acme.example], slack: [U0CAROL] }, \
                nn: { emails: [nobody@acme.example], slack: [U0NOBODY] }";
    let groups = format!("{NOBODY}\n  contractors: {{ members: [U0GUS] }}");
    assert!(outcome(&with(told, &groups, rules), "never automatic").holds());
    let one = told.replace("slack: [U0DANA]", "slack: [U0DANA, U0DANA2]");
    let groups = format!("{NOBODY}\n  contractors: {{ members: [U0GUS, U0DANA2] }}");
    broken(&with(&one, &groups, rules), "never automatic");
}

#[test]
fn extensions_count_as_time() {
    let rule = |rest: &str| {
        let rules = format!(
            "  - {{ name: long, match: {{}}, require: {{ max_duration: 4h{rest} }}, decision: review, steps: [{{ from: [dba] }}] }}\n"
        );
        // What stands behind could not be reached.
        with("", NOBODY, &rules).replace(
            "  - { name: the rest, match: {}, decision: review, steps: [{ from: [dba] }] }\n",
            "",
        )
    };
    let example = broken(&rule(""), "always at most 4h");
    assert_eq!(example.told, "it lasts 8h with extensions");
    assert!(example.command.unwrap().contains("--extends 4h"));
    let example = broken(&rule(", extend: { max: 3, by: 1h }"), "always at most 6h");
    assert_eq!(example.told, "it lasts 7h with extensions");
    assert!(
        example
            .command
            .unwrap()
            .contains("--extends 6h --extended 2")
    );
    for (rest, most) in [
        ("", "8h"),
        (", extend: { max: 0 }", "4h"),
        (", extend: { max: 3, by: 1h }", "7h"),
        (", extend: { max: 3, by: 1h, total: 5h }", "5h"),
    ] {
        let invariant = format!("always at most {most}");
        assert!(
            outcome(&rule(rest), &invariant).holds(),
            "{rest}: {invariant}"
        );
    }
    let no_more = "  - { name: no more, match: {}, when: request.extension, decision: deny, message: No. }\n  - { name: long";
    let denied = rule("").replace("  - { name: long", no_more);
    assert!(outcome(&denied, "always at most 4h").holds());
    let found = outcome(&rule(""), "always at most 4h where !request.extension");
    assert!(
        !found.holds(),
        "what is prolonged falls under it: {found:#?}"
    );
}

#[test]
fn what_comes_once_the_uses_are_used_up_can_be_repeated() {
    let text = with(
        "",
        NOBODY,
        "  - { name: fast, match: {}, require: { max_duration: 1h, extend: { max: 0 } }, decision: approve, limits: { uses: 2, per: 1d } }\n",
    );
    let example = broken(&text, "always at most 1h where !request.on_behalf");
    let command = example.command.unwrap();
    assert!(command.contains("--used-up fast"), "{command}");
    assert!(outcome(&text, "always at most 16h").holds());
}

/// Two rules that approve by themselves, each so often only; the second for longer.
const LOOKS: [&str; 2] = [
    "  - { name: short looks, match: {}, require: { max_duration: 1h }, decision: approve, limits: { uses: 2, per: 1d } }\n",
    "  - { name: day looks, match: {}, require: { max_duration: 8h }, decision: approve, limits: { uses: 1, per: 7d } }\n",
];

#[test]
fn the_uses_of_one_rule_may_be_used_up_while_another_has_some_left() {
    let text = with("", NOBODY, &LOOKS.concat());
    let example = broken(
        &text,
        "never automatic where request.duration > duration('1h')",
    );
    let command = example.command.unwrap();
    assert!(command.contains("--used-up 'short looks'"), "{command}");
    assert!(!command.contains("day looks"), "{command}");
    assert!(
        outcome(
            &text,
            "never automatic where request.duration > duration('8h')"
        )
        .holds()
    );
    // The other way round the second can only be reached where the first is used up.
    let turned = with("", NOBODY, &[LOOKS[1], LOOKS[0]].concat());
    let example = broken(
        &turned,
        "never automatic where request.duration > duration('1h')",
    );
    assert!(!example.command.unwrap().contains("--used-up"));
}

#[test]
fn a_rule_that_counts_once_another_is_used_up_is_a_change() {
    let (both, first) = (
        with("", NOBODY, &LOOKS.concat()),
        with("", NOBODY, LOOKS[0]),
    );
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("both.yaml"), &both).unwrap();
    fs::write(folder.path().join("first.yaml"), &first).unwrap();
    let diff = ["policy", "diff", "first.yaml", "both.yaml"];
    let (status, said, error) = super::jit(folder.path(), &diff);
    assert_eq!(status, 3, "{said}{error}");
    let told = "once the uses of “short looks” are used up and while uses of “day looks” are left";
    assert!(said.contains(told), "{said}");
    assert!(said.contains("--used-up 'short looks'"), "{said}");
    let back = Diff::between(&policy(&both), &policy(&first)).unwrap();
    assert_ne!(back.changes(), []);
    assert!(!back.is_laxer(), "{:#?}", back.changes());
}

/// What a policy answers follows from the first rule that has uses left: asking for all ways in which
/// rules may be used up finds nothing else.
#[test]
fn any_number_of_rules_may_be_limited() {
    let rules: Vec<String> = (0..9)
        .map(|number| {
            format!(
                "  - {{ name: rule {number}, match: {{}}, require: {{ max_duration: {}h }}, decision: approve, limits: {{ uses: 1, per: 1d }} }}\n",
                1 + number % 4
            )
        })
        .collect();
    let rules = rules.concat();
    let text = with("", NOBODY, &rules);
    let example = broken(
        &text,
        "never automatic where request.duration > duration('3h')",
    );
    let command = example.command.unwrap();
    assert_eq!(command.matches("--used-up").count(), 3, "{command}");
    let other = policy(&text.replace(
        "rule 7, match: {}, require: { max_duration: 4h }",
        "rule 7, match: {}, require: { max_duration: 5h }",
    ));
    let diff = Diff::between(&policy(&text), &other).unwrap();
    assert!(diff.is_laxer(), "{:#?}", diff.changes());
}

#[test]
fn whoever_used_up_a_rule_may_use_it_anew_under_another_name() {
    let old = with("", NOBODY, LOOKS[0]);
    let new = old.replace("short looks", "quick looks");
    let diff = Diff::between(&policy(&old), &policy(&new)).unwrap();
    assert!(diff.is_laxer());
    let told =
        "once the uses of “short looks” are used up: uses count anew, as those of “quick looks”";
    for change in diff.changes() {
        assert!(change.when.contains(&told.to_owned()), "{change:#?}");
    }
    assert_eq!(diff.changes()[0].after, "approved at once");
    // What is not counted may be called anything.
    let free = |text: &str| {
        text.replace(
            ", limits: { uses: 2, per: 1d }",
            ", limits: { hours: \"08:00-18:00\" }",
        )
    };
    let diff = Diff::between(&policy(&free(&old)), &policy(&free(&new))).unwrap();
    assert_eq!(diff.changes(), []);
}

#[test]
fn many_rules_with_a_limit_of_uses_are_compared() {
    let all = |rules: usize, first: u32| {
        let rule = |at: usize| {
            let uses = if at == 0 { first } else { 2 };
            format!(
                "  - {{ name: rule {at}, match: {{}}, require: {{ max_duration: {}m }}, decision: approve, limits: {{ uses: {uses}, per: 1d }} }}\n",
                at + 5
            )
        };
        policy(&with("", NOBODY, &(0..rules).map(rule).collect::<String>()))
    };
    let diff = Diff::between(&all(12, 1), &all(12, 1_000)).unwrap();
    assert!(diff.is_laxer(), "{diff:?}");
    // So many have an answer, or are refused: neither takes long.
    if let Err(refused) = Diff::between(&all(150, 1), &all(150, 2)) {
        assert!(refused.to_string().contains("cannot be tried out"));
    }
}

#[test]
fn groups_that_exchange_their_people_are_told_of_only_where_a_rule_kept_its_group() {
    let text = |dba: &str, dbas: &str, from: &str| {
        let groups = format!("{NOBODY}\n  dbas: {{ members: [{dbas}] }}");
        let text = with("", &groups, "");
        let text = text.replace(
            "bob@acme.example, carol@acme.example, kim@acme.example",
            dba,
        );
        text.replace("from: [dba]", &format!("from: [{from}]"))
    };
    let (ours, theirs) = (
        "bob@acme.example, carol@acme.example",
        "lee@acme.example, lou@acme.example",
    );
    let told = |old: &str, new: &str| -> Vec<String> {
        let diff = Diff::between(&policy(old), &policy(new)).unwrap();
        let changes = diff.changes().iter();
        changes
            .map(|change| format!("{}: {} -> {}", change.what, change.before, change.after))
            .collect()
    };
    let old = text(ours, theirs, "dba");
    let moved = |told: &[String]| {
        told.iter()
            .any(|line| line.contains("may decide as one of"))
    };
    let exchanged = told(&old, &text(theirs, ours, "dbas"));
    assert!(!moved(&exchanged), "{exchanged:?}");
    let kept = told(&old, &text(theirs, ours, "dba"));
    assert!(moved(&kept), "{kept:?}");
    // By a new name it may be the same rule.
    let renamed = text(theirs, ours, "dba").replace("name: the rest,", "name: others,");
    let renamed = told(&old, &renamed);
    assert!(moved(&renamed), "{renamed:?}");
    // Another group in the place of one is told by the answers.
    let other = told(&old, &text(ours, theirs, "dbas"));
    assert!(!other.is_empty() && !moved(&other), "{other:?}");
}

#[test]
fn another_name_for_the_same_people_is_no_change() {
    let rules = "  - name: steps
    match: { requester_in: [engineers] }
    decision: review
    steps:
      - { from: [dba, heads], mode: all, ping: [heads], escalate: { after: 1h, to: [engineers] } }
      - { from: [owner], quiet: { hours: \"22:00-07:00\", fallback: [heads] } }
    inform: { people: [heads] }
    break_glass: { who: [engineers], max_duration: 1h, review_within: 1d, review_by: [heads] }
";
    let groups = format!("{NOBODY}\n  heads: {{ members: [lee@acme.example, lou@acme.example] }}");
    let old = with("", &groups, rules).replace(
        "db: { connector: main,",
        "db: { connector: main, owner: [heads],",
    );
    let new = old.replace("heads", "chiefs");
    let diff = |new: &str| {
        let diff = Diff::between(&policy(&old), &policy(new)).unwrap();
        (diff.changes().len(), diff.is_laxer())
    };
    assert_eq!(diff(&new), (0, false));
    let (_, is_laxer) = diff(&new.replace("lou@acme.example", "mallory@acme.example"));
    assert!(is_laxer, "these are other people");
    // One of two groups in the place of both is a change, whoever is in them.
    let twice = old.replace("[dba, heads], mode: all", "[dba], count: 1");
    assert!(diff(&twice).1);
}

#[test]
fn shorter_quiet_hours_let_nobody_do_more() {
    let quiet = |hours: &str, fallback: &str| {
        let rule = format!(
            "  - {{ name: steps, match: {{ requester_in: [engineers] }}, decision: review, steps: [{{ from: [dba], \
             quiet: {{ hours: \"{hours}\", fallback: [{fallback}] }} }}] }}\n"
        );
        let groups = format!("{NOBODY}\n  heads: {{ members: [lee@acme.example] }}");
        policy(&with("", &groups, &rule))
    };
    let old = quiet("22:00-07:00", "heads, engineers");
    for (hours, fallback, is_laxer) in [
        ("23:00-06:00", "heads, engineers", false),
        ("22:00-24:00", "heads, engineers", false),
        ("00:00-07:00", "heads", false),
        ("21:59-06:00", "heads", true),
        ("22:00-07:01", "heads", true),
        ("07:00-22:00", "heads", true),
        ("23:00-06:00", "nobody", true),
    ] {
        let diff = Diff::between(&old, &quiet(hours, fallback)).unwrap();
        assert_ne!(diff.changes(), [], "{hours}");
        assert_eq!(diff.is_laxer(), is_laxer, "{hours}: {:#?}", diff.changes());
    }
}
