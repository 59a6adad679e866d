//! Groups that are read elsewhere: user groups of Slack, PagerDuty, webhooks, and managers.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::Duration;

use jitbot::directory::{About, Directory, DirectoryFault};
use jitbot::domain::{GroupName, Identity, Member, RequestState, Roster, Standing};
use jitbot::policy::{Policy, Source};
use jitbot::sandbox::{Fault, FaultKind, SubmitOutcome, SubmitValues};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use wiremock::matchers::{any, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::bot::Bot;
use crate::harness::house::House;
use crate::harness::log::Log;

pub(super) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub(super) const TOKEN: &str = "pd-token-that-nobody-sees";
/// For what hangs: nothing that answers has to be this quick.
pub(super) const SHORT: Option<Duration> = Some(Duration::from_millis(700));
const ASK: &str = "request staging-db readonly 1h to see";

/// A policy whose one rule asks one of these groups.
fn policy(groups: &str, from: &str) -> String {
    format!(
        r##"
version: 1
defaults: {{ channel: "#access-requests", fallback_channel: "#access-fallback", manager_field: Xf0MANAGER }}
people:
  bob: {{ emails: [bob@acme.example, bob@pager.example] }}
groups:
  leads: {{ members: [lee@acme.example] }}
{groups}
connectors:
  staging: {{ kind: webhook, url: "https://target.example/jit", secret: {{ env: NEVER_READ }} }}
resources:
  staging-db: {{ connector: staging, roles: {{ readonly: app_ro }} }}
rules:
  - name: reading
    match: {{ resources: [staging-db] }}
    decision: review
    steps: [{{ from: [{from}], count: 1 }}]
"##
    )
}

const APPROVERS: &str = "  approvers: { slack_usergroup: S0APPROVERS }";

async fn with_usergroup() -> Bot {
    Bot::under(&policy(APPROVERS, "approvers"), None).await
}

pub(super) fn hangs(method: &str) -> Fault {
    Fault::times(method, 100, FaultKind::Hang)
}

/// A file with a secret in it, and how a policy names it.
pub(super) struct Secret(tempfile::NamedTempFile);

impl Secret {
    pub(super) fn new(secret: &str) -> Self {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "{secret}").unwrap();
        Self(file)
    }

    fn reference(&self) -> String {
        format!("{{ file: \"{}\" }}", self.0.path().display())
    }
}

// -- user groups of Slack --

#[tokio::test]
async fn a_member_of_the_user_group_approves_and_nobody_else() {
    let bot = with_usergroup().await;
    bot.asked(ASK).await;
    bot.presses("lee", "jit_approve").await;
    let told = bot.told("lee");
    assert!(told.contains("approvers"), "{told}");
    assert_eq!(bot.approvals().await, 0);
    bot.presses("bob", "jit_approve").await;
    assert_eq!(bot.approvals().await, 1);
}

#[tokio::test]
async fn whoever_left_the_user_group_since_the_card_decides_no_more() {
    let bot = with_usergroup().await;
    bot.asked(ASK).await;
    bot.house.slack.set_group("approvers", &["carol"]).unwrap();
    bot.presses("bob", "jit_approve").await;
    let told = bot.told("bob");
    assert!(told.contains("Only"), "{told}");
    assert_eq!(bot.approvals().await, 0);
    bot.presses("carol", "jit_approve").await;
    assert_eq!(bot.approvals().await, 1);
}

#[tokio::test]
async fn whoever_joined_the_user_group_since_the_card_may_open_the_dialog_to_deny() {
    let bot = with_usergroup().await;
    bot.asked(ASK).await;
    bot.house.slack.set_group("approvers", &["lee"]).unwrap();
    bot.presses("lee", "jit_deny").await;
    assert!(bot.house.slack.modal("lee").is_some());
    bot.presses("bob", "jit_deny").await;
    assert!(
        bot.house.slack.modal("bob").is_none(),
        "it would be in vain"
    );
}

