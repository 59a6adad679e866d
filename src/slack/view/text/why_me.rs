//! Why somebody is asked to decide, or is not.

use chrono::{DateTime, Utc};

use super::super::Faces;
use super::asked::standing_in;
use super::{access, asks, groups, name, people};
use crate::domain::{GroupName, Member, Request, Step};

/// The head of the answer.
pub const TITLE: &str = "🔎 *Why you?*";

/// What the answer is good for.
pub const NOTE: &str = "This only tells you; nothing was decided. Who is in a group was read just now, \
    and is read again when you decide.";

/// The answer for one request, or for a part of several.
pub fn line(request: &Request, several: bool, why: &str) -> String {
    if several {
        format!("{}: {why}", part(request))
    } else {
        format!("Request #{}: {why}", request.number)
    }
}

/// Why that person decides on a request that waits, or why not and who does.
pub fn why(request: &Request, by: &Member, faces: &Faces, now: DateTime<Utc>) -> String {
    let Some(step) = request.current_step() else {
        return String::new();
    };
    let deciding = request.deciding(now);
    if request.belongs_to(by) {
        return format!(
            "It is your own request, so you do not decide on it. {}",
            who(request, &deciding, faces)
        );
    }
    if request
        .approvals()
        .iter()
        .any(|given| by.is(given.by.person))
    {
        return format!(
            "You have approved it already. {}",
            who(request, &deciding, faces)
        );
    }
    let yours: Vec<GroupName> = deciding
        .iter()
        .filter(|group| by.groups.contains(group))
        .cloned()
        .collect();
    if yours.is_empty() {
        return format!(
            "You are not one of those who decide on it now. {}",
            who(request, &deciding, faces)
        );
    }
    let mut lines = vec![format!(
        "You decide on it because you are {}. {}",
        standing(&yours, request, faces),
        asked(request, step)
    )];
    if !step.from.iter().any(|group| yours.contains(group)) {
        lines.extend(standing_in(request, now));
    }
    lines.join("\n")
}

/// Which part of a bundle it is about.
pub fn part(request: &Request) -> String {
    format!("*{}* (#{})", access(request), request.number)
}

/// What somebody is that lets them decide: the manager of the holder, or in groups.
fn standing(yours: &[GroupName], request: &Request, faces: &Faces) -> String {
    let named: Vec<GroupName> = yours.iter().filter(|g| !g.is_manager()).cloned().collect();
    let manager = format!("the manager of {}", faces.mention(request.access.person));
    match (named.len() < yours.len(), named.is_empty()) {
        (true, true) => manager,
        (true, false) => format!("{manager}, and in {}", groups(&named, "and")),
        (false, _) => format!("in {}", groups(&named, "and")),
    }
}

/// Which rule asks, and in which of its steps.
fn asked(request: &Request, step: &Step) -> String {
    let steps = request.terms.route.steps();
    let at = steps.iter().position(|other| std::ptr::eq(other, step));
    let which = match (steps.len(), at) {
        (0 | 1, _) | (_, None) => String::new(),
        (all, Some(at)) => format!(" in step {} of {all}", at + 1),
    };
    let rule = name(&request.terms.rule);
    format!("Rule *{rule}* asks {}{which}.", asks(step))
}

/// Who decides now.
fn who(request: &Request, deciding: &[GroupName], faces: &Faces) -> String {
    let who = request.called_of(deciding);
    let rule = request
        .current_step()
        .map(|step| asked(request, step))
        .unwrap_or_default();
    if who.is_empty() {
        return format!("{rule} I know nobody who can now.");
    }
    format!("{rule} These can now: {}.", people(&who, faces))
}
