//! What Slack sends, in structs of our own.
//!
//! They are tolerant where Slack is loose (`team: null` for an app that is installed for a whole
//! organisation, fields and types that are new) and keep only what we use: no verification token,
//! no names, no profile. What they do not know becomes [`Matter::Unknown`] and is answered politely.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

mod wire;

/// Something that Slack delivered: where from, and what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The workspace that the app was used in.
    pub workspace: Workspace,
    /// What it is.
    pub matter: Matter,
}

/// A workspace, or a whole organisation of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// The workspace's id (`T…`); none where Slack names only the organisation.
    pub team: Option<String>,
    /// The organisation's id (`E…`), if the workspace belongs to one.
    pub enterprise: Option<String>,
    /// Whether the app is installed for the whole organisation.
    #[serde(default)]
    pub org_wide: bool,
}

/// The things that can be delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "matter", rename_all = "snake_case")]
pub enum Matter {
    /// `/jit …`.
    Command(SlashCommand),
    /// A click on something in a message or a view.
    Click(Click),
    /// A modal was sent off.
    Submission(Submission),
    /// A modal was closed.
    Closed {
        /// Who closed it.
        by: Actor,
        /// The modal.
        view: View,
    },
    /// A shortcut, from the lightning menu or from a message.
    Shortcut(Shortcut),
    /// Slack wants the options of a select.
    Suggestion {
        /// Who is choosing.
        by: Actor,
        /// The select.
        action_id: String,
        /// What was typed so far.
        typed: String,
        /// The view that the select stands in.
        view: Option<View>,
    },
    /// Something happened in the workspace.
    Event {
        /// The id that stays the same when it is delivered again.
        id: String,
        /// What happened.
        kind: String,
        /// The user that it is about, if it is about one.
        user: Option<String>,
        /// When it happened, in seconds since 1970; none where Slack does not say.
        #[serde(default)]
        at: Option<i64>,
    },
    /// Slack tries the address that was configured for events.
    Verification {
        /// What it wants to hear back.
        challenge: String,
    },
    /// A type that we do not know.
    Unknown {
        /// The type as Slack names it.
        kind: String,
    },
}

/// Who did something in Slack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The user's id.
    pub user: String,
    /// The user's own workspace, which in a shared channel can be another than ours.
    pub team: Option<String>,
}

/// A slash command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlashCommand {
    /// Who typed it.
    pub by: Actor,
    /// The command itself, such as `/jit`.
    pub command: String,
    /// What follows it.
    pub text: String,
    /// Where it was typed.
    pub channel: String,
    /// Unique for this use; opens a modal within three seconds.
    pub trigger: String,
    /// Where to answer within half an hour.
    pub response_url: Option<String>,
}

/// A click on an interactive element.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Click {
    /// Who clicked.
    pub by: Actor,
    /// What was clicked.
    pub action_id: String,
    /// Its value, or the value of the chosen option.
    pub value: String,
    /// When, as Slack writes it: tells two clicks of one person apart.
    pub at: String,
    /// The channel of the message.
    pub channel: Option<String>,
    /// The message.
    pub message_ts: Option<String>,
    /// The thread that the message stands in.
    pub thread_ts: Option<String>,
    /// The view, when the element stands in one.
    pub view: Option<View>,
    /// Opens a modal within three seconds.
    pub trigger: String,
    /// Where to answer within half an hour.
    pub response_url: Option<String>,
}

/// A modal that was sent off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// Who sent it.
    pub by: Actor,
    /// The modal with what was entered.
    pub view: View,
    /// Opens another modal within three seconds.
    pub trigger: String,
}

/// A modal or a home tab.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Its id.
    pub id: String,
    /// Changes whenever the view is updated.
    pub hash: String,
    /// Which of ours it is.
    pub callback_id: String,
    /// What we wrote into it when it was opened. It was in the client's hands since: an id to look
    /// up, never a proof.
    pub private_metadata: String,
    /// What was entered, by block and action.
    pub values: BTreeMap<String, BTreeMap<String, String>>,
}

/// A shortcut.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortcut {
    /// Who used it.
    pub by: Actor,
    /// Which of ours.
    pub callback_id: String,
    /// Opens a modal within three seconds.
    pub trigger: String,
    /// Where to answer, for a shortcut on a message.
    pub response_url: Option<String>,
    /// The channel of that message.
    #[serde(default)]
    pub channel: Option<String>,
    /// The message.
    #[serde(default)]
    pub message_ts: Option<String>,
    /// The first message of its thread, where it stands in one.
    #[serde(default)]
    pub thread_ts: Option<String>,
}

/// A delivery that is not what Slack sends. It names the fault, never the content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed {what}: {fault}")]
pub struct Malformed {
    /// What it should have been.
    pub what: &'static str,
    /// What is wrong with it, without its content.
    pub fault: String,
}

/// What came over a Socket Mode connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The connection is ready.
    Hello,
    /// Slack will close the connection.
    Disconnect {
        /// Why, in Slack's word.
        reason: String,
    },
    /// A delivery that wants to be acknowledged.
    Envelope {
        /// What the acknowledgement has to name. New at every delivery, so no key for duplicates.
        id: String,
        /// The delivery.
        delivery: Result<Box<Delivery>, Malformed>,
    },
    /// A type that we do not know, and that carries no envelope.
    Unknown {
        /// The type as Slack names it.
        kind: String,
    },
}

impl Delivery {
    /// Reads the form that Slack posts for a slash command.
    pub fn from_command(form: &[u8]) -> Result<Self, Malformed> {
        wire::command(form)
    }

