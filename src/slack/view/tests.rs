//! What is shown, looked at; and the limits, held for any data.

use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::reply::{Eligible, Explained, LeftOut, ListItem};
use super::samples::*;
use super::text::outcome::Aloud;
use super::{
    Content, Faces, Kept, card, dm, lint, modal, page, reply, review_card, story, text, why_me,
};
use crate::domain::*;

const LINK: &str = "https://example.slack.com/archives/C1/p1?a=1&b=2";

#[test]
fn the_card_in_every_state() {
    for (name, request) in states() {
        let content = card::card(&request, &faces(), now());
        insta::assert_snapshot!(format!("card_{name}"), lint::show(&content));
    }
}

#[test]
fn the_plain_card() {
    let content = card::fallback(&[request()], &faces(), now());
    insta::assert_snapshot!(lint::show(&content));
}

#[test]
fn the_card_of_a_bundle() {
    for (name, parts) in bundles() {
        let content = card::of(&parts, &faces(), now());
        insta::assert_snapshot!(format!("bundle_{name}"), lint::show(&content));
        lint::message(&card::fallback(&parts, &faces(), now()));
    }
}

#[test]
fn one_primary_button_and_one_of_each_kind() {
    let cards = states().into_iter().map(|(_, request)| vec![request]);
    for parts in cards.chain(bundles().into_iter().map(|(_, parts)| parts)) {
        let blocks = card::of(&parts, &faces(), now()).blocks;
        let buttons = blocks.iter().filter(|block| block["type"] == "actions");
        let buttons = buttons.flat_map(|block| block["elements"].as_array().unwrap());
        let buttons: Vec<_> = buttons.collect();
        let primary = buttons.iter().filter(|button| button["style"] == "primary");
        assert!(primary.count() <= 1, "{blocks:#?}");
        for told in ["action_id", "accessibility_label"] {
            let mut all: Vec<_> = buttons.iter().map(|button| &button[told]).collect();
            let before = all.len();
            all.sort_by_key(ToString::to_string);
            all.dedup();
            assert_eq!(all.len(), before, "{told} twice: {blocks:#?}");
        }
        let lead = parts[0].id.to_string();
        assert!(
            buttons
                .iter()
                .all(|button| button["value"] == lead.as_str())
        );
    }
}

#[test]
fn only_who_can_act_is_called() {
    let state = |name: &str| {
        let found = states().into_iter().find(|(known, _)| *known == name);
        found.unwrap().1
    };
    let called = |name: &str| state(name).called(now());
    assert_eq!(called("waiting"), [bob(), carol()], "never the holder");
    assert_eq!(called("waiting_pinged"), [bob()], "the ping list");
    assert_eq!(
        called("waiting_escalated"),
        [bob(), lee()],
        "others as well"
    );
    assert_eq!(called("waiting_quiet"), [carol()], "who stands in");
    assert_eq!(called("waiting_shorter"), [carol()], "not who has approved");
    assert_eq!(called("active"), [] as [PersonId; 0]);
    let again = |groups: &[&str]| {
        let groups: Vec<GroupName> = groups.iter().map(|name| group(name)).collect();
        state("waiting_pinged").called_again(&groups, now())
    };
    assert_eq!(
        again(&["leads", "dba-leads"]),
        [bob()],
        "lee cannot decide yet"
    );
    assert_eq!(
        again(&["leads"]),
        [bob(), carol()],
        "where none of the mentioned can decide, whoever can"
    );
}

#[test]
fn break_glass_tells_those_skipped_and_those_who_review() {
    let glass = glass(None);
    let state = |name: &str| {
        let found = meanings().into_iter().find(|(known, _)| *known == name);
        found.unwrap().1
    };
    assert_eq!(text::glass::skipped_people(&glass), [bob(), carol()]);
    assert_eq!(text::glass::reviewers(&glass), [lee()]);
    let parts = std::slice::from_ref(&glass);
    let skipped = dm::told_of_glass(parts, &faces(), now());
    insta::assert_snapshot!("glass_told_skipped", lint::show(&skipped));
    assert!(!lint::show(&skipped).contains("[Justified"));
    for (name, request) in [
        ("waits", glass.clone()),
        ("overdue", state("glass_overdue")),
        ("justified", state("glass_justified")),
        ("not_justified", state("glass_not_justified")),
    ] {
        let content = review_card::of(&[request], &faces(), now());
        insta::assert_snapshot!(format!("review_card_{name}"), lint::show(&content));
    }
}

#[test]
fn buttons_are_there_only_while_they_do_something() {
    let seen = |request: &Request, at| lint::read(&card::card(request, &faces(), at).blocks);
    assert!(seen(&request(), now()).contains("[Approve"));
    assert!(
        !seen(&request(), now() + minutes(61)).contains('['),
        "its time for deciding is over"
    );
    for (name, request) in states() {
        let (page, grant) = (
            seen(&request, now()),
            request.grant().map(|grant| &grant.state),
        );
        let given = matches!(
            grant,
            Some(
                GrantState::Scheduled { .. }
                    | GrantState::Activating { .. }
                    | GrantState::Active { .. }
            )
        );
        assert_eq!(page.contains("[Revoke…"), given, "{name}");
        assert_eq!(
            page.contains("[Approve"),
            request.approvals().is_empty() && grant.is_none() && !request.is_over()
                || name.starts_with("waiting"),
            "{name}"
        );
        let asks = page.contains("[Approve primary asks]");
        assert_eq!(
            asks,
            page.contains("Sensitivity: *high*") && name.starts_with("waiting"),
            "{name}"
        );
    }
}

