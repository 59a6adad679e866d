//! Conditions tried over the values at which they can change, for the resources, roles and people
//! that a rule is about.
//!
//! Trying ends with the first ask for which a condition holds. What cannot be worked out counts as
//! possible, and so does what would take long to try.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

use super::Subject;
use super::durations;
use crate::domain::{GroupName, Span};
use crate::policy::condition::{
    Boundaries, Condition, RequestView, RequesterView, ResourceView, Variable, View,
};
use crate::policy::effort::Effort;
use crate::policy::file::RuleEntry;
use crate::policy::space::{Named, moments};

/// More groups than that are not tried in all their combinations.
const MOST_GROUPS: usize = 6;
/// More groups than that besides the named ones make no difference to any test.
const MOST_OTHERS: usize = 2;
/// More stretches of days than that are not tried.
const MOST_STRETCHES: usize = 2_000;
/// What it takes to find a moment.
const PER_MOMENT: usize = 10;
/// What it takes to try a condition once, besides its own steps.
const ONCE: u64 = 50;

/// Tries conditions until it was enough for all rules together.
pub(super) struct Trial<'a> {
    subject: &'a Subject<'a>,
    zone: Tz,
    holidays: BTreeSet<NaiveDate>,
    effort: Effort,
    /// The moments for conditions that were tried before, by their texts.
    moments: HashMap<Vec<String>, Rc<[DateTime<Utc>]>>,
}

/// Conditions that must hold together, with what is tried of them.
struct Tried<'c> {
    conditions: &'c [&'c Condition],
    boundaries: Boundaries,
    groups: Vec<BTreeSet<GroupName>>,
    ways: Vec<Way>,
    moments: Rc<[DateTime<Utc>]>,
    /// What it costs to try them once.
    cost: usize,
    /// What they may cost all in all.
    effort: Effort,
}

/// How somebody asks: as a guest, on behalf, to extend, by break-glass.
type Way = [bool; 4];

/// A resource and role, as far as conditions look at them, and the longest that may be asked for.
type Target<'a> = (
    [Option<&'a str>; 4],
    Option<&'a BTreeMap<String, String>>,
    Span,
);

impl<'a> Trial<'a> {
    /// Nothing tried yet.
    pub(super) fn new(subject: &'a Subject<'a>) -> Self {
        let defaults = &subject.written.defaults;
        let holidays = defaults.holidays.as_ref();
        Self {
            subject,
            zone: defaults
                .timezone
                .as_ref()
                .map_or(Tz::UTC, |zone| zone.value),
            holidays: holidays.map(|days| days.value.clone()).unwrap_or_default(),
            effort: Effort::new(Effort::TRYING),
            moments: HashMap::new(),
        }
    }

    /// Whether these conditions hold together for no ask that the rule is about.
    pub(super) fn never(
        &mut self,
        index: usize,
        rule: &RuleEntry,
        conditions: &[&Condition],
    ) -> bool {
        let Some(tried) = self.tried(index, conditions) else {
            return false;
        };
        let mut seen = BTreeSet::new();
        let mut targets = self.subject.targets[index].iter();
        !targets.any(|&(resource, role)| {
            if !self.spend(&tried, 1) {
                return true;
            }
            let limit = durations::longest(self.subject, rule, (resource, role));
            if !seen.insert(self.target(&tried, (resource, role), limit)) {
                return false;
            }
            let lengths = lengths(rule, limit, &tried.boundaries.durations);
            self.may_hold(&tried, self.view((resource, role), limit), &lengths)
        })
    }

