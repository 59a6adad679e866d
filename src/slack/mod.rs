//! Everything that knows Slack.
//!
//! What comes in is read tolerantly and turned into commands; what goes out is rendered from state
//! by pure functions. [`grammar`] and [`view`] know the domain and nothing else of ours.

pub mod client;
pub mod grammar;
pub mod handlers;
pub mod http;
pub mod intake;
mod limiter;
pub mod manifest;
pub mod payload;
pub mod receive;
pub mod socket;
pub mod view;
