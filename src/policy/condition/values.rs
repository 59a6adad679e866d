//! The values of an ask as the library wants them, made only when they are looked at.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use cel::ExecutionError;
use cel::common::traits::{Container, Indexer};
use cel::common::types::{
    CelBool, CelDuration, CelInt, CelList, CelString, CelTimestamp, MAP_TYPE, Type,
};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::context::VariableResolver;
use chrono::{DateTime, TimeDelta, Utc};

use super::variables::{MOST_HISTORY, Variable};
use super::view::{Clock, PastView, View};

/// The kind of a compiled pattern, for the library.
pub(super) static PATTERN_TYPE: Type = Type::new_unspecified_type("pattern");

/// What was worked out while compiling.
#[derive(Clone, Debug)]
pub(super) enum Constant {
    Duration(CelDuration),
    Time(CelTimestamp),
    Pattern(Pattern),
}

impl Constant {
    fn value(&self) -> &(dyn Val + 'static) {
        match self {
            Self::Duration(value) => value,
            Self::Time(value) => value,
            Self::Pattern(value) => value,
        }
    }
}

/// A compiled pattern as a value.
#[derive(Clone, Debug)]
pub(super) struct Pattern(pub(super) regex::Regex);

impl Val for Pattern {
    fn get_type(&self) -> &Type {
        &PATTERN_TYPE
    }

    fn cel_type() -> &'static Type {
        &PATTERN_TYPE
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Pattern {}

/// Gives the library what an expression looks at.
pub(super) struct Looked<'a> {
    view: &'a View<'a>,
    constants: &'a [Constant],
    clock: OnceLock<Clock>,
    local: OnceLock<Option<Clock>>,
    groups: OnceLock<CelList<'a>>,
    history: OnceLock<CelList<'a>>,
}

/// How a lowered expression names a variable or a constant: no text can contain such a name.
pub(super) fn slot(sign: char, index: usize) -> String {
    format!("{sign}{index}")
}

impl VariableResolver for Looked<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        if let Some(index) = name.strip_prefix('$') {
            let constant = self.constants.get(index.parse::<usize>().ok()?)?;
            return Some(CowVal::Borrowed(constant.value()));
        }
        let index = name.strip_prefix('#')?.parse::<usize>().ok()?;
        self.variable(*Variable::ALL.get(index)?)
    }
}

impl<'a> Looked<'a> {
    pub(super) fn new(view: &'a View<'a>, constants: &'a [Constant]) -> Self {
        Self {
            view,
            constants,
            clock: OnceLock::new(),
            local: OnceLock::new(),
            groups: OnceLock::new(),
            history: OnceLock::new(),
        }
    }

    fn variable(&self, variable: Variable) -> Option<CowVal<'_, '_>> {
        let view = self.view;
        Some(match variable {
            Variable::RequestResource | Variable::ResourceName => text(view.resource.name),
            Variable::RequestRole => text(view.request.role),
            Variable::RequestDuration => span(seconds(view.request.duration)),
            Variable::RequestReason => text(view.request.reason),
            Variable::RequestTicket => text(view.request.ticket),
            Variable::RequestStart => time(view.request.start),
            Variable::OnBehalf => truth(view.request.on_behalf),
            Variable::Extension => truth(view.request.extension),
            Variable::BreakGlass => truth(view.request.break_glass),
            Variable::RequesterEmail => text(view.requester.email),
            Variable::RequesterName => text(view.requester.name),
            Variable::RequesterGroups => CowVal::Borrowed(self.groups()),
            Variable::IsGuest => truth(view.requester.is_guest),
            Variable::Timezone => text(view.requester.timezone),
            Variable::Labels => CowVal::owned(Labels(view.resource.labels)),
            Variable::Sensitivity => text(view.resource.sensitivity),
            Variable::Description => text(view.resource.description),
            Variable::NowTime => time(view.now),
            Variable::History => CowVal::Borrowed(self.history()),
            clock => return self.clock(clock),
        })
    }

    fn clock(&self, variable: Variable) -> Option<CowVal<'_, '_>> {
        let clock = self.clock_of(variable)?;
        Some(match variable {
            Variable::NowHour | Variable::LocalHour => number(clock.hour),
            Variable::NowMinute | Variable::LocalMinute => number(clock.minute),
            Variable::NowWeekday | Variable::LocalWeekday => text(clock.weekday),
            Variable::NowDate | Variable::LocalDate => {
                CowVal::owned(CelString::from(clock.date.to_string()))
            }
            Variable::NowWeekend | Variable::LocalWeekend => truth(clock.weekend),
            Variable::NowHoliday | Variable::LocalHoliday => truth(clock.holiday),
            _ => return None,
        })
    }

