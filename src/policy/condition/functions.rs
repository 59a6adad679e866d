//! The functions that conditions may call, and with what.

use super::super::suggest;
use super::shape::{Kind, Shape};

/// One way to call a function; of a member the first kind is what it is called on.
struct Signature {
    name: &'static str,
    member: bool,
    takes: &'static [Kind],
    gives: Kind,
}

macro_rules! signatures {
    ($($style:ident $name:literal($($takes:ident),*) $gives:ident;)*) => {
        &[$(Signature {
            name: $name,
            member: signatures!(@ $style),
            takes: &[$(Kind::$takes),*],
            gives: Kind::$gives,
        },)*]
    };
    (@ member) => { true };
    (@ global) => { false };
}

const SIGNATURES: &[Signature] = signatures! {
    global "size"(Text) Int;
    global "size"(List) Int;
    member "size"(Text) Int;
    member "size"(List) Int;
    member "contains"(Text, Text) Bool;
    member "startsWith"(Text, Text) Bool;
    member "endsWith"(Text, Text) Bool;
    member "matches"(Text, Text) Bool;
    global "matches"(Text, Text) Bool;
    global "duration"(Text) Duration;
    global "timestamp"(Text) Time;
    global "string"(Text) Text;
    global "string"(Int) Text;
    global "string"(Double) Text;
    global "string"(Bool) Text;
    global "string"(Duration) Text;
    global "string"(Time) Text;
    global "int"(Int) Int;
    global "int"(Double) Int;
    global "int"(Text) Int;
    global "int"(Time) Int;
    global "double"(Int) Double;
    global "double"(Double) Double;
    global "double"(Text) Double;
    global "bool"(Bool) Bool;
    global "bool"(Text) Bool;
    member "getFullYear"(Time) Int;
    member "getFullYear"(Time, Text) Int;
    member "getMonth"(Time) Int;
    member "getMonth"(Time, Text) Int;
    member "getDate"(Time) Int;
    member "getDate"(Time, Text) Int;
    member "getDayOfMonth"(Time) Int;
    member "getDayOfMonth"(Time, Text) Int;
    member "getDayOfWeek"(Time) Int;
    member "getDayOfWeek"(Time, Text) Int;
    member "getDayOfYear"(Time) Int;
    member "getDayOfYear"(Time, Text) Int;
    member "getHours"(Time) Int;
    member "getHours"(Time, Text) Int;
    member "getHours"(Duration) Int;
    member "getMinutes"(Time) Int;
    member "getMinutes"(Time, Text) Int;
    member "getMinutes"(Duration) Int;
    member "getSeconds"(Time) Int;
    member "getSeconds"(Time, Text) Int;
    member "getSeconds"(Duration) Int;
    member "getMilliseconds"(Time) Int;
    member "getMilliseconds"(Time, Text) Int;
    member "getMilliseconds"(Duration) Int;
};

/// The macros, which the parser knows by their number of parts.
const MACROS: [(&str, &str); 7] = [
    ("has", "has(resource.labels.env)"),
    ("exists", "list.exists(x, …)"),
    ("all", "list.all(x, …)"),
    ("exists_one", "list.exists_one(x, …)"),
    ("existsOne", "list.existsOne(x, …)"),
    ("filter", "list.filter(x, …)"),
    ("map", "list.map(x, …)"),
];

/// Whether the parser would have taken it for a macro with other parts.
pub(super) fn is_macro(name: &str) -> bool {
    MACROS.iter().any(|(known, _)| *known == name)
}

/// Why something cannot be called so.
pub(super) struct Misuse {
    pub(super) message: String,
    pub(super) label: &'static str,
    pub(super) hint: String,
}

/// What the call gives. `args` begins with the target of a member call.
pub(super) fn called(name: &str, member: bool, args: &[Shape]) -> Result<Kind, Misuse> {
    if let Some(found) = find(name, member, args) {
        return Ok(found.gives);
    }
    if args.iter().any(Shape::is_broken) && SIGNATURES.iter().any(|one| one.name == name) {
        return Ok(Kind::Broken);
    }
    Err(misuse(name, member, args))
}

fn find(name: &str, member: bool, args: &[Shape]) -> Option<&'static Signature> {
    SIGNATURES.iter().find(|one| {
        let takes = one.takes.iter().copied();
        let same = one.name == name && one.member == member && one.takes.len() == args.len();
        same && takes.zip(args).all(|(kind, arg)| arg.kind == kind)
    })
}

fn misuse(name: &str, member: bool, args: &[Shape]) -> Misuse {
    if let Some((_, usage)) = MACROS.iter().find(|(known, _)| *known == name) {
        return Misuse {
            message: format!("`{name}` is not written so"),
            label: "wrong number of parts",
            hint: format!("write `{usage}`"),
        };
    }
    let ways: Vec<&Signature> = SIGNATURES.iter().filter(|one| one.name == name).collect();
    if ways.is_empty() {
        return unknown(name);
    }
    let given: Vec<&str> = args.iter().map(|arg| arg.kind.name()).collect();
    let usages: Vec<String> = ways.iter().map(|one| one.written()).collect();
    let usages: Vec<&str> = usages.iter().map(String::as_str).collect();
    Misuse {
        message: format!("`{}` is not possible", written(name, member, &given)),
        label: "wrong types",
        hint: format!("it is written {}", suggest::list(&usages, "or")),
    }
}

fn unknown(name: &str) -> Misuse {
    let mut names: Vec<&str> = SIGNATURES.iter().map(|one| one.name).collect();
    names.extend(MACROS.iter().map(|(name, _)| *name));
    names.dedup();
    let near = suggest::nearest(name, names);
    let hint = match near.as_slice() {
        [] => "texts have `contains`, `startsWith`, `endsWith`, `matches` and `size`; lists have \
               `exists`, `all`, `filter`, `map` and `size`"
            .to_owned(),
        near => format!("did you mean {}?", suggest::list(near, "or")),
    };
    Misuse {
        message: format!("there is no function `{name}`"),
        label: "unknown function",
        hint,
    }
}

impl Signature {
    fn written(&self) -> String {
        let takes: Vec<&str> = self.takes.iter().map(|kind| kind.name()).collect();
        written(self.name, self.member, &takes)
    }
}

fn written(name: &str, member: bool, takes: &[&str]) -> String {
    match takes {
        [target, args @ ..] if member => format!("{target}.{name}({})", args.join(", ")),
        args => format!("{name}({})", args.join(", ")),
    }
}
