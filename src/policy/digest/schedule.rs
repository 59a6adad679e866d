//! When a digest is due: a cron expression of five fields, read in a zone.
//!
//! What cron expressions mean differs from one system to the other where it matters: whether day of
//! month *and* weekday must fit or one of them, what becomes of a time that a change of the clocks
//! leaves out or brings twice. So that may not be written. Weekdays by number count as cron does it,
//! from Sunday as 0, which is 7 as well; they are put as names. The changes of the clocks are worked out here: a time that is left
//! out counts at the first moment after the gap, and one that comes twice counts the first time.

use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use croner::Cron;

use crate::policy::fault::{At, Finding, Log, Place};

/// Months as they may be written.
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
/// Days of the week as they are written, in the order of a week.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const WEEKDAY: &str = "weekday";
/// No change of the clocks leaves out more than a day, or brings more than a few hours twice.
const GAP_MINUTES: i64 = 24 * 60;
const TWICE: TimeDelta = TimeDelta::hours(4);
/// Steps of a search around a change of the clocks. A digest is hourly at the most.
const STEPS: usize = 64;

/// When a digest is due.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Schedule {
    text: String,
    cron: Cron,
}

impl Schedule {
    /// The expression as it is written.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The first moment after that one.
    pub(super) fn next_after(&self, after: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        // Local times run like those of UTC here, without gaps; what a zone makes of them comes after.
        let local = after.with_timezone(&zone).naive_local() - TWICE;
        let mut local = local.and_utc();
        for _ in 0..STEPS {
            local = self.cron.find_next_occurrence(&local, false).ok()?;
            if let Some(at) = moment(local.naive_utc(), zone).filter(|at| after < *at) {
                return Some(at);
            }
        }
        None
    }

    /// The last moment not after that one.
    pub(super) fn last_until(&self, now: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        let local = now.with_timezone(&zone).naive_local() + TWICE;
        let mut local = local.and_utc();
        for _ in 0..STEPS {
            local = self.cron.find_previous_occurrence(&local, false).ok()?;
            if let Some(at) = moment(local.naive_utc(), zone).filter(|at| *at <= now) {
                return Some(at);
            }
        }
        None
    }
}

/// The moment of a local time: the first one where it comes twice, and the end of the gap where it
/// does not come at all.
fn moment(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    let minutes = (0..=GAP_MINUTES).map(TimeDelta::minutes);
    let mut moments =
        minutes.filter_map(|later| zone.from_local_datetime(&(local + later)).earliest());
    moments.next().map(|at| at.to_utc())
}

/// A field of the expression: what it is called, what may stand in it, and what is written there.
struct Field<'a> {
    name: &'static str,
    /// The first and the last number; of weekdays, which cron counts otherwise, of their names.
    numbers: (u32, u32),
    words: &'static [&'static str],
    text: &'a str,
    at: Place,
}

/// Why a field cannot be read: what stands under the caret, and how to mend it.
type Wrong = (String, String);

/// Reads an expression, or says what is wrong with it.
pub(super) fn read(text: &At<String>, log: &Log) -> Option<At<Schedule>> {
    let before = log.len();
    let fields: Vec<(Place, &str)> = words(text);
    let [minute, hour, day, month, weekday] = fields[..] else {
        log.push(not_five(text, fields.len()));
        return None;
    };
    let field = |(at, text), name, numbers, words| Field {
        name,
        numbers,
        words,
        text,
        at,
    };
    let written = [
        field(minute, "minute", (0, 59), &[]),
        field(hour, "hour", (0, 23), &[]),
        field(day, "day of the month", (1, 31), &[]),
        field(month, "month", (1, 12), &MONTHS),
        field(weekday, WEEKDAY, (0, 6), &DAYS),
    ];
    let read: Vec<String> = written.iter().filter_map(|field| field.read(log)).collect();
    if let [.., day, _, weekday] = &written
        && day.text != "*"
        && weekday.text != "*"
    {
        log.push(both_days(day, weekday));
    }
    if log.len() == before && !is_one(written[0].text) {
        log.push(too_often(&written[0]));
    }
    if log.len() != before {
        return None;
    }
    built(text, &read.join(" "), log)
}

