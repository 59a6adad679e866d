//! A local stand-in for Slack, with a page for the browser.
//!
//! It speaks Slack's protocol to a bot and knows nothing else of it: the Web API under `/api/`,
//! signed HTTP deliveries or Socket Mode the other way, `response_url`s, `trigger_id`s. People act
//! through [`Sandbox`] (`slash`, `click`, `submit`, …) or through the page at `/`; what they see is
//! read back with `messages`, `dms`, `modal`, `home`. Tests can make it misbehave
//! ([`Sandbox::fault`]) and read what was asked of it ([`Sandbox::calls`]).
//!
//! In reading order: [`Settings`] (the workspace), `world` (its memory), `api` (the Web API),
//! `deliver` and `socket` (to the bot), `act` (what people do), `look` (what they see),
//! `server` and `page` (the browser).

mod act;
mod api;
mod blocks;
mod calls;
mod deliver;
mod entry;
mod faults;
mod fill;
mod look;
mod message;
mod oauth;
mod page;
mod payload;
mod plain;
mod rates;
mod response_url;
mod server;
mod settings;
mod socket;
mod spot;
mod submit;
mod time;
mod view;
mod world;

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub use act::Reply;
pub use calls::Call;
pub use deliver::Ack;
pub use faults::{Fault, FaultKind, Outward};
pub use message::Message;
pub use rates::Rate;
pub use settings::{App, Channel, Settings, Shortcut, SlashCommand, Team, User, Usergroup};
pub use submit::{SubmitOutcome, SubmitReply, SubmitValues};
pub use view::View;

use socket::Sockets;
use world::World;

/// Why an act could not even be tried.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The address could not be listened on.
    #[error("the stand-in for Slack cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the machine said.
        source: std::io::Error,
    },
    /// The client that carries deliveries could not be made.
    #[error("the stand-in for Slack cannot make an HTTP client")]
    Client(#[source] reqwest::Error),
    /// Nobody is called that.
    #[error("there is no user {0}")]
    NoSuchUser(String),
    /// No conversation is called that.
    #[error("there is no channel {0}")]
    NoSuchChannel(String),
    /// The person is not in that channel.
    #[error("{user} is not in {channel}")]
    NotInChannel {
        /// The person.
        user: String,
        /// The channel.
        channel: String,
    },
    /// There is no such message, or the person cannot see it.
    #[error("there is no message {ts} in {channel} that {user} can see")]
    NoSuchMessage {
        /// The person.
        user: String,
        /// The channel.
        channel: String,
        /// The timestamp.
        ts: String,
    },
    /// Nothing there answers to that key.
    #[error("nothing to use is called {key:?}; there are: {there}")]
    NoSuchAction {
        /// What was looked for.
        key: String,
        /// What there is, as `block_id/action_id`.
        there: String,
    },
    /// The choice is not on offer.
    #[error("{key}: {why}")]
    NoSuchChoice {
        /// The element.
        key: String,
        /// What is wrong.
        why: String,
    },
    /// No modal is open.
    #[error("{0} has no open modal")]
    NoModal(String),
    /// The App Home tab was never published.
    #[error("{0} has no App Home view")]
    NoHome(String),
}

/// A running stand-in. Clones are handles to the same one; it stops when the last is dropped.
#[derive(Clone)]
pub struct Sandbox {
    shared: Shared,
    twice: bool,
    /// Absent in handles that serve the page: those must not keep the stand-in alive.
    _stop: Option<Arc<DropGuard>>,
}

/// What the stand-in's tasks share.
#[derive(Clone)]
struct Shared(Arc<Inner>);

struct Inner {
    world: Mutex<World>,
    changed: watch::Sender<u64>,
    /// The app has one set of sockets, whatever workspaces it is in.
    sockets: Arc<Sockets>,
    /// All workspaces that are served at this address, this one included.
    campus: Arc<Mutex<Vec<Weak<Inner>>>>,
    http: reqwest::Client,
    stop: CancellationToken,
    tracker: TaskTracker,
    origin: String,
}

impl Deref for Shared {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Shared {
    fn join(&self) {
        let mut campus = self.campus.lock().unwrap_or_else(PoisonError::into_inner);
        campus.push(Arc::downgrade(&self.0));
    }

