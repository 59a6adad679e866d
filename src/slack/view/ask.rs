//! The forms: to ask for access, and for more time. What they show is worked out elsewhere; here it
//! becomes blocks. An input keeps what was entered while its block keeps its name, so the block of a
//! select is named after what it offers.

use super::text::form;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::content::{context, pages, section, to_json};
use super::text::{self, ask as words};
use super::{Content, Faces, escape, ids};
use crate::domain::{GroupName, PersonId, Route, Span};

mod carried;

pub use carried::{Carried, having_shown, print_of};

/// Characters of a title and of the buttons below a form.
const TITLE: usize = 24;
/// Characters of a choice.
const CHOICE: usize = 75;
/// Bytes of what a choice stands for; Slack takes as many characters.
const VALUE: usize = 150;
/// Choices of a select.
const CHOICES: usize = 100;
/// Characters of a reason that the form takes; policy takes 2,000, the link of a message included.
const REASON: usize = 1_500;
/// Characters of a ticket, and of a length of time in words.
const WORD: usize = 100;
/// Parts of a bundle that are shown one by one.
const PARTS: usize = 20;

/// The form to ask for access, as far as it is filled in.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// What it carries along.
    pub carried: Carried,
    /// What to say before anything else, as mrkdwn of ours.
    pub notice: Option<String>,
    /// What is asked for.
    pub what: Option<What>,
    /// The roles to choose from, and the one that is chosen. One alone needs no choice.
    pub roles: Vec<String>,
    /// See there.
    pub role: Option<String>,
    /// For how long; none while nothing is chosen that it can be for.
    pub times: Option<Times>,
    /// From when on, where that can be chosen.
    pub start: Option<Start>,
    /// Why.
    pub reason: Words,
    /// The ticket, where the rule wants one.
    pub ticket: Option<Words>,
    /// For whom, as a Slack user; none for oneself.
    pub holder: Option<String>,
    /// Whether it is break-glass, where that can be chosen.
    pub emergency: Option<bool>,
    /// What would come of it.
    pub preview: Preview,
    /// Whom that names.
    pub faces: Faces,
}

/// A resource or a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct What {
    /// Its name.
    pub name: String,
    /// What it is, in the policy's words.
    pub about: Option<String>,
    /// Whether it is a bundle.
    pub bundle: bool,
}

/// The lengths of time to choose from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Those that are offered, shortest first.
    pub offered: Vec<Span>,
    /// The one that is chosen.
    pub chosen: Option<Span>,
    /// Whether another one may be written.
    pub free: bool,
    /// What was written, where another one was chosen.
    pub other: Option<String>,
    /// The longest.
    pub most: Option<Span>,
}

/// When it is to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The moment that is chosen; none for now.
    pub at: Option<DateTime<Utc>>,
    /// How far ahead it has to lie at least, where the rule says so.
    pub least: Option<Span>,
    /// How far ahead it may lie; none where that is not known.
    pub most: Option<Span>,
}

/// Something that is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// What was written so far.
    pub typed: String,
    /// What the rule wants of it, in its own words.
    pub wanted: Option<String>,
}

/// What would come of a request.
#[derive(Clone, Debug, Default)]
pub enum Preview {
    /// Nothing is chosen yet.
    #[default]
    NothingChosen,
    /// A role has to be chosen first.
    RoleMissing,
    /// This would.
    Route(Box<Way>),
    /// Nothing, for this reason, as mrkdwn of ours.
    No(String),
    /// This, of each part of a bundle.
    Parts(Vec<(String, Preview)>),
}

/// How a request would be approved.
#[derive(Clone, Debug)]
pub struct Way {
    /// The rule that says so.
    pub rule: String,
    /// How.
    pub route: Route,
    /// The people who could decide, step by step; of break-glass those who look at it afterwards.
    pub people: Vec<Vec<PersonId>>,
    /// Who is called for the first step, where that is not just everybody who decides on it.
    pub called: Option<Called>,
    /// Where the card would go.
    pub channel: String,
    /// Until when an access would be prolonged.
    pub until: Option<DateTime<Utc>>,
}

