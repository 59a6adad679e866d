//! What a connector needs to act, pinned on a request so that a later policy cannot take away the
//! means of taking the access away.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ConnectorName;

/// Where a secret is read from at the moment of use. The secret itself is never in the policy, the
/// database or the ledger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretRef {
    /// The name of an environment variable of `jit serve`.
    Env(String),
    /// A file whose content, trimmed at the end, is the secret.
    File(PathBuf),
}

/// The kind of a connector and its settings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ConnectorSpec {
    /// A PostgreSQL server.
    Postgres(PostgresSpec),
    /// Any system behind a signed webhook.
    Webhook(WebhookSpec),
}

/// Settings of a `postgres` connector.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PostgresSpec {
    /// The connection URL of an administrating role, naming the database of the resource.
    pub url: SecretRef,
    /// How access is given.
    pub mode: PostgresMode,
}

/// How a `postgres` connector gives access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PostgresMode {
    /// `GRANT role TO login` for a login that exists ([`Target::subject`] names it).
    Membership,
    /// A temporary login role named from the access ([`super::Access::tag`]), member of the role.
    Login,
}

/// Settings of a `webhook` connector.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WebhookSpec {
    /// Where calls are posted to.
    pub url: String,
    /// The signing secret of the Standard Webhooks convention (`whsec_…`).
    pub secret: SecretRef,
}

/// Where and as what an access is held.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// The connector's name in the policy.
    pub connector: ConnectorName,
    /// The connector's settings when the request was made. A connector of that name in the present
    /// policy is preferred; these serve when it is gone.
    pub spec: ConnectorSpec,
    /// The role as the target calls it (for example the database role `app_ro`).
    pub role: String,
    /// The person as the target calls them: a login, an e-mail, a handle.
    pub subject: String,
}

/// What the target answered when the access was given: names and facts that help to find it again
/// and to tell the holder how to connect. Never a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Facts by name, such as `login`, `host`, `database`.
    pub facts: BTreeMap<String, String>,
    /// Whether a password can be set and shown to the holder on demand.
    #[serde(default)]
    pub credentials: bool,
    /// The end that the target itself knows, where it can hold one.
    #[serde(default)]
    pub target_until: Option<DateTime<Utc>>,
}

/// What the target answered when the access was taken away. It was verified gone in either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// Nothing was there to remove.
    pub already_absent: bool,
    /// Live sessions that were ended.
    pub sessions_ended: u32,
}
