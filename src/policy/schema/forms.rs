//! Values that have a form of their own.

use serde_json::{Value, json};

/// Units of time as people write them.
const UNITS: [&str; 20] = [
    "weeks", "week", "w", "days", "day", "d", "hours", "hour", "hrs", "hr", "h", "minutes",
    "minute", "mins", "min", "m", "seconds", "second", "secs", "s",
];

/// The forms that both schemas refer to.
pub(super) fn defs() -> Vec<(&'static str, Value)> {
    vec![
        ("duration", duration()),
        ("hours", hours()),
        ("channel", channel()),
        ("email", email()),
        ("slackUser", slack_user()),
        ("somebody", somebody()),
        ("group", group()),
        ("name", name()),
        ("timezone", timezone()),
    ]
}

/// A text with a form, which is told with examples.
fn formed(pattern: &str, meaning: &str, examples: &[&str]) -> Value {
    json!({
        "type": "string",
        "pattern": pattern,
        "description": meaning,
        "examples": examples,
    })
}

/// The reader takes units in any case, which patterns can only say letter by letter.
fn duration() -> Value {
    let any_case = |unit: &&str| -> String {
        let letters = unit.chars();
        let pairs: Vec<String> = letters
            .map(|c| format!("[{c}{}]", c.to_ascii_uppercase()))
            .collect();
        pairs.concat()
    };
    let units: Vec<String> = UNITS.iter().map(any_case).collect();
    let pattern = format!(
        "^\\s*(?:[0-9]+\\s*(?:{}|[sS][eE][cC])\\s*)+$",
        units.join("|")
    );
    formed(
        &pattern,
        "A length of time: whole numbers with units, the longer units first; at most 365 days.",
        &["30m", "4h", "1h30m", "2 days"],
    )
}

fn hours() -> Value {
    formed(
        "^\\s*(?:[01]?[0-9]|2[0-3]):[0-5][0-9]\\s*-\\s*(?:(?:[01]?[0-9]|2[0-3]):[0-5][0-9]|24:00)\\s*$",
        "Hours of the day in the policy's time zone, the end excluded. They may go over midnight.",
        &["08:00-18:00", "22:00-07:00"],
    )
}

fn channel() -> Value {
    formed(
        "^(?:#[\\p{Ll}\\p{Lo}\\p{Lm}\\p{N}_-]{1,80}|[CG][A-Z0-9]{2,})$",
        "A Slack channel: its name with a #, in quotes since a bare # begins a comment, or its id.",
        &["#access-requests", "C0123ABCD"],
    )
}

fn email() -> Value {
    formed(
        "^[^\\s@,;<>()]+@[^\\s@,;<>().]+(?:\\.[^\\s@,;<>().]+)+$",
        "An e-mail address.",
        &["dana@acme.example"],
    )
}

fn slack_user() -> Value {
    formed(
        "^[UW](?:[A-Z0-9]{8,}|(?=[A-Z0-9]*[0-9])[A-Z0-9]{2,})$",
        "A Slack user id, as the profile shows it under Copy member ID.",
        &["U0123ABCD"],
    )
}

fn somebody() -> Value {
    formed(
        "^[^\\s@]+$|^[^\\s@,;<>()]+@[^\\s@,;<>().]+(?:\\.[^\\s@,;<>().]+)+$",
        "Somebody: an e-mail address, a Slack user id, or a name of `people`.",
        &["dana", "erin@acme.example", "U0123ABCD"],
    )
}

fn group() -> Value {
    formed(
        "\\S",
        "A group, or a name of `people`. In steps and where people are told, `owner` means the \
         owners of the resource and `manager` the manager of whoever is to hold the access.",
        &["dba", "owner", "manager"],
    )
}

fn name() -> Value {
    formed(
        "^[A-Za-z0-9][A-Za-z0-9._/-]*$",
        "A name that can be typed as one word.",
        &["staging-db"],
    )
}

fn timezone() -> Value {
    formed(
        "^[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*$",
        "A time zone by its IANA name.",
        &["Europe/Berlin", "America/New_York", "UTC"],
    )
}
