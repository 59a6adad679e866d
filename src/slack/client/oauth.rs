//! Installing by OAuth, and tokens that are exchanged for the next ones. Written by us, since the
//! library sends no `state` and cannot read the answer for a whole organisation.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::call::count;
use super::{ClientFault, ClientSettings, SlackFault};

/// The method that answers both an installation and an exchange.
const METHOD: &str = "oauth.v2.access";
/// The method that says whether a token is good.
const TEST: &str = "auth.test";

/// The app's own name and secret at Slack.
#[derive(Clone)]
pub struct OAuth {
    api_url: String,
    id: String,
    secret: SecretString,
    http: reqwest::Client,
}

impl std::fmt::Debug for OAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OAuth").finish_non_exhaustive()
    }
}

/// What Slack granted.
#[derive(Clone, Debug)]
pub struct Granted {
    /// The organisation (`E…`), if there is one.
    pub enterprise: Option<String>,
    /// The workspace (`T…`); none for a whole organisation.
    pub team: Option<String>,
    /// What people call the workspace or organisation.
    pub name: String,
    /// The app (`A…`).
    pub app: String,
    /// The bot's user id.
    pub bot_user: String,
    /// The scopes of the token.
    pub scopes: Vec<String>,
    /// The bot token.
    pub token: SecretString,
    /// What the next token is got with, where tokens are rotated.
    pub refresh: Option<SecretString>,
    /// How long the token is good, where tokens are rotated.
    pub expires_in: Option<Duration>,
    /// The user who installed it.
    pub by: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    access_token: Option<String>,
    refresh_token: Option<String>,
    expires_in: Option<u64>,
    scope: Option<String>,
    bot_user_id: Option<String>,
    app_id: Option<String>,
    team: Option<Named>,
    enterprise: Option<Named>,
    is_enterprise_install: Option<bool>,
    authed_user: Option<Named>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    id: Option<String>,
    name: Option<String>,
}

impl OAuth {
    /// Prepares the calls; nothing is called yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(
        id: &str,
        secret: SecretString,
        settings: &ClientSettings,
    ) -> Result<Self, ClientFault> {
        // Whoever waits for a token gives up a little later, so that they hear what Slack said. It is
        // no shorter, since what Slack answers after that is lost.
        let http = reqwest::Client::builder()
            .timeout(settings.timeout * 4 / 5)
            .redirect(reqwest::redirect::Policy::none());
        let http = if settings.api_url.starts_with("http://") {
            // A stand-in on this machine, which is spoken to without TLS and without a proxy.
            http.tls_certs_only([]).no_proxy()
        } else {
            http
        };
        let http = http.build();
        Ok(Self {
            api_url: settings.api_url.clone(),
            id: id.to_owned(),
            secret,
            http: http.map_err(ClientFault::Http)?,
        })
    }

    /// Where a browser is sent to be asked. Answers none where the API has no address to go from.
    pub fn authorize_url(&self, scopes: &[&str], state: &str, back_to: &str) -> Option<Url> {
        let base = self.api_url.strip_suffix("/api").unwrap_or(&self.api_url);
        let mut url = Url::parse(&format!("{base}/oauth/v2/authorize")).ok()?;
        url.query_pairs_mut()
            .append_pair("client_id", &self.id)
            .append_pair("scope", &scopes.join(","))
            .append_pair("user_scope", "")
            .append_pair("redirect_uri", back_to)
            .append_pair("state", state);
        Some(url)
    }

    /// Exchanges the code that a browser brought back. It works once.
    ///
    /// # Errors
    /// What Slack says to it.
    pub async fn exchange(&self, code: &str, back_to: &str) -> Result<Granted, SlackFault> {
        self.access(&[("code", code), ("redirect_uri", back_to)])
            .await
    }

    /// Exchanges a refresh token for the next pair. It works once, and Slack knows of no second try:
    /// whoever calls this stores what comes back, and is the only one to call it.
    ///
    /// # Errors
    /// What Slack says to it; [`SlackFault::Ambiguous`] where it may have happened.
    pub async fn refresh(&self, token: &SecretString) -> Result<Granted, SlackFault> {
        let (grant, token) = ("refresh_token", token.expose_secret());
        self.access(&[("grant_type", grant), ("refresh_token", token)])
            .await
    }

    /// Whether a bot token is good, asked now. One that has come to its end is no bad one.
    ///
    /// # Errors
    /// Where Slack does not say.
    pub async fn is_good(&self, token: &SecretString) -> Result<bool, SlackFault> {
        let called = self.test(token).await;
        count(TEST, &called);
        match called {
            Ok(()) => Ok(true),
            Err(SlackFault::Admin(code)) => Ok(code == "token_expired"),
            Err(fault) => Err(fault),
        }
    }

    async fn test(&self, token: &SecretString) -> Result<(), SlackFault> {
        let url = format!("{}/{TEST}", self.api_url);
        let sending = self.http.post(url).bearer_auth(token.expose_secret());
        read(sending.send().await.map_err(fault)?).await.map(drop)
    }

    async fn access(&self, form: &[(&str, &str)]) -> Result<Granted, SlackFault> {
        let called = self.call(form).await;
        count(METHOD, &called);
        called
    }

    async fn call(&self, form: &[(&str, &str)]) -> Result<Granted, SlackFault> {
        let url = format!("{}/{METHOD}", self.api_url);
        let secret = self.secret.expose_secret();
        let sending = self.http.post(url).basic_auth(&self.id, Some(secret));
        let answer = sending.form(form).send().await.map_err(fault)?;
        let answer = read(answer).await?;
        let answer: Result<Answer, _> = serde_json::from_value(answer);
        let answer = answer.map_err(|_| SlackFault::Ambiguous("unreadable answer".into()))?;
        answer.into_granted()
    }
}

