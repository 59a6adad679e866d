//! Roles of a PostgreSQL server (14 or later).
//!
//! Every access is one role at the server, named by its tag and known again by its comment
//! `jitbot:<tag>`. In both modes it is a member of the target's role.
//!
//! - **Login**: the role itself may log in until the access ends (`VALID UNTIL`, the second belt),
//!   with a password that exists only after it was asked for.
//! - **Membership**: the role cannot log in; the person's own login is a member of it. A membership
//!   that the login already had is another one and stays. `VALID UNTIL` cannot serve here, since
//!   the login lives on; the end rests on this product alone.
//!
//! Taking away ends sessions, because a session that did `SET ROLE` keeps the role after `REVOKE`,
//! and no catalogue tells which sessions did. So in membership mode **every** session of the login
//! ends, in every database, also those opened before the access was given. Sessions of those whom
//! the holder put into the temporary role (PostgreSQL 15 allows that) end as well.
//!
//! What the holder made belongs to the target's role afterwards.

mod catalog;
mod fault;
mod give;
mod password;
mod session;
mod take;

use std::str::FromStr;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use self::fault::{Fault, Progress};
pub use self::session::Limits;
use self::session::Session;
use super::{Connector, ConnectorError, Credentials, Held, Presence, secret};
use crate::domain::{Access, PostgresMode, PostgresSpec, Receipt, Removal, Target};

/// A PostgreSQL server, reached as a role that may create roles and end sessions.
pub struct PostgresConnector {
    spec: PostgresSpec,
    limits: Limits,
}

impl PostgresConnector {
    /// Takes the settings. Nothing is reached and no secret is read before a call.
    pub fn new(spec: PostgresSpec) -> Self {
        Self {
            spec,
            limits: Limits::default(),
        }
    }

    /// Sets how long things may take.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Reads the URL now, so that a rotated password counts.
    async fn options(&self) -> Result<PgConnectOptions, ConnectorError> {
        let url = secret::read(&self.spec.url).await?;
        // The parser's own words could repeat a part of the password.
        PgConnectOptions::from_str(url.expose_secret()).map_err(|_| {
            ConnectorError::Unreached(format!(
                "What stands in {} is not a URL such as postgres://login:password@host/database",
                secret::source(&self.spec.url)
            ))
        })
    }

    fn ground<'a>(
        &self,
        options: &'a PgConnectOptions,
        progress: &'a Progress,
        access: &Access,
        target: &'a Target,
    ) -> Ground<'a> {
        Ground {
            options,
            limits: self.limits,
            progress,
            mode: self.spec.mode,
            tag: access.tag(),
            target,
        }
    }

    /// Runs a call within its time, and sorts what went wrong.
    async fn bounded<T>(
        &self,
        options: &PgConnectOptions,
        progress: &Progress,
        call: impl Future<Output = Result<T, Fault>> + Send,
    ) -> Result<T, ConnectorError> {
        match tokio::time::timeout(self.limits.call, call).await {
            Ok(answer) => answer.map_err(|fault| fault.sort(progress)),
            Err(_) => Err(progress.timed_out(&place(options), self.limits.call)),
        }
    }
}

/// What one call about one access stands on.
struct Ground<'a> {
    options: &'a PgConnectOptions,
    limits: Limits,
    progress: &'a Progress,
    mode: PostgresMode,
    tag: String,
    target: &'a Target,
}

impl Ground<'_> {
    /// Connects, to the URL's database or another one of the server.
    async fn open(&self, database: Option<&str>) -> Result<Session<'_>, Fault> {
        let options = match database {
            Some(database) => &self.options.clone().database(database),
            None => self.options,
        };
        Session::open(options, self.limits, self.progress).await
    }

    async fn ensure(&self, until: DateTime<Utc>) -> Result<Receipt, Fault> {
        let mut session = self.open(None).await?;
        session.lock(&self.tag).await?;
        give::give(&mut session, self, until).await?;
        session.close().await;
        let own = self.mode == PostgresMode::Login;
        let mut facts = facts(self.options, self.login());
        facts.push(("role".to_owned(), self.target.role.clone()));
        Ok(Receipt {
            facts: facts.into_iter().collect(),
            credentials: own,
            target_until: own.then_some(until),
        })
    }

    async fn remove(&self) -> Result<Removal, Fault> {
        let mut session = self.open(None).await?;
        session.lock(&self.tag).await?;
        let removal = take::remove(&mut session, self).await?;
        session.close().await;
        Ok(removal)
    }

    async fn verify(&self) -> Result<Presence, Fault> {
        let mut session = self.open(None).await?;
        let held = give::held(&mut session, self).await?;
        session.close().await;
        Ok(held)
    }

    async fn credentials(&self) -> Result<Credentials, Fault> {
        if self.mode == PostgresMode::Membership {
            return Err(Fault::Refused(format!(
                "“{}” signs in with its own password; “{}” was added to what it may do",
                self.target.subject, self.target.role
            )));
        }
        let mut session = self.open(None).await?;
        session.lock(&self.tag).await?;
        if give::held(&mut session, self).await? == Presence::Absent {
            return Err(Fault::Refused("The access is not held any more".to_owned()));
        }
        let password = password::fresh();
        session.begin().await?;
        session
            .run(
                "alter role %I password %L",
                &[&self.tag, &password::verifier(&password)],
            )
            .await?;
        session.commit().await?;
        session.close().await;
        let mut facts = facts(self.options, &self.tag);
        facts.push(("psql".to_owned(), psql(self.options, &self.tag)));
        Ok(Credentials { facts, password })
    }

    /// The name that the holder logs in by.
    fn login(&self) -> &str {
        match self.mode {
            PostgresMode::Login => &self.tag,
            PostgresMode::Membership => &self.target.subject,
        }
    }
}

