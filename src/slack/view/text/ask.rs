//! The words of the forms.

use chrono::{DateTime, Utc};

use super::super::ask::{Called, Preview, Way};
use super::super::{Faces, escape};
use super::{access, asks, channel, groups, link, long, name, people, reply, said, when};
use crate::domain::{Refusal, Request, Route, RuleName, Span};

/// The title of the form to ask for access.
pub const TITLE: &str = "Ask for access";
/// The title of the form for more time.
pub const MORE_TITLE: &str = "Ask for more time";
/// What sends a form off.
pub const SEND: &str = "Ask";
/// What closes a form.
pub const CANCEL: &str = "Cancel";
/// While the form is worked out.
pub const ONE_MOMENT: &str = "⏳ One moment, please…";
/// While what was sent off takes longer than Slack waits.
pub const WORKING: &str = "⏳ One moment: I am looking who decides on this. The answer comes here, \
    and by direct message if you close this.";
/// What was sent off is kept, and could not be carried out yet.
pub const KEPT: &str = "⏳ This takes longer than usual. Your request is kept; I answer by direct \
    message. There is no need to send it again.";
/// The title of what is shown once a request was taken in.
pub const SENT: &str = "Request sent";
/// What follows then.
pub const SENT_HINT: &str = "I write to you directly as soon as there is news.";
/// The title of what is shown where there is no form to show.
pub const NOT_NOW: &str = "Not just now";

/// The label of what is asked for.
pub const WHAT: &str = "What do you need?";
/// What stands in it before anything is chosen.
pub const WHAT_PLACEHOLDER: &str = "Type a part of its name";
/// The label of the role.
pub const ROLE: &str = "In which role?";
/// That there are more roles than a form can offer.
pub fn more_roles(left: usize) -> String {
    format!("There are {left} more: type `/jit request` with the resource and the role.")
}

/// The label of the length of time.
pub const HOW_LONG: &str = "For how long?";
/// The choice of a length that is none of the others.
pub const OTHER_CHOICE: &str = "Another length…";
/// The label of a length in words.
pub const OTHER: &str = "How long, in your words";
/// What is said of a length of time that cannot be read.
pub const UNREADABLE_TIME: &str = "Please write it like 45m, 1h30m or 2 days.";
/// The label of the reason.
pub const REASON: &str = "Why?";
/// What to write there, where the rule wants nothing of it.
pub const REASON_HINT: &str = "One line helps whoever decides.";
/// The label of the ticket.
pub const TICKET: &str = "Ticket";
/// What to write there, where the rule has no words for it.
pub const TICKET_HINT: &str = "The number of the ticket that this is for.";
/// The label of the start.
pub const START: &str = "From when?";
/// The label of break-glass.
pub const EMERGENCY: &str = "Emergency";
/// The choice of break-glass.
pub const EMERGENCY_CHOICE: &str = "Break-glass: give it at once";
/// What that means.
pub const EMERGENCY_HINT: &str = "Everybody skipped is told, and it is looked at afterwards.";
/// The label of the holder.
pub const HOLDER: &str = "For somebody else?";
/// What stands in it before anybody is chosen.
pub const HOLDER_PLACEHOLDER: &str = "For me";
/// Before the parts of a bundle.
pub const BUNDLE: &str = "🧰 *A bundle: given as a whole, or not at all.* Its parts:";
/// A message was to go along, and its link could not be read.
pub const NO_LINK: &str = "ℹ️ I could not take the link of that message along. Please say in your \
    own words what it is about.";

/// Something to ask for, in a list. A bundle says that it is one.
pub fn what(what: &str, bundle: bool) -> String {
    if !bundle {
        return escape::plain(what, 75);
    }
    format!("{} (bundle)", escape::plain(what, 66))
}

/// The one role that there is.
pub fn only_role(role: &str) -> String {
    format!("Role: *{}*", name(role))
}

/// How long it may last.
pub fn at_most(most: Option<Span>) -> String {
    match most {
        Some(most) => format!("Like 45m, 1h30m or 2 days; at most {}.", long(most)),
        None => "Like 45m, 1h30m or 2 days.".to_owned(),
    }
}

/// How far ahead it may begin.
pub fn start_hint(least: Option<Span>, most: Option<Span>) -> String {
    match (least, most) {
        (Some(least), Some(most)) => {
            format!("At least {} ahead, at most {}.", long(least), long(most))
        }
        (None, Some(most)) => format!("Empty for now. At most {} ahead.", long(most)),
        (_, None) => "Empty for now.".to_owned(),
    }
}

/// The first line of the form for more time.
pub fn more_of(request: &Request, until: DateTime<Utc>) -> String {
    format!(
        "*{}* (request #{}), until {}",
        access(request),
        request.number,
        when(until)
    )
}

