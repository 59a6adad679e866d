//! Deliveries over Socket Mode: connections that we open, for workspaces that cannot reach us.
//!
//! The loop is our own because a bot that hands out access has to come back by itself, promptly and
//! gently: with jittered backoff when Slack refuses, at once when it only renews a connection, and
//! after seconds when a connection has gone silent. Each delivery is handled in a task of its own,
//! so that one that is slow, or panics, holds up no other, and is acknowledged only after it was
//! recorded. The address of a connection is a secret and is never logged.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::stream::{SplitSink, SplitStream};
use futures::{FutureExt, SinkExt, StreamExt};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::client::Client;
use super::payload::{Delivery, Frame, Malformed, Matter};
use super::receive::{Answer, Receive};

/// What the connections need.
#[derive(Clone)]
pub struct Socket {
    /// Opens connections.
    pub client: Client,
    /// The app-level token (`xapp-…`).
    pub app_token: SecretString,
    /// Takes deliveries in.
    pub receive: Receive,
    /// How patient to be.
    pub times: SocketTimes,
}

/// How patient Socket Mode is.
#[derive(Clone, Copy, Debug)]
pub struct SocketTimes {
    /// How many connections are held at once; two let one be renewed while the other works.
    pub connections: usize,
    /// The wait after the first failure; it doubles with each further one.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
    /// How long opening a connection may take.
    pub connect: Duration,
    /// How often we ask whether the other side is still there.
    pub ping: Duration,
    /// The silence after which it is taken for gone.
    pub silence: Duration,
}

