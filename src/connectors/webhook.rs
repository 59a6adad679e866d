//! Any system behind a signed webhook (Standard Webhooks).
//!
//! Every call is a `POST` of JSON: `action` (`ensure`, `remove`, `verify`, `list`, `check`), and for
//! the first three `access` (person, resource, role), `tag`, `subject`, `role` and, for `ensure`,
//! `until`. The receiver checks the signature, brings its side to the wanted state and answers 2xx
//! with JSON:
//!
//! | field | for | means |
//! |---|---|---|
//! | `present` | verify; ensure, remove if known | whether the access is held now |
//! | `until` | verify, if known | the end that the receiver keeps (RFC 3339); it must be the one that was asked for |
//! | `facts` | ensure | names and values that help the holder; never a secret |
//! | `already_absent`, `sessions_ended` | remove | what was found and done |
//! | `held` | list | `[{"tag": …, "object": …}]` |
//!
//! Where an answer to `ensure` or `remove` does not say `present`, `verify` is called. A client
//! error with `{"error": "…"}` is a refusal; anything late, broken or failing may have worked.
//!
//! Each call has a `webhook-id` of its own, so that a receiver may refuse replayed messages. It is
//! deliberately not derived from the call: a second `remove` after a new `ensure`, or an `ensure`
//! back to an earlier end, must be carried out again and not be taken for a repetition. What makes
//! repeating harmless is the `tag`, which is the same for the same access.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::time::Duration;

use anyhow::anyhow;
use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Connector, ConnectorError, Credentials, Held, Presence, secret};
use crate::domain::{Access, Receipt, Removal, Target, WebhookSpec};
use crate::outward::guard::Internal;
use crate::outward::http::{self, Door, causes, chain};
use crate::outward::signed::{self, Unsigned};

/// How long a whole call may take, a `verify` that follows it included.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long connecting may take: less than a call, so that a host which is down is known to be
/// unreached and not merely late.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);

/// The largest answer that is read, in bytes.
const LIMIT: usize = 64 * 1024;

/// A system behind a signed webhook.
pub struct WebhookConnector {
    spec: WebhookSpec,
    door: Door,
    timeout: Duration,
}

impl WebhookConnector {
    /// Takes the settings, and the hosts that may be called although they are internal or speak
    /// plain `http`. [`ConnectorError::Rejected`] if the URL may not be called.
    ///
    /// Proxies of the environment are not used: the check of addresses would then be theirs.
    pub fn new(spec: WebhookSpec, allow: &BTreeSet<String>) -> Result<Self, ConnectorError> {
        let door = Door::to(&spec.url, allow, CONNECT_TIMEOUT).map_err(|why| {
            ConnectorError::Rejected(format!("The webhook {} is refused: {why}", spec.url))
        })?;
        Ok(Self {
            spec,
            door,
            timeout: TIMEOUT,
        })
    }

    /// Sets how long a whole call may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Signs, posts and reads the answer, within the time that is left.
    async fn call(&self, body: Value) -> Result<Answer, ConnectorError> {
        let secret = secret::read(&self.spec.secret).await?;
        let call = self.door.client.post(self.door.url.clone());
        let call = signed::post(call, &secret, body.to_string());
        let response = call.map_err(|fault| self.unsigned(&fault))?.send().await;
        let response = response.map_err(|error| self.unsent(&error))?;
        self.answer(response).await
    }

    /// Keeps the time of a whole call. Late is unknown: the receiver may have done it.
    async fn bounded<T>(
        &self,
        call: impl Future<Output = Result<T, ConnectorError>> + Send,
    ) -> Result<T, ConnectorError> {
        let late = || {
            ConnectorError::Unknown(anyhow!(
                "{} did not answer within {} ms",
                self.place(),
                self.timeout.as_millis()
            ))
        };
        tokio::time::timeout(self.timeout, call)
            .await
            .unwrap_or_else(|_| Err(late()))
    }

    fn unsigned(&self, fault: &Unsigned) -> ConnectorError {
        match fault {
            Unsigned::NoSecret => ConnectorError::Unreached(format!(
                "What stands in {} is not a signing secret such as whsec_…, in base64",
                secret::source(&self.spec.secret)
            )),
            Unsigned::Payload(why) => ConnectorError::Rejected(why.clone()),
        }
    }

    fn unsent(&self, error: &reqwest::Error) -> ConnectorError {
        let words = format!("{} was not reached: {}", self.place(), chain(error));
        if causes(error).any(<dyn Error>::is::<Internal>) {
            return ConnectorError::Rejected(words);
        }
        if error.is_connect() || error.is_builder() {
            return ConnectorError::Unreached(words);
        }
        ConnectorError::Unknown(anyhow!("{} broke off: {}", self.place(), chain(error)))
    }

    /// Sorts an answer by its status, and reads it.
    async fn answer(&self, response: Response) -> Result<Answer, ConnectorError> {
        let status = response.status();
        let unknown = |why: String| {
            ConnectorError::Unknown(anyhow!("{} answered {status}: {why}", self.place()))
        };
        let body = http::read(response, LIMIT).await.map_err(unknown)?;
        if status.is_success() {
            let empty = body.iter().all(u8::is_ascii_whitespace);
            let body: &[u8] = if empty { b"{}" } else { &body };
            return serde_json::from_slice(body).map_err(|error| unknown(error.to_string()));
        }
        let why = reason(&body);
        if is_refusal(status) {
            return Err(ConnectorError::Rejected(format!(
                "{} answered {status}: {why}",
                self.place()
            )));
        }
        Err(unknown(why))
    }

