//! What Slack refuses until somebody changes the installation.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// What is refused is tried again every minute; what was not met for so long is over.
const LATELY: Duration = Duration::from_mins(10);

type Key = (&'static str, Option<String>);

/// The code that was met last, by method and channel.
#[derive(Default)]
pub(super) struct Refused(BTreeMap<Key, (String, Instant)>);

impl Refused {
    pub(super) fn insert(&mut self, method: &'static str, channel: Option<&str>, code: &str) {
        let key = (method, channel.map(str::to_owned));
        self.0.insert(key, (code.to_owned(), Instant::now()));
    }

    pub(super) fn remove(&mut self, method: &'static str, channel: Option<&str>) {
        if !self.0.is_empty() {
            self.0.remove(&(method, channel.map(str::to_owned)));
            self.0.retain(|_, (_, at)| at.elapsed() < LATELY);
        }
    }

    /// By method, whatever the channel.
    pub(super) fn lately(&self) -> BTreeMap<&'static str, String> {
        let lately = self.0.iter().filter(|(_, (_, at))| at.elapsed() < LATELY);
        lately
            .map(|((method, _), (code, _))| (*method, code.clone()))
            .collect()
    }
}
