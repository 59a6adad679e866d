//! The rules of the house as plain values: no async, no I/O, no clock, no randomness.
//!
//! Modules in reading order: who and what ([`person`], [`standing`], [`access`],
//! [`target`], [`duration`]), what is
//! asked and what policy answers ([`ask`], [`terms`]), the two state machines ([`request`],
//! [`grant`]), what may be asked of them ([`command`]), what may happen ([`event`]), the one
//! function that decides ([`decide()`]), what a target should hold ([`wanted()`]), what a reader
//! is told by schedule ([`digest`]), and what somebody who looks back looks for ([`history`]).

pub mod access;
pub mod ask;
pub mod command;
pub mod decide;
pub mod digest;
pub mod duration;
pub mod event;
mod finish;
pub mod grant;
pub mod history;
pub mod person;
#[cfg(test)]
mod properties;
pub mod refusal;
pub mod request;
mod resolve;
pub mod seats;
pub mod standing;
pub mod target;
pub mod terms;
mod version;
pub mod wanted;

pub use access::{Access, ConnectorName, GroupName, ResourceName, RoleName, RuleName};
pub use ask::{Ask, Asker, Chain, Circumstances, Past, Roster, Stretch, Verdict};
pub use command::{Actor, Command, Origin};
pub use decide::{Decision, Effect, admit, decide};
pub use duration::Span;
pub use event::{Event, Shortened};
pub use grant::{Grant, GrantState, RevokeCause};
pub use history::{Fate, Search};
pub use person::{Identity, Member, Person, PersonId};
pub use refusal::{Outcome, Refusal};
pub use request::{
    AfterReview, Approval, BundlePart, Chase, Extends, Request, RequestId, RequestState, Reviewed,
};
pub use standing::{MANAGER, OWNER, Standing};
pub use target::{
    ConnectorSpec, PostgresMode, PostgresSpec, Receipt, Removal, SecretRef, Target, WebhookSpec,
};
pub use terms::{
    BreakGlass, Escalate, Inform, Quiet, Quorum, ResourceCard, Route, Step, Terms, tightened,
};
pub use version::version;
pub use wanted::{Wanted, wanted};
