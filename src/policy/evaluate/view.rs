//! What conditions see of an ask.

use chrono_tz::Tz;

use super::{Case, Viewed};
use crate::domain::{GroupName, Past};
use crate::policy::condition::{
    Condition, MOST_HISTORY, PastOutcome, PastView, RequestView, RequesterView, ResourceView,
    Variable, View,
};
use crate::policy::rule::Rule;

impl Case<'_> {
    /// Whether the condition of a rule holds for a person; one without a condition always does. It
    /// fails with the reason, in words that follow "because".
    pub(super) fn rule_holds(&self, rule: &Rule, viewed: &Viewed<'_>) -> Result<bool, String> {
        match &rule.when {
            Some(condition) => self.holds(rule, condition, viewed),
            None => Ok(true),
        }
    }

    /// Whether a condition of that rule holds for a person.
    pub(super) fn holds(
        &self,
        rule: &Rule,
        condition: &Condition,
        viewed: &Viewed<'_>,
    ) -> Result<bool, String> {
        if let Some(groups) = unreadable(condition, viewed) {
            let names: Vec<&str> = groups.iter().map(|group| group.as_str()).collect();
            let names = names.join(" and ");
            return Err(format!("who is in {names} could not be read"));
        }
        let email = self.policy.people.email(&viewed.person.identities);
        let history = if condition.reads().needs_history() {
            self.history()?
        } else {
            Vec::new()
        };
        let zone = viewed.standing.timezone.as_deref().unwrap_or_default();
        let facts = &self.resource.facts;
        let view = View {
            request: self.request_view(rule),
            requester: RequesterView {
                email: email.as_deref().unwrap_or_default(),
                name: &viewed.person.name,
                groups: &viewed.groups,
                is_guest: viewed.standing.guest,
                timezone: zone,
            },
            resource: ResourceView {
                name: facts.name.as_str(),
                labels: &facts.labels,
                sensitivity: facts.sensitivity.as_deref().unwrap_or_default(),
                description: self.resource.description.as_deref().unwrap_or_default(),
            },
            now: self.start,
            zone: self.policy.zone,
            local: zone.parse::<Tz>().ok(),
            holidays: &self.policy.holidays,
            history: &history,
        };
        condition.holds(&view).map_err(|error| error.to_string())
    }

    fn request_view(&self, rule: &Rule) -> RequestView<'_> {
        RequestView {
            role: self.role().as_str(),
            // Where nothing is said, the longest that could come of it.
            duration: self.duration(rule).unwrap_or(self.limit(rule)),
            reason: self.ask.reason.trim(),
            ticket: self.ticket(rule).unwrap_or_default(),
            start: self.start,
            on_behalf: self.asker.is_some(),
            extension: self.ask.extends.is_some(),
            break_glass: self.ask.break_glass,
        }
    }

    /// The earlier requests. It fails where there are more than a condition can see: what it does not
    /// see could be what it asks for, and asking often must not hide that.
    fn history(&self) -> Result<Vec<PastView<'_>>, String> {
        let past = &self.circumstances.past;
        if !self.circumstances.past_complete || MOST_HISTORY < past.len() {
            return Err(format!(
                "there are more than {MOST_HISTORY} earlier requests, and no condition sees more"
            ));
        }
        let past = past.iter().map(|past| PastView {
            resource: past.resource.as_str(),
            role: past.role.as_str(),
            rule: past.rule.as_str(),
            outcome: outcome(past),
            automatic: past.automatic,
            break_glass: past.break_glass,
            age: self.circumstances.now - past.asked_at,
            duration: past.duration,
            grant: past.grant,
            granted: past.granted,
        });
        Ok(past.collect())
    }
}

fn outcome(past: &Past) -> PastOutcome {
    match past.outcome {
        "pending" => PastOutcome::Pending,
        "approved" => PastOutcome::Approved,
        "cancelled" => PastOutcome::Cancelled,
        "expired" => PastOutcome::Expired,
        "overruled" => PastOutcome::Overruled,
        _ => PastOutcome::Denied,
    }
}

/// The groups that a condition looks at and of which nobody could say who is in them.
fn unreadable<'a>(condition: &Condition, viewed: &'a Viewed<'_>) -> Option<Vec<&'a GroupName>> {
    let unreadable = &viewed.standing.unreadable;
    if unreadable.is_empty() || !condition.reads().has(Variable::RequesterGroups) {
        return None;
    }
    let boundaries = condition.boundaries();
    let all = boundaries.opaque.contains(Variable::RequesterGroups.path());
    let named: Vec<&GroupName> = (unreadable.iter())
        .filter(|group| all || boundaries.groups.contains(group.as_str()))
        .collect();
    (!named.is_empty()).then_some(named)
}
