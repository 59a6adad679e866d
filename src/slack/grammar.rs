//! What people type after `/jit`. Forgiving about how it is written, strict about what it means:
//! whatever is not understood is answered with a sentence and an example made from what was typed.

mod history;
mod slash;
mod when;
mod wish;
mod words;

pub use history::{Channel, Period, Sought, Who};
pub use slash::{Slash, Which};
use slash::{near, verb};
pub use when::{Day, Passed, When};
pub use wish::Wish;
use words::{Mentions, Word};

/// Why a text is no command, and what could be typed instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} For example: {example}")]
pub struct GrammarFault {
    /// What is missing or wrong. Its `Display` is a plain sentence, not yet escaped for Slack.
    pub kind: FaultKind,
    /// A command that would be understood, made from what was typed. Not escaped either.
    pub example: String,
    /// Of a wish for access, what was understood all the same, in every reading, likeliest first:
    /// what counts is the first whose resource there is, else the last. The resource may be empty.
    pub read: Vec<Wish>,
}

impl GrammarFault {
    fn new(kind: FaultKind, example: String) -> Self {
        Self {
            kind,
            example,
            read: Vec::new(),
        }
    }
}

/// What is missing or wrong in a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// The first word is no command.
    #[error("I do not know “{said}”.{}", .meant.map_or_else(
        || " `/jit help` shows what I understand.".to_owned(),
        |verb| format!(" Did you mean {verb}?")
    ))]
    UnknownVerb {
        /// The word.
        said: String,
        /// The command that looks most like it.
        meant: Option<&'static str>,
    },
    /// Nothing was named.
    #[error("Which resource? `/jit list` shows them.")]
    ResourceMissing,
    /// A number without a unit.
    #[error("{0} what? Write {0}h for hours or {0}m for minutes.")]
    UnitMissing(String),
    /// Something in the place of the duration cannot be read.
    #[error("I cannot read “{0}” as a duration. Write it like 30m, 1h or 1h30m.")]
    DurationUnclear(String),
    /// The duration is zero.
    #[error("The duration must be longer than zero.")]
    DurationZero,
    /// The duration is beyond all limits.
    #[error("“{0}” is far too long.")]
    DurationTooLong(String),
    /// Somebody is to hold the access, and it was not said who in a way that is sure.
    #[error("I cannot tell who “{0}” is. Pick them from the list that opens when you type @.")]
    WhoUnclear(String),
    /// A day was named to begin on, and no time of it.
    #[error("From what time on {0}?")]
    StartTimeMissing(String),
    /// Something in the place of the start cannot be read.
    #[error(
        "I cannot read “{0}” as a time to begin. Write it like 22:00, tomorrow 9:00, mon 9:00 or \
         2026-12-01 09:00."
    )]
    StartUnclear(String),
    /// A review needs to say what was found.
    #[error("What did you find? Say ok or not ok, and why.")]
    FindingMissing,
    /// Something that nothing can be looked for by.
    #[error("“{0}” is one thing too many: I look for one resource at a time.")]
    SoughtUnclear(String),
    /// Something in the place of a time to look back at cannot be read.
    #[error(
        "I cannot read “{0}” as a time to look back at. Write it like since 7d, from 2026-01-01 to \
         2026-02-01, or last month."
    )]
    PeriodUnclear(String),
    /// The second day comes before the first.
    #[error("That time ends before it begins.")]
    PeriodTurned,
    /// Revoking needs to know what.
    #[error("Which access? Give its number, which stands on its card.")]
    WhichMissing,
    /// Revoking needs a reason.
    #[error("Please say why: the holder will read it.")]
    WhyMissing,
}

/// What says that a request is break-glass, after dashes.
const BREAK_GLASS: [&str; 3] = ["break-glass", "breakglass", "break_glass"];

