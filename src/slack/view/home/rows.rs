//! What can be done about a request from App Home. The same buttons as on cards and in messages.

use chrono::{DateTime, Utc};
use slack_morphism::prelude::*;

use super::super::content::{button, confirm};
use super::super::text::{self, card as words};
use super::super::{choices, ids as known};
use super::buttons;
use crate::domain::{GrantState, Request, RequestState};

/// The row under a card that waits for the reader.
pub(super) fn decide(parts: &[Request], now: DateTime<Utc>) -> SlackBlock {
    let Some(lead) = parts.first() else {
        return buttons::row("nothing", Vec::new());
    };
    let (id, number) = (lead.card(), lead.number);
    let what = match parts {
        [one] => format!("{} on {}", one.access.role, one.access.resource),
        many => format!("{} accesses", many.len()),
    };
    let label = |verb: &str| format!("{verb} request {number}: {what}");
    let mut approve = button(known::APPROVE, id, "Approve", &label("Approve"));
    if parts.iter().any(words::is_high) {
        let span = text::long(lead.granted());
        let why = parts.iter().find(|part| words::is_high(part));
        let why = why.map(words::second_look).unwrap_or_default();
        let question = format!("{what}, for {span}. {why}");
        let asked = confirm("Approve this access?", &question, "Approve", "Not yet");
        approve = approve.with_confirm(asked);
    }
    debug_assert!(parts.iter().all(|part| waits(part, now)));
    buttons::row(
        &format!("waiting:{id}"),
        vec![
            approve,
            button(known::REVIEW, id, "Review…", &label("Review")),
            button(known::DENY, id, "Deny…", &label("Deny")),
        ],
    )
}

/// The row under a break-glass access at which the reader is to look.
pub(super) fn review(parts: &[Request]) -> SlackBlock {
    let Some(lead) = parts.first() else {
        return buttons::row("nothing", Vec::new());
    };
    let id = format!("review:{}", lead.card());
    buttons::row(&id, choices::review_buttons(lead.card(), lead.number))
}

fn waits(part: &Request, now: DateTime<Utc>) -> bool {
    matches!(&part.state, RequestState::Pending { expires_at, .. } if now < *expires_at)
}

/// The row under an access of the reader's.
pub(super) fn held(request: &Request, now: DateTime<Utc>) -> Option<SlackBlock> {
    let number = request.number;
    let row = match &request.grant()?.state {
        GrantState::Active { until, receipt, .. } if now < *until => {
            let mut row = Vec::new();
            if receipt.credentials {
                let label = format!("Get credentials for request {number}");
                let id = request.id;
                row.push(button(known::CREDENTIALS, id, "Get credentials", &label));
            }
            let label = format!("Ask for more time: request {number}");
            let extend = buttons::button(known::EXTEND, "Extend…", &label);
            row.push(extend.with_value(request.id.to_string()));
            let label = text::dm::done_label(request);
            row.push(button(known::DONE, request.id, "Done early", &label));
            row
        }
        GrantState::Scheduled { start_at, .. } if now < *start_at => {
            vec![choices::cancel_start(request)]
        }
        _ => return None,
    };
    Some(buttons::row(&format!("held:{}", request.id), row))
}

/// The button beside a request of the reader's.
pub(super) fn own(request: &Request, now: DateTime<Utc>) -> Option<SlackBlockButtonElement> {
    let (id, number) = (request.id, request.number);
    if waits(request, now) {
        let label = format!("Cancel request {number}");
        return Some(button(known::CANCEL, request.card(), "Cancel", &label));
    }
    if words::retry_until(request, now).is_some() {
        let label = format!("Try again: request {number}");
        return Some(button(known::RETRY, request.card(), "Try again", &label));
    }
    let label = format!("Ask again for the same: request {number}");
    let again = buttons::button(known::ASK_AGAIN, "Ask again…", &label);
    request.is_over().then(|| again.with_value(id.to_string()))
}
