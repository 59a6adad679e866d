//! The routes, and how they are served until the stand-in stops.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{any, get, post};
use tokio::net::TcpListener;

use super::{Shared, api, oauth, page, response_url, socket};

const MOST_BYTES: usize = 8 * 1024 * 1024;

/// Serves until `stop`; then no connection outlives it by more than its last answer.
pub(super) async fn serve(listener: TcpListener, shared: Shared) {
    let stop = shared.stop.clone();
    let router = routes(shared);
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    // The listener is ours and was bound already: there is nobody to tell.
    let _ = served.await;
}

fn routes(shared: Shared) -> Router {
    Router::new()
        .route("/api/{method}", any(api::call))
        .route("/oauth/v2/authorize", get(oauth::ask))
        .route("/oauth/v2/answer", get(oauth::answer))
        .route("/link/", get(socket::link))
        .route("/actions/{team}/{id}", post(response_url::respond))
        .route("/upload/v1/{id}", post(api::upload))
        .merge(page::routes())
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .with_state(shared)
}
