//! `users.*` and `usergroups.*`.

use serde_json::{Value, json};

use super::conversations::paged;
use super::{Answer, Args, misc, refused};
use crate::sandbox::settings::{User, Usergroup};
use crate::sandbox::world::World;

pub(super) fn info(world: &mut World, args: &Args) -> Answer {
    let id = args.need("user").map_err(|_| refused("user_not_found"))?;
    let user = world.user(id).ok_or_else(|| refused("user_not_found"))?;
    Ok(json!({"user": shown(world, user)}))
}

pub(super) fn list(world: &mut World, args: &Args) -> Answer {
    let users = world
        .settings
        .users
        .iter()
        .map(|user| shown(world, user))
        .collect();
    paged(args, "members", users)
}

pub(super) fn lookup_by_email(world: &mut World, args: &Args) -> Answer {
    let email = args.need("email").map_err(|_| refused("users_not_found"))?;
    let mut users = world.settings.users.iter();
    let found = users.find(|user| user.email.eq_ignore_ascii_case(email) && !user.deleted);
    let found = found.ok_or_else(|| refused("users_not_found"))?;
    Ok(json!({"user": shown(world, found)}))
}

/// The profile of a user, the bot's own where none is named.
pub(super) fn profile(world: &mut World, args: &Args) -> Answer {
    let id = args.str("user").unwrap_or(&world.settings.app.bot_user);
    let user = world.user(id).ok_or_else(|| refused("user_not_found"))?;
    let mut profile = shown(world, user)["profile"].take();
    // Only a user object names the workspace in the profile.
    if let Some(profile) = profile.as_object_mut() {
        profile.remove("team");
    }
    let fields = user
        .fields
        .iter()
        .map(|(id, value)| (id.clone(), json!({"value": value, "alt": ""})));
    // Slack has a list where there are no fields, and an object where there are some.
    profile["fields"] = if user.fields.is_empty() {
        json!([])
    } else {
        Value::Object(fields.collect())
    };
    Ok(json!({"profile": profile}))
}

/// A user object; the address is left out if the token may not read it.
fn shown(world: &World, user: &User) -> Value {
    let may_read = world
        .settings
        .scopes
        .iter()
        .any(|scope| scope == "users:read.email");
    let mut profile = json!({
        "real_name": user.real_name, "real_name_normalized": user.real_name,
        "display_name": user.name, "display_name_normalized": user.name, "title": user.title,
        "status_text": "", "status_emoji": "",
    });
    if !user.team_id.is_empty() {
        profile["team"] = json!(user.team_id);
    }
    if may_read && !user.email.is_empty() {
        profile["email"] = json!(user.email);
    }
    let mut shown = json!({
        "id": user.id, "name": user.name, "deleted": user.deleted,
        "real_name": user.real_name, "profile": profile, "is_bot": user.is_bot,
        "is_app_user": false, "updated": 1_700_000_000,
    });
    if !user.team_id.is_empty() {
        shown["team_id"] = json!(user.team_id);
    }
    if user.deleted {
        return shown;
    }
    shown["tz"] = json!(user.tz);
    shown["tz_label"] = json!(user.tz);
    shown["tz_offset"] = json!(user.tz_offset);
    shown["is_email_confirmed"] = json!(user.email_confirmed);
    shown["is_restricted"] = json!(user.is_restricted);
    shown["is_ultra_restricted"] = json!(user.is_ultra_restricted);
    for flag in ["is_admin", "is_owner", "is_primary_owner"] {
        shown[flag] = json!(false);
    }
    if let Some(in_organisation) = in_organisation(world, user) {
        shown["enterprise_user"] = in_organisation;
    }
    if user.is_stranger {
        shown["is_stranger"] = json!(true);
    }
    shown
}

/// What a user object says of somebody as one of an organisation.
fn in_organisation(world: &World, user: &User) -> Option<Value> {
    let is_of_one = world.settings.org_install || !user.teams.is_empty();
    if user.is_stranger || !is_of_one {
        return None;
    }
    let (id, name) = match user.enterprise_id.as_str() {
        "" => ("E0ACME", "Acme Holding"),
        other => (other, "Another Holding"),
    };
    let teams: Vec<&String> = match user.teams.as_slice() {
        [] => vec![&user.team_id],
        teams => teams.iter().collect(),
    };
    Some(json!({
        "id": user.id, "enterprise_id": id, "enterprise_name": name,
        "is_admin": false, "is_owner": false,
        "teams": teams.into_iter().filter(|team| !team.is_empty()).collect::<Vec<_>>(),
    }))
}

pub(super) fn groups(world: &mut World, args: &Args) -> Answer {
    if !misc::is_of_this_team(world, args)? {
        return Ok(json!({"usergroups": []}));
    }
    let disabled_too = args.flag("include_disabled");
    let groups = world.settings.usergroups.iter();
    let groups = groups.filter(|group| disabled_too || !group.disabled);
    let with_users = args.flag("include_users");
    let all: Vec<Value> = groups
        .map(|group| group_shown(world, group, with_users))
        .collect();
    Ok(json!({"usergroups": all}))
}

fn group_shown(world: &World, group: &Usergroup, with_users: bool) -> Value {
    let mut shown = json!({
        "id": group.id, "team_id": world.settings.team.id, "is_usergroup": true,
        "name": group.name, "handle": group.handle, "description": "", "is_external": false,
        "date_create": 1_700_000_000, "date_update": 1_700_000_000,
        "date_delete": i64::from(group.disabled) * 1_700_000_000,
        "user_count": group.users.len(), "prefs": {"channels": [], "groups": []},
    });
    if with_users {
        shown["users"] = json!(group.users);
    }
    shown
}

pub(super) fn group_members(world: &mut World, args: &Args) -> Answer {
    let id = args
        .need("usergroup")
        .map_err(|_| refused("no_such_subteam"))?;
    if !misc::is_of_this_team(world, args)? {
        return Err(refused("no_such_subteam"));
    }
    let mut groups = world.settings.usergroups.iter();
    let found =
        groups.find(|group| group.id == id && (args.flag("include_disabled") || !group.disabled));
    let found = found.ok_or_else(|| refused("no_such_subteam"))?;
    Ok(json!({"users": found.users}))
}
