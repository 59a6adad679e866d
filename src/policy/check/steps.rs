//! Steps: that each part has an effect, and that there are people to finish them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::Subject;
use super::rules::title;
use crate::domain::{GroupName, OWNER, Quorum, Step};
use crate::policy::effort::{Effort, MOST_STEPS};
use crate::policy::fault::{At, Finding};
use crate::policy::file::{RuleEntry, StepEntry};
use crate::policy::{load, suggest};

/// Nothing is written in a step that would have no effect.
pub(super) fn parts_matter(subject: &Subject<'_>) {
    for step in subject.written.rules.iter().flat_map(RuleEntry::steps) {
        let found = [idle_mode(step), idle_ping(step), idle_escalation(step)];
        for finding in found.into_iter().flatten() {
            subject.log.push(finding);
        }
    }
}

fn idle_mode(step: &StepEntry) -> Option<Finding> {
    let at = step.all.filter(|_| step.from.len() == 1)?;
    // The owner may be several groups.
    if step.from.iter().any(|name| name.value == OWNER) {
        return None;
    }
    let message = "`mode: all` has no effect with a single group";
    let finding = Finding::new(at, message, "one group");
    Some(finding.hint("leave `mode` out, or name another group in `from`"))
}

fn names(written: &[At<String>]) -> BTreeSet<&str> {
    written.iter().map(|name| name.value.as_str()).collect()
}

fn idle_ping(step: &StepEntry) -> Option<Finding> {
    let ping = step.ping.as_ref()?;
    (names(&ping.value) == names(&step.from)).then(|| {
        let message = "`ping` names the same people as `from`";
        let finding = Finding::new(ping.at, message, "they are mentioned anyway");
        finding.hint("leave it out, or name the few who shall be mentioned")
    })
}

fn idle_escalation(step: &StepEntry) -> Option<Finding> {
    let escalate = step.escalate.as_ref()?;
    let at = escalate.to.first()?.at;
    names(&escalate.to).is_subset(&names(&step.from)).then(|| {
        let message = "`escalate` names only people who may decide anyway";
        let finding = Finding::new(at, message, "in `from` already");
        finding.hint("name others in `to`; to ask the same people again, use `nudge`")
    })
}

/// In quiet hours others stand in than those who are asked anyway.
pub(super) fn quiet_matters(subject: &Subject<'_>) {
    for step in subject.written.rules.iter().flat_map(RuleEntry::steps) {
        let Some(quiet) = &step.quiet else {
            continue;
        };
        if names(&quiet.fallback) == names(&step.from) {
            let at = quiet
                .fallback
                .first()
                .map_or(quiet.hours.at, |name| name.at);
            let message = "`quiet` names the same people as `from`";
            let finding = Finding::new(at, message, "they are asked anyway");
            subject
                .log
                .warn(finding.hint("name others, who stand in at these hours, or leave it out"));
        }
    }
}

/// People by their numbers, with the groups of the step that they are in.
type Eligible = BTreeMap<usize, BTreeSet<GroupName>>;

/// Who can finish which steps: many steps ask the same.
#[derive(Default)]
pub(super) struct Finishing {
    known: HashMap<(Vec<GroupName>, Quorum), Option<Rc<Finish>>>,
    effort: Option<Effort>,
}

/// A step as it is written, and as it is asked.
pub(super) type Asked<'a> = (&'a StepEntry, Step);

/// Whether a step can be finished, and by whom. Of a large group only as many are looked at as can
/// matter: one more than the step counts.
pub(super) struct Finish {
    people: Vec<usize>,
    /// Where it counts people of each group: who is in which.
    seats: Option<Eligible>,
    pub(super) needed: usize,
}

impl Finish {
    pub(super) fn can(&self, step: &Step, but: Option<usize>) -> bool {
        let is_there = but.is_some_and(|human| self.people.binary_search(&human).is_ok());
        let there = self.people.len() - usize::from(is_there);
        // Seats beyond the people there cannot be taken; without this, a huge count would take long.
        there >= self.needed
            && self.seats.as_ref().is_none_or(|people| {
                let others = people.iter().filter(|(human, _)| Some(**human) != but);
                step.is_met_by(others.map(|(_, groups)| groups), &[])
            })
    }
}

/// The steps of a rule, with the owners of each resource that it is about in them; each different
/// one once.
fn steps_of<'a>(subject: &Subject<'_>, index: usize, rule: &'a RuleEntry) -> Vec<Asked<'a>> {
    let mut found: Vec<Asked<'a>> = Vec::new();
    let asks_owner = |entry: &StepEntry| entry.from.iter().any(|name| name.value == OWNER);
    let owners = if rule.steps().iter().any(asks_owner) {
        owners_of(subject, index)
    } else {
        BTreeSet::new()
    };
    for entry in rule.steps().iter().take(MOST_STEPS) {
        let step = load::step(entry);
        if !step.from.iter().any(|name| name.as_str() == OWNER) {
            found.push((entry, step));
            continue;
        }
        found.extend(owners.iter().map(|owner| (entry, with_owner(&step, owner))));
    }
    found
}

