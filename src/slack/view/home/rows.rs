//! What can be done about a request from App Home, and from the lists that people type for. The same
//! buttons as on cards and in messages.

use chrono::{DateTime, Utc};
use slack_morphism::prelude::*;

use super::super::choices::{self, waits};
use super::super::content::{button, buttons as row_of};
use super::super::reply::ListItem;
use super::super::text::{self, button as on, card as words, label};
use super::super::{escape, ids as known};
use super::{ITEM, buttons};
use crate::domain::{GrantState, Request};

/// Characters that the value of a button may have.
const VALUE: usize = 2_000;

/// Something that the reader may ask for, with the button that does; the block has that id.
pub(in crate::slack::view) fn offer(id: &str, one: &ListItem) -> SlackBlock {
    let label = label::ask_for(&one.name);
    let mut ask = buttons::button(known::ASK, on::ASK, &label);
    // Without it, the dialog asks which one is meant.
    if (1..=VALUE).contains(&one.name.encode_utf16().count()) {
        ask = ask.with_value(one.name.clone());
    }
    buttons::accessory(id, &escape::cut(&offered(one), ITEM), Some(ask))
}

/// The words for it.
pub(in crate::slack::view) fn offered(one: &ListItem) -> String {
    let (about, sensitivity) = (one.description.as_deref(), one.sensitivity.as_deref());
    match one.parts.as_slice() {
        [] => text::reply::resource(&one.name, about, sensitivity, &one.roles),
        parts => text::reply::bundle(&one.name, about, parts),
    }
}

/// A request of the reader's in these words, with what they can do about it: below an access that they
/// hold, beside what is over. What waits is cancelled on its card, of which this is no copy. The block
/// has that id.
pub(in crate::slack::view) fn listed(
    id: &str,
    request: &Request,
    is_mine: bool,
    words: &str,
    now: DateTime<Utc>,
) -> Vec<SlackBlock> {
    let text = escape::cut(words, ITEM);
    let row = if is_mine {
        held_row(request, now)
    } else {
        None
    };
    let beside = match (&row, waits(request, now)) {
        (None, false) => own(request, now),
        _ => None,
    };
    let about = buttons::accessory(id, &text, beside);
    [about].into_iter().chain(row.map(row_of)).collect()
}

/// The row under a card that waits for the reader.
pub(super) fn decide(parts: &[Request], now: DateTime<Utc>) -> SlackBlock {
    let card = parts.first().map(Request::card);
    let id = card.map_or_else(String::new, |card| card.to_string());
    buttons::row(&format!("waiting:{id}"), choices::decide(parts, now))
}

/// The row under a break-glass access at which the reader is to look.
pub(super) fn review(parts: &[Request]) -> SlackBlock {
    let Some(lead) = parts.first() else {
        return buttons::row("nothing", Vec::new());
    };
    let id = format!("review:{}", lead.card());
    buttons::row(&id, choices::review_buttons(lead.card(), lead.number))
}

/// The row under an access of the reader's.
pub(super) fn held(request: &Request, now: DateTime<Utc>) -> Option<SlackBlock> {
    let row = held_row(request, now)?;
    Some(buttons::row(&format!("held:{}", request.id), row))
}

/// The buttons of an access of the reader's.
fn held_row(request: &Request, now: DateTime<Utc>) -> Option<Vec<SlackBlockButtonElement>> {
    let number = request.number;
    Some(match &request.grant()?.state {
        GrantState::Active { until, receipt, .. } if now < *until => {
            let mut row = Vec::new();
            if receipt.credentials {
                let label = label::credentials(number);
                let id = request.id;
                row.push(button(known::CREDENTIALS, id, on::CREDENTIALS, &label));
            }
            if 0 < request.terms.extensions_left {
                let label = label::extend(number);
                let extend = buttons::button(known::EXTEND, on::EXTEND, &label);
                row.push(extend.with_value(request.id.to_string()));
            }
            let label = label::done(request);
            row.push(button(known::DONE, request.id, on::DONE, &label));
            row
        }
        GrantState::Scheduled { start_at, .. } if now < *start_at => {
            vec![choices::cancel_start(request)]
        }
        _ => return None,
    })
}

/// The button beside a request of the reader's.
pub(super) fn own(request: &Request, now: DateTime<Utc>) -> Option<SlackBlockButtonElement> {
    let (id, number) = (request.id, request.number);
    if waits(request, now) {
        let label = label::cancel(number);
        return Some(button(
            known::CANCEL,
            request.card(),
            on::CANCEL_HERE,
            &label,
        ));
    }
    if words::retry_until(request, now).is_some() {
        let label = label::retry(number);
        return Some(button(known::RETRY, request.card(), on::TRY_AGAIN, &label));
    }
    let label = label::again(number);
    let again = buttons::button(known::ASK_AGAIN, on::ASK_AGAIN, &label);
    request.is_over().then(|| again.with_value(id.to_string()))
}
