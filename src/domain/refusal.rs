//! Every "no", with what the person who asked needs to know. A refusal is an answer, not an error.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{GroupName, PersonId, ResourceName, RoleName, RuleName, Span};

/// Why something was not done. `Display` is the plain sentence for people; the room that shows it
/// may dress it up (mentions, times in the reader's zone) but says the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    // -- asking --
    /// The policy knows no such resource.
    #[error("I know no resource called “{asked}”.{}", did_you_mean(suggestions))]
    NoSuchResource {
        /// As it was written.
        asked: String,
        /// Names that look alike, best first.
        suggestions: Vec<String>,
    },
    /// The resource has no such role.
    #[error("{resource} has no role “{asked}”. Its roles: {}.", roles.join(", "))]
    NoSuchRole {
        /// The resource.
        resource: ResourceName,
        /// As it was written.
        asked: String,
        /// The roles that exist.
        roles: Vec<String>,
    },
    /// The resource has several roles and none was named.
    #[error("{resource} has several roles, please name one: {}.", roles.join(", "))]
    RoleNeeded {
        /// The resource.
        resource: ResourceName,
        /// The roles that exist.
        roles: Vec<String>,
    },
    /// No rule matches, so nothing is allowed.
    #[error(
        "No rule of the policy lets you ask for {role} on {resource}. \
         If you need it, ask the owners of the policy to add a rule."
    )]
    NoRule {
        /// The resource.
        resource: ResourceName,
        /// The role.
        role: RoleName,
    },
    /// A rule says no.
    #[error("The policy says no: {message} (rule “{rule}”)")]
    DeniedByRule {
        /// The rule.
        rule: RuleName,
        /// Its words for people.
        message: String,
    },
    /// The rule wants a reason of a certain form.
    #[error("{message} Add it at the end of the command, after the duration.")]
    ReasonNeeded {
        /// The rule's words, or ours when it has none.
        message: String,
    },
    /// The reason is longer than can be shown.
    #[error("The reason is too long ({length} characters); please keep it under {limit}.")]
    ReasonTooLong {
        /// Its length in characters.
        length: usize,
        /// The most that is accepted.
        limit: usize,
    },
    /// Longer than the rule allows.
    #[error("{asked} is more than the policy allows: at most {limit} for {role} on {resource}.")]
    TooLong {
        /// As asked.
        asked: Span,
        /// The limit.
        limit: Span,
        /// The resource.
        resource: ResourceName,
        /// The role.
        role: RoleName,
    },
    /// The rule wants a ticket in the reason.
    #[error("{message} Add it at the end of the command, after the duration.")]
    TicketNeeded {
        /// The rule's words, or ours when it has none.
        message: String,
    },
    /// Nothing was said about how long, and the rule has no default.
    #[error(
        "For how long? Please say it, like `30m` or `1h`: at most {limit} for {role} on {resource}."
    )]
    DurationNeeded {
        /// The most that can be asked for.
        limit: Span,
        /// The resource.
        resource: ResourceName,
        /// The role.
        role: RoleName,
    },
    /// The rule offers certain durations only.
    #[error(
        "{asked} is not offered for {role} on {resource}. Please choose {}.",
        spans(choices)
    )]
    DurationNotOffered {
        /// As asked.
        asked: Span,
        /// What is offered.
        choices: Vec<Span>,
        /// The resource.
        resource: ResourceName,
        /// The role.
        role: RoleName,
    },
    /// It cannot begin then.
    #[error("{why}")]
    StartNotAllowed {
        /// When it can.
        why: String,
    },
    /// It cannot be prolonged like that.
    #[error("{why}")]
    ExtensionNotAllowed {
        /// What can be done instead.
        why: String,
    },
    /// Break-glass is not for this, or not for them.
    #[error("{why}")]
    BreakGlassNotAllowed {
        /// What can be done instead.
        why: String,
    },
    /// The condition of a rule could not be evaluated, so nobody knows whether it matches.
    #[error(
        "I could not find out whether the rule “{rule}” is about this ({why}), so nothing was done. \
         Please tell the owners of the policy."
    )]
    ConditionFailed {
        /// The rule.
        rule: RuleName,
        /// What went wrong.
        why: String,
    },
    /// The rule asks for a review, and every step of it is left out here.
    #[error(
        "The rule “{rule}” asks nobody in this case, so nobody could approve it. \
         Please tell the owners of the policy."
    )]
    NobodyToAsk {
        /// The rule.
        rule: RuleName,
    },
    /// One part of a bundle is refused, so nothing of it was asked for.
    #[error(
        "Nothing was asked for, since one part of the bundle is refused. {resource}: {because}"
    )]
    PartRefused {
        /// The part.
        resource: ResourceName,
        /// Why.
        because: Box<Refusal>,
    },
    /// Nobody, or not enough people, could approve.
    #[error(
        "Nobody could finish this approval: it needs {needed} of {}, and besides {} there {} {eligible}. \
         Ask the owners of the policy to fill the group.",
        join(from), besides(*own), if *eligible == 1 { "is" } else { "are" }
    )]
    TooFewApprovers {
        /// The groups that are short of people, of one step or of several.
        from: Vec<GroupName>,
        /// Different people needed.
        needed: usize,
        /// People there are, those left out whose own it is.
        eligible: usize,
        /// How many these are: two where somebody asks for somebody else. Not written down in what is
        /// older.
        #[serde(default)]
        own: usize,
    },
    /// Who is in a group could not be read.
    #[error(
        "I could not read who is in {} just now, so nothing was done. Please try again.",
        join(groups)
    )]
    GroupUnreadable {
        /// The groups.
        groups: Vec<GroupName>,
    },
    /// Who acts could not be read.
    #[error("I could not read your Slack profile just now, so nothing was done. Please try again.")]
    PersonUnreadable,
    /// Who the person is could not be established.
    #[error("{why}")]
    UnknownPerson {
        /// What is missing, and what to do.
        why: String,
    },
    /// The same delivery was already carried out.
    #[error("This was already done.")]
    Duplicate,

    // -- deciding --
    /// The request does not exist.
    #[error("I know no such request.")]
    NoSuchRequest,
    /// People do not decide on their own requests.
    #[error("This is your own request, so somebody else has to decide.")]
    OwnRequest,
    /// People do not decide on more time for what they asked for.
    #[error("You asked for the access that this prolongs, so somebody else has to decide.")]
    OwnChain,
    /// The person is in none of the groups that this step asks.
    #[error("Only {} can decide on this request now.", join(needed))]
    NotAnApprover {
        /// The groups that may decide now.
        needed: Vec<GroupName>,
    },
    /// The person has approved already; the others are still missing.
    #[error("You have already approved this request; it waits for others.")]
    AlreadyApprovedByYou,
    /// Without the person a later step could not be finished, and nobody approves twice.
    #[error(
        "Please leave this step to somebody else of {}: nobody approves twice, and without you there \
         are not enough people of {} for what comes after it. So nothing was recorded.",
        join(needed),
        join(later)
    )]
    NeededLater {
        /// The groups that would be short of people then.
        later: Vec<GroupName>,
        /// The groups that may decide now.
        needed: Vec<GroupName>,
    },
    /// The request is no longer waiting.
    #[error("This request was already {outcome}.")]
    AlreadyDecided {
        /// What became of it.
        outcome: Outcome,
        /// Who did that, where a person did.
        by: Option<PersonId>,
        /// When.
        at: DateTime<Utc>,
    },
    /// The start has come, and policy asks for an approval that the request does not have.
    #[error("By now the rule “{rule}” asks for an approval that this request does not have.")]
    ApprovalNeeded {
        /// The rule.
        rule: RuleName,
    },
    /// The request is another one by now than what the person looked at.
    #[error(
        "This request has changed since you looked at it: somebody else decided, or the policy \
         changed. So nothing was recorded. Please look at the card once more."
    )]
    Stale,
    /// The policy has changed since, and the request could not be held against the new one.
    #[error("The policy has changed just now, so nothing was done. Please try once more.")]
    PolicyChanged,
    /// A later policy does not allow it any more; the request is over.
    #[error("The policy has changed since this was asked, and no longer allows it. {because}")]
    NoLongerAllowed {
        /// What it says now.
        because: Box<Refusal>,
    },
    /// An approval can give less time, never more.
    #[error("{given} is not shorter than the {asked} that were asked for.")]
    NotShorter {
        /// As given.
        given: Span,
        /// As asked, or as another approver gave.
        asked: Span,
    },
    /// The person is in none of the groups that may look at it afterwards.
    #[error("Only {} can review this request.", join(needed))]
    NotAReviewer {
        /// Those groups.
        needed: Vec<GroupName>,
    },
    /// There is nothing to look at afterwards.
    #[error("This request needs no review afterwards.")]
    NothingToReview,
    /// Somebody has looked at it already.
    #[error("This was already reviewed.")]
    AlreadyReviewed {
        /// Who.
        by: PersonId,
        /// When.
        at: DateTime<Utc>,
    },
    /// The person is none of the admins whom the policy names.
    #[error("Only {} can do this.", join(needed))]
    NotAnAdmin {
        /// The admins.
        needed: Vec<GroupName>,
    },
    /// Nobody answers for it that their own access is gone.
    #[error("This is your own access, so another admin has to say that it is gone.")]
    OwnRemoval,
    /// The removal is not failing.
    #[error(
        "This removal is not failing, so there is nothing to do: either I am taking the access away \
         right now, or it is over."
    )]
    NotStuck,
    /// It did not fail, or its approval is too old.
    #[error("{why}")]
    CannotRetry {
        /// What can be done instead.
        why: String,
    },
    /// What the request would prolong is over.
    #[error("The access that this would extend has ended. Please make a new request.")]
    NothingToExtend,
    /// Denying and revoking want a reason.
    #[error("Please say why, so that the other side can act on it.")]
    WhyNeeded,

    // -- holding --
    /// Only the holder (or, to cancel, the requester) may do this.
    #[error("Only the person who asked can do that.")]
    NotYours,
    /// There is no access to act on.
    #[error("There is no access under this request: {}.", .outcome.as_ref().map_or_else(|| "it is not approved".to_owned(), ToString::to_string))]
    NotActive {
        /// What became of it, if it is over.
        outcome: Option<Outcome>,
    },
    /// The target has no secret of its own for this access.
    #[error("This access uses your own login, so there is no password to show.")]
    OwnLogin,

    // -- the machine's own commands; people never see these --
    /// A timer came early, or a report came late: nothing to do.
    #[error("Nothing to do in this state.")]
    NotDue,
}

