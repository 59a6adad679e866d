//! What may be posted to a `response_url`: five times within half an hour.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Shared;
use super::api::Args;
use super::blocks::{self, Surface};
use super::calls::Call;
use super::faults::{self, FaultKind};
use super::fill;
use super::message::Message;
use super::world::{ResponseUrl, World};

type Said = (StatusCode, String);

/// Takes one post.
pub(super) async fn respond(
    State(shared): State<Shared>,
    Path((team, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Said {
    let shared = shared.whose(|world| world.settings.team.id == team);
    let args = Args::read(None, &headers, &body);
    let fault = faults::take(&mut shared.world().faults, "response_url", None);
    let said = fault.as_ref().and_then(refuse_early).unwrap_or_else(|| {
        let said = Value::Object(args.map.clone());
        apply(&mut shared.world(), &format!("{team}/{id}"), &said)
    });
    let answer = match said.1.as_str() {
        "ok" => json!({"ok": true}),
        body => serde_json::from_str(body).unwrap_or_default(),
    };
    let status = said.0.as_u16();
    shared.record(Call {
        method: "response_url".into(),
        args: args.map,
        status,
        answer,
    });
    finish(&shared, said, fault).await
}

/// The faults that keep a post from having any effect.
fn refuse_early(fault: &FaultKind) -> Option<Said> {
    match fault {
        FaultKind::RateLimited { .. } => Some((StatusCode::TOO_MANY_REQUESTS, String::new())),
        FaultKind::Status { status } => Some((status_of(*status), String::new())),
        FaultKind::Error { error } => Some(refuse(StatusCode::NOT_FOUND, error)),
        FaultKind::Hang => Some((StatusCode::SERVICE_UNAVAILABLE, String::new())),
        _ => None,
    }
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Answers, or fails to, as the fault wants it. A cut is played as a hang.
async fn finish(shared: &Shared, said: Said, fault: Option<FaultKind>) -> Said {
    match fault {
        Some(FaultKind::Hang | FaultKind::DoneThenHang | FaultKind::DoneThenCut) => {
            shared.stop.cancelled().await;
            (StatusCode::SERVICE_UNAVAILABLE, String::new())
        }
        Some(FaultKind::DoneThenStatus { status }) => (status_of(status), String::new()),
        Some(FaultKind::Delay { millis }) => {
            tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
            said
        }
        _ => said,
    }
}

fn refuse(status: StatusCode, error: &str) -> Said {
    (status, json!({"ok": false, "error": error}).to_string())
}

fn apply(world: &mut World, id: &str, said: &Value) -> Said {
    let Some(url) = world.response_urls.get_mut(id) else {
        return refuse(StatusCode::NOT_FOUND, "invalid_url");
    };
    if url.expires <= Instant::now() {
        return refuse(StatusCode::NOT_FOUND, "expired_url");
    }
    if url.uses_left == 0 {
        return refuse(StatusCode::NOT_FOUND, "used_url");
    }
    let target = url.clone();
    match speak(world, &target, said) {
        Ok(()) => {
            if let Some(url) = world.response_urls.get_mut(id) {
                url.uses_left -= 1;
            }
            (StatusCode::OK, "ok".into())
        }
        Err(error) => refuse(StatusCode::BAD_REQUEST, error),
    }
}

/// Says what was asked, in the place the address was made for.
pub(super) fn speak(
    world: &mut World,
    target: &ResponseUrl,
    said: &Value,
) -> Result<(), &'static str> {
    if said["delete_original"] == true {
        let original = original(world, target).ok_or("message_not_found")?;
        original.deleted = true;
        return Ok(());
    }
    let text = said["text"].as_str().unwrap_or_default().to_owned();
    let filled = match &said["blocks"] {
        Value::Null => Vec::new(),
        given if blocks::faults(given, Surface::Message, "/blocks").is_empty() => {
            fill::filled(given, || world.next_id("b"))
        }
        _ => return Err("invalid_blocks"),
    };
    if text.is_empty() && filled.is_empty() {
        return Err("no_text");
    }
    if said["replace_original"] == true {
        let original = original(world, target).ok_or("message_not_found")?;
        original.text = text;
        original.blocks = filled;
        original.edits += 1;
        return Ok(());
    }
    let public = said["response_type"] == "in_channel";
    let message = Message {
        ts: world.next_ts(),
        channel: target.channel.clone(),
        user: world.bot_user().to_owned(),
        by_bot: true,
        text,
        blocks: filled,
        thread_ts: said["thread_ts"].as_str().map(ToOwned::to_owned),
        only_for: (!public).then(|| target.user.clone()),
        ..Message::default()
    };
    world.messages.push(message);
    Ok(())
}

fn original<'a>(world: &'a mut World, target: &ResponseUrl) -> Option<&'a mut Message> {
    world.message_mut(&target.channel, target.original.as_deref()?)
}
