//! The commands that can be typed, and how they are written.

use std::fmt;

use super::history::Sought;
use super::wish::Wish;

/// The commands with the other names they answer to.
const VERBS: [(&str, &[&str]); 13] = [
    ("help", &["?", "-h", "--help", "usage", "hi", "hello"]),
    ("list", &["ls", "resources"]),
    ("active", &["mine", "status"]),
    ("request", &["req", "ask", "get"]),
    ("explain", &["check"]),
    ("extend", &["prolong"]),
    ("done", &["return", "finish"]),
    ("cancel", &["withdraw"]),
    ("revoke", &["remove"]),
    ("break-glass", &["breakglass", "emergency"]),
    ("retry", &["again"]),
    ("review", &[]),
    ("history", &["log", "audit"]),
];

/// A command that was understood. Names are as they were written; whether they exist is for the
/// policy to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slash {
    /// Show what can be typed.
    Help,
    /// Show what can be asked for.
    List,
    /// Show what the person holds and waits for.
    Active,
    /// Ask for access.
    Request(Wish),
    /// Say what would happen, without asking.
    Explain(Wish),
    /// Ask for more time. The resource may also be the number of the request.
    Extend(Wish),
    /// Give access back before its end.
    Done {
        /// Which; none where the person holds just one.
        what: Option<Which>,
    },
    /// Withdraw a request that waits.
    Cancel {
        /// Which; none where just one waits.
        what: Option<Which>,
    },
    /// Take access away from somebody.
    Revoke {
        /// Which.
        what: Which,
        /// Why; never empty.
        why: String,
    },
    /// Try once more to give what was approved and failed.
    Retry {
        /// Which.
        what: Which,
    },
    /// Say what a look at a break-glass request has found.
    Review {
        /// Which.
        what: Which,
        /// Whether it was justified.
        justified: bool,
        /// In their words; may be empty where it was.
        note: String,
    },
    /// Look back at what was asked for.
    History(Sought),
}

/// How people point at a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// By its number: `#42`.
    Number(i64),
    /// By what it is for.
    Named {
        /// The resource.
        resource: String,
        /// The role.
        role: Option<String>,
    },
}

impl Which {
    /// What is pointed at by a number, or by a resource and maybe a role.
    pub fn read(first: &str, role: Option<&str>) -> Self {
        match first.trim_start_matches('#').parse::<i64>() {
            Ok(number) if 0 < number => Self::Number(number),
            _ => Self::Named {
                resource: first.to_owned(),
                role: role.map(str::to_owned),
            },
        }
    }
}

/// The command that a word stands for.
pub(super) fn verb(word: &str) -> Option<&'static str> {
    let known = VERBS
        .iter()
        .find(|(verb, also)| *verb == word || also.contains(&word));
    known.map(|(verb, _)| *verb)
}

/// The command that a mistyped word most likely meant.
pub(super) fn near(word: &str) -> Option<&'static str> {
    let scored = VERBS
        .iter()
        .map(|(verb, _)| (strsim::damerau_levenshtein(word, verb), *verb));
    let (distance, verb) = scored.min()?;
    let allowed = if verb.len() > 5 { 2 } else { 1 };
    (distance <= allowed && word.chars().count() > 2).then_some(verb)
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "#{number}"),
            Self::Named {
                resource,
                role: None,
            } => f.write_str(resource),
            Self::Named {
                resource,
                role: Some(role),
            } => write!(f, "{resource} {role}"),
        }
    }
}

/// The line that would be typed after `/jit` to say the same, for *ask again* and examples.
impl fmt::Display for Slash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = match self {
            Self::Help => vec!["help".to_owned()],
            Self::List => vec!["list".to_owned()],
            Self::Active => vec!["active".to_owned()],
            Self::Request(wish) => vec![format!("request {wish}")],
            Self::Explain(wish) => vec![format!("explain {wish}")],
            Self::Extend(wish) => vec![format!("extend {wish}")],
            Self::Done { what } => pointing("done", what.as_ref()).into(),
            Self::Cancel { what } => pointing("cancel", what.as_ref()).into(),
            Self::Revoke { what, why } => vec![format!("revoke {what}: {why}")],
            Self::Retry { what } => vec![format!("retry {what}")],
            Self::History(sought) => vec![format!("history {sought}")],
            Self::Review {
                what,
                justified,
                note,
            } => {
                let found = if *justified { "ok" } else { "not ok" };
                vec![format!("review {what} {found}: {note}")]
            }
        };
        f.write_str(parts.join(" ").trim_end_matches([' ', ':']))
    }
}

fn pointing(verb: &str, what: Option<&Which>) -> [String; 2] {
    [
        verb.to_owned(),
        what.map(ToString::to_string).unwrap_or_default(),
    ]
}
