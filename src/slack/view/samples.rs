//! Requests to look at: one story for the snapshots, and every kind of data for the limits.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use super::{Face, Faces};
use crate::domain::grant::Failing;
use crate::domain::*;

/// What a server said, with what helps whoever reads the log and nobody else.
pub(super) const REFUSED: &str =
    "The role cannot be made: permission denied [42501] (Only \"app_ro\" may do that.)";

/// Monday, 23 November 2026, 11:09 UTC.
pub(super) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_432_140, 0).unwrap()
}

pub(super) fn minutes(minutes: i64) -> TimeDelta {
    TimeDelta::minutes(minutes)
}

pub(super) fn person(number: u128) -> PersonId {
    PersonId::from_uuid(Uuid::from_u128(number))
}

/// So many requests that are alike but for their numbers.
pub(super) fn numbered(request: &Request, count: usize) -> Vec<Request> {
    let numbers = (request.number..).take(count);
    let like = |number| Request {
        number,
        ..request.clone()
    };
    numbers.map(like).collect()
}

pub(super) fn dana() -> PersonId {
    person(1)
}

pub(super) fn bob() -> PersonId {
    person(2)
}

pub(super) fn carol() -> PersonId {
    person(3)
}

pub(super) fn lee() -> PersonId {
    person(4)
}

pub(super) fn faces() -> Faces {
    let face = |user: Option<&str>, name: &str| Face {
        slack_user: user.map(str::to_owned),
        name: name.to_owned(),
    };
    Faces::from_iter([
        (dana(), face(Some("U0DANA"), "Dana")),
        (bob(), face(Some("U0BOB"), "Bob")),
        (carol(), face(None, "Carol <ops>")),
        (lee(), face(Some("U0LEE"), "Lee")),
    ])
}

pub(super) fn group(name: &str) -> GroupName {
    GroupName::new(name)
}

pub(super) fn member(person: PersonId, groups: &[&str]) -> Member {
    Member {
        person,
        also: BTreeSet::new(),
        groups: groups.iter().map(|name| group(name)).collect(),
    }
}

pub(super) fn step(from: &[&str], quorum: Quorum) -> Step {
    Step::of(from.iter().map(|name| group(name)).collect(), quorum)
}

/// Dana asks for `readonly` on `staging-db` for an hour; one of dba has to approve.
pub(super) fn request() -> Request {
    let roster = [(group("dba"), BTreeSet::from([bob(), carol(), dana()]))];
    Request {
        id: RequestId::from_uuid(Uuid::from_u128(42)),
        number: 42,
        access: Access {
            person: dana(),
            resource: ResourceName::new("staging-db"),
            role: RoleName::new("readonly"),
        },
        requester: dana(),
        reason: "INC-42: orders are stuck, need to see the queue table".to_owned(),
        duration: Span::hours(1),
        terms: terms(),
        roster: Roster {
            groups: BTreeMap::from(roster),
            ..Roster::default()
        },
        origin: Origin::Slack,
        extends: None,
        bundle: None,
        asked_at: now(),
        state: pending(0, vec![]),
    }
}

pub(super) fn terms() -> Terms {
    Terms {
        rule: RuleName::new("staging-read"),
        policy: "0".repeat(64),
        route: Route::Steps(vec![step(&["dba"], Quorum::Any(1))]),
        duration: Span::hours(1),
        start: None,
        start_within: Span::hours(1),
        ticket: None,
        revokers: vec![group("platform")],
        barred: vec![],
        inform: Inform::default(),
        tightened_by: None,
        extensions_left: 1,
        extend_by: None,
        request_ttl: Span::hours(1),
        remind_before: Span::minutes(15),
        channel: "#access".to_owned(),
        fallback_channel: Some("#access-fallback".to_owned()),
        target: Target {
            connector: ConnectorName::new("staging"),
            spec: ConnectorSpec::Postgres(PostgresSpec {
                url: SecretRef::Env("STAGING_URL".to_owned()),
                mode: PostgresMode::Login,
            }),
            role: "app_ro".to_owned(),
            subject: "dana@example.com".to_owned(),
        },
        card: ResourceCard {
            description: Some("The staging database".to_owned()),
            sensitivity: Some("low".to_owned()),
            how_to_connect: Some("`psql -h staging.example.com -U {login} staging`".to_owned()),
            labels: BTreeMap::new(),
        },
    }
}

pub(super) fn approval(by: PersonId, step: usize) -> Approval {
    Approval {
        by: member(by, &["dba"]),
        step,
        at: now() + minutes(2),
        comment: None,
        duration: None,
    }
}

