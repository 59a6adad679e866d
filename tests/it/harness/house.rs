//! The bot's inner parts: engine, workers, policy, a fake target, the stand-in for Slack, people,
//! a manual clock. Nobody types here (see `bot` for that): commands are given to the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use jitbot::clock::{Clock, ManualClock};
use jitbot::connectors::registry::Registry;
use jitbot::directory::Directory;
use jitbot::domain::{
    Ask, Command, ConnectorName, GroupName, Identity, Member, Origin, Person, PersonId, Request,
    RequestId, Roster, Span,
};
use jitbot::engine::{Cause, Engine, EngineError, Submission};
use jitbot::policy::{Policy, Source};
use jitbot::sandbox::{Message, Sandbox, Settings};
use jitbot::slack::client::{Client, ClientSettings};
use jitbot::store::Store;
use jitbot::worker::{Pace, Worker};
use secrecy::SecretString;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::target::FakeTarget;

/// The policy of these tests: one target, a readonly role that one of `dba` approves, a readwrite
/// role that two of `dba` and `leads` approve, an admin role with two steps, and an open role that
/// the rule approves by itself.
pub const POLICY: &str = r##"
version: 1
defaults: { channel: "#access-requests", fallback_channel: "#access-fallback", request_ttl: 8h }
groups:
  dba: { members: [bob@acme.example, carol@acme.example] }
  leads: { members: [lee@acme.example] }
connectors:
  staging: { kind: webhook, url: "https://target.example/jit", secret: { env: NEVER_READ } }
resources:
  staging-db:
    connector: staging
    description: The staging database
    sensitivity: low
    roles: { readonly: app_ro, readwrite: app_rw, admin: app_admin, open: app_open }
    default_role: readonly
rules:
  - name: anybody reads open data
    match: { resources: [staging-db], roles: [open] }
    decision: approve
  - name: one of dba for reading
    match: { resources: [staging-db], roles: [readonly] }
    require: { max_duration: 4h }
    decision: review
    steps: [{ from: [dba], count: 1 }]
  - name: two people for writing
    match: { resources: [staging-db], roles: [readwrite] }
    decision: review
    steps: [{ from: [dba, leads], count: 2 }]
  - name: dba then leads for admin
    match: { resources: [staging-db], roles: [admin] }
    decision: review
    steps: [{ from: [dba], count: 1 }, { from: [leads], count: 1 }]
"##;

/// When the clocks of the tests begin.
pub fn morning() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2027-03-01T09:00:00Z")
        .unwrap()
        .to_utc()
}

pub struct House {
    pub engine: Arc<Engine>,
    pub clock: ManualClock,
    pub worker: Worker,
    pub target: FakeTarget,
    pub slack: Sandbox,
    people: BTreeMap<&'static str, PersonId>,
    policy: String,
    url: String,
}

impl House {
    pub async fn open() -> Self {
        Self::under(POLICY).await
    }

    /// The same house under another policy.
    pub async fn under(text: &str) -> Self {
        let (store, url) = super::store::fresh().await;
        let clock = ManualClock::at(morning());
        let engine = Arc::new(Engine::new(
            store,
            policy(text),
            Clock::Manual(clock.clone()),
        ));
        let (target, slack) = (
            FakeTarget::default(),
            Sandbox::start(Settings::acme()).await.unwrap(),
        );
        let mut people = BTreeMap::new();
        for name in ["dana", "erin", "bob", "carol", "lee"] {
            people.insert(name, move_in(engine.store(), name).await);
        }
        let worker = Worker {
            engine: Arc::clone(&engine),
            connectors: Arc::new(
                Registry::default().with(ConnectorName::new("staging"), Arc::new(target.clone())),
            ),
            directory: Directory::new(engine.store().clone(), client(&slack)),
            slack: client(&slack),
            pace: Pace::default(),
        };
        Self {
            engine,
            clock,
            worker,
            target,
            slack,
            people,
            policy: text.to_owned(),
            url,
        }
    }

    /// The same house, whose client keeps to the rates that Slack publishes.
    pub async fn paced(text: &str) -> Self {
        let mut house = Self::under(text).await;
        let client = called(&house.slack, true);
        house.speak_by(client);
        house
    }

    /// Has everything from now on said by that client.
    pub fn speak_by(&mut self, client: Client) {
        let store = self.engine.store().clone();
        self.worker.directory = Directory::new(store, client.clone());
        self.worker.slack = client;
    }

    /// The URL of its database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A worker of another process, with its own connections, that the test is going to crash.
    pub fn doomed(&self) -> Worker {
        let store = Store::connect_lazy(&self.url, 4).unwrap();
        let clock = Clock::Manual(self.clock.clone());
        Worker {
            engine: Arc::new(Engine::new(store, policy(&self.policy), clock)),
            ..self.worker.clone()
        }
    }

