//! One binary for all tests that need more than a function.

mod connectors;
mod harness;
