//! Rules: their parts, the names in them, and whether they can ever matter.

use std::collections::{BTreeMap, BTreeSet};

use super::Subject;
use crate::domain::{GroupName, MANAGER, OWNER, Quorum, RoleName, Step};
use crate::policy::fault::{At, Finding};
use crate::policy::file::{RuleDecision, RuleEntry, StepEntry};
use crate::policy::matching::glob;
use crate::policy::people::Entry;
use crate::policy::{load, suggest};

/// A review has steps; a denial has a message and nothing to fulfil; nothing is written that would
/// have no effect.
pub(super) fn parts_fit(subject: &Subject<'_>) {
    for rule in &subject.written.rules {
        let Some(decision) = &rule.decision else {
            continue;
        };
        match decision.value {
            RuleDecision::Review => review_fits(subject, rule, decision),
            RuleDecision::Deny => deny_fits(subject, rule, decision),
            RuleDecision::Approve => approve_fits(subject, rule, decision),
        }
        for step in rule.steps.iter().flat_map(|steps| &steps.value) {
            count_matters(subject, step);
        }
    }
}

fn count_matters(subject: &Subject<'_>, step: &StepEntry) {
    if let (Some(at), 1) = (step.all, step.from.len()) {
        let finding = Finding::new(
            at,
            "`mode: all` has no effect with a single group",
            "one group",
        );
        subject
            .log
            .push(finding.hint("leave `mode` out, or name another group in `from`"));
    }
}

fn review_fits(subject: &Subject<'_>, rule: &RuleEntry, decision: &At<RuleDecision>) {
    if rule.sound
        && rule
            .steps
            .as_ref()
            .is_none_or(|steps| steps.value.is_empty())
    {
        let message = format!("{} asks for a review, but nobody is asked", title(rule));
        subject.log.push(
            Finding::new(decision.at, message, "`steps` are missing")
                .hint("add who decides: `steps: [ { from: [dba], count: 1 } ]`"),
        );
    }
    no_message(subject, rule);
}

fn deny_fits(subject: &Subject<'_>, rule: &RuleEntry, decision: &At<RuleDecision>) {
    no_steps(subject, rule, decision);
    if rule.sound && rule.message.is_none() {
        let message = format!("{} denies without a word", title(rule));
        subject.log.push(Finding::new(decision.at, message, "`message` is missing").hint(
            "say why, and what to do instead: `message: Contractors get no access. Ask your host.`",
        ));
    }
    let limit = rule.require.max_duration.as_ref().map(|limit| limit.at);
    let reason = rule.require.reason.as_ref().map(|reason| reason.at);
    let channel = rule.channel.as_ref().map(|channel| channel.at);
    for at in [limit, reason, channel].into_iter().flatten() {
        let message = format!("{} denies, so this has no effect", title(rule));
        let finding = Finding::new(at, message, "never used");
        subject
            .log
            .push(finding.hint("remove it: a denial has `match` and `message` only"));
    }
}

fn approve_fits(subject: &Subject<'_>, rule: &RuleEntry, decision: &At<RuleDecision>) {
    no_steps(subject, rule, decision);
    no_message(subject, rule);
}

fn no_steps(subject: &Subject<'_>, rule: &RuleEntry, decision: &At<RuleDecision>) {
    if let Some(steps) = &rule.steps {
        let word = decision.value.as_str();
        let message = format!(
            "{} has steps, but `decision: {word}` asks nobody",
            title(rule)
        );
        subject.log.push(
            Finding::new(steps.at, message, "never used")
                .and(decision.at, "because of this")
                .hint("remove the steps, or write `decision: review`"),
        );
    }
}

fn no_message(subject: &Subject<'_>, rule: &RuleEntry) {
    if let Some(message) = &rule.message {
        let finding = Finding::new(
            message.at,
            format!("{} never shows its message", title(rule)),
            "only shown by `decision: deny`",
        );
        subject.log.push(
            finding.hint("remove it; a word about the reason goes to `require.reason.message`"),
        );
    }
}

/// How a rule is called in messages.
fn title(rule: &RuleEntry) -> String {
    if rule.name.value.is_empty() {
        return "this rule".to_owned();
    }
    format!("rule “{}”", rule.name.value)
}

/// Everything that a rule names exists.
pub(super) fn names_known(subject: &Subject<'_>) {
    let known = Known::new(subject);
    for rule in &subject.written.rules {
        for finding in known.strange_in(rule) {
            subject.log.push(finding);
        }
    }
}