#[async_trait]
impl Connector for PostgresConnector {
    async fn ensure(
        &self,
        access: &Access,
        target: &Target,
        until: DateTime<Utc>,
    ) -> Result<Receipt, ConnectorError> {
        let (options, progress) = (self.options().await?, Progress::default());
        let ground = self.ground(&options, &progress, access, target);
        self.bounded(&options, &progress, ground.ensure(until))
            .await
    }

    async fn remove(&self, access: &Access, target: &Target) -> Result<Removal, ConnectorError> {
        let (options, progress) = (self.options().await?, Progress::default());
        let ground = self.ground(&options, &progress, access, target);
        self.bounded(&options, &progress, ground.remove()).await
    }

    async fn verify(&self, access: &Access, target: &Target) -> Result<Presence, ConnectorError> {
        let (options, progress) = (self.options().await?, Progress::default());
        let ground = self.ground(&options, &progress, access, target);
        self.bounded(&options, &progress, ground.verify()).await
    }

    async fn list(&self) -> Result<Vec<Held>, ConnectorError> {
        let (options, progress) = (self.options().await?, Progress::default());
        let call = async {
            let mut session = Session::open(&options, self.limits, &progress).await?;
            let held = catalog::held(&mut session).await?;
            session.close().await;
            Ok(held)
        };
        self.bounded(&options, &progress, call).await
    }

    async fn credentials(
        &self,
        access: &Access,
        target: &Target,
    ) -> Result<Credentials, ConnectorError> {
        let (options, progress) = (self.options().await?, Progress::default());
        let ground = self.ground(&options, &progress, access, target);
        self.bounded(&options, &progress, ground.credentials())
            .await
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        let (options, progress) = (self.options().await?, Progress::default());
        let call = async {
            let mut session = Session::open(&options, self.limits, &progress).await?;
            let admin = catalog::admin(&mut session).await?;
            let obstacles = catalog::obstacles(&mut session).await?;
            session.close().await;
            if obstacles.is_empty() {
                return Ok(());
            }
            let obstacles = obstacles.join("; ");
            Err(Fault::Refused(format!(
                "The connector's login “{}”: {obstacles}",
                admin.name
            )))
        };
        self.bounded(&options, &progress, call).await
    }
}

/// The server and database, for messages. Never the password.
fn place(options: &PgConnectOptions) -> String {
    let host = host(options);
    let database = options.get_database().unwrap_or(options.get_username());
    format!("{host}:{}/{database}", options.get_port())
}

fn host(options: &PgConnectOptions) -> String {
    options.get_socket().map_or_else(
        || options.get_host().to_owned(),
        |socket| socket.display().to_string(),
    )
}

/// How to find the server, in the order to show it.
fn facts(options: &PgConnectOptions, login: &str) -> Vec<(String, String)> {
    let database = options.get_database().unwrap_or(options.get_username());
    [
        ("host", host(options)),
        ("port", options.get_port().to_string()),
        ("database", database.to_owned()),
        ("login", login.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// A line for a shell, without the password: `psql` asks for it.
fn psql(options: &PgConnectOptions, login: &str) -> String {
    let mut words: Vec<String> = facts(options, login)
        .iter()
        .zip(["host", "port", "dbname", "user"])
        .map(|((_, value), key)| format!("{key}={}", conninfo(value)))
        .collect();
    if let Some(mode) = tls(options.get_ssl_mode()) {
        words.push(format!("sslmode={mode}"));
    }
    format!("psql '{}'", words.join(" ").replace('\'', r"'\''"))
}

/// The TLS that the URL insists on; the holder's `psql` should not settle for less.
fn tls(mode: PgSslMode) -> Option<&'static str> {
    match mode {
        PgSslMode::Require => Some("require"),
        PgSslMode::VerifyCa => Some("verify-ca"),
        PgSslMode::VerifyFull => Some("verify-full"),
        _ => None,
    }
}

fn conninfo(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_psql_line_is_safe_to_paste_and_has_no_password() {
        let options = PgConnectOptions::new_without_pgpass()
            .host("db.example.com")
            .port(5433)
            .username("admin")
            .password("hush")
            .database("it's")
            .ssl_mode(PgSslMode::VerifyFull);
        assert_eq!(
            psql(&options, "jit_1"),
            r"psql 'host=db.example.com port=5433 dbname='\''it\'\''s'\'' user=jit_1 sslmode=verify-full'"
        );
        assert!(!place(&options).contains("hush"));
    }
}
