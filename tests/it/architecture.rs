//! The rooms of the house: who may use whom, where SQL stands, and what crates stay behind which
//! door. ARCHITECTURE.md shows the same table with the reasons; a change of either is a change of
//! both.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room, and what of ours it may use: a room as a whole, or one place in it. Whoever is not
/// named may be used by nobody. `cli` and `main` put everything together.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("policy", &["domain"]),
    ("store", &["domain"]),
    ("clock", &["store"]),
    ("engine", &["domain", "policy", "store", "clock"]),
    ("outward", &["domain"]),
    ("connectors", &["domain", "outward"]),
    (
        "directory",
        &[
            "domain",
            "policy",
            "store",
            "outward",
            "slack::client",
            "slack::payload",
        ],
    ),
    (
        "slack",
        &["domain", "policy", "directory", "engine", "store"],
    ),
    (
        "worker",
        &[
            "domain",
            "engine",
            "store",
            "connectors",
            "directory",
            "slack::client",
            "slack::view",
        ],
    ),
    ("ledger", &["domain", "store"]),
    ("embedded", &["store"]),
    ("config", &[]),
    (
        "workspaces",
        &[
            "store",
            "clock",
            "slack::client",
            "slack::manifest",
            "slack::payload",
        ],
    ),
    ("web", &["engine", "slack::client", "store", "workspaces"]),
    ("sandbox", &[]),
    ("cli", &EVERYTHING),
    ("main", &["cli"]),
];

const EVERYTHING: [&str; 16] = [
    "domain",
    "policy",
    "store",
    "clock",
    "engine",
    "outward",
    "connectors",
    "directory",
    "slack",
    "worker",
    "ledger",
    "embedded",
    "config",
    "web",
    "sandbox",
    "workspaces",
];

/// Places that are held more strictly than the room they stand in: nothing of ours but this.
const STRICTER: &[(&str, &[&str])] = &[
    ("slack::view", &["domain", "slack::view"]),
    // What cannot be seen is removed in one place, for what is typed and for what is shown.
    (
        "slack::grammar",
        &["domain", "slack::grammar", "slack::view::escape"],
    ),
    ("slack::payload", &["domain", "slack::payload"]),
    (
        "slack::client",
        &[
            "slack::client",
            "slack::limiter",
            "slack::payload",
            "slack::view",
        ],
    ),
    // The ways in hand on what arrives; what becomes of it, they do not know.
    (
        "slack::http",
        &["slack::http", "slack::payload", "slack::receive"],
    ),
    (
        "slack::socket",
        &[
            "slack::socket",
            "slack::client",
            "slack::payload",
            "slack::receive",
        ],
    ),
];

/// Crates that only these rooms may name.
const BEHIND_DOORS: &[(&str, &[&str])] = &[
    // The demo makes the database that access is asked to, and looks into it.
    (
        "sqlx",
        &["store", "connectors", "embedded::holder", "cli::demo"],
    ),
    ("slack_morphism", &["slack"]),
    ("tokio_tungstenite", &["slack"]),
    (
        "reqwest",
        &["slack", "outward", "connectors", "directory", "sandbox"],
    ),
    ("axum", &["slack::http", "web", "sandbox", "cli::serve"]),
    (
        "rand",
        &["slack", "connectors", "embedded", "sandbox", "cli::demo"],
    ),
    ("clap", &["cli", "config", "main"]),
    (
        "tokio",
        &[
            "engine",
            "outward",
            "connectors",
            "directory",
            "slack",
            "worker",
            "embedded",
            "web",
            "sandbox",
            "workspaces",
            "cli",
            "main",
        ],
    ),
];

/// A file of ours: where it stands in the house, and the code in it.
struct File {
    path: PathBuf,
    module: Vec<String>,
    code: String,
}

/// A place that is used.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Used {
    file: PathBuf,
    by: Vec<String>,
    what: Vec<String>,
}

impl fmt::Display for Used {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (by, what) = (self.by.join("::"), self.what.join("::"));
        write!(f, "{}: {by} uses {what}", self.file.display())
    }
}

#[test]
fn rooms_use_only_what_the_table_allows() {
    let allowed: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let faults = used().into_iter().filter(|used| {
        let (Some(room), Some(other)) = (used.by.first(), used.what.first()) else {
            return false;
        };
        let may = allowed.get(room.as_str()).copied().unwrap_or(&[]);
        room != other && !may.iter().any(|may| lies_in(&used.what, may))
    });
    none(faults.map(|used| used.to_string()));
}

