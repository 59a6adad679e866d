//! Whether a rule that is about the resource and role matches an ask.

use super::{Case, Viewed};
use crate::domain::{GroupName, Refusal};
use crate::policy::RuleDecision;
use crate::policy::rule::Rule;

/// Whether a rule matches.
pub(super) enum Fit {
    /// It does; with what has to be said about that.
    Yes(Option<Unclear>),
    /// It does not.
    No(Miss),
    /// Nobody can tell, so the ask is refused and no later rule is tried.
    Unclear(Unclear),
}

/// Why a rule does not match. Small, since most rules do not match most asks.
pub(super) enum Miss {
    /// It is for other people.
    Requester,
    /// It approves by itself, and somebody asks for somebody else.
    OnBehalf,
    /// What it wants in order to approve by itself does not hold.
    Limits(Broken),
    /// Its condition does not hold.
    Condition,
    /// Its condition could not be worked out, and why.
    ConditionFailed(Failed),
}

/// What a rule wants in order to approve by itself and does not get.
#[derive(Default)]
pub(super) struct Broken {
    /// All of it, in words.
    pub(super) why: Vec<String>,
    /// The groups that could not be read, where nothing else stands in the way.
    pub(super) unread: Vec<GroupName>,
}

/// Why a condition could not be worked out.
pub(super) struct Failed {
    /// In words that follow "because".
    pub(super) why: String,
    /// The groups that could not be read, where it was that.
    pub(super) unread: Vec<GroupName>,
}

/// What could not be found out.
pub(super) enum Unclear {
    /// Who is in these groups.
    Groups(Vec<GroupName>),
    /// Whether the condition holds, and why not.
    Condition(Failed),
}

impl Fit {
    /// The groups that could not be read and without which this is what it is.
    pub(super) fn unread(&self) -> &[GroupName] {
        match self {
            Self::Yes(Some(unclear)) | Self::Unclear(unclear) => unclear.unread(),
            Self::No(Miss::Limits(broken)) => &broken.unread,
            Self::No(Miss::ConditionFailed(failed)) => &failed.unread,
            Self::Yes(None) | Self::No(Miss::Requester | Miss::OnBehalf | Miss::Condition) => &[],
        }
    }
}

impl Unclear {
    /// What the person is told.
    pub(super) fn refusal(&self, rule: &Rule) -> Refusal {
        match self {
            Self::Groups(groups) => Refusal::GroupUnreadable {
                groups: groups.clone(),
            },
            Self::Condition(failed) => Refusal::ConditionFailed {
                rule: rule.name.clone(),
                why: failed.why.clone(),
            },
        }
    }

    fn unread(&self) -> &[GroupName] {
        match self {
            Self::Groups(groups) => groups,
            Self::Condition(failed) => &failed.unread,
        }
    }
}

/// Whether somebody is in one of a rule's groups.
enum Membership {
    In,
    Out,
    /// In none that could be read; these could not.
    Unknown(Vec<GroupName>),
}

impl Case<'_> {
    /// Whether a rule matches that is about the resource and role.
    pub(super) fn fit(&self, rule: &Rule) -> Fit {
        match rule.decision {
            RuleDecision::Deny => self.denial_fits(rule),
            RuleDecision::Approve if self.asker.is_some() => Fit::No(Miss::OnBehalf),
            RuleDecision::Approve | RuleDecision::Review => self.other_fits(rule),
        }
    }

    /// A rule that denies looks at both the holder and who asks for them. What cannot be found out
    /// counts as a match: nobody gets through because something was down.
    fn denial_fits(&self, rule: &Rule) -> Fit {
        let mut miss = Miss::Requester;
        for viewed in std::iter::once(&self.holder).chain(&self.asker) {
            let unknown = match membership(rule, viewed) {
                Membership::Out => continue,
                Membership::In => None,
                Membership::Unknown(groups) => Some(Unclear::Groups(groups)),
            };
            match self.rule_holds(rule, viewed) {
                Ok(true) => return Fit::Yes(unknown),
                Ok(false) => miss = Miss::Condition,
                Err(failed) => return Fit::Yes(Some(Unclear::Condition(failed))),
            }
        }
        Fit::No(miss)
    }

    fn other_fits(&self, rule: &Rule) -> Fit {
        let unknown = match membership(rule, &self.holder) {
            Membership::Out => return Fit::No(Miss::Requester),
            Membership::In => None,
            Membership::Unknown(groups) => Some(groups),
        };
        let broken = self.broken_limits(rule);
        if !broken.why.is_empty() {
            return Fit::No(Miss::Limits(broken));
        }
        match (self.rule_holds(rule, &self.holder), unknown) {
            (Ok(false), _) => Fit::No(Miss::Condition),
            (Err(failed), _) if rule.decision == RuleDecision::Approve => {
                Fit::No(Miss::ConditionFailed(failed))
            }
            (Err(failed), _) => Fit::Unclear(Unclear::Condition(failed)),
            (Ok(true), Some(groups)) => Fit::Unclear(Unclear::Groups(groups)),
            (Ok(true), None) => Fit::Yes(None),
        }
    }
}

fn membership(rule: &Rule, viewed: &Viewed<'_>) -> Membership {
    let Some(numbers) = &rule.for_groups else {
        return Membership::In;
    };
    if numbers.iter().any(|number| viewed.is_in[*number]) {
        return Membership::In;
    }
    let unreadable = &viewed.standing.unreadable;
    if unreadable.is_empty() {
        return Membership::Out;
    }
    let wanted = rule.matcher.requester_in().unwrap_or_default().iter();
    let unknown: Vec<GroupName> = wanted
        .filter(|group| unreadable.contains(*group))
        .cloned()
        .collect();
    if unknown.is_empty() {
        Membership::Out
    } else {
        Membership::Unknown(unknown)
    }
}
