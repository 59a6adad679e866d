//! Whose uses are used up: rules that approve by themselves so often only.
//!
//! The first rule that matches decides, so an answer hangs on this alone: whether those before the
//! one that decides are used up, and that one is not. Trying that for every rule of a policy, and for
//! two policies for every two of them, stands for all ways in which uses may be used up.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::super::rule::Rule;
use super::Side;
use crate::domain::{Past, PastGrant, ResourceName, RoleName, RuleName, Span};

type Names<'a> = BTreeSet<&'a RuleName>;

/// Rules that are used up, and rules that are not. Of all others that does not matter.
type Way<'a> = (Names<'a>, Names<'a>);

/// The rules that are used up, in each way in which that can make a difference; the fewest first.
pub(super) fn spent(sides: &[Side<'_>]) -> Vec<BTreeSet<RuleName>> {
    let mut ways = BTreeSet::from([Way::default()]);
    for side in sides {
        let own = ways_of(side);
        ways = (ways.iter())
            .flat_map(|known| own.iter().map(|way| both(known, way)))
            .collect();
    }
    let renamed = renamed(sides);
    let is_possible = |spent: &BTreeSet<RuleName>| {
        let mut pairs = renamed.iter();
        pairs.all(|(old, new)| spent.contains(*old) || !spent.contains(*new))
    };
    let ways: BTreeSet<BTreeSet<RuleName>> = (ways.iter())
        .map(|(spent, left)| spent.difference(left).copied().cloned().collect())
        .filter(is_possible)
        .collect();
    let mut ways: Vec<BTreeSet<RuleName>> = ways.into_iter().collect();
    ways.sort_by_key(BTreeSet::len);
    ways
}

fn both<'a>(one: &Way<'a>, other: &Way<'a>) -> Way<'a> {
    (&one.0 | &other.0, &one.1 | &other.1)
}

/// For each rule with a limit of uses: all before it are used up, and it is not, or it may be; and
/// all are used up.
fn ways_of<'a>(side: &Side<'a>) -> Vec<Way<'a>> {
    let mut ways = Vec::new();
    let mut before = Names::new();
    for (name, _) in limited(side) {
        ways.push((before.clone(), Names::new()));
        ways.push((before.clone(), Names::from([name])));
        before.insert(name);
    }
    ways.push((before, Names::new()));
    ways
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
    let (gone, added) = (only(old, new), only(new, old));
    let pair = |rule: &&'a Rule| {
        let same = added.iter().find(|other| print(other) == print(rule))?;
        Some((&rule.name, &same.name))
    };
    gone.iter().filter_map(pair).collect()
}

fn uses(rule: &Rule) -> Option<u32> {
    Some(rule.limits.as_ref()?.uses?.0)
}

/// The rules with a limit of uses, in the order of trying, with how often they approve.
fn limited<'a>(side: &Side<'a>) -> impl Iterator<Item = (&'a RuleName, u32)> {
    let rules = side.rules.iter();
    rules.filter_map(|rule| Some((&rule.name, uses(rule)?)))
}

/// Earlier requests by which the uses of these rules are used up.
pub(super) fn used_up(
    sides: &[Side<'_>],
    names: &BTreeSet<RuleName>,
    resource: &ResourceName,
    role: &RoleName,
) -> Vec<Past> {
    let past = |name: &RuleName| {
        let known = sides.iter().flat_map(limited);
        let most = known.filter(|(known, _)| *known == name);
        let most = most.map(|(_, uses)| uses).max().unwrap_or_default();
        let one = Past {
            resource: resource.clone(),
            role: role.clone(),
            rule: name.clone(),
            outcome: "approved",
            automatic: true,
            break_glass: false,
            asked_at: DateTime::<Utc>::UNIX_EPOCH,
            duration: Span::hours(1),
            grant: PastGrant::Active,
            granted: Some(Span::hours(1)),
        };
        std::iter::repeat_n(one, most as usize)
    };
    names.iter().flat_map(past).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::Source;
    use super::*;
    use crate::policy::Policy;

    fn policy(rules: &[usize]) -> Policy {
        // Rules that differ in their names only count as one that was renamed.
        let rules = rules.iter().map(|rule| {
            format!(
                "  - {{ name: r{rule}, match: {{}}, decision: approve, limits: {{ uses: {}, per: 1d }} }}\n",
                rule + 1
            )
        });
        let text = format!(
            "version: 1
defaults: {{ channel: \"#a\", fallback_channel: \"#b\" }}
connectors: {{ main: {{ kind: postgres, mode: login, url: {{ env: MAIN_URL }} }} }}
resources: {{ db: {{ connector: main, roles: {{ read: r }} }} }}
rules:\n{}",
            rules.collect::<Vec<_>>().concat()
        );
        let name = "policy.yaml".to_owned();
        Policy::from_sources(vec![Source { name, text }]).unwrap()
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
        let policies = [policy(&old), policy(&new)];
        let (db, read) = (ResourceName::new("db"), RoleName::new("read"));
        let sides = [0, 1].map(|at| Side::of(&policies[at], &db, &read));
        let tried = spent(&sides);
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
            spent(&sides[..1]).len(),
            5,
            "of one policy: as many as rules, and none"
        );
    }
}
