//! The schema of a file with invariants of a policy.

use serde_json::{Value, json};

use super::{document, forms, key, list, mapping, number, sequence, text, the, with, word};

/// The schema of a file of invariants (`*_assert.yaml`).
pub fn invariants() -> Value {
    let mut defs = forms::defs();
    defs.extend([
        ("invariant", invariant()),
        ("demand", demand()),
        ("certain", certain()),
    ]);
    let title = "Invariants of a policy of jitbot";
    document(title, "policy-invariants", root(), defs)
}

fn root() -> Value {
    let either = json!({ "anyOf": [sentence(), the("invariant")] });
    let example = json!(["never automatic where labels.env == 'prod'"]);
    mapping(
        "What must hold for every possible request.",
        [key("invariants", sequence(either), "The invariants.", example).required()],
    )
}

fn sentence() -> Value {
    json!({
        "type": "string",
        "pattern": "^\\s*(?:never|always)\\s",
        "description": "`never WHAT where CONDITION` or `always WHAT where CONDITION`; without `where` \
                        it is about every request.",
        "examples": [
            "never automatic where labels.env == 'prod'",
            "always two people where sensitivity == 'high'",
        ],
    })
}

fn invariant() -> Value {
    let never = word(&[
        "automatic",
        "allowed",
        "break-glass",
        "break glass",
        "break_glass",
        "on behalf",
        "on-behalf",
        "on_behalf",
    ]);
    let mut schema = mapping(
        "An invariant: what never happens, or what always holds.",
        [
            key(
                "name",
                text(),
                "What must hold, in words, for the report.",
                json!("high sensitivity always has two people"),
            )
            .required(),
            key("never", never, "What never happens.", json!("automatic")),
            key(
                "always",
                json!({ "anyOf": [the("demand"), the("certain")] }),
                "What always holds of whatever is allowed, in words or as a mapping with one key.",
                json!({ "people": 2 }),
            ),
            key(
                "where",
                text(),
                "Of which requests: a condition in CEL over the same variables as in rules.",
                json!("resource.sensitivity == 'high'"),
            ),
        ],
    );
    let either = json!([{ "required": ["never"] }, { "required": ["always"] }]);
    with(&mut schema, "oneOf", either);
    schema
}

fn demand() -> Value {
    json!({
        "type": "string",
        "pattern": "\\S",
        "description": "What always holds, in words: two people, a reason, a ticket, at most 4h, asked by \
                        GROUP or GROUP, approved by GROUP or GROUP.",
        "examples": ["two people", "a ticket", "at most 4h", "approved by dba or leads"],
    })
}

fn certain() -> Value {
    let only_true = || json!({ "const": true });
    let mut schema = mapping(
        "What always holds: exactly one of these.",
        [
            key(
                "people",
                number(1),
                "At least so many different people approve.",
                json!(2),
            ),
            key("reason", only_true(), "A reason is given.", json!(true)),
            key("ticket", only_true(), "A ticket is named.", json!(true)),
            key(
                "max_duration",
                the("duration"),
                "It lasts no longer, extensions included.",
                json!("4h"),
            ),
            key(
                "requester_in",
                list(the("group")),
                "Whoever asks is in one of these groups.",
                json!(["platform"]),
            ),
            key(
                "approvers_in",
                list(the("group")),
                "Whoever approves is in one of these groups, a `fallback` included.",
                json!(["dba", "leads"]),
            ),
        ],
    );
    with(&mut schema, "minProperties", json!(1));
    with(&mut schema, "maxProperties", json!(1));
    schema
}
