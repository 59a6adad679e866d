//! Connectors against real targets.

mod contract;
pub(crate) mod field;
mod postgres;
mod registry;
mod webhook;
