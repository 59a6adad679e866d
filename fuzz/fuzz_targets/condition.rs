#![no_main]

#[path = "../targets.rs"]
#[expect(dead_code, reason = "each program feeds one of them")]
mod targets;

libfuzzer_sys::fuzz_target!(|text: &str| targets::condition(text));
