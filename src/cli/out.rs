//! How commands print, and how they fail.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub enum Failure {
    /// Something was found wrong, or failed: exit status 1.
    Wrong(anyhow::Error),
    /// The same, and it has been printed already.
    Told,
    /// Called wrongly, or something cannot be read: exit status 2.
    Usage(anyhow::Error),
    /// A policy becomes laxer, and that has been printed already: exit status 3.
    Laxer,
    /// Whoever read the output has enough.
    Enough,
}

impl Failure {
    /// Something was found wrong.
    pub fn wrong(error: impl Into<anyhow::Error>) -> Self {
        Self::Wrong(error.into())
    }

    /// It was called wrongly.
    pub fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self::Usage(error.into())
    }

    /// Says on standard error what happened, with its causes, and gives the exit status.
    pub fn report(&self) -> ExitCode {
        let (error, status) = match self {
            Self::Wrong(error) => (error, 1),
            Self::Usage(error) => (error, 2),
            Self::Told => return ExitCode::FAILURE,
            Self::Laxer => return ExitCode::from(3),
            Self::Enough => return ExitCode::SUCCESS,
        };
        let mut text = format!("jit: {error}");
        let mut said = error.to_string();
        for cause in error.chain().skip(1) {
            let cause = cause.to_string();
            // Some errors repeat their cause in their own words.
            if !said.contains(&cause) {
                text.push_str("\n  because: ");
                text.push_str(&cause);
            }
            said = cause;
        }
        note(text);
        ExitCode::from(status)
    }
}

/// Prints a line on standard output.
///
/// # Errors
/// [`Failure::Enough`] when nobody reads it any more.
pub fn line(text: impl Display) -> Result<(), Failure> {
    written(writeln!(std::io::stdout().lock(), "{text}"))
}

/// Prints on standard output as it is.
///
/// # Errors
/// [`Failure::Enough`] when nobody reads it any more.
pub fn raw(text: impl Display) -> Result<(), Failure> {
    written(write!(std::io::stdout().lock(), "{text}"))
}

/// Tells something about the work itself, on standard error, so that output can be piped on.
pub fn note(text: impl Display) {
    // There is nowhere left to say that this failed.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Whether standard error shows colours.
pub fn is_colourful() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// What a failed write means.
pub fn written(outcome: std::io::Result<()>) -> Result<(), Failure> {
    outcome.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::Enough,
        _ => Failure::wrong(anyhow::Error::new(error).context("the output could not be written")),
    })
}
