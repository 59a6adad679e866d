//! `auth.*`, `api.test`, `team.info`, `apps.connections.open`, `blocks.validate`, `reactions.add`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::conversations::paged;
use super::{Answer, Args, Refused, refused};
use crate::sandbox::blocks::{self, Surface};
use crate::sandbox::world::World;

pub(super) fn api_test(_: &mut World, args: &Args) -> Answer {
    match args.str("error") {
        Some(error) => Err(refused(error).with("args", Value::Object(args.map.clone()))),
        None => Ok(json!({"args": args.map})),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "all methods have one shape")]
pub(super) fn auth_test(world: &mut World, _: &Args) -> Answer {
    let settings = &world.settings;
    let bot = world.user(&settings.app.bot_user);
    let mut answer = json!({
        "url": format!("{}/", world.origin), "team": settings.team.name,
        "team_id": settings.team.id, "user": bot.map_or("", |bot| bot.name.as_str()),
        "user_id": settings.app.bot_user, "bot_id": settings.app.bot_id,
        "is_enterprise_install": settings.org_install,
    });
    if settings.org_install {
        answer["enterprise_id"] = json!("E0ACME");
    }
    Ok(answer)
}

/// The workspaces of the organisation: those that its people belong to.
pub(super) fn teams(world: &mut World, args: &Args) -> Answer {
    let people = world.settings.users.iter();
    let ids: BTreeSet<&str> = people
        .filter(|user| !user.is_stranger && user.enterprise_id.is_empty())
        .flat_map(|user| user.teams.iter().chain([&user.team_id]))
        .map(String::as_str)
        .filter(|team| !team.is_empty())
        .chain([world.settings.team.id.as_str()])
        .collect();
    let all = ids.into_iter().rev();
    let all = all.map(|id| json!({"id": id, "name": id})).collect();
    paged(args, "teams", all)
}

/// Whether something is asked of this workspace, and not of another of the organisation. By a token of
/// the organisation it has to be said.
pub(super) fn is_of_this_team(world: &World, args: &Args) -> Result<bool, Refused> {
    if !world.settings.org_install {
        return Ok(true);
    }
    Ok(args.need("team_id")? == world.settings.team.id)
}

#[expect(clippy::unnecessary_wraps, reason = "all methods have one shape")]
pub(super) fn team_info(world: &mut World, _: &Args) -> Answer {
    let team = &world.settings.team;
    Ok(json!({"team": {
        "id": team.id, "name": team.name, "domain": team.domain, "email_domain": "",
        "icon": {"image_default": true},
    }}))
}

#[expect(clippy::unnecessary_wraps, reason = "all methods have one shape")]
pub(super) fn connect(world: &mut World, _: &Args) -> Answer {
    let ticket = uuid::Uuid::now_v7();
    let host = world.origin.trim_start_matches("http://");
    let app = &world.settings.app.id;
    Ok(json!({"url": format!("ws://{host}/link/?ticket={ticket}&app_id={app}")}))
}

pub(super) fn blocks_validate(_: &mut World, args: &Args) -> Answer {
    let faults = match (args.value("view"), args.value("blocks")) {
        (Value::Null, Value::Null) => return Err(refused("invalid_arguments")),
        (Value::Null, given) => blocks::faults(given, Surface::Message, "/blocks"),
        (view, _) => blocks::view_faults(view),
    };
    if faults.is_empty() {
        return Ok(json!({}));
    }
    Err(refused("invalid_blocks")
        .with("errors", json!(faults))
        .with_messages(&faults))
}

pub(super) fn reactions_add(world: &mut World, args: &Args) -> Answer {
    let name = args
        .str("name")
        .ok_or_else(|| refused("invalid_name"))?
        .trim_matches(':')
        .to_owned();
    let channel = args
        .need("channel")
        .map_err(|_| refused("channel_not_found"))?;
    let known = world
        .find_channel(channel)
        .ok_or_else(|| refused("channel_not_found"))?;
    if known.is_archived {
        return Err(refused("is_archived"));
    }
    let (id, bot) = (known.id.clone(), world.bot_user().to_owned());
    let ts = args
        .need("timestamp")
        .map_err(|_| refused("no_item_specified"))?;
    let message = world
        .message_mut(&id, ts)
        .ok_or_else(|| refused("message_not_found"))?;
    let people = message.reactions.entry(name).or_default();
    if people.contains(&bot) {
        return Err(refused("already_reacted"));
    }
    people.push(bot);
    Ok(json!({}))
}
