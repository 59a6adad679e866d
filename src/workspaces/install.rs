//! One installation: a browser goes to Slack with a state of ours, and comes back with a code.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use url::Url;

use super::seal::SealFault;
use super::{Installations, TokenFault};
use crate::slack::client::{Granted, SlackFault};
use crate::slack::manifest;
use crate::store::StoreError;
use crate::store::installations::{Installed, Visit};

/// How long a visit may take until it comes back from Slack.
const VISIT: TimeDelta = TimeDelta::minutes(10);
/// Where Slack sends a browser back to.
const CALLBACK: &str = "/slack/oauth/callback";

/// A visit that begins.
#[derive(Debug)]
pub struct Begun {
    /// Where the browser goes.
    pub url: Url,
    /// What the browser is to remember, in a cookie.
    pub browser: SecretString,
}

/// A visit that comes back.
#[derive(Default)]
pub struct Back {
    /// The state that Slack hands back.
    pub state: Option<String>,
    /// What the browser remembers.
    pub browser: Option<String>,
    /// The code, where somebody agreed.
    pub code: Option<String>,
    /// What Slack says, where nobody did.
    pub error: Option<String>,
}

/// Why nothing was installed. Never holds a token, a code or a state.
#[derive(Debug, thiserror::Error)]
pub enum InstallFault {
    /// The visit is none that began here, in this browser, lately, and for the first time.
    #[error("the visit is not good: {0:?}")]
    Visit(Visit),
    /// More visits are under way than people can have begun.
    #[error("too many visits are under way")]
    Crowded,
    /// Whoever was asked did not agree.
    #[error("somebody said no at Slack")]
    Denied,
    /// Slack refused.
    #[error(transparent)]
    Slack(#[from] SlackFault),
    /// Slack named neither a workspace nor an organisation that can be kept.
    #[error("Slack did not say which workspace it is")]
    Nowhere,
    /// Only some may install, and this is none of them.
    #[error("{0} may not install the app here; JIT_INSTALL_ALLOW names who may")]
    NotAllowed(String),
    /// The tokens could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealFault),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The settings do not make an address to send a browser to.
    #[error("there is no address of Slack to go to")]
    Address,
}

impl From<TokenFault> for InstallFault {
    fn from(fault: TokenFault) -> Self {
        match fault {
            TokenFault::NotInstalled => Self::Nowhere,
            TokenFault::Seal(fault) => Self::Seal(fault),
            TokenFault::Store(fault) => Self::Store(fault),
            TokenFault::Slack(fault) => Self::Slack(fault),
        }
    }
}

impl Installations {
    /// Begins a visit.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_visit(&self) -> Result<Begun, InstallFault> {
        let inner = &self.inner;
        let (state, browser) = (self.word()?, self.word()?);
        let now = inner.clock.read(&inner.store).await?;
        let (state_hash, browser_hash) = (hash(&state), hash(&browser));
        let keeping = inner
            .store
            .keep_visit(&state_hash, &browser_hash, now, now + VISIT);
        if !keeping.await? {
            return Err(InstallFault::Crowded);
        }
        let url = inner
            .oauth
            .authorize_url(&manifest::scopes(), &state, &self.back_to());
        Ok(Begun {
            url: url.ok_or(InstallFault::Address)?,
            browser: browser.into(),
        })
    }

    /// Takes a visit that comes back, in a task of its own: a browser that goes away must not break
    /// off the keeping of what Slack has granted.
    ///
    /// # Errors
    /// Why nothing was installed.
    pub async fn come_back(&self, back: Back) -> Result<Installed, InstallFault> {
        let installations = self.clone();
        let finishing = async move { installations.finish_visit(back).await };
        let finished = self.inner.exchanges.spawn(finishing).await;
        finished.unwrap_or_else(|_| Err(SlackFault::Transient("visit_stopped".into()).into()))
    }

