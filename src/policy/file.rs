//! What is written in a policy file: the sections as they stand there, with places, before anything
//! refers to anything. A part that could not be read is missing here and marked as not sound, so
//! that checks do not draw conclusions from it.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use chrono_tz::Tz;
use regex::Regex;

use super::digest::DigestEntry;
use super::fault::{At, Place};
use super::hours::Hours;
use super::source::GroupSource;
use crate::domain::{ConnectorSpec, Span};

/// All files of a policy together, in the order of their names.
#[derive(Default)]
pub(super) struct Written {
    /// Where `version` is written.
    pub(super) versions: Vec<Place>,
    /// The `defaults`.
    pub(super) defaults: Defaults,
    /// The entries of `people`.
    pub(super) people: Vec<PersonEntry>,
    /// The entries of `groups`.
    pub(super) groups: Vec<GroupEntry>,
    /// The entries of `connectors`.
    pub(super) connectors: Vec<ConnectorEntry>,
    /// The entries of `resources`.
    pub(super) resources: Vec<ResourceEntry>,
    /// The entries of `bundles`.
    pub(super) bundles: Vec<BundleEntry>,
    /// The rules, in order.
    pub(super) rules: Vec<RuleEntry>,
    /// The digests, in order.
    pub(super) digests: Vec<DigestEntry>,
}

/// What holds where a rule or a resource says nothing.
#[derive(Default)]
pub(super) struct Defaults {
    pub(super) request_ttl: Option<At<Span>>,
    pub(super) remind_before: Option<At<Span>>,
    pub(super) max_duration: Option<At<Span>>,
    pub(super) channel: Option<At<String>>,
    pub(super) fallback_channel: Option<At<String>>,
    pub(super) admin_channel: Option<At<String>>,
    pub(super) start_within: Option<At<Span>>,
    pub(super) timezone: Option<At<Tz>>,
    /// None where nothing is written.
    pub(super) holidays: Option<At<BTreeSet<NaiveDate>>>,
    /// None where nothing is written.
    pub(super) admins: Option<At<Vec<At<String>>>>,
    pub(super) auditors: Option<At<Vec<At<String>>>>,
    /// The custom field of Slack profiles that names somebody's manager.
    pub(super) manager_field: Option<At<String>>,
}

/// One human with all that they are called elsewhere.
pub(super) struct PersonEntry {
    pub(super) name: At<String>,
    pub(super) emails: Vec<At<String>>,
    pub(super) slack: Vec<At<String>>,
    /// What connectors call this person, by connector name.
    pub(super) logins: Vec<(At<String>, At<String>)>,
    /// Their manager: an e-mail, a Slack user id, or a name from `people`.
    pub(super) manager: Option<At<String>>,
    pub(super) sound: bool,
}

/// A group and where its people are read from.
pub(super) struct GroupEntry {
    pub(super) name: At<String>,
    /// E-mails, Slack user ids, or names from `people`; empty for any other source.
    pub(super) members: Vec<At<String>>,
    pub(super) source: GroupSource,
    /// The group that has the say where the source names nobody or is down.
    pub(super) fallback: Option<At<String>>,
    pub(super) sound: bool,
}

/// A configured way to a target; no settings where they could not be read.
pub(super) struct ConnectorEntry {
    pub(super) name: At<String>,
    pub(super) spec: Option<ConnectorSpec>,
}

/// A thing that people may ask access to.
pub(super) struct ResourceEntry {
    pub(super) name: At<String>,
    pub(super) connector: Option<At<String>>,
    pub(super) description: Option<At<String>>,
    pub(super) labels: Vec<(At<String>, At<String>)>,
    pub(super) sensitivity: Option<At<String>>,
    /// The name of each role here, and what the target calls it.
    pub(super) roles: Vec<(At<String>, At<String>)>,
    pub(super) default_role: Option<At<String>>,
    pub(super) channel: Option<At<String>>,
    pub(super) how_to_connect: Option<At<String>>,
    /// Groups or people whom the resource belongs to.
    pub(super) owner: Vec<At<String>>,
    pub(super) sound: bool,
}

/// Several accesses that are asked for together.
pub(super) struct BundleEntry {
    pub(super) name: At<String>,
    pub(super) description: Option<At<String>>,
    pub(super) access: Vec<PartEntry>,
}

/// One access of a bundle.
pub(super) struct PartEntry {
    pub(super) resource: At<String>,
    pub(super) role: Option<At<String>>,
}

/// A rule.
pub(super) struct RuleEntry {
    pub(super) name: At<String>,
    pub(super) matching: Match,
    /// The condition as it is written.
    pub(super) when: Option<At<String>>,
    pub(super) require: Require,
    pub(super) decision: Option<At<RuleDecision>>,
    pub(super) message: Option<At<String>>,
    pub(super) limits: Option<At<LimitsEntry>>,
    /// The list of steps; none where the key is absent.
    pub(super) steps: Option<At<Vec<StepEntry>>>,
    pub(super) inform: Option<At<InformEntry>>,
    pub(super) channel: Option<At<String>>,
    pub(super) break_glass: Option<At<BreakGlassEntry>>,
    pub(super) sound: bool,
}

/// Which asks a rule is about: all clauses that are written must hold. In a list one is enough;
/// labels must all be there.
#[derive(Clone, Default)]
pub(super) struct Match {
    pub(super) resources: Option<Vec<At<String>>>,
    pub(super) labels: Vec<(At<String>, At<String>)>,
    pub(super) roles: Option<Vec<At<String>>>,
    pub(super) sensitivity: Option<Vec<At<String>>>,
    pub(super) requester_in: Option<Vec<At<String>>>,
}

