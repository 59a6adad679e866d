//! Conditions that never hold: their rules decide nothing, and their steps are never asked.

use super::Subject;
use super::durations::Cap;
use super::rules::title;
use super::trial::Trial;
use crate::policy::condition::{Condition, Variable};
use crate::policy::fault::Finding;
use crate::policy::file::RuleEntry;

/// Every condition of a rule or step holds for some ask that the rule is about.
pub(super) fn can_hold(subject: &Subject<'_>) {
    let mut trial = Trial::new(subject);
    for (index, rule) in subject.rules() {
        if subject.conclusive[index] && !subject.targets[index].is_empty() {
            look_at(subject, index, rule, &mut trial);
        }
    }
}

fn look_at(subject: &Subject<'_>, index: usize, rule: &RuleEntry, trial: &mut Trial<'_>) {
    let conditions = &subject.conditions[index];
    let own = conditions.when.as_ref().filter(|own| can_be_tried(own));
    if rule.when.is_some() && conditions.when.is_none() {
        return;
    }
    if let (Some(own), Some(written)) = (own, &rule.when)
        && trial.never(index, rule, &[own])
    {
        let message = format!("the condition of {} can never hold", title(rule));
        let finding = Finding::new(written.at, message, "false for every ask of its `match`");
        return subject.log.push(hinted(finding, subject, rule, own));
    }
    for (step, condition) in rule.steps().iter().zip(&conditions.steps) {
        let (Some(written), Some(condition)) = (&step.when, condition) else {
            continue;
        };
        // The step is asked where the rule matches, and its own condition holds as well.
        let both: Vec<&Condition> = own.into_iter().chain([condition]).collect();
        if can_be_tried(condition) && trial.never(index, rule, &both) {
            let message = format!("this step of {} is never asked", title(rule));
            let finding = Finding::new(written.at, message, "false for every ask of the rule");
            subject.log.push(hinted(finding, subject, rule, condition));
        }
    }
}

/// What looks at nothing is told already.
fn can_be_tried(condition: &Condition) -> bool {
    !condition.reads().is_empty() && condition.boundaries().opaque.is_empty()
}

fn hinted(
    finding: Finding,
    subject: &Subject<'_>,
    rule: &RuleEntry,
    condition: &Condition,
) -> Finding {
    let reads = condition.reads();
    let has_holidays = subject.written.defaults.holidays.is_some();
    if reads.has(Variable::NowHoliday) && !has_holidays {
        return finding.hint("say under `defaults` which days are: `holidays: [2026-12-25]`");
    }
    if reads.has(Variable::RequestDuration) && !rule.denies() {
        let cap = Cap::new(subject, rule, true);
        let finding = match cap.at {
            Some(at) => finding.and(at, "the most that is allowed"),
            None => finding,
        };
        return finding.hint("compare it with `max_duration` and `durations`, or remove it");
    }
    if reads.has(Variable::NowHour) {
        return finding.hint("a night goes on after midnight: `now.hour >= 22 || now.hour < 6`");
    }
    finding.hint("compare its parts with each other and with `match`, or remove it")
}
