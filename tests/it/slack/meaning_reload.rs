//! A policy that changes while requests wait, are approved, or are held.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::TimeDelta;
use jitbot::cli::reload::{Looked, Reload};
use jitbot::domain::{Event, GrantState, RequestState, RevokeCause};
use jitbot::engine::Engine;
use jitbot::policy::{Policy, Source};
use jitbot::sandbox::Message;

use super::bot::Bot;

const POLICY: &str = r##"
version: 1
defaults:
  channel: "#access-requests"
  fallback_channel: "#access-fallback"
  admin_channel: "#general"
groups:
  dba: { members: [bob@acme.example, carol@acme.example] }
  leads: { members: [lee@acme.example] }
connectors:
  staging: { kind: webhook, url: "https://target.example/jit", secret: { env: NEVER_READ } }
resources:
  staging-db: { connector: staging, roles: { readonly: app_ro } }
rules:
  - name: reading
    match: { resources: [staging-db] }
    decision: review
    require: { max_duration: 4h }
    steps: [{ from: [dba] }]
"##;

/// The same, stricter: shorter, and the leads as well.
fn stricter() -> String {
    let steps = "steps: [{ from: [dba] }, { from: [leads] }]";
    let shorter = POLICY.replace("max_duration: 4h", "max_duration: 1h");
    shorter.replace("steps: [{ from: [dba] }]", steps)
}

/// The same, laxer: nobody is asked.
fn laxer() -> String {
    let open = POLICY.replace("decision: review", "decision: approve");
    open.replace("    steps: [{ from: [dba] }]\n", "")
}

/// The same, with nothing to ask for.
fn emptied() -> String {
    let (head, _) = POLICY.split_once("connectors:").unwrap();
    head.to_owned()
}

/// The same, with a secret in clear and a key that nobody knows.
fn broken() -> String {
    POLICY.replace(
        "secret: { env: NEVER_READ }",
        "secret: hunter2-in-clear, colour: red",
    )
}

fn policy(text: &str) -> Policy {
    let (name, text) = ("access.yaml".into(), text.into());
    Policy::from_sources(vec![Source { name, text }])
        .unwrap_or_else(|faults| panic!("{}", faults.render(false)))
}

/// A folder as a policy is mounted into a container: links to files of a hidden folder.
struct Folder(PathBuf);

impl Folder {
    fn with(text: &str) -> Self {
        let folder = Self(std::env::temp_dir().join(format!("jit-{}", uuid::Uuid::now_v7())));
        std::fs::create_dir(&folder.0).unwrap();
        std::os::unix::fs::symlink("..data/access.yaml", folder.0.join("access.yaml")).unwrap();
        folder.swap(text);
        folder
    }

    fn path(&self) -> &Path {
        &self.0
    }

    /// Puts another version into its place.
    fn swap(&self, text: &str) {
        self.vanish();
        let version = format!("..{}", uuid::Uuid::now_v7());
        std::fs::create_dir(self.0.join(&version)).unwrap();
        std::fs::write(self.0.join(&version).join("access.yaml"), text).unwrap();
        std::os::unix::fs::symlink(&version, self.0.join("..data")).unwrap();
    }

