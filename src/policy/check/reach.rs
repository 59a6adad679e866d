//! Whether a rule can ever matter.

use std::collections::{BTreeSet, HashMap};

use super::Subject;
use super::rules::title;
use crate::policy::effort::Effort;
use crate::policy::fault::Finding;
use crate::policy::file::{RuleDecision, RuleEntry};

/// Every rule matches at least one role of one resource.
pub(super) fn about_something(subject: &Subject<'_>) {
    for (index, rule) in subject.rules() {
        if subject.conclusive[index] && subject.targets[index].is_empty() {
            let message = format!("{} matches nothing", title(rule));
            let finding = Finding::new(rule.name.at, message, "no resource and role fit it");
            subject.log.push(
                finding.hint(
                    "within `match` everything must hold at once; compare it with `resources`",
                ),
            );
        }
    }
}

/// No rule stands behind others that take every ask away from it.
pub(super) fn reachable(subject: &Subject<'_>) {
    let order = Order::new(subject);
    let taken = order.taken(subject);
    if order.effort.is_spent() {
        let first = subject.written.rules.first();
        return first
            .into_iter()
            .for_each(|rule| subject.log.push(too_much(rule)));
    }
    for (rule, taken) in subject.written.rules.iter().zip(taken) {
        if let Taken::By(takers) = taken {
            subject.log.push(unreachable(subject, rule, &takers));
        }
    }
}

fn too_much(rule: &RuleEntry) -> Finding {
    let message = "it would take too long to find out whether each rule can be reached";
    let finding = Finding::new(rule.name.at, message, "too many rules about the same");
    finding.hint("let rules name fewer groups, or fewer resources each")
}

/// What becomes of a rule's asks.
#[derive(Clone, Debug)]
enum Taken {
    /// It is about nothing, as far as is known.
    Nowhere,
    /// All that was looked at so far are taken by these rules.
    By(BTreeSet<usize>),
    /// Some ask is left to it.
    Left,
}

/// Whom a rule is for, and whether it approves by itself. Many rules are for the same.
struct Audience {
    /// The numbers of its groups, in order; none where it is for everybody.
    groups: Option<Vec<usize>>,
    /// A few bits of each of them, to see at one glance that another has more.
    glance: u128,
    approves: bool,
}

impl Audience {
    /// Whether everybody whom the other one is for is taken by this one. A rule that approves by
    /// itself leaves those who ask for somebody else to a later review.
    fn takes(&self, other: &Self) -> bool {
        if self.approves && !other.approves {
            return false;
        }
        match (&self.groups, &other.groups) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(mine), Some(theirs)) => {
                other.glance & !self.glance == 0
                    && theirs.iter().all(|group| mine.binary_search(group).is_ok())
            }
        }
    }
}

/// The rules in the order of trying, and the resources and roles in cells: about all in one cell
/// speak the same rules.
struct Order {
    audiences: Vec<Audience>,
    /// For each rule, its audience.
    audience_of: Vec<usize>,
    /// For each cell, the numbers of the target lists that it lies in.
    cells: Vec<Vec<usize>>,
    effort: Effort,
}

impl Order {
    fn new(subject: &Subject<'_>) -> Self {
        let mut order = Self {
            audiences: Vec::new(),
            audience_of: Vec::new(),
            cells: cells(subject),
            effort: Effort::new(Effort::REACHING),
        };
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut known: HashMap<(Option<Vec<usize>>, bool), usize> = HashMap::new();
        for (index, rule) in subject.rules() {
            let groups = subject.matchers[index].requester_in().map(|groups| {
                let mut found: Vec<usize> = (groups.iter())
                    .map(|group| {
                        let next = numbers.len();
                        *numbers.entry(group.as_str()).or_insert(next)
                    })
                    .collect();
                found.sort_unstable();
                found
            });
            let approves = decision(rule) == Some(RuleDecision::Approve);
            let next = order.audiences.len();
            let audience = *known.entry((groups.clone(), approves)).or_insert(next);
            if audience == next {
                let bits = groups.iter().flatten().map(|group| 1_u128 << (group % 128));
                order.audiences.push(Audience {
                    glance: bits.fold(0, |all, bit| all | bit),
                    groups,
                    approves,
                });
            }
            order.audience_of.push(audience);
        }
        order
    }

