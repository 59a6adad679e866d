//! Large and hostile files: each is read or refused, and ends soon. Nothing here is timed; what goes
//! through everything for each thing would hold the tests up for minutes.

use std::fmt::Write as _;

use super::*;

/// What stands before each of these policies.
const HEAD: &str = "version: 1\ndefaults: { channel: \"#access\" }\n\
    groups:\n  team: { members: [dana@acme.example, bob@acme.example] }\n\
    connectors: { main: { kind: postgres, mode: login, url: { env: ADMIN_URL } } }\n";

fn faults(text: String) -> Faults {
    let name = "policy.yaml".to_owned();
    Policy::from_sources(vec![Source { name, text }]).expect_err("it is refused")
}

fn first(faults: &Faults) -> &str {
    faults.iter().next().expect("a fault").message()
}

fn resources(many: usize) -> String {
    let mut text = String::from("resources:\n");
    for number in 0..many {
        let _ = writeln!(
            text,
            "  db-{number}: {{ connector: main, labels: {{ team: t{} }}, roles: {{ r: app }} }}",
            number % 50
        );
    }
    text
}

fn rules(many: usize, matching: impl Fn(usize) -> String) -> String {
    let mut text = String::from("rules:\n");
    for number in 0..many {
        let _ = writeln!(
            text,
            "  - {{ name: rule {number}, match: {{ {} }}, decision: review, steps: [ {{ from: [team] }} ] }}",
            matching(number)
        );
    }
    text
}

#[test]
fn a_group_of_ten_thousand_in_one_line_is_read() {
    let members: Vec<String> = (0..10_000).map(|n| format!("p{n}@acme.example")).collect();
    let text = format!(
        "version: 1\ngroups: {{ all: {{ members: [{}] }} }}\n",
        members.join(", ")
    );
    let policy = policy(&text);
    let all = policy.group_entries(&GroupName::new("all")).unwrap();
    assert_eq!(all.len(), 10_000);
}

#[test]
fn rules_that_are_all_about_everything_are_refused() {
    let text = format!(
        "{HEAD}{}{}",
        resources(3_000),
        rules(3_000, |_| String::new())
    );
    let faults = faults(text);
    assert!(
        first(&faults).contains("the rules are about too much"),
        "{faults}"
    );
    assert_eq!(faults.len(), 1, "{faults}");
}

#[test]
fn many_rules_behind_each_other_are_all_told() {
    let about =
        |number: usize| format!("requester_in: [team], labels: {{ team: t{} }}", number % 50);
    let text = format!("{HEAD}{}{}", resources(400), rules(2_000, about));
    let faults = faults(text);
    assert!(first(&faults).contains("can never be reached"), "{faults}");
    assert_eq!(faults.len(), 1_001, "a thousand, and how many more");
}

#[test]
fn thirty_thousand_unknown_names_are_told_in_short() {
    let names: Vec<String> = (0..30_000).map(|number| format!("no-{number}")).collect();
    let about = format!("resources: [{}]", names.join(", "));
    let text = format!("{HEAD}{}{}", resources(1_000), rules(1, |_| about.clone()));
    let faults = faults(text);
    assert_eq!(faults.len(), 1_001);
    let last = faults.iter().last().unwrap();
    assert_eq!(
        last.message(),
        "there are 29000 more faults, which are not told"
    );
    let drawn = faults.render(false);
    assert!(drawn.len() < 500_000, "{} bytes", drawn.len());
    assert!(
        drawn.lines().all(|line| line.len() < 2_000),
        "long lines are cut"
    );
}

#[test]
fn a_thousand_large_expressions_are_too_much_and_one_in_a_thousand_rules_is_not() {
    let with = |pattern: &dyn Fn(usize) -> String| {
        let mut text = format!("{HEAD}{}rules:\n", resources(1_000));
        for number in 0..1_000 {
            let _ = writeln!(
                text,
                "  - {{ name: r{number}, match: {{ resources: [db-{number}] }}, require: {{ reason: '{}' }}, \
                 decision: review, steps: [ {{ from: [team] }} ] }}",
                pattern(number)
            );
        }
        text
    };
    let same = policy(&with(&|_| "^INC-[0-9]{4}$".to_owned()));
    assert_eq!(same.rules().count(), 1_000);
    let faults = faults(with(&|number| format!("(a{number}|[a-z]{{500}}){{20}}")));
    assert!(
        first(&faults).contains("regular expression is too large"),
        "{faults}"
    );
}

#[test]
fn a_file_that_holds_too_much_is_refused() {
    let long = format!("version: 1\n# {}\n", "x".repeat(9 << 20));
    assert!(first(&faults(long)).contains("more than a policy may hold"));
    let many = format!("version: 1\ngroups: [{}]\n", "a,".repeat(600_000));
    assert!(first(&faults(many)).contains("more than a policy may hold"));
    let deep = format!("version: 1\ngroups: {}\n", "[".repeat(100_000));
    assert!(first(&faults(deep)).contains("not valid YAML"));
}

