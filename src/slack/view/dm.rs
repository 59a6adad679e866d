//! Direct messages: what the requester learns, and the card for an approver whom the channel does
//! not reach.

use chrono::{DateTime, Utc};
use slack_morphism::prelude::*;

use super::content::{button, buttons, context, linked_section, quote, section, to_copy};
use super::text::{self, dm as words};
use super::{Content, Faces, card, ids};
use crate::domain::{Event, GrantState, Receipt, Request, RevokeCause, Route};

/// What the requester is told of an event; none where there is nothing to do or to know. A removal
/// that fails is not told: the holder should not learn that the access may still work.
pub fn notice(
    event: &Event,
    at: DateTime<Utc>,
    request: &Request,
    faces: &Faces,
    card_link: Option<&str>,
) -> Option<Content> {
    let mut notice = match event {
        Event::Requested { .. } if !matches!(request.terms.route, Route::Steps(_)) => None,
        Event::Requested { .. } => Some(Notice::of(words::received(request, faces))),
        Event::GrantActivated { until, receipt } => Some(active(request, *until, receipt)),
        Event::RequestDenied { by, why } => {
            let by = faces.mention(*by);
            let said = Notice::of(words::denied(request, &by)).with(quote(why));
            Some(said.with([section(&words::denied_hint(request, &by))]))
        }
        Event::RequestExpired => Some(Notice::of(words::expired(request))),
        Event::RequestOverruled { refusal } => {
            Some(Notice::of(words::overruled(request)).with(quote(&refusal.to_string())))
        }
        Event::RequestApproved {
            start_at: Some(start),
            ..
        } => Some(Notice::of(words::scheduled(request, *start))),
        Event::StartWithdrawn { cause } => Some(Notice::of(words::unstarted(request, cause))),
        Event::GrantFailed { error } => Some(Notice::of(words::failed(request, error))),
        Event::HolderReminded => reminder(request, at),
        Event::RevocationBegun { cause, .. } => begun(request, cause, faces),
        Event::GrantRevoked { .. } => over(event, request),
        _ => None,
    }?;
    if let Some(link) = card_link.and_then(|url| text::link(url, words::SEE_CARD)) {
        notice.blocks.push(context(&link));
    }
    Some(Content::new(&notice.text, &notice.blocks))
}

/// The card as it is sent to one approver, with the reason why it comes this way.
pub fn asked(request: &Request, faces: &Faces, now: DateTime<Utc>, why_here: &str) -> Content {
    let mut content = card::card(request, faces, now);
    let why = Content::new("", &[context(&words::asked_here(why_here))]);
    content.blocks.splice(0..0, why.blocks);
    content
}

/// A message in the making: its first line is also what notifications say.
struct Notice {
    text: String,
    blocks: Vec<SlackBlock>,
}

impl Notice {
    fn of(text: String) -> Self {
        let blocks = vec![section(&text)];
        Self { text, blocks }
    }

    fn with(mut self, more: impl IntoIterator<Item = SlackBlock>) -> Self {
        self.blocks.extend(more);
        self
    }
}

fn active(request: &Request, until: DateTime<Utc>, receipt: &Receipt) -> Notice {
    let mut notice = Notice::of(words::active(request, until));
    let how = request.terms.card.how_to_connect.as_deref().unwrap_or("");
    let how = words::how_to_connect(how, &receipt.facts);
    if !how.is_empty() {
        notice.blocks.push(linked_section(&how));
    }
    if !receipt.facts.is_empty() {
        notice.blocks.push(to_copy(&words::facts(&receipt.facts)));
    }
    notice
        .blocks
        .push(context(words::active_hint(receipt.credentials)));
    let mut choices = vec![done(request)];
    if receipt.credentials {
        let label = format!("Get credentials for request {}", request.number);
        let get = button(ids::CREDENTIALS, request.id, "Get credentials", &label);
        choices.insert(0, get.with_style(SlackBlockButtonStyle::Primary));
    }
    notice.with([buttons(choices)])
}

fn done(request: &Request) -> SlackBlockButtonElement {
    button(
        ids::DONE,
        request.id,
        "Done early",
        &words::done_label(request),
    )
}

fn reminder(request: &Request, at: DateTime<Utc>) -> Option<Notice> {
    let Some(GrantState::Active { until, .. }) = request.grant().map(|grant| &grant.state) else {
        return None;
    };
    let notice = Notice::of(words::reminder(request, *until, at));
    Some(notice.with([buttons(vec![done(request)])]))
}

/// The end by somebody's will is told when it begins; the others once they are true.
fn begun(request: &Request, cause: &RevokeCause, faces: &Faces) -> Option<Notice> {
    match cause {
        RevokeCause::Revoked { by, why } => {
            let by = faces.mention(*by);
            let said = Notice::of(words::revoked(request, &by)).with(quote(why));
            Some(said.with([section(&words::revoked_hint(&by))]))
        }
        RevokeCause::ActivationUnknown { .. } => Some(Notice::of(words::unsure(request))),
        RevokeCause::Lapsed | RevokeCause::GivenBack | RevokeCause::Unstarted { .. } => None,
    }
}

fn over(event: &Event, request: &Request) -> Option<Notice> {
    let Event::GrantRevoked {
        removal,
        covered_until,
        ..
    } = event
    else {
        return None;
    };
    if let Some(until) = covered_until {
        return Some(Notice::of(words::goes_on(request, *until)));
    }
    match request.grant().map(|grant| &grant.state) {
        Some(GrantState::Revoked {
            cause: cause @ (RevokeCause::Lapsed | RevokeCause::GivenBack),
            ..
        }) => Some(Notice::of(words::ended(request, cause, removal.as_ref()))),
        _ => None,
    }
}
