//! Targets to try connectors on: a real PostgreSQL server, and a receiver of webhooks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use jitbot::connectors::postgres::PostgresConnector;
use jitbot::connectors::webhook::WebhookConnector;
use jitbot::connectors::{Connector, Credentials};
use jitbot::domain::{
    Access, ConnectorName, ConnectorSpec, PersonId, PostgresMode, PostgresSpec, ResourceName,
    RoleName, SecretRef, Target, WebhookSpec,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection};
use url::Url;
use uuid::Uuid;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::harness;

/// A target with one access that may be given on it.
#[async_trait]
pub(super) trait Field: Send + Sync {
    fn connector(&self) -> &dyn Connector;
    fn access(&self) -> &Access;
    fn target(&self) -> &Target;
    /// The end that the target itself keeps; nothing where it cannot keep one.
    async fn end(&self) -> Option<DateTime<Utc>>;
    /// Starts a live session by the access.
    async fn begin_use(&mut self);
    /// Whether that session still works.
    async fn in_use(&mut self) -> bool;
    /// Whether the things at the target that we did not make are as they were.
    async fn others_stand(&self) -> bool;
    /// Takes the field down.
    async fn finish(self: Box<Self>);
}

/// A secret in a file that goes away with this value.
pub(crate) struct SecretFile(PathBuf);

impl SecretFile {
    pub(super) fn new(secret: &str) -> Self {
        let path = std::env::temp_dir().join(format!("jit-secret-{}", unique()));
        std::fs::write(&path, format!(" {secret}\n")).unwrap();
        Self(path)
    }

    pub(super) fn reference(&self) -> SecretRef {
        SecretRef::File(self.0.clone())
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

/// 32 hexadecimal digits that no other test has.
pub(super) fn unique() -> String {
    Uuid::now_v7().simple().to_string()
}

/// A fixed day in the far future, and hours after it.
pub(super) fn at(hours: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2100, 1, 1, 0, 0, 0).unwrap() + TimeDelta::hours(hours)
}

pub(super) fn access() -> Access {
    Access {
        person: PersonId::from_uuid(Uuid::now_v7()),
        resource: ResourceName::new("staging-db"),
        role: RoleName::new("readonly"),
    }
}

/// An identifier as a test writes it into SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Who the connector works as.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Admin {
    Superuser,
    /// `CREATEROLE`, `pg_signal_backend`, and the admin option on the target's role.
    Plain,
}

/// A database of its own with a table, a role that reads it, and a login.
pub(super) struct PostgresField {
    root: Url,
    /// A superuser's session in the database `postgres`.
    postgres: tokio::sync::Mutex<PgConnection>,
    pub(super) database: String,
    pub(super) role: String,
    pub(super) login: String,
    pub(super) admin: String,
    bystander: String,
    pub(super) connector: PostgresConnector,
    pub(super) access: Access,
    pub(super) target: Target,
    mode: PostgresMode,
    session: Option<PgConnection>,
    _secret: SecretFile,
}

impl PostgresField {
    pub(super) async fn new(mode: PostgresMode, admin: Admin) -> Self {
        Self::named(mode, admin, "app_", "dana_").await
    }

    /// Names begin as given and are filled up with what makes them unique.
    pub(super) async fn named(mode: PostgresMode, admin: Admin, role: &str, login: &str) -> Self {
        let id = unique();
        let root: Url = harness::postgres::admin_url().await.parse().unwrap();
        let database = format!("db_{id}");
        let (role, login) = (format!("{role}{id}"), format!("{login}{id}"));
        let (plain, bystander) = (format!("adm_{id}"), format!("jit_by_{id}"));
        let as_admin = match admin {
            Admin::Superuser => url(&root, None, &database),
            Admin::Plain => url(&root, Some((&plain, "pw")), &database),
        };
        let secret = SecretFile::new(as_admin.as_str());
        let spec = PostgresSpec {
            url: secret.reference(),
            mode,
        };
        let field = Self {
            connector: PostgresConnector::new(spec.clone()),
            access: access(),
            target: Target {
                connector: ConnectorName::new("staging"),
                spec: ConnectorSpec::Postgres(spec),
                role: role.clone(),
                subject: login.clone(),
            },
            postgres: connect(&url(&root, None, "postgres")).await.unwrap().into(),
            root,
            database,
            role,
            login,
            admin: plain,
            bystander,
            mode,
            session: None,
            _secret: secret,
        };
        field.build().await;
        field
    }

    async fn build(&self) {
        let Self { database, .. } = self;
        let [role, login, admin, bystander] =
            [&self.role, &self.login, &self.admin, &self.bystander].map(|name| quoted(name));
        self.root_runs(&format!("create database {database}")).await;
        self.root_runs(&format!(
            "create role {role};
             create role {login} login password 'own';
             create role {bystander} login password 'by';
             grant {role} to {bystander};
             create role {admin} login createrole password 'pw';
             grant pg_signal_backend to {admin};
             grant {role} to {admin} with admin option"
        ))
        .await;
        let table = format!(
            "create table orders (id int);
             grant select on orders to {role};
             grant create on schema public to {role}"
        );
        self.root_runs_in(database, &table).await;
    }

