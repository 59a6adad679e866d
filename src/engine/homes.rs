//! App Home tabs: opened, paged, and looked at again at once.

use super::Engine;
use crate::domain::PersonId;
use crate::store::StoreError;

impl Engine {
    /// Somebody opened their App Home tab: it is shown as soon as a worker comes by, and kept true
    /// from now on.
    ///
    /// # Errors
    /// When it could not be recorded.
    pub async fn open_home(
        &self,
        (team, user): (&str, &str),
        person: PersonId,
    ) -> Result<(), StoreError> {
        let now = self.now().await?;
        self.store.open_home((team, user), person, now).await?;
        self.ring();
        Ok(())
    }

    /// Turns a section of somebody's tab to another page, counted from 0.
    ///
    /// # Errors
    /// When it could not be recorded.
    pub async fn turn_home_page(
        &self,
        (team, user): (&str, &str),
        (section, page): (&str, u32),
    ) -> Result<(), StoreError> {
        let now = self.now().await?;
        let turning = self
            .store
            .turn_home_page((team, user), (section, page), now);
        turning.await?;
        self.ring();
        Ok(())
    }

    /// Has somebody's tab shown as things are now, since they did something in it.
    ///
    /// # Errors
    /// When it could not be recorded.
    pub async fn hurry_home(&self, team: &str, user: &str) -> Result<(), StoreError> {
        let now = self.now().await?;
        self.store.hurry_home((team, user), now).await?;
        self.ring();
        Ok(())
    }
}
