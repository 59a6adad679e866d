//! What a target should hold for one access, out of all the grants that cover it.

use chrono::{DateTime, Utc};

use super::GrantState;

/// What a target should hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The access, until then.
    Present {
        /// The latest end of any grant that wants it.
        until: DateTime<Utc>,
    },
    /// Nothing.
    Absent,
}

/// Decides what the target should hold for one access: it is present as long as any grant wants
/// it, until the latest of their ends. So overlapping grants never shorten each other.
///
/// A grant whose activation has not begun wants nothing yet; one that is being taken away, or is
/// over, wants nothing any more.
pub fn wanted<'a>(grants: impl IntoIterator<Item = &'a GrantState>) -> Wanted {
    let latest = grants
        .into_iter()
        .filter_map(GrantState::wanted_until)
        .max();
    latest.map_or(Wanted::Absent, |until| Wanted::Present { until })
}
