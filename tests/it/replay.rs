//! Random histories over a real database: whatever people, clocks and workers ask in whatever order,
//! the ledger is gap-free and chained, replaying it gives exactly the state tables, and the target
//! holds just what live grants want.

use chrono::TimeDelta;
use jitbot::domain::{Command, GroupName, RequestId, Wanted, wanted};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::harness::house::House;
use crate::harness::target::Next;
use crate::meaning::{ONE, TWO, approve, bundle, policy};

/// Something that happens. Numbers pick one of the requests there are.
#[derive(Clone, Debug)]
enum Step {
    Ask {
        who: usize,
        role: usize,
        minutes: u32,
    },
    Extend {
        who: usize,
        request: usize,
    },
    Approve {
        who: usize,
        request: usize,
    },
    Deny {
        who: usize,
        request: usize,
    },
    Cancel {
        who: usize,
        request: usize,
    },
    GiveBack {
        who: usize,
        request: usize,
    },
    Revoke {
        who: usize,
        request: usize,
    },
    /// Two roles at once, as a bundle.
    Bundle {
        who: usize,
        roles: (usize, usize),
    },
    Retry {
        who: usize,
        request: usize,
    },
    /// An admin answers for a removal that keeps failing, or wants it tried at once.
    Resolve {
        who: usize,
        request: usize,
    },
    RetryRemoval {
        who: usize,
        request: usize,
    },
    /// Another policy: the stricter one, or the first again.
    Adopt {
        strict: bool,
    },
    Work,
    Fail(Next),
    Pass {
        minutes: i64,
    },
}

const PEOPLE: [&str; 5] = ["dana", "erin", "bob", "carol", "lee"];
const ROLES: [&str; 4] = ["readonly", "readwrite", "admin", "open"];

fn step() -> impl Strategy<Value = Step> {
    let who = 0..PEOPLE.len();
    let request = 0..8usize;
    prop_oneof![
        4 => (0..2usize, 0..ROLES.len(), 1..90u32)
            .prop_map(|(who, role, minutes)| Step::Ask { who, role, minutes }),
        1 => (0..2usize, request.clone()).prop_map(|(who, request)| Step::Extend { who, request }),
        8 => (who.clone(), request.clone()).prop_map(|(who, request)| Step::Approve { who, request }),
        1 => (who.clone(), request.clone()).prop_map(|(who, request)| Step::Deny { who, request }),
        1 => (who.clone(), request.clone()).prop_map(|(who, request)| Step::Cancel { who, request }),
        1 => (who.clone(), request.clone()).prop_map(|(who, request)| Step::GiveBack { who, request }),
        1 => (who.clone(), request.clone()).prop_map(|(who, request)| Step::Revoke { who, request }),
        1 => (who.clone(), request.clone()).prop_map(|(who, request)| Step::Retry { who, request }),
        2 => (who.clone(), request.clone()).prop_map(|(who, request)| Step::Resolve { who, request }),
        1 => (who, request).prop_map(|(who, request)| Step::RetryRemoval { who, request }),
        1 => (0..2usize, (0..ROLES.len(), 0..ROLES.len()))
            .prop_map(|(who, roles)| Step::Bundle { who, roles }),
        1 => any::<bool>().prop_map(|strict| Step::Adopt { strict }),
        5 => Just(Step::Work),
        1 => prop_oneof![
            Just(Next::Rejects), Just(Next::Unreached), Just(Next::LostBefore), Just(Next::LostAfter), Just(Next::Lies)
        ].prop_map(Step::Fail),
        4 => (1..40i64).prop_map(|minutes| Step::Pass { minutes }),
    ]
}