impl Default for SocketTimes {
    fn default() -> Self {
        Self {
            connections: 2,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_mins(1),
            connect: Duration::from_secs(10),
            ping: Duration::from_secs(10),
            silence: Duration::from_secs(30),
        }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// We were told to stop.
    Stopped,
    /// Slack renews it, as it does every few hours.
    Renewed,
    /// It broke, was closed, or went silent.
    Lost,
    /// Somebody switched Socket Mode off for the app.
    SwitchedOff,
}

/// Why there is no connection. Its words never hold the address.
#[derive(Debug, thiserror::Error)]
enum ConnectFault {
    #[error("{0}")]
    Slack(#[from] super::client::SlackFault),
    #[error("Slack named an address that is not encrypted")]
    Plain,
    #[error("no answer in time")]
    Timeout,
    #[error("the connection was refused or broke")]
    Broken,
}

type Wire = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Socket {
    /// Starts the connections. They close when `stop` is cancelled; deliveries in hand are finished
    /// in `tasks`, which the caller waits for.
    pub fn start(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        for number in 0..self.times.connections {
            let line = Line {
                socket: self.clone(),
                tasks: tasks.clone(),
                stop: stop.clone(),
                number,
            };
            tasks.spawn(async move { line.hold().await });
        }
    }
}

/// One of the connections, over all its renewals.
struct Line {
    socket: Socket,
    tasks: TaskTracker,
    stop: CancellationToken,
    number: usize,
}

impl Line {
    /// Opens the connection again and again until stopped.
    async fn hold(&self) {
        let mut failures = 0u32;
        while !self.stop.is_cancelled() {
            let begun = Instant::now();
            match self.connect_and_read().await {
                Ok(End::Stopped) => return,
                // A connection that lived was a success, however it ended.
                Ok(end) if self.socket.times.longest_wait <= begun.elapsed() => {
                    tracing::info!(socket.line = self.number, ?end, "reconnecting to Slack");
                    failures = 0;
                }
                Ok(End::Renewed) if failures == 0 => {
                    // At once, but should Slack renew again at once, then patiently.
                    failures = 1;
                    continue;
                }
                Ok(End::SwitchedOff) => {
                    tracing::error!("Socket Mode is switched off for this app; switch it on again");
                    failures = u32::MAX;
                }
                Ok(end) => {
                    tracing::info!(socket.line = self.number, ?end, "reconnecting to Slack");
                    failures = failures.saturating_add(1);
                }
                Err(fault) => {
                    tracing::warn!(socket.line = self.number, %fault, "no connection to Slack");
                    failures = failures.saturating_add(1);
                }
            }
            let wait = self.socket.times.wait(failures, rand::random());
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn connect_and_read(&self) -> Result<End, ConnectFault> {
        let connecting = tokio::time::timeout(self.socket.times.connect, self.connect());
        let wire = tokio::select! {
            () = self.stop.cancelled() => return Ok(End::Stopped),
            connected = connecting => connected.map_err(|_| ConnectFault::Timeout)??,
        };
        metrics::gauge!("jit_slack_connections").increment(1);
        let end = self.read(wire).await;
        metrics::gauge!("jit_slack_connections").decrement(1);
        Ok(end)
    }

    async fn connect(&self) -> Result<Wire, ConnectFault> {
        let Socket {
            client, app_token, ..
        } = &self.socket;
        let url = client.open_connection(app_token).await?;
        if !is_safe(&url) {
            return Err(ConnectFault::Plain);
        }
        let connected = connect_async(url.as_str()).await;
        let (wire, _) = connected.map_err(|_| ConnectFault::Broken)?;
        Ok(wire)
    }

    /// Reads until the connection ends; acknowledgements go out as they come.
    async fn read(&self, wire: Wire) -> End {
        let (mut out, mut incoming) = wire.split();
        let (acks, mut to_send) = mpsc::unbounded_channel();
        let times = self.socket.times;
        let mut pings = tokio::time::interval(times.ping);
        let mut heard = Instant::now();
        let end = loop {
            tokio::select! {
                () = self.stop.cancelled() => break End::Stopped,
                message = incoming.next() => {
                    heard = Instant::now();
                    if let Some(end) = self.take(message, &acks) {
                        break end;
                    }
                }
                Some(ack) = to_send.recv() => {
                    if out.send(Message::text(ack)).await.is_err() {
                        break End::Lost;
                    }
                }
                _ = pings.tick() => {
                    let silent = times.silence <= heard.elapsed();
                    if silent || out.send(Message::Ping(Vec::new().into())).await.is_err() {
                        break End::Lost;
                    }
                }
            }
        };
        drop(acks);
        self.part(out, incoming, to_send).await;
        end
    }

    /// Lets deliveries in hand be acknowledged on the old connection, for a moment, and closes it.
    async fn part(
        &self,
        mut out: SplitSink<Wire, Message>,
        incoming: SplitStream<Wire>,
        mut to_send: mpsc::UnboundedReceiver<String>,
    ) {
        drop(incoming);
        let acks = async {
            while let Some(ack) = to_send.recv().await {
                if out.send(Message::text(ack)).await.is_err() {
                    return;
                }
            }
            // The other side may be gone already.
            let _ = out.close().await;
        };
        let _ = tokio::time::timeout(Duration::from_secs(3), acks).await;
    }

    /// Takes one message; answers how the connection ended, if it did.
    fn take(
        &self,
        message: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>,
        acks: &mpsc::UnboundedSender<String>,
    ) -> Option<End> {
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Some(End::Lost),
            // Pings are answered by the library.
            Some(Ok(_)) => return None,
        };
        match Frame::parse(&text) {
            Ok(Frame::Hello) => tracing::info!(socket.line = self.number, "connected to Slack"),
            Ok(Frame::Disconnect { reason }) => return ending(&reason),
            Ok(Frame::Envelope { id, delivery }) => self.handle(id, delivery, acks.clone()),
            Ok(Frame::Unknown { kind }) => {
                tracing::info!(frame.kind = %kind, "passed over a frame of an unknown type");
            }
            Err(malformed) => tracing::warn!(%malformed, "passed over a malformed frame"),
        }
        None
    }

    /// Handles one delivery in a task of its own, and acknowledges it when it is recorded.
    fn handle(
        &self,
        envelope: String,
        delivery: Result<Box<Delivery>, Malformed>,
        acks: mpsc::UnboundedSender<String>,
    ) {
        let receive = self.socket.receive.clone();
        self.tasks.spawn(async move {
            let begun = std::time::Instant::now();
            let handling = AssertUnwindSafe(answer(&receive, delivery)).catch_unwind();
            let Ok(answer) = handling.await else {
                tracing::error!("a delivery was not acknowledged: its handling panicked");
                metrics::counter!("jit_handlers_panicked_total").increment(1);
                return;
            };
            metrics::histogram!("jit_ack_seconds", "way" => "socket").record(begun.elapsed());
            if let Some(ack) = ack(&envelope, answer) {
                // When the connection is gone by now, Slack delivers again and the key is known.
                let _ = acks.send(ack);
            }
        });
    }
}

async fn answer(receive: &Receive, delivery: Result<Box<Delivery>, Malformed>) -> Answer {
    match delivery {
        Ok(delivery) if matches!(delivery.matter, Matter::Verification { .. }) => Answer::Ack,
        Ok(delivery) => receive(*delivery).await,
        // It would be malformed again: acknowledged, so that it does not come back for ever.
        Err(malformed) => {
            tracing::warn!(%malformed, "passed over a malformed delivery");
            Answer::Ack
        }
    }
}

/// The acknowledgement, if there is to be one.
fn ack(envelope: &str, answer: Answer) -> Option<String> {
    let ack: Value = match answer {
        Answer::Ack | Answer::Foreign => json!({"envelope_id": envelope}),
        Answer::AckWith(payload) => json!({"envelope_id": envelope, "payload": payload}),
        Answer::NotRecorded => return None,
    };
    Some(ack.to_string())
}

/// What a `disconnect` frame means. A warning comes some seconds ahead, while deliveries still
/// come in.
fn ending(reason: &str) -> Option<End> {
    match reason {
        "warning" => None,
        "link_disabled" => Some(End::SwitchedOff),
        _ => Some(End::Renewed),
    }
}

/// Encrypted, or to this machine.
fn is_safe(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "wss" => true,
        "ws" => loopback,
        _ => false,
    }
}

impl SocketTimes {
    /// The wait after that many failures: doubling up to the longest, then cut by up to half, so
    /// that many bots that failed together do not come back together.
    fn wait(&self, failures: u32, chance: u16) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        let full = self.first_wait.saturating_mul(1 << doublings);
        let full = full.min(self.longest_wait);
        full / 2 + (full / 2).mul_f64(f64::from(chance) / f64::from(u16::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_with_jitter_and_stay_under_the_longest() {
        let times = SocketTimes::default();
        for (failures, full) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (u32::MAX, 60)] {
            let full = Duration::from_secs(full);
            assert_eq!(times.wait(failures, 0), full / 2);
            assert_eq!(times.wait(failures, u16::MAX), full);
        }
    }

    #[test]
    fn only_encrypted_addresses_are_used_beyond_this_machine() {
        for (url, safe) in [
            ("wss://wss-primary.slack.com/link/?ticket=1", true),
            ("ws://127.0.0.1:4100/link", true),
            ("ws://[::1]:4100/link", true),
            ("ws://wss-primary.slack.com/link", false),
            ("http://127.0.0.1/link", false),
            ("ws://127.0.0.1.evil.example/link", false),
        ] {
            assert_eq!(is_safe(&Url::parse(url).unwrap()), safe, "{url}");
        }
    }

    #[test]
    fn what_was_not_recorded_is_not_acknowledged() {
        assert_eq!(ack("e1", Answer::NotRecorded), None);
        let plain = ack("e1", Answer::Ack).unwrap();
        assert_eq!(plain, r#"{"envelope_id":"e1"}"#);
        let with = ack("e1", Answer::AckWith(json!({"a": 1}))).unwrap();
        assert!(with.contains(r#""payload":{"a":1}"#));
    }
}
