//! Rules and resources, ready to be tried.

use std::collections::BTreeMap;

use super::condition::Condition;
use super::file::{ReasonRule, RuleDecision};
use super::hours::Hours;
use super::matching::{Facts, Matcher};
use crate::domain::{
    ConnectorName, ConnectorSpec, GroupName, Inform, RoleName, RuleName, Span, Step,
};

/// A resource, ready to be asked for.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    pub(super) facts: Facts,
    pub(super) connector: ConnectorName,
    pub(super) spec: ConnectorSpec,
    pub(super) description: Option<String>,
    /// What the target calls each role.
    pub(super) roles: Vec<(RoleName, String)>,
    pub(super) default_role: Option<RoleName>,
    pub(super) channel: Option<String>,
    pub(super) how_to_connect: Option<String>,
    pub(super) owner: Vec<GroupName>,
    /// For each role: the rules about it by their numbers, in the order in which they are tried.
    pub(super) order: Vec<Vec<usize>>,
}

/// A rule, ready to be tried.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) name: RuleName,
    pub(super) matcher: Matcher,
    /// The numbers of the groups in `requester_in`; none where it is for everybody.
    pub(super) for_groups: Option<Vec<usize>>,
    pub(super) when: Option<Condition>,
    pub(super) require: Required,
    pub(super) decision: RuleDecision,
    pub(super) message: Option<String>,
    pub(super) limits: Option<Limits>,
    pub(super) steps: Vec<RuleStep>,
    pub(super) inform: Inform,
    pub(super) channel: Option<String>,
    pub(super) glass: Option<Glass>,
}

impl Rule {
    /// Whether it matches whenever its `match` does, for people who ask for themselves.
    pub(super) fn is_unconditional(&self) -> bool {
        self.when.is_none() && self.limits.is_none()
    }
}

/// What an ask must bring along.
#[derive(Clone, Debug, Default)]
pub(super) struct Required {
    pub(super) reason: Option<ReasonRule>,
    pub(super) ticket: Option<ReasonRule>,
    /// Choices, shortest first; empty where any duration will do.
    pub(super) durations: Vec<Span>,
    pub(super) default_duration: Option<Span>,
    pub(super) max_duration: Option<Span>,
    pub(super) max_per_role: BTreeMap<RoleName, Span>,
    pub(super) start: Option<StartRule>,
    pub(super) extend: ExtendRule,
}

/// How far ahead a start may lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct StartRule {
    pub(super) earliest: Option<Span>,
    pub(super) latest: Span,
}

/// How an access may be prolonged, as far as the rule says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ExtendRule {
    pub(super) max: Option<u32>,
    pub(super) by: Option<Span>,
    pub(super) total: Option<Span>,
}

/// What must hold for a rule to approve by itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    /// How often in how much time.
    pub(super) uses: Option<(u32, Span)>,
    pub(super) hours: Option<Hours>,
    /// Days of the week, Monday is 0; empty for all.
    pub(super) weekdays: Vec<u32>,
    /// Empty where nobody has to be on call.
    pub(super) on_call: Vec<GroupName>,
}

/// A step, with what decides on it when it is asked.
#[derive(Clone, Debug)]
pub(super) struct RuleStep {
    pub(super) when: Option<Condition>,
    /// The step as it is written: `owner` stands for itself, and there are no quiet times yet.
    pub(super) step: Step,
    pub(super) quiet: Option<(Hours, Vec<GroupName>)>,
}

/// What a rule says of emergencies.
#[derive(Clone, Debug)]
pub(super) struct Glass {
    pub(super) who: Vec<GroupName>,
    pub(super) max_duration: Span,
    pub(super) review_within: Span,
    /// None for the groups of the steps.
    pub(super) review_by: Option<Vec<GroupName>>,
}