/// Plays a step. A refusal is an answer like any other; an error of the database is a failure.
#[expect(
    clippy::too_many_lines,
    reason = "one list of everything that can happen"
)]
async fn play(house: &House, step: Step) {
    let requests = house.engine.store().all_requests().await.unwrap();
    let picked = |n: usize| {
        requests
            .get(n % requests.len().max(1))
            .map(|request| request.id)
    };
    let outcome = match step {
        Step::Ask { who, role, minutes } => house
            .ask(PEOPLE[who], ROLES[role], &format!("{minutes}m"))
            .await
            .map(drop),
        Step::Extend { who, request } => {
            let Some(id) = picked(request) else { return };
            let role = house.request(id).await.access.role.to_string();
            house
                .submit(PEOPLE[who], (&role, "30m"), Some(id), None)
                .await
                .map(drop)
        }
        Step::Work => return house.settle().await,
        Step::Fail(next) => return house.target.next([next]),
        Step::Pass { minutes } => return house.pass(TimeDelta::minutes(minutes)),
        Step::Approve { who, request } => match picked(request) {
            Some(id) => approve(house, PEOPLE[who], id).await.map(drop),
            None => return,
        },
        Step::Retry { who, request } => {
            act(house, picked(request), who, |by| Command::Retry { by }).await
        }
        Step::Resolve { who, request } => {
            act(house, picked(request), who, |by| Command::ResolveRemoval {
                by,
                why: "I looked".into(),
                admins: admins(),
            })
            .await
        }
        Step::RetryRemoval { who, request } => {
            let admins = admins();
            let command = |by| Command::RetryRemoval { by, admins };
            act(house, picked(request), who, command).await
        }
        Step::Bundle { who, roles } => {
            let roles = [ROLES[roles.0], ROLES[roles.1]];
            bundle(house, PEOPLE[who], roles).await.map(drop)
        }
        Step::Adopt { strict } => {
            let changed = policy(ONE, if strict { TWO } else { ONE });
            house.engine.adopt(changed).await.unwrap();
            return;
        }
        Step::Deny { who, request } => {
            act(house, picked(request), who, |by| Command::Deny {
                by,
                why: "no".into(),
            })
            .await
        }
        Step::Cancel { who, request } => {
            act(house, picked(request), who, |by| Command::Cancel { by }).await
        }
        Step::GiveBack { who, request } => {
            act(house, picked(request), who, |by| Command::GiveBack { by }).await
        }
        Step::Revoke { who, request } => {
            act(house, picked(request), who, |by| Command::Revoke {
                by,
                why: "now".into(),
            })
            .await
        }
    };
    if let Err(jitbot::engine::EngineError::Store(error)) = outcome {
        panic!(
            "{error}: {:?}",
            std::error::Error::source(&error).map(ToString::to_string)
        );
    }
}

/// Whom these histories take for those who run the bot.
fn admins() -> Vec<GroupName> {
    vec![GroupName::new("dba")]
}

async fn act(
    house: &House,
    id: Option<RequestId>,
    who: usize,
    command: impl FnOnce(jitbot::domain::Member) -> Command,
) -> Result<(), jitbot::engine::EngineError> {
    let Some(id) = id else { return Ok(()) };
    let by = house.member(PEOPLE[who]).await;
    house.run(id, command(by)).await.map(drop)
}

/// What the target holds is what the grants want, once the workers have done all they could.
async fn assert_converged(house: &House) {
    for request in house.engine.store().all_requests().await.unwrap() {
        let live = house
            .engine
            .store()
            .live_grants_of(&request.access)
            .await
            .unwrap();
        let states = live
            .iter()
            .filter_map(|request| Some(&request.grant()?.state));
        let expected = match wanted(states) {
            Wanted::Present { until } => Some(until),
            Wanted::Absent => None,
        };
        assert_eq!(
            house.target.holds(&request.access),
            expected,
            "{:?}",
            request.access
        );
    }
}

#[test]
fn every_history_replays_to_the_tables_and_ends_with_an_empty_target() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 16,
        failure_persistence: None,
        max_shrink_iters: 40,
        ..ProptestConfig::default()
    });
    let histories = proptest::collection::vec(step(), 1..40);
    let outcome = runner.run(&histories, |steps| {
        runtime.block_on(async {
            let house = House::open().await;
            for step in steps {
                play(&house, step).await;
            }
            house.target.heal();
            for _ in 0..3 {
                house.pass(TimeDelta::minutes(2));
                house.settle().await;
            }
            // What somebody only answered for is taken away, now that the target is back.
            house.engine.look_after_resolved().await.unwrap();
            house.settle().await;
            assert_converged(&house).await;
            super::engine::prove(&house).await;
            house.pass(TimeDelta::days(1));
            house.settle().await;
            assert!(house.target.is_empty(), "everything lapses");
            super::engine::prove(&house).await;
        });
        Ok(())
    });
    outcome.unwrap();
}