/// Who is called when a step is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    /// They; nobody where it is quiet for all of them.
    pub people: Vec<PersonId>,
    /// The groups that may decide as well, since it is quiet just now.
    pub stand_ins: Vec<GroupName>,
}

/// The form to ask for access.
pub fn request(form: &Form) -> Value {
    let mut blocks: Vec<Value> = Vec::new();
    blocks.extend(form.notice.as_deref().map(notice));
    blocks.push(what(form.what.as_ref()));
    blocks.extend(role(form));
    blocks.extend(form.times.iter().flat_map(times));
    blocks.extend(preview(&form.preview, &form.faces));
    blocks.extend(form.ticket.as_ref().map(ticket));
    blocks.push(reason(&form.reason));
    blocks.extend(form.carried.link.as_deref().and_then(about));
    blocks.extend(form.start.as_ref().map(start));
    blocks.extend(form.emergency.map(emergency));
    blocks.push(holder(form.holder.as_deref()));
    modal(ids::ASK_FORM, words::TITLE, &form.carried, &blocks)
}

/// The form for more time on an access, named by `access` in mrkdwn of ours.
pub fn extension(access: &str, form: &Form) -> Value {
    let mut blocks: Vec<Value> = Vec::new();
    blocks.extend(form.notice.as_deref().map(notice));
    blocks.push(to_json(&section(access)));
    blocks.extend(form.times.iter().flat_map(times));
    blocks.extend(preview(&form.preview, &form.faces));
    blocks.extend(form.ticket.as_ref().map(ticket));
    blocks.push(reason(&form.reason));
    modal(ids::EXTEND_FORM, words::MORE_TITLE, &form.carried, &blocks)
}

/// What stands in the place of a form while it is worked out, or what was sent off is carried out.
pub fn wait(words: &str) -> Value {
    json!({
        "type": "modal",
        "callback_id": ids::WAIT,
        "title": plain(words::TITLE, TITLE),
        "close": plain(form::CLOSE, TITLE),
        "blocks": [to_json(&section(words))],
    })
}

/// What is shown once a request was taken in.
pub fn done(content: &Content) -> Value {
    let mut blocks = content.blocks.clone();
    blocks.push(to_json(&context(words::SENT_HINT)));
    json!({
        "type": "modal",
        "callback_id": ids::NOTICE,
        "title": plain(words::SENT, TITLE),
        "close": plain(form::CLOSE, TITLE),
        "blocks": blocks,
    })
}

/// Choices for the select of [`ids::WHAT`], at most a hundred.
pub fn options(found: &[What]) -> Value {
    let options: Vec<Value> = found.iter().take(CHOICES).map(option_of).collect();
    json!({ "options": options })
}

/// What a resource or a bundle is called in a choice. Names that are too long for one are told apart
/// by a print of theirs.
pub fn value_of(what: &str, bundle: bool) -> String {
    let kind = if bundle { "bundle" } else { "resource" };
    fitting(&format!("{kind}:{what}"))
}

/// What a role is called in a choice.
pub fn role_value(role: &str) -> String {
    fitting(role)
}

fn fitting(value: &str) -> String {
    if !value.is_empty() && value.len() <= VALUE {
        return value.to_owned();
    }
    format!("#{}", print(&[value.to_owned()]))
}

fn print(parts: &[String]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())[..16].to_owned()
}

fn modal(id: &str, title: &str, carried: &Carried, blocks: &[Value]) -> Value {
    json!({
        "type": "modal",
        "callback_id": id,
        "title": plain(title, TITLE),
        "submit": plain(words::SEND, TITLE),
        "close": plain(words::CANCEL, TITLE),
        "private_metadata": to_json(carried).to_string(),
        "blocks": blocks,
    })
}

/// Words without markup; never empty, which Slack would refuse.
fn plain(words: &str, limit: usize) -> Value {
    let mut words = escape::plain(words, limit).replace('\n', " ");
    if words.is_empty() {
        words.push('–');
    }
    json!({"type": "plain_text", "text": words, "emoji": true})
}

