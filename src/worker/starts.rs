//! The starts of requests that were approved for later.

use tokio_util::sync::CancellationToken;

use super::Worker;
use crate::directory::DirectoryFault;
use crate::domain::{Command, Refusal, RequestId};
use crate::engine::{Cause, EngineError};
use crate::store::StoreError;

impl Worker {
    /// Everything that is due and has to ask the directory first: starts, and digests. Apart from the
    /// sweep, since a slow answer of Slack must never keep an end waiting. Answers how much changed.
    ///
    /// # Errors
    /// When the database cannot be asked what is due.
    pub async fn prepare(&self) -> Result<usize, StoreError> {
        let now = self.engine.now().await?;
        let mut changed = 0;
        for id in self.engine.store().starting(now).await? {
            changed += usize::from(self.begin(id).await);
        }
        Ok(changed + self.schedule_digests().await?)
    }

    pub(super) async fn prepare_until(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.prepare().await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "starts were not looked for"
                );
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(self.pace.poll) => {}
            }
        }
    }

    /// Begins what was approved for now, if policy still says so to whoever the holder is by now.
    /// While that cannot be found out nothing begins, and the next sweep tries again; after the
    /// limit of the approval it lapses unused. Answers whether anything changed.
    async fn begin(&self, id: RequestId) -> bool {
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
        let started = match Box::pin(self.directory.ask_again(&policy, &request)).await {
            Ok(ask) => self.engine.start(id, policy.hash(), &ask).await,
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
