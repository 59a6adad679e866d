//! What is wrong with a policy as a whole.
use super::fault::{Log, Source};
use super::parse::Parsed;

pub(super) fn check(_parsed: &Parsed, _sources: &[Source], _log: &Log) -> Vec<String> {
    Vec::new()
}
