//! Effects are carried out whatever fails in between: given once, taken away surely.

use chrono::TimeDelta;
use jitbot::domain::{
    Access, Command, Effect, GrantState, RequestId, ResourceName, RevokeCause, RoleName,
};
use jitbot::store::outbox::Kind;

use crate::harness::crash;
use crate::harness::house::House;
use crate::harness::target::Next;

/// A request of dana's for an hour that bob has approved and no worker has seen.
async fn approved(house: &House) -> RequestId {
    let id = house.ask("dana", "readonly", "1h").await.unwrap().id;
    house.approve("bob", id).await.unwrap();
    id
}

async fn grant(house: &House, id: RequestId) -> GrantState {
    house.request(id).await.grant().unwrap().state.clone()
}

/// Time passes, with the workers at work, in steps in which every put-off effect comes due.
async fn pass(house: &House, minutes: i64) {
    for _ in 0..minutes {
        house.pass(TimeDelta::minutes(1));
        house.settle().await;
    }
}

/// Nothing is left undone, and what is over is over at the target too.
async fn assert_done(house: &House, id: RequestId) {
    assert!(house.request(id).await.is_over());
    assert!(house.target.is_empty());
    assert_eq!(house.engine.store().unsettled().await.unwrap(), 0);
    super::engine::prove(house).await;
}

#[tokio::test]
async fn access_is_given_reminded_of_and_taken_away_on_time() {
    let house = House::open().await;
    let id = approved(&house).await;
    house.settle().await;
    let access = house.request(id).await.access;
    let until = house.clock.now() + TimeDelta::hours(1);
    assert_eq!(house.target.holds(&access), Some(until));
    assert!(house.card().contains("Active until"), "{}", house.card());

    house.pass(TimeDelta::minutes(44));
    house.settle().await;
    assert!(
        !house
            .slack
            .dms("dana")
            .iter()
            .any(|dm| dm.plain().contains("ends in"))
    );
    house.pass(TimeDelta::minutes(1));
    house.settle().await;
    let reminders = |house: &House| {
        let dms = house.slack.dms("dana");
        dms.iter()
            .filter(|dm| dm.plain().contains("15 minutes"))
            .count()
    };
    assert_eq!(
        reminders(&house),
        1,
        "{:?}",
        house
            .slack
            .dms("dana")
            .iter()
            .map(jitbot::sandbox::Message::plain)
            .collect::<Vec<_>>()
    );

    house.pass(TimeDelta::minutes(15));
    house.settle().await;
    assert_eq!(reminders(&house), 1, "once");
    assert_done(&house, id).await;
}

#[tokio::test]
async fn overlapping_grants_never_shorten_each_other() {
    let house = House::open().await;
    let long = house.ask("dana", "readonly", "2h").await.unwrap().id;
    let short = house.ask("dana", "readonly", "30m").await.unwrap().id;
    for id in [long, short] {
        house.approve("bob", id).await.unwrap();
        house.settle().await;
    }
    let access = house.request(long).await.access;
    let end = house.clock.now() + TimeDelta::hours(2);
    assert_eq!(house.target.holds(&access), Some(end));
    house.pass(TimeDelta::minutes(30));
    house.settle().await;
    let over = grant(&house, short).await;
    assert!(
        matches!(over, GrantState::Revoked { covered_until: Some(until), .. } if until == end),
        "{over:?}"
    );
    assert_eq!(
        house.target.holds(&access),
        Some(end),
        "the other grant keeps it"
    );
    house.pass(TimeDelta::minutes(90));
    house.settle().await;
    assert_done(&house, long).await;
}

#[tokio::test]
async fn an_extension_moves_the_end_without_a_gap() {
    let house = House::open().await;
    let first = approved(&house).await;
    house.settle().await;
    let access = house.request(first).await.access;
    let end = house.clock.now() + TimeDelta::hours(1);
    let more = house
        .submit("dana", ("readonly", "30m"), Some(first), None)
        .await
        .unwrap()
        .id;
    house.approve("carol", more).await.unwrap();
    house.settle().await;
    let later = end + TimeDelta::minutes(30);
    assert_eq!(house.target.holds(&access), Some(later));
    pass(&house, 60).await;
    assert_eq!(
        house.target.holds(&access),
        Some(later),
        "no gap at the first end"
    );
    let removed = house
        .target
        .calls()
        .iter()
        .filter(|call| **call == "remove")
        .count();
    assert_eq!(removed, 0);
    pass(&house, 30).await;
    assert_done(&house, more).await;
}

