//! One ask of the space as a command that anybody can repeat.

use std::fmt::Write as _;

use super::super::people::Entry;
use super::{Crowd, Mode, Point, Space, Way, atoms, sample};
use crate::domain::{GroupName, Identity};

/// Somebody whom no policy knows.
const STRANGER: &str = "somebody@example.com";

/// How an ask of the space is repeated, or why it cannot be.
pub(in crate::policy) fn command(space: &Space<'_>, crowd: &Crowd, point: Point) -> Option<String> {
    let mode = space.modes.get(point.mode)?;
    // The command line knows neither earlier requests nor grants that could be prolonged.
    if space.spent[point.spent] || *mode == Mode::Extension {
        return None;
    }
    let class = &space.classes[point.class];
    let people = people(space, crowd, point);
    let mut people = people.into_iter();
    let holder = people.next()?;
    let duration = space.lengths.at(point.length);
    let duration = duration.map(|duration| format!(" {duration}")).unwrap_or_default();
    let first = if *mode == Mode::OnBehalf { people.next()? } else { holder.clone() };
    let mut command = format!(
        "jit policy explain {} {} {}{duration}",
        quoted(&first),
        quoted(space.resource.as_str()),
        quoted(space.role.as_str())
    );
    if *mode == Mode::OnBehalf {
        let _ = write!(command, " --for {}", quoted(&holder));
    }
    if *mode == Mode::BreakGlass {
        command.push_str(" --break-glass");
    }
    for group in &class.dynamic {
        let _ = write!(command, " --in {}", quoted(group.as_str()));
    }
    if class.guest {
        command.push_str(" --guest");
    }
    command.push_str(&times(space, point));
    if let Some(reason) = reason(space, point, *mode) {
        let _ = write!(command, " --reason {}", quoted(&reason));
    }
    Some(command)
}

fn times(space: &Space<'_>, point: Point) -> String {
    let at = space.moments[point.moment].at;
    let last = space.sides.len().saturating_sub(1);
    let effect = space.effect(last, point);
    let start = effect.terms.and_then(|terms| terms.attributes.start);
    let written = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%dT%H:%M:%SZ");
    match start.and_then(|(earliest, _)| earliest) {
        Some(ahead) => {
            let asked = at - chrono::TimeDelta::from(ahead);
            format!(" --at {} --from {}", written(asked), written(at))
        }
        None => format!(" --at {}", written(at)),
    }
}

/// A reason that fits the rule which decides, where it wants one.
fn reason(space: &Space<'_>, point: Point, mode: Mode) -> Option<String> {
    let mut patterns = Vec::new();
    for (number, side) in space.sides.iter().enumerate().rev() {
        let terms = space.effect(number, point).terms;
        let rule = terms.and_then(|terms| side.rules.iter().find(|rule| rule.name.as_str() == terms.rule));
        patterns = rule.map(|rule| atoms::patterns(rule)).unwrap_or_default();
        if !patterns.is_empty() {
            break;
        }
    }
    if patterns.is_empty() {
        return (mode == Mode::BreakGlass).then(|| "an emergency".to_owned());
    }
    sample::reason(&patterns)
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
    let known = class.humans.iter().take(50).map(|human| crowd.humans[*human].who.clone());
    let mut people: Vec<String> = known.collect();
    people.sort_by_key(approves);
    let strange = [STRANGER.to_owned(), format!("another.{STRANGER}")];
    if class.strangers || people.len() < 2 {
        people.extend(strange);
    }
    people
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@.-_+:/".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
