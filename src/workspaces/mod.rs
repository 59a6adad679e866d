//! Installations by OAuth: how one begins and ends, and the token of each.
//!
//! A token is sealed before it reaches the database ([`seal`]), opened when it is needed, and kept
//! here for half a minute. Where Slack rotates tokens, the next pair is got ahead of time, by one task
//! of one process: it holds the row, looks again whether it is still due, and stores the pair. What
//! the database does not take at once is used from its memory, and stored when it does.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::slack::client::{OAuth, SlackFault, Tokens};
use crate::store::installations::{InstallationHints, Installed};
use crate::store::{Store, StoreError};

mod home;
mod install;
mod memory;
pub mod seal;
mod token;

pub use home::{home_of, is_of};
pub use install::{Back, Begun, InstallFault};
use memory::Memory;
use seal::{Bound, Keys, SealFault};
use token::Want;

/// How long a token is used without a look at the database.
const TRUSTED: Duration = Duration::from_secs(30);
/// How long before its end a token is exchanged. Slack's live twelve hours; should the answer to an
/// exchange be lost, this is the time that is left to install the app again.
const AHEAD: TimeDelta = TimeDelta::hours(2);

/// How many tokens are exchanged at once.
const AT_ONCE: usize = 6;
/// How far Slack's clock and the database's may be apart: news of an end that came so close to an
/// installation may be about the former one.
const SKEW: TimeDelta = TimeDelta::minutes(5);
/// How long Slack may take to say whether a token is good; it waits three seconds for our answer.
const ASKED: Duration = Duration::from_secs(2);

/// Where the app is installed. Clones are the same.
#[derive(Clone)]
pub struct Installations {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Clock,
    keys: Keys,
    oauth: OAuth,
    /// The bot's own address, without a path.
    public_url: String,
    memory: Memory,
    /// Exchanges under way: nobody who waits for one may break it off.
    exchanges: TaskTracker,
    /// Each exchange holds a connection while Slack answers: some are left for everybody else.
    at_once: Semaphore,
    /// From then on Slack is asked for no token.
    stopping: CancellationToken,
    /// Who may install, by id; none: whoever comes.
    allowed: Option<Vec<String>>,
}

