//! Every integration test, in one binary: it links once and starts one Postgres.

#![expect(
    unreachable_pub,
    reason = "one binary: nothing here is anybody's interface"
)]

#[cfg(test)]
mod cli;
#[cfg(test)]
mod connectors;
#[cfg(test)]
mod embedded;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod sandbox;
#[cfg(test)]
mod slack;
#[cfg(test)]
mod worker;
