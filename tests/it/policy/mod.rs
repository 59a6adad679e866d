//! Policy files as people write them: what is wrong is told with its place and a hint, and nothing
//! that is written can make the reader fall over.

use std::fs;
use std::path::{Path, PathBuf};

use jitbot::policy::{Faults, Policy, Source};
use proptest::prelude::*;

fn fixtures(under: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/policy")
        .join(under)
}

fn source(name: &str, text: impl Into<String>) -> Source {
    Source {
        name: name.to_owned(),
        text: text.into(),
    }
}

fn faults(sources: Vec<Source>) -> Faults {
    Policy::from_sources(sources).expect_err("the policy is wrong")
}

/// Every file of `wrong/`, with the report that people see.
#[test]
fn every_wrong_file_says_where_what_and_how_to_mend_it() {
    let mut files: Vec<PathBuf> = fs::read_dir(fixtures("wrong"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 25);
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        let faults = faults(vec![source("policy.yaml", text)]);
        for fault in faults.iter() {
            assert!(fault.place().is_some(), "{name}: {fault} has no place");
            assert!(fault.hint().is_some(), "{name}: {fault} has no hint");
        }
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!(format!("wrong_{name}"), faults.render(false));
        });
    }
}
