//! Hours of the day, such as `22:00-07:00`, on the clock of a zone.

use std::fmt;

use chrono::{
    DateTime, Days, LocalResult, NaiveDate, NaiveTime, TimeDelta, TimeZone, Timelike, Utc,
};
use chrono_tz::Tz;

const DAY: u32 = 24 * 60;

/// From one time of the day to another; to the next day where the second comes before the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Hours {
    /// Minutes after midnight.
    from: u32,
    /// Minutes after midnight, up to 24:00.
    to: u32,
}

/// Why a text is no hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HoursFault {
    /// It does not look like any.
    Form,
    /// Both ends are the same.
    Empty,
}

impl Hours {
    /// Reads `08:00-18:00`. `24:00` may be the end.
    pub(super) fn parse(text: &str) -> Result<Self, HoursFault> {
        let (from, to) = text.split_once('-').ok_or(HoursFault::Form)?;
        let from = minutes(from.trim()).filter(|minutes| *minutes < DAY);
        let (from, to) = from.zip(minutes(to.trim())).ok_or(HoursFault::Form)?;
        if from == to || (from, to) == (0, DAY) {
            return Err(HoursFault::Empty);
        }
        Ok(Self { from, to })
    }

    /// When they begin and end, in minutes after midnight.
    pub(super) fn ends(self) -> [u32; 2] {
        [self.from, self.to]
    }

    /// Whether a moment lies in them. The end does not belong to them.
    pub(super) fn cover(self, at: DateTime<Utc>, zone: Tz) -> bool {
        let local = at.with_timezone(&zone);
        let minute = local.hour() * 60 + local.minute();
        if self.from < self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }

    /// Whether all of the other hours lie in them.
    pub(super) fn contain(self, other: Self) -> bool {
        let minutes = |from: u32, to: u32| (to + DAY - from) % DAY;
        let begin = minutes(self.from, other.from);
        begin + minutes(other.from, other.to) <= minutes(self.from, self.to)
    }

    /// Every stretch of them that touches the time from `since` to `until`, each from its beginning
    /// to its end.
    pub(super) fn windows(
        self,
        zone: Tz,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
        let first = since.with_timezone(&zone).date_naive();
        // A stretch that began the day before may go on.
        let first = first.pred_opt().unwrap_or(first);
        let days = first
            .iter_days()
            .take_while(|day| moment(zone, *day, 0, false).is_none_or(|begin| begin < until));
        days.filter_map(|day| self.on(zone, day))
            .filter(|(from, to)| *from < until && *to > since)
            .collect()
    }

    fn on(self, zone: Tz, day: NaiveDate) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let last = if self.to <= self.from {
            day.checked_add_days(Days::new(1))?
        } else {
            day
        };
        let from = moment(zone, day, self.from, false)?;
        Some((from, moment(zone, last, self.to, true)?)).filter(|(from, to)| from < to)
    }
}

/// That time of that day. Where clocks are set back it comes twice, and the wider stretch counts;
/// where they are set forward it may never come, and the moment of the change counts.
fn moment(zone: Tz, day: NaiveDate, minutes: u32, last: bool) -> Option<DateTime<Utc>> {
    let midnight = day.and_time(NaiveTime::MIN);
    let local = midnight.checked_add_signed(TimeDelta::minutes(i64::from(minutes)))?;
    let found = match zone.from_local_datetime(&local) {
        LocalResult::Single(at) => at,
        LocalResult::Ambiguous(early, late) => {
            if last {
                late
            } else {
                early
            }
        }
        LocalResult::None => {
            // The first minute that there is: zones skip a day at the most.
            let later = (1..=i64::from(DAY)).filter_map(|minute| {
                zone.from_local_datetime(&(local + TimeDelta::minutes(minute)))
                    .earliest()
            });
            later.into_iter().next()?
        }
    };
    Some(found.to_utc())
}

