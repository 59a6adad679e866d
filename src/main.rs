//! The program `jit`: parses its arguments, runs, and says in its exit status how it went.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use jitbot::cli::{Cli, Failure};
use rustls::crypto::ring;

/// How long threads may take to end once all is done.
const LEAVE: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    // The one TLS provider of the process. It can only be installed already.
    let _ = ring::default_provider().install_default();
    let cli = Cli::parse();
    match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => {
            let code = runtime.block_on(cli.run());
            // A read of standard input cannot be broken off, and must not hold up the end.
            runtime.shutdown_timeout(LEAVE);
            code
        }
        Err(error) => Failure::wrong(error).report(),
    }
}
