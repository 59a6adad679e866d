//! What the people who run the bot are told of Slack itself, and what people read when something
//! failed on our side. Only the first may hold a code of Slack's: they have to look it up.

use super::super::{Content, escape};
use super::reply::NOT_RECORDED;

/// Characters of a code or of a name of ours.
const CODE: usize = 60;

/// A dialog was sent off without a reason.
pub const SAY_WHY: &str = "Please say why.";

/// The head of a dialog that tells why nothing was done.
pub const NOTHING_DONE: &str = "Nothing was done";

/// The head of a dialog that was sent off too late.
pub const LOOK_AGAIN: &str = "Please look again";

/// More time cannot be asked for later, or for somebody else.
pub const MORE_TIME_IS_PLAIN: &str = "More time begins where the access ends, and only its holder \
    can ask for it. For anything else, please make a new request.";

/// An account that may hold nothing.
pub const UNFIT_ACCOUNT: &str = "That account cannot hold access here: it is an app, it is \
    deactivated, or it belongs to another workspace.";

/// Something failed on our side, so nothing was done. The reference stands in the log as well.
pub fn failed(reference: &str) -> String {
    format!("{NOT_RECORDED} {}", goes_on(reference))
}

/// What to do where the same fails again.
pub fn goes_on(reference: &str) -> String {
    format!("If it goes on, tell whoever looks after me: reference {reference}.")
}

/// What to do where trying again does not help.
pub fn tell(reference: &str) -> String {
    format!("Please tell whoever looks after me: reference {reference}.")
}

/// See [`failed`].
pub fn failed_here(reference: &str) -> Content {
    Content::line(&failed(reference))
}

/// Slack keeps answering with a code that nobody has written down for us.
pub fn unknown_code(code: &str, about: &str, tries: i32) -> String {
    let (code, about) = (escape::inline(code, CODE), escape::inline(about, CODE));
    format!(
        "⚠️ *Slack answers with something that I do not know* (`{code}`). I tried {tries} times and \
         go on without, so {about} may be missing, or not show what is true. Whoever looks after \
         me finds more in the log."
    )
}

/// Slack answered with a code that nobody has written down for us.
pub fn unheard(method: &str, code: &str) -> String {
    let (code, method) = (escape::inline(code, CODE), escape::inline(method, CODE));
    format!(
        "⚠️ *Slack answers with something that I do not know* (`{code}` to `{method}`). What \
         needed it may not have worked. Whoever looks after me finds more in the log."
    )
}

/// Slack refuses what we sent, and trying again does not help.
pub fn gave_up(code: &str, about: &str) -> String {
    let (code, about) = (escape::inline(code, CODE), escape::inline(about, CODE));
    format!(
        "⚠️ *Slack does not take what I send* (`{code}`), so {about} may not show what is true. \
         Whoever looks after me finds more in the log."
    )
}

/// Slack refuses calls until somebody changes the installation.
pub fn admin_needed(code: &str) -> String {
    let code = escape::inline(code, CODE);
    format!(
        "⚠️ *Slack refuses some of my calls until somebody changes my installation* (`{code}`). \
         `jit doctor` says what to do. I try again until it works; nothing is lost meanwhile."
    )
}

/// The card of a request, as the object of a sentence.
pub fn card_of(number: i64) -> String {
    format!("the card of request #{number}")
}

/// A digest, as the object of a sentence.
pub fn digest_called(name: &str) -> String {
    format!("the digest {name}")
}

/// Something that somebody was to be told, as the object of a sentence.
pub const NOTICE: &str = "something that I was to tell somebody";

/// A tab, as the object of a sentence.
pub const HOME_TAB: &str = "somebody's App Home tab";

/// The files of the policy are at fault: `lines` name some of the faults, each of them harmless
/// already, and `more` were left out.
pub fn policy_broken(version: &str, lines: &[String], more: usize) -> String {
    let mut told: Vec<String> = lines.iter().map(|line| format!("• {line}")).collect();
    if 0 < more {
        told.push(format!("… and {more} more"));
    }
    format!(
        "🚨 *The changed policy is at fault and was not taken.* Version `{version}` decides on.\n{}\n\
         `jit policy check` shows all of it, with what to do.",
        told.join("\n")
    )
}

/// The files of the policy can be read again.
pub fn policy_mended(version: &str) -> String {
    format!("✅ *The policy is without fault again.* Version `{version}` decides now.")
}
