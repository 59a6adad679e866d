//! Who may ask, and who may decide.

use crate::slack::client::SlackUser;
use crate::slack::payload::Workspace;

/// Why somebody may not do something. `Display` is the plain sentence for that person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// From a workspace that the bot is not installed in.
    #[error("You are not in the workspace that this bot belongs to, so you cannot use it.")]
    Foreign,
    /// An app.
    #[error("Apps and bots cannot use this.")]
    Bot,
    /// A guest.
    #[error("Guests cannot decide on access. Ask a full member of the workspace.")]
    Guest,
    /// Deactivated.
    #[error("This account is deactivated.")]
    Deactivated,
}

/// Whether the user is of the installed workspace, or of the organisation that the bot is installed
/// for. A user of whom Slack does not say where they are from is not.
pub(super) fn belongs(user: &SlackUser, installed: &Workspace) -> Result<(), Unfit> {
    let home = Workspace {
        team: user.team_id.clone(),
        enterprise: user.enterprise_id.clone(),
        org_wide: installed.org_wide,
    };
    if user.is_stranger || home.team.is_none() || !home.belongs_to(installed) {
        return Err(Unfit::Foreign);
    }
    Ok(())
}

/// Whether the user may ask for access. Guests may: the policy says what for.
pub(super) fn may_ask(user: &SlackUser) -> Result<(), Unfit> {
    if user.deleted {
        return Err(Unfit::Deactivated);
    }
    if user.is_bot {
        return Err(Unfit::Bot);
    }
    Ok(())
}

/// Whether the user may decide on access.
pub(super) fn may_decide(user: &SlackUser) -> Result<(), Unfit> {
    may_ask(user)?;
    if user.is_restricted || user.is_ultra_restricted {
        return Err(Unfit::Guest);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dana() -> SlackUser {
        SlackUser {
            id: "U1".into(),
            team_id: Some("T1".into()),
            ..SlackUser::default()
        }
    }

    fn installed(enterprise: Option<&str>, org_wide: bool) -> Workspace {
        Workspace {
            team: Some("T1".into()),
            enterprise: enterprise.map(str::to_owned),
            org_wide,
        }
    }

    #[test]
    fn only_full_members_decide() {
        assert_eq!(may_decide(&dana()), Ok(()));
        let with = |change: fn(&mut SlackUser)| {
            let mut user = dana();
            change(&mut user);
            (may_ask(&user), may_decide(&user))
        };
        assert_eq!(
            with(|u| u.is_restricted = true),
            (Ok(()), Err(Unfit::Guest))
        );
        assert_eq!(
            with(|u| u.is_ultra_restricted = true),
            (Ok(()), Err(Unfit::Guest))
        );
        assert_eq!(
            with(|u| u.is_bot = true),
            (Err(Unfit::Bot), Err(Unfit::Bot))
        );
        let gone = (Err(Unfit::Deactivated), Err(Unfit::Deactivated));
        assert_eq!(with(|u| u.deleted = true), gone);
    }

    #[test]
    fn people_of_other_workspaces_do_not_belong() {
        let one = installed(None, false);
        assert_eq!(belongs(&dana(), &one), Ok(()));
        let foreign = SlackUser {
            team_id: Some("T2".into()),
            ..dana()
        };
        let stranger = SlackUser {
            is_stranger: true,
            ..dana()
        };
        let unknown = SlackUser {
            team_id: None,
            ..dana()
        };
        for user in [&foreign, &stranger, &unknown] {
            assert_eq!(belongs(user, &one), Err(Unfit::Foreign));
        }
        let colleague = SlackUser {
            enterprise_id: Some("E1".into()),
            ..foreign
        };
        assert_eq!(belongs(&colleague, &installed(Some("E1"), true)), Ok(()));
        assert_eq!(
            belongs(&colleague, &installed(Some("E1"), false)),
            Err(Unfit::Foreign)
        );
        assert_eq!(
            belongs(&colleague, &installed(Some("E2"), true)),
            Err(Unfit::Foreign)
        );
    }
}
