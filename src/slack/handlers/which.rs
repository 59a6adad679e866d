//! Which request is meant by `#42`, by a name, or by nothing at all.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::super::grammar::Which;
use super::super::view::Content;
use super::{Handlers, No, words};
use crate::domain::{Access, Grant, GrantState, Member, Refusal, Request, RequestState, by_chain};

/// What was found.
pub(super) enum Found {
    /// This one.
    One(Box<Request>),
    /// Something to say instead.
    Say(Content),
}

impl Handlers {
    /// Finds one of the person's own requests. A number is looked up whosesoever it is: whether the
    /// person may act on it is for the engine to say.
    pub(super) async fn own(
        &self,
        verb: &str,
        by: &Member,
        what: Option<&Which>,
        fits: fn(&Request) -> bool,
    ) -> Result<Found, No> {
        if let Some(Which::Number(number)) = what {
            let request = self.engine.store().request_by_number(*number).await?;
            let request = request.ok_or(Refusal::NoSuchRequest)?;
            return Ok(Found::One(Box::new(request)));
        }
        let live = self.engine.store().live_requests_of(by).await?;
        let live = live.into_iter().filter(|request| request.belongs_to(by));
        let mut found: Vec<Request> = live
            .filter(|request| fits(request) && is_named(request, what))
            .collect();
        found = one_of_each_chain(found);
        Ok(match found.len() {
            0 => Found::Say(words::none_fits(verb)),
            1 => Found::One(Box::new(found.swap_remove(0))),
            _ => match found.iter().position(|one| is_card_of_all(one, &found)) {
                Some(lead) => Found::One(Box::new(found.swap_remove(lead))),
                None => Found::Say(words::several_fit(verb, &found)),
            },
        })
    }

    /// Finds what is to be extended: of several grants of one access the one that ends last, as
    /// after an earlier extension. Only what they hold themselves: whoever asked for somebody else
    /// has no say any more.
    pub(super) async fn latest(&self, by: &Member, what: &Which) -> Result<Found, No> {
        let live = self.engine.store().live_requests_of(by).await?;
        let fits = live
            .into_iter()
            .filter(|request| by.is(request.access.person) && is_active(request))
            .filter(|request| is_named(request, Some(what)));
        let mut latest: BTreeMap<Access, Request> = BTreeMap::new();
        for request in fits {
            let known = latest.get(&request.access);
            if known.is_none_or(|known| end(known) < end(&request)) {
                latest.insert(request.access.clone(), request);
            }
        }
        let mut found: Vec<Request> = latest.into_values().collect();
        Ok(match found.len() {
            0 => Found::Say(words::none_fits("extend")),
            1 => Found::One(Box::new(found.swap_remove(0))),
            _ => Found::Say(words::role_needed(&found)),
        })
    }
}

/// Of grants that prolong each other the first: they are one access, and end together. What waits
/// stands for itself.
fn one_of_each_chain(found: Vec<Request>) -> Vec<Request> {
    let (granted, mut one): (Vec<Request>, Vec<Request>) = found
        .into_iter()
        .partition(|request| request.grant().is_some());
    let first = |chain: Vec<Request>| chain.into_iter().next();
    one.extend(by_chain(granted).into_iter().filter_map(first));
    one.sort_by_key(|request| request.number);
    one
}

/// When the grant ends, if there is one that wants its access.
fn end(request: &Request) -> Option<DateTime<Utc>> {
    request.grant()?.state.wanted_until()
}

/// Whether one is the first part of the bundle that all of them are parts of.
fn is_card_of_all(one: &Request, all: &[Request]) -> bool {
    all.iter().all(|request| request.card() == one.id)
}

/// Whether the request waits for approvers, or for its start.
pub(super) fn waits(request: &Request) -> bool {
    matches!(request.state, RequestState::Pending { .. }) || is_scheduled(request)
}

/// Whether the request is approved and its start lies ahead.
pub(super) fn is_scheduled(request: &Request) -> bool {
    let state = request.grant().map(|grant| &grant.state);
    matches!(state, Some(GrantState::Scheduled { .. }))
}

/// Whether the access is there, on its way, or promised for later.
pub(super) fn is_held(request: &Request) -> bool {
    matches!(
        request.grant(),
        Some(Grant {
            state: GrantState::Active { .. }
                | GrantState::Activating { .. }
                | GrantState::Scheduled { .. },
            ..
        })
    )
}

/// Whether the access is there.
fn is_active(request: &Request) -> bool {
    matches!(
        request.grant(),
        Some(Grant {
            state: GrantState::Active { .. },
            ..
        })
    )
}

fn is_named(request: &Request, what: Option<&Which>) -> bool {
    let (resource, role) = match what {
        Some(Which::Named { resource, role }) => (resource, role),
        Some(Which::Number(number)) => return request.number == *number,
        None => return true,
    };
    let same = |name: &str, typed: &str| name.eq_ignore_ascii_case(typed);
    let access = &request.access;
    same(access.resource.as_str(), resource)
        && role
            .as_deref()
            .is_none_or(|role| same(access.role.as_str(), role))
}
