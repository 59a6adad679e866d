//! Everything the workspace remembers, behind one lock.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::SandboxError;
use super::calls::Call;
use super::faults::{Fault, Outward};
use super::message::{Message, Names};
use super::oauth::Grants;
use super::rates::Rates;
use super::settings::{Channel, Settings, User};
use super::time;
use super::view::View;

/// The workspace's memory. Who holds the lock never waits for anything.
pub(super) struct World {
    pub(super) settings: Settings,
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub(super) origin: String,
    pub(super) messages: Vec<Message>,
    /// Each person's open modals, the lowest first.
    pub(super) modals: HashMap<String, Vec<View>>,
    pub(super) homes: HashMap<String, View>,
    pub(super) triggers: HashMap<String, Trigger>,
    pub(super) response_urls: HashMap<String, ResponseUrl>,
    /// What people chose in messages before pressing a button: (person, channel, ts).
    pub(super) choices: HashMap<(String, String, String), Entered>,
    /// Options the bot last suggested to a person for an action.
    pub(super) suggested: HashMap<(String, String), Vec<Value>>,
    /// How far each person has read: (person, channel) to ts.
    pub(super) read: HashMap<(String, String), String>,
    pub(super) faults: Vec<Fault>,
    pub(super) outward: Outward,
    pub(super) rates: Rates,
    pub(super) calls: Vec<Call>,
    /// What was granted by OAuth.
    pub(super) grants: Grants,
    /// Files by id: title and size in bytes.
    pub(super) files: HashMap<String, (String, Vec<u8>)>,
    /// Where the bot takes requests over HTTP, without a slash at the end.
    pub(super) bot_url: Option<String>,
    last_micros: i64,
    counter: u64,
}

/// What a person entered: by block and action, in Slack's `state.values` form.
pub(super) type Entered = BTreeMap<(String, String), Value>;

/// A `trigger_id` that was handed out.
pub(super) struct Trigger {
    pub(super) user: String,
    pub(super) expires: Instant,
    pub(super) used: bool,
}

/// A `response_url` that was handed out.
#[derive(Clone)]
pub(super) struct ResponseUrl {
    pub(super) user: String,
    pub(super) channel: String,
    /// The message that was acted on.
    pub(super) original: Option<String>,
    pub(super) uses_left: u8,
    pub(super) expires: Instant,
}

impl World {
    pub(super) fn new(settings: Settings, origin: String) -> Self {
        Self {
            settings,
            origin,
            messages: Vec::new(),
            modals: HashMap::new(),
            homes: HashMap::new(),
            triggers: HashMap::new(),
            response_urls: HashMap::new(),
            choices: HashMap::new(),
            suggested: HashMap::new(),
            read: HashMap::new(),
            faults: Vec::new(),
            outward: Outward::default(),
            rates: Rates::default(),
            calls: Vec::new(),
            grants: Grants::default(),
            files: HashMap::new(),
            bot_url: None,
            last_micros: 0,
            counter: 0,
        }
    }

    /// A new message timestamp: later than and different from every earlier one.
    pub(super) fn next_ts(&mut self) -> String {
        let micros = time::now().timestamp_micros().max(self.last_micros + 100);
        self.last_micros = micros;
        format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }

    /// A new id such as `V0…`.
    pub(super) fn next_id(&mut self, prefix: &str) -> String {
        self.counter += 1;
        let noise: u32 = rand::random();
        format!("{prefix}{noise:08X}{:03X}", self.counter)
    }

    /// The bot's own user id.
    pub(super) fn bot_user(&self) -> &str {
        &self.settings.app.bot_user
    }

    pub(super) fn user(&self, id: &str) -> Option<&User> {
        self.settings.users.iter().find(|user| user.id == id)
    }

    pub(super) fn user_mut(&mut self, who: &str) -> Result<&mut User, SandboxError> {
        let id = self.person(who)?;
        let user = self.settings.users.iter_mut().find(|user| user.id == id);
        user.ok_or_else(|| SandboxError::NoSuchUser(who.into()))
    }

    /// The id of a person given by id, `name` or `@name`.
    pub(super) fn person(&self, who: &str) -> Result<String, SandboxError> {
        let name = who.trim_start_matches('@');
        let mut users = self.settings.users.iter();
        let found = users.find(|user| user.id == name || user.name == name);
        found
            .map(|user| user.id.clone())
            .ok_or_else(|| SandboxError::NoSuchUser(who.into()))
    }

