//! The Web API: ways to call it, what it answers, what it refuses.

use jitbot::sandbox::{Channel, Settings};
use serde_json::{Value, json};

use super::{acme, call, call_as, card, card_blocks, code, done, http, open_acme};

#[tokio::test]
async fn takes_get_and_post_and_form_and_json() {
    let sandbox = acme().await;
    let url = format!("{}chat.postMessage", sandbox.api_url());
    let blocks = card_blocks().to_string();
    let fields = [
        ("channel", "C0GENERAL"),
        ("text", "hi"),
        ("blocks", &blocks),
    ];
    let token = "xoxb-acme-bot";
    let mut query = url::Url::parse(&url).unwrap();
    query.query_pairs_mut().extend_pairs(fields);
    let with_token = [fields.as_slice(), &[("token", token)]].concat();
    let json = json!({"channel": "C0GENERAL", "text": "hi", "blocks": card_blocks()});
    let requests = [
        http().get(query).bearer_auth(token),
        http().post(&url).bearer_auth(token).form(&fields),
        http().post(&url).form(&with_token),
        http().post(&url).bearer_auth(token).json(&json),
    ];
    for request in requests {
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["ok"], true, "{answer}");
        assert_eq!(
            answer["message"]["blocks"][1]["elements"][0]["action_id"],
            "approve"
        );
    }
    assert_eq!(sandbox.messages("general").len(), 4);
    let recorded = sandbox.calls_to("chat.postMessage");
    assert!(
        recorded
            .iter()
            .all(|call| call.args["blocks"].is_array() && call.ok())
    );
    assert!(recorded.iter().all(|call| !call.args.contains_key("token")));
}

