//! Several workspaces in one process: an app that is installed by OAuth. Each installation has a
//! [house](super::house) of its own; what comes in is brought to the house that it belongs to.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context;
use futures::{FutureExt, StreamExt};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::Failure;
use super::house::{Ground, House};
use super::serve::{Group, STOP_LIMIT, serve, slack_routes, upkeep};
use crate::clock::Clock;
use crate::config::{Config, InstallConfig};
use crate::outward::allow_list;
use crate::slack::client::{Client, ClientSettings, OAuth};
use crate::slack::payload::{Delivery, Matter};
use crate::slack::receive::{Answer, Receive};
use crate::slack::socket::{Socket, SocketTimes};
use crate::store::installations::Installed;
use crate::store::{Store, StoreError};
use crate::web::health::{Part, Readiness, Workspaces};
use crate::web::install;
use crate::web::metrics::Metrics;
use crate::web::server::{Server, router};
use crate::worker::Pace;
use crate::workspaces::seal::Keys;
use crate::workspaces::{Installations, folder_of, home_of, is_of};

/// Between two looks for installations that other processes took in.
const POLL: Duration = Duration::from_secs(5);
/// How long the opening of one house may take, and how many are opened at once.
const OPEN_LIMIT: Duration = Duration::from_secs(20);
const OPEN_AT_ONCE: usize = 8;
/// How long exchanges of tokens may take at a stop: longer than Slack may take to answer one, and
/// within the time of the whole stop, beside which it runs.
const EXCHANGE_LIMIT: Duration = Duration::from_secs(15);

/// A running estate.
pub struct Estate {
    address: SocketAddr,
    /// Everything that takes in.
    intake: Group,
    houses: Houses,
}

/// The houses of this process. Clones are the same.
#[derive(Clone)]
pub struct Houses {
    inner: Arc<Inner>,
}

type Slot = Arc<OnceCell<Arc<House>>>;

struct Inner {
    ground: Ground,
    /// The installations as they were at the last look.
    rows: RwLock<Vec<Installed>>,
    /// Each is opened once, however many want it, and again where that failed.
    standing: RwLock<BTreeMap<String, Slot>>,
    /// One reading at a time, so that an older one does not replace a newer one.
    reading: tokio::sync::Mutex<()>,
    /// Whether there was a first look.
    looked: AtomicBool,
}