/// Every name that a rule may use.
pub(super) struct Known<'a> {
    resources: Vec<&'a str>,
    roles: BTreeSet<&'a str>,
    sensitivities: BTreeSet<&'a str>,
    groups: BTreeSet<&'a str>,
    labels: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Known<'a> {
    pub(super) fn new(subject: &'a Subject<'_>) -> Self {
        let facts = &subject.facts;
        let mut labels: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (key, value) in facts.iter().flat_map(|facts| &facts.labels) {
            labels.entry(key).or_default().insert(value);
        }
        let roles = facts.iter().flat_map(|facts| &facts.roles);
        Self {
            resources: facts.iter().map(|facts| facts.name.as_str()).collect(),
            roles: roles.map(RoleName::as_str).collect(),
            sensitivities: (facts.iter())
                .filter_map(|facts| facts.sensitivity.as_deref())
                .collect(),
            groups: subject.group_names().collect(),
            labels,
        }
    }

    /// A fault for each name in a rule that nothing bears.
    pub(super) fn strange_in(&self, rule: &RuleEntry) -> Vec<Finding> {
        let matching = &rule.matching;
        let patterns = matching.resources.iter().flatten();
        let mut found: Vec<Finding> = patterns
            .filter(|pattern| !self.resources.iter().any(|name| glob(&pattern.value, name)))
            .map(|pattern| unknown_resource(pattern, &self.resources))
            .collect();
        let steps = rule.steps.iter().flat_map(|steps| &steps.value);
        // Two words may stand where a group asks people, and name none of the policy's groups.
        let from = steps
            .flat_map(|step| &step.from)
            .filter(|name| ![MANAGER, OWNER].contains(&name.value.as_str()));
        let groups = matching.requester_in.iter().flatten().chain(from);
        let words = matching.sensitivity.iter().flatten();
        found.extend(unknown(
            "role",
            matching.roles.iter().flatten(),
            &self.roles,
        ));
        found.extend(unknown("sensitivity", words, &self.sensitivities));
        found.extend(unknown("group", groups, &self.groups));
        let labels = matching.labels.iter();
        found.extend(labels.filter_map(|(key, value)| self.unknown_label(key, value)));
        found
    }

    fn unknown_label(&self, key: &At<String>, value: &At<String>) -> Option<Finding> {
        let Some(values) = self.labels.get(key.value.as_str()) else {
            let keys = self.labels.keys().copied();
            let hint = suggest::hint(&key.value, keys, "no resource has labels");
            let message = format!("no resource has a label `{}`", key.value);
            return Some(Finding::new(key.at, message, "unknown label").hint(hint));
        };
        if values.contains(value.value.as_str()) {
            return None;
        }
        let hint = suggest::hint(&value.value, values.iter().copied(), "");
        let message = format!("no resource has the label {}={}", key.value, value.value);
        Some(Finding::new(value.at, message, "unknown value").hint(hint))
    }
}

fn unknown<'a>(
    what: &'a str,
    names: impl Iterator<Item = &'a At<String>>,
    known: &'a BTreeSet<&'a str>,
) -> impl Iterator<Item = Finding> {
    let strange = names.filter(|name| !known.contains(name.value.as_str()));
    strange.map(move |name| {
        let none = match what {
            "group" => "add it under `groups`",
            _ => "no resource says any",
        };
        let hint = match Entry::read(&name.value) {
            Some(_) if what == "group" => {
                "rules name groups or entries of `people`; add one for this person".to_owned()
            }
            _ => suggest::hint(&name.value, known.iter().copied(), none),
        };
        let message = match what {
            "sensitivity" => format!("no resource has the sensitivity `{}`", name.value),
            "role" => format!("no resource has a role `{}`", name.value),
            _ => format!("there is no {what} `{}`", name.value),
        };
        Finding::new(name.at, message, format!("unknown {what}")).hint(hint)
    })
}

fn unknown_resource(pattern: &At<String>, resources: &[&str]) -> Finding {
    let hint = suggest::hint(
        &pattern.value,
        resources.iter().copied(),
        "add it under `resources`",
    );
    let message = if pattern.value.contains('*') {
        format!("no resource fits `{}`", pattern.value)
    } else {
        format!("there is no resource `{}`", pattern.value)
    };
    Finding::new(pattern.at, message, "unknown resource").hint(hint)
}

/// The groups of a step hold as many different people as it counts.
pub(super) fn steps_can_be_finished(subject: &Subject<'_>) {
    let written = subject.written;
    let sound = (written.groups.iter().all(|group| group.sound))
        && written.people.iter().all(|person| person.sound);
    if !sound {
        return;
    }
    for step in written
        .rules
        .iter()
        .filter_map(|rule| rule.steps.as_ref())
        .flat_map(|s| &s.value)
    {
        if let Some(finding) = unfinishable(subject, step) {
            subject.log.push(finding);
        }
    }
}

