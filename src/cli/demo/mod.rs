//! `jit demo`: a small company on this machine. A private Postgres with a database to get access
//! to, the example policy, the stand-in for Slack with its page, and the bot itself, as the very
//! program that `jit serve` runs. Nothing is told that is not so: the roles, the sessions and the
//! ledger are real.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::{Failure, out};

mod bot;
mod target;
mod tour;
mod world;

use world::World;

/// Show the whole way on this machine: no Slack workspace, no set-up.
#[derive(Args, Debug)]
#[command(after_help = "\
Everything is private to this run: a Postgres server with the databases to get access to, a stand-in
for Slack with a page for the browser, and the bot on the example policy. Ctrl-C stops it all and
leaves nothing behind.

With --tour nobody is needed: the story is played, each step is checked against the real database,
and one line a step is printed.

Exit status: 0 it is well, 1 it could not start, or a step of the tour failed.")]
pub struct Arguments {
    /// Play the story by itself, check each step, and stop
    #[arg(long)]
    tour: bool,
    /// With --tour: keep the ledger's export and the bot's log in this folder
    #[arg(long, value_name = "DIR", requires = "tour")]
    out: Option<PathBuf>,
    /// Where the page listens; another port is taken if this one is in use
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Another policy than the example: a file, or a folder
    #[arg(long, value_name = "PATH")]
    policy: Option<PathBuf>,
}

impl Arguments {
    /// Runs until Ctrl-C, or until the tour has ended.
    pub(super) async fn run(self) -> Result<(), Failure> {
        out::note("Starting a private Postgres, a stand-in for Slack, and the bot …");
        let started = World::start(self.listen, self.policy.as_deref()).await;
        let mut world = started.map_err(Failure::wrong)?;
        let done = tokio::select! {
            done = self.play(&mut world) => done,
            stopped = tokio::signal::ctrl_c() => stopped.map_err(Failure::wrong),
        };
        let kept = self.keep(&world);
        world.stop().await;
        done.and(kept)
    }

    async fn play(&self, world: &mut World) -> Result<(), Failure> {
        if self.tour {
            return tour::play(world, self.out.as_deref()).await;
        }
        out::raw(welcome(world))?;
        let why = world.bot.wait().await;
        Err(Failure::wrong(anyhow::anyhow!("the bot stopped: {why}")))
    }

    /// Keeps the bot's log beside the export.
    fn keep(&self, world: &World) -> Result<(), Failure> {
        let Some(folder) = &self.out else {
            return Ok(());
        };
        std::fs::create_dir_all(folder).map_err(Failure::wrong)?;
        std::fs::copy(world.bot.log(), folder.join("bot.log")).map_err(Failure::wrong)?;
        Ok(())
    }
}

fn welcome(world: &World) -> String {
    let (page, log) = (
        world.slack.page_url(),
        world.bot.log().display().to_string(),
    );
    format!(
        "
Acme is open: a real bot, a real database and a stand-in for Slack, all on this machine.

  {page}

Three things to try there:

  1. You are Dana, an engineer. Type in any channel:
         /jit request staging-db 90s to look at order 1001
  2. Become Bob (people are at the bottom of the side bar), open #access-requests, press Approve.
  3. Become Dana again and open the direct message from jit: press “Get credentials”, paste the psql
     line into a terminal, then the password, and stay connected. You are reminded before the end;
     then the session and the role are gone.

Also: approve your own request; `/jit request staging-db readwrite 2m INC-7 mend an order` needs two
people; `/jit explain orders-db 1h` says what would happen; `/jit help` shows the rest.

The bot's log: {log}
Ctrl-C stops everything.
"
    )
}
