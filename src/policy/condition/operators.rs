//! What the operators and functions take and give.

use cel::common::ast::{CallExpr, Expr, IdedExpr, operators as op};

use super::ConditionFault;
use super::check::Checker;
use super::constants::{self, int_of, text_of};
use super::functions;
use super::shape::{Domain, Kind, Shape};

impl Checker<'_> {
    /// An operator or a function.
    pub(super) fn call(&mut self, expr: &IdedExpr, call: &CallExpr) -> Shape {
        // What stands in a macro that is written wrongly would only give faults that mislead.
        let is_macro = functions::is_macro(&call.func_name);
        let args = call.args.iter().filter(|_| !is_macro);
        let args = call.target.as_deref().into_iter().chain(args);
        let shapes: Vec<Shape> = args.map(|arg| self.check(arg)).collect();
        let made = match (call.func_name.as_str(), shapes.as_slice()) {
            (op::LOGICAL_AND | op::LOGICAL_OR | op::LOGICAL_NOT, _) => self.logic(call, &shapes),
            (op::CONDITIONAL, [test, then, other]) => self.either(call, test, then, other),
            (op::EQUALS | op::NOT_EQUALS, [left, right]) => self.equality(expr, call, left, right),
            (op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS, [left, right]) => {
                self.order(expr, call, left, right)
            }
            (op::IN, [item, list]) => self.member(expr, call, item, list),
            (op::INDEX, [list, index]) => self.index(expr, call, list, index),
            (op::NEGATE, [one]) => self.negated(expr, one),
            (sign, [left, right]) if symbol(sign).is_some() => {
                self.calculated(expr, sign, left, right)
            }
            _ => self.function(expr, call, &shapes),
        };
        let cost = made.cost.saturating_add(work(&shapes));
        made.costing(cost)
    }

    fn logic(&mut self, call: &CallExpr, shapes: &[Shape]) -> Shape {
        let what = match call.func_name.as_str() {
            op::LOGICAL_AND => "each side of `&&`",
            op::LOGICAL_OR => "each side of `||`",
            _ => "what `!` turns around",
        };
        for (arg, shape) in call.args.iter().zip(shapes) {
            self.truth(arg, shape, what);
        }
        Shape::of(Kind::Bool)
    }

    fn either(&mut self, call: &CallExpr, test: &Shape, then: &Shape, other: &Shape) -> Shape {
        self.truth(&call.args[0], test, "what stands before `?`");
        if !then.fits(other) {
            let (then, other) = (then.described(), other.described());
            let message = format!("one side of `:` is {then}, the other is {other}");
            let at = self.places.whole(&call.args[2]);
            return self.fault(ConditionFault::new(at, message, other));
        }
        let (kind, item) = match then.kind {
            Kind::Broken => (other.kind, other.item.clone()),
            _ => (then.kind, then.item.clone().or_else(|| other.item.clone())),
        };
        Shape {
            item,
            weight: then.weight.max(other.weight),
            count: then.count.max(other.count),
            ..Shape::of(kind)
        }
    }

    fn equality(&mut self, expr: &IdedExpr, call: &CallExpr, left: &Shape, right: &Shape) -> Shape {
        let is_whole = |shape: &Shape| matches!(shape.kind, Kind::Past | Kind::Labels);
        if !left.fits(right) || is_whole(left) || is_whole(right) {
            return self.incomparable(expr, call, left, right);
        }
        self.word(&call.args[1], &left.domain, false);
        self.word(&call.args[0], &right.domain, false);
        Shape::of(Kind::Bool)
    }

    fn order(&mut self, expr: &IdedExpr, call: &CallExpr, left: &Shape, right: &Shape) -> Shape {
        use Kind::{Broken, Double, Duration, Int, Text, Time};
        let is_ordered =
            |shape: &Shape| matches!(shape.kind, Int | Double | Text | Duration | Time | Broken);
        if !left.fits(right) || !is_ordered(left) || !is_ordered(right) {
            return self.incomparable(expr, call, left, right);
        }
        let is_weekday = |shape: &Shape| shape.domain == Domain::Weekday;
        if is_weekday(left) || is_weekday(right) {
            let message = "weekdays are names and have no order";
            let fault = ConditionFault::new(self.places.whole(expr), message, "no order");
            return self.fault(fault.hint("list them: `now.weekday in ['mon', 'tue']`"));
        }
        self.word(&call.args[1], &left.domain, true);
        self.word(&call.args[0], &right.domain, true);
        Shape::of(Kind::Bool)
    }

    fn incomparable(
        &mut self,
        expr: &IdedExpr,
        call: &CallExpr,
        left: &Shape,
        right: &Shape,
    ) -> Shape {
        let at = self.places.whole(expr);
        let (one, other) = (left.described(), right.described());
        if left.fits(right) {
            let message = format!("{one} cannot be compared so");
            let fault = ConditionFault::new(at, message, "not possible");
            return self.fault(match left.kind {
                Kind::Past => fault.hint("compare its fields"),
                _ => fault,
            });
        }
        let message = format!("{one} cannot be compared with {other}");
        let fault = ConditionFault::new(at, message, "different kinds");
        let hint = mended(left.kind, &call.args[1]).or_else(|| mended(right.kind, &call.args[0]));
        self.fault(match hint {
            Some(hint) => fault.hint(hint),
            None => fault,
        })
    }

    fn member(&mut self, expr: &IdedExpr, call: &CallExpr, item: &Shape, list: &Shape) -> Shape {
        let kind = Shape::of(Kind::Bool);
        let (written, within) = (&call.args[0], &call.args[1]);
        match list.kind {
            Kind::Broken => return kind,
            Kind::Labels if item.is(Kind::Text) => {
                let at = self.places.whole(written);
                self.label(at, text_of(written));
                return kind;
            }
            Kind::List if list.item.as_deref().is_none_or(|held| held.fits(item)) => {}
            _ => {
                let message = format!("{} cannot be in {}", item.described(), list.described());
                let at = self.places.whole(expr);
                let fault = ConditionFault::new(at, message, "never true");
                return self.fault(match list.kind {
                    Kind::Text => fault.hint("write `text.contains('…')`"),
                    _ => fault,
                });
            }
        }
        let domain = list.item.as_ref().map(|held| held.domain.clone());
        self.word(written, &domain.unwrap_or(Domain::Free), false);
        if let Expr::List(listed) = &within.expr {
            for one in &listed.elements {
                self.word(one, &item.domain, false);
            }
        }
        kind
    }

    fn index(&mut self, expr: &IdedExpr, call: &CallExpr, list: &Shape, index: &Shape) -> Shape {
        match list.kind {
            Kind::Broken => Shape::broken(),
            Kind::Labels if index.is(Kind::Text) => {
                let key = &call.args[1];
                self.label(self.places.whole(key), text_of(key))
            }
            Kind::List if index.is(Kind::Int) => {
                let item = list.item.as_deref();
                item.map_or_else(Shape::broken, Clone::clone)
            }
            _ => {
                let message = format!(
                    "{} has no place for {}",
                    list.described(),
                    index.described()
                );
                let at = self.places.whole(expr);
                let fault = ConditionFault::new(at, message, "not possible");
                self.fault(fault.hint("fields are named with a dot, items of lists counted from 0"))
            }
        }
    }

    fn negated(&mut self, expr: &IdedExpr, one: &Shape) -> Shape {
        match one.kind {
            Kind::Int | Kind::Double | Kind::Broken => Shape::of(one.kind),
            _ => {
                let message = format!("{} has no negative", one.described());
                let at = self.places.whole(expr);
                self.fault(ConditionFault::new(at, message, "only numbers have"))
            }
        }
    }

    fn calculated(&mut self, expr: &IdedExpr, sign: &str, left: &Shape, right: &Shape) -> Shape {
        if left.is_broken() || right.is_broken() {
            return Shape::broken();
        }
        if let Some(shape) = result(sign, left, right) {
            return shape;
        }
        let message = format!(
            "`{}` is not possible between {} and {}",
            symbol(sign).unwrap_or_default(),
            left.described(),
            right.described()
        );
        let at = self.places.whole(expr);
        let fault = ConditionFault::new(at, message, "wrong types");
        let has = |kind| left.kind == kind || right.kind == kind;
        let hint = match sign {
            op::ADD if has(Kind::Text) => "`string(…)` makes a text of a number",
            _ if has(Kind::Duration) => "durations are added to durations: `duration('1h')`",
            _ if has(Kind::Int) && has(Kind::Double) => "`double(…)` makes a double of an int",
            _ => "",
        };
        self.fault(fault.hint(hint))
    }

    fn function(&mut self, expr: &IdedExpr, call: &CallExpr, shapes: &[Shape]) -> Shape {
        let kind = match functions::called(&call.func_name, call.target.is_some(), shapes) {
            Ok(kind) => kind,
            Err(misuse) => {
                let at = self.places.word(expr);
                let fault = ConditionFault::new(at, misuse.message, misuse.label);
                return self.fault(fault.hint(misuse.hint));
            }
        };
        if let Err((at, message, hint)) = constants::literals(call) {
            let at = self.places.whole(at);
            return self.fault(ConditionFault::new(at, message, "not valid").hint(hint));
        }
        let heaviest = shapes.iter().map(|shape| shape.weight).max();
        match (kind, call.func_name.as_str()) {
            (Kind::Text, _) => Shape::text(heaviest.unwrap_or(0).max(40)),
            // The machine of a pattern may do many steps for each byte.
            (kind, "matches") => {
                Shape::of(kind).costing(heaviest.unwrap_or(0).saturating_mul(PATTERN_COST))
            }
            (kind, _) => Shape::of(kind),
        }
    }
}

