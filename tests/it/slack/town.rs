//! Several workspaces in one world, and a bot that they install by OAuth.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jitbot::cli::estate::Estate;
use jitbot::clock::Clock;
use jitbot::config::{Config, InstallConfig};
use jitbot::domain::Request;
use jitbot::sandbox::{Message, Sandbox, Settings};
use jitbot::slack::client::{ClientSettings, OAuth};
use jitbot::store::Store;
use jitbot::worker::Pace;
use jitbot::workspaces::Installations;
use jitbot::workspaces::seal::Keys;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use secrecy::SecretString;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use url::Url;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::harness::store::fresh;

/// How long a test waits for what must happen. Nothing takes this long but a failure.
pub const SOON: Duration = Duration::from_secs(20);

pub const PUBLIC: &str = "https://jit.example.com";

/// A bot for several workspaces, in front of the stand-in.
pub struct Town {
    pub estate: Estate,
    pub acme: Sandbox,
    pub umbrella: Sandbox,
    pub config: Config,
    pub policies: PathBuf,
    pub target: Target,
    pub url: String,
    _folder: tempfile::TempDir,
}

/// A target behind a webhook that everything may be asked of.
pub struct Target {
    server: MockServer,
    held: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Target {
    async fn new() -> Self {
        let server = MockServer::start().await;
        let (held, asked) = (
            Arc::<AtomicBool>::default(),
            Arc::<Mutex<Vec<String>>>::default(),
        );
        let (holding, asking) = (Arc::clone(&held), Arc::clone(&asked));
        let answer = move |request: &wiremock::Request| {
            let body: Value = request.body_json().unwrap();
            let action = body["action"].as_str().unwrap().to_owned();
            match action.as_str() {
                "ensure" => holding.store(true, Ordering::SeqCst),
                "remove" => holding.store(false, Ordering::SeqCst),
                _ => {}
            }
            asking.lock().unwrap().push(action);
            let present = holding.load(Ordering::SeqCst);
            let mut answer = json!({"present": present});
            if body["until"].is_string() {
                answer["until"] = body["until"].clone();
            }
            ResponseTemplate::new(200).set_body_json(answer)
        };
        Mock::given(any()).respond_with(answer).mount(&server).await;
        Self {
            server,
            held,
            asked,
        }
    }

    pub fn holds(&self) -> bool {
        self.held.load(Ordering::SeqCst)
    }

    pub fn asked(&self, action: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|known| *known == action).count()
    }
}

pub fn key(byte: u8) -> SecretString {
    STANDARD.encode([byte; 32]).into()
}

impl Town {
    pub async fn open() -> Self {
        Self::with(Settings::acme(), Settings::umbrella()).await
    }

    pub async fn with(acme: Settings, umbrella: Settings) -> Self {
        Self::build(acme, umbrella, None, None).await.by_http()
    }

    /// A town whose bot only these may install.
    pub async fn only_for(ids: &[&str]) -> Self {
        let ids = ids.iter().map(ToString::to_string).collect();
        let (acme, umbrella) = (Settings::acme(), Settings::umbrella());
        let town = Self::build(acme, umbrella, None, Some(ids)).await;
        town.by_http()
    }

    fn by_http(self) -> Self {
        for sandbox in [&self.acme, &self.umbrella] {
            sandbox.connect_http(&format!("http://{}", self.estate.address()));
        }
        self
    }

    /// A town whose deliveries come by Socket Mode, one app for all workspaces.
    pub async fn by_socket() -> Self {
        let (acme, umbrella) = (Settings::acme(), Settings::umbrella());
        let token = acme.app_token.clone();
        let town = Self::build(acme, umbrella, Some(token.into()), None).await;
        let connected = town.acme.wait_for(|slack| slack.socket_count() > 0, SOON);
        assert!(connected.await, "the bot connects");
        town
    }

    async fn build(
        acme: Settings,
        umbrella: Settings,
        app_token: Option<SecretString>,
        install_allow: Option<Vec<String>>,
    ) -> Self {
        let (store, url) = fresh().await;
        let acme = Sandbox::start(acme).await.unwrap();
        let umbrella = acme.beside(umbrella);
        let folder = tempfile::tempdir().unwrap();
        let policies = folder.path().join("policy");
        std::fs::create_dir(&policies).unwrap();
        std::fs::write(
            folder.path().join("secret"),
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        )
        .unwrap();
        let config = Config {
            installing: Some(InstallConfig {
                client_id: "100.200".into(),
                client_secret: "acme-client-secret".into(),
                api_url: acme.api_url().trim_end_matches('/').parse().unwrap(),
                app_token,
                signing_secrets: vec!["acme-signing-secret".into()],
                public_url: PUBLIC.parse().unwrap(),
                token_keys: vec![key(7)],
                install_allow,
            }),
            policy: policies.clone(),
            policy_poll: Some(Duration::from_millis(50)),
            webhook_allow: "127.0.0.1".to_owned(),
            ..Config::for_testing()
        };
        let estate = start(&config, &store).await;
        Self {
            estate,
            acme,
            umbrella,
            config,
            policies,
            target: Target::new().await,
            url,
            _folder: folder,
        }
    }

