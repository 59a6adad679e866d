//! Sorts what went wrong by what may have happened at the server.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use anyhow::anyhow;
use sqlx::postgres::PgDatabaseError;

use crate::connectors::ConnectorError;

/// How far a call has come. It lives outside the call, so that a time-out can tell.
#[derive(Default)]
pub(super) struct Progress(AtomicU8);

const CONNECTING: u8 = 0;
const CONNECTED: u8 = 1;
const TOUCHED: u8 = 2;

impl Progress {
    /// The server has let us in; nothing is changed yet.
    pub(super) fn connected(&self) {
        self.0.fetch_max(CONNECTED, Ordering::Relaxed);
    }

    /// From here on the server may have changed something: a commit is about to be sent.
    pub(super) fn touched(&self) {
        self.0.fetch_max(TOUCHED, Ordering::Relaxed);
    }

    fn is(&self, stage: u8) -> bool {
        self.0.load(Ordering::Relaxed) == stage
    }

    /// What a call that ran out of time means.
    pub(super) fn timed_out(&self, place: &str, after: Duration) -> ConnectorError {
        let words = format!(
            "The PostgreSQL server {place} did not answer within {} ms",
            after.as_millis()
        );
        if self.is(CONNECTING) {
            ConnectorError::Unreached(words)
        } else {
            ConnectorError::Unknown(anyhow!(words))
        }
    }
}

/// What stopped a call.
pub(super) enum Fault {
    /// We found that it cannot be done, and say why.
    Refused(String),
    /// The server or the way to it failed, while doing what the words say.
    Sql(String, sqlx::Error),
    /// Already sorted.
    Sorted(ConnectorError),
}

impl From<ConnectorError> for Fault {
    fn from(error: ConnectorError) -> Self {
        Self::Sorted(error)
    }
}

impl Fault {
    /// Makes the answer of the connector from it.
    pub(super) fn sort(self, progress: &Progress) -> ConnectorError {
        let touched = progress.is(TOUCHED);
        match self {
            Self::Sorted(error) => error,
            Self::Refused(words) if touched => ConnectorError::Unknown(anyhow!(words)),
            Self::Refused(words) => ConnectorError::Rejected(words),
            Self::Sql(doing, error) => {
                let words = tell(&doing, &error);
                match code(&error) {
                    _ if progress.is(CONNECTING) => ConnectorError::Unreached(words),
                    Some(code) if !touched && is_passing(&code) => ConnectorError::Unreached(words),
                    Some(_) if !touched => ConnectorError::Rejected(words),
                    _ => ConnectorError::Unknown(anyhow!(words)),
                }
            }
        }
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

/// Whether an SQLSTATE speaks of the moment (load, locks, restarts, a conflict) and not of what was
/// asked. `XX000` is among them because concurrent changes of roles end in it.
fn is_passing(code: &str) -> bool {
    const CLASSES: [&str; 7] = ["08", "40", "53", "55", "57", "58", "XX"];
    code == "25006" || CLASSES.iter().any(|class| code.starts_with(class))
}

/// One sentence from an error; the server's detail names the objects that stand in the way.
fn tell(doing: &str, error: &sqlx::Error) -> String {
    let server = error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
    let Some(server) = server else {
        return format!("{doing} failed: {error}");
    };
    let detail = server.detail().map(|detail| format!(" ({})", cut(detail)));
    format!(
        "{doing} failed: {} [{}]{}",
        cut(server.message()),
        server.code(),
        detail.unwrap_or_default()
    )
}

fn cut(text: &str) -> String {
    text.replace('\n', "; ").chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io() -> Fault {
        Fault::Sql(
            "Reading".to_owned(),
            sqlx::Error::Io(std::io::Error::other("gone")),
        )
    }

    #[test]
    fn what_may_have_worked_is_never_called_a_refusal() {
        let progress = Progress::default();
        assert!(matches!(io().sort(&progress), ConnectorError::Unreached(_)));
        progress.connected();
        assert!(matches!(io().sort(&progress), ConnectorError::Unknown(_)));
        let refused = || Fault::Refused("no".to_owned());
        assert!(matches!(
            refused().sort(&progress),
            ConnectorError::Rejected(_)
        ));
        progress.touched();
        assert!(matches!(
            refused().sort(&progress),
            ConnectorError::Unknown(_)
        ));
        progress.connected();
        assert!(matches!(
            refused().sort(&progress),
            ConnectorError::Unknown(_)
        ));
    }

    #[test]
    fn load_and_locks_pass_and_missing_roles_do_not() {
        for code in [
            "57P03", "53300", "55P03", "40001", "40P01", "57014", "XX000",
        ] {
            assert!(is_passing(code), "{code}");
        }
        for code in ["42501", "42704", "42601", "22021", "2BP01", "0LP01"] {
            assert!(!is_passing(code), "{code}");
        }
    }
}
