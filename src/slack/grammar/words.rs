//! The words of a command, cleaned of what keyboards, chat clients and copying put around them.

use std::collections::BTreeMap;

use super::super::view::escape::is_invisible;
use crate::domain::{Span, duration::SpanFault};

/// The longest duration in words: `1 day 2 hours`.
const LONGEST: usize = 4;

/// The people and channels that a text mentions: what stands for them in it, in lower case, and their
/// Slack ids. People begin with `@`, channels with `#`.
pub(super) type Mentions = BTreeMap<String, String>;

/// A command's text as the person meant it: Slack's markup read back into what was typed, blanks
/// of every kind made plain, invisible characters gone. Line breaks stay. With it, whom it mentions.
pub(super) fn clean(text: &str) -> (String, Mentions) {
    let mut mentions = Mentions::new();
    let typed = unescape(&read_tokens(text, &mut mentions));
    let shown = typed.chars().filter(|c| !is_invisible(*c));
    let plain = |c: char| {
        if c.is_whitespace() && c != '\n' {
            ' '
        } else {
            c
        }
    };
    (shown.map(plain).collect(), mentions)
}

/// Takes a flag out of a text, leaving blanks in its place. Answers whether it was there: with
/// however many dashes, of whatever length a keyboard makes them.
pub(super) fn take_flag(text: &mut String, flags: &[&str]) -> bool {
    let words = split(text);
    let is_flag = |word: &&Word| {
        let typed = text[word.start..].split(char::is_whitespace).next();
        let around = |c: char| is_mark(c) || matches!(c, ':' | ',' | ';' | '.' | '!');
        let typed = typed.unwrap_or_default().trim_matches(around);
        let named = typed.trim_start_matches(is_dash);
        named.len() < typed.len() && flags.contains(&named.to_lowercase().as_str())
    };
    let found: Vec<usize> = words.iter().filter(is_flag).map(|w| w.start).collect();
    for start in &found {
        let rest = &text[*start..];
        let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
        text.replace_range(*start..start + length, &" ".repeat(length));
    }
    !found.is_empty()
}

/// `<@U1|dana>` becomes `@dana`, `<#C1|ops>` becomes `#ops`, `<https://…|label>` its address.
fn read_tokens(text: &str, mentions: &mut Mentions) -> String {
    let mut read = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        read.push_str(before);
        match after.split_once('>') {
            Some((token, next)) if is_token(token) => {
                read.push_str(&read_token(token, mentions));
                rest = next;
            }
            _ => {
                read.push('<');
                rest = after;
            }
        }
    }
    read + rest
}

fn is_token(token: &str) -> bool {
    ["@", "#", "!", "http://", "https://", "mailto:"]
        .iter()
        .any(|start| token.starts_with(start))
}

