//! What a later policy does to requests that wait, and what becomes of bundles, failed grants and
//! shorter approvals, over a real database.

use chrono::TimeDelta;
use jitbot::domain::{
    Actor, Ask, Command, Event, GrantState, Origin, Quorum, Refusal, Request, RequestId,
    RequestState, Route, Span,
};
use jitbot::engine::{Again, Cause, EngineError, Submission};
use jitbot::policy::{Policy, Source};

use crate::engine::prove;
use crate::harness::house::{House, POLICY};

/// The policy of the house with one text in it replaced.
pub fn policy(from: &str, to: &str) -> Policy {
    assert!(POLICY.contains(from), "{from}");
    let text = POLICY.replace(from, to);
    let name = "policy.yaml".to_owned();
    Policy::from_sources(vec![Source { name, text }]).unwrap_or_else(|faults| panic!("{faults}"))
}

pub const ONE: &str = "steps: [{ from: [dba], count: 1 }]\n  - name: two";
pub const TWO: &str = "steps: [{ from: [dba], count: 2 }]\n  - name: two";

const READING: &str =
    "require: { max_duration: 4h }\n    decision: review\n    steps: [{ from: [dba], count: 1 }]";
const FROZEN: &str = "decision: deny\n    message: frozen";

/// What a handler does: the request asked once more, for the present policy.
pub async fn approve(house: &House, who: &str, id: RequestId) -> Result<Request, EngineError> {
    let request = house.request(id).await;
    let again = Ask {
        role: Some(request.access.role.to_string()),
        duration: Some(request.duration),
        reason: request.reason.clone(),
        extends: request.extends.as_ref().map(|extends| extends.request),
        ..Ask::of(house.holder(&request).await, "staging-db")
    };
    let by = house.member(who).await;
    let (person, origin) = (by.person, Origin::Slack);
    let cause = Cause {
        actor: Actor::Person { person, origin },
        delivery: None,
        asked_again: Some(Again {
            policy: house.engine.policy().hash().to_owned(),
            ask: Box::new(again),
            roster: house.roster(),
        }),
        seen: None,
    };
    let command = Command::Approve {
        by,
        comment: None,
        duration: None,
    };
    house.engine.execute(id, command, cause).await
}

