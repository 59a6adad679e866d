//! The words of a bundle: several accesses asked for at once, on one card.

use chrono::{DateTime, Utc};

use super::super::{Faces, escape};
use super::card::{self, brief};
use super::{access, joined, name, rule, rule_in_short, when};
use crate::domain::{GrantState, Request, RequestState, Route};

/// Characters that the parts of a card may take together.
const ALL: usize = 11_000;
/// Characters of one part.
const PART: usize = 1_500;
/// Parts named one by one before “and 3 more”.
const NAMED: usize = 3;

/// The first line: who wants which bundle, or which access where it is only one.
pub fn headline(parts: &[Request], faces: &Faces) -> String {
    match parts {
        [one] if one.bundle.is_none() => super::card::headline(one, faces),
        parts => format!("*{}*", wish(parts, faces)),
    }
}

fn wish(parts: &[Request], faces: &Faces) -> String {
    let Some(lead) = parts.first() else {
        return String::new();
    };
    let who = faces.mention(lead.requester);
    let holder = match lead.access.person {
        person if person == lead.requester => String::new(),
        person => format!(" for {}", faces.mention(person)),
    };
    let waits = |part: &Request| matches!(part.state, RequestState::Pending { .. });
    let wants = if parts.iter().any(waits) {
        "wants"
    } else {
        "asked for"
    };
    let glass = |part: &Request| matches!(part.terms.route, Route::BreakGlass(_));
    let loud = if parts.iter().any(glass) {
        "🚨 Break-glass: "
    } else {
        ""
    };
    let (what, span) = (called(parts), span(parts));
    if holder.is_empty() {
        format!("{loud}{who} {wants} {what} for {span}")
    } else {
        format!("{loud}{who} {wants} {what}{holder}, {span}")
    }
}

/// How long the parts last: the same for all, or the shortest and the longest.
pub fn span(parts: &[Request]) -> String {
    if let [one] = parts {
        return card::span(one);
    }
    let spans = || parts.iter().map(Request::granted);
    match (spans().min(), spans().max()) {
        (Some(least), Some(most)) if least < most => format!("{least} to {most}"),
        (Some(all), _) => all.to_string(),
        (None, _) => String::new(),
    }
}

/// How sensitive the parts are, each word once, what is high first.
pub fn sensitivity(parts: &[Request]) -> Option<String> {
    let mut words: Vec<(bool, String)> = parts
        .iter()
        .filter_map(|part| Some((!card::is_high(part), card::sensitivity(part)?)))
        .collect();
    words.sort();
    words.dedup();
    let words: Vec<String> = words.into_iter().map(|(_, word)| word).collect();
    (!words.is_empty()).then(|| words.join("  ·  "))
}

/// The bundle with what is in it: `the bundle oncall-kit (3 accesses)`.
pub fn called(parts: &[Request]) -> String {
    let bundle = parts.first().and_then(|lead| lead.bundle.as_ref());
    let bundle = bundle.map_or_else(String::new, |part| name(&part.name));
    let count = match parts.len() {
        1 => "1 access".to_owned(),
        many => format!("{many} accesses"),
    };
    format!("the bundle {bundle} ({count})")
}

/// The whole card in one line, for notifications.
pub fn summary(parts: &[Request], faces: &Faces, now: DateTime<Utc>) -> String {
    format!(
        "{}. {}",
        wish(parts, faces),
        tally(parts, now).replace('*', "")
    )
}

/// How many parts stand where, what needs somebody first.
pub fn tally(parts: &[Request], now: DateTime<Utc>) -> String {
    let mut counts: Vec<(Standing, usize)> = Vec::new();
    let mut standings: Vec<Standing> = parts.iter().map(|part| standing(part, now)).collect();
    standings.sort_unstable();
    for standing in standings {
        match counts.last_mut() {
            Some((last, count)) if *last == standing => *count += 1,
            _ => counts.push((standing, 1)),
        }
    }
    let told = counts
        .iter()
        .map(|(standing, count)| format!("{} *{count} {}*", standing.sign(), standing.words()));
    told.collect::<Vec<_>>().join("  ·  ")
}

/// Where a part stands, in one word; what needs somebody comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Stuck,
    Failed,
    Waiting,
    Beginning,
    Giving,
    Active,
    Taking,
    Denied,
    Resolved,
    Over,
}

