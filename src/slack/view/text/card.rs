//! The words of a request's card.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::Faces;
use super::asked::{approved_by, called, given, standing_in};
use super::{access, asks, end, groups, name, people, rule, said, when};
use crate::domain::grant::Failing;
use crate::domain::{
    Approval, GrantState, PersonId, Quorum, Request, RequestState, RevokeCause, Route, Step,
};

/// How long a target may take before the card says that it takes long.
const SLOW: TimeDelta = TimeDelta::seconds(30);

/// The first line: who wants what for how long. In bold, as the rest explains it.
pub fn headline(request: &Request, faces: &Faces) -> String {
    format!("*{}*", wish(request, faces))
}

/// Who wants what, for whom, and for how long.
fn wish(request: &Request, faces: &Faces) -> String {
    let (what, span) = (access(request), span(request));
    let who = faces.mention(request.requester);
    let holder = match request.access.person {
        person if person == request.requester => String::new(),
        person => format!(" for {}", faces.mention(person)),
    };
    let wants = match request.state {
        RequestState::Pending { .. } => "wants",
        _ => "asked for",
    };
    let loud = match request.terms.route {
        Route::BreakGlass(_) => "🚨 Break-glass: ",
        Route::Automatic { .. } | Route::Steps(_) => "",
    };
    match &request.extends {
        Some(_) => format!("{loud}{who} {wants} {span} more of {what}{holder}"),
        None if holder.is_empty() => format!("{loud}{who} {wants} {what} for {span}"),
        None => format!("{loud}{who} {wants} {what}{holder}, {span}"),
    }
}

/// How long it lasts; where that is less than was asked for, both.
pub fn span(request: &Request) -> String {
    let (given, asked) = (request.granted(), request.duration);
    if given < asked {
        format!("{given} instead of {asked}")
    } else {
        given.to_string()
    }
}

/// The whole card in one line, for notifications.
pub fn summary(request: &Request, faces: &Faces, now: DateTime<Utc>) -> String {
    let state = status(request, faces, now).replace('*', "");
    let first = state.lines().next().unwrap_or_default();
    format!("{}. {first}", wish(request, faces))
}

/// Where the request stands: one bold line, then what follows from it.
pub fn status(request: &Request, faces: &Faces, now: DateTime<Utc>) -> String {
    let brief = brief(request, faces, now);
    match &request.state {
        RequestState::Pending { expires_at, .. } if now < *expires_at => {
            format!("{brief}\nExpires {} if nobody decides", when(*expires_at))
        }
        _ => brief,
    }
}

/// The same, without when a request that waits expires.
pub fn brief(request: &Request, faces: &Faces, now: DateTime<Utc>) -> String {
    match &request.state {
        RequestState::Pending { expires_at, .. } if *expires_at <= now => {
            format!("⌛ *Nobody decided in time* (until {})", when(*expires_at))
        }
        RequestState::Pending { step, .. } => pending(request, *step, faces, now),
        RequestState::Approved { grant, .. } => {
            let mut lines = vec![granted(request, &grant.state, faces, now)];
            lines.push(approval(request, faces));
            lines.extend(stricter(request));
            lines.join("\n")
        }
        RequestState::Denied { at, by, .. } => {
            format!("⛔ *Denied* by {} {}", faces.mention(*by), when(*at))
        }
        RequestState::Overruled { at, why } => {
            format!(
                "⛔ *No longer allowed* {}: the policy has changed. It says: “{}”",
                when(*at),
                said(why)
            )
        }
        RequestState::Cancelled { at } => {
            format!(
                "🚫 *Cancelled* by {} {}",
                faces.mention(request.requester),
                when(*at)
            )
        }
        RequestState::Expired { at } => {
            format!("⌛ *Expired* {}: nobody decided in time", when(*at))
        }
    }
}

/// How it came to be approved.
fn approval(request: &Request, faces: &Faces) -> String {
    match &request.terms.route {
        Route::Automatic { .. } => "Approved by its rule, nobody was asked".to_owned(),
        Route::BreakGlass(_) => "Given at once, without asking anybody".to_owned(),
        Route::Steps(_) => given(request, faces),
    }
}

/// That a later policy asked for more, where one did.
fn stricter(request: &Request) -> Option<String> {
    request.terms.tightened_by.as_ref()?;
    Some(format!(
        "📜 The policy became stricter after this was asked: now it needs {}",
        needs(request)
    ))
}

