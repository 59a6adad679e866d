//! From an ask to a verdict.
//!
//! Order: any rule that denies wins; then the first other rule that matches decides; where none
//! matches, nothing is allowed. What a rule requires does not choose the rule: an ask that does not
//! bring it along is refused, and no later rule is tried. [`evaluate`] and [`explain`] go the same
//! way, [`Case::verdict`]; the latter keeps a [`Trail`] of it.

mod fit;
mod limits;
mod listing;
mod lookup;
mod offer;
mod require;
mod steps;
mod target;
mod told;
mod view;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::explain::Explanation;
use super::rule::{Glass, Resource, Rule};
use super::{Policy, RuleDecision};
use crate::domain::{
    Ask, BreakGlass, Circumstances, GroupName, Inform, Person, Refusal, RoleName, Route, Standing,
    Step, Terms, Verdict,
};

pub(super) use listing::{groups_to_read, roles_for};
pub(super) use lookup::bare;

use fit::Fit;
use steps::StepFit;

/// Evaluates an ask, and keeps nothing but the answer.
pub(super) fn evaluate(policy: &Policy, ask: &Ask, circumstances: &Circumstances) -> Verdict {
    match Case::open(policy, ask, circumstances) {
        Ok(case) => case.verdict(None),
        Err(refusal) => Verdict::Refused(refusal),
    }
}

/// Evaluates an ask and keeps every step of the way.
pub(super) fn explain(policy: &Policy, ask: &Ask, circumstances: &Circumstances) -> Explanation {
    match Case::open(policy, ask, circumstances) {
        Ok(case) => {
            let mut trail = Trail::default();
            let verdict = case.verdict(Some(&mut trail));
            case.told(verdict, trail)
        }
        Err(refusal) => told::not_opened(policy, ask, refusal),
    }
}

/// An ask whose resource and role were found.
struct Case<'a> {
    policy: &'a Policy,
    resource: &'a Resource,
    /// The number of the role.
    role: usize,
    ask: &'a Ask,
    circumstances: &'a Circumstances,
    /// When the access would begin.
    start: DateTime<Utc>,
    holder: Viewed<'a>,
    /// Who asks for the holder, where that is somebody else.
    asker: Option<Viewed<'a>>,
}

/// A person as rules look at them.
struct Viewed<'a> {
    person: &'a Person,
    standing: &'a Standing,
    groups: BTreeSet<GroupName>,
    /// For each group that a rule is for, by its number: whether the person is in it.
    is_in: Vec<bool>,
}

/// What was met on the way to a verdict.
#[derive(Default)]
struct Trail {
    /// The rules that are about the resource and role, by their numbers, in the order of trying.
    fits: Vec<(usize, Fit)>,
    steps: Vec<(Step, StepFit)>,
    /// Everything that the deciding rule requires and the ask does not bring along.
    missing: Vec<Refusal>,
}

impl Trail {
    /// The groups that could not be read and without which the verdict might be another.
    fn unread(&self) -> BTreeSet<GroupName> {
        let fits = self.fits.iter().flat_map(|(_, fit)| fit.unread());
        let steps = self.steps.iter().flat_map(|(_, fit)| fit.unread());
        fits.chain(steps).cloned().collect()
    }
}

impl<'a> Viewed<'a> {
    fn new(policy: &Policy, person: &'a Person, standing: &'a Standing) -> Self {
        let mut groups = policy.groups_of(&person.identities);
        groups.extend(standing.groups.iter().cloned());
        let mut is_in = vec![false; policy.group_numbers.len()];
        for group in &groups {
            if let Some(number) = policy.group_numbers.get(group) {
                is_in[*number] = true;
            }
        }
        Self {
            person,
            standing,
            groups,
            is_in,
        }
    }
}

impl<'a> Case<'a> {
    fn open(
        policy: &'a Policy,
        ask: &'a Ask,
        circumstances: &'a Circumstances,
    ) -> Result<Self, Refusal> {
        let resource = lookup::resource(policy, &ask.resource)?;
        let role = lookup::role(resource, ask.role.as_deref())?;
        let now = circumstances.now;
        // What is prolonged goes on from its present end.
        let until = circumstances.chain.map(|chain| chain.until);
        let asker = ask.asker.as_ref();
        Ok(Self {
            policy,
            resource,
            role,
            ask,
            circumstances,
            start: ask.start.or(until).map_or(now, |start| start.max(now)),
            holder: Viewed::new(policy, &ask.person, &ask.standing),
            asker: asker.map(|asker| Viewed::new(policy, &asker.person, &asker.standing)),
        })
    }

