//! The one function that decides, for every entry alike.

use std::cmp::Ordering;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Access, AfterReview, Chase, Command, Event, GrantState, Member, Refusal, Request, RequestId,
    RequestState, RevokeCause, Route, Shortened, Span, resolve,
};

/// Something that must happen outside. It names a thing and never its new value: whoever carries it
/// out reads the state again, so doing it twice or late is harmless.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Make the target hold what the grants of this access want.
    Converge {
        /// The access.
        access: Access,
    },
    /// Make the card, its thread and the messages to the holder tell what is true.
    SyncCard {
        /// The request; for a bundle its first part.
        request: RequestId,
    },
    /// Post a notice to the people who run the bot.
    PostNotice {
        /// The notice.
        notice: Uuid,
    },
    /// Send a digest that was claimed for its reader.
    SendDigest {
        /// The digest.
        digest: Uuid,
    },
}

impl Effect {
    /// The outbox stream: effects of one stream are carried out one at a time, in order.
    pub fn stream(&self) -> String {
        match self {
            Self::Converge { access } => access.stream(),
            Self::SyncCard { request } => format!("card:{request}"),
            Self::PostNotice { notice } => format!("card:notice:{notice}"),
            Self::SendDigest { digest } => format!("card:digest:{digest}"),
        }
    }
}

/// What a command leads to: the next state, the events for the ledger, the effects for the outbox.
/// All three are saved in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The request as it is from now on.
    pub next: Request,
    /// What happened, never empty.
    pub events: Vec<Event>,
    /// What must happen outside.
    pub effects: Vec<Effect>,
}

impl Decision {
    /// The decision that follows from events: the next state is the events applied, and every
    /// change refreshes the card.
    fn from_events(request: Request, events: Vec<Event>, now: DateTime<Utc>) -> Self {
        let mut effects = vec![Effect::SyncCard {
            request: request.card(),
        }];
        if events.iter().any(needs_converge) {
            effects.insert(
                0,
                Effect::Converge {
                    access: request.access.clone(),
                },
            );
        }
        let next = events.iter().fold(request, |request, event| {
            event.apply(Some(request.clone()), now).unwrap_or(request)
        });
        Self {
            next,
            events,
            effects,
        }
    }
}

/// Whether the target has to be asked after this event.
fn needs_converge(event: &Event) -> bool {
    matches!(
        event,
        Event::RequestApproved { start_at: None, .. }
            | Event::StartBegun
            | Event::RevocationBegun { .. }
            | Event::RemovalRetried { .. }
            | Event::RemovalResolved { .. }
    )
}

/// Takes in a new request, which must be pending: records that it was asked and, where nobody is
/// asked (a rule that approves by itself, or break-glass), that it is approved.
pub fn admit(request: Request, now: DateTime<Utc>) -> Result<Decision, Refusal> {
    let mut events = vec![Event::Requested {
        request: Box::new(request.clone()),
    }];
    if !matches!(request.terms.route, Route::Steps(_)) {
        events.push(approved(&request, now)?);
    }
    Ok(Decision::from_events(request, events, now))
}

/// Decides on a command. Pure: the same request, command and time give the same answer. The caller
/// holds the request's row lock and saves the whole decision, or nothing.
pub fn decide(request: Request, command: Command, now: DateTime<Utc>) -> Result<Decision, Refusal> {
    let events = match command {
        Command::Approve {
            by,
            comment,
            duration,
        } => approve(&request, by, comment, duration, now)?,
        Command::Deny { by, why } => deny(&request, &by, &why, now)?,
        Command::Cancel { by } => cancel(&request, &by)?,
        Command::GiveBack { by } => give_back(&request, &by, now)?,
        Command::Revoke { by, why } => revoke(&request, &by, &why, now)?,
        Command::ShowCredentials { by } => show_credentials(&request, &by, now)?,
        Command::Retry { by } => retry(&request, &by, now)?,
        Command::RetryRemoval { by, admins } => resolve::retry(&request, &by, &admins)?,
        Command::ResolveRemoval { by, why, admins } => {
            resolve::resolve(&request, &by, &said(&why)?, &admins)?
        }
        Command::CompleteReview {
            by,
            justified,
            note,
        } => complete_review(&request, &by, justified, &note)?,
        Command::Tighten { terms, roster } => {
            pending(&request, now)?;
            let roster = Some(roster);
            vec![Event::TermsTightened { terms, roster }]
        }
        Command::Overrule { refusal } => {
            pending(&request, now)?;
            let why = refusal.to_string();
            vec![Event::RequestOverruled { refusal, why }]
        }
        Command::Nudge => nudge(&request, now)?,
        Command::Escalate => escalate(&request, now)?,
        Command::Start => start(&request, now)?,
        Command::RefuseStart { refusal } => {
            start_due(&request, now)?;
            unstarted(refusal.to_string())
        }
        Command::LapseStart => lapse_start(&request, now)?,
        Command::ReviewOverdue => review_overdue(&request, now)?,
        Command::Expire => expire(&request, now)?,
        Command::Lapse => lapse(&request, now)?,
        Command::Remind => remind(&request, now)?,
        report => reported(&request, report, now)?,
    };
    Ok(Decision::from_events(request, events, now))
}

