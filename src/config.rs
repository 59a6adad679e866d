//! Settings, from flags and the environment. Everything that is wrong is told at once, with what to
//! do; secrets are wrapped where they are read and never shown.
//!
//! Each secret can also stand in a file whose path is in `NAME_FILE`, as container platforms and
//! systemd hand them over. Giving both is a fault, since one of them would silently not count. An
//! empty variable counts as not set.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use tracing_subscriber::EnvFilter;
use url::{Host, Url};

const SLACK_API: &str = "https://slack.com/api";
const DEFAULT_POLICY: &str = "policy/";
/// Seconds between two looks whether the policy has changed.
const DEFAULT_POLL: &str = "2";
const DEFAULT_LISTEN: &str = "127.0.0.1:8080";
const DEFAULT_LOG: &str = "info,sqlx=warn,hyper=warn";

/// What can be said on the command line instead of in the environment. No secrets: other users of
/// the machine can read command lines.
#[derive(Args, Clone, Debug, Default)]
pub struct Flags {
    /// The policy: a file, or a folder.
    #[arg(
        long,
        value_name = "PATH",
        help = "The policy: a file, or a folder with *.yaml files \
        [env: JIT_POLICY] [default: policy/]"
    )]
    pub policy: Option<String>,
    /// Where to listen.
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        help = "Where to listen: for Slack in HTTP mode, \
        health and metrics [env: JIT_LISTEN] [default: 127.0.0.1:8080]"
    )]
    pub listen: Option<String>,
    /// What to log.
    #[arg(
        long,
        value_name = "FILTER",
        help = "What to log, as info or jitbot=debug,sqlx=warn \
        [env: JIT_LOG]"
    )]
    pub log: Option<String>,
    /// How to log.
    #[arg(
        long,
        value_name = "FORMAT",
        help = "How to log: text or json [env: JIT_LOG_FORMAT] \
        [default: text]"
    )]
    pub log_format: Option<String>,
}

/// What a subcommand cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing that has no default.
    Nothing,
    /// Slack's bot token, and a way for deliveries to come in.
    Slack,
}

/// The settings of one process.
#[derive(Clone, Debug)]
pub struct Config {
    /// The database; none for a private one that is started and kept.
    pub database: Option<SecretString>,
    /// How to reach Slack, and how it reaches us; none without a bot token.
    pub slack: Option<SlackConfig>,
    /// The same for an app that workspaces install by OAuth, instead of one bot token.
    pub installing: Option<InstallConfig>,
    /// The policy file or folder.
    pub policy: PathBuf,
    /// How long between two looks whether the policy has changed; none to look at SIGHUP only.
    pub policy_poll: Option<Duration>,
    /// Where to listen.
    pub listen: SocketAddr,
    /// What to log, in the words of `tracing`.
    pub log: String,
    /// How to log.
    pub log_format: LogFormat,
    /// Hosts that webhooks may call although they are internal, as the operator wrote them.
    pub webhook_allow: String,
}

/// How to reach Slack, and how it reaches us.
#[derive(Clone, Debug)]
pub struct SlackConfig {
    /// The bot token.
    pub bot_token: SecretString,
    /// The base of the Web API, without a slash at its end.
    pub api_url: Url,
    /// The app-level token: deliveries come in by Socket Mode.
    pub app_token: Option<SecretString>,
    /// The signing secrets: deliveries come in by HTTP, beside Socket Mode if that is set too. More
    /// than one while the secret is being rotated.
    pub signing_secrets: Vec<SecretString>,
}

/// An app that workspaces install by OAuth.
#[derive(Clone, Debug)]
pub struct InstallConfig {
    /// The app's client id.
    pub client_id: SecretString,
    /// The app's client secret.
    pub client_secret: SecretString,
    /// The base of the Web API, without a slash at its end.
    pub api_url: Url,
    /// The app-level token: deliveries come in by Socket Mode.
    pub app_token: Option<SecretString>,
    /// The signing secrets: deliveries come in by HTTP.
    pub signing_secrets: Vec<SecretString>,
    /// The address at which browsers, and Slack, reach this bot.
    pub public_url: Url,
    /// What tokens are sealed with, each 32 bytes in base64: the first seals, all open.
    pub token_keys: Vec<SecretString>,
    /// The workspaces and organisations that may install the app, by their ids; none: whoever comes.
    pub install_allow: Option<Vec<String>>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

/// One thing that is wrong with the settings. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFault {
    /// The variable.
    pub name: String,
    /// What is wrong, and what to do.
    pub what: String,
}

