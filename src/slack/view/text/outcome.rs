//! Outcomes in one sentence: for the parts of a bundle, for whoever asked for somebody else, and for
//! those whom the policy wants informed.

use chrono::{DateTime, Utc};

use super::super::{Faces, Kept};
use super::card::{over, over_named, withdrawn};
use super::dm::capitalized;
use super::{access, end, fault, left, said, when};
use crate::domain::{Event, GrantState, Request, RevokeCause, Route};

/// Where the words of whoever denied or revoked stand, for those who are not to read them at once.
const IN_THREAD: &str = "the reason stands in the thread of the request";

/// Whether somebody's reason is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aloud {
    /// It is.
    Yes,
    /// It is not: it was not said to these people.
    No,
}

fn ended_by(cause: &RevokeCause, faces: &Faces, aloud: Aloud) -> String {
    match (cause, aloud) {
        (RevokeCause::Revoked { by, .. }, Aloud::No) => {
            format!("revoked by {}; {IN_THREAD}", faces.name(*by))
        }
        (cause, _) => over_named(cause, faces),
    }
}

/// One event in one short sentence, for whoever asked on behalf of somebody, and for the parts of a
/// bundle; none where there is nothing to know. `kept` is what keeps the access that is taken away.
pub fn short(
    event: &Event,
    at: DateTime<Utc>,
    request: &Request,
    faces: &Faces,
    kept: Option<&Kept>,
) -> Option<String> {
    Some(match event {
        Event::RequestDenied { by, why } => {
            format!("⛔ *Denied* by {}: “{}”", faces.mention(*by), said(why))
        }
        Event::RequestExpired => "⌛ *Expired*: nobody decided in time".to_owned(),
        Event::RequestOverruled { .. } if request.came_too_late() => {
            "🚫 *Over*: the access that it would extend has ended".to_owned()
        }
        Event::RequestOverruled { refusal, .. } => format!(
            "⛔ *No longer allowed*, since the policy has changed: “{}”",
            said(&refusal.to_string())
        ),
        Event::RequestApproved {
            start_at: Some(start),
            ..
        } => format!("📅 *Approved*, begins {}", when(*start)),
        Event::StartWithdrawn { cause } => {
            format!("⚪ *Will not begin*: {}", withdrawn(cause, faces))
        }
        Event::GrantActivated { until, .. } => {
            format!("🟢 *Active* until {}", end(request, *until))
        }
        Event::GrantFailed { error } => {
            format!(
                "❌ *It did not work*: the target refused, and said “{}”",
                fault(error)
            )
        }
        Event::HolderReminded => reminded(request, at)?,
        Event::RevocationBegun {
            cause: cause @ RevokeCause::Revoked { .. },
            ..
        } => taken_away(cause, faces, kept),
        Event::RevocationBegun {
            cause: RevokeCause::ActivationUnknown { .. },
            ..
        } => {
            "🟠 *It did not work*: the target never said whether it gave it, so I take it away to \
              be sure"
                .to_owned()
        }
        Event::GrantRevoked {
            covered_until: Some(until),
            ..
        } => format!(
            "⚪ Ended, but it goes on under another request until {}",
            when(*until)
        ),
        Event::GrantRevoked { .. } => ended_shortly(request)?,
        // As to the holder of a single access: not a word of what nobody verified.
        Event::RemovalResolved { .. } => "⚪ *Ended*: please use it no more".to_owned(),
        _ => return None,
    })
}

fn taken_away(cause: &RevokeCause, faces: &Faces, kept: Option<&Kept>) -> String {
    let why = over(cause, faces);
    match kept {
        Some(kept) => format!(
            "🟠 *Ended*: {why}. The access goes on {}",
            super::kept(kept)
        ),
        None => format!("🟠 *Taken away*: {why}"),
    }
}

fn reminded(request: &Request, at: DateTime<Utc>) -> Option<String> {
    let until = request.grant()?.state.wanted_until()?;
    Some(format!(
        "🔔 *{} left*, it ends {}",
        capitalized(&left(until, at)),
        end(request, until)
    ))
}

fn ended_shortly(request: &Request) -> Option<String> {
    match &request.grant()?.state {
        GrantState::Revoked { cause, .. } => match cause {
            RevokeCause::Lapsed => Some("⚪ *Ended*: its time is over".to_owned()),
            RevokeCause::GivenBack => Some("⚪ *Ended*: given back".to_owned()),
            _ => None,
        },
        _ => None,
    }
}

/// The head of a message about some parts of a bundle.
pub fn bundle_head(lead: &Request) -> String {
    let bundle = lead.bundle.as_ref().map_or("", |part| part.name.as_str());
    format!(
        "*Bundle {}* (request #{})",
        super::name(bundle),
        lead.number
    )
}

/// What whoever asked on behalf of somebody is told of an event.
pub fn to_asker(
    event: &Event,
    at: DateTime<Utc>,
    request: &Request,
    faces: &Faces,
    kept: Option<&Kept>,
) -> Option<String> {
    let tells = !matches!(
        event,
        Event::HolderReminded | Event::GrantRevoked { .. } | Event::RemovalResolved { .. }
    );
    let what = short(event, at, request, faces, kept).filter(|_| tells)?;
    Some(format!(
        "{what}\nYour request #{} for {}: {}",
        request.number,
        faces.mention(request.access.person),
        access(request)
    ))
}

/// What those whom the policy wants informed are told of an outcome: that it was given, denied, or
/// taken away. Nothing else is told to them. `aloud` says whether they may read why somebody denied
/// or revoked it: those words were meant for the people around the card.
pub fn to_informed(
    event: &Event,
    request: &Request,
    faces: &Faces,
    aloud: Aloud,
) -> Option<String> {
    let (who, what) = (faces.name(request.access.person), access(request));
    let number = request.number;
    Some(match event {
        Event::GrantActivated { until, .. } => {
            let how = match &request.terms.route {
                Route::Automatic { .. } => ", approved by its rule".to_owned(),
                Route::BreakGlass(_) => ", as *break-glass*, nobody was asked".to_owned(),
                Route::Steps(_) => {
                    let by = request
                        .approvals()
                        .iter()
                        .map(|given| faces.name(given.by.person));
                    let by: Vec<String> = by.take(3).collect();
                    format!(", approved by {}", super::joined(&by, "and"))
                }
            };
            let until = end(request, *until);
            format!("🟢 *Given*: {who} has {what} until {until}{how} (request #{number})")
        }
        Event::RequestDenied { by, why } => {
            let by = faces.name(*by);
            let why = match aloud {
                Aloud::Yes => format!(", said {by}: “{}”", said(why)),
                Aloud::No => format!(", said {by}; {IN_THREAD}"),
            };
            format!("⛔ *Denied*: {who} does not get {what}{why} (request #{number})")
        }
        Event::GrantRevoked {
            covered_until: None,
            ..
        } => {
            let why = match request.grant().map(|grant| &grant.state) {
                Some(GrantState::Revoked { cause, .. }) => {
                    format!(": {}", ended_by(cause, faces, aloud))
                }
                _ => String::new(),
            };
            format!("⚪ *Taken away*: {who} no longer has {what}{why} (request #{number})")
        }
        _ => return None,
    })
}
