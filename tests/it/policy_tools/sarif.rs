//! SARIF, held against what its specification demands.
//!
//! The whole schema is longer than all of ours and belongs to others, so what is here is written
//! from the specification (OASIS, version 2.1.0), for the objects that we write and no other: a
//! property that is not in it is a fault, even where the specification has one of that name.

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::{Folder, json, wrong};

/// An object of these properties and no others.
fn object(properties: &[(&str, Value)], required: &[&str]) -> Value {
    let properties: Map<String, Value> = (properties.iter())
        .map(|(name, schema)| ((*name).to_owned(), schema.clone()))
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn list(of: &str) -> Value {
    json!({ "type": "array", "items": the(of) })
}

fn the(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn text() -> Value {
    json!({ "type": "string", "minLength": 1 })
}

fn number(least: u32) -> Value {
    json!({ "type": "integer", "minimum": least })
}

/// The clauses of the specification in the order of its chapter 3; a number is the one of the
/// clause.
fn schema() -> Value {
    let defs = json!({
        // 3.4
        "artifactLocation": object(&[("uri", json!({ "type": "string", "format": "uri-reference" }))], &["uri"]),
        // 3.11
        "message": object(&[("text", text())], &["text"]),
        // 3.14
        "run": object(
            &[
                ("tool", the("tool")),
                ("columnKind", json!({ "enum": ["utf16CodeUnits", "unicodeCodePoints"] })),
                ("results", list("result")),
            ],
            &["tool", "results"],
        ),
        // 3.18
        "tool": object(&[("driver", the("driver"))], &["driver"]),
        // 3.19; a name that is no text for people would do for the specification
        "driver": object(
            &[
                ("name", text()),
                ("semanticVersion", json!({ "type": "string", "pattern": r"^\d+\.\d+\.\d+" })),
                ("rules", json!({ "type": "array", "uniqueItems": true, "items": the("rule") })),
            ],
            &["name"],
        ),
        // 3.27
        "result": object(
            &[
                ("ruleId", text()),
                ("ruleIndex", number(0)),
                ("level", json!({ "enum": ["none", "note", "warning", "error"] })),
                ("message", the("message")),
                ("locations", list("location")),
                ("relatedLocations", json!({ "type": "array", "uniqueItems": true, "items": the("location") })),
            ],
            &["message"],
        ),
        // 3.28
        "location": object(&[("physicalLocation", the("physicalLocation")), ("message", the("message"))], &[]),
        // 3.29
        "physicalLocation": object(
            &[("artifactLocation", the("artifactLocation")), ("region", the("region"))],
            &["artifactLocation"],
        ),
        // 3.30: lines and columns are counted from 1
        "region": object(
            &[("startLine", number(1)), ("startColumn", number(1)), ("endColumn", number(1))],
            &["startLine"],
        ),
        // 3.49
        "rule": object(
            &[("id", text()), ("shortDescription", the("message")), ("help", the("message"))],
            &["id"],
        ),
    });
    // 3.13
    let mut schema = object(
        &[
            ("$schema", json!({ "type": "string", "format": "uri" })),
            ("version", json!({ "const": "2.1.0" })),
            ("runs", list("run")),
        ],
        &["version", "runs"],
    );
    schema["$defs"] = defs;
    schema
}

fn validator() -> Validator {
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&schema()).unwrap()
}

fn faults(validator: &Validator, log: &Value) -> Vec<String> {
    let errors = validator.iter_errors(log);
    errors
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect()
}

#[test]
fn sarif_is_what_the_specification_demands() {
    let twice = wrong().replace("  leads: {", "  leads: { members: [dana] }\n  leads: {");
    let folder = Folder::with(&[("access.yaml", &twice), ("ü b.yaml", "rulez: []\n")]);
    let log = json(&folder.run("check --format sarif").1);
    let validator = validator();
    assert_eq!(faults(&validator, &log), Vec::<String>::new(), "{log:#}");

    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    let related = |result: &&Value| !result["relatedLocations"].as_array().unwrap().is_empty();
    assert!(results.iter().any(|result| related(&result)), "{log:#}");
    let uris = results.iter().map(|result| {
        let place = &result["locations"][0]["physicalLocation"]["artifactLocation"];
        place["uri"].as_str().unwrap()
    });
    assert!(
        uris.into_iter().any(|uri| uri == "policy/%C3%BC%20b.yaml"),
        "{log:#}"
    );
    // 3.27.6: the index leads to the rule of that id.
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(
            run["tool"]["driver"]["rules"][index]["id"],
            result["ruleId"]
        );
    }
}

#[test]
fn without_faults_it_is_a_log_with_no_result() {
    let folder = Folder::with(&[("access.yaml", super::POLICY)]);
    let log = json(&folder.run("check --format sarif").1);
    assert_eq!(faults(&validator(), &log), Vec::<String>::new(), "{log:#}");
}

#[test]
fn what_breaks_the_specification_is_seen() {
    let folder = Folder::with(&[("access.yaml", &wrong())]);
    let sound = json(&folder.run("check --format sarif").1);
    let validator = validator();
    let result = "/runs/0/results/0";
    let region = format!("{result}/locations/0/physicalLocation/region");
    for (place, value) in [
        ("/version".to_owned(), json!("2.1")),
        (format!("{result}/level"), json!("fault")),
        (format!("{result}/ruleIndex"), Value::Null),
        (format!("{result}/message"), json!("plain")),
        (format!("{region}/startLine"), json!(0)),
        (format!("{region}/startColumn"), json!("1")),
        ("/runs/0/columnKind".to_owned(), json!("bytes")),
        ("/runs/0/tool/driver/name".to_owned(), json!("")),
    ] {
        let mut log = sound.clone();
        *log.pointer_mut(&place).unwrap() = value;
        assert_eq!(faults(&validator, &log).len(), 1, "{place}");
    }
}
