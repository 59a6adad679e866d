//! Finding the resources that many rules are about, without looking at each resource for each rule.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ops;
use std::rc::Rc;

use super::{Facts, Matcher, glob};
use crate::policy::effort::{Effort, MOST_TARGETS};

/// Numbers of resources, each once and in order.
type Numbers = Rc<[usize]>;

/// The resources by what rules look at in them.
pub(in crate::policy) struct Index<'a> {
    facts: &'a [Facts],
    by_name: HashMap<&'a str, usize>,
    by_label: HashMap<(&'a str, &'a str), Numbers>,
    by_word: HashMap<&'a str, Numbers>,
    /// What was found for patterns so far.
    fitting: RefCell<HashMap<String, Numbers>>,
    /// How many bytes all names have, which each pattern is compared with.
    names: usize,
    effort: Effort,
}

impl<'a> Index<'a> {
    pub(in crate::policy) fn new(facts: &'a [Facts]) -> Self {
        let mut by_label: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
        let mut by_word: HashMap<&str, Vec<usize>> = HashMap::new();
        for (number, facts) in facts.iter().enumerate() {
            for (key, value) in &facts.labels {
                by_label.entry((key, value)).or_default().push(number);
            }
            if let Some(word) = &facts.sensitivity {
                by_word.entry(word).or_default().push(number);
            }
        }
        let names = facts.iter().enumerate();
        Self {
            facts,
            by_name: names
                .map(|(number, facts)| (facts.name.as_str(), number))
                .collect(),
            by_label: by_label
                .into_iter()
                .map(|(key, found)| (key, found.into()))
                .collect(),
            by_word: by_word
                .into_iter()
                .map(|(key, found)| (key, found.into()))
                .collect(),
            fitting: RefCell::default(),
            names: facts.iter().map(|facts| facts.name.as_str().len()).sum(),
            effort: Effort::new(Effort::MATCHING),
        }
    }

    /// Whether so much was looked for that nothing is found any more.
    pub(in crate::policy) fn is_spent(&self) -> bool {
        self.effort.is_spent()
    }

