//! Finding what a person points at: their messages, their modal, their App Home, and in these the
//! element they mean.

use serde_json::{Value, json};

use super::SandboxError;
use super::entry::{self, Found};
use super::message::Message;
use super::payload::Place;
use super::world::World;

/// Where a person uses an element.
#[derive(Debug, Clone)]
pub(super) enum Spot {
    Message { channel: String, ts: String },
    Modal,
    Home,
}

pub(super) fn find(place: &Place, key: &str) -> Result<Found, SandboxError> {
    entry::find(place.blocks(), key).ok_or_else(|| {
        let all = entry::elements(place.blocks());
        let there = all
            .iter()
            .map(|found| format!("{}/{}", found.block_id(), found.action_id()));
        let there = there.collect::<Vec<_>>().join(", ");
        SandboxError::NoSuchAction {
            key: key.into(),
            there,
        }
    })
}

impl World {
    /// The ids of a person and of a channel the person is in.
    pub(super) fn person_in(
        &mut self,
        user: &str,
        channel: &str,
    ) -> Result<(String, String), SandboxError> {
        let id = self.person(user)?;
        let place = if channel == "dm" {
            self.open_dm(&id)
        } else {
            self.place(channel)?
        };
        let known = self.find_channel(&place);
        if !known.is_some_and(|known| known.members.contains(&id)) {
            return Err(SandboxError::NotInChannel {
                user: user.into(),
                channel: channel.into(),
            });
        }
        Ok((id, place))
    }

    /// A message that a person can see.
    pub(super) fn seen_message(
        &mut self,
        user: &str,
        channel: &str,
        ts: &str,
    ) -> Result<Message, SandboxError> {
        let (user, place) = self.person_in(user, channel)?;
        let message = self.message(&place, ts);
        let seen =
            message.filter(|message| message.only_for.as_ref().is_none_or(|only| *only == user));
        seen.cloned().ok_or_else(|| SandboxError::NoSuchMessage {
            user,
            channel: place,
            ts: ts.into(),
        })
    }

    pub(super) fn look_at(&mut self, user: &str, spot: &Spot) -> Result<Place, SandboxError> {
        match spot {
            Spot::Message { channel, ts } => Ok(Place::Message(Box::new(
                self.seen_message(user, channel, ts)?,
            ))),
            Spot::Modal => {
                let top = self.modals.get(user).and_then(|stack| stack.last());
                let top = top.ok_or_else(|| SandboxError::NoModal(user.into()))?;
                Ok(Place::View(Box::new(top.clone())))
            }
            Spot::Home => {
                let home = self
                    .homes
                    .get(user)
                    .ok_or_else(|| SandboxError::NoHome(user.into()))?;
                Ok(Place::View(Box::new(home.clone())))
            }
        }
    }

    pub(super) fn find_anywhere(
        &mut self,
        user: &str,
        key: &str,
    ) -> Result<(Place, Found), SandboxError> {
        let mut places = Vec::new();
        places.extend(self.look_at(user, &Spot::Modal).ok());
        places.extend(self.look_at(user, &Spot::Home).ok());
        let messages = self
            .messages
            .iter()
            .rev()
            .filter(|message| !message.deleted);
        places.extend(messages.map(|message| Place::Message(Box::new(message.clone()))));
        let found = places.into_iter().find_map(|place| {
            let found = entry::find(place.blocks(), key)?;
            Some((place, found))
        });
        found.ok_or_else(|| SandboxError::NoSuchAction {
            key: key.into(),
            there: String::new(),
        })
    }

    /// A choice in Slack's form, with people and channels by name resolved.
    pub(super) fn chosen(
        &self,
        user: &str,
        found: &Found,
        given: &Value,
    ) -> Result<Value, SandboxError> {
        let refuse = |why| SandboxError::NoSuchChoice {
            key: found.action_id().into(),
            why,
        };
        let key = (user.to_owned(), found.action_id().to_owned());
        let offered = self.suggested.get(&key).map_or(&[][..], Vec::as_slice);
        if found.kind() == "overflow" {
            let option = entry::pick_option(&found.element, given, &[]).map_err(refuse)?;
            return Ok(json!({"selected_option": option}));
        }
        let given = self.resolve(found.kind(), given);
        entry::value_of(&found.element, &given, offered).map_err(refuse)
    }

    fn resolve(&self, kind: &str, given: &Value) -> Value {
        let one = |given: &Value| {
            let text = given.as_str().unwrap_or_default();
            let id = match kind.trim_start_matches("multi_") {
                "users_select" => self.person(text).ok(),
                "channels_select" => self.place(text).ok(),
                "conversations_select" => self.place(text).or_else(|_| self.person(text)).ok(),
                _ => None,
            };
            id.map_or_else(|| given.clone(), Value::String)
        };
        match given {
            Value::Array(all) => Value::Array(all.iter().map(one).collect()),
            given => one(given),
        }
    }

    /// Remembers a choice where it was made; the place as it is with it.
    pub(super) fn keep(
        &mut self,
        user: &str,
        place: &Place,
        found: &Found,
        value: &Value,
    ) -> Place {
        match place {
            Place::Message(message) => {
                let key = (user.to_owned(), message.channel.clone(), message.ts.clone());
                self.choices
                    .entry(key)
                    .or_default()
                    .insert(found.key(), value.clone());
                place.clone()
            }
            Place::View(view) => {
                let mut view = view.clone();
                view.entered.insert(found.key(), value.clone());
                let stacks = self.modals.get_mut(user).into_iter().flatten();
                let open = stacks.chain(self.homes.get_mut(user));
                for known in open.filter(|known| known.id == view.id) {
                    known.entered.insert(found.key(), value.clone());
                    known.errors.remove(found.block_id());
                }
                Place::View(view)
            }
        }
    }
}
