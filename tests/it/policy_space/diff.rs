//! Pairs of policies and what people read about them.

use std::fs;
use std::path::Path;
use std::process::Command;

use jitbot::policy::Policy;
use jitbot::policy::diff::{Danger, Diff, Direction};

use super::{fixtures, jit, shell};

fn names() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(fixtures())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn pair(name: &str) -> (Policy, Policy) {
    let load = |file: &str| {
        let path = fixtures().join(name).join(file);
        Policy::load(&path).unwrap_or_else(|faults| panic!("{name}: {faults}"))
    };
    (load("before.yaml"), load("after.yaml"))
}

/// The reports on every pair, as the reviewer of a pull request reads them.
#[test]
fn every_pair_reads_as_what_it_means() {
    assert!(names().len() >= 12);
    for name in names() {
        let (old, new) = pair(&name);
        let diff = Diff::between(&old, &new).unwrap();
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!(format!("diff_{name}"), diff.human("after.yaml"));
            insta::assert_snapshot!(format!("markdown_{name}"), diff.markdown("after.yaml"));
        });
    }
}

#[test]
fn the_way_back_has_the_opposite_direction() {
    for name in names() {
        let (old, new) = pair(&name);
        let there = Diff::between(&old, &new).unwrap();
        let back = Diff::between(&new, &old).unwrap();
        assert_eq!(
            there.changes().is_empty(),
            back.changes().is_empty(),
            "{name}"
        );
        let only_stricter = there.count(Direction::Stricter) > 0 && !there.is_laxer();
        assert!(!only_stricter || back.is_laxer(), "{name}");
        for policy in [&old, &new] {
            let same = Diff::between(policy, policy).unwrap();
            assert_eq!(same.changes(), [], "{name}");
        }
    }
}

/// Each command of a report is run: what it answers is what the report says.
#[test]
fn every_command_of_a_report_can_be_repeated() {
    let mut tried = 0;
    for name in names() {
        let (old, new) = pair(&name);
        let diff = Diff::between(&old, &new).unwrap();
        for change in diff.changes() {
            // What holds only under a condition on the past cannot be asked for here.
            let Some(command) = change.replay.as_ref().filter(|_| !change.undecided) else {
                continue;
            };
            for (file, told) in [
                ("before.yaml", &change.before),
                ("after.yaml", &change.after),
            ] {
                let line = format!("{command} --policy {name}/{file}");
                let (status, said, error) = shell(&fixtures(), &line);
                let refused = told == "refused";
                // Who is in the groups of another system is not known to the command.
                assert_eq!(
                    status,
                    i32::from(refused),
                    "{line}\n{said}{error}\n{change:#?}"
                );
                let automatic = said.contains("approved at once");
                assert_eq!(automatic, told == "approved at once", "{line}\n{said}");
                tried += 1;
            }
        }
    }
    assert!(tried >= 30, "{tried}");
}

#[test]
fn the_exit_status_tells_whether_somebody_can_do_more() {
    let status = |name: &str, back: bool| {
        let files = if back {
            ["after.yaml", "before.yaml"]
        } else {
            ["before.yaml", "after.yaml"]
        };
        jit(
            &fixtures().join(name),
            &[
                "policy",
                "diff",
                files[0],
                files[1],
                "--policy",
                "after.yaml",
            ],
        )
        .0
    };
    assert_eq!(status("rules_in_another_order", false), 0);
    assert_eq!(status("deny_added", false), 0, "stricter");
    assert_eq!(status("deny_added", true), 3, "laxer");
    assert_eq!(status("new_automatic", false), 3);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("wrong.yaml"), "version: 1\nrulez: []\n").unwrap();
    let before = fixtures().join("deny_added/before.yaml");
    let before = before.to_str().unwrap();
    assert_eq!(
        jit(folder.path(), &["policy", "diff", before, "wrong.yaml"]).0,
        1
    );
    let (status, _, said) = jit(folder.path(), &["policy", "diff", before, "nowhere.yaml"]);
    assert_eq!(status, 2, "{said}");
    assert!(said.contains("neither a path nor a git revision"), "{said}");
}

