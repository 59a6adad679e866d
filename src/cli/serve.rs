//! `jit serve`: the bot, put together and run until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use axum::Router;
use clap::Args;
use futures::FutureExt;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::database::Database;
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
const STOP_LIMIT: Duration = Duration::from_secs(20);
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
        let policy = policy::load(&config.policy)?;
        for warning in policy.warnings() {
            tracing::warn!(warning = warning.line(), "the policy");
        }
        let database = Database::open(&config, CONNECTIONS).await?;
        database.store.migrate().await.map_err(Failure::wrong)?;
        let parts = Parts {
            store: database.store.clone(),
            policy,
            clock: Clock::Database,
            pace: Pace::default(),
        };
        let started = match Bot::start(&config, parts).await {
            Ok(bot) => bot,
            Err(failure) => {
                database.close().await;
                return Err(failure);
            }
        };
        started.follow(config.policy.clone(), config.policy_poll);
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

/// Tasks that stop together.
#[derive(Default)]
struct Group {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Group {
    async fn stop(&self) {
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
            slack_routes(slack, &engine, &intake),
        );
        bot.serve(server, routes);
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

    fn serve(&self, server: Server, routes: Router) {
        let stop = self.intake.stop.clone();
        self.intake.tasks.spawn(async move {
            if let Err(error) = server.run(routes, stop).await {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the server ended");
            }
        });
    }

    fn look_after(&self, intake: Intake, metrics: Metrics) {
        let stop = self.intake.stop.clone();
        self.intake
            .tasks
            .spawn(async move { intake.take_up_until(stop).await });
        let stop = self.workers.stop.clone();
        self.workers.tasks.spawn(async move {
            while stop
                .run_until_cancelled(tokio::time::sleep(UPKEEP))
                .await
                .is_some()
            {
                metrics.upkeep();
            }
        });
    }
}

/// Slack's routes, where there is a secret to know Slack by.
fn slack_routes(slack: &SlackConfig, engine: &Arc<Engine>, intake: &Intake) -> Option<Router> {
    let (first, others) = slack.signing_secrets.split_first()?;
    let clock = engine.clock().clone();
    let mut settings = HttpSettings::new(first.clone(), Arc::new(move || clock.wall()));
    settings.secrets.extend_from_slice(others);
    Some(http::router(settings, intake.receive()))
}

/// Fresh passwords, set by the connector of the target.
fn credentials(connectors: Arc<Registry>) -> CredentialsSource {
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
