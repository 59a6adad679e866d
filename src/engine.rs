//! The only writer. Whatever the cause, a change goes: lock the request, let
//! [`domain::decide`](crate::domain::decide()) decide, save the state, enqueue the effects, append
//! to the ledger, commit. All of it becomes true at once, or none.
//!
//! Never here: rules (they are in `domain` and `policy`), calls to anything outside the database.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use metrics::counter;
use tokio::sync::Notify;
use uuid::{NoContext, Timestamp, Uuid};

use crate::clock::Clock;
use crate::domain::{
    Access, Actor, Ask, Command, Decision, Effect, Event, Extends, GrantState, Origin, PersonId,
    Refusal, Request, RequestId, RequestState, Roster, Terms, Verdict, admit, decide,
};
use crate::policy::{Explanation, Policy};
use crate::store::outbox::Claim;
use crate::store::{Store, StoreError, Tx};

/// How often a transaction is done again that met a deadlock or a serialization failure.
const ATTEMPTS: u32 = 4;

/// The writer, shared by every entry.
#[derive(Debug)]
pub struct Engine {
    store: Store,
    clock: Clock,
    policy: RwLock<Arc<Policy>>,
    wake: Arc<Notify>,
}

/// A wish for access with what is needed to take it in.
#[derive(Clone, Debug)]
pub struct Submission {
    /// What is asked.
    pub ask: Ask,
    /// Who stands behind the groups of the policy, read just now.
    pub roster: Roster,
    /// By which way it comes in.
    pub origin: Origin,
    /// The delivery that carries it; finished in the transaction that stores the request.
    pub delivery: Option<String>,
}

