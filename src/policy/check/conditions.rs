//! Conditions: read once, with every fault in its place.

use std::collections::HashMap;

use super::Subject;
use crate::policy::condition::{Condition, ConditionFault, Variable};
use crate::policy::effort::{Effort, MOST_CONDITIONS};
use crate::policy::fault::{At, Finding, Place, Source};
use crate::policy::file::RuleEntry;

/// What a longer condition counts for: it is refused unread.
const LONGEST_CONDITION: usize = 4096;
/// How far behind its beginning the text of a condition is looked for, in bytes.
const NEARBY: usize = 64 << 10;

/// The conditions of a rule, ready to be worked out.
#[derive(Default)]
pub(in crate::policy) struct RuleConditions {
    pub(in crate::policy) when: Option<Condition>,
    /// One for each step.
    pub(in crate::policy) steps: Vec<Option<Condition>>,
}

impl RuleConditions {
    fn all(&self) -> impl Iterator<Item = &Condition> {
        self.when.iter().chain(self.steps.iter().flatten())
    }
}

/// Compiles every condition, with what is wrong with them.
pub(super) fn compile<'a>(subject: &Subject<'a>) -> (Vec<RuleConditions>, Vec<Finding>) {
    let names = subject.known.names(
        subject
            .written
            .rules
            .iter()
            .map(|rule| rule.name.value.as_str()),
    );
    let mut findings = Vec::new();
    let mut known: HashMap<&str, Result<Condition, Vec<ConditionFault>>> = HashMap::new();
    let size = Effort::new(MOST_CONDITIONS as u64);
    let mut one = |written: &'a Option<At<String>>| {
        let written = written.as_ref()?;
        let text = written.value.as_str();
        if !known.contains_key(text) && !size.spend(text.len().min(LONGEST_CONDITION)) {
            findings.push(too_much(written));
            return None;
        }
        let compiled = known.entry(text);
        match compiled.or_insert_with(|| Condition::compile(text, &names)) {
            Ok(condition) => Some(condition.clone()),
            Err(faults) => {
                let faults = faults.iter().cloned();
                findings.extend(faults.map(|fault| finding(subject.sources, written, fault)));
                None
            }
        }
    };
    let rule = |rule: &'a RuleEntry| RuleConditions {
        when: one(&rule.when),
        steps: rule.steps().iter().map(|step| one(&step.when)).collect(),
    };
    let compiled = subject.written.rules.iter().map(rule).collect();
    (compiled, findings)
}

fn too_much(written: &At<String>) -> Finding {
    let message = "the conditions of this policy are too long together";
    let finding = Finding::new(written.at, message, "too much");
    finding.hint("say in `match` what can be said there; the same condition counts once")
}

/// A fault of a condition at its place in the file.
pub(in crate::policy) fn finding(
    sources: &[Source],
    written: &At<String>,
    fault: ConditionFault,
) -> Finding {
    // Nothing can be pointed at behind the end, so the whole is.
    let at = place(sources, written, &fault).filter(|at| at.len > 0);
    let at = at.unwrap_or(written.at);
    let finding = Finding::new(at, fault.message, fault.label);
    let hint = "conditions are written in CEL, such as `request.duration <= duration('2h')`";
    finding.hint(fault.hint.unwrap_or_else(|| hint.to_owned()))
}

/// Where a part of a condition stands in the file: quotes, and the lines of a block, lie between.
fn place(sources: &[Source], written: &At<String>, fault: &ConditionFault) -> Option<Place> {
    let text = &written.value;
    let source = sources.get(written.at.file)?.text.get(written.at.start..)?;
    let source = &source[..source.floor_char_boundary(NEARBY)];
    let quoted = usize::from(source.starts_with(['"', '\'']));
    let end = fault.start + fault.len;
    let at = |start: usize| Place {
        file: written.at.file,
        start: written.at.start + start,
        len: fault.len,
    };
    if source.get(quoted..)?.starts_with(text.get(..end)?) {
        return Some(at(quoted + fault.start));
    }
    // In a block each line stands as it is, behind some blanks.
    let begin = text
        .get(..fault.start)?
        .rfind('\n')
        .map_or(0, |newline| newline + 1);
    let line = text.get(begin..)?.lines().next()?;
    let found = source.find(line).filter(|_| !line.trim().is_empty())?;
    Some(at(found + fault.start - begin))
}

/// Every condition is CEL, and all that it names exists.
pub(super) fn without_fault(subject: &Subject<'_>) {
    for finding in &subject.condition_faults {
        subject.log.push(finding.clone());
    }
}

/// A condition that looks at nothing always comes out the same: its rule takes every ask, or none.
pub(super) fn look_at_something(subject: &Subject<'_>) {
    for (index, rule) in subject.rules() {
        let compiled = &subject.conditions[index];
        let steps = rule.steps().iter().map(|step| &step.when);
        let written = std::iter::once(&rule.when).chain(steps);
        let conditions = std::iter::once(&compiled.when).chain(&compiled.steps);
        for (written, condition) in written.zip(conditions) {
            let (Some(written), Some(condition)) = (written, condition) else {
                continue;
            };
            if condition.reads().is_empty() {
                let message = "the condition looks at nothing, so it always comes out the same";
                let finding = Finding::new(written.at, message, "of no effect");
                subject.log.push(finding.hint(
                    "leave `when` out, or look at `request`, `requester`, `resource`, `now` or `history`",
                ));
            }
        }
    }
}

/// Holidays are of no use unless a condition looks at them.
pub(super) fn holidays_count(subject: &Subject<'_>) {
    let Some(holidays) = &subject.written.defaults.holidays else {
        return;
    };
    let mut conditions = subject.conditions.iter().flat_map(RuleConditions::all);
    let counts = conditions.any(|condition| {
        let reads = condition.reads();
        reads.has(Variable::NowHoliday) || reads.has(Variable::LocalHoliday)
    });
    if !counts && subject.condition_faults.is_empty() {
        let message = "no rule asks whether it is a holiday";
        let finding = Finding::new(holidays.at, message, "of no effect");
        subject.log.push(
            finding.hint(
                "remove `holidays`, or look at them in a condition: `when: \"!now.holiday\"`",
            ),
        );
    }
}
