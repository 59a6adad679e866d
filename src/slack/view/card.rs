//! The card of a request, or of all parts of a bundle: who wants what, why, where it stands, and
//! what can be done about it.

use chrono::{DateTime, Utc};
use slack_morphism::prelude::*;

use super::choices;
use super::content::{context, quote, quote_of, section, to_json};
use super::text::{ask, bundle, card as words, glass};
use super::{Content, Faces};
use crate::domain::{Request, RequestState};

/// Parts that one card shows; more of them are counted.
const PARTS: usize = 20;

/// The card of these parts as it is to stand in the channel now: of one request, or of a bundle.
pub fn of(parts: &[Request], faces: &Faces, now: DateTime<Utc>) -> Content {
    match parts {
        [one] if one.bundle.is_none() => card(one, faces, now),
        parts => several(parts, faces, now),
    }
}

/// A card from a click until what came of it is true: without buttons, and with these words.
pub fn recording(shown: Content, what: &str) -> Content {
    let mut content = shown;
    content.blocks.retain(|block| block["type"] != "actions");
    content.blocks.push(to_json(&section(what)));
    content
}

/// The card of one request, for any state of it.
pub fn card(request: &Request, faces: &Faces, now: DateTime<Utc>) -> Content {
    let parts = std::slice::from_ref(request);
    let mut blocks = vec![section(&words::headline(request, faces))];
    blocks.extend(reason(request));
    blocks.push(section(&words::status(request, faces, now)));
    if let RequestState::Denied { why, .. } = &request.state {
        blocks.extend(quote(why));
    }
    blocks.extend(break_glass(parts, faces));
    blocks.push(context(&words::small_print(request)));
    blocks.extend(choices::rows(parts, now));
    Content::new(&words::summary(request, faces, now), &blocks)
}

/// The card of a bundle: every part with its own state, one row of buttons for all.
fn several(parts: &[Request], faces: &Faces, now: DateTime<Utc>) -> Content {
    let mut blocks = vec![section(&bundle::headline(parts, faces))];
    blocks.extend(parts.first().into_iter().flat_map(reason));
    blocks.push(section(&bundle::tally(parts, now)));
    let shown = parts.iter().take(PARTS);
    blocks.extend(shown.map(|part| section(&bundle::part(part, parts.len(), faces, now))));
    if PARTS < parts.len() {
        let more = super::text::reply::and_more(parts.len() - PARTS);
        blocks.push(context(&more));
    }
    blocks.extend(break_glass(parts, faces));
    blocks.push(context(&bundle::small_print(parts, now)));
    blocks.extend(choices::rows(parts, now));
    Content::new(&bundle::summary(parts, faces, now), &blocks)
}

/// Why, in the person's words; a link of theirs is one only where it leads to a message.
pub(super) fn reason(request: &Request) -> Vec<SlackBlock> {
    let (said, link) = ask::split_link(&request.reason);
    let more = words::is_cut(said).then(|| words::REASON_GOES_ON.to_owned());
    let link = link.and_then(ask::message_link);
    let below = more.into_iter().chain(link.map(|link| ask::context(&link)));
    let below = below.map(|words| context(&words));
    quote_of(said, words::REASON)
        .into_iter()
        .chain(below)
        .collect()
}

/// Who was skipped, and where the look afterwards stands. Of a bundle the parts that tell the same
/// tell it once.
fn break_glass(parts: &[Request], faces: &Faces) -> Vec<SlackBlock> {
    let mut told: Vec<String> = Vec::new();
    let mut blocks = Vec::new();
    for part in parts {
        if let Some(words) = glass::skipped(part, faces).filter(|words| !told.contains(words)) {
            blocks.push(section(&super::escape::cut(&words, PARAGRAPH)));
            told.push(words);
        }
    }
    for part in parts {
        if let Some(words) = glass::review(part, faces).filter(|words| !told.contains(words)) {
            blocks.push(section(&super::escape::cut(&words, PARAGRAPH)));
            told.push(words);
            let done = part.review().and_then(|review| review.done.as_ref());
            blocks.extend(done.and_then(|done| quote(&done.note)));
        }
    }
    blocks.truncate(MOST);
    blocks
}

/// Characters of a paragraph about break-glass.
const PARAGRAPH: usize = 900;
/// Paragraphs about break-glass; what is beyond them stands in the thread.
const MOST: usize = 12;

/// The same in one section, for when Slack refuses the card itself. The buttons stay: a request
/// that nobody can decide on would be lost.
pub fn fallback(parts: &[Request], faces: &Faces, now: DateTime<Utc>) -> Content {
    let summary = match parts {
        [one] if one.bundle.is_none() => words::summary(one, faces, now),
        parts => bundle::summary(parts, faces, now),
    };
    let number = parts.first().map_or(0, |lead| lead.number);
    let text = words::plain(&summary, number);
    let mut blocks = vec![section(&super::escape::cut(&text, 600))];
    blocks.extend(choices::rows(parts, now));
    Content::new(&summary, &blocks)
}
