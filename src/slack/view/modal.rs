//! Dialogs. What a dialog carries along (`private_metadata`) comes back from the client, so it
//! names things and proves nothing.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use slack_morphism::prelude::*;

use super::content::{context, plain_text, section, to_copy, to_json};
use super::text::{self, dm};
use super::{escape, ids};
use crate::domain::{Request, RequestId};

/// Characters of a reason that a dialog takes.
const WHY: u64 = 1000;
/// Characters of a dialog's title and buttons.
const TITLE: usize = 24;
/// Lines for a terminal that a dialog shows, and characters of each.
const COMMANDS: usize = 3;
const COMMAND: usize = 1000;

/// What a dialog carries along: which request it is about, and the message that was clicked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The request.
    pub request: RequestId,
    /// The channel of the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ts: Option<String>,
}

impl Meta {
    /// Reads what came back; none if it is not ours.
    pub fn read(private_metadata: &str) -> Option<Self> {
        serde_json::from_str(private_metadata).ok()
    }

    fn write(&self) -> String {
        to_json(self).to_string()
    }
}

/// Asks why a request is denied.
pub fn deny_reason(request: &Request, meta: &Meta) -> Value {
    let hint = "The person who asked reads this, so say what they can do instead.";
    why(
        request,
        meta,
        &Why {
            id: ids::DENY_REASON,
            title: "Deny request",
            submit: "Deny",
            hint,
        },
    )
}

/// Asks why access is taken away.
pub fn revoke_reason(request: &Request, meta: &Meta) -> Value {
    let hint = "The holder reads this. Open sessions are ended at once.";
    why(
        request,
        meta,
        &Why {
            id: ids::REVOKE_REASON,
            title: "Revoke access",
            submit: "Revoke",
            hint,
        },
    )
}

/// What differs between the dialogs that ask for a reason.
struct Why {
    id: &'static str,
    title: &'static str,
    submit: &'static str,
    hint: &'static str,
}

fn why(request: &Request, meta: &Meta, differs: &Why) -> Value {
    let input = SlackBlockPlainTextInputElement::new()
        .with_action_id(ids::WHY_INPUT.into())
        .with_multiline(true)
        .with_min_length(1)
        .with_max_length(WHY)
        .with_focus_on_load(true);
    let input = SlackInputBlock::new(plain_text("Why?", 100), input.into())
        .with_block_id(SlackBlockId(ids::WHY_BLOCK.to_owned()))
        .with_hint(plain_text(differs.hint, 200));
    let what = format!(
        "Request #{}: {} for {}",
        request.number,
        text::access(request),
        request.terms.duration
    );
    let view = SlackModalView::new(
        plain_text(differs.title, TITLE),
        vec![section(&what), input.into()],
    )
    .with_callback_id(SlackCallbackId(differs.id.to_owned()))
    .with_private_metadata(meta.write())
    .with_submit(plain_text(differs.submit, TITLE))
    .with_close(plain_text("Back", TITLE));
    to_json(&SlackView::Modal(view))
}

/// Shows a password, once. The value that is returned holds the secret: it goes to Slack and
/// nowhere else, and is never logged or stored.
pub fn credentials(facts: &[(String, String)], password: &str, until: DateTime<Utc>) -> Value {
    let (commands, facts): (Vec<_>, Vec<_>) = facts.iter().partition(|one| is_command(one));
    let lines = dm::facts(facts.into_iter().map(|(name, fact)| (name, fact)));
    let mut blocks = vec![section("🔑 *This password is shown once, to you alone.*")];
    if !lines.is_empty() {
        blocks.push(to_copy(&lines));
    }
    blocks.push(section("Password, to copy:"));
    blocks.push(to_copy(password));
    for (name, command) in commands.into_iter().take(COMMANDS) {
        blocks.push(section(&dm::paste(name)));
        blocks.push(to_copy(&escape::plain(command, COMMAND)));
    }
    let end = text::when(until);
    blocks.push(context(&format!(
        "It works until {end}. I keep no copy: if it is lost, press *Get credentials* again, which sets a new one."
    )));
    let view = SlackModalView::new(plain_text("Your credentials", TITLE), blocks)
        .with_callback_id(SlackCallbackId(ids::CREDENTIALS_SHOWN.to_owned()))
        .with_clear_on_close(true)
        .with_close(plain_text("Done", TITLE));
    to_json(&SlackView::Modal(view))
}

/// Whether a fact is a line for a terminal: it begins with its own name, as `psql` does. It stands
/// alone, so that it can be copied whole.
fn is_command((name, fact): &(String, String)) -> bool {
    fact.strip_prefix(name.as_str())
        .is_some_and(|rest| rest.starts_with(' '))
}

/// Only tells something. `text` is mrkdwn of ours; whoever puts words of others into it has made
/// them harmless ([`super::text::said`]).
pub fn notice(title: &str, text: &str) -> Value {
    let title = match escape::plain(title, TITLE) {
        empty if empty.is_empty() => "Notice".to_owned(),
        title => title,
    };
    let text = if text.trim().is_empty() {
        "Done."
    } else {
        text
    };
    let view = SlackModalView::new(plain_text(&title, TITLE), vec![section(text)])
        .with_callback_id(SlackCallbackId(ids::NOTICE.to_owned()))
        .with_close(plain_text("Close", TITLE));
    to_json(&SlackView::Modal(view))
}
