//! A bundle as what is asked for: in cases, and in `explain`.

use super::{Folder, POLICY, json};

fn policy() -> String {
    let bundles = "bundles:\n  kit:\n    description: Both\n    access: \
                   [{ resource: db, role: ro }, { resource: logs }]\n  \
                   twice:\n    access: [{ resource: db, role: ro }, { resource: db, role: rw }]\nrules:\n";
    let logs = "  logs: { connector: main, roles: { ro: r } }\n";
    let free = "  - { name: logs, match: { resources: [logs] }, when: history.requests.size() == 1, decision: approve }\n\
                rules-end";
    let policy = POLICY.replace("rules:\n", &format!("{logs}{bundles}"));
    let policy = policy.replace(
        "  - { name: those on call",
        &format!("{free}  - {{ name: those on call"),
    );
    policy.replace("rules-end", "")
}

const CASES: &str = r"
cases:
  - name: one part waits, so all of it does
    who: erin@acme.example
    ask: kit 1h to see
    expect:
      verdict: review
      parts:
        db: { verdict: review, rule: reading, steps: [{ from: [dba], eligible: [dana] }] }
        # The part before it is among the requests of the holder by then.
        logs: { verdict: approved, rule: logs }
  - name: all of it is given at once where each part is
    who: erin@acme.example
    people: { sre: [erin@acme.example] }
    ask: kit 1h
    expect: { verdict: approved, parts: { db: { rule: those on call } } }
  - name: a part that a rule denies denies the whole by its name
    who: gus@acme.example
    ask: { resource: KIT, duration: 1h }
    expect: { verdict: denied, message: 'db: The policy says no: You have left' }
  - name: a part that is refused refuses the whole by its name
    who: erin@acme.example
    ask: twice 1h without an incident
    expect:
      verdict: refused
      message: 'is refused. db: Name the incident'
      parts: { db ro: { verdict: review }, db rw: { verdict: refused, rule: writing } }
  - name: what is written after a bundle without a duration is the reason
    who: erin@acme.example
    ask: twice INC-7 is open
    expect: { verdict: refused, parts: { db rw: { message: For how long } } }
";

#[test]
fn a_case_asks_for_a_bundle_and_each_of_its_parts() {
    let folder = Folder::with(&[("access.yaml", &policy()), ("access_test.yaml", CASES)]);
    let (status, out, error) = folder.run("test --require-coverage --format json");
    assert_eq!(status, 0, "{out}{error}");
    let found = json(&out);
    let rules = serde_json::json!(["reading", "logs"]);
    assert_eq!(found["cases"][0]["rules"], rules);

    let wrong = CASES
        .replace("logs: { verdict: approved", "logs: { verdict: review")
        .replace(
            "verdict: denied, message: 'db:",
            "verdict: approved, message: 'logs:",
        );
    folder.write("access_test.yaml", &wrong);
    let (status, out, _) = folder.run("test");
    assert_eq!(status, 1);
    for said in [
        "logs: verdict",
        "kit is a bundle of 2: it is given as a whole, or refused.",
        "Part 2 of 2, logs:",
        "The bundle would be asked for",
        "The bundle would be refused.",
    ] {
        assert!(out.contains(said), "{said}: {out}");
    }
}

#[test]
fn what_has_no_meaning_for_a_bundle_is_a_fault() {
    let folder = Folder::with(&[("access.yaml", &policy())]);
    for (ask, expect, said) in [
        (
            "kit 1h",
            "rule: reading",
            "a bundle has no `rule` of its own",
        ),
        (
            "kit 1h",
            "parts: { lgs: { verdict: review } }",
            "did you mean `logs`",
        ),
        (
            "kit ro 1h",
            "verdict: review",
            "which says itself which roles",
        ),
        (
            "db 1h",
            "parts: { db: { verdict: review } }",
            "`db` is no bundle",
        ),
        (
            "kit 1h",
            "parts: { db: { parts: { db: { verdict: review } } } }",
            "a part of a bundle has no parts",
        ),
        (
            "kit 1h",
            "parts: { db: { rule: raeding } }",
            "the policy has no rule `raeding`",
        ),
    ] {
        let case = format!(
            "cases:\n  - name: wrong\n    who: dana\n    ask: {ask}\n    expect: {{ {expect} }}\n"
        );
        folder.write("access_test.yaml", &case);
        let (status, _, error) = folder.run("test");
        assert!(
            status == 1 && error.contains(said),
            "{ask}, {expect}: {error}"
        );
    }
}

#[test]
fn a_bundle_is_explained_part_by_part() {
    let folder = Folder::with(&[("access.yaml", &policy())]);
    let (status, out, error) = folder.run("explain erin@acme.example kit 1h");
    assert_eq!(status, 0, "{out}{error}");
    for said in [
        "Part 1 of 2, db:",
        "Who can approve in step 1: bob@acme.example, dana",
        "people decide its parts",
    ] {
        assert!(out.contains(said), "{said}: {out}");
    }
    let (status, out, _) = folder.run("explain gus@acme.example kit 1h --json");
    let data = json(&out);
    assert_eq!((status, &data["verdict"]), (1, &"denied".into()), "{out}");
    assert_eq!(data["parts"][1]["resource"], "logs");
    assert!(
        data["missing"][0]
            .as_str()
            .unwrap()
            .contains("db: The policy says no"),
        "{out}"
    );
    let (status, _, error) = folder.run("explain dana kit ro 1h");
    assert!(
        status == 2 && error.contains("leave the role out"),
        "{error}"
    );
}
