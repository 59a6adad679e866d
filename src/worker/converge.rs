//! Makes a target hold what the grants of one access want, and reports what it answered.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Worker;
use super::deliver::Done;
use crate::connectors::{ConnectorError, Presence};
use crate::domain::{
    Access, Command, Grant, GrantState, Receipt, Removal, Request, RequestId, Target, Wanted,
    wanted,
};
use crate::engine::{Cause, EngineError};
use crate::store::StoreError;
use crate::store::outbox::Claim;

/// How far the end that a target tells may be from the one that was asked for: some keep seconds.
const ROUNDING: TimeDelta = TimeDelta::seconds(1);
/// Failed removals before people are told, and the time after which they are told in any case.
const LOUD_AFTER: i32 = 3;
const LOUD_AFTER_TIME: TimeDelta = TimeDelta::minutes(5);
/// While a removal keeps failing, the ledger notes every so manieth attempt: one in half an hour.
const NOTE_EVERY: i32 = 30;

/// What one target answered, for the grants that were read.
struct Answer {
    reports: Vec<(RequestId, Command)>,
    /// Set when the target has to be asked again.
    again: Option<String>,
}

impl Worker {
    /// Reads all grants of the access, asks each of their targets for the wanted end, and reports.
    /// Grants whose pinned targets differ (the policy changed between them) are asked for apart.
    pub(super) async fn converge(
        &self,
        claim: &Claim,
        access: &Access,
    ) -> Result<Done, EngineError> {
        let fresh = self.begin_activations(access).await?;
        let requests = self.engine.store().live_grants_of(access).await?;
        let now = self.engine.now().await?;
        let mut by_target: BTreeMap<Target, Vec<Request>> = BTreeMap::new();
        for request in requests {
            by_target
                .entry(request.terms.target.clone())
                .or_default()
                .push(request);
        }
        let (mut reports, mut again) = (Vec::new(), Vec::new());
        let is_wanted = wanted(states(by_target.values().flatten())) != Wanted::Absent;
        // What somebody answers for is gone; the target under which it was given is not touched
        // while the access is wanted again under another one, which may well be the same server.
        by_target.retain(|_, requests| !(is_wanted && requests.iter().all(is_resolved)));
        let mut by_target: Vec<_> = by_target.iter().collect();
        // Two pinned targets may be one and the same place under two names. What is to stay longest is
        // asked for last, so that neither a removal nor a nearer end has the last word there. A target
        // that somebody answered for may be gone for good, so nothing that counts waits for it.
        by_target.sort_by_key(|(_, requests)| {
            (requests.iter().all(is_resolved), wanted_until(requests))
        });
        for (target, requests) in by_target {
            let asked = Asked {
                access,
                target,
                requests,
                fresh: &fresh,
                now,
            };
            let answer = self.ask_target(claim, &asked).await;
            reports.extend(answer.reports);
            again.extend(answer.again);
        }
        self.report(claim, reports, again).await
    }