/// Slack's answer, if it is a yes.
async fn read(answer: reqwest::Response) -> Result<Value, SlackFault> {
    if let Some(retry_after) = rests(&answer) {
        return Err(SlackFault::RateLimited { retry_after });
    }
    if answer.status().is_server_error() {
        return Err(SlackFault::Ambiguous("server_error".into()));
    }
    let answer: Value = answer.json().await.map_err(fault)?;
    if answer["ok"] == true {
        return Ok(answer);
    }
    let code = answer["error"].as_str().unwrap_or("unknown_error");
    Err(SlackFault::from_code(code))
}

/// How long Slack wants to be left alone.
fn rests(answer: &reqwest::Response) -> Option<Duration> {
    if answer.status() != reqwest::StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    let after = answer.headers().get("retry-after");
    let after = after.and_then(|after| after.to_str().ok()?.parse().ok());
    Some(Duration::from_secs(after.unwrap_or(1)))
}

/// The error's own words may hold the address; they go no further.
fn fault(error: reqwest::Error) -> SlackFault {
    let error = error.without_url();
    if error.is_connect() || error.is_builder() {
        SlackFault::Transient("unreachable".into())
    } else {
        SlackFault::Ambiguous("no_answer".into())
    }
}

impl Answer {
    fn into_granted(self) -> Result<Granted, SlackFault> {
        let missing = || SlackFault::Permanent("incomplete_answer".to_owned());
        let org_wide = self.is_enterprise_install.unwrap_or_default();
        let (team, enterprise) = (
            self.team.unwrap_or_default(),
            self.enterprise.unwrap_or_default(),
        );
        let name = if org_wide {
            &enterprise.name
        } else {
            &team.name
        };
        let scopes = self.scope.unwrap_or_default();
        Ok(Granted {
            name: name.clone().unwrap_or_default(),
            team: filled(team.id).filter(|_| !org_wide),
            enterprise: filled(enterprise.id),
            app: self.app_id.unwrap_or_default(),
            bot_user: self.bot_user_id.unwrap_or_default(),
            scopes: scopes
                .split(',')
                .filter(|scope| !scope.is_empty())
                .map(str::to_owned)
                .collect(),
            token: filled(self.access_token).ok_or_else(missing)?.into(),
            refresh: filled(self.refresh_token).map(Into::into),
            expires_in: self.expires_in.map(Duration::from_secs),
            by: self.authed_user.unwrap_or_default().id.unwrap_or_default(),
        })
    }
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
