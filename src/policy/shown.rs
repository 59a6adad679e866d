//! Policy files as they may be shown: by whole lines, with secrets masked.

use std::fmt;
use std::sync::Arc;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use super::fault::{Place, Source};

use aho_corasick::{AhoCorasick, MatchKind};

/// How much of a long line is shown around a place, in bytes.
const AROUND: usize = 200;
/// The longest line that is shown as a whole, in bytes.
const LONGEST_LINE: usize = 500;
/// The most text of secrets that is looked for; where more may be secret, no text is shown at all.
const MOST_SECRETS: usize = 1 << 20;
/// Shorter words are masked where they stand, but not everywhere: they are words of the format too.
const SHORTEST_SECRET: usize = 8;

/// A source as it may be shown: secrets masked, byte for byte, so that places stay right.
pub(super) struct Shown {
    lines: Lines,
}

impl Shown {
    /// Masks what may be a secret.
    pub(super) fn new(file: usize, source: &Source, masked: &Hidden) -> Self {
        let mut text = source.text.clone();
        for at in masked.places.iter().filter(|at| at.file == file) {
            let end = at.start.saturating_add(at.len);
            if let Some(secret) = text.get(at.start..end) {
                let mask = "*".repeat(secret.len());
                text.replace_range(at.start..end, &mask);
            }
        }
        masked.hide(&mut text);
        let newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        let begins: Vec<usize> = std::iter::once(0).chain(newlines).collect();
        Self {
            lines: Lines {
                name: source.name.clone(),
                begins: begins.into(),
                text: text.into(),
            },
        }
    }

    /// The source as the pictures take it.
    pub(super) fn lines(&self) -> Lines {
        self.lines.clone()
    }

    /// How many characters stand at a place.
    pub(super) fn characters(&self, at: Place) -> usize {
        let end = at.start.saturating_add(at.len);
        let text = self.lines.text.get(at.start..end).unwrap_or_default();
        text.chars().count()
    }

    /// A place, cut to so many bytes.
    pub(super) fn cut(&self, at: Place, most: usize) -> Place {
        let end = at.start.saturating_add(at.len.min(most));
        let end = self.lines.text.floor_char_boundary(end);
        Place {
            len: end.saturating_sub(at.start),
            ..at
        }
    }

    /// Line and column of a place.
    pub(super) fn position(&self, at: Place) -> Position {
        let (line, begin) = self.lines.line_of(at.start);
        let before = self.lines.text.get(begin..at.start);
        Position {
            file: self.lines.name.clone(),
            line: line + 1,
            column: before.unwrap_or_default().chars().count() + 1,
        }
    }
}

/// Where a fault is, for people: line and column are counted from 1.
#[derive(Clone, Debug)]
pub(super) struct Position {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A source that is shown by whole lines: those with a label, and none around them. Of a long line
/// only what is around the label.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    name: String,
    text: Arc<str>,
    /// Where each line begins.
    begins: Arc<[usize]>,
}

impl SourceCode for Lines {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let start = span.offset();
        let end = start.saturating_add(span.len());
        if self.text.get(start..end).is_none() {
            return Err(MietteError::OutOfBounds);
        }
        // Without context the place itself is wanted, for the line and column above the picture.
        let (start, end) = if (before, after) == (0, 0) {
            (start, end)
        } else {
            self.whole_lines(start, end)
        };
        let (line, begin) = self.line_of(start);
        let text = &self.text[start..end];
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            text.as_bytes(),
            (start, end - start).into(),
            line,
            start - begin,
            // Miette counts from the beginning of the file, and joins labels by it.
            line + text.matches('\n').count(),
        )))
    }
}

impl Lines {
    /// The number of the line, from 0, and where it begins.
    fn line_of(&self, at: usize) -> (usize, usize) {
        let line = self.begins.partition_point(|begin| *begin <= at);
        let line = line.saturating_sub(1);
        (line, self.begins.get(line).copied().unwrap_or_default())
    }

    fn whole_lines(&self, start: usize, end: usize) -> (usize, usize) {
        let (_, from) = self.line_of(start);
        let (last, _) = self.line_of(end);
        let to = self
            .begins
            .get(last + 1)
            .map_or(self.text.len(), |next| next - 1);
        let from = if start - from > LONGEST_LINE {
            self.text.floor_char_boundary(start - AROUND)
        } else {
            from
        };
        let to = if to - end > LONGEST_LINE {
            self.text.ceil_char_boundary(end + AROUND)
        } else {
            to
        };
        (from, to)
    }
}

/// What is never shown, because it may be a secret.
#[derive(Default)]
pub(super) struct Masked {
    places: Vec<Place>,
    /// A secret may go over several lines or stand twice, so its words are masked everywhere.
    words: Vec<String>,
}

impl Masked {
    /// Never show what is written there, and none of its words anywhere.
    pub(super) fn add(&mut self, at: Place, secret: Option<&str>) {
        self.places.push(at);
        let words = secret.into_iter().flat_map(str::split_whitespace);
        let long = words.filter(|word| word.len() >= SHORTEST_SECRET);
        self.words.extend(long.map(ToOwned::to_owned));
    }

    /// Everything that shall never be shown, ready to be looked for.
    pub(super) fn ready(self) -> Hidden {
        let size: usize = self.words.iter().map(String::len).sum();
        let words = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(self.words.iter().filter(|_| size <= MOST_SECRETS));
        Hidden {
            places: self.places,
            everything: size > MOST_SECRETS || words.is_err(),
            words: words.ok().filter(|_| size > 0),
        }
    }
}

/// What is never shown, and how it is found.
#[derive(Default)]
pub(super) struct Hidden {
    places: Vec<Place>,
    words: Option<AhoCorasick>,
    /// So much may be secret that no text is shown.
    everything: bool,
}

impl Hidden {
    /// Masks secrets in a text, byte for byte.
    pub(super) fn hide(&self, text: &mut String) {
        if self.everything {
            let mask = |c: char| {
                if c == '\n' {
                    "\n".to_owned()
                } else {
                    "*".repeat(c.len_utf8())
                }
            };
            *text = text.chars().map(mask).collect();
            return;
        }
        mask_credentials(text);
        let Some(words) = &self.words else {
            return;
        };
        let found: Vec<std::ops::Range<usize>> = words
            .find_iter(text.as_str())
            .map(|found| found.start()..found.end())
            .collect();
        for at in found {
            let mask = "*".repeat(at.len());
            text.replace_range(at, &mask);
        }
    }
}

/// Masks what stands between `://` and `@`, and signing secrets, wherever they are: in a file that is
/// not YAML nobody can tell what is a secret.
fn mask_credentials(text: &mut String) {
    let ends = |c: char| c.is_whitespace() || "\"'/,{}[]".contains(c);
    for begin in ["://", "whsec_"] {
        let mut from = 0;
        while let Some(at) = text[from..].find(begin) {
            let start = from + at + begin.len();
            let rest = &text[start..];
            let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
            let secret = match begin {
                "://" => word.rfind('@').unwrap_or(0),
                _ => word.len(),
            };
            text.replace_range(start..start + secret, &"*".repeat(secret));
            from = start;
        }
    }
}
