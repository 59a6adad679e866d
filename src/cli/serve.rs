//! `jit serve`: the bot, put together and run until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use axum::Router;
use clap::Args;
use futures::FutureExt;
use secrecy::SecretString;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::database::Database;
use super::estate::Estate;
use super::reload::Reload;
use super::{Failure, logging, policy};
use crate::clock::Clock;
use crate::config::{Config, Flags, Needs, SlackConfig};
use crate::connectors::ConnectorError;
use crate::connectors::registry::Registry;
use crate::directory::Directory;
use crate::engine::Engine;
use crate::outward::allow_list;
use crate::policy::Policy;
use crate::slack::client::{Client, ClientSettings};
use crate::slack::handlers::{CredentialsFault, CredentialsSource, Handlers, Shown};
use crate::slack::http::{self, HttpSettings};
use crate::slack::intake::Intake;
use crate::slack::receive::Receive;
use crate::slack::socket::{Socket, SocketTimes};
use crate::store::Store;
use crate::web::health::Readiness;
use crate::web::metrics::Metrics;
use crate::web::server::{Server, router};
use crate::worker::{Pace, Worker};

/// Connections to the database: workers, handlers and the listener.
const CONNECTIONS: u32 = 20;
/// How long work in hand may take at a stop, and how long the database may take to be closed after
/// it: 25 seconds together, since container platforms kill after 30.
pub(super) const STOP_LIMIT: Duration = Duration::from_secs(20);
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// How often histograms are folded together where nobody reads the metrics.
const UPKEEP: Duration = Duration::from_secs(10);

/// Run the bot.
#[derive(Args, Debug)]
#[command(after_help = "\
With SLACK_APP_TOKEN, deliveries come in by Socket Mode, and no public address is needed. With
SLACK_SIGNING_SECRET, they come in by HTTP at /slack/commands, /slack/interactions and
/slack/events. Both may be set, as while moving from one to the other. /livez, /readyz and /metrics are always
there.

A changed policy is followed: its files are looked at every JIT_POLICY_POLL seconds (2), and at once
on SIGHUP. One with faults is not taken: the one from before decides on, the faults are logged, the
metric jit_policy_invalid is 1, and the policy's admin_channel is told.

With SLACK_CLIENT_ID and SLACK_CLIENT_SECRET instead of SLACK_BOT_TOKEN, workspaces install the app
at /slack/install, and each has a folder of its own in JIT_POLICY: see docs/workspaces.md.

Without DATABASE_URL, a private Postgres is started from this machine's programs, and its data is
kept. Any number of `jit serve` may share one DATABASE_URL.

SIGTERM and Ctrl-C stop it within 25 seconds: nothing more is taken in, what is in hand is finished,
the rest is left to the next start. A second one stops it at once.

Exit status: 0 it was told to stop, 1 it could not start or work was left in hand, 2 a setting is
wrong or the policy cannot be read.")]
pub struct Arguments {
    #[command(flatten)]
    flags: Flags,
    /// Stop when standard input ends, for a parent that must not leave this process behind
    #[arg(long, hide = true)]
    stop_with_stdin: bool,
}

impl Arguments {
    /// Runs until a signal says stop.
    pub(super) async fn run(self) -> Result<(), Failure> {
        let config = Config::from_env(&self.flags, Needs::Slack).map_err(Failure::usage)?;
        logging::start(&config);
        let mut signals = Signals::listen(self.stop_with_stdin)?;
        // Of several workspaces each has a policy of its own, which is looked for while the bot runs.
        let policy = match &config.installing {
            None => Some(policy::load(&config.policy)?),
            Some(_) => None,
        };
        let database = Database::open(&config, CONNECTIONS).await?;
        database.store.migrate().await.map_err(Failure::wrong)?;
        let started = match Running::start(&config, policy, &database).await {
            Ok(started) => started,
            Err(failure) => {
                database.close().await;
                return Err(failure);
            }
        };
        tracing::info!(address = %started.address(), private_database = database.is_private(), "jit is running");
        signals.next().await;
        tracing::info!("stopping; again to stop at once");
        let finished = tokio::select! {
            finished = started.stop() => finished,
            () = signals.next() => return Err(Failure::wrong(anyhow!("stopped at once; work in hand is taken up by the next start"))),
        };
        // A database that hangs keeps its connections; the end of the process takes them away.
        let closed = tokio::time::timeout(CLOSE_LIMIT, database.close()).await;
        if finished && closed.is_ok() {
            Ok(())
        } else {
            Err(Failure::wrong(anyhow!(
                "not everything in hand was finished in time; the next start takes it up"
            )))
        }
    }
}