fn unfinishable(subject: &Subject<'_>, entry: &StepEntry) -> Option<Finding> {
    let step = load::step(entry);
    let mut groups_of: BTreeMap<&BTreeSet<Entry>, BTreeSet<GroupName>> = BTreeMap::new();
    for group in &step.from {
        // An unknown group is told already.
        for human in subject.people.group(group)? {
            groups_of.entry(human).or_default().insert(group.clone());
        }
    }
    // Seats beyond the people there are cannot be taken; without this, a huge count would take long.
    let needed = step.quorum.people(step.from.len());
    if needed <= groups_of.len() && step.is_met_by(groups_of.values(), &[]) {
        return None;
    }
    Some(too_few(entry, &step, groups_of.len(), needed))
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

/// Every rule matches at least one role of one resource.
pub(super) fn about_something(subject: &Subject<'_>) {
    for (index, rule) in subject.written.rules.iter().enumerate() {
        if subject.conclusive[index] && subject.targets[index].is_empty() {
            let message = format!("{} matches nothing", title(rule));
            let finding = Finding::new(rule.name.at, message, "no resource and role fit it");
            subject.log.push(
                finding.hint(
                    "within `match` everything must hold at once; compare it with `resources`",
                ),
            );
        }
    }
}

/// No rule stands behind others that take every ask away from it.
pub(super) fn reachable(subject: &Subject<'_>) {
    for (index, rule) in subject.written.rules.iter().enumerate() {
        let mine = &subject.targets[index];
        if !subject.conclusive[index] || mine.is_empty() {
            continue;
        }
        let mut left = mine.clone();
        let mut takers = Vec::new();
        for earlier in tried_before(subject, index) {
            let before = left.len();
            left.retain(|target| !subject.targets[earlier].contains(target));
            if left.len() < before {
                takers.push(earlier);
            }
        }
        if left.is_empty() {
            subject.log.push(unreachable(subject, rule, &takers));
        }
    }
}

/// The rules that are tried before that one for everybody whom it is for.
fn tried_before(subject: &Subject<'_>, index: usize) -> impl Iterator<Item = usize> {
    let rules = &subject.written.rules;
    let denies = |rule: usize| {
        let decision = rules[rule].decision.as_ref();
        decision.is_some_and(|decision| decision.value == RuleDecision::Deny)
    };
    let comes_first = move |other: usize| match (denies(other), denies(index)) {
        (true, false) => true,
        (false, true) => false,
        _ => other < index,
    };
    (0..rules.len())
        .filter(move |other| *other != index && comes_first(*other))
        .filter(|other| subject.conclusive[*other])
        .filter(move |other| subject.matchers[*other].is_for_all_of(&subject.matchers[index]))
}

fn unreachable(subject: &Subject<'_>, rule: &RuleEntry, takers: &[usize]) -> Finding {
    let rules = &subject.written.rules;
    let names: Vec<String> = takers.iter().map(|taker| title(&rules[*taker])).collect();
    let message = format!("{} can never be reached", title(rule));
    let verb = if names.len() == 1 { "takes" } else { "take" };
    let label = format!("{} {verb} every ask that it is about", names.join(" and "));
    let finding = Finding::new(rule.name.at, message, label);
    let finding = (takers.iter()).fold(finding, |finding, taker| {
        finding.and(rules[*taker].name.at, "tried before")
    });
    finding.hint("put the narrower rule first, or remove it; rules that deny always come first")
}

/// A rule that posts a card knows where to, for every resource it is about.
pub(super) fn channels_known(subject: &Subject<'_>) {
    if subject.written.defaults.channel.is_some() {
        return;
    }
    for (index, rule) in subject.written.rules.iter().enumerate() {
        let denies = rule
            .decision
            .as_ref()
            .is_none_or(|d| d.value == RuleDecision::Deny);
        if denies || rule.channel.is_some() || !subject.conclusive[index] {
            continue;
        }
        let targets = subject.targets[index].iter();
        let resources = targets.map(|(resource, _)| &subject.written.resources[*resource]);
        if let Some(resource) = resources
            .into_iter()
            .find(|resource| resource.channel.is_none())
        {
            let message = format!("{} has no channel for its card", title(rule));
            let label = format!("for `{}` no channel is named anywhere", resource.name.value);
            let finding = Finding::new(rule.name.at, message, label);
            subject
                .log
                .push(finding.hint(
                    "add `channel: \"#name\"` to `defaults`, to the resource or to the rule",
                ));
        }
    }
}
