//! Carrying out commands: on one request, or on every part of a bundle at once.

use chrono::{DateTime, Utc};
use futures::FutureExt;

use super::again::{stricter, under};
use super::{Cause, Engine, EngineError, chain, finish, retried};
use crate::domain::{
    Ask, Command, Decision, Effect, GroupName, Refusal, Request, RequestId, Route, Terms, Verdict,
    decide, tightened, version,
};
use crate::policy::Policy;
use crate::store::requests::Locked;
use crate::store::{StoreError, Tx};

/// What a command led to, and a refusal that is to be told although something was recorded.
pub(super) struct Outcome {
    pub(super) decision: Decision,
    pub(super) refusal: Option<Refusal>,
}

impl Engine {
    /// Carries out a command on a request. What a person says on the card of a bundle is carried out
    /// on each of its parts that it fits; what ends an access, on its extensions as well.
    ///
    /// # Errors
    /// [`EngineError::Refused`] with the answer for whoever asked. Nothing was changed then, unless
    /// it is [`Refusal::NoLongerAllowed`]: the request is over, since policy has changed.
    pub async fn execute(
        &self,
        id: RequestId,
        command: Command,
        cause: Cause,
    ) -> Result<Request, EngineError> {
        let whole = is_said_of_all(&command);
        self.executed(id, whole, &command, &cause).await
    }

    /// As [`Engine::execute`], on that request alone, even where it has the card of a bundle.
    ///
    /// # Errors
    /// As there.
    pub async fn execute_part(
        &self,
        id: RequestId,
        command: Command,
        cause: Cause,
    ) -> Result<Request, EngineError> {
        self.executed(id, false, &command, &cause).await
    }

    async fn executed(
        &self,
        id: RequestId,
        whole: bool,
        command: &Command,
        cause: &Cause,
    ) -> Result<Request, EngineError> {
        let outcome = retried(|| self.execute_once((id, whole), command, cause).boxed()).await;
        if let Err(EngineError::Refused(refusal)) = &outcome {
            self.record_refusal(&cause.actor, Some(id), refusal).await;
        }
        outcome
    }

    /// The start of a request has come. `ask` is the request asked once more, with what the
    /// directory says of the holder just now, read for the policy of that hash: the access begins if
    /// policy still has terms for it.
    ///
    /// # Errors
    /// [`Refusal::NotDue`] when it has not come, or is over; and while it cannot be found out whether
    /// it may begin, which is tried again until the approval lapses.
    pub async fn start(
        &self,
        id: RequestId,
        hash: &str,
        ask: &Ask,
    ) -> Result<Request, EngineError> {
        let policy = self.policy();
        let request = self.store.request(id).await?;
        let request = request.ok_or(Refusal::NoSuchRequest)?;
        // What was read for another policy says nothing about the groups that this one looks at.
        let command = if policy.hash() == hash {
            let now = self.now().await?;
            let mut tx = self.store.begin().await?;
            let weighed = weigh_within(&mut tx, &policy, &request, ask, now).await?;
            drop(tx);
            starting(&request, weighed)
        } else {
            Command::LapseStart
        };
        self.execute(id, command, Cause::clock()).await
    }

    async fn execute_once(
        &self,
        (id, whole): (RequestId, bool),
        command: &Command,
        cause: &Cause,
    ) -> Result<Request, EngineError> {
        let mut tx = self.store.begin().await?;
        let mut refused = None;
        let mut done: Vec<(Locked, Outcome)> = Vec::new();
        let named = if whole {
            tx.parts_of(id).await?
        } else {
            vec![id]
        };
        let (named, linked) = chain::lock(&mut tx, &named, command).await?;
        let is = version(named.iter().map(|locked: &Locked| &locked.request));
        let stale = cause.seen.as_ref().is_some_and(|seen| *seen != is);
        let now = self.clock.now(&mut tx).await?;
        finish(&mut tx, cause.delivery.as_deref(), now).await?;
        for locked in named {
            match self
                .decide_one(&mut tx, &locked.request, (command, cause), now)
                .await
            {
                Ok(outcome) => done.push((locked, outcome)),
                Err(EngineError::Refused(refusal)) => {
                    refused = Some(more_telling(refused, refusal));
                }
                Err(error) => return Err(error),
            }
        }
        if done.is_empty() {
            return Err(refused.unwrap_or(Refusal::NoSuchRequest).into());
        }
        // Whoever comes too late was told by whom; who still could decide has not seen on what.
        if stale {
            return Err(Refusal::Stale.into());
        }
        done.extend(chain::follow(linked, command, &done, now));
        self.keep(tx, done, cause, (id, now)).await
    }

