//! Changes in words.

use std::collections::{BTreeMap, BTreeSet};

use super::super::matching::glob;
use super::super::space::{
    Attributes, Class, Crowd, Effect, Meaning, Mode, Side, Space, StepShape, Way,
};
use super::super::{Policy, suggest};
use super::cells::{Block, FREE, LENGTH, MODE, MOMENT, SPENT};
use crate::domain::{GroupName, RuleName};

/// A group that counts as one of many.
const ANOTHER: &str = "a group that no rule names";

/// How many names are written out before the rest is counted.
const MOST_NAMES: usize = 5;

/// How access is given, in words.
pub(super) fn way(effect: &Effect) -> String {
    match &effect.way {
        Way::Refused => "refused".to_owned(),
        Way::Automatic => "approved at once".to_owned(),
        Way::Review(steps) => {
            let steps: Vec<String> = steps.iter().map(step).collect();
            format!("needs {}", steps.join(", then "))
        }
        Way::BreakGlass { by, within } => {
            format!(
                "given at once, looked at afterwards by {} within {within}",
                list(by, "or")
            )
        }
    }
}

fn step(step: &StepShape) -> String {
    let who = if step.all {
        format!("{} of each of {}", step.count, list(&step.from, "and"))
    } else {
        format!("{} of {}", step.count, list(&step.from, "or"))
    };
    match &step.escalate {
        Some((after, to)) => format!("{who} (after {after} also {})", list(to, "or")),
        None => who,
    }
}

fn list(groups: &[GroupName], word: &str) -> String {
    let names: Vec<&str> = groups.iter().map(GroupName::as_str).collect();
    suggest::plain(&names, word)
}

/// What changes besides the way.
pub(super) fn details(before: &Effect, after: &Effect) -> Vec<String> {
    match (before.terms.as_deref(), after.terms.as_deref()) {
        (Some(old), Some(new)) => compared(old, new),
        (None, Some(new)) => brought(&new.attributes),
        _ => Vec::new(),
    }
}

fn brought(attributes: &Attributes) -> Vec<String> {
    let reason = attributes
        .reason
        .as_ref()
        .map(|form| format!("with a reason like `{form}`"));
    let ticket = attributes
        .ticket
        .as_ref()
        .map(|form| format!("with a ticket like `{form}`"));
    let uses = attributes
        .limits
        .map(|(uses, per)| format!("{uses} times in {per}"));
    reason.into_iter().chain(ticket).chain(uses).collect()
}

fn compared(old: &Meaning, new: &Meaning) -> Vec<String> {
    let mut found = Vec::new();
    let mut note = |what: &str, old: String, new: String| {
        if old != new {
            found.push(format!("{what}: {old} → {new}"));
        }
    };
    let (was, is) = (&old.attributes, &new.attributes);
    let form = |form: &Option<String>| {
        form.as_ref()
            .map_or_else(|| "none".to_owned(), |form| format!("`{form}`"))
    };
    note("reason", form(&was.reason), form(&is.reason));
    note("ticket", form(&was.ticket), form(&is.ticket));
    note("extension", extension(was), extension(is));
    note("start", start(was), start(is));
    note("quiet hours", quiet(was), quiet(is));
    if was.limits.is_some() && is.limits.is_some() {
        note("uses", uses(was), uses(is));
    }
    note(
        "what the target gives",
        old.target.clone(),
        new.target.clone(),
    );
    let span = |given: &Option<crate::domain::Span>| super::super::space::written(*given);
    note("where nothing is said", span(&old.given), span(&new.given));
    note(
        "an unanswered request waits",
        old.ttl.to_string(),
        new.ttl.to_string(),
    );
    note(
        "an unused approval is good for",
        old.start_within.to_string(),
        new.start_within.to_string(),
    );
    note("cards go to", old.channel.clone(), new.channel.clone());
    let owners = |owners: &[GroupName]| match owners {
        [] => "admins only".to_owned(),
        owners => format!("admins and {}", list(owners, "and")),
    };
    note("may revoke", owners(&old.owners), owners(&new.owners));
    if old.spec != new.spec {
        found.push("the settings of the connector change".to_owned());
    }
    if let (None, Some((uses, per))) = (was.limits, is.limits) {
        found.push(format!("{uses} times in {per}"));
    }
    if old.inform != new.inform {
        found.push("other people or channels are told of the outcome".to_owned());
    }
    found
}