/// What runs: one workspace's bot, or those of all that installed the app.
enum Running {
    Bot(Bot),
    Estate(Estate),
}

impl Running {
    async fn start(
        config: &Config,
        policy: Option<Policy>,
        database: &Database,
    ) -> Result<Self, Failure> {
        let (store, clock, pace) = (database.store.clone(), Clock::Database, Pace::default());
        let Some(policy) = policy else {
            let estate = Estate::start(config, store, clock, pace).await?;
            return Ok(Self::Estate(estate));
        };
        for warning in policy.warnings() {
            tracing::warn!(warning = warning.line(), "the policy");
        }
        let parts = Parts {
            store,
            policy,
            clock,
            pace,
        };
        let bot = Bot::start(config, parts).await?;
        bot.follow(config.policy.clone(), config.policy_poll);
        Ok(Self::Bot(bot))
    }

    fn address(&self) -> SocketAddr {
        match self {
            Self::Bot(bot) => bot.address(),
            Self::Estate(estate) => estate.address(),
        }
    }

    async fn stop(self) -> bool {
        match self {
            Self::Bot(bot) => bot.stop().await,
            Self::Estate(estate) => estate.stop().await,
        }
    }
}

/// What a bot runs on.
#[derive(Debug)]
pub struct Parts {
    /// The database, migrated.
    pub store: Store,
    /// The policy.
    pub policy: Policy,
    /// The clock.
    pub clock: Clock,
    /// How fast the workers go.
    pub pace: Pace,
}

/// A running bot.
pub struct Bot {
    address: SocketAddr,
    /// Everything that takes in: server, connections, and the work behind them.
    intake: Group,
    /// Everything that runs by itself.
    workers: Group,
    engine: Arc<Engine>,
    connectors: Arc<Registry>,
}

/// Tasks that stop together. Clones are the same group.
#[derive(Clone, Default)]
pub struct Group {
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
}

