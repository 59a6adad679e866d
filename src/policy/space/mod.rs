//! The asks that stand for all asks: every possible ask about a target is answered like one of them,
//! so trying these decides what a policy, or a change of one, means.
//!
//! The way: `atoms` gathers what the rules about a target name; `crowd` puts people who are alike
//! into classes; `clock` picks moments; [`Space`] is the product of all that. Each point becomes a
//! real ask that the real evaluator answers, by a policy that holds only the rules about that
//! target; there is no second reading of what a rule means. What cannot be tried out, such as a
//! condition on earlier requests, is taken to hold and not to hold, one after the other: then the
//! policy that is asked has `true` or `false` in the place of that condition.
//!
//! Three things are left out since they can only make an answer stricter: groups that cannot be
//! read just now, reasons that do not fit, and askers on behalf to whom a deny applies that does not
//! apply to the holder.

mod atoms;
mod clock;
mod crowd;
mod effect;
mod lengths;
mod replay;
mod sample;
mod uses;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;
use chrono_tz::Tz;
use uuid::Uuid;

pub(super) use atoms::{Named, conditions, groups as asking, is_free, look_at_others};
pub(super) use clock::{Moment, moments, words as moment_words};
pub(super) use crowd::{Class, Crowd, everybody, identity, name};
pub(super) use effect::{Attributes, Effect, Meaning, StepShape, Way};
pub(super) use lengths::Lengths;
pub(super) use replay::{quoted, replay};

use super::Policy;
use super::condition::{Condition, Names};
use super::people::People;
use super::rule::{Resource, Rule};
use crate::domain::{
    Ask, Asker, Circumstances, GroupName, Person, PersonId, ResourceName, RoleName, RuleName, Span,
    Standing,
};

/// The most asks that are tried of one target: some seconds of work.
const MOST_POINTS: usize = 400_000;
/// With so many rules with a limit of uses an ask is tried as quickly as without.
const FEW_LIMITED: usize = 16;
/// The most conditions that are taken both ways together.
const MOST_FREE: usize = 6;
/// The most groups read elsewhere that are taken both ways together.
pub(super) const MOST_DYNAMIC: usize = 6;

/// For how long something was held that is prolonged.
const HELD: Span = Span::minutes(1);

/// The policies name more than can be tried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{role} on {resource} cannot be tried out: {why}")]
pub struct SpaceTooLarge {
    /// The resource.
    pub resource: ResourceName,
    /// The role.
    pub role: RoleName,
    /// What there is too much of.
    pub why: String,
}

/// In which way something is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Mode {
    /// By the holder, now.
    Plain,
    /// By somebody else for the holder.
    OnBehalf,
    /// To prolong an access.
    Extension,
    /// As an emergency.
    BreakGlass,
}

/// One ask of the space: indexes into its dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) class: usize,
    pub(super) length: usize,
    pub(super) moment: usize,
    pub(super) mode: usize,
    /// Which rules approved by themselves as often as they may.
    pub(super) spent: usize,
    /// Which of the conditions that cannot be tried out hold, one bit each.
    pub(super) free: usize,
}

/// A policy with only the rules about one target.
#[derive(Clone, Debug)]
pub(super) struct Side<'a> {
    pub(super) policy: &'a Policy,
    pub(super) resource: Option<&'a Resource>,
    pub(super) rules: Vec<&'a Rule>,
}

/// All asks about one target.
pub(super) struct Space<'a> {
    pub(super) resource: ResourceName,
    pub(super) role: RoleName,
    pub(super) sides: Vec<Side<'a>>,
    pub(super) classes: Vec<Class>,
    pub(super) lengths: Lengths,
    pub(super) moments: Vec<Moment>,
    pub(super) modes: Vec<Mode>,
    /// The rules whose uses are used up, in each way in which that can make a difference.
    pub(super) spent: Vec<BTreeSet<RuleName>>,
    /// The texts of the conditions that cannot be tried out.
    pub(super) free: Vec<String>,
    /// For each side, the policy that is asked under each assumption.
    asked: Vec<Vec<Policy>>,
}

impl<'a> Side<'a> {
    /// The rules about a target, in order.
    pub(super) fn of(policy: &'a Policy, resource: &ResourceName, role: &RoleName) -> Self {
        let found = policy.resources.get(resource);
        let at = found.and_then(|found| found.facts.roles.iter().position(|known| known == role));
        let found = found.filter(|_| at.is_some());
        let order = at
            .and_then(|at| found?.order.get(at))
            .map_or(&[][..], Vec::as_slice);
        Self {
            policy,
            resource: found,
            rules: order
                .iter()
                .filter_map(|number| policy.rules.get(*number))
                .collect(),
        }
    }
}

