//! What the workspace looks like when the stand-in starts.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A workspace to play, and how strictly to play it.
///
/// Start from [`Settings::acme`] and change what a test is about.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen; port 0 takes any free port.
    pub listen: SocketAddr,
    /// The workspace.
    pub team: Team,
    /// Everybody in it, strangers from connected workspaces included.
    pub users: Vec<User>,
    /// Public and private channels; direct messages come into being by themselves.
    pub channels: Vec<Channel>,
    /// User groups (`@approvers`).
    pub usergroups: Vec<Usergroup>,
    /// The app that is installed: its bot user must be among `users`.
    pub app: App,
    /// Signs what is sent to the bot over HTTP.
    pub signing_secret: String,
    /// The token (`xoxb-…`) that the Web API accepts.
    pub bot_token: String,
    /// The token (`xapp-…`) that opens Socket Mode connections.
    pub app_token: String,
    /// The app's client id, for installing by OAuth.
    pub client_id: String,
    /// The app's client secret.
    pub client_secret: String,
    /// Whether tokens that are granted by OAuth end after twelve hours and are exchanged for others.
    pub rotates_tokens: bool,
    /// The bot token's scopes; a call that needs another is answered `missing_scope`.
    pub scopes: Vec<String>,
    /// Whether `@bob` in a command arrives as `<@U0BOB|bob>` (the manifest's `should_escape`).
    pub escape_mentions: bool,
    /// Whether the app is installed for a whole Enterprise organisation: `team` is then null.
    pub org_install: bool,
    /// How long a delivery waits for its acknowledgement.
    pub ack_deadline: Duration,
    /// How long a `trigger_id` may be exchanged.
    pub trigger_life: Duration,
    /// How long a `response_url` may be used.
    pub response_url_life: Duration,
    /// The pauses before an event's first, second and third retry.
    pub event_retries: Vec<Duration>,
}

/// A workspace's names.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Team {
    /// The id, `T…`.
    pub id: String,
    /// The name people read.
    pub name: String,
    /// The part before `.slack.com`.
    pub domain: String,
}

/// A member of the workspace, or a stranger from a connected one.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "Slack's user object has exactly these flags"
)]
pub struct User {
    /// The id, `U…` or `W…`.
    pub id: String,
    /// The handle, without `@`.
    pub name: String,
    /// The name people read.
    pub real_name: String,
    /// The job title in the profile.
    pub title: String,
    /// The address in the profile.
    pub email: String,
    /// Whether the person proved that the address is theirs.
    pub email_confirmed: bool,
    /// IANA name of the person's zone.
    pub tz: String,
    /// Seconds from UTC that Slack reports beside the zone; not derived from it.
    pub tz_offset: i32,
    /// Whether this is an app's user.
    pub is_bot: bool,
    /// A guest of several channels.
    pub is_restricted: bool,
    /// A guest of one channel.
    pub is_ultra_restricted: bool,
    /// Deactivated.
    pub deleted: bool,
    /// The workspace the person belongs to. Empty where Slack names none, as it does at times for
    /// people of an organisation.
    pub team_id: String,
    /// All workspaces of an organisation that the person belongs to, where they are of one; of an app
    /// that is installed for the whole organisation, `team_id` is enough.
    #[serde(default)]
    pub teams: Vec<String>,
    /// The organisation the person belongs to, where it is not the one of this workspace.
    #[serde(default)]
    pub enterprise_id: String,
    /// From another organisation, met in a shared channel only.
    pub is_stranger: bool,
    /// Custom fields of the profile by their ids (`Xf…`). In one of people, user ids with commas.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
}

/// A conversation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Channel {
    /// The id, `C…`, or `D…` for a direct message.
    pub id: String,
    /// The name without `#`; empty for a direct message.
    pub name: String,
    /// Ids of the people in it.
    pub members: Vec<String>,
    /// Closed for good.
    pub is_archived: bool,
    /// Seen by its members only.
    pub is_private: bool,
    /// Whether the bot was invited.
    pub bot_member: bool,
    /// The person at the other end, for a direct message with the bot.
    pub im_with: Option<String>,
}

/// A user group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Usergroup {
    /// The id, `S…`.
    pub id: String,
    /// The name people read.
    pub name: String,
    /// The handle, without `@`.
    pub handle: String,
    /// Ids of its members.
    pub users: Vec<String>,
    /// Whether it was switched off.
    pub disabled: bool,
}

/// The installed app.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct App {
    /// The id, `A…`.
    pub id: String,
    /// The bot's id, `B…`, which messages carry.
    pub bot_id: String,
    /// The bot user's id.
    pub bot_user: String,
    /// The name shown beside its messages.
    pub name: String,
    /// The slash commands it declares.
    pub commands: Vec<SlashCommand>,
    /// The global and message shortcuts it declares.
    pub shortcuts: Vec<Shortcut>,
}

/// A slash command as the app's manifest declares it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SlashCommand {
    /// The command with its slash.
    pub name: String,
    /// What may follow, shown while typing.
    pub hint: String,
    /// What it does.
    pub description: String,
}

