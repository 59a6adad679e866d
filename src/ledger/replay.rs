//! The state that follows from what happened. It has to be the state tables exactly; a property
//! test holds the two against each other.

use std::collections::BTreeMap;

use crate::domain::{Request, RequestId};
use crate::store::ledger::Entry;

/// Every request, as the ledger tells it.
pub type Replayed = BTreeMap<RequestId, Request>;

/// Applies every event to the request that it is about, in order. Entries that are about no request
/// change nothing.
pub fn replay(entries: impl IntoIterator<Item = Entry>) -> Replayed {
    let mut requests = Replayed::new();
    for entry in entries {
        let Some(id) = entry.request else { continue };
        let before = requests.remove(&id);
        let after = entry.what.apply(before, entry.moment());
        requests.extend(after.map(|request| (id, request)));
    }
    requests
}
