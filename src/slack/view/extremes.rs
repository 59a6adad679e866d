//! Every kind of message and dialog with the smallest and the largest data that it may meet: empty,
//! one letter, thousands of them, emoji, right to left, markup; no approver and two hundred; one
//! part and many. Kept for the validators of `tests/slack/qualify` like all that is looked at.

use std::collections::{BTreeMap, BTreeSet};

use super::answers::hold_done;
use super::samples::*;
use super::tests::{hold_bundle, hold_news, hold_request};
use super::{Content, Face, Faces, card, lint, page, reply};
use crate::domain::*;

/// What somebody may have typed, or a policy may hold.
pub(super) fn texts() -> Vec<(&'static str, String)> {
    vec![
        ("nothing", String::new()),
        ("one letter", "a".to_owned()),
        ("blank", " \n\t ".to_owned()),
        ("words", "orders are stuck ".repeat(200)),
        ("one long word", "é".repeat(3000)),
        ("emoji", "👩\u{200D}💻🎉🇩🇪".repeat(350)),
        ("right to left", "\u{202E}שלום עולם مرحبا ".repeat(150)),
        ("pairs of UTF-16", "𝕏".repeat(1500)),
        (
            "marks",
            "a\u{0301}\u{0301}\u{0301}\u{0301}\u{0301}".repeat(500),
        ),
        ("markup", "*_~`<!channel> & <@U1|x> ".repeat(120)),
        ("lines", "a\n".repeat(1500)),
    ]
}

pub(super) fn cut(words: &str, most: usize) -> String {
    words.chars().take(most).collect()
}

/// With these words wherever there is room for any, and two hundred people who could decide.
pub(super) fn largest(base: &Request, words: &str) -> Request {
    let mut request = base.clone();
    words.clone_into(&mut request.reason);
    request.access.resource = ResourceName::new(cut(words, 200));
    request.access.role = RoleName::new(cut(words, 200));
    let terms = &mut request.terms;
    terms.rule = RuleName::new(cut(words, 200));
    terms.ticket = Some(words.to_owned());
    terms.card.sensitivity = Some(cut(words, 200));
    terms.card.description = Some(words.to_owned());
    terms.card.how_to_connect = Some(words.to_owned());
    terms.channel = format!("#{}", cut(words, 80));
    let names: Vec<String> = (0..12).map(|n| format!("group {n} {words}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if matches!(terms.route, Route::Steps(_)) {
        terms.route = Route::Steps(vec![spoiled_step(&names); 5]);
    }
    let people: BTreeSet<PersonId> = (10..210).map(person).collect();
    request.roster.groups = BTreeMap::from([(group(names[0]), people)]);
    let many = (10..30).map(|n| Approval {
        comment: Some(words.to_owned()),
        ..approval(person(n), 0)
    });
    spoil(&mut request.state, many.collect(), words);
    request
}

/// Everybody by that name; every second one has no account in Slack.
pub(super) fn faces_named(name: &str) -> Faces {
    let face = |n: u128| Face {
        slack_user: n.is_multiple_of(2).then(|| format!("U{n}")),
        name: name.to_owned(),
    };
    (1..210).map(|n| (person(n), face(n))).collect()
}

#[test]
fn every_state_holds_with_the_smallest_and_the_largest_data() {
    // Every state is met by every second text, and every text by every second state.
    for (nth, (_, words)) in texts().into_iter().enumerate() {
        let faces = faces_named(&cut(&words, 200));
        for (_, base) in states().into_iter().skip(nth % 2).step_by(2) {
            hold_request(&largest(&base, &words), &faces);
        }
        let largest = largest(&request(), &words);
        hold_news(&largest, &faces, &words);
        hold_done(&[largest], &faces, &words);
    }
}

#[test]
fn bundles_hold_from_one_part_to_the_most() {
    for (_, words) in texts() {
        let faces = faces_named(&cut(&words, 200));
        let words = cut(&words, 300);
        for count in [1, 25] {
            let bases = states().into_iter().map(|(_, base)| largest(&base, &words));
            let parts: Vec<Request> = bases.take(count).collect();
            hold_bundle(&bundled(parts), &faces, &words);
        }
    }
}

#[test]
fn lists_hold_from_nothing_to_hundreds() {
    for (_, words) in texts() {
        let base = Request {
            state: granted(active()),
            ..request()
        };
        let request = largest(&base, &words);
        let owner = reply::Owner {
            me: [request.access.person].into(),
            ..reply::Owner::default()
        };
        for count in [0, 1, 200] {
            let many = numbered(&request, count.min(page::List::PAGE));
            lint::message(&reply::active(
                &many.iter().collect::<Vec<_>>(),
                &owner,
                None,
                now(),
            ));
            let line = super::text::said(&words);
            let lines = vec![format!("one line: {line}"); count.max(1)];
            lint::message(&Content::lines(&lines));
        }
    }
}

/// A notification shows nothing but the text, so it says what the message is about, and different
/// messages say different things.
#[test]
fn notifications_say_what_it_is_about() {
    let mut heard: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, request) in states() {
        let text = card::card(&request, &faces(), now()).text;
        assert!(text.contains("readonly on staging-db"), "{name}: {text}");
        heard.entry(text).or_default().push(name);
    }
    let alike = heard.values().map(Vec::len).max().unwrap_or_default();
    assert!(alike < states().len() / 3, "{heard:#?}");
    assert!(states().len() / 2 < heard.len(), "{heard:#?}");
}
