//! The names under which clicks and dialogs come back. They are a contract with messages that were
//! posted long ago, so they never change their meaning.
//!
//! The value of a button is the id of a request, or of a page that was shown, and nothing else: who
//! clicks, and whether they may, is read afresh.

/// Approve a request.
pub const APPROVE: &str = "jit_approve";
/// Open the dialog that asks why a request is denied.
pub const DENY: &str = "jit_deny";
/// Withdraw one's own request.
pub const CANCEL: &str = "jit_cancel";
/// The same from the message that tells its person that it was taken in, which is no card.
pub const WITHDRAW: &str = "jit_withdraw";
/// Open the dialog that asks why access is taken away.
pub const REVOKE: &str = "jit_revoke";
/// Give one's own access back before its end.
pub const DONE: &str = "jit_done";
/// Gives back every part of a bundle.
pub const DONE_ALL: &str = "jit_done_all";
/// Set a fresh password and show it.
pub const CREDENTIALS: &str = "jit_credentials";

/// Open the dialog that approves for a shorter time, or with a remark.
pub const REVIEW: &str = "jit_review";
/// Try again what failed with nothing given.
pub const RETRY: &str = "jit_retry";
/// Withdraw what was approved for later, before it begins.
pub const CANCEL_START: &str = "jit_cancel_start";
/// Open the dialog that says of a break-glass access that it was justified.
pub const JUSTIFIED: &str = "jit_justified";
/// Open the dialog that says of a break-glass access that it was not justified.
pub const UNJUSTIFIED: &str = "jit_unjustified";

/// Opens the form to ask for access: a button whose value names a resource or nothing, and the
/// shortcut for everywhere.
pub const ASK: &str = "jit_ask";
/// Opens that form filled in as an earlier request was.
pub const ASK_AGAIN: &str = "jit_ask_again";
/// The shortcut on a message: opens that form with the message's link.
pub const ASK_ABOUT: &str = "jit_ask_about";
/// Opens the form for more time.
pub const EXTEND: &str = "jit_extend";

/// Tell the reader what makes them an approver.
pub const WHY_ME: &str = "jit_why_me";
/// Show what is older than a page of the history. The value is the id of that page.
pub const HISTORY_OLDER: &str = "jit_history_older";
/// Send all that was looked for as a file. The value is the id of a page of it.
pub const HISTORY_FILE: &str = "jit_history_file";
/// Show more of what can be asked for. The value is the last resource that was shown.
pub const LIST_MORE: &str = "jit_list_more";
/// Show more of what a person has. The value is the last request that was shown.
pub const ACTIVE_MORE: &str = "jit_active_more";

/// The buttons that stand for a request, or for a page, and are known to this product.
pub const ACTIONS: [&str; 20] = [
    ASK_AGAIN,
    EXTEND,
    APPROVE,
    DENY,
    CANCEL,
    WITHDRAW,
    REVOKE,
    DONE,
    DONE_ALL,
    CREDENTIALS,
    REVIEW,
    RETRY,
    CANCEL_START,
    JUSTIFIED,
    UNJUSTIFIED,
    WHY_ME,
    HISTORY_OLDER,
    HISTORY_FILE,
    LIST_MORE,
    ACTIVE_MORE,
];

/// The dialog that asks why a request is denied.
pub const DENY_REASON: &str = "jit_deny_reason";
/// The dialog that asks why access is taken away.
pub const REVOKE_REASON: &str = "jit_revoke_reason";
/// The dialog that approves for a shorter time, or with a remark.
pub const REVIEWED: &str = "jit_reviewed";
/// The dialog that takes a note on a break-glass access that was justified.
pub const JUSTIFIED_NOTE: &str = "jit_justified_note";
/// The dialog that asks why a break-glass access was not justified.
pub const UNJUSTIFIED_NOTE: &str = "jit_unjustified_note";
/// The dialog that shows a password once.
pub const CREDENTIALS_SHOWN: &str = "jit_credentials_shown";
/// A dialog that only tells something.
pub const NOTICE: &str = "jit_notice";

/// The block of a dialog that holds the reason.
pub const WHY_BLOCK: &str = "jit_why";
/// The input of a dialog that holds the reason.
pub const WHY_INPUT: &str = "jit_why_text";

/// The block of a dialog that holds the time to approve for.
pub const TIME_BLOCK: &str = "jit_time";
/// The choice of a dialog that holds the time to approve for.
pub const TIME_INPUT: &str = "jit_time_choice";
/// The choice that leaves the time as it was asked for; any other is a number of seconds.
pub const TIME_AS_ASKED: &str = "as_asked";

/// The form to ask for access.
pub const ASK_FORM: &str = "jit_ask_form";
/// The form for more time.
pub const EXTEND_FORM: &str = "jit_extend_form";
/// What stands in their place for a moment.
pub const WAIT: &str = "jit_wait";

/// What to ask for. Like all inputs of the forms, its block has the same name, with a full stop and
/// a print of what it offers behind it where that can change.
pub const WHAT: &str = "jit_ask_what";
/// In which role.
pub const ROLE: &str = "jit_ask_role";
/// For how long: seconds, or [`OTHER_TIME`].
pub const SPAN: &str = "jit_ask_time";
/// For how long, in words, where none of the offered lengths was chosen.
pub const OTHER: &str = "jit_ask_other";
/// From when on.
pub const START: &str = "jit_ask_start";
/// Why.
pub const REASON: &str = "jit_ask_reason";
/// The ticket.
pub const TICKET: &str = "jit_ask_ticket";
/// For whom.
pub const HOLDER: &str = "jit_ask_holder";
/// Whether it is break-glass.
pub const EMERGENCY: &str = "jit_ask_emergency";

/// The inputs of a form whose change shows another answer.
pub const ANSWERING: [&str; 8] = [WHAT, ROLE, SPAN, OTHER, START, TICKET, HOLDER, EMERGENCY];

/// The choice of a length that stands in [`OTHER`].
pub const OTHER_TIME: &str = "other";
