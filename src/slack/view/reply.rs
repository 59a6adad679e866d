//! Answers that only the person who typed or clicked sees.

use super::content::{context, linked_section, pages, pages_of, section};
use super::home::rows;
use super::page::{self, List, More};
use super::text::{self, reply as words};
use super::{Content, Faces};
use crate::domain::{
    GroupName, PersonId, Refusal, Request, RequestId, ResourceName, RoleName, Span, Verdict,
};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// Readings of groups that an explanation tells of.
const READ: usize = 5;

/// A resource or a bundle, as `/jit list` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListItem {
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// Its roles, each with the longest time that may be asked for, where there is a limit.
    pub roles: Vec<(String, Option<Span>)>,
    /// How sensitive it is, in the policy's words.
    pub sensitivity: Option<String>,
    /// The parts of a bundle, with the role where the policy names one; none for a resource.
    pub parts: Vec<(ResourceName, Option<RoleName>)>,
}

/// What `/jit explain` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// What the policy would answer.
    pub verdict: Verdict,
    /// The rules that were looked at, in order, each with what came of it.
    pub tried: Vec<(String, String)>,
    /// Who could decide, step by step.
    pub eligible: Vec<Eligible>,
    /// When each group was read that the policy does not list itself.
    pub read: Vec<(GroupName, DateTime<Utc>)>,
}

/// Who could decide one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eligible {
    /// The step's number, from 1.
    pub step: usize,
    /// The groups it asks.
    pub groups: Vec<GroupName>,
    /// The people in them, without the person who asks.
    pub people: Vec<PersonId>,
}

/// All commands, with examples.
pub fn help() -> Content {
    let line = |(what, example): &(&str, &str)| format!("{what}\n      {example}");
    let lines: Vec<String> = words::COMMANDS.iter().map(line).collect();
    let mut blocks = vec![section(words::HELP)];
    blocks.extend(pages(&lines));
    blocks.push(context(words::HELP_HINT));
    Content::new(&format!("{} {}", words::HELP, words::HELP_HINT), &blocks)
}

/// A page of what can be asked for, and what follows it; something may be missing where these groups
/// could not be read.
pub fn list(items: &[ListItem], more: Option<&More>, unreadable: &[GroupName]) -> Content {
    if items.is_empty() && unreadable.is_empty() {
        return Content::line(words::LIST_EMPTY);
    }
    let doubt = words::list_unreadable(unreadable);
    if items.is_empty() {
        return Content::line(&doubt);
    }
    let lines: Vec<String> = items.iter().map(rows::offered).collect();
    let offers = items.iter().enumerate();
    let offers = offers.map(|(at, item)| rows::offer(&format!("ask:{at}"), item));
    let hint = if unreadable.is_empty() {
        words::LIST_HINT.to_owned()
    } else {
        format!("{doubt}\n{}", words::LIST_HINT)
    };
    let around = (words::LIST, Some(hint.as_str()));
    page::content(List::Resources, around, (offers.collect(), &lines), more)
}

/// Whose list it is, and what is known of what stands in it.
#[derive(Clone, Debug, Default)]
pub struct Owner {
    /// Every row of ours that is the person.
    pub me: BTreeSet<PersonId>,
    /// The addresses of cards, by the request.
    pub links: BTreeMap<RequestId, String>,
}

/// A page of what a person has and waits for, and what follows it.
pub fn active(
    requests: &[&Request],
    owner: &Owner,
    more: Option<&More>,
    now: DateTime<Utc>,
) -> Content {
    if requests.is_empty() {
        return Content::line(words::ACTIVE_EMPTY);
    }
    let (mut items, mut lines) = (Vec::new(), Vec::new());
    for request in requests {
        let link = owner.links.get(&request.id).map(String::as_str);
        let line = words::own(request, link, now);
        let is_mine = owner.me.contains(&request.access.person);
        let id = format!("own:{}", lines.len());
        items.extend(rows::listed(&id, request, is_mine, &line, now));
        lines.push(words::own(request, None, now));
    }
    page::content(List::Own, (words::ACTIVE, None), (items, &lines), more)
}

/// Sections that explain one thing; a policy with more rules than fill them is for the command line.
const EXPLAINED: usize = 16;

/// What would happen, without asking.
pub fn explain(explained: &Explained, faces: &Faces) -> Content {
    let head = match &explained.verdict {
        Verdict::Terms(terms) => words::would(terms),
        Verdict::Refused(refusal) => words::would_not(&words::refusal(refusal, faces)),
    };
    let mut blocks = vec![section(&head)];
    let who = explained.eligible.iter().map(|who| {
        let people = text::people(&who.people, faces);
        words::eligible(who.step, &text::groups(&who.groups, "or"), &people)
    });
    let tried = explained
        .tried
        .iter()
        .map(|(rule, outcome)| words::tried(rule, outcome));
    for (title, lines) in [
        (words::ELIGIBLE, who.collect::<Vec<_>>()),
        (words::TRIED, tried.collect()),
    ] {
        if !lines.is_empty() {
            blocks.push(section(title));
            blocks.extend(pages_of(&lines, EXPLAINED));
        }
    }
    let read = explained.read.iter().take(READ);
    let mut small: Vec<String> = read
        .map(|(group, at)| text::card::was_read(group, *at))
        .collect();
    small.push(words::EXPLAINED.to_owned());
    blocks.push(context(&small.join("\n")));
    Content::new(&head, &blocks)
}

/// A “no” in one string, for places that make their own message, such as a dialog.
pub fn refusal(refusal: &Refusal, faces: &Faces) -> String {
    words::refusal(refusal, faces)
}

/// A “no” as an answer.
pub fn refused(refusal: &Refusal, faces: &Faces) -> Content {
    let text = words::refusal(refusal, faces);
    if words::is_policys(refusal) {
        Content::new(&text, &[linked_section(&text)])
    } else {
        Content::line(&text)
    }
}

/// Something typed was not understood: the fault's sentence and its example, as they are.
pub fn not_understood(sentence: &str, example: &str) -> Content {
    Content::line(&words::not_understood(sentence, example))
}

/// The request was taken in, and its card goes to that channel (a name or an id).
pub fn submitted(request: &Request, faces: &Faces, channel: &str) -> Content {
    Content::line(&words::submitted(request, faces, channel))
}

/// What was approved for later is withdrawn.
pub fn start_cancelled(request: &Request) -> Content {
    Content::line(&words::start_cancelled(request))
}

/// What failed is tried again.
pub fn retried(request: &Request) -> Content {
    Content::line(&words::retried(request))
}

/// The database did not answer.
pub fn not_recorded() -> Content {
    Content::line(words::NOT_RECORDED)
}

/// A click on a message that is no longer known.
pub fn unknown_click() -> Content {
    Content::line(words::UNKNOWN_CLICK)
}
