//! The words of a request's card.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::{Faces, escape};
use super::{access, asks, end, groups, name, people, rule, said, when};
use crate::domain::grant::Failing;
use crate::domain::{
    Approval, GrantState, PersonId, Quorum, Request, RequestState, RevokeCause, Step,
};

/// How long a target may take before the card says that it takes long.
const SLOW: TimeDelta = TimeDelta::seconds(30);
/// Approvals shown one by one.
const APPROVALS: usize = 8;
/// Characters of a remark on an approval.
const REMARK: usize = 120;

/// The first line: who wants what for how long. In bold, as the rest explains it.
pub fn headline(request: &Request, faces: &Faces) -> String {
    let who = faces.mention(request.requester);
    format!("*{who} {}*", wish(request, faces))
}

/// What a person wants, without the person.
fn wish(request: &Request, faces: &Faces) -> String {
    let (what, span) = (access(request), request.granted());
    let holder = match request.access.person {
        person if person == request.requester => String::new(),
        person => format!(" for {}", faces.mention(person)),
    };
    let wants = match request.state {
        RequestState::Pending { .. } => "wants",
        _ => "asked for",
    };
    match &request.extends {
        Some(_) => format!("{wants} {span} more of {what}{holder}"),
        None if holder.is_empty() => format!("{wants} {what} for {span}"),
        None => format!("{wants} {what}{holder}, {span}"),
    }
}

/// The whole card in one line, for notifications.
pub fn summary(request: &Request, faces: &Faces, now: DateTime<Utc>) -> String {
    let state = status(request, faces, now).replace('*', "");
    let first = state.lines().next().unwrap_or_default();
    format!(
        "{} {}. {first}",
        faces.mention(request.requester),
        wish(request, faces)
    )
}

/// Where the request stands: one bold line, then what follows from it.
pub fn status(request: &Request, faces: &Faces, now: DateTime<Utc>) -> String {
    match &request.state {
        RequestState::Pending { expires_at, .. } if *expires_at <= now => {
            format!("⌛ *Nobody decided in time* (until {})", when(*expires_at))
        }
        RequestState::Pending {
            step,
            approvals,
            expires_at,
            ..
        } => pending(request, *step, approvals, *expires_at, faces),
        RequestState::Approved {
            approvals, grant, ..
        } => [
            granted(request, &grant.state, faces, now),
            given(approvals, faces),
        ]
        .concat(),
        RequestState::Denied { at, by, .. } => {
            format!("⛔ *Denied* by {} {}", faces.mention(*by), when(*at))
        }
        RequestState::Overruled { at, why } => {
            format!(
                "⛔ *No longer allowed* {}: the policy has changed. It says: “{}”",
                when(*at),
                said(why)
            )
        }
        RequestState::Cancelled { at } => {
            format!(
                "🚫 *Cancelled* by {} {}",
                faces.mention(request.requester),
                when(*at)
            )
        }
        RequestState::Expired { at } => {
            format!("⌛ *Expired* {}: nobody decided in time", when(*at))
        }
    }
}

fn pending(
    request: &Request,
    step: usize,
    approvals: &[Approval],
    expires: DateTime<Utc>,
    faces: &Faces,
) -> String {
    let steps = request.terms.route.steps();
    let Some(asked) = steps.get(step) else {
        return format!("⏳ *Waiting*, expires {}", when(expires));
    };
    let which = match steps.len() {
        1 => String::new(),
        all => format!(" (step {} of {all})", step + 1),
    };
    let waits = format!(
        "⏳ *Waiting for {}*{which}",
        missing(asked, step, approvals)
    );
    let mut lines = vec![waits];
    lines.extend(approved_by(approvals, faces));
    let open = still_asked(request, asked, approvals);
    if !open.is_empty() {
        lines.push(format!("Asked: {}", people(&open, faces)));
    }
    if let Some(until) = extends_until(request) {
        lines.push(format!("Would extend until {}", when(until)));
    }
    lines.push(format!("Expires {} if nobody decides", when(expires)));
    lines.join("\n")
}

/// What a step still needs, in words for a bold line.
fn missing(step: &Step, index: usize, approvals: &[Approval]) -> String {
    let given = approvals
        .iter()
        .filter(|approval| approval.step == index)
        .count();
    let needed = step.quorum.people(step.from.len());
    if given == 0 {
        return asks(step).replace('*', "");
    }
    // Where each group has to say yes, two of the same group leave one missing all the same.
    let left = needed.saturating_sub(given).max(1);
    let last = match step.quorum {
        Quorum::Any(_) => "or",
        Quorum::All(_) => "and",
    };
    let from = groups(&step.from, last).replace('*', "");
    format!("{left} more of {needed} approvals, {from}")
}

/// Who may still approve this step: the people read when it was asked, without those who have
/// approved and those it is for.
pub fn still_asked(request: &Request, step: &Step, approvals: &[Approval]) -> Vec<PersonId> {
    let eligible = request.roster.eligible(step, &request.own());
    let open = eligible.into_iter().filter(|person| {
        *person != request.access.person && !approvals.iter().any(|given| given.by.is(*person))
    });
    open.collect()
}