fn notice(words: &str) -> Value {
    to_json(&section(words))
}

/// An input, named after its action; `offers` is what it offers, where that can change.
fn input(action: &str, label: &str, element: &Value, offers: Option<&[String]>) -> Value {
    let block_id = match offers {
        Some(offers) => format!("{action}.{}", print(offers)),
        None => action.to_owned(),
    };
    let mut input = json!({
        "type": "input",
        "block_id": block_id,
        "label": plain(label, 100),
        "element": element,
    });
    input["element"]["action_id"] = action.into();
    if ids::ANSWERING.contains(&action) {
        input["dispatch_action"] = true.into();
    }
    input
}

fn hint(mut input: Value, words: &str) -> Value {
    input["hint"] = plain(words, 500);
    input
}

fn optional(mut input: Value) -> Value {
    input["optional"] = true.into();
    input
}

fn choice(words: &str, value: &str) -> Value {
    json!({"text": plain(words, CHOICE), "value": value})
}

fn option_of(what: &What) -> Value {
    let value = value_of(&what.name, what.bundle);
    let mut option = choice(&words::what(&what.name, what.bundle), &value);
    let about = what
        .about
        .as_deref()
        .map(|about| escape::plain(about, CHOICE));
    if let Some(about) = about.filter(|about| !about.is_empty()) {
        option["description"] = plain(&about, CHOICE);
    }
    option
}

fn what(chosen: Option<&What>) -> Value {
    let mut select = json!({
        "type": "external_select",
        "min_query_length": 0,
        "placeholder": plain(words::WHAT_PLACEHOLDER, 150),
    });
    if let Some(chosen) = chosen {
        select["initial_option"] = option_of(chosen);
    }
    input(ids::WHAT, words::WHAT, &select, None)
}

fn select(options: &[Value], chosen: Option<&Value>) -> Value {
    let mut select = json!({"type": "static_select", "options": options});
    if let Some(chosen) = chosen {
        select["initial_option"] = chosen.clone();
    }
    select
}

fn role(form: &Form) -> Option<Value> {
    if form.roles.len() < 2 {
        let only = form.role.as_ref().or(form.roles.first())?;
        return Some(to_json(&context(&words::only_role(only))));
    }
    let chosen = form.role.as_ref();
    let others = form.roles.iter().filter(|role| Some(*role) != chosen);
    let shown: Vec<&String> = if form.roles.len() <= CHOICES {
        form.roles.iter().collect()
    } else {
        chosen.into_iter().chain(others).take(CHOICES).collect()
    };
    let options: Vec<Value> = shown
        .iter()
        .map(|role| choice(role, &role_value(role)))
        .collect();
    let chosen = chosen.map(|role| choice(role, &role_value(role)));
    let mut offers: Vec<String> = form.what.iter().map(|what| what.name.clone()).collect();
    offers.extend(form.roles.iter().cloned());
    let select = select(&options, chosen.as_ref());
    let input = input(ids::ROLE, words::ROLE, &select, Some(&offers));
    Some(match form.roles.len().saturating_sub(CHOICES) {
        0 => input,
        left => hint(input, &words::more_roles(left)),
    })
}

fn times(times: &Times) -> Vec<Value> {
    let of = |span: &Span| choice(&text::long(*span), &span.seconds().to_string());
    let room = CHOICES - usize::from(times.free);
    let mut options: Vec<Value> = times.offered.iter().take(room).map(of).collect();
    let other = choice(words::OTHER_CHOICE, ids::OTHER_TIME);
    if times.free {
        options.push(other.clone());
    }
    if options.is_empty() {
        return Vec::new();
    }
    let chosen = match &times.other {
        Some(_) if times.free => Some(other),
        _ => times
            .chosen
            .as_ref()
            .map(of)
            .filter(|one| options.contains(one)),
    };
    let offers: Vec<String> = options
        .iter()
        .map(|option| option["value"].to_string())
        .collect();
    let select = select(&options, chosen.as_ref());
    let mut blocks = vec![input(ids::SPAN, words::HOW_LONG, &select, Some(&offers))];
    if let Some(typed) = times.other.as_deref().filter(|_| times.free) {
        blocks.push(other_time(typed, times.most));
    }
    blocks
}

