//! Who is called for once more: those who can decide by now, which may be others than those who could
//! when the request was made.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::try_join_all;
use tokio::time::{Instant, timeout_at};

use super::Telltale;
use crate::directory::DirectoryFault;
use crate::domain::{AfterReview, Event, GroupName, PersonId, Request, RequestState, Roster};
use crate::slack::view::Faces;
use crate::store::StoreError;
use crate::store::ledger::Entry;

/// How long reading all the groups of one telling may keep the thread waiting; then those are called
/// who were known.
const READING: Duration = Duration::from_secs(8);

/// Who stands behind these groups, for that holder.
type Question = (PersonId, BTreeSet<GroupName>);

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
        let mut called: Vec<(usize, Question)> = Vec::new();
        for entry in news {
            let groups = match &entry.what {
                Event::ApproversNudged { groups, .. } => groups.clone(),
                Event::StepEscalated { to, .. } => to.clone(),
                Event::ApproversCalled { people, .. } if people.is_empty() => continue,
                Event::ApproversCalled { .. } | Event::StepFinished { .. } => {
                    self.part(entry.request).mentioned(self.now)
                }
                Event::ReviewOverdue => self.part(entry.request).reviewing().to_vec(),
                _ => continue,
            };
            let waits = |part: &Request| Some(part.id) == entry.request && can_act(part);
            if let Some(index) = parts.iter().position(waits) {
                let part = &parts[index];
                let groups = part.deciding(self.now).into_iter().chain(groups);
                called.push((index, (part.access.person, groups.collect())));
            }
        }
        let questions = called
            .iter()
            .map(|(_, question)| question.clone())
            .collect();
        let rosters = self.read_again(questions).await?;
        let engine = &self.worker.engine;
        for (index, question) in &called {
            if let Some(roster) = rosters.get(question) {
                let part = &mut parts[*index];
                let roster = engine.on_their_clocks(&part.terms, roster, self.now);
                part.roster.groups.extend(roster.groups);
                part.roster.quiet.extend(roster.quiet);
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

    /// Reads who stands behind these, each once and all at the same time. What cannot be read in time
    /// is left out.
    async fn read_again(
        &self,
        questions: BTreeSet<Question>,
    ) -> Result<BTreeMap<Question, Roster>, StoreError> {
        let until = Instant::now() + READING;
        let reading = questions.into_iter().map(|question| async move {
            let reading = self.read_one(&question);
            let read = timeout_at(until, reading).await.unwrap_or_else(|_| {
                tracing::warn!(request.id = %self.id, "who is called for was not read in time");
                Ok(None)
            });
            read.map(|roster| roster.map(|roster| (question, roster)))
        });
        let read = try_join_all(reading).await?;
        Ok(read.into_iter().flatten().collect())
    }

    async fn read_one(&self, (holder, groups): &Question) -> Result<Option<Roster>, StoreError> {
        let Some(holder) = self.store().person(*holder).await? else {
            return Ok(None);
        };
        let policy = self.worker.engine.policy();
        let directory = &self.worker.directory;
        match directory.roster(&policy, groups.clone(), &holder).await {
            Ok(roster) => Ok(Some(roster)),
            Err(DirectoryFault::Store(fault)) => Err(fault),
            Err(fault) => {
                tracing::warn!(request.id = %self.id, %fault, "who is called for was not read again");
                Ok(None)
            }
        }
    }
}
