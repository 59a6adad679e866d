//! What the people who run the bot are told of a removal that keeps failing.

use chrono::TimeDelta;
use jitbot::sandbox::{Fault, FaultKind, Message};

use super::bot::Bot;
use crate::harness::target::Next;

const POLICY: &str = r##"
version: 1
defaults: { channel: "#access-requests", admin_channel: "#general" }
groups:
  dba: { members: [bob@acme.example] }
connectors:
  staging: { kind: webhook, url: "https://target.example/jit", secret: { env: NEVER_READ } }
resources:
  staging-db: { connector: staging, roles: { readonly: app_ro } }
  cache: { connector: staging, roles: { readonly: cache_ro } }
bundles:
  kit: { access: [{ resource: staging-db }, { resource: cache }] }
rules:
  - name: reading
    match: { resources: [staging-db, cache] }
    decision: review
    steps: [{ from: [dba] }]
"##;

async fn given(what: &str) -> Bot {
    let bot = Bot::under(POLICY, None).await;
    bot.asked(&format!("request {what} 1h to see")).await;
    bot.presses("bob", "jit_approve").await;
    bot
}

async fn passes(bot: &Bot, minutes: i64) {
    for _ in 0..minutes {
        bot.house.pass(TimeDelta::minutes(1));
        bot.settle().await;
    }
}

fn told(bot: &Bot) -> Vec<String> {
    let told = bot.house.slack.messages("general");
    told.iter().map(Message::plain).collect()
}

#[tokio::test]
async fn the_admins_hear_once_of_a_stuck_removal_and_once_of_its_end() {
    let bot = given("staging-db").await;
    bot.house.pass(TimeDelta::minutes(59));
    bot.house.target.breaks(Next::Unreached);
    passes(&bot, 1).await;
    assert_eq!(
        told(&bot),
        Vec::<String>::new(),
        "that may still be nothing"
    );
    // Long enough for the ledger to note it again and again.
    passes(&bot, 70).await;
    let all = told(&bot);
    let [stuck] = all.as_slice() else {
        panic!("{all:#?}")
    };
    for said in [
        "Taking access away is failing",
        "Dana Diaz should not have",
        "readonly",
        "staging-db",
        "since 2027-03-01 10:00 UTC",
        "request #1",
        "Please look at the target",
        "See the card",
    ] {
        assert!(stuck.contains(said), "{said}: {stuck}");
    }
    bot.house.target.heal();
    passes(&bot, 3).await;
    let all = told(&bot);
    assert_eq!(all.len(), 2, "{all:#?}");
    let gone = &all[1];
    assert!(
        gone.contains("Taken away after all") && gone.contains("1 hour 1"),
        "{gone}"
    );
    passes(&bot, 3).await;
    assert_eq!(told(&bot).len(), 2);
}

#[tokio::test]
async fn a_removal_that_fails_for_a_moment_is_no_news_to_them() {
    let bot = given("staging-db").await;
    bot.house.pass(TimeDelta::minutes(60));
    bot.house.target.next([Next::Unreached, Next::Unreached]);
    passes(&bot, 5).await;
    assert!(bot.house.target.is_empty());
    assert!(told(&bot).is_empty(), "{:?}", told(&bot));
}

#[tokio::test]
async fn of_a_bundle_each_part_that_is_stuck_is_told() {
    let bot = given("kit").await;
    bot.house.pass(TimeDelta::minutes(60));
    bot.house.target.breaks(Next::Unreached);
    passes(&bot, 10).await;
    let all = told(&bot);
    let about = |what: &str| all.iter().filter(|told| told.contains(what)).count();
    assert_eq!((about("staging-db"), about("cache")), (1, 1), "{all:#?}");
    bot.house.target.heal();
    passes(&bot, 3).await;
    assert_eq!(told(&bot).len(), 4, "{:#?}", told(&bot));
}

#[tokio::test]
async fn they_hear_of_it_even_where_the_card_cannot_be_written() {
    let bot = given("staging-db").await;
    bot.house.pass(TimeDelta::minutes(60));
    bot.house.target.breaks(Next::Unreached);
    let lost = FaultKind::Error {
        error: "channel_not_found".to_owned(),
    };
    for method in ["chat.update", "chat.getPermalink"] {
        bot.house
            .slack
            .fault(Fault::times(method, 10_000, lost.clone()));
    }
    passes(&bot, 10).await;
    let all = told(&bot);
    assert_eq!(all.len(), 1, "{all:#?}");
}
