//! Another policy, and what is to be said about it.

use std::sync::{Arc, PoisonError};

use chrono::TimeDelta;
use uuid::{NoContext, Timestamp, Uuid};

use super::Engine;
use crate::domain::{Actor, Effect, Event};
use crate::policy::Policy;
use crate::store::StoreError;
use crate::store::notices::Notice;

/// How long after the policy changed App Home tabs are rendered by it: whatever was under way is over.
const SETTLED: TimeDelta = TimeDelta::milliseconds(2_500);

impl Engine {
    /// Decides by that policy from now on, at once for every entry. The change is written to the
    /// ledger, by whichever replica comes first. Answers whether it was new to the ledger.
    ///
    /// # Errors
    /// When it could not be recorded: then nothing has changed.
    pub async fn adopt(&self, policy: Policy) -> Result<bool, StoreError> {
        let mut tx = self.store.begin().await?;
        let from = tx.lock_policy().await?;
        let now = self.clock.now(&mut tx).await?;
        let is_new = from.as_deref() != Some(policy.hash());
        if is_new {
            let to = policy.hash().to_owned();
            let event = Event::PolicyChanged { from, to };
            tx.append(&Actor::Clock, None, &[event], now).await?;
        }
        tx.commit().await?;
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
        if !is_new {
            // The ledger's entry is older than this moment: a tab that was rendered here since then
            // followed the old policy.
            self.store.render_homes(now + SETTLED).await?;
        }
        Ok(is_new)
    }

    /// Remembers what is wrong with the policy's files as they are now, in one sentence; none where
    /// they are what decides.
    pub fn note_policy_trouble(&self, trouble: Option<String>) {
        *(self.policy_trouble.write()).unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// What is wrong with the policy's files, as this process found them last.
    pub fn policy_trouble(&self) -> Option<String> {
        let trouble = self.policy_trouble.read();
        trouble.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says something in the channel of the people who run the bot, once for each key, whichever
    /// replica finds it. Without such a channel in the policy nothing is said.
    ///
    /// # Errors
    /// When it could not be recorded.
    pub async fn tell_admins(&self, key: &str, text: &str) -> Result<(), StoreError> {
        let policy = self.policy();
        let Some(channel) = policy.admin_channel() else {
            return Ok(());
        };
        let mut tx = self.store.begin().await?;
        let now = self.clock.now(&mut tx).await?;
        let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
        let time = Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos());
        let notice = Notice {
            id: Uuid::new_v7(time),
            channel: channel.to_owned(),
            text: text.to_owned(),
        };
        if tx.keep_notice(&notice, key, now).await? {
            let effect = Effect::PostNotice { notice: notice.id };
            tx.enqueue(&[effect], now).await?;
            tx.commit().await?;
            self.ring();
        }
        Ok(())
    }
}