    /// The database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Another process on the same database.
    pub async fn replica(&self) -> Estate {
        start(&self.config, &Store::connect_lazy(&self.url, 8).unwrap()).await
    }

    /// The installations as another process sees them, with these keys.
    pub fn installations(&self, keys: &[SecretString]) -> Installations {
        let app = self.config.installing.as_ref().unwrap();
        let settings = ClientSettings::at(app.api_url.as_str());
        let oauth = OAuth::new("100.200", app.client_secret.clone(), &settings).unwrap();
        let store = Store::connect_lazy(&self.url, 4).unwrap();
        let keys = Keys::new(keys).unwrap();
        Installations::new(store, Clock::Database, keys, oauth, PUBLIC)
    }

    /// Writes a policy under which that channel gets the cards, and those approve.
    pub fn write_policy(&self, folder: &str, approver: &str) {
        let folder = self.policies.join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let secret = self.policies.parent().unwrap().join("secret");
        let text = format!(
            r##"
version: 1
defaults: {{ channel: "#access-requests", fallback_channel: "#access-fallback", admin_channel: "#general" }}
groups: {{ dba: {{ members: ["{approver}"] }} }}
connectors:
  staging: {{ kind: webhook, url: "{}", secret: {{ file: "{}" }} }}
resources:
  staging-db:
    connector: staging
    sensitivity: low
    roles: {{ readonly: app_ro }}
    default_role: readonly
rules:
  - name: one of dba for reading
    match: {{ resources: [staging-db] }}
    decision: review
    steps: [{{ from: [dba], count: 1 }}]
"##,
            self.target.server.uri(),
            secret.display()
        );
        std::fs::write(folder.join("access.yaml"), text).unwrap();
    }

    /// Installs the app in a workspace by its policy folder, and waits until it decides there.
    pub async fn settle_in(&self, team: &str, folder: &str, approver: &str) {
        self.write_policy(folder, approver);
        let page = self.install(team).await;
        assert!(page.contains("Installed"), "{page}");
        self.decides(folder).await;
    }

    /// Waits until the house of that folder decides.
    pub async fn decides(&self, folder: &str) {
        let house = house_of(folder);
        self.estate.houses().look().await.unwrap();
        let houses = self.estate.houses();
        let decides = || houses.get(&house).is_some_and(|house| house.decides());
        assert!(self.soon(decides).await, "{house} decides");
    }

    /// Whether something holds soon that no call to Slack tells of: the bot is asked how it is in
    /// between, which lets it work.
    pub async fn soon(&self, holds: impl Fn() -> bool) -> bool {
        let url = format!("http://{}/readyz", self.estate.address());
        let (client, begun) = (http(), Instant::now());
        while !holds() {
            if SOON < begun.elapsed() {
                return false;
            }
            client.get(&url).send().await.unwrap();
        }
        true
    }

    /// A whole installation: to Slack, agreed, and back.
    pub async fn install(&self, team: &str) -> String {
        let visit = self.visit().await;
        let back = self.agree(&visit, team, true).await;
        let (_, page) = self.come_back(&back, Some(&visit.cookie)).await;
        page
    }

    /// Begins a visit.
    pub async fn visit(&self) -> Visit {
        let url = format!("http://{}/slack/install", self.estate.address());
        let answer = http().get(url).send().await.unwrap();
        assert_eq!(answer.status(), 302);
        let cookie = answer.headers()[SET_COOKIE].to_str().unwrap().to_owned();
        let to: Url = answer.headers()[LOCATION]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        Visit { cookie, to }
    }

