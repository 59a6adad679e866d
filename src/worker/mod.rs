//! All that runs by itself: the [`sweep`] turns deadlines into commands, [`deliver`] takes effects
//! from the outbox and has them carried out by [`converge`] (targets) and [`cards`] (Slack); [`homes`]
//! keeps App Home tabs true.
//!
//! Every part takes no input, is harmless to repeat, and finds its work by a query. A wake-up is a
//! hint that saves waiting for the next poll, nothing more; so any number of workers, in any number
//! of processes, share one database.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connectors::registry::Registry;
use crate::directory::Directory;
use crate::engine::Engine;
use crate::slack::client::Client;
use crate::store::outbox::Kind;

mod backoff;
pub mod cards;
pub mod converge;
pub mod deliver;
mod digests;
pub mod homes;
mod notices;
mod schedule;
mod slack_trouble;
mod starts;
pub mod sweep;

/// Times that workers keep. All are waits of this process; deadlines are the database's.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between two looks at the database, when nothing wakes the worker.
    pub poll: Duration,
    /// How long a worker holds what it has taken. It renews while it works, so this is also how soon
    /// the work of a worker that died is taken up by another.
    pub lease: TimeDelta,
    /// The most that one call to a target may take.
    pub call: Duration,
    /// How long an activation may stay unknown before the access is removed to be sure.
    pub give_up: TimeDelta,
    /// How many effects of one kind are carried out at once.
    pub at_once: i64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(1),
            lease: TimeDelta::seconds(10),
            call: Duration::from_secs(45),
            give_up: TimeDelta::minutes(10),
            at_once: 16,
        }
    }
}

/// What the workers of one process work with.
#[derive(Clone)]
pub struct Worker {
    /// The writer, to whom everything is reported.
    pub engine: Arc<Engine>,
    /// The targets.
    pub connectors: Arc<Registry>,
    /// Slack.
    pub slack: Client,
    /// Who people are by now, for what begins later than it was approved.
    pub directory: Directory,
    /// How fast.
    pub pace: Pace,
}

impl Worker {
    /// Starts every worker. They stop when `stop` is cancelled, after finishing what they hold.
    pub fn start(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        self.start_ends(tasks, stop);
        self.start_words(tasks, stop);
    }

    /// Starts what needs neither a policy nor Slack: deadlines, and targets. So what was given is
    /// taken away, whatever else is missing.
    pub fn start_ends(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        let (worker, until) = (self.clone(), stop.clone());
        tasks.spawn(async move { worker.deliver_until(Kind::Access, until).await });
        let (worker, until) = (self.clone(), stop.clone());
        tasks.spawn(async move { worker.sweep_until(until).await });
        let (worker, until) = (self.clone(), stop.clone());
        tasks.spawn(async move { worker.listen_until(until).await });
    }

    /// Starts the rest: what is said in Slack, starts, digests, and App Home tabs.
    pub fn start_words(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        let (worker, until) = (self.clone(), stop.clone());
        tasks.spawn(async move { worker.deliver_until(Kind::Card, until).await });
        let (worker, until) = (self.clone(), stop.clone());
        tasks.spawn(async move { worker.prepare_until(until).await });
        let (worker, until) = (self.clone(), stop.clone());
        tasks.spawn(async move { worker.refresh_homes_until(until).await });
    }

    /// Works until nothing is due: one sweep, then effects until none is left that could be carried
    /// out now. What was put off after a failure stays.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run_until_idle(&self) -> Result<(), crate::store::StoreError> {
        loop {
            let swept = self.sweep().await? + self.prepare().await?;
            let given = self.deliver(Kind::Access).await?;
            let told = self.deliver(Kind::Card).await?;
            let shown = self.refresh_homes().await?;
            if swept + given + told + shown == 0 {
                return Ok(());
            }
        }
    }
}
