//! The words that a policy knows, and whether a text that a value is compared with is one of them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::super::suggest;
use super::shape::Domain;
use crate::domain::PastGrant;

/// The names of the policy that a condition is part of.
#[derive(Clone, Debug, Default)]
pub(in crate::policy) struct Names<'a> {
    /// All resources.
    pub(in crate::policy) resources: BTreeSet<&'a str>,
    /// All roles of all resources.
    pub(in crate::policy) roles: BTreeSet<&'a str>,
    /// All groups.
    pub(in crate::policy) groups: BTreeSet<&'a str>,
    /// All rules.
    pub(in crate::policy) rules: BTreeSet<&'a str>,
    /// All sensitivities that a resource has.
    pub(in crate::policy) sensitivities: BTreeSet<&'a str>,
    /// All labels that a resource has, each with all its values.
    pub(in crate::policy) labels: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

/// The days of the week as `now.weekday` says them, Monday first.
pub(in crate::policy) const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// How an earlier request can have ended.
pub(in crate::policy) const OUTCOMES: [&str; 6] = [
    "pending",
    "approved",
    "denied",
    "cancelled",
    "expired",
    "overruled",
];

/// Why a text cannot occur: what is wrong, and how to mend it.
pub(super) type Strange = (String, String);

impl Names<'_> {
    /// Whether a text of that domain can be this word.
    pub(super) fn text(&self, domain: &Domain, word: &str) -> Result<(), Strange> {
        let (what, known) = match domain {
            Domain::Free | Domain::Hour | Domain::Minute => return Ok(()),
            Domain::Date => return date(word),
            Domain::Zone => return zone(word),
            Domain::Sensitivity | Domain::Rule if word.is_empty() => return Ok(()),
            Domain::Resource => ("resource", self.resources.clone()),
            Domain::Role => ("role", self.roles.clone()),
            Domain::Group => ("group", self.groups.clone()),
            Domain::Rule => ("rule", self.rules.clone()),
            Domain::Sensitivity => ("sensitivity", self.sensitivities.clone()),
            Domain::Weekday => ("weekday", WEEKDAYS.into()),
            Domain::Outcome => ("outcome", OUTCOMES.into()),
            Domain::Grant => ("grant", PastGrant::WORDS.into()),
            Domain::Label(key) => return self.label(key, word),
        };
        if known.contains(word) {
            return Ok(());
        }
        let none = format!("the policy has no {what} at all");
        let hint = match domain {
            // The long name of a day is nearest to the short one by its first letters.
            Domain::Weekday => weekday_hint(word),
            _ => suggest::hint(word, known, &none),
        };
        Err((format!("there is no {what} `{word}`"), hint))
    }

    /// Whether any resource has that label.
    pub(super) fn key(&self, key: &str) -> Result<(), Strange> {
        if self.labels.contains_key(key) {
            return Ok(());
        }
        let known = self.labels.keys().copied();
        let hint = suggest::hint(key, known, "no resource has labels");
        Err((format!("no resource has a label `{key}`"), hint))
    }

    fn label(&self, key: &str, value: &str) -> Result<(), Strange> {
        let known = self.labels.get(key).cloned().unwrap_or_default();
        if known.contains(value) {
            return Ok(());
        }
        let hint = suggest::hint(value, known, "no resource has this label");
        Err((format!("no resource has the label `{key}: {value}`"), hint))
    }
}

/// Whether an hour or minute can be this number, where it is compared for order or equality.
pub(super) fn number(domain: &Domain, number: i64, ordered: bool) -> Result<(), Strange> {
    let (what, last) = match domain {
        Domain::Hour => ("hour", 23),
        Domain::Minute => ("minute", 59),
        _ => return Ok(()),
    };
    // `now.hour < 24` always holds, but says what is meant.
    let most = if ordered { last + 1 } else { last };
    if (0..=most).contains(&number) {
        return Ok(());
    }
    let message = format!("there is no {what} {number}");
    Err((message, format!("{what}s go from 0 to {last}")))
}

fn weekday_hint(word: &str) -> String {
    let lower = word.to_lowercase();
    let short = WEEKDAYS.iter().find(|day| lower.starts_with(**day));
    match short {
        Some(day) => format!("weekdays have three letters: did you mean `{day}`?"),
        None => format!("known: {}", suggest::list(&WEEKDAYS, "and")),
    }
}

fn date(word: &str) -> Result<(), Strange> {
    let date = NaiveDate::parse_from_str(word, "%Y-%m-%d");
    if date.is_ok_and(|date| date.to_string() == word) {
        return Ok(());
    }
    let hint = "write year, month and day, like `2026-12-24`";
    Err((format!("there is no date `{word}`"), hint.to_owned()))
}

fn zone(word: &str) -> Result<(), Strange> {
    if word.is_empty() || word.parse::<chrono_tz::Tz>().is_ok() {
        return Ok(());
    }
    let zones = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
    let near = suggest::nearest(word, zones);
    let hint = match near.as_slice() {
        [] => "write its IANA name, like `Europe/Berlin`".to_owned(),
        near => format!("did you mean {}?", suggest::list(near, "or")),
    };
    Err((format!("there is no time zone `{word}`"), hint))
}