/// What an ask must bring along.
#[derive(Default)]
pub(super) struct Require {
    /// Where the key stands, if it does.
    pub(super) at: Option<Place>,
    pub(super) reason: Option<At<ReasonRule>>,
    pub(super) ticket: Option<At<ReasonRule>>,
    /// Choices; empty where any duration will do.
    pub(super) durations: Vec<At<Span>>,
    pub(super) default_duration: Option<At<Span>>,
    pub(super) max_duration: Option<MaxDuration>,
    pub(super) start: Option<At<StartEntry>>,
    pub(super) extend: Option<At<ExtendEntry>>,
}

/// The longest access: for every role, or for each by itself.
pub(super) enum MaxDuration {
    /// For all roles.
    All(At<Span>),
    /// For these roles.
    PerRole(Vec<(At<String>, At<Span>)>),
}

/// How far ahead a start may lie.
pub(super) struct StartEntry {
    pub(super) earliest: Option<At<Span>>,
    pub(super) latest: Option<At<Span>>,
}

/// How an access may be prolonged.
pub(super) struct ExtendEntry {
    pub(super) max: Option<At<u32>>,
    pub(super) by: Option<At<Span>>,
    pub(super) total: Option<At<Span>>,
}

/// What must hold for a rule to approve by itself.
pub(super) struct LimitsEntry {
    pub(super) uses: Option<At<u32>>,
    pub(super) per: Option<At<Span>>,
    pub(super) hours: Option<At<Hours>>,
    /// Days of the week, Monday is 0; none where nothing is written.
    pub(super) weekdays: Option<At<BTreeSet<u32>>>,
    pub(super) on_call: Option<Vec<At<String>>>,
}

/// Who is told of the outcome.
pub(super) struct InformEntry {
    pub(super) people: Vec<At<String>>,
    pub(super) channels: Vec<At<String>>,
}

/// Who may do without an approval in an emergency, and who looks at it afterwards.
pub(super) struct BreakGlassEntry {
    pub(super) who: Vec<At<String>>,
    pub(super) max_duration: Option<At<Span>>,
    pub(super) review_within: Option<At<Span>>,
    pub(super) review_by: Option<Vec<At<String>>>,
}

/// The form that a reason must have, or a ticket in it.
#[derive(Clone, Debug)]
pub(super) struct ReasonRule {
    pub(super) pattern: Regex,
    pub(super) message: Option<String>,
}

/// What a rule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleDecision {
    /// People decide, step by step.
    Review,
    /// No.
    Deny,
    /// Yes, by itself.
    Approve,
}

impl RuleDecision {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Deny => "deny",
            Self::Approve => "approve",
        }
    }
}

/// One step of a review.
pub(super) struct StepEntry {
    pub(super) from: Vec<At<String>>,
    pub(super) count: At<u32>,
    /// Where `mode: all` is written; none for `any`.
    pub(super) all: Option<Place>,
    /// The condition as it is written.
    pub(super) when: Option<At<String>>,
    /// Where `ping` stands, and whom it names.
    pub(super) ping: Option<At<Vec<At<String>>>>,
    pub(super) nudge: Option<At<Span>>,
    pub(super) escalate: Option<EscalateEntry>,
    pub(super) quiet: Option<QuietEntry>,
}

/// Who may decide as well when a step takes too long.
pub(super) struct EscalateEntry {
    pub(super) after: At<Span>,
    pub(super) to: Vec<At<String>>,
}

/// Hours in which others stand in.
pub(super) struct QuietEntry {
    pub(super) hours: At<Hours>,
    pub(super) fallback: Vec<At<String>>,
}

impl RuleEntry {
    /// The steps, none where the key is absent.
    pub(super) fn steps(&self) -> &[StepEntry] {
        self.steps.as_ref().map_or(&[], |steps| &steps.value)
    }

    /// Whether it denies.
    pub(super) fn denies(&self) -> bool {
        let decision = self.decision.as_ref();
        decision.is_some_and(|decision| decision.value == RuleDecision::Deny)
    }

    /// Every name that stands where `owner` and `manager` may stand as well.
    pub(super) fn asked(&self) -> impl Iterator<Item = &At<String>> {
        let steps = self.steps().iter().flat_map(StepEntry::names);
        let inform = self.inform.iter().flat_map(|inform| &inform.value.people);
        let glass = self.break_glass.iter();
        let reviewers = glass.filter_map(|glass| glass.value.review_by.as_ref());
        steps.chain(inform).chain(reviewers.flatten())
    }

    /// Every name that must be a group, or a person: who asks, or holds.
    pub(super) fn askers(&self) -> impl Iterator<Item = &At<String>> {
        let limits = self.limits.iter();
        let on_call = limits.filter_map(|limits| limits.value.on_call.as_ref());
        let glass = self.break_glass.iter().flat_map(|glass| &glass.value.who);
        let requesters = self.matching.requester_in.iter().flatten();
        requesters.chain(on_call.flatten()).chain(glass)
    }
}

impl StepEntry {
    /// Every name in the step.
    pub(super) fn names(&self) -> impl Iterator<Item = &At<String>> {
        let ping = self.ping.iter().flat_map(|ping| &ping.value);
        let escalate = self.escalate.iter().flat_map(|escalate| &escalate.to);
        let quiet = self.quiet.iter().flat_map(|quiet| &quiet.fallback);
        self.from.iter().chain(ping).chain(escalate).chain(quiet)
    }
}
