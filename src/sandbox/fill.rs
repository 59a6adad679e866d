//! The ids and flags that Slack fills in where blocks came without.

use serde_json::{Value, json};

use super::blocks::ELEMENTS;

/// Blocks as Slack keeps them: missing ids filled in, text objects completed.
pub(super) fn filled(blocks: &Value, mut id: impl FnMut() -> String) -> Vec<Value> {
    let mut blocks = blocks.as_array().cloned().unwrap_or_default();
    for block in &mut blocks {
        complete_text(block);
        set_missing(block, "block_id", &mut id);
        let inner = block.get_mut("elements").and_then(Value::as_array_mut);
        for element in inner
            .into_iter()
            .flatten()
            .filter(|element| takes_action(element))
        {
            set_missing(element, "action_id", &mut id);
        }
        for key in ["accessory", "element"] {
            if let Some(element) = block.get_mut(key).filter(|element| takes_action(element)) {
                set_missing(element, "action_id", &mut id);
            }
        }
    }
    blocks
}

fn takes_action(element: &Value) -> bool {
    let kind = element["type"].as_str().unwrap_or_default();
    let interactive = [
        "button",
        "overflow",
        "checkboxes",
        "radio_buttons",
        "plain_text_input",
    ];
    interactive.contains(&kind)
        || kind.ends_with("static_select")
        || (kind != "image" && ELEMENTS.contains(&kind))
}

fn set_missing(holder: &mut Value, key: &str, id: &mut impl FnMut() -> String) {
    if holder[key].as_str().is_none_or(str::is_empty) {
        holder[key] = json!(id());
    }
}

fn complete_text(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(complete_text),
        Value::Object(map) => {
            map.values_mut().for_each(complete_text);
            let has_text = map.get("text").is_some_and(Value::is_string);
            let kind = map
                .get("type")
                .and_then(Value::as_str)
                .map(ToOwned::to_owned);
            match kind.as_deref() {
                Some("plain_text") if has_text => map.entry("emoji").or_insert(json!(true)),
                Some("mrkdwn") if has_text => map.entry("verbatim").or_insert(json!(false)),
                _ => return,
            };
        }
        _ => {}
    }
}
