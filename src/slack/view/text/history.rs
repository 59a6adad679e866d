//! The words of looking back: each request in a line, and in a row of a file.

use chrono::{DateTime, Utc};

use super::super::Faces;
use super::card::{over_named, retry_until, span};
use super::{access, asks, channel, groups, joined, name, said, when};
use crate::domain::{
    Fate, GrantState, GroupName, PersonId, Request, RequestState, RevokeCause, Route, Search,
};

/// People that a line names before it counts them.
const PEOPLE: usize = 4;

/// The head of a list.
pub fn head(search: &Search, own: bool, faces: &Faces) -> String {
    let whose = if own {
        "Your requests".to_owned()
    } else {
        match search.people.first() {
            Some(person) => format!("Requests of and for {}", faces.mention(*person)),
            None => "Everybody's requests".to_owned(),
        }
    };
    let mut parts = vec![format!("*{whose}*")];
    parts.extend(search.fate.map(|fate| fate_words(fate).to_owned()));
    parts.extend(search.number.map(|number| format!("number {number}")));
    parts.extend((search.resource.as_ref()).map(|resource| format!("on {}", name(resource))));
    parts.extend((search.channel.first()).map(|named| format!("in {}", channel(named))));
    parts.extend(search.from.map(|from| format!("since {}", when(from))));
    parts.extend(search.until.map(|until| format!("before {}", when(until))));
    parts.join(", ")
}

fn fate_words(fate: Fate) -> &'static str {
    match fate {
        Fate::Waiting => "that wait",
        Fate::Approved => "that were approved",
        Fate::Denied => "that were denied",
        Fate::Cancelled => "that were cancelled",
        Fate::Expired => "that expired",
        Fate::Overruled => "that policy no longer allowed",
        Fate::Active => "that are active",
        Fate::Ended => "that have ended",
        Fate::Revoked => "that somebody took away",
        Fate::Failed => "that failed",
        Fate::Automatic => "that a rule approved by itself",
        Fate::BreakGlass => "as break-glass",
    }
}

/// There is nothing that fits.
pub const NOTHING: &str = "I find nothing that fits.";

/// There is nothing older.
pub const NOTHING_OLDER: &str = "There is nothing older.";

/// For auditors, who see others.
pub const ON_RECORD: &str = "You see this as an auditor; that you looked is on record.";

/// How to look for something else.
pub const HINT: &str =
    "Narrow it down: `/jit history staging-db denied since 7d`, or a person, or a #channel.";

/// For people who are no auditors and looked for others.
pub fn own_only(auditors: &[GroupName]) -> String {
    let who = match auditors {
        [] => "The policy names nobody who may see what others asked for".to_owned(),
        groups => format!(
            "Only {} may see what others asked for",
            self::groups(groups, "or")
        ),
    };
    format!("{who}, so here is what is your own.")
}

/// The page that a button belongs to is not there any more.
pub const FORGOTTEN: &str =
    "That list is too old to go on with. Please type `/jit history` once more.";

/// The page that a button belongs to was somebody else's.
pub const NOT_YOURS: &str = "That list is somebody else's. `/jit history` shows you your own.";

/// One request in two lines: number, when, who, what, how long; then what became of it, and by whom.
pub fn line(request: &Request, link: Option<&str>, faces: &Faces, now: DateTime<Utc>) -> String {
    let who = faces.mention(request.access.person);
    let asked = match request.requester {
        asker if asker == request.access.person => String::new(),
        asker => format!(" (asked by {})", faces.mention(asker)),
    };
    let card = link.and_then(|url| super::link(url, "see the card"));
    let card = card.map(|card| format!(" · {card}"));
    format!(
        "*#{}* {} · {who}{asked} · {} for {}\n      {}{}",
        request.number,
        when(request.asked_at),
        access(request),
        span(request),
        outcome(request, faces, now),
        card.unwrap_or_default()
    )
}

