//! A policy that changes under a running process.

use std::time::Instant;

use jitbot::domain::{ConnectorSpec, Event, SecretRef};
use jitbot::policy::Policy;

use super::*;
use crate::connectors::field::WebhookField;

/// A process whose log and metrics can be read.
struct Watched {
    replica: Replica,
    address: String,
    log: tempfile::NamedTempFile,
}

impl Watched {
    /// Starts one that looks at the policy every so many seconds; at a signal only where that is 0.
    async fn start(company: &Company, poll: &str) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let log = tempfile::NamedTempFile::new().unwrap();
        let settings = [
            ("JIT_LISTEN", address.as_str()),
            ("JIT_LOG", "error"),
            ("JIT_POLICY_POLL", poll),
            ("JIT_WEBHOOK_ALLOW", "127.0.0.1"),
        ];
        let file = log.reopen().unwrap();
        let replica = company.start(&settings, Stdio::from(file)).await;
        Self {
            replica,
            address,
            log,
        }
    }

    fn hang_up(&self) {
        let pid = Pid::from_raw(i32::try_from(self.replica.0.id()).unwrap());
        kill(pid, Signal::SIGHUP).unwrap();
    }

    /// Waits until the gauge says that.
    async fn says_invalid(&self, value: u8) {
        let wanted = format!("\njit_policy_invalid {value}\n");
        let begun = Instant::now();
        loop {
            let answer = reqwest::get(format!("http://{}/metrics", self.address)).await;
            let metrics = answer.unwrap().text().await.unwrap();
            if metrics.contains(&wanted) {
                return;
            }
            assert!(begun.elapsed() < SOON, "never: {wanted}\n{metrics}");
            tokio::task::yield_now().await;
        }
    }

    fn logged(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }
}

impl Company {
    fn write(&self, policy: &str) {
        // In one step, as whoever mounts or deploys a policy does it.
        let next = self.policy.path().with_extension("next");
        std::fs::write(&next, policy).unwrap();
        std::fs::rename(&next, self.policy.path()).unwrap();
    }

    fn hash(&self) -> String {
        Policy::load(self.policy.path()).unwrap().hash().to_owned()
    }

    /// The policies on record, in their order: what decided before, and what since.
    async fn changes(&self) -> Vec<(Option<String>, String)> {
        let entries = self.store.ledger_after(0, 1000).await.unwrap();
        let events = entries.iter().map(|stored| stored.entry().unwrap().what);
        events
            .filter_map(|event| match event {
                Event::PolicyChanged { from, to } => Some((from, to)),
                _ => None,
            })
            .collect()
    }

    /// Waits until so many policies are on record.
    async fn adopts(&self, count: usize) -> Vec<(Option<String>, String)> {
        let begun = Instant::now();
        loop {
            let changes = self.changes().await;
            if changes.len() == count {
                return changes;
            }
            assert!(begun.elapsed() < SOON, "{changes:?}");
            tokio::task::yield_now().await;
        }
    }

    /// Types something, and answers what the person is told.
    async fn types(&self, who: &str, text: &str) -> String {
        let before = self.slack.ephemerals(who).len();
        let typing = self.slack.slash(who, "general", "/jit", text);
        assert!(typing.await.unwrap().in_time());
        let told = |slack: &Sandbox| slack.ephemerals(who).get(before).map(Message::plain);
        let told = self.slack.wait_some(told, SOON).await;
        told.unwrap_or_else(|| panic!("{who} is told nothing"))
    }
}