/// Reads what was typed after `/jit`.
///
/// # Errors
/// A [`GrammarFault`] that says what is missing; the text changes nothing then.
pub fn parse(text: &str) -> Result<Slash, GrammarFault> {
    let (mut text, mentions) = words::clean(text);
    let break_glass = words::take_flag(&mut text, &BREAK_GLASS);
    let mut all = words::split(&text);
    // People paste whole lines from help and messages.
    if all.first().is_some_and(|word| word.lower() == "/jit") {
        all.remove(0);
    }
    all.retain(|word| !word.bare.is_empty() || word.colon);
    let line = Line {
        text: &text,
        words: &all,
        mentions: &mentions,
        break_glass,
    };
    let Some(first) = all.first() else {
        return Ok(Slash::Help);
    };
    let rest = Line {
        words: &all[1..],
        ..line
    };
    match verb(&first.lower()) {
        Some("help") => Ok(Slash::Help),
        Some("list") => Ok(Slash::List),
        Some("active") => Ok(Slash::Active),
        Some("request") => rest.wish("request").map(Slash::Request),
        Some("break-glass") => {
            let rest = Line {
                break_glass: true,
                ..rest
            };
            rest.wish("break-glass").map(Slash::Request)
        }
        Some("extend") => rest.wish("extend").map(Slash::Extend),
        Some("explain") => rest.explained(),
        Some("done") => Ok(Slash::Done { what: rest.which() }),
        Some("cancel") => Ok(Slash::Cancel { what: rest.which() }),
        Some("revoke") => rest.revoked(),
        Some("retry") => rest.retried(),
        Some("review") => rest.reviewed(),
        Some("history") => rest.history().map(Slash::History),
        _ => line.without_verb(first),
    }
}

/// Whether nothing was typed, or nothing but that access is wanted: then a form helps more than a
/// sentence.
pub fn names_nothing(text: &str) -> bool {
    let (text, _) = words::clean(text);
    let words = words::split(&text);
    let mut telling = words.iter().filter(|word| !word.bare.is_empty());
    match (telling.next(), telling.next()) {
        (None, _) => true,
        (Some(first), None) => verb(&first.lower()) == Some("request"),
        (Some(_), Some(_)) => false,
    }
}

/// Words, and the text they were split from.
#[derive(Clone, Copy)]
struct Line<'a> {
    text: &'a str,
    words: &'a [Word],
    mentions: &'a Mentions,
    break_glass: bool,
}

impl<'a> Line<'a> {
    /// A line that begins with no command: most people leave out `request`.
    fn without_verb(self, first: &Word) -> Result<Slash, GrammarFault> {
        let meant = near(&first.lower());
        if meant.is_none() && self.has_duration() {
            return self.wish("request").map(Slash::Request);
        }
        let rest = Line {
            words: &self.words[1..],
            ..self
        };
        let example = match meant {
            Some(verb) => format!("/jit {verb} {}", rest.shown(..)),
            // A word like `orders-db` is a resource rather than a mistyped command.
            None if first.bare.contains(['-', '_', '/', '.']) => {
                format!("/jit request {} 1h", first.bare)
            }
            None => "/jit request staging-db 1h".to_owned(),
        };
        let kind = FaultKind::UnknownVerb {
            said: first.bare.clone(),
            meant,
        };
        Err(GrammarFault::new(kind, example.trim().to_owned()))
    }

    /// The words that carry meaning, with their places.
    fn telling(self) -> impl Iterator<Item = (usize, &'a Word)> + Clone {
        self.words
            .iter()
            .enumerate()
            .filter(|(_, word)| !word.is_filler())
    }

    /// The line as typed, with a good duration in the place of the one at `at`.
    fn example(self, verb: &str, at: usize) -> String {
        let good = suggestion(&self.words[at].bare);
        format!("/jit {verb} {} {good}", self.shown(..at))
    }

    fn explained(self) -> Result<Slash, GrammarFault> {
        let verb = self.words.first().and_then(|word| verb(&word.lower()));
        let skip = usize::from(matches!(verb, Some("request" | "break-glass")));
        let line = Line {
            words: &self.words[skip..],
            break_glass: self.break_glass || verb == Some("break-glass"),
            ..self
        };
        line.wish("explain").map(Slash::Explain)
    }

