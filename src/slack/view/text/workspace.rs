//! What is said where a workspace has installed the app and there is no policy for it yet.

use super::name;

/// The title of the modal.
pub const TITLE: &str = "Nothing was done";

/// Why nothing can be decided, and who can help.
pub fn no_policy(folder: &str) -> String {
    format!(
        "🕓 *There is no policy for this workspace yet*, so I cannot decide anything, and nothing was \
         done. Please ask your platform team to add the folder *{}* to the policy. I take it up by \
         myself; then try again.",
        name(folder)
    )
}
