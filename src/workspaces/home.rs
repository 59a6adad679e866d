//! Which installation something belongs to.

use crate::slack::payload::Workspace;
use crate::store::installations::Installed;

/// The installation that a delivery belongs to: its workspace's own, else that of the organisation.
/// Where Slack says that it comes by an installation of the whole organisation, that goes first.
pub fn home_of<'a>(from: &Workspace, installed: &'a [Installed]) -> Option<&'a Installed> {
    let present = || installed.iter().filter(|row| row.removed_at.is_none());
    let team = from.team.as_deref().filter(|team| !team.is_empty());
    let enterprise = from.enterprise.as_deref().filter(|id| !id.is_empty());
    // Events about a whole organisation name it where others name a workspace.
    let enterprise = enterprise.or(team);
    let own = || present().find(|row| Some(row.team_id.as_str()) == team);
    let whole = || {
        let mut of_all = present().filter(|row| row.team_id.is_empty());
        of_all.find(|row| Some(row.enterprise_id.as_str()) == enterprise)
    };
    if from.org_wide {
        whole().or_else(own)
    } else {
        own().or_else(whole)
    }
}

/// Whether something is about that very installation: a workspace that leaves an app which the whole
/// organisation has installed ends nothing for the others, and what ends for the organisation does not
/// end an installation of a workspace's own.
pub fn is_of(from: &Workspace, row: &Installed) -> bool {
    let for_all = row.team_id.is_empty();
    match from.team.as_deref().filter(|team| !team.is_empty()) {
        Some(team) if !from.org_wide && for_all => team == row.enterprise_id,
        Some(team) if !from.org_wide => team == row.team_id,
        _ => for_all,
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn installed(enterprise: &str, team: &str) -> Installed {
        Installed {
            enterprise_id: enterprise.into(),
            team_id: team.into(),
            house: format!("jit_{}", format!("{enterprise}{team}").to_lowercase()),
            name: String::new(),
            app_id: String::new(),
            bot_user: String::new(),
            scopes: Vec::new(),
            bot_token: Some(Vec::new()),
            refresh_token: None,
            expires_at: None,
            installed_by: String::new(),
            installed_at: DateTime::UNIX_EPOCH,
            removed_at: None,
        }
    }

    fn from(enterprise: Option<&str>, team: Option<&str>) -> Workspace {
        Workspace {
            team: team.map(str::to_owned),
            enterprise: enterprise.map(str::to_owned),
            org_wide: false,
        }
    }

    #[test]
    fn the_workspace_goes_before_its_organisation() {
        let rows = [
            installed("E1", ""),
            installed("E1", "T1"),
            installed("", "T9"),
        ];
        let home = |enterprise, team| {
            home_of(&from(enterprise, team), &rows).map(|row| row.house.as_str())
        };
        assert_eq!(home(Some("E1"), Some("T1")), Some("jit_e1t1"));
        assert_eq!(home(None, Some("T1")), Some("jit_e1t1"));
        assert_eq!(home(Some("E1"), Some("T2")), Some("jit_e1"));
        assert_eq!(home(Some("E1"), None), Some("jit_e1"));
        assert_eq!(home(None, Some("E1")), Some("jit_e1"));
        assert_eq!(home(None, Some("T9")), Some("jit_t9"));
        for nobody in [
            (None, None),
            (Some(""), Some("")),
            (Some("E2"), Some("T2")),
            (None, Some("T2")),
        ] {
            assert_eq!(home(nobody.0, nobody.1), None, "{nobody:?}");
        }
    }

    #[test]
    fn what_comes_by_the_organisation_goes_to_the_organisation() {
        let rows = [
            installed("E1", "T1"),
            installed("E1", ""),
            installed("", "T9"),
        ];
        let home = |enterprise, team| {
            let from = Workspace {
                org_wide: true,
                ..from(enterprise, team)
            };
            home_of(&from, &rows).map(|row| row.house.as_str())
        };
        assert_eq!(home(Some("E1"), Some("T1")), Some("jit_e1"));
        assert_eq!(home(Some("E1"), None), Some("jit_e1"));
        assert_eq!(home(None, Some("E1")), Some("jit_e1"));
        assert_eq!(home(Some("E9"), Some("T9")), Some("jit_t9"));
        assert_eq!(home(Some("E9"), Some("T8")), None);
    }

    #[test]
    fn what_is_uninstalled_is_nobody_s_home() {
        let mut rows = [installed("E1", ""), installed("E1", "T1")];
        rows[1].removed_at = Some(DateTime::UNIX_EPOCH);
        let home = home_of(&from(Some("E1"), Some("T1")), &rows);
        assert_eq!(home.map(|row| row.house.as_str()), Some("jit_e1"));
        rows[0].removed_at = Some(DateTime::UNIX_EPOCH);
        assert!(home_of(&from(Some("E1"), Some("T1")), &rows).is_none());
    }

    #[test]
    fn an_end_is_that_of_one_installation_only() {
        let from = |team: Option<&str>, org_wide| Workspace {
            team: team.map(str::to_owned),
            enterprise: Some("E1".to_owned()),
            org_wide,
        };
        let (whole, own) = (installed("E1", ""), installed("E1", "T1"));
        assert!(is_of(&from(None, true), &whole));
        assert!(is_of(&from(Some("T1"), true), &whole));
        assert!(is_of(&from(Some("E1"), false), &whole));
        assert!(is_of(&from(None, false), &whole));
        assert!(is_of(&from(Some("T1"), false), &own));
        for (team, org_wide) in [
            (Some("T1"), true),
            (None, true),
            (None, false),
            (Some("E1"), false),
        ] {
            assert!(!is_of(&from(team, org_wide), &own), "{team:?} {org_wide}");
        }
        assert!(!is_of(&from(Some("T2"), false), &whole));
    }
}
