//! Taking in new requests, one or the parts of a bundle.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use uuid::{NoContext, Timestamp, Uuid};

use super::{Engine, EngineError, finish, retried};
use crate::domain::{
    Access, Actor, Ask, BundlePart, Decision, Effect, Extends, GrantState, Origin, PersonId,
    Refusal, Request, RequestId, RequestState, Roster, Route, Terms, Verdict, admit,
};
use crate::policy::Policy;
use crate::store::{StoreError, Tx};

/// A wish for access with what is needed to take it in.
#[derive(Clone, Debug)]
pub struct Submission {
    /// What is asked: one access, or every part of a bundle.
    pub asks: Vec<Ask>,
    /// The bundle that the parts are of.
    pub bundle: Option<String>,
    /// The hash of the policy for which people and groups were read.
    pub policy: String,
    /// Who stands behind the groups of the policy, read just now.
    pub roster: Roster,
    /// By which way it comes in.
    pub origin: Origin,
    /// The delivery that carries it; finished in the transaction that stores the request.
    pub delivery: Option<String>,
}

impl Engine {
    /// Takes in a new request. Of a bundle all parts are taken in, or none; answered is each with
    /// its own request, the first of which has the card.
    ///
    /// # Errors
    /// [`EngineError::Refused`] when policy says no, or when too few people could approve it.
    pub async fn submit(&self, submission: Submission) -> Result<Vec<Request>, EngineError> {
        let outcome = retried(|| self.submit_once(&submission).boxed()).await;
        if let (Err(EngineError::Refused(refusal)), Some(ask)) = (&outcome, submission.asks.first())
        {
            let actor = actor(ask, submission.origin);
            self.record_refusal(&actor, None, refusal).await;
        }
        outcome
    }

    async fn submit_once(&self, submission: &Submission) -> Result<Vec<Request>, EngineError> {
        let policy = self.policy();
        // What was read for another policy says nothing about the groups that this one looks at.
        if policy.hash() != submission.policy {
            return Err(Refusal::PolicyChanged.into());
        }
        let mut tx = self.store.begin().await?;
        // All parts of a bundle are for one holder.
        if let Some(ask) = submission.asks.first() {
            tx.lock_holder(&ask.person).await?;
        }
        let now = self.clock.now(&mut tx).await?;
        finish(&mut tx, submission.delivery.as_deref(), now).await?;
        let mut decisions = Vec::new();
        let mut lead = None;
        for (index, ask) in submission.asks.iter().enumerate() {
            let admitting = admit_one(&mut tx, &policy, submission, ask, now);
            let mut request = admitting
                .await
                .map_err(|error| of_part(submission, ask, error))?;
            let lead = *lead.get_or_insert(request.id);
            request.bundle = part(submission, lead, index);
            let decision = admit(request, now)?;
            // At once, so that the parts of a bundle count each other.
            tx.insert_request(&decision.next).await?;
            decisions.push(decision);
        }
        let effects = decisions.iter().flat_map(|decision| &decision.effects);
        let effects: Vec<Effect> = effects.cloned().collect();
        tx.enqueue(&effects, now).await?;
        for (decision, ask) in decisions.iter().zip(&submission.asks) {
            let actor = actor(ask, submission.origin);
            let id = Some(decision.next.id);
            tx.append(&actor, id, &decision.events, now).await?;
        }
        tx.commit().await?;
        for decision in &decisions {
            self.decided(&decision.events);
        }
        Ok(decisions
            .into_iter()
            .map(|Decision { next, .. }| next)
            .collect())
    }
}

fn actor(ask: &Ask, origin: Origin) -> Actor {
    Actor::Person {
        person: ask.requester(),
        origin,
    }
}

/// A refusal of one part of a bundle says which.
fn of_part(submission: &Submission, ask: &Ask, error: EngineError) -> EngineError {
    match error {
        EngineError::Refused(refusal)
            if submission.bundle.is_some() && refusal != Refusal::Duplicate =>
        {
            EngineError::Refused(Refusal::PartRefused {
                resource: crate::domain::ResourceName::new(&ask.resource),
                because: Box::new(refusal),
            })
        }
        error => error,
    }
}

fn part(submission: &Submission, lead: RequestId, index: usize) -> Option<BundlePart> {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Some(BundlePart {
        lead,
        name: submission.bundle.clone()?,
        part: count(index + 1),
        of: count(submission.asks.len()),
    })
}