fn extension(attributes: &Attributes) -> String {
    match attributes.extend {
        None => "never".to_owned(),
        Some((times, by, total)) => {
            let times = if times == 1 {
                "once".to_owned()
            } else {
                format!("{times} times")
            };
            format!("{times} by {by}, {total} in all")
        }
    }
}

fn start(attributes: &Attributes) -> String {
    match attributes.start {
        None => "at once".to_owned(),
        Some((None, latest)) => format!("up to {latest} ahead"),
        Some((Some(earliest), latest)) => format!("{earliest} to {latest} ahead"),
    }
}

fn quiet(attributes: &Attributes) -> String {
    let words = attributes.quiet.iter();
    let words = words.map(|(hours, who)| format!("{hours} {} stand in", list(who, "and")));
    let words: Vec<String> = words.collect();
    if words.is_empty() {
        "none".to_owned()
    } else {
        words.join("; ")
    }
}

fn uses(attributes: &Attributes) -> String {
    match attributes.limits {
        None => "any number".to_owned(),
        Some((uses, per)) => format!("{uses} in {per}"),
    }
}

/// When and how it is asked, in words; empty where it does not matter.
pub(super) fn context(space: &Space<'_>, block: &Block) -> Vec<String> {
    let length = space.lengths.words(&block.sets[LENGTH]);
    let moment = super::super::space::moment_words(&space.moments, &block.sets[MOMENT]);
    let mut words = vec![length, moment, mode(space, block), spent(space, block)];
    words.extend(free(&space.free, &block.sets[FREE]));
    words.retain(|word| !word.is_empty());
    words
}

fn mode(space: &Space<'_>, block: &Block) -> String {
    let modes: Vec<Mode> = block.sets[MODE]
        .iter()
        .map(|mode| space.modes[*mode])
        .collect();
    if modes.contains(&Mode::Plain) {
        return String::new();
    }
    let words = modes.iter().map(|mode| match mode {
        Mode::Plain => "",
        Mode::OnBehalf => "asked on behalf of them",
        Mode::Extension => "to extend",
        Mode::BreakGlass => "by break-glass",
    });
    words.collect::<Vec<_>>().join(" or ")
}

/// Which uses are used up, and of which rules some are left; empty where that does not matter.
fn spent(space: &Space<'_>, block: &Block) -> String {
    let picked: Vec<&BTreeSet<RuleName>> = (block.sets[SPENT].iter())
        .map(|spent| &space.spent[*spent])
        .collect();
    if picked.len() == space.spent.len() {
        return String::new();
    }
    let limited: BTreeSet<&RuleName> = space.spent.iter().flatten().collect();
    let all = |wanted: bool| -> Vec<&RuleName> {
        let is_so = |name: &&RuleName| picked.iter().all(|spent| spent.contains(*name) == wanted);
        limited.iter().copied().filter(is_so).collect()
    };
    let (used, left) = (all(true), all(false));
    let is_meant = |spent: &&BTreeSet<RuleName>| {
        let has = |name: &RuleName| spent.contains(name);
        used.iter().all(|name| has(name)) && !left.iter().any(|name| has(name))
    };
    if space.spent.iter().filter(is_meant).count() > picked.len() {
        return "depending on which uses are used up".to_owned();
    }
    let of = |names: &[&RuleName]| match names {
        _ if limited.len() == 1 => String::new(),
        names => format!(" of {}", rules(names)),
    };
    if let Some(anew) = anew(space, &used, &left) {
        return anew;
    }
    let used = (!used.is_empty()).then(|| format!("once the uses{} are used up", of(&used)));
    let left = (!left.is_empty()).then(|| format!("while uses{} are left", of(&left)));
    let words: Vec<String> = used.into_iter().chain(left).collect();
    words.join(" and ")
}

/// Uses are counted by the names of rules: those of a new rule begin anew for whoever used up those of
/// one that is gone.
fn anew(space: &Space<'_>, used: &[&RuleName], left: &[&RuleName]) -> Option<String> {
    let knows = |side: Option<&Side<'_>>, name: &RuleName| {
        side.is_some_and(|side| side.policy.rules().any(|known| known == name))
    };
    let is_gone = |name: &&RuleName| !knows(space.sides.last(), name);
    let is_new = |name: &&RuleName| !knows(space.sides.first(), name);
    let is_anew = !used.is_empty() && used.iter().all(is_gone);
    (is_anew && !left.is_empty() && left.iter().all(is_new)).then(|| {
        let (used, left) = (rules(used), rules(left));
        format!("once the uses of {used} are used up: uses count anew, as those of {left}")
    })
}

