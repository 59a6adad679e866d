//! Where Slack is, and how it is reached.

use std::time::Duration;

use hyper_rustls::HttpsConnectorBuilder;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use slack_morphism::prelude::{SlackClient, SlackClientHyperConnector, SlackHyperClient};
use url::Url;

use super::SlackFault;

/// Slack's own API.
const SLACK_API: &str = "https://slack.com/api";

/// How Slack is called.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// The base of the Web API, without a slash at its end. Whoever reads the configuration makes
    /// sure that it is `https`, or leads to this machine.
    pub api_url: String,
    /// How long Slack has to answer a call. A read's wait for its turn is part of it; what changes
    /// something has all of it from its turn on, since cut short it may have happened.
    pub timeout: Duration,
    /// How long a call may take that somebody who clicked is waiting for.
    pub quick_timeout: Duration,
    /// Whether Slack's published rates are kept. A stand-in on this machine has none.
    pub paced: bool,
    /// What the metrics of this client carry as `workspace`, where there are several.
    pub workspace: Option<String>,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self::at(SLACK_API)
    }
}

impl ClientSettings {
    /// The usual settings for an API at that address.
    pub fn at(api_url: &str) -> Self {
        Self {
            api_url: api_url.trim_end_matches('/').to_owned(),
            timeout: Duration::from_secs(10),
            quick_timeout: Duration::from_millis(2_500),
            paced: true,
            workspace: None,
        }
    }
}

/// Why there can be no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientFault {
    /// No root certificates were found, so no server could be trusted.
    #[error("this machine has no root certificates; install the package `ca-certificates`")]
    NoRoots(#[source] std::io::Error),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// A plain HTTP client cannot be set up.
    #[error("an HTTP client cannot be set up")]
    Http(#[source] reqwest::Error),
}

/// The client library, with connections that are made when they are needed.
pub(super) fn slack(settings: &ClientSettings) -> Result<SlackHyperClient, ClientFault> {
    let builder = HttpsConnectorBuilder::new();
    let builder = if settings.api_url.starts_with("http://") {
        builder.with_tls_config(trusting_nobody()?)
    } else {
        builder
            .with_provider_and_native_roots(ring::default_provider())
            .map_err(ClientFault::NoRoots)?
    };
    let https = builder
        .https_or_http()
        .enable_http1()
        .enable_http2()
        .build();
    let connector = SlackClientHyperConnector::from(https).with_slack_api_url(&settings.api_url);
    Ok(SlackClient::new(connector))
}

/// For a stand-in on this machine: it is spoken to without TLS, so no certificate is ever looked
/// at, and the machine needs none.
fn trusting_nobody() -> Result<ClientConfig, ClientFault> {
    let config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(ClientFault::Tls)?;
    Ok(config
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}

/// A response URL, if it leads to Slack, or to the very host and port of the API that we use.
pub(super) fn response_url(text: &str, api_url: &str) -> Result<Url, SlackFault> {
    url_of_slack(text, api_url, "response_url_not_slack")
}

/// Any address that Slack gave us, under the same condition; `code` says what it is otherwise.
pub(super) fn url_of_slack(text: &str, api_url: &str, code: &str) -> Result<Url, SlackFault> {
    let foreign = || SlackFault::Permanent(code.to_owned());
    let url = Url::parse(text).map_err(|_| foreign())?;
    let anonymous = url.username().is_empty() && url.password().is_none();
    if anonymous && (is_slack(&url) || is_same_origin(&url, api_url)) {
        Ok(url)
    } else {
        Err(foreign())
    }
}

fn is_slack(url: &Url) -> bool {
    let of_slack = |host: &str| {
        ["slack.com", "slack-gov.com"].iter().any(|domain| {
            let subdomain = host.strip_suffix(domain);
            subdomain.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    };
    url.scheme() == "https" && url.port().is_none() && url.host_str().is_some_and(of_slack)
}

fn is_same_origin(url: &Url, api_url: &str) -> bool {
    Url::parse(api_url).is_ok_and(|api| api.origin() == url.origin())
}

/// Asks for the scopes of a token: they stand in a header of the answer.
pub(super) async fn scopes(url: String, token: String) -> Result<Vec<String>, SlackFault> {
    let unreachable = |_| SlackFault::Transient("unreachable".to_owned());
    let client = reqwest::Client::builder().build().map_err(unreachable)?;
    let asking = client.post(url).bearer_auth(token).send();
    let answer = asking.await.map_err(unreachable)?;
    let header = answer.headers().get("x-oauth-scopes");
    let scopes = header.and_then(|scopes| scopes.to_str().ok());
    let scopes = scopes.ok_or_else(|| SlackFault::Admin("no_scopes".to_owned()))?;
    let scopes = scopes.split(',').map(|scope| scope.trim().to_owned());
    Ok(scopes.filter(|scope| !scope.is_empty()).collect())
}

/// Puts the bytes of a file where Slack wants them. Nothing is shared by that, so it may be done again.
pub(super) async fn put(url: Url, bytes: Vec<u8>, limit: Duration) -> Result<(), SlackFault> {
    let unreachable = |_| SlackFault::Transient("unreachable".to_owned());
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(limit)
        .build()
        .map_err(unreachable)?;
    let sending = client
        .post(url)
        .header("content-type", "application/octet-stream")
        .body(bytes)
        .send();
    let answer = sending.await.map_err(unreachable)?;
    if answer.status().is_success() {
        Ok(())
    } else {
        let status = answer.status().as_u16();
        Err(SlackFault::Transient(format!("status {status}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_slack_and_our_stand_in_are_answered() {
        let api = "http://127.0.0.1:4100/api";
        for good in [
            "https://hooks.slack.com/commands/T1/2/3",
            "https://slack.com/x",
            "https://hooks.slack-gov.com/actions/1",
            "http://127.0.0.1:4100/response/7",
        ] {
            assert!(response_url(good, api).is_ok(), "{good}");
        }
        for bad in [
            "http://hooks.slack.com/commands/1",
            "https://hooks.slack.com:8443/commands/1",
            "https://slack.com.evil.example/x",
            "https://evilslack.com/x",
            "https://hooks.slack.com@evil.example/x",
            "https://user:pass@hooks.slack.com/x",
            "http://127.0.0.1:4101/response/7",
            "http://127.0.0.1/response/7",
            "http://localhost:4100/response/7",
            "http://169.254.169.254/latest/meta-data",
            "https://127.0.0.1:4100/response/7",
            "file:///etc/passwd",
            "hooks.slack.com/commands/1",
            "",
        ] {
            assert!(response_url(bad, api).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_stand_in_is_no_way_out_when_the_api_is_slack() {
        assert!(response_url("http://127.0.0.1:4100/response/7", SLACK_API).is_err());
    }
}