#[tokio::test]
async fn whoever_left_the_user_group_since_the_card_may_open_a_dialog_and_decides_nothing_in_it() {
    let bot = with_usergroup().await;
    bot.asked(ASK).await;
    let slack = &bot.house.slack;
    slack.set_group("approvers", &["lee"]).unwrap();
    bot.presses("bob", "jit_deny").await;
    let why = SubmitValues::new().with("jit_why_text", "no");
    let reply = slack.submit("bob", why).await.unwrap();
    bot.settle().await;
    assert_ne!(reply.outcome, SubmitOutcome::Closed, "{reply:?}");
    let dialog = slack.modal("bob").unwrap().plain();
    assert!(dialog.contains("Only"), "{dialog}");
    let state = bot.last_request().await.state;
    assert!(matches!(state, RequestState::Pending { .. }), "{state:?}");
}

#[tokio::test]
async fn a_user_group_that_hangs_decides_nothing_and_says_so() {
    let bot = Bot::under(&policy(APPROVERS, "approvers"), SHORT).await;
    bot.asked(ASK).await;
    bot.house.slack.fault(hangs("usergroups.users.list"));
    bot.presses("bob", "jit_approve").await;
    let told = bot.told("bob");
    assert!(told.contains("could not read who is in"), "{told}");
    assert!(told.contains("approvers"), "{told}");
    assert_eq!(bot.approvals().await, 0);
}

#[tokio::test]
async fn nobody_is_asked_while_a_user_group_cannot_be_read() {
    let bot = with_usergroup().await;
    let down = FaultKind::Status { status: 500 };
    let fault = Fault::times("usergroups.users.list", 9, down);
    bot.house.slack.fault(fault);
    let told = bot.types("dana", ASK).await;
    assert!(told.contains("could not read who is in"), "{told}");
    assert!(bot.house.slack.messages("access-requests").is_empty());
}

#[tokio::test]
async fn a_group_that_cannot_be_read_does_not_stop_a_member_of_another() {
    let both = policy(APPROVERS, "approvers, leads");
    let bot = Bot::under(&both, SHORT).await;
    bot.asked(ASK).await;
    bot.house.slack.fault(hangs("usergroups.users.list"));
    bot.presses("bob", "jit_approve").await;
    assert_eq!(bot.approvals().await, 0);
    bot.presses("lee", "jit_approve").await;
    assert_eq!(bot.approvals().await, 1);
}

#[tokio::test]
async fn a_user_group_that_is_switched_off_leaves_it_to_the_fallback() {
    let groups = "  approvers: { slack_usergroup: S0APPROVERS, fallback: leads }";
    let bot = Bot::under(&policy(groups, "approvers"), None).await;
    let slack = &bot.house.slack;
    slack.set_group("approvers", &[]).unwrap();
    bot.asked(ASK).await;
    bot.presses("lee", "jit_approve").await;
    assert_eq!(bot.approvals().await, 1, "it is empty");

    let bot = Bot::under(&policy(groups, "approvers"), None).await;
    let off = jitbot::sandbox::Usergroup {
        id: "S0APPROVERS".into(),
        name: "Approvers".into(),
        handle: "approvers".into(),
        users: vec!["U0BOB".into()],
        disabled: true,
    };
    bot.house.slack.set_usergroup(off);
    bot.asked(ASK).await;
    bot.presses("bob", "jit_approve").await;
    assert_eq!(bot.approvals().await, 0, "it is switched off");
    bot.presses("lee", "jit_approve").await;
    assert_eq!(bot.approvals().await, 1);
}

#[tokio::test]
async fn an_empty_user_group_without_a_fallback_lets_nobody_approve() {
    let bot = with_usergroup().await;
    bot.house.slack.set_group("approvers", &[]).unwrap();
    let told = bot.types("dana", ASK).await;
    assert!(told.contains("approvers"), "{told}");
    assert!(bot.house.slack.messages("access-requests").is_empty());
}

#[tokio::test]
async fn a_user_group_is_read_again_after_slack_told_that_it_changed() {
    let bot = with_usergroup().await;
    let slack = &bot.house.slack;
    bot.types("dana", "explain staging-db readonly").await;
    slack.set_group("approvers", &["lee"]).unwrap();
    let told = bot.types("dana", "explain staging-db readonly").await;
    assert!(told.contains("@bob") && !told.contains("@lee"), "{told}");
    let changed = json!({"type": "subteam_members_changed", "subteam_id": "S0APPROVERS"});
    slack.event(changed).await;
    let told = bot.types("dana", "explain staging-db readonly").await;
    assert!(told.contains("@lee") && !told.contains("@bob"), "{told}");
}