    /// The id of a conversation given by id, `name` or `#name`.
    pub(super) fn place(&self, channel: &str) -> Result<String, SandboxError> {
        let found = self.find_channel(channel);
        found
            .map(|found| found.id.clone())
            .ok_or_else(|| SandboxError::NoSuchChannel(channel.into()))
    }

    pub(super) fn find_channel(&self, channel: &str) -> Option<&Channel> {
        let name = channel.trim_start_matches('#');
        let mut channels = self.settings.channels.iter();
        channels.find(|known| known.id == name || (known.name == name && !name.is_empty()))
    }

    pub(super) fn channel_mut(&mut self, channel: &str) -> Result<&mut Channel, SandboxError> {
        let id = self.place(channel)?;
        let found = self
            .settings
            .channels
            .iter_mut()
            .find(|known| known.id == id);
        found.ok_or_else(|| SandboxError::NoSuchChannel(channel.into()))
    }

    /// The direct message between the bot and a person, opened if need be.
    pub(super) fn open_dm(&mut self, user: &str) -> String {
        let id = format!("D{}", &user[1..]);
        if self.find_channel(&id).is_none() {
            self.settings.channels.push(Channel {
                id: id.clone(),
                members: vec![user.to_owned()],
                bot_member: true,
                im_with: Some(user.to_owned()),
                ..Channel::default()
            });
        }
        id
    }

    /// A live message, ephemeral ones included.
    pub(super) fn message(&self, channel: &str, ts: &str) -> Option<&Message> {
        let mut messages = self.messages.iter();
        messages.find(|known| known.channel == channel && known.ts == ts && !known.deleted)
    }

    pub(super) fn message_mut(&mut self, channel: &str, ts: &str) -> Option<&mut Message> {
        let mut messages = self.messages.iter_mut();
        messages.find(|known| known.channel == channel && known.ts == ts && !known.deleted)
    }

    /// Hands out a `trigger_id` to what a person just did.
    pub(super) fn new_trigger(&mut self, user: &str) -> String {
        let id = format!(
            "{}.{}.{}",
            self.next_id("1"),
            self.next_id("2"),
            uuid::Uuid::now_v7().simple()
        );
        let expires = Instant::now() + self.settings.trigger_life;
        self.triggers.insert(
            id.clone(),
            Trigger {
                user: user.into(),
                expires,
                used: false,
            },
        );
        id
    }

    /// Hands out a `response_url`.
    pub(super) fn new_response_url(
        &mut self,
        user: &str,
        channel: &str,
        original: Option<&str>,
    ) -> String {
        let id = format!(
            "{}/{}",
            self.settings.team.id,
            uuid::Uuid::now_v7().simple()
        );
        let url = format!("{}/actions/{id}", self.origin);
        let entry = ResponseUrl {
            user: user.into(),
            channel: channel.into(),
            original: original.map(Into::into),
            uses_left: 5,
            expires: Instant::now() + self.settings.response_url_life,
        };
        self.response_urls.insert(id, entry);
        url
    }

    /// The address of a message on the page.
    pub(super) fn permalink(&self, channel: &str, ts: &str) -> String {
        let thread = self
            .message(channel, ts)
            .and_then(|message| message.thread_ts.clone());
        let address = format!(
            "{}/archives/{channel}/p{}",
            self.origin,
            ts.replace('.', "")
        );
        match thread {
            Some(root) if root != ts => format!("{address}?thread_ts={root}&cid={channel}"),
            _ => address,
        }
    }

    /// Names by id, for rendering mentions.
    pub(super) fn names(&self) -> Names {
        let users = self
            .settings
            .users
            .iter()
            .map(|user| (user.id.clone(), user.name.clone()));
        let channels = self
            .settings
            .channels
            .iter()
            .map(|known| (known.id.clone(), known.name.clone()));
        let groups = self
            .settings
            .usergroups
            .iter()
            .map(|group| (group.id.clone(), group.handle.clone()));
        Arc::new(users.chain(channels).chain(groups).collect())
    }

    /// `team`, `enterprise` and `is_enterprise_install` as interactions carry them.
    pub(super) fn install(&self) -> Map<String, Value> {
        let org = self.settings.org_install;
        let team = json!({"id": self.settings.team.id, "domain": self.settings.team.domain});
        let enterprise = json!({"id": "E0ACME", "name": "Acme Holding"});
        let pairs = [
            ("team", if org { Value::Null } else { team }),
            ("enterprise", if org { enterprise } else { Value::Null }),
            ("is_enterprise_install", json!(org)),
        ];
        pairs
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    }
}
