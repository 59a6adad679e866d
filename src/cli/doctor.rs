//! `jit doctor`: looks at everything that `jit serve` needs, one after the other, and says what to
//! do about each fault. It changes nothing.

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio::time::timeout;

use super::database::Database;
use super::{Failure, out};
use crate::config::{Config, Flags, Needs, SlackConfig};
use crate::connectors::registry::Registry;
use crate::directory::{Found, try_all};
use crate::outward::allow_list;
use crate::policy::Policy;
use crate::slack::client::{Client, ClientSettings, Conversation, SlackFault};
use crate::slack::manifest;

mod workspaces;

/// How long a database or a target may take.
const LIMIT: Duration = Duration::from_secs(15);

/// Look whether everything is here that `jit serve` needs, and say what to do where it is not.
#[derive(Args, Debug)]
#[command(after_help = "\
Looks at the settings, the policy, the database and its schema, Slack's tokens and scopes, the
channels and the sources of people that the policy names, and every connector. Changes nothing, but starts the private
database where DATABASE_URL is not set.

Exit status: 0 all is well, 1 something is not.")]
pub struct Arguments {
    /// Print one JSON object instead of lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: Flags,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
struct Findings {
    ok: bool,
    checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    /// What was looked at.
    name: String,
    /// Whether it is well.
    ok: bool,
    /// What was seen.
    what: String,
    /// What to do, where it is not well.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Arguments {
    /// Looks at everything.
    pub(super) async fn run(self) -> Result<(), Failure> {
        let mut findings = Findings::default();
        match Config::from_env(&self.flags, Needs::Slack) {
            Ok(config) => {
                findings.well("settings", "complete");
                findings.look(&config).await;
            }
            Err(faults) => {
                for fault in faults.0 {
                    findings.ill(
                        &format!("setting {}", fault.name),
                        fault.what,
                        "mend it, then run this again",
                    );
                }
            }
        }
        findings.ok = findings.checks.iter().all(|check| check.ok);
        findings.print(self.json)?;
        if findings.ok {
            Ok(())
        } else {
            Err(Failure::Told)
        }
    }
}

impl Findings {
    fn well(&mut self, name: &str, what: impl Into<String>) {
        self.checks.push(Check {
            name: name.into(),
            ok: true,
            what: what.into(),
            remedy: None,
        });
    }

    fn ill(&mut self, name: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let remedy = Some(remedy.into());
        self.checks.push(Check {
            name: name.into(),
            ok: false,
            what: what.into(),
            remedy,
        });
    }

    async fn look(&mut self, config: &Config) {
        if let Some(app) = &config.installing {
            self.database(config).await;
            return self.workspaces(config, app).await;
        }
        let policy = self.policy(config);
        self.database(config).await;
        let client = match &config.slack {
            Some(slack) => self.slack(slack).await,
            None => None,
        };
        if let Some(policy) = &policy {
            if let Some(client) = &client {
                self.channels(policy, client).await;
                self.people(policy, client, config).await;
            }
            self.connectors(policy, config).await;
        }
    }

    fn policy(&mut self, config: &Config) -> Option<Policy> {
        let shown = config.policy.display();
        match Policy::load(&config.policy) {
            Ok(policy) => {
                self.well("policy", format!("{shown}, hash {}", policy.hash()));
                for warning in policy.warnings() {
                    self.well("policy warning", warning.line());
                }
                Some(policy)
            }
            Err(faults) => {
                let what = format!("{shown} has {} faults, or cannot be read", faults.len());
                self.ill("policy", what, "see them with `jit policy check`");
                None
            }
        }
    }

    async fn database(&mut self, config: &Config) {
        let database = match Database::open(config, 1).await {
            Ok(database) => database,
            Err(Failure::Wrong(error) | Failure::Usage(error)) => {
                return self.ill(
                    "database",
                    format!("{error:#}"),
                    "set DATABASE_URL, or let the private one start",
                );
            }
            Err(_) => return,
        };
        match timeout(LIMIT, database.store.missing_migrations()).await {
            Ok(Ok(0)) => self.well("database", "it answers, and its schema is up to date"),
            // It is brought up to date by itself at the first start.
            Ok(Ok(missing)) if database.is_private() => {
                self.well(
                    "database",
                    format!("it answers; `jit serve` runs {missing} migrations"),
                );
            }
            Ok(Ok(missing)) => {
                self.well("database", "it answers");
                let what = format!("{missing} migrations are missing");
                self.ill(
                    "schema",
                    what,
                    "run `jit migrate`, or start `jit serve`, which does it",
                );
            }
            Ok(Err(error)) => {
                let why = format!("{:#}", anyhow::Error::new(error));
                self.ill(
                    "database",
                    why,
                    "is the server running, and DATABASE_URL right?",
                );
            }
            Err(_) => self.ill(
                "database",
                "no answer",
                "is the server reachable from here?",
            ),
        }
        database.close().await;
    }

    /// Answers a client if the token is good.
    async fn slack(&mut self, slack: &SlackConfig) -> Option<Client> {
        let settings = ClientSettings::at(slack.api_url.as_str());
        let client = match Client::new(&slack.bot_token, settings) {
            Ok(client) => client,
            Err(fault) => {
                self.ill("slack", fault.to_string(), "then run this again");
                return None;
            }
        };
        match client.auth_test().await {
            Ok(installed) => self.well(
                "slack token",
                format!("good; the bot is {}", installed.bot_user),
            ),
            Err(fault) => {
                self.ill("slack token", fault.to_string(), token_remedy(&fault));
                return None;
            }
        }
        self.scopes(&client).await;
        self.ways_in(slack, &client).await;
        Some(client)
    }