    /// Takes a visit that comes back, and keeps what Slack granted. Nothing is asked of Slack before
    /// the visit was found good, and it is never found good twice.
    ///
    /// # Errors
    /// Why nothing was installed.
    async fn finish_visit(&self, back: Back) -> Result<Installed, InstallFault> {
        let inner = &self.inner;
        if inner.stopping.is_cancelled() {
            // The visit stays good, and another replica may be the one that answers it.
            return Err(SlackFault::Transient("stopping".into()).into());
        }
        let now = inner.clock.read(&inner.store).await?;
        let state = hash(back.state.as_deref().unwrap_or_default());
        let browser = hash(back.browser.as_deref().unwrap_or_default());
        match inner.store.take_visit(&state, &browser, now).await? {
            Visit::Good => {}
            visit => return Err(InstallFault::Visit(visit)),
        }
        let Some(code) = back.code.filter(|_| back.error.is_none()) else {
            return Err(match back.error {
                Some(error) if error != "access_denied" => said(&error).into(),
                _ => InstallFault::Denied,
            });
        };
        let granted = inner.oauth.exchange(&code, &self.back_to()).await?;
        self.keep_granted(&granted).await
    }

    async fn keep_granted(&self, granted: &Granted) -> Result<Installed, InstallFault> {
        let inner = &self.inner;
        let now = inner.clock.read(&inner.store).await?;
        let team = granted.team.clone().unwrap_or_default();
        let enterprise = granted.enterprise.clone().unwrap_or_default();
        let main = if team.is_empty() { &enterprise } else { &team };
        if !is_id(main) || !(enterprise.is_empty() || is_id(&enterprise)) {
            return Err(InstallFault::Nowhere);
        }
        let may = |id: &String| (inner.allowed.as_ref()).is_none_or(|ids| ids.contains(id));
        if !may(&team) && !may(&enterprise) {
            return Err(InstallFault::NotAllowed(main.clone()));
        }
        let mut row = Installed {
            house: format!("jit_{}", main.to_ascii_lowercase()),
            name: granted.name.chars().take(200).collect(),
            enterprise_id: enterprise,
            team_id: team,
            app_id: granted.app.clone(),
            bot_user: granted.bot_user.clone(),
            scopes: granted.scopes.clone(),
            bot_token: None,
            refresh_token: None,
            expires_at: None,
            installed_by: granted.by.clone(),
            installed_at: now,
            removed_at: None,
        };
        let sealed = self.sealed(&row, granted, now)?;
        row.bot_token = Some(sealed.bot);
        row.refresh_token = sealed.refresh;
        row.expires_at = sealed.expires_at;
        row.house = inner.store.install(&row).await?;
        inner.memory.forget(&row.house);
        tracing::info!(workspace = row.house, "the app was installed");
        Ok(row)
    }

    fn back_to(&self) -> String {
        format!("{}{CALLBACK}", self.inner.public_url)
    }

    /// A word that nobody can guess.
    fn word(&self) -> Result<String, InstallFault> {
        Ok(URL_SAFE_NO_PAD.encode(self.inner.keys.random()?))
    }
}

/// What the address says that went wrong. Whoever wrote it, only what may be a code of Slack's is told.
fn said(error: &str) -> SlackFault {
    let plain = |c: char| c.is_ascii_lowercase() || c == '_';
    if (1..=64).contains(&error.len()) && error.chars().all(plain) {
        SlackFault::from_code(error)
    } else {
        SlackFault::Permanent("unreadable_error".into())
    }
}

/// Slack's ids are capitals and digits; nothing else becomes the name of a schema or a folder.
fn is_id(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    (2..=40).contains(&text.len()) && text.chars().all(plain)
}

fn hash(word: &str) -> Vec<u8> {
    Sha256::digest(word).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_a_code_of_slack_s_is_told() {
        assert_eq!(said("invalid_scope").code(), "invalid_scope");
        let long = "a".repeat(65);
        for strange in ["", "Scope", "a b", "a\nb", "a1", "<b>", long.as_str()] {
            assert_eq!(said(strange).code(), "unreadable_error", "{strange:?}");
        }
    }
}
