//! The app's manifest: what a Slack workspace has to know of this bot, generated from what the code
//! does, so that neither can promise more than the other.

use serde_json::{Value, json};

use super::view::ids;

/// The slash command.
pub const COMMAND: &str = "/jit";

/// How the workspace reaches the bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The bot opens a web socket to Slack: no public address is needed.
    Socket,
    /// Slack calls the bot.
    Http {
        /// The bot's public address, without a path.
        url: String,
    },
}

/// The Web API methods that the client calls, each with the bot scope it needs; none where a token
/// is enough. Whoever adds a call adds it here, and the manifest follows.
pub const METHODS: &[(&str, Option<&str>)] = &[
    ("auth.test", None),
    // Which workspaces an organisation has, where the app is installed for all of them.
    ("auth.teams.list", None),
    // Belongs to the app-level token of Socket Mode (`connections:write`), not to the bot's scopes.
    ("apps.connections.open", None),
    // Belongs to the app, by its client id and secret.
    ("oauth.v2.access", None),
    ("chat.postMessage", Some("chat:write")),
    ("chat.update", Some("chat:write")),
    ("chat.postEphemeral", Some("chat:write")),
    ("chat.getPermalink", None),
    // Long histories, as a file to whoever asked for it.
    ("files.getUploadURLExternal", Some("files:write")),
    ("files.completeUploadExternal", Some("files:write")),
    ("views.open", None),
    ("views.update", None),
    ("views.publish", None),
    ("users.info", Some("users:read")),
    ("users.lookupByEmail", Some("users:read.email")),
    ("usergroups.users.list", Some("usergroups:read")),
    // Custom fields of a profile, for the one that names somebody's manager.
    ("users.profile.get", Some("users.profile:read")),
    ("conversations.info", Some("channels:read")),
    ("conversations.list", Some("channels:read")),
    // The same two for private channels, where cards of sensitive resources often go: without it
    // neither `jit doctor` nor the look-up of a name can tell a private channel from a missing one.
    ("conversations.info", Some("groups:read")),
    ("conversations.list", Some("groups:read")),
];

/// The scope that brings the slash command; no method names it.
///
/// Left out on purpose: every `*:history` (the bot never reads messages), `chat:write.public`
/// (inviting the bot to a channel is the channel's consent), `im:write` (direct messages are posted
/// to the person's own id, so no conversation is opened), `channels:join`, `users:write`.
const COMMAND_SCOPE: &str = "commands";

/// The events that the bot hears of, none of which needs a scope that it has not for its calls: who
/// somebody is, and who is in a user group, is read again when it has changed; the tokens of an
/// installation are wiped when it has ended.
const EVENTS: &[&str] = &[
    "app_home_opened",
    "app_uninstalled",
    "subteam_members_changed",
    "subteam_updated",
    "tokens_revoked",
    "user_change",
];

const NAME: &str = "JIT access";
const DESCRIPTION: &str =
    "Access for as long as you need it: ask in chat, approved by policy, taken away on time.";
const LONG_DESCRIPTION: &str = "Ask for access with /jit request, for example `/jit request \
    staging-db 1h`. The people whom your policy names approve or deny it with one click. Access is \
    really given, and it is really taken away when its time is over, with a record of every step. \
    The bot reads no messages. It is run by your own company, and its code is open source under \
    the Apache licence.";
/// What people find in the menus of Slack: a shortcut for everywhere, and one on a message. The scope
/// of the slash command allows both.
const SHORTCUTS: [(&str, &str, &str, &str); 2] = [
    (
        "global",
        ids::ASK,
        "Ask for access",
        "Opens a form: what you need, for how long, and who decides",
    ),
    (
        "message",
        ids::ASK_ABOUT,
        "Ask for access for this",
        "The same, with the link of this message for whoever decides",
    ),
];

const COMMAND_DESCRIPTION: &str = "Ask for access, see it, give it back";
const USAGE: &str = "request RESOURCE [ROLE] 1h [reason] | list | active | extend | done | help";

/// The bot's scopes, sorted, each once.
pub fn scopes() -> Vec<&'static str> {
    let needed = METHODS.iter().filter_map(|(_, scope)| *scope);
    let mut scopes: Vec<&str> = needed.chain([COMMAND_SCOPE]).collect();
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

/// The manifest to create the app from.
pub fn manifest(mode: &Mode) -> Value {
    let mut command = json!({
        "command": COMMAND,
        "description": COMMAND_DESCRIPTION,
        "usage_hint": USAGE,
        "should_escape": true,
    });
    let mut interactivity = json!({ "is_enabled": true });
    let mut events = json!({ "bot_events": EVENTS });
    if let Mode::Http { url } = mode {
        let url = url.trim_end_matches('/');
        command["url"] = format!("{url}/slack/commands").into();
        let interactions = format!("{url}/slack/interactions");
        interactivity["request_url"] = interactions.clone().into();
        // Where selects ask for their choices.
        interactivity["message_menu_options_url"] = interactions.into();
        events["request_url"] = format!("{url}/slack/events").into();
    }
    json!({
        "display_information": {
            "name": NAME,
            "description": DESCRIPTION,
            "long_description": LONG_DESCRIPTION,
            "background_color": "#1f3a4d",
        },
        "features": {
            // Not read only: people type `/jit …` there too.
            "app_home": {
                "home_tab_enabled": true,
                "messages_tab_enabled": true,
                "messages_tab_read_only_enabled": false,
            },
            "bot_user": { "display_name": "jit", "always_online": true },
            "shortcuts": shortcuts(),
            "slash_commands": [command],
        },
        "oauth_config": { "scopes": { "bot": scopes() } },
        "settings": {
            "event_subscriptions": events,
            "interactivity": interactivity,
            "org_deploy_enabled": false,
            "socket_mode_enabled": *mode == Mode::Socket,
            "token_rotation_enabled": false,
        },
    })
}