/// The steps of a rule one after the other, for each different owner of what it is about.
pub(super) fn routes_of<'a>(
    subject: &Subject<'_>,
    index: usize,
    rule: &'a RuleEntry,
) -> Vec<Vec<Asked<'a>>> {
    let steps = rule.steps().iter().take(MOST_STEPS);
    let steps: Vec<Asked<'a>> = steps.map(|entry| (entry, load::step(entry))).collect();
    let asks_owner = |(_, step): &Asked<'_>| step.from.iter().any(|name| name.as_str() == OWNER);
    if !steps.iter().any(asks_owner) {
        return vec![steps];
    }
    let owners = owners_of(subject, index);
    if owners.is_empty() {
        // That is told already; what the other steps ask stands.
        let others = steps.into_iter().filter(|asked| !asks_owner(asked));
        return vec![others.collect()];
    }
    let owned = |owner: Vec<GroupName>| {
        let steps = steps.iter();
        let with = steps.map(|(entry, step)| (*entry, with_owner(step, &owner)));
        with.collect()
    };
    owners.into_iter().map(owned).collect()
}

/// The owners of the resources that a rule is about, each different list once.
fn owners_of(subject: &Subject<'_>, index: usize) -> BTreeSet<Vec<GroupName>> {
    let targets = subject.targets[index].iter();
    let mut resources: Vec<usize> = targets.map(|(resource, _)| *resource).collect();
    resources.dedup();
    let owners = resources.into_iter().map(|resource| {
        let owner = &subject.written.resources[resource].owner;
        let names = owner.iter().map(|name| GroupName::new(&name.value));
        names.collect::<Vec<_>>()
    });
    owners.filter(|owner| !owner.is_empty()).collect()
}

fn with_owner(step: &Step, owner: &[GroupName]) -> Step {
    let mut from: Vec<GroupName> = Vec::new();
    for name in &step.from {
        let named = std::slice::from_ref(name);
        let meant = if name.as_str() == OWNER { owner } else { named };
        let new: Vec<GroupName> = meant
            .iter()
            .filter(|name| !from.contains(name))
            .cloned()
            .collect();
        from.extend(new);
    }
    Step::of(from, step.quorum)
}

impl Finishing {
    /// Who may finish a step, and whether they can; none where a group is read elsewhere, or unknown,
    /// which is told already.
    pub(super) fn of(&mut self, subject: &Subject<'_>, step: &Step) -> Option<Rc<Finish>> {
        let key = (step.from.clone(), step.quorum);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let found = self.work_out(subject, step).map(Rc::new);
        self.known.insert(key, found.clone());
        found
    }

    fn work_out(&mut self, subject: &Subject<'_>, step: &Step) -> Option<Finish> {
        let needed = step.quorum.people(step.from.len());
        let mut people: Vec<usize> = Vec::new();
        let mut members: Vec<(&GroupName, &[usize])> = Vec::new();
        for group in &step.from {
            let all = subject.people.numbers(group)?;
            let matter = &all[..all.len().min(needed.saturating_add(1))];
            if !self.spend(matter.len()) {
                return None;
            }
            people.extend(matter);
            members.push((group, matter));
        }
        people.sort_unstable();
        people.dedup();
        let seats = match step.quorum {
            Quorum::All(_) if needed <= people.len() => {
                let units = people.len().saturating_mul(needed).saturating_mul(needed);
                if !self.spend(units) {
                    return None;
                }
                Some(by_groups(&members))
            }
            Quorum::All(_) | Quorum::Any(_) => None,
        };
        Some(Finish {
            people,
            seats,
            needed,
        })
    }

    /// Asks for some more work.
    pub(super) fn spend(&mut self, units: usize) -> bool {
        let effort = self
            .effort
            .get_or_insert_with(|| Effort::new(Effort::STEPS));
        effort.spend(units)
    }

    /// Whether it was too much work, so that something was not looked at.
    pub(super) fn gave_up(&self) -> bool {
        self.effort.as_ref().is_some_and(Effort::is_spent)
    }
}

fn by_groups(members: &[(&GroupName, &[usize])]) -> Eligible {
    let mut people = Eligible::new();
    for (group, humans) in members {
        for human in *humans {
            people.entry(*human).or_default().insert((*group).clone());
        }
    }
    people
}

/// Whether everybody was read without fault; if not, nothing is concluded from who is where.
pub(super) fn people_sound(subject: &Subject<'_>) -> bool {
    let written = subject.written;
    written.groups.iter().all(|group| group.sound)
        && written.people.iter().all(|person| person.sound)
}

/// The groups of a step hold as many different people as it counts.
pub(super) fn can_be_finished(subject: &Subject<'_>) {
    if !people_sound(subject) {
        return;
    }
    let mut finishing = subject.finishing.borrow_mut();
    for (index, rule) in subject.rules() {
        for (entry, step) in steps_of(subject, index, rule) {
            match finishing.of(subject, &step) {
                Some(finish) if !finish.can(&step, None) => {
                    let there = finish.people.len();
                    subject
                        .log
                        .push(too_few(entry, &step, there, finish.needed));
                }
                None if finishing.gave_up() => return subject.log.push(too_much(entry)),
                _ => {}
            }
        }
    }
}

