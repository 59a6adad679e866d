//! The card of a request: who wants what, why, where it stands, and what can be done about it.

use chrono::{DateTime, Utc};
use slack_morphism::prelude::*;

use super::content::{button, buttons, confirm, context, quote, section};
use super::text::{self, card as words};
use super::{Content, Faces, ids};
use crate::domain::{GrantState, Request, RequestState};

/// The card as it is to stand in the channel now, for any state of the request.
pub fn card(request: &Request, faces: &Faces, now: DateTime<Utc>) -> Content {
    let headline = words::headline(request, faces);
    let status = words::status(request, faces, now);
    let mut blocks = vec![section(&headline)];
    blocks.extend(quote(&request.reason));
    blocks.push(section(&status));
    if let RequestState::Denied { why, .. } = &request.state {
        blocks.extend(quote(why));
    }
    blocks.push(context(&words::small_print(request)));
    blocks.extend(choices(request, now));
    Content::new(&words::summary(request, faces, now), &blocks)
}

/// The same in one section, for when Slack refuses the card itself. The buttons stay: a request
/// that nobody can decide on would be lost.
pub fn fallback(request: &Request, faces: &Faces, now: DateTime<Utc>) -> Content {
    let summary = words::summary(request, faces, now);
    let text = format!("{summary}\nRequest #{}", request.number);
    let mut blocks = vec![section(&super::escape::cut(&text, 600))];
    blocks.extend(choices(request, now));
    Content::new(&summary, &blocks)
}

/// What can be done in this state. Whether the person who clicks may is decided at the click.
fn choices(request: &Request, now: DateTime<Utc>) -> Option<SlackBlock> {
    match &request.state {
        RequestState::Pending { expires_at, .. } if now < *expires_at => Some(decide(request)),
        RequestState::Approved { grant, .. } => match grant.state {
            GrantState::Activating { .. } | GrantState::Active { .. } => revoke(request),
            _ => None,
        },
        _ => None,
    }
}

fn decide(request: &Request) -> SlackBlock {
    let (id, number) = (request.id, request.number);
    let access = format!("{} on {}", request.access.role, request.access.resource);
    let label = |verb: &str| format!("{verb} request {number}: {access}");
    let mut approve = button(ids::APPROVE, id, "Approve", &label("Approve"))
        .with_style(SlackBlockButtonStyle::Primary);
    if words::is_high(request) {
        let question = format!(
            "{access}, for {}. The policy calls this highly sensitive.",
            text::long(request.terms.duration)
        );
        approve = approve.with_confirm(confirm(
            "Approve this access?",
            &question,
            "Approve",
            "Not yet",
        ));
    }
    let deny = button(ids::DENY, id, "Deny…", &label("Deny"));
    let cancel = format!("Cancel request {number}; only for the person who asked");
    buttons(vec![
        approve,
        deny,
        button(ids::CANCEL, id, "Cancel request", &cancel),
    ])
}

/// Approvers may revoke; a rule that approves by itself has none, so nobody could press it.
fn revoke(request: &Request) -> Option<SlackBlock> {
    if request.terms.route.steps().is_empty() {
        return None;
    }
    let label = format!(
        "Revoke the access of request {}; for its approvers",
        request.number
    );
    let revoke = button(ids::REVOKE, request.id, "Revoke…", &label);
    Some(buttons(vec![
        revoke.with_style(SlackBlockButtonStyle::Danger),
    ]))
}
