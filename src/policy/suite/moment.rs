//! Moments as people write them: `2027-03-01T12:00:00Z`, `2027-03-01 12:00`, `mon 22:30`, `22:30`,
//! `in 2h`.

use chrono::{
    DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc,
    Weekday,
};
use chrono_tz::Tz;

use crate::domain::Span;

/// A moment, not yet held against a zone and a beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// That instant.
    At(DateTime<Utc>),
    /// What the clock on the wall shows.
    Local(NaiveDateTime),
    /// The next time that it is this late, on that day of the week where one is named.
    Next(Option<Weekday>, NaiveTime),
    /// That long after the beginning.
    In(Span),
}

impl Moment {
    /// How it may be written, for hints.
    pub const FORMS: &str = "write 2027-03-01T12:00:00Z, or in the policy's time zone \
                             \"2027-03-01 12:00\", \"mon 22:30\" or \"22:30\"";

    /// Reads a moment; none when it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
            return Some(Self::At(instant.with_timezone(&Utc)));
        }
        if let Some(span) = text.strip_prefix("in ") {
            return Span::parse(span).ok().map(Self::In);
        }
        for form in [
            "%Y-%m-%d %H:%M",
            "%Y-%m-%d %H:%M:%S",
            "%Y-%m-%dT%H:%M",
            "%Y-%m-%dT%H:%M:%S",
        ] {
            if let Ok(local) = NaiveDateTime::parse_from_str(text, form) {
                return Some(Self::Local(local));
            }
        }
        if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Some(Self::Local(date.and_time(NaiveTime::MIN)));
        }
        match text.split_once(' ') {
            Some((day, time)) => {
                let day = day.to_lowercase().parse().ok()?;
                Some(Self::Next(Some(day), clock(time.trim())?))
            }
            None => Some(Self::Next(None, clock(text)?)),
        }
    }

    /// The instant that is meant in that zone, counted from `after`: the first one at or after it
    /// for a time of day, with or without a day of the week. A time that the clock leaps over is
    /// the first one behind the gap; of a time that comes twice it is the first.
    pub fn resolve(self, zone: Tz, after: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(instant) => instant,
            Self::In(span) => after + TimeDelta::from(span),
            Self::Local(local) => instant(zone, local),
            Self::Next(day, time) => {
                let today = after.with_timezone(&zone).date_naive();
                let days = (0..=7).filter_map(|days| today.checked_add_days(Days::new(days)));
                let fitting = days.filter(|date| day.is_none_or(|day| date.weekday() == day));
                let mut instants = fitting.map(|date| instant(zone, date.and_time(time)));
                instants.find(|instant| *instant >= after).unwrap_or(after)
            }
        }
    }
}

fn clock(text: &str) -> Option<NaiveTime> {
    NaiveTime::parse_from_str(text, "%H:%M").ok()
}

/// The instant at which a clock in that zone shows this.
fn instant(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    let later = (0..=4).map(|half_hours| local + TimeDelta::minutes(30 * half_hours));
    let mut found = later.filter_map(|local| zone.from_local_datetime(&local).earliest());
    let found = found.next().map(|instant| instant.with_timezone(&Utc));
    found.unwrap_or_else(|| local.and_utc())
}

/// The Monday whose week cases stand in that name a day of the week only: nothing special falls
/// into it.
const MONDAY: Option<NaiveDate> = NaiveDate::from_ymd_opt(2027, 3, 1);

/// When cases happen that say nothing: Monday at noon, the first of March 2027, in that zone.
pub(super) fn monday(zone: Tz, hour: u32) -> DateTime<Utc> {
    let local = MONDAY.and_then(|date| date.and_hms_opt(hour, 0, 0));
    instant(zone, local.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_may_be_written_in_many_ways() {
        let zone: Tz = "Europe/Berlin".parse().unwrap();
        let after = monday(zone, 0);
        for (text, meant) in [
            ("2027-03-01T12:00:00Z", "2027-03-01T12:00:00+00:00"),
            ("2027-03-01T12:00:00+05:30", "2027-03-01T06:30:00+00:00"),
            ("2027-07-01 12:00", "2027-07-01T10:00:00+00:00"),
            ("2027-07-01", "2027-06-30T22:00:00+00:00"),
            ("mon 22:30", "2027-03-01T21:30:00+00:00"),
            ("Sunday 03:00", "2027-03-07T02:00:00+00:00"),
            ("00:00", "2027-02-28T23:00:00+00:00"),
            ("in 90m", "2027-03-01T00:30:00+00:00"),
            // Clocks leap from two to three, and go from three back to two.
            ("2027-03-28 02:30", "2027-03-28T01:00:00+00:00"),
            ("2027-10-31 02:30", "2027-10-31T00:30:00+00:00"),
        ] {
            let moment = Moment::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(moment.resolve(zone, after).to_rfc3339(), meant, "{text}");
        }
        for text in [
            "",
            "noon",
            "25:00",
            "mon",
            "someday 12:00",
            "2027-02-30",
            "in",
            "1h",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_of_day_is_the_next_one() {
        let after = monday(Tz::UTC, 12);
        let at = |text: &str| {
            Moment::parse(text)
                .unwrap()
                .resolve(Tz::UTC, after)
                .to_rfc3339()
        };
        assert_eq!(at("12:00"), "2027-03-01T12:00:00+00:00");
        assert_eq!(at("11:59"), "2027-03-02T11:59:00+00:00");
        assert_eq!(at("mon 11:59"), "2027-03-08T11:59:00+00:00");
    }
}
