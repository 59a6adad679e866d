//! An evaluation with the people behind it, as text and as data.

use serde_json::{Value, json};

use crate::domain::{GroupName, Quorum, Route, Step, Terms, Verdict};
use crate::policy::suite::{Stage, StepPeople, step_people, verdict_word};
use crate::policy::{Explanation, Policy, RuleOutcome, Tried};

/// The tree for people: every rule that was tried, the verdict, and who could approve each step.
pub fn explanation_text(policy: &Policy, stage: &Stage, explanation: &Explanation) -> String {
    let mut text = explanation.to_string();
    if let Verdict::Terms(terms) = &explanation.verdict {
        let (steps, word) = match &terms.route {
            Route::BreakGlass(_) => (terms.route.steps_or_skipped(), "would be told"),
            Route::Steps(_) | Route::Automatic { .. } => (terms.route.steps(), "could approve"),
        };
        for (index, step) in steps.iter().enumerate() {
            let people = step_people(policy, stage, step);
            text.push_str(&format!("\n   step {}: {word}: {people}", index + 1));
        }
    }
    if let Some(missing) = missing(policy, stage, explanation) {
        text.push_str(&format!("\n   missing: {missing}"));
    }
    text
}

/// Why an ask that the rules allow would be refused all the same.
fn missing(policy: &Policy, stage: &Stage, explanation: &Explanation) -> Option<String> {
    match (
        &explanation.verdict,
        stage.answer(policy, &explanation.verdict),
    ) {
        (Verdict::Terms(_), Verdict::Refused(refusal)) => Some(refusal.to_string()),
        _ => None,
    }
}

/// The same as data. `verdict` is the word that tests use, for what a request would come to;
/// `missing` says what stands in its way.
pub fn explanation_data(policy: &Policy, stage: &Stage, explanation: &Explanation) -> Value {
    let answer = stage.answer(policy, &explanation.verdict);
    let missing = match &answer {
        Verdict::Refused(refusal) => Some(refusal.to_string()),
        Verdict::Terms(_) => None,
    };
    let terms = match &explanation.verdict {
        Verdict::Terms(terms) => Some(terms_data(policy, stage, terms)),
        Verdict::Refused(_) => None,
    };
    json!({
        "verdict": verdict_word(&answer),
        "resource": explanation.resource,
        "role": explanation.role,
        "groups": explanation.groups,
        "at": stage.circumstances.now,
        "tried": explanation.tried.iter().map(tried_data).collect::<Vec<_>>(),
        "terms": terms,
        "missing": missing,
        "policy": policy.hash(),
    })
}

fn tried_data(tried: &Tried) -> Value {
    let because: Vec<String> = match &tried.outcome {
        RuleOutcome::Matched => Vec::new(),
        RuleOutcome::NotMatched(clauses) => clauses.iter().map(ToString::to_string).collect(),
    };
    json!({
        "rule": tried.rule,
        "decision": tried.decision.as_str(),
        "matched": matches!(tried.outcome, RuleOutcome::Matched),
        "because": because,
    })
}

fn terms_data(policy: &Policy, stage: &Stage, terms: &Terms) -> Value {
    let steps = terms.route.steps_or_skipped();
    let steps: Vec<Value> = steps
        .iter()
        .map(|step| step_data(policy, stage, step))
        .collect();
    let (why, review_by) = match &terms.route {
        Route::Automatic { why } => (Some(why), None),
        Route::BreakGlass(glass) => (None, Some(&glass.review_by)),
        Route::Steps(_) => (None, None),
    };
    json!({
        "rule": terms.rule,
        "duration": terms.duration.to_string(),
        "start": terms.start,
        "ticket": terms.ticket,
        "channel": terms.channel,
        "request_ttl": terms.request_ttl.to_string(),
        "why": why,
        "review_by": review_by,
        "steps": steps,
    })
}

fn step_data(policy: &Policy, stage: &Stage, step: &Step) -> Value {
    let StepPeople {
        eligible,
        own,
        unknown,
    } = step_people(policy, stage, step);
    let (count, mode) = match step.quorum {
        Quorum::Any(count) => (count, "any"),
        Quorum::All(count) => (count, "all"),
    };
    let from: Vec<&str> = step.from.iter().map(GroupName::as_str).collect();
    json!({
        "from": from,
        "count": count,
        "mode": mode,
        "eligible": eligible,
        "own": own,
        "unknown": unknown,
    })
}
