//! Dialogs. What a dialog carries along (`private_metadata`) comes back from the client, so it
//! names things and proves nothing.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use slack_morphism::prelude::*;

use super::content::{context, plain_text, quote, section, to_copy, to_json};
use super::text::{self, bundle as words, button as on, dm, form};
use super::{Faces, escape, ids};
use crate::domain::{Request, RequestId, RequestState, Span, version};

/// Characters of a reason that a dialog takes.
const WHY: u64 = 1000;
/// Characters of a dialog's title and buttons.
const TITLE: usize = 24;
/// Accesses of which a dialog tells how sensitive they are, and characters of each.
const RISKS: usize = 20;
const RISK: usize = 600;
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
    /// What the request was like when the dialog was opened, for dialogs that must not decide on
    /// anything else: see [`version`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
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
    let hint = form::DENY_HINT;
    why(
        request,
        meta,
        &Why {
            id: ids::DENY_REASON,
            title: form::DENY_TITLE,
            submit: form::DENY,
            hint,
        },
    )
}

/// Asks why access is taken away.
pub fn revoke_reason(request: &Request, meta: &Meta) -> Value {
    let hint = form::REVOKE_HINT;
    why(
        request,
        meta,
        &Why {
            id: ids::REVOKE_REASON,
            title: form::REVOKE_TITLE,
            submit: form::REVOKE,
            hint,
        },
    )
}

/// Approves for a shorter time, or with a remark.
pub fn review(parts: &[Request], faces: &Faces, meta: &Meta) -> Value {
    let waits = |part: &&Request| matches!(part.state, RequestState::Pending { .. });
    let waiting: Vec<&Request> = parts.iter().filter(waits).collect();
    let least = waiting.iter().map(|part| part.granted()).min();
    let mut blocks = vec![section(&words::headline(parts, faces))];
    blocks.extend(parts.first().and_then(|lead| quote(&lead.reason)));
    blocks.push(time(least, 1 < waiting.len()));
    let hint = form::REMARK_HINT;
    blocks.push(note(form::REMARK, hint, Needed::No).into());
    blocks.extend(risk(&waiting));
    let read = waiting.iter().filter_map(|part| text::card::read_at(part));
    if let Some((group, at)) = read.min_by_key(|(_, at)| *at) {
        blocks.push(context(&text::card::was_read(&group, at)));
    }
    let meta = Meta {
        version: Some(version(parts)),
        ..meta.clone()
    };
    let view = SlackModalView::new(plain_text(form::REVIEW_TITLE, TITLE), blocks)
        .with_callback_id(SlackCallbackId(ids::REVIEWED.to_owned()))
        .with_private_metadata(meta.write())
        .with_submit(plain_text(on::APPROVE, TITLE))
        .with_close(plain_text(form::BACK, TITLE));
    to_json(&SlackView::Modal(view))
}

/// What whoever decides should know of each access: how sensitive it is, and by which rule.
fn risk(waiting: &[&Request]) -> Vec<SlackBlock> {
    let said = match waiting {
        [one] => vec![text::card::risk(one)],
        many => many.iter().map(|part| words::risk(part)).collect(),
    };
    let said = said.iter().take(RISKS);
    said.map(|words| context(&escape::cut(words, RISK)))
        .collect()
}

/// The times that can be given: as asked, or less. Of several accesses, less than the shortest.
fn time(least: Option<Span>, several: bool) -> SlackBlock {
    let choice =
        |words: &str, value: String| SlackBlockChoiceItem::new(plain_text(words, 75), value);
    let as_asked = match least {
        Some(span) if !several => form::as_asked(span),
        _ => form::AS_ASKED.to_owned(),
    };
    let as_asked = choice(&as_asked, ids::TIME_AS_ASKED.to_owned());
    let shorter = SHORTER.iter().filter_map(|minutes| {
        let span = Span::minutes(*minutes);
        let less = least.is_some_and(|least| span < least);
        less.then(|| choice(&text::long(span), span.seconds().to_string()))
    });
    let options = std::iter::once(as_asked.clone()).chain(shorter).collect();
    let select = SlackBlockStaticSelectElement::new()
        .with_action_id(ids::TIME_INPUT.into())
        .with_options(options)
        .with_initial_option(as_asked);
    let label = if several {
        form::HOW_LONG_EACH
    } else {
        form::HOW_LONG
    };
    SlackInputBlock::new(plain_text(label, 100), select.into())
        .with_block_id(SlackBlockId(ids::TIME_BLOCK.to_owned()))
        .into()
}

