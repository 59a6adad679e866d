//! The words on buttons, and those of the question that one of them asks before it acts.

/// “Approve”
pub const APPROVE: &str = "Approve";
/// “Review…”
pub const REVIEW: &str = "Review…";
/// “Deny…”
pub const DENY: &str = "Deny…";
/// “Cancel request”
pub const CANCEL: &str = "Cancel request";
/// “Why me?”
pub const WHY_ME: &str = "Why me?";
/// “Justified…”
pub const JUSTIFIED: &str = "Justified…";
/// “Not justified…”
pub const NOT_JUSTIFIED: &str = "Not justified…";
/// “Try again”
pub const TRY_AGAIN: &str = "Try again";
/// “Cancel start”
pub const CANCEL_START: &str = "Cancel start";
/// “Revoke…”
pub const REVOKE: &str = "Revoke…";
/// “Done early with all”
pub const DONE_ALL: &str = "Done early with all";
/// “Get credentials”
pub const CREDENTIALS: &str = "Get credentials";
/// “Done early”
pub const DONE: &str = "Done early";
/// “Extend…”
pub const EXTEND: &str = "Extend…";
/// “Ask again…”
pub const ASK_AGAIN: &str = "Ask again…";
/// “Show older”
pub const OLDER: &str = "Show older";
/// “Get all as a file”
pub const AS_FILE: &str = "Get all as a file";
/// “Show more”
pub const MORE: &str = "Show more";
/// “Retry now”
pub const RETRY_NOW: &str = "Retry now";
/// “Mark resolved…”
pub const RESOLVE: &str = "Mark resolved…";
/// “Ask”
pub const ASK: &str = "Ask";
/// “Approve this access?”
pub const SURE: &str = "Approve this access?";
/// “Not yet”
pub const NOT_YET: &str = "Not yet";
/// “⬅️ Back”
pub const BACK: &str = "⬅️ Back";
/// “➡️ More”
pub const NEXT: &str = "➡️ More";
/// “Cancel”
pub const CANCEL_HERE: &str = "Cancel";
