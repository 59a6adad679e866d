//! The buttons of App Home. Each row has an id of its own, so that the same button may stand in many.

use slack_morphism::prelude::*;

use super::super::content::{context, plain_text, to_json};
use super::pages::{self, Page, Section};
use super::{ids, words};
use crate::slack::view::escape;
use crate::slack::view::text::{button as on, label};

/// Characters on a button, and of what a screen reader says for it.
const BUTTON: usize = 40;
const LABEL: usize = 75;

/// A button without a value.
pub(super) fn button(action: &str, words: &str, label: &str) -> SlackBlockButtonElement {
    SlackBlockButtonElement::new(plain_text(words, BUTTON))
        .with_action_id(action.into())
        .with_accessibility_label(SlackAccessibilityLabel(escape::plain(label, LABEL)))
}

/// A row of buttons, under an id that stands once in the tab.
pub(super) fn row(id: &str, elements: Vec<SlackBlockButtonElement>) -> SlackBlock {
    debug_assert!(!elements.is_empty() && !to_json(&elements).is_null());
    let elements = elements.into_iter().map(Into::into).collect();
    SlackActionsBlock::new(elements)
        .with_block_id(SlackBlockId(id.to_owned()))
        .into()
}

/// A paragraph with a button beside it, on a phone below it.
pub(super) fn accessory(
    id: &str,
    mrkdwn: &str,
    button: Option<SlackBlockButtonElement>,
) -> SlackBlock {
    let text = SlackBlockMarkDownText::new(mrkdwn.to_owned()).with_verbatim(true);
    let section = SlackSectionBlock::new()
        .with_block_id(SlackBlockId(id.to_owned()))
        .with_text(text.into());
    match button {
        Some(button) => section.with_accessory(button.into()).into(),
        None => section.into(),
    }
}

/// Which page is shown, and the way to the others; nothing where there is only one.
pub(super) fn pager<T>(section: Section, page: &Page<'_, T>) -> Vec<SlackBlock> {
    if page.of < 2 {
        return Vec::new();
    }
    let turn = |action, words: &str, to: usize| {
        let label = label::turn(words, section.words());
        button(action, words, &label).with_value(pages::value(section, to))
    };
    let mut turns = Vec::new();
    if 0 < page.number {
        turns.push(turn(ids::BACK, on::BACK, page.number - 1));
    }
    if page.number + 1 < page.of {
        turns.push(turn(ids::MORE, on::NEXT, page.number + 1));
    }
    let last = page.first + page.items.len() - 1;
    let which = words::which(page.first, last, page.total);
    vec![
        context(&which),
        row(&format!("page:{}", section.key()), turns),
    ]
}
