//! What an expression may look at, borrowed from an ask.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;

use super::names::WEEKDAYS;
use crate::domain::{GroupName, PastGrant, Span};

/// Everything that a condition can see. What is not known to the caller is empty or false; only the
/// requester's zone may be absent, and then a condition that looks at `now.local` fails.
#[derive(Clone, Debug)]
pub(in crate::policy) struct View<'a> {
    /// What is asked for.
    pub(in crate::policy) request: RequestView<'a>,
    /// Who is to hold it.
    pub(in crate::policy) requester: RequesterView<'a>,
    /// The resource.
    pub(in crate::policy) resource: ResourceView<'a>,
    /// The time for which the rules are asked: when the access would begin.
    pub(in crate::policy) now: DateTime<Utc>,
    /// The policy's zone.
    pub(in crate::policy) zone: Tz,
    /// The requester's zone. A caller that wants the policy's zone to stand in for an unknown one
    /// says so by giving it here.
    pub(in crate::policy) local: Option<Tz>,
    /// The policy's holidays.
    pub(in crate::policy) holidays: &'a BTreeSet<NaiveDate>,
    /// Earlier requests of the requester, newest first. Those beyond the first 200 are not seen.
    pub(in crate::policy) history: &'a [PastView<'a>],
}

/// `request`, but for the resource.
#[derive(Clone, Debug)]
pub(in crate::policy) struct RequestView<'a> {
    /// The role.
    pub(in crate::policy) role: &'a str,
    /// For how long.
    pub(in crate::policy) duration: Span,
    /// Why; empty when nothing was said.
    pub(in crate::policy) reason: &'a str,
    /// The ticket that the reason names; empty when there is none.
    pub(in crate::policy) ticket: &'a str,
    /// When the access would begin.
    pub(in crate::policy) start: DateTime<Utc>,
    /// Whether somebody else asks for the requester.
    pub(in crate::policy) on_behalf: bool,
    /// Whether it prolongs an access.
    pub(in crate::policy) extension: bool,
    /// Whether it is an emergency.
    pub(in crate::policy) break_glass: bool,
}

/// `requester`: who is to hold the access.
#[derive(Clone, Debug)]
pub(in crate::policy) struct RequesterView<'a> {
    /// The e-mail address; empty when it is not known.
    pub(in crate::policy) email: &'a str,
    /// The name that is shown.
    pub(in crate::policy) name: &'a str,
    /// The groups.
    pub(in crate::policy) groups: &'a BTreeSet<GroupName>,
    /// Whether Slack says that this is a guest.
    pub(in crate::policy) is_guest: bool,
    /// The IANA name of the zone; empty when it is not known.
    pub(in crate::policy) timezone: &'a str,
}

/// `resource`, and `request.resource`.
#[derive(Clone, Debug)]
pub(in crate::policy) struct ResourceView<'a> {
    /// The name.
    pub(in crate::policy) name: &'a str,
    /// The labels.
    pub(in crate::policy) labels: &'a BTreeMap<String, String>,
    /// The sensitivity; empty when the policy says none.
    pub(in crate::policy) sensitivity: &'a str,
    /// The description; empty when the policy says none.
    pub(in crate::policy) description: &'a str,
}

/// One item of `history.requests`.
#[derive(Clone, Debug)]
pub(in crate::policy) struct PastView<'a> {
    /// The resource.
    pub(in crate::policy) resource: &'a str,
    /// The role.
    pub(in crate::policy) role: &'a str,
    /// The rule that decided; empty when none did.
    pub(in crate::policy) rule: &'a str,
    /// How it ended.
    pub(in crate::policy) outcome: PastOutcome,
    /// Whether the rule approved it without anybody.
    pub(in crate::policy) automatic: bool,
    /// Whether it was an emergency.
    pub(in crate::policy) break_glass: bool,
    /// How long ago it was made.
    pub(in crate::policy) age: TimeDelta,
    /// For how long access was asked.
    pub(in crate::policy) duration: Span,
    /// What became of the access.
    pub(in crate::policy) grant: PastGrant,
    /// For how long it was given; none where it was not, which reads as no time at all.
    pub(in crate::policy) granted: Option<Span>,
}

/// How an earlier request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum PastOutcome {
    /// It has not ended.
    Pending,
    /// Access was given.
    Approved,
    /// Somebody said no.
    Denied,
    /// It was taken back.
    Cancelled,
    /// Nobody answered in time.
    Expired,
    /// A later policy did not allow it any more.
    Overruled,
}

impl PastOutcome {
    /// CEL's word for it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Overruled => "overruled",
        }
    }
}

/// What a clock on the wall says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub(super) hour: u32,
    pub(super) minute: u32,
    pub(super) weekday: &'static str,
    pub(super) date: NaiveDate,
    pub(super) weekend: bool,
    pub(super) holiday: bool,
}

impl Clock {
    /// The clock in a zone.
    pub(super) fn at(now: DateTime<Utc>, zone: Tz, holidays: &BTreeSet<NaiveDate>) -> Self {
        let local = now.with_timezone(&zone);
        let day = local.weekday().num_days_from_monday();
        let date = local.date_naive();
        Self {
            hour: local.hour(),
            minute: local.minute(),
            weekday: WEEKDAYS.get(day as usize).copied().unwrap_or_default(),
            date,
            weekend: day >= 5,
            holiday: holidays.contains(&date),
        }
    }
}
