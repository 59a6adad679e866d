//! The rooms of Slack over the stand-in: what comes in, what goes out, and a whole bot in between.

mod bot;
mod client;
mod conversation;
mod directory;
mod faults;
mod http;
mod socket;
mod sources;
