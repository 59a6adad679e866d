//! What is shown, looked at; and the limits, held for any data.

use proptest::prelude::*;

use super::samples::*;
use super::{card, lint};

#[test]
fn the_card_in_every_state() {
    for (name, request) in states() {
        insta::assert_snapshot!(
            format!("card_{name}"),
            lint::show(&card::card(&request, &faces(), now()))
        );
    }
}

#[test]
fn the_plain_card() {
    let content = card::fallback(&request(), &faces(), now());
    insta::assert_snapshot!(lint::show(&content));
}

#[test]
fn buttons_are_gone_when_the_time_for_deciding_is_over() {
    let content = card::card(&request(), &faces(), now() + minutes(61));
    assert!(!lint::read(&content.blocks).contains("[Approve"));
}

proptest! {
    #[test]
    fn no_card_breaks_a_limit(request in any_request(), faces in any_faces()) {
        lint::message(&card::card(&request, &faces, now()));
        lint::message(&card::fallback(&request, &faces, now()));
    }
}
