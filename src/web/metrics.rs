//! The numbers that this process counts, for Prometheus. No person, reason, resource or token ever
//! stands in a label: labels are few words of our own.

use std::sync::{Mutex, PoisonError};

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Slack waits three seconds for an acknowledgement.
const ACK_BUCKETS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 3.0, 5.0,
];
/// From at once to a day late.
const LAG_BUCKETS: &[f64] = &[
    1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0,
];

const COUNTERS: &[(&str, &str)] = &[
    (
        "jit_cards_refused_total",
        "Cards that Slack found fault with; a plain one was sent instead.",
    ),
    (
        "jit_channels_lost_total",
        "Cards whose channel could not be written to.",
    ),
    (
        "jit_credentials_shown_total",
        "Passwords that were set and shown to their holder.",
    ),
    (
        "jit_decisions_total",
        "What became of requests and grants, by decision.",
    ),
    (
        "jit_digests_sent_total",
        "Digests that Slack has confirmed.",
    ),
    (
        "jit_effects_given_up_total",
        "Effects that were given up because Slack would never take them.",
    ),
    (
        "jit_effects_let_go_total",
        "Effects that were given up because another worker had taken them.",
    ),
    (
        "jit_effects_panicked_total",
        "Effects whose handling panicked; they are tried again.",
    ),
    (
        "jit_handlers_panicked_total",
        "Deliveries whose handling panicked.",
    ),
    (
        "jit_homes_panicked_total",
        "App Home tabs whose drawing panicked; they are tried again.",
    ),
    (
        "jit_homes_published_total",
        "App Home tabs that Slack has taken.",
    ),
    (
        "jit_policy_reload_failures_total",
        "Changes of the policy that were at fault and not taken.",
    ),
    (
        "jit_policy_reloads_total",
        "Changes of the policy that were taken.",
    ),
    (
        "jit_refusals_total",
        "Requests and decisions that were answered with a no.",
    ),
    (
        "jit_slack_calls_total",
        "Calls to Slack, by method and outcome.",
    ),
    (
        "jit_slack_deliveries_lost_total",
        "Deliveries that were not recorded, or given up.",
    ),
    (
        "jit_slack_deliveries_refused_total",
        "Deliveries that Slack did not sign.",
    ),
    (
        "jit_slack_deliveries_total",
        "Deliveries that came in, by kind.",
    ),
    (
        "jit_slack_tokens_rotated_total",
        "Tokens of installations that were exchanged for the next ones.",
    ),
];

const GAUGES: &[(&str, &str)] = &[
    (
        "jit_deliveries_waiting",
        "Deliveries that are recorded and not yet carried out.",
    ),
    ("jit_grants_active", "Grants that are active."),
    (
        "jit_grants_overdue",
        "Grants that should be gone and are not yet verified gone.",
    ),
    (
        "jit_grants_overdue_oldest_seconds",
        "Since when the oldest of them should be gone.",
    ),
    (
        "jit_outbox_oldest_seconds",
        "Age of the oldest effect that waits.",
    ),
    (
        "jit_outbox_waiting",
        "Effects that are due, or are tried again.",
    ),
    (
        "jit_policy_invalid",
        "1 while the policy's files are at fault and the policy from before decides on.",
    ),
    ("jit_removals_stuck", "Removals that keep failing."),
    (
        "jit_slack_methods_refused",
        "Methods that Slack refuses until somebody changes the installation.",
    ),
    ("jit_requests_pending", "Requests that wait for approvers."),
    (
        "jit_slack_connections",
        "Open Socket Mode connections of this process.",
    ),
];

const HISTOGRAMS: &[(&str, &str, &[f64])] = &[
    (
        "jit_ack_seconds",
        "From a delivery's arrival to its acknowledgement, by way.",
        ACK_BUCKETS,
    ),
    (
        "jit_removal_lag_seconds",
        "From the time an access should have been gone to the target's word that it is.",
        LAG_BUCKETS,
    ),
];

/// What this process has counted.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Metrics").finish()
    }
}

impl Metrics {
    /// Begins to count, for the whole process. Later calls answer the same.
    ///
    /// # Errors
    /// When something else in the process counts already.
    pub fn install() -> Result<Self, BuildError> {
        static INSTALLED: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = &*installed {
            return Ok(Self(handle.clone()));
        }
        let recorder = HISTOGRAMS.iter().try_fold(
            PrometheusBuilder::new(),
            |builder, (name, _, buckets)| {
                builder.set_buckets_for_metric(Matcher::Full((*name).to_owned()), buckets)
            },
        )?;
        let handle = recorder.install_recorder()?;
        describe();
        *installed = Some(handle.clone());
        Ok(Self(handle))
    }

    /// Everything, in the text format of Prometheus.
    pub fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }

    /// Folds the samples of histograms together, so that they take no room while nobody asks.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }

    /// How many Socket Mode connections this process has open: the gauge that people watch, so that
    /// it and the readiness cannot differ.
    pub fn slack_connections(&self) -> u32 {
        let text = self.0.render();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix("jit_slack_connections "));
        value
            .and_then(|value| value.trim().parse().ok())
            .unwrap_or_default()
    }
}

fn describe() {
    for (name, what) in COUNTERS {
        describe_counter!(*name, *what);
    }
    for (name, what) in GAUGES {
        describe_gauge!(*name, *what);
    }
    for (name, what, _) in HISTOGRAMS {
        describe_histogram!(*name, Unit::Seconds, *what);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use regex::Regex;

    use super::*;

    fn sources(folder: &Path, texts: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("web") {
                sources(&path, texts);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                texts.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }

    #[test]
    fn what_is_counted_is_described_and_the_other_way_round() {
        let mut texts = String::new();
        sources(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut texts,
        );
        let name = Regex::new(r#""(jit_[a-z_]+_(?:total|seconds)|jit_(?:deliveries|outbox)_waiting|jit_grants_[a-z]+|jit_policy_invalid|jit_removals_stuck|jit_requests_pending|jit_slack_connections|jit_slack_methods_refused)""#).unwrap();
        let counted: BTreeSet<&str> = name
            .captures_iter(&texts)
            .map(|found| found.get(1).unwrap().as_str())
            .collect();
        let described = COUNTERS.iter().chain(GAUGES).map(|(name, _)| *name);
        let described: BTreeSet<&str> = described
            .chain(HISTOGRAMS.iter().map(|(name, ..)| *name))
            .collect();
        assert_eq!(counted, described);
    }

    #[test]
    fn connections_are_read_from_what_is_shown() {
        let metrics = Metrics::install().unwrap();
        metrics::gauge!("jit_slack_connections").increment(2);
        assert_eq!(metrics.slack_connections(), 2);
        metrics::gauge!("jit_slack_connections").decrement(2);
        metrics::histogram!("jit_ack_seconds", "way" => "http").record(0.3);
        let text = metrics.render();
        assert!(
            text.contains(r#"jit_ack_seconds_bucket{way="http",le="0.25"} 0"#),
            "{text}"
        );
        assert!(
            text.contains(r#"jit_ack_seconds_bucket{way="http",le="0.5"} 1"#),
            "{text}"
        );
        assert!(
            text.contains("# HELP jit_slack_connections Open Socket Mode"),
            "{text}"
        );
    }
}