/// Until when an extension would last; none where the request extends nothing, or nothing any more.
pub fn extends_until(request: &Request) -> Option<DateTime<Utc>> {
    let until = request.extends.as_ref()?.until?;
    until.checked_add_signed(request.granted().into())
}

fn approved_by(approvals: &[Approval], faces: &Faces) -> Vec<String> {
    let line = |given: &Approval| {
        let remark = given
            .comment
            .as_deref()
            .map(|words| escape::inline(words, REMARK));
        let remark = remark
            .map(|words| format!(": “{words}”"))
            .unwrap_or_default();
        format!(
            "✅ {} approved {}{remark}",
            faces.mention(given.by.person),
            when(given.at)
        )
    };
    let mut lines: Vec<String> = approvals.iter().take(APPROVALS).map(line).collect();
    if APPROVALS < approvals.len() {
        lines.push(format!("✅ {} more approved", approvals.len() - APPROVALS));
    }
    lines
}

/// Who approved, once that is history.
fn given(approvals: &[Approval], faces: &Faces) -> String {
    match approvals {
        [] => "\nApproved by its rule, nobody was asked".to_owned(),
        all => {
            let by: Vec<PersonId> = all.iter().map(|given| given.by.person).collect();
            format!("\nApproved by {}", people(&by, faces))
        }
    }
}

fn granted(request: &Request, state: &GrantState, faces: &Faces, now: DateTime<Utc>) -> String {
    match state {
        GrantState::Scheduled { start_at, .. } => {
            format!("📅 *Approved, begins {}*", when(*start_at))
        }
        GrantState::Activating { since, .. } if *since + SLOW < now => {
            "🔑 *Approved, giving access…* The target takes long to answer; I keep trying."
                .to_owned()
        }
        GrantState::Activating { .. } => "🔑 *Approved, giving access…*".to_owned(),
        GrantState::Active { until, .. } if *until <= now => {
            format!(
                "🟠 *Its time is over* since {}; taking it away",
                when(*until)
            )
        }
        GrantState::Active { until, .. } => {
            let extended = if request.extends.is_some() {
                "Extended, active"
            } else {
                "Active"
            };
            format!("🟢 *{extended} until {}*", end(request, *until))
        }
        GrantState::Revoking {
            cause,
            failing: Some(failing),
            ..
        } => {
            format!(
                "{}\nIt must go: {}",
                stuck(request, failing, faces),
                over(cause, faces)
            )
        }
        GrantState::Revoking {
            cause,
            failing: None,
            ..
        } => {
            format!("🟠 *Being taken away*: {}", over(cause, faces))
        }
        GrantState::Revoked {
            at,
            cause,
            covered_until,
        } => {
            let cause = over(cause, faces);
            match covered_until {
                Some(until) => format!(
                    "⚪ *Ended* {}: {cause}\nThe access itself goes on under another request until {}",
                    when(*at),
                    when(*until),
                ),
                None => format!("⚪ *Taken away* {}: {cause}", when(*at)),
            }
        }
        GrantState::Failed { at, error } => format!(
            "❌ *Failed* {}: the target refused, nothing was given\nIt said: “{}”",
            when(*at),
            said(error),
        ),
    }
}

/// A removal that keeps failing: loud, since the access may still work.
fn stuck(request: &Request, failing: &Failing, faces: &Faces) -> String {
    let deciders: Vec<PersonId> = request
        .approvals()
        .iter()
        .map(|given| given.by.person)
        .collect();
    let told = match deciders.as_slice() {
        [] => "everybody here".to_owned(),
        all => people(all, faces),
    };
    format!(
        "🚨 *Taking the access away is failing. It may still work!*\n\
         I have tried {} and go on trying until it is gone. Told: {told}\n\
         The target said: “{}”",
        times(failing.attempts),
        said(&failing.error),
    )
}

/// How often, in words.
pub fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}

/// Why access ends, as the end of a sentence.
pub fn over(cause: &RevokeCause, faces: &Faces) -> String {
    match cause {
        RevokeCause::Lapsed => "its time is over".to_owned(),
        RevokeCause::GivenBack => "given back early".to_owned(),
        RevokeCause::Revoked { by, why } => {
            format!("revoked by {}: “{}”", faces.mention(*by), said(why))
        }
        RevokeCause::Unstarted { why } => format!("it did not begin: {}", said(why)),
        RevokeCause::ActivationUnknown { .. } => {
            "the target never said whether it gave the access, so it is removed to be sure"
                .to_owned()
        }
    }
}

/// The small print: number, sensitivity, rule.
pub fn small_print(request: &Request) -> String {
    let mut parts = vec![format!("Request #{}", request.number)];
    if let Some(sensitivity) = &request.terms.card.sensitivity {
        let sign = if is_high(request) { "🔴 " } else { "" };
        parts.push(format!("{sign}Sensitivity: *{}*", name(sensitivity)));
    }
    format!("{}\n{}", parts.join("  ·  "), rule(request))
}

/// Whether the policy calls the resource highly sensitive, so that approving wants a second look.
pub fn is_high(request: &Request) -> bool {
    let sensitivity = request.terms.card.sensitivity.as_deref();
    sensitivity.is_some_and(|word| word.trim().eq_ignore_ascii_case("high"))
}
