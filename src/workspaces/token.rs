//! The token of one installation: opened, remembered, and exchanged when it is due.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout};

use super::memory::Pair;
use super::{Installations, TRUSTED, TokenFault, bot_of, is_due, refresh_of};
use crate::slack::client::{Granted, SlackFault};
use crate::store::Tx;
use crate::store::installations::{Installed, SealedTokens};

/// How long the database may take to hand over a row, or to store a pair: longer than another process
/// may hold the row while Slack answers.
const STORE_LIMIT: Duration = Duration::from_secs(10);
/// The pause before a pair is stored anew, which doubles each time, and the longest.
const STORE_PAUSE: Duration = Duration::from_millis(300);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long it is tried again and again. Later, each look after the tokens tries once.
const STORE_FOR: Duration = Duration::from_mins(5);
/// How long Slack is left alone after it refused an exchange, where the present token is still good
/// and where it is not.
const PAUSE_AHEAD: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_secs(5);

/// Why somebody wants another token than the present one.
#[derive(Debug)]
pub(super) enum Want {
    /// Its end is near, or it is sealed with an old key: nobody waits.
    Ahead,
    /// Its end has come.
    Expired,
    /// Slack has just called this one expired.
    Refused(SecretString),
}

impl Want {
    /// Whether the token of that row has to be exchanged.
    fn is_for(&self, row: &Installed, token: &SecretString, now: DateTime<Utc>) -> bool {
        match self {
            Self::Ahead => is_due(row.expires_at, now),
            Self::Refused(refused) if is_same(refused, token) => true,
            Self::Expired | Self::Refused(_) => is_over(row, now),
        }
    }

    fn refused(&self) -> Option<&SecretString> {
        match self {
            Self::Refused(refused) => Some(refused),
            Self::Ahead | Self::Expired => None,
        }
    }

    fn is_ahead(&self) -> bool {
        matches!(self, Self::Ahead)
    }

    fn pause(&self) -> Duration {
        if self.is_ahead() { PAUSE_AHEAD } else { PAUSE }
    }
}

impl Installations {
    /// The token of that installation. With one that Slack has just called expired, the next. One
    /// that is good is never exchanged here, however near its end: nobody waits without need.
    ///
    /// # Errors
    /// When the app is not installed there any more, and when neither the database nor Slack gives a
    /// token.
    pub async fn token(
        &self,
        house: &str,
        refused: Option<SecretString>,
    ) -> Result<SecretString, SlackFault> {
        if let Some(token) = self.inner.memory.token(house, refused.as_ref()) {
            return Ok(token);
        }
        Ok(self.read(house, refused).await?)
    }

    /// The token as it stands in the database, for somebody who only looks: nothing is exchanged,
    /// stored or remembered.
    ///
    /// # Errors
    /// When the app is not installed there any more, or the token cannot be read.
    pub async fn peek(&self, house: &str) -> Result<SecretString, SlackFault> {
        let row = self.inner.store.installation(house).await;
        let row = row.map_err(TokenFault::from)?;
        let row = row.ok_or(TokenFault::NotInstalled)?;
        Ok(self.open(&row)?)
    }

    /// Reads the token from the database, and has it exchanged where it is good no more.
    async fn read(
        &self,
        house: &str,
        refused: Option<SecretString>,
    ) -> Result<SecretString, TokenFault> {
        let row = self.inner.store.installation(house).await?;
        let row = row.ok_or(TokenFault::NotInstalled)?;
        let token = self.open(&row)?;
        let now = self.inner.clock.read(&self.inner.store).await?;
        let want = refused.map_or(Want::Expired, Want::Refused);
        if row.refresh_token.is_none() || !want.is_for(&row, &token, now) {
            self.remember(&row, &token, now);
            return Ok(token);
        }
        self.exchange(house, want).await
    }

    pub(super) fn open(&self, row: &Installed) -> Result<SecretString, TokenFault> {
        let sealed = row.bot_token.as_deref().ok_or(TokenFault::NotInstalled)?;
        Ok(self.inner.keys.open(sealed, bot_of(row))?)
    }

    fn open_refresh(&self, row: &Installed) -> Result<Option<SecretString>, TokenFault> {
        let sealed = row.refresh_token.as_deref();
        let opened = sealed.map(|sealed| self.inner.keys.open(sealed, refresh_of(row)));
        Ok(opened.transpose()?)
    }