async fn events(house: &House, id: RequestId) -> Vec<Event> {
    let entries = house.engine.store().ledger_of(id, 0).await.unwrap();
    entries.into_iter().map(|entry| entry.what).collect()
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, EngineError>) -> Refusal {
    match outcome {
        Err(EngineError::Refused(refusal)) => refusal,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[tokio::test]
async fn a_stricter_policy_tightens_what_waits_at_the_next_click() {
    let house = House::open().await;
    let id = house.ask("dana", "readonly", "4h").await.unwrap().id;
    let strict = policy(ONE, TWO);
    let strict_hash = strict.hash().to_owned();
    assert!(house.engine.adopt(strict).await.unwrap());
    let unchecked = refusal(house.approve("bob", id).await);
    assert_eq!(
        unchecked,
        Refusal::PolicyChanged,
        "nobody approves unchecked"
    );
    let first = approve(&house, "bob", id).await.unwrap();
    assert!(
        matches!(first.state, RequestState::Pending { step: 0, .. }),
        "{first:?}"
    );
    assert_eq!(
        first.terms.tightened_by.as_deref(),
        Some(strict_hash.as_str())
    );
    let steps = first.terms.route.steps();
    assert_eq!(steps.len(), 1, "the same step");
    assert_eq!(steps[0].quorum, Quorum::Any(2), "with one person more");
    let second = approve(&house, "carol", id).await.unwrap();
    assert!(second.grant().is_some(), "{second:?}");
    let told = events(&house, id).await;
    assert!(
        told.iter()
            .any(|event| matches!(event, Event::TermsTightened { .. }))
    );
    prove(&house).await;
}

#[tokio::test]
async fn a_laxer_policy_never_approves_what_waits() {
    let house = House::open().await;
    let id = house.ask("dana", "readwrite", "1h").await.unwrap().id;
    let lax = policy("[dba, leads], count: 2", "[dba, leads], count: 1");
    house.engine.adopt(lax).await.unwrap();
    let first = approve(&house, "bob", id).await.unwrap();
    assert!(
        matches!(first.state, RequestState::Pending { .. }),
        "two are needed still"
    );
    assert_eq!(first.terms.tightened_by, None);
    let second = approve(&house, "lee", id).await.unwrap();
    assert!(second.grant().is_some());
    prove(&house).await;
}

#[tokio::test]
async fn what_a_later_policy_does_not_allow_is_over_at_the_next_click() {
    let house = House::open().await;
    let id = house.ask("dana", "readonly", "4h").await.unwrap().id;
    house.engine.adopt(policy(READING, FROZEN)).await.unwrap();
    let told = refusal(approve(&house, "bob", id).await);
    let Refusal::NoLongerAllowed { because } = &told else {
        panic!("{told:?}");
    };
    assert!(matches!(**because, Refusal::DeniedByRule { .. }));
    let request = house.request(id).await;
    assert!(
        matches!(request.state, RequestState::Overruled { .. }),
        "{request:?}"
    );
    let late = refusal(approve(&house, "carol", id).await);
    assert!(matches!(late, Refusal::AlreadyDecided { .. }), "{late:?}");
    prove(&house).await;
}

#[tokio::test]
async fn a_shorter_limit_shortens_what_waits() {
    let house = House::open().await;
    let id = house.ask("dana", "readonly", "4h").await.unwrap().id;
    let shorter = policy("max_duration: 4h", "max_duration: 1h");
    house.engine.adopt(shorter).await.unwrap();
    let approved = approve(&house, "bob", id).await.unwrap();
    assert_eq!(approved.granted(), Span::hours(1));
    assert_eq!(approved.duration, Span::hours(4), "as asked");
    prove(&house).await;
}

#[tokio::test]
async fn what_was_read_for_another_policy_decides_nothing() {
    let house = House::open().await;
    let stale = Submission {
        policy: "another".into(),
        ..kit(&house, "dana", ["readonly", "open"]).await
    };
    assert_eq!(
        refusal(house.engine.submit(stale).await),
        Refusal::PolicyChanged
    );
}

#[tokio::test]
async fn a_retry_needs_what_policy_asks_by_then() {
    let house = House::open().await;
    let id = house.ask("dana", "open", "1h").await.unwrap().id;
    house.run(id, Command::BeginActivation).await.unwrap();
    let rejected = Command::ReportRejected {
        error: "no such role".into(),
        first: true,
    };
    house.run(id, rejected).await.unwrap();
    let by = house.member("dana").await;
    house.run(id, Command::Retry { by }).await.unwrap();
    let asks = "roles: [open] }\n    decision: review\n    steps: [{ from: [dba] }]";
    let stricter = policy("roles: [open] }\n    decision: approve", asks);
    house.engine.adopt(stricter).await.unwrap();
    let again = Ask {
        role: Some("open".into()),
        duration: Some(Span::hours(1)),
        reason: "to see".into(),
        ..Ask::of(house.person("dana").await, "staging-db")
    };
    let refused = house.engine.start(id, &again).await.unwrap();
    assert!(
        matches!(refused.grant().unwrap().state, GrantState::Revoked { .. }),
        "nothing begins without the approval that is needed now: {refused:?}"
    );
    prove(&house).await;
}

#[tokio::test]
async fn what_failed_and_was_revoked_is_not_tried_again() {
    let house = House::open().await;
    let id = house.ask("dana", "readonly", "1h").await.unwrap().id;
    house.approve("bob", id).await.unwrap();
    house.run(id, Command::BeginActivation).await.unwrap();
    let rejected = Command::ReportRejected {
        error: "no such role".into(),
        first: true,
    };
    house.run(id, rejected).await.unwrap();
    let revoke = Command::Revoke {
        by: house.member("bob").await,
        why: "leaving".into(),
    };
    house.run(id, revoke).await.unwrap();
    let by = house.member("dana").await;
    let retried = refusal(house.run(id, Command::Retry { by }).await);
    assert!(
        matches!(retried, Refusal::CannotRetry { .. }),
        "{retried:?}"
    );
    prove(&house).await;
}

#[tokio::test]
async fn parts_of_a_bundle_and_asks_at_once_count_each_other() {
    let limited = "decision: approve\n    limits: { uses: 1, per: 7d }\n  - name: others of open\n    match: { resources: [staging-db], roles: [open] }\n    decision: review\n    steps: [{ from: [dba] }]";
    let house = House::open().await;
    let once = policy("decision: approve", limited);
    house.engine.adopt(once).await.unwrap();
    let automatic = |request: &Request| matches!(request.terms.route, Route::Automatic { .. });
    let parts = bundle(&house, "dana", ["open", "open"]).await.unwrap();
    assert_eq!(parts.iter().filter(|part| automatic(part)).count(), 1);
    let asks = (0..4).map(|_| house.ask("erin", "open", "30m"));
    let asked = futures::future::join_all(asks).await;
    let given = asked
        .iter()
        .filter(|asked| automatic(asked.as_ref().unwrap()));
    assert_eq!(given.count(), 1, "just one of four at once");
    prove(&house).await;
}

#[tokio::test]
async fn the_ledger_knows_each_policy_once_whoever_adopts_it() {
    let house = House::open().await;
    let (old, new) = (policy(ONE, ONE), policy(ONE, TWO));
    let (old_hash, new_hash) = (old.hash().to_owned(), new.hash().to_owned());
    let other = house.doomed();
    assert!(house.engine.adopt(old.clone()).await.unwrap());
    assert!(!other.engine.adopt(old).await.unwrap());
    let (one, two) = tokio::join!(house.engine.adopt(new.clone()), other.engine.adopt(new));
    assert!(
        one.unwrap() ^ two.unwrap(),
        "just one of two replicas records it"
    );
    assert_eq!(house.engine.policy().hash(), new_hash);
    assert_eq!(other.engine.policy().hash(), new_hash);
    let entries = house.engine.store().ledger_after(0, 100).await.unwrap();
    let changes: Vec<Event> = entries
        .iter()
        .map(|stored| stored.entry().unwrap().what)
        .collect();
    let first = Event::PolicyChanged {
        from: None,
        to: old_hash.clone(),
    };
    let second = Event::PolicyChanged {
        from: Some(old_hash),
        to: new_hash,
    };
    assert_eq!(changes, [first, second]);
}

#[tokio::test]
async fn an_approver_may_give_less_and_both_are_on_record() {
    let house = House::open().await;
    let id = house.ask("dana", "readonly", "2h").await.unwrap().id;
    let less = |by, span| Command::Approve {
        by,
        comment: None,
        duration: Some(span),
    };
    let bob = house.member("bob").await;
    let more = refusal(house.run(id, less(bob.clone(), Span::hours(3))).await);
    assert!(matches!(more, Refusal::NotShorter { .. }), "{more:?}");
    let approved = house.run(id, less(bob, Span::minutes(30))).await.unwrap();
    assert_eq!(approved.granted(), Span::minutes(30));
    assert_eq!(approved.terms.duration, Span::hours(2), "as asked");
    let begun = house.run(id, Command::BeginActivation).await.unwrap();
    let until = begun.grant().unwrap().state.wanted_until();
    assert_eq!(until, Some(house.clock.now() + TimeDelta::minutes(30)));
    let shortened = events(&house, id)
        .await
        .into_iter()
        .find_map(|event| match event {
            Event::ApprovalGiven { shortened, .. } => shortened,
            _ => None,
        });
    let shortened = shortened.unwrap();
    assert_eq!(
        (shortened.from, shortened.to),
        (Span::hours(2), Span::minutes(30))
    );
    prove(&house).await;
}

#[tokio::test]
async fn what_failed_is_tried_again_under_its_approval_until_that_is_old() {
    let house = House::open().await;
    let id = house.ask("dana", "readonly", "1h").await.unwrap().id;
    house.approve("bob", id).await.unwrap();
    house.run(id, Command::BeginActivation).await.unwrap();
    let rejected = || Command::ReportRejected {
        error: "no such role".into(),
        first: true,
    };
    house.run(id, rejected()).await.unwrap();
    let retry = |by| Command::Retry { by };
    let erin = house.member("erin").await;
    assert_eq!(refusal(house.run(id, retry(erin)).await), Refusal::NotYours);
    let dana = house.member("dana").await;
    let again = house.run(id, retry(dana.clone())).await.unwrap();
    assert!(matches!(
        again.grant().unwrap().state,
        GrantState::Scheduled { .. }
    ));
    let started = house.run(id, Command::Start).await.unwrap();
    assert!(matches!(
        started.grant().unwrap().state,
        GrantState::Activating { .. }
    ));
    house.run(id, Command::BeginActivation).await.unwrap();
    house.run(id, rejected()).await.unwrap();
    house.pass(TimeDelta::hours(2));
    let old = refusal(house.run(id, retry(dana)).await);
    assert!(matches!(old, Refusal::CannotRetry { .. }), "{old:?}");
    prove(&house).await;
}

/// A bundle of two roles of `staging-db`.
pub async fn bundle(
    house: &House,
    who: &str,
    roles: [&str; 2],
) -> Result<Vec<Request>, EngineError> {
    let submission = kit(house, who, roles).await;
    house.engine.submit(submission).await
}

async fn kit(house: &House, who: &str, roles: [&str; 2]) -> Submission {
    let mut asks = Vec::new();
    for role in roles {
        asks.push(Ask {
            role: Some(role.into()),
            duration: Some(Span::hours(1)),
            reason: "to see".into(),
            ..Ask::of(house.person(who).await, "staging-db")
        });
    }
    Submission {
        policy: house.engine.policy().hash().to_owned(),
        asks,
        bundle: Some("kit".into()),
        roster: house.roster(),
        origin: Origin::Slack,
        delivery: None,
    }
}

#[tokio::test]
async fn a_click_on_a_bundle_decides_on_every_part_that_it_may() {
    let house = House::open().await;
    let parts = bundle(&house, "dana", ["readonly", "admin"]).await.unwrap();
    let [first, second] = [parts[0].id, parts[1].id];
    assert_eq!((parts[0].card(), parts[1].card()), (first, first));
    house.approve("bob", first).await.unwrap();
    assert!(house.request(first).await.grant().is_some());
    let waiting = house.request(second).await;
    assert!(
        matches!(waiting.state, RequestState::Pending { step: 1, .. }),
        "{waiting:?}"
    );
    house.approve("lee", first).await.unwrap();
    assert!(
        house.request(second).await.grant().is_some(),
        "the first part was decided already"
    );
    let stranger = refusal(house.approve("erin", first).await);
    assert!(
        matches!(stranger, Refusal::AlreadyDecided { .. }),
        "{stranger:?}"
    );
    prove(&house).await;
}

#[tokio::test]
async fn a_bundle_is_asked_for_as_a_whole_or_not_at_all() {
    let house = House::open().await;
    let refused = refusal(bundle(&house, "dana", ["readonly", "nothing"]).await);
    assert!(
        matches!(refused, Refusal::PartRefused { .. }),
        "{refused:?}"
    );
    assert_eq!(house.engine.store().all_requests().await.unwrap(), []);
}

#[tokio::test]
async fn two_clicks_at_once_on_a_bundle_make_each_grant_once() {
    let house = House::open().await;
    let lead = bundle(&house, "dana", ["readonly", "readwrite"])
        .await
        .unwrap()[0]
        .id;
    let clicks = ["bob", "carol", "lee", "bob"].map(|who| house.approve(who, lead));
    futures::future::join_all(clicks).await;
    for part in house.engine.store().parts_of(lead).await.unwrap() {
        assert!(part.grant().is_some(), "{part:?}");
    }
    prove(&house).await;
}