/// Every event once, in the order of a life, with the request as it is after it.
#[expect(clippy::too_many_lines, reason = "a table reads best in one piece")]
fn life() -> Vec<(&'static str, Event, Request)> {
    let at = |request: Request| -> Vec<(&'static str, Event, Request)> {
        let grant = |state| Request {
            state: granted(state),
            ..request.clone()
        };
        let until = now() + minutes(63);
        let removal = Removal {
            already_absent: false,
            sessions_ended: 2,
        };
        let revoked = |cause: RevokeCause, covered_until| {
            grant(GrantState::Revoked {
                at: until,
                cause,
                covered_until,
            })
        };
        let gone = |removal, covered_until, lag_seconds| Event::GrantRevoked {
            removal,
            covered_until,
            lag_seconds,
        };
        let begun = |cause: RevokeCause| {
            let state = GrantState::Revoking {
                since: until,
                cause: cause.clone(),
                failing: None,
            };
            (
                Event::RevocationBegun {
                    since: until,
                    cause,
                },
                grant(state),
            )
        };
        let mut two = request.clone();
        two.terms.route = Route::Steps(vec![
            step(&["dba"], Quorum::Any(2)),
            step(&["security"], Quorum::Any(1)),
        ]);
        two.state = pending(0, vec![approval(bob(), 0)]);
        let mut automatic = request.clone();
        automatic.terms.route = Route::Automatic {
            why: "the rule approves by itself".into(),
        };
        let mut extension = grant(active());
        extension.extends = Some(Extends {
            request: request.id,
            until: None,
        });
        let unknown = RevokeCause::ActivationUnknown {
            error: "timed out".to_owned(),
        };
        let mut told = vec![
            (
                "requested",
                Event::Requested {
                    request: Box::new(request.clone()),
                },
                request.clone(),
            ),
            (
                "requested_automatic",
                Event::Requested {
                    request: Box::new(automatic.clone()),
                },
                automatic,
            ),
            (
                "approval_given",
                Event::ApprovalGiven {
                    by: member(bob(), &["dba"]),
                    step: 0,
                    comment: Some("for *today*".to_owned()),
                    shortened: None,
                },
                request.clone(),
            ),
            (
                "approval_one_of_two",
                Event::ApprovalGiven {
                    by: member(bob(), &["dba"]),
                    step: 0,
                    comment: None,
                    shortened: None,
                },
                two.clone(),
            ),
            (
                "step_finished",
                Event::StepFinished {
                    step: 0,
                    call_at: None,
                },
                Request {
                    state: pending(1, vec![approval(bob(), 0)]),
                    ..two.clone()
                },
            ),
            (
                "last_step_finished",
                Event::StepFinished {
                    step: 1,
                    call_at: None,
                },
                two,
            ),
            (
                "approved",
                Event::RequestApproved {
                    after: None,
                    start_at: None,
                    review_by: None,
                },
                grant(GrantState::Activating {
                    since: now(),
                    until: None,
                }),
            ),
            (
                "approved_extension",
                Event::RequestApproved {
                    after: Some(until),
                    start_at: None,
                    review_by: None,
                },
                extension.clone(),
            ),
            (
                "denied",
                Event::RequestDenied {
                    by: bob(),
                    why: "use the replica\ninstead <!here>".to_owned(),
                },
                request.clone(),
            ),
            ("cancelled", Event::RequestCancelled, request.clone()),
            ("expired", Event::RequestExpired, request.clone()),
            (
                "activation_begun",
                Event::ActivationBegun { until },
                request.clone(),
            ),
            (
                "activation_unreached",
                Event::ActivationUnreached {
                    error: "refused".to_owned(),
                },
                request.clone(),
            ),
            (
                "activated",
                Event::GrantActivated {
                    until,
                    receipt: receipt(),
                },
                grant(active()),
            ),
            (
                "activated_without_credentials",
                Event::GrantActivated {
                    until,
                    receipt: Receipt::default(),
                },
                grant(active()),
            ),
            (
                "activated_extension",
                Event::GrantActivated {
                    until,
                    receipt: receipt(),
                },
                extension,
            ),
            (
                "failed",
                Event::GrantFailed {
                    error: "role `app_ro` does not exist".to_owned(),
                },
                request.clone(),
            ),
            ("reminded", Event::HolderReminded, grant(active())),
            (
                "removal_failing",
                Event::RemovalFailing {
                    attempts: 3,
                    error: "connection refused".to_owned(),
                },
                grant(active()),
            ),
            (
                "gone",
                gone(Some(removal), None, 2),
                revoked(RevokeCause::Lapsed, None),
            ),
            (
                "gone_late",
                gone(
                    Some(Removal {
                        sessions_ended: 1,
                        ..removal
                    }),
                    None,
                    600,
                ),
                revoked(RevokeCause::Lapsed, None),
            ),
            (
                "gone_given_back",
                gone(Some(Removal::default()), None, 2),
                revoked(RevokeCause::GivenBack, None),
            ),
            (
                "gone_already",
                gone(
                    Some(Removal {
                        already_absent: true,
                        sessions_ended: 0,
                    }),
                    None,
                    2,
                ),
                revoked(unknown.clone(), None),
            ),
            (
                "gone_revoked",
                gone(Some(Removal::default()), None, 2),
                revoked(revoked_by_bob(), None),
            ),
            (
                "gone_covered",
                gone(None, Some(until), 0),
                revoked(RevokeCause::Lapsed, Some(until)),
            ),
            (
                "removal_retried",
                Event::RemovalRetried { by: lee() },
                request.clone(),
            ),
            (
                "removal_resolved",
                Event::RemovalResolved {
                    by: lee(),
                    why: "the server is *gone*".to_owned(),
                },
                request.clone(),
            ),
            (
                "decision_refused",
                Event::DecisionRefused {
                    by: dana(),
                    refusal: Refusal::OwnRequest,
                },
                request.clone(),
            ),
        ];
        told.extend(chase());
        told.extend(meaning());
        for (name, cause) in [
            ("begun_lapsed", RevokeCause::Lapsed),
            ("begun_given_back", RevokeCause::GivenBack),
            ("begun_revoked", revoked_by_bob()),
            ("begun_unknown", unknown),
        ] {
            let (event, request) = begun(cause);
            told.push((name, event, request));
        }
        told
    };
    at(request())
}