    /// Goes to Slack's page and answers it; where to that leads.
    pub async fn agree(&self, visit: &Visit, team: &str, agreed: bool) -> Url {
        let asked = http().get(visit.to.clone()).send().await.unwrap();
        assert_eq!(asked.status(), 200);
        let page = asked.text().await.unwrap();
        let query = format!("team={team}&amp;agreed={agreed}");
        let link = page.split('"').rfind(|link| link.contains(&query));
        let link = link.expect("a link").replace("&amp;", "&");
        let answer = visit.to.join(&link).unwrap();
        let answer = http().get(answer).send().await.unwrap();
        answer.headers()[LOCATION]
            .to_str()
            .unwrap()
            .parse()
            .unwrap()
    }

    /// Comes back to the bot; the status and the page.
    pub async fn come_back(&self, back: &Url, cookie: Option<&str>) -> (u16, String) {
        assert!(back.as_str().starts_with(PUBLIC), "{back}");
        let mut here = back.clone();
        here.set_scheme("http").unwrap();
        here.set_ip_host(self.estate.address().ip()).unwrap();
        here.set_port(Some(self.estate.address().port())).unwrap();
        let mut asking = http().get(here);
        if let Some(cookie) = cookie {
            asking = asking.header(COOKIE, cookie.split(';').next().unwrap());
        }
        let answer = asking.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Types `/jit …`, and answers the last thing that the person is told once that holds.
    pub async fn types(
        &self,
        sandbox: &Sandbox,
        text: &str,
        holds: impl Fn(&str) -> bool,
    ) -> String {
        let reply = sandbox
            .slash("dana", "general", "/jit", text)
            .await
            .unwrap();
        assert!(reply.in_time(), "{reply:?}");
        let told = sandbox.wait_some(
            |sandbox| {
                let told = sandbox.ephemerals("dana");
                let told = told.last().map(Message::plain).unwrap_or_default();
                holds(&told).then_some(told)
            },
            SOON,
        );
        told.await.unwrap_or_else(|| panic!("dana is told"))
    }

    /// Asks as dana, and waits for the card.
    pub async fn asks(&self, sandbox: &Sandbox) -> Message {
        let before = sandbox.messages("access-requests").len();
        self.types(sandbox, "request staging-db 1h to see", |told| {
            told.contains("I asked")
        })
        .await;
        let card = sandbox.wait_some(
            |sandbox| sandbox.messages("access-requests").get(before).cloned(),
            SOON,
        );
        card.await.expect("a card")
    }

    /// Approves that card as bob, and waits until it shows it.
    pub async fn approves(&self, sandbox: &Sandbox, card: &Message) {
        let clicking = sandbox.click("bob", &card.channel, &card.ts, "jit_approve");
        assert!(clicking.await.unwrap().in_time());
        let given = sandbox.wait_for(|_| self.target.holds(), SOON);
        assert!(given.await, "the target holds it");
    }

    /// Every request of a house.
    pub async fn requests(&self, folder: &str) -> Vec<Request> {
        let house = self.estate.houses().get(&house_of(folder)).unwrap();
        house.engine().store().all_requests().await.unwrap()
    }

    /// A connection of its own to the default schema.
    pub async fn connection(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }

    /// Runs a statement on the default schema.
    pub async fn sql(&self, statement: &str) {
        let mut connection = self.connection().await;
        let statement = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        statement.execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// The only value that a query answers, as text.
    pub async fn value(&self, query: &str) -> String {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        let row = sqlx::query(AssertSqlSafe(query.to_owned()));
        let row = row.fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        row.get::<Option<String>, _>(0).unwrap_or_default()
    }

    /// Exchanges of refresh tokens that Slack was asked for in that workspace.
    pub fn refreshes(sandbox: &Sandbox) -> usize {
        let calls = sandbox.calls_to("oauth.v2.access").into_iter();
        calls
            .filter(|call| call.args.get("grant_type") == Some(&json!("refresh_token")))
            .count()
    }
}

/// A visit that began.
pub struct Visit {
    pub cookie: String,
    pub to: Url,
}

impl Visit {
    pub fn state(&self) -> String {
        let mut pairs = self.to.query_pairs();
        pairs
            .find(|(name, _)| name == "state")
            .unwrap()
            .1
            .into_owned()
    }
}

pub fn house_of(folder: &str) -> String {
    format!("jit_{}", folder.to_lowercase())
}

async fn start(config: &Config, store: &Store) -> Estate {
    let started = Estate::start(config, store.clone(), Clock::Database, Pace::default()).await;
    started.unwrap_or_else(|failure| panic!("{failure:?}"))
}

pub fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder();
    let client = client.no_proxy().tls_certs_only([]).timeout(SOON);
    let client = client.redirect(reqwest::redirect::Policy::none());
    client.build().unwrap()
}
