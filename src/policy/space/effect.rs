//! What an answer means to people: the verdict without what is only told.

use super::super::hours::Hours;
use super::super::rule::Rule;
use super::{Side, atoms};
use crate::domain::{Ask, GroupName, Quorum, RoleName, Route, Span, Step, Terms, Verdict};

/// How access is given, or that it is not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::policy) enum Way {
    /// Not at all.
    Refused,
    /// People decide, step by step.
    Review(Vec<StepShape>),
    /// At once.
    Automatic,
    /// At once, and looked at afterwards.
    BreakGlass {
        /// By whom.
        by: Vec<GroupName>,
        /// How long after.
        within: Span,
    },
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::policy) struct StepShape {
    pub(in crate::policy) from: Vec<GroupName>,
    pub(in crate::policy) all: bool,
    pub(in crate::policy) count: u32,
    pub(in crate::policy) escalate: Option<(Span, Vec<GroupName>)>,
    pub(in crate::policy) ping: Vec<GroupName>,
    pub(in crate::policy) nudge: Option<Span>,
}

impl StepShape {
    fn of(step: &Step) -> Self {
        let (all, count) = match step.quorum {
            Quorum::Any(count) => (false, count),
            Quorum::All(count) => (true, count),
        };
        let sorted = |groups: &[GroupName]| {
            let mut groups = groups.to_vec();
            groups.sort();
            groups
        };
        let escalate = step.escalate.as_ref();
        Self {
            from: sorted(&step.from),
            all,
            count,
            escalate: escalate.map(|later| (later.after, sorted(&later.to))),
            ping: sorted(&step.ping),
            nudge: step.nudge,
        }
    }

    /// How many different people it needs.
    pub(in crate::policy) fn people(&self) -> usize {
        let count = self.count as usize;
        if self.all {
            count.saturating_mul(self.from.len())
        } else {
            count
        }
    }
}

/// What a rule allows besides, or asks for besides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::policy) struct Attributes {
    /// How often, by how much and how long in all it may be prolonged.
    pub(in crate::policy) extend: Option<(u32, Span, Span)>,
    /// How soon and how late it may begin; none where it begins at once.
    pub(in crate::policy) start: Option<(Option<Span>, Span)>,
    pub(in crate::policy) reason: Option<String>,
    pub(in crate::policy) ticket: Option<String>,
    /// Quiet hours, and who stands in then.
    pub(in crate::policy) quiet: Vec<(Hours, Vec<GroupName>)>,
    /// How often in how much time a rule approves by itself.
    pub(in crate::policy) limits: Option<(u32, Span)>,
}

/// The meaning of one answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::policy) struct Effect {
    pub(in crate::policy) way: Way,
    pub(in crate::policy) terms: Option<Box<Meaning>>,
}

/// What the terms say besides the way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::policy) struct Meaning {
    /// The rule. A new name alone is no change of meaning.
    pub(in crate::policy) rule: String,
    /// What is given where the ask does not say how long.
    pub(in crate::policy) given: Option<Span>,
    pub(in crate::policy) attributes: Attributes,
    pub(in crate::policy) ttl: Span,
    pub(in crate::policy) start_within: Span,
    pub(in crate::policy) channel: String,
    /// Who is told of the outcome: people and channels.
    pub(in crate::policy) inform: (Vec<GroupName>, Vec<String>),
    /// Who may revoke besides the admins.
    pub(in crate::policy) owners: Vec<GroupName>,
    /// What the target calls the role, and the connector.
    pub(in crate::policy) target: String,
    /// The settings of the connector, in a form that can be compared.
    pub(in crate::policy) spec: String,
}

impl Effect {
    /// No.
    pub(in crate::policy) fn refused() -> Self {
        Self {
            way: Way::Refused,
            terms: None,
        }
    }

    /// What a verdict means.
    pub(super) fn of(verdict: Verdict, ask: &Ask, side: &Side<'_>, role: &RoleName) -> Self {
        let Verdict::Terms(terms) = verdict else {
            return Self::refused();
        };
        let rule = side.rules.iter().find(|rule| rule.name == terms.rule);
        Self {
            way: way(&terms),
            terms: Some(Box::new(meaning(&terms, ask, side, rule.copied(), role))),
        }
    }

    /// How many different people have to agree.
    pub(in crate::policy) fn people(&self) -> usize {
        match &self.way {
            Way::Review(steps) => steps.iter().map(StepShape::people).sum(),
            _ => 0,
        }
    }
}

/// How terms give access.
pub(super) fn way(terms: &Terms) -> Way {
    match &terms.route {
        Route::Automatic { .. } => Way::Automatic,
        Route::BreakGlass(glass) => Way::BreakGlass {
            by: glass.review_by.clone(),
            within: glass.review_within,
        },
        Route::Steps(steps) => Way::Review(steps.iter().map(StepShape::of).collect()),
    }
}

fn meaning(
    terms: &Terms,
    ask: &Ask,
    side: &Side<'_>,
    rule: Option<&Rule>,
    role: &RoleName,
) -> Meaning {
    let target = &terms.target;
    Meaning {
        rule: terms.rule.to_string(),
        given: ask.duration.is_none().then_some(terms.duration),
        attributes: rule
            .map(|rule| atoms::attributes(side.policy, rule, role))
            .unwrap_or_default(),
        ttl: terms.request_ttl,
        start_within: terms.start_within,
        channel: terms.channel.clone(),
        inform: (terms.inform.people.clone(), terms.inform.channels.clone()),
        owners: owners(terms, side),
        target: format!("{} by {}", target.role, target.connector),
        spec: format!("{:?}", target.spec),
    }
}

fn owners(terms: &Terms, side: &Side<'_>) -> Vec<GroupName> {
    let revokers = terms.revokers.iter();
    let owners = revokers.filter(|group| !side.policy.admins().contains(group));
    let owners: std::collections::BTreeSet<&GroupName> = owners.collect();
    owners.into_iter().cloned().collect()
}