fn shortcuts() -> Vec<Value> {
    let shortcut = |(kind, id, name, description): &(&str, &str, &str, &str)| json!({"type": kind, "callback_id": id, "name": name, "description": description});
    SHORTCUTS.iter().map(shortcut).collect()
}

/// The manifest for an app that several workspaces, or a whole organisation, install by OAuth at
/// that public address (without a path). Its tokens are rotated.
pub fn manifest_for_installing(mode: &Mode, url: &str) -> Value {
    let mut manifest = manifest(mode);
    let url = url.trim_end_matches('/');
    manifest["oauth_config"]["redirect_urls"] = json!([format!("{url}/slack/oauth/callback")]);
    manifest["settings"]["org_deploy_enabled"] = true.into();
    manifest["settings"]["token_rotation_enabled"] = true.into();
    manifest
}

/// The manifest as a file.
pub fn to_file(mode: &Mode) -> String {
    format!("{:#}\n", manifest(mode))
}

#[cfg(test)]
#[path = "../../tests/slack/manifest.rs"]
mod against_the_code;
#[cfg(test)]
#[path = "../../tests/slack/codes.rs"]
mod documented;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn example() -> Mode {
        Mode::Http {
            url: "https://jit.example.com".to_owned(),
        }
    }

    #[test]
    fn the_files_are_what_the_code_says() {
        for (file, mode) in [("socket.json", Mode::Socket), ("http.json", example())] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("manifest")
                .join(file);
            if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(&path, to_file(&mode)).unwrap();
            }
            let written = std::fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(
                written,
                to_file(&mode),
                "INSTA_UPDATE=always cargo test writes {file}"
            );
        }
    }

    #[test]
    fn scopes_are_those_of_the_methods_and_no_more() {
        let bot = manifest(&Mode::Socket)["oauth_config"]["scopes"]["bot"].clone();
        for (method, scope) in METHODS {
            let granted = scope.is_none_or(|scope| bot.as_array().unwrap().contains(&scope.into()));
            assert!(granted, "{method} needs {scope:?}");
        }
        assert_eq!(
            scopes(),
            [
                "channels:read",
                "chat:write",
                "commands",
                "files:write",
                "groups:read",
                "usergroups:read",
                "users.profile:read",
                "users:read",
                "users:read.email"
            ],
        );
        assert!(!bot.to_string().contains("history"));
    }

    #[test]
    fn an_app_that_is_installed_says_where_browsers_come_back_to() {
        let manifest = manifest_for_installing(&Mode::Socket, "https://jit.example.com/");
        let back = "https://jit.example.com/slack/oauth/callback";
        assert_eq!(manifest["oauth_config"]["redirect_urls"][0], back);
        assert_eq!(manifest["settings"]["token_rotation_enabled"], true);
        assert_eq!(manifest["settings"]["org_deploy_enabled"], true);
        assert_eq!(manifest["settings"]["socket_mode_enabled"], true);
    }

    #[test]
    fn texts_are_within_what_slack_takes() {
        for (text, limit) in [
            (NAME, 35),
            (DESCRIPTION, 140),
            (LONG_DESCRIPTION, 4000),
            (COMMAND, 32),
            (COMMAND_DESCRIPTION, 2000),
            (USAGE, 1000),
        ] {
            assert!(text.chars().count() <= limit, "{text}");
        }
        for (_, id, name, description) in SHORTCUTS {
            assert!(name.chars().count() <= 24, "{name}");
            assert!(description.chars().count() <= 150, "{description}");
            assert!(id.len() <= 255, "{id}");
        }
        assert!(
            175 <= LONG_DESCRIPTION.len(),
            "Slack wants at least 174 characters"
        );
    }

    #[test]
    fn each_mode_says_how_slack_reaches_the_bot() {
        let socket = manifest(&Mode::Socket);
        assert_eq!(socket["settings"]["socket_mode_enabled"], true);
        assert!(socket["features"]["slash_commands"][0]["url"].is_null());
        let http = manifest(&Mode::Http {
            url: "https://jit.example.com/".to_owned(),
        });
        assert_eq!(
            http,
            manifest(&example()),
            "a slash at the end makes no difference"
        );
        assert_eq!(http["settings"]["socket_mode_enabled"], false);
        let url = "https://jit.example.com/slack/interactions";
        let interactivity = &http["settings"]["interactivity"];
        assert_eq!(interactivity["request_url"], url);
        assert_eq!(interactivity["message_menu_options_url"], url);
    }
}
