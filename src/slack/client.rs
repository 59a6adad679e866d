//! Every call to Slack: paced, in a timeout, with its fault sorted by what to do about it.
//!
//! Logged is the method and the kind of fault, once, here; never a token, a text or a body.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use slack_morphism::SlackClientHttpConnector;
use slack_morphism::prelude::{SlackApiToken, SlackHyperClient};
use tokio::sync::OnceCell;
use url::Url;

use super::limiter::{Limiter, Pace};
use super::view::Content;

mod call;
mod codes;
mod connect;
mod fault;
mod file;
mod oauth;
mod places;
mod refused;
mod teams;
mod unheard;
mod wire;

use call::{Call, count, sensitive};
pub use connect::{ClientFault, ClientSettings};
pub use fault::SlackFault;
pub use oauth::{Granted, OAuth};
use places::{POST, Places};
use refused::Refused;
use teams::Teams;
use unheard::Unheard;
pub use wire::{Conversation, Installation, Posted, SlackUser};

/// How many addresses of messages are remembered.
const PERMALINKS: usize = 10_000;

/// How a response URL is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Respond {
    /// A message that only the person sees.
    Ephemeral,
    /// In place of the message that was clicked.
    Replace,
}

/// Gives the token to call with, for an installation whose token changes. It is handed the token that
/// Slack has just called expired, where there is one.
pub type Tokens = Arc<
    dyn Fn(Option<SecretString>) -> BoxFuture<'static, Result<SecretString, SlackFault>>
        + Send
        + Sync,
>;

/// Where the token comes from.
enum Source {
    /// It was set, and stays.
    Fixed(SlackApiToken),
    /// It changes.
    Changing(Tokens),
}

