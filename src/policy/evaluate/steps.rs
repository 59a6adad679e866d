//! Which steps of a rule are asked, and of whom.

use chrono::TimeDelta;

use super::Case;
use super::fit::Failed;
use crate::domain::{Escalate, GroupName, Quiet, Step};
use crate::policy::rule::{Rule, RuleStep};

/// Whether a step is asked.
pub(super) enum StepFit {
    /// It always is.
    Always,
    /// Its condition holds.
    Holds,
    /// Its condition does not hold: it is left out.
    LeftOut,
    /// Its condition could not be worked out, and why: it is asked to be sure.
    Failed(Failed),
}

impl StepFit {
    /// Whether it is asked.
    pub(super) fn is_asked(&self) -> bool {
        !matches!(self, Self::LeftOut)
    }

    /// The groups that could not be read and without which it might be left out.
    pub(super) fn unread(&self) -> &[GroupName] {
        match self {
            Self::Failed(failed) => &failed.unread,
            Self::Always | Self::Holds | Self::LeftOut => &[],
        }
    }
}

impl Case<'_> {
    /// The steps of a rule as they would be asked now.
    pub(super) fn steps(&self, rule: &Rule) -> Vec<(Step, StepFit)> {
        let fit = |step: &RuleStep| match &step.when {
            None => StepFit::Always,
            Some(condition) => match self.holds(rule, condition, &self.holder) {
                Ok(true) => StepFit::Holds,
                Ok(false) => StepFit::LeftOut,
                Err(failed) => StepFit::Failed(failed),
            },
        };
        rule.steps
            .iter()
            .map(|step| (self.step(step), fit(step)))
            .collect()
    }

    fn step(&self, written: &RuleStep) -> Step {
        let step = &written.step;
        let escalate = step.escalate.as_ref().map(|escalate| Escalate {
            after: escalate.after,
            to: self.people(&escalate.to),
        });
        Step {
            from: self.people(&step.from),
            quorum: step.quorum,
            ping: self.people(&step.ping),
            nudge: step.nudge,
            escalate,
            quiet: self.quiet(written),
        }
    }

    /// The quiet times in the life of the request, and who stands in then. By day too it is known who
    /// would, so that the same rule asked again at another hour is the same rule.
    fn quiet(&self, written: &RuleStep) -> Option<Quiet> {
        let (hours, fallback) = written.quiet.as_ref()?;
        let now = self.circumstances.now;
        let until = now + TimeDelta::from(self.policy.request_ttl);
        let windows = hours.windows(self.policy.zone, now, until);
        Some(Quiet {
            windows,
            fallback: self.people(fallback),
        })
    }
}
