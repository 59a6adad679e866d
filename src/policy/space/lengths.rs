//! The durations that stand for all durations.

use std::collections::BTreeSet;

use crate::domain::Span;

/// Durations in rising order: each that is named, with the seconds beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) struct Lengths {
    values: Vec<Option<Span>>,
    named: BTreeSet<Span>,
}

impl Lengths {
    /// Those around the named ones; `unsaid` adds the ask without any.
    pub(super) fn of(named: &BTreeSet<Span>, unsaid: bool) -> Self {
        let around = |span: &Span| {
            let seconds = u64::from(span.seconds());
            let near = [seconds.saturating_sub(1), seconds, seconds + 1];
            near.into_iter()
                .filter_map(|seconds| Span::from_seconds(seconds).ok())
        };
        let mut all: BTreeSet<Span> = named.iter().flat_map(around).collect();
        if all.is_empty() {
            all.insert(Span::hours(1));
        }
        let unsaid = unsaid.then_some(None);
        Self {
            values: unsaid
                .into_iter()
                .chain(all.into_iter().map(Some))
                .collect(),
            named: named.clone(),
        }
    }

    /// How many there are.
    pub(in crate::policy) fn len(&self) -> usize {
        self.values.len()
    }

    /// One of them; none for an ask that says nothing.
    pub(in crate::policy) fn at(&self, index: usize) -> Option<Span> {
        self.values.get(index).copied().flatten()
    }

    /// Whether a policy names it.
    pub(in crate::policy) fn is_named(&self, index: usize) -> bool {
        self.at(index)
            .is_some_and(|span| self.named.contains(&span))
    }

    /// The one of these that reads best in an example: the longest that a policy names.
    pub(in crate::policy) fn best(&self, indexes: &[usize]) -> Option<Span> {
        let spans: Vec<Span> = indexes.iter().filter_map(|index| self.at(*index)).collect();
        let named = spans.iter().rev().find(|span| self.named.contains(span));
        named.or(spans.last()).copied()
    }

    /// The durations in words that follow "for": empty where they are all.
    pub(in crate::policy) fn words(&self, indexes: &[usize]) -> String {
        let unsaid = usize::from(self.values.first() == Some(&None));
        let (none, spans): (Vec<usize>, Vec<usize>) =
            indexes.iter().partition(|index| **index < unsaid);
        let mut words: Vec<String> = Vec::new();
        if spans.len() + unsaid < self.values.len() {
            words.extend(runs(&spans).into_iter().map(|run| self.run(run, unsaid)));
        }
        if !none.is_empty() && spans.is_empty() {
            words.push("without saying how long".to_owned());
        }
        words.join(" or ")
    }

    fn run(&self, (first, last): (usize, usize), lowest: usize) -> String {
        let named = |index: usize| self.at(index).filter(|span| self.named.contains(span));
        if first == last
            && let Some(span) = named(first)
        {
            return format!("exactly {span}");
        }
        let below = first.checked_sub(1).and_then(named);
        let from = match (first == lowest, named(first), below) {
            (true, ..) => String::new(),
            (_, Some(span), _) => format!("from {span}"),
            (_, None, Some(span)) => format!("over {span}"),
            (_, None, None) => format!("from {}", super::written(self.at(first))),
        };
        let to = match (last + 1 == self.values.len(), named(last), named(last + 1)) {
            (true, ..) => String::new(),
            (_, Some(span), _) => format!("up to {span}"),
            (_, None, Some(span)) => format!("under {span}"),
            (_, None, None) => format!("up to {}", super::written(self.at(last))),
        };
        let both = [from, to];
        let parts: Vec<&str> = both
            .iter()
            .map(String::as_str)
            .filter(|part| !part.is_empty())
            .collect();
        parts.join(" ")
    }
}

/// Stretches of numbers that follow each other.
pub(in crate::policy) fn runs(sorted: &[usize]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &index in sorted {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == index => *last = index,
            _ => runs.push((index, index)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_of_durations_have_short_words() {
        let lengths = Lengths::of(&[Span::hours(1), Span::hours(4)].into(), false);
        assert_eq!(lengths.len(), 6);
        for (indexes, words) in [
            (&[0, 1][..], "up to 1h"),
            (&[0, 1, 2, 3, 4], "up to 4h"),
            (&[2, 3, 4], "over 1h up to 4h"),
            (&[5], "over 4h"),
            (&[1], "exactly 1h"),
            (&[0], "under 1h"),
            (&[1, 4], "exactly 1h or exactly 4h"),
            (&[0, 1, 2, 3, 4, 5], ""),
        ] {
            assert_eq!(lengths.words(indexes), words, "{indexes:?}");
        }
        assert_eq!(lengths.best(&[2, 3, 4]), Some(Span::hours(4)));
    }
}
