//! `jit embedded-postgres`: holds a private server for another process. Hidden, since people have
//! no use for it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::embedded::holder::Hold;

/// What to hold.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The folder for lock, password and data
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Remove the folder at the end
    #[arg(long)]
    temporary: bool,
}

impl Arguments {
    /// Holds the server until standard input ends. Exit status 1 if there was none.
    pub async fn run(self) -> ExitCode {
        let hold = Hold {
            folder: self.data,
            temporary: self.temporary,
        };
        if hold.run().await {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}
