//! Log lines, on standard error.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{Config, LogFormat};

/// Below `info` these print whole frames and tickets, which hold tokens and people's words. Whatever
/// else is asked for, they are not let to.
const DISCREET: &str = "tungstenite=info,tokio_tungstenite=info,hyper=info,hyper_util=info,h2=info,slack_morphism=info";

/// Begins to log. Does nothing when the process logs already.
pub fn start(config: &Config) {
    // The settings were checked where they were read.
    let filter = format!("{},{DISCREET}", config.log);
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = match config.log_format {
        LogFormat::Text => lines.with_ansi(super::out::is_colourful()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
}
