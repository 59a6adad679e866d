//! What must hold for every request, whatever commands come in whatever order: random walks
//! through [`decide`](super::decide()).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const PEOPLE: u128 = 6;

fn person(n: u128) -> PersonId {
    PersonId::from_uuid(Uuid::from_u128(n))
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// A request of person 0 for two hours, by these steps.
pub(crate) fn request(steps: Vec<Step>) -> Request {
    let target = Target {
        connector: ConnectorName::new("staging"),
        spec: ConnectorSpec::Webhook(WebhookSpec {
            url: "https://target.example/hook".into(),
            secret: SecretRef::Env("SECRET".into()),
        }),
        role: "app_ro".into(),
        subject: "dana".into(),
    };
    Request {
        id: RequestId::from_uuid(Uuid::from_u128(99)),
        number: 1,
        access: Access {
            person: person(0),
            resource: ResourceName::new("staging-db"),
            role: RoleName::new("readonly"),
        },
        requester: person(0),
        reason: "why not".into(),
        duration: Span::hours(2),
        terms: Terms {
            rule: RuleName::new("staging"),
            policy: "p".into(),
            route: if steps.is_empty() {
                Route::Automatic {
                    why: "by itself".into(),
                }
            } else {
                Route::Steps(steps)
            },
            duration: Span::hours(2),
            start: None,
            start_within: Span::hours(1),
            ticket: None,
            revokers: Vec::new(),
            inform: Inform::default(),
            barred: vec![],
            tightened_by: None,
            extensions_left: 1,
            extend_by: None,
            request_ttl: Span::hours(8),
            remind_before: Span::minutes(15),
            channel: "#access".into(),
            fallback_channel: None,
            target,
            card: ResourceCard::default(),
        },
        roster: Roster::default(),
        origin: Origin::Slack,
        extends: None,
        bundle: None,
        asked_at: start(),
        state: RequestState::Pending {
            step: 0,
            approvals: Vec::new(),
            expires_at: start() + TimeDelta::hours(8),
            chase: Chase::begin(None, start()),
        },
    }
}

fn groups() -> impl Strategy<Value = BTreeSet<GroupName>> {
    proptest::sample::subsequence(vec!["dba", "lead", "web"], 0..=3)
        .prop_map(|names| names.into_iter().map(GroupName::new).collect())
}

fn member() -> impl Strategy<Value = Member> {
    let also = prop_oneof![
        8 => Just(BTreeSet::new()),
        2 => (0..PEOPLE).prop_map(|n| BTreeSet::from([person(n)])),
    ];
    (0..PEOPLE, also, groups()).prop_map(|(n, also, groups)| Member {
        person: person(n),
        also,
        groups,
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let from = proptest::sample::subsequence(vec!["dba", "lead"], 1..=2)
        .prop_map(|names| names.into_iter().map(GroupName::new).collect());
    let quorum = prop_oneof![
        (1u32..3).prop_map(Quorum::Any),
        (1u32..3).prop_map(Quorum::All)
    ];
    let step = (from, quorum).prop_map(|(from, quorum)| Step {
        nudge: Some(Span::minutes(10)),
        escalate: Some(Escalate {
            after: Span::minutes(30),
            to: vec![GroupName::new("lead")],
        }),
        ..Step::of(from, quorum)
    });
    proptest::collection::vec(step, 1..3)
}

fn command() -> impl Strategy<Value = Command> {
    let text = "[a-z ]{0,5}";
    prop_oneof![
        12 => (member(), proptest::option::weighted(0.2, 1u32..180)).prop_map(|(by, minutes)| {
            let duration = minutes.map(Span::minutes);
            Command::Approve { by, comment: None, duration }
        }),
        1 => member().prop_map(|by| Command::Retry { by }),
        2 => Just(Command::Nudge),
        2 => Just(Command::Escalate),
        2 => Just(Command::Start),
        1 => Just(Command::RefuseStart { refusal: Refusal::NothingToExtend }),
        1 => Just(Command::LapseStart),
        1 => Just(Command::Overrule { refusal: Refusal::NothingToExtend }),
        1 => (member(), text).prop_map(|(by, why)| Command::Deny { by, why }),
        1 => member().prop_map(|by| Command::Cancel { by }),
        1 => member().prop_map(|by| Command::GiveBack { by }),
        1 => (member(), text).prop_map(|(by, why)| Command::Revoke { by, why }),
        1 => member().prop_map(|by| Command::ShowCredentials { by }),
        1 => Just(Command::Expire),
        2 => Just(Command::Lapse),
        2 => Just(Command::Remind),
        4 => Just(Command::BeginActivation),
        4 => Just(Command::ReportActivated { receipt: Receipt::default() }),
        1 => any::<bool>()
            .prop_map(|first| Command::ReportRejected { error: "no".into(), first }),
        1 => Just(Command::ReportUnreached { error: "down".into() }),
        1 => Just(Command::GiveUpActivating { error: "silence".into() }),
        2 => member().prop_map(|by| Command::RetryRemoval { by, admins: admins() }),
        3 => (member(), "[a-z ]{0,5}")
            .prop_map(|(by, why)| Command::ResolveRemoval { by, why, admins: admins() }),
        2 => Just(Command::ReportRemoved { removal: None, covered_until: None }),
        1 => Just(Command::ReportRemovalFailing { attempts: 3, error: "down".into() }),
    ]
}

fn admins() -> Vec<GroupName> {
    vec![GroupName::new("web")]
}

fn walk() -> impl Strategy<Value = (Vec<Step>, Vec<(Command, i64)>)> {
    (
        steps(),
        proptest::collection::vec((command(), 0i64..3600), 0..60),
    )
}

/// How far along a state is; no command may lead back.
fn rank(state: &RequestState) -> (u8, usize, usize) {
    match state {
        RequestState::Pending {
            step, approvals, ..
        } => (0, *step, approvals.len()),
        RequestState::Approved { grant, .. } => match &grant.state {
            GrantState::Scheduled { .. } => (1, 0, 0),
            GrantState::Activating { .. } => (1, 1, 0),
            GrantState::Active { remind_at, .. } => (2, usize::from(remind_at.is_none()), 0),
            GrantState::Revoking { .. } => (3, 0, 0),
            GrantState::Resolved { .. } => (3, 1, 0),
            GrantState::Revoked { .. } | GrantState::Failed { .. } => (4, 0, 0),
        },
        RequestState::Denied { .. }
        | RequestState::Cancelled { .. }
        | RequestState::Expired { .. }
        | RequestState::Overruled { .. } => (4, 0, 0),
    }
}

/// Replays a walk and hands each accepted decision to the check.
fn each_decision(
    (steps, commands): (Vec<Step>, Vec<(Command, i64)>),
    mut check: impl FnMut(&Request, &Command, &Decision) -> Result<(), TestCaseError>,
) -> Result<Request, TestCaseError> {
    let (mut request, mut now) = (request(steps), start());
    for (command, seconds) in commands {
        now += TimeDelta::seconds(seconds);
        if let Ok(decision) = decide(request.clone(), command.clone(), now) {
            check(&request, &command, &decision)?;
            request = decision.next;
        }
    }
    Ok(request)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_requester_never_approves_whatever_their_alias(walk in walk()) {
        each_decision(walk, |before, command, _| {
            if let Command::Approve { by, .. } | Command::Deny { by, .. } = command {
                prop_assert!(!by.is(before.requester) && !by.is(before.access.person));
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_grant_stands_on_enough_different_people_in_every_step(walk in walk()) {
        let end = each_decision(walk, |_, _, _| Ok(()))?;
        if let RequestState::Approved { approvals, .. } = &end.state {
            let mut humans: Vec<&Member> = Vec::new();
            for approval in approvals {
                prop_assert!(humans.iter().all(|other| !other.is(approval.by.person)));
                humans.push(&approval.by);
            }
            for (index, step) in end.terms.route.steps().iter().enumerate() {
                let given: Vec<_> = approvals.iter().filter(|a| a.step == index).collect();
                prop_assert!(given.len() >= step.quorum.people(step.from.len()));
                let may = step.deciding(start(), true);
                prop_assert!(given.iter().all(|a| may.iter().any(|g| a.by.groups.contains(g))));
            }
        }
    }

    #[test]
    fn states_never_go_back_and_final_ones_stay(walk in walk()) {
        each_decision(walk, |before, command, decision| {
            let failed = before.grant().is_some_and(|grant| matches!(grant.state, GrantState::Failed { .. }));
            // What failed gave nothing, and may be tried again: the one way back there is.
            if let Command::Retry { .. } = command {
                prop_assert!(failed);
                return Ok(());
            }
            let (from, to) = (rank(&before.state), rank(&decision.next.state));
            prop_assert!(from <= to, "{command:?} led from {:?} to {:?}", before.state, decision.next.state);
            // What somebody answered for, the target may still confirm.
            let resolved = before.grant().is_some_and(|grant| matches!(grant.state, GrantState::Resolved { .. }));
            let confirmed = resolved && matches!(command, Command::ReportRemoved { .. });
            // What failed may also be kept from being tried again.
            let withdrawn = failed && matches!(command, Command::Revoke { .. });
            let may = confirmed || withdrawn || !before.is_over();
            prop_assert!(may, "{command:?} changed a request that is over");
            Ok(())
        })?;
    }

    #[test]
    fn every_change_has_an_event_and_refreshes_the_card(walk in walk()) {
        each_decision(walk, |before, _, decision| {
            prop_assert!(!decision.events.is_empty());
            let refresh = Effect::SyncCard { request: before.id };
            prop_assert!(decision.effects.contains(&refresh));
            Ok(())
        })?;
    }

    #[test]
    fn whatever_changes_what_the_target_should_hold_asks_the_target(walk in walk()) {
        each_decision(walk, |before, command, decision| {
            let wants = |request: &Request| request.grant().and_then(|g| g.state.wanted_until());
            let in_call = matches!(
                command,
                // These are the worker's own reports from inside a converge.
                Command::BeginActivation | Command::ReportUnreached { .. } | Command::ReportRejected { .. }
            );
            if wants(before) != wants(&decision.next) && !in_call {
                let ask = Effect::Converge { access: before.access.clone() };
                prop_assert!(decision.effects.contains(&ask));
            }
            Ok(())
        })?;
    }

    #[test]
    fn only_a_report_of_the_target_ends_a_removal(walk in walk()) {
        each_decision(walk, |before, command, decision| {
            let state = |r: &Request| r.grant().map(|g| g.state.clone());
            if let (Some(GrantState::Revoking { .. }), Some(after)) = (state(before), state(&decision.next)) {
                let reported = matches!(command, Command::ReportRemoved { .. });
                prop_assert_eq!(matches!(after, GrantState::Revoked { .. }), reported);
            }
            Ok(())
        })?;
    }

    #[test]
    fn an_answer_for_a_removal_is_an_admins_and_never_for_their_own(walk in walk()) {
        each_decision(walk, |before, command, decision| {
            let resolved = |r: &Request| matches!(r.grant().map(|g| &g.state), Some(GrantState::Resolved { .. }));
            if resolved(&decision.next) && !resolved(before) {
                let Command::ResolveRemoval { by, why, .. } = command else {
                    return Err(TestCaseError::fail(format!("{command:?} resolved a removal")));
                };
                prop_assert!(by.groups.contains(&GroupName::new("web")) && !before.belongs_to(by));
                prop_assert!(!why.trim().is_empty());
                let failing = matches!(
                    before.grant().map(|g| &g.state),
                    Some(GrantState::Revoking { failing: Some(_), .. })
                );
                prop_assert!(failing);
            }
            Ok(())
        })?;
    }

    #[test]
    fn overlapping_grants_never_shorten_each_other(ends in proptest::collection::vec(0i64..1000, 0..6)) {
        let at = |n: i64| start() + TimeDelta::seconds(n);
        let grants: Vec<_> = ends
            .iter()
            .map(|n| GrantState::Activating { since: start(), until: Some(at(*n)) })
            .collect();
        let latest = ends.iter().max().map(|n| Wanted::Present { until: at(*n) });
        prop_assert_eq!(wanted(&grants), latest.unwrap_or(Wanted::Absent));
    }
}

#[test]
fn e_mail_case_makes_no_other_person() {
    assert_eq!(
        Identity::email(" Dana@Acme.Example "),
        Identity::email("dana@acme.example")
    );
}

#[test]
fn an_extension_counts_from_the_end_it_prolongs_and_never_comes_late() {
    let by = |n| Member {
        person: person(n),
        also: BTreeSet::new(),
        groups: BTreeSet::from([GroupName::new("dba")]),
    };
    let step = Step::of(vec![GroupName::new("dba")], Quorum::Any(1));
    let end = start() + TimeDelta::hours(1);
    let mut extension = request(vec![step]);
    let older = RequestId::from_uuid(Uuid::from_u128(1));
    extension.extends = Some(Extends {
        request: older,
        until: Some(end),
    });
    let approve = Command::Approve {
        by: by(1),
        comment: None,
        duration: None,
    };
    let in_time = decide(extension.clone(), approve.clone(), start())
        .unwrap()
        .next;
    let begun = decide(in_time, Command::BeginActivation, start())
        .unwrap()
        .next;
    let until = begun.grant().unwrap().state.wanted_until();
    assert_eq!(until, Some(end + TimeDelta::hours(2)), "no gap and no loss");

    assert_eq!(
        decide(extension.clone(), approve.clone(), end),
        Err(Refusal::NothingToExtend)
    );
    extension.extends = Some(Extends {
        request: older,
        until: None,
    });
    assert_eq!(
        decide(extension, approve, start()),
        Err(Refusal::NothingToExtend)
    );
}

#[test]
fn nobody_decides_on_more_time_for_what_they_asked_for() {
    let by = |n, also: &[u128]| Member {
        person: person(n),
        also: also.iter().map(|n| person(*n)).collect(),
        groups: BTreeSet::from([GroupName::new("dba")]),
    };
    let step = Step::of(vec![GroupName::new("dba")], Quorum::Any(1));
    let mut extension = request(vec![step]);
    extension.terms.barred = vec![person(7)];
    extension.extends = Some(Extends {
        request: RequestId::from_uuid(Uuid::from_u128(1)),
        until: Some(start() + TimeDelta::hours(1)),
    });
    // Also under another account of the same human.
    for by in [by(7, &[]), by(1, &[7])] {
        let deny = Command::Deny {
            by: by.clone(),
            why: "no".to_owned(),
        };
        let approve = Command::Approve {
            by,
            comment: None,
            duration: None,
        };
        for command in [approve, deny] {
            let answer = decide(extension.clone(), command, start());
            assert_eq!(answer, Err(Refusal::OwnChain));
        }
    }
    assert!(extension.own().contains(&person(7)), "nor are they called");
    let approve = Command::Approve {
        by: by(1, &[]),
        comment: None,
        duration: None,
    };
    assert!(decide(extension, approve, start()).is_ok());
}

#[test]
fn a_request_past_its_time_is_not_approved_even_before_the_sweep_comes_by() {
    let step = Step::of(vec![GroupName::new("dba")], Quorum::Any(1));
    let by = Member {
        person: person(1),
        also: BTreeSet::new(),
        groups: BTreeSet::from([GroupName::new("dba")]),
    };
    let late = start() + TimeDelta::hours(8);
    let answer = decide(
        request(vec![step]),
        Command::Approve {
            by,
            comment: None,
            duration: None,
        },
        late,
    );
    assert!(matches!(
        answer,
        Err(Refusal::AlreadyDecided {
            outcome: Outcome::Expired,
            ..
        })
    ));
}

#[test]
fn a_roster_that_cannot_finish_a_step_says_how_many_are_missing() {
    let dba = GroupName::new("dba");
    let step = Step::of(vec![dba.clone()], Quorum::Any(2));
    let roster = |people: &[u128]| Roster {
        groups: BTreeMap::from([(dba.clone(), people.iter().map(|n| person(*n)).collect())]),
        ..Roster::default()
    };
    let check =
        |people: &[u128], steps: &[Step]| roster(people).check_route(steps, &[person(0)], start());
    let two = std::slice::from_ref(&step);
    assert_eq!(check(&[1, 2], two), Ok(()));
    let short_of = |needed, eligible| {
        Err(Refusal::TooFewApprovers {
            from: vec![dba.clone()],
            needed,
            eligible,
            own: 1,
        })
    };
    assert_eq!(
        check(&[0, 1], two),
        short_of(2, 1),
        "the requester does not count"
    );
    let nobody = [Step::of(Vec::new(), Quorum::Any(1))];
    assert!(check(&[1, 2], &nobody).is_err(), "a step for nobody");
    let one = Step::of(vec![dba.clone()], Quorum::Any(1));
    let both = [one.clone(), one];
    assert_eq!(check(&[1, 2], &both), Ok(()));
    assert_eq!(
        check(&[0, 1], &both),
        short_of(2, 1),
        "nobody approves twice"
    );
}

#[test]
fn who_alone_can_finish_a_later_step_leaves_the_first_to_others() {
    let (dba, lead) = (GroupName::new("dba"), GroupName::new("lead"));
    let steps = [&dba, &lead].map(|group| Step::of(vec![group.clone()], Quorum::Any(1)));
    let approve = |n: u128, groups: &[&GroupName]| Command::Approve {
        by: Member {
            person: person(n),
            also: BTreeSet::new(),
            groups: groups.iter().map(|group| (*group).clone()).collect(),
        },
        comment: None,
        duration: None,
    };
    let with = |dbas: &[u128], leads: &[u128]| {
        let mut asked = request(steps.to_vec());
        let people = |numbers: &[u128]| numbers.iter().map(|n| person(*n)).collect();
        asked.roster.groups =
            BTreeMap::from([(dba.clone(), people(dbas)), (lead.clone(), people(leads))]);
        asked
    };
    let both = || approve(1, &[&dba, &lead]);
    let spared = decide(with(&[1, 2], &[1]), both(), start());
    let (later, needed) = (vec![lead.clone()], vec![dba.clone()]);
    assert_eq!(spared, Err(Refusal::NeededLater { later, needed }));

    let first = decide(with(&[1, 2], &[1]), approve(2, &[&dba]), start()).unwrap();
    let last = decide(first.next, both(), start()).unwrap().next;
    assert!(last.grant().is_some());
    assert!(decide(with(&[1, 2], &[1, 3]), both(), start()).is_ok());
    let mut by_schedule = with(&[1, 2], &[1]);
    by_schedule.roster.ages.insert(lead.clone(), 0);
    assert!(
        decide(by_schedule, both(), start()).is_ok(),
        "somebody else may be on call by now"
    );
    assert!(
        decide(with(&[1, 2], &[]), both(), start()).is_ok(),
        "whom nobody knew of may have the last step"
    );
}

#[test]
fn standing_in_counts_only_in_its_time() {
    let group = |name: &str| GroupName::new(name);
    let mut each = Step::of(vec![group("dba"), group("lead")], Quorum::All(1));
    let night = start() + TimeDelta::hours(6);
    each.quiet = Some(Quiet {
        windows: vec![(night, night + TimeDelta::hours(8))],
        fallback: vec![group("oncall")],
    });
    let by = |n, groups: &[&str]| Command::Approve {
        by: Member {
            person: person(n),
            also: BTreeSet::new(),
            groups: groups.iter().map(|name| group(name)).collect(),
        },
        comment: None,
        duration: None,
    };
    let both = |at: DateTime<Utc>| {
        let first = decide(request(vec![each.clone()]), by(1, &["dba"]), at).unwrap();
        decide(first.next, by(2, &["dba", "oncall"]), at)
            .unwrap()
            .next
    };
    assert!(both(start()).grant().is_none(), "by day a lead is missing");
    assert!(
        both(night).grant().is_some(),
        "at night somebody on call stands in"
    );
}

#[test]
fn a_start_that_was_missed_for_too_long_lapses() {
    let mut later = request(vec![]);
    let at = start() + TimeDelta::hours(2);
    later.terms.start = Some(at);
    let waiting = admit(later, start()).unwrap().next;
    assert!(matches!(
        waiting.grant().unwrap().state,
        GrantState::Scheduled { .. }
    ));
    let early = decide(waiting.clone(), Command::Start, start());
    assert_eq!(early, Err(Refusal::NotDue));
    let begun = decide(waiting.clone(), Command::Start, at).unwrap().next;
    assert!(matches!(
        begun.grant().unwrap().state,
        GrantState::Activating { .. }
    ));
    let missed = decide(waiting, Command::Start, at + TimeDelta::hours(1))
        .unwrap()
        .next;
    assert!(matches!(
        missed.grant().unwrap().state,
        GrantState::Revoked { .. }
    ));
}