    /// None where there are more groups or moments than are tried.
    fn tried<'c>(&mut self, index: usize, conditions: &'c [&'c Condition]) -> Option<Tried<'c>> {
        let (mut named, mut boundaries) = (Named::default(), Boundaries::default());
        for condition in conditions {
            named.condition(condition);
            boundaries.merge(condition.boundaries());
        }
        let asking = self.subject.matchers[index].requester_in();
        let steps: u64 = (conditions.iter())
            .map(|condition| ONCE + condition.cost())
            .sum();
        Some(Tried {
            conditions,
            groups: groups(&boundaries, asking)?,
            ways: ways(&boundaries),
            moments: self.moments(conditions, &named)?,
            boundaries,
            cost: usize::try_from(steps).unwrap_or(usize::MAX),
            effort: Effort::new(Effort::TRYING_ONE),
        })
    }

    fn moments(&mut self, conditions: &[&Condition], named: &Named) -> Option<Rc<[DateTime<Utc>]>> {
        let texts = conditions.iter().map(|known| known.text().to_owned());
        let texts: Vec<String> = texts.collect();
        if let Some(known) = self.moments.get(&texts) {
            return Some(Rc::clone(known));
        }
        let stretches = stretches(&named.boundaries, self.holidays.len());
        if stretches > MOST_STRETCHES || self.effort.is_spent() {
            return None;
        }
        let found = moments(named, &[self.zone], &self.holidays);
        let found: BTreeSet<DateTime<Utc>> = found.iter().map(|moment| moment.at).collect();
        let found: Rc<[DateTime<Utc>]> = found.iter().copied().chain(fractions(&found)).collect();
        self.effort.spend(found.len().saturating_mul(PER_MOMENT));
        self.moments.insert(texts, Rc::clone(&found));
        Some(found)
    }

    fn spend(&self, tried: &Tried<'_>, units: usize) -> bool {
        tried.effort.spend(units) && self.effort.spend(units)
    }

    fn target(
        &self,
        tried: &Tried<'_>,
        (resource, role): (usize, usize),
        limit: Span,
    ) -> Target<'a> {
        let (facts, written) = (
            &self.subject.facts[resource],
            &self.subject.written.resources[resource],
        );
        let reads = |all: &[Variable]| {
            let mut conditions = tried.conditions.iter();
            conditions.any(|condition| all.iter().any(|variable| condition.reads().has(*variable)))
        };
        let text = |text: Option<&'a str>, all: &[Variable]| text.filter(|_| reads(all));
        let names = [Variable::ResourceName, Variable::RequestResource];
        let description = written.description.as_ref().map(|text| text.value.as_str());
        let texts = [
            text(Some(facts.name.as_str()), &names),
            text(Some(facts.roles[role].as_str()), &[Variable::RequestRole]),
            text(facts.sensitivity.as_deref(), &[Variable::Sensitivity]),
            text(description, &[Variable::Description]),
        ];
        let labels = Some(&facts.labels).filter(|_| reads(&[Variable::Labels]));
        (texts, labels, limit)
    }

    /// An ask about a resource and role, by somebody in no group.
    fn view(&self, (resource, role): (usize, usize), duration: Span) -> View<'_> {
        static NOBODY: BTreeSet<GroupName> = BTreeSet::new();
        let facts = &self.subject.facts[resource];
        let description = self.subject.written.resources[resource]
            .description
            .as_ref();
        View {
            request: RequestView {
                role: facts.roles[role].as_str(),
                duration,
                reason: "",
                ticket: "",
                start: DateTime::UNIX_EPOCH,
                on_behalf: false,
                extension: false,
                break_glass: false,
            },
            requester: RequesterView {
                email: "",
                name: "",
                groups: &NOBODY,
                is_guest: false,
                timezone: "",
            },
            resource: ResourceView {
                name: facts.name.as_str(),
                labels: &facts.labels,
                sensitivity: facts.sensitivity.as_deref().unwrap_or_default(),
                description: description.map_or("", |text| text.value.as_str()),
            },
            now: DateTime::UNIX_EPOCH,
            zone: self.zone,
            local: None,
            holidays: &self.holidays,
            history: &[],
        }
    }

    /// Whether they hold for some ask like this one.
    fn may_hold<'v>(&self, tried: &'v Tried<'_>, mut view: View<'v>, lengths: &[Span]) -> bool {
        for groups in &tried.groups {
            view.requester.groups = groups;
            for [is_guest, on_behalf, extension, break_glass] in tried.ways.iter().copied() {
                view.requester.is_guest = is_guest;
                view.request.on_behalf = on_behalf;
                view.request.extension = extension;
                view.request.break_glass = break_glass;
                for at in tried.moments.iter() {
                    (view.now, view.request.start) = (*at, *at);
                    for length in lengths {
                        view.request.duration = *length;
                        if !self.spend(tried, tried.cost) || tried.may_hold(&view) {
                            return true;
                        }
                    }
                }
            }
        }
        false
    }
}

