//! How fast Slack may be called: one bucket per method and, for messages, one per channel besides one for
//! all of them.
//!
//! A wait for one key never holds up another. Whoever would have to wait for longer than they have
//! patience is told at once when to come again, so that they can do something else meanwhile; so is
//! everybody while Slack has a key rest (`Retry-After`). Many who wait for one key are told different
//! times, since a turn comes up one after the other.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use buckets::{Buckets, Quota};

mod buckets;

/// Beyond so many keys, those that rest are forgotten.
const KEYS_KEPT: usize = 5_000;
/// How far ahead turns are told apart. Whoever comes later is told this time, and comes again.
const AHEAD: Duration = Duration::from_secs(30);
/// Where Slack has so many channels of a method rest within this time, it means the method.
const SEVERAL: usize = 3;
const AT_ONCE: Duration = Duration::from_secs(10);

/// How fast a method may be called, as Slack documents it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Pace {
    /// One a second in each channel, with short bursts, and as [`Pace::Messages`] in all of them.
    Message,
    /// Several hundred a minute, whatever the channels.
    Messages,
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
pub(super) struct Limiter {
    /// None without rates of its own.
    buckets: Option<Mutex<Buckets>>,
    resting: Mutex<HashMap<Key, Rest>>,
    /// The last turn that somebody was told of, by key.
    told: Mutex<HashMap<Key, Instant>>,
}

/// Slack had a key rest.
#[derive(Clone, Copy, Debug)]
struct Rest {
    since: Instant,
    until: Instant,
}

impl Pace {
    /// The rate and the burst. Slack counts by the minute, so a minute may be used up at once.
    fn quota(self) -> Quota {
        let (a_minute, burst) = match self {
            Self::Message => (60, 3),
            Self::Messages => (300, 20),
            Self::Tier2 => (20, 20),
            Self::Tier3 => (50, 50),
            Self::Tier4 => (100, 100),
            Self::Special => (300, 50),
        };
        Quota {
            each: Duration::from_mins(1) / a_minute,
            burst,
        }
    }

    /// All that a turn has to be taken of.
    fn turns(self, key: &Key) -> Vec<(Self, Key)> {
        let own = (self, key.clone());
        match self {
            Self::Message => vec![own, (Self::Messages, key.of_all())],
            _ => vec![own],
        }
    }
}

impl Key {
    /// The method, whatever the channel.
    fn of_all(&self) -> Self {
        Self {
            method: self.method,
            channel: None,
        }
    }
}

impl Limiter {
    pub(super) fn new() -> Self {
        Self {
            buckets: Some(Mutex::default()),
            ..Self::unpaced()
        }
    }

