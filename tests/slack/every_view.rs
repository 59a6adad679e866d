//! Every function that makes a message, a dialog or a tab is called by a test of the views, where the
//! lint and the validators of `tests/slack/qualify` look at what it makes. It stands here and not among
//! the views because those may not know files.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// What makes no view by itself, and what is there for tests.
const PARTS: [&str; 5] = [
    "content.rs",
    "page.rs",
    "lint.rs",
    "samples.rs",
    "carried.rs",
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn named(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

/// What the functions of a file are called by: its own name, or its folder's.
fn room(path: &Path) -> String {
    match named(path).as_str() {
        "mod" | "tests" => named(path.parent().unwrap()),
        own => own.to_owned(),
    }
}

/// Whether the tests call it: by its file's name, or by that of a folder that hands it on.
fn is_called(tested: &str, path: &Path, view: &str) -> bool {
    let folder = named(path.parent().unwrap());
    let by = |room: &str| tested.contains(&format!("{room}::{view}("));
    by(&room(path)) || folder == "home" && by(&folder)
}

/// What is only there for tests: whole files, and the end of others.
fn tests_of(path: &Path, text: &str) -> String {
    let file = path.file_name().unwrap().to_string_lossy();
    if ["tests.rs", "answers.rs", "extremes.rs"].contains(&&*file) {
        return text.to_owned();
    }
    let inner = text.split_once("#[cfg(test)]\nmod tests {");
    inner.map_or_else(String::new, |(_, tests)| tests.to_owned())
}

#[test]
fn every_view_is_looked_at_by_a_test() {
    let views = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/slack/view");
    let made = Regex::new(r"(?s)\bpub(?:\([^)]*\))? fn (\w+)\b[^{;]*?->\s*([^{;]+)\{").unwrap();
    let own = Regex::new(r"(?:super::|\s|\(|&)(\w+)\(").unwrap();
    let a_view = Regex::new(r"\b(Content|Value)\b").unwrap();
    let (mut missing, mut tested) = (BTreeSet::new(), String::new());
    let all: Vec<(PathBuf, String)> = files(&views)
        .into_iter()
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect();
    for (path, text) in &all {
        let tests = tests_of(path, text);
        // Within a room its own views are called by their bare names.
        let room = room(path);
        for call in own.captures_iter(&tests) {
            write!(tested, "{room}::{}(", &call[1]).unwrap();
        }
        tested.push_str(&tests);
    }
    let mut count = 0;
    for (path, text) in &all {
        let file = path.file_name().unwrap().to_string_lossy();
        if PARTS.contains(&&*file) {
            continue;
        }
        for view in made
            .captures_iter(text)
            .filter(|view| a_view.is_match(&view[2]))
        {
            count += 1;
            if !is_called(&tested, path, &view[1]) {
                missing.insert(format!("{}::{}", room(path), &view[1]));
            }
        }
    }
    assert!(50 < count, "{count} views were found");
    assert!(missing.is_empty(), "no test looks at these: {missing:#?}");
}
