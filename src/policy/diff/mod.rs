//! What a change of policy changes for people: not in the text, but in the answers.
//!
//! Every target is looked at whose rules differ, or whose askers stand in other groups: the space of
//! asks about it is put to both policies, and what differs is put together again, so that one change
//! of meaning is one line.

mod approvers;
mod cells;
mod danger;
mod people;
mod report;
mod same;
mod words;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use serde::Serialize;

pub use danger::{Danger, Direction};

use self::cells::{Block, CLASS, FREE, LENGTH, MODE, MOMENT, SPENT};
use self::same::Same;
use super::Policy;
use super::condition::Variable;
use super::space::{self, Crowd, Named, Point, Side, Space, SpaceTooLarge};
use crate::domain::{ResourceName, RoleName};

pub(super) use words::free as free_words;

/// One change of meaning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its kind.
    pub danger: Danger,
    /// Whether it lets people do more.
    pub direction: Direction,
    /// For whom, in words.
    pub who: String,
    /// Which roles on which resources, in words; or what else it is about.
    pub what: String,
    /// All of these: resource and role.
    pub targets: BTreeSet<(String, String)>,
    /// For which durations, when, and asked in which way; empty where none of that matters.
    pub when: Vec<String>,
    /// What it was.
    pub before: String,
    /// What it is.
    pub after: String,
    /// What else changes, or comes with it.
    pub details: Vec<String>,
    /// Whether it depends on a condition that cannot be tried out.
    pub undecided: bool,
    /// One request to which it applies, as a command under the new policy; none where the command
    /// line has no way to ask it.
    pub replay: Option<String>,
}

impl Change {
    fn told(danger: Danger, who: String, what: String, before: String, after: String) -> Self {
        Self {
            danger,
            direction: danger.direction(),
            who,
            what,
            targets: BTreeSet::new(),
            when: Vec::new(),
            before,
            after,
            details: Vec::new(),
            undecided: false,
            replay: None,
        }
    }
}

/// The changes between two policies, most dangerous first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diff {
    changes: Vec<Change>,
    /// How many asks were put to both policies.
    asks: usize,
}

/// Resources and roles, in words.
type Names = BTreeSet<(String, String)>;

/// A resource and a role on it.
type Target = (ResourceName, RoleName);

impl Diff {
    /// Compares two policies by what they answer. It fails where they name more than can be tried
    /// out; it never takes longer than some seconds for each target.
    pub fn between(old: &Policy, new: &Policy) -> Result<Self, SpaceTooLarge> {
        let differ = Differ {
            old,
            new,
            crowd: Crowd::of(&[old, new], &Named::default()),
            prints: [prints(old), prints(new)],
            same_defaults: old.defaults_print() == new.defaults_print(),
            same: Same::of(old, new),
        };
        let mut found = Found::default();
        for (first, others) in differ.groups() {
            differ.compare(&first, &others, &mut found)?;
        }
        let asks = found.asks;
        let mut changes = found.changes([old, new]);
        changes.extend(approvers::changes(old, new));
        changes.extend(people::changes(old, new));
        changes.sort_by(|one, other| {
            let key = |change: &Change| (change.danger, change.what.clone(), change.who.clone());
            key(one).cmp(&key(other))
        });
        Ok(Self { changes, asks })
    }

    /// The changes, most dangerous first.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether anything becomes possible, or easier, for anybody.
    pub fn is_laxer(&self) -> bool {
        self.count(Direction::Laxer) > 0
    }

    /// How many changes go that way.
    pub fn count(&self, direction: Direction) -> usize {
        let changes = self.changes.iter();
        changes
            .filter(|change| change.direction == direction)
            .count()
    }
}

/// Each rule in a form that can be compared, by its name.
fn prints(policy: &Policy) -> HashMap<&str, String> {
    let rules = policy.rules.iter();
    rules
        .map(|rule| {
            let mut plain = rule.clone();
            // The numbers of groups follow from the whole policy.
            plain.for_groups = None;
            (rule.name.as_str(), format!("{plain:?}"))
        })
        .collect()
}

struct Differ<'a> {
    old: &'a Policy,
    new: &'a Policy,
    crowd: Crowd,
    prints: [HashMap<&'a str, String>; 2],
    same_defaults: bool,
    /// Groups with a new name.
    same: Same,
}

