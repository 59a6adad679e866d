//! The values at which the answer of a condition can change.

use std::collections::BTreeSet;

use cel::Value;
use cel::common::ast::{CallExpr, Expr, IdedExpr, operators as op};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use super::check::Seen;
use super::constants::{int_of, text_of, value_of};
use super::loops::{Loop, LoopKind};
use super::parse::children;
use super::variables::Variable;
use crate::domain::Span;

/// Where the answer of a condition can change, so that the whole space can be decided by trying a
/// few values of each dimension.
///
/// For what has an order, each value that the text names is here with its neighbours, so that every
/// stretch between two named values is represented, but for the stretches beyond: a caller adds one
/// value of its own where it has none. A dimension that is not named is empty or false: then any one
/// value will do. Roles, resources and what belongs to a resource are left out, since a caller tries
/// all of them anyway.
///
/// What is in [`opaque`](Self::opaque) cannot be tried out: the condition may hold, not hold or fail,
/// whatever the rest is.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a dimension of its own"
)]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::policy) struct Boundaries {
    /// Lengths of `request.duration`.
    pub(in crate::policy) durations: BTreeSet<Span>,
    /// Moments of `now.time` or `request.start`.
    pub(in crate::policy) moments: BTreeSet<DateTime<Utc>>,
    /// The clock in the policy's zone.
    pub(in crate::policy) clock: ClockBoundaries,
    /// The clock in the requester's zone. It depends on a zone that is not known, so `now.local` is
    /// opaque as well: a caller that fixes the zone may pass over that.
    pub(in crate::policy) local: ClockBoundaries,
    /// Groups of the requester: each may be one of them or not.
    pub(in crate::policy) groups: BTreeSet<String>,
    /// Whether it can count that the requester is in a group besides those named: try both.
    pub(in crate::policy) other_group: bool,
    /// Whether `requester.is_guest` counts.
    pub(in crate::policy) is_guest: bool,
    /// Whether `request.on_behalf` counts.
    pub(in crate::policy) on_behalf: bool,
    /// Whether `request.extension` counts.
    pub(in crate::policy) extension: bool,
    /// Whether `request.break_glass` counts.
    pub(in crate::policy) break_glass: bool,
    /// What cannot be tried out, as it is written.
    pub(in crate::policy) opaque: BTreeSet<&'static str>,
}

/// What a condition names of a clock on the wall.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::policy) struct ClockBoundaries {
    /// Hours, 0 to 23.
    pub(in crate::policy) hours: BTreeSet<u32>,
    /// Minutes, 0 to 59.
    pub(in crate::policy) minutes: BTreeSet<u32>,
    /// Dates.
    pub(in crate::policy) dates: BTreeSet<NaiveDate>,
    /// Whether the day of the week counts: try all seven.
    pub(in crate::policy) weekday: bool,
    /// Whether it counts that it is Saturday or Sunday.
    pub(in crate::policy) weekend: bool,
    /// Whether it counts that it is a holiday.
    pub(in crate::policy) holiday: bool,
}

impl Boundaries {
    /// Adds those of another condition.
    pub(in crate::policy) fn merge(&mut self, other: &Self) {
        self.durations.extend(&other.durations);
        self.moments.extend(&other.moments);
        self.clock.merge(&other.clock);
        self.local.merge(&other.local);
        self.groups.extend(other.groups.iter().cloned());
        self.other_group |= other.other_group;
        self.is_guest |= other.is_guest;
        self.on_behalf |= other.on_behalf;
        self.extension |= other.extension;
        self.break_glass |= other.break_glass;
        self.opaque.extend(&other.opaque);
    }
}

impl ClockBoundaries {
    fn merge(&mut self, other: &Self) {
        self.hours.extend(&other.hours);
        self.minutes.extend(&other.minutes);
        self.dates.extend(&other.dates);
        self.weekday |= other.weekday;
        self.weekend |= other.weekend;
        self.holiday |= other.holiday;
    }
}

