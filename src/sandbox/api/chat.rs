//! `chat.*`.

use serde_json::{Value, json};

use super::{Answer, Args, Refused, refused};
use crate::sandbox::blocks::{self, Surface};
use crate::sandbox::fill;
use crate::sandbox::message::Message;
use crate::sandbox::settings::Channel;
use crate::sandbox::world::World;

const MOST_TEXT: usize = 40_000;

pub(super) fn post_message(world: &mut World, args: &Args) -> Answer {
    let channel = destination(
        world,
        args.need("channel")
            .map_err(|_| refused("channel_not_found"))?,
    )?;
    may_post(world, &channel)?;
    let mut message = written(world, args)?;
    message.channel.clone_from(&channel.id);
    if let Some(root) = args.str("thread_ts") {
        let root = world
            .message(&channel.id, root)
            .ok_or_else(|| refused("thread_not_found"))?;
        message.thread_ts = Some(root.thread_ts.clone().unwrap_or_else(|| root.ts.clone()));
        message.broadcast = args.flag("reply_broadcast");
    }
    let answer = answer_with(world, &message);
    world.messages.push(message);
    Ok(answer)
}

fn answer_with(world: &World, message: &Message) -> Value {
    let api = message.to_api(&world.settings.app, &world.settings.team.id);
    json!({"channel": message.channel, "ts": message.ts, "message": api})
}

/// A conversation to post in: by id or name, or a person's direct message by the person's id.
fn destination(world: &mut World, channel: &str) -> Result<Channel, Refused> {
    let person = world.user(channel).map(|user| (user.deleted, user.is_bot));
    let channel = match person {
        Some((true, _)) => return Err(refused("channel_not_found")),
        Some((_, true)) => return Err(refused("cannot_dm_bot")),
        Some(_) => world.open_dm(channel),
        None => channel.to_owned(),
    };
    visible(world, &channel)
}

/// A conversation the bot can know of.
fn visible(world: &World, channel: &str) -> Result<Channel, Refused> {
    let found = world
        .find_channel(channel)
        .ok_or_else(|| refused("channel_not_found"))?;
    if found.is_private && !found.bot_member {
        return Err(refused("channel_not_found"));
    }
    Ok(found.clone())
}

fn may_post(world: &World, channel: &Channel) -> Result<(), Refused> {
    if channel.is_archived {
        return Err(refused("is_archived"));
    }
    let public = world
        .settings
        .scopes
        .iter()
        .any(|scope| scope == "chat:write.public");
    if channel.bot_member || (public && !channel.is_private) {
        return Ok(());
    }
    Err(refused("not_in_channel"))
}

/// A new message of the bot's, from `text`, `blocks` and so on.
fn written(world: &mut World, args: &Args) -> Result<Message, Refused> {
    let (text, blocks) = content(world, args)?;
    Ok(Message {
        ts: world.next_ts(),
        user: world.bot_user().to_owned(),
        by_bot: true,
        text,
        blocks,
        attachments: args
            .value("attachments")
            .as_array()
            .cloned()
            .unwrap_or_default(),
        metadata: args.value("metadata").clone(),
        ..Message::default()
    })
}

fn content(world: &mut World, args: &Args) -> Result<(String, Vec<Value>), Refused> {
    let text = args
        .str("text")
        .or(args.str("markdown_text"))
        .unwrap_or_default();
    let has_attachments = args
        .value("attachments")
        .as_array()
        .is_some_and(|all| !all.is_empty());
    let blocks = match args.value("blocks") {
        Value::Null => Vec::new(),
        given => checked_blocks(world, given)?,
    };
    if text.is_empty() && blocks.is_empty() && !has_attachments {
        return Err(refused("no_text"));
    }
    if text.chars().count() > MOST_TEXT {
        return Err(refused("msg_too_long"));
    }
    Ok((text.to_owned(), blocks))
}

/// Blocks with their ids filled in, if Slack would take them.
pub(in crate::sandbox) fn checked_blocks(
    world: &mut World,
    given: &Value,
) -> Result<Vec<Value>, Refused> {
    if !given.is_array() {
        return Err(refused("invalid_blocks_format"));
    }
    let faults = blocks::faults(given, Surface::Message, "/blocks");
    if !faults.is_empty() {
        return Err(refused("invalid_blocks")
            .with("errors", json!(faults))
            .with_messages(&faults));
    }
    Ok(fill::filled(given, || world.next_id("b")))
}

pub(super) fn post_ephemeral(world: &mut World, args: &Args) -> Answer {
    let channel = visible(
        world,
        args.need("channel")
            .map_err(|_| refused("channel_not_found"))?,
    )?;
    may_post(world, &channel)?;
    let user = args.need("user")?;
    if world.user(user).is_none() {
        return Err(refused("user_not_found"));
    }
    if !channel.members.iter().any(|member| member == user) {
        return Err(refused("user_not_in_channel"));
    }
    let mut message = written(world, args)?;
    message.channel = channel.id;
    message.only_for = Some(user.to_owned());
    message.thread_ts = args.str("thread_ts").map(ToOwned::to_owned);
    let ts = message.ts.clone();
    world.messages.push(message);
    Ok(json!({"message_ts": ts}))
}

/// Slack wants the conversation's own id here: a person's id or a name will not do.
fn own_message<'a>(
    world: &'a mut World,
    args: &Args,
    code: &str,
) -> Result<&'a mut Message, Refused> {
    let channel = args
        .need("channel")
        .map_err(|_| refused("channel_not_found"))?;
    let known = world
        .settings
        .channels
        .iter()
        .find(|known| known.id == channel);
    let known = known.ok_or_else(|| refused("channel_not_found"))?;
    if known.is_archived {
        return Err(refused("is_archived"));
    }
    let ts = args.need("ts").map_err(|_| refused("message_not_found"))?;
    let message = world
        .message_mut(channel, ts)
        .filter(|message| message.only_for.is_none());
    let message = message.ok_or_else(|| refused("message_not_found"))?;
    if message.by_bot {
        Ok(message)
    } else {
        Err(refused(code))
    }
}

pub(super) fn update(world: &mut World, args: &Args) -> Answer {
    own_message(world, args, "cant_update_message")?;
    let (text, blocks) = content(world, args)?;
    let message = own_message(world, args, "cant_update_message")?;
    message.text = text;
    message.edits += 1;
    message.shows_edited = blocks.is_empty();
    message.blocks = blocks;
    if let Some(attachments) = args.value("attachments").as_array() {
        message.attachments.clone_from(attachments);
    }
    if !args.value("metadata").is_null() {
        message.metadata = args.value("metadata").clone();
    }
    let message = message.clone();
    let mut answer = answer_with(world, &message);
    answer["text"] = json!(message.text);
    // Slack tells the time of an updated message beside it only.
    if let Some(shown) = answer["message"].as_object_mut() {
        shown.remove("ts");
    }
    Ok(answer)
}

pub(super) fn delete(world: &mut World, args: &Args) -> Answer {
    let message = own_message(world, args, "cant_delete_message")?;
    message.deleted = true;
    Ok(json!({"channel": message.channel, "ts": message.ts}))
}

pub(super) fn permalink(world: &mut World, args: &Args) -> Answer {
    let channel = visible(
        world,
        args.need("channel")
            .map_err(|_| refused("channel_not_found"))?,
    )?;
    let ts = args
        .need("message_ts")
        .map_err(|_| refused("message_not_found"))?;
    world
        .message(&channel.id, ts)
        .ok_or_else(|| refused("message_not_found"))?;
    Ok(json!({"channel": channel.id, "permalink": world.permalink(&channel.id, ts)}))
}
