//! What the fuzzer feeds with text. `tests/it/fuzzed.rs` compiles this file too, and gives each seed to
//! it, so that it is looked at on every machine.

use jitbot::domain::{Ask, Circumstances, Identity, Person, PersonId, Span};
use jitbot::policy::assert::Invariants;
use jitbot::policy::suite::Suite;
use jitbot::policy::{Policy, Source};
use jitbot::slack::grammar;
use jitbot::slack::payload::{Delivery, Malformed};
use uuid::Uuid;

fn source(name: &str, text: &str) -> Vec<Source> {
    vec![Source {
        name: name.to_owned(),
        text: text.to_owned(),
    }]
}

/// Any text as a policy file, as a file of test cases and as one of invariants: it is read or refused,
/// and what is refused can be told.
pub fn policy_file(text: &str) {
    if let Err(faults) = Policy::from_sources(source("policy.yaml", text)) {
        assert!(!faults.to_string().is_empty(), "refused without a word");
        assert!(!faults.render(false).is_empty(), "drawn without a word");
    }
    let known = policy("!requester.is_guest").expect("a policy without fault");
    match Suite::from_sources(source("policy_test.yaml", text)) {
        Ok(suite) => drop(suite.run(&known)),
        Err(faults) => assert!(!faults.to_string().is_empty(), "refused without a word"),
    }
    let _ = Invariants::from_sources(source("policy_assert.yaml", text)).decide(&known);
}

/// A block scalar with its indentation written down takes any line, whatever it begins with.
fn policy(condition: &str) -> Option<Policy> {
    let condition = condition.replace(['\n', '\r'], "\n      ");
    let text = format!(
        "version: 1\ndefaults: {{ channel: \"#access\" }}\n\
         groups: {{ team: {{ members: [dana@acme.example] }} }}\n\
         connectors: {{ main: {{ kind: postgres, mode: login, url: {{ env: ADMIN_URL }} }} }}\n\
         resources: {{ db: {{ connector: main, roles: {{ readonly: app_ro }} }} }}\n\
         rules:\n  - name: fuzzed\n    match: {{ resources: [db], requester_in: [team] }}\n    \
         when: |2-\n      {condition}\n    decision: approve\n"
    );
    Policy::from_sources(source("policy.yaml", &text)).ok()
}

/// Any text as the condition of a rule that approves: it is refused, or it is worked out without a
/// panic, and within the bounds of time and memory that the fuzzer is run with.
pub fn condition(text: &str) {
    let Some(policy) = policy(text) else {
        return;
    };
    let dana = Person {
        id: PersonId::from_uuid(Uuid::from_u128(1)),
        name: "Dana".to_owned(),
        identities: [Identity::email("dana@acme.example")].into(),
    };
    let ask = Ask {
        role: Some("readonly".to_owned()),
        duration: Some(Span::minutes(30)),
        reason: "INC-42 to see what is slow".to_owned(),
        ..Ask::of(dana, "db".to_owned())
    };
    let circumstances = Circumstances::at("2027-03-01T12:00:00Z".parse().expect("a time"));
    let _ = policy.evaluate(&ask, &circumstances);
    let _ = policy.explain(&ask, &circumstances);
}

/// Any text after `/jit`, and any text as a duration: it is understood, or refused with words. What a
/// duration says of itself is read as the same again.
pub fn typed(text: &str) {
    if let Err(fault) = grammar::parse(text) {
        assert!(!fault.kind.to_string().is_empty(), "refused without a word");
    }
    if let Ok(span) = Span::parse(text) {
        assert_eq!(Span::parse(&span.to_string()), Ok(span));
    }
}

type Way = fn(&[u8]) -> Result<Delivery, Malformed>;

const WAYS: [Way; 3] = [
    Delivery::from_command,
    Delivery::from_interaction,
    Delivery::from_event,
];

/// Any bytes in place of what Slack delivers, each way in: they are read or refused. What was read has
/// the same key however often it is read.
pub fn delivery(bytes: &[u8]) {
    for read in WAYS {
        let Ok(delivery) = read(bytes) else { continue };
        let again = read(bytes).expect("what was read once is read again");
        assert_eq!(delivery.key(), again.key());
        assert_eq!(delivery, again);
    }
}
