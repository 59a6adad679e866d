//! What an invariant demands.

use super::super::condition::Condition;
use super::super::fault::Place;
use super::super::people::People;
use super::super::space::{Attributes, Class, Effect, Mode, Way};
use crate::domain::{GroupName, Span};

/// An invariant, ready to be decided.
#[derive(Debug)]
pub(super) struct Invariant {
    pub(super) name: String,
    pub(super) at: Place,
    pub(super) demand: Demand,
    pub(super) condition: Option<Condition>,
}

/// What must be so, or must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// Nothing is approved without anybody.
    NeverAutomatic,
    /// Nothing is allowed.
    NeverAllowed,
    /// Nothing is given by break-glass.
    NeverBreakGlass,
    /// Nobody asks for somebody else.
    NeverOnBehalf,
    /// That many people agree.
    People(usize),
    /// A reason of a certain form, or a ticket, is asked for.
    Reason,
    /// A ticket is asked for.
    Ticket,
    /// It lasts no longer.
    AtMost(Span),
    /// Whoever is to hold it is in one of these groups.
    AskedBy(Vec<GroupName>),
    /// Everybody who may approve does so as one of these groups.
    ApprovedBy(Vec<GroupName>),
}

/// One answer, as a demand looks at it.
pub(super) struct Answer<'a> {
    pub(super) people: &'a People,
    pub(super) effect: &'a Effect,
    pub(super) class: &'a Class,
    pub(super) mode: Mode,
    pub(super) duration: Option<Span>,
}

impl Demand {
    /// What is wrong with an answer; none where nothing is.
    pub(super) fn broken(&self, answer: &Answer<'_>) -> Option<String> {
        let effect = answer.effect;
        let way = &effect.way;
        // What is refused breaks nothing.
        let terms = effect.terms.as_deref()?;
        let asked = &terms.attributes;
        let is_glass = matches!(way, Way::BreakGlass { .. });
        let (is_broken, told) = match self {
            Self::NeverAutomatic => (*way == Way::Automatic, "it is approved at once"),
            Self::NeverBreakGlass => (is_glass, "it is given by break-glass"),
            Self::NeverAllowed => (true, "it is allowed"),
            Self::NeverOnBehalf => {
                let is_broken = answer.mode == Mode::OnBehalf;
                (is_broken, "somebody may ask for somebody else")
            }
            Self::Reason => {
                let is_asked = is_glass || asked.reason.is_some() || asked.ticket.is_some();
                (!is_asked, "no reason is asked for")
            }
            Self::Ticket => (asked.ticket.is_none(), "no ticket is asked for"),
            Self::AskedBy(groups) => {
                let own = answer.class.groups.first()?;
                let is_broken = !groups.iter().any(|group| own.contains(group));
                (is_broken, "somebody outside of these groups may have it")
            }
            Self::People(needed) => return too_few(effect.people(), *needed),
            Self::AtMost(most) => {
                let lasts = answer.duration.or(terms.given);
                let lasts = lasts.filter(|lasts| lasts > most)?;
                return Some(format!("it lasts {lasts}"));
            }
            Self::ApprovedBy(groups) => return others(answer, asked, groups),
        };
        is_broken.then(|| told.to_owned())
    }

    /// The groups that it names.
    pub(super) fn groups(&self) -> &[GroupName] {
        match self {
            Self::AskedBy(groups) | Self::ApprovedBy(groups) => groups,
            _ => &[],
        }
    }
}

fn too_few(people: usize, needed: usize) -> Option<String> {
    let people = match people {
        _ if people >= needed => return None,
        0 => "nobody has".to_owned(),
        1 => "one person has".to_owned(),
        more => format!("only {more} people have"),
    };
    Some(format!("{people} to agree"))
}

/// Who may approve besides these groups: now, after an escalation, in quiet hours, or in the place of
/// a group of which nobody can be named.
fn others(answer: &Answer<'_>, asked: &Attributes, groups: &[GroupName]) -> Option<String> {
    let Way::Review(steps) = &answer.effect.way else {
        return Some("nobody has to agree".to_owned());
    };
    let deciders = steps.iter().flat_map(|step| {
        let later = step.escalate.iter().flat_map(|(_, to)| to);
        step.from.iter().chain(later)
    });
    let quiet = asked.quiet.iter().flat_map(|(_, fallback)| fallback);
    let all = deciders.chain(quiet).flat_map(|group| {
        let fallbacks = answer.people.with_fallbacks(group);
        fallbacks.map(move |other| (group, other))
    });
    let (group, other) = all.into_iter().find(|(_, other)| !groups.contains(other))?;
    Some(if group == other {
        format!("people of {other} may approve it")
    } else {
        format!("people of {other}, to whom {group} falls back, may approve it")
    })
}
