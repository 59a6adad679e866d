//! Long answers: one page of a list, and a button for what comes after it. Its value is the id of the
//! last thing that was shown, so a page is found again whatever came or went meanwhile.

use super::text::button as on;
use slack_morphism::prelude::*;

use super::content::{button_of, buttons, context, section};
use super::{Content, ids, text};

/// Something that is listed page by page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// What can be asked for.
    Resources,
    /// What a person has and waits for.
    Own,
}

impl List {
    /// How many things stand on a page: each is a paragraph and at most a row of buttons, and Slack
    /// takes 50 blocks.
    pub const PAGE: usize = 15;

    fn action(self) -> &'static str {
        match self {
            Self::Resources => ids::LIST_MORE,
            Self::Own => ids::ACTIVE_MORE,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Resources => text::label::MORE_RESOURCES,
            Self::Own => text::label::MORE_OF_ONES_OWN,
        }
    }
}

/// What comes after a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct More {
    /// The id of the last thing on this page.
    pub after: String,
    /// How many things follow.
    pub left: usize,
}

/// The page of these that comes after the one of that id, and what follows it, in the order of their
/// ids.
pub fn page<T>(
    all: Vec<T>,
    after: Option<&str>,
    id: impl Fn(&T) -> String,
) -> (Vec<T>, Option<More>) {
    let rest = all.into_iter();
    let rest = rest.filter(|one| after.is_none_or(|after| after < id(one).as_str()));
    let mut rest: Vec<T> = rest.collect();
    rest.sort_by_key(&id);
    let left = rest.len().saturating_sub(List::PAGE);
    rest.truncate(List::PAGE);
    let last = rest.last().filter(|_| 0 < left);
    let more = last.map(|last| More {
        after: id(last),
        left,
    });
    (rest, more)
}

/// One page: a head, what is listed, a hint, and a button where more follows. `lines` is the same in
/// words alone.
pub(super) fn content(
    list: List,
    (head, hint): (&str, Option<&str>),
    (items, lines): (Vec<SlackBlock>, &[String]),
    more: Option<&More>,
) -> Content {
    let mut blocks = vec![section(head)];
    blocks.extend(items);
    if let Some(More { after, left }) = more {
        blocks.push(context(&text::reply::and_more(*left)));
        blocks.push(row(list, after));
    }
    blocks.extend(hint.map(context));
    Content::new(&format!("{head}: {}", lines.join("; ")), &blocks)
}

fn row(list: List, after: &str) -> SlackBlock {
    buttons(vec![button_of(
        list.action(),
        after,
        on::MORE,
        list.label(),
    )])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_a_gap_whatever_came_or_went() {
        let all: Vec<String> = (0..40).map(|n| format!("db-{n:02}")).collect();
        let id = |name: &String| name.clone();
        let (first, more) = page(all.clone(), None, id);
        let more = more.unwrap();
        assert_eq!((first.len(), more.left), (15, 25));
        assert_eq!(more.after, "db-14");
        let mut changed = all.clone();
        changed.retain(|name| name != "db-14" && name != "db-03");
        let (second, more) = page(changed, Some(&more.after), id);
        assert_eq!(second.first().unwrap(), "db-15");
        let (third, more) = page(
            all.clone(),
            more.as_ref().map(|more| more.after.as_str()),
            id,
        );
        assert_eq!((third.len(), more), (10, None));
        assert_eq!([first, second, third].concat(), all);
        assert_eq!(page(all, Some("zzz"), id), (Vec::new(), None));
    }
}
