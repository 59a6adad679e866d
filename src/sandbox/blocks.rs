//! Block Kit's limits.

use std::collections::HashSet;

use serde_json::Value;

/// Where blocks are shown: some rules differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Surface {
    Message,
    Modal,
    Home,
}

/// Collects complaints in Slack's words, each with a JSON pointer.
struct Check {
    faults: Vec<String>,
    surface: Surface,
}

/// Everything wrong with an array of blocks found at `pointer`.
pub(super) fn faults(blocks: &Value, surface: Surface, pointer: &str) -> Vec<String> {
    let mut check = Check {
        faults: Vec::new(),
        surface,
    };
    check.blocks(blocks, pointer);
    check.faults
}

/// Everything wrong with a view.
pub(super) fn view_faults(view: &Value) -> Vec<String> {
    let modal = view["type"] == "modal";
    let surface = if modal { Surface::Modal } else { Surface::Home };
    let mut check = Check {
        faults: Vec::new(),
        surface,
    };
    match view["type"].as_str() {
        Some("modal") => check.modal(view),
        Some("home") => check.home(view),
        _ => check.fault("/view/type", "unsupported type"),
    }
    check.blocks(&view["blocks"], "/view/blocks");
    check.optional_length(view, "private_metadata", 3000, "/view");
    check.optional_length(view, "callback_id", 255, "/view");
    check.optional_length(view, "external_id", 255, "/view");
    check.faults
}

impl Check {
    fn fault(&mut self, pointer: &str, what: &str) {
        self.faults
            .push(format!("[ERROR] {what} [json-pointer:{pointer}]"));
    }

    fn blocks(&mut self, blocks: &Value, pointer: &str) {
        let Some(list) = blocks.as_array() else {
            return self.fault(pointer, "missing required field: blocks");
        };
        let most = if self.surface == Surface::Message {
            50
        } else {
            100
        };
        self.at_most(list.len(), most, pointer);
        let mut seen = HashSet::new();
        for (index, block) in list.iter().enumerate() {
            let here = format!("{pointer}/{index}");
            self.block(block, &here);
            if block["block_id"]
                .as_str()
                .is_some_and(|id| !seen.insert(id))
            {
                self.fault(&format!("{here}/block_id"), "`block_id` already exists");
            }
        }
    }

    fn modal(&mut self, view: &Value) {
        self.plain(view, "title", 24, "/view");
        for key in ["submit", "close"] {
            if !view[key].is_null() {
                self.plain(view, key, 24, "/view");
            }
        }
        let blocks = view["blocks"].as_array().into_iter().flatten();
        let has_inputs = blocks.into_iter().any(|block| block["type"] == "input");
        if has_inputs && view["submit"].is_null() {
            self.fault(
                "/view/submit",
                "`submit` is required when an `input` block is used",
            );
        }
    }

    fn home(&mut self, view: &Value) {
        for key in ["title", "submit", "close"] {
            if !view[key].is_null() {
                self.fault(&format!("/view/{key}"), "invalid additional property");
            }
        }
    }

    fn block(&mut self, block: &Value, at: &str) {
        self.optional_length(block, "block_id", 255, at);
        match block["type"].as_str() {
            Some("section") => self.section(block, at),
            Some("header") => self.plain(block, "text", 150, at),
            Some("context") => self.context(block, at),
            Some("actions") => self.actions(block, at),
            Some("input") => self.input(block, at),
            Some("image") => self.image(block, at),
            Some("markdown") => self.length(block, "text", 12_000, at),
            Some("rich_text") => self.required_list(block, "elements", at),
            Some("table") => self.table(block, at),
            Some("alert") if self.surface != Surface::Modal => {
                self.fault(&format!("{at}/type"), "unsupported type: alert");
            }
            Some(kind) if KNOWN.contains(&kind) => {}
            Some(kind) => self.fault(&format!("{at}/type"), &format!("unsupported type: {kind}")),
            None => self.fault(at, "missing required field: type"),
        }
    }

    fn section(&mut self, block: &Value, at: &str) {
        let fields = block["fields"].as_array();
        if block["text"].is_null() && fields.is_none() {
            self.fault(at, "missing required field: text or fields");
        }
        if !block["text"].is_null() {
            self.text(&block["text"], 3000, &format!("{at}/text"));
        }
        if let Some(fields) = fields {
            let pointer = format!("{at}/fields");
            self.between(fields.len(), 1, 10, &pointer);
            for (index, field) in fields.iter().enumerate() {
                self.text(field, 2000, &format!("{pointer}/{index}"));
            }
        }
        if !block["accessory"].is_null() {
            self.element(&block["accessory"], &format!("{at}/accessory"));
        }
    }

