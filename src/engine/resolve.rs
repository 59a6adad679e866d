//! Removals that keep failing, in the hands of the policy's admins.

use super::{Cause, Engine, EngineError};
use crate::domain::{Command, Effect, Member, Request, RequestId};
use crate::store::StoreError;

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
    /// is still there is taken away, and what is gone is verified.
    ///
    /// # Errors
    /// When it could not be recorded.
    pub async fn look_after_resolved(&self) -> Result<usize, StoreError> {
        let now = self.now().await?;
        let resolved = self.store.resolved_lately(now).await?;
        let effects = resolved
            .into_iter()
            .map(|access| Effect::Converge { access });
        let effects: Vec<Effect> = effects.collect();
        if !effects.is_empty() {
            let mut tx = self.store.begin().await?;
            tx.enqueue(&effects, now).await?;
            tx.commit().await?;
            self.ring();
        }
        Ok(effects.len())
    }
}
