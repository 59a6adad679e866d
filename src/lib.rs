//! jitbot: just-in-time access, asked for and approved in Slack.

pub mod cli;
pub mod clock;
pub mod config;
pub mod connectors;
pub mod domain;
pub mod embedded;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod store;
