//! What people enter and choose, in the form that Slack sends it.

use serde_json::{Map, Value, json};

use super::world::Entered;

/// An interactive element with the block it stands in.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) block: Value,
    pub(super) element: Value,
}

impl Found {
    pub(super) fn block_id(&self) -> &str {
        self.block["block_id"].as_str().unwrap_or_default()
    }

    pub(super) fn action_id(&self) -> &str {
        self.element["action_id"].as_str().unwrap_or_default()
    }

    pub(super) fn key(&self) -> (String, String) {
        (self.block_id().to_owned(), self.action_id().to_owned())
    }

    pub(super) fn kind(&self) -> &str {
        self.element["type"].as_str().unwrap_or_default()
    }

    /// Whether a change of it is sent at once: everything outside input blocks, and inputs that
    /// ask for it.
    pub(super) fn dispatches(&self) -> bool {
        self.block["type"] != "input" || self.block["dispatch_action"] == true
    }

    /// Whether it holds a value that `state.values` reports.
    pub(super) fn holds_value(&self) -> bool {
        !matches!(
            self.kind(),
            "button" | "overflow" | "workflow_button" | "image" | ""
        )
    }
}

/// All interactive elements of a surface, in reading order.
pub(super) fn elements(blocks: &[Value]) -> Vec<Found> {
    blocks.iter().flat_map(elements_of).collect()
}

fn elements_of(block: &Value) -> Vec<Found> {
    let inner = block["elements"].as_array().cloned().unwrap_or_default();
    let single = [block["accessory"].clone(), block["element"].clone()];
    let all = inner
        .into_iter()
        .chain(single)
        .filter(|element| element["action_id"].is_string());
    all.map(|element| Found {
        block: block.clone(),
        element,
    })
    .collect()
}

/// The element a person means by `key`: `block_id/action_id`, an `action_id`, the `block_id` of an
/// input, a label or a value. The first way that finds one counts.
pub(super) fn find(blocks: &[Value], key: &str) -> Option<Found> {
    let all = elements(blocks);
    let full = |found: &Found| format!("{}/{}", found.block_id(), found.action_id()) == key;
    let action = |found: &Found| found.action_id() == key;
    let input = |found: &Found| found.block["type"] == "input" && found.block_id() == key;
    let label =
        |found: &Found| found.element["text"]["text"] == key || found.block["label"]["text"] == key;
    let value = |found: &Found| found.element["value"] == key;
    let ways: [&dyn Fn(&Found) -> bool; 5] = [&full, &action, &input, &label, &value];
    ways.iter()
        .find_map(|fits| all.iter().find(|found| fits(found)).cloned())
}

/// `state.values` of a surface: what was entered, else what the element began with.
pub(super) fn state_values(blocks: &[Value], entered: &Entered) -> Value {
    let mut values = Map::new();
    for found in elements(blocks).into_iter().filter(Found::holds_value) {
        let value = entered
            .get(&found.key())
            .cloned()
            .unwrap_or_else(|| initial(&found.element));
        let block = values.entry(found.block_id()).or_insert_with(|| json!({}));
        block[found.action_id()] = value;
    }
    Value::Object(values)
}

/// The name under which an element's value is sent, and the name of its first value.
fn value_names(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "static_select" | "external_select" | "radio_buttons" => {
            ("selected_option", "initial_option")
        }
        "multi_static_select" | "multi_external_select" | "checkboxes" => {
            ("selected_options", "initial_options")
        }
        "users_select" => ("selected_user", "initial_user"),
        "multi_users_select" => ("selected_users", "initial_users"),
        "conversations_select" => ("selected_conversation", "initial_conversation"),
        "multi_conversations_select" => ("selected_conversations", "initial_conversations"),
        "channels_select" => ("selected_channel", "initial_channel"),
        "multi_channels_select" => ("selected_channels", "initial_channels"),
        "datepicker" => ("selected_date", "initial_date"),
        "timepicker" => ("selected_time", "initial_time"),
        "datetimepicker" => ("selected_date_time", "initial_date_time"),
        "rich_text_input" => ("rich_text_value", "initial_value"),
        "file_input" => ("files", "initial_files"),
        _ => ("value", "initial_value"),
    }
}