fn rules(names: &[&RuleName]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("“{name}”")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    suggest::plain(&names, "and")
}

/// On which conditions it depends that nobody can try out.
pub(in crate::policy) fn free(free: &[String], masks: &[usize]) -> Vec<String> {
    if masks.len() == 1 << free.len() {
        return Vec::new();
    }
    let mut words = Vec::new();
    for (at, text) in free.iter().enumerate() {
        let set: BTreeSet<usize> = masks.iter().map(|mask| mask >> at & 1).collect();
        let flipped = masks.iter().all(|mask| masks.contains(&(mask ^ (1 << at))));
        let text = super::super::matching::one_line(text);
        if set == BTreeSet::from([1]) {
            words.push(format!("if `{text}`"));
        } else if set == BTreeSet::from([0]) {
            words.push(format!("unless `{text}`"));
        } else if !flipped {
            words.push(format!("depending on `{text}`"));
        }
    }
    words
}

/// The people of these classes in words. Those who are only there if two people are one are named
/// where there is nobody else.
pub(super) fn who(crowd: &Crowd, all: &[Class], picked: &[usize]) -> String {
    let sure = picked.iter().filter(|index| all[**index].united.is_none());
    let sure: Vec<usize> = sure.copied().collect();
    if sure.is_empty() {
        return united_words(crowd, all, picked);
    }
    let picked = sure.as_slice();
    let moved = picked.iter().filter(|index| all[**index].is_moved());
    let mut words: Vec<String> =
        moved_words(crowd, &moved.map(|index| &all[*index]).collect::<Vec<_>>());
    let still: BTreeSet<usize> = (0..all.len())
        .filter(|index| !all[*index].is_moved() && all[*index].united.is_none())
        .collect();
    let picked: BTreeSet<usize> = picked.iter().copied().collect();
    let picked: BTreeSet<usize> = picked.intersection(&still).copied().collect();
    if !picked.is_empty() {
        words.insert(0, described(all, &still, &picked));
    }
    words.join("; ")
}

fn united_words(crowd: &Crowd, all: &[Class], picked: &[usize]) -> String {
    let united = picked.iter().filter_map(|index| all[*index].united);
    let pairs: BTreeSet<String> = united
        .map(|two| super::super::space::both(crowd, two))
        .collect();
    let pairs: Vec<&str> = pairs.iter().map(String::as_str).collect();
    some(&pairs)
}

fn moved_words(crowd: &Crowd, moved: &[&Class]) -> Vec<String> {
    let mut by_move: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for class in moved {
        let (Some(old), Some(new)) = (class.groups.first(), class.groups.last()) else {
            continue;
        };
        let names =
            |groups: BTreeSet<GroupName>| list(&groups.into_iter().collect::<Vec<_>>(), "and");
        let (joined, left) = (names(new - old), names(old - new));
        let told = match (joined.is_empty(), left.is_empty()) {
            (true, true) if class.others.first() < class.others.last() => {
                format!("now in {ANOTHER}")
            }
            (true, true) => format!("no longer in {ANOTHER}"),
            (false, true) => format!("now in {joined}"),
            (true, false) => format!("no longer in {left}"),
            _ => format!("now in {joined}, no longer in {left}"),
        };
        let people = class
            .humans
            .iter()
            .map(|human| crowd.humans[*human].name.as_str());
        by_move.entry(told).or_default().extend(people);
    }
    let told = by_move.into_iter().map(|(told, mut people)| {
        people.sort_unstable();
        people.dedup();
        if people.is_empty() {
            people.push("people of another system");
        }
        format!("{} ({told})", some(&people))
    });
    told.collect()
}

/// The first names, and how many more there are.
pub(super) fn some(names: &[&str]) -> String {
    if names.len() <= MOST_NAMES {
        return suggest::plain(names, "and");
    }
    let more = names.len() - (MOST_NAMES - 1);
    format!("{} and {more} more", names[..MOST_NAMES - 1].join(", "))
}

type Set = BTreeSet<usize>;

/// The shortest words that fit exactly: everybody, a group, all but a group, some groups together.
fn described(all: &[Class], still: &Set, picked: &Set) -> String {
    let mut members: BTreeMap<String, Set> = BTreeMap::new();
    for index in still {
        for label in labels(&all[*index]) {
            members.entry(label).or_default().insert(*index);
        }
    }
    if picked == still {
        return "anybody".to_owned();
    }
    if let Some(words) = outside(&members, still, picked) {
        return words;
    }
    let inside: Vec<(&String, &Set)> = members
        .iter()
        .filter(|(_, people)| people.is_subset(picked))
        .collect();
    if let Some(names) = cover(&inside, picked) {
        return suggest::plain(&names, "or");
    }
    for (label, people) in &members {
        if picked.is_subset(people)
            && let Some(rest) = outside(&members, people, picked)
        {
            return rest.replacen("anybody", label, 1);
        }
    }
    exactly(all, picked)
}

