//! What is wrong with a policy as a whole: a list of named checks, all of them run, so that every
//! fault is told at once.
//!
//! A check looks at what is written and notes what it finds. One that draws conclusions from several
//! parts leaves alone what is not sound: a slip of the pen shall be told once, not with all that
//! would follow from it.

mod bounds;
mod bundles;
mod conditions;
mod durations;
mod effects;
mod glass;
mod known;
mod names;
mod people;
mod possible;
mod reach;
mod rules;
mod seats;
mod sources;
mod steps;
mod targets;
mod together;
mod trial;
mod waiting;

pub(super) use conditions::finding as condition_finding;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use super::fault::{At, Finding, Log, Source};
use super::fields;
use super::file::{ConnectorEntry, RuleEntry, Written};
use super::matching::{Facts, Index, Matcher, Targets};
use super::parse::Parsed;
use super::people::People;
use crate::domain::RoleName;

pub(super) use conditions::RuleConditions;

/// What the checks found out that is needed to build a policy.
pub(super) struct Checked {
    /// For each rule, the resources and roles that it is about, by their numbers.
    pub(super) targets: Targets,
    /// For each rule, its conditions.
    pub(super) conditions: Vec<RuleConditions>,
    /// For each rule, its clauses.
    pub(super) matchers: Vec<Matcher>,
    /// What rules look at in each resource.
    pub(super) facts: Vec<Facts>,
    /// Everybody the policy names.
    pub(super) people: People,
}

/// What the checks look at.
struct Subject<'a> {
    written: &'a Written,
    people: People,
    /// Who can finish which steps, as far as it was asked.
    finishing: RefCell<steps::Finishing>,
    /// What rules may look at in each resource, in the order of the file.
    facts: &'a [Facts],
    /// The same, to find resources by it.
    index: Index<'a>,
    /// The connectors by their names.
    connectors: HashMap<&'a str, &'a ConnectorEntry>,
    /// Every name that a rule may use.
    known: known::Known<'a>,
    /// For each rule, a fault for each name in it that nothing bears.
    strange: Vec<Vec<Finding>>,
    /// The clauses of each rule, in the order of the file.
    matchers: Vec<Matcher>,
    /// The resources and roles (by their numbers) that each rule is about, whoever asks.
    targets: Targets,
    /// The conditions of each rule. Those with a fault are missing.
    conditions: Vec<RuleConditions>,
    /// What is wrong with conditions.
    condition_faults: Vec<Finding>,
    /// For each rule, whether conclusions may be drawn from what it matches.
    conclusive: Vec<bool>,
    sources: &'a [Source],
    log: &'a Log,
}

/// A check and what it holds.
struct Check {
    /// The sentence that holds of a policy without fault; reports name faults by it.
    holds: &'static str,
    /// Whether it needs every file: where one could not be read at all, names may be missing.
    needs_all_files: bool,
    run: fn(&Subject<'_>),
}

const CHECKS: &[Check] = &[
    alone("a policy is not too large", bounds::not_too_large),
    alone("names can be typed in a chat", names::can_be_typed),
    alone("names are given once", names::given_once),
    alone("e-mails and Slack ids are well formed", people::well_formed),
    alone("an e-mail or Slack id is one person's", people::unambiguous),
    alone("no group is called by a reserved word", sources::names_free),
    alone(
        "what the target calls things can be a name there",
        targets::roles_fit,
    ),
    alone(
        "a rule has the parts that its decision needs",
        effects::parts_fit,
    ),
    alone("nothing in a step is without effect", steps::parts_matter),
    alone(
        "times of waiting end before the request does",
        waiting::ends,
    ),
    alone("durations keep within their caps", durations::within_caps),
    alone("starts lie in a stretch of time", durations::starts_fit),
    alone("extensions can be used", durations::extensions_fit),
    alone(
        "uses are counted over at most 90 days",
        durations::uses_are_counted,
    ),
    alone("break-glass is short", glass::is_short),
    whole("members are known", people::members_known),
    whole("managers are known", sources::managers_known),
    whole("who is a manager is said somewhere", sources::managers_said),
    whole("fallbacks are known", sources::fallbacks_known),
    whole("fallbacks come to an end", sources::fallbacks_end),
    whole("connectors are known", targets::connectors_known),
    whole("default roles are roles", targets::default_roles_known),
    whole("owners are known", targets::owners_known),
    whole("names in rules are known", known::in_rules),
    whole("admins and auditors are known", known::admins),
    whole("bundles can be asked for", bundles::can_be_asked),
    whole(
        "caps are for roles that a rule is about",
        durations::roles_fit,
    ),
    whole(
        "conditions are read without fault",
        conditions::without_fault,
    ),
    whole(
        "conditions look at something",
        conditions::look_at_something,
    ),
    whole("every condition can hold", possible::can_hold),
    whole("holidays count somewhere", conditions::holidays_count),
    whole("what `owner` means is said", targets::owners_said),
    whole("every step can be finished", steps::can_be_finished),
    whole(
        "nobody is asked about their own request only",
        steps::not_ones_own,
    ),
    whole(
        "all steps of a rule can be finished together",
        seats::can_be_finished,
    ),
    whole(
        "somebody is left to finish all steps of a rule",
        seats::not_ones_own,
    ),
    whole(
        "somebody else can look at it afterwards",
        glass::others_review,
    ),
    whole("every rule is about something", reach::about_something),
    whole("every rule can be reached", reach::reachable),
    whole("every rule is left one of its groups", together::by_groups),
    whole("every card has a channel", rules::channels_known),
];

const fn alone(holds: &'static str, run: fn(&Subject<'_>)) -> Check {
    Check {
        holds,
        needs_all_files: false,
        run,
    }
}

