//! A changed policy is followed while the bot runs: the files are looked at every few seconds, and
//! at once on SIGHUP. What is without fault decides from then on; what is not changes nothing and
//! is shouted about.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::connectors::registry::Registry;
use crate::engine::Engine;
use crate::policy::{Faults, Policy, Source};
use crate::slack::view::escape;
use crate::slack::view::text::trouble;

/// How many looks in a row may find no readable policy before that is a fault: a folder that is
/// being swapped is gone for a moment.
const MISSES: u32 = 3;
/// Faults that are told in chat; all of them are in the log.
const TOLD: usize = 5;
/// Characters of a fault that are told in chat.
const FAULT: usize = 300;
/// Characters of a hash that tell it from others.
const SHORT: usize = 12;

/// Follows one policy file or folder.
pub struct Reload {
    path: PathBuf,
    engine: Arc<Engine>,
    connectors: Arc<Registry>,
    /// The hash of the text that was dealt with last, good or not.
    seen: String,
    /// What is wrong with the files as they are, by the key of what was said about it.
    broken: Option<String>,
    misses: u32,
}

/// What a look at the files came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// Nothing is new, or it is too early to tell.
    Same,
    /// Another policy decides from now on, or the present one is without fault again.
    Adopted,
    /// The files are at fault; the policy from before decides on.
    Refused,
}

impl Reload {
    /// Follows that file or folder, which holds the present policy of that engine.
    pub fn new(path: PathBuf, engine: Arc<Engine>, connectors: Arc<Registry>) -> Self {
        let seen = engine.policy().hash().to_owned();
        invalid(&engine, 0.0);
        Self {
            path,
            engine,
            connectors,
            seen,
            broken: None,
            misses: 0,
        }
    }

    /// Looks at the files every so often, and whenever this process gets SIGHUP; only then where
    /// there is no time between two looks.
    pub async fn follow_until(mut self, every: Option<Duration>, stop: CancellationToken) {
        let mut asked = match signal(SignalKind::hangup()) {
            Ok(asked) => asked,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(
                    error,
                    "SIGHUP cannot be received; the policy is not followed"
                );
                return;
            }
        };
        loop {
            let pause = async {
                match every {
                    Some(every) => tokio::time::sleep(every).await,
                    None => std::future::pending().await,
                }
            };
            let now = tokio::select! {
                () = stop.cancelled() => return,
                Some(()) = asked.recv() => true,
                () = pause => false,
            };
            if now {
                tracing::info!("told to look at the policy");
                self.misses = MISSES;
            }
            self.look().await;
        }
    }

    /// Looks at the files once.
    pub async fn look(&mut self) -> Looked {
        let sources = match self.read().await {
            Some(Ok(sources)) => sources,
            Some(Err(faults)) => return self.miss(&faults).await,
            None => return Looked::Same,
        };
        let hash = Policy::hash_of(&sources);
        self.misses = 0;
        if hash == self.seen {
            return Looked::Same;
        }
        // Files that change under the reading may be some old and some new.
        match self.read().await {
            Some(Ok(again)) if again == sources => {}
            _ => return Looked::Same,
        }
        match tokio::task::spawn_blocking(|| Policy::from_sources(sources)).await {
            Ok(Ok(policy)) => self.adopt(hash, policy).await,
            Ok(Err(faults)) => {
                let key = format!("policy broken {hash} under {}", self.engine.policy().hash());
                self.seen = hash;
                self.refuse(key, &faults).await
            }
            Err(stopped) => {
                let error = &stopped as &dyn std::error::Error;
                tracing::error!(error, "the policy could not be looked at");
                Looked::Same
            }
        }
    }

    /// The texts as they are; none where the reader was stopped.
    async fn read(&self) -> Option<Result<Vec<Source>, Faults>> {
        let path = self.path.clone();
        let reading = tokio::task::spawn_blocking(move || Policy::read(&path));
        reading.await.ok()
    }

    /// There is nothing to read: for a moment, or for good.
    async fn miss(&mut self, faults: &Faults) -> Looked {
        self.misses = self.misses.saturating_add(1);
        if self.misses < MISSES {
            tracing::debug!("the policy cannot be read just now");
            return Looked::Same;
        }
        let key = format!("policy missing under {}", self.engine.policy().hash());
        if self.broken.as_ref() == Some(&key) {
            return Looked::Same;
        }
        // Whatever comes back is new, even the text from before.
        self.seen = String::new();
        self.refuse(key, faults).await
    }

    async fn adopt(&mut self, hash: String, policy: Policy) -> Looked {
        let before = self.engine.policy();
        let (warnings, specs) = (policy.warnings().to_vec(), policy.connectors().clone());
        match self.engine.adopt(policy).await {
            Ok(_) => {}
            Err(error) => {
                // It is not remembered as seen, so the next look tries again.
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "a new policy could not be recorded; it waits");
                return Looked::Same;
            }
        }
        self.connectors.follow(specs);
        self.engine.note_policy_trouble(None);
        tracing::info!(from = before.hash(), to = hash, "another policy decides");
        for warning in warnings {
            tracing::warn!(%warning, "the policy");
        }
        counter!("jit_policy_reloads_total").increment(1);
        invalid(&self.engine, 0.0);
        if let Some(broken) = self.broken.take() {
            let words = trouble::policy_mended(short(&hash));
            self.tell(&format!("{broken}, mended by {hash}"), &words)
                .await;
        }
        self.seen = hash;
        Looked::Adopted
    }

    async fn refuse(&mut self, key: String, faults: &Faults) -> Looked {
        counter!("jit_policy_reload_failures_total").increment(1);
        invalid(&self.engine, 1.0);
        let present = self.engine.policy();
        self.engine
            .note_policy_trouble(faults.iter().next().map(line));
        tracing::error!(
            present = present.hash(),
            "the changed policy is at fault, the one from before decides on:\n{}",
            faults.render(false)
        );
        self.tell(&key, &shout(present.hash(), faults)).await;
        self.broken = Some(key);
        Looked::Refused
    }

    async fn tell(&self, key: &str, words: &str) {
        if let Err(error) = self.engine.tell_admins(key, words).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the admins could not be told of the policy");
        }
    }
}

/// Whether the policy's files are at fault; for each workspace, where there are several.
fn invalid(engine: &Engine, value: f64) {
    match engine.store().house_name() {
        None => gauge!("jit_policy_invalid").set(value),
        Some(house) => gauge!("jit_policy_invalid", "workspace" => house.to_owned()).set(value),
    }
}

/// What the admins are told of a policy with faults. Secrets in it are masked already.
fn shout(present: &str, faults: &Faults) -> String {
    let told = faults.iter().take(TOLD);
    let lines: Vec<String> = told.map(line).collect();
    trouble::policy_broken(short(present), &lines, faults.len() - lines.len())
}

/// A fault with its place, in one line.
fn line(fault: &crate::policy::Fault) -> String {
    let place = fault.place();
    let place = place.map(|(file, line, column)| {
        let file = file.rsplit('/').next().unwrap_or(file);
        format!("{}:{line}:{column}: ", escape::inline(file, 80))
    });
    let what = escape::inline(fault.message(), FAULT);
    format!("{}{what}", place.unwrap_or_default())
}

fn short(hash: &str) -> &str {
    hash.get(..SHORT).unwrap_or(hash)
}
