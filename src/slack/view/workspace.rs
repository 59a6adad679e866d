//! Answers where a workspace has no policy yet.

use serde_json::{Value, json};

use super::text::workspace as words;
use super::{Content, modal};

/// The answer as a message.
pub fn no_policy(folder: &str) -> Content {
    Content::line(&words::no_policy(folder))
}

/// The answer to a modal that was sent off.
pub fn no_policy_update(folder: &str) -> Value {
    let view = modal::notice(words::TITLE, &words::no_policy(folder));
    json!({"response_action": "update", "view": view})
}
