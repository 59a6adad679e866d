//! The lines of a request's thread: one sentence for everything that people want to know later.

use chrono::{DateTime, Utc};

use super::super::Faces;
use super::asked::{called_again, called_for, instead, remark};
use super::card::{over, times, withdrawn};
use super::{access, asks, bundle, end, glass, groups, left, people, rule, said, when};
use crate::domain::{
    Event, GrantState, GroupName, PersonId, Removal, Request, RequestState, RevokeCause, Route,
    Step, Terms,
};

/// Lag of a removal that is worth a word, in seconds.
const LATE: i64 = 60;

/// Something that happened, and to which request; that is as it is after it, or later.
#[derive(Clone, Copy, Debug)]
pub struct News<'a> {
    /// What.
    pub event: &'a Event,
    /// When.
    pub at: DateTime<Utc>,
    /// The request.
    pub request: &'a Request,
    /// The terms that it had before.
    pub before: Option<&'a Terms>,
}

/// The lines for what happened to the parts of a card. What happened to several parts alike is told
/// once, with their names; `of` is how many parts there are.
pub fn lines(news: &[News<'_>], of: usize, faces: &Faces) -> Vec<String> {
    let is_part = |news: &News<'_>| news.request.bundle.is_some();
    if !news.iter().any(is_part) {
        let line = |news: &News<'_>| line(news, faces);
        return news.iter().filter_map(line).collect();
    }
    let (asked, later): (Vec<&News<'_>>, Vec<&News<'_>>) = news
        .iter()
        .partition(|news| matches!(news.event, Event::Requested { .. }));
    let asked: Vec<&Request> = asked.into_iter().map(|news| news.request).collect();
    let mut told = Vec::new();
    if !asked.is_empty() {
        told.push(bundle::requested(&asked, faces));
    }
    let later = later
        .into_iter()
        .filter_map(|news| Some((line(news, faces)?, news.request)));
    told.extend(alike(later.collect(), of));
    told
}

/// Lines of which those that say the same are one, in the order in which each came first, with the
/// parts that it is about.
pub fn alike(lines: Vec<(String, &Request)>, of: usize) -> Vec<String> {
    let mut told: Vec<(String, Vec<&Request>)> = Vec::new();
    for (line, request) in lines {
        match told.iter_mut().find(|(known, _)| *known == line) {
            Some((_, about)) if about.iter().any(|known| known.id == request.id) => {}
            Some((_, about)) => about.push(request),
            None => told.push((line, vec![request])),
        }
    }
    told.into_iter()
        .map(|(line, about)| format!("{line}{}", bundle::which(&about, of)))
        .collect()
}

/// The line for one event, in mrkdwn; none for what happens only inside the machine.
#[expect(clippy::too_many_lines, reason = "a table reads best in one piece")]
pub fn line(news: &News<'_>, faces: &Faces) -> Option<String> {
    let News {
        event, at, request, ..
    } = *news;
    Some(match event {
        Event::Requested { .. } => requested(request, faces),
        Event::ApprovalGiven {
            by,
            step,
            comment,
            shortened,
        } => {
            let less = shortened.map(|less| format!(", {}", instead(less.to, less.from)));
            let count = count(request, by.person, *step);
            format!(
                "✅ {} approved{count}{}{}",
                faces.mention(by.person),
                less.unwrap_or_default(),
                comment.as_deref().map(remark).unwrap_or_default()
            )
        }
        Event::StepFinished { step } => return next_step(request, step + 1, at, faces),
        Event::RequestApproved {
            start_at: Some(start),
            ..
        } => format!("📅 Approved. It begins {}.", when(*start)),
        Event::RequestApproved { review_by, .. }
            if matches!(request.terms.route, Route::BreakGlass(_)) =>
        {
            glass::given(request, *review_by)
        }
        Event::RequestApproved { after, .. } => approved(request, *after),
        Event::ApproversNudged { groups, .. } => nudged(request, groups, at, faces),
        Event::StepEscalated { to, .. } => escalated(request, to, at, faces),
        Event::TermsTightened { terms, .. } => tightened(news.before, terms),
        Event::RequestOverruled { refusal, .. } => format!(
            "⛔ The policy has changed and no longer allows this: “{}”",
            said(&refusal.to_string())
        ),
        Event::StartBegun => "🔑 Its time has come. Giving access now.".to_owned(),
        Event::StartWithdrawn { cause } => {
            format!("⚪ It does not begin: {}", withdrawn(cause, faces))
        }
        Event::GrantRetried { by } => {
            format!("🔁 {} wants it tried again.", faces.mention(*by))
        }
        Event::ReviewCompleted {
            by,
            justified,
            note,
        } => reviewed(&faces.mention(*by), *justified, note),
        Event::ReviewOverdue => glass::overdue(request, faces),
        Event::RequestDenied { by, why } => {
            format!("⛔ {} denied this: “{}”", faces.mention(*by), said(why))
        }
        Event::RequestCancelled => {
            format!(
                "🚫 {} cancelled the request.",
                faces.mention(request.requester)
            )
        }
        Event::RequestExpired => "⌛ The request expired: nobody decided in time.".to_owned(),
        Event::GrantActivated { until, .. } if request.extends.is_some() => {
            format!("🟢 The access is extended until {}.", end(request, *until))
        }
        Event::GrantActivated { until, .. } => {
            format!("🟢 The access is given, until {}.", end(request, *until))
        }
        Event::CredentialsIssued { by } => {
            format!("🔑 {} got fresh credentials.", faces.mention(*by))
        }
        Event::GrantFailed { error } => {
            format!(
                "❌ The target refused, so nothing was given. It said: “{}”",
                said(error)
            )
        }
        Event::HolderReminded => reminded(request, at, faces),
        Event::RevocationBegun { cause, .. } => begun(cause, request, faces),
        Event::RemovalFailing { attempts, error } => failing(request, *attempts, error, faces),
        Event::RemovalRetried { by } => {
            format!(
                "🔁 {} wants the removal tried again now.",
                faces.mention(*by)
            )
        }
        Event::RemovalResolved { by, why } => format!(
            "✋ {} marked this as resolved, and answers for it that the access is gone: “{}” \
             The target did not confirm it, so I do not say so.",
            faces.mention(*by),
            said(why)
        ),
        Event::GrantRevoked {
            removal,
            covered_until,
            lag_seconds,
        } => revoked(removal.as_ref(), *covered_until, *lag_seconds),
        Event::ActivationBegun { .. }
        | Event::ActivationUnreached { .. }
        | Event::PolicyChanged { .. }
        | Event::HistoryRead { .. }
        | Event::DecisionRefused { .. }
        | Event::OutsiderRefused { .. } => return None,
    })
}

/// Who is asked again: those who can decide now and have not. Told late, when somebody has decided,
/// it calls nobody.
fn nudged(request: &Request, groups: &[GroupName], at: DateTime<Utc>, faces: &Faces) -> String {
    if !matches!(request.state, RequestState::Pending { .. }) {
        return "🔔 It was asked for once more.".to_owned();
    }
    let who = people(&called_again(request, groups, at), faces);
    let missing = request.current_step().map(asks).unwrap_or_default();
    if who.is_empty() {
        return format!("🔔 This still waits for {missing}.");
    }
    format!("🔔 {who}: this still waits for {missing}.")
}

fn escalated(request: &Request, to: &[GroupName], at: DateTime<Utc>, faces: &Faces) -> String {
    let also = super::asked::called_again(request, to, at);
    let who = match people(&also, faces) {
        nobody if nobody.is_empty() => nobody,
        _ if !matches!(request.state, RequestState::Pending { .. }) => String::new(),
        who => format!(" {who}, please have a look."),
    };
    format!(
        "⏫ This has waited long, so {} may decide as well from now on.{who}",
        groups(to, "or")
    )
}

/// What a later policy asks for in addition.
fn tightened(before: Option<&Terms>, after: &Terms) -> String {
    let steps = after.route.steps();
    let known = before.map_or(0, |before| before.route.steps().len());
    let added: Vec<String> = steps.iter().skip(known).map(asks).collect();
    let mut changes: Vec<String> = Vec::new();
    for (was, step) in before
        .into_iter()
        .flat_map(|before| before.route.steps())
        .zip(steps)
    {
        if was != step {
            changes.push(format!("it needs {} instead of {}", asks(step), asks(was)));
        }
    }
    if !added.is_empty() {
        let also = if known == 0 { "needs" } else { "also needs" };
        changes.push(format!("it {also} {}", added.join(", then ")));
    }
    match before {
        Some(before) if after.duration < before.duration => {
            changes.push(format!(
                "it lasts {} instead of {}",
                after.duration, before.duration
            ));
        }
        Some(_) => {}
        None => changes.push(format!("it lasts {} at most", after.duration)),
    }
    format!(
        "📜 The policy has become stricter since this was asked: {}.",
        changes.join(", and ")
    )
}

fn reviewed(who: &str, justified: bool, note: &str) -> String {
    let note = remark(note);
    if justified {
        format!("✅ {who} reviewed this break-glass access and found it justified{note}")
    } else {
        format!("⚠️ {who} reviewed this break-glass access and found it *not justified*{note}")
    }
}

fn requested(request: &Request, faces: &Faces) -> String {
    let (who, span) = (faces.mention(request.requester), request.duration);
    let more = if request.extends.is_some() {
        " more"
    } else {
        ""
    };
    let holder = match request.access.person {
        person if person == request.requester => String::new(),
        person => format!(" for {}", faces.mention(person)),
    };
    let begins = request
        .terms
        .start
        .map(|start| format!(", from {} on", when(start)));
    format!(
        "📝 {who} asked for {span}{more} of {}{holder}{}. {}.",
        access(request),
        begins.unwrap_or_default(),
        rule(request)
    )
}

/// Which approval of how many it was; nothing where one is enough.
fn count(request: &Request, by: PersonId, step: usize) -> String {
    let steps = request.terms.route.steps();
    let needed = steps
        .get(step)
        .map_or(1, |step| step.quorum.people(step.from.len()));
    let mut given = request
        .approvals()
        .iter()
        .filter(|approval| approval.step == step);
    match given.position(|approval| approval.by.person == by) {
        Some(index) if 1 < needed => format!(" ({} of {needed})", index + 1),
        _ => String::new(),
    }
}

/// Who is asked next; nothing after the last step, since the approval itself follows.
fn next_step(request: &Request, next: usize, at: DateTime<Utc>, faces: &Faces) -> Option<String> {
    let steps = request.terms.route.steps();
    let step: &Step = steps.get(next)?;
    let open = called_for(request, step, at);
    let still = matches!(&request.state, RequestState::Pending { step, .. } if *step == next);
    let who = if open.is_empty() || !still {
        String::new()
    } else {
        format!(": {}", people(&open, faces))
    };
    Some(format!(
        "➡️ Step {} of {}: now I ask {}{who}.",
        next + 1,
        steps.len(),
        asks(step)
    ))
}

fn approved(request: &Request, after: Option<DateTime<Utc>>) -> String {
    let by = if request.approvals().is_empty() {
        " by its rule"
    } else {
        ""
    };
    match after {
        Some(end) => format!(
            "👍 Approved{by}. It goes on where the present access ends, {}.",
            when(end)
        ),
        None => format!("👍 Approved{by}. Giving access now."),
    }
}

fn reminded(request: &Request, at: DateTime<Utc>, faces: &Faces) -> String {
    let who = faces.mention(request.access.person);
    match request.grant().map(|grant| &grant.state) {
        Some(GrantState::Active { until, .. }) => {
            format!("🔔 {who} was reminded: {} left.", left(*until, at))
        }
        _ => format!("🔔 {who} was reminded of the end."),
    }
}

fn begun(cause: &RevokeCause, request: &Request, faces: &Faces) -> String {
    match cause {
        RevokeCause::Lapsed => "🟠 Its time is over. Taking the access away now.".to_owned(),
        RevokeCause::GivenBack => {
            let who = faces.mention(request.access.person);
            format!("🟠 {who} gave the access back early. Taking it away now.")
        }
        RevokeCause::Revoked { .. } => {
            format!("🟠 Taking the access away now: {}", over(cause, faces))
        }
        RevokeCause::Unstarted { .. } => {
            format!("⚪ It does not begin: {}", withdrawn(cause, faces))
        }
        RevokeCause::ActivationUnknown { error } => format!(
            "🟠 The target never said whether it gave the access, so I remove it to be sure. \
             The last answer was: “{}”",
            said(error),
        ),
    }
}

/// Loud, and with a mention of those who approved: they know the resource, and a thread's line is
/// what really reaches them, while a card that changes tells nobody.
fn failing(request: &Request, attempts: u32, error: &str, faces: &Faces) -> String {
    let by = request.approvals().iter().map(|given| given.by.person);
    let who = match people(&by.collect::<Vec<_>>(), faces) {
        nobody if nobody.is_empty() => "Somebody should look at the target".to_owned(),
        who => format!("{who}, please look at the target"),
    };
    format!(
        "🚨 Taking the access away has failed {} so far. *It may still work.* I go on trying until \
         it is gone. {who}; it said: “{}”",
        times(attempts),
        said(error),
    )
}

fn revoked(removal: Option<&Removal>, covered: Option<DateTime<Utc>>, lag: i64) -> String {
    if let Some(until) = covered {
        let until = when(until);
        return format!(
            "⚪ This grant has ended. The access itself goes on under another request until {until}."
        );
    }
    let gone = match removal {
        Some(Removal {
            already_absent: true,
            ..
        }) => "⚪ The access is gone: there was nothing left to take away.",
        _ => "⚪ The access is taken away, and I made sure that it is gone.",
    };
    let sessions = match removal.map_or(0, |removal| removal.sessions_ended) {
        0 => String::new(),
        1 => " One open session was ended.".to_owned(),
        many => format!(" {many} open sessions were ended."),
    };
    let late = if LATE < lag {
        format!(" That was {} late.", late(lag))
    } else {
        String::new()
    };
    [gone, &sessions, &late].concat()
}

fn late(seconds: i64) -> String {
    match seconds / 60 {
        1 => "a minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    }
}
