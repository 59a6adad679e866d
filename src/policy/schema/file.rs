//! The schema of a policy file, but for its rules.

use serde_json::{Value, json};

use super::{
    digests, document, forms, key, list, mapping, named, pairs, rules, sequence, text, the, with,
    word,
};

/// The schema of a policy file.
pub fn policy() -> Value {
    let mut defs = forms::defs();
    defs.extend([
        ("defaults", defaults()),
        ("person", person()),
        ("peopleGroup", people_group()),
        ("connector", connector()),
        ("secret", secret()),
        ("resource", resource()),
        ("bundle", bundle()),
    ]);
    defs.extend(rules::defs());
    defs.extend(digests::defs());
    document("A policy of jitbot", "policy", root(), defs)
}

#[expect(
    clippy::too_many_lines,
    reason = "one list of keys, each with its meaning and an example"
)]
fn root() -> Value {
    mapping(
        "Who may ask for what, and who decides. A policy may be spread over several files of one \
         folder; together they say its version.",
        [
            key(
                "version",
                json!({ "const": 1 }),
                "The version of this format.",
                json!(1),
            ),
            key(
                "defaults",
                the("defaults"),
                "What holds where a rule or a resource says nothing else.",
                json!({ "max_duration": "8h", "channel": "#access-requests" }),
            ),
            key(
                "people",
                named(the("person")),
                "One entry for each human who is known by more than one name. Whoever has a single \
                 e-mail needs none.",
                json!({ "dana": { "emails": ["dana@acme.example", "dana.old@acme.example"] } }),
            ),
            key(
                "groups",
                groups(),
                "Groups of people. No group is called `owner` or `manager`: these words have a \
                 meaning of their own.",
                json!({ "dba": { "members": ["dana", "bob@acme.example"] } }),
            ),
            key(
                "connectors",
                named(the("connector")),
                "The ways to the targets. Secrets never stand here, only where they are kept.",
                json!({ "staging": { "kind": "postgres", "mode": "login", "url": { "env": "STAGING_URL" } } }),
            ),
            key(
                "resources",
                named(the("resource")),
                "What people may ask access to.",
                json!({ "staging-db": { "connector": "staging", "roles": { "readonly": "app_ro" } } }),
            ),
            key(
                "bundles",
                named(the("bundle")),
                "Several accesses that are asked for in one request.",
                json!({ "oncall-kit": { "access": [{ "resource": "staging-db" }] } }),
            ),
            key(
                "rules",
                sequence_or_empty(&the("rule")),
                "Any rule that denies wins, wherever it stands; then the first other rule that \
                 matches decides; what no rule allows is refused.",
                json!([{
                    "name": "read staging",
                    "match": { "resources": ["staging-db"] },
                    "decision": "review",
                    "steps": [{ "from": ["dba"] }],
                }]),
            ),
            key(
                "digests",
                sequence_or_empty(&the("digest")),
                "What stands and what happened, told to people or a channel by schedule.",
                json!([{
                    "name": "the leads' morning",
                    "schedule": "0 9 * * mon-fri",
                    "to": { "people": ["leads"] },
                }]),
            ),
        ],
    )
}

fn sequence_or_empty(of: &Value) -> Value {
    json!({ "type": "array", "items": of })
}

fn groups() -> Value {
    let mut groups = named(the("peopleGroup"));
    let names = json!({ "allOf": [the("name"), { "not": { "enum": ["owner", "manager"] } }] });
    with(&mut groups, "propertyNames", names);
    groups
}

