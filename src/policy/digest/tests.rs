//! When digests are due, and whom they tell of what.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;

use super::schedule::read;
use super::*;
use crate::policy::Source;
use crate::policy::fault::{At, Log, Place};

fn written(text: &str) -> At<String> {
    At {
        value: text.to_owned(),
        at: Place {
            file: 0,
            start: 0,
            len: text.len(),
        },
    }
}

fn schedule(text: &str) -> Schedule {
    let log = Log::default();
    let read = read(&written(text), &log);
    read.unwrap_or_else(|| panic!("{text} is refused")).value
}

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn zone(name: &str) -> Tz {
    name.parse().unwrap()
}

/// The next so many moments, in the zone, with their offsets.
fn next(text: &str, name: &str, from: &str, count: usize) -> Vec<String> {
    let (schedule, zone, mut after) = (schedule(text), zone(name), at(from));
    let mut moments = Vec::new();
    for _ in 0..count {
        after = schedule.next_after(after, zone).unwrap();
        moments.push(after.with_timezone(&zone).format("%a %F %R %z").to_string());
    }
    moments
}

#[test]
fn weekdays_by_number_are_those_of_cron() {
    let same = [
        ("1-5", "mon-fri"),
        ("0", "sun"),
        ("7", "sun"),
        ("0-2", "mon,tue,sun"),
        ("5-7", "fri-sun"),
        ("1,3,5", "mon,wed,fri"),
        ("0-7", "mon-sun"),
        ("tue-4,7", "tue-thu,sun"),
    ];
    for (number, name) in same {
        let next = |days: &str| next(&format!("0 9 * * {days}"), "UTC", "2027-03-04T12:00:00Z", 9);
        assert_eq!(next(number), next(name), "{number}");
    }
}

#[test]
fn a_schedule_means_what_it_says_in_its_zone() {
    assert_eq!(
        next(
            "0 9 * * mon-fri",
            "Europe/Berlin",
            "2027-03-04T12:00:00Z",
            3
        ),
        [
            "Fri 2027-03-05 09:00 +0100",
            "Mon 2027-03-08 09:00 +0100",
            "Tue 2027-03-09 09:00 +0100"
        ]
    );
    assert_eq!(
        next(
            "30 7 1 */6 *",
            "America/New_York",
            "2027-01-01T12:30:00Z",
            2
        ),
        ["Thu 2027-07-01 07:30 -0400", "Sat 2028-01-01 07:30 -0500"]
    );
    assert_eq!(
        next(
            "15 22-23 * dec SUN,Wed",
            "Asia/Kolkata",
            "2027-12-01T00:00:00Z",
            3
        ),
        [
            "Wed 2027-12-01 22:15 +0530",
            "Wed 2027-12-01 23:15 +0530",
            "Sun 2027-12-05 22:15 +0530"
        ]
    );
    assert_eq!(
        next("0 0 29 feb *", "UTC", "2027-01-01T00:00:00Z", 1),
        ["Tue 2028-02-29 00:00 +0000"]
    );
}

#[test]
fn a_time_that_the_clocks_leave_out_counts_once_right_after() {
    // 2027-03-28: in Berlin 02:00 becomes 03:00.
    assert_eq!(
        next("30 2 * * *", "Europe/Berlin", "2027-03-26T12:00:00Z", 3),
        [
            "Sat 2027-03-27 02:30 +0100",
            "Sun 2027-03-28 03:00 +0200",
            "Mon 2027-03-29 02:30 +0200"
        ]
    );
    // Every hour: the one that is left out and the one after it fall together.
    assert_eq!(
        next("0 * * * *", "Europe/Berlin", "2027-03-27T23:30:00Z", 3),
        [
            "Sun 2027-03-28 01:00 +0100",
            "Sun 2027-03-28 03:00 +0200",
            "Sun 2027-03-28 04:00 +0200"
        ]
    );
    // A whole day that never was: 2011-12-30 in Samoa.
    assert_eq!(
        next("0 9 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", 3),
        [
            "Thu 2011-12-29 09:00 -1000",
            "Sat 2011-12-31 00:00 +1400",
            "Sat 2011-12-31 09:00 +1400"
        ]
    );
}