fn read_token(token: &str, mentions: &mut Mentions) -> String {
    let (target, label) = token.split_once('|').unwrap_or((token, ""));
    if let Some(user) = target.strip_prefix('@') {
        // A name of several words would not be one word of the command.
        let plain = !label.is_empty() && !label.contains(char::is_whitespace);
        let name = if plain {
            label.trim_start_matches('@')
        } else {
            user
        };
        let shown = format!("@{name}");
        mentions.insert(bare(&shown).to_lowercase(), user.to_owned());
        return shown;
    }
    if let Some(channel) = target.strip_prefix('#').filter(|_| !label.is_empty()) {
        let shown = format!("#{}", label.trim_start_matches('#'));
        mentions.insert(bare(&shown).to_lowercase(), channel.to_owned());
        return shown;
    }
    match target.chars().next() {
        Some('#') => target.to_owned(),
        Some('!') if label.is_empty() => format!("@{}", &target[1..]),
        Some('!') => label.to_owned(),
        _ => target.trim_start_matches("mailto:").to_owned(),
    }
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// One word: what it means, and where it ends in the cleaned text, for taking the rest as written.
#[derive(Clone, Debug)]
pub(super) struct Word {
    /// The word without marks and quotes around it.
    pub(super) bare: String,
    /// Whether a colon closed it.
    pub(super) colon: bool,
    /// Where it begins, in bytes.
    pub(super) start: usize,
}

impl Word {
    /// The word in lower case, for comparing with words of ours.
    pub(super) fn lower(&self) -> String {
        self.bare.to_lowercase()
    }

    /// Whether it joins a role to the resource before it, rather than a reason.
    pub(super) fn leads_to_a_role(&self) -> bool {
        ["as", "on", "with", "access", "the"].contains(&self.lower().as_str())
    }

    /// Whether it only joins the parts of a sentence.
    pub(super) fn is_filler(&self) -> bool {
        let joins = [
            "for", "to", "on", "as", "by", "with", "access", "because", "please", "the",
        ];
        self.bare.is_empty() || joins.contains(&self.lower().as_str())
    }
}

/// Splits a cleaned text at blanks.
pub(super) fn split(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut at = 0;
    for piece in text.split(char::is_whitespace) {
        if !piece.is_empty() {
            words.push(Word {
                bare: bare(piece),
                colon: piece.trim_end_matches(is_mark).ends_with(':'),
                start: at,
            });
        }
        // `clean` has made every blank one byte long.
        at += piece.len() + 1;
    }
    words
}

fn is_mark(c: char) -> bool {
    matches!(c, '*' | '_' | '~' | '`') || is_quote(c)
}

/// Quotes of every keyboard.
pub(super) fn is_quote(c: char) -> bool {
    matches!(
        c,
        '"' | '\''
            | '“'
            | '”'
            | '„'
            | '‟'
            | '‘'
            | '’'
            | '‚'
            | '‛'
            | '«'
            | '»'
            | '‹'
            | '›'
            | '´'
    )
}

/// A word without the marks and punctuation around it; dashes that a keyboard made long are short.
fn bare(word: &str) -> String {
    let around = |c: char| is_mark(c) || matches!(c, ',' | ';' | ':' | '!' | '(' | ')' | '<' | '>');
    let word = word.trim_matches(around).trim_end_matches('.');
    let short = |c| if is_dash(c) { '-' } else { c };
    let word: String = word.chars().map(short).collect();
    if word.chars().all(|c| c == '-') {
        String::new()
    } else {
        word
    }
}

fn is_dash(c: char) -> bool {
    c == '-' || matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// A duration at the beginning of some words: what it is, or why it cannot be, and how many words
/// it takes. The longest reading wins, so `1h 30m` is one duration. None if it is no duration.
pub(super) fn duration(words: &[Word]) -> Option<(Result<Span, SpanFault>, usize)> {
    (1..=LONGEST.min(words.len())).rev().find_map(|count| {
        let text = phrase(&words[..count]);
        match Span::parse(&text) {
            Err(SpanFault::NotADuration(_)) => None,
            read => Some((read, count)),
        }
    })
}

/// The words as one phrase, with `an hour` and `half an hour` in figures.
fn phrase(words: &[Word]) -> String {
    let words: Vec<String> = words.iter().map(Word::lower).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["half", "an", "hour"] => "30m".to_owned(),
        ["a" | "an" | "one", unit] => format!("1 {unit}"),
        other => other.join(" "),
    }
}

/// What a person wrote as a reason: its own quotes and joining words taken off, blanks collapsed,
/// the spelling kept.
pub(super) fn reason(rest: &str) -> String {
    let mut rest = rest.trim();
    rest = rest.trim_start_matches([':', ',', ';', '–', '—', ' ']);
    rest = rest.strip_prefix("- ").unwrap_or(rest);
    for joining in ["because of ", "because ", "for ", "reason: ", "reason "] {
        let start = rest.get(..joining.len());
        if start.is_some_and(|start| start.eq_ignore_ascii_case(joining)) {
            rest = rest[joining.len()..].trim_start();
            break;
        }
    }
    collapse(unquote(rest.trim()))
}

/// Takes off one pair of quotes that holds the whole text.
fn unquote(text: &str) -> &str {
    let mut inside = text.chars();
    match (inside.next(), inside.next_back()) {
        (Some(first), Some(last)) if is_quote(first) && is_quote(last) => inside.as_str(),
        _ => text,
    }
}

fn collapse(text: &str) -> String {
    let lines = text
        .split('\n')
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let mut kept: Vec<String> = Vec::new();
    for line in lines {
        if !line.is_empty() || kept.last().is_some_and(|last| !last.is_empty()) {
            kept.push(line);
        }
    }
    kept.join("\n").trim().to_owned()
}