fn told<'a>(event: &'a Event, request: &'a Request) -> story::News<'a> {
    story::News {
        kept: None,
        event,
        at: late(),
        request,
        before: None,
    }
}

/// A step that waits too long.
#[expect(clippy::too_many_lines, reason = "a table reads best in one piece")]
fn chase() -> Vec<(&'static str, Event, Request)> {
    let state = |name: &str| {
        let found = meanings().into_iter().find(|(known, _)| *known == name);
        found.unwrap().1
    };
    let nudged = |groups: &[&str]| Event::ApproversNudged {
        step: 0,
        groups: groups.iter().map(|name| group(name)).collect(),
        again_at: None,
    };
    let to = vec![group("leads")];
    vec![
        (
            "called_in_the_morning",
            Event::ApproversCalled {
                step: 0,
                people: vec![carol()],
                again_at: None,
            },
            request(),
        ),
        (
            "put_off",
            Event::CallPutOff {
                step: 0,
                until: now() + minutes(600),
            },
            request(),
        ),
        ("nudged", nudged(&["dba"]), request()),
        (
            "nudged_in_quiet",
            nudged(&["oncall"]),
            state("waiting_quiet"),
        ),
        (
            "nudged_too_late",
            nudged(&["dba"]),
            Request {
                state: granted(active()),
                ..request()
            },
        ),
        (
            "escalated",
            Event::StepEscalated {
                step: 0,
                to,
                call_at: None,
            },
            state("waiting_escalated"),
        ),
        (
            "tightened",
            Event::TermsTightened {
                terms: Box::new(state("waiting_tightened").terms),
                roster: None,
            },
            state("waiting_tightened"),
        ),
        (
            "overruled",
            Event::RequestOverruled {
                refusal: Refusal::DeniedByRule {
                    rule: RuleName::new("freeze"),
                    message: "frozen".to_owned(),
                },
                why: "frozen".to_owned(),
            },
            state("overruled"),
        ),
    ]
}

/// What else policy can mean.
#[expect(
    clippy::too_many_lines,
    reason = "one list of what can happen, each with its request"
)]
fn meaning() -> Vec<(&'static str, Event, Request)> {
    let state = |name: &str| {
        let found = meanings().into_iter().find(|(known, _)| *known == name);
        found.unwrap().1
    };
    let approved = |start_at, review_by| Event::RequestApproved {
        after: None,
        start_at,
        review_by,
    };
    let withdrawn = |cause: RevokeCause| Event::StartWithdrawn { cause };
    let unstarted = RevokeCause::Unstarted {
        why: "frozen".to_owned(),
    };
    let reviewed = |justified, note: &str| Event::ReviewCompleted {
        by: lee(),
        justified,
        note: note.to_owned(),
    };
    let until = now() + minutes(33);
    let less = Shortened {
        from: Span::hours(1),
        to: Span::minutes(30),
    };
    vec![
        (
            "approval_shorter",
            Event::ApprovalGiven {
                by: member(bob(), &["dba"]),
                step: 0,
                comment: Some("half an hour should do".to_owned()),
                shortened: Some(less),
            },
            state("active_shorter"),
        ),
        (
            "activated_shorter",
            Event::GrantActivated {
                until,
                receipt: receipt(),
            },
            state("active_shorter"),
        ),
        (
            "activated_glass",
            Event::GrantActivated {
                until,
                receipt: receipt(),
            },
            state("glass_active"),
        ),
        (
            "approved_for_later",
            approved(Some(now() + minutes(600)), None),
            state("scheduled"),
        ),
        ("start_begun", Event::StartBegun, state("scheduled")),
        (
            "start_withdrawn",
            withdrawn(RevokeCause::GivenBack),
            state("withdrawn"),
        ),
        (
            "start_revoked",
            withdrawn(revoked_by_bob()),
            state("withdrawn"),
        ),
        ("start_refused", withdrawn(unstarted), state("unstarted")),
        ("retried", Event::GrantRetried { by: dana() }, request()),
        (
            "approved_glass",
            approved(None, Some(now() + minutes(24 * 60))),
            state("glass_active"),
        ),
        (
            "review_overdue",
            Event::ReviewOverdue,
            state("glass_overdue"),
        ),
        (
            "reviewed_justified",
            reviewed(true, ""),
            state("glass_justified"),
        ),
        (
            "reviewed_not_justified",
            reviewed(false, "the replica would have done"),
            state("glass_not_justified"),
        ),
    ]
}

