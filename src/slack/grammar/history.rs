//! `history [@who] [RESOURCE] [#channel] [when] [what became of it]`, in any order: what somebody
//! who looks back looks for. Times are read without knowing the time or the zone; both are told when
//! they are [resolved](Period::resolve).

use std::fmt;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::words::{self, Word};
use super::{FaultKind, GrammarFault, Line};
use crate::domain::{Fate, Span};

/// What is looked for. Names are as they were written; whether they exist is for others to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sought {
    /// Whose requests.
    pub who: Option<Who>,
    /// The resource.
    pub resource: Option<String>,
    /// The channel of the card.
    pub channel: Option<Channel>,
    /// When it was asked.
    pub period: Option<Period>,
    /// What became of it.
    pub fate: Option<Fate>,
    /// The one with that number.
    pub number: Option<i64>,
}

/// Whose requests are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Those of whoever looks.
    Me,
    /// Those of that Slack user.
    User(String),
}

/// A channel as it was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its name with `#`, or its id with one.
    pub name: String,
    /// Its id, where Slack told it.
    pub id: Option<String>,
}

/// A time to look back at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// The last so and so long.
    Last(Span),
    /// From the beginning of that day on.
    Since(NaiveDate),
    /// To the end of that day.
    Until(NaiveDate),
    /// From the beginning of the first day to the end of the second.
    Between(NaiveDate, NaiveDate),
    /// Today.
    Today,
    /// Yesterday.
    Yesterday,
    /// The week that is, from Monday on.
    ThisWeek,
    /// The week before this one.
    LastWeek,
    /// The month that is.
    ThisMonth,
    /// The month before this one.
    LastMonth,
}

/// Words for what became of a request, besides the ones that we say ourselves.
const FATES: [(&str, Fate); 17] = [
    ("pending", Fate::Waiting),
    ("open", Fate::Waiting),
    ("granted", Fate::Approved),
    ("given", Fate::Approved),
    ("refused", Fate::Denied),
    ("rejected", Fate::Denied),
    ("canceled", Fate::Cancelled),
    ("withdrawn", Fate::Cancelled),
    ("live", Fate::Active),
    ("held", Fate::Active),
    ("over", Fate::Ended),
    ("gone", Fate::Ended),
    ("error", Fate::Failed),
    ("auto", Fate::Automatic),
    ("breakglass", Fate::BreakGlass),
    ("break_glass", Fate::BreakGlass),
    ("emergency", Fate::BreakGlass),
];

/// Words that only join what is looked for.
const JOINING: [&str; 12] = [
    "of",
    "about",
    "all",
    "everything",
    "requests",
    "request",
    "and",
    "that",
    "were",
    "was",
    "at",
    "in",
];