/// Who has to approve, and for how long at most.
fn needs(request: &Request) -> String {
    let steps = request.terms.route.steps();
    let asked: Vec<String> = steps.iter().map(asks).collect();
    format!(
        "{}, for at most {}",
        asked.join(", then "),
        request.terms.duration
    )
}

fn pending(request: &Request, step: usize, faces: &Faces, now: DateTime<Utc>) -> String {
    let steps = request.terms.route.steps();
    let Some(asked) = steps.get(step) else {
        return "⏳ *Waiting*".to_owned();
    };
    let which = match steps.len() {
        1 => String::new(),
        all => format!(" (step {} of {all})", step + 1),
    };
    let missing = missing(asked, step, request.approvals());
    let mut lines = vec![format!("⏳ *Waiting for {missing}*{which}")];
    lines.extend(standing_in(request, now));
    lines.extend(approved_by(request, faces));
    lines.extend(stricter(request));
    let open = called(request, now);
    if !open.is_empty() {
        lines.push(format!("Asked: {}", people(&open, faces)));
    }
    if let Some(until) = extends_until(request) {
        lines.push(format!("Would extend until {}", when(until)));
    }
    if let Some(start) = request.terms.start {
        lines.push(format!("📅 Would begin {}", when(start)));
    }
    lines.join("\n")
}

/// What a step still needs, in words for a bold line.
fn missing(step: &Step, index: usize, approvals: &[Approval]) -> String {
    let given = approvals
        .iter()
        .filter(|approval| approval.step == index)
        .count();
    let needed = step.quorum.people(step.from.len());
    if given == 0 {
        return asks(step).replace('*', "");
    }
    // Where each group has to say yes, two of the same group leave one missing all the same.
    let left = needed.saturating_sub(given).max(1);
    let last = match step.quorum {
        Quorum::Any(_) => "or",
        Quorum::All(_) => "and",
    };
    let from = groups(&step.from, last).replace('*', "");
    format!("{left} more of {needed} approvals, {from}")
}

/// Until when an extension would last; none where the request extends nothing, or nothing any more.
pub fn extends_until(request: &Request) -> Option<DateTime<Utc>> {
    let until = request.extends.as_ref()?.until?;
    until.checked_add_signed(request.granted().into())
}

fn granted(request: &Request, state: &GrantState, faces: &Faces, now: DateTime<Utc>) -> String {
    match state {
        GrantState::Scheduled { start_at, .. } if *start_at <= now => {
            "🔁 *Approved, about to begin…*".to_owned()
        }
        GrantState::Scheduled { start_at, .. } => {
            let span = request.granted();
            format!(
                "📅 *Approved, begins {}*, for {span} from then",
                when(*start_at)
            )
        }
        GrantState::Activating { since, .. } if *since + SLOW < now => {
            "🔑 *Approved, giving access…* The target takes long to answer; I keep trying."
                .to_owned()
        }
        GrantState::Activating { .. } => "🔑 *Approved, giving access…*".to_owned(),
        GrantState::Active { until, .. } if *until <= now => {
            format!(
                "🟠 *Its time is over* since {}; taking it away",
                when(*until)
            )
        }
        GrantState::Active { until, .. } => {
            let extended = if request.extends.is_some() {
                "Extended, active"
            } else {
                "Active"
            };
            format!("🟢 *{extended} until {}*", end(request, *until))
        }
        GrantState::Revoking {
            cause,
            failing: Some(failing),
            ..
        } => {
            format!(
                "{}\nIt must go: {}",
                stuck(request, failing, faces),
                over(cause, faces)
            )
        }
        GrantState::Revoking {
            cause,
            failing: None,
            ..
        } => {
            format!("🟠 *Being taken away*: {}", over(cause, faces))
        }
        GrantState::Revoked { at, cause, .. } if never_began(request, cause, *at) => {
            format!("⚪ *Did not begin*: {}", withdrawn(cause, faces))
        }
        GrantState::Revoked {
            at,
            cause,
            covered_until,
        } => {
            let cause = over(cause, faces);
            match covered_until {
                Some(until) => format!(
                    "⚪ *Ended* {}: {cause}\nThe access itself goes on under another request until {}",
                    when(*at),
                    when(*until),
                ),
                None => format!("⚪ *Taken away* {}: {cause}", when(*at)),
            }
        }
        GrantState::Failed { at, error } => format!(
            "❌ *Failed* {}: the target refused, nothing was given\nIt said: “{}”{}",
            when(*at),
            said(error),
            again_until(request, now).map_or_else(String::new, |line| format!("\n{line}")),
        ),
    }
}

