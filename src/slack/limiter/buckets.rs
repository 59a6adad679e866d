//! Turns that are used up and come back with time.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::Key;

/// Beyond so many buckets, those that are full again are forgotten.
const KEPT: usize = 5_000;

/// So many turns at once, and then as many as come back with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quota {
    /// How long until one turn has come back.
    pub(super) each: Duration,
    pub(super) burst: u32,
}

/// Of each bucket that is not full, when all of it will have come back.
///
/// A turn may need room in several buckets at once and then takes from all of them or from none, which
/// is why no library counts here: those that we know take from a bucket as they look into it.
#[derive(Debug, Default)]
pub(super) struct Buckets(HashMap<Key, Instant>);

impl Buckets {
    /// How long until there is a turn; none where there is one now.
    pub(super) fn wait(&self, key: &Key, quota: Quota, now: Instant) -> Option<Duration> {
        let room = now + quota.each * quota.burst;
        let wait = self.used(key, quota, now).saturating_duration_since(room);
        (!wait.is_zero()).then_some(wait)
    }

    /// Uses up a turn, also where there is none: then later ones come later.
    pub(super) fn spend(&mut self, key: &Key, quota: Quota, now: Instant) {
        if KEPT < self.0.len() {
            self.0.retain(|_, full_at| now < *full_at);
        }
        let used = self.used(key, quota, now);
        self.0.insert(key.clone(), used);
    }

    /// When all will have come back after one more turn.
    fn used(&self, key: &Key, quota: Quota, now: Instant) -> Instant {
        let full_at = self.0.get(key).map_or(now, |full_at| now.max(*full_at));
        full_at + quota.each
    }
}
