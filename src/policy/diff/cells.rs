//! Where two policies differ: asks that change in the same way are put together into boxes.

use std::collections::HashMap;

use super::super::space::{Effect, Point, Space, Way};
use super::danger::{Danger, Near, judge};
use super::same::Same;

/// The dimensions of a box, in this order.
pub(super) const CLASS: usize = 0;
pub(super) const LENGTH: usize = 1;
pub(super) const MOMENT: usize = 2;
pub(super) const MODE: usize = 3;
pub(super) const SPENT: usize = 4;
pub(super) const FREE: usize = 5;

/// Asks that change alike: all combinations of these values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Block {
    pub(super) danger: Danger,
    pub(super) before: usize,
    pub(super) after: usize,
    pub(super) sets: [Vec<usize>; 6],
}

/// All changes of one target.
pub(super) struct Blocks {
    pub(super) blocks: Vec<Block>,
    pub(super) effects: Vec<Effect>,
}

#[derive(Default)]
struct Effects {
    all: Vec<Effect>,
    known: HashMap<Effect, usize>,
}

impl Effects {
    fn number(&mut self, mut effect: Effect) -> usize {
        // A rule's new name alone changes nothing for anybody.
        if let Some(terms) = &mut effect.terms {
            terms.rule.clear();
        }
        if let Some(number) = self.known.get(&effect) {
            return *number;
        }
        self.all.push(effect.clone());
        self.known.insert(effect, self.all.len() - 1);
        self.all.len() - 1
    }
}

/// Compares the two sides of a space. Only these classes are tried.
pub(super) fn compare(space: &Space<'_>, classes: &[usize], same: &Same) -> Blocks {
    let mut effects = Effects::default();
    let mut blocks = Vec::new();
    space.each(classes, |point| {
        let lengths: Vec<(usize, usize)> = (0..space.lengths.len())
            .map(|length| {
                let point = Point { length, ..point };
                let number =
                    |side, effects: &mut Effects| effects.number(space.effect(side, point));
                (number(0, &mut effects), number(1, &mut effects))
            })
            .collect();
        blocks.extend(changes((space, point), &lengths, &effects.all, same));
    });
    for dimension in [FREE, SPENT, MOMENT, LENGTH, MODE, CLASS] {
        blocks = joined(blocks, dimension);
    }
    Blocks {
        blocks,
        effects: effects.all,
    }
}

/// The durations at which an ask changes.
fn changes(
    (space, point): (&Space<'_>, Point),
    lengths: &[(usize, usize)],
    effects: &[Effect],
    same: &Same,
) -> Vec<Block> {
    let mut found = Vec::new();
    for (length, &(before, after)) in lengths.iter().enumerate() {
        if before == after {
            continue;
        }
        let old = &effects[before];
        let new = &same.like(old, &effects[after]);
        if old == new {
            continue;
        }
        let shorter = lengths[..length].iter().enumerate();
        let shorter = shorter.filter(|(index, _)| space.lengths.at(*index).is_some());
        let allowed = |effect: &Effect, way: &Way| *way != Way::Refused && effect.way == *way;
        let mut near = Near::default();
        for (_, (was, is)) in shorter {
            near.was_allowed_shorter |= allowed(&effects[*was], &new.way);
            near.is_allowed_shorter |= allowed(&same.like(old, &effects[*is]), &old.way);
        }
        let Point {
            class,
            moment,
            mode,
            spent,
            free,
            ..
        } = point;
        let sets = [class, length, moment, mode, spent, free].map(|value| vec![value]);
        let danger = judge(old, new, near);
        found.push(Block {
            danger,
            before,
            after,
            sets,
        });
    }
    found
}

/// Puts boxes together that differ in one dimension only.
fn joined(blocks: Vec<Block>, dimension: usize) -> Vec<Block> {
    let mut order: Vec<Block> = Vec::new();
    let mut known: HashMap<Block, (usize, Vec<usize>)> = HashMap::new();
    for mut block in blocks {
        let values = std::mem::take(&mut block.sets[dimension]);
        let next = order.len();
        let entry = known.entry(block.clone()).or_insert_with(|| {
            order.push(block);
            (next, Vec::new())
        });
        entry.1.extend(values);
    }
    for (_, (at, mut values)) in known {
        values.sort_unstable();
        values.dedup();
        order[at].sets[dimension] = values;
    }
    order
}
