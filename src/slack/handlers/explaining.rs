//! Explaining what would become of an ask, without asking anybody.

use std::collections::BTreeSet;

use super::super::grammar::Wish;
use super::super::view::reply::{self, Eligible, Explained, LeftOut};
use super::asking::Groups;
use super::{Handlers, No, Said};
use crate::domain::{Ask, Past, PersonId, Refusal, Roster, Route, Span, Terms, Verdict};
use crate::policy::suite::past_of;
use crate::policy::{Explanation, RuleOutcome, StepOutcome, Tried};

/// The duration that is explained where none was typed and the rule has no default: short enough
/// for most limits.
const USUAL: Span = Span::minutes(30);

impl Handlers {
    /// Says what would happen, and who could decide, without asking anybody.
    pub(super) async fn explain(&self, user: &str, wish: Wish) -> Result<Said, No> {
        let asked = self.asked(user, wish, Groups::Now).await?;
        // A part counts the ones before it among what was asked for earlier, the latest first.
        let (mut parts, mut before) = (Vec::new(), Vec::new());
        for ask in &asked.asks {
            parts.push(self.explain_one(ask, &mut before).await?);
        }
        let eligible = parts
            .iter()
            .flat_map(|part| part.eligible.iter().chain(&part.review));
        let people: BTreeSet<PersonId> = eligible.flat_map(|who| who.people.clone()).collect();
        let faces = self.faces(&people).await?;
        let content = match (&asked.bundle, parts.as_slice()) {
            (Some(bundle), parts) => reply::explain_bundle(bundle, parts, &faces),
            (None, [explained]) => reply::explain(explained, &faces),
            (None, _) => return Err(Refusal::NoSuchRequest.into()),
        };
        Ok(Said::Words(content))
    }

    /// One access, as it would be taken in now.
    async fn explain_one(&self, ask: &Ask, before: &mut Vec<Past>) -> Result<Explained, No> {
        let explanation = self.explained(ask, before).await?;
        let now = self.engine.now().await?;
        let part = ask.resource.clone();
        let Verdict::Terms(terms) = &explanation.verdict else {
            return Ok(Explained {
                part,
                missing: missing(&explanation),
                tried: explanation.tried.iter().map(tried).collect(),
                ..Explained::of(explanation.verdict)
            });
        };
        let policy = self.engine.policy();
        let roster = self.roster(&policy, terms.route.groups(), &ask.person);
        let roster = roster.await?;
        let verdict = match self.engine.would_admit(ask, terms, &roster, now) {
            Ok(()) => explanation.verdict.clone(),
            Err(refusal) => Verdict::Refused(refusal),
        };
        before.splice(0..0, past_of(&explanation, &verdict, now));
        Ok(Explained {
            part,
            tried: explanation.tried.iter().map(tried).collect(),
            eligible: eligible(&explanation, &roster, &own(ask, terms)),
            told: matches!(terms.route, Route::BreakGlass(_)),
            review: reviewers(terms, &roster, &own(ask, terms)),
            left_out: left_out(&explanation),
            read: roster.readings(now),
            ..Explained::of(verdict)
        })
    }

    /// What policy says; for a usual duration where it insists on one and none was typed.
    async fn explained(&self, ask: &Ask, before: &[Past]) -> Result<Explanation, No> {
        let explanation = self.engine.explain_after(ask, before).await?;
        let Verdict::Refused(Refusal::DurationNeeded { limit, .. }) = explanation.verdict else {
            return Ok(explanation);
        };
        let usual = Ask {
            duration: Some(USUAL.min(limit)),
            ..ask.clone()
        };
        Ok(self.engine.explain_after(&usual, before).await?)
    }
}

/// Who decides nothing about this.
fn own(ask: &Ask, terms: &Terms) -> Vec<PersonId> {
    ask.own().into_iter().chain(terms.barred.clone()).collect()
}

/// Who could decide each step that is asked; of break-glass, who is skipped.
fn eligible(explanation: &Explanation, roster: &Roster, own: &[PersonId]) -> Vec<Eligible> {
    let steps = explanation.steps.iter().enumerate();
    let asked = steps.filter(|(_, told)| told.outcome.is_asked());
    asked
        .map(|(index, told)| Eligible {
            step: index + 1,
            groups: told.step.from.clone(),
            people: roster.eligible(&told.step, own).into_iter().collect(),
        })
        .collect()
}

/// Who could look at break-glass afterwards.
fn reviewers(terms: &Terms, roster: &Roster, own: &[PersonId]) -> Option<Eligible> {
    let Route::BreakGlass(glass) = &terms.route else {
        return None;
    };
    Some(Eligible {
        step: 0,
        groups: glass.review_by.clone(),
        people: roster.people(&glass.review_by, own).into_iter().collect(),
    })
}

fn left_out(explanation: &Explanation) -> Vec<LeftOut> {
    let steps = explanation.steps.iter().enumerate();
    let left_out = steps.filter_map(|(index, told)| match &told.outcome {
        StepOutcome::LeftOut { condition } => Some(LeftOut {
            step: index + 1,
            groups: told.step.from.clone(),
            condition: condition.clone(),
        }),
        _ => None,
    });
    left_out.collect()
}

/// What the ask does not bring along besides what it is refused for.
fn missing(explanation: &Explanation) -> Vec<Refusal> {
    let missing = explanation.missing.iter();
    let others = missing.filter(|missing| match &explanation.verdict {
        Verdict::Refused(refusal) => refusal != *missing,
        Verdict::Terms(_) => true,
    });
    others.cloned().collect()
}

/// A rule and what came of it, in words.
fn tried(tried: &Tried) -> (String, String) {
    let outcome = match &tried.outcome {
        RuleOutcome::Matched => format!("matches, and says {}", tried.decision.as_str()),
        RuleOutcome::NotMatched(clauses) => {
            let clauses: Vec<String> = clauses.iter().map(ToString::to_string).collect();
            format!("does not match: {}", clauses.join("; "))
        }
        RuleOutcome::Unclear(why) => format!("cannot be decided, so it is refused: {why}"),
    };
    let note = tried.note.as_ref().map(|note| format!(" ({note})"));
    (tried.rule.to_string(), outcome + &note.unwrap_or_default())
}
