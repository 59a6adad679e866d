//! Tests of the whole, over a real Postgres.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod embedded;
