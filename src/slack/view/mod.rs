//! What people see in Slack: pure functions from state to blocks. No I/O and no clock; whoever
//! calls brings the time and the faces.
//!
//! [`card`] is the message that a request has in its channel, [`story`] the lines of its thread,
//! [`dm`] what one person is told directly, [`digest`] what they are told by schedule, [`modal`] the dialogs, [`home`] the App Home tab, [`reply`] the answers that only
//! the person who typed or clicked sees. What it says stands in [`text`]; whatever a person typed
//! goes through [`escape`]. Everything is cut to Slack's limits here, so Slack refuses nothing.

pub mod ask;
pub mod card;
pub(in crate::slack) mod choices;
pub mod content;
pub mod digest;
pub mod dm;
pub mod escape;
pub mod faces;
pub mod history;
pub mod home;
pub mod ids;
mod kept;
pub mod modal;
pub mod page;
pub mod reply;
pub mod review_card;
pub mod text;
pub mod why_me;
pub mod workspace;

#[cfg(test)]
mod answers;
/// No view is without a test that looks at it.
#[cfg(test)]
#[path = "../../../tests/slack/every_view.rs"]
mod every_view;
#[cfg(test)]
mod extremes;
#[cfg(test)]
mod lint;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use content::Content;
pub use faces::{Face, Faces};
pub use kept::Kept;
pub use text::story;
