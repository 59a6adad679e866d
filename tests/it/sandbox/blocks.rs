//! Block Kit's limits, and blocks as plain text.

use serde_json::{Value, json};

use super::{acme, button, call, code, done, option, plain};

fn long(count: usize) -> String {
    "x".repeat(count)
}

fn section(length: usize) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": long(length)}})
}

fn actions(elements: &[Value]) -> Value {
    json!({"type": "actions", "elements": elements})
}

fn many(count: usize, make: impl Fn(usize) -> Value) -> Vec<Value> {
    (0..count).map(make).collect()
}

fn numbered(count: usize) -> Vec<Value> {
    many(count, |index| button(&format!("a{index}"), "Go", "1"))
}

fn select(options: &[Value]) -> Value {
    json!({"type": "static_select", "action_id": "s", "options": options})
}

fn options(count: usize) -> Vec<Value> {
    many(count, |index| option("One", &format!("v{index}")))
}

/// Blocks that Slack takes, at the very edge of what it takes.
#[tokio::test]
async fn takes_what_is_just_within_the_limits() {
    let sandbox = acme().await;
    let field = json!({"type": "mrkdwn", "text": long(2000)});
    let fine = [
        many(50, |_| json!({"type": "divider"})),
        vec![section(3000)],
        vec![json!({"type": "header", "text": plain(&long(150))})],
        vec![json!({"type": "section", "fields": many(10, |_| field.clone())})],
        vec![json!({"type": "context", "elements": many(10, |_| plain("x"))})],
        vec![actions(&numbered(25))],
        vec![actions(&[button(&long(255), &long(75), &long(2000))])],
        vec![actions(&[select(&options(100))])],
        vec![actions(&[select(&[option(&long(75), &long(150))])])],
    ];
    for blocks in fine {
        done(
            &sandbox,
            "chat.postMessage",
            json!({"channel": "C0GENERAL", "text": "t", "blocks": blocks}),
        )
        .await;
    }
}

/// Blocks that Slack refuses, with where it finds the fault.
fn faulty_layout() -> Vec<(Vec<Value>, &'static str)> {
    let field = json!({"type": "mrkdwn", "text": long(2001)});
    vec![
        (many(51, |_| json!({"type": "divider"})), "/blocks]"),
        (vec![section(3001)], "/blocks/0/text/text]"),
        (vec![section(0)], "/blocks/0/text/text]"),
        (vec![json!({"type": "section"})], "/blocks/0]"),
        (vec![json!({"type": "nonsense"})], "/blocks/0/type]"),
        (
            vec![json!({"type": "header", "text": plain(&long(151))})],
            "/blocks/0/text/text]",
        ),
        (
            vec![json!({"type": "header", "text": {"type": "mrkdwn", "text": "x"}})],
            "/blocks/0/text/type]",
        ),
        (
            vec![json!({"type": "section", "fields": many(11, |_| plain("x"))})],
            "/blocks/0/fields]",
        ),
        (
            vec![json!({"type": "section", "fields": [field]})],
            "/blocks/0/fields/0/text]",
        ),
        (
            vec![json!({"type": "context", "elements": many(11, |_| plain("x"))})],
            "/blocks/0/elements]",
        ),
    ]
}

/// Elements that Slack refuses, with where it finds the fault.
fn faulty_elements() -> Vec<(Vec<Value>, &'static str)> {
    let confirm =
        json!({"title": plain("Sure?"), "text": plain("Really?"), "confirm": plain("Yes")});
    let mut asks = button("a", "Go", "1");
    asks["confirm"] = confirm;
    let mut styled = button("a", "Go", "1");
    styled["style"] = json!("green");
    vec![
        (vec![actions(&numbered(26))], "/blocks/0/elements]"),
        (
            vec![actions(&[button("a", &long(76), "1")])],
            "/blocks/0/elements/0/text/text]",
        ),
        (
            vec![actions(&[button("a", "Go", &long(2001))])],
            "/blocks/0/elements/0/value]",
        ),
        (
            vec![actions(&[button(&long(256), "Go", "1")])],
            "/blocks/0/elements/0/action_id]",
        ),
        (
            vec![actions(&[button("a", "A", "1"), button("a", "B", "2")])],
            "/blocks/0/elements/1/action_id]",
        ),
        (vec![actions(&[styled])], "/blocks/0/elements/0/style]"),
        (vec![actions(&[asks])], "/blocks/0/elements/0/confirm]"),
        (
            vec![actions(&[select(&options(101))])],
            "/blocks/0/elements/0/options]",
        ),
        (
            vec![actions(&[select(&[])])],
            "/blocks/0/elements/0/options]",
        ),
        (
            vec![actions(&[
                json!({"type": "static_select", "action_id": "s"}),
            ])],
            "/blocks/0/elements/0]",
        ),
        (
            vec![actions(&[select(&[option("x", &long(151))])])],
            "/blocks/0/elements/0/options/0/value]",
        ),
        (
            vec![
                json!({"type": "divider", "block_id": "b"}),
                json!({"type": "divider", "block_id": "b"}),
            ],
            "/blocks/1/block_id]",
        ),
    ]
}

