//! The words of a request's card.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::{Faces, escape};
use super::asked::{approved_by, given, standing_in};
use super::grant::granted;
pub use super::grant::{again_until, never_began, over, over_named, retry_until, times, withdrawn};
use super::{access, ask, asks, groups, name, people, rule, rule_in_short, said, when};
use crate::domain::{Approval, GroupName, Quorum, Request, RequestState, Route, Step};

/// What was read this long before the request was made is no news on its card: each click reads it
/// again anyhow.
const FRESH: TimeDelta = TimeDelta::minutes(1);
/// Characters of a reason on a card; more of them would push the buttons off a phone.
pub const REASON: usize = 400;
/// Characters of a reason where all of it is told.
const WHOLE_REASON: usize = 2_000;
/// What stands below a reason that was cut.
pub const REASON_GOES_ON: &str = "_The whole reason stands in the card's thread._";

/// The first line: who wants what for how long. In bold, as the rest explains it.
pub fn headline(request: &Request, faces: &Faces) -> String {
    format!("*{}*", wish(request, faces))
}

/// Who wants what, for whom, and for how long.
fn wish(request: &Request, faces: &Faces) -> String {
    let (what, span) = (access(request), span(request));
    let who = faces.mention(request.requester);
    let holder = match request.access.person {
        person if person == request.requester => String::new(),
        person => format!(" for {}", faces.mention(person)),
    };
    let wants = match request.state {
        RequestState::Pending { .. } => "wants",
        _ => "asked for",
    };
    let loud = match request.terms.route {
        Route::BreakGlass(_) => "🚨 Break-glass: ",
        Route::Automatic { .. } | Route::Steps(_) => "",
    };
    match &request.extends {
        Some(_) => format!("{loud}{who} {wants} {span} more of {what}{holder}"),
        None if holder.is_empty() => format!("{loud}{who} {wants} {what} for {span}"),
        None => format!("{loud}{who} {wants} {what}{holder}, {span}"),
    }
}

/// How long it lasts; where that is less than was asked for, both.
pub fn span(request: &Request) -> String {
    let (given, asked) = (request.granted(), request.duration);
    if given < asked {
        format!("{given} instead of {asked}")
    } else {
        given.to_string()
    }
}

/// The whole card in one line, for notifications.
pub fn summary(request: &Request, faces: &Faces, now: DateTime<Utc>) -> String {
    let state = status(request, faces, now).replace('*', "");
    let first = state.lines().next().unwrap_or_default();
    format!("{}. {first}", wish(request, faces))
}

/// Where the request stands: one bold line, then what follows from it.
pub fn status(request: &Request, faces: &Faces, now: DateTime<Utc>) -> String {
    let brief = brief(request, faces, now);
    match &request.state {
        RequestState::Pending { expires_at, .. } if now < *expires_at => {
            format!("{brief}\nExpires {} if nobody decides", when(*expires_at))
        }
        _ => brief,
    }
}

/// The same, without when a request that waits expires.
pub fn brief(request: &Request, faces: &Faces, now: DateTime<Utc>) -> String {
    match &request.state {
        RequestState::Pending { expires_at, .. } if *expires_at <= now => {
            format!("⌛ *Nobody decided in time* (until {})", when(*expires_at))
        }
        RequestState::Pending { step, .. } => pending(request, *step, faces, now),
        RequestState::Approved { grant, .. } => {
            let mut lines = vec![granted(request, &grant.state, faces, now)];
            lines.push(approval(request, faces));
            lines.extend(stricter(request));
            lines.join("\n")
        }
        RequestState::Denied { at, by, .. } => {
            format!("⛔ *Denied* by {} {}", faces.mention(*by), when(*at))
        }
        RequestState::Overruled { at, .. } if request.came_too_late() => {
            format!(
                "🚫 *Over* since {}: the access that this would extend has ended",
                when(*at)
            )
        }
        RequestState::Overruled { at, why } => {
            format!(
                "⛔ *No longer allowed* {}: the policy has changed. It says: “{}”",
                when(*at),
                said(why)
            )
        }
        RequestState::Cancelled { at } => {
            format!(
                "🚫 *Cancelled* by {} {}",
                faces.mention(request.requester),
                when(*at)
            )
        }
        RequestState::Expired { at } => {
            format!("⌛ *Expired* {}: nobody decided in time", when(*at))
        }
    }
}

/// How it came to be approved.
fn approval(request: &Request, faces: &Faces) -> String {
    match &request.terms.route {
        Route::Automatic { .. } => "Approved by its rule, nobody was asked".to_owned(),
        Route::BreakGlass(_) => "Given at once, without asking anybody".to_owned(),
        Route::Steps(_) => given(request, faces),
    }
}

/// That a later policy asked for more, where one did.
fn stricter(request: &Request) -> Option<String> {
    request.terms.tightened_by.as_ref()?;
    Some(format!(
        "📜 The policy became stricter after this was asked: now it needs {}",
        needs(request)
    ))
}

/// Who has to approve, and for how long at most.
fn needs(request: &Request) -> String {
    let steps = request.terms.route.steps();
    let asked: Vec<String> = steps.iter().map(asks).collect();
    format!(
        "{}, for at most {}",
        asked.join(", then "),
        request.terms.duration
    )
}

