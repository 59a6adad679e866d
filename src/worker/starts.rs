//! The starts of requests that were approved for later.

use super::Worker;
use crate::directory::DirectoryFault;
use crate::domain::{Command, Refusal, RequestId};
use crate::engine::{Cause, EngineError};

impl Worker {
    /// Begins what was approved for now, if policy still says so to whoever the holder is by now.
    /// While that cannot be found out nothing begins, and the next sweep tries again; after the
    /// limit of the approval it lapses unused. Answers whether anything changed.
    pub(super) async fn begin(&self, id: RequestId) -> bool {
        match self.try_start(id).await {
            Ok(changed) => changed,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(request.id = %id, error, "a start was not carried out");
                false
            }
        }
    }

    async fn try_start(&self, id: RequestId) -> Result<bool, EngineError> {
        let Some(request) = self.engine.store().request(id).await? else {
            return Ok(false);
        };
        let policy = self.engine.policy();
        let started = match self.directory.ask_again(&policy, &request).await {
            Ok(ask) => self.engine.start(id, &ask).await,
            Err(DirectoryFault::Unfit(unfit)) => {
                let why = unfit.to_string();
                let refusal = Refusal::UnknownPerson { why };
                let refuse = Command::RefuseStart { refusal };
                self.engine.execute(id, refuse, Cause::clock()).await
            }
            Err(fault) => {
                tracing::warn!(request.id = %id, %fault, "the holder could not be looked up");
                let lapse = Command::LapseStart;
                self.engine.execute(id, lapse, Cause::clock()).await
            }
        };
        match started {
            Ok(_) => Ok(true),
            Err(EngineError::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
