//! Groups whose people are read outside the policy, and managers: who is asked, how long that may
//! take, what stands in, and what of it is kept.
//!
//! All that one act needs is read at once and within one budget. Where people are sought who decide, a
//! source with a fallback gets the larger part of what is left of it, so that the fallback still has
//! its turn. For whoever asks nothing stands in. Whoever cannot be
//! asked has said nothing: what was read before never stands in for it.
//!
//! Slack lets a user group be read twenty times a minute, so acts share readings. Whoever asks what is
//! being asked just now gets that answer, each within their own time. For a decision what was asked for
//! up to two seconds ago counts as read at this moment; less, where Slack tells that a group changed.
//! What gives access with nobody deciding is read for itself alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::kept::{Kept, Reading};
use super::{FRESH, manager, pagerduty, usergroup, webhook};
use crate::domain::{GroupName, Identity};
use crate::outward::http::Refused;
use crate::outward::secret::Missing;
use crate::outward::signed::Unsigned;
use crate::policy::{Entry, GroupSource, Policy};
use crate::slack::client::{Client, SlackFault};

/// How long everything together may take that one act reads: people are told within 2.5 seconds.
pub(super) const BUDGET: Duration = Duration::from_millis(2_300);
/// The part, in percent, of the time left that goes to what comes first: a source that has a fallback,
/// and what is known of whoever asks, before it is sought who could approve.
const SHARE: u32 = 60;
/// A fault that took so long is remembered for a moment, so that somebody who asks waits for it once
/// and not again in every step of their asking.
const SLOW: Duration = Duration::from_millis(500);
/// How long ago a source may have been asked for a decision that is made now.
const JUST_NOW: Duration = Duration::from_secs(2);

/// Whoever can be asked.
#[derive(Clone, Debug)]
pub(super) struct Sources {
    pub(super) client: Client,
    /// Hosts that may be called although they are internal or speak plain `http`.
    pub(super) allow: Arc<BTreeSet<String>>,
    pub(super) budget: Duration,
    /// How long ago counts as just now.
    pub(super) just_now: Duration,
    kept: Kept,
}

/// A question. A changed policy asks another one, so nothing of the old is answered to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asked {
    Group(GroupName, GroupSource),
    Manager { field: String, user: String },
}

/// What was answered, and when it was asked.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) entries: BTreeSet<Entry>,
    pub(super) read: Instant,
}

/// How old an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// It is asked for now, by nobody else.
    Now,
    /// It was asked for in the last two seconds, or is asked for now.
    JustNow,
    /// It was asked for in the last ten minutes.
    Lately,
    /// The same, and nobody is asked where it was not.
    Known,
}

/// What is to be known of a group. What stands in for it counts for the one and not for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Who decides, is asked, or is told. Where the source names nobody or cannot be read, the people
    /// of its fallback have the say.
    Deciding,
    /// Whether somebody who asks is in it. What stands in for it says nothing about that: a source
    /// that names nobody means nobody, and one that cannot be read means that nobody knows.
    Asking,
}

/// How groups are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct How {
    pub(super) purpose: Purpose,
    pub(super) age: Age,
    /// Whoever has not answered by then has said nothing.
    pub(super) until: Instant,
}

/// The humans behind a group: for each, everything they are called.
#[derive(Clone, Debug, Default)]
pub(super) struct Humans {
    pub(super) humans: BTreeSet<BTreeSet<Entry>>,
    /// When their source was asked; none where the policy itself lists them.
    pub(super) read: Option<Instant>,
}

/// Whose manager is meant.
#[derive(Clone, Debug, Default)]
pub(super) struct Holder {
    pub(super) identities: BTreeSet<Identity>,
    /// Their user in the installed workspace.
    pub(super) slack_user: Option<String>,
}

