//! What the bot says, apart from where it stands. Short, kind, without jargon; a sign never stands
//! without its word. Whatever comes from outside is made harmless here. What the command line says as
//! well, of a slip in what was typed or of a refusal, stands where both can use it (`grammar`,
//! `domain::refusal`).

pub mod ask;
pub mod asked;
pub mod bundle;
pub mod button;
pub mod card;
pub mod digest;
pub mod dm;
pub mod done;
pub mod form;
pub mod glass;
mod grant;
pub mod history;
pub mod home;
pub mod label;
pub mod outcome;
pub mod recording;
pub mod reply;
pub mod story;
pub mod stuck;
pub mod trouble;
pub mod why_me;
pub mod workspace;

use chrono::{DateTime, Utc};

use super::{Faces, Kept, escape};
use crate::domain::{GroupName, PersonId, Quorum, Request, Route, Span, Step};

/// Characters of a name that the policy gave.
const NAME: usize = 80;
/// Characters of a phrase that somebody said, inside a sentence of ours.
const PHRASE: usize = 300;
/// People named one by one before “and 3 more”.
const PEOPLE: usize = 5;

/// Seconds of an access below which a minute more or less matters.
const SHORT: u32 = 600;

/// A time, shown in each reader's own zone; where that is not possible, in UTC.
pub fn when(at: DateTime<Utc>) -> String {
    // The time first: where a format begins with the date, Slack writes “Today” with a capital.
    let plain = at.format("%Y-%m-%d %H:%M UTC");
    format!(
        "<!date^{}^{{time}} {{date_short_pretty}}|{plain}>",
        at.timestamp()
    )
}

/// The end of an access; to the second where it is short.
pub fn end(request: &Request, at: DateTime<Utc>) -> String {
    if SHORT <= request.terms.duration.seconds() {
        return when(at);
    }
    let plain = at.format("%Y-%m-%d %H:%M:%S UTC");
    format!(
        "<!date^{}^{{time_secs}} {{date_short_pretty}}|{plain}>",
        at.timestamp()
    )
}

/// The end of an access and the time until then, which each reader's Slack works out whenever it shows
/// it; where that is not possible, the end alone, in UTC.
pub fn end_in(at: DateTime<Utc>) -> String {
    let plain = at.format("%Y-%m-%d %H:%M UTC");
    format!(
        "<!date^{}^{{time}} {{date_short_pretty}} ({{ago}})|{plain}>",
        at.timestamp()
    )
}

/// A name that the policy gave, or that was meant as one.
pub fn name(name: &(impl ToString + ?Sized)) -> String {
    escape::inline(&name.to_string(), NAME)
}

/// Somebody's words within a sentence.
pub fn said(words: &str) -> String {
    escape::inline(words, PHRASE)
}

/// What a target said, within a sentence. The code of a fault, and what a server adds behind it, help
/// whoever reads the log and the ledger, and nobody else: both are left out.
pub fn fault(error: &str) -> String {
    said(without_code(error))
}

fn without_code(error: &str) -> &str {
    let is_code = |rest: &str| {
        let (code, rest) = rest.split_at_checked(5).unwrap_or_default();
        let sqlstate = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase();
        rest.starts_with(']') && code.chars().all(sqlstate)
    };
    let mut brackets = error.match_indices('[');
    let code = brackets.find(|(at, _)| is_code(&error[at + 1..]));
    let ends = [code.map(|(at, _)| at), error.find(" (os error ")];
    let end = ends.into_iter().flatten().min().unwrap_or(error.len());
    error[..end].trim_end()
}

/// A length of time in words: `1 hour 30 minutes`.
pub fn long(span: Span) -> String {
    let mut rest = span.seconds();
    let mut parts = Vec::new();
    for (unit, scale) in [
        ("day", 86_400),
        ("hour", 3_600),
        ("minute", 60),
        ("second", 1),
    ] {
        let number = rest / scale;
        rest %= scale;
        if 0 < number {
            parts.push(format!(
                "{number} {unit}{}",
                if number == 1 { "" } else { "s" }
            ));
        }
    }
    parts.join(" ")
}

/// The time until then, in words and without seconds; “less than a minute” at the very end.
pub fn left(until: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (until - now).num_seconds().max(0).unsigned_abs();
    // A minute that has just begun to run still reads as a whole one.
    match Span::from_seconds((seconds + 20) / 60 * 60) {
        Ok(span) => long(span),
        Err(_) => "less than a minute".to_owned(),
    }
}

/// Things joined as people join them: `a, b or c`.
pub fn joined(things: &[String], last: &str) -> String {
    match things {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., end] => format!("{} {last} {end}", first.join(", ")),
    }
}

/// Groups in bold, each once, the first few by name.
pub fn groups(from: &[GroupName], last: &str) -> String {
    let mut different: Vec<&GroupName> = Vec::new();
    for group in from {
        if !different.contains(&group) {
            different.push(group);
        }
    }
    let shown = different
        .iter()
        .take(PEOPLE)
        .map(|group| format!("*{}*", name(*group)));
    let mut shown: Vec<String> = shown.collect();
    if shown.len() < different.len() {
        shown.push(format!("{} more groups", different.len() - shown.len()));
    }
    joined(&shown, last)
}