#[expect(
    clippy::too_many_lines,
    reason = "one list of keys, each with its meaning and an example"
)]
fn defaults() -> Value {
    mapping(
        "What holds where a rule or a resource says nothing else.",
        [
            key(
                "timezone",
                the("timezone"),
                "The time zone of hours, days and `now`; UTC where it is left out.",
                json!("Europe/Berlin"),
            ),
            key(
                "holidays",
                list(
                    json!({ "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" }),
                ),
                "Days on which conditions see `now.holiday`.",
                json!(["2026-12-25", "2026-12-26"]),
            ),
            key(
                "request_ttl",
                the("duration"),
                "How long an unanswered request waits before it expires; 8h where it is left out.",
                json!("8h"),
            ),
            key(
                "remind_before",
                the("duration"),
                "How long before the end the holder is reminded; 15m where it is left out.",
                json!("15m"),
            ),
            key(
                "max_duration",
                the("duration"),
                "The longest access where a rule sets no limit of its own; 8h where it is left out.",
                json!("8h"),
            ),
            key(
                "start_within",
                the("duration"),
                "How long after its time an approved start may still begin, and how long a failed grant may be tried again; 1h where it is left out.",
                json!("1h"),
            ),
            key(
                "channel",
                the("channel"),
                "Where approval cards go.",
                json!("#access-requests"),
            ),
            key(
                "fallback_channel",
                the("channel"),
                "What is told when a card cannot be posted where it belongs.",
                json!("#access-fallback"),
            ),
            key(
                "admins",
                list(the("group")),
                "The groups that may revoke every access and hear of trouble.",
                json!(["platform"]),
            ),
            key(
                "auditors",
                list(the("group")),
                "The groups that may read what others have asked for, with `/jit history`. That they did is on record. They decide nothing.",
                json!(["audit"]),
            ),
            key(
                "admin_channel",
                the("channel"),
                "The channel that is told of trouble, such as a policy that could not be loaded.",
                json!("#jit-admins"),
            ),
            key(
                "manager_field",
                json!({ "type": "string", "pattern": "^Xf[A-Z0-9]{2,}$" }),
                "The custom field of Slack profiles that names somebody's manager.",
                json!("Xf0123ABCD"),
            ),
        ],
    )
}

fn person() -> Value {
    let mut schema = mapping(
        "One human and everything they are called: they cannot approve their own request under \
         any of these names, and are counted once.",
        [
            key(
                "emails",
                list(the("email")),
                "Their e-mail addresses; the first is the one that targets are told.",
                json!(["dana@acme.example"]),
            ),
            key(
                "slack",
                list(the("slackUser")),
                "Their Slack user ids.",
                json!(["U0123ABCD"]),
            ),
            key(
                "logins",
                pairs(),
                "What connectors call them, by the name of the connector.",
                json!({ "legacy": "dana_db" }),
            ),
            key(
                "manager",
                the("somebody"),
                "Their manager: an e-mail, a Slack user id, or a name of `people`.",
                json!("lee@acme.example"),
            ),
        ],
    );
    with(
        &mut schema,
        "anyOf",
        json!([{ "required": ["emails"] }, { "required": ["slack"] }]),
    );
    schema
}

fn people_group() -> Value {
    let mut schema = mapping(
        "A group of people, from exactly one source.",
        [
            key(
                "members",
                list(the("somebody")),
                "Its people.",
                json!(["dana", "erin@acme.example", "U0123ABCD"]),
            ),
            key(
                "slack_usergroup",
                json!({ "type": "string", "pattern": "^S[A-Z0-9]{2,}$" }),
                "The id of a Slack user group, read when it matters.",
                json!("S0123ABCD"),
            ),
            key(
                "pagerduty",
                pagerduty(),
                "Whoever a PagerDuty schedule has on call just then.",
                json!({ "schedule": "PABC123", "token": { "env": "PAGERDUTY_TOKEN" } }),
            ),
            key(
                "webhook",
                webhook_source(),
                "A system of yours that is asked by a signed webhook.",
                json!({ "url": "https://people.acme.example/group", "secret": { "env": "PEOPLE_SECRET" } }),
            ),
            key(
                "fallback",
                the("group"),
                "The group whose people decide where the source names nobody or is down. It never stands in for whoever asks.",
                json!("sre"),
            ),
        ],
    );
    let sources = ["members", "slack_usergroup", "pagerduty", "webhook"];
    let one = sources.map(|source| json!({ "required": [source] }));
    with(&mut schema, "oneOf", json!(one));
    with(
        &mut schema,
        "not",
        json!({ "required": ["members", "fallback"] }),
    );
    schema
}

fn pagerduty() -> Value {
    mapping(
        "A schedule of PagerDuty.",
        [
            key(
                "schedule",
                json!({ "type": "string", "pattern": "^[A-Za-z0-9]{4,20}$" }),
                "The schedule's id, the last part of its address.",
                json!("PABC123"),
            )
            .required(),
            key(
                "token",
                the("secret"),
                "Where the API token is kept.",
                json!({ "env": "PAGERDUTY_TOKEN" }),
            )
            .required(),
            key(
                "api",
                text(),
                "Another base of the API, for its European service.",
                json!("https://api.eu.pagerduty.com"),
            ),
        ],
    )
}