    /// Names the end of each new grant in the database before its target is called, so that the
    /// time runs from the call whatever becomes of it. Answers the grants that had not been called
    /// for before.
    async fn begin_activations(&self, access: &Access) -> Result<Vec<RequestId>, EngineError> {
        let mut fresh = Vec::new();
        for request in self.engine.store().live_grants_of(access).await? {
            let waits = matches!(
                request.grant(),
                Some(Grant {
                    state: GrantState::Activating { until: None, .. },
                    ..
                })
            );
            if !waits {
                continue;
            }
            match self
                .engine
                .execute(request.id, Command::BeginActivation, Cause::worker())
                .await
            {
                Ok(_) => fresh.push(request.id),
                // Taken back in the meantime.
                Err(EngineError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(fresh)
    }

    async fn ask_target(&self, claim: &Claim, asked: &Asked<'_>) -> Answer {
        match wanted(states(asked.requests)) {
            Wanted::Present { until } => match self.ensure(asked, until).await {
                Ok(receipt) => asked.held(&receipt, until),
                Err(error) => asked.not_given(&error, self.pace.give_up),
            },
            Wanted::Absent if asked.going().next().is_none() => Answer {
                reports: Vec::new(),
                again: None,
            },
            Wanted::Absent => match self.remove(asked).await {
                Ok(removal) => asked.removed(removal),
                Err(error) => asked.not_removed(&error, claim),
            },
        }
    }

    /// Asks for the access and looks whether it is there: a target that says "done" and did nothing
    /// has not given it.
    async fn ensure(
        &self,
        asked: &Asked<'_>,
        until: DateTime<Utc>,
    ) -> Result<Receipt, ConnectorError> {
        let connector = self.connectors.for_target(asked.target)?;
        let call = async {
            let receipt = connector.ensure(asked.access, asked.target, until).await?;
            match connector.verify(asked.access, asked.target).await? {
                Presence::Present { until: Some(end) } if ROUNDING < (end - until).abs() => {
                    Err(ConnectorError::Unknown(anyhow::anyhow!(
                        "the target said that it holds the access until {until}, but holds it until {end}"
                    )))
                }
                Presence::Present { .. } => Ok(receipt),
                Presence::Absent => Err(ConnectorError::Unknown(anyhow::anyhow!(
                    "the target said that it gave the access, but it is not there"
                ))),
            }
        };
        within(self.pace.call, call).await
    }

    /// Takes the access away and looks whether it is gone: here too a target that says "done" and
    /// did nothing is not believed.
    async fn remove(&self, asked: &Asked<'_>) -> Result<Removal, ConnectorError> {
        let connector = self.connectors.for_target(asked.target)?;
        let call = async {
            let removal = connector.remove(asked.access, asked.target).await?;
            match connector.verify(asked.access, asked.target).await? {
                Presence::Absent => Ok(removal),
                Presence::Present { .. } => Err(ConnectorError::Unknown(anyhow::anyhow!(
                    "the target said that it took the access away, but it is still there"
                ))),
            }
        };
        within(self.pace.call, call).await
    }

    /// Everything answered: one transaction. Something to be asked again: what is known is
    /// reported, and the effect stays.
    async fn report(
        &self,
        claim: &Claim,
        reports: Vec<(RequestId, Command)>,
        again: Vec<String>,
    ) -> Result<Done, EngineError> {
        if again.is_empty() {
            self.engine.report(claim, &reports).await?;
            return Ok(Done::Settled);
        }
        for (id, command) in reports {
            match self.engine.execute(id, command, Cause::worker()).await {
                Ok(_) | Err(EngineError::Refused(_)) => {}
                Err(EngineError::Store(error)) => return Err(StoreError::into(error)),
            }
        }
        Ok(Done::Again(again.join("; "), None))
    }
}

/// Until when these grants want the access; none where they want it gone.
fn wanted_until(requests: &[Request]) -> Option<DateTime<Utc>> {
    let grants = requests.iter().filter_map(Request::grant);
    match wanted(grants.map(|grant| &grant.state)) {
        Wanted::Present { until } => Some(until),
        Wanted::Absent => None,
    }
}

/// A call that takes longer than that may have worked.
async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, ConnectorError>>,
) -> Result<T, ConnectorError> {
    tokio::time::timeout(limit, call).await.unwrap_or_else(|_| {
        Err(ConnectorError::Unknown(anyhow::anyhow!(
            "no answer within {} s",
            limit.as_secs()
        )))
    })
}

/// What one target is asked about.
struct Asked<'a> {
    access: &'a Access,
    target: &'a Target,
    requests: &'a [Request],
    /// Grants whose first call this is.
    fresh: &'a [RequestId],
    now: DateTime<Utc>,
}

impl Asked<'_> {
    fn activating(&self) -> impl Iterator<Item = (RequestId, DateTime<Utc>)> {
        self.requests
            .iter()
            .filter_map(|request| match &request.grant()?.state {
                GrantState::Activating {
                    since,
                    until: Some(_),
                } => Some((request.id, *since)),
                _ => None,
            })
    }

    fn revoking(&self) -> impl Iterator<Item = (RequestId, DateTime<Utc>, bool)> {
        self.requests
            .iter()
            .filter_map(|request| match &request.grant()?.state {
                GrantState::Revoking { since, failing, .. } => {
                    Some((request.id, *since, failing.is_some()))
                }
                _ => None,
            })
    }

