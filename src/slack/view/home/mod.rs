//! App Home: everything of one person's, what needs them first. Whether whoever clicks may is decided
//! at the click, as everywhere.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use slack_morphism::prelude::*;

use super::content::{context, plain_text, section, to_json};
use super::reply::ListItem;
use super::text::home as words;
use super::{Faces, escape, ids as known};
use crate::domain::{GroupName, PersonId, Request, RequestId};

mod admin;
mod buttons;
pub mod ids;
mod pages;
pub(in crate::slack::view) mod rows;
#[cfg(test)]
mod tests;

pub use admin::answer_for;
pub use pages::{Page, Pages, Section, read as read_page};

use buttons::{accessory, button, row};

/// Characters of one item, so that none is cut in the middle by Slack.
const ITEM: usize = 900;
/// Characters of a line of a list.
const LINE: usize = 330;

/// What somebody's tab shows.
#[derive(Clone, Debug, Default)]
pub struct Home {
    /// Every row of ours that is the reader.
    pub me: BTreeSet<PersonId>,
    /// Cards on which the reader may decide, each with its parts on which they may; then those of
    /// break-glass accesses at which they are to look.
    pub waiting: Vec<Vec<Request>>,
    /// What the reader holds, is about to hold, or is losing.
    pub held: Vec<Request>,
    /// What the reader asked for otherwise: what waits, then what is over.
    pub own: Vec<Request>,
    /// What is held of, and asked for, that the reader leads; none where they lead nothing.
    pub team: Option<Vec<Request>>,
    /// What the reader may ask for.
    pub may_ask: Vec<ListItem>,
    /// The panel of those who run the bot; none for others.
    pub admin: Option<Admin>,
    /// The addresses of cards, by the request whose card it is.
    pub links: BTreeMap<RequestId, String>,
    /// Groups of which nobody could say who is in them.
    pub unreadable: Vec<GroupName>,
}

/// What those see who run the bot.
#[derive(Clone, Debug, Default)]
pub struct Admin {
    /// Removals that keep failing.
    pub stuck: Vec<Request>,
    /// The hash of the policy that decides.
    pub policy: String,
    /// Since when it does.
    pub since: Option<DateTime<Utc>>,
    /// What is wrong with the policy's files.
    pub trouble: Option<String>,
    /// Since when the oldest work waits that should be done by now.
    pub oldest: Option<DateTime<Utc>>,
    /// Migrations that were not run.
    pub missing_migrations: usize,
    /// The calls that Slack refuses until somebody changes the app's installation.
    pub refused: Vec<String>,
}

/// The tab.
pub fn home(home: &Home, pages: &Pages, faces: &Faces, now: DateTime<Utc>) -> Value {
    let drawn = Drawn {
        home,
        pages,
        faces,
        now,
    };
    let mut blocks = vec![section(words::HELLO), ask()];
    if !home.unreadable.is_empty() {
        blocks.push(context(&words::unreadable(&home.unreadable)));
    }
    blocks.extend(drawn.waiting());
    blocks.extend(drawn.held());
    blocks.extend(drawn.own());
    blocks.extend(drawn.team());
    blocks.extend(drawn.may_ask());
    blocks.extend(drawn.admin());
    view(&blocks)
}

/// The tab of somebody whom the bot does not serve, with the reason.
pub fn unfit(why: &str) -> Value {
    view(&[section(&words::unfit(why))])
}

/// The tab for when Slack refuses the other one.
pub fn plain() -> Value {
    view(&[section(words::PLAIN), ask()])
}

fn view(blocks: &[SlackBlock]) -> Value {
    let blocks: Vec<Value> = blocks.iter().map(to_json).collect();
    json!({"type": "home", "callback_id": ids::HOME, "blocks": blocks})
}

/// The one primary button.
fn ask() -> SlackBlock {
    let ask = button(known::ASK, words::ASK, super::text::label::ASK);
    row("ask", vec![ask.with_style(SlackBlockButtonStyle::Primary)])
}

/// A tab in the making.
struct Drawn<'a> {
    home: &'a Home,
    pages: &'a Pages,
    faces: &'a Faces,
    now: DateTime<Utc>,
}

impl Drawn<'_> {
    fn link(&self, request: &Request) -> Option<&str> {
        let link = self.home.links.get(&request.card());
        link.map(String::as_str)
    }

    fn waiting(&self) -> Vec<SlackBlock> {
        let page = self.pages.page(Section::Waiting, &self.home.waiting);
        let mut blocks = head(words::WAITING, page.total, words::WAITING_EMPTY);
        for parts in page.items {
            let Some(first) = parts.first() else { continue };
            let link = self.link(first);
            if first.review().is_some() {
                blocks.push(item(&words::to_review(parts, self.faces, link)));
                blocks.push(rows::review(parts));
            } else {
                blocks.push(item(&words::waiting(parts, self.faces, link)));
                blocks.push(rows::decide(parts, self.now));
            }
        }
        blocks.extend(buttons::pager(Section::Waiting, &page));
        blocks
    }

    fn held(&self) -> Vec<SlackBlock> {
        let page = self.pages.page(Section::Held, &self.home.held);
        let mut blocks = head(words::HELD, page.total, words::HELD_EMPTY);
        for request in page.items {
            blocks.push(item(&words::held(request, self.link(request))));
            blocks.extend(rows::held(request, self.now));
        }
        blocks.extend(buttons::pager(Section::Held, &page));
        blocks
    }

    fn own(&self) -> Vec<SlackBlock> {
        let page = self.pages.page(Section::Own, &self.home.own);
        let mut blocks = head(words::OWN, page.total, words::OWN_EMPTY);
        for request in page.items {
            let is_mine = self.home.me.contains(&request.access.person);
            let text = words::own(request, is_mine, self.faces, self.link(request));
            let text = escape::cut(&text, ITEM);
            blocks.push(accessory(
                &format!("own:{}", request.id),
                &text,
                rows::own(request, self.now),
            ));
        }
        blocks.extend(buttons::pager(Section::Own, &page));
        blocks
    }

    fn team(&self) -> Vec<SlackBlock> {
        let Some(team) = &self.home.team else {
            return Vec::new();
        };
        let page = self.pages.page(Section::Team, team);
        let mut blocks = head(words::TEAM, page.total, words::TEAM_EMPTY);
        let lines = page.items.iter();
        let lines = lines.map(|request| {
            let url = self.link(request);
            escape::cut(&words::team(request, self.faces, url), LINE)
        });
        let lines: Vec<String> = lines.collect();
        if !lines.is_empty() {
            blocks.push(section(&lines.join("\n")));
        }
        blocks.extend(buttons::pager(Section::Team, &page));
        blocks
    }

    fn may_ask(&self) -> Vec<SlackBlock> {
        let page = self.pages.page(Section::MayAsk, &self.home.may_ask);
        let mut blocks = head(words::MAY_ASK, page.total, words::MAY_ASK_EMPTY);
        for (at, one) in page.items.iter().enumerate() {
            blocks.push(rows::offer(&format!("ask:{}", page.first + at), one));
        }
        blocks.extend(buttons::pager(Section::MayAsk, &page));
        blocks
    }
}

/// The head of a section; below it, where there is nothing, what can be done.
fn head(words: &str, count: usize, empty: &str) -> Vec<SlackBlock> {
    let title = plain_text(&words::head(words, count), 150);
    let mut blocks: Vec<SlackBlock> = vec![SlackHeaderBlock::new(title).into()];
    if count == 0 {
        blocks.push(context(empty));
    }
    blocks
}

fn item(text: &str) -> SlackBlock {
    section(&escape::cut(text, ITEM))
}
