//! What is written in a policy file: the sections as they stand there, with places, before anything
//! refers to anything. A part that could not be read is missing here and marked as not sound, so
//! that checks do not draw conclusions from it.

use regex::Regex;

use super::fault::{At, Place};
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
    /// The rules, in order.
    pub(super) rules: Vec<RuleEntry>,
}

/// What holds where a rule or a resource says nothing.
#[derive(Default)]
pub(super) struct Defaults {
    pub(super) request_ttl: Option<At<Span>>,
    pub(super) remind_before: Option<At<Span>>,
    pub(super) max_duration: Option<At<Span>>,
    pub(super) channel: Option<At<String>>,
    pub(super) fallback_channel: Option<At<String>>,
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
    /// The group that counts where the source names nobody or is down.
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
    pub(super) sound: bool,
}

/// A rule.
pub(super) struct RuleEntry {
    pub(super) name: At<String>,
    pub(super) matching: Match,
    pub(super) require: Require,
    pub(super) decision: Option<At<RuleDecision>>,
    pub(super) message: Option<At<String>>,
    /// The list of steps; none where the key is absent.
    pub(super) steps: Option<At<Vec<StepEntry>>>,
    pub(super) channel: Option<At<String>>,
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
    pub(super) reason: Option<At<ReasonRule>>,
    pub(super) max_duration: Option<At<Span>>,
}

/// The form that a reason must have.
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
}