fn git(folder: &Path, arguments: &[&str]) {
    let done = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@acme.example",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

#[test]
fn revisions_of_git_are_read_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir_all(root.join("deep/policy")).unwrap();
    let copy = |file: &str| {
        let text = fs::read_to_string(fixtures().join("count_two_to_one").join(file)).unwrap();
        fs::write(root.join("deep/policy/access.yaml"), text).unwrap();
    };
    git(root, &["init", "-q", "-b", "main"]);
    copy("before.yaml");
    // What is no policy must not be read as one.
    fs::write(
        root.join("deep/policy/access_assert.yaml"),
        "invariants: []\n",
    )
    .unwrap();
    fs::write(root.join("deep/policy/README.md"), "words\n").unwrap();
    git(root, &["add", "."]);
    git(root, &["commit", "-qm", "one"]);
    copy("after.yaml");
    let deep = root.join("deep");
    let (status, said, error) = jit(&deep, &["policy", "diff", "main"]);
    assert_eq!(status, 3, "{error}");
    assert!(said.contains("fewer approvals"), "{said}");
    git(root, &["commit", "-qam", "two"]);
    let (status, _, error) = jit(&deep, &["policy", "diff", "main"]);
    assert_eq!(status, 0, "{error}");
    let (status, said, _) = jit(
        &deep,
        &["policy", "diff", "HEAD~1", "HEAD", "--format", "markdown"],
    );
    assert_eq!(status, 3);
    assert!(said.starts_with("### Policy"), "{said}");
    let (status, said, _) = jit(
        root,
        &[
            "policy",
            "diff",
            "HEAD",
            "HEAD~1",
            "--policy",
            "deep/policy/access.yaml",
        ],
    );
    assert_eq!(status, 0, "{said}");
    let (status, said, _) = jit(
        &deep,
        &["policy", "diff", "HEAD~1", "HEAD", "--format", "json"],
    );
    let document: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(status, 3);
    assert_eq!(document["laxer"], 1, "{document:#}");
    assert_eq!(document["changes"][0]["danger"], "fewer_approvers");
    for strange in ["--output=x", "no-such-branch"] {
        let (status, _, said) = jit(&deep, &["policy", "diff", "--", strange]);
        assert_eq!(status, 2, "{said}");
    }
    assert!(!deep.join("x").exists());
}

#[test]
fn a_comment_stays_within_what_code_hosts_take() {
    use std::fmt::Write as _;
    let many = |cap: &str| {
        let mut text = String::from(
            "version: 1\ndefaults: { channel: \"#a\", fallback_channel: \"#b\" }\n\
             groups: { dba: { members: [bob@acme.example] } }\n\
             connectors: { main: { kind: postgres, mode: login, url: { env: MAIN_URL } } }\nresources:\n",
        );
        for number in 0..1500 {
            let _ = writeln!(
                text,
                "  res-{number}: {{ connector: main, roles: {{ role-{number}: r{number} }} }}"
            );
        }
        text.push_str("rules:\n");
        for number in 0..1500 {
            let _ = writeln!(
                text,
                "  - {{ name: rule {number}, match: {{ resources: [res-{number}] }}, require: {{ max_duration: {number}{cap} }}, decision: review, steps: [{{ from: [dba] }}] }}",
            );
        }
        super::policy(&text.replace(" 0m ", " 5000m ").replace(" 0s ", " 5000m "))
    };
    let diff = Diff::between(&many("s"), &many("m")).unwrap();
    assert!(diff.changes().len() > 1000);
    let comment = diff.markdown("policy");
    assert!(comment.chars().count() < 65_536);
    assert!(comment.contains("more: run `jit policy diff`"));
}

/// What the policy says of people changes no answer, and still who gets what, and who decides.
#[test]
fn changes_in_people_are_changes() {
    let dangers = |name: &str, back: bool| -> Vec<Danger> {
        let (old, new) = pair(name);
        let (old, new) = if back { (new, old) } else { (old, new) };
        let diff = Diff::between(&old, &new).unwrap();
        diff.changes().iter().map(|change| change.danger).collect()
    };
    for (name, there, back) in [
        ("logins_changed", Danger::OtherTarget, Danger::OtherTarget),
        (
            "manager_changed",
            Danger::WeakerApprovers,
            Danger::WeakerApprovers,
        ),
        (
            "alias_removed",
            Danger::WeakerApprovers,
            Danger::MoreApprovers,
        ),
        (
            "alias_of_an_approver_added",
            Danger::WeakerApprovers,
            Danger::MoreApprovers,
        ),
        (
            "fallback_members",
            Danger::WeakerApprovers,
            Danger::MoreApprovers,
        ),
        (
            "fallback_members",
            Danger::MoreOverseers,
            Danger::FewerOverseers,
        ),
        (
            "auditors_extended",
            Danger::MoreOverseers,
            Danger::FewerOverseers,
        ),
        (
            "admins_extended",
            Danger::MoreOverseers,
            Danger::FewerOverseers,
        ),
        (
            "admins_named",
            Danger::MoreOverseers,
            Danger::FewerOverseers,
        ),
    ] {
        assert!(dangers(name, false).contains(&there), "{name}");
        assert!(dangers(name, true).contains(&back), "{name}, back");
        let status = jit(
            &fixtures().join(name),
            &["policy", "diff", "before.yaml", "after.yaml"],
        );
        assert_eq!(status.0, 3, "{name}: {}", status.1);
    }
}