/// When the events of [`life`] happen: a quarter of an hour before the end.
fn late() -> DateTime<Utc> {
    now() + minutes(48)
}

#[test]
fn the_thread_tells_the_story() {
    let line = |(name, event, request): &(&str, Event, Request)| {
        let line = story::line(&told(event, request), &faces());
        let line = line.as_deref().map(Content::line);
        if let Some(line) = &line {
            lint::message(line);
        }
        let seen = line.map_or_else(|| "-\n".to_owned(), |line| lint::read(&line.blocks));
        format!("{name}\n  {seen}")
    };
    insta::assert_snapshot!(life().iter().map(line).collect::<String>());
}

#[test]
fn what_the_requester_is_told() {
    for (name, event, request) in life() {
        let told = dm::notice(&event, late(), &request, &faces(), Some(LINK));
        match told {
            Some(content) => insta::assert_snapshot!(format!("dm_{name}"), lint::show(&content)),
            None => assert!(
                matches!(
                    name,
                    "requested_automatic"
                        | "approval_given"
                        | "approval_one_of_two"
                        | "step_finished"
                        | "last_step_finished"
                        | "approved"
                        | "approved_extension"
                        | "cancelled"
                        | "activation_begun"
                        | "activation_unreached"
                        | "removal_failing"
                        | "removal_retried"
                        | "gone_already"
                        | "gone_revoked"
                        | "decision_refused"
                        | "begun_lapsed"
                        | "begun_given_back"
                        | "nudged"
                        | "nudged_in_quiet"
                        | "nudged_too_late"
                        | "called_in_the_morning"
                        | "put_off"
                        | "escalated"
                        | "tightened"
                        | "approval_shorter"
                        | "start_begun"
                        | "retried"
                        | "approved_glass"
                        | "review_overdue"
                        | "reviewed_justified"
                        | "reviewed_not_justified"
                ),
                "{name} is told"
            ),
        }
    }
}

#[test]
fn an_approver_is_asked_directly() {
    let content = dm::asked(
        &[request()],
        &faces(),
        now(),
        &text::channel_trouble("#access", "not_in_channel"),
    );
    insta::assert_snapshot!(lint::show(&content));
    let lost = text::channel_lost("#access", "is_archived", &[bob(), carol()], &faces());
    insta::assert_snapshot!("channel_lost", lint::show(&Content::line(&lost)));
}

#[test]
fn a_copy_in_a_message_has_its_small_print_below_and_nothing_to_cancel() {
    let why = text::channel_trouble("#access", "not_in_channel");
    let copy = dm::asked(&[request()], &faces(), now(), &why);
    let page = lint::read(&copy.blocks);
    assert!(page.contains("`/invite` me there"), "{page}");
    assert!(
        page.find("wants readonly") < page.find("You are asked directly"),
        "{page}"
    );
    assert!(!page.contains("Cancel request"), "{page}");
    let card = lint::read(&card::card(&request(), &faces(), now()).blocks);
    assert!(card.contains("Cancel request"), "{card}");
}

#[test]
fn a_long_reason_leaves_the_buttons_on_a_phone_and_stands_in_the_thread() {
    let mut long = request();
    long.reason = format!("{}and the end", "orders are stuck ".repeat(80));
    let page = lint::read(&card::card(&long, &faces(), now()).blocks);
    assert!(
        !page.contains("and the end") && page.len() < 1_200,
        "{page}"
    );
    assert!(
        page.contains("whole reason stands in the card's thread"),
        "{page}"
    );
    let asked = Event::Requested {
        request: Box::new(long.clone()),
    };
    let line = story::line(&told(&asked, &long), &faces()).unwrap();
    assert!(line.contains("and the end"), "{line}");
    let short = Event::Requested {
        request: Box::new(request()),
    };
    let line = story::line(&told(&short, &request()), &faces()).unwrap();
    assert!(!line.contains("in full"), "{line}");
}

#[test]
fn a_second_look_is_asked_for_what_is_high_or_critical() {
    let asks = |word: &str| {
        let mut request = request();
        request.terms.card.sensitivity = Some(word.to_owned());
        let card = card::card(&request, &faces(), now());
        serde_json::to_string(&card.blocks)
            .unwrap()
            .contains("Not yet")
    };
    for word in [
        "high",
        "Very High",
        "highest",
        "critical",
        "pci-critical",
        " CRITICAL ",
    ] {
        assert!(asks(word), "{word}");
    }
    for word in ["", "low", "medium", "highland", "uncritical"] {
        assert!(!asks(word), "{word}");
    }
}

#[test]
fn a_link_that_could_break_out_is_left_out() {
    let event = Event::RequestExpired;
    let told = |link| {
        lint::read(
            &dm::notice(&event, now(), &request(), &faces(), Some(link))
                .unwrap()
                .blocks,
        )
    };
    assert!(told(LINK).contains("a=1&amp;b=2|See the card>"));
    assert!(!told("https://x.example/|<!channel>").contains("See the card"));
    assert!(!told("javascript:alert(1)").contains("See the card"));
}