#[tokio::test]
async fn a_guest_in_the_user_group_does_not_decide() {
    let bot = with_usergroup().await;
    bot.asked(ASK).await;
    bot.house.slack.set_guest("bob", true).unwrap();
    bot.presses("bob", "jit_approve").await;
    let told = bot.told("bob");
    assert!(told.contains("Guests"), "{told}");
    assert_eq!(bot.approvals().await, 0);
}

// -- managers --

#[tokio::test]
async fn the_manager_is_whom_the_policy_names() {
    let text = policy("", "manager").replace(
        "people:",
        "people:\n  dana: { emails: [dana@acme.example], manager: bob }",
    );
    let bot = Bot::under(&text, None).await;
    // The policy goes before the profile.
    let slack = &bot.house.slack;
    slack
        .set_profile_field("dana", "Xf0MANAGER", "U0LEE")
        .unwrap();
    bot.asked(ASK).await;
    bot.presses("lee", "jit_approve").await;
    assert_eq!(bot.approvals().await, 0);
    bot.presses("bob", "jit_approve").await;
    assert_eq!(bot.approvals().await, 1);
}

#[tokio::test]
async fn the_manager_is_whom_the_profile_names_at_the_click() {
    let bot = Bot::under(&policy("", "manager"), None).await;
    let slack = &bot.house.slack;
    slack
        .set_profile_field("dana", "Xf0MANAGER", "U0LEE")
        .unwrap();
    // Bob's own manager has nothing to do with it.
    slack
        .set_profile_field("bob", "Xf0MANAGER", "U0BOB")
        .unwrap();
    bot.asked(ASK).await;
    bot.presses("bob", "jit_approve").await;
    assert_eq!(bot.approvals().await, 0);
    slack
        .set_profile_field("dana", "Xf0MANAGER", "U0CAROL")
        .unwrap();
    bot.presses("lee", "jit_approve").await;
    assert_eq!(
        bot.approvals().await,
        0,
        "lee was it when the card was posted"
    );
    bot.presses("carol", "jit_approve").await;
    assert_eq!(bot.approvals().await, 1);
}

#[tokio::test]
async fn without_a_manager_nobody_is_asked() {
    let bot = Bot::under(&policy("", "manager"), None).await;
    let told = bot.types("dana", ASK).await;
    assert!(told.contains("manager"), "{told}");
    let slack = &bot.house.slack;
    slack
        .set_profile_field("dana", "Xf0MANAGER", "Lee Larsen")
        .unwrap();
    let told = bot.types("dana", ASK).await;
    assert!(told.contains("could not read who is in"), "{told}");
    assert!(bot.house.slack.messages("access-requests").is_empty());
}

// -- PagerDuty --

pub(super) fn oncall(server: &MockServer, token: &Secret, more: &str) -> String {
    let (token, api) = (token.reference(), server.uri());
    format!(
        "  oncall: {{ pagerduty: {{ schedule: PABC123, token: {token}, api: \"{api}\" }}{more} }}"
    )
}

pub(super) fn on_call(emails: &[&str], more: bool) -> ResponseTemplate {
    let entry = |email: &&str| json!({"user": {"id": "P1", "type": "user", "email": email}});
    let oncalls: Vec<Value> = emails.iter().map(entry).collect();
    ResponseTemplate::new(200).set_body_json(json!({"oncalls": oncalls, "more": more}))
}

/// PagerDuty with bob on call; on its first page is somebody of whom Slack knows nothing.
async fn pagerduty() -> MockServer {
    let server = MockServer::start().await;
    for (offset, page) in [
        ("0", on_call(&["nobody@pager.example"], true)),
        ("100", on_call(&["Bob@pager.example"], false)),
    ] {
        Mock::given(method("GET"))
            .and(path("/oncalls"))
            .and(query_param("schedule_ids[]", "PABC123"))
            .and(query_param("include[]", "users"))
            .and(query_param("offset", offset))
            .and(header("authorization", format!("Token token={TOKEN}")))
            .and(header("accept", "application/vnd.pagerduty+json;version=2"))
            .respond_with(page)
            .mount(&server)
            .await;
    }
    server
}

