use proptest::prelude::*;

use super::*;

fn request(resource: &str, role: Option<&str>, minutes: u32, reason: &str) -> Slash {
    Slash::Request {
        resource: resource.to_owned(),
        role: role.map(str::to_owned),
        duration: Span::minutes(minutes),
        reason: reason.to_owned(),
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
        "request staging-db",
        "request staging-db readonly",
        "request staging-db because of the incident",
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
        "history",
        "banana",
        "staging-db",
        "extend 1h",
        "extend staging-db",
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
    let explain = |role: Option<&str>, duration, reason: &str| Slash::Explain {
        resource: "db".to_owned(),
        role: role.map(str::to_owned),
        duration,
        reason: reason.to_owned(),
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
        let slash = Slash::Request { resource, role, duration, reason };
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
