//! What people see, what the bot asked for, and what changes in the workspace.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::calls::Call;
use super::faults::{Fault, Outward};
use super::message::Message;
use super::rates::Rate;
use super::settings::{Channel, User, Usergroup};
use super::view::View;
use super::world::World;
use super::{Sandbox, SandboxError};

impl Sandbox {
    fn pick(&self, wanted: impl Fn(&World, &Message) -> bool) -> Vec<Message> {
        let world = self.shared.world();
        let names = world.names();
        let live = world.messages.iter().filter(|message| !message.deleted);
        let picked = live.filter(|message| wanted(&world, message)).cloned();
        picked
            .map(|message| Message {
                names: names.clone(),
                ..message
            })
            .collect()
    }

    fn in_place(&self, place: Option<&str>) -> Vec<Message> {
        self.pick(|_, message| {
            place == Some(message.channel.as_str())
                && message.only_for.is_none()
                && (!message.is_reply() || message.broadcast)
        })
    }

    /// The messages in a channel, oldest first: without replies (see [`Sandbox::thread`]), deleted
    /// and ephemeral ones. An unknown channel has none.
    #[must_use]
    pub fn messages(&self, channel: &str) -> Vec<Message> {
        let place = self.shared.world().place(channel).ok();
        self.in_place(place.as_deref())
    }

    /// The replies in a thread, oldest first, without its first message.
    #[must_use]
    pub fn thread(&self, channel: &str, ts: &str) -> Vec<Message> {
        let place = self.shared.world().place(channel).ok();
        self.pick(|_, message| {
            place.as_deref() == Some(message.channel.as_str())
                && message.is_reply()
                && message.only_for.is_none()
                && message.thread_ts.as_deref() == Some(ts)
        })
    }

    /// One message, whoever can see it, deleted or not.
    #[must_use]
    pub fn message(&self, channel: &str, ts: &str) -> Option<Message> {
        let world = self.shared.world();
        let place = world.place(channel).ok()?;
        let mut all = world.messages.iter();
        let found = all.find(|message| message.channel == place && message.ts == ts)?;
        Some(Message {
            names: world.names(),
            ..found.clone()
        })
    }

    /// A person's direct messages with the bot, oldest first, without replies.
    #[must_use]
    pub fn dms(&self, user: &str) -> Vec<Message> {
        let place = self.dm_channel(user);
        self.in_place(place.as_deref())
    }

    /// The id of a person's conversation with the bot, if it was ever opened.
    #[must_use]
    pub fn dm_channel(&self, user: &str) -> Option<String> {
        let world = self.shared.world();
        let user = world.person(user).ok()?;
        let mut channels = world.settings.channels.iter();
        let found = channels.find(|known| known.im_with.as_deref() == Some(user.as_str()))?;
        Some(found.id.clone())
    }

