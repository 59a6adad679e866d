//! Makes a checked expression fast: names become slots, and what does not depend on the ask is
//! worked out once.

use std::sync::{Arc, LazyLock};

use cel::common::ast::{CallExpr, Expr, IdedExpr};
use cel::common::types::{CelBool, CelDuration, CelString, CelTimestamp, STRING_TYPE};
use cel::common::value::CowVal;
use cel::{Env, ExecutionError, Value};

use super::check::Seen;
use super::constants::{Fixed, compiled, text_of, value_of};
use super::values::{Constant, PATTERN_TYPE, Pattern, slot};

/// The name of the function that takes a compiled pattern. No text can contain it.
const MATCHES: &str = "@matches";

/// The functions of lowered expressions: the library's, and `matches` with a compiled pattern.
pub(super) static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    let takes = vec![STRING_TYPE, PATTERN_TYPE.to_owned()];
    // The name is free, since the library's own names never begin with this sign and an `m`.
    let added = env.add_overload(MATCHES, MATCHES, takes, matches);
    debug_assert!(added.is_ok(), "{added:?}");
    Arc::new(env)
});

#[expect(
    clippy::needless_pass_by_value,
    reason = "the library calls functions so"
)]
fn matches<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [text, pattern] = args.as_slice() else {
        return Err(ExecutionError::missing_argument_or_target());
    };
    let found = (text
        .downcast_ref::<CelString>()
        .zip(pattern.downcast_ref::<Pattern>()))
    .map(|(text, pattern)| pattern.0.is_match(text.inner()));
    let found = found.ok_or_else(ExecutionError::missing_argument_or_target)?;
    Ok(CowVal::owned(CelBool::from(found)))
}

/// Rewrites a checked expression; gives the constants that it now refers to.
pub(super) fn lower(root: &mut IdedExpr, seen: &Seen) -> Vec<Constant> {
    let mut lowering = Lowering {
        seen,
        constants: Vec::new(),
    };
    lowering.lower(root);
    lowering.constants
}

struct Lowering<'a> {
    seen: &'a Seen,
    constants: Vec<Constant>,
}

impl Lowering<'_> {
    fn lower(&mut self, expr: &mut IdedExpr) {
        if let Some(variable) = self.seen.get(&expr.id) {
            expr.expr = Expr::Ident(slot('#', *variable as usize));
        } else if let Some(constant) = constant(expr) {
            expr.expr = Expr::Ident(self.keep(constant));
        } else {
            self.pattern(expr);
            self.children(expr);
        }
    }

    fn keep(&mut self, constant: Constant) -> String {
        self.constants.push(constant);
        slot('$', self.constants.len() - 1)
    }

    /// `text.matches('…')` and `matches(text, '…')` become a call with the compiled pattern.
    fn pattern(&mut self, expr: &mut IdedExpr) {
        let Expr::Call(call) = &mut expr.expr else {
            return;
        };
        let compiled = match Fixed::of(call) {
            Some(Fixed::Pattern(pattern)) => text_of(pattern).and_then(|it| compiled(it).ok()),
            _ => None,
        };
        let Some(compiled) = compiled else {
            return;
        };
        let Some(mut pattern) = call.args.pop() else {
            return;
        };
        pattern.expr = Expr::Ident(self.keep(Constant::Pattern(Pattern(compiled))));
        let text = call.target.take().map(|target| *target);
        let args = text.into_iter().chain(call.args.drain(..));
        *call = CallExpr {
            func_name: MATCHES.to_owned(),
            target: None,
            args: args.chain([pattern]).collect(),
        };
    }

    fn children(&mut self, expr: &mut IdedExpr) {
        match &mut expr.expr {
            Expr::Call(call) => {
                let target = call.target.as_deref_mut().into_iter();
                target.chain(&mut call.args).for_each(|arg| self.lower(arg));
            }
            Expr::List(list) => list.elements.iter_mut().for_each(|item| self.lower(item)),
            Expr::Select(select) => self.lower(&mut select.operand),
            Expr::Comprehension(written) => {
                self.lower(&mut written.iter_range);
                self.lower(&mut written.loop_step);
            }
            // The checks let no maps and messages through, and the rest has no parts.
            _ => {}
        }
    }
}

/// A duration or a timestamp that does not depend on the ask.
fn constant(expr: &IdedExpr) -> Option<Constant> {
    if !matches!(expr.expr, Expr::Call(_)) {
        return None;
    }
    match value_of(expr)? {
        Value::Duration(value) => Some(Constant::Duration(CelDuration::from(value))),
        Value::Timestamp(value) => Some(Constant::Time(CelTimestamp::from(value))),
        _ => None,
    }
}