/// The boundaries of a checked expression.
pub(super) fn of(root: &IdedExpr, seen: &Seen) -> Boundaries {
    let mut finder = Finder {
        seen,
        members: Vec::new(),
        found: Boundaries::default(),
    };
    finder.visit(root);
    finder.found
}

struct Finder<'a> {
    seen: &'a Seen,
    /// What the loops around call a group of the requester.
    members: Vec<&'a str>,
    found: Boundaries,
}

impl<'a> Finder<'a> {
    fn visit(&mut self, expr: &'a IdedExpr) {
        if let Some(variable) = self.seen.get(&expr.id) {
            return self.used(*variable);
        }
        match &expr.expr {
            Expr::Call(call) if self.compared(call) => {}
            Expr::Ident(name) if self.members.contains(&name.as_str()) => {
                self.used(Variable::RequesterGroups);
            }
            Expr::Comprehension(written) => match Loop::of(written) {
                Some(parts) => self.looped(&parts),
                None => children(expr, &mut |child| self.visit(child)),
            },
            _ => children(expr, &mut |child| self.visit(child)),
        }
    }

    fn looped(&mut self, parts: &Loop<'a>) {
        let over_groups = self.variable(parts.range) == Some(Variable::RequesterGroups);
        // Which of the named groups are there, and whether any other is, is all that a test tells.
        let named = over_groups && parts.kind == LoopKind::Test;
        if named {
            self.found.other_group = true;
            self.members.push(parts.name);
        } else {
            self.visit(parts.range);
        }
        for part in parts.filter.into_iter().chain(parts.body) {
            self.visit(part);
        }
        if named {
            self.members.pop();
        }
    }

    fn variable(&self, expr: &IdedExpr) -> Option<Variable> {
        self.seen.get(&expr.id).copied()
    }

    /// Takes note of a comparison between a variable and constants, if it is one.
    fn compared(&mut self, call: &'a CallExpr) -> bool {
        let (sign, [left, right]) = (call.func_name.as_str(), call.args.as_slice()) else {
            return false;
        };
        match sign {
            op::EQUALS | op::NOT_EQUALS => self.named(left, &[right]) || self.named(right, &[left]),
            // Groups have an order too, by which those that nobody names differ from each other.
            op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS => {
                !self.is_member(left)
                    && !self.is_member(right)
                    && (self.named(left, &[right]) || self.named(right, &[left]))
            }
            op::IN => self.contained(left, right),
            _ => false,
        }
    }

    fn contained(&mut self, item: &'a IdedExpr, list: &'a IdedExpr) -> bool {
        if self.variable(list) == Some(Variable::RequesterGroups) {
            let group = text_of(item).map(ToOwned::to_owned);
            let is_named = group.is_some();
            self.found.groups.extend(group);
            return is_named;
        }
        match &list.expr {
            Expr::List(list) => self.named(item, &list.elements.iter().collect::<Vec<_>>()),
            _ => false,
        }
    }

    /// Whether that is a group of the requester, in a loop over them.
    fn is_member(&self, expr: &IdedExpr) -> bool {
        matches!(&expr.expr, Expr::Ident(name) if self.members.contains(&name.as_str()))
    }

    /// Takes note of the values that something is compared with, if they are constants.
    fn named(&mut self, what: &IdedExpr, values: &[&IdedExpr]) -> bool {
        if self.is_member(what) {
            let groups: Option<Vec<&str>> = values.iter().map(|value| text_of(value)).collect();
            let is_named = groups.is_some();
            let groups = groups.into_iter().flatten().map(ToOwned::to_owned);
            self.found.groups.extend(groups);
            return is_named;
        }
        let Some(variable) = self.variable(what) else {
            return false;
        };
        let before = self.found.clone();
        let all = values.iter().all(|value| self.boundary(variable, value));
        if !all {
            self.found = before;
        }
        all
    }

