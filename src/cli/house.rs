//! The house of one installation: the parts of a bot over a schema of its own. Nothing in it can
//! reach what belongs to another workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::anyhow;
use tokio_util::sync::CancellationToken;

use super::reload::Reload;
use super::serve::{Group, credentials};
use crate::clock::Clock;
use crate::connectors::registry::Registry;
use crate::directory::Directory;
use crate::engine::Engine;
use crate::policy::{Faults, Policy, Source};
use crate::slack::client::{Client, ClientSettings, Respond};
use crate::slack::handlers::Handlers;
use crate::slack::intake::Intake;
use crate::slack::payload::{Delivery, Matter};
use crate::slack::receive::{Answer, Receive};
use crate::slack::view::workspace;
use crate::store::Store;
use crate::store::installations::Installed;
use crate::worker::{Pace, Worker};
use crate::workspaces::{Installations, folder_of};

/// Connections to the database for each house, opened when they are needed.
const CONNECTIONS: u32 = 8;
/// Between two looks for a policy that is not there yet, where no time is set.
const POLL: Duration = Duration::from_secs(2);
/// What a house stands on until its policy was read: it allows nothing, and is never recorded.
const NO_POLICY: &str = "version: 1\n";

/// What all houses of a process share.
pub struct Ground {
    /// The database, in its default schema.
    pub store: Store,
    /// The clock.
    pub clock: Clock,
    /// How fast the workers go.
    pub pace: Pace,
    /// How Slack is called.
    pub settings: ClientSettings,
    /// The installations.
    pub installations: Installations,
    /// Hosts that may be called although they are internal.
    pub hosts: BTreeSet<String>,
    /// The folder that holds one folder of policy for each workspace.
    pub policies: PathBuf,
    /// How long between two looks whether a policy has changed.
    pub poll: Option<Duration>,
    /// The work behind deliveries.
    pub intake: Group,
    /// Everything that runs by itself.
    pub workers: Group,
}

/// One workspace's bot.
pub struct House {
    engine: Arc<Engine>,
    client: Client,
    receive: Receive,
    folder: String,
    decides: Arc<AtomicBool>,
}

impl House {
    /// Opens a house: makes and migrates its schema, and starts its parts. What was given is taken
    /// away from now on; everything else begins when its policy was read.
    pub(super) async fn open(ground: &Ground, row: &Installed) -> anyhow::Result<Self> {
        let store = ground.store.house(&row.house, CONNECTIONS).await?;
        let tokens = ground.installations.tokens(&row.house);
        let settings = ClientSettings {
            workspace: Some(row.house.clone()),
            ..ground.settings.clone()
        };
        let client = Client::changing(tokens, settings)?;
        let connectors = Registry::new(BTreeMap::new()).allow_webhooks(ground.hosts.clone());
        let connectors = Arc::new(connectors);
        let nothing = no_policy().map_err(|faults| anyhow!("{}", faults.render(false)))?;
        let engine = Arc::new(Engine::new(store.clone(), nothing, ground.clock.clone()));
        let directory = Directory::new(store, client.clone());
        let directory = directory.allow_hosts(ground.hosts.clone());
        let handlers = Handlers::new(
            Arc::clone(&engine),
            directory.clone(),
            client.clone(),
            credentials(Arc::clone(&connectors)),
        );
        let intake = Intake::new(handlers, ground.intake.tasks.clone());
        let worker = Worker {
            engine: Arc::clone(&engine),
            connectors: Arc::clone(&connectors),
            slack: client.clone(),
            directory,
            pace: ground.pace,
        };
        worker.start_ends(&ground.workers.tasks, &ground.workers.stop);
        let house = Self {
            engine: Arc::clone(&engine),
            client,
            receive: intake.receive(),
            folder: folder_of(row).to_owned(),
            decides: Arc::default(),
        };
        let waiting = Waiting {
            path: ground.policies.join(&house.folder),
            poll: ground.poll,
            engine,
            connectors,
            worker,
            intake,
            decides: Arc::clone(&house.decides),
        };
        let (intake, workers) = (ground.intake.clone(), ground.workers.clone());
        ground
            .workers
            .tasks
            .spawn(async move { waiting.begin_when_ready(intake, workers).await });
        Ok(house)
    }