fn built(text: &At<String>, plain: &str, log: &Log) -> Option<At<Schedule>> {
    let schedule = Cron::from_str(plain).ok().map(|cron| Schedule {
        text: text.value.split_whitespace().collect::<Vec<_>>().join(" "),
        cron,
    });
    let comes = |schedule: &Schedule| schedule.next_after(DateTime::UNIX_EPOCH, Tz::UTC).is_some();
    if let Some(schedule) = schedule.filter(comes) {
        return Some(text.with(schedule));
    }
    let message = format!("`{}` never comes", text.value);
    let finding = Finding::new(text.at, message, "no such day");
    log.push(finding.hint("look at the day of the month and the month: 30 feb is no day"));
    None
}

/// The words of a text, each with its place.
fn words(text: &At<String>) -> Vec<(Place, &str)> {
    // Quotes around the text stand in the file and not in the value. Anything longer than that is
    // written in some other way, and only the whole can be pointed at.
    let quotes = text.at.len.checked_sub(text.value.len());
    let place = |word: &str| {
        let offset = word.as_ptr() as usize - text.value.as_ptr() as usize;
        match quotes {
            Some(quotes @ (0 | 2)) => Place {
                start: text.at.start + quotes / 2 + offset,
                len: word.len(),
                ..text.at
            },
            _ => text.at,
        }
    };
    let words = text.value.split_whitespace();
    words.map(|word| (place(word), word)).collect()
}

fn not_five(text: &At<String>, count: usize) -> Finding {
    let message = format!("`{}` is no schedule of five fields", text.value);
    let label = match count {
        1 => "one field".to_owned(),
        count => format!("{count} fields"),
    };
    let hint = if text.value.starts_with('@') {
        "there are no short forms here; daily at nine is `0 9 * * *`"
    } else if count == 6 {
        "there are no seconds here: leave the first field out. \
         The five are minute, hour, day of the month, month, weekday"
    } else {
        "the five are minute, hour, day of the month, month, weekday: \"0 9 * * mon-fri\""
    };
    Finding::new(text.at, message, label).hint(hint)
}

fn both_days(day: &Field<'_>, weekday: &Field<'_>) -> Finding {
    let message = "a schedule names days of the month or weekdays, not both";
    Finding::new(weekday.at, message, "weekdays")
        .and(day.at, "days of the month")
        .hint(
            "some systems send when either fits, others when both do; put `*` for one of them, or \
             write two digests",
        )
}

/// The place in a week of a day that is counted from Sunday.
fn from_monday(number: u32) -> u32 {
    (number + 6) % 7
}

/// Whether it is a single number.
fn is_one(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit())
}

fn too_often(minute: &Field<'_>) -> Finding {
    let message = "a digest is sent once an hour at the most";
    let finding = Finding::new(minute.at, message, "several minutes of an hour");
    finding.hint("name one minute: `0` is the full hour")
}

