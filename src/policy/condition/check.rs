//! The checks before a condition is believed: every part, those that seldom run included, must be of
//! the right kind, name what there is, and stay small.

use std::collections::HashMap;

use cel::common::ast::{ComprehensionExpr, Expr, IdedExpr, ListExpr, LiteralValue, SelectExpr};

use super::super::suggest;
use super::ConditionFault;
use super::constants::{text_of, within};
use super::loops::{Loop, LoopKind};
use super::names::{Names, Strange};
use super::parse::{Parsed, Places, Range};
use super::shape::{Domain, Kind, Shape};
use super::variables::{PAST, ROOTS, Variable, fields_of};

/// The most bytes that a value may become while a condition is worked out.
const MOST_WEIGHT: u64 = 64 * 1024;
/// The most small steps of a condition: far below a second in the worst case, yet enough to look at
/// each pair of earlier requests.
const MOST_COST: u64 = 2_000_000;
/// How many loops may stand in each other.
const MOST_LOOPS: usize = 2;

/// What a condition looks at: the variable behind each part of it that names one.
pub(super) type Seen = HashMap<u64, Variable>;

/// Checks a whole condition. It gives what it looks at, and about how many small steps it takes.
pub(super) fn check(
    parsed: &Parsed,
    names: &Names<'_>,
) -> Result<(Seen, u64), Vec<ConditionFault>> {
    let mut checker = Checker {
        names,
        places: &parsed.places,
        scope: Vec::new(),
        faults: Vec::new(),
        seen: Seen::new(),
    };
    let whole = checker.check(&parsed.root);
    checker.truth(&parsed.root, &whole, "a condition");
    if checker.faults.is_empty() {
        return Ok((checker.seen, whole.cost));
    }
    let mut faults = checker.faults;
    faults.sort_by_key(|fault| fault.start);
    faults.dedup();
    Err(faults)
}

pub(super) struct Checker<'a> {
    pub(super) names: &'a Names<'a>,
    pub(super) places: &'a Places,
    /// What the loops around call their items.
    scope: Vec<(String, Shape)>,
    faults: Vec<ConditionFault>,
    seen: Seen,
}

