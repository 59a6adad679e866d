//! Uploading a file in three steps.

use axum::body::Bytes;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::{Answer, Args, refused};
use crate::sandbox::Shared;
use crate::sandbox::message::Message;
use crate::sandbox::world::World;

pub(super) fn upload_url(world: &mut World, args: &Args) -> Answer {
    let name = args.need("filename")?.to_owned();
    let length = args.number("length").filter(|length| *length > 0);
    length.ok_or_else(|| refused("invalid_arguments"))?;
    let id = world.next_id("F");
    world.files.insert(id.clone(), (name, Vec::new()));
    Ok(json!({"upload_url": format!("{}/upload/v1/{id}", world.origin), "file_id": id}))
}

/// Takes a file's bytes.
pub(in crate::sandbox) async fn upload(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<String, axum::http::StatusCode> {
    let mut world = shared.world();
    let file = world
        .files
        .get_mut(&id)
        .ok_or(axum::http::StatusCode::NOT_FOUND)?;
    file.1 = body.to_vec();
    Ok(format!("OK - {}", body.len()))
}

pub(super) fn complete(world: &mut World, args: &Args) -> Answer {
    let listed = args.value("files").as_array().cloned().unwrap_or_default();
    let mut done = Vec::new();
    for file in &listed {
        let id = file["id"].as_str().unwrap_or_default();
        let (name, bytes) = world
            .files
            .get(id)
            .ok_or_else(|| refused("file_not_found"))?;
        if bytes.is_empty() {
            return Err(refused("file_upload_failed"));
        }
        done.push(json!({"id": id, "title": file["title"].as_str().unwrap_or(name)}));
    }
    if done.is_empty() {
        return Err(refused("invalid_arguments"));
    }
    share(world, args, &done)?;
    Ok(json!({"files": done}))
}

fn share(world: &mut World, args: &Args, files: &[Value]) -> Result<(), super::Refused> {
    let Some(channel) = args.str("channel_id") else {
        return Ok(());
    };
    let channel = world
        .find_channel(channel)
        .ok_or_else(|| refused("channel_not_found"))?
        .clone();
    if !channel.bot_member {
        return Err(refused("not_in_channel"));
    }
    let titles = files
        .iter()
        .filter_map(|file| Some(file["title"].as_str()?.to_owned()));
    let message = Message {
        ts: world.next_ts(),
        channel: channel.id,
        user: world.bot_user().to_owned(),
        by_bot: true,
        text: args.str("initial_comment").unwrap_or_default().to_owned(),
        thread_ts: args.str("thread_ts").map(ToOwned::to_owned),
        files: titles.collect(),
        ..Message::default()
    };
    world.messages.push(message);
    Ok(())
}