    /// Every workspace at this address, the first one first.
    fn all(&self) -> Vec<Self> {
        let campus = self.campus.lock().unwrap_or_else(PoisonError::into_inner);
        campus.iter().filter_map(Weak::upgrade).map(Self).collect()
    }

    /// The first workspace of which that holds; this one where it holds of none.
    fn whose(&self, holds: impl Fn(&World) -> bool) -> Self {
        let found = self.all().into_iter().find(|one| holds(&one.world()));
        found.unwrap_or_else(|| self.clone())
    }
}

impl Inner {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes everybody who waits for a change.
    fn touch(&self) {
        self.changed.send_modify(|version| *version += 1);
    }

    fn record(&self, call: Call) {
        self.world().calls.push(call);
        self.touch();
    }
}

impl Sandbox {
    /// Starts listening and serving.
    ///
    /// # Errors
    /// [`SandboxError::Listen`] if the address is taken.
    pub async fn start(settings: Settings) -> Result<Self, SandboxError> {
        // Whoever installed a provider first is right; it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let address = settings.listen;
        let listen = |source| SandboxError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let origin = format!("http://{}", listener.local_addr().map_err(listen)?);
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            // The bot is reached over plain HTTP: reading the machine's certificates is time lost.
            .tls_certs_only([])
            .build()
            .map_err(SandboxError::Client)?;
        let stop = CancellationToken::new();
        let shared = Shared(Arc::new(Inner {
            world: Mutex::new(World::new(settings, origin.clone())),
            changed: watch::Sender::new(0),
            sockets: Arc::default(),
            campus: Arc::default(),
            http,
            stop: stop.clone(),
            tracker: TaskTracker::new(),
            origin,
        }));
        shared.join();
        shared
            .tracker
            .spawn(server::serve(listener, shared.clone()));
        Ok(Self {
            shared,
            twice: false,
            _stop: Some(Arc::new(stop.drop_guard())),
        })
    }

    /// Another workspace at the same address, with the same app: calls find it by their token. It
    /// is served for as long as the first one is.
    #[must_use]
    pub fn beside(&self, settings: Settings) -> Self {
        let first = &self.shared;
        let shared = Shared(Arc::new(Inner {
            world: Mutex::new(World::new(settings, first.origin.clone())),
            changed: watch::Sender::new(0),
            sockets: Arc::clone(&first.sockets),
            campus: Arc::clone(&first.campus),
            http: first.http.clone(),
            stop: first.stop.clone(),
            tracker: first.tracker.clone(),
            origin: first.origin.clone(),
        }));
        shared.join();
        Self {
            shared,
            ..self.clone()
        }
    }

    /// The Web API's base, `http://127.0.0.1:PORT/api/`.
    pub fn api_url(&self) -> String {
        format!("{}/api/", self.shared.origin)
    }

    /// The page's address.
    pub fn page_url(&self) -> String {
        format!("{}/", self.shared.origin)
    }

    /// Tells where the bot takes plain HTTP requests (not https): `/slack/commands` and so on come
    /// after it. An open Socket Mode connection goes before it.
    pub fn connect_http(&self, bot_base_url: &str) {
        self.shared.world().bot_url = Some(bot_base_url.trim_end_matches('/').to_owned());
    }

    /// How many Socket Mode connections are open.
    #[must_use]
    pub fn socket_count(&self) -> usize {
        self.shared.sockets.count()
    }

    /// Says `disconnect` on every socket, for `warning`, `refresh_requested`, `link_disabled` or
    /// `too_many_websockets`; closes them too, except for a warning.
    pub fn disconnect_sockets(&self, reason: &str) {
        self.shared.sockets.disconnect(reason);
    }

    /// Cuts every socket with no word.
    pub fn cut_sockets(&self) {
        self.shared.sockets.cut();
        self.shared.touch();
    }

    /// A handle whose acts are delivered twice, as Slack sometimes does.
    #[must_use]
    pub fn twice(&self) -> Self {
        Self {
            twice: true,
            ..self.clone()
        }
    }

    /// Stops serving and waits until nothing runs any more. Other handles are dead after it.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        self.shared.tracker.close();
        self.shared.tracker.wait().await;
    }
}