#[tokio::test]
async fn a_clean_refusal_of_the_target_gives_nothing_and_says_why() {
    let house = House::open().await;
    house.target.next([Next::Rejects]);
    let id = approved(&house).await;
    house.settle().await;
    assert!(
        matches!(grant(&house, id).await, GrantState::Failed { error, .. } if error == "no such login")
    );
    assert_done(&house, id).await;
}

#[tokio::test]
async fn an_unreached_target_is_asked_again_and_the_time_runs_from_the_call_that_worked() {
    let house = House::open().await;
    house.target.next([Next::Unreached, Next::Unreached]);
    let id = approved(&house).await;
    house.settle().await;
    assert!(matches!(
        grant(&house, id).await,
        GrantState::Activating { until: None, .. }
    ));
    pass(&house, 2).await;
    let given = house.clock.now();
    let GrantState::Active { until, .. } = grant(&house, id).await else {
        panic!("not active")
    };
    assert!(given - TimeDelta::minutes(1) + TimeDelta::hours(1) <= until);
    pass(&house, 60).await;
    assert_done(&house, id).await;
}

#[tokio::test]
async fn a_lost_answer_is_found_and_the_time_runs_from_the_lost_call() {
    let house = House::open().await;
    house.target.next([Next::LostAfter]);
    let id = approved(&house).await;
    let called = house.clock.now();
    house.settle().await;
    pass(&house, 1).await;
    let GrantState::Active { until, .. } = grant(&house, id).await else {
        panic!("not active")
    };
    assert_eq!(until, called + TimeDelta::hours(1));
    pass(&house, 60).await;
    assert_done(&house, id).await;
}

#[tokio::test]
async fn a_target_that_says_done_and_did_nothing_is_not_believed() {
    let house = House::open().await;
    house.target.next([Next::Lies]);
    let id = approved(&house).await;
    house.settle().await;
    assert!(
        matches!(grant(&house, id).await, GrantState::Activating { .. }),
        "not said to be given"
    );
    pass(&house, 1).await;
    assert!(matches!(grant(&house, id).await, GrantState::Active { .. }));
    pass(&house, 60).await;
    assert_done(&house, id).await;
}

#[tokio::test]
async fn fault_50_a_target_that_says_gone_and_did_nothing_is_not_believed() {
    let house = House::open().await;
    let id = approved(&house).await;
    house.settle().await;
    house.pass(TimeDelta::hours(1));
    house.target.next([Next::Lies]);
    house.settle().await;
    let state = grant(&house, id).await;
    assert!(
        matches!(state, GrantState::Revoking { .. }),
        "not said to be gone: {state:?}"
    );
    pass(&house, 1).await;
    assert_done(&house, id).await;
}

#[tokio::test]
async fn a_target_that_stays_unknown_is_cleaned_up_to_be_sure() {
    let house = House::open().await;
    house.target.breaks(Next::LostAfter);
    let id = approved(&house).await;
    pass(&house, 11).await;
    let state = grant(&house, id).await;
    let unsure = matches!(
        &state,
        GrantState::Revoking {
            cause: RevokeCause::ActivationUnknown { .. },
            ..
        }
    );
    assert!(unsure, "{state:?}");
    house.target.heal();
    pass(&house, 2).await;
    assert_done(&house, id).await;
}

#[tokio::test]
async fn a_target_that_was_never_reached_ends_in_failed_after_bounded_tries() {
    let house = House::open().await;
    house.target.breaks(Next::Unreached);
    let id = approved(&house).await;
    pass(&house, 11).await;
    assert!(matches!(grant(&house, id).await, GrantState::Failed { .. }));
    assert_done(&house, id).await;
}