#[tokio::test]
async fn refuses_by_token_and_scope() {
    let sandbox = acme().await;
    let as_token = async |token: &str, method: &str| {
        call_as(&sandbox, token, method, json!({})).await["error"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(as_token("", "auth.test").await, "not_authed");
    assert_eq!(as_token("xoxb-other", "auth.test").await, "invalid_auth");
    assert_eq!(
        as_token("xapp-acme-app", "auth.test").await,
        "not_allowed_token_type"
    );
    assert_eq!(
        as_token("xoxb-acme-bot", "apps.connections.open").await,
        "not_allowed_token_type"
    );
    assert_eq!(
        code(&sandbox, "chat.nothing", json!({})).await,
        "unknown_method"
    );
    let missing = call(
        &sandbox,
        "conversations.info",
        json!({"channel": "C0GENERAL"}),
    )
    .await;
    assert_eq!(missing["error"], "missing_scope");
    assert_eq!(
        missing["needed"],
        "channels:read,groups:read,im:read,mpim:read"
    );
    assert!(missing["provided"].as_str().unwrap().contains("chat:write"));
}

#[tokio::test]
async fn hides_addresses_from_a_token_that_may_not_read_them() {
    let sandbox = acme().await;
    let dana = json!({"user": "U0DANA"});
    let seen = done(&sandbox, "users.info", dana.clone()).await;
    assert_eq!(seen["user"]["profile"]["email"], "dana@acme.example");
    assert_eq!(
        (&seen["user"]["tz"], &seen["user"]["tz_offset"]),
        (&json!("Europe/Berlin"), &json!(3600))
    );
    sandbox.set_scopes(&["users:read"]);
    let hidden = done(&sandbox, "users.info", dana).await;
    assert!(hidden["user"]["profile"].get("email").is_none());
}

#[tokio::test]
async fn messages_are_like_slacks() {
    let sandbox = acme().await;
    let posted = done(
        &sandbox,
        "chat.postMessage",
        json!({"channel": "#general", "text": "hi"}),
    )
    .await;
    assert_eq!(posted["channel"], "C0GENERAL");
    assert_eq!(posted["message"]["bot_id"], "B0JITBOT");
    assert_eq!(posted["message"]["user"], "U0JITBOT");
    let ts = posted["ts"].as_str().unwrap();
    let (seconds, micros) = ts.split_once('.').unwrap();
    assert_eq!((seconds.len(), micros.len()), (10, 6));
    let other = done(
        &sandbox,
        "chat.postMessage",
        json!({"channel": "#general", "text": "ho"}),
    )
    .await;
    assert!(other["ts"].as_str().unwrap() > ts);
    let link = json!({"channel": "C0GENERAL", "message_ts": ts});
    let link = done(&sandbox, "chat.getPermalink", link).await["permalink"].clone();
    let expected = format!(
        "{}archives/C0GENERAL/p{}",
        sandbox.page_url(),
        ts.replace('.', "")
    );
    assert_eq!(link, expected.as_str());
    let page = http().get(expected).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("id=\"composer\""));
}

#[tokio::test]
async fn refuses_posts_as_slack_does() {
    let sandbox = acme().await;
    sandbox.add_channel(Channel {
        id: "C0SECRET".into(),
        name: "secret".into(),
        is_private: true,
        ..Channel::default()
    });
    sandbox.archive("access-fallback").unwrap();
    sandbox.kick_bot("general").unwrap();
    let cases = [
        (json!({"text": "hi"}), "channel_not_found"),
        (
            json!({"channel": "C0NOWHERE", "text": "hi"}),
            "channel_not_found",
        ),
        (
            json!({"channel": "C0SECRET", "text": "hi"}),
            "channel_not_found",
        ),
        (
            json!({"channel": "C0FALLBACK", "text": "hi"}),
            "is_archived",
        ),
        (
            json!({"channel": "C0GENERAL", "text": "hi"}),
            "not_in_channel",
        ),
        (json!({"channel": "C0ACCESS"}), "no_text"),
        (
            json!({"channel": "C0ACCESS", "text": "x".repeat(40_001)}),
            "msg_too_long",
        ),
        (
            json!({"channel": "C0ACCESS", "blocks": "nonsense"}),
            "invalid_blocks_format",
        ),
        (
            json!({"channel": "C0ACCESS", "text": "hi", "thread_ts": "1.0"}),
            "thread_not_found",
        ),
        (
            json!({"channel": "U0JITBOT", "text": "hi"}),
            "cannot_dm_bot",
        ),
    ];
    for (args, expected) in cases {
        assert_eq!(
            code(&sandbox, "chat.postMessage", args.clone()).await,
            expected,
            "{args}"
        );
    }
}

#[tokio::test]
async fn a_persons_id_posts_into_their_direct_messages_but_updates_want_the_d_id() {
    let sandbox = acme().await;
    let posted = done(
        &sandbox,
        "chat.postMessage",
        json!({"channel": "U0BOB", "text": "hi"}),
    )
    .await;
    let (channel, ts) = (posted["channel"].clone(), posted["ts"].clone());
    assert!(channel.as_str().unwrap().starts_with('D'));
    let wrong = json!({"channel": "U0BOB", "ts": ts, "text": "ho"});
    assert_eq!(
        code(&sandbox, "chat.update", wrong).await,
        "channel_not_found"
    );
    let right = json!({"channel": channel, "ts": ts, "text": "ho"});
    done(&sandbox, "chat.update", right).await;
    assert_eq!(sandbox.dms("bob")[0].plain(), "ho");
    let opened = done(&sandbox, "conversations.open", json!({"users": "U0BOB"})).await;
    assert_eq!(opened["channel"]["id"], channel);
    assert_eq!(opened["already_open"], true);
}

#[tokio::test]
async fn updates_only_the_bots_own_messages() {
    let sandbox = acme().await;
    let ts = card(&sandbox, "C0GENERAL").await;
    let said = sandbox.say("dana", "general", "mine", None).unwrap();
    let of = |ts: &str| json!({"channel": "C0GENERAL", "ts": ts, "text": "changed"});
    assert_eq!(
        code(&sandbox, "chat.update", of(&said.ts)).await,
        "cant_update_message"
    );
    assert_eq!(
        code(&sandbox, "chat.delete", of(&said.ts)).await,
        "cant_delete_message"
    );
    assert_eq!(
        code(&sandbox, "chat.update", of("1700000000.000100")).await,
        "message_not_found"
    );
    done(&sandbox, "chat.update", of(&ts)).await;
    let changed = sandbox.message("general", &ts).unwrap();
    assert!(changed.blocks.is_empty() && changed.shows_edited);
    assert_eq!((changed.edits, changed.plain().as_str()), (1, "changed"));
    done(&sandbox, "chat.delete", of(&ts)).await;
    assert_eq!(
        code(&sandbox, "chat.update", of(&ts)).await,
        "message_not_found"
    );
    assert_eq!(sandbox.messages("general").len(), 1);
}

#[tokio::test]
async fn threads_hold_replies_apart() {
    let sandbox = acme().await;
    let root = card(&sandbox, "C0GENERAL").await;
    let reply = json!({"channel": "C0GENERAL", "thread_ts": root, "text": "one"});
    let first = done(&sandbox, "chat.postMessage", reply).await["ts"].clone();
    let nested =
        json!({"channel": "C0GENERAL", "thread_ts": first, "text": "two", "reply_broadcast": true});
    done(&sandbox, "chat.postMessage", nested).await;
    let replies = sandbox.thread("general", &root);
    let texts: Vec<_> = replies.iter().map(|reply| reply.text.as_str()).collect();
    assert_eq!(texts, ["one", "two"]);
    assert_eq!(
        sandbox.messages("general").len(),
        2,
        "the card and the reply shown to all"
    );
    let link = json!({"channel": "C0GENERAL", "message_ts": first});
    let link = done(&sandbox, "chat.getPermalink", link).await["permalink"].clone();
    assert!(
        link.as_str()
            .unwrap()
            .ends_with(&format!("?thread_ts={root}&cid=C0GENERAL"))
    );
}

#[tokio::test]
async fn ephemerals_are_seen_by_one_and_cannot_be_updated() {
    let sandbox = acme().await;
    let args = json!({"channel": "C0GENERAL", "user": "U0DANA", "text": "psst"});
    let ts = done(&sandbox, "chat.postEphemeral", args).await["message_ts"].clone();
    assert_eq!(sandbox.ephemerals("dana")[0].text, "psst");
    assert!(sandbox.ephemerals("bob").is_empty() && sandbox.messages("general").is_empty());
    let update = json!({"channel": "C0GENERAL", "ts": ts, "text": "no"});
    assert_eq!(
        code(&sandbox, "chat.update", update).await,
        "message_not_found"
    );
    let outside = json!({"channel": "C0GENERAL", "user": "U0JITBOT", "text": "psst"});
    assert_eq!(
        code(&sandbox, "chat.postEphemeral", outside).await,
        "user_not_in_channel"
    );
}

#[tokio::test]
async fn looks_people_up() {
    let sandbox = acme().await;
    let by =
        async |email: &str| call(&sandbox, "users.lookupByEmail", json!({"email": email})).await;
    assert_eq!(by("Bob@acme.example").await["user"]["id"], "U0BOB");
    assert_eq!(by("nobody@acme.example").await["error"], "users_not_found");
    sandbox.deactivate("bob").unwrap();
    assert_eq!(by("bob@acme.example").await["error"], "users_not_found");
    let bob = done(&sandbox, "users.info", json!({"user": "U0BOB"})).await;
    assert_eq!(bob["user"]["deleted"], true);
    assert_eq!(
        code(&sandbox, "users.info", json!({"user": "U0NONE"})).await,
        "user_not_found"
    );
    assert_eq!(
        code(&sandbox, "conversations.open", json!({"users": "U0BOB"})).await,
        "user_disabled"
    );
    sandbox.set_guest("dana", true).unwrap();
    sandbox.set_email_confirmed("dana", false).unwrap();
    let dana = done(&sandbox, "users.info", json!({"user": "U0DANA"})).await["user"].clone();
    assert_eq!(
        (&dana["is_restricted"], &dana["is_email_confirmed"]),
        (&json!(true), &json!(false))
    );
}

#[tokio::test]
async fn lists_come_in_pages() {
    let sandbox = acme().await;
    let mut names = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = done(
            &sandbox,
            "users.list",
            json!({"limit": 3, "cursor": cursor}),
        )
        .await;
        names.extend(
            page["members"]
                .as_array()
                .unwrap()
                .iter()
                .map(|user| user["name"].clone()),
        );
        cursor = page["response_metadata"]["next_cursor"]
            .as_str()
            .unwrap()
            .to_owned();
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(names.len(), Settings::acme().users.len());
    let wrong = json!({"cursor": "nonsense"});
    assert_eq!(code(&sandbox, "users.list", wrong).await, "invalid_cursor");
}

#[tokio::test]
async fn user_groups_have_members() {
    let sandbox = acme().await;
    let all = done(&sandbox, "usergroups.list", json!({"include_users": true})).await;
    assert_eq!(all["usergroups"][0]["users"], json!(["U0BOB", "U0CAROL"]));
    sandbox.set_group("approvers", &["lee"]).unwrap();
    let members = json!({"usergroup": "S0APPROVERS"});
    assert_eq!(
        done(&sandbox, "usergroups.users.list", members).await["users"],
        json!(["U0LEE"])
    );
    let none = json!({"usergroup": "S0NONE"});
    assert_eq!(
        code(&sandbox, "usergroups.users.list", none).await,
        "no_such_subteam"
    );
}

#[tokio::test]
async fn profiles_have_custom_fields() {
    let sandbox = acme().await;
    let dana = json!({"user": "U0DANA"});
    let none = done(&sandbox, "users.profile.get", dana.clone()).await;
    assert_eq!(none["profile"]["fields"], json!([]), "as Slack has it");
    assert_eq!(none["profile"]["email"], "dana@acme.example");
    let lee = ("Xf0MANAGER", "U0LEE");
    sandbox.set_profile_field("dana", lee.0, lee.1).unwrap();
    let some = done(&sandbox, "users.profile.get", dana).await;
    let fields = json!({"Xf0MANAGER": {"value": "U0LEE", "alt": ""}});
    assert_eq!(some["profile"]["fields"], fields);
    let nobody = json!({"user": "U0NOBODY"});
    assert_eq!(
        code(&sandbox, "users.profile.get", nobody).await,
        "user_not_found"
    );
    sandbox.set_scopes(&["users:read"]);
    let unseen = code(&sandbox, "users.profile.get", json!({})).await;
    assert_eq!(unseen, "missing_scope");
}

#[tokio::test]
async fn conversations_can_be_read_and_joined() {
    let sandbox = open_acme().await;
    sandbox.kick_bot("general").unwrap();
    let of = json!({"channel": "C0GENERAL"});
    let info = done(&sandbox, "conversations.info", of.clone()).await;
    assert_eq!(info["channel"]["is_member"], false);
    done(&sandbox, "conversations.join", of.clone()).await;
    let members = done(&sandbox, "conversations.members", of).await["members"].clone();
    assert!(members.as_array().unwrap().contains(&json!("U0JITBOT")));
    let list = done(
        &sandbox,
        "conversations.list",
        json!({"types": "public_channel"}),
    )
    .await;
    assert_eq!(list["channels"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn who_am_i() {
    let sandbox = acme().await;
    let me = done(&sandbox, "auth.test", json!({})).await;
    let expected = json!({
        "team": "Acme", "team_id": "T0ACME", "user": "jitbot", "user_id": "U0JITBOT",
        "bot_id": "B0JITBOT", "is_enterprise_install": false,
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&me[key], value, "{key}");
    }
    let echoed = call(
        &sandbox,
        "api.test",
        json!({"error": "my_error", "foo": "bar"}),
    )
    .await;
    assert_eq!(
        (&echoed["error"], &echoed["args"]["foo"]),
        (&json!("my_error"), &json!("bar"))
    );
}

#[tokio::test]
async fn reactions_and_files() {
    let sandbox = open_acme().await;
    let ts = card(&sandbox, "C0GENERAL").await;
    let react = json!({"channel": "C0GENERAL", "timestamp": ts, "name": "eyes"});
    done(&sandbox, "reactions.add", react.clone()).await;
    assert_eq!(
        code(&sandbox, "reactions.add", react).await,
        "already_reacted"
    );
    let ask = json!({"filename": "ledger.json", "length": 4});
    let target = done(&sandbox, "files.getUploadURLExternal", ask).await;
    let complete =
        json!({"files": [{"id": target["file_id"], "title": "Ledger"}], "channel_id": "C0GENERAL"});
    assert_eq!(
        code(&sandbox, "files.completeUploadExternal", complete.clone()).await,
        "file_upload_failed"
    );
    http()
        .post(target["upload_url"].as_str().unwrap())
        .body("data")
        .send()
        .await
        .unwrap();
    done(&sandbox, "files.completeUploadExternal", complete).await;
    assert_eq!(sandbox.messages("general")[1].files, ["Ledger"]);
}
