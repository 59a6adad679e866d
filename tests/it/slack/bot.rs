//! A whole bot in front of the stand-in, by HTTP or by Socket Mode.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::FutureExt;
use jitbot::clock::Clock;
use jitbot::connectors::registry::Registry;
use jitbot::connectors::{Connector, ConnectorError, Credentials, Held, Presence};
use jitbot::directory::Directory;
use jitbot::domain::{Access, ConnectorName, Receipt, Removal, Request, Target};
use jitbot::sandbox::{Message, Reply};
use jitbot::slack::handlers::{CredentialsFault, CredentialsSource, Handlers, Shown};
use jitbot::slack::http::{HttpSettings, router};
use jitbot::slack::intake::Intake;
use jitbot::slack::socket::{Socket, SocketTimes};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::harness::house::House;
use crate::harness::target::FakeTarget;

/// How long a test waits for what must happen. Nothing takes this long but a failure.
pub const SOON: Duration = Duration::from_secs(20);

/// What the source of passwords does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passwords {
    Given,
    Refused,
    Panics,
}

pub struct Bot {
    pub house: House,
    pub intake: Intake,
    pub passwords: Arc<Mutex<Passwords>>,
    work: TaskTracker,
    ways: TaskTracker,
    stop: CancellationToken,
}

impl Drop for Bot {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Bot {
    fn build(mut house: House, budget: Option<Duration>) -> Self {
        let target = Arc::new(WithPasswords(house.target.clone()));
        let registry = Registry::default().with(ConnectorName::new("staging"), target);
        house.worker.connectors = Arc::new(registry);
        let client = house.worker.slack.clone();
        let directory = Directory::new(house.engine.store().clone(), client.clone());
        let directory = directory.allow_hosts(BTreeSet::from(["127.0.0.1".to_owned()]));
        // Here people do in a moment what takes minutes elsewhere.
        let mut directory = directory.with_just_now(Duration::ZERO);
        if let Some(budget) = budget {
            directory = directory.with_budget(budget);
        }
        let passwords = Arc::new(Mutex::new(Passwords::Given));
        let source = source(Arc::clone(&passwords));
        let handlers = Handlers::new(Arc::clone(&house.engine), directory, client, source);
        let work = TaskTracker::new();
        Self {
            house,
            intake: Intake::new(handlers, work.clone()),
            passwords,
            work,
            ways: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// A bot that takes deliveries over HTTP.
    pub async fn by_http() -> Self {
        Self::of(House::open().await, None).await
    }

    /// A bot under another policy, whose directory waits for sources of groups for so long.
    pub async fn under(policy: &str, budget: Option<Duration>) -> Self {
        Self::of(House::under(policy).await, budget).await
    }

    async fn of(house: House, budget: Option<Duration>) -> Self {
        let bot = Self::build(house, budget);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let secret = SecretString::from("acme-signing-secret");
        let settings = HttpSettings::new(secret, Arc::new(|| Clock::Database.wall()));
        let app = router(settings, bot.intake.receive());
        let stop = bot.stop.clone().cancelled_owned();
        let serving = axum::serve(listener, app).with_graceful_shutdown(stop);
        bot.ways.spawn(async move { serving.await.unwrap() });
        bot.house.slack.connect_http(&url);
        bot
    }

    /// A bot that takes deliveries over Socket Mode.
    pub async fn by_socket() -> Self {
        let bot = Self::build(House::open().await, None);
        let socket = Socket {
            client: bot.house.worker.slack.clone(),
            app_token: SecretString::from("xapp-acme-app"),
            receive: bot.intake.receive(),
            times: SocketTimes::default(),
        };
        socket.start(&bot.ways, &bot.stop);
        let slack = &bot.house.slack;
        let connected = slack.wait_for(|slack| slack.socket_count() == 2, SOON);
        assert!(connected.await, "two connections");
        bot
    }

    /// Waits until all that was begun is done, then works until nothing is due.
    pub async fn settle(&self) {
        self.hears().await;
        self.house.settle().await;
    }

    /// Waits until all that was begun is done, and works on nothing that follows from it.
    pub async fn hears(&self) {
        self.work.close();
        self.work.wait().await;
        self.work.reopen();
    }

    /// Types `/jit …` and answers what the person is told.
    pub async fn types(&self, user: &str, text: &str) -> String {
        let slack = &self.house.slack;
        let reply = slack.slash(user, "general", "/jit", text).await.unwrap();
        assert!(reply.in_time(), "{reply:?}");
        self.settle().await;
        self.told(user)
    }

    /// Types `/jit …` and answers what the person is told, or what the form says that it opens.
    pub async fn is_answered(&self, user: &str, text: &str) -> String {
        let told = self.types(user, text).await;
        let Some(form) = self.house.slack.modal(user) else {
            return told;
        };
        self.house.slack.close_modal(user).await.unwrap();
        form.plain()
    }

    /// The last thing that the person alone was told.
    pub fn told(&self, user: &str) -> String {
        let told = self.house.slack.ephemerals(user);
        told.last().map(Message::plain).unwrap_or_default()
    }

    /// The card that was posted last.
    pub fn card(&self) -> Message {
        let cards = self.house.slack.messages("access-requests");
        cards.last().cloned().expect("a card")
    }

    /// Presses a button on the last card.
    pub async fn presses(&self, user: &str, button: &str) -> Reply {
        let card = self.card();
        let slack = &self.house.slack;
        let pressing = slack.click(user, &card.channel, &card.ts, button);
        let reply = pressing.await.unwrap();
        assert!(reply.in_time(), "{reply:?}");
        self.settle().await;
        reply
    }

    /// A request of dana's, asked by typing.
    pub async fn asked(&self, text: &str) -> Request {
        let told = self.types("dana", text).await;
        assert!(told.contains("I asked"), "{told}");
        self.last_request().await
    }

    pub async fn last_request(&self) -> Request {
        let requests = self.house.engine.store().all_requests().await.unwrap();
        // Ids of one moment have no order; numbers have.
        let newest = requests.into_iter().max_by_key(|request| request.number);
        newest.expect("a request")
    }

    /// How many people have approved the last request.
    pub async fn approvals(&self) -> usize {
        self.last_request().await.approvals().len()
    }
}

/// The target of the house, with passwords on demand.
struct WithPasswords(FakeTarget);

#[async_trait]
impl Connector for WithPasswords {
    async fn ensure(
        &self,
        access: &Access,
        target: &Target,
        until: DateTime<Utc>,
    ) -> Result<Receipt, ConnectorError> {
        let receipt = self.0.ensure(access, target, until).await?;
        Ok(Receipt {
            credentials: true,
            ..receipt
        })
    }

    async fn remove(&self, access: &Access, target: &Target) -> Result<Removal, ConnectorError> {
        self.0.remove(access, target).await
    }

    async fn verify(&self, access: &Access, target: &Target) -> Result<Presence, ConnectorError> {
        self.0.verify(access, target).await
    }

    async fn list(&self) -> Result<Vec<Held>, ConnectorError> {
        self.0.list().await
    }

    async fn credentials(
        &self,
        access: &Access,
        target: &Target,
    ) -> Result<Credentials, ConnectorError> {
        self.0.credentials(access, target).await
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        self.0.check().await
    }
}

fn source(passwords: Arc<Mutex<Passwords>>) -> CredentialsSource {
    Arc::new(move |access, _target| {
        let now = *passwords.lock().unwrap();
        async move {
            match now {
                Passwords::Given => Ok(Shown {
                    facts: vec![("login".to_owned(), access.tag())],
                    password: SecretString::from("open-sesame"),
                }),
                Passwords::Refused => Err(CredentialsFault(
                    "the server is down [57P03] (A detail.)".to_owned(),
                )),
                Passwords::Panics => panic!("the source of passwords"),
            }
        }
        .boxed()
    })
}