    /// The resource of that name.
    pub(in crate::policy) fn named(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// Whether a name or pattern means any resource.
    pub(in crate::policy) fn is_any(&self, pattern: &str) -> bool {
        !self.fitting(pattern).is_empty()
    }

    /// The resources that fit a name or pattern.
    fn fitting(&self, pattern: &str) -> Numbers {
        if !pattern.contains('*') {
            return self.named(pattern).into_iter().collect();
        }
        if let Some(known) = self.fitting.borrow().get(pattern) {
            return Rc::clone(known);
        }
        let bytes = self.names + pattern.len() * self.facts.len();
        let found: Numbers = if self.effort.spend(self.facts.len() + bytes / 16) {
            let facts = self.facts.iter().enumerate();
            let fits = facts.filter(|(_, facts)| glob(pattern, facts.name.as_str()));
            fits.map(|(number, _)| number).collect()
        } else {
            Numbers::default()
        };
        let mut known = self.fitting.borrow_mut();
        known.insert(pattern.to_owned(), Rc::clone(&found));
        found
    }

    /// The resources that a rule is about, whoever asks, and whatever the role.
    pub(in crate::policy) fn about(&self, matcher: &Matcher) -> Vec<usize> {
        let mut clauses: Vec<Numbers> = Vec::new();
        if let Some(patterns) = &matcher.resources {
            let found = patterns.iter().map(|pattern| self.fitting(pattern));
            clauses.push(self.union(found));
        }
        let labels = matcher.labels.iter();
        clauses.extend(labels.map(|(key, value)| {
            let found = self.by_label.get(&(key.as_str(), value.as_str()));
            found.cloned().unwrap_or_default()
        }));
        if let Some(words) = &matcher.sensitivity {
            let found = words
                .iter()
                .filter_map(|word| self.by_word.get(word.as_str()));
            clauses.push(self.union(found.cloned()));
        }
        clauses.sort_by_key(|numbers| numbers.len());
        let Some((fewest, others)) = clauses.split_first() else {
            return (0..self.facts.len()).collect();
        };
        if !self.effort.spend(fewest.len() * (1 + others.len())) {
            return Vec::new();
        }
        let in_all = |number: &usize| {
            others
                .iter()
                .all(|found| found.binary_search(number).is_ok())
        };
        fewest.iter().copied().filter(in_all).collect()
    }

    fn union(&self, found: impl Iterator<Item = Numbers>) -> Numbers {
        let mut all: Vec<usize> = Vec::new();
        let mut one = None;
        for (index, numbers) in found.enumerate() {
            if !self.effort.spend(1 + numbers.len()) {
                return Numbers::default();
            }
            if index > 0 {
                all.extend(one.take().iter().flat_map(|first: &Numbers| first.iter()));
                all.extend(numbers.iter());
            } else {
                one = Some(numbers);
            }
        }
        one.unwrap_or_else(|| {
            all.sort_unstable();
            all.dedup();
            all.into()
        })
    }
}

/// Resources, each with one of its roles, by their numbers.
type List = Vec<(usize, usize)>;

/// For each rule, the resources and roles that it is about, by their numbers, in the order of the
/// file. Rules that look at the same share one list.
#[derive(Default)]
pub(in crate::policy) struct Targets {
    lists: Vec<List>,
    of: Vec<usize>,
    /// Whether they are too many, so that some are missing.
    pub(in crate::policy) too_many: bool,
}

impl Targets {
    /// Finds them.
    pub(in crate::policy) fn new(matchers: &[Matcher], index: &Index<'_>) -> Self {
        type About<'m> = (
            Option<&'m [String]>,
            &'m BTreeMap<String, String>,
            Option<&'m [String]>,
            Option<&'m [String]>,
        );
        let mut known: HashMap<About<'_>, usize> = HashMap::new();
        let mut targets = Self::default();
        let mut pairs = 0;
        for matcher in matchers {
            let about: About<'_> = (
                matcher.resources.as_deref(),
                &matcher.labels,
                matcher.sensitivity.as_deref(),
                matcher.roles.as_deref(),
            );
            let next = targets.lists.len();
            let list = *known.entry(about).or_insert(next);
            if list == next {
                targets.lists.push(list_of(matcher, index));
            }
            pairs += targets.lists[list].len();
            if pairs > MOST_TARGETS || index.is_spent() {
                return Self::none(matchers.len());
            }
            targets.of.push(list);
        }
        targets
    }

    /// Targets of so many rules that are not looked for.
    pub(in crate::policy) fn none(rules: usize) -> Self {
        Self {
            lists: vec![Vec::new()],
            of: vec![0; rules],
            too_many: true,
        }
    }

    /// For each rule.
    pub(in crate::policy) fn iter(&self) -> impl Iterator<Item = &[(usize, usize)]> {
        self.of.iter().map(|list| self.lists[*list].as_slice())
    }

    /// The different lists, and for each rule which of them is its.
    pub(in crate::policy) fn lists(&self) -> (&[List], &[usize]) {
        (&self.lists, &self.of)
    }
}

impl ops::Index<usize> for Targets {
    type Output = [(usize, usize)];

    fn index(&self, rule: usize) -> &Self::Output {
        &self.lists[self.of[rule]]
    }
}

fn list_of(matcher: &Matcher, index: &Index<'_>) -> List {
    let mut list = Vec::new();
    for resource in index.about(matcher) {
        for (number, role) in index.facts[resource].roles.iter().enumerate() {
            if !index
                .effort
                .spend(1 + matcher.roles.as_ref().map_or(0, Vec::len))
            {
                return list;
            }
            if matcher.is_about_role(role) {
                list.push((resource, number));
            }
        }
        if list.len() > MOST_TARGETS {
            return list;
        }
    }
    list
}
