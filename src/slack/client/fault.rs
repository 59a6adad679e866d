//! What can go wrong with a call to Slack, sorted by what to do about it.

use std::time::Duration;

use slack_morphism::errors::SlackClientError;

use super::codes;

/// How long to rest where Slack says to wait, and not for how long.
const REST: Duration = Duration::from_secs(1);
/// A word of ours: there is no token since the app was uninstalled.
const NOT_INSTALLED: &str = "not_installed";

/// Why a call to Slack did not do what it should. Never holds a token, a text or a response's body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlackFault {
    /// Slack, or our own limit, says to wait.
    #[error("Slack asks to wait {} s", retry_after.as_secs())]
    RateLimited {
        /// For how long.
        retry_after: Duration,
    },
    /// It did not happen, and may work when it is done again.
    #[error("Slack did not answer as it should ({0})")]
    Transient(String),
    /// It may or may not have happened.
    #[error("Slack took the call and did not answer ({0})")]
    Ambiguous(String),
    /// The channel cannot be written to.
    #[error("Slack: {0}")]
    Channel(String),
    /// The person cannot be written to.
    #[error("Slack: {0}")]
    Unreachable(String),
    /// The content is not accepted, and will not be.
    #[error("Slack: {0}")]
    BadContent(String),
    /// The message is not there any more, or cannot be changed.
    #[error("Slack: {0}")]
    MessageGone(String),
    /// What was given for one use or a short time is used up: a trigger, a response URL, a state of
    /// a view.
    #[error("Slack: {0}")]
    Expired(String),
    /// Somebody has to change the installation: the token or its scopes.
    #[error("Slack: {0}")]
    Admin(String),
    /// What we sent was wrong, or what it was about is not there: known, and not to be mended by
    /// doing it again.
    #[error("Slack: {0}")]
    Permanent(String),
    /// A code that we do not know. It is tried again a few times, and then shown.
    #[error("Slack: {0}, which we do not know")]
    Unknown(String),
}

impl SlackFault {
    /// Sorts an error code of Slack's.
    pub fn from_code(code: &str) -> Self {
        if codes::WAIT.contains(&code) {
            return Self::RateLimited { retry_after: REST };
        }
        let known = codes::TABLE.iter().find(|(_, of)| of.contains(&code));
        let class = known.map_or(Self::Unknown as codes::Class, |(class, _)| *class);
        class(code.to_owned())
    }

    /// Whether the same call may work later without anybody changing anything.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. } | Self::Transient(_) | Self::Ambiguous(_)
        )
    }

    /// Whether it is to be tried again for as long as it takes: it passes by itself, or somebody has
    /// to act, and then it works.
    pub fn is_worth_waiting(&self) -> bool {
        self.is_passing() || matches!(self, Self::Admin(_))
    }

    /// That the app was uninstalled there: nobody has to mend that, and it may be installed again.
    pub fn not_installed() -> Self {
        Self::Admin(NOT_INSTALLED.into())
    }

    /// Whether it is [`SlackFault::not_installed`].
    pub fn is_not_installed(&self) -> bool {
        matches!(self, Self::Admin(code) if code == NOT_INSTALLED)
    }

    /// Slack's code, where there is one; a word of ours where there is none.
    pub fn code(&self) -> &str {
        match self {
            Self::RateLimited { .. } => "ratelimited",
            Self::Transient(code)
            | Self::Ambiguous(code)
            | Self::Channel(code)
            | Self::Unreachable(code)
            | Self::BadContent(code)
            | Self::MessageGone(code)
            | Self::Expired(code)
            | Self::Admin(code)
            | Self::Permanent(code)
            | Self::Unknown(code) => code,
        }
    }

    /// The class in one word, for metrics.
    pub(super) fn class(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "rate_limited",
            Self::Transient(_) => "transient",
            Self::Ambiguous(_) => "ambiguous",
            Self::Channel(_) => "channel",
            Self::Unreachable(_) => "unreachable",
            Self::BadContent(_) => "bad_content",
            Self::MessageGone(_) => "message_gone",
            Self::Expired(_) => "expired",
            Self::Admin(_) => "admin",
            Self::Permanent(_) => "permanent",
            Self::Unknown(_) => "unknown",
        }
    }

    /// Sorts an error of the client library. Its own words hold response bodies, so they go no
    /// further.
    pub(super) fn from_client(error: &SlackClientError) -> Self {
        match error {
            SlackClientError::RateLimitError(limit) => Self::RateLimited {
                retry_after: limit.retry_after.unwrap_or(REST),
            },
            SlackClientError::ApiError(api) => Self::from_code(&api.code),
            SlackClientError::HttpError(http) => Self::from_status(http.status_code.as_u16()),
            SlackClientError::HttpProtocolError(protocol) => {
                let cause = protocol.cause.as_deref();
                match cause {
                    Some(cause) if was_never_sent(cause) => Self::Transient("unreachable".into()),
                    _ => Self::Ambiguous("connection lost".into()),
                }
            }
            SlackClientError::ProtocolError(_) => Self::Ambiguous("unreadable answer".into()),
            SlackClientError::SystemError(_)
            | SlackClientError::EndOfStream(_)
            | SlackClientError::SocketModeProtocolError(_) => {
                Self::Ambiguous("connection lost".into())
            }
        }
    }

    fn from_status(status: u16) -> Self {
        let told = format!("status {status}");
        match status {
            500.. => Self::Transient(told),
            404 | 410 => Self::Expired(told),
            401 | 403 => Self::Admin(told),
            _ => Self::Permanent(told),
        }
    }
}

/// Whether the connection could not be made, so that nothing reached Slack.
fn was_never_sent(error: &(dyn std::error::Error + 'static)) -> bool {
    use std::io::ErrorKind;
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|error| {
            matches!(
                error.kind(),
                ErrorKind::ConnectionRefused
                    | ErrorKind::HostUnreachable
                    | ErrorKind::NetworkUnreachable
                    | ErrorKind::AddrNotAvailable
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_by_what_to_do_about_them() {
        for (code, class) in [
            ("not_in_channel", "channel"),
            ("is_archived", "channel"),
            ("user_not_found", "unreachable"),
            ("cannot_dm_bot", "unreachable"),
            ("invalid_blocks", "bad_content"),
            ("msg_too_long", "bad_content"),
            ("message_not_found", "message_gone"),
            ("cant_update_message", "message_gone"),
            ("expired_trigger_id", "expired"),
            ("token_revoked", "admin"),
            ("missing_scope", "admin"),
            ("fatal_error", "transient"),
            ("invalid_cursor", "permanent"),
            ("ratelimited", "rate_limited"),
            ("a_code_of_the_future", "unknown"),
        ] {
            assert_eq!(SlackFault::from_code(code).class(), class, "{code}");
        }
    }
}
