//! Whether an invariant holds for every request.

use serde::Serialize;

use super::super::condition::{Condition, RequestView, RequesterView, ResourceView, View};
use super::super::diff::free_words;
use super::super::space::{self, Crowd, Effect, Named, Point, Side, Space};
use super::super::{Policy, SpaceTooLarge};
use super::demand::{Answer, Demand, Invariant};
use super::longest::{Longest, Wrong, prolonged};

/// Whether an invariant holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Outcome {
    /// For every request.
    Holds {
        /// How many different requests its condition is about.
        requests: usize,
    },
    /// Not for this one.
    Broken(Box<Example>),
    /// It cannot be told, since it depends on what is not in the policy.
    Undecided {
        /// On what.
        why: String,
        /// The request for which it cannot be told.
        example: Option<Box<Example>>,
    },
}

/// A request for which an invariant does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// What is wrong with the answer.
    pub told: String,
    /// The command that shows it, without the path of the policy.
    pub command: Option<String>,
    /// The evaluation that the command prints.
    pub tree: Option<String>,
    /// The resource and the role.
    pub target: (String, String),
    /// The rule that decides.
    pub rule: String,
}

impl Outcome {
    /// What cannot be tried out cannot be told.
    pub(super) fn too_large(large: &SpaceTooLarge) -> Self {
        Self::Undecided {
            why: large.to_string(),
            example: None,
        }
    }

    /// Whether it holds.
    pub fn holds(&self) -> bool {
        matches!(self, Self::Holds { .. })
    }
}

/// Whether the condition of an invariant is about an ask.
enum About {
    Yes,
    No,
    /// Nobody can tell, and why.
    Maybe(String),
}

/// Tries all requests until one breaks the invariant.
pub(super) fn decide(policy: &Policy, invariant: &Invariant) -> Result<Outcome, SpaceTooLarge> {
    let mut named = Named::default();
    named
        .groups
        .extend(invariant.demand.groups().iter().cloned());
    if let Some(condition) = invariant
        .condition
        .as_ref()
        .filter(|known| !space::is_free(known))
    {
        named.condition(condition);
    }
    named.boundaries.on_behalf |= invariant.demand == Demand::NeverOnBehalf;
    named.boundaries.extension |= matches!(invariant.demand, Demand::AtMost(_));
    let crowd = Crowd::of(&[policy], &named);
    let mut requests = 0;
    let mut undecided = None;
    for (resource, role) in policy.targets() {
        let side = Side::of(policy, resource, role);
        if side.rules.is_empty() {
            continue;
        }
        let space = Space::of((resource, role), vec![side], &crowd, &named)?;
        let mut search = Search {
            policy,
            invariant,
            space: &space,
            crowd: &crowd,
            longest: Longest::default(),
            requests: 0,
        };
        match search.first() {
            Some(Outcome::Broken(example)) => return Ok(Outcome::Broken(example)),
            Some(other) => undecided = undecided.or(Some(other)),
            None => {}
        }
        requests += search.requests;
    }
    Ok(undecided.unwrap_or(Outcome::Holds { requests }))
}

struct Search<'a> {
    policy: &'a Policy,
    invariant: &'a Invariant,
    space: &'a Space<'a>,
    crowd: &'a Crowd,
    longest: Longest,
    requests: usize,
}