    /// Leaves the folder without what its links lead to.
    fn vanish(&self) {
        let _ = std::fs::remove_file(self.0.join("..data"));
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn bot() -> Bot {
    Bot::under(POLICY, None).await
}

fn following(bot: &Bot, folder: &Folder) -> Reload {
    let (engine, connectors) = (&bot.house.engine, &bot.house.worker.connectors);
    Reload::new(
        folder.path().to_owned(),
        Arc::clone(engine),
        Arc::clone(connectors),
    )
}

/// The changes of the policy on record.
async fn changes(bot: &Bot) -> Vec<(Option<String>, String)> {
    let entries = bot
        .house
        .engine
        .store()
        .ledger_after(0, 1000)
        .await
        .unwrap();
    let events = entries.iter().map(|stored| stored.entry().unwrap().what);
    events
        .filter_map(|event| match event {
            Event::PolicyChanged { from, to } => Some((from, to)),
            _ => None,
        })
        .collect()
}

/// What the admins were told.
fn told(bot: &Bot) -> Vec<String> {
    let told = bot.house.slack.messages("general");
    told.iter().map(Message::plain).collect()
}

async fn adopt(bot: &Bot, text: &str) {
    bot.house.engine.adopt(policy(text)).await.unwrap();
}

#[tokio::test]
async fn a_changed_policy_decides_at_once_and_is_on_record_with_both_hashes() {
    let bot = bot().await;
    let folder = Folder::with(POLICY);
    adopt(&bot, POLICY).await;
    let first = policy(POLICY).hash().to_owned();
    let mut reload = following(&bot, &folder);
    assert_eq!(reload.look().await, Looked::Same);
    folder.swap(&stricter());
    assert_eq!(reload.look().await, Looked::Adopted);
    assert_eq!(reload.look().await, Looked::Same);
    let second = policy(&stricter()).hash().to_owned();
    assert_eq!(bot.house.engine.policy().hash(), second);
    let expected = vec![(None, first.clone()), (Some(first), second)];
    assert_eq!(changes(&bot).await, expected);
    let told = bot.types("dana", "request staging-db 2h to see").await;
    assert!(told.contains("at most 1h"), "{told}");
}

#[tokio::test]
async fn a_policy_with_faults_is_not_taken_and_the_admins_are_told_once() {
    let bot = bot().await;
    let folder = Folder::with(POLICY);
    adopt(&bot, POLICY).await;
    let mut reload = following(&bot, &folder);
    // Another process with the same database, that finds the same.
    let store = bot.house.engine.store().clone();
    let other = Engine::new(store, policy(POLICY), bot.house.engine.clock().clone());
    let connectors = Arc::clone(&bot.house.worker.connectors);
    let mut twin = Reload::new(folder.path().to_owned(), Arc::new(other), connectors);

    folder.swap(&broken());
    assert_eq!(reload.look().await, Looked::Refused);
    assert_eq!(
        reload.look().await,
        Looked::Same,
        "the same faults are no news"
    );
    assert_eq!(twin.look().await, Looked::Refused);
    bot.settle().await;
    let first = told(&bot);
    assert_eq!(first.len(), 1, "{first:?}");
    assert!(
        first[0].contains("access.yaml:") && first[0].contains("colour"),
        "{first:?}"
    );
    assert!(!first[0].contains("hunter2"), "{first:?}");
    assert_eq!(bot.house.engine.policy().hash(), policy(POLICY).hash());
    bot.asked("request staging-db 4h to see").await;

    folder.swap(&stricter());
    assert_eq!(reload.look().await, Looked::Adopted);
    assert_eq!(twin.look().await, Looked::Adopted);
    bot.settle().await;
    let both = told(&bot);
    assert_eq!(both.len(), 2, "{both:?}");
    assert!(both[1].contains("without fault again"), "{both:?}");
    assert_eq!(
        changes(&bot).await.len(),
        2,
        "once, whichever process came first"
    );
}

#[tokio::test]
async fn a_policy_that_is_taken_back_is_without_fault_again() {
    let bot = bot().await;
    let folder = Folder::with(POLICY);
    adopt(&bot, POLICY).await;
    let mut reload = following(&bot, &folder);
    folder.swap(&broken());
    assert_eq!(reload.look().await, Looked::Refused);
    folder.swap(POLICY);
    assert_eq!(reload.look().await, Looked::Adopted);
    bot.settle().await;
    assert_eq!(told(&bot).len(), 2);
    assert_eq!(changes(&bot).await.len(), 1, "nothing has changed");
}

#[tokio::test]
async fn a_folder_that_is_gone_for_a_moment_is_nothing_to_speak_of() {
    let bot = bot().await;
    let folder = Folder::with(POLICY);
    adopt(&bot, POLICY).await;
    let mut reload = following(&bot, &folder);
    folder.vanish();
    assert_eq!(reload.look().await, Looked::Same);
    assert_eq!(reload.look().await, Looked::Same);
    folder.swap(POLICY);
    assert_eq!(reload.look().await, Looked::Same);
    bot.settle().await;
    assert!(told(&bot).is_empty(), "{:?}", told(&bot));

    // Gone for good is told, and once.
    folder.vanish();
    let looks = [
        reload.look().await,
        reload.look().await,
        reload.look().await,
    ];
    assert_eq!(looks, [Looked::Same, Looked::Same, Looked::Refused]);
    assert_eq!(reload.look().await, Looked::Same);
    bot.settle().await;
    assert_eq!(told(&bot).len(), 1, "{:?}", told(&bot));
    assert_eq!(bot.house.engine.policy().hash(), policy(POLICY).hash());
    folder.swap(POLICY);
    assert_eq!(reload.look().await, Looked::Adopted);
}

#[tokio::test]
async fn a_stricter_policy_tightens_what_waits_at_the_next_click() {
    let bot = bot().await;
    bot.asked("request staging-db 4h to see").await;
    adopt(&bot, &stricter()).await;
    bot.presses("bob", "jit_approve").await;
    let request = bot.last_request().await;
    assert!(matches!(
        request.state,
        RequestState::Pending { step: 1, .. }
    ));
    assert_eq!(request.terms.duration.to_string(), "1h");
    bot.presses("lee", "jit_approve").await;
    let request = bot.last_request().await;
    let until = bot.house.target.holds(&request.access).unwrap();
    assert_eq!(until.to_rfc3339(), "2027-03-01T10:00:00+00:00");
}

#[tokio::test]
async fn a_policy_that_no_longer_allows_it_ends_what_waits() {
    let bot = bot().await;
    bot.asked("request staging-db 4h to see").await;
    adopt(&bot, &emptied()).await;
    bot.presses("bob", "jit_approve").await;
    let request = bot.last_request().await;
    let over = matches!(request.state, RequestState::Overruled { .. });
    assert!(over, "{:?}", request.state);
    let told = bot.told("bob");
    assert!(told.contains("no longer allows it"), "{told}");
    assert!(bot.house.target.calls().is_empty());
}

#[tokio::test]
async fn a_laxer_policy_never_approves_what_waits() {
    let bot = bot().await;
    adopt(&bot, &stricter()).await;
    bot.asked("request staging-db 1h to see").await;
    adopt(&bot, &laxer()).await;
    bot.settle().await;
    bot.presses("bob", "jit_approve").await;
    let request = bot.last_request().await;
    assert!(matches!(
        request.state,
        RequestState::Pending { step: 1, .. }
    ));
    assert!(bot.house.target.is_empty());
    bot.presses("lee", "jit_approve").await;
    let request = bot.last_request().await;
    assert!(matches!(
        request.grant().unwrap().state,
        GrantState::Active { .. }
    ));
}

#[tokio::test]
async fn what_left_the_policy_is_still_taken_away_on_time() {
    let bot = bot().await;
    let folder = Folder::with(POLICY);
    bot.asked("request staging-db 1h to see").await;
    bot.presses("bob", "jit_approve").await;
    folder.swap(&emptied());
    let mut reload = following(&bot, &folder);
    assert_eq!(reload.look().await, Looked::Adopted);
    bot.house.pass(TimeDelta::minutes(59));
    bot.settle().await;
    let request = bot.last_request().await;
    let held = &request.grant().unwrap().state;
    assert!(matches!(held, GrantState::Active { .. }), "{held:?}");
    assert!(bot.house.target.holds(&request.access).is_some());
    bot.house.pass(TimeDelta::minutes(1));
    bot.settle().await;
    assert!(bot.house.target.is_empty());
    let request = bot.last_request().await;
    let Some(GrantState::Revoked { cause, .. }) = request.grant().map(|grant| &grant.state) else {
        panic!("{:?}", request.state)
    };
    assert_eq!(*cause, RevokeCause::Lapsed);
}

#[tokio::test]
async fn what_left_the_policy_can_still_be_revoked_by_its_approvers() {
    let bot = bot().await;
    bot.asked("request staging-db 1h to see").await;
    bot.presses("bob", "jit_approve").await;
    // The group is still there; what it decided on is not.
    adopt(&bot, &emptied()).await;
    let told = bot.types("bob", "revoke #1 tidying up").await;
    assert!(told.contains("being taken away"), "{told}");
    assert!(bot.house.target.is_empty());
    let request = bot.last_request().await;
    let Some(GrantState::Revoked { cause, .. }) = request.grant().map(|grant| &grant.state) else {
        panic!("{:?}", request.state)
    };
    assert!(matches!(cause, RevokeCause::Revoked { .. }), "{cause:?}");
}

#[tokio::test]
async fn one_place_under_two_names_keeps_what_is_still_wanted() {
    let bot = bot().await;
    bot.asked("request staging-db 1h to see").await;
    bot.presses("bob", "jit_approve").await;
    adopt(&bot, &POLICY.replace("target.example", "a.example")).await;
    bot.asked("request staging-db 2h to see more").await;
    bot.presses("bob", "jit_approve").await;
    let longer = bot.last_request().await;
    let end = bot.house.clock.now() + TimeDelta::hours(2);
    assert_eq!(bot.house.target.holds(&longer.access), Some(end));
    bot.house.pass(TimeDelta::hours(1));
    bot.settle().await;
    let requests = bot.house.engine.store().all_requests().await.unwrap();
    let first = requests.iter().find(|request| request.number == 1).unwrap();
    let over = &first.grant().unwrap().state;
    assert!(matches!(over, GrantState::Revoked { .. }), "{over:?}");
    assert_eq!(bot.house.target.holds(&longer.access), Some(end));
    bot.house.pass(TimeDelta::hours(1));
    bot.settle().await;
    assert!(bot.house.target.is_empty());
}
