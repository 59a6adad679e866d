//! What to do about each error code of Slack's: one table for all methods. A test holds it against
//! the codes that are documented for each method that the client calls.

use super::SlackFault;

/// Makes the fault of a class out of a code.
pub(super) type Class = fn(String) -> SlackFault;

/// Each code once.
pub(super) const TABLE: [(Class, &[&str]); 8] = [
    (SlackFault::Transient, PASSING),
    (SlackFault::Channel, CHANNEL),
    (SlackFault::Unreachable, PERSON),
    (SlackFault::BadContent, CONTENT),
    (SlackFault::MessageGone, MESSAGE),
    (SlackFault::Expired, USED_UP),
    (SlackFault::Admin, INSTALLATION),
    (SlackFault::Permanent, OUR_MISTAKE),
];

/// Codes that only say to wait. Without a header that says for how long, a moment has to do.
pub(super) const WAIT: [&str; 2] = ["ratelimited", "rate_limited"];

/// Retry: the same call may work later.
const PASSING: &[&str] = &[
    "accesslimited",
    "external_channel_migrating",
    "fatal_error",
    "file_update_failed",
    "internal_error",
    "message_limit_exceeded",
    "request_timeout",
    "service_unavailable",
    "streaming_state_conflict",
    "team_added_to_org",
    "update_failed",
];

/// Permanent, and there is another way: people are asked by direct message.
const CHANNEL: &[&str] = &[
    "channel_is_archived",
    "channel_is_limited_access",
    "channel_not_found",
    "invalid_channel",
    "is_archived",
    "is_inactive",
    "method_not_supported_for_channel_type",
    "not_in_channel",
    "posting_to_channel_denied",
    "posting_to_general_channel_denied",
    "restricted_action",
    "restricted_action_non_threadable_channel",
    "restricted_action_read_only_channel",
    "restricted_action_thread_only_channel",
    "team_not_found",
];

/// Permanent, and there is another way: the thread of the card.
const PERSON: &[&str] = &[
    "cannot_dm_bot",
    "invalid_user_combination",
    "messages_tab_disabled",
    "no_user",
    "user_disabled",
    "user_not_found",
    "user_not_in_channel",
    "user_not_visible",
    "users_not_found",
];

/// Permanent, and there is another way: the same as plain text.
const CONTENT: &[&str] = &[
    "agent_prompt_display_not_allowed",
    "attachment_payload_limit_exceeded",
    "block_mismatch",
    "invalid_arguments",
    "invalid_attachments",
    "invalid_blocks",
    "invalid_blocks_format",
    "invalid_metadata_format",
    "invalid_metadata_schema",
    "markdown_text_conflict",
    "metadata_must_be_sent_from_app",
    "metadata_too_large",
    "missing_file_data",
    "msg_blocks_too_long",
    "msg_too_long",
    "no_text",
    "slack_connect_canvas_sharing_blocked",
    "slack_connect_file_link_sharing_blocked",
    "slack_connect_lists_sharing_blocked",
    "too_many_attachments",
    "too_many_contact_cards",
    "view_too_large",
];

/// Permanent, and there is another way: a new message, or none.
const MESSAGE: &[&str] = &[
    "cannot_reply_to_message",
    "cant_broadcast_message",
    "cant_update_message",
    "edit_window_closed",
    "invalid_thread_ts",
    "message_not_found",
    "no_dual_broadcast_content_update",
    "restricted_action_thread_locked",
    "thread_locked",
    "thread_not_found",
];

/// Permanent, and there is another way: the person is asked to press again.
const USED_UP: &[&str] = &[
    "exchanged_trigger_id",
    "expired_trigger_id",
    "expired_url",
    "hash_conflict",
    "invalid_code",
    "invalid_trigger_id",
    "not_found",
    "trigger_exchanged",
    "trigger_expired",
    "used_url",
];

/// Somebody who runs the workspace or the bot has to act. Tried again, slowly, until they have.
const INSTALLATION: &[&str] = &[
    "access_denied",
    "account_inactive",
    "app_access_restricted",
    "bad_client_secret",
    "bad_redirect_uri",
    "cannot_install_an_org_installed_app",
    "deprecated_endpoint",
    "ekm_access_denied",
    "enterprise_is_restricted",
    "file_upload_size_restricted",
    "file_uploads_disabled",
    "forbidden_team",
    "invalid_auth",
    "invalid_client_id",
    "invalid_refresh_token",
    "is_bot",
    "method_deprecated",
    "missing_scope",
    "no_permission",
    "not_allowed_token_type",
    "not_authed",
    "not_enabled",
    "oauth_authorization_url_mismatch",
    "org_login_required",
    "preview_feature_not_available",
    "send_on_behalf_not_allowed",
    "storage_limit_reached",
    "team_access_not_granted",
    "token_expired",
    "token_revoked",
    "two_factor_setup_required",
    "upgrade_required",
    "user_email_unverified",
    "user_is_restricted",
];

/// Permanent: what we sent was wrong, or what it was about is not there. Doing it again changes
/// nothing.
const OUR_MISTAKE: &[&str] = &[
    "alt_txt_too_large",
    "as_user_not_supported",
    "channels_limit_exceeded",
    "draft_already_deleted",
    "draft_already_sent",
    "draft_has_conflict",
    "draft_not_found",
    "duplicate_channel_not_found",
    "duplicate_external_id",
    "duplicate_message_not_found",
    "file_not_found",
    "insecure_request",
    "invalid_arg_name",
    "invalid_array_arg",
    "invalid_charset",
    "invalid_cursor",
    "invalid_form_data",
    "invalid_grant_type",
    "invalid_json",
    "invalid_limit",
    "invalid_post_type",
    "invalid_types",
    "json_not_object",
    "missing_args",
    "missing_argument",
    "missing_post_type",
    "missing_profile_id",
    "no_scopes",
    "no_such_subteam",
    "not_enough_users",
    "not_implemented",
    "push_limit_reached",
    "snippet_too_large",
    "too_many_users",
    "unknown_method",
    "unknown_snippet_type",
    "unknown_subtype",
    "users_list_not_supplied",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_code_stands_in_two_classes_and_each_list_is_in_order() {
        let mut all: Vec<&str> = WAIT.to_vec();
        for (_, codes) in &TABLE {
            assert!(codes.is_sorted(), "{codes:?}");
            all.extend(*codes);
        }
        let different: BTreeSet<&&str> = all.iter().collect();
        assert_eq!(different.len(), all.len());
    }
}
