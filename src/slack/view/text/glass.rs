//! The words of break-glass: loud, so that nobody overlooks it, and never a reproach.

use super::super::Faces;
use super::{asks, groups, people, when};
use crate::domain::{AfterReview, BreakGlass, GroupName, PersonId, Request, Reviewed, Route, Step};

/// What stands in for the approval, where the request is a break-glass one.
pub fn glass(request: &Request) -> Option<&BreakGlass> {
    match &request.terms.route {
        Route::BreakGlass(glass) => Some(glass),
        Route::Automatic { .. } | Route::Steps(_) => None,
    }
}

/// The people who would have been asked, without those whom it is for.
pub fn skipped_people(request: &Request) -> Vec<PersonId> {
    let steps = glass(request).map_or(&[] as &[Step], |glass| glass.skipped.as_slice());
    let from = steps.iter().flat_map(|step| &step.from);
    let people = request.roster.people(from, &request.own());
    people.into_iter().collect()
}

/// The people who may look at it afterwards.
pub fn reviewers(request: &Request) -> Vec<PersonId> {
    let people = request.roster.people(request.reviewing(), &request.own());
    people.into_iter().collect()
}

/// That nobody was asked, and who would have been.
pub fn skipped(request: &Request, faces: &Faces) -> Option<String> {
    let glass = glass(request)?;
    let asked: Vec<String> = glass.skipped.iter().map(asks).collect();
    let who = match people(&skipped_people(request), faces) {
        nobody if nobody.is_empty() => nobody,
        who => format!("\nSkipped, and told directly: {who}"),
    };
    Some(format!(
        "🚨 *Nobody was asked.* Otherwise it needs {}.{who}",
        asked.join(", then ")
    ))
}

/// Where the look afterwards stands.
pub fn review(request: &Request, faces: &Faces) -> Option<String> {
    let review = request.review()?;
    Some(match review {
        AfterReview {
            done: Some(done), ..
        } => reviewed(done, faces),
        AfterReview {
            overdue: true,
            due_at,
            ..
        } => format!(
            "🚨 *The review is overdue* since {}. Somebody of {} has to look at this",
            when(*due_at),
            of(request)
        ),
        AfterReview { due_at, .. } => format!(
            "🔎 *To be reviewed* until {}, by somebody of {}",
            when(*due_at),
            of(request)
        ),
    })
}

fn of(request: &Request) -> String {
    groups(request.reviewing(), "or")
}

fn reviewed(done: &Reviewed, faces: &Faces) -> String {
    let (who, at) = (faces.mention(done.by), when(done.at));
    if done.justified {
        format!("✅ *Reviewed: justified*, by {who} {at}")
    } else {
        format!("⚠️ *Reviewed: not justified*, by {who} {at}")
    }
}

/// The line of the thread for a request that was given at once.
pub fn given(request: &Request, review_by: Option<chrono::DateTime<chrono::Utc>>) -> String {
    let who = request.reviewing();
    let review =
        review_by.map(|due| format!(" {} is to review it until {}.", or_somebody(who), when(due)));
    format!(
        "🚨 Break-glass: given at once, nobody was asked. Everybody who was skipped is told directly.{}",
        review.unwrap_or_default()
    )
}

fn or_somebody(of: &[GroupName]) -> String {
    format!("Somebody of {}", groups(of, "or"))
}

/// The line of the thread once the look afterwards is overdue.
pub fn overdue(request: &Request, faces: &Faces) -> String {
    let who = people(&reviewers(request), faces);
    let who = if who.is_empty() {
        or_somebody(request.reviewing())
    } else {
        who
    };
    format!(
        "🚨 *The review of this break-glass access is overdue.* {who}, please look at it, and press \
         *Justified…* or *Not justified…* on the card."
    )
}

/// Why somebody has the card in their direct messages.
pub fn told(request: &Request, person: PersonId, faces: &Faces) -> String {
    let holder = faces.mention(request.access.person);
    if reviewers(request).contains(&person) {
        "🔎 Please look at this break-glass access when you can, and say whether it was justified."
            .to_owned()
    } else {
        format!(
            "🚨 {holder} took this access without asking. You would have been asked, so I tell you."
        )
    }
}
