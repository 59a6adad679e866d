//! Holds messages and dialogs against Slack's limits, and against what must never be in them. An
//! independent reading of the documentation: it knows nothing of how the blocks were made.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::Value;

use super::Content;

mod access;

/// Whatever is looked at here, the validators of `tests/slack/qualify` look at too.
#[path = "../../../tests/slack/dump.rs"]
mod dump;

/// Fails with every fault of a message.
pub(super) fn message(content: &Content) {
    dump::message(content);
    let mut lint = Lint::default();
    lint.check(!content.text.trim().is_empty(), "text is empty");
    lint.heard(&content.text);
    lint.length("text", &content.text, 4000);
    lint.no_live_mentions("text", &content.text);
    lint.blocks(&content.blocks, 50);
    lint.faults.extend(access::faults(&content.blocks, 1));
    assert!(lint.faults.is_empty(), "{:#?}\n{content:#?}", lint.faults);
}

/// Fails with every fault of a dialog.
pub(super) fn modal(view: &Value) {
    dump::view(view);
    let mut lint = Lint::default();
    lint.check(view["type"] == "modal", "type");
    for part in ["title", "submit", "close"] {
        lint.plain(part, &view[part], 24);
    }
    lint.length(
        "callback_id",
        view["callback_id"].as_str().unwrap_or(""),
        255,
    );
    lint.length(
        "private_metadata",
        view["private_metadata"].as_str().unwrap_or(""),
        3000,
    );
    let blocks = view["blocks"].as_array().unwrap();
    lint.blocks(blocks, 100);
    lint.faults.extend(access::faults(blocks, 1));
    let asks = blocks.iter().any(|block| block["type"] == "input");
    lint.check(!asks || view["submit"].is_object(), "inputs without submit");
    assert!(lint.faults.is_empty(), "{:#?}\n{view:#}", lint.faults);
}

/// Fails with every fault of what is offered while somebody types.
pub(super) fn choices(answer: &Value) {
    let mut lint = Lint::default();
    let options = answer["options"].as_array().unwrap();
    lint.check(options.len() <= 100, "options");
    lint.options(options);
    assert!(lint.faults.is_empty(), "{:#?}\n{answer:#}", lint.faults);
}

/// Fails with every fault of an App Home tab.
pub(super) fn home(view: &Value) {
    dump::view(view);
    let mut lint = Lint::default();
    lint.check(view["type"] == "home", "type");
    for part in ["title", "submit", "close"] {
        lint.check(view[part].is_null(), part);
    }
    let blocks = view["blocks"].as_array().unwrap();
    lint.blocks(blocks, 100);
    // A tab asks for many things at once: each may have a button of its own that stands out.
    lint.faults.extend(access::faults(blocks, usize::MAX));
    assert!(lint.faults.is_empty(), "{:#?}\n{view:#}", lint.faults);
}

#[derive(Default)]
struct Lint {
    faults: Vec<String>,
    actions: BTreeSet<String>,
    block_ids: BTreeSet<String>,
}

impl Lint {
    fn check(&mut self, good: bool, fault: &str) {
        if !good {
            self.faults.push(fault.to_owned());
        }
    }

    /// What a notification and a screen reader say: words, and more than one.
    fn heard(&mut self, text: &str) {
        let words = text.split_whitespace();
        let words = words.filter(|word| word.contains(char::is_alphanumeric));
        self.check(
            1 < words.count(),
            &format!("text says too little: {text:?}"),
        );
        self.check(!access::is_only_signs(text), "text is only a sign");
    }

    fn length(&mut self, what: &str, text: &str, limit: usize) {
        // Counted as UTF-16, the strictest of what Slack may count.
        let length = text.encode_utf16().count();
        self.check(length <= limit, &format!("{what}: {length} of {limit}"));
        self.check(
            !has_code(text),
            &format!("{what}: the code of a fault: {text}"),
        );
    }

    fn plain(&mut self, what: &str, text: &Value, limit: usize) {
        if text.is_null() {
            return;
        }
        self.check(
            text["type"] == "plain_text",
            &format!("{what} is not plain text"),
        );
        let words = text["text"].as_str().unwrap_or("");
        self.check(!words.is_empty(), &format!("{what} is empty"));
        self.length(what, words, limit);
    }