/// The request that an ask becomes, if policy and the people there are allow it.
async fn admit_one(
    tx: &mut Tx,
    policy: &Policy,
    submission: &Submission,
    ask: &Ask,
    now: DateTime<Utc>,
) -> Result<Request, EngineError> {
    let looked_at = (ask.extends, None);
    let circumstances = tx.circumstances(&ask.person, looked_at, now).await?;
    if ask.extends.is_some() && circumstances.chain.is_none() {
        return Err(Refusal::NothingToExtend.into());
    }
    let explanation = policy.explain(ask, &circumstances);
    let mut terms = match explanation.verdict {
        Verdict::Terms(terms) => *terms,
        Verdict::Refused(refusal) => return Err(refusal.into()),
    };
    let (Some(resource), Some(role)) = (explanation.resource, explanation.role) else {
        let asked = ask.resource.clone();
        let suggestions = Vec::new();
        return Err(Refusal::NoSuchResource { asked, suggestions }.into());
    };
    let access = Access {
        person: ask.person.id,
        resource,
        role,
    };
    terms.barred = barred(tx, ask).await?;
    can_be_decided(ask, &terms, &submission.roster, now)?;
    let roster = on_their_clocks(policy, &terms, &submission.roster, now);
    let mut request = new_request(tx, submission, (ask, access, terms), now).await?;
    request.roster = roster;
    if let Some(extends) = &mut request.extends {
        extends.until = extended_until(tx, extends.request, &request.access).await?;
        let ends = extends.until.filter(|until| now < *until);
        // After that there is nothing to prolong, so nobody is waited for.
        request
            .state
            .waits_until(ends.ok_or(Refusal::NothingToExtend)?);
    }
    Ok(request.with_first_call(now))
}

/// Whether there are people enough to decide on what an ask would become, none of them one of those
/// whose request it is.
pub(super) fn can_be_decided(
    ask: &Ask,
    terms: &Terms,
    roster: &Roster,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let own: Vec<PersonId> = ask.own().into_iter().chain(terms.barred.clone()).collect();
    roster.check_route(terms.route.steps(), &own, now)?;
    reviewable(terms, roster, &own)
}

impl Engine {
    /// The roster with everybody's own quiet hours in the place of their zones, as the present policy
    /// has them for the rule of those terms.
    pub fn on_their_clocks(&self, terms: &Terms, roster: &Roster, now: DateTime<Utc>) -> Roster {
        on_their_clocks(&self.policy(), terms, roster, now)
    }
}

pub(super) fn on_their_clocks(
    policy: &Policy,
    terms: &Terms,
    roster: &Roster,
    now: DateTime<Utc>,
) -> Roster {
    let quiet = roster.zones.iter().filter_map(|(person, zone)| {
        let windows = policy.quiet_in(&terms.rule, zone, now)?;
        Some((*person, windows))
    });
    Roster {
        quiet: quiet.collect(),
        zones: BTreeMap::new(),
        ..roster.clone()
    }
}

/// A break-glass request needs somebody who can look at it afterwards.
fn reviewable(terms: &Terms, roster: &Roster, own: &[PersonId]) -> Result<(), Refusal> {
    let Route::BreakGlass(glass) = &terms.route else {
        return Ok(());
    };
    if !roster.people(&glass.review_by, own).is_empty() {
        return Ok(());
    }
    Err(Refusal::TooFewApprovers {
        from: glass.review_by.clone(),
        needed: 1,
        eligible: 0,
        own: own.len(),
    })
}

/// Who asked for what is to be prolonged, besides those whose request this is anyway.
async fn barred(tx: &mut Tx, ask: &Ask) -> Result<Vec<PersonId>, StoreError> {
    let Some(older) = ask.extends else {
        return Ok(Vec::new());
    };
    let older = tx.lock_request(older).await?;
    Ok(barred_by(older.as_ref().map(|older| &older.request), ask))
}

/// As `barred`, where the request that is to be prolonged is at hand.
pub(super) fn barred_by(older: Option<&Request>, ask: &Ask) -> Vec<PersonId> {
    let mut before = older.map_or_else(Vec::new, Request::own);
    before.retain(|person| !ask.own().contains(person));
    before.sort();
    before.dedup();
    before
}

async fn new_request(
    tx: &mut Tx,
    submission: &Submission,
    (ask, access, terms): (&Ask, Access, Terms),
    now: DateTime<Utc>,
) -> Result<Request, StoreError> {
    Ok(Request {
        id: request_id(now),
        number: tx.next_number().await?,
        requester: ask.requester(),
        access,
        reason: ask.reason.clone(),
        duration: ask.duration.unwrap_or(terms.duration),
        state: RequestState::asked(&terms, now),
        terms,
        roster: submission.roster.clone(),
        origin: submission.origin,
        extends: ask.extends.map(|request| Extends {
            request,
            until: None,
        }),
        bundle: None,
        asked_at: now,
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