fn initial(element: &Value) -> Value {
    let kind = element["type"].as_str().unwrap_or_default();
    let (sent, began) = value_names(kind);
    let empty = if sent.ends_with("options") || sent == "files" {
        json!([])
    } else {
        Value::Null
    };
    let first = element.get(began).cloned().unwrap_or(empty);
    json!({"type": kind, sent: first})
}

/// A choice in Slack's form. Options may be given by value or by label, users and channels by id
/// (the caller resolves names); `offered` are options that the bot suggested.
pub(super) fn value_of(element: &Value, given: &Value, offered: &[Value]) -> Result<Value, String> {
    let kind = element["type"].as_str().unwrap_or_default();
    let (sent, _) = value_names(kind);
    let option = |wanted: &Value| pick_option(element, wanted, offered);
    let value = match sent {
        "selected_option" | "selected_date_time" if given.is_null() => Value::Null,
        "selected_option" => option(given)?,
        "selected_options" => {
            let wanted = given
                .as_array()
                .cloned()
                .unwrap_or_else(|| vec![given.clone()]);
            Value::Array(wanted.iter().map(option).collect::<Result<_, _>>()?)
        }
        "selected_date_time" => json!(as_seconds(given).ok_or("a time in seconds is needed")?),
        _ => given.clone(),
    };
    Ok(json!({"type": kind, sent: value}))
}

fn as_seconds(given: &Value) -> Option<i64> {
    given.as_i64().or_else(|| given.as_str()?.parse().ok())
}

/// One of an element's options, or of those that were suggested.
pub(super) fn pick_option(
    element: &Value,
    wanted: &Value,
    offered: &[Value],
) -> Result<Value, String> {
    let wanted = wanted.get("value").unwrap_or(wanted);
    let mut all = options(element);
    all.extend(offered.iter().cloned());
    all.extend(element.get("initial_option").cloned());
    all.extend(
        element["initial_options"]
            .as_array()
            .into_iter()
            .flatten()
            .cloned(),
    );
    let found = all.iter().find(|option| option["value"] == *wanted);
    let found = found.or_else(|| all.iter().find(|option| option["text"]["text"] == *wanted));
    found
        .cloned()
        .ok_or_else(|| format!("there is no option {wanted}"))
}

/// The options of an element, those inside groups included.
pub(super) fn options(element: &Value) -> Vec<Value> {
    let flat = element["options"].as_array().cloned().unwrap_or_default();
    let groups = element["option_groups"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let grouped = groups
        .into_iter()
        .filter_map(|group| group["options"].as_array().cloned());
    flat.into_iter().chain(grouped.flatten()).collect()
}

/// What Slack's own form complains about before it sends anything.
pub(super) fn complaints(blocks: &[Value], state: &Value) -> Map<String, Value> {
    let inputs = elements(blocks)
        .into_iter()
        .filter(|found| found.block["type"] == "input");
    let complaint = |found: Found| {
        let value = &state[found.block_id()][found.action_id()];
        let (sent, _) = value_names(found.kind());
        let said = complaint(&found, &value[sent])?;
        Some((found.block_id().to_owned(), Value::String(said)))
    };
    inputs.filter_map(complaint).collect()
}

fn complaint(found: &Found, value: &Value) -> Option<String> {
    if is_empty(value) {
        let optional = found.block["optional"] == true;
        return (!optional).then(|| "Please complete this required field.".into());
    }
    let text = value.as_str()?;
    let length = text.chars().count() as u64;
    let (least, most) = (&found.element["min_length"], &found.element["max_length"]);
    if let Some(least) = least.as_u64().filter(|least| length < *least) {
        return Some(format!("Please enter at least {least} characters."));
    }
    if let Some(most) = most.as_u64().filter(|most| length > *most) {
        return Some(format!("Please enter at most {most} characters."));
    }
    format_complaint(found.kind(), text).map(Into::into)
}

fn format_complaint(kind: &str, text: &str) -> Option<&'static str> {
    match kind {
        "email_text_input" if !text.contains('@') => Some("Please enter a valid email address."),
        "url_text_input" if url::Url::parse(text).is_err() => Some("Please enter a valid URL."),
        "number_input" if text.parse::<f64>().is_err() => Some("Please enter a number."),
        _ => None,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
