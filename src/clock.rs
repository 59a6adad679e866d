//! What time it is. Deadlines are decided by the database's clock, so that replicas whose own
//! clocks differ agree; in tests it is set by hand.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::store::{Store, StoreError, Tx};

/// Where the time comes from.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The database, read inside the transaction that uses it.
    Database,
    /// Set by hand.
    Manual(ManualClock),
}

impl Clock {
    /// The time now, for that transaction. Never before the last entry of the ledger, so a clock
    /// that steps back cannot undo what has already been counted.
    pub async fn now(&self, tx: &mut Tx) -> Result<DateTime<Utc>, StoreError> {
        match self {
            Self::Database => tx.database_now().await,
            Self::Manual(clock) => Ok(clock.now()),
        }
    }

    /// The time now, outside any transaction.
    pub async fn read(&self, store: &Store) -> Result<DateTime<Utc>, StoreError> {
        match self {
            Self::Database => store.now().await,
            Self::Manual(clock) => Ok(clock.now()),
        }
    }

    /// This process's own idea of the time, good enough to judge the age of a signed request and
    /// never used for a deadline.
    pub fn wall(&self) -> DateTime<Utc> {
        match self {
            #[expect(
                clippy::disallowed_methods,
                reason = "signatures carry the sender's wall time"
            )]
            Self::Database => Utc::now(),
            Self::Manual(clock) => clock.now(),
        }
    }
}

/// A clock that stands still until it is moved. Clones share the time.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<DateTime<Utc>>>);

impl ManualClock {
    /// A clock that shows that time.
    pub fn at(time: DateTime<Utc>) -> Self {
        Self(Arc::new(Mutex::new(time)))
    }

    /// What it shows.
    pub fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves it, forward or back.
    pub fn advance(&self, by: TimeDelta) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}
