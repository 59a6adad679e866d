//! The one writer over a real database: one transaction or nothing, whatever happens at once.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use futures::future::join_all;
use jitbot::domain::{
    Command, Effect, Event, GrantState, Outcome, Receipt, Refusal, Request, RequestId, RequestState,
};
use jitbot::engine::{Cause, EngineError};
use jitbot::store::StoreError;
use jitbot::store::ledger::{Entry, entry_hash};
use jitbot::store::outbox::Kind;

use crate::harness::house::House;

fn refusal(outcome: Result<Request, EngineError>) -> Refusal {
    match outcome {
        Err(EngineError::Refused(refusal)) => refusal,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

/// The ledger is gap-free and chained, and replays to exactly the tables.
pub async fn prove(house: &House) {
    let entries = house.engine.store().ledger_after(0, 10_000).await.unwrap();
    let mut replayed: BTreeMap<RequestId, Request> = BTreeMap::new();
    let (mut prev, mut last_at) = (vec![0; 32], None);
    for (stored, expected) in entries.iter().zip(1..) {
        assert_eq!(stored.seq, expected, "no gap");
        assert_eq!(stored.prev, prev);
        assert_eq!(stored.hash, entry_hash(&prev, &stored.payload));
        assert!(last_at <= Some(stored.at), "time never goes back");
        (prev, last_at) = (stored.hash.clone(), Some(stored.at));
        let entry = stored.entry().unwrap();
        let Some(id) = entry.request else { continue };
        let before = replayed.remove(&id);
        let next = entry.what.apply(before, entry.moment()).unwrap();
        replayed.insert(id, next);
    }
    let truth = house.engine.store().all_requests().await.unwrap();
    assert_eq!(replayed.into_values().collect::<Vec<_>>(), truth);
}

#[tokio::test]
async fn a_request_is_asked_approved_given_and_taken_away() {
    let house = House::open().await;
    let asked = house.ask("dana", "readonly", "1h").await.unwrap();
    let approved = house.approve("bob", asked.id).await.unwrap();
    assert!(matches!(
        approved.grant().unwrap().state,
        GrantState::Activating { .. }
    ));
    house.pass(TimeDelta::seconds(5));
    house.run(asked.id, Command::BeginActivation).await.unwrap();
    let report = Command::ReportActivated {
        receipt: Receipt::default(),
    };
    let active = house.run(asked.id, report).await.unwrap();
    let until = active.grant().unwrap().state.wanted_until().unwrap();
    assert_eq!(
        until,
        house.clock.now() + TimeDelta::hours(1),
        "counted from the call"
    );
    assert_eq!(
        refusal(house.run(asked.id, Command::Lapse).await),
        Refusal::NotDue
    );
    house.pass(TimeDelta::hours(1));
    house.run(asked.id, Command::Lapse).await.unwrap();
    house.pass(TimeDelta::seconds(7));
    let gone = Command::ReportRemoved {
        removal: None,
        covered_until: None,
    };
    let over = house.run(asked.id, gone).await.unwrap();
    assert!(over.is_over());
    let entries = house.engine.store().ledger_of(asked.id, 0).await.unwrap();
    let last = &entries.last().unwrap().what;
    assert!(
        matches!(last, Event::GrantRevoked { lag_seconds: 7, .. }),
        "{last:?}"
    );
    prove(&house).await;
}

#[tokio::test]
async fn many_approvers_at_once_make_one_grant_and_the_others_hear_who_was_first() {
    let house = House::open().await;
    let id = house.ask("dana", "readonly", "1h").await.unwrap().id;
    let clicks = ["bob", "carol"]
        .iter()
        .cycle()
        .take(12)
        .map(|who| house.approve(who, id));
    let outcomes = join_all(clicks).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        let refused = refusal(outcome);
        assert!(
            matches!(
                refused,
                Refusal::AlreadyDecided {
                    outcome: Outcome::Approved,
                    by: Some(_),
                    ..
                }
            ),
            "{refused:?}"
        );
    }
    prove(&house).await;
}

#[tokio::test]
async fn two_approvers_at_once_both_count_when_two_are_needed() {
    let house = House::open().await;
    let id = house.ask("dana", "readwrite", "1h").await.unwrap().id;
    let outcomes = join_all(["bob", "bob", "lee"].map(|who| house.approve(who, id))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 2);
    let request = house.engine.store().request(id).await.unwrap().unwrap();
    assert_eq!(
        request.approvals().len(),
        2,
        "one vote a person, however often they click"
    );
    assert!(request.grant().is_some());
    prove(&house).await;
}

#[tokio::test]
async fn steps_are_asked_one_after_the_other() {
    let house = House::open().await;
    let id = house.ask("dana", "admin", "1h").await.unwrap().id;
    assert!(matches!(
        refusal(house.approve("lee", id).await),
        Refusal::NotAnApprover { .. }
    ));
    house.approve("bob", id).await.unwrap();
    assert!(matches!(
        refusal(house.approve("carol", id).await),
        Refusal::NotAnApprover { needed } if needed.iter().all(|group| group.as_str() == "leads")
    ));
    let done = house.approve("lee", id).await.unwrap();
    assert!(done.grant().is_some());
    prove(&house).await;
}

#[tokio::test]
async fn approving_and_cancelling_at_once_ends_in_one_of_them() {
    for _ in 0..8 {
        let house = House::open().await;
        let id = house.ask("dana", "readonly", "1h").await.unwrap().id;
        let dana = house.member("dana").await;
        let cancel = house.run(id, Command::Cancel { by: dana });
        let (approved, cancelled) = tokio::join!(house.approve("bob", id), cancel);
        assert!(approved.is_ok() != cancelled.is_ok());
        prove(&house).await;
    }
}

#[tokio::test]
async fn approving_and_denying_at_once_keeps_the_first() {
    let house = House::open().await;
    let id = house.ask("dana", "readonly", "1h").await.unwrap().id;
    let by = house.member("carol").await;
    let deny = house.run(
        id,
        Command::Deny {
            by,
            why: "not today".into(),
        },
    );
    let (approved, denied) = tokio::join!(house.approve("bob", id), deny);
    assert!(approved.is_ok() != denied.is_ok());
    prove(&house).await;
}

/// A grant that is active for an hour, and a request to prolong it.
async fn active_with_extension(house: &House) -> (RequestId, RequestId) {
    let first = house.ask("dana", "readonly", "1h").await.unwrap().id;
    house.approve("bob", first).await.unwrap();
    house.run(first, Command::BeginActivation).await.unwrap();
    let report = Command::ReportActivated {
        receipt: Receipt::default(),
    };
    house.run(first, report).await.unwrap();
    let extension = house
        .submit("dana", ("readonly", "1h"), Some(first), None)
        .await
        .unwrap()
        .id;
    (first, extension)
}

#[tokio::test]
async fn extending_against_lapsing_leaves_no_gap_or_is_refused() {
    for _ in 0..8 {
        let house = House::open().await;
        let (first, extension) = active_with_extension(&house).await;
        let end = house.clock.now() + TimeDelta::hours(1);
        house.pass(TimeDelta::hours(1) - TimeDelta::milliseconds(1));
        let approve = house.approve("bob", extension);
        let lapse = async {
            house.pass(TimeDelta::milliseconds(1));
            house.run(first, Command::Lapse).await
        };
        let (approved, lapsed) = tokio::join!(approve, lapse);
        lapsed.unwrap();
        match approved {
            Ok(request) => {
                assert_eq!(
                    request.grant().unwrap().after,
                    Some(end),
                    "from where the first ends"
                );
            }
            // Since nothing is left to extend, nobody is waited for any more.
            Err(error) => {
                let refusal = refusal(Err(error));
                let expired = Outcome::Expired;
                let is_over = matches!(
                    &refusal,
                    Refusal::AlreadyDecided { outcome, .. } if *outcome == expired
                );
                assert!(
                    is_over || refusal == Refusal::NothingToExtend,
                    "{refusal:?}"
                );
            }
        }
        prove(&house).await;
    }
}

#[tokio::test]
async fn extending_what_has_ended_or_belongs_to_another_is_refused_at_once() {
    let house = House::open().await;
    let (first, _) = active_with_extension(&house).await;
    let others = house
        .submit("erin", ("readonly", "1h"), Some(first), None)
        .await;
    assert_eq!(refusal(others), Refusal::NothingToExtend);
    house.pass(TimeDelta::hours(1));
    house.run(first, Command::Lapse).await.unwrap();
    let late = house
        .submit("dana", ("readonly", "1h"), Some(first), None)
        .await;
    assert_eq!(refusal(late), Refusal::NothingToExtend);
    prove(&house).await;
}

#[tokio::test]
async fn a_delivery_has_its_effect_once() {
    let house = House::open().await;
    let first = house
        .submit("dana", ("readonly", "1h"), None, Some("command/1"))
        .await
        .unwrap();
    let again = house
        .submit("dana", ("readonly", "1h"), None, Some("command/1"))
        .await;
    assert_eq!(refusal(again), Refusal::Duplicate);
    let by = house.member("bob").await;
    let click = || {
        let cause = Cause::slack(by.person, "click/1");
        house.engine.execute(
            first.id,
            Command::Approve {
                by: by.clone(),
                comment: None,
                duration: None,
            },
            cause,
        )
    };
    let clicks = join_all((0..6).map(|_| click())).await;
    assert_eq!(clicks.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    prove(&house).await;
}

#[tokio::test]
async fn a_refused_act_changes_nothing_and_is_written_down_when_it_tells_something() {
    let house = House::open().await;
    let id = house.ask("dana", "readonly", "1h").await.unwrap().id;
    let before = house.engine.store().request(id).await.unwrap();
    let cause = |who: &str| Cause::slack(house.id(who), format!("click/{who}"));
    for who in ["dana", "erin", "dana", "erin", "dana"] {
        let by = house.member(who).await;
        let approve = Command::Approve {
            by,
            comment: None,
            duration: None,
        };
        refusal(house.engine.execute(id, approve, cause(who)).await);
    }
    assert_eq!(house.engine.store().request(id).await.unwrap(), before);
    let entries = house.engine.store().ledger_of(id, 0).await.unwrap();
    let refused: Vec<_> = entries
        .iter()
        .filter_map(|entry| match &entry.what {
            Event::DecisionRefused { refusal, .. } => Some(refusal.clone()),
            _ => None,
        })
        .collect();
    assert!(matches!(
        refused[..],
        [Refusal::OwnRequest, Refusal::NotAnApprover { .. }]
    ));
    prove(&house).await;
    let told = house.engine.store().story_of(&[id]).await.unwrap();
    let refused = |entry: &&Entry| matches!(entry.what, Event::DecisionRefused { .. });
    assert_eq!(told.iter().filter(refused).count(), 0, "nobody is told");
}

#[tokio::test]
async fn the_same_refusal_is_written_down_once_an_hour() {
    let house = House::open().await;
    let id = house.ask("dana", "readonly", "4h").await.unwrap().id;
    let mut counts = Vec::new();
    for minutes in [0, 1, 58, 2] {
        house.pass(TimeDelta::minutes(minutes));
        for user in ["U0GUEST", "U0OTHER"] {
            let refusing = house.engine.refuse_outsider(user, id, "a guest".into());
            refusing.await;
        }
        let now = house.clock.now();
        house.engine.store().forget_refusals(now).await.unwrap();
        let entries = house.engine.store().ledger_of(id, 0).await.unwrap();
        let outsider = |entry: &&Entry| matches!(entry.what, Event::OutsiderRefused { .. });
        counts.push(entries.iter().filter(outsider).count());
    }
    assert_eq!(counts, [2, 2, 2, 4], "each of them once an hour");
    prove(&house).await;
}

#[tokio::test]
async fn a_rule_that_approves_by_itself_says_so_in_the_ledger() {
    let house = House::open().await;
    let request = house.ask("dana", "open", "1h").await.unwrap();
    assert!(
        matches!(&request.state, RequestState::Approved { approvals, .. } if approvals.is_empty())
    );
    prove(&house).await;
}

#[tokio::test]
async fn too_few_approvers_are_refused_at_once() {
    let house = House::open().await;
    assert!(
        house.ask("bob", "admin", "1h").await.is_ok(),
        "carol and lee can decide"
    );
    let lone = house.ask("lee", "admin", "1h").await;
    assert!(matches!(
        refusal(lone),
        Refusal::TooFewApprovers {
            eligible: 0,
            needed: 1,
            ..
        }
    ));
}

#[tokio::test]
async fn the_outbox_gives_a_stream_to_one_worker_and_fences_the_slow_one() {
    let house = House::open().await;
    let store = house.engine.store();
    let id = house.ask("dana", "readonly", "1h").await.unwrap().id;
    house.approve("bob", id).await.unwrap();
    let lease = TimeDelta::seconds(60);
    let take = |now| store.claim(Kind::Access, now, lease, 10);
    let [slow] = &take(house.clock.now()).await.unwrap()[..] else {
        panic!("one claim")
    };
    assert!(
        take(house.clock.now()).await.unwrap().is_empty(),
        "held by the first"
    );
    house.pass(lease);
    let [fresh] = &take(house.clock.now()).await.unwrap()[..] else {
        panic!("one claim")
    };
    assert_eq!((fresh.id, fresh.attempt), (slow.id, slow.attempt + 1));
    let late = house
        .engine
        .report(slow, &[(id, Command::BeginActivation)])
        .await;
    assert!(matches!(
        late,
        Err(EngineError::Store(StoreError::Overtaken))
    ));
    let request = store.request(id).await.unwrap().unwrap();
    assert_eq!(
        request.grant().unwrap().state.wanted_until(),
        None,
        "nothing of it was kept"
    );
    house
        .engine
        .report(fresh, &[(id, Command::BeginActivation)])
        .await
        .unwrap();
    assert!(
        take(house.clock.now() + lease).await.unwrap().is_empty(),
        "settled"
    );
    prove(&house).await;
}

#[tokio::test]
async fn effects_asked_for_while_one_is_carried_out_are_not_lost() {
    let house = House::open().await;
    let store = house.engine.store();
    let id = house.ask("dana", "readonly", "1h").await.unwrap().id;
    let lease = TimeDelta::seconds(60);
    let [held] = &store
        .claim(Kind::Card, house.clock.now(), lease, 10)
        .await
        .unwrap()[..]
    else {
        panic!("one claim")
    };
    house.approve("bob", id).await.unwrap();
    house.engine.report(held, &[]).await.unwrap();
    let next = store
        .claim(Kind::Card, house.clock.now(), lease, 10)
        .await
        .unwrap();
    assert_eq!(next.len(), 1, "the approval still has to be told");
}

#[tokio::test]
async fn nobody_changes_or_deletes_what_stands_in_the_ledger() {
    let (store, url) = crate::harness::store::fresh().await;
    drop(store);
    let pool = sqlx::PgPool::connect(&url).await.unwrap();
    for sql in [
        "update ledger set payload = ''",
        "delete from ledger",
        "truncate ledger",
    ] {
        let error = sqlx::query(sql).execute(&pool).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{error}");
    }
}

/// Two requests for the same access change at once: the later one of the two is seen first. Whoever
/// takes its effect must not settle the earlier one, which it has not seen, or a removal is lost.
#[tokio::test]
async fn an_effect_that_becomes_visible_late_is_not_settled_unseen() {
    let house = House::open().await;
    let store = house.engine.store();
    let access = house.ask("dana", "readonly", "1h").await.unwrap().access;
    let (now, lease) = (house.clock.now(), TimeDelta::seconds(60));
    let converge = [Effect::Converge { access }];
    let mut early = store.begin().await.unwrap();
    early.enqueue(&converge, now).await.unwrap();
    let late = async {
        let mut late = store.begin().await.unwrap();
        late.enqueue(&converge, now).await.unwrap();
        late.commit().await.unwrap();
    };
    // The later one either waits for the earlier one, or is there by now.
    let waits = async { while !house.somebody_waits_for_a_lock().await {} };
    let mut late = Box::pin(late);
    let late_is_done = tokio::select! { () = &mut late => true, () = waits => false };
    let taken = store.claim(Kind::Access, now, lease, 10).await.unwrap();
    early.commit().await.unwrap();
    if !late_is_done {
        late.await;
    }
    for claim in &taken {
        house.engine.report(claim, &[]).await.unwrap();
    }
    let left = store.claim(Kind::Access, now, lease, 10).await.unwrap();
    assert_eq!(
        left.len(),
        1,
        "the earlier effect is still to be carried out"
    );
}

/// Between the decision and its entry others append theirs, with later times. A clock that is set
/// back looks the same to the ledger.
#[tokio::test]
async fn a_decision_whose_entry_comes_after_a_later_one_replays_to_its_own_time() {
    let house = House::open().await;
    let [one, other] = [
        house.ask("dana", "readonly", "1h").await.unwrap().id,
        house.ask("erin", "readonly", "1h").await.unwrap().id,
    ];
    house.pass(TimeDelta::seconds(2));
    house.approve("bob", other).await.unwrap();
    house.pass(TimeDelta::seconds(-1));
    house.approve("bob", one).await.unwrap();
    prove(&house).await;
}
