//! Answers that are about what was done, or could not be, rather than about a state.

use super::super::{Content, Faces};
use super::reply::bundle_part;
use super::{access, channel, name as named};
use crate::domain::{GrantState, Request};

/// The access was given back.
pub fn given_back(request: &Request) -> Content {
    let (what, number) = (access(request), request.number);
    Content::line(&format!(
        "👋 Thank you. {what} (#{number}) is being taken away now."
    ))
}

/// The request was withdrawn.
pub fn cancelled(request: &Request) -> Content {
    let (what, number) = (access(request), request.number);
    Content::line(&format!(
        "🚫 Request #{number} ({what}) is cancelled. Nobody is asked any more."
    ))
}

/// What was approved for later will not begin.
pub fn withdrawn(request: &Request) -> Content {
    let (what, number) = (access(request), request.number);
    Content::line(&format!(
        "🚫 {what} (#{number}) is withdrawn. It had not begun, and it will not."
    ))
}

/// What failed is tried once more.
pub fn retried(request: &Request) -> Content {
    let (what, number) = (access(request), request.number);
    let begins = match request.grant().map(|grant| &grant.state) {
        Some(GrantState::Scheduled { .. }) => "The policy is asked once more, and then it begins",
        _ => "It is being given now",
    };
    Content::line(&format!(
        "🔁 I try again to give {what} (#{number}). {begins}; the card tells what comes of it."
    ))
}

/// Somebody looked at a break-glass request afterwards.
pub fn reviewed(request: &Request, justified: bool) -> Content {
    let (what, number) = (access(request), request.number);
    let found = if justified {
        "was justified"
    } else {
        "was not justified"
    };
    Content::line(&format!(
        "🔎 Thank you. It is on record that {what} (#{number}) {found}, by your review."
    ))
}

/// The parts of a bundle were taken in.
pub fn bundle_submitted(requests: &[Request], faces: &Faces) -> Content {
    let lines: Vec<String> = requests
        .iter()
        .map(|request| format!("• {}", bundle_part(request, faces)))
        .collect();
    let name = requests.first().and_then(|lead| lead.bundle.as_ref());
    let name = name.map(|part| named(&part.name)).unwrap_or_default();
    let place = requests.first().map(|lead| lead.terms.channel.as_str());
    let channel = channel(place.unwrap_or_default());
    let head = format!(
        "🧰 *{name}*: {} requests on one card in {channel}.",
        requests.len()
    );
    Content::lines(&[vec![head], lines].concat())
}

/// A role was named for a bundle.
pub fn bundle_has_roles(bundle: &str) -> Content {
    let name = named(bundle);
    Content::line(&format!(
        "*{name}* is a bundle, and the policy says which roles it has. Please leave the role out: \
         `/jit request {name} 1h the reason`."
    ))
}

/// The access of somebody is being taken away.
pub fn revoked(request: &Request) -> Content {
    let (what, number) = (access(request), request.number);
    Content::line(&format!(
        "🟠 {what} (#{number}) is being taken away now; open sessions are ended. \
         The card tells when it is gone."
    ))
}

/// Nothing fits what was said; `verb` is what was to be done with it.
pub fn none_fits(verb: &str) -> Content {
    Content::line(match verb {
        "cancel" => "You have no such request that waits. `/jit active` shows what you have.",
        _ => "You have no such access that is active. `/jit active` shows what you have.",
    })
}

/// Several fit what was said.
pub fn several_fit(verb: &str, requests: &[Request]) -> Content {
    let line = |request: &Request| {
        let (number, what) = (request.number, access(request));
        format!("• `/jit {verb} #{number}`: {what}")
    };
    let lines: Vec<String> = requests.iter().take(10).map(line).collect();
    Content::line(&format!("Which one?\n{}", lines.join("\n")))
}

/// Several roles of the resource could be extended.
pub fn role_needed(requests: &[Request]) -> Content {
    let line = |request: &Request| {
        let access = &request.access;
        format!("• `/jit extend {} {} 1h`", access.resource, access.role)
    };
    let lines: Vec<String> = requests.iter().take(10).map(line).collect();
    Content::line(&format!("Which one?\n{}", lines.join("\n")))
}

/// A name does not say whose access is meant.
pub fn number_needed(verb: &str) -> Content {
    let example = match verb {
        "retry" => "retry #42",
        "review" => "review #42 ok, the incident was real",
        _ => "revoke #42 the reason",
    };
    Content::line(&format!(
        "Whose access? Several people may have it, so please give the number that stands on its \
         card: `/jit {example}`."
    ))
}

/// The dialog did not open in time.
pub fn too_slow() -> Content {
    Content::line("😕 The dialog did not open in time, and nothing was done. Please press again.")
}

/// A password is on its way.
pub const PASSWORD_COMES: &str = "⏳ One moment: I am setting a fresh password for you.";

/// The head of the dialog with a password.
pub const PASSWORD_TITLE: &str = "Your credentials";

/// There is no password, and why.
pub fn no_password(why: &str) -> String {
    let why = super::said(why);
    format!("😕 There is no password to show: {why}. Please press *Get credentials* again.")
}

/// See [`no_password`].
pub const TARGET_SILENT: &str = "the target did not answer in time";