#[test]
fn a_time_that_comes_twice_counts_the_first_time() {
    // 2027-10-31: in Berlin 03:00 becomes 02:00.
    assert_eq!(
        next("30 2 * * *", "Europe/Berlin", "2027-10-30T12:00:00Z", 2),
        ["Sun 2027-10-31 02:30 +0200", "Mon 2027-11-01 02:30 +0100"]
    );
    assert_eq!(
        next("0 * * * *", "Europe/Berlin", "2027-10-30T23:30:00Z", 3),
        [
            "Sun 2027-10-31 02:00 +0200",
            "Sun 2027-10-31 03:00 +0100",
            "Sun 2027-10-31 04:00 +0100"
        ]
    );
    let (schedule, berlin) = (schedule("30 2 * * *"), zone("Europe/Berlin"));
    for (now, last) in [
        ("2027-10-31T00:29:59Z", "2027-10-30T00:30:00Z"),
        ("2027-10-31T00:30:00Z", "2027-10-31T00:30:00Z"),
        // The clock on the wall shows an earlier time by now.
        ("2027-10-31T01:05:00Z", "2027-10-31T00:30:00Z"),
        // And the same time again.
        ("2027-10-31T01:30:00Z", "2027-10-31T00:30:00Z"),
    ] {
        assert_eq!(
            schedule.last_until(at(now), berlin),
            Some(at(last)),
            "{now}"
        );
    }
}

fn zones() -> impl Strategy<Value = Tz> {
    prop::sample::select(vec![
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/St_Johns",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Africa/Casablanca",
        "America/Santiago",
        "Antarctica/Troll",
    ])
    .prop_map(zone)
}

proptest! {
    /// Forwards and backwards are the same moments, and nothing lies between one and the next.
    #[test]
    fn the_last_moment_before_the_next_one_is_this_one(
        seconds in 1_700_000_000i64..1_900_000_000, minute in 0u32..60, hour in 0u32..24,
        days in prop::sample::select(vec!["* * *", "* * mon", "1 * *", "31 * *", "* mar,oct sun"]),
        hourly in any::<bool>(), zone in zones(),
    ) {
        let text = if hourly { format!("{minute} * * * *") } else { format!("{minute} {hour} {days}") };
        let schedule = schedule(&text);
        let now = DateTime::from_timestamp(seconds, 0).unwrap();
        let last = schedule.last_until(now, zone).unwrap();
        let next = schedule.next_after(now, zone).unwrap();
        prop_assert!(last <= now && now < next, "{} {} {}", text, last, next);
        prop_assert_eq!(schedule.next_after(last, zone), Some(next), "{}", &text);
        prop_assert_eq!(schedule.last_until(next, zone), Some(next), "{}", &text);
        prop_assert_eq!(schedule.last_until(next - TimeDelta::seconds(1), zone), Some(last), "{}", &text);
    }

    /// Whatever is written, it is read or told, and what is read comes at most once an hour.
    #[test]
    fn nothing_written_makes_the_reader_fall_over(
        text in "[-0-9*/,a-z@# ]{0,30}|([0-9*,/-]{1,4} ){4}[a-z0-9,-]{1,7}"
    ) {
        let log = Log::default();
        if let Some(read) = read(&written(&text), &log) {
            let first = read.value.next_after(at("2027-01-01T00:00:00Z"), Tz::UTC).unwrap();
            let second = read.value.next_after(first, Tz::UTC).unwrap();
            prop_assert!(TimeDelta::hours(1) <= second - first);
        } else {
            prop_assert!(0 < log.len(), "refused without a word: {}", text);
        }
    }
}

