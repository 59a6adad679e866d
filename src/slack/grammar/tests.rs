use proptest::prelude::*;

use chrono::NaiveTime;

use super::*;
use crate::domain::Span;

fn request(resource: &str, role: Option<&str>, minutes: u32, reason: &str) -> Slash {
    Slash::Request(Wish {
        duration: Some(Span::minutes(minutes)),
        ..wish(resource, role, reason)
    })
}

fn wish(resource: &str, role: Option<&str>, reason: &str) -> Wish {
    Wish {
        resource: resource.to_owned(),
        role: role.map(str::to_owned),
        reason: reason.to_owned(),
        ..Wish::default()
    }
}

#[test]
fn a_request_is_understood_however_it_is_typed() {
    let plain = request("staging-db", None, 60, "");
    for text in [
        "request staging-db 1h",
        "  REQUEST   staging-db\u{a0}1h ",
        "Request *staging-db* `1h`",
        "*request staging-db 1h*",
        "_request_ “staging-db” for 1 hour",
        "request access to staging-db for an hour",
        "req staging\u{2013}db, 60m",
        "request staging-db: 1H",
        "re\u{200b}quest staging-db 1\u{200d}h",
        "/jit request staging-db 1h",
        "staging-db 1h",
        "staging-db for 1 hour please",
    ] {
        let read = parse(text);
        let expected = if text.ends_with("please") {
            request("staging-db", None, 60, "please")
        } else {
            plain.clone()
        };
        assert_eq!(read, Ok(expected), "{text}");
    }
}

