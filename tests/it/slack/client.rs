//! Calls to Slack, and what becomes of them when Slack does not play along.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jitbot::sandbox::{Fault, FaultKind, Rate, Sandbox, Settings, User};
use jitbot::slack::client::{Client, ClientSettings, Respond, SlackFault};
use jitbot::slack::view::Content;
use secrecy::SecretString;

async fn stand_in() -> (Sandbox, Client) {
    let slack = Sandbox::start(Settings::acme()).await.unwrap();
    let client = client(&slack, Duration::from_secs(5));
    (slack, client)
}

fn client(slack: &Sandbox, patience: Duration) -> Client {
    called(slack, patience, true)
}

fn called(slack: &Sandbox, patience: Duration, paced: bool) -> Client {
    let mut settings = ClientSettings::at(&slack.api_url());
    (settings.timeout, settings.quick_timeout) = (patience, patience);
    settings.paced = paced;
    Client::new(&SecretString::from("xoxb-acme-bot"), settings).unwrap()
}

fn hello() -> Content {
    Content::line("hello")
}

#[tokio::test]
async fn the_calls_do_what_they_say() {
    let (slack, client) = stand_in().await;
    let installed = client.installation().await.unwrap();
    assert_eq!(installed.workspace.team.as_deref(), Some("T0ACME"));
    let posted = client.post("#general", &hello(), None).await.unwrap();
    assert_eq!(posted.channel, "C0GENERAL");
    let (channel, ts) = (posted.channel.as_str(), posted.ts.as_str());
    client.post(channel, &hello(), Some(ts)).await.unwrap();
    let changed = Content::line("changed");
    client.update(channel, ts, &changed).await.unwrap();
    assert_eq!(slack.message(channel, ts).unwrap().plain(), "changed");
    assert_eq!(slack.thread(channel, ts).len(), 1);
    client.ephemeral(channel, "U0DANA", &hello()).await.unwrap();
    assert_eq!(slack.ephemerals("dana").len(), 1);
    let link = client.permalink(channel, ts).await.unwrap();
    assert!(link.starts_with("http"), "{link}");
    let scopes = client.scopes().await.unwrap();
    assert!(scopes.contains(&"chat:write".to_owned()), "{scopes:?}");
    let dm = client.post("U0DANA", &hello(), None).await.unwrap();
    assert!(dm.channel.starts_with('D'), "{}", dm.channel);
}

#[tokio::test]
async fn users_are_read_as_slack_knows_them() {
    let (slack, client) = stand_in().await;
    let dana = client.user("U0DANA").await.unwrap();
    assert_eq!(dana.email.as_deref(), Some("dana@acme.example"));
    assert!(dana.email_confirmed && !dana.is_bot && !dana.deleted);
    assert_eq!(dana.tz.as_deref(), Some("Europe/Berlin"));
    slack.set_email_confirmed("dana", false).unwrap();
    assert!(!client.user("U0DANA").await.unwrap().email_confirmed);
    let found = client.user_by_email("bob@acme.example").await.unwrap();
    assert_eq!(found.unwrap().id, "U0BOB");
    assert_eq!(client.user_by_email("nobody@acme.example").await, Ok(None));
    let nobody = client.user("U0NOBODY").await.unwrap_err();
    assert!(matches!(nobody, SlackFault::Unreachable(_)), "{nobody:?}");
}

#[tokio::test]
async fn a_user_group_has_members_or_is_not_there() {
    let (slack, client) = stand_in().await;
    let members = client.usergroup_members("S0APPROVERS").await.unwrap();
    assert_eq!(members.unwrap(), ["U0BOB", "U0CAROL"]);
    slack.set_group("approvers", &[]).unwrap();
    let members = client.usergroup_members("S0APPROVERS").await;
    assert_eq!(members, Ok(Some(Vec::new())));
    assert_eq!(client.usergroup_members("S0NONE").await, Ok(None));
    let down = FaultKind::Status { status: 500 };
    slack.fault(Fault::once("usergroups.users.list", down));
    assert!(client.usergroup_members("S0APPROVERS").await.is_err());
    slack.set_scopes(&["usergroups:write"]);
    let unseen = client.usergroup_members("S0APPROVERS").await.unwrap_err();
    assert!(matches!(unseen, SlackFault::Admin(_)), "{unseen:?}");
}

