//! What people type after `/jit`. Forgiving about how it is written, strict about what it means:
//! whatever is not understood is answered with a sentence and an example made from what was typed.

mod slash;
mod words;

use crate::domain::{Span, duration::SpanFault};
pub use slash::{Slash, Which};
use slash::{near, verb};
use words::Word;

/// Why a text is no command, and what could be typed instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} For example: {example}")]
pub struct GrammarFault {
    /// What is missing or wrong. Its `Display` is a plain sentence, not yet escaped for Slack.
    pub kind: FaultKind,
    /// A command that would be understood, made from what was typed. Not escaped either.
    pub example: String,
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
    /// No duration was found.
    #[error("For how long?")]
    DurationMissing,
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
    /// Revoking needs to know what.
    #[error("Which access? Give its number, which stands on its card.")]
    WhichMissing,
    /// Revoking needs a reason.
    #[error("Please say why: the holder will read it.")]
    WhyMissing,
}

/// Names before the duration: the resource and the role.
const NAMES: usize = 2;

/// Reads what was typed after `/jit`.
///
/// # Errors
/// A [`GrammarFault`] that says what is missing; the text changes nothing then.
pub fn parse(text: &str) -> Result<Slash, GrammarFault> {
    let text = words::clean(text);
    let mut all = words::split(&text);
    // People paste whole lines from help and messages.
    if all.first().is_some_and(|word| word.lower() == "/jit") {
        all.remove(0);
    }
    all.retain(|word| !word.bare.is_empty() || word.colon);
    let line = Line {
        text: &text,
        words: &all,
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
        Some("request") => rest.asked("request").map(Asked::request),
        Some("extend") => rest.asked("extend").map(Asked::extend),
        Some("explain") => rest.explained(),
        Some("done") => Ok(Slash::Done { what: rest.which() }),
        Some("cancel") => Ok(Slash::Cancel { what: rest.which() }),
        Some("revoke") => rest.revoked(),
        _ => line.without_verb(first),
    }
}

/// Words, and the text they were split from.
#[derive(Clone, Copy)]
struct Line<'a> {
    text: &'a str,
    words: &'a [Word],
}

/// The parts of `RESOURCE [ROLE] DURATION [reason…]`.
struct Asked {
    resource: String,
    role: Option<String>,
    duration: Span,
    reason: String,
}

impl Asked {
    fn request(self) -> Slash {
        let Self {
            resource,
            role,
            duration,
            reason,
        } = self;
        Slash::Request {
            resource,
            role,
            duration,
            reason,
        }
    }

    fn extend(self) -> Slash {
        let Self {
            resource,
            role,
            duration,
            reason,
        } = self;
        Slash::Extend {
            resource,
            role,
            duration,
            reason,
        }
    }
}

