//! A request asked once more: who the holder and the asker are by now. All of it is one act, with one
//! deadline.

use std::collections::BTreeSet;

use super::{Directory, DirectoryFault};
use crate::domain::{Ask, Asker, GroupName, Person, PersonId, Request, Route, Standing};
use crate::policy::Policy;

impl Directory {
    /// The request as it would be asked now, for policy to look at it again: the same wish, by
    /// people read at this moment.
    ///
    /// # Errors
    /// When somebody may not ask any more ([`DirectoryFault::Unfit`]), or cannot be read.
    pub async fn ask_again(
        &self,
        policy: &Policy,
        request: &Request,
    ) -> Result<Ask, DirectoryFault> {
        let act = self.for_one_act();
        let groups = act.groups_again(policy, request).await?;
        let holder = request.access.person;
        let asker = Some(request.requester).filter(|asker| *asker != holder);
        let asking = async {
            match asker {
                Some(asker) => act.read_once_more(policy, asker, &groups).await.map(Some),
                None => Ok(None),
            }
        };
        let reading = act.read_once_more(policy, holder, &groups);
        let ((person, standing), asker) = tokio::try_join!(reading, asking)?;
        let asker = asker.map(|(person, standing)| Asker { person, standing });
        Ok(Ask {
            standing,
            asker,
            role: Some(request.access.role.to_string()),
            duration: Some(request.duration),
            reason: request.reason.clone(),
            start: request.terms.start,
            break_glass: matches!(request.terms.route, Route::BreakGlass(_)),
            extends: request.extends.as_ref().map(|extends| extends.request),
            taken_in: true,
            ..Ask::of(person, request.access.resource.as_str())
        })
    }

    /// The groups that policy has to know of before it can look at the request again: for the parts
    /// of a bundle, those of all.
    async fn groups_again(
        &self,
        policy: &Policy,
        request: &Request,
    ) -> Result<BTreeSet<GroupName>, DirectoryFault> {
        let parts = match &request.bundle {
            Some(_) => self.store.parts_of(request.card()).await?,
            None => vec![request.clone()],
        };
        let accesses = parts.iter().map(|part| &part.access);
        let groups = accesses.flat_map(|access| {
            policy.groups_to_read(access.resource.as_str(), Some(access.role.as_str()))
        });
        Ok(groups.collect())
    }

    /// The person as they are now. For whoever is not of this workspace nothing more can be read.
    async fn read_once_more(
        &self,
        policy: &Policy,
        id: PersonId,
        groups: &BTreeSet<GroupName>,
    ) -> Result<(Person, Standing), DirectoryFault> {
        let recorded = self.known_person(id).await?;
        let team = self.team().await?;
        let person = match recorded.slack_user(&team) {
            Some(user) => {
                self.read(user).await?;
                self.person(policy, user).await?
            }
            None => recorded,
        };
        let standing = self.standing_now(policy, &person, groups.clone()).await?;
        Ok((person, standing))
    }
}
