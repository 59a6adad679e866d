//! How tests of a policy went: for people, as `JUnit`, TAP and JSON.

#![expect(
    clippy::format_push_string,
    reason = "reports are short, and `write!` into a text would have to be unwrapped"
)]

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use serde_json::{Value, json};

use crate::domain::RuleName;
use crate::policy::suite::{CaseReport, Difference, Report};

/// For people: each failed case with what was expected beside what it is, and the evaluation; the
/// rules that no case tried; and the count last.
pub fn tested_human(report: &Report) -> String {
    let mut text = String::new();
    for case in report.failed() {
        text.push_str(&failure(case));
        text.push('\n');
    }
    for rule in &report.untried {
        text.push_str(&format!("rule “{rule}” is tried by no case\n"));
    }
    text.push_str(&summary(report));
    text.push('\n');
    text
}

fn failure(case: &CaseReport) -> String {
    let mut text = format!("FAILED {}\n  {}:{}\n", case.name, case.file, case.line);
    text.push_str(&table(&case.differences));
    let explanation = case.explanation.as_deref().unwrap_or_default();
    for line in explanation.lines() {
        text.push_str(&format!("  | {line}\n"));
    }
    text
}

/// Three columns: what, expected, actual.
fn table(differences: &[Difference]) -> String {
    let width = |cells: &mut dyn Iterator<Item = &str>, least: usize| {
        cells
            .map(|cell| cell.chars().count())
            .fold(least, usize::max)
    };
    let what = width(&mut differences.iter().map(|found| found.what.as_str()), 0);
    let expected = width(
        &mut differences.iter().map(|found| found.expected.as_str()),
        8,
    );
    let row = |cells: [&str; 3]| {
        let [first, second, third] = cells;
        format!("  {first:what$}  {second:expected$}  {third}\n")
    };
    let rows = differences.iter();
    let rows = rows.map(|found| row([&found.what, &found.expected, &found.actual]));
    row(["", "expected", "actual"]) + &rows.collect::<String>()
}

fn summary(report: &Report) -> String {
    let failed = report.failed().count();
    let total = report.cases.len();
    let cases = if total == 1 {
        "1 case".to_owned()
    } else {
        format!("{total} cases")
    };
    let tried = report.rules - report.untried.len();
    let rules = if report.rules == 1 { "rule" } else { "rules" };
    format!(
        "{cases}: {} passed, {failed} failed; {tried} of {} {rules} tried",
        total - failed,
        report.rules
    )
}

/// The XML of `JUnit`.
///
/// # Errors
/// When a text cannot stand in XML.
pub fn tested_junit(report: &Report) -> Result<String, quick_junit::SerializeError> {
    let mut xml = quick_junit::Report::new("jit policy test");
    let mut suites: Vec<TestSuite> = Vec::new();
    for case in &report.cases {
        let at = suites
            .iter()
            .position(|suite| suite.name.as_str() == case.file);
        let at = at.unwrap_or_else(|| {
            suites.push(TestSuite::new(&case.file));
            suites.len() - 1
        });
        suites[at].add_test_case(test_case(case));
    }
    xml.add_test_suites(suites);
    xml.to_string()
}

fn test_case(case: &CaseReport) -> TestCase {
    let status = if case.passed() {
        TestCaseStatus::success()
    } else {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status
            .set_message(differences_line(case))
            .set_description(failure(case));
        status
    };
    let mut test = TestCase::new(&case.name, status);
    test.set_classname(&case.file);
    test.extra.insert("file".into(), case.file.as_str().into());
    test.extra
        .insert("line".into(), case.line.to_string().into());
    test
}

fn differences_line(case: &CaseReport) -> String {
    let found = case.differences.iter();
    let found = found.map(
        |Difference {
             what,
             expected,
             actual,
         }| { format!("{what}: expected {expected}, got {actual}") },
    );
    found.collect::<Vec<_>>().join("; ")
}

/// The Test Anything Protocol, version 14.
pub fn tested_tap(report: &Report) -> String {
    let mut text = format!("TAP version 14\n1..{}\n", report.cases.len());
    for (index, case) in report.cases.iter().enumerate() {
        let word = if case.passed() { "ok" } else { "not ok" };
        let name = case
            .name
            .replace('\\', "\\\\")
            .replace('#', "\\#")
            .replace('\n', " ");
        text.push_str(&format!("{word} {} - {name}\n", index + 1));
        if !case.passed() {
            text.push_str(&diagnostics(case));
        }
    }
    for rule in &report.untried {
        text.push_str(&format!("# rule “{rule}” is tried by no case\n"));
    }
    text.push_str(&format!("# {}\n", summary(report)));
    text
}

/// A block of YAML under a test that failed. JSON is YAML, whatever stands in the texts.
fn diagnostics(case: &CaseReport) -> String {
    let data = [
        ("message", json!(differences_line(case))),
        ("at", json!({ "file": case.file, "line": case.line })),
        (
            "differences",
            Value::Array(case.differences.iter().map(difference_data).collect()),
        ),
        ("explanation", json!(case.explanation)),
    ];
    let lines = data.map(|(key, value)| format!("  {key}: {value}\n"));
    format!("  ---\n{}  ...\n", lines.concat())
}

/// Everything as data.
pub fn tested_json(report: &Report) -> Value {
    json!({
        "passed": report.cases.iter().filter(|case| case.passed()).count(),
        "failed": report.failed().count(),
        "cases": report.cases.iter().map(case_data).collect::<Vec<_>>(),
        "rules": report.rules,
        "untried": report.untried.iter().map(RuleName::as_str).collect::<Vec<_>>(),
    })
}

fn case_data(case: &CaseReport) -> Value {
    json!({
        "name": case.name,
        "file": case.file,
        "line": case.line,
        "passed": case.passed(),
        "rules": case.rules,
        "differences": case.differences.iter().map(difference_data).collect::<Vec<_>>(),
        "explanation": case.explanation,
    })
}

fn difference_data(found: &Difference) -> Value {
    json!({ "what": found.what, "expected": found.expected, "actual": found.actual })
}