#[tokio::test]
async fn fault_48_a_removal_that_fails_for_an_hour_is_loud_and_never_given_up() {
    let house = House::open().await;
    let id = approved(&house).await;
    house.settle().await;
    house.target.breaks(Next::LostBefore);
    house.pass(TimeDelta::hours(1));
    house.settle().await;
    pass(&house, 60).await;
    let GrantState::Revoking {
        failing: Some(failing),
        ..
    } = grant(&house, id).await
    else {
        panic!("should be failing loudly: {:?}", grant(&house, id).await)
    };
    assert!(failing.attempts >= 3);
    let tries = house
        .target
        .calls()
        .iter()
        .filter(|call| **call == "remove")
        .count();
    assert!(tries >= 60, "at most a minute apart: {tries}");
    let health = house
        .engine
        .store()
        .health(house.clock.now())
        .await
        .unwrap();
    assert_eq!((health.stuck, health.overdue), (1, 1));
    assert!(
        house.card().contains("Taking the access away is failing"),
        "{}",
        house.card()
    );
    house.target.heal();
    pass(&house, 1).await;
    assert_done(&house, id).await;
    assert!(house.story().contains("late"), "{}", house.story());
}

#[tokio::test]
async fn what_is_for_later_is_no_backlog() {
    let house = House::open().await;
    let now = house.clock.now();
    let access = Access {
        person: house.id("dana"),
        resource: ResourceName::new("staging-db"),
        role: RoleName::new("readonly"),
    };
    let mut tx = house.engine.store().begin().await.unwrap();
    let later = now + TimeDelta::minutes(10);
    tx.enqueue_for(&[Effect::Converge { access }], now, later)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let at = async |minutes| {
        let now = now + TimeDelta::minutes(minutes);
        let health = house.engine.store().health(now).await.unwrap();
        (health.outbox, health.outbox_oldest_seconds)
    };
    assert_eq!(at(5).await, (0, 0.0), "it is not its time");
    assert_eq!(at(11).await, (1, 660.0), "nobody took it");
}

#[tokio::test]
async fn fault_47_a_target_down_for_an_hour_while_giving_leaves_no_half_access() {
    let house = House::open().await;
    house.target.next([Next::LostAfter]);
    let id = approved(&house).await;
    house.settle().await;
    house.target.breaks(Next::Unreached);
    pass(&house, 60).await;
    house.target.heal();
    pass(&house, 2).await;
    assert_done(&house, id).await;
}

#[tokio::test]
async fn fault_58_giving_back_while_the_grant_is_on_its_way_leaves_nothing_behind() {
    let house = House::open().await;
    let id = approved(&house).await;
    house.run(id, Command::BeginActivation).await.unwrap();
    let by = house.member("dana").await;
    house.run(id, Command::GiveBack { by }).await.unwrap();
    house.settle().await;
    assert_done(&house, id).await;
}

#[tokio::test]
async fn fault_08_all_dead_across_the_end_and_back_an_hour_later_takes_it_away_at_once() {
    let house = House::open().await;
    let id = approved(&house).await;
    house.settle().await;
    house.pass(TimeDelta::hours(2));
    house.settle().await;
    assert_done(&house, id).await;
    assert!(
        house.story().contains("late"),
        "the lag is told: {}",
        house.story()
    );
}

#[tokio::test]
async fn fault_60_a_reminder_after_the_end_says_nothing() {
    let house = House::open().await;
    let id = approved(&house).await;
    house.settle().await;
    house.pass(TimeDelta::minutes(59));
    house.worker.sweep().await.unwrap();
    house.pass(TimeDelta::minutes(1));
    house.worker.sweep().await.unwrap();
    house.settle().await;
    let reminded = house
        .slack
        .dms("dana")
        .iter()
        .any(|dm| dm.plain().contains("ends in"));
    assert!(!reminded);
    assert_done(&house, id).await;
}

#[tokio::test]
async fn fault_66_a_panic_in_one_effect_does_not_stop_the_others() {
    let house = House::open().await;
    house.target.next([Next::Panics]);
    let poisoned = approved(&house).await;
    house.settle().await;
    let healthy = house.ask("erin", "readonly", "1h").await.unwrap().id;
    house.approve("bob", healthy).await.unwrap();
    house.settle().await;
    assert!(matches!(
        grant(&house, healthy).await,
        GrantState::Active { .. }
    ));
    pass(&house, 1).await;
    assert!(matches!(
        grant(&house, poisoned).await,
        GrantState::Active { .. }
    ));
    pass(&house, 61).await;
    assert_done(&house, poisoned).await;
}

