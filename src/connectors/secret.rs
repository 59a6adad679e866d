//! Secrets of targets, read at the moment of use, so that a rotated one needs no restart.

use secrecy::SecretString;

use super::ConnectorError;
use crate::domain::SecretRef;

/// Reads a secret. White space around it is not part of it. One that is missing or empty is
/// [`ConnectorError::Unreached`] with words that say what to set: it may be there at the next try.
pub(super) async fn read(secret: &SecretRef) -> Result<SecretString, ConnectorError> {
    let text = match secret {
        SecretRef::Env(name) => std::env::var(name).map_err(|error| error.to_string()),
        SecretRef::File(path) => tokio::fs::read_to_string(path)
            .await
            .map_err(|error| error.to_string()),
    };
    let missing = |why: &str| ConnectorError::Unreached(format!("{}: {why}", remedy(secret)));
    match text {
        Ok(text) if text.trim().is_empty() => Err(missing("it is empty")),
        Ok(text) => Ok(SecretString::from(text.trim())),
        Err(why) => Err(missing(&why)),
    }
}

/// Names where a secret is read from, for messages. Never the secret.
pub(super) fn source(secret: &SecretRef) -> String {
    match secret {
        SecretRef::Env(name) => format!("the environment variable {name}"),
        SecretRef::File(path) => format!("the file {}", path.display()),
    }
}

fn remedy(secret: &SecretRef) -> String {
    match secret {
        SecretRef::Env(_) => format!(
            "The connector's secret is missing; set {} of `jit serve`",
            source(secret)
        ),
        SecretRef::File(_) => format!(
            "The connector's secret is missing; write it to {}, readable by `jit serve`",
            source(secret)
        ),
    }
}