    /// Its engine.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Whether it has a policy to decide by.
    pub fn decides(&self) -> bool {
        self.decides.load(Ordering::Acquire)
    }

    /// Takes in one delivery; without a policy it says so, and nothing is decided.
    pub(super) async fn take(&self, delivery: Delivery) -> Answer {
        if self.decides() {
            return (self.receive)(delivery).await;
        }
        match &delivery.matter {
            Matter::Submission(_) => {
                return Answer::AckWith(workspace::no_policy_update(&self.folder));
            }
            Matter::Suggestion { .. } => {
                return Answer::AckWith(serde_json::json!({"options": []}));
            }
            Matter::Command(_) | Matter::Click(_) | Matter::Shortcut(_) => {}
            _ => return Answer::Ack,
        }
        if let Some(url) = delivery.response_url() {
            let words = workspace::no_policy(&self.folder);
            // What went wrong is logged by the client, and there is nobody else to tell.
            let _ = self.client.respond(url, &words, Respond::Ephemeral).await;
        }
        Answer::Ack
    }
}

/// A house whose policy is not read yet.
struct Waiting {
    path: PathBuf,
    poll: Option<Duration>,
    engine: Arc<Engine>,
    connectors: Arc<Registry>,
    worker: Worker,
    intake: Intake,
    decides: Arc<AtomicBool>,
}

impl Waiting {
    async fn begin_when_ready(self, intake: Group, workers: Group) {
        let Some(policy) = self.policy(&workers.stop).await else {
            return;
        };
        tracing::info!(policy = %self.path.display(), hash = policy.hash(), "a workspace has a policy");
        for warning in policy.warnings() {
            tracing::warn!(warning = warning.line(), "the policy");
        }
        let specs = policy.connectors().clone();
        while let Err(error) = self.engine.adopt(policy.clone()).await {
            tracing::error!(%error, "a policy could not be recorded; it waits");
            if !pause(&workers.stop, POLL).await {
                return;
            }
        }
        self.connectors.follow(specs);
        self.worker.start_words(&workers.tasks, &workers.stop);
        let reload = Reload::new(self.path, self.engine, self.connectors);
        let following = reload.follow_until(self.poll, workers.stop.clone());
        workers.tasks.spawn(following);
        let (left, stop) = (self.intake, intake.stop.clone());
        intake
            .tasks
            .spawn(async move { left.take_up_until(stop).await });
        self.decides.store(true, Ordering::Release);
    }

    /// The policy, as soon as there is one without fault; none when told to stop.
    async fn policy(&self, stop: &CancellationToken) -> Option<Policy> {
        let mut told = String::new();
        loop {
            let path = self.path.clone();
            let loading = tokio::task::spawn_blocking(move || Policy::load(&path));
            match loading.await {
                Ok(Ok(policy)) => return Some(policy),
                Ok(Err(faults)) => {
                    let faults = faults.render(false);
                    if faults != told {
                        let path = self.path.display();
                        tracing::warn!(%path, "a workspace has no policy to decide by yet:\n{faults}");
                    }
                    told = faults;
                }
                Err(_) => tracing::error!("a policy could not be looked at"),
            }
            if !pause(stop, self.poll.unwrap_or(POLL)).await {
                return None;
            }
        }
    }
}

/// Waits; answers whether to go on.
async fn pause(stop: &CancellationToken, time: Duration) -> bool {
    let slept = stop.run_until_cancelled(tokio::time::sleep(time)).await;
    slept.is_some()
}

fn no_policy() -> Result<Policy, Faults> {
    let (name, text) = ("none.yaml".into(), NO_POLICY.into());
    Policy::from_sources(vec![Source { name, text }])
}