fn other_time(typed: &str, most: Option<Span>) -> Value {
    let mut field = line(typed, WORD);
    field["placeholder"] = plain("45m, 1h30m, 2 days", 150);
    field["dispatch_action_config"] = json!({"trigger_actions_on": ["on_enter_pressed"]});
    let block = input(ids::OTHER, words::OTHER, &field, None);
    hint(block, &words::at_most(most))
}

/// A field for one line. A first value that is empty would be refused.
fn line(typed: &str, most: usize) -> Value {
    let mut field = json!({"type": "plain_text_input", "max_length": most});
    let typed = escape::cut(typed, most);
    if !typed.is_empty() {
        field["initial_value"] = typed.into();
    }
    field
}

fn reason(reason: &Words) -> Value {
    let mut field = line(&reason.typed, REASON);
    field["multiline"] = true.into();
    let block = input(ids::REASON, words::REASON, &field, None);
    match &reason.wanted {
        Some(wanted) => hint(block, wanted),
        None => hint(optional(block), words::REASON_HINT),
    }
}

fn ticket(ticket: &Words) -> Value {
    let mut field = line(&ticket.typed, WORD);
    field["dispatch_action_config"] = json!({"trigger_actions_on": ["on_enter_pressed"]});
    let block = input(ids::TICKET, words::TICKET, &field, None);
    hint(
        block,
        ticket.wanted.as_deref().unwrap_or(words::TICKET_HINT),
    )
}

/// That the link of a message goes along.
fn about(link: &str) -> Option<Value> {
    let link = words::message_link(link)?;
    Some(to_json(&context(&words::about(&link))))
}

fn start(start: &Start) -> Value {
    let mut picker = json!({"type": "datetimepicker"});
    if let Some(at) = start.at {
        picker["initial_date_time"] = at.timestamp().into();
    }
    let block = input(ids::START, words::START, &picker, None);
    hint(optional(block), &words::start_hint(start.least, start.most))
}

fn emergency(chosen: bool) -> Value {
    let option = json!({
        "text": plain(words::EMERGENCY_CHOICE, CHOICE),
        "value": "yes",
        "description": plain(words::EMERGENCY_HINT, CHOICE),
    });
    let mut boxes = json!({"type": "checkboxes", "options": [option]});
    if chosen {
        boxes["initial_options"] = json!([option]);
    }
    optional(input(ids::EMERGENCY, words::EMERGENCY, &boxes, None))
}

fn holder(chosen: Option<&str>) -> Value {
    let mut select = json!({
        "type": "users_select",
        "placeholder": plain(words::HOLDER_PLACEHOLDER, 150),
    });
    if let Some(chosen) = chosen {
        select["initial_user"] = chosen.into();
    }
    optional(input(ids::HOLDER, words::HOLDER, &select, None))
}

fn preview(preview: &Preview, faces: &Faces) -> Vec<Value> {
    let (lines, small) = match preview {
        Preview::Parts(parts) => {
            let all = parts.iter().take(PARTS);
            let mut lines: Vec<String> = vec![words::BUNDLE.to_owned()];
            lines.extend(all.map(|(what, preview)| words::part(what, preview, faces)));
            if PARTS < parts.len() {
                lines.push(text::reply::and_more(parts.len() - PARTS));
            }
            (lines, None)
        }
        Preview::Route(way) => (vec![words::way(way, faces)], Some(words::by_rule(way))),
        plain => (vec![words::preview(plain, faces)], None),
    };
    let mut blocks: Vec<Value> = pages(&lines).iter().map(to_json).collect();
    blocks.extend(small.map(|small| to_json(&context(&small))));
    blocks
}

#[cfg(test)]
mod tests;
