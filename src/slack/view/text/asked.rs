//! Who is asked just now, and what each of them said.

use chrono::{DateTime, Utc};

use super::super::Faces;
use super::{groups, people, said, when};
use crate::domain::{Approval, PersonId, Request, RequestState, Span};

/// Approvals shown one by one.
const APPROVALS: usize = 8;

/// That it is quiet for everybody who could be called, where it is.
fn all_quiet(request: &Request, at: DateTime<Utc>) -> Option<String> {
    let until = request.all_quiet_until(at)?;
    Some(format!(
        "🌙 Quiet hours where they are: nobody is called until {}",
        when(until)
    ))
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