#[test]
fn role_duration_and_reason_are_told_apart_by_the_first_duration() {
    for (text, expected) in [
        (
            "request db ro 1h30m INC-42",
            request("db", Some("ro"), 90, "INC-42"),
        ),
        (
            "request db ro 1h 30m INC-42",
            request("db", Some("ro"), 90, "INC-42"),
        ),
        (
            "request db as ro for 2 hours because of INC-42",
            request("db", Some("ro"), 120, "INC-42"),
        ),
        (
            "request db 1h for INC-42",
            request("db", None, 60, "INC-42"),
        ),
        (
            "request db 1h: fix  the   *bug*",
            request("db", None, 60, "fix the *bug*"),
        ),
        (
            "request db 1h “fix the bug”",
            request("db", None, 60, "fix the bug"),
        ),
        ("request db 1h - fix", request("db", None, 60, "fix")),
        ("request db half an hour x", request("db", None, 30, "x")),
        ("request db 1 day 2 hours x", request("db", None, 1560, "x")),
        ("request db 2nd 1h", request("db", Some("2nd"), 60, "")),
        (
            "request db 1h see 2h window",
            request("db", None, 60, "see 2h window"),
        ),
        (
            "request db 1h ask &lt;me&gt; &amp; <@U1|bob>",
            request("db", None, 60, "ask <me> & @bob"),
        ),
        ("db ro 1h why not", request("db", Some("ro"), 60, "why not")),
    ] {
        assert_eq!(parse(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_missing_is_said_with_an_example_of_what_was_typed() {
    let said: Vec<String> = [
        "request",
        "request staging-db 1",
        "request staging-db 30 INC-1",
        "request staging-db 1.5h",
        "request staging-db -1h",
        "request staging-db 1mo",
        "request staging-db 0m",
        "request staging-db 99999999999999999999h",
        "request 1h staging-db",
        "reqest staging-db 1h INC-42",
        "rvoke #42",
        "histery staging-db",
        "history since whenever",
        "history staging-db orders-db",
        "banana",
        "staging-db",
        "extend 1h",
        "request staging-db 1h for @erin",
        "request staging-db 1h from 25:00",
        "request staging-db 1h from tomorrow",
        "break-glass",
        "retry",
        "review",
        "review #42",
        "review #42 hm",
        "explain",
        "explain staging-db 1",
        "revoke",
        "revoke #42",
        "revoke staging-db",
    ]
    .iter()
    .map(|text| format!("/jit {text}\n  {}", parse(text).unwrap_err()))
    .collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table reads best in one piece")]
fn what_else_was_said_is_understood_all_the_same() {
    let hour = Some(Span::hours(1));
    let for_an_hour = |wish| Wish {
        duration: hour,
        ..wish
    };
    let nameless = |reason| for_an_hour(wish("", None, reason));
    let at_ten = |wish| Wish {
        start: Some(at(22, 0, None)),
        ..wish
    };
    for (text, read) in [
        (
            "request db 30 INC-1",
            vec![Wish {
                loose_reason: Some("INC-1".to_owned()),
                ..wish("db", Some("INC-1"), "")
            }],
        ),
        (
            "request db ro 1.5h for the fix",
            vec![Wish {
                loose_reason: Some("ro 1.5h for the fix".to_owned()),
                ..wish("db", Some("ro"), "the fix")
            }],
        ),
        (
            "request db ro 1h from tomorrow INC-1",
            vec![for_an_hour(wish("db", Some("ro"), "INC-1"))],
        ),
        (
            "request db ro 1h from 25:00 for @erin INC-1",
            vec![for_an_hour(wish("db", Some("ro"), "INC-1"))],
        ),
        (
            "request 1h orders stuck again",
            vec![
                Wish {
                    loose_reason: Some("stuck again".to_owned()),
                    ..for_an_hour(wish("orders", Some("stuck"), "again"))
                },
                nameless("orders stuck again"),
            ],
        ),
        ("request 1h", vec![nameless("")]),
        (
            "request from 22:00 for 1h db ro",
            vec![
                at_ten(for_an_hour(wish("db", Some("ro"), ""))),
                at_ten(nameless("db ro")),
            ],
        ),
        (
            "break-glass db 30",
            vec![Wish {
                break_glass: true,
                ..wish("db", None, "")
            }],
        ),
        ("request 1 2 3 4 5 6 7 8 9 10 11 12 13", vec![]),
        ("explain db 30", vec![]),
        ("extend 1h", vec![]),
        ("banana", vec![]),
    ] {
        assert_eq!(parse(text).unwrap_err().read, read, "{text}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table reads best in one piece")]
fn the_other_commands() {
    let named = |resource: &str, role: Option<&str>| Which::Named {
        resource: resource.to_owned(),
        role: role.map(str::to_owned),
    };
    for (text, expected) in [
        ("", Slash::Help),
        (" \u{200b} ", Slash::Help),
        ("?", Slash::Help),
        ("HELP me", Slash::Help),
        ("list", Slash::List),
        ("Active", Slash::Active),
        ("done", Slash::Done { what: None }),
        (
            "done #42",
            Slash::Done {
                what: Some(Which::Number(42)),
            },
        ),
        (
            "done with staging-db",
            Slash::Done {
                what: Some(named("staging-db", None)),
            },
        ),
        (
            "cancel 7",
            Slash::Cancel {
                what: Some(Which::Number(7)),
            },
        ),
        (
            "cancel db ro",
            Slash::Cancel {
                what: Some(named("db", Some("ro"))),
            },
        ),
    ] {
        assert_eq!(parse(text), Ok(expected), "{text}");
    }
    for (text, what, why) in [
        (
            "revoke #42 no longer needed",
            Which::Number(42),
            "no longer needed",
        ),
        ("revoke 42: “leaving”", Which::Number(42), "leaving"),
        ("revoke db over now", named("db", None), "over now"),
        ("revoke db ro: over", named("db", Some("ro")), "over"),
        (
            "revoke db ro because it is over",
            named("db", Some("ro")),
            "it is over",
        ),
        (
            "revoke db because it is over",
            named("db", None),
            "it is over",
        ),
    ] {
        let why = why.to_owned();
        assert_eq!(parse(text), Ok(Slash::Revoke { what, why }), "{text}");
    }
}

#[test]
fn explaining_needs_no_duration() {
    let explain = |role: Option<&str>, duration, reason: &str| {
        Slash::Explain(Wish {
            duration,
            ..wish("db", role, reason)
        })
    };
    for (text, expected) in [
        ("explain db", explain(None, None, "")),
        ("explain db ro", explain(Some("ro"), None, "")),
        (
            "explain db 1h INC-1",
            explain(None, Some(Span::hours(1)), "INC-1"),
        ),
        (
            "explain request db ro 1h",
            explain(Some("ro"), Some(Span::hours(1)), ""),
        ),
    ] {
        assert_eq!(parse(text), Ok(expected), "{text}");
    }
}

fn at(hour: u32, minute: u32, day: Option<Day>) -> When {
    let time = NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
    When::At { day, time }
}

#[test]
fn for_whom_from_when_and_break_glass_stand_where_people_put_them() {
    let whole = Wish {
        duration: Some(Span::hours(1)),
        holder: Some("U1".to_owned()),
        start: Some(at(22, 0, None)),
        break_glass: true,
        ..wish("db", Some("ro"), "INC-1 is here")
    };
    for text in [
        "request db ro 1h for <@U1|erin> from 22:00 --break-glass INC-1 is here",
        "request db ro from 22:00 for 1h for <@U1> --break-glass: INC-1 is here",
        "request db ro --break-glass from 10pm 1h on behalf of <@U1|Erin Smith> INC-1 is here",
        "request for <@U1|erin> db ro 1h at 22:00 INC-1 is here —break-glass",
        "break-glass <@U1|erin> db ro 1h from 22:00 because INC-1 is here",
        "request db from 22:00 as ro for <@U1|erin> for 1h --breakglass INC-1 is here",
    ] {
        assert_eq!(parse(text), Ok(Slash::Request(whole.clone())), "{text}");
    }
    let read = Slash::Explain(whole.clone()).to_string();
    assert_eq!(parse(&read), Ok(Slash::Explain(whole)), "{read}");
}

#[test]
fn the_start_may_be_said_in_many_ways() {
    for (text, start) in [
        ("from 22:00", at(22, 0, None)),
        ("from tomorrow 9:00", at(9, 0, Some(Day::Tomorrow))),
        (
            "on mon at 9am",
            at(9, 0, Some(Day::On(chrono::Weekday::Mon))),
        ),
        ("in 2h", When::In(Span::hours(2))),
    ] {
        for typed in [
            format!("request db 1h {text} INC-1"),
            format!("request db {text} for 1h INC-1"),
        ] {
            let expected = Wish {
                duration: Some(Span::hours(1)),
                start: Some(start),
                ..wish("db", None, "INC-1")
            };
            assert_eq!(parse(&typed), Ok(Slash::Request(expected)), "{typed}");
        }
    }
    for text in [
        "request db 1h from now on",
        "request db 1h from now: on",
        "request db 1h for me on",
    ] {
        assert_eq!(parse(text), Ok(request("db", None, 60, "on")), "{text}");
    }
}

#[test]
fn a_missing_duration_is_the_rules_affair() {
    for (text, expected) in [
        ("request db", wish("db", None, "")),
        ("request db ro", wish("db", Some("ro"), "")),
        ("request db as ro", wish("db", Some("ro"), "")),
        ("request db: INC-1", wish("db", None, "INC-1")),
        ("request db because of it", wish("db", None, "it")),
        ("request db for testing it", wish("db", None, "testing it")),
        (
            "request db ro for the fix",
            wish("db", Some("ro"), "the fix"),
        ),
    ] {
        let read = parse(text).map(|slash| match slash {
            Slash::Request(wish) => Wish {
                loose_reason: None,
                ..wish
            },
            other => panic!("{other:?}"),
        });
        assert_eq!(read, Ok(expected), "{text}");
    }
    for (text, loose) in [
        ("request db fix the bug", Some("fix the bug")),
        ("request db INC-42", Some("INC-42")),
        ("request db readonyl", None),
        ("request db ro 1h INC-42", None),
        ("request db ro from 22:00 INC-42", None),
    ] {
        let Ok(Slash::Request(wish)) = parse(text) else {
            panic!("{text}");
        };
        assert_eq!(wish.loose_reason.as_deref(), loose, "{text}");
    }
}

#[test]
fn looking_at_it_afterwards_says_what_was_found() {
    for (text, justified, note) in [
        ("review #42 ok", true, ""),
        (
            "review #42 ok, the incident was real",
            true,
            "the incident was real",
        ),
        (
            "review 42 not ok: nobody needed it",
            false,
            "nobody needed it",
        ),
        ("review #42 unjustified because of it", false, "it"),
    ] {
        let (what, note) = (Which::Number(42), note.to_owned());
        let expected = Slash::Review {
            what,
            justified,
            note,
        };
        assert_eq!(parse(text), Ok(expected), "{text}");
    }
    let what = Which::Number(42);
    assert_eq!(parse("retry #42"), Ok(Slash::Retry { what }));
}

/// Names that are neither joining words nor durations.
fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9-]{1,14}[a-z0-9]".prop_filter("joining words and commands", |name| {
        let word = &words::split(name)[0];
        !word.is_filler() && verb(name).is_none() && !["half", "request"].contains(&name.as_str())
    })
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(?s).{0,80}|(request|revoke|explain|done|[0-9]{1,4}|1h|[a-z:;#<>@&*_“”’\u{a0}\u{200b}\n.-]{1,3}| ){0,30}") {
        if let Err(fault) = parse(&text) {
            prop_assert!(fault.example.starts_with("/jit "));
            prop_assert!(!fault.example.ends_with(' '));
        }
    }

    #[test]
    fn what_is_rendered_can_be_read_again(
        resource in name(),
        role in proptest::option::of(name()),
        seconds in 1u64..=31_536_000,
        reason in "([A-Z]{2,5}-[0-9]{1,4}( [a-z<>&*]{3,9}){0,4})?",
    ) {
        let duration = Span::from_seconds(seconds).unwrap();
        let duration = Some(duration);
        let slash = Slash::Request(Wish { resource, role, duration, reason, ..Wish::default() });
        // Slack escapes what people type.
        let typed = slash.to_string().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        prop_assert_eq!(parse(&typed), Ok(slash));
    }

    #[test]
    fn pointing_is_read_again(resource in name(), role in proptest::option::of(name()), number in 1i64.., by_name in any::<bool>()) {
        let what = if by_name { Which::Named { resource, role } } else { Which::Number(number) };
        for slash in [
            Slash::Done { what: Some(what.clone()) },
            Slash::Cancel { what: Some(what.clone()) },
            Slash::Revoke { what, why: "it is over".to_owned() },
        ] {
            prop_assert_eq!(parse(&slash.to_string()), Ok(slash));
        }
    }
}
