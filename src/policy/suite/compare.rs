//! What a case expects, held against what the policy answers.

use std::collections::BTreeSet;
use std::fmt;

use super::bundle::Whole;
use super::parse::{Expect, ExpectStep};
use super::stage::{Stage, StepPeople, step_people};
use super::who;
use crate::domain::{GroupName, Quorum, Refusal, Route, RuleName, Span, Step, Terms, Verdict};
use crate::policy::Policy;
use crate::policy::fault::At;

/// Something that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What: a key of `expect`, such as `verdict` or `step 1: from`.
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// What it is.
    pub actual: String,
}

/// Where differences are gathered.
#[derive(Default)]
struct Differences(Vec<Difference>);

impl Differences {
    fn note(&mut self, what: impl Into<String>, expected: &impl ToString, actual: &impl ToString) {
        self.0.push(Difference {
            what: what.into(),
            expected: expected.to_string(),
            actual: actual.to_string(),
        });
    }

    /// Notes two texts that are not the same.
    fn same(&mut self, what: &str, expected: Option<&str>, actual: Option<&str>) {
        if let Some(expected) = expected
            && actual != Some(expected)
        {
            self.note(what, &expected, &actual.unwrap_or("none"));
        }
    }

    /// Notes a text that does not contain another.
    fn contains(&mut self, what: &str, expected: Option<&str>, actual: Option<&str>) {
        if let Some(expected) = expected
            && !actual.is_some_and(|actual| actual.contains(expected))
        {
            let wanted = format!("… {expected} …");
            self.note(what, &wanted, &actual.unwrap_or("none"));
        }
    }
}

/// What a policy answered to a case.
pub(super) struct Answer<'a> {
    pub(super) policy: &'a Policy,
    pub(super) stage: &'a Stage,
    pub(super) verdict: Verdict,
    /// The rule that decided it, if one did.
    pub(super) rule: Option<RuleName>,
}

/// Everything that is not as expected.
pub(super) fn compare(expect: &Expect, answer: &Answer<'_>) -> Vec<Difference> {
    let mut found = Differences::default();
    found.same(
        "verdict",
        expect.verdict,
        Some(verdict_word(&answer.verdict)),
    );
    let rule = expect.rule.as_ref().map(|rule| rule.value.as_str());
    found.same("rule", rule, answer.rule.as_ref().map(RuleName::as_str));
    let (terms, refusal) = match &answer.verdict {
        Verdict::Terms(terms) => (Some(terms.as_ref()), None),
        Verdict::Refused(refusal) => (None, Some(refusal.to_string())),
    };
    found.contains("message", expect.message.as_deref(), refusal.as_deref());
    compare_terms(&mut found, expect, terms);
    if let Some(expected) = &expect.steps {
        let steps = terms.map_or(&[][..], |terms| terms.route.steps_or_skipped());
        if expected.len() != steps.len() {
            found.note("steps", &expected.len(), &steps.len());
        }
        for (index, (expected, step)) in expected.iter().zip(steps).enumerate() {
            compare_step(&mut found, index + 1, (expected, step), answer);
        }
    }
    found.0
}

/// What is not as expected of a bundle as a whole.
pub(super) fn compare_whole(expect: &Expect, whole: &Whole) -> Vec<Difference> {
    let mut found = Differences::default();
    found.same("verdict", expect.verdict, Some(whole.verdict));
    let refusal = whole.refusal.as_ref().map(ToString::to_string);
    found.contains("message", expect.message.as_deref(), refusal.as_deref());
    found.0
}

fn compare_terms(found: &mut Differences, expect: &Expect, terms: Option<&Terms>) {
    let text = |span: Option<Span>| span.map(|span| span.to_string());
    let duration = text(terms.map(|terms| terms.duration));
    found.same(
        "duration",
        text(expect.duration).as_deref(),
        duration.as_deref(),
    );
    let channel = terms.map(|terms| terms.channel.as_str());
    found.same("channel", expect.channel.as_deref(), channel);
    let ticket = terms.and_then(|terms| terms.ticket.as_deref());
    found.same("ticket", expect.ticket.as_deref(), ticket);
    let (why, reviewers) = match terms.map(|terms| &terms.route) {
        Some(Route::Automatic { why }) => (Some(why.as_str()), None),
        Some(Route::BreakGlass(glass)) => (None, Some(glass.review_by.as_slice())),
        Some(Route::Steps(_)) | None => (None, None),
    };
    found.contains("why", expect.why.as_deref(), why);
    if let Some(wanted) = &expect.review_by {
        let wanted = listed(wanted);
        let actual = reviewers.map(names);
        found.same("review_by", Some(&wanted), actual.as_deref());
    }
}

