//! The words of what one person is told directly.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::super::{Faces, Kept, escape};
use super::asked::{given, instead};
use super::card::{again_until, withdrawn};
use super::{
    access, again, asks, bundle, channel, end, fault, groups, left, long, more, people, said, when,
};
use crate::domain::{GrantState, PersonId, Removal, Request, RequestState, RevokeCause, Route};

/// The request was taken in, and these people were asked.
pub fn received(request: &Request, faces: &Faces) -> String {
    let asked = request.terms.route.steps().first().map(|step| {
        let asked = asked(&request.called_first(), &asks(step), faces);
        format!(" I asked {asked}.")
    });
    let by = match request.requester {
        person if person == request.access.person => String::new(),
        asker => format!(" {} asked for this for you.", faces.mention(asker)),
    };
    let start = request
        .terms
        .start
        .map(|start| format!(" from {}", when(start)));
    format!(
        "📝 *Request #{}*: {} for {}{}.{by}{}{}",
        request.number,
        access(request),
        request.duration,
        start.unwrap_or_default(),
        asked.unwrap_or_default(),
        expires(request)
    )
}

fn expires(request: &Request) -> String {
    match &request.state {
        RequestState::Pending { expires_at, .. } => {
            format!(" If nobody decides, it expires {}.", when(*expires_at))
        }
        _ => String::new(),
    }
}

fn asked(open: &[PersonId], step: &str, faces: &Faces) -> String {
    if open.is_empty() {
        step.to_owned()
    } else {
        format!("{step} ({})", people(open, faces))
    }
}

/// The parts of a bundle were taken in.
pub fn received_bundle(parts: &[Request], faces: &Faces) -> String {
    let Some(lead) = parts.first() else {
        return String::new();
    };
    let mut open: Vec<PersonId> = parts.iter().flat_map(Request::called_first).collect();
    open.sort_unstable();
    open.dedup();
    let by = match lead.requester {
        person if person == lead.access.person => String::new(),
        asker => format!(" {} asked for this for you.", faces.mention(asker)),
    };
    let asked = match people(&open, faces) {
        nobody if nobody.is_empty() => String::new(),
        who => format!(" I asked {who}."),
    };
    format!(
        "📝 *Request #{}*: {}.{by}{asked}{}",
        lead.number,
        bundle::called(parts),
        expires(lead)
    )
}

/// The access is there.
pub fn active(request: &Request, until: DateTime<Utc>) -> String {
    let (what, ends) = (access(request), end(request, until));
    if request.extends.is_none() {
        let time = long(request.granted());
        return format!("🟢 *You have {what} for {time}, until {ends}*");
    }
    match request.grant().map(|grant| &grant.state) {
        Some(GrantState::Active { since, .. }) => {
            let time = left(until, *since);
            format!("🟢 *Extended: you have {what} for another {time}, until {ends}*")
        }
        _ => format!("🟢 *Extended: you have {what} until {ends}*"),
    }
}

/// What the holder should know of how it was given: a shorter time, remarks, a look afterwards.
pub fn how_given(request: &Request, faces: &Faces) -> Option<String> {
    if let (Route::BreakGlass(_), Some(review)) = (&request.terms.route, request.review()) {
        return Some(format!(
            "🚨 This is break-glass: everybody who was skipped is told, and {} reviews it until {}.",
            groups(request.reviewing(), "or"),
            when(review.due_at)
        ));
    }
    let remarked =
        |given: &crate::domain::Approval| given.comment.is_some() || given.duration.is_some();
    if request.approvals().iter().any(remarked) {
        return Some(given(request, faces));
    }
    let (given, asked) = (request.granted(), request.duration);
    (given < asked).then(|| format!("It is {}.", instead(given, asked)))
}

/// The policy's words on how to connect, with `{login}` and the like filled in from what the
/// target answered.
pub fn how_to_connect(words: &str, facts: &BTreeMap<String, String>) -> String {
    let filled = facts.iter().fold(words.to_owned(), |words, (name, fact)| {
        words.replace(&format!("{{{name}}}"), fact)
    });
    escape::policy(&filled, 1500)
}

/// What the target answered, a line for each fact.
pub fn facts<'a>(facts: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let line = |(name, fact): (&String, &String)| {
        format!("{}: {}", escape::plain(name, 40), escape::plain(fact, 200))
    };
    facts
        .into_iter()
        .take(12)
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Stands before a line for a terminal.
pub fn paste(program: &str) -> String {
    format!(
        "For {}, paste this into a terminal, and then the password:",
        super::name(program)
    )
}

/// Where the password comes from, and how to end early.
pub fn active_hint(credentials: bool) -> &'static str {
    if credentials {
        "*Get credentials* sets a fresh password and shows it to you alone. Finished sooner? \
         Press *Done early*."
    } else {
        "Finished sooner? Press *Done early*."
    }
}

/// An approver said no.
pub fn denied(request: &Request, by: &str) -> String {
    format!(
        "⛔ *Denied*: {by} said no to {} for {}.",
        access(request),
        request.terms.duration
    )
}

/// What to do after a no.
pub fn denied_hint(request: &Request, by: &str) -> String {
    format!(
        "If something changes, talk to {by}, then ask again: {}",
        again(request)
    )
}

