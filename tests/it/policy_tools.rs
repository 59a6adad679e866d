//! The tools around the policy, as people and machines meet them: check, test, explain, schema.

mod bundles;
mod sarif;
mod schema;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// A sound policy in which every decision is there.
const POLICY: &str = r##"
version: 1
defaults: { channel: "#access-requests" }
people:
  dana: { emails: [dana@acme.example, dana.old@acme.example] }
groups:
  dba: { members: [dana, bob@acme.example] }
  leads: { members: [lee@acme.example] }
  sre: { slack_usergroup: S0SRE }
  gone: { members: [gus@acme.example] }
connectors:
  main: { kind: postgres, mode: login, url: { env: MAIN_URL } }
resources:
  db: { connector: main, roles: { ro: r, rw: w }, default_role: ro }
rules:
  - { name: leavers, match: { requester_in: [gone] }, decision: deny, message: You have left. }
  - { name: those on call, match: { requester_in: [sre], roles: [ro] }, decision: approve }
  - { name: reading, match: { roles: [ro] }, decision: review, steps: [{ from: [dba] }] }
  - name: writing
    match: { roles: [rw] }
    require: { max_duration: 2h, reason: { pattern: 'INC-\d+', message: Name the incident. } }
    decision: review
    steps: [{ from: [dba, leads], count: 2 }]
"##;

const CASES: &str = r##"
cases:
  - name: leavers get nothing
    who: gus@acme.example
    ask: db 1h
    expect: { verdict: denied, rule: leavers, message: You have left }
  - name: whoever is on call reads at once
    who: erin@acme.example
    people: { sre: [erin@acme.example] }
    ask: db 1h
    expect: { verdict: approved, rule: those on call, why: approves by itself }
  - name: nobody approves themselves, whatever they are called
    who: dana.old@acme.example
    ask: db 1h
    expect:
      verdict: review
      rule: reading
      channel: "#access-requests"
      steps: [ { from: [dba], count: 1, mode: any, eligible: [bob@acme.example], not_eligible: [dana] } ]
  - name: writing needs an incident
    who: erin@acme.example
    ask: db rw 1h
    expect: { verdict: refused, rule: writing, message: Name the incident }
"##;

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        let name = format!("jit-tools-{}", uuid::Uuid::now_v7().simple());
        let folder = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(folder.0.join("policy")).unwrap();
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join("policy").join(name), text).unwrap();
    }

    /// `jit policy …`, started in the folder.
    fn jit(&self, arguments: &str) -> Command {
        jit(&self.0, arguments)
    }

    fn run(&self, arguments: &str) -> (i32, String, String) {
        read(self.jit(arguments))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn jit(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jit"));
    command
        .arg("policy")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .env_clear();
    command
}

fn read(mut command: Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Two faults and a warning, and a secret in clear.
fn wrong() -> String {
    POLICY
        .replace(
            "rules:\n",
            "  idle: { connector: main, roles: { ro: r } }\nrules:\n",
        )
        .replace(
            "match: { roles: [ro] }",
            "match: { resources: [db], roles: [ro] }",
        )
        .replace(
            "match: { roles: [rw] }",
            "match: { resources: [db], roles: [rw] }",
        )
        .replace(
            "requester_in: [sre], roles",
            "resources: [db], requester_in: [sre], roles",
        )
        .replace("requester_in: [gone]", "requester_in: [gnoe]")
        .replace(
            "{ env: MAIN_URL }",
            "postgres://admin:hunter2-secret@db/app",
        )
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one wrong folder, told in four formats"
)]
fn faults_are_told_to_machines_with_their_places() {
    let folder = Folder::with(&[("access.yaml", &wrong())]);
    for format in ["human", "json", "github", "sarif"] {
        let (status, out, error) = folder.run(&format!("check --format {format}"));
        assert_eq!(status, 1, "{format}: {out}{error}");
        assert!(
            !format!("{out}{error}").contains("hunter2"),
            "{format}: {out}{error}"
        );
    }
    let found = json(&folder.run("check --format json").1);
    assert_eq!(found["sound"], false);
    let policy = &found["policies"][0];
    let faults = policy["faults"].as_array().unwrap();
    assert_eq!(faults.len(), 2, "{found:#}");
    let unknown = faults
        .iter()
        .find(|fault| fault["message"].as_str().unwrap().contains("gnoe"));
    let unknown = unknown.unwrap();
    assert_eq!(unknown["file"], "policy/access.yaml");
    assert_eq!(unknown["rule"], "names-in-rules-are-known");
    let line = unknown["line"].as_u64().unwrap();
    let column = unknown["column"].as_u64().unwrap();
    let text = wrong();
    let written = text
        .lines()
        .nth(usize::try_from(line).unwrap() - 1)
        .unwrap();
    assert_eq!(written.find("gnoe").unwrap() as u64 + 1, column);
    assert!(
        unknown["hint"]
            .as_str()
            .unwrap()
            .contains("did you mean `gone`")
    );
    assert_eq!(unknown["labels"][0]["length"], 4);
    assert_eq!(
        policy["warnings"][0]["rule"],
        "every-resource-can-be-asked-for"
    );

    let github = folder.run("check --format github").1;
    let place = format!(
        "::error file=policy/access.yaml,line={line},col={column},endColumn={}::",
        column + 4
    );
    assert!(github.contains(&place), "{github}");
    assert!(
        github.contains("\n::warning file=policy/access.yaml,line="),
        "{github}"
    );
    assert_eq!(github.lines().count(), 3, "{github}");
    assert!(
        github.lines().all(|line| line.starts_with("::")),
        "{github}"
    );

    let sarif = json(&folder.run("check --format sarif").1);
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(rule["help"]["text"].as_str().unwrap().len() > 20);
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "policy/access.yaml");
        let region = &place["region"];
        assert!(region["startLine"].as_u64().unwrap() >= 1);
        assert!(region["endColumn"].as_u64() > region["startColumn"].as_u64());
    }
    let levels: Vec<&str> = results
        .iter()
        .map(|result| result["level"].as_str().unwrap())
        .collect();
    assert_eq!(levels, ["error", "error", "warning"]);
}