/// Until when what failed may be tried again.
pub fn again_until(request: &Request, now: DateTime<Utc>) -> Option<String> {
    let until = retry_until(request, now)?;
    Some(format!(
        "*Try again* works until {}; nobody has to approve once more",
        when(until)
    ))
}

/// Until when the unused approval of what failed is good; none where it is not, or not any more.
pub fn retry_until(request: &Request, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let RequestState::Approved { at, grant, .. } = &request.state else {
        return None;
    };
    let failed = matches!(grant.state, GrantState::Failed { .. });
    let from = request.terms.start.map_or(*at, |start| start.max(*at));
    let until = from.checked_add_signed(request.terms.start_within.into())?;
    (failed && now < until).then_some(until)
}

/// Whether what was approved for later was over before it began.
pub fn never_began(request: &Request, cause: &RevokeCause, at: DateTime<Utc>) -> bool {
    matches!(cause, RevokeCause::Unstarted { .. })
        || request.terms.start.is_some_and(|start| at < start)
}

/// Why something that was approved for later did not begin, as the end of a sentence.
pub fn withdrawn(cause: &RevokeCause, faces: &Faces) -> String {
    match cause {
        RevokeCause::GivenBack => "withdrawn before its start".to_owned(),
        RevokeCause::Unstarted { why } => said(why),
        cause => over(cause, faces),
    }
}

/// A removal that keeps failing: loud, since the access may still work.
fn stuck(request: &Request, failing: &Failing, faces: &Faces) -> String {
    let deciders: Vec<PersonId> = request
        .approvals()
        .iter()
        .map(|given| given.by.person)
        .collect();
    let told = match deciders.as_slice() {
        [] => "everybody here".to_owned(),
        all => people(all, faces),
    };
    format!(
        "🚨 *Taking the access away is failing. It may still work!*\n\
         I have tried {} and go on trying until it is gone. Told: {told}\n\
         The target said: “{}”",
        times(failing.attempts),
        said(&failing.error),
    )
}

/// How often, in words.
pub fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}

/// Why access ends, as the end of a sentence.
pub fn over(cause: &RevokeCause, faces: &Faces) -> String {
    match cause {
        RevokeCause::Revoked { by, why } => {
            format!("revoked by {}: “{}”", faces.mention(*by), said(why))
        }
        cause => over_named(cause, faces),
    }
}

/// The same without calling anybody.
pub fn over_named(cause: &RevokeCause, faces: &Faces) -> String {
    match cause {
        RevokeCause::Lapsed => "its time is over".to_owned(),
        RevokeCause::GivenBack => "given back early".to_owned(),
        RevokeCause::Revoked { by, why } => {
            format!("revoked by {}: “{}”", faces.name(*by), said(why))
        }
        RevokeCause::Unstarted { why } => format!("it did not begin: {}", said(why)),
        RevokeCause::ActivationUnknown { .. } => {
            "the target never said whether it gave the access, so it is removed to be sure"
                .to_owned()
        }
    }
}

/// The small print: number, ticket, sensitivity, rule.
pub fn small_print(request: &Request) -> String {
    let mut parts = vec![format!("Request #{}", request.number)];
    if let Some(ticket) = &request.terms.ticket {
        parts.push(format!("Ticket: *{}*", name(ticket)));
    }
    if let Some(sensitivity) = &request.terms.card.sensitivity {
        let sign = if is_high(request) { "🔴 " } else { "" };
        parts.push(format!("{sign}Sensitivity: *{}*", name(sensitivity)));
    }
    let mut lines = vec![parts.join("  ·  "), rule(request)];
    lines.extend(read_at(request));
    lines.join("\n")
}

/// How old the knowledge is of who is in the groups that are asked, where it comes from elsewhere.
fn read_at(request: &Request) -> Option<String> {
    let groups = request.terms.route.groups();
    let (group, at) = groups
        .iter()
        .filter_map(|group| Some((group, request.roster.read_at(group, request.asked_at)?)))
        .min_by_key(|(_, at)| *at)?;
    Some(format!(
        "Who is in *{}* was read {}; each click reads it again",
        name(group),
        when(at)
    ))
}

/// Whether the policy calls the resource highly sensitive, so that approving wants a second look.
pub fn is_high(request: &Request) -> bool {
    let sensitivity = request.terms.card.sensitivity.as_deref();
    sensitivity.is_some_and(|word| word.trim().eq_ignore_ascii_case("high"))
}
