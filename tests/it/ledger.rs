//! The ledger of a house in which things happened: whole in the database, whole as a file, and a
//! replay of it gives the tables.

use chrono::TimeDelta;
use jitbot::domain::{Actor, Command, Event, PersonId, Refusal, RequestId};
use jitbot::ledger::export::{ExportError, export, verify_database, verify_file};
use jitbot::ledger::replay;
use jitbot::store::ledger::StoredEntry;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::harness::house::{House, morning};
use super::harness::store::fresh;

/// One approved, one denied, one cancelled, one left alone, one refused decision.
async fn busy_house() -> (House, Vec<RequestId>) {
    let house = House::open().await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(house.ask("dana", "readonly", "1h").await.unwrap().id);
        house.pass(TimeDelta::minutes(1));
    }
    house.approve("dana", ids[0]).await.unwrap_err();
    house.approve("bob", ids[0]).await.unwrap();
    let by = house.member("bob").await;
    let deny = Command::Deny {
        by,
        why: "not today".into(),
    };
    house.run(ids[1], deny).await.unwrap();
    (house, ids)
}

#[tokio::test]
async fn an_export_proves_what_the_database_holds() {
    let (house, _) = busy_house().await;
    let store = house.engine.store();
    let mut file = Vec::new();
    let head = export(store, &mut file).await.unwrap();
    assert!(6 < head.entries, "{head:?}");
    assert_eq!(head, verify_database(store).await.unwrap());
    assert_eq!(head, verify_file(file.as_slice()).unwrap());
}

#[tokio::test]
async fn replay_gives_the_tables() {
    let (house, ids) = busy_house().await;
    let store = house.engine.store();
    let stored = store.ledger_after(0, 1000).await.unwrap();
    let entries = stored
        .iter()
        .map(|entry| StoredEntry::entry(entry).unwrap());
    let replayed = replay(entries);
    assert_eq!(replayed.len(), ids.len());
    for id in ids {
        assert_eq!(
            Some(&replayed[&id]),
            store.request(id).await.unwrap().as_ref()
        );
    }
}

#[tokio::test]
async fn a_change_by_the_databases_owner_is_named() {
    let (store, url) = fresh().await;
    let by = PersonId::from_uuid(Uuid::now_v7());
    let mut tx = store.begin().await.unwrap();
    let refusal = Refusal::NoSuchRequest;
    let events = [1, 2, 3].map(|_| Event::DecisionRefused {
        by,
        refusal: refusal.clone(),
    });
    tx.append(&Actor::Clock, None, &events, morning())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(verify_database(&store).await.unwrap().last, 3);

    let mut owner = PgConnection::connect(&url).await.unwrap();
    for sql in [
        "update ledger set payload = payload",
        "delete from ledger",
        "truncate ledger",
    ] {
        let refused = sqlx::raw_sql(sql).execute(&mut owner).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
    let tamper = "alter table ledger disable trigger all;
                  update ledger set payload = replace(payload, 'clock', 'worker') where seq = 2";
    sqlx::raw_sql(tamper).execute(&mut owner).await.unwrap();
    let fault = verify_database(&store).await.expect_err("tampered");
    assert!(
        matches!(&fault, ExportError::Chain(fault) if fault.seq == 2),
        "{fault}"
    );
}