fn minutes(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str| -> Option<u32> {
        let fits = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| fits)
    };
    let (hour, minute) = (number(hour)?, number(minute).filter(|_| minute.len() == 2)?);
    Some(hour * 60 + minute).filter(|at| minute < 60 && *at <= DAY)
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.from, self.to);
        write!(f, "{:02}:{:02}-", from / 60, from % 60)?;
        write!(f, "{:02}:{:02}", to / 60, to % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn hours_are_read_and_shown() {
        for text in ["08:00-18:00", "22:00-07:00", "00:30-24:00"] {
            assert_eq!(Hours::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            Hours::parse("8:00 - 18:30").unwrap().to_string(),
            "08:00-18:30"
        );
        for text in [
            "",
            "8-18",
            "08:00",
            "25:00-26:00",
            "08:60-09:00",
            "24:00-08:00",
            "a:00-b:00",
        ] {
            assert_eq!(Hours::parse(text), Err(HoursFault::Form), "{text}");
        }
        for text in ["08:00-08:00", "00:00-24:00"] {
            assert_eq!(Hours::parse(text), Err(HoursFault::Empty), "{text}");
        }
    }

    #[test]
    fn the_clock_of_the_zone_counts() {
        let day = Hours::parse("08:00-18:00").unwrap();
        let zone = chrono_tz::Europe::Berlin;
        assert!(day.cover(at("2026-11-23T07:00:00Z"), zone));
        assert!(!day.cover(at("2026-11-23T06:59:59Z"), zone));
        assert!(
            !day.cover(at("2026-11-23T17:00:00Z"), zone),
            "the end does not belong to it"
        );
        let night = Hours::parse("22:00-07:00").unwrap();
        assert!(night.cover(at("2026-11-23T23:30:00Z"), zone));
        assert!(night.cover(at("2026-11-23T05:30:00Z"), zone));
        assert!(!night.cover(at("2026-11-23T12:00:00Z"), zone));
    }

    #[test]
    fn windows_touch_the_time_and_follow_the_clocks() {
        let zone = chrono_tz::Europe::Berlin;
        let night = Hours::parse("22:00-07:00").unwrap();
        let windows = |since: &str, until: &str| -> Vec<String> {
            (night.windows(zone, at(since), at(until)).iter())
                .map(|(from, to)| format!("{} {}", from.format("%d %H:%M"), to.format("%d %H:%M")))
                .collect()
        };
        assert_eq!(
            windows("2026-11-23T02:00:00Z", "2026-11-23T22:00:00Z"),
            ["22 21:00 23 06:00", "23 21:00 24 06:00"]
        );
        assert_eq!(
            windows("2026-11-23T06:00:00Z", "2026-11-23T21:00:00Z"),
            [""; 0]
        );
        // Clocks are set forward on 2027-03-28 and back on 2026-10-25.
        assert_eq!(
            windows("2027-03-28T00:00:00Z", "2027-03-28T01:00:00Z"),
            ["27 21:00 28 05:00"]
        );
        assert_eq!(
            windows("2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"),
            ["24 20:00 25 06:00"]
        );
    }

    #[test]
    fn a_time_that_never_comes_or_comes_twice_is_still_a_stretch() {
        let zone = chrono_tz::Europe::Berlin;
        let gap = Hours::parse("02:30-02:45").unwrap();
        let (since, until) = (at("2027-03-27T23:00:00Z"), at("2027-03-28T22:00:00Z"));
        assert_eq!(
            gap.windows(zone, since, until),
            [],
            "it has no length that day"
        );
        let early = Hours::parse("02:30-04:00").unwrap();
        assert_eq!(
            early.windows(zone, since, until),
            [(at("2027-03-28T01:00:00Z"), at("2027-03-28T02:00:00Z"))]
        );
        let twice = Hours::parse("02:00-02:30").unwrap();
        assert_eq!(
            twice.windows(zone, at("2026-10-24T22:00:00Z"), at("2026-10-25T22:00:00Z")),
            [(at("2026-10-25T00:00:00Z"), at("2026-10-25T01:30:00Z"))]
        );
    }
}