impl Tried<'_> {
    /// What fails may hold for another ask, or stops the ask.
    fn may_hold(&self, view: &View<'_>) -> bool {
        let mut conditions = self.conditions.iter();
        conditions.all(|condition| condition.holds(view).unwrap_or(true))
    }
}

/// The groups that somebody may be in for whom a rule is, as far as conditions look at them; none
/// where these are too many.
fn groups(
    boundaries: &Boundaries,
    asking: Option<&[GroupName]>,
) -> Option<Vec<BTreeSet<GroupName>>> {
    let named: Vec<GroupName> = boundaries.groups.iter().map(GroupName::new).collect();
    if named.len() > MOST_GROUPS {
        return None;
    }
    let others = if boundaries.other_group {
        MOST_OTHERS
    } else {
        0
    };
    let unseen = asking.and_then(|asking| asking.iter().find(|group| !named.contains(group)));
    let mut found = Vec::new();
    for mask in 0..1usize << named.len() {
        let picked = named
            .iter()
            .enumerate()
            .filter(|(at, _)| mask >> at & 1 == 1);
        let picked: BTreeSet<GroupName> = picked.map(|(_, group)| group.clone()).collect();
        let fits = asking.is_none_or(|asking| asking.iter().any(|group| picked.contains(group)));
        for more in 0..=others {
            let mut groups = picked.clone();
            groups.extend((0..more).map(|number| GroupName::new(format!("({number})"))));
            groups.extend(unseen.filter(|_| !fits).cloned());
            found.extend(Some(groups).filter(|_| fits || unseen.is_some()));
        }
    }
    Some(found)
}

/// About how many parts of days conditions tell apart.
fn stretches(boundaries: &Boundaries, holidays: usize) -> usize {
    let clock = &boundaries.clock;
    let a_day = 1 + clock.hours.len() + 24 * clock.minutes.len();
    let holidays = if clock.holiday { holidays } else { 0 };
    a_day.saturating_mul(1 + clock.dates.len() + boundaries.moments.len() + holidays)
}

/// A moment between every two that are a second apart, or less: a condition may hold just there.
fn fractions(moments: &BTreeSet<DateTime<Utc>>) -> impl Iterator<Item = DateTime<Utc>> {
    let pairs = moments.iter().zip(moments.iter().skip(1));
    let pairs = pairs.map(|(at, next)| (*at, *next - *at));
    let close = pairs.filter(|(_, apart)| *apart <= TimeDelta::seconds(1));
    close.map(|(at, apart)| at + apart / 2)
}

fn ways(boundaries: &Boundaries) -> Vec<Way> {
    let looked_at = [
        boundaries.is_guest,
        boundaries.on_behalf,
        boundaries.extension,
        boundaries.break_glass,
    ];
    let all = (0..1usize << looked_at.len()).map(|mask| [0, 1, 2, 3].map(|at| mask >> at & 1 == 1));
    let counts = |way: &Way| {
        way.iter()
            .zip(looked_at)
            .all(|(is_so, counts)| counts || !is_so)
    };
    all.filter(counts).collect()
}

/// The durations at which a condition can change, as far as they may be asked for by that rule.
fn lengths(rule: &RuleEntry, limit: Span, named: &BTreeSet<Span>) -> Vec<Span> {
    if named.is_empty() {
        return vec![limit];
    }
    let choices = &rule.require.durations;
    if !choices.is_empty() && rule.break_glass.is_none() {
        let choices = choices.iter().map(|choice| choice.value);
        return choices.filter(|choice| *choice <= limit).collect();
    }
    let named = named.iter().copied().filter(|span| *span <= limit);
    named.chain([limit]).collect()
}
