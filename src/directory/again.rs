//! A request asked once more: who the holder and the asker are by now.

use super::{Directory, DirectoryFault};
use crate::domain::{Ask, Asker, Person, PersonId, Request, Standing};
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
        let (person, standing) = self.read_once_more(policy, request.access.person).await?;
        let asker = if request.requester == request.access.person {
            None
        } else {
            let (person, standing) = self.read_once_more(policy, request.requester).await?;
            Some(Asker { person, standing })
        };
        Ok(Ask {
            standing,
            asker,
            role: Some(request.access.role.to_string()),
            duration: Some(request.duration),
            reason: request.reason.clone(),
            start: request.terms.start,
            break_glass: matches!(request.terms.route, crate::domain::Route::BreakGlass(_)),
            extends: request.extends.as_ref().map(|extends| extends.request),
            taken_in: true,
            ..Ask::of(person, request.access.resource.as_str())
        })
    }

    async fn read_once_more(
        &self,
        policy: &Policy,
        id: PersonId,
    ) -> Result<(Person, Standing), DirectoryFault> {
        let recorded = self.known_person(id).await?;
        let team = self.team().await?;
        let Some(user) = recorded.slack_user(&team) else {
            // Nobody of this workspace: there is nothing more to be read.
            return Ok((recorded, Standing::default()));
        };
        let user = user.to_owned();
        self.read(&user).await?;
        let person = self.person(policy, &user).await?;
        let standing = self.standing_of(&user).await?;
        Ok((person, standing))
    }

    /// What Slack says of a user beside who they are, read at most ten minutes ago.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn standing_of(&self, slack_user: &str) -> Result<Standing, DirectoryFault> {
        let seen = self.recent(slack_user).await?;
        Ok(Standing {
            guest: seen.user.is_restricted || seen.user.is_ultra_restricted,
            timezone: seen.user.tz.clone(),
            ..Standing::default()
        })
    }
}
