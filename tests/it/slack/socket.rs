//! Socket Mode: connections that come back, and deliveries that do not hold up each other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use jitbot::sandbox::{Fault, FaultKind, Sandbox, Settings};
use jitbot::slack::client::{Client, ClientSettings};
use jitbot::slack::payload::{Delivery, Matter};
use jitbot::slack::receive::{Answer, Receive};
use jitbot::slack::socket::{Socket, SocketTimes};
use secrecy::SecretString;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const SOON: Duration = Duration::from_secs(20);

/// A bot's end of the line: takes deliveries in and does with each what its text says.
struct Line {
    slack: Sandbox,
    came: Arc<Mutex<Vec<String>>>,
    keys: Arc<Mutex<Vec<Option<String>>>>,
    go_on: Arc<Notify>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn times() -> SocketTimes {
    SocketTimes {
        first_wait: Duration::from_millis(20),
        longest_wait: Duration::from_millis(200),
        ..SocketTimes::default()
    }
}

impl Line {
    async fn open() -> Self {
        let slack = Sandbox::start(Settings::acme()).await.unwrap();
        let line = Self::dial(slack, times());
        line.connected(2).await;
        line
    }

    fn dial(slack: Sandbox, times: SocketTimes) -> Self {
        let line = Self {
            came: Arc::default(),
            keys: Arc::default(),
            go_on: Arc::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            slack,
        };
        let settings = ClientSettings::at(&line.slack.api_url());
        let token = SecretString::from("xoxb-acme-bot");
        let socket = Socket {
            client: Client::new(&token, settings).unwrap(),
            app_token: SecretString::from("xapp-acme-app"),
            receive: line.receive(),
            times,
        };
        socket.start(&line.tasks, &line.stop);
        line
    }

    fn receive(&self) -> Receive {
        let (came, keys) = (Arc::clone(&self.came), Arc::clone(&self.keys));
        let go_on = Arc::clone(&self.go_on);
        Arc::new(move |delivery: Delivery| {
            let (came, keys) = (Arc::clone(&came), Arc::clone(&keys));
            let go_on = Arc::clone(&go_on);
            async move {
                keys.lock().unwrap().push(delivery.key());
                let Matter::Command(command) = delivery.matter else {
                    return Answer::Ack;
                };
                came.lock().unwrap().push(command.text.clone());
                match command.text.as_str() {
                    "panic" => panic!("a handler"),
                    "wait" => go_on.notified().await,
                    "lose" => return Answer::NotRecorded,
                    _ => {}
                }
                Answer::Ack
            }
            .boxed()
        })
    }

    async fn connected(&self, count: usize) {
        let waiting = self
            .slack
            .wait_for(|slack| slack.socket_count() == count, SOON);
        assert!(waiting.await, "{} connections", self.slack.socket_count());
    }

    /// Types a command; whether it was acknowledged.
    async fn types(&self, text: &str) -> bool {
        let typing = self.slack.slash("dana", "general", "/jit", text);
        typing.await.unwrap().in_time()
    }
}

#[tokio::test]
async fn two_connections_take_deliveries_and_acknowledge_them() {
    let line = Line::open().await;
    for text in ["one", "two", "three"] {
        assert!(line.types(text).await);
    }
    assert_eq!(*line.came.lock().unwrap(), ["one", "two", "three"]);
}

#[tokio::test]
async fn a_panic_in_a_handler_harms_nobody_else() {
    let mut settings = Settings::acme();
    settings.ack_deadline = Duration::from_millis(500);
    let line = Line::dial(
        Sandbox::start(settings).await.unwrap(),
        SocketTimes {
            connections: 1,
            ..times()
        },
    );
    line.connected(1).await;
    assert!(
        !line.types("panic").await,
        "what failed is not acknowledged"
    );
    for _ in 0..3 {
        assert!(line.types("on").await);
    }
    let opened = line.slack.calls_to("apps.connections.open").len();
    assert_eq!(opened, 1, "over the very same connection");
}

#[tokio::test]
async fn a_slow_delivery_holds_up_no_other() {
    let slack = Sandbox::start(Settings::acme()).await.unwrap();
    let line = Line::dial(
        slack,
        SocketTimes {
            connections: 1,
            ..times()
        },
    );
    line.connected(1).await;
    let slow = line.types("wait");
    let fast = async {
        // Until the slow one is in hand, and then past it.
        assert!(line.types("fast").await);
        line.go_on.notify_one();
    };
    let (slow, ()) = tokio::join!(slow, fast);
    assert!(slow);
}

#[tokio::test]
async fn what_was_not_recorded_is_not_acknowledged() {
    let mut settings = Settings::acme();
    settings.ack_deadline = Duration::from_millis(500);
    let slack = Sandbox::start(settings).await.unwrap();
    let line = Line::dial(slack, times());
    line.connected(2).await;
    assert!(!line.types("lose").await);
}

#[tokio::test]
async fn connections_are_renewed_when_slack_asks() {
    let line = Line::open().await;
    line.slack.disconnect_sockets("warning");
    assert!(line.types("before").await);
    line.slack.disconnect_sockets("refresh_requested");
    assert!(line.types("after").await, "delivered over a new connection");
    line.connected(2).await;
}

#[tokio::test]
async fn connections_that_are_cut_come_back() {
    let line = Line::open().await;
    for round in 0..3 {
        line.slack.cut_sockets();
        line.connected(2).await;
        assert!(line.types(&format!("round {round}")).await);
    }
}

#[tokio::test]
async fn a_refused_connection_is_tried_again_and_again() {
    let slack = Sandbox::start(Settings::acme()).await.unwrap();
    let open = "apps.connections.open";
    slack.fault(Fault::times(open, 3, FaultKind::Status { status: 500 }));
    let limited = FaultKind::Error {
        error: "internal_error".into(),
    };
    slack.fault(Fault::times(open, 3, limited));
    let line = Line::dial(slack, times());
    line.connected(2).await;
    assert!(!line.slack.has_faults());
    assert!(line.types("here").await);
}

#[tokio::test]
async fn a_delivery_comes_again_under_the_same_key() {
    let line = Line::open().await;
    let twice = line.slack.twice();
    let reply = twice.slash("dana", "general", "/jit", "twice");
    assert!(reply.await.unwrap().in_time());
    let keys = line.keys.lock().unwrap();
    assert_eq!(keys.len(), 2);
    assert!(keys[0].is_some() && keys[0] == keys[1], "{keys:?}");
}

#[tokio::test]
async fn stopping_closes_the_connections_and_finishes_what_is_in_hand() {
    let line = Line::open().await;
    let finished = AtomicUsize::new(0);
    let slow = async {
        assert!(line.types("wait").await);
        finished.fetch_add(1, Ordering::SeqCst);
    };
    let stopping = async {
        let in_hand = || line.came.lock().unwrap().len() == 1;
        while !in_hand() {
            tokio::task::yield_now().await;
        }
        line.stop.cancel();
        line.go_on.notify_one();
        line.tasks.close();
        tokio::time::timeout(SOON, line.tasks.wait()).await.unwrap();
        line.connected(0).await;
    };
    tokio::join!(slow, stopping);
    assert_eq!(finished.load(Ordering::SeqCst), 1, "it was acknowledged");
}