#[test]
fn a_sound_policy_and_one_that_is_not_there_have_their_own_status() {
    let folder = Folder::with(&[
        ("access.yaml", POLICY),
        ("access_test.yaml", "cases: nonsense"),
    ]);
    let (status, out, error) = folder.run("check");
    assert!(
        status == 0 && out.contains("policy/: no faults") && error.is_empty(),
        "{out}{error}"
    );
    let found = json(&folder.run("check --format json").1);
    assert_eq!(
        (&found["sound"], &found["policies"][0]["rules"]),
        (&true.into(), &4.into())
    );
    assert_eq!(folder.run("check --format github").1, "");
    assert_eq!(
        json(&folder.run("check --format sarif").1)["runs"][0]["results"],
        Value::Array(Vec::new())
    );

    for format in ["human", "json", "github", "sarif"] {
        let (status, out, error) = folder.run(&format!("check policy nowhere --format {format}"));
        assert_eq!(status, 2, "{format}: {out}");
        assert!(
            error.contains("nowhere cannot be read"),
            "{format}: {error}"
        );
    }
    // An absolute path below the place where it is started is told from there.
    let absolute = folder.0.canonicalize().unwrap().join("policy");
    folder.write("access.yaml", "version: 2\n");
    let (_, out, _) = folder.run(&format!("check --format github {}", absolute.display()));
    assert!(
        out.starts_with("::error file=policy/access.yaml,line=1,col=10"),
        "{out}"
    );
}