pub(super) fn pending(step: usize, approvals: Vec<Approval>) -> RequestState {
    RequestState::Pending {
        step,
        approvals,
        expires_at: now() + minutes(60),
        chase: Chase::default(),
    }
}

pub(super) fn granted(state: GrantState) -> RequestState {
    RequestState::Approved {
        at: now() + minutes(2),
        approvals: vec![approval(bob(), 0)],
        grant: Grant { after: None, state },
        review: None,
    }
}

pub(super) fn receipt() -> Receipt {
    let facts = [
        ("host", "staging.example.com"),
        ("database", "staging"),
        ("login", "jit_0a1b"),
    ];
    Receipt {
        facts: facts
            .map(|(name, fact)| (name.to_owned(), fact.to_owned()))
            .into(),
        credentials: true,
        target_until: None,
    }
}

pub(super) fn active() -> GrantState {
    GrantState::Active {
        since: now() + minutes(3),
        until: now() + minutes(63),
        remind_at: None,
        receipt: receipt(),
    }
}

pub(super) fn revoked_by_bob() -> RevokeCause {
    RevokeCause::Revoked {
        by: bob(),
        why: "the incident is *over*".to_owned(),
    }
}

/// Every state of the card, by name.
#[expect(clippy::too_many_lines, reason = "a table reads best in one piece")]
pub(super) fn states() -> Vec<(&'static str, Request)> {
    let with = |state: RequestState| Request { state, ..request() };
    let grant = |state: GrantState| with(granted(state));
    let at = now() + minutes(40);
    let two_steps = |state: RequestState| {
        let mut request = with(state);
        let steps = vec![
            step(&["dba", "lead"], Quorum::Any(2)),
            step(&["security"], Quorum::Any(1)),
        ];
        request.terms.route = Route::Steps(steps);
        request.terms.card.sensitivity = Some("high".to_owned());
        request
            .roster
            .groups
            .insert(group("security"), BTreeSet::from([carol()]));
        request
    };
    let mut automatic = grant(active());
    automatic.terms.route = Route::Automatic {
        why: "the rule approves by itself".into(),
    };
    if let RequestState::Approved { approvals, .. } = &mut automatic.state {
        approvals.clear();
    }
    let revoking = |cause: RevokeCause, failing: Option<Failing>| {
        grant(GrantState::Revoking {
            since: at,
            cause,
            failing,
        })
    };
    let revoked = |cause: RevokeCause, covered_until: Option<DateTime<Utc>>| {
        grant(GrantState::Revoked {
            at,
            cause,
            covered_until,
        })
    };
    let mut extension = with(pending(0, vec![]));
    extension.extends = Some(Extends {
        request: request().id,
        until: Some(now() + minutes(30)),
    });
    let mut on_behalf = with(pending(0, vec![]));
    on_behalf.access.person = carol();
    let mut all = vec![
        ("waiting", request()),
        ("waiting_two_steps", two_steps(pending(0, vec![]))),
        (
            "waiting_one_of_two",
            two_steps(pending(0, vec![approval(bob(), 0)])),
        ),
        (
            "waiting_second_step",
            two_steps(pending(
                1,
                vec![
                    approval(bob(), 0),
                    Approval {
                        comment: Some("ok <!here>".to_owned()),
                        ..approval(person(9), 0)
                    },
                ],
            )),
        ),
        ("waiting_extension", extension),
        ("waiting_on_behalf", on_behalf),
        (
            "activating",
            grant(GrantState::Activating {
                since: now(),
                until: None,
            }),
        ),
        (
            "activating_slow",
            grant(GrantState::Activating {
                since: now() - minutes(5),
                until: Some(at),
            }),
        ),
        ("active", grant(active())),
        ("active_automatic", automatic),
        ("revoking_lapsed", revoking(RevokeCause::Lapsed, None)),
        (
            "revoking_failing",
            revoking(
                RevokeCause::Lapsed,
                Some(Failing {
                    attempts: 3,
                    error: "connection refused (os error 111)".to_owned(),
                }),
            ),
        ),
        (
            "resolved",
            grant(GrantState::Resolved {
                at,
                since: now(),
                cause: RevokeCause::Lapsed,
                by: lee(),
                why: "the server is *gone* for good".to_owned(),
            }),
        ),
        ("revoked_lapsed", revoked(RevokeCause::Lapsed, None)),
        ("revoked_given_back", revoked(RevokeCause::GivenBack, None)),
        ("revoked_by_somebody", revoked(revoked_by_bob(), None)),
        (
            "revoked_unknown",
            revoked(
                RevokeCause::ActivationUnknown {
                    error: "timeout".to_owned(),
                },
                None,
            ),
        ),
        (
            "revoked_covered",
            revoked(RevokeCause::Lapsed, Some(now() + minutes(90))),
        ),
        (
            "failed",
            grant(GrantState::Failed {
                at,
                error: REFUSED.to_owned(),
            }),
        ),
        (
            "denied",
            with(RequestState::Denied {
                at,
                by: bob(),
                why: "use the replica instead".to_owned(),
            }),
        ),
        ("cancelled", with(RequestState::Cancelled { at })),
        ("expired", with(RequestState::Expired { at })),
    ];
    all.extend(meanings());
    all
}

