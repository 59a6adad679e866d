//! Any bytes in place of what Slack delivers, each way in: they are read or refused. What was read has
//! the same key however often it is read.

#![no_main]

use jitbot::slack::payload::{Delivery, Malformed};
use libfuzzer_sys::fuzz_target;

type Way = fn(&[u8]) -> Result<Delivery, Malformed>;

const WAYS: [Way; 3] = [
    Delivery::from_command,
    Delivery::from_interaction,
    Delivery::from_event,
];

fuzz_target!(|bytes: &[u8]| {
    for read in WAYS {
        let Ok(delivery) = read(bytes) else { continue };
        let again = read(bytes).expect("what was read once is read again");
        assert_eq!(delivery.key(), again.key());
        assert_eq!(delivery, again);
    }
});
