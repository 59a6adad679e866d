//! Gathering what is wrong, so that all of it is told at once.

use std::cell::{Cell, RefCell};

use super::effort::Effort;
use super::fault::{Fault, Faults, Finding, Place, Source, complete};
use super::patterns::Patterns;
use super::shown::{Hidden, Masked};

/// How many faults are told; nobody mends more at once.
const MOST_TOLD: usize = 1_000;
/// How much of a text of theirs is kept, in bytes: far more than is shown, since secrets are masked in it
/// later.
const LONGEST_KEPT: usize = 20_000;

/// Where findings are gathered while a policy is read and checked, and what all reading shares.
#[derive(Default)]
pub(super) struct Log {
    findings: RefCell<Vec<Finding>>,
    /// Faults that are not told, since there are so many already.
    untold: Cell<usize>,
    warnings: RefCell<Vec<Finding>>,
    masked: RefCell<Masked>,
    holds: Cell<Option<&'static str>>,
    /// For hints that compare a name with many others.
    pub(super) guesses: Effort,
    /// The regular expressions that were read so far.
    pub(super) patterns: Patterns,
}

impl Log {
    /// Notes a fault.
    pub(super) fn push(&self, finding: Finding) {
        let mut findings = self.findings.borrow_mut();
        if findings.len() < MOST_TOLD {
            findings.push(self.named(finding));
        } else {
            self.untold.set(self.untold.get() + 1);
        }
    }

    /// Notes what is probably not meant, though nothing forbids it.
    pub(super) fn warn(&self, finding: Finding) {
        let mut warnings = self.warnings.borrow_mut();
        if warnings.len() < MOST_TOLD {
            warnings.push(self.named(finding));
        }
    }

    /// Says what does not hold where something is noted from now on.
    pub(super) fn against(&self, holds: &'static str) {
        self.holds.set(Some(holds));
    }

    fn named(&self, finding: Finding) -> Finding {
        finding.or_against(self.holds.get()).shortened(LONGEST_KEPT)
    }

    /// Never shows what is written there, and none of its words anywhere.
    pub(super) fn mask(&self, at: Place, secret: Option<&str>) {
        self.masked.borrow_mut().add(at, secret);
    }

    /// How many faults there are so far.
    pub(super) fn len(&self) -> usize {
        self.findings.borrow().len() + self.untold.get()
    }

    /// The faults with their sources, or the warnings if there are none.
    pub(super) fn into_result(self, sources: &[Source]) -> Result<Vec<Fault>, Faults> {
        let masked = self.masked.into_inner().ready();
        let mut faults = complete(self.findings.into_inner(), sources, &masked);
        faults.extend(untold(self.untold.get()));
        let warnings = complete(self.warnings.into_inner(), sources, &masked);
        if faults.is_empty() {
            return Ok(warnings);
        }
        Err(Faults::of(faults, warnings))
    }
}

/// What is said of faults that are too many to be told.
fn untold(many: usize) -> Option<Fault> {
    let message = format!("there are {many} more faults, which are not told");
    let finding = Finding::nowhere(message).hint("mend these first, and check again");
    (many > 0).then(|| Fault::new(finding, &[], &Hidden::default()))
}