impl Estate {
    /// Puts the parts together and starts them.
    ///
    /// # Errors
    /// Without an app in the settings, and when the address is in use.
    pub async fn start(
        config: &Config,
        store: Store,
        clock: Clock,
        pace: Pace,
    ) -> Result<Self, Failure> {
        let app = config.installing.as_ref();
        let app = app.context("there is no app to install");
        let app = app.map_err(Failure::usage)?;
        let server = Server::bind(config.listen).await;
        let server = server.with_context(|| format!("{} cannot be listened on", config.listen));
        let server = server.map_err(Failure::wrong)?;
        let metrics = Metrics::install().map_err(Failure::wrong)?;
        let settings = settings(app);
        let installations = installations(app, &settings, (store.clone(), clock.clone()))?;
        let ground = Ground {
            store,
            clock,
            pace,
            settings,
            installations,
            hosts: allow_list(&config.webhook_allow),
            policies: config.policy.clone(),
            poll: config.policy_poll,
            intake: Group::default(),
            workers: Group::default(),
        };
        let estate = Self {
            address: server.address(),
            intake: Group::default(),
            houses: Houses::on(ground),
        };
        estate.open(app, server, metrics)?;
        Ok(estate)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The houses.
    pub fn houses(&self) -> &Houses {
        &self.houses
    }

    /// The installations, with the tokens that this process holds.
    pub fn installations(&self) -> &Installations {
        &self.houses.inner.ground.installations
    }

    /// Takes nothing more in, finishes what came in, then what the workers hold. Tokens that are
    /// being exchanged have a time of their own, so that whatever hangs costs none. Answers whether
    /// everything was finished in time.
    pub async fn stop(self) -> bool {
        let ground = &self.houses.inner.ground;
        let stopping = async {
            self.intake.stop().await;
            ground.intake.stop().await;
            ground.workers.stop().await;
        };
        let stopping = tokio::time::timeout(STOP_LIMIT, stopping);
        let exchanging = self.installations().finish(EXCHANGE_LIMIT);
        let (stopped, exchanged) = tokio::join!(stopping, exchanging);
        stopped.is_ok() && exchanged
    }

    fn open(&self, app: &InstallConfig, server: Server, metrics: Metrics) -> Result<(), Failure> {
        let (houses, ground) = (self.houses.clone(), &self.houses.inner.ground);
        if let Some(app_token) = app.app_token.clone() {
            let client = Client::new(&app_token, ground.settings.clone());
            let socket = Socket {
                client: client.map_err(Failure::wrong)?,
                app_token,
                receive: houses.receive(),
                times: SocketTimes::default(),
            };
            socket.start(&self.intake.tasks, &self.intake.stop);
        }
        let in_socket_mode = app.app_token.is_some().then(|| metrics.clone());
        let (store, told) = (ground.store.clone(), houses.in_words());
        let readiness = Readiness::of_workspaces(store, told, in_socket_mode);
        let slack = slack_routes(&app.signing_secrets, &ground.clock, houses.receive());
        let routes = slack.unwrap_or_default();
        let routes = routes.merge(install::router(ground.installations.clone()));
        serve(
            &self.intake,
            server,
            router(readiness, metrics.clone(), Some(routes)),
        );
        upkeep(&ground.workers, metrics);
        let (following, stop) = (houses.clone(), ground.workers.stop.clone());
        ground
            .workers
            .tasks
            .spawn(async move { following.follow_until(stop).await });
        Ok(())
    }
}

pub(super) fn settings(app: &InstallConfig) -> ClientSettings {
    let mut settings = ClientSettings::at(app.api_url.as_str());
    // As for one workspace: plain http leads to a stand-in on this machine.
    settings.paced = app.api_url.scheme() != "http";
    settings
}

pub(super) fn installations(
    app: &InstallConfig,
    settings: &ClientSettings,
    (store, clock): (Store, Clock),
) -> Result<Installations, Failure> {
    let keys = Keys::new(&app.token_keys).map_err(Failure::usage)?;
    let id = secrecy::ExposeSecret::expose_secret(&app.client_id);
    let oauth = OAuth::new(id, app.client_secret.clone(), settings);
    let oauth = oauth.map_err(Failure::wrong)?;
    let url = app.public_url.as_str();
    let installations = Installations::new(store, clock, keys, oauth, url);
    Ok(installations.only_for(app.install_allow.clone()))
}

impl Houses {
    /// No house yet, on that ground.
    pub fn on(ground: Ground) -> Self {
        let inner = Inner {
            ground,
            rows: RwLock::default(),
            standing: RwLock::default(),
            reading: tokio::sync::Mutex::default(),
            looked: AtomicBool::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The house of that schema.
    pub fn get(&self, name: &str) -> Option<Arc<House>> {
        let standing = self.inner.standing.read();
        let standing = standing.unwrap_or_else(PoisonError::into_inner);
        standing.get(name)?.get().cloned()
    }

    fn slot(&self, name: &str) -> Slot {
        let standing = self.inner.standing.write();
        let mut standing = standing.unwrap_or_else(PoisonError::into_inner);
        Arc::clone(standing.entry(name.to_owned()).or_default())
    }

    /// Reads which installations there are, and opens a house for each that has none, several at once:
    /// one that hangs holds up no other. One whose house cannot be opened is logged and tried again at
    /// the next look. Houses of workspaces that uninstalled the app are opened too: what was given
    /// there has still to be taken away.
    ///
    /// # Errors
    /// When the installations cannot be read.
    pub async fn look(&self) -> Result<(), StoreError> {
        let rows = self.read().await?;
        let missing = rows
            .into_iter()
            .filter(|row| self.get(&row.house).is_none());
        let opening = missing.map(|row| async move { self.open(&row).await });
        let opening = futures::stream::iter(opening).buffer_unordered(OPEN_AT_ONCE);
        opening.collect::<()>().await;
        self.inner.looked.store(true, Ordering::Release);
        Ok(())
    }

    /// Reads which installations there are, and goes by it from now on.
    async fn read(&self) -> Result<Vec<Installed>, StoreError> {
        let _alone = self.inner.reading.lock().await;
        let rows = self.inner.ground.installations.all().await?;
        let known = self.inner.rows.write();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        known.clone_from(&rows);
        Ok(rows)
    }

    async fn open(&self, row: &Installed) {
        let slot = self.slot(&row.house);
        let opening = slot.get_or_try_init(|| async {
            let house = House::open(&self.inner.ground, row).await?;
            anyhow::Ok(Arc::new(house))
        });
        let opened = tokio::time::timeout(OPEN_LIMIT, opening).await;
        let error = match opened {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => "the database took too long".to_owned(),
        };
        tracing::error!(
            workspace = row.house,
            error,
            "a workspace could not be opened"
        );
    }

    /// Looks every few seconds, and at once when another process hints; sees to the tokens as well,
    /// which wait for no house that is slow to open.
    async fn follow_until(&self, stop: CancellationToken) {
        let installations = &self.inner.ground.installations;
        let mut hints = None;
        while !stop.is_cancelled() {
            let houses = self.clone();
            let until = stop.clone();
            let looking = async move { until.run_until_cancelled(houses.look_and_tell()).await };
            self.inner.ground.workers.tasks.spawn(looking);
            if let Err(error) = installations.look_after_tokens().await {
                tracing::error!(%error, "the tokens could not be looked after");
            }
            if hints.is_none() {
                hints = installations.hints().await.ok();
            }
            let hinted = async {
                match &mut hints {
                    Some(hints) => hints.next().await.is_ok(),
                    None => std::future::pending().await,
                }
            };
            let lost = tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(POLL) => false,
                heard = hinted => !heard,
            };
            if lost {
                hints = None;
            }
        }
    }

    /// Looks; answers whether the installations could be read.
    async fn look_and_tell(&self) -> bool {
        let looked = self.look().await;
        if let Err(error) = &looked {
            tracing::error!(%error, "the installations could not be read");
        }
        looked.is_ok()
    }

    /// What the ways in hand deliveries to.
    pub fn receive(&self) -> Receive {
        let houses = self.clone();
        Arc::new(move |delivery| {
            let houses = houses.clone();
            async move { houses.take(delivery).await }.boxed()
        })
    }

    async fn take(&self, delivery: Delivery) -> Answer {
        let row = match self.home(&delivery).await {
            Ok(row) => row,
            Err(answer) => return answer,
        };
        if let Matter::Event { kind, user, at, .. } = &delivery.matter
            && is_the_end(kind, user.as_deref())
        {
            return self.end(&row, (kind, *at)).await;
        }
        match self.get(&row.house) {
            Some(house) => house.take(delivery).await,
            None => Answer::NotRecorded,
        }
    }

    /// Slack says that the tokens of an installation are worth nothing any more.
    async fn end(&self, row: &Installed, (why, at): (&str, Option<i64>)) -> Answer {
        let installations = &self.inner.ground.installations;
        match installations.uninstalled(&row.house, why, at).await {
            Ok(_) => {
                self.look_apart().await;
                Answer::Ack
            }
            Err(error) => {
                tracing::error!(workspace = row.house, %error, "an uninstallation was not recorded");
                Answer::NotRecorded
            }
        }
    }

    /// The installation that a delivery belongs to, or the answer where there is none. One that is not
    /// known may be new to this process, so none is turned away before a look that worked.
    async fn home(&self, delivery: &Delivery) -> Result<Installed, Answer> {
        if let Some(found) = self.known_home(delivery) {
            return Ok(found);
        }
        let looked = self.look_apart().await;
        if let Some(found) = self.known_home(delivery) {
            return Ok(found);
        }
        if !looked {
            metrics::counter!("jit_slack_deliveries_lost_total").increment(1);
            return Err(Answer::NotRecorded);
        }
        metrics::counter!("jit_slack_deliveries_refused_total", "fault" => "not_installed")
            .increment(1);
        tracing::warn!("refused a delivery of a workspace that has not installed the app");
        Err(Answer::Foreign)
    }

    /// Looks in a task of its own, since Slack may hang up; answers whether the look worked.
    async fn look_apart(&self) -> bool {
        let houses = self.clone();
        let looking = async move { houses.look_and_tell().await };
        let looking = self.inner.ground.workers.tasks.spawn(looking);
        looking.await.unwrap_or_else(|_| {
            tracing::error!("a look at the installations was stopped");
            false
        })
    }

    fn known_home(&self, delivery: &Delivery) -> Option<Installed> {
        let rows = self.inner.rows.read();
        let rows = rows.unwrap_or_else(PoisonError::into_inner);
        let from = delivery.workspace();
        let home = home_of(from, &rows)?;
        let ends = matches!(&delivery.matter, Matter::Event { kind, .. } if is_end(kind));
        (!ends || is_of(from, home)).then(|| home.clone())
    }

    /// How they stand, for readiness: one that is at fault takes the process from no other.
    fn in_words(&self) -> Workspaces {
        let houses = self.clone();
        Arc::new(move || {
            if !houses.inner.looked.load(Ordering::Acquire) {
                return Part::ill("the installations are not read yet");
            }
            let rows = houses.inner.rows.read();
            let rows = rows.unwrap_or_else(PoisonError::into_inner);
            let present: Vec<&Installed> =
                rows.iter().filter(|row| row.removed_at.is_none()).collect();
            let decides =
                |row: &&&Installed| houses.get(&row.house).is_some_and(|house| house.decides());
            let silent: Vec<&str> = present
                .iter()
                .filter(|row| !decides(row))
                .map(|row| folder_of(row))
                .collect();
            let many = present.len();
            Part::well(match silent.as_slice() {
                [] => format!("{many} installed, each with a policy"),
                silent => format!("{many} installed, without a policy: {}", silent.join(", ")),
            })
        })
    }
}

fn is_end(kind: &str) -> bool {
    ["app_uninstalled", "tokens_revoked"].contains(&kind)
}

/// Whether the bot's tokens are gone. People may revoke tokens of their own, of which we have none.
fn is_the_end(kind: &str, user: Option<&str>) -> bool {
    kind == "app_uninstalled" || (kind == "tokens_revoked" && user.is_some())
}