    /// Without rates of its own, for a stand-in that has none; `Retry-After` is obeyed all the same.
    pub(super) fn unpaced() -> Self {
        Self {
            buckets: None,
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
        let turns = pace.turns(key);
        loop {
            if let Some(left) = self.rests(&turns) {
                return Err(left);
            }
            let Some((wait, (pace, key))) = self.take(&turns) else {
                return Ok(());
            };
            if latest < Instant::now() + wait {
                return Err(self.tell(*pace, key, wait));
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes all of these turns, or none of them and answers which is furthest, and how long until then.
    fn take<'a>(&self, turns: &'a [(Pace, Key)]) -> Option<(Duration, &'a (Pace, Key))> {
        let mut buckets = lock(self.buckets.as_ref()?);
        let now = Instant::now();
        let missed = turns.iter().filter_map(|turn| {
            let (pace, key) = turn;
            let wait = buckets.wait(key, pace.quota(), now)?;
            Some((wait, turn))
        });
        let furthest = missed.max_by_key(|(wait, _)| *wait);
        if furthest.is_none() {
            for (pace, key) in turns {
                buckets.spend(key, pace.quota(), now);
            }
        }
        furthest
    }

    /// Counts a turn of a channel that was taken under another name of it.
    pub(super) fn taken_elsewhere(&self, key: &Key) {
        if let Some(buckets) = &self.buckets {
            lock(buckets).spend(key, Pace::Message.quota(), Instant::now());
        }
    }

    /// When somebody is to come again: one turn after whoever was told so before them.
    fn tell(&self, pace: Pace, key: &Key, wait: Duration) -> Duration {
        let now = Instant::now();
        let mut told = lock(&self.told);
        if KEYS_KEPT < told.len() {
            told.retain(|_, at| now < *at);
        }
        let next = told.get(key).map(|at| *at + pace.quota().each);
        let at = next.map_or(now + wait, |next| next.max(now + wait));
        let at = at.min(now + wait.max(AHEAD));
        told.insert(key.clone(), at);
        at.saturating_duration_since(now)
    }

    /// Lets the key rest for as long as Slack said; where it said so of several channels, all of them.
    pub(super) fn rest(&self, key: Key, time: Duration) {
        let mut resting = lock(&self.resting);
        let now = Instant::now();
        resting.retain(|_, rest| now < rest.until || rest.since.elapsed() < AT_ONCE);
        let rest = Rest {
            since: now,
            until: now + time,
        };
        let all = key.of_all();
        resting.insert(key, rest);
        let channels = resting.iter().filter(|(key, rest)| {
            key.method == all.method && key.channel.is_some() && rest.since.elapsed() < AT_ONCE
        });
        let several = SEVERAL <= channels.clone().count();
        let longest = channels.map(|(_, rest)| rest.until).max();
        let longest = longest
            .into_iter()
            .chain(resting.get(&all).map(|rest| rest.until));
        if let (true, Some(until)) = (several, longest.max()) {
            resting.insert(all, Rest { until, ..rest });
        }
    }

    fn rests(&self, turns: &[(Pace, Key)]) -> Option<Duration> {
        let resting = lock(&self.resting);
        let rests = turns.iter().filter_map(|(_, key)| resting.get(key));
        let left = rests.map(|rest| rest.until.saturating_duration_since(Instant::now()));
        left.max().filter(|left| !left.is_zero())
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
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
    async fn where_several_channels_rest_the_others_rest_as_long_as_the_longest() {
        let limiter = Limiter::new();
        for (channel, seconds) in [("C1", 30), ("C2", 30), ("C3", 1), ("C4", 1)] {
            limiter.rest(key(channel), Duration::from_secs(seconds));
        }
        let left = at_once(&limiter, "C5").expect("nobody waits").unwrap_err();
        assert_eq!(left, Duration::from_secs(30));
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

    #[tokio::test(start_paused = true)]
    async fn all_channels_together_have_a_pace_and_are_told_at_once_when_to_come_again() {
        let limiter = Limiter::new();
        let mut told = Vec::new();
        for channel in 0..40 {
            let key = key(&format!("C{channel}"));
            let turn = limiter.turn(Pace::Message, &key, Duration::ZERO);
            told.extend(turn.await.err());
        }
        let turns = (1..=20).map(|turn| turn * Duration::from_millis(200));
        assert_eq!(told, turns.collect::<Vec<_>>(), "the burst comes first");
        let next = told[0];
        tokio::time::advance(next).await;
        assert_eq!(at_once(&limiter, "C39"), Some(Ok(())), "as it was told");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_all_takes_nothing_of_their_channel() {
        let limiter = Limiter::new();
        for channel in 0..20 {
            assert_eq!(at_once(&limiter, &format!("C{channel}")), Some(Ok(())));
        }
        for _ in 0..10 {
            let key = key("C");
            let turn = limiter.turn(Pace::Message, &key, Duration::ZERO);
            assert!(turn.await.is_err());
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        for _ in 0..3 {
            assert_eq!(at_once(&limiter, "C"), Some(Ok(())), "its whole burst");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn where_several_channels_must_rest_at_once_all_do() {
        let limiter = Limiter::new();
        let told = Duration::from_secs(20);
        limiter.rest(key("C1"), told);
        limiter.rest(key("C2"), told);
        assert_eq!(at_once(&limiter, "C4"), Some(Ok(())), "two by themselves");
        limiter.rest(key("C3"), told);
        assert_eq!(at_once(&limiter, "C4"), Some(Err(told)));
        tokio::time::advance(told).await;
        assert_eq!(at_once(&limiter, "C4"), Some(Ok(())));
        limiter.rest(key("C5"), told);
        assert_eq!(at_once(&limiter, "C4"), Some(Ok(())), "that is long ago");
    }
}
