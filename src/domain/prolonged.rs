//! Grants that prolong each other: to people they are one access.

use std::collections::BTreeMap;

use super::{Request, RequestId};

/// Those that prolong each other together, the oldest first; each of the others by itself. Two that
/// prolong the same belong together also where that is not among them any more.
pub fn by_chain(mut requests: Vec<Request>) -> Vec<Vec<Request>> {
    requests.sort_by_key(|request| request.number);
    let mut places: BTreeMap<RequestId, usize> = BTreeMap::new();
    let mut chains: Vec<Vec<Request>> = Vec::new();
    for request in requests {
        let older = request.extends.as_ref().map(|extends| extends.request);
        let known = older.and_then(|older| places.get(&older)).copied();
        let place = known.unwrap_or(chains.len());
        places.insert(request.id, place);
        if let Some(older) = older {
            places.insert(older, place);
        }
        match chains.get_mut(place) {
            Some(chain) => chain.push(request),
            None => chains.push(vec![request]),
        }
    }
    chains
}