/// People by mention, the first few by name.
pub fn people(all: &[PersonId], faces: &Faces) -> String {
    let mut shown: Vec<String> = all.iter().take(PEOPLE).map(|p| faces.mention(*p)).collect();
    if PEOPLE < all.len() {
        shown.push(format!("{} more", all.len() - PEOPLE));
    }
    joined(&shown, "and")
}

/// Whom a step asks: “2 people of dba or lead”, “one person each of dba and lead”.
pub fn asks(step: &Step) -> String {
    let people = |count: u32| match count {
        1 => "one person".to_owned(),
        more => format!("{more} people"),
    };
    match step.quorum {
        Quorum::Any(count) => format!("{} of {}", people(count), groups(&step.from, "or")),
        Quorum::All(count) if step.from.len() == 1 => {
            format!("{} of {}", people(count), groups(&step.from, "and"))
        }
        Quorum::All(count) => format!("{} each of {}", people(count), groups(&step.from, "and")),
    }
}

/// Which rule asks whom.
pub fn rule(request: &Request) -> String {
    let rule = name(&request.terms.rule);
    match &request.terms.route {
        Route::Automatic { why } => format!("Rule *{rule}* approves this: {}", said(why)),
        Route::BreakGlass(glass) => format!(
            "Break-glass by rule *{rule}*; {} reviews it afterwards",
            groups(&glass.review_by, "or")
        ),
        Route::Steps(steps) => {
            let asked: Vec<String> = steps.iter().map(asks).collect();
            format!("Rule *{rule}* asks {}", asked.join(", then "))
        }
    }
}

/// The rule alone, where what it asks is said beside it anyhow: whom it waits for.
pub fn rule_in_short(request: &Request) -> String {
    match &request.terms.route {
        Route::Steps(steps) if steps.len() == 1 => format!("Rule *{}*", name(&request.terms.rule)),
        _ => rule(request),
    }
}

/// The access in words: `readonly on staging-db`.
pub fn access(request: &Request) -> String {
    format!(
        "{} on {}",
        name(&request.access.role),
        name(&request.access.resource)
    )
}

/// How long an access goes on, and by which request.
pub fn kept(kept: &Kept) -> String {
    let until = kept.until.map(|until| format!("until {} ", when(until)));
    let until = until.unwrap_or_default();
    format!("{until}under request #{}", kept.number)
}

/// The command that asks for the same again.
pub fn again(request: &Request) -> String {
    let (resource, role) = (name(&request.access.resource), name(&request.access.role));
    format!("`/jit request {resource} {role} {}`", request.duration)
}

/// The command that asks for more time: as much as was asked for, or as much as the rule adds at most.
pub fn more(request: &Request) -> String {
    let (resource, role) = (name(&request.access.resource), name(&request.access.role));
    let most = request.terms.extend_by.unwrap_or(request.duration);
    let time = request.duration.min(most);
    format!("`/jit extend {resource} {role} {time}`")
}

/// For the thread of the fallback channel: why the card does not stand where it should.
pub fn channel_lost(channel: &str, why: &str, asked: &[PersonId], faces: &Faces) -> String {
    let asked = match asked {
        [] => "There is nobody whom I could ask by direct message instead.".to_owned(),
        people => format!(
            "I asked {} by direct message instead.",
            self::people(people, faces)
        ),
    };
    format!(
        "⚠️ {}. {asked} The request is not lost, and the card here works too.",
        channel_trouble(channel, why)
    )
}

/// Why the card does not stand in its channel, and what would help. `code` is Slack's; it is put
/// into words and never shown.
pub fn channel_trouble(channel: &str, code: &str) -> String {
    let name = self::channel(channel);
    match code {
        "is_archived" => format!("I could not post this card in {name}: the channel is archived"),
        "not_in_channel" => format!(
            "I could not post this card in {name}: I am not a member of it (`/invite` me there)"
        ),
        "channel_not_found" => format!(
            "I could not post this card in {name}: I find no such channel, or it is private and I am not in it"
        ),
        _ => format!("I could not post this card in {name}: Slack does not let me write there"),
    }
}

/// Told in the thread, to somebody whom no direct message reaches.
pub fn told_in_thread(mention: &str, notice: &str) -> String {
    format!("{mention}, I cannot send you a direct message, so here: {notice}")
}

/// A channel: live by its id, as a word by its name.
pub fn channel(channel: &str) -> String {
    let id = channel.starts_with(['C', 'G', 'D'])
        && (3..=32).contains(&channel.len())
        && channel
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    if id {
        format!("<#{channel}>")
    } else {
        name(channel)
    }
}

/// The number of a request, as a link to its card where one is known.
pub fn numbered(number: i64, url: Option<&str>) -> String {
    let number = format!("#{number}");
    url.and_then(|url| link(url, &number)).unwrap_or(number)
}

/// A link to a message of ours, if it is one that can stand in mrkdwn.
pub fn link(url: &str, words: &str) -> Option<String> {
    let good = (url.starts_with("https://") || url.starts_with("http://"))
        && !url.contains(['<', '>', '|', '"'])
        && !url.contains(char::is_whitespace);
    good.then(|| format!("<{}|{words}>", url.replace('&', "&amp;")))
}