#[tokio::test]
async fn whoever_is_on_call_approves() {
    let (server, token) = (pagerduty().await, Secret::new(TOKEN));
    let bot = Bot::under(&policy(&oncall(&server, &token, ""), "oncall"), None).await;
    bot.asked(ASK).await;
    bot.presses("lee", "jit_approve").await;
    assert_eq!(bot.approvals().await, 0);
    // PagerDuty knows bob by another address; the policy says that it is his.
    bot.presses("bob", "jit_approve").await;
    assert_eq!(bot.approvals().await, 1);
}

#[tokio::test]
async fn whoever_was_relieved_since_the_card_decides_no_more() {
    let (server, token) = (pagerduty().await, Secret::new(TOKEN));
    let bot = Bot::under(&policy(&oncall(&server, &token, ""), "oncall"), None).await;
    bot.asked(ASK).await;
    server.reset().await;
    let now = Mock::given(any()).respond_with(on_call(&["lee@acme.example"], false));
    now.mount(&server).await;
    bot.presses("bob", "jit_approve").await;
    assert_eq!(bot.approvals().await, 0);
    bot.presses("lee", "jit_approve").await;
    assert_eq!(bot.approvals().await, 1);
}

#[tokio::test]
async fn the_fallback_stands_in_when_pagerduty_is_empty_down_or_hangs() {
    for answer in [
        on_call(&[], false),
        ResponseTemplate::new(500),
        ResponseTemplate::new(401),
        ResponseTemplate::new(200).set_body_string("<html>"),
        on_call(&["lee@acme.example"], false).set_delay(Duration::from_mins(1)),
    ] {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(answer).mount(&server).await;
        let token = Secret::new(TOKEN);
        // The fallback is itself read elsewhere.
        let groups = oncall(&server, &token, ", fallback: approvers");
        let groups = format!("{groups}\n{APPROVERS}");
        let bot = Bot::under(&policy(&groups, "oncall"), None).await;
        bot.asked(ASK).await;
        bot.presses("bob", "jit_approve").await;
        assert_eq!(bot.approvals().await, 1);
    }
}

#[tokio::test]
async fn a_secret_stands_in_no_log_and_no_message() {
    let (log, _listening) = Log::listen();
    let server = MockServer::start().await;
    let echo = format!("{TOKEN} {SECRET} dana@acme.example");
    let refusal = ResponseTemplate::new(403).set_body_string(echo);
    Mock::given(any())
        .respond_with(refusal)
        .mount(&server)
        .await;
    let (token, secret) = (Secret::new(TOKEN), Secret::new(SECRET));
    let groups = [
        oncall(&server, &token, ""),
        crm(&format!("{}/hook/{TOKEN}", server.uri()), &secret),
    ];
    let bot = Bot::under(&policy(&groups.join("\n"), "oncall, crm"), None).await;
    let told = bot.types("dana", ASK).await;
    assert!(told.contains("could not read who is in"), "{told}");
    let asked = server.received_requests().await.unwrap();
    assert_eq!(asked.len(), 2, "both were called");
    let logged = log.text();
    assert!(logged.contains("could not be read"), "{logged}");
    assert!(logged.contains("403"), "{logged}");
    for text in [logged, told] {
        assert!(!text.contains(TOKEN) && !text.contains("MfKQ9r8"), "{text}");
        assert!(!text.contains("dana@acme.example"), "{text}");
    }
}

// -- webhooks --

pub(super) fn crm(url: &str, secret: &Secret) -> String {
    let secret = secret.reference();
    format!("  crm: {{ webhook: {{ url: \"{url}\", secret: {secret} }} }}")
}

pub(super) fn members(members: &[&str]) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "members": members }))
}

