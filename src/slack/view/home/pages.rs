//! Which part of a long section is shown.

use std::collections::BTreeMap;

use crate::slack::view::text::label;

/// A section that is paged by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// Requests that wait for the reader.
    Waiting,
    /// What the reader holds.
    Held,
    /// What the reader asked for.
    Own,
    /// What the reader leads.
    Team,
    /// What the reader may ask for.
    MayAsk,
    /// Removals that keep failing.
    Stuck,
}

impl Section {
    const ALL: [Self; 6] = [
        Self::Waiting,
        Self::Held,
        Self::Own,
        Self::Team,
        Self::MayAsk,
        Self::Stuck,
    ];

    /// Its name in the value of a button.
    pub fn key(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Own => "own",
            Self::Team => "team",
            Self::MayAsk => "may_ask",
            Self::Stuck => "stuck",
        }
    }

    /// What a screen reader calls it.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Waiting => label::WAITING,
            Self::Held => label::HELD,
            Self::Own => label::OWN,
            Self::Team => label::TEAM,
            Self::MayAsk => label::MAY_ASK,
            Self::Stuck => label::STUCK,
        }
    }

    /// How many of it one page shows, so that all sections together stay within 100 blocks.
    fn per_page(self) -> usize {
        match self {
            Self::Waiting | Self::Held | Self::Stuck => 5,
            Self::Own => 6,
            Self::Team | Self::MayAsk => 8,
        }
    }
}

/// The page that each section shows, from 0. What is not named shows its first one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pages(pub BTreeMap<String, u32>);

/// One page of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page<'a, T> {
    /// What stands on it.
    pub items: &'a [T],
    /// Which page it is, from 0.
    pub number: usize,
    /// How many pages there are, at least one.
    pub of: usize,
    /// The position of its first item, from 1.
    pub first: usize,
    /// All items of the section.
    pub total: usize,
}

impl Pages {
    /// The page of a section that is shown; the last one, where there are no longer as many.
    pub fn page<'a, T>(&self, section: Section, items: &'a [T]) -> Page<'a, T> {
        let size = section.per_page();
        let of = items.len().div_ceil(size).max(1);
        let wanted = self.0.get(section.key()).copied().unwrap_or_default();
        let number = usize::try_from(wanted).unwrap_or(usize::MAX).min(of - 1);
        let from = number * size;
        let to = (from + size).min(items.len());
        Page {
            items: &items[from..to],
            number,
            of,
            first: from + 1,
            total: items.len(),
        }
    }
}

/// The value of a button that turns to that page.
pub(super) fn value(section: Section, page: usize) -> String {
    format!("{}:{page}", section.key())
}

/// The section and the page that a button turns to; none where the value is none of ours.
pub fn read(value: &str) -> Option<(Section, u32)> {
    let (key, page) = value.split_once(':')?;
    let section = Section::ALL.into_iter().find(|one| one.key() == key)?;
    Some((section, page.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_gone_shows_the_last_one() {
        let items: Vec<u32> = (0..12).collect();
        let at = |page: u32| Pages([("held".to_owned(), page)].into());
        let page = Pages::default();
        assert_eq!(page.page(Section::Held, &items).items, &[0, 1, 2, 3, 4]);
        assert_eq!(at(2).page(Section::Held, &items).items, &[10, 11]);
        assert_eq!(at(u32::MAX).page(Section::Held, &items).first, 11);
        assert_eq!(at(7).page::<u32>(Section::Held, &[]).of, 1);
        assert_eq!(read(&value(Section::Own, 3)), Some((Section::Own, 3)));
        for wrong in ["", "held", "held:", "held:-1", "hell:1", "held:1:2"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
