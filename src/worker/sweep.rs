//! Deadlines are columns: this asks what is due and turns it into commands.

use chrono::TimeDelta;
use metrics::gauge;
use tokio_util::sync::CancellationToken;

use super::Worker;
use crate::domain::Command;
use crate::engine::{Cause, EngineError};
use crate::store::StoreError;
use crate::store::due::Due;

/// How much is taken up in one look; the next look takes up the rest.
const BATCH: i64 = 200;
/// How long settled effects and finished deliveries are kept: longer than Slack repeats anything.
const KEEP: TimeDelta = TimeDelta::days(7);

impl Worker {
    /// Carries out everything that is due by now. Answers how much changed.
    ///
    /// One request that cannot be handled never keeps the others waiting: its error is logged and
    /// it is found again by the next sweep.
    ///
    /// # Errors
    /// When the database cannot be asked what is due.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let now = self.engine.now().await?;
        let mut changed = 0;
        for due in self.engine.store().due(now, BATCH).await? {
            let (id, command) = match due {
                Due::Lapse(id) => (id, Command::Lapse),
                Due::Expire(id) => (id, Command::Expire),
                Due::Remind(id) => (id, Command::Remind),
                Due::Nudge(id) => (id, Command::Nudge),
                Due::Escalate(id) => (id, Command::Escalate),
                Due::Review(id) => (id, Command::ReviewOverdue),
            };
            match self.engine.execute(id, command, Cause::clock()).await {
                Ok(_) => changed += 1,
                // Somebody decided between the look and the lock.
                Err(EngineError::Refused(_)) => {}
                Err(EngineError::Store(error)) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(request.id = %id, error, "a deadline was not carried out");
                }
            }
        }
        changed += self.engine.show_doubtful_again().await?;
        self.show_unheard().await?;
        Ok(changed)
    }

    pub(super) async fn sweep_until(&self, stop: CancellationToken) {
        let mut looks: u64 = 0;
        while !stop.is_cancelled() {
            if let Err(error) = self.look(looks).await {
                tracing::error!(error = &error as &dyn std::error::Error, "the sweep failed");
            }
            looks += 1;
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(self.pace.poll) => {}
            }
        }
    }

    async fn look(&self, looks: u64) -> Result<(), StoreError> {
        self.sweep().await?;
        if looks.is_multiple_of(5) {
            self.measure().await?;
        }
        if looks.is_multiple_of(3_600) {
            self.engine.look_after_resolved().await?;
        }
        if looks.is_multiple_of(600) {
            let now = self.engine.now().await?;
            let before = now - KEEP;
            self.engine.store().forget_refusals(now).await?;
            self.engine.store().forget_settled(before).await?;
            self.engine.store().forget_deliveries(before).await?;
            self.engine.store().forget_readings(before).await?;
        }
        Ok(())
    }

    /// Sets the gauges that people on call watch.
    pub async fn measure(&self) -> Result<(), StoreError> {
        let health = self.engine.store().health(self.engine.now().await?).await?;
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        for (name, value) in [
            ("jit_requests_pending", health.pending as f64),
            ("jit_grants_active", health.active as f64),
            ("jit_grants_overdue", health.overdue as f64),
            (
                "jit_grants_overdue_oldest_seconds",
                health.oldest_overdue_seconds,
            ),
            ("jit_removals_stuck", health.stuck as f64),
            ("jit_outbox_waiting", health.outbox as f64),
            ("jit_outbox_oldest_seconds", health.outbox_oldest_seconds),
            ("jit_deliveries_waiting", health.deliveries as f64),
        ] {
            // One process may carry several workspaces; each has numbers of its own.
            match self.engine.store().house_name() {
                None => gauge!(name).set(value),
                Some(house) => gauge!(name, "workspace" => house.to_owned()).set(value),
            }
        }
        Ok(())
    }
}
