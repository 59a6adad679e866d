//! Direct messages: what the holder learns, and the card for somebody whom the channel does not
//! reach, or who must not overlook it.

use chrono::{DateTime, Utc};
use slack_morphism::prelude::*;

use super::content::{button, buttons, context, linked_section, pages, quote, section, to_copy};
use super::text::{self, button as on, dm as words, label};
use super::{Content, Faces, Kept, card, choices, ids};
use crate::domain::{
    Event, GrantState, PersonId, Receipt, Request, RequestState, RevokeCause, Route,
};

/// What the holder is told of an event; none where there is nothing to do or to know. A removal
/// that fails is not told: the holder should not learn that the access may still work.
pub fn notice(
    event: &Event,
    at: DateTime<Utc>,
    request: &Request,
    faces: &Faces,
    card_link: Option<&str>,
) -> Option<Content> {
    let notice = match event {
        Event::Requested { .. } if !matches!(request.terms.route, Route::Steps(_)) => None,
        Event::Requested { .. } => {
            let told = Notice::of(words::received(request, faces));
            Some(told.with(withdraw(request).map(|row| buttons(vec![row]))))
        }
        Event::GrantActivated { until, receipt } => {
            let told = active(request, *until, receipt, faces);
            Some(told.with(own_row(request, receipt)))
        }
        Event::RequestDenied { by, why } => {
            let by = faces.mention(*by);
            let said = Notice::of(words::denied(request, &by)).with(quote(why));
            let said = said.with([section(&words::denied_hint(request, &by))]);
            Some(said.with([buttons(vec![again(request)])]))
        }
        Event::RequestExpired => {
            let told = Notice::of(words::expired(request));
            Some(told.with([buttons(vec![again(request)])]))
        }
        Event::RequestOverruled { .. } if request.came_too_late() => {
            let told = Notice::of(words::too_late(request));
            Some(told.with([buttons(vec![again(request)])]))
        }
        Event::RequestOverruled { refusal, .. } => {
            let told = Notice::of(words::overruled(request)).with(quote(&refusal.to_string()));
            Some(told.with([buttons(vec![again(request)])]))
        }
        Event::RequestApproved {
            start_at: Some(start),
            ..
        } => {
            let told = Notice::of(words::scheduled(request, *start));
            let told = told.with(words::how_given(request, faces).map(|how| context(&how)));
            Some(told.with([buttons(vec![choices::cancel_start(request)])]))
        }
        Event::StartWithdrawn { cause } => {
            let told = Notice::of(words::unstarted(request, cause, faces));
            Some(told.with([buttons(vec![again(request)])]))
        }
        Event::GrantFailed { error } => {
            let told = Notice::of(words::failed(request, error, at));
            let parts = std::slice::from_ref(request);
            let choice = choices::retry(parts, at).unwrap_or_else(|| again(request));
            Some(told.with([buttons(vec![choice])]))
        }
        Event::HolderReminded => reminder(request, at),
        Event::RevocationBegun { cause, .. } => begun(request, cause, faces),
        Event::GrantRevoked { .. } => over(event, request),
        Event::RemovalResolved { .. } => {
            let told = Notice::of(words::resolved(request));
            Some(told.with([buttons(vec![again(request)])]))
        }
        _ => None,
    }?;
    Some(notice.content(card_link))
}

/// Somebody took one of several grants of an access away, and another keeps it.
pub fn revoked_but_kept(
    (by, why): (PersonId, &str),
    request: &Request,
    kept: &Kept,
    faces: &Faces,
    card_link: Option<&str>,
) -> Content {
    let words = words::revoked_but_kept(request, &faces.mention(by), kept);
    Notice::of(words).with(quote(why)).content(card_link)
}

/// Access to several parts of a bundle is there: each with how to connect and with its own buttons,
/// and one button to give all of it back. At most [`PARTS`] of them fit.
pub fn active_parts(
    lead: &Request,
    parts: &[(&Request, DateTime<Utc>, &Receipt)],
    faces: &Faces,
    card_link: Option<&str>,
) -> Content {
    let mut notice = Notice::of(text::outcome::bundle_head(lead));
    for (part, until, receipt) in parts.iter().take(PARTS) {
        let one = active(part, *until, receipt, faces);
        notice.text = format!("{} {}", notice.text, one.text);
        notice.blocks.extend(one.blocks);
        notice.blocks.extend(own_row(part, receipt));
    }
    let all = button(ids::DONE_ALL, lead.id, on::DONE_ALL, &label::done_all(lead));
    notice.with([buttons(vec![all])]).content(card_link)
}

