//! What a message needs for people who hear it, or who see no colours: words beside every sign,
//! buttons that can be told apart, one button that stands out at most, and ids that are there once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Buttons in one row; more of them break on a phone.
const ROW: usize = 5;

/// A sign of ours is no longer than this.
const OURS: usize = 10;

/// What is at fault in the blocks of one message or view, of whose buttons so many may stand out.
pub(super) fn faults(blocks: &[Value], most_primary: usize) -> Vec<String> {
    let mut look = Look::default();
    for block in blocks {
        look.ids(block);
        look.at(block);
    }
    look.buttons(most_primary);
    look.faults
}

/// Whether there is nothing in it but signs: a screen reader says little or nothing of them.
pub(super) fn is_only_signs(text: &str) -> bool {
    let is_sign = |c: char| matches!(c, '\u{2190}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}');
    let is_word = |c: char| c.is_alphanumeric();
    // A short code stands for a sign as well: `:wave:`.
    let short_code = |word: &str| 2 < word.len() && word.starts_with(':') && word.ends_with(':');
    let words = text.split_whitespace().filter(|word| !short_code(word));
    let has_words = words.clone().any(|word| word.contains(is_word));
    !has_words && (text.contains(is_sign) || text.split_whitespace().any(short_code))
}

#[derive(Default)]
struct Look {
    faults: Vec<String>,
    /// The labels of the buttons, by the words on them.
    labels: BTreeMap<String, Vec<String>>,
    primary: usize,
    block_ids: BTreeSet<String>,
}

impl Look {
    fn need(&mut self, good: bool, fault: impl FnOnce() -> String) {
        if !good {
            self.faults.push(fault());
        }
    }

    /// Ids that stand twice, in a block of whatever kind.
    fn ids(&mut self, block: &Value) {
        if let Some(id) = block["block_id"].as_str() {
            let fresh = self.block_ids.insert(id.to_owned());
            self.need(fresh, || format!("block_id {id} twice"));
        }
        let elements = block["elements"].as_array().into_iter().flatten();
        let elements = elements.chain([&block["accessory"], &block["element"]]);
        let mut actions = BTreeSet::new();
        for id in elements.filter_map(|element| element["action_id"].as_str()) {
            self.need(actions.insert(id), || format!("action_id {id} twice"));
        }
    }

    fn at(&mut self, part: &Value) {
        match part["type"].as_str().unwrap_or_default() {
            "button" => self.button(part),
            "actions" => self.row(&part["elements"]),
            "image" => {
                let alt = part["alt_text"].as_str().unwrap_or_default();
                self.need(!alt.trim().is_empty(), || {
                    "an image without alt_text".into()
                });
            }
            "plain_text" | "mrkdwn" => {
                let text = part["text"].as_str().unwrap_or_default();
                // Longer ones are what people or a policy say.
                let ours = text.encode_utf16().count() <= OURS;
                self.need(!(ours && is_only_signs(text)), || {
                    format!("a sign without its word: {text}")
                });
            }
            _ => {}
        }
        let inner: Box<dyn Iterator<Item = &Value>> = match part {
            Value::Array(parts) => Box::new(parts.iter()),
            Value::Object(fields) => Box::new(fields.values()),
            _ => return,
        };
        for part in inner {
            self.at(part);
        }
    }

    fn row(&mut self, elements: &Value) {
        let elements = elements.as_array().into_iter().flatten();
        let buttons = elements
            .filter(|element| element["type"] == "button")
            .count();
        self.need(buttons <= ROW, || format!("{buttons} buttons in a row"));
    }

    fn button(&mut self, button: &Value) {
        let said = |part: &Value| part.as_str().unwrap_or_default().trim().to_owned();
        let (words, label) = (
            said(&button["text"]["text"]),
            said(&button["accessibility_label"]),
        );
        self.labels.entry(words).or_default().push(label);
        self.primary += usize::from(button["style"] == "primary");
    }

    /// Buttons with the same words need labels that tell them apart.
    fn buttons(&mut self, most_primary: usize) {
        let primary = self.primary;
        self.need(primary <= most_primary, || {
            format!("{primary} primary buttons")
        });
        for (words, labels) in std::mem::take(&mut self.labels) {
            let different: BTreeSet<&String> = labels.iter().collect();
            let told_apart = different.len() == labels.len() && !labels.contains(&String::new());
            let alone = labels.len() == 1;
            self.need(alone || told_apart, || {
                format!("{} buttons “{words}” are labelled {labels:?}", labels.len())
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn button(words: &str, label: &str, id: &str) -> Value {
        json!({"type": "button", "action_id": id, "accessibility_label": label,
               "text": {"type": "plain_text", "text": words}})
    }

    #[test]
    fn each_fault_is_found() {
        let row = |elements: Vec<Value>| json!({"type": "actions", "elements": elements});
        let primary = |id: &str| {
            let mut button = button(id, id, id);
            button["style"] = json!("primary");
            button
        };
        let many = (0..6).map(|n| button(&n.to_string(), "", &n.to_string()));
        for (blocks, fault) in [
            (vec![row(many.collect())], "6 buttons in a row"),
            (vec![row(vec![primary("a"), primary("b")])], "2 primary"),
            (
                vec![row(vec![button("Done", "", "a"), button("Done", "", "b")])],
                "2 buttons",
            ),
            (
                vec![row(vec![button("a", "", "x"), button("b", "", "x")])],
                "action_id x twice",
            ),
            (
                vec![
                    json!({"type": "divider", "block_id": "x"}),
                    json!({"type": "divider", "block_id": "x"}),
                ],
                "block_id x twice",
            ),
            (
                vec![
                    json!({"type": "section", "accessory": {"type": "image", "image_url": "https://x"}}),
                ],
                "alt_text",
            ),
            (
                vec![json!({"type": "section", "text": {"type": "mrkdwn", "text": "✅ :tada:"}})],
                "a sign without its word",
            ),
        ] {
            let found = faults(&blocks, 1);
            assert!(
                found.iter().any(|found| found.contains(fault)),
                "{fault}: {found:?}"
            );
        }
        let good = [row(vec![
            button("Done", "one", "a"),
            button("Done", "two", "b"),
        ])];
        assert_eq!(faults(&good, 1), [""; 0]);
    }

    #[test]
    fn a_sign_with_a_word_is_fine_and_so_are_words_of_any_script() {
        for (text, only) in [
            ("✅", true),
            (":wave: 👋", true),
            ("✅ Approved", false),
            ("שלום", false),
            ("—", false),
            ("<@U1> 👋", false),
        ] {
            assert_eq!(is_only_signs(text), only, "{text}");
        }
    }
}
