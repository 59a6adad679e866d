//! `jit migrate`

use clap::Args;

use super::database::Database;
use super::{Failure, out, settings};

/// Bring the database's schema up to date.
#[derive(Args, Debug)]
#[command(after_help = "\
`jit serve` does this by itself when it starts; run it apart where the bot's own database user may
not change the schema. Several may run at once: one waits for the other.

Exit status: 0 the schema is up to date, 1 it could not be brought there, 2 a setting is wrong.")]
pub struct Arguments {}

impl Arguments {
    /// Migrates.
    pub(super) async fn run(self) -> Result<(), Failure> {
        let database = Database::open(&settings()?, 1).await?;
        let missing = database
            .store
            .missing_migrations()
            .await
            .map_err(Failure::wrong)?;
        database.store.migrate().await.map_err(Failure::wrong)?;
        database.close().await;
        match missing {
            0 => out::line("The schema is up to date."),
            1 => out::line("1 migration was run; the schema is up to date."),
            many => out::line(format!(
                "{many} migrations were run; the schema is up to date."
            )),
        }
    }
}
