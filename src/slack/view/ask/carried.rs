//! What a form carries along from Slack to Slack, and what of that says what it had shown.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::content::to_json;
use super::{Form, Preview, print};
use crate::domain::{RequestId, Route};

/// What a form carries along. It comes back from the client, so it names things and proves nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// The channel that the form was opened from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The link of the message that the request is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The request whose access is to be prolonged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<RequestId>,
    /// A print of what the form shows would come of it: the rules, and whom they ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shows: Option<String>,
    /// The only role that there is to choose, which needs no input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_role: Option<String>,
    /// The role that was typed while nothing is chosen that has roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typed_role: Option<String>,
}

impl Carried {
    /// Reads what came back; nothing of it where it is not ours.
    pub fn read(private_metadata: &str) -> Self {
        serde_json::from_str(private_metadata).unwrap_or_default()
    }
}

impl Form {
    /// Has the form carry along what it shows would come of it. Where that is nothing, what it had
    /// shown before is still known to whoever reads it.
    pub fn remembers(&mut self) {
        self.carried.shows = shows(&self.preview).or(self.carried.shows.take());
    }
}

/// A print of what a preview shows: rules, and whom they ask. None where not all of it would come to
/// something.
fn shows(preview: &Preview) -> Option<String> {
    let way = |preview: &Preview| match preview {
        Preview::Route(way) => Some((way.rule.clone(), way.route.clone())),
        _ => None,
    };
    let ways: Option<Vec<(String, Route)>> = match preview {
        Preview::Parts(parts) => parts.iter().map(|(_, preview)| way(preview)).collect(),
        preview => way(preview).map(|way| vec![way]),
    };
    let ways = ways.filter(|ways| !ways.is_empty())?;
    Some(print_of(
        ways.iter().map(|(rule, route)| (rule.as_str(), route)),
    ))
}

/// The same of rules and what they say. What changes by itself, as quiet hours do, is left out.
pub fn print_of<'a>(ways: impl IntoIterator<Item = (&'a str, &'a Route)>) -> String {
    let mut parts = Vec::new();
    for (rule, route) in ways {
        let kind = match route {
            Route::Automatic { .. } => "automatic",
            Route::BreakGlass(_) => "break-glass",
            Route::Steps(_) => "steps",
        };
        parts.extend([rule.to_owned(), kind.to_owned()]);
        if let Route::BreakGlass(glass) = route {
            parts.extend(glass.review_by.iter().map(ToString::to_string));
        }
        for step in route.steps() {
            let from = step.from.iter().map(ToString::to_string);
            parts.push(format!("{:?}", step.quorum));
            parts.extend(from);
        }
    }
    print(&parts)
}

/// A form that was answered with what would come of it: it counts as shown.
pub fn having_shown(mut form: Value, shows: String) -> Value {
    let carried = form["private_metadata"].as_str().map(Carried::read);
    let carried = Carried {
        shows: Some(shows),
        ..carried.unwrap_or_default()
    };
    form["private_metadata"] = to_json(&carried).to_string().into();
    form
}
