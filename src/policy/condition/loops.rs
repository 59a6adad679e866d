//! The macros over lists, taken out of what the parser made of them.

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, operators};

/// Which macro it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoopKind {
    /// `all`, `exists` or `exists_one`: a truth about the list.
    Test,
    /// `filter`: some of the list.
    Filter,
    /// `map`: a new list.
    Map,
}

/// A macro over a list, as it was written.
pub(super) struct Loop<'e> {
    pub(super) kind: LoopKind,
    /// The list.
    pub(super) range: &'e IdedExpr,
    /// What each item is called.
    pub(super) name: &'e str,
    /// What an item must fulfil, in a `filter` or a `map` with three parts.
    pub(super) filter: Option<&'e IdedExpr>,
    /// What is tested of each item or made of it.
    pub(super) body: Option<&'e IdedExpr>,
}

impl<'e> Loop<'e> {
    /// The parts, or nothing if this is no macro that conditions know.
    pub(super) fn of(written: &'e ComprehensionExpr) -> Option<Self> {
        let step = call(&written.loop_step)?;
        let (kind, filter, body) = match (step.func_name.as_str(), step.args.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [_, body]) => {
                (LoopKind::Test, None, Some(body))
            }
            (operators::CONDITIONAL, [test, then, _]) => match appended(then) {
                // What `filter` adds is the item itself.
                Some(item) if is_item(item, written) => (LoopKind::Filter, Some(test), None),
                Some(item) => (LoopKind::Map, Some(test), Some(item)),
                None => (LoopKind::Test, None, Some(test)),
            },
            _ => (LoopKind::Map, None, Some(appended(&written.loop_step)?)),
        };
        Some(Self {
            kind,
            range: &written.iter_range,
            name: &written.iter_var,
            filter,
            body,
        })
    }
}

fn call(expr: &IdedExpr) -> Option<&CallExpr> {
    match &expr.expr {
        Expr::Call(call) => Some(call),
        _ => None,
    }
}

fn is_item(expr: &IdedExpr, written: &ComprehensionExpr) -> bool {
    matches!(&expr.expr, Expr::Ident(name) if *name == written.iter_var)
}

/// What a step adds to the list that it makes.
fn appended(step: &IdedExpr) -> Option<&IdedExpr> {
    let step = call(step).filter(|step| step.func_name == operators::ADD)?;
    match &step.args.last()?.expr {
        Expr::List(list) => list.elements.first(),
        _ => None,
    }
}