    fn retried(self) -> Result<Slash, GrammarFault> {
        let example = || "/jit retry #42".to_owned();
        let missing = || GrammarFault::new(FaultKind::WhichMissing, example());
        let what = self.which().ok_or_else(missing)?;
        Ok(Slash::Retry { what })
    }

    /// `#42 ok`, `#42 not ok: why`.
    fn reviewed(self) -> Result<Slash, GrammarFault> {
        let missing = |kind, what: &dyn std::fmt::Display| {
            let example = format!("/jit review {what} ok, the incident was real");
            GrammarFault::new(kind, example)
        };
        let Some((at, first)) = self.telling().next() else {
            return Err(missing(FaultKind::WhichMissing, &"#42"));
        };
        let what = which(first, None);
        let found: Vec<String> = self.words[at + 1..]
            .iter()
            .take(2)
            .map(Word::lower)
            .collect();
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        let (justified, count) = match found.as_slice() {
            ["not", "ok" | "okay" | "justified" | "fine"] => (false, 2),
            ["ok" | "okay" | "justified" | "fine", ..] => (true, 1),
            ["not-ok" | "unjustified", ..] => (false, 1),
            _ => return Err(missing(FaultKind::FindingMissing, &what)),
        };
        let note = self.rest(at + 1 + count);
        Ok(Slash::Review {
            what,
            justified,
            note,
        })
    }

    fn revoked(self) -> Result<Slash, GrammarFault> {
        let named = self.telling().next().map(|(at, word)| (at, word.clone()));
        let Some((at, first)) = named else {
            let example = "/jit revoke #42 the incident is over".to_owned();
            return Err(GrammarFault::new(FaultKind::WhichMissing, example));
        };
        // `revoke RESOURCE ROLE: why` names a role; without the sign the words are all reason.
        let role = self.words.get(at + 1).filter(|role| {
            let because = self
                .words
                .get(at + 2)
                .is_some_and(|w| w.lower() == "because");
            !first.colon && !role.is_filler() && (role.colon || because)
        });
        let why = self.rest(at + 1 + usize::from(role.is_some()));
        let what = which(&first, role);
        if why.is_empty() {
            let example = format!("/jit revoke {what} the incident is over");
            return Err(GrammarFault::new(FaultKind::WhyMissing, example));
        }
        Ok(Slash::Revoke { what, why })
    }

    /// What a person points at, if they do.
    fn which(self) -> Option<Which> {
        let mut names = self.telling().map(|(_, word)| word);
        let first = names.next()?;
        Some(which(first, names.next()))
    }

    /// What was typed from that word on, as written.
    fn rest(self, from: usize) -> String {
        let start = self
            .words
            .get(from)
            .map_or(self.text.len(), |word| word.start);
        words::reason(&self.text[start..])
    }

    /// Some words, bare, in one line, for an example.
    fn shown(self, range: impl std::slice::SliceIndex<[Word], Output = [Word]>) -> String {
        let words = self.words.get(range).unwrap_or_default().iter();
        let shown: Vec<&str> = words.map(|word| word.bare.as_str()).take(12).collect();
        shown.join(" ").trim().to_owned()
    }
}

/// The duration that was most likely meant by something that is none.
fn suggestion(word: &str) -> String {
    let digits = |text: &str| {
        text.chars()
            .take_while(char::is_ascii_digit)
            .collect::<String>()
    };
    let number = digits(word).parse::<u32>();
    let half = word.ends_with('h') && (word.contains(".5") || word.contains(",5"));
    match number {
        Ok(0) if half => "30m".to_owned(),
        Ok(number @ 1..=12) if half => format!("{number}h30m"),
        Ok(number @ 1..=12) => format!("{number}h"),
        Ok(number @ 13..=90) => format!("{number}m"),
        _ => "1h".to_owned(),
    }
}

fn which(first: &Word, role: Option<&Word>) -> Which {
    Which::read(&first.bare, role.map(|word| word.bare.as_str()))
}

/// Whether a word stands in the place of a duration: it begins with a figure, or with a sign.
fn looks_like_duration(word: &str) -> bool {
    word.trim_start_matches(['-', '+'])
        .starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests;
