//! The names under which clicks and dialogs come back. They are a contract with messages that were
//! posted long ago, so they never change their meaning.
//!
//! The value of every button is the id of a request and nothing else: who clicks, and whether they
//! may, is read afresh.

/// Approve a request.
pub const APPROVE: &str = "jit_approve";
/// Open the dialog that asks why a request is denied.
pub const DENY: &str = "jit_deny";
/// Withdraw one's own request.
pub const CANCEL: &str = "jit_cancel";
/// Open the dialog that asks why access is taken away.
pub const REVOKE: &str = "jit_revoke";
/// Give one's own access back before its end.
pub const DONE: &str = "jit_done";
/// Set a fresh password and show it.
pub const CREDENTIALS: &str = "jit_credentials";

/// The buttons that this product knows.
pub const ACTIONS: [&str; 6] = [APPROVE, DENY, CANCEL, REVOKE, DONE, CREDENTIALS];

/// The dialog that asks why a request is denied.
pub const DENY_REASON: &str = "jit_deny_reason";
/// The dialog that asks why access is taken away.
pub const REVOKE_REASON: &str = "jit_revoke_reason";
/// The dialog that shows a password once.
pub const CREDENTIALS_SHOWN: &str = "jit_credentials_shown";
/// A dialog that only tells something.
pub const NOTICE: &str = "jit_notice";

/// The block of a dialog that holds the reason.
pub const WHY_BLOCK: &str = "jit_why";
/// The input of a dialog that holds the reason.
pub const WHY_INPUT: &str = "jit_why_text";