#[tokio::test]
async fn in_an_organisation_slack_is_told_which_workspace_is_meant() {
    let mut settings = Settings::acme();
    settings.org_install = true;
    settings.scopes.push("channels:read".to_owned());
    let bob = settings.users.iter_mut().find(|user| user.name == "bob");
    bob.unwrap().team_id = "T0SISTER".to_owned();
    let slack = Sandbox::start(settings).await.unwrap();
    let client = client(&slack, Duration::from_secs(5));
    let asked = || {
        let calls = slack.calls_to("usergroups.users.list").into_iter();
        let teams: Vec<String> = calls
            .map(|call| call.args["team_id"].as_str().unwrap().to_owned())
            .collect();
        teams
    };
    for _ in 0..2 {
        let members = client.usergroup_members("S0APPROVERS").await.unwrap();
        assert_eq!(members.unwrap(), ["U0BOB", "U0CAROL"]);
    }
    assert_eq!(asked(), ["T0SISTER", "T0ACME", "T0ACME"], "found once");
    assert_eq!(client.usergroup_members("S0NONE").await, Ok(None));
    let general = client.conversation("#general").await.unwrap();
    assert_eq!(general.id, "C0GENERAL");
    assert_eq!(slack.calls_to("auth.teams.list").len(), 1);
    let down = FaultKind::Status { status: 500 };
    slack.fault(Fault::once("usergroups.users.list", down));
    let unknown = client.usergroup_members("S0NONE").await;
    assert!(unknown.is_err(), "not known is not none");
}

#[tokio::test]
async fn a_profile_has_custom_fields_or_none() {
    let (slack, client) = stand_in().await;
    let field = |field| client.profile_field("U0DANA", field);
    assert_eq!(field("Xf0MANAGER").await, Ok(None), "there are no fields");
    slack.set_profile_field("dana", "Xf0TITLE", "Dr").unwrap();
    assert_eq!(field("Xf0MANAGER").await, Ok(None));
    slack
        .set_profile_field("dana", "Xf0MANAGER", " U0LEE ")
        .unwrap();
    assert_eq!(field("Xf0MANAGER").await, Ok(Some("U0LEE".to_owned())));
    let nobody = client.profile_field("U0NOBODY", "Xf0MANAGER").await;
    let nobody = nobody.unwrap_err();
    assert!(matches!(nobody, SlackFault::Unreachable(_)), "{nobody:?}");
}

type IsRight = fn(&SlackFault) -> bool;

#[tokio::test]
async fn faults_are_sorted_by_what_to_do_about_them() {
    let slack = Sandbox::start(Settings::acme()).await.unwrap();
    let client = called(&slack, Duration::from_secs(5), false);
    let error = |error: &str| FaultKind::Error {
        error: error.into(),
    };
    let table: Vec<(FaultKind, IsRight)> = vec![
        (error("not_in_channel"), |f| {
            matches!(f, SlackFault::Channel(_))
        }),
        (error("is_archived"), |f| {
            matches!(f, SlackFault::Channel(_))
        }),
        (error("invalid_blocks"), |f| {
            matches!(f, SlackFault::BadContent(_))
        }),
        (error("message_not_found"), |f| {
            matches!(f, SlackFault::MessageGone(_))
        }),
        (error("cannot_dm_bot"), |f| {
            matches!(f, SlackFault::Unreachable(_))
        }),
        (error("token_revoked"), |f| {
            matches!(f, SlackFault::Admin(_))
        }),
        (error("fatal_error"), |f| {
            matches!(f, SlackFault::Transient(_))
        }),
        (error("something_new"), |f| {
            matches!(f, SlackFault::Unknown(_))
        }),
        (FaultKind::Status { status: 503 }, |f| {
            matches!(f, SlackFault::Transient(_))
        }),
        (FaultKind::DoneThenCut, |f| {
            matches!(f, SlackFault::Ambiguous(_))
        }),
    ];
    for (kind, is_right) in table {
        slack.fault(Fault::once("chat.postMessage", kind.clone()));
        let fault = client.post("#general", &hello(), None).await.unwrap_err();
        assert!(is_right(&fault), "{kind:?} became {fault:?}");
    }
    assert!(!slack.has_faults());
}

