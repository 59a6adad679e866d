//! Secrets, read at the moment of use, so that a rotated one needs no restart.

use secrecy::SecretString;

use crate::domain::SecretRef;

/// A secret that is missing or empty: what to set, and why. It may be there at the next try.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{remedy}: {why}")]
pub struct Missing {
    remedy: String,
    why: String,
}

/// Reads a secret. White space around it is not part of it.
///
/// # Errors
/// When it is not there, or empty.
pub async fn read(secret: &SecretRef) -> Result<SecretString, Missing> {
    let text = match secret {
        SecretRef::Env(name) => std::env::var(name).map_err(|error| error.to_string()),
        SecretRef::File(path) => tokio::fs::read_to_string(path)
            .await
            .map_err(|error| error.to_string()),
    };
    let missing = |why: &str| Missing {
        remedy: remedy(secret),
        why: why.to_owned(),
    };
    match text {
        Ok(text) if text.trim().is_empty() => Err(missing("it is empty")),
        Ok(text) => Ok(SecretString::from(text.trim())),
        Err(why) => Err(missing(&why)),
    }
}

/// Names where a secret is read from, for messages. Never the secret.
pub fn source(secret: &SecretRef) -> String {
    match secret {
        SecretRef::Env(name) => format!("the environment variable {name}"),
        SecretRef::File(path) => format!("the file {}", path.display()),
    }
}

fn remedy(secret: &SecretRef) -> String {
    match secret {
        SecretRef::Env(_) => format!("set {} of `jit serve`", source(secret)),
        SecretRef::File(_) => format!("write it to {}, readable by `jit serve`", source(secret)),
    }
}
