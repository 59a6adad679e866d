//! Whose uses are used up: rules that approve by themselves so often only.
//!
//! The first rule that matches decides, so an answer hangs on this alone: whether those before the
//! one that decides are used up, and that one is not. Trying that for every rule of a policy stands for
//! all ways in which uses may be used up.
//!
//! Of two policies, every two rules may decide together. But where two rules match the same people
//! under both, in the same order, the first of them that is left decides under both: these need not be
//! tried with each other. So only a rule that differs, or that moved, is tried with every other one.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::super::condition::Condition;
use super::super::rule::Rule;
use super::{Class, Side, atoms};
use crate::domain::{Past, PastGrant, ResourceName, RoleName, RuleName, Span};

/// More limited rules on one role are not looked at.
const MOST_RULES: usize = 1_000;
/// The most names of rules in all ways together.
const MOST_NAMES: usize = 1_000_000;

type Names<'a> = BTreeSet<&'a RuleName>;

/// Rules that are used up, and rules that are not. Of all others that does not matter.
type Way<'a> = (Names<'a>, Names<'a>);

/// The rules before a place in the order, and the one that stands there; none at the end.
type Place<'a> = (Names<'a>, Option<&'a RuleName>);

/// There are more ways than can be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany {
    /// How many rules have a limit of uses.
    pub(super) rules: usize,
}

/// The rules that are used up, in each way in which that can make a difference; the fewest first.
/// Ways are counted before they are built.
pub(super) fn spent(
    sides: &[Side<'_>],
    classes: &[Class],
) -> Result<Vec<BTreeSet<RuleName>>, TooMany> {
    let orders: Vec<Vec<&RuleName>> = (sides.iter())
        .map(|side| limited(side).map(|rule| &rule.name).collect())
        .collect();
    let rules = orders.iter().map(Vec::len).max().unwrap_or_default();
    if rules > MOST_RULES {
        return Err(TooMany { rules });
    }
    let alike = alike(sides, classes);
    if count(&orders, alike.len()).saturating_mul(rules) > MOST_NAMES {
        return Err(TooMany { rules });
    }
    let renamed = renamed(sides);
    let ways: BTreeSet<BTreeSet<RuleName>> = (all(&orders, &alike).into_iter())
        .filter(|(spent, left)| spent.intersection(left).all(|name| !alike.contains(*name)))
        .filter_map(|way| settled(way, &renamed))
        .collect();
    let mut ways: Vec<BTreeSet<RuleName>> = ways.into_iter().collect();
    ways.sort_by_key(BTreeSet::len);
    Ok(ways)
}

/// About how many ways there are; never less.
fn count(orders: &[Vec<&RuleName>], alike: usize) -> usize {
    let [old, new] = orders else {
        return orders.iter().map(|order| order.len() + 1).sum();
    };
    let with = |one: &[&RuleName], other: &[&RuleName]| (one.len() - alike) * (2 * other.len() + 1);
    2 + alike + with(old, new) + with(new, old)
}

fn all<'a>(orders: &[Vec<&'a RuleName>], alike: &Names<'a>) -> Vec<Way<'a>> {
    let places: Vec<Vec<Place<'a>>> = orders.iter().map(|order| places(order)).collect();
    let [old, new] = &places[..] else {
        let places = places.into_iter().flatten();
        return places.map(|(before, _)| (before, Names::new())).collect();
    };
    let every = orders.iter().flatten().copied().collect();
    let mut ways = vec![Way::default(), (every, Names::new())];
    for (before, one) in old {
        for (also, other) in new {
            let left = left(*one, *other, alike).into_iter();
            ways.extend(left.map(|left| (before | also, left)));
        }
    }
    ways
}

/// Where two rules decide under the two policies, or one of them and a rule without a limit: those
/// that are left.
fn left<'a>(
    one: Option<&'a RuleName>,
    other: Option<&'a RuleName>,
    alike: &Names<'a>,
) -> Vec<Names<'a>> {
    let differing = |name: &&RuleName| !alike.contains(*name);
    let mut differing = [one, other].into_iter().flatten().filter(differing);
    let mut found: Vec<Names<'a>> = (differing.by_ref())
        .map(|name| Names::from([name]))
        .collect();
    if !found.is_empty() || (one.is_some() && one == other) {
        found.push(one.into_iter().chain(other).collect());
    }
    found
}

