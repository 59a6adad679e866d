//! Whoever a PagerDuty schedule has on call at this moment, by e-mail.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::sources::SourceFault;
use crate::domain::SecretRef;
use crate::outward::http::{self, Door, chain};
use crate::outward::secret;
use crate::policy::Entry;

const VERSION: &str = "application/vnd.pagerduty+json;version=2";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The largest page that is read, in bytes.
const LIMIT: usize = 1024 * 1024;
/// How many entries a page has, and how many pages are read at most.
const PAGE: usize = 100;
const PAGES: usize = 20;

/// The people on call. Somebody without an e-mail address is a fault: nobody could tell who it is.
pub(super) async fn read(
    api: &str,
    schedule: &str,
    token: &SecretRef,
    allow: &BTreeSet<String>,
) -> Result<BTreeSet<Entry>, SourceFault> {
    let door = Door::to(&format!("{api}/oncalls"), allow, CONNECT_TIMEOUT)?;
    let token = secret::read(token).await?;
    let mut people = BTreeSet::new();
    for page in 0..PAGES {
        let answer = read_page(&door, schedule, &token, page * PAGE).await?;
        for on_call in answer.oncalls {
            let email = on_call.user.and_then(|user| user.email);
            let entry = email.as_deref().and_then(Entry::read);
            people.insert(entry.ok_or_else(|| strange(&door, "somebody without an e-mail"))?);
        }
        if !answer.more {
            return Ok(people);
        }
    }
    Err(strange(&door, "more pages than anybody reads"))
}

#[derive(Deserialize)]
struct Answer {
    oncalls: Vec<OnCall>,
    #[serde(default)]
    more: bool,
}

#[derive(Deserialize)]
struct OnCall {
    user: Option<User>,
}

#[derive(Deserialize)]
struct User {
    email: Option<String>,
}

async fn read_page(
    door: &Door,
    schedule: &str,
    token: &SecretString,
    offset: usize,
) -> Result<Answer, SourceFault> {
    let mut url = door.url.clone();
    url.query_pairs_mut()
        .append_pair("schedule_ids[]", schedule)
        .append_pair("include[]", "users")
        .append_pair("limit", &PAGE.to_string())
        .append_pair("offset", &offset.to_string());
    let credentials = HeaderValue::from_str(&format!("Token token={}", token.expose_secret()));
    let mut credentials =
        credentials.map_err(|_| strange(door, "its token cannot stand in a header"))?;
    credentials.set_sensitive(true);
    let call = door.client.get(url).header(ACCEPT, VERSION);
    let answer = call.header(AUTHORIZATION, credentials).send().await;
    let answer = answer.map_err(|error| strange(door, &chain(&error)))?;
    let status = answer.status();
    if !status.is_success() {
        return Err(strange(door, &format!("answered {status}")));
    }
    let body = http::read(answer, LIMIT).await;
    let body = body.map_err(|why| strange(door, &why))?;
    // The fault of the reader would quote the answer, and people with it.
    serde_json::from_slice(&body).map_err(|_| strange(door, "an answer that is not understood"))
}

fn strange(door: &Door, why: &str) -> SourceFault {
    SourceFault::Answer {
        place: door.place(),
        why: why.to_owned(),
    }
}
