//! What a screen reader says of a button: what it does and to what, since a channel holds many buttons
//! with the same words.

use super::{long, name};
use crate::domain::Request;

/// What is decided on: an access, or several by their number.
fn what(parts: &[Request]) -> String {
    match parts {
        [one] => format!("{} on {}", one.access.role, one.access.resource),
        many => format!("{} accesses", many.len()),
    }
}

fn about(verb: &str, parts: &[Request]) -> String {
    let number = parts.first().map_or(0, |lead| lead.number);
    format!("{verb} request {number}: {}", what(parts))
}

/// Approve.
pub fn approve(parts: &[Request]) -> String {
    about("Approve", parts)
}

/// Approve with less time or a remark.
pub fn review(parts: &[Request]) -> String {
    about("Review", parts)
}

/// Deny.
pub fn deny(parts: &[Request]) -> String {
    about("Deny", parts)
}

/// Why the reader is asked.
pub fn why_me(parts: &[Request]) -> String {
    about("Why do I decide on", parts)
}

/// The question that comes before an approval, where the access is highly sensitive.
pub fn second_look(parts: &[Request]) -> String {
    match parts {
        [one] => format!(
            "{}, for {}. {}",
            what(parts),
            long(one.granted()),
            super::card::second_look(one)
        ),
        many => format!(
            "{}. The policy calls some of them highly sensitive.",
            what(many)
        ),
    }
}

/// Withdraw what waits, on a card that others see too.
pub fn cancel_on_card(number: i64) -> String {
    format!("Cancel request {number}; only for the person who asked")
}

/// Withdraw what waits.
pub fn cancel(number: i64) -> String {
    format!("Cancel request {number}")
}

/// Withdraw what was approved for later.
pub fn cancel_start(number: i64) -> String {
    format!("Cancel the start of request {number}; for its holder")
}

/// Take an access away.
pub fn revoke(number: i64) -> String {
    format!("Revoke the access of request {number}; for its approvers")
}

/// The one answer to a break-glass access.
pub fn justified(number: i64) -> String {
    format!("Review of request {number}: justified")
}

/// The other one.
pub fn not_justified(number: i64) -> String {
    format!("Review of request {number}: not justified")
}

/// Try again what failed.
pub fn retry(number: i64) -> String {
    format!("Try again: request {number}")
}

/// Show how to log in.
pub fn credentials(number: i64) -> String {
    format!("Get credentials for request {number}")
}

/// Ask for more time.
pub fn extend(number: i64) -> String {
    format!("Ask for more time: request {number}")
}

/// Give one access back.
pub fn done(request: &Request) -> String {
    format!(
        "Give back early: request {}, {}",
        request.number,
        long(request.terms.duration)
    )
}

/// Give all accesses of a bundle back.
pub fn done_all(lead: &Request) -> String {
    format!("Give back early all of the bundle, request {}", lead.number)
}

/// Ask for the same once more.
pub fn again(number: i64) -> String {
    format!("Ask again for the same: request {number}")
}

/// Ask for a resource.
pub fn ask_for(resource: &str) -> String {
    format!("Ask for access to {}", name(resource))
}

/// Try a removal again that keeps failing.
pub fn retry_removal(number: i64) -> String {
    format!("Retry now: the removal of request {number}")
}

/// Answer for a removal that keeps failing.
pub fn resolve_removal(number: i64) -> String {
    format!("Mark as resolved: the removal of request {number}")
}

/// Turn the page of a section; `words` are those on the button.
pub fn turn(words: &str, section: &str) -> String {
    format!("{words}: {section}")
}

/// Ask, in App Home.
pub const ASK: &str = "Ask for access";
/// Older requests of a history.
pub const OLDER: &str = "Show what is older than these requests";
/// A history as a file.
pub const AS_FILE: &str = "Get everything that was looked for as a file";
/// More resources.
pub const MORE_RESOURCES: &str = "Show more of what you can ask for";
/// More requests of one's own.
pub const MORE_OF_ONES_OWN: &str = "Show more of your access and requests";

/// The section of App Home that waits for the reader.
pub const WAITING: &str = "waiting for you";
/// What they hold.
pub const HELD: &str = "your access";
/// What they asked for.
pub const OWN: &str = "your requests";
/// What they lead.
pub const TEAM: &str = "what you lead";
/// What they may ask for.
pub const MAY_ASK: &str = "what you may ask for";
/// Removals that keep failing.
pub const STUCK: &str = "stuck removals";
