//! How much a change matters: what lets people do more comes first.

use serde::Serialize;

use super::super::space::{Attributes, Effect, Meaning, StepShape, Way};
use crate::domain::GroupName;

/// Whether a change lets people do more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Something becomes possible, or easier, for somebody.
    Laxer,
    /// Something becomes impossible, or harder.
    Stricter,
    /// Neither.
    Neutral,
}

/// The kind of a change, most dangerous first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Danger {
    /// Nobody has to agree any more.
    NewlyAutomatic,
    /// Something that was refused can be asked for.
    NewlyAllowed,
    /// The same role gives something else at the target.
    OtherTarget,
    /// Who is meant is read from somewhere else, which a policy cannot know.
    OtherPeople,
    /// Fewer people have to agree.
    FewerApprovers,
    /// Other people may agree, who could not before.
    WeakerApprovers,
    /// It lasts longer.
    Longer,
    /// More is possible in an emergency.
    BreakGlass,
    /// It can be prolonged more.
    MoreExtension,
    /// More people look at the requests of others, or may take access away.
    MoreOverseers,
    /// Less has to be brought along: a reason, a ticket, a near start.
    LessAsked,
    /// What could be asked for is refused.
    Refused,
    /// What was approved at once needs somebody.
    NewlyReviewed,
    /// More people have to agree, or fewer may.
    MoreApprovers,
    /// It lasts less long.
    Shorter,
    /// Fewer people look at the requests of others, or may take access away.
    FewerOverseers,
    /// Less can be prolonged, or more has to be brought along.
    MoreAsked,
    /// What people are told, and where, and how long things wait.
    Told,
}

impl Danger {
    /// Whether it lets people do more.
    pub fn direction(self) -> Direction {
        if self <= Self::LessAsked {
            Direction::Laxer
        } else if self == Self::Told {
            Direction::Neutral
        } else {
            Direction::Stricter
        }
    }

    /// In a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::NewlyAutomatic => "newly automatic",
            Self::NewlyAllowed => "newly allowed",
            Self::OtherTarget => "gives something else",
            Self::OtherPeople => "people read from elsewhere",
            Self::FewerApprovers => "fewer approvals",
            Self::WeakerApprovers => "other approvers",
            Self::Longer => "longer",
            Self::BreakGlass => "more by break-glass",
            Self::MoreExtension => "more extension",
            Self::MoreOverseers => "more admins, owners or auditors",
            Self::LessAsked => "less is asked for",
            Self::Refused => "no longer allowed",
            Self::NewlyReviewed => "no longer automatic",
            Self::MoreApprovers => "more approvals",
            Self::Shorter => "shorter",
            Self::FewerOverseers => "fewer admins, owners or auditors",
            Self::MoreAsked => "more is asked for",
            Self::Told => "told or kept differently",
        }
    }
}

/// What is allowed at other durations, where a cap may have moved.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Near {
    /// The same was allowed before for a shorter time.
    pub(super) was_allowed_shorter: bool,
    /// The same is allowed now for a shorter time.
    pub(super) is_allowed_shorter: bool,
}

/// The most dangerous thing about a change.
pub(super) fn judge(before: &Effect, after: &Effect, near: Near) -> Danger {
    let way = match (&before.way, &after.way) {
        (Way::Refused, _) if near.was_allowed_shorter => Some(Danger::Longer),
        (_, Way::Refused) if near.is_allowed_shorter => Some(Danger::Shorter),
        (Way::Automatic, Way::Automatic) | (Way::Refused, Way::Refused) => None,
        (_, Way::Automatic) => Some(Danger::NewlyAutomatic),
        (Way::Refused, Way::Review(_)) => Some(Danger::NewlyAllowed),
        (_, Way::Refused) => Some(Danger::Refused),
        (Way::BreakGlass { .. }, Way::Review(_)) | (Way::Automatic, _) => {
            Some(Danger::NewlyReviewed)
        }
        (Way::Review(_) | Way::Refused, Way::BreakGlass { .. }) => Some(Danger::BreakGlass),
        (Way::Review(old), Way::Review(new)) => steps(old, new),
        (
            Way::BreakGlass {
                by: old,
                within: then,
            },
            Way::BreakGlass {
                by: new,
                within: now,
            },
        ) => match (
            is_within(new, old) && now <= then,
            old == new && now == then,
        ) {
            (_, true) => None,
            (true, false) => Some(Danger::MoreAsked),
            (false, false) => Some(Danger::BreakGlass),
        },
    };
    let rest = before.terms.as_deref().zip(after.terms.as_deref());
    let rest = rest.and_then(|(old, new)| besides(old, new));
    way.into_iter().chain(rest).min().unwrap_or(Danger::Told)
}