/// A shortcut as the app's manifest declares it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shortcut {
    /// What the app knows it by.
    pub callback_id: String,
    /// What people see.
    pub name: String,
    /// Whether it is found on messages rather than everywhere.
    pub on_message: bool,
}

impl Settings {
    /// The workspace that the demo and most tests use: Acme, with an engineer, approvers in far
    /// zones, a lead, a guest, and a bot that was invited to all channels.
    #[must_use]
    pub fn acme() -> Self {
        let users = acme_users();
        let everybody = users
            .iter()
            .filter(|user| !user.is_bot)
            .map(|user| user.id.clone());
        let everybody: Vec<String> = everybody.collect();
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            team: Team {
                id: "T0ACME".into(),
                name: "Acme".into(),
                domain: "acme".into(),
            },
            channels: acme_channels(&everybody),
            usergroups: vec![Usergroup {
                id: "S0APPROVERS".into(),
                name: "Approvers".into(),
                handle: "approvers".into(),
                users: vec!["U0BOB".into(), "U0CAROL".into()],
                disabled: false,
            }],
            users,
            app: acme_app(),
            signing_secret: "acme-signing-secret".into(),
            bot_token: "xoxb-acme-bot".into(),
            app_token: "xapp-acme-app".into(),
            client_id: "100.200".into(),
            client_secret: "acme-client-secret".into(),
            rotates_tokens: false,
            scopes: SCOPES.iter().map(ToString::to_string).collect(),
            escape_mentions: true,
            org_install: false,
            ack_deadline: Duration::from_secs(3),
            trigger_life: Duration::from_secs(3),
            response_url_life: Duration::from_mins(30),
            event_retries: [0, 60, 300].map(Duration::from_secs).to_vec(),
        }
    }

    /// Another workspace with the same app: Umbrella, whose people have the names and user ids of
    /// Acme's and are others.
    #[must_use]
    pub fn umbrella() -> Self {
        let mut settings = Self::acme();
        settings.team = Team {
            id: "T0UMBRELLA".into(),
            name: "Umbrella".into(),
            domain: "umbrella".into(),
        };
        for user in &mut settings.users {
            user.team_id = "T0UMBRELLA".into();
            user.email = user.email.replace("acme.example", "umbrella.example");
        }
        settings.bot_token = "xoxb-umbrella-bot".into();
        settings
    }

    /// The same workspace, for a bot with other scopes.
    #[must_use]
    pub fn with_scopes(mut self, scopes: &[&str]) -> Self {
        self.scopes = scopes.iter().map(ToString::to_string).collect();
        self
    }
}

/// What a bot without any message-reading scope asks for.
const SCOPES: [&str; 8] = [
    "commands",
    "chat:write",
    "files:write",
    "im:write",
    "users:read",
    "users:read.email",
    "usergroups:read",
    "users.profile:read",
];

fn acme_app() -> App {
    App {
        id: "A0JITAPP".into(),
        bot_id: "B0JITBOT".into(),
        bot_user: "U0JITBOT".into(),
        name: "jit".into(),
        commands: vec![SlashCommand {
            name: "/jit".into(),
            hint: "request RESOURCE [ROLE] DURATION [reason] | list | active | done | help".into(),
            description: "Ask for access, for as long as you need it".into(),
        }],
        shortcuts: Vec::new(),
    }
}

/// Name, real name, title, zone and that zone's offset (in winter, in hours).
const PEOPLE: [(&str, &str, &str, &str, i32); 7] = [
    ("dana", "Dana Diaz", "Engineer", "Europe/Berlin", 1),
    ("bob", "Bob Brown", "Database owner", "America/New_York", -5),
    ("carol", "Carol Chen", "Security", "Asia/Tokyo", 9),
    ("erin", "Erin Egan", "Engineer", "Europe/Dublin", 0),
    (
        "lee",
        "Lee Larsen",
        "Engineering lead",
        "Australia/Brisbane",
        10,
    ),
    (
        "gus",
        "Gus Green",
        "Contractor (guest)",
        "America/Los_Angeles",
        -8,
    ),
    ("jitbot", "jit", "App", "Etc/UTC", 0),
];

fn acme_users() -> Vec<User> {
    PEOPLE.map(acme_user).to_vec()
}

fn acme_user((name, real_name, title, tz, hours): (&str, &str, &str, &str, i32)) -> User {
    let is_bot = name == "jitbot";
    User {
        id: format!("U0{}", name.to_uppercase()),
        name: name.into(),
        real_name: real_name.into(),
        title: title.into(),
        email: if is_bot {
            String::new()
        } else {
            format!("{name}@acme.example")
        },
        email_confirmed: !is_bot,
        tz: tz.into(),
        tz_offset: hours * 3600,
        team_id: "T0ACME".into(),
        is_bot,
        is_restricted: name == "gus",
        ..User::default()
    }
}

fn acme_channels(everybody: &[String]) -> Vec<Channel> {
    let channel = |id: &str, name: &str| Channel {
        id: id.into(),
        name: name.into(),
        members: everybody.to_vec(),
        bot_member: true,
        ..Channel::default()
    };
    vec![
        channel("C0ACCESS", "access-requests"),
        channel("C0FALLBACK", "access-fallback"),
        channel("C0GENERAL", "general"),
    ]
}
