//! The stand-in for Slack alone, as a process, for programs that are no part of this crate: the
//! official clients of `tests/slack/qualify` and anybody who wants to look.
//!
//! It prints one line of JSON that says where it is and with which secrets. People act through its
//! page's routes (`/sandbox/slash` and so on); what only the workspace itself can do is ordered on
//! standard input, one JSON object a line, each answered by one line. It stops when its input ends,
//! so it never outlives whoever started it.

use std::time::Duration;

use jitbot::sandbox::{Sandbox, Settings, Shortcut};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// How long an order may wait for what it waits for.
const PATIENCE: Duration = Duration::from_secs(20);

/// What only the workspace itself can do.
#[derive(Debug, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
enum Order {
    /// Deliver over HTTP, to this base address.
    Bot { url: String },
    /// Wait until this many sockets are open.
    Sockets { count: usize },
    /// Say `disconnect` on every socket.
    Disconnect { reason: String },
    /// Deliver an event, given as its inner part.
    Event { event: Value },
    /// Ask the bot's events address to prove itself.
    UrlVerification { challenge: String },
    /// Ask the bot's commands address whether its certificate is in order.
    SslCheck,
    /// Set the bot token's scopes.
    Scopes { scopes: Vec<String> },
    /// Install the app for a whole organisation, or for one workspace again.
    Org { whole: bool },
    /// Make every `trigger_id` too old.
    ExpireTriggers,
    /// Make every `response_url` too old.
    ExpireResponseUrls,
    /// Remove the bot from a channel.
    Kick { channel: String },
    /// Invite the bot to a channel.
    Invite { channel: String },
    /// Archive a channel, or bring it back.
    Archive { channel: String, archived: bool },
    /// Deactivate a person's account.
    Deactivate { user: String },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = workspace();
    let mut hello = json!({
        "signing_secret": settings.signing_secret, "bot_token": settings.bot_token,
        "app_token": settings.app_token, "scopes": settings.scopes,
    });
    let sandbox = Sandbox::start(settings).await?;
    hello["api_url"] = json!(sandbox.api_url());
    hello["page_url"] = json!(sandbox.page_url());
    say(&hello).await?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let answer = match serde_json::from_str(&line) {
            Ok(order) => carry_out(&sandbox, order).await,
            Err(error) => json!({"error": format!("{line}: {error}")}),
        };
        say(&answer).await?;
    }
    sandbox.shutdown().await;
    Ok(())
}

/// Acme, with an app that may call everything there is and declares shortcuts of both kinds.
fn workspace() -> Settings {
    let mut settings = Settings::acme();
    let shortcut = |callback_id: &str, name: &str, on_message| Shortcut {
        callback_id: callback_id.into(),
        name: name.into(),
        on_message,
    };
    settings.app.shortcuts = vec![
        shortcut("ask", "Request access", false),
        shortcut("ask_about", "Request access for this", true),
    ];
    let more = [
        "channels:read",
        "groups:read",
        "channels:join",
        "files:write",
        "reactions:write",
        "team:read",
    ];
    settings.scopes.extend(more.map(ToOwned::to_owned));
    settings
}

async fn say(answer: &Value) -> std::io::Result<()> {
    let mut out = tokio::io::stdout();
    out.write_all(format!("{answer}\n").as_bytes()).await?;
    out.flush().await
}

async fn carry_out(sandbox: &Sandbox, order: Order) -> Value {
    match order {
        Order::Event { event } => json!(sandbox.event(event).await),
        Order::SslCheck => json!(sandbox.ssl_check().await),
        Order::UrlVerification { challenge } => {
            json!({"ok": sandbox.url_verification(&challenge).await})
        }
        Order::Sockets { count } => {
            let open = |sandbox: &Sandbox| sandbox.socket_count() == count;
            json!({"ok": sandbox.wait_for(open, PATIENCE).await})
        }
        Order::Kick { channel } => done(sandbox.kick_bot(&channel)),
        Order::Invite { channel } => done(sandbox.invite_bot(&channel)),
        Order::Archive {
            channel,
            archived: true,
        } => done(sandbox.archive(&channel)),
        Order::Archive { channel, .. } => done(sandbox.unarchive(&channel)),
        Order::Deactivate { user } => done(sandbox.deactivate(&user)),
        setting => {
            set(sandbox, setting);
            json!({"ok": true})
        }
    }
}

/// The orders that cannot fail.
fn set(sandbox: &Sandbox, order: Order) {
    match order {
        Order::Bot { url } => sandbox.connect_http(&url),
        Order::Disconnect { reason } => sandbox.disconnect_sockets(&reason),
        Order::Scopes { scopes } => {
            let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
            sandbox.set_scopes(&scopes);
        }
        Order::Org { whole } => sandbox.set_org_install(whole),
        Order::ExpireTriggers => sandbox.expire_triggers(),
        Order::ExpireResponseUrls => sandbox.expire_response_urls(),
        _ => {}
    }
}

fn done<E: std::fmt::Display>(result: Result<(), E>) -> Value {
    match result {
        Ok(()) => json!({"ok": true}),
        Err(error) => json!({"error": error.to_string()}),
    }
}