impl Standing {
    fn sign(self) -> &'static str {
        match self {
            Self::Stuck => "🚨",
            Self::Failed => "❌",
            Self::Waiting => "⏳",
            Self::Beginning => "📅",
            Self::Giving => "🔑",
            Self::Active => "🟢",
            Self::Taking => "🟠",
            Self::Denied => "⛔",
            Self::Resolved => "✋",
            Self::Over => "⚪",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Stuck => "cannot be taken away yet",
            Self::Failed => "failed",
            Self::Waiting => "waiting",
            Self::Beginning => "to begin later",
            Self::Giving => "being given",
            Self::Active => "active",
            Self::Taking => "being taken away",
            Self::Denied => "denied",
            Self::Resolved => "marked as resolved",
            Self::Over => "over",
        }
    }
}

fn standing(part: &Request, now: DateTime<Utc>) -> Standing {
    match &part.state {
        RequestState::Pending { expires_at, .. } if *expires_at <= now => Standing::Over,
        RequestState::Pending { .. } => Standing::Waiting,
        RequestState::Denied { .. } | RequestState::Overruled { .. } => Standing::Denied,
        RequestState::Cancelled { .. } | RequestState::Expired { .. } => Standing::Over,
        RequestState::Approved { grant, .. } => match &grant.state {
            GrantState::Scheduled { .. } => Standing::Beginning,
            GrantState::Activating { .. } => Standing::Giving,
            GrantState::Active { .. } => Standing::Active,
            GrantState::Revoking {
                failing: Some(_), ..
            } => Standing::Stuck,
            GrantState::Revoking { .. } => Standing::Taking,
            GrantState::Resolved { .. } => Standing::Resolved,
            GrantState::Revoked { .. } => Standing::Over,
            GrantState::Failed { .. } => Standing::Failed,
        },
    }
}

/// One part: what, for how long, where it stands, and by which rule.
pub fn part(part: &Request, of: usize, faces: &Faces, now: DateTime<Utc>) -> String {
    let number = part.bundle.as_ref().map_or(1, |part| part.part);
    let state = brief(part, faces, now);
    let why = match &part.state {
        RequestState::Denied { why, .. } => format!(": “{}”", super::said(why)),
        _ => String::new(),
    };
    let print = [card::sensitivity(part), Some(rule_in_short(part))];
    let print: Vec<String> = print.into_iter().flatten().collect();
    let text = format!(
        "*{number}. {}*, {} (#{})\n{state}{why}\n{}",
        access(part),
        card::span(part),
        part.number,
        print.join("  ·  ")
    );
    escape::cut(&text, PART.min(ALL / of.max(1)))
}

/// What whoever decides should know of a part: how sensitive it is, and what its rule asks.
pub fn risk(part: &Request) -> String {
    let words = [
        Some(access(part)),
        card::sensitivity(part),
        Some(rule(part)),
    ];
    let words: Vec<String> = words.into_iter().flatten().collect();
    words.join("  ·  ")
}

/// The small print under all parts: until when the first of them expires, and the ticket.
pub fn small_print(parts: &[Request], now: DateTime<Utc>) -> String {
    let mut print = vec![match parts.first() {
        Some(lead) => format!("Request #{}", lead.number),
        None => String::new(),
    }];
    let ticket = parts.iter().find_map(|part| part.terms.ticket.as_ref());
    print.extend(ticket.map(|ticket| format!("Ticket: *{}*", name(ticket))));
    let expires = parts.iter().filter_map(|part| match &part.state {
        RequestState::Pending { expires_at, .. } if now < *expires_at => Some(*expires_at),
        _ => None,
    });
    print.extend(
        expires
            .min()
            .map(|at| format!("Expires {} if nobody decides", when(at))),
    );
    print.join("  ·  ")
}

/// Which parts something is about, for the end of a line: all of them need no names.
pub fn which(about: &[&Request], of: usize) -> String {
    if about.len() == of {
        return " _(all parts)_".to_owned();
    }
    format!(" _({})_", names(about))
}

/// Accesses by name, the first few.
pub fn names(parts: &[&Request]) -> String {
    let mut shown: Vec<String> = parts
        .iter()
        .take(NAMED)
        .map(|part| name(&part.access.resource))
        .collect();
    if NAMED < parts.len() {
        shown.push(format!("{} more", parts.len() - NAMED));
    }
    joined(&shown, "and")
}

/// The line of the thread that tells what was asked.
pub fn requested(parts: &[&Request], faces: &Faces) -> String {
    let Some(lead) = parts.first() else {
        return String::new();
    };
    let bundle = lead.bundle.as_ref().map_or("", |part| part.name.as_str());
    let each = parts.iter().map(|part| {
        let (what, span) = (access(part), part.duration);
        format!("• {what} for {span}. {}.", rule(part))
    });
    let each: Vec<String> = each.collect();
    format!(
        "📝 {} asked for the bundle *{}*:\n{}{}",
        faces.mention(lead.requester),
        name(bundle),
        each.join("\n"),
        card::whole_reason(lead)
    )
}