impl<'a> Space<'a> {
    /// The asks about a target. `more` is named besides, by an invariant.
    pub(super) fn of(
        target: (&ResourceName, &RoleName),
        sides: Vec<Side<'a>>,
        crowd: &Crowd,
        more: &Named,
    ) -> Result<Self, SpaceTooLarge> {
        let (resource, role) = (target.0.clone(), target.1.clone());
        let mut named = more.clone();
        for side in &sides {
            named.add(side, &role);
        }
        named.prolong(&sides);
        let too_large = |why: String| SpaceTooLarge {
            resource: target.0.clone(),
            role: target.1.clone(),
            why,
        };
        if named.free.len() > MOST_FREE {
            let many = named.free.len();
            return Err(too_large(format!(
                "{many} conditions on it look at what is not in the policy, and {MOST_FREE} is the most"
            )));
        }
        let policies: Vec<&Policy> = sides.iter().map(|side| side.policy).collect();
        let classes = crowd.classes(&named, &policies).map_err(&too_large)?;
        let zones: Vec<Tz> = policies.iter().map(|policy| policy.zone).collect();
        let holidays: BTreeSet<NaiveDate> = (policies.iter())
            .flat_map(|policy| policy.holidays.iter().copied())
            .collect();
        let free: Vec<String> = named.free.iter().cloned().collect();
        let spent = uses::spent(&sides, &classes).map_err(|many| {
            let rules = many.rules;
            too_large(format!("{rules} rules on it have a limit of uses"))
        })?;
        let mut space = Self {
            asked: Vec::new(),
            lengths: Lengths::of(&named.durations, named.no_duration),
            moments: clock::moments(&named, &zones, &holidays),
            modes: named.modes(),
            spent,
            resource,
            role,
            sides,
            classes,
            free,
        };
        if space.len() > MOST_POINTS {
            return Err(space.explosion());
        }
        if space.effort() > MOST_POINTS {
            let (asks, rules) = (space.len(), space.limited());
            return Err(too_large(format!(
                "there would be {asks} different asks, each about {rules} rules with a limit of uses"
            )));
        }
        space.asked = (space.sides.iter())
            .map(|side| variants(side, &space.role, &space.free))
            .collect();
        Ok(space)
    }

    /// How many asks there are.
    pub(super) fn len(&self) -> usize {
        let others = [
            self.lengths.len(),
            self.moments.len(),
            self.modes.len(),
            self.spent.len(),
            1 << self.free.len(),
        ];
        (others.into_iter()).fold(self.classes.len(), usize::saturating_mul)
    }

    /// How many asks there are, where those that look at many limited rules count for more.
    fn effort(&self) -> usize {
        let times = self.limited().div_ceil(FEW_LIMITED).max(1);
        self.len().saturating_mul(times)
    }

    /// How many rules have a limit of uses.
    fn limited(&self) -> usize {
        self.spent.last().map_or(0, BTreeSet::len)
    }

    fn explosion(&self) -> SpaceTooLarge {
        SpaceTooLarge {
            resource: self.resource.clone(),
            role: self.role.clone(),
            why: format!(
                "there would be {} different asks ({} kinds of people, {} durations, {} moments, {} \
                 ways to ask, {} undecidable conditions), and {MOST_POINTS} is the most",
                self.len(),
                self.classes.len(),
                self.lengths.len(),
                self.moments.len(),
                self.modes.len() * self.spent.len(),
                self.free.len(),
            ),
        }
    }

    /// Calls that for every ask of people of these classes, but for its duration.
    pub(super) fn each(&self, classes: &[usize], mut visit: impl FnMut(Point)) {
        for &class in classes {
            for mode in 0..self.modes.len() {
                for spent in 0..self.spent.len() {
                    for free in 0..1usize << self.free.len() {
                        for moment in 0..self.moments.len() {
                            let length = 0;
                            visit(Point {
                                class,
                                length,
                                moment,
                                mode,
                                spent,
                                free,
                            });
                        }
                    }
                }
            }
        }
    }

    /// What the policy of that side does with an ask.
    pub(super) fn effect(&self, side: usize, point: Point) -> Effect {
        let (Some(asked), Some(real)) = (self.asked.get(side), self.sides.get(side)) else {
            return Effect::refused();
        };
        let Some(policy) = asked.get(point.free).filter(|_| real.resource.is_some()) else {
            return Effect::refused();
        };
        let ask = self.ask(side, point);
        let verdict = policy.evaluate(&ask, &self.circumstances(point));
        Effect::of(verdict, &ask, real, &self.role)
    }

    fn ask(&self, side: usize, point: Point) -> Ask {
        let class = &self.classes[point.class];
        let mode = self.modes[point.mode];
        let mut ask = Ask {
            standing: standing(class, side),
            role: Some(self.role.to_string()),
            duration: self.lengths.at(point.length),
            reason: sample::FITTING.to_owned(),
            break_glass: mode == Mode::BreakGlass,
            ..Ask::of(somebody(1), self.resource.as_str())
        };
        match mode {
            Mode::OnBehalf => {
                ask.asker = Some(Asker {
                    person: somebody(2),
                    standing: standing(class, side),
                });
            }
            Mode::Extension => ask.extends = Some(crate::domain::RequestId::from_uuid(Uuid::nil())),
            Mode::Plain | Mode::BreakGlass => {}
        }
        ask
    }

