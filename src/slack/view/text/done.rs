//! Answers that are about what was done, or could not be, rather than about a state.

use super::super::{Content, Faces, Kept};
use super::reply::{self, bundle_part};
use super::{access, channel, name as named, trouble};
use crate::domain::{GrantState, Request};

/// The access was given back; where another grant keeps it, only what it was given back under ends.
pub fn given_back(request: &Request, kept: Option<&Kept>) -> Content {
    let (what, number) = (access(request), request.number);
    if let Some(kept) = kept {
        let goes_on = super::kept(kept);
        return Content::line(&format!(
            "👋 Thank you. Request #{number} ends; {what} goes on {goes_on}."
        ));
    }
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

/// The access of somebody is being taken away; where another grant keeps it, only that one ends.
pub fn revoked(request: &Request, kept: Option<&Kept>) -> Content {
    let (what, number) = (access(request), request.number);
    if let Some(kept) = kept {
        let (goes_on, other) = (super::kept(kept), kept.number);
        return Content::line(&format!(
            "🟠 Request #{number} ends; {what} goes on {goes_on}. Must it go? \
             `/jit revoke #{other} the reason`"
        ));
    }
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

/// How many are offered to choose from.
const CHOICES: usize = 10;

/// Asks which of them is meant, each in a line.
fn which_one(requests: &[Request], line: impl Fn(&Request) -> String) -> Content {
    let mut lines: Vec<String> = requests.iter().take(CHOICES).map(line).collect();
    if CHOICES < requests.len() {
        lines.push(reply::and_more(requests.len() - CHOICES));
    }
    Content::line(&format!("Which one?\n{}", lines.join("\n")))
}

/// Several fit what was said.
pub fn several_fit(verb: &str, requests: &[Request]) -> Content {
    let line = |request: &Request| {
        let (number, what) = (request.number, access(request));
        format!("• `/jit {verb} #{number}`: {what}")
    };
    which_one(requests, line)
}

/// Several roles of the resource could be extended.
pub fn role_needed(requests: &[Request]) -> Content {
    let line = |request: &Request| {
        let (resource, role) = (&request.access.resource, &request.access.role);
        format!("• `/jit extend {} {} 1h`", named(resource), named(role))
    };
    which_one(requests, line)
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

/// The dialog did not open in time. The reference stands in the log as well.
pub fn too_slow(reference: &str) -> Content {
    let goes_on = trouble::goes_on(reference);
    Content::line(&format!(
        "😕 The dialog did not open in time, and nothing was done. Please press again. {goes_on}"
    ))
}

/// Slack refused the dialog, and will again. The reference stands in the log as well.
pub fn not_opened(reference: &str) -> Content {
    let goes_on = trouble::tell(reference);
    Content::line(&format!(
        "😕 Slack refused to open the dialog, and nothing was done. Pressing again will not help; \
         what `/jit help` lists works without dialogs. {goes_on}"
    ))
}

/// A password is on its way.
pub const PASSWORD_COMES: &str = "⏳ One moment: I am setting a fresh password for you.";

/// The head of the dialog with a password.
pub const PASSWORD_TITLE: &str = "Your credentials";

/// There is no password, and why. The reference stands in the log as well.
pub fn no_password(why: &str, reference: &str) -> String {
    let (why, goes_on) = (super::fault(why), trouble::goes_on(reference));
    format!(
        "😕 There is no password to show: {why}. Please press *Get credentials* again. {goes_on}"
    )
}

/// See [`no_password`].
pub const TARGET_SILENT: &str = "the target did not answer in time";
