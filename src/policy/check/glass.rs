//! Break-glass: short, and looked at by somebody else.

use super::Subject;
use super::durations::Cap;
use super::rules::title;
use super::steps::humans;
use crate::domain::Span;
use crate::policy::fault::{At, Finding};
use crate::policy::file::{BreakGlassEntry, RuleEntry};

/// The longest access that nobody approves.
const LONGEST: Span = Span::hours(4);

/// Break-glass lasts a few hours at the most, and never longer than with an approval.
pub(super) fn is_short(subject: &Subject<'_>) {
    for rule in &subject.written.rules {
        let glass = rule.break_glass.as_ref();
        let Some(limit) = glass.and_then(|glass| glass.value.max_duration.as_ref()) else {
            continue;
        };
        if limit.value > LONGEST {
            let message = format!("break-glass for {} is long", limit.value);
            let finding = Finding::new(limit.at, message, format!("over {LONGEST}"));
            subject.log.push(finding.hint(
                "it is for the first hours of an emergency; whoever needs more asks for it, and is \
                 approved meanwhile",
            ));
        }
        let hint = "make it shorter: nobody approves it, so it should not last longer than with an \
                    approval";
        let over = Cap::new(subject, rule, true).over("break-glass for", limit, hint);
        if let Some(finding) = over {
            subject.log.push(finding);
        }
    }
}

/// Whoever uses break-glass is not the only one who may look at it afterwards.
pub(super) fn others_review(subject: &Subject<'_>) {
    let sound = subject.written.groups.iter().all(|group| group.sound);
    for rule in subject.written.rules.iter().filter(|_| sound) {
        if let Some(glass) = &rule.break_glass
            && let Some(reviewers) = reviewers(rule, &glass.value)
            && let Some(finding) = own_review(subject, rule, &glass.value, &reviewers)
        {
            subject.log.push(finding);
        }
    }
}

fn reviewers(rule: &RuleEntry, glass: &BreakGlassEntry) -> Option<Vec<At<String>>> {
    if let Some(named) = &glass.review_by {
        return Some(named.clone());
    }
    let from: Vec<At<String>> = rule
        .steps()
        .iter()
        .flat_map(|step| step.from.clone())
        .collect();
    (!from.is_empty()).then_some(from)
}

fn own_review(
    subject: &Subject<'_>,
    rule: &RuleEntry,
    glass: &BreakGlassEntry,
    reviewers: &[At<String>],
) -> Option<Finding> {
    let first = glass.who.first()?;
    let people = humans(subject, reviewers)?;
    let users = humans(subject, &glass.who)?;
    // Somebody is left for each user unless the only reviewer there is is that user.
    let mut all = people.iter().chain(&users).copied().flatten();
    let same = all
        .next()
        .is_some_and(|first| all.all(|human| human == first));
    let any = |groups: &[&[usize]]| groups.iter().any(|group| !group.is_empty());
    if !same || !any(&people) || !any(&users) {
        return None;
    }
    let at = reviewers.first().map_or(first.at, |name| name.at);
    let message = format!(
        "{} lets people review their own break-glass only",
        title(rule)
    );
    let finding = Finding::new(at, message, "nobody else is in it");
    let finding = finding.and(first.at, "whoever uses it");
    Some(finding.hint("somebody else has to look at it afterwards: name others in `review_by`"))
}
