//! Every integration test, in one binary: it links once and starts one Postgres.

#![expect(
    unreachable_pub,
    reason = "one binary: nothing here is anybody's interface"
)]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod cli;
mod embedded;
mod engine;
mod harness;
mod ledger;
mod policy;
mod worker;