    /// Whatever the target should hold no more, be it that somebody answers for it already.
    fn going(&self) -> impl Iterator<Item = RequestId> {
        let resolved = self.requests.iter().filter(|request| is_resolved(request));
        let revoking = self.revoking().map(|(id, ..)| id);
        revoking.chain(resolved.map(|request| request.id))
    }

    /// The target holds the access: new grants are active; grants that ended are done with, since
    /// another one keeps the access.
    fn held(&self, receipt: &Receipt, until: DateTime<Utc>) -> Answer {
        let activated = self.activating().map(|(id, _)| {
            (
                id,
                Command::ReportActivated {
                    receipt: receipt.clone(),
                },
            )
        });
        let covered = self.revoking().map(|(id, ..)| {
            (
                id,
                Command::ReportRemoved {
                    removal: None,
                    covered_until: Some(until),
                },
            )
        });
        Answer {
            reports: activated.chain(covered).collect(),
            again: None,
        }
    }

    /// The target did not confirm. A clean refusal ends it; otherwise it is asked again, until it
    /// has been unknown for too long and is removed to be sure.
    fn not_given(&self, error: &ConnectorError, give_up: TimeDelta) -> Answer {
        let text = error.to_string();
        let (mut reports, mut again) = (Vec::new(), None);
        for (id, since) in self.activating() {
            let first = self.fresh.contains(&id);
            let tired = self.now - since >= give_up;
            let report = match error {
                ConnectorError::Rejected(_) => Some(Command::ReportRejected {
                    error: text.clone(),
                    first,
                }),
                // Never reached by any call of this grant: nothing can have been given.
                ConnectorError::Unreached(_) if first && tired => Some(Command::ReportRejected {
                    error: text.clone(),
                    first,
                }),
                ConnectorError::Unreached(_) | ConnectorError::Unknown(_) if tired => {
                    Some(Command::GiveUpActivating {
                        error: text.clone(),
                    })
                }
                ConnectorError::Unreached(_) if first => {
                    again = Some(text.clone());
                    Some(Command::ReportUnreached {
                        error: text.clone(),
                    })
                }
                ConnectorError::Unreached(_) | ConnectorError::Unknown(_) => {
                    again = Some(text.clone());
                    None
                }
            };
            reports.extend(report.map(|command| (id, command)));
        }
        // A grant that ended while another one should keep the access: still to be put right.
        if self.revoking().next().is_some() {
            again = Some(text);
        }
        Answer { reports, again }
    }

    fn removed(&self, removal: Removal) -> Answer {
        let gone = Command::ReportRemoved {
            removal: Some(removal),
            covered_until: None,
        };
        let reports = self.going().map(|id| (id, gone.clone())).collect();
        Answer {
            reports,
            again: None,
        }
    }

    /// A removal is never given up. After a few failures, or minutes, people are told.
    fn not_removed(&self, error: &ConnectorError, claim: &Claim) -> Answer {
        let attempts = u32::try_from(claim.attempt).unwrap_or(u32::MAX);
        let loud = self.revoking().filter(|(_, since, failing)| {
            let due = LOUD_AFTER <= claim.attempt || LOUD_AFTER_TIME <= self.now - *since;
            if *failing {
                claim.attempt % NOTE_EVERY == 0
            } else {
                due
            }
        });
        let reports: Vec<_> = loud
            .map(|(id, ..)| {
                (
                    id,
                    Command::ReportRemovalFailing {
                        attempts,
                        error: error.to_string(),
                    },
                )
            })
            .collect();
        if !reports.is_empty() {
            tracing::error!(connector = %self.target.connector, attempts, %error, "a removal keeps failing");
        }
        // Where somebody answers for all of it, it is looked at again by and by.
        let still = self.revoking().next().map(|_| error.to_string());
        Answer {
            reports,
            again: still,
        }
    }
}

fn states<'a>(
    requests: impl IntoIterator<Item = &'a Request>,
) -> impl Iterator<Item = &'a GrantState> {
    let grants = requests.into_iter().filter_map(Request::grant);
    grants.map(|grant| &grant.state)
}

fn is_resolved(request: &Request) -> bool {
    let state = request.grant().map(|grant| &grant.state);
    matches!(state, Some(GrantState::Resolved { .. }))
}
