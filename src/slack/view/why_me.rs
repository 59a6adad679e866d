//! The answer to *Why me?*: which rule, step and group make the reader an approver, or that they are
//! none now and who is.

use chrono::{DateTime, Utc};

use super::content::{context, pages, section};
use super::text::why_me as words;
use super::{Content, Faces};
use crate::domain::{Member, Request};

/// For these parts, which all wait; a single request is one part. `by` was read just now.
pub fn why_me(parts: &[Request], by: &Member, faces: &Faces, now: DateTime<Utc>) -> Content {
    let several = 1 < parts.len();
    let line = |part: &Request| {
        let why = words::why(part, by, faces, now);
        words::line(part, several, &why)
    };
    let lines: Vec<String> = parts.iter().map(line).collect();
    let mut blocks = vec![section(words::TITLE)];
    blocks.extend(pages(&lines));
    blocks.push(context(words::NOTE));
    Content::new(&lines.join(" "), &blocks)
}
