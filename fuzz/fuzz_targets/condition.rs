//! Any text as the condition of a rule that approves: it is refused, or it is worked out without a
//! panic, and within the bounds of time and memory that the fuzzer is run with.

#![no_main]

use jitbot::domain::{Ask, Circumstances, Identity, Person, PersonId, Span};
use jitbot::policy::{Policy, Source};
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

/// A block scalar with its indentation written down takes any line, whatever it begins with.
fn policy(condition: &str) -> String {
    let condition = condition.replace(['\n', '\r'], "\n      ");
    format!(
        "version: 1\ndefaults: {{ channel: \"#access\" }}\n\
         groups: {{ team: {{ members: [dana@acme.example] }} }}\n\
         connectors: {{ main: {{ kind: postgres, mode: login, url: {{ env: ADMIN_URL }} }} }}\n\
         resources: {{ db: {{ connector: main, roles: {{ readonly: app_ro }} }} }}\n\
         rules:\n  - name: fuzzed\n    match: {{ resources: [db], requester_in: [team] }}\n    \
         when: |2-\n      {condition}\n    decision: approve\n"
    )
}

fuzz_target!(|condition: &str| {
    let source = Source {
        name: "policy.yaml".to_owned(),
        text: policy(condition),
    };
    let Ok(policy) = Policy::from_sources(vec![source]) else {
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
});