fn steps(old: &[StepShape], new: &[StepShape]) -> Option<Danger> {
    let quiet = |steps: &[StepShape]| -> Vec<StepShape> {
        let plain = steps.iter().cloned().map(|mut step| {
            step.ping.clear();
            step.nudge = None;
            step
        });
        plain.collect()
    };
    if quiet(old) == quiet(new) {
        return None;
    }
    if all_covered(old, new) {
        // Nothing that was needed before is missing; in another order it is even the same.
        return (!all_covered(new, old)).then_some(Danger::MoreApprovers);
    }
    let people = |steps: &[StepShape]| steps.iter().map(StepShape::people).sum::<usize>();
    Some(if people(new) < people(old) {
        Danger::FewerApprovers
    } else {
        Danger::WeakerApprovers
    })
}

/// Whether whoever finishes `have` has done all that `wanted` asks for.
fn all_covered(wanted: &[StepShape], have: &[StepShape]) -> bool {
    let mut free: Vec<&StepShape> = have.iter().collect();
    wanted.iter().all(|step| {
        let at = free.iter().position(|other| covers(other, step));
        at.map(|at| free.remove(at)).is_some()
    })
}

fn covers(have: &StepShape, wanted: &StepShape) -> bool {
    let by_the_same = is_within(&have.from, &wanted.from);
    let enough = match (have.all, wanted.all) {
        (false, false) => by_the_same && have.count >= wanted.count,
        (true, false) => by_the_same && have.people() >= wanted.people(),
        (true, true) => have.count >= wanted.count && is_within(&wanted.from, &have.from),
        (false, true) => false,
    };
    let later = match (&have.escalate, &wanted.escalate) {
        (None, _) => true,
        (Some((_, to)), None) => is_within(to, &wanted.from),
        (Some((soon, to)), Some((then, others))) => {
            let all: Vec<GroupName> = others.iter().chain(&wanted.from).cloned().collect();
            soon >= then && is_within(to, &all)
        }
    };
    enough && later
}

fn is_within(some: &[GroupName], all: &[GroupName]) -> bool {
    some.iter().all(|group| all.contains(group))
}

fn besides(old: &Meaning, new: &Meaning) -> Option<Danger> {
    let same = old.target == new.target && old.spec == new.spec;
    let target = (!same).then_some(Danger::OtherTarget);
    let owners = (old.owners != new.owners).then(|| {
        if is_within(&new.owners, &old.owners) {
            Danger::FewerOverseers
        } else {
            Danger::MoreOverseers
        }
    });
    target
        .into_iter()
        .chain(owners)
        .chain(attributes(&old.attributes, &new.attributes))
        .min()
}

fn attributes(old: &Attributes, new: &Attributes) -> Option<Danger> {
    let mut found = Vec::new();
    if old.extend != new.extend {
        let stricter = match (old.extend, new.extend) {
            (Some((many, by, total)), Some((now, now_by, now_total))) => {
                now <= many && now_by <= by && now_total <= total
            }
            (_, None) => true,
            (None, Some(_)) => false,
        };
        found.push(if stricter {
            Danger::MoreAsked
        } else {
            Danger::MoreExtension
        });
    }
    if old.start != new.start {
        let lead = |start: Option<(Option<crate::domain::Span>, crate::domain::Span)>| {
            start.map_or((0, 0), |(from, to)| {
                (from.map_or(0, crate::domain::Span::seconds), to.seconds())
            })
        };
        let ((from, to), (now_from, now_to)) = (lead(old.start), lead(new.start));
        let stricter = now_from >= from && now_to <= to;
        found.push(if stricter {
            Danger::MoreAsked
        } else {
            Danger::LessAsked
        });
    }
    for (old, new) in [(&old.reason, &new.reason), (&old.ticket, &new.ticket)] {
        match (old, new) {
            (None, Some(_)) => found.push(Danger::MoreAsked),
            // Whether one form allows more than another cannot be told.
            (Some(old), new) if Some(old) != new.as_ref() => found.push(Danger::LessAsked),
            _ => {}
        }
    }
    if old.quiet != new.quiet {
        let stricter = new.quiet.iter().all(|(hours, fallback)| {
            let mut before = old.quiet.iter();
            before.any(|(long, all)| long.contain(*hours) && is_within(fallback, all))
        });
        found.push(if stricter {
            Danger::MoreApprovers
        } else {
            Danger::WeakerApprovers
        });
    }
    if let (Some((old, per)), Some((new, now))) = (old.limits, new.limits)
        && (old, per) != (new, now)
    {
        let stricter = new <= old && now >= per;
        found.push(if stricter {
            Danger::MoreAsked
        } else {
            Danger::NewlyAutomatic
        });
    }
    found.into_iter().min()
}
