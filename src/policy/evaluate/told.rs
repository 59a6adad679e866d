//! The whole way of an ask, for people to read.

use std::collections::{BTreeMap, BTreeSet};

use super::fit::{Failed, Fit, Miss, Unclear};
use super::steps::StepFit;
use super::{Case, Trail};
use crate::domain::{Ask, GroupName, Refusal, Step, Verdict};
use crate::policy::condition::Condition;
use crate::policy::explain::{Explanation, RuleOutcome, StepOutcome, StepTold, Tried};
use crate::policy::matching::{Mismatch, one_line};
use crate::policy::rule::Rule;
use crate::policy::{Policy, RuleDecision};

/// An ask whose resource or role was not found.
pub(super) fn not_opened(policy: &Policy, ask: &Ask, refusal: Refusal) -> Explanation {
    let resource = super::lookup::resource(policy, &ask.resource).ok();
    let mut groups = policy.groups_of(&ask.person.identities);
    groups.extend(ask.standing.groups.iter().cloned());
    Explanation {
        resource: resource.map(|resource| resource.facts.name.clone()),
        role: None,
        groups,
        unreadable: ask.standing.unreadable.clone(),
        rests_on: BTreeSet::new(),
        holder: ask.person.name.clone(),
        asker: ask.asker.as_ref().map(|asker| asker.person.name.clone()),
        break_glass: ask.break_glass,
        begins: None,
        tried: Vec::new(),
        steps: Vec::new(),
        missing: Vec::new(),
        offer: None,
        verdict: Verdict::Refused(refusal),
    }
}

impl Case<'_> {
    /// Adds to the trail the rules that are about something else, in their places.
    pub(super) fn told(&self, verdict: Verdict, trail: Trail) -> Explanation {
        let rests_on = trail.unread();
        let end = trail
            .fits
            .last()
            .filter(|(_, fit)| !matches!(fit, Fit::No(_)));
        let end = end.map(|(number, _)| *number);
        let mut fits: BTreeMap<usize, Fit> = trail.fits.into_iter().collect();
        let mut tried = Vec::new();
        for number in self.all_in_order() {
            let rule = &self.policy.rules[number];
            tried.push(match fits.remove(&number) {
                Some(fit) => self.tried(rule, fit),
                None => self.passed_over(rule),
            });
            if end == Some(number) {
                break;
            }
        }
        let deciding = end.map(|number| &self.policy.rules[number]);
        let matched =
            tried.last().map(|tried: &Tried| &tried.outcome) == Some(&RuleOutcome::Matched);
        let offer = deciding.filter(|_| matched);
        let offer = offer.and_then(|rule| self.offer(rule, &trail.steps));
        let steps = deciding.map_or_else(Vec::new, |rule| steps_told(rule, trail.steps));
        Explanation {
            verdict,
            resource: Some(self.resource.facts.name.clone()),
            role: Some(self.role().clone()),
            groups: self.holder.groups.clone(),
            unreadable: self.holder.standing.unreadable.clone(),
            rests_on,
            holder: self.ask.person.name.clone(),
            asker: self.asker.as_ref().map(|asker| asker.person.name.clone()),
            break_glass: self.ask.break_glass,
            begins: Some(self.start.with_timezone(&self.policy.zone)),
            tried,
            steps,
            missing: trail.missing,
            offer,
        }
    }

    /// All rules, in the order in which they count.
    fn all_in_order(&self) -> impl Iterator<Item = usize> {
        let rules = &self.policy.rules;
        let denies = |number: &usize| rules[*number].decision == RuleDecision::Deny;
        let (deny, other): (Vec<_>, Vec<_>) = (0..rules.len()).partition(denies);
        deny.into_iter().chain(other)
    }

    fn tried(&self, rule: &Rule, fit: Fit) -> Tried {
        let (outcome, note) = match fit {
            Fit::Yes(unclear) => {
                let note = unclear.map(|unclear| {
                    let why = unclear_told(rule, unclear);
                    format!("{why}; a rule that denies counts as matching then")
                });
                (RuleOutcome::Matched, note)
            }
            Fit::No(miss) => (RuleOutcome::NotMatched(self.missed(rule, miss)), None),
            Fit::Unclear(unclear) => (RuleOutcome::Unclear(unclear_told(rule, unclear)), None),
        };
        Tried {
            rule: rule.name.clone(),
            decision: rule.decision,
            outcome,
            note,
        }
    }

    fn missed(&self, rule: &Rule, miss: Miss) -> Vec<Mismatch> {
        let text = || text_of(rule.when.as_ref());
        match miss {
            Miss::Requester => vec![self.requester(rule)],
            Miss::OnBehalf => vec![Mismatch::OnBehalf],
            Miss::Limits(broken) => (broken.why.into_iter())
                .map(|why| Mismatch::Limit { why })
                .collect(),
            Miss::Condition => vec![Mismatch::Condition { text: text() }],
            Miss::ConditionFailed(Failed { why, .. }) => {
                vec![Mismatch::ConditionFailed { text: text(), why }]
            }
        }
    }

    fn requester(&self, rule: &Rule) -> Mismatch {
        let wanted = rule.matcher.requester_in().unwrap_or_default();
        Mismatch::Requester {
            wanted: wanted.to_vec(),
            actual: self.holder.groups.clone(),
        }
    }

    /// A rule about another resource or role: every clause that does not hold.
    fn passed_over(&self, rule: &Rule) -> Tried {
        let groups: &BTreeSet<GroupName> = &self.holder.groups;
        let clauses = rule
            .matcher
            .mismatches(&self.resource.facts, self.role(), groups);
        Tried {
            rule: rule.name.clone(),
            decision: rule.decision,
            outcome: RuleOutcome::NotMatched(clauses),
            note: None,
        }
    }
}

fn text_of(condition: Option<&Condition>) -> String {
    condition.map_or_else(String::new, |condition| condition.text().to_owned())
}

fn unclear_told(rule: &Rule, unclear: Unclear) -> Mismatch {
    match unclear {
        Unclear::Groups(groups) => Mismatch::Unreadable { groups },
        Unclear::Condition(Failed { why, .. }) => Mismatch::ConditionFailed {
            text: text_of(rule.when.as_ref()),
            why,
        },
    }
}

fn steps_told(rule: &Rule, steps: Vec<(Step, StepFit)>) -> Vec<StepTold> {
    let told = |(step, fit): (Step, StepFit), condition: Option<&Condition>| {
        let text = one_line(&text_of(condition));
        let outcome = match fit {
            StepFit::Always => StepOutcome::Asked,
            StepFit::Holds => StepOutcome::AskedSince { condition: text },
            StepFit::LeftOut => StepOutcome::LeftOut { condition: text },
            StepFit::Failed(Failed { why, .. }) => StepOutcome::AskedToBeSure {
                condition: text,
                why,
            },
        };
        StepTold { step, outcome }
    };
    (steps.into_iter().zip(&rule.steps))
        .map(|(step, written)| told(step, written.when.as_ref()))
        .collect()
}