/// How many steps a pattern may take for each byte.
const PATTERN_COST: u64 = 32;

/// About how much work it is to look at these values once, and how much it was to find them out.
fn work(shapes: &[Shape]) -> u64 {
    (shapes.iter())
        .map(|shape| shape.cost.saturating_add(shape.weight / 64))
        .fold(1, u64::saturating_add)
}

fn symbol(sign: &str) -> Option<&'static str> {
    Some(match sign {
        op::ADD => "+",
        op::SUBSTRACT => "-",
        op::MULTIPLY => "*",
        op::DIVIDE => "/",
        op::MODULO => "%",
        _ => return None,
    })
}

/// What a calculation gives, if it is possible.
fn result(sign: &str, left: &Shape, right: &Shape) -> Option<Shape> {
    use Kind::{Double, Duration, Int, List, Text, Time};
    let kind = match (sign, left.kind, right.kind) {
        (op::MODULO, Int, Int) => Int,
        (op::MODULO, ..) => return None,
        (_, Int, Int) => Int,
        (_, Double, Double) => Double,
        (op::ADD, Text, Text) => {
            return Some(Shape::text(left.weight.saturating_add(right.weight)));
        }
        (op::ADD, List, List) if left.fits(right) => return Some(joined(left, right)),
        (op::ADD | op::SUBSTRACT, Duration, Duration) | (op::SUBSTRACT, Time, Time) => Duration,
        (op::ADD | op::SUBSTRACT, Time, Duration) | (op::ADD, Duration, Time) => Time,
        _ => return None,
    };
    Some(Shape::of(kind))
}

