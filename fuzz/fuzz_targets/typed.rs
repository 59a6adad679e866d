//! Any text after `/jit`, and any text as a duration: it is understood, or refused with words. What a
//! duration says of itself is read as the same again.

#![no_main]

use jitbot::domain::Span;
use jitbot::slack::grammar;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(fault) = grammar::parse(text) {
        assert!(!fault.kind.to_string().is_empty(), "refused without a word");
    }
    if let Ok(span) = Span::parse(text) {
        assert_eq!(Span::parse(&span.to_string()), Ok(span));
    }
});
