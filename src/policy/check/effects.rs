//! The parts that a rule needs, and those that would have no effect in it.

use super::Subject;
use super::rules::title;
use crate::policy::fault::{At, Finding};
use crate::policy::file::{RuleDecision, RuleEntry};

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
    if let Some(limits) = &rule.limits {
        let message = format!("{} has limits, but people decide", title(rule));
        subject.log.push(
            Finding::new(limits.at, message, "never used")
                .and(decision.at, "because of this")
                .hint(
                    "limits are for `decision: approve`; to narrow a review, write a condition: \
                     `when: \"now.hour >= 8\"`",
                ),
        );
    }
}

fn deny_fits(subject: &Subject<'_>, rule: &RuleEntry, decision: &At<RuleDecision>) {
    no_steps(subject, rule, decision);
    if rule.sound && rule.message.is_none() {
        let message = format!("{} denies without a word", title(rule));
        subject.log.push(Finding::new(decision.at, message, "`message` is missing").hint(
            "say why, and what to do instead: `message: Contractors get no access. Ask your host.`",
        ));
    }
    let unused = [
        rule.require.at,
        rule.limits.as_ref().map(|limits| limits.at),
        rule.inform.as_ref().map(|inform| inform.at),
        rule.channel.as_ref().map(|channel| channel.at),
        rule.break_glass.as_ref().map(|glass| glass.at),
    ];
    for at in unused.into_iter().flatten() {
        let message = format!("{} denies, so this has no effect", title(rule));
        let finding = Finding::new(at, message, "never used");
        let hint = "remove it: a denial has `match`, `when` and `message` only";
        subject.log.push(finding.hint(hint));
    }
}

fn approve_fits(subject: &Subject<'_>, rule: &RuleEntry, decision: &At<RuleDecision>) {
    no_steps(subject, rule, decision);
    no_message(subject, rule);
    if let Some(glass) = &rule.break_glass {
        let message = format!(
            "{} approves by itself, so nobody needs break-glass",
            title(rule)
        );
        let finding = Finding::new(glass.at, message, "never used");
        let finding = finding.and(decision.at, "because of this");
        subject
            .log
            .push(finding.hint("remove it, or put it into the review that comes after"));
    }
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
