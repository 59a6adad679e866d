use proptest::prelude::*;

use super::super::samples::{any_faces, any_text, bob, carol, faces, lee, now, request, step};
use super::super::{content, extremes, lint};
use super::*;
use crate::domain::{BreakGlass, GroupName, Quorum};

const LINK: &str = "https://example.slack.com/archives/C0ACCESS/p1795432140000100";

fn what(name: &str, bundle: bool) -> What {
    What {
        name: name.to_owned(),
        about: Some("The staging database".to_owned()),
        bundle,
    }
}

fn way(route: Route) -> Preview {
    Preview::Route(Box::new(Way {
        rule: "staging-read".to_owned(),
        route,
        people: vec![vec![bob(), carol()], vec![lee()]],
        called: None,
        channel: "C0ACCESS".to_owned(),
        until: None,
    }))
}

fn steps() -> Route {
    Route::Steps(vec![
        step(&["dba"], Quorum::Any(1)),
        step(&["leads"], Quorum::Any(1)),
    ])
}

fn glass() -> Route {
    Route::BreakGlass(BreakGlass {
        skipped: vec![step(&["dba"], Quorum::Any(1))],
        review_by: vec![GroupName::new("leads")],
        review_within: Span::hours(24),
    })
}

fn times() -> Times {
    Times {
        offered: vec![Span::minutes(30), Span::hours(1)],
        chosen: Some(Span::hours(1)),
        free: true,
        other: None,
        most: Some(Span::hours(2)),
    }
}

/// A form with everything in it.
fn whole() -> Form {
    Form {
        carried: Carried {
            channel: Some("C0ACCESS".to_owned()),
            link: Some(LINK.to_owned()),
            ..Carried::default()
        },
        notice: Some(words::almost("Please say why.")),
        what: Some(what("staging-db", false)),
        roles: vec!["readonly".to_owned(), "readwrite".to_owned()],
        role: Some("readonly".to_owned()),
        times: Some(Times {
            other: Some("90m".to_owned()),
            ..times()
        }),
        start: Some(Start {
            at: Some(now()),
            least: None,
            most: Some(Span::hours(24)),
        }),
        reason: Words {
            typed: "stuck".to_owned(),
            wanted: Some("Please say why.".to_owned()),
        },
        ticket: Some(Words {
            typed: "INC-42".to_owned(),
            wanted: Some("Please name the incident.".to_owned()),
        }),
        holder: Some("U0ERIN".to_owned()),
        emergency: Some(true),
        preview: way(steps()),
        faces: faces(),
    }
}

#[test]
fn the_forms() {
    let bundle = Form {
        what: Some(what("oncall-kit", true)),
        times: Some(times()),
        preview: Preview::Parts(vec![
            ("readonly on staging-db".to_owned(), way(steps())),
            (
                "orders-db".to_owned(),
                Preview::No("Nobody could finish this.".to_owned()),
            ),
        ]),
        faces: faces(),
        ..Form::default()
    };
    let of = |preview: Preview| Form {
        preview,
        faces: faces(),
        ..bundle.clone()
    };
    let why = "the rule “open data” approves by itself".to_owned();
    for (name, view) in [
        ("empty", super::request(&Form::default())),
        ("whole", super::request(&whole())),
        ("bundle", super::request(&bundle)),
        (
            "automatic",
            super::request(&of(way(Route::Automatic { why }))),
        ),
        ("break_glass", super::request(&of(way(glass())))),
        ("no_role", super::request(&of(Preview::RoleMissing))),
        (
            "more_time",
            extension(&words::more_of(&request(), now()), &whole()),
        ),
        ("wait", wait(words::ONE_MOMENT)),
        (
            "done",
            done(&Content::line("📝 *Request #1*: I asked one person.")),
        ),
    ] {
        lint::modal(&view);
        let page = lint::read(view["blocks"].as_array().unwrap());
        insta::assert_snapshot!(format!("ask_{name}"), format!("{page}\n{view:#}"));
    }
}

#[test]
fn what_is_chosen_keeps_its_block_and_what_offers_something_else_gets_another() {
    let block = |form: &Form, action: &str| {
        let view = super::request(form);
        let blocks = view["blocks"].as_array().unwrap();
        let found = blocks
            .iter()
            .find(|block| block["element"]["action_id"] == action);
        found.unwrap()["block_id"].as_str().unwrap().to_owned()
    };
    let (one, mut other) = (whole(), whole());
    other.role = Some("readwrite".to_owned());
    other.preview = Preview::RoleMissing;
    for action in [
        ids::WHAT,
        ids::ROLE,
        ids::SPAN,
        ids::OTHER,
        ids::REASON,
        ids::HOLDER,
    ] {
        assert_eq!(block(&one, action), block(&other, action), "{action}");
    }
    other.roles.push("admin".to_owned());
    other.times = Some(Times {
        offered: vec![Span::hours(8)],
        other: Some(String::new()),
        ..times()
    });
    for action in [ids::ROLE, ids::SPAN] {
        assert_ne!(block(&one, action), block(&other, action), "{action}");
    }
}

