//! `jit policy check`

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use super::super::{Failure, out};
use super::or_set;
use crate::policy::report::{Checked, checked_github, checked_json, checked_sarif};
use crate::policy::{Fault, Faults, Policy, Source};

/// How often files are looked at while watching.
const POLL: Duration = Duration::from_millis(200);

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  jit policy check
  jit policy check policy/access.yaml
  jit policy check --watch                              check again at every change
  jit policy check --format github policy/              in a workflow of GitHub Actions
  jit policy check --format sarif policy/ > jit.sarif   for code scanning

Faults and warnings are told with file:line:column; warnings alone are no fault. For people they go
to standard error; every other format goes to standard output, which then holds nothing else.

Exit status: 0 no faults, 1 faults, 2 a policy cannot be read.")]
pub(super) struct Arguments {
    #[arg(
        value_name = "PATH",
        help = "Files, or folders with *.yaml files, each a policy of its own [default: JIT_POLICY, or policy/]"
    )]
    paths: Vec<PathBuf>,
    #[arg(
        long,
        value_enum,
        default_value = "human",
        help = "How to tell what was found"
    )]
    format: Format,
    /// Check again whenever a file of the policy changes, until Ctrl-C
    #[arg(long)]
    watch: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: the line, a caret and a hint
    Human,
    /// One document; with --watch one line a check
    Json,
    /// Workflow commands, which GitHub shows beside the lines of a pull request
    Github,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

impl Arguments {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let paths = if self.paths.is_empty() {
            vec![or_set(None)?]
        } else {
            let named = self.paths.into_iter().map(|path| or_set(Some(path)));
            named.collect::<Result<_, _>>()?
        };
        let job = Job {
            paths,
            format: self.format,
            watch: self.watch,
        };
        if job.watch {
            return job.watch().await;
        }
        job.check()
    }
}

/// What to check, and how to tell of it.
struct Job {
    paths: Vec<PathBuf>,
    format: Format,
    watch: bool,
}

/// What the files of a policy hold, or why they cannot be read.
type Content = Result<Vec<Source>, String>;

impl Job {
    fn check(&self) -> Result<(), Failure> {
        let checked: Vec<Checked> = self.paths.iter().map(|path| Checked::of(path)).collect();
        match self.format {
            Format::Human => checked.iter().try_for_each(tell)?,
            Format::Github => out::raw(checked_github(&checked))?,
            Format::Json => self.document(&checked_json(&checked))?,
            Format::Sarif => self.document(&checked_sarif(&checked))?,
        }
        if let Some(lost) = checked.iter().find(|checked| !checked.readable) {
            return Err(Failure::usage(anyhow!(
                "the policy {} cannot be read; name a file or folder, or set JIT_POLICY",
                lost.path
            )));
        }
        if checked.iter().any(|checked| checked.sound.is_none()) {
            return Err(Failure::Told);
        }
        Ok(())
    }

    fn document(&self, document: &serde_json::Value) -> Result<(), Failure> {
        if self.watch {
            return out::line(document);
        }
        out::line(format!("{document:#}"))
    }

    /// Checks again at every change. The status at the end is that of the last check.
    async fn watch(&self) -> Result<(), Failure> {
        // Listening begins before anything is told, so that no Ctrl-C is lost in between.
        let mut stop = signal(SignalKind::interrupt()).map_err(Failure::wrong)?;
        let mut seen = self.content();
        let mut outcome = self.round(None)?;
        loop {
            tokio::select! {
                biased;
                _ = stop.recv() => return outcome.result(),
                () = tokio::time::sleep(POLL) => {}
            }
            let now = self.content();
            if now == seen {
                continue;
            }
            // An editor may be in the middle of writing: wait until nothing changes any more.
            tokio::time::sleep(POLL / 2).await;
            if self.content() != now {
                continue;
            }
            let changed = changed(&seen, &now);
            seen = now;
            outcome = self.round(Some(&changed))?;
        }
    }

    /// One check among many: what it came to is kept for the end.
    fn round(&self, changed: Option<&str>) -> Result<Outcome, Failure> {
        let people = self.format == Format::Human;
        if let Some(changed) = changed.filter(|_| people) {
            out::line(format!("\n── changed: {changed} ──"))?;
        }
        let outcome = match self.check() {
            Ok(()) => Outcome::Sound,
            Err(Failure::Told) => Outcome::Faulty,
            Err(Failure::Usage(error)) => {
                out::note(format!("jit: {error}"));
                Outcome::Unreadable
            }
            Err(other) => return Err(other),
        };
        if people {
            out::line("watching for changes; Ctrl-C stops")?;
        }
        Ok(outcome)
    }

    fn content(&self) -> Vec<Content> {
        let read = |path: &PathBuf| Policy::read(path).map_err(|faults| faults.to_string());
        self.paths.iter().map(read).collect()
    }
}

/// Tells people: what was found on standard error, that nothing was on standard output.
fn tell(checked: &Checked) -> Result<(), Failure> {
    let color = out::is_colourful();
    for warning in &checked.warnings {
        out::note(format!("warning: {}", warning.line()));
    }
    if !checked.faults.is_empty() && checked.readable {
        out::note(Faults::render_all(&checked.faults, color));
    }
    if !checked.readable {
        let told: Vec<String> = checked.faults.iter().map(Fault::line).collect();
        out::note(told.join("\n"));
    }
    let Some((hash, resources, _)) = &checked.sound else {
        return Ok(());
    };
    let path = &checked.path;
    out::line(format!(
        "{path}: no faults; {resources} resources, hash {hash}"
    ))
}

/// What a check came to.
#[derive(Clone, Copy)]
enum Outcome {
    Sound,
    Faulty,
    Unreadable,
}

impl Outcome {
    fn result(self) -> Result<(), Failure> {
        match self {
            Self::Sound => Ok(()),
            Self::Faulty => Err(Failure::Told),
            Self::Unreadable => Err(Failure::usage(anyhow!("the policy could not be read"))),
        }
    }
}

/// The names of the files that are not as they were, or not there any more, or new.
fn changed(before: &[Content], now: &[Content]) -> String {
    let files = |content: &[Content]| -> Vec<Source> {
        content.iter().flatten().flatten().cloned().collect()
    };
    let (before, now) = (files(before), files(now));
    let other = |from: &[Source], to: &[Source]| -> Vec<String> {
        let strange = from.iter().filter(|source| !to.contains(source));
        strange.map(|source| shown(&source.name)).collect()
    };
    let mut names = other(&now, &before);
    names.extend(other(&before, &now));
    names.sort();
    names.dedup();
    if names.is_empty() {
        return "what can be read".to_owned();
    }
    names.join(", ")
}

fn shown(name: &str) -> String {
    Path::new(name).display().to_string()
}
