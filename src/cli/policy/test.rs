//! `jit policy test`

use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, ValueEnum};

use super::super::{Failure, out};
use super::{load, or_set};
use crate::policy::Faults;
use crate::policy::report::{tested_human, tested_json, tested_junit, tested_tap};
use crate::policy::suite::{Report, Suite};

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  jit policy test
  jit policy test --filter contractors
  jit policy test --require-coverage --format junit policy/ > jit.xml

A case looks like this; `jit policy schema --tests` has every key with an example:
  cases:
    - name: DBA cannot approve their own write
      who: dana
      ask: staging-db readwrite 1h INC-1 fix
      expect: { verdict: review, steps: [ { from: [dba], not_eligible: [dana] } ] }

Exit status: 0 every answer is as expected, 1 one is not, or the policy or a test has a fault, 2
there are no tests, or something cannot be read.")]
pub(super) struct Arguments {
    #[arg(
        help = "A policy whose folder holds *_test.yaml, or a folder [default: JIT_POLICY, or policy/]"
    )]
    path: Option<PathBuf>,
    /// Only the cases whose name contains this; coverage is not looked at then
    #[arg(long, value_name = "TEXT", conflicts_with = "require_coverage")]
    filter: Option<String>,
    /// Fail when a rule is tried by no case
    #[arg(long)]
    require_coverage: bool,
    #[arg(
        long,
        value_enum,
        default_value = "human",
        help = "How to tell what came out"
    )]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people: failed cases with what was expected and the evaluation
    Human,
    /// The XML of `JUnit`, which most CI systems read
    Junit,
    /// The Test Anything Protocol
    Tap,
    /// One document
    Json,
}

impl Arguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let path = or_set(self.path.clone())?;
        let policy = load(&path)?;
        let suite = self.suite(&path)?;
        let mut report = suite.run(&policy).map_err(|faults| told(&faults))?;
        if self.filter.is_some() {
            report.untried.clear();
        }
        self.tell(&report)?;
        let uncovered = self.require_coverage && !report.untried.is_empty();
        if uncovered || report.failed().count() > 0 {
            return Err(Failure::Told);
        }
        Ok(())
    }

    fn suite(&self, path: &std::path::Path) -> Result<Suite, Failure> {
        let mut suite = Suite::load(path).map_err(|faults| told(&faults))?;
        let shown = path.display();
        if suite.is_empty() {
            return Err(Failure::usage(anyhow!(
                "there are no tests of {shown}: put cases into a file whose name ends in _test.yaml beside it"
            )));
        }
        if let Some(text) = &self.filter {
            suite.keep(text);
            if suite.is_empty() {
                return Err(Failure::usage(anyhow!(
                    "no case of {shown} has “{text}” in its name"
                )));
            }
        }
        Ok(suite)
    }

    fn tell(&self, report: &Report) -> Result<(), Failure> {
        match self.format {
            Format::Human => out::raw(tested_human(report)),
            Format::Tap => out::raw(tested_tap(report)),
            Format::Json => out::line(format!("{:#}", tested_json(report))),
            Format::Junit => out::raw(tested_junit(report).map_err(Failure::wrong)?),
        }
    }
}

fn told(faults: &Faults) -> Failure {
    let report = Faults::render_all(faults.iter(), out::is_colourful());
    out::note(report);
    Failure::Told
}