    fn clock_of(&self, variable: Variable) -> Option<Clock> {
        let at = |zone| Clock::at(self.view.now, zone, self.view.holidays);
        if variable.is_local() {
            *self.local.get_or_init(|| self.view.local.map(at))
        } else {
            Some(*self.clock.get_or_init(|| at(self.view.zone)))
        }
    }

    fn groups(&self) -> &CelList<'a> {
        self.groups.get_or_init(|| {
            let groups = self.view.requester.groups.iter();
            let boxed = |name: &'a str| Box::new(CelString::from(name)) as Box<dyn Val + 'a>;
            let values: Vec<_> = groups.map(|group| boxed(group.as_str())).collect();
            CelList::from(values)
        })
    }

    fn history(&self) -> &CelList<'a> {
        self.history.get_or_init(|| {
            let history = self.view.history.iter().take(MOST_HISTORY);
            let boxed = |past: &'a PastView<'a>| Box::new(Past(past)) as Box<dyn Val + 'a>;
            CelList::from(history.map(boxed).collect::<Vec<_>>())
        })
    }
}

fn text(text: &str) -> CowVal<'_, '_> {
    CowVal::owned(CelString::from(text))
}

fn truth<'b>(truth: bool) -> CowVal<'b, 'b> {
    CowVal::owned(CelBool::from(truth))
}

fn number<'b>(number: u32) -> CowVal<'b, 'b> {
    CowVal::owned(CelInt::from(i64::from(number)))
}

fn span<'b>(span: TimeDelta) -> CowVal<'b, 'b> {
    CowVal::owned(CelDuration::from(span))
}

fn time<'b>(time: DateTime<Utc>) -> CowVal<'b, 'b> {
    CowVal::owned(CelTimestamp::from(time.fixed_offset()))
}

fn seconds(span: crate::domain::Span) -> TimeDelta {
    TimeDelta::seconds(i64::from(span.seconds()))
}

/// The name that a field or key is looked up by.
fn key(index: &dyn Val) -> Result<&str, ExecutionError> {
    let name = index.downcast_ref::<CelString>();
    name.map(CelString::inner)
        .ok_or_else(|| ExecutionError::no_such_key("?"))
}

/// The labels of a resource.
#[derive(Clone, Copy, Debug)]
struct Labels<'a>(&'a BTreeMap<String, String>);

impl Indexer for Labels<'_> {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let key = key(index)?;
        match self.0.get(key) {
            Some(value) => Ok(CowVal::owned(CelString::from(value.as_str()))),
            None => Err(ExecutionError::no_such_key(key)),
        }
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let labels = *self;
        let value = labels.get(index)?;
        let text = value.downcast_ref::<CelString>().cloned();
        let text = text.unwrap_or_default().into_static();
        Ok(Box::new(text))
    }
}

impl Container for Labels<'_> {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(self.0.contains_key(key(value)?))
    }
}

impl Val for Labels<'_> {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        static MAP: Type = MAP_TYPE;
        &MAP
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(*self)
    }
}

/// One earlier request.
#[derive(Clone, Copy, Debug)]
struct Past<'a>(&'a PastView<'a>);

impl Indexer for Past<'_> {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let past = self.0;
        let text = |text| CowVal::owned(CelString::from(text));
        Ok(match key(index)? {
            "resource" => text(past.resource),
            "role" => text(past.role),
            "rule" => text(past.rule),
            "outcome" => text(past.outcome.as_str()),
            "automatic" => CowVal::owned(CelBool::from(past.automatic)),
            "break_glass" => CowVal::owned(CelBool::from(past.break_glass)),
            "age" => CowVal::owned(CelDuration::from(past.age)),
            "duration" => CowVal::owned(CelDuration::from(seconds(past.duration))),
            "grant" => text(past.grant.as_str()),
            "granted" => {
                let granted = past.granted.map_or(TimeDelta::zero(), seconds);
                CowVal::owned(CelDuration::from(granted))
            }
            other => return Err(ExecutionError::no_such_key(other)),
        })
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let past = *self;
        let value = past.get(index)?;
        Ok(value.into_owned())
    }
}

impl Val for Past<'_> {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        static MAP: Type = MAP_TYPE;
        &MAP
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(*self)
    }
}
