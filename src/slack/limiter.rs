//! How fast Slack may be called: one bucket per method and, for messages, per channel.
//!
//! A wait for one key never holds up another. Whoever would have to wait for longer than they have
//! patience is told at once when to come again, so that they can do something else meanwhile; so is
//! everybody while Slack has a key rest (`Retry-After`). Many who wait for one key are told different
//! times, since a turn comes up one after the other.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

/// Beyond so many keys, those that rest are forgotten.
const KEYS_KEPT: usize = 5_000;
/// How far ahead turns are told apart. Whoever comes later is told this time, and comes again.
const AHEAD: Duration = Duration::from_secs(30);

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

type Bucket =
    RateLimiter<Key, DefaultKeyedStateStore<Key>, Ticking, NoOpMiddleware<std::time::Instant>>;

/// The buckets of one workspace's token.
pub(super) struct Limiter {
    buckets: HashMap<Pace, Bucket>,
    resting: Mutex<HashMap<Key, Instant>>,
    /// The last turn that somebody was told of, by key.
    told: Mutex<HashMap<Key, Instant>>,
}

/// The clock that everything else here waits by.
#[derive(Clone, Copy, Debug)]
struct Ticking;

impl Clock for Ticking {
    type Instant = std::time::Instant;

    fn now(&self) -> Self::Instant {
        Instant::now().into_std()
    }
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
        let bucket = |pace: Pace| {
            let bucket = RateLimiter::dashmap_with_clock(pace.quota(), Ticking);
            (pace, bucket)
        };
        Self {
            buckets: Pace::ALL.map(bucket).into(),
            resting: Mutex::default(),
            told: Mutex::default(),
        }
    }

    /// Without rates of its own, for a stand-in that has none; `Retry-After` is obeyed all the same.
    pub(super) fn unpaced() -> Self {
        Self {
            buckets: HashMap::new(),
            resting: Mutex::default(),
            told: Mutex::default(),
        }
    }

    /// Waits for the key's turn, where it comes within that patience. Otherwise, and where Slack told
    /// the key to rest, says at once when to come again.
    pub(super) async fn turn(
        &self,
        pace: Pace,
        key: &Key,
        patience: Duration,
    ) -> Result<(), Duration> {
        let latest = Instant::now() + patience;
        loop {
            if let Some(left) = self.rests(key) {
                return Err(left);
            }
            let Some(wait) = self.take(pace, key) else {
                return Ok(());
            };
            if latest < Instant::now() + wait {
                return Err(self.tell(pace, key, wait));
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes a turn, or answers how long until there can be one.
    fn take(&self, pace: Pace, key: &Key) -> Option<Duration> {
        let bucket = self.buckets.get(&pace)?;
        if KEYS_KEPT < bucket.len() {
            bucket.retain_recent();
        }
        let missed = bucket.check_key(key).err()?;
        // Never none at all, so that nobody comes again in the same moment for ever.
        Some(missed.wait_time_from(Ticking.now()) + Duration::from_millis(1))
    }

    /// When somebody is to come again: one turn after whoever was told so before them.
    fn tell(&self, pace: Pace, key: &Key, wait: Duration) -> Duration {
        let now = Instant::now();
        let mut told = lock(&self.told);
        if KEYS_KEPT < told.len() {
            told.retain(|_, at| now < *at);
        }
        let next = told
            .get(key)
            .map(|at| *at + pace.quota().replenish_interval());
        let at = next.map_or(now + wait, |next| next.max(now + wait));
        let at = at.min(now + wait.max(AHEAD));
        told.insert(key.clone(), at);
        at.saturating_duration_since(now)
    }

    /// Lets the key rest for as long as Slack said.
    pub(super) fn rest(&self, key: Key, time: Duration) {
        let mut resting = lock(&self.resting);
        let now = Instant::now();
        resting.retain(|_, until| now < *until);
        resting.insert(key, now + time);
    }

    fn rests(&self, key: &Key) -> Option<Duration> {
        let until = *lock(&self.resting).get(key)?;
        let left = until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }
}

fn lock(of: &Mutex<HashMap<Key, Instant>>) -> MutexGuard<'_, HashMap<Key, Instant>> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
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

    const MOMENT: Duration = Duration::from_millis(300);

    /// Whether it is the key's turn, answered at once.
    fn at_once(limiter: &Limiter, channel: &str) -> Option<Result<(), Duration>> {
        let key = key(channel);
        let turn = limiter.turn(Pace::Message, &key, MOMENT);
        turn.now_or_never()
    }

    #[tokio::test]
    async fn a_busy_channel_does_not_hold_up_another() {
        let limiter = Limiter::new();
        while at_once(&limiter, "C1") == Some(Ok(())) {}
        assert_eq!(at_once(&limiter, "C2"), Some(Ok(())));
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_channel_says_at_once_when_to_come_again() {
        let limiter = Limiter::new();
        let mut told = Vec::new();
        while told.len() < 40 {
            match at_once(&limiter, "C1").expect("nobody waits") {
                Ok(()) => assert!(told.is_empty(), "the burst comes first"),
                Err(wait) => told.push(wait),
            }
        }
        for (turn, wait) in (1..).map(Duration::from_secs).zip(&told) {
            let due = turn.min(AHEAD);
            assert!(due <= *wait + MOMENT && *wait <= due + MOMENT, "{told:?}");
        }
        assert_eq!(at_once(&limiter, "C2"), Some(Ok(())), "another channel");
        tokio::time::advance(told[0]).await;
        assert_eq!(at_once(&limiter, "C1"), Some(Ok(())), "as it was told");
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_comes_within_the_patience_is_waited_for() {
        let limiter = Limiter::new();
        while at_once(&limiter, "C1") == Some(Ok(())) {}
        let begun = Instant::now();
        let patience = Duration::from_secs(10);
        let turn = limiter.turn(Pace::Message, &key("C1"), patience).await;
        assert_eq!(turn, Ok(()));
        assert!(begun.elapsed() < Duration::from_secs(2));
    }

    #[tokio::test]
    async fn a_resting_key_answers_at_once_and_rests_no_longer_than_told() {
        let limiter = Limiter::new();
        limiter.rest(key("C1"), Duration::from_secs(30));
        let told = at_once(&limiter, "C1");
        let left = told.expect("at once").expect_err("resting");
        assert!(left <= Duration::from_secs(30) && Duration::from_secs(25) < left);
        assert_eq!(at_once(&limiter, "C2"), Some(Ok(())));
        limiter.rest(key("C1"), Duration::ZERO);
        assert_eq!(at_once(&limiter, "C1"), Some(Ok(())));
    }
}