    fn role(&self) -> &'a RoleName {
        &self.resource.facts.roles[self.role]
    }

    /// The numbers of the rules about the resource and role, in the order of trying.
    fn order(&self) -> &'a [usize] {
        self.resource
            .order
            .get(self.role)
            .map_or(&[], Vec::as_slice)
    }

    /// The one way: tries the rules in their order, and lets the first that matches decide.
    fn verdict(&self, mut trail: Option<&mut Trail>) -> Verdict {
        for number in self.order() {
            let rule = &self.policy.rules[*number];
            let fit = self.fit(rule);
            let verdict = match &fit {
                Fit::No(_) => None,
                Fit::Yes(_) => Some(self.decide(rule, trail.as_deref_mut())),
                Fit::Unclear(unclear) => Some(Verdict::Refused(unclear.refusal(rule))),
            };
            if let Some(trail) = trail.as_deref_mut() {
                trail.fits.push((*number, fit));
            }
            if let Some(verdict) = verdict {
                return verdict;
            }
        }
        Verdict::Refused(Refusal::NoRule {
            resource: self.resource.facts.name.clone(),
            role: self.role().clone(),
        })
    }

    /// What the rule that matches says.
    fn decide(&self, rule: &Rule, trail: Option<&mut Trail>) -> Verdict {
        if rule.decision == RuleDecision::Deny {
            return Verdict::Refused(Refusal::DeniedByRule {
                rule: rule.name.clone(),
                message: rule.message.clone().unwrap_or_default(),
            });
        }
        let steps = self.steps(rule);
        let missing = self.missing(rule);
        let verdict = match missing.first() {
            Some(refusal) => Verdict::Refused(refusal.clone()),
            None => match self.route(rule, &steps) {
                Ok(route) => Verdict::Terms(Box::new(self.terms(rule, route))),
                Err(refusal) => Verdict::Refused(refusal),
            },
        };
        if let Some(trail) = trail {
            trail.steps = steps;
            trail.missing = missing;
        }
        verdict
    }

    fn route(&self, rule: &Rule, steps: &[(Step, StepFit)]) -> Result<Route, Refusal> {
        if rule.decision == RuleDecision::Approve {
            let why = self.why_automatic(rule);
            return Ok(Route::Automatic { why });
        }
        let asked = steps.iter().filter(|(_, fit)| fit.is_asked());
        let steps: Vec<Step> = asked.map(|(step, _)| step.clone()).collect();
        if steps.is_empty() {
            let rule = rule.name.clone();
            return Err(Refusal::NobodyToAsk { rule });
        }
        let glass = rule.glass.as_ref().filter(|_| self.ask.break_glass);
        Ok(match glass {
            Some(glass) => Route::BreakGlass(self.glass(glass, steps)),
            None => Route::Steps(steps),
        })
    }

    fn glass(&self, glass: &Glass, skipped: Vec<Step>) -> BreakGlass {
        let from = || skipped.iter().flat_map(|step| step.from.iter().cloned());
        let mut review_by: Vec<GroupName> = Vec::new();
        let named = match &glass.review_by {
            Some(named) => self.people(named),
            None => from().collect(),
        };
        for group in named {
            if !review_by.contains(&group) {
                review_by.push(group);
            }
        }
        BreakGlass {
            review_by,
            skipped,
            review_within: glass.review_within,
        }
    }

    fn terms(&self, rule: &Rule, route: Route) -> Terms {
        let policy = self.policy;
        let mut revokers = policy.admins.clone();
        for owner in &self.resource.owner {
            if !revokers.contains(owner) {
                revokers.push(owner.clone());
            }
        }
        Terms {
            rule: rule.name.clone(),
            policy: policy.hash.clone(),
            route,
            duration: self.duration(rule).unwrap_or(self.limit(rule)),
            start: self.terms_start(),
            start_within: policy.start_within,
            ticket: self.ticket(rule).map(ToOwned::to_owned),
            revokers,
            barred: Vec::new(),
            inform: Inform {
                people: self.people(&rule.inform.people),
                channels: rule.inform.channels.clone(),
            },
            tightened_by: None,
            extensions_left: self.extensions_left(rule),
            extend_by: rule.require.extend.by,
            request_ttl: policy.request_ttl,
            remind_before: policy.remind_before,
            channel: policy.channel_of(rule, self.resource).to_owned(),
            fallback_channel: policy.fallback_channel.clone(),
            target: self.target(),
            card: self.card(),
        }
    }

    /// These groups and people, with the owners of the resource for the word `owner`.
    fn people(&self, names: &[GroupName]) -> Vec<GroupName> {
        let owner = &self.resource.owner;
        if owner.is_empty()
            || !names
                .iter()
                .any(|name| name.as_str() == crate::domain::OWNER)
        {
            return names.to_vec();
        }
        let mut people: Vec<GroupName> = Vec::with_capacity(names.len() + owner.len());
        for name in names {
            let named = std::slice::from_ref(name);
            let meant = if name.as_str() == crate::domain::OWNER {
                owner
            } else {
                named
            };
            for group in meant {
                if !people.contains(group) {
                    people.push(group.clone());
                }
            }
        }
        people
    }
}
