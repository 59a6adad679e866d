//! How long policy takes, on a large one: one decision, reading and checking it, comparing two, and
//! running a thousand test cases. Ratios matter, not the machine: each line is printed beside a plain
//! yardstick (hashing the policy's text).

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion};
use jitbot::domain::{Ask, Circumstances, Identity, Person, PersonId, Span, Verdict};
use jitbot::policy::diff::Diff;
use jitbot::policy::suite::Suite;
use jitbot::policy::{Policy, Source};
use sha2::{Digest, Sha256};
use uuid::Uuid;

mod big;

use big::Shape;

/// Decisions timed one by one for the percentiles.
const DECISIONS: usize = 100_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(10);
    let asks = asks();
    for (name, shape) in [("names", Shape::Names), ("labels", Shape::Labels)] {
        let sources = big::policy(shape, false);
        let policy = load(sources.clone());
        percentiles(name, &policy, &asks);
        decision(&mut criterion, name, &policy, &asks);
        reading(&mut criterion, name, &sources);
        let later = load(big::policy(shape, true));
        comparing(&mut criterion, name, &policy, &later);
        if matches!(shape, Shape::Names) {
            testing(&mut criterion, &policy);
        }
    }
    criterion.final_summary();
}

fn load(sources: Vec<Source>) -> Policy {
    Policy::from_sources(sources).unwrap_or_else(|faults| panic!("{faults}"))
}

/// Asks of many different people for many different resources, most of which some rule is about.
fn asks() -> Vec<Ask> {
    (0..big::PEOPLE)
        .map(|number| {
            let person = Person {
                id: PersonId::from_uuid(Uuid::from_u128(number as u128)),
                name: format!("Person {number}"),
                identities: [Identity::email(&big::person(number))].into(),
            };
            Ask {
                role: Some(["readonly", "readwrite"][number % 2].to_owned()),
                duration: Some(Span::minutes(30)),
                reason: "INC-42 to see".to_owned(),
                ..Ask::of(person, format!("db-{}", number % big::RESOURCES))
            }
        })
        .collect()
}

fn monday() -> Circumstances {
    Circumstances::at("2027-03-01T12:00:00Z".parse().expect("a time"))
}

/// The time of one decision: half of them, and all but one in a hundred, take less.
#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn percentiles(name: &str, policy: &Policy, asks: &[Ask]) {
    let circumstances = monday();
    let mut times: Vec<Duration> = (0..DECISIONS)
        .map(|number| {
            let ask = &asks[(number * 7919) % asks.len()];
            let begin = Instant::now();
            black_box(policy.evaluate(black_box(ask), &circumstances));
            begin.elapsed()
        })
        .collect();
    times.sort_unstable();
    let at = |share: usize| times[times.len() * share / 1000];
    let allowed = asks
        .iter()
        .filter(|ask| matches!(policy.evaluate(ask, &circumstances), Verdict::Terms(_)));
    println!(
        "one decision of {} rules ({name}) and {} people: p50 {:?}, p99 {:?}, p99.9 {:?} ({} of {} asks are allowed)",
        big::RULES,
        big::PEOPLE,
        at(500),
        at(990),
        at(999),
        allowed.count(),
        asks.len()
    );
}

fn decision(criterion: &mut Criterion, name: &str, policy: &Policy, asks: &[Ask]) {
    let circumstances = monday();
    let mut turn = asks.iter().cycle();
    let mut group = criterion.benchmark_group(format!("decision, {name}"));
    group.bench_function("evaluate", |bench| {
        bench.iter(|| policy.evaluate(turn.next().expect("asks"), &circumstances));
    });
    group.bench_function("explain", |bench| {
        bench.iter(|| policy.explain(turn.next().expect("asks"), &circumstances));
    });
    group.finish();
}

fn reading(criterion: &mut Criterion, name: &str, sources: &[Source]) {
    let mut group = criterion.benchmark_group(format!("reading, {name}"));
    group.bench_function("yardstick: hash the text", |bench| {
        bench.iter(|| Sha256::digest(black_box(&sources[0].text)));
    });
    group.bench_function("parse and check", |bench| {
        bench.iter_batched(|| sources.to_vec(), load, BatchSize::LargeInput);
    });
    group.finish();
}

fn comparing(criterion: &mut Criterion, name: &str, policy: &Policy, later: &Policy) {
    let mut group = criterion.benchmark_group(format!("comparing, {name}"));
    group.bench_function("diff of two, one rule in fifty changed", |bench| {
        bench.iter(|| {
            Diff::between(policy, later)
                .expect("small enough")
                .changes()
                .len()
        });
    });
    group.finish();
}

/// A thousand cases, each about another person and resource.
fn testing(criterion: &mut Criterion, policy: &Policy) {
    let mut text = String::from("cases:\n");
    for number in 0..1_000 {
        let (who, resource) = (big::person(number), number % big::RESOURCES);
        let _ = writeln!(
            text,
            "  - {{ name: case {number}, who: {who}, ask: db-{resource} readonly 9h, expect: {{ verdict: refused }} }}"
        );
    }
    let name = "policy_test.yaml".to_owned();
    let sources = vec![Source { name, text }];
    let mut group = criterion.benchmark_group("testing");
    group.bench_function("read and run 1,000 cases", |bench| {
        bench.iter(|| {
            let suite = Suite::from_sources(sources.clone()).expect("cases");
            let report = suite.run(policy).expect("names that are there");
            assert!(report.failed().next().is_none());
        });
    });
    group.finish();
}
