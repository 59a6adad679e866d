//! The moments that stand for all moments.

use std::collections::BTreeSet;

use chrono::{
    DateTime, Datelike, Days, NaiveDate, NaiveTime, Offset, TimeDelta, TimeZone, Timelike, Utc,
    Weekday,
};
use chrono_tz::Tz;

use super::Named;

const DAY: u32 = 24 * 60;

/// So many days hold a day of each kind.
const FAR: u32 = 60;

/// A day, as far as it can make a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::policy) enum Day {
    /// Any day: they are all alike.
    Any,
    /// A weekday, Monday is 0.
    Week(u32),
    /// One day of the calendar.
    Date(NaiveDate),
    /// One moment only.
    Moment,
}

/// A moment, and the stretch of the day that it stands for, in minutes after midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) struct Moment {
    pub(in crate::policy) at: DateTime<Utc>,
    pub(in crate::policy) day: Day,
    pub(in crate::policy) from: u32,
    pub(in crate::policy) to: u32,
}

/// The moments at which an answer can change. Times of the day are those of the last zone.
pub(in crate::policy) fn moments(
    named: &Named,
    zones: &[Tz],
    holidays: &BTreeSet<NaiveDate>,
) -> Vec<Moment> {
    let shown = zones.last().copied().unwrap_or(Tz::UTC);
    let monday = plain_week(holidays);
    let mut found = Vec::new();
    for (day, date) in days(named, zones, holidays, monday) {
        if !zones.iter().all(|zone| is_even(*zone, date)) {
            let always = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
            found.extend(uneven(named, zones, date, always));
            continue;
        }
        let starts = starts(named, zones, shown, date);
        for (index, &from) in starts.iter().enumerate() {
            let to = starts.get(index + 1).copied().unwrap_or(DAY);
            // A day without any difference is best shown by its morning.
            let minute = if starts.len() == 1 { 10 * 60 } else { from };
            if let Some(at) = moment(shown, date, minute) {
                found.push(Moment { at, day, from, to });
            }
        }
    }
    found.extend((named.boundaries.moments.iter()).map(|at| single(*at, Day::Moment, shown)));
    found.extend(between(named, zones, holidays));
    let mut seen = BTreeSet::new();
    found.retain(|moment| seen.insert(moment.at));
    found
}

/// A moment that stands for itself.
fn single(at: DateTime<Utc>, day: Day, shown: Tz) -> Moment {
    let minute = at.with_timezone(&shown);
    let from = minute.hour() * 60 + minute.minute();
    Moment {
        at,
        day,
        from,
        to: from,
    }
}

/// Where moments are named, or dates besides holidays: in each stretch from one to the next, every
/// part of every kind of day that lies in it.
fn between(named: &Named, zones: &[Tz], holidays: &BTreeSet<NaiveDate>) -> Vec<Moment> {
    let clock = &named.boundaries.clock;
    let mut cuts = named.boundaries.moments.clone();
    if !cuts.is_empty() || clock.holiday {
        let midnight = |date: &NaiveDate| {
            let dates = [Some(*date), date.succ_opt()].into_iter().flatten();
            dates.flat_map(|date| zones.iter().filter_map(move |zone| moment(*zone, date, 0)))
        };
        cuts.extend(clock.dates.iter().flat_map(midnight));
    }
    let (Some(first), Some(last)) = (cuts.first().copied(), cuts.last().copied()) else {
        return Vec::new();
    };
    let far = TimeDelta::days(i64::from(FAR));
    cuts.extend(first.checked_sub_signed(far));
    cuts.extend(last.checked_add_signed(far));
    let cuts: Vec<DateTime<Utc>> = cuts.into_iter().collect();
    let pairs = cuts.windows(2);
    pairs
        .flat_map(|pair| within(named, zones, holidays, (pair[0], pair[1])))
        .collect()
}