fn joined(left: &Shape, right: &Shape) -> Shape {
    let heavier = |one: &Shape, other: &Shape| Shape {
        weight: one.weight.max(other.weight),
        domain: if one.domain == other.domain {
            one.domain.clone()
        } else {
            Domain::Free
        },
        ..one.clone()
    };
    let item = match (left.item.as_deref(), right.item.as_deref()) {
        (Some(one), Some(other)) => Some(heavier(one, other)),
        (one, other) => one.or(other).cloned(),
    };
    Shape::list(item, left.count.saturating_add(right.count))
}

/// How a literal of the wrong kind is to be written.
fn mended(wanted: Kind, literal: &IdedExpr) -> Option<String> {
    match (wanted, text_of(literal), int_of(literal)) {
        (Kind::Duration, Some(text), _) => {
            let text = constants::as_duration(text).unwrap_or_else(|| "2h".to_owned());
            Some(format!("write `duration('{text}')`"))
        }
        (Kind::Duration, _, Some(_)) => Some("write `duration('2h')`, with its unit".to_owned()),
        (Kind::Time, Some(_), _) => Some("write `timestamp('2026-12-24T18:00:00Z')`".to_owned()),
        (Kind::Int, Some(text), _) if text.parse::<i64>().is_ok() => {
            Some(format!("write the number without quotes: `{text}`"))
        }
        (Kind::List, Some(text), _) => Some(format!("write `'{text}' in …`")),
        (Kind::Text, _, Some(number)) => Some(format!("write it in quotes: `'{number}'`")),
        _ => None,
    }
}
