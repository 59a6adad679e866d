//! The only writer. Whatever the cause, a change goes: lock the request, let
//! [`domain::decide`](crate::domain::decide()) decide, save the state, enqueue the effects, append
//! to the ledger, commit. All of it becomes true at once, or none.
//!
//! Never here: rules (they are in `domain` and `policy`), calls to anything outside the database.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use metrics::counter;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::domain::{
    Actor, Ask, Circumstances, Command, Decision, Effect, Event, Origin, Past, PersonId, Refusal,
    RequestId, Roster, Terms, Verdict, decide,
};
use crate::policy::suite::past_as_offered;
use crate::policy::{Explanation, Policy};
use crate::store::outbox::Claim;
use crate::store::{Store, StoreError, Tx};

mod again;
mod chain;
mod digests;
mod execute;
mod homes;
mod reload;
mod resolve;
mod shown;
mod submit;

pub use again::Again;
pub use shown::Page;
pub use submit::Submission;

/// How often a transaction is done again that met a deadlock or a serialization failure.
const ATTEMPTS: u32 = 4;

/// The writer, shared by every entry.
#[derive(Debug)]
pub struct Engine {
    store: Store,
    clock: Clock,
    policy: RwLock<Arc<Policy>>,
    /// What is wrong with the policy's files as they are now.
    policy_trouble: RwLock<Option<String>>,
    wake: Arc<Notify>,
}

/// Who causes a command, and by what.
#[derive(Clone, Debug)]
pub struct Cause {
    /// Who.
    pub actor: Actor,
    /// The delivery that carries it; finished in the transaction that stores the effect.
    pub delivery: Option<String>,
    /// The request asked once more, with what the directory says just now. Needed to approve a
    /// request that was made under another policy than the present one.
    pub asked_again: Option<Again>,
    /// The [`version`](crate::domain::version) of what the person looked at; none where it does not
    /// matter. Where it is another one by now, under lock, what would have an effect has none.
    pub seen: Option<String>,
}

impl Cause {
    /// A person's act in Slack.
    pub fn slack(person: PersonId, delivery: impl Into<String>) -> Self {
        let actor = Actor::Person {
            person,
            origin: Origin::Slack,
        };
        Self {
            actor,
            delivery: Some(delivery.into()),
            asked_again: None,
            seen: None,
        }
    }

    /// A deadline.
    pub fn clock() -> Self {
        Self {
            actor: Actor::Clock,
            delivery: None,
            asked_again: None,
            seen: None,
        }
    }

    /// A worker's report.
    pub fn worker() -> Self {
        Self {
            actor: Actor::Worker,
            delivery: None,
            asked_again: None,
            seen: None,
        }
    }
}

/// Why a command had no effect.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The answer is no; nothing was changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database failed; nothing was changed.
    #[error("nothing was recorded")]
    Store(#[from] StoreError),
}

impl EngineError {
    fn is_retryable(&self) -> bool {
        matches!(self, Self::Store(fault) if fault.is_retryable())
    }
}

impl Engine {
    /// An engine over a database, deciding by that policy and that clock.
    pub fn new(store: Store, policy: Policy, clock: Clock) -> Self {
        Self {
            store,
            clock,
            policy: RwLock::new(Arc::new(policy)),
            policy_trouble: RwLock::default(),
            wake: Arc::default(),
        }
    }

    /// The database, for reading.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Rung after every commit that asked for effects. A hint only: the poll finds them anyway.
    pub fn wake(&self) -> &Notify {
        &self.wake
    }

    /// The present policy.
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The time now, by the database's clock.
    pub async fn now(&self) -> Result<DateTime<Utc>, StoreError> {
        let mut tx = self.store.begin().await?;
        self.clock.now(&mut tx).await
    }

    /// What the present policy says to an ask, with every rule that was tried. Asks nobody and
    /// records nothing.
    ///
    /// # Errors
    /// When the database could not be asked what was before.
    pub async fn explain(&self, ask: &Ask) -> Result<Explanation, StoreError> {
        self.explain_after(ask, &[]).await
    }

