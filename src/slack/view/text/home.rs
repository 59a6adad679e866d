//! The words of App Home. Times are absolute, in the reader's own zone, so that nothing in it grows
//! old while nothing happens. Lines are short: most people read them on a phone.

use chrono::{DateTime, Utc};

use super::super::{Faces, escape};
use super::{
    access, asks, bundle, card, channel, end_in, glass, name, numbered, rule, said, when,
    without_code,
};
use crate::domain::grant::Failing;
use crate::domain::{GrantState, GroupName, Request, RequestState, RevokeCause};

/// Characters of a reason.
const REASON: usize = 160;
/// Characters of what the target said.
const ERROR: usize = 200;
/// Characters of a fault of the policy.
const FAULT: usize = 300;

/// The first line.
pub const HELLO: &str = "👋 *All your access in one place*";
/// What the first button does.
pub const ASK: &str = "Ask for access";
/// The heads of the sections.
pub const WAITING: &str = "⏳ Waiting for you";
/// See [`WAITING`].
pub const HELD: &str = "🔑 Your access";
/// See [`WAITING`].
pub const OWN: &str = "📝 Your requests";
/// See [`WAITING`].
pub const TEAM: &str = "👥 What you lead";
/// See [`WAITING`].
pub const MAY_ASK: &str = "📚 What you may ask for";
/// See [`WAITING`].
pub const ADMIN: &str = "🔧 Running this bot";

/// What stands in a section that has nothing.
pub const WAITING_EMPTY: &str = "Nothing waits for you. New requests show up here by themselves.";
/// See [`WAITING_EMPTY`].
pub const HELD_EMPTY: &str =
    "You hold no access just now. Need some? Press *Ask for access* at the top.";
/// See [`WAITING_EMPTY`].
pub const OWN_EMPTY: &str =
    "You have not asked for anything lately. *Ask for access* shows you who would be asked.";
/// See [`WAITING_EMPTY`].
pub const TEAM_EMPTY: &str = "Nobody holds anything of what you lead, and nothing waits.";
/// See [`WAITING_EMPTY`].
pub const MAY_ASK_EMPTY: &str =
    "There is nothing that you may ask for yet. The owners of the policy can add a rule for you.";
/// See [`WAITING_EMPTY`].
pub const STUCK_EMPTY: &str = "✅ No removal is stuck.";
/// The head of the removals that keep failing.
pub fn stuck_head(count: usize) -> String {
    format!("🚨 *Not taken away yet, still trying: {count}*")
}

/// Somebody's own stuck removal.
pub const OWN_REMOVAL: &str = "_This is your own access, so another admin has to answer for it._";

/// What a person is told whom the bot serves nothing.
pub fn unfit(why: &str) -> String {
    format!("👋 *Hello!* {}", escape::inline(why, 600))
}

/// What is shown where Slack refuses the tab itself.
pub const PLAIN: &str = "👋 *I cannot draw this page just now.* Everything else works: `/jit active` \
    shows what you have, and `/jit list` what you may ask for.";

/// A head with the count of what stands below it.
pub fn head(words: &str, count: usize) -> String {
    if count == 0 {
        return words.to_owned();
    }
    format!("{words} ({count})")
}

/// Which of many are shown.
pub fn which(first: usize, last: usize, of: usize) -> String {
    format!("{first}–{last} of {of}")
}

/// A request that waits for the reader: who wants what for how long, why, until when.
pub fn waiting(parts: &[Request], faces: &Faces, url: Option<&str>) -> String {
    let headline = match parts {
        [one] if one.bundle.is_none() => card::headline(one, faces),
        parts => bundle::headline(parts, faces),
    };
    let lead = parts.first();
    let reason = lead.map(|lead| escape::inline(&lead.reason, REASON));
    let reason = reason.filter(|words| !words.is_empty());
    let reason = reason.map(|words| format!("\n“{words}”"));
    let expires = parts.iter().filter_map(|part| match &part.state {
        RequestState::Pending { expires_at, .. } => Some(*expires_at),
        _ => None,
    });
    let expires = expires.min().map(|at| format!("expires {}", when(at)));
    let number = lead.map(|lead| numbered(lead.number, url));
    let print = number.into_iter().chain(expires);
    let print: Vec<String> = print.chain(bundle::sensitivity(parts)).collect();
    let mut rules: Vec<String> = parts.iter().map(rule).collect();
    rules.dedup();
    format!(
        "{headline}{}\n{}\n{}",
        reason.unwrap_or_default(),
        print.join("  ·  "),
        rules.join("\n")
    )
}

