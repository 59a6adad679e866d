//! The program `jit`: parses its arguments, runs, and says in its exit status how it went.

use std::process::ExitCode;

use clap::Parser;
use jitbot::cli::{Cli, Failure};
use rustls::crypto::ring;

fn main() -> ExitCode {
    // The one TLS provider of the process. It can only be installed already.
    let _ = ring::default_provider().install_default();
    let cli = Cli::parse();
    match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime.block_on(cli.run()),
        Err(error) => Failure::wrong(error).report(),
    }
}
