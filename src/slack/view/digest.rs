//! A digest: what a lead has to know, read on a phone in a minute. What needs somebody comes first;
//! a section without anything is not there, and each names the first few and counts the others.

use slack_morphism::prelude::SlackBlock;

use super::content::{context, section};
use super::text::digest::{self as words, Naming};
use super::{Content, Faces};
use crate::domain::digest::{Digest, Few, Item};

/// Lines of a section that needs somebody, and of one that is only good to know.
const URGENT: usize = 6;
const KNOWN: usize = 10;
/// Characters of the lines of one section, so that none is ever cut in the middle.
const ROOM: usize = 2_600;

/// The digest as a message.
pub fn digest(digest: &Digest, faces: &Faces) -> Content {
    let naming = Naming {
        faces,
        audience: digest.to,
    };
    let head = format!("{}\n{}", words::title(digest), words::period(digest));
    let mut blocks = vec![section(&head)];
    blocks.extend(urgent(digest, &naming));
    blocks.extend(standing(digest, &naming));
    let news = &digest.news;
    let rest = [words::counts(&news.counts), words::policies(&news.policies)];
    blocks.extend(rest.into_iter().flatten().map(|line| context(&line)));
    Content::new(&words::summary(digest), &blocks)
}

/// What somebody has to do something about.
fn urgent(digest: &Digest, naming: &Naming<'_>) -> Vec<SlackBlock> {
    let news = &digest.news;
    let sections = [
        listed(&news.waiting, URGENT, words::waiting_head, |item| {
            naming.waiting(item)
        }),
        listed(&news.overdue, URGENT, words::overdue_head, |item| {
            naming.overdue(item)
        }),
        listed(&news.stuck, URGENT, words::stuck_head, |item| {
            naming.stuck(item)
        }),
        listed(&news.late, URGENT, words::late_head, |item| {
            naming.late(item)
        }),
        listed(&news.resolved, URGENT, words::resolved_head, |item| {
            naming.resolved(item)
        }),
    ];
    sections.into_iter().flatten().collect()
}

/// What stands, and what will end.
fn standing(digest: &Digest, naming: &Naming<'_>) -> Vec<SlackBlock> {
    let news = &digest.news;
    let ending = |count| words::ending_head(count, digest.ahead);
    let shown = news.ending.first.iter().take(KNOWN);
    let above: Vec<_> = shown.map(|item| item.request).collect();
    let others = news.held.first.iter();
    let others = others.filter(|item| !above.contains(&item.request));
    let held = Few {
        first: others.cloned().collect(),
        total: news.held.total.saturating_sub(above.len()),
    };
    let held_head = |_| words::held_head(news.held.total, above.len());
    let held = if news.held.is_empty() {
        None
    } else {
        Some(lines(&held, KNOWN, held_head, |item| naming.held(item)))
    };
    let longest = |_| words::LONGEST_HEAD.to_owned();
    let sections = [
        listed(&news.ending, KNOWN, ending, |item| naming.held(item)),
        held,
        listed(&news.longest, KNOWN, longest, |item| naming.longest(item)),
        listed(&news.unused, KNOWN, words::unused_head, |item| {
            naming.unused(item)
        }),
    ];
    sections.into_iter().flatten().collect()
}

/// A section, if it has anything.
fn listed(
    items: &Few<Item>,
    most: usize,
    head: impl Fn(usize) -> String,
    line: impl Fn(&Item) -> String,
) -> Option<SlackBlock> {
    (!items.is_empty()).then(|| lines(items, most, head, line))
}

/// A head, as many lines as there is room for, and the count of the others.
fn lines(
    items: &Few<Item>,
    most: usize,
    head: impl Fn(usize) -> String,
    line: impl Fn(&Item) -> String,
) -> SlackBlock {
    let mut text = head(items.total);
    let mut told = 0;
    for item in items.first.iter().take(most) {
        let line = line(item);
        if ROOM < width(&text) + width(&line) {
            break;
        }
        text.push('\n');
        text.push_str(&line);
        told += 1;
    }
    if told < items.total {
        text.push('\n');
        text.push_str(&words::and_more(items.total - told));
    }
    section(&text)
}

fn width(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests;
