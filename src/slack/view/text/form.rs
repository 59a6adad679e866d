//! The words of dialogs: titles, what is asked, hints, and the words on their own buttons.

use chrono::{DateTime, Utc};

use super::{access, long, name, when};
use crate::domain::{Request, Span};

/// Which request a dialog is about.
pub fn about(request: &Request) -> String {
    match &request.bundle {
        Some(part) => format!(
            "Request #{}: the bundle {}, {} accesses",
            request.number,
            name(&part.name),
            part.of
        ),
        None => format!(
            "Request #{}: {} for {}",
            request.number,
            access(request),
            request.granted()
        ),
    }
}

/// The time that was asked for, as a choice.
pub fn as_asked(span: Span) -> String {
    format!("As asked: {}", long(span))
}

/// Until when a password works, and what to do where it is lost.
pub fn works_until(until: DateTime<Utc>) -> String {
    format!(
        "It works until {}. I keep no copy: if it is lost, press *Get credentials* again, which sets a new one.",
        when(until)
    )
}

/// “🔑 This password is shown once, to you alone.”
pub const SHOWN_ONCE: &str = "🔑 *This password is shown once, to you alone.*";
/// “Done.”, where there is nothing to say.
pub const NOTHING_MORE: &str = "Done.";

/// “Deny request”
pub const DENY_TITLE: &str = "Deny request";
/// “Deny”
pub const DENY: &str = "Deny";
/// “The person who asked reads this, so say what they can do instead.”
pub const DENY_HINT: &str = "The person who asked reads this, so say what they can do instead.";
/// “Revoke access”
pub const REVOKE_TITLE: &str = "Revoke access";
/// “Revoke”
pub const REVOKE: &str = "Revoke";
/// “The holder reads this. Open sessions are ended at once.”
pub const REVOKE_HINT: &str = "The holder reads this. Open sessions are ended at once.";
/// “Remark”
pub const REMARK: &str = "Remark";
/// “The person who asked reads this too.”
pub const REMARK_HINT: &str = "The person who asked reads this too.";
/// “Review request”
pub const REVIEW_TITLE: &str = "Review request";
/// “Back”
pub const BACK: &str = "Back";
/// “As asked”
pub const AS_ASKED: &str = "As asked";
/// “For how long, each?”
pub const HOW_LONG_EACH: &str = "For how long, each?";
/// “For how long?”
pub const HOW_LONG: &str = "For how long?";
/// “Kept on record with your name.”
pub const NOTE_HINT: &str = "Kept on record with your name.";
/// “Justified”
pub const JUSTIFIED_TITLE: &str = "Justified";
/// “Note”
pub const NOTE: &str = "Note";
/// “Kept on record with your name. Say what should happen now.”
pub const WRONG_HINT: &str = "Kept on record with your name. Say what should happen now.";
/// “Not justified”
pub const UNJUSTIFIED_TITLE: &str = "Not justified";
/// “What was wrong?”
pub const WRONG: &str = "What was wrong?";
/// “Record”
pub const RECORD: &str = "Record";
/// “Why?”
pub const WHY: &str = "Why?";
/// “Password, to copy:”
pub const PASSWORD: &str = "Password, to copy:";
/// “Your credentials”
pub const CREDENTIALS_TITLE: &str = "Your credentials";
/// “Done”
pub const DONE: &str = "Done";
/// “Notice”
pub const NOTICE: &str = "Notice";
/// “Close”
pub const CLOSE: &str = "Close";
/// “Mark as resolved”
pub const RESOLVE_TITLE: &str = "Mark as resolved";
/// “Mark resolved”
pub const RESOLVE: &str = "Mark resolved";
/// “Such as what you looked at, or that the server exists no more. It stays on record.”
pub const RESOLVE_HINT: &str =
    "Such as what you looked at, or that the server exists no more. It stays on record.";
/// “How do you know?”
pub const HOW_KNOWN: &str = "How do you know?";
