//! jitbot: just-in-time access, asked for and approved in Slack.

pub mod cli;
pub mod clock;
pub mod config;
pub mod connectors;
pub mod directory;
pub mod domain;
pub mod embedded;
pub mod engine;
pub mod ledger;
pub mod policy;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod slack;
pub mod store;
pub mod web;
pub mod worker;
