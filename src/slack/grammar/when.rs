//! When something is to begin, as people write it: `22:00`, `tomorrow 9:00`, `mon at 9am`,
//! `2026-12-01 09:00`, `in 2h`. Read without knowing the time or the zone; both are told when it is
//! [resolved](When::resolve).

use std::fmt;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::Tz;

use super::words::{self, Word};
use crate::domain::Span;

/// A time to begin, before it is known where the person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// So long from now.
    In(Span),
    /// At that time of day, where the person is.
    At {
        /// On which day; none for the next time that it is that late.
        day: Option<Day>,
        /// The time of day.
        time: NaiveTime,
    },
}

/// A day, before it is known where the person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Day {
    /// Today.
    Today,
    /// Tomorrow.
    Tomorrow,
    /// The next such day of the week; today if the time lies ahead.
    On(Weekday),
    /// That date.
    Date(NaiveDate),
}

/// The time to begin lies in the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("It cannot begin in the past. Leave the time out to begin at once.")]
pub struct Passed;

/// Longer than any gap that clocks are put forward by.
const LONGEST_GAP: i64 = 26 * 60;

impl When {
    /// The moment that is meant by somebody in that zone. A time that the clocks skip there is the
    /// first one after the gap; of one that comes twice it is the first that lies ahead.
    ///
    /// # Errors
    /// [`Passed`] for a day and time that are over.
    pub fn resolve(self, now: DateTime<Utc>, zone: Tz) -> Result<DateTime<Utc>, Passed> {
        let (day, time) = match self {
            Self::In(span) => return Ok(now + TimeDelta::from(span)),
            Self::At { day, time } => (day, time),
        };
        let today = now.with_timezone(&zone).date_naive();
        let (date, again) = match day {
            None => (Some(today), Some(1)),
            Some(Day::Today) => (Some(today), None),
            Some(Day::Tomorrow) => (after(today, 1), None),
            Some(Day::On(weekday)) => (after(today, days_to(today, weekday)), Some(7)),
            Some(Day::Date(date)) => (Some(date), None),
        };
        let ahead = |date: NaiveDate| moment(date, time, now, zone).filter(|at| now < *at);
        let later = again.and_then(|days| after(date?, days));
        let found = date.and_then(ahead).or_else(|| later.and_then(ahead));
        found.ok_or(Passed)
    }
}

fn after(date: NaiveDate, days: u64) -> Option<NaiveDate> {
    date.checked_add_days(Days::new(days))
}

fn days_to(today: NaiveDate, weekday: Weekday) -> u64 {
    u64::from(weekday.days_since(today.weekday()))
}

/// That time of that day in that zone.
fn moment(date: NaiveDate, time: NaiveTime, now: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
    let wanted = date.and_time(time);
    let read = |minutes| zone.from_local_datetime(&(wanted + TimeDelta::minutes(minutes)));
    let there = read(0);
    let ahead = |at: &DateTime<Tz>| now < *at;
    let found = there.earliest().filter(ahead).or(there.latest());
    // The clocks are put forward over it.
    let found = found.or_else(|| (1..=LONGEST_GAP).find_map(|minutes| read(minutes).earliest()));
    found.map(|at| at.to_utc())
}

/// What stands where a time to begin is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// At once.
    Now,
    /// Then.
    Then(When),
    /// A day, and no time of it.
    NoTime,
    /// It looks like a time, and is none.
    Unclear,
}

/// A time to begin at the head of some words, and how many words it takes; none if they do not
/// begin like one.
pub(super) fn read(words: &[Word]) -> Option<(Reading, usize)> {
    let first = words.first()?.lower();
    if first == "now" {
        return Some((Reading::Now, 1));
    }
    if let Some((date, time)) = first.split_once('t')
        && let (Some(day), Some(time)) = (day(date), time_of_day(time))
    {
        return Some((at(Some(day), time), 1));
    }
    if let Some(day) = day(&first) {
        let skipped = 1 + usize::from(words.get(1).is_some_and(|word| word.lower() == "at"));
        let time = words.get(skipped).map(Word::lower);
        let time = time.and_then(|time| time_of_day(&time));
        return Some(match time {
            Some(time) => (at(Some(day), time), skipped + 1),
            None => (Reading::NoTime, 1),
        });
    }
    if let Some(time) = time_of_day(&first) {
        let day = words.get(1).and_then(|word| day(&word.lower()));
        return Some((at(day, time), 1 + usize::from(day.is_some())));
    }
    let begins = first.starts_with(|c: char| c.is_ascii_digit());
    let is_duration = words::duration(words).is_some();
    (begins && !is_duration).then_some((Reading::Unclear, 1))
}

fn at(day: Option<Day>, time: Option<NaiveTime>) -> Reading {
    time.map_or(Reading::Unclear, |time| {
        Reading::Then(When::At { day, time })
    })
}

fn day(word: &str) -> Option<Day> {
    match word {
        "today" => return Some(Day::Today),
        "tomorrow" | "tmrw" => return Some(Day::Tomorrow),
        _ => {}
    }
    if let Ok(date) = NaiveDate::parse_from_str(word, "%Y-%m-%d") {
        return Some(Day::Date(date));
    }
    // `mon`, `monday`, `tues`: never a shorter word, and never another word that begins alike.
    let weekdays = [
        ("monday", Weekday::Mon),
        ("tuesday", Weekday::Tue),
        ("wednesday", Weekday::Wed),
        ("thursday", Weekday::Thu),
        ("friday", Weekday::Fri),
        ("saturday", Weekday::Sat),
        ("sunday", Weekday::Sun),
    ];
    let found = weekdays
        .iter()
        .find(|(name, _)| 2 < word.len() && name.starts_with(word));
    found.map(|(_, weekday)| Day::On(*weekday))
}