const POLICY: &str = r##"
version: 1
defaults: { channel: "#access", timezone: Europe/Berlin, admins: [platform] }
people:
  dana: { emails: [dana@acme.example] }
groups:
  leads: { members: [lee@acme.example] }
  platform: { members: [pat@acme.example] }
  oncall: { slack_usergroup: S0ONCALL }
connectors:
  staging: { kind: webhook, url: "https://target.example/jit", secret: { env: NEVER_READ } }
resources:
  orders-db: { connector: staging, labels: { team: payments }, roles: { ro: ro }, owner: [leads, oncall] }
  crm-db: { connector: staging, labels: { team: crm }, roles: { ro: ro }, owner: [dana] }
rules:
  - { name: all, match: {}, decision: review, steps: [{ from: [leads] }] }
digests:
  - { name: mine, schedule: "0 9 * * *", to: { people: [leads, dana] } }
  - name: payments
    schedule: "0  9 * * mon"
    timezone: Asia/Tokyo
    to: { channel: "#payments" }
    about: { labels: { team: payments } }
    ahead: 2d
"##;

fn policy() -> Policy {
    let name = "access.yaml".to_owned();
    let text = POLICY.to_owned();
    Policy::from_sources(vec![Source { name, text }])
        .unwrap_or_else(|faults| panic!("{}", faults.render(false)))
}

#[test]
fn a_reader_is_told_of_what_is_theirs() {
    let policy = policy();
    let told = |digest: &str, groups: &[&str]| {
        let groups = groups.iter().map(|name| GroupName::new(*name)).collect();
        let digest = policy.digest(digest).unwrap();
        let resources = policy.digest_resources(digest, &groups)?;
        Some(
            resources
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>(),
        )
    };
    let some = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(told("mine", &["leads"]), some(&["orders-db"]));
    assert_eq!(
        told("mine", &["oncall", "dana"]),
        some(&["crm-db", "orders-db"])
    );
    assert_eq!(told("mine", &["strangers"]), some(&[]));
    assert_eq!(
        told("mine", &["platform"]),
        None,
        "admins: whatever there ever was"
    );
    assert_eq!(told("payments", &[]), some(&["orders-db"]));
    assert_eq!(
        told("payments", &["platform"]),
        some(&["orders-db"]),
        "it says what it is about"
    );
    let mine = policy.digest("mine").unwrap();
    let groups: Vec<String> = policy
        .digest_groups(mine)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(groups, ["dana", "leads", "oncall", "platform"]);
}

#[test]
fn a_digest_knows_its_zone_its_way_and_how_far_it_looks() {
    let policy = policy();
    let [mine, payments] = policy.digests() else {
        panic!("two digests")
    };
    assert_eq!((mine.channel(), mine.readers().len()), (None, 2));
    assert_eq!(
        (payments.channel(), payments.readers().len()),
        (Some("#payments"), 0)
    );
    assert_eq!(payments.schedule(), "0 9 * * mon");
    assert!(
        policy.channels().contains("#payments"),
        "`jit doctor` looks at it"
    );
    for (of_reader, zone) in [
        (Some("America/New_York"), "America/New_York"),
        (Some("Nowhere/Land"), "Europe/Berlin"),
        (None, "Europe/Berlin"),
    ] {
        assert_eq!(policy.digest_zone(mine, of_reader), zone);
        assert_eq!(policy.digest_zone(payments, of_reader), "Asia/Tokyo");
    }
    let (until, following) = (at("2027-03-01T08:00:00Z"), at("2027-03-02T08:00:00Z"));
    assert_eq!(mine.ahead_of(until, Some(following)), following);
    assert_eq!(mine.ahead_of(until, None), until + TimeDelta::days(1));
    assert_eq!(
        payments.ahead_of(until, Some(following)),
        until + TimeDelta::days(2)
    );
}
