//! The schemas, held against the readers: neither may know what the other does not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use jitbot::policy::assert::Invariants;
use jitbot::policy::suite::Suite;
use jitbot::policy::{Faults, Policy, Source, schema};
use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::{CASES, POLICY, jit, project, read};

/// A policy with every key that there is.
const WHOLE: &str = include_str!("../../fixtures/policy/whole.yaml");
/// Tests with every key that there is.
const WHOLE_TESTS: &str = include_str!("../../fixtures/policy/whole_test.yaml");

/// Invariants with every key that there is.
const WHOLE_ASSERT: &str = include_str!("../../fixtures/policy/whole_assert.yaml");

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

fn source(text: &str) -> Vec<Source> {
    let name = "policy.yaml".to_owned();
    vec![Source {
        name,
        text: text.to_owned(),
    }]
}

fn read_policy(text: &str) -> Result<(), Faults> {
    Policy::from_sources(source(text)).map(drop)
}

fn read_tests(text: &str) -> Result<(), Faults> {
    Suite::from_sources(source(text)).map(drop)
}

fn read_invariants(text: &str) -> Result<(), Faults> {
    let policy = Policy::from_sources(source(WHOLE))?;
    let invariants = Invariants::from_sources(source(text));
    invariants.decide(&policy).map(drop)
}

