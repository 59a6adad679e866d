//! The words of answers that only the person who typed or clicked sees.

use chrono::{DateTime, Utc};

use super::super::{Faces, escape};
use super::{access, asks, channel, groups, joined, left, name, people, said, when};
use crate::domain::{
    GrantState, GroupName, Outcome, Refusal, Request, RequestState, ResourceName, RoleName, Route,
    Span, Terms,
};

/// Every command with an example; the first is what most people need.
pub const COMMANDS: [(&str, &str); 16] = [
    (
        "Ask for access",
        "`/jit request staging-db readonly 1h INC-42 stuck orders`",
    ),
    ("Ask for access by a form", "`/jit`"),
    (
        "Ask for later",
        "`/jit request staging-db 2h from tomorrow 9:00 the migration`",
    ),
    (
        "Ask for somebody else",
        "`/jit request staging-db 1h for @dana INC-42 she is on call`",
    ),
    (
        "In an emergency: at once, and reviewed afterwards",
        "`/jit break-glass orders-db 30m orders are lost`",
    ),
    ("See what you can ask for", "`/jit list`"),
    ("See what you have and wait for", "`/jit active`"),
    (
        "See what would happen, without asking",
        "`/jit explain staging-db 1h`",
    ),
    (
        "Ask for more time",
        "`/jit extend staging-db 30m still looking`",
    ),
    ("Give access back early", "`/jit done staging-db`"),
    ("Cancel a request that waits", "`/jit cancel #42`"),
    ("Try again what could not be given", "`/jit retry #42`"),
    (
        "Take somebody's access away (approvers)",
        "`/jit revoke #42 the incident is over`",
    ),
    (
        "Say what a break-glass review found (reviewers)",
        "`/jit review #42 ok, the incident was real`",
    ),
    (
        "Look back: at your own requests, or at everybody's (auditors)",
        "`/jit history staging-db denied since 7d`",
    ),
    (
        "Several accesses at once, by the name of a bundle",
        "`/jit request oncall-kit 4h my shift`",
    ),
];

/// What stands above what somebody wrote in a dialog that is closed by now.
pub const YOU_WROTE: &str = "You wrote:";

/// What the product is, in one line.
pub const HELP: &str = "*I give access for a while, and take it away on time.*";

/// How durations and the parts may be written.
pub const HELP_HINT: &str = "Durations: 30m, 1h, 1h30m, 2 days; left out where the policy has a \
    usual one, like the role. Starts, in your own time: `from 22:00`, `from mon 9:00`, \
    `from 2026-12-01 09:00`, `in 2h`. The reason comes last.";

/// The database did not answer, so nothing was done.
pub const NOT_RECORDED: &str =
    "😕 I could not record this just now, so nothing was done. Please try again in a minute.";

/// A click on something that is not ours any more.
pub const UNKNOWN_CLICK: &str = "This button is from an older message and does nothing any more. \
    `/jit active` shows where your requests stand.";

/// There is nothing to ask for.
pub const LIST_EMPTY: &str =
    "There is nothing that you may ask for yet. The owners of the policy can add a rule for you.";

/// Groups of which nobody could say who is in them, so that nobody knows all that may be asked for.
pub fn list_unreadable(unreadable: &[GroupName]) -> String {
    format!(
        "⚠️ I could not read who is in {} just now, so there may be more that you can ask for. Please \
         look again in a few minutes.",
        groups(unreadable, "and")
    )
}

/// The head of the list.
pub const LIST: &str = "*What you can ask for*";

/// What to do with the list.
pub const LIST_HINT: &str = "Ask like this: `/jit request RESOURCE [ROLE] DURATION [reason]`";

/// The person has and waits for nothing.
pub const ACTIVE_EMPTY: &str =
    "You have no access through me and wait for none. `/jit list` shows what you can ask for.";

/// The head of what a person has and waits for.
pub const ACTIVE: &str = "*Your access and requests*";

/// What was not listed for want of room.
pub fn and_more(count: usize) -> String {
    format!("… and {count} more")
}

/// Roles of a resource that the list names.
const ROLES: usize = 8;

