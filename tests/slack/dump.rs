//! Keeps what the view tests look at, for the validators of `tests/slack/qualify`. It stands here
//! and not among the views because those may know neither files nor settings.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{LazyLock, Mutex};

use serde_json::{Value, json};

use super::super::Content;

/// The folder, if anybody asked for it.
const FOLDER: &str = "JIT_DUMP_VIEWS";

static KEPT: LazyLock<Option<Mutex<Kept>>> = LazyLock::new(|| {
    let folder = std::env::var_os(FOLDER)?;
    let path = Path::new(&folder).join("views.jsonl");
    let file = OpenOptions::new().create(true).append(true).open(path);
    let file = file.expect("JIT_DUMP_VIEWS names a folder that can be written");
    Some(Mutex::new(Kept {
        file,
        seen: HashSet::new(),
    }))
});

struct Kept {
    file: File,
    seen: HashSet<String>,
}

/// Keeps a message.
pub(super) fn message(content: &Content) {
    keep(
        "message",
        || json!({"text": content.text, "blocks": content.blocks}),
    );
}

/// Keeps a modal or an App Home view.
pub(super) fn view(view: &Value) {
    let kind = if view["type"] == "home" {
        "home"
    } else {
        "modal"
    };
    keep(kind, || view.clone());
}

fn keep(kind: &str, payload: impl FnOnce() -> Value) {
    let Some(kept) = &*KEPT else { return };
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("?");
    let line = json!({"kind": kind, "test": test, "payload": payload()}).to_string();
    let mut kept = kept.lock().unwrap();
    if kept.seen.insert(line.clone()) {
        writeln!(kept.file, "{line}").unwrap();
    }
}