#[test]
fn some_places_are_held_more_strictly_than_their_room() {
    let faults = used().into_iter().filter(|used| {
        let stricter = STRICTER.iter().find(|(place, _)| lies_in(&used.by, place));
        stricter.is_some_and(|(_, may)| !may.iter().any(|may| lies_in(&used.what, may)))
    });
    none(faults.map(|used| used.to_string()));
}

#[test]
fn every_room_stands_in_the_table_and_the_table_names_no_other() {
    let rooms: BTreeSet<String> = files().into_iter().filter_map(room).collect();
    let named: BTreeSet<String> = MAY_USE.iter().map(|(room, _)| (*room).to_owned()).collect();
    assert_eq!(rooms, named);
}

#[test]
fn what_is_allowed_is_needed() {
    let used = used();
    let idle = MAY_USE.iter().filter(|(room, _)| *room != "cli");
    let idle = idle.flat_map(|(room, may)| may.iter().map(move |may| (*room, *may)));
    let idle = idle.filter(|(room, may)| {
        let needed =
            |used: &Used| used.by.first().is_some_and(|by| by == room) && lies_in(&used.what, may);
        !used.iter().any(needed)
    });
    none(idle.map(|(room, may)| format!("{room} is allowed {may} and does not use it")));
}

/// What `*` answers changes with the next migration, and Postgres refuses what a connection of the
/// version from before has prepared: for as long as that process lives, in the middle of an upgrade.
#[test]
fn queries_name_the_columns_of_a_table() {
    let mut faults = Vec::new();
    for file in files().iter().filter(|file| lies_in(&file.module, "store")) {
        let words: Vec<&str> = file.code.split_whitespace().collect();
        let code = words.join(" ").to_lowercase();
        for star in ["select * from", ".* from", "returning *"] {
            if code.contains(star) {
                faults.push(format!("{}: {star}", file.path.display()));
            }
        }
    }
    none(faults.into_iter());
}

#[test]
fn crates_stay_behind_their_doors() {
    let mut faults = Vec::new();
    for file in files() {
        for (name, doors) in BEHIND_DOORS {
            let named = paths_from(&file.code, name).next().is_some();
            if named && !doors.iter().any(|door| lies_in(&file.module, door)) {
                faults.push(format!("{}: names {name}", file.path.display()));
            }
        }
    }
    none(faults.into_iter());
}

#[test]
fn only_the_engine_opens_transactions() {
    let doors = ["store", "engine", "connectors", "cli::demo"];
    let faults = files().into_iter().filter(|file| {
        let opens = file.code.contains(".begin()");
        opens && !doors.iter().any(|door| lies_in(&file.module, door))
    });
    none(faults.map(|file| format!("{}: opens a transaction", file.path.display())));
}

#[test]
fn the_rules_of_the_house_have_no_clock_no_chance_and_no_waiting() {
    let forbidden = [
        "async fn",
        ".await",
        "Utc::now",
        "Instant::now",
        "new_v4",
        "new_v7",
        "std::fs",
        "std::env",
    ];
    let mut faults = Vec::new();
    for file in files() {
        let pure = ["domain", "slack::view", "slack::grammar"];
        for word in forbidden {
            if pure.iter().any(|room| lies_in(&file.module, room)) && file.code.contains(word) {
                faults.push(format!("{}: {word}", file.path.display()));
            }
        }
    }
    none(faults.into_iter());
}

/// Everything that is said to people stands in `slack::view`; what carries it out says nothing of its
/// own. Read as text: a literal that begins like a sentence and has three words or more, outside of
/// the log.
#[test]
fn what_people_read_is_written_in_one_place() {
    let mut faults = Vec::new();
    for file in files() {
        let silent = ["slack::handlers", "slack::intake", "worker", "engine"];
        let silent = silent.iter().any(|place| lies_in(&file.module, place));
        // Views lay out what `text` says. What a lint says of them is for developers.
        let is_view = lies_in(&file.module, "slack::view");
        let says = ["text", "lint", "tests", "samples", "extremes", "answers"]
            .map(|name| format!("slack::view::{name}"));
        let lays_out = is_view
            && !says.iter().any(|place| lies_in(&file.module, place))
            && file.module.last().is_none_or(|last| last != "tests");
        if silent || lays_out {
            let code = without_log(file.code.split("#[cfg(test)]").next().unwrap());
            let said = literals(&code).into_iter();
            let said = said.filter(|text| is_sentence(text) || lays_out && is_label(text));
            faults.extend(said.map(|text| format!("{}: says “{text}”", file.path.display())));
        }
    }
    none(faults.into_iter());
}

