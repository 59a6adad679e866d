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
    /// Where each line begins.
    lines: Vec<usize>,
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
        let newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            name: source.name.clone(),
            lines: std::iter::once(0).chain(newlines).collect(),
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

    /// How many characters stand at a place.
    pub(super) fn characters(&self, at: Place) -> usize {
        let end = at.start.saturating_add(at.len);
        let text = self.text.get(at.start..end).unwrap_or_default();
        text.chars().count()
    }

    /// Line and column of a place.
    pub(super) fn position(&self, at: Place) -> Position {
        let line = self.lines.partition_point(|begin| *begin <= at.start);
        let begin = self.lines.get(line.saturating_sub(1)).copied();
        let before = self.text.get(begin.unwrap_or_default()..at.start);
        Position {
            file: self.name.clone(),
            line: line.max(1),
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
