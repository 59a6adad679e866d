//! Any text as a policy file, as a file of test cases and as one of invariants: it is read or refused,
//! and what is refused can be told.

#![no_main]

use jitbot::policy::assert::Invariants;
use jitbot::policy::suite::Suite;
use jitbot::policy::{Policy, Source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let source = |name: &str| {
        vec![Source {
            name: name.to_owned(),
            text: text.to_owned(),
        }]
    };
    if let Err(faults) = Policy::from_sources(source("policy.yaml")) {
        assert!(!faults.to_string().is_empty(), "refused without a word");
    }
    if let Err(faults) = Suite::from_sources(source("policy_test.yaml")) {
        assert!(!faults.to_string().is_empty(), "refused without a word");
    }
    let _ = Invariants::from_sources(source("policy_assert.yaml"));
});
