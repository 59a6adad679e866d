//! Whether this process lives, and whether it can do its work.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::metrics::Metrics;
use crate::engine::Engine;
use crate::slack::client::{Client, SlackFault};
use crate::store::Store;

/// How long the database may take to answer.
const DATABASE_LIMIT: Duration = Duration::from_secs(2);
/// How long Slack may take.
const SLACK_LIMIT: Duration = Duration::from_secs(3);
/// How long Slack's yes counts, and how long a no.
const SLACK_YES: Duration = Duration::from_mins(1);
const SLACK_NO: Duration = Duration::from_secs(5);

/// Looks at the parts that the work needs. Clones share what they remember.
#[derive(Clone)]
pub struct Readiness {
    store: Store,
    subject: Subject,
    /// Set in Socket Mode, where deliveries come in by connections of ours.
    connections: Option<Metrics>,
    remembered: Arc<Mutex<Option<(Instant, Part)>>>,
}

/// How the workspaces of one process stand, in words.
pub type Workspaces = Arc<dyn Fn() -> Part + Send + Sync>;

/// Whom this process serves.
#[derive(Clone)]
enum Subject {
    /// One workspace, whose token was set.
    One(Arc<Engine>, Client),
    /// Those that installed the app. One that is at fault takes the process from no other.
    Many(Workspaces),
}

/// How the parts stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether all are well.
    pub ready: bool,
    /// Each part.
    pub parts: BTreeMap<&'static str, Part>,
}

/// How one part stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Whether it is well.
    pub ok: bool,
    /// What there is to say of it; never a secret.
    pub what: String,
}

impl Part {
    /// It is well.
    pub fn well(what: impl Into<String>) -> Self {
        Self {
            ok: true,
            what: what.into(),
        }
    }

    /// It is not.
    pub fn ill(what: impl Into<String>) -> Self {
        Self {
            ok: false,
            what: what.into(),
        }
    }
}

impl Readiness {
    /// Looks at these parts; with `connections` also at Socket Mode.
    pub fn new(engine: Arc<Engine>, slack: Client, connections: Option<Metrics>) -> Self {
        let store = engine.store().clone();
        Self::of(store, Subject::One(engine, slack), connections)
    }

    /// Looks at the database, and at what is told of the workspaces; with `connections` also at
    /// Socket Mode.
    pub fn of_workspaces(
        store: Store,
        workspaces: Workspaces,
        connections: Option<Metrics>,
    ) -> Self {
        Self::of(store, Subject::Many(workspaces), connections)
    }

    fn of(store: Store, subject: Subject, connections: Option<Metrics>) -> Self {
        Self {
            store,
            subject,
            connections,
            remembered: Arc::default(),
        }
    }

    /// How the parts stand now; Slack's word is at most a minute old.
    pub async fn report(&self) -> Report {
        let (database, migrations) = self.database().await;
        let mut parts = BTreeMap::from([("database", database), ("migrations", migrations)]);
        match &self.subject {
            Subject::One(engine, slack) => {
                let policy = Part::well(format!("hash {}", engine.policy().hash()));
                parts.insert("policy", policy);
                parts.insert("slack", self.slack(slack).await);
            }
            Subject::Many(workspaces) => {
                parts.insert("workspaces", workspaces());
            }
        }
        if let Some(metrics) = &self.connections {
            parts.insert("socket", socket(metrics.slack_connections()));
        }
        Report {
            ready: parts.values().all(|part| part.ok),
            parts,
        }
    }

    async fn database(&self) -> (Part, Part) {
        match timeout(DATABASE_LIMIT, self.store.missing_migrations()).await {
            Ok(Ok(0)) => (Part::well("it answers"), Part::well("all are run")),
            Ok(Ok(missing)) => {
                let what = format!("{missing} are missing; run `jit migrate`");
                (Part::well("it answers"), Part::ill(what))
            }
            Ok(Err(error)) => (Part::ill(error.to_string()), Part::ill("not known")),
            Err(_) => (Part::ill("no answer in time"), Part::ill("not known")),
        }
    }

    async fn slack(&self, slack: &Client) -> Part {
        let mut remembered = self.remembered.lock().await;
        if let Some((at, part)) = &*remembered {
            let counts = if part.ok { SLACK_YES } else { SLACK_NO };
            if at.elapsed() < counts {
                return part.clone();
            }
        }
        let asked = timeout(SLACK_LIMIT, slack.auth_test()).await;
        let before = remembered.as_ref().is_some_and(|(_, part)| part.ok);
        let part = match asked.unwrap_or_else(|_| Err(SlackFault::Transient("timeout".into()))) {
            Ok(_) => Part::well(good(slack)),
            // Slack being slow is no reason to take a process away that works.
            Err(fault) if fault.is_passing() && before => {
                Part::well(format!("the token was good; now: {fault}"))
            }
            Err(fault) => Part::ill(fault.to_string()),
        };
        *remembered = Some((Instant::now(), part.clone()));
        part
    }
}

/// That the token is good, and what Slack refuses all the same. That takes no process away: the
/// others have the same token.
fn good(slack: &Client) -> String {
    let refused = slack.refused();
    let refused: Vec<String> = refused
        .iter()
        .map(|(method, code)| format!("{method} ({code})"))
        .collect();
    if refused.is_empty() {
        return "the token is good".to_owned();
    }
    format!(
        "the token is good, but Slack refuses {}; `jit doctor` says what to do",
        refused.join(", ")
    )
}

fn socket(connections: u32) -> Part {
    match connections {
        0 => Part::ill("no connection to Slack is open"),
        count => Part::well(format!("{count} open")),
    }
}
