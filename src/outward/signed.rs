//! Signing by the Standard Webhooks convention.

use chrono::Utc;
use reqwest::RequestBuilder;
use secrecy::{ExposeSecret, SecretString};
use standardwebhooks::Webhook;
use uuid::Uuid;

/// Why a call cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// What was read is no signing secret. It is not shown.
    #[error("it is not a signing secret such as whsec_…, in base64")]
    NoSecret,
    /// The payload cannot be signed.
    #[error("{0}")]
    Payload(String),
}

/// Puts a JSON body on a call, with an id of its own, the time, and the signature over all three.
///
/// # Errors
/// When the secret is none.
pub fn post(
    call: RequestBuilder,
    secret: &SecretString,
    payload: String,
) -> Result<RequestBuilder, Unsigned> {
    let signer = Webhook::new(secret.expose_secret()).map_err(|_| Unsigned::NoSecret)?;
    let (id, now) = (Uuid::now_v7().to_string(), timestamp());
    let signature = signer
        .sign(&id, now, payload.as_bytes())
        .map_err(|error| Unsigned::Payload(error.to_string()))?;
    Ok(call
        .header("content-type", "application/json")
        .header(standardwebhooks::HEADER_WEBHOOK_ID, id)
        .header(standardwebhooks::HEADER_WEBHOOK_TIMESTAMP, now)
        .header(standardwebhooks::HEADER_WEBHOOK_SIGNATURE, signature)
        .body(payload))
}

/// The receiver compares it with its own clock, to tell replayed messages.
#[expect(
    clippy::disallowed_methods,
    reason = "a signature states when it was made; no deadline hangs on it"
)]
fn timestamp() -> i64 {
    Utc::now().timestamp()
}
