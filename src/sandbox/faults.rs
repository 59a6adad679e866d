//! What can be made to go wrong.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A fault in answering the Web API, for the next few calls of a method.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fault {
    /// The method, such as `chat.postMessage`; `*` for any, `response_url` for those.
    pub method: String,
    /// How many calls it meets before it is used up.
    #[serde(default = "once")]
    pub times: u32,
    /// What goes wrong.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// Only calls whose `channel` argument is this one.
    #[serde(default)]
    pub channel: Option<String>,
}

fn once() -> u32 {
    1
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum FaultKind {
    /// 429 with `Retry-After`.
    RateLimited {
        /// Seconds to wait.
        retry_after: u64,
    },
    /// A bare HTTP status, such as 503, with no JSON in it.
    Status {
        /// The status.
        status: u16,
    },
    /// 200 with `ok: false` and this code.
    Error {
        /// The code, such as `not_in_channel`.
        error: String,
    },
    /// Nothing is done and nothing is answered; the connection stays open.
    Hang,
    /// Done, but answered only after this pause.
    Delay {
        /// Milliseconds.
        millis: u64,
    },
    /// Done, but never answered; the connection stays open.
    DoneThenHang,
    /// Done, but the connection is cut in the middle of the answer.
    DoneThenCut,
    /// Done, but answered with this bare HTTP status.
    DoneThenStatus {
        /// The status.
        status: u16,
    },
}

impl Fault {
    /// A fault that meets the next call of `method`.
    #[must_use]
    pub fn once(method: &str, kind: FaultKind) -> Self {
        Self {
            method: method.into(),
            times: 1,
            kind,
            channel: None,
        }
    }

    /// A fault that meets the next `times` calls of `method`.
    #[must_use]
    pub fn times(method: &str, times: u32, kind: FaultKind) -> Self {
        Self {
            method: method.into(),
            times,
            kind,
            channel: None,
        }
    }

    /// The same, for calls about one channel only.
    #[must_use]
    pub fn in_channel(mut self, channel: &str) -> Self {
        self.channel = Some(channel.into());
        self
    }

    fn meets(&self, method: &str, channel: Option<&str>) -> bool {
        let method_fits = self.method == "*" || self.method == method;
        let channel_fits = self.channel.is_none() || self.channel.as_deref() == channel;
        self.times > 0 && method_fits && channel_fits
    }
}

impl FaultKind {
    /// How long an answer is held back, if it is.
    pub(super) fn pause(&self) -> Option<Duration> {
        match self {
            Self::Delay { millis } => Some(Duration::from_millis(*millis)),
            _ => None,
        }
    }
}

/// Takes the first fault that meets this call, counting it down.
pub(super) fn take(
    faults: &mut Vec<Fault>,
    method: &str,
    channel: Option<&str>,
) -> Option<FaultKind> {
    let fault = faults
        .iter_mut()
        .find(|fault| fault.meets(method, channel))?;
    fault.times -= 1;
    let kind = fault.kind.clone();
    faults.retain(|fault| fault.times > 0);
    Some(kind)
}

/// Faults in what is delivered to the bot. Each number counts down to 0.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Outward {
    /// This many deliveries arrive twice.
    pub duplicate: u32,
    /// This many acknowledgements get lost on the way back: the bot answered, Slack did not hear.
    pub lose_acks: u32,
}

impl Outward {
    pub(super) fn take_duplicate(&mut self) -> bool {
        take_one(&mut self.duplicate)
    }

    pub(super) fn take_lost_ack(&mut self) -> bool {
        take_one(&mut self.lose_acks)
    }
}

fn take_one(counter: &mut u32) -> bool {
    let had_one = *counter > 0;
    *counter = counter.saturating_sub(1);
    had_one
}
