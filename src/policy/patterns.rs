//! Regular expressions of a policy: each is compiled once, and all together are bounded.

use std::cell::RefCell;
use std::collections::HashMap;

use regex::{Error, Regex, RegexBuilder};

use super::effort::Effort;

/// The longest regular expression, in bytes.
const LONGEST: usize = 4096;
/// How large one may become, tried in this order: most are small, and each counts for the size that
/// it was given.
const SIZES: [usize; 3] = [32 << 10, 128 << 10, 1 << 20];
/// How large all of them may become together.
const MOST: u64 = 64 << 20;

/// The regular expressions that were read so far.
pub(super) struct Patterns {
    known: RefCell<HashMap<String, Regex>>,
    size: Effort,
}

/// Why a text is no regular expression that may be used.
pub(super) enum PatternFault {
    /// It cannot be read.
    Wrong(Error),
    /// It, or all of them, would become too large.
    TooLarge(&'static str),
}

impl Default for Patterns {
    fn default() -> Self {
        Self {
            known: RefCell::default(),
            size: Effort::new(MOST),
        }
    }
}

impl Patterns {
    /// Compiles a regular expression, unless the same text was compiled before.
    pub(super) fn compile(&self, text: &str) -> Result<Regex, PatternFault> {
        if text.len() > LONGEST {
            return Err(PatternFault::TooLarge("over 4 KiB of text"));
        }
        if let Some(known) = self.known.borrow().get(text) {
            return Ok(known.clone());
        }
        for size in SIZES {
            if !self.size.spend(size) {
                return Err(PatternFault::TooLarge("too many together"));
            }
            match RegexBuilder::new(text).size_limit(size).build() {
                Ok(pattern) => {
                    let mut known = self.known.borrow_mut();
                    known.insert(text.to_owned(), pattern.clone());
                    return Ok(pattern);
                }
                Err(Error::CompiledTooBig(_)) => {}
                Err(error) => return Err(PatternFault::Wrong(error)),
            }
        }
        Err(PatternFault::TooLarge("too large once it is compiled"))
    }
}
