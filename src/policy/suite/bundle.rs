//! A bundle that is asked for: each part by itself, and what comes of the whole.

use chrono::{DateTime, Utc};

use super::compare::{Answer, Difference, compare, compare_whole};
use super::parse::{AskEntry, CaseEntry, Expect};
use super::stage::Stage;
use super::{deciding_rule, verdict_word};
use crate::domain::{
    Ask, Past, PastGrant, Refusal, ResourceName, RoleName, Route, RuleName, Span, Verdict,
};
use crate::policy::fault::{Finding, Log};
use crate::policy::{Bundle, Explanation, Policy, suggest};

/// A part of a bundle, with what the policy says to it.
#[derive(Clone, Debug)]
pub struct Part {
    /// What it is called: its resource, and the role where the bundle names one.
    pub name: String,
    /// The part as an ask of its own.
    pub stage: Stage,
    /// The evaluation.
    pub explanation: Explanation,
    /// What comes of it once it is looked at who could approve.
    pub answer: Verdict,
}

impl Part {
    fn read(policy: &Policy, name: String, stage: Stage) -> Self {
        let explanation = policy.explain(&stage.ask, &stage.circumstances);
        let answer = stage.answer(policy, &explanation.verdict);
        Self {
            name,
            stage,
            explanation,
            answer,
        }
    }
}

/// What was asked for as what is asked for after it sees it. None where it is refused: nothing is taken
/// in then.
pub fn past_of(explanation: &Explanation, answer: &Verdict, now: DateTime<Utc>) -> Option<Past> {
    let Verdict::Terms(terms) = answer else {
        return None;
    };
    let rule = deciding_rule(explanation)?;
    let lasts = (terms.start, terms.duration);
    past(explanation, (rule, &terms.route), lasts, now)
}

/// The same of what would be taken in once it brings along the words that its rule wants: as the rule
/// offers it.
pub fn past_as_offered(explanation: &Explanation, ask: &Ask, now: DateTime<Utc>) -> Option<Past> {
    if let Some(past) = past_of(explanation, &explanation.verdict, now) {
        return Some(past);
    }
    let offer = explanation.offer.as_ref()?;
    let duration = ask.duration.or(offer.default).unwrap_or(offer.limit);
    let way = (offer.rule.clone(), offer.route.as_ref()?);
    past(explanation, way, (ask.start, duration), now)
}

fn past(
    explanation: &Explanation,
    (rule, route): (RuleName, &Route),
    (start, duration): (Option<DateTime<Utc>>, Span),
    now: DateTime<Utc>,
) -> Option<Past> {
    let at_once = !matches!(route, Route::Steps(_));
    let grant = match start {
        _ if !at_once => PastGrant::None,
        Some(_) => PastGrant::Scheduled,
        None => PastGrant::Active,
    };
    Some(Past {
        resource: explanation.resource.clone()?,
        role: explanation.role.clone()?,
        rule,
        outcome: if at_once { "approved" } else { "pending" },
        automatic: matches!(route, Route::Automatic { .. }),
        break_glass: matches!(route, Route::BreakGlass(_)),
        asked_at: now,
        duration,
        grant,
        granted: at_once.then_some(duration),
    })
}

/// The parts of a bundle in its order, each asked as the stage asks for the whole. A part counts
/// the ones before it among the holder's earlier requests, as it does when it is asked for.
pub fn parts(policy: &Policy, bundle: &Bundle, stage: &Stage) -> Vec<Part> {
    let mut stage = stage.clone();
    let mut parts = Vec::with_capacity(bundle.access.len());
    for access in &bundle.access {
        let (resource, role) = access;
        stage.ask.resource = resource.to_string();
        stage.ask.role = role.as_ref().map(ToString::to_string);
        let part = Part::read(policy, named(bundle, access), stage.clone());
        let now = stage.circumstances.now;
        let past = past_of(&part.explanation, &part.answer, now);
        stage.circumstances.past.splice(0..0, past);
        parts.push(part);
    }
    parts
}

/// A part is called by its resource; where the bundle has several roles of that, with the role.
fn named(bundle: &Bundle, (resource, role): &(ResourceName, Option<RoleName>)) -> String {
    let of_resource = bundle.access.iter().filter(|(other, _)| other == resource);
    match role {
        Some(role) if of_resource.count() > 1 => format!("{resource} {role}"),
        _ => resource.to_string(),
    }
}

