//! What keeps an access although one of its grants ends: another grant of the same access, which
//! nobody prolonged it by.

use chrono::{DateTime, Utc};

use crate::domain::{GrantState, Request};

/// The grant that keeps an access the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The number of its request.
    pub number: i64,
    /// Its end; none where it is on its way in.
    pub until: Option<DateTime<Utc>>,
}

impl Kept {
    /// What keeps the access among the grants of it, if any does.
    pub fn among<'a>(
        grants: impl IntoIterator<Item = &'a Request>,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        let kept = grants.into_iter().filter_map(|request| {
            let until = match &request.grant()?.state {
                GrantState::Activating { until, .. } => *until,
                GrantState::Active { until, .. } => Some(*until),
                _ => return None,
            };
            let number = request.number;
            Some(Self { number, until }).filter(|_| until.is_none_or(|until| now < until))
        });
        // What is on its way in has the end that lies furthest ahead, as far as is known.
        kept.max_by_key(|kept| (kept.until.is_none(), kept.until))
    }
}
