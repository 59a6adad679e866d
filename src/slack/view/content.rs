//! A message, and the few kinds of blocks that all our messages are made of, each within Slack's
//! limits.

use serde::Serialize;
use serde_json::Value;
use slack_morphism::prelude::*;

use super::{escape, ids};
use crate::domain::RequestId;

/// Characters of a section that people still read; Slack itself stops at 3,000.
const SECTION: usize = 2_900;
/// Characters of a quote.
const QUOTE: usize = 2_000;
/// Characters of the text that stands for the whole message in notifications.
const SUMMARY: usize = 900;
/// Characters on a button; Slack stops at 75.
const BUTTON: usize = 40;
/// Characters of what a screen reader says for a button.
const LABEL: usize = 75;
/// Characters of lines gathered in one section.
const PAGE: usize = 2_400;
/// Sections of lines in one message; more would be a scroll that nobody reads.
const PAGES: usize = 4;

/// A message, ready to be sent. With blocks, Slack shows those; `text` is what notifications and
/// screen readers say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Content {
    /// The whole message in one plain line of mrkdwn. Never empty.
    pub text: String,
    /// Its blocks, at most 50.
    pub blocks: Vec<Value>,
}

impl Content {
    /// A message of one sentence or a few. As a block it can be marked so that Slack makes no links
    /// and mentions out of plain words, which it would in a bare text.
    pub fn line(text: &str) -> Self {
        Self::new(text, &[section(text)])
    }

    /// A message of many lines, in as few paragraphs as hold them.
    pub fn lines(lines: &[String]) -> Self {
        Self::new(&lines.join(" "), &pages(lines))
    }

    /// The same without the buttons of that name.
    pub(super) fn without(mut self, action: &str) -> Self {
        for block in &mut self.blocks {
            if let Some(elements) = block.get_mut("elements").and_then(Value::as_array_mut) {
                elements.retain(|element| element["action_id"] != action);
            }
        }
        self
    }

    pub(super) fn new(text: &str, blocks: &[SlackBlock]) -> Self {
        // Our bold is no help to a screen reader, and asterisks of others are look-alikes by now.
        let plain = text.replace('*', "");
        let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
        Self {
            text: escape::cut(&plain, SUMMARY),
            blocks: blocks.iter().map(to_json).collect(),
        }
    }
}

/// Models are plain data, so this cannot fail; a failure would show as an empty block and is held
/// off by the snapshot tests.
pub(super) fn to_json(block: &impl Serialize) -> Value {
    serde_json::to_value(block).unwrap_or_default()
}

/// A paragraph of mrkdwn of ours, with parts of others already made harmless.
pub(super) fn section(mrkdwn: &str) -> SlackBlock {
    SlackSectionBlock::new()
        .with_text(markdown(mrkdwn, SECTION).into())
        .into()
}

/// A paragraph in which bare links work: text of the policy.
pub(super) fn linked_section(mrkdwn: &str) -> SlackBlock {
    let text = SlackBlockMarkDownText::new(escape::cut(mrkdwn, SECTION));
    SlackSectionBlock::new().with_text(text.into()).into()
}

/// Small print of mrkdwn of ours.
pub(super) fn context(mrkdwn: &str) -> SlackBlock {
    SlackContextBlock::new(vec![markdown(mrkdwn, SECTION).into()]).into()
}

/// `verbatim` keeps Slack from making links, channels and mentions out of plain words.
fn markdown(mrkdwn: &str, limit: usize) -> SlackBlockMarkDownText {
    SlackBlockMarkDownText::new(escape::cut(mrkdwn, limit)).with_verbatim(true)
}

/// Somebody's words as a quotation, if there is anything to see in them. Rich text reads no markup
/// at all.
pub(super) fn quote(words: &str) -> Option<SlackBlock> {
    quote_of(words, QUOTE)
}

/// As [`quote`], with so many characters at the most.
pub(super) fn quote_of(words: &str, most: usize) -> Option<SlackBlock> {
    let words = escape::plain(words, most);
    let quote = |words: String| SlackRichTextQuote::new(vec![words.into()]);
    (!words.is_empty()).then(|| SlackRichTextBlock::new(vec![quote(words).into()]).into())
}

/// Lines to copy, in letters of one width, exactly as they are.
pub(super) fn to_copy(lines: &str) -> SlackBlock {
    SlackRichTextBlock::new(vec![
        SlackRichTextPreformatted::new(vec![lines.into()]).into(),
    ])
    .into()
}

/// A row of buttons.
pub(super) fn buttons(elements: Vec<SlackBlockButtonElement>) -> SlackBlock {
    SlackActionsBlock::new(elements.into_iter().map(Into::into).collect()).into()
}

/// A button of a request. `label` is what a screen reader says: it names the request, since a
/// channel holds many buttons with the same words.
pub(super) fn button(
    action: &str,
    request: RequestId,
    words: &str,
    label: &str,
) -> SlackBlockButtonElement {
    button_of(action, &request.to_string(), words, label)
}

/// A button of something else than a request, such as a page that was shown; `value` is its id.
pub(super) fn button_of(
    action: &str,
    value: &str,
    words: &str,
    label: &str,
) -> SlackBlockButtonElement {
    debug_assert!(
        ids::ACTIONS.contains(&action),
        "an action that nobody handles: {action}"
    );
    SlackBlockButtonElement::new(plain_text(words, BUTTON))
        .with_action_id(action.into())
        .with_value(value.to_owned())
        .with_accessibility_label(SlackAccessibilityLabel(escape::plain(label, LABEL)))
}

/// The question that Slack asks before a button counts.
pub(super) fn confirm(title: &str, question: &str, yes: &str, no: &str) -> SlackBlockConfirmItem {
    let question = SlackBlockPlainText::new(escape::plain(question, 300));
    let (yes, no) = (plain_text(yes, 30), plain_text(no, 30));
    SlackBlockConfirmItem::new(plain_text(title, 100), question.into(), yes, no)
}

/// Words without markup.
pub(super) fn plain_text(words: &str, limit: usize) -> SlackBlockPlainTextOnly {
    SlackBlockPlainText::new(escape::plain(words, limit))
        .with_emoji(true)
        .into()
}

/// Lines gathered in as few sections as hold them; what is beyond the last one is counted.
pub(super) fn pages(lines: &[String]) -> Vec<SlackBlock> {
    pages_of(lines, PAGES)
}

/// As [`pages`], with so many sections at the most.
pub(super) fn pages_of(lines: &[String], most: usize) -> Vec<SlackBlock> {
    let mut pages: Vec<String> = vec![String::new()];
    let mut told = 0;
    for line in lines {
        let line = escape::cut(line, PAGE);
        let page = pages.last().map_or(0, String::len);
        if 0 < page && PAGE < page + line.len() {
            if pages.len() == most {
                break;
            }
            pages.push(String::new());
        }
        if let Some(page) = pages.last_mut() {
            page.push_str(&line);
            page.push('\n');
        }
        told += 1;
    }
    let mut blocks: Vec<SlackBlock> = pages.iter().map(|page| section(page.trim_end())).collect();
    if told < lines.len() {
        blocks.push(context(&super::text::reply::and_more(lines.len() - told)));
    }
    blocks
}
