//! Who is asked, whose eye is drawn to it, and what each of them said.

use chrono::{DateTime, Utc};

use super::super::Faces;
use super::{groups, people, said, when};
use crate::domain::{Approval, GroupName, PersonId, Request, RequestState, Span, Step};

/// Approvals shown one by one.
const APPROVALS: usize = 8;

/// The people who are mentioned for the step that waits: whom the policy names for that moment,
/// without those who have approved and those whom it is for, and without those for whom it is quiet
/// on their own clock.
pub fn called(request: &Request, at: DateTime<Utc>) -> Vec<PersonId> {
    let escalated =
        matches!(&request.state, RequestState::Pending { chase, .. } if chase.escalated);
    match request.current_step() {
        Some(step) => awake_of(request, step, (at, escalated)),
        None => Vec::new(),
    }
}

/// The people who were mentioned when the request was made, for its first step.
pub fn called_first(request: &Request) -> Vec<PersonId> {
    let step = request.terms.route.steps().first();
    step.map_or_else(Vec::new, |step| called_for(request, step, request.asked_at))
}

/// The people who are mentioned for a step at that moment. In hours that are quiet where the policy
/// is, those who stand in; and besides them whoever is awake where they are.
fn awake_of(
    request: &Request,
    step: &Step,
    (at, escalated): (DateTime<Utc>, bool),
) -> Vec<PersonId> {
    awake(request, step, &step.mentioned(at, escalated), at)
}

/// Of the people of these groups those for whom it is not quiet, and where they stand in for others,
/// whoever of those is awake all the same.
fn awake(request: &Request, step: &Step, groups: &[GroupName], at: DateTime<Utc>) -> Vec<PersonId> {
    let awake = request.roster.awake(step, groups, &request.own(), at);
    without_approvals(request, awake)
}

/// That it is quiet for everybody who could be called, where it is.
fn all_quiet(request: &Request, at: DateTime<Utc>) -> Option<String> {
    let step = request.current_step()?;
    let deciding = called_of(request, &request.deciding(at));
    let quiet = |one: &PersonId| request.roster.sleeps(step, *one, at);
    let quiet = !deciding.is_empty() && deciding.iter().all(quiet);
    quiet.then(|| "🌙 Quiet hours where they are: nobody is called just now".to_owned())
}

/// The people who are mentioned when that step begins.
pub fn called_for(request: &Request, step: &Step, at: DateTime<Utc>) -> Vec<PersonId> {
    awake_of(request, step, (at, false))
}

/// The people of these groups whose word is still missing.
pub fn called_of(request: &Request, groups: &[GroupName]) -> Vec<PersonId> {
    without_approvals(request, request.roster.people(groups, &request.own()))
}

fn without_approvals(
    request: &Request,
    people: impl IntoIterator<Item = PersonId>,
) -> Vec<PersonId> {
    let approvals = request.approvals();
    let missing = people
        .into_iter()
        .filter(|person| !approvals.iter().any(|given| given.by.is(*person)));
    missing.collect()
}

/// The people who are asked once more: of those who are mentioned the ones who can decide now, since
/// whoever cannot was told when it was asked. Where none of them can, whoever can, so that a reminder
/// never reaches nobody. Nobody for whom it is quiet on their own clock.
pub fn called_again(
    request: &Request,
    mentioned: &[GroupName],
    at: DateTime<Utc>,
) -> Vec<PersonId> {
    let reached = |groups: &[GroupName]| match request.current_step() {
        Some(step) => awake(request, step, groups, at),
        None => called_of(request, groups),
    };
    let deciding = reached(&request.deciding(at));
    let able = reached(mentioned);
    let able = able.into_iter().filter(|person| deciding.contains(person));
    let able: Vec<PersonId> = able.collect();
    if able.is_empty() { deciding } else { able }
}

/// Who may decide besides the people of the step just now, and why: a line for each.
pub fn standing_in(request: &Request, now: DateTime<Utc>) -> Vec<String> {
    let (RequestState::Pending { chase, .. }, Some(step)) =
        (&request.state, request.current_step())
    else {
        return Vec::new();
    };
    let escalated = step.escalate.as_ref().filter(|_| chase.escalated);
    let escalated = escalated.map(|escalate| {
        let also = groups(&escalate.to, "or");
        format!("⏫ It has waited long, so {also} may decide as well")
    });
    let quiet = step.quiet.as_ref().and_then(|quiet| {
        let mut windows = quiet.windows.iter();
        let (_, until) = windows.find(|(from, until)| *from <= now && now < *until)?;
        let also = groups(&quiet.fallback, "or");
        Some(format!(
            "🌙 Quiet hours until {}: {also} may decide as well",
            when(*until)
        ))
    });
    let quiet = quiet.or_else(|| all_quiet(request, now));
    escalated.into_iter().chain(quiet).collect()
}

/// What each approver gave, a line for each of the first few.
pub fn approved_by(request: &Request, faces: &Faces) -> Vec<String> {
    let approvals = request.approvals();
    let mut before = request.terms.duration;
    let mut lines = Vec::new();
    for given in approvals.iter().take(APPROVALS) {
        lines.push(approved(given, before, faces));
        before = given.duration.unwrap_or(before);
    }
    if APPROVALS < approvals.len() {
        lines.push(format!("✅ {} more approved", approvals.len() - APPROVALS));
    }
    lines
}

fn approved(given: &Approval, before: Span, faces: &Faces) -> String {
    let less = given
        .duration
        .map(|given| format!(", {}", instead(given, before)));
    let remark = given.comment.as_deref().map(remark);
    format!(
        "✅ {} approved {}{}{}",
        faces.mention(given.by.person),
        when(given.at),
        less.unwrap_or_default(),
        remark.unwrap_or_default()
    )
}

/// A remark at the end of a sentence.
pub fn remark(words: &str) -> String {
    match said(words) {
        nothing if nothing.is_empty() => nothing,
        words => format!(": “{words}”"),
    }
}

/// Both values, where less was given than there was.
pub fn instead(given: Span, before: Span) -> String {
    format!("for {given} instead of {before}")
}

/// Who approved, once that is history: one by one where somebody remarked or changed something.
pub fn given(request: &Request, faces: &Faces) -> String {
    let approvals = request.approvals();
    let tells = |given: &Approval| given.comment.is_some() || given.duration.is_some();
    if approvals.iter().any(tells) {
        return approved_by(request, faces).join("\n");
    }
    let by: Vec<PersonId> = approvals.iter().map(|given| given.by.person).collect();
    format!("Approved by {}", people(&by, faces))
}
