//! The names of what stands in App Home alone. All begin alike, and never change their meaning.

/// What all of them begin with.
pub const PREFIX: &str = "jit_home_";
/// The view itself.
pub const HOME: &str = "jit_home";
/// Turn a section back by a page.
pub const BACK: &str = "jit_home_page_back";
/// Turn a section on by a page.
pub const MORE: &str = "jit_home_page_more";
/// Try a removal at once that keeps failing.
pub const RETRY: &str = "jit_home_retry";
/// Open the dialog in which an admin answers for a removal that keeps failing.
pub const RESOLVE: &str = "jit_home_resolve";
/// That dialog.
pub const RESOLVED: &str = "jit_home_resolved";
