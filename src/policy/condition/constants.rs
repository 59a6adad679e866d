//! What is known of an expression without any ask: literals, and calls of literals.

use std::sync::{Arc, LazyLock};

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue};
use cel::{Context, Env, Value};
use regex::{Regex, RegexBuilder};

use super::names::{Names, Strange, number};
use super::parse::children;
use super::shape::Domain;
use crate::domain::Span;

/// The most memory that the machine of one pattern may take. Time grows with it.
const PATTERN_SIZE: usize = 256 * 1024;

/// The functions of the library, made once.
pub(super) static LIBRARY: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// The text that is written there.
pub(super) fn text_of(expr: &IdedExpr) -> Option<&str> {
    match &expr.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

/// The whole number that is written there.
pub(super) fn int_of(expr: &IdedExpr) -> Option<i64> {
    match &expr.expr {
        Expr::Literal(LiteralValue::Int(number)) => Some(*number.inner()),
        _ => None,
    }
}

/// Whether a literal can be one of these words or numbers; what is no literal always can.
pub(super) fn within(
    literal: &IdedExpr,
    domain: &Domain,
    names: &Names<'_>,
    ordered: bool,
) -> Result<(), Strange> {
    match (text_of(literal), int_of(literal)) {
        (Some(text), _) => names.text(domain, text),
        (_, Some(value)) => number(domain, value, ordered),
        _ => Ok(()),
    }
}

/// Which call it is that must be given a literal.
pub(super) enum Fixed<'e> {
    /// `duration('2h')`
    Duration(&'e IdedExpr),
    /// `timestamp('2026-12-24T18:00:00Z')`
    Time(&'e IdedExpr),
    /// `….matches('[0-9]+')`
    Pattern(&'e IdedExpr),
    /// `now.time.getHours('Europe/Berlin')`
    Zone(&'e IdedExpr),
}

impl<'e> Fixed<'e> {
    /// What is fixed in that call, if anything.
    pub(super) fn of(call: &'e CallExpr) -> Option<Self> {
        match (call.func_name.as_str(), call.args.as_slice()) {
            ("duration", [text]) => Some(Self::Duration(text)),
            ("timestamp", [text]) => Some(Self::Time(text)),
            ("matches", [.., pattern]) => Some(Self::Pattern(pattern)),
            (name, [zone]) if name.starts_with("get") => Some(Self::Zone(zone)),
            _ => None,
        }
    }
}

/// What is wrong with a literal: the literal, what is wrong, and how to mend it.
pub(super) type Invalid<'e> = (&'e IdedExpr, String, String);

/// Looks at the literals that a call needs.
pub(super) fn literals(call: &CallExpr) -> Result<(), Invalid<'_>> {
    match Fixed::of(call) {
        Some(Fixed::Duration(at)) => duration(at),
        Some(Fixed::Time(at)) => time(at),
        Some(Fixed::Pattern(at)) => {
            let pattern = written(at, "the pattern of `matches`")?;
            let message =
                |fault: String| format!("the pattern is not valid: {}", last_line(&fault));
            let hint = "patterns are those of Rust's regex crate, without look-around".to_owned();
            compiled(pattern)
                .map_err(|fault| (at, message(fault), hint))
                .map(drop)
        }
        Some(Fixed::Zone(at)) => {
            let zone = written(at, "a time zone")?;
            let offset =
                zone.starts_with(['+', '-']) || zone.starts_with(|c: char| c.is_ascii_digit());
            let names = Names::default();
            let found = if offset {
                Ok(())
            } else {
                names.text(&Domain::Zone, zone)
            };
            found.map_err(|(message, hint)| (at, message, hint))
        }
        None => Ok(()),
    }
}

fn written<'e>(at: &'e IdedExpr, what: &str) -> Result<&'e str, Invalid<'e>> {
    text_of(at).ok_or_else(|| {
        let message = format!("{what} must be written out");
        (at, message, "write it as a text in quotes".to_owned())
    })
}

fn duration(at: &IdedExpr) -> Result<(), Invalid<'_>> {
    let text = written(at, "a duration")?;
    if matches!(parsed("duration", at), Some(Value::Duration(_))) {
        return Ok(());
    }
    let hint = match as_duration(text) {
        Some(text) => format!("write `duration('{text}')`"),
        None => "write it with `h`, `m` and `s`, like `duration('1h30m')`".to_owned(),
    };
    Err((at, format!("`{text}` is not a duration"), hint))
}

fn time(at: &IdedExpr) -> Result<(), Invalid<'_>> {
    let text = written(at, "a timestamp")?;
    if matches!(parsed("timestamp", at), Some(Value::Timestamp(_))) {
        return Ok(());
    }
    let hint = "write it with its zone, like `timestamp('2026-12-24T18:00:00+01:00')`";
    Err((at, format!("`{text}` is not a timestamp"), hint.to_owned()))
}

fn parsed(function: &str, text: &IdedExpr) -> Option<Value> {
    let call = CallExpr {
        func_name: function.to_owned(),
        target: None,
        args: vec![text.clone()],
    };
    value_of(&IdedExpr {
        id: 0,
        expr: Expr::Call(call),
    })
}

/// What an expression is, whatever is asked: none where it looks at anything, or fails.
pub(super) fn value_of(expr: &IdedExpr) -> Option<Value> {
    if !is_constant(expr) {
        return None;
    }
    let context = Context::with_env(Arc::clone(&LIBRARY));
    Value::resolve(expr, &context).ok()
}

fn is_constant(expr: &IdedExpr) -> bool {
    if matches!(
        expr.expr,
        Expr::Ident(_) | Expr::Comprehension(_) | Expr::Unspecified
    ) {
        return false;
    }
    let mut all = true;
    children(expr, &mut |child| all &= is_constant(child));
    all
}

/// A length of time that is written as elsewhere in the policy, in the way of CEL, which has no
/// days.
pub(super) fn as_duration(text: &str) -> Option<String> {
    let seconds = Span::parse(text).ok()?.seconds();
    Some(match seconds {
        hours if hours % 3600 == 0 => format!("{}h", hours / 3600),
        minutes if minutes % 60 == 0 => format!("{}m", minutes / 60),
        seconds => format!("{seconds}s"),
    })
}

/// The machine of a pattern, within bounds.
pub(super) fn compiled(pattern: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(pattern).size_limit(PATTERN_SIZE).build();
    built.map_err(|fault| fault.to_string())
}

fn last_line(text: &str) -> &str {
    let line = text.lines().last().unwrap_or_default();
    line.trim_start_matches("error: ")
}
