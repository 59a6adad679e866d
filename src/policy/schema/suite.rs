//! The schema of a file with tests of a policy.

use serde_json::{Value, json};

use super::super::condition::OUTCOMES;
use super::super::suite::VERDICTS;
use super::{document, forms, key, list, mapping, number, sequence, text, the, truth, with, word};
use crate::domain::PastGrant;

/// The schema of a test file (`*_test.yaml`).
pub fn tests() -> Value {
    let mut defs = forms::defs();
    defs.extend([
        ("case", case()),
        ("moment", moment()),
        ("ask", ask()),
        ("past", past()),
        ("expect", expect()),
        ("expectStep", step()),
    ]);
    document("Tests of a policy of jitbot", "policy-tests", root(), defs)
}

fn root() -> Value {
    let case = json!([{
        "name": "DBA cannot approve their own write",
        "who": "dana",
        "ask": "staging-db readwrite 1h INC-1 fix",
        "expect": { "verdict": "review" },
    }]);
    mapping(
        "Cases: asks, each with what the policy should answer.",
        [key("cases", sequence(the("case")), "The cases.", case).required()],
    )
}

#[expect(
    clippy::too_many_lines,
    reason = "one list of keys, each with its meaning and an example"
)]
fn case() -> Value {
    let people = json!({
        "type": "object",
        "additionalProperties": { "type": "array", "items": the("somebody") },
    });
    mapping(
        "An ask, and what the policy should answer.",
        [
            key(
                "name",
                text(),
                "What holds, in a sentence.",
                json!("DBA cannot approve their own write"),
            )
            .required(),
            key(
                "now",
                the("moment"),
                "When it is asked; Monday 2027-03-01 at noon in the policy's zone where it is left out.",
                json!("mon 22:30"),
            ),
            key(
                "people",
                people,
                "Who is in groups with a source of their own, in this case; `manager` is the holder's manager. A group that is not named holds nobody who asks, and whoever may approve from it is not known.",
                json!({ "oncall": ["bob@acme.example"] }),
            ),
            key(
                "unreadable",
                list(text()),
                "Such groups of which nobody can say who is in them.",
                json!(["oncall"]),
            ),
            key("who", the("somebody"), "Who asks.", json!("dana")).required(),
            key(
                "guest",
                truth(),
                "Whether they are a guest of the workspace.",
                json!(true),
            ),
            key(
                "timezone",
                the("timezone"),
                "The time zone of whoever is to hold the access.",
                json!("America/New_York"),
            ),
            key(
                "for",
                the("somebody"),
                "Who is to hold the access, where that is somebody else.",
                json!("erin@acme.example"),
            ),
            key(
                "ask",
                the("ask"),
                "What is asked for, a resource or a bundle, as typed after `/jit request`, or by its parts.",
                json!("staging-db readwrite 1h INC-1 fix"),
            )
            .required(),
            key(
                "history",
                sequence(the("past")),
                "The holder's earlier requests.",
                json!([{ "resource": "staging-db", "ago": "2h" }]),
            ),
            key(
                "extends",
                chain(),
                "That the ask prolongs an access.",
                json!({ "held": "1h", "left": "10m" }),
            ),
            key(
                "expect",
                the("expect"),
                "What the policy should answer. What is left out may be anything.",
                json!({ "verdict": "review" }),
            )
            .required(),
        ],
    )
}

fn moment() -> Value {
    json!({
        "type": "string",
        "pattern": "^\\s*(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]+(?:Z|[+-][0-9:]+)?)?|(?:[A-Za-z]+ +)?[0-9]{1,2}:[0-9]{2}|in .+)\\s*$",
        "description": "A moment: with its zone, or as clocks show it in the policy's zone.",
        "examples": ["2027-03-01T12:00:00Z", "2027-03-01 12:00", "mon 22:30", "22:30", "in 2h"],
    })
}

fn ask() -> Value {
    let parts = mapping(
        "What is asked for, by its parts.",
        [
            key(
                "resource",
                text(),
                "The resource, or a bundle.",
                json!("staging-db"),
            )
            .required(),
            key("role", text(), "The role.", json!("readwrite")),
            key("duration", the("duration"), "For how long.", json!("1h")),
            key("reason", text(), "Why.", json!("INC-1 fix")),
            key(
                "start",
                the("moment"),
                "When it is to begin.",
                json!("22:00"),
            ),
            key(
                "break_glass",
                truth(),
                "Whether it is a break-glass request.",
                json!(true),
            ),
        ],
    );
    json!({
        "description": "`RESOURCE [ROLE] [DURATION] [--break-glass] [reason…]`, or a mapping.",
        "anyOf": [text(), parts],
    })
}