    fn context(&mut self, block: &Value, at: &str) {
        let pointer = format!("{at}/elements");
        let Some(elements) = block["elements"].as_array() else {
            return self.fault(at, "missing required field: elements");
        };
        self.between(elements.len(), 1, 10, &pointer);
        for (index, element) in elements.iter().enumerate() {
            let here = format!("{pointer}/{index}");
            match element["type"].as_str() {
                Some("image") => self.image(element, &here),
                _ => self.text(element, 3000, &here),
            }
        }
    }

    fn actions(&mut self, block: &Value, at: &str) {
        let pointer = format!("{at}/elements");
        let Some(elements) = block["elements"].as_array() else {
            return self.fault(at, "missing required field: elements");
        };
        self.between(elements.len(), 1, 25, &pointer);
        let mut seen = HashSet::new();
        for (index, element) in elements.iter().enumerate() {
            let here = format!("{pointer}/{index}");
            self.element(element, &here);
            if element["action_id"]
                .as_str()
                .is_some_and(|id| !seen.insert(id))
            {
                self.fault(&format!("{here}/action_id"), "`action_id` already exists");
            }
        }
    }

    fn input(&mut self, block: &Value, at: &str) {
        self.plain(block, "label", 2000, at);
        if !block["hint"].is_null() {
            self.plain(block, "hint", 2000, at);
        }
        let pointer = format!("{at}/element");
        match block["element"]["type"].as_str() {
            None => self.fault(at, "missing required field: element"),
            Some("button" | "overflow" | "image") => {
                self.fault(&pointer, "unsupported type of element in an input block");
            }
            Some(_) => self.element(&block["element"], &pointer),
        }
    }

    fn image(&mut self, image: &Value, at: &str) {
        self.length(image, "alt_text", 2000, at);
        if image["image_url"].is_null() && image["slack_file"].is_null() {
            self.fault(at, "missing required field: image_url");
        }
    }

    fn table(&mut self, block: &Value, at: &str) {
        self.required_list(block, "rows", at);
        let rows = block["rows"].as_array().cloned().unwrap_or_default();
        self.at_most(rows.len(), 100, &format!("{at}/rows"));
        for (index, row) in rows.iter().enumerate() {
            let cells = row.as_array().map_or(0, Vec::len);
            self.at_most(cells, 20, &format!("{at}/rows/{index}"));
        }
    }

    fn element(&mut self, element: &Value, at: &str) {
        self.optional_length(element, "action_id", 255, at);
        if !element["placeholder"].is_null() {
            self.plain(element, "placeholder", 150, at);
        }
        if !element["confirm"].is_null() {
            self.confirm(&element["confirm"], &format!("{at}/confirm"));
        }
        match element["type"].as_str() {
            Some("button") => self.button(element, at),
            Some("overflow") => self.options(element, 1, 5, at),
            Some("checkboxes" | "radio_buttons") => self.options(element, 1, 10, at),
            Some("static_select" | "multi_static_select") => self.select(element, at),
            Some("plain_text_input") => self.text_input(element, at),
            Some("image") => self.image(element, at),
            Some(kind) if ELEMENTS.contains(&kind) => {}
            Some(kind) => self.fault(&format!("{at}/type"), &format!("unsupported type: {kind}")),
            None => self.fault(at, "missing required field: type"),
        }
    }

    fn button(&mut self, button: &Value, at: &str) {
        self.plain(button, "text", 75, at);
        self.optional_length(button, "value", 2000, at);
        self.optional_length(button, "url", 3000, at);
        self.optional_length(button, "accessibility_label", 75, at);
        let style = &button["style"];
        if !style.is_null() && style != "primary" && style != "danger" {
            self.fault(&format!("{at}/style"), "must be one of: primary, danger");
        }
    }

    fn select(&mut self, select: &Value, at: &str) {
        let Some(groups) = select["option_groups"].as_array() else {
            return self.options(select, 1, 100, at);
        };
        let pointer = format!("{at}/option_groups");
        self.between(groups.len(), 1, 100, &pointer);
        for (index, group) in groups.iter().enumerate() {
            let here = format!("{pointer}/{index}");
            self.plain(group, "label", 75, &here);
            self.options(group, 1, 100, &here);
        }
    }