/// A worker of another process begins to deliver and dies at that wait; its connections die with it.
/// Answers whether it came to its end before.
async fn dies_at(house: &House, waits: usize) -> bool {
    let doomed = house.doomed();
    // It is connected already: the crashes are for the work, not for the handshake.
    doomed.engine.now().await.unwrap();
    let delivered = crash::after_waits(waits, doomed.deliver(Kind::Access)).await;
    doomed.engine.store().close().await;
    delivered.is_some()
}

/// Crashes a worker at each of its waits, in giving and in taking away; another one, later, puts
/// everything right.
#[tokio::test]
async fn a_crash_at_any_wait_is_repaired_by_the_next_worker() {
    let house = House::open().await;
    let mut crashed = 0;
    for waits in 0..32 {
        let id = approved(&house).await;
        crashed += usize::from(!dies_at(&house, waits).await);
        pass(&house, 2).await;
        let state = grant(&house, id).await;
        assert!(
            matches!(state, GrantState::Active { .. }),
            "at wait {waits}: {state:?}"
        );
        assert_eq!(
            activations(&house, id).await,
            1,
            "given once, at wait {waits}"
        );

        house.pass(TimeDelta::hours(1));
        house.worker.sweep().await.unwrap();
        crashed += usize::from(!dies_at(&house, waits).await);
        pass(&house, 2).await;
        assert_done(&house, id).await;
    }
    assert!(10 < crashed, "it hardly ever crashed: {crashed}");
}

async fn activations(house: &House, id: RequestId) -> usize {
    let entries = house.engine.store().ledger_of(id, 0).await.unwrap();
    entries
        .iter()
        .filter(|entry| matches!(entry.what, jitbot::domain::Event::GrantActivated { .. }))
        .count()
}

/// Fault 65, in small: many ends in the same second.
#[tokio::test]
async fn many_grants_that_end_in_the_same_second_are_all_taken_away() {
    let house = House::open().await;
    let mut ids = Vec::new();
    for who in ["dana", "erin", "carol", "lee"] {
        for _ in 0..10 {
            let id = house.ask(who, "readonly", "1h").await.unwrap().id;
            house.approve("bob", id).await.unwrap();
            ids.push(id);
        }
    }
    while house.worker.deliver(Kind::Access).await.unwrap() > 0 {}
    house.pass(TimeDelta::hours(1));
    house.worker.sweep().await.unwrap();
    while house.worker.deliver(Kind::Access).await.unwrap() > 0 {}
    assert!(house.target.is_empty());
    for id in ids {
        assert!(house.request(id).await.is_over());
    }
}

#[tokio::test]
async fn fault_15_a_worker_that_is_overtaken_drops_its_call() {
    let mut house = House::open().await;
    house.worker.pace.lease = TimeDelta::milliseconds(90);
    house.target.next([Next::Hangs]);
    let id = approved(&house).await;
    let pool = sqlx::PgPool::connect(house.url()).await.unwrap();
    let overtake = async {
        while house.target.calls().is_empty() {
            tokio::task::yield_now().await;
        }
        let taken = "update outbox set attempt = attempt + 1 where settled_at is null";
        sqlx::query(taken).execute(&pool).await.unwrap();
    };
    let limit = std::time::Duration::from_secs(20);
    let delivering = tokio::time::timeout(limit, house.worker.deliver(Kind::Access));
    let (delivered, ()) = tokio::join!(delivering, overtake);
    assert_eq!(delivered.expect("it hangs with the target").unwrap(), 0);
    assert!(
        matches!(grant(&house, id).await, GrantState::Activating { .. }),
        "nothing was reported"
    );
    house.worker.pace.lease = TimeDelta::seconds(10);
    pass(&house, 62).await;
    assert_done(&house, id).await;
}

#[tokio::test]
async fn two_workers_share_the_work_and_each_thing_happens_once() {
    let house = House::open().await;
    let id = approved(&house).await;
    let twin = house.worker.clone();
    let (one, other) = tokio::join!(house.worker.run_until_idle(), twin.run_until_idle());
    one.unwrap();
    other.unwrap();
    assert_eq!(activations(&house, id).await, 1);
    house.pass(TimeDelta::hours(1));
    let (one, other) = tokio::join!(house.worker.run_until_idle(), twin.run_until_idle());
    one.unwrap();
    other.unwrap();
    house.settle().await;
    assert_done(&house, id).await;
}
