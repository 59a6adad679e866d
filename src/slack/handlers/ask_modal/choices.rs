//! What there is to choose from in a form, and what of it is chosen.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::super::super::view::ask::{Form, Start, Times, What, Words};
use super::{Entered, Time};
use crate::domain::{Ask, GroupName, RoleName, Span};
use crate::policy::{Offer, Policy};

/// The length that is chosen at first where the rule has no default, if it is offered.
const USUAL: Span = Span::hours(1);
/// Bytes of a role that a form carries along; none is longer.
const CARRIED: usize = 150;
/// Minutes that are offered where a rule allows any length.
const LENGTHS: [u32; 14] = [
    15, 30, 60, 120, 240, 480, 720, 1_440, 2_880, 4_320, 10_080, 20_160, 43_200, 86_400,
];

/// What is called so, as a choice shows it.
pub(super) fn what(policy: &Policy, name: &str) -> Option<What> {
    if let Some(bundle) = policy.bundle(name) {
        return Some(What {
            name: bundle.name,
            about: bundle.description,
            bundle: true,
        });
    }
    let mut resources = policy.resources();
    let found = resources.find(|resource| resource.name.as_str().eq_ignore_ascii_case(name))?;
    Some(What {
        name: found.name.to_string(),
        about: found.description,
        bundle: false,
    })
}

/// The roles of it that its holder may ask for.
pub(super) fn roles(policy: &Policy, ask: &Ask, what: Option<&What>) -> Vec<RoleName> {
    let mut groups: BTreeSet<GroupName> = policy.groups_of(&ask.person.identities);
    groups.extend(ask.standing.groups.iter().cloned());
    let all = policy.resources_for(&groups).into_iter();
    let name = what.map(|what| what.name.as_str());
    let mut found = all.filter(|(resource, _)| Some(resource.name.as_str()) == name);
    let roles = found.next().map(|(_, roles)| roles).unwrap_or_default();
    roles.into_iter().map(|(role, _)| role).collect()
}

/// The role that was chosen.
pub(super) enum Chosen {
    Role(RoleName),
    /// One that is not there.
    Unknown,
    None,
}

/// Which of the roles was chosen: the only one needs no choice.
pub(super) fn chosen_role(roles: &[RoleName], wanted: Option<&str>) -> Chosen {
    let Some(wanted) = wanted else {
        return match roles {
            [one] => Chosen::Role(one.clone()),
            _ => Chosen::None,
        };
    };
    let same = |role: &&RoleName| role.as_str().to_lowercase() == wanted.to_lowercase();
    match (roles.iter().find(same), roles) {
        (Some(role), _) | (None, [role]) => Chosen::Role(role.clone()),
        (None, _) => Chosen::Unknown,
    }
}

/// The lengths that all of these rules offer, and the one that is chosen.
pub(super) fn times(offers: &[Offer], wanted: Option<&Time>) -> Times {
    let most = offers.iter().map(|offer| offer.limit).min();
    let fits = |span: &Span| most.is_none_or(|most| *span <= most);
    let bound: Vec<&Offer> = (offers.iter())
        .filter(|offer| !offer.durations.is_empty())
        .collect();
    let free = bound.is_empty();
    let default = offers.iter().filter_map(|offer| offer.default).min();
    let mut offered: BTreeSet<Span> = match bound.first() {
        Some(first) => first.durations.iter().copied().collect(),
        None => LENGTHS
            .iter()
            .map(|minutes| Span::minutes(*minutes))
            .chain(most)
            .collect(),
    };
    offered.retain(|span| fits(span) && bound.iter().all(|offer| offer.durations.contains(span)));
    if free {
        offered.extend(default.filter(fits));
    }
    let mut chosen = None;
    let mut other = None;
    match wanted {
        Some(Time::Said(words)) if free => {
            chosen = Span::parse(words).ok();
            other = Some(words.clone());
        }
        Some(Time::Of(span)) if free && !fits(span) => chosen = most,
        Some(Time::Of(span)) if free => {
            offered.insert(*span);
            chosen = Some(*span);
        }
        Some(Time::Of(span)) => chosen = Some(*span).filter(|span| offered.contains(span)),
        _ => {}
    }
    let offered: Vec<Span> = offered.into_iter().collect();
    if other.is_none() {
        let known = |span: &Span| offered.contains(span);
        let short = offered.iter().rev().find(|span| **span <= USUAL);
        let first = default
            .filter(known)
            .or(short.copied())
            .or(offered.first().copied());
        chosen = chosen.or(first);
    }
    Times {
        offered,
        chosen,
        free,
        other,
        most,
    }
}

/// What was entered while nothing is chosen that it could be for: it is kept for whatever is.
pub(super) fn unbound(form: &mut Form, entered: &Entered) {
    form.times = (entered.time.as_ref()).map(|time| times(&[], Some(time)));
    form.start = entered.start.map(begins);
    form.emergency = entered.break_glass.then_some(true);
    let role = entered.role.clone();
    form.carried.typed_role = role.filter(|role| role.len() <= CARRIED);
}

fn begins(at: DateTime<Utc>) -> Start {
    Start {
        at: Some(at),
        least: None,
        most: None,
    }
}

/// What these rules want of a reason, a ticket and a start, and whether break-glass can be chosen.
pub(super) fn requirements(form: &mut Form, entered: &Entered, offers: &[Offer]) {
    form.reason.wanted = offers.iter().find_map(|offer| offer.reason.clone());
    let ticket = offers.iter().find_map(|offer| offer.ticket.clone());
    // Nobody shall have to write a ticket twice: it may stand in the reason.
    let found = offers.iter().find_map(|offer| offer.ticket_found.clone());
    form.ticket = ticket.map(|wanted| Words {
        typed: match entered.ticket.as_str() {
            "" => found.unwrap_or_default(),
            written => written.to_owned(),
        },
        wanted: Some(wanted),
    });
    let starts: Option<Vec<_>> = offers.iter().map(|offer| offer.start).collect();
    let starts = starts.filter(|starts| !starts.is_empty());
    form.start = starts.and_then(|starts| {
        Some(Start {
            at: entered.start,
            least: starts.iter().filter_map(|(least, _)| *least).max(),
            most: Some(starts.iter().map(|(_, most)| *most).min()?),
        })
    });
    // What was said stays to be seen where the rule does not allow it, and is refused by it.
    form.start = form.start.take().or(entered.start.map(begins));
    let glass = !offers.is_empty() && offers.iter().all(|offer| offer.break_glass);
    form.emergency = (glass || entered.break_glass).then_some(entered.break_glass);
}