    /// For each rule, the rules that together take every ask from it.
    fn taken(&self, subject: &Subject<'_>) -> Vec<Taken> {
        let (_, list_of) = subject.targets.lists();
        let mut rules: Vec<usize> = (0..list_of.len()).collect();
        rules.retain(|rule| subject.conclusive[*rule] && !subject.targets[*rule].is_empty());
        // Rules that deny are tried first.
        rules.sort_by_key(|rule| !subject.written.rules[*rule].denies());
        let mut by_list: HashMap<usize, Vec<(usize, usize)>> = HashMap::new();
        for (place, rule) in rules.iter().enumerate() {
            by_list
                .entry(list_of[*rule])
                .or_default()
                .push((place, *rule));
        }
        let mut taken = vec![Taken::Nowhere; list_of.len()];
        for cell in &self.cells {
            let lists = cell.iter().filter_map(|list| by_list.get(list));
            let mut here: Vec<(usize, usize)> = lists.flatten().copied().collect();
            here.sort_unstable();
            self.take_in_cell(subject, &here, &mut taken);
        }
        taken
    }

    /// Goes through the rules of one cell, in the order of trying.
    fn take_in_cell(&self, subject: &Subject<'_>, here: &[(usize, usize)], taken: &mut [Taken]) {
        let mut takers: Vec<(usize, &Audience)> = Vec::new();
        for (_, rule) in here {
            let audience = &self.audiences[self.audience_of[*rule]];
            if !self.effort.spend(1 + takers.len()) {
                return;
            }
            let taker = takers.iter().find(|(_, taker)| taker.takes(audience));
            let Some((taker, _)) = taker else {
                // A rule that is itself taken here takes nothing more.
                if is_unconditional(&subject.written.rules[*rule]) {
                    takers.push((*rule, audience));
                }
                taken[*rule] = Taken::Left;
                continue;
            };
            match &mut taken[*rule] {
                Taken::By(found) => {
                    found.insert(*taker);
                }
                nowhere @ Taken::Nowhere => *nowhere = Taken::By(BTreeSet::from([*taker])),
                Taken::Left => {}
            }
        }
    }
}

/// The resources and roles that the same rules are about, each by the lists of targets that it
/// stands in.
fn cells(subject: &Subject<'_>) -> Vec<Vec<usize>> {
    let (lists, _) = subject.targets.lists();
    let mut of: HashMap<(usize, usize), Vec<usize>> = HashMap::new();
    for (number, list) in lists.iter().enumerate() {
        for target in list {
            of.entry(*target).or_default().push(number);
        }
    }
    let different: BTreeSet<Vec<usize>> = of.into_values().collect();
    different.into_iter().collect()
}

fn decision(rule: &RuleEntry) -> Option<RuleDecision> {
    rule.decision.as_ref().map(|decision| decision.value)
}

/// Whether a rule matches whenever its `match` does.
fn is_unconditional(rule: &RuleEntry) -> bool {
    rule.decision.is_some() && rule.when.is_none() && rule.limits.is_none()
}

fn unreachable(subject: &Subject<'_>, rule: &RuleEntry, takers: &BTreeSet<usize>) -> Finding {
    let rules = &subject.written.rules;
    let names: Vec<String> = takers.iter().map(|taker| title(&rules[*taker])).collect();
    let message = format!("{} can never be reached", title(rule));
    let verb = if names.len() == 1 { "takes" } else { "take" };
    let label = format!("{} {verb} every ask that it is about", names.join(" and "));
    let finding = Finding::new(rule.name.at, message, label);
    let finding = (takers.iter()).fold(finding, |finding, taker| {
        finding.and(rules[*taker].name.at, "tried before")
    });
    finding.hint("put the narrower rule first, or remove it; rules that deny always come first")
}