/// Everything that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigFaults(pub Vec<ConfigFault>);

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let many = if self.0.len() == 1 {
            "setting is"
        } else {
            "settings are"
        };
        write!(f, "{} {many} wrong or missing:", self.0.len())?;
        for ConfigFault { name, what } in &self.0 {
            write!(f, "\n  {name}: {what}")?;
        }
        Ok(())
    }
}

impl Config {
    /// Reads flags, and the environment of this process.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn from_env(flags: &Flags, needs: Needs) -> Result<Self, ConfigFaults> {
        Self::read(flags, needs, &|name| std::env::var(name).ok())
    }

    /// Reads flags, and variables wherever they come from. Flags win.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn read(
        flags: &Flags,
        needs: Needs,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigFaults> {
        let mut reader = Reader {
            variable,
            faults: Vec::new(),
        };
        let database = reader.database();
        let (slack, installing) = reader.ways_to_slack(needs);
        let config = Self {
            database,
            slack,
            installing,
            policy: reader
                .text("JIT_POLICY", flags.policy.as_ref(), DEFAULT_POLICY)
                .into(),
            policy_poll: reader.policy_poll(),
            listen: reader.listen(flags.listen.as_ref()),
            log: reader.log(flags.log.as_ref()),
            log_format: reader.log_format(flags.log_format.as_ref()),
            webhook_allow: reader.get("JIT_WEBHOOK_ALLOW").unwrap_or_default(),
        };
        if reader.faults.is_empty() {
            Ok(config)
        } else {
            Err(ConfigFaults(reader.faults))
        }
    }

    /// Settings that reach nothing, for tests to change where they care.
    pub fn for_testing() -> Self {
        Self {
            database: None,
            slack: None,
            installing: None,
            policy: DEFAULT_POLICY.into(),
            policy_poll: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            log: "off".to_owned(),
            log_format: LogFormat::Text,
            webhook_allow: String::new(),
        }
    }
}

/// Reads settings one by one and keeps what is wrong with them.
struct Reader<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    faults: Vec<ConfigFault>,
}