/// What comes of a bundle as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// The verdict in the word that tests use.
    pub verdict: &'static str,
    /// Why it is refused, if it is: by the first part that is, named.
    pub refusal: Option<Refusal>,
}

/// What comes of the whole: one part that is refused refuses it; where one waits, it waits.
pub fn whole(parts: &[Part]) -> Whole {
    let refused = parts.iter().find_map(|part| match &part.answer {
        Verdict::Refused(because) => Some((part, because)),
        Verdict::Terms(_) => None,
    });
    if let Some((part, because)) = refused {
        return Whole {
            verdict: verdict_word(&part.answer),
            refusal: Some(Refusal::PartRefused {
                resource: ResourceName::new(&part.stage.ask.resource),
                because: Box::new(because.clone()),
            }),
        };
    }
    let is_there = |word: &&str| parts.iter().any(|part| verdict_word(&part.answer) == *word);
    let verdict = ["review", "break-glass"].into_iter().find(is_there);
    Whole {
        verdict: verdict.unwrap_or("approved"),
        refusal: None,
    }
}

/// Everything about a bundle that is not as expected.
pub(super) fn compare_all(expect: &Expect, policy: &Policy, parts: &[Part]) -> Vec<Difference> {
    let whole = whole(parts);
    let mut found = compare_whole(expect, &whole);
    for (name, expect) in &expect.parts {
        let Some(part) = parts.iter().find(|part| part.name == name.value) else {
            continue;
        };
        let answer = Answer {
            policy,
            stage: &part.stage,
            verdict: part.answer.clone(),
            rule: deciding_rule(&part.explanation),
        };
        let differences = compare(expect, &answer).into_iter();
        found.extend(differences.map(|found| Difference {
            what: format!("{}: {}", part.name, found.what),
            ..found
        }));
    }
    found
}

impl AskEntry {
    /// The role and the reason as they are meant: a bundle has no role, so a word that reads as one
    /// begins the reason.
    pub(super) fn role_and_reason(&self, policy: &Policy) -> (Option<&String>, &String) {
        match &self.loose_reason {
            Some(loose) if policy.bundle(&self.resource).is_some() => (None, loose),
            _ => (self.role.as_ref(), &self.reason),
        }
    }
}

/// Notes what a case about a bundle says that has no meaning: a role, what only a part has, and
/// parts that the bundle has not. For an ask that is no bundle: that it has parts.
pub(super) fn has_meaning(case: &CaseEntry, policy: &Policy, log: &Log) {
    let Some(bundle) = policy.bundle(&case.ask.resource) else {
        if let Some((part, _)) = case.expect.parts.first() {
            let message = format!("`{}` is no bundle, so it has no parts", case.ask.resource);
            let finding = Finding::new(part.at, message, "no part");
            log.push(finding.hint("write what is expected directly under `expect`"));
        }
        return;
    };
    if case.ask.role_and_reason(policy).0.is_some() {
        let message = format!(
            "`{}` is a bundle, which says itself which roles",
            bundle.name
        );
        let finding = Finding::new(case.name.at, message, "this case asks for a role");
        log.push(finding.hint("leave the role out of `ask`"));
    }
    if let Some(key) = case.expect.of_one_access() {
        let message = format!("a bundle has no `{key}` of its own, each of its parts has");
        let finding = Finding::new(case.name.at, message, "this case asks for a bundle");
        let example = bundle.access.first().map(|part| named(&bundle, part));
        let example = example.unwrap_or_default();
        log.push(finding.hint(format!("write `parts: {{ {example}: {{ {key}: … }} }}`")));
    }
    let names: Vec<String> = (bundle.access.iter())
        .map(|part| named(&bundle, part))
        .collect();
    for (part, _) in &case.expect.parts {
        if !names.contains(&part.value) {
            let message = format!("the bundle `{}` has no part `{}`", bundle.name, part.value);
            let names = names.iter().map(String::as_str);
            let hint = suggest::hint(&part.value, names, "");
            log.push(Finding::new(part.at, message, "unknown").hint(hint));
        }
    }
}
