//! The schema of the rules.

use serde_json::{Value, json};

use super::{key, list, mapping, number, sequence, text, the, with, word};

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

pub(super) fn defs() -> Vec<(&'static str, Value)> {
    vec![
        ("rule", rule()),
        ("match", matching()),
        ("condition", condition()),
        ("require", require()),
        ("pattern", pattern()),
        ("limits", limits()),
        ("step", step()),
        ("inform", inform()),
        ("breakGlass", break_glass()),
    ]
}

fn rule() -> Value {
    let mut schema = mapping(
        "A rule: what it is about, what it requires, and who decides.",
        [
            key("name", text(), "Its name; people read it on the card.", json!("change staging")).required(),
            key("match", the("match"), "What the rule is about: everything that is written must hold; `{}` is about every ask.", json!({ "resources": ["staging-db"], "roles": ["readwrite"] })).required(),
            key("when", the("condition"), "A condition in CEL that must hold as well.", json!("request.duration <= duration('2h') && !now.weekend")),
            key("require", the("require"), "What an ask must bring along. It does not choose the rule: an ask without it is refused.", json!({ "max_duration": "2h" })),
            key("decision", word(&["review", "approve", "deny"]), "`review`: people decide, step by step; `approve`: at once, by itself; `deny`: no, whatever other rules say.", json!("review")).required(),
            key("message", text(), "What people are told where the rule denies.", json!("Contractors get no database access.")),
            key("limits", the("limits"), "What must hold for the rule to approve by itself; where it does not, the next rule is tried.", json!({ "uses": 3, "per": "7d" })),
            key("steps", sequence(the("step")), "Who is asked, one step after the other.", json!([{ "from": ["dba"], "count": 1 }])),
            key("inform", the("inform"), "Who is told of the outcome. They decide nothing.", json!({ "channels": ["#audit-feed"] })),
            key("channel", the("channel"), "Where its approval cards go.", json!("#dba-approvals")),
            key("break_glass", the("breakGlass"), "Who may do without an approval in an emergency, and who looks at it afterwards.", json!({ "who": ["engineers"], "max_duration": "1h" })),
        ],
    );
    let when = |decision: &str, then: Value| json!({ "if": { "properties": { "decision": { "const": decision } } }, "then": then });
    let without = |keys: &[&str]| -> Value {
        let properties = keys.iter().map(|key| ((*key).to_owned(), json!(false)));
        Value::Object(properties.collect())
    };
    let review = json!({ "required": ["steps"], "properties": without(&["limits", "message"]) });
    let approve = json!({ "properties": without(&["steps", "break_glass", "message"]) });
    let deny = json!({
        "required": ["message"],
        "properties": without(&["steps", "limits", "break_glass"]),
    });
    let all = [
        when("review", review),
        when("approve", approve),
        when("deny", deny),
    ];
    with(&mut schema, "allOf", json!(all));
    schema
}

fn matching() -> Value {
    mapping(
        "Which asks a rule is about. In a list one is enough; labels must all be there.",
        [
            key(
                "resources",
                list(text()),
                "Names of resources; `*` stands for anything.",
                json!(["staging-db", "legacy-*"]),
            ),
            key(
                "labels",
                json!({ "type": "object", "additionalProperties": text() }),
                "Labels of the resource.",
                json!({ "env": "staging" }),
            ),
            key("roles", list(text()), "Roles.", json!(["readonly"])),
            key(
                "sensitivity",
                list(text()),
                "How sensitive the resource is.",
                json!(["low", "medium"]),
            ),
            key(
                "requester_in",
                list(text()),
                "Groups, or names of `people`, of whoever is to hold the access.",
                json!(["engineers"]),
            ),
        ],
    )
}

fn condition() -> Value {
    json!({
        "type": "string",
        "pattern": "\\S",
        "maxLength": 4096,
        "description": "A condition in CEL over `request` (resource, role, duration, reason, ticket, \
            start, on_behalf, extension, break_glass), `requester` (email, name, groups, is_guest, \
            timezone), `resource` (name, labels, sensitivity, description), `now` (time, hour, \
            minute, weekday, date, weekend, holiday, local) and `history` (requests).",
        "examples": ["now.hour >= 8 && now.hour < 18", "'oncall' in requester.groups"],
    })
}

fn require() -> Value {
    filled(mapping(
        "What an ask must bring along.",
        [
            key(
                "reason",
                the("pattern"),
                "The form of the reason.",
                json!({ "pattern": ".", "message": "Please say why you need it." }),
            ),
            key(
                "ticket",
                the("pattern"),
                "A ticket that is found in the reason, recorded and shown.",
                json!({ "pattern": "INC-[0-9]+", "message": "Please name the incident." }),
            ),
            key(
                "durations",
                list(the("duration")),
                "The choices; nothing else may be asked for.",
                json!(["30m", "1h", "4h"]),
            ),
            key(
                "default_duration",
                the("duration"),
                "For how long, where nothing is said.",
                json!("1h"),
            ),
            key(
                "max_duration",
                max_duration(),
                "The longest access; one length for all roles, or one for each.",
                json!({ "readonly": "8h", "readwrite": "2h" }),
            ),
            key(
                "start",
                start(),
                "How far ahead the access may begin; without it only at once.",
                json!({ "earliest": "10m", "latest": "7d" }),
            ),
            key(
                "extend",
                extend(),
                "How an access may be prolonged. Without it: once, by at most max_duration, twice that in all.",
                json!({ "max": 1, "by": "2h", "total": "8h" }),
            ),
        ],
    ))
}

/// A mapping that says something.
fn filled(mut schema: Value) -> Value {
    with(&mut schema, "minProperties", json!(1));
    schema
}