fn webhook_source() -> Value {
    mapping(
        "A system that answers who is in the group.",
        [
            key(
                "url",
                text(),
                "Where the question is posted to, by https.",
                json!("https://people.acme.example/group"),
            )
            .required(),
            key(
                "secret",
                the("secret"),
                "Where the signing secret is kept.",
                json!({ "env": "PEOPLE_SECRET" }),
            )
            .required(),
        ],
    )
}

fn secret() -> Value {
    let mut schema = mapping(
        "Where a secret is kept; the secret itself never stands in a policy.",
        [
            key(
                "env",
                json!({ "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" }),
                "The environment variable of `jit serve` that holds it.",
                json!("STAGING_DATABASE_URL"),
            ),
            key(
                "file",
                text(),
                "The file that holds it.",
                json!("/run/secrets/staging-url"),
            ),
        ],
    );
    with(&mut schema, "minProperties", json!(1));
    with(&mut schema, "maxProperties", json!(1));
    schema
}

fn connector() -> Value {
    let kind = |kind: &str, meaning: &str| {
        key("kind", json!({ "const": kind }), meaning, json!(kind)).required()
    };
    let postgres = mapping(
        "A PostgreSQL server.",
        [
            kind("postgres", "A PostgreSQL server."),
            key("mode", word(&["login", "membership"]), "`login` makes a temporary login role for each access; `membership` grants the role to a login that people have already.", json!("login")).required(),
            key("url", the("secret"), "Where the URL of the server is kept.", json!({ "env": "STAGING_DATABASE_URL" })).required(),
        ],
    );
    let webhook = mapping(
        "Any system, by a signed webhook.",
        [
            kind("webhook", "Any system, by a signed webhook."),
            key(
                "url",
                text(),
                "Where calls are posted to, by https.",
                json!("https://access.acme.example/hook"),
            )
            .required(),
            key(
                "secret",
                the("secret"),
                "Where the signing secret is kept.",
                json!({ "env": "HOOK_SECRET" }),
            )
            .required(),
        ],
    );
    json!({ "description": "A way to a target.", "oneOf": [postgres, webhook] })
}

#[expect(
    clippy::too_many_lines,
    reason = "one list of keys, each with its meaning and an example"
)]
fn resource() -> Value {
    mapping(
        "Something that people may ask access to.",
        [
            key(
                "connector",
                text(),
                "The connector that gives and takes the access.",
                json!("staging"),
            )
            .required(),
            key(
                "description",
                text(),
                "What it is; shown on cards and lists.",
                json!("The staging copy of the shop's database"),
            ),
            key(
                "labels",
                pairs(),
                "Labels that rules can look at.",
                json!({ "env": "staging", "team": "shop" }),
            ),
            key(
                "sensitivity",
                text(),
                "How sensitive it is, in your own words; rules can look at it. Where it says high, highest or critical, approving asks once more.",
                json!("high"),
            ),
            key(
                "roles",
                roles(),
                "What people may ask for, each with what the target calls it.",
                json!({ "readonly": "app_readonly" }),
            )
            .required(),
            key(
                "default_role",
                text(),
                "The role where none is named.",
                json!("readonly"),
            ),
            key(
                "channel",
                the("channel"),
                "Where its approval cards go.",
                json!("#dba-approvals"),
            ),
            key(
                "how_to_connect",
                text(),
                "What the holder reads once the access is there.",
                json!("Press *Get credentials*."),
            ),
            key(
                "owner",
                list(the("group")),
                "Who owns it: groups or people. They may take the access away, and stand for `owner` in rules.",
                json!(["payments-leads"]),
            ),
        ],
    )
}

fn roles() -> Value {
    let mut roles = named(text());
    with(&mut roles, "minProperties", json!(1));
    roles
}

fn bundle() -> Value {
    let part = mapping(
        "One access of a bundle.",
        [
            key("resource", text(), "The resource.", json!("staging-db")).required(),
            key(
                "role",
                text(),
                "The role; its default one where it is left out.",
                json!("readonly"),
            ),
        ],
    );
    mapping(
        "Several accesses in one request: each part is decided by itself, and one that is refused \
         refuses the whole.",
        [
            key(
                "description",
                text(),
                "What it is for.",
                json!("All that somebody on call needs"),
            ),
            key(
                "access",
                sequence(part),
                "Its parts.",
                json!([{ "resource": "staging-db", "role": "readonly" }]),
            )
            .required(),
        ],
    )
}
