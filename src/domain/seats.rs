//! Whether there are people enough, where each of them takes one seat only.

use std::collections::{BTreeMap, BTreeSet};

/// Seats of one kind: so many, each for one of these people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seats<P> {
    /// Who may take one.
    pub takers: BTreeSet<P>,
    /// How many there are.
    pub count: usize,
}

/// Seats for which there are too few people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// The kinds of seats that are short of people together, by their numbers.
    pub kinds: BTreeSet<usize>,
    /// How many seats they are.
    pub needed: usize,
    /// How many people may take any of them.
    pub people: usize,
}

/// The seats that cannot all be taken; none where they can, each by somebody else.
pub fn shortage<P: Ord + Copy>(seats: &[Seats<P>]) -> Option<Shortage> {
    let mut table = Table {
        seats,
        taken: BTreeMap::new(),
    };
    for (kind, wanted) in seats.iter().enumerate() {
        for _ in 0..wanted.count {
            let mut seen = BTreeSet::new();
            if !table.fill(kind, &mut seen) {
                return Some(short_of(seats, seen));
            }
        }
    }
    None
}

fn short_of<P: Ord + Copy>(seats: &[Seats<P>], kinds: BTreeSet<usize>) -> Shortage {
    let short = || kinds.iter().map(|kind| &seats[*kind]);
    let needed = short().fold(0_usize, |sum, seats| sum.saturating_add(seats.count));
    let people: BTreeSet<P> = short().flat_map(|seats| &seats.takers).copied().collect();
    let people = people.len();
    Shortage {
        kinds,
        needed,
        people,
    }
}

/// Who sits where.
struct Table<'a, P> {
    seats: &'a [Seats<P>],
    taken: BTreeMap<P, usize>,
}

impl<P: Ord + Copy> Table<'_, P> {
    /// Fills one more seat of a kind, moving people where they have another seat to go to. Where that
    /// fails, everybody who could sit on the kinds that were seen sits on one of them.
    fn fill(&mut self, kind: usize, seen: &mut BTreeSet<usize>) -> bool {
        if !seen.insert(kind) {
            return false;
        }
        let takers = &self.seats[kind].takers;
        let free = takers.iter().find(|taker| !self.taken.contains_key(taker));
        let found = free.copied().or_else(|| {
            let mut seated = takers.iter().copied();
            seated.find(|taker| {
                (self.taken.get(taker).copied()).is_some_and(|at| self.fill(at, seen))
            })
        });
        if let Some(taker) = found {
            self.taken.insert(taker, kind);
        }
        found.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(kinds: &[(&[u8], usize)]) -> Vec<Seats<u8>> {
        let kinds = kinds.iter().map(|(takers, count)| Seats {
            takers: takers.iter().copied().collect(),
            count: *count,
        });
        kinds.collect()
    }

    fn short(kinds: &[(&[u8], usize)]) -> Option<(Vec<usize>, usize, usize)> {
        let found = shortage(&seats(kinds))?;
        Some((
            found.kinds.into_iter().collect(),
            found.needed,
            found.people,
        ))
    }

    #[test]
    fn people_move_so_that_all_can_sit() {
        assert_eq!(short(&[(&[1, 2], 1), (&[1], 1)]), None);
        assert_eq!(short(&[(&[1, 2, 3], 2), (&[1, 2], 1)]), None);
        assert_eq!(short(&[(&[1, 2], 1), (&[2, 3], 1), (&[1], 1)]), None);
    }

    #[test]
    fn what_is_short_of_people_is_told_and_nothing_else() {
        assert_eq!(short(&[(&[1], 1), (&[1], 1)]), Some((vec![0, 1], 2, 1)));
        let apart = short(&[(&[8, 9], 1), (&[1, 2], 2), (&[1, 2], 1)]);
        assert_eq!(apart, Some((vec![1, 2], 3, 2)));
        assert_eq!(short(&[(&[], 1)]), Some((vec![0], 1, 0)));
        assert_eq!(short(&[(&[1], usize::MAX)]), Some((vec![0], usize::MAX, 1)));
    }
}
