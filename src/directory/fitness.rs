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
/// for. A user of whom Slack does not say where they are from is not; nor is one of another
/// organisation, whatever else is said of them.
pub(super) fn belongs(user: &SlackUser, installed: &Workspace) -> Result<(), Unfit> {
    if user.is_stranger || is_elsewhere(user, installed) {
        return Err(Unfit::Foreign);
    }
    let mut teams = user.team_id.iter().chain(&user.teams);
    let in_workspace = teams.any(|team| installed.team.as_ref() == Some(team));
    if in_workspace || (installed.org_wide && is_in_organisation(user, installed)) {
        return Ok(());
    }
    Err(Unfit::Foreign)
}

fn is_in_organisation(user: &SlackUser, installed: &Workspace) -> bool {
    user.enterprise_id.is_some() && user.enterprise_id == installed.enterprise
}

fn is_elsewhere(user: &SlackUser, installed: &Workspace) -> bool {
    let both = user
        .enterprise_id
        .as_ref()
        .zip(installed.enterprise.as_ref());
    both.is_some_and(|(own, ours)| own != ours)
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

    #[test]
    fn whoever_is_in_several_workspaces_of_an_organisation_belongs_to_each() {
        let teams = |teams: [&str; 2]| SlackUser {
            team_id: Some("T2".into()),
            enterprise_id: Some("E1".into()),
            teams: teams.map(str::to_owned).into(),
            ..dana()
        };
        for installed in [installed(None, false), installed(Some("E1"), false)] {
            assert_eq!(belongs(&teams(["T2", "T1"]), &installed), Ok(()));
            let unnamed = SlackUser {
                team_id: None,
                ..teams(["T1", "T3"])
            };
            assert_eq!(belongs(&unnamed, &installed), Ok(()));
            let elsewhere = belongs(&teams(["T2", "T3"]), &installed);
            assert_eq!(elsewhere, Err(Unfit::Foreign));
        }
        let other = belongs(&teams(["T2", "T1"]), &installed(Some("E2"), false));
        assert_eq!(other, Err(Unfit::Foreign), "another organisation");
        let stranger = SlackUser {
            is_stranger: true,
            ..teams(["T2", "T1"])
        };
        assert_eq!(
            belongs(&stranger, &installed(Some("E1"), true)),
            Err(Unfit::Foreign)
        );
    }

    #[test]
    fn of_an_organisation_is_who_it_names_without_a_workspace_too() {
        let unnamed = SlackUser {
            team_id: None,
            enterprise_id: Some("E1".into()),
            ..dana()
        };
        assert_eq!(belongs(&unnamed, &installed(Some("E1"), true)), Ok(()));
        for other in [
            installed(Some("E1"), false),
            installed(Some("E2"), true),
            installed(None, true),
        ] {
            assert_eq!(belongs(&unnamed, &other), Err(Unfit::Foreign));
        }
    }
}
