//! `jit policy check | test | assert | explain | diff | schema`

mod assert;
mod check;
mod diff;
mod explain;
mod revision;
mod schema;
mod test;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};

use super::{Failure, out, settings};
use crate::policy::Policy;

/// Check the policy, test it, or ask it.
#[derive(Args, Debug)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look for faults, all at once, each with its place and what to do
    Check(check::Arguments),
    /// Ask the policy the cases that stand in *_test.yaml beside it, and compare the answers
    Test(test::Arguments),
    /// Say what the policy would answer, with every rule that was tried; asks nobody
    Explain(explain::Arguments),
    /// Decide whether what stands in *_assert.yaml holds for every possible request
    Assert(assert::Arguments),
    /// Say what a change of the policy changes for people: who can do more, who less
    Diff(diff::Arguments),
    /// Print a JSON Schema, by which editors complete and check a policy
    Schema(schema::Arguments),
}

impl Arguments {
    /// Does what was asked.
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Check(arguments) => arguments.run().await,
            Command::Test(arguments) => arguments.run(),
            Command::Explain(arguments) => arguments.run(),
            Command::Assert(arguments) => arguments.run(),
            Command::Diff(arguments) => arguments.run(),
            Command::Schema(arguments) => arguments.run(),
        }
    }
}

/// The path that was named, or the one that is set; relative to where `jit` was started, where it
/// stands below that, so that machines find the files that are told.
fn or_set(path: Option<PathBuf>) -> Result<PathBuf, Failure> {
    match path {
        Some(path) => Ok(relative(path)),
        None => Ok(relative(settings()?.policy)),
    }
}

fn relative(path: PathBuf) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let below = path.strip_prefix(&here).ok();
    let below = below.filter(|below| !below.as_os_str().is_empty());
    let plain = |path: &Path| path.strip_prefix("./").map(Path::to_owned).ok();
    match below {
        Some(below) => below.to_owned(),
        None => plain(&path)
            .filter(|path| !path.as_os_str().is_empty())
            .unwrap_or(path),
    }
}

/// Makes sure that something is there at all: what cannot even be opened is told apart from what
/// is wrong inside.
fn must_exist(path: &Path) -> Result<(), Failure> {
    std::fs::metadata(path)
        .map(drop)
        .with_context(|| {
            format!(
                "the policy {} cannot be read; name a file or folder in JIT_POLICY or with --policy",
                path.display()
            )
        })
        .map_err(Failure::usage)
}

/// Reads a policy for running by it; faults are printed.
///
/// # Errors
/// [`Failure::Usage`] when it cannot be read, [`Failure::Told`] when it has faults.
pub fn load(path: &Path) -> Result<Policy, Failure> {
    must_exist(path)?;
    Policy::load(path).map_err(|faults| {
        out::note(faults.render(out::is_colourful()));
        Failure::Told
    })
}
