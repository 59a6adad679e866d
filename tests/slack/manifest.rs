//! Holds the manifest against the source of the product: it asks for what the code uses, and for
//! nothing else. It reads the code as text, so that a list kept by hand cannot hide anything.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::Value;

use super::{METHODS, Mode, manifest};

/// Families of the Web API. Whatever looks like one of their methods in the code is one.
const FAMILIES: &str = "admin|apps|auth|blocks|bookmarks|bots|canvases|chat|conversations|dnd|emoji|\
    entity|files|oauth|pins|reactions|reminders|team|usergroups|users|views";

/// The events that an app of this kind may hear of.
const EVENTS: [&str; 14] = [
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "channel_archive",
    "channel_deleted",
    "channel_rename",
    "link_shared",
    "member_joined_channel",
    "message.im",
    "subteam_members_changed",
    "subteam_updated",
    "team_join",
    "tokens_revoked",
    "user_change",
];

/// The product's code that talks to Slack, without its tests and comments.
fn code() -> String {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    for room in ["slack", "directory", "worker", "engine", "cli"] {
        gather(&src.join(room), &mut files);
        files.push(src.join(room).with_extension("rs"));
    }
    let ours = files.iter().filter(|path| {
        let name = path.file_stem().unwrap_or_default();
        !["tests", "manifest", "samples", "lint"].contains(&name.to_str().unwrap_or_default())
    });
    let texts = ours.filter_map(|path| fs::read_to_string(path).ok());
    texts.map(|text| product(&text)).collect()
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// The lines before the tests, without comments.
fn product(text: &str) -> String {
    let before = text.split("#[cfg(test)]\nmod tests {").next();
    let lines = before.unwrap_or_default().lines();
    let code = lines.filter(|line| !line.trim_start().starts_with("//"));
    code.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_table_names_the_methods_that_the_code_calls_and_no_other() {
    let method = format!(r#"["/]((?:{FAMILIES})\.[a-zA-Z0-9]+(?:\.[a-zA-Z]+)*)""#);
    let code = code();
    let found = Regex::new(&method).unwrap();
    let called: BTreeSet<&str> = found
        .captures_iter(&code)
        .map(|found| found.get(1).unwrap().as_str())
        .collect();
    let listed: BTreeSet<&str> = METHODS.iter().map(|(method, _)| *method).collect();
    assert!(called.contains("chat.postMessage"), "{called:?}");
    assert_eq!(called, listed);
}

#[test]
fn events_are_subscribed_that_the_code_knows_and_no_other() {
    let code = code();
    let known: BTreeSet<&str> = EVENTS
        .into_iter()
        .filter(|event| code.contains(&format!("\"{event}\"")))
        .collect();
    let manifest = manifest(&Mode::Socket);
    let events = manifest["settings"]["event_subscriptions"]["bot_events"].clone();
    let events: Vec<&str> = strings(&events);
    let subscribed: BTreeSet<&str> = events.iter().copied().collect();
    assert_eq!(subscribed.len(), events.len(), "one twice: {events:?}");
    assert_eq!(subscribed, known);
}

#[test]
fn shortcuts_that_the_manifest_offers_are_known_to_the_code() {
    let code = code();
    let manifest = manifest(&Mode::Socket);
    let offered = manifest["features"]["shortcuts"].as_array();
    for shortcut in offered.into_iter().flatten() {
        let id = shortcut["callback_id"].as_str().unwrap();
        assert!(code.contains(&format!("\"{id}\"")), "{id}");
    }
}

fn strings(list: &Value) -> Vec<&str> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(Value::as_str).collect()
}
