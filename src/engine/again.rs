//! What a later policy asks in addition of a request that waits.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::execute::{Outcome, evaluate_within, is_by, overruled};
use super::submit::on_their_clocks;
use super::{Engine, EngineError};
use crate::domain::{
    Ask, Command, Decision, Event, GroupName, Refusal, Request, RequestState, Roster, Terms,
    Verdict, decide, tightened,
};
use crate::policy::Policy;
use crate::store::StoreError;

/// A request asked once more, with what the directory says just now.
#[derive(Clone, Debug)]
pub struct Again {
    /// The hash of the policy that this was read for.
    pub policy: String,
    /// The request as an ask.
    pub ask: Box<Ask>,
    /// Who stands behind the groups that [`Engine::groups_again`] named.
    pub roster: Roster,
}

impl Engine {
    /// The groups of which has to be known who is in them before somebody approves these requests
    /// under the present policy: those of the steps that it makes of them, where it asks more.
    ///
    /// # Errors
    /// When the database could not be asked what was before.
    pub async fn groups_again(
        &self,
        parts: &[Request],
        ask: &Ask,
    ) -> Result<BTreeSet<GroupName>, StoreError> {
        let policy = self.policy();
        let mut tx = self.store.begin().await?;
        let now = self.clock.now(&mut tx).await?;
        let mut groups = BTreeSet::new();
        for part in parts.iter().filter(|part| !is_by(part, &policy)) {
            let Verdict::Terms(fresh) = evaluate_within(&mut tx, &policy, part, ask, now).await?
            else {
                continue;
            };
            let terms = stricter(part, &fresh);
            groups.extend(terms.map(|terms| terms.route.groups()).unwrap_or_default());
        }
        Ok(groups)
    }
}

/// The terms of a request that waits with what the fresh ones ask in addition; none where they ask
/// nothing more, or nobody is asked any more.
pub(super) fn stricter(request: &Request, fresh: &Terms) -> Option<Terms> {
    match &request.state {
        RequestState::Pending { step, .. } => tightened(&request.terms, fresh, *step),
        _ => None,
    }
}

/// Carries the command out under stricter terms. Where nobody could finish what they ask, the request
/// is over.
pub(super) fn under(
    terms: Terms,
    request: &Request,
    command: &Command,
    (policy, again): (&Policy, &Again),
    now: DateTime<Utc>,
) -> Result<Outcome, EngineError> {
    let known = |group: &GroupName| again.roster.groups.contains_key(group);
    // What is asked depends on the time as well: others may be asked by now than just before.
    if !terms.route.groups().iter().all(known) {
        return Err(Refusal::PolicyChanged.into());
    }
    let roster = on_their_clocks(policy, &terms, &again.roster, now);
    let roster = Box::new(renewed(&request.roster, roster));
    let terms = Box::new(terms);
    let first = decide(request.clone(), Command::Tighten { terms, roster }, now)?;
    if let Err(refusal) = first.next.check_rest(now) {
        return Ok(overruled(request, refusal, now)?);
    }
    let second = decide(first.next, command.clone(), now)?;
    let events: Vec<Event> = first.events.into_iter().chain(second.events).collect();
    Ok(Outcome {
        decision: Decision { events, ..second },
        refusal: None,
    })
}

/// The roster with what was read of some groups since. Ages are counted from when it was asked, so
/// there is none for those.
fn renewed(old: &Roster, fresh: Roster) -> Roster {
    let mut roster = old.clone();
    roster
        .ages
        .retain(|group, _| !fresh.groups.contains_key(group));
    roster.groups.extend(fresh.groups);
    roster.quiet.extend(fresh.quiet);
    roster
}
