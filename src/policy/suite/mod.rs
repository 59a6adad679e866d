//! Tests of a policy: cases in YAML beside it, each an ask with what the policy should answer.
//!
//! The way of a case: text → `tree` and `fields` as for the policy itself → `parse` ([`Suite`]) →
//! [`Suite::run`], which makes an ask and its circumstances of it (`stage`, with `moment` and
//! `who`), lets the policy answer (each part of a `bundle`), and holds that against what is expected
//! (`compare`). Nothing of
//! it asks anybody: who is in a group with a source of its own is said by the case.

mod bundle;
mod compare;
mod moment;
mod parse;
mod stage;
mod who;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub use bundle::{Part, Whole, parts, past_as_offered, past_of, whole};
pub use compare::{Difference, verdict_word};
pub use moment::Moment;
pub use stage::{Before, Stage, StepPeople, step_people};
pub use who::{Nobody, person};

use self::parse::CaseEntry;
pub(super) use self::parse::VERDICTS;
use super::fault::{Finding, Log};
use super::{Bundle, Explanation, Faults, Policy, RuleOutcome, Source, load, report};
use crate::domain::RuleName;

/// Cases that were read and found without fault.
#[derive(Debug)]
pub struct Suite {
    cases: Vec<CaseEntry>,
    sources: Vec<Source>,
}

/// How the cases went, in their order.
#[derive(Clone, Debug)]
pub struct Report {
    /// Each case.
    pub cases: Vec<CaseReport>,
    /// The rules by which no case was decided, in the order of the policy.
    pub untried: Vec<RuleName>,
    /// How many rules the policy has.
    pub rules: usize,
}

/// How one case went.
#[derive(Clone, Debug)]
pub struct CaseReport {
    /// Its name.
    pub name: String,
    /// The file that it stands in.
    pub file: String,
    /// The line of its name, counted from 1.
    pub line: usize,
    /// What is not as expected; nothing when it passed.
    pub differences: Vec<Difference>,
    /// The rule by which it was decided, if one was; of a bundle, that of each part.
    pub rules: Vec<RuleName>,
    /// Where it failed: the whole evaluation, as `explain` tells it.
    pub explanation: Option<String>,
}

/// Whether that is the name of a file with tests of a policy: `*_test.yaml` or `*.test.yaml` (or
/// `.yml`). Such files are no part of the policy itself.
pub fn is_test_file(name: &str) -> bool {
    let parts = name.rsplit_once('.');
    parts.is_some_and(|(stem, kind)| {
        let marks = |mark: char| {
            stem.rsplit_once(mark)
                .is_some_and(|(_, word)| word == "test")
        };
        matches!(kind, "yaml" | "yml") && (marks('_') || marks('.'))
    })
}

impl Suite {
    /// Reads the cases of a policy: from the test files in its folder, or beside its file those
    /// that are named after it (`access_test.yaml` for `access.yaml`). A path to a test file is
    /// read itself.
    ///
    /// # Errors
    /// Every fault of every file, with its place.
    pub fn load(path: &Path) -> Result<Self, Faults> {
        let files = Self::files(path).map_err(|finding| load::faults(vec![finding]))?;
        Self::from_sources(load::read_files(files)?)
    }