/// The policy with a limit to how long anybody may ask for.
fn at_most(time: &str) -> String {
    let limit = format!("    require: {{ max_duration: {time} }}\n    decision: review\n");
    POLICY.replace("    decision: review\n", &limit)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_process_follows_its_policy_and_keeps_the_good_one() {
    let company = Company::open().await;
    let first = company.hash();
    let process = Watched::start(&company, "1").await;
    assert_eq!(company.adopts(1).await, [(None, first.clone())]);
    process.says_invalid(0).await;

    company.write(&at_most("30m"));
    let second = company.hash();
    let changes = company.adopts(2).await;
    assert_eq!(changes[1], (Some(first), second.clone()), "both hashes");
    let told = company.types("dana", "request target-db 1h please").await;
    assert!(told.contains("at most 30m"), "{told}");

    company.write(&at_most("30m").replace("rules:", "rulez:"));
    process.says_invalid(1).await;
    let logged = process.logged();
    assert!(
        logged.contains("the changed policy is at fault")
            && logged.contains("did you mean `rules`"),
        "{logged}"
    );
    let told = company.types("dana", "request target-db 1h please").await;
    assert!(
        told.contains("at most 30m"),
        "the old one decides on: {told}"
    );
    let told = company.types("dana", "request target-db 20m please").await;
    assert!(told.contains("I asked"), "{told}");
    assert_eq!(
        company.changes().await.len(),
        2,
        "what is at fault is no policy"
    );

    company.write(&at_most("2h"));
    process.says_invalid(0).await;
    let changes = company.adopts(3).await;
    assert_eq!(changes[2], (Some(second), company.hash()));
    let told = company.types("erin", "request target-db 1h please").await;
    assert!(told.contains("I asked"), "{told}");
    verify_database(&company.store).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_has_the_policy_read_where_nobody_looks_by_themselves() {
    let company = Company::open().await;
    let process = Watched::start(&company, "0").await;
    company.adopts(1).await;
    company.write(&at_most("30m"));
    let told = company.types("dana", "request target-db 1h please").await;
    assert!(told.contains("I asked"), "nobody has looked: {told}");
    process.hang_up();
    company.adopts(2).await;
    let told = company.types("erin", "request target-db 1h please").await;
    assert!(told.contains("at most 30m"), "{told}");

    company.write("version: 2\n");
    process.hang_up();
    process.says_invalid(1).await;
    assert!(process.logged().contains("the changed policy is at fault"));
    company.write(&at_most("30m"));
    process.hang_up();
    process.says_invalid(0).await;
    assert_eq!(company.changes().await.len(), 2, "the same as before");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_settings_serve_new_requests_and_old_ones_end_where_they_began() {
    let (old, new) = (WebhookField::new(true).await, WebhookField::new(true).await);
    let company = Company::open().await;
    let through = |field: &WebhookField| {
        let ConnectorSpec::Webhook(spec) = &field.target.spec else {
            panic!("a webhook")
        };
        let SecretRef::File(secret) = &spec.secret else {
            panic!("a file")
        };
        let url = field.server.uri();
        let hook = format!(
            "kind: webhook, url: \"{url}\", secret: {{ file: \"{}\" }}",
            secret.display()
        );
        POLICY.replace(
            "kind: postgres, mode: login, url: { env: JIT_TEST_TARGET_URL }",
            &hook,
        )
    };
    company.write(&through(&old));
    let process = Watched::start(&company, "0").await;
    let dana = company.given("dana", "1h").await;
    company.write(&through(&new));
    process.hang_up();
    company.adopts(2).await;
    let erin = company.given("erin", "1h").await;

    let requests = company.requests().await;
    let tag = |number: i64| {
        let mut requests = requests.iter();
        let request = requests.find(|request| request.number == number);
        request.unwrap().access.tag()
    };
    let (danas, erins) = (tag(1), tag(2));
    let holds = |field: &WebhookField, tag: &str| {
        let state = field.receiver.state.lock().unwrap();
        state.held.contains_key(tag)
    };
    assert!(holds(&old, &danas) && !holds(&new, &danas));
    assert!(holds(&new, &erins) && !holds(&old, &erins));

    for (who, card) in [("dana", dana), ("erin", erin)] {
        company.types(who, "done").await;
        company.says(&card, "Taken away").await;
    }
    assert!(!holds(&old, &danas), "where it was given, it is gone");
    assert!(!holds(&new, &erins));
    verify_database(&company.store).await.unwrap();
}