    fn options(&mut self, holder: &Value, least: usize, most: usize, at: &str) {
        let pointer = format!("{at}/options");
        let Some(options) = holder["options"].as_array() else {
            return self.fault(at, "missing required field: options");
        };
        self.between(options.len(), least, most, &pointer);
        for (index, option) in options.iter().enumerate() {
            let here = format!("{pointer}/{index}");
            self.text(&option["text"], 75, &format!("{here}/text"));
            self.length(option, "value", 150, &here);
            if !option["description"].is_null() {
                self.text(&option["description"], 75, &format!("{here}/description"));
            }
        }
    }

    fn text_input(&mut self, input: &Value, at: &str) {
        let most = input["max_length"].as_u64().unwrap_or(3000);
        if most > 3000 || most == 0 {
            self.fault(&format!("{at}/max_length"), "must be between 1 and 3000");
        }
        if input["min_length"]
            .as_u64()
            .is_some_and(|least| least > most)
        {
            self.fault(
                &format!("{at}/min_length"),
                "must be no more than max_length",
            );
        }
        self.optional_length(input, "initial_value", 3000, at);
    }

    fn confirm(&mut self, confirm: &Value, at: &str) {
        self.plain(confirm, "title", 100, at);
        self.text(&confirm["text"], 300, &format!("{at}/text"));
        self.plain(confirm, "confirm", 30, at);
        self.plain(confirm, "deny", 30, at);
    }

    /// A required `plain_text` object.
    fn plain(&mut self, holder: &Value, key: &str, most: usize, at: &str) {
        if holder[key].is_null() {
            return self.fault(at, &format!("missing required field: {key}"));
        }
        let pointer = format!("{at}/{key}");
        if holder[key]["type"] != "plain_text" {
            return self.fault(&format!("{pointer}/type"), "must be of type plain_text");
        }
        self.length(&holder[key], "text", most, &pointer);
    }

    /// A required text object of either type.
    fn text(&mut self, text: &Value, most: usize, at: &str) {
        if text["type"] != "plain_text" && text["type"] != "mrkdwn" {
            return self.fault(&format!("{at}/type"), "must be one of: plain_text, mrkdwn");
        }
        self.length(text, "text", most, at);
    }

    /// A required string of 1 to `most` characters.
    fn length(&mut self, holder: &Value, key: &str, most: usize, at: &str) {
        let pointer = format!("{at}/{key}");
        match holder[key].as_str() {
            None => self.fault(at, &format!("missing required field: {key}")),
            Some("") => self.fault(&pointer, "must be more than 0 characters"),
            Some(_) => self.optional_length(holder, key, most, at),
        }
    }

    fn optional_length(&mut self, holder: &Value, key: &str, most: usize, at: &str) {
        let length = holder[key].as_str().map_or(0, |text| text.chars().count());
        if length > most {
            let what = format!("must be less than {} characters", most + 1);
            self.fault(&format!("{at}/{key}"), &what);
        }
    }

    fn required_list(&mut self, holder: &Value, key: &str, at: &str) {
        if holder[key].as_array().is_none_or(Vec::is_empty) {
            self.fault(at, &format!("missing required field: {key}"));
        }
    }

    fn between(&mut self, count: usize, least: usize, most: usize, at: &str) {
        if count < least {
            self.fault(at, &format!("no fewer than {least} items allowed"));
        }
        self.at_most(count, most, at);
    }

    fn at_most(&mut self, count: usize, most: usize, at: &str) {
        if count > most {
            self.fault(at, &format!("no more than {most} items allowed"));
        }
    }
}

/// Blocks that are let through without a look inside.
const KNOWN: [&str; 12] = [
    "divider",
    "video",
    "file",
    "context_actions",
    "task_card",
    "plan",
    "card",
    "carousel",
    "container",
    "alert",
    "data_table",
    "data_visualization",
];

/// Elements whose own fields have no limits beyond the common ones.
pub(super) const ELEMENTS: [&str; 19] = [
    "external_select",
    "users_select",
    "conversations_select",
    "channels_select",
    "multi_external_select",
    "multi_users_select",
    "multi_conversations_select",
    "multi_channels_select",
    "datepicker",
    "timepicker",
    "datetimepicker",
    "email_text_input",
    "url_text_input",
    "number_input",
    "rich_text_input",
    "file_input",
    "workflow_button",
    "feedback_buttons",
    "icon_button",
];
