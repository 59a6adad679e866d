//! What an invariant demands.

use super::super::condition::Condition;
use super::super::fault::Place;
use super::super::space::{Class, Effect, Mode, Way};
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
    pub(super) effect: &'a Effect,
    pub(super) class: &'a Class,
    pub(super) mode: Mode,
    pub(super) duration: Option<Span>,
}

impl Demand {
    /// What is wrong with an answer; none where nothing is.
    pub(super) fn broken(&self, answer: &Answer<'_>) -> Option<String> {
        let effect = answer.effect;
        let terms = effect.terms.as_deref()?;
        let told = match (self, &effect.way) {
            (_, Way::Refused) => return None,
            (Self::NeverAutomatic, Way::Automatic) => "it is approved at once".to_owned(),
            (Self::NeverBreakGlass, Way::BreakGlass { .. }) => {
                "it is given by break-glass".to_owned()
            }
            (Self::NeverAutomatic | Self::NeverBreakGlass, _) => return None,
            (Self::NeverAllowed, _) => "it is allowed".to_owned(),
            (Self::NeverOnBehalf, _) => {
                return (answer.mode == Mode::OnBehalf)
                    .then(|| "somebody may ask for somebody else".to_owned());
            }
            (Self::People(needed), _) => {
                let people = effect.people();
                let people = match people {
                    _ if people >= *needed => return None,
                    0 => "nobody has".to_owned(),
                    1 => "one person has".to_owned(),
                    more => format!("only {more} people have"),
                };
                format!("{people} to agree")
            }
            (Self::Reason, Way::BreakGlass { .. }) => return None,
            (Self::Reason, _) => {
                let asked = &terms.attributes;
                if asked.reason.is_some() || asked.ticket.is_some() {
                    return None;
                }
                "no reason is asked for".to_owned()
            }
            (Self::Ticket, _) if terms.attributes.ticket.is_some() => return None,
            (Self::Ticket, _) => "no ticket is asked for".to_owned(),
            (Self::AtMost(most), _) => {
                let lasts = answer
                    .duration
                    .or(terms.given)
                    .filter(|lasts| lasts > most)?;
                format!("it lasts {lasts}")
            }
            (Self::AskedBy(groups), _) => {
                let own = answer.class.groups.first()?;
                if groups.iter().any(|group| own.contains(group)) {
                    return None;
                }
                "somebody outside of these groups may have it".to_owned()
            }
            (Self::ApprovedBy(groups), Way::Review(steps)) => {
                let mut deciders = steps.iter().flat_map(|step| {
                    let later = step.escalate.iter().flat_map(|(_, to)| to);
                    step.from.iter().chain(later)
                });
                let quiet = terms
                    .attributes
                    .quiet
                    .iter()
                    .flat_map(|(_, fallback)| fallback);
                let other = deciders.find(|group| !groups.contains(group));
                let mut quiet = quiet.filter(|group| !groups.contains(group));
                let other = other.or(quiet.next())?;
                format!("people of {other} may approve it")
            }
            (Self::ApprovedBy(_), _) => "nobody has to agree".to_owned(),
        };
        Some(told)
    }

    /// The groups that it names.
    pub(super) fn groups(&self) -> &[GroupName] {
        match self {
            Self::AskedBy(groups) | Self::ApprovedBy(groups) => groups,
            _ => &[],
        }
    }
}
