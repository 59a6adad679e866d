//! Everything that knows a target. A connector is told the wanted end, so that repeating a call is
//! harmless; what follows from its answer is decided elsewhere.

pub mod postgres;
pub mod registry;
mod secret;
pub mod webhook;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;

use crate::domain::{Access, Receipt, Removal, Target};

/// A target that can hold an access.
///
/// The laws, held by the contract test for every kind:
///
/// 1. `ensure` twice is `ensure` once; with another `until` the target ends up with that one,
///    whether it is later or earlier.
/// 2. `Ok` from `ensure` means that `verify` finds the access; `Ok` from `remove` means that it was
///    looked for and is gone, and that live sessions which used it have ended.
/// 3. `remove` of what is not there is `Ok`, and says so. `remove` after any crash in the middle of
///    any call leaves nothing behind.
/// 4. `list` and `remove` touch only what this product made: objects that carry its tag.
/// 5. No call outlives its own timeout, and a call that may have worked never says
///    [`ConnectorError::Rejected`] or [`ConnectorError::Unreached`].
#[async_trait]
pub trait Connector: Send + Sync {
    /// Makes the target hold the access until then.
    async fn ensure(
        &self,
        access: &Access,
        target: &Target,
        until: DateTime<Utc>,
    ) -> Result<Receipt, ConnectorError>;

    /// Makes the target not hold the access, and ends sessions that use it.
    async fn remove(&self, access: &Access, target: &Target) -> Result<Removal, ConnectorError>;

    /// Whether the target holds the access now.
    async fn verify(&self, access: &Access, target: &Target) -> Result<Presence, ConnectorError>;

    /// Everything at the target that carries our tag, for finding what should not be there.
    async fn list(&self) -> Result<Vec<Held>, ConnectorError>;

    /// Sets a fresh secret for an access that is held, and returns it. It is shown to the holder
    /// once and stored nowhere; asking again sets another. Targets without secrets of their own
    /// reject this.
    async fn credentials(
        &self,
        access: &Access,
        target: &Target,
    ) -> Result<Credentials, ConnectorError>;

    /// Whether the target can be reached and allows what the connector needs, for `jit doctor`.
    async fn check(&self) -> Result<(), ConnectorError>;
}

/// Whether a target holds an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It does.
    Present {
        /// The end that the target itself keeps, where it keeps one and tells it.
        until: Option<DateTime<Utc>>,
    },
    /// It does not.
    Absent,
}

/// Something at a target that carries our tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The tag of the access ([`Access::tag`]).
    pub tag: String,
    /// The object's name at the target, for people.
    pub object: String,
}

/// How the holder signs in, with a secret that lives only as long as it is being shown.
#[derive(Debug)]
pub struct Credentials {
    /// Lines such as `host`, `database`, `login`, in the order to show them.
    pub facts: Vec<(String, String)>,
    /// The password.
    pub password: SecretString,
}

/// What went wrong at a target, sorted by what may have happened there.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// The target understood and refused: nothing was changed, and asking again gives the same.
    #[error("{0}")]
    Rejected(String),
    /// The target was not reached: nothing was changed, and asking again may work.
    #[error("{0}")]
    Unreached(String),
    /// Nobody knows: it may have happened.
    #[error("{0:#}")]
    Unknown(#[source] anyhow::Error),
}
