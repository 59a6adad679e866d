//! A message as people see it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::plain;
use super::settings::App;

/// Names by id, shared by all messages that were looked at together.
pub(super) type Names = Arc<BTreeMap<String, String>>;

/// A message in a channel, a thread or a direct message, or an ephemeral one.
#[derive(Debug, Clone, Default, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about one message"
)]
pub struct Message {
    /// Its timestamp, which is also its id within the channel.
    pub ts: String,
    /// The conversation's id.
    pub channel: String,
    /// The author's user id.
    pub user: String,
    /// Whether the app wrote it.
    pub by_bot: bool,
    /// The top-level text: what notifications and screen readers get.
    pub text: String,
    /// The Block Kit blocks, as Slack stores them (with ids filled in).
    pub blocks: Vec<Value>,
    /// Secondary attachments, kept as sent.
    pub attachments: Vec<Value>,
    /// How many times it was updated.
    pub edits: u32,
    /// Whether people see "(edited)": an update without blocks.
    pub shows_edited: bool,
    /// The thread it belongs to, if it is a reply.
    pub thread_ts: Option<String>,
    /// Whether the reply is also shown in the channel.
    pub broadcast: bool,
    /// Whether it was deleted.
    pub deleted: bool,
    /// The only person who sees it, for an ephemeral message.
    pub only_for: Option<String>,
    /// Reactions, by name, with the users who reacted.
    pub reactions: BTreeMap<String, Vec<String>>,
    /// Titles of attached files.
    pub files: Vec<String>,
    /// Message metadata, kept as sent.
    pub metadata: Value,
    #[serde(skip)]
    pub(super) names: Names,
}

impl Message {
    /// The message as readable plain text: blocks one below the other, mentions as `@bob`,
    /// buttons as `[Approve]`. Without blocks it is the text.
    #[must_use]
    pub fn plain(&self) -> String {
        if self.blocks.is_empty() {
            return plain::mrkdwn(&self.text, &self.names);
        }
        plain::blocks(&self.blocks, &self.names)
    }

    /// The labels of its buttons, in order.
    #[must_use]
    pub fn buttons(&self) -> Vec<String> {
        plain::buttons(&self.blocks)
    }

    /// Whether it is a reply in a thread (the thread's first message is not).
    #[must_use]
    pub fn is_reply(&self) -> bool {
        self.thread_ts.as_ref().is_some_and(|root| *root != self.ts)
    }

    /// The message as the Web API and interactions show it.
    pub(super) fn to_api(&self, app: &App, team: &str) -> Value {
        let mut api = json!({
            "type": "message", "user": self.user, "ts": self.ts, "text": self.text, "team": team,
        });
        let fields = api.as_object_mut().into_iter();
        for map in fields {
            self.add_author(map, app, team);
            self.add_rest(map);
        }
        api
    }

    fn add_author(&self, map: &mut Map<String, Value>, app: &App, team: &str) {
        if !self.by_bot {
            return;
        }
        map.insert("bot_id".into(), json!(app.bot_id));
        map.insert("app_id".into(), json!(app.id));
        let profile = json!({
            "id": app.bot_id, "app_id": app.id, "name": app.name, "team_id": team,
            "deleted": false, "updated": 0, "user_id": app.bot_user,
        });
        map.insert("bot_profile".into(), profile);
    }

    fn add_rest(&self, map: &mut Map<String, Value>) {
        if !self.blocks.is_empty() {
            map.insert("blocks".into(), json!(self.blocks));
        }
        if !self.attachments.is_empty() {
            map.insert("attachments".into(), json!(self.attachments));
        }
        if let Some(root) = &self.thread_ts {
            map.insert("thread_ts".into(), json!(root));
        }
        if self.shows_edited {
            map.insert("edited".into(), json!({"user": self.user, "ts": self.ts}));
        }
        if !self.metadata.is_null() {
            map.insert("metadata".into(), self.metadata.clone());
        }
        if self.only_for.is_some() {
            map.insert("is_ephemeral".into(), json!(true));
        }
    }
}
