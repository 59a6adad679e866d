//! What happens while a request waits happens before it expires.

use super::Subject;
use crate::domain::Span;
use crate::policy::Policy;
use crate::policy::fault::{At, Finding};
use crate::policy::file::RuleEntry;

/// A nudge and an escalation come before the request expires.
pub(super) fn ends(subject: &Subject<'_>) {
    let steps = subject.written.rules.iter().flat_map(RuleEntry::steps);
    for step in steps {
        let nudge = step.nudge.as_ref();
        let escalate = step.escalate.as_ref().map(|escalate| &escalate.after);
        let late = |what: &str, after: Option<&At<Span>>| {
            after.and_then(|after| too_late(subject, what, after))
        };
        let found = [
            late("nobody is ever nudged", nudge),
            late("this never escalates", escalate),
        ];
        found
            .into_iter()
            .flatten()
            .for_each(|finding| subject.log.push(finding));
    }
}

fn too_late(subject: &Subject<'_>, what: &str, after: &At<Span>) -> Option<Finding> {
    let written = subject.written.defaults.request_ttl.as_ref();
    let ttl = written.map_or(Policy::REQUEST_TTL, |ttl| ttl.value);
    if after.value < ttl {
        return None;
    }
    let message = format!("{what}: an unanswered request expires after {ttl}");
    let finding = Finding::new(after.at, message, "too late");
    let finding = match written {
        Some(written) => finding.and(written.at, "it expires then"),
        None => finding,
    };
    Some(finding.hint("make it shorter, or raise `defaults.request_ttl`"))
}
