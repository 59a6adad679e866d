//! The words of a grant: on its way, there, on its way out, or over.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::Faces;
use super::{end, fault, people, said, when};
use crate::domain::grant::Failing;
use crate::domain::{GrantState, PersonId, Request, RequestState, RevokeCause};

/// How long a target may take before the card says that it takes long.
const SLOW: TimeDelta = TimeDelta::seconds(30);

/// Where the grant stands.
pub(super) fn granted(
    request: &Request,
    state: &GrantState,
    faces: &Faces,
    now: DateTime<Utc>,
) -> String {
    match state {
        GrantState::Scheduled { start_at, .. } if *start_at <= now => {
            "🔁 *Approved, about to begin…*".to_owned()
        }
        GrantState::Scheduled { start_at, .. } => {
            let span = request.granted();
            format!(
                "📅 *Approved, begins {}*, for {span} from then",
                when(*start_at)
            )
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
        state => ending(request, state, faces, now),
    }
}

/// A grant that is going, gone, or was never there.
fn ending(request: &Request, state: &GrantState, faces: &Faces, now: DateTime<Utc>) -> String {
    match state {
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
        GrantState::Resolved { at, by, why, .. } => resolved(*at, *by, why, faces),
        GrantState::Revoked { at, cause, .. } if never_began(request, cause, *at) => {
            format!("⚪ *Did not begin*: {}", withdrawn(cause, faces))
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
            "❌ *Failed* {}: the target refused, nothing was given\nIt said: “{}”{}",
            when(*at),
            fault(error),
            again_until(request, now).map_or_else(String::new, |line| format!("\n{line}")),
        ),
        GrantState::Scheduled { .. }
        | GrantState::Activating { .. }
        | GrantState::Active { .. } => String::new(),
    }
}

/// Until when what failed may be tried again.
pub fn again_until(request: &Request, now: DateTime<Utc>) -> Option<String> {
    let until = retry_until(request, now)?;
    Some(format!(
        "*Try again* works until {}; nobody has to approve once more",
        when(until)
    ))
}

/// Until when the unused approval of what failed is good; none where it is not, or not any more.
pub fn retry_until(request: &Request, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let RequestState::Approved { at, grant, .. } = &request.state else {
        return None;
    };
    let failed = matches!(grant.state, GrantState::Failed { .. });
    let until = request.terms.unused_until(*at);
    (failed && now < until).then_some(until)
}

/// Whether what was approved for later was over before it began.
pub fn never_began(request: &Request, cause: &RevokeCause, at: DateTime<Utc>) -> bool {
    matches!(cause, RevokeCause::Unstarted { .. })
        || request.terms.start.is_some_and(|start| at < start)
}

/// Why something that was approved for later did not begin, as the end of a sentence.
pub fn withdrawn(cause: &RevokeCause, faces: &Faces) -> String {
    match cause {
        RevokeCause::GivenBack => "withdrawn before its start".to_owned(),
        RevokeCause::Unstarted { why } => said(why),
        cause => over(cause, faces),
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
        fault(&failing.error),
    )
}

/// Somebody answers for it that the access is gone. What the target never said is not said here.
fn resolved(at: DateTime<Utc>, by: PersonId, why: &str, faces: &Faces) -> String {
    format!(
        "✋ *Marked as resolved, not verified* {}\n{} answers for it that the access is gone: “{}”",
        when(at),
        faces.mention(by),
        said(why)
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
        RevokeCause::Revoked { by, why } => {
            format!("revoked by {}: “{}”", faces.mention(*by), said(why))
        }
        cause => over_named(cause, faces),
    }
}

/// The same without calling anybody.
pub fn over_named(cause: &RevokeCause, faces: &Faces) -> String {
    match cause {
        RevokeCause::Lapsed => "its time is over".to_owned(),
        RevokeCause::GivenBack => "given back early".to_owned(),
        RevokeCause::Revoked { by, why } => {
            format!("revoked by {}: “{}”", faces.name(*by), said(why))
        }
        RevokeCause::Unstarted { why } => format!("it did not begin: {}", said(why)),
        RevokeCause::ActivationUnknown { .. } => {
            "the target never said whether it gave the access, so it is removed to be sure"
                .to_owned()
        }
    }
}
