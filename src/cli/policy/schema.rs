//! `jit policy schema`

use clap::Args;

use super::super::{Failure, out};
use crate::policy::schema;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  jit policy schema > policy/jit-policy.schema.json
  jit policy schema --tests > policy/jit-policy-tests.schema.json
  jit policy schema --invariants > policy/jit-policy-invariants.schema.json

Editors with a YAML language server complete and check a file that begins with
  # yaml-language-server: $schema=jit-policy.schema.json")]
pub(super) struct Arguments {
    /// The schema of test files instead
    #[arg(long)]
    tests: bool,
    /// The schema of files of invariants instead
    #[arg(long, conflicts_with = "tests")]
    invariants: bool,
}

impl Arguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let schema = if self.tests {
            schema::tests()
        } else if self.invariants {
            schema::invariants()
        } else {
            schema::policy()
        };
        out::line(format!("{schema:#}"))
    }
}
