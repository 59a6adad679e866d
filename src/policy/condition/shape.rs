//! What is known of a value before it is there: its kind, what it may be, how large it can become,
//! and how much work it takes.

/// The kinds of values that conditions know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Bool,
    Int,
    Double,
    Text,
    Duration,
    Time,
    List,
    /// The labels of a resource: texts by their key.
    Labels,
    /// One earlier request.
    Past,
    /// Already found to be wrong; nothing more is said about it.
    Broken,
}

impl Kind {
    /// With its article, for messages.
    pub(super) fn described(self) -> &'static str {
        match self {
            Self::Bool => "a bool",
            Self::Int => "an int",
            Self::Double => "a double",
            Self::Text => "a string",
            Self::Duration => "a duration",
            Self::Time => "a timestamp",
            Self::List => "a list",
            Self::Labels => "a map of labels",
            Self::Past => "an earlier request",
            Self::Broken => "unknown",
        }
    }

    /// CEL's name of it.
    pub(super) fn name(self) -> &'static str {
        self.described().rsplit(' ').next().unwrap_or_default()
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Double)
    }
}

/// Which words a text or number can be, where that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Domain {
    /// Anything.
    Free,
    Resource,
    Role,
    Group,
    Rule,
    Sensitivity,
    Weekday,
    Outcome,
    Grant,
    Date,
    Zone,
    Hour,
    Minute,
    /// The values of this label.
    Label(String),
}

/// What is known of a value.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) kind: Kind,
    /// What a list holds; none where that is open, as in an empty list.
    pub(super) item: Option<Box<Shape>>,
    pub(super) domain: Domain,
    /// The most bytes that it can take, more or less.
    pub(super) weight: u64,
    /// The most items of a list.
    pub(super) count: u64,
    /// About how many small steps it takes to find out.
    pub(super) cost: u64,
}

impl Shape {
    /// A value of a kind that needs no room of its own.
    pub(super) fn of(kind: Kind) -> Self {
        Self {
            kind,
            item: None,
            domain: Domain::Free,
            weight: 16,
            count: 0,
            cost: 1,
        }
    }

    /// What was already found to be wrong.
    pub(super) fn broken() -> Self {
        Self::of(Kind::Broken)
    }

    /// A text of at most so many bytes.
    pub(super) fn text(weight: u64) -> Self {
        Self {
            weight,
            ..Self::of(Kind::Text)
        }
    }

    /// A list of at most so many items.
    pub(super) fn list(item: Option<Self>, count: u64) -> Self {
        let each = item.as_ref().map_or(16, |item| item.weight);
        Self {
            item: item.map(Box::new),
            count,
            weight: count.saturating_mul(each.saturating_add(16)),
            ..Self::of(Kind::List)
        }
    }

    /// The same, of these possible words.
    pub(super) fn within(self, domain: Domain) -> Self {
        Self { domain, ..self }
    }

    /// The same at this cost.
    pub(super) fn costing(self, cost: u64) -> Self {
        Self { cost, ..self }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.kind == Kind::Broken
    }

    /// Whether it may stand where that kind is wanted.
    pub(super) fn is(&self, kind: Kind) -> bool {
        self.kind == kind || self.is_broken()
    }

    /// Whether the two can be compared.
    pub(super) fn fits(&self, other: &Self) -> bool {
        let items = match (&self.item, &other.item) {
            (Some(one), Some(other)) => one.fits(other),
            _ => true,
        };
        let numbers = self.kind.is_number() && other.kind.is_number();
        numbers || self.is(other.kind) && items || other.is_broken()
    }

    /// With its article, for messages.
    pub(super) fn described(&self) -> String {
        match (&self.item, self.kind) {
            (Some(item), Kind::List) => format!("a list of {}s", item.kind.name()),
            _ => self.kind.described().to_owned(),
        }
    }
}