fn told(validator: &Validator, document: &Value) -> String {
    let errors = validator.iter_errors(document);
    let errors = errors.map(|error| format!("{} at {}", error, error.instance_path()));
    errors.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_schemas_are_schemas_and_their_examples_fit() {
    for schema in [schema::policy(), schema::tests(), schema::invariants()] {
        jsonschema::draft202012::meta::validate(&schema).unwrap();
        let mut seen = 0;
        for (pointer, mapping) in mappings(&schema) {
            for (name, property) in mapping["properties"].as_object().unwrap() {
                let what = format!("{pointer}: {name}");
                assert!(
                    property["description"]
                        .as_str()
                        .is_some_and(|told| told.ends_with('.')),
                    "{what}"
                );
                let validator = within(&schema, property);
                for example in property["examples"].as_array().unwrap() {
                    assert_eq!(told(&validator, example), "", "{what}");
                    seen += 1;
                }
            }
        }
        assert!(10 < seen);
    }
}

#[test]
fn what_the_reader_accepts_is_valid() {
    let policies = jsonschema::validator_for(&schema::policy()).unwrap();
    let example = fs::read_to_string(project().join("policy/access.yaml")).unwrap();
    let mut texts = vec![example, POLICY.to_owned(), WHOLE.to_owned()];
    let folder = fs::read_dir(project().join("tests/fixtures/policy/folder")).unwrap();
    let files = folder.map(|entry| entry.unwrap().path());
    texts.extend(
        files
            .filter(|file| {
                file.extension().is_some_and(|kind| kind != "txt")
                    && !file.file_name().unwrap().to_str().unwrap().starts_with('.')
            })
            .map(|file| fs::read_to_string(file).unwrap()),
    );
    for text in texts.iter().filter(|text| text.contains(':')) {
        assert_eq!(told(&policies, &yaml(text)), "", "{text}");
    }
    let tests = jsonschema::validator_for(&schema::tests()).unwrap();
    let example = fs::read_to_string(project().join("policy/access_test.yaml")).unwrap();
    for text in [&example, CASES, WHOLE_TESTS] {
        assert_eq!(told(&tests, &yaml(text)), "");
    }
    let invariants = jsonschema::validator_for(&schema::invariants()).unwrap();
    let example = fs::read_to_string(project().join("policy/access_assert.yaml")).unwrap();
    for text in [&example, WHOLE_ASSERT] {
        assert_eq!(told(&invariants, &yaml(text)), "");
    }
    read_invariants(WHOLE_ASSERT).unwrap_or_else(|faults| panic!("{faults}"));
    read_policy(WHOLE).unwrap_or_else(|faults| panic!("{faults}"));
    read_tests(WHOLE_TESTS).unwrap_or_else(|faults| panic!("{faults}"));
}

#[test]
fn what_is_mistyped_is_not_valid() {
    let validator = jsonschema::validator_for(&schema::policy()).unwrap();
    for file in [
        "bad-durations",
        "bad-channels",
        "bad-emails-and-ids",
        "misspelt-fields",
        "secret-in-clear",
        "unknown-decision",
        "wrong-types",
        "unknown-section",
        "count-zero",
        "deny-without-message",
    ] {
        let path = format!("tests/fixtures/policy/wrong/{file}.yaml");
        let text = fs::read_to_string(project().join(path)).unwrap();
        assert!(!validator.is_valid(&yaml(&text)), "{file}");
    }
}

#[test]
fn mistyped_invariants_are_not_valid() {
    let validator = jsonschema::validator_for(&schema::invariants()).unwrap();
    for wrong in [
        "invariants: [sometimes automatic]",
        "invariants: [{ name: both, never: automatic, always: { people: 2 } }]",
        "invariants: [{ name: neither }]",
        "invariants: [{ never: automatic }]",
        "invariants: [{ name: unknown, never: seen }]",
        "invariants: [{ name: two things, always: { people: 2, reason: true } }]",
        "invariants: [{ name: nothing, always: {} }]",
        "invariants: [{ name: not true, always: { reason: false } }]",
    ] {
        assert!(!validator.is_valid(&yaml(wrong)), "{wrong}");
        assert!(read_invariants(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_reader_and_the_schema_know_the_same_keys() {
    for (schema, text, reader) in [
        (
            schema::policy(),
            WHOLE,
            read_policy as fn(&str) -> Result<(), Faults>,
        ),
        (schema::tests(), WHOLE_TESTS, read_tests),
        (schema::invariants(), WHOLE_ASSERT, read_invariants),
    ] {
        let document = yaml(text);
        let mut found = BTreeMap::new();
        find(&schema, &schema, "#", &document, "", &mut found);
        let wanted: BTreeSet<String> = mappings(&schema)
            .into_iter()
            .map(|(pointer, _)| pointer)
            .collect();
        let reached: BTreeSet<String> = found.keys().cloned().collect();
        assert_eq!(
            wanted, reached,
            "every mapping of the schema stands in the document"
        );
        for (pointer, place) in found {
            let mapping = schema.pointer(pointer.trim_start_matches('#')).unwrap();
            let keys: BTreeSet<String> = mapping["properties"]
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect();
            assert_eq!(known(reader, &document, &place, &keys), keys, "{pointer}");
        }
    }
}

#[test]
fn every_key_of_the_schema_stands_in_the_document() {
    for (schema, text) in [
        (schema::policy(), WHOLE),
        (schema::tests(), WHOLE_TESTS),
        (schema::invariants(), WHOLE_ASSERT),
    ] {
        let keys = mappings(&schema).into_iter();
        let keys: BTreeSet<String> = keys
            .flat_map(|(_, mapping)| {
                mapping["properties"]
                    .as_object()
                    .unwrap()
                    .keys()
                    .cloned()
                    .collect::<Vec<_>>()
            })
            .collect();
        for key in keys {
            assert!(text.contains(&format!("{key}:")), "{key}");
        }
    }
}

/// The keys that the reader lists where one is unknown.
fn known(
    reader: fn(&str) -> Result<(), Faults>,
    document: &Value,
    place: &str,
    keys: &BTreeSet<String>,
) -> BTreeSet<String> {
    // What stands where a secret is kept may be the secret, unless its key looks like a known one.
    let strange = if keys.contains("env") { "envs" } else { "zzqx" };
    let mut document = document.clone();
    let mapping = document
        .pointer_mut(place)
        .unwrap()
        .as_object_mut()
        .unwrap();
    mapping.insert(strange.to_owned(), json!("unheard of"));
    let faults = reader(&document.to_string()).unwrap_err();
    let fault = faults.iter().find(|fault| {
        fault
            .message()
            .contains(&format!("has no field `{strange}`"))
    });
    let fault = fault.unwrap_or_else(|| panic!("{place}: {faults}"));
    let hint = fault.hint().unwrap();
    let list = hint.split("nown here: ").nth(1).unwrap();
    list.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// Every mapping with keys of its own in a schema, by its pointer.
fn mappings(schema: &Value) -> Vec<(String, &Value)> {
    fn collect<'a>(schema: &'a Value, pointer: &str, into: &mut Vec<(String, &'a Value)>) {
        if schema["additionalProperties"] == false {
            into.push((pointer.to_owned(), schema));
        }
        match schema {
            Value::Object(entries) => {
                for (key, value) in entries {
                    collect(value, &format!("{pointer}/{key}"), into);
                }
            }
            Value::Array(values) => {
                for (index, value) in values.iter().enumerate() {
                    collect(value, &format!("{pointer}/{index}"), into);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(schema, "#", &mut found);
    found
}

/// A validator for a part of a schema.
fn within(root: &Value, part: &Value) -> Validator {
    let mut part = part.as_object().cloned().unwrap_or_default();
    part.insert("$defs".to_owned(), root["$defs"].clone());
    jsonschema::validator_for(&Value::Object(part)).unwrap()
}

/// Where in a document the first value of each mapping of the schema stands.
#[expect(
    clippy::too_many_arguments,
    clippy::too_many_lines,
    reason = "a walk through schema and document side by side"
)]
fn find(
    root: &Value,
    schema: &Value,
    pointer: &str,
    value: &Value,
    place: &str,
    found: &mut BTreeMap<String, String>,
) {
    if let Some(target) = schema["$ref"].as_str() {
        let schema = root.pointer(target.trim_start_matches('#')).unwrap();
        return find(root, schema, target, value, place, found);
    }
    for choice in ["anyOf", "oneOf"] {
        for (index, branch) in schema[choice].as_array().into_iter().flatten().enumerate() {
            if within(root, branch).is_valid(value) {
                find(
                    root,
                    branch,
                    &format!("{pointer}/{choice}/{index}"),
                    value,
                    place,
                    found,
                );
            }
        }
    }
    let none = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    if let Some(entries) = value.as_object() {
        if schema["additionalProperties"] == false {
            found
                .entry(pointer.to_owned())
                .or_insert_with(|| place.to_owned());
        }
        for (key, value) in entries {
            let place = format!("{place}/{}", key.replace('~', "~0").replace('/', "~1"));
            if let Some(schema) = properties.get(key) {
                find(
                    root,
                    schema,
                    &format!("{pointer}/properties/{key}"),
                    value,
                    &place,
                    found,
                );
            } else if schema["additionalProperties"].is_object() {
                let pointer = format!("{pointer}/additionalProperties");
                find(
                    root,
                    &schema["additionalProperties"],
                    &pointer,
                    value,
                    &place,
                    found,
                );
            }
        }
    }
    for (index, value) in value.as_array().into_iter().flatten().enumerate() {
        if schema["items"].is_object() {
            let place = format!("{place}/{index}");
            find(
                root,
                &schema["items"],
                &format!("{pointer}/items"),
                value,
                &place,
                found,
            );
        }
    }
}

#[test]
fn the_schemas_that_lie_beside_the_policy_are_these() {
    for (arguments, file) in [
        ("schema", "jit-policy.schema.json"),
        ("schema --tests", "jit-policy-tests.schema.json"),
        ("schema --invariants", "jit-policy-invariants.schema.json"),
    ] {
        let (status, out, error) = read(jit(project(), arguments));
        assert_eq!(status, 0, "{error}");
        let kept = fs::read_to_string(project().join("policy").join(file)).unwrap_or_default();
        assert!(
            kept == out,
            "write it again: jit policy {arguments} > policy/{file}"
        );
    }
    let example = fs::read_to_string(project().join("policy/access.yaml")).unwrap();
    assert!(example.starts_with("# yaml-language-server: $schema=jit-policy.schema.json\n"));
}
