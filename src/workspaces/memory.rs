//! What this process remembers of the tokens: those that it used lately, pairs that Slack gave and the
//! database has not taken yet, and what Slack last said to an exchange. Nothing here waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::slack::client::{Granted, SlackFault};

/// By the schema of the installation.
#[derive(Default)]
pub(super) struct Memory(Mutex<HashMap<String, Kept>>);

/// What is remembered of one installation.
#[derive(Default)]
struct Kept {
    known: Option<Known>,
    unstored: Option<Arc<Pair>>,
    failed: Option<(Instant, SlackFault)>,
    alone: Arc<tokio::sync::Mutex<()>>,
}

struct Known {
    token: SecretString,
    until: Instant,
}

/// What Slack gave in exchange for a refresh token, which is worth nothing since.
pub(super) struct Pair {
    /// The refresh token that it was got with.
    pub(super) former: SecretString,
    /// What was given.
    pub(super) granted: Granted,
    /// When, by the database's clock.
    pub(super) at: DateTime<Utc>,
    /// Until when the token is good.
    pub(super) until: Instant,
}

impl Memory {
    /// Whoever holds it is the only one of this process who exchanges or stores that token.
    pub(super) fn alone(&self, house: &str) -> Arc<tokio::sync::Mutex<()>> {
        self.change(house, |kept| Arc::clone(&kept.alone))
    }

    /// A token that may be used without a look at the database, and is not the one that Slack refused.
    pub(super) fn token(
        &self,
        house: &str,
        refused: Option<&SecretString>,
    ) -> Option<SecretString> {
        let now = Instant::now();
        let all = self.lock();
        let kept = all.get(house)?;
        let unstored = kept.unstored.as_ref();
        let unstored = unstored.filter(|pair| now < pair.until);
        let unstored = unstored.map(|pair| &pair.granted.token);
        let known = kept.known.as_ref();
        let known = known.filter(|known| now < known.until);
        let mut tokens = unstored.into_iter().chain(known.map(|known| &known.token));
        let refused = refused.map(ExposeSecret::expose_secret);
        let good = tokens.find(|token| Some(token.expose_secret()) != refused);
        good.cloned()
    }

    /// Remembers a token that is stored.
    pub(super) fn remember(&self, house: &str, token: &SecretString, life: Duration) {
        let token = token.clone();
        let until = Instant::now() + life;
        self.change(house, |kept| kept.known = Some(Known { token, until }));
    }

    /// Remembers a pair that is not stored.
    pub(super) fn hold(&self, house: &str, pair: &Arc<Pair>) {
        let unstored = Some(Arc::clone(pair));
        self.change(house, |kept| {
            kept.unstored = unstored;
            kept.failed = None;
        });
    }

    /// The pair that is not stored.
    pub(super) fn unstored(&self, house: &str) -> Option<Arc<Pair>> {
        self.lock().get(house)?.unstored.clone()
    }

    /// Every installation with a pair that is not stored.
    pub(super) fn all_unstored(&self) -> Vec<String> {
        let all = self.lock();
        let unstored = all.iter().filter(|(_, kept)| kept.unstored.is_some());
        unstored.map(|(house, _)| house.clone()).collect()
    }

    /// That pair is stored, or there is no place for it any more.
    pub(super) fn settle(&self, house: &str, pair: &Arc<Pair>) {
        self.change(house, |kept| {
            if kept
                .unstored
                .as_ref()
                .is_some_and(|held| Arc::ptr_eq(held, pair))
            {
                kept.unstored = None;
            }
        });
    }

    /// What Slack said to an exchange.
    pub(super) fn failed(&self, house: &str, fault: &SlackFault) {
        let failed = Some((Instant::now(), fault.clone()));
        self.change(house, |kept| kept.failed = failed);
    }

    /// What Slack said to an exchange so lately that it is not asked again yet.
    pub(super) fn rests(&self, house: &str, pause: Duration) -> Option<SlackFault> {
        let all = self.lock();
        let (at, fault) = all.get(house)?.failed.as_ref()?;
        let pause = match fault {
            SlackFault::RateLimited { retry_after } => pause.max(*retry_after),
            _ => pause,
        };
        (at.elapsed() < pause).then(|| fault.clone())
    }

    /// Forgets all of it: the app was installed again there, or is not installed any more.
    pub(super) fn forget(&self, house: &str) {
        self.change(house, |kept| {
            // Who is at work on it goes on being the only one.
            let alone = Arc::clone(&kept.alone);
            *kept = Kept {
                alone,
                ..Kept::default()
            };
        });
    }

    /// Forgets the token, so that the next to want it looks at the database.
    pub(super) fn distrust(&self, house: &str) {
        self.change(house, |kept| kept.known = None);
    }

    fn change<T>(&self, house: &str, change: impl FnOnce(&mut Kept) -> T) -> T {
        change(self.lock().entry(house.to_owned()).or_default())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
