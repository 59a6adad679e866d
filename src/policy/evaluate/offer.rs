//! What the rule that decides leaves to choose, for whoever fills in a form.

use super::Case;
use super::require::{reason_words, ticket_words};
use super::steps::StepFit;
use crate::domain::{Span, Step};
use crate::policy::RuleDecision;
use crate::policy::explain::Offer;
use crate::policy::rule::Rule;

impl Case<'_> {
    /// What that rule leaves to choose; none where it denies.
    pub(super) fn offer(&self, rule: &Rule, steps: &[(Step, StepFit)]) -> Option<Offer> {
        if rule.decision == RuleDecision::Deny {
            return None;
        }
        let require = &rule.require;
        let start = require.start.filter(|_| self.may_wait());
        let reason = require.reason.as_ref().map(reason_words);
        let emergency = "Please say what the emergency is.".to_owned();
        Some(Offer {
            rule: rule.name.clone(),
            route: self.route(rule, steps).ok(),
            channel: self.policy.channel_of(rule, self.resource).to_owned(),
            durations: self.choices(rule),
            limit: self.most(rule),
            default: self.default_duration(rule),
            reason: reason.or_else(|| self.ask.break_glass.then_some(emergency)),
            ticket: require.ticket.as_ref().map(ticket_words),
            ticket_found: self.ticket(rule).map(str::to_owned),
            start: start.map(|start| (start.earliest, start.latest)),
            break_glass: self.offers_glass(rule),
        })
    }

    /// Whether a start may be named: break-glass begins now, and more time where the access ends.
    fn may_wait(&self) -> bool {
        !self.ask.break_glass && self.ask.extends.is_none()
    }

    fn most(&self, rule: &Rule) -> Span {
        let limit = self.limit(rule);
        match self.ask.extends {
            Some(_) => {
                let most = limit.min(self.extend_by(rule));
                self.whole_left(rule).map_or(most, |left| most.min(left))
            }
            None => limit,
        }
    }

    fn choices(&self, rule: &Rule) -> Vec<Span> {
        if self.ask.break_glass && rule.glass.is_some() {
            return Vec::new();
        }
        let (most, choices) = (self.most(rule), rule.require.durations.iter());
        choices.copied().filter(|choice| *choice <= most).collect()
    }

    fn default_duration(&self, rule: &Rule) -> Option<Span> {
        let default = rule.require.default_duration?;
        Some(default.min(self.most(rule)))
    }

    fn offers_glass(&self, rule: &Rule) -> bool {
        let own = self.asker.is_none() && self.ask.extends.is_none();
        let reviewed = rule.decision == RuleDecision::Review;
        let glass = rule.glass.as_ref().filter(|_| own && reviewed);
        glass.is_some_and(|glass| self.may_break(rule, glass).is_none())
    }
}
