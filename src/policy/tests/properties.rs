//! What holds for every ask.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::meaning::with;
use super::*;
use crate::domain::{Asker, Chain, Past, PastGrant, RequestId, Standing};

/// A policy with every part of the language in it.
fn everything() -> Policy {
    with(
        "  - { name: freeze, match: {}, when: \"now.weekday == 'sun' || resource.labels['team'] == 'web'\", decision: deny, message: No. }
  - { name: never lee, match: { requester_in: [leads] }, decision: deny, message: No. }
  - { name: on call, match: { requester_in: [oncall] }, limits: { uses: 1, per: 1d }, decision: approve }
  - { name: short, match: { roles: [ro] }, when: \"request.duration < duration('1h') && history.requests.size() < 2\", limits: { hours: \"06:00-20:00\" }, decision: approve }
  - name: web
    match: { requester_in: [web] }
    when: \"request.reason != 'no' && (resource.labels['env'] == 'prod' || request.extension)\"
    require: { durations: [30m, 1h, 2h], default_duration: 1h, max_duration: { ro: 2h, rw: 1h }, start: { latest: 2h }, extend: { by: 30m } }
    decision: review
    steps: [ { from: [dba] }, { from: [owner], when: \"resource.labels['team'] == 'web'\" } ]
    break_glass: { who: [web], max_duration: 1h }
  - { name: rest, match: {}, require: { ticket: 'INC-\\d+' }, decision: review, steps: [ { from: [dba], when: \"request.on_behalf\", quiet: { hours: \"22:00-07:00\", fallback: [leads] } } ] }
",
    )
}

fn standing() -> impl Strategy<Value = Standing> {
    let groups = || proptest::collection::btree_set(prop_oneof![Just("oncall"), Just("sre")], 0..2);
    let names = |names: BTreeSet<&str>| names.into_iter().map(GroupName::new).collect();
    (groups(), groups(), any::<bool>()).prop_map(move |(groups, unreadable, guest)| Standing {
        groups: names(groups),
        unreadable: names(unreadable),
        guest,
        timezone: None,
    })
}

fn who() -> impl Strategy<Value = Person> {
    prop_oneof![Just("dana"), Just("erin"), Just("bob"), Just("lee")].prop_map(person)
}

fn an_ask() -> impl Strategy<Value = (Ask, Circumstances)> {
    let what = (
        prop_oneof![4 => Just("db"), 2 => Just("other"), 1 => Just("none")],
        proptest::option::of(prop_oneof![Just("ro"), Just("rw"), Just("x")]),
        proptest::option::of(1u32..200),
        prop_oneof![Just(""), Just("no"), Just("see INC-1")],
    );
    let how = (
        who(),
        standing(),
        proptest::option::weighted(0.3, (who(), standing())),
        proptest::option::weighted(0.3, -60i64..300),
        (any::<bool>(), any::<bool>(), any::<bool>()),
    );
    let when = (
        0i64..60 * 24 * 8,
        proptest::collection::vec((any::<bool>(), 0i64..3000), 0..4),
    );
    (what, how, when).prop_map(|((resource, role, minutes, reason), how, (after, past))| {
        let (person, standing, asker, start, (glass, extends, taken_in)) = how;
        let now = noon().now + TimeDelta::minutes(after);
        let past = past.into_iter().map(|(automatic, minutes)| Past {
            resource: ResourceName::new("db"),
            role: RoleName::new("ro"),
            rule: RuleName::new("on call"),
            outcome: "approved",
            automatic,
            break_glass: false,
            asked_at: now - TimeDelta::minutes(minutes),
            duration: Span::hours(1),
            grant: PastGrant::Active,
            granted: Some(Span::hours(1)),
        });
        let chain = extends.then(|| Chain {
            extensions: 0,
            since: now - TimeDelta::minutes(30),
            until: now + TimeDelta::minutes(30),
        });
        let ask = Ask {
            standing,
            asker: asker.map(|(person, standing)| Asker { person, standing }),
            role: role.map(ToOwned::to_owned),
            duration: minutes.map(Span::minutes),
            reason: reason.to_owned(),
            start: start.map(|minutes| now + TimeDelta::minutes(minutes)),
            break_glass: glass,
            extends: extends.then(|| RequestId::from_uuid(Uuid::from_u128(9))),
            taken_in,
            ..Ask::of(person, resource)
        };
        (
            ask,
            Circumstances {
                now,
                past: past.collect(),
                past_complete: true,
                chain,
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn an_explanation_ends_in_the_same_verdict(asks in proptest::collection::vec(an_ask(), 20)) {
        let policy = everything();
        for (ask, circumstances) in asks {
            let explanation = policy.explain(&ask, &circumstances);
            prop_assert_eq!(&explanation.verdict, &policy.evaluate(&ask, &circumstances));
            prop_assert!(explanation.to_string().lines().count() >= 2);
            if let Verdict::Terms(terms) = &explanation.verdict {
                prop_assert!(explanation.missing.is_empty());
                let steps = terms.route.steps_or_skipped();
                let asked = explanation.steps.iter().filter(|told| told.outcome.is_asked());
                prop_assert!(asked.map(|told| &told.step).eq(steps));
                let automatic = matches!(terms.route, Route::Automatic { .. });
                prop_assert!(!(automatic && ask.asker.is_some()));
                prop_assert!(terms.duration <= Span::hours(8));
            }
        }
    }
}
