//! What Slack answers, tolerantly, and what we keep of it.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use crate::slack::payload::Workspace;

/// Whose token it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// The workspace, or organisation, that the app is installed in.
    pub workspace: Workspace,
    /// The bot's own user id.
    pub bot_user: String,
    /// The address of the workspace, with a slash at its end, if Slack tells it.
    pub url: Option<String>,
}

/// A message of ours that Slack took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The conversation, by id: for a message to a person, their direct messages (`D…`).
    pub channel: String,
    /// The message within it.
    pub ts: String,
}

/// A Slack user as Slack describes them now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are Slack's own flags, each with its own meaning"
)]
pub struct SlackUser {
    /// The user's id.
    pub id: String,
    /// A workspace that the user belongs to. Of somebody of several Slack names one of them, and of
    /// people of an organisation at times none.
    pub team_id: Option<String>,
    /// The organisation that the user belongs to.
    pub enterprise_id: Option<String>,
    /// All workspaces of the organisation that the user belongs to; empty outside of organisations.
    pub teams: BTreeSet<String>,
    /// The handle.
    pub name: String,
    /// The name as people write it; the handle where there is none.
    pub real_name: String,
    /// The e-mail address, if Slack tells it.
    pub email: Option<String>,
    /// Whether Slack confirmed the address. An unconfirmed one counts for nothing.
    pub email_confirmed: bool,
    /// The time zone by its IANA name.
    pub tz: Option<String>,
    /// An app or a bot.
    pub is_bot: bool,
    /// A guest of several channels.
    pub is_restricted: bool,
    /// A guest of one channel.
    pub is_ultra_restricted: bool,
    /// Deactivated.
    pub deleted: bool,
    /// From another workspace, and not even in a shared channel.
    pub is_stranger: bool,
}

/// A channel as Slack describes it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: String,
    /// Its name without `#`.
    pub name: String,
    /// Whether the bot is in it.
    pub is_member: bool,
    /// Whether it is archived.
    pub is_archived: bool,
    /// Whether people of other organisations are in it.
    pub is_shared_outside: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct AuthTest {
    team_id: Option<String>,
    enterprise_id: Option<String>,
    is_enterprise_install: Option<bool>,
    user_id: Option<String>,
    url: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct PostedAnswer {
    channel: Option<String>,
    ts: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct PermalinkAnswer {
    pub(super) permalink: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ViewAnswer {
    pub(super) view: Option<ViewId>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ViewId {
    pub(super) id: Option<String>,
    pub(super) hash: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct UrlAnswer {
    pub(super) url: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct UploadAnswer {
    pub(super) upload_url: Option<String>,
    pub(super) file_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct UserAnswer {
    pub(super) user: Option<WireUser>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WireUser {
    id: Option<String>,
    team_id: Option<String>,
    enterprise_user: Option<EnterpriseUser>,
    name: Option<String>,
    real_name: Option<String>,
    profile: Option<Profile>,
    is_email_confirmed: Option<bool>,
    tz: Option<String>,
    is_bot: Option<bool>,
    is_restricted: Option<bool>,
    is_ultra_restricted: Option<bool>,
    deleted: Option<bool>,
    is_stranger: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EnterpriseUser {
    enterprise_id: Option<String>,
    teams: Option<BTreeSet<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Profile {
    email: Option<String>,
    real_name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct UsersAnswer {
    pub(super) users: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ProfileAnswer {
    pub(super) profile: Option<WireFields>,
}

/// The custom fields of a profile: an object by field id, but a list where there are none.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WireFields {
    fields: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ChannelAnswer {
    pub(super) channel: Option<WireChannel>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ChannelsAnswer {
    pub(super) channels: Vec<WireChannel>,
    pub(super) response_metadata: Option<Cursor>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct TeamsAnswer {
    pub(super) teams: Vec<Team>,
    pub(super) response_metadata: Option<Cursor>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Team {
    pub(super) id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Cursor {
    next_cursor: Option<String>,
}

impl Cursor {
    /// Where the next page begins, if there is one.
    pub(super) fn next(self) -> Option<String> {
        self.next_cursor.filter(|cursor| !cursor.is_empty())
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WireChannel {
    id: Option<String>,
    name: Option<String>,
    is_member: Option<bool>,
    is_archived: Option<bool>,
    is_ext_shared: Option<bool>,
}

impl AuthTest {
    pub(super) fn into_installation(self) -> Installation {
        Installation {
            workspace: Workspace {
                team: filled(self.team_id),
                enterprise: filled(self.enterprise_id),
                org_wide: self.is_enterprise_install.unwrap_or_default(),
            },
            bot_user: self.user_id.unwrap_or_default(),
            url: filled(self.url),
        }
    }
}

/// An id, unless it is empty.
fn filled(id: Option<String>) -> Option<String> {
    id.filter(|id| !id.is_empty())
}

impl PostedAnswer {
    pub(super) fn into_posted(self) -> Option<Posted> {
        Some(Posted {
            channel: self.channel?,
            ts: self.ts?,
        })
    }
}

impl WireFields {
    pub(super) fn field(&self, id: &str) -> Option<String> {
        let value = self.fields.get(id)?.get("value")?.as_str()?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }
}

impl WireUser {
    pub(super) fn into_user(self) -> Option<SlackUser> {
        let profile = self.profile.unwrap_or_default();
        let name = self.name.unwrap_or_default();
        let real_name = self.real_name.or(profile.real_name);
        let in_organisation = self.enterprise_user.unwrap_or_default();
        Some(SlackUser {
            id: self.id?,
            team_id: filled(self.team_id),
            enterprise_id: filled(in_organisation.enterprise_id),
            teams: in_organisation.teams.unwrap_or_default(),
            real_name: real_name
                .filter(|name| !name.trim().is_empty())
                .unwrap_or_else(|| name.clone()),
            name,
            email: profile.email.filter(|email| !email.trim().is_empty()),
            email_confirmed: self.is_email_confirmed.unwrap_or_default(),
            tz: self.tz,
            is_bot: self.is_bot.unwrap_or_default(),
            is_restricted: self.is_restricted.unwrap_or_default(),
            is_ultra_restricted: self.is_ultra_restricted.unwrap_or_default(),
            deleted: self.deleted.unwrap_or_default(),
            is_stranger: self.is_stranger.unwrap_or_default(),
        })
    }
}

impl WireChannel {
    pub(super) fn into_conversation(self) -> Option<Conversation> {
        Some(Conversation {
            id: self.id?,
            name: self.name.unwrap_or_default(),
            is_member: self.is_member.unwrap_or_default(),
            is_archived: self.is_archived.unwrap_or_default(),
            is_shared_outside: self.is_ext_shared.unwrap_or_default(),
        })
    }
}