/// Who causes a command, and by what.
#[derive(Clone, Debug)]
pub struct Cause {
    /// Who.
    pub actor: Actor,
    /// The delivery that carries it; finished in the transaction that stores the effect.
    pub delivery: Option<String>,
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
        }
    }

    /// A deadline.
    pub fn clock() -> Self {
        Self {
            actor: Actor::Clock,
            delivery: None,
        }
    }

    /// A worker's report.
    pub fn worker() -> Self {
        Self {
            actor: Actor::Worker,
            delivery: None,
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
    pub fn explain(&self, ask: &Ask) -> Explanation {
        self.policy().explain(ask)
    }

    /// Takes in a new request.
    ///
    /// # Errors
    /// [`EngineError::Refused`] when policy says no, or when too few people could approve it.
    pub async fn submit(&self, submission: Submission) -> Result<Request, EngineError> {
        let person = submission.ask.person.id;
        let outcome = retried(|| self.submit_once(&submission).boxed()).await;
        if let Err(EngineError::Refused(refusal)) = &outcome {
            let actor = Actor::Person {
                person,
                origin: submission.origin,
            };
            self.record_refusal(&actor, None, refusal).await;
        }
        outcome
    }

    async fn submit_once(&self, submission: &Submission) -> Result<Request, EngineError> {
        let explanation = self.explain(&submission.ask);
        let terms = match explanation.verdict {
            Verdict::Terms(terms) => *terms,
            Verdict::Refused(refusal) => return Err(refusal.into()),
        };
        let (Some(resource), Some(role)) = (explanation.resource, explanation.role) else {
            let asked = submission.ask.resource.clone();
            return Err(Refusal::NoSuchResource {
                asked,
                suggestions: Vec::new(),
            }
            .into());
        };
        let access = Access {
            person: submission.ask.person.id,
            resource,
            role,
        };
        for step in terms.route.steps() {
            submission.roster.check(step, access.person)?;
        }
        let mut tx = self.store.begin().await?;
        let now = self.clock.now(&mut tx).await?;
        finish(&mut tx, submission.delivery.as_deref(), now).await?;
        let mut request = new_request(&mut tx, submission, access, terms, now).await?;
        if let Some(extends) = &mut request.extends {
            extends.until = extended_until(&mut tx, extends.request, &request.access).await?;
            extends
                .until
                .filter(|until| now < *until)
                .ok_or(Refusal::NothingToExtend)?;
        }
        let decision = admit(request, now)?;
        tx.insert_request(&decision.next).await?;
        tx.enqueue(&decision.effects, now).await?;
        let actor = Actor::Person {
            person: decision.next.requester,
            origin: submission.origin,
        };
        tx.append(&actor, Some(decision.next.id), &decision.events, now)
            .await?;
        tx.commit().await?;
        self.decided(&decision.events);
        Ok(decision.next)
    }

    /// Carries out a command on a request.
    ///
    /// # Errors
    /// [`EngineError::Refused`] with the answer for whoever asked; nothing was changed then.
    pub async fn execute(
        &self,
        id: RequestId,
        command: Command,
        cause: Cause,
    ) -> Result<Request, EngineError> {
        let outcome = retried(|| self.execute_once(id, &command, &cause).boxed()).await;
        if let Err(EngineError::Refused(refusal)) = &outcome {
            self.record_refusal(&cause.actor, Some(id), refusal).await;
        }
        outcome
    }

    async fn execute_once(
        &self,
        id: RequestId,
        command: &Command,
        cause: &Cause,
    ) -> Result<Request, EngineError> {
        let mut tx = self.store.begin().await?;
        let locked = tx.lock_request(id).await?.ok_or(Refusal::NoSuchRequest)?;
        let now = self.clock.now(&mut tx).await?;
        finish(&mut tx, cause.delivery.as_deref(), now).await?;
        let decision = decide(locked.request.clone(), command.clone(), now)?;
        tx.save(&locked, &decision.next).await?;
        tx.enqueue(&decision.effects, now).await?;
        tx.append(&cause.actor, Some(id), &decision.events, now)
            .await?;
        tx.commit().await?;
        self.decided(&decision.events);
        Ok(decision.next)
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
        let written = async {
            let mut tx = self.store.begin().await?;
            let now = self.clock.now(&mut tx).await?;
            let request = request.filter(|_| *refusal != Refusal::NoSuchRequest);
            tx.append(actor, request, &[event], now).await?;
            tx.commit().await
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
        Event::StepFinished { .. }
        | Event::ActivationBegun { .. }
        | Event::ActivationUnreached { .. }
        | Event::CredentialsIssued { .. }
        | Event::HolderReminded
        | Event::RevocationBegun { .. }
        | Event::RemovalFailing { .. }
        | Event::DecisionRefused { .. } => return,
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

async fn new_request(
    tx: &mut Tx,
    submission: &Submission,
    access: Access,
    terms: Terms,
    now: DateTime<Utc>,
) -> Result<Request, StoreError> {
    let ask = &submission.ask;
    let expires_at = now + TimeDelta::from(terms.request_ttl);
    Ok(Request {
        id: request_id(now),
        number: tx.next_number().await?,
        requester: access.person,
        access,
        reason: ask.reason.clone(),
        duration: ask.duration,
        terms,
        roster: submission.roster.clone(),
        origin: submission.origin,
        extends: ask.extends.map(|request| Extends {
            request,
            until: None,
        }),
        asked_at: now,
        state: RequestState::Pending {
            step: 0,
            approvals: Vec::new(),
            expires_at,
        },
    })
}

/// A version-7 UUID by the database's time, so that ids sort by age whatever replica made them.
fn request_id(now: DateTime<Utc>) -> RequestId {
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    let time = Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos());
    RequestId::from_uuid(Uuid::new_v7(time))
}

/// The end of the grant that is to be prolonged, under lock; none when it is not an active grant of
/// the very same access.
async fn extended_until(
    tx: &mut Tx,
    id: RequestId,
    access: &Access,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let Some(older) = tx.lock_request(id).await? else {
        return Ok(None);
    };
    let same = older.request.access == *access;
    let grant = older.request.grant().filter(|_| same);
    Ok(grant.and_then(|grant| match &grant.state {
        GrantState::Active { until, .. } => Some(*until),
        _ => None,
    }))
}