/// The end of several parts of a bundle is near: each with its own buttons, as when it was given. At
/// most [`PARTS`] of them fit.
pub fn reminded_parts(
    lead: &Request,
    parts: &[&Request],
    at: DateTime<Utc>,
    card_link: Option<&str>,
) -> Content {
    let mut notice = Notice::of(text::outcome::bundle_head(lead));
    let reminders = parts.iter().filter_map(|part| reminder(part, at));
    for one in reminders.take(PARTS) {
        notice.text = format!("{} {}", notice.text, one.text);
        notice.blocks.extend(one.blocks);
    }
    let all = buttons(vec![Choice::DoneWithAll.button(lead)]);
    notice.with([all]).content(card_link)
}

/// Parts of a bundle that one message tells of.
pub const PARTS: usize = 5;

/// What else happened to parts of a bundle, in one message: lines ready to be shown.
pub fn parts(
    lead: &Request,
    lines: &[String],
    choices: &[Choice],
    card_link: Option<&str>,
) -> Content {
    let head = text::outcome::bundle_head(lead);
    let text = format!("{head} {}", lines.join(" "));
    let mut notice = Notice {
        text,
        blocks: vec![section(&head)],
    };
    notice.blocks.extend(pages(lines));
    let row: Vec<_> = choices.iter().map(|choice| choice.button(lead)).collect();
    if !row.is_empty() {
        notice.blocks.push(buttons(row));
    }
    notice.content(card_link)
}

/// What the holder of a bundle can do about the parts that a message tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Try again what failed.
    Retry,
    /// Withdraw what is to begin later.
    CancelStart,
    /// Give everything back, where each part has buttons of its own as well.
    DoneWithAll,
    /// Ask for the same once more.
    AskAgain,
}

impl Choice {
    fn button(self, lead: &Request) -> SlackBlockButtonElement {
        match self {
            Self::Retry => {
                let label = label::retry(lead.number);
                button(ids::RETRY, lead.id, on::TRY_AGAIN, &label)
            }
            Self::CancelStart => choices::cancel_start(lead),
            Self::AskAgain => again(lead),
            Self::DoneWithAll => {
                let label = label::done_all(lead);
                button(ids::DONE_ALL, lead.id, on::DONE_ALL, &label)
            }
        }
    }
}

/// The parts of a bundle were taken in.
pub fn received_parts(parts: &[Request], faces: &Faces, card_link: Option<&str>) -> Content {
    let withdraw = parts.iter().find_map(withdraw);
    let told = Notice::of(words::received_bundle(parts, faces));
    told.with(withdraw.map(|row| buttons(vec![row])))
        .content(card_link)
}

/// *Cancel request*, while it waits. Under a name of its own: this message is no copy of the card.
fn withdraw(request: &Request) -> Option<SlackBlockButtonElement> {
    let waits = matches!(request.state, RequestState::Pending { .. });
    let label = label::cancel(request.number);
    waits.then(|| button(ids::WITHDRAW, request.card(), on::CANCEL, &label))
}

/// The card as it is sent to one person who may decide, with the reason why it comes this way.
/// `why_here` is mrkdwn of ours. Whoever asked has another message, so nothing is to cancel here.
pub fn asked(parts: &[Request], faces: &Faces, now: DateTime<Utc>, why_here: &str) -> Content {
    let card = card::of(parts, faces, now).without(ids::CANCEL);
    below_headline(&words::asked_here(why_here), card)
}

/// The card of a break-glass access as it is sent to somebody who was skipped.
pub fn told_of_glass(parts: &[Request], faces: &Faces, now: DateTime<Utc>) -> Content {
    let card = card::of(parts, faces, now);
    match parts.first() {
        Some(part) => below_headline(&text::glass::told(part, faces), card),
        None => card,
    }
}

