//! Answers that only the person who typed or clicked sees.

use super::content::{context, linked_section, pages, pages_of, quote, section, to_json};
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
    /// What is asked for, by which a part of a bundle is called.
    pub part: String,
    /// What would come of it.
    pub verdict: Verdict,
    /// What it does not bring along besides what it is refused for.
    pub missing: Vec<Refusal>,
    /// The rules that were looked at, in order, each with what came of it.
    pub tried: Vec<(String, String)>,
    /// Who could decide, step by step; of break-glass, who would be told instead.
    pub eligible: Vec<Eligible>,
    /// Whether they would only be told.
    pub told: bool,
    /// Who could look at break-glass afterwards.
    pub review: Option<Eligible>,
    /// The steps that would not be asked.
    pub left_out: Vec<LeftOut>,
    /// When each group was read that the policy does not list itself.
    pub read: Vec<(GroupName, DateTime<Utc>)>,
}

impl Explained {
    /// A verdict with nothing else to tell.
    pub fn of(verdict: Verdict) -> Self {
        Self {
            part: String::new(),
            verdict,
            missing: Vec::new(),
            tried: Vec::new(),
            eligible: Vec::new(),
            told: false,
            review: None,
            left_out: Vec::new(),
            read: Vec::new(),
        }
    }
}

/// A step that would not be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The step's number, from 1.
    pub step: usize,
    /// The groups that it would ask.
    pub groups: Vec<GroupName>,
    /// The condition that does not hold, in one line.
    pub condition: String,
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
/// How many sections the parts of a bundle may take together.
const BUNDLE_EXPLAINED: usize = 40;

/// What would happen, without asking.
pub fn explain(explained: &Explained, faces: &Faces) -> Content {
    let head = head_of(explained, faces);
    let mut blocks = vec![section(&head)];
    for (title, lines, most) in lists_of(explained, faces) {
        blocks.push(section(title));
        blocks.extend(pages_of(&lines, most));
    }
    blocks.push(context(&small_print(&[explained])));
    Content::new(&head, &blocks)
}

/// The same for each part of a bundle, and what would come of the whole.
pub fn explain_bundle(bundle: &str, parts: &[Explained], faces: &Faces) -> Content {
    let refused = parts
        .iter()
        .filter(|part| matches!(part.verdict, Verdict::Refused(_)));
    let head = words::bundle_explained(bundle, refused.map(|part| part.part.as_str()));
    let mut lines = Vec::new();
    for part in parts {
        lines.push(words::part_explained(&part.part, &head_of(part, faces)));
        for (title, list, _) in lists_of(part, faces) {
            lines.push(title.to_owned());
            lines.extend(list);
        }
    }
    let mut blocks = vec![section(&head)];
    blocks.extend(pages_of(&lines, BUNDLE_EXPLAINED));
    let parts: Vec<&Explained> = parts.iter().collect();
    blocks.push(context(&small_print(&parts)));
    Content::new(&head, &blocks)
}

fn head_of(explained: &Explained, faces: &Faces) -> String {
    match &explained.verdict {
        Verdict::Terms(terms) => words::would(terms),
        Verdict::Refused(refusal) => words::would_not(&words::refusal(refusal, faces)),
    }
}

/// The lists under a verdict that have something in them, each with its title and how many sections it
/// may take.
fn lists_of(explained: &Explained, faces: &Faces) -> Vec<(&'static str, Vec<String>, usize)> {
    let people = |who: &Eligible| text::people(&who.people, faces);
    let groups = |groups: &[GroupName]| text::groups(groups, "or");
    let eligible = explained.eligible.iter();
    let eligible =
        eligible.map(|who| words::eligible(who.step, &groups(&who.groups), &people(who)));
    let review = explained.review.iter();
    let review = review.map(|who| words::reviewers(&groups(&who.groups), &people(who)));
    let left_out = explained.left_out.iter();
    let left_out =
        left_out.map(|step| words::left_out(step.step, &groups(&step.groups), &step.condition));
    let missing = explained.missing.iter();
    let missing = missing.map(|refusal| words::missing(&words::refusal(refusal, faces)));
    let tried = explained.tried.iter();
    let tried = tried.map(|(rule, outcome)| words::tried(rule, outcome));
    let title = if explained.told {
        words::SKIPPED
    } else {
        words::ELIGIBLE
    };
    let lists = [
        (words::MISSING, missing.collect::<Vec<_>>(), 2),
        (title, eligible.collect(), 10),
        (words::REVIEWERS, review.collect(), 2),
        (words::LEFT_OUT, left_out.collect(), 2),
        (words::TRIED, tried.collect(), EXPLAINED),
    ];
    lists
        .into_iter()
        .filter(|(_, lines, _)| !lines.is_empty())
        .collect()
}

fn small_print(explained: &[&Explained]) -> String {
    let read = explained.iter().flat_map(|explained| &explained.read);
    let mut small: Vec<String> = Vec::new();
    for line in read.map(|(group, at)| text::card::was_read(group, *at)) {
        if small.len() < READ && !small.contains(&line) {
            small.push(line);
        }
    }
    small.push(words::EXPLAINED.to_owned());
    small.join("\n")
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

/// A “no” as an answer, for whom something could not be found out: then it names what the log knows.
pub fn refused_for(refusal: &Refusal, faces: &Faces, reference: &str) -> Content {
    if refusal.is_outage() {
        let said = words::refusal(refusal, faces);
        Content::line(&words::with_reference(refusal, said, reference))
    } else {
        refused(refusal, faces)
    }
}

/// An answer that comes after the dialog was closed, with what was written in it: it can be copied, and
/// sent off again.
pub fn with_what_was_written(answer: Content, wrote: &str) -> Content {
    let mut answer = answer;
    if let Some(wrote) = quote(wrote) {
        let blocks = [section(words::YOU_WROTE), wrote];
        answer.blocks.extend(blocks.iter().map(to_json));
    }
    answer
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
