//! `jit policy check | explain`

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use uuid::Uuid;

use super::{Failure, out, settings};
use crate::clock::Clock;
use crate::domain::{Ask, Circumstances, Identity, Person, PersonId, Span, Verdict};
use crate::policy::Policy;

/// Check the policy, or ask it.
#[derive(Args, Debug)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look for faults, all at once, each with its place and what to do
    #[command(after_help = "\
Examples:
  jit policy check
  jit policy check policy/access.yaml

Exit status: 0 no faults, 1 faults, 2 the policy cannot be read.")]
    Check {
        #[arg(help = "A file, or a folder with *.yaml files [default: JIT_POLICY, or policy/]")]
        path: Option<PathBuf>,
    },
    /// Say what the policy would answer, with every rule that was tried; asks nobody
    #[command(override_usage = "jit policy explain [OPTIONS] <WHO> <RESOURCE> [ROLE] <DURATION>")]
    #[command(after_help = "\
Examples:
  jit policy explain dana@acme.example staging-db 1h
  jit policy explain dana@acme.example staging-db readwrite 1h --reason INC-42

Exit status: 0 the policy would let it be asked for, 1 it would refuse, 2 it was called wrongly or
the policy cannot be read.")]
    Explain {
        /// The person's e-mail address
        who: String,
        /// What they ask for
        #[arg(num_args = 2..=3, value_name = "RESOURCE [ROLE] DURATION", required = true)]
        what: Vec<String>,
        /// Why they ask
        #[arg(long, default_value = "", hide_default_value = true)]
        reason: String,
        #[arg(
            long,
            value_name = "PATH",
            help = "The policy [default: JIT_POLICY, or policy/]"
        )]
        policy: Option<PathBuf>,
    },
}

impl Arguments {
    /// Checks or explains.
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Check { path } => check(&or_set(path)?),
            Command::Explain {
                who,
                what,
                reason,
                policy,
            } => explain(&load(&or_set(policy)?)?, &ask(&who, &what, &reason)?),
        }
    }
}

/// The path that was named, or the one that is set.
fn or_set(path: Option<PathBuf>) -> Result<PathBuf, Failure> {
    match path {
        Some(path) => Ok(path),
        None => Ok(settings()?.policy),
    }
}

/// Reads a policy for running by it; faults are printed.
///
/// # Errors
/// [`Failure::Usage`] when it cannot be read, [`Failure::Told`] when it has faults.
pub fn load(path: &Path) -> Result<Policy, Failure> {
    // What cannot even be opened is told apart from what is wrong inside.
    std::fs::metadata(path)
        .with_context(|| format!("the policy {} cannot be read; name a file or folder in JIT_POLICY or with --policy", path.display()))
        .map_err(Failure::usage)?;
    Policy::load(path).map_err(|faults| {
        out::note(faults.render(out::is_colourful()));
        Failure::Told
    })
}

fn check(path: &Path) -> Result<(), Failure> {
    let policy = load(path)?;
    for warning in policy.warnings() {
        out::note(format!("warning: {warning}"));
    }
    let resources = policy.resources().count();
    out::line(format!(
        "{}: no faults; {resources} resources, hash {}",
        path.display(),
        policy.hash()
    ))
}

fn ask(who: &str, what: &[String], reason: &str) -> Result<Ask, Failure> {
    let (resource, role, duration) = match what {
        [resource, duration] => (resource, None, duration),
        [resource, role, duration] => (resource, Some(role.clone()), duration),
        _ => {
            return Err(Failure::usage(anyhow!(
                "name a resource, perhaps a role, and a duration"
            )));
        }
    };
    let duration = Span::parse(duration)
        .map_err(|fault| Failure::usage(anyhow!("the duration “{duration}”: {fault}")))?;
    let identities = BTreeSet::from([Identity::email(who)]);
    let person = Person {
        id: PersonId::from_uuid(Uuid::nil()),
        name: who.to_owned(),
        identities,
    };
    let (resource, reason) = (resource.clone(), reason.to_owned());
    Ok(Ask {
        role,
        duration: Some(duration),
        reason,
        ..Ask::of(person, resource)
    })
}

fn explain(policy: &Policy, ask: &Ask) -> Result<(), Failure> {
    let circumstances = Circumstances::at(Clock::Database.wall());
    let explanation = policy.explain(ask, &circumstances);
    out::line(&explanation)?;
    match explanation.verdict {
        Verdict::Terms(_) => Ok(()),
        Verdict::Refused(_) => Err(Failure::Told),
    }
}
