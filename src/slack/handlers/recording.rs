//! Buttons disappear at once: the copy that was clicked shows that the decision is being recorded,
//! before the engine is asked. Whatever comes of it, the copy shows the truth afterwards: the outcome,
//! or its buttons again. What a crash leaves behind is found by the sweep.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::super::client::SlackFault;
use super::super::payload::Click;
use super::super::view::{Content, card, review_card, text};
use super::{Handlers, No};
use crate::domain::{Command, GrantState, PersonId, Request, decide};
use crate::engine::Cause;
use crate::store::StoreError;
use crate::store::slack::CardKind;

/// How long the decision waits for Slack to show that it is being recorded.
const AT_ONCE: Duration = Duration::from_millis(1_200);

/// A message of ours, as somebody clicked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Copy {
    pub(super) channel: String,
    pub(super) ts: String,
}

/// A copy that shows that something is being recorded, or may.
struct Shown {
    copy: Copy,
    /// Since when it is on record that it may.
    since: DateTime<Utc>,
    /// Whether nothing that was sent can still arrive.
    sure: bool,
}

impl Copy {
    /// The message that was clicked; none for a click in App Home.
    pub(super) fn of(click: &Click) -> Option<Self> {
        Self::at(click.channel.as_deref(), click.message_ts.as_deref())
    }

    pub(super) fn at(channel: Option<&str>, ts: Option<&str>) -> Option<Self> {
        Some(Self {
            channel: channel?.to_owned(),
            ts: ts?.to_owned(),
        })
    }
}

impl Handlers {
    /// Has the engine carry out what somebody decided, and shows on the copy that they clicked that it
    /// is being recorded; on the card in the channel, where that was in App Home. Who may not decide
    /// changes nothing that others see.
    pub(super) async fn record(
        &self,
        copy: Option<Copy>,
        request: &Request,
        command: Command,
        cause: Cause,
    ) -> Result<Request, No> {
        let shown = self.without_buttons(copy, request, &command).await?;
        let Some((copy, since, content)) = shown else {
            return Ok(self.engine.execute(request.id, command, cause).await?);
        };
        let takes_away = matches!(command, Command::Revoke { .. });
        let executing = self.engine.execute(request.id, command, cause);
        let showing = self.show_recording(&copy, &content);
        let (done, sure) = if takes_away {
            // Taking away waits for nothing, so the outcome may be shown first, and is shown again.
            tokio::join!(executing, showing)
        } else {
            let sure = showing.await;
            (executing.await, sure)
        };
        let shown = Shown { copy, since, sure };
        self.show_truth(shown, request, done.is_ok() && !takes_away)
            .await;
        Ok(done?)
    }

    /// The same while it is still being read who decides. Where by what was read lately they may, the
    /// buttons disappear meanwhile; should they not, the copy gets them back.
    pub(super) async fn record_meanwhile(
        &self,
        copy: Option<Copy>,
        request: &Request,
        likely: Option<Command>,
        deciding: impl Future<Output = Result<(Command, Cause), No>> + Send,
    ) -> Result<Request, No> {
        let takes_away = matches!(likely, Some(Command::Revoke { .. }));
        let showing = async {
            let command = likely?;
            let shown = self.without_buttons(copy.clone(), request, &command).await;
            let (copy, since, content) = shown.ok()??;
            let sure = self.show_recording(&copy, &content).await;
            Some(Shown { copy, since, sure })
        };
        if takes_away {
            // Taking away waits for nothing, so the outcome may be shown first, and is shown again.
            let executing = async {
                let (command, cause) = deciding.await?;
                Ok(self.engine.execute(request.id, command, cause).await?)
            };
            let (shown, done) = tokio::join!(showing, executing);
            if let Some(shown) = shown {
                self.show_truth(shown, request, false).await;
            }
            return done;
        }
        let (shown, decided) = tokio::join!(showing, deciding);
        let Some(shown) = shown else {
            let (command, cause) = decided?;
            return self.record(copy, request, command, cause).await;
        };
        let done = match decided {
            Ok((command, cause)) => {
                let executing = self.engine.execute(request.id, command, cause);
                executing.await.map_err(No::from)
            }
            Err(no) => Err(no),
        };
        self.show_truth(shown, request, done.is_ok()).await;
        done
    }