fn compare_step(
    found: &mut Differences,
    number: usize,
    (expected, step): (&ExpectStep, &Step),
    answer: &Answer<'_>,
) {
    let what = |key: &str| format!("step {number}: {key}");
    if let Some(from) = &expected.from {
        found.same(&what("from"), Some(&listed(from)), Some(&names(&step.from)));
    }
    let (count, all) = match step.quorum {
        Quorum::Any(count) => (count, false),
        Quorum::All(count) => (count, true),
    };
    let number = |count: u32| count.to_string();
    let wanted = expected.count.map(number);
    found.same(&what("count"), wanted.as_deref(), Some(&number(count)));
    let mode = |all: bool| if all { "all" } else { "any" };
    found.same(&what("mode"), expected.all.map(mode), Some(mode(all)));
    if expected.eligible.is_empty() && expected.not_eligible.is_empty() {
        return;
    }
    compare_people(found, &what, expected, (step, answer));
}

fn compare_people(
    found: &mut Differences,
    what: &dyn Fn(&str) -> String,
    expected: &ExpectStep,
    (step, answer): (&Step, &Answer<'_>),
) {
    let people = step_people(answer.policy, answer.stage, step);
    let strangers = |said: &[At<String>], is_eligible: bool| -> Vec<String> {
        let named = said.iter().map(|said| name_of(answer.policy, &said.value));
        named
            .filter(|name| people.eligible.contains(name) == is_eligible)
            .collect()
    };
    let missing = strangers(&expected.eligible, false);
    if !missing.is_empty() {
        found.note(what("eligible"), &missing.join(", "), &people);
    }
    let unwanted = strangers(&expected.not_eligible, true);
    if !unwanted.is_empty() {
        let wanted = format!("without {}", unwanted.join(", "));
        found.note(what("not_eligible"), &wanted, &people);
    } else if !people.unknown.is_empty() {
        // Whose own request it is cannot approve, whatever group they are in.
        let own = answer.stage.own_names(answer.policy);
        let mut doubted = strangers(&expected.not_eligible, false);
        doubted.retain(|name| !own.contains(name));
        if !doubted.is_empty() {
            let wanted = format!("without {}", doubted.join(", "));
            let unknown = names(&people.unknown);
            let told = format!("it cannot be told; say who is in {unknown} under `people`");
            found.note(what("not_eligible"), &wanted, &told);
        }
    }
}

/// "bob, carol", and what is to know besides.
impl fmt::Display for StepPeople {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |names: &BTreeSet<String>| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            names.join(", ")
        };
        if self.eligible.is_empty() {
            f.write_str("nobody that is known here")?;
        } else {
            f.write_str(&join(&self.eligible))?;
        }
        if !self.unknown.is_empty() {
            write!(f, "; and whoever is in {} then", names(&self.unknown))?;
        }
        if !self.own.is_empty() {
            write!(f, "; not {}, whose own request it is", join(&self.own))?;
        }
        Ok(())
    }
}

fn name_of(policy: &Policy, said: &str) -> String {
    who::human(policy, said).map_or_else(|| said.to_owned(), |(_, name)| name)
}

/// Names in the order of the alphabet: the order of groups in a step means nothing.
fn listed(written: &[At<String>]) -> String {
    let names: BTreeSet<&str> = written.iter().map(|name| name.value.as_str()).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

fn names(groups: &[GroupName]) -> String {
    let names: BTreeSet<&str> = groups.iter().map(GroupName::as_str).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// The verdict in the word that tests use.
pub fn verdict_word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Refused(Refusal::DeniedByRule { .. }) => "denied",
        Verdict::Refused(_) => "refused",
        Verdict::Terms(terms) => match terms.route {
            Route::Steps(_) => "review",
            Route::Automatic { .. } => "approved",
            Route::BreakGlass(_) => "break-glass",
        },
    }
}