const fn whole(holds: &'static str, run: fn(&Subject<'_>)) -> Check {
    Check {
        holds,
        needs_all_files: true,
        run,
    }
}

/// Checks of what is probably not meant, though nothing forbids it.
const DOUBTS: &[Check] = &[
    whole("every resource can be asked for", targets::can_be_asked_for),
    whole("every rule is left somebody", together::by_members),
    alone("others stand in at quiet hours", steps::quiet_matters),
];

/// Runs every check. What is found is in the log: faults, and warnings.
pub(super) fn check(parsed: &Parsed, sources: &[Source], log: &Log) -> Checked {
    let facts: Vec<Facts> = parsed.written.resources.iter().map(Facts::of).collect();
    let subject = Subject::new(&parsed.written, &facts, sources, log);
    let due = |check: &&Check| parsed.whole || !check.needs_all_files;
    for check in CHECKS.iter().chain(DOUBTS).filter(due) {
        log.against(check.holds);
        (check.run)(&subject);
    }
    Checked {
        targets: subject.targets,
        conditions: subject.conditions,
        matchers: subject.matchers,
        people: subject.people,
        facts,
    }
}

impl<'a> Subject<'a> {
    fn new(written: &'a Written, facts: &'a [Facts], sources: &'a [Source], log: &'a Log) -> Self {
        let matchers: Vec<Matcher> = (written.rules.iter())
            .map(|rule| Matcher::new(&rule.matching))
            .collect();
        let index = Index::new(facts);
        let connectors = written.connectors.iter().rev();
        let mut subject = Self {
            written,
            people: People::new(written),
            finishing: RefCell::default(),
            targets: if bounds::is_too_large(written) {
                Targets::none(matchers.len())
            } else {
                Targets::new(&matchers, &index)
            },
            facts,
            index,
            connectors: connectors
                .map(|entry| (entry.name.value.as_str(), entry))
                .collect(),
            known: known::Known::new(written, facts),
            strange: Vec::new(),
            matchers,
            conditions: Vec::new(),
            condition_faults: Vec::new(),
            conclusive: Vec::new(),
            sources,
            log,
        };
        let rules = written.rules.iter();
        subject.strange = rules.map(|rule| subject.strange_in(rule)).collect();
        subject.conclusive = subject.conclusive();
        let (compiled, faults) = conditions::compile(&subject);
        subject.conditions = compiled;
        subject.condition_faults = faults;
        subject
    }

    /// A rule is conclusive when it and all resources were read without fault, and it names nothing
    /// that is not there.
    fn conclusive(&self) -> Vec<bool> {
        let resources = self.written.resources.iter().all(|resource| resource.sound);
        let all = resources && !self.targets.too_many;
        let rules = self.written.rules.iter().zip(&self.strange);
        rules
            .map(|(rule, strange)| all && rule.sound && strange.is_empty())
            .collect()
    }

    /// The rules with their numbers.
    fn rules(&self) -> impl Iterator<Item = (usize, &'a RuleEntry)> + use<'a> {
        self.written.rules.iter().enumerate()
    }

    /// The roles that a rule is about, by name.
    fn roles_of(&self, rule: usize) -> impl Iterator<Item = &RoleName> {
        let targets = self.targets[rule].iter();
        targets.map(|(resource, role)| &self.facts[*resource].roles[*role])
    }

    /// Notes every name that was given before.
    fn note_repeated<'n>(&self, names: impl IntoIterator<Item = &'n At<String>>, hint: &str) {
        let mut seen: BTreeMap<&str, &At<String>> = BTreeMap::new();
        for name in names {
            let first = *seen.entry(&name.value).or_insert(name);
            if first.at != name.at {
                self.log.push(fields::twice(name, first.at).hint(hint));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CHECKS, DOUBTS};

    #[test]
    fn every_check_says_once_what_holds() {
        let sentences: std::collections::BTreeSet<_> =
            CHECKS.iter().chain(DOUBTS).map(|c| c.holds).collect();
        assert_eq!(sentences.len(), CHECKS.len() + DOUBTS.len());
    }
}
