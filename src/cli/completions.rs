//! `jit completions`

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Failure, out};

/// Print completions for a shell.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  jit completions bash > ~/.local/share/bash-completion/completions/jit
  jit completions zsh > ~/.zfunc/_jit
  jit completions fish > ~/.config/fish/completions/jit.fish")]
pub struct Arguments {
    /// The shell
    shell: Shell,
}

impl Arguments {
    /// Prints them.
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "jit", &mut text);
        out::raw(String::from_utf8_lossy(&text))
    }
}