impl<'a> Line<'a> {
    /// A line that begins with no command: most people leave out `request`.
    fn without_verb(self, first: &Word) -> Result<Slash, GrammarFault> {
        let meant = near(&first.lower());
        if meant.is_none() && self.find_duration().is_some() {
            return self.asked("request").map(Asked::request);
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
        Err(GrammarFault {
            kind,
            example: example.trim().to_owned(),
        })
    }

    /// The words that carry meaning, with their places.
    fn telling(self) -> impl Iterator<Item = (usize, &'a Word)> + Clone {
        self.words
            .iter()
            .enumerate()
            .filter(|(_, word)| !word.is_filler())
    }

    /// The first thing that reads as a duration, after at least one name and at most two: its
    /// place, what it is, and how many words it takes.
    fn find_duration(self) -> Option<(usize, Result<Span, SpanFault>, usize)> {
        self.telling().take(NAMES + 1).skip(1).find_map(|(at, _)| {
            let (read, count) = words::duration(&self.words[at..])?;
            Some((at, read, count))
        })
    }

    fn asked(self, verb: &str) -> Result<Asked, GrammarFault> {
        let Some((at, read, count)) = self.find_duration() else {
            return Err(self.no_duration(verb));
        };
        let typed = self.shown(at..at + count);
        let duration = read.map_err(|fault| {
            let kind = match fault {
                SpanFault::Zero => FaultKind::DurationZero,
                _ => FaultKind::DurationTooLong(typed),
            };
            GrammarFault {
                kind,
                example: self.example(verb, at),
            }
        })?;
        let mut names = Line {
            words: &self.words[..at],
            ..self
        }
        .telling();
        let mut name = || names.next().map(|(_, word)| word.bare.clone());
        let resource = name().unwrap_or_default();
        Ok(Asked {
            resource,
            role: name(),
            duration,
            reason: self.rest(at + count),
        })
    }

    /// What to say where no duration was found: the best guess at what the person left out.
    fn no_duration(self, verb: &str) -> GrammarFault {
        let mut names = self.telling().take(NAMES + 1);
        let Some((first, _)) = names.next() else {
            let example = format!("/jit {verb} staging-db 1h");
            return GrammarFault {
                kind: FaultKind::ResourceMissing,
                example,
            };
        };
        if let Some((_, count)) = words::duration(&self.words[first..]) {
            let after = Line {
                words: &self.words[(first + count)..],
                ..self
            };
            let name = after
                .telling()
                .next()
                .map_or("staging-db", |(_, word)| &word.bare);
            let example = format!("/jit {verb} {name} {}", self.shown(first..first + count));
            return GrammarFault {
                kind: FaultKind::ResourceMissing,
                example,
            };
        }
        if let Some((at, word)) = names.find(|(_, word)| looks_like_duration(&word.bare)) {
            let kind = if word.bare.chars().all(|c| c.is_ascii_digit()) {
                FaultKind::UnitMissing(word.bare.clone())
            } else {
                FaultKind::DurationUnclear(word.bare.clone())
            };
            return GrammarFault {
                kind,
                example: self.example(verb, at),
            };
        }
        let names = if self.telling().count() == NAMES {
            self.words.len()
        } else {
            first + 1
        };
        let head = self.shown(..names);
        let example = format!("/jit {verb} {head} 1h {}", self.shown(names..));
        GrammarFault {
            kind: FaultKind::DurationMissing,
            example: example.trim().to_owned(),
        }
    }

    /// The line as typed, with a good duration in the place of the one at `at`.
    fn example(self, verb: &str, at: usize) -> String {
        let good = suggestion(&self.words[at].bare);
        format!("/jit {verb} {} {good}", self.shown(..at))
    }

    fn explained(self) -> Result<Slash, GrammarFault> {
        let skip = usize::from(self.words.first().is_some_and(|w| w.lower() == "request"));
        let line = Line {
            words: &self.words[skip..],
            ..self
        };
        if line.find_duration().is_some() {
            let Asked {
                resource,
                role,
                duration,
                reason,
            } = line.asked("explain")?;
            let duration = Some(duration);
            return Ok(Slash::Explain {
                resource,
                role,
                duration,
                reason,
            });
        }
        let mut names = line.telling();
        let Some((_, resource)) = names.next() else {
            return Err(line.no_duration("explain"));
        };
        if names
            .clone()
            .take(NAMES)
            .any(|(_, word)| looks_like_duration(&word.bare))
        {
            return Err(line.no_duration("explain"));
        }
        let role = names.next();
        let after = role.map_or(line.words.len(), |(at, _)| at + 1);
        Ok(Slash::Explain {
            resource: resource.bare.clone(),
            role: role.map(|(_, word)| word.bare.clone()),
            duration: None,
            reason: line.rest(after),
        })
    }

    fn revoked(self) -> Result<Slash, GrammarFault> {
        let named = self.telling().next().map(|(at, word)| (at, word.clone()));
        let Some((at, first)) = named else {
            let example = "/jit revoke #42 the incident is over".to_owned();
            return Err(GrammarFault {
                kind: FaultKind::WhichMissing,
                example,
            });
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
            return Err(GrammarFault {
                kind: FaultKind::WhyMissing,
                example,
            });
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
    match first.bare.trim_start_matches('#').parse::<i64>() {
        Ok(number) if 0 < number => Which::Number(number),
        _ => Which::Named {
            resource: first.bare.clone(),
            role: role.map(|word| word.bare.clone()),
        },
    }
}

/// Whether a word stands in the place of a duration: it begins with a figure, or with a sign.
fn looks_like_duration(word: &str) -> bool {
    word.trim_start_matches(['-', '+'])
        .starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests;
