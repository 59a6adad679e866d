//! Who cannot decide, whatever a policy says: strangers of shared channels, guests, apps, and people
//! who have left.

use jitbot::domain::{Actor, Event};
use jitbot::sandbox::User;
use jitbot::store::ledger::Entry;

use super::bot::Bot;

type Change = fn(&mut User);

/// Bob, whom the policy names, after that change of his account: what he is told at a click.
async fn told_after(change: Change) -> (String, usize) {
    let bot = Bot::by_http().await;
    bot.asked("request staging-db readonly 1h to see").await;
    bot.house.slack.change_user("bob", change).unwrap();
    bot.presses("bob", "jit_approve").await;
    assert_eq!(on_record(&bot).await, 1, "the try is on record");
    (bot.told("bob"), bot.approvals().await)
}

/// How often the ledger says of the request that Bob wanted a say in it and could have none.
async fn on_record(bot: &Bot) -> usize {
    let request = bot.last_request().await;
    let entries = bot.house.engine.store().ledger_of(request.id, 0).await;
    let bob = bot.house.slack.user("bob").unwrap().id;
    let of_bob = |entry: &&Entry| {
        let by = matches!(&entry.by, Actor::Outsider { user } if *user == bob);
        by && matches!(entry.what, Event::OutsiderRefused { .. })
    };
    entries.unwrap().iter().filter(of_bob).count()
}

#[tokio::test]
async fn strangers_and_guests_cannot_decide_and_are_told_kindly() {
    let cases: [(&str, Change, &str); 9] = [
        (
            "a stranger",
            |bob| bob.is_stranger = true,
            "not in the workspace",
        ),
        (
            "of a connected workspace",
            |bob| bob.team_id = "T0OTHER".to_owned(),
            "not in the workspace",
        ),
        (
            "of other workspaces of an organisation",
            |bob| {
                bob.team_id = "T0OTHER".to_owned();
                bob.teams = vec!["T0OTHER".to_owned(), "T0SISTER".to_owned()];
            },
            "not in the workspace",
        ),
        (
            "of an organisation, nobody says of which workspace",
            |bob| {
                bob.team_id = String::new();
                bob.teams = vec![String::new()];
            },
            "not in the workspace",
        ),
        (
            "a guest who is in several workspaces",
            |bob| {
                bob.teams = vec!["T0ACME".to_owned(), "T0SISTER".to_owned()];
                bob.is_restricted = true;
            },
            "Guests cannot decide",
        ),
        (
            "a guest of several channels",
            |bob| bob.is_restricted = true,
            "Guests cannot decide",
        ),
        (
            "a guest of one channel",
            |bob| {
                bob.is_restricted = true;
                bob.is_ultra_restricted = true;
            },
            "Guests cannot decide",
        ),
        ("a bot", |bob| bob.is_bot = true, "bots cannot"),
        ("deactivated", |bob| bob.deleted = true, "deactivated"),
    ];
    for (who, change, words) in cases {
        let (told, approvals) = told_after(change).await;
        assert!(told.contains(words), "{who}: {told}");
        assert_eq!(approvals, 0, "{who}");
    }
}

#[tokio::test]
async fn people_of_several_workspaces_ask_and_decide_in_each_of_them() {
    for named in ["T0SISTER", ""] {
        let bot = Bot::by_http().await;
        let of_both = |user: &mut User| {
            user.team_id = named.to_owned();
            user.teams = vec!["T0SISTER".to_owned(), "T0ACME".to_owned()];
        };
        for user in ["dana", "bob"] {
            bot.house.slack.change_user(user, of_both).unwrap();
        }
        bot.asked("request staging-db readonly 1h to see").await;
        bot.presses("bob", "jit_approve").await;
        assert_eq!(bot.approvals().await, 1, "Slack names {named:?}");
    }
}