/// What became of it, and who decided.
fn outcome(request: &Request, faces: &Faces, now: DateTime<Utc>) -> String {
    match &request.state {
        RequestState::Pending { .. } => {
            let step = request.current_step().map(asks).unwrap_or_default();
            format!("⏳ waits for {step}")
        }
        RequestState::Denied { by, why, .. } => {
            format!("⛔ denied by {}: “{}”", faces.mention(*by), said(why))
        }
        RequestState::Cancelled { .. } => {
            format!("🚫 cancelled by {}", faces.mention(request.requester))
        }
        RequestState::Expired { .. } => "⌛ expired: nobody decided in time".to_owned(),
        RequestState::Overruled { .. } if request.came_too_late() => {
            "🚫 over: the access that it would extend has ended".to_owned()
        }
        RequestState::Overruled { why, .. } => {
            format!("⛔ no longer allowed by policy: “{}”", said(why))
        }
        RequestState::Approved { grant, .. } => {
            let by = approved(request, |person| faces.mention(person));
            format!("{by}; {}", granted(request, &grant.state, faces, now))
        }
    }
}

/// Who said yes.
fn approved(request: &Request, called: impl Fn(PersonId) -> String) -> String {
    match &request.terms.route {
        Route::Automatic { .. } => {
            format!("✅ approved by its rule *{}*", name(&request.terms.rule))
        }
        Route::BreakGlass(_) => "🚨 break-glass, nobody was asked".to_owned(),
        Route::Steps(_) => {
            let approvals = request.approvals();
            let by = approvals.iter().take(PEOPLE);
            let mut by: Vec<String> = by.map(|given| called(given.by.person)).collect();
            if PEOPLE < approvals.len() {
                by.push(format!("{} more", approvals.len() - PEOPLE));
            }
            format!("✅ approved by {}", joined(&by, "and"))
        }
    }
}

fn granted(request: &Request, state: &GrantState, faces: &Faces, now: DateTime<Utc>) -> String {
    match state {
        GrantState::Scheduled { start_at, .. } => format!("begins {}", when(*start_at)),
        GrantState::Activating { .. } => "is being given".to_owned(),
        GrantState::Active { until, .. } => format!("active until {}", when(*until)),
        GrantState::Revoking { cause, failing, .. } => {
            let stuck = if failing.is_some() {
                ", which keeps failing"
            } else {
                ""
            };
            format!("is being taken away ({}){stuck}", over_named(cause, faces))
        }
        GrantState::Revoked { at, cause, .. } => {
            format!("ended {} ({})", when(*at), over_named(cause, faces))
        }
        GrantState::Resolved { at, by, why, .. } => format!(
            "⚠️ could not be taken away; marked as resolved {} by {}: “{}” (not verified)",
            when(*at),
            faces.mention(*by),
            said(why)
        ),
        GrantState::Failed { at, .. } => {
            let again = match retry_until(request, now) {
                Some(_) => ", can be tried again",
                None => "",
            };
            format!("could not be given {}{again}", when(*at))
        }
    }
}

// -- as a file --

/// The first row of a file.
pub const COLUMNS: [&str; 17] = [
    "number",
    "asked_at",
    "holder",
    "asked_by",
    "resource",
    "role",
    "asked_for",
    "given_for",
    "reason",
    "rule",
    "way",
    "outcome",
    "decided_by",
    "decided_at",
    "ended_at",
    "ended_by",
    "card",
];

/// A row of a file, in the order of [`COLUMNS`], not yet quoted. Names and times are plain.
pub fn row(request: &Request, link: Option<&str>, faces: &Faces) -> [String; 17] {
    let plain = |person: PersonId| faces.0.get(&person).map(|face| face.name.clone());
    let plain = |person| plain(person).unwrap_or_else(|| "somebody".to_owned());
    let at = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let outcome = request.outcome();
    let (decided_by, decided_at) = decided(request, &plain);
    let (ended_at, ended_by) = ended(request, &plain);
    [
        request.number.to_string(),
        at(request.asked_at),
        plain(request.access.person),
        plain(request.requester),
        request.access.resource.to_string(),
        request.access.role.to_string(),
        request.duration.to_string(),
        request.granted().to_string(),
        request.reason.clone(),
        request.terms.rule.to_string(),
        way(request).to_owned(),
        outcome.map_or_else(|| "waiting".to_owned(), |(what, ..)| what.to_string()),
        decided_by,
        decided_at.map(at).unwrap_or_default(),
        ended_at.map(at).unwrap_or_default(),
        ended_by,
        link.unwrap_or_default().to_owned(),
    ]
}