#[tokio::test]
async fn a_webhook_is_asked_with_a_signature_that_its_receiver_accepts() {
    let (server, secret) = (MockServer::start().await, Secret::new(SECRET));
    let answer = members(&["bob@acme.example", "U0LEE"]);
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let bot = Bot::under(&policy(&crm(&server.uri(), &secret), "crm"), None).await;
    bot.asked(ASK).await;
    bot.presses("lee", "jit_approve").await;
    assert_eq!(bot.approvals().await, 1);
    let asked = server.received_requests().await.unwrap();
    assert_eq!(asked.len(), 2, "for the card, and at the click");
    for request in asked {
        let receiver = Webhook::new(SECRET).unwrap();
        receiver.verify(&request.body, &request.headers).unwrap();
        let body: Value = request.body_json().unwrap();
        assert_eq!(body, json!({"type": "group.members", "group": "crm"}));
    }
}

/// A directory by itself, under the policy of the test. No two acts share what they read.
pub(super) struct World {
    pub(super) house: House,
    pub(super) directory: Directory,
    pub(super) policy: Policy,
}

impl World {
    /// With a user group of Slack, `approvers`, of bob and carol.
    pub(super) async fn with_usergroup() -> Self {
        Self::under(&policy(APPROVERS, "approvers")).await
    }

    async fn under(text: &str) -> Self {
        let house = House::open().await;
        let source = Source {
            name: "access.yaml".into(),
            text: text.to_owned(),
        };
        let policy = Policy::from_sources(vec![source]);
        let store = house.engine.store().clone();
        let directory = Directory::new(store, house.worker.slack.clone());
        let loopback = BTreeSet::from(["127.0.0.1".to_owned()]);
        Self {
            directory: directory
                .allow_hosts(loopback)
                .with_just_now(Duration::ZERO),
            policy: policy.unwrap_or_else(|faults| panic!("{}", faults.render(false))),
            house,
        }
    }

    pub(super) fn about(&self, group: &str) -> About {
        About {
            groups: BTreeSet::from([GroupName::new(group)]),
            holder: self.house.id("dana"),
        }
    }

    pub(super) async fn click(&self, user: &str, group: &str) -> Result<Member, DirectoryFault> {
        let about = self.about(group);
        let reading = self.directory.member_at_click(&self.policy, user, &about);
        reading.await
    }

    pub(super) async fn roster(&self, group: &str) -> Result<Roster, DirectoryFault> {
        let dana = self.house.person("dana").await;
        let groups = [GroupName::new(group)];
        self.directory.roster(&self.policy, groups, &dana).await
    }

    async fn standing(&self, who: &str, groups: &[&str]) -> Standing {
        let person = self.house.person(who).await;
        let groups = groups.iter().map(|group| GroupName::new(*group)).collect();
        let reading = self.directory.standing(&self.policy, &person, groups);
        reading.await.unwrap()
    }

    pub(super) fn reads(&self) -> usize {
        self.house.slack.calls_to("usergroups.users.list").len()
    }
}

fn names_crm(fault: &DirectoryFault) -> bool {
    matches!(fault, DirectoryFault::Groups(groups) if groups == &[GroupName::new("crm")])
}

#[tokio::test]
async fn any_other_answer_says_nothing() {
    let secret = Secret::new(SECRET);
    let elsewhere = MockServer::start().await;
    let everybody = members(&["U0BOB"]);
    Mock::given(any())
        .respond_with(everybody)
        .mount(&elsewhere)
        .await;
    for answer in [
        ResponseTemplate::new(500),
        ResponseTemplate::new(404).set_body_json(json!({"members": ["U0BOB"]})),
        ResponseTemplate::new(302).insert_header("location", elsewhere.uri()),
        ResponseTemplate::new(204),
        ResponseTemplate::new(200).set_body_json(json!({"people": ["U0BOB"]})),
        ResponseTemplate::new(200).set_body_json(json!(["U0BOB"])),
        members(&["U0BOB", "bob"]),
        members(&[&"x".repeat(300 * 1024), "U0BOB"]),
    ] {
        let server = MockServer::start().await;
        let shown = format!("{answer:?}");
        Mock::given(any()).respond_with(answer).mount(&server).await;
        let world = World::under(&policy(&crm(&server.uri(), &secret), "crm")).await;
        let clicked = world.click("U0BOB", "crm").await.unwrap_err();
        assert!(names_crm(&clicked), "{shown}: {clicked:?}");
        assert!(world.roster("crm").await.is_err(), "{shown}");
    }
    let called = elsewhere.received_requests().await.unwrap();
    assert!(called.is_empty(), "a redirect is not followed");
}