impl Search<'_> {
    /// The first request that breaks it, else the first of which nobody can tell.
    fn first(&mut self) -> Option<Outcome> {
        let mut classes: Vec<usize> = (0..self.space.classes.len()).collect();
        // An example with somebody who is known reads best, and one that is sure comes first.
        classes.sort_by_key(|class| {
            let class = &self.space.classes[*class];
            (class.united.is_some(), class.humans.is_empty())
        });
        let mut points = Vec::new();
        self.space.each(&classes, |point| points.push(point));
        if let Demand::AtMost(_) = self.invariant.demand {
            for point in &points {
                self.note_longest(*point);
            }
        }
        let mut undecided = None;
        // The free conditions come out in each way for one and the same request.
        for point in points.into_iter().filter(|point| point.free == 0) {
            match self.at(point) {
                Some(Outcome::Broken(example)) => return Some(Outcome::Broken(example)),
                other => undecided = undecided.or(other),
            }
        }
        undecided
    }

    /// Takes note of how long somebody may hold it before they prolong it.
    fn note_longest(&mut self, point: Point) {
        if self.space.modes[point.mode] == space::Mode::Extension {
            return;
        }
        for length in 0..self.space.lengths.len() {
            let point = Point { length, ..point };
            let effect = self.space.effect(0, point);
            let Some(terms) = effect.terms.as_deref() else {
                continue;
            };
            let lasts = self.space.lengths.at(length).or(terms.given);
            let is_about = !matches!(self.about(point, terms.given), About::No);
            let class = &self.space.classes[point.class];
            self.longest.note(class, lasts, is_about);
        }
    }

    /// What comes of asking that for each duration.
    fn at(&mut self, point: Point) -> Option<Outcome> {
        let mut undecided = None;
        let lengths: Vec<usize> = (0..self.space.lengths.len()).collect();
        // Durations that the policy names make the better examples, and so do long ones.
        let best = self.space.lengths.best(&lengths);
        let mut lengths = lengths;
        lengths.reverse();
        lengths.sort_by_key(|length| {
            let span = self.space.lengths.at(*length);
            (span != best, !self.space.lengths.is_named(*length))
        });
        for length in lengths {
            match self.one(Point { length, ..point }) {
                Some(Outcome::Broken(example)) => return Some(Outcome::Broken(example)),
                other => undecided = undecided.or(other),
            }
        }
        undecided
    }

    fn one(&mut self, point: Point) -> Option<Outcome> {
        let masks = 0..1usize << self.space.free.len();
        let mut broken = Vec::new();
        let mut first = None;
        let mut maybe = None;
        for free in masks {
            let point = Point { free, ..point };
            let effect = self.space.effect(0, point);
            let Some(terms) = effect.terms.as_deref() else {
                continue;
            };
            let about = self.about(point, terms.given);
            self.requests += usize::from(!matches!(about, About::No));
            if let Some(wrong) = self.wrong(point, &effect, &about) {
                broken.push(free);
                first = first.or(Some((wrong, point, terms.rule.clone())));
            }
            if let About::Maybe(why) = about {
                maybe = Some(why);
            }
        }
        let (wrong, point, rule) = first?;
        let example = Box::new(self.example(wrong, point, rule));
        Some(match maybe.or_else(|| self.depends(point, &broken)) {
            None => Outcome::Broken(example),
            Some(why) => Outcome::Undecided {
                why,
                example: Some(example),
            },
        })
    }

    /// What is wrong with an answer.
    fn wrong(&self, point: Point, effect: &Effect, about: &About) -> Option<Wrong> {
        let mode = self.space.modes[point.mode];
        if let (Demand::AtMost(most), space::Mode::Extension) = (&self.invariant.demand, mode) {
            let is_about = !matches!(about, About::No);
            let held = self
                .longest
                .held(&self.space.classes[point.class], is_about)?;
            return prolonged(held, self.space.lengths.at(point.length), effect, *most);
        }
        if matches!(about, About::No) {
            return None;
        }
        let answer = Answer {
            people: &self.policy.people,
            effect,
            class: &self.space.classes[point.class],
            mode,
            duration: self.space.lengths.at(point.length),
        };
        let told = self.invariant.demand.broken(&answer)?;
        Some(Wrong { told, held: None })
    }

    /// On what it depends that an invariant is broken, where the policy does not say.
    fn depends(&self, point: Point, broken: &[usize]) -> Option<String> {
        if let Some(two) = self.space.classes[point.class].united {
            return Some(format!(
                "it is broken for {}, which cannot be told from the policy: write the e-mail and the \
                 Slack id of each under `people`",
                space::both(self.crowd, two)
            ));
        }
        let depends = free_words(&self.space.free, broken);
        (!depends.is_empty()).then(|| {
            format!(
                "it is broken {}, and whether that is so cannot be told from the policy",
                depends.join(", ")
            )
        })
    }

    /// Whether the condition is about an ask.
    fn about(&self, point: Point, given: Option<crate::domain::Span>) -> About {
        let Some(condition) = &self.invariant.condition else {
            return About::Yes;
        };
        if space::is_free(condition) {
            let opaque: Vec<&str> = condition.boundaries().opaque.iter().copied().collect();
            return About::Maybe(format!(
                "its condition looks at {}, which is not in the policy",
                opaque.join(", ")
            ));
        }
        match self.holds(condition, point, given) {
            Ok(true) => About::Yes,
            Ok(false) => About::No,
            Err(why) => About::Maybe(format!(
                "its condition cannot be worked out for {}, because {why}",
                self.space.resource
            )),
        }
    }

    fn holds(
        &self,
        condition: &Condition,
        point: Point,
        given: Option<crate::domain::Span>,
    ) -> Result<bool, String> {
        let space = self.space;
        let class = &space.classes[point.class];
        let groups = class.groups_at(0);
        let resource = space.sides.first().and_then(|side| side.resource);
        let Some(resource) = resource else {
            return Ok(false);
        };
        let mode = space.modes[point.mode];
        let now = space.moments[point.moment].at;
        let duration = space.lengths.at(point.length).or(given);
        let view = View {
            request: RequestView {
                role: space.role.as_str(),
                duration: duration.unwrap_or(self.policy.max_duration),
                reason: "",
                ticket: "",
                start: now,
                on_behalf: mode == space::Mode::OnBehalf,
                extension: mode == space::Mode::Extension,
                break_glass: mode == space::Mode::BreakGlass,
            },
            requester: RequesterView {
                email: "",
                name: "",
                groups: &groups,
                is_guest: class.guest,
                timezone: "",
            },
            resource: ResourceView {
                name: resource.facts.name.as_str(),
                labels: &resource.facts.labels,
                sensitivity: resource.facts.sensitivity.as_deref().unwrap_or_default(),
                description: resource.description.as_deref().unwrap_or_default(),
            },
            now,
            zone: self.policy.zone,
            local: None,
            holidays: &self.policy.holidays,
            history: &[],
        };
        condition.holds(&view).map_err(|error| error.to_string())
    }

    fn example(&self, wrong: Wrong, point: Point, rule: String) -> Example {
        let mut replay = space::replay(self.space, self.crowd, point);
        if let Some((held, times)) = wrong.held {
            replay = replay.map(|replay| replay.prolonging(held, times));
        }
        Example {
            told: wrong.told,
            command: replay.as_ref().map(ToString::to_string),
            tree: replay.as_ref().map(|replay| replay.tell(self.policy)),
            target: (self.space.resource.to_string(), self.space.role.to_string()),
            rule,
        }
    }
}