    async fn keep(
        &self,
        mut tx: Tx,
        done: Vec<(Locked, Outcome)>,
        cause: &Cause,
        (id, now): (RequestId, DateTime<Utc>),
    ) -> Result<Request, EngineError> {
        for (locked, outcome) in &done {
            tx.save(locked, &outcome.decision.next).await?;
        }
        let mut effects: Vec<Effect> = Vec::new();
        for (_, outcome) in &done {
            for effect in &outcome.decision.effects {
                if !effects.contains(effect) {
                    effects.push(effect.clone());
                }
            }
        }
        tx.enqueue(&effects, now).await?;
        for (_, Outcome { decision, .. }) in &done {
            let id = Some(decision.next.id);
            tx.append(&cause.actor, id, &decision.events, now).await?;
        }
        tx.commit().await?;
        let (mut next, mut refusal) = (None, None);
        for (_, outcome) in done {
            self.decided(&outcome.decision.events);
            refusal = refusal.or(outcome.refusal);
            if next.is_none() || outcome.decision.next.id == id {
                next = Some(outcome.decision.next);
            }
        }
        match (refusal, next) {
            (None, Some(next)) => Ok(next),
            (refusal, _) => Err(refusal.unwrap_or(Refusal::NoSuchRequest).into()),
        }
    }

    /// What the command leads to; before a decision, what the present policy has to say to a request
    /// that was made under another one.
    async fn decide_one(
        &self,
        tx: &mut Tx,
        request: &Request,
        (command, cause): (&Command, &Cause),
        now: DateTime<Utc>,
    ) -> Result<Outcome, EngineError> {
        let plain = decide(request.clone(), command.clone(), now)?;
        let policy = self.policy();
        if !matches!(command, Command::Approve { .. }) || is_by(request, &policy) {
            return Ok(Outcome {
                decision: plain,
                refusal: None,
            });
        }
        // What was read for another policy says nothing about the groups that this one looks at.
        let again = cause.asked_again.as_ref();
        let Some(again) = again.filter(|again| again.policy == policy.hash()) else {
            return Err(Refusal::PolicyChanged.into());
        };
        let weighed = weigh_within(tx, &policy, request, &again.ask, now).await?;
        let unknown = weighed.unknown();
        let fresh = match weighed.verdict {
            Verdict::Refused(refusal) => {
                return Ok(overruled(request, unknown.unwrap_or(refusal), now)?);
            }
            Verdict::Terms(terms) => terms,
        };
        match (stricter(request, &fresh), unknown) {
            // What an outage adds would stay when it is over.
            (Some(_), Some(unknown)) => Err(unknown.into()),
            (Some(terms), None) => under(terms, request, command, (&policy, again), now),
            (None, _) => Ok(Outcome {
                decision: plain,
                refusal: None,
            }),
        }
    }
}

/// What policy says to a request that is there already.
pub(super) struct Weighed {
    pub(super) verdict: Verdict,
    /// The groups that could not be read and without which it might be another.
    unread: Vec<GroupName>,
}

impl Weighed {
    /// The answer for now, where the verdict rests on what nobody could say. It ends nothing.
    fn unknown(&self) -> Option<Refusal> {
        let groups = self.unread.clone();
        (!groups.is_empty()).then_some(Refusal::GroupUnreadable { groups })
    }
}

/// What becomes of a request whose start has come. Not found out is not a no: it is tried again, until
/// the approval lapses.
fn starting(request: &Request, weighed: Weighed) -> Command {
    let unknown = !weighed.unread.is_empty();
    let refusal = match weighed.verdict {
        Verdict::Terms(fresh) => {
            more_is_asked(&request.terms, &fresh).or_else(|| less_is_allowed(request, &fresh))
        }
        Verdict::Refused(refusal) => Some(refusal),
    };
    match refusal {
        None => Command::Start,
        Some(refusal) if refusal.is_outage() => Command::LapseStart,
        Some(_) if unknown => Command::LapseStart,
        Some(refusal) => Command::RefuseStart { refusal },
    }
}

