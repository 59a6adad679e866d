//! Crashes, as far as a test can have them in its own process: a future that is dropped in the
//! middle leaves the database and the target just as a killed process does.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

/// Runs the future until it has waited that many times, then drops it. Answers what it gave if it
/// came to its end before.
pub async fn after_waits<T>(waits: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = waits;
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}