#[tokio::test]
async fn fault_34_a_call_that_is_never_answered_may_have_worked_and_a_read_has_not() {
    let slack = Sandbox::start(Settings::acme()).await.unwrap();
    let hasty = client(&slack, Duration::from_millis(300));
    slack.fault(Fault::once("chat.postMessage", FaultKind::DoneThenHang));
    let fault = hasty.post("#general", &hello(), None).await.unwrap_err();
    assert!(matches!(fault, SlackFault::Ambiguous(_)), "{fault:?}");
    slack.fault(Fault::once("users.info", FaultKind::Hang));
    let fault = hasty.user("U0DANA").await.unwrap_err();
    assert!(matches!(fault, SlackFault::Transient(_)), "{fault:?}");
}

#[tokio::test]
async fn a_slack_that_is_not_there_took_nothing() {
    let slack = Sandbox::start(Settings::acme()).await.unwrap();
    let client = client(&slack, Duration::from_secs(5));
    slack.shutdown().await;
    let fault = client.post("#general", &hello(), None).await.unwrap_err();
    assert!(matches!(fault, SlackFault::Transient(_)), "{fault:?}");
}

#[tokio::test]
async fn fault_31_a_channel_that_must_rest_rests_alone() {
    let (slack, client) = stand_in().await;
    let limited = FaultKind::RateLimited { retry_after: 30 };
    slack.fault(Fault::once("chat.postMessage", limited));
    let fault = client.post("C0GENERAL", &hello(), None).await.unwrap_err();
    let told = Duration::from_secs(30);
    assert_eq!(fault, SlackFault::RateLimited { retry_after: told });
    let before = slack.calls_to("chat.postMessage").len();
    let begun = Instant::now();
    let again = client.post("C0GENERAL", &hello(), None).await.unwrap_err();
    assert!(matches!(again, SlackFault::RateLimited { retry_after } if retry_after <= told));
    assert_eq!(
        slack.calls_to("chat.postMessage").len(),
        before,
        "Slack is not asked"
    );
    client.post("C0ACCESS", &hello(), None).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "nobody waited");
}

#[tokio::test]
async fn whoever_comes_too_soon_is_told_at_once_when_to_come_and_no_rest_is_made_of_it() {
    let (slack, client) = stand_in().await;
    let mut told = Vec::new();
    for _ in 0..8 {
        match client.post("C0GENERAL", &hello(), None).await {
            Ok(_) => {}
            Err(SlackFault::RateLimited { retry_after }) => told.push(retry_after),
            Err(fault) => panic!("{fault:?}"),
        }
    }
    assert!(told.is_sorted() && 3 < told.len(), "{told:?}");
    // An answer to somebody waits for the next turn, which is not as far as was told to others.
    let begun = Instant::now();
    client.answer("C0GENERAL", &hello()).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert!(
        slack
            .calls_to("chat.postMessage")
            .iter()
            .all(jitbot::sandbox::Call::ok),
        "Slack was asked in time only"
    );
}

#[tokio::test]
async fn many_channels_are_written_to_without_waiting_for_each_other() {
    let (_slack, client) = stand_in().await;
    let begun = Instant::now();
    for channel in ["C0GENERAL", "C0ACCESS", "C0FALLBACK"] {
        for _ in 0..3 {
            client.post(channel, &hello(), None).await.unwrap();
        }
    }
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
}

/// A stand-in that limits messages, so many at once and one a second, in each channel or in all.
fn limited(slack: &Sandbox, burst: u32, whole: bool) {
    let a_minute = if whole { 300 } else { 60 };
    slack.limit(&[Rate {
        method: "chat.postMessage".into(),
        burst,
        a_minute,
        whole,
    }]);
}

