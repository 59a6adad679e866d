//! A policy as large as a large company's: 1,000 rules, 10,000 people, 500 resources.

use std::fmt::Write as _;

use jitbot::policy::Source;

/// How many people there are.
pub(crate) const PEOPLE: usize = 10_000;
/// How many rules.
pub(crate) const RULES: usize = 1_000;
/// How many resources, each with two roles.
pub(crate) const RESOURCES: usize = 500;
const GROUPS: usize = 200;

/// What the rules of a policy look at.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// Each is about one resource by its name, and one role.
    Names,
    /// Each is about the resources with a label, and for some groups: many may match, and most do not.
    Labels,
}

/// The policy as one file. `change` makes the later one of two that differ in some rules.
pub(crate) fn policy(shape: Shape, change: bool) -> Vec<Source> {
    let mut text = String::from(
        "version: 1\ndefaults: { channel: \"#access\", timezone: Europe/Berlin, admins: [group-0] }\n",
    );
    groups(&mut text);
    resources(&mut text);
    rules(&mut text, shape, change);
    vec![Source {
        name: "policy.yaml".to_owned(),
        text,
    }]
}

/// The address of a person.
pub(crate) fn person(number: usize) -> String {
    format!("person-{number}@acme.example")
}

fn groups(text: &mut String) {
    text.push_str("groups:\n");
    for group in 0..GROUPS {
        let members =
            (0..PEOPLE).filter(|person| person % GROUPS == group || (person * 7) % 997 == group);
        let members: Vec<String> = members.map(person).collect();
        let _ = writeln!(
            text,
            "  group-{group}: {{ members: [{}] }}",
            members.join(", ")
        );
    }
}

fn resources(text: &mut String) {
    text.push_str("connectors:\n  main: { kind: postgres, mode: login, url: { env: ADMIN_URL } }\nresources:\n");
    for resource in 0..RESOURCES {
        let env = ["dev", "staging", "prod"][resource % 3];
        let level = ["low", "medium", "high"][resource % 3];
        let _ = writeln!(
            text,
            "  db-{resource}: {{ connector: main, labels: {{ env: {env}, team: team-{} }}, sensitivity: {level}, \
             roles: {{ readonly: app_ro, readwrite: app_rw }} }}",
            resource % 50
        );
    }
}

/// For each resource a rule for each of its roles; every fourth has a condition, every tenth
/// approves by itself.
fn rules(text: &mut String, shape: Shape, change: bool) {
    text.push_str("rules:\n");
    for rule in 0..RULES {
        let (resource, role) = (
            rule % RESOURCES,
            ["readonly", "readwrite"][rule / RESOURCES],
        );
        let hours = if change && rule % 50 == 0 { 8 } else { 2 };
        let (asks, decides) = (rule % GROUPS, (rule + 1) % GROUPS);
        let about = match shape {
            Shape::Names => format!("resources: [db-{resource}], roles: [{role}]"),
            Shape::Labels => format!("labels: {{ team: team-{} }}", rule % 50),
        };
        // Where rules share a label, each is for other groups, so that none stands behind another.
        let also = match shape {
            Shape::Names => (rule + 5) % GROUPS,
            Shape::Labels => (rule + 1 + rule / GROUPS) % GROUPS,
        };
        let _ = writeln!(
            text,
            "  - name: rule {rule}\n    match: {{ {about}, requester_in: [group-{asks}, group-{also}] }}"
        );
        if rule.is_multiple_of(4) {
            text.push_str(
                "    when: \"request.duration <= duration('4h') && now.weekday != 'sun'\"\n",
            );
        }
        let _ = writeln!(text, "    require: {{ max_duration: {hours}h }}");
        if rule.is_multiple_of(10) {
            text.push_str("    decision: approve\n");
        } else {
            let _ = writeln!(
                text,
                "    decision: review\n    steps: [{{ from: [group-{decides}], count: 1 }}]"
            );
        }
    }
}
