//! The schema of the digests.

use serde_json::{Value, json};

use super::{key, list, mapping, pairs, text, the, with};

pub(super) fn defs() -> Vec<(&'static str, Value)> {
    vec![("digest", digest())]
}

fn digest() -> Value {
    mapping(
        "What stands and what happened, told by schedule.",
        [
            key(
                "name",
                text(),
                "Its name, which readers see. What was sent is remembered by it.",
                json!("the leads' morning"),
            )
            .required(),
            key(
                "schedule",
                schedule(),
                "When it is sent, as cron writes it: minute, hour, day of the month, month, weekday by its name or by its number, 0 and 7 are Sunday. Once an hour at the most.",
                json!("0 9 * * mon-fri"),
            )
            .required(),
            key(
                "timezone",
                the("timezone"),
                "The zone of its schedule. Left out, each reader's own zone counts, and for a channel the policy's.",
                json!("Europe/Berlin"),
            ),
            key("to", to(), "Who is told.", json!({ "people": ["leads"] })).required(),
            key(
                "about",
                about(),
                "The resources that it is about; `{}` is about every one. Left out, each reader is told of what they own, and admins of everything; a channel needs it.",
                json!({ "labels": { "team": "payments" } }),
            ),
            key(
                "ahead",
                the("duration"),
                "How far it looks ahead at what ends; until the next one where it is left out.",
                json!("24h"),
            ),
        ],
    )
}

/// Five fields: what each may hold is for the reader to say.
fn schedule() -> Value {
    json!({ "type": "string", "pattern": "^\\s*\\S+(?:\\s+\\S+){4}\\s*$" })
}

fn to() -> Value {
    let mut schema = mapping(
        "People or a channel.",
        [
            key(
                "people",
                list(text()),
                "Groups, or names of `people`; each gets a direct message.",
                json!(["leads"]),
            ),
            key(
                "channel",
                the("channel"),
                "The channel that it goes to.",
                json!("#payments"),
            ),
        ],
    );
    let one = ["people", "channel"].map(|key| json!({ "required": [key] }));
    with(&mut schema, "oneOf", json!(one));
    schema
}

fn about() -> Value {
    mapping(
        "Which resources it is about: everything that is written must hold.",
        [
            key(
                "resources",
                list(text()),
                "Names of resources; `*` stands for anything.",
                json!(["orders-db", "legacy-*"]),
            ),
            key(
                "labels",
                pairs(),
                "Labels of the resource.",
                json!({ "team": "payments" }),
            ),
            key(
                "sensitivity",
                list(text()),
                "How sensitive the resource is.",
                json!(["high"]),
            ),
        ],
    )
}
