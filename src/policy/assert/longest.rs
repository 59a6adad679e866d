//! How long an access may last in all: what is asked for, and what prolongs it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::space::{Class, Effect};
use crate::domain::{GroupName, Span};

/// What is wrong with an answer.
pub(super) struct Wrong {
    pub(super) told: String,
    /// For an extension: for how long the access was held, and how often it was prolonged.
    pub(super) held: Option<(Span, u32)>,
}

/// For how long people may hold an access before they prolong it.
#[derive(Default)]
pub(super) struct Longest {
    held: BTreeMap<(BTreeSet<GroupName>, Vec<usize>), Held>,
}

/// For how long somebody may hold it.
#[derive(Default)]
struct Held {
    by_any: Option<Span>,
    /// By an ask that the condition of the invariant is about.
    by_those_meant: Option<Span>,
}

/// Who is on call, or read from elsewhere, may be another one by the time an access is prolonged.
fn key(class: &Class) -> (BTreeSet<GroupName>, Vec<usize>) {
    let groups = class.groups.first().into_iter().flatten();
    let listed = groups.filter(|group| !class.dynamic.contains(*group));
    (listed.cloned().collect(), class.others.clone())
}

impl Longest {
    /// Takes note of an ask that is allowed.
    pub(super) fn note(&mut self, class: &Class, lasts: Option<Span>, is_meant: bool) {
        let held = self.held.entry(key(class)).or_default();
        held.by_any = held.by_any.max(lasts);
        if is_meant {
            held.by_those_meant = held.by_those_meant.max(lasts);
        }
    }

    /// For how long people of that class hold what they prolong. Where the condition is not about
    /// the extension, it has to be about what is prolonged.
    pub(super) fn held(&self, class: &Class, is_meant: bool) -> Option<Span> {
        let held = self.held.get(&key(class))?;
        if is_meant {
            held.by_any
        } else {
            held.by_those_meant
        }
    }
}

/// What is wrong with prolonging by `added` what was held for so long; none where all extensions
/// together stay within `most`.
pub(super) fn prolonged(
    held: Span,
    added: Option<Span>,
    effect: &Effect,
    most: Span,
) -> Option<Wrong> {
    let terms = effect.terms.as_deref()?;
    let (times, _, total) = terms.attributes.extend?;
    let (held, added) = (u64::from(held.seconds()), added.or(terms.given)?);
    let step = u64::from(added.seconds());
    let all = held.saturating_add(step.saturating_mul(times.into()));
    let lasts = all.min(total.seconds().into());
    if lasts <= most.seconds().into() {
        return None;
    }
    // The last extension is the one to show.
    let before = lasts.saturating_sub(step).max(1);
    let earlier = before.saturating_sub(held).div_ceil(step.max(1));
    let lasts = Span::from_seconds(lasts).unwrap_or(Span::MAX);
    Some(Wrong {
        told: format!("it lasts {lasts} with extensions"),
        held: Some((
            Span::from_seconds(before).unwrap_or(Span::MAX),
            u32::try_from(earlier)
                .unwrap_or(u32::MAX)
                .min(times.saturating_sub(1)),
        )),
    })
}