impl Field<'_> {
    /// The field with words and ranges written out, so that it cannot be read in two ways.
    fn read(&self, log: &Log) -> Option<String> {
        let parts = self.text.split(',').map(|part| self.part(part));
        let parts: Result<Vec<String>, Wrong> = parts.collect();
        match parts {
            Ok(parts) => Some(parts.join(",")),
            Err((label, hint)) => {
                let message = format!("`{}` is no {} of a schedule", self.text, self.name);
                log.push(Finding::new(self.at, message, label).hint(hint));
                None
            }
        }
    }

    /// One part between commas: `*`, a value, a range, any of them with a step.
    fn part(&self, part: &str) -> Result<String, Wrong> {
        if let Some(days) = self.numbered(part) {
            return Ok(days);
        }
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step)?)),
            None => (part, None),
        };
        let (first, last) = match (range, range.split_once('-')) {
            ("*", _) if step.is_none() => return Ok("*".to_owned()),
            ("*", _) => self.numbers,
            (_, Some((first, last))) => (self.value(first)?, self.value(last)?),
            (one, None) => (self.value(one)?, self.value(one)?),
        };
        if last < first {
            return Err((
                "from later to earlier".to_owned(),
                format!(
                    "write the two parts with a comma between, such as {}",
                    self.example()
                ),
            ));
        }
        if step.is_some() && first == last {
            return Err((
                "a step needs a range".to_owned(),
                "write `*/2`, or a range before the `/`".to_owned(),
            ));
        }
        let values = (first..=last).step_by(step.unwrap_or(1));
        let values: Vec<String> = values.map(|value| self.shown(value)).collect();
        Ok(values.join(","))
    }

    /// The names of weekdays by number. A range of them may begin with Sunday, or end with it.
    fn numbered(&self, part: &str) -> Option<String> {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (self.weekday(first)?, self.weekday(last)?);
        let days = (first..=last).map(|number| self.shown(from_monday(number)));
        let days: Vec<String> = days.collect();
        (!days.is_empty()).then(|| days.join(","))
    }

    /// A weekday by number, as cron counts: Sunday is 0 and 7.
    fn weekday(&self, text: &str) -> Option<u32> {
        let number = text.parse().ok().filter(|_| is_one(text))?;
        (self.is_weekday() && number <= 7).then_some(number)
    }

    fn step(&self, text: &str) -> Result<usize, Wrong> {
        if self.is_weekday() {
            return Err((
                "days of the week have no steps".to_owned(),
                "name the days: `mon,wed,fri`".to_owned(),
            ));
        }
        let step = text.parse().ok().filter(|step| (1..=59).contains(step));
        step.ok_or_else(|| {
            let hint = "a step is a whole number: `*/2` is every second one";
            ("this step".to_owned(), hint.to_owned())
        })
    }

    fn value(&self, text: &str) -> Result<u32, Wrong> {
        let word = text.to_ascii_lowercase();
        let named = (0u32..).zip(self.words).find(|(_, name)| **name == word);
        if let Some((index, _)) = named {
            return Ok(index + self.numbers.0);
        }
        if let Some(number) = self.weekday(text) {
            return Ok(from_monday(number));
        }
        let number: Option<u32> = text.parse().ok();
        let (first, last) = self.numbers;
        let fits = |number: &u32| (first..=last).contains(number) && !self.is_weekday();
        match number.filter(fits) {
            Some(number) => Ok(number),
            None => Err(self.strange(text, number)),
        }
    }

    /// What is wrong with a value, and what was probably meant.
    fn strange(&self, text: &str, number: Option<u32>) -> Wrong {
        if text.is_empty() {
            let hint = "write a value on each side of a `,` and of a `-`";
            return ("something is missing".to_owned(), hint.to_owned());
        }
        let start: String = text.to_ascii_lowercase().chars().take(3).collect();
        if number.is_none() && self.words.contains(&start.as_str()) {
            return (format!("`{text}` is too long"), format!("write `{start}`"));
        }
        if !self.is_weekday() {
            return (format!("`{text}` does not fit"), self.range());
        }
        let hint = "the days are mon, tue, wed, thu, fri, sat and sun, or 1 to 7; 0 is sun as well";
        (format!("`{text}` is no weekday"), hint.to_owned())
    }

    fn range(&self) -> String {
        let (first, last) = self.numbers;
        let words = match self.words {
            [first, .., last] => format!(", or `{first}` to `{last}`"),
            _ => String::new(),
        };
        let article = if self.name == "hour" { "an" } else { "a" };
        format!(
            "{article} {} is a number from {first} to {last}{words}",
            self.name
        )
    }

    fn is_weekday(&self) -> bool {
        self.name == WEEKDAY
    }

    fn shown(&self, value: u32) -> String {
        match DAYS.get(value as usize) {
            Some(day) if self.is_weekday() => (*day).to_owned(),
            _ => value.to_string(),
        }
    }

    fn example(&self) -> &'static str {
        match self.name {
            "hour" => "`22-23,0-6`",
            "month" => "`nov-dec,jan`",
            WEEKDAY => "`sat,sun,mon`",
            _ => "`28-31,1`",
        }
    }
}
