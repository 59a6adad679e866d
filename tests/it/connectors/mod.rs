//! Connectors against real targets.

mod contract;
mod field;
mod postgres;
mod registry;
mod webhook;
