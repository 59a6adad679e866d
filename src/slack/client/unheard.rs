//! Answers of Slack that nobody has written down for us, until the people who run the bot are told.

use std::collections::BTreeSet;
use std::mem;

/// Calls whose unknown answers the worker tells itself, once it has tried them a few times.
const TOLD_OTHERWISE: [&str; 3] = ["chat.postMessage", "chat.update", "views.publish"];
/// Answers that are kept; more than that are the same trouble.
const MOST: usize = 20;

/// What was answered, by method and code, and not told yet.
#[derive(Default)]
pub(super) struct Unheard(BTreeSet<(&'static str, String)>);

impl Unheard {
    pub(super) fn note(&mut self, method: &'static str, code: &str) {
        if self.0.len() < MOST && !TOLD_OTHERWISE.contains(&method) {
            self.0.insert((method, code.to_owned()));
        }
    }

    /// All of it, which is told from here on.
    pub(super) fn take(&mut self) -> BTreeSet<(&'static str, String)> {
        mem::take(&mut self.0)
    }
}