/// What policy asks by now beyond what the request went through: an approval where it needed none, or
/// further steps.
fn more_is_asked(pinned: &Terms, fresh: &Terms) -> Option<Refusal> {
    let asks_more = match (&pinned.route, &fresh.route) {
        (Route::Automatic { .. }, Route::Automatic { .. })
        | (Route::BreakGlass(_), Route::BreakGlass(_))
        | (Route::Steps(_), Route::Automatic { .. }) => false,
        (Route::Steps(steps), Route::Steps(_)) => {
            // All of them are finished.
            let tightened = tightened(pinned, fresh, steps.len());
            tightened.is_some_and(|terms| terms.route.steps().len() > steps.len())
        }
        _ => true,
    };
    let rule = fresh.rule.clone();
    asks_more.then_some(Refusal::ApprovalNeeded { rule })
}

/// That policy allows less by now than was given. What was given for less than was asked begins, although
/// policy would not give all that was asked any more.
fn less_is_allowed(request: &Request, fresh: &Terms) -> Option<Refusal> {
    let (asked, limit) = (request.granted(), fresh.duration);
    (limit < asked).then(|| Refusal::TooLong {
        asked,
        limit,
        resource: request.access.resource.clone(),
        role: request.access.role.clone(),
    })
}

/// Whether that policy has the last word on the request already.
pub(super) fn is_by(request: &Request, policy: &Policy) -> bool {
    let tightened = request.terms.tightened_by.as_deref();
    request.terms.policy == policy.hash() || tightened == Some(policy.hash())
}

/// What a person says on the card of a bundle is meant for all of it.
fn is_said_of_all(command: &Command) -> bool {
    matches!(
        command,
        Command::Approve { .. }
            | Command::Deny { .. }
            | Command::Cancel { .. }
            | Command::GiveBack { .. }
            | Command::Revoke { .. }
            | Command::Retry { .. }
            | Command::CompleteReview { .. }
    )
}

/// Of two refusals the one that tells more: that somebody may not, rather than that a part is done.
fn more_telling(one: Option<Refusal>, other: Refusal) -> Refusal {
    match one {
        Some(one) if one.is_telling() || !other.is_telling() => one,
        _ => other,
    }
}

/// The policy does not allow it any more: the request is over, and whoever approved learns why.
pub(super) fn overruled(
    request: &Request,
    refusal: Refusal,
    now: DateTime<Utc>,
) -> Result<Outcome, Refusal> {
    // What could not be found out just now is no answer, and ends nothing.
    if refusal.is_outage() || matches!(refusal, Refusal::UnknownPerson { .. }) {
        return Err(refusal);
    }
    let command = Command::Overrule {
        refusal: refusal.clone(),
    };
    let decision = decide(request.clone(), command, now)?;
    let because = Box::new(refusal);
    Ok(Outcome {
        decision,
        refusal: Some(Refusal::NoLongerAllowed { because }),
    })
}

/// What a policy says to a request of before, asked for no longer than that policy allows: a shorter
/// limit tightens the request, and does not end it.
pub(super) async fn weigh_within(
    tx: &mut Tx,
    policy: &Policy,
    request: &Request,
    ask: &Ask,
    now: DateTime<Utc>,
) -> Result<Weighed, StoreError> {
    let mut request = request.clone();
    loop {
        let weighed = weigh_again(tx, policy, &request, ask, now).await?;
        let allowed = match &weighed.verdict {
            Verdict::Refused(Refusal::TooLong { limit, .. }) => Some(*limit),
            Verdict::Refused(Refusal::DurationNotOffered { choices, .. }) => {
                let shorter = choices.iter().filter(|choice| **choice < request.duration);
                shorter.max().copied()
            }
            _ => None,
        };
        match allowed {
            Some(shorter) if shorter < request.duration => request.duration = shorter,
            _ => return Ok(weighed),
        }
    }
}

/// What policy says to a request that is there already. Itself is no part of what was before.
async fn weigh_again(
    tx: &mut Tx,
    policy: &Policy,
    request: &Request,
    ask: &Ask,
    now: DateTime<Utc>,
) -> Result<Weighed, StoreError> {
    let extends = request.extends.as_ref().map(|extends| extends.request);
    let looked_at = (extends, Some(request.id));
    let circumstances = tx.circumstances(&ask.person, looked_at, now).await?;
    // The ask says who people are by now; what is wished for is this request's own, since the parts
    // of a bundle share one ask.
    let ask = Ask {
        resource: request.access.resource.to_string(),
        role: Some(request.access.role.to_string()),
        duration: Some(request.duration),
        start: request.terms.start,
        break_glass: matches!(request.terms.route, Route::BreakGlass(_)),
        extends,
        taken_in: true,
        ..ask.clone()
    };
    let explained = policy.explain(&ask, &circumstances);
    Ok(Weighed {
        verdict: explained.verdict,
        unread: explained.rests_on.into_iter().collect(),
    })
}
