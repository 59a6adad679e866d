//! Reading single values that have a form of their own: lengths of time, channels, hours, days,
//! zones, patterns.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::condition::WEEKDAYS;
use super::fault::{At, Finding, Log};
use super::fields::{self, Fields};
use super::file::ReasonRule;
use super::hours::{Hours, HoursFault};
use super::patterns::PatternFault;
use super::suggest;
use super::tree::{Node, Tree};
use crate::domain::Span;

/// Takes a length of time out, if it is there.
pub(super) fn span(fields: &mut Fields<'_>, key: &str, log: &Log) -> Option<At<Span>> {
    let node = fields.take(key)?;
    read_span(key, node, log)
}

/// A value that is a length of time.
pub(super) fn read_span(key: &str, node: Node, log: &Log) -> Option<At<Span>> {
    if let Tree::Number(number) = node.value {
        let message = format!("`{key}` has no unit");
        let hint = format!("write `{number}m` for minutes or `{number}h` for hours");
        log.push(Finding::new(node.at, message, "of what?").hint(hint));
        return None;
    }
    let text = fields::text(key, node, log)?;
    match Span::parse(&text.value) {
        Ok(span) => Some(text.with(span)),
        Err(fault) => {
            let finding = Finding::new(text.at, format!("`{key}`: {fault}"), "this duration");
            log.push(finding.hint("such as 30m, 4h or 2d"));
            None
        }
    }
}

/// Takes a channel out, if it is there.
pub(super) fn channel(fields: &mut Fields<'_>, key: &str, log: &Log) -> Option<At<String>> {
    let written = fields.text(key)?;
    known_channel(written, log)
}

/// A text that is a channel.
pub(super) fn known_channel(channel: At<String>, log: &Log) -> Option<At<String>> {
    if is_channel(&channel.value) {
        return Some(channel);
    }
    let message = format!("`{}` is no Slack channel", channel.value);
    let bare = channel
        .value
        .trim_start_matches('#')
        .to_lowercase()
        .replace(' ', "-");
    let named = format!("#{bare}");
    let hint = if is_channel(&named) {
        format!("write \"{named}\" with the quotes, or the channel's id (C…)")
    } else {
        "write \"#name\" with the quotes, or the channel's id (C…)".to_owned()
    };
    log.push(Finding::new(channel.at, message, "not a channel").hint(hint));
    None
}

/// `#name` as Slack allows it, or the id of a public (`C…`) or private (`G…`) channel.
fn is_channel(text: &str) -> bool {
    if let Some(name) = text.strip_prefix('#') {
        let fits = |c: char| (c.is_alphanumeric() && !c.is_uppercase()) || "-_".contains(c);
        return (1..=80).contains(&name.chars().count()) && name.chars().all(fits);
    }
    let id = text.strip_prefix(['C', 'G']).unwrap_or_default();
    let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    id.len() >= 2 && id.chars().all(fits)
}

/// Takes a whole number out, if it is there.
pub(super) fn number(fields: &mut Fields<'_>, key: &str, least: u32, log: &Log) -> Option<At<u32>> {
    let node = fields.take(key)?;
    if let Tree::Number(number) = node.value
        && let Ok(value) = u32::try_from(number)
        && value >= least
    {
        return Some(At { value, at: node.at });
    }
    let message = format!("`{key}` must be a whole number from {least} up");
    log.push(Finding::new(node.at, message, "here").hint(format!("such as `{key}: 1`")));
    None
}

/// Takes hours of the day out, if they are there.
pub(super) fn hours(fields: &mut Fields<'_>, key: &str, log: &Log) -> Option<At<Hours>> {
    let text = fields.text(key)?;
    let (message, label, hint) = match Hours::parse(&text.value) {
        Ok(hours) => return Some(text.with(hours)),
        Err(HoursFault::Form) => (
            format!("`{}` is no stretch of hours", text.value),
            "these hours",
            "write two times of the day with a `-` between, in quotes: \"08:00-18:00\"",
        ),
        Err(HoursFault::Empty) => (
            format!("`{}` has no beginning and no end", text.value),
            "all day long, or never",
            "leave it out if every hour is meant; \"22:00-07:00\" goes over midnight",
        ),
    };
    log.push(Finding::new(text.at, message, label).hint(hint));
    None
}

/// Takes days of the week out, if they are there: Monday is 0.
pub(super) fn weekdays(fields: &mut Fields<'_>, log: &Log) -> Option<At<BTreeSet<u32>>> {
    let node = fields.take("weekdays")?;
    let at = node.at;
    let words = fields::texts("weekdays", node, log)?;
    let mut days = BTreeSet::new();
    for word in &words {
        match (0u32..).zip(WEEKDAYS).find(|(_, day)| *day == word.value) {
            Some((number, _)) => {
                days.insert(number);
            }
            None => log.push(no_weekday(word)),
        }
    }
    if days.len() == WEEKDAYS.len() {
        let finding = Finding::new(
            at,
            "these are all days of the week",
            "never keeps anybody out",
        );
        log.push(finding.hint("leave `weekdays` out"));
        return None;
    }
    (days.len() == words.len()).then_some(At { value: days, at })
}

