//! Answers about what was done or could not be, and words of ours that stand in messages and dialogs
//! by themselves: looked at, and held with any data.

use proptest::prelude::*;
use serde_json::Value;

use super::samples::*;
use super::text::{self, done, trouble};
use super::{Content, Faces, Kept, ask, card, lint, modal, reply, workspace};
use crate::domain::*;

const REFERENCE: &str = "0a1b2c3d";

/// What was to be done with something, as handlers say it.
const VERBS: [&str; 7] = [
    "cancel", "done", "extend", "retry", "review", "revoke", "show",
];

/// Every answer about one request, and all that carries somebody's words.
fn answers(request: &Request, faces: &Faces, words: &str) -> Vec<Content> {
    let error = format!("{words} [42501] (A detail.)");
    let kept = Kept {
        number: i64::MAX,
        until: Some(request.asked_at),
    };
    let mut answers = vec![
        done::given_back(request, None),
        done::given_back(request, Some(&kept)),
        done::cancelled(request),
        done::withdrawn(request),
        done::retried(request),
        done::reviewed(request, true),
        done::reviewed(request, false),
        done::revoked(request, None),
        done::revoked(request, Some(&kept)),
        done::bundle_has_roles(words),
        done::too_slow(REFERENCE),
        done::not_opened(REFERENCE),
        reply::start_cancelled(request),
        reply::retried(request),
        reply::refused_for(&Refusal::PersonUnreadable, faces, REFERENCE),
        reply::with_what_was_written(reply::start_cancelled(request), words),
        trouble::failed_here(REFERENCE),
        workspace::no_policy(words),
    ];
    for verb in VERBS {
        answers.push(done::none_fits(verb));
        answers.push(done::number_needed(verb));
    }
    let lines = vec![text::said(words); 5];
    let said = [
        text::home::retried(request),
        text::home::resolved(request, words),
        text::told_in_thread(&faces.mention(request.access.person), &text::said(words)),
        done::no_password(&error, REFERENCE),
        trouble::unknown_code(words, &trouble::card_of(request.number), 6),
        trouble::unknown_code(words, &trouble::digest_called(words), 6),
        trouble::unknown_code(words, trouble::HOME_TAB, 6),
        trouble::gave_up(words, trouble::NOTICE),
        trouble::unheard(words, words),
        trouble::admin_needed(words),
        trouble::policy_broken("0a1b2c", &[], 0),
        trouble::policy_broken("0a1b2c", &lines, 195),
        trouble::policy_mended("0a1b2c"),
    ];
    answers.extend(said.iter().map(|said| Content::line(said)));
    answers
}

/// Every answer about several requests, from none to many.
fn answers_about(requests: &[Request], faces: &Faces) -> Vec<Content> {
    let mut answers = vec![
        done::bundle_submitted(requests, faces),
        done::role_needed(requests),
    ];
    answers.extend(VERBS.map(|verb| done::several_fit(verb, requests)));
    answers
}

/// The dialogs in which such words stand, and what is offered while somebody types.
fn dialogs(words: &str) -> Vec<Value> {
    let update = workspace::no_policy_update(words);
    assert_eq!(update["response_action"], "update");
    let password = done::no_password(words, REFERENCE);
    vec![
        update["view"].clone(),
        modal::notice(done::PASSWORD_TITLE, &password),
        modal::notice(done::PASSWORD_TITLE, done::PASSWORD_COMES),
        modal::notice(trouble::NOTHING_DONE, &trouble::failed(REFERENCE)),
        modal::notice(
            trouble::LOOK_AGAIN,
            &reply::refusal(&Refusal::Stale, &Faces::default()),
        ),
    ]
}

fn what(name: &str, n: usize) -> ask::What {
    ask::What {
        name: format!("{n} {name}"),
        about: n.is_multiple_of(2).then(|| name.to_owned()),
        bundle: n.is_multiple_of(3),
    }
}

pub(super) fn hold_done(requests: &[Request], faces: &Faces, words: &str) {
    for request in requests.iter().take(1) {
        answers(request, faces, words)
            .iter()
            .for_each(lint::message);
    }
    let many = requests.iter().cycle().take(25).cloned();
    let many: Vec<Request> = many.collect();
    for some in [&[], requests, &many] {
        let told = answers_about(some, faces);
        told.iter().for_each(lint::message);
    }
    dialogs(words).iter().for_each(lint::modal);
    for count in [0, 1, 200] {
        let found: Vec<ask::What> = (0..count).map(|n| what(words, n)).collect();
        lint::choices(&ask::options(&found));
    }
}

#[test]
fn the_answers_about_what_was_done() {
    let mut page = String::new();
    let mut look = |content: &Content| {
        lint::message(content);
        page.push_str(&lint::read(&content.blocks));
    };
    let words = "some words";
    answers(&request(), &faces(), words)
        .iter()
        .for_each(&mut look);
    let parts = bundles().remove(0).1;
    answers_about(&parts, &faces()).iter().for_each(&mut look);
    for view in dialogs(words) {
        lint::modal(&view);
        page.push_str(&lint::read(view["blocks"].as_array().unwrap()));
    }
    insta::assert_snapshot!(page);
}

#[test]
fn the_code_of_a_fault_is_for_the_log() {
    for (error, shown) in [
        (REFUSED, "The role cannot be made: permission denied"),
        ("refused (os error 111)", "refused"),
        ("[42501]", ""),
        ("row [1] of [abc12] failed", "row [1] of [abc12] failed"),
        ("[é] [ééé] [12345", "[é] [ééé] [12345"),
        ("", ""),
    ] {
        assert_eq!(text::fault(error), text::said(shown), "{error}");
    }
    let failed = states().into_iter().find(|(name, _)| *name == "failed");
    let shown = card::card(&failed.unwrap().1, &faces(), now());
    let shown = lint::read(&shown.blocks);
    assert!(shown.contains("permission denied”"), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn no_answer_breaks_a_limit(
        requests in proptest::collection::vec(any_request(), 1..12),
        faces in any_faces(),
        words in any_text(3000),
    ) {
        hold_done(&requests, &faces, &words);
    }
}