impl Line<'_> {
    /// Reads what is looked for.
    pub(super) fn history(self) -> Result<Sought, GrammarFault> {
        let mut sought = Sought::default();
        let mut at = 0;
        while let Some(word) = self.words.get(at) {
            let lower = word.lower();
            if let Some((period, count)) = self.period(at)? {
                sought.period = Some(period);
                at += count;
                continue;
            }
            if !word.is_filler() && !JOINING.contains(&lower.as_str()) {
                self.filter(&mut sought, word, &lower)?;
            }
            at += 1;
        }
        if self.break_glass {
            sought.fate = Some(Fate::BreakGlass);
        }
        Ok(sought)
    }

    /// One word that is about anything but time.
    fn filter(self, sought: &mut Sought, word: &Word, lower: &str) -> Result<(), GrammarFault> {
        if ["me", "my", "mine", "myself"].contains(&lower) {
            sought.who = Some(Who::Me);
        } else if word.bare.starts_with('@') {
            let user = self.mentions.get(lower).ok_or_else(|| {
                let kind = FaultKind::WhoUnclear(word.bare.clone());
                GrammarFault::new(kind, "/jit history @dana since 7d".to_owned())
            })?;
            sought.who = Some(Who::User(user.clone()));
        } else if let Some(name) = word.bare.strip_prefix('#') {
            match name.parse::<i64>() {
                Ok(number) if 0 < number => sought.number = Some(number),
                _ => {
                    sought.channel = Some(Channel {
                        name: word.bare.clone(),
                        id: self.mentions.get(lower).cloned(),
                    });
                }
            }
        } else if let Some(fate) = fate(lower) {
            sought.fate = Some(fate);
        } else if sought.resource.is_none() {
            sought.resource = Some(word.bare.clone());
        } else {
            let resource = sought.resource.as_deref().unwrap_or("staging-db");
            let kind = FaultKind::SoughtUnclear(word.bare.clone());
            let example = format!("/jit history {resource} @dana denied since 7d");
            return Err(GrammarFault::new(kind, example));
        }
        Ok(())
    }

    /// A time at that word, and how many words it takes.
    fn period(self, at: usize) -> Result<Option<(Period, usize)>, GrammarFault> {
        let rest = &self.words[at..];
        let first = rest[0].lower();
        let second = rest.get(1).map(Word::lower).unwrap_or_default();
        let unclear = |said: &str| {
            let kind = FaultKind::PeriodUnclear(said.to_owned());
            GrammarFault::new(kind, "/jit history since 7d".to_owned())
        };
        let found = match (first.as_str(), second.as_str()) {
            ("today", _) => (Period::Today, 1),
            ("yesterday", _) => (Period::Yesterday, 1),
            ("this", "week") => (Period::ThisWeek, 2),
            ("last" | "past", "week") => (Period::LastWeek, 2),
            ("this", "month") => (Period::ThisMonth, 2),
            ("last" | "past", "month") => (Period::LastMonth, 2),
            ("since", "today") => (Period::Today, 2),
            ("since" | "last" | "past", said) => match (date(said), words::duration(&rest[1..])) {
                (Some(day), _) if first == "since" => (Period::Since(day), 2),
                (None, Some((Ok(span), count))) => (Period::Last(span), count + 1),
                _ => return Err(unclear(said)),
            },
            ("until", said) => {
                let day = date(said).ok_or_else(|| unclear(said))?;
                (Period::Until(day), 2)
            }
            ("from" | "between", said) => {
                let from = date(said).ok_or_else(|| unclear(said))?;
                match between(from, &rest[2..]) {
                    Ok(found) => found,
                    Err(said) => return Err(unclear(&said)),
                }
            }
            (day, _) => match date(day) {
                Some(day) => (Period::Between(day, day), 1),
                None => return Ok(None),
            },
        };
        match found {
            (Period::Between(from, to), _) if to < from => {
                let example = format!("/jit history from {to} to {from}");
                Err(GrammarFault::new(FaultKind::PeriodTurned, example))
            }
            found => Ok(Some(found)),
        }
    }
}

/// What follows the first day of a period: a second one, or nothing.
fn between(from: NaiveDate, rest: &[Word]) -> Result<(Period, usize), String> {
    let joined = rest.first().map(Word::lower);
    // A dash between two days is no word.
    if let Some(to) = joined.as_deref().and_then(date) {
        return Ok((Period::Between(from, to), 3));
    }
    if !matches!(joined.as_deref(), Some("to" | "until" | "till" | "and")) {
        return Ok((Period::Since(from), 2));
    }
    let said = rest.get(1).map(Word::lower).unwrap_or_default();
    let to = date(&said).ok_or(said)?;
    Ok((Period::Between(from, to), 4))
}

fn date(word: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(word, "%Y-%m-%d").ok()
}

fn fate(word: &str) -> Option<Fate> {
    let own = Fate::ALL.into_iter().find(|fate| fate.as_str() == word);
    let other = FATES.iter().find(|(also, _)| *also == word);
    own.or(other.map(|(_, fate)| *fate))
}

impl Period {
    /// When it begins, and when it is over, for somebody in that zone. An end is the first moment
    /// that is no part of it.
    pub fn resolve(
        self,
        now: DateTime<Utc>,
        zone: Tz,
    ) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        let today = now.with_timezone(&zone).date_naive();
        let ago = |days: u64| today.checked_sub_days(Days::new(days)).unwrap_or(today);
        let monday = ago(u64::from(today.weekday().num_days_from_monday()));
        let first = today.with_day(1).unwrap_or(today);
        let begin = |day: NaiveDate| Some(midnight(day, zone));
        let end = |day: NaiveDate| day.succ_opt().map(|next| midnight(next, zone));
        match self {
            Self::Last(span) => (Some(now - TimeDelta::from(span)), None),
            Self::Since(day) => (begin(day), None),
            Self::Until(day) => (None, end(day)),
            Self::Between(from, to) => (begin(from), end(to)),
            Self::Today => (begin(today), None),
            Self::Yesterday => (begin(ago(1)), begin(today)),
            Self::ThisWeek => (begin(monday), None),
            Self::LastWeek => {
                let before = monday.checked_sub_days(Days::new(7));
                (before.and_then(begin), begin(monday))
            }
            Self::ThisMonth => (begin(first), None),
            Self::LastMonth => {
                let before = first.checked_sub_months(Months::new(1));
                (before.and_then(begin), begin(first))
            }
        }
    }
}

