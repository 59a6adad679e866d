//! One ask of the space as a command that anybody can repeat.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::Policy;
use super::super::people::Entry;
use super::super::report::explanation_text;
use super::super::suite::{Stage, person};
use super::{Crowd, Mode, Point, Space, Way, atoms, sample};
use crate::domain::{Ask, Asker, Circumstances, GroupName, Identity, Span, Standing};

/// Somebody whom no policy knows.
const STRANGER: &str = "somebody@example.com";

/// An ask that `jit policy explain` can repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) struct Replay {
    holder: String,
    asker: Option<String>,
    resource: String,
    role: String,
    duration: Option<Span>,
    at: DateTime<Utc>,
    from: Option<DateTime<Utc>>,
    break_glass: bool,
    groups: Vec<GroupName>,
    guest: bool,
    reason: Option<String>,
}

/// How an ask of the space is repeated; none where the command line has no way to ask it: it knows
/// neither earlier requests nor grants that could be prolonged.
pub(in crate::policy) fn replay(space: &Space<'_>, crowd: &Crowd, point: Point) -> Option<Replay> {
    let mode = *space.modes.get(point.mode)?;
    if space.spent[point.spent] || mode == Mode::Extension {
        return None;
    }
    let class = &space.classes[point.class];
    let mut people = people(space, crowd, point).into_iter();
    let at = space.moments[point.moment].at;
    let lead = lead(space, point);
    Some(Replay {
        holder: people.next()?,
        asker: if mode == Mode::OnBehalf {
            Some(people.next()?)
        } else {
            None
        },
        resource: space.resource.to_string(),
        role: space.role.to_string(),
        duration: space.lengths.at(point.length),
        at: lead.map_or(at, |lead| at - TimeDelta::from(lead)),
        from: lead.map(|_| at),
        break_glass: mode == Mode::BreakGlass,
        groups: class.dynamic.iter().cloned().collect(),
        guest: class.guest,
        reason: reason(space, point, mode),
    })
}

/// How far ahead it has to be asked.
fn lead(space: &Space<'_>, point: Point) -> Option<Span> {
    let last = space.sides.len().saturating_sub(1);
    let terms = space.effect(last, point).terms?;
    terms.attributes.start?.0
}

/// A reason that fits the rule which decides, where it wants one.
fn reason(space: &Space<'_>, point: Point, mode: Mode) -> Option<String> {
    for (number, side) in space.sides.iter().enumerate().rev() {
        let Some(terms) = space.effect(number, point).terms else {
            continue;
        };
        let mut rules = side.rules.iter();
        let rule = rules.find(|rule| rule.name.as_str() == terms.rule);
        let patterns = rule.map(|rule| atoms::patterns(rule)).unwrap_or_default();
        if !patterns.is_empty() {
            return sample::reason(&patterns);
        }
    }
    (mode == Mode::BreakGlass).then(|| "an emergency".to_owned())
}

/// People of the class, those first who do not have to approve themselves.
fn people(space: &Space<'_>, crowd: &Crowd, point: Point) -> Vec<String> {
    let class = &space.classes[point.class];
    let last = space.sides.len().saturating_sub(1);
    let deciders: Vec<GroupName> = match space.effect(last, point).way {
        Way::Review(steps) => steps.iter().flat_map(|step| step.from.clone()).collect(),
        _ => Vec::new(),
    };
    let policy = space.sides.last().map(|side| side.policy);
    let approves = |who: &String| {
        let identity = match Entry::read(who) {
            Some(Entry::SlackUser(user)) => Identity::slack("", user),
            _ => Identity::email(who),
        };
        let groups = policy.map(|policy| policy.groups_of(&[identity].into()));
        groups.is_some_and(|groups| deciders.iter().any(|group| groups.contains(group)))
    };
    let known = class.humans.iter().take(50);
    let known = known.map(|human| crowd.humans[*human].who.clone());
    let mut people: Vec<String> = known.collect();
    people.sort_by_key(approves);
    people.extend([STRANGER.to_owned(), format!("another.{STRANGER}")]);
    people
}

impl Replay {
    /// The evaluation of this ask, as `jit policy explain` prints it.
    pub(in crate::policy) fn tell(&self, policy: &Policy) -> String {
        let (Ok(holder), asker) = (
            person(policy, &self.holder),
            self.asker
                .as_ref()
                .and_then(|asker| person(policy, asker).ok()),
        ) else {
            return String::new();
        };
        let ask = Ask {
            role: Some(self.role.clone()),
            duration: self.duration,
            reason: self.reason.clone().unwrap_or_default(),
            start: self.from,
            break_glass: self.break_glass,
            standing: Standing {
                groups: self.groups.iter().cloned().collect(),
                guest: self.guest,
                ..Standing::default()
            },
            asker: asker.map(|person| Asker {
                person,
                standing: Standing::default(),
            }),
            ..Ask::of(holder, self.resource.clone())
        };
        let stage = Stage::new(ask, Circumstances::at(self.at));
        let explanation = policy.explain(&stage.ask, &stage.circumstances);
        explanation_text(policy, &stage, &explanation)
    }
}

/// The command, without the policy's path.
impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = quoted(self.asker.as_ref().unwrap_or(&self.holder));
        let (resource, role) = (quoted(&self.resource), quoted(&self.role));
        write!(f, "jit policy explain {who} {resource} {role}")?;
        if let Some(duration) = self.duration {
            write!(f, " {duration}")?;
        }
        if self.asker.is_some() {
            write!(f, " --for {}", quoted(&self.holder))?;
        }
        if self.break_glass {
            f.write_str(" --break-glass")?;
        }
        for group in &self.groups {
            write!(f, " --in {}", quoted(group.as_str()))?;
        }
        if self.guest {
            f.write_str(" --guest")?;
        }
        let form = "%Y-%m-%dT%H:%M:%SZ";
        write!(f, " --at {}", self.at.format(form))?;
        if let Some(from) = self.from {
            write!(f, " --from {}", from.format(form))?;
        }
        match &self.reason {
            Some(reason) => write!(f, " --reason {}", quoted(reason)),
            None => Ok(()),
        }
    }
}

/// A word as a shell takes it.
pub(in crate::policy) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@.-_+:/".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
