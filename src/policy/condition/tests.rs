use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Instant;

use cel::common::value::CowVal;
use cel::context::VariableResolver;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;
use crate::domain::{GroupName, PastGrant, Span};

/// What an ask is made of; tests change what they are about.
struct World {
    groups: BTreeSet<GroupName>,
    labels: BTreeMap<String, String>,
    holidays: BTreeSet<NaiveDate>,
    history: Vec<PastView<'static>>,
    now: DateTime<Utc>,
    zone: Tz,
    local: Option<Tz>,
    duration: Span,
    reason: String,
}

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn past(resource: &'static str, outcome: PastOutcome, hours: i64) -> PastView<'static> {
    PastView {
        resource,
        role: "read",
        rule: "reads",
        outcome,
        automatic: outcome == PastOutcome::Approved,
        break_glass: false,
        age: TimeDelta::hours(hours),
        duration: Span::hours(1),
        grant: match outcome {
            PastOutcome::Approved => PastGrant::Active,
            _ => PastGrant::None,
        },
        granted: (outcome == PastOutcome::Approved).then_some(Span::minutes(30)),
    }
}

impl Default for World {
    fn default() -> Self {
        Self {
            groups: ["dba", "payments-leads"].map(GroupName::new).into(),
            labels: [("env", "prod"), ("team", "payments")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            holidays: ["2026-12-25".parse().unwrap()].into(),
            history: vec![
                past("orders-db", PastOutcome::Approved, 2),
                past("orders-db", PastOutcome::Denied, 30),
                past("ledger", PastOutcome::Expired, 300),
            ],
            // A Monday, half past ten at night in Berlin.
            now: at("2026-11-23T21:30:00Z"),
            zone: chrono_tz::Europe::Berlin,
            local: Some(chrono_tz::America::New_York),
            duration: Span::minutes(90),
            reason: "INC-17: look at slow queries".to_owned(),
        }
    }
}

impl World {
    fn view(&self) -> View<'_> {
        View {
            request: RequestView {
                role: "read",
                duration: self.duration,
                reason: &self.reason,
                ticket: "INC-17",
                start: self.now,
                on_behalf: false,
                extension: true,
                break_glass: false,
            },
            requester: RequesterView {
                email: "dana@acme.example",
                name: "Dana",
                groups: &self.groups,
                is_guest: false,
                timezone: "America/New_York",
            },
            resource: ResourceView {
                name: "orders-db",
                labels: &self.labels,
                sensitivity: "",
                description: "Orders",
            },
            now: self.now,
            zone: self.zone,
            local: self.local,
            holidays: &self.holidays,
            history: &self.history,
        }
    }
}

fn names() -> Names<'static> {
    Names {
        resources: ["orders-db", "ledger"].into(),
        roles: ["read", "write"].into(),
        groups: ["dba", "leads", "payments-leads"].into(),
        rules: ["reads", "writes"].into(),
        sensitivities: ["high", "low"].into(),
        labels: [
            ("env", BTreeSet::from(["prod", "staging"])),
            ("team", BTreeSet::from(["payments"])),
            ("tier", BTreeSet::from(["gold"])),
        ]
        .into(),
    }
}

fn compiled(text: &str) -> Condition {
    Condition::compile(text, &names()).unwrap_or_else(|faults| panic!("{text}: {faults:#?}"))
}

fn outcome(text: &str) -> Result<bool, String> {
    let error = |error: ConditionError| error.0;
    compiled(text)
        .holds(&World::default().view())
        .map_err(error)
}

