//! Digests that are due: each claimed once for its reader and period.

use uuid::{NoContext, Timestamp, Uuid};

use super::Engine;
use crate::domain::Effect;
use crate::store::StoreError;
use crate::store::digests::{Period, Plan, Reader};

impl Engine {
    /// Keeps who reads which digest by now, as it was worked out from that plan's policy: readers
    /// who are new or have changed, and those who are none any more.
    ///
    /// # Errors
    /// When it could not be recorded: then nothing has changed.
    pub async fn plan_digests(
        &self,
        plan: &Plan,
        readers: &[Reader],
        gone: &[(String, String)],
    ) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        // First of all, so that two replicas that do so at once take turns.
        tx.keep_digest_plan(plan).await?;
        for reader in readers {
            tx.keep_digest_reader(reader).await?;
        }
        for (digest, reader) in gone {
            tx.forget_digest_reader(digest, reader).await?;
        }
        tx.commit().await
    }

    /// Claims a period for a reader and asks for its digest to be sent, in one transaction. Answers
    /// whether it was claimed here; if not, another replica has done so.
    ///
    /// # Errors
    /// When it could not be recorded: then nothing is claimed.
    pub async fn claim_digest(&self, reader: &Reader, period: Period) -> Result<bool, StoreError> {
        let mut tx = self.store.begin().await?;
        let now = self.clock.now(&mut tx).await?;
        let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
        let time = Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos());
        let digest = Uuid::new_v7(time);
        let claimed = tx.claim_digest(digest, reader, period, now).await?;
        if claimed {
            tx.enqueue(&[Effect::SendDigest { digest }], now).await?;
        }
        tx.commit().await?;
        if claimed {
            self.ring();
        }
        Ok(claimed)
    }
}