/// States that policy can mean beyond a plain approval.
#[expect(clippy::too_many_lines, reason = "a table reads best in one piece")]
pub(super) fn meanings() -> Vec<(&'static str, Request)> {
    let with = |state: RequestState| Request { state, ..request() };
    let at = now() + minutes(40);
    let mut shorter = with(pending(0, vec![shorter_by_bob()]));
    shorter.terms.route = Route::Steps(vec![step(&["dba"], Quorum::Any(2))]);
    let mut given_shorter = with(granted(active()));
    if let RequestState::Approved { approvals, .. } = &mut given_shorter.state {
        *approvals = vec![shorter_by_bob()];
    }
    let mut chased = request();
    let mut asked = step(&["dba"], Quorum::Any(1));
    asked.ping = vec![group("dba-leads")];
    asked.escalate = Some(Escalate {
        after: Span::minutes(30),
        to: vec![group("leads")],
    });
    asked.quiet = Some(Quiet {
        windows: vec![(now() - minutes(60), now() + minutes(60))],
        fallback: vec![group("oncall")],
    });
    chased.terms.route = Route::Steps(vec![asked]);
    for (name, people) in [("dba-leads", bob()), ("leads", lee()), ("oncall", carol())] {
        chased
            .roster
            .groups
            .insert(group(name), BTreeSet::from([people]));
    }
    let mut quiet = chased.clone();
    if let RequestState::Pending { chase, .. } = &mut chased.state {
        chase.escalated = true;
    }
    if let Route::Steps(steps) = &mut chased.terms.route {
        steps[0].quiet = None;
    }
    let mut pinged = chased.clone();
    pinged.state = pending(0, vec![]);
    let mut tightened = with(pending(0, vec![]));
    tightened.terms.route = Route::Steps(vec![
        step(&["dba"], Quorum::Any(1)),
        step(&["security"], Quorum::Any(1)),
    ]);
    tightened.terms.duration = Span::minutes(30);
    tightened.terms.tightened_by = Some("1".repeat(64));
    tightened.terms.ticket = Some("INC-42".to_owned());
    let mut later = with(pending(0, vec![]));
    later.terms.start = Some(now() + minutes(600));
    let scheduled = |state: GrantState| {
        let mut request = with(granted(state));
        request.terms.start = Some(now() + minutes(600));
        request
    };
    let unstarted = RevokeCause::Unstarted {
        why: "The policy says no: frozen (rule “freeze”)".to_owned(),
    };
    let withdrawn = |cause: RevokeCause| {
        scheduled(GrantState::Revoked {
            at,
            cause,
            covered_until: None,
        })
    };
    quiet.terms.ticket = Some("INC-42".to_owned());
    quiet.roster.ages.insert(group("oncall"), 120);
    vec![
        ("waiting_shorter", shorter),
        ("active_shorter", given_shorter),
        ("waiting_escalated", chased),
        ("waiting_pinged", pinged),
        ("waiting_quiet", quiet),
        ("waiting_tightened", tightened),
        ("waiting_for_later", later),
        (
            "scheduled",
            scheduled(GrantState::Scheduled {
                since: now(),
                start_at: now() + minutes(600),
            }),
        ),
        ("withdrawn", withdrawn(RevokeCause::GivenBack)),
        ("unstarted", withdrawn(unstarted)),
        (
            "overruled",
            with(RequestState::Overruled {
                at,
                why: "The policy says no: frozen (rule “freeze”)".to_owned(),
            }),
        ),
        ("glass_active", glass(None)),
        (
            "glass_justified",
            glass(Some(Reviewed {
                by: lee(),
                at,
                justified: true,
                note: "the orders *were* stuck".to_owned(),
            })),
        ),
        (
            "glass_not_justified",
            glass(Some(Reviewed {
                by: lee(),
                at,
                justified: false,
                note: "the replica would have done".to_owned(),
            })),
        ),
        ("glass_overdue", {
            let mut glass = glass(None);
            if let RequestState::Approved {
                review: Some(review),
                ..
            } = &mut glass.state
            {
                review.overdue = true;
            }
            glass
        }),
    ]
}

