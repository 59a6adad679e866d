//! `jit policy assert`

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, ValueEnum};

use super::super::{Failure, out};
use super::{load, or_set};
use crate::policy::assert::{Asserted, Example, Invariants, Outcome};

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  jit policy assert
  jit policy assert policy/ --format json

Invariants stand in *_assert.yaml beside the policy, each a sentence or a mapping:
  invariants:
    - never automatic where labels.env == 'prod'
    - always two people where sensitivity == 'high'
    - name: nobody keeps production for longer than a morning
      always: { max_duration: 4h }
      where: \"resource.labels.env == 'prod'\"
The last one counts extensions: 4h that can be prolonged by 4h are 8h.

never: automatic, allowed, break-glass, on behalf. always (for whatever is allowed, by break-glass
too): two people, a reason, a ticket, at most 4h, asked by GROUP or GROUP, approved by GROUP; as a
mapping people, reason, ticket, max_duration, requester_in, approvers_in.

Each is decided for every possible request, not by samples. What cannot be decided fails.

Exit status: 0 all of them hold, 1 one does not or cannot be decided, or a file has a fault, 2 there
are none, or something cannot be read.")]
pub(super) struct Arguments {
    #[arg(
        help = "A policy whose folder holds *_assert.yaml, or a folder [default: JIT_POLICY, or policy/]"
    )]
    path: Option<PathBuf>,
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
    /// For people: each invariant, and a request where one does not hold
    Human,
    /// One document
    Json,
}

impl Arguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let path = or_set(self.path)?;
        let policy = load(&path)?;
        let told = |faults: crate::policy::Faults| {
            out::note(faults.render(out::is_colourful()));
            Failure::Told
        };
        let invariants = Invariants::load(&path).map_err(told)?;
        if invariants.is_empty() {
            return Err(Failure::usage(anyhow!(
                "there are no invariants beside {}; write them into a file such as policy_assert.yaml",
                path.display()
            )));
        }
        let asserted = invariants.decide(&policy).map_err(told)?;
        match self.format {
            Format::Human => out::line(human(&asserted, &path))?,
            Format::Json => out::line(format!("{:#}", serde_json::json!(asserted)))?,
        }
        if asserted.iter().all(|one| one.outcome.holds()) {
            return Ok(());
        }
        Err(Failure::Told)
    }
}

fn human(asserted: &[Asserted], path: &Path) -> String {
    let mut text = String::new();
    for one in asserted {
        text.push_str(&told(one, path));
    }
    let holding = asserted.iter().filter(|one| one.outcome.holds()).count();
    let _ = write!(text, "{holding} of {} invariants hold", asserted.len());
    text
}

fn told(one: &Asserted, path: &Path) -> String {
    let (name, place) = (&one.name, &one.place);
    match &one.outcome {
        Outcome::Holds { requests: 0 } => {
            format!("holds      {name}\n           (no request that is allowed falls under it)\n")
        }
        Outcome::Holds { requests } => {
            format!("holds      {name}\n           ({requests} kinds of requests fall under it)\n")
        }
        Outcome::Broken(example) => {
            let mut text = format!("BROKEN     {name}\n           {place}\n");
            text.push_str(&shown(example, path));
            text
        }
        Outcome::Undecided { why, example } => {
            let mut text = format!("UNDECIDED  {name}\n           {place}\n           {why}\n");
            if let Some(example) = example {
                text.push_str(&shown(example, path));
            }
            text
        }
    }
}

fn shown(example: &Example, path: &Path) -> String {
    let (resource, role) = &example.target;
    let mut text = format!(
        "           {role} on {resource}: {} (rule “{}”)\n",
        example.told, example.rule
    );
    if let (Some(command), Some(tree)) = (&example.command, &example.tree) {
        let path = path.display().to_string();
        let quoted = if path.contains(char::is_whitespace) {
            format!("'{path}'")
        } else {
            path
        };
        let _ = writeln!(text, "           $ {command} --policy {quoted}");
        for line in tree.lines() {
            let _ = writeln!(text, "             {line}");
        }
    }
    text
}
