//! `conversations.*`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Answer, Args, Refused, misc, refused};
use crate::sandbox::settings::Channel;
use crate::sandbox::world::World;

pub(super) fn open(world: &mut World, args: &Args) -> Answer {
    if let Some(channel) = args.str("channel") {
        let known = world
            .find_channel(channel)
            .ok_or_else(|| refused("channel_not_found"))?;
        return Ok(json!({"channel": {"id": known.id}}));
    }
    let users = args.ids("users");
    let [user] = users.as_slice() else {
        let code = if users.is_empty() {
            "users_list_not_supplied"
        } else {
            "method_not_supported_for_channel_type"
        };
        return Err(refused(code));
    };
    let known = world.user(user).ok_or_else(|| refused("user_not_found"))?;
    if known.deleted {
        return Err(refused("user_disabled"));
    }
    if known.is_bot {
        return Err(refused("cannot_dm_bot"));
    }
    let existed = world.find_channel(&format!("D{}", &user[1..])).is_some();
    let id = world.open_dm(user);
    let mut answer = json!({"channel": {"id": id}});
    if existed {
        answer["already_open"] = json!(true);
        answer["no_op"] = json!(true);
    }
    Ok(answer)
}

fn known(world: &World, args: &Args) -> Result<Channel, Refused> {
    let channel = args
        .need("channel")
        .map_err(|_| refused("channel_not_found"))?;
    let known = world
        .settings
        .channels
        .iter()
        .find(|known| known.id == channel);
    let known = known.filter(|known| !known.is_private || known.bot_member);
    known.cloned().ok_or_else(|| refused("channel_not_found"))
}

pub(super) fn info(world: &mut World, args: &Args) -> Answer {
    let channel = known(world, args)?;
    let mut shown = shown(&channel);
    if args.flag("include_num_members") {
        shown["num_members"] = json!(channel.members.len());
    }
    Ok(json!({"channel": shown}))
}

fn shown(channel: &Channel) -> Value {
    if let Some(user) = &channel.im_with {
        return json!({
            "id": channel.id, "created": 1_700_000_000, "is_im": true, "is_archived": false,
            "is_org_shared": false, "user": user, "is_user_deleted": false, "priority": 0,
        });
    }
    json!({
        "id": channel.id, "name": channel.name, "name_normalized": channel.name,
        "is_channel": !channel.is_private, "is_group": channel.is_private, "is_im": false,
        "is_mpim": false, "is_private": channel.is_private, "is_archived": channel.is_archived,
        "is_general": channel.name == "general", "is_shared": false, "is_ext_shared": false,
        "is_org_shared": false, "is_member": channel.bot_member, "created": 1_700_000_000,
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    })
}

pub(super) fn list(world: &mut World, args: &Args) -> Answer {
    if !misc::is_of_this_team(world, args)? {
        return paged(args, "channels", Vec::new());
    }
    let types = args.str("types").unwrap_or("public_channel").to_owned();
    let wanted = |channel: &&Channel| {
        let kind = match (&channel.im_with, channel.is_private) {
            (Some(_), _) => "im",
            (None, true) => "private_channel",
            (None, false) => "public_channel",
        };
        types.split(',').any(|wanted| wanted.trim() == kind)
    };
    let live = |channel: &&Channel| !(args.flag("exclude_archived") && channel.is_archived);
    let seen = |channel: &&Channel| !channel.is_private || channel.bot_member;
    let channels = world
        .settings
        .channels
        .iter()
        .filter(wanted)
        .filter(live)
        .filter(seen);
    let all: Vec<Value> = channels
        .map(|channel| {
            let mut shown = shown(channel);
            shown["num_members"] = json!(channel.members.len());
            shown
        })
        .collect();
    paged(args, "channels", all)
}

pub(super) fn members(world: &mut World, args: &Args) -> Answer {
    let mut members = known(world, args)?.members;
    members.extend(
        known(world, args)?
            .bot_member
            .then(|| world.bot_user().to_owned()),
    );
    members.sort();
    members.dedup();
    paged(
        args,
        "members",
        members.into_iter().map(Value::String).collect(),
    )
}

pub(super) fn join(world: &mut World, args: &Args) -> Answer {
    let channel = known(world, args)?;
    if channel.is_archived {
        return Err(refused("is_archived"));
    }
    if channel.is_private || channel.im_with.is_some() {
        return Err(refused("method_not_supported_for_channel_type"));
    }
    let ours = world
        .channel_mut(&channel.id)
        .map_err(|_| refused("channel_not_found"))?;
    ours.bot_member = true;
    let shown = shown(ours);
    Ok(json!({"channel": shown, "response_metadata": {"warnings": []}}))
}

/// One page of a list, by `cursor` and `limit`.
pub(super) fn paged(args: &Args, key: &str, all: Vec<Value>) -> Answer {
    let start = match args.str("cursor") {
        None => 0,
        Some(cursor) => offset(cursor).ok_or_else(|| refused("invalid_cursor"))?,
    };
    let limit = args
        .number("limit")
        .filter(|limit| *limit > 0)
        .unwrap_or(100)
        .min(1000);
    let next = if start + limit < all.len() {
        STANDARD.encode(format!("next:{}", start + limit))
    } else {
        String::new()
    };
    let page: Vec<Value> = all.into_iter().skip(start).take(limit).collect();
    Ok(json!({key: page, "response_metadata": {"next_cursor": next}}))
}

fn offset(cursor: &str) -> Option<usize> {
    let text = String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?;
    text.strip_prefix("next:")?.parse().ok()
}