    /// The test files that belong to a policy's path; empty where there are none.
    fn files(path: &Path) -> Result<Vec<PathBuf>, Finding> {
        let name_of = |path: &Path| {
            path.file_name()
                .map(|name| name.to_string_lossy().into_owned())
        };
        let name = name_of(path).unwrap_or_default();
        if !path.is_dir() && is_test_file(&name) {
            return Ok(vec![path.to_owned()]);
        }
        let (folder, stem) = if path.is_dir() {
            (path, None)
        } else {
            let folder = path
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty());
            let stem = path
                .file_stem()
                .map(|stem| stem.to_string_lossy().into_owned());
            (folder.unwrap_or(Path::new(".")), stem)
        };
        let belongs = |name: &str| match &stem {
            None => true,
            Some(stem) => {
                let rest = name.strip_prefix(stem.as_str()).unwrap_or_default();
                rest.starts_with("_test.") || rest.starts_with(".test.")
            }
        };
        let mut files: Vec<PathBuf> = load::entries(folder)?;
        files.retain(|file| {
            let name = name_of(file).unwrap_or_default();
            is_test_file(&name) && !name.starts_with('.') && belongs(&name) && !file.is_dir()
        });
        files.sort();
        Ok(files)
    }

    /// Reads cases from texts, in this order.
    ///
    /// # Errors
    /// Every fault of every text, with its place.
    pub fn from_sources(sources: Vec<Source>) -> Result<Self, Faults> {
        let log = Log::default();
        let cases = parse::parse(&sources, &log);
        log.into_result(&sources)?;
        Ok(Self { cases, sources })
    }

    /// How many cases there are.
    pub fn len(&self) -> usize {
        self.cases.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// Keeps the cases whose name contains the text, in whatever case.
    pub fn keep(&mut self, text: &str) {
        let text = text.to_lowercase();
        self.cases
            .retain(|case| case.name.value.to_lowercase().contains(&text));
    }

    /// Asks the policy every case.
    ///
    /// # Errors
    /// When cases name people, groups, resources or rules that the policy does not have: each with
    /// its place and a hint. Nothing is asked then. What a case asks for may well not be there:
    /// that is an answer of the policy.
    pub fn run(&self, policy: &Policy) -> Result<Report, Faults> {
        let log = Log::default();
        log.against("a test names what the policy has");
        let stages: Vec<Option<Stage>> = (self.cases.iter())
            .map(|case| stage::set(case, policy, &log))
            .collect();
        log.into_result(&self.sources)?;
        let mut lines = Lines::new(&self.sources);
        let mut cases = Vec::with_capacity(self.cases.len());
        for (case, stage) in self.cases.iter().zip(&stages) {
            if let Some(stage) = stage {
                cases.push(run(case, stage, policy, &mut lines));
            }
        }
        let tried: BTreeSet<&RuleName> = cases.iter().flat_map(|case| &case.rules).collect();
        let untried = policy.rules().filter(|rule| !tried.contains(rule)).cloned();
        Ok(Report {
            untried: untried.collect(),
            rules: policy.rules().count(),
            cases,
        })
    }
}

impl Report {
    /// The cases that did not pass.
    pub fn failed(&self) -> impl Iterator<Item = &CaseReport> {
        self.cases.iter().filter(|case| !case.passed())
    }
}

impl CaseReport {
    /// Whether everything was as expected.
    pub fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

fn run(case: &CaseEntry, stage: &Stage, policy: &Policy, lines: &mut Lines<'_>) -> CaseReport {
    if let Some(bundle) = policy.bundle(&stage.ask.resource) {
        return run_bundle(case, &bundle, (stage, policy), lines);
    }
    let explanation = policy.explain(&stage.ask, &stage.circumstances);
    let answer = compare::Answer {
        policy,
        stage,
        verdict: stage.answer(policy, &explanation.verdict),
        rule: deciding_rule(&explanation),
    };
    let differences = compare::compare(&case.expect, &answer);
    let (file, line) = lines.of(&case.name);
    CaseReport {
        name: case.name.value.clone(),
        file,
        line,
        rules: answer.rule.into_iter().collect(),
        explanation: (!differences.is_empty()).then(|| stage.tell(policy, &explanation)),
        differences,
    }
}

fn run_bundle(
    case: &CaseEntry,
    bundle: &Bundle,
    (stage, policy): (&Stage, &Policy),
    lines: &mut Lines<'_>,
) -> CaseReport {
    let parts = parts(policy, bundle, stage);
    let differences = bundle::compare_all(&case.expect, policy, &parts);
    let (file, line) = lines.of(&case.name);
    let told = || report::bundle_text(policy, bundle, &parts);
    CaseReport {
        name: case.name.value.clone(),
        file,
        line,
        rules: (parts.iter())
            .filter_map(|part| deciding_rule(&part.explanation))
            .collect(),
        explanation: (!differences.is_empty()).then(told),
        differences,
    }
}

/// The rule that an evaluation ended with: the one that matched, or that nobody could tell of.
pub fn deciding_rule(explanation: &Explanation) -> Option<RuleName> {
    let last = explanation.tried.last()?;
    let passed_by = matches!(last.outcome, RuleOutcome::NotMatched(_));
    (!passed_by).then(|| last.rule.clone())
}

/// Finds lines in texts, from the top to the bottom without counting twice.
struct Lines<'a> {
    sources: &'a [Source],
    file: usize,
    at: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    fn new(sources: &'a [Source]) -> Self {
        Self {
            sources,
            file: 0,
            at: 0,
            line: 1,
        }
    }

    fn of(&mut self, name: &super::fault::At<String>) -> (String, usize) {
        let place = name.at;
        let Some(source) = self.sources.get(place.file) else {
            return (String::new(), 0);
        };
        if place.file != self.file || place.start < self.at {
            (self.file, self.at, self.line) = (place.file, 0, 1);
        }
        let between = source.text.get(self.at..place.start).unwrap_or_default();
        self.line += between.matches('\n').count();
        self.at = place.start;
        (source.name.clone(), self.line)
    }
}
