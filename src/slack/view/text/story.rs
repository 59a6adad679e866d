//! The lines of a request's thread: one sentence for everything that people want to know later.

use chrono::{DateTime, Utc};

use super::super::Faces;
use super::card::{over, still_asked, times};
use super::{access, asks, end, groups, left, people, rule, said, when};
use crate::domain::{Event, GrantState, GroupName, PersonId, Removal, Request, RevokeCause, Terms};

/// Lag of a removal that is worth a word, in seconds.
const LATE: i64 = 60;

/// The line for one event, in mrkdwn; none for what happens only inside the machine. `request` is
/// the request as it is after the event or later.
pub fn line(event: &Event, at: DateTime<Utc>, request: &Request, faces: &Faces) -> Option<String> {
    Some(match event {
        Event::Requested { .. } => requested(request, faces),
        Event::ApprovalGiven {
            by,
            step,
            comment,
            shortened,
        } => {
            let less = shortened.map(|less| format!(", for {} instead of {}", less.to, less.from));
            let remark = comment
                .as_deref()
                .map(|words| format!(": “{}”", said(words)));
            let count = count(request, by.person, *step);
            format!(
                "✅ {} approved{count}{}{}",
                faces.mention(by.person),
                less.unwrap_or_default(),
                remark.unwrap_or_default()
            )
        }
        Event::StepFinished { step } => return next_step(request, step + 1, faces),
        Event::RequestApproved {
            start_at: Some(start),
            ..
        } => format!("📅 Approved. It begins {}.", when(*start)),
        Event::RequestApproved { after, .. } => approved(request, *after),
        Event::ApproversNudged { step, .. } => nudged(request, *step, faces),
        Event::StepEscalated { step, to } => escalated(request, *step, to, faces),
        Event::TermsTightened { terms } => format!(
            "📜 The policy has become stricter since this was asked; now it needs {}.",
            needs(terms)
        ),
        Event::RequestOverruled { refusal } => format!(
            "⛔ The policy has changed and no longer allows this: “{}”",
            said(&refusal.to_string())
        ),
        Event::StartBegun => "🔑 Its time has come. Giving access now.".to_owned(),
        Event::StartWithdrawn { cause } => format!("⚪ It will not begin: {}.", over(cause, faces)),
        Event::GrantRetried { by } => {
            format!("🔁 {} wants it tried again.", faces.mention(*by))
        }
        Event::ReviewCompleted {
            by,
            justified,
            note,
        } => reviewed(faces.mention(*by), *justified, note),
        Event::ReviewOverdue => "🚨 The review of this break-glass access is overdue.".to_owned(),
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
        Event::GrantRevoked {
            removal,
            covered_until,
            lag_seconds,
        } => revoked(removal.as_ref(), *covered_until, *lag_seconds),
        Event::ActivationBegun { .. }
        | Event::ActivationUnreached { .. }
        | Event::PolicyChanged { .. }
        | Event::DecisionRefused { .. } => return None,
    })
}

/// Who is asked again: those who can decide now and have not.
fn nudged(request: &Request, step: usize, faces: &Faces) -> String {
    match request.terms.route.steps().get(step) {
        Some(step) => {
            let open = still_asked(request, step, request.approvals());
            format!("🔔 {}: this still waits for you.", people(&open, faces))
        }
        None => "🔔 This still waits.".to_owned(),
    }
}

fn escalated(request: &Request, step: usize, to: &[GroupName], faces: &Faces) -> String {
    let also = request.roster.people(to, &request.own());
    let also: Vec<PersonId> = also.into_iter().collect();
    let who = people(&also, faces);
    let number = step + 1;
    format!(
        "⏫ Step {number} has waited too long: {} may decide as well from now on. {who}",
        groups(to, "or")
    )
}

/// The steps of terms, in words.
fn needs(terms: &Terms) -> String {
    let asked: Vec<String> = terms.route.steps().iter().map(asks).collect();
    format!("{} for at most {}", asked.join(", then "), terms.duration)
}

fn reviewed(who: String, justified: bool, note: &str) -> String {
    let note = match note {
        "" => String::new(),
        note => format!(": “{}”", said(note)),
    };
    if justified {
        format!("✅ {who} reviewed this break-glass access and found it justified{note}")
    } else {
        format!("⚠️ {who} reviewed this break-glass access and found it *not justified*{note}")
    }
}

fn requested(request: &Request, faces: &Faces) -> String {
    let (who, span) = (faces.mention(request.requester), request.terms.duration);
    let more = if request.extends.is_some() {
        " more"
    } else {
        ""
    };
    format!(
        "📝 {who} asked for {span}{more} of {}. {}.",
        access(request),
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
fn next_step(request: &Request, next: usize, faces: &Faces) -> Option<String> {
    let steps = request.terms.route.steps();
    let step = steps.get(next)?;
    let open = still_asked(request, step, request.approvals());
    let who = if open.is_empty() {
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
        RevokeCause::Unstarted { .. } => format!("⚪ It is over: {}", over(cause, faces)),
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
