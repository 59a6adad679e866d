//! What each workspace has for itself: user groups, and names of channels. By a token of a whole
//! organisation Slack is told which workspace is meant, so all of them are asked, one after the other.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Client, Conversation, SlackFault, wire};
use crate::slack::limiter::Pace;

/// How long the list of workspaces counts.
const COUNTS: Duration = Duration::from_mins(10);
/// The pages of workspaces that are read, a hundred each.
const TEAM_PAGES: usize = 10;
/// The pages of channels that are read in search of a name.
const PAGES: usize = 20;

/// What is known of the workspaces of an organisation.
#[derive(Default)]
pub(super) struct Teams(Mutex<Known>);

#[derive(Default)]
struct Known {
    all: Option<(Instant, Vec<String>)>,
    /// In which workspace a user group was found last.
    groups: HashMap<String, String>,
}

impl Teams {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> Option<Vec<String>> {
        let known = self.lock();
        let (at, all) = known.all.as_ref()?;
        (at.elapsed() < COUNTS).then(|| all.clone())
    }
}

impl Client {
    /// The members of a user group, as user ids; none where there is no such group, or it was
    /// switched off. Quick: people wait for it at a click.
    pub async fn usergroup_members(&self, id: &str) -> Result<Option<Vec<String>>, SlackFault> {
        let mut teams = self.teams().await?;
        let last = self.inner.teams.lock().groups.get(id).cloned();
        // Where it was found last is asked first.
        teams.sort_by_key(|team| last.is_none() || *team != last);
        for team in teams {
            let found = self.members_in(id, team.as_deref()).await?;
            if let (Some(_), Some(team)) = (&found, team) {
                self.inner.teams.lock().groups.insert(id.to_owned(), team);
            }
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    async fn members_in(
        &self,
        id: &str,
        team: Option<&str>,
    ) -> Result<Option<Vec<String>>, SlackFault> {
        let query = vec![("usergroup", Some(id)), ("team_id", team)];
        let call = self.quick("usergroups.users.list", Pace::Tier2, query);
        match self.call::<wire::UsersAnswer>(call).await {
            // An answer without the list does not say that the group is empty.
            Ok(answer) => match answer.users {
                Some(users) => Ok(Some(users)),
                None => Err(SlackFault::Transient("no users".into())),
            },
            Err(SlackFault::Permanent(code)) if code == "no_such_subteam" => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// A channel by its name without `#`, among those that the bot may see.
    pub(super) async fn conversation_named(&self, name: &str) -> Result<Conversation, SlackFault> {
        for team in self.teams().await? {
            if let Some(found) = self.named_in(name, team.as_deref()).await? {
                return Ok(found);
            }
        }
        Err(SlackFault::Channel("channel_not_found".into()))
    }

    async fn named_in(
        &self,
        name: &str,
        team: Option<&str>,
    ) -> Result<Option<Conversation>, SlackFault> {
        let mut cursor = None;
        for _ in 0..PAGES {
            let query = vec![
                ("limit", Some("1000")),
                ("types", Some("public_channel,private_channel")),
                ("cursor", cursor.as_deref()),
                ("team_id", team),
            ];
            let call = self.read("conversations.list", Pace::Tier2, query);
            let page: wire::ChannelsAnswer = self.call(call).await?;
            let channels = page.channels.into_iter();
            let mut channels = channels.filter_map(wire::WireChannel::into_conversation);
            if let Some(found) = channels.find(|channel| channel.name == name) {
                return Ok(Some(found));
            }
            cursor = page.response_metadata.and_then(wire::Cursor::next);
            if cursor.is_none() {
                break;
            }
        }
        Ok(None)
    }

    /// The workspaces to ask: for an app of one workspace that one, which needs no name.
    async fn teams(&self) -> Result<Vec<Option<String>>, SlackFault> {
        if !self.installation().await?.workspace.org_wide {
            return Ok(vec![None]);
        }
        if let Some(known) = self.inner.teams.known() {
            return Ok(known.into_iter().map(Some).collect());
        }
        let all = self.read_teams().await?;
        self.inner.teams.lock().all = Some((Instant::now(), all.clone()));
        Ok(all.into_iter().map(Some).collect())
    }

    async fn read_teams(&self) -> Result<Vec<String>, SlackFault> {
        let (mut all, mut cursor) = (Vec::new(), None);
        for _ in 0..TEAM_PAGES {
            let query = vec![("cursor", cursor.as_deref())];
            let call = self.quick("auth.teams.list", Pace::Tier2, query);
            let page: wire::TeamsAnswer = self.call(call).await?;
            all.extend(page.teams.into_iter().filter_map(|team| team.id));
            cursor = page.response_metadata.and_then(wire::Cursor::next);
            if cursor.is_none() {
                break;
            }
        }
        Ok(all)
    }
}
