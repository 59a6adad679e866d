//! The words of digests.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::{Faces, escape};
use super::{left, link, name, when};
use crate::domain::digest::{Audience, Counts, Digest, Few, Item, PolicyChange};
use crate::domain::{PersonId, Span};

/// Characters of a digest's name.
const TITLE: usize = 120;

/// Who is named how: a channel is not called by a report.
pub struct Naming<'a> {
    pub(in super::super) faces: &'a Faces,
    pub(in super::super) audience: Audience,
}

impl Naming<'_> {
    fn who(&self, person: PersonId) -> String {
        match self.audience {
            Audience::Person => self.faces.mention(person),
            Audience::Channel => self.faces.name(person),
        }
    }

    /// “Dana: readonly on staging-db”.
    fn what(&self, item: &Item) -> String {
        let (role, resource) = (name(&item.access.role), name(&item.access.resource));
        format!("{}: {role} on {resource}", self.who(item.access.person))
    }

    /// A request that waits.
    pub fn waiting(&self, item: &Item) -> String {
        let expires = item.until.map(|until| format!(", expires {}", when(until)));
        format!(
            "• {} · {}{}",
            number(item),
            self.what(item),
            expires.unwrap_or_default()
        )
    }

    /// A look afterwards that nobody has done.
    pub fn overdue(&self, item: &Item) -> String {
        let due = item.until.map(|until| format!(", was due {}", when(until)));
        format!(
            "• {} · {}{}",
            number(item),
            self.what(item),
            due.unwrap_or_default()
        )
    }

    /// A removal that keeps failing.
    pub fn stuck(&self, item: &Item) -> String {
        let since = when(item.since);
        format!(
            "• {} · {}, should be gone since {since}",
            number(item),
            self.what(item)
        )
    }

    /// A removal that was late.
    pub fn late(&self, item: &Item) -> String {
        let until = item.until.unwrap_or(item.since);
        let late = lasted(until - item.since);
        format!("• {} · {}, {late} late", number(item), self.what(item))
    }

    /// A removal that somebody answers for.
    pub fn resolved(&self, item: &Item) -> String {
        let until = item.until.unwrap_or(item.since);
        let (due, said) = (when(item.since), when(until));
        let (number, what) = (number(item), self.what(item));
        format!("• {number} · {what}, should be gone since {due}, marked as resolved {said}")
    }

    /// A grant with its end.
    pub fn held(&self, item: &Item) -> String {
        match item.until {
            Some(until) => format!("• {}, until {}", self.what(item), when(until)),
            None => format!("• {}, on its way", self.what(item)),
        }
    }

    /// A grant that nobody used.
    pub fn unused(&self, item: &Item) -> String {
        let (number, what) = (number(item), self.what(item));
        format!("• {number} · {what}, given {}", when(item.since))
    }

    /// A long grant with its length.
    pub fn longest(&self, item: &Item) -> String {
        let until = item.until.unwrap_or(item.since);
        format!(
            "• {}, {} in all",
            self.what(item),
            lasted(until - item.since)
        )
    }
}

/// The number of a request, as a link to its card where one is known.
fn number(item: &Item) -> String {
    let number = format!("#{}", item.number);
    let linked = item.link.as_ref().and_then(|url| link(url, &number));
    linked.unwrap_or(number)
}

/// A length of time, however long; without seconds.
fn lasted(time: TimeDelta) -> String {
    let start = DateTime::<Utc>::UNIX_EPOCH;
    if TimeDelta::from(Span::MAX) < time {
        return format!("{} days", time.num_days());
    }
    left(start + time, start)
}

/// The first line: which digest it is.
pub fn title(digest: &Digest) -> String {
    format!("📋 *Digest: {}*", escape::inline(&digest.name, TITLE))
}

/// The second line: the time that it tells of.
pub fn period(digest: &Digest) -> String {
    format!("From {} to {}", when(digest.from), when(digest.until))
}

