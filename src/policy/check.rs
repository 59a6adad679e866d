//! What is wrong with a policy as a whole: a list of named checks, all of them run, so that every
//! fault is told at once.
//!
//! A check looks at what is written and notes what it finds. One that draws conclusions from several
//! parts leaves alone what is not sound: a slip of the pen shall be told once, not with all that
//! would follow from it.

mod names;
mod people;
mod rules;
mod sources;
mod targets;

use std::collections::{BTreeMap, BTreeSet};

use super::fault::{At, Log, Source};
use super::fields;
use super::file::Written;
use super::matching::{Facts, Matcher};
use super::parse::Parsed;
use super::people::People;
use crate::domain::RoleName;

/// What the checks look at.
struct Subject<'a> {
    written: &'a Written,
    people: People,
    /// What rules may look at in each resource, in the order of the file.
    facts: Vec<Facts>,
    /// The clauses of each rule, in the order of the file.
    matchers: Vec<Matcher>,
    /// The resource (by index) and role pairs that each rule is about, whoever asks.
    targets: Vec<BTreeSet<(usize, RoleName)>>,
    /// For each rule, whether conclusions may be drawn from what it matches.
    conclusive: Vec<bool>,
    sources: &'a [Source],
    log: &'a Log,
}

/// A check and what it holds.
struct Check {
    /// The sentence that holds of a policy without fault.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "read by people, and by the test of the list")
    )]
    holds: &'static str,
    /// Whether it needs every file: where one could not be read at all, names may be missing.
    needs_all_files: bool,
    run: fn(&Subject<'_>),
}

const CHECKS: &[Check] = &[
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
        rules::parts_fit,
    ),
    whole("members are known", people::members_known),
    whole("managers are known", sources::managers_known),
    whole("who is a manager is said somewhere", sources::managers_said),
    whole("fallbacks are known", sources::fallbacks_known),
    whole("fallbacks come to an end", sources::fallbacks_end),
    whole("connectors are known", targets::connectors_known),
    whole("default roles are roles", targets::default_roles_known),
    whole("names in rules are known", rules::names_known),
    whole("every step can be finished", rules::steps_can_be_finished),
    whole("every rule is about something", rules::about_something),
    whole("every rule can be reached", rules::reachable),
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

/// Runs every check, and gives warnings: what is probably not meant, though nothing forbids it.
pub(super) fn check(parsed: &Parsed, sources: &[Source], log: &Log) -> Vec<String> {
    let subject = Subject::new(&parsed.written, sources, log);
    let due = |check: &&Check| parsed.whole || !check.needs_all_files;
    for check in CHECKS.iter().filter(due) {
        (check.run)(&subject);
    }
    targets::warnings(&subject)
}

impl<'a> Subject<'a> {
    fn new(written: &'a Written, sources: &'a [Source], log: &'a Log) -> Self {
        let facts: Vec<Facts> = written.resources.iter().map(Facts::of).collect();
        let matchers: Vec<Matcher> = (written.rules.iter())
            .map(|rule| Matcher::new(&rule.matching))
            .collect();
        let targets = matchers
            .iter()
            .map(|matcher| targets(matcher, &facts))
            .collect();
        let mut subject = Self {
            written,
            people: People::new(written),
            facts,
            matchers,
            targets,
            conclusive: Vec::new(),
            sources,
            log,
        };
        subject.conclusive = subject.conclusive();
        subject
    }

    /// A rule is conclusive when it and all resources were read without fault, and it names nothing
    /// that is not there.
    fn conclusive(&self) -> Vec<bool> {
        let resources = self.written.resources.iter().all(|resource| resource.sound);
        let known = rules::Known::new(self);
        let rules = self.written.rules.iter();
        rules
            .map(|rule| resources && rule.sound && known.strange_in(rule).is_empty())
            .collect()
    }

    /// The names that may stand where a group may.
    fn group_names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let people = self
            .written
            .people
            .iter()
            .map(|person| person.name.value.as_str());
        let groups = self
            .written
            .groups
            .iter()
            .map(|group| group.name.value.as_str());
        groups.chain(people)
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

fn targets(matcher: &Matcher, facts: &[Facts]) -> BTreeSet<(usize, RoleName)> {
    let resources = facts.iter().enumerate();
    resources
        .flat_map(|(index, facts)| facts.roles.iter().map(move |role| (index, facts, role)))
        .filter(|(_, facts, role)| matcher.is_about(facts, role))
        .map(|(index, _, role)| (index, role.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::CHECKS;

    #[test]
    fn every_check_says_once_what_holds() {
        let sentences: std::collections::BTreeSet<_> = CHECKS.iter().map(|c| c.holds).collect();
        assert_eq!(sentences.len(), CHECKS.len());
    }
}
