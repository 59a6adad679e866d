//! What ends an access ends all of it. An extension is a grant of its own on the same access, so taking
//! away or giving back one of them is meant for every grant that it hangs together with; and what was
//! still to prolong it has nothing left to prolong.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::EngineError;
use super::execute::Outcome;
use crate::domain::{Command, Decision, Event, Refusal, RequestId, RequestState, decide};
use crate::store::Tx;
use crate::store::requests::Locked;

/// Locks the requests that the command names and, where it ends an access, those that they hang
/// together with, which are answered apart. All are locked in the order of ids. An extension that was
/// asked for meanwhile is newer than those, and none comes any more once what it would prolong is
/// locked, since asking locks it as well.
pub(super) async fn lock(
    tx: &mut Tx,
    named: &[RequestId],
    command: &Command,
) -> Result<(Vec<Locked>, Vec<Locked>), EngineError> {
    let (mut these, mut linked) = (Vec::new(), Vec::new());
    let mut known: BTreeSet<RequestId> = BTreeSet::new();
    let mut ids = if ends_access(command) {
        tx.chain_of(named).await?
    } else {
        named.to_vec()
    };
    while !ids.is_empty() {
        for id in ids {
            let locked = tx.lock_request(id).await?.ok_or(Refusal::NoSuchRequest)?;
            known.insert(id);
            if named.contains(&id) {
                these.push(locked);
            } else {
                linked.push(locked);
            }
        }
        ids = if ends_access(command) {
            tx.chain_of(named).await?
        } else {
            Vec::new()
        };
        ids.retain(|id| !known.contains(id));
    }
    if these.len() < named.len() {
        return Err(Refusal::NoSuchRequest.into());
    }
    Ok((these, linked))
}

/// What follows for the others once a removal has begun: each is decided on by itself, so whoever may
/// not end one of them leaves that one as it is. A request that waits to prolong what ends is over.
pub(super) fn follow(
    linked: Vec<Locked>,
    command: &Command,
    done: &[(Locked, Outcome)],
    now: DateTime<Utc>,
) -> Vec<(Locked, Outcome)> {
    let begun = |outcome: &Outcome| {
        let mut events = outcome.decision.events.iter();
        events.any(|event| matches!(event, Event::RevocationBegun { .. }))
    };
    if !done.iter().any(|(_, outcome)| begun(outcome)) {
        return Vec::new();
    }
    let mut ended: BTreeSet<RequestId> = done.iter().map(|(locked, _)| locked.request.id).collect();
    let mut more = Vec::new();
    let (waiting, granted): (Vec<Locked>, Vec<Locked>) = linked
        .into_iter()
        .partition(|locked| matches!(locked.request.state, RequestState::Pending { .. }));
    for locked in granted {
        if let Ok(decision) = decide(locked.request.clone(), command.clone(), now) {
            ended.insert(locked.request.id);
            more.push((locked, plain(decision)));
        }
    }
    for locked in waiting {
        let extends = locked.request.extends.as_ref();
        if !extends.is_some_and(|extends| ended.contains(&extends.request)) {
            continue;
        }
        let refusal = Refusal::NothingToExtend;
        if let Ok(decision) = decide(locked.request.clone(), Command::Overrule { refusal }, now) {
            more.push((locked, plain(decision)));
        }
    }
    more
}

/// Whether the command is meant to end an access.
fn ends_access(command: &Command) -> bool {
    matches!(command, Command::GiveBack { .. } | Command::Revoke { .. })
}

fn plain(decision: Decision) -> Outcome {
    Outcome {
        decision,
        refusal: None,
    }
}
