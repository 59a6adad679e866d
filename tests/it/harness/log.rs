//! What the bot logs while a test listens.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Level};
use tracing_subscriber::fmt::MakeWriter;

/// The log of this thread.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

/// The log is listened to as long as this lives.
pub struct Listening {
    _here: DefaultGuard,
    _everywhere: Dispatch,
}

impl Log {
    /// Listens from now on to everything that is worth an operator's while, or a developer's.
    pub fn listen() -> (Self, Listening) {
        // `tracing` remembers by the first thread that comes by a line whether anybody listens to it.
        // As long as there are two who listen it asks all of them, whichever thread that is.
        let everywhere = Dispatch::new(tracing_subscriber::registry());
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::DEBUG)
            .with_writer(log.clone())
            .with_ansi(false)
            .finish();
        let listening = Listening {
            _here: tracing::subscriber::set_default(subscriber),
            _everywhere: everywhere,
        };
        (log, listening)
    }

    /// All of it.
    pub fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&lines).into_owned()
    }

    /// The lines that hold that.
    pub fn lines(&self, what: &str) -> Vec<String> {
        let text = self.text();
        let lines = text.lines().filter(|line| line.contains(what));
        lines.map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
