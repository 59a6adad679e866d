//! What a condition may look at.

use super::names::Names;
use super::shape::{Domain, Kind, Shape};

/// The most earlier requests that a condition sees.
pub(in crate::policy) const MOST_HISTORY: usize = 200;

macro_rules! variables {
    ($($name:ident = $path:literal: $kind:ident $domain:ident,)*) => {
        /// One thing that a condition may look at.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(in crate::policy) enum Variable {
            $(
                #[doc = concat!("`", $path, "`")]
                $name,
            )*
        }

        impl Variable {
            /// All of them, in the order of their numbers.
            pub(super) const ALL: &[Self] = &[$(Self::$name,)*];

            /// How it is written.
            pub(in crate::policy) fn path(self) -> &'static str {
                match self {
                    $(Self::$name => $path,)*
                }
            }

            fn kind(self) -> (Kind, Domain) {
                match self {
                    $(Self::$name => (Kind::$kind, Domain::$domain),)*
                }
            }
        }
    };
}

variables! {
    RequestResource = "request.resource": Text Resource,
    RequestRole = "request.role": Text Role,
    RequestDuration = "request.duration": Duration Free,
    RequestReason = "request.reason": Text Free,
    RequestTicket = "request.ticket": Text Free,
    RequestStart = "request.start": Time Free,
    OnBehalf = "request.on_behalf": Bool Free,
    Extension = "request.extension": Bool Free,
    BreakGlass = "request.break_glass": Bool Free,
    RequesterEmail = "requester.email": Text Free,
    RequesterName = "requester.name": Text Free,
    RequesterGroups = "requester.groups": List Group,
    IsGuest = "requester.is_guest": Bool Free,
    Timezone = "requester.timezone": Text Zone,
    ResourceName = "resource.name": Text Resource,
    Labels = "resource.labels": Labels Free,
    Sensitivity = "resource.sensitivity": Text Sensitivity,
    Description = "resource.description": Text Free,
    NowTime = "now.time": Time Free,
    NowHour = "now.hour": Int Hour,
    NowMinute = "now.minute": Int Minute,
    NowWeekday = "now.weekday": Text Weekday,
    NowDate = "now.date": Text Date,
    NowWeekend = "now.weekend": Bool Free,
    NowHoliday = "now.holiday": Bool Free,
    LocalHour = "now.local.hour": Int Hour,
    LocalMinute = "now.local.minute": Int Minute,
    LocalWeekday = "now.local.weekday": Text Weekday,
    LocalDate = "now.local.date": Text Date,
    LocalWeekend = "now.local.weekend": Bool Free,
    LocalHoliday = "now.local.holiday": Bool Free,
    History = "history.requests": List Free,
}

/// The fields of an earlier request.
pub(super) const PAST: &[(&str, Kind, Domain)] = &[
    ("resource", Kind::Text, Domain::Resource),
    ("role", Kind::Text, Domain::Role),
    ("rule", Kind::Text, Domain::Rule),
    ("outcome", Kind::Text, Domain::Outcome),
    ("automatic", Kind::Bool, Domain::Free),
    ("break_glass", Kind::Bool, Domain::Free),
    ("age", Kind::Duration, Domain::Free),
    ("duration", Kind::Duration, Domain::Free),
    ("grant", Kind::Text, Domain::Grant),
    ("granted", Kind::Duration, Domain::Free),
];

/// What has fields but is no value by itself.
pub(super) const ROOTS: &[&str] = &[
    "request",
    "requester",
    "resource",
    "now",
    "now.local",
    "history",
];

impl Variable {
    /// The one that is written so.
    pub(super) fn of(path: &str) -> Option<Self> {
        (Self::ALL.iter().copied()).find(|variable| variable.path() == path)
    }

    /// Its field's name.
    pub(super) fn field(self) -> &'static str {
        let path = self.path();
        path.rsplit_once('.').map_or(path, |(_, field)| field)
    }

    /// What is known of it beforehand.
    pub(super) fn shape(self, names: &Names<'_>) -> Shape {
        let (kind, domain) = self.kind();
        match self {
            Self::RequesterGroups => {
                let group = Shape::text(64).within(domain);
                Shape::list(Some(group), names.groups.len().max(1) as u64)
            }
            Self::History => Shape::list(Some(Shape::of(Kind::Past)), MOST_HISTORY as u64),
            Self::RequestReason => Shape::text(4096),
            Self::Description => Shape::text(1024),
            _ if kind == Kind::Text => Shape::text(128).within(domain),
            _ => Shape::of(kind).within(domain),
        }
    }

    /// Whether it is of the clock in the requester's zone.
    pub(super) fn is_local(self) -> bool {
        self.path().starts_with("now.local.")
    }
}

/// The fields of a root, its own roots included.
pub(super) fn fields_of(root: &str) -> Vec<&'static str> {
    let paths = Variable::ALL.iter().map(|variable| variable.path());
    let all = paths.chain(ROOTS.iter().copied());
    all.filter_map(|path| path.strip_prefix(root)?.strip_prefix('.'))
        .filter(|field| !field.contains('.'))
        .collect()
}
