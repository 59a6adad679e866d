//! Blocks as readable plain text, for tests and for the tour.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

static ANGLE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("<([^<>]+)>").expect("a constant pattern"));

type NameMap = BTreeMap<String, String>;

/// mrkdwn with its references resolved: mentions by name, links by label, dates by fallback.
/// Marks such as `*bold*` stay.
pub(super) fn mrkdwn(text: &str, names: &NameMap) -> String {
    let text = ANGLE.replace_all(text, |found: &Captures<'_>| reference(&found[1], names));
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

fn reference(inside: &str, names: &NameMap) -> String {
    let (target, label) = match inside.split_once('|') {
        Some((target, label)) => (target, Some(label)),
        None => (inside, None),
    };
    let name = |id: &str| names.get(id).map_or(id, String::as_str).to_owned();
    match target.split_at_checked(1) {
        Some(("@", id)) => format!("@{}", name(id)),
        Some(("#", id)) => format!("#{}", name(id)),
        Some(("!", special)) => match special.strip_prefix("subteam^") {
            Some(group) => format!("@{}", name(group)),
            None => label.map_or_else(|| format!("@{special}"), ToOwned::to_owned),
        },
        _ => label.unwrap_or(target).to_owned(),
    }
}

/// All blocks, one below the other.
pub(super) fn blocks(blocks: &[Value], names: &NameMap) -> String {
    let lines = blocks.iter().map(|block| one_block(block, names));
    lines
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

fn one_block(block: &Value, names: &NameMap) -> String {
    match block["type"].as_str().unwrap_or_default() {
        "divider" => "---".into(),
        "section" => section(block, names),
        "context" | "actions" | "context_actions" => join(
            list(&block["elements"])
                .iter()
                .map(|element| one_element(element, names)),
            " ",
        ),
        "input" => {
            let label = text(&block["label"], names);
            format!("{label}: {}", one_element(&block["element"], names))
        }
        "markdown" => block["text"].as_str().unwrap_or_default().into(),
        "image" => format!(
            "[image: {}]",
            block["alt_text"].as_str().unwrap_or_default()
        ),
        "rich_text" => rich(block, names),
        "table" => table(block, names),
        _ => text(&block["text"], names),
    }
}

fn section(block: &Value, names: &NameMap) -> String {
    let own = text(&block["text"], names);
    let fields = list(&block["fields"])
        .iter()
        .map(|field| text(field, names).replace('\n', " "));
    let accessory = one_element(&block["accessory"], names);
    join(std::iter::once(own).chain(fields).chain([accessory]), "\n")
}

fn one_element(element: &Value, names: &NameMap) -> String {
    let label = |of: &Value| text(of, names);
    match element["type"].as_str().unwrap_or_default() {
        "" => String::new(),
        "button" | "workflow_button" => format!("[{}]", label(&element["text"])),
        "mrkdwn" | "plain_text" => text(element, names),
        "image" => format!(
            "[image: {}]",
            element["alt_text"].as_str().unwrap_or_default()
        ),
        "overflow" => {
            let options = list(&element["options"])
                .iter()
                .map(|option| label(&option["text"]));
            format!("[… {}]", join(options, " | "))
        }
        _ => chosen(element, names),
    }
}

/// What an input shows: its first value, or its placeholder.
fn chosen(element: &Value, names: &NameMap) -> String {
    let initial = &element["initial_option"]["text"];
    let shown = match (initial.is_null(), element["initial_value"].as_str()) {
        (false, _) => text(initial, names),
        (true, Some(value)) => value.to_owned(),
        (true, None) => text(&element["placeholder"], names),
    };
    format!("[{shown} v]")
}

fn rich(node: &Value, names: &NameMap) -> String {
    let name = |id: &Value| {
        let id = id.as_str().unwrap_or_default();
        names.get(id).cloned().unwrap_or_else(|| id.to_owned())
    };
    let children = || {
        list(&node["elements"])
            .iter()
            .map(|child| rich(child, names))
    };
    match node["type"].as_str().unwrap_or_default() {
        "text" => node["text"].as_str().unwrap_or_default().into(),
        "link" => node["text"]
            .as_str()
            .or(node["url"].as_str())
            .unwrap_or_default()
            .into(),
        "user" => format!("@{}", name(&node["user_id"])),
        "channel" => format!("#{}", name(&node["channel_id"])),
        "usergroup" => format!("@{}", name(&node["usergroup_id"])),
        "emoji" => format!(":{}:", node["name"].as_str().unwrap_or_default()),
        "rich_text_list" => join(children().map(|item| format!("- {item}")), "\n"),
        "rich_text" => join(children(), "\n"),
        _ => children().collect(),
    }
}

fn table(block: &Value, names: &NameMap) -> String {
    let cell = |cell: &Value| match cell["type"].as_str() {
        Some("rich_text") => rich(cell, names),
        _ => cell["text"].as_str().unwrap_or_default().to_owned(),
    };
    let rows = list(&block["rows"]).iter();
    join(
        rows.map(|row| join(list(row).iter().map(cell), " | ")),
        "\n",
    )
}

/// A text object.
fn text(object: &Value, names: &NameMap) -> String {
    let text = object["text"].as_str().unwrap_or_default();
    if object["type"] == "plain_text" {
        text.to_owned()
    } else {
        mrkdwn(text, names)
    }
}

/// The labels of all buttons.
pub(super) fn buttons(blocks: &[Value]) -> Vec<String> {
    let elements = blocks.iter().flat_map(|block| {
        list(&block["elements"])
            .iter()
            .chain(std::iter::once(&block["accessory"]))
    });
    let buttons = elements.filter(|element| element["type"] == "button");
    buttons
        .filter_map(|button| button["text"]["text"].as_str())
        .map(ToOwned::to_owned)
        .collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn join(parts: impl Iterator<Item = String>, with: &str) -> String {
    parts
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(with)
}