fn past() -> Value {
    mapping(
        "An earlier request.",
        [
            key("resource", text(), "On what.", json!("staging-db")).required(),
            key(
                "role",
                text(),
                "In which role; the resource's default one where it is left out.",
                json!("readonly"),
            ),
            key("rule", text(), "By which rule.", json!("read staging")),
            key(
                "outcome",
                word(&OUTCOMES),
                "What became of it; `approved` where it is left out.",
                json!("approved"),
            ),
            key(
                "automatic",
                truth(),
                "Whether its rule approved by itself.",
                json!(true),
            ),
            key(
                "break_glass",
                truth(),
                "Whether it was a break-glass request.",
                json!(false),
            ),
            key(
                "ago",
                the("duration"),
                "How long before `now` it was asked.",
                json!("2h"),
            )
            .required(),
            key(
                "duration",
                the("duration"),
                "For how long; 1h where it is left out.",
                json!("1h"),
            ),
            key(
                "grant",
                word(&PastGrant::WORDS),
                "What became of the access: `active` until it is gone. Where it is left out: `none`, or of an approved one `active` until its `duration` is over, then `ended`.",
                json!("ended"),
            ),
            key(
                "granted",
                the("duration"),
                "For how long it was given; `duration` where it is left out.",
                json!("30m"),
            ),
        ],
    )
}

fn chain() -> Value {
    mapping(
        "The access that the ask would prolong.",
        [
            key(
                "held",
                the("duration"),
                "For how long it is held already.",
                json!("1h"),
            )
            .required(),
            key(
                "left",
                the("duration"),
                "How much of it is left.",
                json!("10m"),
            )
            .required(),
            key(
                "extensions",
                number(0),
                "How often it was prolonged before.",
                json!(1),
            ),
        ],
    )
}

#[expect(
    clippy::too_many_lines,
    reason = "one list of keys, each with its meaning and an example"
)]
fn expect() -> Value {
    let mut schema = mapping(
        "What the policy should answer.",
        [
            key(
                "verdict",
                word(&VERDICTS),
                "`review`: people decide; `approved`: by itself; `denied`: a rule says no; `refused`: anything else that stands in the way; `break-glass`.",
                json!("review"),
            ),
            key(
                "rule",
                text(),
                "The rule that decides.",
                json!("change staging"),
            ),
            key(
                "steps",
                json!({ "type": "array", "items": the("expectStep") }),
                "The steps, all of them.",
                json!([{ "from": ["dba", "leads"], "count": 2 }]),
            ),
            key(
                "duration",
                the("duration"),
                "For how long the access would be given.",
                json!("1h"),
            ),
            key(
                "message",
                text(),
                "What the refusal says, or a part of it.",
                json!("Please name it"),
            ),
            key(
                "channel",
                text(),
                "Where the card goes.",
                json!("#dba-approvals"),
            ),
            key(
                "why",
                text(),
                "Why the rule approves by itself, or a part of it.",
                json!("on call"),
            ),
            key(
                "ticket",
                text(),
                "The ticket that is found in the reason.",
                json!("INC-1"),
            ),
            key(
                "review_by",
                list(text()),
                "Who looks at a break-glass access afterwards, in any order.",
                json!(["leads"]),
            ),
            key(
                "parts",
                json!({ "type": "object", "additionalProperties": the("expect") }),
                "Of a bundle: what is expected of its parts, by their resources; where one resource is there with several roles, by both.",
                json!({ "staging-db": { "verdict": "review" } }),
            ),
        ],
    );
    with(&mut schema, "minProperties", json!(1));
    schema
}

fn step() -> Value {
    mapping(
        "What a step should be.",
        [
            key(
                "from",
                list(text()),
                "Its groups, in any order.",
                json!(["dba", "leads"]),
            ),
            key("count", number(1), "How many people.", json!(2)),
            key(
                "mode",
                word(&["any", "all"]),
                "How they are counted.",
                json!("any"),
            ),
            key(
                "eligible",
                list(the("somebody")),
                "People who may approve; there may be others.",
                json!(["bob@acme.example"]),
            ),
            key(
                "not_eligible",
                list(the("somebody")),
                "People who may not. Say under `people` who is in a group that is read elsewhere.",
                json!(["dana"]),
            ),
        ],
    )
}
