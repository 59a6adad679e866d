//! The meaning of a policy: who gets which answer, and the way to it.

use std::collections::BTreeSet;
use std::path::Path;

use uuid::Uuid;

use super::*;
use crate::domain::{Person, PersonId, Quorum, Refusal, Route, Terms};

/// The policy that the demo runs on.
fn example() -> Policy {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("policy");
    Policy::load(&path).unwrap_or_else(|faults| panic!("{}", faults.render(false)))
}

fn policy(text: &str) -> Policy {
    let source = Source {
        name: "policy.yaml".into(),
        text: text.into(),
    };
    Policy::from_sources(vec![source]).unwrap_or_else(|faults| panic!("{}", faults.render(false)))
}

fn person(name: &str) -> Person {
    Person {
        id: PersonId::from_uuid(Uuid::from_u128(1)),
        name: name.to_owned(),
        identities: BTreeSet::from([
            Identity::email(&format!("{name}@acme.example")),
            Identity::slack("T0ACME", format!("U0{}", name.to_uppercase())),
        ]),
    }
}

/// `who resource [role] duration [reason…]`, like the command in the chat.
fn ask(words: &str) -> Ask {
    let mut words = words.split(' ').peekable();
    let who = words.next().unwrap();
    let resource = words.next().unwrap();
    let role = words.next_if(|word| Span::parse(word).is_err());
    Ask {
        person: person(who),
        resource: resource.to_owned(),
        role: role.map(ToOwned::to_owned),
        duration: Span::parse(words.next().unwrap()).unwrap(),
        reason: words.collect::<Vec<_>>().join(" "),
        extends: None,
    }
}

fn terms(policy: &Policy, words: &str) -> Terms {
    match policy.evaluate(&ask(words)) {
        Verdict::Terms(terms) => *terms,
        Verdict::Refused(refusal) => panic!("{words}: {refusal}"),
    }
}

fn refusal(policy: &Policy, words: &str) -> Refusal {
    match policy.evaluate(&ask(words)) {
        Verdict::Refused(refusal) => refusal,
        Verdict::Terms(terms) => panic!("{words}: {terms:?}"),
    }
}

#[test]
fn the_shortest_request_of_the_demo_is_accepted() {
    let terms = terms(&example(), "dana staging-db 1h");
    assert_eq!(terms.rule, RuleName::new("read staging"));
    assert_eq!(
        terms.route,
        Route::Steps(vec![Step {
            from: vec![GroupName::new("dba")],
            quorum: Quorum::Any(1),
        }])
    );
    assert_eq!(terms.target.role, "app_readonly");
    assert_eq!(terms.channel, "#access-requests");
}

#[test]
fn contractors_are_denied_whatever_else_matches() {
    assert!(matches!(
        refusal(&example(), "gus staging-db 1h"),
        Refusal::DeniedByRule { .. }
    ));
}
