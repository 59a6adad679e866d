//! What the tests stand on: a real Postgres, a target that can be made to fail, and a house of
//! the bot's parts whose clock is moved by hand. Nothing here waits for real time.

pub mod crash;
pub mod house;
pub mod log;
pub mod postgres;
pub mod store;
pub mod target;
