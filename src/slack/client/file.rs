//! Files, in Slack's three steps: where to put it, putting it there, and sharing it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Client, SlackFault, connect, count, wire};
use crate::slack::limiter::Pace;

/// How long the bytes of a file may take.
const UPLOAD: Duration = Duration::from_secs(30);

impl Client {
    /// Shares a file in a conversation, by its id. The address that Slack says to put it at is used
    /// only where it leads to Slack.
    pub async fn upload(
        &self,
        channel: &str,
        name: &str,
        bytes: Vec<u8>,
    ) -> Result<(), SlackFault> {
        let length = bytes.len().to_string();
        let query = vec![("filename", Some(name)), ("length", Some(length.as_str()))];
        let call = self.read("files.getUploadURLExternal", Pace::Tier4, query);
        let place: wire::UploadAnswer = self.call(call).await?;
        let (Some(url), Some(id)) = (place.upload_url, place.file_id) else {
            return Err(SlackFault::Transient("no upload url".into()));
        };
        let api = &self.inner.settings.api_url;
        let url = connect::url_of_slack(&url, api, "upload_url_not_slack")?;
        let sent = connect::put(url, bytes, UPLOAD).await;
        count("upload_url", &sent);
        sent?;
        let body = json!({"channel_id": channel, "files": [{"id": id, "title": name}]});
        let call = self.write("files.completeUploadExternal", Pace::Tier4, None, body);
        self.call::<Value>(call).await.map(drop)
    }
}