#[tokio::test]
async fn what_is_internal_is_not_called_unless_the_operator_says_so() {
    let (server, secret) = (MockServer::start().await, Secret::new(SECRET));
    Mock::given(any())
        .respond_with(members(&["U0BOB"]))
        .mount(&server)
        .await;
    let mut world = World::under(&policy(&crm(&server.uri(), &secret), "crm")).await;
    assert!(world.click("U0BOB", "crm").await.is_ok());
    world.directory = world.directory.allow_hosts(BTreeSet::new());
    let fault = world.click("U0BOB", "crm").await.unwrap_err();
    assert!(names_crm(&fault), "{fault:?}");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_secret_that_is_missing_or_none_says_nothing() {
    let server = MockServer::start().await;
    for secret in ["", "not base64 at all!"] {
        let secret = Secret::new(secret);
        let world = World::under(&policy(&crm(&server.uri(), &secret), "crm")).await;
        assert!(names_crm(&world.click("U0BOB", "crm").await.unwrap_err()));
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

// -- what serves how long --

#[tokio::test]
async fn asking_uses_what_was_read_lately_and_a_click_does_not() {
    let world = World::under(&policy(APPROVERS, "approvers")).await;
    let roster = world.roster("approvers").await.unwrap();
    let people = &roster.groups[&GroupName::new("approvers")];
    let expected = BTreeSet::from([world.house.id("bob"), world.house.id("carol")]);
    assert_eq!(people, &expected);
    world.roster("approvers").await.unwrap();
    world.standing("bob", &["approvers"]).await;
    assert_eq!(world.reads(), 1);
    world.click("U0BOB", "approvers").await.unwrap();
    world.click("U0BOB", "approvers").await.unwrap();
    assert_eq!(world.reads(), 3);
    world.directory.forget_usergroups();
    world.roster("approvers").await.unwrap();
    assert_eq!(world.reads(), 4, "Slack told that it changed");
}

#[tokio::test]
async fn whoever_asks_waits_once_for_a_source_that_hangs() {
    let world = World::under(&policy(APPROVERS, "approvers")).await;
    world.house.slack.fault(hangs("usergroups.users.list"));
    let bob = world.standing("bob", &["approvers"]).await;
    assert_eq!(
        bob.unreadable,
        BTreeSet::from([GroupName::new("approvers")])
    );
    assert!(world.roster("approvers").await.is_err());
    assert_eq!(world.reads(), 1);
    assert!(world.click("U0BOB", "approvers").await.is_err());
    assert_eq!(world.reads(), 2, "a click asks in any case");
}

#[tokio::test]
async fn all_that_one_act_reads_shares_one_deadline() {
    let (server, secret) = (MockServer::start().await, Secret::new(SECRET));
    let hangs = members(&["U0BOB"]).set_delay(Duration::from_mins(1));
    Mock::given(any()).respond_with(hangs).mount(&server).await;
    let groups = format!("{APPROVERS}\n{}", crm(&server.uri(), &secret));
    let mut world = World::under(&policy(&groups, "approvers, crm")).await;
    world.directory = world.directory.with_budget(Duration::from_millis(700));
    let dana = world.house.person("dana").await;
    let (approvers, crm) = (GroupName::new("approvers"), GroupName::new("crm"));
    let crm = BTreeSet::from([crm]);
    let policy = &world.policy;

    let act = world.directory.for_one_act();
    let standing = act.standing_now(policy, &dana, crm.clone()).await.unwrap();
    assert_eq!(standing.unreadable, crm);
    let late = act.roster(policy, [approvers.clone()], &dana).await;
    assert!(matches!(late, Err(DirectoryFault::Groups(_))), "{late:?}");
    assert!(world.roster("approvers").await.is_ok(), "another act");
    let act = world.directory.for_one_act();
    act.standing_now(policy, &dana, crm).await.unwrap();
    assert!(
        act.roster(policy, [approvers], &dana).await.is_ok(),
        "what was read lately still serves"
    );
}

#[tokio::test]
async fn a_roster_says_how_old_it_is() {
    let groups = "  approvers: { slack_usergroup: S0APPROVERS, fallback: leads }";
    let world = World::under(&policy(groups, "approvers")).await;
    let name = GroupName::new("approvers");
    let roster = world.roster("approvers").await.unwrap();
    let requested = crate::harness::house::morning();
    let read = roster.read_at(&name, requested).unwrap();
    assert!(read <= requested, "{read}");
    let listed = world.roster("leads").await.unwrap();
    assert_eq!(listed.read_at(&GroupName::new("leads"), requested), None);
    world.house.slack.set_group("approvers", &[]).unwrap();
    world.directory.forget_usergroups();
    let fallen = world.roster("approvers").await.unwrap();
    assert_eq!(
        fallen.ages.get(&name),
        None,
        "the policy lists who stands in"
    );
    assert_eq!(
        fallen.groups[&name],
        BTreeSet::from([world.house.id("lee")])
    );
}

#[tokio::test]
async fn a_whole_department_is_neither_looked_up_nor_kept_from_deciding() {
    let world = World::under(&policy(APPROVERS, "approvers")).await;
    let slack = &world.house.slack;
    let mut users: Vec<String> = Vec::new();
    for number in 100..300 {
        let id = format!("U0A{number}");
        slack.add_user(jitbot::sandbox::User {
            id: id.clone(),
            name: id.to_lowercase(),
            team_id: "T0ACME".into(),
            ..Default::default()
        });
        users.push(id);
    }
    users.push("U0ZOE".into());
    let mut zoe = jitbot::sandbox::User::default();
    (zoe.id, zoe.team_id) = ("U0ZOE".into(), "T0ACME".into());
    slack.add_user(zoe);
    slack.set_usergroup(jitbot::sandbox::Usergroup {
        id: "S0APPROVERS".into(),
        name: "Everybody".into(),
        handle: "everybody".into(),
        users,
        disabled: false,
    });
    let name = GroupName::new("approvers");
    let roster = world.roster("approvers").await.unwrap();
    assert_eq!(roster.groups[&name].len(), 40);
    assert_eq!(slack.calls_to("users.info").len(), 40);
    let zoe = world.click("U0ZOE", "approvers").await.unwrap();
    assert!(zoe.groups.contains(&name));
}

#[tokio::test]
async fn a_standing_tells_what_is_known_and_what_is_not() {
    let (server, secret) = (MockServer::start().await, Secret::new(SECRET));
    let down = ResponseTemplate::new(503);
    Mock::given(any()).respond_with(down).mount(&server).await;
    let groups = format!("{APPROVERS}\n{}", crm(&server.uri(), &secret));
    let world = World::under(&policy(&groups, "approvers, crm")).await;
    let asked = ["approvers", "crm", "leads", "manager"];
    let bob = world.standing("bob", &asked).await;
    let (approvers, crm) = (GroupName::new("approvers"), GroupName::new("crm"));
    assert_eq!(
        bob,
        Standing {
            groups: BTreeSet::from([approvers]),
            unreadable: BTreeSet::from([crm]),
            guest: false,
            timezone: Some("America/New_York".to_owned()),
        }
    );
    world.house.slack.set_guest("erin", true).unwrap();
    let erin = world.standing("erin", &["approvers"]).await;
    assert!(erin.guest && erin.groups.is_empty() && erin.unreadable.is_empty());
}

#[tokio::test]
async fn an_address_that_is_not_confirmed_is_nobodys_on_call_either() {
    let (server, secret) = (MockServer::start().await, Secret::new(SECRET));
    let answer = members(&["bob@acme.example"]);
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let world = World::under(&policy(&crm(&server.uri(), &secret), "crm")).await;
    let crm = GroupName::new("crm");
    assert!(
        world
            .click("U0BOB", "crm")
            .await
            .unwrap()
            .groups
            .contains(&crm)
    );
    world.house.slack.set_email_confirmed("bob", false).unwrap();
    let bob = world.click("U0BOB", "crm").await.unwrap();
    assert!(!bob.groups.contains(&crm), "{bob:?}");
    let person = world.house.person("bob").await;
    let address = Identity::email("bob@acme.example");
    assert!(!person.identities.contains(&address), "{person:?}");
}