/// A time of day, or none inside for one that no clock shows: `22:00`, `9:30`, `9am`, `12:15pm`.
#[expect(
    clippy::option_option,
    reason = "no time at all is something else than a time that no clock shows"
)]
fn time_of_day(word: &str) -> Option<Option<NaiveTime>> {
    let (figures, half) = match word {
        word if word.ends_with("am") => (&word[..word.len() - 2], Some(0)),
        word if word.ends_with("pm") => (&word[..word.len() - 2], Some(12)),
        word => (word, None),
    };
    let (hour, minute) = match figures.split_once(':') {
        Some((hour, minute)) if minute.len() == 2 => (hour, minute),
        None if half.is_some() => (figures, "0"),
        _ => return None,
    };
    let digits = |text: &str| {
        let fits = (1..=2).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit());
        text.parse::<u32>().ok().filter(|_| fits)
    };
    let (hour, minute) = (digits(hour)?, digits(minute)?);
    Some(match half {
        None => NaiveTime::from_hms_opt(hour, minute, 0),
        Some(half) if (1..=12).contains(&hour) => {
            NaiveTime::from_hms_opt(hour % 12 + half, minute, 0)
        }
        Some(_) => None,
    })
}

/// As it would be typed.
impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::In(span) => write!(f, "in {span}"),
            Self::At { day, time } => {
                f.write_str("from ")?;
                match day {
                    None => {}
                    Some(Day::Today) => f.write_str("today ")?,
                    Some(Day::Tomorrow) => f.write_str("tomorrow ")?,
                    Some(Day::On(weekday)) => write!(f, "{} ", weekday.to_string().to_lowercase())?,
                    Some(Day::Date(date)) => write!(f, "{date} ")?,
                }
                write!(f, "{}", time.format("%H:%M"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str, now: &str, zone: Tz) -> Result<String, Passed> {
        let now = DateTime::parse_from_rfc3339(now).unwrap().to_utc();
        let words = words::split(text);
        let Some((Reading::Then(when), count)) = read(&words) else {
            panic!("“{text}” is no time");
        };
        assert_eq!(count, words.len(), "{text}");
        let shown = when.to_string();
        let again = words::split(shown.trim_start_matches("from "));
        assert_eq!(read(&again), Some((Reading::Then(when), again.len())));
        when.resolve(now, zone)
            .map(|at| at.with_timezone(&zone).format("%a %F %R %Z").to_string())
    }

    #[test]
    fn times_are_those_of_the_person() {
        // A Monday, ten in Berlin.
        let now = "2026-11-23T09:00:00Z";
        for (text, expected) in [
            ("22:00", "Mon 2026-11-23 22:00 CET"),
            ("9:59", "Tue 2026-11-24 09:59 CET"),
            ("10:00", "Tue 2026-11-24 10:00 CET"),
            ("10pm", "Mon 2026-11-23 22:00 CET"),
            ("12:15am", "Tue 2026-11-24 00:15 CET"),
            ("12pm", "Mon 2026-11-23 12:00 CET"),
            ("today 11:00", "Mon 2026-11-23 11:00 CET"),
            ("tomorrow 9:00", "Tue 2026-11-24 09:00 CET"),
            ("tomorrow at 9:00", "Tue 2026-11-24 09:00 CET"),
            ("9:00 tomorrow", "Tue 2026-11-24 09:00 CET"),
            ("mon 11:00", "Mon 2026-11-23 11:00 CET"),
            ("mon 09:00", "Mon 2026-11-30 09:00 CET"),
            ("Friday 09:00", "Fri 2026-11-27 09:00 CET"),
            ("2026-12-01 09:00", "Tue 2026-12-01 09:00 CET"),
            ("2026-12-01T09:00", "Tue 2026-12-01 09:00 CET"),
        ] {
            let found = moment(text, now, Tz::Europe__Berlin);
            assert_eq!(found.as_deref(), Ok(expected), "{text}");
        }
        for text in ["today 9:00", "2026-11-22 09:00"] {
            assert_eq!(moment(text, now, Tz::Europe__Berlin), Err(Passed), "{text}");
        }
    }

    #[test]
    fn clocks_that_are_put_forward_or_back_are_followed() {
        let spring = "2026-03-28T20:00:00Z";
        let found = moment("02:30", spring, Tz::Europe__Berlin);
        assert_eq!(found.as_deref(), Ok("Sun 2026-03-29 03:00 CEST"));
        // Half past two comes twice; the first one is meant while it lies ahead.
        for (now, expected) in [
            ("2026-10-24T20:00:00Z", "Sun 2026-10-25 02:30 CEST"),
            ("2026-10-25T00:45:00Z", "Sun 2026-10-25 02:30 CET"),
        ] {
            let found = moment("02:30", now, Tz::Europe__Berlin);
            assert_eq!(found.as_deref(), Ok(expected), "{now}");
        }
    }

    #[test]
    fn what_is_no_time_is_left_alone_or_told() {
        for (text, expected) in [
            ("now", Some((Reading::Now, 1))),
            ("25:00", Some((Reading::Unclear, 1))),
            ("13pm", Some((Reading::Unclear, 1))),
            ("22h30", Some((Reading::Unclear, 1))),
            ("tomorrow", Some((Reading::NoTime, 1))),
            ("2h", None),
            ("the incident", None),
            ("money", None),
            ("22:0", Some((Reading::Unclear, 1))),
            ("", None),
        ] {
            assert_eq!(read(&words::split(text)), expected, "{text}");
        }
    }
}