/// Small print comes after who wants what: on a phone nothing else may be seen.
fn below_headline(why: &str, mut content: Content) -> Content {
    let why = Content::new(why, &[context(why)]);
    let at = content.blocks.len().min(1);
    content.blocks.splice(at..at, why.blocks);
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

    fn content(mut self, card_link: Option<&str>) -> Content {
        if let Some(link) = card_link.and_then(|url| text::link(url, words::SEE_CARD)) {
            self.blocks.push(context(&link));
        }
        Content::new(&self.text, &self.blocks)
    }

    fn with(mut self, more: impl IntoIterator<Item = SlackBlock>) -> Self {
        self.blocks.extend(more);
        self
    }
}

/// That the access is there, how it was given, and how to connect.
fn active(request: &Request, until: DateTime<Utc>, receipt: &Receipt, faces: &Faces) -> Notice {
    let mut notice = Notice::of(words::active(request, until));
    notice
        .blocks
        .extend(words::how_given(request, faces).map(|how| context(&how)));
    let how = request.terms.card.how_to_connect.as_deref().unwrap_or("");
    let how = words::how_to_connect(how, &receipt.facts);
    if !how.is_empty() {
        notice.blocks.push(linked_section(&how));
    }
    if !receipt.facts.is_empty() {
        notice.blocks.push(to_copy(&words::facts(&receipt.facts)));
    }
    notice
}

/// The buttons of one access. The first part of a bundle cannot be given back alone: what is done
/// by its id is meant for all parts.
fn own_row(request: &Request, receipt: &Receipt) -> Vec<SlackBlock> {
    vec![
        context(words::active_hint(receipt.credentials)),
        buttons(own_buttons(request, receipt)),
    ]
}

/// What the holder can do with one access; the same when it is given and when they are reminded.
fn own_buttons(request: &Request, receipt: &Receipt) -> Vec<SlackBlockButtonElement> {
    let mut row: Vec<_> = extend(request).into_iter().collect();
    row.push(done(request));
    if receipt.credentials {
        let label = label::credentials(request.number);
        let get = button(ids::CREDENTIALS, request.id, on::CREDENTIALS, &label);
        // Of several parts none stands out.
        let get = match &request.bundle {
            None => get.with_style(SlackBlockButtonStyle::Primary),
            Some(_) => get,
        };
        row.insert(0, get);
    }
    row
}

fn done(request: &Request) -> SlackBlockButtonElement {
    button(ids::DONE, request.id, on::DONE, &label::done(request))
}

/// *Extend*, where the rule allows more time.
fn extend(request: &Request) -> Option<SlackBlockButtonElement> {
    let label = label::extend(request.number);
    let button = || button(ids::EXTEND, request.id, on::EXTEND, &label);
    (0 < request.terms.extensions_left).then(button)
}

/// *Ask again*, for what is over or came to nothing.
fn again(request: &Request) -> SlackBlockButtonElement {
    let label = label::again(request.number);
    button(ids::ASK_AGAIN, request.id, on::ASK_AGAIN, &label)
}

fn reminder(request: &Request, at: DateTime<Utc>) -> Option<Notice> {
    let Some(GrantState::Active { until, receipt, .. }) = request.grant().map(|grant| &grant.state)
    else {
        return None;
    };
    let notice = Notice::of(words::reminder(request, *until, at));
    Some(notice.with([buttons(own_buttons(request, receipt))]))
}

/// The end by somebody's will is told when it begins; the others once they are true.
fn begun(request: &Request, cause: &RevokeCause, faces: &Faces) -> Option<Notice> {
    match cause {
        RevokeCause::Revoked { by, why } => {
            let by = faces.mention(*by);
            let said = Notice::of(words::revoked(request, &by)).with(quote(why));
            let said = said.with([section(&words::revoked_hint(&by))]);
            Some(said.with([buttons(vec![again(request)])]))
        }
        RevokeCause::ActivationUnknown { .. } => {
            let told = Notice::of(words::unsure(request));
            Some(told.with([buttons(vec![again(request)])]))
        }
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
        }) => {
            let told = Notice::of(words::ended(request, cause, removal.as_ref()));
            Some(told.with([buttons(vec![again(request)])]))
        }
        _ => None,
    }
}