/// That a message goes along.
pub fn about(link: &str) -> String {
    format!("About {link}: the card shows this link.")
}

/// On a card: the message that a request is about.
pub fn context(link: &str) -> String {
    format!("🔗 About {link}")
}

/// What would come of a request, in one paragraph.
pub fn preview(preview: &Preview, faces: &Faces) -> String {
    match preview {
        Preview::NothingChosen => {
            "👋 Choose what you need, and I show here who decides.".to_owned()
        }
        Preview::RoleMissing => "👆 Choose a role, and I show here who decides.".to_owned(),
        Preview::Route(way) => self::way(way, faces),
        Preview::No(why) => format!("⛔ *This would be refused.* {why}"),
        Preview::Parts(parts) => {
            let parts: Vec<String> = (parts.iter())
                .map(|(what, preview)| part(what, preview, faces))
                .collect();
            parts.join("\n")
        }
    }
}

/// What would come of one part of a bundle.
pub fn part(what: &str, preview: &Preview, faces: &Faces) -> String {
    let rule = match preview {
        Preview::Route(way) => format!(" Rule *{}*.", name(&way.rule)),
        _ => String::new(),
    };
    format!(
        "• *{}*: {}{rule}",
        name(what),
        self::preview(preview, faces)
    )
}

/// Who would be asked, or why nobody is.
pub fn way(way: &Way, faces: &Faces) -> String {
    match &way.route {
        Route::Automatic { why } if why.is_empty() => "✅ *Approved at once.*".to_owned(),
        Route::Automatic { why } => format!("✅ *Approved at once*: {}.", said(why)),
        Route::Steps(steps) => {
            let all = way
                .people
                .iter()
                .map(Vec::as_slice)
                .chain(std::iter::repeat(&[][..]));
            let steps = steps.iter().zip(all);
            let asked: Vec<String> = steps
                .map(|(step, able)| format!("{}{}", asks(step), able_to(able, faces)))
                .collect();
            let called = way
                .called
                .as_ref()
                .map(|called| self::called(called, faces));
            format!(
                "👥 *Decides*: {}.{}",
                asked.join(", then "),
                called.unwrap_or_default()
            )
        }
        Route::BreakGlass(glass) => {
            let reviewers = way.people.first().map_or(&[][..], Vec::as_slice);
            format!(
                "🚨 *Break-glass: given at once.* Everybody who is skipped is told, and {}{} looks \
                 at it within {}.",
                groups(&glass.review_by, "or"),
                able_to(reviewers, faces),
                long(glass.review_within)
            )
        }
    }
}

/// Who is called, where that is not just everybody who decides.
fn called(called: &Called, faces: &Faces) -> String {
    let quiet = match called.stand_ins.as_slice() {
        [] => String::new(),
        also => format!(
            "\n🌙 It is quiet now, so {} may decide as well.",
            groups(also, "or")
        ),
    };
    match called.people.as_slice() {
        [] if quiet.is_empty() => {
            "\n🌙 It is quiet where they are, so nobody is called just now.".to_owned()
        }
        [] => format!("{quiet} Nobody is called just now."),
        people => {
            let sign = if quiet.is_empty() { "\n🔔" } else { "" };
            format!("{quiet}{sign} *Called*: {}.", self::people(people, faces))
        }
    }
}

fn able_to(able: &[crate::domain::PersonId], faces: &Faces) -> String {
    if able.is_empty() {
        return String::new();
    }
    format!(" ({})", people(able, faces))
}

/// By which rule, and where the card goes.
pub fn by_rule(way: &Way) -> String {
    let until = way
        .until
        .map(|until| format!(" It would then last until {}.", when(until)));
    let card = match &way.route {
        Route::Steps(_) => "The card goes to",
        Route::Automatic { .. } | Route::BreakGlass(_) => "It is shown in",
    };
    format!(
        "Rule *{}*. {card} {}.{}",
        name(&way.rule),
        channel(&way.channel),
        until.unwrap_or_default()
    )
}

/// A “no” as the form says it, in mrkdwn: without commands to type.
pub fn refusal(refusal: &Refusal, faces: &Faces) -> String {
    match refusal {
        Refusal::NoSuchResource { asked, suggestions } => {
            format!("{} {}", no_resource(asked), near(suggestions))
        }
        Refusal::ReasonNeeded { message } | Refusal::TicketNeeded { message } => {
            escape::policy(message, 1_500)
        }
        Refusal::DurationNeeded { limit, .. } => {
            format!("For how long? At most {}.", long(*limit))
        }
        Refusal::PartRefused { resource, because } => format!(
            "Nothing was asked for, since one part of the bundle is refused. *{}*: {}",
            name(resource),
            self::refusal(because, faces)
        ),
        other => reply::refusal(other, faces),
    }
}

