//! What the people who run the bot are told of a removal that keeps failing, and of its end.

use chrono::{DateTime, Utc};

use super::super::Faces;
use super::card::times;
use super::{access, fault, long, name, when};
use crate::domain::grant::Failing;
use crate::domain::{Request, Span};

/// That it keeps failing: who still has what, since when not any more, and what is to be done.
pub fn failing(
    request: &Request,
    since: DateTime<Utc>,
    failing: &Failing,
    faces: &Faces,
) -> String {
    format!(
        "🚨 *Taking access away is failing. It may still work!*\n\
         {} should not have {} any more since {} (request #{}).\n\
         I have tried {} and go on trying until it is gone. Please look at the target *{}*: once it \
         answers, I take the access away by myself. Where it never will, take it away there by \
         hand.\n\
         The target said: “{}”",
        faces.name(request.access.person),
        access(request),
        when(since),
        request.number,
        times(failing.attempts),
        name(&request.terms.target.connector),
        fault(&failing.error),
    )
}

/// That it went after all, so many seconds late.
pub fn gone(request: &Request, lag: i64, covered: Option<DateTime<Utc>>, faces: &Faces) -> String {
    let (who, what) = (faces.name(request.access.person), access(request));
    let number = request.number;
    if let Some(until) = covered {
        let until = when(until);
        return format!(
            "✅ *Nothing is stuck any more*: {who} has {what} under another request until {until} \
             (request #{number}). Nothing is left to do."
        );
    }
    let minutes = u32::try_from((lag / 60).max(1)).unwrap_or(u32::MAX);
    let late = long(Span::minutes(minutes));
    format!(
        "✅ *Taken away after all*: {who} no longer has {what} (request #{number}), {late} late. \
         Nothing is left to do."
    )
}
