//! jitbot: just-in-time access, asked for and approved in Slack.

#[cfg(feature = "sandbox")]
pub mod sandbox;
