//! What else there is of the same access: a grant that keeps it although this one ends, and the
//! extension that ended with it and tells so.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::domain::{GrantState, Request, RequestId, RevokeCause};
use crate::slack::view::Kept;
use crate::store::{Store, StoreError};

/// What is known beside the requests of a card.
#[derive(Default)]
pub(super) struct Beside {
    kept: BTreeMap<RequestId, Kept>,
    told_there: BTreeSet<RequestId>,
}

impl Beside {
    /// Reads it for those parts that somebody took away or gave back.
    pub(super) async fn read(
        store: &Store,
        parts: &[Request],
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let mut beside = Self::default();
        for part in parts {
            let Some(cause) = ended_by_somebody(part) else {
                continue;
            };
            let grants = store.live_grants_of(&part.access).await?;
            if let Some(kept) = Kept::among(&grants, now) {
                beside.kept.insert(part.id, kept);
            }
            if part.bundle.is_some() {
                continue;
            }
            let chain = store.chain_of(&[part.id]).await?;
            let chain = store.requests(&chain).await?;
            let extends =
                |other: &Request| (other.extends.as_ref()).is_some_and(|it| it.request == part.id);
            let mut later = chain.iter().filter(|other| extends(other));
            if later.any(|other| ended_by_somebody(other) == Some(cause)) {
                beside.told_there.insert(part.id);
            }
        }
        Ok(beside)
    }

    /// What keeps the access of that request.
    pub(super) fn kept(&self, request: &Request) -> Option<&Kept> {
        self.kept.get(&request.id)
    }

    /// Whether its holder learns from its extension that the access ended: it is one access, and its
    /// end is told once.
    pub(super) fn is_told_there(&self, request: &Request) -> bool {
        self.told_there.contains(&request.id)
    }
}

/// Why somebody ended it before its time, if somebody did.
fn ended_by_somebody(request: &Request) -> Option<&RevokeCause> {
    match &request.grant()?.state {
        GrantState::Revoking { cause, .. }
        | GrantState::Revoked { cause, .. }
        | GrantState::Resolved { cause, .. } => match cause {
            RevokeCause::GivenBack | RevokeCause::Revoked { .. } => Some(cause),
            _ => None,
        },
        _ => None,
    }
}
