//! The token of one installation: opened, remembered, and exchanged when it is due.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::{Installations, Known, TRUSTED, TokenFault, bot_of, is_due, refresh_of};
use crate::slack::client::{Granted, SlackFault};
use crate::store::Tx;
use crate::store::installations::{Installed, SealedTokens};

/// How often a pair is stored anew when the database fails under it, and the pause between.
const STORE_TRIES: u32 = 5;
const STORE_PAUSE: Duration = Duration::from_millis(300);

impl Installations {
    /// The token of that installation. With one that Slack has just called expired, the next.
    ///
    /// # Errors
    /// When the app is not installed there any more, and when neither the database nor Slack gives a
    /// token.
    pub async fn token(
        &self,
        house: &str,
        refused: Option<SecretString>,
    ) -> Result<SecretString, SlackFault> {
        if refused.is_none() {
            let known = self.known().get(house).cloned();
            if let Some(known) = known.filter(|known| Instant::now() < known.until) {
                return Ok(known.token);
            }
        }
        Ok(self.read(house, refused).await?)
    }

    /// Reads the token from the database, and has it exchanged where that is due.
    async fn read(
        &self,
        house: &str,
        refused: Option<SecretString>,
    ) -> Result<SecretString, TokenFault> {
        let row = self.inner.store.installation(house).await?;
        let row = row.ok_or(TokenFault::NotInstalled)?;
        let token = self.open(&row)?;
        let now = self.inner.clock.read(&self.inner.store).await?;
        if row.refresh_token.is_none() || !is_wanted(&row, &token, refused.as_ref(), now) {
            self.remember(house, &token, row.expires_at.map(|end| end - now));
            return Ok(token);
        }
        let was_refused = refused.is_some();
        match self.exchange(house, refused).await {
            Ok(next) => Ok(next),
            // The present one is good for a while yet.
            Err(fault) if !was_refused && row.expires_at.is_some_and(|end| now < end) => {
                tracing::error!(workspace = house, %fault, "a token could not be exchanged yet");
                self.remember(house, &token, row.expires_at.map(|end| end - now));
                Ok(token)
            }
            Err(fault) => Err(fault),
        }
    }

    fn open(&self, row: &Installed) -> Result<SecretString, TokenFault> {
        let sealed = row.bot_token.as_deref().ok_or(TokenFault::NotInstalled)?;
        Ok(self.inner.keys.open(sealed, bot_of(row))?)
    }

    fn remember(&self, house: &str, token: &SecretString, left: Option<TimeDelta>) {
        let left = left.map(|left| (left - TimeDelta::minutes(1)).to_std().unwrap_or_default());
        let known = Known {
            token: token.clone(),
            until: Instant::now() + left.unwrap_or(TRUSTED).min(TRUSTED),
        };
        self.known().insert(house.to_owned(), known);
    }

    /// Exchanges the token if that is still due, and seals what was sealed with an old key. Runs to
    /// its end whoever gives up waiting for it: a pair that Slack gave and nobody stored is lost.
    pub(super) async fn exchange(
        &self,
        house: &str,
        refused: Option<SecretString>,
    ) -> Result<SecretString, TokenFault> {
        let (installations, of) = (self.clone(), house.to_owned());
        let exchanging = async move { installations.exchange_here(&of, refused).await };
        let exchanged = self.inner.exchanges.spawn(exchanging).await;
        exchanged.unwrap_or_else(|_| Err(SlackFault::Transient("exchange_stopped".into()).into()))
    }

    async fn exchange_here(
        &self,
        house: &str,
        refused: Option<SecretString>,
    ) -> Result<SecretString, TokenFault> {
        let held = self.inner.store.hold_installation(house).await?;
        let (mut tx, row) = held.ok_or(TokenFault::NotInstalled)?;
        let now = self.inner.clock.now(&mut tx).await?;
        // Another process may have done it while this one waited for the row.
        let token = self.open(&row)?;
        let refresh = row.refresh_token.as_deref();
        let refresh = refresh.map(|sealed| self.inner.keys.open(sealed, refresh_of(&row)));
        let refresh = refresh.transpose()?;
        let Some(refresh) = refresh
            .clone()
            .filter(|_| is_wanted(&row, &token, refused.as_ref(), now))
        else {
            self.seal_again((tx, &row), &token, refresh.as_ref())
                .await?;
            self.remember(house, &token, row.expires_at.map(|end| end - now));
            return Ok(token);
        };
        let granted = self.inner.oauth.refresh(&refresh).await?;
        let next = granted.token.clone();
        let sealed = self.sealed(&row, &granted, now)?;
        self.keep((tx, &row), &sealed).await?;
        metrics::counter!("jit_slack_tokens_rotated_total").increment(1);
        self.remember(house, &next, sealed.expires_at.map(|end| end - now));
        Ok(next)
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

    /// Stores a pair that Slack has just given, trying again where the database fails under it: the
    /// former refresh token is worth nothing any more.
    async fn keep(
        &self,
        (mut tx, row): (Tx, &Installed),
        sealed: &SealedTokens,
    ) -> Result<(), TokenFault> {
        for _ in 0..STORE_TRIES {
            let stored = async {
                tx.keep_tokens(&row.house, sealed).await?;
                tx.commit().await
            };
            let Err(error) = stored.await else {
                return Ok(());
            };
            tracing::error!(workspace = row.house, %error, "new tokens were not stored");
            tokio::time::sleep(STORE_PAUSE).await;
            let held = self.inner.store.hold_installation(&row.house).await?;
            let (again, now) = held.ok_or(TokenFault::NotInstalled)?;
            if now.refresh_token != row.refresh_token {
                // They were stored after all, or the app was installed again meanwhile.
                return Ok(());
            }
            tx = again;
        }
        Err(SlackFault::Transient("new_tokens_not_stored".into()).into())
    }
}

/// Whether the token has to be exchanged: its end is near, or Slack says that it has come.
fn is_wanted(
    row: &Installed,
    token: &SecretString,
    refused: Option<&SecretString>,
    now: DateTime<Utc>,
) -> bool {
    let is_refused =
        refused.is_some_and(|refused| refused.expose_secret() == token.expose_secret());
    is_refused || is_due(row.expires_at, now)
}
