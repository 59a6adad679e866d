//! How large a policy may be: nobody can read a larger one, and checking it would take long.

use super::Subject;
use super::rules::title;
use crate::policy::effort::{MOST_DIGESTS, MOST_RESOURCES, MOST_RULES, MOST_STEPS, MOST_TARGETS};
use crate::policy::fault::{Finding, Place};
use crate::policy::file::Written;

/// Whether there are so many rules or resources that they are not compared with each other.
pub(super) fn is_too_large(written: &Written) -> bool {
    written.rules.len() > MOST_RULES || written.resources.len() > MOST_RESOURCES
}

/// Neither too many of anything, nor too many of them about each other.
pub(super) fn not_too_large(subject: &Subject<'_>) {
    let written = subject.written;
    let rules = written.rules.get(MOST_RULES).map(|rule| rule.name.at);
    let resources = written
        .resources
        .get(MOST_RESOURCES)
        .map(|entry| entry.name.at);
    let digests = written
        .digests
        .get(MOST_DIGESTS)
        .map(|digest| digest.name.at);
    let found = [
        too_many("rules", MOST_RULES, rules),
        too_many("resources", MOST_RESOURCES, resources),
        too_many("digests", MOST_DIGESTS, digests),
        too_wide(subject),
    ];
    found
        .into_iter()
        .flatten()
        .for_each(|finding| subject.log.push(finding));
    for rule in &written.rules {
        if let Some(step) = rule.steps().get(MOST_STEPS) {
            let at = step.from.first().map_or(step.count.at, |name| name.at);
            let message = format!("{} has more than {MOST_STEPS} steps", title(rule));
            let finding = Finding::new(at, message, "one too many");
            subject
                .log
                .push(finding.hint("ask several people in one step: raise its `count`"));
        }
    }
}

fn too_many(what: &str, most: usize, at: Option<Place>) -> Option<Finding> {
    let message = format!("a policy has at most {most} {what}");
    let finding = Finding::new(at?, message, "one too many");
    Some(finding.hint("let labels and globs say once what holds for many"))
}

fn too_wide(subject: &Subject<'_>) -> Option<Finding> {
    let rule = subject.written.rules.first()?;
    if !subject.targets.too_many || is_too_large(subject.written) {
        return None;
    }
    let message = format!(
        "the rules are about too much: together about more than {MOST_TARGETS} roles of resources, \
         or there is too much to compare"
    );
    let finding = Finding::new(rule.name.at, message, "all rules from here on");
    Some(finding.hint("narrow `match`, or let fewer rules say what holds for many resources"))
}