    /// What is in a file that was uploaded under that name, if it is text; the one of them that was
    /// uploaded last is not told apart.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<String> {
        let world = self.shared.world();
        let mut files = world.files.values();
        let (_, bytes) = files.find(|(known, _)| known == name)?;
        String::from_utf8(bytes.clone()).ok()
    }

    /// The ephemeral messages a person has got, oldest first, in all channels.
    #[must_use]
    pub fn ephemerals(&self, user: &str) -> Vec<Message> {
        let user = self.shared.world().person(user).ok();
        self.pick(|_, message| message.only_for.is_some() && message.only_for == user)
    }

    /// The topmost open modal.
    #[must_use]
    pub fn modal(&self, user: &str) -> Option<View> {
        let world = self.shared.world();
        let stack = world.modals.get(&world.person(user).ok()?)?;
        Some(View {
            names: world.names(),
            ..stack.last()?.clone()
        })
    }

    /// How many modals lie on each other.
    #[must_use]
    pub fn modal_depth(&self, user: &str) -> usize {
        let world = self.shared.world();
        let user = world.person(user).ok();
        user.and_then(|user| world.modals.get(&user))
            .map_or(0, Vec::len)
    }

    /// The published App Home tab.
    #[must_use]
    pub fn home(&self, user: &str) -> Option<View> {
        let world = self.shared.world();
        let home = world.homes.get(&world.person(user).ok()?)?;
        Some(View {
            names: world.names(),
            ..home.clone()
        })
    }

    /// A person as Slack knows them.
    #[must_use]
    pub fn user(&self, who: &str) -> Option<User> {
        let world = self.shared.world();
        let id = world.person(who).ok()?;
        world.user(&id).cloned()
    }

    /// A channel as Slack knows it.
    #[must_use]
    pub fn channel(&self, channel: &str) -> Option<Channel> {
        self.shared.world().find_channel(channel).cloned()
    }

    /// Everything the bot asked of the Web API and its `response_url`s, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.world().calls.clone()
    }

    /// The calls of one method.
    #[must_use]
    pub fn calls_to(&self, method: &str) -> Vec<Call> {
        let world = self.shared.world();
        world
            .calls
            .iter()
            .filter(|call| call.method == method)
            .cloned()
            .collect()
    }

    /// Waits until something holds, looking again at each change; whether it came to hold in time.
    pub async fn wait_for(&self, holds: impl Fn(&Self) -> bool, within: Duration) -> bool {
        self.wait_some(|sandbox| holds(sandbox).then_some(()), within)
            .await
            .is_some()
    }

    /// Waits until there is something, looking again at each change.
    pub async fn wait_some<T>(
        &self,
        look: impl Fn(&Self) -> Option<T>,
        within: Duration,
    ) -> Option<T> {
        let deadline = Instant::now() + within;
        let mut changed = self.shared.changed.subscribe();
        loop {
            if let Some(found) = look(self) {
                return Some(found);
            }
            if !matches!(timeout_at(deadline, changed.changed()).await, Ok(Ok(()))) {
                return look(self);
            }
        }
    }

    /// Makes the next calls of a method go wrong.
    pub fn fault(&self, fault: Fault) {
        self.shared.world().faults.push(fault);
    }

    /// Limits how fast methods may be called, from now on; those that are not named have no limit.
    pub fn limit(&self, rates: &[Rate]) {
        self.shared.world().rates.set(rates.to_vec());
    }

    /// Makes the next deliveries to the bot go wrong.
    pub fn outward(&self, faults: Outward) {
        self.shared.world().outward = faults;
    }

    /// Ends all faults.
    pub fn heal(&self) {
        let mut world = self.shared.world();
        world.faults.clear();
        world.outward = Outward::default();
    }

    /// Whether faults that were asked for have not been met yet.
    #[must_use]
    pub fn has_faults(&self) -> bool {
        !self.shared.world().faults.is_empty()
    }

    fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let result = change(&mut self.shared.world());
        self.shared.touch();
        result
    }

    /// Deletes a message, as an administrator can.
    ///
    /// # Errors
    /// If there is no such message.
    pub fn delete_message(&self, channel: &str, ts: &str) -> Result<(), SandboxError> {
        self.change(|world| {
            let place = world.place(channel)?;
            let missing = || SandboxError::NoSuchMessage {
                user: "an administrator".into(),
                channel: channel.into(),
                ts: ts.into(),
            };
            world.message_mut(&place, ts).ok_or_else(missing)?.deleted = true;
            Ok(())
        })
    }

    /// Archives a channel.
    ///
    /// # Errors
    /// If there is no such channel.
    pub fn archive(&self, channel: &str) -> Result<(), SandboxError> {
        self.change(|world| {
            world
                .channel_mut(channel)
                .map(|known| known.is_archived = true)
        })
    }

    /// Brings an archived channel back.
    ///
    /// # Errors
    /// If there is no such channel.
    pub fn unarchive(&self, channel: &str) -> Result<(), SandboxError> {
        self.change(|world| {
            world
                .channel_mut(channel)
                .map(|known| known.is_archived = false)
        })
    }

    /// Removes the bot from a channel.
    ///
    /// # Errors
    /// If there is no such channel.
    pub fn kick_bot(&self, channel: &str) -> Result<(), SandboxError> {
        self.change(|world| {
            world
                .channel_mut(channel)
                .map(|known| known.bot_member = false)
        })
    }

    /// Makes a channel private, with nobody in it but its members.
    ///
    /// # Errors
    /// If there is no such channel.
    pub fn close_off(&self, channel: &str) -> Result<(), SandboxError> {
        self.change(|world| {
            world.channel_mut(channel).map(|known| {
                known.is_private = true;
                known.bot_member = false;
            })
        })
    }

    /// Invites the bot to a channel.
    ///
    /// # Errors
    /// If there is no such channel.
    pub fn invite_bot(&self, channel: &str) -> Result<(), SandboxError> {
        self.change(|world| {
            world
                .channel_mut(channel)
                .map(|known| known.bot_member = true)
        })
    }

    /// Deactivates a person's account.
    ///
    /// # Errors
    /// If there is no such person.
    pub fn deactivate(&self, user: &str) -> Result<(), SandboxError> {
        self.change(|world| world.user_mut(user).map(|user| user.deleted = true))
    }

    /// Sets whether a person's address is proven.
    ///
    /// # Errors
    /// If there is no such person.
    pub fn set_email_confirmed(&self, user: &str, confirmed: bool) -> Result<(), SandboxError> {
        self.change(|world| {
            world
                .user_mut(user)
                .map(|user| user.email_confirmed = confirmed)
        })
    }

    /// Makes a person a guest, or a full member again.
    ///
    /// # Errors
    /// If there is no such person.
    pub fn set_guest(&self, user: &str, guest: bool) -> Result<(), SandboxError> {
        self.change(|world| world.user_mut(user).map(|user| user.is_restricted = guest))
    }

    /// Changes anything about a person.
    ///
    /// # Errors
    /// If there is no such person.
    pub fn change_user(
        &self,
        user: &str,
        change: impl FnOnce(&mut User),
    ) -> Result<(), SandboxError> {
        self.change(|world| world.user_mut(user).map(change))
    }

    /// Fills a custom field of a person's profile, such as the one that names their manager by user
    /// id; an empty value clears it.
    ///
    /// # Errors
    /// If there is no such person.
    pub fn set_profile_field(
        &self,
        user: &str,
        field: &str,
        value: &str,
    ) -> Result<(), SandboxError> {
        self.change_user(user, |user| {
            if value.is_empty() {
                user.fields.remove(field);
            } else {
                user.fields.insert(field.into(), value.into());
            }
        })
    }

    /// Makes a user group be like this; one of the same id is replaced.
    pub fn set_usergroup(&self, usergroup: Usergroup) {
        self.change(|world| {
            let groups = &mut world.settings.usergroups;
            groups.retain(|known| known.id != usergroup.id);
            groups.push(usergroup);
        });
    }

    /// Adds a person, or a channel's worth of them one by one; they are in every public channel.
    pub fn add_user(&self, user: User) {
        self.change(|world| {
            let open = world.settings.channels.iter_mut();
            for channel in open.filter(|known| known.im_with.is_none() && !known.is_private) {
                channel.members.push(user.id.clone());
            }
            world.settings.users.push(user);
        });
    }

    /// Adds a channel.
    pub fn add_channel(&self, channel: Channel) {
        self.change(|world| world.settings.channels.push(channel));
    }

    /// Sets who is in a user group, given by id or handle, by names or ids. The bot is not told;
    /// send it a `subteam_members_changed` with [`Sandbox::event`] if it should be.
    ///
    /// # Errors
    /// If there is no such person. An unknown group changes nothing.
    pub fn set_group(&self, group: &str, members: &[&str]) -> Result<(), SandboxError> {
        self.change(|world| {
            let ids = members.iter().map(|who| world.person(who));
            let ids = ids.collect::<Result<Vec<_>, _>>()?;
            let mut groups = world.settings.usergroups.iter_mut();
            if let Some(found) = groups.find(|known| known.id == group || known.handle == group) {
                found.users = ids;
            }
            Ok(())
        })
    }

    /// Sets the bot token's scopes.
    pub fn set_scopes(&self, scopes: &[&str]) {
        let scopes = scopes.iter().map(ToString::to_string).collect();
        self.change(|world| world.settings.scopes = scopes);
    }

    /// Switches between an installation in one workspace and one in a whole organisation, where
    /// `team` is null.
    pub fn set_org_install(&self, org: bool) {
        self.change(|world| world.settings.org_install = org);
    }

    /// Sets how long deliveries wait for their acknowledgement: 3 s at Slack.
    pub fn set_ack_deadline(&self, deadline: Duration) {
        self.change(|world| world.settings.ack_deadline = deadline);
    }

    /// Makes every `trigger_id` that was handed out too old.
    pub fn expire_triggers(&self) {
        let now = Instant::now();
        self.change(|world| {
            world
                .triggers
                .values_mut()
                .for_each(|trigger| trigger.expires = now);
        });
    }

    /// Makes every `response_url` that was handed out too old.
    pub fn expire_response_urls(&self) {
        let now = Instant::now();
        self.change(|world| {
            world
                .response_urls
                .values_mut()
                .for_each(|url| url.expires = now);
        });
    }
}
