//! Everything that the demo stands on.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::bot::Bot;
use super::target::Targets;
use crate::embedded::{Data, Embedded, Options};
use crate::sandbox::{Sandbox, SandboxError, Settings, Shortcut};
use crate::slack::manifest::{Mode, manifest};
use crate::store::Store;

/// The example policy, as it stands in the repository when this is built.
const POLICY: &str = include_str!("../../../policy/access.yaml");
/// How long the bot may take to connect.
const BOT_LIMIT: Duration = Duration::from_secs(30);

/// The server, the databases, the stand-in, the bot.
pub(super) struct World {
    server: Embedded,
    folder: tempfile::TempDir,
    /// The bot's own database, for looking only.
    pub(super) store: Store,
    /// What people get access to.
    pub(super) targets: Targets,
    /// Where people are.
    pub(super) slack: Sandbox,
    /// The bot.
    pub(super) bot: Bot,
}

impl World {
    /// Starts it all, and waits until the bot is connected.
    pub(super) async fn start(listen: SocketAddr, policy: Option<&Path>) -> Result<Self> {
        let folder = tempfile::tempdir().context("no temporary folder can be made")?;
        let exe = std::env::current_exe().context("this program's own file is not found")?;
        let server = Embedded::start(Options {
            exe,
            data: Data::Temporary,
        })
        .await?;
        let database = server.database_url("jit").await?;
        let targets = Targets::make(&server).await?;
        let slack = open(listen).await?;
        let policy = policy_file(policy, folder.path())?;
        let environment = [
            ("DATABASE_URL", database.clone()),
            ("SLACK_API_URL", slack.api_url()),
            ("SLACK_BOT_TOKEN", "xoxb-acme-bot".to_owned()),
            ("SLACK_APP_TOKEN", "xapp-acme-app".to_owned()),
            ("JIT_POLICY", policy.display().to_string()),
            ("JIT_LISTEN", "127.0.0.1:0".to_owned()),
            ("JIT_DEMO_STAGING_URL", targets.staging.clone()),
            ("JIT_LEGACY_URL", targets.legacy.clone()),
        ];
        let environment = environment
            .map(|(name, value)| (name.to_owned(), value))
            .into();
        let bot = Bot::start(environment, folder.path().join("bot.log"))?;
        let store = Store::connect_lazy(&database, 2)?;
        let mut world = Self {
            server,
            folder,
            store,
            targets,
            slack,
            bot,
        };
        match world.await_bot().await {
            Ok(()) => Ok(world),
            Err(error) => {
                world.stop().await;
                Err(error)
            }
        }
    }

    /// Waits until the bot is connected to the stand-in.
    pub(super) async fn await_bot(&mut self) -> Result<()> {
        let slack = self.slack.clone();
        tokio::select! {
            connected = slack.wait_for(|slack| slack.socket_count() > 0, BOT_LIMIT) => {
                if connected {
                    return Ok(());
                }
            }
            _ = self.bot.wait() => {}
        }
        bail!(
            "the bot did not connect. Its last words:\n{}",
            self.bot.last_words()
        )
    }

    /// Stops everything and leaves nothing behind.
    pub(super) async fn stop(mut self) {
        self.bot.stop().await;
        self.slack.shutdown().await;
        self.store.close().await;
        self.server.stop().await;
        drop(self.folder);
    }
}

/// Where the policy is: the one that was named, or the example, written there.
fn policy_file(named: Option<&Path>, folder: &Path) -> Result<PathBuf> {
    if let Some(path) = named {
        return std::path::absolute(path).context("the policy's path");
    }
    let path = folder.join("access.yaml");
    std::fs::write(&path, POLICY).context("the policy cannot be written")?;
    Ok(path)
}

/// The stand-in at that address, or at any port where that one is taken.
/// The shortcuts of the app's manifest, so that the page offers them.
fn shortcuts() -> Vec<Shortcut> {
    let manifest = manifest(&Mode::Socket);
    let offered = manifest["features"]["shortcuts"].as_array();
    let word = |shortcut: &serde_json::Value, key: &str| {
        shortcut[key].as_str().unwrap_or_default().to_owned()
    };
    let shortcut = |offered: &serde_json::Value| Shortcut {
        callback_id: word(offered, "callback_id"),
        name: word(offered, "name"),
        on_message: offered["type"] == "message",
    };
    offered.into_iter().flatten().map(shortcut).collect()
}

async fn open(listen: SocketAddr) -> Result<Sandbox, SandboxError> {
    let at = |listen| {
        let mut settings = Settings {
            listen,
            ..Settings::acme()
        };
        settings.app.shortcuts = shortcuts();
        Sandbox::start(settings)
    };
    match at(listen).await {
        Ok(sandbox) => Ok(sandbox),
        Err(_) => at(SocketAddr::new(listen.ip(), 0)).await,
    }
}