/// Whether a text looks like words on a button, or of a screen reader: a word with a capital, and no
/// name of code.
fn is_label(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let first = words.next().unwrap_or_default();
    let begins = first
        .chars()
        .next()
        .is_some_and(|c| c.is_uppercase() || !c.is_ascii());
    begins
        && !first.contains("::")
        && (words.next().is_some() || 1 < first.chars().count() && first.ends_with('…'))
}

fn is_sentence(text: &str) -> bool {
    let first = text.trim_start_matches('*').chars().next();
    let begins = first.is_some_and(|c| c.is_uppercase() || !c.is_ascii());
    begins && 3 <= text.split_whitespace().count()
}

/// The code without what it logs, which is for those who run it.
fn without_log(code: &str) -> String {
    let mut left = String::new();
    let mut rest = code;
    while let Some((before, after)) = rest.split_once("tracing::") {
        left.push_str(before);
        let end = after.find(");").map_or(after.len(), |end| end + 2);
        let is_macro = after[..end]
            .split('(')
            .next()
            .unwrap_or_default()
            .contains('!');
        rest = if is_macro { &after[end..] } else { after };
    }
    left + rest
}

fn literals(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut parts = code.split('"');
    parts.next();
    while let Some(part) = parts.next() {
        let mut text = part.to_owned();
        while text.ends_with('\\') {
            let Some(more) = parts.next() else { break };
            text = format!("{text}\"{more}");
        }
        found.push(text);
        parts.next();
    }
    found
}

#[test]
fn a_sentence_is_found_and_a_line_of_the_log_is_none() {
    let code = "tracing::error!(code, \"Slack refused a card\");\nlet a = \"Please say why.\"; \
                let b = \"jit_why_text\"; let c = \"✅ it is \\\"done\\\" now\";";
    let found = literals(&without_log(code));
    let found: Vec<&String> = found.iter().filter(|text| is_sentence(text)).collect();
    assert_eq!(found, ["Please say why.", "✅ it is \\\"done\\\" now"]);
}

#[test]
fn a_use_is_read_however_it_is_written() {
    let code = code_of(
        "// crate::web\nuse crate::store::{Store, requests::{Row as R, self}};\nfn f() { super::super::engine::go(); }",
    );
    let module: Vec<String> = ["slack", "http"].map(str::to_owned).into();
    let found: BTreeSet<String> = uses(&module, &code)
        .iter()
        .map(|what| what.join("::"))
        .collect();
    let expected = [
        "engine::go",
        "store::Store",
        "store::requests::Row",
        "store::requests::self",
    ];
    assert_eq!(found, expected.map(str::to_owned).into());
}

/// Documents promise what tests show; so the tests that they name have to be there.
#[test]
fn every_test_that_the_documents_name_exists() {
    let mut code: String = files().iter().map(|file| file.code.as_str()).collect();
    let mut paths = Vec::new();
    gather(&below("tests"), &mut paths);
    code.extend(paths.iter().map(|path| fs::read_to_string(path).unwrap()));
    let mut missing = Vec::new();
    for document in ["ARCHITECTURE.md", "docs/reliability.md"] {
        let text = fs::read_to_string(below(document)).unwrap();
        for name in text.split('`').skip(1).step_by(2).filter_map(test_name) {
            if !code.contains(&format!("fn {name}")) {
                missing.push(format!("{document}: there is no test {name}"));
            }
        }
    }
    none(missing.into_iter());
}

/// The last part of a name that looks like a test's: a sentence. A name may end in `…`.
fn test_name(quoted: &str) -> Option<&str> {
    let name = quoted.rsplit("::").next()?.trim_end_matches('…');
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let is_sentence = 1 < name.matches('_').count() && !name.starts_with("jit_");
    (is_name && is_sentence).then_some(name)
}

