//! All SQL, and nothing else: no rules live here, only CHECKs that a broken rule would hit.
//!
//! Modules in reading order: [`requests`] (the truth), [`outbox`] (what must still happen), [`ledger`]
//! (what happened), [`due`] (what the clock asks for), [`digests`] (what readers are told by schedule),
//! [`people`], [`slack`] (deliveries and messages), [`homes`] (App Home tabs), [`installations`]
//! (workspaces that installed the app, each with a schema of its own), [`health`] (numbers for people on
//! call), [`server`] (databases as a whole).

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Postgres, Transaction};

pub mod digests;
pub mod due;
pub mod health;
pub mod history;
pub mod homes;
pub mod installations;
pub mod ledger;
pub mod notices;
pub mod outbox;
pub mod people;
pub mod readings;
pub mod requests;
pub mod server;
pub mod slack;

pub use server::create_database;

/// The channel on which replicas hint to each other that the outbox has work. A hint only: the
/// poll finds the work anyway. Channels belong to the whole database, so a hint from the schema of an
/// installation names it.
const WAKE_CHANNEL: &str = "jit_outbox";

/// The forward-only migrations, compiled in.
static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// The database.
#[derive(Clone, Debug)]
pub struct Store {
    pool: PgPool,
    /// The schema, where it is that of one installation.
    house: Option<Arc<str>>,
}

/// Hints from other processes that the outbox has work.
pub struct Hints {
    listener: PgListener,
    house: Option<Arc<str>>,
}

impl Hints {
    /// Waits for the next hint that is meant for this schema.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn next(&mut self) -> Result<(), StoreError> {
        loop {
            let hint = self.listener.recv().await?;
            let own = self.house.as_deref();
            // One without a name is for everybody, and where there is one schema all are for it.
            if own.is_none_or(|own| [own, ""].contains(&hint.payload())) {
                return Ok(());
            }
        }
    }
}

/// A transaction. Dropping it without [`Tx::commit`] undoes everything.
#[derive(Debug)]
pub struct Tx(Transaction<'static, Postgres>);

/// What went wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A statement failed, or the database was not reached.
    #[error("the database did not answer as expected")]
    Database(#[from] sqlx::Error),
    /// The migrations could not be run.
    #[error("the database could not be migrated")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The database URL cannot be read.
    #[error("the database URL cannot be read: {0}")]
    Url(String),
    /// A row holds a mix that no state allows.
    #[error("{table} row {row} is inconsistent: {what}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The row's key.
        row: String,
        /// What does not fit.
        what: String,
    },
    /// Somebody else changed the row between reading and writing, or took the effect over.
    #[error("somebody else was faster")]
    Overtaken,
}

impl StoreError {
    /// Whether the same transaction may work when it is simply done again: serialization failures
    /// and deadlocks.
    pub fn is_retryable(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else {
            return false;
        };
        matches!(error.code().as_deref(), Some("40001" | "40P01"))
    }
}

impl Store {
    /// Opens a pool. The first connection is made when it is first needed.
    ///
    /// # Errors
    /// When the URL cannot be read; never because the database is down.
    pub fn connect_lazy(url: &str, connections: u32) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|fault| StoreError::Url(fault.to_string()))?
            .application_name("jitbot")
            .log_slow_statements(tracing::log::LevelFilter::Warn, Duration::from_secs(2));
        Ok(Self::over(options, connections, None))
    }

    fn over(options: PgConnectOptions, connections: u32, house: Option<&str>) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(5))
            .connect_lazy_with(options);
        Self {
            pool,
            house: house.map(Arc::from),
        }
    }

    /// Wraps a pool.
    pub fn new(pool: PgPool) -> Self {
        Self { pool, house: None }
    }

    /// The schema, where it is that of one installation; none where all there is stands in the
    /// default one.
    pub fn house_name(&self) -> Option<&str> {
        self.house.as_deref()
    }

    /// Runs the migrations that are missing. Several replicas may do so at once; one waits for the
    /// other.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        Ok(MIGRATOR.run(&self.pool).await?)
    }

    /// How many migrations are known to this binary and not yet run; 0 when the schema is as new
    /// as this binary or newer.
    pub async fn missing_migrations(&self) -> Result<usize, StoreError> {
        let known: Vec<i64> = MIGRATOR.iter().map(|migration| migration.version).collect();
        let exists = sqlx::query_scalar!(
            "select to_regclass('_sqlx_migrations') is not null as \"exists!\""
        )
        .fetch_one(&self.pool)
        .await?;
        if !exists {
            return Ok(known.len());
        }
        let run: Vec<i64> =
            sqlx::query_scalar::<_, i64>("select version from _sqlx_migrations where success")
                .fetch_all(&self.pool)
                .await?;
        Ok(known
            .iter()
            .filter(|version| !run.contains(version))
            .count())
    }

    /// Begins a transaction.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(Tx(self.pool.begin().await?))
    }

    /// The time by the database's clock.
    pub async fn now(&self) -> Result<DateTime<Utc>, StoreError> {
        self.begin().await?.database_now().await
    }

    /// Listens for hints that the outbox has work.
    pub async fn listen(&self) -> Result<Hints, StoreError> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(WAKE_CHANNEL).await?;
        let house = self.house.clone();
        Ok(Hints { listener, house })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("select 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Closes every connection, waiting for those in use.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl Tx {
    /// The time by the database's clock, read now and not at the beginning of the transaction
    /// (which may have waited for a lock since), and never before the last entry of the ledger.
    pub async fn database_now(&mut self) -> Result<DateTime<Utc>, StoreError> {
        let now = sqlx::query_scalar!(
            r#"select greatest(clock_timestamp(), (select at from ledger order by seq desc limit 1))
               as "now!""#
        )
        .fetch_one(&mut *self.0)
        .await?;
        Ok(now)
    }

    /// Makes everything of this transaction true at once.
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.0.commit().await?)
    }
}

/// Reads what was stored as JSON by this product.
fn from_json<T: serde::de::DeserializeOwned>(
    value: serde_json::Value,
    table: &'static str,
    row: impl std::fmt::Display,
) -> Result<T, StoreError> {
    serde_json::from_value(value).map_err(|fault| StoreError::Inconsistent {
        table,
        row: row.to_string(),
        what: fault.to_string(),
    })
}

/// Writes as JSON for storing. Our own types always can be written.
fn to_json<T: serde::Serialize>(value: &T) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}