/// The lines of a process, as they come.
struct Watched {
    child: std::process::Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Watched {
    fn start(folder: &Folder, arguments: &str) -> Self {
        let mut command = folder.jit(arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn until(&mut self, part: &str) -> String {
        let mut line = self.lines.by_ref().map(Result::unwrap);
        line.find(|line| line.contains(part))
            .unwrap_or_else(|| panic!("never: {part}"))
    }

    fn interrupt(mut self) -> Option<i32> {
        kill(
            Pid::from_raw(self.child.id().try_into().unwrap()),
            Signal::SIGINT,
        )
        .unwrap();
        self.child.wait().unwrap().code()
    }
}

#[test]
fn a_watched_policy_is_checked_again_at_every_change() {
    let folder = Folder::with(&[("access.yaml", POLICY)]);
    let mut watched = Watched::start(&folder, "check --watch");
    watched.until("policy/: no faults");
    watched.until("watching for changes");
    folder.write("access.yaml", &wrong());
    assert_eq!(
        watched.until("changed"),
        "── changed: policy/access.yaml ──"
    );
    watched.until("watching for changes");
    folder.write("more.yaml", "# nothing yet\n");
    assert_eq!(watched.until("changed"), "── changed: policy/more.yaml ──");
    watched.until("watching for changes");
    assert_eq!(watched.interrupt(), Some(1), "the last check found faults");

    let mut watched = Watched::start(&folder, "check --watch --format json");
    assert_eq!(json(&watched.until("{"))["sound"], false);
    folder.write("access.yaml", POLICY);
    assert_eq!(json(&watched.until("{"))["sound"], true);
    assert_eq!(watched.interrupt(), Some(0));
}

#[test]
fn cases_pass_and_say_which_rules_they_leave_out() {
    let folder = Folder::with(&[("access.yaml", POLICY), ("access_test.yaml", CASES)]);
    let (status, out, error) = folder.run("test --require-coverage");
    assert_eq!(status, 0, "{out}{error}");
    assert_eq!(out, "4 cases: 4 passed, 0 failed; 4 of 4 rules tried\n");
    let (status, out, _) = folder.run("test policy/access.yaml --filter LEAVERS");
    assert!(status == 0 && out.starts_with("1 case: 1 passed"), "{out}");

    let (without, _) = CASES.split_once("  - name: writing").unwrap();
    folder.write("access_test.yaml", without);
    let (status, out, _) = folder.run("test");
    assert!(
        status == 0 && out.contains("rule “writing” is tried by no case"),
        "{out}"
    );
    assert_eq!(folder.run("test --require-coverage").0, 1);
}

#[test]
fn in_a_case_too_nobody_is_in_a_group_because_they_are_in_its_fallback() {
    let policy = POLICY.replace("S0SRE }", "S0SRE, fallback: dba }");
    let cases = r"
cases:
  - name: while Slack is down nobody counts as on call
    who: bob@acme.example
    unreadable: [sre]
    ask: db 1h
    expect: { verdict: refused, message: who is in sre }
  - name: while nobody is on call nobody counts as it
    who: bob@acme.example
    people: { sre: [] }
    ask: db 1h
    expect: { verdict: review, rule: reading }
";
    let folder = Folder::with(&[("access.yaml", &policy), ("access_test.yaml", cases)]);
    let (status, out, error) = folder.run("test");
    assert_eq!(status, 0, "{out}{error}");
}

#[test]
fn whether_somebody_may_not_decide_is_unknown_where_nobody_knows_the_group() {
    let policy = POLICY.replace(
        "steps: [{ from: [dba] }] }",
        "steps: [{ from: [dba, sre] }] }",
    );
    let case = |people: &str| {
        format!(
            "cases:\n  - name: leads do not decide\n    who: dana\n    ask: db 1h\n    {people}\n    \
             expect: {{ steps: [{{ not_eligible: [lee@acme.example, dana] }}] }}\n"
        )
    };
    let folder = Folder::with(&[("access.yaml", &policy), ("access_test.yaml", &case(""))]);
    let (status, out, error) = folder.run("test");
    assert_eq!(status, 1, "{out}{error}");
    assert!(out.contains("without lee@acme.example"), "{out}");
    assert!(
        !out.contains("lee@acme.example, dana"),
        "whose own it is: {out}"
    );
    let told = "it cannot be told; say who is in sre under `people`";
    assert!(out.contains(told), "{out}");
    folder.write(
        "access_test.yaml",
        &case("people: { sre: [erin@acme.example] }"),
    );
    let (status, out, error) = folder.run("test");
    assert_eq!(status, 0, "{out}{error}");
}

#[test]
fn a_failed_case_is_told_in_every_format() {
    let wrong = CASES
        .replace(
            "verdict: refused, rule: writing",
            "verdict: review, rule: reading",
        )
        .replace(
            "eligible: [bob@acme.example], not",
            "eligible: [lee@acme.example], not",
        );
    let folder = Folder::with(&[("access.yaml", POLICY), ("access_test.yaml", &wrong)]);
    let (status, out, _) = folder.run("test");
    assert_eq!(status, 1);
    insta::assert_snapshot!("failed_cases", out);

    let found = json(&folder.run("test --format json").1);
    assert_eq!((&found["passed"], &found["failed"]), (&2.into(), &2.into()));
    let case = &found["cases"][3];
    assert_eq!(case["file"], "policy/access_test.yaml");
    assert_eq!(case["line"], 20);
    assert_eq!(case["differences"][0]["what"], "verdict");
    assert!(
        case["explanation"]
            .as_str()
            .unwrap()
            .contains("“writing” (review) matches")
    );

    let (status, tap, _) = folder.run("test --format tap");
    assert_eq!(status, 1);
    assert!(
        tap.starts_with("TAP version 14\n1..4\nok 1 - leavers get nothing\n"),
        "{tap}"
    );
    assert!(tap.contains("\nnot ok 4 - writing needs an incident\n  ---\n  message: \"verdict: expected review, got refused; "), "{tap}");

    let (status, xml, _) = folder.run("test --format junit");
    assert_eq!(status, 1);
    let start = "<testsuite name=\"policy/access_test.yaml\" tests=\"4\" skipped=\"0\" errors=\"0\" failures=\"2\"";
    assert!(xml.contains(start), "{xml}");
    assert!(
        xml.contains("<failure message=\"verdict: expected review, got refused; "),
        "{xml}"
    );
}

#[test]
fn faults_of_tests_are_told_like_faults_of_the_policy() {
    let folder = Folder::with(&[("access.yaml", POLICY)]);
    let (status, _, error) = folder.run("test");
    assert!(
        status == 2 && error.contains("there are no tests of policy/"),
        "{error}"
    );
    folder.write("access_test.yaml", CASES);
    let (status, _, error) = folder.run("test --filter nothing-like-it");
    assert!(status == 2 && error.contains("nothing-like-it"), "{error}");

    let wrong = r"
cases:
  - name: everything is wrong
    nwo: mon 12:00
    now: someday
    who: dana
    guest: maybe
    ask: ''
    history: [ { resource: db, outcome: won } ]
    expect: {}
  - who: dana
    ask: { resource: db, duration: 5 }
    extends: { held: 1h }
    expect: { verdict: yes, steps: [ { count: many } ] }
";
    folder.write("access_test.yaml", wrong);
    let (status, out, error) = folder.run("test");
    assert_eq!((status, out.as_str()), (1, ""));
    insta::assert_snapshot!("wrong_test_file", error);

    let unknown = r"
cases:
  - name: names that are not there
    people: { dba: [dana], srf: [dnaa] }
    unreadable: [nobody]
    who: dnaa
    for: erin
    ask: db 1h
    history: [ { resource: bd, rule: raeding, ago: 1h } ]
    expect: { rule: wrting, steps: [ { from: [dbas], eligible: [bob] } ] }
";
    folder.write("access_test.yaml", unknown);
    let (status, _, error) = folder.run("test");
    assert_eq!(status, 1);
    insta::assert_snapshot!("unknown_names_in_tests", error);
}

#[test]
fn an_explanation_tells_who_could_approve_and_what_is_missing() {
    let folder = Folder::with(&[("access.yaml", POLICY)]);
    let (status, out, error) = folder.run("explain dana db 1h --at 2027-03-01T12:00:00Z");
    assert_eq!(status, 0, "{error}");
    insta::assert_snapshot!("explained", out);
    let (status, out, _) =
        folder.run("explain bob@acme.example db rw 1h --for dana --reason INC-1 --json");
    let data = json(&out);
    assert_eq!(status, 1, "{out}");
    assert_eq!(data["verdict"], "refused");
    assert!(
        data["missing"][0]
            .as_str()
            .unwrap()
            .contains("it needs 2 of dba or leads"),
        "{out}"
    );
    let step = &data["steps"][0];
    assert_eq!(step["eligible"], serde_json::json!(["lee@acme.example"]));
    assert_eq!(step["own"], serde_json::json!(["bob@acme.example", "dana"]));
    let (status, out, _) = folder.run("explain erin@acme.example db ro 1h --in sre --json");
    assert_eq!((status, &json(&out)["verdict"]), (0, &"approved".into()));
    assert_eq!(json(&out)["tried"][1]["matched"], true);

    for (arguments, said) in [
        ("dnaa db 1h", "did you mean `dana`"),
        ("dana db 1h --in srf", "has no group `srf`"),
        ("dana db 1h --at someday", "“someday” is no moment"),
        ("dana db ro 1", "“1” is not a duration"),
    ] {
        let (status, _, error) = folder.run(&format!("explain {arguments}"));
        assert!(status == 2 && error.contains(said), "{arguments}: {error}");
    }
}

#[test]
fn the_example_is_tested_whole() {
    let mut command = jit(project(), "test --require-coverage policy --format json");
    command.env_clear();
    let (status, out, error) = read(command);
    assert_eq!(status, 0, "{out}{error}");
    let found = json(&out);
    assert!(
        found["passed"].as_u64().unwrap() >= 40,
        "{}",
        found["passed"]
    );
}