/// What the workers tell: a call that is about to be made, and what came of one.
fn reported(request: &Request, report: Command, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    Ok(match report {
        Command::BeginActivation => begin_activation(request, now)?,
        Command::ReportActivated { receipt } => {
            let until = activating_until(request)?;
            vec![Event::GrantActivated { until, receipt }]
        }
        Command::ReportRejected { error, first } => rejected(request, error, first, now)?,
        Command::ReportUnreached { error } => {
            activating_until(request)?;
            vec![Event::ActivationUnreached { error }]
        }
        Command::GiveUpActivating { error } => give_up(request, error, now)?,
        Command::ReportRemoved {
            removal,
            covered_until,
        } => {
            let since = resolve::since(request, covered_until)?;
            let lag_seconds = (now - since).max(TimeDelta::zero()).num_seconds();
            vec![Event::GrantRevoked {
                removal,
                covered_until,
                lag_seconds,
            }]
        }
        Command::ReportRemovalFailing { attempts, error } => {
            revoking_since(request)?;
            vec![Event::RemovalFailing { attempts, error }]
        }
        // Everything that people and clocks say was dealt with before.
        _ => return Err(Refusal::NotDue),
    })
}

/// The step that a request waits in, or the answer for whoever comes too late.
fn pending(request: &Request, now: DateTime<Utc>) -> Result<usize, Refusal> {
    match &request.state {
        // The sweep may not have come by yet, but the time for deciding is over.
        RequestState::Pending { expires_at, .. } if *expires_at <= now => {
            Err(Refusal::AlreadyDecided {
                outcome: super::refusal::Outcome::Expired,
                by: None,
                at: *expires_at,
            })
        }
        RequestState::Pending { step, .. } => Ok(*step),
        _ => Err(request.already_decided()),
    }
}

fn approve(
    request: &Request,
    by: Member,
    comment: Option<String>,
    duration: Option<Span>,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    let step = pending(request, now)?;
    may_decide(request, &by, now)?;
    if request
        .approvals()
        .iter()
        .any(|given| same_human(&given.by, &by))
    {
        return Err(Refusal::AlreadyApprovedByYou);
    }
    let shortened = duration
        .map(|given| shortened(request, given))
        .transpose()?
        .flatten();
    let met = request.step_is_met(step, &by, now);
    let mut events = vec![Event::ApprovalGiven {
        by,
        step,
        comment,
        shortened,
    }];
    if met {
        events.push(step_finished(request, &events, step, now));
        if step + 1 == request.terms.route.steps().len() {
            events.push(approved(request, now)?);
        }
    }
    spare_who_is_needed_later(request, &events, now)?;
    Ok(events)
}

/// Nobody approves twice, so whoever alone could finish a later step must not spend their approval on
/// this one while others can. Where the people of the roster could not finish it anyhow, or where it is
/// read elsewhere who is in the groups that would be short, nobody is kept from approving: others may be
/// in them by now.
fn spare_who_is_needed_later(
    request: &Request,
    events: &[Event],
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let next = events.iter().try_fold(request.clone(), |request, event| {
        event.apply(Some(request), now)
    });
    let (Ok(()), Some(Err(Refusal::TooFewApprovers { from, .. }))) = (
        request.check_rest(now),
        next.map(|next| next.check_rest(now)),
    ) else {
        return Ok(());
    };
    if from
        .iter()
        .any(|group| request.roster.ages.contains_key(group))
    {
        return Ok(());
    }
    let needed = request.deciding(now);
    Err(Refusal::NeededLater {
        later: from,
        needed,
    })
}