impl Reader<'_> {
    fn fault(&mut self, name: &str, what: impl Into<String>) {
        self.faults.push(ConfigFault {
            name: name.to_owned(),
            what: what.into(),
        });
    }

    fn get(&self, name: &str) -> Option<String> {
        (self.variable)(name)
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    }

    fn text(&self, name: &str, flag: Option<&String>, default: &str) -> String {
        flag.cloned()
            .or_else(|| self.get(name))
            .unwrap_or_else(|| default.to_owned())
    }

    /// A secret from `name`, or from the file that `name_FILE` names.
    fn secret(&mut self, name: &str) -> Option<SecretString> {
        let file = format!("{name}_FILE");
        match (self.get(name), self.get(&file)) {
            (None, None) => None,
            (Some(value), None) => Some(value.into()),
            (Some(_), Some(_)) => {
                self.fault(
                    name,
                    format!("is set, and {file} too; leave one of them out"),
                );
                None
            }
            (None, Some(path)) => self.secret_in(&file, Path::new(&path)),
        }
    }

    fn secret_in(&mut self, name: &str, path: &Path) -> Option<SecretString> {
        match std::fs::read_to_string(path) {
            Ok(text) if text.trim().is_empty() => {
                self.fault(
                    name,
                    format!("{} is empty; write the secret into it", path.display()),
                );
                None
            }
            Ok(text) => Some(text.trim().into()),
            Err(error) => {
                self.fault(name, format!("{} cannot be read: {error}", path.display()));
                None
            }
        }
    }

    fn database(&mut self) -> Option<SecretString> {
        let url = self.secret("DATABASE_URL")?;
        let scheme = Url::parse(url.expose_secret()).map(|url| url.scheme().to_owned());
        if !matches!(scheme.as_deref(), Ok("postgres" | "postgresql")) {
            self.fault("DATABASE_URL", "is no address of a Postgres database; write it as postgres://user:password@host/database");
        }
        Some(url)
    }

    /// One bot token, or an app that is installed by OAuth.
    fn ways_to_slack(&mut self, needs: Needs) -> (Option<SlackConfig>, Option<InstallConfig>) {
        let id = self.secret("SLACK_CLIENT_ID");
        let secret = self.secret("SLACK_CLIENT_SECRET");
        if id.is_none() && secret.is_none() {
            return (self.slack(needs), None);
        }
        (None, self.installing(needs, id, secret))
    }

    fn installing(
        &mut self,
        needs: Needs,
        client_id: Option<SecretString>,
        client_secret: Option<SecretString>,
    ) -> Option<InstallConfig> {
        if self.secret("SLACK_BOT_TOKEN").is_some() {
            self.fault("SLACK_BOT_TOKEN", "is set, and SLACK_CLIENT_ID or SLACK_CLIENT_SECRET too; the first is for one workspace, the others for an app that workspaces install: leave one out");
        }
        let app_token = self.token(
            "SLACK_APP_TOKEN",
            "xapp-",
            "an app-level token with the scope connections:write from “Basic Information”",
        );
        let signing_secrets = self.signing_secrets();
        let api_url = self.api_url();
        let public_url = self.public_url();
        let token_keys = self.token_keys();
        let install_allow = self.install_allow();
        for (name, is_missing, what) in [
            (
                "SLACK_CLIENT_ID",
                client_id.is_none(),
                "is not set, and SLACK_CLIENT_SECRET is; both stand in “Basic Information” of your Slack app",
            ),
            (
                "SLACK_CLIENT_SECRET",
                client_secret.is_none(),
                "is not set, and SLACK_CLIENT_ID is; both stand in “Basic Information” of your Slack app",
            ),
            (
                "JIT_PUBLIC_URL",
                public_url.is_none(),
                "is not set; it is the address at which browsers reach this bot, as https://jit.example.com",
            ),
            (
                "JIT_TOKEN_KEY",
                token_keys.is_empty(),
                "is not set; tokens are sealed with it: `openssl rand -base64 32` makes one",
            ),
            (
                "SLACK_APP_TOKEN",
                app_token.is_none() && signing_secrets.is_empty(),
                "is not set, nor is SLACK_SIGNING_SECRET; Socket Mode needs the first (xapp-…), HTTP the second",
            ),
        ] {
            let told = self.faults.iter().any(|fault| fault.name.starts_with(name));
            if is_missing && needs == Needs::Slack && !told {
                self.fault(name, what);
            }
        }
        Some(InstallConfig {
            client_id: client_id?,
            client_secret: client_secret?,
            api_url: api_url?,
            app_token,
            signing_secrets,
            public_url: public_url?,
            token_keys: Some(token_keys).filter(|keys| !keys.is_empty())?,
            install_allow,
        })
    }

    fn public_url(&mut self) -> Option<Url> {
        let text = self.get("JIT_PUBLIC_URL")?;
        let url = Url::parse(&text).ok();
        let url = url.filter(|url| may_carry_tokens(url) && url.path() == "/");
        if url.is_none() {
            self.fault("JIT_PUBLIC_URL", "has to be an https address without a path, as https://jit.example.com, or http to this machine");
        }
        url
    }

    /// The ids of those who may install, with commas between them.
    fn install_allow(&mut self) -> Option<Vec<String>> {
        let text = self.get("JIT_INSTALL_ALLOW")?;
        let ids: Vec<&str> = text.split(',').map(str::trim).collect();
        let is_id = |id: &&str| {
            let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
            id.starts_with(['T', 'E']) && id.len() > 2 && id.chars().all(plain)
        };
        if !ids.iter().all(is_id) {
            self.fault("JIT_INSTALL_ALLOW", "has to be ids of workspaces or organisations (T…, E…) with commas between them, as T0ABC123,E0XYZ789");
        }
        Some(ids.into_iter().map(str::to_owned).collect())
    }

    /// One, or several with commas between them while the key is being changed.
    fn token_keys(&mut self) -> Vec<SecretString> {
        let Some(text) = self.secret("JIT_TOKEN_KEY") else {
            return Vec::new();
        };
        let keys = text.expose_secret().split(',').map(str::trim);
        let keys: Vec<&str> = keys.filter(|key| !key.is_empty()).collect();
        let is_key = |key: &&str| STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 32);
        if !keys.iter().all(is_key) {
            self.fault("JIT_TOKEN_KEY", "has to be 32 bytes in base64, or several such keys with commas between them; `openssl rand -base64 32` makes one");
        }
        keys.into_iter().map(SecretString::from).collect()
    }

    fn slack(&mut self, needs: Needs) -> Option<SlackConfig> {
        let bot_token = self.token(
            "SLACK_BOT_TOKEN",
            "xoxb-",
            "the Bot User OAuth Token from “OAuth & Permissions”",
        );
        let app_token = self.token(
            "SLACK_APP_TOKEN",
            "xapp-",
            "an app-level token with the scope connections:write from “Basic Information”",
        );
        let signing_secrets = self.signing_secrets();
        let api_url = self.api_url();
        // A token that is there and wrong is told already.
        let told = |reader: &Self, name: &str| {
            reader
                .faults
                .iter()
                .any(|fault| fault.name.starts_with(name))
        };
        if needs == Needs::Slack {
            if bot_token.is_none() && !told(self, "SLACK_BOT_TOKEN") {
                self.fault("SLACK_BOT_TOKEN", "is not set; it is the Bot User OAuth Token (xoxb-…) from “OAuth & Permissions” of your Slack app");
            }
            let no_way_in = app_token.is_none() && signing_secrets.is_empty();
            if no_way_in && !told(self, "SLACK_APP_TOKEN") && !told(self, "SLACK_SIGNING_SECRET") {
                self.fault("SLACK_APP_TOKEN", "is not set, nor is SLACK_SIGNING_SECRET; Socket Mode needs the first (xapp-…), HTTP the second");
            }
        }
        let (bot_token, api_url) = bot_token.zip(api_url)?;
        Some(SlackConfig {
            bot_token,
            api_url,
            app_token,
            signing_secrets,
        })
    }

    fn token(&mut self, name: &str, prefix: &str, what: &str) -> Option<SecretString> {
        let token = self.secret(name)?;
        if !token.expose_secret().starts_with(prefix) {
            self.fault(
                name,
                format!("does not begin with {prefix}; it has to be {what}"),
            );
        }
        Some(token)
    }

    /// One, or several with commas between them while the secret is being rotated.
    fn signing_secrets(&mut self) -> Vec<SecretString> {
        let Some(text) = self.secret("SLACK_SIGNING_SECRET") else {
            return Vec::new();
        };
        let secrets = text.expose_secret().split(',').map(str::trim);
        secrets
            .filter(|secret| !secret.is_empty())
            .map(SecretString::from)
            .collect()
    }

    fn api_url(&mut self) -> Option<Url> {
        let text = self.text("SLACK_API_URL", None, SLACK_API);
        let url = Url::parse(text.trim_end_matches('/'))
            .ok()
            .filter(may_carry_tokens);
        if url.is_none() {
            self.fault("SLACK_API_URL", "has to be an https address, or http to this machine (127.0.0.1, ::1 or localhost): the token travels there");
        }
        url
    }

    fn listen(&mut self, flag: Option<&String>) -> SocketAddr {
        let text = self.text("JIT_LISTEN", flag, DEFAULT_LISTEN);
        text.parse().unwrap_or_else(|_| {
            self.fault("JIT_LISTEN", format!("“{text}” is no address with a port; write it as {DEFAULT_LISTEN} or 0.0.0.0:8080"));
            SocketAddr::from(([127, 0, 0, 1], 0))
        })
    }

    fn policy_poll(&mut self) -> Option<Duration> {
        let text = self.text("JIT_POLICY_POLL", None, DEFAULT_POLL);
        match text.parse::<u32>() {
            Ok(0) => None,
            Ok(seconds) => Some(Duration::from_secs(seconds.into())),
            Err(_) => {
                self.fault("JIT_POLICY_POLL", format!("“{text}” is no number of seconds; write it as {DEFAULT_POLL}, or 0 to look at SIGHUP only"));
                None
            }
        }
    }

    fn log(&mut self, flag: Option<&String>) -> String {
        let text = self.text("JIT_LOG", flag, DEFAULT_LOG);
        if let Err(error) = EnvFilter::try_new(&text) {
            self.fault(
                "JIT_LOG",
                format!(
                    "“{text}” is no filter ({error}); write it as info or jitbot=debug,sqlx=warn"
                ),
            );
        }
        text
    }

    fn log_format(&mut self, flag: Option<&String>) -> LogFormat {
        match self.text("JIT_LOG_FORMAT", flag, "text").as_str() {
            "text" => LogFormat::Text,
            "json" => LogFormat::Json,
            other => {
                self.fault(
                    "JIT_LOG_FORMAT",
                    format!("“{other}” is neither text nor json"),
                );
                LogFormat::Text
            }
        }
    }
}