/// What became of a request, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Approved; the access may still be on its way, active, or over.
    Approved,
    /// Denied by an approver.
    Denied,
    /// Withdrawn by the person who asked.
    Cancelled,
    /// Nobody decided in time.
    Expired,
    /// The access is being taken away, or was.
    Ended,
    /// The target refused.
    Failed,
    /// A later policy did not allow it any more.
    Overruled,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Ended => "ended",
            Self::Failed => "failed",
            Self::Overruled => "ended by a change of the policy",
        })
    }
}

impl Refusal {
    /// Whether something could not be found out just now: no fault of whoever acts, and no answer.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::GroupUnreadable { .. } | Self::PersonUnreadable)
    }

    /// Whether the refusal tells something about people trying what they may not, and therefore is
    /// written to the ledger. Typing errors and stale clicks are not.
    pub fn is_telling(&self) -> bool {
        matches!(
            self,
            Self::OwnRequest
                | Self::OwnChain
                | Self::NotAnApprover { .. }
                | Self::NotAReviewer { .. }
                | Self::NotAnAdmin { .. }
                | Self::OwnRemoval
                | Self::NotYours
                | Self::DeniedByRule { .. }
                | Self::NoRule { .. }
                | Self::PartRefused { .. }
                | Self::BreakGlassNotAllowed { .. }
                | Self::ConditionFailed { .. }
                | Self::NobodyToAsk { .. }
                | Self::TooFewApprovers { .. }
        )
    }
}

fn join(groups: &[GroupName]) -> String {
    groups
        .iter()
        .map(GroupName::as_str)
        .collect::<Vec<_>>()
        .join(" or ")
}

/// Those whose own it is, as they are spoken to.
fn besides(own: usize) -> &'static str {
    match own {
        0 | 1 => "you",
        2 => "the two of you",
        _ => "all of you who ask for it or hold it",
    }
}

fn spans(choices: &[Span]) -> String {
    let choices: Vec<String> = choices.iter().map(ToString::to_string).collect();
    choices.join(" or ")
}

fn did_you_mean(suggestions: &[String]) -> String {
    match suggestions {
        [] => " `/jit list` shows what you can ask for.".to_owned(),
        names => format!(" Did you mean {}?", names.join(" or ")),
    }
}
