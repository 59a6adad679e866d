//! `jit policy diff`

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::super::{Failure, out};
use super::{load, or_set, revision};
use crate::policy::Policy;
use crate::policy::diff::Diff;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  jit policy diff main                        what do my edits change?
  jit policy diff main HEAD --format markdown a comment for a pull request
  jit policy diff before.yaml after.yaml

OLD and NEW are files, folders, or revisions of git: then the policy is read as it was there. A path
that exists is meant as a path. Texts, names and comments do not matter, only answers do: for every
person, resource and role, and every duration, hour and condition at which an answer can change.

Exit status: 0 nothing becomes laxer, 1 a policy has faults, 2 one cannot be read or they cannot be
compared, 3 something becomes laxer: somebody can do more than before.")]
pub(super) struct Arguments {
    /// The policy as it was: a file, a folder or a git revision
    old: String,
    /// The policy as it is to be: a file, a folder or a git revision [default: the policy's files]
    new: Option<String>,
    #[arg(
        long,
        value_enum,
        default_value = "human",
        help = "How to tell the changes"
    )]
    format: Format,
    #[arg(
        long,
        value_name = "PATH",
        help = "Where the policy is, for revisions [default: JIT_POLICY, or policy/]"
    )]
    policy: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people at a terminal
    Human,
    /// A comment for a pull request
    Markdown,
    /// One document
    Json,
}

impl Arguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let path = or_set(self.policy)?;
        let old = read(&self.old, &path)?;
        let (new, at) = match &self.new {
            Some(new) => (read(new, &path)?, new.clone()),
            None => (load(&path)?, path.display().to_string()),
        };
        let diff =
            Diff::between(&old, &new).map_err(|large| Failure::usage(anyhow::Error::new(large)))?;
        // A revision cannot be asked by path: whoever tries a command has it checked out.
        let at = if Path::new(&at).exists() {
            at
        } else {
            path.display().to_string()
        };
        match self.format {
            Format::Human => out::line(diff.human(&at))?,
            Format::Markdown => out::raw(diff.markdown(&at))?,
            Format::Json => out::line(format!("{:#}", diff.json(&at)))?,
        }
        if diff.is_laxer() {
            return Err(Failure::Laxer);
        }
        Ok(())
    }
}

/// A policy by its path, or by a revision.
fn read(said: &str, path: &Path) -> Result<Policy, Failure> {
    if Path::new(said).exists() {
        return load(Path::new(said));
    }
    let sources = revision::sources(said, path)?;
    Policy::from_sources(sources).map_err(|faults| {
        out::note(faults.render(out::is_colourful()));
        Failure::Told
    })
}
