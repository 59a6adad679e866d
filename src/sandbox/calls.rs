//! The recorder: what the bot asked of the Web API, and what it was answered.

use serde::Serialize;
use serde_json::{Map, Value};

/// One call of a Web API method, or of a `response_url` (method `response_url`).
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// The method, such as `chat.postMessage`.
    pub method: String,
    /// The arguments after decoding (JSON inside form fields is decoded too; no token).
    pub args: Map<String, Value>,
    /// The HTTP status that was answered; 0 if the connection was cut or left hanging.
    pub status: u16,
    /// The answer's body.
    pub answer: Value,
}

impl Call {
    /// Whether Slack answered `ok: true`.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.status == 200 && self.answer["ok"] == Value::Bool(true)
    }
}