fn refusals(slack: &Sandbox) -> usize {
    let posted = slack.calls_to("chat.postMessage").into_iter();
    posted.filter(|call| call.status == 429).count()
}

#[tokio::test]
async fn a_channel_is_one_whatever_it_is_called() {
    let (slack, client) = stand_in().await;
    limited(&slack, 4, false);
    for names in [["#general", "C0GENERAL"], ["U0DANA", ""]] {
        let first = client.post(names[0], &hello(), None).await.unwrap();
        for _ in 0..10 {
            for name in [names[0], &first.channel] {
                let _ = client.post(name, &hello(), None).await;
            }
        }
    }
    assert_eq!(refusals(&slack), 0);
    assert!(4 < slack.calls_to("chat.postMessage").len());
}

#[tokio::test]
async fn many_channels_together_keep_to_the_pace_of_the_workspace() {
    let (slack, client) = stand_in().await;
    limited(&slack, 30, true);
    let users: Vec<String> = (0..60).map(|number| format!("U0A{number}")).collect();
    for id in &users {
        slack.add_user(User {
            id: id.clone(),
            name: id.to_lowercase(),
            team_id: "T0ACME".into(),
            ..User::default()
        });
    }
    let message = hello();
    let posting = users.iter().map(|id| client.post(id, &message, None));
    let posted = futures::future::join_all(posting).await;
    let told = posted.iter().filter_map(|posted| match posted {
        Err(SlackFault::RateLimited { retry_after }) => Some(*retry_after),
        _ => None,
    });
    let told: BTreeSet<Duration> = told.collect();
    assert!(30 < told.len(), "at once, and each another time: {told:?}");
    assert_eq!(refusals(&slack), 0);
}

#[tokio::test]
async fn where_slack_has_several_channels_rest_it_is_asked_for_none() {
    let (slack, client) = stand_in().await;
    let limited = FaultKind::RateLimited { retry_after: 30 };
    slack.fault(Fault::times("chat.postMessage", 3, limited));
    for channel in ["C0GENERAL", "C0ACCESS", "C0FALLBACK"] {
        let fault = client.post(channel, &hello(), None).await.unwrap_err();
        assert!(matches!(fault, SlackFault::RateLimited { .. }), "{fault:?}");
    }
    let fault = client.post("U0DANA", &hello(), None).await.unwrap_err();
    assert!(matches!(fault, SlackFault::RateLimited { .. }), "{fault:?}");
    assert_eq!(slack.calls_to("chat.postMessage").len(), 3);
}

#[tokio::test]
async fn a_response_url_leads_to_slack_or_nowhere() {
    let (slack, client) = stand_in().await;
    let victim = wiremock::MockServer::start().await;
    let url = format!("{}/latest/meta-data", victim.uri());
    let fault = client.respond(&url, &hello(), Respond::Ephemeral).await;
    assert!(matches!(fault, Err(SlackFault::Permanent(_))), "{fault:?}");
    assert!(victim.received_requests().await.unwrap().is_empty());
    let unknown = slack.api_url().replace("/api/", "/response/none");
    let fault = client.respond(&unknown, &hello(), Respond::Ephemeral).await;
    assert!(matches!(fault, Err(SlackFault::Expired(_))), "{fault:?}");
}

#[tokio::test]
async fn channels_are_found_by_name() {
    let scopes = ["channels:read", "groups:read"];
    let slack = Sandbox::start(Settings::acme().with_scopes(&scopes))
        .await
        .unwrap();
    let client = client(&slack, Duration::from_secs(5));
    let found = client.conversation("#general").await.unwrap();
    assert_eq!(found.id, "C0GENERAL");
    assert_eq!(client.conversation("C0GENERAL").await.unwrap(), found);
    let missing = client.conversation("#nowhere").await.unwrap_err();
    assert!(matches!(missing, SlackFault::Channel(_)), "{missing:?}");
}