/// The same beside an input, where nothing is read as markup.
pub fn refusal_plain(refusal: &Refusal) -> String {
    let words = match refusal {
        Refusal::ReasonNeeded { message } | Refusal::TicketNeeded { message } => message.clone(),
        Refusal::DurationNeeded { limit, .. } => {
            format!("For how long? At most {}.", long(*limit))
        }
        Refusal::NoSuchResource { asked, .. } => no_resource(asked),
        other => other.to_string(),
    };
    escape::plain(&words.replace('`', ""), 300).replace('\n', " ")
}

fn no_resource(asked: &str) -> String {
    format!("I know nothing called “{}”.", name(asked))
}

fn near(suggestions: &[String]) -> String {
    let names: Vec<String> = (suggestions.iter().take(3))
        .map(|one| format!("*{}*", name(one)))
        .collect();
    match names.as_slice() {
        [] => "Please choose from the list.".to_owned(),
        names => format!(
            "Did you mean {}? Please choose from the list.",
            super::joined(names, "or")
        ),
    }
}

/// Above a form that a command opened which was not complete.
pub fn almost(missing: &str) -> String {
    format!("✏️ *Almost there.* {missing}")
}

/// What is missing where a command named nothing to ask for.
pub const WHICH: &str = "What do you need? Please choose it; the rest stands below.";
/// Where a command was not quite as commands are, and may have been understood.
pub const CHECK: &str = "Please look whether I understood you, and press *Ask*.";

/// Somebody was named in a way that is not sure.
pub fn who(said: &str) -> String {
    format!(
        "I cannot tell who “{}” is. Please choose them below, under *{HOLDER}*",
        name(said)
    )
}

/// What could not be read in a command.
pub fn unread(sentence: &str) -> String {
    escape::inline(sentence, 300)
}

/// Above a form that was sent off, while by now others decide than it had shown.
pub fn now_asks(ways: &[(&RuleName, &Route)]) -> String {
    let now = match ways {
        [(rule, route)] => {
            let rule = name(rule);
            match route {
                Route::Automatic { .. } => {
                    format!("This is now approved at once, by rule *{rule}*.")
                }
                Route::BreakGlass(glass) => format!(
                    "This is now break-glass by rule *{rule}*, and {} looks at it afterwards.",
                    groups(&glass.review_by, "or")
                ),
                Route::Steps(steps) => {
                    let asked: Vec<String> = steps.iter().map(asks).collect();
                    format!("This now asks {}, by rule *{rule}*.", asked.join(", then "))
                }
            }
        }
        _ => "This now asks others than were shown: its parts stand below.".to_owned(),
    };
    format!("✋ *Not sent yet.* {now} If that is right, press *{SEND}* once more.")
}

/// Above a form that was sent off and refused.
pub fn refused(why: &str) -> String {
    format!("⛔ *Not sent.* {why}")
}

/// What is written before the link of a message at the end of a reason.
const CONTEXT: &str = "About: ";

/// The reason with the link of the message that it is about.
pub fn with_link(reason: &str, link: Option<&str>) -> String {
    match link.filter(|link| message_link(link).is_some()) {
        Some(link) if reason.is_empty() => format!("{CONTEXT}{link}"),
        Some(link) => format!("{reason}\n{CONTEXT}{link}"),
        None => reason.to_owned(),
    }
}

/// A reason without the link of a message at its end, and that link.
pub fn split_link(reason: &str) -> (&str, Option<&str>) {
    let last = reason.rfind('\n').map_or(0, |at| at + 1);
    let link = reason[last..].trim().strip_prefix(CONTEXT);
    match link.filter(|link| message_link(link).is_some()) {
        Some(link) => (reason[..last].trim_end(), Some(link)),
        None => (reason, None),
    }
}

/// The link of a message in Slack, ready to be pressed; none for any other address, whoever wrote
/// it.
pub fn message_link(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (host, path) = rest.split_once('/')?;
    let path_only = |c: char| c.is_ascii_alphanumeric() || "/?=&._-".contains(c);
    let good = is_slack(scheme, host)
        && path.starts_with("archives/")
        && path.chars().all(path_only)
        && url.len() <= 400;
    good.then(|| link(url, "this message")).flatten()
}

/// Whether that is a workspace at Slack, or the stand-in on the reader's own machine.
fn is_slack(scheme: &str, host: &str) -> bool {
    let letters = |part: &str| {
        let mut letters = part.chars();
        !part.is_empty() && letters.all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let workspace = host
        .strip_suffix(".slack.com")
        .or_else(|| host.strip_suffix(".slack-gov.com"));
    match (scheme, workspace) {
        ("https", Some(workspace)) => workspace.split('.').all(letters),
        ("http", None) => host
            .strip_prefix("127.0.0.1:")
            .is_some_and(|port| port.parse::<u16>().is_ok()),
        _ => false,
    }
}
