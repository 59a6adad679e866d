//! The words of break-glass: loud, so that nobody overlooks it, and never a reproach.

use chrono::{DateTime, Utc};

use super::super::Faces;
use super::bundle::span;
use super::{access, asks, bundle, groups, people, when};
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

/// What stands where there is nothing to look at.
pub const NOTHING: &str = "There is nothing to look at any more.";

/// The first line of the card for those who look at it: by when, and who took what without asking.
pub fn review_head(parts: &[Request], faces: &Faces) -> String {
    let Some(lead) = parts.first() else {
        return NOTHING.to_owned();
    };
    let who = faces.mention(lead.requester);
    let holder = match lead.access.person {
        person if person == lead.requester => String::new(),
        person => format!(" for {}", faces.mention(person)),
    };
    let what = match parts {
        [one] if one.bundle.is_none() => access(one),
        parts => bundle::called(parts),
    };
    let took = format!(
        "{who} took {what}{holder} for {} without asking",
        span(parts)
    );
    let reviews = || parts.iter().filter_map(Request::review);
    let awaited = reviews().filter(|review| review.done.is_none());
    match awaited.min_by_key(|review| review.due_at) {
        Some(review) if review.overdue => {
            format!("🚨 *Review overdue* since {}: {took}", when(review.due_at))
        }
        Some(review) => format!("🔎 *Review until {}*: {took}", when(review.due_at)),
        None => match reviews()
            .filter_map(|review| review.done.as_ref())
            .next_back()
        {
            Some(done) => format!("{}: {took}", reviewed(done, faces)),
            None => took,
        },
    }
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
pub fn given(request: &Request, review_by: Option<DateTime<Utc>>) -> String {
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

/// The line of the thread once the look afterwards is overdue. It is said once, so where it is quiet
/// for all who can look at it, they are called all the same.
pub fn overdue(request: &Request, at: DateTime<Utc>, faces: &Faces) -> String {
    let all = reviewers(request);
    let is_quiet = |one: &PersonId| request.roster.is_quiet_for(*one, at) == Some(true);
    let mut awake = all.clone();
    awake.retain(|one| !is_quiet(one));
    let who = people(if awake.is_empty() { &all } else { &awake }, faces);
    let who = if who.is_empty() {
        or_somebody(request.reviewing())
    } else {
        who
    };
    format!(
        "🚨 *The review of this break-glass access is overdue.* {who}, please look at it, and press \
         *Justified…* or *Not justified…* on the review card."
    )
}

/// Why somebody who was skipped has the card in their direct messages.
pub fn told(request: &Request, faces: &Faces) -> String {
    let holder = faces.mention(request.access.person);
    format!(
        "🚨 {holder} took this access without asking. You would have been asked, so I tell you."
    )
}