fn none(faults: impl Iterator<Item = String>) {
    let faults: BTreeSet<String> = faults.collect();
    let list: Vec<String> = faults.into_iter().collect();
    assert!(list.is_empty(), "\n{}\n", list.join("\n"));
}

/// Whether a path is that place or stands below it.
fn lies_in(path: &[String], place: &str) -> bool {
    let mut path = path.iter();
    place
        .split("::")
        .all(|part| path.next().is_some_and(|next| next == part))
}

fn room(file: File) -> Option<String> {
    file.module.into_iter().next()
}

/// Everything of ours that any file uses.
fn used() -> BTreeSet<Used> {
    let mut all = BTreeSet::new();
    for file in files() {
        for what in uses(&file.module, &file.code) {
            all.insert(Used {
                file: file.path.clone(),
                by: file.module.clone(),
                what,
            });
        }
    }
    assert!(
        100 < all.len(),
        "only {} uses were found: the reader is broken",
        all.len()
    );
    all
}

/// Every place below our root that this code names: by `crate::`, by `super::` out of its own
/// module, and, in the program itself, by the name of the library.
fn uses(module: &[String], code: &str) -> Vec<Vec<String>> {
    let mut found: Vec<Vec<String>> = ["crate", "jitbot"]
        .iter()
        .flat_map(|root| paths_from(code, root))
        .collect();
    for path in paths_from(code, "super") {
        let ups = 1 + path.iter().take_while(|part| *part == "super").count();
        let Some(above) = module.len().checked_sub(ups) else {
            continue;
        };
        let rest = path.into_iter().skip(ups - 1);
        found.push(module[..above].iter().cloned().chain(rest).collect());
    }
    // A module within a file stands deeper than its file: there `super` leads less far than it
    // seems, and `super::*` is the file itself.
    let is_room = |name: &String| MAY_USE.iter().any(|(room, _)| room == name);
    found.retain(|path| path.first().is_some_and(is_room) && !module.starts_with(path));
    found
}

/// The paths that begin with that name, without it; a group in braces gives one for each member.
fn paths_from<'a>(code: &'a str, name: &'a str) -> impl Iterator<Item = Vec<String>> + 'a {
    let begins = code.match_indices(name).filter(move |(at, _)| {
        let before = code[..*at].chars().next_back();
        let first = before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':');
        first && code[at + name.len()..].starts_with("::")
    });
    begins.flat_map(move |(at, _)| {
        let mut found = Vec::new();
        read_path(&code[at + name.len() + 2..], &mut Vec::new(), &mut found);
        found
    })
}

/// Reads one path, or a group of them, and answers the text behind it.
fn read_path<'a>(text: &'a str, before: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = read_path(rest, &mut before.clone(), found).trim_start();
            match rest.strip_prefix(',') {
                Some(next) if next.trim_start().starts_with('}') => rest = next.trim_start(),
                Some(next) => {
                    rest = next;
                    continue;
                }
                None => {}
            }
            return rest.strip_prefix('}').unwrap_or(rest);
        }
    }
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    if 0 < end {
        before.push(text[..end].to_owned());
    }
    let rest = &text[end..];
    if let Some(rest) = rest.strip_prefix("::").filter(|_| 0 < end) {
        return read_path(rest, before, found);
    }
    found.push(before.clone());
    // `as other` names nothing of anybody's.
    let renamed = rest.trim_start().strip_prefix("as ");
    renamed.map_or(rest, |rest| {
        rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_')
    })
}

/// Every file under `src`, without the map of the house itself.
fn files() -> Vec<File> {
    let root = below("src");
    let mut paths = Vec::new();
    gather(&root, &mut paths);
    paths.sort();
    let files = paths.iter().map(|path| file(&root, path));
    files.filter(|file| !file.module.is_empty()).collect()
}

fn below(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn gather(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

fn file(root: &Path, path: &Path) -> File {
    let inside = path.strip_prefix(root).unwrap();
    let parts = inside.with_extension("");
    let parts = parts.iter().map(|part| part.to_string_lossy().into_owned());
    let module = parts
        .filter(|part| part != "mod" && part != "lib")
        .collect();
    let code = code_of(&fs::read_to_string(path).unwrap());
    File {
        path: inside.to_owned(),
        module,
        code,
    }
}

/// The text without comments, in which paths are named and not used.
fn code_of(text: &str) -> String {
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}
