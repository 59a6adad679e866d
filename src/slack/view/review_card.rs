//! The card of the look afterwards at a break-glass access: until when, who took what without asking,
//! why, and who was skipped. It stands in the channel, and in the messages of those who may look at it.

use chrono::{DateTime, Utc};
use slack_morphism::prelude::*;

use super::content::{context, quote, section};
use super::text::{bundle, card as words, glass};
use super::{Content, Faces, card, choices, escape};
use crate::domain::Request;

/// Characters of a paragraph.
const PARAGRAPH: usize = 900;
/// Parts of a bundle that are told one by one, where they tell something else than the others.
const PARTS: usize = 10;

/// The card of the look at these parts.
pub fn of(parts: &[Request], faces: &Faces, now: DateTime<Utc>) -> Content {
    let Some(lead) = parts.first() else {
        return Content::line(glass::NOTHING);
    };
    let head = glass::review_head(parts, faces);
    let mut blocks = vec![section(&escape::cut(&head, PARAGRAPH))];
    blocks.extend(card::reason(lead));
    blocks.extend(told(parts, |part| glass::skipped(part, faces)));
    blocks.extend(found(parts));
    let standing = match parts {
        [one] if one.bundle.is_none() => words::granted_now(one, faces, now),
        parts => Some(bundle::tally(parts, now)),
    };
    blocks.extend(standing.map(|standing| section(&standing)));
    blocks.push(match parts {
        [one] if one.bundle.is_none() => context(&words::small_print(one)),
        parts => context(&bundle::small_print(parts, now)),
    });
    blocks.extend(choices::review(parts));
    Content::new(&head, &blocks)
}

/// The same in one section, for when Slack refuses the card itself. The buttons stay.
pub fn fallback(parts: &[Request], faces: &Faces) -> Content {
    let head = glass::review_head(parts, faces);
    let mut blocks = vec![section(&escape::cut(&head, 600))];
    blocks.extend(choices::review(parts));
    Content::new(&head, &blocks)
}

/// What was found, in the words of those who looked.
fn found(parts: &[Request]) -> Vec<SlackBlock> {
    let mut notes: Vec<&str> = Vec::new();
    for part in parts {
        let done = part.review().and_then(|review| review.done.as_ref());
        let note = done.map_or("", |done| done.note.as_str());
        if !note.is_empty() && !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes.into_iter().take(PARTS).filter_map(quote).collect()
}

/// What the parts tell, each thing once.
fn told(parts: &[Request], words: impl Fn(&Request) -> Option<String>) -> Vec<SlackBlock> {
    let mut told: Vec<String> = Vec::new();
    for words in parts.iter().filter_map(words) {
        if !told.contains(&words) {
            told.push(words);
        }
    }
    let told = told.iter().take(PARTS);
    told.map(|words| section(&escape::cut(words, PARAGRAPH)))
        .collect()
}