pub(super) fn too_much(entry: &StepEntry) -> Finding {
    let message = "it would take too long to find out whether this step can be finished";
    let finding = Finding::new(entry.count.at, message, "from here on");
    finding.hint("let fewer steps count so many people, or ask the same groups in several rules")
}

fn too_few(entry: &StepEntry, step: &Step, there: usize, needed: usize) -> Finding {
    let names: Vec<&str> = step.from.iter().map(GroupName::as_str).collect();
    let needs = match step.quorum {
        Quorum::Any(count) => format!("{count} of {}", suggest::list(&names, "or")),
        Quorum::All(count) => format!("{count} of each of {}", suggest::list(&names, "and")),
    };
    let label = match there {
        1 => format!("needs {needs}, and there is only 1 person"),
        _ if there < needed => format!("needs {needs}, and there are only {there} people"),
        _ => format!("needs {needs}, and one of them is too small"),
    };
    Finding::new(entry.count.at, "this step can never be finished", label)
        .hint("lower `count`, or add people; remember that nobody approves their own request")
}

/// Where only a step's own people may ask, enough others are left to decide.
pub(super) fn not_ones_own(subject: &Subject<'_>) {
    if !people_sound(subject) {
        return;
    }
    let mut finishing = subject.finishing.borrow_mut();
    for (index, rule) in subject.rules() {
        let Some(requesters) = requesters(subject, rule) else {
            continue;
        };
        for (entry, step) in steps_of(subject, index, rule) {
            let finish = finishing.of(subject, &step);
            let is_own = finish.is_some_and(|finish| nobody_left(&step, &finish, &requesters));
            if is_own && !others_stand_in(subject, entry, &step) {
                subject.log.push(own_only(rule, entry, &step));
            }
        }
    }
}

/// Whether quiet hours bring in anybody besides the people of the step. Whoever an escalation brings in
/// helps nobody: a request that the step's own people cannot finish is not taken in.
pub(super) fn others_stand_in(subject: &Subject<'_>, entry: &StepEntry, step: &Step) -> bool {
    let people = step
        .from
        .iter()
        .filter_map(|group| subject.people.numbers(group));
    let people: BTreeSet<usize> = people.flatten().copied().collect();
    let from = names(&entry.from);
    let fallback = entry.quiet.iter().flat_map(|quiet| &quiet.fallback);
    let mut others = fallback.filter(|name| !from.contains(name.value.as_str()));
    others.any(|name| {
        let found = subject.people.numbers(&GroupName::new(&name.value));
        found.is_none_or(|found| found.iter().any(|human| !people.contains(human)))
    })
}

/// Everybody whom a rule is for, group by group; none where it is for all, or a group is read
/// elsewhere.
pub(super) fn requesters<'a>(
    subject: &'a Subject<'_>,
    rule: &RuleEntry,
) -> Option<Vec<&'a [usize]>> {
    humans(subject, rule.matching.requester_in.as_ref()?)
}

/// Everybody in these groups, by their numbers; none where one is read elsewhere, or unknown.
pub(super) fn humans<'a>(
    subject: &'a Subject<'_>,
    names: &[At<String>],
) -> Option<Vec<&'a [usize]>> {
    let names = names.iter();
    names
        .map(|name| subject.people.numbers(&GroupName::new(&name.value)))
        .collect()
}

/// Whether the step can be finished at all, but for none of these people.
pub(super) fn nobody_left(step: &Step, finish: &Finish, requesters: &[&[usize]]) -> bool {
    if !finish.can(step, None) {
        return false;
    }
    let mut different: BTreeSet<usize> = BTreeSet::new();
    for human in requesters.iter().copied().flatten() {
        // Somebody who cannot decide, or of whose group more are there than matter, may ask.
        if finish.people.binary_search(human).is_err() {
            return false;
        }
        different.insert(*human);
    }
    let mut different = different.into_iter().peekable();
    different.peek().is_some() && different.all(|human| !finish.can(step, Some(human)))
}

fn own_only(rule: &RuleEntry, entry: &StepEntry, step: &Step) -> Finding {
    let names: Vec<&str> = step.from.iter().map(GroupName::as_str).collect();
    let label = format!(
        "without the requester, {} cannot finish this step",
        suggest::plain(&names, "and")
    );
    asks_its_own(rule, entry, label)
}

pub(super) fn asks_its_own(rule: &RuleEntry, entry: &StepEntry, label: String) -> Finding {
    let at = entry.from.first().map_or(entry.count.at, |name| name.at);
    let message = format!("{} asks people about their own requests only", title(rule));
    let finding = Finding::new(at, message, label);
    let asker = rule.matching.requester_in.iter().flatten().next();
    let finding = match asker {
        Some(asker) => finding.and(asker.at, "only these may ask"),
        None => finding,
    };
    finding.hint("nobody approves their own request; add other people to `from`, or lower `count`")
}