/// The end of a step, with the time at which somebody is called for the next one.
fn step_finished(request: &Request, given: &[Event], step: usize, now: DateTime<Utc>) -> Event {
    let finished = |call_at| Event::StepFinished { step, call_at };
    let next = given
        .iter()
        .chain([&finished(None)])
        .try_fold(request.clone(), |request, event| {
            event.apply(Some(request), now)
        });
    finished(next.and_then(|next| next.first_call(now)))
}

/// What an approver gives less; none where they give just what there is.
fn shortened(request: &Request, given: Span) -> Result<Option<Shortened>, Refusal> {
    let asked = request.granted();
    match given.cmp(&asked) {
        Ordering::Less => Ok(Some(Shortened {
            from: asked,
            to: given,
        })),
        Ordering::Equal => Ok(None),
        Ordering::Greater => Err(Refusal::NotShorter { given, asked }),
    }
}

/// The request is approved: at once, or for a start that lies ahead.
fn approved(request: &Request, now: DateTime<Utc>) -> Result<Event, Refusal> {
    let review_by = match &request.terms.route {
        Route::BreakGlass(glass) => Some(now + TimeDelta::from(glass.review_within)),
        Route::Automatic { .. } | Route::Steps(_) => None,
    };
    Ok(Event::RequestApproved {
        after: extended_end(request, now)?,
        // Also where the start has just passed: it goes through the same look at who the holder is.
        start_at: request.terms.start,
        review_by,
    })
}

