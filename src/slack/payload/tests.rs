use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn click_json() -> Value {
    json!({
        "type": "block_actions",
        "team": {"id": "T1", "domain": "acme"},
        "user": {"id": "U1", "username": "dana", "team_id": "T1"},
        "api_app_id": "A1", "token": "old", "trigger_id": "1.2.3",
        "container": {"type": "message", "message_ts": "17.5", "channel_id": "C1"},
        "channel": {"id": "C1", "name": "ops"},
        "message": {"ts": "17.5", "text": "…"},
        "response_url": "https://hooks.slack.com/actions/T1/1/x",
        "actions": [{"action_id": "jit:approve", "block_id": "b", "type": "button",
                     "value": "42", "action_ts": "99.1"}],
    })
}

fn submission_json() -> Value {
    json!({
        "type": "view_submission",
        "team": null,
        "enterprise": {"id": "E1", "name": "Acme"},
        "is_enterprise_install": true,
        "user": {"id": "W1", "team_id": "T7"},
        "view": {"id": "V1", "hash": "1.abc", "callback_id": "jit:deny", "private_metadata": "42",
                 "state": {"values": {"why": {
                     "text": {"type": "plain_text_input", "value": "not now"},
                     "menu": {"type": "static_select", "selected_option": {"value": "a"}},
                     "when": {"type": "datetimepicker", "selected_date_time": 17},
                     "new": {"type": "of_the_future", "thing": [1, 2]}}}}},
    })
}

fn interaction(json: &Value) -> Result<Delivery, Malformed> {
    let payload: String =
        url::form_urlencoded::byte_serialize(json.to_string().as_bytes()).collect();
    Delivery::from_interaction(format!("payload={payload}").as_bytes())
}

#[test]
fn a_command_is_read_from_its_form() {
    let form = b"token=x&team_id=T1&channel_id=C1&user_id=U1&command=%2Fjit&text=request+staging-db+1h\
                 &response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2F1&trigger_id=1.2.3&new_field=1";
    let delivery = Delivery::from_command(form).unwrap();
    assert_eq!(delivery.key().as_deref(), Some("command:1.2.3"));
    assert_eq!(delivery.workspace.team.as_deref(), Some("T1"));
    let Matter::Command(command) = delivery.matter else {
        panic!("a command");
    };
    assert_eq!(command.text, "request staging-db 1h");
    assert_eq!(command.by.user, "U1");
}

#[test]
fn a_click_has_one_key_for_all_its_deliveries() {
    let first = interaction(&click_json()).unwrap();
    let mut again = click_json();
    again["team"] = Value::Null;
    again["trigger_id"] = json!("9.9.9");
    assert_eq!(first.key(), interaction(&again).unwrap().key());
    let mut second_click = click_json();
    second_click["actions"][0]["action_ts"] = json!("99.2");
    assert_ne!(first.key(), interaction(&second_click).unwrap().key());
    let mut other_person = click_json();
    other_person["user"]["id"] = json!("U2");
    assert_ne!(first.key(), interaction(&other_person).unwrap().key());
}

#[test]
fn a_modal_of_an_organisation_wide_install_is_read() {
    let delivery = interaction(&submission_json()).unwrap();
    let installed = Workspace {
        team: Some("T1".into()),
        enterprise: Some("E1".into()),
        org_wide: true,
    };
    assert!(delivery.workspace().belongs_to(&installed));
    let Matter::Submission(submission) = &delivery.matter else {
        panic!("a submission");
    };
    let view = &submission.view;
    assert_eq!(view.value("why", "text"), Some("not now"));
    assert_eq!(view.value("why", "menu"), Some("a"));
    assert_eq!(view.value("why", "when"), Some("17"));
    assert_eq!(view.value("why", "new"), None);
    let mut corrected = submission_json();
    corrected["view"]["state"]["values"]["why"]["text"]["value"] = json!("no, because");
    assert_ne!(delivery.key(), interaction(&corrected).unwrap().key());
}

