//! The rooms of Slack over the stand-in: what comes in, what goes out, and a whole bot in between.

mod asking_modal;
mod bot;
mod client;
mod conversation;
mod deciding;
mod directory;
mod explaining;
mod faults;
mod finishing;
mod having;
mod history;
mod home;
mod http;
mod looked_at;
mod meaning_asks;
mod meaning_cards;
mod meaning_conditions;
mod meaning_reload;
mod references;
mod socket;
mod sources;
mod strangers;
mod stuck;
mod town;
mod workspaces;