/// Conditions and whether they hold in the usual world.
const MEANINGS: &[(&str, bool)] = &[
    ("true", true),
    ("request.duration <= duration('2h')", true),
    (
        "request.duration <= duration('1h') + duration('29m59s')",
        false,
    ),
    ("request.duration.getMinutes() == 90", true),
    ("now.weekday != 'sun' && now.weekday == 'mon'", true),
    ("now.weekday in ['sat', 'sun']", false),
    ("now.hour >= 22 || now.hour < 7", true),
    ("now.hour * 60 + now.minute == 22 * 60 + 30", true),
    (
        "now.date == '2026-11-23' && !now.weekend && !now.holiday",
        true,
    ),
    ("now.date < '2026-12-01'", true),
    ("now.local.hour == 16 && now.local.minute == 30", true),
    ("now.time == request.start", true),
    ("now.time < timestamp('2026-11-24T00:00:00+01:00')", true),
    ("now.time.getHours('Europe/Berlin') == 22", true),
    ("'dba' in requester.groups", true),
    ("requester.groups.exists(g, g == 'leads')", false),
    ("requester.groups.all(g, g.size() > 2)", true),
    (
        "size(requester.groups.filter(g, g.endsWith('-leads'))) == 1",
        true,
    ),
    ("requester.groups.exists_one(g, g == 'dba')", true),
    ("resource.labels.team + '-leads' in requester.groups", true),
    ("resource.labels.env == 'prod'", true),
    ("resource.labels['env'] == 'prod'", true),
    ("has(resource.labels.tier)", false),
    (
        "has(resource.labels.env) && 'team' in resource.labels",
        true,
    ),
    (
        "'tier' in resource.labels && resource.labels.tier == 'gold'",
        false,
    ),
    ("resource.labels.tier == 'gold' || true", true),
    ("resource.sensitivity == ''", true),
    ("resource.name == request.resource", true),
    ("request.reason.matches('INC-[0-9]+')", true),
    ("matches(request.reason, '^CHG')", false),
    ("request.ticket.startsWith('INC-')", true),
    (
        "request.reason.contains('slow') && request.reason != ''",
        true,
    ),
    (
        "request.extension && !request.on_behalf && !request.break_glass",
        true,
    ),
    (
        "requester.email.endsWith('@acme.example') && requester.name == 'Dana'",
        true,
    ),
    ("requester.is_guest ? request.role == 'read' : true", true),
    ("requester.timezone == 'America/New_York'", true),
    ("history.requests.size() == 3", true),
    ("history.requests[0].outcome == 'approved'", true),
    (
        "history.requests.exists(p, p.outcome == 'denied' && p.age < duration('48h'))",
        true,
    ),
    (
        "history.requests.all(p, p.resource == request.resource)",
        false,
    ),
    ("history.requests.filter(p, p.automatic).size() >= 3", false),
    (
        "history.requests.map(p, p.role) == ['read', 'read', 'read']",
        true,
    ),
    (
        "history.requests.map(p, p.automatic, p.resource) == ['orders-db']",
        true,
    ),
    (
        "history.requests.exists(a, history.requests.exists(b, a.resource == b.resource \
             && a.age < b.age))",
        true,
    ),
    ("int('5') == 5 && double(2) < 2.5 && string(3) == '3'", true),
    ("  // a remark\n  now.hour == 22\n", true),
];

#[test]
fn conditions_say_what_they_mean() {
    for (text, wanted) in MEANINGS {
        assert_eq!(outcome(text), Ok(*wanted), "{text}");
    }
}

#[test]
fn what_cannot_be_worked_out_is_told_in_plain_words() {
    let mut told = String::new();
    for text in [
        "resource.labels.tier == 'gold'",
        "resource.labels['tier'] == 'gold'",
        "now.hour / (now.minute - 30) == 1",
        "now.hour % (now.minute - 30) == 1",
        "9223372036854775807 + now.hour > 0",
        "history.requests[7].automatic",
        "int(request.reason) == 3",
        "bool(request.reason)",
        "requester.groups.all(g, resource.labels.tier == g)",
    ] {
        let error = outcome(text).unwrap_err();
        writeln!(told, "{text}\n  {error}").unwrap();
    }
    let world = World {
        local: None,
        ..World::default()
    };
    let local = compiled("now.local.hour < 8").holds(&world.view());
    writeln!(told, "now.local.hour < 8\n  {}", local.unwrap_err()).unwrap();
    insta::assert_snapshot!(told);
}