fn no_weekday(word: &At<String>) -> Finding {
    let start: String = word.value.to_lowercase().chars().take(3).collect();
    let hint = match WEEKDAYS.into_iter().find(|day| *day == start) {
        Some(day) => format!("write `{day}`"),
        None => format!("the days are {}", suggest::list(&WEEKDAYS, "and")),
    };
    Finding::new(
        word.at,
        format!("`{}` is no day of the week", word.value),
        "unknown",
    )
    .hint(hint)
}

/// Takes a list of days out, if it is there.
pub(super) fn dates(
    fields: &mut Fields<'_>,
    key: &str,
    log: &Log,
) -> Option<At<BTreeSet<NaiveDate>>> {
    let node = fields.take(key)?;
    let at = node.at;
    let words = fields::texts(key, node, log)?;
    let mut days = BTreeSet::new();
    for word in words {
        let day = word.value.parse::<NaiveDate>().ok();
        if let Some(day) = day.filter(|day| day.to_string() == word.value) {
            days.insert(day);
        } else {
            let message = format!("`{}` is no day of the calendar", word.value);
            let finding = Finding::new(word.at, message, "this day");
            log.push(finding.hint("year, month and day, such as 2026-12-25"));
        }
    }
    Some(At { value: days, at })
}

/// Takes a time zone out, if it is there.
pub(super) fn zone(fields: &mut Fields<'_>, key: &str, log: &Log) -> Option<At<Tz>> {
    let text = fields.text(key)?;
    if let Ok(zone) = text.value.parse::<Tz>() {
        return Some(text.with(zone));
    }
    let city = |name: &'static str| name.rsplit('/').next().unwrap_or(name);
    let names = || chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
    let wanted = text.value.replace(' ', "_");
    let same = names().find(|name| city(name).eq_ignore_ascii_case(&wanted));
    let near = same.map_or_else(|| suggest::nearest(&wanted, names()), |name| vec![name]);
    let hint = match near.as_slice() {
        [] => "write the name of the zone, such as Europe/Berlin or America/New_York".to_owned(),
        near => format!("did you mean {}?", suggest::list(near, "or")),
    };
    let message = format!("`{}` is no time zone", text.value);
    log.push(Finding::new(text.at, message, "unknown").hint(hint));
    None
}

/// Takes a pattern out, or a pattern with a message, if it is there.
pub(super) fn pattern(
    fields: &mut Fields<'_>,
    key: &'static str,
    log: &Log,
) -> Option<At<ReasonRule>> {
    let node = fields.take(key)?;
    let (pattern, message) = if let Tree::Map(_) = node.value {
        let what = if key == "ticket" {
            "`ticket`"
        } else {
            "`reason`"
        };
        let at = node.at;
        let mut fields = Fields::open(what, at, node, &["pattern", "message"], log);
        let message = fields.text("message").map(|message| message.value);
        let hint = if key == "ticket" {
            "write a regular expression: `pattern: \"INC-[0-9]+\"`"
        } else {
            "write a regular expression: `pattern: \"INC-[0-9]+\"`; `\".\"` is any reason"
        };
        (fields.require("pattern", hint)?, message)
    } else {
        (node, None)
    };
    let written = fields::text(key, pattern, log)?;
    let finding = match log.patterns.compile(&written.value) {
        Ok(pattern) => return Some(written.with(ReasonRule { pattern, message })),
        Err(PatternFault::Wrong(error)) => bad_regex(&written, &error),
        Err(PatternFault::TooLarge(why)) => {
            let finding = Finding::new(written.at, "this regular expression is too large", why);
            finding.hint("write less of it, or the same one in several rules")
        }
    };
    log.push(finding);
    None
}

fn bad_regex(pattern: &At<String>, error: &regex::Error) -> Finding {
    let story = error.to_string();
    let why = story.lines().last().unwrap_or_default();
    let why = why.trim_start_matches("error: ");
    let finding = Finding::new(
        pattern.at,
        "this is not a regular expression",
        why.to_owned(),
    );
    // The story of the regex parser has the pattern and a caret on lines of its own.
    let drawing: Vec<&str> = story
        .lines()
        .filter(|line| line.starts_with("    "))
        .collect();
    let hint = "in YAML a backslash is safest in single quotes: 'INC-\\d+'";
    if drawing.is_empty() {
        return finding.hint(hint);
    }
    finding.hint(format!("{}\n{hint}", drawing.join("\n")))
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_names_with_a_hash_or_ids() {
        for good in [
            "#access-requests",
            "#a",
            "#zugänge",
            "C0ACCESS",
            "G0PRIVATE",
            "C01",
        ] {
            assert!(is_channel(good), "{good}");
        }
        for bad in [
            "access",
            "#",
            "#Access",
            "#two words",
            "U0DANA",
            "C",
            "c0access",
            "#a/b",
        ] {
            assert!(!is_channel(bad), "{bad}");
        }
    }
}