    fn circumstances(&self, point: Point) -> Circumstances {
        let now = self.moments[point.moment].at;
        let mut circumstances = Circumstances::at(now);
        let before = now - chrono::TimeDelta::minutes(1);
        let spent = self.spent[point.spent].iter();
        circumstances.past = spent
            .map(|rule| uses::used_up(rule, &self.resource, &self.role, before))
            .collect();
        if self.modes[point.mode] == Mode::Extension {
            circumstances.chain = Some(crate::domain::Chain {
                extensions: 0,
                since: now - chrono::TimeDelta::from(HELD),
                until: now,
            });
        }
        circumstances
    }
}

fn somebody(number: u128) -> Person {
    Person {
        id: PersonId::from_uuid(Uuid::from_u128(number)),
        name: "somebody".to_owned(),
        identities: BTreeSet::new(),
    }
}

fn standing(class: &Class, side: usize) -> Standing {
    Standing {
        groups: class.groups_at(side),
        guest: class.guest,
        ..Standing::default()
    }
}

/// The policies that are asked: one for each way in which the free conditions may come out.
fn variants(side: &Side<'_>, role: &RoleName, free: &[String]) -> Vec<Policy> {
    (0..1usize << free.len())
        .map(|mask| {
            let holds = |text: &str| {
                let at = free.iter().position(|free| free == text)?;
                Some(mask >> at & 1 == 1)
            };
            narrowed(side, role, &holds)
        })
        .collect()
}

/// The policy with the rules of that side only, in the order of trying. People are left out: whoever
/// asks brings their groups along.
fn narrowed(side: &Side<'_>, role: &RoleName, holds: &dyn Fn(&str) -> Option<bool>) -> Policy {
    let mut rules: Vec<Rule> = (side.rules.iter())
        .map(|rule| atoms::assumed(rule, holds))
        .collect();
    let mut numbers: HashMap<GroupName, usize> = HashMap::new();
    for rule in &mut rules {
        let groups = rule.matcher.requester_in();
        rule.for_groups = groups.map(|groups| {
            let next = |group: &GroupName| {
                let next = numbers.len();
                *numbers.entry(group.clone()).or_insert(next)
            };
            groups.iter().map(next).collect()
        });
    }
    let resource = side.resource.map(|found| {
        let mut found = found.clone();
        let is_it = |known: &RoleName| known == role;
        found.order = (found.facts.roles.iter())
            .map(|known| {
                if is_it(known) {
                    (0..rules.len()).collect()
                } else {
                    Vec::new()
                }
            })
            .collect();
        (found.facts.name.clone(), found)
    });
    let lower = |name: &ResourceName| (name.as_str().to_lowercase(), name.clone());
    Policy {
        by_name: resource.iter().map(|(name, _)| lower(name)).collect(),
        resources: resource.into_iter().collect(),
        rules,
        group_numbers: numbers,
        ..side.policy.bare()
    }
}

/// A condition that always comes out the same.
fn constant(holds: bool) -> Option<Condition> {
    Condition::compile(if holds { "true" } else { "false" }, &Names::default()).ok()
}

impl Policy {
    /// Everything but people, groups, connectors, resources and rules.
    fn bare(&self) -> Self {
        Self {
            hash: String::new(),
            warnings: Vec::new(),
            people: People::default(),
            connectors: BTreeMap::new(),
            resources: BTreeMap::new(),
            by_name: HashMap::new(),
            bundles: BTreeMap::new(),
            rules: Vec::new(),
            digests: Vec::new(),
            group_numbers: HashMap::new(),
            channel: self.channel.clone(),
            fallback_channel: self.fallback_channel.clone(),
            admin_channel: self.admin_channel.clone(),
            manager_field: self.manager_field.clone(),
            holidays: self.holidays.clone(),
            admins: self.admins.clone(),
            auditors: self.auditors.clone(),
            ..*self
        }
    }

    /// What holds for every rule, in a form that can be compared.
    pub(super) fn defaults_print(&self) -> String {
        format!("{:?}", self.bare())
    }

    /// All targets: each resource with each of its roles.
    pub(super) fn targets(&self) -> impl Iterator<Item = (&ResourceName, &RoleName)> {
        let resources = self.resources.values();
        resources.flat_map(|resource| {
            let name = &resource.facts.name;
            resource.facts.roles.iter().map(move |role| (name, role))
        })
    }
}

/// Two whom a policy writes once by e-mail and once by Slack id, and who may be one.
pub(super) fn both(crowd: &Crowd, [email, slack]: [usize; 2]) -> String {
    let name = |human: usize| {
        crowd
            .humans
            .get(human)
            .map_or("", |human| human.name.as_str())
    };
    format!("{}, if {} is the same person", name(email), name(slack))
}

/// A duration as it is written.
pub(super) fn written(span: Option<Span>) -> String {
    span.map_or_else(
        || "the default duration".to_owned(),
        |span| span.to_string(),
    )
}
