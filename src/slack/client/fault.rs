//! What can go wrong with a call to Slack, sorted by what to do about it.

use std::time::Duration;

use slack_morphism::errors::SlackClientError;

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
    /// Anything else that will not work when it is done again.
    #[error("Slack: {0}")]
    Permanent(String),
}

impl SlackFault {
    /// Sorts an error code of Slack's.
    pub fn from_code(code: &str) -> Self {
        let known = TABLE.iter().find(|(_, codes)| codes.contains(&code));
        let class = known.map_or(Self::Permanent as fn(String) -> Self, |(class, _)| *class);
        class(code.to_owned())
    }

    /// Whether the same call may work later without anybody changing anything.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. } | Self::Transient(_) | Self::Ambiguous(_)
        )
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
        }
    }

    /// Sorts an error of the client library. Its own words hold response bodies, so they go no
    /// further.
    pub(super) fn from_client(error: &SlackClientError) -> Self {
        match error {
            SlackClientError::RateLimitError(limit) => Self::RateLimited {
                retry_after: limit.retry_after.unwrap_or(Duration::from_secs(1)),
            },
            SlackClientError::ApiError(api) if api.code == "ratelimited" => Self::RateLimited {
                retry_after: Duration::from_secs(1),
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

type Class = fn(String) -> SlackFault;

/// Slack's error codes, by what to do about them.
const TABLE: [(Class, &[&str]); 7] = [
    (
        SlackFault::Transient,
        &[
            "internal_error",
            "fatal_error",
            "service_unavailable",
            "request_timeout",
            "team_added_to_org",
            "accesslimited",
        ],
    ),
    (
        SlackFault::Channel,
        &[
            "channel_not_found",
            "not_in_channel",
            "is_archived",
            "channel_is_archived",
            "channel_is_limited_access",
            "is_inactive",
            "restricted_action",
            "restricted_action_read_only_channel",
            "restricted_action_thread_only_channel",
            "restricted_action_non_threadable_channel",
            "external_channel_migrating",
        ],
    ),
    (
        SlackFault::Unreachable,
        &[
            "user_not_found",
            "users_not_found",
            "user_not_visible",
            "user_disabled",
            "user_not_in_channel",
            "cannot_dm_bot",
            "messages_tab_disabled",
            "no_user",
        ],
    ),
    (
        SlackFault::BadContent,
        &[
            "invalid_blocks",
            "invalid_blocks_format",
            "invalid_attachments",
            "invalid_arguments",
            "msg_too_long",
            "msg_blocks_too_long",
            "no_text",
            "too_many_attachments",
            "too_many_contact_cards",
            "markdown_text_conflict",
            "metadata_too_large",
            "view_too_large",
        ],
    ),
    (
        SlackFault::MessageGone,
        &[
            "message_not_found",
            "cant_update_message",
            "edit_window_closed",
            "thread_not_found",
            "invalid_thread_ts",
            "cannot_reply_to_message",
        ],
    ),
    (
        SlackFault::Expired,
        &[
            "expired_trigger_id",
            "exchanged_trigger_id",
            "trigger_exchanged",
            "trigger_expired",
            "invalid_trigger_id",
            "expired_url",
            "used_url",
            "hash_conflict",
            "not_found",
        ],
    ),
    (
        SlackFault::Admin,
        &[
            "invalid_auth",
            "not_authed",
            "account_inactive",
            "token_revoked",
            "token_expired",
            "missing_scope",
            "no_permission",
            "not_allowed_token_type",
            "org_login_required",
            "ekm_access_denied",
            "access_denied",
            "team_access_not_granted",
            "enterprise_is_restricted",
        ],
    ),
];

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
            ("a_code_of_the_future", "permanent"),
        ] {
            assert_eq!(SlackFault::from_code(code).class(), class, "{code}");
        }
    }

    #[test]
    fn no_code_stands_in_two_classes() {
        let mut codes: Vec<_> = TABLE.iter().flat_map(|(_, codes)| *codes).collect();
        codes.sort_unstable();
        let all = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), all);
    }
}