    /// Only mentions of people and dates may stand in angle brackets.
    fn no_live_mentions(&mut self, what: &str, text: &str) {
        for (at, _) in text.match_indices('<') {
            let token = text[at..].split_inclusive('>').next().unwrap_or("");
            let person = token.starts_with("<@U") && token.ends_with('>') && !token.contains('|');
            let date = token.starts_with("<!date^") && token.ends_with(" UTC>");
            let link = token.starts_with("<https://example.slack.com/") || token == "<#C0ACCESS>";
            self.check(
                person || date || link,
                &format!("{what}: live token {token}"),
            );
        }
        let bidi = text
            .chars()
            .any(|c| matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200B}'));
        self.check(!bidi, &format!("{what}: invisible or turning characters"));
    }

    fn text_object(&mut self, what: &str, text: &Value, limit: usize) {
        let words = text["text"].as_str().unwrap_or("");
        self.check(!words.is_empty(), &format!("{what} is empty"));
        self.length(what, words, limit);
        if text["type"] == "mrkdwn" {
            self.no_live_mentions(what, words);
        }
    }

    fn blocks(&mut self, blocks: &[Value], most: usize) {
        self.check(
            !blocks.is_empty() && blocks.len() <= most,
            &format!("{} blocks", blocks.len()),
        );
        for block in blocks {
            if let Some(id) = block["block_id"].as_str() {
                let fresh = self.block_ids.insert(id.to_owned());
                self.check(fresh, &format!("block_id {id} twice"));
            }
            self.actions.clear();
            self.block(block);
        }
    }

    fn block(&mut self, block: &Value) {
        match block["type"].as_str().unwrap_or("") {
            "section" => {
                self.text_object("section", &block["text"], 3000);
                if block["accessory"].is_object() {
                    self.button(&block["accessory"]);
                }
            }
            "header" => self.plain("header", &block["text"], 150),
            "divider" => {}
            "context" => {
                let elements = block["elements"].as_array().unwrap();
                self.check((1..=10).contains(&elements.len()), "context elements");
                for element in elements {
                    self.text_object("context", element, 3000);
                }
            }
            "actions" => {
                let elements = block["elements"].as_array().unwrap();
                self.check((1..=25).contains(&elements.len()), "actions elements");
                for element in elements {
                    self.button(element);
                }
            }
            "rich_text" => self.rich_text(&block["elements"]),
            "input" => {
                self.plain("label", &block["label"], 2000);
                self.plain("hint", &block["hint"], 2000);
                self.plain("placeholder", &block["element"]["placeholder"], 150);
                self.check(
                    block["element"]["max_length"].as_u64().unwrap_or(0) <= 3000,
                    "max_length",
                );
                if block["element"]["type"] == "static_select" {
                    self.select(&block["element"]);
                }
            }
            other => self.check(false, &format!("block {other:?} is none of ours")),
        }
    }

    fn select(&mut self, select: &Value) {
        let options = select["options"].as_array().unwrap();
        self.check((1..=100).contains(&options.len()), "options");
        self.options(options);
        let first = &select["initial_option"];
        let known = first.is_null() || options.contains(first);
        self.check(known, "chosen at first is none of the options");
    }

    fn options(&mut self, options: &[Value]) {
        let mut values = BTreeSet::new();
        for option in options {
            self.plain("option", &option["text"], 75);
            self.plain("description", &option["description"], 75);
            let value = option["value"].as_str().unwrap_or("");
            self.check((1..=150).contains(&value.len()), "option value");
            self.check(values.insert(value), "the same option twice");
        }
    }

    fn button(&mut self, button: &Value) {
        self.check(button["type"] == "button", "not a button");
        self.plain("button", &button["text"], 75);
        let action = button["action_id"].as_str().unwrap_or("");
        self.check((1..=255).contains(&action.len()), "action_id");
        let fresh = self.actions.insert(action.to_owned());
        self.check(fresh, &format!("action_id {action} twice"));
        let value = button["value"].as_str().unwrap_or("");
        // A resource, or a page: neither is anybody's. The names of resources are their ids.
        let named = action == "jit_ask"
            || action.starts_with("jit_home_page")
            || (action == super::ids::LIST_MORE && !value.contains(char::is_whitespace));
        self.length("value", value, 2000);
        self.check(
            named || uuid::Uuid::parse_str(value).is_ok(),
            "a value that is more than an id",
        );
        let label = button["accessibility_label"].as_str().unwrap_or("");
        self.check(!label.is_empty(), "no accessibility label");
        self.length("accessibility_label", label, 75);
        let confirm = &button["confirm"];
        if confirm.is_object() {
            self.plain("confirm title", &confirm["title"], 100);
            self.text_object("confirm text", &confirm["text"], 300);
            self.plain("confirm", &confirm["confirm"], 30);
            self.plain("confirm deny", &confirm["deny"], 30);
        }
    }