    /// Reads the form that Slack posts for an interaction: one field with JSON in it.
    pub fn from_interaction(form: &[u8]) -> Result<Self, Malformed> {
        let mut fields = url::form_urlencoded::parse(form);
        let payload = fields.find(|(name, _)| name == "payload");
        let payload = payload.ok_or_else(|| Malformed {
            what: "interaction",
            fault: "no field named payload".to_owned(),
        })?;
        wire::interaction(payload.1.as_bytes())
    }

    /// Reads the JSON that Slack posts for an event.
    pub fn from_event(json: &[u8]) -> Result<Self, Malformed> {
        wire::event(json)
    }

    /// What is the same when the same thing is delivered twice, and only then. The workspace is no
    /// part of it (in shared channels it differs between deliveries), nor is the envelope's id,
    /// which is new each time. None for what may be answered twice.
    pub fn key(&self) -> Option<String> {
        match &self.matter {
            Matter::Command(command) => Some(format!("command:{}", command.trigger)),
            Matter::Click(click) => Some(click.key()),
            Matter::Submission(submission) => Some(submission.view.key("submission")),
            Matter::Closed { view, .. } => Some(view.key("closed")),
            Matter::Shortcut(shortcut) => Some(format!("shortcut:{}", shortcut.trigger)),
            Matter::Event { id, .. } => Some(format!("event:{id}")),
            Matter::Suggestion { .. } | Matter::Verification { .. } | Matter::Unknown { .. } => {
                None
            }
        }
    }

    /// What somebody can name who was told that something failed, and what the log calls it: few
    /// letters and digits, which tell nothing else.
    pub fn reference(&self) -> String {
        reference(&self.key().unwrap_or_default())
    }

    /// The workspace that the app was used in.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Who did it, where a person did.
    pub fn actor(&self) -> Option<&Actor> {
        match &self.matter {
            Matter::Command(command) => Some(&command.by),
            Matter::Click(click) => Some(&click.by),
            Matter::Submission(submission) => Some(&submission.by),
            Matter::Shortcut(shortcut) => Some(&shortcut.by),
            Matter::Closed { by, .. } | Matter::Suggestion { by, .. } => Some(by),
            Matter::Event { .. } | Matter::Verification { .. } | Matter::Unknown { .. } => None,
        }
    }

    /// Where the person can be answered without a message in any channel.
    pub fn response_url(&self) -> Option<&str> {
        match &self.matter {
            Matter::Command(command) => command.response_url.as_deref(),
            Matter::Click(click) => click.response_url.as_deref(),
            Matter::Shortcut(shortcut) => shortcut.response_url.as_deref(),
            _ => None,
        }
    }

    /// What it is, in one word for logs and metrics: never who or what about.
    pub fn kind(&self) -> &'static str {
        match &self.matter {
            Matter::Command(_) => "command",
            Matter::Click(_) => "click",
            Matter::Submission(_) => "submission",
            Matter::Closed { .. } => "closed",
            Matter::Shortcut(_) => "shortcut",
            Matter::Suggestion { .. } => "suggestion",
            Matter::Event { .. } => "event",
            Matter::Verification { .. } => "verification",
            Matter::Unknown { .. } => "unknown",
        }
    }
}

impl Workspace {
    /// Whether something delivered from here belongs to the installation. Where neither side names
    /// anything that can be compared, it does not.
    pub fn belongs_to(&self, installed: &Self) -> bool {
        if self.team.is_some() && self.team == installed.team {
            return true;
        }
        let names_only_organisation = self.team.is_none() || installed.org_wide;
        names_only_organisation
            && self.enterprise.is_some()
            && self.enterprise == installed.enterprise
    }
}

pub(super) fn reference(key: &str) -> String {
    hex::encode(&Sha256::digest(key)[..4])
}

impl Click {
    /// See [`Delivery::reference`].
    pub fn reference(&self) -> String {
        reference(&self.key())
    }

    /// One click of one person on one element of one message or view.
    fn key(&self) -> String {
        let place = match &self.view {
            Some(view) => view.id.as_str(),
            None => self.message_ts.as_deref().unwrap_or("-"),
        };
        let channel = self.channel.as_deref().unwrap_or("-");
        let Self { action_id, at, .. } = self;
        format!("click:{channel}:{place}:{action_id}:{}:{at}", self.by.user)
    }
}

impl View {
    /// What was entered in that block, under that action.
    pub fn value(&self, block_id: &str, action_id: &str) -> Option<&str> {
        self.values
            .get(block_id)?
            .get(action_id)
            .map(String::as_str)
    }

    /// What was entered under that action, whatever its block is called: the blocks of a form
    /// change their names when what they offer changes.
    pub fn entered(&self, action_id: &str) -> Option<&str> {
        let mut blocks = self.values.values();
        let found = blocks.find_map(|actions| actions.get(action_id));
        found.map(String::as_str)
    }

    /// One sending-off of one state of the view. The values count as well: after an answer that
    /// named faults, the view comes back under the same id and hash with other values.
    fn key(&self, what: &str) -> String {
        let mut hash = Sha256::new();
        for (block, actions) in &self.values {
            for (action, value) in actions {
                for part in [block, action, value] {
                    hash.update(part.len().to_be_bytes());
                    hash.update(part);
                }
            }
        }
        let values = hex::encode(hash.finalize());
        format!("{what}:{}:{}:{}", self.id, self.hash, &values[..16])
    }
}

impl Frame {
    /// Reads one text message of a Socket Mode connection.
    pub fn parse(json: &str) -> Result<Self, Malformed> {
        wire::frame(json.as_bytes())
    }
}

#[cfg(test)]
mod tests;
