//! The bot of the demo: `jit serve` as a process of its own, so that it can be killed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result};
use tokio::process::{Child, ChildStdin, Command};

/// A `jit serve` that ends with this process, however this one ends.
pub(super) struct Bot {
    child: Child,
    /// While this is open, it is wanted. Kept apart from the child, whose `wait` would close it.
    wanted: Option<ChildStdin>,
    log: PathBuf,
    environment: Vec<(String, String)>,
}

impl Bot {
    /// Starts it. What it logs is appended to that file.
    pub(super) fn start(environment: Vec<(String, String)>, log: PathBuf) -> Result<Self> {
        let mut child = spawn(&environment, &log)?;
        Ok(Self {
            wanted: child.stdin.take(),
            child,
            log,
            environment,
        })
    }

    /// Kills it, as a machine that dies would.
    pub(super) async fn kill(&mut self) -> Result<()> {
        self.child
            .kill()
            .await
            .context("the bot could not be killed")
    }

    /// Starts it again.
    pub(super) fn restart(&mut self) -> Result<()> {
        self.child = spawn(&self.environment, &self.log)?;
        self.wanted = self.child.stdin.take();
        Ok(())
    }

    /// Waits until it ends by itself, and says how.
    pub(super) async fn wait(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => format!("{status}; its log is {}", self.log.display()),
            Err(error) => error.to_string(),
        }
    }

    /// Tells it to stop, and waits until it has.
    pub(super) async fn stop(&mut self) {
        drop(self.wanted.take());
        let _ = self.child.wait().await;
    }

    /// Where it logs.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// The last lines of its log.
    pub(super) fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }
}

fn spawn(environment: &[(String, String)], log: &Path) -> Result<Child> {
    let exe = std::env::current_exe().context("this program's own file is not found")?;
    let log = File::options().create(true).append(true).open(log);
    let log = log.context("the bot's log cannot be written")?;
    let mut command = Command::new(exe);
    for name in SETTINGS {
        command.env_remove(name).env_remove(format!("{name}_FILE"));
    }
    command
        .args(["serve", "--stop-with-stdin"])
        .envs(environment.iter().map(|(name, value)| (name, value)))
        // Ctrl-C is for the demo, which stops the bot in its turn.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(log.try_clone().context("the bot's log cannot be written")?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .context("the bot could not be started")
}

/// Settings of the person's own that the demo's bot must not see.
const SETTINGS: [&str; 10] = [
    "DATABASE_URL",
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_SIGNING_SECRET",
    "SLACK_API_URL",
    "JIT_POLICY",
    "JIT_LISTEN",
    "JIT_LOG",
    "JIT_LOG_FORMAT",
    "JIT_WEBHOOK_ALLOW",
];
