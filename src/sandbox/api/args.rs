//! A call's arguments, from whatever form they came in.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::{Refused, refused};

/// Decoded arguments and the token that came with them.
pub(in crate::sandbox) struct Args {
    pub(in crate::sandbox) map: Map<String, Value>,
    pub(in crate::sandbox) token: Option<String>,
    /// The app's id and secret, as OAuth sends them.
    pub(in crate::sandbox) app: Option<(String, String)>,
}

/// Arguments that hold JSON, also where they came as a form field.
const JSON_FIELDS: [&str; 5] = ["blocks", "view", "attachments", "metadata", "files"];

impl Args {
    /// Reads the query string, the form or JSON body and the bearer header.
    pub(in crate::sandbox) fn read(query: Option<&str>, headers: &HeaderMap, body: &[u8]) -> Self {
        let mut map = form(query.unwrap_or_default().as_bytes());
        let kind = header_str(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
        if kind.starts_with("application/json") {
            let json: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
            map.extend(json);
        } else {
            map.extend(form(body));
        }
        for key in JSON_FIELDS {
            let decoded = map
                .get(key)
                .and_then(Value::as_str)
                .and_then(|text| serde_json::from_str::<Value>(text).ok());
            if let Some(decoded) = decoded {
                map.insert(key.into(), decoded);
            }
        }
        let bearer = header_str(headers, header::AUTHORIZATION.as_str())
            .and_then(|value| value.strip_prefix("Bearer "))
            .map(ToOwned::to_owned);
        let in_body = map
            .remove("token")
            .and_then(|token| token.as_str().map(ToOwned::to_owned));
        Self {
            map,
            token: bearer.or(in_body),
            app: basic(headers),
        }
    }

    /// A string argument, if it is there and not empty.
    pub(in crate::sandbox) fn str(&self, key: &str) -> Option<&str> {
        self.map
            .get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }

    /// A string argument that must be there.
    pub(super) fn need(&self, key: &str) -> Result<&str, Refused> {
        self.str(key).ok_or_else(|| {
            let message = format!("[ERROR] missing required field: {key}");
            refused("invalid_arguments").with_messages(&[message])
        })
    }

    /// Any argument; null if it is not there.
    pub(super) fn value(&self, key: &str) -> &Value {
        self.map.get(key).unwrap_or(&Value::Null)
    }

    /// A yes or no, however it is written.
    pub(super) fn flag(&self, key: &str) -> bool {
        match self.value(key) {
            Value::Bool(yes) => *yes,
            Value::String(text) => text == "true" || text == "1",
            Value::Number(number) => number.as_i64() == Some(1),
            _ => false,
        }
    }

    /// A number, also where it came as text.
    pub(super) fn number(&self, key: &str) -> Option<usize> {
        let value = self.value(key);
        let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
        usize::try_from(number).ok()
    }

    /// Ids that came as a comma-separated string or as an array.
    pub(super) fn ids(&self, key: &str) -> Vec<String> {
        match self.value(key) {
            Value::String(text) => text
                .split(',')
                .map(|id| id.trim().to_owned())
                .filter(|id| !id.is_empty())
                .collect(),
            Value::Array(ids) => ids
                .iter()
                .filter_map(|id| Some(id.as_str()?.to_owned()))
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// A name and a secret by HTTP's own way to send them.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let sent = header_str(headers, header::AUTHORIZATION.as_str())?;
    let decoded = STANDARD.decode(sent.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

fn form(bytes: &[u8]) -> Map<String, Value> {
    let pairs = url::form_urlencoded::parse(bytes);
    pairs
        .map(|(key, value)| (key.into_owned(), Value::String(value.into_owned())))
        .collect()
}

fn header_str<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