/// Bob gave half an hour instead of an hour, with a remark.
pub(super) fn shorter_by_bob() -> Approval {
    Approval {
        comment: Some("half an *hour* should do".to_owned()),
        duration: Some(Span::minutes(30)),
        ..approval(bob(), 0)
    }
}

/// Dana took access without asking; lee is to look at it.
pub(super) fn glass(done: Option<Reviewed>) -> Request {
    let mut request = request();
    request.terms.route = Route::BreakGlass(BreakGlass {
        skipped: vec![step(&["dba"], Quorum::Any(1))],
        review_by: vec![group("leads")],
        review_within: Span::hours(24),
    });
    let leads = BTreeSet::from([lee(), dana()]);
    request.roster.groups.insert(group("leads"), leads);
    request.state = RequestState::Approved {
        at: now(),
        approvals: vec![],
        grant: Grant {
            after: None,
            state: active(),
        },
        review: Some(AfterReview {
            due_at: now() + minutes(24 * 60),
            overdue: false,
            done,
        }),
    };
    request
}

/// These requests as the parts of one bundle.
pub(super) fn bundled(requests: impl IntoIterator<Item = Request>) -> Vec<Request> {
    let mut parts: Vec<Request> = requests.into_iter().collect();
    let count = |number: usize| u32::try_from(number).unwrap();
    let of = parts.len();
    for (index, part) in parts.iter_mut().enumerate() {
        part.number = 42 + i64::try_from(index).unwrap();
        part.id = RequestId::from_uuid(Uuid::from_u128(42 + index as u128));
        part.bundle = Some(BundlePart {
            lead: RequestId::from_uuid(Uuid::from_u128(42)),
            name: "oncall-kit".to_owned(),
            part: count(index + 1),
            of: count(of),
        });
    }
    parts
}

/// Bundles to look at, by name: just asked, half done, and all that states can be.
pub(super) fn bundles() -> Vec<(&'static str, Vec<Request>)> {
    let resource = |name: &str, state: RequestState| {
        let mut request = Request { state, ..request() };
        request.access.resource = ResourceName::new(name);
        request
    };
    let mut two_steps = resource("prod-db", pending(0, vec![]));
    two_steps.terms.card.sensitivity = Some("high".to_owned());
    two_steps.terms.route = Route::Steps(vec![
        step(&["dba"], Quorum::Any(1)),
        step(&["leads"], Quorum::Any(1)),
    ]);
    let failed = GrantState::Failed {
        at: now() + minutes(3),
        error: REFUSED.to_owned(),
    };
    let everything = states().into_iter().map(|(_, request)| request).take(20);
    vec![
        (
            "asked",
            vec![resource("staging-db", pending(0, vec![])), two_steps],
        ),
        (
            "partly_failed",
            vec![
                resource("staging-db", granted(active())),
                resource("cache", granted(failed)),
                resource("orders", pending(0, vec![shorter_by_bob()])),
            ],
        ),
        ("glass", vec![glass(None), glass(None)]),
        ("everything", everything.collect()),
    ]
    .into_iter()
    .map(|(name, parts)| (name, bundled(parts)))
    .collect()
}

/// Text that people really send, and text that they should not be able to hurt anybody with.
pub(super) fn any_text(longest: usize) -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        "<!channel>",
        "<@U123|x>",
        "https://evil.example",
        "\u{202E}",
        "\u{200B}",
        "👩\u{200D}💻",
        "שלום",
        "&amp;",
        "`*_~",
        "\n\n\n",
        ">",
        "ﷺ",
        "a\u{0301}\u{0301}",
        "word ",
        "<https://a|b>",
    ]);
    prop::collection::vec(nasty, 0..longest / 6)
        .prop_map(|parts| parts.concat())
        .prop_union_with(longest)
}

/// Adds long plain text to a strategy's choices.
trait UnionWith {
    fn prop_union_with(self, longest: usize) -> BoxedStrategy<String>;
}

