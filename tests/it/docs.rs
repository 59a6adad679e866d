//! What the documents say is tried: the policy that docs/policy.md writes down, the commands in it,
//! what people type, and the workflows for CI.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;
use jitbot::cli::Cli;
use jitbot::policy::assert::{Invariants, Outcome};
use jitbot::policy::suite::Suite;
use jitbot::policy::{Faults, Policy};
use jitbot::slack::grammar;
use serde_json::Value;

fn document(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The fenced blocks of a document: what stands behind the fence, and the text.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let inside: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        found.push((info.to_owned(), inside.join("\n") + "\n"));
    }
    found
}

/// The file of docs/policy.md that a block belongs to, and what stands above it there. Names keep
/// the order of rules, as files of a folder are read in the order of their names.
fn place(info: &str, number: usize) -> Option<(String, &'static str)> {
    let (name, head) = match info.strip_prefix("yaml ")? {
        "policy" => ("b-access.yaml".to_owned(), ""),
        "rules above" => (format!("a{number:02}.yaml"), "rules:\n"),
        "rules" => (format!("c{number:02}.yaml"), "rules:\n"),
        "groups" => (format!("d{number:02}.yaml"), "groups:\n"),
        "more" => (format!("e{number:02}.yaml"), ""),
        "cases" => ("access_test.yaml".to_owned(), ""),
        "asserts" => ("safety.assert.yaml".to_owned(), ""),
        strange => panic!("what is a block of `{strange}`?"),
    };
    Some((name, head))
}

/// The folder that a reader of docs/policy.md ends with; removed at the end.
struct Written(PathBuf);

impl Written {
    fn open() -> Self {
        let name = format!("jit-docs-{}", uuid::Uuid::now_v7().simple());
        let folder = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(folder.policy()).unwrap();
        let blocks = blocks(&document("docs/policy.md"));
        let mut files = 0;
        for (number, (info, text)) in blocks.iter().enumerate() {
            if let Some((name, head)) = place(info, number) {
                fs::write(folder.policy().join(name), format!("{head}{text}")).unwrap();
                files += 1;
            }
        }
        assert!(8 <= files, "only {files} blocks were found");
        folder
    }

    fn policy(&self) -> PathBuf {
        self.0.join("policy")
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn sound<T>(read: Result<T, Faults>) -> T {
    read.unwrap_or_else(|faults| panic!("{faults}"))
}

#[test]
fn the_policy_that_is_written_in_ten_minutes_holds() {
    let folder = Written::open();
    let alone = sound(Policy::load(&folder.policy().join("b-access.yaml")));
    assert_eq!(alone.rules().count(), 1);
    let policy = sound(Policy::load(&folder.policy()));
    assert!(policy.warnings().is_empty(), "{:?}", policy.warnings());
    assert!(policy.bundle("kit").is_some() && !policy.digests().is_empty());

    let report = sound(sound(Suite::load(&folder.policy())).run(&policy));
    let failed: Vec<_> = report.failed().collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert!(report.untried.is_empty(), "{:?}", report.untried);

    let asserted = sound(sound(Invariants::load(&folder.policy())).decide(&policy));
    assert!(!asserted.is_empty());
    for one in asserted {
        assert!(
            matches!(one.outcome, Outcome::Holds { requests } if 0 < requests),
            "{one:?}"
        );
    }
}

/// The words of a command as a shell splits them; what redirects is left out.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while let Some(first) = rest.chars().next() {
        let quote = Some(first).filter(|first| ['\'', '"'].contains(first));
        let inside = if quote.is_some() { &rest[1..] } else { rest };
        let end = inside.find(|c: char| quote.map_or(c.is_whitespace(), |quote| c == quote));
        let end = end.unwrap_or(inside.len());
        if quote.is_none() && ["#", ">", "|", "||", "&&", "&"].contains(&&inside[..end]) {
            break;
        }
        words.push(inside[..end].to_owned());
        let after = &inside[end..];
        rest = after
            .strip_prefix(['\'', '"'])
            .unwrap_or(after)
            .trim_start();
    }
    words
}

/// Every command in a text: each `jit …` at the beginning of a line, or behind `&&` or `- `.
fn commands(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().flat_map(|line| line.split("&& "));
    let lines = lines.map(|line| line.trim().trim_start_matches("- "));
    let lines = lines.map(|line| line.trim_start_matches("run: "));
    lines
        .filter(|line| line.starts_with("jit "))
        .map(words)
        .collect()
}

fn understood(commands: &[Vec<String>]) {
    for words in commands {
        if let Err(error) = Cli::try_parse_from(words) {
            panic!("{words:?}: {error}");
        }
    }
}

