//! YAML as a tree in which every value knows its place, so that reading can go on after a fault
//! and tell all of them.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{
    DuplicateKeyPolicy, Error, Location, MessageFormatter, Options, Spanned, UserMessageFormatter,
};

use super::effort::{MOST_BYTES, MOST_VALUES};
use super::fault::{At, Finding, Place, Source};

/// A YAML value.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    /// Nothing: an empty value, `null` or `~`.
    Nothing,
    /// Text.
    Text(String),
    /// A whole number.
    Number(i128),
    /// `true` or `false`: no policy wants them, tests of one do.
    Truth(bool),
    /// Something that nobody wants: a broken number. The words say what it is.
    Other(&'static str),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file, duplicates included.
    Map(Vec<(Node, Node)>),
}

/// A YAML value and its place.
pub(super) type Node = At<Tree>;

impl Tree {
    /// What it is, in the words of a message.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Text(_) => "text",
            Self::Number(_) => "a number",
            Self::Truth(_) => "true or false",
            Self::Other(kind) => kind,
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Reads files, as many as one policy may hold.
pub(super) struct Reader {
    bytes: usize,
    values: usize,
}

impl Reader {
    /// Reads files of one policy, or of what belongs to one.
    pub(super) fn new() -> Self {
        Self {
            bytes: MOST_BYTES,
            values: MOST_VALUES,
        }
    }

    /// Reads one file. An empty file is [`Tree::Nothing`].
    pub(super) fn read(&mut self, file: usize, source: &Source) -> Result<Node, Finding> {
        let lines = Lines::new(file, &source.text);
        let Some(bytes) = self.bytes.checked_sub(source.text.len()) else {
            return Err(too_much(lines.place(Location::UNKNOWN)));
        };
        self.bytes = bytes;
        let raw = parse(&source.text, options(self.values))
            .map_err(|error| not_yaml(&lines, &source.text, &error))?;
        Ok(lines.place_all(raw, &mut self.values))
    }
}

fn options(values: usize) -> Options {
    let mut options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        with_snippet: false,
    };
    if let Some(budget) = &mut options.budget {
        budget.max_nodes = values;
        budget.max_events = values.saturating_mul(3);
    }
    options
}

fn too_much(at: Place) -> Finding {
    let message = format!(
        "this is more than a policy may hold: {} MiB of text, and {MOST_VALUES} values",
        MOST_BYTES >> 20
    );
    Finding::new(at, message, "too much")
        .against("a policy is not too large")
        .hint("people in large numbers are better read elsewhere: `slack_usergroup`, or a webhook")
}

fn parse(text: &str, options: Options) -> Result<Raw, Error> {
    serde_saphyr::from_str_with_options::<Raw>(text, options)
}

fn not_yaml(lines: &Lines<'_>, text: &str, error: &Error) -> Finding {
    let error = error.without_snippet();
    let location = error.location().unwrap_or(Location::UNKNOWN);
    let at = lines.place(location);
    if let Error::Budget {
        breach: BudgetBreach::Nodes { .. } | BudgetBreach::Events { .. },
        ..
    } = error
    {
        return too_much(at);
    }
    let message = UserMessageFormatter.format_message(error).into_owned();
    let message = message.trim().trim_end_matches('.').to_owned();
    let finding = Finding::new(at, format!("this is not valid YAML: {message}"), "here")
        .against("a file is valid YAML");
    let line_start = text[..at.start].rfind('\n').map_or(0, |n| n + 1);
    if text[line_start..]
        .lines()
        .next()
        .is_some_and(|line| line.contains('\t'))
    {
        return finding.hint("YAML is indented with blanks, never with tabs");
    }
    finding.hint(
        "look at the indentation, quotes and brackets here and in the lines above; nothing else \
         of this file was checked",
    )
}

/// A value as the YAML reader gives it.
struct Raw {
    tree: RawTree,
    location: Location,
}