impl<S: Strategy<Value = String> + 'static> UnionWith for S {
    fn prop_union_with(self, longest: usize) -> BoxedStrategy<String> {
        let long = (0..=longest).prop_map(|length| "é".repeat(length));
        let longest = Just("é".repeat(longest));
        prop_oneof![self, long, Just(String::new()), longest].boxed()
    }
}

prop_compose! {
    /// A request in any state, with any names and words, and up to 30 approvers.
    pub(super) fn any_request()(
        (_, base) in prop::sample::select(states()),
        reason in any_text(2000),
        resource in any_text(200),
        role in any_text(200),
        rule in any_text(200),
        words in any_text(3000),
        approvers in 0u128..30,
        groups in 0usize..12,
        extends in any::<bool>(),
        sensitivity in prop::option::of(prop_oneof![Just("high".to_owned()), any_text(100)]),
    ) -> Request {
        let mut request = Request { reason, ..base };
        request.access.resource = ResourceName::new(resource);
        request.access.role = RoleName::new(role);
        request.terms.rule = RuleName::new(rule);
        request.terms.card.sensitivity = sensitivity;
        request.terms.card.how_to_connect = Some(words.clone());
        if extends {
            request.extends = Some(Extends { request: request.id, until: Some(now()) });
        }
        if 0 < groups {
            let names: Vec<String> = (0..groups).map(|n| format!("group {n} {words}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let steps = vec![spoiled_step(&names); 3];
            request.terms.route = match request.terms.route {
                Route::BreakGlass(glass) => Route::BreakGlass(BreakGlass {
                    skipped: steps,
                    review_by: names.iter().map(|name| group(name)).collect(),
                    ..glass
                }),
                Route::Steps(_) => Route::Steps(steps),
                automatic @ Route::Automatic { .. } => automatic,
            };
            request.terms.ticket = Some(words.clone());
            let people: BTreeSet<PersonId> = (10..10 + approvers).map(person).collect();
            request.roster.groups = BTreeMap::from([(group(names[0]), people)]);
        }
        let many = (10..10 + approvers).map(|n| Approval {
            comment: Some(words.clone()),
            duration: Some(Span::minutes(1)),
            ..approval(person(n), 0)
        });
        spoil(&mut request.state, many.collect(), &words);
        request
    }
}

/// A step with everything that a step can have.
pub(super) fn spoiled_step(names: &[&str]) -> Step {
    let groups: Vec<GroupName> = names.iter().map(|name| group(name)).collect();
    Step {
        escalate: Some(Escalate {
            after: Span::minutes(1),
            to: groups.clone(),
        }),
        quiet: Some(Quiet {
            windows: vec![(now() - minutes(5), now() + minutes(5))],
            fallback: groups,
        }),
        ..step(names, Quorum::All(2))
    }
}

/// Puts the given words wherever a state holds words of somebody's.
pub(super) fn spoil(state: &mut RequestState, many: Vec<Approval>, words: &str) {
    match state {
        RequestState::Pending { approvals, .. } => *approvals = many,
        RequestState::Approved {
            approvals,
            grant,
            review,
            ..
        } => {
            *approvals = many;
            if let Some(done) = review.as_mut().and_then(|review| review.done.as_mut()) {
                words.clone_into(&mut done.note);
            }
            match &mut grant.state {
                GrantState::Revoking {
                    cause: RevokeCause::Revoked { why, .. },
                    ..
                }
                | GrantState::Revoked {
                    cause: RevokeCause::Revoked { why, .. },
                    ..
                } => {
                    words.clone_into(why);
                }
                GrantState::Revoking {
                    failing: Some(Failing { error, .. }),
                    ..
                }
                | GrantState::Resolved { why: error, .. }
                | GrantState::Failed { error, .. } => words.clone_into(error),
                GrantState::Active { receipt, .. } => {
                    receipt
                        .facts
                        .insert(words.chars().take(50).collect(), words.to_owned());
                }
                _ => {}
            }
        }
        RequestState::Denied { why, .. } | RequestState::Overruled { why, .. } => {
            words.clone_into(why);
        }
        RequestState::Cancelled { .. } | RequestState::Expired { .. } => {}
    }
}

/// Faces with any names, for everybody whom [`any_request`] knows.
pub(super) fn any_faces() -> impl Strategy<Value = Faces> {
    any_text(200).prop_map(|name| {
        let face = |n: u128| Face {
            slack_user: (n.is_multiple_of(2)).then(|| format!("U{n}")),
            name: name.clone(),
        };
        (1..40).map(|n| (person(n), face(n))).collect()
    })
}