#[test]
fn workspaces_are_told_apart() {
    let workspace = |team: Option<&str>, enterprise: Option<&str>, org_wide| Workspace {
        team: team.map(str::to_owned),
        enterprise: enterprise.map(str::to_owned),
        org_wide,
    };
    let one = workspace(Some("T1"), None, false);
    assert!(one.belongs_to(&one));
    assert!(!workspace(Some("T2"), None, false).belongs_to(&one));
    assert!(!workspace(None, None, false).belongs_to(&one));
    assert!(!Workspace::default().belongs_to(&Workspace::default()));
    let in_org = workspace(Some("T1"), Some("E1"), false);
    assert!(!workspace(Some("T2"), Some("E1"), false).belongs_to(&in_org));
    assert!(workspace(None, Some("E1"), true).belongs_to(&in_org));
    let for_org = workspace(Some("T1"), Some("E1"), true);
    assert!(workspace(Some("T2"), Some("E1"), true).belongs_to(&for_org));
    assert!(!workspace(Some("T2"), Some("E2"), true).belongs_to(&for_org));
}

#[test]
fn unknown_types_are_kept_and_malformed_ones_named() {
    let unknown = interaction(&json!({"type": "hologram", "team": {"id": "T1"}})).unwrap();
    assert_eq!(
        unknown.matter,
        Matter::Unknown {
            kind: "hologram".into()
        }
    );
    for malformed in [
        json!({}),
        json!([]),
        json!("text"),
        json!({"type": "block_actions"}),
        json!({"type": "block_actions", "user": {"id": "U1"}, "actions": []}),
        json!({"type": "view_submission", "user": {"id": "U1"}}),
        json!({"type": "view_submission", "user": 7}),
    ] {
        assert!(interaction(&malformed).is_err(), "{malformed}");
    }
    assert!(Delivery::from_interaction(b"no=payload").is_err());
    assert!(Delivery::from_command(b"command=%2Fjit").is_err());
}