#[test]
fn the_dialogs() {
    let meta = modal::Meta {
        request: request().id,
        channel: Some("C1".to_owned()),
        ts: Some("1.2".to_owned()),
        version: None,
    };
    let one = [request()];
    let several = bundles().remove(1).1;
    let facts = [
        ("host", "staging.example.com"),
        ("login", "jit_0a1b"),
        ("psql", "psql 'host=staging.example.com user=jit_0a1b'"),
    ];
    let facts = facts.map(|(name, fact)| (name.to_owned(), fact.to_owned()));
    for (name, view) in [
        ("deny", modal::deny_reason(&request(), &meta)),
        ("revoke", modal::revoke_reason(&request(), &meta)),
        ("deny_bundle", modal::deny_reason(&several[0], &meta)),
        ("review", modal::review(&one, &faces(), &meta)),
        ("review_bundle", modal::review(&several, &faces(), &meta)),
        (
            "justified",
            modal::after_review(&[glass(None)], true, &faces(), &meta),
        ),
        (
            "not_justified",
            modal::after_review(&[glass(None)], false, &faces(), &meta),
        ),
        (
            "credentials",
            modal::credentials(&facts, "s3cr*t<&>`_~", now() + minutes(60)),
        ),
        (
            "notice",
            modal::notice("Already decided", "Somebody was faster."),
        ),
    ] {
        lint::modal(&view);
        let page = lint::read(view["blocks"].as_array().unwrap());
        insta::assert_snapshot!(format!("modal_{name}"), format!("{page}\n{view:#}"));
    }
    let carried = modal::deny_reason(&request(), &meta)["private_metadata"]
        .as_str()
        .map(modal::Meta::read);
    assert_eq!(carried, Some(Some(meta)));
    assert_eq!(modal::Meta::read("{}"), None);
}

#[test]
fn a_password_is_shown_exactly_as_it_is() {
    let view = modal::credentials(&[], "a  b*c<&>", now());
    let shown = &view["blocks"][2]["elements"][0]["elements"][0]["text"];
    assert_eq!(shown, "a  b*c<&>");
}

fn items(count: usize) -> Vec<ListItem> {
    let item = |n: usize| ListItem {
        name: format!("db-{n}"),
        description: Some("The *staging* database".to_owned()),
        roles: vec![
            ("readonly".to_owned(), Some(Span::hours(8))),
            ("write".to_owned(), None),
        ],
        sensitivity: (n.is_multiple_of(2)).then(|| "low".to_owned()),
        parts: Vec::new(),
    };
    (0..count).map(item).collect()
}

#[test]
fn why_somebody_decides_or_does_not() {
    let mut two = request();
    let steps = vec![
        step(&["dba", "leads"], Quorum::All(1)),
        step(&["leads"], Quorum::Any(1)),
    ];
    two.terms.route = Route::Steps(steps);
    two.state = pending(0, vec![approval(bob(), 0)]);
    let escalated = chase().into_iter().map(|(_, _, request)| request);
    let escalated = escalated.filter(
        |request| matches!(&request.state, RequestState::Pending { chase, .. } if chase.escalated),
    );
    let single = [request(), two].into_iter().chain(escalated);
    let mut said = String::new();
    for request in single {
        for (by, groups) in [
            (bob(), vec!["dba"]),
            (lee(), vec!["leads"]),
            (carol(), vec!["manager", "dba"]),
            (dana(), vec!["dba"]),
            (person(11), vec![]),
        ] {
            let parts = std::slice::from_ref(&request);
            let content = why_me::why_me(parts, &member(by, &groups), &faces(), now());
            lint::message(&content);
            said.push_str(&lint::read(&content.blocks));
        }
    }
    insta::assert_snapshot!(said);
}

#[test]
fn a_card_shows_that_something_is_recorded_and_has_no_buttons() {
    for (name, parts) in bundles() {
        let content = card::recording(
            card::of(&parts, &faces(), now()),
            "⏳ Recording Bob's approval…",
        );
        lint::message(&content);
        assert!(
            !content
                .blocks
                .iter()
                .any(|block| block["type"] == "actions"),
            "{name}"
        );
    }
    let shown = card::of(&[request()], &faces(), now());
    let content = card::recording(shown, "⏳ Recording Bob's approval…");
    insta::assert_snapshot!(lint::show(&content));
}

