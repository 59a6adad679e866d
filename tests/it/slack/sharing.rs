//! Slack lets a user group be read twenty times a minute: which acts share a reading, and which do not.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use futures::poll;
use jitbot::directory::DirectoryFault;
use jitbot::domain::{GroupName, Member};
use jitbot::sandbox::{Fault, FaultKind};

use super::bot::SOON;
use super::sources::World;

/// Longer than any test takes.
const LONG: Duration = Duration::from_mins(1);

async fn sharing() -> World {
    let mut world = World::with_usergroup().await;
    world.directory = world.directory.with_just_now(LONG);
    world
}

/// Lets Slack take so long for its next answer.
fn slow(world: &World, millis: u64) {
    let delay = FaultKind::Delay { millis };
    let fault = Fault::once("usergroups.users.list", delay);
    world.house.slack.fault(fault);
}

fn approves(read: Result<Member, DirectoryFault>) -> bool {
    read.unwrap().groups.contains(&GroupName::new("approvers"))
}

async fn glance(world: &World, user: &str) -> bool {
    let about = world.about("approvers");
    let glance = world
        .directory
        .member_at_a_glance(&world.policy, user, &about);
    approves(glance.await)
}

async fn asks_now(world: &World) {
    let dana = world.house.person("dana").await;
    let groups = BTreeSet::from([GroupName::new("approvers")]);
    let standing = world.directory.standing_now(&world.policy, &dana, groups);
    standing.await.unwrap();
}

/// Lets time pass for whatever is read.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn clicks_share_what_was_read_just_now_and_no_longer() {
    let world = sharing().await;
    assert!(approves(world.click("U0BOB", "approvers").await));
    assert!(approves(world.click("U0CAROL", "approvers").await));
    assert!(!approves(world.click("U0LEE", "approvers").await));
    assert_eq!(world.reads(), 1);
    pass(LONG).await;
    assert!(approves(world.click("U0BOB", "approvers").await));
    assert_eq!(world.reads(), 2);
}

#[tokio::test]
async fn that_a_group_is_empty_is_shared_by_clicks_and_kept_for_nobody_else() {
    let world = sharing().await;
    world.house.slack.set_group("approvers", &[]).unwrap();
    assert!(!approves(world.click("U0BOB", "approvers").await));
    assert!(!glance(&world, "U0BOB").await);
    assert_eq!(world.reads(), 2, "a glance asks, and then has it");
    assert!(!approves(world.click("U0BOB", "approvers").await));
    assert_eq!(world.reads(), 2);
    world.house.slack.set_group("approvers", &["lee"]).unwrap();
    let roster = world.roster("approvers").await.unwrap();
    let lee = BTreeSet::from([world.house.id("lee")]);
    assert_eq!(roster.groups[&GroupName::new("approvers")], lee);
}

#[tokio::test]
async fn two_seconds_are_just_now() {
    let world = World::with_usergroup().await;
    let usual = jitbot::directory::Directory::new(
        world.house.engine.store().clone(),
        world.house.worker.slack.clone(),
    );
    let world = World {
        directory: usual,
        ..world
    };
    assert!(approves(world.click("U0BOB", "approvers").await));
    pass(Duration::from_secs(2)).await;
    world.house.slack.set_group("approvers", &["lee"]).unwrap();
    assert!(approves(world.click("U0LEE", "approvers").await));
    assert!(!approves(world.click("U0BOB", "approvers").await));
}

#[tokio::test]
async fn after_slack_told_that_a_group_changed_nothing_older_counts_at_a_click() {
    let world = sharing().await;
    assert!(approves(world.click("U0BOB", "approvers").await));
    world.house.slack.set_group("approvers", &["lee"]).unwrap();
    world.directory.forget_usergroups();
    assert!(!approves(world.click("U0BOB", "approvers").await));
    assert!(approves(world.click("U0LEE", "approvers").await));
}

#[tokio::test]
async fn what_gives_access_with_nobody_deciding_is_read_for_itself() {
    let world = sharing().await;
    assert!(approves(world.click("U0BOB", "approvers").await));
    asks_now(&world).await;
    asks_now(&world).await;
    assert_eq!(world.reads(), 3);
    slow(&world, 300);
    let click = world.click("U0BOB", "approvers");
    let (clicked, ()) = tokio::join!(click, asks_now(&world));
    assert!(approves(clicked));
    assert_eq!(world.reads(), 4, "the click had it from before");
    world.directory.forget_usergroups();
    slow(&world, 300);
    let click = world.click("U0BOB", "approvers");
    let (clicked, ()) = tokio::join!(click, asks_now(&world));
    assert!(approves(clicked));
    assert_eq!(world.reads(), 6, "it joins nobody");
}