fn way(request: &Request) -> &'static str {
    match &request.terms.route {
        Route::Automatic { .. } => "automatic",
        Route::BreakGlass(_) => "break-glass",
        Route::Steps(_) => "approval",
    }
}

fn decided(
    request: &Request,
    plain: &impl Fn(PersonId) -> String,
) -> (String, Option<DateTime<Utc>>) {
    match &request.state {
        RequestState::Pending { .. } => (String::new(), None),
        RequestState::Denied { by, at, .. } => (plain(*by), Some(*at)),
        RequestState::Cancelled { at } => (plain(request.requester), Some(*at)),
        RequestState::Expired { at } | RequestState::Overruled { at, .. } => {
            ("nobody".to_owned(), Some(*at))
        }
        RequestState::Approved { at, approvals, .. } => {
            let by: Vec<String> = approvals
                .iter()
                .map(|given| plain(given.by.person))
                .collect();
            let by = if by.is_empty() {
                "nobody".to_owned()
            } else {
                by.join("; ")
            };
            (by, Some(*at))
        }
    }
}

fn ended(
    request: &Request,
    plain: &impl Fn(PersonId) -> String,
) -> (Option<DateTime<Utc>>, String) {
    let (at, cause) = match request.grant().map(|grant| &grant.state) {
        Some(GrantState::Revoked { at, cause, .. }) => (at, cause),
        // Nobody saw it end, so there is no time of an end.
        Some(GrantState::Resolved { by, why, .. }) => {
            let by = plain(*by);
            return (
                None,
                format!("marked as resolved by {by}, not verified: {why}"),
            );
        }
        _ => return (None, String::new()),
    };
    let by = match cause {
        RevokeCause::Revoked { by, .. } => plain(*by),
        RevokeCause::GivenBack => plain(request.access.person),
        RevokeCause::Lapsed => "its time was over".to_owned(),
        RevokeCause::Unstarted { .. } => "it could not begin".to_owned(),
        RevokeCause::ActivationUnknown { .. } => "to be sure".to_owned(),
    };
    (Some(*at), by)
}

/// Who is looked for belongs elsewhere, and never did anything here.
pub const NOBODY: &str =
    "That account belongs to another workspace, and I have nothing on record of it.";

/// The message that the file follows: how many requests it has, and how many of them without a link.
pub fn file(count: usize, unlinked: usize, cut: bool) -> String {
    let cut = if cut {
        " There is more than a file holds: narrow it down by a time."
    } else {
        ""
    };
    let requests = match count {
        1 => "1 request".to_owned(),
        many => format!("{many} requests"),
    };
    let unlinked = match unlinked {
        0 => String::new(),
        1 => " One of them has no card, so no link.".to_owned(),
        many => format!(" {many} of them have no card, so no link."),
    };
    format!("📄 Your file with {requests} follows.{unlinked}{cut}")
}

/// The file was sent.
pub const FILE_SENT: &str = "📄 I sent you the file by direct message.";

/// The file could not be sent.
pub fn file_not_sent(reference: &str) -> String {
    let goes_on = super::trouble::goes_on(reference);
    format!("😕 I could not send the file just now. Please try again in a while. {goes_on}")
}

/// A file of somebody else is on its way.
pub const FILE_BUSY: &str = "⏳ I am making another file just now. Please press the button again in a \
    minute.";

/// The file may not be sent.
pub const FILE_NOT_ALLOWED: &str = "😕 I may not send files in this workspace yet. Please ask whoever \
    runs me to install the app again with the scope `files:write`.";

#[cfg(test)]
mod tests {
    use super::file;

    #[test]
    fn a_file_says_how_many_of_its_rows_have_no_link() {
        assert!(!file(5, 0, false).contains("link"));
        assert!(file(5, 1, false).contains("One of them has no card"));
        assert!(file(5, 3, true).contains("3 of them have no card"));
    }
}