/// Those of `whole` but for some groups.
fn outside(members: &BTreeMap<String, Set>, whole: &Set, picked: &Set) -> Option<String> {
    let rest: Set = whole.difference(picked).copied().collect();
    let apart: Vec<(&String, Set)> = (members.iter())
        .filter(|(_, people)| people.is_disjoint(picked))
        .map(|(label, people)| (label, people & whole))
        .collect();
    let apart: Vec<(&String, &Set)> = apart
        .iter()
        .map(|(label, people)| (*label, people))
        .collect();
    let names = cover(&apart, &rest)?;
    Some(format!("anybody outside {}", suggest::plain(&names, "and")))
}

/// The fewest groups, taken greedily, that together are exactly these people.
fn cover<'a>(groups: &[(&'a String, &Set)], wanted: &Set) -> Option<Vec<&'a str>> {
    let mut left = wanted.clone();
    let mut names = Vec::new();
    while !left.is_empty() {
        let gain = |people: &Set| people.intersection(&left).count();
        let (name, people) = groups.iter().max_by_key(|(_, people)| gain(people))?;
        if gain(people) == 0 {
            return None;
        }
        names.push(name.as_str());
        left = left.difference(people).copied().collect();
    }
    names.sort_unstable();
    (!names.is_empty()).then_some(names)
}

fn labels(class: &Class) -> Vec<String> {
    let groups = class
        .groups
        .last()
        .into_iter()
        .flatten()
        .map(ToString::to_string);
    let others = class.others.last().is_some_and(|others| *others > 0);
    let others = others.then(|| ANOTHER.to_owned());
    let guest = class.guest.then(|| "guests of the workspace".to_owned());
    groups.chain(others).chain(guest).collect()
}

fn exactly(all: &[Class], picked: &Set) -> String {
    let mut words: Vec<String> = (picked.iter())
        .map(|index| {
            let labels = labels(&all[*index]);
            let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
            match labels.as_slice() {
                [] => "people in none of these groups".to_owned(),
                labels => format!("people in {} only", suggest::plain(labels, "and")),
            }
        })
        .collect();
    if words.len() > MOST_NAMES {
        let more = words.len() - (MOST_NAMES - 1);
        words.truncate(MOST_NAMES - 1);
        words.push(format!("{more} more kinds of people"));
    }
    words.join("; ")
}

/// Targets in words: by the patterns of rules where one fits exactly.
pub(super) fn targets(policies: [&Policy; 2], targets: &BTreeSet<(String, String)>) -> String {
    let mut roles: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (resource, role) in targets {
        roles.entry(role).or_default().insert(resource);
    }
    let mut by_resources: BTreeMap<BTreeSet<&str>, Vec<&str>> = BTreeMap::new();
    for (role, resources) in roles {
        by_resources.entry(resources).or_default().push(role);
    }
    let one = |(resources, roles): (&BTreeSet<&str>, &Vec<&str>)| {
        format!(
            "{} on {}",
            suggest::plain(roles, "and"),
            resource_words(policies, resources)
        )
    };
    by_resources.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn resource_words(policies: [&Policy; 2], resources: &BTreeSet<&str>) -> String {
    let known: BTreeSet<&str> = (policies.iter())
        .flat_map(|policy| {
            policy
                .resources
                .keys()
                .map(crate::domain::ResourceName::as_str)
        })
        .collect();
    if resources.len() > 1 && known == *resources {
        return "every resource".to_owned();
    }
    let names: Vec<&str> = resources.iter().copied().collect();
    if names.len() > 2 {
        let rules = policies.iter().flat_map(|policy| &policy.rules);
        let mut patterns = rules.flat_map(|rule| rule.matcher.resources().unwrap_or_default());
        let fits = |pattern: &&String| {
            let meant = known.iter().filter(|name| glob(pattern, name));
            pattern.contains('*') && meant.copied().collect::<BTreeSet<_>>() == *resources
        };
        if let Some(pattern) = patterns.find(fits) {
            return format!("{pattern} ({} resources)", names.len());
        }
    }
    some(&names)
}