/// Why a source said nothing. Never holds a secret, a person, or a source's own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SourceFault {
    #[error("it did not answer in time")]
    Late,
    #[error("it was not asked lately")]
    NotAsked,
    #[error(transparent)]
    Slack(#[from] SlackFault),
    #[error("its secret is missing; {0}")]
    Secret(#[from] Missing),
    #[error("its secret cannot sign: {0}")]
    Unsigned(#[from] Unsigned),
    #[error("its address is refused: {0}")]
    Refused(#[from] Refused),
    #[error("{place}: {why}")]
    Answer { place: String, why: String },
    #[error("the profile field holds neither a Slack user nor an e-mail address")]
    NoPerson,
}

impl Sources {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            allow: Arc::default(),
            budget: BUDGET,
            just_now: JUST_NOW,
            kept: Kept::default(),
        }
    }

    /// Reads all of these groups at once. A fault of one is no fault of the others.
    pub(super) async fn all(
        &self,
        policy: &Policy,
        groups: BTreeSet<GroupName>,
        holder: &Holder,
        how: How,
    ) -> BTreeMap<GroupName, Result<Humans, SourceFault>> {
        let reading = groups.into_iter().map(|group| async move {
            let humans = if group.is_manager() {
                self.manager(policy, holder, how).await
            } else {
                self.group(policy, &group, how).await
            };
            (group, humans)
        });
        join_all(reading).await.into_iter().collect()
    }

    /// The humans of a group, or of what stands in for it where that counts.
    async fn group(
        &self,
        policy: &Policy,
        group: &GroupName,
        how: How,
    ) -> Result<Humans, SourceFault> {
        let mut group = group;
        loop {
            let sourced = policy.source_of(group);
            let Some(sourced) = sourced.filter(|sourced| sourced.source.is_dynamic()) else {
                let listed = policy.group_entries(group).unwrap_or_default();
                return Ok(Humans {
                    humans: listed.into_iter().collect(),
                    read: None,
                });
            };
            let fallback = sourced.fallback.as_ref();
            let fallback = fallback.filter(|_| how.purpose == Purpose::Deciding);
            let until = fallback.map_or(how.until, |_| share(how.until));
            let asked = Asked::Group(group.clone(), sourced.source.clone());
            let said = self.ask(asked, how.age, until).await;
            // What stands in does so for who cannot be asked, not for who was not.
            if said.as_ref().err() == Some(&SourceFault::NotAsked) {
                return Err(SourceFault::NotAsked);
            }
            if let Err(fault) = &said {
                let kind = sourced.source.kind();
                tracing::warn!(%group, group.source = kind, %fault, "who is in a group could not be read");
            }
            match (said, fallback) {
                (Ok(said), fallback) if fallback.is_none() || !said.entries.is_empty() => {
                    return Ok(humans(policy, said));
                }
                (_, Some(fallback)) => group = fallback,
                (said, None) => return said.map(|said| humans(policy, said)),
            }
        }
    }

    /// The holder's manager: whom the policy names, else whom their Slack profile names.
    async fn manager(
        &self,
        policy: &Policy,
        holder: &Holder,
        how: How,
    ) -> Result<Humans, SourceFault> {
        if let Some(manager) = policy.manager_of(&holder.identities) {
            return Ok(Humans {
                humans: BTreeSet::from([manager]),
                read: None,
            });
        }
        let (Some(field), Some(user)) = (policy.manager_field(), &holder.slack_user) else {
            return Ok(Humans::default());
        };
        let asked = Asked::Manager {
            field: field.to_owned(),
            user: user.clone(),
        };
        let said = self
            .ask(asked, how.age, how.until)
            .await
            .inspect_err(|fault| {
                tracing::warn!(%fault, "who is a manager could not be read");
            });
        said.map(|said| humans(policy, said))
    }

    /// What a source says, or said before where that serves.
    async fn ask(&self, asked: Asked, age: Age, until: Instant) -> Result<Said, SourceFault> {
        if let Some(said) = self.said_before(&asked, age) {
            return said;
        }
        if age == Age::Known {
            return Err(SourceFault::NotAsked);
        }
        let begun = Instant::now();
        let answer = timeout_at(until, self.reading(&asked, age)).await;
        let answer = answer.unwrap_or(Err(SourceFault::Late));
        if let Err(fault) = &answer
            && SLOW <= begun.elapsed()
        {
            self.kept.note_silence(asked, fault.clone());
        }
        answer
    }

    fn said_before(&self, asked: &Asked, age: Age) -> Option<Result<Said, SourceFault>> {
        match age {
            Age::Now => None,
            Age::JustNow => self.kept.said(asked, self.just_now).map(Ok),
            Age::Lately | Age::Known => {
                let said = self.kept.said(asked, FRESH);
                // Where nobody was named somebody will mend it, and should not have to wait.
                let said = said.filter(|said| !said.entries.is_empty()).map(Ok);
                said.or_else(|| self.kept.silence(asked).map(Err))
            }
        }
    }

    /// A reading that somebody else has begun just now, where that serves; otherwise one of its own.
    fn reading(&self, asked: &Asked, age: Age) -> Reading {
        if age != Age::Now
            && let Some(going) = self.kept.going(asked, self.just_now)
        {
            return going;
        }
        let (sources, question, read) = (self.clone(), asked.clone(), Instant::now());
        self.kept.begin(asked.clone(), async move {
            let entries = sources.read(&question).await?;
            Ok(Said { entries, read })
        })
    }

    async fn read(&self, asked: &Asked) -> Result<BTreeSet<Entry>, SourceFault> {
        match asked {
            Asked::Manager { field, user } => manager::read(&self.client, user, field).await,
            Asked::Group(group, source) => self.read_group(group, source).await,
        }
    }

    /// What the source of a group says now.
    pub(super) async fn read_group(
        &self,
        group: &GroupName,
        source: &GroupSource,
    ) -> Result<BTreeSet<Entry>, SourceFault> {
        match source {
            GroupSource::Members => Ok(BTreeSet::new()),
            GroupSource::SlackUsergroup { id } => usergroup::read(&self.client, id).await,
            GroupSource::PagerDuty {
                schedule,
                token,
                api,
            } => pagerduty::read(api, schedule, token, &self.allow).await,
            GroupSource::Webhook { url, secret } => {
                webhook::read(url, group, secret, &self.allow).await
            }
        }
    }

    /// Forgets who is a user's manager.
    pub(super) fn forget_manager_of(&self, slack_user: &str) {
        let is_theirs =
            |asked: &Asked| matches!(asked, Asked::Manager { user, .. } if user == slack_user);
        self.kept.forget(is_theirs);
    }

    /// Forgets who is in the user groups of Slack.
    pub(super) fn forget_usergroups(&self) {
        let is_usergroup =
            |asked: &Asked| matches!(asked, Asked::Group(_, GroupSource::SlackUsergroup { .. }));
        self.kept.forget(is_usergroup);
    }
}

impl Humans {
    /// Whether somebody with these identities is among them.
    pub(super) fn include(&self, identities: &BTreeSet<Identity>) -> bool {
        let mut entries = self.humans.iter().flatten();
        entries.any(|entry| identities.iter().any(|identity| entry.matches(identity)))
    }
}

/// Until when something may take that has to leave time to what comes after it.
pub(super) fn share(until: Instant) -> Instant {
    let now = Instant::now();
    now + until.saturating_duration_since(now) * SHARE / 100
}

/// Who is meant by what a source says, with everything that the policy's `people` calls them.
fn humans(policy: &Policy, said: Said) -> Humans {
    let human = |entry: Entry| {
        let alias = policy.alias_of(&identity(&entry));
        alias.map_or_else(|| BTreeSet::from([entry]), |alias| alias.entries)
    };
    Humans {
        humans: said.entries.into_iter().map(human).collect(),
        read: Some(said.read),
    }
}

/// An entry as an identity to look up in the policy, which knows one workspace only.
fn identity(entry: &Entry) -> Identity {
    match entry {
        Entry::Email(address) => Identity::email(address),
        Entry::SlackUser(user) => Identity::slack("", user),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_fallback_has_its_turn_within_the_same_budget() {
        let deadline = Instant::now() + Duration::from_secs(2);
        assert_eq!(
            share(deadline),
            Instant::now() + Duration::from_millis(1_200)
        );
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(share(deadline), Instant::now(), "no time is left");
    }
}
