//! An evaluation with the people behind it, as text and as data.

use serde_json::{Value, json};

use crate::domain::{GroupName, Quorum, Refusal, Route, Step, Terms, Verdict};
use crate::policy::suite::{Part, Stage, StepPeople, step_people, verdict_word, whole};
use crate::policy::{Bundle, Explanation, Policy, RuleOutcome, StepOutcome, StepTold, Tried};

/// The tree for people: every rule that was tried, the verdict, and who could approve each step.
pub fn explanation_text(policy: &Policy, stage: &Stage, explanation: &Explanation) -> String {
    let mut lines = vec![explanation.to_string()];
    if let Verdict::Terms(terms) = &explanation.verdict {
        let word = match &terms.route {
            Route::BreakGlass(_) => "is told",
            Route::Steps(_) | Route::Automatic { .. } => "can approve",
        };
        for (index, step) in terms.route.steps_or_skipped().iter().enumerate() {
            let people = step_people(policy, stage, step);
            lines.push(format!("Who {word} in step {}: {people}", index + 1));
        }
        if let Verdict::Refused(refusal) = stage.answer(policy, &explanation.verdict) {
            lines.push(format!("And yet it would be refused: {refusal}"));
        }
    }
    lines.join("\n")
}

/// A bundle for people: each part as by itself, and what comes of the whole.
pub fn bundle_text(policy: &Policy, bundle: &Bundle, parts: &[Part]) -> String {
    let of = parts.len();
    let name = &bundle.name;
    let mut texts = vec![format!(
        "{name} is a bundle of {of}: it is given as a whole, or refused."
    )];
    for (index, part) in parts.iter().enumerate() {
        let text = explanation_text(policy, &part.stage, &part.explanation);
        texts.push(format!(
            "Part {} of {of}, {}:\n{text}",
            index + 1,
            part.name
        ));
    }
    let whole = whole(parts);
    texts.push(match (&whole.refusal, whole.verdict) {
        (Some(refusal), _) => format!("The bundle would be refused. {refusal}"),
        (None, "review") => "The bundle would be asked for: people decide its parts.".to_owned(),
        (None, "break-glass") => "The bundle would be given at once, by break-glass.".to_owned(),
        (None, _) => "The bundle would be given at once.".to_owned(),
    });
    texts.join("\n\n")
}

/// The same as data: the verdict on the whole, and each part as by itself.
pub fn bundle_data(policy: &Policy, bundle: &Bundle, parts: &[Part]) -> Value {
    let whole = whole(parts);
    let each = parts.iter();
    let each = each.map(|part| explanation_data(policy, &part.stage, &part.explanation));
    json!({
        "verdict": whole.verdict,
        "bundle": bundle.name,
        "parts": each.collect::<Vec<_>>(),
        "missing": whole.refusal.iter().map(Refusal::to_string).collect::<Vec<_>>(),
        "policy": policy.hash(),
    })
}

/// An evaluation as data. `verdict` is the word that tests use, for what a request would come to;
/// `missing` is all that stands in its way.
pub fn explanation_data(policy: &Policy, stage: &Stage, explanation: &Explanation) -> Value {
    let answer = stage.answer(policy, &explanation.verdict);
    let terms = match &explanation.verdict {
        Verdict::Terms(terms) => Some(terms_data(terms)),
        Verdict::Refused(_) => None,
    };
    let steps = explanation.steps.iter();
    json!({
        "verdict": verdict_word(&answer),
        "resource": explanation.resource,
        "role": explanation.role,
        "holder": explanation.holder,
        "asker": explanation.asker,
        "groups": explanation.groups,
        "unreadable": explanation.unreadable,
        "at": stage.circumstances.now,
        "begins": explanation.begins.map(|begins| begins.to_rfc3339()),
        "tried": explanation.tried.iter().map(tried_data).collect::<Vec<_>>(),
        "terms": terms,
        "steps": steps.map(|told| step_data(policy, stage, told)).collect::<Vec<_>>(),
        "missing": missing(&answer, explanation),
        "policy": policy.hash(),
    })
}

/// Everything that the rule requires and the ask does not bring, or else why it is refused.
fn missing(answer: &Verdict, explanation: &Explanation) -> Vec<String> {
    let Verdict::Refused(refusal) = answer else {
        return Vec::new();
    };
    let mut missing: Vec<String> = (explanation.missing.iter())
        .map(Refusal::to_string)
        .collect();
    let refusal = refusal.to_string();
    if !missing.contains(&refusal) {
        missing.insert(0, refusal);
    }
    missing
}

fn tried_data(tried: &Tried) -> Value {
    let (matched, because) = match &tried.outcome {
        RuleOutcome::Matched => (Some(true), Vec::new()),
        RuleOutcome::NotMatched(clauses) => {
            let clauses = clauses.iter().map(ToString::to_string);
            (Some(false), clauses.collect())
        }
        // Nobody could tell.
        RuleOutcome::Unclear(clause) => (None, vec![clause.to_string()]),
    };
    json!({
        "rule": tried.rule,
        "decision": tried.decision.as_str(),
        "matched": matched,
        "because": because,
        "note": tried.note,
    })
}

fn terms_data(terms: &Terms) -> Value {
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
    })
}

fn step_data(policy: &Policy, stage: &Stage, told: &StepTold) -> Value {
    let step: &Step = &told.step;
    let StepPeople {
        eligible,
        own,
        unknown,
    } = step_people(policy, stage, step);
    let (count, mode) = match step.quorum {
        Quorum::Any(count) => (count, "any"),
        Quorum::All(count) => (count, "all"),
    };
    let condition = match &told.outcome {
        StepOutcome::Asked => None,
        StepOutcome::AskedSince { condition }
        | StepOutcome::AskedToBeSure { condition, .. }
        | StepOutcome::LeftOut { condition } => Some(condition),
    };
    let from: Vec<&str> = step.from.iter().map(GroupName::as_str).collect();
    json!({
        "from": from,
        "count": count,
        "mode": mode,
        "asked": told.outcome.is_asked(),
        "when": condition,
        "eligible": eligible,
        "own": own,
        "unknown": unknown,
    })
}
