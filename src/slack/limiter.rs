//! How fast Slack may be called: one bucket per method and, for messages, per channel.
//!
//! A wait for one key never holds up another. When Slack says for how long a key has to rest
//! (`Retry-After`), calls under that key are answered at once with the time that is left, so that
//! whoever carries them out can do something else meanwhile.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota};
use tokio::time::Instant;

/// Beyond so many keys, those that rest are forgotten.
const KEYS_KEPT: usize = 5_000;

/// How fast a method may be called, as Slack documents it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Pace {
    /// One a second in each channel, with short bursts.
    Message,
    /// 20 a minute.
    Tier2,
    /// 50 a minute.
    Tier3,
    /// 100 a minute.
    Tier4,
    /// Hundreds a minute.
    Special,
}

/// What is counted together: a method, and the channel for messages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) method: &'static str,
    pub(super) channel: Option<String>,
}

/// The buckets of one workspace's token.
#[derive(Debug)]
pub(super) struct Limiter {
    buckets: HashMap<Pace, DefaultKeyedRateLimiter<Key>>,
    resting: Mutex<HashMap<Key, Instant>>,
}

impl Pace {
    const ALL: [Self; 5] = [
        Self::Message,
        Self::Tier2,
        Self::Tier3,
        Self::Tier4,
        Self::Special,
    ];

    /// The rate and the burst. Slack counts by the minute, so a minute may be used up at once.
    fn quota(self) -> Quota {
        let (a_minute, burst) = match self {
            Self::Message => (60, 3),
            Self::Tier2 => (20, 20),
            Self::Tier3 => (50, 50),
            Self::Tier4 => (100, 100),
            Self::Special => (300, 50),
        };
        let number = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        Quota::per_minute(number(a_minute)).allow_burst(number(burst))
    }
}

impl Limiter {
    pub(super) fn new() -> Self {
        let bucket = |pace: Pace| (pace, DefaultKeyedRateLimiter::keyed(pace.quota()));
        Self {
            buckets: Pace::ALL.map(bucket).into(),
            resting: Mutex::default(),
        }
    }

    /// Without rates of its own, for a stand-in that has none; `Retry-After` is obeyed all the same.
    pub(super) fn unpaced() -> Self {
        Self {
            buckets: HashMap::new(),
            resting: Mutex::default(),
        }
    }

    /// Waits for the key's turn. When Slack told the key to rest, says at once how much longer.
    pub(super) async fn turn(&self, pace: Pace, key: &Key) -> Result<(), Duration> {
        if let Some(left) = self.rests(key) {
            return Err(left);
        }
        if let Some(bucket) = self.buckets.get(&pace) {
            bucket.until_key_ready(key).await;
            if bucket.len() > KEYS_KEPT {
                bucket.retain_recent();
            }
        }
        self.rests(key).map_or(Ok(()), Err)
    }

    /// Lets the key rest for as long as Slack said.
    pub(super) fn rest(&self, key: Key, time: Duration) {
        let mut resting = self.resting();
        let now = Instant::now();
        resting.retain(|_, until| now < *until);
        resting.insert(key, now + time);
    }

    fn rests(&self, key: &Key) -> Option<Duration> {
        let until = *self.resting().get(key)?;
        let left = until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    fn resting(&self) -> MutexGuard<'_, HashMap<Key, Instant>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn key(channel: &str) -> Key {
        Key {
            method: "chat.postMessage",
            channel: Some(channel.to_owned()),
        }
    }

    #[tokio::test]
    async fn a_busy_channel_does_not_hold_up_another() {
        let limiter = Limiter::new();
        let busy = key("C1");
        while limiter.turn(Pace::Message, &busy).now_or_never().is_some() {}
        let other = limiter.turn(Pace::Message, &key("C2")).now_or_never();
        assert_eq!(other, Some(Ok(())));
    }

    #[tokio::test]
    async fn a_resting_key_answers_at_once_and_rests_no_longer_than_told() {
        let limiter = Limiter::new();
        limiter.rest(key("C1"), Duration::from_secs(30));
        let told = limiter.turn(Pace::Message, &key("C1")).now_or_never();
        let left = told.expect("at once").expect_err("resting");
        assert!(left <= Duration::from_secs(30) && Duration::from_secs(25) < left);
        let other = limiter.turn(Pace::Message, &key("C2")).now_or_never();
        assert_eq!(other, Some(Ok(())));
        limiter.rest(key("C1"), Duration::ZERO);
        let after = limiter.turn(Pace::Message, &key("C1")).now_or_never();
        assert_eq!(after, Some(Ok(())));
    }
}
