//! What can be shown from the ledger to somebody who trusts neither this program nor its database.
//!
//! Modules in reading order: [`chain`] (nothing was changed, left out or put in), [`export`] (the
//! ledger as a file that proves the same elsewhere), [`mod@replay`] (the state that follows from it).

pub mod chain;
pub mod export;
pub mod replay;

pub use chain::{Chain, ChainFault, ChainHead, verify};
pub use replay::{Replayed, replay};