    /// The card in the channel that the command is about; none while it is not posted.
    async fn channel_card(
        &self,
        request: &Request,
        command: &Command,
    ) -> Result<Option<Copy>, StoreError> {
        let kind = if is_review(command) {
            CardKind::Review
        } else {
            CardKind::Card
        };
        let cards = self.engine.store().cards_of(request.card()).await?;
        let mut cards = cards.into_iter();
        let card = cards.find(|card| card.kind == kind && card.person.is_none());
        Ok(card.map(|card| Copy {
            channel: card.channel,
            ts: card.ts,
        }))
    }

    /// What that copy shows while the command is recorded, where it is going to have an effect, and
    /// since when. From here on a crash leaves the copy doubtful, and it is shown afresh.
    async fn without_buttons(
        &self,
        copy: Option<Copy>,
        request: &Request,
        command: &Command,
    ) -> Result<Option<(Copy, DateTime<Utc>, Content)>, StoreError> {
        let parts = self.engine.store().parts_of(request.card()).await?;
        if !self.has_effect(&parts, command).await? {
            return Ok(None);
        }
        let mut named: BTreeSet<PersonId> = parts.iter().flat_map(named_in).collect();
        named.extend(text::recording::actor(command));
        let faces = self.faces(&named).await?;
        let Some(words) = text::recording::recording(command, &faces) else {
            return Ok(None);
        };
        let copy = match copy {
            Some(copy) => Some(copy),
            None => self.channel_card(request, command).await?,
        };
        let Some(copy) = copy else {
            return Ok(None);
        };
        let now = self.engine.now().await?;
        let Some(since) = self.engine.recording(&copy.channel, &copy.ts).await? else {
            return Ok(None);
        };
        let shown = if is_review(command) {
            review_card::of(&parts, &faces, now)
        } else {
            card::of(&parts, &faces, now)
        };
        Ok(Some((copy, since, card::recording(shown, &words))))
    }

    /// Shows it, as far as Slack does so at once. Answers whether nothing that was sent can still
    /// arrive.
    async fn show_recording(&self, copy: &Copy, content: &Content) -> bool {
        let showing = self.client.update(&copy.channel, &copy.ts, content);
        let shown = tokio::time::timeout(AT_ONCE, showing).await;
        !matches!(shown, Err(_) | Ok(Err(SlackFault::Ambiguous(_))))
    }

    /// Whether the command fits what is true now, for any of the parts. The engine looks again, under
    /// lock.
    async fn has_effect(&self, parts: &[Request], command: &Command) -> Result<bool, StoreError> {
        let now = self.engine.now().await?;
        for part in parts {
            let mut part = part.clone();
            if let Some(extends) = &mut part.extends {
                let extended = self.engine.store().request(extends.request).await?;
                extends.until = extended.as_ref().and_then(end);
            }
            if decide(part, command.clone(), now).is_ok() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Sees to it that the copy shows what is true: by itself where an outcome that follows is going to
    /// be shown. Where that cannot be put down, the sweep does it.
    async fn show_truth(&self, shown: Shown, request: &Request, follows: bool) {
        let Shown { copy, since, sure } = shown;
        let at = (copy.channel.as_str(), copy.ts.as_str());
        let put_down = match (follows, sure) {
            (true, true) => self.engine.recorded(at, since).await,
            // What was sent may arrive after the outcome: the sweep shows it once more.
            (true, false) => self.engine.doubt(at).await,
            (false, true) => {
                self.engine
                    .show_again(request.card(), at, Some(since))
                    .await
            }
            (false, false) => self.engine.show_again(request.card(), at, None).await,
        };
        if let Err(error) = put_down {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(request.id = %request.id, error, "a card is shown afresh a little later");
        }
    }
}

/// Whether it is about the look afterwards, which has a card of its own.
fn is_review(command: &Command) -> bool {
    matches!(command, Command::CompleteReview { .. })
}

/// Everybody whom the card may name.
fn named_in(request: &Request) -> BTreeSet<PersonId> {
    let asked = request.roster.groups.values().flatten().copied();
    let approved = request.approvals().iter().map(|given| given.by.person);
    asked.chain(approved).chain(request.own()).collect()
}

/// The end of an access that is there.
fn end(request: &Request) -> Option<DateTime<Utc>> {
    match request.grant()?.state {
        GrantState::Active { until, .. } => Some(until),
        _ => None,
    }
}
