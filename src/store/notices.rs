//! Messages that are said once, such as to the people who run the bot.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Store, StoreError, Tx};

/// Something to say in a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its id.
    pub id: Uuid,
    /// Where to, as the policy names it.
    pub channel: String,
    /// What.
    pub text: String,
}

impl Store {
    /// The notice, if it still waits to be posted.
    pub async fn waiting_notice(&self, id: Uuid) -> Result<Option<Notice>, StoreError> {
        let notice = sqlx::query_as!(
            Notice,
            "select id, channel, text from notices where id = $1 and posted_at is null",
            id
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(notice)
    }

    /// Marks a notice as posted.
    pub async fn notice_posted(&self, id: Uuid, at: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query!("update notices set posted_at = $2 where id = $1", id, at)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

impl Tx {
    /// Keeps a notice. Answers whether it is new: what was said under the same key is not said again.
    pub async fn keep_notice(
        &mut self,
        notice: &Notice,
        key: &str,
        at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let kept = sqlx::query!(
            "insert into notices (id, key, channel, text, created_at) values ($1, $2, $3, $4, $5)
             on conflict (key) do nothing",
            notice.id,
            key,
            notice.channel,
            notice.text,
            at
        )
        .execute(&mut *self.0)
        .await?;
        Ok(kept.rows_affected() == 1)
    }
}