impl Group {
    pub(super) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Bot {
    /// Puts the parts together and starts them.
    ///
    /// # Errors
    /// Without Slack in the settings, and when the address is in use.
    pub async fn start(config: &Config, parts: Parts) -> Result<Self, Failure> {
        let slack = config
            .slack
            .as_ref()
            .context("there is no Slack to talk to");
        let slack = slack.map_err(Failure::usage)?;
        let server = Server::bind(config.listen).await;
        let server = server.with_context(|| format!("{} cannot be listened on", config.listen));
        let server = server.map_err(Failure::wrong)?;
        let metrics = Metrics::install().map_err(Failure::wrong)?;
        let mut client = ClientSettings::at(slack.api_url.as_str());
        // Plain http leads to a stand-in on this machine (the settings see to that), which has no
        // rates to keep.
        client.paced = slack.api_url.scheme() != "http";
        let client = Client::new(&slack.bot_token, client).map_err(Failure::wrong)?;

        let connectors = Registry::new(parts.policy.connectors().clone());
        let connectors = Arc::new(connectors.allow_webhooks(allow_list(&config.webhook_allow)));
        let (store, policy) = (parts.store.clone(), parts.policy.clone());
        let engine = Arc::new(Engine::new(store, policy, parts.clock));
        // From the first moment the ledger knows by which policy it is decided.
        let known = engine.adopt(parts.policy).await;
        known.map_err(Failure::wrong)?;
        let directory = Directory::new(parts.store, client.clone());
        let directory = directory.allow_hosts(allow_list(&config.webhook_allow));
        let credentials = credentials(Arc::clone(&connectors));
        let handlers = Handlers::new(
            Arc::clone(&engine),
            directory.clone(),
            client.clone(),
            credentials,
        );
        let bot = Self {
            address: server.address(),
            intake: Group::default(),
            workers: Group::default(),
            engine: Arc::clone(&engine),
            connectors: Arc::clone(&connectors),
        };
        let worker = Worker {
            engine: Arc::clone(&engine),
            connectors,
            slack: client.clone(),
            directory: directory.clone(),
            pace: parts.pace,
        };
        worker.start(&bot.workers.tasks, &bot.workers.stop);
        let intake = Intake::new(handlers, bot.intake.tasks.clone());
        bot.open_socket(slack, &client, &intake);
        let in_socket_mode = slack.app_token.is_some().then(|| metrics.clone());
        let readiness = Readiness::new(Arc::clone(&engine), client, in_socket_mode);
        let routes = router(
            readiness,
            metrics.clone(),
            slack_routes(&slack.signing_secrets, engine.clock(), intake.receive()),
        );
        serve(&bot.intake, server, routes);
        bot.look_after(intake, metrics);
        Ok(bot)
    }

    /// Follows the policy in that file or folder from now on.
    pub fn follow(&self, path: PathBuf, every: Option<Duration>) {
        let (engine, connectors) = (Arc::clone(&self.engine), Arc::clone(&self.connectors));
        let reload = Reload::new(path, engine, connectors);
        let stop = self.workers.stop.clone();
        let following = reload.follow_until(every, stop);
        self.workers.tasks.spawn(following);
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes nothing more in, finishes what came in, then what the workers hold. Answers whether
    /// everything was finished in time; what was not is in the database, and its leases run out.
    pub async fn stop(self) -> bool {
        let stopping = async {
            self.intake.stop().await;
            self.workers.stop().await;
        };
        tokio::time::timeout(STOP_LIMIT, stopping).await.is_ok()
    }

    fn open_socket(&self, slack: &SlackConfig, client: &Client, intake: &Intake) {
        let Some(app_token) = slack.app_token.clone() else {
            return;
        };
        let (client, receive) = (client.clone(), intake.receive());
        let socket = Socket {
            client,
            app_token,
            receive,
            times: SocketTimes::default(),
        };
        socket.start(&self.intake.tasks, &self.intake.stop);
    }

    fn look_after(&self, intake: Intake, metrics: Metrics) {
        let stop = self.intake.stop.clone();
        self.intake
            .tasks
            .spawn(async move { intake.take_up_until(stop).await });
        upkeep(&self.workers, metrics);
    }
}

/// Serves until the group stops.
pub(super) fn serve(group: &Group, server: Server, routes: Router) {
    let stop = group.stop.clone();
    group.tasks.spawn(async move {
        if let Err(error) = server.run(routes, stop).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the server ended");
        }
    });
}

/// Folds histograms together where nobody reads the metrics.
pub(super) fn upkeep(group: &Group, metrics: Metrics) {
    let stop = group.stop.clone();
    group.tasks.spawn(async move {
        while stop
            .run_until_cancelled(tokio::time::sleep(UPKEEP))
            .await
            .is_some()
        {
            metrics.upkeep();
        }
    });
}

/// Slack's routes, where there is a secret to know Slack by.
pub(super) fn slack_routes(
    signing_secrets: &[SecretString],
    clock: &Clock,
    receive: Receive,
) -> Option<Router> {
    let (first, others) = signing_secrets.split_first()?;
    let clock = clock.clone();
    let mut settings = HttpSettings::new(first.clone(), Arc::new(move || clock.wall()));
    settings.secrets.extend_from_slice(others);
    Some(http::router(settings, receive))
}

/// Fresh passwords, set by the connector of the target.
pub(super) fn credentials(connectors: Arc<Registry>) -> CredentialsSource {
    Arc::new(move |access, target| {
        let connectors = Arc::clone(&connectors);
        let setting = async move {
            let connector = connectors.for_target(&target)?;
            connector.credentials(&access, &target).await
        };
        async move {
            // Whoever shows it has a limit for the wait.
            let set = setting
                .await
                .map_err(|error: ConnectorError| CredentialsFault(error.to_string()))?;
            Ok(Shown {
                facts: set.facts,
                password: set.password,
            })
        }
        .boxed()
    })
}

/// SIGTERM and SIGINT, and the end of standard input where that is a signal too.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    with_stdin: bool,
}

impl Signals {
    fn listen(with_stdin: bool) -> Result<Self, Failure> {
        let listen = |kind| signal(kind).context("signals cannot be received");
        let terminate = listen(SignalKind::terminate()).map_err(Failure::wrong)?;
        let interrupt = listen(SignalKind::interrupt()).map_err(Failure::wrong)?;
        Ok(Self {
            terminate,
            interrupt,
            with_stdin,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            () = end_of_stdin(), if self.with_stdin => self.with_stdin = false,
        }
    }
}

async fn end_of_stdin() {
    let mut nobody_listens = tokio::io::sink();
    // An input that cannot be read has ended too.
    let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut nobody_listens).await;
}
