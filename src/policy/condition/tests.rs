use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Instant;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;
use crate::domain::{GroupName, Span};

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
    compiled(text).holds(&World::default().view()).map_err(error)
}

#[test]
fn conditions_say_what_they_mean() {
    for (text, wanted) in [
        ("true", true),
        ("request.duration <= duration('2h')", true),
        ("request.duration <= duration('1h') + duration('29m59s')", false),
        ("request.duration * 1 == request.duration", false),
        ("request.duration.getMinutes() == 90", true),
        ("now.weekday != 'sun' && now.weekday == 'mon'", true),
        ("now.weekday in ['sat', 'sun']", false),
        ("now.hour >= 22 || now.hour < 7", true),
        ("now.hour * 60 + now.minute == 22 * 60 + 30", true),
        ("now.date == '2026-11-23' && !now.weekend && !now.holiday", true),
        ("now.date < '2026-12-01'", true),
        ("now.local.hour == 16 && now.local.minute == 30", true),
        ("now.time == request.start", true),
        ("now.time < timestamp('2026-11-24T00:00:00+01:00')", true),
        ("now.time.getHours('Europe/Berlin') == 22", true),
        ("'dba' in requester.groups", true),
        ("requester.groups.exists(g, g == 'leads')", false),
        ("requester.groups.all(g, g.size() > 2)", true),
        ("size(requester.groups.filter(g, g.endsWith('-leads'))) == 1", true),
        ("requester.groups.exists_one(g, g == 'dba')", true),
        ("resource.labels.team + '-leads' in requester.groups", true),
        ("resource.labels.env == 'prod'", true),
        ("resource.labels['env'] == 'prod'", true),
        ("has(resource.labels.tier)", false),
        ("has(resource.labels.env) && 'team' in resource.labels", true),
        ("'tier' in resource.labels && resource.labels.tier == 'gold'", false),
        ("resource.labels.tier == 'gold' || true", true),
        ("resource.sensitivity == ''", true),
        ("resource.name == request.resource", true),
        ("request.reason.matches('INC-[0-9]+')", true),
        ("matches(request.reason, '^CHG')", false),
        ("request.ticket.startsWith('INC-')", true),
        ("request.reason.contains('slow') && request.reason != ''", true),
        ("request.extension && !request.on_behalf && !request.break_glass", true),
        ("requester.email.endsWith('@acme.example') && requester.name == 'Dana'", true),
        ("requester.is_guest ? request.role == 'read' : true", true),
        ("requester.timezone == 'America/New_York'", true),
        ("history.requests.size() == 3", true),
        ("history.requests[0].outcome == 'approved'", true),
        ("history.requests.exists(p, p.outcome == 'denied' && p.age < duration('48h'))", true),
        ("history.requests.all(p, p.resource == request.resource)", false),
        ("history.requests.filter(p, p.automatic).size() >= 3", false),
        ("history.requests.map(p, p.role) == ['read', 'read', 'read']", true),
        ("history.requests.map(p, p.automatic, p.resource) == ['orders-db']", true),
        (
            "history.requests.exists(a, history.requests.exists(b, a.resource == b.resource \
             && a.age < b.age))",
            true,
        ),
        ("int('5') == 5 && double(2) < 2.5 && string(3) == '3'", true),
        ("  // a remark\n  now.hour == 22\n", true),
    ] {
        // Durations cannot be multiplied; that one is told at once.
        if text.contains("duration * 1") {
            assert!(Condition::compile(text, &names()).is_err(), "{text}");
        } else {
            assert_eq!(outcome(text), Ok(wanted), "{text}");
        }
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

#[test]
fn faults_name_their_place_and_how_to_mend_them() {
    let told: Vec<String> = [
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
        "history.requests.all(a, history.requests.all(b, a.role + b.role + a.role != b.rule + \
         a.rule + b.rule))",
    ]
    .map(shown)
    .into();
    insta::assert_snapshot!(told.join("\n"));
}