/// The faults as a person would see them, with carets.
fn shown(text: &str) -> String {
    let faults = Condition::compile(text, &names()).expect_err(text);
    let mut shown = format!("{text}\n");
    for fault in faults {
        let line = &text[..fault.start];
        let column = line.rsplit('\n').next().unwrap_or_default().chars().count();
        let carets = text[fault.start..fault.start + fault.len].chars().count();
        let (space, carets) = (" ".repeat(column), "^".repeat(carets.max(1)));
        writeln!(shown, "{space}{carets} {}", fault.label).unwrap();
        let hint = fault.hint.unwrap_or_else(|| "-".to_owned());
        writeln!(shown, "  {}\n  hint: {hint}", fault.message).unwrap();
    }
    shown
}

/// Conditions that are wrong in all the ways there are.
const WRONG: &[&str] = &[
    // Not CEL at all.
    "",
    "request.role = 'read'",
    "request.role == 'read' and true",
    "request.role == 'read' || ",
    "request.role == 'read",
    "(now.hour > 3",
    "now.hour > 3 é",
    "has(now)",
    // Names that are not there.
    "request.rol == 'read'",
    "reqest.role == 'read'",
    "duration <= duration('1h')",
    "request.role == read",
    "request == request",
    "now.local == now.local",
    "now.local.hours < 3",
    "request.role.name == 'x'",
    "history.requests.exists(p, p.outcom == 'denied')",
    "history.requests.exists(p, q.outcome == 'denied')",
    "resource.labels.evn == 'prod'",
    "resource.labels['evn'] == 'prod'",
    "'evn' in resource.labels",
    "has(resource.labels.evn)",
    "has(request.ticket)",
    // Words that cannot occur.
    "requester.groups.exists(g, g == 'dbaa')",
    "'dbaa' in requester.groups",
    "resource.labels.env == 'prodd'",
    "now.weekday == 'sunday'",
    "now.weekday in ['sat', 'Sun', 'x']",
    "request.role == 'reed'",
    "'reed' != request.role",
    "request.resource == 'order-db'",
    "resource.sensitivity == 'hihg'",
    "history.requests.exists(p, p.outcome == 'refused')",
    "history.requests.exists(p, p.rule == 'redas')",
    "now.date == '2026-2-30'",
    "now.hour == 24 || now.hour > 25 || now.minute in [60]",
    "requester.timezone == 'Europe/Berlinn'",
    "request.role in requester.groups.map(g, g) || 'dbx' in requester.groups.filter(g, true)",
    // Wrong kinds, also where it does not run.
    "request.role",
    "now.hour + 1",
    "requester.groups",
    "false && request.role.startsWith(3)",
    "true || now.hour",
    "!request.reason",
    "request.duration <= '2 hours'",
    "request.duration <= 7200",
    "now.time < '2026-12-24'",
    "now.hour == '8'",
    "request.role == 3",
    "now.weekday < 'tue'",
    "requester.is_guest < true",
    "request.duration + now.hour < duration('1h')",
    "request.role + 1 == 'x'",
    "-request.role == 'x'",
    "now.hour in requester.groups",
    "'x' in request.reason",
    "requester.groups['dba'] == 'dba'",
    "request.role[0] == 'r'",
    "requester.groups == requester.email",
    "['read', 3].size() == 2",
    "requester.is_guest ? 3 : 'x'",
    "now.hour ? true : false",
    "requester.groups.exists(g, g)",
    "requester.groups.filter(g, 1).size() == 1",
    "request.reason.exists(c, c == 'x')",
    "resource.labels.all(k, k != '')",
    "history.requests[0] == history.requests[1]",
    // Functions.
    "request.reason.startWith('x')",
    "request.reason.frobnicate()",
    "contains(request.reason, 'x')",
    "request.reason.size(3) == 1",
    "requester.groups.exists(g == 'dba')",
    "request.reason.matches('(')",
    "request.reason.matches(request.ticket)",
    "request.reason.matches('(?:a{1000}){1000}')",
    "request.duration < duration('1d')",
    "request.duration < duration('soon')",
    "request.duration < duration(request.reason)",
    "now.time > timestamp('2026-12-24')",
    "now.time.getHours('Europe/Berlinn') == 3",
    // What conditions do not know.
    "{'a': 1}.size() == 1",
    "null == null",
    "now.hour == 3u",
    "b'x' == b'x'",
    "Foo{a: 1} == 1",
    // Several at once, each told.
    "request.rol == 'x' &&\n  now.hour == 'x' &&\n  resource.labels.env == 'x'",
    // Loops.
    "requester.groups.exists(now, now == 'dba')",
    "requester.groups.exists(g, requester.groups.exists(g, true))",
    "requester.groups.all(a, requester.groups.all(b, requester.groups.all(c, true)))",
    "history.requests.all(p, request.reason.matches('x'))",
    "request.duration * 2 < duration('1h')",
    "history.requests.all(a, history.requests.all(b, a.role + b.role + a.role != b.rule + \
         a.rule + b.rule))",
];

