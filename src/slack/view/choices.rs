//! What can be done about a request, or about the parts of a bundle, as rows of buttons. Whether the
//! person who clicks may is decided at the click.

use super::text::{button as on, label};
use chrono::{DateTime, Utc};
use slack_morphism::prelude::*;

use super::content::{button, buttons, confirm};
use super::ids;
use super::text::card as words;
use crate::domain::{GrantState, Request, RequestId, RequestState};

/// The rows for these parts; a single request is one part. Their buttons stand for all of them. What
/// decides stands by itself, so that a phone shows it in one line.
pub(super) fn rows(parts: &[Request], now: DateTime<Utc>) -> Vec<SlackBlock> {
    let Some(lead) = parts.first() else {
        return Vec::new();
    };
    let row = Row { lead, parts, now };
    let rows = [row.decide(), row.ask(), row.change()].into_iter();
    rows.filter(|row| !row.is_empty()).map(buttons).collect()
}

/// *Approve*, *Review…* and *Deny…*, where any of the parts waits. Where one that waits is highly
/// sensitive, Slack asks before it approves.
pub(super) fn decide(parts: &[Request], now: DateTime<Utc>) -> Vec<SlackBlockButtonElement> {
    let Some(lead) = parts.iter().find(|part| waits(part, now)) else {
        return Vec::new();
    };
    let id = lead.card();
    let mut approve = button(ids::APPROVE, id, on::APPROVE, &label::approve(parts));
    if parts
        .iter()
        .any(|part| waits(part, now) && words::is_high(part))
    {
        let question = label::second_look(parts);
        approve = approve.with_confirm(confirm(on::SURE, &question, on::APPROVE, on::NOT_YET));
    }
    vec![
        approve,
        button(ids::REVIEW, id, on::REVIEW, &label::review(parts)),
        button(ids::DENY, id, on::DENY, &label::deny(parts)),
    ]
}

/// The row for the look at a break-glass access afterwards; none where nobody is waited for.
pub(super) fn review(parts: &[Request]) -> Option<SlackBlock> {
    let lead = parts.first()?;
    let awaited = |part: &Request| part.review().is_some_and(|review| review.done.is_none());
    if !parts.iter().any(awaited) {
        return None;
    }
    Some(buttons(review_buttons(lead.id, lead.number)))
}

/// The two answers to a break-glass access.
pub(super) fn review_buttons(of: RequestId, number: i64) -> Vec<SlackBlockButtonElement> {
    let (yes, no) = (label::justified(number), label::not_justified(number));
    vec![
        button(ids::JUSTIFIED, of, on::JUSTIFIED, &yes),
        button(ids::UNJUSTIFIED, of, on::NOT_JUSTIFIED, &no),
    ]
}

/// *Try again*, where something failed with nothing given and its approval is still good.
pub(super) fn retry(parts: &[Request], now: DateTime<Utc>) -> Option<SlackBlockButtonElement> {
    let lead = parts.first()?;
    let failed = |part: &&Request| words::retry_until(part, now).is_some();
    parts.iter().find(failed)?;
    let label = label::retry(lead.number);
    Some(button(ids::RETRY, lead.id, on::TRY_AGAIN, &label))
}

/// *Cancel start*, for what was approved for later.
pub(super) fn cancel_start(request: &Request) -> SlackBlockButtonElement {
    let label = label::cancel_start(request.number);
    button(ids::CANCEL_START, request.id, on::CANCEL_START, &label)
}

struct Row<'a> {
    lead: &'a Request,
    parts: &'a [Request],
    now: DateTime<Utc>,
}

impl Row<'_> {
    fn any(&self, fits: impl Fn(&Request) -> bool) -> bool {
        self.parts.iter().any(fits)
    }

    fn decide(&self) -> Vec<SlackBlockButtonElement> {
        let mut row = decide(self.parts, self.now).into_iter();
        let approve = row.next();
        let approve = approve.map(|approve| approve.with_style(SlackBlockButtonStyle::Primary));
        approve.into_iter().chain(row).collect()
    }

    /// What anybody can do while it waits.
    fn ask(&self) -> Vec<SlackBlockButtonElement> {
        if !self.any(|part| waits(part, self.now)) {
            return Vec::new();
        }
        let (id, number) = (self.lead.id, self.lead.number);
        let (why, cancel) = (label::why_me(self.parts), label::cancel_on_card(number));
        vec![
            button(ids::WHY_ME, id, on::WHY_ME, &why),
            button(ids::CANCEL, id, on::CANCEL, &cancel),
        ]
    }

    /// Whether something begins later, and nothing has begun: cancelling is meant for all parts, and
    /// must not end what is being used.
    fn starts_later(&self) -> bool {
        let later = |part: &Request| matches!(state(part), Some(GrantState::Scheduled { start_at, .. }) if self.now < *start_at);
        let begun = |part: &Request| {
            let state = state(part);
            matches!(
                state,
                Some(GrantState::Activating { .. } | GrantState::Active { .. })
            )
        };
        self.any(later) && !self.any(begun)
    }

    fn change(&self) -> Vec<SlackBlockButtonElement> {
        let mut row: Vec<_> = retry(self.parts, self.now).into_iter().collect();
        if self.starts_later() {
            row.push(cancel_start(self.lead));
        }
        let revocable = |part: &Request| is_to_come_or_held(part) && !part.revoking().is_empty();
        if self.any(revocable) {
            let label = label::revoke(self.lead.number);
            let revoke = button(ids::REVOKE, self.lead.id, on::REVOKE, &label);
            row.push(revoke.with_style(SlackBlockButtonStyle::Danger));
        }
        row
    }
}

/// Whether it still waits for somebody to decide.
pub(super) fn waits(part: &Request, now: DateTime<Utc>) -> bool {
    matches!(&part.state, RequestState::Pending { expires_at, .. } if now < *expires_at)
}

fn state(part: &Request) -> Option<&GrantState> {
    part.grant().map(|grant| &grant.state)
}

/// Whether there is something that could still be taken away.
pub(in crate::slack) fn is_to_come_or_held(request: &Request) -> bool {
    matches!(
        state(request),
        Some(
            GrantState::Scheduled { .. }
                | GrantState::Activating { .. }
                | GrantState::Active { .. }
        )
    )
}