#[test]
fn too_many_rules_resources_or_steps_are_refused() {
    let empty = |number: usize| format!("resources: [db-{number}]");
    let many = faults(format!("{HEAD}{}{}", resources(1), rules(10_001, empty)));
    assert!(
        many.to_string()
            .contains("a policy has at most 10000 rules")
    );
    let many = faults(format!("{HEAD}{}", resources(10_001)));
    assert!(
        many.to_string()
            .contains("a policy has at most 10000 resources")
    );
    let steps = "{ from: [team] }, ".repeat(21);
    let steps = format!(
        "{HEAD}{}rules: [ {{ name: r, match: {{}}, decision: review, steps: [{steps}] }} ]\n",
        resources(1)
    );
    let many = faults(steps).to_string();
    assert!(many.contains("rule “r” has more than 20 steps"), "{many}");
}

#[test]
fn names_that_may_be_secrets_are_masked_however_many_they_are() {
    let secrets: Vec<String> = (0..20_000).map(|n| format!("secret-number-{n}")).collect();
    let text = format!(
        "version: 1\ngroups:\n  oops: {{ token: [{}] }}\n",
        secrets.join(", ")
    );
    let report = faults(text).render(false);
    assert!(!report.contains("secret-number"), "{report}");
    assert!(report.contains("has no field `token`"), "{report}");
}

#[test]
fn a_long_chain_of_fallbacks_ends() {
    let mut text = String::from("version: 1\ngroups:\n");
    for number in 0..5_000 {
        let next = (number + 1) % 5_000;
        let _ = writeln!(
            text,
            "  g{number}: {{ slack_usergroup: S0ABC, fallback: g{next} }}"
        );
    }
    assert!(first(&faults(text)).contains("lead back to it"));
}

#[test]
fn conditions_that_tell_many_moments_apart_are_not_tried_for_long() {
    let dates: Vec<String> = (0..200).map(|n| format!("'{}-01-02'", 2000 + n)).collect();
    let mut text = format!("{HEAD}{}rules:\n", resources(200));
    for number in 0..200 {
        let (dates, groups) = (dates.join(", "), "'team' in requester.groups");
        let when = [
            format!("now.minute in [{number} % 60, 7] && now.date in [{dates}]"),
            format!(
                "request.duration > duration('{number}s') && !({groups}) && now.minute > now.hour"
            ),
            format!(
                "[1, 2, 3].all(a, [4, 5, 6].all(b, a + b + {number} > now.hour)) && now.minute == 7"
            ),
        ];
        let _ = writeln!(
            text,
            "  - {{ name: r{number}, match: {{ requester_in: [team] }}, when: \"{}\", decision: deny, message: No. }}",
            when[number % 3]
        );
    }
    let faults = faults(text);
    let all = |told: &str| {
        faults
            .iter()
            .filter(|fault| fault.message().contains(told))
            .count()
    };
    assert!(all("can never hold") > 0, "{faults}");
    assert_eq!(all("can never hold"), faults.len(), "{faults}");
}

#[test]
fn names_of_any_length_are_told_in_short() {
    let long = "x".repeat(1 << 20);
    let text = format!(
        "{HEAD}{}{}",
        resources(1),
        rules(1, |_| format!("roles: [{long}]"))
    );
    let report = faults(text).render(false);
    assert!(report.len() < 10_000, "{} bytes", report.len());
    let text = format!("version: 1\n{long}: 1\n");
    assert!(faults(text).render(false).len() < 10_000);
}

#[test]
fn a_step_that_counts_half_a_company_is_worked_out() {
    let members: Vec<String> = (0..5_000).map(|n| format!("p{n}@acme.example")).collect();
    let mut text = format!("{HEAD}{}rules:\n", resources(200));
    let all = format!("groups:\n  all: {{ members: [{}] }}\n", members.join(", "));
    text = text.replacen("groups:\n", &all, 1);
    for number in 0..200 {
        let _ = writeln!(
            text,
            "  - {{ name: r{number}, match: {{ resources: [db-{number}], requester_in: [all] }}, \
             decision: review, steps: [ {{ from: [all], count: {} }} ] }}",
            4_900 + number
        );
    }
    let faults = faults(text);
    assert!(
        first(&faults).contains("people about their own requests only"),
        "{faults}"
    );
    assert_eq!(faults.len(), 100, "5,000 of 5,000, and more");
}

#[test]
fn a_folder_is_read_up_to_its_bound_and_no_further() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.yaml", "b.yaml", "c.yaml"] {
        let text = format!("# {}\n", "x".repeat(3 << 20));
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let faults = Policy::read(folder.path()).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults}");
    assert!(faults.to_string().contains("c.yaml"), "{faults}");
    assert!(faults.to_string().contains("at most 8 MiB"), "{faults}");
}
