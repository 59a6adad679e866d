//! The client for calls to addresses of the policy, and answers within bounds.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Once;
use std::time::Duration;

use reqwest::{Client, Response, redirect};
use url::Url;

use super::guard::{self, Guard};

/// Why an address may not be called, in words for whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

/// A client for one address, and that address.
///
/// It follows no redirect, since a call with a secret is meant for the address of the policy alone,
/// and uses no proxy of the environment: the check of addresses would then be the proxy's.
#[derive(Clone, Debug)]
pub struct Door {
    /// The address, checked.
    pub url: Url,
    /// The client that may call it.
    pub client: Client,
}

impl Door {
    /// Checks an address and makes a client for it. Hosts in `allow` may be called although they
    /// are internal or speak plain `http`. Nothing is called yet.
    ///
    /// # Errors
    /// When it is no URL, or may not be called.
    pub fn to(
        address: &str,
        allow: &BTreeSet<String>,
        connect_timeout: Duration,
    ) -> Result<Self, Refused> {
        let url: Url = address
            .parse()
            .map_err(|_| Refused("it is no URL".to_owned()))?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let allowed = allow.contains(host);
        if let Some(why) = guard::refuse(&url, allowed) {
            return Err(Refused(why));
        }
        let client = client(allowed, connect_timeout).map_err(|error| Refused(chain(&error)))?;
        Ok(Self { url, client })
    }

    /// The host and port, for messages: a path can hold a secret.
    pub fn place(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}

fn client(allowed: bool, connect_timeout: Duration) -> reqwest::Result<Client> {
    static RING: Once = Once::new();
    // An error says that the process has chosen a provider already, which serves as well.
    RING.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .pool_max_idle_per_host(0)
        .connect_timeout(connect_timeout)
        .dns_resolver(Guard { allowed })
        .user_agent(concat!("jitbot/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// Words that say what went wrong, without the body and the URL.
pub async fn read(mut response: Response, limit: usize) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| chain(&error))? {
        if body.len() + chunk.len() > limit {
            return Err(format!("the answer is longer than {limit} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// An error and everything that caused it.
pub fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// An error with its causes, without the URL.
pub fn chain(error: &reqwest::Error) -> String {
    let causes: Vec<String> = causes(error).skip(1).map(ToString::to_string).collect();
    if causes.is_empty() {
        return "the call could not be made".to_owned();
    }
    causes.join(": ")
}
