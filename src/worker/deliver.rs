//! Takes effects from the outbox and has them carried out, each stream one at a time.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;

use chrono::TimeDelta;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Worker, backoff};
use crate::domain::Effect;
use crate::engine::EngineError;
use crate::store::StoreError;
use crate::store::outbox::{Claim, Kind};

/// How an effect ended.
pub(super) enum Done {
    /// It was carried out and settled.
    Settled,
    /// It failed and is to be tried again after that time (or the usual backoff).
    Again(String, Option<TimeDelta>),
    /// Nothing failed: it is not its turn yet.
    Wait(String, TimeDelta),
}

impl Worker {
    /// Takes what is due of one kind and carries it out, several streams at once. Answers how many
    /// effects were settled.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn deliver(&self, kind: Kind) -> Result<usize, StoreError> {
        let now = self.engine.now().await?;
        let store = self.engine.store();
        let claims = store
            .claim(kind, now, self.pace.lease, self.pace.at_once)
            .await?;
        let mut running: FuturesUnordered<_> = claims
            .into_iter()
            .map(|claim| self.carry_out_safely(claim))
            .collect();
        let mut settled = 0;
        while let Some(done) = running.next().await {
            settled += usize::from(done);
        }
        Ok(settled)
    }

    /// Carries out one effect. A panic in it is counted and isolated: the effect is put off like
    /// after any failure, and the others go on.
    async fn carry_out_safely(&self, claim: Claim) -> bool {
        let work = AssertUnwindSafe(self.carry_out(&claim)).catch_unwind();
        let done = tokio::select! {
            done = work => done,
            () = self.hold(&claim) => return let_go(&claim),
        };
        let (error, wait) = match done {
            Ok(Ok(Done::Settled)) => return true,
            Ok(Ok(Done::Again(error, wait))) => (error, wait),
            Ok(Ok(Done::Wait(why, wait))) => {
                tracing::debug!(stream = %claim.stream, why, "an effect waits its turn");
                self.put_off(&claim, &why, wait, true).await;
                return false;
            }
            // Another worker has it now, and reports on it.
            Ok(Err(EngineError::Store(StoreError::Overtaken))) => return false,
            Ok(Err(error)) => (error.to_string(), None),
            Err(_) => {
                metrics::counter!("jit_effects_panicked_total").increment(1);
                ("it panicked".to_owned(), None)
            }
        };
        tracing::warn!(stream = %claim.stream, attempt = claim.attempt, %error, "an effect failed");
        let wait = wait.unwrap_or_else(|| backoff::after(claim.tries()));
        self.put_off(&claim, &error, wait, false).await;
        false
    }

    /// Renews the lease for as long as the effect is being carried out. Comes to its end only when
    /// this worker holds the effect no longer: another has taken it, or the lease could not be
    /// renewed in its time, so that another may have.
    async fn hold(&self, claim: &Claim) {
        let lease = self.pace.lease.to_std().unwrap_or_default();
        let mut renewed = Instant::now();
        while renewed.elapsed() < lease {
            tokio::time::sleep(lease / 3).await;
            let renewal = async {
                let until = self.engine.now().await? + self.pace.lease;
                self.engine.store().renew(claim, until).await
            };
            match tokio::time::timeout(lease, renewal).await {
                Ok(Ok(())) => renewed = Instant::now(),
                Ok(Err(StoreError::Overtaken)) => return,
                Ok(Err(error)) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a lease was not renewed"
                ),
                Err(_) => tracing::warn!("the database did not answer; a lease was not renewed"),
            }
        }
    }

    async fn carry_out(&self, claim: &Claim) -> Result<Done, EngineError> {
        match &claim.effect {
            Effect::Converge { access } => self.converge(claim, access).await,
            Effect::SyncCard { request } => self.sync_card(claim, *request).await,
            Effect::PostNotice { notice } => self.post_notice(claim, *notice).await,
            Effect::SendDigest { digest } => self.send_digest(claim, *digest).await,
        }
    }

    async fn put_off(&self, claim: &Claim, error: &str, wait: TimeDelta, its_turn: bool) {
        let put_off = async {
            let due = self.engine.now().await? + wait;
            let store = self.engine.store();
            store.put_off(claim, due, error, its_turn).await
        };
        match put_off.await {
            // Overtaken, or unreachable: the lease ends by itself and the effect is taken again.
            Ok(()) | Err(StoreError::Overtaken) => {}
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "an effect keeps its lease"
                );
            }
        }
    }

    /// Keeps as many effects under way as the pace allows: one that takes long (a hanging target, a
    /// channel that has to wait) holds up nothing but its own stream. At a stop, what is under way
    /// is finished and nothing more is taken.
    pub(super) async fn deliver_until(&self, kind: Kind, stop: CancellationToken) {
        let mut running = FuturesUnordered::new();
        while !stop.is_cancelled() {
            // Asking to be woken before looking, so that nothing committed in between is missed.
            let woken = self.engine.wake().notified();
            let claims = self.claim_more(kind, running.len()).await;
            running.extend(claims.into_iter().map(|claim| self.carry_out_safely(claim)));
            tokio::select! {
                () = stop.cancelled() => {}
                () = woken => {}
                Some(_) = running.next() => {}
                () = tokio::time::sleep(self.pace.poll) => {}
            }
        }
        while running.next().await.is_some() {}
    }

    /// Takes what is due, as far as there is room.
    async fn claim_more(&self, kind: Kind, running: usize) -> Vec<Claim> {
        let room = self.pace.at_once - i64::try_from(running).unwrap_or(i64::MAX);
        if room <= 0 {
            return Vec::new();
        }
        let claims = async {
            let now = self.engine.now().await?;
            let store = self.engine.store();
            store.claim(kind, now, self.pace.lease, room).await
        };
        claims.await.unwrap_or_else(|error: StoreError| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the outbox failed"
            );
            Vec::new()
        })
    }

    /// Passes on hints from other processes. When the connection dies the poll covers until it is
    /// back.
    pub(super) async fn listen_until(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let listening = async {
                let mut listener = self.engine.store().listen().await?;
                loop {
                    listener.next().await?;
                    self.engine.wake().notify_waiters();
                }
            };
            let lost: Result<Infallible, StoreError> = tokio::select! {
                () = stop.cancelled() => return,
                lost = listening => lost,
            };
            let Err(error) = lost;
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "no hints from other processes; polling goes on"
            );
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(self.pace.poll * 10) => {}
            }
        }
    }
}

/// Gives up an effect that is held no longer. The call under way is dropped with it: a worker that
/// is cut off from the database must not go on changing the target behind another one's back.
fn let_go(claim: &Claim) -> bool {
    metrics::counter!("jit_effects_let_go_total").increment(1);
    tracing::warn!(stream = %claim.stream, "an effect is another worker's by now");
    false
}