#[test]
fn a_malformed_delivery_is_not_quoted() {
    let fault = Delivery::from_event(br#"{"type": "event_callback", "event_id": {"secret": 1}}"#);
    assert!(!fault.unwrap_err().to_string().contains("secret"));
}

#[test]
fn events_are_read_with_or_without_a_team() {
    let event = |authorizations: Value| {
        let json = json!({"type": "event_callback", "team_id": "T1", "event_id": "Ev1",
            "authorizations": authorizations, "event": {"type": "user_change", "user": {"id": "U5"}}});
        Delivery::from_event(json.to_string().as_bytes()).unwrap()
    };
    let delivery =
        event(json!([{"team_id": null, "enterprise_id": "E1", "is_enterprise_install": true}]));
    assert_eq!(delivery.key().as_deref(), Some("event:Ev1"));
    assert_eq!(delivery.workspace.enterprise.as_deref(), Some("E1"));
    let Matter::Event { user, kind, .. } = event(Value::Null).matter else {
        panic!("an event");
    };
    assert_eq!(
        (user.as_deref(), kind.as_str()),
        (Some("U5"), "user_change")
    );
}

#[test]
fn frames_of_a_connection_are_told_apart() {
    assert_eq!(
        Frame::parse(r#"{"type":"hello","num_connections":1}"#),
        Ok(Frame::Hello)
    );
    let bye = Frame::parse(r#"{"type":"disconnect","reason":"warning"}"#).unwrap();
    assert_eq!(
        bye,
        Frame::Disconnect {
            reason: "warning".into()
        }
    );
    let envelope = json!({"type": "interactive", "envelope_id": "e1", "payload": click_json(),
        "accepts_response_payload": false, "retry_attempt": 1});
    let Frame::Envelope { id, delivery } = Frame::parse(&envelope.to_string()).unwrap() else {
        panic!("an envelope");
    };
    assert_eq!(id, "e1");
    assert_eq!(
        delivery.unwrap().key(),
        interaction(&click_json()).unwrap().key()
    );
    let command = json!({"type": "slash_commands", "envelope_id": "e2", "payload": {"command": "/jit",
        "user_id": "U1", "trigger_id": "1.2", "team_id": "T1", "is_enterprise_install": true}});
    let Frame::Envelope { delivery, .. } = Frame::parse(&command.to_string()).unwrap() else {
        panic!("an envelope");
    };
    assert!(delivery.unwrap().workspace.org_wide);
    let future = Frame::parse(r#"{"type":"future","envelope_id":"e3","payload":[]}"#).unwrap();
    assert!(matches!(
        future,
        Frame::Envelope {
            delivery: Ok(_),
            ..
        }
    ));
}

/// Any JSON up to a certain depth, with the keys that Slack uses.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("block_actions")),
        Just(json!("view_submission")),
        Just(json!("event_callback")),
    ];
    let key = prop_oneof![
        Just("type"),
        Just("team"),
        Just("id"),
        Just("user"),
        Just("actions"),
        Just("view"),
        Just("state"),
        Just("values"),
        Just("payload"),
        Just("envelope_id"),
        Just("event"),
        Just("authorizations"),
        Just("value"),
        Just("selected_option"),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Replaces one value, found by walking down along a path of choices.
fn mutate(json: &mut Value, path: &[usize], with: Value) {
    let Some((step, rest)) = path.split_first() else {
        *json = with;
        return;
    };
    match json {
        Value::Object(map) if !map.is_empty() => {
            let at = step % map.len();
            if let Some(inner) = map.values_mut().nth(at) {
                mutate(inner, rest, with);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            let at = step % list.len();
            mutate(&mut list[at], rest, with);
        }
        _ => *json = with,
    }
}

/// Reads the text in every way; whatever is read can be stored and read back.
fn read_in_every_way(text: &[u8]) {
    let read = [
        Delivery::from_command(text),
        Delivery::from_interaction(text),
        Delivery::from_event(text),
        wire::interaction(text),
    ];
    for delivery in read.into_iter().flatten() {
        let stored = serde_json::to_value(&delivery).unwrap();
        assert_eq!(
            serde_json::from_value::<Delivery>(stored).unwrap(),
            delivery
        );
        delivery.key();
    }
    let _ = wire::frame(text);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_in_every_way(&bytes);
    }

    #[test]
    fn no_json_makes_it_panic(json in any_json()) {
        read_in_every_way(json.to_string().as_bytes());
    }

    #[test]
    fn no_mutation_makes_it_panic(
        of in prop_oneof![Just(click_json()), Just(submission_json())],
        path in prop::collection::vec(0usize..12, 1..6),
        with in any_json(),
        cut in 0usize..900,
    ) {
        let mut json = of;
        mutate(&mut json, &path, with);
        let text = json.to_string();
        read_in_every_way(text.as_bytes());
        read_in_every_way(&text.as_bytes()[..cut.min(text.len())]);
    }
}

#[test]
fn a_view_belongs_to_the_installation_that_opened_it() {
    let from = |id: &str| {
        let mut json = submission_json();
        json["team"] = json!({"id": "T7", "enterprise_id": "E7"});
        json["enterprise"] = Value::Null;
        json["is_enterprise_install"] = json!(false);
        json["view"]["app_installed_team_id"] = json!(id);
        interaction(&json).unwrap().workspace
    };
    let here = Workspace {
        team: Some("T7".into()),
        enterprise: Some("E7".into()),
        org_wide: false,
    };
    assert_eq!(from("T7"), here);
    assert_eq!(from(""), here);
    let other = Workspace {
        team: Some("T1".into()),
        ..Workspace::default()
    };
    assert_eq!(from("T1"), other, "whoever uses it is of another workspace");
    let whole = Workspace {
        enterprise: Some("E1".into()),
        org_wide: true,
        ..here
    };
    assert_eq!(from("E1"), whole);
}

#[test]
fn a_tab_belongs_to_the_installation_that_it_names() {
    let from = |kind: &str, said: &str| {
        let mut json = submission_json();
        json["team"] = json!({"id": "T7", "enterprise_id": "E7"});
        json["enterprise"] = Value::Null;
        json["is_enterprise_install"] = json!(false);
        // The workspace of the organisation that had the app first.
        json["view"]["app_installed_team_id"] = json!("T1");
        json["view"]["type"] = json!(kind);
        json["view"]["private_metadata"] = json!(said);
        interaction(&json).unwrap().workspace
    };
    let team = |id: &str| Some(id.to_owned());
    assert_eq!(from("home", "T7").team, team("T7"));
    assert_eq!(from("home", "").team, team("T1"));
    assert_eq!(from("modal", "T7").team, team("T1"), "that is another's");
    let whole = from("home", "E7");
    assert!(
        whole.org_wide && whole.enterprise == team("E7"),
        "{whole:?}"
    );
}
