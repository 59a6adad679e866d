//! Several `jit serve` on one database, as separate processes, with a real target; one of them is
//! killed in the middle. Time is real here, so grants last seconds; every wait is on a condition.

mod reload;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use jitbot::domain::Request;
use jitbot::ledger::export::verify_database;
use jitbot::sandbox::{Message, Sandbox, Settings};
use jitbot::store::Store;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::PgPool;

use crate::harness::store::{empty, fresh};

/// How long a test waits for what must happen. Nothing takes this long but a failure.
const SOON: Duration = Duration::from_secs(40);

const POLICY: &str = r##"
version: 1
defaults: { channel: "#access-requests" }
groups:
  dba: { members: [bob@acme.example] }
connectors:
  target: { kind: postgres, mode: login, url: { env: JIT_TEST_TARGET_URL } }
resources:
  target-db: { connector: target, roles: { readonly: pg_read_all_data } }
rules:
  - name: reading
    match: { resources: [target-db] }
    decision: review
    steps: [{ from: [dba] }]
"##;

/// A replica, killed when it is dropped.
struct Replica(Child);

impl Drop for Replica {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Company {
    slack: Sandbox,
    store: Store,
    database: String,
    target: String,
    policy: tempfile::NamedTempFile,
}

impl Company {
    async fn open() -> Self {
        let (store, database) = fresh().await;
        let policy = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
        std::fs::write(policy.path(), POLICY).unwrap();
        let slack = Sandbox::start(Settings::acme()).await.unwrap();
        Self {
            slack,
            store,
            database,
            target: empty().await,
            policy,
        }
    }

    /// Starts one more replica and waits until it is connected.
    async fn replica(&self) -> Replica {
        self.start(&[("JIT_LOG", "off")], Stdio::inherit()).await
    }

    /// The same with these settings besides, and its log there.
    async fn start(&self, settings: &[(&str, &str)], log: Stdio) -> Replica {
        let before = self.slack.socket_count();
        let child = Command::new(env!("CARGO_BIN_EXE_jit"))
            .args(["serve", "--stop-with-stdin"])
            .env_clear()
            .env("DATABASE_URL", &self.database)
            .env("SLACK_API_URL", self.slack.api_url())
            .env("SLACK_BOT_TOKEN", "xoxb-acme-bot")
            .env("SLACK_APP_TOKEN", "xapp-acme-app")
            .env("JIT_POLICY", self.policy.path())
            .env("JIT_LISTEN", "127.0.0.1:0")
            .env("JIT_TEST_TARGET_URL", &self.target)
            .envs(settings.iter().copied())
            .stdin(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let replica = Replica(child);
        let connected = self
            .slack
            .wait_for(|slack| before + 2 <= slack.socket_count(), SOON);
        assert!(connected.await, "the replica did not connect");
        replica
    }

    /// Somebody asks and bob approves; answers the card once the access is active.
    async fn given(&self, who: &str, time: &str) -> Message {
        let slack = &self.slack;
        let before = slack.messages("access-requests").len();
        let typed = format!("request target-db {time} please");
        let asking = slack.slash(who, "general", "/jit", &typed);
        assert!(asking.await.unwrap().in_time());
        let card = slack.wait_some(
            |slack| slack.messages("access-requests").get(before).cloned(),
            SOON,
        );
        let card = card.await.expect("a card");
        let click = slack
            .click("bob", &card.channel, &card.ts, "Approve")
            .await
            .unwrap();
        assert!(click.in_time());
        self.says(&card, "Active until").await;
        card
    }

    async fn says(&self, card: &Message, words: &str) {
        let now = |slack: &Sandbox| slack.message(&card.channel, &card.ts).unwrap().plain();
        let said = self
            .slack
            .wait_for(|slack| now(slack).contains(words), SOON)
            .await;
        assert!(said, "{}", now(&self.slack));
    }

    /// The temporary roles that belong to the accesses of these requests.
    async fn roles(&self) -> usize {
        let tags: Vec<String> = self
            .requests()
            .await
            .iter()
            .map(|request| request.access.tag())
            .collect();
        let target = PgPool::connect(&self.target).await.unwrap();
        let roles: Vec<String> =
            sqlx::query_scalar("select rolname::text from pg_roles where rolname = any($1)")
                .bind(&tags)
                .fetch_all(&target)
                .await
                .unwrap();
        target.close().await;
        roles.len()
    }

    async fn requests(&self) -> Vec<Request> {
        self.store.all_requests().await.unwrap()
    }
}

#[tokio::test]
async fn two_processes_share_one_database_while_one_is_killed() {
    let company = Company::open().await;
    let first = company.replica().await;
    let _second = company.replica().await;
    let dana = company.given("dana", "6s").await;
    let erin = company.given("erin", "6s").await;
    assert_eq!(company.roles().await, 2);

    drop(first);
    let lee = company.given("lee", "4s").await;
    for card in [dana, erin, lee] {
        company.says(&card, "Taken away").await;
    }
    assert_eq!(company.roles().await, 0);
    assert!(company.requests().await.iter().all(Request::is_over));
    let cards = company.slack.messages("access-requests").len();
    assert_eq!(cards, 3, "one card a request, whoever posted it");
    verify_database(&company.store).await.unwrap();
}

#[tokio::test]
async fn fault_08_all_processes_killed_across_the_end_and_one_back_takes_it_away() {
    let company = Company::open().await;
    let only = company.replica().await;
    let card = company.given("dana", "3s").await;
    drop(only);
    // By the database's clock, which decides.
    let until = company.requests().await[0]
        .grant()
        .unwrap()
        .state
        .wanted_until()
        .unwrap();
    let late = async {
        while company
            .store
            .begin()
            .await
            .unwrap()
            .database_now()
            .await
            .unwrap()
            <= until
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, late).await.unwrap();
    assert_eq!(company.roles().await, 1, "nobody was there to take it away");

    let _back = company.replica().await;
    company.says(&card, "Taken away").await;
    assert_eq!(company.roles().await, 0);
    verify_database(&company.store).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_stops_a_replica_whose_standard_input_stays_open() {
    let company = Company::open().await;
    let mut replica = company.replica().await;
    let input = replica.0.stdin.take();
    let pid = Pid::from_raw(i32::try_from(replica.0.id()).unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    let waiting = tokio::task::spawn_blocking(move || replica.0.wait());
    let stopped = tokio::time::timeout(SOON, waiting).await;
    // Closed before judging: a replica that hangs would hold up the end of the test as well.
    drop(input);
    assert!(stopped.expect("it hangs").unwrap().unwrap().success());
}
