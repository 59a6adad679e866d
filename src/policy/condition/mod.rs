//! The conditions of rules and steps (`when`), in CEL.
//!
//! The way of a condition: text → `parse` (bounds, and where each part is written) → `check` with
//! `operators`, `functions`, `constants` and `names` (kinds, words and cost of every part, also of
//! those that seldom run; what is known beforehand of each value is a `shape`) → `lower` (names
//! become slots, durations and patterns are worked out) → [`Condition`]. The way of an ask: a
//! [`View`] is looked at through `values`, which makes only what is read.
//!
//! A condition is bounded: at most 4 KiB of text, two loops in each other, values of 64 KiB, and so
//! many small steps that the worst one ends far within a second. It sees no clock and no network,
//! and it never panics: should the library do so, that is an error like others.

mod boundaries;
mod check;
mod constants;
mod functions;
mod loops;
mod lower;
mod names;
mod operators;
mod parse;
mod shape;
mod values;
mod variables;
mod view;

use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cel::common::ast::IdedExpr;
use cel::{Context, ExecutionError, Value};

pub(super) use boundaries::Boundaries;
pub(super) use names::{Names, OUTCOMES, WEEKDAYS};
pub(super) use variables::{MOST_HISTORY, Variable};
pub(super) use view::{PastOutcome, PastView, RequestView, RequesterView, ResourceView, View};

use self::lower::ENVIRONMENT;
use self::parse::Range;
use self::values::{Constant, Looked};

/// A condition that was found without fault. Cheap to clone, shareable between threads.
#[derive(Clone)]
pub(super) struct Condition {
    inner: Arc<Inner>,
}

struct Inner {
    text: String,
    root: IdedExpr,
    constants: Vec<Constant>,
    reads: Reads,
    boundaries: Boundaries,
    cost: u64,
}

/// What is wrong with a condition, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ConditionFault {
    /// The first byte, counted in the text of the condition.
    pub(super) start: usize,
    /// How many bytes.
    pub(super) len: usize,
    /// What is wrong.
    pub(super) message: String,
    /// What stands under the caret.
    pub(super) label: String,
    /// How to mend it.
    pub(super) hint: Option<String>,
}

impl ConditionFault {
    fn new(at: Range, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            start: at.start,
            len: at.end.saturating_sub(at.start),
            message: message.into(),
            label: label.into(),
            hint: None,
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into()).filter(|hint| !hint.is_empty());
        self
    }
}

/// Why a condition is neither true nor false for an ask, in plain words that can follow "because".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct ConditionError(pub(super) String);

/// What a condition looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reads(BTreeSet<Variable>);

impl Reads {
    /// Whether it looks at that.
    pub(super) fn has(&self, variable: Variable) -> bool {
        self.0.contains(&variable)
    }

    /// Whether it looks at nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it looks at earlier requests, which are costly to find.
    pub(super) fn needs_history(&self) -> bool {
        self.has(Variable::History)
    }
}

impl Condition {
    /// Reads and checks a condition. It fails with everything that is wrong, in the order of the
    /// text; a text that is no CEL at all gives one fault.
    pub(super) fn compile(text: &str, names: &Names<'_>) -> Result<Self, Vec<ConditionFault>> {
        let parsed = parse::parse(text).map_err(|fault| vec![fault])?;
        let (seen, cost) = check::check(&parsed, names)?;
        let boundaries = boundaries::of(&parsed.root, &seen);
        let mut root = parsed.root;
        let constants = lower::lower(&mut root, &seen);
        let inner = Inner {
            text: text.to_owned(),
            root,
            constants,
            reads: Reads(seen.into_values().collect()),
            boundaries,
            cost,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Whether it holds. It fails where the text asks for what this ask does not have: a label that
    /// the resource lacks, a division by zero, an unknown time zone.
    pub(super) fn holds(&self, view: &View<'_>) -> Result<bool, ConditionError> {
        // A library that gives up in its own way must not take the process with it.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.inner.resolve(view)));
        match outcome {
            Ok(Ok(Value::Bool(truth))) => Ok(truth),
            Ok(Ok(_)) | Err(_) => Err(ConditionError("it cannot be worked out".to_owned())),
            Ok(Err(error)) => Err(ConditionError(plain(&error))),
        }
    }

    /// The text as it was written.
    pub(super) fn text(&self) -> &str {
        &self.inner.text
    }

    /// The values at which its answer can change.
    pub(super) fn boundaries(&self) -> &Boundaries {
        &self.inner.boundaries
    }

    /// About how many small steps it takes to work it out, in the worst case.
    pub(super) fn cost(&self) -> u64 {
        self.inner.cost
    }

    /// What it looks at.
    pub(super) fn reads(&self) -> &Reads {
        &self.inner.reads
    }
}

impl Inner {
    fn resolve(&self, view: &View<'_>) -> Result<Value, ExecutionError> {
        let looked = Looked::new(view, &self.constants);
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        context.set_variable_resolver(&looked);
        Value::resolve(&self.root, &context)
    }
}

fn plain(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("the resource has no label `{key}`"),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "it divides by zero".to_owned()
        }
        ExecutionError::Overflow(..) => "a value in it becomes too large".to_owned(),
        ExecutionError::IndexOutOfBounds(_) => {
            "it asks for an item that the list does not have".to_owned()
        }
        // The only variable that may be absent: the checks know all others.
        ExecutionError::UndeclaredReference(_) => {
            "the time zone of the requester is not known".to_owned()
        }
        ExecutionError::FunctionError { function, .. } => {
            format!("`{function}` can do nothing with what it is given")
        }
        _ => "it cannot be worked out".to_owned(),
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.inner.text).finish()
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.inner.text == other.inner.text
    }
}

impl Eq for Condition {}

#[cfg(test)]
mod tests;