fn pending(request: &Request, step: usize, faces: &Faces, now: DateTime<Utc>) -> String {
    let steps = request.terms.route.steps();
    let Some(asked) = steps.get(step) else {
        return "⏳ *Waiting*".to_owned();
    };
    let which = match steps.len() {
        1 => String::new(),
        all => format!(" (step {} of {all})", step + 1),
    };
    let missing = missing(asked, step, request.approvals());
    let mut lines = vec![format!("⏳ *Waiting for {missing}*{which}")];
    lines.extend(standing_in(request, now));
    lines.extend(approved_by(request, faces));
    lines.extend(stricter(request));
    let open = request.called(now);
    if !open.is_empty() {
        lines.push(format!("Asked: {}", people(&open, faces)));
    }
    if let Some(until) = extends_until(request) {
        lines.push(format!("Would extend until {}", when(until)));
    }
    if let Some(start) = request.terms.start {
        lines.push(format!("📅 Would begin {}", when(start)));
    }
    lines.join("\n")
}

/// What a step still needs, in words for a bold line.
fn missing(step: &Step, index: usize, approvals: &[Approval]) -> String {
    let given = approvals
        .iter()
        .filter(|approval| approval.step == index)
        .count();
    let needed = step.quorum.people(step.from.len());
    if given == 0 {
        return asks(step).replace('*', "");
    }
    // Where each group has to say yes, two of the same group leave one missing all the same.
    let left = needed.saturating_sub(given).max(1);
    let last = match step.quorum {
        Quorum::Any(_) => "or",
        Quorum::All(_) => "and",
    };
    let from = groups(&step.from, last).replace('*', "");
    format!("{left} more of {needed} approvals, {from}")
}

/// Until when an extension would last; none where the request extends nothing, or nothing any more.
pub fn extends_until(request: &Request) -> Option<DateTime<Utc>> {
    let until = request.extends.as_ref()?.until?;
    until.checked_add_signed(request.granted().into())
}

/// The reason in full, for the thread of a card that cuts it; nothing where the card has all of it.
pub fn whole_reason(request: &Request) -> String {
    let (words, _) = ask::split_link(&request.reason);
    if !is_cut(words) {
        return String::new();
    }
    format!("\nWhy, in full: “{}”", escape::inline(words, WHOLE_REASON))
}

/// Whether a card shows only the beginning of that reason.
pub fn is_cut(reason: &str) -> bool {
    escape::plain(reason, REASON) != escape::plain(reason, WHOLE_REASON)
}

/// Where the grant stands, in one line; none where there is no grant.
pub fn granted_now(request: &Request, faces: &Faces, now: DateTime<Utc>) -> Option<String> {
    let grant = request.grant()?;
    Some(granted(request, &grant.state, faces, now))
}

/// How sensitive the policy says that it is.
pub fn sensitivity(request: &Request) -> Option<String> {
    let words = request.terms.card.sensitivity.as_ref()?;
    let sign = if is_high(request) { "🔴 " } else { "" };
    Some(format!("{sign}Sensitivity: *{}*", name(words)))
}

/// What whoever decides should know, where no card is in sight: number, ticket, sensitivity, and what
/// the rule asks.
pub fn risk(request: &Request) -> String {
    format!("{}\n{}", numbers(request), rule(request))
}

fn numbers(request: &Request) -> String {
    let ticket = request.terms.ticket.as_ref();
    let ticket = ticket.map(|ticket| format!("Ticket: *{}*", name(ticket)));
    let parts = [
        Some(format!("Request #{}", request.number)),
        ticket,
        sensitivity(request),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join("  ·  ")
}

/// The small print: number, ticket, sensitivity, rule.
pub fn small_print(request: &Request) -> String {
    let mut lines = vec![numbers(request), rule_in_short(request)];
    let old = read_at(request).filter(|(_, at)| FRESH < request.asked_at - *at);
    lines.extend(old.map(|(group, at)| was_read(&group, at)));
    lines.join("\n")
}

/// How old the knowledge is of who is in the groups that are asked, where it comes from elsewhere:
/// the group that was read longest ago.
pub fn read_at(request: &Request) -> Option<(GroupName, DateTime<Utc>)> {
    let asked = request.terms.route.groups();
    let readings = request.roster.readings(request.asked_at).into_iter();
    readings
        .filter(|(group, _)| asked.contains(group))
        .min_by_key(|(_, at)| *at)
}

/// When somebody looked who is in a group.
pub fn was_read(group: &GroupName, at: DateTime<Utc>) -> String {
    let (group, at) = (name(group), when(at));
    format!("Who is in *{group}* was read {at}; each click reads it again")
}

/// Whether the policy calls the resource highly sensitive, so that approving wants a second look:
/// `high` or `critical`, alone or among other words (`very high`, `pci-critical`).
pub fn is_high(request: &Request) -> bool {
    let sensitivity = request.terms.card.sensitivity.as_deref().unwrap_or("");
    let mut words = sensitivity.split(|c: char| !c.is_alphanumeric());
    words.any(|word| HIGH.iter().any(|high| word.eq_ignore_ascii_case(high)))
}

/// All that the card says which is sent where Slack refuses the better one.
pub fn plain(summary: &str, number: i64) -> String {
    format!("{summary}\nRequest #{number}")
}

/// Why approving wants a second look.
pub fn second_look(request: &Request) -> String {
    let word = request.terms.card.sensitivity.as_deref().unwrap_or("high");
    format!("The policy says of its sensitivity: {}.", word.trim())
}

/// The words of a policy that mean that approving wants a second look.
const HIGH: [&str; 3] = ["high", "highest", "critical"];
