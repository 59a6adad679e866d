//! A modal or an App Home tab.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::entry;
use super::message::Names;
use super::plain;
use super::settings::Settings;
use super::world::Entered;

/// A view as a person sees it.
#[derive(Debug, Clone, Serialize)]
pub struct View {
    /// The id, `V…`; it stays through updates.
    pub id: String,
    /// Changes with every update.
    pub hash: String,
    /// The person who sees it.
    pub user: String,
    /// What the bot sent: `type`, `title`, `blocks`, `submit`, … with ids filled in.
    pub content: Value,
    /// Complaints shown beside inputs, by `block_id`.
    pub errors: BTreeMap<String, String>,
    /// The view at the bottom of its stack.
    pub root: String,
    /// The view below it.
    pub previous: Option<String>,
    #[serde(skip)]
    pub(super) entered: Entered,
    #[serde(skip)]
    pub(super) names: Names,
}

impl View {
    /// Its blocks.
    #[must_use]
    pub fn blocks(&self) -> &[Value] {
        self.content["blocks"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Its title.
    #[must_use]
    pub fn title(&self) -> &str {
        self.content["title"]["text"].as_str().unwrap_or_default()
    }

    /// What the app knows it by.
    #[must_use]
    pub fn callback_id(&self) -> &str {
        self.content["callback_id"].as_str().unwrap_or_default()
    }

    /// Its title, blocks and complaints as readable plain text.
    #[must_use]
    pub fn plain(&self) -> String {
        let blocks = plain::blocks(self.blocks(), &self.names);
        let errors = self.errors.values().map(|error| format!("! {error}"));
        let parts = std::iter::once(self.title().to_owned())
            .chain([blocks])
            .chain(errors);
        parts
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// What is entered at this moment, in Slack's `state.values` form.
    #[must_use]
    pub fn state(&self) -> Value {
        entry::state_values(self.blocks(), &self.entered)
    }

    /// The view as the Web API and interactions show it.
    pub(super) fn to_api(&self, settings: &Settings) -> Value {
        let mut api: Map<String, Value> = self.content.as_object().cloned().unwrap_or_default();
        let defaults = [
            ("private_metadata", json!("")),
            ("callback_id", json!("")),
            ("external_id", json!("")),
            ("clear_on_close", json!(false)),
            ("notify_on_close", json!(false)),
            ("close", Value::Null),
            ("submit", Value::Null),
            ("title", Value::Null),
        ];
        for (key, value) in defaults {
            api.entry(key).or_insert(value);
        }
        api.extend(self.identity(settings));
        Value::Object(api)
    }

    fn identity(&self, settings: &Settings) -> Map<String, Value> {
        let pairs = [
            ("id", json!(self.id)),
            ("hash", json!(self.hash)),
            ("team_id", json!(settings.team.id)),
            ("app_installed_team_id", json!(settings.team.id)),
            ("app_id", json!(settings.app.id)),
            ("bot_id", json!(settings.app.bot_id)),
            ("root_view_id", json!(self.root)),
            ("previous_view_id", json!(self.previous)),
            ("state", json!({"values": self.state()})),
        ];
        pairs
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    }
}