#[tokio::test]
async fn refuses_what_is_just_beyond_the_limits() {
    let sandbox = acme().await;
    for (blocks, place) in faulty_layout().into_iter().chain(faulty_elements()) {
        let args = json!({"channel": "C0GENERAL", "text": "t", "blocks": blocks});
        let answer = call(&sandbox, "chat.postMessage", args).await;
        assert_eq!(answer["error"], "invalid_blocks", "{place}");
        let messages = answer["response_metadata"]["messages"].as_array().unwrap();
        let said = messages
            .iter()
            .any(|text| text.as_str().unwrap().ends_with(place));
        assert!(said, "{place} is not in {messages:?}");
    }
    assert!(sandbox.messages("general").is_empty());
}

fn input(block_id: &str) -> Value {
    let element = json!({"type": "plain_text_input", "action_id": "v"});
    json!({"type": "input", "block_id": block_id, "label": plain("Why"), "element": element})
}

fn modal(change: impl Fn(&mut Value)) -> Value {
    let mut view = json!({
        "type": "modal", "title": plain("Ask"), "submit": plain("Send"), "blocks": [input("why")],
    });
    change(&mut view);
    view
}

#[tokio::test]
async fn refuses_faulty_views() {
    let sandbox = acme().await;
    let faulty = [
        modal(|view| view["submit"] = Value::Null),
        modal(|view| view["title"] = plain(&long(25))),
        modal(|view| view["submit"] = plain(&long(25))),
        modal(|view| view["private_metadata"] = json!(long(3001))),
        modal(|view| view["blocks"] = json!(many(101, |_| json!({"type": "divider"})))),
        modal(|view| view["blocks"] = json!([input("same"), input("same")])),
        modal(|view| view["blocks"][0]["element"]["max_length"] = json!(3001)),
        modal(|view| view["blocks"][0]["element"] = button("b", "No", "1")),
    ];
    for view in faulty {
        let refused = code(&sandbox, "blocks.validate", json!({"view": view})).await;
        assert_eq!(refused, "invalid_blocks", "{view}");
    }
    done(&sandbox, "blocks.validate", json!({"view": modal(|_| {})})).await;
    let home = json!({"type": "home", "blocks": [], "submit": plain("No")});
    let published = json!({"user_id": "U0DANA", "view": home});
    assert_eq!(
        code(&sandbox, "views.publish", published).await,
        "invalid_arguments"
    );
}

#[tokio::test]
async fn renders_blocks_as_plain_text() {
    let sandbox = acme().await;
    let blocks = json!([
        {"type": "header", "text": plain("Access to staging-db")},
        {"type": "section",
         "text": {"type": "mrkdwn", "text": "<@U0DANA> asks in <#C0GENERAL> of <!subteam^S0APPROVERS>"},
         "accessory": button("open", "Open", "1")},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Role*\nread &amp; write"}]},
        {"type": "section", "text": {"type": "mrkdwn",
            "text": "until <!date^1700000000^{time}|22:13 UTC>, <https://x.example|INC-1>"}},
        {"type": "divider"},
        {"type": "actions", "elements": [
            button("approve", "Approve", "1"),
            {"type": "overflow", "action_id": "m", "options": [option("Explain", "e")]},
        ]},
        {"type": "context", "elements": [plain("REQ-1")]},
    ]);
    done(
        &sandbox,
        "chat.postMessage",
        json!({"channel": "C0GENERAL", "text": "t", "blocks": blocks}),
    )
    .await;
    let message = &sandbox.messages("general")[0];
    let expected = "Access to staging-db\n@dana asks in #general of @approvers\n[Open]\n\
                    *Role* read & write\nuntil 22:13 UTC, INC-1\n---\n[Approve] [… Explain]\nREQ-1";
    assert_eq!(message.plain(), expected);
    assert_eq!(message.buttons(), ["Open", "Approve"]);
}
