//! The server: binds, routes, and stops gracefully.
//!
//! It speaks plain HTTP, behind whatever speaks TLS to the world.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use super::health::Readiness;
use super::metrics::Metrics;

/// How long an answer may take. Slack itself waits three seconds.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// Our own pages are only read; Slack's routes bring a limit of their own.
const BODY_LIMIT: usize = 16 * 1024;

#[derive(Clone)]
struct Shown {
    readiness: Readiness,
    metrics: Metrics,
}

/// A server that listens and does not answer yet, so that a port in use is told before anything
/// else is started.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Listens. Port 0 takes any free port.
    ///
    /// # Errors
    /// When the address is in use or not of this machine.
    pub async fn bind(address: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is cancelled, and then finishes what it is answering.
    pub async fn run(self, router: Router, stop: CancellationToken) -> std::io::Result<()> {
        let stopped = stop.cancelled_owned();
        axum::serve(self.listener, router)
            .with_graceful_shutdown(stopped)
            .await
    }
}

/// `/livez`, `/readyz` and `/metrics`, and Slack's routes where there are any.
pub fn router(readiness: Readiness, metrics: Metrics, slack: Option<Router>) -> Router {
    let own = Router::new()
        .route("/livez", get(async || "ok"))
        .route("/readyz", get(ready))
        .route("/metrics", get(shown_metrics))
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .with_state(Shown { readiness, metrics });
    own.merge(slack.unwrap_or_default())
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            ANSWER_LIMIT,
        ))
}

async fn ready(State(shown): State<Shown>) -> Response {
    let report = shown.readiness.report().await;
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report)).into_response()
}

async fn shown_metrics(State(shown): State<Shown>) -> Response {
    let kind = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    (kind, shown.metrics.render()).into_response()
}
