//! Every source of people that a policy names, tried once: for `jit doctor`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::sources::{BUDGET, SourceFault, Sources};
use crate::domain::GroupName;
use crate::policy::{Entry, GroupSource, Policy};
use crate::slack::client::{Client, SlackFault};

/// How long one source may take here. What takes longer than people are kept waiting is told.
const LIMIT: Duration = Duration::from_secs(10);
/// People whose profile is looked at for a manager.
const PROFILES: usize = 5;

/// What came of trying a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The source, such as `group oncall (pagerduty)`.
    pub name: String,
    /// What was found.
    pub found: Found,
    /// What stands in where it says nobody or cannot be read.
    pub fallback: Option<GroupName>,
}

/// What a source said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// So many people.
    People(usize),
    /// Nobody, and what that means.
    Nobody(String),
    /// It could not be read in the time that people are kept waiting.
    Slow(Duration),
    /// It cannot be read: why, and what to do. Never holds a secret or a person.
    Fault(String, String),
}

/// Tries each group with a source of its own, and the profile field that names managers.
pub async fn try_all(policy: &Policy, client: &Client, allow: BTreeSet<String>) -> Vec<Trial> {
    let mut sources = Sources::new(client.clone());
    sources.allow = Arc::new(allow);
    let mut trials = Vec::new();
    for group in policy.groups() {
        let Some(sourced) = policy.source_of(group).filter(|it| it.source.is_dynamic()) else {
            continue;
        };
        trials.push(Trial {
            name: format!("group {group} ({})", sourced.source.kind()),
            found: try_group(&sources, group, &sourced.source).await,
            fallback: sourced.fallback.clone(),
        });
    }
    if let Some(field) = policy.manager_field() {
        trials.push(Trial {
            name: format!("manager field {field}"),
            found: try_managers(policy, client, field).await,
            fallback: None,
        });
    }
    trials
}

async fn try_group(sources: &Sources, group: &GroupName, source: &GroupSource) -> Found {
    let begun = tokio::time::Instant::now();
    let said = timeout(LIMIT, sources.read_group(group, source)).await;
    match said.unwrap_or(Err(SourceFault::Late)) {
        Ok(_) if BUDGET < begun.elapsed() => Found::Slow(begun.elapsed()),
        Ok(people) if people.is_empty() => Found::Nobody(nobody(source).to_owned()),
        Ok(people) => Found::People(people.len()),
        Err(fault) => Found::Fault(fault.to_string(), remedy(&fault, source)),
    }
}

fn nobody(source: &GroupSource) -> &'static str {
    match source {
        GroupSource::SlackUsergroup { .. } => {
            "nobody is in it, or no user group has that id: look in Slack, under People"
        }
        GroupSource::PagerDuty { .. } => {
            "nobody is on call now, or no schedule has that id: look in PagerDuty"
        }
        GroupSource::Webhook { .. } | GroupSource::Members => "it says that nobody is in it",
    }
}

/// What to do about a fault.
fn remedy(fault: &SourceFault, source: &GroupSource) -> String {
    match (fault, source) {
        (SourceFault::Slack(fault), _) => of_slack(fault).to_owned(),
        (SourceFault::Late, _) => {
            "is it reachable from here? Where it is slow, name a `fallback` for the group".to_owned()
        }
        // These say themselves what to set.
        (SourceFault::Secret(_) | SourceFault::Refused(_) | SourceFault::Unsigned(_), _) => {
            "set what is named there, then run this again".to_owned()
        }
        (_, GroupSource::PagerDuty { .. }) => {
            "is the token one of the REST API that may read schedules, and `api` the one of your \
             region?"
                .to_owned()
        }
        (_, GroupSource::Webhook { .. }) => {
            "does it answer POST {\"type\": \"group.members\"} with {\"members\": […]}, and have the \
             same secret?"
                .to_owned()
        }
        _ => "correct it in the policy".to_owned(),
    }
}

fn of_slack(fault: &SlackFault) -> &'static str {
    match fault {
        SlackFault::Admin(_) => {
            "put `jit manifest` into the app's “App Manifest”, then reinstall the app"
        }
        fault if fault.is_passing() => "is Slack reachable from here? Run this again later",
        _ => "correct its id in the policy",
    }
}

/// Reads the field in the profiles of some of the people whom the policy lists: whether profiles may
/// be read at all, and whether the field is one of them, is seen in no other way.
async fn try_managers(policy: &Policy, client: &Client, field: &str) -> Found {
    let listed = policy
        .groups()
        .filter_map(|group| policy.group_entries(group));
    let mut users = BTreeSet::new();
    let entries: BTreeSet<Entry> = listed.flatten().flatten().collect();
    for entry in entries {
        if users.len() == PROFILES {
            break;
        }
        match user(client, &entry).await {
            Ok(user) => users.extend(user),
            Err(fault) => return Found::Fault(fault.to_string(), of_slack(&fault).to_owned()),
        }
    }
    if users.is_empty() {
        return Found::Nobody(
            "the policy lists nobody whose profile could be looked at".to_owned(),
        );
    }
    let mut named = 0;
    for user in &users {
        match client.profile_field(user, field).await {
            Ok(value) => named += usize::from(value.is_some()),
            Err(fault) => return Found::Fault(fault.to_string(), of_slack(&fault).to_owned()),
        }
    }
    if named == 0 {
        let looked = users.len();
        return Found::Nobody(format!(
            "none of the {looked} profiles that I looked at names a manager: is it the field's id?"
        ));
    }
    Found::People(named)
}

/// The user of an entry; none where Slack knows nobody of that address.
async fn user(client: &Client, entry: &Entry) -> Result<Option<String>, SlackFault> {
    match entry {
        Entry::SlackUser(user) => Ok(Some(user.clone())),
        Entry::Email(address) => {
            let user = client.user_by_email(address).await?;
            Ok(user.map(|user| user.id))
        }
    }
}
