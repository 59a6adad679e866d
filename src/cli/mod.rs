//! The command line: one file per subcommand. Only this room and `main` print.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub mod audit;
pub mod completions;
pub mod database;
#[cfg(feature = "sandbox")]
pub mod demo;
pub mod doctor;
pub mod embedded_postgres;
pub mod estate;
pub mod house;
pub mod logging;
pub mod manifest;
pub mod migrate;
pub mod out;
pub mod policy;
pub mod reload;
pub mod serve;

use crate::config::{Config, Flags, Needs};
pub use out::Failure;

const ABOUT: &str = "\
Just-in-time access, asked for and approved in Slack.

An engineer types `/jit request staging-db 1h`; the policy says who approves; a click is recorded; \
the access is really given, and really taken away on time, with evidence of every step.";

const AFTER_HELP: &str = "\
Examples:
  jit demo                         see it work, with nothing to set up
  jit manifest                     what to create the Slack app from
  jit policy check policy/         is the policy free of faults?
  jit doctor                       is everything here that `jit serve` needs?
  jit serve                        run the bot
  jit audit export --out ledger.jsonl && jit audit verify ledger.jsonl

Settings come from the environment; each secret can also stand in a file named by NAME_FILE:
  SLACK_BOT_TOKEN        the bot token (xoxb-…)
  SLACK_APP_TOKEN        the app-level token (xapp-…): deliveries come by Socket Mode
  SLACK_SIGNING_SECRET   the signing secret: deliveries come by HTTP (two with a comma, to rotate)
  SLACK_CLIENT_ID, SLACK_CLIENT_SECRET, JIT_PUBLIC_URL, JIT_TOKEN_KEY, JIT_INSTALL_ALLOW
                         instead of SLACK_BOT_TOKEN, for an app that workspaces install
                         (docs/workspaces.md)
  DATABASE_URL           the Postgres database; without it a private one is started and kept
  JIT_POLICY             the policy: a file, or a folder with *.yaml files (policy/)
  JIT_POLICY_POLL        seconds between two looks whether the policy has changed; 0 for none (2)
  JIT_LISTEN             where to listen (127.0.0.1:8080)
  JIT_LOG                what to log, as info or jitbot=debug,sqlx=warn
  JIT_LOG_FORMAT         how to log: text or json (text)
  JIT_WEBHOOK_ALLOW      internal hosts that webhooks may call, with commas between them
  JIT_POSTGRES_BIN       the folder with initdb, where the private server is not found by itself
  SLACK_API_URL          another Web API than Slack's: https, or on this machine

Exit status: 0 it is well, 1 something was found wrong or failed, 2 it was called wrongly, a setting
is wrong, or something could not be read.";

/// The program's arguments.
#[derive(Debug, Parser)]
#[command(name = "jit", version, about = ABOUT, after_help = AFTER_HELP, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the bot
    Serve(serve::Arguments),
    /// Show the whole way on this machine: no Slack workspace, no set-up
    #[cfg(feature = "sandbox")]
    Demo(demo::Arguments),
    /// Look whether everything is here that `jit serve` needs, and say what to do where it is not
    Doctor(doctor::Arguments),
    /// Bring the database's schema up to date
    Migrate(migrate::Arguments),
    /// Check the policy, test it, or ask it
    Policy(policy::Arguments),
    /// Export the ledger, or verify that nothing in it was changed
    Audit(audit::Arguments),
    /// Print the manifest to create the Slack app from
    Manifest(manifest::Arguments),
    /// Print completions for a shell
    Completions(completions::Arguments),
    /// Hold a private Postgres server for another process
    #[command(hide = true)]
    EmbeddedPostgres(embedded_postgres::Arguments),
}

impl Cli {
    /// Carries the command out, and says in the exit status how it went.
    pub async fn run(self) -> ExitCode {
        let done = match self.command {
            Command::Serve(arguments) => arguments.run().await,
            #[cfg(feature = "sandbox")]
            Command::Demo(arguments) => arguments.run().await,
            Command::Doctor(arguments) => arguments.run().await,
            Command::Migrate(arguments) => arguments.run().await,
            Command::Audit(arguments) => arguments.run().await,
            Command::Policy(arguments) => arguments.run().await,
            Command::Manifest(arguments) => arguments.run(),
            Command::Completions(arguments) => arguments.run(),
            Command::EmbeddedPostgres(arguments) => return arguments.run().await,
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.report(),
        }
    }
}

/// The settings of a command that takes all of them from the environment.
fn settings() -> Result<Config, Failure> {
    Config::from_env(&Flags::default(), Needs::Nothing).map_err(Failure::usage)
}
