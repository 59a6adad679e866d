//! One ask of the space as a command that anybody can repeat.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::Policy;
use super::super::people::Entry;
use super::super::report::explanation_text;
use super::super::suite::{Before, Stage, person};
use super::{Crowd, Mode, Point, Space, Way, atoms, effect, sample};
use crate::domain::{
    Ask, Asker, Circumstances, GroupName, Identity, Person, Span, Standing, Verdict,
};

/// Somebody whom no policy knows.
const STRANGER: &str = "somebody@example.com";
/// How many people are tried for an example.
const MOST_TRIES: usize = 60;

/// An ask that `jit policy explain` can repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) struct Replay {
    holder: String,
    /// What the holder is called besides, where only that brings them into their groups.
    also: Option<String>,
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
    before: Before,
}

/// How an ask of the space is repeated; none where the space has no such ask.
pub(in crate::policy) fn replay(space: &Space<'_>, crowd: &Crowd, point: Point) -> Option<Replay> {
    let mode = *space.modes.get(point.mode)?;
    let class = space.classes.get(point.class)?;
    let at = space.moments.get(point.moment)?.at;
    let lead = lead(space, point, mode);
    let plain = Replay {
        holder: String::new(),
        also: class
            .united
            .map(|[_, slack]| crowd.humans[slack].who.clone()),
        asker: None,
        resource: space.resource.to_string(),
        role: space.role.to_string(),
        duration: space.lengths.at(point.length),
        at: lead.map_or(at, |lead| at - TimeDelta::from(lead)),
        from: lead.map(|_| at),
        break_glass: mode == Mode::BreakGlass,
        groups: class.dynamic.iter().cloned().collect(),
        guest: class.guest,
        reason: reason(space, point, mode),
        before: before(space, point, mode),
    };
    let holders = people(space, crowd, point);
    let askers: Vec<Option<String>> = if mode == Mode::OnBehalf {
        let everybody = crowd.humans.iter().map(|human| human.who.clone());
        let askers = holders.iter().cloned().chain(everybody);
        askers.take(MOST_TRIES).map(Some).collect()
    } else {
        vec![None]
    };
    let mut pairs = (holders.iter())
        .flat_map(|holder| askers.iter().map(move |asker| (holder, asker)))
        .filter(|(holder, asker)| Some(*holder) != asker.as_ref())
        .map(|(holder, asker)| Replay {
            holder: holder.clone(),
            asker: asker.clone(),
            ..plain.clone()
        });
    let first = pairs.clone().next();
    let mut tried = pairs.by_ref().take(MOST_TRIES);
    tried.find(|replay| replay.fits(space, point)).or(first)
}

/// What has to be there before: uses that are used up, or an access that is prolonged.
fn before(space: &Space<'_>, point: Point, mode: Mode) -> Before {
    let last = space.sides.last();
    let rules = last.into_iter().flat_map(|side| &side.rules);
    let used_up = rules.map(|rule| &rule.name);
    let used_up = used_up.filter(|name| space.spent[point.spent].contains(*name));
    Before {
        used_up: used_up.cloned().collect(),
        held: (mode == Mode::Extension).then_some((super::HELD, 0)),
    }
}

/// How far ahead it has to be asked.
fn lead(space: &Space<'_>, point: Point, mode: Mode) -> Option<Span> {
    if matches!(mode, Mode::BreakGlass | Mode::Extension) {
        return None;
    }
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

/// People of the class, those first who do not have to approve themselves. Somebody whom nobody
/// knows is of a class without groups only, and asks for others in any.
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
    let known = class.humans.iter().take(MOST_TRIES);
    let known = known.map(|human| crowd.humans[*human].who.clone());
    let mut people: Vec<String> = known.collect();
    people.sort_by_key(approves);
    people.extend([STRANGER.to_owned(), format!("another.{STRANGER}")]);
    people
}

impl Replay {
    /// The same, to prolong what was held for that long and prolonged so often already.
    pub(in crate::policy) fn prolonging(mut self, held: Span, extensions: u32) -> Self {
        self.before.held = Some((held, extensions));
        self
    }

    /// Whether the policies answer this ask as they do that of the space.
    fn fits(&self, space: &Space<'_>, point: Point) -> bool {
        space.sides.iter().enumerate().all(|(number, side)| {
            let Some(stage) = self.stage(side.policy) else {
                return false;
            };
            let verdict = side.policy.evaluate(&stage.ask, &stage.circumstances);
            let way = match stage.answer(side.policy, &verdict) {
                Verdict::Terms(terms) => effect::way(&terms),
                Verdict::Refused(_) => Way::Refused,
            };
            way == space.effect(number, point).way
        })
    }

    fn person(&self, policy: &Policy) -> Option<Person> {
        let mut holder = person(policy, &self.holder).ok()?;
        if let Some(also) = &self.also {
            holder
                .identities
                .extend(person(policy, also).ok()?.identities);
        }
        Some(holder)
    }

    fn stage(&self, policy: &Policy) -> Option<Stage> {
        let asker = match &self.asker {
            Some(asker) => Some(person(policy, asker).ok()?),
            None => None,
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
            ..Ask::of(self.person(policy)?, self.resource.clone())
        };
        let mut stage = Stage::new(ask, Circumstances::at(self.at));
        stage.set_before(policy, &self.before);
        Some(stage)
    }

    /// The evaluation of this ask, as `jit policy explain` prints it.
    pub(in crate::policy) fn tell(&self, policy: &Policy) -> String {
        let Some(stage) = self.stage(policy) else {
            return String::new();
        };
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
        if let Some(also) = &self.also {
            write!(f, " --also {}", quoted(also))?;
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
        self.before(f)?;
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

impl Replay {
    fn before(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for rule in &self.before.used_up {
            write!(f, " --used-up {}", quoted(rule.as_str()))?;
        }
        match self.before.held {
            Some((held, 0)) => write!(f, " --extends {held}"),
            Some((held, times)) => write!(f, " --extends {held} --extended {times}"),
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