/// Nobody decided.
pub fn expired(request: &Request) -> String {
    format!(
        "⌛ *Expired*: nobody decided in time on your request for {}.\n\
         Still need it? Tell somebody who can approve, and ask again: {}",
        access(request),
        again(request),
    )
}

/// The target refused.
pub fn failed(request: &Request, error: &str, now: DateTime<Utc>) -> String {
    let next =
        again_until(request, now).unwrap_or_else(|| format!("Then ask again: {}", again(request)));
    format!(
        "❌ *It did not work*: {} was approved, but the target refused to give it. You have no \
         access. It said: “{}”\nPlease tell the owners of the resource. {next}",
        access(request),
        fault(error),
    )
}

pub(super) fn capitalized(words: &str) -> String {
    let mut rest = words.chars();
    let first = rest.next().into_iter().flat_map(char::to_uppercase);
    first.chain(rest).collect()
}

/// The end is near.
pub fn reminder(request: &Request, until: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!(
        "🔔 *{} left* of {}: it ends {}.\n{}",
        capitalized(&left(until, now)),
        access(request),
        end(request, until),
        longer(request),
    )
}

/// What to do where that is too short.
fn longer(request: &Request) -> String {
    match request.terms.extensions_left {
        0 => format!(
            "It cannot be extended any more. Need it again later? {}",
            again(request)
        ),
        _ => format!("Need longer? Press *Extend…*, or type {}", more(request)),
    }
}

/// It is over.
pub fn ended(request: &Request, cause: &RevokeCause, removal: Option<&Removal>) -> String {
    let why = match cause {
        RevokeCause::GivenBack => "You gave it back, thank you!",
        _ => "Its time is over.",
    };
    let sessions = match removal.map_or(0, |removal| removal.sessions_ended) {
        0 => "",
        _ => " Sessions that were still open have been ended.",
    };
    format!(
        "⚪ *Ended*: you no longer have {}. {why}{sessions}\nNeed it again? {}",
        access(request),
        again(request),
    )
}

/// It is over on somebody's word.
pub fn resolved(request: &Request) -> String {
    format!(
        "⚪ *Ended*: {} is over, please use it no more.\nNeed it again? {}",
        access(request),
        again(request),
    )
}

/// One grant is over, another goes on.
pub fn goes_on(request: &Request, until: DateTime<Utc>) -> String {
    let what = access(request);
    format!(
        "⚪ Request #{} has ended, but you keep {what} until {} under another request.",
        request.number,
        when(until)
    )
}

/// Somebody took it away.
pub fn revoked(request: &Request, by: &str) -> String {
    format!("🟠 *Revoked*: {by} took your {} away.", access(request))
}

/// Somebody ended one of several grants of the same access.
pub fn revoked_but_kept(request: &Request, by: &str, kept: &Kept) -> String {
    format!(
        "🟠 *Revoked*: {by} ended your request #{}. You keep {} {}.",
        request.number,
        access(request),
        super::kept(kept)
    )
}

/// What was to be prolonged has ended first.
pub fn too_late(request: &Request) -> String {
    format!(
        "🚫 *Over*: your request #{} for {} more of {} is not asked any more, since the access that \
         it would extend has ended.",
        request.number,
        request.duration,
        access(request)
    )
}

/// What to do after that.
pub fn revoked_hint(by: &str) -> String {
    format!("Talk to {by} if you still need it.")
}

/// Nobody knows whether the access was given.
pub fn unsure(request: &Request) -> String {
    format!(
        "🟠 *It did not work*: the target never said whether it gave you {}, so I take it away to \
         be sure.\nStill need it? {}",
        access(request),
        again(request),
    )
}

/// Why an approver is asked directly; `why_here` is mrkdwn of ours.
pub fn asked_here(why_here: &str) -> String {
    format!(
        "You are asked directly, because {}.",
        why_here.trim_end_matches('.')
    )
}

/// What the link to the card says.
pub const SEE_CARD: &str = "See the card";

/// A later policy does not allow the request any more.
pub fn overruled(request: &Request) -> String {
    format!(
        "⛔ The policy has changed, and no longer allows {} (request #{}). It says:",
        access(request),
        request.number
    )
}

/// It was approved for later.
pub fn scheduled(request: &Request, start: DateTime<Utc>) -> String {
    format!(
        "📅 {} (request #{}) is approved. It begins {}; I write to you once it is there.",
        access(request),
        request.number,
        when(start)
    )
}

/// What was approved for later did not begin.
pub fn unstarted(request: &Request, cause: &RevokeCause, faces: &Faces) -> String {
    let (what, number) = (access(request), request.number);
    match cause {
        RevokeCause::Unstarted { why } => {
            format!("⚪ {what} (request #{number}) did not begin: {}", said(why))
        }
        RevokeCause::GivenBack => {
            format!("⚪ *Withdrawn*: {what} (request #{number}) will not begin. Nothing was given.")
        }
        cause => format!(
            "⚪ {what} (request #{number}) will not begin: {}. Nothing was given.",
            withdrawn(cause, faces)
        ),
    }
}

/// Why an approver has a copy of a bundle's card: its channel is not the one of their part.
pub fn asked_for_part(of: &str) -> String {
    format!("the card of this bundle stands in {}", channel(of))
}
