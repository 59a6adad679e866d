//! Answers of the handlers that are about what was done rather than about a state.

use super::super::view::{Content, text};
use crate::domain::Request;

/// The access was given back.
pub(super) fn given_back(request: &Request) -> Content {
    let (what, number) = (text::access(request), request.number);
    Content::line(&format!(
        "👋 Thank you. {what} (#{number}) is being taken away now."
    ))
}

/// The request was withdrawn.
pub(super) fn cancelled(request: &Request) -> Content {
    let (what, number) = (text::access(request), request.number);
    Content::line(&format!(
        "🚫 Request #{number} ({what}) is cancelled. Nobody is asked any more."
    ))
}

/// The access of somebody is being taken away.
pub(super) fn revoked(request: &Request) -> Content {
    let (what, number) = (text::access(request), request.number);
    Content::line(&format!(
        "🟠 {what} (#{number}) is being taken away now; open sessions are ended. \
         The card tells when it is gone."
    ))
}

/// Nothing fits what was said; `verb` is what was to be done with it.
pub(super) fn none_fits(verb: &str) -> Content {
    Content::line(match verb {
        "cancel" => "You have no such request that waits. `/jit active` shows what you have.",
        _ => "You have no such access that is active. `/jit active` shows what you have.",
    })
}

/// Several fit what was said.
pub(super) fn several_fit(verb: &str, requests: &[Request]) -> Content {
    let line = |request: &Request| {
        let (number, what) = (request.number, text::access(request));
        format!("• `/jit {verb} #{number}`: {what}")
    };
    let lines: Vec<String> = requests.iter().take(10).map(line).collect();
    Content::line(&format!("Which one?\n{}", lines.join("\n")))
}

/// Several roles of the resource could be extended.
pub(super) fn role_needed(requests: &[Request]) -> Content {
    let line = |request: &Request| {
        let access = &request.access;
        format!("• `/jit extend {} {} 1h`", access.resource, access.role)
    };
    let lines: Vec<String> = requests.iter().take(10).map(line).collect();
    Content::line(&format!("Which one?\n{}", lines.join("\n")))
}

/// A name does not say whose access is meant.
pub(super) fn number_needed() -> Content {
    Content::line(
        "Whose access? Several people may have it, so please give the number that stands on its \
         card: `/jit revoke #42 the reason`.",
    )
}

/// The dialog did not open in time.
pub(super) fn too_slow() -> Content {
    Content::line("😕 The dialog did not open in time, and nothing was done. Please press again.")
}
