//! The JSON Schemas (2020-12) of the policy file, of its tests and of its invariants: what editors
//! complete and check by. Every key is said here once, with what it means and an example. Tests hold it against the
//! readers: what they accept is valid here, and their lists of known keys are the ones here.
//!
//! A schema sees one value at a time. What refers to other places (unknown groups, rules that are
//! never reached) is found by `jit policy check` alone.

mod digests;
mod file;
mod forms;
mod invariants;
mod rules;
mod suite;

use serde_json::{Map, Value, json};

pub use file::policy;
pub use invariants::invariants;
pub use suite::tests;

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A key of a mapping.
struct Key {
    name: &'static str,
    schema: Value,
    required: bool,
}

/// A key that may be left out: what it holds, what it means, and an example of its value.
#[expect(
    clippy::needless_pass_by_value,
    reason = "schemas are put together by handing their parts over"
)]
fn key(name: &'static str, schema: Value, meaning: &str, example: Value) -> Key {
    let mut schema = schema;
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), json!(meaning));
        schema.insert("examples".to_owned(), json!([example]));
    }
    Key {
        name,
        schema,
        required: false,
    }
}

impl Key {
    fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

/// A mapping with these keys and no others.
#[expect(
    clippy::needless_pass_by_value,
    reason = "schemas are put together by handing their parts over"
)]
fn mapping<const N: usize>(meaning: &str, keys: [Key; N]) -> Value {
    let required: Vec<&str> = (keys.iter().filter(|key| key.required))
        .map(|key| key.name)
        .collect();
    let properties: Map<String, Value> = (keys.iter())
        .map(|key| (key.name.to_owned(), key.schema.clone()))
        .collect();
    let mut schema = json!({
        "type": "object",
        "description": meaning,
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        with(&mut schema, "required", json!(required));
    }
    schema
}

fn with(schema: &mut Value, key: &str, value: Value) {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert(key.to_owned(), value);
    }
}

/// What is said under `$defs`.
fn the(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// A list of different values, at least one.
#[expect(
    clippy::needless_pass_by_value,
    reason = "schemas are put together by handing their parts over"
)]
fn list(of: Value) -> Value {
    json!({ "type": "array", "items": of, "minItems": 1, "uniqueItems": true })
}

/// A list in which a value may stand twice.
#[expect(
    clippy::needless_pass_by_value,
    reason = "schemas are put together by handing their parts over"
)]
fn sequence(of: Value) -> Value {
    json!({ "type": "array", "items": of, "minItems": 1 })
}

/// Text that is not blank.
fn text() -> Value {
    json!({ "type": "string", "pattern": "\\S" })
}

fn number(least: u32) -> Value {
    json!({ "type": "integer", "minimum": least })
}

fn truth() -> Value {
    json!({ "type": "boolean" })
}

/// One of some words.
fn word(words: &[&str]) -> Value {
    json!({ "type": "string", "enum": words })
}

/// A mapping from names that people give to values of one kind.
#[expect(
    clippy::needless_pass_by_value,
    reason = "schemas are put together by handing their parts over"
)]
fn named(of: Value) -> Value {
    json!({
        "type": "object",
        "propertyNames": the("name"),
        "additionalProperties": of,
    })
}

/// A mapping from any text to text.
fn pairs() -> Value {
    json!({ "type": "object", "additionalProperties": text() })
}

/// A whole schema.
fn document(title: &str, id: &str, root: Value, defs: Vec<(&str, Value)>) -> Value {
    let mut schema = root;
    with(&mut schema, "$schema", json!(DRAFT));
    with(&mut schema, "$id", json!(format!("urn:jitbot:{id}")));
    with(&mut schema, "title", json!(title));
    let defs: Map<String, Value> = (defs.into_iter())
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect();
    with(&mut schema, "$defs", Value::Object(defs));
    schema
}
