//! What the ways in (HTTP and Socket Mode) and the work behind them say to each other.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::Value;

use super::payload::Delivery;

/// Takes a delivery in: records it, begins the work, and says what to answer Slack. It returns
/// within Slack's three seconds and leaves longer work running behind.
pub type Receive = Arc<dyn Fn(Delivery) -> BoxFuture<'static, Answer> + Send + Sync>;

/// What to answer Slack.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It is recorded, or needs no record.
    Ack,
    /// The same, with something to show at once (faults of a modal, options of a select).
    AckWith(Value),
    /// It could not be recorded. It is not acknowledged, so that Slack delivers it again or shows
    /// that it did not work.
    NotRecorded,
    /// It comes from a workspace that is not ours. Nothing was done.
    Foreign,
}