impl Checker<'_> {
    /// What a part gives; everything that is wrong with it is noted.
    pub(super) fn check(&mut self, expr: &IdedExpr) -> Shape {
        let shape = match &expr.expr {
            Expr::Ident(name) => self.name(expr, name),
            Expr::Literal(literal) => self.literal(expr, literal),
            Expr::Select(select) if select.test => self.has(expr, select),
            Expr::Select(select) => self.select(expr, select),
            Expr::Call(call) => self.call(expr, call),
            Expr::List(list) => self.list(list),
            Expr::Comprehension(written) => self.looped(expr, written),
            Expr::Map(_) => self.unsupported(expr, "a map"),
            Expr::Struct(_) => self.unsupported(expr, "a message"),
            Expr::Unspecified => self.unsupported(expr, "this"),
        };
        self.bounded(expr, shape)
    }

    /// Notes a fault at a place.
    pub(super) fn fault(&mut self, fault: ConditionFault) -> Shape {
        self.faults.push(fault);
        Shape::broken()
    }

    /// Notes that something cannot be what is written.
    pub(super) fn strange(&mut self, at: Range, found: Result<(), Strange>, label: &str) {
        if let Err((message, hint)) = found {
            self.fault(ConditionFault::new(at, message, label).hint(hint));
        }
    }

    /// Notes that a bool is wanted, if it is none.
    pub(super) fn truth(&mut self, expr: &IdedExpr, shape: &Shape, what: &str) {
        if shape.is(Kind::Bool) {
            return;
        }
        let described = shape.described();
        let message = format!("{what} must be true or false, and this is {described}");
        let fault = ConditionFault::new(self.places.whole(expr), message, described);
        let fault = match shape.kind {
            Kind::Text | Kind::Int | Kind::Double | Kind::Duration | Kind::Time => {
                fault.hint("compare it with something, for instance with `==`")
            }
            _ => fault,
        };
        self.fault(fault);
    }

    fn bounded(&mut self, expr: &IdedExpr, shape: Shape) -> Shape {
        let (message, label, hint) = if shape.weight > MOST_WEIGHT {
            let hint = "a value may take up to 64 KiB";
            ("this could become far too large", "too large", hint)
        } else if shape.cost > MOST_COST {
            let hint = "a history has up to 200 requests, and each loop goes through all of them";
            ("this could take far too long", "too much work", hint)
        } else {
            return shape;
        };
        let fault = ConditionFault::new(self.places.whole(expr), message, label);
        self.fault(fault.hint(hint))
    }

    fn unsupported(&mut self, expr: &IdedExpr, what: &str) -> Shape {
        let message = format!("{what} is nothing that conditions know");
        let fault = ConditionFault::new(self.places.whole(expr), message, "not known here");
        self.fault(
            fault.hint(
                "conditions know bools, ints, doubles, strings, durations, timestamps and lists",
            ),
        )
    }

    fn literal(&mut self, expr: &IdedExpr, literal: &LiteralValue) -> Shape {
        match literal {
            LiteralValue::Boolean(_) => Shape::of(Kind::Bool),
            LiteralValue::Int(_) => Shape::of(Kind::Int),
            LiteralValue::Double(_) => Shape::of(Kind::Double),
            LiteralValue::String(text) => Shape::text(text.inner().len() as u64),
            LiteralValue::Null => self.unsupported(expr, "null"),
            LiteralValue::UInt(_) => self.unsupported(expr, "an unsigned number"),
            LiteralValue::Bytes(_) => self.unsupported(expr, "a row of bytes"),
        }
    }

    fn list(&mut self, list: &ListExpr) -> Shape {
        let items: Vec<Shape> = list.elements.iter().map(|item| self.check(item)).collect();
        let first = items.iter().find(|item| !item.is_broken()).cloned();
        let odd = first.as_ref().and_then(|first| {
            let odd = items.iter().position(|item| !item.fits(first))?;
            Some((odd, first.described(), items[odd].described()))
        });
        if let Some((odd, first, other)) = odd {
            let at = self.places.whole(&list.elements[odd]);
            let message = format!("a list cannot hold {first} and {other}");
            return self.fault(ConditionFault::new(at, message, other));
        }
        let heaviest = items.iter().map(|item| item.weight).max().unwrap_or(0);
        let cost: u64 = items.iter().map(|item| item.cost).sum();
        let same = |one: &Shape| items.iter().all(|item| item.domain == one.domain);
        let item = first.map(|first| Shape {
            weight: heaviest,
            domain: if same(&first) {
                first.domain
            } else {
                Domain::Free
            },
            ..first
        });
        Shape::list(item, items.len() as u64).costing(cost + 1)
    }

    /// The dotted name that an expression spells, unless a loop gave its first part a meaning.
    fn path(&self, expr: &IdedExpr) -> Option<String> {
        match &expr.expr {
            Expr::Ident(name) => self.item(name).is_none().then(|| name.clone()),
            Expr::Select(select) if !select.test => {
                let before = self.path(&select.operand)?;
                Some(format!("{before}.{}", select.field))
            }
            _ => None,
        }
    }

    fn item(&self, name: &str) -> Option<&Shape> {
        let mut scope = self.scope.iter().rev();
        scope
            .find(|(known, _)| known == name)
            .map(|(_, shape)| shape)
    }

    fn name(&mut self, expr: &IdedExpr, name: &str) -> Shape {
        if let Some(item) = self.item(name) {
            return item.clone().costing(1);
        }
        let at = self.places.whole(expr);
        if ROOTS.contains(&name) {
            return self.fault(no_value(at, name));
        }
        let fault = ConditionFault::new(at, format!("there is no `{name}`"), "unknown name");
        let hint = self.name_hint(name);
        self.fault(fault.hint(hint))
    }

    fn name_hint(&self, name: &str) -> String {
        let of_field = Variable::ALL
            .iter()
            .filter(|variable| variable.field() == name);
        let paths: Vec<&str> = of_field.map(|variable| variable.path()).take(3).collect();
        if !paths.is_empty() {
            return format!("did you mean {}?", suggest::list(&paths, "or"));
        }
        let words = [&self.names.roles, &self.names.groups, &self.names.resources];
        let sensitivities = &self.names.sensitivities;
        if words.iter().any(|known| known.contains(name)) || sensitivities.contains(name) {
            return format!("a text needs quotes: `'{name}'`");
        }
        let roots = ROOTS.iter().copied().filter(|root| !root.contains('.'));
        let items = self.scope.iter().map(|(name, _)| name.as_str());
        suggest::hint(name, roots.chain(items), "")
    }

    fn select(&mut self, expr: &IdedExpr, select: &SelectExpr) -> Shape {
        if let Some(path) = self.path(expr) {
            if let Some(variable) = Variable::of(&path) {
                self.seen.insert(expr.id, variable);
                let shape = variable.shape(self.names);
                let cost = 1 + shape.count;
                return shape.costing(cost);
            }
            if ROOTS.contains(&path.as_str()) {
                return self.fault(no_value(self.places.whole(expr), &path));
            }
            let root = path.rsplit_once('.').map_or("", |(root, _)| root);
            if ROOTS.contains(&root) {
                return self.no_field(expr, &format!("`{root}`"), &fields_of(root));
            }
        }
        let operand = self.check(&select.operand);
        self.field(expr, &operand, &select.field)
    }

    fn field(&mut self, expr: &IdedExpr, operand: &Shape, field: &str) -> Shape {
        let cost = operand.cost + 2;
        match operand.kind {
            Kind::Broken => Shape::broken(),
            Kind::Labels => self
                .label(self.places.word(expr), Some(field))
                .costing(cost),
            Kind::Past => match PAST.iter().find(|(name, ..)| *name == field) {
                Some((_, Kind::Text, domain)) => {
                    Shape::text(128).within(domain.clone()).costing(cost)
                }
                Some((_, kind, _)) => Shape::of(*kind).costing(cost),
                None => {
                    let known: Vec<&str> = PAST.iter().map(|(name, ..)| *name).collect();
                    self.no_field(expr, "an earlier request", &known)
                }
            },
            _ => self.no_field(expr, &operand.described(), &[]),
        }
    }

    /// A label that is read; one that no resource has is a fault.
    pub(super) fn label(&mut self, at: Range, key: Option<&str>) -> Shape {
        let Some(key) = key else {
            return Shape::text(256);
        };
        let found = self.names.key(key);
        let is_known = found.is_ok();
        self.strange(at, found, "unknown label");
        if is_known {
            Shape::text(256).within(Domain::Label(key.to_owned()))
        } else {
            Shape::broken()
        }
    }

    fn no_field(&mut self, expr: &IdedExpr, what: &str, known: &[&str]) -> Shape {
        let at = self.places.word(expr);
        let field = match &expr.expr {
            Expr::Select(select) => select.field.as_str(),
            _ => "",
        };
        let message = format!("{what} has no field `{field}`");
        let fault = ConditionFault::new(at, message, "unknown field");
        if known.is_empty() {
            return self.fault(fault);
        }
        let near = suggest::nearest(field, known.iter().copied());
        let all = suggest::list(known, "and");
        let hint = match near.first() {
            Some(best) => format!("did you mean `{best}`? Known here: {all}"),
            None => format!("known here: {all}"),
        };
        self.fault(fault.hint(hint))
    }

    fn has(&mut self, expr: &IdedExpr, select: &SelectExpr) -> Shape {
        let operand = match self.path(&select.operand) {
            Some(path) if ROOTS.contains(&path.as_str()) => Shape::of(Kind::Past),
            _ => self.check(&select.operand),
        };
        let at = self.places.word(expr);
        match operand.kind {
            Kind::Labels => {
                let cost = operand.cost + 2;
                self.label(at, Some(&select.field));
                Shape::of(Kind::Bool).costing(cost)
            }
            Kind::Broken => Shape::broken(),
            _ => {
                let message = "only a label can be absent";
                let fault = ConditionFault::new(at, message, "always there");
                self.fault(fault.hint("a text that nobody gave is empty: compare it with `''`"))
            }
        }
    }

    fn looped(&mut self, expr: &IdedExpr, written: &ComprehensionExpr) -> Shape {
        let Some(parts) = Loop::of(written) else {
            return self.unsupported(expr, "this macro");
        };
        let range = self.check(parts.range);
        let Some(item) = self.item_of(expr, &parts, &range) else {
            return Shape::broken();
        };
        self.scope.push((parts.name.to_owned(), item));
        let filter = parts.filter.map(|filter| self.tested(filter));
        let body = match (parts.body, parts.kind) {
            (Some(body), LoopKind::Test) => Some(self.tested(body)),
            (body, _) => body.map(|body| self.check(body)),
        };
        self.scope.pop();
        let once = filter.map_or(0, |shape| shape.cost) + body.as_ref().map_or(0, |it| it.cost);
        let cost = range
            .count
            .saturating_mul(once + 4)
            .saturating_add(range.cost);
        let made = match parts.kind {
            LoopKind::Test => Shape::of(Kind::Bool),
            LoopKind::Filter => range,
            LoopKind::Map => Shape::list(body, range.count),
        };
        made.costing(cost)
    }

    fn tested(&mut self, expr: &IdedExpr) -> Shape {
        let shape = self.check(expr);
        self.truth(expr, &shape, "what is asked of each item");
        shape
    }

    /// What the loop is about, if it may be there at all.
    fn item_of(&mut self, expr: &IdedExpr, parts: &Loop<'_>, range: &Shape) -> Option<Shape> {
        let at = self.places.word(expr);
        if range.is_broken() {
            return Some(Shape::broken());
        }
        if range.kind != Kind::List {
            let message = format!("{} cannot be walked through", range.described());
            let whole = self.places.whole(parts.range);
            self.fault(ConditionFault::new(whole, message, "not a list"));
            return None;
        }
        if self.scope.len() >= MOST_LOOPS {
            let message = format!("more than {MOST_LOOPS} loops stand in each other");
            self.fault(ConditionFault::new(at, message, "one too many"));
            return None;
        }
        if ROOTS.contains(&parts.name) || self.item(parts.name).is_some() {
            let message = format!("the name `{}` is taken", parts.name);
            let fault = ConditionFault::new(at, message, "in this loop");
            self.fault(fault.hint("call the items something else"));
            return None;
        }
        Some(
            range
                .item
                .as_deref()
                .map_or_else(Shape::broken, Clone::clone),
        )
    }

    /// Looks whether a literal can be what its opposite is; `ordered` for `<` and the like.
    pub(super) fn word(&mut self, literal: &IdedExpr, domain: &Domain, ordered: bool) {
        let found = within(literal, domain, self.names, ordered);
        let label = match text_of(literal) {
            Some(_) => "cannot occur",
            None => "out of range",
        };
        self.strange(self.places.whole(literal), found, label);
    }
}

fn no_value(at: Range, root: &str) -> ConditionFault {
    let fields = fields_of(root);
    let message = format!("`{root}` is no value by itself");
    ConditionFault::new(at, message, "a field is missing")
        .hint(format!("it has {}", suggest::list(&fields, "and")))
}
