//! Lengths of time as people write them: `1h`, `90m`, `1h30m`, `2 hours`.

use std::fmt;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// A length of time in whole seconds, at least one second and at most [`Span::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Span(u32);

/// Why a text is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpanFault {
    /// It does not look like one at all.
    #[error("“{0}” is not a duration; write it like 30m, 1h, 1h30m or 2 days")]
    NotADuration(String),
    /// It is zero.
    #[error("the duration must be longer than zero")]
    Zero,
    /// It is longer than anything that can be asked for.
    #[error("“{0}” is far too long; the longest that can be written is 365 days")]
    TooLong(String),
}

impl Span {
    /// A year of 365 days: beyond it, just-in-time has lost its meaning.
    pub const MAX: Self = Self(365 * 24 * 60 * 60);

    /// That many seconds.
    pub fn from_seconds(seconds: u64) -> Result<Self, SpanFault> {
        match u32::try_from(seconds) {
            Ok(0) => Err(SpanFault::Zero),
            Ok(seconds) if seconds <= Self::MAX.0 => Ok(Self(seconds)),
            _ => Err(SpanFault::TooLong(format!("{seconds}s"))),
        }
    }

    /// That many minutes, at most a year.
    pub const fn minutes(minutes: u32) -> Self {
        let seconds = minutes.saturating_mul(60);
        Self(if seconds > Self::MAX.0 {
            Self::MAX.0
        } else if seconds == 0 {
            1
        } else {
            seconds
        })
    }

    /// That many hours, at most a year.
    pub const fn hours(hours: u32) -> Self {
        Self::minutes(hours.saturating_mul(60))
    }

    /// Its length in seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }

    /// Reads a length of time: numbers with units (`s`, `m`, `h`, `d`, `w`, or the words), in
    /// falling order of units, with or without blanks, in any case. A number without a unit is
    /// refused: whether it means minutes or hours would be a guess.
    pub fn parse(text: &str) -> Result<Self, SpanFault> {
        let not = || SpanFault::NotADuration(text.trim().to_owned());
        let mut rest = text.trim();
        let (mut total, mut last) = (0u64, u64::MAX);
        if rest.is_empty() {
            return Err(not());
        }
        while !rest.is_empty() {
            let (number, after) = split_at_end(rest, |c| c.is_ascii_digit());
            let (unit, after) = split_at_end(after.trim_start(), char::is_alphabetic);
            let scale = unit_seconds(&unit.to_lowercase()).filter(|scale| *scale < last);
            let scale = scale.ok_or_else(not)?;
            if number.is_empty() {
                return Err(not());
            }
            let number: u64 = number
                .parse()
                .map_err(|_| SpanFault::TooLong(text.trim().to_owned()))?;
            total = total.saturating_add(number.saturating_mul(scale));
            last = scale;
            rest = after.trim_start();
        }
        Self::from_seconds(total).map_err(|fault| match fault {
            SpanFault::TooLong(_) => SpanFault::TooLong(text.trim().to_owned()),
            other => other,
        })
    }
}

fn split_at_end(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    text.split_at(end)
}

/// The length of a unit in seconds. `mo` and `month` are no units here: nobody should have to
/// wonder whether `1m` is a month.
fn unit_seconds(unit: &str) -> Option<u64> {
    Some(match unit {
        "s" | "sec" | "secs" | "second" | "seconds" => 1,
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hr" | "hrs" | "hour" | "hours" => 60 * 60,
        "d" | "day" | "days" => 24 * 60 * 60,
        "w" | "week" | "weeks" => 7 * 24 * 60 * 60,
        _ => return None,
    })
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
        let mut rest = self.0;
        for (unit, scale) in units {
            if rest >= scale {
                write!(f, "{}{unit}", rest / scale)?;
                rest %= scale;
            }
        }
        Ok(())
    }
}

impl From<Span> for TimeDelta {
    fn from(span: Span) -> Self {
        TimeDelta::seconds(i64::from(span.0))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = u64::deserialize(deserializer)?;
        Self::from_seconds(seconds).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn people_may_write_it_in_many_ways() {
        for (text, seconds) in [
            ("1h", 3600),
            ("90m", 5400),
            ("1h30m", 5400),
            ("1h 30m", 5400),
            ("2 hours", 7200),
            ("2HOURS", 7200),
            ("45 Min", 2700),
            ("1 day 2 hours", 93_600),
            ("30s", 30),
            (" 1w ", 604_800),
        ] {
            assert_eq!(Span::parse(text).map(Span::seconds), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for text in [
            "", "h", "1", "1x", "-1h", "1.5h", "30m1h", "1h1h", "one hour", "1h!", "1mo",
        ] {
            assert!(
                matches!(Span::parse(text), Err(SpanFault::NotADuration(_))),
                "{text}"
            );
        }
        assert_eq!(Span::parse("0m"), Err(SpanFault::Zero));
        for text in ["366d", "99999999999999999999h", "18446744073709551615w"] {
            assert!(
                matches!(Span::parse(text), Err(SpanFault::TooLong(_))),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_read_again(seconds in 1u64..=u64::from(Span::MAX.0)) {
            let span = Span::from_seconds(seconds).unwrap();
            prop_assert_eq!(Span::parse(&span.to_string()), Ok(span));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = Span::parse(&text);
        }
    }
}