#[test]
fn the_commands_in_the_documents_are_understood() {
    for path in ["docs/policy.md", "docs/policy-diff.md", "README.md"] {
        let text = document(path);
        let shell = |(info, _): &(String, String)| info == "sh";
        let blocks: Vec<_> = blocks(&text).into_iter().filter(shell).collect();
        let mut found: Vec<_> = blocks.iter().flat_map(|(_, text)| commands(text)).collect();
        // Behind an indented command stands, apart from it, what it is for.
        let indented = text.lines().filter_map(|line| line.strip_prefix("    "));
        let alone = indented.filter_map(|line| line.split("   ").next());
        found.extend(alone.flat_map(commands));
        let quoted = text.split('`').filter(|quoted| !quoted.contains('\n'));
        // Neither a command that is only named, nor one with places to fill in.
        let whole = |words: &Vec<String>| {
            let is_name = |word: &String| word.chars().all(char::is_uppercase) || word == "…";
            3 < words.len() && !words.iter().any(is_name)
        };
        found.extend(quoted.flat_map(commands).filter(whole));
        assert!(!found.is_empty(), "{path}");
        understood(&found);
    }
}

#[test]
fn the_commands_of_the_ten_minutes_do_what_they_say() {
    let folder = Written::open();
    let text = document("docs/policy.md");
    let shell = blocks(&text).into_iter().filter(|(info, _)| info == "sh");
    let commands: Vec<_> = shell.flat_map(|(_, text)| commands(&text)).collect();
    let mut tried = Vec::new();
    // What a revision holds is shown by the tests of `diff`.
    for words in commands.iter().filter(|words| words[2] != "diff") {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jit"));
        command.args(&words[1..]).current_dir(&folder.0).env_clear();
        let done = command.output().unwrap();
        let told = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{words:?}: {told}");
        tried.push(words[2].as_str());
    }
    assert_eq!(tried, ["check", "explain", "test", "assert"]);
}

#[test]
fn what_people_type_in_the_documents_is_understood() {
    for (path, least) in [("README.md", 10), ("docs/policy.md", 5)] {
        let text = document(path).replace('\n', " ");
        let typed = text.split('`').skip(1).step_by(2);
        let typed: Vec<&str> = (typed.filter_map(|quoted| quoted.strip_prefix("/jit "))).collect();
        assert!(least <= typed.len(), "{path}: {typed:?}");
        for said in typed {
            // Slack puts the id in the place of a name that was picked.
            let said = said.replace("@erin", "<@U0ERIN|erin>");
            if let Err(fault) = grammar::parse(&said) {
                panic!("{path}: /jit {said}: {fault}");
            }
        }
    }
}

#[test]
fn the_workflows_are_yaml_and_their_commands_are_understood() {
    for path in ["docs/ci/github.yml", "docs/ci/gitlab.yml"] {
        let text = document(path);
        let read: Value = serde_saphyr::from_str(&text).unwrap();
        let mut scripts = Vec::new();
        texts(&read, &mut scripts);
        let found: Vec<_> = scripts.iter().flat_map(|text| commands(text)).collect();
        for wanted in ["check", "test", "assert", "diff"] {
            let is_there = found.iter().any(|words| words[2] == wanted);
            assert!(is_there, "{path}: no jit policy {wanted}");
        }
        assert_eq!(found.len(), text.matches(" jit policy ").count(), "{path}");
        understood(&found);
    }
}

/// A check that is required, and whose workflow is not started, is waited for for ever.
#[test]
fn the_workflow_with_a_required_check_is_started_by_every_pull_request() {
    let text = document("docs/ci/github.yml");
    let read: Value = serde_saphyr::from_str(&text).unwrap();
    let started = read["on"].as_object().unwrap();
    assert!(started.contains_key("pull_request"), "{started:?}");
    assert_eq!(started["pull_request"], Value::Null, "no filter");
    // The folder is said once, as far as it can be.
    let hard = |text: &str| text.matches("\"policy/").count();
    assert_eq!(hard(&text), 1, "in `paths`, beside which it says so");
    assert_eq!(hard(&document("docs/ci/gitlab.yml")), 0);
}

/// Every text in a document.
fn texts(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| texts(value, into)),
        Value::Object(entries) => entries.values().for_each(|value| texts(value, into)),
        _ => {}
    }
}

#[test]
fn links_between_the_documents_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for path in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "docs/policy.md",
        "docs/policy-diff.md",
        "docs/reliability.md",
    ] {
        let folder = root.join(path).parent().unwrap().to_owned();
        let text = document(path);
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = target.split('#').next().unwrap_or_default();
            let is_ours = !file.is_empty() && !file.contains("://");
            assert!(!is_ours || folder.join(file).exists(), "{path}: {target}");
        }
    }
}
