//! What a rule requires, and an ask brings along or not.

use chrono::{DateTime, TimeDelta, Utc};

use super::Case;
use crate::domain::{Chain, GroupName, Refusal, Span};
use crate::policy::RuleDecision;
use crate::policy::file::ReasonRule;
use crate::policy::rule::{Glass, Rule};
use crate::policy::suggest;

/// The longest reason in characters: what a card can show without cutting.
const LONGEST_REASON: usize = 2_000;

impl Case<'_> {
    /// Everything that the rule requires and the ask does not bring along, what matters most first.
    pub(super) fn missing(&self, rule: &Rule) -> Vec<Refusal> {
        let parts: [fn(&Self, &Rule) -> Option<Refusal>; 7] = [
            Self::reason_length,
            Self::glass_missing,
            Self::extension_missing,
            Self::start_missing,
            Self::duration_missing,
            Self::reason_missing,
            Self::ticket_missing,
        ];
        parts.iter().filter_map(|part| part(self, rule)).collect()
    }

    fn reason_length(&self, _: &Rule) -> Option<Refusal> {
        let length = self.ask.reason.chars().count();
        (length > LONGEST_REASON).then_some(Refusal::ReasonTooLong {
            length,
            limit: LONGEST_REASON,
        })
    }

    fn glass_missing(&self, rule: &Rule) -> Option<Refusal> {
        if !self.ask.break_glass {
            return None;
        }
        let no = |why: String| Some(Refusal::BreakGlassNotAllowed { why });
        if rule.decision == RuleDecision::Approve {
            return no(format!(
                "The rule “{}” approves this by itself. Please ask without break-glass.",
                rule.name
            ));
        }
        let Some(glass) = &rule.glass else {
            return no(format!(
                "The rule “{}” has no break-glass. Please ask without it; whoever approves is told at once.",
                rule.name
            ));
        };
        if self.asker.is_some() {
            return no("Break-glass is for oneself only. \
                Please let the person ask, or ask for them without break-glass."
                .to_owned());
        }
        if self.ask.extends.is_some() {
            return no(
                "Break-glass access is not prolonged. Please ask without break-glass.".to_owned(),
            );
        }
        if self
            .ask
            .start
            .is_some_and(|start| start > self.circumstances.now)
        {
            return no("Break-glass begins at once. Please leave the start out.".to_owned());
        }
        self.may_break(rule, glass)
    }

    pub(super) fn may_break(&self, rule: &Rule, glass: &Glass) -> Option<Refusal> {
        if glass
            .who
            .iter()
            .any(|group| self.holder.groups.contains(group))
        {
            return None;
        }
        let unreadable = &self.holder.standing.unreadable;
        let groups: Vec<_> = (glass.who.iter())
            .filter(|group| unreadable.contains(*group))
            .cloned()
            .collect();
        if !groups.is_empty() {
            return Some(Refusal::GroupUnreadable { groups });
        }
        let who: Vec<&str> = glass.who.iter().map(GroupName::as_str).collect();
        let who = suggest::plain(&who, "or");
        let why = format!(
            "Break-glass by the rule “{}” is for {who} only. Please ask without it.",
            rule.name
        );
        Some(Refusal::BreakGlassNotAllowed { why })
    }

    fn extension_missing(&self, rule: &Rule) -> Option<Refusal> {
        self.ask.extends?;
        let extend = rule.require.extend;
        let no = |why: String| Some(Refusal::ExtensionNotAllowed { why });
        let most = extend.max.unwrap_or(1);
        if most == 0 {
            return no(format!(
                "The rule “{}” does not let access be extended. Please make a new request.",
                rule.name
            ));
        }
        let Some(chain) = self.circumstances.chain else {
            return no(
                "I could not find what this would extend. Please make a new request.".to_owned(),
            );
        };
        if chain.extensions >= most {
            let times = if most == 1 {
                "once".to_owned()
            } else {
                format!("{most} times")
            };
            return no(format!(
                "This access was extended {times} already, and that is all that the rule “{}” allows. \
                 Please make a new request.",
                rule.name
            ));
        }
        let by = self.extend_by(rule);
        let added = self.duration(rule)?;
        if added > by {
            return no(format!(
                "It can be extended by {by} at the most, not by {added}."
            ));
        }
        self.whole_time(rule, chain, added)
    }

    /// How often the access can be prolonged once this is granted.
    pub(super) fn extensions_left(&self, rule: &Rule) -> u32 {
        let most = rule.require.extend.max.unwrap_or(1);
        let before = self.circumstances.chain.map_or(0, |chain| chain.extensions);
        let used = before.saturating_add(u32::from(self.ask.extends.is_some()));
        most.saturating_sub(used)
    }

    /// The most that an extension adds.
    pub(super) fn extend_by(&self, rule: &Rule) -> Span {
        let limit = self.policy.limit(rule, self.role());
        rule.require.extend.by.unwrap_or(limit)
    }

    /// The longest that an access lasts with all its extensions.
    fn whole(&self, rule: &Rule) -> TimeDelta {
        let extend = rule.require.extend;
        extend.total.map_or_else(
            || {
                let longest = TimeDelta::from(self.policy.limit(rule, self.role()));
                let by = TimeDelta::from(self.extend_by(rule));
                let times = i32::try_from(extend.max.unwrap_or(1)).unwrap_or(i32::MAX);
                longest + by.checked_mul(times).unwrap_or(TimeDelta::MAX / 2)
            },
            TimeDelta::from,
        )
    }

    /// What is left of that, for an extension; none where nothing is.
    pub(super) fn whole_left(&self, rule: &Rule) -> Option<Span> {
        let chain = self.circumstances.chain?;
        let left = self.whole(rule) - (chain.until - chain.since);
        Span::from_seconds(u64::try_from(left.num_seconds()).ok()?).ok()
    }

    fn whole_time(&self, rule: &Rule, chain: Chain, added: Span) -> Option<Refusal> {
        let total = self.whole(rule);
        let held = chain.until - chain.since;
        if held + TimeDelta::from(added) <= total {
            return None;
        }
        let left = u64::try_from((total - held).num_seconds()).ok();
        let left = left.and_then(|seconds| Span::from_seconds(seconds).ok());
        let whole = u64::try_from(total.num_seconds()).ok();
        let whole = whole.and_then(|seconds| Span::from_seconds(seconds).ok());
        let whole = whole.map_or_else(String::new, |whole| format!(" of {whole}"));
        let why = match left {
            Some(left) => format!(
                "With {added} more it would last longer than the whole time{whole} that is allowed; \
                 {left} are left."
            ),
            None => format!(
                "The whole time{whole} that is allowed is used up. Please make a new request."
            ),
        };
        Some(Refusal::ExtensionNotAllowed { why })
    }

    fn start_missing(&self, rule: &Rule) -> Option<Refusal> {
        // A request that was taken in has its start; break-glass says its own word about that, and
        // an extension begins where the access would end.
        if self.ask.taken_in || self.ask.break_glass || self.ask.extends.is_some() {
            return None;
        }
        let now = self.circumstances.now;
        let no = |why: String| Some(Refusal::StartNotAllowed { why });
        if self.ask.start.is_some_and(|start| start < now) {
            return no(
                "That start has passed already. Please leave it out to begin now.".to_owned(),
            );
        }
        let ahead = self.ask.start.filter(|start| *start > now);
        let Some(allowed) = rule.require.start else {
            return ahead.and_then(|_| {
                no(format!(
                    "By the rule “{}” access begins at once. Please ask when you need it, without a start.",
                    rule.name
                ))
            });
        };
        let earliest = allowed
            .earliest
            .map(|earliest| (earliest, now + TimeDelta::from(earliest)));
        if let Some((span, earliest)) = earliest
            && self.start < earliest
        {
            let from = self.clock(earliest);
            return no(format!(
                "By the rule “{}” this is asked at least {span} ahead. Please name a start from {from} on.",
                rule.name
            ));
        }
        let latest = now + TimeDelta::from(allowed.latest);
        if self.start > latest {
            let (span, until) = (allowed.latest, self.clock(latest));
            return no(format!(
                "By the rule “{}” a start lies at most {span} ahead: until {until}.",
                rule.name
            ));
        }
        None
    }

    /// A moment on the policy's clock.
    fn clock(&self, at: DateTime<Utc>) -> String {
        let zone = self.policy.zone;
        let local = at.with_timezone(&zone);
        format!("{} ({zone})", local.format("%a %-d %b %H:%M"))
    }

    /// The longest that may be asked for.
    pub(super) fn limit(&self, rule: &Rule) -> Span {
        match self.breaking(rule) {
            Some(glass) => glass.max_duration,
            None => self.policy.limit(rule, self.role()),
        }
    }

    fn breaking<'r>(&self, rule: &'r Rule) -> Option<&'r Glass> {
        rule.glass.as_ref().filter(|_| self.ask.break_glass)
    }

    /// How long it would last: as asked, or what the rule gives where nothing is said.
    pub(super) fn duration(&self, rule: &Rule) -> Option<Span> {
        if self.ask.duration.is_some() {
            return self.ask.duration;
        }
        let default = rule.require.default_duration;
        if let Some(glass) = self.breaking(rule) {
            // In an emergency nobody shall have to fill in a form.
            let cap = glass.max_duration;
            return Some(default.map_or(cap, |default| default.min(cap)));
        }
        match (default, self.ask.extends) {
            (Some(default), Some(_)) => Some(default.min(self.extend_by(rule))),
            (default, _) => default,
        }
    }

    fn duration_missing(&self, rule: &Rule) -> Option<Refusal> {
        let limit = self.limit(rule);
        let resource = self.resource.facts.name.clone();
        let role = self.role().clone();
        let Some(asked) = self.duration(rule) else {
            return Some(Refusal::DurationNeeded {
                limit,
                resource,
                role,
            });
        };
        let choices = &rule.require.durations;
        if self.breaking(rule).is_none() && !choices.is_empty() && !choices.contains(&asked) {
            let longest = self.policy.limit(rule, self.role());
            let choices = choices.iter().copied().filter(|choice| *choice <= longest);
            return Some(Refusal::DurationNotOffered {
                asked,
                choices: choices.collect(),
                resource,
                role,
            });
        }
        (asked > limit).then_some(Refusal::TooLong {
            asked,
            limit,
            resource,
            role,
        })
    }

    fn reason_missing(&self, rule: &Rule) -> Option<Refusal> {
        let reason = self.ask.reason.trim();
        if let Some(wanted) = &rule.require.reason
            && !wanted.pattern.is_match(reason)
        {
            let message = reason_words(wanted);
            return Some(Refusal::ReasonNeeded { message });
        }
        (self.ask.break_glass && reason.is_empty()).then(|| Refusal::ReasonNeeded {
            message: "Please say what the emergency is.".to_owned(),
        })
    }

    fn ticket_missing(&self, rule: &Rule) -> Option<Refusal> {
        let wanted = rule.require.ticket.as_ref()?;
        if self.ticket(rule).is_some() {
            return None;
        }
        let message = ticket_words(wanted);
        Some(Refusal::TicketNeeded { message })
    }

    /// The ticket that the reason names, where the rule wants one.
    pub(super) fn ticket(&self, rule: &Rule) -> Option<&str> {
        let wanted = rule.require.ticket.as_ref()?;
        let found = wanted.pattern.find(self.ask.reason.trim())?;
        Some(found.as_str().trim()).filter(|ticket| !ticket.is_empty())
    }

    /// When the access is to begin, where it does not begin once it is approved.
    pub(super) fn terms_start(&self) -> Option<DateTime<Utc>> {
        let ahead = |start: &DateTime<Utc>| self.ask.taken_in || *start > self.circumstances.now;
        self.ask.start.filter(ahead)
    }
}

/// What is wanted of a ticket, in the rule's words or else in ours.
pub(super) fn ticket_words(wanted: &ReasonRule) -> String {
    let pattern = &wanted.pattern;
    let words = || format!("Please name a ticket that has the form `{pattern}`.");
    wanted.message.clone().unwrap_or_else(words)
}

/// What is wanted of a reason, in the rule's words or else in ours.
pub(super) fn reason_words(wanted: &ReasonRule) -> String {
    let words = || match wanted.pattern.as_str() {
        "." | ".+" => "Please say why you need it.".to_owned(),
        pattern => format!("Please give a reason that has the form `{pattern}`."),
    };
    wanted.message.clone().unwrap_or_else(words)
}