/// Each place in an order, and the end.
fn places<'a>(order: &[&'a RuleName]) -> Vec<Place<'a>> {
    let ends = (0..=order.len()).map(|at| order.split_at(at));
    ends.map(|(before, rest)| (before.iter().copied().collect(), rest.first().copied()))
        .collect()
}

/// What is used up in a way; none where a rule with a new name would be used up before the old one.
fn settled(
    (spent, left): Way<'_>,
    renamed: &[(&RuleName, &RuleName)],
) -> Option<BTreeSet<RuleName>> {
    let mut spent = &spent - &left;
    for (old, new) in renamed {
        if spent.contains(*new) && left.contains(*old) {
            return None;
        }
        if spent.contains(*new) {
            spent.insert(*old);
        }
    }
    Some(spent.into_iter().cloned().collect())
}

/// The rules that match alike under both policies, and of which none moved past another one.
fn alike<'a>(sides: &[Side<'a>], classes: &[Class]) -> Names<'a> {
    let [old, new] = sides else {
        return Names::new();
    };
    if !is_same_world(old, new) {
        return Names::new();
    }
    let places: BTreeMap<&RuleName, (usize, &Rule)> = (limited(new).enumerate())
        .map(|(at, rule)| (&rule.name, (at, rule)))
        .collect();
    let same = limited(old).filter_map(|rule| {
        let (at, other) = places.get(&rule.name)?;
        let is_same = matching(rule) == matching(other) && !is_moved(rule, classes);
        is_same.then_some((&rule.name, *at))
    });
    in_order(&same.collect::<Vec<_>>())
}

/// Whether conditions see the same time and the same resource.
fn is_same_world(old: &Side<'_>, new: &Side<'_>) -> bool {
    let seen = |side: &Side<'_>| {
        let resource = side.resource?;
        Some(format!("{:?}{:?}", resource.facts, resource.description))
    };
    old.policy.zone == new.policy.zone
        && old.policy.holidays == new.policy.holidays
        && seen(old) == seen(new)
}

/// All that it hangs on whether a rule matches, but for its uses.
fn matching(rule: &Rule) -> String {
    let mut limits = rule.limits.clone();
    if let Some(limits) = &mut limits {
        limits.uses = None;
    }
    let when = rule.when.as_ref().map(Condition::text);
    let asking = rule.matcher.requester_in();
    let glass = &rule.glass;
    format!("{:?}", (rule.decision, asking, limits, when, glass))
}

/// Whether somebody is for one policy in a group that counts for a rule, and not for the other.
fn is_moved(rule: &Rule, classes: &[Class]) -> bool {
    let groups = atoms::groups(rule);
    let others = atoms::look_at_others(rule);
    let mut moved = classes.iter().filter(|class| class.is_moved());
    moved.any(|class| {
        let [old, new] = [0, 1].map(|side| class.groups_at(side));
        others || (groups.iter()).any(|group| old.contains(group) != new.contains(group))
    })
}

/// The most names whose places rise.
fn in_order<'a>(names: &[(&'a RuleName, usize)]) -> Names<'a> {
    // For each name: how many rise up to it, and the one before it.
    let mut best: Vec<(usize, Option<usize>)> = Vec::new();
    for (_, place) in names {
        let before = (best.iter().enumerate()).filter(|(at, _)| names[*at].1 < *place);
        let last = before.max_by_key(|(_, (length, _))| *length);
        best.push(last.map_or((1, None), |(at, (length, _))| (length + 1, Some(at))));
    }
    let longest = (0..best.len()).max_by_key(|at| best[*at].0);
    std::iter::successors(longest, |at| best[*at].1)
        .map(|at| names[at].0)
        .collect()
}