#[test]
fn faults_name_their_place_and_how_to_mend_them() {
    let told: Vec<String> = WRONG.iter().map(|text| shown(text)).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn clocks_follow_their_zones_through_the_change_of_the_hour() {
    let holds = |now: &str, zone: Tz, text: &str| {
        let world = World {
            now: at(now),
            zone,
            ..World::default()
        };
        compiled(text).holds(&world.view()).unwrap()
    };
    let berlin = chrono_tz::Europe::Berlin;
    for (now, zone, text) in [
        // The hour from two to three is left out in spring, and comes twice in autumn.
        (
            "2026-03-29T00:59:59Z",
            berlin,
            "now.hour == 1 && now.minute == 59",
        ),
        (
            "2026-03-29T01:00:00Z",
            berlin,
            "now.hour == 3 && now.minute == 0",
        ),
        (
            "2026-10-25T00:30:00Z",
            berlin,
            "now.hour == 2 && now.weekend",
        ),
        (
            "2026-10-25T01:30:00Z",
            berlin,
            "now.hour == 2 && now.weekday == 'sun'",
        ),
        (
            "2026-10-25T01:30:00Z",
            berlin,
            "now.local.hour == 21 && now.local.weekday == 'sat'",
        ),
        // The day depends on the zone, and so does whether it is a holiday.
        (
            "2026-12-24T23:30:00Z",
            berlin,
            "now.holiday && !now.local.holiday",
        ),
        (
            "2026-12-24T23:30:00Z",
            chrono_tz::UTC,
            "!now.holiday && now.date == '2026-12-24'",
        ),
        (
            "2026-12-26T03:00:00Z",
            berlin,
            "!now.holiday && now.local.holiday",
        ),
        (
            "2026-11-23T10:45:00Z",
            chrono_tz::Asia::Kathmandu,
            "now.hour == 16 && now.minute == 30",
        ),
    ] {
        assert!(holds(now, zone, text), "{now} {zone}: {text}");
    }
}

#[test]
fn history_is_asked_for_only_where_it_is_read() {
    let reads = |text: &str| compiled(text).reads().needs_history();
    assert!(reads("history.requests.exists(p, p.automatic)"));
    assert!(!reads(
        "request.duration < duration('1h') && 'dba' in requester.groups"
    ));
    assert_eq!(compiled("now.local.weekend").text(), "now.local.weekend");
}

#[test]
fn a_condition_is_shared_between_threads() {
    fn shared<T: Send + Sync + Clone + 'static>(_: &T) {}
    let condition = compiled("request.reason.matches('INC') && now.hour > 3");
    shared(&condition);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let condition = condition.clone();
            std::thread::spawn(move || condition.holds(&World::default().view()).unwrap())
        })
        .collect();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
}

#[test]
fn history_beyond_the_bound_is_not_seen() {
    let world = World {
        history: vec![past("ledger", PastOutcome::Pending, 1); MOST_HISTORY + 50],
        ..World::default()
    };
    let seen = compiled("history.requests.size() == 200").holds(&world.view());
    assert_eq!(seen, Ok(true));
}

#[test]
fn what_became_of_earlier_grants_is_seen() {
    let world = World::default();
    for text in [
        "history.requests.exists(r, r.grant == 'active' && r.granted == duration('30m'))",
        "history.requests.filter(r, r.outcome == 'denied').all(r, r.grant == 'none')",
        "history.requests.exists(r, r.grant == 'none' && r.granted == duration('0s'))",
        "!history.requests.exists(r, r.outcome == 'overruled')",
    ] {
        assert_eq!(compiled(text).holds(&world.view()), Ok(true), "{text}");
    }
    let faults = Condition::compile(
        "history.requests.exists(r, r.grant == 'actve')",
        &Names::default(),
    );
    let told = faults.unwrap_err().remove(0);
    assert!(told.message.contains("no grant `actve`"), "{told:?}");
}

