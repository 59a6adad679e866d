//! All that knows Slack.

pub mod client;
pub mod http;
mod limiter;
pub mod payload;
pub mod receive;
