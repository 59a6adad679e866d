//! Removals that keep failing, in the hands of the policy's admins.

use chrono::TimeDelta;

use super::{Cause, Engine, EngineError};
use crate::domain::{Command, Effect, Member, Request, RequestId};
use crate::store::StoreError;

/// Between two accesses that are looked after: longer than a target may take that does not answer.
const BETWEEN: TimeDelta = TimeDelta::seconds(60);

impl Engine {
    /// Tries a removal at once that keeps failing; for admins of the present policy. It is on record
    /// who wanted it.
    ///
    /// # Errors
    /// `NotAnAdmin`, and `NotStuck` where the removal is not failing.
    pub async fn retry_removal(
        &self,
        id: RequestId,
        by: Member,
        cause: Cause,
    ) -> Result<Request, EngineError> {
        let admins = self.policy().admins().to_vec();
        let command = Command::RetryRemoval { by, admins };
        self.execute_part(id, command, cause).await
    }

    /// Takes an access as gone on the word of an admin of the present policy, though the target did
    /// not say so. Never on the word of its holder, or of whoever asked for it.
    ///
    /// # Errors
    /// As [`Engine::retry_removal`], and `WhyNeeded` and `OwnRemoval`.
    pub async fn resolve_removal(
        &self,
        id: RequestId,
        by: Member,
        why: String,
        cause: Cause,
    ) -> Result<Request, EngineError> {
        let admins = self.policy().admins().to_vec();
        let command = Command::ResolveRemoval { by, why, admins };
        self.execute_part(id, command, cause).await
    }

    /// Has the targets asked once more of accesses that somebody answered for in the last week: what
    /// is still there is taken away, and what is gone is verified. One after the other, since a target
    /// that is gone for good takes its time to say nothing, and other removals must not wait for it.
    ///
    /// # Errors
    /// When it could not be recorded.
    pub async fn look_after_resolved(&self) -> Result<usize, StoreError> {
        let now = self.now().await?;
        let resolved = self.store.resolved_lately(now).await?;
        let (count, mut due) = (resolved.len(), now);
        for access in resolved {
            let mut tx = self.store.begin().await?;
            tx.enqueue_for(&[Effect::Converge { access }], now, due)
                .await?;
            tx.commit().await?;
            due += BETWEEN;
        }
        self.ring();
        Ok(count)
    }
}
