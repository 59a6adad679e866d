//! jitbot: just-in-time access, asked for and approved in Slack.

pub mod connectors;
pub mod domain;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod slack;
