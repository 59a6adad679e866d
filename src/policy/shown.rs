//! Policy files as they may be shown: by whole lines, with secrets masked.

use std::fmt;
use std::sync::Arc;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use super::fault::{Place, Source};

/// Shorter words are masked where they stand, but not everywhere: they are words of the format too.
const SHORTEST_SECRET: usize = 8;

/// A source as it may be shown: secrets masked, byte for byte, so that places stay right.
pub(super) struct Shown {
    name: String,
    text: Arc<str>,
}

impl Shown {
    /// Masks what may be a secret.
    pub(super) fn new(file: usize, source: &Source, masked: &Masked) -> Self {
        let mut text = source.text.clone();
        for at in masked.places.iter().filter(|at| at.file == file) {
            let end = at.start.saturating_add(at.len);
            if let Some(secret) = text.get(at.start..end) {
                let mask = "*".repeat(secret.len());
                text.replace_range(at.start..end, &mask);
            }
        }
        masked.hide(&mut text);
        Self {
            name: source.name.clone(),
            text: text.into(),
        }
    }

    /// The source as the pictures take it.
    pub(super) fn lines(&self) -> Lines {
        Lines {
            name: self.name.clone(),
            text: Arc::clone(&self.text),
        }
    }

    /// Line and column of a place.
    pub(super) fn position(&self, at: Place) -> Position {
        let before = self.text.get(..at.start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position {
            file: self.name.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
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

/// `file:line:column` of places, for texts that are not faults.
pub(super) struct Places<'a> {
    sources: &'a [Source],
    /// Where each line of each file begins.
    lines: Vec<Vec<usize>>,
}

impl<'a> Places<'a> {
    /// Counts the lines of all files, once.
    pub(super) fn new(sources: &'a [Source]) -> Self {
        let begins = |source: &Source| {
            let newlines = source.text.match_indices('\n').map(|(at, _)| at + 1);
            std::iter::once(0).chain(newlines).collect()
        };
        Self {
            sources,
            lines: sources.iter().map(begins).collect(),
        }
    }

    /// `file:line:column` of a place; empty for a file that is not there.
    pub(super) fn describe(&self, at: Place) -> String {
        let Some((source, lines)) = self.sources.get(at.file).zip(self.lines.get(at.file)) else {
            return String::new();
        };
        let line = lines.partition_point(|begin| *begin <= at.start);
        let begin = lines
            .get(line.saturating_sub(1))
            .copied()
            .unwrap_or_default();
        let column = source
            .text
            .get(begin..at.start)
            .map_or(0, |text| text.chars().count());
        format!("{}:{line}:{}", source.name, column + 1)
    }
}

/// A source that is shown by whole lines: those with a label, and none around them.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    name: String,
    text: Arc<str>,
}

impl SourceCode for Lines {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        // Without context the place itself is wanted, for the line and column above the picture.
        let wanted = if (before, after) == (0, 0) {
            *span
        } else {
            self.whole_lines(span)
        };
        let contents = self.text.read_span(&wanted, 0, 0)?;
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            contents.data(),
            *contents.span(),
            contents.line(),
            contents.column(),
            contents.line_count(),
        )))
    }
}

impl Lines {
    fn whole_lines(&self, span: &SourceSpan) -> SourceSpan {
        let start = span.offset().min(self.text.len());
        let end = start.saturating_add(span.len()).min(self.text.len());
        let bytes = self.text.as_bytes();
        let from = bytes[..start].iter().rposition(|byte| *byte == b'\n');
        let from = from.map_or(0, |newline| newline + 1);
        let to = bytes[end..].iter().position(|byte| *byte == b'\n');
        let to = to.map_or(bytes.len(), |newline| end + newline);
        (from, to - from).into()
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

    /// Masks secrets in a text, byte for byte.
    pub(super) fn hide(&self, text: &mut String) {
        mask_credentials(text);
        for word in &self.words {
            *text = text.replace(word, &"*".repeat(word.len()));
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