/// The first moment of a day there; where the clocks skip midnight, the first after it.
fn midnight(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let start = day.and_time(NaiveTime::MIN);
    let mut hours = (0..24).map(|hour| start + TimeDelta::hours(hour));
    let found = hours.find_map(|time| zone.from_local_datetime(&time).earliest());
    found.map_or_else(|| start.and_utc(), |found| found.to_utc())
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Last(span) => write!(f, "since {span}"),
            Self::Since(day) => write!(f, "since {day}"),
            Self::Until(day) => write!(f, "until {day}"),
            Self::Between(from, to) => write!(f, "from {from} to {to}"),
            Self::Today => f.write_str("today"),
            Self::Yesterday => f.write_str("yesterday"),
            Self::ThisWeek => f.write_str("this week"),
            Self::LastWeek => f.write_str("last week"),
            Self::ThisMonth => f.write_str("this month"),
            Self::LastMonth => f.write_str("last month"),
        }
    }
}

/// As it would be typed after the verb.
impl fmt::Display for Sought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.resource.clone());
        parts.extend(self.who.as_ref().map(|who| match who {
            Who::Me => "me".to_owned(),
            Who::User(user) => format!("<@{user}>"),
        }));
        parts.extend(self.channel.as_ref().map(|channel| match &channel.id {
            Some(id) => format!("<#{id}|{}>", channel.name.trim_start_matches('#')),
            None => channel.name.clone(),
        }));
        parts.extend(self.period.map(|period| period.to_string()));
        parts.extend(self.fate.map(|fate| fate.to_string()));
        parts.extend(self.number.map(|number| format!("#{number}")));
        f.write_str(&parts.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slack::grammar::{Slash, parse};

    fn sought(text: &str) -> Sought {
        match parse(text) {
            Ok(Slash::History(sought)) => {
                let again = parse(&format!("history {sought}"));
                assert_eq!(again, Ok(Slash::History(sought.clone())), "{text}");
                sought
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    fn day(text: &str) -> NaiveDate {
        date(text).unwrap()
    }

    #[test]
    fn what_is_looked_for_is_understood_in_any_order() {
        let everything = Sought {
            who: Some(Who::User("U1".to_owned())),
            resource: Some("staging-db".to_owned()),
            channel: Some(Channel {
                name: "#ops".to_owned(),
                id: Some("C1".to_owned()),
            }),
            period: Some(Period::Last(Span::hours(7 * 24))),
            fate: Some(Fate::Denied),
            number: None,
        };
        for text in [
            "history <@U1|dana> staging-db <#C1|ops> since 7d denied",
            "history denied requests for <@U1|dana> on staging-db in <#C1|ops> last 7 days",
            "history of staging-db, <#C1|OPS>, by <@U1>, past 7d: refused",
        ] {
            let mut found = sought(text);
            if let Some(channel) = &mut found.channel {
                channel.name = channel.name.to_lowercase();
            }
            assert_eq!(found, everything, "{text}");
        }
        assert_eq!(sought("history"), Sought::default());
        assert_eq!(sought("history all"), Sought::default());
        assert_eq!(sought("history mine").who, Some(Who::Me));
        assert_eq!(sought("history #42").number, Some(42));
        let private = sought("history #ops").channel.unwrap();
        assert_eq!((private.name.as_str(), private.id), ("#ops", None));
    }

    #[test]
    fn times_are_written_in_several_ways() {
        let between = Period::Between(day("2026-01-01"), day("2026-02-01"));
        for (text, period) in [
            ("history from 2026-01-01 to 2026-02-01", between),
            ("history between 2026-01-01 and 2026-02-01", between),
            ("history from 2026-01-01", Period::Since(day("2026-01-01"))),
            ("history since 2026-01-01", Period::Since(day("2026-01-01"))),
            ("history until 2026-01-01", Period::Until(day("2026-01-01"))),
            ("history from 2026-01-01 – 2026-02-01", between),
            ("history last month", Period::LastMonth),
            ("history this week", Period::ThisWeek),
            ("history last week", Period::LastWeek),
            ("history this month", Period::ThisMonth),
            ("history today", Period::Today),
            ("history yesterday", Period::Yesterday),
            ("history since 1h30m", Period::Last(Span::minutes(90))),
        ] {
            assert_eq!(sought(text).period, Some(period), "{text}");
        }
        let one_day = Period::Between(day("2026-01-05"), day("2026-01-05"));
        assert_eq!(sought("history on 2026-01-05").period, Some(one_day));
    }

    #[test]
    fn every_fate_has_its_word() {
        for fate in Fate::ALL {
            assert_eq!(sought(&format!("history {fate}")).fate, Some(fate));
        }
        assert_eq!(sought("history --break-glass").fate, Some(Fate::BreakGlass));
        for (word, fate) in FATES {
            assert_eq!(sought(&format!("history {word}")).fate, Some(fate));
        }
    }

    #[test]
    fn what_cannot_be_read_is_answered_with_an_example_that_can() {
        for (text, sentence) in [
            ("history @dana", "I cannot tell who “@dana” is"),
            (
                "history since whenever",
                "“whenever” as a time to look back",
            ),
            ("history since", "“” as a time to look back"),
            ("history until tomorrow", "“tomorrow” as a time"),
            ("history from 2026-13-01", "“2026-13-01” as a time"),
            ("history from 2026-01-01 to soon", "“soon” as a time"),
            (
                "history from 2026-02-01 to 2026-01-01",
                "ends before it begins",
            ),
            (
                "history staging-db prod-db",
                "“prod-db” is one thing too many",
            ),
        ] {
            let fault = parse(text).unwrap_err();
            assert!(fault.to_string().contains(sentence), "{text}: {fault}");
            let example = fault.example.replace("@dana", "<@U1|dana>");
            assert!(parse(&example).is_ok(), "{example}");
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table reads best in one piece")]
    fn periods_are_those_of_the_person() {
        // A Monday; in Auckland it is Tuesday, and the clocks there are on summer time.
        let now = DateTime::parse_from_rfc3339("2026-11-23T11:09:00Z").unwrap();
        let now = now.to_utc();
        let shown = |at: Option<DateTime<Utc>>| {
            at.map_or_else(|| "-".to_owned(), |at| at.format("%F %R").to_string())
        };
        for (period, zone, from, until) in [
            (Period::Today, Tz::UTC, "2026-11-23 00:00", "-"),
            (
                Period::Today,
                Tz::Pacific__Auckland,
                "2026-11-23 11:00",
                "-",
            ),
            (
                Period::Yesterday,
                Tz::UTC,
                "2026-11-22 00:00",
                "2026-11-23 00:00",
            ),
            (
                Period::ThisWeek,
                Tz::Europe__Berlin,
                "2026-11-22 23:00",
                "-",
            ),
            (
                Period::LastWeek,
                Tz::UTC,
                "2026-11-16 00:00",
                "2026-11-23 00:00",
            ),
            (Period::ThisMonth, Tz::UTC, "2026-11-01 00:00", "-"),
            (
                Period::LastMonth,
                Tz::Europe__Berlin,
                "2026-09-30 22:00",
                "2026-10-31 23:00",
            ),
            (
                Period::Last(Span::hours(24)),
                Tz::UTC,
                "2026-11-22 11:09",
                "-",
            ),
            (
                Period::Until(day("2026-11-01")),
                Tz::UTC,
                "-",
                "2026-11-02 00:00",
            ),
            (
                Period::Between(day("2026-01-01"), day("2026-02-01")),
                Tz::UTC,
                "2026-01-01 00:00",
                "2026-02-02 00:00",
            ),
        ] {
            let (begins, ends) = period.resolve(now, zone);
            let found = (shown(begins), shown(ends));
            assert_eq!(found, (from.to_owned(), until.to_owned()), "{period}");
        }
        // Where midnight does not exist, the day begins an hour later.
        let skipped = Period::Since(day("2026-03-29"));
        let (begins, _) = skipped.resolve(now, Tz::Africa__Cairo);
        assert!(begins.is_some());
    }
}