    /// As [`Engine::explain`], as if these requests of the holder, the latest first, had been taken in
    /// just before.
    ///
    /// # Errors
    /// When the database could not be asked what was before.
    pub async fn explain_after(
        &self,
        ask: &Ask,
        before: &[Past],
    ) -> Result<Explanation, StoreError> {
        let mut circumstances = self.circumstances(ask).await?;
        circumstances.past.splice(0..0, before.iter().cloned());
        let mut explanation = self.policy().explain(ask, &circumstances);
        if let (Verdict::Terms(terms), Some(older)) = (&mut explanation.verdict, ask.extends) {
            let older = self.store.request(older).await?;
            terms.barred = submit::barred_by(older.as_ref(), ask);
        }
        Ok(explanation)
    }

    /// What policy says to asks that are taken in together, each as if those before it had been taken in:
    /// the parts of a bundle count each other.
    ///
    /// # Errors
    /// When the database could not be asked what was before.
    pub async fn explain_parts(&self, asks: &[Ask]) -> Result<Vec<Explanation>, StoreError> {
        let now = self.now().await?;
        let (mut told, mut before) = (Vec::with_capacity(asks.len()), Vec::new());
        for ask in asks {
            let explanation = self.explain_after(ask, &before).await?;
            before.splice(0..0, past_as_offered(&explanation, ask, now));
            told.push(explanation);
        }
        Ok(told)
    }

    /// Whether an ask would be taken in under these terms, as far as it depends on the people who
    /// stand behind them: the same look that [`Engine::submit`] takes.
    ///
    /// # Errors
    /// Why it would be refused.
    pub fn would_admit(
        &self,
        ask: &Ask,
        terms: &Terms,
        roster: &Roster,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        submit::can_be_decided(ask, terms, roster, now)
    }

    async fn circumstances(&self, ask: &Ask) -> Result<Circumstances, StoreError> {
        let now = self.now().await?;
        let reading = self.store.circumstances(&ask.person, ask.extends, now);
        reading.await
    }

    /// Takes in what a worker has to report on several requests, and settles the effect that it
    /// carried out, in one transaction. Reports that came too late are left out; what is true by
    /// now has an effect of its own in the same stream.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] when another worker has taken the effect since; nothing of the
    /// report is kept then.
    pub async fn report(
        &self,
        claim: &Claim,
        reports: &[(RequestId, Command)],
    ) -> Result<(), EngineError> {
        retried(|| self.report_once(claim, reports).boxed()).await
    }

    async fn report_once(
        &self,
        claim: &Claim,
        reports: &[(RequestId, Command)],
    ) -> Result<(), EngineError> {
        let mut tx = self.store.begin().await?;
        let mut decisions: Vec<(Decision, DateTime<Utc>)> = Vec::new();
        let mut sorted: Vec<_> = reports.iter().collect();
        sorted.sort_by_key(|(id, _)| *id);
        for (id, command) in sorted {
            let Some(locked) = tx.lock_request(*id).await? else {
                continue;
            };
            let at = self.clock.now(&mut tx).await?;
            if let Ok(decision) = decide(locked.request.clone(), command.clone(), at) {
                tx.save(&locked, &decision.next).await?;
                decisions.push((decision, at));
            }
        }
        let now = self.clock.now(&mut tx).await?;
        for (decision, _) in &decisions {
            tx.enqueue(&decision.effects, now).await?;
        }
        tx.settle(claim, now).await?;
        for (decision, at) in &decisions {
            let id = Some(decision.next.id);
            tx.append(&Actor::Worker, id, &decision.events, *at).await?;
        }
        tx.commit().await?;
        for (decision, _) in &decisions {
            self.decided(&decision.events);
        }
        Ok(())
    }

    /// Takes a message as a copy of a request's card: somebody clicked on it, and a crash had lost its
    /// timestamp. From now on it is kept true like the others. Answers whether it was new.
    pub async fn adopt_card(
        &self,
        request: RequestId,
        channel: &str,
        ts: &str,
    ) -> Result<bool, StoreError> {
        let mut tx = self.store.begin().await?;
        let now = self.clock.now(&mut tx).await?;
        if !tx.adopt_card(request, channel, ts, now).await? {
            return Ok(false);
        }
        tx.enqueue(&[Effect::SyncCard { request }], now).await?;
        tx.commit().await?;
        self.ring();
        Ok(true)
    }

