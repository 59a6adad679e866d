//! Who cannot decide, whatever a policy says: strangers of shared channels, guests, apps, and people
//! who have left.

use jitbot::sandbox::User;

use super::bot::Bot;

type Change = fn(&mut User);

/// Bob, whom the policy names, after that change of his account: what he is told at a click.
async fn told_after(change: Change) -> (String, usize) {
    let bot = Bot::by_http().await;
    bot.asked("request staging-db readonly 1h to see").await;
    bot.house.slack.change_user("bob", change).unwrap();
    bot.presses("bob", "jit_approve").await;
    (bot.told("bob"), bot.approvals().await)
}

#[tokio::test]
async fn strangers_and_guests_cannot_decide_and_are_told_kindly() {
    let cases: [(&str, Change, &str); 6] = [
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