/// Rules with a limit of uses that differ in their names only. Uses are counted by the name, so those of
/// the new one begin anew: they are not used up before those of the old one.
fn renamed<'a>(sides: &[Side<'a>]) -> Vec<(&'a RuleName, &'a RuleName)> {
    let [old, new] = sides else {
        return Vec::new();
    };
    let only = |one: &Side<'a>, other: &Side<'a>| -> Vec<&'a Rule> {
        let known: BTreeSet<&RuleName> = other.policy.rules().collect();
        let limited = one
            .rules
            .iter()
            .copied()
            .filter(|rule| uses(rule).is_some());
        limited.filter(|rule| !known.contains(&rule.name)).collect()
    };
    let print = |rule: &Rule| {
        let mut plain = rule.clone();
        (plain.name, plain.for_groups) = (RuleName::new(""), None);
        format!("{plain:?}")
    };
    let mut added: BTreeMap<String, &RuleName> = BTreeMap::new();
    for rule in only(new, old) {
        added.entry(print(rule)).or_insert(&rule.name);
    }
    let pair = |rule: &'a Rule| Some((&rule.name, *added.get(&print(rule))?));
    only(old, new).into_iter().filter_map(pair).collect()
}

fn uses(rule: &Rule) -> Option<u32> {
    Some(rule.limits.as_ref()?.uses?.0)
}

/// The rules with a limit of uses, in the order of trying.
fn limited<'a>(side: &Side<'a>) -> impl Iterator<Item = &'a Rule> {
    let rules = side.rules.iter().copied();
    rules.filter(|rule| uses(rule).is_some())
}