#[test]
fn boundaries_list_what_the_text_names() {
    let told: Vec<String> = [
        "true",
        "request.duration <= duration('2h')",
        "duration('1s') < request.duration && request.duration in [duration('30m')]",
        "request.duration <= duration('1h') + duration('30m')",
        "request.duration + duration('1h') <= duration('2h')",
        "request.duration > duration('9000h')",
        "now.hour >= 8 && now.hour < 18 && now.minute != 0",
        "now.hour * 60 + now.minute > 1000",
        "!(now.weekday in ['sat', 'sun']) || now.weekend || now.holiday",
        "now.date >= '2026-12-24' && now.date != '2026-12-31'",
        "now.date.startsWith('2026-12')",
        "now.time < timestamp('2026-12-24T00:00:00Z') && request.start == now.time",
        "now.local.hour < 8 || now.local.weekday == 'sun'",
        "'dba' in requester.groups || requester.groups.exists(g, g == 'leads' || g in ['dba'])",
        "requester.groups.exists(g, g.startsWith('team'))",
        "requester.groups.all(g, request.role == 'read')",
        "requester.groups.map(g, g) == ['dba']",
        "requester.groups.size() > 2",
        "resource.labels.team + '-leads' in requester.groups",
        "requester.is_guest && request.on_behalf || request.extension && request.break_glass",
        "request.reason != '' && request.ticket != '' && requester.email != ''",
        "history.requests.exists(p, p.duration > request.duration && 'dba' in requester.groups)",
        "request.role == 'read' && resource.labels.env == 'prod' && resource.name == 'ledger'",
    ]
    .map(|text| format!("{text}\n{}", compact(compiled(text).boundaries())))
    .into();
    insta::assert_snapshot!(told.join("\n"));
}

/// The boundaries that are not empty, a line each.
fn compact(found: &Boundaries) -> String {
    let mut told = String::new();
    let mut tell = |name: &str, values: String| {
        if !values.is_empty() {
            writeln!(told, "  {name}: {values}").unwrap();
        }
    };
    tell(
        "durations",
        joined(found.durations.iter().map(|span| span.seconds())),
    );
    tell("moments", joined(&found.moments));
    for (name, clock) in [("policy", &found.clock), ("local", &found.local)] {
        tell(&format!("{name} hours"), joined(&clock.hours));
        tell(&format!("{name} minutes"), joined(&clock.minutes));
        tell(&format!("{name} dates"), joined(&clock.dates));
        let days = [
            ("weekday", clock.weekday),
            ("weekend", clock.weekend),
            ("holiday", clock.holiday),
        ];
        tell(&format!("{name} days"), flags(&days));
    }
    tell("groups", joined(&found.groups));
    tell(
        "flags",
        flags(&[
            ("other group", found.other_group),
            ("guest", found.is_guest),
            ("on behalf", found.on_behalf),
            ("extension", found.extension),
            ("break-glass", found.break_glass),
        ]),
    );
    tell("opaque", joined(&found.opaque));
    told
}

fn joined<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    let values = values.into_iter().map(|value| value.to_string());
    values.collect::<Vec<_>>().join(" ")
}

fn flags(flags: &[(&str, bool)]) -> String {
    let set = flags.iter().filter(|(_, is_set)| *is_set);
    joined(set.map(|(name, _)| name))
}

#[test]
fn boundaries_of_several_conditions_add_up() {
    let mut all = compiled("now.hour == 8 && requester.is_guest")
        .boundaries()
        .clone();
    all.merge(compiled("now.hour == 20 && request.reason != ''").boundaries());
    assert_eq!(all.clock.hours, [7, 8, 9, 19, 20, 21].into());
    assert_eq!(all.opaque, ["request.reason"].into());
    assert!(all.is_guest && !all.on_behalf);
}

