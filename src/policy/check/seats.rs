//! Steps one after the other: nobody approves two of them, so that there must be people enough for all.

use std::collections::BTreeSet;

use super::Subject;
use super::steps::{
    Asked, Eligible, asks_its_own, can_finish, eligible, nobody_left, people_sound, requesters,
    routes_of,
};
use crate::domain::seats::{Shortage, shortage};
use crate::domain::{GroupName, Step};
use crate::policy::fault::Finding;
use crate::policy::file::{RuleEntry, StepEntry};
use crate::policy::people::Entry;
use crate::policy::suggest;

/// A step that is always asked and can be finished, if nothing else were asked of its people.
struct Sure<'a> {
    entry: &'a StepEntry,
    step: Step,
    people: Eligible<'a>,
}

/// Steps that are short of people together.
struct Short<'a> {
    steps: Vec<&'a Sure<'a>>,
    found: Shortage,
}

/// The steps of a rule hold as many different people as they count together.
pub(super) fn can_be_finished(subject: &Subject<'_>) {
    each_route(subject, |_, steps| {
        short(steps, None).as_ref().and_then(too_few)
    });
}

/// Where only people of the steps may ask, enough others are left to finish them all.
pub(super) fn not_ones_own(subject: &Subject<'_>) {
    each_route(subject, |rule, steps| {
        let requesters = requesters(subject, rule)?;
        let told = |sure: &Sure<'_>| nobody_left(&sure.step, &sure.people, &requesters);
        // Others may stand in, so somebody is left.
        let stand_in =
            |sure: &Sure<'_>| sure.entry.escalate.is_some() || sure.entry.quiet.is_some();
        if requesters.is_empty() || steps.iter().any(|sure| told(sure) || stand_in(sure)) {
            return None;
        }
        let can_be_finished = short(steps, None).is_none();
        let left_to_nobody = || {
            requesters
                .iter()
                .all(|human| short(steps, Some(human)).is_some())
        };
        let last = steps.last()?.entry;
        let label = "without the requester, too few people are left for all the steps together";
        (can_be_finished && left_to_nobody()).then(|| asks_its_own(rule, last, label.to_owned()))
    });
}

/// Notes what is found of the steps of each rule that are asked one after the other, once.
fn each_route(subject: &Subject<'_>, find: impl Fn(&RuleEntry, &[Sure<'_>]) -> Option<Finding>) {
    if !people_sound(subject) {
        return;
    }
    for (index, rule) in subject.rules().filter(|(_, rule)| rule.sound) {
        let routes = routes_of(subject, index, rule).into_iter();
        let mut found = routes.filter_map(|route| find(rule, &sure(subject, &route)));
        if let Some(finding) = found.next() {
            subject.log.push(finding);
        }
    }
}

/// The steps of a route of which it is known that they are asked, and that each can be finished.
fn sure<'a>(subject: &'a Subject<'_>, route: &[Asked<'a>]) -> Vec<Sure<'a>> {
    let always = route.iter().filter(|(entry, _)| entry.when.is_none());
    let sure = always.filter_map(|(entry, step)| {
        let people = eligible(subject, step)?;
        can_finish(step, &people, None).then(|| Sure {
            entry,
            step: step.clone(),
            people,
        })
    });
    sure.collect()
}

fn short<'a>(steps: &'a [Sure<'a>], but: Option<&BTreeSet<Entry>>) -> Option<Short<'a>> {
    // One step alone is looked at elsewhere.
    if steps.len() < 2 {
        return None;
    }
    let (mut seats, mut step_of) = (Vec::new(), Vec::new());
    for sure in steps {
        let own = sure.step.seats(|from| {
            let others = sure.people.iter().filter(|(human, _)| Some(**human) != but);
            let takers =
                others.filter(|(_, groups)| from.iter().any(|group| groups.contains(group)));
            takers.map(|(human, _)| *human).collect::<BTreeSet<_>>()
        });
        step_of.extend(own.iter().map(|_| sure));
        seats.extend(own);
    }
    let found = shortage(&seats)?;
    let mut steps: Vec<&Sure<'_>> = found.kinds.iter().map(|kind| step_of[*kind]).collect();
    steps.dedup_by_key(|sure| sure.entry.count.at);
    Some(Short { steps, found })
}

fn too_few(short: &Short<'_>) -> Option<Finding> {
    let (first, last) = (short.steps.first()?, short.steps.last()?);
    let from = short.steps.iter().flat_map(|sure| &sure.step.from);
    let names: BTreeSet<&str> = from.map(GroupName::as_str).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let there = match short.found.people {
        1 => "there is only 1".to_owned(),
        people => format!("there are only {people}"),
    };
    let label = format!(
        "with the steps before it, this needs {} people of {}, and {there}",
        short.found.needed,
        suggest::list(&names, "or")
    );
    let message = "these steps can never be finished together";
    let finding = Finding::new(last.entry.count.at, message, label);
    let finding = finding.and(
        first.entry.count.at,
        "who approves here does not approve again",
    );
    Some(finding.hint(
        "nobody approves twice: add people, lower `count`, or ask others in one of the steps",
    ))
}