#[tokio::test]
async fn whoever_clicks_while_a_group_is_read_gets_that_answer() {
    let world = sharing().await;
    slow(&world, 300);
    let users = ["U0BOB", "U0CAROL", "U0BOB", "U0CAROL", "U0BOB", "U0CAROL"];
    let clicks = users.map(|user| world.click(user, "approvers"));
    let clicks = join_all(clicks).await;
    assert!(clicks.into_iter().all(approves));
    assert_eq!(world.reads(), 1);
}

#[tokio::test]
async fn whoever_began_a_reading_and_gives_up_loses_it_for_nobody() {
    let world = sharing().await;
    slow(&world, 300);
    let dana = world.house.person("dana").await;
    let name = GroupName::new("approvers");
    let read = || world.directory.roster(&world.policy, [name.clone()], &dana);
    let (mut first, mut second) = (Box::pin(read()), Box::pin(read()));
    let slack = &world.house.slack;
    // Each asks as soon as it is driven.
    let asked = slack.wait_for(|_| world.reads() == 1, SOON);
    let begun = async {
        tokio::pin!(asked);
        loop {
            assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
            if poll!(&mut asked).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    begun.await;
    drop(first);
    let roster = second.await.unwrap();
    assert_eq!(roster.groups[&name].len(), 2);
    assert_eq!(world.reads(), 1);
}

#[tokio::test]
async fn each_waits_for_a_shared_reading_in_their_own_time() {
    let world = sharing().await;
    let dana = world.house.person("dana").await;
    let hasty = world.directory.within(Duration::from_millis(150));
    slow(&world, 900);
    let name = GroupName::new("approvers");
    let hasty = hasty.roster(&world.policy, [name.clone()], &dana);
    let patient = world.directory.roster(&world.policy, [name.clone()], &dana);
    let (late, roster) = tokio::join!(hasty, patient);
    assert!(matches!(late, Err(DirectoryFault::Groups(_))), "{late:?}");
    assert_eq!(roster.unwrap().groups[&name].len(), 2);
    assert_eq!(world.reads(), 1);
}

#[tokio::test]
async fn what_was_being_read_when_a_group_changed_is_neither_joined_nor_kept() {
    let world = sharing().await;
    slow(&world, 600);
    let slack = &world.house.slack;
    let changing = async {
        assert!(slack.wait_for(|_| world.reads() == 1, SOON).await);
        slack.set_group("approvers", &["lee"]).unwrap();
        world.directory.forget_usergroups();
        assert!(approves(world.click("U0LEE", "approvers").await));
        assert_eq!(world.reads(), 2);
    };
    let (before, ()) = tokio::join!(world.click("U0BOB", "approvers"), changing);
    assert!(approves(before), "it was so when it was asked");
    assert!(!approves(world.click("U0BOB", "approvers").await));
    let roster = world.roster("approvers").await.unwrap();
    let lee = BTreeSet::from([world.house.id("lee")]);
    assert_eq!(roster.groups[&GroupName::new("approvers")], lee);
    assert_eq!(world.reads(), 2);
}

#[tokio::test]
async fn a_glance_asks_nobody_about_who_was_a_member_lately_and_sends_nobody_away_unasked() {
    let world = World::with_usergroup().await;
    world.roster("approvers").await.unwrap();
    let users = world.house.slack.calls_to("users.info").len();
    assert!(glance(&world, "U0BOB").await);
    assert!(glance(&world, "U0CAROL").await);
    assert_eq!(world.reads(), 1);
    assert_eq!(world.house.slack.calls_to("users.info").len(), users);
    world.house.slack.set_group("approvers", &["lee"]).unwrap();
    assert!(glance(&world, "U0LEE").await, "since a moment ago");
    assert_eq!(world.reads(), 2);
    assert!(!glance(&world, "U0BOB").await);
}

#[tokio::test]
async fn a_glance_sends_nobody_away_who_was_a_guest_until_lately() {
    let world = World::with_usergroup().await;
    world.house.slack.set_guest("bob", true).unwrap();
    let about = world.about("approvers");
    let glance = || {
        world
            .directory
            .member_at_a_glance(&world.policy, "U0BOB", &about)
    };
    assert!(matches!(glance().await, Err(DirectoryFault::Unfit(_))));
    world.house.slack.set_guest("bob", false).unwrap();
    assert!(approves(glance().await));
}