fn max_duration() -> Value {
    let each = json!({
        "type": "object",
        "minProperties": 1,
        "additionalProperties": the("duration"),
    });
    json!({ "anyOf": [the("duration"), each] })
}

fn start() -> Value {
    filled(mapping(
        "How far ahead a start may lie.",
        [
            key(
                "earliest",
                the("duration"),
                "At least so far.",
                json!("10m"),
            ),
            key("latest", the("duration"), "At most so far.", json!("7d")),
        ],
    ))
}

fn extend() -> Value {
    filled(mapping(
        "How an access may be prolonged.",
        [
            key("max", number(0), "How often; 0 forbids it.", json!(1)),
            key(
                "by",
                the("duration"),
                "By how much each time, at most.",
                json!("2h"),
            ),
            key(
                "total",
                the("duration"),
                "The whole time, at most.",
                json!("8h"),
            ),
        ],
    ))
}

fn pattern() -> Value {
    let both = mapping(
        "A regular expression and what people are told.",
        [
            key(
                "pattern",
                text(),
                "A regular expression; `.` is any reason.",
                json!("INC-[0-9]+"),
            )
            .required(),
            key(
                "message",
                text(),
                "What people are told where nothing fits.",
                json!("Please name the incident."),
            ),
        ],
    );
    json!({
        "description": "A regular expression, alone or with a message.",
        "anyOf": [text(), both],
    })
}

fn limits() -> Value {
    let mut schema = filled(mapping(
        "What must hold for a rule to approve by itself.",
        [
            key(
                "uses",
                number(1),
                "How often for each person, in the time that `per` says.",
                json!(3),
            ),
            key(
                "per",
                the("duration"),
                "The time that `uses` is counted in.",
                json!("7d"),
            ),
            key(
                "hours",
                the("hours"),
                "The hours of the day.",
                json!("08:00-18:00"),
            ),
            key(
                "weekdays",
                list(word(&WEEKDAYS)),
                "The days of the week.",
                json!(["mon", "tue", "wed", "thu", "fri"]),
            ),
            key(
                "on_call",
                list(text()),
                "Groups of which the person must be in one.",
                json!(["oncall"]),
            ),
        ],
    ));
    with(
        &mut schema,
        "dependentRequired",
        json!({ "uses": ["per"], "per": ["uses"] }),
    );
    schema
}

#[expect(
    clippy::too_many_lines,
    reason = "one list of keys, each with its meaning and an example"
)]
fn step() -> Value {
    let escalate = mapping(
        "Who may decide as well when it takes too long.",
        [
            key(
                "after",
                the("duration"),
                "How long after the step was asked.",
                json!("1h"),
            )
            .required(),
            key(
                "to",
                list(the("group")),
                "Who may decide from then on, besides the others.",
                json!(["leads"]),
            )
            .required(),
        ],
    );
    let quiet = mapping(
        "Hours in which others stand in, on the clock of the policy; and in which nobody is called for on whose own clock they are.",
        [
            key(
                "hours",
                the("hours"),
                "The hours of the day.",
                json!("22:00-07:00"),
            )
            .required(),
            key(
                "fallback",
                list(the("group")),
                "Who may decide in them as well, and is mentioned instead.",
                json!(["oncall"]),
            )
            .required(),
        ],
    );
    mapping(
        "One step of a review.",
        [
            key(
                "from",
                list(the("group")),
                "Who may approve.",
                json!(["dba", "leads"]),
            )
            .required(),
            key(
                "count",
                number(1),
                "How many of them; 1 where it is left out.",
                json!(2),
            ),
            key(
                "mode",
                word(&["any", "all"]),
                "`any`: count people out of all groups together; `all`: count people out of each.",
                json!("any"),
            ),
            key(
                "when",
                the("condition"),
                "A condition in CEL; where it does not hold, the step is left out.",
                json!("request.duration > duration('2h')"),
            ),
            key(
                "ping",
                list(the("group")),
                "Who is mentioned; everybody in `from` where it is left out.",
                json!(["dba-leads"]),
            ),
            key(
                "nudge",
                the("duration"),
                "How often they are reminded while nobody decides.",
                json!("15m"),
            ),
            key(
                "escalate",
                escalate,
                "Who may decide as well when it takes too long.",
                json!({ "after": "1h", "to": ["leads"] }),
            ),
            key(
                "quiet",
                quiet,
                "Hours in which others stand in, on the clock of the policy; and in which nobody is called for on whose own clock they are.",
                json!({ "hours": "22:00-07:00", "fallback": ["oncall"] }),
            ),
        ],
    )
}

fn inform() -> Value {
    filled(mapping(
        "Who is told of the outcome.",
        [
            key(
                "people",
                list(the("group")),
                "Groups or people who get a direct message.",
                json!(["leads"]),
            ),
            key(
                "channels",
                list(the("channel")),
                "Channels.",
                json!(["#audit-feed"]),
            ),
        ],
    ))
}

fn break_glass() -> Value {
    mapping(
        "An emergency: the access is given at once, everybody who was skipped is told, and somebody \
         must look at it afterwards.",
        [
            key(
                "who",
                list(text()),
                "Who may do that: groups or names of `people`.",
                json!(["engineers"]),
            )
            .required(),
            key(
                "max_duration",
                the("duration"),
                "The longest access in an emergency.",
                json!("1h"),
            )
            .required(),
            key(
                "review_within",
                the("duration"),
                "How soon somebody must look at it.",
                json!("24h"),
            ),
            key(
                "review_by",
                list(the("group")),
                "Who may look at it; the groups of the steps where it is left out.",
                json!(["leads"]),
            ),
        ],
    )
}