impl Differ<'_> {
    /// The targets that may have changed: those with the same rules together, since what holds for
    /// one holds for all.
    fn groups(&self) -> Vec<(Target, Vec<Target>)> {
        let all: BTreeSet<Target> = (self.old.targets().chain(self.new.targets()))
            .map(|(resource, role)| (resource.clone(), role.clone()))
            .collect();
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut groups: Vec<(Target, Vec<Target>)> = Vec::new();
        for target in all {
            let sides = self.sides(&target);
            let prints = [0, 1].map(|at| self.print(at, &sides[at], &target.1));
            if self.same_defaults && prints[0] == prints[1] && !self.is_moved(&sides) {
                continue;
            }
            let next = groups.len();
            let at = *known.entry(prints.join("\n")).or_insert(next);
            match groups.get_mut(at) {
                Some((_, others)) => others.push(target),
                None => groups.push((target.clone(), vec![target])),
            }
        }
        groups
    }

    fn sides<'b>(&'b self, (resource, role): &Target) -> [Side<'b>; 2] {
        [self.old, self.new].map(|policy| Side::of(policy, resource, role))
    }

    fn is_moved(&self, sides: &[Side<'_>]) -> bool {
        let rules = || sides.iter().flat_map(|side| &side.rules);
        let groups = rules()
            .flat_map(|rule| space::asking(rule))
            .collect::<BTreeSet<_>>();
        let others = rules().any(|rule| space::look_at_others(rule));
        let differs = |group| self.old.is_dynamic(group) != self.new.is_dynamic(group);
        let all_read = || self.old.people.dynamic().ne(self.new.people.dynamic());
        self.crowd.is_moved(&groups, others) || groups.iter().any(differs) || (others && all_read())
    }

    /// All that the answers about a target follow from, but for the defaults.
    fn print(&self, at: usize, side: &Side<'_>, role: &RoleName) -> String {
        let Some(resource) = side.resource else {
            return "absent".to_owned();
        };
        let mut print = String::new();
        let mut looks = false;
        for rule in &side.rules {
            let name = rule.name.as_str();
            print.push_str(self.prints[at].get(name).map_or(name, String::as_str));
            looks |= space::conditions(rule).any(|condition| looks_at_resource(condition.reads()));
        }
        let mut plain = resource.clone();
        plain.order.clear();
        plain.roles.retain(|(known, _)| known == role);
        plain.default_role = None;
        plain.how_to_connect = None;
        if !looks {
            // What is only shown, and what rules were already chosen by.
            plain.description = None;
            plain.facts.name = ResourceName::new("any");
            plain.facts.labels.clear();
            plain.facts.sensitivity = None;
            plain.facts.roles.clear();
            plain
                .roles
                .iter_mut()
                .for_each(|(role, _)| *role = RoleName::new("any"));
        }
        let per_role = side.rules.iter().map(|rule| side.policy.limit(rule, role));
        let _ = write!(print, "{plain:?}{:?}", per_role.collect::<Vec<_>>());
        print
    }

    fn compare(
        &self,
        first: &Target,
        all: &[Target],
        found: &mut Found,
    ) -> Result<(), SpaceTooLarge> {
        let sides = self.sides(first);
        let same_rules = self.same_defaults
            && self.print(0, &sides[0], &first.1) == self.print(1, &sides[1], &first.1);
        let space = Space::of(
            (&first.0, &first.1),
            sides.into(),
            &self.crowd,
            &Named::default(),
        )?;
        // Under the same rules only those can see a change who stand in other groups.
        let classes: Vec<usize> = (0..space.classes.len())
            .filter(|class| !same_rules || space.classes[*class].is_moved())
            .collect();
        let blocks = cells::compare(&space, &classes, &self.same);
        found.asks += space.len() / space.classes.len().max(1) * classes.len();
        for block in &blocks.blocks {
            let (before, after) = (&blocks.effects[block.before], &blocks.effects[block.after]);
            let line = Line {
                danger: block.danger,
                who: words::who(&self.crowd, &space.classes, &block.sets[CLASS]),
                when: words::context(&space, block),
                before: words::way(before),
                after: words::way(after),
                details: words::details(before, after),
                undecided: block.sets[FREE].len() < 1 << space.free.len()
                    || block.sets[CLASS]
                        .iter()
                        .all(|class| space.classes[*class].united.is_some()),
            };
            let replay = || example(&space, &self.crowd, block);
            found.add(line, all, replay);
        }
        Ok(())
    }
}

fn looks_at_resource(reads: &super::condition::Reads) -> bool {
    use Variable::{Description, Labels, RequestResource, RequestRole, Sensitivity};
    let all = [
        Variable::ResourceName,
        Description,
        Labels,
        RequestResource,
        RequestRole,
        Sensitivity,
    ];
    all.into_iter().any(|variable| reads.has(variable))
}

/// One ask of a block that can be repeated: by somebody who is known, with the longest duration.
fn example(space: &Space<'_>, crowd: &Crowd, block: &Block) -> Option<String> {
    let classes = &block.sets[CLASS];
    let known = |class: &&usize| {
        let class = &space.classes[**class];
        !class.humans.is_empty() && class.united.is_none()
    };
    let class = *classes.iter().find(known).or(classes.first())?;
    let best = space.lengths.best(&block.sets[LENGTH]);
    let length = block.sets[LENGTH]
        .iter()
        .find(|length| space.lengths.at(**length) == best)?;
    let first = |dimension: usize| block.sets[dimension].first().copied();
    let point = Point {
        class,
        length: *length,
        moment: first(MOMENT)?,
        mode: first(MODE)?,
        spent: first(SPENT)?,
        free: first(FREE)?,
    };
    space::replay(space, crowd, point).map(|replay| replay.to_string())
}

/// A change, but for the targets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    danger: Danger,
    who: String,
    when: Vec<String>,
    before: String,
    after: String,
    details: Vec<String>,
    undecided: bool,
}

#[derive(Default)]
struct Found {
    /// Each with its targets, and a command that shows it.
    lines: BTreeMap<Line, (Names, Option<String>)>,
    asks: usize,
}

impl Found {
    fn add(&mut self, line: Line, targets: &[Target], replay: impl FnOnce() -> Option<String>) {
        let entry = self
            .lines
            .entry(line)
            .or_insert_with(|| (BTreeSet::new(), replay()));
        let names = targets
            .iter()
            .map(|(resource, role)| (resource.to_string(), role.to_string()));
        entry.0.extend(names);
    }

    fn changes(self, policies: [&Policy; 2]) -> Vec<Change> {
        let changes = self
            .lines
            .into_iter()
            .map(|(line, (targets, replay))| Change {
                danger: line.danger,
                direction: line.danger.direction(),
                who: line.who,
                what: words::targets(policies, &targets),
                targets,
                when: line.when,
                before: line.before,
                after: line.after,
                details: line.details,
                undecided: line.undecided,
                replay,
            });
        changes.collect()
    }
}
