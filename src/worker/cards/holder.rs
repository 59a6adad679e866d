//! What the holder is told, by direct message; where none reaches them, in the thread.

use super::{Telltale, Trouble, is_stale};
use crate::domain::{Event, GrantState, Receipt, Request, RevokeCause, Route};
use crate::slack::client::SlackFault;
use crate::slack::view::dm::{self, Choice};
use crate::slack::view::{Content, story, text};
use crate::store::ledger::Entry;

/// What a message about several parts of a bundle is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// They were asked for.
    Asked,
    /// They are there.
    Active,
    /// Their end is near.
    Reminded,
    /// Anything else.
    Other,
}

impl Telltale<'_> {
    /// Tells the others first, since that is only put down, and then the holder what they have to
    /// know.
    pub(super) async fn tell_everybody(&mut self) -> Result<(), Trouble> {
        let after = self.telling.notice_seq;
        let news = self.entries.iter().filter(|entry| after < entry.seq);
        let news: Vec<Entry> = news.cloned().collect();
        if news.is_empty() {
            return Ok(());
        }
        let link = self.card_link().await;
        self.tell_others(&news, link.as_deref()).await?;
        for told_together in self.grouped(news) {
            if let Some(content) = self.message(&told_together, link.as_deref()) {
                self.send_to_holder(&content).await?;
            }
            if let Some(last) = told_together.last() {
                self.telling.notice_seq = last.seq;
                self.keep_telling().await?;
            }
        }
        Ok(())
    }

    /// What is told in one message each: of a request by itself every entry, of a bundle what
    /// happened alike to several parts.
    fn grouped(&self, news: Vec<Entry>) -> Vec<Vec<Entry>> {
        let mut groups: Vec<(Kind, Vec<Entry>)> = Vec::new();
        for entry in news {
            let kind = kind(&entry);
            let with_buttons = matches!(kind, Kind::Active | Kind::Reminded);
            let full = |group: &[Entry]| with_buttons && dm::PARTS <= group.len();
            match groups.last_mut() {
                Some((known, group)) if self.is_bundle() && *known == kind && !full(group) => {
                    group.push(entry);
                }
                _ => groups.push((kind, vec![entry])),
            }
        }
        groups.into_iter().map(|(_, group)| group).collect()
    }

    fn message(&self, news: &[Entry], link: Option<&str>) -> Option<Content> {
        let fresh = news.iter().filter(|entry| {
            let part = self.part(entry.request);
            !is_stale(&entry.what, part) && !self.is_told_there(&entry.what, part)
        });
        let fresh: Vec<&Entry> = fresh.collect();
        let first = fresh.first()?;
        if !self.is_bundle() {
            if let Some(told) = self.ended_but_kept(&first.what, link) {
                return Some(told);
            }
            return dm::notice(&first.what, first.at, self.lead(), &self.faces, link);
        }
        match kind(first) {
            Kind::Asked => {
                let asks = |part: &Request| matches!(part.terms.route, Route::Steps(_));
                let asked = self.parts.iter().any(asks);
                asked.then(|| dm::received_parts(&self.parts, &self.faces, link))
            }
            Kind::Active => Some(self.active_parts(&fresh, link)),
            Kind::Reminded => {
                let parts = fresh.iter().map(|entry| self.part(entry.request));
                let parts: Vec<&Request> = parts.collect();
                Some(dm::reminded_parts(self.lead(), &parts, first.at, link))
            }
            Kind::Other => self.other_news(&fresh, link),
        }
    }

    /// Whether that end is told with the end of an extension.
    fn is_told_there(&self, event: &Event, part: &Request) -> bool {
        let end = matches!(
            event,
            Event::RevocationBegun { .. } | Event::GrantRevoked { .. }
        );
        end && self.beside.is_told_there(part)
    }

    /// That somebody took the grant away, where another one keeps the access.
    fn ended_but_kept(&self, event: &Event, link: Option<&str>) -> Option<Content> {
        let Event::RevocationBegun {
            cause: RevokeCause::Revoked { by, why },
            ..
        } = event
        else {
            return None;
        };
        let lead = self.lead();
        let kept = self.beside.kept(lead)?;
        let told = (*by, why.as_str());
        Some(dm::revoked_but_kept(told, lead, kept, &self.faces, link))
    }

    fn active_parts(&self, news: &[&Entry], link: Option<&str>) -> Content {
        let parts = news.iter().filter_map(|entry| match &entry.what {
            Event::GrantActivated { until, receipt } => {
                Some((self.part(entry.request), *until, receipt))
            }
            _ => None,
        });
        let parts: Vec<(&Request, _, &Receipt)> = parts.collect();
        dm::active_parts(self.lead(), &parts, &self.faces, link)
    }

    fn other_news(&self, news: &[&Entry], link: Option<&str>) -> Option<Content> {
        let lines = news.iter().filter_map(|entry| {
            let part = self.part(entry.request);
            let kept = self.beside.kept(part);
            let line = text::outcome::short(&entry.what, entry.at, part, &self.faces, kept)?;
            Some((line, part))
        });
        let lines = story::alike(lines.collect(), self.parts.len());
        if lines.is_empty() {
            return None;
        }
        let choices = self.choices(news);
        Some(dm::parts(self.lead(), &lines, &choices, link))
    }

    /// What the holder can do about this news, as far as it can be done still.
    fn choices(&self, news: &[&Entry]) -> Vec<Choice> {
        let any = |fits: fn(&Event) -> bool| news.iter().any(|entry| fits(&entry.what));
        let again = |part: &Request| text::card::retry_until(part, self.now).is_some();
        let held = |part: &Request| {
            let state = part.grant().map(|grant| &grant.state);
            matches!(
                state,
                Some(GrantState::Active { .. } | GrantState::Activating { .. })
            )
        };
        let mut choices = Vec::new();
        let failed = any(|event| matches!(event, Event::GrantFailed { .. }));
        let is_to_be_tried = failed && self.parts.iter().any(again);
        if is_to_be_tried {
            choices.push(Choice::Retry);
        }
        let begins = any(|event| matches!(event, Event::RequestApproved { .. }));
        if begins && !self.parts.iter().any(held) {
            choices.push(Choice::CancelStart);
        }
        let ends = failed && !is_to_be_tried || any(is_an_end);
        if ends && self.parts.iter().all(is_lost) {
            choices.push(Choice::AskAgain);
        }
        choices
    }

    async fn send_to_holder(&self, content: &Content) -> Result<(), Trouble> {
        let holder = self.lead().access.person;
        let sent = match self.slack_user(holder) {
            Some(user) => {
                let slack = &self.worker.slack;
                let posted = match slack.post(&user, content, None).await {
                    Err(SlackFault::BadContent(code)) => {
                        tracing::error!(request.id = %self.id, code, "a message is sent as plain text");
                        slack.post(&user, &Content::line(&content.text), None).await
                    }
                    posted => posted,
                };
                posted.map(drop)
            }
            None => Err(SlackFault::Unreachable("no Slack user".to_owned())),
        };
        match sent {
            Ok(()) => Ok(()),
            Err(fault) if self.gives_up_on(&fault) => {
                tracing::warn!(request.id = %self.id, %fault, "told in the thread instead");
                self.go_without(&fault).await?;
                let told = text::told_in_thread(&self.faces.mention(holder), &content.text);
                self.reply_in_thread(&Content::line(&told)).await
            }
            Err(fault) => Err(fault.into()),
        }
    }
}

/// Whether it ends a part, or keeps it from beginning.
fn is_an_end(event: &Event) -> bool {
    matches!(
        event,
        Event::RequestDenied { .. }
            | Event::RequestExpired
            | Event::RequestOverruled { .. }
            | Event::StartWithdrawn { .. }
            | Event::RevocationBegun { .. }
            | Event::RemovalResolved { .. }
            | Event::GrantRevoked { .. }
    )
}

/// Whether the holder has nothing of it any more, or is losing it.
fn is_lost(part: &Request) -> bool {
    let state = part.grant().map(|grant| &grant.state);
    part.is_over() || matches!(state, Some(GrantState::Revoking { .. }))
}

fn kind(entry: &Entry) -> Kind {
    match entry.what {
        Event::Requested { .. } => Kind::Asked,
        Event::GrantActivated { .. } => Kind::Active,
        Event::HolderReminded => Kind::Reminded,
        _ => Kind::Other,
    }
}