#[test]
fn only_links_to_messages_are_links() {
    for good in [
        LINK,
        "http://127.0.0.1:4000/archives/C1/p1?thread_ts=1.2&cid=C1",
    ] {
        let reason = words::with_link("orders are stuck", Some(good));
        assert_eq!(words::split_link(&reason), ("orders are stuck", Some(good)));
        let alone = words::with_link("", Some(good));
        assert_eq!(words::split_link(&alone), ("", Some(good)));
    }
    for bad in [
        "https://evil.example/archives/C1/p1",
        "https://slack.com.evil.example/archives/C1/p1",
        "https://acme.slack.com/archives/C1|<!channel>",
        "https://acme.slack.com/other/C1",
        "javascript://acme.slack.com/archives/C1",
        "http://acme.slack.com/archives/C1/p1",
    ] {
        assert_eq!(words::message_link(bad), None, "{bad}");
        let reason = format!("why\nAbout: {bad}");
        assert_eq!(words::split_link(&reason), (reason.as_str(), None));
    }
}

#[test]
fn choices_fit_however_many_and_however_long() {
    let long = "x".repeat(400);
    let found: Vec<What> = (0..300)
        .map(|n| What {
            name: format!("{long}{n}"),
            about: Some("\u{202e}🚀".repeat(100)),
            bundle: n % 2 == 0,
        })
        .collect();
    let options = options(&found);
    let options = options["options"].as_array().unwrap();
    assert_eq!(options.len(), 100);
    let mut values = std::collections::BTreeSet::new();
    for (option, what) in options.iter().zip(&found) {
        for part in ["text", "description"] {
            let words = option[part]["text"].as_str().unwrap();
            assert!((1..=75).contains(&words.encode_utf16().count()), "{words}");
        }
        let value = option["value"].as_str().unwrap();
        assert!((1..=150).contains(&value.len()) && values.insert(value));
        assert_eq!(value, value_of(&what.name, what.bundle));
        let marked = option["text"]["text"]
            .as_str()
            .unwrap()
            .ends_with("(bundle)");
        assert_eq!(marked, what.bundle);
    }
}

#[test]
fn roles_that_a_form_cannot_offer_are_told_of() {
    let form = |count: usize| Form {
        roles: (0..count)
            .map(|number| format!("role-{number:03}"))
            .collect(),
        ..Form::default()
    };
    let said = |count| role(&form(count)).unwrap()["hint"]["text"].to_string();
    assert_eq!(said(100), "null");
    assert!(said(130).contains("30 more"), "{}", said(130));
}

/// Holds the forms with these words wherever there is room for any, and these names of roles.
fn hold_forms(words: &str, names: &[String], faces: Faces, (free, bundle): (bool, bool)) {
    let words = words.to_owned();
    let offered = (1..150).map(Span::minutes).collect();
    let part = |name: &String| (name.clone(), Preview::No(text::said(&words)));
    let preview = if bundle {
        Preview::Parts(names.iter().map(part).collect())
    } else {
        way(steps())
    };
    let typed = || Words {
        typed: words.clone(),
        wanted: Some(words.clone()),
    };
    let mut roles = names.to_vec();
    roles.sort();
    roles.dedup();
    let form = Form {
        notice: Some(super::words::almost(&escape::policy(&words, 1_500))),
        what: names.first().map(|name| What {
            name: name.clone(),
            about: Some(words.clone()),
            bundle,
        }),
        role: names.first().cloned(),
        roles,
        times: Some(Times {
            offered,
            chosen: None,
            free,
            other: Some(words.clone()),
            most: None,
        }),
        reason: typed(),
        ticket: Some(typed()),
        preview,
        faces,
        ..whole()
    };
    lint::modal(&super::request(&form));
    let said = format!("Access: {}", text::said(&words));
    lint::modal(&extension(&said, &form));
    lint::modal(&wait(&said));
    lint::modal(&done(&content::Content::line(&said)));
}

#[test]
fn a_form_holds_with_nothing_one_and_two_hundred_of_everything() {
    for (_, words) in extremes::texts() {
        let words = format!("a {words}");
        let name = extremes::cut(&words, 200);
        for count in [0, 1, 200] {
            let names: Vec<String> = (0..count).map(|n| format!("a{n} {name}")).collect();
            for (free, bundle) in [(true, false), (false, true)] {
                let faces = extremes::faces_named(&name);
                hold_forms(&words, &names, faces, (free, bundle));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_form_breaks_a_limit(
        words in any_text(3000),
        names in proptest::collection::vec(any_text(200), 1..150),
        faces in any_faces(),
        free in any::<bool>(),
        bundle in any::<bool>(),
    ) {
        // Names and words that are nothing but a sign are a policy's own affair.
        let words = format!("a {words}");
        let names: Vec<String> = names.iter().map(|name| format!("a {name}")).collect();
        hold_forms(&words, &names, faces, (free, bundle));
    }
}