    async fn scopes(&mut self, client: &Client) {
        match client.scopes().await {
            Ok(scopes) => {
                let missing = |scope: &&str| !scopes.iter().any(|has| has == *scope);
                let missing: Vec<&str> = manifest::scopes().into_iter().filter(missing).collect();
                if missing.is_empty() {
                    return self.well("slack scopes", "all there");
                }
                let what = format!("missing: {}", missing.join(", "));
                self.ill(
                    "slack scopes",
                    what,
                    "put `jit manifest` into the app's “App Manifest”, then reinstall the app",
                );
            }
            Err(fault) => self.ill("slack scopes", fault.to_string(), "run this again later"),
        }
    }

    async fn ways_in(&mut self, slack: &SlackConfig, client: &Client) {
        if let Some(app_token) = &slack.app_token {
            match client.open_connection(app_token).await {
                Ok(_) => self.well("socket mode", "Slack opens a connection"),
                Err(fault) => self.ill("socket mode", fault.to_string(), "is Socket Mode switched on for the app, and has the app-level token the scope connections:write?"),
            }
        }
        if !slack.signing_secrets.is_empty() {
            let what =
                "the routes are served; from here it cannot be seen whether Slack reaches them";
            self.well("http", what);
        }
    }

    async fn channels(&mut self, policy: &Policy, client: &Client) {
        for channel in policy.channels() {
            let name = format!("channel {channel}");
            match client.conversation(&channel).await {
                Ok(found) if found.is_archived => {
                    self.ill(
                        &name,
                        "it is archived",
                        "name another one in the policy, or unarchive it",
                    );
                }
                Ok(found) if !found.is_member => {
                    self.ill(&name, "the bot is not in it", "type `/invite @jit` there");
                }
                Ok(found) => self.well(&name, seen(&found)),
                Err(SlackFault::Channel(_)) => {
                    self.ill(
                        &name,
                        "it is not there, or private and without the bot",
                        "type `/invite @jit` there, or correct the policy",
                    );
                }
                Err(fault) => self.ill(&name, fault.to_string(), token_remedy(&fault)),
            }
        }
    }

    /// Whoever is asked who is in a group, or who is somebody's manager.
    async fn people(&mut self, policy: &Policy, client: &Client, config: &Config) {
        for trial in try_all(policy, client, allow_list(&config.webhook_allow)).await {
            let instead = trial.fallback.as_ref();
            let instead = instead.map_or(
                "requests that need it are refused until then".to_owned(),
                |group| format!("until then `{group}` stands in"),
            );
            match trial.found {
                Found::People(1) => self.well(&trial.name, "it answers: 1 person"),
                Found::People(many) => {
                    self.well(&trial.name, format!("it answers: {many} people"));
                }
                Found::Nobody(what) => {
                    self.well(&trial.name, format!("it answers, but {what}; {instead}"));
                }
                Found::Slow(took) => self.ill(
                    &trial.name,
                    format!("it took {:.1} s; {instead}", took.as_secs_f64()),
                    "a source has to answer within 2.3 s: make it quicker, or name a `fallback`",
                ),
                Found::Fault(what, remedy) => {
                    self.ill(&trial.name, format!("{what}; {instead}"), remedy);
                }
            }
        }
    }

    async fn connectors(&mut self, policy: &Policy, config: &Config) {
        let registry = Registry::new(policy.connectors().clone());
        let registry = registry.allow_webhooks(allow_list(&config.webhook_allow));
        for (name, connector) in registry.all() {
            let name = format!("connector {}", name.as_str());
            let checked = match connector {
                Ok(connector) => timeout(LIMIT, connector.check()).await,
                Err(fault) => Ok(Err(fault)),
            };
            match checked {
                Ok(Ok(())) => self.well(&name, "it answers, and allows what is needed"),
                Ok(Err(fault)) => self.ill(
                    &name,
                    fault.to_string(),
                    "correct its settings in the policy, or the target",
                ),
                Err(_) => self.ill(&name, "no answer", "is the target reachable from here?"),
            }
        }
    }

    fn print(&self, json: bool) -> Result<(), Failure> {
        if json {
            let text = serde_json::to_string_pretty(self).map_err(Failure::wrong)?;
            return out::line(text);
        }
        for check in &self.checks {
            let mark = if check.ok { "ok   " } else { "FAULT" };
            out::line(format!("{mark}  {}: {}", check.name, check.what))?;
            if let Some(remedy) = &check.remedy {
                out::line(format!("       -> {remedy}"))?;
            }
        }
        let faults = self.checks.iter().filter(|check| !check.ok).count();
        match faults {
            0 => out::line("All is well."),
            1 => out::line("1 fault."),
            many => out::line(format!("{many} faults.")),
        }
    }
}

fn token_remedy(fault: &SlackFault) -> &'static str {
    match fault {
        SlackFault::Admin(_) => "copy the Bot User OAuth Token again from “OAuth & Permissions”",
        fault if fault.is_passing() => "is Slack reachable from here? Run this again later",
        _ => "see Slack's documentation of this error",
    }
}

fn seen(found: &Conversation) -> String {
    if found.is_shared_outside {
        return "the bot is in it; people of other organisations read it too".to_owned();
    }
    "the bot is in it".to_owned()
}
