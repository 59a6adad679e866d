//! `views.*` and the stack of modals.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Answer, Args, Refused, refused};
use crate::sandbox::blocks;
use crate::sandbox::entry;
use crate::sandbox::fill;
use crate::sandbox::view::View;
use crate::sandbox::world::World;

const MOST_BYTES: usize = 250_000;
const MOST_STACKED: usize = 3;

pub(super) fn open(world: &mut World, args: &Args) -> Answer {
    let content = checked(world, args.value("view"), "modal")?;
    let user = exchange(world, args)?;
    world.modals.remove(&user);
    let view = push_view(world, &user, content)?;
    Ok(json!({"view": view.to_api(&world.settings)}))
}

pub(super) fn push(world: &mut World, args: &Args) -> Answer {
    let content = checked(world, args.value("view"), "modal")?;
    let user = exchange(world, args)?;
    let view = push_view(world, &user, content)?;
    Ok(json!({"view": view.to_api(&world.settings)}))
}

pub(super) fn update(world: &mut World, args: &Args) -> Answer {
    let content = checked(world, args.value("view"), "modal")?;
    let id = find_open(world, args).ok_or_else(|| refused("not_found"))?;
    if let Some(hash) = args.str("hash") {
        let fits = view_mut(world, &id).is_some_and(|view| view.hash == hash);
        if !fits {
            return Err(refused("hash_conflict"));
        }
    }
    let view = apply_view(world, &id, content).ok_or_else(|| refused("not_found"))?;
    Ok(json!({"view": view.to_api(&world.settings)}))
}

pub(super) fn publish(world: &mut World, args: &Args) -> Answer {
    let user = args.need("user_id")?.to_owned();
    world.user(&user).ok_or_else(|| refused("user_not_found"))?;
    let content = checked(world, args.value("view"), "home")?;
    let current = world.homes.get(&user);
    let hash = args.str("hash");
    if current.is_some_and(|current| hash.is_some_and(|hash| hash != current.hash)) {
        return Err(refused("hash_conflict"));
    }
    let id = match current {
        Some(current) => current.id.clone(),
        None => world.next_id("V"),
    };
    let view = new_view(world, &user, id, content);
    world.homes.insert(user, view.clone());
    Ok(json!({"view": view.to_api(&world.settings)}))
}

/// A modal that Slack would take, with ids filled in.
pub(in crate::sandbox) fn checked_modal(world: &mut World, view: &Value) -> Result<Value, Refused> {
    checked(world, view, "modal")
}

fn checked(world: &mut World, view: &Value, kind: &str) -> Result<Value, Refused> {
    if !view.is_object() {
        return Err(refused("invalid_arguments")
            .with_messages(&["[ERROR] missing required field: view".into()]));
    }
    if view.to_string().len() > MOST_BYTES {
        return Err(refused("view_too_large"));
    }
    let mut faults = blocks::view_faults(view);
    if view["type"] != kind && faults.is_empty() {
        faults.push(format!(
            "[ERROR] must be of type {kind} [json-pointer:/view/type]"
        ));
    }
    if !faults.is_empty() {
        return Err(refused("invalid_arguments").with_messages(&faults));
    }
    let mut view = view.clone();
    view["blocks"] = Value::Array(fill::filled(&view["blocks"], || world.next_id("b")));
    Ok(view)
}

/// Trades a `trigger_id` for the person it belongs to.
fn exchange(world: &mut World, args: &Args) -> Result<String, Refused> {
    let id = args.str("trigger_id").or(args.str("interactivity_pointer"));
    let id = id.ok_or_else(|| refused("invalid_trigger_id"))?;
    let trigger = world
        .triggers
        .get_mut(id)
        .ok_or_else(|| refused("invalid_trigger_id"))?;
    if trigger.used {
        return Err(refused("exchanged_trigger_id"));
    }
    if trigger.expires <= Instant::now() {
        return Err(refused("expired_trigger_id"));
    }
    trigger.used = true;
    Ok(trigger.user.clone())
}

fn new_view(world: &mut World, user: &str, id: String, content: Value) -> View {
    View {
        hash: format!("{}.{:08x}", world.next_ts(), rand::random::<u32>()),
        user: user.into(),
        content,
        errors: BTreeMap::new(),
        root: id.clone(),
        previous: None,
        entered: BTreeMap::new(),
        names: world.names(),
        id,
    }
}

/// Puts a view on top of a person's stack.
pub(in crate::sandbox) fn push_view(
    world: &mut World,
    user: &str,
    content: Value,
) -> Result<View, Refused> {
    let id = world.next_id("V");
    let mut view = new_view(world, user, id, content);
    let stack = world.modals.entry(user.into()).or_default();
    if stack.len() >= MOST_STACKED {
        return Err(refused("push_limit_reached"));
    }
    if let Some(below) = stack.last() {
        view.root.clone_from(&below.root);
        view.previous = Some(below.id.clone());
    }
    stack.push(view.clone());
    Ok(view)
}

fn find_open(world: &World, args: &Args) -> Option<String> {
    let views = || world.modals.values().flatten();
    let wanted = |view: &&View| match (args.str("view_id"), args.str("external_id")) {
        (Some(id), _) => view.id == id,
        (None, Some(external)) => view.content["external_id"] == external,
        (None, None) => false,
    };
    views().find(wanted).map(|view| view.id.clone())
}

fn view_mut<'a>(world: &'a mut World, id: &str) -> Option<&'a mut View> {
    world
        .modals
        .values_mut()
        .flatten()
        .find(|view| view.id == id)
}

/// Replaces an open view's content. What was typed stays wherever block and action keep their ids.
pub(in crate::sandbox) fn apply_view(world: &mut World, id: &str, content: Value) -> Option<View> {
    let hash = format!("{}.{:08x}", world.next_ts(), rand::random::<u32>());
    let view = view_mut(world, id)?;
    view.hash = hash;
    view.content = content;
    view.errors.clear();
    let kept = entry::elements(view.blocks());
    let kept: Vec<_> = kept
        .iter()
        .map(|found| (found.key(), found.kind().to_owned()))
        .collect();
    view.entered.retain(|key, value| {
        kept.iter()
            .any(|(known, kind)| known == key && value["type"] == kind.as_str())
    });
    Some(view.clone())
}

/// Takes the top view off a person's stack.
pub(in crate::sandbox) fn close_top(world: &mut World, user: &str) -> Option<View> {
    let stack = world.modals.get_mut(user)?;
    let view = stack.pop();
    if stack.is_empty() {
        world.modals.remove(user);
    }
    view
}
