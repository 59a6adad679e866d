//! A system of the house that answers who is in a group.
//!
//! It is asked by `POST {"type": "group.members", "group": "name"}`, signed by Standard Webhooks, and
//! answers 2xx with `{"members": ["somebody@example.com", "U0123ABC"]}`: e-mails and Slack user ids.
//! An empty list says that nobody is in it; anything else is a fault, and says nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::sources::SourceFault;
use crate::domain::{GroupName, SecretRef};
use crate::outward::http::{self, Door, chain};
use crate::outward::{secret, signed};
use crate::policy::Entry;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The largest answer that is read, in bytes.
const LIMIT: usize = 256 * 1024;

#[derive(Deserialize)]
struct Answer {
    members: Vec<String>,
}

/// The members of a group.
pub(super) async fn read(
    url: &str,
    group: &GroupName,
    secret: &SecretRef,
    allow: &BTreeSet<String>,
) -> Result<BTreeSet<Entry>, SourceFault> {
    let door = Door::to(url, allow, CONNECT_TIMEOUT)?;
    let fault = |why: &str| SourceFault::Answer {
        place: door.place(),
        why: why.to_owned(),
    };
    let question = json!({ "type": "group.members", "group": group }).to_string();
    let secret = secret::read(secret).await?;
    let call = signed::post(door.client.post(door.url.clone()), &secret, question)?;
    let answer = call.send().await.map_err(|error| fault(&chain(&error)))?;
    let status = answer.status();
    if !status.is_success() {
        return Err(fault(&format!("answered {status}")));
    }
    let body = http::read(answer, LIMIT).await;
    let body = body.map_err(|why| fault(&why))?;
    // The fault of the reader would quote the answer, and people with it.
    let answer: Result<Answer, _> = serde_json::from_slice(&body);
    let answer = answer.map_err(|_| fault("an answer that is not understood"))?;
    let entries = answer.members.iter().map(|member| Entry::read(member));
    let entries: Option<BTreeSet<Entry>> = entries.collect();
    entries.ok_or_else(|| fault("a member who is neither an e-mail nor a Slack user id"))
}