/// Tokens go over TLS, or do not leave this machine.
fn may_carry_tokens(url: &Url) -> bool {
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    plain && (url.scheme() == "https" || (url.scheme() == "http" && here))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(needs: Needs, variables: &[(&str, &str)]) -> Result<Config, ConfigFaults> {
        let find = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Config::read(&Flags::default(), needs, &find)
    }

    fn faulty(needs: Needs, variables: &[(&str, &str)]) -> Vec<String> {
        let faults = read(needs, variables).expect_err("something is wrong");
        faults.0.into_iter().map(|fault| fault.name).collect()
    }

    #[test]
    fn nothing_set_is_enough_for_what_needs_nothing() {
        let config = read(
            Needs::Nothing,
            &[("DATABASE_URL", " "), ("SLACK_BOT_TOKEN", "")],
        )
        .unwrap();
        assert!(config.database.is_none() && config.slack.is_none());
        assert_eq!(config.policy, Path::new("policy/"));
        assert_eq!(config.policy_poll, Some(Duration::from_secs(2)));
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.log_format, LogFormat::Text);
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let wrong = [
            ("DATABASE_URL", "mysql://u@h/d"),
            ("SLACK_BOT_TOKEN", "xoxp-1"),
            ("SLACK_API_URL", "http://slack.example/api"),
            ("JIT_LISTEN", "8080"),
            ("JIT_POLICY_POLL", "often"),
            ("JIT_LOG", "jitbot=loudly"),
            ("JIT_LOG_FORMAT", "xml"),
        ];
        let expected = [
            "DATABASE_URL",
            "SLACK_BOT_TOKEN",
            "SLACK_API_URL",
            "SLACK_APP_TOKEN",
            "JIT_POLICY_POLL",
            "JIT_LISTEN",
            "JIT_LOG",
            "JIT_LOG_FORMAT",
        ];
        assert_eq!(faulty(Needs::Slack, &wrong), expected);
    }

    #[test]
    fn slack_needs_a_token_and_a_way_in() {
        let bot = ("SLACK_BOT_TOKEN", "xoxb-1");
        assert_eq!(
            faulty(Needs::Slack, &[]),
            ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]
        );
        assert_eq!(faulty(Needs::Slack, &[bot]), ["SLACK_APP_TOKEN"]);
        assert_eq!(
            faulty(Needs::Slack, &[("SLACK_APP_TOKEN", "xapp-1")]),
            ["SLACK_BOT_TOKEN"]
        );
        let http = read(Needs::Slack, &[bot, ("SLACK_SIGNING_SECRET", "new, old,")]).unwrap();
        let slack = http.slack.unwrap();
        assert!(slack.app_token.is_none());
        assert_eq!(slack.signing_secrets.len(), 2);
        let both = [
            bot,
            ("SLACK_APP_TOKEN", "xapp-1"),
            ("SLACK_SIGNING_SECRET", "s"),
        ];
        let slack = read(Needs::Slack, &both).unwrap().slack.unwrap();
        assert!(slack.app_token.is_some() && slack.signing_secrets.len() == 1);
    }

    #[test]
    fn tokens_go_over_tls_or_stay_on_this_machine() {
        for (url, allowed) in [
            ("https://slack.com/api/", true),
            ("https://proxy.example/slack", true),
            ("http://127.0.0.1:4100/api", true),
            ("http://[::1]:4100/api", true),
            ("http://localhost:4100/api", true),
            ("http://localhost.evil.example/api", false),
            ("http://10.0.0.7/api", false),
            ("https://me:secret@slack.com/api", false),
            ("ftp://127.0.0.1/api", false),
            ("slack.com", false),
        ] {
            let outcome = read(Needs::Nothing, &[("SLACK_API_URL", url)]);
            assert_eq!(outcome.is_ok(), allowed, "{url}");
        }
    }

    #[test]
    fn a_secret_may_stand_in_a_file() {
        let file = std::env::temp_dir().join(format!("jit-secret-{}", uuid::Uuid::now_v7()));
        let path = file.to_str().unwrap();
        assert_eq!(
            faulty(Needs::Nothing, &[("DATABASE_URL_FILE", path)]),
            ["DATABASE_URL_FILE"]
        );
        std::fs::write(&file, "\n").unwrap();
        assert_eq!(
            faulty(Needs::Nothing, &[("DATABASE_URL_FILE", path)]),
            ["DATABASE_URL_FILE"]
        );
        std::fs::write(&file, "postgres://u:p@h/d\n").unwrap();
        let config = read(Needs::Nothing, &[("DATABASE_URL_FILE", path)]).unwrap();
        assert_eq!(
            config.database.unwrap().expose_secret(),
            "postgres://u:p@h/d"
        );
        let both = [
            ("DATABASE_URL_FILE", path),
            ("DATABASE_URL", "postgres://h/d"),
        ];
        assert_eq!(faulty(Needs::Nothing, &both), ["DATABASE_URL"]);
        std::fs::remove_file(file).unwrap();
    }

    #[test]
    fn flags_win() {
        let flags = Flags {
            policy: Some("mine.yaml".into()),
            ..Flags::default()
        };
        let config = Config::read(&flags, Needs::Nothing, &|_| Some("other".to_owned()));
        let faults = config.expect_err("“other” is no address");
        assert!(faults.0.iter().all(|fault| fault.name != "JIT_POLICY"));
        let config = Config::read(&flags, Needs::Nothing, &|_| None).unwrap();
        assert_eq!(config.policy, Path::new("mine.yaml"));
    }

    #[test]
    fn an_app_that_is_installed_needs_its_own_settings() {
        let key = STANDARD.encode([7; 32]);
        let good = [
            ("SLACK_CLIENT_ID", "1.2"),
            ("SLACK_CLIENT_SECRET", "s"),
            ("SLACK_SIGNING_SECRET", "s"),
            ("JIT_PUBLIC_URL", "https://jit.example.com"),
            ("JIT_TOKEN_KEY", key.as_str()),
        ];
        let config = read(Needs::Slack, &good).unwrap();
        assert!(config.slack.is_none() && config.installing.is_some());
        assert_eq!(
            faulty(Needs::Slack, &good[..1]),
            [
                "SLACK_CLIENT_SECRET",
                "JIT_PUBLIC_URL",
                "JIT_TOKEN_KEY",
                "SLACK_APP_TOKEN"
            ]
        );
        let with = |name: &'static str, value: &'static str| {
            let mut settings = good.to_vec();
            settings.retain(|(known, _)| *known != name);
            settings.push((name, value));
            faulty(Needs::Slack, &settings)
        };
        assert_eq!(with("SLACK_BOT_TOKEN", "xoxb-1"), ["SLACK_BOT_TOKEN"]);
        for url in [
            "http://jit.example.com",
            "https://jit.example.com/path",
            "jit",
        ] {
            assert_eq!(with("JIT_PUBLIC_URL", url), ["JIT_PUBLIC_URL"], "{url}");
        }
        assert_eq!(with("JIT_TOKEN_KEY", "c2hvcnQ="), ["JIT_TOKEN_KEY"]);
        for ids in ["T0ABC,,E0XYZ", "acme", "t0abc"] {
            assert_eq!(
                with("JIT_INSTALL_ALLOW", ids),
                ["JIT_INSTALL_ALLOW"],
                "{ids}"
            );
        }
        let mut allowing = good.to_vec();
        allowing.push(("JIT_INSTALL_ALLOW", "T0ABC123, E0XYZ789"));
        let config = read(Needs::Slack, &allowing).unwrap();
        let allowed = config.installing.unwrap().install_allow.unwrap();
        assert_eq!(allowed, ["T0ABC123", "E0XYZ789"]);
    }

    #[test]
    fn no_secret_is_ever_shown() {
        let marked = [
            ("DATABASE_URL", "postgres://u:MARK@h/d"),
            ("SLACK_BOT_TOKEN", "xoxb-MARK"),
            ("SLACK_APP_TOKEN", "xapp-MARK"),
            ("SLACK_SIGNING_SECRET", "MARK,MARK"),
        ];
        let config = read(Needs::Slack, &marked).unwrap();
        assert!(!format!("{config:?}{config:#?}").contains("MARK"));
        let wrong = marked.map(|(name, _)| (name, "MARK-in-the-wrong-place"));
        let faults = read(Needs::Slack, &wrong).expect_err("all wrong");
        assert!(!format!("{faults}{faults:?}").contains("MARK"), "{faults}");
    }
}
