//! What people do in the tour, and what they see of it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{SOON, Tour};
use crate::sandbox::{Message, Reply, Sandbox, SubmitReply};

impl Tour<'_> {
    /// Asks, and answers the card.
    pub(super) async fn request(&self, who: &str, what: &str) -> Result<Message> {
        let slack = &self.world.slack;
        let before = slack.messages("access-requests").len();
        let reply = slack
            .slash(who, "general", "/jit", &format!("request {what}"))
            .await?;
        heard(&reply)?;
        let card = slack.wait_some(
            |slack| slack.messages("access-requests").get(before).cloned(),
            SOON,
        );
        let last = || {
            slack
                .ephemerals(who)
                .last()
                .map(Message::plain)
                .unwrap_or_default()
        };
        card.await
            .with_context(|| format!("no card came; {who} was told: {}", last()))
    }

    pub(super) async fn press(&self, who: &str, card: &Message, button: &str) -> Result<()> {
        heard(
            &self
                .world
                .slack
                .click(who, &card.channel, &card.ts, button)
                .await?,
        )
    }

    /// Presses Approve and is told a sentence with these words; the request waits on.
    pub(super) async fn clicks_in_vain(&self, who: &str, words: &str) -> Result<()> {
        let card = self.card.clone().context("there is no card")?;
        self.press(who, &card, "Approve").await?;
        let slack = &self.world.slack;
        let told = |message: &Message| message.plain().contains(words);
        let heard = slack
            .wait_for(|slack| slack.ephemerals(who).iter().any(told), SOON)
            .await;
        let last = slack
            .ephemerals(who)
            .last()
            .map(Message::plain)
            .unwrap_or_default();
        ensure!(heard, "{who} was told: {last}");
        let requests = self.world.store.all_requests().await?;
        let waits = requests
            .last()
            .is_some_and(|request| request.approvals().is_empty() && !request.is_over());
        ensure!(waits, "the click counted");
        Ok(())
    }

    pub(super) async fn until_card(&self, card: &Message, words: &str) -> Result<()> {
        self.until_card_within(card, words, SOON).await
    }

    pub(super) async fn until_card_within(
        &self,
        card: &Message,
        words: &str,
        time: Duration,
    ) -> Result<()> {
        let slack = &self.world.slack;
        let now = || {
            slack
                .message(&card.channel, &card.ts)
                .map(|card| card.plain())
                .unwrap_or_default()
        };
        let shown = slack.wait_for(|_| now().contains(words), time).await;
        ensure!(shown, "the card says: {}", now());
        Ok(())
    }

    /// The direct message with these words.
    pub(super) async fn dm(&self, who: &str, words: &str) -> Result<Message> {
        let found = |slack: &Sandbox| {
            slack
                .dms(who)
                .into_iter()
                .find(|message| message.plain().contains(words))
        };
        let message = self.world.slack.wait_some(found, SOON).await;
        message.with_context(|| format!("{who} got no message with “{words}”"))
    }
}

/// Waits until something holds in the database, which tells nobody when it changes.
pub(super) async fn until(time: Duration, holds: impl AsyncFn() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + time;
    while !holds().await? {
        ensure!(
            Instant::now() < deadline,
            "it did not come within {} s",
            time.as_secs()
        );
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

pub(super) fn heard(reply: &Reply) -> Result<()> {
    ensure!(reply.in_time(), "the bot did not answer in time: {reply:?}");
    Ok(())
}

pub(super) fn heard_submit(reply: &SubmitReply) -> Result<()> {
    ensure!(
        reply.in_time() && reply.errors().is_empty(),
        "the dialog was refused: {reply:?}"
    );
    Ok(())
}

pub(super) fn preformatted_text(slack: &Sandbox, user: &str) -> Option<Vec<String>> {
    preformatted(slack.modal(user)?.blocks())
}

/// The texts to copy in a modal, if it has any.
pub(super) fn preformatted(blocks: &[Value]) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for block in blocks {
        for part in block["elements"].as_array().into_iter().flatten() {
            if part["type"] == "rich_text_preformatted" {
                let texts = part["elements"].as_array().into_iter().flatten();
                found.push(texts.filter_map(|text| text["text"].as_str()).collect());
            }
        }
    }
    (!found.is_empty()).then_some(found)
}
