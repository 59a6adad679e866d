//! Holds the table of Slack's error codes, and the scopes of the manifest, against what is documented
//! for each method that the client calls.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::METHODS;
use crate::slack::client::SlackFault;

#[derive(Deserialize)]
struct Documented {
    any: Vec<String>,
    methods: BTreeMap<String, Method>,
}

#[derive(Deserialize)]
struct Method {
    scopes: BTreeSet<String>,
    codes: Vec<String>,
}

fn documented() -> Documented {
    serde_json::from_str(include_str!("../fixtures/slack/error_codes.json")).unwrap()
}

fn has_a_class(code: &str) -> bool {
    !matches!(SlackFault::from_code(code), SlackFault::Unknown(_))
}

#[test]
fn every_code_that_a_method_of_ours_may_answer_has_its_class() {
    let documented = documented();
    for (method, _) in METHODS {
        let known = documented.methods.get(*method);
        let known = known.unwrap_or_else(|| panic!("no codes of {method} are written down"));
        for code in documented.any.iter().chain(&known.codes) {
            assert!(has_a_class(code), "{code} of {method} stands in no class");
        }
    }
    let all = documented.methods.values().flat_map(|known| &known.codes);
    for code in all.chain(&documented.any) {
        assert!(has_a_class(code), "{code}");
    }
    assert!(!has_a_class("a_code_of_the_future"));
}

#[test]
fn each_method_has_the_scopes_that_are_documented_for_it() {
    let documented = documented();
    let mut listed: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (method, scope) in METHODS {
        let scopes = listed.entry(method).or_default();
        scopes.extend(scope.map(str::to_owned));
    }
    for (method, scopes) in listed {
        assert_eq!(scopes, documented.methods[method].scopes, "{method}");
    }
}
