//! Every integration test, in one binary: it links once and starts one Postgres.

#![expect(
    unreachable_pub,
    reason = "one binary: nothing here is anybody's interface"
)]

mod engine;
mod harness;
mod policy;
mod slack;
mod worker;