/// An earlier request by which the uses of a rule are used up: what is tried may be used once.
pub(super) fn used_up(
    rule: &RuleName,
    resource: &ResourceName,
    role: &RoleName,
    at: DateTime<Utc>,
) -> Past {
    Past {
        resource: resource.clone(),
        role: role.clone(),
        rule: rule.clone(),
        outcome: "approved",
        automatic: true,
        break_glass: false,
        asked_at: at,
        duration: Span::hours(1),
        grant: PastGrant::Active,
        granted: Some(Span::hours(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Source;
    use super::*;
    use crate::policy::Policy;

    fn policy(rules: &[usize]) -> Policy {
        read(text(rules))
    }

    fn read(text: String) -> Policy {
        let name = "policy.yaml".to_owned();
        Policy::from_sources(vec![Source { name, text }]).unwrap()
    }

    fn text(rules: &[usize]) -> String {
        // Rules that differ in their names only count as one that was renamed.
        let rules = rules.iter().map(|rule| {
            format!(
                "  - {{ name: r{rule}, match: {{}}, decision: approve, limits: {{ uses: {}, per: 1d }} }}\n",
                rule + 1
            )
        });
        format!(
            "version: 1
defaults: {{ channel: \"#a\", fallback_channel: \"#b\" }}
connectors: {{ main: {{ kind: postgres, mode: login, url: {{ env: MAIN_URL }} }} }}
resources: {{ db: {{ connector: main, roles: {{ read: r }} }} }}
rules:\n{}",
            rules.collect::<Vec<_>>().concat()
        )
    }

    /// The rule that decides, of those that match.
    fn first(order: &[usize], matching: usize, spent: &BTreeSet<RuleName>) -> Option<usize> {
        let is_left = |rule: usize| !spent.contains(&RuleName::new(format!("r{rule}")));
        let mut order = order.iter().copied();
        order.find(|rule| matching >> rule & 1 == 1 && is_left(*rule))
    }

    #[test]
    fn what_is_tried_stands_for_every_way_in_which_rules_may_be_used_up() {
        let (old, new) = ([0, 1, 2, 3], [3, 1, 4, 0]);
        // In another zone any rule may match otherwise, so any two may decide together.
        let elsewhere = text(&new).replace("defaults: {", "defaults: { timezone: Europe/Berlin,");
        let policies = [policy(&old), read(elsewhere)];
        let (db, read) = (ResourceName::new("db"), RoleName::new("read"));
        let sides = [0, 1].map(|at| Side::of(&policies[at], &db, &read));
        let tried = spent(&sides, &[]).unwrap();
        assert!(tried.len() < 32, "{tried:#?}");
        for (mine, theirs) in (0..32).flat_map(|mine| (0..32).map(move |theirs| (mine, theirs))) {
            let decide =
                |spent: &BTreeSet<RuleName>| (first(&old, mine, spent), first(&new, theirs, spent));
            let reached: BTreeSet<_> = tried.iter().map(decide).collect();
            for mask in 0..32_usize {
                let picked = (0..5).filter(|rule| mask >> rule & 1 == 1);
                let spent = picked
                    .map(|rule| RuleName::new(format!("r{rule}")))
                    .collect();
                assert!(
                    reached.contains(&decide(&spent)),
                    "{mine} {theirs} {spent:?}"
                );
            }
        }
        assert_eq!(
            spent(&sides[..1], &[]).unwrap().len(),
            5,
            "of one policy: as many as rules, and none"
        );
    }

    /// How many ways there are for rules of which only the uses of the first one differ.
    fn ways(rules: usize) -> Result<usize, TooMany> {
        let order: Vec<usize> = (0..rules).collect();
        let text = |first: &str| text(&order).replacen("uses: 1,", first, 1);
        let policies = [text("uses: 1,"), text("uses: 7,")].map(read);
        let (db, read) = (ResourceName::new("db"), RoleName::new("read"));
        let sides = [0, 1].map(|at| Side::of(&policies[at], &db, &read));
        spent(&sides, &[]).map(|ways| ways.len())
    }

    #[test]
    fn rules_that_match_alike_are_not_tried_with_each_other() {
        assert_eq!(ways(12), Ok(13));
        assert_eq!(ways(150), Ok(151));
        assert_eq!(ways(1001), Err(TooMany { rules: 1001 }));
    }

    #[test]
    fn ways_are_counted_before_they_are_built() {
        let order: Vec<usize> = (0..150).collect();
        let policies = [
            policy(&order),
            read(text(&order).replace(
                "match: {}",
                "match: {}, when: \"request.duration < duration('2h')\"",
            )),
        ];
        let (db, read) = (ResourceName::new("db"), RoleName::new("read"));
        let sides = [0, 1].map(|at| Side::of(&policies[at], &db, &read));
        assert_eq!(spent(&sides, &[]), Err(TooMany { rules: 150 }));
    }

    #[test]
    fn a_rule_that_moved_or_differs_is_tried_with_every_other_one() {
        // Rules 0 to 4 match alike for both, rule 5 does not.
        let (old, new) = ([0, 1, 2, 3, 5], [3, 0, 5, 1, 4, 2]);
        let policies = [
            policy(&old),
            read(text(&new).replacen(
                "r5, match: {}",
                "r5, match: {}, when: \"request.duration < duration('2h')\"",
                1,
            )),
        ];
        let (db, role) = (ResourceName::new("db"), RoleName::new("read"));
        let sides = [0, 1].map(|at| Side::of(&policies[at], &db, &role));
        let tried = spent(&sides, &[]).unwrap();
        // A rule without a limit after some of them decides where none of these does.
        for (matching, own) in (0..64).flat_map(|all| [0, 32].map(|own| (all, own))) {
            let theirs = matching & !32 | own;
            for (stop, other) in
                (0..=old.len()).flat_map(|one| (0..=new.len()).map(move |other| (one, other)))
            {
                let decide = |spent: &BTreeSet<RuleName>| {
                    (
                        first(&old[..stop], matching, spent),
                        first(&new[..other], theirs, spent),
                    )
                };
                let reached: BTreeSet<_> = tried.iter().map(decide).collect();
                for mask in 0..64_usize {
                    let picked = (0..6).filter(|rule| mask >> rule & 1 == 1);
                    let spent = picked
                        .map(|rule| RuleName::new(format!("r{rule}")))
                        .collect();
                    assert!(
                        reached.contains(&decide(&spent)),
                        "{matching} {theirs} {stop} {other} {spent:?}"
                    );
                }
            }
        }
    }
}
