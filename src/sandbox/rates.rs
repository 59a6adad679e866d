//! How fast the Web API may be called, where a test wants it to have limits.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// A limit of one method: so many calls at once, and then as many as come back with time. Messages
/// are counted by channel, everything else for the whole workspace, as Slack does.
#[derive(Debug, Clone)]
pub struct Rate {
    /// The method, such as `chat.postMessage`.
    pub method: String,
    /// How many calls go through at once.
    pub burst: u32,
    /// How many come back in a minute. Never 0.
    pub a_minute: u32,
}

/// What was used up of each limit.
#[derive(Default)]
pub(super) struct Rates {
    limits: Vec<Rate>,
    /// When all of it will have come back.
    full_at: HashMap<(String, Option<String>), Instant>,
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
        let rate = self.limits.iter().find(|rate| rate.method == method)?;
        let each = Duration::from_mins(1) / rate.a_minute.max(1);
        let by_place = method == "chat.postMessage";
        let key = (
            method.to_owned(),
            place.filter(|_| by_place).map(str::to_owned),
        );
        let now = Instant::now();
        let full_at = self.full_at.get(&key).map_or(now, |at| (*at).max(now));
        let used_up = full_at + each;
        let room = now + each * rate.burst.max(1);
        if room < used_up {
            let wait = used_up - room;
            return Some(wait.as_secs().max(1));
        }
        self.full_at.insert(key, used_up);
        None
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
        }]);
        let mut post = |place: &str| rates.take("chat.postMessage", Some(place));
        assert_eq!([post("C1"), post("C1"), post("C1")], [None; 3]);
        assert_eq!((post("C1"), post("C2")), (Some(1), None));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!([post("C1"), post("C1"), post("C1")], [None, None, Some(1)]);
    }
}