    fn boundary(&mut self, variable: Variable, value: &IdedExpr) -> bool {
        match variable {
            Variable::RequestDuration => self.duration(value),
            Variable::NowTime | Variable::RequestStart => self.moment(value),
            Variable::NowHour | Variable::LocalHour => {
                let around = around(value, 23);
                self.opened(variable).hours.extend(&around);
                !around.is_empty()
            }
            Variable::NowMinute | Variable::LocalMinute => {
                let around = around(value, 59);
                self.opened(variable).minutes.extend(&around);
                !around.is_empty()
            }
            Variable::NowDate | Variable::LocalDate => self.date(variable, value),
            _ => false,
        }
    }

    fn duration(&mut self, value: &IdedExpr) -> bool {
        let Some(Value::Duration(length)) = value_of(value) else {
            return false;
        };
        let seconds = length.num_seconds();
        let around = [
            seconds.saturating_sub(1),
            seconds,
            seconds.saturating_add(1),
        ];
        // Nothing outside of what can be asked for is worth a try.
        let spans = around.into_iter().filter_map(|seconds| {
            let seconds = u64::try_from(seconds).ok()?;
            Span::from_seconds(seconds).ok()
        });
        self.found.durations.extend(spans);
        true
    }

    fn moment(&mut self, value: &IdedExpr) -> bool {
        let Some(Value::Timestamp(moment)) = value_of(value) else {
            return false;
        };
        let moment = moment.with_timezone(&Utc);
        let second = TimeDelta::seconds(1);
        let around = [
            moment.checked_sub_signed(second),
            Some(moment),
            moment.checked_add_signed(second),
        ];
        self.found.moments.extend(around.into_iter().flatten());
        true
    }

    fn date(&mut self, variable: Variable, value: &IdedExpr) -> bool {
        let text = text_of(value);
        let Some(date) = text.and_then(|text| text.parse::<NaiveDate>().ok()) else {
            return false;
        };
        let day = Days::new(1);
        let around = [
            date.checked_sub_days(day),
            Some(date),
            date.checked_add_days(day),
        ];
        let dates = &mut self.opened(variable).dates;
        dates.extend(around.into_iter().flatten());
        true
    }

    /// The clock that a variable is of; the local one is opaque besides.
    fn opened(&mut self, variable: Variable) -> &mut ClockBoundaries {
        if variable.is_local() {
            self.found.opaque.insert("now.local");
            &mut self.found.local
        } else {
            &mut self.found.clock
        }
    }

    /// Takes note of a variable in any other place than a comparison with constants.
    fn used(&mut self, variable: Variable) {
        match variable {
            // These have few values or none of their own; all can be tried.
            Variable::NowHour | Variable::LocalHour => self.opened(variable).hours.extend(0..24),
            Variable::NowMinute | Variable::LocalMinute => {
                self.opened(variable).minutes.extend(0..60);
            }
            Variable::NowWeekday | Variable::LocalWeekday => self.opened(variable).weekday = true,
            Variable::NowWeekend | Variable::LocalWeekend => self.opened(variable).weekend = true,
            Variable::NowHoliday | Variable::LocalHoliday => self.opened(variable).holiday = true,
            Variable::IsGuest => self.found.is_guest = true,
            Variable::OnBehalf => self.found.on_behalf = true,
            Variable::Extension => self.found.extension = true,
            Variable::BreakGlass => self.found.break_glass = true,
            Variable::RequestResource
            | Variable::RequestRole
            | Variable::ResourceName
            | Variable::Labels
            | Variable::Sensitivity
            | Variable::Description => {}
            other => {
                self.found.opaque.insert(other.path());
            }
        }
    }
}

/// A whole number and its neighbours, as far as there are such hours or minutes.
fn around(value: &IdedExpr, last: u32) -> BTreeSet<u32> {
    let Some(number) = int_of(value) else {
        return BTreeSet::new();
    };
    let near = [number.saturating_sub(1), number, number.saturating_add(1)];
    let near = near.into_iter().filter_map(|near| u32::try_from(near).ok());
    near.filter(|near| *near <= last).collect()
}