/// The way out to one Slack workspace. Clones share their limits.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    slack: SlackHyperClient,
    token: Source,
    settings: ClientSettings,
    limiter: Limiter,
    places: Places,
    refused: Mutex<Refused>,
    unheard: Mutex<Unheard>,
    installation: OnceCell<Installation>,
    teams: Teams,
    /// Addresses of messages, by channel and timestamp.
    permalinks: Mutex<HashMap<(String, String), String>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// Prepares a client; nothing is called yet.
    ///
    /// # Errors
    /// When the machine has no root certificates for `https`.
    pub fn new(token: &SecretString, settings: ClientSettings) -> Result<Self, ClientFault> {
        Self::with(Source::Fixed(api_token(token)), settings)
    }

    /// Prepares a client whose token changes; nothing is called yet.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn changing(tokens: Tokens, settings: ClientSettings) -> Result<Self, ClientFault> {
        Self::with(Source::Changing(tokens), settings)
    }

    fn with(token: Source, settings: ClientSettings) -> Result<Self, ClientFault> {
        let slack = connect::slack(&settings)?;
        let limiter = if settings.paced {
            Limiter::new()
        } else {
            Limiter::unpaced()
        };
        Ok(Self {
            inner: Arc::new(Inner {
                slack,
                token,
                settings,
                limiter,
                places: Places::default(),
                refused: Mutex::default(),
                unheard: Mutex::default(),
                installation: OnceCell::new(),
                teams: Teams::default(),
                permalinks: Mutex::default(),
            }),
        })
    }

    /// Whose token this is, asked once.
    pub async fn installation(&self) -> Result<&Installation, SlackFault> {
        let ask = || self.auth_test();
        self.inner.installation.get_or_try_init(ask).await
    }

    /// Whose token this is, asked now.
    pub async fn auth_test(&self) -> Result<Installation, SlackFault> {
        let call = self.write("auth.test", Pace::Special, None, json!({}));
        let answer: wire::AuthTest = self.call(call).await?;
        Ok(answer.into_installation())
    }

    /// What Slack refused lately until somebody changes the installation: method and code. A call
    /// that works again is not among them.
    pub fn refused(&self) -> BTreeMap<&'static str, String> {
        let refused = self.inner.refused.lock();
        refused.unwrap_or_else(PoisonError::into_inner).lately()
    }

    /// The scopes that the token has, for `jit doctor`.
    pub async fn scopes(&self) -> Result<Vec<String>, SlackFault> {
        let url = format!("{}/auth.test", self.inner.settings.api_url);
        let token = match &self.inner.token {
            Source::Fixed(token) => token.clone(),
            Source::Changing(tokens) => api_token(&tokens(None).await?),
        };
        let asking = connect::scopes(url, token.token_value.0.clone());
        let asked = tokio::time::timeout(self.inner.settings.timeout, asking).await;
        asked.map_err(|_| SlackFault::Transient("timeout".into()))?
    }

    /// Posts a message, to a channel by name or id or to a person by user id; with `thread_ts`
    /// below another message. Where its turn is not now, it says at once when that is: whoever posts
    /// has other channels to see to.
    pub async fn post(
        &self,
        channel: &str,
        content: &Content,
        thread_ts: Option<&str>,
    ) -> Result<Posted, SlackFault> {
        let call = self.message(channel, content, thread_ts);
        self.posted(call.or_later()).await
    }

    /// Posts a message to a person who waits for an answer; its turn is waited for.
    pub async fn answer(&self, user: &str, content: &Content) -> Result<Posted, SlackFault> {
        self.posted(self.message(user, content, None)).await
    }

    fn message<'a>(
        &self,
        channel: &'a str,
        content: &Content,
        thread_ts: Option<&str>,
    ) -> Call<'a> {
        let body = json!({
            "channel": channel,
            "text": content.text,
            "blocks": content.blocks,
            "thread_ts": thread_ts,
            "unfurl_links": false,
            "unfurl_media": false,
        });
        self.write(POST, Pace::Message, Some(channel), body)
    }

    /// Changes a message of ours in place. Like [`Client::post`] it does not wait for its turn.
    pub async fn update(
        &self,
        channel: &str,
        ts: &str,
        content: &Content,
    ) -> Result<(), SlackFault> {
        let body = json!({
            "channel": channel,
            "ts": ts,
            "text": content.text,
            "blocks": content.blocks,
        });
        let call = self.write("chat.update", Pace::Tier3, Some(channel), body);
        self.call::<Value>(call.or_later()).await.map(drop)
    }

    /// Shows a message to one person in a channel. Slack does not promise that it arrives.
    pub async fn ephemeral(
        &self,
        channel: &str,
        user: &str,
        content: &Content,
    ) -> Result<(), SlackFault> {
        let body = json!({
            "channel": channel,
            "user": user,
            "text": content.text,
            "blocks": content.blocks,
        });
        let call = self.write("chat.postEphemeral", Pace::Tier4, Some(channel), body);
        self.call::<Value>(call).await.map(drop)
    }

    /// The address of a message.
    pub async fn permalink(&self, channel: &str, ts: &str) -> Result<String, SlackFault> {
        let query = vec![("channel", Some(channel)), ("message_ts", Some(ts))];
        let call = self.read("chat.getPermalink", Pace::Special, query);
        let answer: wire::PermalinkAnswer = self.call(call).await?;
        let link = answer.permalink;
        link.ok_or_else(|| SlackFault::Transient("no permalink".into()))
    }

    /// The address of a message, made as Slack makes it, where Slack cannot be asked for it: the bot may
    /// not see it, or there are too many. Of one in a thread, with where that begins. None while nobody
    /// knows the address of the workspace.
    pub async fn composed_permalink(
        &self,
        (channel, ts): (&str, &str),
        thread: Option<&str>,
    ) -> Option<String> {
        let installed = self.installation().await.ok()?;
        let url = installed.url.as_ref()?;
        let home = url.trim_end_matches('/');
        let link = format!("{home}/archives/{channel}/p{}", ts.replace('.', ""));
        Some(match thread {
            Some(root) if root != ts => format!("{link}?thread_ts={root}&cid={channel}"),
            _ => link,
        })
    }

    /// The address as Slack tells it, asked once: a message keeps its address.
    pub async fn known_permalink(&self, channel: &str, ts: &str) -> Result<String, SlackFault> {
        let key = (channel.to_owned(), ts.to_owned());
        let lock = || {
            let known = self.inner.permalinks.lock();
            known.unwrap_or_else(PoisonError::into_inner)
        };
        let known = lock().get(&key).cloned();
        if let Some(link) = known {
            return Ok(link);
        }
        let link = self.permalink(channel, ts).await?;
        let mut known = lock();
        if PERMALINKS <= known.len() {
            known.clear();
        }
        known.insert(key, link.clone());
        Ok(link)
    }

    /// The address of a message: as Slack tells it, asked once, else as Slack would make it.
    pub async fn address(&self, channel: &str, ts: &str) -> Option<String> {
        if let Ok(link) = self.known_permalink(channel, ts).await {
            return Some(link);
        }
        self.composed_permalink((channel, ts), None).await
    }

    /// Opens a modal and answers its id. A trigger lives three seconds.
    pub async fn open_view(&self, trigger: &str, view: &Value) -> Result<String, SlackFault> {
        let body = json!({"trigger_id": trigger, "view": view});
        let call = self.write("views.open", Pace::Tier4, None, body);
        let call = call.within(self.inner.settings.quick_timeout);
        let answer: wire::ViewAnswer = self.call(call).await?;
        let id = answer.view.and_then(|view| view.id);
        id.ok_or_else(|| SlackFault::Ambiguous("no view id".into()))
    }

    /// Changes a modal that is open.
    pub async fn update_view(&self, view_id: &str, view: &Value) -> Result<(), SlackFault> {
        let body = json!({"view_id": view_id, "view": view});
        let call = self.write("views.update", Pace::Tier4, None, body);
        self.call::<Value>(call).await.map(drop)
    }

    /// Changes a view if it is still in the state that this hash stands for.
    ///
    /// # Errors
    /// [`SlackFault::Expired`] when it has changed since, or is closed.
    pub async fn update_view_if(
        &self,
        view_id: &str,
        hash: &str,
        view: &Value,
    ) -> Result<(), SlackFault> {
        let body = json!({"view_id": view_id, "hash": hash, "view": view});
        let call = self.write("views.update", Pace::Tier4, None, body);
        self.call::<Value>(call).await.map(drop)
    }

    /// Publishes a person's App Home and answers the hash of its state. With a hash nothing is
    /// published over a state that is another by now: then it is [`SlackFault::Expired`]. The tab carries
    /// along to which installation it belongs, so that its clicks come back to it.
    pub async fn publish_home(
        &self,
        user: &str,
        view: &Value,
        hash: Option<&str>,
    ) -> Result<Option<String>, SlackFault> {
        let installed = self.installation().await?;
        let here = &installed.workspace;
        let house = match &here.team {
            Some(team) if !here.org_wide => Some(team),
            _ => here.enterprise.as_ref(),
        };
        let mut view = view.clone();
        if let (Some(view), Some(house)) = (view.as_object_mut(), house) {
            view.insert("private_metadata".to_owned(), json!(house));
        }
        let body = json!({"user_id": user, "view": view, "hash": hash});
        let call = self.write("views.publish", Pace::Tier4, None, body);
        let answer: wire::ViewAnswer = self.call(call).await?;
        Ok(answer.view.and_then(|view| view.hash))
    }

    /// A user as Slack knows them now. Quick: people wait for it at a click.
    pub async fn user(&self, id: &str) -> Result<SlackUser, SlackFault> {
        let call = self.quick("users.info", Pace::Tier4, vec![("user", Some(id))]);
        let answer: wire::UserAnswer = self.call(call).await?;
        let user = answer.user.and_then(wire::WireUser::into_user);
        user.ok_or_else(|| SlackFault::Transient("no user".into()))
    }

    /// The user with that e-mail address, if there is one.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<SlackUser>, SlackFault> {
        let query = vec![("email", Some(email))];
        let call = self.quick("users.lookupByEmail", Pace::Tier3, query);
        match self.call::<wire::UserAnswer>(call).await {
            Ok(answer) => match answer.user.and_then(wire::WireUser::into_user) {
                Some(user) => Ok(Some(user)),
                None => Err(SlackFault::Transient("no user".into())),
            },
            Err(SlackFault::Unreachable(_)) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// What stands in a custom field of a user's profile; for a field of people, user ids with
    /// commas between them. None where it is empty. Quick: people wait for it at a click.
    pub async fn profile_field(
        &self,
        user: &str,
        field: &str,
    ) -> Result<Option<String>, SlackFault> {
        let call = self.quick("users.profile.get", Pace::Tier4, vec![("user", Some(user))]);
        let answer: wire::ProfileAnswer = self.call(call).await?;
        let profile = answer.profile;
        let profile = profile.ok_or_else(|| SlackFault::Transient("no profile".into()))?;
        Ok(profile.field(field))
    }

    /// A channel by its id, or by `#name` among those that the bot may see.
    pub async fn conversation(&self, channel: &str) -> Result<Conversation, SlackFault> {
        if let Some(name) = channel.strip_prefix('#') {
            return self.conversation_named(name).await;
        }
        let query = vec![("channel", Some(channel))];
        let call = self.read("conversations.info", Pace::Tier3, query);
        let answer: wire::ChannelAnswer = self.call(call).await?;
        let found = answer
            .channel
            .and_then(wire::WireChannel::into_conversation);
        found.ok_or_else(|| SlackFault::Channel("channel_not_found".into()))
    }

    /// The address of a new Socket Mode connection. Needs the app-level token, not the bot's.
    pub async fn open_connection(&self, app_token: &SecretString) -> Result<Url, SlackFault> {
        let token = api_token(app_token);
        let call = self.write("apps.connections.open", Pace::Tier3, None, json!({}));
        let answer: wire::UrlAnswer = self.call_with(&token, call).await?;
        let url = answer.url.and_then(|url| Url::parse(&url).ok());
        url.ok_or_else(|| SlackFault::Transient("no connection address".into()))
    }

    /// Answers by a response URL. The URL came in with a delivery, so it is used only where it
    /// leads to Slack.
    pub async fn respond(
        &self,
        url: &str,
        content: &Content,
        how: Respond,
    ) -> Result<(), SlackFault> {
        let url = connect::response_url(url, &self.inner.settings.api_url)?;
        let body = json!({
            "text": content.text,
            "blocks": content.blocks,
            "response_type": "ephemeral",
            "replace_original": how == Respond::Replace,
        });
        let span = tracing::Span::none();
        let context = sensitive(None, &span);
        let connector = &self.inner.slack.http_api.connector;
        let sending = connector.http_post_uri::<Value, Value>(url, &body, context);
        let sent = tokio::time::timeout(self.inner.settings.timeout, sending).await;
        let sent = match sent {
            Ok(sent) => sent.map_err(|error| SlackFault::from_client(&error)),
            Err(_) => Err(SlackFault::Ambiguous("timeout".into())),
        };
        count("response_url", &sent);
        sent.map(drop)
    }
}

fn api_token(token: &SecretString) -> SlackApiToken {
    SlackApiToken::new(token.expose_secret().into())
}