/// Every part of every kind of day in a stretch of time.
fn within(
    named: &Named,
    zones: &[Tz],
    holidays: &BTreeSet<NaiveDate>,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Vec<Moment> {
    let shown = zones.last().copied().unwrap_or(Tz::UTC);
    let [first, last] = [from, until].map(|at| at.with_timezone(&shown).date_naive());
    let mut days: BTreeSet<NaiveDate> = first.iter_days().take(FAR as usize).collect();
    days.extend(last.pred_opt());
    days.insert(last);
    days.extend(holidays);
    let is_holiday = |day: &NaiveDate| named.boundaries.clock.holiday && holidays.contains(day);
    let by_week = by_week(named, zones);
    let mut kinds = BTreeSet::new();
    let mut found = Vec::new();
    for day in days.range(first..=last) {
        let weekday = by_week.then(|| day.weekday().num_days_from_monday());
        // Of days that are cut off, or on which a clock changes, each is of a kind of its own.
        let is_plain = *day != first && *day != last;
        if zones.iter().any(|zone| !is_even(*zone, *day)) {
            found.extend(uneven(named, zones, *day, (from, until)));
        } else if !is_plain || kinds.insert((weekday, is_holiday(day))) {
            found.extend(parts(named, zones, *day, (from, until)));
        }
    }
    found
}

/// Whether a day has 24 hours.
fn is_even(zone: Tz, day: NaiveDate) -> bool {
    let next = day.succ_opt().and_then(|next| moment(zone, next, 0));
    let length = moment(zone, day, 0).zip(next).map(|(from, to)| to - from);
    length == Some(TimeDelta::days(1))
}

/// The parts of a day, as far as they lie in a stretch of time.
fn parts(
    named: &Named,
    zones: &[Tz],
    date: NaiveDate,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Vec<Moment> {
    let shown = zones.last().copied().unwrap_or(Tz::UTC);
    let starts = starts(named, zones, shown, date);
    let next = date.succ_opt().and_then(|next| moment(shown, next, 0));
    let mut found = Vec::new();
    for (index, &start) in starts.iter().enumerate() {
        let to = starts.get(index + 1).copied().unwrap_or(DAY);
        let Some(begin) = moment(shown, date, start) else {
            continue;
        };
        let end = moment(shown, date, to).or(next).unwrap_or(until);
        let at = begin.max(from);
        if at < end.min(until) {
            let part = single(at, Day::Date(date), shown);
            found.push(Moment { to, ..part });
        }
    }
    found
}

/// The parts of a day on which a clock changes: an hour may come twice, or not at all.
fn uneven(
    named: &Named,
    zones: &[Tz],
    date: NaiveDate,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Vec<Moment> {
    let shown = zones.last().copied().unwrap_or(Tz::UTC);
    let next = date.succ_opt().and_then(|next| moment(shown, next, 0));
    let (Some(begin), Some(end)) = (moment(shown, date, 0), next) else {
        return Vec::new();
    };
    let (begin, end) = (begin.max(from), end.min(until));
    let written = written(named);
    let mut all = BTreeSet::from([begin]);
    for zone in zones {
        // Of another zone the days before and after may reach into this one.
        for day in [date.pred_opt(), Some(date), date.succ_opt()] {
            let minutes = day
                .into_iter()
                .flat_map(|day| written.iter().map(move |at| (day, *at)));
            all.extend(minutes.flat_map(|(day, minute)| instants(*zone, day, minute)));
        }
        all.extend(change(*zone, (begin, end)));
    }
    let all: Vec<DateTime<Utc>> = all.range(begin..).copied().collect();
    let all: Vec<DateTime<Utc>> = all.into_iter().take_while(|at| *at < end).collect();
    let ends = all.iter().skip(1).copied().chain([end]);
    let part = |(at, end): (&DateTime<Utc>, DateTime<Utc>)| {
        let part = single(*at, Day::Date(date), shown);
        let length = u32::try_from((end - *at).num_minutes()).unwrap_or(DAY);
        Moment {
            to: part.from.saturating_add(length).min(DAY),
            ..part
        }
    };
    all.iter().zip(ends).map(part).collect()
}

/// When a clock changes in a stretch of time of about a day.
fn change(zone: Tz, (begin, end): (DateTime<Utc>, DateTime<Utc>)) -> Option<DateTime<Utc>> {
    let offset = |second: i64| {
        let at = DateTime::from_timestamp(second, 0)?;
        Some(zone.offset_from_utc_datetime(&at.naive_utc()).fix())
    };
    let (mut before, mut after) = (begin.timestamp(), end.timestamp());
    if offset(before) == offset(after) {
        return None;
    }
    while after - before > 1 {
        let middle = before.midpoint(after);
        if offset(middle) == offset(before) {
            before = middle;
        } else {
            after = middle;
        }
    }
    DateTime::from_timestamp(after, 0)
}

/// The Monday of a week in which no clock changes and nobody has a holiday.
fn plain_week(holidays: &BTreeSet<NaiveDate>) -> NaiveDate {
    let first = NaiveDate::from_ymd_opt(2026, 1, 12).unwrap_or_default();
    let mondays = first.iter_weeks().take(520);
    let is_plain =
        |monday: &NaiveDate| !(monday.iter_days().take(8)).any(|day| holidays.contains(&day));
    // Later in the year some zone may change its clocks; January and February are quiet.
    let mut quiet = mondays.filter(|monday| monday.month() < 3);
    quiet.find(is_plain).unwrap_or(first)
}

/// The times of the day at which a stretch begins, midnight included.
fn starts(named: &Named, zones: &[Tz], shown: Tz, date: NaiveDate) -> Vec<u32> {
    let written = written(named);
    let mut all = BTreeSet::from([0]);
    for zone in zones {
        all.extend(written.iter().filter_map(|minute| {
            let there = moment(*zone, date, *minute)?.with_timezone(&shown);
            Some(there.hour() * 60 + there.minute())
        }));
    }
    all.into_iter().collect()
}

/// The times of the day that are named, in minutes after midnight.
fn written(named: &Named) -> BTreeSet<u32> {
    let clock = &named.boundaries.clock;
    let mut written: BTreeSet<u32> = named.minutes.iter().map(|minute| minute % DAY).collect();
    if clock.minutes.is_empty() {
        written.extend(clock.hours.iter().map(|hour| hour * 60));
    } else {
        for hour in 0..24 {
            written.insert(hour * 60);
            written.extend(clock.minutes.iter().map(|minute| hour * 60 + minute));
        }
    }
    written
}

/// Whether the day of the week counts.
fn by_week(named: &Named, zones: &[Tz]) -> bool {
    let clock = &named.boundaries.clock;
    let differ = zones.iter().any(|zone| Some(zone) != zones.first());
    named.weekdays || clock.weekday || clock.weekend || differ
}

/// The days that can make a difference, each with a date.
fn days(
    named: &Named,
    zones: &[Tz],
    holidays: &BTreeSet<NaiveDate>,
    monday: NaiveDate,
) -> Vec<(Day, NaiveDate)> {
    let clock = &named.boundaries.clock;
    let by_week = by_week(named, zones);
    let mut dates: BTreeSet<NaiveDate> = clock.dates.clone();
    if by_week {
        // Each side of a date has all days of the week.
        let week = |date: &NaiveDate| {
            let first = date.checked_sub_days(Days::new(8)).unwrap_or(*date);
            first.iter_days().take(17)
        };
        dates.extend(clock.dates.iter().flat_map(week));
    }
    if clock.holiday {
        dates.extend(holidays);
    }
    let mut all: Vec<(Day, NaiveDate)> = if by_week {
        let week = monday.iter_days().take(7);
        week.map(|date| (Day::Week(date.weekday().num_days_from_monday()), date))
            .collect()
    } else {
        let wednesday = monday.iter_days().find(|day| day.weekday() == Weekday::Wed);
        vec![(Day::Any, wednesday.unwrap_or(monday))]
    };
    all.extend(dates.into_iter().map(|date| (Day::Date(date), date)));
    all
}

/// The first moment of a local time; where a clock passes over it, the first one after that.
fn moment(zone: Tz, date: NaiveDate, minute: u32) -> Option<DateTime<Utc>> {
    instants(zone, date, minute).next()
}

/// Every moment of a local time: an hour may come twice.
fn instants(zone: Tz, date: NaiveDate, minute: u32) -> impl Iterator<Item = DateTime<Utc>> {
    let local = date.and_time(NaiveTime::MIN) + TimeDelta::minutes(i64::from(minute));
    // No clock passes over more than a day.
    let later = (0..=DAY).map(|minutes| local + TimeDelta::minutes(i64::from(minutes)));
    let mut found = later.map(|local| zone.from_local_datetime(&local));
    let found = found.find(|found| found.earliest().is_some());
    let both = found.map(|found| [found.earliest(), found.latest()]);
    let both = both.into_iter().flatten().flatten();
    both.map(|at| at.to_utc())
}

/// Parts of a day, in minutes after midnight.
type Stretches = Vec<(u32, u32)>;

/// The moments in words: empty where they are all.
pub(in crate::policy) fn words(moments: &[Moment], indexes: &[usize]) -> String {
    if indexes.len() == moments.len() {
        return String::new();
    }
    let mut days: Vec<(Day, Vec<(u32, u32)>)> = Vec::new();
    for moment in indexes.iter().filter_map(|index| moments.get(*index)) {
        match days.last_mut() {
            Some((day, times)) if *day == moment.day && *day != Day::Moment => {
                match times.last_mut() {
                    Some((_, to)) if *to == moment.from => *to = moment.to,
                    _ => times.push((moment.from, moment.to)),
                }
            }
            _ => days.push((moment.day, vec![(moment.from, moment.to)])),
        }
    }
    let mut together: Vec<(Vec<Day>, Stretches)> = Vec::new();
    for (day, times) in days {
        match together.iter_mut().find(|(_, same)| *same == times) {
            Some((days, _)) => days.push(day),
            None => together.push((vec![day], times)),
        }
    }
    let all: Vec<Day> = moments.iter().map(|moment| moment.day).collect();
    let words = together.iter().map(|(days, times)| one(days, times, &all));
    words.collect::<Vec<_>>().join("; ")
}

fn one(days: &[Day], times: &[(u32, u32)], all: &[Day]) -> String {
    let hours = if times == [(0, DAY)] {
        String::new()
    } else {
        let times = around_midnight(times);
        let clock = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
        let stretches = times
            .iter()
            .map(|(from, to)| format!("{}–{}", clock(*from), clock(*to)));
        stretches.collect::<Vec<_>>().join(" and ")
    };
    let every = all.iter().all(|day| days.contains(day));
    let days = if every {
        String::new()
    } else {
        day_words(days)
    };
    let parts = [days, hours];
    let parts: Vec<&str> = parts
        .iter()
        .map(String::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    parts.join(" ")
}

/// A night that is cut by midnight reads better in one piece.
fn around_midnight(times: &[(u32, u32)]) -> Vec<(u32, u32)> {
    match times {
        [(0, morning), between @ .., (evening, DAY)] => {
            let night = std::iter::once((*evening, *morning));
            between.iter().copied().chain(night).collect()
        }
        other => other.to_vec(),
    }
}

fn day_words(days: &[Day]) -> String {
    const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let name = |day: usize| NAMES.get(day).copied().unwrap_or_default();
    let mut week: Vec<usize> = Vec::new();
    let mut words: Vec<String> = Vec::new();
    for day in days {
        match day {
            Day::Week(day) => week.push(*day as usize),
            Day::Date(date) => words.push(date.to_string()),
            Day::Moment => words.push("at one moment".to_owned()),
            Day::Any => words.push("most days".to_owned()),
        }
    }
    if words.len() > 4 {
        let more = words.len() - 3;
        words.truncate(3);
        words.push(format!("{more} more days"));
    }
    let runs = super::lengths::runs(&week);
    let runs = runs.into_iter().map(|(first, last)| match last - first {
        0 => name(first).to_owned(),
        1 => format!("{}, {}", name(first), name(last)),
        _ => format!("{}–{}", name(first), name(last)),
    });
    let all: Vec<String> = runs.chain(words).collect();
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(minutes: &[u32], weekdays: bool) -> Named {
        Named {
            minutes: minutes.iter().copied().collect(),
            weekdays,
            ..Named::default()
        }
    }

    fn indexes(moments: &[Moment], at: impl Fn(&Moment) -> bool) -> Vec<usize> {
        (0..moments.len())
            .filter(|index| at(&moments[*index]))
            .collect()
    }

    #[test]
    fn one_moment_stands_for_all_where_nothing_is_named() {
        let moments = moments(&Named::default(), &[Tz::UTC], &BTreeSet::new());
        assert_eq!(moments.len(), 1);
        assert_eq!(words(&moments, &[0]), "");
    }

    #[test]
    fn working_hours_read_like_working_hours() {
        let moments = moments(
            &named(&[480, 1080], true),
            &[Tz::Europe__Berlin],
            &BTreeSet::new(),
        );
        assert_eq!(moments.len(), 21);
        let work = indexes(&moments, |at| {
            at.from == 480 && matches!(at.day, Day::Week(day) if day < 5)
        });
        assert_eq!(words(&moments, &work), "Mon–Fri 08:00–18:00");
        let rest = indexes(&moments, |at| {
            at.from != 480 || matches!(at.day, Day::Week(day) if day >= 5)
        });
        assert_eq!(words(&moments, &rest), "Mon–Fri 18:00–08:00; Sat, Sun");
        assert_eq!(moments[0].at.to_rfc3339(), "2026-01-11T23:00:00+00:00");
    }

    #[test]
    fn beyond_a_named_moment_there_is_every_hour_of_every_day() {
        let mut named = named(&[180, 240], true);
        let new_year: DateTime<Utc> = "2027-01-01T00:00:00Z".parse().unwrap();
        named.boundaries.moments.insert(new_year);
        let moments = moments(&named, &[Tz::Europe__Berlin], &BTreeSet::new());
        for after in [false, true] {
            for weekday in 0..7 {
                for minute in [0, 180, 240] {
                    let is_there = moments.iter().any(|moment| {
                        let local = moment.at.with_timezone(&Tz::Europe__Berlin);
                        (moment.at >= new_year) == after
                            && local.weekday().num_days_from_monday() == weekday
                            && local.hour() * 60 + local.minute() == minute
                    });
                    assert!(is_there, "{after} {weekday} {minute}");
                }
            }
        }
    }

    #[test]
    fn after_a_date_there_are_days_that_are_no_holidays() {
        let date = |day| NaiveDate::from_ymd_opt(2026, 12, day).unwrap();
        let mut named = Named::default();
        named.boundaries.clock.holiday = true;
        named.boundaries.clock.dates = [date(23), date(24), date(25)].into();
        let holidays = BTreeSet::from([date(25), date(26)]);
        let moments = moments(&named, &[Tz::UTC], &holidays);
        let days: BTreeSet<NaiveDate> = moments.iter().map(|at| at.at.date_naive()).collect();
        assert!(
            days.contains(&date(26)) && days.contains(&date(27)),
            "{days:?}"
        );
    }

    #[test]
    fn a_change_of_zone_shifts_the_hours() {
        let zones = [Tz::UTC, Tz::Europe__Berlin];
        let moments = moments(&named(&[480], false), &zones, &BTreeSet::new());
        let starts: BTreeSet<u32> = moments.iter().map(|at| at.from).collect();
        assert_eq!(starts, [0, 480, 540].into());
    }
}