    /// Whether a transaction waits for a lock that another one holds.
    pub async fn somebody_waits_for_a_lock(&self) -> bool {
        let mut looker = PgConnection::connect(&self.url).await.unwrap();
        let waiting = "select exists (select from pg_stat_activity
                       where datname = current_database() and wait_event_type = 'Lock')";
        let waits = sqlx::query_scalar(waiting).fetch_one(&mut looker).await;
        looker.close().await.unwrap();
        waits.unwrap()
    }

    /// Works until nothing is due.
    pub async fn settle(&self) {
        self.worker.run_until_idle().await.unwrap();
    }

    /// The request as it is.
    pub async fn request(&self, id: RequestId) -> Request {
        self.engine.store().request(id).await.unwrap().unwrap()
    }

    /// The card in the channel of the policy, and what it says.
    pub fn card(&self) -> String {
        let cards = self.slack.messages("access-requests");
        cards.last().map(Message::plain).unwrap_or_default()
    }

    /// What stands in the thread of that card.
    pub fn story(&self) -> String {
        let cards = self.slack.messages("access-requests");
        let Some(card) = cards.last() else {
            return String::new();
        };
        let replies = self.slack.thread("access-requests", &card.ts);
        replies
            .iter()
            .map(Message::plain)
            .collect::<Vec<_>>()
            .join("\n")
    }

    pub fn id(&self, name: &str) -> PersonId {
        self.people[name]
    }

    pub async fn person(&self, name: &str) -> Person {
        self.engine
            .store()
            .person(self.id(name))
            .await
            .unwrap()
            .unwrap()
    }

    /// The person as they act now, with the groups that the policy gives them.
    /// Who is to hold what was asked for.
    pub async fn holder(&self, request: &Request) -> Person {
        let id = request.access.person;
        self.engine.store().person(id).await.unwrap().unwrap()
    }

    pub async fn member(&self, name: &str) -> Member {
        let person = self.person(name).await;
        let groups = self.engine.policy().groups_of(&person.identities);
        Member {
            person: person.id,
            also: BTreeSet::new(),
            groups,
        }
    }

    pub fn roster(&self) -> Roster {
        let group = |names: &[&str]| names.iter().map(|name| self.id(name)).collect();
        Roster {
            groups: BTreeMap::from([
                (GroupName::new("dba"), group(&["bob", "carol"])),
                (GroupName::new("leads"), group(&["lee"])),
            ]),
            ..Roster::default()
        }
    }

    pub async fn ask(&self, who: &str, role: &str, span: &str) -> Result<Request, EngineError> {
        self.submit(who, (role, span), None, None).await
    }

    pub async fn submit(
        &self,
        who: &str,
        (role, span): (&str, &str),
        extends: Option<RequestId>,
        delivery: Option<&str>,
    ) -> Result<Request, EngineError> {
        let ask = Ask {
            role: Some(role.into()),
            duration: Some(Span::parse(span).unwrap()),
            reason: "to see".into(),
            extends,
            ..Ask::of(self.person(who).await, "staging-db")
        };
        let (roster, origin) = (self.roster(), Origin::Slack);
        let delivery = delivery.map(str::to_owned);
        let submitting = self
            .engine
            .submit(Submission {
                policy: self.engine.policy().hash().to_owned(),
                asks: vec![ask],
                bundle: None,
                roster,
                origin,
                delivery,
            })
            .await;
        submitting.map(|mut requests| requests.remove(0))
    }

    pub async fn approve(&self, who: &str, id: RequestId) -> Result<Request, EngineError> {
        let by = self.member(who).await;
        self.run(
            id,
            Command::Approve {
                by,
                comment: None,
                duration: None,
            },
        )
        .await
    }

    pub async fn run(&self, id: RequestId, command: Command) -> Result<Request, EngineError> {
        self.engine.execute(id, command, Cause::worker()).await
    }

    pub fn pass(&self, time: TimeDelta) {
        self.clock.advance(time);
    }
}

fn policy(text: &str) -> Policy {
    let name = "access.yaml".into();
    let text = text.into();
    Policy::from_sources(vec![Source { name, text }])
        .unwrap_or_else(|faults| panic!("{}", faults.render(false)))
}

/// A client for the stand-in, patient enough for a busy machine and quick enough for a hanging call.
pub fn client(slack: &Sandbox) -> Client {
    called(slack, false)
}

fn called(slack: &Sandbox, paced: bool) -> Client {
    Client::new(&SecretString::from("xoxb-acme-bot"), settings(slack, paced)).unwrap()
}

/// How the stand-in is called.
pub fn settings(slack: &Sandbox, paced: bool) -> ClientSettings {
    let mut settings = ClientSettings::at(&slack.api_url());
    settings.timeout = std::time::Duration::from_secs(3);
    settings.paced = paced;
    settings
}

async fn move_in(store: &Store, name: &str) -> PersonId {
    let id = PersonId::from_uuid(Uuid::now_v7());
    let slack = Identity::slack("T0ACME", format!("U0{}", name.to_uppercase()));
    let email = Identity::email(&format!("{name}@acme.example"));
    store
        .record_person(id, name, &slack, &BTreeSet::from([email]))
        .await
        .unwrap()
}