/// A condition never answers differently between two neighbouring boundaries of the duration.
#[test]
fn between_boundaries_nothing_changes() {
    let texts = [
        "request.duration <= duration('2h')",
        "request.duration in [duration('30m'), duration('1h')]",
        "request.duration > duration('10m') && request.duration != duration('90m')",
        "duration('25m') >= request.duration || request.duration == duration('1h') + duration('1m')",
    ];
    for text in texts {
        let condition = compiled(text);
        let answer = |seconds: u64| {
            let world = World {
                duration: Span::from_seconds(seconds).unwrap(),
                ..World::default()
            };
            condition.holds(&world.view()).unwrap()
        };
        let named: BTreeSet<u64> = (condition.boundaries().durations.iter())
            .map(|span| u64::from(span.seconds()))
            .collect();
        for seconds in 2..8000 {
            let changed = answer(seconds) != answer(seconds - 1);
            let told = named.contains(&seconds) && named.contains(&(seconds - 1));
            assert!(!changed || told, "{text}: {seconds}");
        }
    }
}

/// What opens something that has to be closed.
const OPENINGS: &[&str] = &[
    "(",
    "[",
    "!",
    "-",
    "- !",
    "{",
    "a.",
    "a[",
    "size(",
    "!(",
    "(!",
    "x ? ",
    "true ? true : ",
    "{'a': ",
    "f(x, ",
    "[[",
    "''+(",
    "a.b(",
    "has(a.",
    "-(",
    "'",
    "\"\"\"",
    "//",
    ".",
    "1..",
    "requester.groups.map(a, ",
    "A{b: ",
];

/// What can be joined without end.
const CHAINS: &[(&str, &str)] = &[
    ("true", "||"),
    ("now.hour > 3", "&&"),
    ("1", "+"),
    ("'x'", "+"),
    ("1", "<"),
    ("1", "=="),
    ("[1]", "+"),
    ("now.hour", "-"),
    ("1", "in"),
    ("1", "/"),
    ("true", "?"),
];

/// Texts that try to blow up the parser, the stack, the memory or the time.
fn hostile() -> Vec<String> {
    let mut texts = vec![
        "a".repeat(5000),
        "\u{0}".to_owned(),
        "é".repeat(900),
        "`".to_owned(),
    ];
    for open in OPENINGS {
        texts.extend([30, 47, 49, 100, 333, 999, 2000].map(|times| open.repeat(times)));
        let closed = |times: usize| {
            let close = match open.trim_start_matches(|c| "!-af'+. ,sizex".contains(c)) {
                "[" => "]",
                "{" | "{'a': " => "}",
                _ => ")",
            };
            format!("{}true{}", open.repeat(times), close.repeat(times))
        };
        texts.extend([20, 47, 49, 200].map(closed));
    }
    for (term, sign) in CHAINS {
        texts.extend([20, 60, 70, 150, 330, 900].map(|times| vec![*term; times].join(sign)));
    }
    texts.extend(greedy());
    texts
}

/// Texts that are short, and that would take much time or room.
fn greedy() -> Vec<String> {
    let mut texts = Vec::new();
    texts.extend([5, 20, 60].map(|times| {
        format!(
            "[request.reason]{}.size() == 1",
            ".map(x, x + x)".repeat(times)
        )
    }));
    texts.extend([5, 20, 60].map(|times| {
        format!(
            "{}true",
            "history.requests.map(p, p.role).exists(r, r == 'read') && ".repeat(times)
        )
    }));
    let sum = vec!["x"; 200].join("+");
    texts.push(format!(
        "[request.reason].map(x, {sum}).map(x, {sum}).size() == 1"
    ));
    texts.push(format!(
        "history.requests.map(a, history.requests.map(b, {sum})).size() == 1"
    ));
    let lists = vec!["history.requests.map(p, p.role)"; 60].join("+");
    texts.push(format!("({lists}).exists(x, ({lists}).exists(y, x == y))"));
    let nested =
        "history.requests.all(a, history.requests.all(b, a.age != b.age || a.role == b.role))";
    texts.extend([1, 2, 3, 30].map(|times| vec![nested; times].join("&&")));
    let pattern = "(x+x+)+y|(a|a)*b|.{0,200}";
    texts.push(format!(
        "history.requests.all(p, !request.reason.matches('{pattern}'))"
    ));
    texts.push(format!(
        "request.reason.matches('{}')",
        "(a?){50}".repeat(30)
    ));
    texts
}

