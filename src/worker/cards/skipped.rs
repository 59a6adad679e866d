//! Who was skipped by break-glass, and who may look at it afterwards, is told: everybody, however large
//! the groups are. The roster of the request holds the first of them only where a group is read
//! elsewhere.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::{Telltale, Trouble};
use crate::directory::DirectoryFault;
use crate::domain::{BreakGlass, GroupName, PersonId, Request};
use crate::slack::client::SlackFault;
use crate::slack::view::{Faces, text};
use crate::store::slack::CardKind;

/// How long after the request it is looked for those who are not on its roster. Whoever comes into a
/// group later was not skipped.
const FRESH: TimeDelta = TimeDelta::hours(1);

impl Telltale<'_> {
    /// Sends the card of a break-glass access to everybody who was skipped, and the one of the look
    /// afterwards to those who may do it, and to the channel; each once. Those who are known first.
    pub(super) async fn tell_skipped(&mut self) -> Result<(), Trouble> {
        let reviewers = self.reviewers();
        let known = self.parts.iter().flat_map(text::glass::skipped_people);
        let known: BTreeSet<PersonId> = known.collect();
        let told = self.send_to(&known - &reviewers, CardKind::Approver).await;
        if self.awaits_review() {
            self.send_to(reviewers.clone(), CardKind::Review).await?;
            self.post_review().await?;
        }
        let (more, unread) = self.everybody(|glass| glass.review_by.clone()).await?;
        let reviewers = &reviewers | &more;
        if self.awaits_review() {
            self.send_to(more, CardKind::Review).await?;
        }
        let (skipped, unread_too) = self.everybody(skipped_groups).await?;
        self.send_to(&skipped - &reviewers, CardKind::Approver)
            .await?;
        // Whoever is known is told, whatever cannot be read.
        match unread.or(unread_too) {
            Some(fault) => Err(fault.into()),
            None => told,
        }
    }

    /// Everybody of those groups of the parts that are read elsewhere, with their names; and why some are
    /// not known yet, where that is so.
    async fn everybody(
        &mut self,
        which: impl Fn(&BreakGlass) -> Vec<GroupName>,
    ) -> Result<(BTreeSet<PersonId>, Option<SlackFault>), Trouble> {
        let (mut people, mut unread) = (BTreeSet::new(), None);
        for part in &self.parts {
            let Some(glass) = text::glass::glass(part) else {
                continue;
            };
            match self.everybody_of(part, which(glass)).await {
                Ok(known) => people.extend(known),
                Err(Trouble::Slack(fault)) => unread = Some(fault),
                Err(fault) => return Err(fault),
            }
        }
        let found = self.store().people(&people).await?;
        self.faces.0.extend(Faces::of(found.values()).0);
        Ok((people, unread))
    }

    /// Where a group cannot be read for now, or Slack tells no more for now, it is asked again.
    async fn everybody_of(
        &self,
        part: &Request,
        groups: Vec<GroupName>,
    ) -> Result<BTreeSet<PersonId>, Trouble> {
        let policy = self.worker.engine.policy();
        let elsewhere = groups.into_iter().filter(|group| policy.is_dynamic(group));
        let groups: BTreeSet<GroupName> = elsewhere.collect();
        if groups.is_empty() || part.asked_at + FRESH <= self.now {
            return Ok(BTreeSet::new());
        }
        let Some(holder) = self.store().person(part.access.person).await? else {
            return Ok(BTreeSet::new());
        };
        let directory = &self.worker.directory;
        match directory
            .whole_roster(&policy, groups.clone(), &holder)
            .await
        {
            Ok(roster) => Ok(roster.people(&groups, &part.own())),
            Err(DirectoryFault::Store(fault)) => Err(fault.into()),
            Err(DirectoryFault::Unreadable(fault)) if fault.is_passing() => Err(fault.into()),
            Err(DirectoryFault::Groups(_)) => {
                let soon = SlackFault::Transient("a group cannot be read".to_owned());
                Err(soon.into())
            }
            Err(fault) => {
                tracing::warn!(request.id = %part.id, %fault, "not everybody who is to know of break-glass is known");
                Ok(BTreeSet::new())
            }
        }
    }
}

/// The groups that would have been asked.
fn skipped_groups(glass: &BreakGlass) -> Vec<GroupName> {
    let from = glass.skipped.iter().flat_map(|step| &step.from);
    from.cloned().collect()
}
