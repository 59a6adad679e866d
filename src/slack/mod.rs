//! All that knows Slack.

pub mod payload;
