//! One connection for one call, with limits that end it even when this process is gone.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::fault::{Fault, Progress};

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A whole call of the connector, connecting included.
    pub call: Duration,
    /// One statement at the server.
    pub statement: Duration,
    /// Waiting for a lock at the server.
    pub lock: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(10),
            statement: Duration::from_secs(6),
            lock: Duration::from_secs(3),
        }
    }
}

/// A connection of the administrating role. Not pooled: calls are rare, a rotated password counts
/// at once, and nothing of ours stays open at the target between them.
pub(super) struct Session<'a> {
    conn: PgConnection,
    progress: &'a Progress,
}

impl<'a> Session<'a> {
    /// Connects. Statements are never logged on our side: some carry a password's verifier. The
    /// search path is empty but for the system's own: a database's users could otherwise put
    /// functions of theirs in front of the built-in ones, and we would run them.
    pub(super) async fn open(
        options: &PgConnectOptions,
        limits: Limits,
        progress: &'a Progress,
    ) -> Result<Self, Fault> {
        let conn = options
            .clone()
            .application_name("jitbot")
            .disable_statement_logging()
            .connect()
            .await
            .map_err(|error| {
                Fault::Sql(format!("Connecting to {}", super::place(options)), error)
            })?;
        progress.connected();
        let mut session = Self { conn, progress };
        session.limit(limits).await?;
        Ok(session)
    }

    async fn limit(&mut self, limits: Limits) -> Result<(), Fault> {
        let ms = |duration: Duration| duration.as_millis().max(1).to_string();
        sqlx::query(
            "select pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false),
                    pg_catalog.set_config('statement_timeout', $1, false),
                    pg_catalog.set_config('lock_timeout', $2, false),
                    pg_catalog.set_config('idle_in_transaction_session_timeout', $3, false),
                    pg_catalog.set_config('idle_session_timeout', $3, false)",
        )
        .bind(ms(limits.statement))
        .bind(ms(limits.lock))
        .bind(ms(limits.call))
        .execute(&mut self.conn)
        .await
        .map_err(during("Setting the limits of the session"))?;
        Ok(())
    }

    /// The connection, for reading the catalogue.
    pub(super) fn conn(&mut self) -> &mut PgConnection {
        &mut self.conn
    }

    /// Waits until no other call works on the tag. The lock ends with the connection, which the
    /// server closes when it is idle for longer than a call may take.
    pub(super) async fn lock(&mut self, tag: &str) -> Result<(), Fault> {
        sqlx::query("select pg_advisory_lock(hashtextextended('jitbot:' || $1, 0))")
            .bind(tag)
            .execute(&mut self.conn)
            .await
            .map_err(during("Waiting for another call about the same access"))?;
        Ok(())
    }

    pub(super) async fn begin(&mut self) -> Result<(), Fault> {
        self.plain("begin").await
    }

    /// Commits. A failed statement before it needs no rollback: the session is then dropped.
    pub(super) async fn commit(&mut self) -> Result<(), Fault> {
        self.progress.touched();
        self.plain("commit").await
    }

    async fn plain(&mut self, sql: &'static str) -> Result<(), Fault> {
        sqlx::raw_sql(sql)
            .execute(&mut self.conn)
            .await
            .map_err(during(sql))?;
        Ok(())
    }

    /// Runs a statement that cannot take bound values. The server itself puts the words into the
    /// template, as identifiers (`%I`) or literals (`%L`).
    pub(super) async fn run(
        &mut self,
        template: &'static str,
        words: &[&str],
    ) -> Result<(), Fault> {
        let sql: String = sqlx::query_scalar("select format($1, variadic $2::text[])")
            .bind(template)
            .bind(words)
            .fetch_one(&mut self.conn)
            .await
            .map_err(during(template))?;
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut self.conn)
            .await
            .map_err(during(template))?;
        Ok(())
    }

    /// Says goodbye. That it was heard does not matter: everything is committed.
    pub(super) async fn close(self) {
        drop(self.conn.close().await);
    }
}

/// Wraps an error of sqlx with what was being done.
pub(super) fn during(doing: &str) -> impl FnOnce(sqlx::Error) -> Fault {
    let doing = doing.to_owned();
    move |error| Fault::Sql(doing, error)
}