enum RawTree {
    Leaf(Tree),
    List(Vec<Raw>),
    Map(Vec<(Raw, Raw)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<RawTree>::deserialize(deserializer)?;
        Ok(Self {
            tree: spanned.value,
            location: spanned.referenced,
        })
    }
}

impl<'de> Deserialize<'de> for RawTree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = RawTree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<RawTree, E> {
        Ok(RawTree::Leaf(Tree::Nothing))
    }

    fn visit_none<E>(self) -> Result<RawTree, E> {
        Ok(RawTree::Leaf(Tree::Nothing))
    }

    fn visit_bool<E>(self, value: bool) -> Result<RawTree, E> {
        Ok(RawTree::Leaf(Tree::Truth(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<RawTree, E> {
        Ok(RawTree::Leaf(Tree::Number(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<RawTree, E> {
        Ok(RawTree::Leaf(Tree::Number(value.into())))
    }

    fn visit_i128<E>(self, value: i128) -> Result<RawTree, E> {
        Ok(RawTree::Leaf(Tree::Number(value)))
    }

    fn visit_u128<E>(self, value: u128) -> Result<RawTree, E> {
        let number = i128::try_from(value).unwrap_or(i128::MAX);
        Ok(RawTree::Leaf(Tree::Number(number)))
    }

    fn visit_f64<E>(self, _: f64) -> Result<RawTree, E> {
        Ok(RawTree::Leaf(Tree::Other("a broken number")))
    }

    fn visit_str<E>(self, value: &str) -> Result<RawTree, E> {
        Ok(RawTree::Leaf(Tree::Text(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RawTree, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(RawTree::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawTree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(RawTree::Map(entries))
    }
}

/// The lines of a file, found once: each value lies in one of them.
struct Lines<'a> {
    file: usize,
    text: &'a str,
    /// Where each line ends, and where it ends without the blanks behind it.
    ends: Vec<(usize, usize)>,
}

impl<'a> Lines<'a> {
    fn new(file: usize, text: &'a str) -> Self {
        let breaks = text.match_indices(['\n', '\r']).map(|(at, _)| at);
        let mut begin = 0;
        let mut ends = Vec::new();
        for end in breaks.chain([text.len()]) {
            ends.push((end, begin + text[begin..end].trim_end().len()));
            begin = (end + 1).min(text.len());
        }
        Self { file, text, ends }
    }

    fn place_all(&self, raw: Raw, values: &mut usize) -> Node {
        let at = self.place(raw.location);
        *values = values.saturating_sub(1);
        let value = match raw.tree {
            RawTree::Leaf(leaf) => leaf,
            RawTree::List(list) => {
                let list = list.into_iter();
                Tree::List(list.map(|value| self.place_all(value, values)).collect())
            }
            RawTree::Map(entries) => {
                let mut placed = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    let key = self.place_all(key, values);
                    placed.push((key, self.place_all(value, values)));
                }
                Tree::Map(placed)
            }
        };
        At { value, at }
    }

    /// The bytes of a location, cut to one line and to character boundaries.
    fn place(&self, location: Location) -> Place {
        let (file, text) = (self.file, self.text);
        let span = location.span();
        let offset = span.byte_offset().map(usize::try_from);
        let start = match offset {
            Some(Ok(start)) => start,
            _ => offset_of(text, location.line(), location.column()),
        };
        let start = text.floor_char_boundary(start);
        let line = self.ends.partition_point(|(end, _)| *end < start);
        let bare = self.ends.get(line).map_or(text.len(), |(_, bare)| *bare);
        let wanted = span.byte_len().and_then(|len| usize::try_from(len).ok());
        let len = wanted.unwrap_or(0).min(bare.saturating_sub(start));
        let len = text.floor_char_boundary(start + len) - start;
        Place { file, start, len }
    }
}

fn offset_of(text: &str, line: u64, column: u64) -> usize {
    let line = usize::try_from(line.saturating_sub(1)).unwrap_or(0);
    let column = usize::try_from(column.saturating_sub(1)).unwrap_or(0);
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(before..).unwrap_or_default();
    before + rest.chars().take(column).map(char::len_utf8).sum::<usize>()
}
