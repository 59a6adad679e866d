//! How much a policy may hold, and how much work reading and checking it may make: a file that
//! somebody proposes shall cost neither memory nor time.

use std::cell::Cell;

/// The most text of all files together, in bytes.
pub(super) const MOST_BYTES: usize = 8 << 20;
/// The most values in all files together: texts, numbers, lists and mappings.
pub(super) const MOST_VALUES: usize = 500_000;
/// The most rules.
pub(super) const MOST_RULES: usize = 10_000;
/// The most resources.
pub(super) const MOST_RESOURCES: usize = 10_000;
/// The most pairs of a rule and a role of a resource that it is about.
pub(super) const MOST_TARGETS: usize = 2_000_000;
/// The most steps of one rule.
pub(super) const MOST_STEPS: usize = 20;
/// The most digests.
pub(super) const MOST_DIGESTS: usize = 100;
/// The most text of conditions that differ, in bytes.
pub(super) const MOST_CONDITIONS: usize = 1 << 20;

/// Work that may be done. The units are small steps, such as comparing two names.
#[derive(Clone, Debug)]
pub(super) struct Effort(Cell<u64>);

impl Effort {
    /// For names that look like one that is not there: a good hundred unknown names where some
    /// thousand are known.
    pub(super) const GUESSES: u64 = 200_000;
    /// For finding the resources that rules are about.
    pub(super) const MATCHING: u64 = 20_000_000;
    /// For finding out who can finish steps.
    pub(super) const STEPS: u64 = 20_000_000;
    /// For finding rules behind others.
    pub(super) const REACHING: u64 = 100_000_000;

    /// For trying whether conditions can hold: most do at the first try, in a few dozen steps.
    pub(super) const TRYING: u64 = 5_000_000;
    /// For trying that of one condition.
    pub(super) const TRYING_ONE: u64 = 500_000;

    /// So much work may be done.
    pub(super) const fn new(most: u64) -> Self {
        Self(Cell::new(most))
    }

    /// Asks for some more work; `false`, from then on always, where it would be too much.
    pub(super) fn spend(&self, units: usize) -> bool {
        let units = u64::try_from(units).unwrap_or(u64::MAX);
        let left = self.0.get().checked_sub(units);
        self.0.set(left.unwrap_or(0));
        left.is_some() && left != Some(0)
    }

    /// Whether all of it is done.
    pub(super) fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}

/// Effort for guessing names.
impl Default for Effort {
    fn default() -> Self {
        Self::new(Self::GUESSES)
    }
}