/// One resource of the list.
pub fn resource(
    name: &str,
    description: Option<&str>,
    sensitivity: Option<&str>,
    roles: &[(String, Option<Span>)],
) -> String {
    let about = about(description);
    let sensitivity = sensitivity.map(|word| format!("  (sensitivity: {})", super::name(word)));
    let head = format!(
        "*{}*{about}{}",
        super::name(name),
        sensitivity.unwrap_or_default()
    );
    let shown = roles.iter().take(ROLES).map(|(role, limit)| match limit {
        Some(limit) => format!("{} up to {limit}", super::name(role)),
        None => super::name(role),
    });
    let mut shown: Vec<String> = shown.collect();
    if ROLES < roles.len() {
        shown.push(format!("{} more", roles.len() - ROLES));
    }
    if shown.is_empty() {
        return head;
    }
    format!("{head}\n      {}", shown.join(" · "))
}

/// One bundle of the list.
pub fn bundle(
    name: &str,
    description: Option<&str>,
    parts: &[(ResourceName, Option<RoleName>)],
) -> String {
    let head = format!("*{}* (bundle){}", super::name(name), about(description));
    let shown = parts.iter().take(ROLES).map(|(resource, role)| match role {
        Some(role) => format!(
            "{} on {}",
            super::name(role.as_str()),
            super::name(resource.as_str())
        ),
        None => super::name(resource.as_str()),
    });
    let mut shown: Vec<String> = shown.collect();
    if ROLES < parts.len() {
        shown.push(and_more(parts.len() - ROLES));
    }
    format!("{head}\n      {}", shown.join(" · "))
}

fn about(description: Option<&str>) -> String {
    match description.map(|words| escape::inline(words, 150)) {
        Some(words) if !words.is_empty() => format!(": {words}"),
        _ => String::new(),
    }
}

/// One of a person's own requests, in one line; its number links to its card where one is known.
pub fn own(request: &Request, url: Option<&str>, now: DateTime<Utc>) -> String {
    let state = match &request.state {
        RequestState::Pending { expires_at, .. } => {
            let step = request.current_step().map(asks).unwrap_or_default();
            format!("⏳ waits for {step}, expires {}", when(*expires_at))
        }
        RequestState::Approved { grant, .. } => own_grant(&grant.state, now),
        RequestState::Denied { at, .. } => format!("⛔ denied {}", when(*at)),
        RequestState::Cancelled { at } => format!("🚫 cancelled {}", when(*at)),
        RequestState::Expired { at } => format!("⌛ expired {}", when(*at)),
        RequestState::Overruled { at, .. } => {
            format!("⛔ no longer allowed since {}", when(*at))
        }
    };
    let number = super::numbered(request.number, url);
    format!("*{}* ({number})\n      {state}", access(request))
}

fn own_grant(state: &GrantState, now: DateTime<Utc>) -> String {
    match state {
        GrantState::Scheduled { start_at, .. } => {
            format!("📅 approved, begins {}", when(*start_at))
        }
        GrantState::Activating { .. } => "🔑 approved, giving access…".to_owned(),
        GrantState::Active { until, .. } => {
            format!(
                "🟢 active until {}, {} left",
                when(*until),
                left(*until, now)
            )
        }
        GrantState::Revoking { .. } => "🟠 being taken away".to_owned(),
        GrantState::Resolved { at, .. } => format!("✋ marked as resolved {}", when(*at)),
        GrantState::Revoked { at, .. } => format!("⚪ ended {}", when(*at)),
        GrantState::Failed { at, .. } => format!("❌ failed {}", when(*at)),
    }
}

/// The request was taken in.
pub fn submitted(request: &Request, faces: &Faces, to: &str) -> String {
    let what = wanted(request, faces);
    match &request.terms.route {
        Route::BreakGlass(glass) => {
            format!(
                "🚨 *Request #{}*: {what}, break-glass. Everybody who was skipped is told, and {} \
                 reviews it afterwards.",
                request.number,
                groups(&glass.review_by, "or")
            )
        }
        Route::Automatic { .. } => {
            format!(
                "👍 *Request #{}*: {what} is approved by its rule. I write to you once it is there.",
                request.number
            )
        }
        Route::Steps(steps) => {
            let asked = request.called_first();
            let who = if asked.is_empty() {
                String::new()
            } else {
                format!(" ({})", people(&asked, faces))
            };
            let asks = steps.first().map(asks).unwrap_or_default();
            format!(
                "📝 *Request #{}*: {what}. I asked {asks}{who} in {}.",
                request.number,
                channel(to)
            )
        }
    }
}

