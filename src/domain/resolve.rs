//! Removals that keep failing, in the hands of the people who run the bot: tried at once, or taken as
//! done on their word. Their word ends the work; it is never told as the target's.

use chrono::{DateTime, Utc};

use super::{Event, GrantState, GroupName, Member, Refusal, Request};

/// Tries at once. The state stays as it is: the target alone says that the access is gone.
pub(super) fn retry(
    request: &Request,
    by: &Member,
    admins: &[GroupName],
) -> Result<Vec<Event>, Refusal> {
    may(by, admins)?;
    is_stuck(request)?;
    Ok(vec![Event::RemovalRetried { by: by.person }])
}

/// Takes the access as gone, on somebody's word for which they stand with their name. Nobody does so
/// for what is their own, under whatever alias.
pub(super) fn resolve(
    request: &Request,
    by: &Member,
    why: &str,
    admins: &[GroupName],
) -> Result<Vec<Event>, Refusal> {
    may(by, admins)?;
    if request.belongs_to(by) {
        return Err(Refusal::OwnRemoval);
    }
    is_stuck(request)?;
    let (by, why) = (by.person, why.to_owned());
    Ok(vec![Event::RemovalResolved { by, why }])
}

/// From when the access should have been gone that the target says is gone now. What somebody only
/// answered for is verified by that; a grant that keeps the same access verifies nothing.
pub(super) fn since(
    request: &Request,
    covered_until: Option<DateTime<Utc>>,
) -> Result<DateTime<Utc>, Refusal> {
    match request.grant().map(|grant| &grant.state) {
        Some(GrantState::Revoking { since, .. }) => Ok(*since),
        Some(GrantState::Resolved { since, .. }) if covered_until.is_none() => Ok(*since),
        _ => Err(Refusal::NotDue),
    }
}

fn may(by: &Member, admins: &[GroupName]) -> Result<(), Refusal> {
    if admins.iter().any(|group| by.groups.contains(group)) {
        return Ok(());
    }
    let needed = admins.to_vec();
    Err(Refusal::NotAnAdmin { needed })
}

fn is_stuck(request: &Request) -> Result<(), Refusal> {
    match request.grant().map(|grant| &grant.state) {
        Some(GrantState::Revoking {
            failing: Some(_), ..
        }) => Ok(()),
        _ => Err(Refusal::NotStuck),
    }
}
