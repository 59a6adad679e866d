//! What the tools of the policy tell, as text and as data. Pure: printing is done elsewhere.

mod checked;
mod explained;
mod tested;

pub use checked::{Checked, checked_github, checked_json, checked_sarif};
pub use explained::{bundle_data, bundle_text, explanation_data, explanation_text};
pub use tested::{tested_human, tested_json, tested_junit, tested_tap};
