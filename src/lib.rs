//! jitbot: just-in-time access, asked for and approved in Slack, really given, and really taken
//! away on time. This page is the map of the house.
//!
//! # The one way
//!
//! ```text
//!  slack ─┐                               ┌─> requests + grants │ ledger │ outbox   (one transaction)
//!  cli   ─┼─> Command ─> engine ─> decide ┤
//!  clock ─┘                 ▲             └─> Refusal ─> words for the person who asked
//!                           │                                     outbox
//!                           └─ report ─ worker <── Converge(access) ──> connectors ──> target
//!                                              <── SyncCard(request) ─> slack::client ─> Slack
//! ```
//!
//! Every cause becomes a [`Command`](domain::Command). The [`engine`] locks the request's row, lets
//! the pure [`decide`](domain::decide()) decide, and saves state, ledger and outbox together or not
//! at all. A [`worker`] carries out what stands in the outbox, and its report comes back as a
//! command. There is no other way for anything to change.
//!
//! # Rooms, in reading order
//!
//! 1. [`domain`]: the rules as plain values. Start with `request`, `grant` and `decide`.
//! 2. [`policy`]: who may ask for what, and who decides; from YAML, with every fault told at once.
//! 3. [`store`]: all SQL of our own database, and nothing else. [`clock`]: what time it is there.
//! 4. [`engine`]: the only writer.
//! 5. [`slack`]: what comes in (`http`, `socket`, `payload`, `grammar`, `intake`, `handlers`) and
//!    what goes out (`view`, `client`, `limiter`). [`directory`]: who people are.
//! 6. [`outward`]: calls to addresses that the policy names, kept away from what is internal.
//!    [`connectors`]: how a target is made to hold an access or not: `postgres`, `webhook`.
//! 7. [`worker`]: all that runs by itself: deadlines, deliveries of effects, retries.
//! 8. [`ledger`]: what can be shown to somebody who trusts neither this program nor its database.
//! 9. [`workspaces`]: installations by OAuth, and the token of each.
//! 10. [`web`], [`config`], [`embedded`], [`cli`]: health and numbers, settings, a private Postgres,
//!     and the program that puts everything together.
//! 11. `sandbox`: a stand-in for Slack, for the demo and the tests. It uses nothing of the above:
//!     bot and stand-in meet only over Slack's protocol.
//!
//! Who may use whom is a table in `tests/it/architecture.rs`, with the reasons in `ARCHITECTURE.md`.
//!
//! # What always holds
//!
//! - Nobody has access without enough recorded approvals of other people (`domain::properties`).
//! - A grant ends only when its target was asked and the access is verified gone; until then the
//!   removal is tried again, for ever, and loudly.
//! - State, ledger entry and effect of a change are committed together.
//! - An effect names a thing, never its value; doing it twice, late or out of order is harmless.
//! - Deadlines are columns, compared with the database's clock.
//! - What cannot be read is never a yes.

pub mod cli;
pub mod clock;
pub mod config;
pub mod connectors;
pub mod directory;
pub mod domain;
pub mod embedded;
pub mod engine;
pub mod ledger;
pub mod outward;
pub mod policy;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod slack;
pub mod store;
pub mod web;
pub mod worker;
pub mod workspaces;