/// What is asked for: the access, for how long, for whom where that is somebody else, and from when
/// on where that lies ahead.
fn wanted(request: &Request, faces: &Faces) -> String {
    let holder = request.access.person;
    let whom = if request.requester == holder {
        String::new()
    } else {
        format!(" for {}", faces.mention(holder))
    };
    let start = request.terms.start.map(|at| format!(" from {}", when(at)));
    format!(
        "{} for {}{whom}{}",
        access(request),
        request.terms.duration,
        start.unwrap_or_default()
    )
}

/// One part of a bundle that was taken in.
pub fn bundle_part(request: &Request, faces: &Faces) -> String {
    let asked = match &request.terms.route {
        Route::Automatic { .. } => "approved by its rule".to_owned(),
        Route::BreakGlass(_) => "break-glass".to_owned(),
        Route::Steps(steps) => {
            let asked: Vec<String> = steps.iter().map(asks).collect();
            format!("I asked {}", asked.join(", then "))
        }
    };
    format!("#{}: {}, {asked}", request.number, wanted(request, faces))
}

/// What was approved for later is withdrawn.
pub fn start_cancelled(request: &Request) -> String {
    let (what, number) = (access(request), request.number);
    format!("⚪ Request #{number} is withdrawn: {what} will not begin, and nothing was given.")
}

/// What failed is tried again.
pub fn retried(request: &Request) -> String {
    format!(
        "🔁 I try request #{} again now. The card tells how it went.",
        request.number
    )
}

/// A “no”, with people and times as each reader sees them. The same as the plain sentence of the
/// refusal, dressed up.
pub fn refusal(refusal: &Refusal, faces: &Faces) -> String {
    match refusal {
        Refusal::NoSuchResource { asked, suggestions } => {
            let names: Vec<String> = suggestions.iter().take(5).map(name).collect();
            let hint = match names.as_slice() {
                [] => "`/jit list` shows what you can ask for.".to_owned(),
                names => format!(
                    "Did you mean *{}*?",
                    joined(names, "or")
                        .replace(", ", "*, *")
                        .replace(" or ", "* or *")
                ),
            };
            format!("I know no resource called “{}”. {hint}", name(asked))
        }
        Refusal::NotAnApprover { needed } if !needed.is_empty() => {
            format!(
                "Only {} can decide on this request now.",
                groups(needed, "or")
            )
        }
        Refusal::NotAnApprover { .. } => {
            "Nobody can decide on this request: its rule asks nobody.".to_owned()
        }
        Refusal::AlreadyDecided {
            outcome: Outcome::Expired,
            at,
            ..
        } => format!(
            "Nobody decided on this request in time: it expired {}.",
            when(*at)
        ),
        Refusal::AlreadyDecided { outcome, by, at } => {
            let by = by
                .map(|by| format!(" by {}", faces.mention(by)))
                .unwrap_or_default();
            format!("This request was already {outcome}{by}, {}.", when(*at))
        }
        Refusal::AlreadyReviewed { by, at } => {
            format!(
                "{} reviewed this already, {}.",
                faces.mention(*by),
                when(*at)
            )
        }
        Refusal::NotAReviewer { needed } => {
            format!("Only {} can review this.", groups(needed, "or"))
        }
        Refusal::DeniedByRule { .. } | Refusal::ReasonNeeded { .. } => {
            escape::policy(&refusal.to_string(), 1500)
        }
        plain => escape::inline(&plain.to_string(), 1500),
    }
}