#[test]
fn hostile_texts_are_refused_or_stay_harmless() {
    let world = World {
        reason: "xxxxxxxxxxxxxxaaaaaaaaaa ".repeat(160),
        history: (0..300)
            .map(|hours| past("ledger", PastOutcome::Approved, hours))
            .collect(),
        ..World::default()
    };
    // Less stack than any thread of the product has: nothing may come near to its end.
    let all = move || {
        let mut passed = 0;
        for text in hostile() {
            let begun = Instant::now();
            if let Ok(condition) = Condition::compile(&text, &names()) {
                passed += 1;
                let outcome = condition.holds(&world.view());
                let unknown = ConditionError("it cannot be worked out".to_owned());
                assert_ne!(outcome, Err(unknown), "{text}");
            }
            // A generous bound: the machine may be busy, and this is not optimised.
            assert!(
                begun.elapsed().as_secs() < 20,
                "{text} took {:?}",
                begun.elapsed()
            );
        }
        passed
    };
    let thread = std::thread::Builder::new().stack_size(1024 * 1024);
    let passed = thread.spawn(all).unwrap().join().unwrap();
    assert!(
        passed > 10,
        "some of them are harmless, but only {passed} were let through"
    );
}

#[test]
fn bounds_are_told() {
    let told: Vec<String> = [
        format!("true{}", " ".repeat(5000)),
        vec!["true"; 600].join("||"),
        vec!["1"; 100].join("+"),
        "[".repeat(60) + &"]".repeat(60),
        "[request.reason].map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x + x).size() == 1"
            .to_owned(),
    ]
    .iter()
    .map(|text| {
        let faults = Condition::compile(text, &names()).unwrap_err();
        let fault = faults.first().unwrap();
        format!("{}: {}", &text[..20], fault.message)
    })
    .collect();
    insta::assert_snapshot!(told.join("\n"));
    let chain = vec!["request.role == 'read'"; 150].join(" || ");
    assert_eq!(outcome(&chain), Ok(true), "long chains are no deep nesting");
}

/// Strings that are right.
const TEXTS: &[&str] = &[
    "request.role",
    "request.reason",
    "'x'",
    "requester.email",
    "resource.labels.team",
    "resource.labels.tier",
    "string(now.hour)",
    "now.date",
    "requester.groups[1]",
    "history.requests[0].outcome",
];

/// Ints that are right.
const NUMBERS: &[&str] = &[
    "now.hour",
    "now.minute",
    "3",
    "-1",
    "size(request.reason)",
    "requester.groups.size()",
    "now.time.getDayOfYear()",
    "request.duration.getHours()",
    "int(request.ticket)",
    "9223372036854775807",
];

/// Bools that are right.
const ATOMS: &[&str] = &[
    "true",
    "false",
    "now.weekend",
    "requester.is_guest",
    "'dba' in requester.groups",
    "has(resource.labels.tier)",
    "now.weekday in ['mon', 'sun']",
    "now.local.holiday",
    "history.requests.exists(p, p.automatic)",
    "request.duration < duration('1h')",
    "requester.groups.all(g, g != 'leads')",
];

/// Looks variables up by their paths, as an expression that was not lowered names them.
struct ByPath<'a>(Looked<'a>);

impl VariableResolver for ByPath<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let variable = Variable::of(name)?;
        self.0.resolve(&values::slot('#', variable as usize))
    }
}

/// What the library itself says to a text, without any rewriting.
fn unlowered(text: &str, view: &View<'_>) -> Option<bool> {
    let root = parse::parse(text).unwrap().root;
    let looked = ByPath(Looked::new(view, &[]));
    let mut context = Context::default();
    context.set_variable_resolver(&looked);
    match Value::resolve(&root, &context) {
        Ok(Value::Bool(truth)) => Some(truth),
        _ => None,
    }
}