/// Minutes that are offered where they are less than what was asked for.
const SHORTER: [u32; 16] = [
    5, 10, 15, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720, 1_440, 2_880, 10_080,
];

/// Takes down what somebody found who looked at a break-glass access.
pub fn after_review(parts: &[Request], justified: bool, faces: &Faces, meta: &Meta) -> Value {
    let (id, title, label, hint, needed) = if justified {
        let hint = form::NOTE_HINT;
        (
            ids::JUSTIFIED_NOTE,
            form::JUSTIFIED_TITLE,
            form::NOTE,
            hint,
            Needed::No,
        )
    } else {
        let hint = form::WRONG_HINT;
        (
            ids::UNJUSTIFIED_NOTE,
            form::UNJUSTIFIED_TITLE,
            form::WRONG,
            hint,
            Needed::Yes,
        )
    };
    let mut blocks = vec![section(&words::headline(parts, faces))];
    blocks.extend(parts.first().and_then(|lead| quote(&lead.reason)));
    blocks.push(note(label, hint, needed).into());
    let view = SlackModalView::new(plain_text(title, TITLE), blocks)
        .with_callback_id(SlackCallbackId(id.to_owned()))
        .with_private_metadata(meta.write())
        .with_submit(plain_text(form::RECORD, TITLE))
        .with_close(plain_text(form::BACK, TITLE));
    to_json(&SlackView::Modal(view))
}

/// Whether something has to be written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needed {
    Yes,
    No,
}

fn note(label: &str, hint: &str, needed: Needed) -> SlackInputBlock {
    let mut input = SlackBlockPlainTextInputElement::new()
        .with_action_id(ids::WHY_INPUT.into())
        .with_multiline(true)
        .with_max_length(WHY);
    if needed == Needed::Yes {
        input = input.with_min_length(1).with_focus_on_load(true);
    }
    SlackInputBlock::new(plain_text(label, 100), input.into())
        .with_block_id(SlackBlockId(ids::WHY_BLOCK.to_owned()))
        .with_hint(plain_text(hint, 200))
        .with_optional(needed == Needed::No)
}

/// What differs between the dialogs that ask for a reason.
struct Why {
    id: &'static str,
    title: &'static str,
    submit: &'static str,
    hint: &'static str,
}

fn why(request: &Request, meta: &Meta, differs: &Why) -> Value {
    let input = note(form::WHY, differs.hint, Needed::Yes);
    let view = SlackModalView::new(
        plain_text(differs.title, TITLE),
        vec![section(&form::about(request)), input.into()],
    )
    .with_callback_id(SlackCallbackId(differs.id.to_owned()))
    .with_private_metadata(meta.write())
    .with_submit(plain_text(differs.submit, TITLE))
    .with_close(plain_text(form::BACK, TITLE));
    to_json(&SlackView::Modal(view))
}

/// Shows a password, once. The value that is returned holds the secret: it goes to Slack and
/// nowhere else, and is never logged or stored.
pub fn credentials(facts: &[(String, String)], password: &str, until: DateTime<Utc>) -> Value {
    let (commands, facts): (Vec<_>, Vec<_>) = facts.iter().partition(|one| is_command(one));
    let lines = dm::facts(facts.into_iter().map(|(name, fact)| (name, fact)));
    let mut blocks = vec![section(form::SHOWN_ONCE)];
    if !lines.is_empty() {
        blocks.push(to_copy(&lines));
    }
    blocks.push(section(form::PASSWORD));
    blocks.push(to_copy(password));
    for (name, command) in commands.into_iter().take(COMMANDS) {
        blocks.push(section(&dm::paste(name)));
        blocks.push(to_copy(&escape::plain(command, COMMAND)));
    }
    blocks.push(context(&form::works_until(until)));
    let view = SlackModalView::new(plain_text(form::CREDENTIALS_TITLE, TITLE), blocks)
        .with_callback_id(SlackCallbackId(ids::CREDENTIALS_SHOWN.to_owned()))
        .with_clear_on_close(true)
        .with_close(plain_text(form::DONE, TITLE));
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
        empty if empty.is_empty() => form::NOTICE.to_owned(),
        title => title,
    };
    let text = if text.trim().is_empty() {
        form::NOTHING_MORE
    } else {
        text
    };
    let view = SlackModalView::new(plain_text(&title, TITLE), vec![section(text)])
        .with_callback_id(SlackCallbackId(ids::NOTICE.to_owned()))
        .with_close(plain_text(form::CLOSE, TITLE));
    to_json(&SlackView::Modal(view))
}
