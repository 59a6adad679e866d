//! How fast the Web API may be called, where a test wants it to have limits.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// A limit of one method: so many calls at once, and then as many as come back with time. Messages
/// are counted by channel, everything else for the whole workspace, as Slack does. A method may have
/// several: then there has to be room in each.
#[derive(Debug, Clone)]
pub struct Rate {
    /// The method, such as `chat.postMessage`.
    pub method: String,
    /// How many calls go through at once.
    pub burst: u32,
    /// How many come back in a minute. Never 0.
    pub a_minute: u32,
    /// Whether messages, too, are counted for the whole workspace.
    pub whole: bool,
}

/// What was used up of each limit.
#[derive(Default)]
pub(super) struct Rates {
    limits: Vec<Rate>,
    /// When all of it will have come back, by limit and place.
    full_at: HashMap<(usize, Option<String>), Instant>,
}

impl Rates {
    pub(super) fn set(&mut self, limits: Vec<Rate>) {
        *self = Self {
            limits,
            full_at: HashMap::new(),
        };
    }

    /// Counts a call; answers in how many seconds it may come again where it came too soon.
    pub(super) fn take(&mut self, method: &str, place: Option<&str>) -> Option<u64> {
        let now = Instant::now();
        let limits = self.limits.iter().enumerate();
        let limits = limits.filter(|(_, rate)| rate.method == method);
        let mut used = Vec::new();
        let mut wait = Duration::ZERO;
        for (number, rate) in limits {
            let each = Duration::from_mins(1) / rate.a_minute.max(1);
            let by_place = method == "chat.postMessage" && !rate.whole;
            let key = (number, place.filter(|_| by_place).map(str::to_owned));
            let full_at = self.full_at.get(&key).map_or(now, |at| (*at).max(now));
            let room = now + each * rate.burst.max(1);
            wait = wait.max((full_at + each).saturating_duration_since(room));
            used.push((key, full_at + each));
        }
        if wait.is_zero() {
            self.full_at.extend(used);
            return None;
        }
        Some(wait.as_secs() + u64::from(0 < wait.subsec_nanos()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_through_and_comes_back_with_time() {
        let mut rates = Rates::default();
        assert_eq!(rates.take("chat.postMessage", None), None, "no limit");
        rates.set(vec![Rate {
            method: "chat.postMessage".into(),
            burst: 3,
            a_minute: 60,
            whole: false,
        }]);
        let mut post = |place: &str| rates.take("chat.postMessage", Some(place));
        assert_eq!([post("C1"), post("C1"), post("C1")], [None; 3]);
        assert_eq!((post("C1"), post("C2")), (Some(1), None));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!([post("C1"), post("C1"), post("C1")], [None, None, Some(1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_needs_room_in_its_channel_and_in_the_workspace() {
        let mut rates = Rates::default();
        let rate = |burst, whole| Rate {
            method: "chat.postMessage".into(),
            burst,
            a_minute: 60,
            whole,
        };
        rates.set(vec![rate(2, false), rate(3, true)]);
        let mut post = |place: &str| rates.take("chat.postMessage", Some(place));
        assert_eq!([post("C1"), post("C1"), post("C1")], [None, None, Some(1)]);
        assert_eq!(
            [post("C2"), post("C2"), post("C3")],
            [None, Some(1), Some(1)]
        );
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!([post("C3"), post("C3")], [None, Some(1)]);
    }
}
