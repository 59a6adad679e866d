//! Whether a rule may approve by itself.

use chrono::{Datelike, TimeDelta};

use super::Case;
use super::fit::Broken;
use crate::domain::GroupName;
use crate::policy::condition::WEEKDAYS;
use crate::policy::rule::{Limits, Rule};
use crate::policy::suggest;

impl Case<'_> {
    /// Every limit of a rule that does not hold, in words that follow "but".
    pub(super) fn broken_limits(&self, rule: &Rule) -> Broken {
        let Some(limits) = &rule.limits else {
            return Broken::default();
        };
        let uses = self.uses_broken(rule, limits);
        let hours = self.hours_broken(limits);
        let days = self.weekday_broken(limits);
        let others = uses.into_iter().chain(hours).chain(days);
        let mut broken = Broken {
            why: others.collect(),
            unread: Vec::new(),
        };
        let Some((why, unread)) = self.on_call_broken(limits) else {
            return broken;
        };
        if broken.why.is_empty() {
            broken.unread = unread;
        }
        broken.why.push(why);
        broken
    }

    /// Why the rule may approve by itself: the limits that are kept.
    pub(super) fn why_automatic(&self, rule: &Rule) -> String {
        let by_itself = format!("the rule “{}” approves by itself", rule.name);
        let kept = rule.limits.as_ref().map(|limits| self.kept(rule, limits));
        match kept.filter(|kept| !kept.is_empty()) {
            Some(kept) => format!("{by_itself}: {}", kept.join(", ")),
            None => by_itself,
        }
    }

    fn kept(&self, rule: &Rule, limits: &Limits) -> Vec<String> {
        let uses = limits.uses.map(|(most, per)| {
            let use_now = self.uses(rule, per.into()) + 1;
            format!("use {use_now} of {most} in {per}")
        });
        let zone = self.policy.zone;
        let hours = limits.hours.map(|hours| {
            let time = self.start.with_timezone(&zone).format("%H:%M");
            format!("{time} lies within {hours} ({zone})")
        });
        let day = (!limits.weekdays.is_empty()).then(|| format!("it is {}", self.weekday()));
        let on_call = limits
            .on_call
            .iter()
            .find(|group| self.holder.groups.contains(*group));
        let on_call = on_call.map(|group| format!("on call in {group}"));
        uses.into_iter()
            .chain(hours)
            .chain(day)
            .chain(on_call)
            .collect()
    }

    /// How often the rule approved for the holder in that time before now.
    fn uses(&self, rule: &Rule, per: TimeDelta) -> usize {
        let since = self.circumstances.now - per;
        let past = self.circumstances.past.iter();
        past.filter(|past| past.automatic && past.rule == rule.name && past.asked_at > since)
            .count()
    }

    fn uses_broken(&self, rule: &Rule, limits: &Limits) -> Option<String> {
        let (most, per) = limits.uses?;
        let uses = self.uses(rule, per.into());
        (uses >= most as usize).then(|| match most {
            1 => format!("it was used already within {per}, which is as often as it may be"),
            _ => format!("it was used {uses} times within {per}, and {most} are allowed"),
        })
    }

    fn hours_broken(&self, limits: &Limits) -> Option<String> {
        let hours = limits.hours?;
        let zone = self.policy.zone;
        (!hours.cover(self.start, zone)).then(|| {
            let time = self.start.with_timezone(&zone).format("%H:%M");
            format!("only at {hours}, and it would begin at {time} ({zone})")
        })
    }

    fn weekday_broken(&self, limits: &Limits) -> Option<String> {
        let days = &limits.weekdays;
        let today = self.start.with_timezone(&self.policy.zone).weekday();
        if days.is_empty() || days.contains(&today.num_days_from_monday()) {
            return None;
        }
        let names: Vec<&str> = (0u32..)
            .zip(WEEKDAYS)
            .filter(|(day, _)| days.contains(day))
            .map(|(_, name)| name)
            .collect();
        Some(format!(
            "only on {}, and it would begin on {}",
            names.join(", "),
            self.weekday()
        ))
    }

    fn weekday(&self) -> &'static str {
        let today = self.start.with_timezone(&self.policy.zone).weekday();
        let day = today.num_days_from_monday() as usize;
        WEEKDAYS.get(day).copied().unwrap_or_default()
    }

    /// That nobody says that the holder is on call; and the groups of which nobody could say it.
    fn on_call_broken(&self, limits: &Limits) -> Option<(String, Vec<GroupName>)> {
        let wanted = &limits.on_call;
        if wanted.is_empty()
            || wanted
                .iter()
                .any(|group| self.holder.groups.contains(group))
        {
            return None;
        }
        let names: Vec<&str> = wanted.iter().map(GroupName::as_str).collect();
        let names = suggest::plain(&names, "or");
        let unreadable = &self.holder.standing.unreadable;
        let unread = wanted.iter().filter(|group| unreadable.contains(*group));
        let unread: Vec<GroupName> = unread.cloned().collect();
        let why = if unread.is_empty() {
            format!("only for people on call in {names}")
        } else {
            format!("only for people on call in {names}, and who that is could not be read")
        };
        Some((why, unread))
    }
}
