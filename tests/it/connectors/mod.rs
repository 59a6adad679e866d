//! Connectors against real targets.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, also in its helpers"
)]

mod contract;
mod field;
mod postgres;
mod registry;
mod webhook;
