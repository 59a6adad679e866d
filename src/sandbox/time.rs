//! The one place where the stand-in reads the machine's clock.
//!
//! Slack is the outside world to a bot, and the outside world has its own idea of the time.

use chrono::{DateTime, Utc};

#[expect(
    clippy::disallowed_methods,
    reason = "Slack's own clock, which no bot controls"
)]
pub(super) fn now() -> DateTime<Utc> {
    Utc::now()
}
