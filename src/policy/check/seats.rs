//! Steps one after the other: nobody approves two of them, so that there must be people enough for all.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::Subject;
use super::steps::{
    Asked, Finish, Finishing, asks_its_own, nobody_left, others_stand_in, people_sound, requesters,
    routes_of, too_much,
};
use crate::domain::seats::{Shortage, shortage};
use crate::domain::{GroupName, Step};
use crate::policy::fault::Finding;
use crate::policy::file::{RuleEntry, StepEntry};
use crate::policy::suggest;

/// A step that is always asked and can be finished, if nothing else were asked of its people.
struct Sure<'a> {
    entry: &'a StepEntry,
    step: Step,
    finish: Rc<Finish>,
}

/// The steps of a rule that are asked one after the other.
struct Way<'a> {
    subject: &'a Subject<'a>,
    steps: Vec<Sure<'a>>,
    /// How many people they count together.
    needed: usize,
}

/// Steps that are short of people together.
struct Short<'a> {
    steps: Vec<&'a Sure<'a>>,
    found: Shortage,
}

/// The steps of a rule hold as many different people as they count together.
pub(super) fn can_be_finished(subject: &Subject<'_>) {
    each_way(subject, |_, way| way.short(None).as_ref().and_then(too_few));
}

/// Where only people of the steps may ask, enough others are left to finish them all.
pub(super) fn not_ones_own(subject: &Subject<'_>) {
    each_way(subject, |rule, way| {
        let requesters = requesters(subject, rule)?;
        let told = |sure: &Sure<'_>| nobody_left(&sure.step, &sure.finish, &requesters);
        let stand_in = |sure: &Sure<'_>| others_stand_in(subject, sure.entry, &sure.step);
        if way.steps.iter().any(|sure| stand_in(sure) || told(sure)) {
            return None;
        }
        let can_be_finished = way.short(None).is_none();
        let last = way.steps.last()?.entry;
        let label = "without the requester, too few people are left for all the steps together";
        (can_be_finished && way.is_left_to_nobody(&requesters))
            .then(|| asks_its_own(rule, last, label.to_owned()))
    });
}

/// Notes what is found of the steps of each rule that are asked one after the other, once.
fn each_way(subject: &Subject<'_>, find: impl Fn(&RuleEntry, &Way<'_>) -> Option<Finding>) {
    if !people_sound(subject) {
        return;
    }
    for (index, rule) in subject.rules().filter(|(_, rule)| rule.sound) {
        // One step alone is looked at elsewhere.
        let always = rule.steps().iter().filter(|entry| entry.when.is_none());
        if always.count() < 2 {
            continue;
        }
        let routes = routes_of(subject, index, rule).into_iter();
        let mut found = routes.filter_map(|route| find(rule, &Way::new(subject, &route)?));
        if let Some(finding) = found.next() {
            subject.log.push(finding);
        }
        if let Some(step) = rule.steps().first().filter(|_| gave_up(subject)) {
            return subject.log.push(too_much(step));
        }
    }
}

fn gave_up(subject: &Subject<'_>) -> bool {
    subject.finishing.borrow().gave_up()
}

impl<'a> Way<'a> {
    /// The steps of a route of which it is known that they are asked, and that each can be finished;
    /// none where that is one or none of them.
    fn new(subject: &'a Subject<'a>, route: &[Asked<'a>]) -> Option<Self> {
        let mut finishing = subject.finishing.borrow_mut();
        let finishing: &mut Finishing = &mut finishing;
        let always = route.iter().filter(|(entry, _)| entry.when.is_none());
        let sure = always.filter_map(|(entry, step)| {
            let finish = finishing.of(subject, step)?;
            finish.can(step, None).then(|| Sure {
                entry,
                step: step.clone(),
                finish,
            })
        });
        let steps: Vec<Sure<'a>> = sure.collect();
        let needed = steps.iter().map(|sure| sure.finish.needed);
        let needed = needed.fold(0_usize, usize::saturating_add);
        (steps.len() > 1).then_some(Self {
            subject,
            steps,
            needed,
        })
    }

    /// The steps for which there are too few people, without one of them.
    fn short(&self, but: Option<usize>) -> Option<Short<'_>> {
        let (mut seats, mut step_of) = (Vec::new(), Vec::new());
        for sure in &self.steps {
            let own = sure.step.seats(|from| self.takers(from, but));
            step_of.extend(own.iter().map(|_| sure));
            seats.extend(own);
        }
        let takers: usize = seats.iter().map(|seats| seats.takers.len()).sum();
        let units = takers.saturating_mul(self.needed);
        if !self.subject.finishing.borrow_mut().spend(units) {
            return None;
        }
        let found = shortage(&seats)?;
        let mut steps: Vec<&Sure<'_>> = found.kinds.iter().map(|kind| step_of[*kind]).collect();
        steps.dedup_by_key(|sure| sure.entry.count.at);
        Some(Short { steps, found })
    }

    /// Who may take a seat for these groups: of each as many as can matter, where one of all is away.
    fn takers(&self, from: &[GroupName], but: Option<usize>) -> BTreeSet<usize> {
        let most = self.needed.saturating_add(1);
        let groups = from
            .iter()
            .filter_map(|group| self.subject.people.numbers(group));
        let people = groups.flat_map(|people| people.iter().take(most));
        people
            .copied()
            .filter(|human| Some(*human) != but)
            .collect()
    }

    /// Whether the steps cannot be finished without any of these people.
    fn is_left_to_nobody(&self, requesters: &[&[usize]]) -> bool {
        let mut seen = BTreeSet::new();
        let mut different = requesters.iter().copied().flatten();
        let all = different.all(|human| !seen.insert(*human) || self.short(Some(*human)).is_some());
        all && !seen.is_empty()
    }
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
