//! The commands that can be typed, and how they are written.

use std::fmt;

use crate::domain::Span;

/// The commands with the other names they answer to.
const VERBS: [(&str, &[&str]); 9] = [
    ("help", &["?", "-h", "--help", "usage", "hi", "hello"]),
    ("list", &["ls", "resources"]),
    ("active", &["mine", "status"]),
    ("request", &["req", "ask", "get"]),
    ("explain", &["check"]),
    ("extend", &["prolong"]),
    ("done", &["return", "finish"]),
    ("cancel", &["withdraw"]),
    ("revoke", &["remove"]),
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
    Request {
        /// On what.
        resource: String,
        /// In which role.
        role: Option<String>,
        /// For how long.
        duration: Span,
        /// Why; empty if nothing was said.
        reason: String,
    },
    /// Say what would happen, without asking.
    Explain {
        /// On what.
        resource: String,
        /// In which role.
        role: Option<String>,
        /// For how long.
        duration: Option<Span>,
        /// Why; empty if nothing was said.
        reason: String,
    },
    /// Ask for more time.
    Extend {
        /// On what.
        resource: String,
        /// In which role.
        role: Option<String>,
        /// How much longer.
        duration: Span,
        /// Why; empty if nothing was said.
        reason: String,
    },
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
        let mut parts: Vec<String> = Vec::new();
        let mut asked = |verb: &str,
                         resource: &str,
                         role: &Option<String>,
                         span: Option<&Span>,
                         reason: &str| {
            parts.extend([verb.to_owned(), resource.to_owned()]);
            parts.extend(role.clone());
            parts.extend(span.map(ToString::to_string));
            parts.push(reason.to_owned());
        };
        match self {
            Self::Help => return f.write_str("help"),
            Self::List => return f.write_str("list"),
            Self::Active => return f.write_str("active"),
            Self::Request {
                resource,
                role,
                duration,
                reason,
            } => {
                asked("request", resource, role, Some(duration), reason);
            }
            Self::Extend {
                resource,
                role,
                duration,
                reason,
            } => {
                asked("extend", resource, role, Some(duration), reason);
            }
            Self::Explain {
                resource,
                role,
                duration,
                reason,
            } => {
                asked("explain", resource, role, duration.as_ref(), reason);
            }
            Self::Done { what } => parts.extend(pointing("done", what.as_ref())),
            Self::Cancel { what } => parts.extend(pointing("cancel", what.as_ref())),
            Self::Revoke { what, why } => parts.push(format!("revoke {what}: {why}")),
        }
        f.write_str(parts.join(" ").trim_end())
    }
}

fn pointing(verb: &str, what: Option<&Which>) -> [String; 2] {
    [
        verb.to_owned(),
        what.map(ToString::to_string).unwrap_or_default(),
    ]
}
