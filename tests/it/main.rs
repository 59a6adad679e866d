//! Every integration test, in one binary: it links once and starts one Postgres.

#![cfg(test)]
#![expect(
    unreachable_pub,
    reason = "one binary: nothing here is anybody's interface"
)]

mod architecture;
mod cards;
mod cli;
mod connectors;
mod database;
mod digests;
mod docs;
mod embedded;
mod engine;
mod fuzzed;
mod harness;
mod ledger;
mod meaning;
mod policy;
mod policy_space;
mod policy_tools;
mod replay;
mod replicas;
mod sandbox;
mod slack;
mod slack_refuses;
mod storm;
mod worker;