#[test]
fn when_a_group_was_read_stands_in_the_dialog_and_on_the_card_only_where_that_was_long_ago() {
    let (_, mut waiting) = states()
        .into_iter()
        .find(|(name, _)| *name == "waiting_quiet")
        .unwrap();
    let meta = modal::Meta {
        request: waiting.id,
        channel: None,
        ts: None,
        version: None,
    };
    for (age, on_the_card) in [(30, false), (600, true)] {
        waiting.roster.ages.insert(group("oncall"), age);
        let card = lint::show(&card::card(&waiting, &faces(), now()));
        assert_eq!(card.contains("was read"), on_the_card, "{age} s: {card}");
        let one = std::slice::from_ref(&waiting);
        let review = modal::review(one, &faces(), &meta);
        lint::modal(&review);
        let review = review.to_string();
        assert!(review.contains("Who is in *oncall* was read"), "{review}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table reads best in one piece")]
fn the_answers() {
    let all = states();
    let own = (40..).zip(all.iter().take(12));
    let own = own.map(|(number, (_, request))| Request {
        number,
        ..request.clone()
    });
    let own: Vec<Request> = own.collect();
    let own: Vec<&Request> = own.iter().collect();
    let explained = Explained {
        part: "staging-db".to_owned(),
        tried: vec![
            (
                "no-weekends".to_owned(),
                "does not match: it is Monday".to_owned(),
            ),
            ("staging-read".to_owned(), "matches".to_owned()),
        ],
        eligible: vec![Eligible {
            step: 1,
            groups: vec![group("dba")],
            people: vec![bob(), carol()],
        }],
        left_out: vec![LeftOut {
            step: 2,
            groups: vec![group("leads")],
            condition: "request.duration > duration('4h')".to_owned(),
        }],
        read: vec![(group("oncall"), now())],
        ..Explained::of(Verdict::Terms(Box::new(terms())))
    };
    let refused = Explained {
        part: "prod-db".to_owned(),
        missing: vec![Refusal::NobodyToAsk {
            rule: RuleName::new("<!here>"),
        }],
        ..Explained::of(Verdict::Refused(Refusal::NoRule {
            resource: ResourceName::new("prod-db"),
            role: RoleName::new("admin"),
        }))
    };
    let glass = Explained {
        told: true,
        review: Some(Eligible {
            step: 0,
            groups: vec![group("leads")],
            people: vec![],
        }),
        ..explained.clone()
    };
    let bundle = [explained.clone(), refused.clone()];
    let more = page::More {
        after: "db-14".into(),
        left: 285,
    };
    let link = "https://example.slack.com/archives/C0ACCESS/p1700000000000100";
    let links = own.iter().map(|request| (request.id, link.to_owned()));
    let owner = reply::Owner {
        me: [dana()].into(),
        links: links.collect(),
    };
    let mut automatic = request();
    automatic.terms.route = Route::Automatic {
        why: "the rule approves by itself".into(),
    };
    for (name, content) in [
        ("help", reply::help()),
        ("list", reply::list(&items(2), None, &[])),
        ("list_empty", reply::list(&[], None, &[])),
        ("list_long", reply::list(&items(15), Some(&more), &[])),
        ("active", reply::active(&own, &owner, None, now())),
        ("active_empty", reply::active(&[], &owner, None, now())),
        ("explain", reply::explain(&explained, &faces())),
        ("explain_refused", reply::explain(&refused, &faces())),
        ("explain_break_glass", reply::explain(&glass, &faces())),
        (
            "explain_bundle",
            reply::explain_bundle("kit", &bundle, &faces()),
        ),
        (
            "not_understood",
            reply::not_understood(
                "Which resource? `/jit list` shows “<!here>”.",
                "/jit request db 1h",
            ),
        ),
        (
            "submitted",
            reply::submitted(&request(), &faces(), "C0ACCESS"),
        ),
        (
            "submitted_automatic",
            reply::submitted(&automatic, &faces(), "#access"),
        ),
        ("not_recorded", reply::not_recorded()),
        ("unknown_click", reply::unknown_click()),
    ] {
        insta::assert_snapshot!(format!("reply_{name}"), lint::show(&content));
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table reads best in one piece")]
fn the_noes() {
    let (resource, role) = (ResourceName::new("staging-db"), RoleName::new("write"));
    let roles = vec!["readonly".to_owned(), "write".to_owned()];
    let asked = "stagin <!here>".to_owned();
    let decided = |outcome, by| Refusal::AlreadyDecided {
        outcome,
        by,
        at: now(),
    };
    let noes = [
        Refusal::NoSuchResource {
            asked: asked.clone(),
            suggestions: vec![],
        },
        Refusal::NoSuchResource {
            asked: asked.clone(),
            suggestions: vec!["staging-db".to_owned(), "staging-s3".to_owned()],
        },
        Refusal::NoSuchRole {
            resource: resource.clone(),
            asked,
            roles: roles.clone(),
        },
        Refusal::RoleNeeded {
            resource: resource.clone(),
            roles,
        },
        Refusal::NoRule {
            resource: resource.clone(),
            role: role.clone(),
        },
        Refusal::DeniedByRule {
            rule: RuleName::new("freeze"),
            message: "frozen, see https://wiki.example/freeze".to_owned(),
        },
        Refusal::ReasonNeeded {
            message: "Please name a ticket, like INC-42.".to_owned(),
        },
        Refusal::ReasonTooLong {
            length: 3000,
            limit: 2000,
        },
        Refusal::TooLong {
            asked: Span::hours(9),
            limit: Span::hours(8),
            resource,
            role,
        },
        Refusal::TooFewApprovers {
            from: vec![group("dba"), group("lead")],
            needed: 2,
            eligible: 1,
            own: 1,
        },
        Refusal::TooFewApprovers {
            from: vec![group("dba")],
            needed: 1,
            eligible: 0,
            own: 2,
        },
        Refusal::GroupUnreadable {
            groups: vec![group("dba")],
        },
        Refusal::UnknownPerson {
            why: "Your Slack account is a guest here.".to_owned(),
        },
        Refusal::Duplicate,
        Refusal::Stale,
        Refusal::NoSuchRequest,
        Refusal::OwnRequest,
        Refusal::OwnChain,
        Refusal::NotAnApprover {
            needed: vec![group("dba"), group("lead")],
        },
        Refusal::NotAnApprover { needed: vec![] },
        Refusal::AlreadyApprovedByYou,
        Refusal::NeededLater {
            later: vec![group("lead")],
            needed: vec![group("dba")],
        },
        decided(Outcome::Approved, Some(bob())),
        decided(Outcome::Expired, None),
        Refusal::NothingToExtend,
        Refusal::WhyNeeded,
        Refusal::NotYours,
        Refusal::NotActive {
            outcome: Some(Outcome::Ended),
        },
        Refusal::NotActive { outcome: None },
        Refusal::NotDue,
    ];
    let said = noes.iter().map(|no| {
        let content = reply::refused(no, &faces());
        lint::message(&content);
        lint::read(&content.blocks)
    });
    insta::assert_snapshot!(said.collect::<String>());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_card_breaks_a_limit(request in any_request(), faces in any_faces()) {
        hold_request(&request, &faces);
    }

    #[test]
    fn no_bundle_breaks_a_limit(
        requests in proptest::collection::vec(any_request(), 1..26),
        faces in any_faces(),
        words in any_text(3000),
    ) {
        hold_bundle(&bundled(requests), &faces, &words);
    }

    #[test]
    fn no_message_breaks_a_limit(request in any_request(), faces in any_faces(), words in any_text(3000)) {
        hold_news(&request, &faces, &words);
    }
}

/// Everything that shows one request.
pub(super) fn hold_request(request: &Request, faces: &Faces) {
    lint::message(&card::card(request, faces, now()));
    let parts = [request.clone()];
    lint::message(&card::fallback(&parts, faces, now()));
    let why = text::channel_trouble(&request.reason, "not_in_channel");
    lint::message(&dm::asked(&parts, faces, now(), &why));
    lint::message(&dm::told_of_glass(&parts, faces, now()));
    lint::message(&review_card::of(&parts, faces, now()));
    lint::message(&review_card::fallback(&parts, faces));
    let more = page::More {
        after: request.id.to_string(),
        left: 285,
    };
    let owner = reply::Owner {
        me: [request.access.person].into(),
        ..reply::Owner::default()
    };
    let many = numbered(request, page::List::PAGE);
    lint::message(&reply::active(
        &many.iter().collect::<Vec<_>>(),
        &owner,
        Some(&more),
        now(),
    ));
    let act = Command::Deny {
        by: member(person(11), &[]),
        why: String::new(),
    };
    let recording = text::recording::recording(&act, faces).unwrap();
    lint::message(&card::recording(card::of(&parts, faces, now()), &recording));
    for by in [dana(), bob(), person(11)] {
        let by = member(by, &["dba", "leads"]);
        lint::message(&why_me::why_me(&parts, &by, faces, now()));
    }
    lint::message(&reply::submitted(
        request,
        faces,
        request.access.role.as_str(),
    ));
    let meta = modal::Meta {
        request: request.id,
        channel: None,
        ts: None,
        version: None,
    };
    lint::modal(&modal::review(&parts, faces, &meta));
    for justified in [true, false] {
        lint::modal(&modal::after_review(&parts, justified, faces, &meta));
    }
    lint::modal(&modal::deny_reason(request, &meta));
    lint::modal(&modal::revoke_reason(request, &meta));
    let mut facts = vec![(request.reason.clone(), request.reason.clone()); 30];
    facts.extend(vec![
        ("psql".to_owned(), format!("psql {}", request.reason));
        30
    ]);
    lint::modal(&modal::credentials(&facts, "secret", now()));
    lint::modal(&modal::notice(
        "Nothing was done",
        &format!("It says: {}", text::said(&request.reason)),
    ));
}

/// What the holder of a bundle is told while they have it.
fn hold_held(parts: &[Request], faces: &Faces, words: &str) {
    let mut receipt = receipt();
    receipt.facts.insert(words.to_owned(), words.to_owned());
    let active: Vec<_> = parts.iter().map(|part| (part, now(), &receipt)).collect();
    lint::message(&dm::active_parts(&parts[0], &active, faces, Some(LINK)));
    let held: Vec<&Request> = parts.iter().collect();
    lint::message(&dm::reminded_parts(&parts[0], &held, now(), Some(LINK)));
    let kept = Kept {
        number: i64::MAX,
        until: Some(now()),
    };
    let revoked = (bob(), words);
    lint::message(&dm::revoked_but_kept(
        revoked,
        &parts[0],
        &kept,
        faces,
        Some(LINK),
    ));
}

/// Everything that shows the parts of a bundle.
pub(super) fn hold_bundle(parts: &[Request], faces: &Faces, words: &str) {
    lint::message(&card::of(parts, faces, now()));
    lint::message(&card::fallback(parts, faces, now()));
    let act = Command::Cancel {
        by: member(dana(), &[]),
    };
    let recording = text::recording::recording(&act, faces).unwrap();
    lint::message(&card::recording(card::of(parts, faces, now()), &recording));
    let by = member(bob(), &["dba"]);
    lint::message(&why_me::why_me(parts, &by, faces, now()));
    let why = text::dm::asked_for_part(words);
    lint::message(&dm::asked(parts, faces, now(), &why));
    lint::message(&dm::told_of_glass(parts, faces, now()));
    lint::message(&review_card::of(parts, faces, now()));
    lint::message(&review_card::fallback(parts, faces));
    lint::message(&dm::received_parts(parts, faces, Some(LINK)));
    let meta = modal::Meta {
        request: parts[0].id,
        channel: None,
        ts: None,
        version: None,
    };
    lint::modal(&modal::review(parts, faces, &meta));
    lint::modal(&modal::deny_reason(&parts[0], &meta));
    hold_held(parts, faces, words);
    let choices = [
        dm::Choice::Retry,
        dm::Choice::CancelStart,
        dm::Choice::DoneWithAll,
    ];
    for (_, event, _) in life() {
        let event = spoiled(event, words);
        let news: Vec<_> = parts.iter().map(|part| told(&event, part)).collect();
        let lines = story::lines(&news, parts.len(), faces);
        if !lines.is_empty() {
            lint::message(&Content::lines(&lines));
        }
        let lines: Vec<_> = parts
            .iter()
            .filter_map(|part| {
                Some((
                    text::outcome::short(&event, late(), part, faces, None)?,
                    part,
                ))
            })
            .collect();
        let lines = story::alike(lines, parts.len());
        if !lines.is_empty() {
            lint::message(&dm::parts(&parts[0], &lines, &choices, Some(LINK)));
        }
    }
}

/// Everything that tells of what happened to a request, and every answer with somebody's words.
pub(super) fn hold_news(request: &Request, faces: &Faces, words: &str) {
    for (_, event, as_it_was) in life() {
        let event = spoiled(event, words);
        let request = Request {
            state: as_it_was.state,
            ..request.clone()
        };
        if let Some(line) = story::line(&told(&event, &request), faces) {
            lint::message(&Content::line(&line));
        }
        if let Some(content) = dm::notice(&event, late(), &request, faces, Some(LINK)) {
            lint::message(&content);
        }
        let others = [
            text::outcome::to_asker(&event, late(), &request, faces, None),
            text::outcome::to_informed(&event, &request, faces, Aloud::Yes),
            text::outcome::to_informed(&event, &request, faces, Aloud::No),
        ];
        for words in others.into_iter().flatten() {
            lint::message(&Content::line(&words));
        }
    }
    hold_answers(request, faces, words);
}

/// A page of things that are alike but for their names, whose ends nobody sees.
fn a_page_of(item: &ListItem) -> Vec<ListItem> {
    let named = (0..page::List::PAGE).map(|n| ListItem {
        name: format!("{n} {}", item.name),
        ..item.clone()
    });
    named.collect()
}

/// Every answer with somebody's words, and what admins are told.
fn hold_explained(refusal: &Refusal, faces: &Faces, words: &str) {
    let words = words.to_owned();
    let people: Vec<PersonId> = (1..40).map(person).collect();
    let groups = vec![group(&words); 20];
    let explained = Explained {
        part: words.clone(),
        missing: vec![refusal.clone(); 5],
        left_out: vec![
            LeftOut {
                step: 1,
                groups: groups.clone(),
                condition: words.clone(),
            };
            20
        ],
        tried: vec![(words.clone(), words.clone()); 60],
        eligible: vec![
            Eligible {
                step: 1,
                groups,
                people: people.clone()
            };
            10
        ],
        read: vec![(group(&words), now()); 20],
        ..Explained::of(Verdict::Refused(refusal.clone()))
    };
    lint::message(&reply::explain(&explained, faces));
    let parts = vec![explained.clone(); 10];
    lint::message(&reply::explain_bundle(&words, &parts, faces));
}

fn hold_answers(request: &Request, faces: &Faces, words: &str) {
    let words = words.to_owned();
    let item = ListItem {
        name: words.clone(),
        description: Some(words.clone()),
        roles: vec![(words.clone(), None); 20],
        sensitivity: Some(words.clone()),
        parts: Vec::new(),
    };
    let bundle = ListItem {
        parts: vec![
            (
                ResourceName::new(words.clone()),
                Some(RoleName::new(words.clone()))
            );
            20
        ],
        ..item.clone()
    };
    lint::message(&reply::list(&a_page_of(&bundle), None, &[]));
    let more = page::More {
        after: "db-14".into(),
        left: 285,
    };
    lint::message(&reply::list(&a_page_of(&item), Some(&more), &[]));
    let refusal = Refusal::NoSuchResource {
        asked: words.clone(),
        suggestions: vec![words.clone(); 9],
    };
    lint::message(&reply::refused(&refusal, faces));
    lint::message(&reply::refused(
        &Refusal::DeniedByRule {
            rule: RuleName::new(words.clone()),
            message: words.clone(),
        },
        faces,
    ));
    lint::message(&reply::not_understood(&words, &words));
    hold_explained(&refusal, faces, &words);
    let people: Vec<PersonId> = (1..40).map(person).collect();
    lint::message(&Content::line(&text::channel_lost(
        &words, &words, &people, faces,
    )));
    hold_stuck(request, faces, &words);
}

/// What admins are told of a removal, with somebody's words.
fn hold_stuck(request: &Request, faces: &Faces, words: &str) {
    let failing = grant::Failing {
        attempts: 3,
        error: words.to_owned(),
    };
    let failing = text::stuck::failing(request, late(), &failing, faces);
    lint::message(&Content::line(&failing));
    for covered in [None, Some(late())] {
        let gone = text::stuck::gone(request, 600, covered, faces);
        lint::message(&Content::line(&gone));
    }
}

/// The event with those words wherever it carries somebody's.
fn spoiled(event: Event, words: &str) -> Event {
    let words = words.to_owned();
    match event {
        Event::ApprovalGiven { by, step, .. } => Event::ApprovalGiven {
            by,
            step,
            comment: Some(words),
            shortened: None,
        },
        Event::RequestDenied { by, .. } => Event::RequestDenied { by, why: words },
        Event::GrantFailed { .. } => Event::GrantFailed { error: words },
        Event::RemovalResolved { by, .. } => Event::RemovalResolved { by, why: words },
        Event::RemovalFailing { attempts, .. } => Event::RemovalFailing {
            attempts,
            error: words,
        },
        Event::RevocationBegun {
            since,
            cause: RevokeCause::Revoked { by, .. },
        } => Event::RevocationBegun {
            since,
            cause: RevokeCause::Revoked { by, why: words },
        },
        Event::GrantActivated { until, mut receipt } => {
            receipt.facts.insert(words.clone(), words);
            Event::GrantActivated { until, receipt }
        }
        other => other,
    }
}
