//! Keeps App Home tabs true: whoever has opened theirs sees in it what stands in the database, a few
//! seconds after it changed. A task of its own, so that no removal and no card waits for a tab.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use futures::future::join_all;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::slack_trouble::{TRIES, wait_for};
use super::{Worker, backoff};
use crate::directory::DirectoryFault;
use crate::slack::client::SlackFault;
use crate::slack::view::home::{self as view, Pages};
use crate::slack::view::text::trouble;
use crate::store::StoreError;
use crate::store::homes::{Made, Published, Tab, Unpublished};

mod gather;

/// How long news is gathered before a tab is shown anew.
const GATHER: TimeDelta = TimeDelta::milliseconds(2_500);
/// How long a worker may take for the tabs that it has taken.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// How many tabs are taken at once.
const AT_ONCE: i64 = 8;
/// How soon a tab is tried again that could not be shown, and one that Slack lets nobody show.
const AGAIN: TimeDelta = TimeDelta::seconds(15);
const LATER: TimeDelta = TimeDelta::minutes(5);
/// The pause between two looks, however often something happens.
const PAUSE: Duration = Duration::from_millis(150);

/// Why a tab was not shown.
enum Trouble {
    /// What it shows could not be found out, or Slack did not take it.
    Again(String, TimeDelta),
    /// Slack refused it with a code that we do not know, and not often enough to give up.
    Refused(String),
    /// There is nothing to be shown in until the app is installed again, so nobody has to look.
    Uninstalled,
    /// Slack has another state than we thought, or nobody knows which: it is shown anew from what is
    /// true then.
    Lost(TimeDelta),
    Store(StoreError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<DirectoryFault> for Trouble {
    fn from(fault: DirectoryFault) -> Self {
        match fault {
            DirectoryFault::Store(error) => Self::Store(error),
            DirectoryFault::Unreadable(fault) => fault.into(),
            fault => Self::Again(fault.to_string(), AGAIN),
        }
    }
}

impl From<SlackFault> for Trouble {
    fn from(fault: SlackFault) -> Self {
        match fault {
            fault if fault.is_not_installed() => Self::Uninstalled,
            fault if !fault.is_passing() => Self::Again(fault.to_string(), LATER),
            fault => Self::Again(fault.to_string(), wait_for(&fault).unwrap_or(AGAIN)),
        }
    }
}

impl Worker {
    /// Shows every tab that is due by now. Answers how many were looked at.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn refresh_homes(&self) -> Result<usize, StoreError> {
        let now = self.engine.now().await?;
        let store = self.engine.store();
        store.follow_homes(now, GATHER).await?;
        let tabs = store.take_homes(now, LEASE, AT_ONCE).await?;
        join_all(tabs.iter().map(|tab| self.show_safely(tab))).await;
        Ok(tabs.len())
    }

    pub(super) async fn refresh_homes_until(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let woken = self.engine.wake().notified();
            if let Err(error) = self.refresh_homes().await {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "App Home tabs were not looked for");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(self.pace.poll) => {}
                () = async { woken.await; tokio::time::sleep(PAUSE).await } => {}
            }
        }
    }

    /// Shows a tab. Whatever goes wrong with it, the others go on.
    async fn show_safely(&self, tab: &Tab) {
        let showing = AssertUnwindSafe(self.show_home(tab)).catch_unwind();
        let trouble = match showing.await {
            Ok(Ok(())) => return,
            Ok(Err(trouble)) => trouble,
            Err(_) => {
                metrics::counter!("jit_homes_panicked_total").increment(1);
                Trouble::Again("it panicked".to_owned(), LATER)
            }
        };
        let (wait, why) = match trouble {
            Trouble::Lost(wait) => (wait, Unpublished::Unsure),
            Trouble::Again(why, wait) => {
                tracing::warn!(why, "an App Home tab is shown later");
                (wait, Unpublished::Failed)
            }
            Trouble::Refused(why) => {
                tracing::warn!(why, "an App Home tab is tried again");
                (backoff::after(tab.refused + 1), Unpublished::Refused)
            }
            Trouble::Uninstalled => (LATER, Unpublished::Failed),
            // Another worker has it now.
            Trouble::Store(StoreError::Overtaken) => return,
            Trouble::Store(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "an App Home tab was not shown");
                (AGAIN, Unpublished::Failed)
            }
        };
        let put_off = async {
            let due = self.engine.now().await? + wait;
            self.engine.store().put_off_home(tab, due, why).await
        };
        // What fails here is taken up again when the lease ends.
        if let Err(error) = put_off.await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "an App Home tab keeps its lease");
        }
    }

    async fn show_home(&self, tab: &Tab) -> Result<(), Trouble> {
        let now = self.engine.now().await?;
        let pages = Pages(tab.pages.clone());
        let (drawn, made) = self.draw(tab, &pages, now).await?;
        let shown = Some(Sha256::digest(drawn.to_string()).to_vec());
        let published = if !tab.forced && tab.shown == shown {
            let hash = tab.hash.clone();
            Published { shown, hash }
        } else {
            match self.publish(tab, &drawn).await? {
                Some(hash) => Published { shown, hash },
                // It does not stand there, so whatever happens next is shown anew.
                None => Published::default(),
            }
        };
        let store = self.engine.store();
        Ok(store.keep_home(tab, &published, &made, now).await?)
    }

    /// Publishes over the state that we know of, so that nothing newer of another worker is lost.
    /// Answers what Slack calls the new state; none at all where Slack will not take it.
    async fn publish(&self, tab: &Tab, drawn: &Value) -> Result<Option<Option<String>>, Trouble> {
        let known = tab.hash.as_deref();
        let published = match self.slack.publish_home(&tab.user, drawn, known).await {
            Err(SlackFault::BadContent(code)) => {
                tracing::error!(code, "Slack refused an App Home tab; a plain one is shown");
                let plain = view::plain();
                self.slack.publish_home(&tab.user, &plain, known).await
            }
            published => published,
        };
        match published {
            Ok(hash) => {
                metrics::counter!("jit_homes_published_total").increment(1);
                Ok(Some(hash))
            }
            Err(SlackFault::Expired(_)) => Err(Trouble::Lost(TimeDelta::zero())),
            Err(SlackFault::Ambiguous(_)) => Err(Trouble::Lost(AGAIN)),
            Err(fault) if fault.is_worth_waiting() => Err(fault.into()),
            Err(fault @ SlackFault::Unknown(_)) if tab.refused + 1 < TRIES => {
                Err(Trouble::Refused(fault.to_string()))
            }
            Err(fault) => {
                // Nothing that is done again would change it; opening the tab tries anew.
                tracing::error!(%fault, "an App Home tab cannot be shown");
                self.show_unknown(&fault, trouble::HOME_TAB).await?;
                Ok(None)
            }
        }
    }

    /// The tab as it is to be now, and what it is made of.
    async fn draw(
        &self,
        tab: &Tab,
        pages: &Pages,
        now: DateTime<Utc>,
    ) -> Result<(Value, Made), Trouble> {
        let policy = self.engine.policy();
        let reader = match self.directory.person(&policy, &tab.user).await {
            Ok(person) => self.reader(tab, person, now).await?,
            Err(DirectoryFault::Unfit(unfit)) => {
                return Ok((view::unfit(&unfit.to_string()), Made::default()));
            }
            Err(fault) => return Err(fault.into()),
        };
        let mut home = self.gather(&reader, now).await?;
        self.link_home(&mut home, pages).await?;
        let people: BTreeSet<_> = gather::people_in(&home);
        let people = self.engine.store().people(&people).await?;
        let faces = crate::slack::view::Faces::of(people.values());
        let made = gather::made(&reader, &home, now);
        Ok((view::home(&home, pages, &faces, now), made))
    }
}