/// What was said of a “no”; where it is one for want of an answer, with what to do where that goes on.
/// The reference stands in the log as well.
pub fn with_reference(refusal: &Refusal, said: String, reference: &str) -> String {
    if refusal.is_outage() {
        format!("{said} {}", super::trouble::goes_on(reference))
    } else {
        said
    }
}

/// Whether a refusal is told in the policy's words, in which links work.
pub fn is_policys(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::DeniedByRule { .. } | Refusal::ReasonNeeded { .. }
    )
}

/// Something typed was not understood.
pub fn not_understood(sentence: &str, example: &str) -> String {
    let sentence = escape::inline(sentence, 300).replace("ˋ/jit listˋ", "`/jit list`");
    let sentence = sentence.replace("ˋ/jit helpˋ", "`/jit help`");
    format!(
        "{sentence}\nFor example: `{}`",
        escape::inline(example, 300)
    )
}

/// What would happen under these terms.
pub fn would(terms: &Terms) -> String {
    let asked = match &terms.route {
        Route::Automatic { why } => format!("It would be approved at once: {}.", said(why)),
        Route::BreakGlass(_) => {
            "Break-glass: it would be given at once, everybody skipped is told, and it is reviewed \
             afterwards."
                .to_owned()
        }
        Route::Steps(steps) => {
            let asked: Vec<String> = steps.iter().map(asks).collect();
            format!("It would ask {}.", asked.join(", then "))
        }
    };
    format!(
        "✅ *You may ask for this*, by rule *{}*, for {}.\n{asked} The card would go to {}.",
        name(&terms.rule),
        terms.duration,
        channel(&terms.channel),
    )
}

/// What would be refused.
pub fn would_not(refusal: &str) -> String {
    format!("⛔ *This would be refused*: {refusal}")
}

/// Who could decide one step.
pub fn eligible(step: usize, from: &str, people: &str) -> String {
    let people = if people.is_empty() {
        "nobody at present"
    } else {
        people
    };
    format!("Step {step}, {from}: {people}")
}

/// Who could look at break-glass afterwards.
pub fn reviewers(from: &str, people: &str) -> String {
    let people = if people.is_empty() {
        "nobody at present"
    } else {
        people
    };
    format!("{from}: {people}")
}

/// A step that would not be asked.
pub fn left_out(step: usize, from: &str, condition: &str) -> String {
    let condition = escape::inline(condition, 200);
    format!("Step {step}, {from}: left out, since this does not hold: {condition}")
}

/// Something more that an ask does not bring along.
pub fn missing(refusal: &str) -> String {
    format!("• {refusal}")
}

/// What would become of a bundle, with the parts that would be refused.
pub fn bundle_explained<'a>(bundle: &str, refused: impl Iterator<Item = &'a str>) -> String {
    let refused: Vec<String> = refused.map(|part| format!("*{}*", name(part))).collect();
    let bundle = name(bundle);
    let whole = if refused.is_empty() {
        "✅ You may ask for it.".to_owned()
    } else {
        format!(
            "⛔ It would be refused, because of {}.",
            refused.join(" and ")
        )
    };
    format!("🧰 *{bundle}* is a bundle: it is given as a whole, or refused.\n{whole}")
}

/// What would become of one of its parts.
pub fn part_explained(part: &str, verdict: &str) -> String {
    format!("*{}*: {verdict}", name(part))
}

/// What a rule said on the way.
pub fn tried(rule: &str, outcome: &str) -> String {
    format!("• *{}*: {}", name(rule), escape::inline(outcome, 200))
}

/// The heads of the lists under an explanation.
pub const MISSING: &str = "*What is missing as well*";
/// See [`MISSING`].
pub const SKIPPED: &str = "*Who would be told that they were skipped*";
/// See [`MISSING`].
pub const REVIEWERS: &str = "*Who could look at it afterwards*";
/// See [`MISSING`].
pub const LEFT_OUT: &str = "*Steps that are left out*";
/// See [`MISSING`].
pub const ELIGIBLE: &str = "*Who could decide*";
/// See [`MISSING`].
pub const TRIED: &str = "*Rules, in the order of the policy*";
/// Explaining changes nothing.
pub const EXPLAINED: &str = "Nothing was asked; this only explains.";