/// Why an installation has no token to use.
#[derive(Debug, thiserror::Error)]
pub enum TokenFault {
    /// The app is not installed there.
    #[error("the app is not installed there any more")]
    NotInstalled,
    /// A token could not be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealFault),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Slack gave none.
    #[error(transparent)]
    Slack(#[from] SlackFault),
}

impl From<TokenFault> for SlackFault {
    fn from(fault: TokenFault) -> Self {
        match fault {
            TokenFault::NotInstalled => Self::not_installed(),
            TokenFault::Seal(fault) => Self::Admin(fault.to_string()),
            TokenFault::Store(_) => Self::Transient("no_token_from_the_database".into()),
            TokenFault::Slack(fault) => fault,
        }
    }
}

impl Installations {
    /// The installations in that database. Their tokens are sealed with these keys; `public_url` is
    /// the address at which browsers and Slack reach this bot.
    pub fn new(store: Store, clock: Clock, keys: Keys, oauth: OAuth, public_url: &str) -> Self {
        let inner = Inner {
            allowed: None,
            store,
            clock,
            keys,
            oauth,
            public_url: public_url.trim_end_matches('/').to_owned(),
            memory: Memory::default(),
            exchanges: TaskTracker::new(),
            at_once: Semaphore::new(AT_ONCE),
            stopping: CancellationToken::new(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The same, where only these workspaces and organisations may install; before anybody comes.
    #[must_use]
    pub fn only_for(mut self, allowed: Option<Vec<String>>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.allowed = allowed;
        }
        self
    }

    /// Whether the bot is reached by TLS, so that cookies may insist on it.
    pub fn is_secure(&self) -> bool {
        self.inner.public_url.starts_with("https://")
    }

    /// Every installation, those included that were uninstalled.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn all(&self) -> Result<Vec<Installed>, StoreError> {
        let rows = self.inner.store.installations().await?;
        // What another process was told has ended is used here no more either.
        for row in rows.iter().filter(|row| row.removed_at.is_some()) {
            self.inner.memory.forget(&row.house);
        }
        Ok(rows)
    }

    /// Hints that an installation has changed in some process.
    ///
    /// # Errors
    /// When the database cannot be listened to.
    pub async fn hints(&self) -> Result<InstallationHints, StoreError> {
        self.inner.store.listen_for_installations().await
    }

    /// The token of an installation, for a client.
    pub fn tokens(&self, house: &str) -> Tokens {
        let (installations, house) = (self.clone(), house.to_owned());
        Arc::new(move |refused| {
            let (installations, house) = (installations.clone(), house.clone());
            async move { installations.token(&house, refused).await }.boxed()
        })
    }

    /// Takes the tokens of an installation away, since Slack says that they are worth nothing any
    /// more. What Slack said before the app was installed again is passed over. Slack goes by its own
    /// clock, so within minutes of an installation it is asked whether the token is good, and that
    /// decides. Answers whether anything changed.
    ///
    /// # Errors
    /// When the database failed, or Slack did not answer: then nothing has changed, and Slack has to
    /// say it again.
    pub async fn uninstalled(
        &self,
        house: &str,
        why: &str,
        said_at: Option<i64>,
    ) -> Result<bool, TokenFault> {
        let inner = &self.inner;
        let is_good = self.is_good_after_all(house, said_at).await?;
        if is_good == Some(true) {
            tracing::info!(
                workspace = house,
                why,
                "that was the former installation; the app is installed again"
            );
            return Ok(false);
        }
        let now = inner.clock.read(&inner.store).await?;
        let said_at = said_at.filter(|_| is_good.is_none());
        let said_at = said_at.and_then(|seconds| DateTime::from_timestamp(seconds, 999_999_999));
        let said_at = said_at.unwrap_or(now);
        let gone = inner.store.uninstall(house, said_at, now, why).await?;
        if gone {
            self.inner.memory.forget(house);
            tracing::warn!(
                workspace = house,
                why,
                "the app was uninstalled; its tokens are wiped"
            );
        }
        Ok(gone)
    }

    /// Whether the token is good, where the app was installed about when that was said; none where
    /// that is long ago, or there is no token to ask with.
    async fn is_good_after_all(
        &self,
        house: &str,
        said_at: Option<i64>,
    ) -> Result<Option<bool>, TokenFault> {
        let row = self.inner.store.installation(house).await?;
        let said_at = said_at.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        let row = row.filter(|row| said_at.is_some_and(|at| (row.installed_at - at).abs() < SKEW));
        let Some(token) = row.and_then(|row| self.open(&row).ok()) else {
            return Ok(None);
        };
        let asking = tokio::time::timeout(ASKED, self.inner.oauth.is_good(&token)).await;
        let silent = || Err(SlackFault::Transient("timeout".into()));
        Ok(Some(asking.unwrap_or_else(|_| silent())?))
    }

    /// Seals every token with the first key that was sealed with another, exchanges every token that
    /// is due, so that no act of a person waits for it, and stores what is not stored yet. Faults are
    /// logged, each for itself.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn look_after_tokens(&self) -> Result<(), StoreError> {
        let inner = &self.inner;
        for house in inner.memory.all_unstored() {
            // That it is not stored is told by who goes on trying, and when that was given up.
            let _ = self.store_unstored(&house).await;
        }
        let now = inner.clock.read(&inner.store).await?;
        for row in self.all().await? {
            let mut sealed = row.bot_token.iter().chain(&row.refresh_token);
            let old = sealed.any(|sealed| inner.keys.is_old(sealed));
            let due = row.refresh_token.is_some() && is_due(row.expires_at, now);
            let due = due && !inner.stopping.is_cancelled();
            if row.removed_at.is_some() || !(old || due) {
                continue;
            }
            if let Err(fault) = self.exchange(&row.house, Want::Ahead).await {
                tracing::error!(workspace = row.house, %fault, "a token could not be renewed");
            }
        }
        Ok(())
    }

    /// From now on Slack is asked for no token: who stops could not wait for what is given.
    pub fn stop(&self) {
        self.inner.stopping.cancel();
    }

    /// Begins no exchange any more, and waits for those under way: one that is broken off loses a
    /// token. Answers whether they ended in that time.
    pub async fn finish(&self, limit: Duration) -> bool {
        self.stop();
        self.inner.exchanges.close();
        let finishing = tokio::time::timeout(limit, self.inner.exchanges.wait());
        let finished = finishing.await.is_ok();
        for house in self.inner.memory.all_unstored() {
            tracing::error!(
                workspace = house,
                "new tokens are lost, since the database did not take them; install the app again"
            );
        }
        finished
    }
}

/// Whether a token is exchanged now.
fn is_due(expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    expires_at.is_some_and(|end| end - now < AHEAD)
}

/// What the operator calls an installation: the folder of its policy.
pub fn folder_of(row: &Installed) -> &str {
    if row.team_id.is_empty() {
        &row.enterprise_id
    } else {
        &row.team_id
    }
}

/// What the bot token of a row is bound to.
fn bot_of(row: &Installed) -> Bound<'_> {
    Bound {
        enterprise: &row.enterprise_id,
        team: &row.team_id,
        column: "bot_token",
    }
}

/// What the refresh token of a row is bound to.
fn refresh_of(row: &Installed) -> Bound<'_> {
    Bound {
        column: "refresh_token",
        ..bot_of(row)
    }
}
