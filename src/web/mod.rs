//! The HTTP server of one process: Slack's deliveries in HTTP mode, and what people on call and
//! their machines look at.

pub mod health;
pub mod install;
pub mod metrics;
pub mod server;