    fn rich_text(&mut self, elements: &Value) {
        let mut length = 0;
        for element in elements.as_array().unwrap() {
            let kind = element["type"].as_str().unwrap_or("");
            let known = ["rich_text_quote", "rich_text_preformatted"].contains(&kind);
            self.check(known, &format!("rich text {kind}"));
            for run in element["elements"].as_array().unwrap() {
                self.check(
                    run["type"] == "text",
                    "only plain runs carry words of people",
                );
                let text = run["text"].as_str().unwrap_or("");
                self.check(!text.is_empty(), "an empty run");
                length += text.encode_utf16().count();
            }
        }
        self.check(length <= 4000, &format!("rich text of {length}"));
    }
}

/// Whether it holds a code as servers give them, such as `[42501]`.
fn has_code(text: &str) -> bool {
    let code = |c: &u8| c.is_ascii_digit() || c.is_ascii_uppercase();
    let mut windows = text.as_bytes().windows(7);
    windows.any(|seven| seven[0] == b'[' && seven[6] == b']' && seven[1..6].iter().all(code))
}

/// A message as a person reads it: mrkdwn with times in UTC, buttons in brackets.
pub(super) fn read(blocks: &[Value]) -> String {
    let mut page = String::new();
    for block in blocks {
        writeln!(page, "{}", in_utc(&seen(block))).unwrap();
    }
    page
}

fn seen(block: &Value) -> String {
    let elements = || block["elements"].as_array().unwrap().iter();
    match block["type"].as_str().unwrap_or("") {
        "section" if block["accessory"].is_object() => {
            let (text, button) = (words(&block["text"]), seen_button(&block["accessory"]));
            format!("{text} {button}")
        }
        "section" => words(&block["text"]),
        "header" => format!("# {}", words(&block["text"])),
        "context" => {
            let parts: Vec<String> = elements().map(words).collect();
            format!("({})", parts.join(" "))
        }
        "actions" => elements().map(seen_button).collect::<Vec<_>>().join(" "),
        "rich_text" => {
            let quoted = block["elements"][0]["type"] == "rich_text_quote";
            let mark = if quoted { "> " } else { "| " };
            let words = words(&block["elements"][0]["elements"][0]);
            let lines: Vec<String> = words.lines().map(|line| [mark, line].concat()).collect();
            lines.join("\n")
        }
        "input" if block["element"]["type"] == "static_select" => {
            let element = &block["element"];
            let options = element["options"].as_array().unwrap().iter();
            let options: Vec<String> = options.map(|option| words(&option["text"])).collect();
            format!("{} [{}]", words(&block["label"]), options.join(" | "))
        }
        "input" => format!("{} [________]", words(&block["label"])),
        other => format!("?{other}"),
    }
}

fn words(text: &Value) -> String {
    text["text"].as_str().unwrap_or("").to_owned()
}

fn seen_button(button: &Value) -> String {
    let style = button["style"].as_str().map(|style| format!(" {style}"));
    let asks = if button["confirm"].is_object() {
        " asks"
    } else {
        ""
    };
    format!(
        "[{}{}{asks}]",
        words(&button["text"]),
        style.unwrap_or_default()
    )
}

/// Dates as their plain form.
fn in_utc(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<!date^") {
        let (token, next) = after.split_once('>').unwrap();
        shown.push_str(before);
        shown.push_str(token.split_once('|').unwrap().1);
        rest = next;
    }
    shown + rest
}

/// A whole message for a snapshot: what notifications say, what is seen, what is sent.
pub(super) fn show(content: &Content) -> String {
    message(content);
    let json = serde_json::to_string_pretty(&content.blocks).unwrap();
    format!(
        "text: {}\n\n{}\n{json}",
        in_utc(&content.text),
        read(&content.blocks)
    )
}