    /// Runs a statement as the server's superuser.
    pub(super) async fn root_runs(&self, sql: &str) {
        run(&mut *self.postgres.lock().await, sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    pub(super) async fn root_runs_in(&self, database: &str, sql: &str) {
        let mut conn = connect(&url(&self.root, None, database)).await.unwrap();
        run(&mut conn, sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Asks one boolean as the server's superuser; `$1` is the access's tag.
    pub(super) async fn root_sees(&self, database: &str, sql: &str) -> bool {
        let mut conn = connect(&url(&self.root, None, database)).await.unwrap();
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
            .bind(self.access.tag())
            .fetch_one(&mut conn)
            .await
            .unwrap()
    }

    /// Whether the role named by the tag is there at all.
    pub(super) async fn exists(&self) -> bool {
        sqlx::query_scalar("select exists (select from pg_roles where rolname = $1)")
            .bind(self.access.tag())
            .fetch_one(&mut *self.postgres.lock().await)
            .await
            .unwrap()
    }

    /// Opens a session as somebody.
    pub(super) async fn log_in(&self, login: &str, password: &str) -> sqlx::Result<PgConnection> {
        connect(&url(&self.root, Some((login, password)), &self.database)).await
    }

    /// Opens a session in another database.
    pub(super) async fn log_in_to(
        &self,
        database: &str,
        login: &str,
        password: &str,
    ) -> PgConnection {
        connect(&url(&self.root, Some((login, password)), database))
            .await
            .unwrap()
    }

    /// Gives the access until a fixed day.
    pub(super) async fn give(&self) {
        self.connector
            .ensure(&self.access, &self.target, at(0))
            .await
            .unwrap();
    }

    pub(super) async fn credentials(&self) -> Credentials {
        self.connector
            .credentials(&self.access, &self.target)
            .await
            .unwrap()
    }

    /// Opens a session by a fresh password of the temporary login.
    pub(super) async fn log_in_by_credentials(&self) -> (PgConnection, String) {
        let password = self.credentials().await.password.expose_secret().to_owned();
        let session = self.log_in(&self.access.tag(), &password).await.unwrap();
        (session, password)
    }

    pub(super) fn url_of(&self, login: &str, password: &str) -> Url {
        url(&self.root, Some((login, password)), &self.database)
    }
}

#[async_trait]
impl Field for PostgresField {
    fn connector(&self) -> &dyn Connector {
        &self.connector
    }

    fn access(&self) -> &Access {
        &self.access
    }

    fn target(&self) -> &Target {
        &self.target
    }

    async fn end(&self) -> Option<DateTime<Utc>> {
        sqlx::query_scalar("select rolvaliduntil from pg_roles where rolname = $1")
            .bind(self.access.tag())
            .fetch_one(&mut *self.postgres.lock().await)
            .await
            .unwrap()
    }

    async fn begin_use(&mut self) {
        let mut session = match self.mode {
            PostgresMode::Login => self.log_in_by_credentials().await.0,
            PostgresMode::Membership => self.log_in(&self.login, "own").await.unwrap(),
        };
        run(&mut session, &format!("set role {}", quoted(&self.role)))
            .await
            .unwrap();
        run(&mut session, "select from orders").await.unwrap();
        self.session = Some(session);
    }

    async fn in_use(&mut self) -> bool {
        let session = self.session.as_mut().unwrap();
        run(session, "select from orders").await.is_ok()
    }

    async fn others_stand(&self) -> bool {
        let mut conn = self.log_in(&self.bystander, "by").await.unwrap();
        run(&mut conn, "select from orders").await.is_ok()
            && self.log_in(&self.login, "own").await.is_ok()
    }

    async fn finish(mut self: Box<Self>) {
        drop(self.session.take());
        self.root_runs(&format!("drop database {} with (force)", self.database))
            .await;
        for role in [&self.admin, &self.bystander, &self.login, &self.role] {
            self.root_runs(&format!("drop role if exists {}", quoted(role)))
                .await;
        }
    }
}

/// Runs a statement in a session.
pub(super) async fn run(conn: &mut PgConnection, sql: &str) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(conn)
        .await
        .map(|_| ())
}

async fn connect(url: &Url) -> sqlx::Result<PgConnection> {
    PgConnection::connect_with(&PgConnectOptions::from_str(url.as_str())?).await
}

fn url(root: &Url, who: Option<(&str, &str)>, database: &str) -> Url {
    let mut url = root.clone();
    url.set_path(database);
    if let Some((login, password)) = who {
        url.set_username(login).unwrap();
        url.set_password(Some(password)).unwrap();
    }
    url
}

/// A receiver of webhooks that keeps state and checks every signature.
pub(crate) struct WebhookField {
    pub(crate) server: MockServer,
    pub(crate) receiver: Receiver,
    pub(crate) connector: WebhookConnector,
    pub(crate) access: Access,
    pub(crate) target: Target,
    _secret: SecretFile,
}

pub(crate) const SIGNING_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

impl WebhookField {
    /// `tells` says whether answers to `ensure` and `remove` carry `present`.
    pub(crate) async fn new(tells: bool) -> Self {
        let server = MockServer::start().await;
        let receiver = Receiver {
            tells,
            state: Arc::default(),
        };
        let other = "jit_other".to_owned();
        receiver
            .state
            .lock()
            .unwrap()
            .held
            .insert(other, at(9).to_rfc3339());
        Mock::given(any())
            .respond_with(receiver.clone())
            .mount(&server)
            .await;
        let (spec, secret) = webhook_spec(&server.uri());
        Self {
            connector: WebhookConnector::new(spec.clone(), &loopback()).unwrap(),
            access: access(),
            target: webhook_target(spec),
            server,
            receiver,
            _secret: secret,
        }
    }
}

pub(crate) fn webhook_spec(url: &str) -> (WebhookSpec, SecretFile) {
    let secret = SecretFile::new(SIGNING_SECRET);
    let spec = WebhookSpec {
        url: url.to_owned(),
        secret: secret.reference(),
    };
    (spec, secret)
}

pub(crate) fn webhook_target(spec: WebhookSpec) -> Target {
    Target {
        connector: ConnectorName::new("hook"),
        spec: ConnectorSpec::Webhook(spec),
        role: "viewer".to_owned(),
        subject: "dana@example.com".to_owned(),
    }
}

pub(crate) fn loopback() -> BTreeSet<String> {
    BTreeSet::from(["127.0.0.1".to_owned()])
}

#[derive(Clone)]
pub(crate) struct Receiver {
    tells: bool,
    pub(crate) state: Arc<Mutex<State>>,
}

/// What a receiver holds.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) held: BTreeMap<String, String>,
    pub(crate) sessions: u32,
    pub(crate) seen: BTreeSet<String>,
}

impl Respond for Receiver {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let signer = standardwebhooks::Webhook::new(SIGNING_SECRET).unwrap();
        if let Err(error) = signer.verify(&request.body, &request.headers) {
            return ResponseTemplate::new(401).set_body_json(json!({ "error": error.to_string() }));
        }
        let mut state = self.state.lock().unwrap();
        let id = request.headers["webhook-id"].to_str().unwrap().to_owned();
        if !state.seen.insert(id) {
            return ResponseTemplate::new(409).set_body_json(json!({ "error": "replayed" }));
        }
        let body: Value = request.body_json().unwrap();
        let answer = state.act(&body, self.tells);
        ResponseTemplate::new(200).set_body_json(answer)
    }
}

impl State {
    fn act(&mut self, body: &Value, tells: bool) -> Value {
        let tag = body["tag"].as_str().unwrap_or_default().to_owned();
        match body["action"].as_str().unwrap() {
            "ensure" => {
                let until = body["until"].as_str().unwrap().to_owned();
                self.held.insert(tag, until);
                json!({ "present": tells.then_some(true), "facts": { "site": "example" } })
            }
            "remove" => json!({
                "already_absent": self.held.remove(&tag).is_none(),
                "sessions_ended": std::mem::take(&mut self.sessions),
                "present": tells.then_some(false),
            }),
            "verify" => json!({ "present": self.held.contains_key(&tag) }),
            "list" => {
                let held: Vec<_> = self.held.keys().map(|tag| json!({ "tag": tag })).collect();
                json!({ "held": held })
            }
            _ => json!({}),
        }
    }
}

#[async_trait]
impl Field for WebhookField {
    fn connector(&self) -> &dyn Connector {
        &self.connector
    }

    fn access(&self) -> &Access {
        &self.access
    }

    fn target(&self) -> &Target {
        &self.target
    }

    async fn end(&self) -> Option<DateTime<Utc>> {
        let state = self.receiver.state.lock().unwrap();
        Some(state.held[&self.access.tag()].parse().unwrap())
    }

    async fn begin_use(&mut self) {
        self.receiver.state.lock().unwrap().sessions = 1;
    }

    async fn in_use(&mut self) -> bool {
        self.receiver.state.lock().unwrap().sessions > 0
    }

    async fn others_stand(&self) -> bool {
        let state = self.receiver.state.lock().unwrap();
        state.held["jit_other"] == at(9).to_rfc3339()
    }

    async fn finish(self: Box<Self>) {
        assert!(!self.server.received_requests().await.unwrap().is_empty());
    }
}
