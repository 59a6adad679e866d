//! Reads messages, modals and App Home views, one JSON object a line (`{"kind", "test",
//! "payload"}`), and holds each against the `slackblocks` crate: an independent reading of Slack's
//! Block Kit. Prints the faults, and how many of each kind were looked at.
//!
//! `blockcheck VIEWS.jsonl` fails if anything is at fault; `blockcheck --bad CASES.json` fails if a
//! payload that `slackblocks` is known to refuse goes through, which shows that the check checks.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use serde_json::{Value, json};
use slackblocks::{HomeTabView, MessagePayload, ModalView, ValidationError};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let good = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--bad", path] => refuses_the_bad(&read(path)),
        [path] => takes_the_good(&read(path)),
        _ => panic!("blockcheck VIEWS.jsonl | blockcheck --bad CASES.json"),
    };
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn takes_the_good(lines: &str) -> bool {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut faults: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in lines.lines() {
        let view: Value = serde_json::from_str(line).expect("a line of JSON");
        let kind = view["kind"].as_str().unwrap_or_default();
        *seen.entry(kind.to_owned()).or_default() += 1;
        if let Err(fault) = validate(kind, view["payload"].clone()) {
            let told = format!("{}: {fault}", view["test"].as_str().unwrap_or_default());
            faults.entry(kind.to_owned()).or_default().insert(told);
        }
    }
    for (kind, count) in &seen {
        match faults.get(kind) {
            None => println!("ok slackblocks: {count} of kind {kind}"),
            Some(faults) => {
                let told: Vec<&str> = faults.iter().take(5).map(String::as_str).collect();
                let (more, told) = (faults.len(), told.join("; "));
                println!("FAILED slackblocks: {more} faults of kind {kind}: {told}");
            }
        }
    }
    faults.is_empty() && !seen.is_empty()
}

fn refuses_the_bad(text: &str) -> bool {
    let cases: Vec<Value> = serde_json::from_str(text).expect("a list of cases");
    let ours = cases.iter().filter(|case| {
        let mut by = case["refused_by"].as_array().into_iter().flatten();
        by.any(|by| by == "slackblocks")
    });
    let (mut count, mut through) = (0, Vec::new());
    for case in ours {
        count += 1;
        let kind = case["kind"].as_str().unwrap_or_default();
        if validate(kind, case["payload"].clone()).is_ok() {
            through.push(case["name"].to_string());
        }
    }
    if count > 0 && through.is_empty() {
        println!("ok slackblocks: refuses {count} faults that were put in");
        return true;
    }
    println!(
        "FAILED slackblocks: takes what Slack refuses: {}",
        through.join(", ")
    );
    false
}

fn validate(kind: &str, mut payload: Value) -> Result<(), ValidationError> {
    match kind {
        "message" => {
            payload["channel"] = json!("C0ACCESS");
            MessagePayload::try_from(payload).map(drop)
        }
        "modal" => ModalView::try_from(payload).map(drop),
        "home" => HomeTabView::try_from(payload).map(drop),
        other => panic!("no kind {other}"),
    }
}