    /// Writes down that somebody tried what they may not. It must not turn the "no" into an error,
    /// so a database that fails here is only logged.
    async fn record_refusal(&self, actor: &Actor, request: Option<RequestId>, refusal: &Refusal) {
        let Actor::Person { person, .. } = actor else {
            return;
        };
        counter!("jit_refusals_total").increment(1);
        if !refusal.is_telling() {
            return;
        }
        let event = Event::DecisionRefused {
            by: *person,
            refusal: refusal.clone(),
        };
        let request = request.filter(|_| *refusal != Refusal::NoSuchRequest);
        self.put_down(actor, request, event).await;
    }

    /// Writes down that somebody wanted to have a say who can have none, whatever the policy says. Like
    /// any refusal it is only logged where the database fails.
    pub async fn refuse_outsider(&self, user: &str, request: RequestId, why: String) {
        counter!("jit_refusals_total").increment(1);
        let user = user.to_owned();
        let event = Event::OutsiderRefused { why };
        self.put_down(&Actor::Outsider { user }, Some(request), event)
            .await;
    }

    /// Puts it down, unless the very same was put down lately: pressing a button again and again
    /// neither fills the ledger nor holds up whoever else has something to write there.
    async fn put_down(&self, actor: &Actor, request: Option<RequestId>, event: Event) {
        let written = async {
            let mut tx = self.store.begin().await?;
            let now = self.clock.now(&mut tx).await?;
            if tx.is_new_refusal(actor, request, &event, now).await? {
                tx.append(actor, request, &[event], now).await?;
                tx.commit().await?;
            }
            Ok::<_, StoreError>(())
        };
        if let Err(error) = written.await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a refusal was not recorded"
            );
        }
    }

    fn decided(&self, events: &[Event]) {
        for event in events {
            count(event);
        }
        self.ring();
    }

    fn ring(&self) {
        self.wake.notify_waiters();
        self.wake.notify_one();
    }
}

/// Does a transaction again that met a deadlock or a serialization failure, a few times.
async fn retried<'a, T>(
    transaction: impl Fn() -> BoxFuture<'a, Result<T, EngineError>>,
) -> Result<T, EngineError> {
    for _ in 1..ATTEMPTS {
        match transaction().await {
            Err(error) if error.is_retryable() => {}
            outcome => return outcome,
        }
    }
    transaction().await
}

/// Counts decisions, and measures how late removals are.
fn count(event: &Event) {
    let decision = match event {
        Event::Requested { .. } => "requested",
        Event::ApprovalGiven { .. } => "approval",
        Event::RequestApproved { .. } => "approved",
        Event::RequestDenied { .. } => "denied",
        Event::RequestCancelled => "cancelled",
        Event::RequestExpired => "expired",
        Event::GrantActivated { .. } => "activated",
        Event::GrantFailed { .. } => "failed",
        Event::GrantRevoked { lag_seconds, .. } => {
            let lag = u32::try_from(*lag_seconds).unwrap_or(u32::MAX);
            metrics::histogram!("jit_removal_lag_seconds").record(f64::from(lag));
            "revoked"
        }
        Event::RequestOverruled { .. } => "overruled",
        Event::RemovalResolved { .. } => "removal_resolved",
        Event::StepEscalated { .. } => "escalated",
        Event::ReviewCompleted { .. } => "reviewed",
        Event::ReviewOverdue => "review_overdue",
        Event::StepFinished { .. }
        | Event::ApproversNudged { .. }
        | Event::ApproversCalled { .. }
        | Event::CallPutOff { .. }
        | Event::TermsTightened { .. }
        | Event::StartBegun
        | Event::StartWithdrawn { .. }
        | Event::GrantRetried { .. }
        | Event::PolicyChanged { .. }
        | Event::HistoryRead { .. }
        | Event::ActivationBegun { .. }
        | Event::ActivationUnreached { .. }
        | Event::CredentialsIssued { .. }
        | Event::HolderReminded
        | Event::RevocationBegun { .. }
        | Event::RemovalFailing { .. }
        | Event::RemovalRetried { .. }
        | Event::DecisionRefused { .. }
        | Event::OutsiderRefused { .. } => return,
    };
    counter!("jit_decisions_total", "decision" => decision).increment(1);
}

/// Finishes the delivery in this transaction, or refuses what was already carried out.
async fn finish(
    tx: &mut Tx,
    delivery: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), EngineError> {
    match delivery {
        Some(key) if !tx.finish_delivery(key, now).await? => Err(Refusal::Duplicate.into()),
        _ => Ok(()),
    }
}
