//! The rooms of Slack over the stand-in: what comes in, what goes out, and a whole bot in between.

mod bot;
mod client;
mod conversation;
mod directory;
mod faults;
mod http;
mod meaning_asks;
mod meaning_cards;
mod meaning_reload;
mod references;
mod socket;
mod sources;
