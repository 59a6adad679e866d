//! `jit audit export | verify`

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};

use super::database::Database;
use super::{Failure, out, settings};
use crate::config::Config;
use crate::ledger::ChainHead;
use crate::ledger::export::{self, ExportError};
use crate::store::Store;
use crate::store::installations::Installed;
use crate::workspaces::folder_of;

/// Export the ledger, or verify that nothing in it was changed.
#[derive(Args, Debug)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the ledger as JSON Lines, with the hashes that prove it
    #[command(after_help = "\
Each line holds seq, at, payload, prev and hash. The hash is SHA-256 over the 32 bytes of prev and
the bytes of payload, so the file can be verified by any program. The chain is followed while it is
written; how many lines there are, and the head of the chain, is said on standard error.

Examples:
  jit audit export --out ledger.jsonl
  jit audit export | gzip > ledger.jsonl.gz
  jit audit export --workspace T0ABC123 --out ledger.jsonl

Exit status: 0 all was written, 1 the chain is broken or the database failed, 2 a setting is wrong
or the file cannot be made.")]
    Export {
        /// The file to write [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// The workspace or organisation whose ledger it is, where the bot serves several; `default` for
        /// the ledger from before any workspace installed the app
        #[arg(long, value_name = "ID")]
        workspace: Option<String>,
    },
    /// Follow the chain of hashes, and name the first entry that does not fit
    #[command(after_help = "\
A whole chain shows that nothing before its head was changed, left out or put in. Keep the head
elsewhere: whoever can rewrite the whole ledger can make another whole chain.

Examples:
  jit audit verify ledger.jsonl
  jit audit verify --database
  jit audit verify --database --workspace T0ABC123

Exit status: 0 the chain is whole, 1 it is broken, 2 the file or the database cannot be read.")]
    Verify {
        /// A file that `jit audit export` wrote
        #[arg(required_unless_present = "database", conflicts_with = "database")]
        file: Option<PathBuf>,
        /// The ledger in the database
        #[arg(long)]
        database: bool,
        /// The workspace or organisation whose ledger it is, where the bot serves several; `default` for
        /// the ledger from before any workspace installed the app
        #[arg(long, value_name = "ID", requires = "database")]
        workspace: Option<String>,
    },
}

impl Arguments {
    /// Exports or verifies.
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Export { out, workspace } => {
                export(&settings()?, out.as_deref(), workspace.as_deref()).await
            }
            Command::Verify {
                file: Some(file), ..
            } => verify_file(&file),
            Command::Verify { workspace, .. } => {
                verify_database(&settings()?, workspace.as_deref()).await
            }
        }
    }
}

async fn export(
    config: &Config,
    file: Option<&Path>,
    workspace: Option<&str>,
) -> Result<(), Failure> {
    let database = Database::open(config, 2).await?;
    let exporting = async {
        let ledger = ledger_of(&database.store, workspace, Failure::wrong).await?;
        let mut writer: Box<dyn Write> = match file {
            Some(path) => Box::new(BufWriter::new(create(path)?)),
            None => Box::new(BufWriter::new(std::io::stdout())),
        };
        let exported = export::export(&ledger, &mut writer).await;
        ledger.close().await;
        let head = exported.map_err(|error| fault(error, Failure::wrong))?;
        out::written(writer.flush())?;
        Ok(head)
    };
    let exported = exporting.await;
    database.close().await;
    out::note(summary(&exported?));
    Ok(())
}

fn create(path: &Path) -> Result<File, Failure> {
    let made = File::create(path);
    made.with_context(|| format!("{} cannot be written", path.display()))
        .map_err(Failure::usage)
}

fn verify_file(path: &Path) -> Result<(), Failure> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()));
    let verified = export::verify_file(BufReader::new(file.map_err(Failure::usage)?));
    let head = verified.map_err(|error| fault(error, Failure::usage))?;
    out::line(format!("The chain is whole: {}.", summary(&head)))
}

async fn verify_database(config: &Config, workspace: Option<&str>) -> Result<(), Failure> {
    let database = Database::open(config, 2).await?;
    let verifying = async {
        let ledger = ledger_of(&database.store, workspace, Failure::usage).await?;
        let verified = export::verify_database(&ledger).await;
        ledger.close().await;
        verified.map_err(|error| fault(error, Failure::usage))
    };
    let verified = verifying.await;
    database.close().await;
    out::line(format!("The chain is whole: {}.", summary(&verified?)))
}

/// The name of the ledger from before any workspace installed the app.
const BEFORE: &str = "default";

/// The database with the ledger of that workspace, as it stands: reading it changes nothing. Where the
/// bot serves several, one has to be named; the ledger of none of them would prove nothing.
async fn ledger_of(
    store: &Store,
    workspace: Option<&str>,
    unread: fn(anyhow::Error) -> Failure,
) -> Result<Store, Failure> {
    let installed = store.installations().await;
    let installed = installed.map_err(|fault| unread(fault.into()))?;
    let named = |row: &&Installed| Some(folder_of(row)) == workspace;
    if let Some(row) = installed.iter().find(named) {
        return store.within(&row.house, 2).map_err(Failure::usage);
    }
    let known = installed.iter();
    let known: String = known
        .map(|row| format!("  {} ({})\n", folder_of(row), row.name))
        .chain([format!(
            "  {BEFORE} (from before any workspace installed the app)\n"
        )])
        .collect();
    match workspace {
        Some(BEFORE) => Ok(store.clone()),
        None if installed.is_empty() => Ok(store.clone()),
        None => Err(Failure::usage(anyhow!(
            "each workspace has a ledger of its own; name one with --workspace:\n{known}"
        ))),
        Some(id) if installed.is_empty() => Err(Failure::usage(anyhow!(
            "no workspace {id} is known here: without installations there is one ledger, so leave \
             --workspace out"
        ))),
        Some(id) => Err(Failure::usage(anyhow!(
            "no workspace {id} is known here, but:\n{known}"
        ))),
    }
}

/// A broken chain is what was looked for; anything else that went wrong is `other`.
fn fault(error: ExportError, other: fn(anyhow::Error) -> Failure) -> Failure {
    match error {
        ExportError::Chain(broken) => {
            Failure::wrong(anyhow::Error::new(broken).context("the chain is broken"))
        }
        ExportError::Io(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Failure::Enough,
        error => other(error.into()),
    }
}

fn summary(head: &ChainHead) -> String {
    match head.entries {
        0 => "no entries".to_owned(),
        entries => format!(
            "{entries} entries, {} to {}, head {}",
            head.first,
            head.last,
            head.hash_hex()
        ),
    }
}
