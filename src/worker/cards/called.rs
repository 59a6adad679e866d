//! Who is called for once more: those who can decide by now, which may be others than those who could
//! when the request was made.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Telltale;
use crate::directory::DirectoryFault;
use crate::domain::{AfterReview, Event, GroupName, Request, RequestState};
use crate::slack::view::Faces;
use crate::store::StoreError;
use crate::store::ledger::Entry;

/// How long reading the groups may keep the thread waiting; then those are called who were known.
const READING: Duration = Duration::from_secs(8);

/// Whether somebody is still waited for.
fn can_act(part: &Request) -> bool {
    let reviewed = |review: &AfterReview| review.done.is_some();
    matches!(part.state, RequestState::Pending { .. }) || !part.review().is_none_or(reviewed)
}

impl Telltale<'_> {
    /// The parts, and of those that call for somebody in these entries, the people as they are by now.
    /// Where a group cannot be read, whoever was in it counts. Their names are known afterwards.
    pub(super) async fn as_called_for(
        &mut self,
        news: &[Entry],
    ) -> Result<Vec<Request>, StoreError> {
        let mut parts = self.parts.clone();
        for entry in news {
            let called = match &entry.what {
                Event::ApproversNudged { groups, .. } => groups.clone(),
                Event::StepEscalated { to, .. } => to.clone(),
                Event::ApproversCalled { people, .. } if people.is_empty() => continue,
                Event::ApproversCalled { .. } | Event::StepFinished { .. } => {
                    self.part(entry.request).mentioned(self.now)
                }
                Event::ReviewOverdue => self.part(entry.request).reviewing().to_vec(),
                _ => continue,
            };
            let is_it = |part: &&mut Request| Some(part.id) == entry.request && can_act(part);
            if let Some(part) = parts.iter_mut().find(is_it) {
                self.read_again(part, &called).await?;
            }
        }
        let unknown = parts
            .iter()
            .flat_map(|part| part.roster.groups.values().flatten());
        let unknown = unknown.filter(|person| !self.faces.0.contains_key(person));
        let unknown: BTreeSet<_> = unknown.copied().collect();
        if !unknown.is_empty() {
            let found = self.store().people(&unknown).await?;
            self.faces.0.extend(Faces::of(found.values()).0);
        }
        Ok(parts)
    }

    async fn read_again(&self, part: &mut Request, called: &[GroupName]) -> Result<(), StoreError> {
        let Some(holder) = self.store().person(part.access.person).await? else {
            return Ok(());
        };
        let engine = &self.worker.engine;
        let policy = engine.policy();
        let groups = part.deciding(self.now).into_iter().chain(called.to_vec());
        let reading = self.worker.directory.roster(&policy, groups, &holder);
        match tokio::time::timeout(READING, reading).await {
            Ok(Ok(roster)) => {
                let roster = engine.on_their_clocks(&part.terms, &roster, self.now);
                part.roster.groups.extend(roster.groups);
                part.roster.quiet.extend(roster.quiet);
            }
            Ok(Err(DirectoryFault::Store(fault))) => return Err(fault),
            Ok(Err(fault)) => {
                tracing::warn!(request.id = %part.id, %fault, "who is called for was not read again");
            }
            Err(_) => {
                tracing::warn!(request.id = %part.id, "who is called for was not read in time");
            }
        }
        Ok(())
    }
}
