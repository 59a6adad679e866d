//! What the database may do to us, and what its clock may.

use chrono::TimeDelta;
use jitbot::clock::Clock;
use jitbot::domain::RequestState;
use sqlx::PgPool;

use crate::harness::house::House;

/// Makes the next so many changes of a request fail with that SQLSTATE. A sequence counts them, since
/// it does not take part in what is rolled back.
async fn fails(house: &House, times: i64, code: &str) {
    let pool = PgPool::connect(house.url()).await.unwrap();
    let sql = format!(
        "create sequence failures;
         create function fail() returns trigger language plpgsql as $$
         begin
           if nextval('failures') <= {times} then
             raise exception 'on purpose' using errcode = '{code}';
           end if;
           return new;
         end $$;
         create trigger fail before update on requests for each row execute function fail();"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
}

#[tokio::test]
async fn fault_13_a_deadlock_or_serialization_failure_is_tried_again_a_few_times() {
    for code in ["40001", "40P01"] {
        let house = House::open().await;
        fails(&house, 2, code).await;
        let id = house.ask("dana", "readonly", "1h").await.unwrap().id;
        house.approve("bob", id).await.unwrap();
        let entries = house.engine.store().ledger_of(id, 0).await.unwrap();
        assert_eq!(
            entries.len(),
            4,
            "asked, approval, step, approved: each once"
        );
    }
    let house = House::open().await;
    fails(&house, 100, "40001").await;
    assert!(
        house.ask("dana", "readonly", "1h").await.is_err(),
        "not for ever"
    );
    assert!(
        house
            .engine
            .store()
            .all_requests()
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn fault_09_connections_that_die_are_replaced_and_nothing_is_half_done() {
    let house = House::open().await;
    let id = house.ask("dana", "readonly", "1h").await.unwrap().id;
    let mut tx = house.engine.store().begin().await.unwrap();
    tx.lock_request(id).await.unwrap();
    let pool = PgPool::connect(house.url()).await.unwrap();
    let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()";
    let cut: i64 = sqlx::query_scalar(cut).fetch_one(&pool).await.unwrap();
    assert!(0 < cut);
    assert!(tx.commit().await.is_err(), "its connection is dead");
    house.approve("bob", id).await.unwrap();
    house.settle().await;
    let access = house.request(id).await.access;
    assert!(house.target.holds(&access).is_some());
    super::engine::prove(&house).await;
}

#[tokio::test]
async fn fault_62_a_database_clock_that_steps_back_never_runs_behind_the_ledger() {
    let house = House::open().await;
    // The house lives in a year to come; for the database's own clock that is a step back.
    house.ask("dana", "readonly", "1h").await.unwrap();
    let mut tx = house.engine.store().begin().await.unwrap();
    let now = Clock::Database.now(&mut tx).await.unwrap();
    assert_eq!(now, house.clock.now());
}

#[tokio::test]
async fn a_request_that_nobody_answers_expires_and_says_so() {
    let house = House::open().await;
    let id = house.ask("dana", "readonly", "1h").await.unwrap().id;
    house.settle().await;
    house.pass(TimeDelta::hours(8));
    house.settle().await;
    assert!(matches!(
        house.request(id).await.state,
        RequestState::Expired { .. }
    ));
    assert!(
        house.card().contains("xpired") && !house.card().contains("[Approve]"),
        "{}",
        house.card()
    );
    let told: Vec<String> = house
        .slack
        .dms("dana")
        .iter()
        .map(jitbot::sandbox::Message::plain)
        .collect();
    assert!(
        told.last().is_some_and(|told| told.contains("xpired")),
        "{told:?}"
    );
    assert!(house.target.calls().is_empty());
    super::engine::prove(&house).await;
}