/// A break-glass access at which the reader is to look: until when, who took what, and why.
pub fn to_review(parts: &[Request], faces: &Faces, url: Option<&str>) -> String {
    let head = glass::review_head(parts, faces);
    let lead = parts.first();
    let reason = lead.map(|lead| escape::inline(&lead.reason, REASON));
    let reason = reason.filter(|words| !words.is_empty());
    let reason = reason.map(|words| format!("\n“{words}”"));
    let number = lead.map(|lead| numbered(lead.number, url));
    let print: Vec<String> = number
        .into_iter()
        .chain(bundle::sensitivity(parts))
        .collect();
    format!(
        "{head}{}\n{}",
        reason.unwrap_or_default(),
        print.join("  ·  ")
    )
}

/// An access of the reader's.
pub fn held(request: &Request, url: Option<&str>) -> String {
    let number = numbered(request.number, url);
    format!(
        "*{}*  ·  {number}\n{}",
        access(request),
        grant(request, true)
    )
}

/// A request of the reader's that waits or is over; for somebody else, with their name.
pub fn own(request: &Request, is_mine: bool, faces: &Faces, url: Option<&str>) -> String {
    let holder = if is_mine {
        String::new()
    } else {
        format!(" for {}", faces.name(request.access.person))
    };
    let number = numbered(request.number, url);
    let (what, state) = (access(request), state(request, is_mine, faces));
    format!("*{what}*{holder}  ·  {number}\n{state}")
}

/// Who holds, or waits for, what the reader leads.
pub fn team(request: &Request, faces: &Faces, url: Option<&str>) -> String {
    let state = match &request.state {
        RequestState::Pending { .. } => {
            let asked = request.current_step().map(asks).unwrap_or_default();
            format!("⏳ waits for {asked}")
        }
        _ => state(request, false, faces),
    };
    let who = faces.mention(request.access.person);
    format!(
        "{who}: {} ({})\n      {state}",
        access(request),
        numbered(request.number, url)
    )
}

/// Where a request stands, in one line.
fn state(request: &Request, to_holder: bool, faces: &Faces) -> String {
    match &request.state {
        RequestState::Pending { expires_at, .. } => {
            let asked = request.current_step().map(asks).unwrap_or_default();
            let to = channel(&request.terms.channel);
            let expires = when(*expires_at);
            format!("⏳ waits for {asked} in {to}, expires {expires}")
        }
        RequestState::Approved { .. } => grant(request, to_holder),
        RequestState::Denied { by, why, .. } => {
            let why = escape::inline(why, REASON);
            format!("⛔ denied by {}: “{why}”", faces.name(*by))
        }
        RequestState::Cancelled { at } => format!("🚫 cancelled {}", when(*at)),
        RequestState::Expired { at } => {
            format!("⌛ expired {}, nobody decided in time", when(*at))
        }
        RequestState::Overruled { at, .. } if request.came_too_late() => {
            format!("🚫 over {}, what it would extend has ended", when(*at))
        }
        RequestState::Overruled { at, .. } => {
            format!("⛔ the policy allows it no more, since {}", when(*at))
        }
    }
}

/// Where a grant stands. That a removal keeps failing is not told here, nor to its holder that
/// nobody verified the end: they should not learn that the access may still work.
fn grant(request: &Request, to_holder: bool) -> String {
    let Some(grant) = request.grant() else {
        return String::new();
    };
    match &grant.state {
        GrantState::Scheduled { start_at, .. } => {
            format!("📅 approved, begins {}", when(*start_at))
        }
        GrantState::Activating { .. } => "🔑 approved, being given now".to_owned(),
        GrantState::Active { until, .. } => format!("🟢 until {}", end_in(*until)),
        GrantState::Revoking { .. } => "🟠 being taken away".to_owned(),
        GrantState::Resolved { at, .. } if to_holder => format!("⚪ ended {}", when(*at)),
        GrantState::Resolved { at, .. } => {
            format!("✋ marked as resolved {}, not verified", when(*at))
        }
        GrantState::Revoked { at, cause, .. } => ended(cause, *at),
        GrantState::Failed { at, .. } => {
            format!("❌ did not work {}, nothing was given", when(*at))
        }
    }
}