#[test]
fn rewriting_keeps_the_meaning() {
    let world = World::default();
    for (text, wanted) in MEANINGS {
        assert_eq!(unlowered(text, &world.view()), Some(*wanted), "{text}");
    }
}

/// Conditions in which all kinds are right.
fn truths(depth: u32) -> BoxedStrategy<String> {
    let texts = prop::sample::select(TEXTS)
        .prop_map(ToOwned::to_owned)
        .boxed();
    let numbers = prop::sample::select(NUMBERS)
        .prop_map(ToOwned::to_owned)
        .boxed();
    let atoms = prop::sample::select(ATOMS)
        .prop_map(ToOwned::to_owned)
        .boxed();
    let sums = numbers.clone().prop_recursive(depth, 12, 2, |inner| {
        (
            inner.clone(),
            prop::sample::select(vec!["+", "-", "*", "/", "%"]),
            inner,
        )
            .prop_map(|(left, sign, right)| format!("({left} {sign} {right})"))
    });
    let sums = sums.boxed();
    let tests = prop_oneof![
        atoms,
        (texts.clone(), texts.clone()).prop_map(|(a, b)| format!("({a} + {b}).contains({b})")),
        (sums.clone(), sums.clone()).prop_map(|(a, b)| format!("{a} <= {b}")),
        texts.prop_map(|text| format!("{text}.matches('[a-z]+-?')")),
        sums.clone()
            .prop_map(|sum| format!("[1, 2].exists(n, n == {sum})")),
    ];
    let truths = tests.prop_recursive(depth, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("(({a}) == ({b}))")),
        ]
    });
    truths.boxed()
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_at_a_place_in_it(text in "\\PC{0,80}") {
        if let Err(faults) = Condition::compile(&text, &names()) {
            prop_assert!(!faults.is_empty());
            for fault in faults {
                let end = fault.start + fault.len;
                prop_assert!(text.is_char_boundary(fault.start) && text.is_char_boundary(end));
                prop_assert!(!fault.message.is_empty() && !fault.label.is_empty());
            }
        }
    }

    #[test]
    fn any_row_of_words_and_signs_is_read_or_refused(
        words in prop::collection::vec(prop::sample::select(vec![
            "request", "requester", "resource", "now", "history", ".", "role", "duration",
            "groups", "labels", "env", "requests", "exists", "map", "filter", "all", "has", "(",
            ")", "[", "]", "{", "}", ",", ":", "?", "+", "-", "*", "/", "%", "!", "&&", "||",
            "==", "<", "in", "'prod'", "'2h'", "1", "1.5", "2u", "null", "true", "x", "size",
            "matches", "é", "`", "\"", "request.role", "now.hour", "requester.groups",
        ]), 0..40),
        glue in prop::sample::select(vec!["", " "]),
    ) {
        let text = words.join(glue);
        match Condition::compile(&text, &names()) {
            Ok(condition) => {
                let outcome = condition.holds(&World::default().view());
                let unknown = ConditionError("it cannot be worked out".to_owned());
                prop_assert_ne!(outcome, Err(unknown), "{}", text);
            }
            Err(faults) => {
                prop_assert!(!faults.is_empty());
                for fault in faults {
                    prop_assert!(fault.start + fault.len <= text.len(), "{text}: {fault:?}");
                }
            }
        }
    }

    /// What is right is let through, and never fails for a reason that the checks look at.
    #[test]
    fn what_is_right_gives_no_false_alarm(truths in truths(4)) {
        let condition = match Condition::compile(&truths, &names()) {
            Ok(condition) => condition,
            Err(faults) => {
                let nested = faults.iter().all(|fault| fault.message.contains("nested"));
                prop_assert!(nested, "{truths}: {faults:?}");
                return Ok(());
            }
        };
        let world = World::default();
        let outcome = condition.holds(&world.view());
        prop_assert_eq!(outcome.as_ref().ok().copied(), unlowered(&truths, &world.view()));
        let unknown = ConditionError("it cannot be worked out".to_owned());
        prop_assert_ne!(outcome, Err(unknown), "{}", truths);
    }
}