/// The end of the grant that the request prolongs. A prolongation that comes after the end, or
/// after the removal has begun, is refused: there is nothing left to prolong.
fn extended_end(request: &Request, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Refusal> {
    match &request.extends {
        None => Ok(None),
        Some(extends) => extends
            .until
            .filter(|until| now < *until)
            .map(Some)
            .ok_or(Refusal::NothingToExtend),
    }
}

/// Deciding needs somebody else than the holder and whoever asked, who is in a group of the step asked
/// now, or stands in for one.
fn may_decide(request: &Request, by: &Member, now: DateTime<Utc>) -> Result<(), Refusal> {
    request.impartial(by)?;
    let from = request.deciding(now);
    if !from.iter().any(|group| by.groups.contains(group)) {
        return Err(Refusal::NotAnApprover { needed: from });
    }
    Ok(())
}

fn same_human(one: &Member, other: &Member) -> bool {
    one.is(other.person) || one.also.iter().any(|row| other.is(*row))
}

fn deny(
    request: &Request,
    by: &Member,
    why: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    if !matches!(request.state, RequestState::Pending { .. }) {
        return Err(request.already_decided());
    }
    may_decide(request, by, now)?;
    let why = said(why)?;
    Ok(vec![Event::RequestDenied { by: by.person, why }])
}

/// What was said, trimmed; saying nothing is refused.
fn said(why: &str) -> Result<String, Refusal> {
    let trimmed = why.trim();
    if trimmed.is_empty() {
        Err(Refusal::WhyNeeded)
    } else {
        Ok(trimmed.to_owned())
    }
}

fn cancel(request: &Request, by: &Member) -> Result<Vec<Event>, Refusal> {
    if !request.belongs_to(by) {
        return Err(Refusal::NotYours);
    }
    match request.state {
        RequestState::Pending { .. } => Ok(vec![Event::RequestCancelled]),
        _ => Err(request.already_decided()),
    }
}

fn give_back(request: &Request, by: &Member, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    if !request.belongs_to(by) {
        return Err(Refusal::NotYours);
    }
    begin_revocation(request, RevokeCause::GivenBack, now)
}

fn revoke(
    request: &Request,
    by: &Member,
    why: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    if !request.is_approver(by) {
        return Err(Refusal::NotAnApprover {
            needed: request.revoking(),
        });
    }
    begin_revocation(
        request,
        RevokeCause::Revoked {
            by: by.person,
            why: said(why)?,
        },
        now,
    )
}

/// A secret is for the very person who holds the access now: whoever only shares an address or an
/// alias with the holder does not get it.
fn show_credentials(
    request: &Request,
    by: &Member,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    if by.person != request.access.person {
        return Err(Refusal::NotYours);
    }
    match request.grant().map(|grant| &grant.state) {
        Some(GrantState::Active { until, receipt, .. }) if now < *until => {
            if receipt.credentials {
                Ok(vec![Event::CredentialsIssued { by: by.person }])
            } else {
                Err(Refusal::OwnLogin)
            }
        }
        _ => Err(Refusal::NotActive {
            outcome: request.outcome().map(|(outcome, ..)| outcome),
        }),
    }
}

/// A grant that is not yet verified active is taken away too: the call may have worked. One that
/// still waits for its start is simply over.
fn begin_revocation(
    request: &Request,
    cause: RevokeCause,
    since: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    match request.grant().map(|grant| &grant.state) {
        Some(GrantState::Activating { .. } | GrantState::Active { .. }) => {
            Ok(vec![Event::RevocationBegun { since, cause }])
        }
        Some(GrantState::Scheduled { .. }) => Ok(vec![Event::StartWithdrawn { cause }]),
        // What failed could be tried again; from now on it cannot.
        Some(GrantState::Failed { .. }) if matches!(cause, RevokeCause::Revoked { .. }) => {
            Ok(vec![Event::StartWithdrawn { cause }])
        }
        _ => Err(Refusal::NotActive {
            outcome: request.outcome().map(|(outcome, ..)| outcome),
        }),
    }
}

/// A grant that failed gave nothing, so its approval is unused still: it may be tried again while
/// that is fresh, by whoever has a hand in it. Policy looks at it again before it starts.
fn retry(request: &Request, by: &Member, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    if !request.belongs_to(by) && !request.is_approver(by) {
        return Err(Refusal::NotYours);
    }
    let RequestState::Approved { at, grant, .. } = &request.state else {
        return Err(Refusal::NotActive {
            outcome: request.outcome().map(|(outcome, ..)| outcome),
        });
    };
    let GrantState::Failed { .. } = grant.state else {
        let why = "This access did not fail, so there is nothing to try again.".to_owned();
        return Err(Refusal::CannotRetry { why });
    };
    if request.terms.unused_until(*at) <= now {
        let why = "The approval is too old by now. Please ask again.".to_owned();
        return Err(Refusal::CannotRetry { why });
    }
    extended_end(request, now)?;
    Ok(vec![Event::GrantRetried { by: by.person }])
}

/// Somebody else than the holder and the asker, of those whom policy names, says what they found.
fn complete_review(
    request: &Request,
    by: &Member,
    justified: bool,
    note: &str,
) -> Result<Vec<Event>, Refusal> {
    let review = request.review().ok_or(Refusal::NothingToReview)?;
    if let Some(done) = &review.done {
        return Err(Refusal::AlreadyReviewed {
            by: done.by,
            at: done.at,
        });
    }
    request.impartial(by)?;
    let reviewers = request.reviewing();
    if !reviewers.iter().any(|group| by.groups.contains(group)) {
        return Err(Refusal::NotAReviewer {
            needed: reviewers.to_vec(),
        });
    }
    let note = if justified {
        note.trim().to_owned()
    } else {
        said(note)?
    };
    Ok(vec![Event::ReviewCompleted {
        by: by.person,
        justified,
        note,
    }])
}

fn review_overdue(request: &Request, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    match request.review().and_then(AfterReview::awaited) {
        Some(due_at) if due_at <= now => Ok(vec![Event::ReviewOverdue]),
        _ => Err(Refusal::NotDue),
    }
}

/// Calls for the step: those for whom it is no longer quiet, or once more those who could have decided
/// for long. Where it is quiet for all of them, that waits until somebody can be called.
fn nudge(request: &Request, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    let step = pending(request, now)?;
    let (RequestState::Pending { chase, .. }, Some(asking)) = (&request.state, request.asking())
    else {
        return Err(Refusal::NotDue);
    };
    let due = chase.nudge_at.filter(|at| *at <= now);
    let due = due.ok_or(Refusal::NotDue)?;
    let turns = asking.turns(now);
    let mut turns = turns
        .iter()
        .filter(|(at, _)| due <= *at && *at <= now)
        .peekable();
    if turns.peek().is_some() {
        let called = request.called(now);
        let people = turns.flat_map(|(_, first)| first).copied();
        return Ok(vec![Event::ApproversCalled {
            step,
            people: people.filter(|person| called.contains(person)).collect(),
            again_at: asking.next(now, chase.nudges < Chase::NUDGES),
        }]);
    }
    if request.all_quiet_until(now).is_some() {
        let until = asking.next(now, true).ok_or(Refusal::NotDue)?;
        return Ok(vec![Event::CallPutOff { step, until }]);
    }
    Ok(vec![Event::ApproversNudged {
        step,
        groups: request.mentioned(now),
        again_at: asking.next(now, chase.nudges + 1 < Chase::NUDGES),
    }])
}

fn escalate(request: &Request, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    let step = pending(request, now)?;
    match (
        &request.state,
        request
            .current_step()
            .and_then(|step| step.escalate.as_ref()),
    ) {
        (RequestState::Pending { chase, .. }, Some(escalate))
            if chase.escalate_at.is_some_and(|at| at <= now) =>
        {
            let escalated = |call_at| Event::StepEscalated {
                step,
                to: escalate.to.clone(),
                call_at,
            };
            let next = escalated(None).apply(Some(request.clone()), now);
            let call_at = next.and_then(|next| next.first_call(now));
            Ok(vec![escalated(call_at)])
        }
        _ => Err(Refusal::NotDue),
    }
}

/// The start of a grant that waits for it has come.
fn start_due(request: &Request, now: DateTime<Utc>) -> Result<DateTime<Utc>, Refusal> {
    match request.grant().map(|grant| &grant.state) {
        Some(GrantState::Scheduled { start_at, .. }) if *start_at <= now => Ok(*start_at),
        _ => Err(Refusal::NotDue),
    }
}

/// Begins, unless the bot was away for so long that the approval has lapsed.
fn start(request: &Request, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    start_due(request, now)?;
    match lapse_start(request, now) {
        Err(Refusal::NotDue) => Ok(vec![Event::StartBegun]),
        lapsed => lapsed,
    }
}

fn unstarted(why: String) -> Vec<Event> {
    vec![Event::StartWithdrawn {
        cause: RevokeCause::Unstarted { why },
    }]
}

fn lapse_start(request: &Request, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    let start_at = start_due(request, now)?;
    if now < request.terms.unused_until(start_at) {
        return Err(Refusal::NotDue);
    }
    let why = "It could not be begun in time, so the approval has lapsed unused. Please ask again.";
    Ok(unstarted(why.to_owned()))
}

fn expire(request: &Request, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    match &request.state {
        RequestState::Pending { expires_at, .. } if *expires_at <= now => {
            Ok(vec![Event::RequestExpired])
        }
        _ => Err(Refusal::NotDue),
    }
}

/// Also a grant whose activation was begun but never confirmed lapses: at the end named in the call.
fn lapse(request: &Request, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    match request.grant().and_then(|grant| grant.state.wanted_until()) {
        Some(until) if until <= now => Ok(vec![Event::RevocationBegun {
            since: until,
            cause: RevokeCause::Lapsed,
        }]),
        _ => Err(Refusal::NotDue),
    }
}

fn remind(request: &Request, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    match request.grant().map(|grant| &grant.state) {
        Some(GrantState::Active {
            remind_at: Some(at),
            ..
        }) if *at <= now => Ok(vec![Event::HolderReminded]),
        _ => Err(Refusal::NotDue),
    }
}

/// Names the end in the call to the target. A call that was begun before keeps its end: it may have
/// worked, and the time runs from there.
fn begin_activation(request: &Request, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    match request.grant() {
        Some(grant) => match &grant.state {
            GrantState::Activating { until: None, .. } => {
                let start = grant.after.map_or(now, |after| after.max(now));
                let until = start + TimeDelta::from(request.granted());
                Ok(vec![Event::ActivationBegun { until }])
            }
            _ => Err(Refusal::NotDue),
        },
        None => Err(Refusal::NotDue),
    }
}

/// The end that was named in the call. Reports without a call, or after the grant has moved on, are
/// refused: the next converge of the same stream puts the target right.
fn activating_until(request: &Request) -> Result<DateTime<Utc>, Refusal> {
    match request.grant().map(|grant| &grant.state) {
        Some(GrantState::Activating {
            until: Some(until), ..
        }) => Ok(*until),
        _ => Err(Refusal::NotDue),
    }
}

/// Only a clean refusal of the first call proves that nothing was given; after any call with an
/// unknown outcome the access is removed to be sure.
fn rejected(
    request: &Request,
    error: String,
    first: bool,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    activating_until(request)?;
    if first {
        Ok(vec![Event::GrantFailed { error }])
    } else {
        give_up(request, error, now)
    }
}

fn give_up(request: &Request, error: String, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    match request.grant().map(|grant| &grant.state) {
        Some(GrantState::Activating { .. }) => Ok(vec![Event::RevocationBegun {
            since: now,
            cause: RevokeCause::ActivationUnknown { error },
        }]),
        _ => Err(Refusal::NotDue),
    }
}

fn revoking_since(request: &Request) -> Result<DateTime<Utc>, Refusal> {
    match request.grant().map(|grant| &grant.state) {
        Some(GrantState::Revoking { since, .. }) => Ok(*since),
        _ => Err(Refusal::NotDue),
    }
}