fn ended(cause: &RevokeCause, at: DateTime<Utc>) -> String {
    let how = match cause {
        RevokeCause::Lapsed => "ended",
        RevokeCause::GivenBack => "given back",
        RevokeCause::Revoked { .. } => "taken away",
        RevokeCause::Unstarted { .. } => "did not begin",
        RevokeCause::ActivationUnknown { .. } => "did not work",
    };
    format!("⚪ {how} {}", when(at))
}

/// A removal that keeps failing, for whoever has to do something about it.
pub fn stuck(
    request: &Request,
    (failing, since): (&Failing, DateTime<Utc>),
    faces: &Faces,
    url: Option<&str>,
) -> String {
    let (who, what) = (faces.mention(request.access.person), access(request));
    format!(
        "*{who}: {what}* ({})\nShould be gone since {}, tried {} so far.\nThe target said: “{}”",
        numbered(request.number, url),
        when(since),
        card::times(failing.attempts),
        escape::inline(without_code(&failing.error), ERROR)
    )
}

/// What the policy is, and whether its files are at fault.
pub fn policy(hash: &str, since: Option<DateTime<Utc>>, trouble: Option<&str>) -> String {
    let short: String = hash.chars().take(12).collect();
    let since = since.map(|at| format!(", loaded {}", when(at)));
    let version = format!(
        "📜 *Policy*: version `{}`{}",
        name(&short),
        since.unwrap_or_default()
    );
    match trouble {
        None => format!("{version}. Its files are without fault."),
        Some(fault) => format!(
            "{version}.\n🚨 *Its files have changed and are at fault*, so this version decides on: {}",
            escape::inline(fault, FAULT)
        ),
    }
}

/// How the machine stands.
pub fn health(oldest: Option<DateTime<Utc>>, missing: usize, refused: &[String]) -> String {
    let work = match oldest {
        None => "✅ *Work*: nothing is late".to_owned(),
        Some(since) => format!("⚠️ *Work*: the oldest waits since {}", when(since)),
    };
    let database = match missing {
        0 => "✅ *Database*: answers, up to date".to_owned(),
        many => format!("⚠️ *Database*: {many} migrations are missing, run `jit migrate`"),
    };
    let slack = if refused.is_empty() {
        "✅ *Slack*: takes what I send".to_owned()
    } else {
        let calls = refused.iter().map(|call| format!("`{}`", name(call)));
        let calls: Vec<String> = calls.collect();
        let calls = escape::cut(&calls.join(", "), FAULT);
        format!("⚠️ *Slack*: refuses {calls}; `jit doctor` says what to change")
    };
    format!("{work}\n{slack}\n{database}")
}

/// Groups of which nobody could say who is in them.
pub fn unreadable(groups: &[GroupName]) -> String {
    format!(
        "⚠️ I could not read who is in {} just now, so something may be missing here. Open this tab \
         again in a few minutes.",
        super::groups(groups, "and")
    )
}

/// The question before somebody answers for a removal.
pub fn answer_for(request: &Request, faces: &Faces) -> String {
    format!(
        "*{}: {}* (#{})\n\
         ✋ The target never said that this access is gone. Please go on only if you have made sure \
         of it yourself. It is recorded with your name, and the card says that nobody verified it.",
        faces.mention(request.access.person),
        access(request),
        request.number
    )
}

/// A removal is tried at once.
pub fn retried(request: &Request) -> String {
    format!(
        "🔁 I try to take {} (#{}) away again, right now. Your App Home shows what comes of it.",
        access(request),
        request.number
    )
}

/// The title over what is said once a removal was taken as done.
pub const RESOLVED: &str = "Marked as resolved";

/// A removal was taken as done.
pub fn resolved(request: &Request, why: &str) -> String {
    format!(
        "✋ Request #{} ({}) is marked as resolved by you: “{}”",
        request.number,
        access(request),
        said(why)
    )
}
