//! The forms: opened by shortcuts and by buttons (`open`) and by what is typed (`typed`), worked out
//! (`form`, `choices`, `extend`), completed while people type (`suggest`), and sent off (`send`).
//!
//! A trigger lives three seconds, so a form that is not ready at once is opened as “one moment” and
//! filled in then. What comes back from a form is names and words; who may what is read afresh.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

use super::super::grammar::Wish;
use super::super::payload::View;
use super::super::view::ask::{self, Carried};
use super::super::view::ids;
use super::super::view::text::ask as text;
use crate::domain::{Request, Span, duration::SpanFault};
use crate::policy::Policy;

mod choices;
mod extend;
mod form;
mod open;
mod send;
mod suggest;
mod typed;

pub(in crate::slack) use send::{is_form, kept, not_recorded, working};

/// Views of which the last change is remembered.
const REMEMBERED: usize = 256;

/// What was entered in a form, or is to stand in it at first.
#[derive(Clone, Debug, Default)]
struct Entered {
    /// The resource or the bundle, by its name.
    what: Option<String>,
    role: Option<String>,
    /// Whether something else is asked for than that the role was chosen of.
    switched: bool,
    time: Option<Time>,
    start: Option<DateTime<Utc>>,
    reason: String,
    ticket: String,
    /// A Slack user; none for oneself.
    holder: Option<String>,
    break_glass: bool,
}

/// For how long.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Time {
    Of(Span),
    /// In their own words.
    Said(String),
}

impl Entered {
    /// What stands in a form that came back.
    fn read(view: &View, policy: &Policy) -> Self {
        let words = |action| view.entered(action).unwrap_or_default().trim().to_owned();
        let what = view.entered(ids::WHAT).map(|value| named(policy, value));
        let role = view.entered(ids::ROLE);
        let role = role.map(|value| role_named(policy, what.as_deref(), value));
        let time = view.entered(ids::SPAN).and_then(|value| match value {
            ids::OTHER_TIME => Some(Time::Said(words(ids::OTHER))),
            seconds => Span::from_seconds(seconds.parse().ok()?).ok().map(Time::Of),
        });
        let start = view.entered(ids::START).and_then(|at| at.parse().ok());
        Self {
            what,
            role,
            switched: false,
            time,
            start: start.and_then(|at| DateTime::from_timestamp(at, 0)),
            reason: words(ids::REASON),
            ticket: words(ids::TICKET),
            holder: view.entered(ids::HOLDER).map(str::to_owned),
            break_glass: view.entered(ids::EMERGENCY).is_some(),
        }
    }

    /// What stands in a form that was sent off, with the role that needed no choice, or was typed
    /// before there was anything to choose.
    fn sent(view: &View, policy: &Policy) -> (Self, Carried) {
        let (mut entered, carried) = Self::changed(view, policy, false);
        let what = entered.what.as_deref();
        let only = carried.only_role.as_deref();
        let only = only.map(|value| role_named(policy, what, value));
        entered.role = entered.role.or(only);
        (entered, carried)
    }

    /// What stands in a form in which something was changed: something else to ask for, or anything.
    fn changed(view: &View, policy: &Policy, switched: bool) -> (Self, Carried) {
        let mut entered = Self::read(view, policy);
        let carried = Carried::read(&view.private_metadata);
        entered.switched = switched && entered.role.is_some();
        entered.role = entered.role.or_else(|| carried.typed_role.clone());
        (entered, carried)
    }

    /// What an earlier request was like. Its start is over, and an emergency is a new one.
    fn of(request: &Request, holder: Option<String>) -> (Self, Carried) {
        let (reason, link) = text::split_link(&request.reason);
        let bundle = request.bundle.as_ref().map(|part| part.name.clone());
        let role = request.access.role.to_string();
        let entered = Self {
            role: bundle.is_none().then_some(role),
            what: bundle.or_else(|| Some(request.access.resource.to_string())),
            time: Some(Time::Of(request.duration)),
            reason: reason.to_owned(),
            ticket: request.terms.ticket.clone().unwrap_or_default(),
            holder,
            ..Self::default()
        };
        let link = link.map(str::to_owned);
        (
            entered,
            Carried {
                link,
                ..Carried::default()
            },
        )
    }

    /// The length of time that was chosen, if it can be read.
    fn span(&self) -> Result<Option<Span>, SpanFault> {
        match &self.time {
            None => Ok(None),
            Some(Time::Of(span)) => Ok(Some(*span)),
            Some(Time::Said(words)) if words.is_empty() => Ok(None),
            Some(Time::Said(words)) => Span::parse(words).map(Some),
        }
    }

    /// The reason as it is asked with: with the ticket, and with the link of the message.
    fn said(&self, link: Option<&str>) -> String {
        let Self { reason, ticket, .. } = self;
        let words = if reason.contains(ticket.as_str()) {
            reason.clone()
        } else {
            format!("{ticket} {reason}").trim().to_owned()
        };
        text::with_link(&words, link)
    }

    /// The same as it would be typed. Its start is a moment, which cannot be typed.
    fn wish(&self, what: &str, link: Option<&str>) -> Wish {
        Wish {
            resource: what.to_owned(),
            role: self.role.clone(),
            duration: self.span().unwrap_or_default(),
            holder: self.holder.clone(),
            break_glass: self.break_glass,
            reason: self.said(link),
            ..Wish::default()
        }
    }
}

/// The resource or the bundle that a choice stands for. What the policy does not know any more keeps
/// its name, and is refused by it.
fn named(policy: &Policy, value: &str) -> String {
    let is = |name: &str, bundle| ask::value_of(name, bundle) == value;
    let bundle = policy.bundles().find(|bundle| is(&bundle.name, true));
    let mut resources = policy.resources();
    let mut resource = || resources.find(|resource| is(resource.name.as_str(), false));
    match bundle {
        Some(bundle) => bundle.name.clone(),
        None => resource().map_or_else(
            || {
                value
                    .split_once(':')
                    .map_or(value, |(_, name)| name)
                    .to_owned()
            },
            |resource| resource.name.to_string(),
        ),
    }
}

/// The role that a choice stands for.
fn role_named(policy: &Policy, what: Option<&str>, value: &str) -> String {
    let mut resources = policy.resources();
    let resource = resources.find(|resource| Some(resource.name.as_str()) == what);
    let roles = resource.map(|resource| resource.roles).unwrap_or_default();
    let role = roles
        .iter()
        .find(|role| ask::role_value(role.as_str()) == value);
    role.map_or_else(|| value.to_owned(), ToString::to_string)
}

/// The last change of each view, so that an answer to an earlier one does not come over it.
#[derive(Debug, Default)]
pub(super) struct Latest(Mutex<VecDeque<(String, String)>>);

impl Latest {
    /// Remembers a change at that time, as Slack writes it; whether it is the latest.
    fn note(&self, view: &str, at: &str) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, last)) = known.iter_mut().find(|(id, _)| id == view) {
            if (at.len(), at) < (last.len(), last.as_str()) {
                return false;
            }
            at.clone_into(last);
            return true;
        }
        known.push_back((view.to_owned(), at.to_owned()));
        if REMEMBERED < known.len() {
            known.pop_front();
        }
        true
    }

    fn is(&self, view: &str, at: &str) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().all(|(id, last)| id != view || last == at)
    }
}