    async fn present(&self, access: &Access, target: &Target) -> Result<Presence, ConnectorError> {
        let answer = self.call(body("verify", access, target, None)).await?;
        match answer.present {
            Some(true) => Ok(Presence::Present {
                until: answer.until,
            }),
            Some(false) => Ok(Presence::Absent),
            None => Err(ConnectorError::Unknown(anyhow!(
                "{} answered verify without `present`",
                self.place()
            ))),
        }
    }

    /// Holds a change against what the receiver then says, asking it if it has not said.
    ///
    /// The change may have happened by then, so what goes wrong here is never a refusal.
    async fn settled(
        &self,
        said: Option<bool>,
        wanted: bool,
        (access, target): (&Access, &Target),
    ) -> Result<(), ConnectorError> {
        let present = match said {
            Some(present) => present,
            None => match self.present(access, target).await {
                Ok(presence) => presence != Presence::Absent,
                Err(ConnectorError::Unknown(error)) => return Err(ConnectorError::Unknown(error)),
                Err(error) => return Err(ConnectorError::Unknown(anyhow!("{error}"))),
            },
        };
        if present == wanted {
            return Ok(());
        }
        let state = if wanted { "not held" } else { "still held" };
        Err(ConnectorError::Unknown(anyhow!(
            "{} accepted the call, and the access is {state}",
            self.place()
        )))
    }

    /// The host, for messages: a path can hold a secret.
    fn place(&self) -> String {
        self.door.place()
    }
}

#[async_trait]
impl Connector for WebhookConnector {
    async fn ensure(
        &self,
        access: &Access,
        target: &Target,
        until: DateTime<Utc>,
    ) -> Result<Receipt, ConnectorError> {
        self.bounded(async {
            let answer = self
                .call(body("ensure", access, target, Some(until)))
                .await?;
            self.settled(answer.present, true, (access, target)).await?;
            Ok(Receipt {
                facts: answer.facts,
                credentials: false,
                target_until: None,
            })
        })
        .await
    }

    async fn remove(&self, access: &Access, target: &Target) -> Result<Removal, ConnectorError> {
        self.bounded(async {
            let answer = self.call(body("remove", access, target, None)).await?;
            self.settled(answer.present, false, (access, target))
                .await?;
            Ok(Removal {
                already_absent: answer.already_absent,
                sessions_ended: answer.sessions_ended,
            })
        })
        .await
    }

    async fn verify(&self, access: &Access, target: &Target) -> Result<Presence, ConnectorError> {
        self.bounded(self.present(access, target)).await
    }

    async fn list(&self) -> Result<Vec<Held>, ConnectorError> {
        let answer = self.bounded(self.call(json!({ "action": "list" }))).await?;
        let Some(held) = answer.held else {
            return Err(ConnectorError::Unknown(anyhow!(
                "{} answered list without `held`",
                self.place()
            )));
        };
        let ours = held
            .into_iter()
            .filter(|entry| entry.tag.starts_with("jit_"));
        Ok(ours
            .map(|Entry { tag, object }| Held {
                object: object.unwrap_or_else(|| tag.clone()),
                tag,
            })
            .collect())
    }

    async fn credentials(
        &self,
        _access: &Access,
        _target: &Target,
    ) -> Result<Credentials, ConnectorError> {
        Err(ConnectorError::Rejected(format!(
            "{} sets no passwords of its own",
            self.place()
        )))
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        self.bounded(self.call(json!({ "action": "check" })))
            .await?;
        Ok(())
    }
}

/// What a receiver answers; what it leaves out is not known.
#[derive(Deserialize)]
struct Answer {
    present: Option<bool>,
    until: Option<DateTime<Utc>>,
    #[serde(default)]
    facts: BTreeMap<String, String>,
    #[serde(default)]
    already_absent: bool,
    #[serde(default)]
    sessions_ended: u32,
    held: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    tag: String,
    object: Option<String>,
}

fn body(action: &str, access: &Access, target: &Target, until: Option<DateTime<Utc>>) -> Value {
    json!({
        "action": action,
        "access": access,
        "tag": access.tag(),
        "subject": target.subject,
        "role": target.role,
        "until": until.map(|until| until.to_rfc3339_opts(SecondsFormat::Micros, true)),
    })
}

/// Whether a status says that nothing was done and that asking again is of no use. A redirect is
/// one: it is not followed, since a signed call is meant for the URL of the policy alone.
fn is_refusal(status: StatusCode) -> bool {
    let passing = [
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::CONFLICT,
        StatusCode::TOO_EARLY,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    status.is_redirection() || (status.is_client_error() && !passing.contains(&status))
}

/// The receiver's words, cut and without control characters.
fn reason(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let words = serde_json::from_slice(body).map_or_else(
        |_| String::from_utf8_lossy(body).into_owned(),
        |Refusal { error }| error,
    );
    let words: String = words
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(300)
        .collect();
    if words.is_empty() {
        return "no reason given".to_owned();
    }
    words
}
