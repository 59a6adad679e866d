//! Socket Mode: any number of sockets, any of which may get a payload.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::Shared;

/// The open sockets and the envelopes that wait for an acknowledgement.
#[derive(Default)]
pub(super) struct Sockets {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    turn: usize,
    open: Vec<Open>,
    waiting: HashMap<String, Waiting>,
}

struct Open {
    id: u64,
    orders: mpsc::UnboundedSender<Order>,
}

struct Waiting {
    socket: u64,
    answer: oneshot::Sender<Value>,
}

/// What a socket's task is told to do.
enum Order {
    Say(String),
    /// Close politely, with a close frame.
    Close,
    /// Cut the connection with no word.
    Cut,
}

impl Sockets {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self) -> usize {
        self.lock().open.len()
    }

    /// Sends an envelope over the socket whose turn it is. The receiver fails if that socket dies.
    pub(super) fn send(
        &self,
        text: impl Fn(&str) -> String,
    ) -> Option<(String, oneshot::Receiver<Value>)> {
        let mut inner = self.lock();
        let mut tries = inner.open.len();
        while tries > 0 {
            tries -= 1;
            inner.turn = inner.turn.wrapping_add(1);
            let turn = inner.turn % inner.open.len();
            let id = uuid::Uuid::now_v7().to_string();
            let socket = inner.open[turn].id;
            if inner.open[turn].orders.send(Order::Say(text(&id))).is_ok() {
                let (answer, receiver) = oneshot::channel();
                inner.waiting.insert(id.clone(), Waiting { socket, answer });
                return Some((id, receiver));
            }
        }
        None
    }

    /// Nobody waits for this envelope any more.
    pub(super) fn forget(&self, id: &str) {
        self.lock().waiting.remove(id);
    }

    fn acknowledge(&self, id: &str, payload: Value) {
        if let Some(waiting) = self.lock().waiting.remove(id) {
            // Whoever waited may have given up in this very moment.
            let _ = waiting.answer.send(payload);
        }
    }

    fn add(&self) -> (u64, usize, mpsc::UnboundedReceiver<Order>) {
        let (orders, receiver) = mpsc::unbounded_channel();
        let mut inner = self.lock();
        inner.next += 1;
        let id = inner.next;
        inner.open.push(Open { id, orders });
        (id, inner.open.len(), receiver)
    }

    fn remove(&self, id: u64) {
        let mut inner = self.lock();
        inner.open.retain(|open| open.id != id);
        inner.waiting.retain(|_, waiting| waiting.socket != id);
    }

    /// Says `disconnect` on every socket; except for a mere warning, closes them then.
    pub(super) fn disconnect(&self, reason: &str) {
        let text = json!({
            "type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"},
        });
        for open in &self.lock().open {
            // A socket that is gone needs no word.
            let _ = open.orders.send(Order::Say(text.to_string()));
            if reason != "warning" {
                let _ = open.orders.send(Order::Close);
            }
        }
    }

    /// Cuts every socket with no word.
    pub(super) fn cut(&self) {
        let mut inner = self.lock();
        for open in &inner.open {
            let _ = open.orders.send(Order::Cut);
        }
        inner.open.clear();
        inner.waiting.clear();
    }
}

/// Takes a Socket Mode connection.
pub(super) async fn link(State(shared): State<Shared>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| serve(shared, socket))
}

async fn serve(shared: Shared, mut socket: WebSocket) {
    let app = shared.world().settings.app.id.clone();
    let (id, count, orders) = shared.sockets.add();
    let hello = json!({
        "type": "hello", "num_connections": count,
        "connection_info": {"app_id": app},
        "debug_info": {"host": "sandbox", "build_number": 1, "approximate_connection_time": 18060},
    });
    if socket
        .send(Message::Text(hello.to_string().into()))
        .await
        .is_ok()
    {
        shared.touch();
        talk(&shared, &mut socket, orders).await;
    }
    shared.sockets.remove(id);
    shared.touch();
}

async fn talk(shared: &Shared, socket: &mut WebSocket, mut orders: mpsc::UnboundedReceiver<Order>) {
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            order = orders.recv() => match order {
                Some(Order::Say(text)) => {
                    if socket.send(Message::Text(text.into())).await.is_err() {
                        return;
                    }
                }
                Some(Order::Close) => {
                    // The other side may be gone already.
                    let _ = socket.send(Message::Close(None)).await;
                    return;
                }
                Some(Order::Cut) | None => return,
            },
            heard = socket.recv() => match heard {
                Some(Ok(Message::Text(text))) => hear(shared, &text),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
        }
    }
}

/// Takes an acknowledgement: `{"envelope_id": …, "payload": …}`.
fn hear(shared: &Shared, text: &str) {
    let ack: Value = serde_json::from_str(text).unwrap_or_default();
    if let Some(id) = ack["envelope_id"].as_str() {
        shared.sockets.acknowledge(id, ack["payload"].clone());
    }
}