    fn remember(&self, row: &Installed, token: &SecretString, now: DateTime<Utc>) {
        let left = row.expires_at.map(|end| end - now - TimeDelta::minutes(1));
        let left = left.map(|left| left.to_std().unwrap_or_default());
        let life = left.unwrap_or(TRUSTED).min(TRUSTED);
        self.inner.memory.remember(&row.house, token, life);
    }

    /// Exchanges the token if that is still wanted, and seals what was sealed with an old key. Runs to
    /// its end whoever gives up waiting for it: a pair that Slack gave and nobody kept is lost.
    pub(super) async fn exchange(
        &self,
        house: &str,
        want: Want,
    ) -> Result<SecretString, TokenFault> {
        let (installations, of) = (self.clone(), house.to_owned());
        let exchanging = async move { installations.exchange_here(&of, &want).await };
        let exchanged = self.inner.exchanges.spawn(exchanging).await;
        exchanged.unwrap_or_else(|_| Err(SlackFault::Transient("exchange_stopped".into()).into()))
    }

    async fn exchange_here(&self, house: &str, want: &Want) -> Result<SecretString, TokenFault> {
        let memory = &self.inner.memory;
        let alone = memory.alone(house);
        let _alone = alone.lock().await;
        // Another task of this process may have done it meanwhile.
        let met = (!want.is_ahead()).then(|| memory.token(house, want.refused()));
        if let Some(token) = met.flatten() {
            return Ok(token);
        }
        if let Some(pair) = memory.unstored(house) {
            in_time(self.store_pair(house, &pair)).await?;
        }
        let _turn = self.inner.at_once.acquire().await;
        // Another process that was halted may hold the row for as long as it is.
        let holding = async { Ok(self.inner.store.hold_installation(house).await?) };
        let held = in_time(holding).await?;
        let (mut tx, row) = held.ok_or(TokenFault::NotInstalled)?;
        let now = self.inner.clock.now(&mut tx).await?;
        // Another process may have done it while this one waited for the row.
        let token = self.open(&row)?;
        let refresh = self.open_refresh(&row)?;
        let wanted = refresh.is_some() && want.is_for(&row, &token, now);
        let resting = memory.rests(house, want.pause()).filter(|_| wanted);
        if let Some(former) = refresh.clone().filter(|_| wanted && resting.is_none()) {
            return self.ask((tx, &row), former, now).await;
        }
        self.seal_again((tx, &row), &token, refresh.as_ref())
            .await?;
        if let Some(fault) = resting.filter(|_| !want.is_ahead()) {
            return Err(fault.into());
        }
        self.remember(&row, &token, now);
        Ok(token)
    }

    /// Asks Slack for the next pair and keeps it: at once in memory, so that this process goes on
    /// whatever becomes of the database, and in the database, if need be by and by.
    async fn ask(
        &self,
        (tx, row): (Tx, &Installed),
        former: SecretString,
        now: DateTime<Utc>,
    ) -> Result<SecretString, TokenFault> {
        if self.inner.stopping.is_cancelled() {
            return Err(SlackFault::Transient("stopping".into()).into());
        }
        let memory = &self.inner.memory;
        let asked = self.inner.oauth.refresh(&former).await;
        let granted = asked.inspect_err(|fault| memory.failed(&row.house, fault))?;
        metrics::counter!("jit_slack_tokens_rotated_total").increment(1);
        let life = granted.expires_in.unwrap_or(TRUSTED);
        let pair = Arc::new(Pair {
            former,
            granted,
            at: now,
            until: Instant::now() + life,
        });
        memory.hold(&row.house, &pair);
        if let Err(fault) = in_time(self.keep((tx, row), &pair)).await {
            self.store_behind(&row.house, &fault);
        }
        Ok(pair.granted.token.clone())
    }

    /// What Slack granted, sealed for that row.
    pub(super) fn sealed(
        &self,
        row: &Installed,
        granted: &Granted,
        now: DateTime<Utc>,
    ) -> Result<SealedTokens, TokenFault> {
        let keys = &self.inner.keys;
        let refresh = granted.refresh.as_ref();
        let refresh = refresh.map(|token| keys.seal(token, refresh_of(row)));
        let life = granted.expires_in.filter(|_| granted.refresh.is_some());
        let life = life.and_then(|life| TimeDelta::from_std(life).ok());
        Ok(SealedTokens {
            bot: keys.seal(&granted.token, bot_of(row))?,
            refresh: refresh.transpose()?,
            expires_at: granted
                .refresh
                .as_ref()
                .map(|_| now + life.unwrap_or(TimeDelta::hours(12))),
        })
    }