/// The head of the requests that wait.
pub fn waiting_head(count: usize) -> String {
    format!("⏳ *Waiting for a decision: {count}*")
}

/// The head of the looks afterwards that were missed.
pub fn overdue_head(count: usize) -> String {
    format!("❗ *Break-glass, review overdue: {count}*")
}

/// The head of the removals that keep failing.
pub fn stuck_head(count: usize) -> String {
    format!("⚠️ *Not taken away yet, still trying: {count}*")
}

/// The head of the removals that were late.
pub fn late_head(count: usize) -> String {
    format!("⏰ *Taken away late: {count}*")
}

/// The head of the removals that somebody answers for.
pub fn resolved_head(count: usize) -> String {
    format!("🙋 *Marked as resolved by an admin, not verified: {count}*")
}

/// The head of the grants that end soon.
pub fn ending_head(count: usize, ahead: DateTime<Utc>) -> String {
    format!("⌛ *Ends by {}: {count}*", when(ahead))
}

/// The head of the grants that are held. Those that end soon stand above, and are not told twice.
pub fn held_head(count: usize, above: usize) -> String {
    match above {
        0 => format!("🔑 *Held now: {count}*"),
        above if above == count => format!("🔑 *Held now: {count}*, listed above"),
        above => format!("🔑 *Held now: {count}*, {above} of them listed above"),
    }
}

/// The head of the longest grants.
pub const LONGEST_HEAD: &str = "⏱️ *The longest of them*";

/// The head of the grants that nobody used.
pub fn unused_head(count: usize) -> String {
    format!("💤 *Given, and the login never fetched: {count}*")
}

/// What was decided, as far as there was anything.
pub fn counts(counts: &Counts) -> Option<String> {
    let told = numbers(counts);
    (!told.is_empty()).then(|| format!("📊 *Decided:* {}", told.join(", ")))
}

fn numbers(counts: &Counts) -> Vec<String> {
    let all = [
        (counts.granted, "granted"),
        (counts.denied, "denied"),
        (counts.automatic, "automatic"),
        (counts.break_glass, "break-glass"),
        (counts.expired, "expired unanswered"),
    ];
    let told = all.into_iter().filter(|(count, _)| 0 < *count);
    told.map(|(count, what)| format!("{count} {what}"))
        .collect()
}

/// Changes of the policy.
pub fn policies(changes: &Few<PolicyChange>) -> Option<String> {
    let last = changes.first.first()?;
    let hash: String = last.to.chars().take(12).collect();
    let (at, hash) = (when(last.at), name(&hash));
    Some(match changes.total {
        1 => format!("📜 *The policy changed* {at}, to `{hash}`"),
        more => format!("📜 *The policy changed {more} times*, last {at}, to `{hash}`"),
    })
}

/// What was not listed for want of room.
pub fn and_more(count: usize) -> String {
    format!("… and {count} more")
}

/// Everything in one line, for notifications.
pub fn summary(digest: &Digest) -> String {
    let news = &digest.news;
    let reviews = match news.overdue.total {
        1 => "break-glass review overdue",
        _ => "break-glass reviews overdue",
    };
    let sections = [
        (news.waiting.total, "waiting"),
        (news.overdue.total, reviews),
        (news.stuck.total, "not taken away yet"),
        (news.late.total, "taken away late"),
        (news.resolved.total, "marked as resolved"),
        (news.ending.total, "ending soon"),
        (news.held.total, "held"),
        (news.unused.total, "never used"),
    ];
    let told = sections.into_iter().filter(|(count, _)| 0 < *count);
    let mut told: Vec<String> = told
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    told.extend(numbers(&news.counts));
    if !news.policies.is_empty() {
        told.push("the policy changed".to_owned());
    }
    format!(
        "Digest: {}: {}",
        escape::inline(&digest.name, TITLE),
        told.join(", ")
    )
}