    /// Seals tokens with the first key, where another key sealed them.
    async fn seal_again(
        &self,
        (mut tx, row): (Tx, &Installed),
        token: &SecretString,
        refresh: Option<&SecretString>,
    ) -> Result<(), TokenFault> {
        let keys = &self.inner.keys;
        let mut sealed = row.bot_token.iter().chain(&row.refresh_token);
        if !sealed.any(|sealed| keys.is_old(sealed)) {
            return Ok(());
        }
        let again = SealedTokens {
            bot: keys.seal(token, bot_of(row))?,
            refresh: refresh
                .map(|token| keys.seal(token, refresh_of(row)))
                .transpose()?,
            expires_at: row.expires_at,
        };
        tx.keep_tokens(&row.house, &again).await?;
        Ok(tx.commit().await?)
    }

    /// Stores a pair in the row that is held.
    async fn keep(
        &self,
        (mut tx, row): (Tx, &Installed),
        pair: &Arc<Pair>,
    ) -> Result<(), TokenFault> {
        let sealed = self.sealed(row, &pair.granted, pair.at)?;
        tx.keep_tokens(&row.house, &sealed).await?;
        tx.commit().await?;
        self.inner.memory.settle(&row.house, pair);
        let kept = Installed {
            expires_at: sealed.expires_at,
            ..row.clone()
        };
        self.remember(&kept, &pair.granted.token, pair.at);
        Ok(())
    }

    /// Stores a pair that was not stored when it was given, if its place is still as it was then.
    async fn store_pair(&self, house: &str, pair: &Arc<Pair>) -> Result<(), TokenFault> {
        let held = self.inner.store.hold_installation(house).await?;
        let held = held.filter(|(_, row)| row.removed_at.is_none());
        if let Some((tx, row)) = held {
            // One that cannot be opened may be the same under a key of another process.
            let present = self.open_refresh(&row)?;
            if present.is_some_and(|present| is_same(&present, &pair.former)) {
                self.keep((tx, &row), pair).await?;
                tracing::info!(workspace = house, "new tokens are stored at last");
                return Ok(());
            }
        }
        // They were stored after all, or the app was installed again or removed meanwhile.
        self.inner.memory.settle(house, pair);
        self.inner.memory.distrust(house);
        Ok(())
    }

    /// Goes on trying to store a pair, while it is used.
    fn store_behind(&self, house: &str, error: &TokenFault) {
        tracing::error!(workspace = house, %error, "new tokens were not stored yet");
        let (installations, of) = (self.clone(), house.to_owned());
        let storing = async move { installations.store_for_minutes(&of).await };
        self.inner.exchanges.spawn(storing);
    }

    async fn store_for_minutes(&self, house: &str) {
        let begun = Instant::now();
        let mut pause = STORE_PAUSE;
        while begun.elapsed() < STORE_FOR {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            match self.store_unstored(house).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::error!(workspace = house, %error, "new tokens were not stored yet");
                }
            }
        }
        tracing::error!(
            workspace = house,
            "new tokens could not be stored; they are lost when this process ends before it works"
        );
    }

    /// Tries once to store what is not stored.
    pub(super) async fn store_unstored(&self, house: &str) -> Result<(), TokenFault> {
        let alone = self.inner.memory.alone(house);
        let _alone = alone.lock().await;
        let Some(pair) = self.inner.memory.unstored(house) else {
            return Ok(());
        };
        in_time(self.store_pair(house, &pair)).await
    }
}

/// What the database is asked for, unless it takes too long.
async fn in_time<T>(asking: impl Future<Output = Result<T, TokenFault>>) -> Result<T, TokenFault> {
    let asked = timeout(STORE_LIMIT, asking).await;
    asked.unwrap_or_else(|_| Err(SlackFault::Transient("database_too_slow".into()).into()))
}

fn is_same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}

/// Whether the end of a token has come.
fn is_over(row: &Installed, now: DateTime<Utc>) -> bool {
    row.expires_at.is_some_and(|end| end <= now)
}
